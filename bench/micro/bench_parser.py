"""The request parser beside hiredis' Reader, both through Python: objects made and all.

    PYTHONPATH=.:csrc python -m bench.micro.bench_parser [rounds]
"""

import hiredis
from _pyredis.wire.testing import Parsing

from bench.micro.runner import rounds, run_cases
from bench.peers import encode

SHAPES = {"GET": encode("GET", "key:000000001"), "SET, 16 bytes": encode("SET", "key:000000001", "x" * 16),
          "SET, 4 KiB": encode("SET", "key:000000001", "x" * 4096), "MSET, 20 words": encode("MSET", *["word"] * 20)}
BATCH = 100                     # requests a feed


def parse(data: bytes, count: int) -> None:
    parsing, whole = Parsing(), data * BATCH
    for _ in range(max(1, count // BATCH)):
        parsing.feed(whole)


def rival(data: bytes, count: int) -> None:
    reader, whole = hiredis.Reader(), data * BATCH
    for _ in range(max(1, count // BATCH)):
        reader.feed(whole)
        while reader.gets() is not False:
            pass


CASES = {f"{who}, {name}": (20_000, lambda count, run=run, data=data: run(data, count))
         for name, data in SHAPES.items() for who, run in (("parser", parse), ("hiredis Reader", rival))}

if __name__ == "__main__":
    run_cases(CASES, rounds())
