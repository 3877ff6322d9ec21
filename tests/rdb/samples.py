"""Values of every type and encoding, in small, for any server: live tests ask it for DUMP, and the fuzzer's corpus was
made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Call = Callable[..., Any]


def pairs(n: int, field: str, value: str) -> list[str]:
    return [word for i in range(n) for word in (f"{field}{i}", f"{value}{i}")]


def fill_strings(call: Call) -> None:
    for name, value in {"empty": b"", "int": -7, "int16": 31000, "int32": -2_000_000_000, "int64": 2**62,
                        "zero padded": b"007", "binary": bytes(range(256)), "short": b"hello", "packed": b"ab" * 400,
                        "long": b"0123456789abcdef" * 300, "poor": bytes(i * i * 7 & 255 for i in range(300))}.items():
        call("SET", f"string {name}", value)
    call("PFADD", "string hll", *range(50))


def fill_lists(call: Call) -> None:
    call("RPUSH", "list small", *range(-3, 5), "a", "b" * 70, 2**40, "")
    call("RPUSH", "list nodes", *[f"item {i} " * 5 for i in range(400)])
    call("RPUSH", "list numbers", *range(0, 90_000, 13))
    call("RPUSH", "list plain", "a", "x" * 9000, "b", "yz" * 5000)


def fill_sets(call: Call) -> None:
    call("SADD", "set ints", 1, 2, 3, -300)
    call("SADD", "set wide", 1, 2**20, -2**30)
    call("SADD", "set widest", 1, 2**40)
    call("SADD", "set small", "a", "b", 7, "c" * 40)
    call("SADD", "set table", *[f"m{i}" for i in range(140)])
    call("SADD", "set long", "a", "x" * 70, 5)
    call("SADD", "set many ints", *range(600))


def fill_sorted_sets(call: Call) -> None:
    call("ZADD", "zset small", 1, "a", 1, "b", 2.5, "c", "inf", "d", "-inf", "e", 1e300, "f", 7, 8)
    call("ZADD", "zset table", *[word for i in range(140) for word in (i * 0.37 - 5, f"m{i}")])
    call("ZADD", "zset long", 1, "a", -0.1, "x" * 70)


def fill_hashes(call: Call) -> None:
    call("HSET", "hash small", "a", 1, "b", "x" * 40, "", "", "7", "-9000")
    call("HSET", "hash table", *pairs(530, "f", "v"))
    call("HSET", "hash long", "a", "x" * 100, "y" * 300, "b")


def fill_timed_hashes(call: Call, at: int) -> None:
    """Needs Redis 7.4 or Valkey 9."""
    call("HSET", "timed small", *pairs(9, "f", "v"))
    call("HPEXPIREAT", "timed small", at, "FIELDS", 2, "f3", "f1")
    call("HPEXPIREAT", "timed small", at + 1000, "FIELDS", 1, "f7")
    call("HSET", "timed table", *pairs(530, "f", "v"))
    call("HPEXPIREAT", "timed table", at, "FIELDS", 3, "f3", "f1", "f500")
    call("HPEXPIREAT", "timed table", at + 12345, "FIELDS", 1, "f7")
    call("HSET", "timed long", "a", "x" * 100, "b", "c")
    call("HPEXPIREAT", "timed long", at, "FIELDS", 1, "a")


def fill_streams(call: Call) -> None:
    for i in range(130):
        call("XADD", "stream", f"{i // 10 + 1}-{i % 10 + 1}", "name", i, "value", f"v{i}")
    call("XADD", "stream", "5000-1", "other", "x" * 100)
    call("XADD", "stream", "5000-18446744073709551615", "name", "a", "value", "b")
    call("XDEL", "stream", "3-3", "3-4", "13-10")
    call("XGROUP", "CREATE", "stream", "g", "0")
    call("XREADGROUP", "GROUP", "g", "c1", "COUNT", 10, "STREAMS", "stream", ">")
    call("XREADGROUP", "GROUP", "g", "c2", "COUNT", 5, "STREAMS", "stream", ">")
    call("XGROUP", "CREATECONSUMER", "stream", "g", "idle")
    call("XGROUP", "CREATE", "stream", "g2", "$")
    call("XADD", "stream emptied", "1-1", "a", "b")
    call("XDEL", "stream emptied", "1-1")
    call("XADD", "stream small", "7-0", "a", "b", "c", "d")
    call("XADD", "stream small", "7-1", "a", 1, "c", -70000)
    call("XGROUP", "CREATE", "stream small", "g", "7-0")
    call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream small", ">")
    call("XADD", "stream trimmed", "1-1", "a", "b")
    call("XADD", "stream trimmed", "1-2", "a", "c")
    call("XTRIM", "stream trimmed", "MAXLEN", 1)


def fill(call: Call, timed_at: int = 0) -> None:
    """Everything; hashes with expiries only with a time for them, Unix ms."""
    fill_strings(call)
    fill_lists(call)
    fill_sets(call)
    fill_sorted_sets(call)
    fill_hashes(call)
    fill_streams(call)
    if timed_at:
        fill_timed_hashes(call, timed_at)
