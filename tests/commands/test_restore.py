"""RESTORE: its words and their errors, what it changes and says of it, and payloads of real servers."""

import pytest

from tests.rdb import rdbfile as rdb
from tests.rdb.samples import fill
from tests.session import Effect, R, raises_reply

X = rdb.payload(b"\0" + rdb.string(b"x"))
BAD_SUM = "ERR DUMP payload version or checksum are wrong"
BAD_DATA = "ERR Bad data format"
LIST = rdb.payload(rdb.QUICKLIST_2.to_bytes(1, "little") + rdb.length(1) + b"\2" + rdb.string(rdb.listpack(b"a", 2)))


@pytest.fixture
def r():
    return R(**{"enable-debug-command": "yes"})


def test_a_key_is_made_of_a_payload(r):
    assert r("RESTORE", "k", 0, X) == "OK"
    assert r.effects == [Effect("restore", b"k", 1)]
    assert r.propagated == [[b"RESTORE", b"k", b"0", X]]
    assert (r("GET", "k"), r("PTTL", "k")) == (b"x", -1)


def test_a_key_that_is_there_stays_unless_it_may_be_replaced(r):
    r("SET", "k", "here")
    with raises_reply("BUSYKEY Target key name already exists."):
        r("RESTORE", "k", 0, X)
    assert (r.effects, r("GET", "k")) == ([], b"here")
    assert r("RESTORE", "k", 0, LIST, "REPLACE") == "OK"
    assert r.effects == [Effect("restore", b"k", 1)]
    assert r("LRANGE", "k", 0, -1) == [b"a", b"2"]


def test_an_expired_key_is_no_obstacle(r):
    r("SET", "k", "here", "PX", 5)
    r.advance(ms=10)
    assert r("RESTORE", "k", 0, X) == "OK"
    assert [e.event for e in r.effects] == ["expired", "restore"]


@pytest.mark.parametrize(("words", "error"), [
    (["k", 0, X, "FOO"], "ERR syntax error"), (["k", 0, X, "IDLETIME"], "ERR syntax error"),
    (["k", 0, X, "FREQ", 1, "IDLETIME", 1], "ERR syntax error"),
    (["k", 0, X, "IDLETIME", 1, "FREQ", 1], "ERR syntax error"),
    (["k", 0, X, "IDLETIME", "a"], "ERR value is not an integer or out of range"),
    (["k", 0, X, "IDLETIME", -1], "ERR Invalid IDLETIME value, must be >= 0"),
    (["k", 0, X, "FREQ", 256], "ERR Invalid FREQ value, must be >= 0 and <= 255"),
    (["k", "a", X], "BUSYKEY"), (["k", "a", X, "REPLACE"], "ERR value is not an integer or out of range"),
    (["k", -1, X, "REPLACE"], "ERR Invalid TTL value, must be >= 0"),
    (["k", -1, b"", "REPLACE"], "ERR Invalid TTL value, must be >= 0"),
    (["k", 0, b"", "REPLACE"], BAD_SUM), (["k", 0, X[:-1] + b"?", "REPLACE"], BAD_SUM),
    (["k", 0, X[:-8] + bytes(8), "REPLACE"], BAD_SUM),                    # in a payload a sum of 0 is not "unchecked"
    (["k", 0, rdb.payload(b""), "REPLACE"], BAD_DATA), (["k", 0, rdb.payload(b"\x63"), "REPLACE"], BAD_DATA),
    (["k", 0, rdb.payload(b"\0\5abc"), "REPLACE"], BAD_DATA), (["k", 0, rdb.payload(b"\1\0"), "REPLACE"], BAD_DATA)])
def test_errors_come_in_redis_order_and_change_nothing(r, words, error):
    r("SET", "k", "here")
    with raises_reply(error):
        r("RESTORE", *words)
    assert (r.effects, r.propagated) == ([], [])
    assert r("GET", "k") == b"here"


def test_bytes_behind_the_value_do_not_matter(r):
    assert r("RESTORE", "k", 0, rdb.payload(b"\0" + rdb.string(b"x") + b"more")) == "OK"


@pytest.mark.parametrize("version", [0, 1, 5, 11, 12, 80])
def test_versions_of_redis_and_of_valkey_are_taken(r, version):
    assert r("RESTORE", "k", 0, rdb.payload(b"\0" + rdb.string(b"x"), version)) == "OK"


@pytest.mark.parametrize("version", [13, 79, 81, 65535])
def test_other_versions_are_taken_only_if_the_check_is_relaxed(r, version):
    unknown = rdb.payload(b"\0" + rdb.string(b"x"), version)
    with raises_reply(BAD_SUM):
        r("RESTORE", "k", 0, unknown)
    r("CONFIG", "SET", "rdb-version-check", "relaxed")
    assert r("RESTORE", "k", 0, unknown) == "OK"
    r("CONFIG", "SET", "rdb-version-check", "strict")
    with raises_reply(BAD_SUM):
        r("RESTORE", "k", 0, unknown, "REPLACE")


