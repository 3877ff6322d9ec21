"""The stream commands beside a real Redis 8: the same requests, and everything that they bring about compared: the
replies, how many changes are counted, the events, and what is propagated to a replica.

IDs and times are given, since the clocks differ; what tells the time in a reply is compared as "never", "just now" or
"long ago". The requests are few words combined, so that they meet one another.
"""

import itertools
import random
import time

import _pyredis.figures as figures
import pytest

from bench import peers
from tests.demand import demand
from tests.session import R, Replies, encode

MARK = b"--mark--"
NOW_MS = 10_000                 # younger than this is "just now"
AGO = b"5000000"                # ms: claimed to have been idle for so long


class Real:
    """A real server, with a client, one that listens to events, and one that is a replica."""

    def __init__(self, server):
        self.server = server
        self.client = peers.Client(server.port)
        self.control = peers.Client(server.port)
        self.events = peers.Client(server.port)
        self.replica = peers.Client(server.port)
        self.control.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
        self.events.call("PSUBSCRIBE", "__keyevent@*__:*")
        self.events.call("SUBSCRIBE", MARK)
        self.buffer = bytearray()
        self.replica.send(b"SYNC\r\n")
        self._skip_snapshot()
        self.dirty = self._dirty()

    def close(self):
        for client in (self.client, self.control, self.events, self.replica):
            client.close()

    def _more(self):
        data = self.replica._socket.recv(1 << 16)
        assert data
        self.buffer += data

    def _skip_snapshot(self):
        while True:
            while self.buffer[:1] == b"\n":
                del self.buffer[:1]
            if b"\r\n" in self.buffer:
                break
            self._more()
        end = self.buffer.index(b"\r\n")
        size = int(self.buffer[1:end])
        while len(self.buffer) < end + 2 + size:
            self._more()
        del self.buffer[:end + 2 + size]

    def _next_propagated(self):
        while True:
            while self.buffer[:1] == b"\n":
                del self.buffer[:1]
            replies = Replies(bytes(self.buffer))
            try:
                words = replies.next()
            except (ValueError, KeyError, IndexError):
                words = None
            if words is not None and replies.at <= len(self.buffer):
                del self.buffer[:replies.at]
                return words
            self._more()

    def _dirty(self):
        return int(peers.info_fields(self.control.call("INFO", "persistence"))["rdb_changes_since_last_save"])

    def raw(self, words):
        self.client.send(encode(*words))
        data = b""
        while True:
            data += self.client._socket.recv(1 << 16)
            reader = Replies(data)
            try:
                reader.next()
            except (ValueError, KeyError, IndexError):
                continue
            if reader.at <= len(data):
                return data

    def run(self, words):
        """(reply, dirty, events, propagated) of one command."""
        reply = self.raw(words)
        dirty = self._dirty()
        before, self.dirty = self.dirty, dirty
        self.control.call("PUBLISH", MARK, "")
        events = []
        while (message := self.events.receive())[1] != MARK:
            if message[0] == b"pmessage":
                events.append((message[2].rpartition(b":")[2].decode(), message[3]))
        propagated = []
        while (command := self._next_propagated())[:2] != [b"PUBLISH", MARK]:
            if command[0].upper() not in (b"SELECT", b"PING"):
                propagated.append(command)
        return reply, dirty - before, events, propagated


class Ours:
    def __init__(self):
        self.r = R()
        self.r.session.set_clock(-1)
        self.dirty = 0

    def raw(self, words):
        return bytes(self.r.session.feed(encode(*words)))

    def run(self, words):
        self.r.session.clear()
        reply = self.raw(words)
        before, self.dirty = self.dirty, figures.stats(self.r.server.core)["dirty"]
        return reply, self.dirty - before, [(e.event, e.key) for e in self.r.effects], self.r.propagated


@pytest.fixture(scope="module")
def real():
    demand("redis8")
    with peers.start("redis8", "--repl-diskless-sync", "no") as server:
        link = Real(server)
        yield link
        link.close()


def age(ms):
    return ms if ms == -1 else "now" if ms < NOW_MS else "ago"


def moment(ms, now):
    return ms if ms in (-1, 0, 1) else age(now - ms)


def timeless(value, now, name=""):
    """A reply in which nothing depends on when it was made."""
    if isinstance(value, dict):
        return {key: timeless(item, now, key[0] if isinstance(key, tuple) else key) for key, item in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(item, bytes) for item in value[::2]) and len(value) % 2 == 0 and b"name" in value:
            return [item if i % 2 == 0 else timeless(item, now, value[i - 1]) for i, item in enumerate(value)]
        if name == b"pending" and value and isinstance(value[0], list):
            return [[moment(item, now) if i == len(row) - 2 else item for i, item in enumerate(row)] for row in value]
        if value and value[0] == b"length":
            return [item if i % 2 == 0 else timeless(item, now, value[i - 1]) for i, item in enumerate(value)]
        return [timeless(item, now) for item in value]
    if name in (b"idle", b"inactive"):
        return age(value)
    if name in (b"seen-time", b"active-time"):
        return moment(value, now)
    return "some" if name == b"radix-tree-nodes" else value


