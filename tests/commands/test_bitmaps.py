"""SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP: replies, effects, propagation, and refusals that change nothing."""

import random

import _pyredis.figures as figures
import pytest

from tests.session import Effect, R, raises_reply

WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"
OFFSET = "ERR bit offset is not an integer or out of range"
BIT = "ERR bit is not an integer or out of range"
NOT_INTEGER = "ERR value is not an integer or out of range"
SYNTAX = "ERR syntax error"
FORMS = {"int": b"12345", "embstr": b"hello", "raw": b"x" * 45, "inline": bytes(range(250)) * 8,
         "block": bytes(range(256)) * 10, "lent": bytes(range(256)) * 80}


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def given_string(r, form, key="k"):
    r("SET", key, FORMS[form])
    return FORMS[form]


def refused(r, error, *command):
    """The command fails so and leaves no trace."""
    before = r("GET", "k") if r("TYPE", "k") == "string" else None, r("EXISTS", "k", "d")
    with raises_reply(error):
        r(*command)
    assert r.effects == [] and r.propagated == []
    assert (r("GET", "k") if r("TYPE", "k") == "string" else None, r("EXISTS", "k", "d")) == before


def bit_of(s, at):
    return s[at // 8] >> 7 - at % 8 & 1 if at // 8 < len(s) else 0


def with_bit(s, at, bit):
    grown = bytearray(s.ljust(at // 8 + 1, b"\0"))
    grown[at // 8] = grown[at // 8] & ~(0x80 >> at % 8) | bit << 7 - at % 8
    return bytes(grown)


# ---------------------------------------------------------------- single bits

def test_setbit_changes_one_bit_in_every_form_and_answers_the_one_before(r, form):
    value = given_string(r, form)
    for at in (0, 1, 7, 8, 8 * len(value) - 1, 8 * len(value), 8 * len(value) + 77, 40_000):
        for bit in (1, 0, 1, 1):
            before, value, old = bit_of(value, at), with_bit(value, at, bit), value
            assert r("SETBIT", "k", at, bit) == before
            changed = value != old
            assert r.effects == [Effect("setbit", b"k", 1)] * changed
            assert r.propagated == [[b"SETBIT", b"k", b"%d" % at, b"%d" % bit]] * changed
            assert r("GETBIT", "k", at) == bit
            assert r.effects == []
            assert r("GET", "k") == value


def test_setbit_makes_a_key_of_zeros_even_for_a_zero(r):
    assert r("SETBIT", "k", 20, 0) == 0
    assert r.effects == [Effect("setbit", b"k", 1)]
    assert r("GET", "k") == b"\0\0\0"
    assert r("OBJECT", "ENCODING", "k") == b"raw"


def test_setbit_makes_a_string_raw_and_keeps_its_expiry(r, form):
    given_string(r, form)
    r("PEXPIRE", "k", 5000)
    r("SETBIT", "k", 3, r("GETBIT", "k", 3))
    assert r.effects == []
    assert r("OBJECT", "ENCODING", "k") == b"raw"
    r("SETBIT", "k", 100_000, 1)
    assert r("PTTL", "k") == 5000


def test_a_reply_on_its_way_keeps_the_bytes_it_was_given(r):
    value = given_string(r, "lent")
    data = r.feed(b"GET k\r\nSETBIT k 0 1\r\nGET k\r\n")
    assert data == [value, 0, with_bit(value, 0, 1)]


@pytest.mark.parametrize(("command", "error"), [
    (["SETBIT", "k", "-1", "1"], OFFSET), (["SETBIT", "k", "x", "1"], OFFSET), (["SETBIT", "k", "#1", "1"], OFFSET),
    (["SETBIT", "k", "01", "1"], OFFSET), (["SETBIT", "k", "", "1"], OFFSET),
    (["SETBIT", "k", "4294967296", "1"], OFFSET), (["SETBIT", "k", "9223372036854775808", "1"], OFFSET),
    (["SETBIT", "k", "x", "2"], OFFSET), (["SETBIT", "k", "1", "2"], BIT), (["SETBIT", "k", "1", "-1"], BIT),
    (["SETBIT", "k", "1", "x"], BIT), (["SETBIT", "k", "1", ""], BIT), (["GETBIT", "k", "-1"], OFFSET),
    (["GETBIT", "k", "4294967296"], OFFSET), (["GETBIT", "k", "abc"], OFFSET),
])
@pytest.mark.parametrize("exists", [False, True])
def test_single_bits_refuse_bad_arguments(r, command, error, exists):
    if exists:
        r("SET", "k", "v")
    refused(r, error, *command)


def test_the_farthest_bit_follows_from_the_longest_string(r):
    r("CONFIG", "SET", "proto-max-bulk-len", 2 << 20)
    assert r("SETBIT", "k", (16 << 20) - 1, 1) == 0
    assert r("STRLEN", "k") == 2 << 20
    refused(r, OFFSET, "SETBIT", "k", 16 << 20, 1)
    refused(r, OFFSET, "GETBIT", "k", 16 << 20)


def test_getbit_reads_zeros_behind_the_end_and_from_no_key(r, form):
    assert r("GETBIT", "k", 0) == 0
    value = given_string(r, form)
    rng = random.Random(form)
    for at in [0, 8 * len(value) - 1, 8 * len(value), 4294967295, *rng.choices(range(8 * len(value)), k=50)]:
        assert r("GETBIT", "k", at) == bit_of(value, at)
    assert r("OBJECT", "ENCODING", "k") == {"int": b"int", "embstr": b"embstr"}.get(form, b"raw")


# ---------------------------------------------------------------- BITCOUNT, BITPOS

def span_of(length, start, end):
    """The range that Redis makes of start and end."""
    start = max(start + length, 0) if start < 0 else start
    end = max(end + length, 0) if end < 0 else min(end, length - 1)
    return start, min(end, length - 1)


@pytest.mark.parametrize("unit", ["BYTE", "bit", None])
def test_bitcount_and_bitpos_agree_with_a_list_of_bits(r, form, unit):
    value = given_string(r, form)
    bits = [bit_of(value, at) for at in range(8 * len(value))]
    assert r("BITCOUNT", "k") == sum(bits)
    rng = random.Random(form)
    total, size = (len(bits), 1) if unit == "bit" else (len(value), 8)
    for _ in range(150):
        start, end = (rng.choice([0, 1, -1, rng.randrange(-total - 3, total + 3)]) for _ in "ab")
        first, last = span_of(total, start, end)
        part = bits[first * size:(last + 1) * size] if first <= last else []
        words = [start, end, *[unit] * (unit is not None)]
        wanted = 0 if start < 0 and end < 0 and start > end else sum(part)
        assert r("BITCOUNT", "k", *words) == wanted, words
        for bit in (0, 1):
            assert r("BITPOS", "k", bit, *words) == (first * size + part.index(bit) if bit in part else -1), words
    assert r.effects == []


def test_a_clear_bit_is_looked_for_behind_the_end_unless_an_end_was_given(r):
    r("SET", "k", b"\xff\xff")
    assert r("BITPOS", "k", 0) == 16
    assert r("BITPOS", "k", 0, 1) == 16
    assert r("BITPOS", "k", 0, 0, -1) == -1
    assert r("BITPOS", "k", 0, 0, -1, "BIT") == -1
    assert r("BITPOS", "k", 0, 5) == -1
    r("SETBIT", "k", 11, 0)
    assert r("BITPOS", "k", 0) == 11
    assert r("BITPOS", "k", 1, 11, 11, "BIT") == -1


def test_counting_and_finding_where_there_is_nothing(r):
    for words in ([], [0, -1], [5, 4], [0, -1, "BIT"]):
        assert r("BITCOUNT", "none", *words) == 0
        assert r("BITPOS", "none", 1, *words) == -1
        assert r("BITPOS", "none", 0, *words) == 0
    r("SET", "k", "")
    for words in ([], [0, -1], [0, -1, "BIT"]):
        assert r("BITCOUNT", "k", *words) == 0
        assert r("BITPOS", "k", 0, *words) == r("BITPOS", "k", 1, *words) == -1


@pytest.mark.parametrize(("command", "error"), [
    (["BITCOUNT", "k", "x"], SYNTAX), (["BITCOUNT", "k", "0"], SYNTAX),
    (["BITCOUNT", "k", "0", "x"], NOT_INTEGER),
    (["BITCOUNT", "k", "0", "x", "NO"], NOT_INTEGER), (["BITCOUNT", "k", "0", "1", "NO"], SYNTAX),
    (["BITCOUNT", "k", "0", "1", "BIT", "x"], SYNTAX), (["BITPOS", "k", "x"], NOT_INTEGER),
    (["BITPOS", "k", "2"], "ERR The bit argument must be 1 or 0."), (["BITPOS", "k", "0", "x"], NOT_INTEGER),
    (["BITPOS", "k", "0", "0", "x", "NO"], SYNTAX), (["BITPOS", "k", "0", "0", "x"], NOT_INTEGER),
    (["BITPOS", "k", "0", "0", "1", "BIT", "x"], SYNTAX),
])
def test_counting_and_finding_refuse_bad_arguments(r, command, error):
    r("SET", "k", "v")
    refused(r, error, *command)


# ---------------------------------------------------------------- BITOP

def test_bitop_combines_strings_of_any_form_and_length(r, form):
    value = given_string(r, form)
    r("SET", "other", b"\x0f\xf0\x55")
    r("SET", "digits", 77)
    pad = b"\x0f\xf0\x55".ljust(len(value), b"\0")
    assert r("BITOP", "AND", "d", "k", "other") == len(value)
    assert r.effects == [Effect("set", b"d", 1)]
    assert r.propagated == [[b"BITOP", b"AND", b"d", b"k", b"other"]]
    assert r("GET", "d") == bytes(a & b for a, b in zip(value, pad, strict=True))
    assert r("OBJECT", "ENCODING", "d") == b"raw"
    r("BITOP", "xor", "d", "k", "other", "k", "none")
    assert r("GET", "d") == pad
    assert r("BITOP", "NOT", "d", "k") == len(value)
    assert r("GET", "d") == bytes(255 - a for a in value)
    r("BITOP", "OR", "d", "digits")
    assert r("GET", "d") == b"77"
    assert r("OBJECT", "ENCODING", "d") == b"raw"


@pytest.mark.parametrize("op", ["AND", "OR", "XOR", "DIFF", "DIFF1", "ANDOR", "ONE"])
def test_bitop_keeps_the_bits_that_its_operation_names(r, op):
    sources = [0b01010001, 0b00010111, 0b00101111]
    for name, byte in zip("abc", sources, strict=True):
        r("SET", name, bytes([byte]))
    assert r("BITOP", op, "d", "a", "b", "c") == 1
    a, b, c = sources
    rules = {"AND": a & b & c, "OR": a | b | c, "XOR": a ^ b ^ c, "DIFF": a & ~(b | c), "DIFF1": (b | c) & ~a,
             "ANDOR": a & (b | c), "ONE": (a ^ b ^ c) & ~(a & b & c)}
    assert r("GET", "d") == bytes([rules[op]])


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_destination_may_be_a_source(r, form, at):
    value = given_string(r, form)
    r("SET", "b", b"\xaa" * 50)
    r("SET", "c", b"\x11" * 3000)
    n = max(3000, len(value))
    for op in ("AND", "OR", "XOR", "ONE", "DIFF"):
        keys = ["b", "c"]
        keys.insert(at, "k")
        r("SET", "k", value)
        r("EXPIRE", "k", 100)
        assert r("BITOP", op, "elsewhere", *keys) == n
        assert r("BITOP", op, "k", *keys) == n
        assert r("GET", "k") == r("GET", "elsewhere")
        assert r("TTL", "k") == -1
        assert r("BITOP", op, "k", "k", "c") == n               # over a value of its own size
        assert r("STRLEN", "k") == n


def test_an_empty_result_leaves_no_key(r):
    assert r("BITOP", "AND", "d", "none") == 0
    assert r.effects == [] and r.propagated == []
    r("SET", "d", "v")
    assert r("BITOP", "OR", "d", "none", "none") == 0
    assert r.effects == [Effect("del", b"d", 1)]
    assert r("EXISTS", "d") == 0


def test_bitop_replaces_a_value_of_any_type_with_its_expiry(r):
    r("SET", "k", b"\x01")
    r("RPUSH", "d", "a")
    r("EXPIRE", "d", 100)
    assert r("BITOP", "NOT", "d", "k") == 1
    assert r("GET", "d") == b"\xfe"
    assert r("TTL", "d") == -1
    r("RPUSH", "l", "a")
    assert r("BITOP", "AND", "l", "none") == 0
    assert r("EXISTS", "l") == 0


def test_bitop_takes_more_sources_than_the_stack_has_room_for(r):
    for i in range(40):
        r("SET", f"s{i}", bytes(i) + b"\1")
    r("SET", "n", 9)
    assert r("BITOP", "OR", "d", *(f"s{i}" for i in range(40)), "n") == 40
    assert r("GET", "d") == bytes([1 | ord("9")]) + b"\1" * 39
    r("RPUSH", "l", "a")
    refused(r, WRONG, "BITOP", "OR", "d", *(f"s{i}" for i in range(40)), "l")


@pytest.mark.parametrize(("command", "error"), [
    (["BITOP", "FOO", "d", "k"], SYNTAX), (["BITOP", "", "d", "k"], SYNTAX),
    (["BITOP", "NOT", "d", "k", "k"], "ERR BITOP NOT must be called with a single source key."),
    (["BITOP", "diff", "d", "k"], "ERR BITOP DIFF must be called with at least two source keys."),
    (["BITOP", "diff1", "d", "k"], "ERR BITOP DIFF1 must be called with at least two source keys."),
    (["BITOP", "andor", "d", "k"], "ERR BITOP ANDOR must be called with at least two source keys."),
])
def test_bitop_refuses_what_it_cannot_do(r, command, error):
    r("SET", "k", "v")
    refused(r, error, *command)


@pytest.mark.parametrize("command", [
    ["SETBIT", "k", 0, 1], ["GETBIT", "k", 0], ["BITCOUNT", "k"], ["BITCOUNT", "k", 5, 4], ["BITPOS", "k", 1],
    ["BITPOS", "k", 0, 5, 4], ["BITOP", "AND", "d", "none", "k"], ["BITOP", "NOT", "k", "k"],
])
def test_bit_commands_refuse_another_type(r, command):
    r("RPUSH", "k", "a")
    refused(r, WRONG, *command)


def test_the_same_bitop_again_takes_no_more_memory():
    r = R()
    r("SETBIT", "a", 8 * 300_000, 1)
    r("BITOP", "NOT", "d", "a")
    used = figures.memory(r.server.core)["used"]
    for _ in range(5):
        r("BITOP", "NOT", "d", "a")
        r("BITOP", "OR", "d", "d", "a")
    assert figures.memory(r.server.core)["used"] == used
