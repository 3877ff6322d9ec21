"""startup: which files the data comes from: at the start, and again when DEBUG asks.

With appendonly the append-only files, if there are any, else nothing: what an RDB file holds may be older than what
they were made to promise. Without it the RDB file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any

from _pyredis import disk
from _pyredis.loading import LoadError, clear

from .aof import AppendOnly
from .errors import CannotStart
from .loading import Loading
from .replaying import Replaying


class Startup:
    """Loads, once and again."""

    def __init__(self, append: AppendOnly, loading: Loading) -> None:
        self.append, self.loading = append, loading
        self.core: Any = append.core

    def load(self) -> None:
        """At the start. CannotStart."""
        self.append.load_manifest()
        if self.append.config["appendonly"]:
            self._replay()
            self.append.open()
        else:
            self.loading.load_rdb()

    def _replay(self) -> None:
        Replaying(self.append, self._read_rdb, self.loading).load()

    def _read_rdb(self, path: str, advance: Callable[[int], bool]) -> int:
        """The RDB that a file of commands begins with: keys whose time is over are kept, the commands may mean them."""
        fd = disk.open_file(self.core, path, os.O_RDONLY)
        try:
            return self.loading.read(fd, os.fstat(fd).st_size, advance, ["expired"])
        except LoadError as error:
            raise ValueError(self.loading.explain(path, error)) from None
        finally:
            os.close(fd)

    def reload_append_only(self) -> bool:
        """All data again from the append-only files; False: that failed, and the log says why."""
        self.append.flush()
        clear(self.core)
        try:
            self._replay()
        except CannotStart:
            return False
        return True

    def reload_rdb(self, options: Collection[str]) -> bool:
        """The RDB file's data, in the place of all there is unless the options have "noflush", each key that is there
        replaced if they have "merge". False: as above."""
        if "noflush" not in options:
            clear(self.core)
        try:
            return self.loading.read_file(self.loading.config["dbfilename"], ["merge"] if "merge" in options else [])
        except CannotStart:
            return False
