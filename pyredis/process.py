"""process: what the server asks of the operating system about itself.

Going into the background, the pid file, telling a supervisor, the title in ps, the limit of open files, the
out-of-memory score, huge pages. Everything takes what it needs as arguments and touches only this process;
what a system does not have (prctl, /proc) is left out without an error, as in Redis.
"""

import ctypes
import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from pyredis.config import ConfigError
from pyredis.log import Log

DEFAULT_PIDFILE = "/var/run/pyredis.pid"
RESERVED_FILES = 32               # for listening, the log, persistence: not for clients
PR_SET_NAME, PR_SET_THP_DISABLE = 15, 41
THP_STATE = "/sys/kernel/mm/transparent_hugepage/enabled"
OOM_FILE = "/proc/self/oom_score_adj"
MASTER, REPLICA, CHILD = range(3)  # indexes into oom-score-adj-values


def daemonize() -> None:
    """Go on in a child without a terminal; the parent ends here. Before any thread or file of the server."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


def write_pidfile(path: str, log: Log) -> bool:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    except OSError as error:
        log.notice(f"Failed to write PID file: {error.strerror}")
        return False
    return True


def remove_pidfile(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


# ---- supervisors

VARIABLES = {"upstart": "UPSTART_JOB", "systemd": "NOTIFY_SOCKET"}     # what each sets for its children


def supervisor(asked: str, environ: MutableMapping[str, str], log: Log) -> str:
    """The supervisor to talk to: "systemd", "upstart" or "". `asked` is the parameter `supervised`.

    upstart is told at once, by stopping: it waits for that and lets the process go on.
    """
    kind = asked
    if asked == "auto":
        found = [kind for kind, name in VARIABLES.items() if environ.get(name)]
        kind = found[0] if found else "no"
    if kind == "upstart":
        if not environ.get("UPSTART_JOB"):
            log.warning("upstart supervision requested, but UPSTART_JOB not found!")
            return ""
        log.notice("supervised by upstart, will stop to signal readiness.")
        del environ["UPSTART_JOB"]
        os.kill(os.getpid(), signal.SIGSTOP)
        return "upstart"
    if kind == "systemd":
        if not environ.get("NOTIFY_SOCKET"):
            log.warning("systemd supervision requested, but NOTIFY_SOCKET not found!")
            return ""
        log.notice("Supervised by systemd. Please set TimeoutStartSec and TimeoutStopSec of the unit "
                   "so that loading and saving fit in.")
        return "systemd"
    return ""


def notify(state: str, environ: Mapping[str, str]) -> bool:
    """Send systemd lines such as "READY=1" or "STATUS=...". Was it sent? The protocol is one datagram."""
    path = environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return False
    # @ stands for the zero byte of a name that is not in the file system.
    address = "\0" + path[1:] if path[0] == "@" else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(state.encode(), address)
    except OSError:
        return False
    return True


# ---- the title in ps


def title(config: Any, name: str = "pyredis-server") -> str:
    """proc-title-template with its variables put in."""
    addresses = [address.lstrip("-") for address in config["bind"]]
    listen = config["unixsocket"]
    if config["port"] or config["tls-port"]:
        listen = f"{addresses[0] if addresses else '*'}:{config['port'] or config['tls-port']}"
    values = {"title": name, "listen-addr": listen,
              "port": str(config["port"]), "tls-port": str(config["tls-port"]),
              "unixsocket": config["unixsocket"], "config-file": config.path,
              "server-mode": "[cluster]" if config["cluster-enabled"] else ""}
    text = str(config["proc-title-template"])
    for variable, value in values.items():
        text = text.replace("{%s}" % variable, value)
    return text.rstrip()


def set_title(text: str) -> bool:
    """Show this title in ps. Done by setproctitle where it is installed; else in the memory of the arguments,
    which holds as much as the command line was long."""
    try:
        import setproctitle  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return _overwrite_arguments(text.encode())
    setproctitle.setproctitle(text)
    return True


def _overwrite_arguments(data: bytes) -> bool:
    """Linux shows the bytes between arg_start and arg_end (fields 48 and 49 of stat) as the command line."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()      # begins with field 3
        start, end = int(fields[45]), int(fields[46])
    except (OSError, IndexError, ValueError):
        return False
    if not 0 < start < end:
        return False
    room = end - start
    # The last byte stays 0: otherwise the kernel goes on into the environment.
    ctypes.memmove(start, data[: room - 1].ljust(room, b"\0"), room)
    _prctl(PR_SET_NAME, data.split(b" ")[0][:15])
    return True


