"""clients: connections as CLIENT LIST shows them, and the filters that choose among them.

    id=7 addr=127.0.0.1:50122 laddr=127.0.0.1:6379 fd=9 name=bob age=3 idle=0 flags=N db=0 sub=0 ...

A line has the fields of Redis 8.0 in its order, then those that only Valkey has. The input and output figures
are told in Redis's terms, though the buffers are not built like Redis's: the first output block is its fixed
reply buffer (`rbs`, `obl`), what is beyond that its list of blocks (`oll`, `omem`).

Filters are those of CLIENT KILL and CLIENT LIST in Valkey 9, which has all that Redis 8 has; where Redis
knows a filter, its error texts count. All filters must hold; of the same filter given twice the last counts.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from _pyredis import core

from pyredis.log import REDACTED
from pyredis.reply import ReplyError

BLOCK = 16384                       # an output block of the core
SHOWN_INPUT = 64                    # bytes
FLAG_SUBSCRIBED = 1 << 40           # no flag in the core: it has subscriptions
TYPES = {b"normal": "normal", b"slave": "replica", b"replica": "replica", b"master": "master",
         b"primary": "master", b"pubsub": "pubsub"}
FLAG_LETTERS = (
    (core.FLAG_MONITOR, "O"), (FLAG_SUBSCRIBED, "P"), (core.FLAG_MULTI, "x"), (core.FLAG_BLOCKED, "b"),
    (core.FLAG_TRACKING, "t"), (core.FLAG_DIRTY_CAS, "d"), (core.FLAG_CLOSING, "c"), (core.FLAG_CLOSING_NOW, "A"),
    (core.FLAG_UNIX, "U"), (core.FLAG_NO_EVICT, "e"), (core.FLAG_NO_TOUCH, "T"), (core.FLAG_IMPORT_SOURCE, "I"))
FILTER_FLAGS = frozenset("bcdeirtuxABEIMNOPRSTU")
SYNTAX = "ERR syntax error"
BAD_ID = "ERR Invalid client ID"


class Client(Protocol):
    """A connection, as the core lends it."""

    id: int
    fd: int
    name: bytes
    user: bytes | None              # None: nobody's, who may do everything
    lib_name: bytes
    lib_version: bytes
    address: bytes
    local_address: bytes
    is_local: bool
    db: int
    proto: int
    flags: int
    subscriptions: tuple[int, int, int]
    tracking: Any                   # redirect, options, prefixes; None: it does not track

    def info(self) -> dict[str, Any]: ...


# ---------------------------------------------------------------- describing

def flag_letters(client: Client) -> str:
    """`N`, or a letter for each thing that is special about the connection."""
    flags = client.flags | (FLAG_SUBSCRIBED if any(client.subscriptions) else 0)
    letters = "".join(letter for flag, letter in FLAG_LETTERS if flags & flag) or "N"
    if client.tracking is not None:
        broken = "R" if client.tracking.options & core.TRACK_BROKEN else ""
        letters = letters.replace("t", "t" + broken + ("B" if client.tracking.options & core.TRACK_BCAST else ""))
    return letters


def client_type(client: Client) -> str:
    return "pubsub" if any(client.subscriptions) else "normal"


def user_name(client: Client) -> str:
    return "(superuser)" if client.user is None else as_text(client.user)


def capabilities(client: Client) -> str:
    return "r" if client.flags & core.FLAG_CAPA_REDIRECT else ""


def describe(client: Client, hide: bool = False) -> str:
    """The line of CLIENT LIST, without its newline. `hide`: names that users gave are not shown."""
    info = client.info()
    first = min(info["out_memory"], BLOCK)
    beyond = max(0, info["out_waiting"] - first)
    channels, patterns, shard_channels = client.subscriptions

    def user_data(text: str) -> str:
        return REDACTED if hide and text else text

    fields = {
        "id": client.id, "addr": as_text(client.address), "laddr": as_text(client.local_address),
        "fd": client.fd, "name": user_data(as_text(client.name)), "age": info["age_ms"] // 1000,
        "idle": info["idle_ms"] // 1000, "flags": flag_letters(client), "db": client.db,
        "sub": channels, "psub": patterns, "ssub": shard_channels, "multi": info["queued"], "watch": info["watched"],
        "qbuf": info["in_pending"], "qbuf-free": info["in_free"],
        "argv-mem": info["argv_memory"], "multi-mem": info["queue_memory"],
        "rbs": first, "rbp": first, "obl": min(info["out_pending"], first), "oll": -(-beyond // BLOCK),
        "omem": beyond, "tot-mem": info["memory"], "events": "rw" if info["wants_write"] else "r",
        "cmd": info["last_command"] or "NULL", "user": user_data(user_name(client)),
        "redir": -1 if client.tracking is None else client.tracking.redirect, "resp": client.proto,
        "lib-name": user_data(as_text(client.lib_name)), "lib-ver": user_data(as_text(client.lib_version)),
        "io-thread": 0, "tot-net-in": info["bytes_in"], "tot-net-out": info["bytes_out"], "tot-cmds": info["commands"],
        "capa": capabilities(client),
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())


def shown_input(client: Any) -> str:
    """The beginning of what it has sent and what did not run: for the log."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in client.input(SHOWN_INPUT))


