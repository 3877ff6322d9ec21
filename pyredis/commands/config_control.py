"""config_control: the CONFIG command.

CONFIG GET, SET, REWRITE, RESETSTAT and HELP as functions (server, client, argv), for the server to bind. The
work is in pyredis.config; here are the arguments and the words of the protocol.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from pyredis.config import Config
from pyredis.config_types import to_bytes
from pyredis.log import Log
from pyredis.reply import OK, ReplyError, Simple

LOADING = "LOADING Redis is loading the dataset in memory"
NOT_WHILE_LOADING = (b"dir", b"repl-diskless-load")       # what is being read depends on them


class Loading(Protocol):
    active: bool


class Server(Protocol):
    """What CONFIG needs of the server."""

    config: Config
    log: Log
    loading: Loading

    def reset_stats(self) -> None: ...


HELP = [
    Simple("CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"),
    Simple("GET <pattern> [<pattern> ...]"),
    Simple("    The parameters whose names match a glob, with their values."),
    Simple("SET <directive> <value> [<directive> <value> ...]"),
    Simple("    Change parameters: all of them, or none if one cannot be changed."),
    Simple("RESETSTAT"),
    Simple("    Set the counters that INFO shows back to zero."),
    Simple("REWRITE"),
    Simple("    Write the values that are in use into the configuration file."),
    Simple("HELP"),
    Simple("    Print this help."),
]


def config_get(server: Server, client: Any, argv: Sequence[bytes]) -> dict[bytes, bytes]:
    """CONFIG GET pattern [pattern ...] -> a map of names to values."""
    return {to_bytes(name): to_bytes(value) for name, value in server.config.get_matching(argv[2:]).items()}


def config_set(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CONFIG SET name value [name value ...]"""
    if len(argv) % 2:
        raise ReplyError("ERR syntax error")
    if server.loading.active and any(name.lower() in NOT_WHILE_LOADING for name in argv[2::2]):
        raise ReplyError(LOADING)
    server.config.set_many(list(zip(argv[2::2], argv[3::2], strict=True)), local=client.is_local)
    return OK


def config_rewrite(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CONFIG REWRITE"""
    try:
        server.config.rewrite()
    except OSError as error:
        server.log.warning(f"CONFIG REWRITE failed: {error.strerror}")
        raise ReplyError(f"ERR Rewriting config file: {error.strerror}") from None
    server.log.notice("CONFIG REWRITE executed with success.")
    return OK


def config_resetstat(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CONFIG RESETSTAT"""
    server.reset_stats()
    return OK


def config_help(server: Server, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """CONFIG HELP"""
    return list(HELP)
