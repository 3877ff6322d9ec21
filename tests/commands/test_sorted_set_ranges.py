"""ZRANGE and its family: every kind of range, from both ends, with limits, in each form, beside a plain list."""

import itertools
import math

import pytest

from tests.commands.test_sorted_sets import ABC, FORMS, SYNTAX, WRONG, given_zset
from tests.session import Effect, raises_reply

NOT_SCORE = "ERR min or max is not a float"
NOT_TEXT = "ERR min or max not valid string range item"
NOT_INTEGER = "ERR value is not an integer or out of range"
ONLY_LIMIT = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"

PAIRS = {"a": "-inf", "b": -1.5, "c": 0, "d": 0, "e": 0.5, "f": 3, "7": 3, "g": 1e300, "h": "inf"}
ORDERED = sorted(((float(score), member.encode()) for member, score in PAIRS.items()))


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def members(pairs):
    return [member for _, member in pairs]


# ---------------------------------------------------------------- by rank

@pytest.mark.parametrize(("start", "stop"), list(itertools.product([0, 1, 3, 8, 9, 50, -1, -3, -9, -50], repeat=2)))
def test_ranges_by_rank_are_those_of_a_list(r, form, start, stop):
    given_zset(r, form, PAIRS)
    first = start + 9 if start < 0 else start
    last = stop + 9 if stop < 0 else stop
    expected = [member for i, member in enumerate(members(ORDERED)) if max(first, 0) <= i <= last]
    mirrored = [member for i, member in enumerate(members(ORDERED)[::-1]) if max(first, 0) <= i <= last]
    assert r("ZRANGE", "z", start, stop) == expected
    assert r("ZRANGE", "z", start, stop, "REV") == r("ZREVRANGE", "z", start, stop) == mirrored
    assert r("ZRANGESTORE", "d", "z", start, stop) == len(expected)
    assert r("ZRANGE", "d", 0, -1) == expected
    assert r("ZREMRANGEBYRANK", "z", start, stop) == len(expected)
    assert r("ZRANGE", "z", 0, -1) == [m for m in members(ORDERED) if m not in expected]


# ---------------------------------------------------------------- by score

SCORES = ["-inf", "(-inf", "-1.5", "(-1.5", "0", "(0", "0.25", "3", "(3", "1e300", "+inf", "(inf"]


def inside(score, low, high):
    above = score > float(low[1:]) if low[0] == "(" else score >= float(low)
    return above and (score < float(high[1:]) if high[0] == "(" else score <= float(high))


@pytest.mark.parametrize("low", SCORES)
def test_ranges_by_score_are_those_of_a_list(r, form, low):
    given_zset(r, form, PAIRS)
    for high in SCORES:
        expected = [member for score, member in ORDERED if inside(score, low, high)]
        assert r("ZCOUNT", "z", low, high) == len(expected)
        assert r("ZRANGE", "z", low, high, "BYSCORE") == r("ZRANGEBYSCORE", "z", low, high) == expected
        assert r("ZRANGE", "z", high, low, "BYSCORE", "REV") == expected[::-1]
        assert r("ZREVRANGEBYSCORE", "z", high, low) == expected[::-1]
        r("COPY", "z", "y", "REPLACE")
        assert r("ZREMRANGEBYSCORE", "y", low, high) == len(expected)
        assert r("ZRANGE", "y", 0, -1) == [m for m in members(ORDERED) if m not in expected]


@pytest.mark.parametrize(("text", "score"), [
    ("", 0), ("1e400", math.inf), ("-1e400", -math.inf), ("1\0x", 1), ("+1", 1), (".5", 0.5), ("1e-400", 0),
])
def test_a_score_limit_is_read_more_freely_than_a_score(r, form, text, score):
    given_zset(r, form, PAIRS)
    assert r("ZCOUNT", "z", text, "inf") == sum(s >= score for s, _ in ORDERED)


