"""info: the sections of INFO, a function each, and the table that orders them.

A function gives the fields of its section, in Redis's order, as (name, value). A feature that pyredis does
not have shows what a Redis shows that does not use it: 0, no, ok. Nothing is invented: every other figure
comes from the core, the operating system or the configuration.

Clients read INFO by name and by order, so tests compare both with tests/reference.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import _pyredis.defrag as defrag
import _pyredis.figures as figures
import _pyredis.observe as observe
from _pyredis.eviction import not_counted, over_limit_us

import pyredis

Fields = Iterable[tuple[str, object]]
NO_REPLICATION_ID = "0" * 40
UNITS = "BKMGTP"
NO_SEPARATORS = str.maketrans("#:\n\r", "____")      # a name may not look like the end of a line, or of itself
PAGE = os.sysconf("SC_PAGE_SIZE")


# ---- forms of numbers

def human(n: int) -> str:
    """Bytes for people: 722.65K."""
    if n < 1024:
        return f"{n}B"
    power = min((n.bit_length() - 1) // 10, len(UNITS) - 1)
    return f"{n / (1 << 10 * power):.2f}{UNITS[power]}"


def ratio(a: float, b: float) -> float:
    """a / b, or 0 if there is no b."""
    return a / b if b else 0.0


def resident_bytes() -> int:
    """Physical memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


def system_bytes() -> int:
    """Physical memory of the machine."""
    return PAGE * os.sysconf("SC_PHYS_PAGES")


class Memory(NamedTuple):
    """Where the memory is, in bytes. INFO and MEMORY STATS read the same one."""

    used: int
    peak: int
    startup: int
    clients: int
    tables: int           # of all databases
    active: int           # slabs and large blocks that hold something
    resident: int         # those, and spare slabs not given back
    rss: int              # of the process

    @property
    def overhead(self) -> int:
        return self.startup + self.clients + self.tables

    @property
    def dataset(self) -> int:
        return max(0, self.used - self.overhead)

    @property
    def dataset_percent(self) -> float:
        grown = self.used - self.startup
        return min(100.0, 100 * ratio(self.dataset, grown)) if grown > 0 else 0.0


def measure(server: Any) -> Memory:
    """The server's memory as it is now."""
    core = figures.memory(server.core)
    return Memory(used=core["used"], peak=core["peak"], startup=server.startup_memory,
                  clients=core["clients"],
                  tables=sum(row[4] for row in figures.databases(server.core)), active=core["slabs"] + core["large"],
                  resident=core["resident"], rss=resident_bytes())


# ---- the sections

def compiler() -> str:
    """The version of the GCC that built this Python, "0.0.0" for other compilers: the field has this form."""
    return sys.version.rpartition("[GCC ")[2].partition("]")[0] if "[GCC " in sys.version else "0.0.0"


def _server(server: Any) -> Fields:
    config = server.config
    system = os.uname()
    now_us = time.time_ns() // 1000
    uptime = int(time.time() - server.started)
    yield "redis_version", server.redis_version
    yield "server_name", "pyredis"
    yield "pyredis_version", pyredis.__version__
    yield "redis_git_sha1", "00000000"
    yield "redis_git_dirty", 0
    yield "redis_build_id", server.build_id
    yield "redis_mode", "cluster" if config["cluster-enabled"] else "standalone"
    yield "os", f"{system.sysname} {system.release} {system.machine}"
    yield "arch_bits", 64
    yield "monotonic_clock", "POSIX clock_gettime"
    yield "multiplexing_api", server.loop.api
    yield "atomicvar_api", "none"                # one thread owns the data
    yield "gcc_version", compiler()
    yield "process_id", os.getpid()
    yield "process_supervised", server.supervisor or "no"
    yield "run_id", server.run_id
    yield "tcp_port", config["port"] or config["tls-port"]
    yield "server_time_usec", now_us
    yield "uptime_in_seconds", uptime
    yield "uptime_in_days", uptime // 86400
    yield "hz", config["hz"]
    yield "configured_hz", config["hz"]
    yield "lru_clock", now_us // 1_000_000 & 0xFFFFFF
    if server.shutdown.deadline_ms:
        yield "shutdown_in_milliseconds", max(0, server.shutdown.deadline_ms - server.core.now_ms())
    yield "executable", config.executable
    yield "config_file", config.path
    yield "io_threads_active", 0
    for number, text in server.listener.descriptions():
        yield f"listener{number}", text