def plain(words, reply, now):
    """A reply as it is compared."""
    value = Replies(reply).next()
    if isinstance(value, Exception):
        return str(value)
    if words[0] == "XPENDING" and isinstance(value, list) and value and isinstance(value[0], list):
        return [[i, who, age(idle), n] for i, who, idle, n in value]
    if words[0] == "XINFO":
        return timeless(value, now)
    return reply


def shown(command, now):
    """A propagated command, its times as they are compared."""
    words = list(command)
    for i, word in enumerate(words[:-1]):
        if word == b"TIME" and words[0] == b"XCLAIM":
            words[i + 1] = moment(int(words[i + 1]), now)
    return words


class Words:
    """Requests, drawn from few words."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.ms = 1

    def pick(self, *choices):
        return self.rng.choice(choices)

    def some(self, *words, odds=0.3):
        return list(words) if self.rng.random() < odds else []

    def key(self):
        return self.rng.choice(["s", "s", "s", "s", "t", "u", "plain"] if self.rng.random() < 0.3 else ["s", "t"])

    def group(self):
        return self.pick("g", "g", "g", "h", "h", "none") if self.rng.random() < 0.9 else "\0x"

    def consumer(self):
        return self.pick("alice", "bob", "carol")

    def id(self):
        if self.rng.random() < 0.03:
            return self.pick("x", "", "-", "+", "1-", "-1", "18446744073709551616", "1-1-1", "$", ">", "(1-1")
        ms = self.rng.randint(0, self.ms + 1)
        return self.pick(f"{ms}", f"{ms}-0", f"{ms}-{self.rng.randint(0, 3)}", f"{ms}-1")

    def new_id(self):
        self.ms += self.pick(0, 0, 1, 1, 1, 2)
        auto = f"{self.ms}-*"
        return self.pick(auto, auto, auto, f"{self.ms}-{self.rng.randint(0, 3)}", self.id())

    def ids(self):
        return [self.id() for _ in range(self.rng.choice([1, 1, 2, 3, 5]))]

    def trim(self):
        about = self.pick([], ["="], ["~"])
        limit = self.some("LIMIT", self.pick("0", "1", "100", "-1"), odds=0.5 if about == ["~"] else 0.05)
        return self.pick(["MAXLEN", *about, self.pick("0", "3", "10", "50")], ["MINID", *about, self.id()]) + limit

    def first(self):
        return self.pick("-", self.id(), "(" + self.id())

    def last(self):
        return self.pick("+", self.id(), "(" + self.id())

    def idle(self):
        return self.pick("0", "0", "0", "1000000", "-5", "10000000000")

    def pairs(self):
        return self.pick(["a", "1"], ["a", "1"], ["a", "x", "b", "y"], ["b", "", "a", "-7"])

    def xadd(self):
        trim = self.trim() if self.rng.random() < 0.2 else []
        return ["XADD", self.key(), *self.some("NOMKSTREAM", odds=0.1), *trim, self.new_id(), *self.pairs()]

    def xread(self):
        streams = self.rng.sample(["s", "t", "u", "plain"], self.pick(1, 1, 2))
        return ["XREAD", *self.some("COUNT", self.pick("0", "1", "5", "-1")), "STREAMS", *streams,
                *[self.pick(self.id(), self.id(), "$", "+", ">") for _ in streams]]

    def xreadgroup(self):
        streams = self.rng.sample(["s", "t", "u"], self.pick(1, 1, 1, 2))
        return ["XREADGROUP", "GROUP", self.pick("g", "g", "h", "none") if self.rng.random() < 0.3 else "g",
                self.consumer(), *self.some("COUNT", self.pick("0", "1", "2", "3", "-1"), odds=0.7),
                *self.some("NOACK", odds=0.2), "STREAMS", *streams,
                *[self.pick(">", ">", ">", ">", "0", self.id(), "$", "+") for _ in streams]]

    def xclaim(self):
        options = [["IDLE", self.pick("0", AGO, "-1", "x")], ["TIME", self.pick("1", "0", "-1", "99999999999999", "x")],
                   ["RETRYCOUNT", self.pick("0", "7", "-1", "-5", "9223372036854775807")],
                   ["FORCE"], ["FORCE"], ["JUSTID"],
                   ["LASTID", self.id()], ["foo"] if self.rng.random() < 0.1 else []]
        chosen = self.rng.sample(options, self.pick(0, 0, 1, 2, 3))
        return ["XCLAIM", self.key(), self.group(), self.consumer(), self.idle(), *self.ids(),
                *itertools.chain(*chosen)]

    def xgroup(self):
        key, group = self.key(), self.group()
        read = self.some("ENTRIESREAD", self.pick("0", "1", "3", "10", "-1", "-2", "x"))
        return ["XGROUP", *self.pick(
            ["CREATE", key, group, self.pick("$", "0", self.id()), *self.some("MKSTREAM"), *read],
            ["CREATE", key, group, self.pick("$", "0", self.id()), *self.some("MKSTREAM"), *read],
            ["SETID", key, group, self.pick("$", "0", self.id()), *read],
            ["CREATECONSUMER", key, group, self.consumer()],
            ["DELCONSUMER", key, group, self.consumer()] if self.rng.random() < 0.3 else ["DESTROY", key, "h"],
            ["DESTROY", key, group] if self.rng.random() < 0.1 else ["FOO", key])]

    def xinfo(self):
        return ["XINFO", *self.pick(["STREAM", self.key()], ["STREAM", self.key(), "FULL"], ["GROUPS", self.key()],
                                    ["STREAM", self.key(), "FULL", "COUNT", self.pick("0", "1", "-1", "x")],
                                    ["CONSUMERS", self.key(), self.group()], ["STREAM", self.key(), "FOO"],
                                    ["STREAM", self.key(), "FULL", "FOO"], ["STREAM", self.key(), "FULL", "FOO", "1"])]

    def xpending(self):
        return ["XPENDING", self.key(), self.group(), *self.pick(
            [], [*self.some("IDLE", self.idle()), self.first(), self.last(), self.pick("10", "1", "0", "-1", "x"),
                 *self.some(self.consumer())], ["-", "+"], ["IDLE", "5", "-", "+"], ["-", "+", "10", "alice", "x"])]

    def request(self):
        kind = self.rng.choices(
            ["xadd", "xread", "xreadgroup", "xclaim", "xgroup", "xinfo", "xpending", "xautoclaim", "xack", "xdel",
             "xtrim", "xrange", "xsetid", "other"], [24, 6, 22, 8, 8, 14, 6, 6, 5, 7, 2, 5, 2, 1])[0]
        if kind == "xautoclaim":
            return ["XAUTOCLAIM", self.key(), self.group(), self.consumer(), self.idle(), self.first(),
                    *self.some("COUNT", self.pick("1", "2", "0", "10", "x")), *self.some("JUSTID"),
                    *self.some("x", odds=0.02)]
        if kind == "xack":
            return ["XACK", self.key(), self.group(), *self.ids()]
        if kind == "xdel":
            return ["XDEL", self.key(), *self.ids()]
        if kind == "xtrim":
            return ["XTRIM", self.key(), *self.trim()]
        if kind == "xrange":
            return self.pick(["XRANGE", self.key(), self.first(), self.last()],
                             ["XREVRANGE", self.key(), self.last(), self.first()]) \
                + self.some("COUNT", self.pick("1", "3", "0", "-1"))
        if kind == "xsetid":
            return ["XSETID", self.key(), self.pick(self.id(), f"{self.ms + 3}-0"),
                    *self.some("ENTRIESADDED", self.pick("0", "5", "100", "-1")), *self.some("MAXDELETEDID", self.id())]
        if kind == "other":
            return self.pick(["COPY", "s", "u", "REPLACE"], ["XLEN", self.key()], ["DEL", "u"], ["RENAME", "t", "s"])
        return getattr(self, kind)()


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_everything_is_as_with_redis(real, seed, proto):
    words = Words(seed)
    ours = Ours()
    small = str(words.pick(3, 5, 100))
    for setup in (["FLUSHALL"], ["CONFIG", "SET", "stream-node-max-entries", small], ["SET", "plain", "1"],
                  ["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"], ["XGROUP", "CREATE", "t", "g", "0", "MKSTREAM"],
                  ["HELLO", str(proto)]):
        ours.run(setup)
        real.run(setup)
    for step in range(1200):
        request = words.request()
        mine = ours.run(request)
        theirs = real.run(request)
        now = time.time_ns() // 1_000_000
        summary = plain(request, mine[0], now), plain(request, theirs[0], now)
        where = f"seed {seed}, step {step}: {request}\n ours {mine}\n real {theirs}"
        assert summary[0] == summary[1], f"seed {seed}, step {step}: {request}\n ours {summary[0]}\n real {summary[1]}"
        assert mine[1:3] == theirs[1:3], where
        assert [shown(c, now) for c in mine[3]] == [shown(c, now) for c in theirs[3]], where
        assert ours.r.session.check() == 0
    real.run(["HELLO", "2"])
