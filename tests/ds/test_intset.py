"""The intset against a Python set, its bytes against the format, and its validation against spoilt bytes."""

import random
import struct

import pytest
from _pyredis.ds.intset_testing import BareIntSet, validate_intset
from hypothesis import given, settings
from hypothesis import strategies as st

EDGES = sorted({sign * (1 << bits) + off for bits in (0, 15, 31, 62) for off in (-1, 0, 1) for sign in (1, -1)}
               | {(1 << 63) - 1, -(1 << 63)})
FORMATS = {2: "h", 4: "i", 8: "q"}


def width_for(v):
    return 2 if -(1 << 15) <= v < 1 << 15 else 4 if -(1 << 31) <= v < 1 << 31 else 8


def image_of(numbers, width):
    return struct.pack(f"<II{len(numbers)}{FORMATS[width]}", width, len(numbers), *numbers)


def intset(*numbers):
    s = BareIntSet()
    for v in numbers:
        s.add(v)
    return s


@pytest.mark.parametrize("v", EDGES)
def test_every_number_takes_the_width_it_needs(v):
    s = intset(v)
    assert list(s) == [v]
    assert s.width == width_for(v)
    assert s.image() == image_of([v], width_for(v))
    assert v in s and v ^ 1 not in s
    assert s.check() == 0


@pytest.mark.parametrize("first", EDGES)
def test_a_wider_number_widens_all_and_keeps_the_order(first):
    for v in EDGES:
        s = intset(1, -1, first)
        assert s.add(v) == (v not in {1, -1, first})
        assert list(s) == sorted({1, -1, first, v})
        assert s.width == max(map(width_for, (first, v)))
        assert s.check() == 0


def test_the_width_stays_when_the_wide_number_goes():
    s = intset(1, 2, 1 << 40)
    assert s.remove(1 << 40)
    assert s.image() == image_of([1, 2], 8)


def test_a_number_is_added_and_removed_once():
    s = intset()
    assert s.add(5) and not s.add(5)
    assert s.remove(5) and not s.remove(5)
    assert len(s) == 0
    assert not s.remove(1 << 50)


@given(st.lists(st.tuples(st.booleans(), st.one_of(st.integers(-20, 20), st.sampled_from(EDGES),
                                                   st.integers(-(1 << 63), (1 << 63) - 1)))))
def test_it_behaves_like_a_python_set(steps):
    s, model = BareIntSet(), set()
    for adds, v in steps:
        if adds:
            assert s.add(v) == (v not in model)
            model.add(v)
        else:
            assert s.remove(v) == (v in model)
            model.discard(v)
        assert s.check() == 0
        assert list(s) == sorted(model)
        assert all(v in s for v in model)
        assert s.image() == image_of(sorted(model), s.width)


def test_a_large_one_grows_and_shrinks_and_gives_its_memory_back():
    rng = random.Random(1)
    numbers = rng.sample(range(-(1 << 40), 1 << 40), 3000)
    s = intset(*numbers)
    assert list(s) == sorted(numbers)
    empty = BareIntSet().memory_used
    for v in numbers:
        assert s.remove(v)
    assert s.memory_used == empty
    assert s.check() == 0


@pytest.mark.parametrize("width", FORMATS)
def test_an_image_is_read_as_it_was_written(width):
    image = image_of([-3, 0, 7, 100], width)
    assert validate_intset(image)
    s = BareIntSet(image)
    assert (list(s), s.image(), s.check()) == ([-3, 0, 7, 100], image, 0)


@pytest.mark.parametrize("image", [
    b"", b"\2\0\0\0\0\0\0", image_of([], 2), struct.pack("<IIh", 3, 1, 1), struct.pack("<IIh", 2, 2, 1),
    image_of([1, 2], 2) + b"\0", image_of([1, 2], 2)[:-1], struct.pack("<II", 8, 0xFFFFFFFF),
    struct.pack("<IIh", 2, 0x80000001, 1), struct.pack("<II", 8, 0x20000000) + b"x" * 8,
])
def test_bytes_that_are_no_intset_are_refused_deep_or_not(image):
    assert not validate_intset(image, False)
    with pytest.raises(ValueError):
        BareIntSet(image)


@pytest.mark.parametrize("width", FORMATS)
@pytest.mark.parametrize("numbers", [[1, 1], [2, 1], [-1, 0, 5, 4]])
def test_only_a_deep_look_finds_a_wrong_order(numbers, width):
    image = image_of(numbers, width)
    assert validate_intset(image, False)
    assert not validate_intset(image, True)


@settings(max_examples=300)
@given(st.binary(max_size=64))
def test_random_bytes_are_refused_or_read_back_as_they_are(noise):
    for image in (noise, *(struct.pack("<II", width, len(noise) // width) + noise for width in FORMATS)):
        if validate_intset(image):
            s = BareIntSet(image)
            assert (s.image(), s.check()) == (image, 0)
