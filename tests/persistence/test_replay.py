"""Loading an append-only file: what it holds, and where it is no longer one."""

import os

import _pyredis.figures as figures
import pytest
from _pyredis import aof

from tests.persistence.aof_files import Writing, digest_of, replay, replay_bytes
from tests.session import R, encode, raises_reply


def file_of(*commands):
    return b"".join(encode(*command) for command in commands)


SMALL = file_of(("SELECT", 0), ("SET", "a", "1"), ("RPUSH", "l", "x", "y"), ("MULTI",), ("SET", "b", "2"),
                ("INCR", "b"), ("EXEC",), ("SELECT", 3), ("SADD", "s", "m"))


def test_a_file_that_is_cut_anywhere_is_whole_up_to_a_command_and_never_within_a_transaction(tmp_path):
    whole = [0]
    at = 0
    inside = False
    while at < len(SMALL):
        n = SMALL.index(b"*", at + 1) if b"*" in SMALL[at + 1:] else len(SMALL)
        inside = (inside or b"MULTI" in SMALL[at:n]) and b"EXEC" not in SMALL[at:n]
        at = n
        if not inside:
            whole.append(at)
    for cut in range(len(SMALL) + 1):
        r, (ended, upto, *_) = replay_bytes(tmp_path, SMALL[:cut])
        assert upto == max(place for place in whole if place <= cut), cut
        assert ended == ("done" if cut in whole else ended), cut
        assert (r("GET", "b") == b"3") == (upto >= SMALL.index(b"EXEC"))


def test_an_open_transaction_does_nothing(tmp_path):
    cut = SMALL.index(b"*1\r\n$4\r\nEXEC")
    r, (ended, upto, *_) = replay_bytes(tmp_path, SMALL[:cut])
    assert (ended, upto) == ("multi", SMALL.index(b"*1\r\n$5\r\nMULTI"))
    assert r("EXISTS", "b") == 0


@pytest.mark.parametrize(("text", "ended"), [
    (b"hello\r\n", "format"), (b"SET a b\r\n", "format"), (b"*x\r\n", "format"), (b"*1\r\n+OK\r\n", "format"),
    (b"*0\r\n", "format"), (b"*-1\r\n", "format"), (b"*1\r\n$-5\r\n", "format"), (b"\0\0\0\0", "format"),
    (b"#" + b"x" * 3000, "format"), (b"*1\r\n$3\r\nfoo\r\n", "unknown"), (b"*1\r\n$3\r\nSET\r\n", "unknown"),
    (b"*2\r\n$6\r\nXGROUP\r\n$4\r\nNONE\r\n", "unknown")])
def test_what_is_no_command_stops_it_there(tmp_path, text, ended):
    start = file_of(("SET", "a", 1))
    r, found = replay_bytes(tmp_path, start + text + file_of(("SET", "a", 2)))
    assert found[:2] == (ended, len(start))
    assert r("GET", "a") == b"1"


def test_the_unknown_command_is_named(tmp_path):
    assert replay_bytes(tmp_path, file_of(("bla", "x")))[1] == ("unknown", 0, 0, 0, "bla")


def test_every_flipped_bit_is_found_or_harmless(tmp_path):
    for at in range(len(SMALL)):
        for bit in (0, 3, 6):
            spoilt = bytearray(SMALL)
            spoilt[at] ^= 1 << bit
            r, (_, upto, *_) = replay_bytes(tmp_path, bytes(spoilt))
            assert upto <= len(SMALL)
            assert r.session.check() == 0


def test_annotations_are_passed_over(tmp_path):
    r, (ended, upto, *_) = replay_bytes(tmp_path, b"#TS:1\r\n" + SMALL + b"#TS:2\r\n")
    assert (ended, upto) == ("done", len(SMALL) + 14)
    assert r("GET", "a") == b"1"


def test_a_large_argument_and_many_pieces_are_read(tmp_path):
    big = b"x" * 5_000_000
    r, (ended, *_) = replay_bytes(tmp_path, file_of(("SET", "a", big), *(("RPUSH", "l", i) for i in range(50_000))))
    assert ended == "done"
    assert r("STRLEN", "a") == len(big)
    assert r("LRANGE", "l", -1, -1) == [b"49999"]


