"""pairs: connections with real sockets to a server in this process, served round by round, by hand.

    line = pairs.line(); line("SET", "k", "v") == "OK"; line.send(half a request); pairs.serve(); line.alive
"""

from __future__ import annotations

import os
import select
import socket
from typing import Any

import _pyredis.figures as figures
from _pyredis.core import CLOSED

from pyredis.config import Config
from pyredis.server import Server
from tests.session import Replies, encode

IN, OUT, OVER = 1, 4, 0x2001


class Pairs:
    """A core and socket pairs whose server ends it has."""

    def __init__(self, **config):
        self.server = Server(Config(**config), seed=bytes(16))
        self.core = self.server.core
        self.open: list[tuple[socket.socket, int]] = []

    def add(self):
        """(our end, the core's descriptor, the Client)."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        ours.settimeout(10)
        fd = theirs.detach()
        self.open.append((ours, fd))
        return ours, fd, self.core.add(fd, b"1.2.3.4:5", b"1.2.3.4:6379")

    def close(self):
        for ours, fd in self.open:
            ours.close()
            os.close(fd)

    def line(self) -> PairLine:
        return PairLine(self, *self.add())

    def serve(self) -> None:
        """Rounds of the loop, in which everybody is read from and sent to, until nothing moves."""
        moved, quiet = -1, 0
        while quiet < 2:
            stats = figures.stats(self.core)
            now = stats["bytes_in"] + stats["bytes_out"] + stats["commands"]
            quiet, moved = (quiet + 1 if now == moved else 0), now
            self.core.before_sleep()
            extra = self.core.serve([(fd, IN | OUT) for _, fd in self.open])
            gone = {fd for fd, what in (extra[1] if extra else ()) if what == CLOSED}
            for _, fd in self.open:
                if fd in gone:
                    os.close(fd)
            self.open = [pair for pair in self.open if pair[1] not in gone]


class PairLine:
    """A client on a socket pair: what it is sent stays unread in the socket until it asks."""

    def __init__(self, pairs: Pairs, ours: socket.socket, fd: int, client: Any) -> None:
        self.pairs, self.socket, self.fd, self.client = pairs, ours, fd, client
        self.socket.setblocking(False)

    def send(self, data: bytes) -> None:
        """All of it, with as many rounds as that takes; what is left when the server has closed is dropped."""
        left = memoryview(data)
        while left:
            try:
                left = left[self.socket.send(left):]
            except BlockingIOError:
                self.pairs.serve()
            except OSError:
                return
        self.pairs.serve()

    def read(self) -> bytes:
        """What has come so far."""
        found = b""
        while select.select([self.socket], [], [], 0)[0]:
            try:
                data = self.socket.recv(1 << 20)
            except OSError:
                break
            if not data:
                break
            found += data
        return found

    def __call__(self, *args: Any) -> Any:
        self.send(encode(*args))
        return Replies(self.read()).next()

    @property
    def alive(self) -> bool:
        return bool(self.client.alive)

    @property
    def memory(self) -> int:
        """As CLIENT LIST's tot-mem."""
        return int(self.client.info()["memory"])
