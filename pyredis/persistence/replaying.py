"""replaying: loading the append-only files: base, then increments, in the order of the manifest.

A base is an RDB, commands, or both, one behind the other; what a file begins with tells. Only the last file may end
within a command or a transaction, as a crash leaves it: aof-load-truncated says whether it is then cut behind the
last whole one, or the server ends. Anything else that is no command, unknown, or unreadable ends the server, with the
file and the offset in the log: nothing is repaired by guessing.

A single file of an older server, appendfilename beside the folder, becomes the base of a new manifest.
"""

from __future__ import annotations

import os
import time

import _pyredis.aof as aof
import _pyredis.disk as disk
import _pyredis.loading as loading

from .aof import AppendOnly
from .errors import CannotStart
from .loading import Loading
from .manifest import BASE, Manifest, Part

MAGICS = (b"REDIS", b"VALKEY")         # an RDB begins with one of these
INTERRUPTED = "interrupted"


class Replaying:
    """Loads what `append` has in its manifest; `progress` is told how far it is, and reads the RDBs."""

    def __init__(self, append: AppendOnly, progress: Loading) -> None:
        self.append, self.progress = append, progress
        self.core, self.log, self.config = append.core, append.log, append.config
        self._done = 0                    # bytes of the files before this one

    def load(self) -> bool:
        """False: there are no files, or nothing in them. CannotStart."""
        self._upgrade()
        manifest, append = self.append.manifest, self.append
        if manifest.empty:
            return False
        sizes = [self._size(part.name) for part in manifest.parts]
        if not sum(sizes):
            return False
        began = time.monotonic()
        self.progress.begin(sum(sizes))
        self._done = 0
        ok = False
        try:
            for part, size in zip(manifest.parts, sizes, strict=True):
                self._part(part, part is manifest.parts[-1], size)
                self._done += size
            ok = True
        finally:
            self.progress.end(ok)
        append.base_size = self._size(manifest.base.name) if manifest.base else 0
        self.log.notice(f"DB loaded from append only file: {time.monotonic() - began:.3f} seconds")
        return True

    def _size(self, name: str) -> int:
        try:
            return os.stat(self.append.path(name)).st_size
        except OSError as error:
            raise self._fatal(f"Unable to obtain the AOF file {name} length. stat: {error.strerror}") from None

    def _fatal(self, message: str) -> CannotStart:
        self.log.warning(message)
        return CannotStart(message)

    # ---- one file

    def _part(self, part: Part, last: bool, size: int) -> None:
        began = time.monotonic()
        kind = "base" if part.kind == BASE else "incr"
        whole = self._file(part.name, kind, size) if size else True
        if not whole and not last:
            raise self._fatal("Fatal error: the truncated file is not the last file")
        if size:
            self.log.notice(f"DB loaded from {kind} file {part.name}: {time.monotonic() - began:.3f} seconds")

    def _file(self, name: str, kind: str, size: int) -> bool:
        """False: it was not whole, and has been cut."""
        path = self.append.path(name)
        try:
            fd = disk.open_file(self.core, path, os.O_RDONLY)
        except OSError as error:
            raise self._fatal(f"Fatal error: can't open the append log file {name} for reading: "
                              f"{error.strerror}") from None
        try:
            start = 0
            if os.pread(fd, 6, 0).startswith(MAGICS):
                start = self._preamble(fd, name, kind, size)
                os.lseek(fd, start, os.SEEK_SET)
                if start < size:
                    self.log.notice("Reading the remaining AOF tail...")
            end, at, _, error_number, detail = aof.replay(
                self.core, fd, start, on_progress=self._advance,
                interval=self.config["loading-process-events-interval-bytes"])
        finally:
            os.close(fd)
        return self._judge(name, end, at, error_number, detail)

    def _advance(self, at: int) -> bool:
        return self.progress.advance(self._done + at)

    def _preamble(self, fd: int, name: str, kind: str, size: int) -> int:
        """Reads the RDB that the file begins with; where it ends."""
        base = kind == "base" and name.endswith(".rdb")
        self.log.notice("Reading RDB base file on AOF loading..." if base else "Reading RDB preamble from AOF file...")
        try:
            return self.progress.read(fd, size, self._advance, ["expired"])      # the commands may mean such keys
        except loading.LoadStopped:
            raise CannotStart(INTERRUPTED) from None
        except (loading.LoadError, OSError) as error:
            self.log.warning(self.progress.explain(name, error))
            raise self._fatal(f"Error reading the RDB base file {name}, AOF loading aborted" if base else
                              f"Error reading the RDB preamble of the AOF file {name}, AOF loading aborted") from None

    def _judge(self, name: str, end: str, at: int, error: int, detail: str) -> bool:
        if end == "done":
            return True
        if end in ("truncated", "multi"):
            if end == "multi":
                self.log.warning(f"Revert incomplete MULTI/EXEC transaction in AOF file {name}")
            return self._cut(name, at)
        if end == "unknown":
            self.log.warning(f"At offset {at} of the append only file {name}:")
            raise self._fatal(f"Unknown command '{detail}' reading the append only file {name}")
        if end == "failed":
            raise self._fatal(f"Unrecoverable error reading the append only file {name}: {os.strerror(error)}")
        if end == "stopped":
            raise CannotStart(INTERRUPTED)
        self.log.warning(f"What stands at offset {at} of the append only file {name} is no command")
        raise self._fatal(f"Bad file format reading the append only file {name}: make a backup of your AOF file, then "
                          "use ./redis-check-aof --fix <filename.manifest>")

    def _cut(self, name: str, at: int) -> bool:
        """Of a file that breaks off: what is whole stays."""
        if not self.config["aof-load-truncated"]:
            self.log.warning(f"The append only file {name} is whole up to offset {at}")
            raise self._fatal(
                f"Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF "
                "file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the "
                "'aof-load-truncated' configuration option to yes and restart the server.")
        self.log.warning(f"!!! Warning: short read while loading the AOF file {name}!!!")
        self.log.warning(f"!!! Truncating the AOF {name} at offset {at} !!!")
        try:
            fd = disk.open_file(self.core, self.append.path(name), os.O_WRONLY)
            try:
                disk.truncate(self.core, fd, at)
                disk.sync(self.core, fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise self._fatal(f"Error truncating the AOF file {name}: {error.strerror}") from None
        self.log.warning(f"AOF {name} loaded anyway because aof-load-truncated is enabled")
        return False

    # ---- a file of before Redis 7

    def _upgrade(self) -> None:
        """A single file beside the folder becomes the base of a manifest in it. CannotStart."""
        append, name = self.append, self.append.filename
        manifest = append.manifest
        if not os.path.exists(name) or not (manifest.empty or self._half_upgraded(manifest)):
            return
        if not append.make_folder():
            raise CannotStart
        if manifest.empty and not append.write_manifest(Manifest(base=Part(name, 1, BASE), base_number=1)):
            raise CannotStart
        try:
            disk.rename(self.core, name, append.path(name))
            disk.sync_directory(self.core, append.folder)
            disk.sync_directory(self.core, ".")
        except OSError as error:
            append.manifest = Manifest()
            raise self._fatal(f"Error trying to move the old AOF file {name} into dir {append.folder}: "
                              f"{error.strerror}") from None
        self.log.notice(f"Successfully migrated an old-style AOF file ({name}) into the AOF directory "
                        f"({append.folder}).")

    def _half_upgraded(self, manifest: Manifest) -> bool:
        """Was a server ended between the manifest and the rename?"""
        return (manifest.base is not None and not manifest.increments and manifest.base.name == self.append.filename
                and not os.path.exists(self.append.path(manifest.base.name)))
