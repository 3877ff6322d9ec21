"""The string commands beside real servers: the same requests, and replies compared byte for byte.

Expiries are given as instants (or lie in the past), since the clocks differ; relative ones are in
test_strings.py.
"""

import random

import pytest

from bench import peers
from tests.demand import demand
from tests.session import R, Replies, encode

KEYS = [b"k%d" % i for i in range(5)]
VALUES = [b"", b"0", b"7", b"-1", b"10", b"007", b"+5", b"-0", b" 1", b"1 ", b"3.5", b"-2.25", b"1e3",
          b"0x10", b"nan", b"inf", b"1e4932", b"0.1", b"1e-18", b"9223372036854775807",
          b"-9223372036854775808",
          b"9223372036854775808", b"ohmytext", b"mynewtext", b"x" * 44, b"y" * 45, b"z" * 1999, b"ab" * 1001,
          bytes(range(256)) * 9, b"\r\n\0"]
NUMBERS = [b"0", b"1", b"-1", b"2", b"5", b"-5", b"43", b"100", b"-100", b"2500", b"-3000", b"abc", b"",
           b"01", b"1.0", b"9223372036854775807", b"-9223372036854775808", b"-9223372036854775807",
           b"9223372036854775808"]
TIMES = [b"2000000000", b"4000000000000", b"1", b"0", b"-1", b"abc", b"9223372036854775807",
         b"9223372036854775"]
FLOATS = [b"1.5", b"-0.1", b"1e10", b"0.00000000000000001", b"3", b"1e300", *VALUES[:20]]


@pytest.fixture(scope="module", params=["redis8", "valkey9"])
def peer(request):
    demand(request.param)
    with peers.start(request.param) as server:
        yield server


def compare(peer, commands):
    """Both answer the same bytes to each command."""
    peer.call("FLUSHALL")
    ours = R()
    ours.session.set_clock(-1)
    client = peers.Client(peer.port)
    try:
        for command in commands:
            request = encode(*command)
            mine = bytes(ours.session.feed(request))
            client.send(request)
            theirs = b""
            while not whole(theirs):
                theirs += client._socket.recv(1 << 16)
            assert mine == theirs or nearly(command, mine, theirs), command
    finally:
        client.close()
    assert ours.session.check() == 0


def nearly(command, mine, theirs):
    """A relative expiry counts from when each server read its clock."""
    if command[0] != b"PEXPIRETIME" or not (mine[:1] == theirs[:1] == b":"):
        return False
    return abs(int(mine[1:]) - int(theirs[1:])) < 2000


def whole(data):
    """Is this a reply to its end?"""
    try:
        reader = Replies(data)
        reader.next()
    except (ValueError, KeyError):
        return False
    return 0 < reader.at <= len(data)


def expiry(rng):
    return rng.choice([[b"EXAT", rng.choice(TIMES)], [b"PXAT", rng.choice(TIMES)], [b"KEEPTTL"], [b"PERSIST"],
                       [b"EX", rng.choice(TIMES[2:])] if rng.random() < 0.2 else [], []])


def set_words(rng):
    words = [expiry(rng), *rng.choices([[b"NX"], [b"xx"], [b"GET"], [b"EX"], [b"foo"], [], [], [], []], k=3)]
    rng.shuffle(words)
    return [word for part in words for word in part]


def one_command(rng):
    key, value, number = rng.choice(KEYS), rng.choice(VALUES), rng.choice(NUMBERS)
    return rng.choice([
        lambda: [b"SET", key, value], lambda: [b"SET", key, value, *set_words(rng)],
        lambda: [b"SET", key, value, *set_words(rng)], lambda: [b"GET", key], lambda: [b"STRLEN", key],
        lambda: [b"GETRANGE", key, number, rng.choice(NUMBERS)],
        lambda: [b"SUBSTR", key, number, rng.choice(NUMBERS)],
        lambda: [b"SETRANGE", key, rng.choice([*NUMBERS, b"536870912"]), value],
        lambda: [b"APPEND", key, value], lambda: [b"INCR", key], lambda: [b"DECR", key],
        lambda: [b"INCRBY", key, number], lambda: [b"DECRBY", key, number],
        lambda: [b"INCRBYFLOAT", key, rng.choice(FLOATS)], lambda: [b"GETSET", key, value],
        lambda: [b"SETNX", key, value], lambda: [b"GETDEL", key], lambda: [b"DEL", key],
        lambda: [b"MGET", *rng.choices(KEYS, k=rng.randrange(1, 5))],
        lambda: [rng.choice([b"MSET", b"MSETNX"]),
                 *[w for _ in range(rng.randrange(1, 4)) for w in (rng.choice(KEYS), rng.choice(VALUES))],
                 *([b"odd"] if rng.random() < 0.1 else [])],
        lambda: [rng.choice([b"SETEX", b"PSETEX"]), key, rng.choice([b"0", b"-5", b"x", NUMBERS[15]]), value],
        lambda: [b"LCS", key, rng.choice(KEYS),
                 *rng.choices([b"LEN", b"IDX", b"WITHMATCHLEN", b"MINMATCHLEN", b"3"], k=rng.randrange(4))],
        lambda: [b"GET"], lambda: [b"SET", key], lambda: [b"INCRBY", key], lambda: [b"EXISTS", key],
    ])()


