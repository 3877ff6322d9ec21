# sorted_sets -- ZADD, ZSCORE, ZREM and their kin, and what all commands of sorted sets share.
from libc.stdint cimport int64_t
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.cmd.elements cimport reply_element
from _pyredis.db.keyspace cimport Key
from _pyredis.db.value cimport Entry
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport Out, reply_array, reply_double

cdef enum:
    USUAL_PAIRS = 32               # of a ZADD, whose scores need no memory of their own

cdef struct ZAdd:                  # a ZADD, ZINCRBY or GEOADD, parsed
    int flags
    bint changed                   # CH: changes count, too
    int first                      # of the pairs
    int step                       # arguments a pair, of which the last is the member
    size_t pairs
    double* scores
    double few[USUAL_PAIRS]

cdef void zadd_room(Ctx* c, ZAdd* a) noexcept nogil                # for the scores of so many pairs
cdef void zadd_done(Ctx* c, ZAdd* a) noexcept nogil
# Adds the pairs, with their scores, to the set at argv[1] and replies.
cdef Status zadd_scored(Ctx* c, const ZAdd* a) noexcept nogil

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
