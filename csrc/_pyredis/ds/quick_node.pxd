# quick_node -- a node of a quicklist. The story is in quick_node.pyx.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memmove
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element, element_text
from _pyredis.ds.listpack cimport LISTPACK_EMPTY, element_encode, listpack_get

cdef extern from "bytes.h" nogil:
    void bytes_copy(char* to, const char* src, size_t n) noexcept

cdef extern from "ensure.h" nogil:
    bint UNLIKELY(bint x)

cdef enum:
    NODE_SHORT = 32                # an element of up to this many bytes is encoded aside, in 16 more
    NODE_SAFE_BYTES = 8192         # of a node whose limit is a count of elements
    NODE_SMALLEST_FILL = -5

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

# In no chain; node_of is made of just these bytes.
cdef QuickNode* node_new(Arena* mem, size_t room, NodeKind kind) noexcept nogil
cdef QuickNode* node_of(Arena* mem, NodeKind kind, const void* p, size_t n, size_t count) noexcept nogil
cdef void   node_free(Arena* mem, QuickNode* node) noexcept nogil
cdef size_t node_room(int64_t fill, size_t need) noexcept nogil                    # what a block of that much is given
cdef void   node_trim(Arena* mem, QuickNode* node) noexcept nogil

# Changing a packed node. Places are bytes behind its first.
cdef void   node_put_long(Arena* mem, QuickNode* node, size_t at, Slice s, int64_t fill) noexcept nogil
cdef void   node_spread(Arena* mem, QuickNode* node, size_t at, size_t n, int64_t fill) noexcept nogil
cdef void   node_cut(QuickNode* node, size_t at, size_t n) noexcept nogil
cdef void   node_add(Arena* mem, QuickNode* node, const QuickNode* other, int64_t fill) noexcept nogil
cdef void   node_set_plain(Arena* mem, QuickNode* node, Slice s) noexcept nogil    # ... a plain one

# Where element i begins among `count` that stand from `first` to `end`.
cdef const uint8_t* node_at(const uint8_t* first, const uint8_t* end, size_t count, size_t i) noexcept nogil

# Compression.
cdef void   node_decompress(Arena* mem, QuickNode* node) noexcept nogil
cdef void   node_compress(Arena* mem, QuickNode* node) noexcept nogil
cdef void   node_expand(const QuickNode* node, uint8_t* out) noexcept nogil        # node.raw bytes, elsewhere

cdef int    node_check(Arena* mem, const QuickNode* node) noexcept nogil           # 0, or the number of the broken rule


cdef inline uint8_t* node_first(const QuickNode* node) noexcept nogil:
    return <uint8_t*>node.data + node.start


cdef inline size_t node_bytes(const QuickNode* node) noexcept nogil:
    """Bytes of the listpack that a packed node, compressed or not, would be."""
    return (node.raw if node.kind == NODE_LZF else node.used) + LISTPACK_EMPTY


cdef inline size_t node_limit(int64_t fill) noexcept nogil:
    """Bytes that a node may have, as a listpack."""
    if fill >= 0:
        return NODE_SAFE_BYTES
    return <size_t>4096 << (-1 - fill if fill >= NODE_SMALLEST_FILL else -1 - NODE_SMALLEST_FILL)


cdef inline Element node_element(const QuickNode* node, const uint8_t* p) noexcept nogil:
    """The element at p, or the one of a plain node."""
    if node.kind == NODE_PLAIN:
        return element_text(<const char*>node_first(node), node.used)
    return listpack_get(p)


cdef inline void node_open(Arena* mem, QuickNode* node) noexcept nogil:
    """To be called before a node is changed: a compressed one becomes a packed one."""
    if UNLIKELY(node.kind == NODE_LZF):
        node_decompress(mem, node)


# Each push comes here: as calls of another module, these two cost a fifth of it.

cdef inline void node_gap(Arena* mem, QuickNode* node, size_t at, size_t n, int64_t fill) noexcept nogil:
    """Opens n bytes, `at` bytes behind the node's first. The shorter part moves."""
    cdef size_t behind = node.room - node.start - node.used
    cdef uint8_t* p = node_first(node)
    if node.start >= n and (behind < n or at < node.used - at):
        memmove(p - n, p, at)
        node.start -= <uint32_t>n
    elif behind >= n:
        memmove(p + at + n, p + at, node.used - at)
    else:
        node_spread(mem, node, at, n, fill)
        return
    node.used += n


cdef inline void node_put(Arena* mem, QuickNode* node, size_t at, Slice s, int64_t fill) noexcept nogil:
    """Encodes an element into a packed node, `at` bytes behind its first."""
    cdef uint8_t[NODE_SHORT + 16] aside
    cdef size_t n
    if UNLIKELY(s.len > NODE_SHORT):
        node_put_long(mem, node, at, s, fill)
        return
    n = element_encode(aside, s)                 # once: to ask for its size first would read its digits twice
    node_gap(mem, node, at, n, fill)
    bytes_copy(<char*>node_first(node) + at, <char*>aside, n)
    node.count += 1
