"""Loading at the start and by DEBUG RELOAD: what clients, the log and INFO are told, and what ends it."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading

import pytest

from bench import peers
from bench.peers import Client, ReplyError
from pyredis.cli.check_rdb import main as check_rdb
from tests.demand import demand
from tests.network.line import eventually
from tests.persistence.serving import DEBUG, info, logged
from tests.rdb.held import FIXTURES, SERVERS

LOADING = "LOADING Redis is loading the dataset in memory"
SLOW = ("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")


@contextlib.contextmanager
def launched(folder, *options):
    """(process, port) of a server that may not come up; its log is folder/log."""
    port = peers.free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(peers.command("pyredis", folder, port, options), stdout=log, stderr=log, cwd=folder,
                                   env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders()))})
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def connected(port):
    def attempt():
        with contextlib.suppress(OSError):
            return Client(port)
    return eventually(attempt)


def file_with(start_server, folder, keys):
    server = start_server(*DEBUG)
    server.call("DEBUG", "POPULATE", keys, "key", 200)
    server.call("SAVE")
    shutil.copy(server.folder / "dump.rdb", folder)
    server.stop()
    return folder / "dump.rdb"


@pytest.mark.parametrize("origin", SERVERS)
def test_the_file_of_any_server_is_there_after_the_start(start_server, tmp_path, origin):
    shutil.copy(FIXTURES / origin / "dump.rdb", tmp_path)
    server = start_server("--dir", str(tmp_path))
    assert server.call("DBSIZE") > 20
    assert logged(server, "Done loading RDB, keys loaded: 4")
    assert logged(server, "DB loaded from disk: ")
    assert int(info(server)["rdb_last_load_keys_loaded"]) >= 43
    assert info(server)["rdb_changes_since_last_save"] == "0"


@pytest.mark.peer
@pytest.mark.parametrize("name", ["redis7", "redis8", "valkey9"])
def test_what_a_real_server_saves_has_the_same_digest_here(start_server, name):
    demand(name)
    with peers.start(name, *DEBUG) as real:
        for kind in ("SADD", "RPUSH"):
            for n in (3, 600):
                real.call(kind, f"{kind}{n}", *range(n), *(f"word{i}" for i in range(n)))
        real.call("HSET", "hash", *range(40))
        real.call("ZADD", "zset", *range(40))
        real.call("DEBUG", "POPULATE", 2000, "many", 30)
        real.call("SET", "timed", "x" * 100, "EX", 10000)
        real.call("SAVE")
        server = start_server("--dir", str(real.folder), *DEBUG)
        assert server.call("DEBUG", "DIGEST") == real.call("DEBUG", "DIGEST")


def test_without_a_file_it_starts_empty(start_server):
    server = start_server()
    assert server.call("DBSIZE") == 0 and "keys loaded" not in server.log()


def test_clients_are_told_to_wait_and_info_tells_how_long(start_server, tmp_path):
    file_with(start_server, tmp_path, 600)
    with launched(tmp_path, "--dir", str(tmp_path), *SLOW) as (process, port):
        client = connected(port)
        for words in (["GET", "k"], ["SET", "k", 1], ["PING"], ["DBSIZE"], ["BGSAVE"]):
            with pytest.raises(ReplyError, match=LOADING):
                client.call(*words)
        told = peers.info_fields(client.call("INFO", "persistence"))
        assert told["loading"] == "1" and int(told["loading_total_bytes"]) == (tmp_path / "dump.rdb").stat().st_size
        assert 0 < int(told["loading_loaded_bytes"]) < int(told["loading_total_bytes"])
        assert 0 < float(told["loading_loaded_perc"]) < 100 and int(told["loading_eta_seconds"]) >= 0
        assert client.call("MULTI") == "OK"
        with pytest.raises(ReplyError, match=LOADING):
            client.call("SET", "k", 1)
        with pytest.raises(ReplyError, match="EXECABORT"):
            client.call("EXEC")
        with pytest.raises(ReplyError, match=LOADING):
            client.call("CONFIG", "SET", "dir", "/")
        assert client.call("CONFIG", "SET", "key-load-delay", 0) == "OK"        # of the next load
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "Received shutdown signal during loading, exiting now." in (tmp_path / "log").read_text()


def test_clients_that_leave_while_loading_are_gone_at_once(start_server, tmp_path):
    file_with(start_server, tmp_path, 600)
    with launched(tmp_path, "--dir", str(tmp_path), *SLOW) as (_, port):
        client = connected(port)
        others = [connected(port) for _ in range(5)]

        def count():
            return int(peers.info_fields(client.call("INFO", "clients"))["connected_clients"])
        before = count()
        assert before > 5
        for other in others:
            other.close()
        eventually(lambda: count() == before - 5)
        assert peers.info_fields(client.call("INFO", "persistence"))["loading"] == "1"


def test_shutdown_while_loading_ends_it_and_leaves_the_file(start_server, tmp_path):
    path = file_with(start_server, tmp_path, 600)
    before = path.read_bytes()
    with launched(tmp_path, "--dir", str(tmp_path), "--save", "1 1", *SLOW) as (process, port):
        client = connected(port)
        with contextlib.suppress(ConnectionError):
            client.call("SHUTDOWN", "SAVE")
        assert process.wait(10) == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(("spoil", "said"), [
    (lambda data: data[:-100], "it ends too early"), (lambda data: b"garbage" + data, "does not begin as an RDB file"),
    (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "RDB CRC error"), (lambda data: b"", "it ends too early")])
def test_a_broken_file_ends_the_start_with_file_and_offset(start_server, tmp_path, spoil, said):
    path = file_with(start_server, tmp_path, 20)
    path.write_bytes(spoil(path.read_bytes()))
    before = path.read_bytes()
    with launched(tmp_path, "--dir", str(tmp_path)) as (process, _):
        assert process.wait(20) == 1
    log = (tmp_path / "log").read_text()
    assert said in log and "dump.rdb" in log and "offset" in log
    assert "Terminating server after rdb file reading failure." in log
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path):
    (tmp_path / "dump.rdb").symlink_to("dump.rdb")
    with launched(tmp_path, "--dir", str(tmp_path)) as (process, _):
        assert process.wait(20) == 1
    assert "Fatal error: can't open the RDB file dump.rdb for reading" in (tmp_path / "log").read_text()


# ------------------------------------------------------------ DEBUG RELOAD

def test_reload_gives_back_what_there_was(start_server):
    server = start_server(*DEBUG)
    server.call("DEBUG", "POPULATE", 1000)
    server.call("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
    digest = server.call("DEBUG", "DIGEST")
    assert server.call("DEBUG", "RELOAD") == "OK"
    assert server.call("DEBUG", "DIGEST") == digest and server.call("FCALL", "f", 0) == 1


def test_reload_takes_its_options(start_server):
    server = start_server(*DEBUG)
    server.call("SET", "a", 1)
    server.call("SAVE")
    server.call("SET", "a", 2)
    server.call("SET", "b", 2)
    with pytest.raises(ReplyError, match="Error trying to load the RDB dump, check server logs"):
        server.call("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH")
    assert server.call("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE") == "OK"
    assert (server.call("GET", "a"), server.call("GET", "b")) == (b"1", b"2")
    assert server.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
    assert (server.call("GET", "a"), server.call("GET", "b")) == (b"1", None)
    with pytest.raises(ReplyError, match="only supports the MERGE, NOFLUSH and NOSAVE options"):
        server.call("DEBUG", "RELOAD", "FASTER")


def test_after_loadaof_nothing_has_changed_since_the_last_save(start_server):
    server = start_server(*DEBUG, "--appendonly", "yes")
    server.call("SET", "k", 1)
    assert info(server)["rdb_changes_since_last_save"] == "1"
    assert server.call("DEBUG", "LOADAOF") == "OK"
    assert info(server)["rdb_changes_since_last_save"] == "0"
    assert server.call("EXISTS", "k") == 1


def test_sums_are_not_checked_when_debug_says_so(start_server):
    server = start_server(*DEBUG)
    server.call("SET", "a", 1)
    server.call("SAVE")
    path = server.folder / "dump.rdb"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ReplyError):
        server.call("DEBUG", "RELOAD", "NOSAVE")
    server.call("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 1)
    assert server.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
    assert server.call("GET", "a") == b"1"


def test_others_are_served_and_told_to_wait_during_a_reload(start_server):
    server = start_server(*DEBUG, *SLOW)
    server.call("DEBUG", "POPULATE", 300, "key", 200)
    other = Client(server.port)
    thread = threading.Thread(target=server.call, args=("DEBUG", "RELOAD"))
    thread.start()
    told = eventually(lambda: (found := info(other))["loading"] == "1" and found)
    assert "loading_eta_seconds" in told
    with pytest.raises(ReplyError, match=LOADING):
        other.call("GET", "key:1")
    thread.join()
    assert other.call("DBSIZE") == 300 and info(server)["loading"] == "0"


# ------------------------------------------------------------ pyredis-check-rdb

@pytest.mark.parametrize("origin", SERVERS)
def test_a_whole_file_looks_ok(capsys, origin):
    assert check_rdb([str(FIXTURES / origin / "dump.rdb")]) == 0
    said = capsys.readouterr().out
    assert "Checksum OK" in said and "RDB looks OK!" in said and "[info] 1 expires" in said
    assert "Selecting DB ID 15" in said


@pytest.mark.peer
@pytest.mark.parametrize("origin", ["redis-6.2", "redis-7.0.15"])
def test_it_says_what_redis_check_rdb_says(capsys, origin):
    path = str(FIXTURES / origin / "dump.rdb")
    demand("redis7")
    theirs = subprocess.run(["redis-check-rdb", path], capture_output=True, text=True).stdout.splitlines()
    check_rdb([path])
    assert [line for line in capsys.readouterr().out.splitlines() if "libraries" not in line] == theirs


def test_a_broken_file_is_told_with_offset_and_key(capsys, tmp_path):
    data = (FIXTURES / "redis-7.0.15" / "dump.rdb").read_bytes()
    (tmp_path / "cut.rdb").write_bytes(data[:60_000])
    assert check_rdb([str(tmp_path / "cut.rdb")]) == 1
    said = capsys.readouterr().out
    assert "--- RDB ERROR DETECTED ---\n[offset 60000] it ends too early" in said
    assert "Reading key 'str:random20k'" in said and "Reading type 0 (string)" in said


def test_it_wants_one_file_that_is_there(capsys, tmp_path):
    assert check_rdb([]) == 1 and check_rdb(["a", "b"]) == 1
    assert "Usage" in capsys.readouterr().err
    assert check_rdb([str(tmp_path / "none")]) == 1
    assert "Cannot open file" in capsys.readouterr().out
