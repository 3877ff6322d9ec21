"""file_reader -- all data out of an RDB file: at the start, for DEBUG RELOAD, as the base of an append-only file, from
another server; and without keeping anything, to check a file.

    "REDIS" and four digits of version, or "VALKEY" and three
    opcodes (rdb/format), and for each key:  expiry, idle time or frequency | type | key | value
    EOF | CRC64 of all before it (since version 5; 0: none)

Values are rdb/load's; this adds what stands around them. Making a string costs less than the cache misses of entering
it: its bucket is far. So entries wait in a ring while the lines they will go to are fetched, and are entered some
keys later. The tables are made as large as the file says that they will be (as far as the file can hold so many keys),
so they need not grow.

Nothing in the file is believed: what cannot be ends the load with a reason and an offset, which the source keeps. What
was entered until then stays: the caller ends the process, or empties the databases.

Keys whose time is over are made and dropped again. The values of modules, and what modules put beside them, cannot be
read: they end the load, but for the latter in a dry run.
"""
from libc.limits cimport INT_MAX
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport (Db, Key, keyspace_add, keyspace_delete, keyspace_find, keyspace_release,
                                   keyspace_set_expiry, keyspace_set_frequency, keyspace_set_idle)
from _pyredis.db.value cimport Entry, entry_key
from _pyredis.ds.dict cimport dict_hash, dict_prefetch_bucket, dict_reserve
from _pyredis.rdb.format cimport (RDB_AUX, RDB_EOF, RDB_EXPIRY_MS, RDB_EXPIRY_SECONDS, RDB_FREQUENCY, RDB_FUNCTION,
                                  RDB_FUNCTION_PRE_GA, RDB_IDLE, RDB_MODULE_AUX, RDB_RESIZE, RDB_SELECT, RDB_SLOT_INFO,
                                  RDB_VERSION_REDIS, RDB_VERSION_VALKEY)
from _pyredis.rdb.load cimport Load, load_done, load_init, load_value
from _pyredis.rdb.source cimport (Bulk, bulk_free, bulk_init, source_count, source_crc, source_fail, source_has,
                                  source_i64, source_offset, source_ok, source_string, source_sum, source_u32,
                                  source_u64, source_u8)

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int us)

cdef enum:
    RING = 16                      # entries that wait for their buckets
    MAGIC = 9                      # bytes: the name and the version
    VERSION_SUMS = 5               # the first with a checksum
    SMALLEST_KEY = 3               # bytes: type, an empty key, an empty string
    UNSET = -1
    MODULE_END = 0                 # what stands in a module's aux field
    MODULE_SIGNED = 1
    MODULE_UNSIGNED = 2
    MODULE_FLOAT = 3
    MODULE_DOUBLE = 4
    MODULE_STRING = 5

cdef struct Waiting:
    Entry* entry
    Db* db
    uint64_t hash
    int64_t expiry

cdef struct Reading:               # what goes with the load, but is nobody else's
    FileLoad* f
    Load load
    Bulk name
    Bulk value
    Db* db
    Waiting ring[RING]
    int first                      # of those that wait
    int waiting
    int64_t expiry                 # of the key that comes: unix ms, UNSET
    int64_t idle                   # ... seconds
    int64_t frequency
    uint64_t told                  # offset of the last call of `progress`


# ---------------------------------------------------------------- entering

cdef void _enter(Reading* r, const Waiting* w) noexcept nogil:
    cdef FileLoad* f = r.f
    cdef Key key
    cdef Entry* other
    key.name = entry_key(w.entry)
    key.hash = w.hash
    other = keyspace_find(w.db, key)
    if other != NULL:
        if not f.how & READ_MERGE:
            source_fail(f.source, b"a key is there twice")
            keyspace_release(f.ks, w.entry)
            return
        keyspace_delete(f.ks, w.db, key, other)
    f.ks.made_way = True                           # nobody is told of a new key
    keyspace_add(f.ks, w.db, key, w.entry)
    if w.expiry != UNSET:
        keyspace_set_expiry(f.ks, w.db, key, w.entry, w.expiry)


cdef void _enter_all(Reading* r) noexcept nogil:
    while r.waiting:
        _enter(r, &r.ring[r.first])
        r.first = (r.first + 1) % RING
        r.waiting -= 1


