"""quicklist -- a long list: a chain of nodes, each a few KiB of elements that stand one behind the other.

    Quicklist -> head <-> node <-> node <-> tail          56 bytes each, close together
                   |        |        |        |
                 block    block    block    block

    NODE_PACKED  | slack | element | element | ... | slack |
    NODE_PLAIN   | the bytes of one large element |
    NODE_LZF     | a packed node's elements, compressed |

An element has the bytes that it would have in a listpack (ds/listpack), so that a node becomes a listpack, or a
part of an RDB file, with a copy and six bytes before it; and so a list is found backwards as well as forwards.

What is our own is the slack at both ends. In a listpack the first element stands at the front: each LPUSH moves all
others, each push asks for memory. Here elements grow to either side of a block that doubles, LPOP moves a number,
and a change in the middle moves the shorter part. A queue that is filled on one side and emptied on the other slides
back when it has reached its block's end, at a cost that the pushes since have paid for. A node that is full gives
its slack back, so a long list costs a little over the bytes of its elements.

How much a node holds follows Redis exactly, since OBJECT ENCODING shows it: a list is a listpack again when one small
node is left. `fill` below zero stands for 4 to 64 KiB, from zero on for a count of elements of 8 KiB together; the
measure is the listpack that the node would be. An element that no node may hold gets one of its own. An insertion
into a full node divides it; neighbours that fit into one node are then joined.

A node stays where it is, whatever becomes of its block. That nodes stand apart from their blocks costs eight bytes
each, but an index is found by walking from node to node: with a header in front of each block, every step missed the
cache (43 us for the middle of 2 M elements instead of 4).

With `depth` above zero, all but that many nodes at either end are compressed (LZF), unless that gains nothing. A walk
opens a compressed node in a buffer of its own and leaves it as it is; a change opens it in place, and closes it.

Cost: O(1) at the ends; O(nodes) + O(node) to find an index, from the nearer end. Two equal elements have equal bytes,
so a search compares bytes and never decodes.

Ownership: the list owns its nodes, and a node its block. An Element is valid until the next change.
Rules checked by quicklist_check: 1 the chain is whole, both ways; 2 no node is empty, and counts and bytes agree;
3 what is used lies within the room; 4 elements fill the node; 5 the `depth` outermost nodes are not compressed;
6 a compressed node can be opened; 7 `count` and `nodes` are the sums.
"""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove

from _pyredis.base.lzf cimport lzf_compress, lzf_decompress
from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.element cimport Element, element_text
from _pyredis.ds.listpack cimport (LISTPACK_EMPTY, element_encode, element_encoded_size, element_size,
                                   element_size_before, listpack_get)

cdef extern from "bytes.h" nogil:
    void bytes_copy(char* to, const char* src, size_t n) noexcept

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    SMALLEST_ROOM = 256
    SAFE_BYTES = 8192              # of a node whose limit is a count of elements
    LARGEST_FILL = 32767
    SMALLEST_FILL = -5
    DEEPEST = 65535
    NEVER_USED = 9                 # bytes below the limit that a node of short elements does not come to: 7 are a
                                   # listpack's own, and of what is reckoned for the last one (ESTIMATE) 2 are left
    ESTIMATE = 8                   # Redis: the bytes that it reckons an element takes beside its own
    SHORT = 32                     # an element of up to this many bytes is encoded aside first
    LZF_SMALLEST = 48              # Redis: bytes from which a node is compressed
    LZF_GAIN = 8                   # ... and bytes that this must win


cdef inline uint8_t* _first(const QuickNode* node) noexcept nogil:
    return <uint8_t*>node.data + node.start


cdef inline size_t _bytes(const QuickNode* node) noexcept nogil:
    """Bytes of the listpack that a packed node, compressed or not, would be."""
    return (node.raw if node.kind == NODE_LZF else node.used) + LISTPACK_EMPTY


# ---------------------------------------------------------------- how much a node holds

cdef inline size_t _byte_limit(int64_t fill) noexcept nogil:
    if fill >= 0:
        return SAFE_BYTES
    return <size_t>4096 << (-1 - fill if fill >= SMALLEST_FILL else -1 - SMALLEST_FILL)


