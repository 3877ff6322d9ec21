# element -- a member, field, value or list element, as a collection hands it out: bytes, or an integer.
#
# Compact forms keep integers as integers; whoever asked decides whether the digits are needed at all. The bytes
# belong to the collection and are valid until its next write.
from libc.stdint cimport int64_t
from libc.string cimport memcmp
from _pyredis.base.num cimport num_format_i64, num_length_i64, num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of

cdef enum:
    ELEMENT_DIGITS = 24            # room element_slice needs for an integer's text

cdef struct Element:
    const char* ptr                # NULL: it is `number`
    size_t len
    int64_t number


cdef inline Element element_text(const char* p, size_t n) noexcept nogil:
    cdef Element e
    e.ptr = p
    e.len = n
    e.number = 0
    return e

cdef inline Element element_int(int64_t v) noexcept nogil:
    cdef Element e
    e.ptr = NULL
    e.len = 0
    e.number = v
    return e

cdef inline Slice element_slice(const Element* e, char* digits) noexcept nogil:
    """The element's bytes: where they stand, or for an integer in `digits` (ELEMENT_DIGITS)."""
    if e.ptr != NULL:
        return slice_of(e.ptr, e.len)
    return slice_of(digits, num_format_i64(e.number, digits))

cdef inline size_t element_length(const Element* e) noexcept nogil:
    """Bytes of its text."""
    return e.len if e.ptr != NULL else num_length_i64(e.number)

cdef inline bint element_get_i64(const Element* e, int64_t* v) noexcept nogil:
    """The element as an integer, if it is one in canonical form."""
    if e.ptr == NULL:
        v[0] = e.number
        return True
    return num_parse_i64(e.ptr, e.len, v)

cdef inline bint element_is(const Element* e, Slice s) noexcept nogil:
    """Are these its bytes?"""
    cdef int64_t v
    if e.ptr != NULL:
        return e.len == s.len and memcmp(e.ptr, s.ptr, s.len) == 0
    return num_parse_i64(s.ptr, s.len, &v) and v == e.number
