"""ACL beside a real Redis 8: random rules must print alike on both, random users be refused the same commands with
the same words, and ACL DRYRUN agree with doing. Valkey's databases are held against Valkey."""

import random

import pytest

from pyredis.commands.families import FAMILIES
from pyredis.commands.spec import Category
from pyredis.commands.table import CommandTable
from tests.commands.test_command import read_as_the_command_does
from tests.differential.test_declared import Link
from tests.grammar import Grammar, commands
from tests.session import R, encode

ROUNDS = 250                         # of rules, a seed
USERS = 40                           # a seed
COMMANDS = 50                        # a user
LEAVES = commands(valkey=False)
TABLE = CommandTable(FAMILIES)
NAMES = [entry.name for entry in TABLE.entries() if not entry.spec.valkey]
SOME = ["get", "set", "config", "config|get", "config|set", "object", "object|freq", "xgroup", "xgroup|create",
        "client", "client|id", "select", "select|0", "get|a", "publish", "eval"]
GLOBS = ["*", "a", "a*", "k*", "k[0-2]", "k?", "", "k1", "*a", "h*", "[^k]*", "k\\1", "longer-than-eight-*", "x:y"]
WORDS = ["on", "off", "nopass", "resetpass", "sanitize-payload", "skip-sanitize-payload", "allkeys", "resetkeys",
         "allchannels", "resetchannels", "allcommands", "nocommands", "+@all", "-@all", "~*", "&*", "clearselectors",
         "reset", "", "ON", "ResetKeys"]
WRONG = ["x", "+", "-", "+nosuch", "-nosuch", "+@nosuch", "-@", "+get|", "+config|nosuch", "-get|a", "+config|get|x",
         "%", "%R", "%~a", "%RR~a", "%X~a", "~a b", "& x", "#zz", "!zz", "<no", ")", "(", "()", "(on)", "(+get",
         "~a)", "(~a (+get)", "#" + "a" * 63, "#" + "A" * 64]


