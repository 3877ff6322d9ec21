"""The active expiry cycle, under a clock that stands still but for what a drain is said to take."""

import random

import pytest
from _pyredis.db.testing import BareKeyspace


def names(prefix, n):
    return [b"%s:%d" % (prefix, i) for i in range(n)]


def keyspace_with(stale, live, lasting=0, **options):
    """A keyspace whose `stale` keys have just expired; `live` keys have 1,000 seconds left."""
    ks = BareKeyspace(**options)
    for name in names(b"stale", stale):
        ks.add(name, 10)
    for name in names(b"live", live):
        ks.add(name, 1_000_010)
    for name in names(b"lasting", lasting):
        ks.add(name)
    ks.set_now(ks.now_ms + 11)
    return ks


def drained(ks):
    return [effect for batch in ks.batches for effect in batch]


def test_removes_all_that_expired_together_and_nothing_else():
    ks = keyspace_with(stale=5000, live=100, lasting=1000)
    assert ks.cycle() == 100
    while ks.counts()[1] > 100 + 12:           # up to 10 % may stay for later cycles
        ks.cycle()
    assert all(ks.has(name) for name in names(b"live", 100) + names(b"lasting", 1000))
    assert ks.check() == 0


def test_a_key_is_over_at_its_time_not_before():
    ks = BareKeyspace()
    ks.add(b"k", 10)
    ks.set_now(ks.now_ms + 10)
    ks.cycle()
    assert ks.has(b"k")
    ks.set_now(ks.now_ms + 1)
    ks.cycle()
    assert not ks.has(b"k")


def test_each_removal_is_told_as_expired_and_propagated_as_del():
    ks = keyspace_with(stale=200, live=0)
    ks.cycle()
    effects = drained(ks)
    assert sorted(key for _, _, key, _ in effects) == sorted(names(b"stale", 200))
    assert all(event == "expired" and db == 0 and words == [b"DEL", key] for db, event, key, words in effects)
    assert ks.stats["expired"] == 200
    assert ks.dirty == 0                       # as in Redis, where expiry is no change since the last save


def test_effects_are_drained_in_small_batches():
    ks = keyspace_with(stale=3000, live=0)
    ks.cycle()
    assert len(ks.batches) > 20
    assert max(map(len, ks.batches)) <= 128


def test_no_drain_is_called_for_nothing():
    ks = keyspace_with(stale=0, live=300)
    ks.cycle()
    assert ks.batches == []


def test_few_stale_keys_among_many_are_left_for_later():
    ks = keyspace_with(stale=100, live=4900)
    assert ks.cycle() == 100
    assert ks.counts()[1] > 4900               # one sample was enough to see that 2 % are stale


@pytest.mark.parametrize("effort", [1, 10])
def test_comes_past_every_key_in_the_end_however_few_are_stale(effort):
    ks = keyspace_with(stale=5, live=2000)
    for _ in range(150):
        ks.cycle(effort=effort)
    assert ks.counts()[1] == 2000


def test_more_effort_tolerates_less():
    left = {}
    for effort in (1, 10):
        ks = keyspace_with(stale=300, live=4700)
        for _ in range(5):
            ks.cycle(effort=effort)
        left[effort] = ks.counts()[1] - 4700
    assert left[10] < left[1]


def test_stops_when_its_time_is_up_and_asks_to_come_again_soon():
    ks = keyspace_with(stale=10_000, live=0)
    ks.batch_us = 100
    began = ks.now_ms
    wait = ks.cycle(budget_us=1000)
    assert ks.now_ms - began == 1              # ten batches
    assert ks.counts()[1] > 9000
    assert wait == 3                           # 1 ms of work, 3 ms for others: a quarter of the processor
    assert ks.stats["time_cap_reached"] == 1
    assert ks.stats["expire_us"] == 1000


def test_a_larger_budget_than_a_millisecond_is_cut():
    ks = keyspace_with(stale=10_000, live=0)
    ks.batch_us = 100
    ks.cycle(budget_us=1_000_000)
    assert ks.stats["expire_us"] == 1000


@pytest.mark.parametrize(("effort", "share"), [(1, 0.25), (5, 0.33), (10, 0.43)])
def test_keeps_to_its_share_of_the_processor_while_much_is_stale(effort, share):
    ks = keyspace_with(stale=30_000, live=0)
    ks.batch_us = 50
    began, worked = ks.now_ms, 0
    while ks.counts()[1]:
        wait = ks.cycle(effort=effort)
        ks.set_now(ks.now_ms + wait)
    worked = ks.stats["expire_us"] / 1000
    assert worked / (ks.now_ms - began) <= share + 0.01


