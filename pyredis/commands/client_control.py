"""client_control: AUTH, HELLO and CLIENT.

What a connection is and how filters choose among them is in pyredis.clients; here are the arguments and the
words of the protocol. Who may come in is for pyredis.acl to say.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from _pyredis import core

from pyredis import clients
from pyredis.config import Config
from pyredis.reply import NO_REPLY, OK, Marker, ReplyError, Simple, Verbatim

from .help import help_reply
from .table import CommandTable

WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled."
NO_PASSWORD_SET = ("ERR AUTH <password> called without any password configured for the default user. "
                   "Are you sure your configuration is correct?")
HELLO_NEEDS_AUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the "
    "same time")
FOREVER = (1 << 63) - 1


class Core(Protocol):
    def clients(self) -> list[Any]: ...
    def now_ms(self) -> int: ...
    def pause(self, until_ms: int, writes_only: bool) -> None: ...
    def unpause(self) -> None: ...


class Acl(Protocol):
    users: dict[bytes, Any]
    needs_no_password: bool

    def log_in(self, client: Any, name: bytes, password: bytes, asked_by: bytes, in_multi: bool) -> bool: ...


class Server(Protocol):
    """What these commands need of the server."""

    acl: Acl
    config: Config
    core: Core
    table: CommandTable
    redis_version: str


# ---------------------------------------------------------------- who are you

def auth(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """AUTH [username] password"""
    if len(argv) > 3:
        raise ReplyError(clients.SYNTAX)
    if len(argv) == 2 and server.acl.needs_no_password:
        raise ReplyError(NO_PASSWORD_SET)
    _log_in(server, client, argv[1] if len(argv) == 3 else b"default", argv[-1], argv[0])
    return OK


def _log_in(server: Server, client: Any, user: bytes, password: bytes, asked_by: bytes) -> None:
    if not server.acl.log_in(client, user, password, asked_by, bool(client.flags & core.FLAG_MULTI)):
        raise ReplyError(WRONG_PASSWORD)


def hello(server: Server, client: Any, argv: Sequence[bytes]) -> dict[str, object]:
    """HELLO [protover [AUTH username password] [SETNAME clientname]] -> a map about the server"""
    version: int | None = None
    login: tuple[bytes, bytes] | None = None
    name: bytes | None = None
    if len(argv) > 1:
        version = clients.parse_integer(argv[1], "Protocol version")
        if version not in (2, 3):
            raise ReplyError("NOPROTO unsupported protocol version")
    at = 2
    while at < len(argv):
        option = argv[at].upper()
        if option == b"AUTH" and at + 2 < len(argv):
            login = (argv[at + 1], argv[at + 2])
            at += 3
        elif option == b"SETNAME" and at + 1 < len(argv):
            name = argv[at + 1]
            clients.check_name(name)
            at += 2
        else:
            raise ReplyError(f"ERR Syntax error in HELLO option '{clients.as_text(argv[at])}'")
    if login is not None:
        _log_in(server, client, *login, argv[0])
    if not client.authenticated:
        raise ReplyError(HELLO_NEEDS_AUTH)
    if name is not None:
        client.name = name
    if version is not None:
        client.proto = version
    mode = "cluster" if server.config["cluster-enabled"] else "standalone"
    return {"server": "redis", "version": server.redis_version, "proto": client.proto, "id": client.id,
            "mode": mode, "role": "master", "modules": []}


# ---------------------------------------------------------------- about oneself

def client_id(server: Server, client: Any, argv: Sequence[bytes]) -> int:
    """CLIENT ID"""
    return int(client.id)


def client_info(server: Server, client: Any, argv: Sequence[bytes]) -> Verbatim:
    """CLIENT INFO"""
    return Verbatim(clients.describe(client) + "\n")


def client_getname(server: Server, client: Any, argv: Sequence[bytes]) -> bytes | None:
    """CLIENT GETNAME"""
    return client.name or None


def client_setname(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT SETNAME connection-name; an empty name takes it away"""
    clients.check_name(argv[2])
    client.name = argv[2]
    return OK


