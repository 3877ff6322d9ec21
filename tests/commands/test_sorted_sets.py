"""Sorted sets, member by member: replies, effects, propagation and conversions, once in each form."""

import math

import pytest

from tests.session import Effect, R, raises_reply

WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
NOT_FLOAT = "ERR value is not a valid float"
NAN = "ERR resulting score is not a number (NaN)"
FORMS = ["listpack", "skiplist"]


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def given_zset(r, form, pairs, key="z"):
    """A sorted set of these members with these scores, in this form."""
    r("DEL", key)
    if form == "skiplist":
        r("ZADD", key, 0, "x" * 65)
    if pairs:
        r("ZADD", key, *(word for member, score in pairs.items() for word in (score, member)))
    if form == "skiplist":
        r("ZREM", key, "x" * 65)
    if pairs:
        assert r("OBJECT", "ENCODING", key) == form.encode()


ABC = {"a": 1, "b": 2, "c": 3}


def refused(r, error, *command):
    """The command fails so, and nothing shows that it was tried."""
    before = r("ZRANGE", "z", 0, -1, "WITHSCORES")
    with raises_reply(error):
        r(*command)
    assert r.effects == [] and r.propagated == []
    assert r("ZRANGE", "z", 0, -1, "WITHSCORES") == before


# ---------------------------------------------------------------- ZADD

def test_zadd_counts_the_new_members_and_with_ch_the_changed_ones(r, form):
    given_zset(r, form, ABC)
    assert r("ZADD", "z", 1, "a", 5, "b", 9, "n") == 1
    assert r.effects == [Effect("zadd", b"z", 2)]
    assert r.propagated == [[b"ZADD", b"z", b"1", b"a", b"5", b"b", b"9", b"n"]]
    assert r("ZADD", "z", "CH", 1, "a", 6, "b", 9, "m") == 2
    assert r("ZRANGE", "z", 0, -1) == [b"a", b"c", b"b", b"m", b"n"]


def test_zadd_that_changes_nothing_tells_nobody(r, form):
    given_zset(r, form, ABC)
    for command in (("ZADD", "z", 1, "a"), ("ZADD", "z", "NX", 7, "a"), ("ZADD", "z", "XX", 7, "q"),
                    ("ZADD", "z", "GT", 0, "a"), ("ZADD", "z", "LT", "XX", 9, "a"), ("ZADD", "q", "XX", 1, "a")):
        assert r(*command) == 0
        assert r.effects == [] and r.propagated == []
    assert r("EXISTS", "q") == 0


@pytest.mark.parametrize(("options", "score", "new", "after"), [
    ("NX", 9, 1, b"2"), ("XX", 9, 0, b"9"), ("GT", 9, 1, b"9"), ("GT", 1, 1, b"2"), ("LT", 9, 1, b"2"),
    ("lt", 1, 1, b"1"), ("XX GT", 9, 0, b"9"), ("LT XX", 9, 0, b"2"), ("GT", 2, 1, b"2"), ("xx lt ch", 1, 1, b"1"),
])
def test_zadd_under_conditions(r, form, options, score, new, after):
    given_zset(r, form, ABC)
    assert r("ZADD", "z", *options.split(), score, "b", 5, "n") == new
    assert r("ZSCORE", "z", "b") == after
    assert r("ZSCORE", "z", "n") == (None if "xx" in options.lower() else b"5")


def test_zadd_takes_the_last_score_of_a_member_named_twice(r, form):
    given_zset(r, form, ABC)
    assert r("ZADD", "z", "CH", 1, "n", 5, "n") == 2
    assert r("ZSCORE", "z", "n") == b"5"


def test_zadd_incr_returns_the_score_or_null_where_a_condition_fails(r, form):
    given_zset(r, form, ABC)
    assert r("ZADD", "z", "INCR", 2.5, "a") == b"3.5"
    assert r.effects == [Effect("zincr", b"z", 1)]
    assert r("ZADD", "z", "NX", "INCR", 2.5, "a") is None
    assert r("ZADD", "z", "GT", "INCR", -1, "a") is None
    assert r("ZADD", "z", "XX", "INCR", 1, "q") is None
    assert r.effects == []
    assert r("ZADD", "z", "INCR", 0, "a") == b"3.5"
    assert r.effects == [] and r.propagated == []
    assert r("ZADD", "none", "XX", "INCR", 1, "q") is None
    assert r("EXISTS", "none") == 0


