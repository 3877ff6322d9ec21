"""Transactions beside real servers: three clients whose commands interleave at random, the same here and there, and
every reply compared. They watch, queue and run; the keys change, expire, and come and go with whole databases."""

import random
import time

import pytest

from pyredis.commands import spec
from tests.differential.test_declared import LEAVES, Link, comparable, has_ties
from tests.grammar import Grammar
from tests.session import R, Replies, encode

KEYS = ["a", "b", "c"]
CLIENTS = 3
STEPS = 1000
NEAR_MS, WAIT_MS = 40, 60              # of a key that will expire, and until it surely has
MARGIN = 0.01                          # seconds around that moment, in which nothing is asked

STEADY = [["GET"], ["SET", "1"], ["INCR"], ["APPEND", "x"], ["DEL"], ["UNLINK"], ["SETNX", "7"], ["LPUSH", "x"],
          ["RPOP"], ["BLPOP", "0.001"], ["SADD", "m"], ["SMEMBERS"], ["EXPIRE", "1000"], ["PERSIST"], ["TYPE"],
          ["EXISTS"], ["GETDEL"], ["EXPIRE", "-1"], ["TOUCH"], ["ZADD", "1", "m"],
          ["HSET", "f", "v"], ["HDEL", "f"], ["XADD", "1-1", "f", "v"], ["SETRANGE", "0", ""]]
BROKEN = [["GET"], ["NOSUCH", "a"], ["CLIENT", "NOSUCH"], ["MULTI", "x"], ["WATCH"]]
REFUSED = [["SHUTDOWN", "NOSAVE"], ["MULTI"], ["WATCH", "a"]]      # Valkey has another text, and EXEC fails after it


@pytest.fixture(scope="module", params=["redis8", "valkey9"])
def real(request, own_peer):
    return own_peer(request.param, "--enable-debug-command", "yes")


