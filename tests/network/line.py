"""line: a socket to a server, byte by byte, for tests of what a client library would hide."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.session import Replies, encode

PATIENCE = 20.0                     # seconds before a test says that something did not come


class Line:
    """One connection. `receive` reads whole replies, `rest` everything until the server closes."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def call(self, *args: Any) -> Any:
        self.send(encode(*args))
        return self.receive()

    def receive(self) -> Any:
        """The next reply; an error is a value. ConnectionError if the server closes first."""
        return self._next()[0]

    def receive_bytes(self) -> bytes:
        """The next reply as it was sent."""
        return self._next()[1]

    def _next(self) -> tuple[Any, bytes]:
        while True:
            replies = Replies(self.received)
            try:
                reply = replies.next()
                if replies.at <= len(self.received):
                    whole, self.received = self.received[:replies.at], self.received[replies.at:]
                    return reply, whole
            except (ValueError, KeyError):
                pass                            # not whole yet
            self._more()

    def _more(self) -> None:
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.received += data

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        parts = [self.received[:size]]
        self.received = self.received[size:]
        have = len(parts[0])
        while have < size:
            data = self.socket.recv(min(1 << 20, size - have))
            if not data:
                raise ConnectionError("the server closed the connection")
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def rest(self) -> bytes:
        """All bytes until the server closes; a reset counts as closing."""
        found = [self.received]
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(1 << 20):
                found.append(data)
        return b"".join(found)

    def closed(self) -> bool:
        """Has the server closed, or does it within the test's patience?"""
        self.rest()
        return True

    def silent(self, seconds: float = 0.15) -> bool:
        """Does nothing come for a moment?"""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) is None
        except TimeoutError:
            return not self.received
        finally:
            self.socket.settimeout(PATIENCE)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(server: Any, host: str = "127.0.0.1", port: int = 0, *, small_window: bool = False) -> Line:
    """To the server's port; `small_window`: with as small a receive buffer as the kernel allows."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if small_window:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect((host, port or server.port))
    return Line(sock)


def connect_unix(path: Any) -> Line:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(path))
    return Line(sock)


def eventually(check: Callable[[], Any]) -> Any:
    """The first true answer of `check`; AssertionError when it takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen")


@contextlib.contextmanager
def setting(server: Any, **values: Any) -> Iterator[None]:
    """CONFIG SET for the length of the block; _ in names stands for -."""
    pairs = [(name.replace("_", "-"), str(value)) for name, value in values.items()]
    before = [(name, server.call("CONFIG", "GET", name)[1]) for name, _ in pairs]
    for name, value in pairs:
        server.call("CONFIG", "SET", name, value)
    try:
        yield
    finally:
        for name, value in before:
            server.call("CONFIG", "SET", name, value)
