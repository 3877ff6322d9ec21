"""inspect -- looking into a Core, and filling it, for DEBUG and MEMORY. Nothing here runs for ordinary requests.

Kept apart from core.pyx, which is the face that every control command sees; this needs the insides of the
keyspace and the table. Functions take the Core and give plain Python values; no pointer leaves, but for the
address that DEBUG OBJECT prints.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t

from _pyredis.base.mem cimport MEM_CLASSES, Slab
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.digest cimport DIGEST_BYTES, digest_all, digest_value
from _pyredis.core cimport Core
from _pyredis.db.effects cimport EV_NONE, effects_keep, effects_key
from _pyredis.db.hash_type cimport hash_dict
from _pyredis.db.keyspace cimport (Db, Key, LOOKUP_PEEK, keyspace_find, keyspace_get, keyspace_idle_ms, keyspace_key,
                                   keyspace_memory)
from _pyredis.db.set_type cimport set_of, set_table
from _pyredis.db.string_type cimport STRING_AS_TEXT, string_length, string_set
from _pyredis.db.value cimport (ENC_LISTPACK, ENC_LISTPACK_EX, ENC_QUICKLIST, Entry, T_HASH, T_SET, T_STRING, T_ZSET,
                                encoding_name, entry_access, entry_encoding, entry_expiry, entry_is_over,
                                entry_pointer, entry_type, type_name)
from _pyredis.db.zset_type cimport zset_table
from _pyredis.ds.dict cimport BUCKET_SLOTS, Dict, dict_bytes
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.listpack cimport element_size, listpack_first, listpack_get, listpack_next
from _pyredis.ds.quick_node cimport NODE_LZF, QuickNode
from _pyredis.ds.quicklist cimport Quicklist
from _pyredis.rdb.format cimport RDB_HASH_LISTPACK_EX, RDB_HASH_METADATA, RdbType
from _pyredis.rdb.save cimport save_type, save_value
from _pyredis.rdb.sink cimport SINK_COMPRESS, Sink, sink_free, sink_position, sink_to_function

cdef enum:
    WEIGHED_AT_ONCE = 16384        # bytes


cdef dict _table(const Dict* d):
    return {"entries": d.used, "buckets": d.buckets, "slots": d.buckets * BUCKET_SLOTS,
            "overflow": d.overflow, "bytes": dict_bytes(d)}


def tables(Core core, int db):
    """(keys, expires): figures of the two tables of a database, each a dict; IndexError if there is none."""
    if not 0 <= db < core.s.ks.count:
        raise IndexError(db)
    return _table(&core.s.ks.dbs[db].keys), _table(&core.s.ks.dbs[db].expires)


def key_info(Core core, int db, bytes name, bint expired=False, size_t samples=5):
    """What DEBUG OBJECT and MEMORY USAGE tell of a key, as a dict; None if there is none. `expired`: one that has
    expired is there as long as it has not been removed. `samples`: elements of a collection that are weighed for all;
    0: each of them."""
    cdef Key key = keyspace_key(core.s.ks, slice_of(name, len(name)))
    cdef Entry* e = keyspace_find(&core.s.ks.dbs[db], key)
    if e == NULL or (entry_is_over(e, core.s.ks.due_ms) and not expired):
        return None
    return {"address": <uint64_t>e, "type": type_name(entry_type(e)).decode(),
            "encoding": encoding_name(entry_encoding(e)).decode(), "expiry": entry_expiry(e),
            "access": entry_access(e), "idle_ms": keyspace_idle_ms(core.s.ks, e),
            "memory": keyspace_memory(core.s.ks, e, samples),
            "length": string_length(e) if entry_type(e) == T_STRING else 0}


def slab_classes(Core core):
    """[(bytes of an object, slabs with room, objects in these, objects that still fit)] of every size that has any."""
    cdef int i
    cdef size_t slabs, used, room
    cdef const Slab* s
    cdef list found = []
    for i in range(MEM_CLASSES):
        slabs = used = room = 0
        s = core.s.mem.room[i]
        while s != NULL:
            slabs += 1
            used += s.used
            room += s.capacity - s.used
            s = s.next
        if slabs:
            found.append((i * 8, slabs, used, room))
    return found


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
            effects_key(&core.s.ks.fx, db, effects_keep(&core.s.ks.fx, key.name), EV_NONE, b"populate", 0)


# ---------------------------------------------------------------- one value

cdef const Entry* _entry(Core core, int db, bytes name):
    """The entry of a key, or NULL. Redis: DEBUG sees what has expired, while it is there."""
    cdef Slice text = slice_of(PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
    return keyspace_find(&core.s.ks.dbs[db], keyspace_key(core.s.ks, text))


def digest(Core core):
    """The digest of all data, 20 bytes: the same for the same data in any server."""
    cdef uint8_t[DIGEST_BYTES] found
    with nogil:
        digest_all(core.s.ks, found)
    return <bytes>found[:DIGEST_BYTES]


def value_digest(Core core, int db, bytes name):
    """The digest of a key's value, 20 bytes; zeros if there is no such key."""
    cdef uint8_t[DIGEST_BYTES] found
    cdef const Entry* e = _entry(core, db, name)
    with nogil:
        digest_value(core.s.ks, e, found)
    return <bytes>found[:DIGEST_BYTES]


