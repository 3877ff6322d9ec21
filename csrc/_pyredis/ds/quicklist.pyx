"""quicklist -- a long list: a chain of nodes, each a few KiB of elements that stand one behind the other.

    Quicklist -> head <-> node <-> node <-> tail          56 bytes each, close together
                   |        |        |        |
                 block    block    block    block

What a node is, ds/quick_node tells: elements packed as in a listpack, with room at both ends. Here is the chain: how
much each node holds, which of them are compressed, and pushing and popping. Whatever happens in between begins with a
place in the list (ds/quick_pos); walks are ds/quick_iter.

How much a node holds follows Redis exactly, since OBJECT ENCODING shows it: a list is a listpack again when one small
node is left. `fill` below zero stands for 4 to 64 KiB, from zero on for a count of elements of 8 KiB together; the
measure is the listpack that the node would be. An element that no node may hold gets one of its own.

With `depth` above zero, all but that many nodes at either end are compressed (LZF), unless that gains nothing. A change
opens a compressed node in place; quicklist_recompress, which ends each change, closes it.

Cost: O(1) at the ends; O(nodes) to find the node of an index, from the nearer end.

Ownership: the list owns its nodes, and a node its block. An Element is valid until the next change.
Rules checked by quicklist_check: 1 the chain is whole, both ways; 2 no node is empty, and counts and bytes agree;
3 what is used lies within the room; 4 elements fill the node; 5 the `depth` outermost nodes are not compressed;
6 a compressed node can be opened; 7 `count` and `nodes` are the sums.
"""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.element cimport Element
from _pyredis.ds.listpack cimport element_encoded_size, element_size, element_size_before
from _pyredis.ds.quick_node cimport (NODE_LZF, NODE_PACKED, NODE_PLAIN, NODE_SAFE_BYTES, NODE_SMALLEST_FILL, NodeKind,
                                     QuickNode, node_bytes, node_check, node_compress, node_element, node_first,
                                     node_free, node_limit, node_new, node_of, node_open, node_room, node_trim)

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    LARGEST_FILL = 32767
    DEEPEST = 65535
    ESTIMATE = 8                   # Redis: the bytes that it reckons an element takes beside its own


# ---------------------------------------------------------------- how much a node holds

cdef bint quicklist_exceeds(int64_t fill, size_t bytes, size_t count) noexcept nogil:
    """Are these bytes, or this many elements, more than one node, or a list that is one listpack, may have?"""
    if fill < 0:
        return bytes > node_limit(fill)
    return bytes > NODE_SAFE_BYTES or count > <size_t>(fill if fill else 1)


cdef bint quicklist_is_large(const Quicklist* q, size_t length) noexcept nogil:
    """Does an element of this length get a node of its own?"""
    return length >= q.large if q.large else length > node_limit(q.fill)


cdef bint quicklist_admits(const Quicklist* q, const QuickNode* node, size_t length) noexcept nogil:
    """Does this node, which may be NULL, take one more element of this length?"""
    if node == NULL or node.kind == NODE_PLAIN or quicklist_is_large(q, length):
        return False
    return not quicklist_exceeds(q.fill, node_bytes(node) + length + ESTIMATE, <size_t>node.count + 1)


cdef bint quicklist_fits(const Quicklist* q, int64_t fill, bint halved) noexcept nogil:
    """Is the list one packed node that `fill` would let be a listpack, or a listpack half as large?"""
    cdef int part = 2 if halved else 1
    if q.nodes != 1 or q.head.kind != NODE_PACKED:
        return False
    if fill < 0:
        return node_bytes(q.head) <= node_limit(fill) // part
    return q.head.count <= (fill if fill else 1) // part


cdef Slice quicklist_single(const Quicklist* q) noexcept nogil:
    return slice_of(<const char*>node_first(q.head), q.head.used)


# ---------------------------------------------------------------- the chain

cdef void quicklist_link(Quicklist* q, QuickNode* after, QuickNode* node) noexcept nogil:
    """Puts a node behind another, or in front of all (NULL). Its elements are the caller's to count."""
    node.prev = after
    node.next = after.next if after != NULL else q.head
    if node.prev != NULL:
        node.prev.next = node
    else:
        q.head = node
    if node.next != NULL:
        node.next.prev = node
    else:
        q.tail = node
    q.nodes += 1


