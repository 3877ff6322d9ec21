"""quick_node -- a node of a quicklist: some KiB of elements that stand one behind the other, or one large element.

    QuickNode -> | slack | element | element | ... | slack |     NODE_PACKED
                 ^ data  ^ start             ^ + used     ^ room

    NODE_PLAIN: the bytes of one large element     NODE_LZF: a packed node's elements, compressed

An element has the bytes that it would have in a listpack (ds/listpack), so that a node becomes a listpack, or a
part of an RDB file, with a copy and six bytes before it; and so a list is found backwards as well as forwards.

What is our own is the slack at both ends. In a listpack the first element stands at the front: each LPUSH moves all
others, each push asks for memory. Here elements grow to either side of a block that doubles, LPOP moves a number,
and a change in the middle moves the shorter part. A queue that is filled on one side and emptied on the other slides
back when it has reached its block's end, at a cost that the pushes since have paid for. A node that is full gives
its slack back (node_trim), so a long list costs a little over the bytes of its elements.

A node stays where it is, whatever becomes of its block. That nodes stand apart from their blocks costs eight bytes
each, but an index is found by walking from node to node: with a header in front of each block, every step missed the
cache (43 us for the middle of 2 M elements instead of 4).

`fill` is the list's (ds/quicklist); here it says how far a block is worth growing. Compression (LZF) is given up
where it gains nothing.

Cost: O(1) at either end of a node, amortised; O(node) in between and to compress.
Ownership: a node owns its block; its chain, and how many elements the list has, are ds/quicklist's to keep.
Rules checked by node_check, by the numbers of quicklist_check: 2 a node is not empty, its count agrees with its bytes;
3 what is used lies within the room; 4 elements fill the node; 6 a compressed node can be opened.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memmove

from _pyredis.base.lzf cimport lzf_compress, lzf_decompress
from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.slice cimport Slice
from _pyredis.ds.listpack cimport (LISTPACK_EMPTY, element_encode, element_encoded_size, element_size,
                                   element_size_before)

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)

cdef enum:
    SMALLEST_ROOM = 256
    NEVER_USED = 9                 # bytes below the limit that a node of short elements does not come to: 7 are a
                                   # listpack's own, and of what is reckoned for the last one (ESTIMATE) 2 are left
    LZF_SMALLEST = 48              # Redis: bytes from which a node is compressed
    LZF_GAIN = 8                   # ... and bytes that this must win


# ---------------------------------------------------------------- a node and its block

cdef QuickNode* node_new(Arena* mem, size_t room, NodeKind kind) noexcept nogil:
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


cdef QuickNode* node_of(Arena* mem, NodeKind kind, const void* p, size_t n, size_t count) noexcept nogil:
    """A node of exactly these bytes, in no chain."""
    cdef QuickNode* node = node_new(mem, n, kind)
    memcpy(node.data, p, n)
    node.used = n
    node.count = <uint32_t>count
    return node


cdef void node_free(Arena* mem, QuickNode* node) noexcept nogil:
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


cdef void node_set_plain(Arena* mem, QuickNode* node, Slice s) noexcept nogil:
    """Another element's bytes in the place of those of a plain node."""
    _take_block(mem, node, NODE_PLAIN, _block_of(mem, s.ptr, s.len), s.len)


cdef void node_trim(Arena* mem, QuickNode* node) noexcept nogil:
    """Gives the slack of a packed node back, if that is worth a copy."""
    if node.kind == NODE_PACKED and node.room - node.used > node.used // 8 + 64:
        _take_block(mem, node, NODE_PACKED, _block_of(mem, node_first(node), node.used), node.used)


# ---------------------------------------------------------------- room for an element

cdef size_t node_room(int64_t fill, size_t need) noexcept nogil:
    """How much room a node that needs `need` bytes is given: as much again, up to what a node may hold."""
    cdef size_t room = need * 2, full = node_limit(fill) - NEVER_USED
    if room > full:
        return need if need > full else full
    return room if room > SMALLEST_ROOM else SMALLEST_ROOM


