"""The string commands: replies, effects, propagation, and that a refused command changes nothing."""

import pytest

from tests.session import EXEC, MULTI, START_US, Effect, R, encode, raises_reply

NOW = START_US // 1000
WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
NOT_INTEGER = "ERR value is not an integer or out of range"
FORMS = {
    "int": b"12345",
    "embstr": b"hello",
    "raw": b"x" * 45,
    "long": bytes(range(256)) * 10,         # in a block of its own
}


def given_string(r, form, key="k"):
    """A key with a string in this form; its value."""
    r("SET", key, FORMS[form])
    assert r("OBJECT", "ENCODING", key) == {"long": b"raw"}.get(form, form.encode())
    return FORMS[form]


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def refused(r, error, *command, key="k"):
    """The command fails so, and neither value nor expiry nor the list of changes shows that it was tried."""
    def state():
        return (r("EXISTS", key), r("TYPE", key), r("PEXPIRETIME", key),
                r("GET", key) if r("TYPE", key) == "string" else None)
    before = state()
    with raises_reply(error):
        r(*command)
    assert r.effects == []
    assert r.propagated == []
    assert state() == before


# ---------------------------------------------------------------- GET, SET

def test_get_returns_what_set_stored_in_every_form(r, form):
    value = given_string(r, form)
    assert r("GET", "k") == value
    assert r.effects == []
    assert r("STRLEN", "k") == len(value)


@pytest.mark.parametrize("other", FORMS)
def test_set_replaces_a_value_of_any_form_by_one_of_any_other(r, form, other):
    given_string(r, form)
    assert r("SET", "k", FORMS[other]) == "OK"
    assert r.effects == [Effect("set", b"k", 1)]
    assert r.propagated == [[b"SET", b"k", FORMS[other]]]
    assert r("GET", "k") == FORMS[other]


def test_a_key_that_is_not_there_reads_as_null_or_empty(r):
    assert r("GET", "k") is None
    assert r("STRLEN", "k") == 0
    assert r("GETRANGE", "k", 0, -1) == b""
    assert r("GETDEL", "k") is None
    assert r("GETEX", "k", "EX", 10) is None
    assert r("MGET", "k", "k") == [None, None]
    assert r("DBSIZE") == 0


def test_set_drops_the_expiry_unless_it_is_to_be_kept(r, form):
    given_string(r, form)
    r("PEXPIREAT", "k", NOW + 5000)
    r("SET", "k", "v", "KEEPTTL")
    assert r("PTTL", "k") == 5000
    r("SET", "k", "v")
    assert r("PTTL", "k") == -1