cdef void quicklist_remove_node(Arena* mem, Quicklist* q, QuickNode* node) noexcept nogil:
    """Unlinks and frees a node with the elements that it has left."""
    if node.prev != NULL:
        node.prev.next = node.next
    else:
        q.head = node.next
    if node.next != NULL:
        node.next.prev = node.prev
    else:
        q.tail = node.prev
    if UNLIKELY(q.unsettled == node):
        q.unsettled = node.next
    q.nodes -= 1
    q.count -= node.count
    node_free(mem, node)


cdef const QuickNode* quicklist_node_at(const Quicklist* q, int64_t index, size_t* within) noexcept nogil:
    """The node of an element, and which of its elements that is; NULL if there are fewer. From the nearer end."""
    cdef const QuickNode* node
    cdef size_t i, before
    if index < 0:
        index += <int64_t>q.count
    if index < 0 or index >= <int64_t>q.count:
        return NULL
    i = <size_t>index
    if i < q.count - i:
        node = q.head
        while i >= node.count:
            i -= node.count
            node = node.next
        within[0] = i
        return node
    node = q.tail
    before = q.count - node.count
    while before > i:
        node = node.prev
        before -= node.count
    within[0] = i - before
    return node


# ---------------------------------------------------------------- which nodes are compressed

cdef bint _is_outer(const Quicklist* q, const QuickNode* node) noexcept nogil:
    """Is the node one of the `depth` at either end?"""
    cdef const QuickNode* front = q.head
    cdef const QuickNode* back = q.tail
    cdef uint32_t i
    for i in range(q.depth if q.depth < q.nodes else q.nodes):
        if front == node or back == node:
            return True
        front = front.next
        back = back.prev
    return False


cdef inline void _close(Arena* mem, Quicklist* q, QuickNode* node) noexcept nogil:
    if node != NULL and node.kind == NODE_PACKED and not _is_outer(q, node):
        node_compress(mem, node)


cdef void quicklist_recompress(Arena* mem, Quicklist* q, QuickNode* changed) noexcept nogil:
    """After a change: opens the outer nodes; compresses those next to them, and `changed` and its neighbours."""
    cdef QuickNode* front = q.head
    cdef QuickNode* back = q.tail
    cdef uint32_t i
    if LIKELY(q.depth == 0):
        return
    for i in range(q.depth if q.depth < q.nodes else q.nodes):
        node_open(mem, front)
        node_open(mem, back)
        front = front.next
        back = back.prev
    if changed != NULL:
        _close(mem, q, changed.prev)
        _close(mem, q, changed.next)
        _close(mem, q, changed)
    if q.nodes > 2 * <uint32_t>q.depth:
        front = q.head
        back = q.tail
        for i in range(q.depth):
            front = front.next
            back = back.prev
        node_compress(mem, front)
        node_compress(mem, back)


# ---------------------------------------------------------------- the list as a whole

cdef Quicklist* quicklist_new(Arena* mem, int64_t fill, int64_t depth) noexcept nogil:
    """An empty list; `fill` and `depth` are those of the configuration, and beyond the limits become these."""
    cdef Quicklist* q = <Quicklist*>mem_alloc(mem, sizeof(Quicklist))
    q.head = q.tail = q.unsettled = NULL
    q.count = 0
    q.nodes = 0
    q.fill = <int16_t>(LARGEST_FILL if fill > LARGEST_FILL else NODE_SMALLEST_FILL if fill < NODE_SMALLEST_FILL else fill)
    q.depth = <uint16_t>(DEEPEST if depth > DEEPEST else depth)
    q.large = 0
    return q


cdef Quicklist* quicklist_copy(Arena* mem, const Quicklist* q) noexcept nogil:
    """The same list, its nodes without slack."""
    cdef Quicklist* copy = quicklist_new(mem, q.fill, q.depth)
    cdef const QuickNode* node = q.head
    cdef QuickNode* twin
    while node != NULL:
        twin = node_of(mem, <NodeKind>node.kind, node_first(node), node.used, node.count)
        twin.raw = node.raw
        quicklist_link(copy, copy.tail, twin)
        node = node.next
    copy.count = q.count
    copy.large = q.large
    return copy


cdef bint quicklist_free(Arena* mem, Quicklist* q, size_t most) noexcept nogil:
    """Frees about `most` blocks; True when the list itself is gone, too."""
    cdef size_t freed = 0
    while q.head != NULL and freed < most:
        quicklist_remove_node(mem, q, q.head)
        freed += 2
    if q.head != NULL:
        return False
    mem_free(mem, q, sizeof(Quicklist))
    return True


