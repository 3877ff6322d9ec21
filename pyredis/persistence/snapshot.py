"""snapshot: the RDB file: when it is written, by whom, and how it gets its name.

    SAVE, the end          the server itself writes temp-<pid>.rdb, gives it its name and syncs the directory
    BGSAVE, save points    a child does

A file that is not whole never has the name, and what had the name stays until then. Changes that come while a child
writes are not in its file: they count on, only those from before are taken off.

Failures are told in the log and in INFO. After a failed background save writes are refused (stop-writes-on-bgsave-
error) if there are save points, until one succeeds; save points try again after RETRY seconds.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import Any, Protocol

import _pyredis.figures as figures
import _pyredis.saving as saving

from pyredis import latency

from .children import Children, Outcome
from .gate import DiskGate

RETRY = 5                 # seconds
MISCONF = ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
           "Commands that may modify the data set are disabled, because this instance is configured to report errors "
           "during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs "
           "for details about the RDB error.")


class Log(Protocol):
    def notice(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...


class SaveFailed(Exception):
    """A snapshot could not be written; the log says why."""


def file_options(config: Any, incremental: str = "rdb-save-incremental-fsync") -> dict[str, Any]:
    """The options of _pyredis.saving by the configuration."""
    policy = config["maxmemory-policy"]
    return {"compress": config["rdbcompression"], "checksum": config["rdbchecksum"],
            "incremental": config[incremental], "delay_us": config["rdb-key-save-delay"],
            "idle": policy.endswith("-lru"), "frequency": policy.endswith("-lfu")}


def file_aux(core: Any, version: str, *, aof_base: bool = False) -> list[tuple[bytes, bytes]]:
    """What an RDB file tells of the server that wrote it."""
    return [(b"redis-ver", version.encode()), (b"redis-bits", b"64"), (b"ctime", b"%d" % int(time.time())),
            (b"used-mem", b"%d" % figures.memory(core)["used"]), (b"aof-base", b"%d" % aof_base)]


class Snapshot:
    """`version` goes into the files. Times are Unix seconds; -1: never, or not now."""

    def __init__(self, core: Any, config: Any, log: Log, children: Children, gate: DiskGate, version: str) -> None:
        self.core, self.config, self.log = core, config, log
        self.children, self.gate, self.version = children, gate, version
        self.last_save = time.time()
        self.last_try = 0.0
        self.last_ok = True               # of the last background save
        self.last_seconds = -1
        self.last_copied = 0              # bytes, by copy-on-write
        self.saves = 0
        self.scheduled = False
        self._began = -1.0
        self._dirty = 0                   # changes that the file of the child holds
        self._path = self._name = ""      # of the child's file
        for name in ("save", "stop-writes-on-bgsave-error"):
            config.on_change(name, lambda value: self._judge())

    # ---- state

    @property
    def dirty(self) -> int:
        """Changes that no file holds."""
        return int(figures.stats(self.core)["dirty"])

    @property
    def in_progress(self) -> bool:
        """Does a child write a snapshot?"""
        return self.children.kind == "rdb"

    @property
    def current_seconds(self) -> int:
        return int(time.time() - self._began) if self.in_progress else -1

    def _judge(self) -> None:
        """Are writes to be refused? Asked again whenever something that decides it has changed."""
        refused = not self.last_ok and self.config["save"] and self.config["stop-writes-on-bgsave-error"]
        self.gate.set("rdb", MISCONF if refused else "")

    # ---- in the foreground

    def save(self, tick: Callable[[], None] | None = None) -> None:
        """Writes the snapshot while everybody waits. SaveFailed. `tick` is called now and then; what it raises ends
        the save, and no file is left of it."""
        path, name, dirty = f"temp-{os.getpid()}.rdb", self.config["dbfilename"], self.dirty
        try:
            saving.save(self.core, path, "rdb", file_aux(self.core, self.version), file_options(self.config), name,
                        tick)
        except OSError as error:
            self._tell(getattr(error, "stage", ""), error.errno or 0, absolute(path), name)
            remove(path)
            raise SaveFailed from None
        except BaseException:
            remove(path)
            raise
        self.log.notice("DB saved on disk")
        self._saved(dirty)

    def _tell(self, stage: str, error: int, path: str, name: str) -> None:
        """Why a file could not be written."""
        folder, temporary = os.path.split(path)
        where, reason = f"(in server root dir {folder})", os.strerror(error)
        if stage == "open":
            self.log.warning(f"Failed opening the temp RDB file {temporary} {where} for saving: {reason}")
        elif stage == "rename":
            self.log.warning(f"Error moving temp DB file {temporary} on the final destination {name} {where}: {reason}")
        elif stage == "directory":
            self.log.warning(f"Failed to fsync directory while saving DB: {reason}")
        else:
            self.log.warning(f"Write error while saving DB to the disk({stage}): {reason}")

    def forget_changes(self) -> None:
        """What is there is what the files hold, so none has been made since the last save."""
        saving.saved(self.core, self.dirty)

    def _saved(self, dirty: int) -> None:
        saving.saved(self.core, dirty)
        self.last_save = time.time()
        self.last_ok = True
        self.saves += 1
        self._judge()

    # ---- in the background

    def save_in_background(self) -> bool:
        """Forks a child for it, when there is none; False: that could not be done, and the log says why."""
        self.last_try = self._began = time.time()
        self._dirty = self.dirty
        self.scheduled = False
        self._name = self.config["dbfilename"]
        try:
            pid = self.children.fork("rdb", f"temp-{saving.PID}.rdb", "rdb", file_aux(self.core, self.version),
                                     file_options(self.config), self._ended, self._name)
        except OSError as error:
            self.last_ok = False
            self._judge()
            self.log.warning(f"Can't save in background: fork: {error.strerror}")
            return False
        self._path = absolute(f"temp-{pid}.rdb")
        self.log.notice(f"Background saving started by pid {pid}")
        return True

    def cancel(self, *, wait: bool = False) -> None:
        """Ends the child, if one writes a snapshot, without counting that as a failure. `wait`: until it is gone, so
        that its file cannot get the name any more."""
        if self.in_progress:
            self.children.kill()
            self._remove_temporary()
            if wait:
                self.children.wait()

    def _remove_temporary(self) -> None:
        with latency.timed(self.core, "rdb-unlink-temp-file"):       # a large file can take its time
            remove(self._path)

    def _ended(self, outcome: Outcome) -> None:
        self.last_seconds = int(time.time() - self._began)
        if outcome.report.ended:
            self.last_copied = outcome.report.cow
        if outcome.ok:
            self.log.notice("DB saved on disk")
            self.children.log_copied("RDB", outcome.report)
            self.log.notice("Background saving terminated with success")
            self._saved(self._dirty)
            return
        if outcome.signal:
            self.log.warning(f"Background saving terminated by signal {outcome.signal}")
        else:
            if outcome.stage:
                self._tell(outcome.stage, outcome.error, self._path, self._name)
            self.log.warning("Background saving error")
        self._remove_temporary()
        if outcome.signal != signal.SIGUSR1:
            self.last_ok = False
            self._judge()

    # ---- by itself

    def cron(self) -> None:
        """Saves if a save point is reached or a save was scheduled, and nothing else is under way."""
        if self.children.active:
            return
        may_try = self.last_ok or time.time() - self.last_try > RETRY
        point = self._point() if may_try else None
        if point is not None:
            self.log.notice(f"{point[1]} changes in {point[0]} seconds. Saving...")
            self.save_in_background()
        elif self.scheduled and may_try:
            self.save_in_background()

    def _point(self) -> tuple[int, int] | None:
        """The save point that is reached."""
        dirty, since = self.dirty, time.time() - self.last_save
        for seconds, changes in self.config["save"]:
            if dirty >= changes and since > seconds:
                return int(seconds), int(changes)
        return None

    def flushed(self) -> bool:
        """All data has gone: a child that still writes it is ended, and with save points the file is emptied, too.
        Was it?"""
        self.cancel(wait=True)
        if not self.config["save"]:
            return False
        try:
            self.save()
        except SaveFailed:
            return False
        return True


def absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:                       # the folder is gone
        return os.path.join("?", path)


def remove(path: str) -> None:
    """A temporary file, if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass
