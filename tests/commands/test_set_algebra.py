"""Intersection, union and difference against Python's sets, over all forms, and what stores or counts them."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands.test_sets import EXTRA, given_set, members, refused
from tests.session import Effect, R

KEYS = ["a", "b", "c", "d", "e", "f"]
COMBINE = {"SINTER": set.intersection, "SUNION": set.union, "SDIFF": set.difference}


@pytest.fixture(params=COMBINE)
def operation(request):
    return request.param


@pytest.fixture(params=EXTRA)
def form(request):
    return request.param


def words(numbers):
    return {b"%d" % n for n in numbers}


def judge(r, operation, sets, keys):
    """The reply and the stored result are what Python makes of the sets."""
    expected = COMBINE[operation](*(words(sets.get(key, ())) for key in keys))
    found = r(operation, *keys)
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert r(operation + "STORE", "result", *keys) == len(expected)
    assert members(r, "result") == expected
    if operation == "SINTER":
        assert r("SINTERCARD", len(keys), *keys) == len(expected)


@pytest.mark.parametrize("forms", list(itertools.product(EXTRA, EXTRA)), ids="-".join)
def test_two_sets_of_any_forms(r, operation, forms):
    sets = {"a": range(0, 60), "b": range(40, 100)}
    for (key, numbers), form in zip(sets.items(), forms, strict=True):
        given_set(r, form, numbers, key)
    for keys in (["a", "b"], ["b", "a"], ["a"], ["a", "a"], ["a", "none"], ["none", "a"], ["none"], ["a", "b", "a"]):
        judge(r, operation, sets, keys)


@pytest.mark.parametrize("sizes", [(0, 1, 5000), (5000, 5000, 5000), (31, 32, 33), (3000, 10, 10), (64, 4000, 1)])
def test_large_sets(r, operation, sizes):
    rng = random.Random(repr(sizes))
    sets = {key: rng.sample(range(6000), n) for key, n in zip(KEYS, sizes, strict=False)}
    for key, numbers in sets.items():
        if numbers:
            given_set(r, "hashtable", numbers, key)
    for keys in itertools.permutations(sets):
        judge(r, operation, sets, keys)


def test_many_sets(r, operation):
    sets = {"k%d" % i: [*range(i, 300 + i)] for i in range(40)}
    sets["k0"] = [*range(2000)]
    for i, (key, numbers) in enumerate(sets.items()):
        given_set(r, "hashtable" if i % 2 == 0 else "intset", numbers, key)
    judge(r, operation, sets, list(sets))
    judge(r, operation, sets, list(sets)[:7])
    judge(r, operation, sets, [*sets, "none"])
    judge(r, operation, sets, ["none", *sets])


@given(st.lists(st.sets(st.integers(0, 40)), min_size=1, max_size=6), st.sampled_from(list(EXTRA)),
       st.sampled_from(list(COMBINE)))
def test_any_sets(numbers, form, operation):
    r, sets = R(), dict(zip(KEYS, numbers, strict=False))
    for key, some in sets.items():
        if some:
            given_set(r, form, some, key)
    judge(r, operation, sets, list(sets))


@pytest.mark.parametrize(("limit", "expected"), [(0, 50), (1, 1), (33, 33), (50, 50), (51, 50), (2**63 - 1, 50)])
def test_sintercard_stops_at_the_limit(r, form, limit, expected):
    given_set(r, form, range(100), "a")
    given_set(r, form, range(50, 120), "b")
    assert r("SINTERCARD", 2, "a", "b", "limit", limit) == expected
    assert r("SINTERCARD", 2, "a", "b", "LIMIT", 7, "LIMIT", limit) == expected


@pytest.mark.parametrize(("arguments", "error"), [
    ((0, "s"), "ERR numkeys should be greater than 0"), (("x", "s"), "ERR numkeys should be greater than 0"),
    ((2, "s"), "ERR Number of keys can't be greater than number of args"), ((1, "s", "LIMIT"), "ERR syntax error"),
    ((1, "s", "LIMIT", -1), "ERR LIMIT can't be negative"), ((1, "s", "LIMIT", "x"), "ERR LIMIT can't be negative"),
    ((1, "s", "t"), "ERR syntax error"),
])
def test_sintercard_refuses_what_cannot_be(r, arguments, error):
    given_set(r, "intset")
    refused(r, error, "SINTERCARD", *arguments)


# ---------------------------------------------------------------- storing

def test_a_result_takes_the_place_of_whatever_was_there(r, operation):
    given_set(r, "intset", [1, 2], "a")
    event = operation.lower() + "store"
    for before in (("SET", "d", "v", "EX", 100), ("SADD", "d", "old"), ("DEL", "d")):
        r(*before)
        assert r(event, "d", "a") == 2
        assert r.effects == [Effect(event, b"d", 1)]
        assert r.propagated == [[event.encode(), b"d", b"a"]]
        assert members(r, "d") == {b"1", b"2"}
        assert r("TTL", "d") == -1


def test_an_empty_result_removes_the_key(r, operation):
    r("SET", "d", "v")
    command = operation + "STORE"
    assert r(command, "d", "none") == 0
    assert r.effects == [Effect("del", b"d", 1)]
    assert r("EXISTS", "d") == 0
    assert r(command, "d", "none") == 0
    assert r.effects == [] and r.propagated == []


def test_the_destination_may_be_a_source(r, form, operation):
    given_set(r, form, range(10), "a")
    given_set(r, form, range(5, 15), "b")
    expected = COMBINE[operation](words(range(10)), words(range(5, 15)))
    assert r(operation + "STORE", "a", "a", "b") == len(expected)
    assert members(r, "a") == expected


@pytest.mark.parametrize(("command", "sources", "form"), [
    ("SINTERSTORE", [("hashtable", range(300))], "intset"), ("SINTERSTORE", [("hashtable", range(600))], "hashtable"),
    ("SINTERSTORE", [("listpack", range(10)), ("intset", range(20))], "intset"),
    ("SINTERSTORE", [("hashtable", ["a", 1])], "listpack"), ("SUNIONSTORE", [("hashtable", range(300))], "intset"),
    ("SUNIONSTORE", [("intset", range(100)), ("listpack", ["a"])], "listpack"),
    ("SUNIONSTORE", [("intset", range(128)), ("listpack", ["a"])], "hashtable"),
    ("SUNIONSTORE", [("hashtable", ["a"]), ("hashtable", ["b"])], "listpack"),
    ("SDIFFSTORE", [("hashtable", range(600)), ("intset", range(100))], "intset"),
    ("SDIFFSTORE", [("hashtable", range(513)), ("intset", [0]), ("intset", [1])], "hashtable"),
    ("SDIFFSTORE", [("listpack", ["a", 1]), ("listpack", ["a"])], "intset"),
])
def test_a_stored_result_has_the_form_that_redis_gives_it(r, command, sources, form):
    for key, (source, numbers) in zip(KEYS, sources, strict=False):
        r("SADD", key, *([EXTRA[source]] if EXTRA[source] else []), *numbers)
        if EXTRA[source]:
            r("SREM", key, EXTRA[source])
        assert r("OBJECT", "ENCODING", key) == source.encode()
    r(command, "result", *KEYS[:len(sources)])
    assert r("OBJECT", "ENCODING", "result") == form.encode()