def test_a_database_full_of_stale_keys_does_not_hold_up_the_others():
    ks = keyspace_with(stale=5000, live=0, databases=4)
    for name in names(b"other", 50):
        ks.add(name, 0, db=3)
    ks.batch_us = 500
    for _ in range(8):
        ks.cycle()
    assert ks.counts(0)[1] > 0
    assert ks.counts(3) == (0, 0)


def test_a_cycle_that_is_in_time_looks_at_every_database():
    ks = BareKeyspace(databases=16)
    for db in range(16):
        ks.add(b"k", -5, db=db)
    ks.cycle()
    assert [ks.counts(db) for db in range(16)] == [(0, 0)] * 16
    assert {effect[0] for effect in drained(ks)} == set(range(16))


def test_does_nothing_when_switched_off():
    ks = keyspace_with(stale=10, live=0)
    ks.set_active(False)
    assert ks.cycle() == 100
    assert ks.counts() == (10, 10)
    ks.set_active(True)
    ks.cycle()
    assert ks.counts() == (0, 0)


def test_an_empty_keyspace_is_nothing_to_do():
    ks = BareKeyspace()
    assert ks.cycle() == 100
    assert ks.stats == {"expired": 0, "stale_percent": 0.0, "time_cap_reached": 0, "expire_us": 0}


def test_the_share_of_stale_keys_is_a_moving_average():
    ks = keyspace_with(stale=20, live=0)
    ks.cycle()
    assert ks.stats["stale_percent"] == pytest.approx(5)       # 5 % of 100
    ks.cycle()
    assert ks.stats["stale_percent"] == pytest.approx(4.75)    # and 95 % of that


def test_the_average_time_to_live_is_that_of_the_live_keys():
    ks = BareKeyspace()
    for i in range(10):
        ks.add(b"%d" % i, 1000 * (i + 1))
    ks.cycle()
    assert ks.average_ttl() == pytest.approx(5500)
    ks.set_now(ks.now_ms + 100_001)
    ks.cycle()
    assert ks.average_ttl() == 0               # none left


def test_stragglers_in_a_table_that_has_become_thin_go_too():
    """When a million keys have gone, the rest stand far apart: empty buckets must not end a cycle."""
    ks = keyspace_with(stale=100_000, live=0, wanted=False)
    ks.batch_us = 50
    for _ in range(2000):
        if ks.counts()[1] == 0:
            break
        wait = ks.cycle()
        assert wait <= 3 or ks.counts()[1] == 0
    assert ks.counts() == (0, 0)


def test_keys_are_not_copied_when_nobody_listens():
    ks = keyspace_with(stale=500, live=0, wanted=False)
    ks.cycle()
    assert ks.counts() == (0, 0)
    assert drained(ks) == []


def test_long_keys_expire_too():
    ks = BareKeyspace()
    long = b"x" * 70_000
    ks.add(long, -5)
    ks.cycle()
    assert drained(ks) == [(0, "expired", long, [b"DEL", long])]


def test_real_time_is_kept_to():
    ks = keyspace_with(stale=200_000, live=0, wanted=False)
    spent = []
    while ks.counts()[1]:
        wait, us = ks.cycle_in_real_time()
        spent.append(us)
        assert 1 <= wait <= 100
    assert len(spent) >= 2                     # more than a millisecond's work, so it was cut up


def test_keys_that_come_and_go_between_cycles_do_not_confuse_it():
    rand = random.Random(7)
    ks = BareKeyspace()
    ends = {}
    for step in range(300):
        for _ in range(rand.randrange(60)):
            name = b"%d" % rand.randrange(1 << 40)
            ttl = rand.randrange(1, 3000)
            ks.add(name, ttl)
            ends[name] = ks.now_ms + ttl
        if step % 97 == 0:
            ks.flush()
            ends.clear()
        ks.set_now(ks.now_ms + rand.randrange(100))
        ks.cycle(effort=rand.randrange(1, 11))
        assert ks.check() == 0
        assert all(ks.has(name) for name, end in ends.items() if end > ks.now_ms)
    removed = {key for _, _, key, _ in drained(ks)}
    assert not any(ks.has(name) for name in removed)
