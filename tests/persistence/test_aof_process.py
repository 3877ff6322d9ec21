"""A server with an append-only file, as a process: restarts, rewrites, switching, and other servers' files."""

import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from bench import peers
from tests.demand import demand
from tests.grammar import Grammar, commands
from tests.network.line import eventually
from tests.persistence.aof_files import Writing
from tests.persistence.serving import child_of, logged
from tests.session import R, encode

ON = ("--appendonly", "yes", "--enable-debug-command", "yes")
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def start(folder, *options, name="pyredis"):
    demand(name)
    return peers.start(name, "--dir", str(folder), *ON, *options)


def digest(server):
    return server.call("DEBUG", "DIGEST")


def info(server):
    return peers.info_fields(server.call("INFO", "persistence"))


def rewritten(server):
    server.call("BGREWRITEAOF")
    assert eventually(lambda: info(server)["aof_rewrite_in_progress"] == "0"
                      and info(server)["aof_rewrite_scheduled"] == "0")
    assert info(server)["aof_last_bgrewrite_status"] == "ok"


def kill(server):
    """When all that it has acknowledged is on the disk."""
    assert server.call("WAITAOF", 1, 0, 10_000) == [1, 0]
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


def fill(server, seed=1, steps=400):
    """Some of everything that Redis knows, too."""
    among = commands(valkey=False)
    grammar = Grammar(random.Random(seed), [leaf for leaf in among if not leaf.blocks], valkey=False)
    for _ in range(steps):
        try:
            server.call(*grammar.request()[1])
        except peers.ReplyError:
            pass
    server.call("SELECT", 0)
    server.call("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
    for i in range(300):
        server.call("RPUSH", "long", i)
        server.call("ZADD", "large", i * 1.5, f"member{i}")
        server.call("SADD", "wide", f"member{i}")
        server.call("HSET", "many", f"field{i}", i)
    server.call("HPEXPIREAT", "many", 4102444800000, "FIELDS", 2, "field1", "field7")
    server.call("XADD", "stream", "1-1", "a", 1)
    server.call("XADD", "stream", "2-1", "a", 2, "b", 3)
    server.call("XADD", "stream", "3-1", "a", 2)
    server.call("XDEL", "stream", "3-1")
    server.call("XGROUP", "CREATE", "stream", "group", "0")
    server.call("XREADGROUP", "GROUP", "group", "reader", "COUNT", 1, "STREAMS", "stream", ">")
    server.call("XGROUP", "CREATECONSUMER", "stream", "group", "idle")
    server.call("XGROUP", "CREATE", "empty", "group", "$", "MKSTREAM")
    server.call("SELECT", 9)
    server.call("SET", "timed", "x", "PXAT", 4102444800000)
    server.call("SELECT", 0)


def groups(server):
    found = server.call("XINFO", "STREAM", "stream", "FULL")
    text = repr(found)
    return [text.count("reader"), text.count("idle"), server.call("XPENDING", "stream", "group"),
            server.call("XINFO", "STREAM", "empty")[:12]]


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_all_data_is_there_after_a_restart_and_in_a_real_server(tmp_path, preamble):
    with start(tmp_path, "--aof-use-rdb-preamble", preamble) as server:
        fill(server)
        before = digest(server), groups(server)
        kill(server)
    with start(tmp_path, "--aof-use-rdb-preamble", preamble) as server:
        assert (digest(server), groups(server)) == before
        rewritten(server)
        assert info(server)["aof_base_size"] == info(server)["aof_current_size"]
        server.call("SET", "after", 1)
        before = digest(server), groups(server)
        kill(server)
    with start(tmp_path, "--aof-use-rdb-preamble", preamble) as server:
        assert (digest(server), groups(server)) == before
        assert server.call("FCALL", "f", 0) == 1
    with start(tmp_path, name="redis8") as other:
        assert (digest(other), groups(other)) == before
        assert other.call("FCALL", "f", 0) == 1


def write_stream(folder, seed, among):
    """An increment with what a random stream of commands came to; the digest."""
    names = folder / "appendonlydir"
    names.mkdir()
    r = R()
    r.session.set_clock(1_800_000_000_000_000)
    writing = Writing(r, names / "appendonly.aof.1.incr.aof")
    grammar = Grammar(random.Random(seed), among, valkey=False)
    rng = random.Random(seed)
    for _ in range(1000):
        many = rng.choice([0, 0, 0, 0, 3])
        if many:
            r.feed(encode("MULTI"))
        for _ in range(many or 1):
            leaf, words = grammar.request()
            assert leaf in among
            r.feed(encode(*words))
        if many:
            r.feed(encode("EXEC"))
    for key in ("s1", "s2"):
        r.feed(encode("EVAL", "redis.call('SADD', KEYS[1], 1, 2, 3, 4) redis.call('SPOP', KEYS[1], 2) "
                      "return redis.call('INCR', 'n')", 1, key))
    r.session.set_clock(1_800_000_001_000_000)
    for _ in range(300):
        r.cycle()
    for db in range(16):                 # what ended is to be gone, here and there
        r.feed(encode("SELECT", db) + encode("KEYS", "*"))
    writing.data()
    (names / "appendonly.aof.manifest").write_bytes(b"file appendonly.aof.1.incr.aof seq 1 type i\n")
    from _pyredis.inspect import digest as of_core
    return of_core(r.server.core).hex()


OLD = {"HINCRBYFLOAT", "HSETEX", "HGETEX", "HGETDEL", "HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT", "HPERSIST"}


@pytest.mark.parametrize(("name", "seed"), [("redis8", 1), ("redis8", 2), ("redis8", 3), ("redis7", 4), ("redis7", 5)])
def test_what_is_propagated_gives_a_real_server_the_same_data(tmp_path, name, seed):
    among = [leaf for leaf in commands(valkey=False) if not leaf.blocks
             and (name != "redis7" or leaf.name not in OLD)]
    expected = write_stream(tmp_path, seed, among)
    with start(tmp_path, name=name) as other:
        assert digest(other).removeprefix("+") == expected


@pytest.mark.parametrize(("fixture", "name"), [("redis-6.2", "redis8"), ("redis-7.0.15", "redis8"),
                                               ("redis-8.0.6", "redis8"), ("valkey-9.1.2", "valkey9")])
def test_files_of_real_servers_give_the_same_data(tmp_path, fixture, name):
    found = []
    for who in ("pyredis", name):
        folder = tmp_path / who
        folder.mkdir()
        for source in (FIXTURES / fixture).glob("append*"):
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
        with start(folder, name=who) as server:
            found.append(digest(server))
            assert server.call("GET", "tx:1") == b"a"
    if fixture != "valkey-9.1.2":        # whose digest of hashes with timed fields is another
        assert found[0] == found[1]


def test_it_can_be_switched_on_and_off(tmp_path):
    with start(tmp_path, "--appendonly", "no") as server:
        server.call("SET", "before", 1)
        server.call("CONFIG", "SET", "appendonly", "yes")
        server.call("SET", "during", 1)
        assert eventually(lambda: server.call("WAITAOF", 1, 0, 100) == [1, 0])
        assert (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").exists()
        server.call("SET", "after", 1)
        server.call("CONFIG", "SET", "appendonly", "no")
        server.call("SET", "off", 1)
        assert info(server)["aof_enabled"] == "0"
    with start(tmp_path) as server:
        assert [server.call("EXISTS", key) for key in ("before", "during", "after", "off")] == [1, 1, 1, 0]


def broken_off(folder):
    with start(folder) as server:
        for i in range(10):
            server.call("SET", f"k{i}", i)
    path = folder / "appendonlydir" / "appendonly.aof.1.incr.aof"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    return path, whole[:-len(encode("SET", "k9", 9))]


def test_a_file_that_breaks_off_is_cut_and_loaded(tmp_path):
    path, whole = broken_off(tmp_path)
    with start(tmp_path) as server:
        assert server.call("DBSIZE") == 9
        assert path.read_bytes() == whole
        assert f"!!! Truncating the AOF appendonly.aof.1.incr.aof at offset {len(whole)} !!!" in server.log()
        assert "AOF appendonly.aof.1.incr.aof loaded anyway because aof-load-truncated is enabled" in server.log()


def test_a_file_that_breaks_off_is_refused_if_so_asked_for(tmp_path):
    path, _ = broken_off(tmp_path)
    before = path.read_bytes()
    with (pytest.raises(peers.StartError, match="Unexpected end of file reading the append only file"),
          start(tmp_path, "--aof-load-truncated", "no")):
        pass
    assert path.read_bytes() == before


def test_a_spoilt_middle_is_refused_with_file_and_offset(tmp_path):
    path, whole = broken_off(tmp_path)
    path.write_bytes(whole[:60] + b"garbage" + whole[60:])
    with (pytest.raises(peers.StartError, match=r"at offset \d+ of the append only file appendonly.aof.1.incr.aof"),
          start(tmp_path)):
        pass


def fault(server, op, after=0, error="ENOSPC"):
    server.call("DEBUG", "DISK-FAULT", op, after, error)


@pytest.mark.parametrize("op", ["open", "write", "sync", "rename", "truncate"])
def test_a_rewrite_that_fails_anywhere_leaves_all_data(tmp_path, op):
    """Each call on files that a rewrite makes fails once."""
    with start(tmp_path) as server:
        for i in range(50):
            server.call("SET", f"k{i}", i)
        for after in range(6):
            fault(server, op, after)
            try:
                server.call("BGREWRITEAOF")
            except peers.ReplyError:
                pass
            eventually(lambda: info(server)["aof_rewrite_in_progress"] == "0")
            server.call("DEBUG", "DISK-FAULT", op, -1)
            eventually(lambda after=after: _writes(server, after))
        expected = digest(server)
        kill(server)
    with start(tmp_path) as server:
        assert digest(server) == expected
        rewritten(server)


def _writes(server, n):
    try:
        return server.call("SET", "after", n) == "OK"
    except peers.ReplyError:
        return False


def test_with_always_a_failing_disk_ends_the_server(tmp_path):
    with start(tmp_path, "--appendfsync", "always") as server:
        server.call("SET", "a", 1)
        fault(server, "sync", 0, "EIO")
        with pytest.raises(ConnectionError):
            server.call("SET", "b", 1)
        assert server.process.wait(5) == 1
        assert "Can't persist AOF for fsync error when the AOF fsync policy is 'always'" in server.log()


def test_after_three_rewrites_that_failed_only_one_that_is_asked_for_begins_at_once(tmp_path):
    with start(tmp_path, "--rdb-key-save-delay", "10000000") as server:
        server.call("SET", "k", "v")
        for _ in range(3):
            server.call("BGREWRITEAOF")
            os.kill(child_of(server.pid), signal.SIGKILL)
            assert eventually(lambda: info(server)["aof_rewrite_in_progress"] == "0")
        server.call("CONFIG", "SET", "auto-aof-rewrite-min-size", "1kb", "auto-aof-rewrite-percentage", "1")
        server.call("SET", "x", "x" * 2000)
        assert eventually(lambda: logged(server, "triggered the limit, will retry in 1 minutes"))
        assert info(server)["aof_rewrite_in_progress"] == "0"
        assert info(server)["aof_rewrites_consecutive_failures"] == "3"
        server.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        rewritten(server)
        assert info(server)["aof_rewrites_consecutive_failures"] == "0"


def test_it_grows_only_so_far(tmp_path):
    with start(tmp_path, "--auto-aof-rewrite-min-size", "20kb") as server:
        for _ in range(40):
            server.call("SET", "k", "x" * 1000)
        assert eventually(lambda: int(info(server)["aof_rewrites"]) >= 1)
        assert eventually(lambda: int(info(server)["aof_current_size"]) < 20_000)
        assert "Starting automatic rewriting of AOF on" in server.log()


def test_what_was_changed_before_the_first_base_is_not_done_twice(tmp_path):
    """A rewrite that fails while the file is being switched on, and one that has to wait for another child."""
    with start(tmp_path, "--appendonly", "no", "--rdb-key-save-delay", "800000") as server:
        server.call("INCR", "n")
        server.call("BGSAVE")
        server.call("CONFIG", "SET", "appendonly", "yes")
        server.call("INCR", "n")
        assert info(server)["aof_rewrite_scheduled"] == "1"
        assert eventually(lambda: info(server)["aof_rewrite_in_progress"] == "1")
        server.call("INCR", "n")
        assert server.call("WAITAOF", 1, 0, 1) == [0, 0]
        server.call("DEBUG", "DISK-FAULT", "open", 0)
        server.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        assert server.call("WAITAOF", 1, 0, 20000) == [1, 0]
    with start(tmp_path) as server:
        assert server.call("GET", "n") == b"3"
