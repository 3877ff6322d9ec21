"""Hashes beside a real Redis 8, under several limits: random commands on a few keys, and after each of them the reply,
all fields (of a listpack in their order), the length with what is over, the expiries and the encoding are compared."""

import random
import time

import pytest

from bench import peers
from tests.session import R, Replies, encode

KEYS = [b"h", b"i"]
FIELDS = [b"a", b"b", b"c", b"d", b"7", b"-1", b"", b"long-name"]
VALUES = [b"1", b"12", b"-5", b"3.25", b"x", b"", b"y" * 8, b"z" * 9, b"w" * 300]
EXPIRIES = [4_000_000_000_000, 4_000_000_000_000, 4_100_000_000_000, 5_000_000_000_000, 1]
STEPS = 1200
SOON_MS = 25


@pytest.fixture(scope="module")
def redis(own_peer):
    return own_peer("redis8", "--enable-debug-command", "yes")


class Requests:
    """A source of hash commands."""

    def __init__(self, rng):
        self.rng = rng

    def fields(self):
        return [self.rng.choice(FIELDS) for _ in range(self.rng.choice([1, 1, 2, 3]))]

    def named(self):
        fields = self.fields()
        return ["FIELDS", len(fields), *fields]

    def pairs(self):
        return [word for field in self.fields() for word in (field, self.rng.choice(VALUES))]

    def lapse(self, at):
        """Lets some fields of a key end soon."""
        return ["HPEXPIREAT", self.rng.choice(KEYS), at, *self.named()]

    def __call__(self):
        rng = self.rng
        key, pairs = rng.choice(KEYS), self.pairs()
        count = len(pairs) // 2
        life = rng.choice([[], ["KEEPTTL"], ["PXAT", rng.choice(EXPIRIES)], ["PXAT", rng.choice(EXPIRIES)]])
        return rng.choice([
            ["HSET", key, *pairs], ["HMSET", key, *pairs], ["HSETNX", key, *pairs[:2]],
            ["HSETEX", key, *rng.choice([[], [], ["FNX"], ["FXX"]]), *life, "FIELDS", count, *pairs],
            ["HSETEX", key, *life, "FIELDS", count, *pairs],
            ["HPEXPIREAT", key, rng.choice(EXPIRIES), *rng.choice([[], [], ["NX"], ["XX"], ["GT"], ["LT"]]),
             *self.named()],
            ["HPERSIST", key, *self.named()], ["HPEXPIRETIME", key, *self.named()],
            ["HGETEX", key, *rng.choice([[], ["PERSIST"], ["PXAT", rng.choice(EXPIRIES)]]), *self.named()],
            ["HGETDEL", key, *self.named()], ["HDEL", key, *self.fields()], ["HGET", key, self.fields()[0]],
            ["HMGET", key, *self.fields()], ["HEXISTS", key, self.fields()[0]], ["HSTRLEN", key, self.fields()[0]],
            ["HINCRBY", key, self.fields()[0], rng.choice([1, -3, 10**6])],
            ["HINCRBYFLOAT", key, self.fields()[0], rng.choice([1, "0.5", "-2.25"])],
            ["COPY", key, rng.choice(KEYS), "REPLACE"], ["RENAME", key, rng.choice(KEYS)],
            ["HRANDFIELD", key, 100, "WITHVALUES"],
        ])


def probes(key):
    return [["HGETALL", key], ["HKEYS", key], ["HVALS", key], ["HSCAN", key, 0, "COUNT", 1000], ["HLEN", key],
            ["OBJECT", "ENCODING", key], ["HPEXPIRETIME", key, "FIELDS", len(FIELDS), *FIELDS]]


class Both:
    """Sends the same to both and insists on the same answers."""

    def __init__(self, redis, entries, value):
        self.client = peers.Client(redis.port)
        self.r = R(enable_debug_command="yes")
        self.r.session.set_clock(-1)
        for words in (["DEBUG", "SET-ACTIVE-EXPIRE", 0], ["FLUSHALL"],
                      ["CONFIG", "SET", "hash-max-listpack-entries", entries],
                      ["CONFIG", "SET", "hash-max-listpack-value", value]):
            self.ask(words)

    def ask(self, words):
        """(our reply, theirs)"""
        ours = Replies(self.r.session.feed(encode(*words))).next()
        self.client.send(encode(*words))
        try:
            theirs = self.client.receive()
        except peers.ReplyError as error:
            theirs = error
        return [str(reply) if isinstance(reply, Exception) else reply for reply in (ours, theirs)]

    def same(self, words, history, *, sort):
        replies = self.ask(words)
        if sort:
            replies = [sorted(flat(reply)) if isinstance(reply, list) else reply for reply in replies]
        assert replies[0] == replies[1], (words, history[-20:])
        return replies[0]

    def same_state(self, history):
        for key in KEYS:
            *lists, length, encoding, expiries = probes(key)
            table = self.same(encoding, history, sort=False) == b"hashtable"
            for words in lists:
                self.same(words, history, sort=table)
            self.same(length, history, sort=False)
            self.same(expiries, history, sort=False)
        assert self.r.session.check() == self.r.session.check_hashes() == 0, history[-20:]


def flat(reply):
    return [word for part in reply for word in (flat(part) if isinstance(part, list) else [part])]


@pytest.mark.parametrize(("entries", "value"), [(512, 64), (512, 1000), (5, 64), (512, 8), (0, 64)])
def test_every_step_leaves_the_same_hash(redis, entries, value):
    both, requests, history = Both(redis, entries, value), Requests(random.Random(entries + value)), []
    for step in range(STEPS):
        if step % 60 == 59:
            at = time.time_ns() // 1_000_000 + SOON_MS
            history.append(requests.lapse(at))
            both.same(history[-1], history, sort=False)
            time.sleep((SOON_MS + 2) / 1000)
        history.append(requests())
        both.same(history[-1], history, sort=history[-1][0] == "HRANDFIELD")
        both.same_state(history)
        if step % 200 == 199:
            both.ask(["FLUSHALL"])
    both.client.close()
