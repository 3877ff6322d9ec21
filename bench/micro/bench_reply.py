"""The reply buffer beside hiredis.pack_command and plain bytes formatting, all called from Python.

    PYTHONPATH=.:csrc python -m bench.micro.bench_reply [rounds]
"""

import hiredis
from _pyredis.wire.testing import Reply

from bench.micro.runner import rounds, run_cases

WORD = b"x" * 16


def bulks(count: int) -> None:
    reply = Reply()
    for i in range(count):
        reply.bulk(WORD)
        if i % 500 == 499:
            reply.take_all()


def integers(count: int) -> None:
    reply = Reply()
    for i in range(count):
        reply.integer(i)
        if i % 500 == 499:
            reply.take_all()


def arrays(count: int) -> None:
    reply = Reply()
    for i in range(count):
        reply.array(3)
        reply.bulk(WORD)
        reply.bulk(WORD)
        reply.bulk(WORD)
        if i % 100 == 99:
            reply.take_all()


def packed(count: int) -> None:
    for _ in range(count):
        hiredis.pack_command((WORD, WORD, WORD))


def formatted(count: int) -> None:
    for _ in range(count):
        b"$%d\r\n%b\r\n" % (len(WORD), WORD)


CASES = {"reply, bulk of 16 bytes": (200_000, bulks), "Python %, bulk of 16 bytes": (200_000, formatted),
         "reply, integer": (200_000, integers), "reply, array of 3 bulks": (100_000, arrays),
         "hiredis.pack_command, 3 words": (100_000, packed)}

if __name__ == "__main__":
    run_cases(CASES, rounds())
