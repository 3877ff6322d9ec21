"""default_config: the commented configuration file, as `pyredis-server --default-config` prints it.

SECTIONS says in a few words what each parameter does; names, defaults and their spelling come from config.PARAMETERS.
What stands here for a parameter without effect yet is left out until it has one, and hidden parameters, which are for
tests, are never shown. deploy/pyredis.conf is this text; a test holds the two together, and tells which parameter has
no words here.

    # words                what the next lines are about
    name value             redis.conf has this line too, so that people look for it; it says the default
    #name value            the default again, behind a mark

So the file changes nothing, with the marks or without.
"""

import re
import textwrap
from typing import NamedTuple

from pyredis.config import BY_NAME, HIDDEN, PARAMETERS, Param
from pyredis.config_types import Save, String, quoted

WIDTH = 100

HEAD = """\
pyredis.conf -- every parameter of pyredis-server that has an effect, with its default.

    pyredis-server /path/to/pyredis.conf [--parameter value ...]

A line is a parameter and its values. A # at its beginning makes it a comment; words with blanks stand in "double
quotes". A parameter behind a # without a blank has the value it would have anyway: take the mark off and change
the value. Options on the command line win over this file.

Sizes are bytes, or have a unit: k, m, g are powers of 1000, kb, mb, gb powers of 1024, in any case of letters.

A line `include /path/or/glob*.conf` is replaced by that file's lines; the last line about a parameter counts.
Most parameters can be changed while the server runs (CONFIG SET), and CONFIG REWRITE then writes them to this file.

Redis has more parameters, which are known here and without effect; docs/configuration.md lists them all."""


class Section(NamedTuple):
    title: str
    words: dict[str, str]           # by parameter, in the order of the file


