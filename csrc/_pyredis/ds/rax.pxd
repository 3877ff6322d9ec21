# rax -- a radix tree of 128-bit IDs, each with a value of one width. The story is in rax.pyx.
#
# A value is lent: its address is good until the next insertion or deletion, and so is a cursor.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena

cdef extern from "bytes.h" nogil:
    uint64_t bytes_load64(const void* p)

cdef struct Id:                    # ordered by ms, then seq
    uint64_t ms
    uint64_t seq

cdef struct RaxLeaf:               # its values follow, and behind them what the keys do not share
    uint16_t count
    uint16_t capacity
    uint8_t height                 # of the inner node that it hangs in
    uint8_t width                  # bytes of a value
    uint8_t ms_bytes               # low bytes of the ms that each key has of its own
    uint8_t seq_bytes              # likewise; together 1 to 8, or 16
    Id base                        # what all keys share stands in here
    RaxLeaf* prev
    RaxLeaf* next

cdef struct Rax:
    RaxLeaf* root                  # or an inner node
    RaxLeaf* first
    RaxLeaf* last
    uint64_t count
    uint64_t bytes                 # of all nodes
    uint32_t nodes
    uint16_t width

cdef struct RaxCursor:             # leaf NULL: behind the last or before the first
    RaxLeaf* leaf
    uint32_t at

cdef void  rax_init(Rax* t, size_t width) noexcept nogil                     # width: a multiple of 8, up to 64
cdef bint  rax_drain(Rax* t, Arena* mem, size_t most, void (*visit)(Arena*, void*) noexcept nogil) noexcept nogil
cdef void* rax_find(const Rax* t, Id id) noexcept nogil                      # NULL: it is not there
cdef void* rax_insert(Rax* t, Arena* mem, Id id, bint* added) noexcept nogil
cdef bint  rax_delete(Rax* t, Arena* mem, Id id) noexcept nogil              # False: it was not there
cdef int   rax_check(const Rax* t) noexcept nogil                            # 0, or the number of the broken rule

cdef RaxCursor rax_first(const Rax* t) noexcept nogil
cdef RaxCursor rax_last(const Rax* t) noexcept nogil
cdef RaxCursor rax_ceiling(const Rax* t, Id id) noexcept nogil               # the first that is not below id
cdef RaxCursor rax_floor(const Rax* t, Id id) noexcept nogil                 # the last that is not above it
cdef void  rax_next(RaxCursor* c) noexcept nogil
cdef void  rax_prev(RaxCursor* c) noexcept nogil


cdef inline Id id_of(uint64_t ms, uint64_t seq) noexcept nogil:
    cdef Id id
    id.ms = ms
    id.seq = seq
    return id

cdef inline bint id_less(Id a, Id b) noexcept nogil:
    return a.ms < b.ms or (a.ms == b.ms and a.seq < b.seq)

cdef inline bint id_equal(Id a, Id b) noexcept nogil:
    return a.ms == b.ms and a.seq == b.seq

cdef inline Id id_max() noexcept nogil:
    return id_of(~<uint64_t>0, ~<uint64_t>0)

cdef inline bint id_is_zero(Id id) noexcept nogil:
    return id.ms == 0 and id.seq == 0

cdef inline bint id_increment(Id* id) noexcept nogil:
    """To the next ID; False, and 0-0, behind the largest."""
    id.seq += 1
    if id.seq == 0:
        id.ms += 1
        return id.ms != 0
    return True

cdef inline bint id_decrement(Id* id) noexcept nogil:
    """To the ID before; False, and the largest, before 0-0."""
    id.seq -= 1
    if id.seq == ~<uint64_t>0:
        id.ms -= 1
        return id.ms != ~<uint64_t>0
    return True

cdef inline uint64_t rax_low(uint32_t n) noexcept nogil:
    """The bits of the n low bytes, 0 to 8."""
    return ~((~<uint64_t>0 << (n * 4)) << (n * 4))

cdef inline void* rax_leaf_value(const RaxLeaf* leaf, size_t i) noexcept nogil:
    return <char*>(leaf + 1) + i * leaf.width

cdef inline uint8_t* rax_leaf_keys(const RaxLeaf* leaf) noexcept nogil:
    return <uint8_t*>rax_leaf_value(leaf, leaf.capacity)

cdef inline Id rax_leaf_id(const RaxLeaf* leaf, size_t i) noexcept nogil:
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes, half = leaf.seq_bytes * 4
    cdef const uint8_t* end = rax_leaf_keys(leaf) + (i + 1) * own
    cdef uint64_t x = bytes_load64(end - 8), low
    if own > 8:
        return id_of(bytes_load64(end - 16), x)
    x >>= 64 - own * 8                             # what stands before the key goes
    low = rax_low(leaf.seq_bytes)
    return id_of((leaf.base.ms & ~rax_low(leaf.ms_bytes)) | ((x >> half) >> half), (leaf.base.seq & ~low) | (x & low))

cdef inline Id cursor_id(const RaxCursor* c) noexcept nogil:
    return rax_leaf_id(c.leaf, c.at)

cdef inline void* cursor_value(const RaxCursor* c) noexcept nogil:
    return rax_leaf_value(c.leaf, c.at)
