"""bytestr -- a byte string that may grow, in a block of its own: string values too long for their entry.

    | length u64 | capacity u64 | bytes ... | room ... |

A string made whole has no room to spare. One that grows gets as much again as it needs, up to 1 MiB more,
so n appends cost O(n) copying in all; bytes that appear by growth are zero. Growing may move the block:
    s = bytestr_resize(mem, s, n)
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
    s.length = n
    s.capacity = capacity
    if p != NULL:
        memcpy(bytestr_data(s), p, n)
    else:
        memset(bytestr_data(s), 0, n)
    return s


cdef void bytestr_free(Arena* mem, ByteStr* s) noexcept nogil:
    mem_free(mem, s, bytestr_memory(s))


cdef ByteStr* bytestr_resize(Arena* mem, ByteStr* s, size_t n) noexcept nogil:
    """Makes the string n bytes long. It never shrinks its block."""
    cdef size_t capacity
    if n > s.capacity:
        capacity = n + (n if n < LARGEST_SLACK else LARGEST_SLACK)
        s = <ByteStr*>mem_realloc(mem, s, bytestr_memory(s), sizeof(ByteStr) + capacity)
        s.capacity = capacity
    if n > s.length:
        memset(bytestr_data(s) + s.length, 0, n - s.length)
    s.length = n
    return s
