"""load_steps -- what the loaders of several types do.

Above all: to find out that no member is twice in a listpack that came from outside. Asking listpack_find for each
would cost n * n / 2 comparisons; here each element is hashed once and put into an open table of offsets, on the
arena and twice as large as need be, that is gone afterwards: O(n), about 20 ns an element. Equal elements have equal
bytes in a listpack (listpack_import has seen to that), so bytes are all that is compared. The hash is keyed: nobody
outside can make elements that meet.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from _pyredis.base.hash cimport hash_siphash13
from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.ds.listpack cimport (LISTPACK_END, element_size, listpack_first, listpack_free, listpack_import,
                                   listpack_length)
from _pyredis.rdb.source cimport source_fail, source_string
from _pyredis.rdb.ziplist cimport ziplist_import

cdef enum:
    FEWEST_SLOTS = 8


cdef Entry* load_fail(Load* l, const char* reason) noexcept nogil:
    source_fail(l.source, reason)
    return NULL


cdef Entry* load_empty(Load* l) noexcept nogil:
    """Unless it is empty because reading failed before. The source goes on: a file passes such a key over."""
    l.empty = l.source.reason == NULL
    return NULL


cdef bint _is_new(const uint8_t* lp, uint32_t* slots, size_t mask, const uint8_t* p, uint64_t hash) noexcept nogil:
    """Puts the element at p into the table, unless its like is there."""
    cdef size_t at = hash & mask, n = element_size(p)
    cdef const uint8_t* other
    while slots[at]:
        other = lp + slots[at]
        if element_size(other) == n and memcmp(other, p, n) == 0:
            return False
        at = (at + 1) & mask
    slots[at] = <uint32_t>(p - lp)
    return True


cdef bint _are_unique(const Keyspace* ks, const uint8_t* lp, int stride) noexcept nogil:
    """Does every `stride`-th element, from the first on, differ from the others?"""
    cdef size_t items = listpack_length(lp) // stride, room = FEWEST_SLOTS
    cdef const uint8_t* p = listpack_first(lp)
    cdef uint32_t* slots
    cdef bint unique = True
    cdef int i
    while room < 2 * items:
        room *= 2
    slots = <uint32_t*>mem_alloc(ks.mem, room * sizeof(uint32_t))
    memset(slots, 0, room * sizeof(uint32_t))
    while unique and p != NULL and p[0] != LISTPACK_END:
        unique = _is_new(lp, slots, room - 1, p, hash_siphash13(p, element_size(p), ks.type.seed))
        for i in range(stride):
            p += element_size(p)
    mem_free(ks.mem, slots, room * sizeof(uint32_t))
    return unique


cdef uint8_t* load_checked(Load* l, uint8_t* lp, int stride) noexcept nogil:
    """The listpack, if it is one of whole items that differ; else it is freed, and the source has failed."""
    cdef size_t n
    if lp == NULL:
        load_fail(l, b"a compact form is broken")
        return NULL
    n = listpack_length(lp)
    if n == 0:
        load_empty(l)
    elif n % stride:
        load_fail(l, b"a compact form ends within an item")
    elif not _are_unique(l.ks, lp, stride):
        load_fail(l, b"a member is there twice")
    else:
        return lp
    listpack_free(l.ks.mem, lp)
    return NULL


cdef uint8_t* load_listpack(Load* l, int stride) noexcept nogil:
    if not source_string(l.source, &l.first):
        return NULL
    return load_checked(l, listpack_import(l.ks.mem, <const uint8_t*>l.first.text.ptr, l.first.text.len), stride)


cdef uint8_t* load_ziplist(Load* l, int stride) noexcept nogil:
    if not source_string(l.source, &l.first):
        return NULL
    return load_checked(l, ziplist_import(l.ks.mem, l.first.text), stride)
