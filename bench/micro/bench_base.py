"""What the functions of base/ cost: CPU time a call, over several rounds.

    PYTHONPATH=.:csrc python -m bench.micro.bench_base [rounds]
"""

import random
from collections.abc import Callable

from _pyredis.base import testing as base

from bench.micro.runner import rounds, run_cases

rnd = random.Random(1)
SMALL = [rnd.randrange(1000) for _ in range(1024)]
WIDE = [rnd.randrange(-(2**63), 2**63) >> rnd.randrange(64) for _ in range(1024)]
PRICES = [round(rnd.uniform(0, 1000), 2) for _ in range(1024)]
WHOLE = [float(v) for v in SMALL]
ANY = [rnd.uniform(-1e6, 1e6) for _ in range(1024)]


def texts(values: list[int] | list[float]) -> list[bytes]:
    return [repr(v).encode() for v in values]


CASES: dict[str, tuple[int, Callable[[int], object]]] = {
    **{f"siphash13, {n} bytes": (500_000, lambda count, n=n: base.bench_siphash13(b"k" * n, count))
       for n in (8, 12, 16, 20, 32, 64)},
    "crc16, 16 bytes": (500_000, lambda count: base.bench_crc16(b"k" * 16, count)),
    "crc64, 4096 bytes": (5_000, lambda count: base.bench_crc64(b"k" * 4096, count)),
    "sha1, 100 bytes": (50_000, lambda count: base.bench_sha1(b"k" * 100, count)),
    "format_i64, below 1000": (1_000_000, lambda count: base.bench_format_i64(SMALL, count)),
    "format_i64, any width": (1_000_000, lambda count: base.bench_format_i64(WIDE, count)),
    "parse_i64, below 1000": (1_000_000, lambda count: base.bench_parse_i64(texts(SMALL), count)),
    "parse_i64, any width": (1_000_000, lambda count: base.bench_parse_i64(texts(WIDE), count)),
    "format_double, integers": (500_000, lambda count: base.bench_format_double(WHOLE, count)),
    "format_double, two decimals": (500_000, lambda count: base.bench_format_double(PRICES, count)),
    "format_double, 17 digits": (500_000, lambda count: base.bench_format_double(ANY, count)),
    "parse_double, two decimals": (500_000, lambda count: base.bench_parse_double(texts(PRICES), count)),
    "parse_double, 17 digits": (200_000, lambda count: base.bench_parse_double(texts(ANY), count)),
    "glob user:*, 16 bytes": (500_000, lambda count: base.bench_glob(b"user:*", b"user:00000000001", count)),
    "glob *:*:[0-9]*z, 24 bytes": (
        200_000, lambda count: base.bench_glob(b"*:*:[0-9]*z", b"user:1234:7890123456789z", count)),
    "rand_below 1000": (1_000_000, lambda count: base.bench_rand_below(1000, count)),
    "clock_ticks": (1_000_000, base.bench_ticks),
    "clock_unix_us": (500_000, base.bench_unix_us),
}


if __name__ == "__main__":
    run_cases(CASES, rounds())
