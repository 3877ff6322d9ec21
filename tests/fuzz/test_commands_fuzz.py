"""Random requests from the commands' own declarations, to a server in this process: it neither breaks nor lies.

After each the keyspace and the arena are sound and there is exactly one reply, which can be read; at the end
all memory comes back. `make fuzz` sets PYREDIS_FUZZ_SECONDS, and then the seeds go on for so long.
"""

import itertools
import os
import random
import time

import _pyredis.figures as figures
import pytest

from tests.grammar import Grammar, commands
from tests.session import R, Replies, encode

SECONDS = float(os.environ.get("PYREDIS_FUZZ_SECONDS", "0"))
STEPS = 1500


def hammer(seed, steps=STEPS, r=None):
    """One sequence; the client that sent it."""
    rng = random.Random(seed)
    grammar = Grammar(rng, commands())
    r = r or R()
    r.session.feed(encode("HELLO", rng.choice([2, 3])))
    for step in range(steps):
        leaf, words = grammar.request()
        data = r.session.feed(encode(*words))
        replies = Replies(data)
        where = f"seed {seed}, step {step}: {words!r}"
        if leaf.blocks and not data:                # it waits: until its time is up
            r.advance(1000)
            r.cycle()
            data = r.session.take()
            replies = Replies(data)
        replies.next()
        assert replies.at == len(data), where
        assert r.session.check() == 0, where
        assert not r.session.closed, where
        if rng.random() < 0.02:
            r.advance(rng.choice([1, 1000, 10**6, 10**9]))
            r.cycle()
            assert r.session.check() == 0, where
    return r


@pytest.mark.parametrize("seed", range(20))
def test_no_sequence_breaks_the_server(seed):
    hammer(seed)


def test_no_sequence_breaks_the_server_for_as_long_as_asked():
    end = time.monotonic() + SECONDS
    for seed in itertools.count(1000):
        if time.monotonic() >= end:
            break
        hammer(seed)


@pytest.mark.parametrize("seed", [11, 12])
def test_all_memory_comes_back_when_the_databases_are_emptied(seed):
    """Once every buffer has grown to what this sequence needs, running it again leaves nothing behind."""
    used, r = [], R()
    for _ in range(3):
        hammer(seed, r=r)
        r("SELECT", 0)
        r("FLUSHALL")
        while r.cycle() == 0:
            pass
        used.append(figures.memory(r.server.core)["used"])
    assert used[1] == used[2]


def test_every_declared_command_is_reached():
    """A request of each, as declared, is at least not refused for its shape."""
    grammar = Grammar(random.Random(5), commands())
    for leaf in grammar.among:
        answers = set()
        for _ in range(200):
            r = SHARED
            data = r.session.feed(encode(*grammar.valid(leaf)))
            if not data:
                r.advance(1000)
                r.cycle()
                data = r.session.take()
            answers.add(data[:9])
        assert any(not answer.startswith((b"-ERR wron", b"-ERR unkn")) for answer in answers), leaf.name


SHARED = R()
