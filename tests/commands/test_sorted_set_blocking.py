"""The pops of sorted sets: from one key, from the first of several, and after waiting."""

import pytest

from tests.commands.test_list_blocking import Waiter
from tests.commands.test_sorted_sets import ABC, FORMS, SYNTAX, WRONG, given_zset
from tests.session import Effect, R, encode, raises_reply

POSITIVE = "ERR value is out of range, must be positive"
WAITING = [["BZPOPMIN", "z", 0], ["BZPOPMAX", "z", 0], ["BZMPOP", 0, 1, "z", "MIN"], ["BZMPOP", 0, 1, "z", "MAX"]]


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


# ---------------------------------------------------------------- at once

def test_pops_take_from_either_end(r, form):
    given_zset(r, form, ABC | {"d": 4, "e": 5})
    assert r("ZPOPMIN", "z") == [b"a", b"1"]
    assert r.effects == [Effect("zpopmin", b"z", 1)]
    assert r.propagated == [[b"ZPOPMIN", b"z"]]
    assert r("ZPOPMAX", "z", 2) == [b"e", b"5", b"d", b"4"]
    assert r.effects == [Effect("zpopmax", b"z", 2)]
    assert r.propagated == [[b"ZPOPMAX", b"z", b"2"]]
    assert r("ZPOPMIN", "z", 0) == []
    assert r.effects == []
    assert r("ZPOPMIN", "z", 10) == [b"b", b"2", b"c", b"3"]
    assert r.effects == [Effect("zpopmin", b"z", 2), Effect("del", b"z", 0)]
    assert r("ZPOPMAX", "z") == r("ZPOPMIN", "z", 3) == []


def test_pops_answer_pairs_in_resp3_where_a_count_was_given(r, form):
    given_zset(r, form, ABC)
    r("HELLO", 3)
    assert r("ZPOPMIN", "z") == [b"a", 1.0]
    assert r("ZPOPMAX", "z", 1) == [[b"c", 3.0]]
    assert r("ZMPOP", 1, "z", "MAX") == [b"z", [[b"b", 2.0]]]


@pytest.mark.parametrize(("words", "error"), [
    (["ZPOPMIN", "z", "-1"], POSITIVE), (["ZPOPMAX", "z", "x"], POSITIVE), (["ZPOPMIN", "z", 1, 2], SYNTAX),
    (["ZMPOP", 0, "z", "MIN"], "ERR numkeys should be greater than 0"), (["ZMPOP", 1, "z", "MID"], SYNTAX),
    (["ZMPOP", "x", "z", "MIN"], "ERR numkeys should be greater than 0"), (["ZMPOP", 2, "z", "MIN"], SYNTAX),
    (["ZMPOP", 1, "z", "MIN", "COUNT"], SYNTAX), (["ZMPOP", 1, "z", "MIN", "COUNT", 1, "COUNT", 1], SYNTAX),
    (["ZMPOP", 1, "z", "MIN", "COUNT", 0], "ERR count should be greater than 0"), (["ZMPOP", 9, "z", "MIN"], SYNTAX),
])
def test_pops_that_are_refused(r, words, error):
    r("ZADD", "z", 1, "a")
    with raises_reply(error):
        r(*words)
    assert r.effects == [] and r("ZCARD", "z") == 1


@pytest.mark.parametrize("words", [
    ["ZPOPMIN", "k"], ["ZPOPMAX", "k", 1], ["ZPOPMAX", "k", 0], ["ZMPOP", 2, "none", "k", "MIN"],
    ["BZPOPMIN", "none", "k", 0], ["BZPOPMAX", "k", 0], ["BZMPOP", 0, 2, "none", "k", "MIN"],
])
def test_another_type_is_refused(r, words):
    r("SET", "k", "v")
    with raises_reply(WRONG):
        r(*words)
    assert r.effects == [] and r("GET", "k") == b"v"


def test_zmpop_takes_from_the_first_key_that_is_there(r, form):
    given_zset(r, form, ABC)
    assert r("ZMPOP", 2, "none", "z", "MAX", "COUNT", 2) == [b"z", [[b"c", b"3"], [b"b", b"2"]]]
    assert r.effects == [Effect("zpopmax", b"z", 2)]
    assert r.propagated == [[b"ZPOPMAX", b"z", b"2"]]
    assert r("ZMPOP", 2, "z", "none", "min", "count", 9) == [b"z", [[b"a", b"1"]]]
    assert r.propagated == [[b"ZPOPMIN", b"z", b"1"]]
    assert r("ZMPOP", 2, "z", "none", "MIN") is None
    assert r.raw("ZMPOP", 1, "z", "MIN") == b"*-1\r\n"


