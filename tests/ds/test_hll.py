"""HyperLogLogs against a plain array of registers: forms, promotion, estimates, and bytes from hostile hands."""

import math
import random

import pytest
from _pyredis.ds.testing_bits import BareSketch, count_registers, element_of, sketches_test_themselves
from hypothesis import given, settings
from hypothesis import strategies as st

REGISTERS = 16384
DENSE = 16 + REGISTERS * 6 // 8
MASK = (1 << 64) - 1
HEADER = b"HYLL\x01\0\0\0" + b"\0" * 8


def murmur(data, seed=0xADC83B19):
    """MurmurHash64A."""
    m, h = 0xC6A4A7935BD1E995, (seed ^ len(data) * 0xC6A4A7935BD1E995) & MASK
    whole = len(data) // 8 * 8
    for i in range(0, whole, 8):
        k = int.from_bytes(data[i:i + 8], "little") * m & MASK
        h = (h ^ ((k ^ k >> 47) * m & MASK)) * m & MASK
    if data[whole:]:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & MASK
    h = (h ^ h >> 47) * m & MASK
    return h ^ h >> 47


def place_of(data):
    h = murmur(data)
    rest = h >> 14 | 1 << 50
    return h & REGISTERS - 1, (rest & -rest).bit_length()


def runs_of(image):
    """(value, length) of each run of a sparse sketch."""
    at, found = 16, []
    while at < len(image):
        byte = image[at]
        if byte & 0x80:
            found.append(((byte >> 2 & 31) + 1, (byte & 3) + 1))
        elif byte & 0x40:
            at += 1
            found.append((0, ((byte & 0x3F) << 8 | image[at]) + 1))
        else:
            found.append((0, byte + 1))
        at += 1
    return found


def registers_of(image):
    """All registers, by the definition of the formats."""
    if image[4] == 1:
        return bytes(value for value, length in runs_of(image) for _ in range(length))
    bits = int.from_bytes(image[16:], "little")
    return bytes(bits >> 6 * i & 63 for i in range(REGISTERS))


def zeros(n):
    """A run of n zero registers."""
    return bytes([n - 1]) if n <= 64 else bytes([0x40 | n - 1 >> 8, n - 1 & 0xFF])


def val(value, n=1):
    return bytes([0x80 | value - 1 << 2 | n - 1])


def estimate(registers):
    """Ertl's estimator."""
    m = float(REGISTERS)
    counts = [registers.count(value) for value in range(64)]
    z = m * tau((m - counts[51]) / m)
    for value in range(50, 0, -1):
        z = (z + counts[value]) * 0.5
    z += m * sigma(counts[0] / m)
    found = 0.721347520444481703680 * m * m / z if z else math.inf
    return math.floor(found + 0.5) if found < 2 ** 63 else 1 << 63       # more than there can be: as Redis says it


def sigma(x):
    if x == 1:
        return math.inf
    y, z, before = 1.0, x, None
    while z != before:
        x *= x
        before = z
        z += x * y
        y += y
    return z


def tau(x):
    if x in (0, 1):
        return 0.0
    y, z, before = 1.0, 1 - x, None
    while z != before:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
    return z / 3


# ---------------------------------------------------------------- elements

@given(st.binary(max_size=40))
def test_an_element_goes_where_its_hash_says(data):
    assert element_of(data) == place_of(data)


def test_known_elements_go_where_redis_puts_them():
    sketch = BareSketch()
    sketch.add(b"a")
    sketch.add(b"b")
    assert runs_of(sketch.image) == [(0, 12711), (2, 1), (0, 3068), (1, 1), (0, 603)]
    assert sketch.count() == 2


# ---------------------------------------------------------------- forms

def test_a_new_sketch_is_eighteen_bytes_that_tell_of_nothing():
    sketch = BareSketch()
    assert sketch.image == HEADER + zeros(REGISTERS)
    assert sketch.count() == 0
    assert sketch.registers() == bytes(REGISTERS)
    assert sketch.is_one() and sketch.is_sound()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("span", [40, 300, REGISTERS])