def test_nothing_expires_while_it_loads(tmp_path):
    past = 1_000_000
    r, _ = replay_bytes(tmp_path, file_of(("SET", "a", 1, "PXAT", past), ("APPEND", "a", 2), ("SET", "b", 1),
                                          ("PEXPIREAT", "b", past), ("APPEND", "b", 2), ("RENAME", "b", "c"),
                                          ("PERSIST", "c"), ("HSET", "h", "f", 1, "g", 1),
                                          ("HPEXPIREAT", "h", past, "FIELDS", 1, "f"), ("HINCRBY", "h", "f", 1)))
    assert r("GET", "c") == b"12"
    assert r("GET", "a") is None
    assert r("HGETALL", "h") == [b"g", b"1"]


def test_errors_of_commands_do_not_stop_it(tmp_path):
    r, (ended, *_) = replay_bytes(tmp_path, file_of(("SET", "a", 1), ("LPUSH", "a", 1), ("SET", "b", 1)))
    assert ended == "done"
    assert r("EXISTS", "a", "b") == 2


def test_gates_and_statistics_stay_out_of_it(tmp_path):
    r = R(maxmemory=1)
    from _pyredis import aof
    path = tmp_path / "a.aof"
    path.write_bytes(SMALL)
    before = figures.command_stats(r.server.core)
    with path.open("rb") as file:
        assert aof.replay(r.server.core, file.fileno(), 0)[0] == "done"
    assert figures.command_stats(r.server.core) == before
    assert r("EXISTS", "a") == 1


def test_it_tells_how_far_it_is_and_can_be_stopped(tmp_path):
    from _pyredis import aof
    path = tmp_path / "a.aof"
    path.write_bytes(file_of(*(("SET", f"key{i}", "v" * 100) for i in range(50_000))))
    seen = []

    def progress(at):
        seen.append(at)
        return len(seen) < 3

    with path.open("rb") as file:
        ended = aof.replay(R().server.core, file.fileno(), 0, on_progress=progress, interval=1 << 20)
    assert ended[0] == "stopped"
    assert len(seen) == 3
    assert seen == sorted(seen)


def test_what_a_replay_does_is_not_written_again(tmp_path):
    r = R()
    writing = Writing(r, tmp_path / "a.aof")
    r("SET", "x", 1)
    before = writing.data()
    from _pyredis import aof
    other = tmp_path / "b.aof"
    other.write_bytes(SMALL)
    with other.open("rb") as file:
        aof.replay(r.server.core, file.fileno(), 0)
    assert writing.data() == before
    r("SET", "y", 1)
    assert writing.data() == before + encode("SET", "y", 1)
    again, _ = replay(writing.path)
    assert digest_of(again) != digest_of(r)


@pytest.mark.parametrize("trim", [
    ("MAXLEN", "~", 55, "LIMIT", 30), ("MINID", "~", "80-0", "LIMIT", 30), ("MAXLEN", "~", 55)])
@pytest.mark.parametrize("adds", [True, False])
def test_a_trim_that_went_as_far_as_nodes_let_it_goes_as_far_again(tmp_path, trim, adds):
    r = R(stream_node_max_entries=10)
    writing = Writing(r, tmp_path / "a.aof")
    for i in range(1, 101):
        r("XADD", "s", f"{i}-0", "f", i)
    r("XADD", "s", *trim, "101-0", "f", 1) if adds else r("XTRIM", "s", *trim)
    assert 55 <= r("XLEN", "s") < 101
    other, (ended, *_) = replay_bytes(tmp_path, writing.data())       # with nodes of another size
    assert ended == "done" and digest_of(other) == digest_of(r)
    with raises_reply("ERR syntax error, LIMIT cannot be used without the special ~ option"):
        other("XTRIM", "s", "MAXLEN", "=", 5, "LIMIT", 3)


def test_a_file_is_read_whatever_the_default_user_may_do(tmp_path):
    path = tmp_path / "replayed.aof"
    path.write_bytes(SMALL)
    r = R()
    r("ACL", "SETUSER", "default", "-@all", "+get", "resetkeys", "~a")
    fd = os.open(path, os.O_RDONLY)
    try:
        assert aof.replay(r.server.core, fd, 0)[0] == "done"
    finally:
        os.close(fd)
    assert r("GET", "a") == b"1"
    with raises_reply("NOPERM"):
        r("GET", "b")
