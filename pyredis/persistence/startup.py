"""startup: which files the data comes from: at the start, and again when DEBUG asks.

With appendonly the append-only files, if there are any, else nothing: what an RDB file holds may be older than what
they were made to promise. Without it the RDB file.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from _pyredis.loading import clear

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
        Replaying(self.append, self.loading).load()

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
