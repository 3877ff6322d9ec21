"""What the tests of persistence look at in a running server: its INFO, its log, its child."""

from pathlib import Path
from typing import Any

from bench import peers
from tests.network.line import eventually

DEBUG = ("--enable-debug-command", "yes")
SLOW = ("--rdb-key-save-delay", "20000")       # microseconds a key


def info(server: Any, section: str = "persistence") -> dict[str, str]:
    return peers.info_fields(server.call("INFO", section))


def idle(server: Any) -> dict[str, str]:
    """INFO persistence when no child saves."""
    return eventually(lambda: (found := info(server))["rdb_bgsave_in_progress"] == "0" and found)


def saved(server: Any) -> dict[str, str]:
    """After a BGSAVE and its end."""
    assert server.call("BGSAVE") == "Background saving started"
    return idle(server)


def logged(server: Any, text: str) -> bool:
    return bool(eventually(lambda: text in server.log()))


def child_of(pid: int) -> int:
    """The process that this one forked."""
    def find() -> int:
        for task in Path(f"/proc/{pid}/task").iterdir():
            words = (task / "children").read_text().split()
            if words:
                return int(words[0])
        return 0
    return int(eventually(find))


def slice_of(pid: int) -> int:
    """Nanoseconds that this process keeps a processor at a time, as Linux tells from 6.6 on."""
    for line in Path(f"/proc/{pid}/sched").read_text().splitlines():
        if line.startswith("se.slice "):
            return int(line.partition(":")[2])
    raise LookupError("se.slice")


def temporary_files(server: Any) -> list[str]:
    return [path.name for path in server.folder.glob("temp-*")]


def digest_of(name: str, folder: Path) -> Any:
    """DEBUG DIGEST of a real server that has started with the dump.rdb of this folder."""
    with peers.start(name, "--dir", str(folder), *DEBUG) as other:
        return other.call("DEBUG", "DIGEST")