@pytest.mark.parametrize("seed", range(6))
def test_random_commands(peer, seed):
    rng = random.Random(seed)
    commands = []
    for _ in range(500):
        command = one_command(rng)
        commands.append(command)
        if len(command) > 1 and peer.name == "redis8":
            commands += [[b"OBJECT", b"ENCODING", command[1]]]
        if len(command) > 1:
            commands += [[b"PEXPIRETIME", command[1]]]
    compare(peer, commands)


def test_getex_as_in_redis(peer):
    if peer.name != "redis8":                   # Valkey reads the number before it looks at the key
        return
    rng = random.Random(7)
    commands = []
    for _ in range(600):
        key = rng.choice(KEYS)
        commands.append(rng.choice([[b"SET", key, rng.choice(VALUES)], [b"GETEX", key, *set_words(rng)],
                                    [b"GETEX", key, *expiry(rng)]]))
        commands.append([b"PEXPIRETIME", key])
    compare(peer, commands)


def test_the_subsequence_found_among_several_longest_is_the_same(peer):
    rng = random.Random(8)
    commands = []
    for alphabet in (b"ab", b"abc", b"acgt", bytes(range(32))):
        for _ in range(40):
            for key in (b"a", b"b"):
                commands.append([b"SET", key, bytes(rng.choices(alphabet, k=rng.randrange(60)))])
            commands += [[b"LCS", b"a", b"b"], [b"LCS", b"a", b"b", b"IDX", b"WITHMATCHLEN"],
                         [b"LCS", b"a", b"b", b"IDX", b"MINMATCHLEN", b"%d" % rng.randrange(-1, 5)]]
    compare(peer, commands)


def test_what_valkey_adds(peer):
    if peer.name != "valkey9":
        return
    rng = random.Random(9)
    small = [b"1", b"2", b"ohmytext", b"q" * 3000]
    commands = []
    for _ in range(800):
        key = rng.choice(KEYS)
        count = rng.randrange(1, 4)
        pairs = [w for _ in range(count) for w in (rng.choice(KEYS), rng.choice(small))]
        commands.append(rng.choice([
            [b"SET", key, rng.choice(small)], [b"SET", key, rng.choice(small), b"IFEQ", rng.choice(small)],
            [b"SET", key, rng.choice(small), b"IFEQ", rng.choice(small), *set_words(rng)],
            [b"SET", key, rng.choice(small), *set_words(rng), b"IFEQ",
             *rng.choices(small, k=rng.randrange(2))],
            [b"DELIFEQ", key, rng.choice(small)],
            [b"MSETEX", b"%d" % count, *pairs, *set_words(rng)],
            [b"MSETEX", b"%d" % count, *pairs],
            [b"MSETEX", rng.choice([b"%d" % (count + 1), b"1", *NUMBERS, b"2147483647", b"2147483648"]),
             *pairs],
        ]))
        commands += [[b"MGET", *KEYS], [b"PEXPIRETIME", key]]
    compare(peer, commands)


# ---------------------------------------------------------------- beyond the reply

def write_commands(seed, count):
    rng = random.Random(seed)
    return [one_command(rng) if rng.random() < 0.8 else [b"GETEX", rng.choice(KEYS), *expiry(rng)]
            for _ in range(count)]


@pytest.fixture(scope="module")
def recorder():
    """Redis with an AOF and all notifications, where keys expire only when somebody looks."""
    demand("redis8")
    options = ["--appendonly", "yes", "--enable-debug-command", "yes", "--notify-keyspace-events", "Eg$xeA"]
    with peers.start("redis8", *options) as server:
        server.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        yield server


def appended(server):
    """The commands in the AOF, but for those that frame them."""
    found = []
    for path in sorted(server.folder.glob("**/*.incr.aof")):
        found += Replies(path.read_bytes()).all()
    return [words for words in found if words[0].upper() not in (b"SELECT", b"MULTI", b"EXEC", b"FLUSHALL")]


@pytest.mark.parametrize("seed", range(3))
def test_the_aof_gets_the_same_commands(recorder, seed):
    recorder.call("FLUSHALL")
    before = len(appended(recorder))
    ours = R()
    ours.session.set_clock(-1)
    for command in write_commands(100 + seed, 400):
        mine = ours.session.feed(encode(*command))
        try:
            recorder.call(*command)
        except peers.ReplyError:
            assert mine[:1] == b"-", command
    assert len(ours.propagated) > 100
    assert ours.propagated == appended(recorder)[before:]


def test_notifications_come_with_the_same_names_in_the_same_order(recorder):
    recorder.call("FLUSHALL")
    listener = peers.Client(recorder.port)
    listener.call("PSUBSCRIBE", "__keyevent@0__:*")
    ours = R()
    ours.session.set_clock(-1)
    try:
        for command in write_commands(200, 500):
            ours.session.clear()
            ours.session.feed(encode(*command))
            try:
                recorder.call(*command)
            except peers.ReplyError:
                pass
            recorder.call("PUBLISH", "__keyevent@0__:end", "")
            heard = iter(listener.receive, [b"pmessage", b"__keyevent@0__:*", b"__keyevent@0__:end", b""])
            theirs = [(channel.partition(b":")[2].decode(), key) for _, _, channel, key in heard]
            assert [(effect.event, effect.key) for effect in ours.effects] == theirs, command
    finally:
        listener.close()