cdef bint quicklist_exceeds(int64_t fill, size_t bytes, size_t count) noexcept nogil:
    """Are these bytes, or this many elements, more than one node, or a list that is one listpack, may have?"""
    if fill < 0:
        return bytes > _byte_limit(fill)
    return bytes > SAFE_BYTES or count > <size_t>(fill if fill else 1)


cdef inline bint _is_large(const Quicklist* q, size_t length) noexcept nogil:
    """Does an element of this length get a node of its own?"""
    return length >= q.large if q.large else length > _byte_limit(q.fill)


cdef inline bint _admits(const Quicklist* q, const QuickNode* node, size_t length) noexcept nogil:
    """Does this node, which may be NULL, take one more element of this length?"""
    if node == NULL or node.kind == NODE_PLAIN or _is_large(q, length):
        return False
    return not quicklist_exceeds(q.fill, _bytes(node) + length + ESTIMATE, <size_t>node.count + 1)


cdef bint quicklist_fits(const Quicklist* q, int64_t fill, bint halved) noexcept nogil:
    """Is the list one packed node that `fill` would let be a listpack, or a listpack half as large?"""
    cdef int part = 2 if halved else 1
    if q.nodes != 1 or q.head.kind != NODE_PACKED:
        return False
    if fill < 0:
        return _bytes(q.head) <= _byte_limit(fill) // part
    return q.head.count <= (fill if fill else 1) // part


cdef Slice quicklist_single(const Quicklist* q) noexcept nogil:
    return slice_of(<const char*>_first(q.head), q.head.used)


# ---------------------------------------------------------------- nodes and their chain

cdef QuickNode* _node_new(Arena* mem, size_t room, NodeKind kind) noexcept nogil:
    cdef QuickNode* node = <QuickNode*>mem_alloc(mem, sizeof(QuickNode))
    node.prev = node.next = NULL
    node.count = 0
    node.kind = kind
    node.data = <uint8_t*>mem_alloc(mem, room)
    node.room = room
    node.used = 0
    node.start = 0
    node.raw = 0
    return node


cdef QuickNode* _node_of(Arena* mem, NodeKind kind, const void* p, size_t n, size_t count) noexcept nogil:
    """A node of exactly these bytes, in no chain."""
    cdef QuickNode* node = _node_new(mem, n, kind)
    memcpy(node.data, p, n)
    node.used = n
    node.count = <uint32_t>count
    return node


cdef void _link(Quicklist* q, QuickNode* after, QuickNode* node) noexcept nogil:
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


cdef void _remove_node(Arena* mem, Quicklist* q, QuickNode* node) noexcept nogil:
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
    mem_free(mem, node.data, node.room)
    mem_free(mem, node, sizeof(QuickNode))


cdef void _take_block(Arena* mem, QuickNode* node, NodeKind kind, uint8_t* block, size_t room) noexcept nogil:
    """Another block takes the place of the node's, which is freed; all of it is in use."""
    mem_free(mem, node.data, node.room)
    node.kind = kind
    node.data = block
    node.room = node.used = room
    node.start = 0


cdef uint8_t* _block_of(Arena* mem, const void* p, size_t n) noexcept nogil:
    cdef uint8_t* block = <uint8_t*>mem_alloc(mem, n)
    memcpy(block, p, n)
    return block


cdef void _trim(Arena* mem, QuickNode* node) noexcept nogil:
    """Gives the slack of a packed node back, if that is worth a copy."""
    if node.kind == NODE_PACKED and node.room - node.used > node.used // 8 + 64:
        _take_block(mem, node, NODE_PACKED, _block_of(mem, _first(node), node.used), node.used)


# ---------------------------------------------------------------- room for an element

cdef size_t _room_for(const Quicklist* q, size_t need) noexcept nogil:
    """How much room a node that needs `need` bytes is given: as much again, up to what a node may hold."""
    cdef size_t room = need * 2, full = _byte_limit(q.fill) - NEVER_USED
    if room > full:
        return need if need > full else full
    return room if room > SMALLEST_ROOM else SMALLEST_ROOM


