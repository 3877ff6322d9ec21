"""dump -- DUMP: a value's bytes, which RESTORE and MIGRATE put into another server.

They are those of an RDB file, closed by the version that can read them and by a CRC64 of everything before it. A
value that an older server can hold gives bytes that the older server takes (rdb/save).

A short payload is made on the stack and copied into the reply; a long one is lent to it.
"""
from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.status cimport OK, Status
from _pyredis.cmd.ctx cimport Ctx, key_at, lookup_read
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.value cimport Entry
from _pyredis.rdb.save cimport save_payload
from _pyredis.rdb.sink cimport SINK_COMPRESS, SINK_CRC, Sink, sink_free, sink_to_memory
from _pyredis.wire.reply cimport reply_bulk, reply_bulk_lent, reply_null

cdef enum:
    SHORT = 512                    # bytes of a payload that take no memory
    LENDABLE = 16384               # from here on a payload is lent

cdef struct Lent:
    char* data
    size_t capacity


cdef void _give_back(void* mem, void* held) noexcept nogil:
    cdef Lent* lent = <Lent*>held
    mem_free(<Arena*>mem, lent.data, lent.capacity)
    mem_free(<Arena*>mem, lent, sizeof(Lent))


cdef void _lend(Ctx* c, Sink* s) noexcept nogil:
    """Replies with the sink's bytes and takes them from it."""
    cdef Lent* lent = <Lent*>mem_alloc(c.server.mem, sizeof(Lent))
    lent.data = s.data
    lent.capacity = s.capacity
    s.owned = False
    reply_bulk_lent(c.out, s.data, s.used, _give_back, c.server.mem, lent)


cdef Status cmd_dump(Ctx* c) noexcept nogil:
    """DUMP key -> the value for RESTORE, or null."""
    cdef char[SHORT] room
    cdef Sink s
    cdef Entry* e = lookup_read(c, key_at(c, 1))
    if e == NULL:
        reply_null(c.out)
        return OK
    sink_to_memory(&s, c.server.mem, room, SHORT, SINK_CRC | (SINK_COMPRESS if c.server.rdb_compression else 0))
    save_payload(&s, e)
    if s.owned and s.used >= LENDABLE:
        _lend(c, &s)
    else:
        reply_bulk(c.out, s.data, s.used)
    sink_free(&s)
    return OK


cdef void bind_dump(Table* t) noexcept nogil:
    table_bind(t, b"DUMP", cmd_dump)
