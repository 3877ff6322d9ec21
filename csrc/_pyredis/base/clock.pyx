"""clock -- the time of day, steady time, and cheap ticks.

A Clock is owned by whoever runs the loop and passed down, so that a test can stop it and step it: with
fake_us set, the time of day and steady time are both that. Reading real time is a vDSO call, about 20 ns;
the loop reads it once a turn and keeps the result.

Ticks time each command at a few nanoseconds: the time stamp counter on x86-64, the virtual counter on
arm64, the steady clock elsewhere. Their rate is known on arm64; on x86-64 clock_init measures it for a
millisecond (good to about 1 in 10,000) and clock_refine, called whenever, makes it as good as the time
since then allows. The counter is taken to be invariant, as on x86-64 processors since 2008; nothing but
statistics depends on it."""
cdef extern from "<time.h>" nogil:
    ctypedef int clockid_t
    const clockid_t CLOCK_REALTIME
    const clockid_t CLOCK_MONOTONIC

cdef extern from "ticks.h" nogil:
    int64_t ticks_clock_ns(clockid_t id) noexcept
    uint64_t ticks_per_second() noexcept


cdef void _read_pair(uint64_t* ticks, int64_t* ns) noexcept nogil:
    """Ticks and steady time of the same moment: the closest of five tries, lest an interrupt came between."""
    cdef uint64_t before, after, closest = ~<uint64_t>0
    cdef int64_t now
    cdef int i
    for i in range(5):
        before = ticks_now()
        now = ticks_clock_ns(CLOCK_MONOTONIC)
        after = ticks_now()
        if after - before < closest:
            closest = after - before
            ticks[0] = before + closest // 2
            ns[0] = now


cdef void _set_rate(Clock* c, double ticks_per_us) noexcept nogil:
    c.ticks_per_us = ticks_per_us
    c.us_per_tick = 1.0 / ticks_per_us


cdef void clock_refine(Clock* c) noexcept nogil:
    """Measure the rate of ticks over the time since clock_init, if it is not known and enough has passed."""
    cdef uint64_t ticks = 0
    cdef int64_t ns = 0
    if ticks_per_second():
        return
    _read_pair(&ticks, &ns)
    if ns - c.origin_ns >= 100000 and ticks > c.origin_ticks:
        _set_rate(c, <double>(ticks - c.origin_ticks) * 1000.0 / <double>(ns - c.origin_ns))


cdef void clock_init(Clock* c) noexcept nogil:
    """A clock of real time. Spins for a millisecond where the rate of ticks must be measured."""
    c.fake_us = -1
    _read_pair(&c.origin_ticks, &c.origin_ns)
    if ticks_per_second():
        _set_rate(c, <double>ticks_per_second() / 1e6)
        return
    _set_rate(c, 1000.0)                           # if measuring fails
    while ticks_clock_ns(CLOCK_MONOTONIC) - c.origin_ns < 1000000:
        pass
    clock_refine(c)


cdef void clock_set_fake(Clock* c, int64_t us) noexcept nogil:
    """Stop the clock at `us`; -1 lets it run in real time again."""
    c.fake_us = us


cdef int64_t clock_unix_us(const Clock* c) noexcept nogil:
    """Microseconds since 1970."""
    return c.fake_us if c.fake_us >= 0 else ticks_clock_ns(CLOCK_REALTIME) // 1000


cdef int64_t clock_unix_ms(const Clock* c) noexcept nogil:
    """Milliseconds since 1970, cut off."""
    return clock_unix_us(c) // 1000


cdef int64_t clock_mono_ns(const Clock* c) noexcept nogil:
    """Nanoseconds since some moment of the past; never runs backwards."""
    return c.fake_us * 1000 if c.fake_us >= 0 else ticks_clock_ns(CLOCK_MONOTONIC)


cdef int64_t clock_mono_us(const Clock* c) noexcept nogil:
    """clock_mono_ns in microseconds."""
    return clock_mono_ns(c) // 1000
