"""SAVE and BGSAVE: what is in the file, and that real servers read it."""

import os
import platform
import re
import shutil
import subprocess

import pytest

from bench.peers import ReplyError
from tests.demand import absent, demand
from tests.network.line import eventually
from tests.persistence.serving import (
    DEBUG,
    SLOW,
    child_of,
    digest_of,
    idle,
    info,
    logged,
    saved,
    slice_of,
    temporary_files,
)
from tests.rdb.reader import crc64, read_file
from tests.rdb.values import FAR, VALUES, VERSIONS

LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
LINUX = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
NICER, SLICE_NS = 10, 100_000_000              # of base/child
MISCONF = "MISCONF Redis is configured to save RDB snapshots"


def fill(call, newest=12):
    for i, name in enumerate(VALUES):
        if VERSIONS.get(name, 10) <= newest:
            VALUES[name](call)
            call("RENAME", "k", f"key {name}")
            if i % 4 == 0:
                call("PEXPIREAT", f"key {name}", FAR + i)
    call("SELECT", 3)
    call("SET", "elsewhere", "x" * 50)
    call("SELECT", 0)


def file_of(server):
    return read_file((server.folder / "dump.rdb").read_bytes())


def test_the_file_tells_of_the_server_and_holds_all_keys_and_libraries(start_server):
    server = start_server(*DEBUG)
    fill(server.call)
    server.call("FUNCTION", "LOAD", LIBRARY)
    assert server.call("SAVE") == "OK"
    data = (server.folder / "dump.rdb").read_bytes()
    found = read_file(data)
    aux = dict(found.aux)
    assert (aux[b"redis-ver"], aux[b"redis-bits"], aux[b"aof-base"]) == (b"8.0.6", b"64", b"0")
    assert int(aux[b"ctime"]) > 1_700_000_000
    assert int(aux[b"used-mem"]) > 100_000
    assert found.functions == [LIBRARY.encode()]
    assert len(found.keys) == len(VALUES) + 1
    assert found.crc == crc64(data[:-8])
    assert logged(server, "* DB saved on disk")


@pytest.mark.parametrize("how", ["SAVE", "BGSAVE"])
@pytest.mark.parametrize(("there", "newest"), [("redis7", 10), ("redis8", 12), ("valkey9", 11)])
def test_a_real_server_finds_the_same_data_in_the_file(start_server, there, newest, how):
    demand(there)
    server = start_server(*DEBUG)
    fill(server.call, newest)
    if how == "SAVE":
        server.call("SAVE")
    else:
        saved(server)
    assert digest_of(there, server.folder) == server.call("DEBUG", "DIGEST")