def _clients(server: Any) -> Fields:
    largest_in, largest_out = server.metrics.largest_buffers()
    yield "connected_clients", server.core.connected
    yield "cluster_connections", 0
    yield "maxclients", server.config["maxclients"]
    yield "client_recent_max_input_buffer", largest_in
    yield "client_recent_max_output_buffer", largest_out
    blocked = figures.blocked(server.core)
    yield "blocked_clients", blocked["clients"]
    yield "tracking_clients", figures.tracking_counts(server.core)[0]
    yield "pubsub_clients", figures.subscribed(server.core)["clients"]
    watching = figures.watching(server.core)
    yield "watching_clients", watching["clients"]
    yield "clients_in_timeout_table", blocked["with_deadline"]
    yield "total_watched_keys", watching["keys"]
    yield "total_blocking_keys", blocked["keys"]
    yield "total_blocking_keys_on_nokey", 0


def _memory(server: Any) -> Fields:
    config, m = server.config, measure(server)
    yield "used_memory", m.used
    yield "used_memory_human", human(m.used)
    yield "used_memory_rss", m.rss
    yield "used_memory_rss_human", human(m.rss)
    yield "used_memory_peak", m.peak
    yield "used_memory_peak_human", human(m.peak)
    yield "used_memory_peak_perc", f"{100 * ratio(m.used, m.peak):.2f}%"
    yield "used_memory_overhead", m.overhead
    yield "used_memory_startup", m.startup
    yield "used_memory_dataset", m.dataset
    yield "used_memory_dataset_perc", f"{m.dataset_percent:.2f}%"
    yield "allocator_allocated", m.used
    yield "allocator_active", m.active
    yield "allocator_resident", m.resident
    yield "allocator_muzzy", 0
    yield "total_system_memory", system_bytes()
    yield "total_system_memory_human", human(system_bytes())
    yield from _scripts(figures.scripts(server.core))
    yield "maxmemory", config["maxmemory"]
    yield "maxmemory_human", human(config["maxmemory"])
    yield "maxmemory_policy", config["maxmemory-policy"]
    yield from _fragmentation(m)
    yield "mem_not_counted_for_evict", not_counted(server.core)
    yield "mem_replication_backlog", 0
    yield "mem_total_replication_buffers", 0
    yield "mem_replica_full_sync_buffer", 0
    yield "mem_clients_slaves", 0
    yield "mem_clients_normal", m.clients
    yield "mem_cluster_links", 0
    append = server.append_only.stats
    yield "mem_aof_buffer", append["buffer_memory"] if append else 0
    yield "mem_allocator", "pyredis-arena"
    yield "mem_overhead_db_hashtable_rehashing", 0        # the table grows bucket by bucket, in place
    yield "active_defrag_running", defrag.figures(server.core)["running"]
    stats = figures.stats(server.core)
    yield "lazyfree_pending_objects", stats["lazy_pending"]
    yield "lazyfreed_objects", stats["lazy_freed"]


def _scripts(s: dict[str, int]) -> Fields:
    """Interpreters have memory of their own, which `used_memory` leaves out, as in Redis."""
    machines = s["eval_vm"] + s["function_vm"]
    yield "used_memory_lua", s["eval_vm"]
    yield "used_memory_vm_eval", s["eval_vm"]
    yield "used_memory_lua_human", human(s["eval_vm"])
    yield "used_memory_scripts_eval", s["script_bytes"]
    yield "number_of_cached_scripts", s["scripts"]
    yield "number_of_functions", s["functions"]
    yield "number_of_libraries", s["libraries"]
    yield "used_memory_vm_functions", s["function_vm"]
    yield "used_memory_vm_total", machines
    yield "used_memory_vm_total_human", human(machines)
    yield "used_memory_functions", s["function_bytes"]
    yield "used_memory_scripts", s["script_bytes"] + s["function_bytes"]
    yield "used_memory_scripts_human", human(s["script_bytes"] + s["function_bytes"])


