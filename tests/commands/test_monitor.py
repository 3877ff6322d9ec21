"""MONITOR: what is shown, how it is written, and what a monitor may do."""

import re

import pytest

from tests.session import R, encode, raises_reply


@pytest.fixture
def monitor(r):
    client = R(r.server)
    assert client("MONITOR") == "OK"
    return client


def shown(client):
    """Database and words of each line, as they stand there."""
    lines = client.session.take().decode("ascii").split("\r\n")[:-1]
    found = [re.fullmatch(r"\+\d{10}\.\d{6} \[(\d+) [^]]*\] (.*)", line) for line in lines]
    assert all(found), lines
    return [(int(line[1]), line[2]) for line in found]


def test_a_command_is_shown_when_it_has_run(r, monitor):
    r("SET", "k", "v")
    assert shown(monitor) == [(0, '"SET" "k" "v"')]
    r("SELECT", 3)
    r("get", "k")
    assert shown(monitor) == [(3, '"SELECT" "3"'), (3, '"get" "k"')]


def test_time_is_the_servers_clock(r, monitor):
    r("PING")
    assert monitor.session.take() == b'+1700000000.000000 [0 ] "PING"\r\n'


def test_arguments_are_quoted(r, monitor):
    r("ECHO", b'a "b"\\\r\n\t\a\b\0\x7f\xff')
    assert shown(monitor) == [(0, r'"ECHO" "a \"b\"\\\r\n\t\a\b\x00\x7f\xff"')]


def test_a_long_argument_is_shown_whole(r, monitor):
    r("SET", "k", b"\0" * 100_000)
    assert shown(monitor) == [(0, '"SET" "k" "' + r"\x00" * 100_000 + '"')]


def test_what_fails_is_shown_and_what_is_refused_is_not(r, monitor):
    r("SET", "k", "v")
    with raises_reply("WRONGTYPE"):
        r("LPUSH", "k", "v")
    for refused in (("GET",), ("nothing", "x")):
        with raises_reply("ERR"):
            r(*refused)
    assert [words for _, words in shown(monitor)] == ['"SET" "k" "v"', '"LPUSH" "k" "v"']


def test_what_an_operator_does_is_not_shown(r, monitor):
    r("CONFIG", "GET", "maxmemory")
    r("CLIENT", "LIST")
    r("CLIENT", "ID")
    assert [words for _, words in shown(monitor)] == ['"CLIENT" "ID"']


def test_passwords_are_not_shown(r, monitor):
    for words in (("AUTH", "secret"), ("AUTH", "user", "secret"), ("HELLO", "3", "AUTH", "default", "secret"),
                  ("HELLO", "3", "SETNAME", "me", "auth", "default", "secret")):
        r.feed(encode(*words))
    assert [words for _, words in shown(monitor)] == [
        '"AUTH" "(redacted)"', '"AUTH" "(redacted)" "(redacted)"',
        '"HELLO" "3" "AUTH" "(redacted)" "(redacted)"',
        '"HELLO" "3" "SETNAME" "me" "auth" "(redacted)" "(redacted)"']


def test_a_blocked_command_is_shown_once(r, monitor):
    waiter = R(r.server)
    waiter.feed(encode("BLPOP", "l", 0))
    assert [words for _, words in shown(monitor)] == ['"BLPOP" "l" "0"']
    r("RPUSH", "l", "v")
    assert waiter.taken() == [[b"l", b"v"]]
    assert [words for _, words in shown(monitor)] == ['"RPUSH" "l" "v"']


def test_a_transaction_is_shown_as_it_runs_and_then_its_end(r, monitor):
    r("MULTI")
    r("SET", "k", "v")
    assert [words for _, words in shown(monitor)] == ['"MULTI"']
    r("EXEC")
    assert [words for _, words in shown(monitor)] == ['"SET" "k" "v"', '"EXEC"']


@pytest.mark.parametrize("end", [("EXEC",), ("EXEC", "x"), ("DISCARD",)])
def test_a_transaction_that_does_not_run_is_seen_to_end(r, monitor, end):
    r.feed(encode("MULTI") + encode("SET", "k", "v") + encode("NOSUCH") + encode(*end))
    assert [words for _, words in shown(monitor)] == ['"MULTI"', " ".join(f'"{word}"' for word in end)]


@pytest.mark.parametrize("command", [("GET", "k"), ("SET", "k", "v"), ("PUBLISH", "a", "b")])
def test_a_monitor_may_not_touch_keys(monitor, command):
    with raises_reply("ERR Replica can't interact with the keyspace"):
        monitor(*command)


def test_a_monitor_sees_itself_and_asking_again_is_not_answered(monitor):
    assert monitor.raw("MONITOR") == b""
    assert monitor.feed(encode("PING"))[0] == "PONG"


def test_reset_makes_an_ordinary_client_of_a_monitor(r, monitor):
    assert b" flags=O " in r("CLIENT", "LIST")
    assert monitor.feed(encode("RESET")) == ["RESET"]
    assert b" flags=O " not in r("CLIENT", "LIST")
    r("SET", "k", "v")
    assert monitor("GET", "k") == b"v"


def test_a_monitor_that_goes_is_forgotten(r):
    before = r.session.memory_used
    monitors = [R(r.server) for _ in range(10)]
    for client in monitors:
        client("MONITOR")
    r("PING")
    while monitors:
        monitors.pop()
    r("PING")
    assert abs(r.session.memory_used - before) < 12 * 16384      # blocks that the pool keeps


def test_a_monitor_is_not_held_by_a_pause(r, monitor):
    r("CLIENT", "PAUSE", 100_000)
    assert monitor.feed(encode("PING"))[0] == "PONG"
    r.server.core.unpause()


def test_a_monitor_may_subscribe(r, monitor):
    monitor.feed(encode("SUBSCRIBE", "a"))
    monitor.session.take()
    r("PUBLISH", "a", "m")
    got = monitor.session.take()
    assert got.startswith(b"*3\r\n$7\r\nmessage\r\n")
    assert got.endswith(b'"PUBLISH" "a" "m"\r\n')


def test_replies_off_silence_a_monitor(r, monitor):
    monitor.feed(encode("CLIENT", "REPLY", "OFF"))
    r("PING")
    assert monitor.session.take() == b""


def test_a_transaction_is_shown_as_it_runs_and_its_exec_once(r, monitor):
    for words in (["MULTI"], ["SET", "a", 1], ["EXEC"]):
        r(*words)
    assert shown(monitor) == [(0, '"MULTI"'), (0, '"SET" "a" "1"'), (0, '"EXEC"')]
