"""peers -- start pyredis or a real server on a free port, and look at its process.

    with start("redis8", "--maxmemory", "100mb", cpu=0) as server:
        server.call("SET", "k", "v")
        server.cpu_us(), server.rss_bytes(), server.log()

Names: "pyredis" (this tree, run as `python -m pyredis` by the Python that runs this), "redis7" (the system's
redis-server), "redis8" and "valkey9" (what bench/get-peers installed in $PYREDIS_PEERS, else in
~/.cache/pyredis-peers). Every server gets the same settings: a folder of its own that goes away with it,
loopback and a unix socket only, no RDB points, no AOF, no protected mode. Options given to start() come
later and win.

The port comes from below the range the kernel hands to outgoing connections and is tried by binding it
first. Another process may still take it in between; the server then says so and ends, and another port is
tried. A server is believed to be ours only once its own log says it is ready, so an answer from a stranger
is never taken for it. Processes are ended by their own id, always, also when the body of the `with` fails.

PYREDIS_LIB names the folders that pyredis is imported from (default: this tree and its csrc/, built in
place); a build elsewhere, such as one under sanitizers, is run by pointing it there. PYREDIS_WRAP is put
before the command.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = ("redis7", "redis8", "valkey9")
NAMES = ("pyredis", *PEERS)
START_SECONDS = 30.0
PORTS = range(12000, 22000)     # port + 10000, the cluster bus, stays below the kernel's own range too


class ReplyError(Exception):
    """An error reply; the text is the reply's, without the leading '-'."""


class StartError(RuntimeError):
    """The server did not come up; the text holds the end of its log."""


