"""DUMP: what it replies, and that real servers of every version take it and hold the same value then."""

import re

import _pyredis.figures as figures
import pytest

from bench.peers import ReplyError
from tests.rdb.values import STRINGS, VALUES, VERSIONS, facts

PEERS = {"redis7": 10, "redis8": 12, "valkey9": 11}      # and the newest version of Redis that each reads
OPTIONS = ("--enable-debug-command", "yes", "--sanitize-dump-payload", "yes")


# ---------------------------------------------------------------- here

def test_a_missing_key_is_null(r):
    assert r("DUMP", "none") is None


def test_a_payload_is_type_value_version_and_crc(r):
    r("SET", "k", "12")
    assert r("DUMP", "k").hex() == "00c00c0a00" + r("DUMP", "k")[-8:].hex()
    assert len(r("DUMP", "k")) == 13


def test_nothing_changes(r):
    r("SET", "k", "v")
    r("DUMP", "k")
    assert r.effects == []


def test_it_counts_as_a_use_of_the_key_and_as_a_hit_or_a_miss(r):
    r("SET", "k", "v")
    r.advance(ms=9000)
    r("CONFIG", "RESETSTAT")
    r("DUMP", "k")
    r("DUMP", "none")
    assert re.search(rb"keyspace_hits:1\r\nkeyspace_misses:1\r\n", r("INFO", "stats"))
    assert r("OBJECT", "IDLETIME", "k") == 0


def test_an_expired_key_is_gone(r):
    r("SET", "k", "v", "PX", 5)
    r.advance(ms=6)
    assert r("DUMP", "k") is None


def test_a_long_payload_gives_its_memory_back(r):
    r("CONFIG", "SET", "rdbcompression", "no")
    r("SET", "k", "x" * 300_000)
    used = []
    for _ in range(5):
        assert len(r("DUMP", "k")) == 1 + 5 + 300_000 + 10
        used.append(figures.memory(r.server.core)["used"])
    assert used == used[:1] * 5


# ---------------------------------------------------------------- and there

@pytest.fixture(scope="module")
def us(own_peer):
    return own_peer("pyredis", "--enable-debug-command", "yes")


def put(server, name):
    server.call("DEL", "k")
    VALUES[name](server.call)
    return server.call("DUMP", "k")


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("there", PEERS)
def test_a_real_server_restores_what_its_version_can_hold(us, peer, there, name):
    payload = put(us, name)
    other = peer(there, *OPTIONS)
    other.call("DEL", "k")
    if VERSIONS.get(name, 10) > PEERS[there]:
        with pytest.raises(ReplyError, match="DUMP payload version or checksum are wrong"):
            other.call("RESTORE", "k", 0, payload)
        return
    assert other.call("RESTORE", "k", 0, payload) == "OK"
    assert facts(other.call, "k") == facts(us.call, "k")
    if other.call("TYPE", "k") != "stream" and (there != "redis7" or name not in ("skiplist", "listpack sorted set")):
        # (Redis 7.0 has other digits in the digest of a score)
        assert other.call("DEBUG", "DIGEST-VALUE", "k") == us.call("DEBUG", "DIGEST-VALUE", "k")


@pytest.mark.parametrize("name", [name for name in VALUES if "timed" in name])
def test_expiries_of_fields_arrive(us, peer, name):
    payload = put(us, name)
    other = peer("redis8", *OPTIONS)
    other.call("RESTORE", "k", 0, payload, "REPLACE")
    fields = us.call("HKEYS", "k")
    asked = ("HPEXPIRETIME", "k", "FIELDS", len(fields), *fields)
    assert other.call(*asked) == us.call(*asked)


def length(server):
    return int(re.search(r"serializedlength:(\d+)", server.call("DEBUG", "OBJECT", "k"))[1])


@pytest.fixture(scope="module")
def plain(own_peer):
    """Two servers that do not compress: LZF leaves its writer a choice."""
    return own_peer("pyredis", *OPTIONS[:2], "--rdbcompression", "no"), own_peer("redis8", *OPTIONS[:2],
                                                                               "--rdbcompression", "no")


# Redis saves a set in a listpack as such, always says when consumers were active, and keeps triples that are not timed.
OTHER_LAYOUT = {"listpack set", "stream with groups", "listpack hash that had timed fields"}


@pytest.mark.parametrize("name", [name for name in VALUES if "compressed" not in name and name not in OTHER_LAYOUT])
def test_debug_object_weighs_a_value_as_redis_does(plain, name):
    ours, redis = plain
    put(ours, name)
    put(redis, name)
    assert length(ours) == length(redis)


@pytest.mark.parametrize("name", [*STRINGS, "table set", "skiplist", "table hash", "quicklist", "stream"])
def test_the_payload_is_that_of_redis_but_for_the_version(plain, name):
    ours, redis = (put(server, name) for server in plain)
    assert len(ours) == len(redis)
    if name in STRINGS:
        assert ours[:-10] == redis[:-10]
