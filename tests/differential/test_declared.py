"""Every declared command beside a real Redis 8: the same random requests, and replies compared byte for byte.

The requests come from tests/grammar.py, so a new command is compared as soon as it is declared. A reply whose
command calls its own order undefined is compared sorted; one that calls itself nondeterministic, by its first
byte; what a command did is then seen by those that follow it. `make fuzz` goes on for PYREDIS_FUZZ_SECONDS.
"""

import itertools
import os
import random
import time

import pytest

from bench import peers
from pyredis.commands import spec
from tests.grammar import Grammar, commands
from tests.session import R, Replies, encode, freeze

SECONDS = float(os.environ.get("PYREDIS_FUZZ_SECONDS", "0"))
STEPS = 2000
BATCH = 50                      # requests the real server gets at a time
QUOTED = 400                    # bytes of an error; what it quotes of a request we cut off earlier than Redis
LENIENT = 10 ** 9
LEAVES = commands(valkey=False)


@pytest.fixture(scope="module")
def redis(peer):
    return peer("redis8", "--enable-debug-command", "yes")


def split(data, count):
    """`count` replies as the bytes they are, or None while they are not whole."""
    replies, found = Replies(data), []
    for _ in range(count):
        start = replies.at
        try:
            replies.next()
        except (ValueError, KeyError):
            return None
        if replies.at > len(data):
            return None
        found.append(data[start:replies.at])
    return found


class Link:
    """A connection to the real server whose replies stay bytes."""

    def __init__(self, port):
        self.client = peers.Client(port)

    def __call__(self, requests):
        self.client.send(b"".join(encode(*words) for words in requests))
        data = b""
        while (found := split(data, len(requests))) is None:
            more = self.client._socket.recv(1 << 20)
            assert more, "the real server closed the connection"
            data += more
        return found


def comparable(leaf, reply):
    """What of a reply must be the same on both sides."""
    if reply[:1] == b"-":
        return reply[:QUOTED]
    if leaf.name.endswith("|HELP") or leaf.name == "XINFO|STREAM":      # texts of our own; times, and the tree's nodes
        return reply[:1]
    if leaf.name.endswith("EXPIRETIME"):        # of a key, or of each field; set from each server's own clock
        told = Replies(reply).next()
        return [at // LENIENT if at > 0 else at for at in (told if isinstance(told, list) else [told])]
    if leaf.unordered and reply[:1] in b"*~":
        return sorted(map(freeze, Replies(reply).next()))
    return reply if leaf.deterministic else reply[:1]


def has_ties(words):
    """May SORT leave members as they stand in a table? So it does without sorting, and where BY finds equal texts."""
    options = [word.upper() for word in words[2:]]
    return b"BY" in options and (b"ALPHA" in options or b"*" not in b"".join(options))


def changes_at_random(leaf, words):
    """Streams are as random as what they are given: an ID from the clock is, and nothing else."""
    if leaf.name in ("XADD", "XTRIM", "XCLAIM", "XAUTOCLAIM"):
        return b"*" in words and len(words) > 1
    return leaf.command.flags & spec.WRITE and not leaf.deterministic and not leaf.unordered and len(words) > 1


def requests(grammar, names):
    """Endless random requests. What a command changed at random (SPOP) is deleted after it: no two servers agree."""
    while True:
        leaf, words = grammar.request()
        if leaf.name.startswith("SORT") and has_ties(words):
            continue
        yield leaf, words
        if changes_at_random(leaf, words):
            yield names["DEL"], [b"DEL", words[1]]


def compare(redis, seed, proto, steps):
    """The first difference of one sequence, as text; None if there is none."""
    rng = random.Random(seed)
    source = requests(Grammar(rng, LEAVES, valkey=False), {leaf.name: leaf for leaf in LEAVES})
    link, r = Link(redis.port), R()
    try:
        r.session.set_clock(-1)
        r.server.core.set_active_expire(False, 1)         # what waits runs the cycle
        # SET may make a key that is over already: DBSIZE counts it until somebody looks, or active expiry comes by
        link([["DEBUG", "SET-ACTIVE-EXPIRE", "0"], ["FLUSHALL"], ["HELLO", proto]])
        r.session.feed(encode("HELLO", proto))
        for step in range(0, steps, BATCH):
            batch = list(itertools.islice(source, BATCH))
            theirs = link([words for _, words in batch])
            for i, (leaf, words) in enumerate(batch):
                ours = r.session.feed(encode(*words))
                while not ours:                 # it waits: until its time is up
                    r.cycle()
                    ours = r.session.take()
                if comparable(leaf, ours) != comparable(leaf, theirs[i]):
                    return f"seed {seed}, step {step + i}: {words!r}\n  ours   {ours!r}\n  theirs {theirs[i]!r}"
        assert r.session.check() == 0
        return None
    finally:
        link.client.close()


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_replies_are_the_same_bytes(redis, seed, proto):
    difference = compare(redis, seed, proto, STEPS)
    assert difference is None, difference


def test_replies_are_the_same_bytes_for_as_long_as_asked(redis):
    end = time.monotonic() + SECONDS
    for seed in itertools.count(1000):
        if time.monotonic() >= end:
            break
        difference = compare(redis, seed, 2 + seed % 2, STEPS)
        assert difference is None, difference
