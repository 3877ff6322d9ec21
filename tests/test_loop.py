"""The loop with a core that only waits: timers, foreign descriptors, and what their callbacks raise."""

import os
import socket

import pytest

from pyredis.loop import LEFT, Loop, SelectorPoller


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


def test_a_turn_is_told_of_when_all_that_were_ready_have_been_called_back(loop):
    told = []
    pipes = [os.pipe() for _ in range(2)]
    for read, write in pipes:
        loop.watch(read, lambda read=read: told.append(os.read(read, 1)))
        os.write(write, b"x")

    def turn(meanwhile):
        told.append(meanwhile)
        loop.stop()

    loop.on_turn = turn
    loop.run()
    assert told == [b"x", b"x", False]
    for ends in pipes:
        for end in ends:
            os.close(end)


def test_another_callback_may_take_the_place_of_one_and_ask_for_writability(loop):
    ours, theirs = socket.socketpair()
    told = []

    def second():
        told.append("second")
        loop.want_write(ours.fileno(), False)
        loop.stop()

    def first():
        told.append(ours.recv(1))
        loop.call_instead(ours.fileno(), second)
        loop.want_write(ours.fileno(), True)

    loop.watch(ours.fileno(), first)
    theirs.send(b"x")
    loop.run()
    assert told == [b"x", "second"]
    ours.close()
    theirs.close()


def test_who_relays_is_told_of_what_the_core_has_let_go(loop):
    left = []
    loop.on_left = left.append
    loop._carry_out([], [(7, LEFT)])
    assert left == [7]
