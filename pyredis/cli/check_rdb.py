"""pyredis-check-rdb: is an RDB file whole?

    pyredis-check-rdb FILE

Every byte is read and every value made and checked, as at the start of a server, and let go again. What is found is
printed with its offset, in the words of redis-check-rdb. Exit code 0: a server would load it; 1: it would not.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from pyredis.cli import manual
from pyredis.config import Config

USAGE = "Usage: {} <rdb-file-name>"
TYPES = ("string", "list-linked", "set-hashtable", "zset-v1", "hash-hashtable", "zset-v2", "module-pre-release",
         "module-value", "", "hash-zipmap", "list-ziplist", "set-intset", "zset-ziplist", "hash-ziplist", "quicklist",
         "stream", "hash-listpack", "zset-listpack", "quicklist-v2", "stream-v2", "set-listpack", "stream-v3",
         "hash-hashtable-md-pre-release", "hash-listpack-md-pre-release", "hash-hashtable-md", "hash-listpack-md")


def printable(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def check(core: Any, path: str) -> bool:
    """Reads the file and prints what is found."""
    from _pyredis import loading

    print(f"[offset 0] Checking RDB file {path}")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        print(f"Cannot open file {path}: {error.strerror}")
        return False
    try:
        figures = loading.load(
            core, fd, ("dry", "sum"), size=os.fstat(fd).st_size,
            on_aux=lambda at, name, value: print(f"[offset {at}] AUX FIELD {printable(name)} = '{printable(value)}'"),
            on_database=lambda at, number: print(f"[offset {at}] Selecting DB ID {number}"))
    except (loading.LoadError, OSError) as error:
        report(error)
        return False
    finally:
        os.close(fd)
    if figures["summed"]:
        print(f"[offset {figures['bytes']}] Checksum OK")
    elif figures["version"] >= 5:
        print("RDB file was saved with checksum disabled: no check performed.")
    print(f"[offset {figures['bytes']}] \\o/ RDB looks OK! \\o/")
    print(f"[info] {figures['keys']} keys read")
    print(f"[info] {figures['timed']} expires")
    print(f"[info] {figures['expired']} already expired")
    if figures["functions"]:
        print(f"[info] {figures['functions']} libraries of functions")
    return True


def report(error: Any) -> None:
    """What is wrong, and with which key."""
    print("--- RDB ERROR DETECTED ---")
    if isinstance(error, OSError):
        print(error)
        return
    print(f"[offset {error.offset}] {error.reason}")
    if error.type >= 0:
        name = TYPES[error.type] if error.type < len(TYPES) else ""
        print(f"[additional info] Reading key '{printable(error.key)}'")
        print(f"[additional info] Reading type {error.type} ({name or 'unknown'})")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    program = os.path.basename(sys.argv[0])
    if manual.answer(arguments, program, manual.CHECK_RDB):
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE.format(program), file=sys.stderr)
        return 1
    # Not at the top: how it is used can be told without a core.
    from pyredis.server import Server

    return 0 if check(Server(Config()).core, arguments[0]) else 1
