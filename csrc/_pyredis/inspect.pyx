"""inspect -- looking into a Core, and filling it, for DEBUG and MEMORY. Nothing here runs for ordinary requests.

Kept apart from core.pyx, which is the face that every control command sees; this needs the insides of the
keyspace and the table. Functions take the Core and give plain Python values; no pointer leaves, but for the
address that DEBUG OBJECT prints.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t

from _pyredis.base.slice cimport slice_of
from _pyredis.core cimport Core
from _pyredis.db.effects cimport EV_NONE, effects_key
from _pyredis.db.keyspace cimport Db, Key, LOOKUP_PEEK, keyspace_get, keyspace_key
from _pyredis.db.string_type cimport STRING_AS_TEXT, string_set
from _pyredis.ds.dict cimport BUCKET_SLOTS, Dict, dict_bytes


cdef dict _table(const Dict* d):
    return {"entries": d.used, "buckets": d.buckets, "slots": d.buckets * BUCKET_SLOTS,
            "overflow": d.overflow, "bytes": dict_bytes(d)}


def tables(Core core, int db):
    """(keys, expires): figures of the two tables of a database, each a dict; IndexError if there is none."""
    if not 0 <= db < core.s.ks.count:
        raise IndexError(db)
    return _table(&core.s.ks.dbs[db].keys), _table(&core.s.ks.dbs[db].expires)


def populate(Core core, int db, bytes prefix, int64_t count, int64_t size):
    """Adds prefix:0 .. prefix:(count-1), strings value:<i>; `size` > 0 cuts or zero-fills them to that length.

    Keys that exist stay as they are. Watchers learn of the new ones; the AOF and replicas do not, as in Redis.
    """
    cdef Db* d = &core.s.ks.dbs[db]
    cdef int64_t i
    cdef Key key
    cdef bytes name, value
    for i in range(count):
        name = b"%b:%d" % (prefix, i)
        key = keyspace_key(core.s.ks, slice_of(PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name)))
        if keyspace_get(core.s.ks, d, key, LOOKUP_PEEK) != NULL:
            continue
        value = b"value:%d" % i
        if size > 0:
            value = value[:size].ljust(size, b"\0")
        string_set(core.s.ks, d, key, NULL, slice_of(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)),
                   STRING_AS_TEXT)
        if core.s.ks.fx.wanted:
            # The effect outlives `name`, so it gets no key of its own but that of the whole database.
            effects_key(&core.s.ks.fx, db, slice_of(NULL, 0), EV_NONE, b"populate", 0)
