"""What Prometheus and the status page are told."""

import re

import pytest

from pyredis import exposition
from pyredis.exposition import Watch, label, metrics, status
from tests.session import R, raises_reply

LINE = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)')


@pytest.fixture
def r():
    return R(**{"slowlog-log-slower-than": 0, "latency-monitor-threshold": 1})


def values(text):
    """{name with labels: value} of a text that must be in Prometheus's format."""
    found, kinds = {}, {}
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, f"{name} is told of twice"
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            match = LINE.fullmatch(line)
            assert match, line
            name = re.sub(r"_(bucket|sum|count)$", "", match[1]) if match[1] not in kinds else match[1]
            assert name in kinds, f"{name} has no type"
            key = match[1] + (match[2] or "")
            assert key not in found, f"{key} comes twice"
            found[key] = float(match[3])
    return found


def test_metrics_are_in_the_text_format_and_true(r):
    r("SET", "a", 1)
    r("SET", "b", 1, "EX", 100)
    for key in ("a", "none"):
        r("GET", key)
    with raises_reply("WRONGTYPE"):
        r("LPUSH", "a", 1)
    found = values(metrics(r.server))
    assert found["redis_up"] == 1
    assert found['redis_db_keys{db="db0"}'] == 2
    assert found['redis_db_keys_expiring{db="db0"}'] == 1
    assert (found["redis_keyspace_hits_total"], found["redis_keyspace_misses_total"]) == (1, 1)
    assert found['redis_commands_total{cmd="set"}'] == 2
    assert found['redis_commands_failed_calls_total{cmd="lpush"}'] == 1
    assert found['redis_errors_total{err="WRONGTYPE"}'] == 1
    assert found["redis_slowlog_length"] == 5
    assert found["redis_memory_used_bytes"] > 1000


def test_the_histogram_of_commands_is_one(r):
    for _ in range(10):
        r("PING")
    found = values(metrics(r.server))
    buckets = [value for key, value in found.items() if key.startswith("redis_command_duration_seconds_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found["redis_command_duration_seconds_count"] == 10
    assert 0 < found["redis_command_duration_seconds_sum"] < 1


def test_labels_are_escaped():
    assert label('a"b\\c\nd') == r'a\"b\\c\nd'


def test_metrics_of_an_empty_server_are_whole():
    values(metrics(R().server))


def test_status_tells_what_the_page_shows(r):
    watch = Watch(r.server)
    r("SET", "a", "<script>\xff")
    r("SELECT", 2)
    r("SET", "b", 1, "EX", 100)
    watch.sample()
    for _ in range(4):
        r("GET", "a")
    watch.sample()
    told = status(r.server, watch)
    assert [(row["db"], row["keys"], row["expires"]) for row in told["keyspace"]] == [(0, 1, 0), (2, 1, 1)]
    assert told["slow"][0]["words"] == ["GET", "a"]
    assert {row["name"] for row in told["commands"]} == {"set", "get", "select"}
    row = told["history"][0]
    assert row["ops"] > 0 and row["hit_rate"] == 0 and row["p50"] <= row["p99"] <= row["p999"]


def test_a_second_without_commands_has_no_latency_and_no_hit_rate(r):
    watch = Watch(r.server)
    watch.sample()
    watch.sample()
    assert (watch.rows[0]["ops"], watch.rows[0]["p99"], watch.rows[0]["hit_rate"]) == (0, None, None)


def test_resetstat_does_not_make_rates_negative(r):
    watch = Watch(r.server)
    for _ in range(10):
        r("PING")
    watch.sample()
    r("CONFIG", "RESETSTAT")
    watch.sample()
    assert watch.rows[0]["ops"] >= 0


def test_the_last_minutes_are_kept_and_no_more(r, monkeypatch):
    watch = Watch(r.server)
    for _ in range(exposition.KEPT + 10):
        watch.sample()
    assert len(watch.rows) == exposition.KEPT