def test_raising_registers_in_any_order_agrees_with_an_array(seed, span):
    rng = random.Random(seed)
    sparse, dense, model = BareSketch(), BareSketch(), bytearray(REGISTERS)
    dense.make_dense()
    base = rng.choice([0, REGISTERS - span])
    for _ in range(1200):
        index, value = base + rng.randrange(span), min(rng.choice([1, 1, 2, 3, 32]), 32)
        wanted = "raised" if model[index] < value else "same"
        assert sparse.raise_to(index, value, 1 << 20) == wanted
        assert dense.raise_to(index, value) == wanted
        model[index] = max(model[index], value)
    assert sparse.is_sound()
    for sketch in (sparse, dense):
        assert sketch.registers() == registers_of(sketch.image) == bytes(model)
        assert sketch.count() == count_registers(bytes(model)) == estimate(bytes(model))
    assert all(length <= 4 for value, length in runs_of(sparse.image) if value)
    sparse.make_dense()
    assert sparse.image == dense.image


@settings(max_examples=60)
@given(st.dictionaries(st.integers(0, 200), st.integers(1, 3), max_size=80),
       st.dictionaries(st.integers(0, 200), st.integers(1, 5), max_size=200), st.integers(30, 120))
def test_ascending_with_a_cursor_makes_the_same_bytes_as_without(before, raised, limit):
    plain, ascending = BareSketch(), BareSketch()
    for index, value in before.items():
        plain.raise_to(index, value, 1 << 20)
    ascending = BareSketch(plain.image)
    for index, value in sorted(raised.items()):
        assert plain.raise_to(index, value, limit) == ascending.raise_to(index, value, limit, True)
        assert plain.image == ascending.image


def test_every_number_fits_every_register_of_the_dense_form():
    sketch, rng = BareSketch(), random.Random(1)
    sketch.make_dense()
    registers = bytes(rng.randrange(64) for _ in range(REGISTERS))
    sketch.pack(registers)
    assert registers_of(sketch.image) == sketch.registers() == registers
    assert [sketch.get(i) for i in range(REGISTERS)] == list(registers)
    for index in range(REGISTERS):
        assert sketch.raise_to(index, 51) == ("raised" if registers[index] < 51 else "same")
    assert sketch.registers() == bytes(max(value, 51) for value in registers)


def test_a_sparse_sketch_says_when_it_is_full_and_is_then_as_it_was():
    sketch = BareSketch()
    assert sketch.raise_to(5, 33) == "full"                     # no run has a value above 32
    assert sketch.raise_to(100, 1, 20) == "full"                # XZERO VAL XZERO are 21 bytes
    assert sketch.image == BareSketch().image
    assert sketch.raise_to(100, 1, 21) == "raised"
    assert sketch.raise_to(101, 1, 20) == "full"                # Redis: although joining would save the byte again
    assert sketch.raise_to(101, 1, 22) == "raised"
    assert len(sketch.image) == 21
    assert sketch.raise_to(101, 1, 10) == "same"


def test_neighbours_of_one_value_join_up_to_four():
    sketch = BareSketch()
    for index in range(6):
        sketch.raise_to(index, 7)
    assert runs_of(sketch.image) == [(7, 4), (7, 2), (0, REGISTERS - 6)]
    sketch.raise_to(1, 9)
    assert runs_of(sketch.image) == [(7, 1), (9, 1), (7, 4), (0, REGISTERS - 6)]


def test_merging_takes_the_larger_of_each_register():
    rng = random.Random(3)
    for forms in ("ss", "sd", "ds", "dd"):
        sketches = [BareSketch(), BareSketch()]
        for sketch, form in zip(sketches, forms, strict=True):
            for _ in range(500):
                sketch.add(b"%d" % rng.randrange(900))
            if form == "d":
                sketch.make_dense()
        both = bytes(map(max, *(sketch.registers() for sketch in sketches)))
        merged = BareSketch()
        merged.make_dense()
        for sketch in sketches:
            for index, value in enumerate(sketch.registers()):
                if value:
                    merged.raise_to(index, value)
        assert merged.registers() == both
        assert merged.count() == count_registers(both)


# ---------------------------------------------------------------- estimates

@pytest.mark.parametrize("seed", range(3))
def test_estimates_stay_within_a_few_standard_errors(seed):
    sketch, at = BareSketch(), 0
    for goal in (10, 100, 1000, 3000, 10_000, 40_000):
        while at < goal:
            sketch.add(b"%d:%d" % (seed, at))
            at += 1
        # 1.04 / sqrt(16384) is one; small sets are all but exact
        assert abs(sketch.count() - goal) <= 4 * goal * 0.0081
        assert sketch.count() == estimate(sketch.registers())
    assert sketch.is_dense()


