"""hll -- HyperLogLog: how many distinct elements there were, in 12 KiB at most, with a standard error of 0.81 %.

An element's hash chooses one of 16,384 registers (its low 14 bits) and gives it a number: one more than the zeros
that end the other 50 bits. A register keeps the largest number it was given. The bytes are Redis's, so that a
sketch can go from one server to the other as a string:

    | "HYLL" | form u8 | 0 0 0 | elements u64 |  registers ...      the top bit of `elements`: it is out of date

    dense (0)    16,384 numbers of 6 bits, the first in the low bits of the first byte
    sparse (1)   runs of equal registers, in order:
                     00llllll              ZERO    l + 1 registers of 0
                     01llllll llllllll     XZERO   l + 1 registers of 0, up to 16,384
                     1vvvvvll              VAL     l + 1 registers of v + 1

A sketch begins sparse, in 18 bytes, and turns dense when a number above 32 comes or the bytes pass a limit (the
caller's; Redis's default is 3,000). Which of several sparse forms a set has depends on the order of its elements
and on how runs are joined (up to five from the one before the change); both are as in Redis, since the length,
and with it the moment of turning dense, follows from them.

The number of elements is estimated from how many registers have which value, by Otmar Ertl's improved estimator
("New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6), without tables or
corrections by range. The order of its floating-point operations is that of the paper and of Redis: the last
digit agrees. The hash is Austin Appleby's MurmurHash64A.

Cost: adding is O(1) to a dense sketch and O(bytes) to a sparse one; counting and merging read every register once.
Whoever raises registers in ascending order keeps a cursor, and then all of it is one pass.
"""
from libc.math cimport INFINITY, llround, sqrt
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset

from _pyredis.base.hash cimport bytes_load64, bytes_store64
from _pyredis.base.slice cimport Slice, slice_of

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint UNLIKELY(bint x)

cdef extern from "hll.h" nogil:
    const uint8_t[256] hll_short_runs
    bint hll_wide() noexcept
    void hll_merge_wide(uint8_t* registers, const uint8_t* p, size_t n) noexcept
    void hll_fold_wide(uint8_t* p, const uint8_t* registers, size_t n) noexcept

cdef enum:
    INDEX_BITS = 14
    GROUP = 8                      # registers unfolded at a time: six bytes
    GROUP_BYTES = 6
    GROUPS = HLL_REGISTERS // GROUP
    PIECE = 512                    # registers merged at a time
    VALUES = 64                    # that six bits can hold
    SPARSE_VALUE_MAX = 32
    ZERO_MAX = 64                  # registers of a ZERO
    VAL_MAX = 4
    JOIN_STEPS = 5
    DENSE_FORM = 0
    SPARSE_FORM = 1


# ---------------------------------------------------------------- elements

cdef uint64_t _murmur(const char* p, size_t n) noexcept nogil:
    cdef uint64_t m = <uint64_t>0xc6a4a7935bd1e995
    cdef uint64_t h = <uint64_t>0xadc83b19 ^ (<uint64_t>n * m), k
    cdef size_t i
    for i in range(n >> 3):
        k = bytes_load64(p + 8 * i) * m
        h = (h ^ ((k ^ (k >> 47)) * m)) * m
    if n & 7:
        k = 0
        for i in range(n & 7):
            k |= <uint64_t><uint8_t>p[(n & ~<size_t>7) + i] << (8 * i)
        h = (h ^ k) * m
    h = (h ^ (h >> 47)) * m
    return h ^ (h >> 47)


cdef extern from *:
    int trailing_zeros "__builtin_ctzll"(unsigned long long x) nogil


cdef HllElement hll_element(Slice s) noexcept nogil:
    cdef uint64_t h = _murmur(s.ptr, s.len)
    cdef HllElement e
    e.index = <uint32_t>(h & (HLL_REGISTERS - 1))
    e.count = <uint8_t>(trailing_zeros((h >> INDEX_BITS) | (<uint64_t>1 << (HLL_REGISTER_MAX - 1))) + 1)
    return e


# ---------------------------------------------------------------- the header

cdef bint hll_is(Slice s) noexcept nogil:
    """Is this a sketch, by its header and length? A sparse one may still be corrupt."""
    if s.len < HLL_HEADER or memcmp(s.ptr, b"HYLL", 4) != 0:
        return False
    return s.len == HLL_DENSE if s.ptr[4] == DENSE_FORM else s.ptr[4] == SPARSE_FORM


