"""quick_pos -- a place in a quicklist: what is found by an index or by its bytes, to be changed there.

    quick_seek, quick_find -> QuickPos -> quick_insert, quick_replace, or quick_leave

A search opens the node that it stops at (list-compress-depth); the change, or quick_leave, lets it be compressed again.
An insertion into a full node goes to a neighbour that has room, or divides the node; neighbours that then fit into one
are joined, in the order in which Redis does that, since the number of nodes decides when a list is a listpack again.

Two equal elements have equal bytes: a search encodes what it looks for once, compares bytes and never decodes.
quick_remove takes what equals out of each node in one pass.

Cost: O(nodes) + O(node) for an index, from the nearer end; O(n) for bytes; O(node) for a change.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memmove

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.slice cimport Slice
from _pyredis.ds.listpack cimport (LISTPACK_EMPTY, element_encode, element_encoded_size, element_size,
                                   element_size_before)
from _pyredis.ds.quick_node cimport (NODE_LZF, NODE_PACKED, NODE_PLAIN, NODE_SHORT, QuickNode, node_add, node_at,
                                     node_bytes, node_compress, node_cut, node_first, node_new, node_of, node_open,
                                     node_room, node_set_plain, node_trim)
from _pyredis.ds.quicklist cimport (Quicklist, quicklist_admits, quicklist_exceeds, quicklist_is_large,
                                    quicklist_link, quicklist_node_at, quicklist_put, quicklist_recompress,
                                    quicklist_remove_node)


# ---------------------------------------------------------------- finding

cdef bint quick_seek(Arena* mem, Quicklist* q, int64_t index, QuickPos* at) noexcept nogil:
    """The element at an index, to be changed; False if there is none."""
    cdef size_t within
    cdef QuickNode* node = <QuickNode*>quicklist_node_at(q, index, &within)
    if node == NULL:
        return False
    node_open(mem, node)
    at.node = node
    at.index = <uint32_t>within
    at.at = 0
    if node.kind == NODE_PACKED:
        at.at = node_at(node_first(node), node_first(node) + node.used, node.count, within) - node_first(node)
    return True


cdef struct _Needle:               # what is searched for: as bytes, and encoded
    Slice text
    uint8_t* code
    size_t size
    uint8_t[NODE_SHORT + 16] aside


cdef void _needle(Arena* mem, Slice s, _Needle* needle) noexcept nogil:
    needle.text = s
    needle.code = needle.aside
    if s.len > NODE_SHORT:
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
    return node.used == needle.text.len and memcmp(node_first(node), needle.text.ptr, node.used) == 0


cdef bint _find_in(const QuickNode* node, const _Needle* needle, QuickPos* at) noexcept nogil:
    cdef const uint8_t* first = node_first(node)
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


cdef bint quick_find(Arena* mem, Quicklist* q, Slice s, QuickPos* at) noexcept nogil:
    """The first element that equals s, to be changed."""
    cdef _Needle needle
    cdef QuickNode* node = q.head
    cdef bint found = False, opened
    _needle(mem, s, &needle)
    while node != NULL:
        opened = node.kind == NODE_LZF
        node_open(mem, node)
        at.node = node
        found = _find_in(node, &needle, at)
        if found:
            break
        node = node.next
        if opened:
            node_compress(mem, at.node)
    _needle_done(mem, &needle)
    return found


cdef void quick_leave(Arena* mem, Quicklist* q, QuickPos* at) noexcept nogil:
    """To be called instead of a change to what was sought."""
    quicklist_recompress(mem, q, at.node)


# ---------------------------------------------------------------- changing

cdef QuickNode* _split(Arena* mem, Quicklist* q, QuickNode* node, size_t at, uint32_t index) noexcept nogil:
    """Moves the elements from `at` on (the index-th) to a new node behind this one, and returns that."""
    cdef QuickNode* rest = node_of(mem, NODE_PACKED, node_first(node) + at, node.used - at, node.count - index)
    node.used = at
    node.count = index
    quicklist_link(q, node, rest)
    return rest


cdef bint _may_join(const Quicklist* q, const QuickNode* a, const QuickNode* b) noexcept nogil:
    if a == NULL or b == NULL or a.kind == NODE_PLAIN or b.kind == NODE_PLAIN:
        return False
    return not quicklist_exceeds(q.fill, node_bytes(a) + node_bytes(b) - LISTPACK_EMPTY, <size_t>a.count + b.count)


cdef QuickNode* _join(Arena* mem, Quicklist* q, QuickNode* a, QuickNode* b) noexcept nogil:
    """Two neighbours as one node, the first of them."""
    node_open(mem, a)
    node_open(mem, b)
    node_add(mem, a, b, q.fill)
    b.count = 0                                  # they are counted already
    quicklist_remove_node(mem, q, b)
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
    cdef QuickNode* fresh = node_of(mem, NODE_PLAIN, s.ptr, s.len, 1)
    cdef QuickNode* node = at.node
    cdef uint32_t index = at.index + after
    cdef size_t where = at.at
    if after and node.kind == NODE_PACKED:
        where += element_size(node_first(node) + at.at)
    if index == 0:
        node = node.prev
    elif index < node.count:
        _split(mem, q, node, where, index)
    quicklist_link(q, node, fresh)
    q.count += 1
    return fresh


cdef QuickNode* _insert_full(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil:
    """An insertion into a node that takes no more: into a neighbour, a new node, or one half of the old."""
    cdef QuickNode* node = at.node
    cdef QuickNode* half
    cdef uint32_t index = at.index + after
    cdef size_t where
    if index == node.count and after:            # behind the last
        if quicklist_admits(q, node.next, s.len):
            node_open(mem, node.next)
            quicklist_put(mem, q, node.next, 0, s)
            return node.next
    elif index == 0:                             # before the first
        node = node.prev
        if quicklist_admits(q, node, s.len):
            node_open(mem, node)
            quicklist_put(mem, q, node, node.used, s)
            return node
    else:
        where = at.at + (element_size(node_first(node) + at.at) if after else 0)
        half = _split(mem, q, node, where, index)
        if after:
            quicklist_put(mem, q, half, 0, s)
            return _join_around(mem, q, node)
        node = half.prev
        quicklist_put(mem, q, node, node.used, s)
        return _join_around(mem, q, half)
    half = node_new(mem, node_room(q.fill, element_encoded_size(s)), NODE_PACKED)
    quicklist_link(q, node, half)
    quicklist_put(mem, q, half, 0, s)
    return half


cdef void quick_insert(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil:
    """An element before or after the one at a position that a search gave."""
    cdef size_t where = at.at
    cdef QuickNode* node = at.node
    if quicklist_is_large(q, s.len):
        node = _insert_large(mem, q, at, s, after)
    elif quicklist_admits(q, node, s.len):
        if after:
            where += element_size(node_first(node) + where)
        quicklist_put(mem, q, node, where, s)
    else:
        node = _insert_full(mem, q, at, s, after)
    quicklist_recompress(mem, q, node)


cdef void _drop_at(QuickNode* node, Quicklist* q, size_t at) noexcept nogil:
    """Takes the element at this place out of a packed node."""
    node_cut(node, at, element_size(node_first(node) + at))
    node.count -= 1
    q.count -= 1


cdef void quick_replace(Arena* mem, Quicklist* q, QuickPos* at, Slice s) noexcept nogil:
    """Another element in the place of the one at a position that a search gave."""
    cdef QuickNode* node = at.node
    cdef QuickNode* fresh
    if node.kind == NODE_PACKED and not quicklist_is_large(q, s.len):
        _drop_at(node, q, at.at)
        quicklist_put(mem, q, node, at.at, s)
    elif node.kind == NODE_PLAIN:
        if quicklist_is_large(q, s.len):
            node_set_plain(mem, node, s)
        else:
            fresh = _insert_full(mem, q, at, s, True)
            quicklist_remove_node(mem, q, node)
            node = fresh
    else:
        fresh = _insert_large(mem, q, at, s, True)
        if node.count == 1:
            quicklist_remove_node(mem, q, node)
            node = fresh
        else:
            _drop_at(node, q, at.at)
            node = _join_around(mem, q, fresh)
    quicklist_recompress(mem, q, node)


# ---------------------------------------------------------------- removing what equals

cdef size_t _sift(QuickNode* node, const _Needle* needle, size_t most) noexcept nogil:
    """Takes the first `most` elements that are the one out of a packed node, in one pass; how many."""
    cdef uint8_t* p = node_first(node)
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
    cdef uint8_t* first = node_first(node)
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


cdef size_t quick_remove(Arena* mem, Quicklist* q, Slice s, size_t most, bint backward) noexcept nogil:
    cdef _Needle needle
    cdef QuickNode* node = q.tail if backward else q.head
    cdef QuickNode* next
    cdef size_t removed = 0
    cdef bint opened
    _needle(mem, s, &needle)
    while node != NULL and removed < most:
        opened = node.kind == NODE_LZF
        node_open(mem, node)
        removed += _remove_in(q, node, &needle, most - removed, backward)
        next = node.prev if backward else node.next
        if node.count == 0:
            quicklist_remove_node(mem, q, node)
        elif opened:
            node_compress(mem, node)
        else:
            node_trim(mem, node)
        node = next
    _needle_done(mem, &needle)
    if removed:
        quicklist_recompress(mem, q, NULL)
    return removed
