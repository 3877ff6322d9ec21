"""The crash report: what a server that dies of a fault leaves in its log, and how it ends.

Under the sanitizers, which handle faults themselves, a server only has to end.
"""

import ctypes
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bench import peers

START, END = "=== REDIS BUG REPORT START", "=== REDIS BUG REPORT END"
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
DEBUG = ("--enable-debug-command", "yes")
WAIT = 20.0


@pytest.fixture
def start(start_server):
    if SANITIZED:
        pytest.skip("the sanitizer handles faults")
    return lambda *options: start_server(*DEBUG, *options)


def die(server: peers.Server, *command: str) -> str:
    """Sends what ends the server; the report, or what stands where it would."""
    with suppress(ConnectionError):
        server.call(*command)
    server.process.wait(WAIT)
    return report(server.log())


def report(log: str) -> str:
    assert log.count(START) == log.count(END)
    return log[log.index(START):log.index(END)] if START in log else ""


def tgkill(pid: int, thread: int, number: int) -> None:
    """Sends a signal to one thread of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.tgkill(pid, thread, number) == 0


@pytest.mark.parametrize(("word", "number"), [
    ("SEGFAULT", signal.SIGSEGV), ("ASSERT", signal.SIGABRT), ("PANIC", signal.SIGABRT), ("OOM", signal.SIGABRT)])
def test_what_debug_ends_is_reported_and_its_status_names_the_signal(start, word, number):
    server = start()
    text = die(server, "DEBUG", word)
    assert f"crashed by signal: {number:d} ({number.name})" in text
    assert "------ STACK TRACE ------" in text
    assert "------ STACK TRACE DONE ------" in text
    assert server.process.returncode == -number


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT])
def test_a_signal_from_elsewhere_is_reported_with_its_sender(start, number):
    server = start()
    server.process.send_signal(number)
    server.process.wait(WAIT)
    assert f"Killed by PID: {os.getpid()}, UID: {os.getuid()}" in report(server.log())
    assert "CURRENT CLIENT" not in report(server.log())
    assert server.process.returncode == -number


def test_the_first_lines_have_the_form_of_the_log_and_the_same_time(start):
    server = start()
    text = die(server, "DEBUG", "SEGFAULT")
    before = re.findall(r"^(\d+:M \d\d \w{3} \d{4} \d\d:\d\d):\S+ # DEBUG SEGFAULT", server.log(), re.M)
    lines = re.findall(r"^(\d+:M \d\d \w{3} \d{4} \d\d:\d\d):\d\d\.\d{3} # (\w+)", text, re.M)
    assert [word for _, word in lines] == ["pyredis", "Accessing", "Crashed"]
    assert before[0].split(":")[0] == lines[0][0].split(":")[0]
    assert before[0].split()[1:4] == lines[0][0].split()[1:4]


def test_a_fault_tells_functions_of_both_languages_and_the_client(start):
    server = start()
    server.call("CLIENT", "SETNAME", "bob")
    server.call("SET", "k", "v", "PX", "100000")
    text = die(server, "DEBUG", "SEGFAULT")
    assert re.search(r"Accessing address: 0x[0-9a-f]+000\n", text)
    assert "in _segfault\n" in text
    assert re.search(r"^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=bob db=0 user=default",
                     text, re.M)
    assert "command: debug\nargc: 2\nargv[0]: DEBUG\nargv[1]: SEGFAULT\n" in text
    assert "db0:keys=1,expires=1\n" in text
    assert f"process_id:{server.pid}\n" in text


def test_static_functions_of_the_core_have_their_names(start):
    assert re.search(r"dispatch\S*\.so\(\w*dispatch_run\w*\+0x[0-9a-f]+\) \[0x", die(start(), "DEBUG", "SEGFAULT"))


def test_a_client_s_words_can_be_hidden(start):
    server = start("--hide-user-data-from-log", "yes")
    server.call("CLIENT", "SETNAME", "bob")
    text = die(server, "DEBUG", "SEGFAULT")
    assert "argv[0]: DEBUG\nargv[1]: *redacted*\n" in text
    assert "bob" not in text
    assert "name=*redacted*" in text


def test_without_crash_log_enabled_there_is_no_report(start):
    server = start("--crash-log-enabled", "no")
    assert die(server, "DEBUG", "SEGFAULT") == ""
    assert server.process.returncode == -signal.SIGSEGV


def test_crash_log_enabled_can_be_changed(start):
    server = start("--crash-log-enabled", "no")
    server.call("CONFIG", "SET", "crash-log-enabled", "yes")
    server.call("CONFIG", "SET", "crash-log-enabled", "no")
    server.call("CONFIG", "SET", "crash-log-enabled", "yes")
    assert "STACK TRACE" in die(server, "DEBUG", "ASSERT")


@pytest.mark.parametrize("reports", ["yes", "no"])
def test_use_exit_on_panic_ends_with_a_status_instead(start, reports):
    server = start("--use-exit-on-panic", "yes", "--crash-log-enabled", reports)
    assert ("STACK TRACE" in die(server, "DEBUG", "PANIC")) is (reports == "yes")
    assert server.process.returncode == 1


def test_the_pid_file_goes_with_the_server(start, tmp_path: Path):
    server = start("--pidfile", str(tmp_path / "pid"))
    assert (tmp_path / "pid").exists()
    die(server, "DEBUG", "SEGFAULT")
    assert not (tmp_path / "pid").exists()


def test_a_child_that_dies_reports_as_a_child_and_the_server_goes_on(start, tmp_path: Path):
    server = start("--pidfile", str(tmp_path / "pid"), "--rdb-key-save-delay", "100000")
    server.call("DEBUG", "POPULATE", "1000")
    server.call("BGSAVE")
    child = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
    os.kill(child, signal.SIGSEGV)
    while b"rdb_bgsave_in_progress:1" in server.call("INFO", "persistence"):
        pass
    text = report(server.log())
    assert f"{child}:C " in text
    assert "INFO OUTPUT" not in text
    assert "STACK TRACE" in text
    assert server.call("PING") == "PONG"
    assert (tmp_path / "pid").exists()
    assert re.search(r"terminated by signal 11", server.log())


def test_the_report_goes_to_the_file_that_has_the_log_s_name_now(start, tmp_path: Path):
    server = start("--logfile", "log")
    (server.folder / "log").rename(tmp_path / "old")           # as whoever rotates logs does
    assert "in _segfault\n" in die(server, "DEBUG", "SEGFAULT")
    assert START not in (tmp_path / "old").read_text()


def sleeps(task: Path) -> bool:
    """Does this thread wait? Before its first wait it may not be in a function of ours yet."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_a_fault_of_another_thread_is_reported(start):
    server = start("--appendonly", "yes", "--appendfsync", "everysec")
    server.call("SET", "k", "v")
    deadline = time.monotonic() + WAIT
    others: list[int] = []
    while not others and time.monotonic() < deadline:          # the thread that syncs comes with its first job
        others = [int(task.name) for task in Path(f"/proc/{server.pid}/task").iterdir()
                  if int(task.name) != server.pid and sleeps(task)]
    tgkill(server.pid, others[0], signal.SIGSEGV)
    server.process.wait(WAIT)
    assert server.process.returncode == -signal.SIGSEGV
    assert re.search(r"worker\S*\.so\(\w*worker__run", report(server.log()))
    assert "PYTHON TRACEBACK ------\n" in report(server.log())
    assert "in run\n" in report(server.log())                  # where the main thread is


def test_the_watchdog_tells_where_a_server_hangs_that_goes_on(start):
    server = start()
    server.call("CONFIG", "SET", "watchdog-period", 50)
    assert server.call("CONFIG", "GET", "watchdog-period") == [b"watchdog-period", b"200"]      # two ticks
    time.sleep(0.5)                                            # ticks put it off
    assert "WATCHDOG" not in server.log()
    server.call("DEBUG", "SLEEP", 0.6)
    assert server.log().count("--- WATCHDOG TIMER EXPIRED ---") == 1
    assert "in _sleep\n" in server.log()
    assert START not in server.log()
    server.call("CONFIG", "SET", "watchdog-period", 0)
    server.call("DEBUG", "SLEEP", 0.6)
    assert server.log().count("WATCHDOG") == 1


def test_the_watchdog_works_without_crash_reports_and_beside_a_fault(start):
    server = start("--crash-log-enabled", "no", "--watchdog-period", "200")
    server.call("DEBUG", "SLEEP", 0.6)
    assert "WATCHDOG" in server.log()
    server.call("CONFIG", "SET", "crash-log-enabled", "yes")
    assert "STACK TRACE" in die(server, "DEBUG", "SEGFAULT")
    assert server.process.returncode == -signal.SIGSEGV
