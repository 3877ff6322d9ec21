"""MEMORY and its subcommands."""

import pytest

from pyredis.commands.memory_control import diagnosis
from pyredis.info import Memory
from tests.session import R, raises_reply

MB = 1 << 20
HEALTHY = Memory(used=100 * MB, peak=110 * MB, startup=MB, clients=0, tables=9 * MB, active=102 * MB,
                 resident=103 * MB, rss=110 * MB)


def test_usage_grows_with_the_value_and_counts_the_key(r):
    r("SET", "a", 5)
    r("SET", "b", "x" * 1000)
    assert 8 <= r("MEMORY", "USAGE", "a") < 100
    assert 1000 <= r("MEMORY", "USAGE", "b") < 1200
    assert r("MEMORY", "USAGE", "b", "SAMPLES", 0) == r("MEMORY", "USAGE", "b")


@pytest.mark.parametrize(("command", "before"), [("SADD", []), ("HSET", ["value"]), ("ZADD", [1])])
def test_usage_weighs_a_few_elements_for_all_unless_told_otherwise(r, command, before):
    for n in range(2000):
        words = [*before, ("x" * 100 if n % 4 == 0 else "") + f"{n:08}"]
        r(command, "k", *(words if command != "HSET" else words[::-1]))
    exact = r("MEMORY", "USAGE", "k", "SAMPLES", 0)
    assert r("MEMORY", "USAGE", "k", "SAMPLES", 2000) == exact
    few = {r("MEMORY", "USAGE", "k", "SAMPLES", samples) for samples in range(1, 20)}
    assert len(few) > 1 and max(few) < exact * 3
    assert r("MEMORY", "USAGE", "k") == r("MEMORY", "USAGE", "k", "SAMPLES", 5)


def test_usage_of_no_key_is_null(r):
    assert r("MEMORY", "USAGE", "none") is None


@pytest.mark.parametrize(("options", "error"), [
    ("SAMPLES -1", "ERR syntax error"), ("FOO 1", "ERR syntax error"), ("SAMPLES", "ERR syntax error"),
    ("SAMPLES x", "ERR value is not an integer or out of range")])
def test_usage_checks_its_options(r, options, error):
    with raises_reply(error):
        r("MEMORY", "USAGE", "a", *options.split())


def test_stats_is_a_flat_array_or_a_map_of_the_same_things(r):
    r("SET", "a", 1)
    flat = r("MEMORY", "STATS")
    r.server.core.clients()[0].proto = 3
    stats = r("MEMORY", "STATS")
    assert flat[::2] == list(stats)
    assert stats[b"keys.count"] == 1
    assert stats[b"db.0"][b"overhead.hashtable.main"] > 0
    assert stats[b"total.allocated"] >= stats[b"startup.allocated"]
    assert isinstance(stats[b"fragmentation"], float)


def test_doctor_does_not_judge_a_small_server(r):
    assert b"too little to judge by" in r("MEMORY", "DOCTOR")


@pytest.mark.parametrize(("change", "word"), [
    ({}, "Nothing to complain"), ({"peak": 200 * MB}, "Peak"), ({"active": 130 * MB}, "Holes"),
    ({"rss": 300 * MB}, "Overhead"), ({"clients": 9 * MB}, "Clients")])
def test_doctor_names_what_is_wrong(change, word):
    text = diagnosis(HEALTHY._replace(**change), 10)
    assert word in text
    assert len(text.splitlines()) == 1


def test_doctor_sees_scripts_that_are_made_anew_for_each_call(r):
    for n in range(1001):
        r("SCRIPT", "LOAD", f"return {n}")
    r("SET", "k", b"x" * 6 * MB)
    assert b"Scripts: 1001 are kept" in r("MEMORY", "DOCTOR")


def test_purge_malloc_stats_and_help_answer(r):
    assert r("MEMORY", "PURGE") == "OK"
    assert r("MEMORY", "MALLOC-STATS").startswith(b"used:")
    assert r("MEMORY", "HELP")[0].startswith("MEMORY <subcommand>")


def test_malloc_stats_tells_of_holes_by_size(r):
    for i in range(3000):
        r("SET", f"key:{i:04}", "x" * 100)
    for i in range(0, 3000, 2):
        r("DEL", f"key:{i:04}")
    text = r("MEMORY", "MALLOC-STATS").decode()
    rows = [list(map(int, line.split()[:4])) for line in text.splitlines()[8:]]
    assert all(slabs * 65536 >= size * (used + room) for size, slabs, used, room in rows)
    if rows:                                     # the sanitizer's build has no slabs
        assert any(used >= 1000 and room >= 1000 for size, _, used, room in rows if size in (112, 120))


@pytest.mark.parametrize("command", [
    "SETRANGE k 99999 x", "SETBIT k 799999 1", "BITFIELD k SET u8 799992 1", "APPEND k " + "x" * 100000])
def test_a_string_that_is_made_long_at_once_has_no_room_to_spare(command):
    r = R()
    r(*command.split())
    assert r("STRLEN", "k") == 100000
    assert 100000 < r("MEMORY", "USAGE", "k") < 101000
