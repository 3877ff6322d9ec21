# slice -- bytes that somebody else owns: a view, valid as long as its owner says.
from libc.string cimport memcmp

cdef struct Slice:
    const char* ptr
    size_t len


cdef inline Slice slice_of(const char* ptr, size_t n) noexcept nogil:
    cdef Slice s
    s.ptr = ptr
    s.len = n
    return s


cdef inline bint slice_equal(Slice a, Slice b) noexcept nogil:
    return a.len == b.len and (a.len == 0 or memcmp(a.ptr, b.ptr, a.len) == 0)      # NULL is no argument of memcmp

cdef inline int slice_compare(Slice a, Slice b) noexcept nogil:
    """Below, at or above 0: the order of the bytes, a beginning before what goes on."""
    cdef size_t n = a.len if a.len < b.len else b.len
    cdef int order = memcmp(a.ptr, b.ptr, n) if n else 0
    return order if order else (a.len > b.len) - (a.len < b.len)
