"""monitoring_control: SLOWLOG, COMMANDLOG and LATENCY. What they show is gathered by the core (pyredis.latency)."""

from collections.abc import Sequence
from typing import Any

import _pyredis.observe as observe

from pyredis import latency
from pyredis.reply import OK, ReplyError, Simple, Verbatim

from .help import help_reply

KINDS: dict[bytes, int] = {b"slow": observe.SLOW, b"large-request": observe.LARGE_REQUEST,
                           b"large-reply": observe.LARGE_REPLY}
DEFAULT_COUNT = 10
MOST = (1 << 63) - 1


def _count(word: bytes) -> int:
    """How many entries; -1: all."""
    digits = word.removeprefix(b"-")
    if len(word) > 20 or not digits.isdigit() or str(int(word)).encode() != word or not -1 <= int(word) <= MOST:
        raise ReplyError("ERR count should be greater than or equal to -1")
    return int(word)


def _kind(word: bytes) -> int:
    try:
        return KINDS[word.lower()]
    except KeyError:
        raise ReplyError("ERR type should be one of the following: slow, large-request, large-reply") from None


def _help(server: Any, name: str) -> list[Simple]:
    entry = server.table.find(name)
    assert entry is not None
    return help_reply(entry)


# ---- SLOWLOG

def slowlog_get(server: Any, client: Any, argv: Sequence[bytes]) -> list[Any]:
    """SLOWLOG GET [count]"""
    if len(argv) > 3:
        word = argv[1].decode("utf-8", "surrogateescape")
        raise ReplyError(f"ERR unknown subcommand or wrong number of arguments for '{word}'. Try SLOWLOG HELP.")
    return list(observe.log_entries(server.core, observe.SLOW, _count(argv[2]) if len(argv) > 2 else DEFAULT_COUNT))


def slowlog_len(server: Any, client: Any, argv: Sequence[bytes]) -> int:
    """SLOWLOG LEN"""
    return int(observe.log_length(server.core, observe.SLOW))


def slowlog_reset(server: Any, client: Any, argv: Sequence[bytes]) -> Simple:
    """SLOWLOG RESET"""
    observe.log_reset(server.core, observe.SLOW)
    return OK


def slowlog_help(server: Any, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """SLOWLOG HELP"""
    return _help(server, "slowlog")


# ---- COMMANDLOG (Valkey)

def commandlog_get(server: Any, client: Any, argv: Sequence[bytes]) -> list[Any]:
    """COMMANDLOG GET count SLOW | LARGE-REQUEST | LARGE-REPLY"""
    kind = _kind(argv[3])
    return list(observe.log_entries(server.core, kind, _count(argv[2])))


def commandlog_len(server: Any, client: Any, argv: Sequence[bytes]) -> int:
    """COMMANDLOG LEN SLOW | LARGE-REQUEST | LARGE-REPLY"""
    return int(observe.log_length(server.core, _kind(argv[2])))


def commandlog_reset(server: Any, client: Any, argv: Sequence[bytes]) -> Simple:
    """COMMANDLOG RESET SLOW | LARGE-REQUEST | LARGE-REPLY"""
    observe.log_reset(server.core, _kind(argv[2]))
    return OK


def commandlog_help(server: Any, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """COMMANDLOG HELP"""
    return _help(server, "commandlog")


# ---- LATENCY

def latency_latest(server: Any, client: Any, argv: Sequence[bytes]) -> list[Any]:
    """LATENCY LATEST -> [[event, Unix time and ms of its last sample, worst ms], ...]"""
    return [[event.name, *event.samples[-1], event.worst] for event in latency.events(server.core)]


def latency_history(server: Any, client: Any, argv: Sequence[bytes]) -> list[Any]:
    """LATENCY HISTORY event -> [[Unix time, ms], ...]; empty for an event that never was"""
    event = latency.find(server.core, argv[2])
    return [] if event is None else [list(sample) for sample in event.samples]


def latency_graph(server: Any, client: Any, argv: Sequence[bytes]) -> Verbatim:
    """LATENCY GRAPH event"""
    event = latency.find(server.core, argv[2])
    if event is None:
        raise ReplyError(f"ERR No samples available for event '{argv[2].decode('utf-8', 'surrogateescape')}'")
    return Verbatim(latency.graph(event))


def latency_doctor(server: Any, client: Any, argv: Sequence[bytes]) -> Verbatim:
    """LATENCY DOCTOR"""
    return Verbatim(latency.doctor(latency.events(server.core), server.config["latency-monitor-threshold"],
                                   server.config["slowlog-log-slower-than"]))


def latency_reset(server: Any, client: Any, argv: Sequence[bytes]) -> int:
    """LATENCY RESET [event ...] -> how many were forgotten"""
    return int(observe.latency_reset(server.core, list(argv[2:])))


def latency_histogram(server: Any, client: Any, argv: Sequence[bytes]) -> dict[bytes, Any]:
    """LATENCY HISTOGRAM [command ...]; a container's name stands for its subcommands"""
    entries = list(server.table.entries())
    if len(argv) > 2:
        chosen = []
        for word in argv[2:]:
            name = word.decode("utf-8", "replace").lower()
            chosen += [entry for entry in entries if entry.name == name or entry.name.startswith(name + "|")]
        entries = chosen
    found = {entry.name.encode(): latency.histogram(server.core, entry.index) for entry in entries}
    return {name: steps for name, steps in found.items() if steps is not None}


def latency_help(server: Any, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """LATENCY HELP"""
    return _help(server, "latency")
