"""Geo commands beside real servers: the same requests, replies compared byte for byte, then what is stored, what
counts as a change, and what is propagated. Places crowd where it is difficult: at the poles and the antimeridian, in
one cell, and in pairs at the same distance."""

import random

import pytest

from bench import peers
from tests.commands.test_bits_differential import appended, changes
from tests.differential.test_declared import Link
from tests.session import R, encode

KEYS = [b"k%d" % i for i in range(3)]
NORTH = 85.05112878
QUOTED = 400                    # bytes of an error; one with two numbers of 300 digits we cut off
CENTERS = [(0, 0), (0, 0), (180, 0), (-180, 10), (13.36, 38.11), (0, NORTH), (179.9999, NORTH), (-180, -NORTH),
           (90, 84.9), (-122.4, 37.7), (45, -66), (45, 66.0001), (-45, 80), (11.25, 0), (22.5, -45)]
NUMBERS = ["x", "", "inf", "-inf", "nan", "1e400", "-1", "181", "85.06", "-85.06", " 1", "1e308", "0x10", "-0"]
UNITS = ["m", "km", "ft", "mi", "M", "Km"]
FACTORS = {"m": 1, "km": 1000, "ft": 0.3048, "mi": 1609.34}


def near(rng, center, spread):
    """A place about a center; `spread` in degrees."""
    lon = (center[0] + rng.uniform(-spread, spread) + 540) % 360 - 180
    lat = max(-NORTH, min(NORTH, center[1] + rng.uniform(-spread, spread)))
    return lon, lat


def texts(place):
    return [repr(v) for v in place]


class Places:
    """Requests about one crowd of members: a center, and how widely they are spread about it."""

    def __init__(self, rng):
        self.rng = rng
        self.center = rng.choice(CENTERS)
        self.spread = rng.choice([0, 1e-6, 1e-4, 0.01, 0.5, 5, 40, 180])

    def place(self):
        rng = self.rng
        if rng.random() < 0.1:
            return texts(self.center)
        if rng.random() < 0.1:          # on a coarse grid: pairs at equal distances
            step = self.spread / 4
            return texts((max(-180, min(180, self.center[0] + rng.randint(-4, 4) * step)),
                          max(-NORTH, min(NORTH, self.center[1] + rng.randint(-4, 4) * step))))
        return texts(near(rng, self.center, self.spread))

    def add(self, most):
        rng = self.rng
        options = rng.choice([[], [], [], ["NX"], ["XX"], ["CH"], ["NX", "ch"], ["NX", "XX"]])
        words = [word for _ in range(rng.randint(1, most)) for word in (*self.place(), self.member())]
        return ["GEOADD", rng.choice(KEYS), *options, *words]

    def member(self):
        return f"m{self.rng.randrange(300)}"

    def length(self, *, of_box=False):
        """A length and its unit, of the size of the crowd."""
        rng = self.rng
        unit = rng.choice(UNITS)
        metres = rng.choice([0, 1e-3, 1, 100, self.spread * 111_000 * rng.random() * 1.5,
                             self.spread * 111_000 * rng.random() * 1.5, 10 ** rng.uniform(0, 7.5), 2.1e7, 1e300])
        many = [repr(metres / FACTORS[unit.lower()] * (rng.random() * 2 if i else 1)) for i in range(1 + of_box)]
        return [*many, unit]

    def options(self, stores=False):
        rng = self.rng
        found = []
        for words in ([rng.choice(["ASC", "DESC"])], ["WITHDIST"], ["WITHHASH"], ["WITHCOORD"]):
            if rng.random() < 0.3 and not (stores and words[0].startswith("WITH")):
                found.append(words)
        if rng.random() < 0.4:
            found.append(["COUNT", rng.choice([1, 2, 3, 5, 10, 20, 50, 1000]),
                          *(["ANY"] if rng.random() < 0.4 else [])])
        rng.shuffle(found)
        return [word for words in found for word in words]

    def polygon(self):
        corners = [self.place() for _ in range(self.rng.choice([3, 3, 4, 5, 8]))]
        return ["BYPOLYGON", len(corners), *(word for corner in corners for word in corner)]

    def search(self, polygons=False):
        rng = self.rng
        center = rng.choice([["FROMLONLAT", *self.place()], ["FROMMEMBER", self.member()]])
        shape = rng.choice([["BYRADIUS", *self.length()], ["BYBOX", *self.length(of_box=True)]])
        area = [center, shape]
        if polygons and rng.random() < 0.5:
            area = [self.polygon()]
        rng.shuffle(area)
        return [word for words in area for word in words]

    def radius(self):
        rng, ro = self.rng, self.rng.choice(["", "", "_RO"])
        stores = not ro and rng.random() < 0.3
        head = rng.choice([["GEORADIUS" + ro, rng.choice(KEYS), *self.place()],
                           ["GEORADIUSBYMEMBER" + ro, rng.choice(KEYS), self.member()]])
        return [*head, *self.length(), *self.options(stores),
                *([rng.choice(["STORE", "STOREDIST"]), rng.choice([*KEYS, b"d"])] if stores else [])]

    def command(self, polygons=False):
        rng = self.rng
        key = rng.choice(KEYS)
        return rng.choice([
            lambda: self.add(4), lambda: self.add(60),
            *[lambda: ["GEOSEARCH", key, *self.search(polygons), *self.options()]] * 6,
            *[self.radius] * 3,
            lambda: ["GEOSEARCHSTORE", rng.choice([*KEYS, b"d"]), key, *self.search(polygons), *self.options(True),
                     *rng.choice([[], ["STOREDIST"]])],
            lambda: ["GEODIST", key, self.member(), self.member(), *rng.choice([[], [rng.choice(UNITS)]])],
            lambda: ["GEOPOS", key, *(self.member() for _ in range(rng.randrange(6)))],
            lambda: ["GEOHASH", key, *(self.member() for _ in range(rng.randrange(6)))],
            lambda: ["DEL", rng.choice([*KEYS, b"d"])] if rng.random() < 0.3 else self.add(60),
        ])()


