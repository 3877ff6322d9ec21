"""defrag -- active defragmentation: moves what is alive together, so that slabs become empty and go back to the system.

Deleting half of all keys leaves every slab half full: memory that holds nothing, and yet is not the system's. When
that is more than active-defrag-ignore-bytes, and active-defrag-threshold-lower per cent of what is used, a pass begins:

    survey    how full the slabs of each class are                                  (base/compact)
    retire    the emptiest of each class: nothing is put there any more
    move      each database's keys, bucket by bucket: an entry, or an allocation of its value, that stands in a retired
              slab is copied to another one, and all who know its address are told
    end       retired slabs that are not empty are used again

An entry is known to its tables (keys, expires, timed) and, between two commands, to nobody else. What a value consists
of only its type knows (TypeOps.settle). A value of more than active-defrag-max-scan-fields allocations is moved in
steps of its own: its key's name is set aside, with a place to go on from that stays valid whatever becomes of the key.

Left where they are: streams (their entry moves), blocks above 1 KiB, which are malloc's, strings that a reply holds
just now, buffers of connections, scripts, and the books of WATCH, Pub/Sub and tracking.

Work is done in slices of active-defrag-cycle-us between two rounds of the event loop, with pauses that keep it to its
share of the processor: from active-defrag-cycle-min per cent at the lower threshold to -cycle-max at the upper one.
While a child saves nothing moves, for that would copy pages; a pass under way waits. A pass that won back less than an
eighth of what was wasted is followed by a rest, or what cannot move would keep it going for ever.

Cost: to tell whether an object is to move, its slab's header is read, which is fetched with the entry two buckets
ahead. State: the Defrag, the arena's retired slabs, Quicklist.unsettled.

Measured (bench/load/defrag, 23 November 2026, a shared 2-core Xeon): 3 M strings of 100 bytes, half of them deleted at
random: 459 MB resident for 226 used, and 261 after 0.61 s, of which 0.16 s were work: 105 ns a key, every other of which
moved. A client's PING took 0.54 ms at p99.9 meanwhile (0.31 before), 0.66 at most.
"""
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from _pyredis.base.clock cimport clock_mono_us
from _pyredis.base.compact cimport compact_begin, compact_retire, compact_survey, compact_waste
from _pyredis.base.mem cimport arena_reinstate, mem_alloc, mem_free, mem_room, mem_settled
from _pyredis.base.slice cimport slice_of
from _pyredis.db.keyspace cimport Db, Key, keyspace_find, keyspace_key
from _pyredis.db.value cimport (ENTRY_EXPIRES, ENTRY_POINTER, ENTRY_TIMED_FIELDS, Entry, TypeOps, entry_key, entry_size,
                                entry_type)
from _pyredis.ds.dict cimport Dict, Place, Settle, dict_find_entry, dict_settle, dict_settle_part, place_set

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef enum:
    TABLES = 3
    STEP = 128                     # entries of a step
    CHUNKS = 16                    # chunks of a step: 1,024 slabs
    SLABS = 1024                   # reinstated in a step
    SHORTEST_US = 50
    REST_US = 10000000
    GAIN = 8
    ALL = 1 << 30


cdef struct _Walk:                 # what the callbacks know
    Defrag* x
    Keyspace* ks
    Db* db


cdef Defrag* defrag_new(Keyspace* ks) noexcept nogil:
    cdef Defrag* x = <Defrag*>calloc(1, sizeof(Defrag))
    if x == NULL:
        fatal_oom(sizeof(Defrag))
    x.step = STEP
    return x


cdef void defrag_free(Defrag* x, Keyspace* ks) noexcept nogil:
    _forget_large(x, ks)
    mem_free(ks.mem, x.large, x.large_capacity * sizeof(LargeKey))
    free(x)


cdef void defrag_set(Defrag* x, Keyspace* ks, DefragPolicy policy) noexcept nogil:
    """Another configuration. Switched off, a pass under way ends at once."""
    x.policy = policy
    x.rest_until_us = 0
    if not policy.on:
        _give_up(x, ks)


