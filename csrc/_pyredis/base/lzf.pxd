# lzf -- the compression of RDB strings and of inner list nodes. The story is in lzf.pyx.
from libc.stdint cimport uint8_t

# Bytes written; 0 if they would be more than `room`.
cdef size_t lzf_compress(const uint8_t* p, size_t n, uint8_t* out, size_t room) noexcept nogil
# True if `p` is whole and gives exactly `length` bytes; whatever it holds, nothing outside `out` is touched.
cdef bint lzf_decompress(const uint8_t* p, size_t n, uint8_t* out, size_t length) noexcept nogil
