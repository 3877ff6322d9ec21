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

While something is left, for maxmemory was set lower, say, the next command of the same round does not take another
500 us, or a pipeline of a hundred would keep the others waiting for 50 ms, as in Redis: it gives up what makes up for
what has come since, so that the excess never grows, and goes on with the old only as long as that takes no more than
half of the round. Measured (1.5 M keys, maxmemory set to two thirds under a pipeline of 100 SETs): the slowest PING
beside took 103 ms, and takes 4.
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
    cdef size_t counted = s.mem.used - eviction_not_counted(s)
    return <int64_t>(counted - s.memory_limit) if counted > s.memory_limit != 0 else 0


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


cdef int64_t _left_over(const Server* s, Eviction* x, int64_t now_us) noexcept nogil:
    """How many bytes may be too much still when the run that begins has ended."""
    if x.round != s.stats.loops or not x.unfinished:
        x.round = s.stats.loops
        x.round_began_us = now_us
        x.round_spent_us = 0
    return x.behind if x.round_spent_us * 2 > now_us - x.round_began_us else 0


cdef inline bint _is_time_up(const Server* s, const Eviction* x, int64_t began, int64_t* now, int done) noexcept nogil:
    """Looks at the clock, now and then."""
    if done % TIMED_EACH == 0 or s.ks.graves.count or s.ks.graves.corpse_count:
        now[0] = clock_mono_us(&s.clock)
    return x.most_us != 0 and now[0] - began > x.most_us


cdef bint eviction_run(Server* s) noexcept nogil:
    cdef Eviction* x = eviction_of(s)
    cdef int64_t began, now, left_over, excess = _excess(s)
    cdef int done = 0
    cdef bint some = True
    if excess <= 0 or s.gates & UNSAFE:
        x.unfinished = x.exhausted = False
        if excess <= 0 and x.over_since_us:
            _account(s, x, clock_mono_us(&s.clock))
        return True
    began = now = clock_mono_us(&s.clock)
    left_over = _left_over(s, x, began)
    while some and excess > left_over:
        some = _give_up(s, x, &excess)
        done += 1
        if _is_time_up(s, x, began, &now, done):
            break
    x.unfinished = some and excess > 0
    x.exhausted = not some
    x.behind = max(_excess(s), <int64_t>0)
    if left_over == 0:
        x.round_spent_us += now - began
    latency_add_us(s, b"eviction-cycle", now - began)
    _account(s, x, now)
    return some


cdef void eviction_go_on(Server* s) noexcept nogil:
    """A run of its full length, which counts as the next round's."""
    cdef Eviction* x = eviction_of(s)
    x.round = s.stats.loops + 1
    eviction_run(s)
    x.round = s.stats.loops + 1
