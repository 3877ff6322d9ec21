"""load_stream -- streams out of an RDB.

    nodes n   | master ID, a string of 16 bytes, high byte first | listpack (db/stream_node) | ...
    length | last ID
    v2, v3    first ID | largest deleted ID | entries added
    groups n  | name | last delivered ID |  v2, v3: entries read  |
              pending n   | ID of 16 bytes | delivered at, i64 ms | deliveries | ...
              consumers n | name | seen i64 ms |  v3: active i64 ms  | pending n | ID of 16 bytes | ... |

Numbers are lengths, an ID is two, but where it says otherwise.

What is made of it holds all that commands rely on: every node has entries (one alive at least), whose IDs ascend
through all nodes and do not pass the last ID, and counts that are right; each pending entry of a group belongs to
one of its consumers, and each of a consumer's is pending with the group; no name is there twice. The first ID is
found out rather than believed. A group of the first version, which knows nothing of what was read, gets what can be
said of it, as in Redis.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport keyspace_make, keyspace_release
from _pyredis.db.stream_groups cimport (READS_UNKNOWN, Consumer, Group, Pending, consumer_create, group_create,
                                        pending_find, pending_give)
from _pyredis.db.stream_node cimport ENTRY_DELETED, ENTRY_SAME_FIELDS
from _pyredis.db.stream_type cimport Stream, stream_find_first, stream_new, stream_reads_until
from _pyredis.db.value cimport ENC_STREAM, T_STREAM
from _pyredis.ds.element cimport Element
from _pyredis.ds.id cimport Id, id_less, id_of
from _pyredis.ds.listpack cimport (LISTPACK_END, LISTPACK_HEADER, element_size, listpack_free, listpack_get,
                                   listpack_import)
from _pyredis.ds.rax cimport rax_insert
from _pyredis.rdb.format cimport RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_3
from _pyredis.rdb.load_steps cimport load_fail
from _pyredis.rdb.source cimport Source, source_count, source_has, source_i64, source_ok, source_string

cdef extern from "bytes.h" nogil:
    uint64_t bytes_load64(const void* p) noexcept

cdef extern from *:
    """
    #define load_swap64(x) __builtin_bswap64(x)
    """
    uint64_t load_swap64(uint64_t x) noexcept nogil

cdef enum:
    ID_BYTES = 16
    HIGHEST = 0x7fffffffffffffff


# ---------------------------------------------------------------- nodes

cdef struct NodeWalk:              # over the elements of a node, of which each is sound, but not yet what they say
    const uint8_t* p
    bint failed


cdef inline int64_t _number(NodeWalk* w) noexcept nogil:
    """The next element, which must be an integer."""
    cdef Element e
    if w.p[0] == LISTPACK_END:
        w.failed = True
        return 0
    e = listpack_get(w.p)
    w.failed = w.failed or e.ptr != NULL
    w.p += element_size(w.p)
    return e.number


cdef inline void _pass(NodeWalk* w, int64_t n) noexcept nogil:
    """Passes over n elements, which must be there."""
    if n < 0:
        w.failed = True
    while n > 0 and not w.failed:
        if w.p[0] == LISTPACK_END:
            w.failed = True
            return
        w.p += element_size(w.p)
        n -= 1


cdef bint _entry(NodeWalk* w, Id master, int64_t fields, Id* id) noexcept nogil:
    """Passes over an entry; True if it lives. A failure is in the walk."""
    cdef int64_t flags = _number(w), own, elements
    id.ms = master.ms + <uint64_t>_number(w)
    id.seq = master.seq + <uint64_t>_number(w)
    if flags & ~<int64_t>(ENTRY_DELETED | ENTRY_SAME_FIELDS):
        w.failed = True
    if flags & ENTRY_SAME_FIELDS:
        own = fields
        elements = fields + 3
    else:
        own = _number(w)
        if own < 0 or own > HIGHEST // 4:
            w.failed = True
            return False
        own *= 2
        elements = own + 4
    _pass(w, own)
    if _number(w) != elements:
        w.failed = True
    return not flags & ENTRY_DELETED


cdef bint _node_is_sound(const uint8_t* lp, Id master, Id* last, uint64_t* length) noexcept nogil:
    """Is this listpack a node? Its entries must come behind *last, which becomes the ID of the last of them."""
    cdef NodeWalk w
    cdef int64_t count, deleted, fields
    cdef Id id
    w.p = lp + LISTPACK_HEADER
    w.failed = False
    count = _number(&w)
    deleted = _number(&w)
    fields = _number(&w)
    _pass(&w, fields)
    if _number(&w) != 0 or w.failed or count < 1 or deleted < 0:
        return False
    length[0] += <uint64_t>count
    while w.p[0] != LISTPACK_END:
        if _entry(&w, master, fields, &id):
            count -= 1
        else:
            deleted -= 1
        if w.failed or id_less(id, master) or not id_less(last[0], id):
            return False
        last[0] = id
    return count == 0 and deleted == 0


cdef inline Id _id_at(const void* p) noexcept nogil:
    """An ID of 16 bytes, high byte first."""
    return id_of(load_swap64(bytes_load64(p)), load_swap64(bytes_load64(<const char*>p + 8)))


cdef bint _node(Load* l, Stream* s, Id* last) noexcept nogil:
    cdef Id master
    cdef uint8_t* lp
    cdef bint added
    if not source_string(l.source, &l.first) or not source_string(l.source, &l.second):
        return False
    if l.first.text.len != ID_BYTES:
        load_fail(l, b"a node of a stream has no ID")
        return False
    master = _id_at(l.first.text.ptr)
    lp = listpack_import(l.ks.mem, <const uint8_t*>l.second.text.ptr, l.second.text.len)
    if lp == NULL:
        load_fail(l, b"a node of a stream is broken")
        return False
    if not _node_is_sound(lp, master, last, &s.length):
        listpack_free(l.ks.mem, lp)
        load_fail(l, b"the entries of a stream are broken")
        return False
    (<uint8_t**>rax_insert(&s.nodes, l.ks.mem, master, &added))[0] = lp
    return True


cdef inline Id _id(Source* source) noexcept nogil:
    cdef uint64_t ms = source_count(source)
    return id_of(ms, source_count(source))


cdef void _entries(Load* l, Stream* s, int type) noexcept nogil:
    """Everything but the groups."""
    cdef uint64_t left = source_count(l.source), length
    cdef Id last = id_of(0, 0)
    while left and _node(l, s, &last):
        left -= 1
    length = source_count(l.source)
    s.last_id = _id(l.source)
    s.entries_added = length
    if type != RDB_STREAM_LISTPACKS:
        _id(l.source)                            # the first: found out below
        s.max_deleted_id = _id(l.source)
        s.entries_added = source_count(l.source)
    if length != s.length or s.entries_added < length or s.entries_added > HIGHEST:
        load_fail(l, b"a stream has a wrong length")
    if id_less(s.last_id, last) or id_less(s.last_id, s.max_deleted_id):
        load_fail(l, b"a stream ends before its last entry")
    if source_ok(l.source):
        stream_find_first(s)


# ---------------------------------------------------------------- groups

cdef bint _read_id(Source* source, Id* id) noexcept nogil:
    if not source_has(source, ID_BYTES):
        return False
    id[0] = _id_at(source.at)
    source.at += ID_BYTES
    return True


cdef void _pending(Load* l, Group* g) noexcept nogil:
    """What is pending with the group; whose it is comes later."""
    cdef uint64_t left = source_count(l.source)
    cdef Pending* p
    cdef Id id
    cdef bint added
    while left and _read_id(l.source, &id):
        p = <Pending*>rax_insert(&g.pending, l.ks.mem, id, &added)
        if not added:
            load_fail(l, b"an entry is pending twice")
            return
        p.consumer = NULL
        p.delivered_ms = source_i64(l.source)
        p.deliveries = source_count(l.source)
        if p.delivered_ms < 0 or p.deliveries > HIGHEST:
            load_fail(l, b"a pending entry has a wrong time or count")
        left -= 1


cdef bint _consumer(Load* l, Group* g, int type) noexcept nogil:
    cdef Consumer* consumer
    cdef Pending* p
    cdef uint64_t left
    cdef Id id
    if not source_string(l.source, &l.first):
        return False
    consumer = consumer_create(l.ks.mem, g, l.first.text, 0)
    if consumer == NULL:
        load_fail(l, b"a consumer is there twice")
        return False
    consumer.seen_ms = source_i64(l.source)
    # Before version 3 it is not known when a consumer got something: the time it was seen is the best guess.
    consumer.active_ms = source_i64(l.source) if type == RDB_STREAM_LISTPACKS_3 else consumer.seen_ms
    if consumer.seen_ms < 0 or consumer.active_ms < -1:
        load_fail(l, b"a consumer has a wrong time")
    left = source_count(l.source)
    while left and _read_id(l.source, &id):
        p = pending_find(g, id)
        if p == NULL or p.consumer != NULL:
            load_fail(l, b"an entry is pending with a consumer alone, or with two")
            return False
        pending_give(l.ks.mem, g, id, consumer)
        left -= 1
    return source_ok(l.source)


cdef bint _all_owned(const Group* g) noexcept nogil:
    """Does every pending entry belong to a consumer? No two can have the same."""
    cdef uint64_t owned = 0
    cdef uint32_t i
    for i in range(g.consumers.count):
        owned += (<Consumer*>g.consumers.list[i]).pending.count
    return owned == g.pending.count


cdef bint _group(Load* l, Stream* s, int type) noexcept nogil:
    cdef uint64_t left
    cdef int64_t reads
    cdef Id last
    cdef Group* g
    if not source_string(l.source, &l.first):
        return False
    last = _id(l.source)
    reads = stream_reads_until(s, last) if type == RDB_STREAM_LISTPACKS else <int64_t>source_count(l.source)
    if reads < READS_UNKNOWN:
        load_fail(l, b"a group has read less than nothing")
    if not source_ok(l.source):
        return False
    g = group_create(l.ks.mem, &s.groups, l.first.text, last, reads)
    if g == NULL:
        load_fail(l, b"a group is there twice")
        return False
    _pending(l, g)
    left = source_count(l.source)
    while left and source_ok(l.source) and _consumer(l, g, type):
        left -= 1
    if source_ok(l.source) and not _all_owned(g):
        load_fail(l, b"an entry is pending with nobody")
    return source_ok(l.source)


cdef Entry* load_stream(Load* l, int type, Slice name) noexcept nogil:
    cdef Stream* s = stream_new(l.ks.mem)
    cdef Entry* e = keyspace_make(l.ks, name, T_STREAM, ENC_STREAM, s)
    cdef uint64_t left
    _entries(l, s, type)
    left = source_count(l.source)
    while left and source_ok(l.source) and _group(l, s, type):
        left -= 1
    if source_ok(l.source):
        return e
    keyspace_release(l.ks, e)
    return NULL
