"""The drawing and the advice of the latency monitor."""

import contextlib
import time

import pytest

from bench import peers
from pyredis import latency
from pyredis.latency import Event, age, doctor, graph
from tests.session import R

NOW = 1_700_000_000


def event(*times, name="command", worst=None, apart=1):
    samples = [(NOW - (len(times) - 1 - i) * apart, ms) for i, ms in enumerate(times)]
    return Event(name, worst or max(times), samples)


def test_a_drawing_has_a_column_a_sample_and_its_age_below():
    assert graph(event(20, 50, 10, 30, 19), NOW) == "\n".join([
        "command - high 50 ms, low 10 ms (all time high 50 ms)", "-" * 80,
        " #   ",
        " | _ ",
        "_| | ",
        "||_|#",
        "     ",
        "43210",
        "sssss", ""])


def test_samples_that_are_all_the_same_are_drawn_low():
    assert graph(event(7, 7), NOW).splitlines()[2:6] == ["  ", "  ", "  ", "__"]


def test_more_samples_than_columns_are_drawn_below():
    lines = graph(event(*range(1, 161)), NOW).splitlines()
    assert {len(line) for line in lines[2:] if line} == {80}


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (200_000, "2d")])
def test_ages_have_one_unit(seconds, text):
    assert age(seconds) == text


def test_the_doctor_says_that_the_monitor_is_off():
    assert "CONFIG SET latency-monitor-threshold" in doctor([], 0, 10000)


def test_the_doctor_is_content_without_events():
    assert "Nothing took 100 ms" in doctor([], 100, 10000)


@pytest.mark.parametrize(("name", "word"), [
    ("command", "SLOWLOG"), ("fast-command", "machine"), ("fork", "page tables"), ("aof-fsync-always", "disk"),
    ("expire-cycle", "expired"), ("eviction-cycle", "maxmemory"), ("active-defrag-cycle", "cycle-max")])
def test_the_doctor_has_advice_for_every_event(name, word):
    text = doctor([event(10, 30, name=name)], 10, 10000)
    assert f"1. {name}: 2 latency spikes (average 20ms, mean deviation 10ms, period 0.50 sec). " in text
    assert word in text


def test_the_doctor_sees_that_the_slow_log_misses_what_the_monitor_sees():
    assert "slowlog-log-slower-than 10000" in doctor([event(20)], 10, 20000)
    assert "slowlog-log-slower-than 10000" in doctor([event(20)], 10, -1)
    assert "CONFIG SET slowlog" not in doctor([event(20)], 10, 10000)


def test_what_is_timed_is_an_event_even_if_it_fails():
    r = R(**{"latency-monitor-threshold": 1})
    with contextlib.suppress(OSError), latency.timed(r.server.core, "aof-rename"):
        time.sleep(0.003)
        raise OSError
    with latency.timed(r.server.core, "aof-fstat"):
        pass
    (seen,) = [e for e in latency.events(r.server.core) if e.name.startswith("aof")]
    assert seen.name == "aof-rename"
    assert seen.worst >= 3


def slow_writes(server: peers.Server) -> set[bytes]:
    """The events of writing to the append-only file, one of whose writes takes 5 ms."""
    server.call("CONFIG", "SET", "latency-monitor-threshold", 2)
    server.call("LATENCY", "RESET")
    server.call("DEBUG", "AOF-FLUSH-SLEEP", 5000)
    server.call("SET", "k", "v")
    server.call("DEBUG", "AOF-FLUSH-SLEEP", 0)
    return {name for name, *_ in server.call("LATENCY", "LATEST") if name.startswith(b"aof")}


@pytest.mark.socket
def test_a_slow_write_is_told_by_what_went_on_beside_it(start_server):
    server = start_server("--appendonly", "yes", "--appendfsync", "no", "--enable-debug-command", "yes",
                          "--rdb-key-save-delay", "100000")
    assert slow_writes(server) == {b"aof-write", b"aof-write-alone"}
    server.call("DEBUG", "POPULATE", 1000)
    server.call("BGSAVE")
    assert slow_writes(server) == {b"aof-write", b"aof-write-active-child"}
