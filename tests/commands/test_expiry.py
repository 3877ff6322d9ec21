"""EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST."""

import _pyredis.figures as figures
import pytest

from tests.session import Effect, raises_reply

I64_MAX = 2**63 - 1
SETTERS = ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"]


def argument(r, command, after_ms):
    """What `command` must be given so that a key ends `after_ms` from now."""
    ms = after_ms + (r.now_ms if command.endswith("AT") else 0)
    return ms if command.startswith("P") else ms // 1000


# ------------------------------------------------------------ setting

@pytest.mark.parametrize("command", SETTERS)
def test_a_key_ends_after_its_time(r, command):
    r("SET", "k", "v")
    assert r(command, "k", argument(r, command, 100_000)) == 1
    at = r.now_ms + 100_000
    assert r.effects == [Effect("expire", b"k", 1)]
    assert r.propagated == [[b"PEXPIREAT", b"k", b"%d" % at]]
    assert r("PEXPIRETIME", "k") == at
    r.advance(ms=100_000)                       # at its very millisecond it still lives
    assert r("GET", "k") == b"v"
    r.advance(ms=1)
    assert r("GET", "k") is None
    assert r.effects == [Effect("expired", b"k", 0)]
    assert r.propagated == [[b"DEL", b"k"]]


@pytest.mark.parametrize("command", SETTERS)
def test_an_expiry_is_replaced_by_a_later_or_an_earlier_one(r, command):
    r("SET", "k", "v", "PX", 50_000)
    for after in (100_000, 20_000):
        assert r(command, "k", argument(r, command, after)) == 1
        assert r("PTTL", "k") == after


@pytest.mark.parametrize("command", SETTERS)
@pytest.mark.parametrize("after", [0, -1000, -1_000_000])
def test_a_time_that_is_over_deletes_the_key(r, command, after):
    r("SET", "k", "v")
    assert r(command, "k", argument(r, command, after)) == 1
    assert r.effects == [Effect("del", b"k", 1)]
    assert r.propagated == [[b"DEL", b"k"]]
    assert r("DBSIZE") == 0


@pytest.mark.parametrize("command", SETTERS)
def test_a_missing_key_gets_no_expiry(r, command):
    for after in (100_000, -1000):
        assert r(command, "missing", argument(r, command, after)) == 0
        assert (r.effects, r.propagated) == ([], [])


def test_an_expired_key_gets_no_expiry_and_goes(r):
    r("SET", "k", "v", "PX", 10)
    r.advance(ms=11)
    assert r("EXPIRE", "k", 100) == 0
    assert r.effects == [Effect("expired", b"k", 0)]
    assert r.propagated == [[b"DEL", b"k"]]


@pytest.mark.parametrize("value", ["1", "text", "x" * 44, "x" * 255, "x" * 5000])
def test_the_value_stays_while_an_expiry_comes_and_goes(r, value):
    r("SET", "k" * 300, value)
    for _ in range(3):
        r("EXPIRE", "k" * 300, 100)
        assert r("GET", "k" * 300) == value.encode()
        r("PERSIST", "k" * 300)
        assert r("GET", "k" * 300) == value.encode()


# Condition, expiry that the key has (ms from now, or None), new expiry -> is it set?
@pytest.mark.parametrize(("words", "has", "new", "sets"), [
    ("NX", None, 200_000, True), ("NX", 100_000, 200_000, False),
    ("XX", None, 200_000, False), ("XX", 100_000, 200_000, True), ("XX", 100_000, 50_000, True),
    ("GT", None, 200_000, False), ("GT", 100_000, 200_000, True), ("GT", 100_000, 100_000, False),
    ("GT", 100_000, 50_000, False),
    ("LT", None, 200_000, True), ("LT", 100_000, 200_000, False), ("LT", 100_000, 100_000, False),
    ("LT", 100_000, 50_000, True),
    ("XX GT", None, 200_000, False), ("GT XX", 100_000, 200_000, True),
    ("XX LT", None, 200_000, False), ("lt xx", 100_000, 50_000, True), ("XX LT", 100_000, 200_000, False),
    ("NX NX nx", None, 200_000, True),
])
@pytest.mark.parametrize("command", SETTERS)
def test_conditions(r, command, words, has, new, sets):
    r("SET", "k", "v", *([] if has is None else ["PX", has]))
    assert r(command, "k", argument(r, command, new), *words.split()) == sets
    if sets:
        assert r.effects == [Effect("expire", b"k", 1)]
        # The condition has been judged, and so is not repeated.
        assert r.propagated == [[b"PEXPIREAT", b"k", b"%d" % (r.now_ms + new)]]
    else:
        assert (r.effects, r.propagated) == ([], [])
    assert r("PTTL", "k") == (new if sets else -1 if has is None else has)


def test_a_condition_is_judged_before_a_time_that_is_over(r):
    r("SET", "k", "v", "PX", 100_000)
    assert r("EXPIRE", "k", -1, "NX") == 0
    assert r("EXPIRE", "k", -1, "GT") == 0
    assert r.effects == []
    assert r("EXPIRE", "k", -1, "LT") == 1
    assert r.effects == [Effect("del", b"k", 1)]


