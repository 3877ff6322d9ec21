"""restore -- RESTORE: a key made of what DUMP gave, here or at a server of another kind.

    | type u8 | value, as in an RDB file | version u16 | CRC64 of all before it u64 |

The version is that of the RDB: up to 12 those of Redis, 80 that of Valkey; others are nobody's and refused, unless
rdb-version-check is relaxed. The value is read and checked whole before anything is changed (rdb/load).

A relative time to live is propagated as the absolute time; what is over already is not made, and only removes what it
would have replaced.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.stdio cimport snprintf
from libc.string cimport memset

from _pyredis.base.hash cimport bytes_load64, hash_crc64
from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_BUSY_KEY, ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.cmd.ctx cimport (LOG_WARNING, Ctx, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_write,
                               propagate_del)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, effects_begin, effects_word
from _pyredis.db.keyspace cimport (Key, keyspace_add, keyspace_delete, keyspace_find, keyspace_release,
                                   keyspace_set_expiry, keyspace_set_frequency, keyspace_set_idle)
from _pyredis.db.value cimport Entry
from _pyredis.rdb.format cimport RDB_PAYLOAD_FOOTER, RDB_VERSION_REDIS, RDB_VERSION_VALKEY
from _pyredis.rdb.load cimport Load, load_done, load_init, load_value
from _pyredis.rdb.source cimport Source, source_done, source_of_bytes, source_ok, source_u8
from _pyredis.wire.reply cimport reply_ok

cdef enum:
    UNSET = -1
    MOST_FREQUENT = 255
    FOREVER = 0x7fffffffffffffff   # ms

cdef struct RestoreOptions:
    bint replace
    bint absolute                  # the time to live is a Unix time
    int64_t ttl                    # ms; 0: none
    int64_t idle                   # seconds, or UNSET
    int64_t frequency              # or UNSET


cdef Status _parse(Ctx* c, RestoreOptions* o) noexcept nogil:
    """The words behind the payload."""
    cdef int i = 4
    cdef Status st
    memset(o, 0, sizeof(RestoreOptions))
    o.idle = o.frequency = UNSET
    while i < c.argc:
        if arg_is(c, i, b"REPLACE", 7):
            o.replace = True
        elif arg_is(c, i, b"ABSTTL", 6):
            o.absolute = True
        elif arg_is(c, i, b"IDLETIME", 8) and i + 1 < c.argc and o.frequency == UNSET:
            i += 1
            st = arg_i64(c, i, &o.idle)
            if st != OK:
                return st
            if o.idle < 0:
                return fail_with(c, ERR_CUSTOM, b"ERR Invalid IDLETIME value, must be >= 0")
        elif arg_is(c, i, b"FREQ", 4) and i + 1 < c.argc and o.idle == UNSET:
            i += 1
            st = arg_i64(c, i, &o.frequency)
            if st != OK:
                return st
            if o.frequency < 0 or o.frequency > MOST_FREQUENT:
                return fail_with(c, ERR_CUSTOM, b"ERR Invalid FREQ value, must be >= 0 and <= 255")
        else:
            return ERR_SYNTAX
        i += 1
    return OK


cdef bint _is_payload(Ctx* c, Slice payload, int* version) noexcept nogil:
    """Is the footer of a version that is read here, and its sum right?"""
    cdef const uint8_t* footer
    if payload.len < RDB_PAYLOAD_FOOTER:
        return False
    footer = <const uint8_t*>payload.ptr + payload.len - RDB_PAYLOAD_FOOTER
    version[0] = footer[0] | (footer[1] << 8)
    if version[0] > RDB_VERSION_REDIS and version[0] != RDB_VERSION_VALKEY and not c.server.any_rdb_version:
        return False
    return c.server.skip_sums or bytes_load64(footer + 2) == hash_crc64(0, payload.ptr, payload.len - 8)


cdef Entry* _load(Ctx* c, Slice name, Slice payload, int version) noexcept nogil:
    """The entry, in no table yet; NULL if the payload has none. Redis: bytes behind the value do not matter."""
    cdef Source source
    cdef Load load
    cdef Entry* e
    cdef char[256] text
    source_of_bytes(&source, c.ks.mem, slice_of(payload.ptr, payload.len - RDB_PAYLOAD_FOOTER))
    load_init(&load, &source, c.ks, version)
    e = load_value(&load, source_u8(&source), name)
    if not source_ok(&source):
        snprintf(text, sizeof(text), b"A payload for RESTORE is refused, integrity check failed: %s", source.reason)
        c.server.log(c.server, LOG_WARNING, text)
    load_done(&load)
    source_done(&source)
    return e


cdef void _propagate(Ctx* c, int64_t at_ms) noexcept nogil:
    """The same with the absolute time."""
    cdef char[NUM_I64_MAX] digits
    cdef int i
    if not effects_begin(&c.ks.fx, c.db.id, True):
        return
    for i in range(c.argc):
        effects_word(&c.ks.fx, c.argv[i] if i != 2 else slice_of(digits, num_format_i64(at_ms, digits)))
    effects_word(&c.ks.fx, slice_of(b"ABSTTL", 6))


cdef void _put(Ctx* c, Key key, Entry* e, const RestoreOptions* o, int64_t at_ms) noexcept nogil:
    """Adds the entry to the database, where its key is absent; at_ms 0: it lasts."""
    if o.frequency != UNSET:
        keyspace_set_frequency(c.ks, e, o.frequency)
    elif o.idle != UNSET:
        keyspace_set_idle(c.ks, e, o.idle)
    keyspace_add(c.ks, c.db, key, e)
    if at_ms:
        keyspace_set_expiry(c.ks, c.db, key, e, at_ms)
        if not o.absolute:
            _propagate(c, at_ms)
    key_changed(c, key.name, EV_GENERIC, b"restore", 1)


cdef Status cmd_restore(Ctx* c) noexcept nogil:
    """RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ counter] -> OK."""
    cdef RestoreOptions o
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef Entry* replaced
    cdef int64_t at_ms
    cdef int version
    cdef Status st = _parse(c, &o)
    if st != OK:
        return st
    if not o.replace and lookup_write(c, key) != NULL:
        return ERR_BUSY_KEY
    st = arg_i64(c, 2, &o.ttl)
    if st != OK:
        return st
    if o.ttl < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR Invalid TTL value, must be >= 0")
    if not _is_payload(c, c.argv[3], &version):
        return fail_with(c, ERR_CUSTOM, b"ERR DUMP payload version or checksum are wrong")
    e = _load(c, key.name, c.argv[3], version)
    if e == NULL:
        return fail_with(c, ERR_CUSTOM, b"ERR Bad data format")
    replaced = keyspace_find(c.db, key) if o.replace else NULL
    if replaced != NULL:
        keyspace_delete(c.ks, c.db, key, replaced)           # Redis: no event tells of it
    at_ms = o.ttl
    if at_ms and not o.absolute:
        at_ms = c.ks.now_ms + o.ttl if o.ttl < FOREVER - c.ks.now_ms else FOREVER
    if at_ms == 0 or at_ms > c.ks.due_ms:
        _put(c, key, e, &o, at_ms)
    else:                                                    # it is over already
        keyspace_release(c.ks, e)
        if replaced != NULL:
            propagate_del(c, key.name)
            key_changed(c, key.name, EV_GENERIC, b"del", 1)
    reply_ok(c.out)
    return OK


cdef void bind_restore(Table* t) noexcept nogil:
    table_bind(t, b"RESTORE", cmd_restore)
