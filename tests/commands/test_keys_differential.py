"""The key, expiry, scan and database commands against a real Redis 8: replies byte for byte, what is
propagated (its AOF) and which events are told."""

import random
import socket
import time

import pytest

from bench import peers
from tests.demand import demand
from tests.session import R, encode

pytestmark = pytest.mark.peer

UNORDERED = {"KEYS", "SCAN"}
CUSTOM_TEXT = {"OBJECT HELP"}       # our own words


class Peer:
    """A connection that returns replies as their bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def raw(self, *args):
        self.socket.sendall(encode(*args))
        return self.read()

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$" and rest != b"-1":
            return line + self.file.read(int(rest) + 2)
        if kind in (b"*", b"~", b">") and rest != b"-1":
            return line + b"".join(self.read() for _ in range(int(rest)))
        return line


class Real:
    """A Redis 8 with an AOF and every event, and our server beside it by the same clock."""

    def __init__(self, server):
        self.server = server
        self.peer, self.events = Peer(server.port), Peer(server.port)
        self.peer.raw("CONFIG", "SET", "notify-keyspace-events", "KEA")
        self.peer.raw("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        self.events.raw("PSUBSCRIBE", "__keyevent@*")
        self.events.raw("SUBSCRIBE", "end")

    def begin(self):
        self.peer.raw("FLUSHALL")
        self.peer.raw("SELECT", 0)
        self.aof()
        self.told()
        ours = R()
        ours.server.core.set_active_expire(False, 1)
        return ours

    def aof(self):
        """The commands appended since the last time, without those that only frame others."""
        (path,) = (self.server.folder / "appendonlydir").glob("*.incr.aof")
        data, start = path.read_bytes(), getattr(self, "position", 0)
        self.position, found = len(data), []
        words = iter(data[start:].split(b"\r\n"))
        for header in words:
            if header.startswith(b"*"):
                command = []
                for _ in range(int(header[1:])):
                    next(words)
                    command.append(next(words))
                found.append(command)
        return [c for c in found if c[0].upper() != b"SELECT"]

    def told(self):
        """The events since the last time: (database, event, key)."""
        self.peer.raw("PUBLISH", "end", "x")
        found = []
        while True:
            parts = self.events.read().split(b"\r\n")
            if parts[2] == b"message":
                return found
            channel, key = parts[6], parts[8]
            db, event = channel.removeprefix(b"__keyevent@").split(b"__:")
            found.append((int(db), event.decode(), key))


@pytest.fixture(scope="module")
def real():
    demand("redis8")
    with peers.start("redis8", "--appendonly", "yes", "--enable-debug-command", "yes", "--appendfsync", "no",
                     "--auto-aof-rewrite-percentage", "0") as server:
        yield Real(server)


def now(ours):
    ours.now_us = time.time_ns() // 1000
    ours.session.set_clock(ours.now_us)


def comparable(words, reply):
    return sorted(reply.split(b"\r\n")) if words[0].upper() in UNORDERED else reply


def both(real, ours, line):
    """The same command to both; their replies must be alike. Returns ours."""
    words = line.split(" ") if isinstance(line, str) else line
    now(ours)
    mine, theirs = ours.raw(*words), real.peer.raw(*words)
    if " ".join(map(str, words[:2])).upper() not in CUSTOM_TEXT:
        assert comparable(words, mine) == comparable(words, theirs), line
    return mine


SETTERS = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")
TIMES = ("abc", "", "1.5", "-1", "0", "100", "9999999999999", "9223372036854775", "-9223372036854775",
         "9223372036854776", "-9223372036854776", "9223372036854775807", "-9223372036854775808",
         "9223372036854775808", " 1", "01", "+1")
CONDITIONS = ("", "NX", "XX", "GT", "LT", "XX GT", "LT XX", "NX NX", "NX XX", "NX GT", "GT LT", "NX GT LT",
              "FOO", "GT LT FOO", "FOO GT LT", "nx Xx")


@pytest.mark.parametrize("command", SETTERS)
def test_every_time_and_condition_on_keys_with_and_without_expiry(real, command):
    ours = real.begin()
    for moment in TIMES:
        for condition in CONDITIONS:
            for prepare in ("SET k v", "SET k v EX 1000000", "DEL k"):
                both(real, ours, prepare)
                both(real, ours, [command, "k", moment, *condition.split()])
                both(real, ours, "TTL k")
                both(real, ours, "EXISTS k")


LINES = """
EXPIRE|EXPIRE k|EXPIRE k 1 FOO BAR|TTL|TTL a b|PERSIST|PERSIST a b|PTTL missing|EXPIRETIME missing
PEXPIRETIME missing|SET k v|TTL k|PTTL k|EXPIRETIME k|PEXPIRETIME k|PERSIST k
PEXPIREAT k 9223372036854775807|EXPIRETIME k|PEXPIRETIME k|SET k v PXAT 9999999999499|EXPIRETIME k
SET k v PXAT 9999999999500|EXPIRETIME k|PERSIST k|PERSIST k|GET k|DEL k|SET k v|COPY k|COPY k k
COPY k k REPLACE|COPY k k DB 0|COPY k k DB 1|COPY k k DB 1|COPY k k DB 1 REPLACE|COPY k z DB
COPY k z DB x|COPY k z DB 16|COPY k z DB -1|COPY k z DB 9999999999|COPY k z DB -9999999999|COPY k z FOO
COPY k z DB 16 FOO|COPY k z DB 1 REPLACE DB 2|COPY k z replace REPLACE|COPY missing missing
COPY missing z|COPY missing z REPLACE|COPY k z|COPY k z DB 99999999999999999999|COPY k z DB 1.5
COPY k z REPLACE DB|COPY k z db 0 rePLace|GET z|FLUSHALL|SET k v|RENAME k|RENAME missing z
RENAME missing missing|RENAME k k|RENAMENX k k|RENAMENX missing k|SET z w EX 100|RENAMENX k z|RENAME k z
TTL z|GET z|RENAMENX z q|GET q|RENAME q k|MOVE k 0|MOVE k x|MOVE k 16|MOVE k -1|MOVE k|MOVE missing 0
MOVE k 99999999999999999999|MOVE k 99999999999|MOVE k -99999999999|MOVE missing 1|MOVE missing 16
MOVE k 1|MOVE k 1|SET k v|MOVE k 1|SELECT 1|GET k|SELECT 0|FLUSHALL|OBJECT|OBJECT ENCODING missing
OBJECT FREQ missing|OBJECT IDLETIME missing|OBJECT REFCOUNT missing|SET k v|OBJECT FREQ k
OBJECT REFCOUNT k|OBJECT IDLETIME k|OBJECT ENCODING k|OBJECT ENCODING|OBJECT HELP x|OBJECT foo bar
OBJECT foo|OBJECT REFCOUNT k z|SET i 0|OBJECT REFCOUNT i|SET i 9999|OBJECT REFCOUNT i|SET i 10000
OBJECT REFCOUNT i|SET i -1|OBJECT REFCOUNT i|OBJECT ENCODING i|FLUSHALL|SCAN|SCAN 0|SCAN x|SCAN x FOO
SCAN -1|SCAN 0 FOO|SCAN 0 MATCH|SCAN 0 COUNT|SCAN 0 TYPE|SCAN 0 COUNT 0|SCAN 0 COUNT -1|SCAN 0 COUNT x
SCAN 0 COUNT 99999999999999999999|SCAN 0 COUNT 10 COUNT 0|SCAN 0 NOVALUES|SCAN 0 NOVALUES FOO
SCAN 0 COUNT 0 NOVALUES|SCAN 0 TYPE nonsense|SCAN 0 TYPE nonsense COUNT 0|SCAN 18446744073709551616
SCAN 0x10|SCAN +0|SCAN 000|SET a 1|SET b 2|SET ab 3|SCAN 0 COUNT 100|SCAN 0 COUNT 100 TYPE string
SCAN 0 COUNT 100 TYPE StRiNg|SCAN 0 COUNT 100 TYPE list|SCAN 0 COUNT 100 MATCH a*
SCAN 0 COUNT 100 MATCH a* MATCH b*|SCAN 0 count 100 match *|SCAN 0 COUNT 100 TYPE string TYPE none|KEYS
KEYS *|KEYS a*|KEYS ?|KEYS [ab]|KEYS nothing|KEYS * *|DBSIZE|DBSIZE x|EXISTS a b a missing
TOUCH a a missing|TYPE a|TYPE missing|TYPE|EXISTS|TOUCH|DEL|UNLINK|UNLINK a a missing|DEL b missing
RANDOMKEY|RANDOMKEY x|DEL ab|RANDOMKEY|FLUSHDB FOO|FLUSHDB ASYNC SYNC|FLUSHALL ASYNC ASYNC|FLUSHALL sync
FLUSHALL foo|FLUSHDB async|FLUSHDB SYNC|FLUSHDB|FLUSHALL|SWAPDB 0 1|SWAPDB 0 0|SWAPDB x 1|SWAPDB 0 x
SWAPDB 0 16|SWAPDB -1 0|SWAPDB 16 x|SWAPDB 99999999999 0|SWAPDB 0 99999999999|SWAPDB 0
SWAPDB 99999999999999999999 0|SWAPDB 0 1 2|SET a 1|SWAPDB 0 3|DBSIZE|SELECT 3|DBSIZE|GET a|SWAPDB 3 3
SWAPDB 3 0|SELECT 0|GET a
"""


def test_every_form_of_every_command(real):
    ours = real.begin()
    for line in LINES.strip().replace("\n", "|").split("|"):
        both(real, ours, line)


def keyed(found):
    """Events in order, without those of strings (which are not the matter here)."""
    return [event for event in found if event[1] not in ("set", "new")]


def changes(ours):
    return keyed([(effect.db, effect.event, effect.key) for effect in ours.effects if effect.key])


CHANGES = """
SET a 1|SET b 2|DEL a missing|UNLINK b missing|DEL a|SET a 1|PEXPIREAT a 9999999999999
EXPIREAT a 9999999999|PERSIST a|EXPIRE a -1|SET a 1|PEXPIREAT a 0|SET a 1|PEXPIRE a -5 NX|SET a 1
RENAME a a|RENAME a b|SET a 2|RENAME a b|RENAMENX b c|SET b 1|RENAMENX b c|COPY b d|COPY b d
COPY b d REPLACE|COPY b d DB 3|MOVE b 2|MOVE missing 2|MOVE b 2|TOUCH c|FLUSHDB|FLUSHDB|FLUSHDB ASYNC
FLUSHALL|FLUSHALL SYNC|SWAPDB 0 1|SWAPDB 1 1|SET k v|EXPIRE k 100 XX|EXPIREAT k 9999999999 GT|PERSIST k
RENAME missing a|COPY missing a
"""


def test_the_same_is_propagated_and_told_after_every_change(real):
    ours = real.begin()
    for line in CHANGES.strip().replace("\n", "|").split("|"):
        both(real, ours, line)
        assert changes(ours) == keyed(real.told()), line
        expected = [[word.encode() for word in line.split()]] if line.startswith("SET ") else ours.propagated
        assert expected == real.aof(), line


@pytest.mark.parametrize("line", [
    "GET x", "DEL x", "DEL x y", "UNLINK x", "EXISTS x", "TOUCH x", "TYPE x", "TTL x", "PEXPIRETIME x",
    "PERSIST x", "EXPIRE x 100", "PEXPIREAT x 9999999999999", "EXPIREAT x 1", "RENAME x z", "RENAME y x",
    "RENAMENX y x", "COPY x z", "COPY y x", "COPY y x REPLACE", "MOVE x 1", "OBJECT ENCODING x",
    "OBJECT REFCOUNT x", "SCAN 0", "SCAN 0 MATCH y", "SCAN 0 TYPE list",
    "KEYS *", "DBSIZE", "EXPIRE x FOO", "COPY x z FOO", "RENAME x x", "FLUSHDB",
])
def test_an_expired_key_is_met_in_the_same_way(real, line):
    ours = real.begin()
    for prepare in ("SET x 1 PX 1", "SET y 2"):
        both(real, ours, prepare)
    time.sleep(0.004)
    real.aof()
    real.told()
    both(real, ours, line)
    assert changes(ours) == keyed(real.told())
    assert ours.propagated == real.aof()
    both(real, ours, "DBSIZE")


def random_line(rand):
    def key():
        return rand.choice("abcdef")

    def db():
        return rand.choice(["0", "1", "2", "15", "16"])

    def moment():
        return rand.randrange(10**13, 2 * 10**13)

    return rand.choice([
        lambda: f"SET {key()} {rand.choice(['1', '77777', 'text', 'x' * 3000])}",
        lambda: f"SET {key()} v PXAT {moment()}",
        lambda: f"DEL {key()} {key()}", lambda: f"UNLINK {key()}", lambda: f"EXISTS {key()} {key()} {key()}",
        lambda: f"RENAME {key()} {key()}", lambda: f"RENAMENX {key()} {key()}",
        lambda: f"COPY {key()} {key()}", lambda: f"COPY {key()} {key()} REPLACE",
        lambda: f"COPY {key()} {key()} DB {db()} REPLACE", lambda: f"MOVE {key()} {db()}",
        lambda: f"SELECT {db()}", lambda: f"SWAPDB {db()} {db()}", lambda: f"PEXPIREAT {key()} {moment()}",
        lambda: f"PEXPIREAT {key()} {moment()} {rand.choice(['NX', 'XX', 'GT', 'LT', 'XX LT'])}",
        lambda: f"EXPIRE {key()} {rand.choice(['-1', '0'])} {rand.choice(['NX', 'XX', 'GT', 'LT'])}",
        lambda: f"PERSIST {key()}", lambda: f"PEXPIRETIME {key()}", lambda: f"GET {key()}",
        lambda: f"TYPE {key()}", lambda: f"OBJECT ENCODING {key()}", lambda: f"OBJECT REFCOUNT {key()}",
        lambda: f"TOUCH {key()} {key()}",
        lambda: "DBSIZE", lambda: f"KEYS {rand.choice(['*', '[a-c]', '?', '[^a]'])}",
        lambda: f"SCAN 0 COUNT 100 MATCH {rand.choice(['*', '[a-c]', '?'])}",
        lambda: rand.choice(["FLUSHDB", "FLUSHALL"]) if rand.randrange(10) == 0 else "DBSIZE",
    ])()


@pytest.mark.parametrize("seed", range(5))
def test_long_random_runs_agree_at_every_step(real, seed):
    rand, ours = random.Random(seed), real.begin()
    for _ in range(800):
        both(real, ours, random_line(rand))
    for db in range(16):
        both(real, ours, f"SELECT {db}")
        both(real, ours, "KEYS *")
        for key in "abcdef":
            both(real, ours, f"GET {key}")
            both(real, ours, f"PEXPIRETIME {key}")
    assert ours.session.check() == 0
