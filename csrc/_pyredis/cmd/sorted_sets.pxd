# sorted_sets -- ZADD, ZSCORE, ZREM and their kin, and what all commands of sorted sets share.
from libc.stdint cimport int64_t
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.cmd.elements cimport reply_element
from _pyredis.db.keyspace cimport Key
from _pyredis.db.value cimport Entry
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport Out, reply_array, reply_double

# Says that `n` members have gone, as `event`; an empty set goes with its key.
cdef void sorted_set_shrunk(Ctx* c, Key key, Entry* e, const char* event, int64_t n) noexcept nogil

cdef void bind_sorted_sets(Table* t) noexcept nogil

# Members as a reply, with their scores or without: pairs in RESP3, in RESP2 all in a row.
cdef inline void reply_scored_array(Out* out, size_t n, bint scores) noexcept nogil:
    reply_array(out, n * 2 if scores and out.proto == 2 else n)

cdef inline void reply_scored(Out* out, const Element* member, double score, bint scores) noexcept nogil:
    if scores and out.proto > 2:
        reply_array(out, 2)
    reply_element(out, member)
    if scores:
        reply_double(out, score)