def client_setinfo(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>"""
    option = argv[2].lower()
    if option not in (b"lib-name", b"lib-ver"):
        raise ReplyError(f"ERR Unrecognized option '{clients.as_text(argv[2])}'")
    if not clients.is_printable(argv[3]):
        raise ReplyError(f"ERR {clients.as_text(argv[2])} cannot contain spaces, newlines or special "
                         "characters.")
    if option == b"lib-name":
        client.lib_name = argv[3]
    else:
        client.lib_version = argv[3]
    return OK


def client_reply(server: Server, client: Any, argv: Sequence[bytes]) -> Simple | Marker:
    """CLIENT REPLY ON | OFF | SKIP; dispatch drops the replies"""
    mode = argv[2].lower()
    if mode == b"on":
        client.set_flag(core.FLAG_REPLY_OFF | core.FLAG_REPLY_SKIP, False)
        return OK
    if mode == b"off":
        client.set_flag(core.FLAG_REPLY_OFF, True)
    elif mode != b"skip":
        raise ReplyError(clients.SYNTAX)
    elif not client.flags & core.FLAG_REPLY_OFF:
        client.set_flag(core.FLAG_REPLY_SKIP_NEXT, True)
    return NO_REPLY


def client_no_evict(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT NO-EVICT ON | OFF"""
    client.set_flag(core.FLAG_NO_EVICT, _on_off(argv[2]))
    return OK


def client_no_touch(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT NO-TOUCH ON | OFF"""
    client.set_flag(core.FLAG_NO_TOUCH, _on_off(argv[2]))
    return OK


def client_import_source(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT IMPORT-SOURCE ON | OFF (Valkey): sees expired keys while the server imports"""
    if not server.config["import-mode"] and argv[2].lower() != b"off":
        raise ReplyError("ERR Server is not in import mode")
    client.set_flag(core.FLAG_IMPORT_SOURCE, _on_off(argv[2]))
    return OK


def _on_off(word: bytes) -> bool:
    if word.lower() not in (b"on", b"off"):
        raise ReplyError(clients.SYNTAX)
    return word.lower() == b"on"


def client_capa(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT CAPA capability [capability ...] (Valkey); unknown ones are let pass"""
    if any(word.lower() == b"redirect" for word in argv[2:]):
        client.set_flag(core.FLAG_CAPA_REDIRECT, True)
    return OK


def client_help(server: Server, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """CLIENT HELP"""
    entry = server.table.find("client")
    assert entry is not None
    return help_reply(entry)


# ---------------------------------------------------------------- about others

def client_list(server: Server, client: Any, argv: Sequence[bytes]) -> Verbatim:
    """CLIENT LIST [filter value ...]"""
    choice = clients.parse_choice(argv[2:], server.config["databases"], server.acl.users, clients.list_id)
    chosen = choice.among(server.core.clients())
    return Verbatim(clients.describe_all(c for c in chosen if not (choice.skip_me and c.id == client.id)))


def client_kill(server: Server, client: Any, argv: Sequence[bytes]) -> Simple | int:
    """CLIENT KILL ip:port, or CLIENT KILL filter value [filter value ...] -> how many"""
    old_form = len(argv) == 3
    if old_form:
        chosen = [c for c in server.core.clients() if c.address == argv[2]][:1]
        if not chosen:
            raise ReplyError("ERR No such client")
    else:
        choice = clients.parse_choice(argv[2:], server.config["databases"], server.acl.users, clients.kill_id)
        skip_me = choice.skip_me is not False
        chosen = [c for c in choice.among(server.core.clients()) if not (skip_me and c.id == client.id)]
    for victim in chosen:
        # Who kills itself still gets its reply.
        victim.kill(after_reply=victim.id == client.id)
    return OK if old_form else len(chosen)


def client_pause(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT PAUSE milliseconds [WRITE | ALL]"""
    if len(argv) > 4:
        word = argv[1].decode("utf-8", "surrogateescape")
        raise ReplyError(f"ERR unknown subcommand or wrong number of arguments for '{word}'. Try CLIENT HELP.")
    mode = argv[3].lower() if len(argv) > 3 else b"all"
    if mode not in (b"write", b"all"):
        raise ReplyError("ERR CLIENT PAUSE mode must be WRITE or ALL")
    milliseconds = clients.parse_integer(argv[2], "timeout")
    if milliseconds < 0:
        raise ReplyError("ERR timeout is negative")
    until = server.core.now_ms() + milliseconds
    if until > FOREVER:
        raise ReplyError("ERR timeout is out of range")
    server.core.pause(until, mode == b"write")
    return OK


def client_unpause(server: Server, client: Any, argv: Sequence[bytes]) -> Simple:
    """CLIENT UNPAUSE"""
    server.core.unpause()
    return OK


def client_unblock(server: Server, client: Any, argv: Sequence[bytes]) -> int:
    """CLIENT UNBLOCK client-id [TIMEOUT | ERROR] -> 1 if it was blocked"""
    if len(argv) > 3 and argv[3].lower() not in (b"timeout", b"error"):
        raise ReplyError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    wanted = clients.parse_integer(argv[2], "value")
    with_error = len(argv) > 3 and argv[3].lower() == b"error"
    return sum(other.unblock(with_error) for other in server.core.clients() if other.id == wanted)
