"""host: is the machine set as a server needs it?

Each check gives the advice to log, or "" where all is well or cannot be known: not on Linux, or /proc is hidden. The
server logs them at its start, `pyredis-server --check-system` prints them all. Paths are arguments for the tests.
"""

import os
import resource
from collections.abc import Callable

from pyredis.process import RESERVED_FILES, THP_STATE

OVERCOMMIT = "/proc/sys/vm/overcommit_memory"
SOMAXCONN = "/proc/sys/net/core/somaxconn"
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
SLOW_CLOCKS = {"acpi_pm", "hpet", "jiffies", "pit", "refined-jiffies", "xen"}      # each look is a system call


def _word(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, UnicodeError):
        return ""


def clock(path: str = CLOCK) -> str:
    name = _word(path)
    if name not in SLOW_CLOCKS:
        return ""
    return (f"WARNING The clock source '{name}' is slow: each look at the clock is a system call. Where the machine "
            f"has 'tsc' or its hypervisor's own, write that into {CLOCK}.")


def overcommit(path: str = OVERCOMMIT) -> str:
    if _word(path) in ("", "1"):
        return ""
    return ("WARNING Memory overcommit must be enabled! A child that saves shares the server's memory, but the kernel "
            "may refuse to fork because the copy could need as much again. Run 'sysctl vm.overcommit_memory=1', and "
            "put 'vm.overcommit_memory = 1' into /etc/sysctl.conf to keep it.")


def huge_pages(path: str = THP_STATE) -> str:
    if "[always]" not in _word(path):
        return ""
    return ("WARNING Transparent huge pages are given to every process. While a child saves, a write to one byte then "
            f"copies 2 MB: slow, and dear in memory. Run 'echo madvise > {THP_STATE}' as root, at every start of the "
            "machine, and restart the server.")


def backlog(wanted: int, path: str = SOMAXCONN) -> str:
    word = _word(path)
    if not word.isdigit() or int(word) >= wanted:
        return ""
    return (f"WARNING: The TCP backlog setting of {wanted} cannot be enforced because {SOMAXCONN} is set to the lower "
            f"value of {word}.")


def open_files(clients: int) -> str:
    hard, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[1], clients + RESERVED_FILES
    if hard == resource.RLIM_INFINITY or hard >= needed or os.geteuid() == 0:       # root may raise it
        return ""
    return (f"WARNING: {clients} clients need {needed} open files, and the hard limit is {hard}. Raise LimitNOFILE of "
            "the systemd unit, or 'ulimit -n'.")


def report(tcp_backlog: int, maxclients: int) -> tuple[str, bool]:
    """(what --check-system prints, is all well?)."""
    checks: dict[str, Callable[[], str]] = {
        "slow-clocksource": clock, "overcommit": overcommit, "THP": huge_pages,
        "tcp-backlog": lambda: backlog(tcp_backlog), "open-files": lambda: open_files(maxclients)}
    found = {name: check() for name, check in checks.items()}
    lines = [f"[{name}]...{'WARNING:' if advice else 'OK'}\n" + (f"{advice.split(' ', 1)[1]}\n" if advice else "")
             for name, advice in found.items()]
    return "".join(lines), not any(found.values())
