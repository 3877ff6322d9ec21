"""debug_control: the DEBUG command, a table of subcommands.

DEBUG is for tests, and only where enable-debug-command allows it. Each subcommand is a function of the
server, the client and its own arguments; SUBCOMMANDS says how many it takes and what it does. What other
servers have and pyredis has not yet answers an error that says so, and not a false OK.
"""

import errno
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import _pyredis.crash as crash
import _pyredis.settings as settings
from _pyredis.disk import FAULTS, fault
from _pyredis.inspect import (
    digest,
    key_info,
    packed_elements,
    populate,
    quick_nodes,
    saved_length,
    tables,
    value_digest,
    value_table,
)
from _pyredis.limits import classes

from pyredis.config_types import memory
from pyredis.glob import glob_match
from pyredis.reply import OK, Raw, ReplyError, Simple, Verbatim

DENIED = ('ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run '
          "it from a local connection, otherwise you need to set this option in the configuration file, and "
          "then restart the server.")

LONGEST_MATCHED = 1_000_000
LISTPACK_FRAME = 7                    # bytes of a listpack beside its elements'
SHOWN = 128                           # bytes of an element that DEBUG LISTPACK prints
ANY_NUMBER = 1 << 20                  # of arguments
LARGEST_THRESHOLD = (1 << 32) - (1 << 20)


class Subcommand(NamedTuple):
    run: Callable[[Any, Any, list[bytes]], object]
    least: int                        # arguments after the subcommand's own word
    most: int
    syntax: str
    summary: str


def debug(server: Any, client: Any, argv: list[bytes]) -> object:
    """DEBUG <subcommand> [argument ...]"""
    if not server.config.allows("enable-debug-command", client.is_local):
        raise ReplyError(DENIED)
    word = argv[1].decode("utf-8", "surrogateescape")
    if word.lower() in ABSENT:
        raise ReplyError(f"ERR DEBUG {word.upper()} is not supported by pyredis yet")
    found = SUBCOMMANDS.get(word.lower())
    if found is None or not found.least <= len(argv) - 2 <= found.most:
        raise _unknown(word)
    return found.run(server, client, argv[2:])


def _unknown(word: str) -> ReplyError:
    return ReplyError("ERR unknown subcommand or wrong number of arguments for "
                      f"'{word[:128]}'. Try DEBUG HELP.")


def _integer(word: bytes, least: int = -(1 << 63),
             text: str = "value is not an integer or out of range") -> int:
    try:
        number = int(word)
    except ValueError:
        raise ReplyError(f"ERR {text}") from None
    if not least <= number < 1 << 63:
        raise ReplyError(f"ERR {text}")
    return number


def _switch(word: bytes) -> bool:
    # Redis reads these with atoi: what is no number is 0.
    return word.strip().lstrip(b"+-").isdigit() and int(word) != 0


# ---- time and the clockwork

def _sleep(server: Any, client: Any, args: list[bytes]) -> Simple:
    try:
        seconds = float(args[0])
    except ValueError:
        seconds = 0.0                 # Redis: strtod, which makes 0 of a word
    time.sleep(max(0.0, seconds))
    return OK


def _set_active_expire(server: Any, client: Any, args: list[bytes]) -> Simple:
    server.core.set_active_expire(_switch(args[0]), server.config["active-expire-effort"])
    return OK


