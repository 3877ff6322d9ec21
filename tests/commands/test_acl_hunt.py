"""No request of a user may change a key that the user may not write, nor tell what is in one that may not be read,
however its options are spelled and repeated."""

import random

import pytest

from tests.grammar import KEYS, Grammar, commands
from tests.session import R, encode

REQUESTS = 4000                      # a seed
OWN = [b"k0", b"k1", b"store", b"by", b"get", b"limit", b"streams", b"group", b"db", b"count", b"storedist"]
FOREIGN = [b"x0", b"x1", b"x2"]
SECRET = b"is in no other key"
EVERYTHING = {"FLUSHALL", "FLUSHDB", "SWAPDB"}
READS_AND_NOTES = ("pfcount", "xreadgroup")       # what these note in the key asks for no right to write, as in Redis
LEAVES = [leaf for leaf in commands() if leaf.name not in EVERYTHING]


class Hunter:
    """Makes requests that look as if they were about the user's own keys."""

    def __init__(self, rng):
        self.rng, self.grammar = rng, Grammar(rng, LEAVES)

    def word(self, word):
        if word in KEYS or self.rng.random() < 0.1:
            return self.rng.choice(OWN if self.rng.random() < 0.6 else FOREIGN)
        return word

    def request(self):
        leaf, words = self.grammar.request()
        if self.rng.random() < 0.4:              # options once more
            words = words + self.grammar.valid(leaf)[self.rng.randint(1, 5):]
        return [*words[:len(leaf.words)], *map(self.word, words[len(leaf.words):])]


def given_foreign_keys(r):
    r("DEL", *FOREIGN)
    r("RPUSH", FOREIGN[0], SECRET, 2)
    r("GEOADD", FOREIGN[1], 0, 0, SECRET, 1, 1, "b")
    r("XADD", FOREIGN[2], "1-1", "f", SECRET)
    r("XGROUP", "CREATE", FOREIGN[2], "g", 0)


@pytest.mark.parametrize("foreign_may_be", ["untouched", "read"])
def test_no_request_changes_or_tells_what_the_user_may_not(foreign_may_be):
    r, seed = R(), len(foreign_may_be)
    r("ACL", "SETUSER", "bob", "on", "nopass", "+@all", *(b"~" + key for key in OWN))
    if foreign_may_be == "read":
        r("ACL", "SETUSER", "bob", "%R~x*", *("-" + name for name in READS_AND_NOTES))
    bob = R(r.server)
    bob("AUTH", "bob", "x")
    hunter, changes = Hunter(random.Random(seed)), 0
    for number in range(REQUESTS):
        if number % 200 == 0:
            given_foreign_keys(r)
        words = hunter.request()
        r.session.clear()
        reply = bob.session.feed(encode(*words))
        changed = {effect.key for effect in r.effects}
        assert not changed & set(FOREIGN), (words, reply)
        assert foreign_may_be == "read" or SECRET not in reply, words
        changes += bool(changed)
        if not reply:
            r("CLIENT", "UNBLOCK", bob.session.id)
        bob.session.clear()
    assert changes > REQUESTS // 50
