"""Random numbers: repeatable by seed, unbiased, and not repeatable from the system."""

import random

import pytest
from _pyredis.base import testing as base


def test_a_seed_gives_the_published_sequence():
    r = base.Random(0)
    assert [r.u64() for _ in range(2)] == [0x99EC5F36CB75F2B4, 0xBF6E1F784956452A]


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    runs = [[r.u64() for _ in range(50)] for r in (base.Random(7), base.Random(7), base.Random(8))]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000, 2**32 + 1, 3 * 2**62, 2**64 - 1])
def test_numbers_stay_below_their_bound(n):
    r = base.Random(1)
    assert all(0 <= r.below(n) < n for _ in range(2000))


def test_every_number_below_a_bound_is_as_likely_as_the_others():
    r = base.Random(2)
    counts = [0] * 6
    for _ in range(60000):
        counts[r.below(6)] += 1
    assert all(abs(c - 10000) < 500 for c in counts)          # over five standard deviations


def test_a_bound_of_three_quarters_of_the_range_is_not_biased():
    r = base.Random(3)                                        # a plain remainder would give 2/3 below 2^62
    low = sum(r.below(3 * 2**62) < 2**62 for _ in range(30000))
    assert abs(low - 10000) < 500


def test_doubles_lie_in_the_unit_interval_and_fill_it():
    r = base.Random(4)
    values = [r.double() for _ in range(10000)]
    assert min(values) >= 0 and max(values) < 1
    assert abs(sum(values) / len(values) - 0.5) < 0.02
    assert all(v * 2**53 == int(v * 2**53) for v in random.Random(5).sample(values, 100))


def test_the_system_gives_as_many_bytes_as_asked_and_never_the_same():
    for n in (0, 1, 16, 256, 257, 1000):
        assert len(base.system_random(n)) == n
    assert base.system_random(16) != base.system_random(16)