cdef inline size_t _put_zeros(uint8_t* p, uint32_t n) noexcept nogil:
    """A ZERO, or an XZERO where that is too short; its size."""
    if n <= ZERO_MAX:
        p[0] = <uint8_t>(n - 1)
        return 1
    p[0] = 0x40 | <uint8_t>((n - 1) >> 8)
    p[1] = (n - 1) & 0xff
    return 2


cdef inline size_t _put_run(uint8_t* p, uint8_t value, uint32_t n) noexcept nogil:
    if value == 0:
        return _put_zeros(p, n)
    p[0] = 0x80 | ((value - 1) << 2) | <uint8_t>(n - 1)
    return 1


cdef void hll_make_empty(uint8_t* p) noexcept nogil:
    memset(p, 0, HLL_HEADER)
    memcpy(p, b"HYLL", 4)
    p[4] = SPARSE_FORM
    _put_zeros(p + HLL_HEADER, HLL_REGISTERS)


# ---------------------------------------------------------------- sparse

cdef size_t hll_run(const uint8_t* p, const uint8_t* end, HllRun* run) noexcept nogil:
    run.wide = (p[0] & 0xc0) == 0x40
    run.value = 0
    run.length = 0
    if run.wide:
        if p + 1 >= end:
            return 0
        run.length = ((<uint32_t>(p[0] & 0x3f) << 8) | p[1]) + 1
        return 2
    if p[0] & 0x80:
        run.value = ((p[0] >> 2) & 31) + 1
    run.length = hll_short_runs[p[0]]
    return 1


cdef struct Found:                 # the run that covers a register; offsets into the registers' bytes
    size_t offset
    size_t before                  # the run before it, or itself if there is none
    uint32_t first                 # register of the run
    HllCursor cursor               # for a higher register


cdef bint _find(const uint8_t* p, const uint8_t* end, uint32_t index, const HllCursor* at, Found* found) noexcept nogil:
    """Looks from the cursor on. False: the runs end, or are cut off, before the register.

    A change may join the run before to the one found, and that one may then cover the next register that is
    looked for; so the next search starts from the run before that, or anew if it was not seen."""
    cdef const uint8_t* start = p
    cdef const uint8_t* last
    cdef const uint8_t* older
    cdef uint32_t first = at.first, older_first = 0, last_first = first, length
    p += at.offset
    last = older = p
    while p < end:
        if UNLIKELY((p[0] & 0xc0) == 0x40):
            if p + 1 >= end:
                return False
            length = ((<uint32_t>(p[0] & 0x3f) << 8) | p[1]) + 1
        else:
            length = hll_short_runs[p[0]]
        if first + length > index:
            break
        older = last
        older_first = last_first
        last = p
        last_first = first
        first += length
        p += 2 if UNLIKELY((p[0] & 0xc0) == 0x40) else 1
    if p >= end:
        return False
    found.offset = p - start
    found.before = last - start
    found.first = first
    found.cursor.offset = found.cursor.first = 0
    if older != last:
        found.cursor.offset = older - start
        found.cursor.first = older_first
    return True


cdef size_t _join(uint8_t* p, const uint8_t* end) noexcept nogil:
    """Joins neighbouring VALs of one value, as far as Redis looks; how many bytes that saved."""
    cdef size_t saved = 0
    cdef uint32_t n
    cdef int step
    for step in range(JOIN_STEPS):
        if p >= end:
            break
        if not p[0] & 0x80:
            p += 2 if p[0] & 0x40 else 1
            continue
        if p + 1 < end and p[1] & 0x80 and (p[0] >> 2) == (p[1] >> 2):
            n = (p[0] & 3) + (p[1] & 3) + 2
            if n <= VAL_MAX:
                p[1] = (p[0] & 0xfc) | <uint8_t>(n - 1)
                memmove(p, p + 1, end - p - 1)
                end -= 1
                saved += 1
                continue
        p += 1
    return saved


