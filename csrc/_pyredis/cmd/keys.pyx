"""keys -- commands on a key whatever it holds: DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME, RENAMENX, COPY,
MOVE, RANDOMKEY, OBJECT.

None of them looks into a value. Those that take many keys fetch the lines of a group of them before they
touch the first, so that a DEL of a thousand keys waits for memory some sixty times, not two thousand.

RENAME and MOVE hand the value over as it is, MOVE even the entry; COPY copies it whole.
"""
from libc.stdint cimport int64_t

from _pyredis.base.slice cimport slice_equal
from _pyredis.base.status cimport (ERR_DB_INDEX_RANGE, ERR_LFU_POLICY, ERR_LRU_POLICY, ERR_NO_SUCH_KEY,
                                   ERR_NOT_I32, ERR_SAME_OBJECT, ERR_SYNTAX, OK, Status)
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_i64, arg_is, key_at, key_changed, lookup_read, lookup_write,
                               prefetch_keys)
from _pyredis.cmd.eviction cimport eviction_of
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, effects_key
from _pyredis.db.evict cimport EVICT_LFU, EVICT_LRU, EvictPolicy
from _pyredis.db.keyspace cimport (ACCESS_LFU, LOOKUP_NO_TOUCH, LOOKUP_PEEK, LOOKUP_READ, LOOKUP_SILENT, Db, Key,
                                   keyspace_add, keyspace_copy, keyspace_delete, keyspace_frequency,
                                   keyspace_fresh_access, keyspace_get, keyspace_idle_ms, keyspace_random,
                                   keyspace_rename, keyspace_take)
from _pyredis.db.string_type cimport string_get_i64
from _pyredis.db.value cimport (ENC_INT, Entry, encoding_name, entry_encoding, entry_key, entry_set_access,
                                entry_type, type_name)
from _pyredis.wire.reply cimport (reply_array, reply_int, reply_null, reply_ok, reply_simple, reply_slice,
                                  reply_text)

cdef enum:
    GROUP = 16                     # keys whose lines are fetched together
    SHARED_INTEGERS = 10000        # of Redis, which has one object each for 0 .. 9999
    SHARED_COUNT = 2147483647      # and this reference count for them


# ---------------------------------------------------------------- many keys

ctypedef bint (*KeyVisit)(Ctx* c, Key key) noexcept nogil


cdef int64_t _each_key(Ctx* c, KeyVisit visit) noexcept nogil:
    """For how many of the keys argv[1:], in order, `visit` is true."""
    cdef Key[GROUP] keys
    cdef int64_t n = 0
    cdef int first = 1, count, i
    if c.argc == 2:                # dispatch has fetched its lines already
        return visit(c, key_at(c, 1))
    while first < c.argc:
        count = c.argc - first if c.argc - first < GROUP else GROUP
        prefetch_keys(c, first, 1, count, keys)
        for i in range(count):
            n += visit(c, keys[i])
        first += count
    return n


cdef bint _remove(Ctx* c, Key key) noexcept nogil:
    cdef Entry* e = keyspace_get(c.ks, c.db, key, LOOKUP_PEEK)
    if e == NULL:
        return False
    keyspace_delete(c.ks, c.db, key, e)
    key_changed(c, key.name, EV_GENERIC, b"del", 1)
    return True


cdef bint _exists(Ctx* c, Key key) noexcept nogil:
    return keyspace_get(c.ks, c.db, key, LOOKUP_READ | LOOKUP_NO_TOUCH) != NULL


cdef bint _touch(Ctx* c, Key key) noexcept nogil:
    """Marks a key as just used, for a client that is in CLIENT NO-TOUCH mode too."""
    return keyspace_get(c.ks, c.db, key, LOOKUP_READ) != NULL


cdef Status cmd_del(Ctx* c) noexcept nogil:
    """DEL key [key ...] -> how many keys were removed."""
    reply_int(c.out, _each_key(c, _remove))
    return OK


cdef Status cmd_unlink(Ctx* c) noexcept nogil:
    """UNLINK key [key ...] -> how many keys were removed."""
    reply_int(c.out, _each_key(c, _remove))
    return OK


cdef Status cmd_exists(Ctx* c) noexcept nogil:
    """EXISTS key [key ...] -> how many exist; one that is named twice counts twice."""
    reply_int(c.out, _each_key(c, _exists))
    return OK


cdef Status cmd_touch(Ctx* c) noexcept nogil:
    """TOUCH key [key ...] -> how many exist; they are now as if just used."""
    reply_int(c.out, _each_key(c, _touch))
    return OK


# ---------------------------------------------------------------- one key

cdef Status cmd_type(Ctx* c) noexcept nogil:
    """TYPE key -> the type's name, or none."""
    cdef Entry* e = keyspace_get(c.ks, c.db, key_at(c, 1), LOOKUP_READ | LOOKUP_NO_TOUCH)
    if e == NULL:
        reply_simple(c.out, b"none")
    else:
        reply_simple(c.out, type_name(entry_type(e)))
    return OK


