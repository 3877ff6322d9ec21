"""server: the composition root, the one file that knows every part.

A Server has a Config, the compiled core, and the control plane's parts wired to them; run() adds the
sockets and the loop. Tests make a Server without run() and talk to its core directly.
"""

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import _pyredis.defrag as defrag
import _pyredis.eviction as eviction
import _pyredis.figures as figures
import _pyredis.limits as limits
import _pyredis.observe as observe
import _pyredis.saving as saving
import _pyredis.settings as settings
from _pyredis.core import Core

import pyredis
from pyredis import host, lua_library, process, reply
from pyredis.acl import Acl
from pyredis.clients import describe, shown_input
from pyredis.commands import (
    acl_control,
    client_control,
    command,
    config_control,
    debug_control,
    memory_control,
    module_control,
    monitoring_control,
    persistence_control,
    scripting_control,
    server_control,
    tracking_control,
)
from pyredis.commands.families import FAMILIES
from pyredis.commands.handlers import join_handlers
from pyredis.commands.table import CommandTable
from pyredis.config import PARAMETERS, Config, ConfigError
from pyredis.config_types import to_bytes
from pyredis.crash import CrashReports
from pyredis.http_status import HttpStatus
from pyredis.key_sizes import KeySizes
from pyredis.listener import Listener
from pyredis.log import Log, logo
from pyredis.loop import Loop
from pyredis.metrics import Metrics
from pyredis.persistence.aof import AppendOnly
from pyredis.persistence.children import Children
from pyredis.persistence.errors import CannotStart
from pyredis.persistence.gate import DiskGate
from pyredis.persistence.loading import Loading
from pyredis.persistence.shutdown import Shutdown
from pyredis.persistence.snapshot import SaveFailed, Snapshot
from pyredis.persistence.startup import Startup
from pyredis.tls import Tls
from pyredis.users import Vocabulary

REDIS_VERSION = "8.0.6"             # whose behaviour this is; clients choose features by it
ENCODING_LIMITS = ("list-max-listpack-size", "list-compress-depth", "set-max-intset-entries",
                   "set-max-listpack-entries", "set-max-listpack-value", "hash-max-listpack-entries",
                   "hash-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value",
                   "stream-node-max-bytes", "stream-node-max-entries", "hll-sparse-max-bytes")
DEFRAG = tuple(f"active-defrag-{name}" for name in ("ignore-bytes", "threshold-lower", "threshold-upper", "cycle-min",
                                                    "cycle-max", "cycle-us", "max-scan-fields"))
CONTROLS = (acl_control, client_control, command, config_control, debug_control, memory_control,
            module_control, monitoring_control, persistence_control, scripting_control, server_control,
            tracking_control)
COMMAND_LOGS = ((observe.SLOW, "slowlog-log-slower-than", "slowlog-max-len"),
                (observe.LARGE_REQUEST, "commandlog-request-larger-than", "commandlog-large-request-max-len"),
                (observe.LARGE_REPLY, "commandlog-reply-larger-than", "commandlog-large-reply-max-len"))