cdef inline void _queue(Reading* r, Entry* e) noexcept nogil:
    """The entry goes into the table when its bucket has come."""
    cdef Waiting* w
    cdef Slice name = entry_key(e)
    if r.waiting == RING:
        _enter(r, &r.ring[r.first])
        r.first = (r.first + 1) % RING
        r.waiting -= 1
    w = &r.ring[(r.first + r.waiting) % RING]
    r.waiting += 1
    w.entry = e
    w.db = r.db
    w.expiry = r.expiry
    w.hash = dict_hash(&r.f.ks.type, name.ptr, name.len)
    dict_prefetch_bucket(&r.db.keys, w.hash)


# ---------------------------------------------------------------- keys

cdef void _note_key(Reading* r, int type) noexcept nogil:
    """Keeps what a failure is told with."""
    cdef FileLoad* f = r.f
    f.type = type
    f.key_length = min(r.name.text.len, sizeof(f.key))
    memcpy(f.key, r.name.text.ptr, f.key_length)


cdef void _key(Reading* r, int type) noexcept nogil:
    cdef FileLoad* f = r.f
    cdef Entry* e
    cdef bint over = r.expiry != UNSET and r.expiry < f.ks.now_ms
    if not source_string(f.source, &r.name):
        return
    _note_key(r, type)
    e = load_value(&r.load, type, r.name.text)
    if e == NULL and not r.load.empty:
        return
    f.keys += 1
    f.timed += r.expiry != UNSET
    f.expired += over
    f.type = -1
    if e == NULL:
        f.empty += 1
    elif f.how & READ_DRY or (over and not f.how & READ_EXPIRED):
        keyspace_release(f.ks, e)
    else:
        if r.frequency != UNSET:
            keyspace_set_frequency(f.ks, e, r.frequency)
        elif r.idle != UNSET:
            keyspace_set_idle(f.ks, e, r.idle)
        _queue(r, e)
    r.expiry = r.idle = r.frequency = UNSET
    if f.delay_us:
        usleep(<unsigned int>f.delay_us)


# ---------------------------------------------------------------- what stands between them

cdef void _aux(Reading* r) noexcept nogil:
    cdef FileLoad* f = r.f
    if source_string(f.source, &r.name) and source_string(f.source, &r.value) and f.aux != NULL:
        f.aux(f.arg, source_offset(f.source), r.name.text, r.value.text)


cdef void _select(Reading* r) noexcept nogil:
    cdef FileLoad* f = r.f
    cdef uint64_t db = source_count(f.source)
    if not source_ok(f.source):
        return
    if db > INT_MAX or (db >= <uint64_t>f.ks.count and not f.how & READ_DRY):
        source_fail(f.source, b"a database has a number that is too high for the configuration")
        return
    r.db = &f.ks.dbs[<int>db] if db < <uint64_t>f.ks.count else f.ks.dbs      # nothing is put there
    f.db = <int>db
    if f.database != NULL:
        f.database(f.arg, source_offset(f.source), f.db)


cdef void _resize(Reading* r) noexcept nogil:
    """Room for the keys that are to come, as far as they can be in the file."""
    cdef FileLoad* f = r.f
    cdef uint64_t keys = source_count(f.source), expires = source_count(f.source)
    cdef uint64_t at = source_offset(f.source)
    cdef uint64_t most = (f.size - at) // SMALLEST_KEY if f.size > at else 0
    if not source_ok(f.source) or f.how & READ_DRY:
        return
    dict_reserve(&r.db.keys, r.db.keys.used + <size_t>min(keys, most))
    dict_reserve(&r.db.expires, r.db.expires.used + <size_t>min(expires, most))


cdef void _function(Reading* r) noexcept nogil:
    cdef FileLoad* f = r.f
    if not source_string(f.source, &r.value):
        return
    if f.library != NULL and not f.library(f.arg, r.value.text):
        source_fail(f.source, b"a library of functions cannot be taken")
        return
    f.functions += 1


cdef void _module_aux(Reading* r) noexcept nogil:
    """Passes over what a module kept beside the keys."""
    cdef FileLoad* f = r.f
    cdef uint64_t kind = 0
    source_count(f.source)                         # the module
    source_count(f.source)                         # an opcode, and when it is to be read
    source_count(f.source)
    while source_ok(f.source):
        kind = source_count(f.source)
        if kind == MODULE_END:
            break
        elif kind == MODULE_SIGNED or kind == MODULE_UNSIGNED:
            source_count(f.source)
        elif kind == MODULE_FLOAT:
            source_u32(f.source)
        elif kind == MODULE_DOUBLE:
            source_u64(f.source)
        elif kind == MODULE_STRING:
            source_string(f.source, &r.value)
        else:
            source_fail(f.source, b"what belongs to a module is broken")
    if not f.how & READ_DRY:
        source_fail(f.source, b"it holds data of a module, and there are no modules")


