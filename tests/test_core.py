"""Core's face to the event loop: connections added, served, and told of in notices."""

import gc
import os
import socket

import _pyredis.figures as figures
import pytest
from _pyredis import core as constants

from tests.pairs import IN, OUT, OVER, Pairs
from tests.session import R, Replies, encode


@pytest.fixture
def pairs():
    found = Pairs()
    yield found
    found.close()


def test_a_request_is_answered_in_the_round_that_brings_it(pairs):
    ours, fd, _ = pairs.add()
    ours.sendall(encode("PING"))
    assert pairs.core.serve([(fd, IN)]) is None
    assert ours.recv(100) == b"+PONG\r\n"


def test_what_is_no_connection_comes_back(pairs):
    foreign, notices = pairs.core.serve([(9999, IN), (3, OUT)])
    assert list(foreign) == [(9999, IN), (3, OUT)]
    assert list(notices) == []


def test_the_end_of_a_peer_is_told_once_and_the_client_is_gone(pairs):
    ours, fd, client = pairs.add()
    assert client.alive
    ours.shutdown(socket.SHUT_WR)
    _, notices = pairs.core.serve([(fd, IN)])
    assert list(notices) == [(fd, constants.CLOSED)]
    assert not client.alive
    assert pairs.core.connected == 0
    with pytest.raises(LookupError):
        _ = client.name
    assert list(pairs.core.serve([(fd, IN)])[0]) == [(fd, IN)]      # no connection of ours any more


def test_input_before_the_end_of_a_peer_is_run(pairs):
    ours, fd, _ = pairs.add()
    ours.sendall(encode("SET", "k", "v") * 10)
    ours.shutdown(socket.SHUT_WR)
    assert pairs.core.serve([(fd, OVER)]) is None                   # it will be read to the end
    _, notices = pairs.core.serve([])
    assert list(notices) == [(fd, constants.CLOSED)]
    assert figures.databases(pairs.core)[0][1] == 1
    assert ours.recv(1000) == b"+OK\r\n" * 10


def test_quit_sends_the_reply_and_closes(pairs):
    ours, fd, _ = pairs.add()
    ours.sendall(encode("QUIT") + encode("PING"))
    _, notices = pairs.core.serve([(fd, IN)])
    assert list(notices) == [(fd, constants.CLOSED)]
    assert ours.recv(100) == b"+OK\r\n"


def test_a_full_socket_is_watched_for_writing_until_all_is_sent(pairs):
    ours, fd, client = pairs.add()
    value = b"x" * 3_000_000
    ours.setblocking(False)
    to_send = encode("SET", "k", value)
    while to_send:
        try:
            to_send = to_send[ours.send(to_send):]
        except BlockingIOError:
            pass
        pairs.core.serve([(fd, IN)])
    assert ours.recv(100) == b"+OK\r\n"
    ours.sendall(encode("GET", "k"))
    notices, got = [], b""
    for _ in range(10_000):
        extra = pairs.core.serve([(fd, IN | OUT)])
        notices += extra[1] if extra else []
        try:
            got += ours.recv(100_000)
        except BlockingIOError:
            pass
        if len(got) >= len(value) + 12 and client.info()["out_pending"] == 0:
            break
    assert Replies(got).next() == value
    assert notices == [(fd, constants.WATCH_WRITE), (fd, constants.UNWATCH_WRITE)]


def test_more_input_than_one_recv_takes_is_read_without_another_event(pairs):
    ours, fd, client = pairs.add()
    ours.sendall(encode("PING") * 5000)                            # 70,000 bytes, more than a block
    pairs.core.serve([(fd, IN)])
    while pairs.core.before_sleep() == 0:
        pairs.core.serve([])
    assert client.info()["commands"] == 5000


def test_a_killed_client_is_gone_after_the_round_and_runs_nothing(pairs):
    killer, one, _ = pairs.add()
    victim, two, client = pairs.add()
    killer.sendall(encode("CLIENT", "KILL", "ID", client.id))
    victim.sendall(encode("SET", "k", "v"))
    _, notices = pairs.core.serve([(one, IN), (two, IN)])
    assert list(notices) == [(two, constants.CLOSED)]
    assert killer.recv(100) == b":1\r\n"
    assert figures.databases(pairs.core)[0][1] == 0


def test_idle_clients_are_closed_between_rounds(pairs):
    _, fd, client = pairs.add()
    pairs.core.check_clients(0)
    assert client.alive
    pairs.core.check_clients(-1)                                    # idle for longer than less than nothing
    assert not client.alive
    assert pairs.core.before_sleep() == 0
    assert list(pairs.core.serve([])[1]) == [(fd, constants.CLOSED)]


def test_a_descriptor_may_be_used_again_by_another_client(pairs):
    ours, fd, old = pairs.add()
    ours.close()
    pairs.core.serve([(fd, IN)])
    pairs.open.pop()
    os.close(fd)
    _, again, new = pairs.add()
    assert new.id != old.id
    assert not old.alive
    assert new.alive
    assert again == fd or new.fd == again


def test_handlers_that_fail_answer_an_error_and_are_reported(pairs, monkeypatch):
    failures = []
    pairs.core.on_failure = lambda name, error: failures.append((name, str(error)))
    monkeypatch.setattr(type(pairs.server.config), "get_matching", lambda *_: 1 / 0)
    ours, fd, _ = pairs.add()
    ours.sendall(encode("CONFIG", "GET", "*") + encode("PING"))
    pairs.core.serve([(fd, IN)])
    assert ours.recv(200) == b"-ERR internal error in 'config|get': ZeroDivisionError\r\n+PONG\r\n"
    assert failures == [("config|get", "division by zero")]


def test_two_cores_share_nothing():
    a, b = Pairs(), Pairs()
    ours, fd, _ = a.add()
    ours.sendall(encode("SET", "k", "v"))
    a.core.serve([(fd, IN)])
    assert (figures.databases(a.core)[0][1], figures.databases(b.core)[0][1]) == (1, 0)
    a.close()


def test_connections_give_back_all_they_took(pairs):
    ours, fd, _ = pairs.add()
    ours.sendall(encode("PING"))
    pairs.core.serve([(fd, IN)])
    ours.recv(100)
    before = None
    for _ in range(3):
        several = [pairs.add() for _ in range(20)]
        for one, _, client in several:
            one.sendall(encode("CLIENT", "SETNAME", "x" * 50) + encode("ECHO", "x" * 9999) + b"*3\r\n$3\r\nG")
            client.lib_name = b"lib"
        pairs.core.serve([(number, IN) for _, number, _ in several])
        for one, _, _ in several:
            one.close()
        while pairs.core.connected > 1:
            pairs.core.serve([(number, OVER) for _, number, _ in several])
        for one, number, _ in several:
            pairs.open.remove((one, number))
            os.close(number)
        used = figures.memory(pairs.core)["used"]
        assert before is None or used == before
        before = used


def test_expiry_goes_on_when_the_clock_is_set_back(r):
    r.cycle()
    r.advance(-3_600_000)
    assert 0 <= r.cycle() <= 100


def test_a_session_that_ends_in_a_cycle_with_its_server_ends_in_good_order():
    """As when a failed test's frames hold both: the collector must not take the core away first."""
    for _ in range(5):
        r = R()
        r("SET", "k", "v")
        r.server.held = r
    del r
    gc.collect()
