"""Bitmaps and HyperLogLogs beside real servers: the same requests, replies compared byte for byte, then the strings,
their encodings, and what counts as a change; sketches go to and fro as strings."""

import random

import pytest

from bench import peers
from tests.differential.test_declared import Link
from tests.session import R, Replies, encode

KEYS = [b"k%d" % i for i in range(4)]
VALUES = [b"", b"7", b"12345", b"-1", b"hello", b"\xff" * 9, b"\0" * 20, b"\xff\0" * 30, bytes(range(256)) * 9,
          b"\x0f" * 50]
RANGES = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 40, 63, 64, 300, 2303, 2304, -1, -2, -8, -9, -16, -40, -300, -3000,
          2**62, 2**63 - 1, -2**63, "x"]
OFFSETS = [0, 1, 7, 8, 9, 63, 64, 100, 2000, 16000, 18432, 20000, "x", -1, 2**32, "#3", "#x", "#"]
NUMBERS = [0, 1, -1, 2, 5, 127, 128, 255, 256, -128, -129, 2**31, -2**31, 2**62, 2**63 - 1, -2**63, 2**63, "x"]
TYPES = ["u1", "i1", "u2", "i7", "u8", "i8", "u9", "i16", "u31", "i32", "i33", "u62", "u63", "i63", "i64",
         "u64", "i65", "x"]


@pytest.fixture(scope="module", params=["redis8", "valkey9"])
def real(request, peer):
    return peer(request.param, "--enable-debug-command", "yes")


@pytest.fixture(scope="module")
def redis(peer):
    return peer("redis8", "--enable-debug-command", "yes")


def bit_command(rng):
    key = rng.choice(KEYS)
    unit = [rng.choice(["BIT", "BYTE", "bit", "byte", "no"])]
    return rng.choice([
        lambda: ["SET", key, rng.choice(VALUES)], lambda: ["SET", key, rng.choice(VALUES), "EXAT", "4000000000"],
        lambda: ["SETBIT", key, rng.choice(OFFSETS), rng.choice([0, 1, 1, 1, 2, "x"])],
        lambda: ["SETBIT", key, rng.choice(OFFSETS[:10]), rng.choice([0, 1])],
        lambda: ["GETBIT", key, rng.choice(OFFSETS)],
        lambda: ["BITCOUNT", key], lambda: ["BITCOUNT", key, *rng.choices(RANGES, k=2)],
        lambda: ["BITCOUNT", key, *rng.choices(RANGES, k=2), *unit],
        lambda: ["BITPOS", key, rng.choice([0, 1, 1, 0, 2, "x"]), *rng.choices(RANGES, k=rng.randrange(3))],
        lambda: ["BITPOS", key, rng.choice([0, 1]), *rng.choices(RANGES, k=2), *unit],
        lambda: ["BITOP", rng.choice(["AND", "or", "XOR", "NOT", "nor"]), key, *rng.choices(KEYS, k=rng.randint(1, 4))],
        lambda: ["BITOP", "NOT", key, rng.choice(KEYS)],
        lambda: ["BITFIELD", key, *steps(rng)], lambda: ["BITFIELD", key, *steps(rng)],
        lambda: ["BITFIELD_RO", key, *steps(rng, write=rng.random() < 0.1)],
        lambda: ["DEL", key], lambda: ["APPEND", key, "ab"], lambda: ["INCR", key],
    ])()


def steps(rng, write=True):
    """Words of BITFIELD, mostly sound."""
    sound = rng.random() < 0.8
    words = []
    for _ in range(rng.randrange(5)):
        kind = rng.choice(TYPES[:-3] if sound else TYPES)
        at = rng.choice([*OFFSETS[:10], "#3", "#0"] if sound else OFFSETS)
        number = rng.choice(NUMBERS[:-2] if sound else NUMBERS)
        choices = [["GET", kind, at]]
        if write:
            choices += [["SET", kind, at, number], ["INCRBY", kind, at, number], ["incrby", kind, at, number],
                        ["OVERFLOW", rng.choice(["WRAP", "sat", "FAIL", "FAIL" if sound else "x"])]]
        words += rng.choice(choices)
    if not sound and words:
        del words[rng.randrange(len(words))]
    return words


