"""session: talk to a server in this process, through the real parser and dispatch, with a clock that stands still.

    r("SET", "k", "v") == OK; r("GET", "k") == b"v"; r.effects == [Effect("set", "k", 1)]; r.advance(ms=10)

Replies come as Python values: a status is a Status (a str), an error raises ReplyError, a bulk string is bytes,
an array a list, a map a dict (its keys made hashable), a set a list, a null None, a double a float.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from _pyredis.testing import Session

from pyredis.config import Config
from pyredis.server import Server

START_US = 1_700_000_000_000_000    # where the clock stands at first


MULTI, EXEC = [b"MULTI"], [b"EXEC"]      # as `propagated` has them


class Status(str):
    """A status line: +OK."""


class ReplyError(Exception):
    """An error reply; its text has no leading '-'."""


class Effect(NamedTuple):
    event: str
    key: bytes
    dirty: int
    db: int = 0


def encode(*args: Any) -> bytes:
    """A request as clients send it; str, bytes, int and float are taken."""
    words = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


class Replies:
    """Reads replies from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def _line(self) -> bytes:
        end = self.data.index(b"\r\n", self.at)
        line = self.data[self.at:end]
        self.at = end + 2
        return line

    def next(self) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest.decode())
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind in b"$=":
            return self._bulk(int(rest), 4 if kind == b"=" else 0)
        if kind in b"*~>":
            return None if rest == b"-1" else [self.next() for _ in range(int(rest))]
        if kind == b"%":
            return {freeze(self.next()): self.next() for _ in range(int(rest))}
        if kind == b",":
            return float(rest)
        return {b"_": lambda: None, b"#": lambda: rest == b"t", b"(": lambda: int(rest)}[kind]()

    def _bulk(self, length: int, skip: int) -> bytes | None:
        if length < 0:
            return None
        start = self.at
        self.at += length + 2
        return self.data[start + skip:start + length]

    def all(self) -> list[Any]:
        found = []
        while self.at < len(self.data):
            found.append(self.next())
        return found


def freeze(value: Any) -> Any:
    return tuple(map(freeze, value)) if isinstance(value, list) else value


class R:
    """A client of a server in this process."""

    def __init__(self, server: Server | None = None, **config: Any) -> None:
        self.server = server or Server(Config(**config), seed=bytes(range(16)))
        self.session = Session(self.server.core)
        self.now_us = START_US
        self.session.set_clock(self.now_us)

    def __call__(self, *args: Any) -> Any:
        self.session.clear()
        reply = Replies(self.session.feed(encode(*args))).next()
        assert self.session.check() == 0
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def raw(self, *args: Any) -> bytes:
        """The reply's bytes, as they go over the wire."""
        self.session.clear()
        return bytes(self.session.feed(encode(*args)))

    def feed(self, data: bytes) -> list[Any]:
        """The replies to these bytes; errors are values here."""
        self.session.clear()
        return Replies(self.session.feed(data)).all()

    def taken(self) -> list[Any]:
        """Replies that came without new input: what a command had to wait for."""
        return Replies(self.session.take()).all()

    @property
    def effects(self) -> list[Effect]:
        """What the last command changed."""
        return [Effect(event, key, dirty, db) for event, key, dirty, db, _ in self.session.effects]

    @property
    def propagated(self) -> list[list[bytes]]:
        """The commands that the AOF and replicas get for the last command; several stand between MULTI and EXEC."""
        return list(self.session.propagated)

    def advance(self, ms: int = 0) -> None:
        """Moves the clock; nothing else happens."""
        self.now_us += ms * 1000
        self.session.set_clock(self.now_us)

    @property
    def now_ms(self) -> int:
        return self.now_us // 1000

    def cycle(self) -> int:
        """What the loop does between two rounds: active expiry and the like. Milliseconds until the next."""
        return int(self.server.core.before_sleep())


@contextlib.contextmanager
def raises_reply(start: str) -> Iterator[None]:
    """The block must answer an error that starts so."""
    try:
        yield
    except ReplyError as error:
        assert str(error).startswith(start), f"got {error}"
    else:
        raise AssertionError(f"no error, expected {start}")
