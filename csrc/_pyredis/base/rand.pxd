# rand -- seeded random numbers, and random bytes from the system. The story is in rand.pyx.
from libc.stdint cimport uint64_t

cdef struct Rand:
    uint64_t[4] s

cdef extern from "bytes.h" nogil:
    uint64_t bytes_mul128(uint64_t a, uint64_t b, uint64_t* high) noexcept

cdef void rand_seed(Rand* r, uint64_t seed) noexcept nogil
cdef bint rand_fill(void* out, size_t n) noexcept nogil                # from the system; false if it has none


cdef inline uint64_t rand_u64(Rand* r) noexcept nogil:
    """64 random bits."""
    cdef uint64_t mixed = r.s[1] * 5
    cdef uint64_t shifted = r.s[1] << 17
    mixed = ((mixed << 7) | (mixed >> 57)) * 9
    r.s[2] ^= r.s[0]
    r.s[3] ^= r.s[1]
    r.s[1] ^= r.s[2]
    r.s[0] ^= r.s[3]
    r.s[2] ^= shifted
    r.s[3] = (r.s[3] << 45) | (r.s[3] >> 19)
    return mixed


cdef inline uint64_t rand_below(Rand* r, uint64_t n) noexcept nogil:
    """One of 0 .. n-1, each as likely as the others; n is not 0."""
    cdef uint64_t high, floor
    cdef uint64_t low = bytes_mul128(rand_u64(r), n, &high)
    if low < n:                                    # rare: only here can a value have come up once too often
        floor = (0 - n) % n
        while low < floor:
            low = bytes_mul128(rand_u64(r), n, &high)
    return high


cdef inline double rand_double(Rand* r) noexcept nogil:
    """Uniform in [0, 1), a multiple of 2^-53."""
    return <double>(rand_u64(r) >> 11) * (1.0 / 9007199254740992.0)
