"""SORT against a real Redis 8: replies byte for byte, and the stored lists."""

import random

import pytest

from tests.commands import test_keys_differential
from tests.session import R

pytestmark = pytest.mark.peer

NUMBERS = [b"0", b"-0", b"7", b"-12", b"3.25", b"1e3", b"+5", b".5", b"5.", b"", b"inf", b"-INF", b"1e400", b"-1e400",
           b"1e-400", b"5\0abc", b"00012", b"123456789012345678901234567890", b"9007199254740993", b"9007199254740992"]
NO_NUMBERS = [b"nan", b"0x10", b" 1", b"1 ", b"1e", b"--1", b"abc", b".", b"1_0", b"-+1", b"nan(1)"]
TEXTS = [b"", b"a", b"B", b"a\0b", b"a\0c", b"\xff", b"aaaaaaaa", b"aaaaaaab", b"aaaaaaaaa", b"10", b"9", b"\0"]
PATTERNS = ["w_*", "h_*->f", "nosort", "*", "h_*->", "h_*->none", "w_*->f", "#", "*_w", "h_*->f->g", "s_*", "w_*\0x",
            ""]


class Peer(test_keys_differential.Peer):
    """Reads maps, too."""

    def read(self):
        reply = super().read()
        if reply[:1] == b"%":
            reply += b"".join(self.read() for _ in range(2 * int(reply[1:-2])))
        return reply


class Both:
    """The same commands to Redis and to us."""

    def __init__(self, port):
        self.peer, self.r = Peer(port), R()
        self.peer.raw("FLUSHALL")

    def __call__(self, *words):
        ours, theirs = self.r.raw(*words), self.peer.raw(*words)
        assert ours == theirs, words
        return ours

    def close(self):
        self.peer.close()


@pytest.fixture(params=[2, 3])
def both(peer, request):
    both = Both(peer("redis8", "--enable-debug-command", "yes").port)
    if request.param == 3:
        both.peer.raw("HELLO", 3)
        both.r.raw("HELLO", 3)
    yield both
    both.close()


@pytest.mark.parametrize("value", NUMBERS + NO_NUMBERS)
def test_what_a_number_is(both, value):
    both("RPUSH", "l", value, "1", "20", "-3")
    both("SORT", "l")
    both("SORT", "l", "DESC")
    both("SET", "w_1", value)
    both("RPUSH", "m", 1, 2, 3)
    both("SORT", "m", "BY", "w_*")
    both("HSET", "h_1", "f", value)
    both("SORT", "m", "BY", "h_*->f")


@pytest.mark.parametrize("options", [
    "LIMIT", "LIMIT 1", "LIMIT a 1", "LIMIT 1 b", "STORE", "BY", "GET", "FOO", "ASC DESC", "LIMIT 1 1 FOO",
    "LIMIT a 1 FOO", "LIMIT 9223372036854775808 1", "LIMIT 9223372036854775807 9223372036854775807", "DESC ASC",
    "ALPHA ALPHA", "LIMIT 0 2 LIMIT 1 1", "BY nosort BY w_*", "BY w_* BY nosort", "STORE a STORE b",
    "GET #", "GET # GET", "limit -5 2", "LIMIT 1 -1", "LIMIT 1 0", "LIMIT 5 5", "LIMIT 0 -9", "by w_* get # desc"])
@pytest.mark.parametrize("command", ["SORT", "SORT_RO"])
def test_options_and_their_errors(both, command, options):
    both("RPUSH", "l", 3, 1, 2)
    both("SET", "w_1", 5)
    both("SET", "str", "x")
    for key in ("l", "none", "str"):
        both(command, key, *options.split())
    both("LRANGE", "a", 0, -1)
    both("LRANGE", "b", 0, -1)


def options(chance, source):
    words = []
    if chance.random() < 0.5:
        words += ["BY", chance.choice(PATTERNS)]
    if chance.random() < 0.4:
        words += ["LIMIT", chance.randrange(-2, 30), chance.randrange(-2, 30)]
    for _ in range(chance.choice([0, 0, 1, 3])):
        words += ["GET", chance.choice(PATTERNS)]
    words += chance.choice([[], ["DESC"], ["ASC"]])
    words += chance.choice([[], ["ALPHA"]])
    if chance.random() < 0.3:
        words += ["STORE", chance.choice(["d", source, "w_1"])]
    return words


def is_settled(kind, words):
    """Is the order the servers' own? Not of a set that is not sorted, nor of equal texts that BY found."""
    by = words[words.index("BY") + 1] if "BY" in words else None
    if by is None:
        return True
    if kind == "list":
        return "ALPHA" not in words or "LIMIT" not in words
    return ("*" in by and "ALPHA" not in words) or (kind == "zset" and "*" not in by)


def fill(both, chance, kind, values):
    members = list(dict.fromkeys(chance.choices(values, k=chance.choice([1, 5, 40, 200]))))
    both("DEL", "src")
    if kind == "list":
        both("RPUSH", "src", *members, *chance.choices(members, k=3))
    elif kind == "set":
        both("SADD", "src", *members)
    else:
        both("ZADD", "src", *(word for m in members for word in (chance.randrange(10), m)))


@pytest.mark.parametrize("kind", ["list", "set", "zset"])
@pytest.mark.parametrize("seed", range(4))
def test_random_sorts_of_random_keys(both, kind, seed):
    chance = random.Random(seed)
    integers = [b"%d" % chance.randrange(-1000, 1000) for _ in range(100)]
    # By the locale texts end at a NUL; how equal ones stand then depends on a table of the peer's.
    texts = TEXTS if kind == "list" else [text for text in TEXTS if b"\0" not in text]
    numbers = NUMBERS if kind == "list" else [text for text in NUMBERS if b"\0" not in text]
    for values in (integers, numbers, texts, integers + numbers, integers + texts):
        both("FLUSHALL")
        for m in set(chance.choices(values, k=30)):
            both("SET", b"w_" + m, chance.choice(NUMBERS + integers))
            both("HSET", b"h_" + m, "f", chance.choice(NUMBERS), "f->g", "x")
            both("SADD", b"s_" + m, "x")
        for _ in range(40):
            if chance.random() < 0.3 or not both.r("EXISTS", "src"):
                fill(both, chance, kind, values)
            words = options(chance, "src")
            if is_settled(kind, words):
                both("SORT", "src", *words)
                both("LRANGE", "d", 0, -1)
                both("OBJECT", "ENCODING", "d")