cdef void _spread(Arena* mem, const Quicklist* q, QuickNode* node, size_t at, size_t n) noexcept nogil:
    """_gap where neither side has room: slides within the block if much of it is free, else takes a larger one."""
    cdef size_t slack = node.room - node.used, used = node.used + n, room, start
    cdef bint to_end = at == 0 and node.used        # pushed at the head: all the slack goes before the elements
    cdef uint8_t* block
    if slack >= n and slack - n >= node.room // 4:
        start = node.room - used if to_end else 0
        memmove(node.data + start + (n if to_end else 0), _first(node), node.used)
        if not to_end:
            memmove(node.data + at + n, node.data + at, node.used - at)
    else:
        room = _room_for(q, used)
        start = room - used if to_end else 0
        block = <uint8_t*>mem_alloc(mem, room)
        memcpy(block + start, _first(node), at)
        memcpy(block + start + at + n, _first(node) + at, node.used - at)
        _take_block(mem, node, NODE_PACKED, block, room)
    node.start = <uint32_t>start
    node.used = used


cdef inline void _gap(Arena* mem, const Quicklist* q, QuickNode* node, size_t at, size_t n) noexcept nogil:
    """Opens n bytes, `at` bytes behind the node's first. The shorter part moves."""
    cdef size_t behind = node.room - node.start - node.used
    cdef uint8_t* p = _first(node)
    if node.start >= n and (behind < n or at < node.used - at):
        memmove(p - n, p, at)
        node.start -= <uint32_t>n
    elif behind >= n:
        memmove(p + at + n, p + at, node.used - at)
    else:
        _spread(mem, q, node, at, n)
        return
    node.used += n


cdef void _close_gap(QuickNode* node, size_t at, size_t n) noexcept nogil:
    """Takes n bytes out, `at` bytes behind the node's first."""
    cdef uint8_t* p = _first(node)
    node.used -= n
    if at <= node.used - at:
        memmove(p + n, p, at)
        node.start += <uint32_t>n
    else:
        memmove(p + at, p + at + n, node.used - at)


cdef inline void _put(Arena* mem, Quicklist* q, QuickNode* node, size_t at, Slice s) noexcept nogil:
    """Encodes an element into a packed node, `at` bytes behind its first."""
    cdef uint8_t[SHORT + 16] aside
    cdef size_t n
    if s.len <= SHORT:
        n = element_encode(aside, s)             # once: to ask for its size first would read its digits twice
        _gap(mem, q, node, at, n)
        bytes_copy(<char*>_first(node) + at, <char*>aside, n)
    else:
        n = element_encoded_size(s)
        _gap(mem, q, node, at, n)
        element_encode(_first(node) + at, s)
    node.count += 1
    q.count += 1


# ---------------------------------------------------------------- compression

cdef void _expand(const QuickNode* node, uint8_t* out) noexcept nogil:
    """The node.raw bytes of a compressed node, which we compressed ourselves."""
    if not lzf_decompress(node.data, node.used, out, node.raw):
        ENSURE(False)


cdef void _open(Arena* mem, QuickNode* node) noexcept nogil:
    """Makes a compressed node a packed one."""
    cdef uint8_t* block
    if LIKELY(node.kind != NODE_LZF):
        return
    block = <uint8_t*>mem_alloc(mem, node.raw)
    _expand(node, block)
    _take_block(mem, node, NODE_PACKED, block, node.raw)


cdef void _compress(Arena* mem, QuickNode* node) noexcept nogil:
    """Makes a packed node a compressed one, if that gains something."""
    cdef uint8_t* aside
    cdef size_t room, n
    if node.kind != NODE_PACKED or node.used + LISTPACK_EMPTY < LZF_SMALLEST:
        return
    room = node.used - LZF_GAIN
    aside = <uint8_t*>mem_alloc(mem, room)
    n = lzf_compress(_first(node), node.used, aside, room)
    if n:
        node.raw = <uint32_t>node.used
        _take_block(mem, node, NODE_LZF, _block_of(mem, aside, n), n)
    mem_free(mem, aside, room)


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
        _compress(mem, node)


cdef void _settle(Arena* mem, Quicklist* q, QuickNode* changed) noexcept nogil:
    """After a change: opens the outer nodes; compresses those next to them, and `changed` and its neighbours."""
    cdef QuickNode* front = q.head
    cdef QuickNode* back = q.tail
    cdef uint32_t i
    if LIKELY(q.depth == 0):
        return
    for i in range(q.depth if q.depth < q.nodes else q.nodes):
        _open(mem, front)
        _open(mem, back)
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
        _compress(mem, front)
        _compress(mem, back)


# ---------------------------------------------------------------- the list as a whole

