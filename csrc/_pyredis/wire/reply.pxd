# reply -- the append-only reply buffer, in RESP2 and RESP3. The story is in reply.pyx.
from libc.stdint cimport int64_t, uint8_t
from _pyredis.base.slice cimport Slice
from _pyredis.wire.block cimport BlockPool

ctypedef void (*Release)(void* owner, void* held) noexcept nogil

cdef struct OutBlock:
    OutBlock* next
    size_t used                    # bytes written
    size_t capacity
    char* data                     # they follow this header, or are lent by somebody
    Release release                # lent bytes are given back by release(owner, held)
    void* owner
    void* held

cdef struct Out:
    OutBlock* head                 # sending goes on here, at `sent`
    OutBlock* tail                 # appending goes on here
    size_t sent                    # bytes of `head` that are on their way
    size_t pending                 # bytes not sent, in all blocks
    size_t memory                  # bytes of all blocks
    BlockPool* pool
    uint8_t proto                  # 2 or 3
    bint catching                  # a reply that is one integer is not written: it is `caught`, for a script
    bint caught
    int64_t integer                # what was

cdef struct Deferred:              # a header whose count is not known yet
    OutBlock* block
    size_t at
    char kind

cdef void out_init(Out* o, BlockPool* pool) noexcept nogil
cdef void out_clear(Out* o) noexcept nogil                         # drops what is pending
cdef void out_truncate(Out* o, OutBlock* tail, size_t used, size_t pending) noexcept nogil
cdef void out_append(Out* o, const char* p, size_t n) noexcept nogil
# The same without a copy: the bytes must stay until release(owner, held) is called.
cdef void out_lend(Out* o, const char* p, size_t n, Release release, void* owner, void* held) noexcept nogil
cdef void out_join(Out* o, Out* other) noexcept nogil              # appends what is pending there, which is then empty
cdef char* out_room(Out* o, size_t n) noexcept nogil               # where n bytes can be written; then out_advance
cdef int  out_views(const Out* o, Slice* views, int most) noexcept nogil   # what to send, for writev
cdef void out_sent(Out* o, size_t n) noexcept nogil                # n bytes have gone; frees what is done

cdef void reply_ok(Out* o) noexcept nogil
cdef void reply_queued(Out* o) noexcept nogil
cdef void reply_simple(Out* o, const char* text) noexcept nogil    # NUL-terminated
cdef void reply_error(Out* o, const char* text, size_t n) noexcept nogil   # with its code, without the '-'
cdef void reply_int(Out* o, int64_t v) noexcept nogil
cdef void reply_bulk(Out* o, const char* p, size_t n) noexcept nogil
cdef void reply_bulk_lent(Out* o, const char* p, size_t n, Release release, void* owner, void* held) noexcept nogil
cdef void reply_text(Out* o, const char* text) noexcept nogil      # NUL-terminated, as a bulk string
cdef void reply_bulk_int(Out* o, int64_t v) noexcept nogil         # an integer as a bulk string
cdef void reply_null(Out* o) noexcept nogil
cdef void reply_null_array(Out* o) noexcept nogil
cdef void reply_array(Out* o, size_t n) noexcept nogil
cdef void reply_map(Out* o, size_t pairs) noexcept nogil
cdef void reply_set(Out* o, size_t n) noexcept nogil
cdef void reply_push(Out* o, size_t n) noexcept nogil
cdef void reply_attribute(Out* o, size_t pairs) noexcept nogil     # RESP3 only; the caller asks o.proto
cdef void reply_bool(Out* o, bint v) noexcept nogil
cdef void reply_double(Out* o, double v) noexcept nogil
cdef void reply_big_number(Out* o, const char* digits, size_t n) noexcept nogil
cdef void reply_verbatim(Out* o, const char* format, const char* p, size_t n) noexcept nogil

# The kinds: b"*" array, b"%" map, b"~" set, b">" push. `n` of reply_end counts elements, or pairs of a map.
cdef Deferred reply_begin(Out* o, char kind) noexcept nogil
cdef void     reply_end(Out* o, Deferred d, size_t n) noexcept nogil

cdef inline size_t out_waiting(const Out* o) noexcept nogil:
    """Bytes that the pending reply takes, without the room that its last block still has."""
    return o.memory - (o.tail.capacity - o.tail.used) if o.tail != NULL else o.memory

cdef inline void out_advance(Out* o, size_t n) noexcept nogil:
    """n bytes have been written where out_room said."""
    o.tail.used += n
    o.pending += n

cdef inline void reply_slice(Out* o, Slice s) noexcept nogil:
    reply_bulk(o, s.ptr, s.len)
