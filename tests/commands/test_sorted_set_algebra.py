"""Union, intersection and difference of sorted sets and sets against Python's dicts, over all forms of operands."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.session import Effect, R, raises_reply

KEYS = ["a", "b", "c", "d"]
JOIN = {"SUM": lambda a, b: a + b, "MIN": min, "MAX": max}
FORMS = {"listpack": 20, "skiplist": 200, "intset": 20, "hashtable": 600}       # how many members make it


def score_of(value):
    return 0.0 if math.isnan(value) else value


def given_operand(r, key, scores, form=None):
    """A sorted set with these scores, or a set if there are none but 1s and the form says so."""
    r("DEL", key)
    if form in ("intset", "hashtable"):
        r("SADD", key, *scores)
        scores = dict.fromkeys(scores, 1.0)
    elif scores:
        r("ZADD", key, *(word for m, s in scores.items() for word in (repr(s), m)))
    if form:
        assert r("OBJECT", "ENCODING", key) == form.encode()
    return scores


def model(operation, operands, weights=None, aggregate="SUM"):
    """What Redis makes of them: the shortest operand comes first."""
    weights = weights or [1.0] * len(operands)
    if operation == "DIFF":
        first, *others = operands
        return {m: s for m, s in first.items() if not any(m in o for o in others)}
    result = {}
    for operand, weight in sorted(zip(operands, weights, strict=True), key=lambda pair: len(pair[0])):
        for m, s in operand.items():
            value = score_of(s * weight)
            result[m] = score_of(JOIN[aggregate](result[m], value)) if m in result else value
    if operation == "INTER":
        return {m: s for m, s in result.items() if all(m in o for o in operands)}
    return result


def in_order(scores):
    return sorted(((m.encode() if isinstance(m, str) else b"%d" % m, s) for m, s in scores.items()),
                  key=lambda pair: (pair[1], pair[0]))


def pairs(flat):
    return [(m, float(s)) for m, s in zip(flat[::2], flat[1::2], strict=True)]


def judge(r, operation, operands, keys, options=(), **how):
    expected = in_order(model(operation, operands, **how))
    command = ("Z" + operation, len(keys), *keys, *options)
    assert r(*command) == [m for m, _ in expected]
    assert pairs(r(*command, "WITHSCORES")) == expected
    assert r("Z" + operation + "STORE", "result", len(keys), *keys, *options) == len(expected)
    assert pairs(r("ZRANGE", "result", 0, -1, "WITHSCORES")) == expected
    if expected:
        assert r("OBJECT", "ENCODING", "result") == (b"listpack" if len(expected) <= 128 else b"skiplist")
    if operation == "INTER":
        assert r("ZINTERCARD", len(keys), *keys) == len(expected)


@pytest.fixture(params=["UNION", "INTER", "DIFF"])
def operation(request):
    return request.param


@pytest.mark.parametrize("forms", list(itertools.product(FORMS, FORMS)), ids="-".join)
def test_two_operands_of_any_forms(r, operation, forms):
    operands = {}
    for key, form, start in zip(KEYS, forms, (0, 10), strict=False):
        scores = {i: float(i * 37 % 11) for i in range(start, start + FORMS[form])}
        operands[key] = given_operand(r, key, scores, form)
    for keys in (["a", "b"], ["b", "a"], ["a"], ["a", "a"], ["a", "none"], ["none", "a"], ["none"]):
        judge(r, operation, [operands.get(key, {}) for key in keys], keys)


@pytest.mark.parametrize("aggregate", JOIN)
@pytest.mark.parametrize("operation", ["UNION", "INTER"])
def test_scores_are_weighted_and_joined(r, operation, aggregate):
    rng = random.Random(1)
    operands = [{i: rng.uniform(-5, 5) for i in rng.sample(range(300), n)} for n in (250, 10, 200)]
    for key, scores in zip(KEYS, operands, strict=False):
        given_operand(r, key, scores)
    for weights in ([1, 1, 1], [2, 0.5, -3], [0, 0, 1e300]):
        options = ("weights", *weights, "Aggregate", aggregate)
        judge(r, operation, operands, KEYS[:3], options, weights=weights, aggregate=aggregate)
    judge(r, operation, operands, KEYS[:3], ("AGGREGATE", "MAX", "AGGREGATE", aggregate), aggregate=aggregate)


SCORES = st.one_of(st.integers(-9, 9).map(float), st.sampled_from([math.inf, -math.inf, 0.1, 1e308, -1e308]))


@given(st.lists(st.dictionaries(st.integers(0, 30), SCORES), min_size=1, max_size=4),
       st.sampled_from(["UNION", "INTER"]), st.sampled_from(list(JOIN)))
def test_any_scores(operands, operation, aggregate):
    r = R()
    for key, scores in zip(KEYS, operands, strict=False):
        given_operand(r, key, scores)
    judge(r, operation, operands, KEYS[:len(operands)], ("AGGREGATE", aggregate), aggregate=aggregate)


def test_what_is_no_number_counts_as_zero(r):
    r("ZADD", "i", "inf", "p", 1, "q")
    r("ZADD", "j", "-inf", "p", 2, "q")
    assert pairs(r("ZUNION", 2, "i", "j", "WITHSCORES")) == [(b"p", 0.0), (b"q", 3.0)]
    assert pairs(r("ZINTER", 2, "i", "j", "WITHSCORES")) == [(b"p", 0.0), (b"q", 3.0)]
    assert pairs(r("ZUNION", 1, "i", "WEIGHTS", 0, "WITHSCORES")) == [(b"p", 0.0), (b"q", 0.0)]


def test_scores_are_pairs_in_resp3(r):
    r("ZADD", "a", 1, "x", 2, "y")
    r("HELLO", 3)
    for command in ("ZUNION", "ZINTER", "ZDIFF"):
        assert r.raw(command, 1, "a", "WITHSCORES") == b"*2\r\n*2\r\n$1\r\nx\r\n,1\r\n*2\r\n$1\r\ny\r\n,2\r\n"
        assert r.raw(command, 1, "a") == b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n"


@pytest.mark.parametrize(("limit", "expected"), [(0, 15), (1, 1), (14, 14), (15, 15), (2**63 - 1, 15)])
def test_zintercard_stops_at_the_limit(r, limit, expected):
    given_operand(r, "a", dict.fromkeys(range(20), 1.0))
    given_operand(r, "b", dict.fromkeys(range(5, 25), 1.0))
    assert r("ZINTERCARD", 2, "a", "b", "LIMIT", limit) == expected


INPUT_KEYS = "ERR at least 1 input key is needed for '%s' command"
SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"


@pytest.mark.parametrize(("command", "error"), [
    (("ZUNION", 0, "a"), INPUT_KEYS % "zunion"), (("ZINTERSTORE", "d", -1, "a"), INPUT_KEYS % "zinterstore"),
    (("ZDIFF", "x", "a"), NOT_INTEGER), (("ZUNION", 2, "a"), SYNTAX), (("ZUNION", 2**63 - 1, "a"), SYNTAX),
    (("ZUNION", 1, "a", "WEIGHTS"), SYNTAX), (("ZUNION", 1, "a", "WEIGHTS", "x"), "ERR weight value is not a float"),
    (("ZUNION", 1, "a", "WEIGHTS", "nan"), "ERR weight value is not a float"), (("ZUNION", 1, "a", "FOO"), SYNTAX),
    (("ZUNION", 1, "a", "AGGREGATE"), SYNTAX), (("ZUNION", 1, "a", "AGGREGATE", "AVG"), SYNTAX),
    (("ZDIFF", 1, "a", "WEIGHTS", 1), SYNTAX), (("ZDIFF", 1, "a", "AGGREGATE", "SUM"), SYNTAX),
    (("ZUNIONSTORE", "d", 1, "a", "WITHSCORES"), SYNTAX), (("ZDIFFSTORE", "d", 1, "a", "WITHSCORES"), SYNTAX),
    (("ZINTERCARD", 1, "a", "LIMIT", -1), "ERR LIMIT can't be negative"), (("ZINTERCARD", 1, "a", "LIMIT"), SYNTAX),
    (("ZINTERCARD", 1, "a", "LIMIT", "x"), "ERR LIMIT can't be negative"), (("ZINTER", 1, "a", "LIMIT", 1), SYNTAX),
    (("ZINTERCARD", 1, "a", "WITHSCORES"), SYNTAX), (("ZUNION", 2, "a", "string"), WRONG),
    (("ZINTERSTORE", "d", 2, "none", "string"), WRONG), (("ZDIFF", 2, "string", "a", "FOO"), WRONG),
])
def test_what_cannot_be_is_refused_and_changes_nothing(r, command, error):
    r("ZADD", "a", 1, "x")
    r("ZADD", "d", 1, "old")
    r("SET", "string", "v")
    with raises_reply(error):
        r(*command)
    assert r.effects == [] and r.propagated == []
    assert r("ZRANGE", "d", 0, -1) == [b"old"]


def test_a_result_takes_the_place_of_whatever_was_there(r, operation):
    r("ZADD", "a", 1, "x", 2, "y")
    command = f"Z{operation}STORE"
    for before in (("SET", "d", "v", "EX", 100), ("ZADD", "d", 1, "old"), ("DEL", "d")):
        r(*before)
        assert r(command, "d", 1, "a") == 2
        assert r.effects == [Effect(command.lower(), b"d", 1)]
        assert r.propagated == [[command.encode(), b"d", b"1", b"a"]]
        assert r("ZRANGE", "d", 0, -1) == [b"x", b"y"]
        assert r("TTL", "d") == -1


def test_an_empty_result_removes_the_key(r, operation):
    r("SET", "d", "v")
    assert r(f"Z{operation}STORE", "d", 1, "none") == 0
    assert r.effects == [Effect("del", b"d", 1)]
    assert r(f"Z{operation}STORE", "d", 1, "none") == 0
    assert r.effects == [] and r.propagated == []


@pytest.mark.parametrize("n", [50, 500])
def test_the_destination_may_be_a_source(r, operation, n):
    operands = [{i: float(i) for i in range(n)}, dict.fromkeys(range(n // 2, n * 2), 1.0)]
    for key, scores in zip(KEYS, operands, strict=False):
        given_operand(r, key, scores)
    expected = in_order(model(operation, operands))
    assert r(f"Z{operation}STORE", "a", 2, "a", "b") == len(expected)
    assert pairs(r("ZRANGE", "a", 0, -1, "WITHSCORES")) == expected
