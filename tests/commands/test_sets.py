"""The set commands: replies, effects, propagation, in each form of the set, and that a refusal changes nothing."""

from collections import Counter

import pytest

from tests.session import Effect, R, raises_reply

WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
NOT_POSITIVE = "ERR value is out of range, must be positive"
NOT_INTEGER = "ERR value is not an integer or out of range"
EXTRA = {"intset": None, "listpack": "x", "hashtable": "y" * 100}


def given_set(r, form, members=(1, 2, 3), key="s"):
    """A key with these numbers as a set in this form; their texts."""
    r("DEL", key)
    r("SADD", key, *([EXTRA[form]] if EXTRA[form] else []), *members)
    if EXTRA[form]:
        r("SREM", key, EXTRA[form])
    assert r("OBJECT", "ENCODING", key) == form.encode()
    return {b"%d" % m for m in members}


@pytest.fixture(params=EXTRA)
def form(request):
    return request.param


def members(r, key="s"):
    return set(r("SMEMBERS", key))


def refused(r, error, *command, key="s"):
    """The command fails so, and nothing shows that it was tried."""
    def state():
        return r("EXISTS", key), r("TYPE", key), sorted(r("SMEMBERS", key)) if r("TYPE", key) == "set" else None
    before = state()
    with raises_reply(error):
        r(*command)
    assert r.effects == [] and r.propagated == []
    assert state() == before


# ---------------------------------------------------------------- SADD, SREM

def test_sadd_counts_only_new_members(r, form):
    given_set(r, form)
    assert r("SADD", "s", 3, 4, 5, 5) == 2
    assert r.effects == [Effect("sadd", b"s", 2)]
    assert r.propagated == [[b"SADD", b"s", b"3", b"4", b"5", b"5"]]
    assert members(r) == {b"1", b"2", b"3", b"4", b"5"}
    assert r("SCARD", "s") == 5
    assert r("SADD", "s", 1) == 0
    assert r.effects == [] and r.propagated == []


def test_srem_counts_what_was_there_and_the_key_goes_with_the_last(r, form):
    given_set(r, form)
    assert r("SREM", "s", 1, 1, 9) == 1
    assert r.effects == [Effect("srem", b"s", 1)]
    assert r("SREM", "s", "x") == 0
    assert r.effects == []
    assert r("SREM", "s", 2, 3, 4) == 2
    assert r.effects == [Effect("srem", b"s", 2), Effect("del", b"s", 0)]
    assert r("EXISTS", "s") == 0
    assert r("SREM", "s", 2) == 0


@pytest.mark.parametrize("n", [2, 32, 33, 100, 1000])
def test_many_members_in_one_request_are_one_as_many_requests(r, n):
    words = ["m%d" % i for i in range(n)]
    assert r("SADD", "s", *words, *words) == n
    assert r("SMISMEMBER", "s", *words, "no") == [1] * n + [0]
    assert members(r) == {w.encode() for w in words}
    assert r("SREM", "s", *words[1:], "no") == n - 1
    assert members(r) == {b"m0"}


@pytest.mark.parametrize(("first", "more", "form"), [
    ([1], [], "intset"), (["a"], [], "listpack"), ([1, "a"], [], "listpack"), (["a" * 65], [], "hashtable"),
    (["a" * 64], [], "listpack"), (range(512), [], "intset"), (range(513), [], "hashtable"),
    ([1] * 513, [], "hashtable"), ([1] * 500 + ["x"], [], "listpack"), (["a", *[1] * 128], [], "hashtable"),
    (["a", *[1] * 127], [], "listpack"), ([1], ["x"] * 500, "listpack"), ([1], [2] * 513, "hashtable"),
    (["a"], ["x"] * 128, "listpack"), (["a"], ["x"] * 129, "hashtable"), (range(200), ["x"], "hashtable"),
    (range(127), ["x"], "listpack"), (range(128), ["x"], "hashtable"), ([2**63 - 1], [2**63], "listpack"),
])
def test_the_form_is_the_one_that_redis_takes(r, first, more, form):
    r("SADD", "s", *first)
    if more:
        r("SADD", "s", *more)
    assert r("OBJECT", "ENCODING", "s") == form.encode()
    assert members(r) == {str(m).encode() for m in [*first, *more]}


