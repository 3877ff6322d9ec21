"""latency -- the latency monitor: events that took long, second by second.

    "command" -> ring of the last 160 seconds in which one took latency-monitor-threshold or more: (second, worst ms)

An event is what can hold the server up: a slow command, a fork, a turn of the expiry cycle, a write of the AOF. They
are few and static, and samples are rare, so a list that is walked is enough. Ten slow events of one second make one
sample, the worst: a ring covers minutes at least, however bad things are.

Whoever times something calls latency_add_ticks; dispatch has compared already and calls latency_add.
"""
from libc.string cimport memset, strcmp, strncpy

from _pyredis.base.clock cimport clock_ticks_to_us, clock_unix_ms
from _pyredis.base.mem cimport mem_alloc, mem_free


cdef Latency* latency_new(Server* s) noexcept nogil:
    cdef Latency* l = <Latency*>mem_alloc(s.mem, sizeof(Latency))
    memset(l, 0, sizeof(Latency))
    return l


cdef void latency_free(Server* s) noexcept nogil:
    cdef Latency* l = latency_of(s)
    cdef int i
    for i in range(l.count):
        mem_free(s.mem, l.events[i], sizeof(LatencyEvent))
    mem_free(s.mem, l, sizeof(Latency))


cdef LatencyEvent* latency_find(const Server* s, const char* event) noexcept nogil:
    """The event of this name; NULL: nothing is known of it."""
    cdef Latency* l = latency_of(s)
    cdef int i
    for i in range(l.count):
        if strcmp(l.events[i].name, event) == 0:
            return l.events[i]
    return NULL


cdef bint latency_forget(Server* s, const char* event) noexcept nogil:
    cdef Latency* l = latency_of(s)
    cdef int i
    for i in range(l.count):
        if strcmp(l.events[i].name, event) == 0:
            mem_free(s.mem, l.events[i], sizeof(LatencyEvent))
            l.count -= 1
            l.events[i] = l.events[l.count]
            return True
    return False


cdef void latency_add(Server* s, const char* event, int64_t ms) noexcept nogil:
    """Notes that `event` took so long, now."""
    cdef Latency* l = latency_of(s)
    cdef LatencyEvent* e = latency_find(s, event)
    cdef LatencySample* last
    cdef int64_t now = clock_unix_ms(&s.clock) // 1000
    cdef uint32_t took = <uint32_t>min(ms, <int64_t>0xffffffff)
    if e == NULL:
        if l.count == LATENCY_EVENTS:
            return
        e = <LatencyEvent*>mem_alloc(s.mem, sizeof(LatencyEvent))
        memset(e, 0, sizeof(LatencyEvent))
        strncpy(e.name, event, LATENCY_NAME - 1)
        l.events[l.count] = e
        l.count += 1
    e.most = max(e.most, took)
    last = &e.samples[(e.next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES]
    if last.unix_s == now:
        last.ms = max(last.ms, took)
        return
    e.samples[e.next].unix_s = now
    e.samples[e.next].ms = took
    e.next = (e.next + 1) % LATENCY_SAMPLES


cdef void latency_add_us(Server* s, const char* event, int64_t us) noexcept nogil:
    """Notes an event that took so long, if that is as long as latency-monitor-threshold asks for."""
    cdef int64_t least = latency_of(s).least_ms
    if least and us // 1000 >= least:
        latency_add(s, event, us // 1000)


cdef void latency_add_ticks(Server* s, const char* event, uint64_t ticks) noexcept nogil:
    """The same, in ticks."""
    if latency_of(s).least_ms:
        latency_add_us(s, event, clock_ticks_to_us(&s.clock, ticks))
