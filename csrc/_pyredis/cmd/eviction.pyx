"""eviction -- keeping to maxmemory: before a command runs while more is used than may be, keys are given up.

Which ones db/evict says; how many the arena's count says, which is exact: keys go one by one until they have made up
for the excess, so the limit is passed by what one command takes and no more. What large values leave behind in the
graves is freed before another key goes, or many would go for the memory of one. What clients are told of the keys
(notifications, invalidations, to be sent at the end of the round) takes memory too: that does not count against what
was gained, or telling of one key could cost the next, and so on until none is left.

A client waits meanwhile, so a run takes 500 us at most (maxmemory-eviction-tenacity says otherwise: 50 us a step up to
10, then 15 % more for each, from 100 on no limit). What is left is done between the rounds, and until then commands are
let through, as in Redis. Only when nothing may go are those that take memory refused.
"""
from libc.math cimport pow
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free as libc_free

from _pyredis.base.clock cimport clock_mono_us
from _pyredis.cmd.ctx cimport GATE_BUSY, GATE_LOADING, GATE_PAUSE
from _pyredis.cmd.latency cimport latency_add_us
from _pyredis.db.evict cimport evict_one
from _pyredis.db.keyspace cimport keyspace_reap

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef enum:
    TIMED_EACH = 16                # keys between two looks at the clock
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


cdef inline bint _over(const Server* s) noexcept nogil:
    return s.memory_limit != 0 and s.mem.used > s.memory_limit


cdef bint _give_up(Server* s, Eviction* x, int64_t* gained) noexcept nogil:
    """Frees something, and adds its bytes to `gained`. False: nothing is left that may go."""
    cdef size_t before = s.mem.used
    if s.ks.graves.count or s.ks.graves.corpse_count:
        keyspace_reap(s.ks, REAP_STEP)
        gained[0] += <int64_t>before - <int64_t>s.mem.used
        return True
    if not evict_one(&x.keys, s.ks, gained):
        return False
    x.drain(s)
    return True


cdef void _account(Server* s, Eviction* x, int64_t now_us) noexcept nogil:
    """INFO's times of being over the limit: from a run that did not get below it to one that does."""
    if _over(s):
        if x.over_since_us == 0:
            x.over_since_us = now_us
    elif x.over_since_us:
        s.stats.over_memory_us += now_us - x.over_since_us
        x.over_since_us = 0


cdef bint eviction_run(Server* s) noexcept nogil:
    cdef Eviction* x = eviction_of(s)
    cdef int64_t began, now, excess, gained = 0
    cdef int done = 0
    cdef bint some = True
    x.unfinished = False
    if not _over(s):
        if x.over_since_us:
            _account(s, x, clock_mono_us(&s.clock))
        return True
    if s.gates & UNSAFE:
        return True
    began = now = clock_mono_us(&s.clock)
    excess = <int64_t>(s.mem.used - s.memory_limit)
    while some and gained < excess and _over(s):
        some = _give_up(s, x, &gained)
        done += 1
        if done % TIMED_EACH == 0:
            now = clock_mono_us(&s.clock)
            if x.most_us and now - began > x.most_us:
                x.unfinished = True
                break
    latency_add_us(s, b"eviction-cycle", now - began)
    _account(s, x, now)
    return some