cdef HllRaise hll_sparse_raise(uint8_t* p, size_t* n, size_t limit, HllElement e, HllCursor* at) noexcept nogil:
    """Raises a register of the sparse sketch of n bytes at p, where there is room for HLL_SPARSE_MOST.

    `at`, unless NULL, is where to look from: all zero at first, then as this left it, for a higher index. HLL_FULL:
    the result would be dense, because of the number or because it would be longer than `limit`."""
    cdef uint8_t[8] fresh
    cdef HllCursor own
    cdef HllRun run
    cdef Found found
    cdef uint8_t* p_run
    cdef uint8_t* end = p + n[0]
    cdef size_t old, new = 0
    cdef uint32_t left, right
    if e.count > SPARSE_VALUE_MAX:
        return HLL_FULL
    own.offset = own.first = 0
    if not _find(p + HLL_HEADER, end, e.index, at if at != NULL else &own, &found):
        return HLL_CORRUPT
    p_run = p + HLL_HEADER + found.offset
    old = hll_run(p_run, end, &run)
    if found.first + run.length > HLL_REGISTERS:
        return HLL_CORRUPT
    if at != NULL:
        at[0] = found.cursor
    if run.value >= e.count:
        return HLL_SAME
    left = e.index - found.first
    right = run.length - left - 1
    if left:
        new += _put_run(fresh, run.value, left)
    new += _put_run(fresh + new, e.count, 1)
    if right:
        new += _put_run(fresh + new, run.value, right)
    if new > old and n[0] + (new - old) > (limit if limit < HLL_SPARSE_MOST else HLL_SPARSE_MOST):
        return HLL_FULL
    memmove(p_run + new, p_run + old, end - p_run - old)
    memcpy(p_run, fresh, new)
    n[0] = n[0] + new - old
    n[0] -= _join(p + HLL_HEADER + found.before, p + n[0])
    return HLL_RAISED


cdef bint _each_run(Slice s, void (*take)(void* arg, uint32_t first, const HllRun* run) noexcept nogil,
                    void* arg) noexcept nogil:
    """Gives all runs of a sparse sketch to `take`, in order. False: they are not 16,384 registers exactly; none that
    lies beyond was given."""
    cdef const uint8_t* p = <const uint8_t*>s.ptr + HLL_HEADER
    cdef const uint8_t* end = <const uint8_t*>s.ptr + s.len
    cdef uint32_t first = 0
    cdef size_t size
    cdef HllRun run
    while p < end:
        size = hll_run(p, end, &run)
        if size == 0 or first + run.length > HLL_REGISTERS:
            return False
        take(arg, first, &run)
        first += run.length
        p += size
    return first == HLL_REGISTERS


cdef void _ignore(void* arg, uint32_t first, const HllRun* run) noexcept nogil:
    pass


cdef void _into_dense(void* dense, uint32_t first, const HllRun* run) noexcept nogil:
    cdef HllElement e
    cdef uint32_t i
    if run.value:
        e.count = run.value
        for i in range(run.length):
            e.index = first + i
            hll_dense_raise(<uint8_t*>dense, e)


cdef void _into_registers(void* registers, uint32_t first, const HllRun* run) noexcept nogil:
    cdef uint8_t* at = <uint8_t*>registers + first
    cdef uint32_t i
    if run.value:
        for i in range(run.length):
            if at[i] < run.value:
                at[i] = run.value


cdef void _into_histogram(void* histogram, uint32_t first, const HllRun* run) noexcept nogil:
    (<uint32_t*>histogram)[run.value] += run.length


cdef bint hll_validate(Slice s) noexcept nogil:
    """Of what hll_is: is it sound throughout?"""
    return hll_is_dense(<const uint8_t*>s.ptr) or _each_run(s, _ignore, NULL)


cdef bint hll_to_dense(uint8_t* out, Slice sparse) noexcept nogil:
    """The dense form of a sparse sketch; False if that is corrupt."""
    memcpy(out, sparse.ptr, HLL_HEADER)
    out[4] = DENSE_FORM
    memset(out + HLL_HEADER, 0, HLL_DENSE - HLL_HEADER)
    return _each_run(sparse, _into_dense, out)


# ---------------------------------------------------------------- dense

cdef uint8_t hll_dense_get(const uint8_t* p, uint32_t index) noexcept nogil:
    cdef uint32_t bit = index * 6
    cdef const uint8_t* at = p + HLL_HEADER + (bit >> 3)
    cdef uint32_t word = at[0]
    if (bit & 7) > 2:                              # the last register ends with the last byte
        word |= <uint32_t>at[1] << 8
    return (word >> (bit & 7)) & 63


cdef bint hll_dense_raise(uint8_t* p, HllElement e) noexcept nogil:
    """Was the register lower?"""
    cdef uint32_t bit = e.index * 6
    cdef uint8_t* at = p + HLL_HEADER + (bit >> 3)
    cdef int shift = bit & 7
    if hll_dense_get(p, e.index) >= e.count:
        return False
    at[0] = (at[0] & ~<uint8_t>(63 << shift)) | <uint8_t>(e.count << shift)
    if shift > 2:
        at[1] = (at[1] & ~(63 >> (8 - shift))) | (e.count >> (8 - shift))
    return True


cdef inline uint64_t _load_group(const uint8_t* p, size_t group) noexcept nogil:
    """The 48 bits of eight registers. The last group is read from two bytes before it."""
    if group < GROUPS - 1:
        return bytes_load64(p + GROUP_BYTES * group)
    return bytes_load64(p + GROUP_BYTES * group - 2) >> 16