def spoil(rng, words):
    """One word lost, changed, moved or added."""
    at = rng.randrange(1, len(words))
    what = rng.randrange(4)
    if what == 0:
        del words[at]
    elif what == 1:
        words[at] = rng.choice([*NUMBERS, "km", "ASC", "ANY", "COUNT", "STORE", "STOREDIST", "WITHDIST", "FROMMEMBER",
                                "FROMLONLAT", "BYBOX", "BYRADIUS", "s", "z"])
    elif what == 2:
        words.insert(at, rng.choice([*NUMBERS, "ASC", "ANY", "COUNT", "WITHHASH", "BYBOX", "STORE", "m0"]))
    else:
        other = rng.randrange(1, len(words))
        words[at], words[other] = words[other], words[at]
    return words


def requests(seed, count, polygons=False):
    rng = random.Random(seed)
    found = [["SET", "s", "text"], ["ZADD", "z", -1, "a", "inf", "b", 1e300, "c", 0.5, "d", "-inf", "e", 2**53 + 1, "f",
                                    "1e19", "g", "-1e30", "h", 3479447370796909.5, "m1"]]
    while len(found) < count:
        places = Places(rng)
        found += [["DEL", key] for key in KEYS]
        found += [places.add(rng.choice([20, 300])) for _ in range(4)]
        for _ in range(60):
            words = places.command(polygons)
            found.append(spoil(rng, words) if rng.random() < 0.15 else words)
        found += [["GEOPOS", "z", "a", "b", "c", "d", "e", "f", "g", "h", "m1"], ["GEODIST", "z", "a", "d"],
                  ["GEOHASH", "z", "a", "b", "c", "d", "e", "f", "g", "h"],
                  ["GEOSEARCH", "z", "FROMLONLAT", 1, 2, "BYRADIUS", 30000, "km", "WITHHASH"],
                  ["ZRANGE", "d", 0, -1, "WITHSCORES"], *(["ZRANGE", key, 0, -1, "WITHSCORES"] for key in KEYS)]
    return found


def compare(server, commands, proto=2):
    """Both answer the same bytes to each command."""
    link, r = Link(server.port), R()
    try:
        r.session.set_clock(-1)
        link([["FLUSHALL"], ["HELLO", proto]])
        r.session.feed(encode("HELLO", proto))
        for at in range(0, len(commands), 40):
            batch = commands[at:at + 40]
            for words, theirs in zip(batch, link(batch), strict=True):
                ours = r.session.feed(encode(*words))
                assert ours == theirs or (ours[:1] == b"-" and ours[:QUOTED] == theirs[:QUOTED]), words
        assert r.session.check() == 0
    finally:
        link.client.close()


@pytest.fixture(scope="module")
def redis(peer):
    return peer("redis8", "--enable-debug-command", "yes")


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_replies_are_the_same_bytes(redis, seed, proto):
    compare(redis, requests(seed, 2000), proto)


def test_what_counts_as_a_change_and_its_events_are_the_same(peer):
    """Changes since the last save, the AOF's commands and notifications, command by command."""
    server = peer("redis8", "--appendonly", "yes", "--appendfsync", "no", "--notify-keyspace-events", "EzgA")
    server.call("FLUSHALL")
    before = len(appended(server))
    listener = peers.Client(server.port)
    listener.call("PSUBSCRIBE", "__keyevent@0__:*")
    ours, propagated = R(), []
    ours.session.set_clock(-1)
    try:
        for command in requests(77, 700):
            command = [word if isinstance(word, bytes) else str(word).encode() for word in command]
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
            assert [(e.event, e.key) for e in ours.effects] == theirs, command
        assert len(propagated) > 100
        assert propagated == appended(server)[before:]
    finally:
        listener.close()


POLYGONS = [
    [(-0.5, -0.5), (2.5, -0.5), (2.5, 2.5), (-0.5, 2.5)],
    [(0, 0), (2.5, -1), (2.4, 2.9)],
    [(-2.5, -2.5), (2.5, 2.5), (2.5, -2.5), (-2.5, 2.5)],
    [(0, 0), (40, 0), (40, 30), (5, 35), (-10, 20)],
    [(0, 0), (40, 0), (40, 30), (39, 30.5), (38, 31), (37, 31)],
]


@pytest.mark.parametrize("corners", POLYGONS)
def test_polygons_hold_the_same_members_at_the_same_distances_as_in_valkey(peer, corners):
    server, r, rng = peer("valkey9"), R(), random.Random(5)
    server.call("FLUSHALL")
    add = ["GEOADD", "k", *(word for i in range(500) for word in (rng.uniform(-12, 42), rng.uniform(-5, 37), f"m{i}"))]
    add += [word for i in range(500) for word in (rng.uniform(-3, 3), rng.uniform(-3, 3), f"n{i}")]
    assert server.call(*add) == r(*add)
    search = ["k", "BYPOLYGON", len(corners), *(v for corner in corners for v in corner), "ASC"]
    assert server.call("GEOSEARCH", *search, "WITHDIST") == r("GEOSEARCH", *search, "WITHDIST")
    store = ["GEOSEARCHSTORE", "d", *search, "STOREDIST"]
    assert server.call(*store) == r(*store) > 0
    assert [float(v) for v in server.call("ZRANGE", "d", 0, -1, "WITHSCORES")[1::2]] == [
        float(v) for v in r("ZRANGE", "d", 0, -1, "WITHSCORES")[1::2]]