def test_a_member_that_is_there_is_popped_without_waiting(r, form):
    given_zset(r, form, ABC)
    assert r("BZPOPMIN", "none", "z", 0) == [b"z", b"a", b"1"]
    assert r.effects == [Effect("zpopmin", b"z", 1)]
    assert r.propagated == [[b"ZPOPMIN", b"z"]]
    assert r("BZPOPMAX", "z", "0.5") == [b"z", b"c", b"3"]
    assert r.propagated == [[b"ZPOPMAX", b"z"]]
    assert r("BZMPOP", 0, 1, "z", "MIN", "COUNT", 7) == [b"z", [[b"b", b"2"]]]
    assert r.effects == [Effect("zpopmin", b"z", 1), Effect("del", b"z", 0)]
    assert r.propagated == [[b"ZPOPMIN", b"z", b"1"]]


# ---------------------------------------------------------------- after waiting

@pytest.mark.parametrize("command", WAITING, ids=lambda words: f"{words[0]} {words[-1]}")
def test_a_client_waits_until_a_member_comes(r, command):
    waiter = Waiter(r, *command)
    r("SET", "other", "v")
    r("RPUSH", "z", "a list")
    r("DEL", "z")
    assert waiter.replies == []
    r("ZADD", "z", 7, "a", 8, "b")
    low = command[0] == "BZPOPMIN" or command[-1] == "MIN"
    member, score = (b"a", b"7") if low else (b"b", b"8")
    assert waiter.replies == [[b"z", [[member, score]]] if command[0] == "BZMPOP" else [b"z", member, score]]
    assert r("ZCARD", "z") == 1


def test_what_serves_a_waiter_is_propagated_after_what_brought_it(r):
    waiter = Waiter(r, "BZPOPMIN", "z", 0)
    r("ZADD", "z", 1, "a")
    assert waiter.replies == [[b"z", b"a", b"1"]]
    assert r.propagated == [[b"ZADD", b"z", b"1", b"a"], [b"ZPOPMIN", b"z"]]
    assert r("EXISTS", "z") == 0


def test_who_has_waited_longest_is_served_first(r):
    waiters = [Waiter(r, "BZPOPMIN", "z", 0), Waiter(r, "BZMPOP", 0, 1, "z", "MAX"), Waiter(r, "BZPOPMIN", "z", 0)]
    r("ZADD", "z", 1, "a", 2, "b")
    assert [w.replies for w in waiters] == [[[b"z", b"a", b"1"]], [[b"z", [[b"b", b"2"]]]], []]


@pytest.mark.parametrize("bring", [
    ["ZINCRBY", "z", 5, "a"], ["ZADD", "z", "INCR", 5, "a"], ["RENAME", "from", "z"], ["COPY", "from", "z"],
    ["ZRANGESTORE", "z", "from", 0, 0],
])
def test_a_set_may_come_by_any_command(r, bring):
    r("ZADD", "from", 5, "a")
    waiter = Waiter(r, "BZPOPMAX", "z", 0)
    r(*bring)
    assert waiter.replies == [[b"z", b"a", b"5"]]


@pytest.mark.parametrize("command", WAITING, ids=lambda words: f"{words[0]} {words[-1]}")
@pytest.mark.parametrize("proto", [2, 3])
def test_after_the_timeout_the_reply_is_the_null_of_an_array(r, command, proto):
    waiter = R(r.server)
    waiter("HELLO", proto)
    words = [word if word != 0 else "0.05" for word in command]
    assert waiter.feed(encode(*words)) == []
    r.advance(ms=60)
    r.cycle()
    assert waiter.session.take() == (b"*-1\r\n" if proto == 2 else b"_\r\n")


def test_the_words_of_bzmpop_are_judged_before_its_timeout_and_that_before_the_keys(r):
    r("SET", "k", "v")
    for words, error in ((["x", 0, "k", "MIN"], "ERR numkeys should be greater than 0"), (["x", 1, "k", "MID"], SYNTAX),
                         (["x", 1, "k", "MIN", "COUNT", 0], "ERR count should be greater than 0"),
                         (["x", 1, "k", "MIN"], "ERR timeout is not a float or out of range"),
                         (["-1", 1, "k", "MIN"], "ERR timeout is negative")):
        with raises_reply(error):
            r("BZMPOP", *words)
    with raises_reply("ERR timeout is negative"):
        r("BZPOPMIN", "k", -1)
