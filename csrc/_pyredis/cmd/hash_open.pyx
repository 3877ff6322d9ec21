"""hash_open -- a hash as a command works on it: opened, looked into, closed.

A field past its time is removed by whoever looks for it (hash_open_find), as in Redis: elsewhere that is an HDEL of
its own, here one event "hexpired" a command, no change in dirty. Commands that only list fields leave those out and
in place. A hash that lost its last field goes with hash_close, after the command's own event.
"""
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, key_at, key_changed, open_typed
from _pyredis.cmd.elements cimport reply_element
from _pyredis.db.effects cimport EV_GENERIC, EV_HASH, effects_propagate
from _pyredis.db.hash_type cimport (HASH_ABSENT, HASH_OVER, HashFound, HashSpot, hash_create, hash_find, hash_remove,
                                    hash_settle, hash_value, hash_value_share)
from _pyredis.db.keyspace cimport keyspace_delete
from _pyredis.db.value cimport T_HASH
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data, bytestr_free
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport reply_bulk_lent

cdef extern from "ensure.h" nogil:
    bint UNLIKELY(bint x)


cdef Status hash_open(Ctx* c, bint for_write, OpenHash* h) noexcept nogil:
    """The hash at argv[1], or none; ERR_WRONG_TYPE for another value."""
    h.c = c
    h.key = key_at(c, 1)
    h.lapsed = False
    return open_typed(c, h.key, T_HASH, for_write, &h.e)


cdef void hash_open_make(OpenHash* h) noexcept nogil:
    if h.e == NULL:
        h.e = hash_create(h.c.ks, h.c.db, h.key)


cdef void propagate_hdel(Ctx* c, Slice key, Slice field, bint instead) noexcept nogil:
    cdef Slice[3] words
    words[0] = slice_of(b"HDEL", 4)
    words[1] = key
    words[2] = field
    effects_propagate(&c.ks.fx, c.db.id, 3, words, instead)


cdef void _lapse(OpenHash* h, Slice field, HashSpot* at) noexcept nogil:
    """Removes a field that was found over."""
    cdef Ctx* c = h.c
    propagate_hdel(c, h.key.name, field, False)
    hash_remove(c.ks, h.e, at)
    c.ks.stats.expired_fields += 1
    if not h.lapsed:
        key_changed(c, h.key.name, EV_HASH, b"hexpired", 0)
    h.lapsed = True


cdef HashFound hash_open_find(OpenHash* h, Slice field, HashSpot* at) noexcept nogil:
    """Looks for a field of a hash that is there. One that is over is removed, and absent."""
    cdef HashFound found = hash_find(h.c.ks, h.e, field, at)
    if UNLIKELY(found == HASH_OVER):
        if not h.c.ks.keep_expired:
            _lapse(h, field, at)
        return HASH_ABSENT
    return found


cdef bint hash_close(OpenHash* h) noexcept nogil:
    """Ends a command that has changed the hash, or may have by looking."""
    if h.e == NULL or not hash_settle(h.c.ks, h.c.db, h.key, h.e):
        return False
    keyspace_delete(h.c.ks, h.c.db, h.key, h.e)
    h.e = NULL
    key_changed(h.c, h.key.name, EV_GENERIC, b"del", 0)
    return True


cdef void _give_back(void* mem, void* held) noexcept nogil:
    bytestr_free(<Arena*>mem, <ByteStr*>held)


cdef void reply_hash_value(OpenHash* h, const HashSpot* at) noexcept nogil:
    """The value of a field that was found. A long one is lent to the reply, not copied."""
    cdef ByteStr* lent = hash_value_share(h.e, at)
    cdef Element value
    if UNLIKELY(lent != NULL):
        reply_bulk_lent(h.c.out, bytestr_data(lent), lent.length, _give_back, h.c.server.mem, lent)
        return
    value = hash_value(h.e, at)
    reply_element(h.c.out, &value)
