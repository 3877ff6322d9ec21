"""figures -- what the server counts and how much there is of it, for INFO and whoever shows the same.

Functions take the Core and give plain values, most of them dicts. Nothing here is counted for its own sake: the figures
are kept by those that they are about, and reading them costs no more than a walk over the commands, or for the memory
of clients and who is held by a pause over the connections.
"""
from libc.stdint cimport int64_t
from libc.string cimport memset

from _pyredis.base.clock cimport Clock, clock_ticks_to_us
from _pyredis.cmd.blocking cimport Blocking, blocking_of
from _pyredis.cmd.channels cimport CHANNEL_PATTERN, CHANNEL_PLAIN, CHANNEL_SHARD, Channels, channels_of
from _pyredis.cmd.ctx cimport CONN_GONE, CONN_HELD, GATE_PAUSE, Command, Conn, ServerStats
from _pyredis.cmd.functions cimport Libraries, libraries_of
from _pyredis.cmd.scripting cimport ScriptCache, script_cache_of
from _pyredis.cmd.table cimport command_reset_stats
from _pyredis.cmd.tracking cimport Tracking, tracking_of
from _pyredis.cmd.watch cimport Watching, watching_of
from _pyredis.conn cimport conn_memory
from _pyredis.core cimport Core
from _pyredis.db.keyspace cimport keyspace_buried
from _pyredis.ds.dict cimport dict_bytes
from _pyredis.lua.state cimport vm_memory


# ---------------------------------------------------------------- the server

def stats(Core core):
    """Counters since the start or reset_stats, as a dict."""
    cdef ServerStats* st = &core.s.stats
    cdef Clock* k = &core.s.clock
    return {
        "connections": st.connections, "rejected_connections": st.rejected_connections,
        "commands": st.commands, "bytes_in": st.bytes_in, "bytes_out": st.bytes_out, "reads": st.reads,
        "writes": st.writes, "errors": st.errors, "query_limit_closes": st.query_limit_closes,
        "output_limit_closes": st.output_limit_closes, "evicted_clients": st.evicted_clients, "loops": st.loops,
        "loop_us": clock_ticks_to_us(k, st.loop_ticks), "nested_us": clock_ticks_to_us(k, st.nested_ticks),
        "hits": core.s.ks.stats.hits, "misses": core.s.ks.stats.misses, "expired": core.s.ks.stats.expired,
        "expired_fields": core.s.ks.stats.expired_fields, "evicted": core.s.ks.stats.evicted,
        "lazy_freed": core.s.ks.stats.lazy_freed, "stale_percent": core.s.ks.stats.stale_percent,
        "time_cap_reached": core.s.ks.stats.time_cap_reached, "expire_us": core.s.ks.stats.expire_us,
        "dirty": core.s.ks.fx.dirty, "lazy_pending": keyspace_buried(core.s.ks),
    }


def reset_stats(Core core):
    cdef int i
    memset(&core.s.stats, 0, sizeof(core.s.stats))
    memset(&core.s.ks.stats, 0, sizeof(core.s.ks.stats))
    memset(core.s.errors, 0, sizeof(core.s.errors))
    core.s.error_kinds = 0
    for i in range(core.s.table.count):
        command_reset_stats(core.s.table.commands[i], core.s.mem)


def memory(Core core):
    """Bytes, as a dict: used, peak, slabs (resident for data), large, tables, entries, clients."""
    cdef Conn* c = core.s.first
    cdef size_t clients = 0
    while c != NULL:
        if not c.flags & CONN_GONE:          # as in CLIENT LIST
            clients += conn_memory(c)
        c = c.next
    return {"used": core.s.mem.used, "peak": max(core.s.mem.peak, core.s.mem.used),
            "slabs": core.s.mem.slab_bytes, "large": core.s.mem.large_bytes, "clients": clients,
            "resident": core.s.mem.slab_bytes + core.s.mem.large_bytes + core.s.mem.spare_resident * 65536}


def databases(Core core):
    """[(id, keys, keys with an expiry, average TTL in ms, bytes of tables, hashes with timed fields)] of all."""
    cdef int i
    return [(i, core.s.ks.dbs[i].keys.used, core.s.ks.dbs[i].expires.used, <int64_t>core.s.ks.dbs[i].average_ttl,
             dict_bytes(&core.s.ks.dbs[i].keys) + dict_bytes(&core.s.ks.dbs[i].expires)
             + dict_bytes(&core.s.ks.dbs[i].timed), core.s.ks.dbs[i].timed.used)
            for i in range(core.s.ks.count)]


# ---------------------------------------------------------------- commands

def command_stats(Core core):
    """[(name, calls, microseconds, rejected, failed)] of the commands that were asked for."""
    cdef Command* c
    cdef int i
    cdef list rows = []
    for i in range(core.s.table.count):
        c = core.s.table.commands[i]
        if c.calls or c.rejected:
            rows.append((core.names[i], c.calls, clock_ticks_to_us(&core.s.clock, c.ticks), c.rejected, c.failed))
    return rows


def error_stats(Core core):
    """[(code, count)] of the errors replied, in the order of their first appearance."""
    cdef int i
    return [(core.s.errors[i].code.decode("utf-8", "replace"), core.s.errors[i].count)
            for i in range(core.s.error_kinds)]


def scripts(Core core):
    """Figures, as a dict: scripts and functions kept, their bytes, those that gave way, the interpreters' bytes."""
    cdef Libraries* x = libraries_of(core.s)
    cdef ScriptCache* cache = script_cache_of(core.s)
    return {"scripts": cache.scripts.used, "script_bytes": cache.bytes + dict_bytes(&cache.scripts),
            "evicted": cache.evicted, "eval_vm": vm_memory(cache.vm),
            "functions": x.functions.used, "libraries": x.libraries.used, "function_bytes": x.bytes,
            "function_vm": vm_memory(x.vm)}


# ---------------------------------------------------------------- connections

def blocked(Core core):
    """How many connections wait for a key or the end of a pause, how many of them for a limited time, and for
    how many keys."""
    cdef Blocking* b = blocking_of(core.s)
    cdef Conn* c = core.s.first if core.s.gates & GATE_PAUSE else NULL
    cdef size_t held = 0
    while c != NULL:
        held += (c.flags & CONN_HELD) != 0
        c = c.next
    return {"clients": b.clients + held, "with_deadline": b.heap_count, "keys": b.keys}


def subscribed(Core core):
    """How many channels, patterns and shard channels there are, and how many connections subscribed to any."""
    cdef Channels* p = channels_of(core.s)
    return {"channels": p.of_kind[<int>CHANNEL_PLAIN].used, "patterns": p.of_kind[<int>CHANNEL_PATTERN].used,
            "shard_channels": p.of_kind[<int>CHANNEL_SHARD].used, "clients": p.clients}


def watching(Core core):
    """How many connections watch keys, and how many keys are watched."""
    cdef Watching* w = watching_of(core.s)
    return {"clients": w.clients, "keys": w.count}


def tracking_counts(Core core):
    """(connections that track, tracked keys, connections in all of these, prefixes)"""
    cdef Tracking* t = tracking_of(core.s)
    return t.on, t.keys.used, t.items, t.prefix_count