@pytest.mark.parametrize("text", [" 1", "1 ", "0x10", "nan", "x", "((1", "1e", "infi"])
@pytest.mark.parametrize("command", ["ZCOUNT", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZREMRANGEBYSCORE"])
def test_what_is_no_score_limit_is_refused(r, command, text):
    r("SET", "z", "of another type: not even looked at")
    for limits in ((text, 1), (1, text), ("(" + text, 1)):
        with raises_reply(NOT_SCORE):
            r(command, "z", *limits)


# ---------------------------------------------------------------- by text

WORDS = ["", "a", "aa", "ab", "b", "ba", "c", "12", "7", "\xff"]
LIMITS = ["-", "+", "[", "(", "[a", "(a", "[aa", "(ab", "[b", "(12", "[5", "[zz"]


def text_inside(word, low, high):
    if low == "+" or high == "-":
        return False
    above = low == "-" or (word >= low[1:].encode() if low[0] == "[" else word > low[1:].encode())
    return above and (high == "+" or (word <= high[1:].encode() if high[0] == "[" else word < high[1:].encode()))


@pytest.mark.parametrize("low", LIMITS)
def test_ranges_by_text_are_those_of_a_list(r, form, low):
    given_zset(r, form, dict.fromkeys(WORDS, 5))
    words = sorted(word.encode() for word in WORDS)
    for high in LIMITS:
        expected = [word for word in words if text_inside(word, low, high)]
        assert r("ZLEXCOUNT", "z", low, high) == len(expected)
        assert r("ZRANGE", "z", low, high, "BYLEX") == r("ZRANGEBYLEX", "z", low, high) == expected
        assert r("ZRANGE", "z", high, low, "BYLEX", "REV") == expected[::-1]
        assert r("ZREVRANGEBYLEX", "z", high, low) == expected[::-1]
        r("COPY", "z", "y", "REPLACE")
        assert r("ZREMRANGEBYLEX", "y", low, high) == len(expected)
        assert r("ZRANGE", "y", 0, -1) == [word for word in words if word not in expected]


@pytest.mark.parametrize("limits", [("a", "+"), ("-", "b"), ("", "+"), ("--", "+"), ("-", "]a")])
@pytest.mark.parametrize("command", ["ZLEXCOUNT", "ZRANGEBYLEX", "ZREVRANGEBYLEX", "ZREMRANGEBYLEX"])
def test_what_is_no_text_limit_is_refused(r, command, limits):
    with raises_reply(NOT_TEXT):
        r(command, "z", *limits)


# ---------------------------------------------------------------- options

@pytest.mark.parametrize(("offset", "limit"), list(itertools.product([0, 1, 3, 9, 100], [-1, -7, 0, 1, 2, 100])))
def test_limit_takes_a_part_of_a_range_from_where_it_begins(r, form, offset, limit):
    given_zset(r, form, PAIRS)
    whole = members(ORDERED)[1:-1]

    def part(found):
        return found[offset:] if limit < 0 else found[offset:offset + limit]
    low, high = "(-inf", "(inf"
    assert r("ZRANGE", "z", low, high, "BYSCORE", "LIMIT", offset, limit) == part(whole)
    assert r("ZRANGE", "z", high, low, "BYSCORE", "REV", "LIMIT", offset, limit) == part(whole[::-1])
    assert r("ZRANGEBYSCORE", "z", low, high, "LIMIT", offset, limit) == part(whole)
    r("ZRANGESTORE", "d", "z", high, low, "BYSCORE", "REV", "LIMIT", offset, limit)
    assert set(r("ZRANGE", "d", 0, -1)) == set(part(whole[::-1]))
    given_zset(r, form, dict.fromkeys("abcde", 1))
    assert r("ZRANGEBYLEX", "z", "-", "+", "LIMIT", offset, limit) == part([b"a", b"b", b"c", b"d", b"e"])
    assert r("ZREVRANGEBYLEX", "z", "+", "-", "LIMIT", offset, limit) == part([b"e", b"d", b"c", b"b", b"a"])


def test_a_negative_offset_counts_from_the_far_end_in_a_skiplist_only(r, form):
    given_zset(r, form, ABC)
    found = r("ZRANGE", "z", "-inf", "inf", "BYSCORE", "LIMIT", -2, 1)
    assert found == ([] if form == "listpack" else [b"b"])
    assert r("ZRANGE", "z", "-inf", "inf", "BYSCORE", "LIMIT", -4, 1) == []


def test_scores_stand_behind_their_members_in_resp2_and_beside_them_in_resp3(r, form):
    given_zset(r, form, {"a": 1, "b": 2.5})
    commands = ["ZRANGE z 0 -1 WITHSCORES", "ZRANGE z 0 9 BYSCORE withscores",
                "ZRANGEBYSCORE z 0 9 WITHSCORES LIMIT 0 9"]
    for command in commands:
        assert r(*command.split()) == [b"a", b"1", b"b", b"2.5"]
    assert r("ZREVRANGE", "z", 0, -1, "WITHSCORES") == [b"b", b"2.5", b"a", b"1"]
    r("HELLO", 3)
    for command in commands:
        assert r(*command.split()) == [[b"a", 1.0], [b"b", 2.5]]
    assert r("ZRANGE", "z", 0, -1) == [b"a", b"b"]


@pytest.mark.parametrize(("command", "error"), [
    ("ZRANGE z 0 1 LIMIT 0 1", ONLY_LIMIT), ("ZREVRANGE z 0 1 LIMIT 0 1", ONLY_LIMIT), ("ZRANGE z 0 x", NOT_INTEGER),
    ("ZRANGE z 0 1 BYLEX WITHSCORES", "ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
    ("ZRANGEBYLEX z - + WITHSCORES", "ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
    ("ZRANGE z - + BYLEX BYSCORE", SYNTAX), ("ZRANGE z 0 1 REV REV", SYNTAX), ("ZREVRANGE z 0 1 REV", SYNTAX),
    ("ZRANGEBYSCORE z 0 1 BYSCORE", SYNTAX), ("ZRANGE z 0 1 BYSCORE LIMIT 0", SYNTAX), ("ZRANGE z 0 1 X", SYNTAX),
    ("ZRANGE z 0 1 BYSCORE LIMIT x 1", NOT_INTEGER), ("ZRANGE z 0 1 BYSCORE LIMIT 0 x", NOT_INTEGER),
    ("ZRANGESTORE d z 0 1 WITHSCORES", SYNTAX), ("ZRANGE z a b BYSCORE", NOT_SCORE), ("ZRANGE z a b BYLEX", NOT_TEXT),
])
def test_ranges_that_are_refused(r, command, error):
    r("SET", "z", "of another type: not even looked at")
    with raises_reply(error):
        r(*command.split())
    assert r.effects == []


@pytest.mark.parametrize("command", [
    "ZRANGE k 0 1", "ZREVRANGE k 0 1", "ZRANGEBYSCORE k 0 1", "ZRANGEBYLEX k - +", "ZCOUNT k 0 1", "ZLEXCOUNT k - +",
    "ZREMRANGEBYRANK k 0 1", "ZREMRANGEBYSCORE k 0 1", "ZREMRANGEBYLEX k - +", "ZRANGESTORE d k 0 1",
])
def test_another_type_is_refused_and_no_key_is_nothing(r, command):
    assert r(*command.split()) in (0, [])
    assert r.effects == []
    r("SET", "k", "v")
    with raises_reply(WRONG):
        r(*command.split())


# ---------------------------------------------------------------- storing and removing

def test_zrangestore_replaces_whatever_was_there(r, form):
    given_zset(r, form, ABC)
    for before in (("SET", "d", "v", "EX", 100), ("RPUSH", "d", "x"), ("ZADD", "d", 1, "x")):
        r("DEL", "d")
        r(*before)
        assert r("ZRANGESTORE", "d", "z", 0, 1) == 2
        assert r.effects == [Effect("zrangestore", b"d", 1)]
        assert r.propagated == [[b"ZRANGESTORE", b"d", b"z", b"0", b"1"]]
        assert r("ZRANGE", "d", 0, -1, "WITHSCORES") == [b"a", b"1", b"b", b"2"]
        assert r("TTL", "d") == -1
    assert r("ZRANGESTORE", "d", "z", 5, 9) == 0
    assert r.effects == [Effect("del", b"d", 1)]
    assert r("ZRANGESTORE", "d", "z", 5, 9) == 0
    assert r.effects == [] and r.propagated == []


def test_zrangestore_may_store_a_set_over_itself(r, form):
    given_zset(r, form, ABC)
    assert r("ZRANGESTORE", "z", "z", "(1", 3, "BYSCORE") == 2
    assert r("ZRANGE", "z", 0, -1, "WITHSCORES") == [b"b", b"2", b"c", b"3"]


@pytest.mark.parametrize(("count", "encoding"), [(1, b"listpack"), (128, b"listpack"), (129, b"skiplist")])
def test_what_is_stored_has_the_form_of_its_own_size(r, count, encoding):
    r("ZADD", "z", *(word for i in range(300) for word in (i, f"m{i}")))
    r("ZRANGESTORE", "d", "z", 0, count - 1)
    assert r("OBJECT", "ENCODING", "d") == encoding
    r("ZADD", "d", -1, "x" * 65)
    r("ZRANGESTORE", "e", "d", 0, 0)
    assert r("OBJECT", "ENCODING", "e") == b"skiplist"
    r("ZRANGESTORE", "e", "d", 1, 1)
    assert r("OBJECT", "ENCODING", "e") == b"listpack"


@pytest.mark.parametrize(("command", "event"), [
    ("ZREMRANGEBYRANK z 0 1", "zremrangebyrank"), ("ZREMRANGEBYSCORE z 1 2", "zremrangebyscore"),
    ("ZREMRANGEBYLEX z - [b", "zremrangebylex"),
])
def test_removing_a_range_says_so_and_takes_an_empty_set_away(r, form, command, event):
    given_zset(r, form, ABC)
    assert r(*command.split()) == 2
    assert r.effects == [Effect(event, b"z", 2)]
    assert r("ZREMRANGEBYSCORE", "z", 7, 9) == 0
    assert r.effects == []
    assert r(command.split()[0], "z", *{"k": (0, -1), "e": ("-inf", "inf"), "x": ("-", "+")}[event[-1]]) == 1
    assert r.effects == [Effect(event, b"z", 1), Effect("del", b"z", 0)]
    assert r("EXISTS", "z") == 0


def test_long_ranges_of_a_large_set_are_whole_from_both_ends(r):
    pairs = sorted((i * 7919 % 4001 / 8, b"member:%d" % i) for i in range(4001))
    for at in range(0, 4001, 500):
        r("ZADD", "z", *(word for score, member in pairs[at:at + 500] for word in (score, member)))
    assert r("ZRANGE", "z", 0, -1) == members(pairs)
    assert r("ZREVRANGE", "z", 0, -1) == members(pairs)[::-1]
    assert r("ZRANGE", "z", 100, 400, "BYSCORE") == [m for s, m in pairs if 100 <= s <= 400]
    assert r("ZREMRANGEBYSCORE", "z", 100, 400) == sum(100 <= s <= 400 for s, _ in pairs)
    assert r("ZRANGE", "z", 0, -1) == [m for s, m in pairs if not 100 <= s <= 400]