class Rules:
    """A source of rules."""

    def __init__(self, rng):
        self.rng = rng

    def command(self):
        return self.rng.choice(SOME) if self.rng.random() < 0.5 else self.rng.choice(NAMES)

    def of_selector(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.2:
            return rng.choice(["+", "-"]) + "@" + rng.choice(list(Category)).name.lower()
        if kind < 0.55:
            return rng.choice(["+", "+", "-"]) + self.command()
        if kind < 0.8:
            return rng.choice(["~", "~", "%R~", "%W~", "%RW~", "%r~", "%wr~"]) + rng.choice(GLOBS)
        if kind < 0.93:
            return "&" + rng.choice(GLOBS)
        return rng.choice(["allkeys", "resetkeys", "resetchannels", "+@all", "-@all", "allchannels"])

    def selector(self):
        return "(" + " ".join(self.of_selector() for _ in range(self.rng.randint(0, 4))) + ")"

    def rule(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.12:
            return rng.choice(WORDS)
        if kind < 0.2:
            return rng.choice("><") + rng.choice("abc")
        if kind < 0.22:
            return "#" + rng.choice("ab") * 64
        if kind < 0.28:
            return self.selector()
        if kind < 0.33:
            return rng.choice(WRONG)
        return self.of_selector().upper() if kind < 0.36 else self.of_selector()

    def rules(self):
        return [self.rule() for _ in range(self.rng.randint(1, 5))]

    def user(self):
        """Rules of a user who may do something, but not everything."""
        rng = self.rng
        basis = ["+@all"] if rng.random() < 0.6 else ["+@read", "+@write"]
        own = [self.of_selector() for _ in range(rng.randint(1, 5))]
        selectors = [self.selector() for _ in range(rng.choice([0, 0, 1, 2]))]
        keys = rng.choice([["~*"], ["%R~*"], ["%W~k*"], ["~k*"], ["~k*", "%R~a"], []])
        return ["on", "nopass", "resetchannels", *basis, *keys, *own, *selectors]


@pytest.fixture(scope="module")
def redis(own_peer):
    return own_peer("redis8", "--enable-debug-command", "yes")


@pytest.fixture(scope="module")
def valkey(own_peer):
    return own_peer("valkey9", "--enable-debug-command", "yes")


def same(link, r, *words):
    """The reply of both, which must be the same bytes."""
    ours, theirs = r.session.feed(encode(*words)), link([words])[0]
    assert ours == theirs, f"{words!r}\n  ours   {ours!r}\n  theirs {theirs!r}"
    return ours


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_rules_print_alike_after_any_changes(redis, seed, proto):
    rng = random.Random(seed * 2 + proto)
    source, link, r = Rules(rng), Link(redis.port), R()
    link([["ACL", "DELUSER", "u", "v"], ["HELLO", proto]])
    r.session.feed(encode("HELLO", proto))
    for _ in range(ROUNDS):
        name = rng.choice("uuv")
        if rng.random() < 0.05:
            same(link, r, "ACL", "SETUSER", name, "reset")
        same(link, r, "ACL", "SETUSER", name, *source.rules())
        same(link, r, "ACL", "GETUSER", name)
        same(link, r, "ACL", "LIST")
    link.client.close()


def refusal(reply):
    """What must be the same of a reply: the words of a refusal, else nothing."""
    return reply if reply.startswith(b"-NOPERM") or b"ACL permissions" in reply else b""


@pytest.mark.parametrize("seed", range(4))
def test_the_same_commands_are_refused_with_the_same_words(redis, seed):
    rng = random.Random(seed)
    source, grammar = Rules(rng), Grammar(rng, LEAVES, valkey=False)
    operator, r = Link(redis.port), R()
    operator([["FLUSHALL"], ["ACL", "DELUSER", "u"]])
    for _ in range(USERS):
        rules = source.user()
        r.session.feed(encode("ACL", "SETUSER", "u", "reset", *rules))
        operator([["ACL", "SETUSER", "u", "reset", *rules]])
        requests = [words for words in (grammar.request()[1] for _ in range(COMMANDS))
                    if not read_as_the_command_does(words)]
        dry = [r.session.feed(encode("ACL", "DRYRUN", "u", *words)) for words in requests]
        assert dry == operator([["ACL", "DRYRUN", "u", *words] for words in requests]), rules
        link, client = Link(redis.port), R(r.server)
        link([["AUTH", "u", "x"]])
        r.session.set_clock(-1)
        client.session.feed(encode("AUTH", "u", "x"))
        theirs = link(requests)
        for words, reply, told in zip(requests, theirs, dry, strict=True):
            ours = client.session.feed(encode(*words))
            while not ours:                  # it waits: until its time is up
                r.cycle()
                ours = client.session.take()
            assert refusal(ours) == refusal(reply), (rules, words, ours, reply)
            assert ours.startswith(b"-NOPERM") == told.startswith(b"$"), (rules, words, ours, told)
        link.client.close()
        del client
    operator.client.close()


DATABASE_RULES = ["alldbs", "resetdbs", "db=0", "db=1", "db=0,1", "db=3,0,1", "db=99", "(db=0 ~* +@all)",
                  "(db=1 +get +select ~k*)", "(resetdbs +@all)", "-select", "-get", "db=", "db=x", "db=1,", "DB=2",
                  "db=-1", "db=2147483648", "AllDbs", "clearselectors", "-@all", "+@all", "resetkeys", "~*"]
DATABASE_COMMANDS = [
    ["GET", "k"], ["SELECT", "0"], ["SELECT", "1"], ["SELECT", "7"], ["SELECT", "x"], ["SELECT", "99"],
    ["MOVE", "k", "1"], ["MOVE", "k", "x"], ["MOVE", "k", "99"], ["COPY", "a", "b"], ["COPY", "a", "b", "DB", "1"],
    ["COPY", "a", "b", "DB", "0", "DB", "1"], ["COPY", "a", "DB", "DB", "1"], ["COPY", "a", "b", "DB"],
    ["SWAPDB", "0", "1"], ["SWAPDB", "1", "0"], ["SWAPDB", "3", "5"], ["SWAPDB", "x", "1"], ["FLUSHALL"], ["FLUSHDB"],
    ["DBSIZE"], ["KEYS", "*"], ["SCAN", "0"], ["RANDOMKEY"], ["PING"], ["PUBLISH", "c", "m"], ["EVAL", "return 1", "0"],
    ["OBJECT", "HELP"], ["WATCH", "k"], ["INFO"], ["CONFIG", "GET", "port"], ["MULTI"], ["SET", "k", "v"]]


@pytest.mark.parametrize("seed", range(3))
def test_databases_are_held_apart_as_in_valkey(valkey, seed):
    rng = random.Random(seed)
    link, r = Link(valkey.port), R()
    link([["ACL", "DELUSER", "u"]])
    for _ in range(150):
        if rng.random() < 0.2:
            same(link, r, "ACL", "SETUSER", "u", "reset", "on", "nopass", "~*", "+@all", "allchannels")
        same(link, r, "ACL", "SETUSER", "u", *rng.choices(DATABASE_RULES, k=2))
        for words in rng.sample(DATABASE_COMMANDS, 12):
            same(link, r, "ACL", "DRYRUN", "u", *words)
    link.client.close()
