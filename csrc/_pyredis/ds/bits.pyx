"""bits -- strings as rows of bits: fields, counting, finding, combining.

    byte      0                 1
    bit       7 6 5 4 3 2 1 0   7 6 ...
    position  0 1 2 3 4 5 6 7   8 9 ...

Positions ascend from the highest bit of the first byte, so a field that begins at position p and has w bits reads
as a big-endian number. Ranges are given in bits; a range of bytes is one of bits, eight times as far along.

Counting and finding take the odd bits at either end by themselves and leave the whole bytes between them to
include/bits.h, which does 128 of them at a time where the processor can. Combining goes through the sources in
blocks of BLOCK bytes that stay in the first cache: every source is read once, the result written once, whatever
the number of sources. A block is gathered aside and then put in its place, so `out` may be one of the sources.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from _pyredis.base.slice cimport Slice

cdef extern from "bits.h" nogil:
    uint64_t bits_popcount(const uint8_t* p, size_t n) noexcept
    size_t   bits_skip(const uint8_t* p, size_t n, uint8_t filler) noexcept
    void     bits_and(uint8_t* a, const uint8_t* b, size_t n) noexcept
    void     bits_or(uint8_t* a, const uint8_t* b, size_t n) noexcept
    void     bits_xor(uint8_t* a, const uint8_t* b, size_t n) noexcept
    void     bits_without(uint8_t* a, const uint8_t* b, size_t n) noexcept

cdef extern from "bytes.h" nogil:
    int bytes_bit_length(uint64_t x) noexcept

cdef enum:
    BLOCK = 4096                   # two of them and a block of a source fill half of a first-level cache


# ---------------------------------------------------------------- counting, finding

cdef uint64_t bits_count(const uint8_t* p, uint64_t first, uint64_t last) noexcept nogil:
    """How many bits are set from `first` to `last`."""
    cdef size_t head = first >> 3, tail = last >> 3
    cdef uint8_t head_mask = 0xff >> (first & 7)
    cdef uint8_t tail_mask = <uint8_t>(0xff << (7 - (last & 7)))
    cdef uint8_t[2] ends
    if head == tail:
        ends[0] = p[head] & head_mask & tail_mask
        return bits_popcount(ends, 1)
    ends[0] = p[head] & head_mask
    ends[1] = p[tail] & tail_mask
    return bits_popcount(ends, 2) + bits_popcount(p + head + 1, tail - head - 1)


cdef inline int64_t _highest(size_t index, uint8_t byte) noexcept nogil:
    """The position of the highest bit set in this byte, which stands at `index`; -1 for 0."""
    return (<int64_t>index << 3) + 8 - bytes_bit_length(byte) if byte else -1


cdef int64_t bits_find(const uint8_t* p, uint64_t first, uint64_t last, bint bit) noexcept nogil:
    """The first position from `first` to `last` that holds `bit`, or -1."""
    cdef size_t head = first >> 3, tail = last >> 3, i
    cdef uint8_t flip = 0 if bit else 0xff               # what is looked for becomes a bit that is set
    cdef uint8_t head_mask = 0xff >> (first & 7)
    cdef uint8_t tail_mask = <uint8_t>(0xff << (7 - (last & 7)))
    if head == tail:
        return _highest(head, (p[head] ^ flip) & head_mask & tail_mask)
    if (p[head] ^ flip) & head_mask:
        return _highest(head, (p[head] ^ flip) & head_mask)
    i = head + 1 + bits_skip(p + head + 1, tail - head - 1, flip)
    if i < tail:
        return _highest(i, p[i] ^ flip)
    return _highest(tail, (p[tail] ^ flip) & tail_mask)


# ---------------------------------------------------------------- fields

cdef uint64_t bits_get(const uint8_t* p, size_t n, uint64_t at, int width) noexcept nogil:
    """The field of `width` bits at `at`, as an unsigned number."""
    cdef size_t i = at >> 3
    cdef int left = width, room = 8 - (at & 7), take      # bits of the byte from `at` on
    cdef uint64_t v = 0
    cdef uint8_t byte
    while left:
        take = left if left < room else room
        byte = p[i] if i < n else 0
        v = (v << take) | ((byte >> (room - take)) & (0xff >> (8 - take)))
        left -= take
        room = 8
        i += 1
    return v


cdef void bits_set(uint8_t* p, uint64_t at, int width, uint64_t v) noexcept nogil:
    """Puts the low `width` bits of v at `at`."""
    cdef size_t i = at >> 3
    cdef int left = width, room = 8 - (at & 7), take
    cdef uint8_t mask
    while left:
        take = left if left < room else room
        mask = <uint8_t>((0xff >> (8 - take)) << (room - take))
        p[i] = (p[i] & ~mask) | (<uint8_t>((v >> (left - take)) << (room - take)) & mask)
        left -= take
        room = 8
        i += 1


# ---------------------------------------------------------------- combining

cdef inline const uint8_t* _part(const Slice* s, size_t at, size_t n, size_t* have) noexcept nogil:
    """Where the source's bytes for this block stand; `have`: how many of the n there are."""
    have[0] = 0 if s.len <= at else (s.len - at if s.len - at < n else n)
    return <const uint8_t*>s.ptr + (at if have[0] else 0)