def _packed_threshold(server: Any, client: Any, args: list[bytes]) -> Simple:
    size = memory(args[0].decode("utf-8", "replace") or "0")
    if size is None or not 0 <= size <= LARGEST_THRESHOLD:
        raise ReplyError("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
    settings.set_list_packed_threshold(server.core, size)
    return OK


def _config_rewrite_force_all(server: Any, client: Any, args: list[bytes]) -> Simple:
    try:
        server.config.rewrite(everything=True)
    except OSError as error:
        raise ReplyError(f"ERR CONFIG-REWRITE-FORCE-ALL failed: {error.strerror}") from None
    return OK


def _pause_cron(server: Any, client: Any, args: list[bytes]) -> Simple:
    server.cron_paused = _switch(args[0])
    return OK


def _nothing(server: Any, client: Any, args: list[bytes]) -> Simple:
    """For switches of machinery that pyredis does not need: it behaves as asked either way."""
    return OK


def _reply_buffer(server: Any, client: Any, args: list[bytes]) -> Simple:
    if args[0].lower() not in (b"peak-reset-time", b"resizing"):
        raise _unknown("REPLYBUFFER")
    return OK


def _client_eviction(server: Any, client: Any, args: list[bytes]) -> Verbatim:
    if not server.config["maxmemory-clients"]:
        raise ReplyError("ERR maxmemory-clients is disabled.")
    return Verbatim("".join(f"bucket {least:>10} - {2 * least - 1:>10}: tot-mem: {total:>10}, clients: {count}\n"
                            for least, count, total in classes(server.core)))


# ---- the disk

def _disk_fault(server: Any, client: Any, args: list[bytes]) -> Simple:
    """Our own: calls on data files that fail on purpose, here and in children that are forked from now on."""
    operation = args[0].decode("utf-8", "replace").lower()
    if operation not in FAULTS:
        raise ReplyError(f"ERR operation must be one of {', '.join(FAULTS)}")
    after = _integer(args[1])
    name = args[2].decode("utf-8", "replace").upper() if len(args) > 2 else "EIO"
    number = 0 if name == "SHORT" else getattr(errno, name, None)
    if number is None or (len(args) > 3 and args[3].lower() != b"lasting"):
        raise ReplyError("ERR syntax error")
    fault(server.core, operation, after, number, len(args) > 3)
    return OK


# ---- log, errors and identity

def _log(server: Any, client: Any, args: list[bytes]) -> Simple:
    server.log.warning("DEBUG LOG: " + args[0].decode("utf-8", "surrogateescape"))
    return OK


def _error(server: Any, client: Any, args: list[bytes]) -> object:
    text = args[0].decode("utf-8", "surrogateescape")
    raise ReplyError(text.replace("\r", " ").replace("\n", " "))


def _change_replication_id(server: Any, client: Any, args: list[bytes]) -> Simple:
    server.replication_id = os.urandom(20).hex()
    server.log.notice("Changing replication IDs after receiving change-repl-id")
    return OK


# ---- keys and tables

def _found(server: Any, client: Any, key: bytes) -> dict[str, Any]:
    found: dict[str, Any] | None = key_info(server.core, client.db, key, expired=True)
    if found is None:
        raise ReplyError("ERR no such key")
    return found


def _object(server: Any, client: Any, args: list[bytes]) -> Simple:
    found = _found(server, client, args[0])
    size = saved_length(server.core, client.db, args[0])
    return Simple(f"Value at:{found['address']:#x} refcount:1 encoding:{found['encoding']} "
                  f"serializedlength:{size} lru:{found['access']} "
                  f"lru_seconds_idle:{found['idle_ms'] // 1000}{_quick_figures(server, client, args[0])}")


def _quick_figures(server: Any, client: Any, key: bytes) -> str:
    """What DEBUG OBJECT adds for a quicklist."""
    quick = quick_nodes(server.core, client.db, key)
    if quick is None:
        return ""
    fill, depth, nodes = quick
    elements = sum(node[1] for node in nodes)
    size = sum(raw + (0 if kind == "plain" else LISTPACK_FRAME) for kind, _, _, _, raw in nodes)
    return (f" ql_nodes:{len(nodes)} ql_avg_node:{elements / len(nodes):.2f} ql_listpack_max:{fill} "
            f"ql_compressed:{int(depth != 0)} ql_uncompressed_size:{size}")


def _listpack(server: Any, client: Any, args: list[bytes]) -> Simple:
    _found(server, client, args[0])
    elements = packed_elements(server.core, client.db, args[0])
    if elements is None:
        raise ReplyError("ERR Not a listpack encoded object.")
    print(f"listpack of {args[0]!r}: {len(elements)} elements")
    for offset, size, element in elements:
        print(f"  at {offset}, {size} bytes: {element[:SHOWN]!r}")
    return Simple("Listpack structure printed on stdout")


def _quicklist(server: Any, client: Any, args: list[bytes]) -> Simple:
    _found(server, client, args[0])
    quick = quick_nodes(server.core, client.db, args[0])
    if quick is None:
        raise ReplyError("ERR Not a quicklist encoded object.")
    fill, depth, nodes = quick
    print(f"quicklist of {args[0]!r}: {len(nodes)} nodes, fill {fill}, compress depth {depth}")
    for i, (kind, count, used, room, raw) in enumerate(nodes):
        print(f"  node {i}: {kind}, {count} elements, {used} of {room} bytes, {raw} uncompressed")
    return Simple("Quicklist structure printed on stdout")


def _digest(server: Any, client: Any, args: list[bytes]) -> Simple:
    return Simple(digest(server.core).hex())


def _digest_value(server: Any, client: Any, args: list[bytes]) -> list[Simple]:
    return [Simple(value_digest(server.core, client.db, key).hex()) for key in args]


def _sds_length(server: Any, client: Any, args: list[bytes]) -> Simple:
    found = _found(server, client, args[0])
    if found["type"] != "string" or found["encoding"] == "int":
        raise ReplyError("ERR Not an sds encoded string.")
    key, value = len(args[0]), found["length"]
    return Simple(f"key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, "
                  f"val_sds_len:{value}, val_sds_avail:0, val_zmalloc: {found['memory']}")


def _table_text(table: dict[str, int]) -> str:
    if not table["entries"]:
        return "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n"
    return (f"Hash table 0 stats (main hash table):\n table size: {table['slots']}\n"
            f" number of elements: {table['entries']}\n buckets: {table['buckets']}\n"
            f" overflow buckets: {table['overflow']}\n bytes: {table['bytes']}\n")


def _table_stats(server: Any, client: Any, args: list[bytes]) -> Verbatim:
    try:
        keys, expires = tables(server.core, _integer(args[0]))
    except (IndexError, OverflowError):
        raise ReplyError("ERR Out of range database") from None
    return Verbatim(f"[Dictionary HT]\n{_table_text(keys)}[Expires HT]\n{_table_text(expires)}")


def _table_stats_key(server: Any, client: Any, args: list[bytes]) -> Verbatim:
    _found(server, client, args[0])
    table = value_table(server.core, client.db, args[0])
    if table is None:
        raise ReplyError("ERR The value stored at the specified key is not represented using an hash table")
    return Verbatim(_table_text(table))


def _populate(server: Any, client: Any, args: list[bytes]) -> Simple:
    positive = "value is out of range, must be positive"
    count = _integer(args[0], 0, positive)
    prefix = args[1] if len(args) > 1 else b"key"
    size = _integer(args[2], 0, positive) if len(args) > 2 else 0
    populate(server.core, client.db, prefix, count, size)
    return OK


def _flush_sleep(server: Any, client: Any, args: list[bytes]) -> Simple:
    server.append_only.set_sleep(_integer(args[0], 0))
    return OK


def _reload(server: Any, client: Any, args: list[bytes]) -> Simple:
    options = {word.lower().decode("utf-8", "replace") for word in args}
    if not options <= {"merge", "noflush", "nosave"}:
        raise ReplyError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
    if "nosave" not in options:
        try:
            server.snapshot.save()
        except server.save_failed:
            raise ReplyError("ERR") from None
    if not server.startup.reload_rdb(options):
        raise ReplyError("ERR Error trying to load the RDB dump, check server logs.")
    server.log.warning("DB reloaded by DEBUG RELOAD")
    return OK


def _skip_sums(server: Any, client: Any, args: list[bytes]) -> Simple:
    server.loading.skip_sums = _switch(args[0])
    settings.set_skip_sums(server.core, server.loading.skip_sums)
    return OK


def _load_append_only(server: Any, client: Any, args: list[bytes]) -> Simple:
    if not server.startup.reload_append_only():
        raise ReplyError("ERR Error trying to load the AOF files, check server logs.")
    server.snapshot.forget_changes()
    server.log.warning("Append Only File loaded by DEBUG LOADAOF")
    return OK


def _string_match_length(server: Any, client: Any, arguments: list[bytes]) -> object:
    # Of older servers; tests use it to see that a pattern takes bounded time.
    length = _integer(arguments[0], 0)
    return int(glob_match(arguments[1], b"A" * min(length, LONGEST_MATCHED)))


def _struct_size(server: Any, client: Any, args: list[bytes]) -> str:
    return "bits:64 entry:8 expiry:8 bucket:64 slab:65536"


# ---- the protocol

PROTOCOL_REPLIES: dict[str, object] = {
    "string": b"Hello World", "integer": 12345, "double": 3.141, "null": None, "array": [0, 1, 2],
    "set": {0, 1, 2}, "map": {0: False, 1: True, 2: False}, "bignum": 1234567999999999999999999999999999999,
    "true": True, "false": False, "verbatim": Verbatim("This is a verbatim\nstring")}
ATTRIBUTE = b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"
PUSH = b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"


def _protocol(server: Any, client: Any, args: list[bytes]) -> object:
    kind = args[0].decode("utf-8", "replace").lower()
    if kind in PROTOCOL_REPLIES:
        return PROTOCOL_REPLIES[kind]
    if kind == "attrib":
        attribute = ATTRIBUTE if client.proto > 2 else b""
        return Raw(attribute + _bulk(b"Some real reply following the attribute"))
    if kind == "push":
        if client.proto < 3:
            raise ReplyError("ERR RESP2 is not supported by this command")
        return Raw(_bulk(b"Some real reply following the push reply") + PUSH)
    raise ReplyError("ERR Wrong protocol type name. Please use one of the following: "
                     "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)


# ---- ways to die

def _segfault(server: Any, client: Any, args: list[bytes]) -> None:
    server.log.warning("DEBUG SEGFAULT: ending by SIGSEGV, as asked")
    crash.fault()


def _abort(server: Any, reason: str) -> None:
    """Ends the process as a broken invariant does, with the reason in the log."""
    server.log.warning(reason)
    if server.config["use-exit-on-panic"] and not server.config["crash-log-enabled"]:
        os._exit(1)                       # with a report, whoever writes that ends so
    crash.fail()


def _assert(server: Any, client: Any, args: list[bytes]) -> None:
    _abort(server, "=== ASSERTION FAILED === asked for by DEBUG ASSERT")


def _panic(server: Any, client: Any, args: list[bytes]) -> None:
    _abort(server, "Panic, asked for by DEBUG PANIC")


def _out_of_memory(server: Any, client: Any, args: list[bytes]) -> None:
    _abort(server, "Out of memory, as DEBUG OOM pretends")


def _allow_all_in_scripts(server: Any, client: Any, args: list[bytes]) -> object:
    settings.allow_all_in_scripts(server.core, args[0] == b"1")
    return OK


def _help(server: Any, client: Any, args: list[bytes]) -> list[Simple]:
    lines = ["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for row in SUBCOMMANDS.values():
        lines += [row.syntax, f"    {row.summary}"]
    return [Simple(line) for line in lines]


ROWS = (
    Subcommand(_flush_sleep, 1, 1, "AOF-FLUSH-SLEEP <microseconds>",
               "Sleep before each write to the append-only file."),
    Subcommand(_assert, 0, 0, "ASSERT", "End the server as a failed assertion does."),
    Subcommand(_change_replication_id, 0, 0, "CHANGE-REPL-ID", "Take a new replication id."),
    Subcommand(_nothing, 1, 1, "CLIENT-ENFORCE-REPLY-LIST <0|1>", "Accepted; replies always are in a list."),
    Subcommand(_config_rewrite_force_all, 0, 0, "CONFIG-REWRITE-FORCE-ALL",
               "Like CONFIG REWRITE, with every parameter, even those at their default."),
    Subcommand(_client_eviction, 0, 0, "CLIENT-EVICTION",
               "The connections that maxmemory-clients may end, by how much they take."),
    Subcommand(_nothing, 1, 1, "DICT-RESIZING <0|1>", "Accepted; the tables have no resizing that stalls."),
    Subcommand(_digest, 0, 0, "DIGEST", "One number for all data, the same for the same data."),
    Subcommand(_digest_value, 0, ANY_NUMBER, "DIGEST-VALUE <key> [<key> ...]", "The same for the values of keys."),
    Subcommand(_disk_fault, 2, 4, "DISK-FAULT <operation> <after> [<errno> [LASTING]]",
               "Let calls on data files fail: open, read, write, sync, rename, truncate or unlink, after so many good "
               "ones (-1: none any more), with ENOSPC, EIO ... or SHORT, a write of a half; once, or from then on."),
    Subcommand(_error, 1, 1, "ERROR <string>", "Answer an error with this text."),
    Subcommand(_table_stats, 1, 2, "HTSTATS <dbid> [full]", "Figures of a database's tables."),
    Subcommand(_table_stats_key, 1, 2, "HTSTATS-KEY <key> [full]", "The same for a table that is a value."),
    Subcommand(_listpack, 1, 1, "LISTPACK <key>", "Print the elements of a listpack to the standard output."),
    Subcommand(_load_append_only, 0, 0, "LOADAOF", "Write the append-only file, and load all data from it."),
    Subcommand(_log, 1, 1, "LOG <message>", "Write this to the log."),
    Subcommand(_object, 1, 1, "OBJECT <key>", "Where and how a value is stored."),
    Subcommand(_out_of_memory, 0, 0, "OOM", "End the server as exhausted memory does."),
    Subcommand(_panic, 0, 0, "PANIC", "End the server as a broken invariant does."),
    Subcommand(_pause_cron, 1, 1, "PAUSE-CRON <0|1>", "Stop or resume what is done periodically."),
    Subcommand(_populate, 1, 3, "POPULATE <count> [<prefix>] [<size>]",
               "Make string keys <prefix>:0, <prefix>:1 and so on, without telling replicas."),
    Subcommand(_protocol, 1, 1, "PROTOCOL <type>", "A sample reply: string, integer, double, bignum, null, "
               "array, set, map, attrib, push, verbatim, true, false."),
    Subcommand(_reply_buffer, 2, 2, "REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>",
               "Accepted; reply buffers follow their content at once."),
    Subcommand(_sds_length, 1, 1, "SDSLEN <key>", "Lengths of a key and its string."),
    Subcommand(_segfault, 0, 0, "SEGFAULT", "End the server by SIGSEGV."),
    Subcommand(_quicklist, 1, 2, "QUICKLIST <key> [<0|1>]", "Print the nodes of a quicklist to the standard output."),
    Subcommand(_packed_threshold, 1, 1, "QUICKLIST-PACKED-THRESHOLD <size>",
               "Give list elements from this size on a node of their own; 0: only those too large for a node."),
    Subcommand(_reload, 0, 3, "RELOAD [option ...]", "Save the RDB file and load it: MERGE, NOFLUSH, NOSAVE."),
    Subcommand(_skip_sums, 1, 1, "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
               "With 1 sums of RDB files and of payloads are not checked."),
    Subcommand(_set_active_expire, 1, 1, "SET-ACTIVE-EXPIRE <0|1>",
               "Remove expired keys in the background or not."),
    Subcommand(_allow_all_in_scripts, 1, 1, "SET-DISABLE-DENY-SCRIPTS <0|1>",
               "With 1 scripts may call commands that no script may."),
    Subcommand(_sleep, 1, 1, "SLEEP <seconds>", "Do nothing at all for so long."),
    Subcommand(_string_match_length, 2, 2, "STRINGMATCH-LEN <length> <pattern>",
               "Match a glob against so many letters A: 1 or 0."),
    Subcommand(_struct_size, 0, 0, "STRUCTSIZE", "Bytes of the core's structures."),
    Subcommand(_help, 0, 0, "HELP", "Print this help."),
)
SUBCOMMANDS = {row.syntax.split()[0].lower(): row for row in ROWS}

# Of Redis 8 and Valkey 9; each becomes a row when what it is about is there.
ABSENT = frozenset((
    "clusterlink", "crash-and-recover",
    "drop-cluster-packet-filter", "internal_secret", "leak",
    "mallctl", "mallctl-str", "mark-internal-client",
    "repl-pause", "replicate", "restart", "script", "stringmatch-test"))
