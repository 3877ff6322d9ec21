"""children: the one process at a time that is forked to read the data as it stands, and what it reports.

A child is forked by the core (`_pyredis.saving`), writes a file and ends. Its reports come through a pipe, which the
loop watches; the pipe's end is the child's end, so nothing polls for it. Whoever asked for the child is called back
once with an Outcome: only then is the file surely whole.

While a child lives the server leaves alone what need not be written, the access times of keys: each page that the
parent writes has to be copied first. The tables help by themselves: they grow by a bucket at a time, in place, so a
child costs no rehashing of everything, and nothing has to be held back for it.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import _pyredis.figures as figures
import _pyredis.saving as saving

from pyredis import latency

MEGABYTE = 1 << 20


class Report(NamedTuple):
    """What a child tells: the fields of _pyredis.saving.REPORT. Bytes, except the first and the last four."""

    keys: int = 0
    cow: int = 0
    cow_peak: int = 0
    cow_sum: int = 0
    cow_count: int = 0
    stage: int = 0
    error: int = 0
    ended: int = 0


class Outcome(NamedTuple):
    """How a child ended. `signal` is 0 if none ended it, SIGUSR1 if it was told to go; `stage` says where it failed
    itself ("open", "write", "sync" ...) and `error` with which errno."""

    ok: bool
    signal: int
    code: int
    report: Report
    stage: str
    error: int


OnEnd = Callable[[Outcome], None]


class Loop(Protocol):
    def watch(self, fd: int, callback: Callable[[], None]) -> None: ...
    def unwatch(self, fd: int) -> None: ...


class Log(Protocol):
    role: str

    def notice(self, message: str) -> None: ...


class Children:
    """At most one child. `kind` says whose it is: "rdb", "aof"; "" when there is none."""

    def __init__(self, core: Any, loop: Loop, log: Log) -> None:
        self.core, self.loop, self.log = core, loop, log
        self.kind = ""
        self.pid = 0
        self.report = Report()
        self.reported = 0.0               # monotonic; of the last report that measured
        self.began = 0.0
        self.keys_total = 0
        self.forks = 0
        self.fork_microseconds = 0        # of the last one
        self._pipe = -1
        self._rest = b""
        self._on_end: OnEnd = lambda outcome: None
        self.on_begin: Callable[[int], None] = lambda pid: None     # told of the id of each

    @property
    def active(self) -> bool:
        return bool(self.kind)

    def fork(self, kind: str, path: str, form: str, aux: Sequence[tuple[bytes, bytes]], options: dict[str, Any],
             on_end: OnEnd, name: str = "") -> int:
        """A child that writes all data to `path`, in which saving.PID stands for its id -> that id. OSError.

        `form`, `aux`, `options` and `name` are those of _pyredis.saving.
        """
        began = time.monotonic()
        pid, pipe = saving.fork_save(self.core, path, form, list(aux), options, name)
        self.fork_microseconds = int((time.monotonic() - began) * 1_000_000)
        latency.add(self.core, "fork", self.fork_microseconds / 1000)
        self.begin(kind, pid, pipe, on_end)
        return int(pid)

    def begin(self, kind: str, pid: int, pipe: int, on_end: OnEnd) -> None:
        """A child that has been forked: its reports come from `pipe`, which is closed here at its end."""
        assert not self.kind
        self.kind, self.pid, self._pipe, self._on_end = kind, pid, pipe, on_end
        self.report, self._rest, self.began = Report(), b"", time.monotonic()
        self.reported = 0.0
        self.keys_total = sum(row[1] for row in figures.databases(self.core))
        self.forks += 1
        self.on_begin(pid)
        saving.set_sharing(self.core, True)
        self.loop.watch(pipe, self._readable)

    def kill(self) -> None:
        """Tells the child to go, if there is one. Its end comes later, as every other's, with SIGUSR1."""
        if self.kind:
            os.kill(self.pid, signal.SIGUSR1)

    def wait(self) -> None:
        """Until the child has ended and its owner knows."""
        while self.kind:
            os.set_blocking(self._pipe, True)
            self._readable()

    # ---- reports

    def _readable(self) -> None:
        try:
            data = os.read(self._pipe, 4096)
        except BlockingIOError:
            return
        if not data:
            self._reap()
            return
        self._rest += data
        size = saving.REPORT.size
        while len(self._rest) >= size:
            self.report = Report(*saving.REPORT.unpack_from(self._rest))
            self._rest = self._rest[size:]
            self.reported = time.monotonic()

    def _reap(self) -> None:
        self.loop.unwatch(self._pipe)
        os.close(self._pipe)
        status = os.waitpid(self.pid, 0)[1]
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        if code == saving.KILLED and not number:
            number, code = int(signal.SIGUSR1), 1
        report, on_end = self.report, self._on_end
        self.kind, self.pid, self._pipe = "", 0, -1
        saving.set_sharing(self.core, False)
        on_end(Outcome(not number and not code and bool(report.ended), number, code, report,
                       saving.STAGES.get(report.stage, ""), report.error))

    def log_copied(self, what: str, report: Report) -> None:
        """The log's line about what copy-on-write cost; `what` is RDB, or AOF rewrite."""
        average = report.cow_sum // report.cow_count if report.cow_count else 0
        self.log.notice(f"Fork CoW for {what}: current {report.cow // MEGABYTE} MB, "
                        f"peak {report.cow_peak // MEGABYTE} MB, average {average // MEGABYTE} MB")

    # ---- what INFO shows

    @property
    def percent(self) -> float:
        """Of the keys, how many are written."""
        return 100.0 * self.report.keys / self.keys_total if self.kind and self.keys_total else 0.0

    @property
    def report_age(self) -> int:
        """Seconds since the last report; 0 if there was none."""
        return int(time.monotonic() - self.reported) if self.kind and self.reported else 0

    @property
    def current(self) -> Report:
        """Of the child that runs; zeros if none does."""
        return self.report if self.kind else Report()
