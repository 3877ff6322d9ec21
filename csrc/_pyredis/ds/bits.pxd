# bits -- strings as rows of bits: fields, counting, finding, combining. The story is in bits.pyx.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from _pyredis.base.slice cimport Slice

cdef enum BitOp:
    BITS_AND = 0
    BITS_OR
    BITS_XOR
    BITS_NOT                       # of the one source
    BITS_DIFF                      # in the first source and in no other
    BITS_DIFF1                     # in another source and not in the first
    BITS_ANDOR                     # in the first source and in another
    BITS_ONE                       # in exactly one source

# Positions count from the highest bit of the first byte. `last` is included, and lies within the bytes.
cdef uint64_t bits_count(const uint8_t* p, uint64_t first, uint64_t last) noexcept nogil
cdef int64_t  bits_find(const uint8_t* p, uint64_t first, uint64_t last, bint bit) noexcept nogil   # -1: none

# A field of 1 to 64 bits. Reading sees zeros behind the n bytes; writing stays within them.
cdef uint64_t bits_get(const uint8_t* p, size_t n, uint64_t at, int width) noexcept nogil
cdef void     bits_set(uint8_t* p, uint64_t at, int width, uint64_t v) noexcept nogil

# Fills the n bytes at `out`; shorter sources go on with zeros. A source may begin where `out` does.
cdef void bits_combine(BitOp op, uint8_t* out, size_t n, const Slice* sources, int count) noexcept nogil
