"""The clock: real, or stopped where a test put it."""

import time

from _pyredis.base import testing as base


def test_a_real_clock_tells_the_time_of_day():
    clock = base.TestClock()
    before = time.time_ns() // 1000
    now = clock.unix_us()
    assert before <= now <= time.time_ns() // 1000
    assert before // 1000 <= clock.unix_ms()


def test_steady_time_never_runs_backwards():
    clock = base.TestClock()
    readings = [clock.mono_ns() for _ in range(1000)]
    assert readings == sorted(readings)
    assert clock.mono_us() >= readings[-1] // 1000


def test_a_fake_clock_stands_still_and_can_be_let_go():
    clock = base.TestClock()
    clock.set_fake(1_234_567)
    assert (clock.unix_us(), clock.unix_ms()) == (1_234_567, 1_234)
    assert (clock.mono_us(), clock.mono_ns()) == (1_234_567, 1_234_567_000)
    clock.set_fake(0)
    assert clock.unix_us() == 0
    clock.set_fake(-1)
    assert clock.unix_us() > 10**15


def test_ticks_convert_to_microseconds():
    clock = base.TestClock()
    clock.refine()
    per_us = clock.ticks_per_us()
    assert per_us > 0
    assert clock.ticks_to_us(int(per_us * 1_000_000.5)) == 1_000_000
    assert clock.ticks_to_us(0) == 0


def test_ticks_that_ran_backwards_count_as_nothing():
    assert base.TestClock().ticks_to_us(2**64 - 5) == 0


def test_ticks_measure_what_steady_time_measures():
    clock = base.TestClock()
    began, ticks = clock.mono_us(), clock.ticks()
    while clock.mono_us() < began + 20000:
        pass
    measured, real = clock.ticks_to_us(clock.ticks() - ticks), clock.mono_us() - began
    assert 0.5 * real - 1000 <= measured <= real + 1000       # ticks were read first: never far above
