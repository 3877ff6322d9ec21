"""Whole RDB files: what real servers wrote, what pyredis writes, what is spoilt, and what is made to do harm."""

import base64
import json
import os
import random
import struct

import _pyredis.figures as figures
import pytest
from _pyredis import loading, saving

from tests.rdb import rdbfile as rdb
from tests.rdb.held import FIXTURES, SERVERS, decoded
from tests.rdb.reader import crc64
from tests.rdb.values import FAR, VALUES, VERSIONS
from tests.session import R

OPTIONS = {"compress": True, "checksum": True, "incremental": False, "delay_us": 0, "idle": False, "frequency": False}
DEBUG = {"enable_debug_command": "yes"}
LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
SELECT, RESIZE, EXPIRY_MS, EXPIRY_S, IDLE, FREQUENCY, AUX, FUNCTION, END = 254, 251, 252, 253, 248, 249, 250, 245, 255


def load(r, data, *how, **options):
    """The figures; `data` are the file's bytes."""
    fd = os.memfd_create("rdb")
    try:
        os.write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
        return loading.load(r.server.core, fd, how, **{"size": len(data), **options})
    finally:
        os.close(fd)
        assert r.session.check() == 0


def saved(r, tmp_path, **options):
    path = tmp_path / "made.rdb"
    saving.save(r.server.core, str(path), "rdb", [(b"redis-ver", b"8.0.6")], {**OPTIONS, **options})
    return path.read_bytes()


def file(*parts, version=b"REDIS0011", end=b"\xff" + bytes(8)):
    return version + b"".join(parts) + end


def key(name, value=b"value", before=b""):
    return before + bytes([rdb.STRING]) + rdb.string(name) + rdb.string(value)


def content(r):
    """database -> key -> (value in the manner of decoded(), expiry or None)"""
    read = {
        "string": lambda k: r("GET", k), "list": lambda k: r("LRANGE", k, 0, -1),
        "set": lambda k: sorted(r("SMEMBERS", k)),
        "zset": lambda k: sorted((m, float(s)) for m, s in pairs(r("ZRANGE", k, 0, -1, "WITHSCORES"))),
        "hash": lambda k: sorted((f, v, max(r("HPEXPIRETIME", k, "FIELDS", 1, f)[0], 0))
                                 for f, v in pairs(r("HGETALL", k))),
        "stream": lambda k: [(tuple(map(int, i.split(b"-"))), list(pairs(words)))
                             for i, words in r("XRANGE", k, "-", "+")]}
    found = {}
    for db in range(16):
        r("SELECT", db)
        here = {k: (read[r("TYPE", k)](k), None if r("PEXPIRETIME", k) < 0 else r("PEXPIRETIME", k))
                for k in r("KEYS", "*")}
        if here:
            found[db] = here
    r("SELECT", 0)
    return found


def pairs(flat):
    return zip(*[iter(flat)] * 2, strict=True)


# ------------------------------------------------------------ files that are sound

@pytest.mark.parametrize("server", SERVERS)
def test_a_file_of_a_real_server_gives_exactly_what_that_server_held(server):
    r = R()
    figures = load(r, (FIXTURES / server / "dump.rdb").read_bytes(), "sum")
    held = json.loads((FIXTURES / server / "expected.json").read_text())
    assert content(r) == {int(db): {base64.b64decode(name): (decoded(value), value.get("pexpireat"))
                                    for name, value in keys.items()} for db, keys in held.items()}
    assert figures["keys"] == sum(map(len, held.values())) and figures["summed"]
    assert len(r("FUNCTION", "LIST")) == figures["functions"] == (server != "redis-6.2")
    for db, keys in held.items():
        r("SELECT", db)
        for name, value in keys.items():
            if value["type"] != "stream":
                continue
            groups = r("XINFO", "GROUPS", base64.b64decode(name))
            told = [{k.decode(): v for k, v in pairs(group)} for group in groups]
            assert [(g["name"].decode(), g["pending"]) for g in told] == [
                (g["name"], len(g["pending_entries"])) for g in value["groups"]]


