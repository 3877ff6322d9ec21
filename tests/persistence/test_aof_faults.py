"""Disks that are full, or fail: nothing is acknowledged that is not kept, and nothing is broken."""

import errno

import pytest
from _pyredis import aof, disk

from tests.persistence.aof_files import Writing, digest_of, replay
from tests.session import R, encode, raises_reply


@pytest.fixture
def writing(r, tmp_path):
    return Writing(r, tmp_path / "a.aof", "everysec")


def fail(r, op, error, after=0, lasting=True):
    disk.fault(r.server.core, op, after, error, lasting)


def mend(r, op):
    disk.fault(r.server.core, op, -1, 0)


def test_a_full_disk_refuses_writes_until_there_is_room_again(r, writing):
    r("SET", "a", 1)
    before = writing.data()
    fail(r, "write", errno.ENOSPC)
    r("SET", "b", 1)
    assert writing.data() == before
    with raises_reply("MISCONF Errors writing to the AOF file: No space left on device"):
        r("SET", "c", 1)
    with raises_reply("MISCONF"):
        r("PING")
    assert r("GET", "a") == b"1"
    assert writing.stats()["broken"]
    mend(r, "write")
    assert writing.data() == before + encode("SET", "b", 1)
    r("SET", "c", 1)
    assert digest_of(replay(writing.path)[0]) != ""
    assert writing.data().endswith(encode("SET", "c", 1))


def test_a_short_write_is_taken_back(r, writing):
    r("SET", "a", 1)
    before = writing.data()
    r("SET", "b", "x" * 100)
    disk.fault(r.server.core, "write", 0, 0, False)            # half of it ...
    disk.fault(r.server.core, "write", 0, 0, False)
    writing.data()
    assert replay(writing.path)[1][0] == "done"
    fail(r, "write", errno.ENOSPC, after=1)
    r("SET", "c", "y" * 100)
    assert writing.data().startswith(before)
    assert replay(writing.path)[1][0] == "done"


def test_a_write_that_breaks_off_leaves_whole_commands(r, tmp_path):
    """Half is taken, then the disk is full; and what was taken cannot even be taken back."""
    for truncating in (True, False):
        r = R()
        writing = Writing(r, tmp_path / f"{truncating}.aof", "no")
        r("SET", "a", 1)
        before = writing.data()
        r("SET", "b", "x" * 1000)
        if not truncating:
            fail(r, "truncate", errno.EIO)
        _break_off(r, writing)
        data = writing.path.read_bytes()
        assert data == before if truncating else data.startswith(before)
        mend(r, "write")
        mend(r, "truncate")
        assert writing.data() == before + encode("SET", "b", "x" * 1000)


def _break_off(r, writing):
    """One flush whose first write takes half and whose second fails."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = writing.path.stat().st_size + 300
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        aof.flush(r.server.core)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writing.stats()["broken"]


def test_a_failing_fsync_in_the_background_refuses_writes_until_one_succeeds(r, writing):
    fail(r, "sync", errno.EIO)
    r.advance(2000)
    r("SET", "a", 1)
    writing.data()
    aof.wait(r.server.core)
    aof.settle(r.server.core)
    with raises_reply("MISCONF Errors writing to the AOF file: Input/output error"):
        r("SET", "b", 1)
    mend(r, "sync")
    r.advance(2000)
    aof.tick(r.server.core)
    aof.wait(r.server.core)
    aof.settle(r.server.core)
    r("SET", "b", 1)
    assert writing.stats()["synced"] <= writing.stats()["offset"]


def test_what_is_synced_is_told_only_when_it_is(r, writing):
    r("SET", "a", 1)
    assert writing.stats()["synced"] == 0
    writing.data()
    assert writing.stats()["written"] == writing.stats()["offset"]
    assert r.raw("WAITAOF", 1, 0, 100) == b""
    r.advance(200)
    r.cycle()
    assert r.taken() == [[0, 0]]
    r.advance(2000)
    aof.tick(r.server.core)
    aof.wait(r.server.core)
    assert r("WAITAOF", 1, 0, 100) == [1, 0]


def test_who_waits_is_answered_after_the_fsync(r, writing):
    r("SET", "a", 1)
    writing.data()
    assert r.raw("WAITAOF", 1, 0, 0) == b""
    aof.sync(r.server.core)
    aof.settle(r.server.core)
    assert r.taken() == [[1, 0]]


def test_waiting_in_a_transaction_or_a_script_does_not_wait(r, writing):
    r("SET", "a", 1)
    r("MULTI")
    r("WAITAOF", 1, 0, 0)
    r("WAIT", 1, 0)
    assert r("EXEC") == [[0, 0], 0]


def test_without_a_file_there_is_nothing_to_wait_for(r):
    with raises_reply("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."):
        r("WAITAOF", 1, 0, 0)
    assert r("WAITAOF", 0, 0, 0) == [0, 0]
    assert r("WAIT", 0, 0) == 0


def test_a_waiting_connection_is_told_when_the_file_is_switched_off(r, writing):
    r("SET", "a", 1)
    assert r.raw("WAITAOF", 1, 0, 0) == b""
    aof.abandon(r.server.core)
    assert "appendonly is disabled" in str(r.taken()[0])