class Client:
    """A connection that speaks RESP2 and nothing more: call() and wait, or send() and receive()."""

    def __init__(self, port: int, timeout: float = 60.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = self._socket.makefile("rb")

    def call(self, *args: Any) -> Any:
        """One command, its reply: bytes, str for a status, int, None or a list. Raises ReplyError."""
        self.send(encode(*args))
        return self.receive()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> Any:
        line = self._in.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ReplyError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._in.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        raise ConnectionError(f"not RESP2: {line[:40]!r}")

    def close(self) -> None:
        self._in.close()
        self._socket.close()


class Server:
    """A running server that start() made. Times are microseconds, sizes bytes."""

    def __init__(self, name: str, port: int, folder: Path, process: subprocess.Popen[bytes],
                 ready: float) -> None:
        self.name, self.port, self.folder, self.process = name, port, folder, process
        self.pid = process.pid
        self.socket = folder / "s"
        self.ready_seconds = ready                  # from the start of the process to its first PONG
        self._client: Client | None = None
        self._version = ""

    @property
    def version(self) -> str:
        """As INFO names the program's own version, not the one it is compatible with."""
        if not self._version:
            fields = info_fields(self.call("INFO", "server"))
            for field in ("pyredis_version", "valkey_version", "redis_version"):
                if field in fields:
                    self._version = fields[field]
                    break
        return self._version

    def call(self, *args: Any) -> Any:
        if self._client is None:
            self._client = Client(self.port)
        return self._client.call(*args)

    def cpu_us(self) -> float:
        """Processor time of all its threads so far, user and system."""
        nanoseconds = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):       # a thread may end while we look
                nanoseconds += int((task / "schedstat").read_text().split()[0])
        if nanoseconds:
            return nanoseconds / 1000
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self) -> int:
        """Resident memory: exact from smaps_rollup; statm lags by some pages a thread."""
        try:
            found = re.search(r"^Rss: +(\d+) kB", Path(f"/proc/{self.pid}/smaps_rollup").read_text(), re.M)
        except OSError:
            found = None
        if found:
            return int(found[1]) * 1024
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM, and SIGKILL if that does not end it in time. Harmless the second time."""
        if self._client is not None:
            self._client.close()
            self._client = None
        end(self.process, seconds)


def find(name: str) -> Path | None:
    """The program (for pyredis: its __main__.py), or None where it is not installed."""
    if name == "pyredis":
        for folder in library_folders():
            if (folder / "pyredis" / "__main__.py").exists():
                return folder / "pyredis" / "__main__.py"
        return None
    if name == "redis7":
        found = shutil.which("redis-server")
        return Path(found) if found else None
    if name in PEERS:
        folder = Path(os.environ.get("PYREDIS_PEERS") or Path.home() / ".cache" / "pyredis-peers")
        program = folder / "bin" / f"{name}-server"
        return program if program.exists() else None
    raise ValueError(f"no server is called {name!r}; there are {', '.join(NAMES)}")


def tool(name: str, kind: str = "cli") -> Path | None:
    """redis-cli or redis-benchmark of a peer ("redis7" is the system's), or None."""
    if name == "redis7":
        found = shutil.which(f"redis-{kind}")
        return Path(found) if found else None
    server = find(name)
    program = server.with_name(f"{name}-{kind}") if server and name in PEERS else None
    return program if program and program.exists() else None


def library_folders() -> list[Path]:
    given = os.environ.get("PYREDIS_LIB")
    return [Path(part).resolve() for part in given.split(os.pathsep)] if given else [ROOT, ROOT / "csrc"]


@contextlib.contextmanager
def start(name: str, *options: str, cpu: int | None = None,
          env: dict[str, str] | None = None) -> Iterator[Server]:
    """A server on a free port until the block ends. `cpu` pins it to one core. Raises StartError."""
    folder = Path(tempfile.mkdtemp(prefix="pyredis-peer-"))
    server: Server | None = None
    try:
        for _ in range(5):
            server = _launch(name, options, folder, cpu, env)
            if server:
                break
        if server is None:
            raise StartError(f"{name}: five free ports were taken before it could bind them")
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    chooser = random.Random(f"{os.getpid()} {time.monotonic_ns()}")
    while True:
        port = chooser.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def command(name: str, folder: Path, port: int, options: tuple[str, ...] = ()) -> list[str]:
    """The command line start() runs. Raises StartError where the program is absent."""
    program = find(name)
    if program is None:
        raise StartError(f"{name} is not installed (bench/get-peers, or apt-get install redis-server)")
    words = [str(program)] if name != "pyredis" else [sys.executable, "-m", "pyredis"]
    words = shlex.split(os.environ.get("PYREDIS_WRAP", "")) * (name == "pyredis") + words
    return [*words, "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(folder / "s"),
            "--dir", str(folder), "--save", "", "--appendonly", "no", "--daemonize", "no",
            "--protected-mode", "no", *options]


def _launch(name: str, options: tuple[str, ...], folder: Path, cpu: int | None,
            env: dict[str, str] | None) -> Server | None:
    """One attempt; None when somebody else took the port."""
    port = free_port()
    environment = {**os.environ, **(env or {})}
    if name != "pyredis":
        environment.pop("LD_PRELOAD", None)             # a sanitizer meant for pyredis
    else:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, library_folders()))
    log_path = folder / "log"
    began = time.monotonic()
    with open(log_path, "wb") as log, pinned(cpu):
        process = subprocess.Popen(command(name, folder, port, options), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, cwd=folder, env=environment)
    try:
        ready = _await_ready(process, port, log_path, began)
    except BaseException as error:
        end(process, 0)
        text = log_path.read_text(errors="replace")
        if isinstance(error, StartError) and "in use" in text:
            return None
        if isinstance(error, StartError):
            raise StartError(f"{name}: {error}\n{text[-3000:]}") from None
        raise
    return Server(name, port, folder, process, ready)


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path, began: float) -> float:
    """Seconds from `began` to the first PONG."""
    answered = 0.0
    while time.monotonic() < began + START_SECONDS:
        if process.poll() is not None:
            raise StartError(f"ended with {process.returncode} while starting")
        if not answered:
            with contextlib.suppress(OSError, ReplyError), contextlib.closing(Client(port, 5.0)) as client:
                client.call("PING")
                answered = time.monotonic() - began
        if b"Ready to accept connections" in log.read_bytes():
            return answered or time.monotonic() - began
        time.sleep(0.002)
    raise StartError(f"not ready within {START_SECONDS:.0f} s")


@contextlib.contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """A process started inside inherits the core; this thread gets its own set back."""
    if cpu is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ends a process that we started, by its own id, and reaps it."""
    if process.poll() is None and seconds:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    if process.poll() is None:
        process.kill()
    process.wait()


def encode(*args: Any) -> bytes:
    """A command as RESP. Text is UTF-8, numbers are written in decimal."""
    parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def info_fields(text: bytes) -> dict[str, str]:
    """INFO as a dict, section titles left out."""
    lines = (line.partition(":") for line in text.decode(errors="replace").splitlines())
    return {key: value for key, colon, value in lines if colon and not key.startswith("#")}
