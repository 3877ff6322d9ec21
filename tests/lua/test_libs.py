"""What the libraries have in common: nothing is lost or broken when an error, even want of memory, leaves one."""

import random

import pytest
from _pyredis.lua.libs_testing import LuaError

from tests.lua.sandbox import state, value

CALLS = [
    "cjson.encode(%s)", "cjson.decode(cjson.encode(%s))", "cmsgpack.pack(%s)", "cmsgpack.unpack(cmsgpack.pack(%s))",
    "struct.pack('sc0', 'a', cmsgpack.pack(%s))", "struct.unpack('Bc0', '\\255' .. cmsgpack.pack(%s))",
]


def test_a_state_that_is_closed_gives_all_back() -> None:
    lua = state()
    before = lua.collect()
    for call in CALLS:
        lua.run(f"return tostring(pcall(function() return {call % '{1, {a = {}}}'} end))".encode())
        lua.run(f"return tostring(pcall(function() return {call % '{1, print}'} end))".encode())
    assert lua.collect() < before + 10_000


@pytest.mark.parametrize("call", CALLS)
def test_want_of_memory_is_an_error_and_nothing_else(call: str) -> None:
    rnd = random.Random(41)
    lua = state()
    failed = 0
    for i in range(120):
        chunk = f"local v = {value(rnd)} return tostring(pcall(function() return {call % 'v'} end))".encode("latin-1")
        lua.collect()
        lua.limit(300 + 211 * i)
        try:
            lua.run(chunk)
        except LuaError as error:
            assert error.args[0] == b"not enough memory"
            failed += 1
        lua.limit(0)
    assert failed
    assert lua.run(b"return cjson.encode(cmsgpack.unpack(cmsgpack.pack({1, {a = 'x'}})))") == b'[1,{"a":"x"}]'