cdef Quicklist* quicklist_new(Arena* mem, int64_t fill, int64_t depth) noexcept nogil:
    """An empty list; `fill` and `depth` are those of the configuration, and beyond the limits become these."""
    cdef Quicklist* q = <Quicklist*>mem_alloc(mem, sizeof(Quicklist))
    q.head = q.tail = q.unsettled = NULL
    q.count = 0
    q.nodes = 0
    q.fill = <int16_t>(LARGEST_FILL if fill > LARGEST_FILL else SMALLEST_FILL if fill < SMALLEST_FILL else fill)
    q.depth = <uint16_t>(DEEPEST if depth > DEEPEST else depth)
    q.large = 0
    return q


cdef Quicklist* quicklist_copy(Arena* mem, const Quicklist* q) noexcept nogil:
    """The same list, its nodes without slack."""
    cdef Quicklist* copy = quicklist_new(mem, q.fill, q.depth)
    cdef const QuickNode* node = q.head
    cdef QuickNode* twin
    while node != NULL:
        twin = _node_of(mem, <NodeKind>node.kind, _first(node), node.used, node.count)
        twin.raw = node.raw
        _link(copy, copy.tail, twin)
        node = node.next
    copy.count = q.count
    copy.large = q.large
    return copy


cdef bint quicklist_free(Arena* mem, Quicklist* q, size_t most) noexcept nogil:
    """Frees about `most` blocks; True when the list itself is gone, too."""
    cdef size_t freed = 0
    while q.head != NULL and freed < most:
        _remove_node(mem, q, q.head)
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
    if _is_large(q, s.len):
        _link(q, q.tail if end == QUICK_TAIL else NULL, _node_of(mem, NODE_PLAIN, s.ptr, s.len, 1))
        q.count += 1
    else:
        if node != NULL:
            _trim(mem, node)
        node = _node_new(mem, _room_for(q, element_encoded_size(s)), NODE_PACKED)
        node.start = <uint32_t>(node.room if end == QUICK_HEAD else 0)
        _link(q, q.tail if end == QUICK_TAIL else NULL, node)
        _put(mem, q, node, 0, s)
    _settle(mem, q, NULL)


cdef void quicklist_push(Arena* mem, Quicklist* q, QuickEnd end, Slice s) noexcept nogil:
    """Adds an element at an end."""
    cdef QuickNode* node = q.tail if end == QUICK_TAIL else q.head
    if LIKELY(_admits(q, node, s.len)):
        _put(mem, q, node, node.used if end == QUICK_TAIL else 0, s)
    else:
        _push_node(mem, q, end, s)


cdef inline Element _element(const QuickNode* node, const uint8_t* p) noexcept nogil:
    if node.kind == NODE_PLAIN:
        return element_text(<const char*>_first(node), node.used)
    return listpack_get(p)


cdef Element quicklist_end(const Quicklist* q, QuickEnd end) noexcept nogil:
    """The first or the last element, of a list that has one."""
    cdef const QuickNode* node = q.tail if end == QUICK_TAIL else q.head
    cdef const uint8_t* p = _first(node)
    if end == QUICK_TAIL and node.kind == NODE_PACKED:
        p += node.used
        p -= element_size_before(p)
    return _element(node, p)


cdef void quicklist_drop(Arena* mem, Quicklist* q, QuickEnd end, size_t n) noexcept nogil:
    """Removes n elements at an end, of at least so many."""
    cdef QuickNode* node
    cdef size_t part, i
    cdef bint moved = False
    while n:
        node = q.tail if end == QUICK_TAIL else q.head
        if n >= node.count:
            n -= node.count
            _remove_node(mem, q, node)
            moved = True
            continue
        _open(mem, node)
        for i in range(n):
            part = (element_size(_first(node)) if end == QUICK_HEAD
                    else element_size_before(_first(node) + node.used))
            node.used -= part
            if end == QUICK_HEAD:
                node.start += <uint32_t>part
        node.count -= <uint32_t>n
        q.count -= n
        n = 0
    if moved:
        _settle(mem, q, NULL)


cdef void quicklist_append_node(Arena* mem, Quicklist* q, NodeKind kind, const char* p, size_t n,
                                size_t count) noexcept nogil:
    """A node of encoded elements, or of one large one, behind all others."""
    _link(q, q.tail, _node_of(mem, kind, p, n, count))
    q.count += count
    _settle(mem, q, NULL)