@pytest.mark.parametrize(("option", "number", "at"), [
    ("EX", 10, NOW + 10_000), ("px", 10, NOW + 10), ("ExAt", 2_000_000_000, 2_000_000_000_000),
    ("PXAT", 2_000_000_000_000, 2_000_000_000_000), ("PXAT", 2**63 - 1, 2**63 - 1),
    ("PX", 2**63 - 1 - NOW, 2**63 - 1), ("EXAT", (2**63 - 1) // 1000, (2**63 - 1) // 1000 * 1000),
])
def test_set_with_a_time_sets_when_the_key_ends_and_propagates_that_instant(r, option, number, at):
    assert r("SET", "k", "v", option, number) == "OK"
    assert r.effects == [Effect("set", b"k", 1), Effect("expire", b"k", 0)]
    assert r.propagated == [[b"SET", b"k", b"v", b"PXAT", b"%d" % at]]
    assert r("PEXPIRETIME", "k") == at


def test_set_with_a_time_works_over_every_form_with_and_without_an_expiry(r, form):
    given_string(r, form)
    for seconds in (10, 20):
        r("SET", "k", FORMS[form], "EX", seconds)
        assert r("GET", "k") == FORMS[form]
        assert r("TTL", "k") == seconds


def test_set_with_a_time_that_is_past_makes_a_key_that_is_gone_when_looked_at(r):
    assert r("SET", "k", "v", "PXAT", 1) == "OK"
    assert r.propagated == [[b"SET", b"k", b"v", b"PXAT", b"1"]]
    assert r("GET", "k") is None
    assert r.effects == [Effect("expired", b"k", 0)]
    assert r.propagated == [[b"DEL", b"k"]]


def test_set_if_absent_or_present(r):
    assert r("SET", "k", "a", "XX") is None
    assert r.effects == [] and r.propagated == []
    assert r("SET", "k", "a", "NX") == "OK"
    assert r("SET", "k", "b", "NX") is None
    assert r.effects == [] and r.propagated == []
    assert r("SET", "k", "c", "XX") == "OK"
    assert r.propagated == [[b"SET", b"k", b"c", b"XX"]]
    assert r("GET", "k") == b"c"


def test_a_condition_is_dropped_from_what_is_propagated_with_a_time(r):
    assert r("SET", "k", "a", "NX", "PX", 100) == "OK"
    assert r.propagated == [[b"SET", b"k", b"a", b"PXAT", b"%d" % (NOW + 100)]]


def test_set_with_get_answers_the_string_before(r, form):
    assert r("SET", "k", "first", "GET") is None
    assert r.propagated == [[b"SET", b"k", b"first"]]
    value = given_string(r, form)
    assert r("SET", "k", "GET", "keepttl", "get", "XX", "GET") == value
    assert r.effects == [Effect("set", b"k", 1)]
    assert r.propagated == [[b"SET", b"k", b"GET", b"keepttl", b"XX"]]
    assert r("SET", "k", "other", "NX", "GET") == b"GET"
    assert r.effects == []
    assert r("GET", "k") == b"GET"
    assert r("SET", "none", "v", "XX", "GET") is None
    assert r("EXISTS", "none") == 0


def test_set_ifeq_sets_only_over_the_string_given(r, form):
    assert r("SET", "k", "v", "IFEQ", "") is None
    value = given_string(r, form)
    assert r("SET", "k", "v", "IFEQ", value + b"x") is None
    assert r("SET", "k", "v", "IFEQ", "other", "GET") == value
    assert r.effects == []
    assert r("SET", "k", "v", "IFEQ", value) == "OK"
    assert r.propagated == [[b"SET", b"k", b"v", b"IFEQ", value]]
    assert r("SET", "k", "GET", "GET", "IFEQ", "v") == b"v"
    assert r.propagated == [[b"SET", b"k", b"GET", b"IFEQ", b"v"]]
    assert r("SET", "k", "w", "GET", "IFEQ", "GET") == b"GET"
    assert r.propagated == [[b"SET", b"k", b"w", b"IFEQ", b"GET"]]


@pytest.mark.parametrize("options", [
    ["FOO"], ["EX"], ["PX"], ["EXAT"], ["PXAT"], ["IFEQ"], ["PERSIST"], ["NX", "XX"], ["XX", "NX"],
    ["EX", 10, "PX", 10], ["EX", 10, "KEEPTTL"], ["KEEPTTL", "EX", 10], ["EXAT", 10, "PXAT", 10],
    ["IFEQ", "a", "NX"], ["XX", "IFEQ", "a"], ["IFEQ", "a", "IFEQ", "a"], ["EX", "abc", "FOO"],
    ["EX", 0, "FOO"], [""],
])
def test_set_refuses_words_that_do_not_go_together(r, options):
    refused(r, SYNTAX, "SET", "k", "v", *options)


@pytest.mark.parametrize(("option", "number", "error"), [
    ("EX", "abc", NOT_INTEGER), ("PX", "1.5", NOT_INTEGER), ("EX", "+1", NOT_INTEGER),
    ("EXAT", 2**63, NOT_INTEGER),
    *[(option, number, "ERR invalid expire time in '%s' command")
      for option, number in [("EX", 0), ("PX", -1), ("EX", 2**63 - 1), ("PX", 2**63 - 1), ("EXAT", 2**63 - 1),
                             ("EXAT", 0), ("PXAT", 0), ("PXAT", -2**63), ("PX", 2**63 - NOW)]],
])
def test_a_time_must_be_positive_and_fit(r, option, number, error):
    for command in (["SET", "k", "v"], ["SET", "k", "v", "NX", "GET"], ["GETEX", "k"],
                    ["MSETEX", 1, "k", "v"]):
        r("SET", "k", "old")
        refused(r, error.replace("%s", command[0].lower()), *command, option, number)


def test_the_last_of_repeated_options_counts(r):
    assert r("SET", "k", "v", "EX", 10, "EX", 20) == "OK"
    assert r("TTL", "k") == 20
    assert r("SET", "k", "v", "KEEPTTL", "KEEPTTL", "XX", "XX", "GET", "GET") == b"v"
    assert r("TTL", "k") == 20


def test_setex_and_psetex(r):
    assert r("SETEX", "k", 10, "v") == "OK"
    assert r.effects == [Effect("set", b"k", 1), Effect("expire", b"k", 0)]
    assert r.propagated == [[b"SET", b"k", b"v", b"PXAT", b"%d" % (NOW + 10_000)]]
    assert r("PSETEX", "k", 10, "w") == "OK"
    assert r("PTTL", "k") == 10
    r.advance(ms=11)
    assert r("GET", "k") is None
    r("SET", "k", "old", "EX", 100)
    for command in ("SETEX", "PSETEX"):
        refused(r, f"ERR invalid expire time in '{command.lower()}' command", command, "k", 0, "v")
        refused(r, NOT_INTEGER, command, "k", "x", "v")


def test_setnx(r):
    assert r("SETNX", "k", "a") == 1
    assert r.effects == [Effect("set", b"k", 1)]
    assert r.propagated == [[b"SETNX", b"k", b"a"]]
    assert r("SETNX", "k", "b") == 0
    assert r.effects == [] and r.propagated == []
    assert r("GET", "k") == b"a"


def test_a_key_past_its_time_is_absent_for_writers_too(r):
    r("SET", "k", "5", "PX", 10)
    r.advance(ms=11)
    assert r("SET", "k", "v", "XX") is None
    assert r.propagated[0] == [b"DEL", b"k"]
    r("SET", "k", "5", "PX", 10)
    r.advance(ms=11)
    assert r("INCR", "k") == 1
    assert r.effects == [Effect("expired", b"k", 0), Effect("incrby", b"k", 1)]
    assert r.propagated == [MULTI, [b"DEL", b"k"], [b"INCR", b"k"], EXEC]
    assert r("PTTL", "k") == -1


# ---------------------------------------------------------------- GETSET, GETDEL, GETEX, DELIFEQ

def test_getset_answers_the_string_before_and_drops_the_expiry(r, form):
    assert r("GETSET", "new", "v") is None
    value = given_string(r, form)
    r("EXPIRE", "k", 100)
    assert r("GETSET", "k", "w") == value
    assert r.effects == [Effect("set", b"k", 1)]
    assert r.propagated == [[b"SET", b"k", b"w"]]
    assert r("TTL", "k") == -1


def test_getdel_answers_the_string_and_removes_it(r, form):
    value = given_string(r, form)
    assert r("GETDEL", "k") == value
    assert r.effects == [Effect("del", b"k", 1)]
    assert r.propagated == [[b"DEL", b"k"]]
    assert r("GETDEL", "k") is None
    assert r.effects == [] and r.propagated == []


def test_getex_sets_and_clears_the_expiry(r, form):
    value = given_string(r, form)
    assert r("GETEX", "k") == value
    assert r.effects == [] and r.propagated == []
    for option, number, at in [("EX", 5, NOW + 5000), ("PX", 5, NOW + 5), ("EXAT", 2**31, 2**31 * 1000),
                               ("PXAT", 2**41, 2**41)]:
        assert r("GETEX", "k", option, number) == value
        assert r.effects == [Effect("expire", b"k", 1)]
        assert r.propagated == [[b"PEXPIREAT", b"k", b"%d" % at]]
        assert r("PEXPIRETIME", "k") == at
    assert r("GETEX", "k", "persist") == value
    assert r.effects == [Effect("persist", b"k", 1)]
    assert r.propagated == [[b"PERSIST", b"k"]]
    assert r("GETEX", "k", "PERSIST") == value
    assert r.effects == [] and r.propagated == []
    assert r("PTTL", "k") == -1


def test_getex_with_a_time_that_is_past_removes_the_key(r, form):
    value = given_string(r, form)
    assert r("GETEX", "k", "PXAT", 1) == value
    assert r.effects == [Effect("del", b"k", 1)]
    assert r.propagated == [[b"DEL", b"k"]]
    assert r("EXISTS", "k") == 0


def test_getex_judges_syntax_before_the_key_and_the_number_after_it(r):
    for options in (["FOO"], ["EX"], ["KEEPTTL"], ["NX"], ["GET"], ["EX", 10, "PERSIST"], ["EX", 5, "PX", 5]):
        refused(r, SYNTAX, "GETEX", "k", *options)
    assert r("GETEX", "k", "EX", "abc") is None
    assert r("GETEX", "k", "EX", 0) is None


def test_delifeq_removes_only_the_string_given(r, form):
    assert r("DELIFEQ", "k", "v") == 0
    value = given_string(r, form)
    assert r("DELIFEQ", "k", value[:-1]) == 0
    assert r.effects == [] and r.propagated == []
    assert r("DELIFEQ", "k", value) == 1
    assert r.effects == [Effect("del", b"k", 1)]
    assert r.propagated == [[b"DEL", b"k"]]
    assert r("EXISTS", "k") == 0


# ---------------------------------------------------------------- several keys

@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_mset_and_mget_of_many_keys(r, count):
    pairs = [word for i in range(count) for word in (f"k{i}", f"v{i}")]
    assert r("MSET", *pairs) == "OK"
    assert r.effects == [Effect("set", b"k%d" % i, 1) for i in range(count)]
    assert len(r.propagated) == 1
    assert r("MGET", *pairs[::2], "none") == [b"v%d" % i for i in range(count)] + [None]


def test_mset_sets_a_repeated_key_twice_and_drops_expiries(r, form):
    given_string(r, form)
    r("EXPIRE", "k", 100)
    assert r("MSET", "k", "1", "a", "2", "k", "3") == "OK"
    assert r.effects == [Effect("set", b"k", 1), Effect("set", b"a", 1), Effect("set", b"k", 1)]
    assert r("MGET", "k", "a") == [b"3", b"2"]
    assert r("TTL", "k") == -1


def test_msetnx_sets_all_or_nothing(r):
    r("SET", "b", "old")
    many = [word for i in range(40) for word in (f"k{i}", i)]
    assert r("MSETNX", *many, "b", 1) == 0
    assert r.effects == [] and r.propagated == []
    assert r("DBSIZE") == 1
    assert r("MSETNX", *many, "k0", "again") == 1
    assert len(r.effects) == 41
    assert r("GET", "k0") == b"again"


@pytest.mark.parametrize("command", ["MSET", "MSETNX"])
def test_a_key_without_a_value_is_refused(r, command):
    refused(r, f"ERR wrong number of arguments for '{command.lower()}' command", command, "k", "v", "x")


def test_msetex_sets_all_with_one_expiry(r):
    assert r("MSETEX", 2, "a", "1", "b", "2", "EX", 10) == 1
    assert r.effects == [Effect("set", b"a", 1), Effect("expire", b"a", 0),
                         Effect("set", b"b", 1), Effect("expire", b"b", 0)]
    assert r.propagated == [[b"MSETEX", b"2", b"a", b"1", b"b", b"2", b"PXAT", b"%d" % (NOW + 10_000)]]
    assert r("MSETEX", 1, "a", "3", "KEEPTTL") == 1
    assert r("PTTL", "a") == 10_000
    assert r("MSETEX", 1, "a", "4") == 1
    assert r.propagated == [[b"MSETEX", b"1", b"a", b"4"]]
    assert r("MGET", "a", "b") == [b"4", b"2"]
    assert r("PTTL", "a") == -1


def test_msetex_with_a_condition_sets_all_or_nothing(r):
    r("SET", "a", "old")
    assert r("MSETEX", 2, "a", 1, "b", 2, "NX") == 0
    assert r("MSETEX", 2, "a", 1, "b", 2, "XX", "EX", 10) == 0
    assert r.effects == [] and r.propagated == []
    assert r("MSETEX", 2, "c", 1, "b", 2, "PX", 10, "NX") == 1
    assert r.propagated == [[b"MSETEX", b"2", b"c", b"1", b"b", b"2", b"PXAT", b"%d" % (NOW + 10), b"NX"]]
    assert r("MSETEX", 2, "a", 1, "b", 2, "XX") == 1
    assert r("MGET", "a", "b", "c") == [b"1", b"2", b"1"]


@pytest.mark.parametrize("arguments", [
    [3, "k", "v", "b", "v"], [2, "k", "v", "b", "v", "FOO"], [1, "k", "v", "NX", "XX"], [1, "k", "v", "EX"],
    [1, "k", "v", "EX", 10, "KEEPTTL"], [1, "k", "v", "GET"], [1, "k", "v", "IFEQ", "v"],
    [1, "k", "v", "PERSIST"], [2147483647, "k", "v"],
])
def test_msetex_refuses_what_does_not_parse(r, arguments):
    refused(r, SYNTAX, "MSETEX", *arguments)


@pytest.mark.parametrize("count", [0, -1, "a", "", 2147483648, 2**62, 2**63 - 1, 2**64])
def test_msetex_refuses_an_impossible_count(r, count):
    refused(r, "ERR invalid numkeys value or out of range", "MSETEX", count, "k", "v")


# ---------------------------------------------------------------- ranges

def test_getrange_of_every_form(r, form):
    value = given_string(r, form)
    n = len(value)
    for name in ("GETRANGE", "SUBSTR"):
        assert r(name, "k", 0, -1) == value
        assert r(name, "k", 1, 2) == value[1:3]
        assert r(name, "k", -3, -2) == value[-3:-1]
        assert r(name, "k", -n - 5, n + 5) == value
        assert r(name, "k", 0, -n - 1) == value[:1]
        assert r(name, "k", n, n + 1) == b""
        assert r(name, "k", 3, 2) == b""
        assert r(name, "k", -2, -n - 1) == b""
        assert r(name, "k", -2**63, 2**63 - 1) == value
        assert r(name, "k", 2**63 - 1, -2**63) == b""
    refused(r, NOT_INTEGER, "GETRANGE", "k", "a", 1)
    refused(r, NOT_INTEGER, "GETRANGE", "k", 1, "1.0")


def test_setrange_writes_over_a_part(r, form):
    value = given_string(r, form)
    r("EXPIRE", "k", 100)
    assert r("SETRANGE", "k", 1, "AB") == len(value)
    assert r.effects == [Effect("setrange", b"k", 1)]
    assert r.propagated == [[b"SETRANGE", b"k", b"1", b"AB"]]
    assert r("GET", "k") == value[:1] + b"AB" + value[3:]
    assert r("OBJECT", "ENCODING", "k") == b"raw"
    assert r("TTL", "k") == 100


def test_setrange_beyond_the_end_fills_with_zeros(r, form):
    value = given_string(r, form)
    n = len(value)
    assert r("SETRANGE", "k", n + 3, "end") == n + 6
    assert r("GET", "k") == value + b"\0\0\0end"
    assert r("SETRANGE", "k", 5000, "x") == 5001
    assert r("GET", "k") == (value + b"\0\0\0end").ljust(5000, b"\0") + b"x"


def test_setrange_makes_a_key_only_if_it_writes(r):
    assert r("SETRANGE", "k", 10, "") == 0
    assert r.effects == [] and r.propagated == []
    assert r("EXISTS", "k") == 0
    assert r("SETRANGE", "k", 2, "a") == 3
    assert r("GET", "k") == b"\0\0a"
    assert r("SETRANGE", "k", 2**62, "") == 3
    assert r.effects == []


def test_setrange_refuses_offsets_and_lengths_out_of_range(r, form):
    given_string(r, form)
    refused(r, "ERR offset is out of range", "SETRANGE", "k", -1, "a")
    refused(r, "ERR offset is out of range", "SETRANGE", "k", -2**63, "")
    refused(r, NOT_INTEGER, "SETRANGE", "k", "a", "a")
    for offset in (2**29, 2**29 - 1, 2**32, 2**63 - 1, 2**63 - 2):
        refused(r, TOO_LONG, "SETRANGE", "k", offset, "ab")


def test_append_grows_any_form_and_keeps_the_expiry(r, form):
    value = given_string(r, form)
    r("EXPIRE", "k", 100)
    assert r("APPEND", "k", "abc") == len(value) + 3
    assert r.effects == [Effect("append", b"k", 1)]
    assert r.propagated == [[b"APPEND", b"k", b"abc"]]
    assert r("GET", "k") == value + b"abc"
    assert r("OBJECT", "ENCODING", "k") == b"raw"
    assert r("TTL", "k") == 100


def test_append_makes_a_missing_key_even_of_nothing(r):
    assert r("APPEND", "k", "") == 0
    assert r.effects == [Effect("append", b"k", 1)]
    assert r("GET", "k") == b""
    assert r("APPEND", "n", "10") == 2
    assert r("OBJECT", "ENCODING", "n") == b"int"


def test_many_appends_pass_through_every_size(r):
    expected = b""
    for i in range(400):
        piece = bytes([i % 256]) * (i % 37)
        expected += piece
        assert r("APPEND", "k", piece) == len(expected)
    assert r("GET", "k") == expected


def test_strings_end_at_proto_max_bulk_len():
    r = R(proto_max_bulk_len=1 << 20)
    r("SETRANGE", "k", (1 << 20) - 2, "xy")
    refused(r, TOO_LONG, "APPEND", "k", "z")
    refused(r, TOO_LONG, "SETRANGE", "k", (1 << 20) - 1, "zz")
    assert r("APPEND", "k", "") == 1 << 20
    assert r("SETRANGE", "k", (1 << 20) - 1, "z") == 1 << 20


# ---------------------------------------------------------------- counters

@pytest.mark.parametrize(("command", "after"), [
    (["INCR", "k"], 1), (["DECR", "k"], -1), (["INCRBY", "k", 5], 5), (["DECRBY", "k", 5], -5),
    (["INCRBY", "k", -5], -5), (["DECRBY", "k", -2**63 + 1], 2**63 - 1), (["INCRBY", "k", -2**63], -2**63),
])
def test_counters_start_at_zero(r, command, after):
    assert r(*command) == after
    assert r.effects == [Effect("incrby", b"k", 1)]
    assert r.propagated == [[word if isinstance(word, bytes) else str(word).encode() for word in command]]
    assert r("GET", "k") == b"%d" % after
    assert r("OBJECT", "ENCODING", "k") == b"int"


def test_a_counter_keeps_its_expiry_and_turns_text_into_an_integer(r):
    r("SETRANGE", "k", 0, "41")
    r("EXPIRE", "k", 100)
    assert r("OBJECT", "ENCODING", "k") == b"raw"
    assert r("INCR", "k") == 42
    assert r("OBJECT", "ENCODING", "k") == b"int"
    assert r("TTL", "k") == 100


@pytest.mark.parametrize("value", ["", "abc", "1.0", " 1", "01", "+1", "-0", str(2**63), "x" * 3000])
def test_counters_refuse_what_is_not_an_integer(r, value):
    r("SET", "k", value)
    for command in (["INCR", "k"], ["DECR", "k"], ["INCRBY", "k", 1], ["DECRBY", "k", 1]):
        refused(r, NOT_INTEGER, *command)
    refused(r, NOT_INTEGER, "INCRBY", "other", value, key="other")
    refused(r, NOT_INTEGER, "DECRBY", "other", value, key="other")


def test_counters_refuse_to_overflow(r):
    overflow = "ERR increment or decrement would overflow"
    r("SET", "k", 2**63 - 1)
    refused(r, overflow, "INCR", "k")
    refused(r, overflow, "INCRBY", "k", 2**63 - 1)
    refused(r, overflow, "DECRBY", "k", -1)
    r("SET", "k", -2**63)
    refused(r, overflow, "DECR", "k")
    refused(r, overflow, "INCRBY", "k", -2**63)
    refused(r, "ERR decrement would overflow", "DECRBY", "k", -2**63)
    assert r("INCRBY", "k", 2**63 - 1) == -1


@pytest.mark.parametrize(("start", "by", "after"), [
    (None, "1.5", b"1.5"), ("10", "1.5", b"11.5"), ("10.5", "0.1", b"10.6"), ("3", "1.1", b"4.1"),
    ("5.0e3", "2.0e2", b"5200"), ("-1", "1", b"0"), ("0x10", "1", b"17"), ("1", "-1.1", b"-0.1"),
    (None, "1e19", b"10000000000000000000"),
])
def test_incrbyfloat_adds_and_prints_as_redis_does(r, start, by, after):
    if start is not None:
        r("SET", "k", start, "EX", 100)
    assert r("INCRBYFLOAT", "k", by) == after
    assert r.effects == [Effect("incrbyfloat", b"k", 1)]
    assert r.propagated == [[b"SET", b"k", after, b"KEEPTTL"]]
    assert r("GET", "k") == after
    assert r("OBJECT", "ENCODING", "k") == b"embstr"
    assert r("TTL", "k") == (-1 if start is None else 100)


def test_incrbyfloat_takes_values_thousands_of_digits_long(r):
    assert len(r("INCRBYFLOAT", "k", "1e4932")) == 4933
    refused(r, "ERR increment would produce NaN or Infinity", "INCRBYFLOAT", "k", "1e4932")
    assert r("INCRBYFLOAT", "k", "-1e4932") == b"0"


def test_incrbyfloat_refuses_what_is_no_number_or_makes_none(r):
    not_float = "ERR value is not a valid float"
    for by in ("abc", "", " 1", "1 ", "nan", "1e5000"):
        refused(r, not_float, "INCRBYFLOAT", "k", by)
    for by in ("inf", "-inf", "+Infinity"):
        refused(r, "ERR increment would produce NaN or Infinity", "INCRBYFLOAT", "k", by)
    for value in ("abc", "", "x" * 3000, "1 "):
        r("SET", "k", value)
        refused(r, not_float, "INCRBYFLOAT", "k", 1)
        refused(r, not_float, "INCRBYFLOAT", "k", "inf")


# ---------------------------------------------------------------- other types

def given_list(r):
    """A key that holds a list; false while there is no command to make one."""
    if b"rpush" not in r("COMMAND", "LIST"):
        return False
    r("RPUSH", "k", "a")
    return True


@pytest.mark.parametrize("command", [
    ["GET", "k"], ["STRLEN", "k"], ["GETRANGE", "k", 0, 1], ["GETDEL", "k"], ["GETEX", "k"],
    ["GETEX", "k", "EX", "x"], ["GETSET", "k", "v"], ["SET", "k", "v", "GET"], ["SET", "k", "v", "NX", "GET"],
    ["SET", "k", "v", "IFEQ", "a"], ["DELIFEQ", "k", "a"], ["APPEND", "k", ""], ["SETRANGE", "k", 0, ""],
    ["SETRANGE", "k", 2**40, "a"], ["INCR", "k"], ["DECRBY", "k", 1], ["INCRBYFLOAT", "k", "abc"],
    ["SUBSTR", "k", 0, 1],
])
def test_string_commands_refuse_another_type(r, command):
    if given_list(r):
        refused(r, WRONG, *command)


def test_mget_and_mset_do_not_mind_another_type(r):
    if not given_list(r):
        return
    assert r("MGET", "k") == [None]
    assert r("SETNX", "k", "v") == 0
    assert r("MSETNX", "k", "v") == 0
    assert r("SET", "k", "v", "NX") is None
    assert r("MSET", "k", "v") == "OK"
    assert r("GET", "k") == b"v"


def test_set_replaces_another_type(r):
    if given_list(r):
        assert r("SET", "k", "v", "XX") == "OK"
        assert r("GET", "k") == b"v"


# ------------------------------------------------------------ replies that hold a string instead of a copy

@pytest.mark.parametrize("change", [("SETRANGE", "k", 0, "new"), ("APPEND", "k", "more"), ("SET", "k", "v"),
                                    ("DEL", "k"), ("FLUSHALL",), ("GETDEL", "k")])
@pytest.mark.parametrize("length", [16_383, 16_384, 300_000])
def test_a_long_reply_keeps_the_bytes_it_was_made_of(r, length, change):
    old = b"x" * length
    r("SET", "k", old)
    replies = r.feed(encode("GET", "k") + encode(*change) + encode("GET", "k"))
    assert replies[0] == old
    assert replies[2] != old
    assert r.session.check() == 0


def test_a_long_reply_that_is_dropped_gives_its_string_back(r):
    r("SET", "k", b"x" * 100_000)
    unheard = encode("CLIENT", "REPLY", "SKIP") + encode("GET", "k")
    for _ in range(10):
        assert r.feed(unheard) == []             # counters are made now, and buffers find their size
    before = r.session.memory_used
    for _ in range(10):
        assert r.feed(unheard) == []
    assert r.session.memory_used == before
    r("DEL", "k")
    assert r.session.memory_used < before - 90_000
