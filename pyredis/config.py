"""config: every parameter, once, and the object that holds their values.

PARAMETERS is the whole list: one row a parameter with its type (limits and texts: config_types), its
default as Redis 8.0.6 has it, and flags. `alias` are other names that CONFIG GET and SET know as well.
`todo` says why a parameter can be set and read back but changes nothing yet; docs/configuration.md shows it,
and whoever builds the feature deletes the word from the row. `off` is for those where silence would be a lie
(defragmentation asked for and not there): switching them on is refused with that reason.

A Config holds one value per parameter. The server reads `config["maxmemory"]` or `config.maxmemory`; it
learns of changes by `on_change`, and a hook that raises ConfigError vetoes: CONFIG SET changes all its
parameters or none. What the command line or the file said is text; what is held is typed, so a read costs a
dict lookup.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pyredis import __version__, config_file
from pyredis.config_types import (
    INT_MAX,
    LONG_MAX,
    NOTIFY_CLASSES,
    UINT_MAX,
    ULONG_MAX,
    Address,
    Bind,
    Bool,
    ConfigError,
    Directory,
    Enum,
    FileName,
    Host,
    HostName,
    Integer,
    Locale,
    LogFile,
    Memory,
    MemoryOrPercent,
    NodeName,
    NotifyEvents,
    Octal,
    OomValues,
    OutputLimit,
    OutputLimits,
    Percentiles,
    ReplicaOf,
    Save,
    ShutdownOptions,
    String,
    TitleTemplate,
    Type,
    to_bytes,
    to_text,
)
from pyredis.glob import glob_match
from pyredis.reply import ReplyError
from pyredis.users import Unmatched, User, WrongRule

__all__ = ["NOTIFY_CLASSES", "PARAMETERS", "Config", "ConfigError", "Host", "OutputLimit", "Param",
           "table_markdown"]

# Flags of a row.
FIXED = 1             # only in the file or on the command line
PROTECTED = 2         # CONFIG SET only if enable-protected-configs allows
HIDDEN = 4            # CONFIG GET shows it only by its exact name: for tests
VALKEY = 8            # not in Redis 8.0; from Valkey 9.1
ALWAYS = 16           # CONFIG REWRITE writes it even if it has its default
OWN = 32              # pyredis's own


class Param(NamedTuple):
    name: str
    type: Type
    default: Any
    flags: int = 0
    alias: tuple[str, ...] = ()
    todo: str = ""
    off: str = ""


P = Param
YES_NO, COUNT, LONG, SIZE, TEXT = Bool(), Integer(), Integer(0, LONG_MAX), Memory(), String()
PORT, LOCAL = Integer(0, 65535), Enum("no", "yes", "local")
SHUTDOWN = ShutdownOptions("default", "save", "nosave", "now", "force")

# Why a parameter has no effect yet. One word here is a feature to build.
CLUSTER, REPL = "cluster mode", "replication"
SESSIONS = "the session cache, whose bounds Python's ssl does not set"
LUA = "scripting"
THREADS, CPUS, RDMA, MPTCP = "I/O threads", "binding to processors", "RDMA", "multipath TCP"
MEMTEST = "the test of the memory after a crash"
LAZY = "freeing, which is always in steps when it is much"
CHECKS = "the checks of payloads, which are always made in full"
RDB = "snapshots"
MALLOC, TESTING = "only for jemalloc", "only for tests"
NO_TLS = "Unable to update TLS configuration. Check server logs."
NO_RDMA = "No RDMA building support."

PARAMETERS: tuple[Param, ...] = (
    # network
    P("bind", Bind(), ("*", "-::*")),
    P("bind-source-addr", TEXT, "", todo=REPL),
    P("port", PORT, 6379),
    P("tcp-backlog", COUNT, 511, FIXED),
    P("tcp-keepalive", COUNT, 300),
    P("timeout", COUNT, 0),
    P("unixsocket", TEXT, "", FIXED),
    P("unixsocketperm", Octal(), 0, FIXED),
    P("http-port", PORT, 0, OWN),
    P("unixsocketgroup", TEXT, "", FIXED | VALKEY, todo="the socket's group"),
    P("protected-mode", YES_NO, True),
    P("socket-mark-id", Integer(0, UINT_MAX), 0, FIXED, todo="marks on packets"),
    P("max-new-connections-per-cycle", Integer(1, 1000), 10,
      todo="the listener, which takes up to 1,000 at once"),
    P("max-new-tls-connections-per-cycle", Integer(1, 1000), 1),
    P("mptcp", YES_NO, False, FIXED | VALKEY, todo=MPTCP),
    P("repl-mptcp", YES_NO, False, FIXED | VALKEY, todo=MPTCP),
    P("rdma-bind", TEXT, "", VALKEY, todo=RDMA, off=NO_RDMA),
    P("rdma-completion-vector", Integer(-1, 1024), -1, FIXED | VALKEY, todo=RDMA),
    P("rdma-port", PORT, 0, VALKEY, todo=RDMA, off=NO_RDMA),
    P("rdma-rx-size", Integer(65536, 16 << 20), 1 << 20, FIXED | VALKEY, todo=RDMA),

    # TLS
    P("tls-port", PORT, 0),
    P("tls-cert-file", TEXT, ""),
    P("tls-key-file", TEXT, ""),
    P("tls-key-file-pass", TEXT, ""),
    P("tls-client-cert-file", TEXT, "", todo=REPL),
    P("tls-client-key-file", TEXT, "", todo=REPL),
    P("tls-client-key-file-pass", TEXT, "", todo=REPL),
    P("tls-ca-cert-file", TEXT, ""),
    P("tls-ca-cert-dir", TEXT, ""),
    P("tls-dh-params-file", TEXT, ""),
    P("tls-auth-clients", Enum("no", "yes", "optional"), "yes"),
    P("tls-auth-clients-user", Enum("CN", "URI", "off"), "off", VALKEY),
    P("tls-auto-reload-interval", COUNT, 0, VALKEY),
    P("tls-replication", YES_NO, False, todo=REPL, off=NO_TLS),
    P("tls-cluster", YES_NO, False, todo=CLUSTER, off=NO_TLS),
    P("tls-protocols", TEXT, ""),
    P("tls-ciphers", TEXT, ""),
    P("tls-ciphersuites", TEXT, ""),
    P("tls-prefer-server-ciphers", YES_NO, False),
    P("tls-session-caching", YES_NO, True),
    P("tls-session-cache-size", COUNT, 20480, todo=SESSIONS),
    P("tls-session-cache-timeout", COUNT, 300, todo=SESSIONS),

    # the process and its log
    P("daemonize", YES_NO, False, FIXED),
    P("pidfile", TEXT, "", FIXED),
    P("supervised", Enum("upstart", "systemd", "auto", "no"), "no", FIXED),
    P("dir", Directory(), ".", PROTECTED | ALWAYS),
    P("loglevel", Enum("debug", "verbose", "notice", "warning", "nothing"), "notice"),
    P("logfile", LogFile(), "", FIXED),
    P("log-format", Enum("legacy", "logfmt", "json"), "legacy", VALKEY),
    P("log-timestamp-format", Enum("legacy", "iso8601", "milliseconds"), "legacy", VALKEY),
    P("hide-user-data-from-log", YES_NO, False),
    P("syslog-enabled", YES_NO, False, FIXED),
    P("syslog-ident", TEXT, "redis", FIXED),
    P("syslog-facility", Enum("user", *(f"local{n}" for n in range(8))), "local0", FIXED),
    P("always-show-logo", YES_NO, False, FIXED),
    P("set-proc-title", YES_NO, True, FIXED),
    P("proc-title-template", TitleTemplate(), "{title} {listen-addr} {server-mode}"),
    P("locale-collate", Locale(), ""),
    P("crash-log-enabled", YES_NO, True),
    P("crash-memcheck-enabled", YES_NO, True, todo=MEMTEST),
    P("use-exit-on-panic", YES_NO, False, HIDDEN),
    P("watchdog-period", COUNT, 0, HIDDEN),
    P("ignore-warnings", TEXT, "", todo="warnings about the machine"),
    P("shutdown-timeout", COUNT, 10, todo=REPL),
    P("shutdown-on-sigint", SHUTDOWN, ()),
    P("shutdown-on-sigterm", SHUTDOWN, ()),
    P("oom-score-adj", Enum("no", "yes", "relative", "absolute"), "no"),
    P("oom-score-adj-values", OomValues(), (0, 200, 800)),
    P("disable-thp", YES_NO, True, FIXED),
    P("io-threads", Integer(1, 128), 1, FIXED, todo=THREADS),
    P("io-threads-always-active", YES_NO, False, HIDDEN | VALKEY, todo=THREADS),
    P("min-io-threads-avoid-copy-reply", COUNT, 7, HIDDEN | VALKEY, todo=THREADS),
    P("min-string-size-avoid-copy-reply", COUNT, 16384, HIDDEN | VALKEY, todo=THREADS),
    P("min-string-size-avoid-copy-reply-threaded", COUNT, 65536, HIDDEN | VALKEY, todo=THREADS),
    P("prefetch-batch-max-size", Integer(0, 128), 16, VALKEY, todo="the core's own batches of 32"),
    P("server-cpulist", TEXT, "", FIXED, alias=("server_cpulist",), todo=CPUS),
    P("bio-cpulist", TEXT, "", FIXED, alias=("bio_cpulist",), todo=CPUS),
    P("aof-rewrite-cpulist", TEXT, "", FIXED, alias=("aof_rewrite_cpulist",), todo=CPUS),
    P("bgsave-cpulist", TEXT, "", FIXED, alias=("bgsave_cpulist",), todo=CPUS),

    # who may do what
    P("requirepass", TEXT, ""),
    P("aclfile", TEXT, "", FIXED),
    P("acllog-max-len", LONG, 128),
    P("acl-pubsub-default", Enum("allchannels", "resetchannels"), "resetchannels"),
    P("enable-protected-configs", LOCAL, "no", FIXED),
    P("enable-debug-command", LOCAL, "no", FIXED),
    P("enable-module-command", LOCAL, "no", FIXED),
    P("enable-debug-assert", YES_NO, False, FIXED | HIDDEN | VALKEY, todo=TESTING),
    P("debug-context", TEXT, "", HIDDEN | VALKEY, todo=TESTING),
    P("availability-zone", TEXT, "", VALKEY, todo="zones"),
    P("extended-redis-compatibility", YES_NO, False, VALKEY, todo="answering as Redis, which is always so"),
    P("import-mode", YES_NO, False, VALKEY, todo="import mode"),
    P("hash-seed", TEXT, "", FIXED | VALKEY, todo="a fixed seed"),

    # clients
    P("maxclients", Integer(1, UINT_MAX), 10000),
    P("maxmemory-clients", MemoryOrPercent(), 0),
    P("client-query-buffer-limit", Memory(1 << 20, LONG_MAX), 1 << 30),
    P("client-output-buffer-limit", OutputLimits(), {
        "normal": OutputLimit(0, 0, 0), "slave": OutputLimit(256 << 20, 64 << 20, 60),
        "pubsub": OutputLimit(32 << 20, 8 << 20, 60)}),
    P("proto-max-bulk-len", Memory(1 << 20, LONG_MAX), 512 << 20),
    P("tracking-table-max-keys", LONG, 1000000),
    P("notify-keyspace-events", NotifyEvents(), 0),

    # memory and time
    P("databases", Integer(1, INT_MAX), 16, FIXED),
    P("maxmemory", Memory(0, ULONG_MAX), 0),
    P("maxmemory-policy", Enum("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
                               "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"), "noeviction"),
    P("maxmemory-samples", Integer(1, 64), 5),
    P("maxmemory-eviction-tenacity", Integer(0, 100), 10),
    P("lfu-log-factor", COUNT, 10),
    P("lfu-decay-time", COUNT, 1),
    P("lazyfree-lazy-eviction", YES_NO, False, todo=LAZY),
    P("lazyfree-lazy-expire", YES_NO, False, todo=LAZY),
    P("lazyfree-lazy-server-del", YES_NO, False, todo=LAZY),
    P("lazyfree-lazy-user-del", YES_NO, False, todo=LAZY),
    P("lazyfree-lazy-user-flush", YES_NO, False, todo=LAZY),
    P("active-expire-effort", Integer(1, 10), 1),
    P("activerehashing", YES_NO, True, todo="rehashing, which the table does not need"),
    P("hz", Integer(0, INT_MAX, clamp=(1, 500)), 10),
    P("dynamic-hz", YES_NO, True, todo="the timer, whose rate is hz alone"),
    P("activedefrag", YES_NO, False),
    P("active-defrag-cycle-max", Integer(1, 99), 25),
    P("active-defrag-cycle-min", Integer(1, 99), 1),
    P("active-defrag-cycle-us", Integer(0, 100000), 500, VALKEY),
    P("active-defrag-ignore-bytes", Memory(1, LONG_MAX), 100 << 20),
    P("active-defrag-max-scan-fields", Integer(1, LONG_MAX), 1000),
    P("active-defrag-threshold-lower", Integer(0, 1000), 10),
    P("active-defrag-threshold-upper", Integer(0, 1000), 100),
    P("jemalloc-bg-thread", YES_NO, True, todo=MALLOC),

    # forms of values
    P("hash-max-listpack-entries", LONG, 512, alias=("hash-max-ziplist-entries",)),
    P("hash-max-listpack-value", SIZE, 64, alias=("hash-max-ziplist-value",)),
    P("list-max-listpack-size", Integer(-INT_MAX - 1, INT_MAX), -2, alias=("list-max-ziplist-size",)),
    P("list-compress-depth", COUNT, 0),
    P("set-max-intset-entries", LONG, 512),
    P("set-max-listpack-entries", LONG, 128),
    P("set-max-listpack-value", LONG, 64),
    P("zset-max-listpack-entries", LONG, 128, alias=("zset-max-ziplist-entries",)),
    P("zset-max-listpack-value", SIZE, 64, alias=("zset-max-ziplist-value",)),
    P("hll-sparse-max-bytes", SIZE, 3000),
    P("stream-node-max-bytes", SIZE, 4096),
    P("stream-node-max-entries", LONG, 100),

    # logs of slow and large commands
    P("slowlog-log-slower-than", Integer(-1, LONG_MAX), 10000, alias=("commandlog-execution-slower-than",)),
    P("slowlog-max-len", LONG, 128, alias=("commandlog-slow-execution-max-len",)),
    P("commandlog-large-reply-max-len", LONG, 128, VALKEY),
    P("commandlog-large-request-max-len", LONG, 128, VALKEY),
    P("commandlog-reply-larger-than", Integer(-1, LONG_MAX), 1 << 20, VALKEY),
    P("commandlog-request-larger-than", Integer(-1, LONG_MAX), 1 << 20, VALKEY),
    P("latency-monitor-threshold", LONG, 0),
    P("latency-tracking", YES_NO, True),
    P("latency-tracking-info-percentiles", Percentiles(), (50.0, 99.0, 99.9), ALWAYS),

    # scripts
    P("lua-time-limit", LONG, 5000, alias=("busy-reply-threshold",)),
    P("lua-enable-deprecated-api", YES_NO, False, FIXED | HIDDEN, todo=LUA),
    P("lua-enable-insecure-api", YES_NO, False, HIDDEN | VALKEY, todo=LUA),

    # snapshots
    P("save", Save(), ((3600, 1), (300, 100), (60, 10000)), ALWAYS),
    P("dbfilename", FileName("dbfilename", "filename", empty=True), "dump.rdb", PROTECTED),
    P("rdbcompression", YES_NO, True),
    P("rdbchecksum", YES_NO, True, FIXED),
    P("rdb-del-sync-files", YES_NO, False, todo=REPL),
    P("rdb-save-incremental-fsync", YES_NO, True),
    P("rdb-version-check", Enum("strict", "relaxed"), "strict", VALKEY),
    P("rdb-key-save-delay", Integer(-INT_MAX - 1, INT_MAX), 0, HIDDEN),
    P("key-load-delay", Integer(-INT_MAX - 1, INT_MAX), 0, HIDDEN, todo=RDB),
    P("loading-process-events-interval-bytes", Integer(1024, INT_MAX), 512 << 10, HIDDEN, todo=RDB),
    P("stop-writes-on-bgsave-error", YES_NO, True),
    P("sanitize-dump-payload", Enum("no", "yes", "clients"), "no", todo=CHECKS),

    # the append-only file
    P("appendonly", YES_NO, False),
    P("appendfilename", FileName("appendfilename", "filename"), "appendonly.aof", FIXED),
    P("appenddirname", FileName("appenddirname", "dirname"), "appendonlydir", FIXED),
    P("appendfsync", Enum("everysec", "always", "no"), "everysec"),
    P("no-appendfsync-on-rewrite", YES_NO, False),
    P("auto-aof-rewrite-percentage", COUNT, 100),
    P("auto-aof-rewrite-min-size", SIZE, 64 << 20),
    P("aof-load-truncated", YES_NO, True),
    P("aof-use-rdb-preamble", YES_NO, True),
    P("aof-timestamp-enabled", YES_NO, False),
    P("aof-rewrite-incremental-fsync", YES_NO, True),
    P("aof-disable-auto-gc", YES_NO, False, HIDDEN),

    # replication
    P("replicaof", ReplicaOf(), None, FIXED, alias=("slaveof",), todo=REPL),
    P("masterauth", TEXT, "", alias=("primaryauth",), todo=REPL),
    P("masteruser", TEXT, "", alias=("primaryuser",), todo=REPL),
    P("replica-serve-stale-data", YES_NO, True, alias=("slave-serve-stale-data",), todo=REPL),
    P("replica-read-only", YES_NO, True, alias=("slave-read-only",), todo=REPL),
    P("replica-lazy-flush", YES_NO, False, alias=("slave-lazy-flush",), todo=REPL),
    P("replica-ignore-maxmemory", YES_NO, True, alias=("slave-ignore-maxmemory",), todo=REPL),
    P("replica-ignore-disk-write-errors", YES_NO, False, todo=REPL),
    P("replica-priority", COUNT, 100, alias=("slave-priority",), todo=REPL),
    P("replica-announced", YES_NO, True, todo=REPL),
    P("replica-announce-ip", TEXT, "", alias=("slave-announce-ip",), todo=REPL),
    P("replica-announce-port", PORT, 0, alias=("slave-announce-port",), todo=REPL),
    P("replica-full-sync-buffer-limit", SIZE, 0, todo=REPL),
    P("repl-backlog-size", Memory(1, LONG_MAX, clamp=(16384, LONG_MAX)), 1 << 20, todo=REPL),
    P("repl-backlog-ttl", LONG, 3600, todo=REPL),
    P("repl-disable-tcp-nodelay", YES_NO, False, todo=REPL),
    P("repl-diskless-sync", YES_NO, True, todo=REPL),
    P("repl-diskless-sync-delay", COUNT, 5, todo=REPL),
    P("repl-diskless-sync-max-replicas", COUNT, 0, todo=REPL),
    P("repl-diskless-load", Enum("disabled", "on-empty-db", "swapdb"), "disabled", todo=REPL),
    P("repl-ping-replica-period", Integer(1, INT_MAX), 10, alias=("repl-ping-slave-period",), todo=REPL),
    P("repl-rdb-channel", YES_NO, False, HIDDEN, todo=REPL),
    P("repl-timeout", Integer(1, INT_MAX), 60, todo=REPL),
    P("min-replicas-to-write", COUNT, 0, alias=("min-slaves-to-write",), todo=REPL),
    P("min-replicas-max-lag", COUNT, 10, alias=("min-slaves-max-lag",), todo=REPL),
    P("propagation-error-behavior", Enum("ignore", "panic", "panic-on-replicas"), "ignore", todo=REPL),
    P("dual-channel-replication-enabled", YES_NO, False, VALKEY, todo=REPL),

    # cluster
    P("cluster-enabled", YES_NO, False, FIXED, todo=CLUSTER),
    P("cluster-config-file", TEXT, "nodes.conf", FIXED, todo=CLUSTER),
    P("cluster-config-save-behavior", Enum("sync", "best-effort"), "sync", VALKEY, todo=CLUSTER),
    P("cluster-databases", Integer(1, INT_MAX), 1, FIXED | VALKEY, todo=CLUSTER),
    P("cluster-port", PORT, 0, FIXED, todo=CLUSTER),
    P("cluster-node-timeout", LONG, 15000, todo=CLUSTER),
    P("cluster-ping-interval", LONG, 0, HIDDEN, todo=CLUSTER),
    P("cluster-message-gossip-perc", COUNT, 10, HIDDEN | VALKEY, todo=CLUSTER),
    P("cluster-blacklist-ttl", Integer(-LONG_MAX - 1, LONG_MAX), 60, VALKEY, todo=CLUSTER),
    P("cluster-manual-failover-timeout", Integer(1, INT_MAX), 5000, VALKEY, todo=CLUSTER),
    P("cluster-migration-barrier", COUNT, 1, todo=CLUSTER),
    P("cluster-replica-validity-factor", COUNT, 10, alias=("cluster-slave-validity-factor",), todo=CLUSTER),
    P("cluster-replica-no-failover", YES_NO, False, alias=("cluster-slave-no-failover",), todo=CLUSTER),
    P("cluster-require-full-coverage", YES_NO, True, todo=CLUSTER),
    P("cluster-allow-reads-when-down", YES_NO, False, todo=CLUSTER),
    P("cluster-allow-pubsubshard-when-down", YES_NO, True, todo=CLUSTER),
    P("cluster-allow-replica-migration", YES_NO, True, todo=CLUSTER),
    P("cluster-link-sendbuf-limit", Memory(0, ULONG_MAX), 0, todo=CLUSTER),
    P("cluster-announce-ip", TEXT, "", todo=CLUSTER),
    P("cluster-announce-client-ipv4", Address(4), "", VALKEY, todo=CLUSTER),
    P("cluster-announce-client-ipv6", Address(6), "", VALKEY, todo=CLUSTER),
    P("cluster-announce-port", PORT, 0, todo=CLUSTER),
    P("cluster-announce-tls-port", PORT, 0, todo=CLUSTER),
    P("cluster-announce-client-port", PORT, 0, VALKEY, todo=CLUSTER),
    P("cluster-announce-client-tls-port", PORT, 0, VALKEY, todo=CLUSTER),
    P("cluster-announce-bus-port", PORT, 0, todo=CLUSTER),
    P("cluster-announce-hostname", HostName(), "", todo=CLUSTER),
    P("cluster-announce-human-nodename", NodeName(), "", todo=CLUSTER),
    P("cluster-preferred-endpoint-type", Enum("ip", "hostname", "unknown-endpoint"), "ip", todo=CLUSTER),
    P("cluster-compatibility-sample-ratio", Integer(0, 100), 0, todo=CLUSTER),
    P("cluster-slot-stats-enabled", YES_NO, False, VALKEY, todo=CLUSTER),
    P("cluster-slot-migration-log-max-len", LONG, 1000, VALKEY, todo=CLUSTER),
    P("slot-migration-max-failover-repl-bytes", Memory(-1, LONG_MAX), 0, VALKEY, todo=CLUSTER),
)

# Lines that are read, for the sake of old files, and mean nothing any more. One word each.
OBSOLETE = {"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
            "io-threads-do-reads"}
# Lines that are not parameters; CONFIG REWRITE leaves them where they are. Name -> fewest words.
DIRECTIVES = {"include": 1, "rename-command": 2, "user": 1, "loadmodule": 1}
# When nothing can fail any more: it makes the default user's passwords those of requirepass, and the old value of that
# does not bring back what ACL SETUSER had made them. On Redis a CONFIG SET that fails may leave the server open.
TOLD_LAST = "requirepass"

BY_NAME: dict[str, Param] = {param.name: param for param in PARAMETERS}
NAMES: dict[str, Param] = {name: param for param in PARAMETERS for name in (param.name, *param.alias)}
VISIBLE = tuple(sorted(name for name, param in NAMES.items() if not param.flags & HIDDEN))

Hook = Callable[[Any], None]


class Config:
    """The values of all parameters, and where they came from.

    path        the configuration file, absolute; "" if there is none
    executable  what the server was started as, for INFO
    renamed     (old, new) of rename-command lines, new "" to take the command away
    users       the words of each `user` line, beginning with the user's name
    modules     the words of each `loadmodule` line
    user_lines  set by whoever holds the users: gives the `user` lines for CONFIG REWRITE
    """

    def __init__(self, **values: Any) -> None:
        """Defaults, and `values` by name with _ for -, typed; for tests and embedding."""
        self._values: dict[str, Any] = {param.name: param.default for param in PARAMETERS}
        self._values["dir"] = os.getcwd()
        self._given: set[str] = set()
        self._hooks: dict[str, list[Hook]] = {}
        self.path = ""
        self.executable = ""
        self.renamed: list[tuple[str, str]] = []
        self.users: list[list[str]] = []
        self.modules: list[list[str]] = []
        self.user_lines: Callable[[], list[str]] | None = None
        for name, value in values.items():
            self._values[_known(name).name] = value

    def __getitem__(self, name: str) -> Any:
        return self._values[NAMES[name].name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._values[_known(name).name]

    def on_change(self, name: str, hook: Hook) -> None:
        """Call hook(new value) after CONFIG SET changed it; ConfigError from there undoes that."""
        self._hooks.setdefault(NAMES[name].name, []).append(hook)

    def assign(self, name: str, value: Any) -> None:
        """Set a typed value from inside: what REPLICAOF or ACL changed, or the system did not grant.

        No hook runs; CONFIG GET shows it and CONFIG REWRITE writes it.
        """
        self._values[NAMES[name].name] = value

    def allows(self, name: str, local: bool) -> bool:
        """Does enable-debug-command, or its like, let a client do it that is on this machine, or not?"""
        return self[name] == "yes" or (self[name] == "local" and local)

    def text(self, name: str) -> str:
        """The value as CONFIG GET shows it."""
        param = NAMES[name]
        return param.type.text(self._values[param.name])

    # ---- reading the file and the command line

    def load(self, text: str) -> None:
        """Take the lines of a file (and of the command line below them). FileError, CannotOpen."""
        config_file.load(self, text)
        try:
            if self["cluster-enabled"] and self["replicaof"]:
                raise ConfigError("replicaof directive not allowed in cluster mode")
            LogFile.try_open(self["logfile"])
        except ConfigError as error:
            heading = f"\n*** FATAL CONFIG FILE ERROR (pyredis {__version__}) ***\n"
            raise config_file.FileError(heading + str(error)) from None

    def take_line(self, name: str, words: list[str]) -> None:
        """Take one line of the file. ConfigError."""
        param = NAMES.get(name)
        if param is None:
            self._take_directive(name, words)
            return
        # A line that adds, adds to what lines before it said, not to the default.
        old = self._values[param.name]
        value = _parsed(param, words, old)
        if isinstance(param.type, Save) and value and param.name in self._given:
            value = old + value
        self._values[param.name] = value
        self._given.add(param.name)

    def _take_directive(self, name: str, words: list[str]) -> None:
        if name in OBSOLETE and len(words) == 1:
            return
        if name == "sentinel":
            raise ConfigError("sentinel directive while not in sentinel mode")
        least = DIRECTIVES.get(name)
        if least is None or len(words) < least or (name == "rename-command" and len(words) != 2):
            raise ConfigError("Bad directive or wrong number of arguments")
        if name == "rename-command":
            self.renamed.append((words[0], words[1]))
        elif name == "loadmodule":
            self.modules.append(words)
        elif any(user[0] == words[0] for user in self.users):
            raise ConfigError(f"Error in user declaration '{words[0]}': Duplicate user found. "
                              "A user can only be defined once in config files")
        else:
            self._check_user(words)
            self.users.append(words)

    @staticmethod
    def _check_user(words: list[str]) -> None:
        """Whether the commands that its rules name exist, only the server can tell."""
        name, *rules = map(to_bytes, words)
        try:
            User(name).changed(rules, None)
        except WrongRule as wrong:
            raise ConfigError(f"Error in user declaration '{to_text(wrong.rule)}': {wrong.reason}") from None
        except Unmatched as wrong:
            raise ConfigError(f"Error in user declaration '{to_text(wrong.start)}': Wrong format") from None

    # ---- CONFIG GET, SET, REWRITE

    def get_matching(self, patterns: Iterable[bytes]) -> dict[str, str]:
        """Name -> value of what the globs match, each once. A plain name is answered as it was spelt."""
        found: dict[str, str] = {}
        seen: set[str] = set()
        for raw in patterns:
            pattern = to_text(raw)
            if not re.search(r"[*?\[]", pattern):
                names = [pattern] if pattern.lower() in NAMES else []
            else:
                names = [name for name in VISIBLE if glob_match(raw, name.encode(), nocase=True)]
            for name in names:
                if name.lower() not in seen:
                    seen.add(name.lower())
                    found[name] = self.text(name.lower())
        return found

    def set_many(self, pairs: Sequence[tuple[bytes, bytes]], local: bool = False) -> None:
        """Change all these parameters or none. `local`: the client is on this machine. ReplyError."""
        wanted = self._settable(pairs, local)
        before = {param.name: self._values[param.name] for _, param, _ in wanted}
        changed: list[tuple[str, Param]] = []
        told: list[Param] = []
        at = ""
        try:
            for at, param, word in wanted:
                value = _parsed(param, [word], self._values[param.name])
                if value != self._values[param.name]:
                    changed.append((at, param))
                    self._values[param.name] = value
            for name, param in sorted(changed, key=lambda pair: pair[1].name == TOLD_LAST):
                at = name
                told.append(param)
                self._tell(param)
        except ConfigError as error:
            self._undo([param for _, param in changed], told, before)
            raise _failed(at, str(error)) from None

    def _settable(self, pairs: Sequence[tuple[bytes, bytes]], local: bool) -> list[tuple[str, Param, str]]:
        """(name as given, parameter, new value), if every one of them may be set at all."""
        wanted: list[tuple[str, Param, str]] = []
        seen: set[str] = set()
        for name, word in ((to_text(name), to_text(word)) for name, word in pairs):
            param = NAMES.get(name.lower())
            if param is None:
                raise ReplyError(f"ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
            if param.flags & FIXED:
                raise _failed(name, "can't set immutable config")
            if param.flags & PROTECTED and not self.allows("enable-protected-configs", local):
                raise _failed(name, "can't set protected config")
            if name.lower() in seen:
                raise _failed(name, "duplicate parameter")
            seen.add(name.lower())
            wanted.append((name, param, word))
        return wanted

    def _tell(self, param: Param) -> None:
        """Run its hooks; one that was registered for several names runs once for each. ConfigError."""
        for hook in self._hooks.get(param.name, ()):
            hook(self._values[param.name])

    def _undo(self, changed: Sequence[Param], told: Iterable[Param], before: dict[str, Any]) -> None:
        """`told`: those whose hooks have run, or failed."""
        for param in changed:
            self._values[param.name] = before[param.name]
            param.type.restore(before[param.name])
        for param in told:
            for hook in self._hooks.get(param.name, ()):
                try:
                    hook(self._values[param.name])
                except ConfigError:        # it was good before; nothing better is known
                    pass

    def rewrite(self, everything: bool = False) -> None:
        """Write the values into the file the server was started with. ReplyError without one, OSError.

        A default is written only where the file already has a line for it, unless `everything` is asked for.
        """
        if not self.path:
            raise ReplyError("ERR The server is running without a config file")
        old = ""
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                old = to_text(file.read())
        text = config_file.rewritten(old, self._wanted(everything), self._canonical)
        config_file.replace_file(self.path, text)

    def _wanted(self, everything: bool) -> list[config_file.Wanted]:
        wanted = []
        for param in PARAMETERS:
            value = self._values[param.name]
            lines = param.type.lines(param.name, value)
            if not lines and value != param.default:
                lines = [f'{param.name} ""']
            if isinstance(param.type, OutputLimits):
                # A line a class, and each class may stand in the file or not.
                for kind, line in zip(value, lines, strict=True):
                    force = everything or value[kind] != param.default[kind]
                    wanted.append(config_file.Wanted(f"{param.name} {kind}", [line], force))
            else:
                force = everything or bool(param.flags & ALWAYS) or value != param.default
                wanted.append(config_file.Wanted(param.name, lines, force))
        if self.user_lines is not None:
            wanted.append(config_file.Wanted("user", self.user_lines(), True))
        return wanted

    def _canonical(self, words: list[str]) -> str | None:
        """What a line of the file is about, by the names of _wanted."""
        name = words[0].lower()
        param = NAMES.get(name)
        if param is None:
            return name if name in DIRECTIVES else None
        if isinstance(param.type, OutputLimits) and len(words) > 1:
            return f"{param.name} {param.type.kind(words[1].split(' ')[0])}"
        return param.name


def _known(attribute: str) -> Param:
    try:
        return NAMES[attribute.replace("_", "-")]
    except KeyError:
        raise AttributeError(f"no configuration parameter {attribute!r}") from None


def _parsed(param: Param, words: list[str], old: Any) -> Any:
    value = param.type.parse(words, old)
    if param.off and value:
        raise ConfigError(param.off)
    return value


def _failed(name: str, reason: str) -> ReplyError:
    return ReplyError(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")


def table_markdown() -> str:
    """The table of docs/configuration.md: every parameter that is not hidden."""
    rows = ["| parameter | values | default | at run time | remarks |", "|---|---|---|---|---|"]
    for param in PARAMETERS:
        if param.flags & HIDDEN:
            continue
        when = "no" if param.flags & FIXED else "protected" if param.flags & PROTECTED else "yes"
        default = param.type.text(param.default)
        remarks = ["also " + ", ".join(f"`{name}`" for name in param.alias)] if param.alias else []
        if param.flags & VALKEY:
            remarks.append("from Valkey")
        if param.flags & OWN:
            remarks.append("pyredis's own")
        if param.todo:
            remarks.append(f"**no effect yet**: {param.todo}")
        limits = param.type.limits().replace("|", "\\|")
        rows.append(f"| `{param.name}` | {limits} | {f'`{default}`' if default else ''} | {when} "
                    f"| {'; '.join(remarks)} |")
    return "\n".join(rows) + "\n"
