"""memory_control: MEMORY USAGE, STATS, DOCTOR, PURGE, MALLOC-STATS and HELP.

The figures are those of INFO memory (pyredis.info.measure): one measurement, two forms.
"""

from typing import Any

import _pyredis.figures as figures
from _pyredis.inspect import key_info, slab_classes, tables

from pyredis.commands.help import help_reply
from pyredis.info import Memory, human, measure, ratio
from pyredis.reply import OK, ReplyError, Simple, Verbatim

MANY_SCRIPTS = 1000
LITTLE = 5 << 20                      # below this, ratios say nothing
LARGEST = (1 << 63) - 1
SAMPLES = 5                           # elements that stand for all of a collection, as in Redis


def memory_usage(server: Any, client: Any, argv: list[bytes]) -> int | None:
    """MEMORY USAGE key [SAMPLES n] -> bytes of the key with its value, or null; SAMPLES 0 counts all."""
    options, samples = argv[3:], SAMPLES
    while options:
        if options[0].lower() != b"samples" or len(options) < 2:
            raise ReplyError("ERR syntax error")
        samples = _integer(options[1])
        if samples < 0:
            raise ReplyError("ERR syntax error")
        options = options[2:]
    found = key_info(server.core, client.db, argv[2], samples=samples)
    return None if found is None else found["memory"]


def _integer(word: bytes) -> int:
    try:
        number = int(word)
    except ValueError:
        number = LARGEST + 1
    if not -LARGEST <= number <= LARGEST:
        raise ReplyError("ERR value is not an integer or out of range")
    return number


def memory_stats(server: Any, client: Any, argv: list[bytes]) -> dict[bytes, object]:
    """MEMORY STATS -> a map, in Redis's order."""
    m = measure(server)
    rows = [row for row in figures.databases(server.core) if row[1]]
    keys = sum(row[1] for row in rows)
    scripts = figures.scripts(server.core)
    append = server.append_only.stats
    stats: dict[str, object] = {
        "peak.allocated": m.peak, "total.allocated": m.used, "startup.allocated": m.startup,
        "replication.backlog": 0, "replica.fullsync.buffer": 0, "clients.slaves": 0,
        "clients.normal": m.clients, "cluster.links": 0,
        "aof.buffer": append["buffer_memory"] if append else 0, "lua.caches": scripts["script_bytes"],
        "functions.caches": scripts["function_bytes"], "script.VMs": scripts["eval_vm"] + scripts["function_vm"]}
    for row in rows:
        main, expires = tables(server.core, row[0])
        stats[f"db.{row[0]}"] = {b"overhead.hashtable.main": main["bytes"],
                                 b"overhead.hashtable.expires": expires["bytes"]}
    stats |= {
        "overhead.db.hashtable.lut": m.tables, "overhead.db.hashtable.rehashing": 0,
        "overhead.total": m.overhead, "db.dict.rehashing.count": 0, "keys.count": keys,
        "keys.bytes-per-key": max(0, m.used - m.startup) // keys if keys else 0,
        "dataset.bytes": m.dataset, "dataset.percentage": m.dataset_percent,
        "peak.percentage": 100 * ratio(m.used, m.peak),
        "allocator.allocated": m.used, "allocator.active": m.active, "allocator.resident": m.resident,
        "allocator.muzzy": 0,
        "allocator-fragmentation.ratio": ratio(m.active, m.used),
        "allocator-fragmentation.bytes": m.active - m.used,
        "allocator-rss.ratio": ratio(m.resident, m.active), "allocator-rss.bytes": m.resident - m.active,
        "rss-overhead.ratio": ratio(m.rss, m.resident), "rss-overhead.bytes": m.rss - m.resident,
        "fragmentation": ratio(m.rss, m.used), "fragmentation.bytes": m.rss - m.used}
    return {name.encode(): value for name, value in stats.items()}


def memory_doctor(server: Any, client: Any, argv: list[bytes]) -> Verbatim:
    """MEMORY DOCTOR -> what looks unhealthy, in words."""
    return Verbatim(diagnosis(measure(server), server.core.connected, figures.scripts(server.core)["scripts"]))


def diagnosis(m: Memory, clients: int, scripts: int = 0) -> str:
    """Each complaint that the figures give reason for, or that there is none."""
    if m.used < LITTLE:
        return (f"Only {human(m.used)} in use: too little to judge by. Ratios mean something once there are "
                "a few megabytes of data.\n")
    found = []
    if m.used * 1.5 < m.peak:
        found.append(f"Peak: {human(m.peak)} were in use once, {human(m.used)} are now. The system may count "
                     "the difference as this process's until MEMORY PURGE.")
    if ratio(m.active, m.used) > 1.1 and m.active - m.used > 10 << 20:
        found.append(f"Holes: slabs hold {human(m.active - m.used)} that no object uses, because objects of "
                     "a few sizes went away. New data of the same sizes fills them; activedefrag gives them back.")
    if ratio(m.rss, m.resident) > 1.1 and m.rss - m.resident > 50 << 20:
        found.append(f"Overhead: {human(m.rss - m.resident)} of the process are outside the data: Python, "
                     "code, and freed large blocks.")
    if clients and m.clients / clients > 200 << 10:
        found.append(f"Clients: {human(m.clients // clients)} each on average. Some do not read their "
                     "replies, or send very large requests; CLIENT LIST shows which.")
    if scripts > MANY_SCRIPTS:
        found.append(f"Scripts: {scripts} are kept. Texts made anew for each call fill the memory: values belong into "
                     "KEYS and ARGV. SCRIPT FLUSH forgets them.")
    if not found:
        return "Nothing to complain about.\n"
    return "".join(f"* {text}\n" for text in found)


def memory_purge(server: Any, client: Any, argv: list[bytes]) -> Simple:
    """MEMORY PURGE: gives spare slabs back to the system."""
    server.core.purge()
    return OK


def memory_malloc_stats(server: Any, client: Any, argv: list[bytes]) -> Verbatim:
    """MEMORY MALLOC-STATS -> the arena's books, for people: where its bytes are, and what the holes are good for."""
    core = figures.memory(server.core)
    lines = [f"{name + ':':<10}{core[name]:>16}  {human(core[name])}"
             for name in ("used", "peak", "slabs", "large", "resident")]
    lines += ["", "Slabs of 64 KiB that have room, by the size of their objects:",
              f"{'size':>6}{'slabs':>10}{'objects':>12}{'room for':>12}  free"]
    lines += [f"{size:>6}{slabs:>10}{used:>12}{room:>12}  {human(size * room)}"
              for size, slabs, used, room in slab_classes(server.core)]
    return Verbatim("\n".join(lines) + "\n")


def memory_help(server: Any, client: Any, argv: list[bytes]) -> list[Simple]:
    """MEMORY HELP"""
    entry = server.table.find("memory")
    assert entry is not None
    return help_reply(entry)
