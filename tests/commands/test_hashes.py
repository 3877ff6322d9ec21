"""The hash commands: replies, effects, propagation, and that a refused command changes nothing. In each encoding."""

import _pyredis.figures as figures
import pytest

from tests.session import EXEC, MULTI, START_US, Effect, R, encode, raises_reply

NOW = START_US // 1000
WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
NOT_INTEGER = "ERR value is not an integer or out of range"
FORMS = ["listpack", "listpackex", "hashtable"]


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def given_hash(r, form, key="h", **fields):
    """A hash in this form; without fields it has a, b and c."""
    fields = fields or {"a": "1", "b": "two", "c": "3"}
    limit = r("CONFIG", "GET", "hash-max-listpack-entries")
    if form == "hashtable":
        r("CONFIG", "SET", "hash-max-listpack-entries", 0)
    r("HSET", key, *[word for pair in fields.items() for word in pair])
    r("CONFIG", "SET", *(limit if isinstance(limit, list) else next(iter(limit.items()))))
    if form == "listpackex":
        r("HEXPIRE", key, 10, "FIELDS", 1, "none")
    assert r("OBJECT", "ENCODING", key) == form.encode()
    return {name.encode(): value.encode() for name, value in fields.items()}


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2], strict=True))


def state(r, key="h"):
    if r("TYPE", key) != "hash":
        return r("TYPE", key)
    return sorted(pairs(r("HGETALL", key)).items()), r("HLEN", key), r("OBJECT", "ENCODING", key)


def refused(r, error, *command, key="h"):
    before = state(r, key)
    with raises_reply(error):
        r(*command)
    assert r.effects == []
    assert r.propagated == []
    assert state(r, key) == before


# ---------------------------------------------------------------- setting and reading

def test_hset_counts_new_fields_and_takes_every_pair_as_a_change(r, form):
    given_hash(r, form)
    assert r("HSET", "h", "a", "x", "n", "1", "n", "2") == 1
    assert r.effects == [Effect("hset", b"h", 3)]
    assert r.propagated == [[b"HSET", b"h", b"a", b"x", b"n", b"1", b"n", b"2"]]
    assert r("HMGET", "h", "a", "b", "c", "n") == [b"x", b"two", b"3", b"2"]
    assert r("HLEN", "h") == 4


def test_hset_makes_the_key(r):
    assert r("HSET", "h", "f", "v") == 1
    assert r("TYPE", "h") == "hash"
    assert r("HMSET", "h2", "f", "v", "g", "w") == "OK"
    assert r.effects == [Effect("hset", b"h2", 2)]
    assert r("HGETALL", "h2") == [b"f", b"v", b"g", b"w"]


@pytest.mark.parametrize("command", ["HSET", "HMSET"])
def test_a_field_without_a_value_is_refused(r, command):
    r("HSET", "h", "a", "1")
    for words in (["a"], ["a", "1", "b"]):
        refused(r, f"ERR wrong number of arguments for '{command.lower()}' command", command, "h", *words)


def test_hsetnx_sets_only_a_missing_field(r, form):
    given_hash(r, form)
    assert r("HSETNX", "h", "a", "x") == 0
    assert r.effects == [] and r.propagated == []
    assert r("HSETNX", "h", "n", "x") == 1
    assert r.effects == [Effect("hset", b"h", 1)]
    assert r("HMGET", "h", "a", "n") == [b"1", b"x"]


def test_reading_what_is_there_and_what_is_not(r, form):
    given_hash(r, form)
    assert [r("HGET", "h", f) for f in "abcd"] == [b"1", b"two", b"3", None]
    assert [r("HEXISTS", "h", f) for f in "abcd"] == [1, 1, 1, 0]
    assert [r("HSTRLEN", "h", f) for f in "abcd"] == [1, 3, 1, 0]
    assert r("HMGET", "h", "d", "b", "d", "b") == [None, b"two", None, b"two"]
    assert sorted(r("HKEYS", "h")) == [b"a", b"b", b"c"]
    assert sorted(r("HVALS", "h")) == [b"1", b"3", b"two"]
    assert pairs(r("HGETALL", "h")) == {b"a": b"1", b"b": b"two", b"c": b"3"}
    assert r.effects == []


