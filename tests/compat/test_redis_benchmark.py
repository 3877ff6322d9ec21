"""redis-benchmark runs to its end against the server; nothing is timed here."""

import csv
import subprocess

import pytest

from bench import peers
from tests.demand import tool, without_preload


def program() -> str:
    return tool(("redis7", "redis8", "valkey9"), "benchmark")


def benchmark(server: peers.Server, *args: str) -> list[str]:
    """The names of the tests it reports; an error reply makes it end badly or complain."""
    done = subprocess.run([program(), "-p", str(server.port), "--csv", *args], capture_output=True, text=True,
                          timeout=120, check=False, env=without_preload())
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stdout + done.stderr, done.stdout + done.stderr
    return [row[0] for row in csv.reader(done.stdout.splitlines())][1:]


@pytest.mark.parametrize("pipeline", [1, 16, 100])
def test_basic_commands_at_every_depth_of_pipeline(server: peers.Server, pipeline: int) -> None:
    names = benchmark(server, "-t", "ping,set,get,incr,mset", "-P", str(pipeline), "-n", "20000", "-c", "50",
                      "-r", "10000")
    assert names == ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"]


def test_500_clients_with_values_of_1_kilobyte(server: peers.Server) -> None:
    assert benchmark(server, "-t", "set,get", "-n", "20000", "-c", "500", "-d", "1024") == ["SET", "GET"]


def test_a_fresh_connection_for_every_request(server: peers.Server) -> None:
    assert benchmark(server, "-t", "ping_mbulk", "-k", "0", "-n", "2000", "-c", "20") == ["PING_MBULK"]


def test_a_command_of_the_users_own_with_random_keys(server: peers.Server) -> None:
    benchmark(server, "-n", "5000", "-r", "100", "-P", "8", "set", "k:__rand_int__", "v")
    assert 1 <= server.call("DBSIZE") <= 100