cdef inline uint64_t _unfold(uint64_t x) noexcept nogil:
    """Eight numbers of six bits, to a byte each."""
    x = (x & 0xffffff) | ((x & <uint64_t>0xffffff000000) << 8)
    x = (x & <uint64_t>0x00000fff00000fff) | ((x & <uint64_t>0x00fff00000fff000) << 4)
    return (x & <uint64_t>0x003f003f003f003f) | ((x & <uint64_t>0x0fc00fc00fc00fc0) << 2)


cdef inline uint64_t _fold(uint64_t x) noexcept nogil:
    x = (x & <uint64_t>0x003f003f003f003f) | ((x & <uint64_t>0x3f003f003f003f00) >> 2)
    x = (x & <uint64_t>0x00000fff00000fff) | ((x & <uint64_t>0x0fff00000fff0000) >> 4)
    return (x & 0xffffff) | ((x & <uint64_t>0x00ffffff00000000) >> 8)


cdef void hll_pack(uint8_t* dense, const uint8_t* registers) noexcept nogil:
    if hll_wide():
        hll_fold_wide(dense + HLL_HEADER, registers, HLL_REGISTERS)
    else:
        hll_pack_portably(dense, registers)


cdef void hll_pack_portably(uint8_t* dense, const uint8_t* registers) noexcept nogil:
    cdef uint8_t* p = dense + HLL_HEADER
    cdef uint64_t x
    cdef size_t i
    for i in range(GROUPS - 1):                    # two bytes too many, which the next group corrects
        bytes_store64(p + GROUP_BYTES * i, _fold(bytes_load64(registers + GROUP * i)))
    x = _fold(bytes_load64(registers + GROUP * (GROUPS - 1)))
    for i in range(GROUP_BYTES):
        p[GROUP_BYTES * (GROUPS - 1) + i] = (x >> (8 * i)) & 0xff