@pytest.mark.parametrize(("words", "error"), [
    ("NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
    ("1 a NX", SYNTAX), ("NX 1", SYNTAX), ("1 a 2", SYNTAX), ("NX", "ERR wrong number of arguments"),
    ("GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
    ("NX GT x a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
    ("INCR 1 a 2 b", "ERR INCR option supports a single increment-element pair"),
    ("1 a x b", NOT_FLOAT), ("nan a", NOT_FLOAT), ("INCR NX XX 1 a 2 b", "ERR XX and NX"), ("CH CH CH q", SYNTAX),
])
def test_zadd_refuses_and_changes_nothing(r, form, words, error):
    given_zset(r, form, ABC)
    refused(r, error, "ZADD", "z", *words.split())


def test_zadd_takes_any_number_of_pairs(r):
    pairs = [word for i in range(500) for word in (i % 7, f"m{i}")]
    assert r("ZADD", "z", *pairs) == 500
    assert r("ZRANGE", "z", 0, -1) == [b"m%d" % i for i in sorted(range(500), key=lambda i: (i % 7, b"m%d" % i))]


def test_zincrby_makes_adds_and_refuses_what_is_no_number(r, form):
    given_zset(r, form, {"a": 1, "up": "inf", "down": "-inf"})
    assert r("ZINCRBY", "z", "0.25", "a") == b"1.25"
    assert r.effects == [Effect("zincr", b"z", 1)]
    assert r.propagated == [[b"ZINCRBY", b"z", b"0.25", b"a"]]
    assert r("ZINCRBY", "z", -3, "new") == b"-3"
    refused(r, NAN, "ZINCRBY", "z", "-inf", "up")
    refused(r, NAN, "ZADD", "z", "INCR", "+inf", "down")
    refused(r, NOT_FLOAT, "ZINCRBY", "z", "x", "a")
    assert r("ZINCRBY", "fresh", 2, "a") == b"2"


@pytest.mark.parametrize(("given", "printed"), [
    ("0.1", b"0.1"), ("1e19", b"1e+19"), ("100000000000000000", b"100000000000000000"), ("inf", b"inf"),
    ("-Infinity", b"-inf"), ("4611686018427389000", b"4611686018427389000"), ("1e-7", b"1e-7"), ("3.0", b"3"),
    ("1.7976931348623157e308", b"1.7976931348623157e+308"), ("5e-324", b"5e-324"), ("0x10", b"16"),
])
def test_scores_print_as_the_shortest_text_that_reads_back(r, form, given, printed):
    given_zset(r, form, ABC)
    r("ZADD", "z", given, "m")
    assert r("ZSCORE", "z", "m") == printed
    assert r("ZADD", "z", printed, "m") == 0 and r.effects == []


def test_minus_zero_keeps_its_sign_in_a_skiplist_only(r, form):
    given_zset(r, form, ABC)
    assert r("ZADD", "z", "INCR", "-0", "m") == b"-0"
    assert r("ZSCORE", "z", "m") == (b"0" if form == "listpack" else b"-0")
    assert r("ZADD", "z", "CH", "0", "m") == 0


# ---------------------------------------------------------------- forms

@pytest.mark.parametrize("entries", [0, 1, 5, 128])
def test_a_set_changes_form_above_as_many_members_as_configured(entries):
    r = R(zset_max_listpack_entries=entries)
    for i in range(entries):
        r("ZADD", "z", i, i)
        assert r("OBJECT", "ENCODING", "z") == b"listpack"
    for i in range(entries):
        r("ZADD", "z", -i, i)
    if entries:
        assert r("OBJECT", "ENCODING", "z") == b"listpack"
    r("ZADD", "z", 1, "one more")
    assert r("OBJECT", "ENCODING", "z") == b"skiplist"
    r("ZREM", "z", "one more")
    r("ZADD", "z", 1, "a")
    assert r("OBJECT", "ENCODING", "z") == b"skiplist"


def test_a_long_member_changes_the_form(r):
    r("ZADD", "z", 1, "x" * 64)
    assert r("OBJECT", "ENCODING", "z") == b"listpack"
    r("ZADD", "z", "XX", 1, "x" * 65)
    assert r("OBJECT", "ENCODING", "z") == b"listpack"
    r("ZADD", "z", 1, "x" * 65)
    assert r("OBJECT", "ENCODING", "z") == b"skiplist"
    assert r("ZRANGE", "z", 0, -1) == [b"x" * 64, b"x" * 65]


def test_more_pairs_in_one_command_than_a_listpack_may_have_change_the_form_whoever_they_name(r):
    r("ZADD", "z", 1, "a")
    r("ZADD", "z", "XX", *([1, "a"] * 129))
    assert r("OBJECT", "ENCODING", "z") == b"skiplist"


# ---------------------------------------------------------------- members

def test_zrem_counts_what_was_there_and_takes_an_empty_set_away(r, form):
    given_zset(r, form, ABC)
    assert r("ZREM", "z", "a", "q", "a") == 1
    assert r.effects == [Effect("zrem", b"z", 1)]
    assert r("ZREM", "z", "q") == 0
    assert r.effects == [] and r.propagated == []
    assert r("ZREM", "z", "b", "c", "c") == 2
    assert r.effects == [Effect("zrem", b"z", 2), Effect("del", b"z", 0)]
    assert r("EXISTS", "z") == 0


def test_scores_and_ranks_of_members_and_of_others(r, form):
    given_zset(r, form, {"a": 1, "b": 2.5, "12": 3, "d": 3})
    assert r("ZCARD", "z") == 4
    assert r("ZMSCORE", "z", "b", "q", "12") == [b"2.5", None, b"3"]
    assert [r("ZRANK", "z", m) for m in ("a", "b", "12", "d", "q")] == [0, 1, 2, 3, None]
    assert [r("ZREVRANK", "z", m) for m in ("a", "b", "12", "d", "q")] == [3, 2, 1, 0, None]
    assert r("ZRANK", "z", "b", "WITHSCORE") == [1, b"2.5"]
    assert r("ZREVRANK", "z", "b", "withscore") == [2, b"2.5"]
    assert r("ZRANK", "z", "q", "WITHSCORE") is None
    with raises_reply(SYNTAX):
        r("ZRANK", "z", "a", "WITHSCORES")
    with raises_reply("ERR wrong number of arguments for 'zrevrank' command"):
        r("ZREVRANK", "z", "a", "WITHSCORE", "x")


def test_a_key_that_is_not_there_is_an_empty_set(r):
    assert r("ZCARD", "z") == r("ZREM", "z", "a") == 0
    assert r("ZSCORE", "z", "a") is r("ZRANK", "z", "a") is r("ZRANDMEMBER", "z") is None
    assert r("ZMSCORE", "z", "a", "b") == [None, None]
    assert r("ZRANDMEMBER", "z", 3) == []
    assert r("ZSCAN", "z", 0, "no such option") == [b"0", []]


@pytest.mark.parametrize("command", [
    "ZADD k 1 a", "ZINCRBY k 1 a", "ZREM k a", "ZCARD k", "ZSCORE k a", "ZMSCORE k a", "ZRANK k a", "ZREVRANK k a",
    "ZRANDMEMBER k", "ZRANDMEMBER k 1", "ZSCAN k 0",
])
def test_another_type_is_refused(r, command):
    r("SET", "k", "v")
    with raises_reply(WRONG):
        r(*command.split())
    assert r.effects == [] and r("GET", "k") == b"v"


def test_doubles_are_doubles_in_resp3(r, form):
    given_zset(r, form, {"a": 1.5, "b": "inf"})
    r("HELLO", 3)
    assert r("ZSCORE", "z", "a") == 1.5
    assert r("ZMSCORE", "z", "b", "q") == [math.inf, None]
    assert r("ZRANK", "z", "a", "WITHSCORE") == [0, 1.5]
    assert r("ZINCRBY", "z", 1, "a") == r("ZADD", "z", "INCR", 0, "a") == 2.5
    assert sorted(r("ZRANDMEMBER", "z", 5, "WITHSCORES")) == [[b"a", 2.5], [b"b", math.inf]]
    assert sorted(r("ZSCAN", "z", 0)[1]) == [b"2.5", b"a", b"b", b"inf"]


# ---------------------------------------------------------------- ZRANDMEMBER, ZSCAN

def test_zrandmember_picks_every_member_and_only_members(r, form):
    given_zset(r, form, {f"m{i}": i for i in range(20)})
    everyone = {b"m%d" % i for i in range(20)}
    assert {r("ZRANDMEMBER", "z") for _ in range(400)} == everyone
    assert set(r("ZRANDMEMBER", "z", 100)) == everyone and len(r("ZRANDMEMBER", "z", 100)) == 20
    assert len(set(r("ZRANDMEMBER", "z", 7))) == 7
    assert len(r("ZRANDMEMBER", "z", -500)) == 500 and set(r("ZRANDMEMBER", "z", -500)) == everyone
    flat = r("ZRANDMEMBER", "z", -9, "WITHSCORES")
    assert all(member == b"m" + score for member, score in zip(flat[::2], flat[1::2], strict=True))
    assert r("ZRANDMEMBER", "z", 0) == []


@pytest.mark.parametrize(("words", "error"), [
    (("1", "X"), SYNTAX), (("x",), "ERR value is not an integer or out of range"), (("1", "WITHSCORES", "x"), SYNTAX),
    ((-2**63,), "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"),
    ((-2**62, "WITHSCORES"), "ERR value is out of range"), ((2**62, "WITHSCORES"), "ERR value is out of range"),
])
def test_zrandmember_refuses(r, words, error):
    r("ZADD", "z", 1, "a")
    with raises_reply(error):
        r("ZRANDMEMBER", "z", *words)


def test_zscan_returns_every_member_with_its_score(r, form):
    pairs = {f"m{i}": i for i in range(100)}
    given_zset(r, form, pairs)
    found, cursor = {}, b"0"
    while True:
        cursor, flat = r("ZSCAN", "z", cursor, "COUNT", 7)
        found.update(zip(flat[::2], flat[1::2], strict=True))
        if cursor == b"0":
            break
    assert found == {m.encode(): b"%d" % s for m, s in pairs.items()}


def test_zscan_matches_names_and_may_leave_scores_out(r, form):
    given_zset(r, form, {"aa": 1, "ab": 2, "b": 3, "12": 4})
    assert sorted(r("ZSCAN", "z", 0, "MATCH", "a*")[1]) == [b"1", b"2", b"aa", b"ab"]
    assert sorted(r("ZSCAN", "z", 0, "COUNT", 100, "NOSCORES")[1]) == [b"12", b"aa", b"ab", b"b"]
    with raises_reply("ERR NOVALUES option can only be used in HSCAN"):
        r("ZSCAN", "z", 0, "NOVALUES")
    with raises_reply("ERR invalid cursor"):
        r("ZSCAN", "z", "x")


# ---------------------------------------------------------------- the whole value

def test_a_set_is_copied_renamed_and_weighed_like_any_value(r, form):
    pairs = {f"m{i}": i / 4 for i in range(120)}
    given_zset(r, form, pairs)
    r("COPY", "z", "y")
    r("ZADD", "z", 999, "m0")
    assert r("ZSCORE", "y", "m0") == b"0" and r("ZCARD", "y") == 120
    assert r("OBJECT", "ENCODING", "y") == form.encode()
    r("RENAME", "y", "x")
    assert r("ZRANGE", "x", 0, 1) == [b"m0", b"m1"]
    assert r("MEMORY", "USAGE", "x", "SAMPLES", 0) > 120 * 4
    r("SET", "x", "v")
    r("DEL", "z")
    assert r("DBSIZE") == 1


def test_a_large_set_is_freed_in_steps_to_the_last_byte(r):
    used = []
    for _ in range(3):                      # the first time the server keeps some memory of its own
        for i in range(0, 20_000, 1000):
            r("ZADD", "z", *(word for j in range(i, i + 1000) for word in (j * 7 % 1000, f"member:{j}")))
        r("UNLINK", "z")
        for _ in range(50):
            r.cycle()
        used.append(r.session.memory_used)
    assert used[1] == used[2]