cdef size_t quicklist_memory(const Quicklist* q, size_t samples) noexcept nogil:
    """Bytes of the list; of `samples` nodes, unless that is 0, as if all were alike."""
    cdef size_t bytes = 0, asked = 0
    cdef const QuickNode* node = q.head
    while node != NULL and (samples == 0 or asked < samples):
        bytes += mem_footprint(sizeof(QuickNode)) + mem_footprint(node.room)
        asked += 1
        node = node.next
    if node != NULL:
        bytes = bytes // asked * q.nodes
    return bytes + mem_footprint(sizeof(Quicklist))


# ---------------------------------------------------------------- at the ends

cdef void _push_node(Arena* mem, Quicklist* q, QuickEnd end, Slice s) noexcept nogil:
    """A push that begins a node."""
    cdef QuickNode* node = q.tail if end == QUICK_TAIL else q.head
    if quicklist_is_large(q, s.len):
        quicklist_link(q, q.tail if end == QUICK_TAIL else NULL, node_of(mem, NODE_PLAIN, s.ptr, s.len, 1))
        q.count += 1
    else:
        if node != NULL:
            node_trim(mem, node)
        node = node_new(mem, node_room(q.fill, element_encoded_size(s)), NODE_PACKED)
        node.start = <uint32_t>(node.room if end == QUICK_HEAD else 0)
        quicklist_link(q, q.tail if end == QUICK_TAIL else NULL, node)
        quicklist_put(mem, q, node, 0, s)
    quicklist_recompress(mem, q, NULL)


cdef void quicklist_push(Arena* mem, Quicklist* q, QuickEnd end, Slice s) noexcept nogil:
    """Adds an element at an end."""
    cdef QuickNode* node = q.tail if end == QUICK_TAIL else q.head
    if LIKELY(quicklist_admits(q, node, s.len)):
        quicklist_put(mem, q, node, node.used if end == QUICK_TAIL else 0, s)
    else:
        _push_node(mem, q, end, s)


cdef Element quicklist_end(const Quicklist* q, QuickEnd end) noexcept nogil:
    """The first or the last element, of a list that has one."""
    cdef const QuickNode* node = q.tail if end == QUICK_TAIL else q.head
    cdef const uint8_t* p = node_first(node)
    if end == QUICK_TAIL and node.kind == NODE_PACKED:
        p += node.used
        p -= element_size_before(p)
    return node_element(node, p)


cdef void quicklist_drop(Arena* mem, Quicklist* q, QuickEnd end, size_t n) noexcept nogil:
    """Removes n elements at an end, of at least so many."""
    cdef QuickNode* node
    cdef size_t part, i
    cdef bint moved = False
    while n:
        node = q.tail if end == QUICK_TAIL else q.head
        if n >= node.count:
            n -= node.count
            quicklist_remove_node(mem, q, node)
            moved = True
            continue
        node_open(mem, node)
        for i in range(n):
            part = (element_size(node_first(node)) if end == QUICK_HEAD
                    else element_size_before(node_first(node) + node.used))
            node.used -= part
            if end == QUICK_HEAD:
                node.start += <uint32_t>part
        node.count -= <uint32_t>n
        q.count -= n
        n = 0
    if moved:
        quicklist_recompress(mem, q, NULL)


cdef void quicklist_append_node(Arena* mem, Quicklist* q, NodeKind kind, const char* p, size_t n,
                                size_t count) noexcept nogil:
    """A node of encoded elements, or of one large one, behind all others."""
    quicklist_link(q, q.tail, node_of(mem, kind, p, n, count))
    q.count += count
    quicklist_recompress(mem, q, NULL)


# ---------------------------------------------------------------- checking

cdef int quicklist_check(Arena* mem, const Quicklist* q) noexcept nogil:
    cdef const QuickNode* node = q.head
    cdef const QuickNode* before = NULL
    cdef size_t count = 0, nodes = 0
    cdef int broken
    while node != NULL:
        if node.prev != before:
            return 1
        broken = node_check(mem, node)
        if broken:
            return broken
        if q.depth and node.kind == NODE_LZF and (nodes < q.depth or q.nodes - nodes <= q.depth):
            return 5
        count += node.count
        nodes += 1
        before = node
        node = node.next
    if q.tail != before:
        return 1
    return 0 if count == q.count and nodes == q.nodes else 7
