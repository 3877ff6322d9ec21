"""acl_control: the ACL command.

Who the users are is in pyredis.acl, what their rules mean in pyredis.users; here are the arguments and the words of
the protocol.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Protocol

from _pyredis.access import find_command

from pyredis import clients, users
from pyredis.config import Config
from pyredis.log import Log
from pyredis.reply import OK, ReplyError, SetOf, Simple

from .help import help_reply
from .spec import Category
from .table import CommandTable, fold

MOST_BITS = 4096
LOG_SHOWN = 10
NO_FILE = ("ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL "
           "SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in "
           "order to store users in the Redis configuration.")
BAD_BITS = ("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to "
            f"{MOST_BITS}")


class Acl(Protocol):
    users: dict[bytes, users.User]
    refusals: list[Any]

    def names(self) -> list[bytes]: ...
    def lines(self) -> list[bytes]: ...
    def set_user(self, name: bytes, rules: Sequence[bytes]) -> None: ...
    def remove_user(self, name: bytes) -> bool: ...
    def refusal(self, name: bytes, index: int, argv: list[bytes], db: int) -> bytes | None: ...
    def load(self) -> None: ...
    def save(self) -> None: ...


class Server(Protocol):
    """What these commands need of the server."""

    acl: Acl
    config: Config
    core: Any
    log: Log
    table: CommandTable


Argv = Sequence[bytes]


# ---------------------------------------------------------------- users

def acl_setuser(server: Server, client: Any, argv: Argv) -> Simple:
    """ACL SETUSER username [rule ...]"""
    if users.has_blanks(argv[2]):
        raise ReplyError("ERR Usernames can't contain spaces or null characters")
    try:
        server.acl.set_user(argv[2], argv[3:])
    except users.Unmatched as wrong:
        raise ReplyError("ERR Unmatched parenthesis in acl selector starting at "
                         f"'{users.text(wrong.start)}'.") from None
    except users.WrongRule as wrong:
        raise ReplyError(f"ERR Error in ACL SETUSER modifier '{users.text(wrong.rule)}': {wrong.reason}") from None
    return OK


def acl_deluser(server: Server, client: Any, argv: Argv) -> int:
    """ACL DELUSER username [username ...] -> how many there were"""
    if users.DEFAULT in argv[2:]:
        raise ReplyError("ERR The 'default' user cannot be removed")
    return sum(server.acl.remove_user(name) for name in argv[2:])


def acl_getuser(server: Server, client: Any, argv: Argv) -> dict[str, object] | None:
    """ACL GETUSER username -> a map; null: there is no such user"""
    user = server.acl.users.get(argv[2])
    if user is None:
        return None
    own, *others = user.selectors
    return {"flags": SetOf(user.flag_words()),
            "passwords": list(user.passwords), **_selector(own), "selectors": [_selector(other) for other in others]}


def _selector(selector: users.Selector) -> dict[str, object]:
    found: dict[str, object] = {"commands": selector.command_words(), "keys": b" ".join(selector.key_words()),
                                "channels": b" ".join(selector.channel_words())}
    if selector.databases is not None:
        found["databases"] = b" ".join(selector.database_words())
    return found


def acl_list(server: Server, client: Any, argv: Argv) -> list[bytes]:
    """ACL LIST -> a line for each user"""
    return server.acl.lines()


def acl_users(server: Server, client: Any, argv: Argv) -> list[bytes]:
    """ACL USERS -> names"""
    return server.acl.names()


def acl_whoami(server: Server, client: Any, argv: Argv) -> bytes | None:
    """ACL WHOAMI -> the name of this connection's user"""
    name: bytes | None = client.user
    return name


def acl_genpass(server: Server, client: Any, argv: Argv) -> str:
    """ACL GENPASS [bits] -> as many random bits, in hexadecimal"""
    if len(argv) > 3:
        raise _wrong_form(argv)
    bits = clients.parse_integer(argv[2], "value") if len(argv) == 3 else 256
    if not 0 < bits <= MOST_BITS:
        raise ReplyError(BAD_BITS)
    digits = (bits + 3) // 4
    return secrets.token_hex((digits + 1) // 2)[:digits]


def _wrong_form(argv: Argv) -> ReplyError:
    return ReplyError("ERR unknown subcommand or wrong number of arguments for "
                      f"'{clients.as_text(argv[1])}'. Try ACL HELP.")


# ---------------------------------------------------------------- what may be done

def acl_cat(server: Server, client: Any, argv: Argv) -> list[str]:
    """ACL CAT [category] -> the categories, or the commands of one"""
    if len(argv) > 3:
        raise _wrong_form(argv)
    if len(argv) == 2:
        return [str(category.name).lower() for category in Category]
    category = Category.__members__.get(fold(argv[2]).upper())
    if category is None:
        raise ReplyError(f"ERR Unknown category '{clients.as_text(argv[2][:128])}'")
    return [entry.name for entry in server.table.entries() if entry.categories & category]


def acl_dryrun(server: Server, client: Any, argv: Argv) -> Simple | bytes:
    """ACL DRYRUN username command [arg ...] -> OK, or why not"""
    name, words = argv[2], list(argv[3:])
    if name not in server.acl.users:
        raise ReplyError(f"ERR User '{users.text(name)}' not found")
    index = find_command(server.core, words)
    if index is None:
        raise ReplyError(f"ERR Command '{users.text(words[0])}' not found")
    found = server.table.find(server.core.command_name(index))
    assert found is not None
    if not _fits(found.spec.arity, len(words)):
        raise ReplyError(f"ERR wrong number of arguments for '{found.name}' command")
    return server.acl.refusal(name, index, words, client.db) or OK


def _fits(arity: int, count: int) -> bool:
    return count == arity or (arity < 0 and count >= -arity)


# ---------------------------------------------------------------- what was refused

def acl_log(server: Server, client: Any, argv: Argv) -> Simple | list[dict[str, object]]:
    """ACL LOG [count | RESET] -> refusals, latest first"""
    if len(argv) > 3:
        raise _wrong_form(argv)
    if len(argv) == 3 and argv[2].lower() == b"reset":
        server.acl.refusals.clear()
        return OK
    shown = max(clients.parse_integer(argv[2], "value"), 0) if len(argv) == 3 else LOG_SHOWN
    now = server.core.now_ms()
    return [{"count": entry.count, "reason": entry.reason, "context": entry.context, "object": entry.object,
             "username": entry.username, "age-seconds": (now - entry.updated) / 1000, "client-info": entry.client,
             "entry-id": entry.id, "timestamp-created": entry.created, "timestamp-last-updated": entry.updated}
            for entry in server.acl.refusals[:shown]]


# ---------------------------------------------------------------- the file

def acl_load(server: Server, client: Any, argv: Argv) -> Simple:
    """ACL LOAD"""
    if not server.config["aclfile"]:
        raise ReplyError(NO_FILE)
    try:
        server.acl.load()
    except users.FileError as error:
        raise ReplyError(f"ERR {error}") from None
    return OK


def acl_save(server: Server, client: Any, argv: Argv) -> Simple:
    """ACL SAVE"""
    if not server.config["aclfile"]:
        raise ReplyError(NO_FILE)
    try:
        server.acl.save()
    except OSError as error:
        server.log.warning(f"Saving the users into '{server.config['aclfile']}' failed: {error.strerror}")
        raise ReplyError("ERR There was an error trying to save the ACLs. Please check the server logs for more "
                         "information") from None
    return OK


def acl_help(server: Server, client: Any, argv: Argv) -> list[Simple]:
    """ACL HELP"""
    entry = server.table.find("acl")
    assert entry is not None
    return help_reply(entry)