def _fragmentation(m: Memory) -> Fields:
    yield "allocator_frag_ratio", f"{ratio(m.active, m.used):.2f}"
    yield "allocator_frag_bytes", m.active - m.used
    yield "allocator_rss_ratio", f"{ratio(m.resident, m.active):.2f}"
    yield "allocator_rss_bytes", m.resident - m.active
    yield "rss_overhead_ratio", f"{ratio(m.rss, m.resident):.2f}"
    yield "rss_overhead_bytes", m.rss - m.resident
    yield "mem_fragmentation_ratio", f"{ratio(m.rss, m.used):.2f}"
    yield "mem_fragmentation_bytes", m.rss - m.used


def _persistence(server: Any) -> Fields:
    loading = server.loading
    yield "loading", int(loading.active)
    yield "async_loading", 0
    yield from _snapshot(server.children, server.snapshot)
    yield "rdb_last_load_keys_expired", loading.expired
    yield "rdb_last_load_keys_loaded", loading.keys
    stats = server.append_only.stats
    yield from _append_only(server.append_only, stats)
    yield "module_fork_in_progress", 0
    yield "module_fork_last_cow_size", 0
    if stats:
        yield "aof_current_size", stats["total_size"]
        yield "aof_base_size", server.append_only.base_size
        yield "aof_pending_rewrite", int(server.append_only.scheduled)
        yield "aof_buffer_length", stats["buffer"]
        yield "aof_pending_bio_fsync", stats["pending"]
        yield "aof_delayed_fsync", stats["delayed"]
    if loading.active:
        yield "loading_start_time", int(loading.began)
        yield "loading_total_bytes", loading.total
        yield "loading_rdb_used_mem", loading.memory_then
        yield "loading_loaded_bytes", loading.done
        yield "loading_loaded_perc", f"{loading.done / loading.total * 100 if loading.total else 0:.2f}"
        yield "loading_eta_seconds", loading.eta_seconds


def _append_only(append: Any, stats: dict[str, int] | None) -> Fields:
    yield "aof_enabled", int(stats is not None)
    yield "aof_rewrite_in_progress", int(append.rewriting)
    yield "aof_rewrite_scheduled", int(append.scheduled)
    yield "aof_last_rewrite_time_sec", append.last_seconds
    yield "aof_current_rewrite_time_sec", append.current_seconds
    yield "aof_last_bgrewrite_status", "ok" if append.last_ok else "err"
    yield "aof_rewrites", append.rewrites
    yield "aof_rewrites_consecutive_failures", append.failures
    yield "aof_last_write_status", "err" if stats and stats["broken"] else "ok"
    yield "aof_last_cow_size", append.last_copied


def _snapshot(children: Any, snapshot: Any) -> Fields:
    report = children.current
    yield "current_cow_peak", report.cow_peak
    yield "current_cow_size", report.cow
    yield "current_cow_size_age", children.report_age
    yield "current_fork_perc", f"{children.percent:.2f}"
    yield "current_save_keys_processed", report.keys
    yield "current_save_keys_total", children.keys_total if children.active else 0
    yield "rdb_changes_since_last_save", snapshot.dirty
    yield "rdb_bgsave_in_progress", int(snapshot.in_progress)
    yield "rdb_last_save_time", int(snapshot.last_save)
    yield "rdb_last_bgsave_status", "ok" if snapshot.last_ok else "err"
    yield "rdb_last_bgsave_time_sec", snapshot.last_seconds
    yield "rdb_current_bgsave_time_sec", snapshot.current_seconds
    yield "rdb_saves", snapshot.saves
    yield "rdb_last_cow_size", snapshot.last_copied


def _defragmentation(d: dict[str, int]) -> Fields:
    for name in ("hits", "misses", "key_hits", "key_misses"):
        yield f"active_defrag_{name}", d[name]
    yield "total_active_defrag_time", d["total_us"] // 1000
    yield "current_active_defrag_time", d["current_us"] // 1000