def test_the_limits_are_those_of_the_configuration():
    r = R(**{"set-max-intset-entries": 3, "set-max-listpack-entries": 2, "set-max-listpack-value": 4})
    given_set(r, "intset", [1, 2, 3])
    r("SADD", "s", 4)
    assert r("OBJECT", "ENCODING", "s") == b"hashtable"
    r("SADD", "t", "abcd", "b")
    assert r("OBJECT", "ENCODING", "t") == b"listpack"
    r("SADD", "t", "c")
    assert r("OBJECT", "ENCODING", "t") == b"hashtable"
    r("SADD", "u", "abcde")
    assert r("OBJECT", "ENCODING", "u") == b"hashtable"


# ---------------------------------------------------------------- asking

def test_membership(r, form):
    given_set(r, form)
    assert [r("SISMEMBER", "s", m) for m in (1, 3, 4, "01", "+1", "", "x")] == [1, 1, 0, 0, 0, 0, 0]
    assert r("SMISMEMBER", "s", 1, "x", 3) == [1, 0, 1]
    assert r.effects == []


def test_a_key_that_is_not_there_is_an_empty_set(r):
    assert r("SMEMBERS", "s") == []
    assert r("SCARD", "s") == r("SISMEMBER", "s", "a") == 0
    assert r("SMISMEMBER", "s", "a", "b") == [0, 0]
    assert r("SPOP", "s") is r("SRANDMEMBER", "s") is None
    assert r("SPOP", "s", 3) == r("SRANDMEMBER", "s", 3) == r("SRANDMEMBER", "s", -3) == []
    assert r("SSCAN", "s", 0) == [b"0", []]
    assert r("SSCAN", "s", 0, "no", "option") == [b"0", []]        # Redis does not read on
    assert r("SMOVE", "s", "t", "a") == 0
    assert r("DBSIZE") == 0


def test_replies_that_are_sets_say_so_in_resp3(r, form):
    given_set(r, form, [1])
    assert r.raw("SMEMBERS", "s") == r.raw("SINTER", "s") == b"*1\r\n$1\r\n1\r\n"
    r("HELLO", 3)
    assert r.raw("SMEMBERS", "s") == r.raw("SINTER", "s") == b"~1\r\n$1\r\n1\r\n"
    assert r.raw("SRANDMEMBER", "s", 1) == r.raw("SRANDMEMBER", "s", -1) == b"*1\r\n$1\r\n1\r\n"
    assert r.raw("SPOP", "s", 1) == b"~1\r\n$1\r\n1\r\n"
    assert r.raw("SPOP", "s", 1) == b"~0\r\n"
    assert r.raw("SPOP", "s") == r.raw("SRANDMEMBER", "s") == b"_\r\n"


@pytest.mark.parametrize("command", [
    ("SADD", "k", "a"), ("SREM", "k", "a"), ("SCARD", "k"), ("SISMEMBER", "k", "a"), ("SMISMEMBER", "k", "a"),
    ("SMEMBERS", "k"), ("SPOP", "k"), ("SPOP", "k", 2), ("SRANDMEMBER", "k"), ("SRANDMEMBER", "k", 2),
    ("SMOVE", "k", "t", "a"), ("SMOVE", "s", "k", 1), ("SMOVE", "s", "k", "no"), ("SSCAN", "k", 0),
    ("SINTER", "k"), ("SINTER", "none", "k"), ("SINTERSTORE", "t", "s", "k"), ("SINTERCARD", 2, "none", "k"),
    ("SUNION", "none", "k"), ("SUNIONSTORE", "t", "s", "k"), ("SDIFF", "none", "k"), ("SDIFFSTORE", "s", "s", "k"),
])
def test_another_type_is_refused(r, command):
    r("SET", "k", "v")
    given_set(r, "intset")
    refused(r, WRONG, *command)
    assert r("GET", "k") == b"v"


