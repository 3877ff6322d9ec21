# rax -- a radix tree of 128-bit IDs, each with a value of one width. The story is in rax.pyx.
#
# A value is lent: its address is good until the next insertion or deletion, and so is a cursor.
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.ds.id cimport Id
from _pyredis.ds.rax_leaf cimport RaxLeaf, leaf_id, leaf_value

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


cdef inline Id cursor_id(const RaxCursor* c) noexcept nogil:
    return leaf_id(c.leaf, c.at)

cdef inline void* cursor_value(const RaxCursor* c) noexcept nogil:
    return leaf_value(c.leaf, c.at)
