"""The hash table against a Python dict, and the promise of its cursor."""

import random
from collections import Counter

import pytest
from _pyredis.ds.testing import BareDict
from hypothesis import given, settings
from hypothesis import strategies as st


def key(i):
    return b"key:%d" % i


def filled(n, seed=0):
    table = BareDict(seed)
    for i in range(n):
        table.insert(key(i))
    return table


def full_scan(table, between=lambda: None):
    found, cursor = [], 0
    while True:
        cursor, keys = table.scan(cursor)
        found += keys
        if cursor == 0:
            return found
        between()


SIZES = [0, 1, 2, 5, 6, 7, 8, 23, 24, 100, 1000, 5000, 30_000]


@pytest.mark.parametrize("n", SIZES)
def test_every_key_is_found_after_growth_and_no_other(n):
    table = filled(n)
    assert len(table) == n
    assert table.check() == 0
    assert all(table.find(key(i)) == key(i) for i in range(n))
    assert table.find(key(n)) is None
    assert table.find(b"") is None


@pytest.mark.parametrize("n", SIZES)
def test_removing_everything_gives_the_memory_back(n):
    table = filled(n)
    for i in random.Random(n).sample(range(n), n):
        table.remove(key(i))
    assert len(table) == 0
    assert table.check() == 0
    assert table.bytes < 1000
    table.free()
    assert table.memory_used == 0


def test_an_empty_table_takes_no_memory():
    table = BareDict()
    assert (table.bytes, table.memory_used) == (0, 0)
    assert (table.scan(0), table.random(), table.sample(5)) == ((0, []), None, [])


@pytest.mark.parametrize("n", [1, 8, 100, 4095, 30_000])
def test_each_and_scan_meet_every_key_once_while_nothing_changes(n):
    table = filled(n)
    everything = sorted(key(i) for i in range(n))
    assert sorted(table.each()) == everything
    assert sorted(full_scan(table)) == everything


@pytest.mark.parametrize("n", [1000, 100_000])
def test_bytes_a_key_hardly_depend_on_the_size(n):
    for size in (n, n + n // 4, n + n // 2, 2 * n - 1):
        table = filled(size, seed=1)
        assert 11 < table.bytes / size < 18


@pytest.mark.parametrize("most", [1, 10, 1000])
def test_a_drain_gives_every_key_once_in_steps(most):
    table = filled(5000)
    found = []
    while True:
        part = table.drain(most)
        assert len(part) <= most + 100          # whole buckets
        if not part:
            break
        found += part
        assert len(table) == 5000 - len(found)
    assert sorted(found) == sorted(key(i) for i in range(5000))
    assert table.memory_used == 0


def test_a_random_key_is_as_likely_as_any_other():
    table = filled(50, seed=3)
    counts = Counter(table.random() for _ in range(50_000))
    assert set(counts) == {key(i) for i in range(50)}
    chi_square = sum((n - 1000) ** 2 / 1000 for n in counts.values())
    assert chi_square < 95                      # 49 degrees of freedom: 1 in 10,000 above this


@pytest.mark.parametrize(("n", "most"), [(3, 10), (100, 10), (5000, 200)])
def test_a_sample_has_distinct_keys_of_the_table(n, most):
    table = filled(n)
    for _ in range(20):
        found = table.sample(most)
        assert len(found) == min(n, most) == len(set(found))
        assert all(table.find(k) is not None for k in found)


def test_reserved_room_is_not_split_again():
    table = BareDict()
    table.reserve(10_000)
    buckets = table.buckets
    for i in range(10_000):
        table.insert(key(i))
    assert table.buckets == buckets
    assert table.check() == 0


def test_an_entry_that_has_moved_is_replaced_where_it_stands():
    table = filled(1000)
    twin = table.replace(key(7))
    assert table.find(key(7)) is twin
    assert len(table) == 1000
    assert table.check() == 0


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(0, 95))
def test_it_agrees_with_a_python_set_at_every_step(seed, steps, growth):
    rand, table, model = random.Random(seed), BareDict(seed), set()
    for step in range(steps):
        for _ in range(rand.randrange(40)):
            k = key(rand.randrange(600))
            if k in model:
                if rand.randrange(100) >= growth:
                    table.remove(k)
                    model.discard(k)
            elif rand.randrange(100) < growth:
                table.insert(k)
                model.add(k)
        if step % 10 == 0:
            assert table.check() == 0
    assert table.check() == 0
    assert len(table) == len(model)
    assert all((table.find(key(i)) is not None) == (key(i) in model) for i in range(600))


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), stay=st.integers(0, 300),
       moves=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=30))
def test_a_scan_returns_all_that_stay_throughout_whatever_comes_and_goes(seed, stay, moves):
    """Between any two steps of the scan some keys are added and some removed, few or enough to resize."""
    rand, table = random.Random(seed), filled(stay, seed)
    passing, step, fresh = [], 0, stay

    def churn():
        nonlocal step, fresh
        add, drop = moves[step % len(moves)] if step < 2 * len(moves) else (0, 0)
        step += 1
        for _ in range(add):
            table.insert(key(fresh))
            passing.append(key(fresh))
            fresh += 1
        for _ in range(min(drop, len(passing))):
            table.remove(passing.pop(rand.randrange(len(passing))))

    churn()
    found = full_scan(table, churn)
    assert {key(i) for i in range(stay)} <= set(found)
    assert table.check() == 0


@pytest.mark.parametrize(("start", "end"), [(10_000, 0), (3000, 30_000), (30_000, 300)])
def test_a_scan_across_great_growth_or_shrinkage_returns_what_stays(start, end):
    table = filled(max(start, 200))
    stay = {key(i) for i in range(200)}
    size = max(start, 200)

    def change():
        nonlocal size
        for _ in range(20):
            if size < end:
                table.insert(key(size))
                size += 1
            elif size > max(end, 200):
                size -= 1
                table.remove(key(size))

    assert stay <= set(full_scan(table, change))
    assert table.check() == 0


def test_a_scan_ends_even_from_a_cursor_that_was_never_given_out():
    table = filled(500)
    for cursor in (1, 12345, 2**63, 2**64 - 1):
        steps = 0
        while cursor and steps < 1000:
            cursor, _ = table.scan(cursor)
            steps += 1
        assert cursor == 0