# ---------------------------------------------------------------- finding

cdef const QuickNode* _node_at(const Quicklist* q, int64_t index, size_t* within) noexcept nogil:
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


cdef const uint8_t* _element_at(const uint8_t* first, const uint8_t* end, size_t count, size_t i) noexcept nogil:
    """Where element i begins (or, i = count, where the last one ends), from the nearer end."""
    cdef size_t j
    if i <= count // 2:
        for j in range(i):
            first += element_size(first)
        return first
    for j in range(count - i):
        end -= element_size_before(end)
    return end


cdef bint quicklist_seek(Arena* mem, Quicklist* q, int64_t index, QuickPos* at) noexcept nogil:
    """The element at an index, to be changed; False if there is none."""
    cdef size_t within
    cdef QuickNode* node = <QuickNode*>_node_at(q, index, &within)
    if node == NULL:
        return False
    _open(mem, node)
    at.node = node
    at.index = <uint32_t>within
    at.at = 0
    if node.kind == NODE_PACKED:
        at.at = _element_at(_first(node), _first(node) + node.used, node.count, within) - _first(node)
    return True


cdef struct _Needle:               # what is searched for: as bytes, and encoded
    Slice text
    uint8_t* code
    size_t size
    uint8_t[SHORT + 16] aside


cdef void _needle(Arena* mem, Slice s, _Needle* needle) noexcept nogil:
    needle.text = s
    needle.code = needle.aside
    if s.len > SHORT:
        needle.code = <uint8_t*>mem_alloc(mem, element_encoded_size(s))
    needle.size = element_encode(needle.code, s)


cdef void _needle_done(Arena* mem, _Needle* needle) noexcept nogil:
    if needle.code != needle.aside:
        mem_free(mem, needle.code, needle.size)