def test_a_key_that_is_not_there_reads_as_an_empty_hash(r):
    assert r("HGET", "h", "f") is None
    assert r("HMGET", "h", "f", "g") == [None, None]
    assert r("HLEN", "h") == r("HEXISTS", "h", "f") == r("HSTRLEN", "h", "f") == r("HDEL", "h", "f") == 0
    assert r("HGETALL", "h") == r("HKEYS", "h") == r("HVALS", "h") == r("HRANDFIELD", "h", 5) == []
    assert r("HRANDFIELD", "h") is None
    assert r("HSCAN", "h", 0) == [b"0", []]
    assert r("DBSIZE") == 0


def test_hgetall_is_a_map_in_resp3(r, form):
    given_hash(r, form)
    r("HELLO", 3)
    assert r("HGETALL", "h") == {b"a": b"1", b"b": b"two", b"c": b"3"}
    assert r.raw("HGETALL", "none") == b"%0\r\n"
    assert r.raw("HKEYS", "h").startswith(b"*3\r\n")
    assert r.raw("HGET", "h", "none") == b"_\r\n"


def test_hdel_removes_fields_and_the_hash_with_the_last(r, form):
    given_hash(r, form)
    assert r("HDEL", "h", "a", "none", "a", "c") == 2
    assert r.effects == [Effect("hdel", b"h", 2)]
    assert r("HDEL", "h", "none") == 0
    assert r.effects == [] and r.propagated == []
    assert r("HDEL", "h", "b", "a") == 1
    assert r.effects == [Effect("hdel", b"h", 1), Effect("del", b"h", 0)]
    assert r.propagated == [[b"HDEL", b"h", b"b", b"a"]]
    assert r("EXISTS", "h") == 0


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 255, 256, 1000, 16_383, 16_384, 100_000])
def test_values_of_every_length_over_those_of_every_other(r, form, length):
    given_hash(r, form)
    for other in (0, 200, 255, 256, 260, 20_000, 1):
        for value in (b"x" * length, b"y" * other):
            assert r("HSET", "h", "f", value) in (0, 1)
            assert r("HGET", "h", "f") == value
            assert r("HSTRLEN", "h", "f") == len(value)
            assert r.session.check_hashes() == 0


def test_field_names_of_every_length(r, form):
    given_hash(r, form)
    for length in (0, 64, 65, 255, 256, 70_000):
        assert r("HSET", "h", b"n" * length, length) == 1
    for length in (0, 64, 65, 255, 256, 70_000):
        assert r("HGET", "h", b"n" * length) == b"%d" % length
    assert r.session.check_hashes() == 0


def test_a_long_value_that_is_on_its_way_stays_as_it_was(r):
    old = b"x" * 50_000
    r("HSET", "h", "f", old)
    replies = r.feed(encode("HGET", "h", "f") + encode("HSET", "h", "f", b"y" * 50_000) + encode("HGET", "h", "f")
                     + encode("DEL", "h"))
    assert replies == [old, 0, b"y" * 50_000, 1]


# ---------------------------------------------------------------- counting

def test_hincrby_counts_from_zero_and_keeps_the_expiry(r, form):
    given_hash(r, form)
    assert r("HINCRBY", "h", "n", 5) == 5
    assert r.effects == [Effect("hincrby", b"h", 1)]
    assert r.propagated == [[b"HINCRBY", b"h", b"n", b"5"]]
    if form != "listpack":
        r("HEXPIRE", "h", 100, "FIELDS", 1, "n")
    assert r("HINCRBY", "h", "n", -7) == -2
    assert r("HGET", "h", "n") == b"-2"
    assert r("HTTL", "h", "FIELDS", 1, "n") == [-1 if form == "listpack" else 100]


def test_hincrby_refuses_what_is_no_integer_and_overflow(r, form):
    given_hash(r, form, big="9223372036854775807", text="abc", spaced=" 1", float="1.5")
    for field in ("text", "spaced", "float"):
        refused(r, "ERR hash value is not an integer", "HINCRBY", "h", field, 1)
    refused(r, "ERR increment or decrement would overflow", "HINCRBY", "h", "big", 1)
    assert r("HINCRBY", "h", "big", -2**63) == -1
    for by in ("abc", "1.5", 2**63, ""):
        refused(r, NOT_INTEGER, "HINCRBY", "h", "big", by)
        refused(r, NOT_INTEGER, "HINCRBY", "none", "f", by, key="none")


