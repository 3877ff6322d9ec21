"""expiry -- when keys end: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST.

A key keeps the Unix time in milliseconds at which it ends; all commands here convert from and to that. What
goes to the AOF and to replicas is PEXPIREAT, since a relative time would start anew there, or DEL when
the time is already over.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.status cimport (ERR_GT_LT, ERR_INVALID_EXPIRE, ERR_NX_XX_GT_LT, ERR_UNSUPPORTED_OPTION, OK,
                                   Status)
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_write,
                               propagate_del, propagate_pexpireat)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC
from _pyredis.db.keyspace cimport (LOOKUP_NO_TOUCH, LOOKUP_READ, Key, keyspace_clear_expiry, keyspace_delete,
                                   keyspace_get, keyspace_set_expiry)
from _pyredis.db.value cimport ENTRY_EXPIRES, Entry, entry_expiry
from _pyredis.wire.reply cimport reply_int

cdef enum Condition:
    IF_NONE = 1                    # NX: the key has no expiry yet
    IF_ANY = 2                     # XX: it has one
    IF_LATER = 4                   # GT: the new one is later; no expiry counts as never
    IF_EARLIER = 8                 # LT

# ---------------------------------------------------------------- setting

cdef Status _unsupported(Ctx* c, int i) noexcept nogil:
    cdef size_t room = sizeof(c.server.detail) - 1
    cdef size_t n = c.argv[i].len if c.argv[i].len < room else room
    memcpy(c.server.detail, c.argv[i].ptr, n)
    c.server.detail[n] = 0
    return fail_with(c, ERR_UNSUPPORTED_OPTION, c.server.detail)


cdef Status _parse_conditions(Ctx* c, int* conditions) noexcept nogil:
    """The words from argv[3] on, as bits of Condition."""
    cdef int found = 0, i
    for i in range(3, c.argc):
        if arg_is(c, i, b"NX", 2):
            found |= IF_NONE
        elif arg_is(c, i, b"XX", 2):
            found |= IF_ANY
        elif arg_is(c, i, b"GT", 2):
            found |= IF_LATER
        elif arg_is(c, i, b"LT", 2):
            found |= IF_EARLIER
        else:
            return _unsupported(c, i)
    if found & IF_NONE and found & ~IF_NONE:
        return ERR_NX_XX_GT_LT
    if found & IF_LATER and found & IF_EARLIER:
        return ERR_GT_LT
    conditions[0] = found
    return OK


cdef Status _parse_time(Ctx* c, int64_t unit_ms, int64_t base_ms, int64_t* at_ms) noexcept nogil:
    """argv[2], in units of `unit_ms` after `base_ms`, as Unix time in ms."""
    cdef int64_t v
    cdef Status st = arg_i64(c, 2, &v)
    if st != OK:
        return st
    if unit_ms > 1 and (v > INT64_MAX // unit_ms or v < -(INT64_MAX // unit_ms)):
        return ERR_INVALID_EXPIRE
    if v * unit_ms > INT64_MAX - base_ms:
        return ERR_INVALID_EXPIRE
    at_ms[0] = v * unit_ms + base_ms
    return OK


cdef bint _condition_holds(int conditions, const Entry* e, int64_t at_ms) noexcept nogil:
    cdef bint has = (e.flags & ENTRY_EXPIRES) != 0
    if conditions & IF_NONE and has or conditions & IF_ANY and not has:
        return False
    if conditions & IF_LATER:
        return has and at_ms > entry_expiry(e)
    if conditions & IF_EARLIER:
        return not has or at_ms < entry_expiry(e)
    return True


cdef Status _expire(Ctx* c, int64_t unit_ms, int64_t base_ms) noexcept nogil:
    cdef Key key = key_at(c, 1)
    cdef int conditions = 0
    cdef int64_t at_ms = 0
    cdef Entry* e
    cdef Status st = _parse_conditions(c, &conditions)
    if st == OK:
        st = _parse_time(c, unit_ms, base_ms, &at_ms)
    if st != OK:
        return st
    e = lookup_write(c, key)
    if e == NULL or not _condition_holds(conditions, e, at_ms):
        reply_int(c.out, 0)
        return OK
    if at_ms <= c.ks.due_ms:
        keyspace_delete(c.ks, c.db, key, e)
        propagate_del(c, c.argv[1])
        key_changed(c, key.name, EV_GENERIC, b"del", 1)
    else:
        keyspace_set_expiry(c.ks, c.db, key, e, at_ms)
        propagate_pexpireat(c, c.argv[1], at_ms)
        key_changed(c, key.name, EV_GENERIC, b"expire", 1)
    reply_int(c.out, 1)
    return OK


cdef Status cmd_expire(Ctx* c) noexcept nogil:
    """EXPIRE key seconds [NX | XX | GT | LT] -> 1 if the expiry was set, 0 if not."""
    return _expire(c, 1000, c.ks.now_ms)


cdef Status cmd_pexpire(Ctx* c) noexcept nogil:
    """PEXPIRE key milliseconds [NX | XX | GT | LT] -> 1 if the expiry was set, 0 if not."""
    return _expire(c, 1, c.ks.now_ms)


cdef Status cmd_expireat(Ctx* c) noexcept nogil:
    """EXPIREAT key unix-seconds [NX | XX | GT | LT] -> 1 if the expiry was set, 0 if not."""
    return _expire(c, 1000, 0)


cdef Status cmd_pexpireat(Ctx* c) noexcept nogil:
    """PEXPIREAT key unix-milliseconds [NX | XX | GT | LT] -> 1 if the expiry was set, 0 if not."""
    return _expire(c, 1, 0)


cdef Status cmd_persist(Ctx* c) noexcept nogil:
    """PERSIST key -> 1 if the key had an expiry, which is gone."""
    cdef Key key = key_at(c, 1)
    cdef Entry* e = lookup_write(c, key)
    if e == NULL or not e.flags & ENTRY_EXPIRES:
        reply_int(c.out, 0)
        return OK
    keyspace_clear_expiry(c.ks, c.db, key, e)
    key_changed(c, key.name, EV_GENERIC, b"persist", 1)
    reply_int(c.out, 1)
    return OK


# ---------------------------------------------------------------- asking

cdef Status _tell(Ctx* c, int64_t since_ms, int64_t unit_ms) noexcept nogil:
    """The expiry in units of `unit_ms` after `since_ms`, rounded; -1: it has none; -2: there is no key."""
    cdef Entry* e = keyspace_get(c.ks, c.db, key_at(c, 1), LOOKUP_READ | LOOKUP_NO_TOUCH)
    if e == NULL:
        reply_int(c.out, -2)
    elif not e.flags & ENTRY_EXPIRES:
        reply_int(c.out, -1)
    else:
        # unsigned, since rounding may pass the largest signed number
        reply_int(c.out, <int64_t>(<uint64_t>(entry_expiry(e) - since_ms + unit_ms // 2)
                                   // <uint64_t>unit_ms))
    return OK


cdef Status cmd_ttl(Ctx* c) noexcept nogil:
    """TTL key -> seconds left."""
    return _tell(c, c.ks.now_ms, 1000)


cdef Status cmd_pttl(Ctx* c) noexcept nogil:
    """PTTL key -> milliseconds left."""
    return _tell(c, c.ks.now_ms, 1)


cdef Status cmd_expiretime(Ctx* c) noexcept nogil:
    """EXPIRETIME key -> Unix time in seconds at which the key ends."""
    return _tell(c, 0, 1000)


cdef Status cmd_pexpiretime(Ctx* c) noexcept nogil:
    """PEXPIRETIME key -> Unix time in milliseconds at which the key ends."""
    return _tell(c, 0, 1)


cdef void bind_expiry(Table* t) noexcept nogil:
    table_bind(t, b"EXPIRE", cmd_expire)
    table_bind(t, b"PEXPIRE", cmd_pexpire)
    table_bind(t, b"EXPIREAT", cmd_expireat)
    table_bind(t, b"PEXPIREAT", cmd_pexpireat)
    table_bind(t, b"PERSIST", cmd_persist)
    table_bind(t, b"TTL", cmd_ttl)
    table_bind(t, b"PTTL", cmd_pttl)
    table_bind(t, b"EXPIRETIME", cmd_expiretime)
    table_bind(t, b"PEXPIRETIME", cmd_pexpiretime)
