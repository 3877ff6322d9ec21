"""DBSIZE, FLUSHDB, FLUSHALL, SWAPDB."""

import _pyredis.figures as figures
import pytest

from tests.session import Effect, R, raises_reply


def fill(r, **dbs):
    """fill(r, db0=3, db2=1): so many keys in each."""
    for name, n in dbs.items():
        r("SELECT", name[2:])
        for i in range(n):
            r("SET", f"k{i}", name, *(["PX", 10_000] if i % 2 else []))
    r("SELECT", 0)


def sizes(r):
    return {row[0]: row[1:3] for row in figures.databases(r.server.core) if row[1]}


def test_dbsize_counts_the_keys_of_the_database(r):
    assert r("DBSIZE") == 0
    fill(r, db0=3, db1=1)
    assert r("DBSIZE") == 3
    r("SELECT", 1)
    assert r("DBSIZE") == 1


def test_dbsize_counts_expired_keys_until_somebody_meets_them(r):
    fill(r, db0=2)
    r.advance(ms=10_001)
    assert r("DBSIZE") == 2
    assert r.effects == []


@pytest.mark.parametrize("mode", [[], ["SYNC"], ["sync"], ["ASYNC"], ["async"]])
def test_flushdb_empties_the_one_database(r, mode):
    fill(r, db0=5, db1=2)
    assert r("FLUSHDB", *mode) == "OK"
    assert r.effects == [Effect("flushdb", b"", 5, 0)]
    assert r.propagated == [[b"FLUSHDB", *(m.encode() for m in mode)]]
    assert sizes(r) == {1: (2, 1)}
    assert r("EXISTS", "k0", "k1") == 0


@pytest.mark.parametrize("mode", [[], ["SYNC"], ["ASYNC"]])
def test_flushall_empties_every_database(r, mode):
    fill(r, db0=5, db1=2, db15=1)
    assert r("FLUSHALL", *mode) == "OK"
    assert r.effects == [Effect("flushdb", b"", n, db) for n, db in ((5, 0), (2, 1), (1, 15))]
    assert r.propagated == [[b"FLUSHALL", *(m.encode() for m in mode)]]
    assert sizes(r) == {}


@pytest.mark.parametrize("command", ["FLUSHDB", "FLUSHALL"])
def test_flushing_nothing_is_propagated_all_the_same(r, command):
    assert r(command) == "OK"
    assert sum(effect.dirty for effect in r.effects) == 0
    assert r.propagated == [[command.encode()]]


@pytest.mark.parametrize("command", ["FLUSHDB", "FLUSHALL"])
@pytest.mark.parametrize("words", ["FOO", "ASYNC SYNC", "SYNC SYNC", "ASYNC FOO"])
def test_flush_refuses_other_words(r, command, words):
    fill(r, db0=1)
    with raises_reply("ERR syntax error"):
        r(command, *words.split())
    assert (r.effects, r.propagated) == ([], [])
    assert r("DBSIZE") == 1


def test_memory_of_a_lazy_flush_comes_back_between_requests():
    r = R()
    fill(r, db0=3)
    r("FLUSHALL")
    before = r.session.memory_used
    fill(r, db0=3000)
    r("FLUSHDB", "ASYNC")
    assert r.session.memory_used > before + 100_000
    for _ in range(5):
        r.cycle()
    assert r.session.memory_used < before + 10_000


def test_the_tables_of_expiries_go_in_steps_too_and_are_not_counted_twice():
    r = R()
    for n in range(5000):
        r("SET", f"k{n}", n, "EX", 1000)
        r("HSET", f"h{n}", "f", n)
        r("HPEXPIRE", f"h{n}", 10**6, "FIELDS", 1, "f")
    table = r.session.memory_used
    r("FLUSHALL", "ASYNC")
    assert r.session.memory_used > table - 10_000            # nothing is freed by the command itself
    assert figures.stats(r.server.core)["lazy_pending"] == 10_000
    r("SET", "k0", "new", "EX", 1000)
    while figures.stats(r.server.core)["lazy_pending"]:
        r.cycle()
    assert figures.stats(r.server.core)["lazy_freed"] == 10_000
    assert r("GET", "k0") == b"new" and r("TTL", "k0") == 1000
    assert r.session.memory_used < 500_000 and r.session.check() == 0


def test_a_flushed_database_is_filled_again(r):
    for _ in range(3):
        fill(r, db0=100)
        r("FLUSHDB", "ASYNC")
    fill(r, db0=100)
    assert len(r("KEYS", "*")) == 100


def test_swapdb_exchanges_what_connections_see(r):
    fill(r, db0=3, db1=1)
    assert r("SWAPDB", 0, 1) == "OK"
    assert r.effects == [Effect("swapdb", b"", 1, 0), Effect("swapdb", b"", 0, 1)]
    assert r.propagated == [[b"SWAPDB", b"0", b"1"]]
    assert sizes(r) == {0: (1, 0), 1: (3, 1)}
    assert r("GET", "k0") == b"db1"
    r("SET", "new", 1)
    assert r.effects == [Effect("set", b"new", 1, 0)]
    assert r("SWAPDB", 1, 0) == "OK"
    assert sizes(r) == {0: (3, 1), 1: (2, 0)}


def test_swapped_keys_expire_in_their_new_database(r):
    fill(r, db0=2)
    r("SWAPDB", 0, 7)
    r.advance(ms=10_001)
    r.session.clear()
    r.cycle()
    assert r.effects == [Effect("expired", b"k1", 0, 7)]


def test_swapdb_with_itself_is_fine(r):
    fill(r, db0=2)
    assert r("SWAPDB", 0, 0) == "OK"
    assert r("DBSIZE") == 2


@pytest.mark.parametrize(("words", "error"), [
    ("x 1", "ERR invalid first DB index"), ("0 x", "ERR invalid second DB index"),
    ("16 x", "ERR invalid second DB index"), ("99999999999 0", "ERR invalid first DB index"),
    ("0 99999999999", "ERR invalid second DB index"), ("0 16", "ERR DB index is out of range"),
    ("-1 0", "ERR DB index is out of range"), ("16 0", "ERR DB index is out of range"),
    ("0", "ERR wrong number of arguments for 'swapdb' command"),
])
def test_swapdb_refuses(r, words, error):
    fill(r, db0=2)
    with raises_reply(error):
        r("SWAPDB", *words.split())
    assert (r.effects, r.propagated) == ([], [])
    assert sizes(r) == {0: (2, 1)}
