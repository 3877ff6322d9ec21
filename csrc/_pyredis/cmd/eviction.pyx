"""eviction -- keeping to maxmemory: before a command runs while more is used than may be, keys are given up.

Which ones db/evict says; how many the arena's count says, which is exact: keys go one by one until what was too much
is free, so the limit is passed by what one command takes and no more. First goes what is nobody's: idle blocks of the
pool, and what large values left behind in the graves, or many keys would go for the memory of one.

Not counted is the buffer of commands for the append-only file, which grows by the very commands that repeat evictions.
Nor is what a key's end makes others take, such as messages to those who track it, within the run that ends it: a
thousand of them would push out the next key, and its end the one after that.

A client waits meanwhile, so a run takes 500 us at most (maxmemory-eviction-tenacity says otherwise: 50 us a step up to
10, then 15 % more for each, from 100 on no limit). What is left is done between the rounds, and until then commands are
let through, as in Redis. Only when nothing may go are those that take memory refused.
"""
from libc.math cimport pow
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free as libc_free

from _pyredis.base.clock cimport clock_mono_us, clock_ticks
from _pyredis.cmd.ctx cimport GATE_BUSY, GATE_LOADING, GATE_PAUSE
from _pyredis.cmd.latency cimport latency_add_ticks, latency_add_us
from _pyredis.cmd.propagate cimport propagation_of
from _pyredis.db.evict cimport evict_one
from _pyredis.db.keyspace cimport keyspace_reap
from _pyredis.wire.block cimport block_pool_trim

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef enum:
    TIMED_EACH = 16                # keys between two looks at the clock
    WARM_BLOCKS = 2                # of the pool, which the next request and its reply will take
    REAP_STEP = 1000               # allocations of buried values freed at a time
    UNSAFE = GATE_BUSY | GATE_LOADING | GATE_PAUSE     # a script is under way, or the data is to stay as it is


cdef Eviction* eviction_new(Server* s) noexcept nogil:
    cdef Eviction* x = <Eviction*>calloc(1, sizeof(Eviction))
    if x == NULL:
        fatal_oom(sizeof(Eviction))
    return x


cdef void eviction_free(Server* s) noexcept nogil:
    libc_free(s.eviction)


cdef void eviction_set_tenacity(Server* s, int tenacity) noexcept nogil:
    cdef Eviction* x = eviction_of(s)
    if tenacity >= 100:
        x.most_us = 0
    elif tenacity <= 10:
        x.most_us = max(50 * tenacity, 1)
    else:
        x.most_us = <int64_t>(500 * pow(1.15, tenacity - 10))


cdef size_t eviction_not_counted(const Server* s) noexcept nogil:
    return propagation_of(s).capacity


cdef inline int64_t _excess(const Server* s) noexcept nogil:
    """Bytes beyond the limit; 0 or less: none."""
    return <int64_t>(s.mem.used - eviction_not_counted(s) - s.memory_limit) if s.memory_limit != 0 else 0


cdef bint _give_up(Server* s, Eviction* x, int64_t* excess) noexcept nogil:
    """Frees something, which is taken from the excess. False: nothing is left that may go."""
    cdef size_t before = s.mem.used, after
    cdef uint64_t began = clock_ticks()
    cdef bint evicted = False
    if s.blocks.count > WARM_BLOCKS:
        block_pool_trim(&s.blocks, 1)
    elif s.ks.graves.count or s.ks.graves.corpse_count:
        keyspace_reap(s.ks, REAP_STEP)
        latency_add_ticks(s, b"eviction-lazyfree", clock_ticks() - began)
    else:
        evicted = evict_one(&x.keys, s.ks)
        if not evicted:
            return False
        latency_add_ticks(s, b"eviction-del", clock_ticks() - began)
    after = s.mem.used
    if evicted:
        x.drain(s)
        x.told = True
    excess[0] -= <int64_t>(before - min(after, s.mem.used))
    return True


cdef void _account(Server* s, Eviction* x, int64_t now_us) noexcept nogil:
    """INFO's times of being over the limit: from a run that did not get below it to one that does."""
    if _excess(s) > 0:
        if x.over_since_us == 0:
            x.over_since_us = now_us
    elif x.over_since_us:
        s.stats.over_memory_us += now_us - x.over_since_us
        x.over_since_us = 0


cdef bint eviction_run(Server* s) noexcept nogil:
    cdef Eviction* x = eviction_of(s)
    cdef int64_t began, now, excess = _excess(s)
    cdef int done = 0
    cdef bint some = True
    x.unfinished = False
    if excess <= 0:
        if x.over_since_us:
            _account(s, x, clock_mono_us(&s.clock))
        return True
    if s.gates & UNSAFE:
        return True
    began = now = clock_mono_us(&s.clock)
    while some and excess > 0:
        some = _give_up(s, x, &excess)
        done += 1
        if done % TIMED_EACH == 0:
            now = clock_mono_us(&s.clock)
            if x.most_us and now - began > x.most_us:
                x.unfinished = True
                break
    latency_add_us(s, b"eviction-cycle", now - began)
    _account(s, x, now)
    return some