SECTIONS = (
    Section("Network", {
        "bind": "Addresses to listen on, up to 16; * and ::* are all of IPv4 and of IPv6. One with a - before it "
                "need not exist on this machine. A server for this machine alone: bind 127.0.0.1 -::1",
        "protected-mode": "Without a password for the default user, answer only clients on this machine.",
        "port": "The TCP port; 0 is none.",
        "tcp-backlog": "How many connections may wait to be accepted. The kernel cuts it to net.core.somaxconn.",
        "timeout": "Close a connection after this many seconds without a command; 0 is never.",
        "tcp-keepalive": "Seconds of silence after which the kernel asks whether a client is still there; 0: it does "
                         "not ask.",
        "unixsocket": "Listen on a unix socket as well.",
        "unixsocketperm": "The socket's permissions, in octal; 0 leaves them to the umask.",
        "http-port": "pyredis's own: a status page (/) and figures for Prometheus (/metrics), on the addresses of "
                     "bind; 0 is none. It asks for name and password of a user who may run INFO, SLOWLOG GET and "
                     "LATENCY LATEST, unless the default user may and has no password.",
        "max-new-connections-per-cycle": "How many connections are accepted in one round of the loop.",
    }),
    Section("TLS", {
        "tls-port": "The port for connections under TLS; 0 is none. With `port 0` there are no others.",
        "tls-cert-file": "The server's certificate, PEM.",
        "tls-key-file": "Its private key, PEM.",
        "tls-key-file-pass": "The passphrase of the key.",
        "tls-client-cert-file": "The certificate this server shows where it is the client.",
        "tls-client-key-file": "Its private key.",
        "tls-client-key-file-pass": "The passphrase of that key.",
        "tls-ca-cert-file": "The certificates of the authorities that the other side's certificate must come from.",
        "tls-ca-cert-dir": "The same, as a folder of files named by hash.",
        "tls-dh-params-file": "Diffie-Hellman parameters, for old clients.",
        "tls-auth-clients": "Must clients show a certificate: yes, no, or optional (checked if shown).",
        "tls-auth-clients-user": "Log a client in as the user its certificate names: by CN, by URI, or off.",
        "tls-auto-reload-interval": "Seconds after which changed certificate files are read again; 0 is never.",
        "tls-replication": "Speak TLS with the primary.",
        "tls-cluster": "Speak TLS on the cluster bus.",
        "tls-protocols": "The versions allowed, such as \"TLSv1.2 TLSv1.3\"; empty: these two.",
        "tls-ciphers": "Ciphers up to TLS 1.2, in OpenSSL's notation; empty: its default.",
        "tls-ciphersuites": "Cipher suites of TLS 1.3; empty: OpenSSL's default.",
        "tls-prefer-server-ciphers": "Let the server's order of ciphers count, not the client's.",
        "tls-session-caching": "Let clients resume sessions, which saves them most of a handshake.",
        "tls-session-cache-size": "How many sessions are kept; 0 is no limit.",
        "tls-session-cache-timeout": "How many seconds a session is kept.",
        "max-new-tls-connections-per-cycle": "How many TLS connections are accepted in one round of the loop.",
    }),
    Section("The process", {
        "daemonize": "Go into the background at the start. Not under systemd or in a container.",
        "pidfile": "Write the process id here, and remove the file at the end. Empty: none, or with `daemonize yes` "
                   "/var/run/pyredis.pid.",
        "supervised": "Who is told when the server is ready and when it stops: no (nobody), systemd (by "
                      "$NOTIFY_SOCKET, Type=notify), upstart (by SIGSTOP), or auto: whichever environment says.",
        "dir": "The working directory. RDB and append-only files are written there; relative paths below this line "
               "begin there.",
        "set-proc-title": "Show in ps where the server listens.",
        "proc-title-template": "What ps shows. Variables: {title}, {listen-addr}, {server-mode}, {port}, {tls-port}, "
                               "{unixsocket}, {config-file}.",
        "always-show-logo": "Show the logo at the start even where the log is not a terminal.",
        "locale-collate": "The locale of SORT ... ALPHA; empty: as the environment says.",
        "shutdown-on-sigterm": "What SIGTERM does: default (save if there are save points), or any of save, nosave, "
                               "now, force.",
        "shutdown-on-sigint": "The same for SIGINT (Ctrl-C).",
        "shutdown-timeout": "How many seconds a shutdown waits for replicas that lag; 0: it does not.",
        "hz": "How often a second the server looks after timeouts, figures and saves, 1 to 500.",
        "disable-thp": "Keep the kernel from giving this process transparent huge pages, which make saving dear.",
        "oom-score-adj": "Tell the kernel which process to end first when memory runs out: no, relative (added to "
                         "what there was; yes is the same), or absolute.",
        "oom-score-adj-values": "The scores of a primary, a replica and a child that saves, -2000 to 2000. Raising "
                                "needs no rights, lowering does.",
    }),
    Section("The log", {
        "loglevel": "debug, verbose, notice, warning or nothing.",
        "logfile": "Append the log to this file; empty: stdout, which goes nowhere with `daemonize yes`. The file is "
                   "opened for each line, so it may be renamed at any time.",
        "log-format": "legacy (as Redis), logfmt or json.",
        "log-timestamp-format": "legacy (day, month, year), iso8601 or milliseconds since 1970.",
        "hide-user-data-from-log": "Write a placeholder instead of keys, arguments and names of users.",
        "syslog-enabled": "Log to syslog as well.",
        "syslog-ident": "The name that syslog shows.",
        "syslog-facility": "user, or local0 to local7.",
        "crash-log-enabled": "Write a report into the log when the server dies of a fault: where, and what it did.",
    }),
    Section("Who may do what", {
        "requirepass": "The password of the default user. Anyone may try many a second, so make it long. Users with "
                       "names and rights of their own: `user` lines in this file, or an aclfile.",
        "aclfile": "A file with `user` lines, for ACL LOAD and ACL SAVE. It excludes such lines here.",
        "acllog-max-len": "How many refusals ACL LOG keeps.",
        "acl-pubsub-default": "Which channels a new user may use: resetchannels (none) or allchannels.",
        "enable-protected-configs": "Who may change dir and dbfilename while the server runs: no (nobody), local "
                                    "(clients on this machine) or yes.",
        "enable-debug-command": "Who may use DEBUG: no, local or yes.",
        "enable-module-command": "Who may use MODULE: no, local or yes.",
    }),
    Section("Clients", {
        "maxclients": "How many clients may be connected; more are told so and closed. The limit of open files is "
                      "raised to this and 32 more, or maxclients is lowered to what the system gives.",
        "maxmemory-clients": "How much memory all connections together may take, in bytes or as a percentage of "
                             "maxmemory; 0 is no limit. Beyond it the heaviest are closed.",
        "client-query-buffer-limit": "The most unfinished input of one client.",
        "client-output-buffer-limit": "By class of client: closed at once above the first size, or after so many "
                                      "seconds above the second; 0 is no limit. Who does not read holds memory.",
        "proto-max-bulk-len": "The longest single argument, and the longest string that APPEND and SETRANGE make.",
        "tracking-table-max-keys": "How many keys are remembered for client-side caching. Beyond it clients are told "
                                   "to forget some; 0 is no limit.",
        "notify-keyspace-events": "Which events are published: K (__keyspace__ channels) and/or E (__keyevent__), "
                                  "then g generic, $ strings, l lists, s sets, h hashes, z sorted sets, t streams, x "
                                  "expired, e evicted, A all of these; n new keys, m misses, which A does not include. "
                                  "Empty: none.",
    }),
    Section("Memory", {
        "databases": "How many databases SELECT can choose from.",
        "maxmemory": "The most memory for data; 0 is no limit. Leave room beside it for connections and for what is "
                     "written while a child saves.",
        "maxmemory-policy": "What goes when maxmemory is reached: noeviction (nothing: commands that need memory are "
                            "refused), or allkeys-lru, allkeys-lfu, allkeys-random; volatile-lru, volatile-lfu, "
                            "volatile-random, volatile-ttl choose among keys that expire.",
        "maxmemory-samples": "How many keys are looked at to choose one, 1 to 64. More is closer to the truth and "
                             "dearer.",
        "maxmemory-eviction-tenacity": "How long one round of eviction may take: 0 is shortest, 100 until it fits.",
        "lfu-log-factor": "How slowly the counter of uses grows: at 10, a million uses fill it.",
        "lfu-decay-time": "Minutes without use after which the counter falls by one; 0: it does not.",
        "active-expire-effort": "How much work goes into removing expired keys that nobody asks for, 1 to 10.",
        "activedefrag": "Give back the holes that deleted keys leave in memory, by moving what stands between them. "
                        "Streams are not moved.",
        "active-defrag-ignore-bytes": "Holes of no more than this are left alone.",
        "active-defrag-threshold-lower": "... nor of less than this many per cent of the memory in use.",
        "active-defrag-threshold-upper": "The percentage of holes from which on the most is done.",
        "active-defrag-cycle-min": "Per cent of a processor that goes into it at the lower threshold.",
        "active-defrag-cycle-max": "... and at the upper one.",
        "active-defrag-cycle-us": "Microseconds of work at a time; others wait meanwhile.",
        "active-defrag-max-scan-fields": "A value of more parts than this is moved in steps of its own.",
    }),
    Section("Snapshots (RDB)", {
        "save": "Save after so many seconds if so many keys have changed; pairs. save \"\" saves never.",
        "dbfilename": "The file's name, in dir.",
        "rdbcompression": "Compress long strings (LZF).",
        "rdbchecksum": "Put a checksum at the end and look at it when loading.",
        "rdb-version-check": "strict refuses files of a version unknown to pyredis; relaxed tries them.",
        "rdb-save-incremental-fsync": "Sync while writing, every few megabytes, and not all at the end.",
        "stop-writes-on-bgsave-error": "Refuse writes after a failed save, until one succeeds, so that somebody "
                                       "notices.",
    }),
    Section("The append-only file", {
        "appendonly": "Log every write; the log is played at the start. CONFIG SET switches it on without a restart.",
        "appenddirname": "The folder of its files, in dir.",
        "appendfilename": "What the names of its files begin with.",
        "appendfsync": "When the log is synced to the disk: always (before the reply), everysec (a crash of the "
                       "machine loses about a second), no (when the kernel does).",
        "no-appendfsync-on-rewrite": "Do not sync while a child saves or rewrites: shorter stalls on a slow disk, more "
                                     "to lose.",
        "auto-aof-rewrite-percentage": "Rewrite the log when it has grown by so many percent; 0 is never.",
        "auto-aof-rewrite-min-size": "... but not while it is smaller than this.",
        "aof-load-truncated": "Start although the log ends in the middle of a command, without that command.",
        "aof-use-rdb-preamble": "Begin a rewritten log with a snapshot: smaller and faster to load.",
        "aof-timestamp-enabled": "Write the time into the log, so that pyredis-check-aof can cut it to a moment.",
        "aof-rewrite-incremental-fsync": "Sync while rewriting, every few megabytes.",
    }),
    Section("Watching", {
        "slowlog-log-slower-than": "Commands that take so many microseconds are kept in SLOWLOG; 0 keeps all, -1 none.",
        "slowlog-max-len": "How many it keeps.",
        "commandlog-request-larger-than": "Commands with so many bytes of request are kept in COMMANDLOG ... "
                                          "large-request; -1: none.",
        "commandlog-large-request-max-len": "How many it keeps.",
        "commandlog-reply-larger-than": "The same for replies (large-reply).",
        "commandlog-large-reply-max-len": "How many it keeps.",
        "latency-monitor-threshold": "Events that take so many milliseconds are kept for LATENCY; 0: none are.",
        "latency-tracking": "Keep a histogram of each command's times, for INFO latencystats and LATENCY HISTOGRAM.",
        "latency-tracking-info-percentiles": "Which percentiles INFO shows of it.",
    }),
    Section("Scripts", {
        "lua-time-limit": "After so many milliseconds other clients are told BUSY, and SCRIPT KILL works; 0 is never.",
    }),
    Section("Forms of small values", {
        "hash-max-listpack-entries": "Small collections are one compact block, large ones tables. A hash becomes a "
                                     "table with more fields than this,",
        "hash-max-listpack-value": "... or with a field or value of more bytes.",
        "list-max-listpack-size": "A list is a chain of blocks: of this many elements, or with -1 to -5 of 4, 8, 16, "
                                  "32, 64 KB.",
        "list-compress-depth": "Compress a list's blocks but for so many at each end; 0: none.",
        "set-max-intset-entries": "A set of whole numbers becomes a table with more members than this.",
        "set-max-listpack-entries": "Any other set becomes a table with more members than this,",
        "set-max-listpack-value": "... or with a member of more bytes.",
        "zset-max-listpack-entries": "A sorted set becomes a tree with more members than this,",
        "zset-max-listpack-value": "... or with a member of more bytes.",
        "hll-sparse-max-bytes": "A HyperLogLog that would take more bytes gets its full 12 KB.",
        "stream-node-max-bytes": "A stream is a tree of blocks: of so many bytes at most,",
        "stream-node-max-entries": "... and of so many entries; 0 is no limit for both.",
    }),
)

