"""Scripts that take too long, over real sockets: who is served meanwhile, and what ends them."""

import time

import pytest

from tests.network.line import connect, eventually
from tests.session import ReplyError, Status, encode

BUSY = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
BUSY_FUNCTION = BUSY.replace("SCRIPT", "FUNCTION")
LOOPS = ["while true do end", "while true do pcall(function() while true do end end) end",
         "local function f() return f() end return f()", "repeat until redis.call('ping') == 1",
         "coroutine.wrap(function() while true do end end)()",
         "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
         "while true do xpcall(function() while true do end end, function() while true do end end) end",
         "local t = {} while true do t[1] = ('x'):rep(1e6) end",
         "while true do load(function() while true do end end) end",
         "table.sort({3, 2, 1}, function() while true do end end)",
         "('x'):gsub('x', function() while true do end end)"]


@pytest.fixture
def quick(start_server):
    return start_server("--busy-reply-threshold", "20")


def is_busy(server):
    try:
        server.call("GET", "k")
    except Exception as error:
        return str(error) in (BUSY, BUSY_FUNCTION)
    return False


def running(server, *words):
    """A connection that runs something for ever."""
    line = connect(server)
    line.send(encode(*words))
    eventually(lambda: is_busy(server))
    return line


@pytest.mark.parametrize("script", LOOPS)
def test_a_script_that_loops_for_ever_can_be_killed(quick, script):
    with running(quick, "EVAL", script, 0) as line:
        assert quick.call("SCRIPT", "KILL") == "OK"
        reply = line.receive()
        assert isinstance(reply, ReplyError)
        assert quick.call("PING") == "PONG"
        assert line.call("ECHO", "x") == b"x"


def test_its_own_error_tells_of_the_kill(quick):
    with running(quick, "EVAL", LOOPS[1], 0) as line:
        quick.call("SCRIPT", "KILL")
        assert str(line.receive()).startswith("ERR Script killed by user with SCRIPT KILL... script: ")


def test_others_are_told_and_some_commands_run(quick):
    with running(quick, "EVAL", LOOPS[0], 0) as line, connect(quick) as other:
        for words in (("PING",), ("GET", "k"), ("EVAL", "return 1", 0), ("FUNCTION", "KILL"), ("FUNCTION", "STATS"),
                      ("SHUTDOWN",), ("INFO",)):
            assert str(other.call(*words)) == BUSY
        assert other.call("HELLO", 3)[b"proto"] == 3
        with connect(quick) as fresh:                     # connections are accepted
            assert str(fresh.call("PING")) == BUSY
        assert other.call("SCRIPT", "KILL") == "OK"
        assert isinstance(line.receive(), ReplyError)
        assert other.call("PING") == Status("PONG")


def test_what_was_sent_after_the_script_runs_after_it(quick):
    with connect(quick) as line:
        line.send(encode("SET", "k", "before") + encode("EVAL", LOOPS[0], 0) + encode("GET", "k") + encode("PING"))
        eventually(lambda: is_busy(quick))
        line.send(encode("ECHO", "late"))
        time.sleep(0.05)
        assert quick.call("SCRIPT", "KILL") == "OK"
        assert line.receive() == Status("OK")
        assert isinstance(line.receive(), ReplyError)
        assert [line.receive() for _ in range(3)] == [b"before", Status("PONG"), b"late"]


def test_requests_of_others_that_were_read_with_the_script_are_answered(quick):
    lines = [connect(quick) for _ in range(20)]
    try:
        for i, line in enumerate(lines):
            line.send(encode("EVAL", LOOPS[0], 0) if i == 5 else encode("ECHO", i) * 3)
        eventually(lambda: is_busy(quick))
        for i, line in enumerate(lines):
            if i != 5:
                assert all(reply == b"%d" % i or str(reply) == BUSY for reply in (line.receive() for _ in range(3)))
        assert quick.call("SCRIPT", "KILL") == "OK"
        assert isinstance(lines[5].receive(), ReplyError)
        assert [line.call("ECHO", "x") for line in lines] == [b"x"] * 20
    finally:
        for line in lines:
            line.close()


def test_a_script_that_has_written_is_not_killed_but_by_the_server_s_end(quick):
    line = running(quick, "EVAL", "redis.call('set', 'k', 1) while true do end", 0)
    with connect(quick) as other:
        assert str(other.call("SCRIPT", "KILL")).startswith("UNKILLABLE ")
        assert str(other.call("SHUTDOWN", "SAVE")) == BUSY
        other.send(encode("SHUTDOWN", "NOSAVE"))
        with pytest.raises(ConnectionError):
            while True:
                other.receive()
    line.close()


def test_a_function_is_killed_by_its_own_command(quick):
    quick.call("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() while true do end end)")
    with running(quick, "FCALL", "f", 1, "k", "a") as line, connect(quick) as other:
        assert str(other.call("PING")) == BUSY_FUNCTION
        assert str(other.call("SCRIPT", "KILL")) == BUSY_FUNCTION
        other.call("HELLO", 3)
        told = other.call("FUNCTION", "STATS")[b"running_script"]
        assert told[b"name"] == b"f"
        assert told[b"command"] == [b"FCALL", b"f", b"1", b"k", b"a"]
        assert told[b"duration_ms"] >= 20
        assert other.call("FUNCTION", "KILL") == Status("OK")
        assert str(line.receive()).startswith("ERR Script killed by user with FUNCTION KILL... script: f, on ")


def test_a_late_script_may_still_end_well(quick):
    with connect(quick) as line:
        script = "local n = 0 for i = 1, 2e7 do n = n + 1 end redis.call('set', 'k', n) return n"
        assert line.call("EVAL", script, 0) == 20_000_000
        assert quick.call("GET", "k") == b"20000000"


def test_who_leaves_while_a_script_runs_is_forgotten_after_it(quick):
    with running(quick, "EVAL", LOOPS[0], 0) as line:
        for _ in range(20):
            gone = connect(quick)
            gone.send(encode("PING"))
            gone.receive()
            gone.close()
        assert quick.call("SCRIPT", "KILL") == "OK"
        line.receive()
        eventually(lambda: b"connected_clients:2\r\n" in quick.call("INFO", "clients"))


def test_the_caller_may_leave(quick):
    running(quick, "EVAL", LOOPS[0], 0).close()
    time.sleep(0.05)
    assert quick.call("SCRIPT", "KILL") == "OK"
    assert quick.call("PING") == "PONG"
