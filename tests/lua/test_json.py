"""cjson, against its table, against Redis 8, and against damaged input."""

import json
import random

import pytest

from tests.lua.sandbox import Run, ask, cases, differences, literal, mutated, state, value

TABLE = cases("json")
SETTINGS = [
    "", "c.encode_sparse_array(true)", "c.encode_sparse_array(true, 1, 3)", "c.encode_invalid_numbers('null')",
    "c.encode_invalid_numbers(true)", "c.encode_number_precision(5)", "c.encode_keep_buffer(false)",
    "c.encode_max_depth(3)", "c.decode_max_depth(2)", "c.decode_invalid_numbers(false)",
]
TEXTS = [
    b'{"a":[1,2.5,-3e2,true,false,null,"x\\u00e9\\ud834\\udd1e"],"":{"b":{}}}',
    b'[[],[[]],{"k":[{}]},"\\"\\\\\\/\\b\\n"]',
    b"-0.5e-3", b"123456789012345678", b'"plain"', b' [ 1 , nan , -inf , 0x1F , +5 ] ', b'{"\\u0041":"\\u20ac"}',
    b"[" * 20 + b"]" * 20, b'[true,false,null,"\xff\xfe",1e400,007]',
]
ALPHABET = b'[]{},:"\\u0123456789abcdefdDtrnlsx+-.eE \n\0'


@pytest.mark.parametrize(("expression", "outcome"), TABLE)
def test_each_case_of_the_table(here: Run, expression: str, outcome: str) -> None:
    assert ask(here, [expression]) == [outcome]


@pytest.mark.peer
def test_the_table_is_what_redis_answers(there: Run) -> None:
    expressions = [e for e, _ in TABLE]
    assert differences(expressions, [o for _, o in TABLE], ask(there, expressions)) == []


def values(seed: int, count: int) -> list[str]:
    rnd = random.Random(seed)
    return [f"local c, v = cjson.new(), {value(rnd)} {rnd.choice(SETTINGS)} local s = c.encode(v) return s, c.decode(s)"
            for _ in range(count)]


def texts(seed: int, count: int) -> list[str]:
    rnd = random.Random(seed)
    return [f"local c = cjson.new() {rnd.choice(['', '', '', *SETTINGS[-2:]])} "
            f"return c.decode({literal(mutated(rnd, rnd.choice(TEXTS), ALPHABET))})" for _ in range(count)]


@pytest.mark.peer
def test_random_values_are_written_as_redis_writes_them_and_read_again(here: Run, there: Run) -> None:
    asked = values(1, 1200)
    assert differences(asked, ask(here, asked), ask(there, asked)) == []


@pytest.mark.peer
def test_damaged_texts_are_read_or_refused_as_redis_does(here: Run, there: Run) -> None:
    asked = texts(2, 4000)
    assert differences(asked, ask(here, asked), ask(there, asked)) == []


def test_what_python_writes_is_read_as_it_was_meant(here: Run) -> None:
    rnd = random.Random(3)
    for _ in range(300):
        word = "".join(map(chr, rnd.choices(range(1, 0xd7ff), k=9)))
        meant = [rnd.uniform(-1e9, 1e9), rnd.randint(-10**14, 10**14), word,
                 {"k" * rnd.randint(1, 300): [True, False, {"": [1]}]}]
        chunk = f"return cjson.encode(cjson.decode({literal(json.dumps(meant).encode())}))"
        got = json.loads(here(chunk.encode()))
        assert got[0] == pytest.approx(meant[0], rel=1e-13)
        assert got[1:] == meant[1:]


def test_no_depth_of_input_overflows_a_stack(here: Run) -> None:
    for text in (b"[", b'{"a":', b'[{"":', b"[[1],", b'{"a":[{},'):
        chunk = b"local c = cjson.new() c.decode_max_depth(2^31-1) " \
                b"local ok, e = pcall(c.decode, (%s):rep(300000)) return e"
        assert b"Found too many nested data structures" in here(chunk % literal(text).encode("latin-1"))


def test_no_depth_of_tables_overflows_a_stack(here: Run) -> None:
    for one in ("{t}", "{a=t}", "{{}, t}", "{[{t}]=1}"):
        chunk = f"local c, t = cjson.new(), {{}} c.encode_max_depth(2^31-1) for i = 1, 300000 do t = {one} end " \
                "local ok, e = pcall(c.encode, t) return e"
        assert b"Cannot serialise" in here(chunk.encode())


def test_many_strings_with_escapes_are_read_in_linear_time(here: Run) -> None:
    """Each is unescaped in place of the last: quadratic work on 4 MB would take minutes."""
    chunk = rb"""local s = '[' .. ('"\\n",'):rep(800000) .. '1]' return tostring(#cjson.decode(s))"""
    assert here(chunk) == b"800001"


def test_a_large_buffer_is_not_kept() -> None:
    lua = state()
    lua.run(b"return cjson.encode('x')")
    before = lua.collect()
    assert lua.run(rb"return tostring(#cjson.encode(('\1'):rep(2^20)))") == b"6291458"
    lua.run(rb"return tostring(#cjson.decode('\"\\n' .. ('x'):rep(2^20) .. '\"'))")
    lua.run(rb"return tostring(pcall(cjson.decode, '\"' .. ('x'):rep(2^20)))")
    for _ in range(5):                     # Lua's own buffer, of concatenations, halves in each
        after = lua.collect()
    assert after < before + 100_000