cdef void _load(uint8_t* block, const Slice* s, size_t at, size_t n) noexcept nogil:
    """The source's part, and zeros behind it."""
    cdef size_t have
    cdef const uint8_t* p = _part(s, at, n, &have)
    if have:
        memcpy(block, p, have)
    if have < n:
        memset(block + have, 0, n - have)


cdef void _any(uint8_t* block, const Slice* sources, int count, size_t at, size_t n) noexcept nogil:
    """What any of the sources has."""
    cdef size_t have
    cdef const uint8_t* p
    cdef int i
    _load(block, &sources[0], at, n)
    for i in range(1, count):
        p = _part(&sources[i], at, n, &have)
        bits_or(block, p, have)


cdef void _and_xor(BitOp op, uint8_t* block, const Slice* sources, int count, size_t at, size_t n) noexcept nogil:
    cdef size_t have
    cdef const uint8_t* p
    cdef int i
    _load(block, &sources[0], at, n)
    for i in range(1, count):
        p = _part(&sources[i], at, n, &have)
        if op == BITS_XOR:
            bits_xor(block, p, have)
        else:
            bits_and(block, p, have)
            if have < n:
                memset(block + have, 0, n - have)


cdef void _one(uint8_t* block, uint8_t* other, const Slice* sources, int count, size_t at, size_t n) noexcept nogil:
    """What exactly one source has. `other` gathers what two or more have."""
    cdef uint8_t[BLOCK] both
    cdef size_t have
    cdef const uint8_t* p
    cdef int i
    _load(block, &sources[0], at, n)
    memset(other, 0, n)
    for i in range(1, count):
        p = _part(&sources[i], at, n, &have)
        if have == 0:
            continue
        memcpy(both, p, have)
        bits_and(both, block, have)
        bits_or(other, both, have)
        bits_or(block, p, have)
    bits_without(block, other, n)


cdef void _block(BitOp op, uint8_t* block, uint8_t* other, const Slice* sources, int count, size_t at,
                 size_t n) noexcept nogil:
    """The n bytes of the result from `at` on, in `block`."""
    if op == BITS_OR:
        _any(block, sources, count, at, n)
    elif op == BITS_AND or op == BITS_XOR:
        _and_xor(op, block, sources, count, at, n)
    elif op == BITS_NOT:
        _load(other, &sources[0], at, n)
        memset(block, 0xff, n)
        bits_without(block, other, n)
    elif op == BITS_ONE:
        _one(block, other, sources, count, at, n)
    elif op == BITS_DIFF1:
        _any(block, sources + 1, count - 1, at, n)
        _load(other, &sources[0], at, n)
        bits_without(block, other, n)
    else:
        _load(block, &sources[0], at, n)
        _any(other, sources + 1, count - 1, at, n)
        if op == BITS_DIFF:
            bits_without(block, other, n)
        else:
            bits_and(block, other, n)


cdef void bits_combine(BitOp op, uint8_t* out, size_t n, const Slice* sources, int count) noexcept nogil:
    """DIFF, DIFF1 and ANDOR want two sources at least, the others one."""
    cdef uint8_t[BLOCK] block
    cdef uint8_t[BLOCK] other
    cdef size_t at = 0, size
    while at < n:
        size = n - at if n - at < BLOCK else BLOCK
        _block(op, block, other, sources, count, at, size)
        memcpy(out + at, block, size)
        at += size