def test_hincrbyfloat_adds_and_propagates_the_sum(r, form):
    given_hash(r, form, n="10.5")
    assert r("HINCRBYFLOAT", "h", "n", "0.1") == b"10.6"
    assert r.effects == [Effect("hincrbyfloat", b"h", 1)]
    assert r.propagated == [[b"HSETEX", b"h", b"KEEPTTL", b"FIELDS", b"1", b"n", b"10.6"]]
    assert r("HINCRBYFLOAT", "h", "new", "5.0e3") == b"5000"
    assert r("HINCRBYFLOAT", "none", "f", -1) == b"-1"


def test_hincrbyfloat_refuses_what_is_no_number_or_makes_none(r, form):
    given_hash(r, form, text="abc", n="1")
    refused(r, "ERR hash value is not a float", "HINCRBYFLOAT", "h", "text", 1)
    for by in ("abc", "", "nan", " 1"):
        refused(r, "ERR value is not a valid float", "HINCRBYFLOAT", "h", "n", by)
    for by in ("inf", "-inf"):
        refused(r, "ERR value is NaN or Infinity", "HINCRBYFLOAT", "h", "n", by)
    r("HINCRBYFLOAT", "h", "n", "1e4932")
    refused(r, "ERR increment would produce NaN or Infinity", "HINCRBYFLOAT", "h", "n", "1e4932")


# ---------------------------------------------------------------- encodings

def test_the_encoding_follows_number_and_length():
    r = R(hash_max_listpack_entries=3, hash_max_listpack_value=4)

    def encoding():
        found = r("OBJECT", "ENCODING", "h")
        r("DEL", "h")
        return found

    r("HSET", "h", "a", 1, "b", 1, "c", 1)
    assert encoding() == b"listpack"
    r("HSET", "h", "a", 1, "b", 1, "a", 1, "b", 1)            # four pairs are counted, not two fields
    assert encoding() == b"hashtable"
    r("HSETEX", "h", "EX", 100, "FIELDS", 4, "a", 1, "a", 1, "a", 1, "a", 1)
    assert encoding() == b"hashtable"
    r("HSET", "h", "four", "four")
    assert encoding() == b"listpack"
    r("HSET", "h", "f", "value")
    assert encoding() == b"hashtable"
    r("HSETNX", "h", "field", "v")
    assert encoding() == b"hashtable"
    r("HSET", "h", "a", 9999)
    r("HINCRBY", "h", "a", 1)
    assert encoding() == b"hashtable"


@pytest.mark.parametrize(("command", "encoding"), [
    (["HEXPIRE", "h", 100, "FIELDS", 1, "none"], b"listpackex"),
    (["HEXPIRE", "h", 100, "XX", "FIELDS", 1, "a"], b"listpackex"),
    (["HEXPIRE", "h", 0, "FIELDS", 1, "a"], b"listpackex"),
    (["HGETEX", "h", "PERSIST", "FIELDS", 1, "a"], b"listpackex"),
    (["HGETEX", "h", "EX", 10, "FIELDS", 1, "none"], b"listpackex"),
    (["HGETEX", "h", "FIELDS", 1, "a"], b"listpack"),
    (["HSETEX", "h", "KEEPTTL", "FIELDS", 1, "a", 1], b"listpack"),
    (["HSETEX", "h", "EXAT", 1, "FIELDS", 1, "a", 1], b"listpackex"),
    (["HSETEX", "h", "FXX", "EX", 10, "FIELDS", 1, "none", 1], b"listpack"),
    (["HPERSIST", "h", "FIELDS", 1, "a"], b"listpack"),
    (["HTTL", "h", "FIELDS", 1, "a"], b"listpack"),
])
def test_a_listpack_gets_room_for_expiries_when_a_command_could_set_one(r, command, encoding):
    given_hash(r, "listpack")
    r(*command)
    assert r("OBJECT", "ENCODING", "h") == encoding


