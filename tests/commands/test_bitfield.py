"""BITFIELD and BITFIELD_RO against arithmetic on Python integers."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.session import Effect, R, raises_reply

TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
OFFSET = "ERR bit offset is not an integer or out of range"
NOT_INTEGER = "ERR value is not an integer or out of range"
SYNTAX = "ERR syntax error"
ONLY_GET = "ERR BITFIELD_RO only supports the GET subcommand"
I64 = 2**63


class Field:
    """A string of which fields are read and written; `run` is BITFIELD."""

    def __init__(self, value=b""):
        self.value = value
        self.dirty = 0

    def get(self, kind, at):
        width = int(kind[1:])
        padded = self.value.ljust(at + width, b"\0")
        number = int.from_bytes(padded, "big") >> 8 * len(padded) - at - width & (1 << width) - 1
        return number - (1 << width) if kind[0] == "i" and number >> width - 1 else number

    def put(self, kind, at, number):
        width, total = int(kind[1:]), 8 * len(self.value)
        mask = (1 << width) - 1
        whole = int.from_bytes(self.value, "big")
        shift = total - at - width
        self.value = (whole & ~(mask << shift) | (number & mask) << shift).to_bytes(len(self.value), "big")

    def run(self, steps):
        """steps: (kind of step, type, offset, operand, overflow)."""
        ends = [at + int(kind[1:]) for what, kind, at, _, _ in steps if what != "GET"]
        grown = bool(ends) and (max(ends) + 7) // 8 > len(self.value)
        if grown:
            self.value = self.value.ljust((max(ends) + 7) // 8, b"\0")
        self.dirty = 0
        return [self.step(*step, grown) for step in steps]

    def step(self, what, kind, at, operand, overflow, grown):
        width, old = int(kind[1:]), self.get(kind, at)
        if what == "GET":
            return old
        least, most = (-(1 << width - 1), (1 << width - 1) - 1) if kind[0] == "i" else (0, (1 << width) - 1)
        if what == "INCRBY":
            wanted = old + operand
        else:
            wanted = operand % 2**64 if kind[0] == "u" else operand
        if not least <= wanted <= most:
            if overflow == "FAIL":
                return None
            if overflow == "SAT":
                wanted = most if wanted > most else least
        self.put(kind, at, wanted)
        new = self.get(kind, at)
        self.dirty += grown or new != old
        return new if what == "INCRBY" else old


def words_of(steps, rng):
    """BITFIELD's arguments for these; now and then with an offset as a number of fields."""
    words, current = [], "WRAP"
    for what, kind, at, operand, overflow in steps:
        if what != "GET" and overflow != current:
            words += ["OVERFLOW", rng.choice([overflow, overflow.lower()])]
            current = overflow
        width = int(kind[1:])
        offset = f"#{at // width}" if at % width == 0 and rng.random() < 0.5 else at
        words += [what, kind, offset, *[operand] * (what != "GET")]
    return words


def some_step(rng):
    kind = rng.choice("iu") + str(rng.choice([1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 62, 63, rng.randint(1, 63)]))
    if rng.random() < 0.15:
        kind = "i64"
    width = int(kind[1:])
    limits = [0, 1, -1, 1 << width - 1, (1 << width - 1) - 1, -(1 << width - 1), (1 << width) - 1, I64 - 1, -I64,
              rng.randint(-I64, I64 - 1), rng.randint(-100, 100)]
    operand = max(-I64, min(I64 - 1, rng.choice(limits)))
    at = rng.choice([0, 1, 7, 8, width, 3 * width, rng.randrange(300)])
    return rng.choice(["GET", "SET", "INCRBY", "INCRBY"]), kind, at, operand, rng.choice(["WRAP", "SAT", "FAIL"])


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.sampled_from([b"", b"12345", b"hello", b"\xff" * 45, bytes(range(250)) * 9]))
def test_any_steps_do_what_arithmetic_says(seed, start):
    rng, r, model = random.Random(seed), SHARED, Field(start)
    r("DEL", "k")
    if start:
        r("SET", "k", start)
    for _ in range(4):
        steps = [some_step(rng) for _ in range(rng.choice([1, 1, 2, 5, 20]))]
        words = words_of(steps, rng)
        assert r("BITFIELD", "k", *words) == model.run(steps)
        assert r.effects == ([Effect("setbit", b"k", model.dirty)] if model.dirty else [])
        assert bool(r.propagated) == bool(model.dirty)
        assert (r("GET", "k") or b"") == model.value
        reads = [step for step in steps if step[0] == "GET"]
        assert r("BITFIELD_RO", "k", *words_of(reads, rng)) == model.run(reads)


SHARED = R()