# These stand without a mark, as in redis.conf.
PLAIN = """
    bind protected-mode port tcp-backlog timeout tcp-keepalive daemonize dir set-proc-title proc-title-template
    always-show-logo locale-collate hz disable-thp oom-score-adj oom-score-adj-values loglevel logfile acllog-max-len
    client-output-buffer-limit notify-keyspace-events databases dbfilename rdbcompression rdbchecksum
    rdb-save-incremental-fsync stop-writes-on-bgsave-error appendonly appenddirname appendfilename appendfsync
    no-appendfsync-on-rewrite auto-aof-rewrite-percentage auto-aof-rewrite-min-size aof-load-truncated
    aof-use-rdb-preamble aof-timestamp-enabled aof-rewrite-incremental-fsync slowlog-log-slower-than slowlog-max-len
    latency-monitor-threshold hash-max-listpack-entries hash-max-listpack-value list-max-listpack-size
    list-compress-depth set-max-intset-entries set-max-listpack-entries set-max-listpack-value
    zset-max-listpack-entries zset-max-listpack-value hll-sparse-max-bytes stream-node-max-bytes
    stream-node-max-entries"""


def has_effect(param: Param) -> bool:
    return not param.todo and not param.flags & HIDDEN


def without_words() -> list[str]:
    """The parameters that SECTIONS forgets: none."""
    told = {name for section in SECTIONS for name in section.words}
    return [param.name for param in PARAMETERS if has_effect(param) and param.name not in told]


def default_config() -> str:
    """The text of the file."""
    plain = set(PLAIN.split())
    lines = [f"# {line}".rstrip() for line in HEAD.splitlines()]
    for section in SECTIONS:
        told = [(BY_NAME[name], words) for name, words in section.words.items() if has_effect(BY_NAME[name])]
        if told:
            lines += ["", "", f"# ---- {section.title}"]
        for param, words in told:
            lines += ["", *(f"# {line}" for line in textwrap.wrap(words, WIDTH, break_on_hyphens=False))]
            mark = "" if param.name in plain else "#"
            lines += [mark + line for line in default_lines(param)]
    return "\n".join(lines) + "\n"


def default_lines(param: Param) -> list[str]:
    """The line that says the default; several where each says a part."""
    text = param.type.text(param.default)
    if isinstance(param.type, Save) or (isinstance(param.type, String) and re.fullmatch(r"[\w./-]+", text, re.ASCII)):
        return [f"{param.name} {text}"]
    return param.type.lines(param.name, param.default) or [f"{param.name} {quoted(text)}"]