def test_the_standard_error_over_many_sets_is_what_theory_says():
    """Of registers drawn at random as those of a set of this size are, which is faster than adding it."""
    rng, goal, errors = random.Random(11), 1_000_000, []
    for _ in range(40):
        registers = bytearray(REGISTERS)
        for index in range(REGISTERS):
            share = goal / REGISTERS + rng.gauss(0, 1) * math.sqrt(goal / REGISTERS)
            # the largest of `share` geometric numbers, by its inverse distribution
            u = rng.random()
            value = 1
            while value < 51 and (1 - 2.0 ** -value) ** share < u:
                value += 1
            registers[index] = value
        errors.append(count_registers(bytes(registers)) / goal - 1)
    assert math.sqrt(sum(e * e for e in errors) / len(errors)) < 0.0081 * 1.35      # of forty: within 3 deviations
    assert abs(sum(errors) / len(errors)) < 0.0081 / 2


@pytest.mark.parametrize("value", [0, 1, 31, 50, 51, 52, 63])
def test_registers_that_are_all_alike_have_an_estimate(value):
    registers = bytes([value]) * REGISTERS
    assert count_registers(registers) == estimate(registers)


def test_the_self_test_passes():
    assert sketches_test_themselves()


# ---------------------------------------------------------------- hostile bytes

@pytest.mark.parametrize("image", [
    b"", b"HYLL", HEADER[:15], b"HYLl" + HEADER[4:] + zeros(REGISTERS), b"HYLL\x02" + HEADER[5:] + zeros(REGISTERS),
    b"HYLL\0" + HEADER[5:], b"HYLL\0" + HEADER[5:] + bytes(DENSE - 17), b"HYLL\0" + HEADER[5:] + bytes(DENSE - 15),
    b"HYLL\xff" + HEADER[5:] + bytes(DENSE - 16),
])
def test_what_has_no_header_or_length_of_a_sketch_is_none(image):
    assert not BareSketch(image).is_one()


CORRUPT = {
    "nothing": b"",
    "too few": zeros(REGISTERS - 1),
    "too many": zeros(REGISTERS) + val(1),
    "far too many": zeros(REGISTERS) * 40,
    "run across the end": zeros(REGISTERS - 1) + val(3, 4),
    "zeros across the end": zeros(100) + zeros(REGISTERS),
    "cut": zeros(REGISTERS)[:1],
    "cut later": zeros(60) + b"\x7f",
    "only values": val(32, 4) * 5000,
}


@pytest.mark.parametrize("body", CORRUPT.values(), ids=CORRUPT)
def test_corrupt_runs_are_noticed_by_whoever_reads_them_all(body):
    sketch = BareSketch(HEADER + body)
    assert sketch.is_one() and not sketch.is_sound()
    assert sketch.count() is None
    assert sketch.registers() is None
    assert not BareSketch(HEADER + body).make_dense()


@settings(max_examples=500)
@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, REGISTERS - 1), st.integers(1, 51)), max_size=12),
       st.integers(0, 200), st.booleans())
def test_no_bytes_whatever_lead_out_of_bounds(body, raised, limit, ascending):
    """The sanitizers watch; what is sound stays so, and what is not never becomes longer than allowed."""
    sketch = BareSketch(HEADER + body)
    sound = sketch.is_sound()
    for index, value in sorted(raised) if ascending else raised:
        before = sketch.image
        done = sketch.raise_to(index, value, limit, ascending)
        assert done != "corrupt" or not sound
        if done != "raised":
            assert sketch.image == before
        elif sound:
            assert sketch.is_sound()
        assert len(sketch.image) <= max(limit, len(before))
    sketch.count()
    sketch.registers()
    sketch.make_dense()


@pytest.mark.parametrize("length", [16 + 2 * REGISTERS, 16 + 2 * REGISTERS - 1])
def test_the_longest_of_sketches_never_grows(length):
    body = (b"\x40\0" * REGISTERS)[:length - 16]                 # XZEROs of one register each
    sketch = BareSketch(HEADER + body)
    for index in range(0, REGISTERS - 1, 37):
        assert sketch.raise_to(index, 3, 1 << 30) in ("raised", "full")
        assert len(sketch.image) <= length
