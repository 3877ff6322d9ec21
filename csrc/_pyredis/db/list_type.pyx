"""list_type -- lists, whatever their encoding.

    up to list-max-listpack-size      one listpack, at the entry's pointer           OBJECT ENCODING: listpack
    more                              a Quicklist: a chain of such nodes             quicklist

A list grows out of the listpack when what is added would pass the limit, counted as Redis counts it: the bytes of the
texts themselves, before they are encoded. It comes back only when what is left is one node at most half as full, so
that a list about the limit does not change its form with every command.

Commands see elements and ends, and here alone it is asked which form a list has.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_settled
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport keyspace_create, keyspace_make
from _pyredis.db.value cimport (ENC_LISTPACK, ENC_QUICKLIST, Encoding, T_LIST, TypeOps, entry_encoding, entry_pointer,
                                entry_set_kind, entry_set_pointer)
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_length, element_slice
from _pyredis.ds.listpack cimport (LISTPACK_EMPTY, LISTPACK_HEADER, listpack_add, listpack_append, listpack_at,
                                   listpack_bytes, listpack_check, listpack_copy, listpack_delete, listpack_delete_at,
                                   listpack_find, listpack_first, listpack_free, listpack_from, listpack_get,
                                   listpack_insert, listpack_last, listpack_length, listpack_new, listpack_next,
                                   listpack_prepend, listpack_prev, listpack_replace)
from _pyredis.ds.quick_iter cimport quick_iter, quick_iter_bytes
from _pyredis.ds.quick_node cimport NODE_LZF, NODE_PACKED, NODE_PLAIN
from _pyredis.ds.quick_pos cimport QuickPos, quick_find, quick_insert, quick_remove, quick_replace, quick_seek
from _pyredis.ds.quicklist cimport (QuickEnd, Quicklist, quicklist_append_node, quicklist_check, quicklist_copy,
                                    quicklist_drop, quicklist_end, quicklist_exceeds, quicklist_fits, quicklist_free,
                                    quicklist_memory, quicklist_new, quicklist_push, quicklist_single)
from _pyredis.ds.quicklist_settle cimport quicklist_settle

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)


cdef inline bint _is_packed(const Entry* e) noexcept nogil:
    return entry_encoding(e) == ENC_LISTPACK


cdef inline uint8_t* _packed(const Entry* e) noexcept nogil:
    return <uint8_t*>entry_pointer(e)


cdef inline Quicklist* _quick(const Entry* e) noexcept nogil:
    return <Quicklist*>entry_pointer(e)


cdef inline Quicklist* _quick_for_write(Keyspace* ks, const Entry* e) noexcept nogil:
    """The quicklist, told from which size on an element now gets a node of its own."""
    cdef Quicklist* q = _quick(e)
    q.large = <size_t>ks.limits.list_packed_threshold
    return q


# ---------------------------------------------------------------- what the keyspace asks

cdef bint _free_value(Arena* mem, Encoding enc, void* value, size_t most) noexcept nogil:
    if enc == ENC_QUICKLIST:
        return quicklist_free(mem, <Quicklist*>value, most)
    listpack_free(mem, <uint8_t*>value)
    return True


cdef void* _copy_value(Arena* mem, const Entry* e) noexcept nogil:
    if _is_packed(e):
        return listpack_copy(mem, _packed(e))
    return quicklist_copy(mem, _quick(e))


cdef size_t _memory(const Entry* e, size_t samples) noexcept nogil:
    if _is_packed(e):
        return mem_footprint(listpack_bytes(_packed(e)))
    return quicklist_memory(_quick(e), samples)


cdef size_t _effort(const Entry* e) noexcept nogil:
    return 1 if _is_packed(e) else <size_t>_quick(e).nodes * 2 + 1


cdef bint _settle(Arena* mem, Entry* e, uint64_t* at, size_t most) noexcept nogil:
    cdef bint anew = at[0] == 0
    if _is_packed(e):
        entry_set_pointer(e, mem_settled(mem, _packed(e), listpack_bytes(_packed(e))))
        return True
    at[0] = 1
    if anew:
        entry_set_pointer(e, mem_settled(mem, _quick(e), sizeof(Quicklist)))
    return quicklist_settle(mem, _quick(e), anew, most)


cdef TypeOps _OPS
_OPS.free_value = _free_value
_OPS.copy_value = _copy_value
_OPS.memory = _memory
_OPS.effort = _effort
_OPS.settle = _settle


cdef void list_bind(Keyspace* ks) noexcept nogil:
    ks.ops[<int>T_LIST] = &_OPS


# ---------------------------------------------------------------- the form

cdef void _to_quick(Keyspace* ks, Entry* e) noexcept nogil:
    cdef uint8_t* lp = _packed(e)
    cdef size_t n = listpack_length(lp)
    cdef Quicklist* q = list_nodes_new(ks)
    if n:
        quicklist_append_node(ks.mem, q, NODE_PACKED, <const char*>lp + LISTPACK_HEADER,
                              listpack_bytes(lp) - LISTPACK_EMPTY, n)
    listpack_free(ks.mem, lp)
    entry_set_pointer(e, q)
    entry_set_kind(e, T_LIST, ENC_QUICKLIST)


cdef void _to_packed(Keyspace* ks, Entry* e) noexcept nogil:
    """The one node of a quicklist as a listpack."""
    cdef Quicklist* q = _quick(e)
    cdef Slice body = quicklist_single(q)
    entry_set_pointer(e, listpack_from(ks.mem, body.ptr, body.len, q.count))
    entry_set_kind(e, T_LIST, ENC_LISTPACK)
    quicklist_free(ks.mem, q, 2)


cdef inline void _make_room(Keyspace* ks, Entry* e, size_t bytes, size_t count) noexcept nogil:
    """Turns a listpack that so much more would make too large into a quicklist."""
    cdef uint8_t* lp = _packed(e)
    if _is_packed(e) and quicklist_exceeds(ks.limits.list_max_listpack_size, listpack_bytes(lp) + bytes,
                                           listpack_length(lp) + count):
        _to_quick(ks, e)


cdef void list_settle(Keyspace* ks, Entry* e) noexcept nogil:
    if not _is_packed(e) and quicklist_fits(_quick(e), ks.limits.list_max_listpack_size, True):
        _to_packed(ks, e)


cdef void list_normalize(Keyspace* ks, Entry* e) noexcept nogil:
    _make_room(ks, e, 0, 0)
    if not _is_packed(e) and quicklist_fits(_quick(e), ks.limits.list_max_listpack_size, False):
        _to_packed(ks, e)


# ---------------------------------------------------------------- length and ends

cdef size_t list_length(const Entry* e) noexcept nogil:
    return listpack_length(_packed(e)) if _is_packed(e) else _quick(e).count


cdef Element list_end(const Entry* e, ListEnd end) noexcept nogil:
    cdef uint8_t* lp
    if not _is_packed(e):
        return quicklist_end(_quick(e), <QuickEnd>end)
    lp = _packed(e)
    return listpack_get(listpack_first(lp) if end == LIST_HEAD else listpack_last(lp))


cdef Entry* list_create(Keyspace* ks, Db* db, Key key) noexcept nogil:
    return keyspace_create(ks, db, key, T_LIST, ENC_LISTPACK, listpack_new(ks.mem))


cdef Quicklist* list_nodes_new(Keyspace* ks) noexcept nogil:
    cdef Quicklist* q = quicklist_new(ks.mem, ks.limits.list_max_listpack_size, ks.limits.list_compress_depth)
    q.large = <size_t>ks.limits.list_packed_threshold
    return q


cdef Entry* list_of_nodes(Keyspace* ks, Slice name, Quicklist* q) noexcept nogil:
    """A list in no table, not empty, made of nodes that came as they are; in the form that it asks for."""
    cdef Entry* e = keyspace_make(ks, name, T_LIST, ENC_QUICKLIST, q)
    list_normalize(ks, e)
    return e


cdef inline void _push_one(Keyspace* ks, Entry* e, ListEnd end, Slice s) noexcept nogil:
    """To a list that has room for it."""
    if not _is_packed(e):
        quicklist_push(ks.mem, _quick(e), <QuickEnd>end, s)
    elif end == LIST_TAIL:
        entry_set_pointer(e, listpack_append(ks.mem, _packed(e), s))
    else:
        entry_set_pointer(e, listpack_prepend(ks.mem, _packed(e), s))


cdef void list_push(Keyspace* ks, Entry* e, ListEnd end, const Slice* values, int n) noexcept nogil:
    """Adds the values, one after the other, at an end. They must not lie in this list."""
    cdef size_t bytes = 0
    cdef int i
    if _is_packed(e):
        for i in range(n):
            bytes += values[i].len
        _make_room(ks, e, bytes, n)
    if not _is_packed(e):
        _quick_for_write(ks, e)
    elif n > 1:
        entry_set_pointer(e, listpack_add(ks.mem, _packed(e), values, n, end == LIST_HEAD))
        return
    for i in range(n):
        _push_one(ks, e, end, values[i])


cdef void _push_element(Keyspace* ks, Entry* e, ListEnd end, const Element* value, size_t bytes) noexcept nogil:
    """Adds an element that is reckoned as so many bytes, and does not lie in this list."""
    cdef char[ELEMENT_DIGITS] digits
    _make_room(ks, e, bytes, 1)
    if not _is_packed(e):
        _quick_for_write(ks, e)
    _push_one(ks, e, end, element_slice(value, digits))


cdef void list_push_element(Keyspace* ks, Entry* e, ListEnd end, const Element* value) noexcept nogil:
    _push_element(ks, e, end, value, element_length(value))


cdef void list_move(Keyspace* ks, Entry* e, ListEnd from_, Entry* to, ListEnd end) noexcept nogil:
    """Moves an element from an end of a list to an end of another, or of the same one."""
    cdef Element value = list_end(e, from_)
    cdef char* copy = NULL
    # Redis: an integer that comes from a quicklist is reckoned as no bytes at all
    cdef size_t bytes = value.len if value.ptr != NULL or not _is_packed(e) else element_length(&value)
    if e != to:
        _push_element(ks, to, end, &value, bytes)
        list_drop(ks, e, from_, 1)
        return
    if value.ptr != NULL:
        copy = <char*>mem_alloc(ks.mem, value.len)
        memcpy(copy, value.ptr, value.len)
        value.ptr = copy
    list_drop(ks, e, from_, 1)                   # first: the list is not to pass its limit with one too many
    _push_element(ks, e, end, &value, bytes)
    mem_free(ks.mem, copy, value.len)


cdef void list_drop(Keyspace* ks, Entry* e, ListEnd end, size_t n) noexcept nogil:
    """Removes n elements at an end."""
    if not _is_packed(e):
        quicklist_drop(ks.mem, _quick(e), <QuickEnd>end, n)
    elif n:
        entry_set_pointer(e, listpack_delete_at(ks.mem, _packed(e), 0 if end == LIST_HEAD else -<int64_t>n, n))


# ---------------------------------------------------------------- in between

cdef bint list_set(Keyspace* ks, Entry* e, int64_t index, Slice s) noexcept nogil:
    """Another value at an index."""
    cdef uint8_t* p
    cdef QuickPos at
    cdef Quicklist* q
    _make_room(ks, e, s.len, 1)                  # Redis: whether or not there is such an index, and for one more
    if _is_packed(e):
        p = listpack_at(_packed(e), index)
        if p == NULL:
            return False
        entry_set_pointer(e, listpack_replace(ks.mem, _packed(e), p, s, NULL))
        return True
    q = _quick_for_write(ks, e)
    if not quick_seek(ks.mem, q, index, &at):
        return False
    quick_replace(ks.mem, q, &at, s)
    list_settle(ks, e)
    return True


cdef bint list_insert(Keyspace* ks, Entry* e, Slice pivot, Slice s, bint after) noexcept nogil:
    """A value before or after the first one that equals `pivot`."""
    cdef uint8_t* lp
    cdef uint8_t* p
    cdef QuickPos at
    cdef Quicklist* q
    _make_room(ks, e, s.len, 1)                  # Redis: whether or not there is such a pivot
    if _is_packed(e):
        lp = _packed(e)
        p = listpack_find(lp, listpack_first(lp), pivot, 0)
        if p == NULL:
            return False
        entry_set_pointer(e, listpack_insert(ks.mem, lp, listpack_next(lp, p) if after else p, s, NULL))
        return True
    q = _quick_for_write(ks, e)
    if not quick_find(ks.mem, q, pivot, &at):
        return False
    quick_insert(ks.mem, q, &at, s, after)
    return True


cdef size_t _remove_packed(Keyspace* ks, Entry* e, Slice s, size_t most) noexcept nogil:
    cdef uint8_t* lp = _packed(e)
    cdef uint8_t* p = listpack_first(lp)
    cdef size_t removed = 0
    while removed < most:
        p = listpack_find(lp, p, s, 0)
        if p == NULL:
            break
        lp = listpack_delete(ks.mem, lp, p, 1, &p)
        removed += 1
    entry_set_pointer(e, lp)
    return removed


cdef size_t _remove_packed_back(Keyspace* ks, Entry* e, Slice s, size_t most) noexcept nogil:
    cdef uint8_t* lp = _packed(e)
    cdef uint8_t* p = listpack_last(lp)
    cdef uint8_t* before
    cdef Wish wish = wish_for(s)
    cdef Element element
    cdef size_t removed = 0, at
    while p != NULL and removed < most:
        before = listpack_prev(lp, p)
        element = listpack_get(p)
        if wish_is(&wish, &element):
            at = before - lp if before != NULL else 0
            lp = listpack_delete(ks.mem, lp, p, 1, NULL)
            before = lp + at if before != NULL else NULL
            removed += 1
        p = before
    entry_set_pointer(e, lp)
    return removed


cdef size_t list_remove(Keyspace* ks, Entry* e, Slice s, size_t most, bint backward) noexcept nogil:
    """Removes the first `most` elements that equal s, as seen from the head, or backward from the tail."""
    if not _is_packed(e):
        return quick_remove(ks.mem, _quick(e), s, most, backward)
    return _remove_packed_back(ks, e, s, most) if backward else _remove_packed(ks, e, s, most)


# ---------------------------------------------------------------- walking and checking

cdef void list_iter(ListIter* it, Keyspace* ks, const Entry* e, int64_t index, bint backward) noexcept nogil:
    cdef uint8_t* lp
    if not _is_packed(e):
        quick_iter(it, ks.mem, _quick(e), index, backward)
        return
    lp = _packed(e)
    quick_iter_bytes(it, lp + LISTPACK_HEADER, lp + listpack_bytes(lp) - 1, listpack_length(lp), index, backward)


cdef size_t list_parts(const Entry* e, ListParts* it) noexcept nogil:
    cdef uint8_t* lp
    it.packed.ptr = NULL
    it.node = NULL
    if not _is_packed(e):
        it.node = _quick(e).head
        return _quick(e).nodes
    lp = _packed(e)
    it.packed = slice_of(<const char*>lp + LISTPACK_HEADER, listpack_bytes(lp) - LISTPACK_EMPTY)
    it.count = listpack_length(lp)
    return 1


cdef bint list_next_part(ListParts* it, ListPart* part) noexcept nogil:
    """The next part, valid until the next write."""
    cdef const QuickNode* node = it.node
    if node != NULL:
        part.bytes = slice_of(<const char*>node.data + node.start, node.used)
        part.count = node.count
        part.raw = node.raw if node.kind == NODE_LZF else 0
        part.plain = node.kind == NODE_PLAIN
        it.node = node.next
        return True
    if it.packed.ptr == NULL:
        return False
    part.bytes = it.packed
    part.count = it.count
    part.raw = 0
    part.plain = False
    it.packed.ptr = NULL
    return True


cdef int list_check(Keyspace* ks, const Entry* e) noexcept nogil:
    """The rules of listpack_check, or 100 more than those of quicklist_check; 99: the list is empty."""
    cdef int broken
    if list_length(e) == 0:
        return 99
    if _is_packed(e):
        return listpack_check(_packed(e))
    broken = quicklist_check(ks.mem, _quick(e))
    return 100 + broken if broken else 0
