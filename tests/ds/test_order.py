"""Sorting by number and by text, all or a window, against Python's own."""

import functools
import random

import pytest
from _pyredis.ds.order_testing import ordered
from hypothesis import given, settings
from hypothesis import strategies as st

DESCENDING, TO_NUL = 1, 2


def text(x, flags):
    if x is None:
        return None
    s = x if isinstance(x, bytes) else b"%d" % x
    return s.split(b"\0")[0] if flags & TO_NUL else s


def compare(a, b):
    return (a > b) - (a < b)


def expected(elements, scores, flags):
    """The indexes in order, by the simplest rule there is."""
    def by(i, j):
        x, y = text(elements[i], flags), text(elements[j], flags)
        c = compare(scores[i], scores[j]) if scores is not None else 0
        if c == 0:
            c = compare(x is not None, y is not None) or (compare(x, y) if x is not None else 0)
        return -c if flags & DESCENDING else c
    return sorted(range(len(elements)), key=functools.cmp_to_key(by))


def check(elements, scores, flags, windows=()):
    order = expected(elements, scores, flags)
    n = len(elements)
    for start, end in [(0, n), *windows]:
        assert ordered(elements, scores, start, min(end, n), flags) == order[start:min(end, n)]


def windows_of(n, chance):
    found = [(0, 1), (0, min(n, 10)), (max(n - 10, 0), n), (n // 2, n // 2 + 1), (n // 3, n // 2), (n - 1, n), (n, n)]
    for _ in range(5):
        start = chance.randrange(n)
        found.append((start, chance.randrange(start, n) + 1))
    return found


KINDS = {
    "whole numbers": lambda chance, i: float(chance.randrange(100_000)),
    "fractions": lambda chance, i: chance.gauss(0, 1e6),
    "few": lambda chance, i: float(chance.randrange(5)),
    "one": lambda chance, i: 7.0,
    "ascending": lambda chance, i: float(i),
    "descending": lambda chance, i: float(-i),
    "odd ones": lambda chance, i: chance.choice([0.0, -0.0, float("inf"), float("-inf"), 5e-324, 1e308, -1.5]),
}
TEXTS = {
    "short": lambda chance, i: chance.choice([b"", b"a", b"\0", b"b\0"]) + bytes(chance.choices(b"ab\0\xff", k=3)),
    "long, alike at first": lambda chance, i: b"a common beginning of texts:%d" % chance.randrange(1000),
    "integers": lambda chance, i: chance.randrange(-1000, 1000),
    "mixed": lambda chance, i: chance.choice([None, i, b"%d" % i, b"x" * chance.randrange(20)]),
}


@pytest.mark.parametrize("n", [1, 2, 13, 100, 193, 3000])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flags", [0, DESCENDING])
def test_scores_are_ordered_and_ties_by_text(n, kind, flags):
    chance = random.Random(n)
    scores = [KINDS[kind](chance, i) for i in range(n)]
    texts = [TEXTS["short"](chance, i) for i in range(n)]
    check(texts, scores, flags, windows_of(n, chance))


@pytest.mark.parametrize("n", [1, 2, 13, 100, 193, 3000])
@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("flags", [0, DESCENDING, TO_NUL, DESCENDING | TO_NUL])
def test_texts_are_ordered_and_equal_ones_stay_as_they_came(n, kind, flags):
    chance = random.Random(n)
    check([TEXTS[kind](chance, i) for i in range(n)], None, flags, windows_of(n, chance))


@pytest.mark.parametrize("flags", [0, DESCENDING])
def test_texts_that_differ_late_or_end_one_after_the_other(flags):
    chance = random.Random(1)
    chain = [b"a" * i for i in range(600)]
    late = [b"b" * 300 + b"%d" % chance.randrange(500) for _ in range(600)]
    twins = [b"c" * 500] * 50
    texts = chain + late + twins
    chance.shuffle(texts)
    check(texts, None, flags, windows_of(len(texts), chance))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), flags=st.integers(0, 3))
def test_any_elements_in_any_window(data, flags):
    pieces = st.lists(st.sampled_from([b"a", b"\0", b"bbbbbbb", b"\xff", b"c" * 250]), max_size=4).map(b"".join)
    texts = data.draw(st.lists(st.one_of(pieces, st.integers(-5, 5), st.none()), min_size=1, max_size=300))
    with_scores = data.draw(st.booleans())
    scores = [data.draw(st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5])) for _ in texts] if with_scores else None
    start = data.draw(st.integers(0, len(texts)))
    check(texts, scores, flags, [(start, data.draw(st.integers(start, len(texts))))])
