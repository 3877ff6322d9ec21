# hll -- HyperLogLog: how many distinct elements there were, in 12 KiB at most. The story is in hll.pyx.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from _pyredis.base.hash cimport bytes_load64, bytes_store64
from _pyredis.base.slice cimport Slice

cdef enum:
    HLL_REGISTERS = 16384
    HLL_HEADER = 16
    HLL_DENSE = HLL_HEADER + HLL_REGISTERS * 6 // 8
    HLL_EMPTY = HLL_HEADER + 2                       # the sparse form of no elements
    HLL_SPARSE_MOST = HLL_HEADER + 2 * HLL_REGISTERS # no valid sparse form is longer
    HLL_REGISTER_MAX = 51                            # what an element can give

cdef struct HllElement:            # what an element does to a sketch: raises one register, at least to `count`
    uint32_t index
    uint8_t count

cdef struct HllCursor:             # where raising registers in ascending order goes on
    size_t offset
    uint32_t first

cdef enum HllRaise:
    HLL_SAME = 0
    HLL_RAISED
    HLL_FULL                       # the sparse form would pass its limit: nothing was changed
    HLL_CORRUPT

# A sketch is a string of bytes, from wherever: what is not checked by hll_is, the functions that may fail check.
cdef bint hll_is(Slice s) noexcept nogil
cdef void hll_make_empty(uint8_t* p) noexcept nogil                             # HLL_EMPTY bytes
cdef bint hll_validate(Slice s) noexcept nogil
cdef bint hll_to_dense(uint8_t* out, Slice sparse) noexcept nogil               # HLL_DENSE bytes

cdef HllElement hll_element(Slice s) noexcept nogil
cdef bint     hll_dense_raise(uint8_t* p, HllElement e) noexcept nogil
cdef HllRaise hll_sparse_raise(uint8_t* p, size_t* n, size_t limit, HllElement e, HllCursor* at) noexcept nogil

# Registers unfolded: a byte each, HLL_REGISTERS of them.
cdef uint8_t hll_dense_get(const uint8_t* p, uint32_t index) noexcept nogil
cdef bint hll_merge(uint8_t* registers, Slice s) noexcept nogil                 # keeps the larger of each
cdef void hll_pack(uint8_t* dense, const uint8_t* registers) noexcept nogil     # leaves the header alone

cdef void hll_merge_portably(uint8_t* registers, const uint8_t* dense) noexcept nogil
cdef void hll_pack_portably(uint8_t* dense, const uint8_t* registers) noexcept nogil

cdef bint     hll_count(Slice s, uint64_t* count) noexcept nogil
cdef uint64_t hll_count_registers(const uint8_t* registers) noexcept nogil

# One opcode of the sparse form: its size and how many registers it covers with which value; 0: it is cut off.
cdef struct HllRun:
    uint32_t length
    uint8_t value
    bint wide                      # XZERO
cdef size_t hll_run(const uint8_t* p, const uint8_t* end, HllRun* run) noexcept nogil

cdef bint hll_self_test() noexcept nogil


cdef inline bint hll_is_dense(const uint8_t* p) noexcept nogil:
    return p[4] == 0

cdef inline bint hll_is_counted(const uint8_t* p) noexcept nogil:
    """Does the header hold the number of elements?"""
    return not p[15] & 0x80

cdef inline uint64_t hll_counted(const uint8_t* p) noexcept nogil:
    return bytes_load64(p + 8)

cdef inline void hll_remember(uint8_t* p, uint64_t count) noexcept nogil:
    bytes_store64(p + 8, count)

cdef inline void hll_forget(uint8_t* p) noexcept nogil:
    p[15] |= 0x80
