"""Members at random: distinct or repeated, by walking or by drawing, each choice as likely as any other."""

from collections import Counter
from itertools import combinations, pairwise

import pytest

from tests.commands.test_sets import EXTRA, given_set
from tests.session import R


@pytest.fixture(params=EXTRA)
def form(request):
    return request.param


def far_from_uniform(counts, cells, draws):
    """Chi-squared beyond what chance does (normal approximation, 6 deviations)."""
    expected = draws / cells
    chi = sum((counts[i] - expected) ** 2 / expected for i in counts) + (cells - len(counts)) * expected
    return abs(chi - (cells - 1)) > 6 * (2 * (cells - 1)) ** 0.5


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_small_subset_is_as_likely_as_any_other(r, form, count):
    given_set(r, form, range(6))
    subsets = list(combinations(range(6), count))
    rounds = 100 * len(subsets)
    counts = Counter(tuple(sorted(map(int, r("SRANDMEMBER", "s", count)))) for _ in range(rounds))
    assert set(counts) <= set(subsets)
    assert not far_from_uniform(counts, len(subsets), rounds)


@pytest.mark.parametrize("count", [1, 5, 6, 20, 90, 99, 100, 101, 2**62])
def test_a_positive_count_gives_as_many_different_members_or_all(r, form, count):
    everything = given_set(r, form, range(100))
    for _ in range(20):
        picked = r("SRANDMEMBER", "s", count)
        assert len(picked) == len(set(picked)) == min(count, 100)
        assert set(picked) <= everything


@pytest.mark.parametrize("count", [1, 10, 300, 312, 313, 2500, 4999])
def test_a_choice_from_a_large_set_is_distinct_and_uniform(count):
    r = R(**{"set-max-intset-entries": 100000})
    for form in ("intset", "hashtable"):
        everything = given_set(r, form, range(5000))
        rounds, counts = 40_000 // count + 1, Counter()
        for _ in range(rounds):
            picked = r("SRANDMEMBER", "s", count)
            assert len(picked) == len(set(picked)) == count
            counts.update(picked)
        assert set(counts) <= everything
        cells = Counter()                       # by hundreds, so that each is expected often
        for m, n in counts.items():
            cells[int(m) // 100] += n
        assert not far_from_uniform(cells, 50, rounds * count)


def test_a_negative_count_draws_each_time_from_all(r, form):
    given_set(r, form, range(10))
    drawn = r("SRANDMEMBER", "s", -10_000)
    assert len(drawn) == 10_000
    assert not far_from_uniform(Counter(drawn), 10, 10_000)
    pairs = Counter(pairwise(drawn))
    assert not far_from_uniform(pairs, 100, 9_999)


def test_the_member_zero_is_like_any_other():
    r = R(**{"set-max-intset-entries": 100000})
    given_set(r, "intset", range(-1000, 1000))
    seen = Counter()
    for _ in range(3000):
        picked = r("SRANDMEMBER", "s", 50)
        assert len(set(picked)) == 50
        seen.update(picked)
    assert 30 < seen[b"0"] < 130                # 75 expected
