# ttl -- what ends when: the next to end first, anything moved or taken out by its place. The story is in ttl.pyx.
from libc.stdint cimport int64_t, uint32_t
from _pyredis.base.hash cimport bytes_load32
from _pyredis.base.mem cimport Arena

cdef struct TtlItem:
    int64_t at_ms
    void* slot                     # of the owner: four bytes, in any alignment, that hold the item's place

cdef struct Ttl:
    TtlItem* items
    uint32_t count
    uint32_t capacity

cdef void ttl_init(Ttl* t) noexcept nogil
cdef void ttl_free(Arena* mem, Ttl* t) noexcept nogil
cdef void ttl_add(Arena* mem, Ttl* t, void* slot, int64_t at_ms) noexcept nogil
cdef void ttl_remove(Arena* mem, Ttl* t, void* slot) noexcept nogil
cdef void ttl_change(Ttl* t, void* slot, int64_t at_ms) noexcept nogil
cdef void ttl_moved(Ttl* t, void* slot) noexcept nogil                       # the owner has moved, its slot with it
cdef size_t ttl_count_over(const Ttl* t, int64_t now_ms) noexcept nogil      # items whose time has passed
cdef int  ttl_check(const Ttl* t) noexcept nogil                             # 0, or the number of the broken rule

cdef inline int64_t ttl_at(const Ttl* t, const void* slot) noexcept nogil:
    """When the owner of this slot ends."""
    return t.items[bytes_load32(slot)].at_ms

cdef inline bint ttl_any_over(const Ttl* t, int64_t now_ms) noexcept nogil:
    """Has the time of any item passed? At the very millisecond it has not."""
    return t.count and t.items[0].at_ms < now_ms

cdef inline size_t ttl_bytes(const Ttl* t) noexcept nogil:
    return t.capacity * sizeof(TtlItem)