cdef void node_spread(Arena* mem, QuickNode* node, size_t at, size_t n, int64_t fill) noexcept nogil:
    """node_gap where neither side has room: slides within the block if much of it is free, else takes a larger one."""
    cdef size_t slack = node.room - node.used, used = node.used + n, room, start
    cdef bint to_end = at == 0 and node.used        # pushed at the head: all the slack goes before the elements
    cdef uint8_t* block
    if slack >= n and slack - n >= node.room // 4:
        start = node.room - used if to_end else 0
        memmove(node.data + start + (n if to_end else 0), node_first(node), node.used)
        if not to_end:
            memmove(node.data + at + n, node.data + at, node.used - at)
    else:
        room = node_room(fill, used)
        start = room - used if to_end else 0
        block = <uint8_t*>mem_alloc(mem, room)
        memcpy(block + start, node_first(node), at)
        memcpy(block + start + at + n, node_first(node) + at, node.used - at)
        _take_block(mem, node, NODE_PACKED, block, room)
    node.start = <uint32_t>start
    node.used = used


cdef void node_cut(QuickNode* node, size_t at, size_t n) noexcept nogil:
    """Takes n bytes out, `at` bytes behind the node's first."""
    cdef uint8_t* p = node_first(node)
    node.used -= n
    if at <= node.used - at:
        memmove(p + n, p, at)
        node.start += <uint32_t>n
    else:
        memmove(p + at, p + at + n, node.used - at)


cdef void node_put_long(Arena* mem, QuickNode* node, size_t at, Slice s, int64_t fill) noexcept nogil:
    node_gap(mem, node, at, element_encoded_size(s), fill)
    element_encode(node_first(node) + at, s)
    node.count += 1


cdef void node_add(Arena* mem, QuickNode* node, const QuickNode* other, int64_t fill) noexcept nogil:
    """Copies of another packed node's elements, behind those of this one."""
    cdef size_t at = node.used
    node_gap(mem, node, at, other.used, fill)
    memcpy(node_first(node) + at, node_first(other), other.used)
    node.count += other.count


cdef const uint8_t* node_at(const uint8_t* first, const uint8_t* end, size_t count, size_t i) noexcept nogil:
    """Where element i begins (or, i = count, where the last one ends), from the nearer end."""
    cdef size_t j
    if i <= count // 2:
        for j in range(i):
            first += element_size(first)
        return first
    for j in range(count - i):
        end -= element_size_before(end)
    return end


# ---------------------------------------------------------------- compression

cdef void node_expand(const QuickNode* node, uint8_t* out) noexcept nogil:
    """The node.raw bytes of a compressed node, which we compressed ourselves."""
    if not lzf_decompress(node.data, node.used, out, node.raw):
        ENSURE(False)


cdef void node_decompress(Arena* mem, QuickNode* node) noexcept nogil:
    """Makes a compressed node a packed one."""
    cdef uint8_t* block = <uint8_t*>mem_alloc(mem, node.raw)
    node_expand(node, block)
    _take_block(mem, node, NODE_PACKED, block, node.raw)


cdef void node_compress(Arena* mem, QuickNode* node) noexcept nogil:
    """Makes a packed node a compressed one, if that gains something."""
    cdef uint8_t* aside
    cdef size_t room, n
    if node.kind != NODE_PACKED or node.used + LISTPACK_EMPTY < LZF_SMALLEST:
        return
    room = node.used - LZF_GAIN
    aside = <uint8_t*>mem_alloc(mem, room)
    n = lzf_compress(node_first(node), node.used, aside, room)
    if n:
        node.raw = <uint32_t>node.used
        _take_block(mem, node, NODE_LZF, _block_of(mem, aside, n), n)
    mem_free(mem, aside, room)


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


cdef int node_check(Arena* mem, const QuickNode* node) noexcept nogil:
    cdef uint8_t* raw
    cdef int broken
    if node.count == 0 or node.kind == NODE_PLAIN and node.count != 1:
        return 2
    if node.start + node.used > node.room:
        return 3
    if node.kind == NODE_PLAIN:
        return 0
    if node.kind == NODE_PACKED:
        return _check_bytes(node_first(node), node.used, node.count)
    raw = <uint8_t*>mem_alloc(mem, node.raw)
    broken = _check_bytes(raw, node.raw, node.count) if lzf_decompress(node_first(node), node.used, raw, node.raw) else 6
    mem_free(mem, raw, node.raw)
    return broken
