"""A real Redis 8 as the oracle of text formats: `oracle(b"ECHO", b"x")` asks, `oracle.many(...)` in bulk."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demand import absent

PEERS = Path.home() / ".cache/pyredis-peers/bin"


class PeerError(Exception):
    """An error reply."""


class Peer:
    """A connection that speaks RESP2 and RESP3; doubles stay text."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __call__(self, *args: bytes):
        reply = self.many([args])[0]
        if isinstance(reply, PeerError):
            raise reply
        return reply

    def many(self, commands) -> list:
        """The replies of a pipeline; errors are values."""
        wire = bytearray()
        for args in commands:
            wire += b"*%d\r\n" % len(args)
            for arg in args:
                wire += b"$%d\r\n%s\r\n" % (len(arg), arg)
        self.socket.sendall(wire)
        return [self.read() for _ in commands]

    def inline(self, line: bytes):
        self.socket.sendall(line + b"\r\n")
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the peer closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return PeerError(rest.decode())
        if kind in b"*~>%":
            return [self.read() for _ in range(int(rest) * (2 if kind == b"%" else 1))]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"_":
            return None
        return int(rest) if kind == b":" else rest


@pytest.fixture(scope="session")
def oracle(tmp_path_factory) -> Iterator[Peer]:
    program = shutil.which("redis8-server", path=f"{PEERS}") or shutil.which("redis8-server")
    if program is None:
        absent("redis8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"],
        cwd=tmp_path_factory.mktemp("redis8"), stdout=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})      # no sanitizer of ours in it
    try:
        for _ in range(200):
            try:
                peer = Peer(port)
                break
            except OSError:
                time.sleep(0.02)
        else:
            raise RuntimeError("Redis 8 does not answer")
        peer(b"HELLO", b"3")
        yield peer
        peer.close()
    finally:
        server.terminate()
        server.wait()
