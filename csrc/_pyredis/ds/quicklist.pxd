# quicklist -- a long list: nodes of packed elements. The story is in quicklist.pyx.
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element

cdef enum QuickEnd:
    QUICK_HEAD = 0
    QUICK_TAIL = 1

cdef enum NodeKind:
    NODE_PACKED = 0                # encoded elements, as in a listpack
    NODE_PLAIN = 1                 # one large element, its bytes as they are
    NODE_LZF = 2                   # encoded elements, compressed

cdef struct QuickNode:
    QuickNode* prev
    QuickNode* next
    uint32_t count                 # elements
    uint32_t kind
    uint8_t* data                  # a block of `room` bytes
    size_t room
    size_t used                    # bytes in use, from `start` on
    uint32_t start
    uint32_t raw                   # NODE_LZF: bytes of the elements before they were compressed

cdef struct Quicklist:
    QuickNode* head
    QuickNode* tail
    size_t count                   # elements of all nodes
    uint32_t nodes
    int16_t fill                   # list-max-listpack-size as it was when the list came to be
    uint16_t depth                 # list-compress-depth, likewise
    size_t large                   # bytes from which an element gets a node of its own; 0: by `fill`
    QuickNode* unsettled           # where ds/quicklist_settle goes on, or NULL

cdef struct QuickPos:              # an element; until the next change of the list, but for the one it was made for
    QuickNode* node
    size_t at                      # bytes before it in its node
    uint32_t index                 # elements before it in its node

cdef struct QuickIter:             # a walk; nobody changes the list meanwhile
    Arena* mem
    const QuickNode* node
    const uint8_t* p               # the next element; backward: the byte behind it
    const uint8_t* bound           # where the elements of this node end; backward: where they begin
    size_t left                    # elements of this node to come
    bint backward
    uint8_t* scratch               # a compressed node, opened
    size_t scratch_size

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

# In between. Negative indexes count from the end.
cdef bint    quicklist_seek(Arena* mem, Quicklist* q, int64_t index, QuickPos* at) noexcept nogil
cdef bint    quicklist_find(Arena* mem, Quicklist* q, Slice s, QuickPos* at) noexcept nogil    # the first that equals s
cdef void    quicklist_insert(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil
cdef void    quicklist_replace(Arena* mem, Quicklist* q, QuickPos* at, Slice s) noexcept nogil
cdef void    quicklist_leave(Arena* mem, Quicklist* q, QuickPos* at) noexcept nogil            # found, but not changed
# Removes the first `most` elements that equal s, in this direction; how many.
cdef size_t  quicklist_remove(Arena* mem, Quicklist* q, Slice s, size_t most, bint backward) noexcept nogil

# Walking. quick_done gives back what a walk took; needed after it, whether it came to its end or not.
cdef void    quick_iter(QuickIter* it, Arena* mem, const Quicklist* q, int64_t index, bint backward) noexcept nogil
cdef void    quick_iter_bytes(QuickIter* it, const uint8_t* first, const uint8_t* end, size_t count,
                              int64_t index, bint backward) noexcept nogil
cdef bint    quick_next(QuickIter* it, Element* e) noexcept nogil
# Up to `most` elements that stand encoded one behind the other, from `first` to `end`; how many, 0 at the end of the
# walk. A large element comes alone and is in `e`, with `first` NULL. Forward only.
cdef size_t  quick_next_run(QuickIter* it, size_t most, const uint8_t** first, const uint8_t** end,
                            Element* e) noexcept nogil
cdef void    quick_done(QuickIter* it) noexcept nogil

cdef size_t  quicklist_memory(const Quicklist* q, size_t samples) noexcept nogil   # samples 0: every node is asked
cdef int     quicklist_check(Arena* mem, const Quicklist* q) noexcept nogil        # 0, or the number of the broken rule
