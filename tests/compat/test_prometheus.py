"""Debian's prometheus-redis-exporter reads the server without an error; where it is not installed that is a skip."""

import re
import shutil
import subprocess
import time
import urllib.request

import pytest

from bench import peers
from tests.demand import absent

pytestmark = pytest.mark.socket
PROGRAM = "prometheus-redis-exporter"


@pytest.fixture
def scrape(server):
    """scrape() -> {metric with labels: value}, by way of the exporter."""
    if shutil.which(PROGRAM) is None:
        absent(PROGRAM)
    port = peers.free_port()
    process = subprocess.Popen(
        [PROGRAM, "--redis.addr", f"redis://127.0.0.1:{server.port}", "--web.listen-address", f"127.0.0.1:{port}",
         "--check-single-keys", "db0=number"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def read():
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    text = answer.read().decode()
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None, "the exporter does not answer"
                time.sleep(0.05)
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    yield read
    process.terminate()
    log = process.communicate(timeout=10)[0].decode()
    assert not re.search(r"level=(error|warning)", log), log


def test_the_exporter_reads_everything_without_an_error(server, scrape):
    server.call("CONFIG", "SET", "latency-monitor-threshold", 1, "slowlog-log-slower-than", 0)
    try:
        server.call("SET", "number", 42)
        server.call("SET", "short", "x", "EX", 1000)
        server.call("EVAL", "for i = 1, 300000 do end", 0)
        found = scrape()
    finally:
        server.call("CONFIG", "SET", "latency-monitor-threshold", 0, "slowlog-log-slower-than", 10000)
    assert found["redis_up"] == "1"
    assert found['redis_exporter_last_scrape_error{err=""}'] == "0"
    assert found['redis_db_keys{db="db0"}'] == "2"
    assert found['redis_db_keys_expiring{db="db0"}'] == "1"
    assert float(found['redis_commands_total{cmd="set"}']) >= 2
    assert float(found["redis_slowlog_length"]) >= 1
    assert float(found["redis_memory_used_bytes"]) > 0
    assert found['redis_key_value{db="db0",key="number"}'] == "42"
    assert any(name.startswith("redis_latency_percentiles_usec{") for name in found)


def test_our_own_metrics_have_the_exporter_s_names(server, scrape):
    from pyredis.exposition import metrics
    from tests.session import R
    r = R()
    r("SET", "a", 1)
    ours = {re.split(r"[{ ]", line)[0] for line in metrics(r.server).splitlines() if not line.startswith("#")}
    server.call("SET", "a", 1)
    theirs = {name.partition("{")[0] for name in scrape()}
    own = {"redis_command_duration_seconds_bucket", "redis_command_duration_seconds_sum",
           "redis_command_duration_seconds_count", "redis_latency_spike_last", "redis_errors_total",
           "redis_error_replies_total"}
    assert ours - own - theirs == set()
