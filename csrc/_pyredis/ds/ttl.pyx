"""ttl -- what ends when: the expiries of a large hash's fields.

    items: | at_ms, slot | at_ms, slot | ...        a heap of four children a node: 4i+1 .. 4i+4 are below i
    owner: ... | place u32 | ...                    `slot` is the address of these bytes

The first item is the next to end, so "is anything over?" is one comparison, and what is over is found without
looking at the rest. Each owner keeps the place of its item in four bytes of its own, which the heap writes: so an
expiry is found, changed and taken out without a search. The time itself stands in the heap only: 16 bytes an
item and 4 in its owner, and sifting compares four children in one or two cache lines without reading owners.

A heap, not buckets of time: no width of a bucket fits both milliseconds and years, and a heap is exact. Four
children, not two: half the depth, and so half the owners to tell of their new places.

Cost: add O(1) on average for times in any usual order, O(log n) at worst; change and remove O(log n). The array
grows by half and shrinks at a quarter. Ownership: the array is the caller's arena's; owners are the caller's.

Rules checked by ttl_check: 1 no item ends before the one above it; 2 every slot holds its item's place.
"""
from libc.stdint cimport int64_t, uint32_t

from _pyredis.base.mem cimport Arena, mem_free, mem_realloc

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, uint32_t x) noexcept

cdef enum:
    ARITY = 4
    LEAST = 4                      # items of the smallest array


cdef void ttl_init(Ttl* t) noexcept nogil:
    t.items = NULL
    t.count = t.capacity = 0


cdef void ttl_free(Arena* mem, Ttl* t) noexcept nogil:
    if t.items != NULL:
        mem_free(mem, t.items, ttl_bytes(t))
    ttl_init(t)


cdef void _resize(Arena* mem, Ttl* t, uint32_t capacity) noexcept nogil:
    t.items = <TtlItem*>mem_realloc(mem, t.items, ttl_bytes(t), capacity * sizeof(TtlItem))
    t.capacity = capacity


cdef inline void _put(Ttl* t, uint32_t place, TtlItem item) noexcept nogil:
    t.items[place] = item
    bytes_store32(item.slot, place)


cdef void _rise(Ttl* t, uint32_t place, TtlItem item) noexcept nogil:
    """Puts the item at `place` or as far above as it belongs."""
    cdef uint32_t above
    while place:
        above = (place - 1) // ARITY
        if t.items[above].at_ms <= item.at_ms:
            break
        _put(t, place, t.items[above])
        place = above
    _put(t, place, item)


cdef void _sink(Ttl* t, uint32_t place, TtlItem item) noexcept nogil:
    """Puts the item at `place` or as far below as it belongs."""
    cdef size_t first, child
    cdef size_t least, end
    while True:
        first = <size_t>place * ARITY + 1
        if first >= t.count:
            break
        end = first + ARITY if first + ARITY < t.count else t.count
        least = first
        for child in range(first + 1, end):
            if t.items[child].at_ms < t.items[least].at_ms:
                least = child
        if t.items[least].at_ms >= item.at_ms:
            break
        _put(t, place, t.items[least])
        place = <uint32_t>least
    _put(t, place, item)


cdef void ttl_add(Arena* mem, Ttl* t, void* slot, int64_t at_ms) noexcept nogil:
    cdef TtlItem item
    if t.count == t.capacity:
        _resize(mem, t, t.capacity + t.capacity // 2 if t.capacity else LEAST)
    item.at_ms = at_ms
    item.slot = slot
    t.count += 1
    _rise(t, t.count - 1, item)


cdef void _settle(Ttl* t, uint32_t place, TtlItem item) noexcept nogil:
    """Puts an item into the place of another, or wherever it belongs from there."""
    if place and t.items[(place - 1) // ARITY].at_ms > item.at_ms:
        _rise(t, place, item)
    else:
        _sink(t, place, item)


cdef void ttl_remove(Arena* mem, Ttl* t, void* slot) noexcept nogil:
    """Forgets the item of this slot, whose bytes mean nothing from then on."""
    cdef uint32_t place = bytes_load32(slot)
    t.count -= 1
    if place != t.count:
        _settle(t, place, t.items[t.count])
    if t.count == 0:
        ttl_free(mem, t)
    elif t.capacity > LEAST and t.count < t.capacity // 4:
        _resize(mem, t, t.capacity // 2)


cdef void ttl_change(Ttl* t, void* slot, int64_t at_ms) noexcept nogil:
    cdef TtlItem item
    item.at_ms = at_ms
    item.slot = slot
    _settle(t, bytes_load32(slot), item)


cdef void ttl_moved(Ttl* t, void* slot) noexcept nogil:
    """The slot stands at another address from now on; its bytes have come along."""
    t.items[bytes_load32(slot)].slot = slot


cdef size_t _count_over(const Ttl* t, size_t place, int64_t now_ms) noexcept nogil:
    cdef size_t found = 1, child
    if place >= t.count or t.items[place].at_ms >= now_ms:
        return 0
    for child in range(place * ARITY + 1, place * ARITY + 1 + ARITY):
        found += _count_over(t, child, now_ms)
    return found


cdef size_t ttl_count_over(const Ttl* t, int64_t now_ms) noexcept nogil:
    """How many items are over: O(of these), since none stands below one that is not."""
    return _count_over(t, 0, now_ms)


cdef int ttl_check(const Ttl* t) noexcept nogil:
    cdef uint32_t i
    for i in range(t.count):
        if i and t.items[(i - 1) // ARITY].at_ms > t.items[i].at_ms:
            return 1
        if bytes_load32(t.items[i].slot) != i:
            return 2
    return 0
