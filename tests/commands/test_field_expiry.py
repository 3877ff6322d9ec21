"""The expiry of fields: replies, effects, propagation, and what is seen of a field whose time is over."""

import _pyredis.figures as figures
import pytest

from tests.commands.test_hashes import given_hash, pairs, refused
from tests.session import EXEC, MULTI, START_US, Effect, R

NOW = START_US // 1000
LATEST = 2**46 - 1
MANDATORY = "ERR Mandatory argument FIELDS is missing or not at the right position"
MISMATCH = "ERR The `numfields` parameter must match the number of arguments"
POSITIVE = "ERR Number of fields must be a positive integer"
ABOVE_0 = "ERR Parameter `numFields` should be greater than 0"
NOT_INTEGER = "ERR value is not an integer or out of range"
NEGATIVE = "ERR invalid expire time, must be >= 0"


@pytest.fixture(params=["listpackex", "hashtable"])
def form(request):
    return request.param


def given_over(r, form, *over, **lasting):
    """A hash of which some fields are over but still there."""
    given_hash(r, form, **dict.fromkeys(over, "1"), **lasting)
    r("HPEXPIRE", "h", 10, "FIELDS", len(over), *over)
    r.advance(ms=11)


# ---------------------------------------------------------------- HEXPIRE and its kin

