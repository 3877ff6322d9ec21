"""The hash table by its size between two powers of two, beside a doubling table of the same buckets and a dict.

    PYTHONPATH=.:csrc python -m bench.micro.bench_dict [rounds] [million entries ...]

"doubling" has all the buckets up to the next power of two from the start, which is how such a table looks
right after it has doubled: its look-ups are measured, and its bytes; its moves at the doubling are not.
"""

import math
import sys
import time

from _pyredis.ds.testing import BenchDict

from bench.micro.runner import heading, rounds, show

LOAD = 5.75                     # entries a bucket, of ds/dict
COUNT = 2_000_000               # look-ups a round


def sizes(millions: list[float]) -> list[int]:
    """Entries that fill 1, 1.25, 1.5 and 1.75 times a power of two of buckets."""
    found = []
    for million in millions:
        power = 2 ** round(math.log2(million * 1e6 / LOAD))
        found += [int(power * part * LOAD) - 1 for part in (1, 1.25, 1.5, 1.75)]
    return found


def one(n: int, times: int) -> None:
    for kind in ("linear", "doubling"):
        built, insert = None, []
        for _ in range(min(times, 3)):
            built = None
            built = BenchDict(n)
            if kind == "doubling":
                built.reserve(int(2 ** math.ceil(math.log2(n / LOAD)) * LOAD))
            insert.append(built.insert_to(n))
        name = f"{kind}, {n:,}, {built.bytes / n:.1f} bytes a key"
        show(f"{name}: insert", insert)
        show("    find", [built.find(COUNT, False) for _ in range(times)])
        show("    find, 32 prefetched", [built.find(COUNT, True) for _ in range(times)])


def rival(n: int, times: int) -> None:
    began = time.process_time_ns()
    table = {i: i for i in range(n)}
    insert = (time.process_time_ns() - began) / n
    show(f"Python dict, {n:,}, {sys.getsizeof(table) / n:.1f} bytes a key: insert", [insert])


def main() -> None:
    times = rounds(5)
    millions = [float(word) for word in sys.argv[2:]] or [1, 8]
    heading(f"ns of CPU an operation, {times} rounds")
    for n in sizes(millions):
        one(n, times)
    rival(1_000_000, times)
    stalls = []
    for _ in range(3):
        stalls.append(BenchDict(8_000_000).longest_insert_to(8_000_000) / 1000)
    show("longest single insert up to 8 M, us", stalls)


if __name__ == "__main__":
    main()
