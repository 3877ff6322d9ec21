"""Payloads of RESTORE, spoilt: the corpus, and the loop over it. The work is done in _pyredis.payload_testing.

    python -m tests.fuzz.payloads COUNT [SEED]      so many spoilt payloads (make fuzz-payloads COUNT=1000000)
    python -m tests.fuzz.payloads --corpus          asks the real servers for the corpus anew

The corpus (tests/fuzz/corpus/<server>.json: name -> base64 of type byte, value and version) are values of every type
and encoding, as the real servers dump them; what only older servers wrote is built here. A failure names the seed
and number, with which it can be had again, and the payload.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import struct
import sys
import time
from pathlib import Path

from _pyredis.payload_testing import PayloadFuzzer

from pyredis.config import Config
from pyredis.server import Server
from tests.rdb import rdbfile as rdb
from tests.session import START_US, R, encode

CORPUS = Path(__file__).parent / "corpus"
CHUNK = 10_000
TIMED_AT = 4_000_000_000_000         # Unix ms at which fields of the corpus end
FIXTURES = Path(__file__).parent.parent / "fixtures"

PROBES = [                           # by type: string, list, set, sorted set, hash, stream
    """GET k; STRLEN k; GETRANGE k 1 -2; BITCOUNT k; BITPOS k 1; PFCOUNT k; INCR k; APPEND k xyz; SETRANGE k 2 ab;
       SETBIT k 77 1; GETDEL k2; PFADD k a b c""",
    """LRANGE k 0 -1; LLEN k; LINDEX k 0; LINDEX k -1; LINDEX k 3; LPOS k a; LPOS k 7 RANK -1; RPUSH k a 12;
       LPUSH k b 300; LINSERT k AFTER a c; LINSERT k BEFORE 12 longer-than-the-one-before; LSET k 1 new; LSET k -2 -5;
       LREM k 1 a; LREM k -1 7; LRANGE k -100 100; LTRIM k 1 -2; RPOP k; LPOP k 2; LMOVE k k LEFT RIGHT;
       LRANGE k 0 -1""",
    """SMEMBERS k; SCARD k; SISMEMBER k a; SMISMEMBER k 1 b 2; SRANDMEMBER k 3; SRANDMEMBER k -5; SSCAN k 0; SADD k a;
       SADD k 12345678901; SREM k a 1 7; SINTER k k; SUNIONSTORE k3 k; SPOP k; SPOP k 2; SADD k z; SMEMBERS k""",
    """ZRANGE k 0 -1 WITHSCORES; ZCARD k; ZSCORE k a; ZRANK k b; ZREVRANK k a WITHSCORE; ZCOUNT k 0 5;
       ZRANGEBYSCORE k -inf 3 LIMIT 1 2; ZREVRANGEBYSCORE k +inf (1; ZLEXCOUNT k - +; ZRANDMEMBER k 3; ZSCAN k 0;
       ZADD k 1.5 a 3 new -7 b; ZINCRBY k 2 a; ZREM k c; ZUNIONSTORE k3 2 k k; ZPOPMIN k; ZPOPMAX k 2;
       ZREMRANGEBYRANK k 0 1; ZREMRANGEBYSCORE k 0 1; ZRANGE k 0 -1 REV""",
    """HGETALL k; HLEN k; HGET k a; HSTRLEN k b; HEXISTS k f3; HRANDFIELD k 3 WITHVALUES; HRANDFIELD k -4; HSCAN k 0;
       HPTTL k FIELDS 2 f1 f3; HSET k a 1 f3 x new y; HINCRBY k a 5; HDEL k b f1; HPEXPIRE k 100000 FIELDS 2 a f7;
       HPERSIST k FIELDS 1 f7; HPEXPIREAT k 1 FIELDS 1 f3; HSET k long-value-of-a-field """ + "x" * 80
    + "; HGETALL k; HLEN k",
    """XRANGE k - +; XREVRANGE k + - COUNT 5; XLEN k; XINFO STREAM k FULL; XINFO GROUPS k; XINFO CONSUMERS k g;
       XPENDING k g; XPENDING k g - + 10; XREADGROUP GROUP g c1 COUNT 3 STREAMS k >;
       XREADGROUP GROUP g c1 STREAMS k 0;
       XCLAIM k g c2 0 1-1 1-2; XAUTOCLAIM k g c3 0 0 COUNT 5; XACK k g 1-1 2-2; XDEL k 1-2 2-1; XADD k * a b c d;
       XADD k * name x; XTRIM k MAXLEN 20; XREVRANGE k + -; XGROUP SETID k g 2-1; XGROUP DELCONSUMER k g c1;
       XTRIM k MINID 5-0; XRANGE k - + COUNT 100; XGROUP DESTROY k g; XINFO STREAM k""",
]
AFTER = "COPY k k2; TYPE k; OBJECT ENCODING k; DUMP k; EXPIRE k 100; PERSIST k; DEL k2 k3"


def old_values() -> dict[str, bytes]:
    """Types that no server writes any more."""
    words = [b"a", b"1", b"b", b"x" * 70, b"c", b"-12"]
    numbers = [0, 12, 13, -1, 127, 300, -70_000, 8_000_000, 2**31 - 1, -2**40, b"text", b"", b"y" * 70, b"z" * 300]
    entry = [1, 0, 1, b"f", 0, 2, 0, 0, b"v", 4]
    node = rdb.string(rdb.stream_id(5, 1)) + rdb.string(rdb.listpack(*entry))
    many = 2**64 - 1
    return {
        "list": b"\1" + rdb.length(3) + rdb.strings(b"a", b"12", b"x" * 100),
        "set": b"\2" + rdb.length(3) + rdb.strings(b"a", b"12", b"x" * 30),
        "zset": b"\3" + rdb.length(4) + b"\1a\3" + b"1.5" + b"\1b\xfe" + b"\1c\xff" + b"\1d\1" + b"7",
        "hash": b"\4" + rdb.length(3) + rdb.strings(*words),
        "zipmap": b"\x09" + rdb.string(rdb.zipmap(*words, free=2)),
        "list ziplist": b"\x0a" + rdb.string(rdb.ziplist(*numbers)),
        "zset ziplist": b"\x0c" + rdb.string(rdb.ziplist(b"a", -1, b"b", b"0.5", b"c", 300)),
        "hash ziplist": b"\x0d" + rdb.string(rdb.ziplist(b"a", 1, b"b", b"x" * 300, 7, b"seven")),
        "quicklist": b"\x0e" + rdb.length(2) + rdb.strings(rdb.ziplist(*numbers), rdb.ziplist(b"last")),
        "stream": b"\x0f" + rdb.length(1) + node + rdb.length(1) + rdb.length(5) + rdb.length(1) + rdb.length(1)
        + rdb.string(b"g") + rdb.length(5) + rdb.length(1) + rdb.length(1) + rdb.stream_id(5, 1) + rdb.ms(1000)
        + rdb.length(2) + rdb.length(1) + rdb.string(b"c1") + rdb.ms(1000) + rdb.length(1) + rdb.stream_id(5, 1),
        "stream 2": b"\x13" + rdb.length(1) + node + b"".join(map(rdb.length, [1, 5, 1, 5, 1, 0, 0, 1, 1]))
        + rdb.string(b"g") + rdb.length(5) + rdb.length(1) + rdb.length(many) + rdb.length(0) * 2,
        "timed listpack": b"\x17" + rdb.string(rdb.listpack(b"f1", b"v", TIMED_AT, b"f3", 7, 0)),
        "timed pre": b"\x16" + rdb.length(2) + rdb.length(TIMED_AT) + rdb.strings(b"f1", b"v") + rdb.length(0)
        + rdb.strings(b"f3", b"w"),
        "list nodes": b"\x12" + rdb.length(3) + b"\2" + rdb.string(rdb.listpack(*numbers)) + b"\1"
        + rdb.string(b"p" * 90) + b"\2" + rdb.string(rdb.listpack(1, 2, 3)),
    }


def corpus() -> list[bytes]:
    """Type byte, value, version (u16)."""
    found = [body + struct.pack("<H", 11) for body in old_values().values()]
    for path in sorted(CORPUS.glob("*.json")):
        found += map(base64.b64decode, json.loads(path.read_text()).values())
    return found


def probes() -> list[bytes]:
    return [b"".join(encode(*words.split()) for words in f"{text}; {AFTER}".split(";")) for text in PROBES]


def fuzzer() -> PayloadFuzzer:
    """On a server of its own, whose clock stands still."""
    client = R(Server(Config(), seed=bytes(range(16))))
    client.session.set_clock(START_US)
    return PayloadFuzzer(client.server.core, corpus(), probes())


def hunt(count: int, seed: int = 0, seconds: float = 1.0, report: bool = False) -> dict[str, int]:
    """Tries `count` payloads, in chunks with a seed each; its statistics. Raises AssertionError."""
    f = fuzzer()
    f.run(0, 2000)
    began, settled = time.monotonic(), f.stats["memory"]
    for chunk in range(-(-count // CHUNK)):
        if report:
            print(f"seed {seed + chunk}: {f.stats}, {time.monotonic() - began:.0f} s", flush=True)
        wrong = f.run(seed + chunk, min(CHUNK, count - chunk * CHUNK), seconds=seconds)
        assert wrong is None, f"seed {seed + chunk}, {wrong[:3]}: {wrong[3]!r}"
        assert f.stats["memory"] < settled + 65_536, f"seed {seed + chunk}: memory is lost"
    return f.stats


def gather() -> None:
    """Writes the corpus."""
    from bench import peers
    from tests.rdb.samples import fill
    for name in peers.PEERS:
        with peers.start(name) as server:
            fill(server.call, 0 if name == "redis7" else TIMED_AT)
            dumps = {key.decode(): server.call("DUMP", key)[:-8] for key in sorted(server.call("KEYS", "*"))}
        text = json.dumps({key: base64.b64encode(dump).decode() for key, dump in dumps.items()}, indent=0)
        (CORPUS / f"{name}.json").write_text(text + "\n")
    values = rdb.Walk((FIXTURES / "redis-6.2" / "dump.rdb").read_bytes()).values()
    small = {value.key.decode(errors="replace"): base64.b64encode(value.body + b"\x09\0").decode()
             for value in values if len(value.body) < 4000}
    (CORPUS / "redis6.json").write_text(json.dumps(small, indent=0) + "\n")


def keep_within(megabytes: int = 256) -> None:
    """Who takes more memory from here on ends the process. A sanitizer has a limit of its own (see the Makefile)."""
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    if sys.argv[1] == "--corpus":
        gather()
    else:
        keep_within()
        print(hunt(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, report=True))