def _threads(server: Any) -> Fields:
    stats = figures.stats(server.core)
    yield "io_thread_0", f"clients={server.core.connected},reads={stats['reads']},writes={stats['writes']}"


def _stats(server: Any) -> Fields:
    stats, rates = figures.stats(server.core), server.metrics
    yield "total_connections_received", stats["connections"]
    yield "total_commands_processed", stats["commands"]
    yield "instantaneous_ops_per_sec", int(rates.commands.mean)
    yield "total_net_input_bytes", stats["bytes_in"]
    yield "total_net_output_bytes", stats["bytes_out"]
    yield "total_net_repl_input_bytes", 0
    yield "total_net_repl_output_bytes", 0
    yield "instantaneous_input_kbps", f"{rates.bytes_in.mean / 1024:.2f}"
    yield "instantaneous_output_kbps", f"{rates.bytes_out.mean / 1024:.2f}"
    yield "instantaneous_input_repl_kbps", "0.00"
    yield "instantaneous_output_repl_kbps", "0.00"
    yield "rejected_connections", stats["rejected_connections"]
    for name in ("sync_full", "sync_partial_ok", "sync_partial_err"):
        yield name, 0
    yield "expired_subkeys", stats["expired_fields"]
    yield "expired_keys", stats["expired"]
    yield "expired_stale_perc", f"{stats['stale_percent']:.2f}"
    yield "expired_time_cap_reached_count", stats["time_cap_reached"]
    yield "expire_cycle_cpu_milliseconds", stats["expire_us"] // 1000
    yield "evicted_keys", stats["evicted"]
    yield "evicted_clients", stats["evicted_clients"]
    yield "evicted_scripts", figures.scripts(server.core)["evicted"]
    total_us, current_us = over_limit_us(server.core)
    yield "total_eviction_exceeded_time", total_us // 1000
    yield "current_eviction_exceeded_time", current_us // 1000
    yield "keyspace_hits", stats["hits"]
    yield "keyspace_misses", stats["misses"]
    subscribed = figures.subscribed(server.core)
    yield "pubsub_channels", subscribed["channels"]
    yield "pubsub_patterns", subscribed["patterns"]
    yield "pubsubshard_channels", subscribed["shard_channels"]
    yield "latest_fork_usec", server.children.fork_microseconds
    yield "total_forks", server.children.forks
    for name in ("migrate_cached_sockets", "slave_expires_tracked_keys"):
        yield name, 0
    yield from _defragmentation(defrag.figures(server.core))
    counts = figures.tracking_counts(server.core)
    yield from zip(("tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"), counts[1:], strict=True)
    yield "unexpected_error_replies", 0
    yield "total_error_replies", stats["errors"]
    yield "dump_payload_sanitizations", 0
    yield "total_reads_processed", stats["reads"]
    yield "total_writes_processed", stats["writes"]
    yield "io_threaded_reads_processed", 0
    yield "io_threaded_writes_processed", 0
    yield "client_query_buffer_limit_disconnections", stats["query_limit_closes"]
    yield "client_output_buffer_limit_disconnections", stats["output_limit_closes"]
    yield "reply_buffer_shrinks", 0
    yield "reply_buffer_expands", 0
    yield "eventloop_cycles", stats["loops"]
    yield "eventloop_duration_sum", stats["loop_us"]
    yield ("eventloop_duration_cmd_sum",
           max(0, sum(row[2] for row in figures.command_stats(server.core)) - stats["nested_us"]))
    yield "instantaneous_eventloop_cycles_per_sec", int(rates.loops.mean)
    yield "instantaneous_eventloop_duration_usec", int(rates.loop_us.mean)
    for name, reason in (("auth", "auth"), ("cmd", "command"), ("key", "key"), ("channel", "channel")):
        yield f"acl_access_denied_{name}", server.acl.denied[reason]


def _replication(server: Any) -> Fields:
    yield "role", "master"
    yield "connected_slaves", 0
    yield "master_failover_state", "no-failover"
    yield "master_replid", server.replication_id
    yield "master_replid2", NO_REPLICATION_ID
    yield "master_repl_offset", 0
    yield "second_repl_offset", -1
    yield "repl_backlog_active", 0
    yield "repl_backlog_size", server.config["repl-backlog-size"]
    yield "repl_backlog_first_byte_offset", 0
    yield "repl_backlog_histlen", 0


