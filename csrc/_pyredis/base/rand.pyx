"""rand -- seeded random numbers, and random bytes from the system.

xoshiro256** (Blackman and Vigna 2018) serves RANDOMKEY, SPOP, eviction samples, skiplist levels: fast, 32
bytes of state that its owner passes in, and the same seed gives the same run, which tests and replays rely
on. Its output can be predicted from its past, so secrets (the hash key, run ids, passwords) come from
rand_fill instead.

rand_below multiplies instead of dividing (Lemire 2019): the high half of random * n is the answer, and the
low half tells when a value must be thrown away to keep all n equally likely."""
cdef extern from "entropy.h" nogil:
    int entropy_fill(void* out, size_t n) noexcept


cdef void rand_seed(Rand* r, uint64_t seed) noexcept nogil:
    """Start from any seed, 0 too: splitmix64 spreads it over the state, which must not be all zero."""
    cdef uint64_t z
    cdef int i
    for i in range(4):
        seed += <uint64_t>0x9E3779B97F4A7C15
        z = seed
        z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
        r.s[i] = z ^ (z >> 31)


cdef bint rand_fill(void* out, size_t n) noexcept nogil:
    """Fill with bytes that nobody can predict. False, with `out` half written, if the system gives none."""
    return entropy_fill(out, n) == 0
