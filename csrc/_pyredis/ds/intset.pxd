# intset -- a sorted array of integers, Redis's format. The story is in intset.pyx.
#
# What may change an intset returns it, for it may have moved: always `s = intset_...(mem, s, ...)`.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from _pyredis.base.mem cimport Arena

cdef enum:
    INTSET_HEADER = 8              # width u32, length u32

cdef struct IntSet:
    uint32_t width                 # bytes of an element: 2, 4 or 8
    uint32_t length                # elements; they follow

cdef IntSet* intset_new(Arena* mem) noexcept nogil
cdef IntSet* intset_copy(Arena* mem, const IntSet* s) noexcept nogil
cdef void    intset_free(Arena* mem, IntSet* s) noexcept nogil

cdef IntSet* intset_add(Arena* mem, IntSet* s, int64_t v, bint* added) noexcept nogil
cdef IntSet* intset_remove(Arena* mem, IntSet* s, int64_t v, bint* removed) noexcept nogil
cdef bint    intset_find(const IntSet* s, int64_t v, uint32_t* at) noexcept nogil
cdef int64_t intset_get(const IntSet* s, uint32_t i) noexcept nogil

# Bytes from outside (RESTORE, RDB): an intset of its own, however they are spoilt; NULL if they are none.
cdef IntSet* intset_import(Arena* mem, const uint8_t* image, size_t n) noexcept nogil
# Is every byte as it must be? `n`: bytes there are. `deep`: the order, too.
cdef bint    intset_validate(const uint8_t* image, size_t n, bint deep) noexcept nogil
cdef int     intset_check(const IntSet* s) noexcept nogil                         # 0, or number of the broken rule

cdef inline size_t intset_bytes(const IntSet* s) noexcept nogil:
    """Of the whole block: the image that RDB and DUMP copy."""
    return INTSET_HEADER + <size_t>s.width * s.length