cdef void defrag_reset_stats(Defrag* x, Keyspace* ks) noexcept nogil:
    memset(&x.stats, 0, sizeof(DefragStats))
    x.stats.moved_before = ks.mem.moved
    x.stats.stayed_before = ks.mem.stayed


# ---------------------------------------------------------------- keys

cdef void _tell_table(Dict* table, const Entry* old, Entry* fresh, Key key) noexcept nogil:
    cdef Place at
    if dict_find_entry(table, old, key.hash, &at):
        place_set(at, fresh)


cdef Entry* _settle_entry(_Walk* w, Entry* e) noexcept nogil:
    """Moves an entry alone; all tables but the one that is walked are told."""
    cdef Entry* fresh = <Entry*>mem_settled(w.ks.mem, e, entry_size(e))
    cdef Key key
    if fresh != e and fresh.flags & (ENTRY_EXPIRES | ENTRY_TIMED_FIELDS):
        key = keyspace_key(w.ks, entry_key(fresh))
        if fresh.flags & ENTRY_EXPIRES:
            _tell_table(&w.db.expires, e, fresh, key)
        if fresh.flags & ENTRY_TIMED_FIELDS:
            _tell_table(&w.db.timed, e, fresh, key)
    return fresh


cdef void _set_aside(_Walk* w, Entry* e) noexcept nogil:
    """The key's value is moved in steps, as soon as this bucket is done."""
    cdef Defrag* x = w.x
    cdef Slice name = entry_key(e)
    cdef char* copy = <char*>mem_alloc(w.ks.mem, name.len)
    memcpy(copy, name.ptr, name.len)
    x.large = <LargeKey*>mem_room(w.ks.mem, x.large, x.large_count, &x.large_capacity, sizeof(LargeKey), 8)
    x.large[x.large_count].db = w.db.id
    x.large[x.large_count].name = slice_of(copy, name.len)
    x.large[x.large_count].at = 0
    x.large_count += 1


cdef void* _settle_key(void* walk, void* entry) noexcept nogil:
    """The Settle of the key tables."""
    cdef _Walk* w = <_Walk*>walk
    cdef size_t before = w.ks.mem.moved
    cdef uint64_t at = 0
    cdef Entry* e = _settle_entry(w, <Entry*>entry)
    cdef const TypeOps* ops
    if e.flags & ENTRY_POINTER:
        ops = w.ks.ops[<int>entry_type(e)]
        if ops.settle == NULL:
            pass
        elif ops.effort(e) > w.x.policy.large:
            _set_aside(w, e)
        else:
            while not ops.settle(w.ks.mem, e, &at, ALL):
                pass
    if w.ks.mem.moved != before:
        w.x.stats.key_hits += 1
    else:
        w.x.stats.key_misses += 1
    return e


cdef void _settle_large(Defrag* x, Keyspace* ks) noexcept nogil:
    """A step of the value that was set aside last; it may have changed, or be gone."""
    cdef LargeKey* last = &x.large[x.large_count - 1]
    cdef Entry* e = keyspace_find(&ks.dbs[last.db], keyspace_key(ks, last.name))
    cdef const TypeOps* ops = ks.ops[<int>entry_type(e)] if e != NULL and e.flags & ENTRY_POINTER else NULL
    if ops == NULL or ops.settle == NULL or ops.settle(ks.mem, e, &last.at, x.step):
        mem_free(ks.mem, <void*>last.name.ptr, last.name.len)
        x.large_count -= 1


cdef void _forget_large(Defrag* x, Keyspace* ks) noexcept nogil:
    while x.large_count:
        x.large_count -= 1
        mem_free(ks.mem, <void*>x.large[x.large_count].name.ptr, x.large[x.large_count].name.len)


# ---------------------------------------------------------------- a pass

