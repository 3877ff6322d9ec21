"""The commands that wait for an element of a list: what they do at once, what when it comes, and what is propagated."""

import pytest

from tests.session import Effect, R, encode, raises_reply

BLOCKING = [["BLPOP", "k", 0], ["BRPOP", "k", 0], ["BLMOVE", "k", "to", "LEFT", "RIGHT", 0],
            ["BRPOPLPUSH", "k", "to", 0], ["BLMPOP", 0, 1, "k", "LEFT"]]


class Waiter:
    """Another client, which has sent a command and waits."""

    def __init__(self, r, *words):
        self.r = R(r.server)
        assert self.r.feed(encode(*words)) == []

    @property
    def replies(self):
        return self.r.taken()


def test_an_element_that_is_there_is_popped_at_once(r):
    r("RPUSH", "k", "a", "b", "c", "d")
    assert r("BLPOP", "none", "k", 0) == [b"k", b"a"]
    assert r.effects == [Effect("lpop", b"k", 1)]
    assert r.propagated == [[b"LPOP", b"k"]]
    assert r("BRPOP", "k", "none", "0.5") == [b"k", b"d"]
    assert r.propagated == [[b"RPOP", b"k"]]
    assert r("BLMOVE", "k", "to", "LEFT", "RIGHT", 0) == b"b"
    assert r.propagated == [[b"LMOVE", b"k", b"to", b"LEFT", b"RIGHT"]]
    assert r("BRPOPLPUSH", "k", "to", 0) == b"c"
    assert r.effects == [Effect("lpush", b"to", 0), Effect("rpop", b"k", 1), Effect("del", b"k", 0)]
    assert r.propagated == [[b"RPOPLPUSH", b"k", b"to"]]
    assert r("BLMPOP", 0, 2, "k", "to", "RIGHT", "COUNT", 5) == [b"to", [b"b", b"c"]]
    assert r.propagated == [[b"RPOP", b"to", b"2"]]
    assert r("DBSIZE") == 0


@pytest.mark.parametrize("command", BLOCKING, ids=lambda words: words[0])
def test_a_client_waits_until_an_element_comes(r, command):
    waiter = Waiter(r, *command)
    r("SET", "other", "v")
    assert waiter.replies == []
    r("RPUSH", "k", "a")
    reply = waiter.replies
    assert reply == [{"BLPOP": [b"k", b"a"], "BRPOP": [b"k", b"a"], "BLMPOP": [b"k", [b"a"]]}.get(command[0], b"a")]
    assert r("EXISTS", "k") == 0
    assert r("EXISTS", "to") == (len(reply[0]) == 1)


@pytest.mark.parametrize(("command", "propagated"), [
    (["BLPOP", "k", 0], [b"LPOP", b"k"]), (["BRPOP", "k", 0], [b"RPOP", b"k"]),
    (["BLMOVE", "k", "to", "LEFT", "RIGHT", 0], [b"LMOVE", b"k", b"to", b"LEFT", b"RIGHT"]),
    (["BRPOPLPUSH", "k", "to", 0], [b"RPOPLPUSH", b"k", b"to"]),
    (["BLMPOP", 0, 1, "k", "LEFT", "COUNT", 9], [b"LPOP", b"k", b"2"]),
])
def test_what_serves_a_waiter_is_propagated_after_the_push(r, command, propagated):
    waiter = Waiter(r, *command)
    r("RPUSH", "k", "a", "b")
    assert len(waiter.replies) == 1
    assert r.propagated == [[b"RPUSH", b"k", b"a", b"b"], propagated]


def test_who_has_waited_longest_is_served_first(r):
    waiters = [Waiter(r, "BLPOP", "k", 0) for _ in range(3)]
    r("RPUSH", "k", "a", "b")
    assert [w.replies for w in waiters] == [[[b"k", b"a"]], [[b"k", b"b"]], []]
    r("LPUSH", "k", "c")
    assert waiters[2].replies == [[b"k", b"c"]]


