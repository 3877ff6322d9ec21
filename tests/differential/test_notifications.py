"""The keyspace notifications of every declared command beside those of a real Redis 8.

A connection in RESP3 that subscribed to all notifications gets those of its own commands right after the reply.
So one connection is enough: it sends a random request (tests/grammar.py) and a PING, and what comes between the
reply and the PONG are the events of the request, in order, names and databases included. (Of a command that waits
they come before the reply.)
"""

import itertools
import os
import random
import time

import pytest

from bench import peers
from tests.differential.test_declared import LEAVES, requests
from tests.grammar import Grammar
from tests.session import R, Replies, encode

SECONDS = float(os.environ.get("PYREDIS_FUZZ_SECONDS", "0"))
STEPS = 1500
BATCH = 25
BEGIN = [["DEBUG", "SET-ACTIVE-EXPIRE", "0"], ["FLUSHALL"], ["CONFIG", "SET", "notify-keyspace-events", "KEAnm"],
         ["HELLO", "3"], ["PSUBSCRIBE", "__key*"]]
PING = ["PING"]
PONG = b"+PONG\r\n"


@pytest.fixture(scope="module")
def redis(own_peer):
    return own_peer("redis8", "--enable-debug-command", "yes")


class Events:
    """What a server answers to requests with a PING after each, as (reply, its events)."""

    def __init__(self, exchange):
        self.exchange = exchange
        for words in BEGIN:
            exchange([words, PING])

    def __call__(self, batch):
        data = self.exchange([words for _, words in batch for words in (words, PING)])
        found = []
        items = iter(split(data))
        for _ in batch:
            reply, events = b"", []
            while (item := next(items)) != PONG:
                if item[:1] != b">":
                    reply = item
                    continue
                kind, _, channel, message = Replies(item).next()
                assert kind == b"pmessage"
                events.append((channel, message))
            found.append((reply, events))
        return found


class Real:
    """A connection to the real server; the last command of each call is a PING."""

    def __init__(self, port):
        self.client = peers.Client(port)

    def __call__(self, commands):
        self.client.send(b"".join(encode(*words) for words in commands))
        data = b""
        pings = commands.count(PING)
        while (found := split(data)) is None or found.count(PONG) < pings:
            more = self.client._socket.recv(1 << 20)
            assert more, "the real server closed the connection"
            data += more
        return data


def split(data):
    """The replies and pushes as the bytes they are, or None while the last is not whole."""
    replies, found = Replies(data), []
    try:
        while replies.at < len(data):
            start = replies.at
            replies.next()
            found.append(data[start:replies.at])
    except (ValueError, KeyError, IndexError):
        return None
    return found if replies.at == len(data) else None


def ours(r):
    def exchange(commands):
        data = b""
        for words in commands:
            got = r.session.feed(encode(*words))
            while words not in BEGIN and all(item[:1] == b">" for item in split(got)):   # it waits till its time is up
                r.cycle()
                got += r.session.take()
            data += got
        return data
    return exchange


def comparable(leaf, events):
    """Redis's XREAD and XREADGROUP look for each key twice, and so miss it twice. SORT looks for what GET leads to
    pattern by pattern here, and element by element there."""
    if leaf.name in ("SORT", "SORT_RO"):
        return sorted(events)
    if leaf.name in ("XREAD", "XREADGROUP"):
        return list(dict.fromkeys(events))
    return events


def compare(redis, seed, steps):
    """The first difference of one sequence, as text; None if there is none."""
    source = requests(Grammar(random.Random(seed), LEAVES, valkey=False), {leaf.name: leaf for leaf in LEAVES})
    r = R()
    r.session.set_clock(-1)
    r.server.core.set_active_expire(False, 1)             # what waits runs the cycle
    real = Real(redis.port)
    mine, theirs = Events(ours(r)), Events(real)
    try:
        for step in range(0, steps, BATCH):
            batch = [(leaf, words) for leaf, words in itertools.islice(source, BATCH) if leaf.name != "PING"]
            for at, ((leaf, words), (reply, got), (wanted_reply, wanted)) in enumerate(
                    zip(batch, mine(batch), theirs(batch), strict=True)):
                if comparable(leaf, got) != comparable(leaf, wanted):
                    return (f"seed {seed}, step {step + at}, {words}: {reply[:80]!r} with {got}, "
                            f"Redis {wanted_reply[:80]!r} with {wanted}")
    finally:
        real.client.close()
    return None


@pytest.mark.parametrize("lane", range(3))
def test_every_command_raises_the_events_that_it_raises_in_redis(redis, lane):
    seed, until = lane, time.time() + SECONDS
    while True:
        assert compare(redis, seed, STEPS) is None
        if time.time() >= until:
            break
        seed += 3