def sketch_command(rng, span):
    key = rng.choice(KEYS)
    some = [rng.randrange(span) for _ in range(rng.choice([0, 1, 1, 1, 3, 20, 100]))]
    return rng.choice([
        *[lambda: ["PFADD", key, *some]] * 4, lambda: ["PFCOUNT", key],
        lambda: ["PFCOUNT", *rng.choices(KEYS, k=rng.randint(1, 4))],
        lambda: ["PFMERGE", *rng.choices(KEYS, k=rng.randint(1, 4))],
        lambda: ["PFDEBUG", rng.choice(["ENCODING", "DECODE", "TODENSE" if rng.random() < 0.1 else "ENCODING"]), key],
        lambda: ["DEL", key] if rng.random() < 0.15 else ["PFCOUNT", key], lambda: ["OBJECT", "ENCODING", key],
    ])()


def valkeys_order(server, words, ours, theirs):
    """Valkey looks at BITCOUNT's unit before its numbers."""
    return server.name == "valkey9" and words[0] == "BITCOUNT" and ours[:1] == theirs[:1] == b"-"


def compare(server, commands, config=()):
    """Both answer the same bytes to each command, and hold the same strings after it."""
    link, r = Link(server.port), R()
    try:
        r.session.set_clock(-1)
        link([["FLUSHALL"], ["CONFIG", "SET", "hll-sparse-max-bytes", 3000], *config])
        for words in config:
            r.session.feed(encode(*words))
        for at in range(0, len(commands), 40):
            batch = [words for command in commands[at:at + 40]
                     for words in (command, ["GET", command[1 if command[0] != "BITOP" else 2]])]
            for words, theirs in zip(batch, link(batch), strict=True):
                ours = r.session.feed(encode(*words))
                assert ours == theirs or valkeys_order(server, words, ours, theirs), words
        assert r.session.check() == 0
    finally:
        link.client.close()


@pytest.mark.parametrize("seed", range(6))
def test_bit_commands_answer_the_same(real, seed):
    rng = random.Random(seed)
    compare(real, [bit_command(rng) for _ in range(1200)])


@pytest.mark.parametrize("limit", [18, 60, 500, 3000, 16000])
@pytest.mark.parametrize("span", [50, 3000, 10**6])
def test_sketches_are_the_same_bytes_after_every_command(real, limit, span):
    rng = random.Random(limit + span)
    compare(real, [sketch_command(rng, span) for _ in range(600)], [["CONFIG", "SET", "hll-sparse-max-bytes", limit]])


def test_a_growing_sketch_turns_dense_at_the_same_element_and_is_estimated_alike(real):
    for seed in range(4):
        compare(real, [words for i in range(2500) for words in (["PFADD", b"k0", f"{seed}:{i}"], ["PFCOUNT", b"k0"])])


def test_estimates_agree_to_the_last_digit_for_registers_of_any_kind(redis):
    """Dense sketches with registers from hostile hands as well as from elements."""
    rng, commands = random.Random(4), []
    for _ in range(150):
        most = rng.choice([1, 2, 5, 20, 50, 51, 52, 63])
        share = rng.random() ** 3
        bits = 0
        for i in range(16384):
            if rng.random() < share:
                bits |= rng.randint(0, most) << 6 * i
        image = b"HYLL\0\0\0\0" + bytes(7) + b"\x80" + bits.to_bytes(12288, "little")
        commands += [["SET", b"k0", image], ["PFCOUNT", b"k0"], ["PFCOUNT", b"k0", b"k1"], ["PFMERGE", b"k1", b"k0"],
                     ["PFADD", b"k0", *range(50)], ["PFCOUNT", b"k0"]]
    for value in (50, 51, 52, 63):
        same = int.from_bytes(bytes([0] * 12288), "little")
        for i in range(16384):
            same |= value << 6 * i
        commands += [["SET", b"k0", b"HYLL\0\0\0\0" + bytes(7) + b"\x80" + same.to_bytes(12288, "little")],
                     ["PFCOUNT", b"k0"], ["PFCOUNT", b"k0", b"none"]]
    compare(redis, commands)


