"""A real server for the tests of configuration: running with a file, or only long enough to refuse one."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyredis.config_types import to_bytes, to_text


def program(name: str) -> str:
    """The path of redis7, redis8 or valkey9; skips the test where it is not installed."""
    if name == "redis7":
        found = shutil.which("redis-server")
    else:
        folder = Path(os.environ.get("PYREDIS_PEERS") or Path.home() / ".cache" / "pyredis-peers")
        found = str(folder / "bin" / f"{name}-server")
    if not found or not os.path.exists(found):
        pytest.skip(f"{name} is not installed")
    return found


class Peer:
    """A connection: many commands go out at once, the replies come back in order."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(20)
        self.file = self.socket.makefile("rb")

    def call(self, *words: str) -> Any:
        return self.calls([words])[0]

    def calls(self, commands: list[tuple[str, ...]]) -> list[Any]:
        """Replies of all of them; an error is ("error", text)."""
        # A part at a time, lest both sides wait for the other to read.
        return [reply for at in range(0, len(commands), 100) for reply in self._some(commands[at : at + 100])]

    def _some(self, commands: list[tuple[str, ...]]) -> list[Any]:
        out = bytearray()
        for words in commands:
            raw = [to_bytes(word) for word in words]
            out += b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)
        self.socket.sendall(out)
        return [self._reply() for _ in commands]

    def _reply(self) -> Any:
        line = self.file.readline()[:-2]
        kind, rest = line[:1], to_text(line[1:])
        if kind == b"-":
            return ("error", rest)
        if kind == b"$":
            return to_text(self.file.read(int(rest) + 2)[:-2])
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        assert kind in (b"+", b":"), line
        return rest


@contextlib.contextmanager
def running(name: str, folder: Path, *arguments: str) -> Iterator[Peer]:
    """The server on a unix socket in the folder, with these arguments (the first may be a file)."""
    path = folder / "peer.sock"
    options = ["--port", "0", "--unixsocket", str(path)]
    with open(folder / "peer.log", "wb") as log:
        process = subprocess.Popen([program(name), *arguments, *options], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        peer = None
        deadline = time.monotonic() + 20
        while peer is None:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "peer.log").read_text()
            try:
                peer = Peer(str(path))
            except OSError:
                time.sleep(0.01)
        yield peer
    finally:
        process.kill()
        process.wait()


def refusal(name: str, folder: Path, text: str, *options: str) -> str:
    """What the server says on stderr about a configuration that it does not accept."""
    (folder / "refused.conf").write_text(text)
    done = subprocess.run([program(name), str(folder / "refused.conf"), *options], cwd=folder, timeout=20,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr
