"""What the server asks of the system. What changes a process is tried in a process of its own."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from pyredis import __version__, process
from pyredis.cli.server import main
from pyredis.config import Config, ConfigError
from pyredis.log import Log

ROOT = Path(__file__).parent.parent


@pytest.fixture
def log(tmp_path) -> Log:
    return Log(Config(logfile=str(tmp_path / "log")))


def text_of(log: Log) -> str:
    try:
        with open(log.config.logfile) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def python(program: str, *arguments: str, **options) -> subprocess.CompletedProcess:
    lines = "import os, resource, sys\nfrom pyredis import process\nfrom pyredis.config import Config\n"
    lines += "from pyredis.log import Log\n"
    return subprocess.run([sys.executable, "-c", lines + program, *arguments], capture_output=True, text=True,
                          timeout=30, check=True, cwd=ROOT, **options)


# ---- background, pid file


def test_a_daemon_leaves_its_parent_and_terminal_and_writes_its_pid(tmp_path):
    python("process.daemonize()\n"
           "print('into nothing')\n"
           f"process.write_pidfile({str(tmp_path / 'new')!r}, Log(Config()))\n"
           f"os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'pid')!r})\n"
           "import signal; signal.pause()\n")
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert os.getsid(pid) == pid
        assert os.readlink(f"/proc/{pid}/fd/1") == os.devnull
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_pid_file_that_cannot_be_written_is_told_and_no_error(tmp_path, log):
    assert not process.write_pidfile(str(tmp_path / "no" / "pid"), log)
    assert "Failed to write PID file: No such file or directory" in text_of(log)
    assert process.write_pidfile(str(tmp_path / "pid"), log)
    assert (tmp_path / "pid").read_text() == f"{os.getpid()}\n"
    process.remove_pidfile(str(tmp_path / "pid"))
    process.remove_pidfile(str(tmp_path / "pid"))


# ---- supervisors


@pytest.mark.parametrize(("asked", "environ", "found"), [
    ("no", {"NOTIFY_SOCKET": "/x"}, ""), ("systemd", {"NOTIFY_SOCKET": "/x"}, "systemd"), ("systemd", {}, ""),
    ("auto", {"NOTIFY_SOCKET": "/x"}, "systemd"), ("auto", {}, ""), ("upstart", {}, "")])
def test_the_supervisor_is_the_one_asked_for_if_its_variable_is_there(asked, environ, found, log):
    assert process.supervisor(asked, environ, log) == found
    if asked in ("systemd", "upstart") and not found:
        assert f"{asked} supervision requested" in text_of(log)


def test_upstart_is_told_by_stopping(log, monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda *words: sent.append(words))
    environ = {"UPSTART_JOB": "x"}
    assert process.supervisor("auto", environ, log) == "upstart"
    assert sent == [(os.getpid(), signal.SIGSTOP)]
    assert environ == {}


@pytest.mark.parametrize("name", ["file", "abstract"])
def test_systemd_is_told_by_a_datagram(tmp_path, name):
    path = str(tmp_path / "s") if name == "file" else f"@pyredis-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(path.replace("@", "\0"))
        assert process.notify("READY=1\n", {"NOTIFY_SOCKET": path})
        assert there.recv(100) == b"READY=1\n"
    assert not process.notify("READY=1\n", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert not process.notify("READY=1\n", {})


# ---- title


def test_the_title_shows_where_the_server_listens():
    assert process.title(Config()) == "pyredis-server *:6379"
    assert process.title(Config(bind=("-::1", "127.0.0.1"), cluster_enabled=True)) == (
        "pyredis-server ::1:6379 [cluster]")
    assert process.title(Config(port=0, unixsocket="/s")) == "pyredis-server /s"
    assert process.title(Config(proc_title_template="{title} {port}{config-file}.")) == "pyredis-server 6379."


def test_the_title_is_shown_as_the_command_line():
    done = python("process.set_title('pyredis-server *:7')\n"
                  "print(repr(open('/proc/self/cmdline').read().rstrip(chr(0))), os.environ['HOME'])",
                  env={**os.environ, "HOME": "/here"})
    assert done.stdout == "'pyredis-server *:7' /here\n"


# ---- memory


def test_the_out_of_memory_score_is_relative_absolute_or_as_it_was(tmp_path):
    path = tmp_path / "score"
    path.write_text("100\n")
    score = process.OomScore(str(path))
    score.apply("no", (1, 2, 3), process.MASTER)
    assert path.read_text() == "100\n"
    score.apply("relative", (1, 2, 3), process.REPLICA)
    assert path.read_text() == "102"
    score.apply("yes", (1, 2, 2000), process.CHILD)
    assert path.read_text() == "1000"
    score.apply("absolute", (1, 2, -2000), process.CHILD)
    assert path.read_text() == "-1000"
    score.apply("no", (1, 2, 3), process.MASTER)
    assert path.read_text() == "100"
    path.write_text("50")
    score.apply("relative", (1, 2, 3), process.MASTER)
    score.apply("relative", (4, 2, 3), process.MASTER)
    assert path.read_text() == "54"
    score.apply("no", (1, 2, 3), process.MASTER)
    assert path.read_text() == "50"
    with pytest.raises(ConfigError, match="Failed to set current oom_score_adj"):
        process.OomScore(str(tmp_path / "none")).apply("yes", (1, 2, 3), process.MASTER)


def test_huge_pages_can_be_refused():
    assert python("print(process.disable_huge_pages())").stdout == "True\n"


# ---- open files


def limited(soft: int, hard: int, program: str) -> str:
    """What the program prints under these limits, as nobody, who may not raise them."""
    return python(f"""
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
real = resource.setrlimit
def setrlimit(kind, limits):
    if limits[1] > {hard}:
        raise ValueError("not allowed")     # root would be
    real(kind, limits)
