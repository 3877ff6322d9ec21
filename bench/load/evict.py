"""evict -- how well a full cache keeps what is asked for: the hit rate of each server on one Zipfian trace.

    python -m bench.load.evict [--accesses N] [--keys N] [--share F] [--samples N] [--policy P ...] [NAME ...]
    python -m bench.load.evict --keep-up SECONDS [--policy P ...] [NAME ...]

The trace draws keys by Zipf's law with exponent 0.99, as YCSB does (Cooper et al. 2010), from a seed: the same for
every server. Each access is a GET; a miss is followed by a SET, as in a cache in front of a database. There is room
for `share` of the keys: maxmemory is what the server uses when it holds just so many. Hits count after the
first tenth of the trace. Told are the hit rate, the processor time an access, how far the memory was over the limit at
most (asked now and then), and the slowest PINGs of a client beside.

With --keep-up a full server is written to as fast as one pipelined writer can, new keys with values of 10 to 2,000
bytes, so that each SET gives up some keys; a client beside sends a PING a millisecond. Told are the writes a second,
the processor time of each, how far the limit was passed, how long the server was denied its core, and what the PINGs
waited. That client and the server ask for the priority of real time, where they may: the one shares a core with the
writer, the other with what else runs on the machine, and what is measured is to be the server.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import socket
import statistics
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import hiredis

from bench import peers

VALUE = b"x" * 100
BATCH = 50
EXPONENT = 0.99
GET = b"*2\r\n$3\r\nGET\r\n$16\r\nkey:%012d\r\n"
SET = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%%012d\r\n$%d\r\n%b\r\n" % (len(VALUE), VALUE)
POLICIES = ("allkeys-lru", "allkeys-lfu", "allkeys-random")


def trace(keys: int, accesses: int, seed: int = 1) -> Iterator[list[int]]:
    """Batches of key numbers; which keys are the popular ones is drawn, too."""
    rnd = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank ** EXPONENT for rank in range(1, keys + 1)))
    names = list(range(keys))
    rnd.shuffle(names)
    for _ in range(accesses // (BATCH * 200)):
        drawn = rnd.choices(names, cum_weights=weights, k=BATCH * 200)
        for at in range(0, len(drawn), BATCH):
            yield drawn[at:at + BATCH]


class Link:
    """A connection that takes batches."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = hiredis.Reader()

    def ask(self, requests: bytes, replies: int) -> list[Any]:
        self.socket.sendall(requests)
        got: list[Any] = []
        while len(got) < replies:
            reply = self.reader.gets()
            if reply is False:
                self.reader.feed(self.socket.recv(1 << 16))
            else:
                got.append(reply)
        return got


def info(server: peers.Server, section: str) -> dict[str, str]:
    return peers.info_fields(server.call("INFO", section))


def room_for(server: peers.Server, link: Link, count: int) -> int:
    """Bytes that the server uses with so many of the keys; it is empty again afterwards."""
    for first in range(0, count, 1000):
        link.ask(b"".join(SET % n for n in range(first, min(first + 1000, count))), min(1000, count - first))
    used = int(info(server, "memory")["used_memory"])
    server.call("FLUSHALL")
    return used


def ping(port: int, report: Connection) -> None:
    """PINGs, a thousand a second, until `report` is asked for: then the times in milliseconds, in order."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    link, times = Link(port), []
    while not report.poll():
        began = time.perf_counter()
        link.ask(b"PING\r\n", 1)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.001)
    report.send(sorted(times))


def run(server: peers.Server, policy: str, options: argparse.Namespace) -> dict[str, Any]:
    link = Link(server.port)
    limit = room_for(server, link, int(options.keys * options.share))
    server.call("CONFIG", "SET", "maxmemory-policy", policy)
    server.call("CONFIG", "SET", "maxmemory-samples", options.samples)
    server.call("CONFIG", "SET", "maxmemory", limit)
    hits = seen = over = 0
    here, there = multiprocessing.Pipe()
    multiprocessing.Process(target=ping, args=(server.port, there), daemon=True).start()
    began = server.cpu_us()
    for number, batch in enumerate(trace(options.keys, options.accesses)):
        got = link.ask(b"".join(GET % n for n in batch), len(batch))
        missed = [n for n, value in zip(batch, got, strict=True) if value is None]
        if missed:
            link.ask(b"".join(SET % n for n in missed), len(missed))
        if number * BATCH * 10 >= options.accesses:
            hits += len(batch) - len(missed)
            seen += len(batch)
        if number % 2000 == 0:
            over = max(over, int(info(server, "memory")["used_memory"]) - limit)
    here.send(True)
    times = here.recv()
    return {"policy": policy, "hit_rate": round(hits / seen, 5), "maxmemory": limit, "most_over": over,
            "cpu_us": round((server.cpu_us() - began) / options.accesses, 3),
            "keys": server.call("DBSIZE"), "evicted": int(info(server, "stats")["evicted_keys"]),
            "ping_ms": {"median": round(statistics.median(times), 3),
                        "p99.9": round(times[int(len(times) * 0.999)], 3), "most": round(times[-1], 3)}}


LIMIT = 100 << 20
PIPELINE = 100
BATCHES = 200                       # pipelines that are prepared, and sent again and again under new names


def batches(seed: int = 1) -> list[bytes]:
    """Pipelines of SETs; their names have a %09d for the number of the round."""
    rnd = random.Random(seed)
    return [b"".join(b"*3\r\n$3\r\nSET\r\n$20\r\n%%09d:%010d\r\n$%d\r\n%b\r\n" % (number, size, b"x" * size)
                     for number, size in enumerate(rnd.randint(10, 2000) for _ in range(PIPELINE)))
            for _ in range(BATCHES)]


def denied_ms(server: peers.Server) -> float:
    """How long the server has been ready to run while somebody else had its core."""
    return int(Path(f"/proc/{server.pid}/schedstat").read_text().split()[1]) / 1e6


def keep_up(server: peers.Server, policy: str, options: argparse.Namespace) -> dict[str, Any]:
    link = Link(server.port)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(server.pid, os.SCHED_FIFO, os.sched_param(1))
    prepared = batches()
    server.call("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory-samples", options.samples, "maxmemory", LIMIT)
    numbers = itertools.count()

    def write() -> None:
        number = next(numbers)
        link.ask(prepared[number % len(prepared)] % ((number,) * PIPELINE), PIPELINE)

    while not int(info(server, "stats")["evicted_keys"]):
        for _ in range(50):
            write()
    here, there = multiprocessing.Pipe()
    multiprocessing.Process(target=ping, args=(server.port, there), daemon=True).start()
    first, over, began = next(numbers), 0, time.monotonic()
    cpu, denied = server.cpu_us(), denied_ms(server)
    while time.monotonic() < began + options.keep_up:
        for _ in range(20):
            write()
        over = max(over, int(info(server, "memory")["used_memory"]) - LIMIT)
    written, seconds = (next(numbers) - first - 1) * PIPELINE, time.monotonic() - began
    cpu, denied = server.cpu_us() - cpu, denied_ms(server) - denied
    here.send(True)
    times = here.recv()
    return {"policy": policy, "writes_s": int(written / seconds), "cpu_us": round(cpu / written, 2), "most_over": over,
            "keys": server.call("DBSIZE"), "evicted": int(info(server, "stats")["evicted_keys"]), "pings": len(times),
            "denied_ms": round(denied),
            "ping_ms": {"median": round(statistics.median(times), 3), "p99": round(times[int(len(times) * 0.99)], 3),
                        "p99.9": round(times[int(len(times) * 0.999)], 3), "most": round(times[-1], 3)}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load.evict")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--accesses", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--policy", nargs="*", default=POLICIES)
    parser.add_argument("--keep-up", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    for policy in options.policy:
        for name in options.names or ("pyredis", "redis8", "valkey9"):
            with peers.start(name, cpu=0) as server:
                measure = keep_up if options.keep_up else run
                print(json.dumps({"server": name, **measure(server, policy, options)}), flush=True)


if __name__ == "__main__":
    main()
