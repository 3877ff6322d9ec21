# clock -- the time of day, steady time, and cheap ticks. The story is in clock.pyx.
from libc.stdint cimport int64_t, uint64_t

cdef struct Clock:
    int64_t fake_us              # -1: real time; else all times are this, in microseconds
    double ticks_per_us
    double us_per_tick
    uint64_t origin_ticks        # the two read together when the clock was made
    int64_t origin_ns

cdef extern from "ticks.h" nogil:
    uint64_t ticks_now() noexcept

cdef void    clock_init(Clock* c) noexcept nogil          # real time; takes about 1 ms
cdef void    clock_refine(Clock* c) noexcept nogil        # measure ticks over all the time since
cdef void    clock_set_fake(Clock* c, int64_t us) noexcept nogil      # -1: back to real time

cdef int64_t clock_unix_us(const Clock* c) noexcept nogil
cdef int64_t clock_unix_ms(const Clock* c) noexcept nogil
cdef int64_t clock_mono_ns(const Clock* c) noexcept nogil
cdef int64_t clock_mono_us(const Clock* c) noexcept nogil


cdef inline uint64_t clock_ticks() noexcept nogil:
    """The counter that times commands: real even when the clock is fake. Compare on one machine only."""
    return ticks_now()


cdef inline double clock_ticks_per_us(const Clock* c) noexcept nogil:
    return c.ticks_per_us


cdef inline int64_t clock_ticks_to_us(const Clock* c, uint64_t ticks) noexcept nogil:
    """A difference of ticks in microseconds, cut off; one that ran backwards is 0."""
    return 0 if <int64_t>ticks < 0 else <int64_t>(<double>ticks * c.us_per_tick)
