"""quicklist_settle -- moves the nodes of a list, and their blocks, out of slabs that are to be emptied.

A node is known to its two neighbours, or to the list, and to nobody else between two commands. A long list is moved in
steps: Quicklist.unsettled is the node to go on from, and whoever removes that node (quicklist_remove_node) puts the
next into its place; so no step has to count its way from the head.
"""
from libc.stdint cimport uint8_t

from _pyredis.base.mem cimport mem_settled
from _pyredis.ds.quick_node cimport QuickNode

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)


cdef QuickNode* _settle_node(Arena* mem, Quicklist* q, QuickNode* node) noexcept nogil:
    cdef QuickNode* fresh
    node.data = <uint8_t*>mem_settled(mem, node.data, node.room)
    fresh = <QuickNode*>mem_settled(mem, node, sizeof(QuickNode))
    if fresh.prev != NULL:
        fresh.prev.next = fresh
    else:
        q.head = fresh
    if fresh.next != NULL:
        fresh.next.prev = fresh
    else:
        q.tail = fresh
    return fresh


cdef bint quicklist_settle(Arena* mem, Quicklist* q, bint anew, size_t most) noexcept nogil:
    cdef QuickNode* node = q.head if anew else q.unsettled
    while node != NULL and most:
        PREFETCH(node.next)
        node = _settle_node(mem, q, node).next
        most -= 1
    q.unsettled = node
    return node == NULL
