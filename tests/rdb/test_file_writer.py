"""Whole files: their pieces, the version they ask for, and that real servers start with them."""

import pytest

from bench import peers
from bench.peers import StartError
from tests.demand import demand
from tests.rdb.reader import crc64, read, read_file
from tests.rdb.values import FAR, VALUES, VERSIONS, facts

NAMES = {f"key {name}": name for name in VALUES}
IDLE, FREQUENCY = 1, 2


def fill(r, newest=12):
    """Every value that this version can hold, each under its own key; some more in another database."""
    for key, name in NAMES.items():
        if VERSIONS.get(name, 10) <= newest:
            VALUES[name](r)
            r("RENAME", "k", key)
    for i in range(0, len(NAMES), 5):
        r("PEXPIREAT", list(NAMES)[i], FAR + i)
    r("SELECT", 3)
    r("SET", "elsewhere", "x" * 50, "PXAT", FAR)
    r("SELECT", 0)


def test_an_empty_server_writes_an_empty_file(r):
    data = r.session.rdb_file()
    assert data[:-8] == b"REDIS0010\xff"
    assert read_file(data).crc == crc64(data[:-8])


def test_a_file_holds_what_dump_gives_of_every_key(r):
    fill(r)
    found = read_file(r.session.rdb_file(aux=[(b"redis-ver", b"8.0.6"), (b"redis-bits", b"64")],
                                         functions=[b"#!lua name=a", b"#!lua name=b"]))
    assert found.aux == [(b"redis-ver", b"8.0.6"), (b"redis-bits", b"64")]
    assert found.functions == [b"#!lua name=a", b"#!lua name=b"]
    timed = [r("PEXPIRETIME", key) > 0 for key in NAMES]
    assert found.sizes == {0: (len(NAMES), sum(timed)), 3: (1, 1)}
    assert found.keys.pop((3, b"elsewhere"))[:3] == (0, b"x" * 50, FAR)
    for key in NAMES:
        saved, payload = found.keys.pop((0, key.encode())), read(r("DUMP", key))
        assert (saved.type, saved.value) == (payload.type, payload.value)
        assert saved.expiry == (r("PEXPIRETIME", key) if r("PEXPIRETIME", key) > 0 else None)
        assert (saved.idle, saved.frequency) == (None, None)
    assert found.keys == {}


@pytest.mark.parametrize("compression", ["yes", "no"])
def test_the_file_is_the_same_through_a_buffer_of_any_size(r, compression):
    r("CONFIG", "SET", "rdbcompression", compression)
    fill(r)
    whole = r.session.rdb_file()
    assert read_file(whole).crc == crc64(whole[:-8])
    for size in (64, 5000, 1 << 20):
        assert r.session.rdb_file(buffer=size) == whole


def test_the_version_is_the_oldest_that_holds_all_values(r):
    assert read_file(r.session.rdb_file()).version == 10
    fill(r, newest=10)
    assert read_file(r.session.rdb_file()).version == 10
    r("SELECT", 7)
    VALUES["stream with an idle consumer"](r)
    assert read_file(r.session.rdb_file()).version == 11
    r("SELECT", 8)
    VALUES["table hash with timed fields"](r)
    assert read_file(r.session.rdb_file()).version == 12
    r("DEL", "k")
    assert read_file(r.session.rdb_file()).version == 11


def test_idle_times_and_frequencies_stand_beside_the_keys_if_asked_for(r):
    r("SET", "old", 1)
    r.advance(ms=70_000)
    r("SET", "new", 1)
    keys = read_file(r.session.rdb_file(options=IDLE)).keys
    assert {key: saved.idle for key, saved in keys.items()} == {(0, b"old"): 70, (0, b"new"): 0}
    r("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    r("SET", "fresh", 1)
    keys = read_file(r.session.rdb_file(options=FREQUENCY)).keys
    assert keys[0, b"fresh"].frequency == r("OBJECT", "FREQ", "fresh") == 5


def test_keys_that_are_over_but_still_there_are_written(r):
    r("SET", "k", "v", "PX", 5)
    r.advance(ms=10)
    assert read_file(r.session.rdb_file()).keys[0, b"k"].expiry == r.now_ms - 5


@pytest.mark.parametrize(("there", "newest"), [("redis7", 10), ("redis8", 12), ("valkey9", 11)])
@pytest.mark.parametrize("compression", ["yes", "no"])
def test_a_real_server_starts_with_the_file(r, tmp_path, there, newest, compression):
    demand(there)
    r("CONFIG", "SET", "rdbcompression", compression)
    fill(r, newest)
    source = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    (tmp_path / "dump.rdb").write_bytes(r.session.rdb_file(
        aux=[(b"redis-ver", b"8.0.6"), (b"redis-bits", b"64"), (b"ctime", b"1700000000"), (b"used-mem", b"1000000"),
             (b"aof-base", b"0")], functions=[source], options=IDLE, buffer=1 << 16))
    with peers.start(there, "--dir", str(tmp_path), "--sanitize-dump-payload", "yes") as other:
        assert other.call("DBSIZE") == r("DBSIZE")
        assert b"f" in other.call("FUNCTION", "LIST")[0][5][0]
        for key in r("KEYS", "*"):
            assert other.call("PEXPIRETIME", key) == r("PEXPIRETIME", key)
            assert facts(other.call, key) == facts(r, key)
        other.call("SELECT", 3)
        assert other.call("GET", "elsewhere") == b"x" * 50


def test_a_server_that_is_too_old_refuses_the_file_for_its_version(r, tmp_path):
    demand("redis7")
    fill(r)
    (tmp_path / "dump.rdb").write_bytes(r.session.rdb_file())
    with pytest.raises(StartError, match="Can't handle RDB format version 12"), \
            peers.start("redis7", "--dir", str(tmp_path)):
        pass
