"""Values of every type and form, by the commands that make them: what DUMP, RESTORE and RDB files are tried with."""

import random
from collections.abc import Callable
from typing import Any

Send = Callable[..., Any]
FAR = 4_000_000_000_000                     # a Unix time in ms that does not come
LIMITS = {"list-max-listpack-size": "-2", "list-compress-depth": "0"}


def _list(*elements: Any, depth: int = 0, fill: int = -2) -> Callable[[Send], None]:
    def make(send: Send) -> None:
        send("CONFIG", "SET", "list-compress-depth", depth, "list-max-listpack-size", fill)
        send("RPUSH", "k", *elements)
        for name, value in LIMITS.items():
            send("CONFIG", "SET", name, value)
    return make


def _commands(*lines: Any) -> Callable[[Send], None]:
    def make(send: Send) -> None:
        for line in lines:
            send(*(line.split() if isinstance(line, str) else line))
    return make


def _long_stream(send: Send) -> None:
    for i in range(1, 251):
        send("XADD", "k", f"{i}-{i % 3}", "name", i, *(["more", "abc" * (i % 5)] if i % 7 == 0 else []))
    for i in range(2, 250, 3):
        send("XDEL", "k", f"{i}-{i % 3}")
    send("XTRIM", "k", "MINID", "10")


def _stream_with_groups(send: Send) -> None:
    for i in range(1, 120):
        send("XADD", "k", f"{i}-1", "field", "value")
    send("XGROUP", "CREATE", "k", "all", "0")
    send("XGROUP", "CREATE", "k", "some", "50-1", "ENTRIESREAD", 50)
    for who in ("alice", "bob", "7"):
        send("XREADGROUP", "GROUP", "all", who, "COUNT", 20, "STREAMS", "k", ">")
    send("XCLAIM", "k", "all", "bob", 0, "25-1", "26-1", "2-1")      # a second delivery
    send("XACK", "k", "all", "3-1", "30-1")
    send("XDEL", "k", "4-1", "31-1")


def _random(n: int) -> bytes:
    return random.Random(n).randbytes(n)