def test_copies_and_renamed_hashes_hold_the_same(r, form):
    fields = given_hash(r, form)
    r("HSET", "h", "long" if form == "hashtable" else "f", b"x" * (60_000 if form == "hashtable" else 60))
    timed = form != "listpack"
    if timed:
        r("HEXPIRE", "h", 100, "FIELDS", 1, "a")
    r("COPY", "h", "h2")
    r("RENAME", "h", "h3")
    r("MOVE", "h3", 1)
    r("SET", "h4", "string")
    r("COPY", "h2", "h4", "REPLACE")
    assert pairs(r("HGETALL", "h2")) == pairs(r("HGETALL", "h4"))
    assert fields.items() <= pairs(r("HGETALL", "h2")).items()
    assert r("HTTL", "h4", "FIELDS", 2, "a", "b") == [100 if timed else -1, -1]
    assert [row[5] for row in figures.databases(r.server.core)[:2]] == ([2, 1] if timed else [0, 0])
    r("SWAPDB", 0, 1)
    r("SET", "h3", "string")
    assert [row[5] for row in figures.databases(r.server.core)[:2]] == ([0, 2] if timed else [0, 0])
    r("SELECT", 1)
    r("EXPIRE", "h2", 1000)                      # moves the entry
    assert r.session.check_hashes() == 0
    r("DEL", "h2", "h4")
    assert [row[5] for row in figures.databases(r.server.core)[:2]] == [0, 0]


# ---------------------------------------------------------------- HSCAN

@pytest.mark.parametrize("count", [1, 10, 1000])
def test_hscan_comes_past_every_field(r, form, count):
    n = 1000 if form == "hashtable" else 100
    fields = given_hash(r, form, **{f"f{i}": f"v{i}" for i in range(n)})
    cursor, found = b"0", []
    while True:
        cursor, part = r("HSCAN", "h", cursor, "COUNT", count)
        found += part
        if cursor == b"0":
            break
        assert form == "hashtable"
    assert pairs(found) == fields
    assert len(found) == 2 * n


def test_hscan_options(r, form):
    given_hash(r, form)
    assert r("HSCAN", "h", 0, "MATCH", "[ab]", "COUNT", 100, "NOVALUES")[0] == b"0"
    assert sorted(r("HSCAN", "h", 0, "MATCH", "[ab]", "COUNT", 100, "NOVALUES")[1]) == [b"a", b"b"]
    assert r("HSCAN", "h", 0, "MATCH", "b")[1] == [b"b", b"two"]
    assert r("HSCAN", "none", 0, "FOO") == [b"0", []]
    refused(r, "ERR syntax error", "HSCAN", "h", 0, "FOO")
    refused(r, "ERR syntax error", "HSCAN", "h", 0, "COUNT", 0)
    refused(r, "ERR invalid cursor", "HSCAN", "h", "x")
    refused(r, "ERR invalid cursor", "HSCAN", "none", "x", key="none")


def test_fields_that_are_over_are_not_listed(r, form):
    given_hash(r, form)
    if form == "listpack":
        return
    r("HPEXPIRE", "h", 10, "FIELDS", 2, "a", "b")
    r.advance(ms=11)
    assert r("HGETALL", "h") == [b"c", b"3"]
    assert r("HKEYS", "h") == [b"c"]
    assert r("HVALS", "h") == [b"3"]
    assert r("HSCAN", "h", 0) == [b"0", [b"c", b"3"]]
    assert r.effects == [] and r.propagated == []
    assert r("HLEN", "h") == 3


# ---------------------------------------------------------------- HRANDFIELD

def test_hrandfield_without_repetition(r, form):
    fields = given_hash(r, form, **{f"f{i}": f"v{i}" for i in range(50)})
    assert {r("HRANDFIELD", "h") for _ in range(400)} == set(fields)
    for count in (1, 3, 49, 50, 51, 2**62):
        found = r("HRANDFIELD", "h", count)
        assert len(set(found)) == len(found) == min(count, 50)
        assert set(found) <= set(fields)
    assert r("HRANDFIELD", "h", 0) == []


def test_hrandfield_with_repetition(r, form):
    fields = given_hash(r, form)
    found = r("HRANDFIELD", "h", -200)
    assert len(found) == 200
    assert set(found) == set(fields)


def test_hrandfield_with_values(r, form):
    fields = given_hash(r, form)
    assert pairs(r("HRANDFIELD", "h", 3, "WITHVALUES")) == fields
    assert len(r("HRANDFIELD", "h", -5, "WITHVALUES")) == 10
    r("HELLO", 3)
    assert sorted(r("HRANDFIELD", "h", 3, "withvalues")) == [[b"a", b"1"], [b"b", b"two"], [b"c", b"3"]]
    assert all(len(pair) == 2 for pair in r("HRANDFIELD", "h", -5, "WITHVALUES"))