def test_no_steps_answer_an_empty_array_and_make_no_key(r):
    assert r("BITFIELD", "k") == [] == r("BITFIELD_RO", "k") == r("BITFIELD", "k", "OVERFLOW", "SAT")
    assert r("BITFIELD", "k", "GET", "u8", 0, "GET", "i64", "#1000") == [0, 0]
    assert r("EXISTS", "k") == 0
    assert r.effects == []


def test_a_string_that_is_only_read_keeps_its_encoding(r):
    r("SET", "k", 12)
    assert r("BITFIELD", "k", "GET", "u8", "#1") == [ord("2")]
    assert r("OBJECT", "ENCODING", "k") == b"int"
    assert r("BITFIELD", "k", "SET", "u8", "#1", ord("2")) == [ord("2")]
    assert r.effects == []
    assert r("OBJECT", "ENCODING", "k") == b"raw"


def test_a_string_grows_even_if_every_write_fails(r):
    """As in Redis, which does not count it either."""
    assert r("BITFIELD", "k", "OVERFLOW", "FAIL", "SET", "u8", 8, 256) == [None]
    assert r.effects == [] and r.propagated == []
    assert r("GET", "k") == b"\0\0"


def test_the_expiry_stays(r):
    r("SET", "k", "v", "EX", 100)
    r("BITFIELD", "k", "INCRBY", "u32", 3000, 7)
    assert r("TTL", "k") == 100


@pytest.mark.parametrize("command", ["BITFIELD", "BITFIELD_RO"])
@pytest.mark.parametrize(("words", "error"), [
    (["GET", "u64", 0], TYPE), (["GET", "i65", 0], TYPE), (["GET", "u0", 0], TYPE), (["GET", "i-1", 0], TYPE),
    (["GET", "U8", 0], TYPE), (["GET", "8", 0], TYPE), (["GET", "u", 0], TYPE), (["GET", "", 0], TYPE),
    (["GET", "u08", 0], TYPE), (["GET", "u8", "x"], OFFSET), (["GET", "u8", -1], OFFSET),
    (["GET", "u8", "#-1"], OFFSET),
    (["GET", "u8", "#"], OFFSET), (["GET", "u8", 1 << 32], OFFSET), (["GET", "i64", f"#{1 << 26}"], OFFSET),
    (["GET", "u8", f"#{I64 - 1}"], OFFSET), (["SET", "u8", 0, "x"], NOT_INTEGER),
    (["INCRBY", "u8", 0, ""], NOT_INTEGER),
    (["SET", "u8", 0, I64], NOT_INTEGER), (["SET", "u8", 0], SYNTAX), (["GET", "u8"], SYNTAX), (["FOO"], SYNTAX),
    (["OVERFLOW"], SYNTAX), (["OVERFLOW", "x"], "ERR Invalid OVERFLOW type specified"),
    (["GET", "u8", 0, "SET", "u8", 1, "1", "GET"], SYNTAX),
])
@pytest.mark.parametrize("exists", [False, True])
def test_a_mistake_anywhere_changes_nothing(r, command, words, error, exists):
    if exists:
        r("SET", "k", "value")
    with raises_reply(error):
        r(command, "k", *words)
    assert r.effects == [] and r.propagated == []
    assert r("GET", "k") == (b"value" if exists else None)


def test_the_read_only_form_refuses_writes(r):
    for words in (["SET", "u8", 0, 1], ["INCRBY", "u8", 0, 0], ["GET", "u8", 0, "SET", "u8", 0, 1]):
        with raises_reply(ONLY_GET):
            r("BITFIELD_RO", "k", *words)
    assert r("BITFIELD_RO", "k", "OVERFLOW", "SAT", "GET", "u8", 0) == [0]
    assert r("EXISTS", "k") == 0


def test_both_refuse_another_type_unless_something_else_is_wrong_first(r):
    r("RPUSH", "k", "a")
    for words in ([], ["GET", "u8", 0], ["SET", "u8", 0, 1]):
        with raises_reply("WRONGTYPE"):
            r("BITFIELD", "k", *words)
    with raises_reply("WRONGTYPE"):
        r("BITFIELD_RO", "k", "GET", "u8", 0)
    with raises_reply(ONLY_GET):
        r("BITFIELD_RO", "k", "SET", "u8", 0, 1)
    with raises_reply(SYNTAX):
        r("BITFIELD", "k", "GET")
    assert r("LLEN", "k") == 1


def test_the_farthest_field_ends_where_a_string_may(r):
    r("CONFIG", "SET", "proto-max-bulk-len", 1 << 20)
    assert r("BITFIELD", "k", "SET", "u8", (8 << 20) - 8, 255) == [0]
    assert r("BITFIELD", "k", "GET", "u16", (8 << 20) - 4) == [0xF000]
    with raises_reply(OFFSET):
        r("BITFIELD", "k", "SET", "u8", 8 << 20, 1)
    with raises_reply(OFFSET):
        r("BITFIELD", "k", "SET", "u8", f"#{1 << 20}", 1)
