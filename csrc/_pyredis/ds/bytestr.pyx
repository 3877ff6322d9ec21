"""bytestr -- a byte string that may grow, in a block of its own: string values too long for their entry.

    | references u64 | length u64 | capacity u64 | bytes ... | room ... |

A string made whole has no room to spare. One that grows gets as much again as it needs, up to 1 MiB more,
so n appends cost O(n) copying in all; bytes that appear by growth are zero. Growing may move the block:
    s = bytestr_resize(mem, s, n)

A reply that carries a long string holds a reference instead of a copy (bytestr_share), and gives it back with
bytestr_free when the bytes have gone. So whoever changes bytes goes through bytestr_resize first, which copies
a string that somebody else still holds.
"""
from libc.string cimport memcpy, memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free, mem_realloc

cdef enum:
    LARGEST_SLACK = 1 << 20


cdef ByteStr* bytestr_new(Arena* mem, const char* p, size_t n, size_t capacity) noexcept nogil:
    """A string of the n bytes at `p` (zeros if NULL), with room for max(n, capacity)."""
    cdef ByteStr* s
    if capacity < n:
        capacity = n
    s = <ByteStr*>mem_alloc(mem, sizeof(ByteStr) + capacity)
    s.references = 1
    s.length = n
    s.capacity = capacity
    if p != NULL:
        memcpy(bytestr_data(s), p, n)
    else:
        memset(bytestr_data(s), 0, n)
    return s


cdef void bytestr_free(Arena* mem, ByteStr* s) noexcept nogil:
    """Gives one reference back; the last one frees the block."""
    s.references -= 1
    if s.references == 0:
        mem_free(mem, s, bytestr_memory(s))


cdef ByteStr* bytestr_share(ByteStr* s) noexcept nogil:
    """Another reference: its bytes stay as they are until that is given back."""
    s.references += 1
    return s


cdef ByteStr* _own(Arena* mem, ByteStr* s, size_t n) noexcept nogil:
    """A string of the caller's alone, with room for n bytes."""
    cdef ByteStr* copy = bytestr_new(mem, bytestr_data(s), s.length, n)
    bytestr_free(mem, s)
    return copy


cdef ByteStr* bytestr_resize(Arena* mem, ByteStr* s, size_t n) noexcept nogil:
    """Makes the string n bytes long and the caller's alone. It never shrinks its block."""
    cdef size_t capacity
    if s.references > 1:
        s = _own(mem, s, n)
    if n > s.capacity:
        capacity = n + (n if n < LARGEST_SLACK else LARGEST_SLACK)
        s = <ByteStr*>mem_realloc(mem, s, bytestr_memory(s), sizeof(ByteStr) + capacity)
        s.capacity = capacity
    if n > s.length:
        memset(bytestr_data(s) + s.length, 0, n - s.length)
    s.length = n
    return s
