"""file_writer -- all data as an RDB file: what SAVE, BGSAVE, a replica's first copy and the AOF's base write.

    "REDIS" and four digits of version
    AUX name value ...                             facts about the server that wrote it
    FUNCTION source ...
    for each database that has keys:
        SELECT its number | RESIZE keys, of these with an expiry
        for each key:
            EXPIRY_MS time | IDLE or FREQUENCY     if there is one, or it is asked for
            type | key | value                     rdb/save
    EOF | CRC64 of all before it

The version stands first and is the oldest that has the layouts of all values that follow, so it has to be found
before anything is written. Hashes with timed fields ask for the newest one, and the keyspace knows at once whether
there are any. Else it depends on the streams, and finding those takes a walk over all keys: 25 ns a key,
beside the 85 of saving one (2 M strings of 16 bytes under names of 11; November 2026, a shared Xeon).

Entries lie anywhere, so a group of them is fetched before the first is written.

Keys whose time has passed and that are still there are written as they are: a reader drops them.

Nothing is allocated but the sink's buffers, nothing is changed, and no Python is met: made for a forked child.
"""
from _pyredis.db.keyspace cimport Db, keyspace_frequency, keyspace_idle_ms
from _pyredis.db.value cimport ENTRY_EXPIRES, Entry, T_STREAM, entry_expiry, entry_key, entry_type
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.rdb.format cimport (RDB_AUX, RDB_EOF, RDB_EXPIRY_MS, RDB_FREQUENCY, RDB_FUNCTION, RDB_IDLE, RDB_RESIZE,
                                  RDB_SELECT, RDB_VERSION_FIELD_EXPIRY, RDB_VERSION_LISTPACKS, RDB_VERSION_STREAMS_3,
                                  RdbType)
from _pyredis.rdb.save cimport save_type, save_value, save_version
from _pyredis.rdb.sink cimport SINK_CRC, sink_crc, sink_length, sink_string, sink_u64, sink_u8, sink_write

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    GROUP = 16                     # entries whose lines are fetched together
    LINE = 64

cdef struct Group:
    const Entry* entries[GROUP]
    int count


cdef bint _next_group(DictIter* it, Group* group) noexcept nogil:
    """The next entries of a walk, their memory asked for; False: there are no more."""
    cdef const Entry* e
    group.count = 0
    while group.count < GROUP:
        e = <const Entry*>dict_next(it)
        if e == NULL:
            break
        PREFETCH(e)
        PREFETCH(<const char*>e + LINE)
        group.entries[group.count] = e
        group.count += 1
    return group.count != 0


# ---------------------------------------------------------------- the version

cdef bint _has_new_streams(const Db* db) noexcept nogil:
    cdef DictIter it
    cdef Group group
    cdef const Entry* e
    cdef int i
    dict_iter(&db.keys, &it)
    while _next_group(&it, &group):
        for i in range(group.count):
            e = group.entries[i]
            if entry_type(e) == T_STREAM and save_version(save_type(e)) > RDB_VERSION_LISTPACKS:
                return True
    return False


cdef RdbVersion file_version(const Keyspace* ks) noexcept nogil:
    cdef int i
    for i in range(ks.count):
        if ks.dbs[i].timed.used:
            return RDB_VERSION_FIELD_EXPIRY
    for i in range(ks.count):
        if _has_new_streams(&ks.dbs[i]):
            return RDB_VERSION_STREAMS_3
    return RDB_VERSION_LISTPACKS


# ---------------------------------------------------------------- the pieces

cdef void _head(Sink* s, RdbVersion version, const FileFacts* facts) noexcept nogil:
    cdef size_t i
    sink_write(s, b"REDIS00", 7)
    sink_u8(s, 48 + version // 10)                 # digits
    sink_u8(s, 48 + version % 10)
    for i in range(facts.aux_count):
        sink_u8(s, RDB_AUX)
        sink_string(s, facts.aux[i].name)
        sink_string(s, facts.aux[i].value)
    for i in range(facts.function_count):
        sink_u8(s, RDB_FUNCTION)
        sink_string(s, facts.functions[i])


cdef void _key(Sink* s, const Keyspace* ks, const Entry* e, int options) noexcept nogil:
    cdef RdbType type = save_type(e)
    if e.flags & ENTRY_EXPIRES:
        sink_u8(s, RDB_EXPIRY_MS)
        sink_u64(s, entry_expiry(e))
    if options & FILE_IDLE:
        sink_u8(s, RDB_IDLE)
        sink_length(s, keyspace_idle_ms(ks, e) // 1000)
    if options & FILE_FREQUENCY:
        sink_u8(s, RDB_FREQUENCY)
        sink_u8(s, keyspace_frequency(ks, e))
    sink_u8(s, type)
    sink_string(s, entry_key(e))
    save_value(s, e, type)


cdef void _database(Sink* s, const Keyspace* ks, const Db* db, const FileFacts* facts) noexcept nogil:
    cdef DictIter it
    cdef Group group
    cdef int i
    sink_u8(s, RDB_SELECT)
    sink_length(s, db.id)
    sink_u8(s, RDB_RESIZE)
    sink_length(s, db.keys.used)
    sink_length(s, db.expires.used)
    dict_iter(&db.keys, &it)
    while not s.failed and _next_group(&it, &group):
        for i in range(group.count):
            _key(s, ks, group.entries[i], facts.options)
        if facts.progress != NULL and not facts.progress(facts.arg, group.count):
            s.failed = True


cdef bint file_write(Sink* s, const Keyspace* ks, const FileFacts* facts) noexcept nogil:
    cdef int i
    _head(s, file_version(ks), facts)
    for i in range(ks.count):
        if ks.dbs[i].keys.used:
            _database(s, ks, &ks.dbs[i], facts)
    sink_u8(s, RDB_EOF)
    sink_u64(s, sink_crc(s) if s.options & SINK_CRC else 0)
    return not s.failed