cdef Status cmd_randomkey(Ctx* c) noexcept nogil:
    """RANDOMKEY -> a live key of the database, null if it has none."""
    cdef Entry* e = keyspace_random(c.ks, c.db)
    # A try that failed has removed expired keys; while they are kept (CLIENT PAUSE), a lasting key must be there.
    while e == NULL and c.db.keys.used > (c.db.expires.used if c.ks.keep_expired else 0):
        e = keyspace_random(c.ks, c.db)
    if e == NULL:
        reply_null(c.out)
    else:
        reply_slice(c.out, entry_key(e))
    return OK


# ---------------------------------------------------------------- to another name or database

cdef Status _rename(Ctx* c, bint replace, bint* renamed) noexcept nogil:
    cdef Key old = key_at(c, 1), name = key_at(c, 2)
    cdef Entry* replaced
    renamed[0] = False
    if lookup_write(c, old) == NULL:
        return ERR_NO_SUCH_KEY
    if slice_equal(old.name, name.name):
        return OK
    replaced = lookup_write(c, name)
    if replaced != NULL:
        if not replace:
            return OK
        keyspace_delete(c.ks, c.db, name, replaced)      # Redis: no event tells of it
    keyspace_add(c.ks, c.db, name, keyspace_rename(c.ks, keyspace_take(c.ks, c.db, old), name.name))
    key_changed(c, old.name, EV_GENERIC, b"rename_from", 1)
    key_changed(c, name.name, EV_GENERIC, b"rename_to", 0)
    renamed[0] = True
    return OK


cdef Status cmd_rename(Ctx* c) noexcept nogil:
    """RENAME key newkey -> OK; what had the new name is gone."""
    cdef bint renamed
    cdef Status st = _rename(c, True, &renamed)
    if st == OK:
        reply_ok(c.out)
    return st


cdef Status cmd_renamenx(Ctx* c) noexcept nogil:
    """RENAMENX key newkey -> 1, or 0 if the new name is taken."""
    cdef bint renamed
    cdef Status st = _rename(c, False, &renamed)
    if st == OK:
        reply_int(c.out, renamed)
    return st


cdef Status _arg_db(Ctx* c, int i, Db** db) noexcept nogil:
    """argv[i] as the number of a database."""
    cdef int64_t index
    cdef Status st = arg_i64(c, i, &index)
    if st != OK:
        return st
    if index != <int>index:
        return ERR_NOT_I32
    if index < 0 or index >= c.ks.count:
        return ERR_DB_INDEX_RANGE
    db[0] = &c.ks.dbs[index]
    return OK


cdef Status cmd_move(Ctx* c) noexcept nogil:
    """MOVE key db -> 1, or 0 if there is no such key here or already one there."""
    cdef Key key = key_at(c, 1)
    cdef Db* there = NULL
    cdef Status st = _arg_db(c, 2, &there)
    if st != OK:
        return st
    if there == c.db:
        return ERR_SAME_OBJECT
    if lookup_write(c, key) == NULL or keyspace_get(c.ks, there, key, LOOKUP_PEEK) != NULL:
        reply_int(c.out, 0)
        return OK
    keyspace_add(c.ks, there, key, keyspace_take(c.ks, c.db, key))
    key_changed(c, key.name, EV_GENERIC, b"move_from", 1)
    effects_key(&c.ks.fx, there.id, key.name, EV_GENERIC, b"move_to", 0)
    reply_int(c.out, 1)
    return OK


cdef struct CopyOptions:
    Db* db
    bint replace


cdef Status _parse_copy(Ctx* c, CopyOptions* o) noexcept nogil:
    cdef int i = 3
    cdef Status st
    o.db = c.db
    o.replace = False
    while i < c.argc:
        if arg_is(c, i, b"REPLACE", 7):
            o.replace = True
        elif arg_is(c, i, b"DB", 2) and i + 1 < c.argc:
            i += 1
            st = _arg_db(c, i, &o.db)
            if st != OK:
                return st
        else:
            return ERR_SYNTAX
        i += 1
    return OK


cdef Status cmd_copy(Ctx* c) noexcept nogil:
    """COPY source destination [DB index] [REPLACE] -> 1, or 0: no source, or already a destination."""
    cdef Key source = key_at(c, 1), name = key_at(c, 2)
    cdef CopyOptions o
    cdef Entry* e
    cdef Entry* replaced
    cdef Entry* twin
    cdef Status st = _parse_copy(c, &o)
    if st != OK:
        return st
    if o.db == c.db and slice_equal(source.name, name.name):
        return ERR_SAME_OBJECT
    e = lookup_read(c, source)
    replaced = keyspace_get(c.ks, o.db, name, LOOKUP_PEEK) if e != NULL else NULL
    if e == NULL or replaced != NULL and not o.replace:
        reply_int(c.out, 0)
        return OK
    if replaced != NULL:
        keyspace_delete(c.ks, o.db, name, replaced)
    twin = keyspace_copy(c.ks, e, name.name)
    entry_set_access(twin, keyspace_fresh_access(c.ks))
    keyspace_add(c.ks, o.db, name, twin)
    effects_key(&c.ks.fx, o.db.id, name.name, EV_GENERIC, b"copy_to", 1)
    reply_int(c.out, 1)
    return OK


