# num -- numbers <-> text exactly as Redis reads and prints them. The story is in num.pyx.
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    NUM_I64_MAX = 20          # bytes the widest integer takes, sign included
    NUM_DOUBLE_MAX = 32       # room num_format_double wants
    NUM_LONG_DOUBLE_MAX = 5120    # longest text num_parse_long_double reads, plus one; room to print any

# Text -> number: true and *out, or false and *out untouched.
cdef bint num_parse_i64(const char* p, size_t n, int64_t* out) noexcept nogil
cdef bint num_parse_u64(const char* p, size_t n, uint64_t* out) noexcept nogil
cdef bint num_parse_double(const char* p, size_t n, double* out) noexcept nogil
cdef bint num_parse_sort_key(const char* p, size_t n, double* out) noexcept nogil
cdef bint num_parse_long_double(const char* p, size_t n, long double* out) noexcept nogil

# Number -> text: how many bytes were written; no NUL follows them.
cdef int num_format_i64(int64_t v, char* out) noexcept nogil
cdef int num_format_u64(uint64_t v, char* out) noexcept nogil
cdef int num_format_double(double v, char* out) noexcept nogil
cdef int num_format_shortest(double v, char* out) noexcept nogil
cdef int num_format_long_double_human(long double v, char* out, size_t cap) noexcept nogil

cdef extern from "bytes.h" nogil:
    int bytes_bit_length(uint64_t x) noexcept

cdef extern from "digits.h" nogil:
    const char[201] digits_pairs
    const uint64_t[20] digits_pow10_u64
    const double[23] digits_pow10_double


cdef inline int num_digits_u64(uint64_t v) noexcept nogil:
    """How many decimal digits `v` has: 1 for 0, at most 20."""
    cdef int guess = (bytes_bit_length(v) * 1233) >> 12      # 1233 / 4096 is a little above log10(2)
    return guess + (v >= digits_pow10_u64[guess]) if v else 1


cdef inline int num_length_i64(int64_t v) noexcept nogil:
    """How many bytes num_format_i64 writes for `v`."""
    return 1 + num_digits_u64(0 - <uint64_t>v) if v < 0 else num_digits_u64(<uint64_t>v)
