"""The listpack: a search, a walk, and building one, by its length and what it holds.

    PYTHONPATH=.:csrc python -m bench.micro.bench_listpack [rounds]
"""

from _pyredis.ds.listpack_testing import BenchListpack

from bench.micro.runner import heading, rounds, show

KINDS = {
    "field:i": lambda i: b"field:%d" % i, "16 bytes": lambda i: b"member:%09d" % i,
    "integers": lambda i: b"%d" % (i * 37), "70 bytes": lambda i: b"%070d." % i,
    "mixed": lambda i: (b"f%d", b"%d", b"name of some length %d", b"-%d000")[i % 4] % i,
}


def main() -> None:
    times = rounds(5)
    heading(f"ns of CPU, {times} rounds")
    for kind, make in KINDS.items():
        for n in (16, 128, 512):
            elements = [make(i) for i in range(n)]
            bench = BenchListpack(elements)
            count = 2_000_000 // n
            show(f"{kind}, {n}: find the last", [bench.find(elements[-1], 0, count) for _ in range(times)])
            show(f"{kind}, {n}: find none, every other",
                 [bench.find(b"field:none", 1, count) for _ in range(times)])
            show(f"{kind}, {n}: get and next, an element", [bench.walk(count) for _ in range(times)])
            show(f"{kind}, {n}: append, an element", [bench.append(count // 10) for _ in range(times)])


if __name__ == "__main__":
    main()
