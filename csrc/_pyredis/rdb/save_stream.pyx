"""save_stream -- a stream as RDB has it.

    nodes, how many first: master ID (a string of 16 bytes, high first) and listpack
    length | last ID | first ID | largest deleted ID | entries added               IDs as two lengths: ms, seq
    groups, how many first, each:
        name | last ID delivered | entries read (-1 as a length of 64 bits)
        what is pending, how many first: ID (16 bytes) | delivered at | deliveries
        consumers, how many first, each:
            name | seen at | active at (version 11) | how many are pending | their IDs (16 bytes)

Times are Unix milliseconds, eight bytes, low first. Version 10 (STREAM_LISTPACKS_2) does not say when a consumer was
active, and its readers take this to be when it was seen; so it serves as long as that is true of every consumer.
"""
from libc.stdint cimport uint32_t, uint64_t

from _pyredis.db.stream_groups cimport Consumer, Group, Names, Pending, consumer_at, group_at
from _pyredis.db.stream_type cimport Stream, stream_node_image, stream_of
from _pyredis.ds.id cimport Id
from _pyredis.ds.rax cimport Rax, RaxCursor, cursor_id, cursor_value, rax_first, rax_next
from _pyredis.rdb.format cimport RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3
from _pyredis.rdb.sink cimport sink_length, sink_string, sink_u64, sink_u64_big, sink_u8

cdef enum:
    ID_BYTES = 16


cdef RdbType stream_rdb_type(const Entry* e) noexcept nogil:
    cdef const Names* groups = &stream_of(e).groups
    cdef const Consumer* consumer
    cdef uint32_t i, j
    for i in range(groups.count):
        for j in range(group_at(groups, i).consumers.count):
            consumer = consumer_at(group_at(groups, i), j)
            if consumer.active_ms != consumer.seen_ms:
                return RDB_STREAM_LISTPACKS_3
    return RDB_STREAM_LISTPACKS_2


cdef void _id(Sink* s, Id id) noexcept nogil:
    sink_length(s, id.ms)
    sink_length(s, id.seq)


cdef void _raw_id(Sink* s, Id id) noexcept nogil:
    sink_u64_big(s, id.ms)
    sink_u64_big(s, id.seq)


cdef void _nodes(Sink* s, const Rax* nodes) noexcept nogil:
    cdef RaxCursor node = rax_first(nodes)
    sink_length(s, nodes.count)
    while node.leaf != NULL:
        sink_u8(s, ID_BYTES)                       # a length
        _raw_id(s, cursor_id(&node))
        sink_string(s, stream_node_image(&node))
        rax_next(&node)


cdef void _pending(Sink* s, const Rax* pending) noexcept nogil:
    cdef RaxCursor at = rax_first(pending)
    cdef const Pending* p
    sink_length(s, pending.count)
    while at.leaf != NULL:
        p = <const Pending*>cursor_value(&at)
        _raw_id(s, cursor_id(&at))
        sink_u64(s, p.delivered_ms)
        sink_length(s, p.deliveries)
        rax_next(&at)


cdef void _consumer(Sink* s, const Consumer* consumer, RdbType type) noexcept nogil:
    cdef RaxCursor at = rax_first(&consumer.pending)
    sink_string(s, consumer.name)
    sink_u64(s, consumer.seen_ms)
    if type == RDB_STREAM_LISTPACKS_3:
        sink_u64(s, consumer.active_ms)
    sink_length(s, consumer.pending.count)
    while at.leaf != NULL:
        _raw_id(s, cursor_id(&at))
        rax_next(&at)


cdef void _group(Sink* s, const Group* g, RdbType type) noexcept nogil:
    cdef uint32_t i
    sink_string(s, g.name)
    _id(s, g.last_id)
    sink_length(s, <uint64_t>g.entries_read)
    _pending(s, &g.pending)
    sink_length(s, g.consumers.count)
    for i in range(g.consumers.count):
        _consumer(s, consumer_at(g, i), type)


cdef void save_stream(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    cdef const Stream* stream = stream_of(e)
    cdef uint32_t i
    _nodes(s, &stream.nodes)
    sink_length(s, stream.length)
    _id(s, stream.last_id)
    _id(s, stream.first_id)
    _id(s, stream.max_deleted_id)
    sink_length(s, stream.entries_added)
    sink_length(s, stream.groups.count)
    for i in range(stream.groups.count):
        _group(s, group_at(&stream.groups, i), type)