def test_redis_check_rdb_accepts_the_file(start_server):
    tool = shutil.which("redis-check-rdb")
    if tool is None:
        absent("redis-check-rdb")
    server = start_server()
    fill(server.call, 10)
    server.call("FUNCTION", "LOAD", LIBRARY)
    saved(server)
    done = subprocess.run([tool, str(server.folder / "dump.rdb")], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    assert "RDB looks OK" in done.stdout


@pytest.mark.parametrize("options", [("--rdbcompression", "no"), ("--rdbchecksum", "no"),
                                     ("--rdb-save-incremental-fsync", "no")])
def test_the_options_say_what_the_file_is_like(start_server, options):
    server = start_server(*options)
    server.call("SET", "k", "abc" * 1000)
    server.call("SAVE")
    data = (server.folder / "dump.rdb").read_bytes()
    assert (len(data) > 3000) == (options[0] == "--rdbcompression")
    assert (read_file(data).crc == 0) == (options[0] == "--rdbchecksum")


@pytest.mark.parametrize(("policy", "field"), [("allkeys-lru", "idle"), ("allkeys-lfu", "frequency")])
def test_use_is_saved_where_a_policy_evicts_by_it(start_server, policy, field):
    server = start_server("--maxmemory-policy", policy)
    server.call("SET", "k", "v")
    saved(server)
    key = file_of(server).keys[0, b"k"]
    assert getattr(key, field) is not None


def test_a_background_save_has_the_data_of_its_beginning_and_counts_what_came_after(start_server):
    server = start_server(*SLOW)
    for i in range(20):
        server.call("SET", f"key:{i}", "before")
    assert server.call("BGSAVE") == "Background saving started"
    for i in range(20):
        server.call("SET", f"key:{i}", "after")
    server.call("SET", "new", 1)
    server.call("DEL", "key:3")
    assert info(server)["rdb_bgsave_in_progress"] == "1"
    found = idle(server)
    assert {saved.value for saved in file_of(server).keys.values()} == {b"before"}
    assert len(file_of(server).keys) == 20
    assert found["rdb_changes_since_last_save"] == "22"
    assert (found["rdb_last_bgsave_status"], found["rdb_saves"]) == ("ok", "1")
    assert int(found["rdb_last_cow_size"]) > 0
    stats = info(server, "stats")
    assert stats["total_forks"] == "1"
    assert int(stats["latest_fork_usec"]) > 0
    for line in ("Background saving started by pid", "Background saving terminated with success",
                 "Fork CoW for RDB: current"):
        assert logged(server, line)


def test_save_takes_off_all_changes_and_sets_the_time(start_server):
    server = start_server()
    began = server.call("LASTSAVE")
    server.call("SET", "k", "v")
    assert info(server)["rdb_changes_since_last_save"] == "1"
    server.call("SAVE")
    assert info(server)["rdb_changes_since_last_save"] == "0"
    assert server.call("LASTSAVE") >= began


def test_one_save_at_a_time(start_server):
    server = start_server(*SLOW)
    for i in range(100):
        server.call("SET", f"key:{i}", i)
    server.call("BGSAVE")
    for words in (["SAVE"], ["BGSAVE"], ["BGSAVE", "SCHEDULE"]):
        with pytest.raises(ReplyError, match=r"^ERR Background save already in progress$"):
            server.call(*words)
    assert server.call("BGSAVE", "CANCEL") == "Background saving cancelled"
    found = idle(server)
    assert (found["rdb_last_bgsave_status"], found["rdb_saves"]) == ("ok", "0")
    assert temporary_files(server) == []
    with pytest.raises(ReplyError, match=r"^ERR Background saving is currently not in progress or scheduled$"):
        server.call("BGSAVE", "CANCEL")


def test_within_a_transaction_it_is_put_off_until_its_end(start_server):
    server = start_server()
    server.call("MULTI")
    for words in (["SET", "k", 1], ["BGSAVE"], ["SET", "k", 2]):
        server.call(*words)
    assert server.call("EXEC") == ["OK", "Background saving scheduled", "OK"]
    assert logged(server, "Background saving terminated with success")
    assert file_of(server).keys[0, b"k"].value == b"2"


@pytest.mark.parametrize("words", [["X"], ["SCHEDULE", "X"], ["CANCEL", "CANCEL"]])
def test_bgsave_knows_two_words(start_server, words, r):
    with pytest.raises(Exception, match="syntax error"):
        r("BGSAVE", *words)


def test_progress_is_told_while_it_saves(start_server):
    server = start_server("--rdb-key-save-delay", "30000")
    for i in range(80):
        server.call("SET", f"key:{i}", "x" * 1000)
    server.call("BGSAVE")
    found = eventually(lambda: (now := info(server))["current_save_keys_processed"] != "0" and now)
    assert found["current_save_keys_total"] == "80"
    assert 0 < float(found["current_fork_perc"]) <= 100
    assert int(found["current_cow_size"]) > 0
    assert int(found["current_cow_peak"]) >= int(found["current_cow_size"])
    server.call("BGSAVE", "CANCEL")
    found = idle(server)
    assert (found["current_save_keys_total"], found["current_fork_perc"]) == ("0", "0.00")


@pytest.mark.parametrize("command", ["BGSAVE", "BGREWRITEAOF"])
def test_a_child_steps_aside_for_its_parent_and_the_server_stays_as_it_is(start_server, command):
    server = start_server("--rdb-key-save-delay", "30000")
    for i in range(80):
        server.call("SET", f"key:{i}", i)
    before = os.getpriority(os.PRIO_PROCESS, server.pid)
    server.call(command)
    child = child_of(server.pid)
    assert eventually(lambda: os.getpriority(os.PRIO_PROCESS, child) == min(before + NICER, 19))
    if LINUX >= (6, 12):
        assert eventually(lambda: slice_of(child) == SLICE_NS)
        assert slice_of(server.pid) < SLICE_NS
    assert os.getpriority(os.PRIO_PROCESS, server.pid) == before


def test_save_points_save_by_themselves(start_server):
    server = start_server("--save", "1 3")
    server.call("SET", "a", 1)
    server.call("SET", "b", 1)
    server.call("SET", "c", 1)
    assert logged(server, "3 changes in 1 seconds. Saving...")
    assert logged(server, "Background saving terminated with success")
    assert len(file_of(server).keys) == 3


def test_a_changed_folder_does_not_move_a_save_under_way(start_server, tmp_path):
    server = start_server(*SLOW, "--enable-protected-configs", "yes")
    server.call("SET", "k", 1)
    server.call("BGSAVE")
    server.call("CONFIG", "SET", "dir", str(tmp_path), "dbfilename", "other.rdb")
    assert idle(server)["rdb_last_bgsave_status"] == "ok"
    assert (server.folder / "dump.rdb").exists()
    server.call("SAVE")
    assert read_file((tmp_path / "other.rdb").read_bytes()).keys[0, b"k"].value == b"1"


@pytest.mark.parametrize("points", ["", "3600 1"])
def test_flushall_ends_the_child_and_empties_the_file_if_there_are_save_points(start_server, points):
    server = start_server("--save", points)
    for i in range(100):
        server.call("SET", f"key:{i}", i)
    server.call("SAVE")
    server.call("SET", "k", 1)
    server.call("CONFIG", "SET", "rdb-key-save-delay", 20000)
    server.call("BGSAVE")
    server.call("FLUSHALL")
    found = idle(server)
    assert logged(server, "Background saving terminated by signal 10")
    assert found["rdb_last_bgsave_status"] == "ok"
    assert len(file_of(server).keys) == (0 if points else 100)
    assert found["rdb_changes_since_last_save"] == ("0" if points else "102")
    assert temporary_files(server) == []


# ---------------------------------------------------------------- failures

def test_a_child_that_is_killed_is_told_and_leaves_the_old_file(start_server):
    server = start_server("--save", "3600 1000000", *DEBUG)
    server.call("SET", "k", "old")
    server.call("SAVE")
    before = (server.folder / "dump.rdb").read_bytes()
    server.call("SET", "k", "new")
    server.call("CONFIG", "SET", "rdb-key-save-delay", 10_000_000)
    server.call("BGSAVE")
    subprocess.run(["kill", "-9", str(child_of(server.pid))], check=True)
    found = idle(server)
    assert logged(server, "Background saving terminated by signal 9")
    assert (found["rdb_last_bgsave_status"], found["rdb_changes_since_last_save"]) == ("err", "1")
    assert (server.folder / "dump.rdb").read_bytes() == before
    assert temporary_files(server) == []
    server.call("CONFIG", "SET", "rdb-key-save-delay", 0)
    refused_until_saved(server)


def refused_until_saved(server):
    """Writes are refused, reads are not; after the next good save nothing is."""
    for words in (["SET", "k", "x"], ["PING"], ["EVAL", "#!lua\nreturn 1", 0], ["FLUSHALL"]):
        with pytest.raises(ReplyError, match=f"^{MISCONF}"):
            server.call(*words)
    with pytest.raises(ReplyError, match=rf"^{MISCONF}.* script: "):
        server.call("EVAL", "return redis.call('set', 'k', 'x')", 0)
    server.call("MULTI")
    with pytest.raises(ReplyError, match=f"^{MISCONF}"):
        server.call("SET", "k", "x")
    with pytest.raises(ReplyError, match=r"^EXECABORT"):
        server.call("EXEC")
    assert server.call("EVAL", "return redis.call('get', 'k')", 0) == server.call("GET", "k") is not None
    server.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    assert server.call("PING") == "PONG"
    server.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
    with pytest.raises(ReplyError, match=f"^{MISCONF}"):
        server.call("PING")
    assert saved(server)["rdb_last_bgsave_status"] == "ok"
    assert server.call("SET", "k", "written") == "OK"
    assert server.call("PING") == "PONG"


FAULTS = [("open", 0, "EACCES", "Failed opening the temp RDB file temp-"),
          ("write", 0, "ENOSPC", "Write error while saving DB to the disk(write): No space left on device"),
          ("write", 3, "ENOSPC", "Write error while saving DB to the disk(write): No space left on device"),
          ("sync", 0, "EIO", "Write error while saving DB to the disk(sync): Input/output error"),
          ("rename", 0, "EROFS", "Error moving temp DB file temp-")]
# (a directory that cannot be synced: by then the new file has the name)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize(("operation", "after", "error", "line"), FAULTS)
def test_a_failing_disk_leaves_the_old_file_and_the_data(start_server, operation, after, error, line, background):
    server = start_server(*DEBUG, "--rdbcompression", "no")
    server.call("SET", "k", "old")
    server.call("SAVE")
    before = (server.folder / "dump.rdb").read_bytes()
    server.call("DEBUG", "POPULATE", 100, "filler", 20_000)
    digest = server.call("DEBUG", "DIGEST")
    server.call("DEBUG", "DISK-FAULT", operation, after, error)
    if background:
        found = saved(server)
        assert found["rdb_last_bgsave_status"] == "err"
        assert logged(server, "Background saving error")
    else:
        with pytest.raises(ReplyError, match=r"^ERR$"):
            server.call("SAVE")
    assert logged(server, line)
    assert (server.folder / "dump.rdb").read_bytes() == before
    assert temporary_files(server) == []
    assert server.call("DEBUG", "DIGEST") == digest
    server.call("DEBUG", "DISK-FAULT", operation, -1)
    assert server.call("SAVE") == "OK"
    assert len(file_of(server).keys) == 101


def test_short_writes_are_finished(start_server):
    server = start_server(*DEBUG)
    server.call("SET", "k", "x" * 1000)
    server.call("DEBUG", "DISK-FAULT", "write", 0, "SHORT", "LASTING")
    assert server.call("SAVE") == "OK"
    server.call("DEBUG", "DISK-FAULT", "write", -1)
    assert file_of(server).keys[0, b"k"].value == b"x" * 1000


@pytest.mark.parametrize("words", [["paint", 0], ["write", 0, "ENOTHING"], ["write", 0, "EIO", "ALWAYS"]])
def test_disk_fault_wants_an_operation_and_an_errno(r, words):
    r("CONFIG", "GET", "enable-debug-command")
    r.server.config.assign("enable-debug-command", "yes")
    with pytest.raises(Exception, match=r"operation must be|syntax error"):
        r("DEBUG", "DISK-FAULT", *words)


def test_a_lost_server_takes_its_child_along(start_server):
    server = start_server("--rdb-key-save-delay", "50000")
    for i in range(200):
        server.call("SET", f"key:{i}", i)
    server.call("BGSAVE")
    child = child_of(server.pid)
    server.process.kill()
    server.process.wait()
    eventually(lambda: not _alive(child))
    assert temporary_files(server) == []


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False