# ---------------------------------------------------------------- OBJECT

cdef Entry* _inspected(Ctx* c) noexcept nogil:
    """The entry of argv[2], unmarked by being looked at. NULL: there is none, and null is replied."""
    cdef Entry* e = keyspace_get(c.ks, c.db, key_at(c, 2), LOOKUP_READ | LOOKUP_NO_TOUCH | LOOKUP_SILENT)
    if e == NULL:
        reply_null(c.out)
    return e


cdef Status cmd_object_encoding(Ctx* c) noexcept nogil:
    """OBJECT ENCODING key -> the name of the form that the value is kept in."""
    cdef Entry* e = _inspected(c)
    if e != NULL:
        reply_text(c.out, encoding_name(entry_encoding(e)))
    return OK


cdef Status cmd_object_freq(Ctx* c) noexcept nogil:
    """OBJECT FREQ key -> the LFU counter, 0 to 255."""
    cdef Entry* e = _inspected(c)
    if e == NULL:
        return OK
    if c.ks.policy != ACCESS_LFU:
        return ERR_LFU_POLICY
    reply_int(c.out, keyspace_frequency(c.ks, e))
    return OK


cdef Status cmd_object_idletime(Ctx* c) noexcept nogil:
    """OBJECT IDLETIME key -> seconds since the key was used."""
    cdef Entry* e = _inspected(c)
    if e == NULL:
        return OK
    if c.ks.policy == ACCESS_LFU:
        return ERR_LRU_POLICY
    reply_int(c.out, keyspace_idle_ms(c.ks, e) // 1000)
    return OK


cdef Status cmd_object_refcount(Ctx* c) noexcept nogil:
    """OBJECT REFCOUNT key -> 1; for a small integer the count that Redis gives its shared objects, which it has
    unless it must know when each was used, to keep to maxmemory."""
    cdef Entry* e = _inspected(c)
    cdef EvictPolicy policy = eviction_of(c.server).keys.policy
    cdef bint shared = c.server.memory_limit == 0 or (policy != EVICT_LRU and policy != EVICT_LFU)
    cdef int64_t v
    if e == NULL:
        return OK
    if shared and entry_encoding(e) == ENC_INT and string_get_i64(e, &v) and 0 <= v < SHARED_INTEGERS:
        reply_int(c.out, SHARED_COUNT)
    else:
        reply_int(c.out, 1)
    return OK


cdef Status cmd_object_help(Ctx* c) noexcept nogil:
    """OBJECT HELP -> lines of text."""
    cdef const char* lines[11]
    cdef int i
    lines[0] = b"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    lines[1] = b"ENCODING <key>"
    lines[2] = b"    The form that the value of <key> is kept in."
    lines[3] = b"FREQ <key>"
    lines[4] = b"    How often <key> is used: 0 to 255, logarithmic. Needs an LFU maxmemory-policy."
    lines[5] = b"IDLETIME <key>"
    lines[6] = b"    Seconds since <key> was last used. Needs a maxmemory-policy other than LFU."
    lines[7] = b"REFCOUNT <key>"
    lines[8] = b"    How many references there are to the value of <key>."
    lines[9] = b"HELP"
    lines[10] = b"    Print this help."
    reply_array(c.out, 11)
    for i in range(11):
        reply_simple(c.out, lines[i])
    return OK


cdef void bind_keys(Table* t) noexcept nogil:
    table_bind(t, b"DEL", cmd_del)
    table_bind(t, b"UNLINK", cmd_unlink)
    table_bind(t, b"EXISTS", cmd_exists)
    table_bind(t, b"TOUCH", cmd_touch)
    table_bind(t, b"TYPE", cmd_type)
    table_bind(t, b"RANDOMKEY", cmd_randomkey)
    table_bind(t, b"RENAME", cmd_rename)
    table_bind(t, b"RENAMENX", cmd_renamenx)
    table_bind(t, b"MOVE", cmd_move)
    table_bind(t, b"COPY", cmd_copy)
    table_bind(t, b"OBJECT|ENCODING", cmd_object_encoding)
    table_bind(t, b"OBJECT|FREQ", cmd_object_freq)
    table_bind(t, b"OBJECT|IDLETIME", cmd_object_idletime)
    table_bind(t, b"OBJECT|REFCOUNT", cmd_object_refcount)
    table_bind(t, b"OBJECT|HELP", cmd_object_help)
