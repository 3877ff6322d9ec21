"""users -- what it costs to be held to rules: processor time of a GET by a restricted user, against the default user.

    python -m bench.users [--rounds 9] [--requests 1500000]

One server of each kind, with a million keys of 16 bytes. redis-benchmark sends GETs, 50 clients, pipeline 16, once as
the default user and once as one who may do `RULES`, in turn; a ratio is taken within one round. The median of
pyredis is to be at most TARGET.
"""

import argparse
import statistics
import subprocess
from contextlib import ExitStack

from bench import peers
from bench.load.fill import fill
from bench.measure import LOAD_CORE, benchmark_program, start_all

TARGET = 1.03
RULES = "on >secret resetkeys ~key:* ~other:* resetchannels -@all +@read +@string"
KEYS, SIZE, CLIENTS, PIPELINE = 1_000_000, 16, 50, 16


def cost(server: peers.Server, requests: int, *login: str) -> float:
    """Microseconds of processor time a GET."""
    before = server.cpu_us()
    with peers.pinned(LOAD_CORE):
        subprocess.run([benchmark_program(), "-p", str(server.port), *login, "-c", str(CLIENTS), "-P", str(PIPELINE),
                        "-n", str(requests), "-r", str(KEYS), "-q", "GET", "key:__rand_int__"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    return (server.cpu_us() - before) / requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=1_500_000)
    words = parser.parse_args()
    names = [name for name in peers.NAMES if name != "redis7" and peers.find(name)]
    with ExitStack() as stack:
        servers = start_all(names, stack)
        for server in servers:
            with peers.pinned(LOAD_CORE):
                fill(server.port, 0, KEYS, SIZE)
            server.call("ACL", "SETUSER", "reader", *RULES.split())
        for server in servers:
            login = ("--user", "reader", "-a", "secret")
            cost(server, words.requests // 4)
            pairs = []
            for turn in range(words.rounds):
                held = cost(server, words.requests, *login) if turn % 2 else 0.0
                free = cost(server, words.requests)
                pairs.append((free, held or cost(server, words.requests, *login)))
            ratios = [held / free for free, held in pairs]
            target = f" (target {TARGET})" if server.name == "pyredis" else ""
            print(f"{server.name:8} {statistics.median(free for free, _ in pairs):.3f} us, restricted "
                  f"{statistics.median(held for _, held in pairs):.3f} us: {statistics.median(ratios):.3f} "
                  f"({min(ratios):.3f}-{max(ratios):.3f}){target}", flush=True)


if __name__ == "__main__":
    main()