cdef void _step(Reading* r, int opcode) noexcept nogil:
    cdef FileLoad* f = r.f
    if opcode == RDB_EXPIRY_MS:
        r.expiry = source_i64(f.source)
        if r.expiry < 0:
            r.expiry = 0
    elif opcode == RDB_EXPIRY_SECONDS:
        r.expiry = <int64_t>source_u32(f.source) * 1000
    elif opcode == RDB_FREQUENCY:
        r.frequency = source_u8(f.source)
    elif opcode == RDB_IDLE:
        r.idle = <int64_t>min(source_count(f.source), <uint64_t>1 << 40)
    elif opcode == RDB_SELECT:
        _select(r)
    elif opcode == RDB_RESIZE:
        _resize(r)
    elif opcode == RDB_AUX:
        _aux(r)
    elif opcode == RDB_FUNCTION:
        _function(r)
    elif opcode == RDB_FUNCTION_PRE_GA:
        source_fail(f.source, b"it holds functions of a release candidate of 7.0")
    elif opcode == RDB_MODULE_AUX:
        _module_aux(r)
    elif opcode == RDB_SLOT_INFO:
        source_count(f.source)
        source_count(f.source)
        source_count(f.source)
    else:
        _key(r, opcode)


# ---------------------------------------------------------------- the whole

cdef bint _head(Reading* r) noexcept nogil:
    """The magic and the version."""
    cdef FileLoad* f = r.f
    cdef const unsigned char* p
    cdef int digits, i, version = 0
    if not source_has(f.source, MAGIC):
        return False
    p = f.source.at
    if memcmp(p, b"REDIS", 5) == 0:
        digits = 4
    elif memcmp(p, b"VALKEY", 6) == 0:
        digits = 3
    else:
        source_fail(f.source, b"it does not begin as an RDB file does")
        return False
    for i in range(MAGIC - digits, MAGIC):
        version = version * 10 + (p[i] - 48 if 48 <= p[i] <= 57 else 10000)
    f.version = version if version < 10000 else 0
    if version < 1 or (version > RDB_VERSION_REDIS and version != RDB_VERSION_VALKEY and
                       (not f.how & READ_ANY_VERSION or version >= 10000)):
        source_fail(f.source, b"it has a version that is not known")
        return False
    f.source.at += MAGIC
    return True


cdef void _sum(Reading* r) noexcept nogil:
    cdef FileLoad* f = r.f
    cdef uint64_t crc, wanted
    if f.version < VERSION_SUMS:
        return
    crc = source_crc(f.source)
    wanted = source_u64(f.source)
    if source_ok(f.source) and wanted and f.how & READ_SUM:
        if crc != wanted:
            source_fail(f.source, b"RDB CRC error, its checksum is wrong")
        f.summed = crc == wanted


cdef void _read(Reading* r) noexcept nogil:
    cdef FileLoad* f = r.f
    cdef uint64_t at = 0
    cdef int opcode = 0
    while source_ok(f.source):
        at = source_offset(f.source)
        if f.progress != NULL and at - r.told >= f.interval:
            r.told = at
            if not f.progress(f.arg, at):
                f.stopped = True
                return
        opcode = source_u8(f.source)
        if not source_ok(f.source):
            return
        if opcode == RDB_EOF:
            _enter_all(r)
            if source_ok(f.source):
                _sum(r)
            return
        _step(r, opcode)


cdef bint file_load(FileLoad* f) noexcept nogil:
    cdef Reading r
    memset(&r, 0, sizeof(Reading))
    r.f = f
    r.db = &f.ks.dbs[0]
    r.expiry = r.idle = r.frequency = UNSET
    bulk_init(&r.name)
    bulk_init(&r.value)
    f.keys = f.timed = f.expired = f.empty = f.functions = 0
    f.stopped = f.summed = False
    f.db = 0
    f.type = -1
    f.key_length = 0
    r.told = source_offset(f.source)
    source_sum(f.source)
    if _head(&r):
        load_init(&r.load, f.source, f.ks, f.version)
        _read(&r)
        _enter_all(&r)
        load_done(&r.load)
    bulk_free(f.source.mem, &r.name)
    bulk_free(f.source.mem, &r.value)
    return source_ok(f.source) and not f.stopped
