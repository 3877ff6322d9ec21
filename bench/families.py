"""families -- what the servers are asked to do with lists, sets, hashes, sorted sets and streams, as data.

A Step is one command at one depth of pipeline over one collection, which is made anew before every run: what a
push finds is empty, what a pop finds is as long as the run has requests. A Large is a single command over much
data, of which the server's processor time is read. A Holding is a shape of which the bytes are counted.

Targets are the most that pyredis may take of the better peer's: of each Step CEILING, of all of them together
(their geometric mean) MEAN, of a Burst (commands that belong together, which redis-benchmark cannot send) MEAN too,
of a Large or a Holding 1.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from bench import peers

CEILING, MEAN = 0.9, 0.6
BATCH = 500                         # elements a filling command carries
MILLION = 1_000_000
ELEMENT = "element:__rand_int__"
DEGREES = "__rand_int__e-4"         # 0 to 10, of numbers below 100,000
VALUE = "xxxxxxxxxxxxxxxx"

Arguments = Callable[[int], list[str]]              # of the n-th element, as the filling command takes it


def member(n: int) -> list[str]:
    return [f"element:{n:012d}"]


def pair(n: int) -> list[str]:
    return [f"element:{n:012d}", VALUE]


def scored(n: int) -> list[str]:
    return [str(n * 7919 % 1_000_003), f"element:{n:012d}"]


def placed(n: int) -> list[str]:
    return [f"{n * 7919 % 1_000_003 / 100_001:.6f}", f"{n * 6007 % 999_983 / 100_001:.6f}", f"element:{n:012d}"]


def number(n: int) -> list[str]:
    return [str(n * 7919 % 1_000_003)]


def entry(n: int) -> list[str]:
    return [f"{n + 1}-0", "field", VALUE]


def batches(verb: str, key: str, of: Arguments, first: int, last: int) -> Iterator[bytes]:
    """Requests that put the elements first ... last-1 into a collection."""
    numbers = iter(range(first, last))
    while some := list(islice(numbers, BATCH if verb != "XADD" else 1)):
        yield peers.encode(verb, key, *(word for n in some for word in of(n)))


def send_all(server: peers.Server, requests: Iterator[bytes]) -> None:
    """Sends requests and takes as many replies, some at a time."""
    client = peers.Client(server.port, 300)
    try:
        while some := list(islice(requests, 100)):
            client.send(b"".join(some))
            for _ in some:
                client.receive()
    finally:
        client.close()


def put(server: peers.Server, verb: str, key: str, of: Arguments, count: int, first: int = 0) -> None:
    send_all(server, batches(verb, key, of, first, first + count))


@dataclass(frozen=True)
class Step:
    """`fill`: the verb that makes `key` (nothing: it is left empty), with `count` elements or one a request; `then`:
    commands that follow."""

    command: str
    text: str
    fill: str = ""
    of: Arguments = member
    count: int | None = None
    pipeline: int = 16
    clients: int = 50
    span: int = 100_000             # of the random numbers
    then: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.command} P{self.pipeline}"

    @property
    def target(self) -> float:
        return CEILING

    def words(self) -> list[str]:
        return self.text.split()

    def prepare(self, server: peers.Server, requests: int) -> None:
        """The collection as the run is to find it."""
        server.call("FLUSHALL")
        if self.fill:
            put(server, self.fill, "c", self.of, requests + 1000 if self.count is None else self.count)
        for command in self.then:
            server.call(*command.split())


STEPS = [
    Step("LPUSH", f"LPUSH c {VALUE}"),
    Step("RPUSH", f"RPUSH c {VALUE}"),
    Step("LPOP", "LPOP c", "RPUSH"),
    Step("RPOP", "RPOP c", "RPUSH"),
    Step("LRANGE_100", "LRANGE c 0 99", "RPUSH", count=1000),
    Step("LRANGE_300", "LRANGE c 0 299", "RPUSH", count=1000),
    Step("LRANGE_600", "LRANGE c 0 599", "RPUSH", count=1000),
    Step("SADD", f"SADD c {ELEMENT}"),
    Step("SPOP", "SPOP c", "SADD"),
    Step("HSET", f"HSET c {ELEMENT} {VALUE}"),
    Step("HGET", f"HGET c {ELEMENT}", "HSET", pair, 100_000),
    Step("HGETALL_100", "HGETALL c", "HSET", pair, 100),
    Step("HGETALL_1000", "HGETALL c", "HSET", pair, 1000),
    Step("ZADD", f"ZADD c __rand_int__ {ELEMENT}"),
    Step("ZPOPMIN", "ZPOPMIN c", "ZADD", scored),
    Step("ZRANGE", "ZRANGE c 5000 5009", "ZADD", scored, 100_000),
    Step("ZRANK", f"ZRANK c {ELEMENT}", "ZADD", scored, 100_000),
    Step("ZSCORE", f"ZSCORE c {ELEMENT}", "ZADD", scored, 100_000),
    Step("GEOADD", f"GEOADD c {DEGREES} {DEGREES} {ELEMENT}"),
    Step("GEODIST", f"GEODIST c {ELEMENT} {ELEMENT}", "GEOADD", placed, 100_000),
    Step("GEOSEARCH", f"GEOSEARCH c FROMLONLAT {DEGREES} {DEGREES} BYRADIUS 10 km", "GEOADD", placed,
         100_000),
    Step("GEOSEARCH_10", f"GEOSEARCH c FROMLONLAT {DEGREES} {DEGREES} BYRADIUS 10 km ASC COUNT 10 WITHDIST",
         "GEOADD", placed, 100_000),
    Step("XADD", f"XADD c * field {VALUE}"),
    Step("XADD_MAXLEN", f"XADD c MAXLEN ~ 1000 * field {VALUE}"),
    Step("XRANGE_10", "XRANGE c 50000 + COUNT 10", "XADD", entry, 100_000),
    Step("XREAD_10", "XREAD COUNT 10 STREAMS c __rand_int__", "XADD", entry, 100_000),
    Step("XREADGROUP", "XREADGROUP GROUP g a COUNT 1 STREAMS c >", "XADD", entry, then=("XGROUP CREATE c g 0",)),
    Step("XACK", "XACK c g __rand_int__", "XADD", entry, 100_000,
         then=("XGROUP CREATE c g 0", "XREADGROUP GROUP g a COUNT 100000 STREAMS c >")),
    Step("SETBIT", "SETBIT c 777777 1", then=("SETBIT c 999999 1",)),
    Step("GETBIT", "GETBIT c 777777", then=("SETBIT c 999999 1",)),
    Step("BITFIELD", "BITFIELD c INCRBY u8 #7777 1 GET u4 0", then=("SETBIT c 999999 1",)),
    Step("BITCOUNT", "BITCOUNT c 0 127", then=("SETBIT c 8191 1",)),
    Step("PFADD", f"PFADD c {ELEMENT}", span=MILLION),
    Step("PFCOUNT", "PFCOUNT c", "PFADD", member, 100_000),
    Step("PFMERGE", "PFMERGE d c", "PFADD", member, 100_000),
    Step("SETBIT_keys", "SETBIT c:__rand_int__ 1000 1"),
    Step("PFADD_keys", "PFADD c:__rand_int__ a b c"),
]


@dataclass(frozen=True)
class Burst:
    """Commands that a client sends together, again and again; `*` in a key stands for a number below `span`, and `&`
    for one that is the same in all of the commands and their reply."""

    command: str
    commands: tuple[str, ...]
    reply: bytes                    # to all of them
    clients: int = 50
    span: int = 100_000
    target: float = MEAN
    first: tuple[tuple[str, ...], ...] = ()     # commands before the run
    hello: tuple[str, ...] = ()     # what each client sends first
    listeners: int = 0              # more connections, which only listen
    listen: tuple[str, ...] = ()    # what these send first

    @property
    def name(self) -> str:
        return f"{self.command} P{len(self.commands)}"

    def exchange(self, rng: random.Random) -> tuple[bytes, bytes]:
        """What a client sends, and what it is to be answered."""
        same = f"{rng.randrange(self.span):012d}"
        texts = [text.replace("&", same) for text in self.commands]
        request = b"".join(peers.encode(*(
            word.replace("*", f"{rng.randrange(self.span):012d}") for word in text.split())) for text in texts)
        return request, self.reply.replace(b"&", same.encode())


def transactions(count: int, sets: int) -> Burst:
    """So many times MULTI, so many SETs, EXEC."""
    reply = b"+OK\r\n" + b"+QUEUED\r\n" * sets + b"*%d\r\n" % sets + b"+OK\r\n" * sets
    return Burst(f"MULTI_SET{sets}_EXEC", ("MULTI", *[f"SET key:* {VALUE}"] * sets, "EXEC") * count, reply * count)


def script(name: str, code: str, target: float, *arguments: str) -> Burst:
    """A script that returns 1, sixteen times."""
    call = " ".join(("EVALSHA", hashlib.sha1(code.encode()).hexdigest(), *arguments))
    return Burst(name, (call,) * 16, b":1\r\n" * 16, clients=4, target=target, first=(("SCRIPT", "LOAD", code),))


TRACKING = ("HELLO 3", "CLIENT TRACKING ON")
INVALIDATED = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$16\r\nkey:&\r\n"
READ_THEN_WRITTEN = b"+OK\r\n$16\r\n%b\r\n+OK\r\n%b" % (VALUE.encode(), INVALIDATED)

BURSTS = [
    transactions(1, 1), transactions(1, 10), transactions(4, 10), transactions(1, 50),
    script("SCRIPT_RETURN", "return 1", MEAN, "0"),
    script("SCRIPT_SET", "redis.call('SET', KEYS[1], ARGV[1]) return 1", MEAN, "1", "key:*", VALUE),
    script("SCRIPT_INCR1000", "for i = 1, 1000 do redis.call('INCR', KEYS[1]) end return 1", 0.4, "1", "key:*"),
    Burst("TRACKED_SET", (f"SET key:* {VALUE}",) * 16, b"+OK\r\n" * 16, target=CEILING, hello=TRACKING),
    Burst("TRACKED_SET_GET_SET", (f"SET key:& {VALUE}", "GET key:&", f"SET key:& {VALUE}") * 5, READ_THEN_WRITTEN * 5,
          target=CEILING, hello=TRACKING),
    Burst("BCAST_SET", (f"SET key:* {VALUE}",) * 16, b"+OK\r\n" * 16, target=CEILING,
          listeners=5, listen=("HELLO 3", "CLIENT TRACKING ON BCAST")),
    Burst("BCAST_PREFIX_SET", (f"SET key:* {VALUE}",) * 16, b"+OK\r\n" * 16, target=CEILING,
          listeners=5, listen=("HELLO 3", "CLIENT TRACKING ON BCAST PREFIX key:00000000000")),
]


@dataclass(frozen=True)
class Large:
    """One command over much data. `fills`: (verb, key, of, first element, count); `then`: commands that follow."""

    name: str
    words: tuple[str, ...]
    fills: tuple[tuple[str, str, Arguments, int, int], ...]
    repeats: int = 1                # of the command in one measurement
    then: tuple[str, ...] = ()

    def prepare(self, server: peers.Server) -> None:
        server.call("FLUSHALL")
        for verb, key, of, first, count in self.fills:
            put(server, verb, key, of, count, first)
        for command in self.then:
            server.call(*command.split())

    def cost(self, server: peers.Server) -> float:
        """Processor time of the server for one, in milliseconds."""
        before = server.cpu_us()
        for _ in range(self.repeats):
            server.call(*self.words)
        return (server.cpu_us() - before) / 1000 / self.repeats


BITMAPS = ("SETRANGE b 67108863 x", "BITOP NOT a b")
LARGE = [
    Large("SINTER of two sets of 100 K", ("SINTER", "a", "b"),
          (("SADD", "a", member, 0, 100_000), ("SADD", "b", member, 50_000, 100_000)), 3),
    Large("ZUNIONSTORE of two sorted sets of 100 K", ("ZUNIONSTORE", "d", "2", "a", "b"),
          (("ZADD", "a", scored, 0, 100_000), ("ZADD", "b", scored, 50_000, 100_000)), 3),
    Large("SORT of a list of 1 M", ("SORT", "a", "LIMIT", "0", "10"), (("RPUSH", "a", number, 0, MILLION),)),
    Large("SORT of 1 M, all returned", ("SORT", "a"), (("RPUSH", "a", number, 0, MILLION),)),
    Large("ZRANGE of 100 K", ("ZRANGE", "a", "0", "-1"), (("ZADD", "a", scored, 0, 100_000),), 3),
    Large("LRANGE of 1 M", ("LRANGE", "a", "0", "-1"), (("RPUSH", "a", member, 0, MILLION),), 3),
    Large("BITCOUNT of 64 MB", ("BITCOUNT", "a"), (), 10, BITMAPS),
    Large("BITOP AND of two of 64 MB", ("BITOP", "AND", "d", "a", "b"), (), 10, BITMAPS),
    Large("BITOP NOT of 64 MB", ("BITOP", "NOT", "d", "a"), (), 10, BITMAPS),
    Large("BITPOS in 64 MB", ("BITPOS", "b", "1"), (), 10, BITMAPS),
]
DEL_MEMBERS = 10 * MILLION


@dataclass(frozen=True)
class Holding:
    """`keys` collections of `members` elements each."""

    name: str
    verb: str
    of: Arguments
    keys: int
    members: int

    def prepare(self, server: peers.Server) -> None:
        if self.keys == 1:
            put(server, self.verb, "c", self.of, self.members)
            return
        shuffled = random.Random(1)
        send_all(server, (peers.encode(self.verb, f"key:{n:012d}", *(
            word for m in range(self.members) for word in self.of(shuffled.randrange(MILLION))))
            for n in range(self.keys)))


TYPES: tuple[tuple[str, str, str, Arguments], ...] = (
    ("list", "lists", "RPUSH", member), ("set", "sets", "SADD", member), ("hash", "hashes", "HSET", pair),
    ("sorted set", "sorted sets", "ZADD", scored))
HOLDINGS = [*(Holding(f"{one} of 1 M", verb, of, 1, MILLION) for one, _, verb, of in TYPES),
            Holding("stream of 1 M", "XADD", entry, 1, MILLION),
            *(Holding(f"1 M {several} of 10", verb, of, MILLION, 10) for _, several, verb, of in TYPES)]
