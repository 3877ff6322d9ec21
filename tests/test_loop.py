"""The loop with a core that only waits: timers, foreign descriptors, and what their callbacks raise."""

import os

import pytest

from pyredis.loop import Loop, SelectorPoller


class IdleCore:
    """Passes every ready descriptor back as foreign."""

    def serve(self, ready):
        return (ready, ()) if ready else None

    def before_sleep(self):
        return 50


@pytest.fixture
def loop():
    loop = Loop(IdleCore(), SelectorPoller())
    loop.errors = []
    loop.on_error = loop.errors.append
    return loop


def test_a_timer_comes_again_after_what_it_returns_and_then_no_more(loop):
    times = []

    def tick():
        times.append(1)
        return 0.001 if len(times) < 3 else None

    loop.every(0.001, tick)
    loop.every(0.05, loop.stop)
    loop.run()
    assert len(times) == 3


def test_a_timer_that_fails_is_reported_and_comes_again(loop):
    calls = []

    def tick():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("once")
        loop.stop()

    loop.every(0.001, tick)
    loop.run()
    assert len(calls) == 2
    assert [str(error) for error in loop.errors] == ["once"]


def test_a_descriptors_callback_that_fails_does_not_end_the_loop(loop):
    read, write = os.pipe()

    def callback():
        if len(os.read(read, 1)) and not loop.errors:
            raise OSError("first")
        loop.stop()

    loop.watch(read, callback)
    os.write(write, b"ab")
    loop.run()
    assert [str(error) for error in loop.errors] == ["first"]
    os.close(read)
    os.close(write)