class Server:
    """One server: its data, its parts, its life."""

    redis_version = REDIS_VERSION
    save_failed = SaveFailed

    def __init__(self, config: Config, *, seed: bytes | None = None) -> None:
        self.config = config
        self.log = Log(config)
        self.table = CommandTable(FAMILIES)
        self.core = Core(self.table.core_rows(), reply, join_handlers(self.table, CONTROLS),
                         databases=config["databases"], seed=seed)
        for old, name in config.renamed:
            self.core.rename_command(to_bytes(old), to_bytes(name))
            self.table.rename(old, name)
        self.core.context = self
        library = lua_library.find()
        if library is not None:
            self.core.load_lua(os.fsencode(library))
        self.core.on_log = self.log.write
        self.core.on_log_client = self._log_client
        self.core.on_failure = self._report_failure
        self.acl = Acl(config, self.core, Vocabulary(self.table.entries()), self.log, describe)
        self.loop = Loop(self.core)
        self.core.on_busy = self.loop.serve_others
        self.loop.on_error = lambda error: self._report_failure("the event loop", error)
        self.tls = Tls(self)
        self.listener = Listener(self)
        self.http = HttpStatus(self)
        self.crash_reports = CrashReports(config, self.core, f"pyredis {pyredis.__version__} {self.build_id}")
        self.run_id = os.urandom(20).hex()
        self.replication_id = os.urandom(20).hex()
        self.started = time.time()
        self.children = Children(self.core, self.loop, self.log)
        self.gate = DiskGate(self.core)
        self.snapshot = Snapshot(self.core, config, self.log, self.children, self.gate, REDIS_VERSION)
        self.loading = Loading(self.core, config, self.log, self.loop.serve_others)
        self.shutdown = Shutdown(self.core, config, self.log, self.snapshot, self.loop.stop, self._notify, SaveFailed)
        self.append_only = AppendOnly(self.core, config, self.log, self.children, self.gate, REDIS_VERSION)
        self.shutdown.before.append(self.append_only.before_shutdown)
        self.shutdown.loading = lambda: self.loading.active
        self.loading.ended = lambda: self.shutdown.done
        self.startup = Startup(self.append_only, self.loading)
        self.metrics = Metrics(self.core)
        self.key_sizes = KeySizes(self.core)
        self.redis_version = REDIS_VERSION
        self.cron_paused = False             # DEBUG PAUSE-CRON
        self.cron_seconds = 0.0
        self.exit_code = 0
        self.supervisor = ""
        self.stopping_by_interrupt = False
        self._cron_count = 0
        self._apply_config()
        self.shutdown.tick = self._look_for_interrupt
        self.startup_memory = figures.memory(self.core)["used"]

    # ---- configuration

    def _apply_config(self) -> None:
        """Gives the core its settings, now and whenever they change."""
        config, core, follow = self.config, self.core, self._follow
        follow(lambda: core.set_memory_limit(config["maxmemory"]), "maxmemory")
        follow(lambda: core.set_policy(config["maxmemory-policy"].endswith("lfu"), config["lfu-log-factor"],
                                       config["lfu-decay-time"]),
               "maxmemory-policy", "lfu-log-factor", "lfu-decay-time")
        follow(lambda: eviction.set_policy(core, config["maxmemory-policy"], config["maxmemory-samples"],
                                           config["maxmemory-eviction-tenacity"], config["lazyfree-lazy-eviction"]),
               "maxmemory-policy", "maxmemory-samples", "maxmemory-eviction-tenacity", "lazyfree-lazy-eviction")
        follow(lambda: limits.set_input(core, config["client-query-buffer-limit"], config["proto-max-bulk-len"]),
               "client-query-buffer-limit", "proto-max-bulk-len")
        follow(lambda: limits.set_output(core, self._output_limits()), "client-output-buffer-limit")
        follow(lambda: limits.set_clients(core, self._clients_limit()), "maxmemory-clients", "maxmemory")
        follow(lambda: settings.set_notifications(core, config["notify-keyspace-events"]),
               "notify-keyspace-events")
        follow(lambda: settings.set_busy_threshold(core, config["lua-time-limit"]), "lua-time-limit")
        follow(lambda: self.acl.set_default_password(to_bytes(config["requirepass"])), "requirepass")
        follow(lambda: settings.set_tracking_limit(core, config["tracking-table-max-keys"]),
               "tracking-table-max-keys")
        follow(lambda: settings.set_any_rdb_version(core, config["rdb-version-check"] == "relaxed"),
               "rdb-version-check")
        follow(lambda: settings.set_latency_tracking(core, config["latency-tracking"]), "latency-tracking")
        follow(lambda: observe.set_latency_threshold(core, config["latency-monitor-threshold"]),
               "latency-monitor-threshold")
        for kind, threshold, most in COMMAND_LOGS:
            follow(partial(self._limit_log, kind, threshold, most), threshold, most)
        follow(lambda: settings.set_rdb_compression(core, config["rdbcompression"]), "rdbcompression")
        follow(lambda: settings.set_encoding_limits(
            core, **{name.replace("-", "_"): config[name] for name in ENCODING_LIMITS}), *ENCODING_LIMITS)
        follow(lambda: core.set_active_expire(core.active_expire, config["active-expire-effort"]),
               "active-expire-effort")

        follow(self._set_defrag, "activedefrag", *DEFRAG)

    def _set_defrag(self) -> None:
        config = self.config
        defrag.set_policy(self.core, config["activedefrag"], ignore_bytes=config["active-defrag-ignore-bytes"],
                          lower=config["active-defrag-threshold-lower"], upper=config["active-defrag-threshold-upper"],
                          least=config["active-defrag-cycle-min"], most=config["active-defrag-cycle-max"],
                          cycle_us=config["active-defrag-cycle-us"],
                          max_scan_fields=config["active-defrag-max-scan-fields"])

    def _limit_log(self, kind: int, threshold: str, most: str) -> None:
        observe.limit_log(self.core, kind, self.config[threshold], self.config[most])

    def _follow(self, apply: Callable[[], None], *names: str) -> None:
        """Applies something now, and again whenever one of these parameters changes."""
        apply()
        for name in names:
            self.config.on_change(name, lambda value: apply())

    def _output_limits(self) -> list[tuple[int, int, int]]:
        limits = self.config["client-output-buffer-limit"]
        return [tuple(limits[name]) for name in ("normal", "slave", "pubsub")]

    def _clients_limit(self) -> int:
        """maxmemory-clients in bytes; a share of maxmemory is none while that has no limit."""
        limit: int = self.config["maxmemory-clients"]
        return limit if limit >= 0 else self.config["maxmemory"] * -limit // 100

    def _log_client(self, level: int, text: str, client: Any) -> None:
        """Writes a text with a client's line of CLIENT LIST in the place of its first %s, and the beginning of what
        it has sent in that of a second."""
        if self.log.enabled(level):
            first, _, rest = text.partition("%s")
            line = describe(client, hide=self.config["hide-user-data-from-log"])
            self.log.write(level, first + line + rest.replace("%s", self.log.user_data(shown_input(client))))

    def _watch_process_config(self) -> None:
        """Parameters that act on the process and its sockets."""
        config = self.config
        oom_score = process.OomScore(log=self.log)

        def set_oom_score() -> None:
            oom_score.apply(config["oom-score-adj"], config["oom-score-adj-values"], process.MASTER)

        def set_childs_oom_score(pid: int) -> None:
            oom_score.apply_to_child(pid, config["oom-score-adj"], config["oom-score-adj-values"])

        def set_title() -> None:
            if config["set-proc-title"]:
                process.set_title(process.title(config))

        with suppress(ConfigError):          # at the start it is told in the log only
            set_oom_score()
        for name in ("oom-score-adj", "oom-score-adj-values"):
            config.on_change(name, lambda value: set_oom_score())
        self.children.on_begin = set_childs_oom_score
        self._follow(set_title, "proc-title-template")
        config.on_change("maxclients", process.check_maxclients)
        config.on_change("port", lambda port: self.listener.rebind(config["bind"], port))
        config.on_change("tls-port", lambda port: self.listener.rebind_tls(config["bind"], port))
        config.on_change("bind", lambda addresses: self.listener.rebind_all(
            addresses, config["port"], config["tls-port"]))
        self.tls.watch_config()
        config.on_change("http-port", lambda port: self.http.open(config["bind"], port))
        config.on_change("bind", lambda addresses: self.http.open(addresses, config["http-port"]))

    def reset_stats(self) -> None:
        """CONFIG RESETSTAT."""
        figures.reset_stats(self.core)
        defrag.reset_stats(self.core)
        self.metrics.reset()
        self.acl.reset_stats()

    # ---- life

    def run(self) -> int:
        """Serves until told to stop; the exit code."""
        log, config = self.log, self.config
        self.supervisor = process.supervisor(config["supervised"], os.environ, log)
        if self._in_background:
            process.daemonize()
        self._notify("STATUS=pyredis is loading...\n")
        self._announce_start()
        if not self._can_be_as_configured() or not self.acl.start():
            return 1
        try:
            config.assign("maxclients", process.adjust_open_files(config["maxclients"], log))
            self.listener.open()
            self.http.open(config["bind"], config["http-port"])
        except process.TooFewFiles as error:
            log.warning(str(error))
            return 1
        except (OSError, ConfigError):
            return 1
        if self._pidfile:
            process.write_pidfile(self._pidfile, log)
        self.crash_reports.start(self._pidfile)
        self._watch_process_config()
        self._watch_signals()
        saving.watch_flushes(self.core)
        self.append_only.watch(self.loop)
        log.role = "M"
        log.notice("Server initialized")
        self._advise(host.overcommit())
        if not config["disable-thp"] or not process.disable_huge_pages():
            self._advise(host.huge_pages())
        try:
            self.startup.load()
        except CannotStart:
            return 0 if self.shutdown.done else 1
        self._ready()
        self.loop.every(1 / config["hz"], self._cron)
        # What exists now stays; a collection then only looks at what control commands leave behind.
        gc.freeze()
        self.loop.run()
        self._end()
        return self.exit_code

    @property
    def _in_background(self) -> bool:
        """A supervisor would take the parent's end for the server's, so `daemonize` does not count under one."""
        return bool(self.config["daemonize"]) and not self.supervisor

    @property
    def _pidfile(self) -> str:
        """Where the process id is written; empty: nowhere."""
        return self.config["pidfile"] or (process.DEFAULT_PIDFILE if self._in_background else "")

    def _announce_start(self) -> None:
        log, config = self.log, self.config
        log.notice("oO0OoO0OoO0Oo pyredis is starting oO0OoO0OoO0Oo")
        log.notice(f"pyredis version={pyredis.__version__}, bits=64, commit=00000000, modified=0, "
                   f"pid={os.getpid()}, just started")
        if config.path or len(sys.argv) > 1:
            log.notice("Configuration loaded")
        else:
            log.warning("Warning: no config file specified, using the default config. In order to specify a "
                        f"config file use {config.executable or 'pyredis-server'} /path/to/pyredis.conf")
        log.role = "M"
        mode = "cluster" if config["cluster-enabled"] else "standalone"
        if config["always-show-logo"] or (not config["logfile"] and not config["daemonize"] and os.isatty(1)):
            log.raw(logo(pyredis.__version__, mode, config["port"] or config["tls-port"]))
        else:
            log.notice(f"Running mode={mode}, port={config['port'] or config['tls-port']}.")
        self._advise(host.backlog(config["tcp-backlog"]))

    def _advise(self, advice: str) -> None:
        if advice:
            self.log.warning(advice)

    def _can_be_as_configured(self) -> bool:
        """False where starting would pretend to protect, share or extend what it cannot; warns of lesser lacks."""
        config = self.config
        for wanted, what in ((config.modules, "modules"), (config["cluster-enabled"], "cluster mode"),
                             (config["replicaof"], "replication")):
            if wanted:
                self.log.warning(f"Cannot start: the configuration asks for {what}, which pyredis has not yet.")
                return False
        for param in PARAMETERS:
            value = config[param.name]
            if param.todo and value and value != param.default:
                self.log.warning(f"Warning: {param.name} has no effect yet: {param.todo}.")
        return True

    def _ready(self) -> None:
        if self.config["port"]:
            self.log.notice("Ready to accept connections tcp")
        if self.config["unixsocket"]:
            self.log.notice("Ready to accept connections unix")
        if self.config["tls-port"]:
            self.log.notice("Ready to accept connections tls")
        self._notify("STATUS=Ready to accept connections\n")
        self._notify("READY=1\n")

    def _watch_signals(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)       # inherited as ignored, children could not be waited for
        self.loop.on_signal(signal.SIGTERM, self._on_terminate)
        self.loop.on_signal(signal.SIGINT, self._on_interrupt)

    def _end_if_loading(self) -> None:
        """There is nothing to save then, and nobody to wait for."""
        if self.loading.active:
            self.log.warning("Received shutdown signal during loading, exiting now.")
            self._end()
            os._exit(0)

    def _on_terminate(self) -> None:
        self._end_if_loading()
        self.log.warning("Received SIGTERM scheduling shutdown...")
        self._shut_down_by_signal("shutdown-on-sigterm")

    def _on_interrupt(self) -> None:
        self._end_if_loading()
        if self.stopping_by_interrupt and self.shutdown.signalled:
            self._insist()
        self.stopping_by_interrupt = True
        self.log.warning("Received SIGINT scheduling shutdown...")
        self._shut_down_by_signal("shutdown-on-sigint")

    def _insist(self) -> None:
        self.log.warning("You insist... exiting now.")
        raise SystemExit(1)

    def _look_for_interrupt(self) -> None:
        """During the last save: has the second SIGINT come?"""
        if self.stopping_by_interrupt and self.loop.is_pending(signal.SIGINT):
            self._insist()

    def _shut_down_by_signal(self, parameter: str) -> None:
        self.shutdown.signal(parameter)
        if not self.cron_paused and not self.core.busy:      # a script under way has done half of what it does
            self.shutdown.cron()

    def flushed(self) -> bool:
        """FLUSHALL has run: does the snapshot on the disk know?"""
        return self.snapshot.flushed()

    def _notify(self, state: str) -> None:
        if self.supervisor == "systemd":
            process.notify(state, os.environ)

    def _end(self) -> None:
        if self._pidfile:
            self.log.notice("Removing the pid file.")
            process.remove_pidfile(self._pidfile)
        if self.config["unixsocket"]:
            self.log.notice("Removing the unix socket file.")
        self.listener.close()
        self.tls.close()
        self.http.close()
        self.log.warning("pyredis is now ready to exit, bye bye...")

    # ---- the clockwork

    def _cron(self) -> float:
        period = float(1 / self.config["hz"])
        self.crash_reports.tick()
        if self.cron_paused:
            return period
        began = time.monotonic()
        self._cron_count += 1
        self.metrics.sample()
        self.key_sizes.advance()
        self.shutdown.cron()
        self.snapshot.cron()
        self.append_only.cron()
        if self._cron_count % self.config["hz"] == 0:
            self.core.check_clients(self.config["timeout"])
            self.tls.cron()
            self.metrics.sample_buffers()
        self.cron_seconds += time.monotonic() - began
        return period

    def _report_failure(self, where: str, error: BaseException) -> None:
        self.log.warning(f"A handler of {where} failed:\n"
                         + "".join(traceback.format_exception(error)).rstrip())

    @property
    def build_id(self) -> str:
        """Tells builds apart: of the version and the compiled core's file."""
        import hashlib

        import _pyredis.core
        made = os.stat(_pyredis.core.__file__).st_mtime_ns
        return hashlib.sha1(f"{pyredis.__version__} {made}".encode()).hexdigest()[:16]


def run(config: Config) -> int:
    try:
        server = Server(config)
    except ValueError as error:              # of a rename-command line
        Log(config).warning(f"Cannot start: {error}")
        return 1
    return server.run()
