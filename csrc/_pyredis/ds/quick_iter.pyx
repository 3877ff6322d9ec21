"""quick_iter -- a walk over a list, forwards or backwards, from an index on: over a quicklist's nodes, or one listpack.

Nothing is changed: a compressed node is opened in a buffer of the walk's own, which serves for all that follow. Whoever
wants encoded elements as they are (LRANGE between nodes, an RDB file) takes runs of them, without decoding any.

Cost: to begin as to find an index (ds/quicklist), then O(1) an element.
"""
from libc.stdint cimport int64_t, uint8_t

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.ds.element cimport Element
from _pyredis.ds.listpack cimport element_size, element_size_before, listpack_get
from _pyredis.ds.quick_node cimport NODE_LZF, NODE_PLAIN, QuickNode, node_at, node_element, node_expand, node_first
from _pyredis.ds.quicklist cimport Quicklist, quicklist_node_at


cdef void _enter(QuickIter* it, const QuickNode* node) noexcept nogil:
    """The walk goes on at the near end of a node."""
    cdef const uint8_t* first
    cdef size_t n
    it.node = node
    it.left = 0
    if node == NULL:
        return
    first = node_first(node)
    n = node.used
    if node.kind == NODE_LZF:
        if it.scratch_size < node.raw:
            mem_free(it.mem, it.scratch, it.scratch_size)
            it.scratch = <uint8_t*>mem_alloc(it.mem, node.raw)
            it.scratch_size = node.raw
        node_expand(node, it.scratch)
        first = it.scratch
        n = node.raw
    it.left = node.count
    it.p = first + n if it.backward else first
    it.bound = first if it.backward else first + n


cdef void _skip(QuickIter* it, size_t n) noexcept nogil:
    """Passes over n elements of a packed node."""
    if it.backward:
        it.p = node_at(it.bound, it.p, it.left, it.left - n)
    else:
        it.p = node_at(it.p, it.bound, it.left, n)
    it.left -= n


cdef void quick_iter(QuickIter* it, Arena* mem, const Quicklist* q, int64_t index, bint backward) noexcept nogil:
    """A walk that begins with the element at an index; with none, if there is no such element."""
    cdef size_t within
    it.mem = mem
    it.scratch = NULL
    it.scratch_size = 0
    it.backward = backward
    _enter(it, quicklist_node_at(q, index, &within))
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
        e[0] = node_element(it.node, NULL)
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
        e[0] = node_element(it.node, NULL)
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