cdef inline bint _equals(const _Needle* needle, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Is the element at p, in a node that ends at `end`, the one?"""
    return (p[0] == needle.code[0] and <size_t>(end - p) >= needle.size
            and memcmp(p, needle.code, needle.size) == 0)


cdef inline bint _is_plain(const _Needle* needle, const QuickNode* node) noexcept nogil:
    """Is the one element of a plain node the one?"""
    return node.used == needle.text.len and memcmp(_first(node), needle.text.ptr, node.used) == 0


cdef bint _find_in(const QuickNode* node, const _Needle* needle, QuickPos* at) noexcept nogil:
    cdef const uint8_t* first = _first(node)
    cdef const uint8_t* end = first + node.used
    cdef const uint8_t* p = first
    cdef uint32_t i = 0
    if node.kind == NODE_PLAIN:
        at.at = at.index = 0
        return _is_plain(needle, node)
    while p < end:
        if _equals(needle, p, end):
            at.at = p - first
            at.index = i
            return True
        p += element_size(p)
        i += 1
    return False


cdef bint quicklist_find(Arena* mem, Quicklist* q, Slice s, QuickPos* at) noexcept nogil:
    """The first element that equals s, to be changed."""
    cdef _Needle needle
    cdef QuickNode* node = q.head
    cdef bint found = False, opened
    _needle(mem, s, &needle)
    while node != NULL:
        opened = node.kind == NODE_LZF
        _open(mem, node)
        at.node = node
        found = _find_in(node, &needle, at)
        if found:
            break
        node = node.next
        if opened:
            _compress(mem, at.node)
    _needle_done(mem, &needle)
    return found


cdef void quicklist_leave(Arena* mem, Quicklist* q, QuickPos* at) noexcept nogil:
    """To be called instead of a change to what was sought."""
    _settle(mem, q, at.node)


# ---------------------------------------------------------------- changing in between

cdef QuickNode* _split(Arena* mem, Quicklist* q, QuickNode* node, size_t at, uint32_t index) noexcept nogil:
    """Moves the elements from `at` on (the index-th) to a new node behind this one, and returns that."""
    cdef QuickNode* rest = _node_of(mem, NODE_PACKED, _first(node) + at, node.used - at, node.count - index)
    node.used = at
    node.count = index
    _link(q, node, rest)
    return rest


cdef bint _may_join(const Quicklist* q, const QuickNode* a, const QuickNode* b) noexcept nogil:
    if a == NULL or b == NULL or a.kind == NODE_PLAIN or b.kind == NODE_PLAIN:
        return False
    return not quicklist_exceeds(q.fill, _bytes(a) + _bytes(b) - LISTPACK_EMPTY, <size_t>a.count + b.count)


cdef QuickNode* _join(Arena* mem, Quicklist* q, QuickNode* a, QuickNode* b) noexcept nogil:
    """Two neighbours as one node, the first of them."""
    cdef size_t at
    _open(mem, a)
    _open(mem, b)
    at = a.used
    _gap(mem, q, a, at, b.used)
    memcpy(_first(a) + at, _first(b), b.used)
    a.count += b.count
    b.count = 0                                  # they are counted already
    _remove_node(mem, q, b)
    return a


cdef QuickNode* _join_around(Arena* mem, Quicklist* q, QuickNode* node) noexcept nogil:
    """Joins what fits together around a node, in Redis's order: the two before, the two behind, then the node."""
    if node.prev != NULL and _may_join(q, node.prev.prev, node.prev):
        _join(mem, q, node.prev.prev, node.prev)
    if node.next != NULL and _may_join(q, node.next, node.next.next):
        _join(mem, q, node.next, node.next.next)
    if _may_join(q, node.prev, node):
        node = _join(mem, q, node.prev, node)
    if _may_join(q, node, node.next):
        node = _join(mem, q, node, node.next)
    return node


cdef QuickNode* _insert_large(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil:
    """A node of its own beside the one at a position, or within it, which then is divided."""
    cdef QuickNode* fresh = _node_of(mem, NODE_PLAIN, s.ptr, s.len, 1)
    cdef QuickNode* node = at.node
    cdef uint32_t index = at.index + after
    cdef size_t where = at.at
    if after and node.kind == NODE_PACKED:
        where += element_size(_first(node) + at.at)
    if index == 0:
        node = node.prev
    elif index < node.count:
        _split(mem, q, node, where, index)
    _link(q, node, fresh)
    q.count += 1
    return fresh


cdef QuickNode* _insert_full(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil:
    """An insertion into a node that takes no more: into a neighbour, a new node, or one half of the old."""
    cdef QuickNode* node = at.node
    cdef QuickNode* half
    cdef uint32_t index = at.index + after
    cdef size_t where
    if index == node.count and after:            # behind the last
        if _admits(q, node.next, s.len):
            _open(mem, node.next)
            _put(mem, q, node.next, 0, s)
            return node.next
    elif index == 0:                             # before the first
        node = node.prev
        if _admits(q, node, s.len):
            _open(mem, node)
            _put(mem, q, node, node.used, s)
            return node
    else:
        where = at.at + (element_size(_first(node) + at.at) if after else 0)
        half = _split(mem, q, node, where, index)
        if after:
            _put(mem, q, half, 0, s)
            return _join_around(mem, q, node)
        node = half.prev
        _put(mem, q, node, node.used, s)
        return _join_around(mem, q, half)
    half = _node_new(mem, _room_for(q, element_encoded_size(s)), NODE_PACKED)
    _link(q, node, half)
    _put(mem, q, half, 0, s)
    return half


cdef void quicklist_insert(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil:
    """An element before or after the one at a position that a search gave."""
    cdef size_t where = at.at
    cdef QuickNode* node = at.node
    if _is_large(q, s.len):
        node = _insert_large(mem, q, at, s, after)
    elif _admits(q, node, s.len):
        if after:
            where += element_size(_first(node) + where)
        _put(mem, q, node, where, s)
    else:
        node = _insert_full(mem, q, at, s, after)
    _settle(mem, q, node)


cdef void _drop_at(QuickNode* node, Quicklist* q, size_t at) noexcept nogil:
    """Takes the element at this place out of a packed node."""
    _close_gap(node, at, element_size(_first(node) + at))
    node.count -= 1
    q.count -= 1


cdef void quicklist_replace(Arena* mem, Quicklist* q, QuickPos* at, Slice s) noexcept nogil:
    """Another element in the place of the one at a position that a search gave."""
    cdef QuickNode* node = at.node
    cdef QuickNode* fresh
    if node.kind == NODE_PACKED and not _is_large(q, s.len):
        _drop_at(node, q, at.at)
        _put(mem, q, node, at.at, s)
    elif node.kind == NODE_PLAIN:
        if _is_large(q, s.len):
            _take_block(mem, node, NODE_PLAIN, _block_of(mem, s.ptr, s.len), s.len)
        else:
            fresh = _insert_full(mem, q, at, s, True)
            _remove_node(mem, q, node)
            node = fresh
    else:
        fresh = _insert_large(mem, q, at, s, True)
        if node.count == 1:
            _remove_node(mem, q, node)
            node = fresh
        else:
            _drop_at(node, q, at.at)
            node = _join_around(mem, q, fresh)
    _settle(mem, q, node)


# ---------------------------------------------------------------- removing what equals

cdef size_t _sift(QuickNode* node, const _Needle* needle, size_t most) noexcept nogil:
    """Takes the first `most` elements that are the one out of a packed node, in one pass; how many."""
    cdef uint8_t* p = _first(node)
    cdef uint8_t* to = p
    cdef uint8_t* end = p + node.used
    cdef size_t found = 0, n
    while p < end and found < most:
        n = element_size(p)
        if _equals(needle, p, end):
            found += 1
        else:
            if to != p:
                memmove(to, p, n)
            to += n
        p += n
    if to != p:
        memmove(to, p, end - p)
        node.used -= p - to
    return found


cdef size_t _sift_back(QuickNode* node, const _Needle* needle, size_t most) noexcept nogil:
    """_sift for the last `most`."""
    cdef uint8_t* first = _first(node)
    cdef uint8_t* end = first + node.used
    cdef uint8_t* p = end
    cdef uint8_t* to = end
    cdef size_t found = 0, n
    while p > first and found < most:
        n = element_size_before(p)
        p -= n
        if _equals(needle, p, end):
            found += 1
            continue
        to -= n
        if to != p:
            memmove(to, p, n)
    if to != p:
        n = p - first                            # those that were not looked at follow
        memmove(to - n, first, n)
        node.start += <uint32_t>(to - p)
        node.used -= to - p
    return found


cdef size_t _remove_in(Quicklist* q, QuickNode* node, const _Needle* needle, size_t most,
                       bint backward) noexcept nogil:
    """How many elements are removed from a node, which may be empty then."""
    cdef size_t found
    if node.kind == NODE_PLAIN:
        found = _is_plain(needle, node)
    elif backward:
        found = _sift_back(node, needle, most)
    else:
        found = _sift(node, needle, most)
    node.count -= <uint32_t>found
    q.count -= found
    return found


cdef size_t quicklist_remove(Arena* mem, Quicklist* q, Slice s, size_t most, bint backward) noexcept nogil:
    cdef _Needle needle
    cdef QuickNode* node = q.tail if backward else q.head
    cdef QuickNode* next
    cdef size_t removed = 0
    cdef bint opened
    _needle(mem, s, &needle)
    while node != NULL and removed < most:
        opened = node.kind == NODE_LZF
        _open(mem, node)
        removed += _remove_in(q, node, &needle, most - removed, backward)
        next = node.prev if backward else node.next
        if node.count == 0:
            _remove_node(mem, q, node)
        elif opened:
            _compress(mem, node)
        else:
            _trim(mem, node)
        node = next
    _needle_done(mem, &needle)
    if removed:
        _settle(mem, q, NULL)
    return removed


# ---------------------------------------------------------------- walking

cdef void _enter(QuickIter* it, const QuickNode* node) noexcept nogil:
    """The walk goes on at the near end of a node."""
    cdef const uint8_t* first
    cdef size_t n
    it.node = node
    it.left = 0
    if node == NULL:
        return
    first = _first(node)
    n = node.used
    if node.kind == NODE_LZF:
        if it.scratch_size < node.raw:
            mem_free(it.mem, it.scratch, it.scratch_size)
            it.scratch = <uint8_t*>mem_alloc(it.mem, node.raw)
            it.scratch_size = node.raw
        _expand(node, it.scratch)
        first = it.scratch
        n = node.raw
    it.left = node.count
    it.p = first + n if it.backward else first
    it.bound = first if it.backward else first + n


cdef void _skip(QuickIter* it, size_t n) noexcept nogil:
    """Passes over n elements of a packed node."""
    if it.backward:
        it.p = _element_at(it.bound, it.p, it.left, it.left - n)
    else:
        it.p = _element_at(it.p, it.bound, it.left, n)
    it.left -= n


cdef void quick_iter(QuickIter* it, Arena* mem, const Quicklist* q, int64_t index, bint backward) noexcept nogil:
    """A walk that begins with the element at an index; with none, if there is no such element."""
    cdef size_t within
    it.mem = mem
    it.scratch = NULL
    it.scratch_size = 0
    it.backward = backward
    _enter(it, _node_at(q, index, &within))
    if it.node != NULL and it.node.kind != NODE_PLAIN:
        _skip(it, it.left - 1 - within if backward else within)


cdef void quick_iter_bytes(QuickIter* it, const uint8_t* first, const uint8_t* end, size_t count,
                           int64_t index, bint backward) noexcept nogil:
    """The like over elements that stand in one piece: those of a listpack."""
    it.scratch = NULL
    it.scratch_size = 0
    it.backward = backward
    it.node = NULL
    it.left = 0
    if index < 0:
        index += <int64_t>count
    if index < 0 or index >= <int64_t>count:
        return
    it.left = count
    it.p = end if backward else first
    it.bound = first if backward else end
    _skip(it, count - 1 - <size_t>index if backward else <size_t>index)


cdef bint _go_on(QuickIter* it) noexcept nogil:
    """The next node, if the walk is at the end of one; False at the end of all."""
    if it.left == 0 and it.node != NULL:
        _enter(it, it.node.prev if it.backward else it.node.next)
    return it.left != 0


cdef bint quick_next(QuickIter* it, Element* e) noexcept nogil:
    """The next element, valid until the next call; False when there is none."""
    if not _go_on(it):
        return False
    it.left -= 1
    if it.node != NULL and it.node.kind == NODE_PLAIN:
        e[0] = element_text(<const char*>_first(it.node), it.node.used)
    elif it.backward:
        it.p -= element_size_before(it.p)
        e[0] = listpack_get(it.p)
    else:
        e[0] = listpack_get(it.p)
        it.p += element_size(it.p)
    return True


cdef size_t quick_next_run(QuickIter* it, size_t most, const uint8_t** first, const uint8_t** end,
                           Element* e) noexcept nogil:
    cdef size_t n
    if most == 0 or not _go_on(it):
        return 0
    if it.node != NULL and it.node.kind == NODE_PLAIN:
        first[0] = end[0] = NULL
        e[0] = element_text(<const char*>_first(it.node), it.node.used)
        it.left = 0
        return 1
    n = most if most < it.left else it.left
    first[0] = it.p
    if n == it.left:
        it.p = it.bound
        it.left = 0
    else:
        _skip(it, n)
    end[0] = it.p
    return n


cdef void quick_done(QuickIter* it) noexcept nogil:
    if it.scratch != NULL:
        mem_free(it.mem, it.scratch, it.scratch_size)
        it.scratch = NULL


# ---------------------------------------------------------------- checking

cdef int _check_bytes(const uint8_t* p, size_t n, size_t count) noexcept nogil:
    cdef const uint8_t* end = p + n
    cdef size_t found = 0, size
    while p < end:
        size = element_size(p)
        if size > <size_t>(end - p) or element_size_before(p + size) != size:
            return 4
        p += size
        found += 1
    return 0 if found == count else 2


cdef int _check_node(Arena* mem, const QuickNode* node) noexcept nogil:
    cdef uint8_t* raw
    cdef int broken
    if node.count == 0 or node.kind == NODE_PLAIN and node.count != 1:
        return 2
    if node.start + node.used > node.room:
        return 3
    if node.kind == NODE_PLAIN:
        return 0
    if node.kind == NODE_PACKED:
        return _check_bytes(_first(node), node.used, node.count)
    raw = <uint8_t*>mem_alloc(mem, node.raw)
    broken = _check_bytes(raw, node.raw, node.count) if lzf_decompress(_first(node), node.used, raw, node.raw) else 6
    mem_free(mem, raw, node.raw)
    return broken


cdef int quicklist_check(Arena* mem, const Quicklist* q) noexcept nogil:
    cdef const QuickNode* node = q.head
    cdef const QuickNode* before = NULL
    cdef size_t count = 0, nodes = 0
    cdef int broken
    while node != NULL:
        if node.prev != before:
            return 1
        broken = _check_node(mem, node)
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
