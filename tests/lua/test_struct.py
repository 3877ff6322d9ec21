"""struct, against its table, against Redis 8, and with formats that lie."""

import random
import struct

import pytest

from tests.lua.sandbox import Run, ask, cases, differences, literal, number, text

TABLE = cases("struct")
SIGNED = "bhli"


@pytest.mark.parametrize(("expression", "outcome"), TABLE)
def test_each_case_of_the_table(here: Run, expression: str, outcome: str) -> None:
    assert ask(here, [expression]) == [outcome]


@pytest.mark.peer
def test_the_table_is_what_redis_answers(there: Run) -> None:
    expressions = [e for e, _ in TABLE]
    assert differences(expressions, [o for _, o in TABLE], ask(there, expressions)) == []


def item(rnd: random.Random) -> str:
    return rnd.choice([
        *"bBhHlLTfdiIxsc <>!", f"i{rnd.randint(0, 34)}", f"I{rnd.randint(0, 17)}", f"c{rnd.randint(0, 6)}",
        f"!{rnd.choice([0, 1, 2, 3, 4, 8, 16, 32, 64])}", "c0", "bc0", "Bc0",
        rnd.choice(["z", "c2147483647", "i99999999999", "%"]),
    ])


def made(seed: int, count: int) -> list[str]:
    """Calls of all three: arguments are numbers and strings, where they fit or not, and data is random."""
    rnd = random.Random(seed)
    asked = []
    for _ in range(count):
        form = literal("".join(item(rnd) for _ in range(rnd.randint(1, 6))).encode())
        args = ", ".join(number(rnd) if rnd.random() < 0.8 else literal(text(rnd)[:9])
                         for _ in range(rnd.randint(1, 7)))
        data = literal(bytes(rnd.choices(b"\0\0\0\1\2\3\4\x7f\x80\xff", k=rnd.choice([0, 3, 12, 40, 120]))))
        asked.append(f"return hex(struct.pack({form}, {args}))")
        asked.append(f"return struct.unpack({form}, {data}{rnd.choice(['', '', ', 1', ', 2', ', 7', ', 0', ', -3'])})")
        asked.append(f"return struct.size({form})")
    return asked


@pytest.mark.peer
def test_random_formats_do_as_in_redis(here: Run, there: Run) -> None:
    asked = made(21, 1500)
    assert differences(asked, ask(here, asked), ask(there, asked)) == []


def test_pythons_struct_packs_and_reads_the_same(here: Run) -> None:
    rnd = random.Random(22)
    for _ in range(200):
        order = rnd.choice("<>")
        form = "".join(rnd.choices("bBhHiIfd", k=rnd.randint(1, 8)))
        data = rnd.randbytes(struct.calcsize(order + form))
        chunk = f"local t = {{struct.unpack('{order}{form}', {literal(data)})}} " \
                f"return struct.pack('{order}{form}', unpack(t))"
        got = here(chunk.encode("latin-1"))
        for a, b in zip(struct.unpack(order + form, got), struct.unpack(order + form, data), strict=True):
            assert a == b or (a != a and b != b)


def test_no_size_of_a_format_can_overflow(here: Run) -> None:
    """What the published overflows used: sizes whose sum wraps, in 32 bits and in 64."""
    huge = ["c2147483647" * 2 + "c3", "c4294967295", "c18446744073709551615", "!8c2147483647d", "i4294967297",
            "c2147483647" * 1000, "bc0" + "c2147483647" * 4]
    for form in huge:
        for call in (f"struct.unpack('{form}', ('\\255'):rep(64))", f"struct.unpack('{form}', ('\\255'):rep(64), 2^31)",
                     f"struct.unpack('{form}', ('\\255'):rep(64), 2^63)", f"struct.pack('{form}', 1, 'a', 'b')"):
            assert ask(here, [call])[0].startswith("error ")


def test_a_size_read_from_data_is_checked_against_what_is_left(here: Run) -> None:
    for bits in (2.0**63, -1.0, 1e19, float("-inf"), float("nan"), -2.0**63, 2.0**32, 5.0):
        data = struct.pack("<d", bits) + b"abcd"
        assert ask(here, [f"return struct.unpack('dc0', {literal(data)})"])[0].endswith('(data string too short)"')
