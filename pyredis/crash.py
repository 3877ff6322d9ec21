"""crash: has the core write a report into the log when the server dies of a fault, if crash-log-enabled says so, and
where it is when it does nothing else for longer than watchdog-period.

What stands in it and why is told in _pyredis.base.crash. Here are the parameters that it follows, and Python's part:
faulthandler writes the traceback of all threads when it gets a signal that nobody else uses, to a descriptor that the
core turns into the log at that moment. Until then it is the null device, so the signal from elsewhere does nothing.
"""

import faulthandler
import os
import signal
import time
from typing import Any

import _pyredis.crash as crash
from _pyredis.core import Core

FOLLOWED = ("crash-log-enabled", "use-exit-on-panic", "hide-user-data-from-log", "watchdog-period")
TICKS = 2                           # the least that the watchdog waits
TRACEBACK_SIGNAL = getattr(signal, "SIGRTMAX", signal.SIGUSR2)


class CrashReports:
    """`version` is what the server calls itself in a report. Nothing happens before `start`."""

    def __init__(self, config: Any, core: Core, version: str) -> None:
        self.config = config
        self.version = version
        self.reports = crash.Reports(core)
        self.traceback_fd = -1
        self.pidfile = ""

    def start(self, pidfile: str) -> None:
        """Reports from now on, while it is wanted; `pidfile` goes with the server, empty: there is none.
        After going into the background: it is about this process."""
        self.pidfile = pidfile
        self.traceback_fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        faulthandler.register(TRACEBACK_SIGNAL, file=self.traceback_fd, all_threads=True)
        self._follow()
        for name in FOLLOWED:
            self.config.on_change(name, lambda value: self._follow())

    def _follow(self) -> None:
        config = self.config
        self.reports.describe(
            version=self.version.encode(), logfile=os.fsencode(config["logfile"]), pidfile=os.fsencode(self.pidfile),
            hide=config["hide-user-data-from-log"], exit_on_abort=config["use-exit-on-panic"],
            utc_offset=time.localtime().tm_gmtoff, traceback_fd=self.traceback_fd,
            traceback_signal=TRACEBACK_SIGNAL)
        if config["crash-log-enabled"]:
            self.reports.watch()
        else:
            self.reports.forget()
        period = config["watchdog-period"]
        if period:                          # Redis: shorter than two ticks of the clock is as long as these
            config.assign("watchdog-period", max(period, TICKS * 1000 // config["hz"]))
        else:
            self.reports.watchdog(0)
        self.tick()

    def tick(self) -> None:
        """Puts the watchdog off, at each tick of the clock."""
        if self.config["watchdog-period"]:
            self.reports.watchdog(self.config["watchdog-period"])
