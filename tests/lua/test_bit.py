"""bit, against its table, against Redis 8, and against Python's integers."""

import random

import pytest

from tests.lua.sandbox import Run, ask, cases, differences, number

TABLE = cases("bit")
MANY = ["band", "bor", "bxor"]
SHIFTS = ["lshift", "rshift", "arshift", "rol", "ror"]
ONE = ["tobit", "bnot", "bswap", "tohex"]


@pytest.mark.parametrize(("expression", "outcome"), TABLE)
def test_each_case_of_the_table(here: Run, expression: str, outcome: str) -> None:
    assert ask(here, [expression]) == [outcome]


@pytest.mark.peer
def test_the_table_is_what_redis_answers(there: Run) -> None:
    expressions = [e for e, _ in TABLE]
    assert differences(expressions, [o for _, o in TABLE], ask(there, expressions)) == []


@pytest.mark.peer
def test_random_operations_do_as_in_redis(here: Run, there: Run) -> None:
    rnd = random.Random(31)
    asked = [f"return bit.{name}({', '.join(number(rnd) for _ in range(n))})" for _ in range(250)
             for name, n in [*((m, rnd.randint(1, 4)) for m in MANY), *((s, 2) for s in SHIFTS),
                             *((o, 1) for o in ONE), ("tohex", 2)]]
    assert differences(asked, ask(here, asked), ask(there, asked)) == []


def signed(v: int) -> int:
    v &= 0xffffffff
    return v - (1 << 32) if v >> 31 else v


def test_integers_of_any_size_are_taken_modulo_two_to_the_32(here: Run) -> None:
    rnd = random.Random(32)
    numbers = [rnd.randint(-2**51, 2**51) >> rnd.randint(0, 51) for _ in range(400)]
    expected = [f"ok {signed(v)} {signed(~v)} {signed(v & 0xff00ff)} {signed(v << 5)} {signed((v & 0xffffffff) >> 7)}"
                for v in numbers]
    asked = [f"return bit.tobit({v}), bit.bnot({v}), bit.band({v}, 0xff00ff), bit.lshift({v}, 5), bit.rshift({v}, 7)"
             for v in numbers]
    assert ask(here, asked) == expected
