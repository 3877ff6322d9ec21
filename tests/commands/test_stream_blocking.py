"""XREAD and XREADGROUP that wait. The errors are those of Redis 8; test_stream_waits_are_as_with_redis asks it."""

import pytest

from bench import peers
from tests.session import R, encode, raises_reply

NOGROUP = "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"


class Waiter:
    """Another client of the same server."""

    def __init__(self, r):
        self.client = R(r.server)
        self.answers = []

    def __call__(self, *words):
        self.answers += self.client.feed(encode(*words))

    def taken(self):
        """What has been answered since this was asked last."""
        found, self.answers = self.answers + self.client.taken(), []
        return found


@pytest.fixture
def waiter(r):
    return Waiter(r)


def group(r, *ids):
    r("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    for id in ids:
        r("XADD", "s", id, "a", "b")


READ = ["XREADGROUP", "GROUP", "g", "alice", "BLOCK", 0, "STREAMS", "s", ">"]


@pytest.mark.parametrize("after", ["$", "0", "5-5", "0-0"])
def test_xread_waits_for_the_next_entry(r, waiter, after):
    waiter("XREAD", "BLOCK", 0, "STREAMS", "s", after)
    assert waiter.taken() == []
    r("XADD", "s", "6-0", "a", "b")
    assert waiter.taken() == [[[b"s", [[b"6-0", [b"a", b"b"]]]]]]
    r("XADD", "s", "7-0", "a", "b")
    assert waiter.taken() == []


def test_now_is_when_the_waiting_began(r, waiter):
    r("XADD", "s", "1-0", "a", "b")
    waiter("XREAD", "BLOCK", 0, "STREAMS", "none", "s", "t", "$", "$", "$")
    r("XADD", "other", "1-0", "a", "b")
    r("XDEL", "s", "1-0")
    assert waiter.taken() == []
    r("XADD", "s", "2-0", "a", "b")
    assert waiter.taken() == [[[b"s", [[b"2-0", [b"a", b"b"]]]]]]


def test_xread_passes_by_entries_that_are_not_new(r, waiter):
    waiter("XREAD", "BLOCK", 0, "STREAMS", "s", "9-9")
    r("XADD", "s", "5-0", "a", "b")
    assert waiter.taken() == []
    r("XADD", "s", "10-0", "a", "b")
    assert waiter.taken() == [[[b"s", [[b"10-0", [b"a", b"b"]]]]]]


def test_xread_goes_on_waiting_when_its_key_ends_or_is_of_another_type(r, waiter):
    r("XADD", "s", "5-0", "a", "b")
    waiter("XREAD", "BLOCK", 0, "STREAMS", "s", "$")
    r("DEL", "s")
    r("SET", "s", "x")
    r("DEL", "s")
    assert waiter.taken() == []
    r("XADD", "s", "6-0", "a", "b")
    assert waiter.taken() == [[[b"s", [[b"6-0", [b"a", b"b"]]]]]]


def test_all_who_wait_with_xread_are_served(r):
    waiting = [Waiter(r) for _ in range(3)]
    for one in waiting:
        one("XREAD", "BLOCK", 0, "STREAMS", "s", "$")
    r("XADD", "s", "1-0", "a", "b")
    assert [one.taken() for one in waiting] == [[[[b"s", [[b"1-0", [b"a", b"b"]]]]]]] * 3


@pytest.mark.parametrize("make", [["RENAME", "t", "s"], ["COPY", "t", "s"]])
def test_a_stream_that_comes_as_a_whole_serves_too(r, waiter, make):
    r("XADD", "t", "3-0", "a", "b")
    waiter("XREAD", "BLOCK", 0, "STREAMS", "s", "0")
    r(*make)
    assert waiter.taken() == [[[b"s", [[b"3-0", [b"a", b"b"]]]]]]


@pytest.mark.parametrize("words", [["XREAD", "BLOCK", 100, "STREAMS", "s", "$"],
                                   ["XREADGROUP", "GROUP", "g", "alice", "BLOCK", 100, "STREAMS", "s", ">"]])
def test_after_the_time_given_the_answer_is_null(r, waiter, words):
    group(r)
    waiter(*words)
    r.advance(ms=99)
    r.cycle()
    assert waiter.taken() == []
    r.advance(ms=2)
    r.cycle()
    assert waiter.taken() == [None]


def test_each_entry_goes_to_one_of_the_group_first_come_first_served(r):
    group(r)
    alice, bob = Waiter(r), Waiter(r)
    alice(*READ)
    bob(*[word if word != "alice" else "bob" for word in READ])
    r("XADD", "s", "1-0", "a", "b")
    assert alice.taken() == [[[b"s", [[b"1-0", [b"a", b"b"]]]]]]
    assert bob.taken() == []
    r("XADD", "s", "2-0", "a", "b")
    assert bob.taken() == [[[b"s", [[b"2-0", [b"a", b"b"]]]]]]
    assert r("XPENDING", "s", "g") == [2, b"1-0", b"2-0", [[b"alice", b"1"], [b"bob", b"1"]]]


def test_history_never_waits(r, waiter):
    group(r)
    waiter(*READ[:-1], "0")
    assert waiter.taken() == [[[b"s", []]]]


ENDS = [(["DEL", "s"], NOGROUP), (["UNLINK", "s"], NOGROUP), (["FLUSHALL"], NOGROUP), (["FLUSHDB"], NOGROUP),
        (["XGROUP", "DESTROY", "s", "g"], NOGROUP), (["SWAPDB", "0", "1"], NOGROUP), (["RENAME", "s", "t"], NOGROUP),
        (["MOVE", "s", "1"], NOGROUP), (["SET", "s", "x"], "WRONGTYPE"), (["PEXPIREAT", "s", "1"], NOGROUP)]


@pytest.mark.parametrize(("words", "error"), ENDS, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_who_waits_in_a_group_hears_of_its_end(r, waiter, words, error):
    group(r)
    waiter(*READ)
    r(*words)
    (answer,) = waiter.taken()
    assert str(answer).startswith(error)
    r("FLUSHALL")
    group(r, "1-0")
    assert waiter.taken() == []


def test_who_waits_in_a_group_goes_on_when_another_group_ends(r, waiter):
    group(r)
    r("XGROUP", "CREATE", "s", "h", "0")
    waiter(*READ)
    r("XGROUP", "DESTROY", "s", "h")
    r("XGROUP", "SETID", "s", "g", "$")
    assert waiter.taken() == []
    r("XADD", "s", "1-0", "a", "b")
    assert len(waiter.taken()) == 1


@pytest.mark.parametrize(("timeout", "error"), [
    ("x", "ERR timeout is not an integer or out of range"), ("1.5", "ERR timeout is not an integer or out of range"),
    ("-1", "ERR timeout is negative"), ("9223372036854775807", "ERR timeout is out of range")])
def test_the_time_to_wait_is_in_whole_milliseconds(r, timeout, error):
    with raises_reply(error):
        r("XREAD", "BLOCK", timeout, "STREAMS", "s", "$")


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("words", [*(words for words, _ in ENDS), ["XADD", "s", "1-0", "a", "b"]], ids=" ".join)
def test_stream_waits_are_as_with_redis(peer, words, proto):
    server = peer("redis8")
    ours, theirs, blocked = R(), peers.Client(server.port), peers.Client(server.port)
    theirs.call("FLUSHALL")
    theirs.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    group(ours)
    mine = R(ours.server)
    mine.raw("HELLO", proto)
    blocked.send(encode("HELLO", proto))
    blocked._socket.recv(1 << 16)
    assert mine.raw(*READ) == b""
    blocked.send(encode(*READ))
    while b"blocked_clients:1\r" not in theirs.call("INFO", "clients"):
        pass
    ours(*words)
    theirs.call(*words)
    assert bytes(mine.session.take()) == blocked._socket.recv(1 << 16)
    for client in (theirs, blocked):
        client.close()
