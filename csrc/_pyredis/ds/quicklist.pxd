# quicklist -- a long list: nodes of packed elements. The story is in quicklist.pyx.
from libc.stdint cimport int16_t, int64_t, uint16_t, uint32_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element
from _pyredis.ds.quick_node cimport NodeKind, QuickNode, node_put

cdef enum QuickEnd:
    QUICK_HEAD = 0
    QUICK_TAIL = 1

cdef struct Quicklist:
    QuickNode* head
    QuickNode* tail
    size_t count                   # elements of all nodes
    uint32_t nodes
    int16_t fill                   # list-max-listpack-size as it was when the list came to be
    uint16_t depth                 # list-compress-depth, likewise
    size_t large                   # bytes from which an element gets a node of its own; 0: by `fill`
    QuickNode* unsettled           # where ds/quicklist_settle goes on, or NULL

cdef Quicklist* quicklist_new(Arena* mem, int64_t fill, int64_t depth) noexcept nogil
cdef Quicklist* quicklist_copy(Arena* mem, const Quicklist* q) noexcept nogil
cdef bint   quicklist_free(Arena* mem, Quicklist* q, size_t most) noexcept nogil   # True: all of it is gone
cdef bint   quicklist_exceeds(int64_t fill, size_t bytes, size_t count) noexcept nogil   # too much for one listpack?
cdef bint   quicklist_fits(const Quicklist* q, int64_t fill, bint halved) noexcept nogil   # into a listpack?
cdef Slice  quicklist_single(const Quicklist* q) noexcept nogil                    # ... the elements' bytes, then

# At the ends.
cdef void    quicklist_push(Arena* mem, Quicklist* q, QuickEnd end, Slice s) noexcept nogil
cdef Element quicklist_end(const Quicklist* q, QuickEnd end) noexcept nogil        # of a list that is not empty
cdef void    quicklist_drop(Arena* mem, Quicklist* q, QuickEnd end, size_t n) noexcept nogil   # n <= count
# A node made of encoded elements (NODE_PACKED) or of one element's bytes (NODE_PLAIN), behind the others.
cdef void    quicklist_append_node(Arena* mem, Quicklist* q, NodeKind kind, const char* p, size_t n,
                                   size_t count) noexcept nogil

# For ds/quick_pos and ds/quick_iter. What changes a list between its ends is not done before quicklist_recompress.
cdef bint    quicklist_is_large(const Quicklist* q, size_t length) noexcept nogil
cdef bint    quicklist_admits(const Quicklist* q, const QuickNode* node, size_t length) noexcept nogil
cdef const QuickNode* quicklist_node_at(const Quicklist* q, int64_t index, size_t* within) noexcept nogil
cdef void    quicklist_link(Quicklist* q, QuickNode* after, QuickNode* node) noexcept nogil
cdef void    quicklist_remove_node(Arena* mem, Quicklist* q, QuickNode* node) noexcept nogil
cdef void    quicklist_recompress(Arena* mem, Quicklist* q, QuickNode* changed) noexcept nogil

cdef size_t  quicklist_memory(const Quicklist* q, size_t samples) noexcept nogil   # samples 0: every node is asked
cdef int     quicklist_check(Arena* mem, const Quicklist* q) noexcept nogil        # 0, or the number of the broken rule


cdef inline void quicklist_put(Arena* mem, Quicklist* q, QuickNode* node, size_t at, Slice s) noexcept nogil:
    """An element into a packed node, `at` bytes behind its first."""
    node_put(mem, node, at, s, q.fill)
    q.count += 1