def test_a_wrong_sum_is_taken_only_if_debug_says_so(r):
    wrong = X[:-1] + bytes([X[-1] ^ 1])
    library = r("FUNCTION", "DUMP")
    library = library[:-1] + bytes([library[-1] ^ 1])
    for words in (("RESTORE", "k", 0, wrong), ("FUNCTION", "RESTORE", library)):
        with raises_reply(BAD_SUM):
            r(*words)
        assert r("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 1) == "OK"
        assert r(*words) == "OK"
        assert r("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 0) == "OK"
    with raises_reply(BAD_SUM):
        r("RESTORE", "other", 0, wrong)


def test_a_relative_time_to_live_is_propagated_as_an_absolute_one(r):
    r("RESTORE", "k", 5000, X, "REPLACE", "IDLETIME", 7)
    at = b"%d" % (r.now_ms + 5000)
    assert r.propagated == [[b"RESTORE", b"k", at, X, b"REPLACE", b"IDLETIME", b"7", b"ABSTTL"]]
    assert r("PTTL", "k") == 5000
    r("RESTORE", "a", r.now_ms + 700, X, "ABSTTL")
    assert r.propagated == [[b"RESTORE", b"a", b"%d" % (r.now_ms + 700), X, b"ABSTTL"]]
    assert r("PTTL", "a") == 700


def test_a_time_to_live_beyond_all_times_is_the_last_of_them(r):
    r("RESTORE", "k", 2**63 - 1, X)
    assert r("PEXPIRETIME", "k") == 2**63 - 1


def test_what_is_over_already_is_not_made_and_removes_what_it_would_replace(r):
    assert r("RESTORE", "k", 5, X, "ABSTTL") == "OK"
    assert (r.effects, r.propagated, r("EXISTS", "k")) == ([], [], 0)
    r("SET", "k", "here")
    assert r("RESTORE", "k", r.now_ms, LIST, "ABSTTL", "REPLACE") == "OK"
    assert r.effects == [Effect("del", b"k", 1)]
    assert r.propagated == [[b"DEL", b"k"]]
    assert r("EXISTS", "k") == 0


def test_the_time_since_the_last_use_comes_along(r):
    r("RESTORE", "k", 0, X, "IDLETIME", 1000)
    assert r("OBJECT", "IDLETIME", "k") == 1000
    r("RESTORE", "k", 0, X, "REPLACE", "FREQ", 9)
    assert r("OBJECT", "IDLETIME", "k") == 0
    r("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    r("RESTORE", "k", 0, X, "REPLACE", "FREQ", 200)
    assert r("OBJECT", "FREQ", "k") == 200
    r("RESTORE", "k", 0, X, "REPLACE", "IDLETIME", 10)
    assert r("OBJECT", "FREQ", "k") == 5


def test_whoever_waits_for_a_list_gets_one_that_is_restored(r):
    waiting = R(r.server)
    waiting.session.feed(b"BLPOP k 0\r\n")
    r("RESTORE", "k", 0, LIST)
    waiting.cycle()
    assert waiting.taken() == [[b"k", b"a"]]


def test_fields_that_expire_are_known_to_the_database(r):
    triples = rdb.listpack(b"f", b"v", r.now_ms + 50, b"g", b"w", 0)
    r("RESTORE", "h", 0, rdb.payload(bytes([rdb.LISTPACK_EX_PRE_GA]) + rdb.string(triples), 12))
    assert r("HPTTL", "h", "FIELDS", 2, "f", "g") == [50, -1]
    assert r.session.check_hashes() == 0
    r.advance(ms=100)
    for _ in range(20):
        r.advance(ms=100)
        r.cycle()
    assert r("HLEN", "h") == 1


@pytest.mark.parametrize(("value", "reason"), [
    (rdb.QUICKLIST_2.to_bytes(1, "little") + rdb.length(1) + b"\1" + rdb.string(b""), "a node of a list is empty"),
    (rdb.QUICKLIST_2.to_bytes(1, "little") + rdb.length(1) + b"\2" + rdb.string(b"x"), "a node of a list is broken")])
def test_the_log_says_what_is_wrong_with_a_value_that_is_refused(r, value, reason):
    told = []
    r.server.core.on_log = lambda level, text: told.append(text)
    with raises_reply(BAD_DATA):
        r("RESTORE", "k", 0, rdb.payload(value))
    assert told == [f"A payload for RESTORE is refused, integrity check failed: {reason}"]


def test_a_value_that_is_refused_leaves_nothing_behind(r):
    good = rdb.strings(*(b"member %d" % i for i in range(2000)))
    r("RESTORE", "k", 0, rdb.payload(b"\2" + rdb.length(2000) + good))
    r("FLUSHALL")
    bad = rdb.payload(b"\2" + rdb.length(2001) + good + rdb.string(b"member 7"))
    for _ in range(3):
        with raises_reply(BAD_DATA):
            r("RESTORE", "k", 0, bad)
    before = r.session.memory_used
    for _ in range(20):
        with raises_reply(BAD_DATA):
            r("RESTORE", "k", 0, bad)
    assert r.session.memory_used <= before


def test_what_dump_gives_is_restored_as_it_was(r):
    fill(r, 4_000_000_000_000)
    digests = r("DEBUG", "DIGEST")
    for key in r("KEYS", "*"):
        dump, encoding, lasts = r("DUMP", key), r("OBJECT", "ENCODING", key), r("DEBUG", "DIGEST-VALUE", key)
        assert r("RESTORE", key, 0, dump, "REPLACE") == "OK", key
        assert (r("OBJECT", "ENCODING", key), r("DEBUG", "DIGEST-VALUE", key)) == (encoding, lasts), key
    assert r("DEBUG", "DIGEST") == digests


# ---------------------------------------------------------------- payloads of real servers

def logical(call, key, kind):
    """The value as commands show it."""
    if kind == "string":
        return call("GET", key)
    if kind == "list":
        return call("LRANGE", key, 0, -1)
    if kind == "set":
        return sorted(call("SMEMBERS", key))
    if kind == "zset":
        return [(m, float(s)) for m, s in zip(*[iter(call("ZRANGE", key, 0, -1, "WITHSCORES"))] * 2, strict=True)]
    if kind == "hash":
        fields = sorted(zip(*[iter(call("HGETALL", key))] * 2, strict=True))
        if "timed" in key:
            return fields, call("HPEXPIRETIME", key, "FIELDS", len(fields), *[f for f, _ in fields])
        return fields
    info = call("XINFO", "STREAM", key, "FULL", "COUNT", 0)
    return [part for part in named(info) if part[0] not in (b"radix-tree-keys", b"radix-tree-nodes")]


def named(value):
    """A flat map of an XINFO reply as pairs, without what Redis 7.0 does not say."""
    if not isinstance(value, list):
        return value
    if len(value) % 2 == 0 and value and all(isinstance(name, bytes) for name in value[::2]):
        return [(name, named(part)) for name, part in zip(value[::2], value[1::2], strict=True)
                if name != b"active-time"]
    return [named(part) for part in value]


@pytest.mark.peer
@pytest.mark.parametrize("name", ["redis7", "redis8", "valkey9"])
def test_every_value_of_a_real_server_is_restored_as_it_was(r, own_peer, name):
    server = own_peer(name, "--enable-debug-command", "yes")
    at = 4_000_000_000_000
    fill(server.call, 0 if name == "redis7" else at)
    keys = [key.decode() for key in server.call("KEYS", "*")]
    assert len(keys) > 25
    for key in keys:
        assert r("RESTORE", key, 0, server.call("DUMP", key)) == "OK", key
        kind = server.call("TYPE", key)
        assert r("TYPE", key) == kind
        assert logical(r, key, kind) == logical(server.call, key, kind), key
        if name == "redis8":
            assert r("OBJECT", "ENCODING", key) == server.call("OBJECT", "ENCODING", key), key
            if kind != "stream":
                assert r("DEBUG", "DIGEST-VALUE", key) == [server.call("DEBUG", "DIGEST-VALUE", key)[0]], key
    assert r.session.check() == r.session.check_hashes() == r.session.check_streams() == 0


@pytest.mark.peer
def test_words_and_errors_are_those_of_redis(r, own_peer):
    server = own_peer("redis8")

    def answer(call, *words):
        try:
            return str(call(*words))
        except Exception as error:
            return f"-{error}"

    tails = [[], ["REPLACE"], ["ABSTTL"], ["replace", "absttl"], ["REPLACE", "IDLETIME", "5"], ["REPLACE", "FREQ", "x"],
             ["FREQ", "-1"], ["IDLETIME", "99999999999999999999"], ["REPLACE", "REPLACE"],
             ["IDLETIME", "1", "IDLETIME", "2"]]
    payloads = [X, LIST, b"", X[1:], rdb.payload(b"\0\x20abc"), rdb.payload(b"\7"),
                rdb.payload(b"\4" + rdb.length(0), 12), rdb.payload(b"\0\1a", 13),
                rdb.payload(b"\x16" + rdb.length(1) + rdb.length(0) + rdb.strings(b"f", b"v"), 12)]
    for ttl in ("0", "1", "-5", "x", "100000", "4000000000000"):
        for payload in payloads:
            for tail in tails:
                words = ["RESTORE", "k", ttl, payload, *tail]
                assert answer(r, *words) == answer(server.call, *words), words
                if ttl != "1":
                    assert r("EXISTS", "k") == server.call("EXISTS", "k"), words
            r("DEL", "k")
            server.call("DEL", "k")
