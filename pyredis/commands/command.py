"""COMMAND: the server describes its own commands.

Handlers of the control plane: `command_info(server, client, argv)` gets the full argv, name and subcommand
included, and answers a value in the terms of pyredis/reply.py. Arity and unknown subcommands were checked by
dispatch. All of it is read from `server.table`.
"""

from collections.abc import Sequence
from typing import Protocol

from ..glob import glob_match
from ..reply import ReplyError
from .help import help_reply
from .spec import NO_CATEGORIES, NO_MANDATORY_KEYS, Category, access_words
from .table import CommandTable, access_reply, docs_reply, fold, info_reply

Argv = Sequence[bytes]
Keys = list[tuple[int, int]]        # the position of each, and what happens to it: access bits


class FindsKeys(Protocol):
    def find_keys(self, index: int, argv: list[bytes]) -> Keys | None: ...


class HasTable(Protocol):
    """All that these handlers need of the server."""

    @property
    def table(self) -> CommandTable: ...

    @property
    def core(self) -> FindsKeys: ...


def command(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND -> the properties of every command."""
    return [info_reply(entry) for entry in server.table]


def command_count(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND COUNT -> how many commands there are, subcommands not counted."""
    return len(server.table)


def command_info(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND INFO [name ...] -> the properties of each, null where there is no such command."""
    if len(argv) == 2:
        return command(server, client, argv)
    entries = [server.table.called(name) for name in argv[2:]]
    return [info_reply(entry) if entry else None for entry in entries]


def command_docs(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND DOCS [name ...] -> name: documentation; unknown names are left out."""
    if len(argv) == 2:
        return {entry.name: docs_reply(entry) for entry in server.table}
    entries = [server.table.called(name) for name in argv[2:]]
    return {entry.name: docs_reply(entry) for entry in entries if entry}


def command_list(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND LIST [FILTERBY <MODULE name | ACLCAT category | PATTERN glob>] -> names, of subcommands too.

    An unknown module or category is no error: nothing is in it.
    """
    entries = server.table.callable_entries()
    if len(argv) == 2:
        return [entry.name for entry in entries]
    if len(argv) != 5 or argv[2].upper() != b"FILTERBY":
        raise ReplyError("ERR syntax error")
    kind, value = argv[3].upper(), argv[4]
    if kind == b"MODULE":
        return []
    if kind == b"ACLCAT":
        category = Category.__members__.get(fold(value).upper(), NO_CATEGORIES)
        return [entry.name for entry in entries if entry.categories & category]
    if kind == b"PATTERN":
        return [entry.name for entry in entries if glob_match(value, entry.name.encode(), nocase=True)]
    raise ReplyError("ERR syntax error")


def command_getkeys(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND GETKEYS full-command -> its keys."""
    full = argv[2:]
    return [full[position] for position, _ in _keys_of(server, full)]


def command_getkeysandflags(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND GETKEYSANDFLAGS full-command -> its keys, each with the set of what happens to it."""
    full = argv[2:]
    return [[full[position], access_reply(access_words(access))] for position, access in _keys_of(server, full)]


def command_help(server: HasTable, client: object, argv: Argv) -> object:
    """COMMAND HELP -> lines about each subcommand."""
    entry = server.table.find("command")
    assert entry is not None
    return help_reply(entry)


def _keys_of(server: HasTable, full: Argv) -> Keys:
    entry = server.table.find_argv(full)
    if entry is None:
        raise ReplyError("ERR Invalid command specified")
    if all(spec.has("not_key") for spec in entry.spec.keys):
        raise ReplyError("ERR The command has no key arguments")
    arity = entry.spec.arity
    if len(full) < abs(arity) or (arity > 0 and len(full) != arity):
        raise ReplyError("ERR Invalid number of arguments specified for command")
    keys = server.core.find_keys(entry.index, list(full))
    if keys is None:
        if entry.flags & NO_MANDATORY_KEYS:
            return []
        raise ReplyError("ERR Invalid arguments specified for command")
    return keys


