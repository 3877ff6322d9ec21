"""The end of the server: what it saves, when it refuses to go, and with which exit code it does."""

import contextlib
import signal

import pytest

from bench.peers import Client, ReplyError
from tests.network.line import connect, eventually
from tests.persistence.serving import DEBUG, child_of, logged, temporary_files
from tests.rdb.reader import read_file
from tests.session import encode

POINTS = ("--save", "3600 1")
BYE = "is now ready to exit, bye bye..."


def keys_of(server):
    path = server.folder / "dump.rdb"
    return {key.decode() for _, key in read_file(path.read_bytes()).keys} if path.exists() else None


def ask(server, *words):
    """SHUTDOWN: the server's exit code."""
    with connect(server) as line:
        line.send(encode("SHUTDOWN", *words))
        assert line.rest() == b""
    return server.process.wait(20)


def ended(server):
    """Its exit code."""
    return server.process.wait(20)


@pytest.mark.parametrize(("points", "words", "saves"), [
    (POINTS, [], True), (POINTS, ["NOSAVE"], False), (POINTS, ["SAVE"], True), (POINTS, ["NOW"], True),
    ((), [], False), ((), ["SAVE"], True), ((), ["NOSAVE", "NOW", "FORCE"], False), (POINTS, ["SAFE"], True)])
def test_what_is_saved_is_decided_by_the_words_and_the_save_points(start_server, points, words, saves):
    server = start_server(*points)
    server.call("SET", "k", "v")
    assert ask(server, *words) == 0
    assert keys_of(server) == ({"k"} if saves else None)
    assert logged(server, "User requested shutdown...")
    assert logged(server, BYE)
    assert ("Saving the final RDB snapshot before exiting." in server.log()) == saves


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("points", "setting", "saves"), [
    (POINTS, "default", True), ((), "default", False), (POINTS, "nosave", False), ((), "save", True),
    (POINTS, "nosave force now", False)])
def test_a_signal_ends_it_as_its_parameter_says(start_server, number, points, setting, saves):
    server = start_server(*points)
    server.call("CONFIG", "SET", f"shutdown-on-{number.name.lower()}", setting)
    server.call("SET", "k", "v")
    server.process.send_signal(number)
    assert ended(server) == 0
    assert keys_of(server) == ({"k"} if saves else None)
    assert f"Received {number.name} scheduling shutdown..." in server.log()


@pytest.mark.parametrize("how", ["command", "signal"])
def test_it_does_not_go_if_it_cannot_save(start_server, how):
    server = start_server(*POINTS, *DEBUG)
    server.call("SET", "k", "v")
    server.call("DEBUG", "DISK-FAULT", "write", 0, "ENOSPC", "LASTING")
    if how == "command":
        with pytest.raises(ReplyError, match=r"^ERR Errors trying to SHUTDOWN\. Check logs\.$"):
            server.call("SHUTDOWN")
    else:
        server.process.send_signal(signal.SIGTERM)
    assert logged(server, "Error trying to save the DB, can't exit.")
    assert logged(server, "Errors trying to shut down the server. Check the logs for more information.")
    assert server.call("SET", "k", "w") == "OK"
    assert temporary_files(server) == []
    assert ask(server, "FORCE") == 0
    assert "Error trying to save the DB. Exit anyway." in server.log()


def test_a_child_that_saves_is_ended(start_server):
    server = start_server("--rdb-key-save-delay", "10000000")
    server.call("SET", "k", "v")
    server.call("BGSAVE")
    temporary = f"temp-{child_of(server.pid)}.rdb"
    eventually(lambda: temporary in temporary_files(server))
    assert ask(server) == 0
    assert temporary_files(server) == []
    assert "There is a child saving an .rdb. Killing it!" in server.log()


def test_a_signal_can_be_taken_back_before_it_is_seen_to(start_server):
    server = start_server(*DEBUG)
    server.call("DEBUG", "PAUSE-CRON", 1)
    server.process.send_signal(signal.SIGTERM)
    logged(server, "Received SIGTERM scheduling shutdown...")
    assert server.call("SHUTDOWN", "ABORT") == "OK"
    assert logged(server, "Shutdown manually aborted.")
    server.call("DEBUG", "PAUSE-CRON", 0)
    assert server.call("PING") == "PONG"
    with pytest.raises(ReplyError, match=r"^ERR No shutdown in progress\.$"):
        server.call("SHUTDOWN", "ABORT")


def test_a_second_interrupt_ends_it_at_once(start_server):
    server = start_server(*DEBUG)
    server.call("DEBUG", "PAUSE-CRON", 1)
    server.process.send_signal(signal.SIGINT)
    logged(server, "Received SIGINT scheduling shutdown...")
    server.process.send_signal(signal.SIGINT)
    assert ended(server) == 1
    assert "You insist... exiting now." in server.log()


def test_nothing_is_acknowledged_behind_the_last_save(start_server):
    server = start_server(*POINTS)
    lines = [Client(server.port) for _ in range(4)]
    for i, line in enumerate(lines):
        line.send(encode("SET", f"a{i}", 1) * 50)
    lines[0].send(encode("SHUTDOWN") + encode("SET", "late", 1))
    acknowledged = {f"a{i}" for i, line in enumerate(lines) if replies_of(line)}
    assert ended(server) == 0
    assert acknowledged <= keys_of(server)
    assert "late" not in keys_of(server)


def replies_of(line):
    """How many OKs come before the connection ends."""
    count = 0
    with contextlib.suppress(OSError):
        while line.receive() == "OK":
            count += 1
    return count


def test_the_pid_file_goes(start_server, tmp_path):
    server = start_server("--pidfile", str(tmp_path / "pid"))
    assert ask(server) == 0
    assert not (tmp_path / "pid").exists()
    assert "Removing the pid file." in server.log()


@pytest.mark.parametrize("words", [["NOW", "ABORT"], ["SAVE", "NOSAVE"], ["LATER"]])
def test_words_that_contradict_are_refused(r, words):
    with pytest.raises(Exception, match="syntax error"):
        r("SHUTDOWN", *words)



def test_a_folder_that_is_gone_is_told(start_server):
    server = start_server(*POINTS, "--enable-protected-configs", "yes")
    folder = server.folder / "gone"
    folder.mkdir()
    server.call("CONFIG", "SET", "dir", str(folder))
    folder.rmdir()
    with pytest.raises(ReplyError, match=r"^ERR$"):
        server.call("SAVE")
    assert logged(server, "Failed opening the temp RDB file temp-")
    assert ask(server, "NOSAVE") == 0


def test_a_second_interrupt_ends_the_last_save_and_leaves_nothing_of_it(start_server):
    server = start_server(*POINTS)
    for i in range(40):
        server.call("SET", f"key:{i}", i)
    server.call("CONFIG", "SET", "rdb-key-save-delay", 1_000_000)       # all of it would take 40 s
    server.process.send_signal(signal.SIGINT)
    eventually(lambda: temporary_files(server) == [f"temp-{server.pid}.rdb"])
    server.process.send_signal(signal.SIGINT)
    assert ended(server) == 1
    assert temporary_files(server) == []
    assert keys_of(server) is None