@pytest.mark.parametrize("options", [{}, {"compress": False, "checksum": False}])
def test_what_is_saved_is_what_is_loaded(tmp_path, options):
    r, other = R(**DEBUG), R(**DEBUG)
    for i, name in enumerate(VALUES):
        VALUES[name](r)
        r("RENAME", "k", f"key {name}")
        if i % 3 == 0:
            r("PEXPIREAT", f"key {name}", FAR + i)
    r("SELECT", 9)
    r("SET", "elsewhere", 1)
    r("FUNCTION", "LOAD", LIBRARY)
    data = saved(r, tmp_path, **options)
    figures = load(other, data, "sum")
    assert figures["keys"] == len(VALUES) + 1 and figures["timed"] == -(-len(VALUES) // 3)
    assert figures["summed"] == options.get("checksum", True) and figures["bytes"] == len(data)
    assert other("DEBUG", "DIGEST") == r("DEBUG", "DIGEST")
    assert other("FCALL", "f", 0) == 1
    assert max(VERSIONS.values()) <= figures["version"]


def test_many_keys_and_databases_come_whole(tmp_path):
    r, other = R(**DEBUG), R(**DEBUG)
    for db in (0, 5, 15):
        r("SELECT", db)
        r("DEBUG", "POPULATE", 5000, f"key{db}")
    r("SELECT", 0)
    assert load(other, saved(r, tmp_path))["keys"] == 15_000
    assert other("DEBUG", "DIGEST") == r("DEBUG", "DIGEST")


def test_what_stands_beside_the_keys_is_told():
    r, told = R(), []
    data = file(bytes([AUX]) + rdb.strings(b"redis-ver", b"1.2.3"), bytes([SELECT, 3]), key(b"a"))
    load(r, data, on_aux=lambda *words: told.append(words), on_database=lambda *words: told.append(words))
    assert told == [(26, b"redis-ver", b"1.2.3"), (28, 3)]


def test_a_dry_run_counts_and_keeps_nothing(tmp_path):
    r, other = R(), R()
    for name in VALUES:
        VALUES[name](r)
        r("RENAME", "k", f"key {name}")
    r("FUNCTION", "LOAD", LIBRARY)
    figures = load(other, saved(r, tmp_path), "sum", "dry")
    assert (figures["keys"], figures["functions"]) == (len(VALUES), 1)
    assert other("DBSIZE") == 0 and other("FUNCTION", "LIST") == []
    assert load(other, file(bytes([SELECT, 200 >> 6 | 0x40, 200]), key(b"a")), "dry")["keys"] == 1


def test_the_source_may_go_on_behind_the_file():
    r = R()
    data = file(key(b"a"), end=b"\xff" + struct.pack("<Q", crc64(file(key(b"a"), end=b"\xff"))))
    figures = load(r, data + b"*1\r\n$4\r\nPING\r\n", "sum")
    assert figures["bytes"] == len(data) and figures["summed"]


@pytest.mark.parametrize(("before", "left"), [
    (bytes([EXPIRY_MS]) + struct.pack("<q", FAR), FAR),
    (bytes([EXPIRY_S]) + struct.pack("<i", 2**31 - 1), (2**31 - 1) * 1000), (b"", -1)])
def test_an_expiry_is_that_of_the_next_key_only(before, left):
    r = R()
    assert load(r, file(key(b"a", before=before), key(b"b")))["timed"] == (left != -1)
    assert (r("PEXPIRETIME", "a"), r("PEXPIRETIME", "b")) == (left, -1)


def test_keys_whose_time_is_over_are_dropped_unless_commands_follow():
    past = bytes([EXPIRY_MS]) + struct.pack("<q", 1000)
    data = file(key(b"a", before=past), key(b"b"))
    r = R()
    figures = load(r, data)
    assert (figures["keys"], figures["expired"], r("DBSIZE")) == (2, 1, 1)
    other = R()
    load(other, data, "expired")
    assert other("DBSIZE") == 2 and other("EXISTS", "a") == 0


def test_idle_times_and_frequencies_count_under_their_policy():
    data = file(key(b"a", before=bytes([IDLE, 50])), key(b"b", before=bytes([FREQUENCY, 77])), key(b"c"))
    r = R()
    load(r, data)
    assert (r("OBJECT", "IDLETIME", "a"), r("OBJECT", "IDLETIME", "c")) == (50, 0)
    other = R(maxmemory_policy="allkeys-lfu")
    load(other, data)
    assert (other("OBJECT", "FREQ", "b"), other("OBJECT", "FREQ", "c")) == (77, 5)


def test_an_empty_collection_is_passed_over():
    r = R()
    figures = load(r, file(bytes([rdb.LIST]) + rdb.string(b"empty") + rdb.length(0), key(b"b")))
    assert (figures["keys"], figures["empty"], r("KEYS", "*")) == (2, 1, [b"b"])


@pytest.mark.parametrize("version", [b"REDIS%04d" % n for n in range(1, 13)] + [b"VALKEY080"])
def test_each_version_is_read(version):
    end = b"\xff" + (b"" if version < b"REDIS0005" else bytes(8))
    assert load(R(), file(key(b"a"), version=version, end=end), "sum")["keys"] == 1


def test_sizes_and_slots_are_hints():
    parts = bytes([SELECT, 0, RESIZE, 2, 1]) + bytes([244, 1, 1, 0]) + key(b"a")
    r = R()
    assert load(r, file(parts))["keys"] == r("DBSIZE") == 1


def test_new_keys_are_no_events():
    r = R()
    r("CONFIG", "SET", "notify-keyspace-events", "KEAn")
    listener = R(r.server)
    listener("PSUBSCRIBE", "*")
    load(r, file(*(key(b"%d" % n) for n in range(100))))
    r("PING")
    assert listener.taken() == [] and r.effects == []


# ------------------------------------------------------------ merging

def test_a_key_that_is_there_already_is_an_error_or_replaced():
    r = R()
    r("RPUSH", "a", 1)
    with pytest.raises(loading.LoadError, match="there twice"):
        load(r, file(key(b"a")))
    load(r, file(key(b"a"), key(b"b")), "merge")
    assert (r("GET", "a"), r("DBSIZE")) == (b"value", 2)


def test_a_key_that_stands_twice_in_the_file_is_an_error():
    with pytest.raises(loading.LoadError, match="there twice"):
        load(R(), file(key(b"a"), key(b"b"), key(b"a")))


def test_a_library_that_is_there_already_is_an_error_or_replaced():
    r = R()
    r("FUNCTION", "LOAD", LIBRARY)
    data = file(bytes([FUNCTION]) + rdb.string(LIBRARY.replace("1 end", "2 end").encode()))
    with pytest.raises(loading.LoadError, match="library"):
        load(r, data)
    load(r, data, "merge")
    assert r("FCALL", "f", 0) == 2


# ------------------------------------------------------------ stopping

def test_progress_is_told_and_can_stop_it():
    r, told = R(), []
    data = file(*(key(b"%d" % n, b"x" * 1000) for n in range(500)))
    load(r, data, on_progress=lambda at: told.append(at) or True, interval=10_000)
    assert len(told) > 40 and told == sorted(told)
    other = R()
    with pytest.raises(loading.LoadStopped):
        load(other, data, on_progress=lambda at: at < 100_000, interval=10_000)
    assert 90 < other("DBSIZE") < 120


# ------------------------------------------------------------ files that are not sound

BROKEN = {
    "another name": (b"RUDIS0011" + bytes(20), "begin as an RDB file does", 0),
    "a version of the future": (file(version=b"REDIS0013"), "version", 0),
    "a version between Redis's and Valkey's": (file(version=b"REDIS0079"), "version", 0),
    "no version": (file(version=b"REDIS00x1"), "version", 0),
    "a database too many": (file(bytes([SELECT, 16])), "database", 11),
    "functions of a release candidate": (file(bytes([246]) + rdb.string(b"x")), "release candidate", 10),
    "a module": (file(bytes([247, 5, 2, 2, 1, 7, 0])), "module", 16),
    "a module's value": (file(bytes([7]) + rdb.string(b"k") + bytes(9)), "module", 12),
    "an unknown opcode": (file(bytes([100]) + rdb.string(b"k")), "unknown type", 12),
    "a broken library": (file(bytes([FUNCTION]) + rdb.string(b"#!lua name=x\nsyntax error")), "library", None),
    "nothing": (b"", "too early", 0),
    "a name only": (b"REDIS", "too early", 0),
    "no end": (b"REDIS0011" + key(b"a"), "too early", 18),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_is_refused_with_its_offset(name):
    data, reason, offset = BROKEN[name]
    with pytest.raises(loading.LoadError) as caught:
        load(R(), data)
    assert reason in caught.value.reason and caught.value.offset == (caught.value.offset if offset is None else offset)


def test_the_key_under_way_is_told():
    with pytest.raises(loading.LoadError) as caught:
        load(R(), file(key(b"good"), bytes([rdb.INTSET]) + rdb.string(b"bad") + rdb.string(b"xxx")))
    assert (caught.value.key, caught.value.type) == (b"bad", rdb.INTSET)


def test_a_wrong_sum_is_an_error_if_sums_are_checked():
    data = file(key(b"a"), end=b"\xff" + b"12345678")
    with pytest.raises(loading.LoadError, match="checksum"):
        load(R(), data, "sum")
    assert not load(R(), data)["summed"]


@pytest.mark.parametrize("part", [
    bytes([RESIZE]) + rdb.length(2**60) * 2, bytes([AUX]) + rdb.length(2**62), bytes([FUNCTION]) + rdb.length(2**40),
    bytes([rdb.STRING]) + rdb.length(2**50), bytes([rdb.LIST]) + rdb.string(b"k") + rdb.length(2**63),
    bytes([IDLE]) + rdb.length(2**63), bytes([EXPIRY_MS]) + bytes([255] * 8)])
def test_claims_cost_nothing(part):
    r = R()
    before = figures.memory(r.server.core)["used"]
    try:
        load(r, file(part))
    except loading.LoadError:
        pass
    assert figures.memory(r.server.core)["used"] < before + 100_000


def small_file(r, tmp_path, **options):
    """A file with something of everything, and short."""
    for name in ("a string", "integer 127"):
        r("SET", name, name, "PXAT", FAR)
    r("RPUSH", "list", "a", 1, "b" * 30)
    r("SADD", "set", 1, 2, 3)
    r("SADD", "words", "one", "two")
    r("HSET", "hash", "f", "v", "g", 7)
    r("HSET", "timed", "f", "v")
    r("HPEXPIREAT", "timed", FAR, "FIELDS", 1, "f")
    r("ZADD", "zset", 1, "a", 2.5, "b")
    r("XADD", "stream", "1-1", "f", "v")
    r("XGROUP", "CREATE", "stream", "g", 0)
    r("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">")
    r("FUNCTION", "LOAD", LIBRARY)
    return saved(r, tmp_path, **options)


def test_no_part_of_a_file_is_a_file(tmp_path):
    data = small_file(R(), tmp_path)
    r = R()
    for n in range(len(data)):
        with pytest.raises(loading.LoadError) as caught:
            load(r, data[:n], "sum", "dry")
        assert caught.value.offset <= n
    assert load(r, data, "sum")["keys"] == r("DBSIZE")


def test_a_flipped_bit_anywhere_is_noticed_by_the_sum(tmp_path):
    data = bytearray(small_file(R(), tmp_path))
    r = R()
    for at in range(len(data)):
        data[at] ^= 1 << at % 8
        with pytest.raises(loading.LoadError):
            load(r, bytes(data), "sum", "dry")
        data[at] ^= 1 << at % 8


@pytest.mark.parametrize("seed", range(4))
def test_without_a_sum_spoilt_bytes_give_an_error_or_data_that_is_sound(tmp_path, seed):
    chance = random.Random(seed)
    sound = small_file(R(), tmp_path, compress=bool(seed & 1), checksum=False)
    for _ in range(150):
        data = bytearray(sound)
        for _ in range(chance.choice([1, 1, 2, 8])):
            data[chance.randrange(9, len(data))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        r = R(**DEBUG)
        try:
            load(r, bytes(data))
        except loading.LoadError:
            pass
        r("DEBUG", "DIGEST")
        saved(r, tmp_path)
