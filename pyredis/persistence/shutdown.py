"""shutdown: how the server ends without losing what it promised to keep.

    asked (SHUTDOWN, SIGTERM, SIGINT) -> replicas get time to catch up -> children are ended -> files are written
        -> the loop stops; or something fails, the log says what, and the server goes on

What is asked for is a set of words, those of SHUTDOWN and of shutdown-on-sigterm: save, nosave, now, force. Without
save or nosave a snapshot is written if there are save points. `force` ends it even if that fails.

From the moment when the files are written no command runs any more, so nothing is acknowledged that they lack: who
sends one is held, as by CLIENT PAUSE, until the connection closes with the process.

A signal only asks; the cron acts on it, as in Redis, so that SHUTDOWN ABORT may still come in between. Without
replicas there is nothing to wait for; they have a seam here, `lagging`.
"""

from collections.abc import Callable, Collection
from typing import Any, Protocol

FOREVER = 1 << 62                  # Unix time in ms


class Snapshot(Protocol):
    @property
    def in_progress(self) -> bool: ...

    def save(self, tick: Callable[[], None] | None = None) -> None: ...

    def cancel(self, *, wait: bool = False) -> None: ...


class Log(Protocol):
    def notice(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...


class Shutdown:
    """`before` are the steps of other parts, in order, (force) -> may it go on?; `stop` ends the loop."""

    def __init__(self, core: Any, config: Any, log: Log, snapshot: Snapshot, stop: Callable[[], None],
                 notify: Callable[[str], None], save_failed: type[Exception]) -> None:
        self.core, self.config, self.log, self.snapshot = core, config, log, snapshot
        self._stop, self._notify, self._save_failed = stop, notify, save_failed
        self.before: list[Callable[[bool], bool]] = []
        self.lagging: Callable[[], int] = lambda: 0       # replicas that have not caught up
        self.tick: Callable[[], None] | None = None       # called during the last save; may end it, by raising
        self.loading: Callable[[], bool] = lambda: False
        self.signalled = ""               # the parameter that says how, of a signal that asked
        self.deadline_ms = 0              # of a shutdown that waits; 0: none does
        self.done = False
        self._words: frozenset[str] = frozenset()

    # ---- asking

    def request(self, words: Collection[str]) -> bool:
        """Ends the server, or begins to wait until it can; False: it cannot, and the log says why."""
        if self.deadline_ms or self.done:
            return self.done
        self._words = frozenset(words)
        if self.loading():                # half of the data must not take the place of all of it
            self._words = self._words - {"save"} | {"nosave"}
        self.log.notice("User requested shutdown...")
        self._notify("STOPPING=1\n")
        timeout = self.config["shutdown-timeout"]
        if "now" not in self._words and timeout and self.lagging():
            self.core.pause(FOREVER, True)
            self.log.notice("Waiting for replicas before shutting down.")
            self.deadline_ms = self.core.now_ms() + timeout * 1000
            return True
        return self._finish()

    def signal(self, parameter: str) -> None:
        """A signal asked, for what `parameter` says; the next cron sees to it."""
        self.signalled = parameter

    def abort(self) -> bool:
        """SHUTDOWN ABORT; False: there was none to abort."""
        if not self.deadline_ms and not self.signalled:
            return False
        self._forget()
        self.log.notice("Shutdown manually aborted.")
        return True

    def cron(self) -> None:
        if self.deadline_ms:
            if self.core.now_ms() >= self.deadline_ms or not self.lagging():
                self._finish()
        elif self.signalled and not self.done:
            self.request([word for word in self.config[self.signalled] if word != "default"])

    # ---- doing

    def _forget(self) -> None:
        if self.deadline_ms:
            self.core.unpause()
        self.deadline_ms = 0
        self.signalled = ""

    def _finish(self) -> bool:
        force = "force" in self._words
        if self.snapshot.in_progress:
            self.log.warning("There is a child saving an .rdb. Killing it!")
            self.snapshot.cancel(wait=True)
        if not all(step(force) for step in self.before) or not self._save(force):
            self.log.warning("Errors trying to shut down the server. Check the logs for more information.")
            self._forget()
            return False
        self.done = True
        self.deadline_ms = 0
        self.core.end_scripts()
        self.core.pause(FOREVER, False)
        self._stop()
        return True

    def _save(self, force: bool) -> bool:
        """The last snapshot, if there is to be one; False: it failed, and that counts."""
        wanted = "save" in self._words or (self.config["save"] and "nosave" not in self._words)
        if not wanted:
            return True
        self.log.notice("Saving the final RDB snapshot before exiting.")
        self._notify("STATUS=Saving the final RDB snapshot\n")
        try:
            self.snapshot.save(self.tick)
        except self._save_failed:
            if force:
                self.log.warning("Error trying to save the DB. Exit anyway.")
                return True
            self.log.warning("Error trying to save the DB, can't exit.")
            self._notify("STATUS=Error trying to save the DB, can't exit.\n")
            return False
        return True
