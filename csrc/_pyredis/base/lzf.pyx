"""lzf -- the compression of RDB strings and of inner list nodes: fast, and simple enough to be checked by eye.

The compressed form is a sequence of two kinds of piece, told apart by the top three bits of the first byte:

    | 000 LLLLL | L + 1 bytes as they are |                         a run of 1 to 32 bytes
    | LLL HHHHH | low byte of offset |                              LLL 1 to 6: L + 2 bytes again, from offset + 1 back
    | 111 HHHHH | L - 7 | low byte of offset |                      L from 7 to 262: L + 2 bytes again

An offset has 13 bits (HHHHH and the low byte), so a repetition begins up to 8,192 bytes back; it may reach into
what it writes itself (offset 0 repeats one byte). The format is that of Marc Lehmann's LibLZF; code and choice of
matches are our own, so the compressed bytes may differ from another program's, and each reads the other's.

The compressor looks three bytes up in a table of the last place where their hash was seen: one guess, no search.
The table lies on the stack and is as large as the text asks for, up to 32 KiB: clearing more would take longer than
compressing, of a text of 100 bytes. It keeps 16 bits of a position, enough for the distances there are: with four
times the places in twice the bytes of one of 32 bits, an 8 KiB node of a list came out 3 % smaller (and so as LibLZF
makes it), in 0.85 of the time. A stretch without matches is passed over in growing strides.

Cost: 0.5 to 1 GB/s to compress, more to decompress. Nothing is allocated.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "bytes.h" nogil:
    int bytes_bit_length(uint64_t x) noexcept
    int bytes_lowest_bit(uint64_t x) noexcept
    uint32_t bytes_load32(const void* p) noexcept
    uint64_t bytes_load64(const void* p) noexcept
    void bytes_copy(char* to, const char* src, size_t n) noexcept

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)

cdef enum:
    TABLE_BITS = 14
    TABLE = 1 << TABLE_BITS
    LONGEST_RUN = 32
    SHORT_RUN = 16
    LONGEST_MATCH = 264
    FARTHEST = 8192


cdef inline uint32_t _three(const uint8_t* p) noexcept nogil:
    """Three bytes as a number; a fourth is read."""
    return bytes_load32(p) & 0xffffff


cdef inline uint32_t _slot(uint32_t three, int shift) noexcept nogil:
    return (three * <uint32_t>2654435761) >> shift


cdef uint8_t* _write_run(const uint8_t* p, size_t n, uint8_t* out, const uint8_t* limit) noexcept nogil:
    """The n bytes at p as runs; where to go on, NULL if they do not fit."""
    cdef size_t part
    if n + (n + LONGEST_RUN - 1) // LONGEST_RUN > <size_t>(limit - out):
        return NULL
    while n:
        part = n if n < LONGEST_RUN else LONGEST_RUN
        out[0] = <uint8_t>(part - 1)
        bytes_copy(<char*>out + 1, <const char*>p, part)
        out += part + 1
        p += part
        n -= part
    return out


cdef uint8_t* _write_match(size_t offset, size_t length, uint8_t* out, const uint8_t* limit) noexcept nogil:
    """A repetition of `length` bytes that began offset + 1 bytes ago; where to go on, or NULL."""
    length -= 2
    if limit - out < (2 if length < 7 else 3):
        return NULL
    if length < 7:
        out[0] = <uint8_t>((length << 5) | (offset >> 8))
        out[1] = <uint8_t>(offset & 255)
        return out + 2
    out[0] = <uint8_t>((7 << 5) | (offset >> 8))
    out[1] = <uint8_t>(length - 7)
    out[2] = <uint8_t>(offset & 255)
    return out + 3


cdef inline size_t _alike(const uint8_t* a, const uint8_t* b, size_t length, size_t most) noexcept nogil:
    """How many bytes, up to `most`, are equal at a and b; `length` of them are known to be."""
    cdef uint64_t differ
    while length + 8 <= most:
        differ = bytes_load64(a + length) ^ bytes_load64(b + length)
        if differ:
            return length + (bytes_lowest_bit(differ) >> 3)
        length += 8
    while length < most and a[length] == b[length]:
        length += 1
    return length


cdef inline uint8_t* _write_short_run(const uint8_t* p, size_t n, uint8_t* out, const uint8_t* limit,
                                      const uint8_t* end) noexcept nogil:
    """As _write_run. The common case, a few bytes with room behind them on either side, is two moves."""
    if LIKELY(n <= SHORT_RUN and limit - out > SHORT_RUN and end - p >= SHORT_RUN):
        if n == 0:
            return out
        out[0] = <uint8_t>(n - 1)
        memcpy(out + 1, p, SHORT_RUN)
        return out + 1 + n
    return _write_run(p, n, out, limit)


cdef size_t lzf_compress(const uint8_t* p, size_t n, uint8_t* out, size_t room) noexcept nogil:
    """Compresses the n bytes at p (below 4 GiB); bytes written, or 0 if they would be more than `room`."""
    cdef uint16_t[TABLE] last           # where three bytes with this hash were last seen, its low 16 bits
    cdef const uint8_t* limit = out + room
    cdef const uint8_t* end = p + n
    cdef uint8_t* to = out
    cdef size_t at = 0, run = 0, length, most, back, missed = 0      # run: where the bytes that match nothing begin
    cdef uint32_t three, slot
    cdef int bits = bytes_bit_length(n) + 1
    cdef int shift = 32 - (bits if bits < TABLE_BITS else TABLE_BITS)
    memset(last, 0, sizeof(uint16_t) << (32 - shift))
    while at + 4 <= n:
        three = _three(p + at)
        slot = _slot(three, shift)
        back = <uint16_t>(at - last[slot])
        last[slot] = <uint16_t>at
        if back - 1 >= (at if at < FARTHEST else FARTHEST) or _three(p + at - back) != three:      # back 0 wraps
            missed += 1
            at += 1 + (missed >> 8)
            continue
        missed = 0
        most = n - at if n - at < LONGEST_MATCH else LONGEST_MATCH
        length = _alike(p + at - back, p + at, 3, most)
        to = _write_short_run(p + run, at - run, to, limit, end)
        if to != NULL:
            to = _write_match(back - 1, length, to, limit)
        if to == NULL:
            return 0
        at += length
        run = at
        if at + 2 <= n:                 # the end of the repetition may begin the next
            last[_slot(_three(p + at - 2), shift)] = <uint16_t>(at - 2)
            if at + 3 <= n:
                last[_slot(_three(p + at - 1), shift)] = <uint16_t>(at - 1)
    to = _write_run(p + run, n - run, to, limit)
    return to - out if to != NULL else 0


cdef bint lzf_decompress(const uint8_t* p, size_t n, uint8_t* out, size_t length) noexcept nogil:
    cdef const uint8_t* end = p + n
    cdef size_t to = 0, count, offset, i
    while p < end:
        count = p[0] >> 5
        if count == 0:
            count = p[0] + 1
            if <size_t>(end - p) < count + 1 or length - to < count:
                return False
            memcpy(out + to, p + 1, count)
            p += count + 1
            to += count
            continue
        if <size_t>(end - p) < (3 if count == 7 else 2):
            return False
        offset = (<size_t>(p[0] & 31) << 8) + 1
        if count == 7:
            p += 1
            count += p[0]
        offset += p[1]
        p += 2
        count += 2
        if offset > to or length - to < count:
            return False
        if offset >= count:
            memcpy(out + to, out + to - offset, count)
        else:                           # it reads what it writes: byte by byte
            for i in range(count):
                out[to + i] = out[to + i - offset]
        to += count
    return to == length
