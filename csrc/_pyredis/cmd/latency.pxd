# latency -- the latency monitor: events that took long, second by second. The story is in latency.pyx.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from _pyredis.cmd.ctx cimport Server

cdef enum:
    LATENCY_SAMPLES = 160
    LATENCY_EVENTS = 64
    LATENCY_NAME = 40

cdef struct LatencySample:
    int64_t unix_s                 # 0: none
    uint32_t ms                    # the worst of that second

cdef struct LatencyEvent:          # a ring of samples
    char name[LATENCY_NAME]
    int next
    uint32_t most                  # ms; the worst ever
    LatencySample samples[LATENCY_SAMPLES]

cdef struct Latency:
    int64_t least_ms               # latency-monitor-threshold; 0: off
    int count
    LatencyEvent* events[LATENCY_EVENTS]

cdef Latency* latency_new(Server* s) noexcept nogil
cdef void latency_free(Server* s) noexcept nogil
cdef bint latency_forget(Server* s, const char* event) noexcept nogil        # False: there was none
cdef LatencyEvent* latency_find(const Server* s, const char* event) noexcept nogil

# An event that took so long, for whoever finds that it passed latency-monitor-threshold ...
cdef void latency_add(Server* s, const char* event, int64_t ms) noexcept nogil
# ... and for whoever leaves that to this.
cdef void latency_add_us(Server* s, const char* event, int64_t us) noexcept nogil
cdef void latency_add_ticks(Server* s, const char* event, uint64_t ticks) noexcept nogil

cdef inline Latency* latency_of(const Server* s) noexcept nogil:
    return <Latency*>s.latency