@pytest.mark.parametrize(("command", "number", "at"), [
    ("HEXPIRE", 10, NOW + 10_000), ("HPEXPIRE", 10, NOW + 10), ("HEXPIREAT", 4 * 10**9, 4 * 10**12),
    ("HPEXPIREAT", 4 * 10**12, 4 * 10**12), ("HPEXPIREAT", LATEST, LATEST), ("HPEXPIRE", LATEST - NOW, LATEST),
    ("HEXPIREAT", LATEST // 1000, LATEST // 1000 * 1000),
])
def test_an_expiry_is_set_and_propagated_as_an_instant(r, form, command, number, at):
    given_hash(r, form)
    assert r(command, "h", number, "FIELDS", 3, "a", "none", "b") == [1, -2, 1]
    assert r.effects == [Effect("hexpire", b"h", 2)]
    assert r.propagated == [[b"HPEXPIREAT", b"h", b"%d" % at, b"FIELDS", b"2", b"a", b"b"]]
    assert r("HPEXPIRETIME", "h", "FIELDS", 4, "a", "b", "c", "none") == [at, at, -1, -2]
    assert r("HEXPIRETIME", "h", "FIELDS", 1, "a") == [-(-at // 1000)]
    assert figures.databases(r.server.core)[0][5] == 1


def test_conditions(r, form):
    given_hash(r, form)
    assert r("HEXPIRE", "h", 100, "XX", "FIELDS", 2, "a", "b") == [0, 0]
    assert r.effects == [] and r.propagated == []
    assert r("HEXPIRE", "h", 100, "GT", "FIELDS", 1, "a") == [0]
    assert r("HEXPIRE", "h", 100, "nx", "FIELDS", 1, "a") == [1]
    assert r("HEXPIRE", "h", 100, "nx", "FIELDS", 2, "a", "b") == [0, 1]
    assert r.propagated == [[b"HPEXPIREAT", b"h", b"%d" % (NOW + 100_000), b"nx", b"FIELDS", b"1", b"b"]]
    assert r("HEXPIRE", "h", 100, "GT", "FIELDS", 1, "a") == [0]
    assert r("HEXPIRE", "h", 100, "LT", "FIELDS", 2, "a", "c") == [0, 1]
    assert r("HEXPIRE", "h", 200, "GT", "FIELDS", 2, "a", "none") == [1, -2]
    assert r("HEXPIRE", "h", 50, "LT", "FIELDS", 1, "a") == [1]
    assert r("HEXPIRE", "h", 60, "XX", "FIELDS", 1, "a") == [1]
    assert r("HTTL", "h", "FIELDS", 3, "a", "b", "c") == [60, 100, 100]


@pytest.mark.parametrize(("command", "number"), [
    ("HEXPIRE", 0), ("HPEXPIRE", 0), ("HEXPIREAT", 1), ("HPEXPIREAT", NOW)])
def test_a_time_that_is_past_removes_the_field(r, form, command, number):
    given_hash(r, form)
    assert r(command, "h", number, "FIELDS", 3, "a", "none", "b") == [2, -2, 2]
    assert r.effects == [Effect("hdel", b"h", 2)]
    assert r.propagated == [MULTI, [b"HDEL", b"h", b"a"], [b"HDEL", b"h", b"b"], EXEC]
    assert r("HGETALL", "h") == [b"c", b"3"]
    assert r(command, "h", number, "FIELDS", 2, "c", "c") == [2, -2]
    assert r.effects == [Effect("hdel", b"h", 1), Effect("del", b"h", 0)]
    assert r("EXISTS", "h") == 0


def test_conditions_are_judged_before_a_past_time_removes(r, form):
    given_hash(r, form)
    r("HEXPIRE", "h", 100, "FIELDS", 1, "a")
    assert r("HEXPIRE", "h", 0, "XX", "FIELDS", 2, "a", "b") == [2, 0]
    assert r("HEXPIRE", "h", 0, "GT", "FIELDS", 1, "b") == [0]
    assert r("HEXPIRE", "h", 0, "LT", "FIELDS", 1, "b") == [2]


def test_without_a_key_every_field_is_missing(r):
    for command in (["HEXPIRE", "h", 10], ["HTTL", "h"], ["HPTTL", "h"], ["HEXPIRETIME", "h"], ["HPERSIST", "h"]):
        assert r(*command, "FIELDS", 2, "a", "b") == [-2, -2]
    for command in ("HGETEX", "HGETDEL"):
        assert r(command, "h", "FIELDS", 2, "a", "b") == [None, None]
    assert r("DBSIZE") == 0


@pytest.mark.parametrize(("error", "words"), [
    (MANDATORY, [10, "FIELD", 1, "a"]), (MANDATORY, [10, "NX", "XX", "FIELDS", 1, "a"]),
    (MANDATORY, [10, "FOO", "FIELDS", 1, "a"]), (NOT_INTEGER, ["x", "FOO", 1, "a"]), (NEGATIVE, [-1, "FOO", 1, "a"]),
    ("ERR invalid expire time in 'hexpire' command", [2**62, "FOO", 1, "a"]),
    ("ERR invalid expire time in 'hexpire' command", [LATEST // 1000 - NOW // 1000 + 1, "FIELDS", 1, "a"]),
    (ABOVE_0, [10, "FIELDS", "x", "a"]), (ABOVE_0, [10, "FIELDS", 0, "a"]), (ABOVE_0, [10, "NX", "FIELDS", -1, "a"]),
    (MISMATCH, [10, "FIELDS", 2, "a"]), (MISMATCH, [10, "FIELDS", 1, "a", "b"]), (MISMATCH, [10, "NX", "FIELDS", 1]),
    (MISMATCH, [10, "FIELDS", 2**63 - 1, "a"]), (ABOVE_0, [10, "FIELDS", 2**63, "a"]),
    ("ERR wrong number of arguments for 'hexpire' command", [10, "FIELDS", 1]),
])
def test_hexpire_refuses_what_does_not_parse(r, form, error, words):
    given_hash(r, form)
    refused(r, error, "HEXPIRE", "h", *words)
    refused(r, error, "HEXPIRE", "none", *words, key="none")


@pytest.mark.parametrize("command", ["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST", "HGETEX", "HGETDEL"])
def test_the_list_of_fields_must_be_whole(r, form, command):
    given_hash(r, form)
    for error, words in ((MANDATORY, ["FOO", "x", "a"]), (POSITIVE, ["FIELDS", "x", "a"]),
                         (POSITIVE, ["FIELDS", 0, "a"]), (MISMATCH, ["FIELDS", 2, "a"]),
                         (MISMATCH, ["FIELDS", 1, "a", "b"])):
        refused(r, error, command, "h", *words)
        refused(r, error, command, "none", *words, key="none")


# ---------------------------------------------------------------- HTTL, HPERSIST

def test_the_time_left_is_rounded_up(r, form):
    given_hash(r, form)
    r("HPEXPIRE", "h", 1001, "FIELDS", 1, "a")
    assert r("HTTL", "h", "FIELDS", 3, "a", "b", "none") == [2, -1, -2]
    assert r("HPTTL", "h", "FIELDS", 3, "a", "b", "none") == [1001, -1, -2]
    r.advance(ms=1)
    assert r("HTTL", "h", "FIELDS", 1, "a") == [1]
    r.advance(ms=1000)
    assert r("HPTTL", "h", "FIELDS", 1, "a") == [0]           # at the very millisecond it still lives
    r.advance(ms=1)
    assert r("HPTTL", "h", "FIELDS", 1, "a") == [-2]


def test_hpersist_is_one_change_however_many_fields(r, form):
    given_hash(r, form)
    r("HEXPIRE", "h", 100, "FIELDS", 2, "a", "b")
    assert r("HPERSIST", "h", "FIELDS", 4, "a", "b", "c", "none") == [1, 1, -1, -2]
    assert r.effects == [Effect("hpersist", b"h", 1)]
    assert r.propagated == [[b"HPERSIST", b"h", b"FIELDS", b"4", b"a", b"b", b"c", b"none"]]
    assert r("HPERSIST", "h", "FIELDS", 1, "a") == [-1]
    assert r.effects == [] and r.propagated == []
    assert figures.databases(r.server.core)[0][5] == 0


def test_hset_drops_an_expiry_counters_keep_it(r, form):
    given_hash(r, form)
    for command, left in ((["HSET", "h", "a", 5], -1), (["HMSET", "h", "a", 5], -1), (["HINCRBY", "h", "a", 5], 100),
                          (["HINCRBYFLOAT", "h", "a", 5], 100), (["HSETNX", "h", "a", 5], 100),
                          (["HSETEX", "h", "FIELDS", 1, "a", 5], -1),
                          (["HSETEX", "h", "KEEPTTL", "FIELDS", 1, "a", 5], 100)):
        r("HEXPIRE", "h", 100, "FIELDS", 1, "a")
        r(*command)
        assert r("HTTL", "h", "FIELDS", 1, "a") == [left], command
        assert r.session.check_hashes() == 0


# ---------------------------------------------------------------- HGETEX, HGETDEL

def test_hgetex_sets_and_clears_expiries(r, form):
    given_hash(r, form)
    assert r("HGETEX", "h", "FIELDS", 2, "a", "none") == [b"1", None]
    assert r.effects == [] and r.propagated == []
    for option, number, at in (("EX", 100, NOW + 100_000), ("px", 100, NOW + 100), ("EXAT", 4 * 10**9, 4 * 10**12),
                               ("PXAT", 4 * 10**12, 4 * 10**12)):
        assert r("HGETEX", "h", option, number, "FIELDS", 3, "a", "none", "b") == [b"1", None, b"two"]
        assert r.effects == [Effect("hexpire", b"h", 2)]
        assert r.propagated == [[b"HPEXPIREAT", b"h", b"%d" % at, b"FIELDS", b"3", b"a", b"none", b"b"]]
    assert r("HGETEX", "h", "PERSIST", "FIELDS", 3, "a", "none", "c") == [b"1", None, b"3"]
    assert r.effects == [Effect("hpersist", b"h", 1)]
    assert r.propagated == [[b"HPERSIST", b"h", b"FIELDS", b"3", b"a", b"none", b"c"]]
    assert r("HGETEX", "h", "PERSIST", "FIELDS", 1, "c") == [b"3"]
    assert r.effects == [] and r.propagated == []


def test_hgetex_with_a_past_time_reads_and_removes(r, form):
    given_hash(r, form)
    assert r("HGETEX", "h", "EX", 0, "FIELDS", 2, "a", "none") == [b"1", None]
    assert r.effects == [Effect("hdel", b"h", 1)]
    assert r.propagated == [[b"HDEL", b"h", b"a"]]
    assert r("HGETEX", "h", "PXAT", 1, "FIELDS", 3, "b", "c", "b") == [b"two", b"3", None]
    assert r.effects == [Effect("hdel", b"h", 2), Effect("del", b"h", 0)]
    assert r.propagated == [MULTI, [b"HDEL", b"h", b"b"], [b"HDEL", b"h", b"c"], EXEC]


@pytest.mark.parametrize(("error", "words"), [
    (MANDATORY, ["NX", "FIELDS", 1, "a"]), (MANDATORY, ["KEEPTTL", "FIELDS", 1, "a"]),
    (MANDATORY, ["EX", 10, "PX", 10, "FIELDS", 1, "a"]), (MANDATORY, ["EX", 10, "PERSIST", "FIELDS", 1, "a"]),
    (NOT_INTEGER, ["EX", "x", "FOO", 1, "a"]), (NOT_INTEGER, ["EX", "FIELDS", 1, "a"]),
    (NEGATIVE, ["PX", -1, "FIELDS", 1, "a"]),
    ("ERR invalid expire time in 'hgetex' command", ["PXAT", LATEST + 1, "FIELDS", 1, "a"]),
    (MISMATCH, ["EX", 10, "FIELDS", 1]), (POSITIVE, ["PERSIST", "FIELDS", 0, "a"]),
    ("ERR wrong number of arguments for 'hgetex' command", ["EX", 10, "FIELDS"]),
])
def test_hgetex_refuses_what_does_not_parse(r, form, error, words):
    given_hash(r, form)
    refused(r, error, "HGETEX", "h", *words)
    refused(r, error, "HGETEX", "none", *words, key="none")


def test_hgetdel_reads_and_removes(r, form):
    given_hash(r, form)
    assert r("HGETDEL", "h", "FIELDS", 3, "a", "none", "a") == [b"1", None, None]
    assert r.effects == [Effect("hdel", b"h", 1)]
    assert r.propagated == [[b"HDEL", b"h", b"a", b"none", b"a"]]
    assert r("HGETDEL", "h", "FIELDS", 1, "a") == [None]
    assert r.effects == [] and r.propagated == []
    assert r("HGETDEL", "h", "FIELDS", 2, "b", "c") == [b"two", b"3"]
    assert r.effects == [Effect("hdel", b"h", 2), Effect("del", b"h", 0)]
    assert r("EXISTS", "h") == 0


# ---------------------------------------------------------------- HSETEX

def test_hsetex_sets_fields_with_one_expiry(r, form):
    given_hash(r, form)
    assert r("HSETEX", "h", "EX", 100, "FIELDS", 2, "a", "x", "n", "y") == 1
    assert r.effects == [Effect("hset", b"h", 2), Effect("hexpire", b"h", 0)]
    assert r.propagated == [[b"HSETEX", b"h", b"PXAT", b"%d" % (NOW + 100_000), b"FIELDS", b"2", b"a", b"x", b"n",
                             b"y"]]
    assert r("HTTL", "h", "FIELDS", 3, "a", "b", "n") == [100, -1, 100]
    assert r("HSETEX", "h", "KEEPTTL", "FIELDS", 2, "a", "5", "b", "5") == 1
    assert r.effects == [Effect("hset", b"h", 2)]
    assert r("HTTL", "h", "FIELDS", 2, "a", "b") == [100, -1]
    assert r("HSETEX", "h", "FIELDS", 1, "a", "6") == 1
    assert r.propagated == [[b"HSETEX", b"h", b"FIELDS", b"1", b"a", b"6"]]
    assert r("HTTL", "h", "FIELDS", 1, "a") == [-1]
    assert r("HSETEX", "new", "FIELDS", 1, "f", "v") == 1
    assert r("HGETALL", "new") == [b"f", b"v"]


def test_hsetex_conditions_are_on_all_fields(r, form):
    given_hash(r, form)
    assert r("HSETEX", "h", "FNX", "FIELDS", 2, "n", 1, "a", 1) == 0
    assert r("HSETEX", "h", "FXX", "FIELDS", 2, "a", 9, "n", 9) == 0
    assert r.effects == [] and r.propagated == []
    assert r("HSETEX", "none", "FXX", "FIELDS", 1, "a", 1) == 0
    assert r("EXISTS", "none") == 0
    assert r("HSETEX", "h", "PX", 10, "FNX", "FIELDS", 1, "n", 1) == 1
    assert r.propagated == [[b"HSETEX", b"h", b"PXAT", b"%d" % (NOW + 10), b"FNX", b"FIELDS", b"1", b"n", b"1"]]
    assert r("HSETEX", "h", "FXX", "FIELDS", 2, "a", 9, "n", 9) == 1
    assert r("HMGET", "h", "a", "n") == [b"9", b"9"]


def test_hsetex_conditions_on_the_key_are_not_propagated(r, form):
    given_hash(r, form)
    assert r("HSETEX", "h", "NX", "FIELDS", 1, "a", 9) == 0
    assert r("HSETEX", "none", "XX", "FIELDS", 1, "a", 9) == 0
    assert r.effects == []
    assert r("HSETEX", "h", "XX", "FXX", "EX", 10, "FIELDS", 1, "a", 9) == 1
    assert r.propagated == [[b"HSETEX", b"h", b"FXX", b"PXAT", b"%d" % (NOW + 10_000), b"FIELDS", b"1", b"a", b"9"]]
    assert r("HSETEX", "new", "NX", "FIELDS", 1, "a", 9) == 1
    assert r.propagated == [[b"HSETEX", b"new", b"FIELDS", b"1", b"a", b"9"]]


def test_hsetex_with_a_past_time_leaves_nothing(r, form):
    given_hash(r, form)
    assert r("HSETEX", "h", "EXAT", 1, "FIELDS", 2, "a", 1, "n", 2) == 1
    assert r.effects == [Effect("hset", b"h", 0), Effect("hdel", b"h", 2)]
    assert r.propagated == [MULTI, [b"HDEL", b"h", b"a"], [b"HDEL", b"h", b"n"], EXEC]
    assert pairs(r("HGETALL", "h")) == {b"b": b"two", b"c": b"3"}
    assert r("HSETEX", "new", "PX", 0, "FIELDS", 1, "a", 1) == 1
    assert r.effects == [Effect("hset", b"new", 0), Effect("hdel", b"new", 1), Effect("del", b"new", 0)]
    assert r("EXISTS", "new") == 0


ARITY = "ERR wrong number of arguments for 'hsetex' command"
ONE_LIFE = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
ONE_CONDITION = "ERR Only one of FXX or FNX arguments can be specified"


@pytest.mark.parametrize(("error", "words"), [
    (ARITY, ["FIELDS", 1, "a", 1, "EX", 10]), (ARITY, ["FIELDS", 2, "a", 1]), (ARITY, ["FIELDS", 1, "a", 1, "b"]),
    (ARITY, ["EX", 10, "FNX", "FIELDS"]), (ARITY, ["EX", 10, "FIELDS", 0, "a"]),
    (ARITY, ["EX", 10, "FNX", "FIELDS", 1]), (ARITY, ["FNX", "EX", 10, "NX"]),
    ("ERR invalid number of fields", ["FIELDS", 0, "a", 1]), ("ERR invalid number of fields", ["FIELDS", "x", "a", 1]),
    ("ERR invalid number of fields", ["FIELDS", 2**31, "a", 1]), (ARITY, ["FIELDS", 2**31 - 1, "a", 1]),
    ("ERR unknown argument: FOO", ["FOO", "FIELDS", 1, "a", 1]), ("ERR unknown argument: a", ["EX", 10, "a", 1]),
    (ONE_LIFE, ["EX", 10, "KEEPTTL", "FIELDS", 1, "a", 1]), (ONE_LIFE, ["EX", 10, "EX", 10, "FIELDS", 1, "a", 1]),
    (ONE_LIFE, ["FNX", "EX", 10, "EX"]), (ONE_CONDITION, ["FNX", "FXX", "FIELDS", 1, "a", 1]),
    (ONE_CONDITION, ["FXX", "FXX", "FIELDS", 1, "a", 1]), ("ERR syntax error", ["NX", "XX", "FIELDS", 1, "a", 1]),
    (NOT_INTEGER, ["EX", "x", "FOO", "FIELDS", 1, "a", 1]), (NEGATIVE, ["EX", -1, "FOO", "FIELDS", 1, "a", 1]),
    ("ERR invalid expire time in 'hsetex' command", ["PXAT", LATEST + 1, "FIELDS", 1, "a", 1]),
])
def test_hsetex_refuses_what_does_not_parse(r, form, error, words):
    given_hash(r, form)
    refused(r, error, "HSETEX", "h", *words)
    r("SET", "string", "v")
    refused(r, error, "HSETEX", "string", *words, key="string")


# ---------------------------------------------------------------- what is over, and still there

@pytest.mark.parametrize(("command", "answer"), [
    (["HGET", "h", "a"], None), (["HMGET", "h", "a", "none"], [None, None]), (["HEXISTS", "h", "a"], 0),
    (["HSTRLEN", "h", "a"], 0), (["HGETEX", "h", "FIELDS", 1, "a"], [None]),
    (["HGETDEL", "h", "FIELDS", 1, "a"], [None]), (["HSETEX", "h", "FXX", "FIELDS", 1, "a", 1], 0),
])
def test_who_looks_for_a_field_that_is_over_removes_it(r, form, command, answer):
    given_over(r, form, "a", "b", c="3")
    assert r(*command) == answer
    assert r.effects == [Effect("hexpired", b"h", 0)]
    assert r.propagated == [[b"HDEL", b"h", b"a"]]
    assert r("HLEN", "h") == 2
    r("HDEL", "h", "b", "c")
    given_over(r, form, "a")
    assert r(*command) == answer
    assert r.effects == [Effect("hexpired", b"h", 0), Effect("del", b"h", 0)]
    assert r("EXISTS", "h") == 0


def test_several_fields_met_are_one_event(r, form):
    given_over(r, form, "a", "b", c="3")
    assert r("HMGET", "h", "a", "b", "c") == [None, None, b"3"]
    assert r.effects == [Effect("hexpired", b"h", 0)]
    assert r.propagated == [MULTI, [b"HDEL", b"h", b"a"], [b"HDEL", b"h", b"b"], EXEC]


@pytest.mark.parametrize(("command", "answer", "event"), [
    (["HSETNX", "h", "a", 5], 1, "hset"), (["HINCRBY", "h", "a", 5], 5, "hincrby"),
    (["HINCRBYFLOAT", "h", "a", 5], b"5", "hincrbyfloat"),
])
def test_counters_begin_anew_where_a_field_is_over(r, form, command, answer, event):
    given_over(r, form, "a", b="2")
    assert r(*command) == answer
    assert r.effects == [Effect("hexpired", b"h", 0), Effect(event, b"h", 1)]
    assert r.propagated[1] == [b"HDEL", b"h", b"a"] and len(r.propagated) == 4
    assert r("HTTL", "h", "FIELDS", 1, "a") == [-1]
    r("DEL", "h")
    given_over(r, form, "a")
    r("EXPIRE", "h", 100)
    assert r(*command) == answer
    assert r.effects == [Effect("hexpired", b"h", 0), Effect("del", b"h", 0), Effect(event, b"h", 1)]
    assert r("TTL", "h") == -1                   # it is another hash


def test_hset_and_hdel_take_a_field_that_is_over_as_there(r, form):
    given_over(r, form, "a", "b", c="3")
    assert r("HSET", "h", "a", 5) == 0
    assert r.effects == [Effect("hset", b"h", 1)]
    assert r("HGET", "h", "a") == b"5"
    assert r("HDEL", "h", "b") == 1
    assert r.effects == [Effect("hdel", b"h", 1)]


def test_hexpire_lets_a_field_that_is_over_live_again(r, form):
    given_over(r, form, "a", "b", c="3")
    assert r("HEXPIRE", "h", 100, "FIELDS", 1, "a") == [1]
    assert r("HGET", "h", "a") == b"1"
    assert r("HEXPIRE", "h", 100, "NX", "FIELDS", 1, "b") == [0]
    assert r("HEXPIRE", "h", 0, "FIELDS", 1, "b") == [2]
    assert r.effects == [Effect("hdel", b"h", 1)]


def test_httl_and_hpersist_leave_it_alone(r, form):
    given_over(r, form, "a", c="3")
    for command in ("HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST"):
        assert r(command, "h", "FIELDS", 2, "a", "c") == [-2, -1]
        assert r.effects == [] and r.propagated == []
    assert r("HLEN", "h") == 2


def test_hsetex_keepttl_of_a_field_that_is_over_does_not_revive_it(r, form):
    given_over(r, form, "a", c="3")
    assert r("HSETEX", "h", "KEEPTTL", "FIELDS", 1, "a", 9) == 1
    assert r("HTTL", "h", "FIELDS", 1, "a") == [-2]


def test_hsetex_fnx_sets_where_fields_are_over(r, form):
    given_over(r, form, "a")
    r("EXPIRE", "h", 100)
    assert r("HSETEX", "h", "FNX", "FIELDS", 1, "a", 2) == 1
    assert r.effects == [Effect("hexpired", b"h", 0), Effect("hset", b"h", 1)]
    assert r("TTL", "h") == 100                  # the same hash still


def test_hgetex_tells_what_lapsed_before_what_it_changed(r, form):
    given_over(r, form, "a", b="2")
    assert r("HGETEX", "h", "EX", 10, "FIELDS", 2, "b", "a") == [b"2", None]
    assert r.effects == [Effect("hexpired", b"h", 0), Effect("hexpire", b"h", 1)]
    assert [words[0] for words in r.propagated] == [b"MULTI", b"HDEL", b"HPEXPIREAT", b"EXEC"]


def test_copies_take_along_what_is_over(r, form):
    given_over(r, form, "a", b="2")
    r("COPY", "h", "h2")
    assert r("HLEN", "h2") == 2
    assert r("HGETALL", "h2") == [b"b", b"2"]
    assert r("HGET", "h2", "a") is None
    assert r.effects == [Effect("hexpired", b"h2", 0)]


def test_a_hash_of_only_fields_that_are_over_is_there_until_somebody_looks(r, form):
    given_over(r, form, "a", "b")
    assert r("EXISTS", "h") == 1
    assert r("HLEN", "h") == 2
    assert r("HGETALL", "h") == []
    assert r("HSCAN", "h", 0) == [b"0", []]
    assert r("HDEL", "h", "a", "b") == 2
    assert r("EXISTS", "h") == 0


# ---------------------------------------------------------------- unasked

def cycles(r, most=50):
    """The active cycle until nothing more is to be removed; all effects and propagated commands on the way."""
    effects, propagated = [], []
    for _ in range(most):
        r.session.clear()
        r.cycle()
        effects += r.effects
        propagated += r.propagated
        r.advance(ms=100)
        if not r.effects:
            break
    return effects, propagated


def test_the_cycle_removes_fields_that_are_over(r, form):
    given_over(r, form, "a", "b", c="3")
    effects, propagated = cycles(r)
    assert effects == [Effect("hexpired", b"h", 0)]
    assert sorted(propagated) == [[b"HDEL", b"h", b"a"], [b"HDEL", b"h", b"b"]]
    assert r("HLEN", "h") == 1
    assert figures.databases(r.server.core)[0][5] == 0
    assert b"expired_subkeys:2\r\n" in r("INFO", "stats")


def test_the_cycle_removes_a_hash_with_its_last_field(r, form):
    given_over(r, form, "a", "b")
    effects, propagated = cycles(r)
    assert effects == [Effect("hexpired", b"h", 0), Effect("del", b"h", 0)]
    assert len(propagated) == 2
    assert r("EXISTS", "h") == 0


def test_the_cycle_removes_all_of_many_hashes_and_nothing_else(r):
    for i in range(500):
        r("HSETEX", f"stale{i}", "PX", 10, "FIELDS", 1, "f", 1)
        r("HSETEX", f"live{i}", "PX", 100_000, "FIELDS", 1, "f", 1)
        r("HSET", f"half{i}", "g", 1)
        r("HSETEX", f"half{i}", "PX", 10, "FIELDS", 1, "f", 1)
    r.advance(ms=11)
    cycles(r)
    left = figures.databases(r.server.core)[0][5] - 500
    assert left <= 500 * 0.12                    # up to a tenth may stay for later
    assert r("DBSIZE") >= 1000
    assert r.session.check_hashes() == 0


def test_the_cycle_removes_all_fields_of_a_large_hash_in_steps():
    r = R(hash_max_listpack_entries=8)
    for i in range(0, 5000, 500):
        r("HSETEX", "h", "PX", 10, "FIELDS", 500, *[word for j in range(i, i + 500) for word in (j, "v")])
    r("HSET", "h", "last", "v")
    r.advance(ms=11)
    effects, propagated = cycles(r)
    assert r("HGETALL", "h") == [b"last", b"v"]
    assert r("HLEN", "h") == 1
    assert sorted(int(words[2]) for words in propagated) == list(range(5000))
    assert len(effects) >= 5000 // 64


def test_nothing_is_removed_while_the_cycle_is_off(form):
    r = R(enable_debug_command="yes")
    r("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    given_over(r, form, "a", "b")
    assert cycles(r) == ([], [])
    assert r("HLEN", "h") == 2