cdef bint _move(Defrag* x, Keyspace* ks) noexcept nogil:
    """A step of the walk over all tables of all databases; False: it is at its end."""
    cdef _Walk w
    cdef Dict* table
    cdef Settle settle = NULL
    if x.large_count:
        _settle_large(x, ks)
        return True
    if x.db == ks.count:
        return False
    w.x = x
    w.ks = ks
    w.db = &ks.dbs[x.db]
    table = &w.db.keys if x.table == 0 else &w.db.expires if x.table == 1 else &w.db.timed
    if x.at == 0:
        dict_settle(table)
    if x.table == 0:
        settle = _settle_key
    if dict_settle_part(table, &x.at, x.step, settle, &w):
        x.at = 0
        x.table += 1
        if x.table == TABLES:
            x.table = 0
            x.db += 1
    return True


cdef void defrag_begin(Defrag* x, Keyspace* ks) noexcept nogil:
    compact_begin(&x.plan)
    x.phase = DEFRAG_SURVEYS
    x.db = x.table = 0
    x.at = 0
    x.waste_before = compact_waste(ks.mem)


cdef void _give_up(Defrag* x, Keyspace* ks) noexcept nogil:
    _forget_large(x, ks)
    x.phase = DEFRAG_RESTS
    x.share = 0
    x.began_us = 0
    while arena_reinstate(ks.mem, ALL):
        pass


cdef bint defrag_step(Defrag* x, Keyspace* ks) noexcept nogil:
    """A step of the pass, some 10 to 50 us; False: it is over."""
    ks.mem.unsettled = x.everything
    if x.phase == DEFRAG_SURVEYS:
        if compact_survey(&x.plan, ks.mem, CHUNKS):
            x.phase = DEFRAG_RETIRES
    elif x.phase == DEFRAG_RETIRES:
        if compact_retire(&x.plan, ks.mem, CHUNKS):
            x.phase = DEFRAG_MOVES
    elif x.phase == DEFRAG_MOVES:
        if not _move(x, ks):
            x.phase = DEFRAG_ENDS
    elif x.phase == DEFRAG_ENDS:
        if not arena_reinstate(ks.mem, SLABS):
            x.phase = DEFRAG_RESTS
    ks.mem.unsettled = False
    return x.phase != DEFRAG_RESTS


# ---------------------------------------------------------------- when, and how much

cdef int _wanted_share(const Defrag* x, const Keyspace* ks) noexcept nogil:
    """Per cent of the processor that the waste is worth; 0: none."""
    cdef const DefragPolicy* p = &x.policy
    cdef size_t waste = compact_waste(ks.mem)
    cdef double percent = 100.0 * <double>waste / <double>(ks.mem.used if ks.mem.used else 1)
    if waste <= p.ignore_bytes or percent < p.lower:
        return 0
    if percent >= p.upper or p.most <= p.least:
        return p.most
    return p.least + <int>((p.most - p.least) * (percent - p.lower) / (p.upper - p.lower))


cdef bint _is_due(Defrag* x, Keyspace* ks, int64_t now_us) noexcept nogil:
    """Is a pass under way, or one to begin?"""
    cdef int share = _wanted_share(x, ks)
    if x.phase != DEFRAG_RESTS:
        x.share = max(x.share, share)                # no less while a pass goes on, as in Redis
        return True
    if share == 0 or now_us < x.rest_until_us:
        x.share = 0
        x.began_us = 0
        return False
    if x.began_us == 0:
        x.began_us = now_us
    x.share = share
    defrag_begin(x, ks)
    return True


cdef int64_t defrag_cycle(Defrag* x, Keyspace* ks, const Clock* clock) noexcept nogil:
    cdef int64_t now = clock_mono_us(clock), began = now, spent
    if not x.policy.on or ks.shared or ks.loading or not _is_due(x, ks, now):
        return DEFRAG_IDLE_MS
    while now - began < max(x.policy.slice_us, <int64_t>SHORTEST_US):
        if not defrag_step(x, ks):
            if compact_waste(ks.mem) > x.waste_before - x.waste_before // GAIN:
                x.rest_until_us = clock_mono_us(clock) + REST_US
            break
        now = clock_mono_us(clock)
    spent = clock_mono_us(clock) - began
    x.stats.us += spent
    if x.phase == DEFRAG_RESTS:
        return DEFRAG_IDLE_MS
    return max((spent * (100 - x.share) // x.share + 999) // 1000, <int64_t>1)
