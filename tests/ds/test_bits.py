"""Rows of bits against Python's big integers: fields, counting, finding, combining, at every alignment."""

import functools
import operator
import random

import pytest
from _pyredis.ds.testing_bits import (
    combine_bits,
    count_bits,
    count_bits_portably,
    find_bit,
    fold_portably,
    get_field,
    set_field,
)
from hypothesis import given
from hypothesis import strategies as st

SIZES = [1, 2, 7, 8, 9, 31, 32, 33, 64, 127, 128, 129, 255, 256, 257, 1000, 4095, 4096, 4097, 8192, 12345]
OPS = ["AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE"]


def bits_of(s):
    """The bits as a list, in the order of their positions."""
    return [byte >> 7 - i & 1 for byte in s for i in range(8)]


def some_bytes(rng, n):
    """Random bytes, or mostly zeros, or mostly ones."""
    kind = rng.randrange(3)
    if kind == 0:
        return rng.randbytes(n)
    s = bytearray(n if kind == 1 else b"\xff" * n)
    for _ in range(rng.randrange(3)):
        s[rng.randrange(n)] ^= 1 << rng.randrange(8)
    return bytes(s)


# ---------------------------------------------------------------- counting, finding

@pytest.mark.parametrize("n", SIZES)
def test_counting_agrees_with_python_whatever_the_size_and_where_it_begins(n):
    rng = random.Random(n)
    s = some_bytes(rng, n + 40)
    for offset in range(33):
        part = memoryview(s)[offset:offset + n]
        wanted = int.from_bytes(part, "big").bit_count()
        assert count_bits(part, 0, 8 * n - 1) == wanted
        assert count_bits_portably(part) == wanted


@given(st.binary(min_size=1, max_size=400), st.data())
def test_counting_and_finding_see_their_range_and_no_more(s, data):
    bits = bits_of(s)
    first = data.draw(st.integers(0, len(bits) - 1))
    last = data.draw(st.integers(first, len(bits) - 1))
    part = bits[first:last + 1]
    assert count_bits(s, first, last) == sum(part)
    for bit in (0, 1):
        assert find_bit(s, first, last, bit) == (first + part.index(bit) if bit in part else -1)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("bit", [0, 1])
def test_a_single_bit_is_found_anywhere(n, bit):
    rng = random.Random(n)
    filler = b"\0" * n if bit else b"\xff" * n
    assert find_bit(filler, 0, 8 * n - 1, bit) == -1
    for at in {0, 7, 8 * n - 8, 8 * n - 1, *rng.choices(range(8 * n), k=40)}:
        s = bytearray(filler)
        s[at // 8] ^= 0x80 >> at % 8
        assert find_bit(s, 0, 8 * n - 1, bit) == at
        assert find_bit(s, at, 8 * n - 1, bit) == at
        assert find_bit(s, 0, at, bit) == at
        if at:
            assert find_bit(s, 0, at - 1, bit) == -1
        if at < 8 * n - 1:
            assert find_bit(s, at + 1, 8 * n - 1, bit) == -1


# ---------------------------------------------------------------- fields

@pytest.mark.parametrize("width", range(1, 65))
def test_a_field_of_any_width_is_read_and_written_at_any_offset(width):
    rng = random.Random(width)
    for at in range(17):
        s = rng.randbytes(12)
        number, shift = int.from_bytes(s, "big"), 96 - at - width
        assert get_field(s, at, width) == number >> shift & (1 << width) - 1
        v = rng.getrandbits(64)                     # only its low bits count
        changed = number & ~((1 << width) - 1 << shift) | (v & (1 << width) - 1) << shift
        assert set_field(s, at, width, v) == changed.to_bytes(12, "big")


@given(st.binary(max_size=12), st.integers(0, 200), st.integers(1, 64))
def test_reading_sees_zeros_behind_the_end(s, at, width):
    assert get_field(s, at, width) == int.from_bytes(s.ljust(40, b"\0"), "big") >> 320 - at - width & (1 << width) - 1


# ---------------------------------------------------------------- combining

def combined(op, sources):
    """What BITOP makes of these, by big integers."""
    n = max(map(len, sources))
    first, *others = [int.from_bytes(s.ljust(n, b"\0"), "big") for s in sources]
    full = (1 << 8 * n) - 1
    union = functools.reduce(operator.or_, others, 0)
    if op == "ONE":
        seen = more = 0
        for v in (first, *others):
            more |= seen & v
            seen |= v
        found = seen & ~more
    else:
        found = {"AND": lambda: functools.reduce(operator.and_, others, first), "OR": lambda: first | union,
                 "XOR": lambda: functools.reduce(operator.xor, others, first), "NOT": lambda: ~first & full,
                 "DIFF": lambda: first & ~union, "DIFF1": lambda: union & ~first, "ANDOR": lambda: first & union}[op]()
    return found.to_bytes(n, "big")


def some_sources(rng, op):
    least = {"NOT": 1, "DIFF": 2, "DIFF1": 2, "ANDOR": 2}.get(op, 1)
    count = 1 if op == "NOT" else rng.choice([least, least, 2, 3, 5, 20])
    return [some_bytes(rng, rng.choice(SIZES)) if rng.random() < 0.9 else b"" for _ in range(count - 1)] \
        + [some_bytes(rng, rng.choice(SIZES))]


@pytest.mark.parametrize("op", OPS)
def test_combining_agrees_with_python_for_sources_of_any_lengths(op):
    rng = random.Random(op)
    for _ in range(150):
        sources = some_sources(rng, op)
        rng.shuffle(sources)
        assert combine_bits(op, sources) == combined(op, sources)


@pytest.mark.parametrize("op", OPS)
def test_the_result_may_take_the_place_of_the_longest_source(op):
    rng = random.Random(op + "in place")
    for _ in range(60):
        sources = some_sources(rng, op)
        into = max(range(len(sources)), key=lambda i: len(sources[i]))
        assert combine_bits(op, sources, into) == combined(op, sources)


@pytest.mark.parametrize("op", ["AND", "OR", "XOR", "DIFF"])
@pytest.mark.parametrize("n", SIZES)
def test_the_portable_loops_agree_with_the_wide_ones(op, n):
    rng = random.Random(n)
    a, b = rng.randbytes(n), rng.randbytes(n)
    assert fold_portably(op, a, b) == combine_bits(op, [a, b]) == combined(op, [a, b])
