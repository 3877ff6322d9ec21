"""The files of a deployment say what the server does: pyredis.conf, the unit, the Dockerfile, the wheel, --help."""

import configparser
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import peers
from pyredis import __version__
from pyredis.cli.server import build_config, main
from pyredis.config import NAMES, PARAMETERS, Config
from pyredis.default_config import SECTIONS, default_config, has_effect, without_words
from pyredis.process import RESERVED_FILES
from tests.demand import demand

ROOT = Path(__file__).parent.parent
FILE = ROOT / "deploy/pyredis.conf"
MARKED = re.compile(r"^#(?=[a-z])", re.M)                 # before a parameter; before words there is a blank
PATIENCE = 20.0


def values(config: Config) -> dict[str, str]:
    return {param.name: config.text(param.name) for param in PARAMETERS}


def loaded(text: str) -> Config:
    config = Config()
    config.load(text)
    return config


def until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


# ---- pyredis.conf

def test_the_file_is_what_the_program_prints(capsys):
    assert main(["--default-config"]) == 0
    assert capsys.readouterr().out == FILE.read_text(), \
        "make it again: python -m pyredis --default-config > deploy/pyredis.conf"


def test_every_parameter_with_an_effect_has_words():
    assert without_words() == [], "pyredis/default_config.py says what each parameter does"
    assert {name for section in SECTIONS for name in section.words} <= {param.name for param in PARAMETERS}


@pytest.mark.parametrize("text", [FILE.read_text(), MARKED.sub("", FILE.read_text())], ids=["as it is", "unmarked"])
def test_the_file_says_the_defaults(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert values(loaded(text)) == values(Config())


def test_each_parameter_with_an_effect_is_there_once_and_no_other():
    lines = [line.split() for line in MARKED.sub("", default_config()).splitlines() if line and line[0] != "#"]
    said = [line[0] if NAMES[line[0]].name != "client-output-buffer-limit" else " ".join(line[:2]) for line in lines]
    assert len(said) == len(set(said))
    assert {line[0] for line in lines} == {param.name for param in PARAMETERS if has_effect(param)}


def test_config_rewrite_keeps_the_words_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pyredis.conf"
    path.write_text(FILE.read_text())
    config = build_config([str(path)])
    config.set_many([(b"hz", b"50")])
    config.rewrite()
    after = path.read_text()
    comments = [line for line in FILE.read_text().splitlines() if line.startswith("#")]
    assert [line for line in after.splitlines() if line in set(comments)] == comments
    assert "\nhz 50\n" in after
    assert values(loaded(after)) == values(config)


# ---- the unit

def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str                                # type: ignore[assignment, method-assign]
    parser.read(ROOT / "deploy/pyredis.service")
    return parser


def test_the_command_of_the_unit_is_one_that_the_server_takes():
    service = unit()["Service"]
    program, file, *options = shlex.split(service["ExecStart"])
    assert (Path(program).name, Path(file).name) == ("pyredis-server", FILE.name)
    config = build_config([str(FILE), *options])
    assert (service["Type"], config["supervised"], config["daemonize"]) == ("notify", "systemd", False)
    assert int(service["LimitNOFILE"]) >= config["maxclients"] + RESERVED_FILES
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"


# ---- supervisors, background

@pytest.fixture
def notify_socket(tmp_path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(tmp_path / "notify"))
        there.settimeout(PATIENCE)
        yield there


def told(there: socket.socket, count: int) -> list[bytes]:
    return [there.recv(4096) for _ in range(count)]


@pytest.mark.socket
@pytest.mark.parametrize("asked", ["systemd", "auto"])
@pytest.mark.parametrize("name", ["pyredis", "redis7"])
def test_systemd_is_told_what_the_server_does(name, asked, notify_socket):
    demand(name)
    with peers.start(name, "--supervised", asked, "--save", "60", "1",
                     env={"NOTIFY_SOCKET": notify_socket.getsockname()}) as server:
        first = told(notify_socket, 3)
        assert first[0] in (b"STATUS=pyredis is loading...\n", b"STATUS=Redis is loading...\n")
        assert first[1:] == [b"STATUS=Ready to accept connections\n", b"READY=1\n"]
        assert b"process_supervised:systemd" in server.call("INFO", "server")
        server.stop()
        assert told(notify_socket, 2) == [b"STOPPING=1\n", b"STATUS=Saving the final RDB snapshot\n"]


@pytest.mark.socket
@pytest.mark.parametrize("name", ["pyredis", "redis7"])
def test_without_supervised_nobody_is_told_and_under_systemd_nothing_goes_into_the_background(name, notify_socket):
    demand(name)
    environment = {"NOTIFY_SOCKET": notify_socket.getsockname()}
    with peers.start(name, env=environment):
        pass
    notify_socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        notify_socket.recv(4096)
    with peers.start(name, "--supervised", "systemd", "--daemonize", "yes", env=environment) as server:
        assert f"process_id:{server.pid}\r\n".encode() in server.call("INFO", "server")


@pytest.mark.socket
@pytest.mark.parametrize("name", ["pyredis", "redis7"])
def test_upstart_sees_the_server_stop_and_lets_it_go_on(name, tmp_path):
    demand(name)
    port = peers.free_port()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders())), "UPSTART_JOB": "x"}
    words = [*peers.command(name, tmp_path, port), "--supervised", "auto", "--logfile", str(tmp_path / "log")]
    with subprocess.Popen(words, cwd=tmp_path, env=environment) as server:
        try:
            _, status = os.waitpid(server.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
            server.send_signal(signal.SIGCONT)
            until(lambda: "Ready to accept" in (tmp_path / "log").read_text(), "not ready")
            assert b"process_supervised:upstart" in peers.Client(port).call("INFO", "server")
        finally:
            peers.end(server, PATIENCE)


@pytest.mark.socket
@pytest.mark.parametrize("name", ["pyredis", "redis7"])
def test_a_daemon_answers_when_its_parent_is_gone_and_its_pid_file_goes_with_it(name, tmp_path):
    demand(name)
    port = peers.free_port()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, peers.library_folders()))}
    words = [*peers.command(name, tmp_path, port), "--daemonize", "yes", "--pidfile", str(tmp_path / "pid"),
             "--logfile", str(tmp_path / "log")]
    started = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, timeout=PATIENCE, check=True)
    assert started.stderr == b""
    file = tmp_path / "pid"
    until(lambda: file.exists() and file.read_text().endswith("\n"), "no pid file")
    pid = int(file.read_text())
    try:
        until(lambda: "Ready to accept" in (tmp_path / "log").read_text(), "not ready")
        assert os.getsid(pid) == pid
        assert peers.Client(port).call("PING") == "PONG"
    finally:
        os.kill(pid, signal.SIGTERM)
    until(lambda: not file.exists(), "the pid file stays")