cdef void hll_merge_portably(uint8_t* registers, const uint8_t* dense) noexcept nogil:
    cdef const uint8_t* p = dense + HLL_HEADER
    cdef uint8_t[PIECE] piece
    cdef size_t at = 0, i
    while at < HLL_REGISTERS:
        for i in range(PIECE // GROUP):
            bytes_store64(piece + GROUP * i, _unfold(_load_group(p, at // GROUP + i)))
        for i in range(PIECE):
            registers[at + i] = piece[i] if piece[i] > registers[at + i] else registers[at + i]
        at += PIECE


cdef bint hll_merge(uint8_t* registers, Slice s) noexcept nogil:
    """Raises `registers` to those of a sketch; False if that is corrupt (some may have been raised then)."""
    if not hll_is_dense(<const uint8_t*>s.ptr):
        return _each_run(s, _into_registers, registers)
    if hll_wide():
        hll_merge_wide(registers, <const uint8_t*>s.ptr + HLL_HEADER, HLL_REGISTERS)
    else:
        hll_merge_portably(registers, <const uint8_t*>s.ptr)
    return True


# ---------------------------------------------------------------- counting

cdef double _sigma(double x) noexcept nogil:
    """The sum of x^(2^k) * 2^(k-1) over k >= 1, and x."""
    cdef double y = 1, z = x, before
    if x == 1:
        return INFINITY
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


cdef double _tau(double x) noexcept nogil:
    cdef double y = 1, z = 1 - x, before
    if x == 0 or x == 1:
        return 0
    while True:
        x = sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) * (1 - x) * y
        if z == before:
            return z / 3


cdef uint64_t _estimate(const uint32_t* histogram) noexcept nogil:
    """How many elements there were, from how many registers have each value."""
    cdef double m = HLL_REGISTERS, z, found
    cdef int k = HLL_REGISTER_MAX - 1
    z = m * _tau((m - histogram[HLL_REGISTER_MAX]) / m)
    while k >= 1:
        z += histogram[k]
        z *= 0.5
        k -= 1
    z += m * _sigma(histogram[0] / m)
    found = 0.721347520444481703680 * m * m / z    # 1 / (2 ln 2)
    # Registers that no elements can have made may give more than there are numbers: Redis's answer then, on x86.
    return <uint64_t>llround(found) if found < 9223372036854775808.0 else <uint64_t>1 << 63


cdef inline void _count_group(uint32_t* h, uint64_t x, int bits) noexcept nogil:
    """Counts eight values of `bits` bits, in four histograms: the same value often comes again at once."""
    h[x & 63] += 1
    h[VALUES + ((x >> bits) & 63)] += 1
    h[2 * VALUES + ((x >> (2 * bits)) & 63)] += 1
    h[3 * VALUES + ((x >> (3 * bits)) & 63)] += 1
    h[(x >> (4 * bits)) & 63] += 1
    h[VALUES + ((x >> (5 * bits)) & 63)] += 1
    h[2 * VALUES + ((x >> (6 * bits)) & 63)] += 1
    h[3 * VALUES + ((x >> (7 * bits)) & 63)] += 1


cdef uint64_t _estimate_four(uint32_t* h) noexcept nogil:
    cdef int i
    for i in range(VALUES):
        h[i] += h[VALUES + i] + h[2 * VALUES + i] + h[3 * VALUES + i]
    return _estimate(h)


cdef bint hll_count(Slice s, uint64_t* count) noexcept nogil:
    """The estimate, whatever the header says; False if the sketch is corrupt."""
    cdef uint32_t[4 * VALUES] histogram
    cdef size_t i
    memset(histogram, 0, sizeof(histogram))
    if not hll_is_dense(<const uint8_t*>s.ptr):
        if not _each_run(s, _into_histogram, histogram):
            return False
        count[0] = _estimate(histogram)
        return True
    for i in range(GROUPS):
        _count_group(histogram, _load_group(<const uint8_t*>s.ptr + HLL_HEADER, i), 6)
    count[0] = _estimate_four(histogram)
    return True


cdef uint64_t hll_count_registers(const uint8_t* registers) noexcept nogil:
    cdef uint32_t[4 * VALUES] histogram
    cdef size_t i
    memset(histogram, 0, sizeof(histogram))
    for i in range(GROUPS):
        _count_group(histogram, bytes_load64(registers + GROUP * i), 8)
    return _estimate_four(histogram)


# ---------------------------------------------------------------- the self test

cdef bint _test_registers() noexcept nogil:
    """Every register, unfolded and folded, is what was put there."""
    cdef uint8_t[HLL_DENSE] dense
    cdef uint8_t[HLL_DENSE] again
    cdef uint8_t[HLL_DENSE] portably
    cdef uint8_t[HLL_REGISTERS] registers
    cdef HllElement e
    cdef uint32_t i
    memset(dense, 0, HLL_DENSE)
    memset(registers, 0, HLL_REGISTERS)
    for i in range(HLL_REGISTERS):
        e.index = (i * 7919) % HLL_REGISTERS
        e.count = <uint8_t>(1 + i % HLL_REGISTER_MAX)
        if not hll_dense_raise(dense, e) or hll_dense_raise(dense, e) or hll_dense_get(dense, e.index) != e.count:
            return False
    hll_merge(registers, slice_of(<char*>dense, HLL_DENSE))
    for i in range(HLL_REGISTERS):
        if registers[i] != hll_dense_get(dense, i):
            return False
    memset(registers, 0, HLL_REGISTERS)
    hll_merge_portably(registers, dense)
    hll_pack(again, registers)
    hll_pack_portably(portably, registers)
    return (memcmp(dense + HLL_HEADER, again + HLL_HEADER, HLL_DENSE - HLL_HEADER) == 0
            and memcmp(dense + HLL_HEADER, portably + HLL_HEADER, HLL_DENSE - HLL_HEADER) == 0)


cdef bint hll_self_test() noexcept nogil:
    """Do the forms agree, and are estimates as good as they should be?"""
    cdef uint8_t[HLL_SPARSE_MOST] sparse
    cdef uint8_t[HLL_DENSE] dense
    cdef size_t n = HLL_EMPTY
    cdef uint64_t i, a, b
    cdef double error
    if not _test_registers():
        return False
    hll_make_empty(sparse)
    hll_to_dense(dense, slice_of(<char*>sparse, n))
    for i in range(1, 100001):
        hll_dense_raise(dense, hll_element(slice_of(<char*>&i, 8)))
        if i <= 1000 and hll_sparse_raise(sparse, &n, HLL_SPARSE_MOST, hll_element(slice_of(<char*>&i, 8)),
                                          NULL) > HLL_RAISED:
            return False
        if i % 100 == 0 and i <= 1000:
            if (not hll_count(slice_of(<char*>sparse, n), &a) or not hll_count(slice_of(<char*>dense, HLL_DENSE), &b)
                    or a != b):
                return False
        if i % 10000 == 0:
            hll_count(slice_of(<char*>dense, HLL_DENSE), &a)
            error = (<double>a - <double>i) / <double>i
            if not -0.05 < error < 0.05:           # six standard errors
                return False
    return True
