"""aof: the append-only file: which files it is made of, when it is opened, rewritten, switched on and off.

    appenddirname/  appendfilename.manifest
                    appendfilename.N.base.rdb      all data at some moment
                    appendfilename.N.incr.aof ...  what was done since

What goes into the last increment, and when it is synced, is the core's (cmd/aof). A rewrite begins a new increment,
then a child writes a new base; when that is whole, base and increment stand in the manifest and everything older is
history, deleted in the background. A crash at any moment leaves a manifest that is true.

While it is switched on at run time (`waiting`) there is no base yet: what is changed meanwhile goes into a temporary
increment, and both get their names when the base is there. Until then nothing counts as kept.

Loading is in replaying.py; sizes are bytes, times Unix seconds, -1 for never or not now.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import _pyredis.aof as aof
import _pyredis.disk as disk
import _pyredis.saving as saving

from pyredis import latency
from pyredis.config_types import ConfigError

from .children import Children, Outcome
from .errors import CannotStart
from .gate import DiskGate
from .manifest import Manifest, ManifestError, parse
from .snapshot import file_aux, file_options

OFF, ON, WAITING = "off", "on", "waiting"
FAILURES_ALLOWED = 3                  # rewrites that fail in a row before the next has to wait
LONGEST_DELAY = 60                    # minutes
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
MISCONF = "MISCONF Errors writing to the AOF file: "


class Log(Protocol):
    def notice(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def raw(self, text: str, level: int = ...) -> None: ...


class Loop(Protocol):
    def watch(self, fd: int, callback: Callable[[], None]) -> None: ...


class AppendOnly:
    """`version` goes into the bases."""

    def __init__(self, core: Any, config: Any, log: Log, children: Children, gate: DiskGate, version: str) -> None:
        self.core, self.config, self.log = core, config, log
        self.children, self.gate, self.version = children, gate, version
        self.state = OFF
        self.manifest = Manifest()
        self.base_size = 0                # of all files when the last rewrite had ended
        self.scheduled = False
        self.last_ok = True               # of the last rewrite
        self.last_seconds = -1
        self.last_copied = 0
        self.rewrites = 0
        self.failures = 0                 # in a row
        self._began = -1.0
        self._folder = "."
        self._temporary = ""
        self._delay = 0                   # minutes
        self._retry_at = 0.0
        self._wake_in, self._wake_out = -1, -1
        self._told_broken = False
        config.on_change("appendonly", self._switch)
        config.on_change("appendfsync", self._set_policy)
        config.on_change("aof-disable-auto-gc", lambda off: self._drop_history())
        config.on_change("aof-timestamp-enabled", lambda on: aof.set_timestamps(core, on))
        aof.set_timestamps(core, config["aof-timestamp-enabled"])

    def watch(self, loop: Loop) -> None:
        """From now on the loop tells what the background has done."""
        self._wake_in, self._wake_out = os.pipe()
        for end in (self._wake_in, self._wake_out):
            os.set_blocking(end, False)
        loop.watch(self._wake_in, self._woken)

    def _woken(self) -> None:
        try:
            os.read(self._wake_in, 4096)
        except BlockingIOError:
            pass
        aof.settle(self.core)
        self._tell_gate()

    def _set_policy(self, policy: str) -> None:
        if self.state != OFF:
            aof.set_policy(self.core, policy)

    def _tell_gate(self) -> None:
        """The core refuses and allows changes by itself; here it is made to agree with other reasons to refuse."""
        stats = aof.stats(self.core)
        broken = stats is not None and stats["broken"]
        if broken or self._told_broken:
            self.gate.set("aof", MISCONF + os.strerror(stats["error"] if stats else 0))
        if self._told_broken and not broken:
            self.gate.set("aof", "")
        self._told_broken = broken

    def set_sleep(self, microseconds: int) -> None:
        """DEBUG AOF-FLUSH-SLEEP."""
        aof.set_sleep(self.core, microseconds)

    def flush(self) -> None:
        if self.state != OFF:
            aof.flush(self.core)

    # ---- names

    @property
    def filename(self) -> str:
        return str(self.config["appendfilename"])

    @property
    def folder(self) -> str:
        return str(self.config["appenddirname"])

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    @property
    def manifest_name(self) -> str:
        return f"{self.filename}.manifest"

    @property
    def temporary_increment(self) -> str:
        return f"temp-{self.filename}.incr"

    # ---- figures

    @property
    def rewriting(self) -> bool:
        return self.children.kind == "aof"

    @property
    def current_seconds(self) -> int:
        return int(time.time() - self._began) if self.rewriting else -1

    @property
    def stats(self) -> dict[str, int] | None:
        """Of the file that is written; None: there is none."""
        return aof.stats(self.core)                            # type: ignore[no-any-return]

    @property
    def current_size(self) -> int:
        stats = self.stats
        return stats["total_size"] if stats else 0

    # ---- the manifest

    def load_manifest(self) -> None:
        """Reads it, if there is one. CannotStart."""
        self.manifest = Manifest()
        path = self.path(self.manifest_name)
        if not os.path.isdir(self.folder):
            self.log.notice(f"The AOF directory {self.folder} doesn't exist")
            return
        if not os.path.exists(path):
            self.log.notice(f"The AOF manifest file {self.manifest_name} doesn't exist")
            return
        try:
            with open(path, "rb") as file:
                self.manifest = parse(file.read())
        except OSError as error:
            self._die(f"Fatal error: can't open the AOF manifest file {self.manifest_name} for reading: "
                      f"{error.strerror}")
        except ManifestError as error:
            self.log.warning("\n*** FATAL AOF MANIFEST FILE ERROR ***\n")
            if error.number:
                self.log.warning(f"Reading the manifest file, at line {error.number}\n")
                self.log.warning(f">>> '{error.line}'\n")
            self._die(f"{error.reason}\n")

    def write_manifest(self, manifest: Manifest) -> bool:
        """Makes this one true; False: it could not be written, and the log says why."""
        try:
            disk.replace_file(self.core, self.path(self.manifest_name), manifest.text())
        except OSError as error:
            self.log.warning(f"Error trying to write the AOF manifest file {self.manifest_name}: {error.strerror}")
            return False
        self.manifest = manifest
        return True

    def make_folder(self) -> bool:
        try:
            os.mkdir(self.folder, 0o755)
            disk.sync_directory(self.core, ".")
        except FileExistsError:
            pass
        except OSError as error:
            self.log.warning(f"Can't open or create append-only dir {self.folder}: {error.strerror}")
            return False
        return True

    def _die(self, message: str) -> NoReturn:
        self.log.warning(message)
        raise CannotStart(message)

    def _drop_history(self) -> None:
        """Deletes what is history, in the background where that takes long."""
        if not self.manifest.history or self.config["aof-disable-auto-gc"]:
            return
        for part in self.manifest.history:
            self.log.notice(f"Removing the history file {part.name} in the background")
            self._remove(part.name)
        self.write_manifest(self.manifest.without_history())

    def _remove(self, name: str) -> None:
        try:
            fd = disk.open_file(self.core, self.path(name), os.O_RDONLY)
        except OSError:
            fd = -1
        try:
            disk.unlink(self.core, self.path(name))
        except OSError:
            pass
        if fd >= 0 and self.state != OFF:
            aof.close_later(self.core, fd)                     # the last close frees the blocks, which may take long
        elif fd >= 0:
            os.close(fd)

    # ---- opening

    def open(self) -> None:
        """After loading: goes on in the last increment, made if there is none. CannotStart."""
        if not self.config["appendonly"]:
            return
        if not self.make_folder():
            raise CannotStart
        manifest, fresh = self.manifest, not self.manifest.increments
        if manifest.empty:
            manifest = self._first_base(manifest)
        if fresh:
            manifest = manifest.with_increment(self.filename)
        name = manifest.increments[-1].name
        try:
            fd = disk.open_file(self.core, self.path(name), APPEND)
            size = os.fstat(fd).st_size
        except OSError as error:
            self._die(f"Can't open the append-only file {name}: {error.strerror}")
        if manifest is not self.manifest and not self.write_manifest(manifest):
            raise CannotStart
        total = sum(self._size(part.name) for part in manifest.parts)
        if not self.base_size:
            self.base_size = self._size(manifest.base.name) if manifest.base else 0
        aof.begin(self.core, fd, self._wake_out, self.config["appendfsync"], size, total)
        self.state = ON
        doing = "Creating" if fresh else "Opening"
        self.log.notice(f"{doing} AOF incr file {name} on server start")
        self._drop_history()

    def _size(self, name: str) -> int:
        try:
            with latency.timed(self.core, "aof-fstat"):
                return os.stat(self.path(name)).st_size
        except OSError:
            return 0

    def _first_base(self, manifest: Manifest) -> Manifest:
        """Of a server without files: all data, though there are mostly none."""
        manifest = manifest.with_base(self.filename, self._suffix)
        assert manifest.base
        temporary = f"temp-rewriteaof-{os.getpid()}.aof"
        try:
            saving.save(self.core, temporary, self._form, self._aux(), self._options())
            disk.rename(self.core, temporary, self.path(manifest.base.name))
            disk.sync_directory(self.core, self.folder)
        except OSError as error:
            self._die(f"Error creating the AOF base file {manifest.base.name}: {error.strerror}")
        self.log.notice(f"Creating AOF base file {manifest.base.name} on server start")
        return manifest

    @property
    def _suffix(self) -> str:
        return "rdb" if self.config["aof-use-rdb-preamble"] else "aof"

    @property
    def _form(self) -> str:
        return "aof-base" if self.config["aof-use-rdb-preamble"] else "commands"

    def _aux(self) -> list[tuple[bytes, bytes]]:
        if self._form == "commands":
            return [(b"#TS", b"%d" % int(time.time()))] if self.config["aof-timestamp-enabled"] else []
        return file_aux(self.core, self.version, aof_base=True)

    def _options(self) -> dict[str, Any]:
        return file_options(self.config, "aof-rewrite-incremental-fsync")

    # ---- at run time

    def _switch(self, on: bool) -> None:
        """CONFIG SET appendonly. ConfigError."""
        if on and self.state == OFF:
            if not self.start():
                raise ConfigError("Unable to turn on AOF. Check server logs.")
        elif not on and self.state != OFF:
            self.stop()

    def start(self) -> bool:
        """Switches it on: a base is written first."""
        if not self._open_temporary():
            return False
        self.state = WAITING
        if self.children.active and not self.rewriting:
            self.scheduled = True
            self.log.notice("AOF was enabled but there is already another background operation. An AOF background was "
                            "scheduled to start when possible.")
            return True
        if self.rewriting:
            self.log.notice("AOF was enabled but there is already an AOF rewriting in background. Stopping background "
                            "AOF and starting a rewrite now.")
            self._kill()
        if self.rewrite():
            return True
        self._forget_temporary()
        self.state = OFF
        self.log.warning("Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check "
                         "the above logs for more info about the error.")
        return False

    def _new_temporary(self) -> int:
        """The temporary increment, emptied, as a descriptor; -1: it cannot be had."""
        try:
            return int(disk.open_file(self.core, self.path(self.temporary_increment), APPEND | os.O_TRUNC))
        except OSError as error:
            self.log.warning(f"Can't open the append-only file {self.temporary_increment}: {error.strerror}")
            return -1

    def _empty_temporary(self) -> bool:
        """Before a base is begun: what was changed until now will be in it."""
        fd = self._new_temporary()
        if fd >= 0:
            aof.restart(self.core, fd)
        return fd >= 0

    def _open_temporary(self) -> bool:
        fd = self._new_temporary() if self.make_folder() else -1
        if fd < 0:
            return False
        aof.begin(self.core, fd, self._wake_out, self.config["appendfsync"], 0, 0, initial=True)
        return True

    def _forget_temporary(self) -> None:
        aof.abandon(self.core)
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        self.log.notice(f"Removing the temp incr aof file {self.temporary_increment} in the background")
        try:
            disk.unlink(self.core, self.path(self.temporary_increment))
        except OSError:
            pass

    def stop(self) -> None:
        """Switches it off; the files stay as they are."""
        waiting, self.state = self.state == WAITING, OFF
        self.scheduled = False
        if self.rewriting:
            self._kill()
        if waiting:
            self._forget_temporary()
        else:
            aof.end(self.core)
        self._tell_gate()

    def _kill(self) -> None:
        self.log.notice(f"Killing running AOF rewrite child: {self.children.pid}")
        self.children.kill()
        self.children.wait()

    def before_shutdown(self, force: bool) -> bool:
        """Writes and syncs everything; False: the server had better not end now."""
        if self.state == OFF:
            return True
        if self.state == WAITING and not force:
            self.log.warning("Writing initial AOF, can't exit.")
            return False
        if self.state == WAITING:
            self.log.warning("Writing initial AOF. Exit anyway.")
        if self.rewriting:
            self.log.warning("There is a child rewriting the AOF. Killing it!")
            self._kill()
        self.log.notice("Calling fsync() on the AOF file.")
        written = aof.flush(self.core)
        try:
            aof.sync(self.core)
        except OSError as error:
            self.log.warning(f"Fail to fsync the AOF file: {error.strerror}.")
        return bool(written) or force

    # ---- rewriting

    def rewrite(self) -> bool:
        """Begins one in the background; False: that could not be done, and the log says why."""
        if self.children.active or not self.make_folder():
            return False
        if self.state == ON and not self._next_increment():
            return False
        if self.state == WAITING and not self._empty_temporary():
            return False
        self.scheduled = False
        self._began = time.time()
        try:
            pid = self.children.fork("aof", f"temp-rewriteaof-bg-{saving.PID}.aof", self._form, self._aux(),
                                     self._options(), self._ended)
        except OSError as error:
            self.log.warning(f"Can't rewrite append only file in background: fork: {error.strerror}")
            self.last_ok = False
            return False
        self._temporary = f"temp-rewriteaof-bg-{pid}.aof"
        self._base_suffix = self._suffix
        self.rewrites += 1
        self.log.notice(f"Background append only file rewriting started by pid {pid}")
        return True

    def _next_increment(self) -> bool:
        """What comes after the fork goes into a file of its own."""
        if not aof.flush(self.core):
            return False
        manifest = self.manifest.with_increment(self.filename)
        name = manifest.increments[-1].name
        try:
            fd = disk.open_file(self.core, self.path(name), APPEND | os.O_TRUNC)
        except OSError as error:
            self.log.warning(f"Can't open the append-only file {name}: {error.strerror}")
            return False
        if not self.write_manifest(manifest):
            os.close(fd)
            return False
        aof.rotate(self.core, fd)
        self.log.notice(f"Creating AOF incr file {name} on background rewrite")
        return True

    def _ended(self, outcome: Outcome) -> None:
        began = time.monotonic()
        self.last_seconds = int(time.time() - self._began)
        if outcome.report.ended:
            self.last_copied = outcome.report.cow
        if outcome.ok:
            self.log.notice("Background AOF rewrite terminated with success")
            self.last_ok = self._adopt()
            if self.last_ok:
                self.children.log_copied("AOF rewrite", outcome.report)
                self.log.notice("Background AOF rewrite finished successfully")
                self.failures = 0
                self._drop_history()
            else:
                self.failures += 1
            self.log.notice(f"Background AOF rewrite signal handler took {int((time.monotonic() - began) * 1e6)}us")
        elif outcome.signal:
            self.log.warning(f"Background AOF rewrite terminated by signal {outcome.signal}")
            if outcome.signal != signal.SIGUSR1:
                self.last_ok, self.failures = False, self.failures + 1
        else:
            if outcome.stage:
                self.log.warning(f"Write error writing append only file on disk ({outcome.stage}): "
                                 f"{os.strerror(outcome.error)}")
            self.log.warning("Background AOF rewrite terminated with error")
            self.last_ok, self.failures = False, self.failures + 1
        try:
            os.unlink(self._temporary)
        except OSError:
            pass
        if self.state == WAITING:                # it cannot be on without: soon again
            self._remove_temporary()
            self.scheduled = True

    def _adopt(self) -> bool:
        """Gives the new base, and in `waiting` the increment, their names, and makes that true."""
        manifest = self.manifest.with_base(self.filename, self._base_suffix)
        assert manifest.base
        moves = [(self._temporary, self.path(manifest.base.name), "base", self._temporary, manifest.base.name)]
        if self.state == WAITING:
            aof.flush(self.core)
            manifest = manifest.with_increment(self.filename)
            name = manifest.increments[-1].name
            moves.append((self.path(self.temporary_increment), self.path(name), "incr", self.temporary_increment, name))
        for old, new, what, old_name, new_name in moves:
            try:
                with latency.timed(self.core, "aof-rename"):
                    disk.rename(self.core, old, new)
            except OSError as error:
                self.log.warning(f"Error trying to rename the temporary AOF {what} file {old_name} into {new_name}: "
                                 f"{error.strerror}")
                return False
            self.log.notice(f"Successfully renamed the temporary AOF {what} file {old_name} into {new_name}")
        try:
            if self.state == WAITING:
                aof.sync(self.core)
            disk.sync_directory(self.core, self.folder)
        except OSError as error:
            self.log.warning(f"Fail to fsync AOF directory {self.folder}: {error.strerror}.")
            return False
        if not self.write_manifest(manifest.without_increments(0 if self.state == OFF else 1)):
            return False
        if self.state != OFF:
            self.state = ON
            self.base_size = sum(self._size(part.name) for part in self.manifest.parts)
            aof.based(self.core, self.base_size)
        return True

    # ---- by itself

    def cron(self) -> None:
        """Ten times a second or so."""
        aof.set_no_sync(self.core, self.config["no-appendfsync-on-rewrite"] and self.children.active)
        aof.tick(self.core)
        self._tell_gate()
        if self.children.active:
            return
        if self.scheduled:
            if not self._limited():
                self.rewrite()
        elif self.state == ON and self._has_grown():
            self.rewrite()

    def _has_grown(self) -> bool:
        percentage, size = self.config["auto-aof-rewrite-percentage"], self.current_size
        if not percentage or size <= self.config["auto-aof-rewrite-min-size"]:
            return False
        growth = size * 100 // (self.base_size or 1) - 100
        if growth < percentage or self._limited():
            return False
        self.log.notice(f"Starting automatic rewriting of AOF on {growth}% growth")
        return True

    def _limited(self) -> bool:
        """Rewrites that keep failing are tried ever more seldom: each makes one more increment."""
        if self.failures < FAILURES_ALLOWED:
            self._delay, self._retry_at = 0, 0.0
            return False
        if self._retry_at:
            if time.time() < self._retry_at:
                return True
            self._retry_at = 0.0
            return False
        self._delay = min(self._delay * 2 if self._delay else 1, LONGEST_DELAY)
        self._retry_at = time.time() + self._delay * 60
        self.log.warning("Background AOF rewrite has repeatedly failed and triggered the limit, will retry in "
                         f"{self._delay} minutes")
        return True
