"""defrag -- delete half of all keys at random, then switch active defragmentation on: does the memory come back?

    python -m bench.load.defrag [--keys N] [--size BYTES] [--kind strings|mixed] [--seconds S] [NAME ...]

Keys are those of bench.load.fill, with values of `size` bytes, or collections of four kinds (bench.load.saving).
Told are used_memory and resident memory when full, with half deleted, and when the server has rested for two seconds
or `seconds` are over; the time until then and the processor time it took; and how long a client that sends PINGs
(bench.load.ping) waited meanwhile, and before, while nothing happened, in milliseconds. A build that cannot
defragment says so in its own words.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from typing import Any

from bench import peers
from bench.load.fill import fill
from bench.load.saving import fill_mixed

BATCH = 100
SETTINGS = ("active-defrag-ignore-bytes", "10mb", "active-defrag-threshold-lower", "5",
            "active-defrag-cycle-min", "1", "active-defrag-cycle-max", "25")
CALM = 2.0                              # seconds without defragmentation after which it is taken to be over


def memory(server: peers.Server) -> dict[str, float]:
    """In MB."""
    used = int(peers.info_fields(server.call("INFO", "memory"))["used_memory"])
    return {"used": round(used / 1e6, 1), "rss": round(server.rss_bytes() / 1e6, 1)}


def delete_half(port: int, count: int) -> None:
    names = list(range(count))
    random.Random(1).shuffle(names)
    client = peers.Client(port)
    for first in range(0, count // 2, BATCH):
        client.call("DEL", *(f"key:{n:012d}" for n in names[first:first + BATCH]))
    client.close()


def wait_until_calm(server: peers.Server, seconds: float) -> float:
    """Seconds until the defragmenter began to rest."""
    began = busy = time.monotonic()
    while time.monotonic() - busy < CALM and time.monotonic() - began < seconds:
        if peers.info_fields(server.call("INFO", "memory"))["active_defrag_running"] != "0":
            busy = time.monotonic()
        time.sleep(0.02)
    return busy - began


def start_ping(server: peers.Server) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "bench.load.ping", str(server.port)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def run(server: peers.Server, options: argparse.Namespace) -> dict[str, Any]:
    if options.kind == "strings":
        fill(server.port, 0, options.keys, options.size)
    else:
        fill_mixed(server.port, options.keys)
    full = memory(server)
    delete_half(server.port, options.keys)
    time.sleep(1)
    half = memory(server)
    server.call("CONFIG", "SET", *SETTINGS)
    digest = server.call("DEBUG", "DIGEST")
    ping = start_ping(server)
    time.sleep(2)
    idle = json.loads(ping.communicate("")[0])
    ping = start_ping(server)
    spent = server.cpu_us()
    try:
        server.call("CONFIG", "SET", "activedefrag", "yes")
    except peers.ReplyError as error:
        time.sleep(1)
        ping.communicate("")
        return {"full": full, "half": half, "refused": str(error)}
    seconds = wait_until_calm(server, options.seconds)
    spent = (server.cpu_us() - spent) / 1e6
    waits = json.loads(ping.communicate("")[0])
    stats = peers.info_fields(server.call("INFO", "stats"))
    return {"full": full, "half": half, "after": memory(server), "seconds": round(seconds, 2),
            "cpu_seconds": round(spent, 2), "ping": waits, "ping_before": idle,
            "same_data": server.call("DEBUG", "DIGEST") == digest,
            **{name: int(stats[f"active_defrag_{name}"]) for name in ("hits", "misses", "key_hits", "key_misses")},
            "active_ms": int(stats["total_active_defrag_time"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keys", type=int, default=3_000_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--kind", choices=("strings", "mixed"), default="strings")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    for name in options.names or ("pyredis", "redis8", "valkey9"):
        with peers.start(name, "--enable-debug-command", "yes", cpu=0) as server:
            print(json.dumps({"server": name, "version": server.version, **run(server, options)}), flush=True)


if __name__ == "__main__":
    main()