resource.setrlimit = setrlimit
log = Log(Config())
{program}""").stdout


def test_the_limit_of_open_files_is_raised_for_the_clients():
    out = limited(100, 1000, "print(process.adjust_open_files(500, log))\n"
                             "print(resource.getrlimit(resource.RLIMIT_NOFILE))")
    assert "* Increased maximum number of open files to 532 (it was originally set to 100).\n" in out
    assert "\n500\n(532, 1000)\n" in out


def test_maxclients_shrinks_to_what_the_system_gives():
    out = limited(100, 200, "print(process.adjust_open_files(10000, log))")
    assert "# You requested maxclients of 10000 requiring at least 10032 max file descriptors.\n" in out
    assert "# Server can't set maximum open files to 10032 because of OS error: Operation not perm" in out
    assert "# Current maximum open files is 200. maxclients has been reduced to 168 to compensate" in out
    assert out.endswith("\n168\n")


def test_a_limit_without_room_for_clients_ends_the_start():
    out = limited(30, 30, "try:\n    process.adjust_open_files(10000, log)\n"
                          "except process.TooFewFiles as error:\n    print(error)")
    assert "Your current 'ulimit -n' of 30 is not enough" in out
    assert "at least 10032" in out


def test_config_set_maxclients_refuses_more_than_the_system_gives(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1000, 1000))

    def refuse(kind, limits):
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    process.check_maxclients(968)
    with pytest.raises(ConfigError, match="not able to handle the specified number of clients, try with 968"):
        process.check_maxclients(969)


# ---- the command line


def server(*arguments: str, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "pyredis", *arguments], capture_output=True, text=True,
                          timeout=30, input=text, check=False, cwd=ROOT)


def test_version_help_and_what_there_is_not():
    shown = server("--version")
    start = f"pyredis server v={__version__} sha=00000000:0 malloc=arena bits=64 build="
    assert shown.stdout.startswith(start)
    assert shown.returncode == 0
    assert server("-v").stdout == shown.stdout
    assert server("-h").stdout.startswith("Usage: pyredis-server")
    for option in ("--test-memory", "--sentinel"):
        refused = server(option, "5")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("pyredis-server ")


def test_a_wrong_configuration_goes_to_stderr_and_a_missing_file_to_the_log():
    wrong = server("-", text="hz x\n")
    assert wrong.returncode == 1
    assert ">>> 'hz x'\nargument couldn't be parsed into an integer\n" in wrong.stderr
    missing = server("/no/such.conf")
    assert missing.returncode == 1
    assert missing.stdout.endswith(
        "# Fatal error, can't open config file '/no/such.conf': No such file or directory\n")


def test_the_server_runs_with_the_config_of_the_arguments(monkeypatch):
    seen = []
    module = ModuleType("pyredis.server")
    module.run = lambda config: seen.append(config) or 7
    monkeypatch.setitem(sys.modules, "pyredis.server", module)
    assert main(["--port", "7000", "--save", ""]) == 7
    assert (seen[0].port, seen[0].save) == (7000, ())


# ---- what cannot be is not pretended

@pytest.mark.parametrize("options", [
    ["--loadmodule", "m.so"],
    ["--cluster-enabled", "yes"], ["--replicaof", "localhost", "1"],
    ["--rename-command", "NOSUCH", "x"], ["--rename-command", "GET", "SET"]])
def test_a_configuration_that_cannot_be_honoured_ends_the_start(tmp_path, options):
    assert main(["--port", "0", "--logfile", str(tmp_path / "log"), *options]) == 1
    assert "Cannot start" in (tmp_path / "log").read_text()
