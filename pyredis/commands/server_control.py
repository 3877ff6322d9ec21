"""server_control: INFO, LOLWUT, ROLE and SHUTDOWN.

What INFO says is in pyredis.info; DEBUG and MEMORY have files of their own.
"""

import math
import random
from collections.abc import Collection
from typing import Any, Protocol

import pyredis
from pyredis.info import info_text
from pyredis.log import Log
from pyredis.reply import NO_REPLY, OK, ReplyError, Verbatim


class Shutdown(Protocol):
    def request(self, words: Collection[str]) -> bool: ...

    def abort(self) -> bool: ...


class Server(Protocol):
    """What these commands need of the server; INFO needs nearly all of it."""

    core: Any
    log: Log
    shutdown: Shutdown


def info(server: Any, client: Any, argv: list[bytes]) -> Verbatim:
    """INFO [section ...]"""
    return Verbatim(info_text(server, [name.decode("utf-8", "replace") for name in argv[1:]]))


def role(server: Server, client: Any, argv: list[bytes]) -> list[object]:
    """ROLE -> ["master", offset, replicas]"""
    return [b"master", 0, []]


# ---- SHUTDOWN

SHUTDOWN_WORDS = {"nosave", "save", "now", "force", "safe", "failover", "abort"}


def shutdown(server: Server, client: Any, argv: list[bytes]) -> object:
    """SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [SAFE] [FAILOVER] [ABORT]

    The connection closes and nothing is answered, or an error is. ABORT stands alone.
    """
    words = {word.decode("utf-8", "replace").lower() for word in argv[1:]}
    if not words <= SHUTDOWN_WORDS or words >= {"save", "nosave"} or ("abort" in words and len(words) > 1):
        raise ReplyError("ERR syntax error")
    if "abort" in words:
        if server.shutdown.abort():
            return OK
        raise ReplyError("ERR No shutdown in progress.")
    if server.core.busy and "nosave" not in words:
        raise ReplyError(server.core.busy)
    if not server.shutdown.request(words):
        raise ReplyError("ERR Errors trying to SHUTDOWN. Check logs.")
    client.kill()
    return NO_REPLY


# ---- LOLWUT

SHADES = " ·:+*#@"
LARGEST = (160, 60)


def lolwut(server: Server, client: Any, argv: list[bytes]) -> Verbatim:
    """LOLWUT [VERSION n] [columns [rows]]: two stones fall into a pond. Other versions: no picture."""
    numbers = [_integer(word) for word in (argv[3:] if _asks_version(argv) else argv[1:])]
    known = not _asks_version(argv) or _integer(argv[2]) in (1, 5, 6, 8)
    picture = ""
    if known:
        sizes = [*numbers, *(60, 20)[len(numbers):]][:2]
        columns, rows = (min(max(size, 1), most) for size, most in zip(sizes, LARGEST, strict=True))
        picture = pond(columns, rows, random.Random()) + "\nTwo stones, one pond. "
    return Verbatim(f"{picture}pyredis ver. {pyredis.__version__}\n")


def pond(columns: int, rows: int, chance: random.Random) -> str:
    """Circular waves from two random places, added; a character is half as wide as it is high."""
    stones = [(chance.random() * columns / 2, chance.random() * rows, 0.8 + chance.random())
              for _ in range(2)]
    lines = []
    for y in range(rows):
        heights = [sum(math.cos(math.hypot(x / 2 - left, y - top) * pace) for left, top, pace in stones)
                   for x in range(columns)]
        lines.append("".join(SHADES[int((height + 2) / 4.001 * len(SHADES))] for height in heights).rstrip())
    return "\n".join(lines) + "\n"


def _asks_version(argv: list[bytes]) -> bool:
    return len(argv) > 2 and argv[1].lower() == b"version"


def _integer(word: bytes) -> int:
    try:
        return int(word)
    except ValueError:
        raise ReplyError("ERR value is not an integer or out of range") from None
