"""exposition: the server's figures for machines: Prometheus's text format, and the status page's JSON.

    redis_commands_total{cmd="get"} 1027

Metrics have the names of the exporter that most dashboards were made for (redis_exporter), so these work with either.
Where Prometheus wants seconds or a name that INFO has not, it is told here.

A Watch takes a sample a second, for the page's charts to begin with a past; it exists only while the page is on.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import _pyredis.figures as figures
import _pyredis.observe as observe

import pyredis
from pyredis import latency
from pyredis.info import measure

PERIOD = 1.0                        # seconds between two samples
KEPT = 300                          # samples: five minutes
PERCENTILES = (50.0, 99.0, 99.9)
SLOW_SHOWN = 20
# of redis_command_duration_seconds
BOUNDS_US = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 1_000_000)

Sample = tuple[str, str, float]     # name, labels, value


class Watch:
    """The last minutes, a row a second."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._pace = observe.Pace(server.core)
        self.rows: deque[dict[str, float | None]] = deque(maxlen=KEPT)
        self._before: dict[str, int] | None = None
        self._at = 0.0

    def sample(self) -> None:
        """Adds a row: rates a second since the last one, and what is now."""
        core, now = self._server.core, time.monotonic()
        totals, times = figures.stats(core), self._pace.percentiles(list(PERCENTILES))
        if self._before is not None:
            before, seconds = self._before, max(now - self._at, 1e-3)
            grown = {name: max(0, totals[name] - before[name])
                     for name in ("commands", "bytes_in", "bytes_out", "hits", "misses")}
            looked = grown["hits"] + grown["misses"]
            memory = figures.memory(core)
            self.rows.append({
                "at": int(time.time() * 1000), "ops": grown["commands"] / seconds, "in": grown["bytes_in"] / seconds,
                "out": grown["bytes_out"] / seconds, "hit_rate": grown["hits"] / looked if looked else None,
                "used": memory["used"], "clients": core.connected,
                "p50": times[0], "p99": times[1], "p999": times[2]})
        self._before, self._at = totals, now


def status(server: Any, watch: Watch) -> dict[str, Any]:
    """What the page shows, as JSON can say it. Bytes, microseconds, Unix milliseconds."""
    memory, stats = measure(server), figures.stats(server.core)
    return {
        "version": pyredis.__version__, "redis_version": server.redis_version, "run_id": server.run_id,
        "uptime": int(time.time() - server.started), "now": int(time.time() * 1000),
        "clients": server.core.connected, "maxclients": server.config["maxclients"],
        "blocked": figures.blocked(server.core)["clients"],
        "memory": {"used": memory.used, "peak": memory.peak, "rss": memory.rss, "limit": server.config["maxmemory"],
                   "dataset": memory.dataset},
        "totals": {name: stats[name] for name in ("commands", "connections", "hits", "misses", "expired", "errors",
                                                  "bytes_in", "bytes_out")},
        "keyspace": [{"db": row[0], "keys": row[1], "expires": row[2], "ttl": row[3]}
                     for row in figures.databases(server.core) if row[1]],
        "commands": [{"name": name, "calls": calls, "us": us, "failed": failed}
                     for name, calls, us, _, failed in busiest(server)],
        "slow": [{"id": entry[0], "at": entry[1] * 1000, "us": entry[2],
                  "words": [word.decode("utf-8", "replace") for word in entry[3]],
                  "client": entry[4].decode("utf-8", "replace")}
                 for entry in observe.log_entries(server.core, observe.SLOW, SLOW_SHOWN)],
        "events": [{"name": event.name, "last": event.samples[-1][1], "worst": event.worst}
                   for event in latency.events(server.core)],
        "history": list(watch.rows),
    }


def busiest(server: Any) -> list[tuple[Any, ...]]:
    """The commands that took most time altogether."""
    return sorted(figures.command_stats(server.core), key=lambda row: -row[2])[:SLOW_SHOWN]


# ---- Prometheus