def corrupt(rng, image):
    """A sparse sketch with a few bytes changed, lost or added behind its header."""
    body = bytearray(image[16:])
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(body) + 1)
        what = rng.randrange(3)
        if what == 0 and at < len(body):
            body[at] = rng.randrange(256)
        elif what == 1 and at < len(body):
            del body[at]
        else:
            body.insert(at, rng.randrange(256))
    return image[:16] + bytes(body)


def test_spoilt_sketches_are_refused_or_not_as_in_redis_when_all_is_read(redis):
    """PFADD reads no further than its register, and there each server has its own idea of what to notice."""
    rng, r, commands = random.Random(6), R(), []
    for _ in range(300):
        r("DEL", "s")
        r("PFADD", "s", *(rng.randrange(10**6) for _ in range(rng.choice([0, 3, 50, 400]))))
        commands.append(["SET", b"k0", corrupt(rng, r("GET", "s"))])
        commands += rng.choices([["PFCOUNT", b"k0"], ["PFCOUNT", b"k0", b"k1"], ["PFMERGE", b"k1", b"k0"],
                                 ["PFMERGE", b"k0"], ["PFMERGE", b"k0", b"k2"], ["PFDEBUG", "TODENSE", b"k0"]], k=3)
    compare(redis, commands)


def test_what_counts_as_a_change_and_its_events_are_the_same(peer):
    """Changes since the last save, the AOF's commands and notifications, command by command."""
    server = peer("redis8", "--appendonly", "yes", "--appendfsync", "no", "--notify-keyspace-events", "E$gA")
    server.call("FLUSHALL")
    before = len(appended(server))
    listener = peers.Client(server.port)
    listener.call("PSUBSCRIBE", "__keyevent@0__:*")
    ours, rng, propagated = R(), random.Random(9), []
    ours.session.set_clock(-1)
    try:
        for i in range(700):
            command = [word if isinstance(word, bytes) else str(word).encode()
                       for word in (bit_command(rng) if i % 2 else sketch_command(rng, 3000))]
            if command[0] == b"DEL" or (command[0] == b"SET" and i % 3):
                continue                            # or sketches would never live long
            dirty = changes(server)
            ours.session.clear()
            ours.session.feed(encode(*command))
            try:
                server.call(*command)
            except peers.ReplyError:
                pass
            assert sum(effect.dirty for effect in ours.effects) == changes(server) - dirty, command
            propagated += ours.propagated
            server.call("PUBLISH", "__keyevent@0__:end", "")
            heard = iter(listener.receive, [b"pmessage", b"__keyevent@0__:*", b"__keyevent@0__:end", b""])
            theirs = [(channel.partition(b":")[2].decode(), key) for _, _, channel, key in heard]
            silent = ("pfcount", "pfdebug")
            assert [(e.event, e.key) for e in ours.effects if e.event not in silent] == theirs, command
        assert len(propagated) > 100
        assert propagated == appended(server)[before:]
    finally:
        listener.close()


def changes(server):
    return int(peers.info_fields(server.call("INFO", "persistence"))["rdb_changes_since_last_save"])


def appended(server):
    """The commands in the AOF, but for those that frame them."""
    found = []
    for path in sorted(server.folder.glob("**/*.incr.aof")):
        found += Replies(path.read_bytes()).all()
    return [words for words in found if words[0].upper() not in (b"SELECT", b"MULTI", b"EXEC", b"FLUSHALL")]