def test_hrandfield_refuses_counts_out_of_range(r):
    r("HSET", "h", "a", 1)
    refused(r, "ERR value is out of range, value must between", "HRANDFIELD", "h", -2**63)
    refused(r, "ERR value is out of range", "HRANDFIELD", "h", 2**62, "WITHVALUES")
    refused(r, NOT_INTEGER, "HRANDFIELD", "h", "x")
    refused(r, "ERR syntax error", "HRANDFIELD", "h", 1, "FOO")
    refused(r, "ERR syntax error", "HRANDFIELD", "none", 1, "WITHVALUES", "FOO", key="none")


def test_hrandfield_removes_what_is_over_first(r, form):
    given_hash(r, form)
    if form == "listpack":
        return
    r("HPEXPIRE", "h", 10, "FIELDS", 2, "a", "b")
    r.advance(ms=11)
    assert r("HRANDFIELD", "h", 5) == [b"c"]
    assert r.effects == [Effect("hexpired", b"h", 0)]
    assert sorted(r.propagated[1:-1]) == [[b"HDEL", b"h", b"a"], [b"HDEL", b"h", b"b"]]
    assert r.propagated[::3] == [MULTI, EXEC]
    r("HPEXPIRE", "h", 10, "FIELDS", 1, "c")
    r.advance(ms=11)
    assert r("HRANDFIELD", "h") is None
    assert r.effects == [Effect("hexpired", b"h", 0), Effect("del", b"h", 0)]
    assert r("EXISTS", "h") == 0


# ---------------------------------------------------------------- other types

@pytest.mark.parametrize("command", [
    ["HSET", "a", 1], ["HSETNX", "a", 1], ["HMSET", "a", 1], ["HGET", "a"], ["HMGET", "a"], ["HGETALL"], ["HKEYS"],
    ["HVALS"], ["HLEN"], ["HSTRLEN", "a"], ["HEXISTS", "a"], ["HDEL", "a"], ["HINCRBY", "a", 1],
    ["HINCRBYFLOAT", "a", 1], ["HRANDFIELD"], ["HRANDFIELD", 1], ["HSCAN", 0], ["HSCAN", 0, "FOO"],
    ["HEXPIRE", "x", "FIELDS", 1, "a"], ["HTTL", "FIELDS", 2, "a"], ["HPERSIST", "FIELDS", 0, "a"],
    ["HGETEX", "FOO", 1, "a"], ["HGETDEL", "FIELDS", 0, "a"], ["HSETEX", "FIELDS", 1, "a", 1],
])
def test_hash_commands_refuse_another_type(r, command):
    r("SET", "h", "string")
    refused(r, WRONG, command[0], "h", *command[1:])


def test_set_replaces_a_hash_with_timed_fields(r, form):
    given_hash(r, form)
    if form != "listpack":
        r("HEXPIRE", "h", 100, "FIELDS", 1, "a")
    r("SET", "h", "v")
    assert r("GET", "h") == b"v"
    assert figures.databases(r.server.core)[0][5] == 0
    assert r.session.check() == 0


def test_a_large_hash_goes_in_steps(r):
    before = r.session.memory_used
    for start in range(0, 6000, 1000):
        r("HSET", "h", *[word for i in range(start, start + 1000) for word in (i, "v" * (i % 400))])
    used = r.session.memory_used - before
    assert r("DEL", "h") == 1
    while r.cycle() == 0:
        pass
    assert r.session.memory_used - before < used / 10


def test_info_counts_hashes_with_timed_fields_and_what_was_removed(r):
    given_hash(r, "listpackex")
    r("HPEXPIRE", "h", 10, "FIELDS", 2, "a", "b")
    assert b"subexpiry=1" in r("INFO", "keyspace")
    r("HPERSIST", "h", "FIELDS", 2, "a", "b")
    assert b"subexpiry=0" in r("INFO", "keyspace")
    r("HPEXPIRE", "h", 10, "FIELDS", 2, "a", "b")
    r.advance(ms=11)
    r("HMGET", "h", "a", "b")
    assert b"expired_subkeys:2\r\n" in r("INFO", "stats")