STRINGS: dict[str, Any] = {
    **{f"string of {n}": "abcdefgh" * (n // 8) + "x" * (n % 8) for n in (0, 1, 20, 21, 63, 64, 16383, 16384, 300_000)},
    **{f"random string of {n}": _random(n) for n in (1, 63, 64, 16383, 16384, 70_000)},
    **{f"integer {v}": v for bits in (7, 15, 31, 63) for v in (2**bits - 1, -2**bits)},
    **{f"integer {v}": v for bits in (7, 15, 31) for v in (2**bits, -2**bits - 1)},
}

VALUES: dict[str, Callable[[Send], None]] = {
    **{name: _commands(("SET", "k", text)) for name, text in STRINGS.items()},
    "changed digits": _commands("SET k 12", "APPEND k 34"),
    "listpack list": _list("a", 1, -5, "x" * 100, 2**40, ""),
    "quicklist": _list(*(f"element {i}" for i in range(3000))),
    "quicklist of random text": _list(*(_random(i) for i in range(300))),
    "quicklist with plain nodes": _list("a", "b" * 70_000, _random(9000), *range(1000)),
    "compressed quicklist": _list(*(f"element {i}" for i in range(3000)), depth=1),
    "compressed quicklist with plain nodes": _list(*range(3000), "b" * 70_000, *range(3000), depth=2),
    "compressed quicklist of small nodes": _list(*(f"{i} " * 20 for i in range(100)), depth=1, fill=3),
    "intset of 16 bits": _commands("SADD k 1 -2 300"),
    "intset of 64 bits": _commands(f"SADD k 1 {2**40} {-2**63}"),
    "listpack set": _commands("SADD k a 1 -70000 hello", ("SADD", "k", "")),
    "table set": _commands(("SADD", "k", *(f"member {i}" for i in range(300)), *range(300), "x" * 200)),
    "listpack sorted set": _commands("ZADD k 1 a 2.5 b -inf c inf d 1 7 -0 zero"),
    "skiplist": _commands(
        ("ZADD", "k", *(x for i in range(400) for x in (i / 8, f"member {i}")), "-inf", 5, "inf", "")),
    "listpack hash": _commands("HSET k a 1 b two 3 4", ("HSET", "k", "empty", "")),
    "table hash": _commands(("HSET", "k", *(x for i in range(300) for x in (f"field {i}", i)), "long", "v" * 400)),
    "listpack hash with timed fields": _commands("HSET k a 1 b 2 c 3", f"HPEXPIREAT k {FAR} FIELDS 1 c",
                                                 f"HPEXPIREAT k {FAR + 70_000} FIELDS 1 a"),
    "table hash with timed fields": _commands(
        ("HSET", "k", *(x for i in range(300) for x in (f"field {i}", i)), "long", "v" * 400),
        *(("HPEXPIREAT", "k", FAR + i * 1000, "FIELDS", 1, f"field {i}") for i in range(5, 100, 3))),
    "listpack hash that had timed fields": _commands("HSET k a 1 b 2", f"HPEXPIREAT k {FAR} FIELDS 1 a",
                                                     "HPERSIST k FIELDS 1 a"),
    "table hash that had timed fields": _commands(
        ("HSET", "k", "a", 1, "b", "x" * 100), f"HPEXPIREAT k {FAR} FIELDS 1 a", "HPERSIST k FIELDS 1 a"),
    "stream": _commands("XADD k 1-1 a 1 b 2", "XADD k 1-5 a 2 b 3", "XADD k 5-0 other fields"),
    "long stream with deleted entries": _long_stream,
    "stream emptied": _commands("XADD k 9-9 a b", "XDEL k 9-9"),
    "stream never filled": _commands("XGROUP CREATE k g $ MKSTREAM"),
    "stream emptied, with a group": _commands("XADD k 9-9 a b", "XGROUP CREATE k g 0", "XDEL k 9-9"),
    "stream with groups": _stream_with_groups,
    "stream with an idle consumer": _commands("XADD k 1-1 a b", "XGROUP CREATE k g 0",
                                              "XGROUP CREATECONSUMER k g never"),
}

# The oldest Redis that holds the value: 11 is Redis 7.2, 12 is 7.4, which Valkey does not read; all others 10, or 7.0.
VERSIONS = {"stream with an idle consumer": 11, "listpack hash with timed fields": 12,
            "table hash with timed fields": 12}


def facts(call: Send, key: str) -> Any:
    """What reading a value gives, in any server; equal for equal values."""
    kind = call("TYPE", key)
    if kind == "string":
        return call("GET", key)
    if kind == "list":
        return call("LRANGE", key, 0, -1)
    if kind == "set":
        return sorted(call("SMEMBERS", key))
    if kind == "zset":
        flat = call("ZRANGE", key, 0, -1, "WITHSCORES")
        return [(flat[i], float(flat[i + 1])) for i in range(0, len(flat), 2)]
    if kind == "hash":
        flat = call("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2], strict=True))
    return call("XRANGE", key, "-", "+"), _told(call("XINFO", "STREAM", key, "FULL", "COUNT", 0))


def _told(info: list[Any]) -> dict[bytes, Any]:
    """XINFO without how the tree is built, which is no data."""
    fields = dict(zip(info[::2], info[1::2], strict=True))
    fields.pop(b"radix-tree-nodes")
    for group in fields[b"groups"]:
        consumers = group[group.index(b"consumers") + 1]
        for i, consumer in enumerate(consumers):
            consumers[i] = dict(zip(consumer[::2], consumer[1::2], strict=True))
            consumers[i].setdefault(b"active-time", consumers[i][b"seen-time"])      # Redis 7.0 knows of none
    return fields