def _prctl(option: int, argument: int | bytes) -> int:
    try:
        function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return -1
    return function(option, argument, 0, 0, 0)


# ---- memory


def disable_huge_pages() -> bool:
    """Keep the kernel from giving this process huge pages where it gives them to all. Nothing to do is True.

    After a fork, a write to one byte of such a page copies 2 MB.
    """
    try:
        with open(THP_STATE, encoding="ascii") as file:
            if "[always]" not in file.read():
                return True
    except OSError:
        return True
    return _prctl(PR_SET_THP_DISABLE, 1) == 0


class OomScore:
    """oom_score_adj of this process, by role. Remembers what it was before the first: scores are relative to it."""

    def __init__(self, path: str = OOM_FILE, log: Log | None = None) -> None:
        self.path = path
        self.log = log
        self.base = 0
        self.applied = False

    def apply_to_child(self, pid: int, mode: str, values: Sequence[int]) -> None:
        """That of a child, which has inherited ours. If it cannot be changed, that is told and no error."""
        if mode != "no":
            self._write(f"/proc/{pid}/oom_score_adj", values[CHILD] + (0 if mode == "absolute" else self.base))

    def apply(self, mode: str, values: Sequence[int], role: int) -> None:
        """Set it for MASTER, REPLICA or CHILD; mode "no" puts back what was. ConfigError if it cannot."""
        if mode == "no" and not self.applied:
            return
        if not self.applied:            # somebody else may have changed it since it was ours
            self.base = self._read()
        value = self.base
        if mode != "no":
            value = values[role] + (0 if mode == "absolute" else self.base)
        if not self._write(self.path, value):
            raise ConfigError("Failed to set current oom_score_adj. Check server logs.")
        self.applied = mode != "no"

    def _read(self) -> int:
        """As Redis, 0 if it cannot be read: then it cannot be written, either."""
        try:
            with open(self.path, encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0

    def _write(self, path: str, value: int) -> bool:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(fd, b"%d" % min(max(value, -1000), 1000))
            finally:
                os.close(fd)
        except OSError as error:
            if self.log is not None:
                self.log.warning(f"Unable to write oom_score_adj: {error.strerror}")
            return False
        return True


# ---- open files


class TooFewFiles(Exception):
    """The limit of open files leaves no room for a single client; the text is for the log."""


def raise_file_limit(wanted: int) -> int:
    """Ask for this many open files; as many as the system gives, never fewer than before. The limit now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    attempts = [(wanted, max(hard, wanted) if hard != resource.RLIM_INFINITY else hard)]
    if hard != resource.RLIM_INFINITY and soft < hard < wanted:
        attempts.append((hard, hard))
    for limits in attempts:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return limits[0]
        except (ValueError, OSError):
            continue
    return soft


def adjust_open_files(maxclients: int, log: Log) -> int:
    """Make room for the clients and the server's own files -> maxclients, smaller if there is less room.
    TooFewFiles if there is none."""
    needed = maxclients + RESERVED_FILES
    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limit = raise_file_limit(needed)
    if limit >= needed:
        if before != resource.RLIM_INFINITY and before < needed:
            log.notice(
                f"Increased maximum number of open files to {needed} (it was originally set to {before}).")
        return maxclients
    if limit <= RESERVED_FILES:
        raise TooFewFiles(f"Your current 'ulimit -n' of {limit} is not enough for the server to start. "
                          f"Please increase your open file limit to at least {needed}. Exiting.")
    log.warning(f"You requested maxclients of {maxclients} requiring at least {needed} max file descriptors.")
    log.warning(f"Server can't set maximum open files to {needed} because of OS error: "
                f"{os.strerror(errno.EPERM)}.")
    room = limit - RESERVED_FILES
    log.warning(f"Current maximum open files is {limit}. maxclients has been reduced to {room} "
                "to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.")
    return room


def check_maxclients(maxclients: int) -> None:
    """For CONFIG SET maxclients: ConfigError if the system will not open that many files."""
    limit = raise_file_limit(maxclients + RESERVED_FILES)
    if limit < maxclients + RESERVED_FILES:
        raise ConfigError("The operating system is not able to handle the specified number of clients, "
                          f"try with {limit - RESERVED_FILES}")
