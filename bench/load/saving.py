"""saving -- how long SAVE takes, how large its file is, and how long a client waits while a child saves.

    python -m bench.load.saving [--servers pyredis,redis8,valkey9] [--strings 5000000] [--mixed 1000000]
                                [--rounds 5] [--seconds 8] [--json FILE]

Two data sets: strings of 16 bytes under names of 16, and collections of four kinds with 8 elements each.
Each server is filled alone, since memory is short, and saves `rounds` times into
its own folder; the medians of processor time (user and system, of the server) and of wall time are printed, with the
file's size. Then a client sends PINGs (bench.load.ping) while a BGSAVE begins every EVERY seconds, as often for each
server, for `seconds`: the wait that 999 of 1,000 were spared, and the fork's time as INFO tells it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import peers
from bench.load.fill import fill

ELEMENTS = 8
BATCH = 200
EVERY = 4.0


def collection(n: int) -> bytes:
    """The request that makes the n-th: a hash, a list, a set or a sorted set, in turn."""
    name = f"key:{n:012d}"
    words: list[Any]
    if n % 4 == 0:
        words = ["HSET", name, *(word for i in range(ELEMENTS) for word in (f"field:{i}", f"value:{n * 31 + i}"))]
    elif n % 4 == 1:
        words = ["RPUSH", name, *(f"element:{n * 17 + i}" for i in range(ELEMENTS))]
    elif n % 4 == 2:
        words = ["SADD", name, *(n * 13 + i if n % 8 == 2 else f"member:{n * 13 + i}" for i in range(ELEMENTS))]
    else:
        words = ["ZADD", name, *(word for i in range(ELEMENTS) for word in (i * 1.5, f"member:{n * 7 + i}"))]
    return peers.encode(*words)


def fill_mixed(port: int, count: int) -> None:
    client = peers.Client(port)
    for start in range(0, count, BATCH):
        client.send(b"".join(collection(n) for n in range(start, min(start + BATCH, count))))
        for _ in range(start, min(start + BATCH, count)):
            client.receive()
    client.close()


def save_times(server: peers.Server, rounds: int) -> dict[str, Any]:
    wall, cpu = [], []
    for _ in range(rounds):
        began, spent = time.perf_counter(), server.cpu_us()
        server.call("SAVE")
        wall.append(time.perf_counter() - began)
        cpu.append((server.cpu_us() - spent) / 1e6)
    size = (server.folder / "dump.rdb").stat().st_size
    return {"cpu": statistics.median(cpu), "cpu_spread": [min(cpu), max(cpu)], "wall": statistics.median(wall),
            "wall_spread": [min(wall), max(wall)], "bytes": size}


def in_background(server: peers.Server, seconds: float) -> Iterator[int]:
    """A BGSAVE every EVERY seconds; the forks' microseconds."""
    begin = time.monotonic()
    for i in range(round(seconds / EVERY)):
        server.call("BGSAVE")
        time.sleep(max(0.0, begin + (i + 1) * EVERY - time.monotonic()))
        while peers.info_fields(server.call("INFO", "persistence"))["rdb_bgsave_in_progress"] == "1":
            time.sleep(0.05)
        yield int(peers.info_fields(server.call("INFO", "stats"))["latest_fork_usec"])


def latency(server: peers.Server, seconds: float) -> dict[str, Any]:
    ping = subprocess.Popen([sys.executable, "-m", "bench.load.ping", str(server.port)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    forks = list(in_background(server, seconds))
    found: dict[str, Any] = json.loads(ping.communicate("")[0])
    return {**found, "forks": len(forks), "fork_us": statistics.median(forks)}


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what, count in (("strings", arguments.strings), ("mixed", arguments.mixed)):
        if not count:
            continue
        with peers.start(name) as server:
            if what == "strings":
                fill(server.port, 0, count, 16)
            else:
                fill_mixed(server.port, count)
            found[what] = save_times(server, arguments.rounds)
            if arguments.seconds:
                found[what]["latency"] = latency(server, arguments.seconds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default="pyredis,redis8,valkey9")
    parser.add_argument("--strings", type=int, default=5_000_000)
    parser.add_argument("--mixed", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = {}
    for name in arguments.servers.split(","):
        results[name] = measure(name, arguments)
        for what, row in results[name].items():
            line = (f"{name:8} {what:8} cpu {row['cpu']:6.3f} s  wall {row['wall']:6.3f} s  "
                    f"{row['bytes'] / 1e6:8.2f} MB")
            if "latency" in row:
                late = row["latency"]
                line += (f"  ping median {late['median']:.3f} p99.9 {late['p99.9']:.3f} max {late['max']:.3f} ms, "
                         f"fork {late['fork_us'] / 1000:.2f} ms ({late['forks']})")
            print(line, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"cores": os.cpu_count(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
