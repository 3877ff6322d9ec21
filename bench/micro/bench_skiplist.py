"""The skiplist of sorted sets at three sizes, beside a SortedList of tuples.

    PYTHONPATH=.:csrc python -m bench.micro.bench_skiplist [rounds] [members ...]
"""

import random
import sys
import time
from collections.abc import Callable

from _pyredis.ds.skiplist_testing import BenchSkiplist
from sortedcontainers import SortedList

from bench.micro.runner import heading, rounds, show

COUNT = 500_000                 # operations a round
WHOLE = ("insert", "walk", "remove")
SINGLE = ("rank", "at", "before", "rescore")


def one(n: int, times: int) -> None:
    taken: dict[str, list[float]] = {}
    size = 0.0
    for _ in range(times):
        bench = BenchSkiplist(n)
        for name in ("insert", *SINGLE, "walk", "remove"):
            if name == "walk":
                size = bench.bytes
            found = getattr(bench, name)() if name in WHOLE else getattr(bench, name)(COUNT)
            taken.setdefault(name, []).append(found)
    print(f"{n:,} members, {size:.1f} bytes a member besides itself")
    for name, figures in taken.items():
        show(f"    {name}", figures)


def timed(run: Callable[[], object], count: int) -> float:
    began = time.process_time_ns()
    run()
    return (time.process_time_ns() - began) / count


def rival(n: int, times: int) -> None:
    pairs = [(random.random(), b"member:%09d" % i) for i in range(n)]
    inserted, ranked = [], []
    for _ in range(times):
        order = SortedList()
        inserted.append(timed(lambda order=order: [order.add(pair) for pair in pairs], n))
        asked = random.choices(pairs, k=50_000)
        ranked.append(timed(lambda order=order, asked=asked: [order.index(pair) for pair in asked], len(asked)))
    print(f"SortedList of {n:,} tuples")
    show("    insert", inserted)
    show("    rank", ranked)


def main() -> None:
    times = rounds(5)
    heading(f"ns of CPU an operation, {times} rounds")
    for n in [int(word) for word in sys.argv[2:]] or [1000, 100_000, 1_000_000]:
        one(n, times)
    rival(100_000, min(times, 3))


if __name__ == "__main__":
    main()