def _cpu(server: Any) -> Fields:
    import resource
    whos = [("", resource.RUSAGE_SELF), ("_children", resource.RUSAGE_CHILDREN)]
    if hasattr(resource, "RUSAGE_THREAD"):
        whos.append(("_main_thread", resource.RUSAGE_THREAD))
    for suffix, who in whos:
        usage = resource.getrusage(who)
        yield f"used_cpu_sys{suffix}", f"{usage.ru_stime:.6f}"
        yield f"used_cpu_user{suffix}", f"{usage.ru_utime:.6f}"


def _modules(server: Any) -> Fields:
    return ()


def _command_stats(server: Any) -> Fields:
    for name, calls, us, rejected, failed in figures.command_stats(server.core):
        yield f"cmdstat_{name}", (f"calls={calls},usec={us},usec_per_call={ratio(us, calls):.2f},"
                                  f"rejected_calls={rejected},failed_calls={failed}")


def _error_stats(server: Any) -> Fields:
    for code, count in sorted(figures.error_stats(server.core)):
        yield f"errorstat_{code.translate(NO_SEPARATORS)}", f"count={count}"


def _latency_stats(server: Any) -> Fields:
    if not server.config["latency-tracking"]:
        return
    percentiles = list(server.config["latency-tracking-info-percentiles"])
    for name, times in observe.latency_percentiles(server.core, percentiles):
        yield f"latency_percentiles_usec_{name}", ",".join(
            f"p{percentile:.15g}={us:.3f}" for percentile, us in zip(percentiles, times, strict=True))


def _cluster(server: Any) -> Fields:
    yield "cluster_enabled", int(server.config["cluster-enabled"])


def _keyspace(server: Any) -> Fields:
    for number, keys, expiring, ttl, _, timed in figures.databases(server.core):
        if keys:
            yield f"db{number}", f"keys={keys},expires={expiring},avg_ttl={ttl},subexpiry={timed}"


def _key_sizes(server: Any) -> Fields:
    return server.key_sizes.fields()        # type: ignore[no-any-return]


def _debug(server: Any) -> Fields:
    yield "eventloop_duration_aof_sum", 0
    yield "eventloop_duration_cron_sum", int(server.cron_seconds * 1_000_000)


# ---- the table

class Section(NamedTuple):
    name: str
    title: str
    fields: Callable[[Any], Fields]
    default: bool = True          # shown by a bare INFO
    all: bool = True              # shown by INFO all and everything


SECTIONS = (
    Section("server", "Server", _server),
    Section("clients", "Clients", _clients),
    Section("memory", "Memory", _memory),
    Section("persistence", "Persistence", _persistence),
    Section("threads", "Threads", _threads),
    Section("stats", "Stats", _stats),
    Section("replication", "Replication", _replication),
    Section("cpu", "CPU", _cpu),
    Section("modules", "Modules", _modules),
    Section("commandstats", "Commandstats", _command_stats, default=False),
    Section("errorstats", "Errorstats", _error_stats),
    Section("latencystats", "Latencystats", _latency_stats, default=False),
    Section("cluster", "Cluster", _cluster),
    Section("keyspace", "Keyspace", _keyspace),
    Section("keysizes", "Keysizes", _key_sizes),
    Section("debug", "Debug", _debug, default=False, all=False),
)


def chosen(names: Sequence[str]) -> list[Section]:
    """The sections that these names ask for, each once and in Redis's order; without names the default."""
    wanted = {name.lower() for name in names} or {"default"}
    everything = bool(wanted & {"all", "everything"})
    return [section for section in SECTIONS
            if section.name in wanted or (everything and section.all)
            or ("default" in wanted and section.default)]


def info_text(server: Any, names: Sequence[str]) -> str:
    """What INFO answers. Unknown names ask for nothing."""
    return "\r\n".join(f"# {section.title}\r\n" + "".join(
        f"{name}:{value}\r\n" for name, value in section.fields(server)) for section in chosen(names))
