# elements -- what a collection hands out, as a reply.
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport Out, reply_bulk, reply_bulk_int


cdef inline void reply_element(Out* out, const Element* e) noexcept nogil:
    if e.ptr != NULL:
        reply_bulk(out, e.ptr, e.len)
    else:
        reply_bulk_int(out, e.number)
