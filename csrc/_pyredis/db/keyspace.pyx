"""keyspace -- the databases: keys, their entries, their expiries.

A database is three tables over the same entries: `keys` has all, `expires` those with an expiry (so that the
active cycle and the volatile-* policies find them without reading the rest: 12 to 14 bytes a volatile key),
`timed` the hashes of which some field has one. An entry that moves is replaced in all; in the second and
third it is found by address, with the hash already known.

A key past its time does not exist: keyspace_get removes it on the way (lazy expiry) and reports a DEL, so
the AOF and replicas never have to judge time. What nobody asks for, db/expire removes.

Emptying a database hands its tables over as they are; they are drained at once or, lazily, in steps of
keyspace_reap between requests. A value of many allocations is buried likewise whenever its key goes, by
whatever command: nothing here blocks for longer than the caller chose. The arena has one thread, and so the
steps run on it, between two rounds of requests.

Every entry belongs to the tables. The keyspace knows no type: what to do with a value that stands in a
block of its own (free, copy, weigh) is asked of `ops`, which each type fills in at start (db/types).
"""
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport memcpy

from _pyredis.base.mem cimport Arena, mem_footprint, mem_free, mem_room
from _pyredis.base.rand cimport rand_seed, rand_u64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.effects cimport (EV_EXPIRED, EV_KEY_MISS, EV_NEW, effects_free, effects_init, effects_keep,
                                  effects_key, effects_propagate, effects_record)
from _pyredis.db.value cimport (ENTRY_EXPIRES, ENTRY_POINTER, ENTRY_TIMED_FIELDS, entry_access, entry_encoding,
                                entry_expiry, entry_fits, entry_free, entry_is_over, entry_key, entry_key_of,
                                entry_new, entry_pointer, entry_reshape, entry_set_access, entry_set_expiry,
                                entry_set_kind, entry_set_pointer, entry_size, entry_type, entry_value)
from _pyredis.ds.dict cimport (dict_check, dict_drain, dict_each, dict_find, dict_find_entry, dict_free, dict_hash,
                               dict_init, dict_insert, dict_random, dict_remove, place_set)

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    void fatal_oom(size_t n)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    ACCESS_MASK = 0xffffff
    LRU_TICK_MS = 500              # of the LRU clock, which comes round in 97 days
    LFU_INITIAL = 5                # a new key starts here, so that it has time to be used
    RANDOM_TRIES = 100
    LARGE_EFFORT = 1024            # a value of more allocations than this is freed in steps
    ALL = 1 << 30


cdef inline const TypeOps* _ops(const Keyspace* ks, const Entry* e) noexcept nogil:
    return ks.ops[<int>entry_type(e)]


cdef Keyspace* keyspace_new(Arena* mem, int databases, const uint64_t* seed) noexcept nogil:
    """`seed`: 16 random bytes, the key of the hash function."""
    cdef Keyspace* ks = <Keyspace*>calloc(1, sizeof(Keyspace))
    cdef int i
    if ks == NULL:
        fatal_oom(sizeof(Keyspace))
    ks.mem = mem
    ks.type.key_of = entry_key_of
    ks.type.mem = mem
    memcpy(ks.type.seed, seed, 16)
    for i in range(T_COUNT):
        ks.members[i] = ks.type                  # but for key_of, which the type sets
    rand_seed(&ks.rand, seed[0] ^ (seed[1] << 1))
    effects_init(&ks.fx, mem)
    ks.count = databases
    ks.dbs = <Db*>calloc(databases, sizeof(Db))
    if ks.dbs == NULL:
        fatal_oom(databases * sizeof(Db))
    for i in range(databases):
        ks.dbs[i].id = i
        dict_init(&ks.dbs[i].keys, &ks.type)
        dict_init(&ks.dbs[i].expires, &ks.type)
        dict_init(&ks.dbs[i].timed, &ks.type)
    _default_limits(&ks.limits)
    ks.active_expire = True
    ks.lfu_log_factor = 10
    ks.lfu_decay_time = 1
    return ks


