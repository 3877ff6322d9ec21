"""loading: reading the data set: what clients, INFO and the log are told meanwhile, and the RDB file.

While it goes on, the loop lets others be served now and then; they are told to wait, but for the commands that need no
data. The same is so for an append-only file, which is read in replaying.py with this as its Progress.

A file that cannot be read to its end is the end of the server: half of the data, silently, is worse than none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import _pyredis.disk as disk
import _pyredis.loading as loading

from .errors import CannotStart

AOF_BASE = b"aof-base"
FATAL = "Fatal error loading the DB, check server logs. Exiting."


class Log(Protocol):
    def notice(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...


class Loading:
    """The load under way, and figures of the last. Sizes are bytes; `began` is Unix time."""

    def __init__(self, core: Any, config: Any, log: Log, serve_others: Callable[[], None]) -> None:
        self.core, self.config, self.log = core, config, log
        self.serve_others = serve_others
        self.active = False
        self.began = 0.0
        self.total = 0
        self.done = 0
        self.memory_then = 0              # used by the server that wrote the file
        self.keys = 0
        self.expired = 0
        self.ended: Callable[[], bool] = lambda: False        # is the server to stop?
        self.skip_sums = False            # DEBUG SET-SKIP-CHECKSUM-VALIDATION

    # ---- progress

    def begin(self, total: int) -> None:
        self.active, self.began = True, time.time()
        self.total, self.done, self.memory_then = total, 0, 0
        loading.begin(self.core)

    def advance(self, done: int) -> bool:
        self.done = done
        self.serve_others()
        return not self.ended()

    def end(self, ok: bool) -> None:
        self.active = False
        loading.end(self.core)

    @property
    def eta_seconds(self) -> int:
        """How long it will take from now on, if it goes on as it did; 1 as long as nobody can tell."""
        if not self.done:
            return 1
        return int((time.time() - self.began) * (self.total - self.done) / self.done)

    # ---- the RDB file

    def load_rdb(self) -> bool:
        """At the start. False: there is no file. CannotStart."""
        path = self.config["dbfilename"]
        began = time.monotonic()
        if not path or not self.read_file(path):
            return False
        self.log.notice(f"DB loaded from disk: {time.monotonic() - began:.3f} seconds")
        return True

    def read_file(self, path: str, how: Iterable[str] = ()) -> bool:
        """Reads a file that is an RDB and nothing else. False: it is not there. CannotStart."""
        try:
            fd = disk.open_file(self.core, path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.log.warning(f"Fatal error: can't open the RDB file {path} for reading: {error.strerror}")
            raise self._fatal() from None
        ok = False
        self.begin(os.fstat(fd).st_size)
        try:
            self.read(fd, self.total, self.advance, how)
            ok = True
        except (OSError, loading.LoadError) as error:
            self.log.warning(self.explain(path, error))
            self.log.warning("Terminating server after rdb file reading failure.")
            raise self._fatal() from None
        except loading.LoadStopped:
            raise CannotStart("interrupted") from None
        finally:
            self.end(ok)
            os.close(fd)
        return True

    def read(self, fd: int, size: int, progress: Callable[[int], bool], how: Iterable[str] = ()) -> int:
        """Reads the RDB that begins where `fd` stands; the offset of its end. Raises what loading.load does."""
        config = self.config
        how = [*how, *(["sum"] if config["rdbchecksum"] and not self.skip_sums else []),
               *(["any version"] if config["rdb-version-check"] == "relaxed" else [])]
        figures = loading.load(
            self.core, fd, how, size=size, on_progress=progress, on_aux=self._aux,
            interval=config["loading-process-events-interval-bytes"], delay_us=max(config["key-load-delay"], 0))
        self.keys, self.expired = figures["keys"] - figures["expired"] - figures["empty"], figures["expired"]
        self.log.notice(f"Done loading RDB, keys loaded: {self.keys}, keys expired: {self.expired}, "
                        f"empty keys skipped: {figures['empty']}.")
        return int(figures["bytes"])

    def _aux(self, offset: int, name: bytes, value: bytes) -> None:
        if name in (b"redis-ver", b"valkey-ver"):
            self.log.notice(f"Loading RDB produced by version {value.decode('utf-8', 'replace')}")
        elif name == b"ctime" and value.isdigit():
            self.log.notice(f"RDB age {max(int(time.time()) - int(value), 0)} seconds")
        elif name == b"used-mem" and value.isdigit():
            self.memory_then = int(value)
            self.log.notice(f"RDB memory usage when created {int(value) / (1 << 20):.2f} Mb")
        elif name == AOF_BASE and value == b"1":
            self.log.notice("RDB is base AOF")

    @staticmethod
    def explain(path: str, error: Exception) -> str:
        """What is wrong with a file, for the log."""
        if not isinstance(error, loading.LoadError):
            return f"Error reading the RDB file {path}: {error}"
        text = f"Internal error in RDB reading offset {error.offset} of {path}: {error.reason}"
        if error.type >= 0:
            text += f", at the key {error.key.decode('utf-8', 'backslashreplace')!r} (type {error.type})"
        return text

    def _fatal(self) -> CannotStart:
        self.log.warning(FATAL)
        return CannotStart(FATAL)