def test_an_element_moved_to_a_list_that_is_waited_for_serves_the_next(r):
    first = Waiter(r, "BLMOVE", "k", "to", "LEFT", "LEFT", 0)
    second = Waiter(r, "BRPOPLPUSH", "to", "end", 0)
    r("RPUSH", "k", "a")
    assert (first.replies, second.replies) == ([b"a"], [b"a"])
    assert r("LRANGE", "end", 0, -1) == [b"a"]


def test_a_list_may_come_by_another_name(r):
    waiter = Waiter(r, "BLPOP", "k", 0)
    r("RPUSH", "other", "a")
    r("RENAME", "other", "k")
    assert waiter.replies == [[b"k", b"a"]]


def test_the_keys_are_tried_in_their_order(r):
    waiter = Waiter(r, "BLMPOP", 0, 3, "a", "b", "c", "LEFT")
    r("RPUSH", "c", 1)
    assert waiter.replies == [[b"c", [b"1"]]]
    r("RPUSH", "b", 2)
    r("RPUSH", "a", 3)
    assert r("BLPOP", "a", "b", 0) == [b"a", b"3"]


def test_a_value_of_another_type_does_not_wake(r):
    waiter = Waiter(r, "BLPOP", "k", 0)
    r("SET", "k", "v")
    assert waiter.replies == []
    r("DEL", "k")
    r("RPUSH", "k", "a")
    assert waiter.replies == [[b"k", b"a"]]


def test_a_destination_that_has_become_another_type_is_refused_when_the_element_comes(r):
    waiter = Waiter(r, "BLMOVE", "k", "to", "LEFT", "LEFT", 0)
    r("SET", "to", "v")
    r("RPUSH", "k", "a")
    assert str(waiter.replies[0]).startswith("WRONGTYPE")
    assert r("LRANGE", "k", 0, -1) == [b"a"]


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("command", BLOCKING, ids=lambda words: words[0])
def test_after_the_timeout_the_reply_is_the_null_of_an_array(r, command, proto):
    waiter = R(r.server)
    waiter("HELLO", proto)
    words = [*command[:-1], "0.05"] if command[0] != "BLMPOP" else ["BLMPOP", "0.05", *command[2:]]
    assert waiter.feed(encode(*words)) == []
    r.advance(ms=49)
    r.cycle()
    assert waiter.session.take() == b""
    r.advance(ms=2)
    r.cycle()
    assert waiter.session.take() == (b"*-1\r\n" if proto == 2 else b"_\r\n")
    r("RPUSH", "k", "a")
    assert r("LLEN", "k") == 1


@pytest.mark.parametrize(("timeout", "error"), [
    ("x", "ERR timeout is not a float or out of range"), ("", "ERR timeout is not a float or out of range"),
    ("-1", "ERR timeout is negative"), ("inf", "ERR timeout is out of range"), ("1e400", "ERR timeout is out of range"),
])
def test_a_timeout_is_judged_before_the_keys(r, timeout, error):
    r("SET", "k", "v")
    for words in (["BLPOP", "k", timeout], ["BRPOP", "k", timeout], ["BLMOVE", "k", "to", "LEFT", "LEFT", timeout],
                  ["BRPOPLPUSH", "k", "to", timeout], ["BLMPOP", timeout, 1, "k", "LEFT"]):
        with raises_reply(error):
            r(*words)


def test_the_words_are_judged_before_the_timeout(r):
    with raises_reply("ERR syntax error"):
        r("BLMOVE", "k", "to", "LEFT", "UP", "x")
    with raises_reply("ERR numkeys should be greater than 0"):
        r("BLMPOP", "x", 0, "k", "LEFT")
    with raises_reply("ERR count should be greater than 0"):
        r("BLMPOP", "x", 1, "k", "LEFT", "COUNT", 0)