# ---- the wheel and the image

def test_what_is_no_python_in_the_package_is_in_the_wheel():
    listed = re.search(r"package_data=\{\"pyredis\": \[(.*)\]\}", (ROOT / "setup.py").read_text())
    assert listed
    there = {path.relative_to(ROOT / "pyredis").as_posix() for path in (ROOT / "pyredis").rglob("*")
             if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert there == set(re.findall(r'"(.*?)"', listed[1]))


def test_the_image_is_built_from_what_the_wheel_needs():
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == {"csrc", "pyredis", "LICENSE", "README.md", "pyproject.toml", "setup.py"}
    text = (ROOT / "deploy/Dockerfile").read_text()
    for line in ("USER pyredis", "VOLUME /data", "EXPOSE 6379", 'ENTRYPOINT ["pyredis-server"]'):
        assert f"\n{line}\n" in text


@pytest.mark.socket
@pytest.mark.parametrize(("options", "code"), [([], 0), (["--requirepass", "x"], 0), (["--port", "0"], 1)])
def test_the_health_check_of_the_image_tells_a_server_that_answers(options, code, start_server):
    found = re.search(r'HEALTHCHECK .*?\["python", "-c", "(.*?)"\]\n', (ROOT / "deploy/Dockerfile").read_text(), re.S)
    assert found
    program = json.loads('"' + found[1].replace("\\\n", "") + '"')
    if "--port" in options:
        port = peers.free_port()
    else:
        port = start_server(*options).port
    done = subprocess.run([sys.executable, "-c", program.replace("6379", str(port))], capture_output=True, check=False,
                          timeout=PATIENCE)
    assert done.returncode == code


# ---- --help, --version, --check-system

@pytest.mark.parametrize("program", ["server", "check_rdb", "check_aof"])
def test_help_is_a_page_of_manual(program):
    call = f"import sys; sys.argv[0] = 'x-{program}'; from pyredis.cli.{program} import main; sys.exit(main())"
    shown = {word: subprocess.run([sys.executable, "-c", call, word], capture_output=True, text=True, cwd=ROOT,
                                  timeout=PATIENCE, check=True) for word in ("-h", "--help", "-v", "--version")}
    assert shown["-h"].stdout == shown["--help"].stdout
    assert shown["-v"].stdout == shown["--version"].stdout
    assert __version__ in shown["-v"].stdout
    page = shown["-h"].stdout
    assert page.startswith("Usage: ")
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT CODES", "EXAMPLES"):
        assert f"\n{heading}\n" in page
    assert max(map(len, page.splitlines())) <= 120
    assert "{" not in page


def test_the_configuration_may_come_from_stdin_before_or_behind_the_options():
    for words in (["-", "--hz", "20"], ["--hz", "20", "-"]):
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from pyredis.cli.server import build_config; "
             "config = build_config(sys.argv[1:]); print(config.hz, config.port)", *words],
            input="hz 30\nport 7001\n", capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=True)
        assert done.stdout == "20 7001\n"