@pytest.mark.parametrize(("command", "error"), [
    (("SPOP", "s", -1), NOT_POSITIVE), (("SPOP", "s", "x"), NOT_POSITIVE), (("SPOP", "s", 2**63), NOT_POSITIVE),
    (("SPOP", "s", 1, 2), SYNTAX), (("SPOP", "s", "x", 2), SYNTAX), (("SRANDMEMBER", "s", "x"), NOT_INTEGER),
    (("SRANDMEMBER", "s", 1, 2), SYNTAX), (("SRANDMEMBER", "s", 2**63), NOT_INTEGER),
    (("SRANDMEMBER", "s", -2**63), "ERR value is out of range"),
    (("SSCAN", "s", "x"), "ERR invalid cursor"), (("SSCAN", "s", 0, "COUNT", 0), SYNTAX),
    (("SSCAN", "s", 0, "TYPE", "set"), SYNTAX), (("SSCAN", "s", 0, "COUNT", "x"), NOT_INTEGER),
    (("SSCAN", "s", 0, "NOVALUES"), "ERR NOVALUES option can only be used in HSCAN"),
])
def test_what_cannot_be_is_refused(r, form, command, error):
    given_set(r, form)
    refused(r, error, *command)


# ---------------------------------------------------------------- SMOVE

@pytest.mark.parametrize("other", EXTRA)
def test_smove_moves_between_any_forms(r, form, other):
    given_set(r, form)
    given_set(r, other, [7, 8], key="t")
    assert r("SMOVE", "s", "t", 2) == 1
    assert r.effects == [Effect("srem", b"s", 1), Effect("sadd", b"t", 1)]
    assert (members(r), members(r, "t")) == ({b"1", b"3"}, {b"2", b"7", b"8"})
    assert r("SMOVE", "s", "t", 2) == 0
    assert r.effects == []


def test_smove_makes_and_removes_keys(r, form):
    given_set(r, form, [1])
    assert r("SMOVE", "s", "t", 1) == 1
    assert r.effects == [Effect("srem", b"s", 1), Effect("del", b"s", 0), Effect("sadd", b"t", 1)]
    assert r("EXISTS", "s") == 0
    assert members(r, "t") == {b"1"}


def test_smove_of_what_the_destination_has_only_removes(r, form):
    given_set(r, form)
    given_set(r, form, [2], key="t")
    assert r("SMOVE", "s", "t", 2) == 1
    assert r.effects == [Effect("srem", b"s", 1)]


def test_smove_to_the_same_key_only_looks(r, form):
    given_set(r, form)
    assert [r("SMOVE", "s", "s", 1), r("SMOVE", "s", "s", 9)] == [1, 0]
    assert r.effects == [] and r.propagated == []


def test_smove_from_nowhere_does_not_look_at_the_destination(r):
    r("SET", "k", "v")
    assert r("SMOVE", "none", "k", "a") == 0


# ---------------------------------------------------------------- SPOP

def test_spop_takes_one_and_is_propagated_as_its_removal(r, form):
    everything = given_set(r, form)
    while everything:
        m = r("SPOP", "s")
        everything.remove(m)
        assert r.effects == [Effect("spop", b"s", 1)] + ([] if everything else [Effect("del", b"s", 0)])
        assert r.propagated == [[b"SREM", b"s", m]]
        assert members(r) == everything
    assert r("EXISTS", "s") == 0


@pytest.mark.parametrize("count", [1, 2, 50, 89, 99])
def test_spop_with_a_count_takes_as_many(r, form, count):
    everything = given_set(r, form, range(100))
    taken = r("SPOP", "s", count)
    assert r.effects == [Effect("spop", b"s", count)]
    assert r.propagated == [[b"SREM", b"s", *taken]]
    assert len(set(taken)) == count
    assert members(r) == everything - set(taken)


@pytest.mark.parametrize("count", [3, 4, 2**63 - 1])
def test_spop_of_all_is_propagated_as_del(r, form, count):
    everything = given_set(r, form)
    assert set(r("SPOP", "s", count)) == everything
    assert r.effects == [Effect("spop", b"s", 3), Effect("del", b"s", 0)]
    assert r.propagated == [[b"DEL", b"s"]]
    assert r("EXISTS", "s") == 0


def test_spop_of_nothing_changes_nothing(r, form):
    given_set(r, form)
    assert r("SPOP", "s", 0) == []
    assert r.effects == [] and r.propagated == []


@pytest.mark.parametrize("count", [1024, 1025, 2500])
def test_spop_of_many_is_propagated_in_commands_of_a_thousand(r, count):
    r("SADD", "s", *range(3000))
    taken = r("SPOP", "s", count)
    several = [[b"SREM", b"s", *taken[i:i + 1024]] for i in range(0, count, 1024)]
    assert r.propagated == ([[b"MULTI"], *several, [b"EXEC"]] if count > 1024 else several)
    assert r("SCARD", "s") == 3000 - count