def describe_all(clients: Iterable[Client]) -> str:
    """A line for each, each with its newline."""
    return "".join(describe(client) + "\n" for client in clients)


def as_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


# ---------------------------------------------------------------- names

def is_printable(value: bytes) -> bool:
    """What names may be made of: visible ASCII, so that a line can be cut at its blanks."""
    return all(33 <= byte <= 126 for byte in value)


def check_name(value: bytes) -> None:
    if not is_printable(value):
        raise ReplyError("ERR Client names cannot contain spaces, newlines or special characters.")


# ---------------------------------------------------------------- choosing

Test = Callable[[Client], bool]


class Choice(NamedTuple):
    """Which connections were asked for. `skip_me` is None where the command did not say."""

    tests: list[Test]
    skip_me: bool | None

    def among(self, clients: Iterable[Client]) -> list[Client]:
        return [client for client in clients if all(test(client) for test in self.tests)]


def parse_integer(value: bytes, name: str) -> int:
    """A 64-bit number as Redis reads it: no blanks, no plus sign, no leading zeros."""
    try:
        number = int(value)
    except ValueError:
        number = None
    if number is None or str(number).encode() != value or not -(1 << 63) <= number < 1 << 63:
        raise ReplyError(f"ERR {name} is not an integer or out of range")
    return number


def _positive(value: bytes, name: str) -> int:
    number = parse_integer(value, name)
    if number < 1:
        raise ReplyError(f"ERR {name} should be greater than 0")
    return number


def _by_type(value: bytes, databases: int) -> Test:
    kind = TYPES.get(value.lower())
    if kind is None:
        raise ReplyError(f"ERR Unknown client type '{as_text(value)}'")
    return lambda client: client_type(client) == kind


def _by_user(value: bytes, users: Container[bytes]) -> Test:
    if value not in users:
        raise ReplyError(f"ERR No such user '{as_text(value)}'")
    return lambda client: client.user == value