cdef void _default_limits(Limits* limits) noexcept nogil:
    limits.list_max_listpack_size = -2
    limits.list_compress_depth = 0
    limits.list_packed_threshold = 0
    limits.set_max_intset_entries = 512
    limits.set_max_listpack_entries = 128
    limits.set_max_listpack_value = 64
    limits.hash_max_listpack_entries = 512
    limits.hash_max_listpack_value = 64
    limits.zset_max_listpack_entries = 128
    limits.zset_max_listpack_value = 64
    limits.hll_sparse_max_bytes = 3000


cdef void keyspace_free(Keyspace* ks) noexcept nogil:
    cdef int i
    for i in range(ks.count):
        keyspace_flush(ks, &ks.dbs[i], False)
    while keyspace_reap(ks, 1 << 20):
        pass
    mem_free(ks.mem, ks.graves.tables, ks.graves.capacity * sizeof(Grave))
    mem_free(ks.mem, ks.graves.corpses, ks.graves.corpse_capacity * sizeof(Corpse))
    effects_free(&ks.fx)
    libc_free(ks.dbs)
    libc_free(ks)


cdef void keyspace_set_clock(Keyspace* ks, int64_t now_ms) noexcept nogil:
    ks.now_ms = now_ms
    ks.due_ms = 0 if ks.loading else now_ms
    if ks.policy == ACCESS_LFU:
        ks.access_clock = <uint32_t>(now_ms // 60000 & 0xffff)
    else:
        ks.access_clock = <uint32_t>(now_ms // LRU_TICK_MS & ACCESS_MASK)


cdef Key keyspace_key(const Keyspace* ks, Slice name) noexcept nogil:
    cdef Key key
    key.name = name
    key.hash = dict_hash(&ks.type, name.ptr, name.len)
    return key


# ---------------------------------------------------------------- access times

cdef uint32_t keyspace_fresh_access(const Keyspace* ks) noexcept nogil:
    """What a new entry gets: the LRU clock, or minutes (16 bits) and a logarithmic counter (8 bits)."""
    return (ks.access_clock << 8) | LFU_INITIAL if ks.policy == ACCESS_LFU else ks.access_clock


cdef uint32_t keyspace_frequency(const Keyspace* ks, const Entry* e) noexcept nogil:
    """The LFU counter as it stands now: one less for every lfu-decay-time minutes without use."""
    cdef uint32_t access = entry_access(e), counter = access & 255
    cdef uint32_t minutes = (ks.access_clock - (access >> 8)) & 0xffff
    cdef uint32_t periods = minutes // ks.lfu_decay_time if ks.lfu_decay_time else 0
    return 0 if periods > counter else counter - periods


cdef void keyspace_touch(Keyspace* ks, Entry* e) noexcept nogil:
    cdef uint32_t counter
    cdef double chance
    if ks.shared:
        return
    if ks.policy != ACCESS_LFU:
        if entry_access(e) != ks.access_clock:      # once a tick: the line stays clean in between
            entry_set_access(e, ks.access_clock)
        return
    counter = keyspace_frequency(ks, e)
    if counter < 255:
        chance = 1.0 / ((counter - LFU_INITIAL if counter > LFU_INITIAL else 0) * <double>ks.lfu_log_factor + 1)
        if <double>(rand_u64(&ks.rand) >> 11) * (1.0 / 9007199254740992.0) < chance:
            counter += 1
    entry_set_access(e, (ks.access_clock << 8) | counter)


cdef int64_t keyspace_idle_ms(const Keyspace* ks, const Entry* e) noexcept nogil:
    """Time since the last access, by the LRU clock."""
    return <int64_t>((<uint32_t>(ks.now_ms // LRU_TICK_MS) - entry_access(e)) & ACCESS_MASK) * LRU_TICK_MS


cdef void keyspace_set_idle(const Keyspace* ks, Entry* e, int64_t seconds) noexcept nogil:
    """As if it had last been used so many seconds ago; under LFU nothing."""
    cdef int64_t ticks = min(seconds, <int64_t>ACCESS_MASK) * (1000 // LRU_TICK_MS)
    if ks.policy != ACCESS_LFU:
        entry_set_access(e, (ks.access_clock - <uint32_t>min(ticks, <int64_t>ACCESS_MASK)) & ACCESS_MASK)


cdef void keyspace_set_frequency(const Keyspace* ks, Entry* e, int64_t counter) noexcept nogil:
    """The LFU counter, 0 to 255, as of now; without LFU nothing."""
    if ks.policy == ACCESS_LFU:
        entry_set_access(e, (ks.access_clock << 8) | <uint32_t>counter)


# ---------------------------------------------------------------- finding

cdef Entry* keyspace_find(const Db* db, Key key) noexcept nogil:
    return <Entry*>dict_find(&db.keys, key.name.ptr, key.name.len, key.hash, NULL)


cdef void _tell(Keyspace* ks, Db* db, Key key, uint32_t event_class, const char* event) noexcept nogil:
    """An effect of the classes that are recorded by request; the name may go before the drain."""
    effects_record(&ks.fx, db.id, effects_keep(&ks.fx, key.name), event_class, event, 0)


cdef Entry* keyspace_get(Keyspace* ks, Db* db, Key key, int lookup) noexcept nogil:
    """The entry with this key, or NULL; an expired one is removed and gone."""
    cdef Entry* e = keyspace_find(db, key)
    if e != NULL and entry_is_over(e, ks.due_ms):
        if not ks.keep_expired:
            keyspace_expire(ks, db, key, e)
        e = NULL
    if not lookup & LOOKUP_NO_STATS:
        if e != NULL:
            ks.stats.hits += 1
        else:
            ks.stats.misses += 1
            if UNLIKELY(ks.fx.extra & EV_KEY_MISS) and not lookup & LOOKUP_SILENT:
                _tell(ks, db, key, EV_KEY_MISS, b"keymiss")
    if e != NULL and not lookup & LOOKUP_NO_TOUCH:
        keyspace_touch(ks, e)
    return e


cdef Entry* keyspace_random(Keyspace* ks, Db* db) noexcept nogil:
    """Some live entry, each equally likely; NULL if there is none. Expired ones met are removed."""
    cdef Entry* e
    cdef int tries
    for tries in range(RANDOM_TRIES):
        e = <Entry*>dict_random(&db.keys, &ks.rand)
        if e == NULL or not entry_is_over(e, ks.due_ms):
            return e
        if not ks.keep_expired:
            keyspace_expire_entry(ks, db, keyspace_key(ks, entry_key(e)).hash, e)
    return NULL


# ---------------------------------------------------------------- changing

cdef void keyspace_release(Keyspace* ks, Entry* e) noexcept nogil:
    """Frees an entry that is in no table, with its value: a large one in steps to come."""
    if e.flags & ENTRY_POINTER:
        keyspace_release_value(ks, e)
    entry_free(ks.mem, e)


cdef void keyspace_release_value(Keyspace* ks, Entry* e) noexcept nogil:
    """Frees what the entry points to, a large value in steps to come; the pointer is void from now on."""
    if _ops(ks, e).effort(e) > LARGE_EFFORT:
        _bury_value(ks, e)
    else:
        _ops(ks, e).free_value(ks.mem, entry_encoding(e), entry_pointer(e), ALL)


cdef void _bury_value(Keyspace* ks, const Entry* e) noexcept nogil:
    cdef Graves* g = &ks.graves
    g.corpses = <Corpse*>mem_room(ks.mem, g.corpses, g.corpse_count, &g.corpse_capacity, sizeof(Corpse), 16)
    g.corpses[g.corpse_count].value = entry_pointer(e)
    g.corpses[g.corpse_count].type = entry_type(e)
    g.corpses[g.corpse_count].encoding = entry_encoding(e)
    g.corpse_count += 1


cdef void keyspace_add(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil:
    """Takes an entry whose key is absent."""
    if UNLIKELY(ks.fx.extra & EV_NEW) and not ks.made_way:
        _tell(ks, db, key, EV_NEW, b"new")
    ks.made_way = False
    dict_insert(&db.keys, e, key.hash)
    if e.flags & ENTRY_EXPIRES:
        dict_insert(&db.expires, e, key.hash)
    if UNLIKELY(e.flags & ENTRY_TIMED_FIELDS):
        dict_insert(&db.timed, e, key.hash)


cdef Entry* keyspace_make(Keyspace* ks, Slice name, ValueType t, Encoding enc, void* value) noexcept nogil:
    """An entry in no table that points to `value`, which is the entry's from now on: for keyspace_add, or
    keyspace_release."""
    cdef Entry* e = entry_new(ks.mem, name, sizeof(void*), False)
    e.flags |= ENTRY_POINTER
    entry_set_pointer(e, value)
    entry_set_kind(e, t, enc)
    entry_set_access(e, keyspace_fresh_access(ks))
    return e


cdef Entry* keyspace_create(Keyspace* ks, Db* db, Key key, ValueType t, Encoding enc, void* value) noexcept nogil:
    """A new key, absent until now, that points to `value`, which is the keyspace's from now on."""
    cdef Entry* e = keyspace_make(ks, key.name, t, enc, value)
    keyspace_add(ks, db, key, e)
    return e


cdef void _forget_expiry(Db* db, Key key, Entry* e) noexcept nogil:
    cdef Place at
    if e.flags & ENTRY_EXPIRES and dict_find_entry(&db.expires, e, key.hash, &at):
        dict_remove(&db.expires, at, key.hash)


cdef void _forget_timed(Db* db, Key key, Entry* e) noexcept nogil:
    cdef Place at
    if UNLIKELY(e.flags & ENTRY_TIMED_FIELDS) and dict_find_entry(&db.timed, e, key.hash, &at):
        dict_remove(&db.timed, at, key.hash)


cdef void keyspace_set_timed(Keyspace* ks, Db* db, Key key, Entry* e, bint timed) noexcept nogil:
    """Has some field of this hash an expiry from now on?"""
    if timed and not e.flags & ENTRY_TIMED_FIELDS:
        e.flags |= ENTRY_TIMED_FIELDS
        dict_insert(&db.timed, e, key.hash)
    elif not timed:
        _forget_timed(db, key, e)
        e.flags &= ~<int>ENTRY_TIMED_FIELDS


cdef Entry* keyspace_take(Keyspace* ks, Db* db, Key key) noexcept nogil:
    """Takes an entry out of its tables and gives it to the caller; NULL if the key is absent."""
    cdef Place at
    cdef Entry* e = <Entry*>dict_find(&db.keys, key.name.ptr, key.name.len, key.hash, &at)
    if e == NULL:
        return NULL
    _forget_expiry(db, key, e)
    _forget_timed(db, key, e)
    dict_remove(&db.keys, at, key.hash)
    return e


cdef void keyspace_delete(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil:
    """Removes and frees. `key.name` may lie within the entry."""
    cdef Place at
    _forget_expiry(db, key, e)
    _forget_timed(db, key, e)
    if dict_find_entry(&db.keys, e, key.hash, &at):
        dict_remove(&db.keys, at, key.hash)
    keyspace_release(ks, e)


cdef void keyspace_make_way(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil:
    """keyspace_delete, for another value under the same key if it comes next: that is no new key then."""
    keyspace_delete(ks, db, key, e)
    ks.made_way = True


cdef void keyspace_expire(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil:
    """Removes a key whose time is over; elsewhere it is repeated as a DEL. `key.name` must outlive the entry."""
    cdef Slice[2] words
    words[0] = slice_of(b"DEL", 3)
    words[1] = key.name
    ks.stats.expired += 1
    effects_propagate(&ks.fx, db.id, 2, words, False)
    keyspace_delete(ks, db, key, e)
    effects_key(&ks.fx, db.id, key.name, EV_EXPIRED, b"expired", 0)       # Redis: does not count as dirty


cdef void keyspace_expire_entry(Keyspace* ks, Db* db, uint64_t hash, Entry* e) noexcept nogil:
    """keyspace_expire for an entry met in the tables: its name is copied if somebody wants to hear of it."""
    cdef Key key
    key.name = effects_keep(&ks.fx, entry_key(e)) if ks.fx.wanted else entry_key(e)
    key.hash = hash
    keyspace_expire(ks, db, key, e)


cdef Entry* keyspace_reshape(Keyspace* ks, Db* db, Key key, Entry* e, size_t value_length,
                             bint expires) noexcept nogil:
    """entry_reshape for an entry in the tables: wherever it moves, they know. Does not add to `expires`."""
    cdef bint had = (e.flags & ENTRY_EXPIRES) != 0
    cdef Place key_at, expire_at, timed_at
    cdef Entry* fresh
    if had == expires and entry_fits(e, value_length):
        e.value_length = <uint16_t>value_length
        return e
    if had and not expires:
        _forget_expiry(db, key, e)
    dict_find_entry(&db.keys, e, key.hash, &key_at)
    if had and expires:
        dict_find_entry(&db.expires, e, key.hash, &expire_at)
    if UNLIKELY(e.flags & ENTRY_TIMED_FIELDS):
        dict_find_entry(&db.timed, e, key.hash, &timed_at)
    fresh = entry_reshape(ks.mem, e, value_length, expires)
    if fresh != e:
        place_set(key_at, fresh)
        if had and expires:
            place_set(expire_at, fresh)
        if UNLIKELY(fresh.flags & ENTRY_TIMED_FIELDS):
            place_set(timed_at, fresh)
    return fresh


cdef Entry* keyspace_set_expiry(Keyspace* ks, Db* db, Key key, Entry* e, int64_t at_ms) noexcept nogil:
    """Sets when the key ends (unix ms, not negative). May move the entry."""
    if not e.flags & ENTRY_EXPIRES:
        e = keyspace_reshape(ks, db, key, e, e.value_length, True)
        dict_insert(&db.expires, e, key.hash)
    entry_set_expiry(e, at_ms)
    return e


cdef Entry* keyspace_clear_expiry(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil:
    """The key lasts from now on. May move the entry."""
    if e.flags & ENTRY_EXPIRES:
        e = keyspace_reshape(ks, db, key, e, e.value_length, False)
    return e


cdef Entry* _twin(Keyspace* ks, const Entry* e, Slice name) noexcept nogil:
    """An entry like e under another name, in no table; its value's bytes are the same."""
    cdef Entry* twin = entry_new(ks.mem, name, e.value_length, (e.flags & ENTRY_EXPIRES) != 0)
    twin.meta = e.meta
    twin.flags |= e.flags & (ENTRY_POINTER | ENTRY_TIMED_FIELDS)
    if e.flags & ENTRY_EXPIRES:
        entry_set_expiry(twin, entry_expiry(e))
    memcpy(entry_value(twin), entry_value(e), e.value_length)
    return twin


cdef Entry* keyspace_copy(Keyspace* ks, const Entry* e, Slice name) noexcept nogil:
    """A deep copy under another name, in no table yet; expiry and access time are copied too."""
    cdef Entry* twin = _twin(ks, e, name)
    if e.flags & ENTRY_POINTER:
        entry_set_pointer(twin, _ops(ks, e).copy_value(ks.mem, e))
    return twin


cdef Entry* keyspace_rename(Keyspace* ks, Entry* taken, Slice name) noexcept nogil:
    """Turns an entry that keyspace_take gave into one with another name; the value moves along."""
    cdef Entry* twin = _twin(ks, taken, name)
    entry_free(ks.mem, taken)
    return twin


# ---------------------------------------------------------------- whole databases

cdef void _release_visit(void* ks, void* e) noexcept nogil:
    keyspace_release(<Keyspace*>ks, <Entry*>e)


cdef void _pass_over(void* ks, void* e) noexcept nogil:
    """The Visit of a table whose entries belong to another."""


cdef void _bury(Keyspace* ks, Dict* table, bint has_keys) noexcept nogil:
    """Leaves an empty one."""
    cdef Graves* g = &ks.graves
    if table.used:
        g.tables = <Grave*>mem_room(ks.mem, g.tables, g.count, &g.capacity, sizeof(Grave), 4)
        g.tables[g.count].table = table[0]
        g.tables[g.count].has_keys = has_keys
        g.count += 1
        dict_init(table, &ks.type)
    else:
        dict_free(table)


cdef size_t keyspace_flush(Keyspace* ks, Db* db, bint lazily) noexcept nogil:
    """Empties a database; how many keys it had. Lazily: memory comes back with keyspace_reap."""
    cdef size_t n = db.keys.used
    if lazily:
        _bury(ks, &db.keys, True)
        _bury(ks, &db.expires, False)            # what another table knows of them is gone before they are
        _bury(ks, &db.timed, False)
    else:
        dict_free(&db.expires)
        dict_free(&db.timed)
        while dict_drain(&db.keys, 1 << 20, _release_visit, ks):
            pass
        dict_free(&db.keys)
        while ks.graves.corpse_count:
            _reap_value(ks, ALL)
    db.expire_cursor = db.timed_cursor = 0
    db.average_ttl = 0
    return n


cdef size_t keyspace_reap(Keyspace* ks, size_t most) noexcept nogil:
    """Frees up to about `most` buried entries, or allocations of buried values; what keyspace_buried says after."""
    cdef Graves* g = &ks.graves
    cdef Grave* last
    cdef size_t passed = 0, n
    if g.corpse_count:
        _reap_value(ks, most)
        return keyspace_buried(ks)
    while g.count and passed < most:
        last = &g.tables[g.count - 1]
        n = dict_drain(&last.table, most - passed, _release_visit if last.has_keys else _pass_over, ks)
        passed += n
        if last.has_keys:
            ks.stats.lazy_freed += n
        if last.table.used == 0:
            dict_free(&last.table)
            g.count -= 1
    return keyspace_buried(ks)


cdef void _reap_value(Keyspace* ks, size_t most) noexcept nogil:
    """Frees about `most` allocations of the value that was buried last."""
    cdef Corpse* last = &ks.graves.corpses[ks.graves.corpse_count - 1]
    if ks.ops[<int>last.type].free_value(ks.mem, last.encoding, last.value, most):
        ks.graves.corpse_count -= 1
        ks.stats.lazy_freed += 1


cdef size_t keyspace_buried(const Keyspace* ks) noexcept nogil:
    cdef size_t left = ks.graves.corpse_count, i
    for i in range(ks.graves.count):
        if ks.graves.tables[i].has_keys:
            left += ks.graves.tables[i].table.used
    return left


cdef void keyspace_swap(Keyspace* ks, int a, int b) noexcept nogil:
    """Exchanges the contents of two databases."""
    cdef Db first = ks.dbs[a]
    ks.dbs[a] = ks.dbs[b]
    ks.dbs[b] = first
    ks.dbs[a].id = a
    ks.dbs[b].id = b


# ---------------------------------------------------------------- weighing and checking

cdef size_t keyspace_memory(const Keyspace* ks, const Entry* e, size_t samples) noexcept nogil:
    """Bytes that a key takes: entry, value, and its share of the tables."""
    cdef size_t n = mem_footprint(entry_size(e)) + 11 + (11 if e.flags & ENTRY_EXPIRES else 0)
    if e.flags & ENTRY_POINTER:
        n += _ops(ks, e).memory(e, samples)
    return n


cdef struct _Volatile:
    const Keyspace* ks
    const Db* db
    int broken


cdef void _check_volatile(void* arg, void* entry) noexcept nogil:
    cdef _Volatile* v = <_Volatile*>arg
    cdef Place at
    if (not (<Entry*>entry).flags & ENTRY_EXPIRES
            or not dict_find_entry(&v.db.keys, entry, keyspace_key(v.ks, entry_key(<Entry*>entry)).hash, &at)):
        v.broken = 201


cdef void _check_timed(void* arg, void* entry) noexcept nogil:
    cdef _Volatile* v = <_Volatile*>arg
    cdef Place at
    if (not (<Entry*>entry).flags & ENTRY_TIMED_FIELDS
            or not dict_find_entry(&v.db.keys, entry, keyspace_key(v.ks, entry_key(<Entry*>entry)).hash, &at)):
        v.broken = 301


cdef int keyspace_check(const Keyspace* ks) noexcept nogil:
    """0, or the rule of dict_check that is broken: plus 100 in `expires`; 200 more of these than keys; 201 one
    that has no expiry, or is not the entry that stands in `keys`; 300 and 301 the like for `timed`."""
    cdef int i, broken
    cdef _Volatile v
    v.ks = ks
    v.broken = 0
    for i in range(ks.count):
        broken = dict_check(&ks.dbs[i].keys)
        if broken:
            return broken
        broken = dict_check(&ks.dbs[i].expires)
        if broken:
            return 100 + broken
        if ks.dbs[i].expires.used > ks.dbs[i].keys.used:
            return 200
        v.db = &ks.dbs[i]
        dict_each(&ks.dbs[i].expires, _check_volatile, &v)
        dict_each(&ks.dbs[i].timed, _check_timed, &v)
        if v.broken:
            return v.broken
        if dict_check(&ks.dbs[i].timed):
            return 300
    return 0
