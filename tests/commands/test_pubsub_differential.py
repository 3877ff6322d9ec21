"""Publish and subscribe beside real servers: the same clients send the same, and each gets the same bytes.

Who unsubscribes from everything is told in an order that is each server's own, and so has one subscription then;
who subscribes to several patterns gets a message for each in such an order, so what came is compared sorted.
"""

import random
import socket

import pytest

from tests.session import Replies, encode, freeze

CHANNELS = ["a", "b", "ab", "news.1", ""]
PATTERNS = ["*", "a*", "news.?", "[ab]", "a"]
SYNC = b"$3\r\n\0s\0\r\n"


class Client:
    """A connection; `settle` gives what has come, when the server has done everything before."""

    def __init__(self, port, proto):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.sendall(encode("HELLO", proto))
        self.socket.recv(1 << 16)

    def send(self, words):
        self.socket.sendall(encode(*words))

    def settle(self):
        """Everything up to the answer to a PING of our own, which stands in any mode."""
        self.send(["PING", "\0s\0"])
        data = b""
        while not data.endswith(SYNC):
            more = self.socket.recv(1 << 16)
            assert more
            data += more
        return sorted(repr(freeze(item)) for item in Replies(data).all())


def steps(seed):
    """(who, words) without end."""
    rng = random.Random(seed)
    while True:
        who = rng.randrange(4)
        word = rng.choice(["SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE",
                           "PUBLISH", "PUBLISH", "SPUBLISH", "PUBSUB", "PING", "GET", "RESET"])
        if word in ("PUBLISH", "SPUBLISH"):
            yield who, [word, rng.choice(CHANNELS), "m" * rng.choice([0, 1, 3000])]
        elif word == "PUBSUB":
            yield who, [word, rng.choice(["NUMPAT", "NUMSUB", "SHARDNUMSUB"]), *rng.sample(CHANNELS, rng.randint(0, 2))]
        elif word == "RESET":
            yield who, [word]
        elif word == "GET":
            yield who, [word, "k"]
        elif word == "PING":
            yield who, [word, *rng.sample(CHANNELS, rng.randint(0, 1))]
        else:
            names = PATTERNS if word.startswith("P") else CHANNELS
            yield who, [word, *rng.sample(names, rng.randint(1, 3))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["redis8", "valkey9"])
def test_every_client_gets_what_it_gets_from_a_real_server(own_peer, start_server, name, seed):
    ours, theirs = start_server(), own_peer(name)
    pairs = [(Client(ours.port, 2 + who % 2), Client(theirs.port, 2 + who % 2)) for who in range(4)]
    for step, (who, words) in zip(range(250), steps(seed), strict=False):
        for client in pairs[who]:
            client.send(words)
        for mine, real in (pairs[who], *pairs):             # who publishes first, or the others may be too early
            assert mine.settle() == real.settle(), (seed, step, who, words)
    for pair in pairs:
        for client in pair:
            client.socket.close()