@pytest.mark.parametrize("command", SETTERS)
@pytest.mark.parametrize("key", ["k", "missing"])
@pytest.mark.parametrize(("words", "error"), [
    ("abc", "ERR value is not an integer or out of range"),
    ("1.5", "ERR value is not an integer or out of range"),
    ("9223372036854775808", "ERR value is not an integer or out of range"),
    ("1 FOO", "ERR Unsupported option FOO"),
    ("1 GT LT foo", "ERR Unsupported option foo"),
    ("abc FOO", "ERR Unsupported option FOO"),
    ("1 NX XX", "ERR NX and XX, GT or LT options at the same time are not compatible"),
    ("1 GT NX", "ERR NX and XX, GT or LT options at the same time are not compatible"),
    ("1 NX GT LT", "ERR NX and XX, GT or LT options at the same time are not compatible"),
    ("1 LT GT", "ERR GT and LT options at the same time are not compatible"),
    ("abc NX XX", "ERR NX and XX, GT or LT options at the same time are not compatible"),
])
def test_refuses(r, command, key, words, error):
    r("SET", "k", "v")
    with raises_reply(error):
        r(command, key, *words.split())
    assert (r.effects, r.propagated) == ([], [])
    assert r("TTL", "k") == -1


@pytest.mark.parametrize(("command", "time"), [
    ("EXPIRE", I64_MAX), ("EXPIRE", I64_MAX // 1000 + 1), ("EXPIRE", I64_MAX // 1000),
    ("EXPIRE", -I64_MAX - 1), ("EXPIRE", -(I64_MAX // 1000) - 1),
    ("PEXPIRE", I64_MAX), ("PEXPIRE", I64_MAX - 1_600_000_000_000),
    ("EXPIREAT", I64_MAX), ("EXPIREAT", I64_MAX // 1000 + 1), ("EXPIREAT", -I64_MAX - 1),
])
@pytest.mark.parametrize("key", ["k", "missing"])
def test_a_time_beyond_64_bits_is_refused(r, key, command, time):
    r("SET", "k", "v")
    with raises_reply(f"ERR invalid expire time in '{command.lower()}' command"):
        r(command, key, time)
    assert (r.effects, r.propagated) == ([], [])


def test_the_latest_and_the_earliest_time_are_taken(r):
    r("SET", "k", "v")
    assert r("PEXPIREAT", "k", I64_MAX) == 1
    assert r("PEXPIRETIME", "k") == I64_MAX
    assert r("EXPIRETIME", "k") == 9223372036854776            # rounded
    assert r("PTTL", "k") == I64_MAX - r.now_ms
    assert r("EXPIREAT", "k", I64_MAX // 1000) == 1
    assert r("PEXPIREAT", "k", -I64_MAX - 1) == 1
    assert r("EXISTS", "k") == 0
    r("SET", "k", "v")
    assert r("PEXPIRE", "k", -I64_MAX - 1) == 1
    assert r("EXISTS", "k") == 0


def test_a_long_unsupported_option_is_shown_cut_off_and_a_line_break_as_space(r):
    with raises_reply("ERR Unsupported option " + "Q" * 400):
        r("EXPIRE", "k", 1, "Q" * 100_000)
    assert r.raw("EXPIRE", "k", 1, b"A\r\nB\0C") == b"-ERR Unsupported option A  B\r\n"


# ------------------------------------------------------------ asking

@pytest.mark.parametrize("command", ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"])
def test_no_key_is_minus_2_and_no_expiry_minus_1(r, command):
    assert r(command, "missing") == -2
    r("SET", "k", "v")
    assert r(command, "k") == -1
    r("SET", "k", "v", "PX", 10)
    r.advance(ms=11)
    assert r(command, "k") == -2
    assert r.effects == [Effect("expired", b"k", 0)]


@pytest.mark.parametrize(("ms", "seconds"), [(1, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (60_000, 60)])
def test_seconds_are_rounded(r, ms, seconds):
    r("SET", "k", "v", "PX", ms)
    assert r("TTL", "k") == seconds
    assert r("PTTL", "k") == ms
    assert r("EXPIRETIME", "k") == (r.now_ms + ms + 500) // 1000
    assert r("PEXPIRETIME", "k") == r.now_ms + ms


# ------------------------------------------------------------ PERSIST

def test_persist_takes_the_expiry_away(r):
    r("SET", "k", "v", "PX", 1000)
    assert r("PERSIST", "k") == 1
    assert r.effects == [Effect("persist", b"k", 1)]
    assert r.propagated == [[b"PERSIST", b"k"]]
    assert r("TTL", "k") == -1
    r.advance(ms=5001)
    r.cycle()
    assert r("GET", "k") == b"v"


def test_persist_of_a_lasting_or_missing_key_does_nothing(r):
    r("SET", "k", "v")
    assert r("PERSIST", "k") == 0
    assert r("PERSIST", "missing") == 0
    assert (r.effects, r.propagated) == ([], [])


# ------------------------------------------------------------ the active cycle, in a server

def test_keys_that_nobody_asks_for_go_by_themselves(r):
    for i in range(50):
        r("SET", f"k{i}", "v", "PX", 1000)
    r("SET", "last", "v")
    r.advance(ms=1001)
    r.session.clear()
    r.cycle()
    assert r("DBSIZE") == 1
    assert figures.stats(r.server.core)["expired"] == 50


def test_the_active_cycle_tells_of_each_key_as_a_command_would(r):
    r("SET", "k", "v", "PX", 1000)
    r.advance(ms=1001)
    r.session.clear()
    r.cycle()
    assert r.effects == [Effect("expired", b"k", 0)]
    assert r.propagated == [[b"DEL", b"k"]]
