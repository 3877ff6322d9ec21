"""aof_files: an append-only file written by a server in this process, and read back by another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from _pyredis import aof
from _pyredis.inspect import digest

from tests.session import R


class Writing:
    """`r`'s changes go into `path` from now on."""

    def __init__(self, r: R, path: Path, policy: str = "no") -> None:
        self.r, self.path, self.core = r, path, r.server.core
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        aof.begin(self.core, fd, -1, policy, 0, 0)

    def data(self) -> bytes:
        """The file, with all that has been done so far."""
        aof.flush(self.core)
        return self.path.read_bytes()

    def stats(self) -> dict[str, Any]:
        return aof.stats(self.core)


def replay(path: Path, now_us: int | None = None, start: int = 0) -> tuple[R, tuple[Any, ...]]:
    """(a server that has run the file, how it ended: see _pyredis.aof.replay)"""
    r = R()
    if now_us is not None:
        r.now_us = now_us
        r.session.set_clock(now_us)
    fd = os.open(path, os.O_RDONLY)
    try:
        os.lseek(fd, start, os.SEEK_SET)
        return r, aof.replay(r.server.core, fd, start)
    finally:
        os.close(fd)


def replay_bytes(folder: Path, data: bytes) -> tuple[R, tuple[Any, ...]]:
    path = folder / "replayed.aof"
    path.write_bytes(data)
    return replay(path)


def digest_of(r: R) -> str:
    return digest(r.server.core).hex()
