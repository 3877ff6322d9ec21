"""SCAN and KEYS."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.session import Effect, R, raises_reply


def full_scan(r, *options, between=lambda: None):
    """All keys that a whole iteration returns, and the number of calls."""
    found, calls, cursor = [], 0, b"0"
    while True:
        cursor, keys = r("SCAN", cursor, *options)
        found += keys
        calls += 1
        if cursor == b"0":
            return found, calls
        between()


def fill(r, n, prefix="k", *options):
    for i in range(n):
        r("SET", f"{prefix}{i}", i, *options)
    return {b"%b%d" % (prefix.encode(), i) for i in range(n)}


# ------------------------------------------------------------ SCAN

@pytest.mark.parametrize("n", [0, 1, 5, 6, 7, 50, 1000])
@pytest.mark.parametrize("options", [[], ["COUNT", 1], ["COUNT", 7], ["COUNT", 10_000], ["MATCH", "*"]])
def test_a_whole_iteration_returns_every_key_once(r, n, options):
    keys = fill(r, n)
    found, _ = full_scan(r, *options)
    assert len(found) == n
    assert set(found) == keys
    assert (r.effects, r.propagated) == ([], [])


@pytest.mark.parametrize("count", [1, 10, 100, 500])
def test_a_call_returns_about_as_many_as_were_asked_for(r, count):
    fill(r, 2000)
    _, keys = r("SCAN", 0, "COUNT", count)
    assert count <= len(keys) <= count + 30
    _, calls = full_scan(r, "COUNT", count)
    assert calls <= 2000 // count + 1


def test_a_count_larger_than_the_database_returns_all_at_once(r):
    fill(r, 300)
    for count in (1000, 2**63 - 1):
        cursor, keys = r("SCAN", 0, "COUNT", count)
        assert (cursor, len(keys)) == (b"0", 300)


def test_a_call_that_finds_little_ends_all_the_same(r):
    fill(r, 2000)
    cursor, keys = r("SCAN", 0, "MATCH", "nothing*")
    assert keys == []
    assert cursor != b"0"                       # it did not walk all 2,000


@pytest.mark.parametrize(("pattern", "matches"), [
    ("*", 130), ("a*", 30), ("?1", 2), ("[ab]1?", 20), ("a1", 1), ("nothing", 0), ("", 0), ("A*", 0),
    ("*9", 13),
])
def test_match_filters_by_glob(r, pattern, matches):
    fill(r, 30, "a")
    fill(r, 100, "b")
    found, _ = full_scan(r, "MATCH", pattern)
    assert len(set(found)) == matches
    assert sorted(r("KEYS", pattern)) == sorted(found)


def test_the_last_of_repeated_options_counts(r):
    keys = fill(r, 20)
    assert set(full_scan(r, "MATCH", "none", "MATCH", "k*", "count", 1, "COUNT", 5)[0]) == keys
    assert full_scan(r, "TYPE", "string", "TYPE", "list")[0] == []


@pytest.mark.parametrize(("word", "found"), [
    ("string", True), ("STRING", True), ("list", False), ("zset", False), ("stream", False),
    ("nonsense", False), ("none", False), ("", False),
])
def test_type_filters_and_an_unknown_type_matches_nothing(r, word, found):
    keys = fill(r, 20)
    assert set(full_scan(r, "TYPE", word)[0]) == (keys if found else set())


def test_expired_keys_are_not_returned_but_removed(r):
    expired = fill(r, 50, "old", "PX", 10)
    keys = fill(r, 50)
    r.advance(ms=11)
    cursor, found = r("SCAN", 0, "COUNT", 1000)
    assert (cursor, set(found)) == (b"0", keys)
    assert {effect.key for effect in r.effects} == expired
    assert {effect[::2] for effect in r.effects} == {("expired", 0)}
    assert sorted(r.propagated) == sorted([b"DEL", key] for key in expired)
    assert r("DBSIZE") == 50


def test_expired_keys_that_do_not_match_are_left_alone(r):
    fill(r, 50, "old", "PX", 10)
    r.advance(ms=11)
    full_scan(r, "MATCH", "k*", "COUNT", 1000)
    assert r("DBSIZE") == 50
    full_scan(r, "TYPE", "list", "COUNT", 1000)      # Redis: the type is judged after the expiry
    assert r("DBSIZE") == 0


def test_each_database_has_its_own_keys(r):
    fill(r, 5)
    r("SELECT", 1)
    assert full_scan(r)[0] == []


@pytest.mark.parametrize("cursor", ["0", " 0", "+0", "000", "\t0"])
def test_a_cursor_may_be_written_loosely(r, cursor):
    keys = fill(r, 3)
    assert set(r("SCAN", cursor, "COUNT", 100)[1]) == keys


@pytest.mark.parametrize("cursor", ["1", "7", "18446744073709551615", "9223372036854775808"])
def test_any_64_bit_cursor_leads_to_an_end(r, cursor):
    fill(r, 300)
    for _ in range(500):
        if cursor in (b"0", "0"):
            break
        cursor, _ = r("SCAN", cursor)
    assert cursor == b"0"


@pytest.mark.parametrize("cursor", ["x", "-1", "", "1 ", "1x", "0x10", "1.0", "18446744073709551616", "\0",
                                    "+"])
def test_an_invalid_cursor_is_refused_before_anything_else(r, cursor):
    with raises_reply("ERR invalid cursor"):
        r("SCAN", cursor, "FOO")


@pytest.mark.parametrize(("words", "error"), [
    ("FOO", "ERR syntax error"), ("MATCH", "ERR syntax error"), ("COUNT", "ERR syntax error"),
    ("TYPE", "ERR syntax error"), ("COUNT 0", "ERR syntax error"), ("COUNT -1", "ERR syntax error"),
    ("COUNT 10 COUNT 0", "ERR syntax error"), ("TYPE nonsense COUNT 0", "ERR syntax error"),
    ("COUNT x", "ERR value is not an integer or out of range"),
    ("COUNT x FOO", "ERR value is not an integer or out of range"),
    ("COUNT 99999999999999999999", "ERR value is not an integer or out of range"),
    ("NOVALUES", "ERR NOVALUES option can only be used in HSCAN"),
    ("COUNT 5 NOVALUES FOO", "ERR NOVALUES option can only be used in HSCAN"),
])
def test_scan_refuses(r, words, error):
    with raises_reply(error):
        r("SCAN", 0, *words.split())


def test_the_reply_has_the_form_of_redis(r):
    assert r.raw("SCAN", 0) == b"*2\r\n$1\r\n0\r\n*0\r\n"
    r("SET", "k", 1)
    assert r.raw("SCAN", 0) == b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n"
    assert r.raw("KEYS", "*") == b"*1\r\n$1\r\nk\r\n"


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), stay=st.integers(0, 120), count=st.integers(1, 40),
       moves=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8))
def test_whatever_stays_throughout_is_returned(seed, stay, count, moves):
    """Between any two calls keys come, go, expire, and grow out of their entries."""
    r, rand = R(), random.Random(seed)
    keys = fill(r, stay, "stay")
    passing, step = [], 0

    def churn():
        nonlocal step
        add, drop = moves[step % len(moves)] if step < 3 * len(moves) else (0, 0)
        for i in range(add):
            name = f"come{step}:{i}"
            r("SET", name, "v", *(["PX", rand.randrange(1, 50)] if i % 3 == 0 else []))
            passing.append(name)
        rand.shuffle(passing)
        for name in passing[:drop]:
            r("DEL", name)
        del passing[:drop]
        if stay:
            r("EXPIRE", f"stay{rand.randrange(stay)}", 1000)
            r("SET", f"stay{rand.randrange(stay)}", "x" * rand.randrange(3000))
        r.advance(ms=11)
        r.cycle()
        step += 1

    churn()
    found, _ = full_scan(r, "COUNT", count, between=churn)
    assert keys <= set(found)


# ------------------------------------------------------------ KEYS

def test_keys_returns_every_live_key_and_removes_none(r):
    keys = fill(r, 1000)
    fill(r, 50, "old", "PX", 10)
    r.advance(ms=11)
    found = r("KEYS", "*")
    assert len(found) == 1000
    assert set(found) == keys
    assert (r.effects, r.propagated) == ([], [])
    assert r("DBSIZE") == 1050


def test_keys_of_an_empty_database(r):
    assert r("KEYS", "*") == []


def test_expired_keys_met_by_name_are_told_with_their_names(r):
    fill(r, 1, "old", "PX", 10)
    r.advance(ms=11)
    r("SCAN", 0)
    assert r.effects == [Effect("expired", b"old0", 0)]


def test_scan_hides_expired_keys_during_a_pause_but_keeps_them(r):
    r("SET", "gone", 1, "PX", 1)
    r.advance(10)
    r("CLIENT", "PAUSE", 100_000, "WRITE")
    assert r("SCAN", 0) == [b"0", []]
    assert r("DBSIZE") == 1
