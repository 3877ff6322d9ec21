"""Clients that wait for a key, over real sockets: who is served, in what order, and what ends the waiting."""

import time

import pytest

from tests.network.line import connect, eventually
from tests.session import ReplyError, Status, encode


def blocked(server, count):
    """Waits until so many clients are blocked."""
    eventually(lambda: b"blocked_clients:%d\r\n" % count in server.call("INFO", "clients"))


def waiting(server, *words, count=1):
    """A connection that has asked, and waits; it is the `count`-th to do so."""
    line = connect(server)
    line.send(encode(*words))
    blocked(server, count)
    return line


def test_a_push_serves_who_waits(server):
    with waiting(server, "BLPOP", "k", 0) as a:
        assert server.call("RPUSH", "k", "x", "y") == 2
        assert a.receive() == [b"k", b"x"]
        assert server.call("LRANGE", "k", 0, -1) == [b"y"]


def test_first_come_first_served(server):
    lines = [waiting(server, "BRPOP", "k", 0, count=i + 1) for i in range(4)]
    server.call("RPUSH", "k", "a", "b", "c")
    assert [line.receive() for line in lines[:3]] == [[b"k", b"c"], [b"k", b"b"], [b"k", b"a"]]
    server.call("RPUSH", "k", "d")
    assert lines[3].receive() == [b"k", b"d"]
    for line in lines:
        line.close()


def test_what_was_sent_behind_the_waiting_command_runs_after_it(server):
    with waiting(server, "BLPOP", "k", 0) as a:
        a.send(encode("PING") + encode("LLEN", "k"))
        assert a.silent()
        server.call("RPUSH", "k", "x", "y")
        assert [a.receive() for _ in range(3)] == [[b"k", b"x"], Status("PONG"), 1]


def test_requests_in_one_packet_around_the_waiting_one(server):
    with connect(server) as a:
        a.send(encode("PING") + encode("BLPOP", "k", 0) + encode("ECHO", "after"))
        assert a.receive() == "PONG"
        blocked(server, 1)
        server.call("LPUSH", "k", "x")
        assert [a.receive(), a.receive()] == [[b"k", b"x"], b"after"]


@pytest.mark.parametrize("seconds", ["0.05", "0.1", "1e-2"])
def test_waiting_ends_when_its_time_is_up(server, seconds):
    with connect(server) as a:
        began = time.monotonic()
        assert a.call("BLPOP", "k", "other", seconds) is None
        assert time.monotonic() - began >= float(seconds)
        assert a.call("PING") == "PONG"
    blocked(server, 0)


def test_a_client_that_goes_away_gives_up_its_place(server):
    with waiting(server, "BLPOP", "k", 0), waiting(server, "BLPOP", "k", 0, count=2) as b:
        pass
    del b
    blocked(server, 0)
    with waiting(server, "BLPOP", "k", 0) as a:
        first = waiting(server, "BLPOP", "k", 0, count=2)
        a.close()
        blocked(server, 1)
        server.call("RPUSH", "k", "x")
        assert first.receive() == [b"k", b"x"]
        first.close()


@pytest.mark.parametrize(("how", "reply"), [
    ((), None), (("TIMEOUT",), None),
    (("ERROR",), "UNBLOCKED client unblocked via CLIENT UNBLOCK"),
])
def test_client_unblock_ends_the_waiting(server, how, reply):
    with connect(server) as a:
        number = a.call("CLIENT", "ID")
        a.send(encode("BLPOP", "k", 0))
        blocked(server, 1)
        assert server.call("CLIENT", "UNBLOCK", number, *how) == 1
        got = a.receive()
        assert str(got) == reply if isinstance(got, ReplyError) else got is reply
        assert server.call("CLIENT", "UNBLOCK", number) == 0
        assert a.call("PING") == "PONG"


@pytest.mark.parametrize("steps", [
    [("RPUSH", "other", "x"), ("RENAME", "other", "k")],
    [("RPUSH", "other", "x"), ("COPY", "other", "k")],
    [("RPUSH", "other", "x"), ("RPOPLPUSH", "other", "k")],
    [("RPUSH", "other", "x"), ("SORT", "other", "ALPHA", "STORE", "k")],
    [("SELECT", 1), ("RPUSH", "k", "x"), ("MOVE", "k", 0)],
    [("SELECT", 1), ("RPUSH", "k", "x"), ("SWAPDB", 0, 1)],
    [("SET", "k", "no list"), ("DEL", "k"), ("LPUSH", "k", "x")],
], ids=lambda steps: steps[-1][0])
def test_whatever_makes_the_list_serves_who_waits(server, steps):
    with waiting(server, "BLPOP", "k", 0) as a, connect(server) as b:
        for step in steps:
            assert not isinstance(b.call(*step), ReplyError)
        assert a.receive() == [b"k", b"x"]
        b.call("FLUSHALL")


def test_a_value_of_another_type_leaves_them_waiting(server):
    with waiting(server, "BLPOP", "k", 0) as a:
        server.call("SADD", "k", "x")
        assert a.silent()
        server.call("DEL", "k")
        server.call("RPUSH", "k", "y")
        assert a.receive() == [b"k", b"y"]


def test_serving_one_can_serve_the_next(server):
    with waiting(server, "BLMOVE", "a", "b", "LEFT", "RIGHT", 0) as first, \
            waiting(server, "BLMOVE", "b", "c", "LEFT", "RIGHT", 0, count=2) as second, \
            waiting(server, "BLPOP", "c", 0, count=3) as third:
        server.call("RPUSH", "a", "x")
        assert [first.receive(), second.receive(), third.receive()] == [b"x", b"x", [b"c", b"x"]]
    assert server.call("DBSIZE") == 0


def test_the_first_of_several_keys_that_has_something_is_taken_in_their_order(server):
    with waiting(server, "BLPOP", "a", "b", "a", "c", 0) as line, connect(server) as b:
        b.send(encode("RPUSH", "c", 1) + encode("RPUSH", "a", 2))
        assert line.receive() == [b"c", b"1"]
        assert [b.receive(), b.receive()] == [1, 1]
    assert server.call("LRANGE", "a", 0, -1) == [b"2"]


def test_sorted_sets_are_waited_for_beside_lists(server):
    with waiting(server, "BZPOPMIN", "z", "k", 0) as a, waiting(server, "BLPOP", "k", 0, count=2) as b:
        server.call("RPUSH", "k", "x")
        assert b.receive() == [b"k", b"x"]
        server.call("ZADD", "z", 2, "two", 1, "one")
        assert a.receive() == [b"z", b"one", b"1"]


def test_hundreds_that_wait_are_all_served(server):
    lines = [connect(server) for _ in range(300)]
    for line in lines:
        line.send(encode("BLPOP", "k", 20))
    blocked(server, 300)
    server.call("RPUSH", "k", *range(300))
    assert sorted(int(line.receive()[1]) for line in lines) == list(range(300))
    blocked(server, 0)
    for line in lines:
        line.close()


def test_who_waits_is_seen_in_client_list_and_info(server):
    with waiting(server, "BLPOP", "a", "b", 100):
        assert b"flags=b " in server.call("CLIENT", "LIST")
        assert b"cmd=blpop" in server.call("CLIENT", "LIST")
        fields = server.call("INFO", "clients")
        assert b"clients_in_timeout_table:1\r\n" in fields
        assert b"total_blocking_keys:2\r\n" in fields
