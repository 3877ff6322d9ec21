"""Lists beside a real Redis 8: random commands on a few keys, and after each of them the reply, the length and the
encoding are compared, under every kind of list-max-listpack-size, with compression and with large elements."""

import random

import pytest

from bench import peers
from tests.session import R, Replies, encode

KEYS = [b"a", b"b", b"c"]
STEPS = 1500
BATCH = 50


@pytest.fixture(scope="module")
def redis(own_peer):
    return own_peer("redis8", "--enable-debug-command", "yes")


def reply_of(client):
    try:
        return client.receive()
    except peers.ReplyError as error:
        return error


class Requests:
    """A source of list commands; `sizes` are the lengths of elements that matter to the limits at hand."""

    def __init__(self, rng, sizes):
        self.rng = rng
        self.sizes = sizes

    def element(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.3:
            return b"%d" % rng.choice([0, 5, 127, 128, -1, 4096, 70000, 2**31, -2**63, 10**12])
        if kind < 0.6:
            return rng.choice([b"a", b"b", b"c", b"", b"007"])
        return rng.choice([b"x", b"y", b"z"]) * rng.choice(self.sizes)

    def elements(self):
        return [self.element() for _ in range(self.rng.choice([1, 1, 2, 3, 8]))]

    def index(self):
        return self.rng.choice([0, 1, 2, 3, 5, 10, 20, 40, -1, -2, -3, -7, -20])

    def end(self):
        return self.rng.choice(["LEFT", "RIGHT"])

    def __call__(self):
        rng = self.rng
        key, other = rng.choice(KEYS), rng.choice(KEYS)
        name = rng.choice(["RPUSH", "LPUSH", "RPUSH", "LPUSH", "RPUSH", "LPUSH", "RPUSHX", "LPOP", "RPOP", "LPOP",
                           "RPOP", "LINSERT", "LINSERT", "LINSERT", "LSET", "LSET", "LREM", "LTRIM", "LMOVE",
                           "RPOPLPUSH", "LMPOP", "LPOS", "LRANGE", "LINDEX", "COPY"])
        if name.endswith(("PUSH", "PUSHX")) and name != "RPOPLPUSH":
            return [name, key, *self.elements()]
        if name in ("LPOP", "RPOP"):
            return [name, key, *rng.choice([[], [], [rng.choice([0, 1, 2, 5, 20])]])]
        return {
            "LINSERT": [name, key, rng.choice(["BEFORE", "AFTER"]), self.element(), self.element()],
            "LSET": [name, key, self.index(), self.element()],
            "LREM": [name, key, rng.choice([0, 1, 2, -1, -2]), self.element()],
            "LTRIM": [name, key, rng.choice([0, 0, 1, 2, 5, -30, -10]), rng.choice([-1, -1, -2, -5, 30, 10])],
            "LMOVE": [name, key, other, self.end(), self.end()],
            "RPOPLPUSH": [name, key, other],
            "LMPOP": [name, 2, key, other, self.end(), "COUNT", rng.choice([1, 2, 10])],
            "LPOS": [name, key, self.element(), "RANK", rng.choice([1, 2, -1, -2]), "COUNT", rng.choice([0, 1, 2]),
                     "MAXLEN", rng.choice([0, 0, 10])],
            "LRANGE": [name, key, self.index(), self.index()],
            "LINDEX": [name, key, self.index()],
            "COPY": [name, key, other, "REPLACE"],
        }[name]


SMALL = [1, 2, 10, 20, 40, 63, 64]
BYTES = [1, 20, 63, 64, 100, 500, 1000, 4000]
LARGE = [100, 2000, 4000, 4090, 4096, 4097, 8180, 8192, 8193, 9000]
SETTINGS = [(fill, depth, packed, sizes)
            for fill, sizes in [(1, SMALL), (2, SMALL), (3, SMALL), (0, SMALL), (5, SMALL), (16, SMALL), (5, LARGE),
                                (-1, BYTES), (-1, LARGE), (-2, BYTES), (-2, LARGE), (-3, LARGE)]
            for depth, packed in [(0, 0), (1, 0), (2, 0), (0, 20), (1, 20)]]


@pytest.mark.parametrize(("fill", "depth", "packed", "sizes"), SETTINGS)
def test_replies_lengths_and_encodings_are_those_of_redis(redis, fill, depth, packed, sizes):
    rng = random.Random(hash((fill, depth, packed, len(sizes))))
    requests = Requests(rng, sizes)
    r, client = R(enable_debug_command="yes"), peers.Client(redis.port)
    try:
        setting = [["CONFIG", "SET", "list-max-listpack-size", fill, "list-compress-depth", depth],
                   ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", f"{packed}b"]]
        for words in [["FLUSHALL"], *setting]:
            r(*words)
            client.send(encode(*words))
            client.receive()
        for step in range(0, STEPS, BATCH):
            batch = [requests() for _ in range(BATCH)]
            words = [w for request in batch
                     for w in (request, *(["OBJECT", "ENCODING", key] for key in KEYS))]
            data = b"".join(encode(*w) for w in words)
            client.send(data)
            ours = Replies(r.session.feed(data)).all()
            for i, w in enumerate(words):
                wanted = reply_of(client)
                assert str(ours[i]) == str(wanted), f"step {step + i // 4}: {w} after {words[i // 4 * 4]}"
    finally:
        client.close()


@pytest.mark.parametrize("element", ["7", "70000", "123456789012", "-5", "abc", "007"])
@pytest.mark.parametrize("others", [[], ["x" * 3000], ["x" * 3000] * 4], ids=["alone", "listpack", "quicklist"])
def test_a_moved_element_is_reckoned_like_redis_does(redis, element, others):
    """An integer counts as its digits, unless it comes from a quicklist: then as nothing."""
    r, client = R(), peers.Client(redis.port)
    data = encode("FLUSHALL") + encode("CONFIG", "SET", "list-max-listpack-size", "-1", "list-compress-depth", 0)
    for n in range(4066, 4090):
        data += encode("DEL", "a", "b")
        data += encode("RPUSH", "b", "x" * n) + encode("RPUSH", "a", element, *others)
        data += encode("LMOVE", "a", "b", "LEFT", "LEFT") + encode("OBJECT", "ENCODING", "b")
    try:
        client.send(data)
        ours = Replies(r.session.feed(data)).all()
        assert [str(reply) for reply in ours] == [str(reply_of(client)) for _ in ours]
    finally:
        client.close()