def label(value: str) -> str:
    """A label's value, escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _gauges(server: Any) -> Iterator[tuple[str, str, float]]:
    core, memory, started = server.core, measure(server), server.started
    subscribed = figures.subscribed(core)
    yield "redis_up", "Is the server up?", 1
    yield "redis_uptime_in_seconds", "Seconds since the start.", int(time.time() - started)
    yield "redis_start_time_seconds", "Unix time of the start.", int(started)
    yield "redis_connected_clients", "Connections.", core.connected
    yield "redis_blocked_clients", "Connections that wait for a key.", figures.blocked(core)["clients"]
    yield "redis_tracking_clients", "Connections with client-side caching.", figures.tracking_counts(core)[0]
    yield "redis_pubsub_channels", "Channels with subscribers.", subscribed["channels"]
    yield "redis_pubsub_patterns", "Patterns with subscribers.", subscribed["patterns"]
    yield "redis_config_maxclients", "maxclients.", server.config["maxclients"]
    yield "redis_config_maxmemory", "maxmemory in bytes; 0: no limit.", server.config["maxmemory"]
    yield "redis_memory_max_bytes", "maxmemory in bytes; 0: no limit.", server.config["maxmemory"]
    yield "redis_memory_used_bytes", "Bytes in use.", memory.used
    yield "redis_memory_used_peak_bytes", "Most bytes ever in use.", memory.peak
    yield "redis_memory_used_rss_bytes", "Physical memory of the process.", memory.rss
    yield "redis_memory_used_dataset_bytes", "Bytes of data.", memory.dataset
    yield "redis_memory_used_overhead_bytes", "Bytes of everything else.", memory.overhead
    yield "redis_memory_used_startup_bytes", "Bytes in use after the start.", memory.startup
    yield "redis_mem_fragmentation_ratio", "Physical memory by bytes in use.", memory.rss / max(1, memory.used)
    yield "redis_mem_clients_normal", "Bytes of connections.", memory.clients
    yield "redis_slowlog_length", "Entries of the slow log.", observe.log_length(core, observe.SLOW)
    yield "redis_rdb_changes_since_last_save", "Changes that are not saved.", figures.stats(core)["dirty"]


def _counters(server: Any) -> Iterator[tuple[str, str, float]]:
    import resource
    stats = figures.stats(server.core)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield "redis_cpu_sys_seconds_total", "Processor time in the kernel.", usage.ru_stime
    yield "redis_cpu_user_seconds_total", "Processor time.", usage.ru_utime
    for name, what, key in (
            ("connections_received", "Connections accepted.", "connections"),
            ("rejected_connections", "Connections refused.", "rejected_connections"),
            ("commands_processed", "Commands run.", "commands"),
            ("net_input_bytes", "Bytes received.", "bytes_in"), ("net_output_bytes", "Bytes sent.", "bytes_out"),
            ("keyspace_hits", "Keys found.", "hits"), ("keyspace_misses", "Keys not found.", "misses"),
            ("expired_keys", "Keys whose time was up.", "expired"), ("error_replies", "Errors replied.", "errors")):
        yield f"redis_{name}_total", what, stats[key]


def _labelled(server: Any) -> Iterator[tuple[str, str, str, Iterable[tuple[str, float]]]]:
    """(name, type, help, [(labels, value)])"""
    core = server.core
    databases = [row for row in figures.databases(core) if row[1]]
    commands = figures.command_stats(core)
    yield "redis_instance_info", "gauge", "Versions.", [(
        f'redis_version="{server.redis_version}",pyredis_version="{pyredis.__version__}",redis_mode="standalone",'
        f'run_id="{server.run_id}"', 1)]
    yield "redis_db_keys", "gauge", "Keys.", [(f'db="db{row[0]}"', row[1]) for row in databases]
    yield "redis_db_keys_expiring", "gauge", "Keys that expire.", [(f'db="db{row[0]}"', row[2]) for row in databases]
    yield "redis_db_avg_ttl_seconds", "gauge", "Mean time to live.", [
        (f'db="db{row[0]}"', row[3] / 1000) for row in databases]
    for name, what, place, scale in (
            ("commands_total", "Calls.", 1, 1.0), ("commands_duration_seconds_total", "Time of all calls.", 2, 1e-6),
            ("commands_rejected_calls_total", "Calls refused.", 3, 1.0),
            ("commands_failed_calls_total", "Calls that failed.", 4, 1.0)):
        yield f"redis_{name}", "counter", what, [
            (f'cmd="{label(row[0])}"', row[place] * scale if scale != 1.0 else row[place]) for row in commands]
    yield "redis_errors_total", "counter", "Errors replied, by their code.", [
        (f'err="{label(code)}"', count) for code, count in figures.error_stats(core)]
    events = latency.events(core)
    yield "redis_latency_spike_last", "gauge", "Milliseconds of the last slow event.", [
        (f'event_name="{label(event.name)}"', event.samples[-1][1]) for event in events]


def _durations(server: Any) -> Iterator[str]:
    """One histogram of all commands."""
    name = "redis_command_duration_seconds"
    total, counts = observe.all_histograms(server.core, [float(us) for us in BOUNDS_US])
    yield f"# HELP {name} How long commands took."
    yield f"# TYPE {name} histogram"
    for us, count in zip(BOUNDS_US, counts, strict=True):
        yield f'{name}_bucket{{le="{us / 1e6:g}"}} {count}'
    yield f'{name}_bucket{{le="+Inf"}} {total}'
    yield f"{name}_sum {sum(row[2] for row in figures.command_stats(server.core)) / 1e6:.6f}"
    yield f"{name}_count {total}"


def metrics(server: Any) -> str:
    """Everything, in Prometheus's text format, version 0.0.4."""
    lines: list[str] = []
    for kind, rows in (("gauge", _gauges(server)), ("counter", _counters(server))):
        for name, what, value in rows:
            lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}", f"{name} {value}"]
    for name, kind, what, values in _labelled(server):
        found = [f"{name}{{{labels}}} {value}" for labels, value in values]
        if found:
            lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}", *found]
    lines += _durations(server)
    return "\n".join(lines) + "\n"