cdef bint _forget(void* arg, const char* p, size_t n) noexcept nogil:
    return True


def saved_length(Core core, int db, bytes name):
    """Bytes that the value of a key takes in an RDB, type and key not counted; None if there is no such key."""
    cdef const Entry* e = _entry(core, db, name)
    cdef Sink s
    cdef RdbType kind
    cdef uint64_t n
    if e == NULL:
        return None
    with nogil:
        sink_to_function(&s, core.s.mem, _forget, NULL, WEIGHED_AT_ONCE,
                         SINK_COMPRESS if core.s.rdb_compression else 0)
        kind = save_type(e)
        save_value(&s, e, kind)
        n = sink_position(&s)
        sink_free(&s)
    # Redis: the earliest expiry of a hash's fields is not counted
    return n - 8 if kind == RDB_HASH_METADATA or kind == RDB_HASH_LISTPACK_EX else n


def packed_elements(Core core, int db, bytes name):
    """[(offset, bytes it takes, element)] of a value that is one listpack; None if it is not, or not there."""
    cdef char[ELEMENT_DIGITS] digits
    cdef const Entry* e = _entry(core, db, name)
    cdef uint8_t* lp
    cdef const uint8_t* p
    cdef Element x
    cdef Slice text
    if e == NULL or entry_encoding(e) not in (ENC_LISTPACK, ENC_LISTPACK_EX):
        return None
    lp = <uint8_t*>entry_pointer(e)
    p = listpack_first(lp)
    found = []
    while p != NULL:
        x = listpack_get(p)
        text = element_slice(&x, digits)
        found.append((p - lp, element_size(p), text.ptr[:text.len]))
        p = listpack_next(lp, p)
    return found


def quick_nodes(Core core, int db, bytes name):
    """(fill, compress depth, [(kind, elements, bytes, bytes of room, bytes uncompressed) of each node]) of a
    quicklist; None if the value is none. Bytes are those of the elements."""
    cdef const Entry* e = _entry(core, db, name)
    cdef const Quicklist* q
    cdef const QuickNode* node
    if e == NULL or entry_encoding(e) != ENC_QUICKLIST:
        return None
    q = <const Quicklist*>entry_pointer(e)
    node = q.head
    nodes = []
    while node != NULL:
        nodes.append((("packed", "plain", "lzf")[node.kind], node.count, node.used, node.room,
                      node.raw if node.kind == NODE_LZF else node.used))
        node = node.next
    return q.fill, q.depth, nodes


def value_table(Core core, int db, bytes name):
    """Figures of the table that a value is kept in, a dict; None if it is in no table, or not there."""
    cdef const Entry* e = _entry(core, db, name)
    cdef const Dict* d = NULL
    if e != NULL and entry_type(e) == T_SET:
        d = set_table(set_of(e))
    elif e != NULL and entry_type(e) == T_ZSET:
        d = zset_table(e)
    elif e != NULL and entry_type(e) == T_HASH:
        d = hash_dict(e)
    return _table(d) if d != NULL else None