# ---------------------------------------------------------------- SRANDMEMBER: more in test_pick

def test_srandmember_shows_members_and_changes_nothing(r, form):
    everything = given_set(r, form)
    assert {r("SRANDMEMBER", "s") for _ in range(100)} == everything
    assert sorted(r("SRANDMEMBER", "s", 9)) == sorted(everything)
    drawn = r("SRANDMEMBER", "s", -100)
    assert len(drawn) == 100 and set(drawn) == everything
    assert r("SRANDMEMBER", "s", 0) == []
    assert r.effects == []


# ---------------------------------------------------------------- SSCAN

def scanned(r, *options):
    found, cursor = [], b"0"
    while True:
        cursor, some = r("SSCAN", "s", cursor, *options)
        found += some
        if cursor == b"0":
            return found


def test_sscan_of_a_small_set_gives_all_at_once(r):
    for form in ("intset", "listpack"):
        everything = given_set(r, form, range(100))
        cursor, found = r("SSCAN", "s", 17, "COUNT", 1)
        assert cursor == b"0" and sorted(found) == sorted(everything)


@pytest.mark.parametrize("n", [5, 100, 5000])
@pytest.mark.parametrize("count", [1, 10, 1000])
def test_sscan_finds_every_member(r, form, n, count):
    if form == "intset":
        n = min(n, 512)
    if form == "listpack":
        n = min(n, 127)
    everything = given_set(r, form, range(n))
    assert sorted(scanned(r, "COUNT", count)) == sorted(everything)
    assert set(scanned(r, "MATCH", "*7")) == {m for m in everything if m.endswith(b"7")}


def test_sscan_finds_what_stays_while_others_come_and_go(r):
    r("SADD", "s", *range(2000))
    cursor, found, step = b"0", set(), 0
    while True:
        cursor, some = r("SSCAN", "s", cursor)
        found |= set(some)
        r("SADD", "s", *range(5000 + 20 * step, 5020 + 20 * step))
        r("SREM", "s", *range(1000 + 5 * step, 1005 + 5 * step))
        step += 1
        if cursor == b"0":
            break
    assert {b"%d" % i for i in range(1000)} <= found


# ---------------------------------------------------------------- whatever is done to any key

def test_a_set_is_copied_renamed_moved_and_deleted(r, form):
    everything = given_set(r, form, range(100))
    assert r("COPY", "s", "t") == 1
    r("SREM", "s", 0)
    assert members(r, "t") == everything
    assert r("OBJECT", "ENCODING", "t") == form.encode()
    assert r("TYPE", "t") == "set"
    r("RENAME", "t", "u")
    assert members(r, "u") == everything
    assert r("MOVE", "u", 1) == 1
    assert r("UNLINK", "s") == 1
    assert r("DBSIZE") == 0


def test_memory_usage_grows_with_the_set(r, form):
    given_set(r, form, range(2))
    small = r("MEMORY", "USAGE", "s")
    given_set(r, form, range(100))
    assert 0 < small < r("MEMORY", "USAGE", "s") == r("MEMORY", "USAGE", "s", "SAMPLES", 0)


def test_a_set_of_any_size_gives_its_memory_back(r, form):
    def come_and_go():
        given_set(r, form, range(100))
        r("DEL", "s")
        r("SADD", "s", *range(20_000))
        r("DEL", "s")
        for _ in range(200):
            r.cycle()
        r("SADD", "s", *("m" * i for i in range(300)))
        r("FLUSHALL")
        return r.session.memory_used
    first = come_and_go()
    assert come_and_go() == first


def test_an_expired_set_is_gone(r, form):
    given_set(r, form)
    r("PEXPIRE", "s", 10)
    r.advance(ms=11)
    assert r("SADD", "s", "new") == 1
    assert r("PTTL", "s") == -1
    assert members(r) == {b"new"}


def test_what_srandmember_draws_is_each_member_alike(r, form):
    given_set(r, form, range(10))
    counts = Counter(r("SRANDMEMBER", "s") for _ in range(5000))
    assert sum((n - 500) ** 2 / 500 for n in counts.values()) < 40        # 9 degrees of freedom
    assert len(counts) == 10
