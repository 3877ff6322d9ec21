"""The slab arena beside malloc: free the oldest of many blocks and allocate another.

    PYTHONPATH=.:csrc python -m bench.micro.bench_mem [rounds]
"""

from _pyredis.base import testing as base

from bench.micro.runner import rounds, run_cases

CASES = {
    f"{name}, {n} bytes, {live:,} live":
        (500_000, lambda count, run=run, n=n, live=live: run(n, live, count))
    for n in (16, 40, 200, 1000) for live in (100, 100_000)
    for name, run in (("arena", base.bench_mem), ("malloc", base.bench_malloc))
}

if __name__ == "__main__":
    run_cases(CASES, rounds())