def _by_age(value: bytes, databases: int) -> Test:
    seconds = _positive(value, "maxage")
    return lambda client: bool(client.info()["age_ms"] // 1000 >= seconds)


def _by_idle(value: bytes, databases: int) -> Test:
    seconds = _positive(value, "idle")
    return lambda client: bool(client.info()["idle_ms"] // 1000 >= seconds)


def _by_flags(value: bytes, databases: int) -> Test:
    wanted = value.decode("latin-1")
    if not FILTER_FLAGS.issuperset(wanted):
        raise ReplyError(f"ERR Unknown flags found in the provided filter: {wanted}")
    return lambda client: set(wanted) <= set(flag_letters(client))


def _by_capa(value: bytes, databases: int) -> Test:
    wanted = value.decode("latin-1")
    if set(wanted) - {"r"}:
        raise ReplyError(f"ERR Unknown capa found in the provided filter: {wanted}")
    return lambda client: set(wanted) <= set(capabilities(client))


def _by_db(value: bytes, databases: int) -> Test:
    number = parse_integer(value, "DB")
    if not 0 <= number < databases:
        raise ReplyError(f"ERR DB number should be between 0 and {databases - 1}")
    return lambda client: client.db == number


def _by_ip(value: bytes, databases: int) -> Test:
    return lambda client: client.address.rpartition(b":")[0].strip(b"[]") == value


def _by_ids(ids: set[int]) -> Test:
    return lambda client: client.id in ids


def _by_text(attribute: str) -> Callable[[bytes, int], Test]:
    return lambda value, databases: lambda client: getattr(client, attribute) == value


FILTERS: dict[bytes, Callable[[bytes, int], Test]] = {
    b"TYPE": _by_type, b"ADDR": _by_text("address"), b"LADDR": _by_text("local_address"),
    b"MAXAGE": _by_age, b"IDLE": _by_idle, b"NAME": _by_text("name"), b"LIB-NAME": _by_text("lib_name"),
    b"LIB-VER": _by_text("lib_version"), b"FLAGS": _by_flags, b"CAPA": _by_capa, b"DB": _by_db, b"IP": _by_ip}
NEVER_NEGATED = (b"MAXAGE", b"IDLE")


def parse_choice(words: Sequence[bytes], databases: int, users: Container[bytes],
                 read_id: Callable[[bytes], int]) -> Choice:
    """Filters in their words: `FILTER value`, `NOT-FILTER value`, `[NOT-]ID id [id ...]`, `SKIPME yes|no`.

    `read_id` reads the first id after ID; what follows belongs to it as long as it is a number. ReplyError.
    """
    tests: dict[bytes, Test] = {}
    skip_me: bool | None = None
    unknown = SYNTAX
    at = 0
    while at < len(words):
        option = words[at].upper()
        if at + 1 >= len(words):
            raise ReplyError(unknown)
        value = words[at + 1]
        at += 2
        negated = option.startswith(b"NOT-")
        name = option[4:] if negated else option
        if name == b"ID":
            ids = {_not_id(value) if negated else read_id(value)}
            while at < len(words) and words[at].lstrip(b"-").isdigit():
                ids.add(read_id(words[at]))
                at += 1
            test = _by_ids(ids)
        elif option == b"SKIPME" and value.lower() in (b"yes", b"no"):
            skip_me = value.lower() == b"yes"
            continue
        elif name == b"USER":
            test = _by_user(value, users)
        elif name in FILTERS and not (negated and name in NEVER_NEGATED):
            test = FILTERS[name](value, databases)
        else:
            raise ReplyError(unknown)
        # Redis's CLIENT LIST takes nothing but ids after ID.
        unknown = BAD_ID if option == b"ID" and read_id is list_id else SYNTAX
        tests[option] = _negation(test) if negated else test
    return Choice(list(tests.values()), skip_me)


def _not_id(value: bytes) -> int:
    if not value.lstrip(b"-").isdigit():
        raise ReplyError(SYNTAX)
    return kill_id(value)


def _negation(test: Test) -> Test:
    return lambda client: not test(client)


def kill_id(value: bytes) -> int:
    """An id as CLIENT KILL reads it."""
    try:
        return _positive(value, "client-id")
    except ReplyError:
        raise ReplyError("ERR client-id should be greater than 0") from None


def list_id(value: bytes) -> int:
    """An id as CLIENT LIST reads it: any number."""
    try:
        return parse_integer(value, "client-id")
    except ReplyError:
        raise ReplyError(BAD_ID) from None
