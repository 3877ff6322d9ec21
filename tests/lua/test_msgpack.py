"""cmsgpack, against its table, against Redis 8, and against hostile input."""

import random

import pytest

from tests.lua.sandbox import Run, ask, cases, differences, literal, mutated, state, value

TABLE = cases("msgpack")
FORMS = bytes(range(0xc0, 0x100)) + b"\x00\x01\x7f\x80\x81\x82\x8f\x90\x91\x93\x9f\xa0\xa1\xa5\xbf\xff"


@pytest.mark.parametrize(("expression", "outcome"), TABLE)
def test_each_case_of_the_table(here: Run, expression: str, outcome: str) -> None:
    assert ask(here, [expression]) == [outcome]


@pytest.mark.peer
def test_the_table_is_what_redis_answers(there: Run) -> None:
    expressions = [e for e, _ in TABLE]
    assert differences(expressions, [o for _, o in TABLE], ask(there, expressions)) == []


def values(seed: int, count: int) -> list[str]:
    rnd = random.Random(seed)
    return [f"local s = cmsgpack.pack({', '.join(value(rnd) for _ in range(rnd.choice([1, 1, 1, 3])))}) "
            "return hex(s), cmsgpack.unpack(s)" for _ in range(count)]


def packed(run: Run, seed: int, count: int) -> list[bytes]:
    rnd = random.Random(seed)
    return [run(f"return cmsgpack.pack({value(rnd)})".encode("latin-1")) for _ in range(count)]


def inputs(run: Run, seed: int, count: int) -> list[str]:
    """Calls of the three readers with damaged, and with entirely random, input."""
    rnd = random.Random(seed)
    good = packed(run, seed, 200)
    asked = []
    for _ in range(count):
        noise = bytes(rnd.choices(FORMS, k=rnd.randrange(40)))
        data = mutated(rnd, rnd.choice(good), FORMS) if rnd.random() < 0.8 else noise
        call = rnd.choice(["unpack(%s)", "unpack_one(%s, {0})", "unpack_limit(%s, {1}, {0})", "unpack(%s)"])
        asked.append("return cmsgpack." + (call.format(rnd.randint(-1, 9), rnd.randint(-1, 5)) % literal(data)))
    return asked


@pytest.mark.peer
def test_random_values_are_written_as_redis_writes_them_and_read_again(here: Run, there: Run) -> None:
    asked = values(11, 1200)
    assert differences(asked, ask(here, asked), ask(there, asked)) == []


@pytest.mark.peer
def test_damaged_input_is_read_or_refused_as_redis_does(here: Run, there: Run) -> None:
    asked = inputs(here, 12, 3000)
    assert differences(asked, ask(here, asked), ask(there, asked)) == []


def test_no_depth_of_input_overflows_a_stack(here: Run) -> None:
    for data in (b"\x91", b"\x81", b"\x81\x01", b"\x92\x91", b"\xdc\x00\x01", b"\xdf\x00\x00\x00\x01", b"\x82\x01\x02"):
        outcome = ask(here, [f"return cmsgpack.unpack(({literal(data)}):rep(300000))"])[0]
        assert outcome.startswith('error "@ stack overflow (')


def test_a_header_that_lies_about_its_length_costs_nothing() -> None:
    """Four billion elements, strings of four gigabytes: no more memory than the input has."""
    lua = state()
    lua.run(b"return tostring(cmsgpack.unpack('\\1'))")
    lua.collect()
    lua.limit(200_000)
    for head in (b"\xdd", b"\xdf", b"\xdb"):
        chunk = f"return select(2, pcall(cmsgpack.unpack, {literal(head + bytes([255] * 4))} .. ('\\1'):rep(100)))"
        assert lua.run(chunk.encode("latin-1")).endswith(b"Missing bytes in input.")


def test_tables_below_the_sixteenth_level_are_nil(here: Run) -> None:
    deep = "local t = 1 for i = 1, 200 do t = {t} end return P(t)"
    assert ask(here, [deep]) == ['ok "' + "91" * 16 + 'c0"']