class Requests:
    """A source of (client, request); None for a request is a pause in which near keys expire."""

    def __init__(self, rng, refused):
        self.rng = rng
        self.refused = refused
        self.queues = [False] * CLIENTS        # is it in MULTI?

    def key(self):
        return self.rng.choice(KEYS)

    def command(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.78:
            name, *rest = rng.choice(STEADY)
            return [name, self.key(), *rest]
        return rng.choice([
            ["SET", self.key(), "near", "PX", NEAR_MS], ["SET", self.key(), "near", "PX", NEAR_MS],
            ["PEXPIRE", self.key(), NEAR_MS], ["RENAME", self.key(), self.key()],
            ["COPY", self.key(), self.key(), "REPLACE"], ["MOVE", self.key(), rng.randrange(2)],
            ["SELECT", rng.randrange(2)], ["FLUSHDB"], ["FLUSHALL"], ["SWAPDB", 0, 1], ["DBSIZE"],
            ["MSET", "a", 1, "b", 2], ["SORT", self.key(), "STORE", self.key()]])

    def __call__(self):
        rng = self.rng
        kind = rng.random()
        client = rng.randrange(CLIENTS)
        if kind < 0.02:
            return None, None
        if not self.queues[client]:
            if kind < 0.25:
                return client, ["WATCH", *(self.key() for _ in range(rng.choice([1, 1, 2, 3])))]
            if kind < 0.45:
                self.queues[client] = True
                return client, ["MULTI"]
            if kind < 0.48:
                return client, [rng.choice(["UNWATCH", "EXEC", "DISCARD"])]
            return client, self.command()
        if kind < 0.06:
            return client, rng.choice(BROKEN)
        if kind < 0.09:
            return client, rng.choice([["UNWATCH"], *self.refused])
        if kind < 0.4:
            self.queues[client] = False
            return client, rng.choice([["EXEC"]] * 6 + [["DISCARD"], ["EXEC", "x"]])
        return client, self.command()


class Moments:
    """When near keys expire. Both servers are asked one after the other: neither may be asked just then."""

    def __init__(self):
        self.spans = []                        # (from, to), ascending
        self.queued = [False] * CLIENTS        # does its MULTI make a near key?

    def note(self, client, words, in_multi, began):
        """A request was answered: does a key begin its last milliseconds?"""
        near = NEAR_MS in words
        if in_multi:
            self.queued[client] |= near
        elif near or (words[0] == "EXEC" and self.queued[client]):
            self.spans.append((began + NEAR_MS / 1000, time.monotonic() + NEAR_MS / 1000))
        if words[0] in ("EXEC", "DISCARD"):
            self.queued[client] = False

    def avoid(self):
        for first, last in self.spans:
            now = time.monotonic()
            if first - MARGIN <= now <= last + MARGIN:
                time.sleep(last + MARGIN - now)
        self.spans = [span for span in self.spans if span[1] + MARGIN > time.monotonic()]

    def missed(self):
        """Has one come during the last request all the same? The machine had other things to do."""
        return any(first <= time.monotonic() for first, _ in self.spans)


def normal(reply):
    """What both sides can agree on: sets come in any order."""
    return str(sorted(map(str, reply))) if isinstance(reply, list) and not any(
        isinstance(item, list) for item in reply) else str(reply)


def only(data):
    (reply,) = Replies(data).all()
    return reply


@pytest.mark.parametrize("seed", range(4))
def test_interleaved_clients_get_the_same_replies(real, seed):
    rng = random.Random(seed)
    requests = Requests(rng, REFUSED if real.name == "redis8" else [])
    links = [Link(real.port) for _ in range(CLIENTS)]
    ours = [R()]
    ours += [R(ours[0].server) for _ in range(CLIENTS - 1)]
    ours[0].session.set_clock(-1)
    try:
        links[0]([["FLUSHALL"], ["DEBUG", "SET-ACTIVE-EXPIRE", "0"]])
        said = []
        moments = Moments()
        for step in range(STEPS):
            in_multi = list(requests.queues)
            client, words = requests()
            if words is None:
                time.sleep(WAIT_MS / 1000)
                continue
            moments.avoid()
            began = time.monotonic()
            (theirs,) = links[client]([words])
            mine = ours[client].session.feed(encode(*words))
            while not mine:
                ours[client].cycle()
                mine = ours[client].session.take()
            said.append((client, words))
            if moments.missed():
                break                                   # from here on the two may differ, and rightly
            assert normal(only(mine)) == normal(only(theirs)), f"step {step}: {said[-40:]}"
            moments.note(client, words, in_multi[client] and words[0] not in ("EXEC", "DISCARD"), began)
        assert ours[0].session.check() == 0
    finally:
        for link in links:
            link.client.close()


def write_requests(rng):
    """Random commands that may write, and some that do not."""
    grammar = Grammar(rng, LEAVES, valkey=False)
    while True:
        leaf, words = grammar.request()
        if not (leaf.name.startswith("SORT") and has_ties(words)) and len(words) > 1:
            yield leaf, words


@pytest.mark.parametrize("seed", range(6))
def test_every_declared_command_touches_the_watched_keys_that_it_touches_in_redis(peer, seed):
    """Each random request stands between another client's WATCH of all keys, one after the other, and its EXEC."""
    real = peer("redis8", "--enable-debug-command", "yes")
    rng = random.Random(seed)
    source = write_requests(rng)
    link, watcher, r = Link(real.port), Link(real.port), R()
    w = R(r.server)
    r.session.set_clock(-1)
    keys = [b"k%d" % i for i in range(6)]
    try:
        link([["FLUSHALL"], ["DEBUG", "SET-ACTIVE-EXPIRE", "0"]])
        for step in range(1200):
            leaf, words = next(source)
            key = next((word for word in words[1:] if word in keys), keys[0])
            before = [["WATCH", key]]
            after = [["MULTI"], ["EXEC"]]
            watcher(before)
            link([words])
            theirs = watcher(after)[-1]
            w.feed(encode(*before[0]))
            out = r.session.feed(encode(*words))
            while not out:
                r.cycle()
                out = r.session.take()
            mine = w.session.feed(b"".join(encode(*c) for c in after)).removeprefix(b"+OK\r\n")
            assert mine == theirs, f"step {step}: WATCH {key!r} and {words!r}, which replied {out[:200]!r}"
            if leaf.command.flags & spec.WRITE and not leaf.deterministic:
                link([["DEL", key]])
                r.feed(encode("DEL", key))
    finally:
        link.client.close()
        watcher.client.close()


STREAM = [["XADD", "k", f"{i}-1", "f", "v"] for i in range(1, 6)] + [
    ["XGROUP", "CREATE", "k", "g", "0"], ["XREADGROUP", "GROUP", "g", "a", "COUNT", "3", "STREAMS", "k", ">"]]
OTHERS = [["RPUSH", "l", "2", "1"], ["SADD", "s", "x"], ["ZADD", "z", "1", "m"], ["HSET", "h", "f", "v"]]
MET = [  # (the key that is watched, the command of another client)
    ("k", "XACK k g 1-1"), ("k", "XACK k g 9-9"), ("k", "XCLAIM k g b 0 1-1"), ("k", "XCLAIM k g b 0 9-9"),
    ("k", "XAUTOCLAIM k g b 0 0"), ("k", "XREADGROUP GROUP g a STREAMS k >"),
    ("k", "XREADGROUP GROUP g new STREAMS k 0"),
    ("k", "XREADGROUP GROUP g a NOACK STREAMS k >"), ("k", "XGROUP SETID k g 0"), ("k", "XGROUP DESTROY k g"),
    ("k", "XGROUP DESTROY k none"), ("k", "XGROUP CREATE k g2 0"),
    ("none", "XGROUP CREATE none g $ MKSTREAM"), ("k", "XGROUP CREATECONSUMER k g c"),
    ("k", "XGROUP CREATECONSUMER k g a"), ("k", "XGROUP DELCONSUMER k g a"), ("k", "XGROUP DELCONSUMER k g none"),
    ("k", "XDEL k 1-1"), ("k", "XDEL k 9-9"), ("k", "XTRIM k MAXLEN 9"), ("k", "XTRIM k MAXLEN 1"),
    ("k", "XSETID k 9-9"),
    ("k", "XADD none NOMKSTREAM * a b"), ("none", "XADD none NOMKSTREAM * a b"), ("k", "XREAD STREAMS k 0"),
    ("l", "SORT l"), ("d", "SORT none STORE d"), ("d", "SORT l STORE d"), ("l", "SORT none STORE l"),
    ("l", "LSET l 0 2"), ("l", "LTRIM l 0 -1"), ("l", "LREM l 0 none"), ("l", "LMOVE l l LEFT LEFT"),
    ("l", "LMOVE l d LEFT LEFT"), ("d", "LMOVE l d LEFT LEFT"), ("l", "RPOPLPUSH l l"), ("l", "LMPOP 1 l LEFT"),
    ("l", "BLMOVE l d LEFT LEFT 0"), ("l", "LPOP l 0"), ("l", "LINSERT l BEFORE none x"),
    ("s", "SADD s x"), ("s", "SREM s none"), ("s", "SMOVE s s x"), ("s", "SMOVE s d x"), ("d", "SMOVE s d x"),
    ("d", "SINTERSTORE d none"), ("s", "SINTERSTORE s none"), ("s", "SPOP s 0"), ("s", "SUNIONSTORE s s"),
    ("z", "ZADD z 1 m"), ("z", "ZADD z XX 2 n"), ("z", "ZINCRBY z 0 m"), ("z", "ZREM z n"), ("z", "ZPOPMIN z 0"),
    ("z", "ZRANGESTORE z none 0 -1"), ("d", "ZRANGESTORE d none 0 -1"), ("z", "ZREMRANGEBYRANK z 5 6"),
    ("h", "HSET h f v"), ("h", "HSETNX h f w"), ("h", "HDEL h none"), ("h", "HEXPIRE h 100 FIELDS 1 none"),
    ("h", "HEXPIRE h 100 FIELDS 1 f"), ("h", "HPERSIST h FIELDS 1 f"), ("h", "HGETEX h PERSIST FIELDS 1 f"),
    ("h", "HGETEX h EX 9 FIELDS 1 f"), ("h", "HGETDEL h FIELDS 1 none"), ("h", "HSETEX h FNX FIELDS 1 f v"),
    ("b", "SETBIT b 0 0"), ("b", "GETBIT b 0"), ("b", "BITFIELD b GET u8 0"), ("b", "BITFIELD b SET u8 0 0"),
    ("b", "BITOP AND b none"), ("b", "PFADD b"), ("b", "PFMERGE b"), ("b", "SETRANGE b 0 "), ("b", "APPEND b "),
    ("l", "RENAME l l"), ("l", "COPY s l"), ("l", "EXPIRE l 100 XX"), ("l", "PERSIST l"), ("l", "MOVE l 0"),
    ("l", "RENAMENX l s"), ("l", "SWAPDB 0 0"), ("none", "FLUSHALL"), ("none", "SWAPDB 0 1"), ("b", "GETEX b"),
    ("b", "SET b x GET"), ("b", "SET b x XX"), ("b", "GETSET b x"), ("b", "MSETNX b 1 l 2"), ("b", "INCRBY b 0")]


@pytest.mark.parametrize(("key", "command"), MET)
def test_a_command_counts_as_a_change_exactly_where_it_does_in_redis(peer, key, command):
    link = Link(peer("redis8", "--enable-debug-command", "yes").port)
    watcher = Link(peer("redis8", "--enable-debug-command", "yes").port)
    r = R()
    w = R(r.server)
    before, words = [["FLUSHALL"], *STREAM, *OTHERS], command.split(" ")
    try:
        link(before)
        watcher([["WATCH", key]])
        (theirs,) = link([words])
        told = watcher([["MULTI"], ["EXEC"]])[1]
        for request in before:
            r.session.feed(encode(*request))
        w("WATCH", key)
        ours = r.session.feed(encode(*words))
        assert ours[:1] == theirs[:1]
        w("MULTI")
        assert w.raw("EXEC") == told, ours
    finally:
        link.client.close()
        watcher.client.close()


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_declared_commands_reply_within_exec_as_in_redis(peer, seed, proto):
    """Also those that block, which do not there."""
    real = peer("redis8", "--enable-debug-command", "yes")
    source = write_requests(random.Random(seed))
    link, r = Link(real.port), R()
    r.session.set_clock(-1)
    try:
        link([["FLUSHALL"], ["DEBUG", "SET-ACTIVE-EXPIRE", "0"], ["HELLO", proto]])
        r.session.feed(encode("HELLO", proto))
        for _ in range(400):
            leaf, words = next(source)
            requests = [["MULTI"], words, ["EXEC"]]
            theirs = link(requests)
            mine = replies_of(r.session.feed(b"".join(encode(*w) for w in requests)), theirs)
            assert mine[1] == theirs[1], words
            assert inner(leaf, mine[2]) == inner(leaf, theirs[2]), f"{words!r}\n{mine[2]!r}\n{theirs[2]!r}"
            if leaf.command.flags & spec.WRITE and not leaf.deterministic:
                link([["DEL", words[1]]])
                r.feed(encode("DEL", words[1]))
    finally:
        link.client.close()


def replies_of(data, like):
    """As many replies as `like` has, as bytes."""
    replies, found = Replies(data), []
    for _ in like:
        start = replies.at
        replies.next()
        found.append(data[start:replies.at])
    return found


def inner(leaf, reply):
    """What of EXEC's reply with one command in it must be the same."""
    return comparable(leaf, reply.removeprefix(b"*1\r\n")) if reply.startswith(b"*1\r\n") else reply
