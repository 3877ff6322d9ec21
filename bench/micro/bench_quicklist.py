"""The quicklist of lists: what its commands do to it, without the server around.

    PYTHONPATH=.:csrc python -m bench.micro.bench_quicklist [rounds]
"""

from _pyredis.ds.quicklist_testing import BenchQuicklist

from bench.micro.runner import Cases, rounds, run_cases

LENGTH = 100_000


def cases() -> Cases:
    growing = BenchQuicklist(LENGTH)
    still = BenchQuicklist(LENGTH)
    return {
        "push at the head": (200_000, growing.push),
        "pop at the tail": (200_000, growing.pop),
        "push and pop": (1_000_000, still.queue),
        "a range of 100": (20_000, still.range),
        "the middle one": (5_000, still.index),
        "insert at the 300th": (200_000, still.insert),
        "search in vain": (200, still.find),
    }


def main() -> None:
    run_cases(cases(), rounds(15))


if __name__ == "__main__":
    main()
