# idtree -- an ordered map from 128-bit IDs to values of one width. The story is in idtree.pyx.
#
# A value is lent: its address is good until the next insertion or deletion, and so is a cursor.
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena

cdef struct Id:                    # ordered by ms, then seq
    uint64_t ms
    uint64_t seq

cdef struct IdNode:                # its IDs follow, and behind them its values (of an inner node: its children)
    uint16_t count
    uint16_t capacity
    uint16_t level                 # 0: a leaf
    uint16_t width                 # bytes of a value
    IdNode* prev                   # of leaves
    IdNode* next

cdef struct IdTree:
    IdNode* root
    IdNode* first
    IdNode* last
    uint64_t count
    uint32_t nodes
    uint16_t width

cdef struct IdCursor:              # leaf NULL: behind the last or before the first
    IdNode* leaf
    uint32_t at

cdef void  idtree_init(IdTree* t, size_t width) noexcept nogil               # width: a multiple of 8, up to 64
cdef bint  idtree_drain(IdTree* t, Arena* mem, size_t most, void (*visit)(Arena*, void*) noexcept nogil) noexcept nogil
cdef void* idtree_find(const IdTree* t, Id id) noexcept nogil                # NULL: it is not there
cdef void* idtree_insert(IdTree* t, Arena* mem, Id id, bint* added) noexcept nogil
cdef bint  idtree_delete(IdTree* t, Arena* mem, Id id) noexcept nogil        # False: it was not there
cdef size_t idtree_bytes(const IdTree* t) noexcept nogil
cdef int   idtree_check(const IdTree* t) noexcept nogil                      # 0, or the number of the broken rule

cdef IdCursor idtree_first(const IdTree* t) noexcept nogil
cdef IdCursor idtree_last(const IdTree* t) noexcept nogil
cdef IdCursor idtree_ceiling(const IdTree* t, Id id) noexcept nogil          # the first that is not below id
cdef IdCursor idtree_floor(const IdTree* t, Id id) noexcept nogil            # the last that is not above it
cdef void  idtree_next(IdCursor* c) noexcept nogil
cdef void  idtree_prev(IdCursor* c) noexcept nogil


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

cdef inline Id* idnode_ids(const IdNode* n) noexcept nogil:
    return <Id*>(n + 1)

cdef inline void* idnode_value(const IdNode* n, size_t i) noexcept nogil:
    return <char*>(idnode_ids(n) + n.capacity) + i * n.width

cdef inline Id cursor_id(const IdCursor* c) noexcept nogil:
    return idnode_ids(c.leaf)[c.at]

cdef inline void* cursor_value(const IdCursor* c) noexcept nogil:
    return idnode_value(c.leaf, c.at)
