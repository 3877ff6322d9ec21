"""log: the server's log, to a file or to stdout, and to syslog as well.

    <pid>:<role> <dd Mon yyyy hh:mm:ss.mmm> <level> <message>

`role` is M master, S replica, C child, X sentinel; `level` is . debug, - verbose, * notice, # warning. As in
Valkey, log-format may be logfmt or json and log-timestamp-format iso8601 or milliseconds.

The file is opened for every line, so that whoever rotates logs need tell nobody; a line costs some 20 µs and
is rare. Parameters are read from the Config at each line and so can be changed at any time. Nothing here
raises: a log that cannot be written must not take the server down.
"""

import json
import os
import syslog
import time
from collections.abc import Callable
from typing import Any

from pyredis.config_types import to_bytes

DEBUG, VERBOSE, NOTICE, WARNING = range(4)
LEVELS = ("debug", "verbose", "notice", "warning", "nothing")
MARKS = ".-*#"
PRIORITIES = (syslog.LOG_DEBUG, syslog.LOG_INFO, syslog.LOG_NOTICE, syslog.LOG_WARNING)
ROLES = {"M": "primary", "S": "replica", "C": "child", "X": "sentinel"}
REDACTED = "*redacted*"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def timestamp(now: float, form: str) -> str:
    """The time of day in one of the forms of log-timestamp-format, local; milliseconds are since 1970."""
    # Milliseconds are cut, not rounded: 0.9996 s belongs to its own second.
    seconds, milliseconds = divmod(int(now * 1000), 1000)
    if form == "milliseconds":
        return str(seconds * 1000 + milliseconds)
    local = time.localtime(seconds)
    if form == "iso8601":
        zone = time.strftime("%z", local)
        return time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{milliseconds:03d}{zone[:3]}:{zone[3:]}"
    # Not %b: the log does not follow the locale.
    return (f"{local.tm_mday:02d} {MONTHS[local.tm_mon - 1]} {local.tm_year} "
            f"{local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}.{milliseconds:03d}")


class Log:
    """Where messages go. `config` is anything with the parameters by name; `role` is set by who knows it."""

    def __init__(self, config: Any, now: Callable[[], float] = time.time) -> None:
        self.config = config
        self.role = "C"                    # until the server has started, as in Redis
        self._now = now
        self._syslog: tuple[str, str] | None = None

    def debug(self, message: str) -> None:
        self.write(DEBUG, message)

    def verbose(self, message: str) -> None:
        self.write(VERBOSE, message)

    def notice(self, message: str) -> None:
        self.write(NOTICE, message)

    def warning(self, message: str) -> None:
        self.write(WARNING, message)

    def enabled(self, level: int) -> bool:
        """Would a message of this level be written? For messages that are dear to make."""
        return level >= LEVELS.index(self.config["loglevel"])

    def user_data(self, text: str) -> str:
        """Data of users for a message, or what stands for it under hide-user-data-from-log."""
        return REDACTED if self.config["hide-user-data-from-log"] else text

    def write(self, level: int, message: str) -> None:
        if self.enabled(level):
            self._put(self._line(level, message) + "\n")
            if self.config["syslog-enabled"]:
                self._tell_syslog(PRIORITIES[level], message)

    def raw(self, text: str, level: int = NOTICE) -> None:
        """Text as it is, with no prefix: the logo, a report of several lines."""
        if self.enabled(level):
            self._put(text)

    def _line(self, level: int, message: str) -> str:
        pid = os.getpid()                  # asked each time: children log too
        when = timestamp(self._now(), self.config["log-timestamp-format"])
        form = self.config["log-format"]
        if form == "legacy":
            return f"{pid}:{self.role} {when} {MARKS[level]} {message}"
        fields = {"pid": pid, "role": ROLES[self.role], "timestamp": when, "level": LEVELS[level],
                  "message": message}
        if form == "json":
            return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        for name in ("timestamp", "message"):
            fields[name] = json.dumps(fields[name], ensure_ascii=False)
        return " ".join(f"{name}={value}" for name, value in fields.items())

    def _put(self, text: str) -> None:
        path = self.config["logfile"]
        fd = 1
        try:
            if path:
                fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            data = to_bytes(text)
            while data:                    # a pipe may take a part only
                data = data[os.write(fd, data):]
        except OSError:
            pass
        finally:
            if fd != 1:
                os.close(fd)

    def _tell_syslog(self, priority: int, message: str) -> None:
        name = self.config["syslog-ident"], self.config["syslog-facility"]
        if name != self._syslog:
            facility = getattr(syslog, "LOG_" + name[1].upper())
            syslog.openlog(name[0], syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT, facility)
            self._syslog = name
        syslog.syslog(priority, message.replace("\0", "\\0").encode("utf-8", "replace").decode())


def logo(version: str, mode: str, port: int) -> str:
    """What always-show-logo shows. Test runners look for the `PID:` in it."""
    return f"""
        ____
       / __ \\__  __        pyredis {version}, 64 bit
      / /_/ / / / /        Running in {mode} mode
     / ____/ /_/ /         Port: {port}
    /_/    \\__, /          PID: {os.getpid()}
          /____/redis

"""
