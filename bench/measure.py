"""measure -- run one workload, or one property, on servers that already run, and return plain numbers.

The server has one core, the generator another. Processor time comes from the server's own account (all
threads, nanoseconds), so the generator's cost is not in it; requests a second are the generator's, and
with deep pipelines it may be the generator that sets them. Servers are measured in turn, A B then B A, so
that a slow drift of the machine falls on all alike; a ratio is always taken within one round.
"""

import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import peers
from bench.families import DEL_MEMBERS, Burst, Holding, Large, Step, member, put
from bench.load.burst import open_all, send_bursts
from bench.load.fill import fill
from bench.workloads import Group, Workload

Figures = dict[str, dict[str, list[float]]]         # server -> metric -> a value a round


def cores() -> tuple[int | None, int | None]:
    """One core for the server and one for the generator; (None, None) where there is but one."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


SERVER_CORE, LOAD_CORE = cores()


def benchmark_program() -> str:
    """One generator for all servers: the system's redis-benchmark, else a peer's."""
    for name in peers.PEERS:
        found = peers.tool(name, "benchmark")
        if found:
            return str(found)
    raise peers.StartError("no redis-benchmark: apt-get install redis-tools, or bench/get-peers")


def load(server: peers.Server, work: Workload | Step | Burst, requests: int) -> dict[str, float]:
    """One run: the server's processor time per request in microseconds, and requests a second."""
    if isinstance(work, Burst):
        return burst(server, work, requests)
    words = [benchmark_program(), "-p", str(server.port), "-c", str(work.clients), "-P", str(work.pipeline),
             "-n", str(requests), "-r", str(work.span), "--csv", *work.words()]
    work.prepare(server, requests)
    before = server.cpu_us()
    with peers.pinned(LOAD_CORE):
        done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    spent = server.cpu_us() - before
    rows = list(csv.reader(done.stdout.splitlines()))
    if done.returncode or len(rows) < 2 or "rror" in done.stderr:
        raise RuntimeError(f"{server.name}, {work.name}: {done.stderr or done.stdout}"[:500])
    return {"cpu_us": spent / requests, "rps": float(rows[-1][1])}


def burst(server: peers.Server, work: Burst, requests: int) -> dict[str, float]:
    """As `load`, by a generator of our own; a request is one of the commands."""
    rng = random.Random(1)
    exchanges = [work.exchange(rng) for _ in range(1000)]
    server.call("FLUSHALL")
    for command in work.first:
        server.call(*command)
    with peers.pinned(LOAD_CORE), ExitStack() as stack:
        clients = open_all(stack, server.port, work.clients, work.hello)
        listeners = open_all(stack, server.port, work.listeners, work.listen)
        before, began = server.cpu_us(), time.monotonic()
        sent = send_bursts(clients, exchanges, requests // len(work.commands) + 1, listeners)
        spent, seconds = server.cpu_us() - before, time.monotonic() - began
    return {"cpu_us": spent / (sent * len(work.commands)), "rps": sent * len(work.commands) / seconds}


def calibrate(server: peers.Server, work: Workload | Step | Burst, seconds: float) -> int:
    """How many requests take about that long."""
    trial = max(work.clients * (16 if isinstance(work, Burst) else work.pipeline) * 4, 2000)
    rate = load(server, work, trial)["rps"]
    return max(trial, int(rate * seconds) // 1000 * 1000)


def paired(servers: list[peers.Server], work: Workload | Step | Burst, rounds: int, seconds: float) -> Figures:
    """`rounds` rounds over all servers, each the same number of requests."""
    requests = calibrate(servers[0], work, seconds)
    for server in servers:                              # warm: connections, buffers, the command's own path
        load(server, work, min(requests, 20_000))
    figures: Figures = {server.name: {"cpu_us": [], "rps": []} for server in servers}
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else reversed(servers):
            for metric, value in load(server, work, requests).items():
                figures[server.name][metric].append(value)
    return figures


def fill_all(servers: list[peers.Server], group: Group) -> None:
    for server in servers:
        server.call("FLUSHALL")
        with peers.pinned(LOAD_CORE):
            fill(server.port, 0, group.keys, group.size)
        if server.call("DBSIZE") != group.keys:
            raise RuntimeError(f"{server.name} does not hold {group.keys} keys")


def start_all(names: list[str], stack: ExitStack, *options: str) -> list[peers.Server]:
    return [stack.enter_context(peers.start(name, *options, cpu=SERVER_CORE)) for name in names]


def memory(name: str, counts: list[int]) -> dict[str, float]:
    """Bytes of RSS a key over the empty server, at each number of keys; keys and values of 16 bytes."""
    found = {}
    with peers.start(name, cpu=SERVER_CORE) as server, peers.pinned(LOAD_CORE):
        server.call("PING")
        empty, have = server.rss_bytes(), 0
        for count in counts:
            fill(server.port, have, count, 16)
            have = count
            time.sleep(0.5)                             # let a rehash that runs in the background go on
            found[str(count)] = (server.rss_bytes() - empty) / count
    return found


def stall(name: str, keys: int) -> dict[str, Any]:
    """Waits of a pinging client while `keys` keys are loaded, milliseconds."""
    with peers.start(name, cpu=SERVER_CORE) as server, peers.pinned(LOAD_CORE):
        with _pinging(server) as waits:
            fill(server.port, 0, keys, 16)
        return waits


@contextmanager
def _pinging(server: peers.Server) -> Iterator[dict[str, Any]]:
    """A client that pings while the block runs; what it saw is in the dict after that."""
    pinger = subprocess.Popen([sys.executable, "-m", "bench.load.ping", str(server.port)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=peers.ROOT)
    waits: dict[str, Any] = {}
    try:
        time.sleep(0.3)                                 # it has started and connected
        yield waits
        out, _ = pinger.communicate(timeout=60)
        waits.update(json.loads(out))
    finally:
        peers.end(pinger, 0)


def large(servers: list[peers.Server], work: Large, rounds: int) -> Figures:
    """Milliseconds of processor time of one such command, a value a round."""
    for server in servers:
        with peers.pinned(LOAD_CORE):
            work.prepare(server)
            work.cost(server)
    figures: Figures = {server.name: {"cpu_us": []} for server in servers}
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else reversed(servers):
            with peers.pinned(LOAD_CORE):
                figures[server.name]["cpu_us"].append(work.cost(server))
    return figures


def held(name: str, work: Holding) -> float:
    """Bytes of RSS an element, over the empty server."""
    with peers.start(name, cpu=SERVER_CORE) as server, peers.pinned(LOAD_CORE):
        server.call("PING")
        empty = server.rss_bytes()
        work.prepare(server)
        time.sleep(0.5)
        return (server.rss_bytes() - empty) / (work.keys * work.members)


def delete(name: str, members: int = DEL_MEMBERS) -> dict[str, Any]:
    """Waits of a pinging client while a set of so many members is deleted, and for two seconds after; ms."""
    with peers.start(name, cpu=SERVER_CORE) as server, peers.pinned(LOAD_CORE):
        put(server, "SADD", "c", member, members)
        with _pinging(server) as waits:
            server.call("DEL", "c")
            time.sleep(2)
        return waits


def start_times(names: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds from exec to the first PONG, with no data."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with peers.start(name, cpu=SERVER_CORE) as server:
                found[name].append(server.ready_seconds)
    return found
