"""The radix tree of stream IDs, by how IDs follow each other, for values of 0, 8 and 24 bytes.

    PYTHONPATH=.:csrc python -m bench.micro.bench_rax [rounds] [IDs ...]
"""

import random
import statistics
import sys
from collections.abc import Callable

from _pyredis.ds.rax_testing import BenchRax

from bench.micro.runner import rounds

COUNT = 200_000                 # look-ups a round
STRIDE = 379_721                # prime, and so without a common divisor with the numbers of IDs
NOW = 1_790_000_000_000
Id = tuple[int, int]


def _random(n: int) -> list[Id]:
    source = random.Random(1)
    return [(source.getrandbits(64), source.getrandbits(64)) for _ in range(n)]


def _uneven(n: int) -> list[Id]:
    source, ms = random.Random(2), NOW
    return [((ms := ms + source.randrange(2000)), source.randrange(3)) for _ in range(n)]


PATTERNS: dict[str, Callable[[int], list[Id]]] = {
    "one a ms": lambda n: [(NOW + i, 0) for i in range(n)],
    "20 a ms": lambda n: [(NOW + i // 20, i % 20) for i in range(n)],
    "one a second": lambda n: [(NOW + i * 1000, 0) for i in range(n)],
    "every second or so": lambda n: sorted(set(_uneven(n + n // 100)))[:n],
    "1-0, 2-0 ...": lambda n: [(i + 1, 0) for i in range(n)],
    "random": _random,
}


def one(pattern: str, n: int, width: int, times: int) -> None:
    ids = PATTERNS[pattern](n)
    taken: dict[str, list[float]] = {}
    size = 0.0
    for _ in range(times * max(1, 50_000 // n)):
        bench = BenchRax(ids, width)
        taken.setdefault("insert", []).append(bench.insert())
        size = bench.bytes
        taken.setdefault("find", []).append(bench.find(min(COUNT, n * 10), STRIDE))
        taken.setdefault("floor", []).append(bench.floor(min(COUNT, n * 10), STRIDE))
        taken.setdefault("walk", []).append(bench.walk())
        taken.setdefault("front", []).append(bench.delete(1))
        bench.insert()
        taken.setdefault("anywhere", []).append(bench.delete(STRIDE))
    figures = "".join(f"{statistics.median(t):9.1f}" for t in taken.values())
    print(f"{pattern:20}{n:>10,}{width:>4}{figures}{size:9.2f}", flush=True)


def main() -> None:
    times = rounds(5)
    print(f"median ns of CPU an operation, {times} rounds; bytes an ID\n"
          f"{'IDs':20}{'':>10}{'w':>4}{'insert':>9}{'find':>9}{'floor':>9}{'walk':>9}{'del front':>9}"
          f"{'del any':>9}{'bytes':>9}")
    for n in [int(word) for word in sys.argv[2:]] or [1000, 1_000_000]:
        for pattern in PATTERNS:
            for width in (0, 8, 24):
                one(pattern, n, width, times)


if __name__ == "__main__":
    main()
