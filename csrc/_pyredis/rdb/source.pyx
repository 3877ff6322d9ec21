"""source -- where an RDB comes from: bytes in memory (RESTORE), or a stream through a buffer (a file, a socket).

    memory     | read | to be read |                            everything is there; strings are views
    stream     | read | to be read | <- fill ...                a buffer of 64 KiB; strings are copied out

What is read is not believed. In memory, no length may pass the end. Of a stream nobody knows the end, and so room is
never taken for a length that is merely claimed: a string grows as its bytes arrive, at most to twice what came. A
compressed string may claim 88 times its bytes, which is the most that LZF can make of them, and no more.

A failure (the end, a length that cannot be, or what source_fail is told) stays: the source is at its end from then on
and gives zeros and empty strings, its reason and place are kept. So code that reads an object needs no check
after each field, only before it believes a whole; and a loop over a claimed number of things asks each time.

Numbers are read in line, a comparison each, in both kinds. A long string of a stream goes past the buffer into
its own block. The CRC64 is taken in large pieces, when the buffer is left or the sum is asked for.

Ownership: the source owns its buffer, a Bulk its block; the bytes of a memory source are the caller's, and must live
as long as views of them.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from _pyredis.base.hash cimport hash_crc64
from _pyredis.base.lzf cimport lzf_decompress
from _pyredis.base.mem cimport Arena, mem_alloc, mem_free, mem_realloc
from _pyredis.base.num cimport num_format_i64, num_parse_double
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.rdb.format cimport RDB_STRING_INT16, RDB_STRING_INT32, RDB_STRING_INT8, RDB_STRING_LZF

cdef extern from "bytes.h" nogil:
    uint64_t bytes_load64(const void* p) noexcept

cdef enum:
    LENGTH_14 = 1                  # the two bits that a length begins with
    LENGTH_WIDE = 2
    LENGTH_SPECIAL = 3
    LENGTH_32 = 0x80
    LENGTH_64 = 0x81
    SCORE_NAN = 253                # lengths of a score that has no digits
    SCORE_MAX = 254
    LZF_MOST = 88                  # bytes that one compressed byte can stand for
    STEP = 1 << 20                 # bytes that a string of a stream is given at first
    LONGEST = 0xffff0000           # bytes of a string: collections count them in 32 bits

cdef extern from "<math.h>" nogil:
    double INFINITY
    double NAN


# ---------------------------------------------------------------- making and giving back

cdef void source_of_bytes(Source* s, Arena* mem, Slice bytes) noexcept nogil:
    """A source of bytes that are all there, and outlive it."""
    memset(s, 0, sizeof(Source))
    s.mem = mem
    s.first = s.at = <const uint8_t*>bytes.ptr
    s.end = s.at + bytes.len
    bulk_init(&s.packed)


cdef void source_of_stream(Source* s, Arena* mem, SourceFill fill, void* arg) noexcept nogil:
    """A source of what `fill` gives, piece by piece."""
    memset(s, 0, sizeof(Source))
    s.mem = mem
    s.fill = fill
    s.arg = arg
    s.buffer = <uint8_t*>mem_alloc(mem, SOURCE_BUFFER)
    s.first = s.at = s.end = s.buffer
    bulk_init(&s.packed)


cdef void source_done(Source* s) noexcept nogil:
    bulk_free(s.mem, &s.packed)
    if s.buffer != NULL:
        mem_free(s.mem, s.buffer, SOURCE_BUFFER)
        s.buffer = NULL


cdef void bulk_init(Bulk* b) noexcept nogil:
    b.text = slice_of(b"", 0)
    b.block = NULL
    b.room = 0


cdef void bulk_free(Arena* mem, Bulk* b) noexcept nogil:
    mem_free(mem, b.block, b.room)
    bulk_init(b)


cdef void source_fail(Source* s, const char* reason) noexcept nogil:
    """Nothing more is to be had of it, for this (static) reason."""
    if s.reason == NULL:
        s.reason = reason
        s.failed_at = source_offset(s)
    s.end = s.at
    s.fill = NULL


# ---------------------------------------------------------------- the sum

cdef void source_sum(Source* s) noexcept nogil:
    s.sums = True
    s.crc = 0
    s.summed = s.at


cdef void _sum_up(Source* s) noexcept nogil:
    """Takes what was read into the sum."""
    if s.sums:
        s.crc = hash_crc64(s.crc, s.summed, s.at - s.summed)
        s.summed = s.at


cdef uint64_t source_crc(Source* s) noexcept nogil:
    _sum_up(s)
    return s.crc


# ---------------------------------------------------------------- bytes

cdef bint source_refill(Source* s, size_t n) noexcept nogil:
    """Has the next n bytes (few) in the buffer, if they come; else the source fails."""
    cdef size_t left = s.end - s.at, got
    if s.fill == NULL:
        source_fail(s, b"it ends too early")
        return False
    _sum_up(s)
    s.before += s.at - s.first
    memmove(s.buffer, s.at, left)
    s.first = s.at = s.summed = s.buffer
    s.end = s.buffer + left
    while left < n:
        got = s.fill(s.arg, s.buffer + left, SOURCE_BUFFER - left)
        if got == 0:
            source_fail(s, b"it ends too early")
            return False
        left += got
        s.end = s.buffer + left
    return True


cdef size_t source_expect(const Source* s, uint64_t n) noexcept nogil:
    """For so many things may room be reserved: each takes a byte at least, and a stream may claim anything."""
    cdef size_t left = s.end - s.at if s.fill == NULL else SOURCE_BUFFER
    return <size_t>n if n < left else left


cdef void _room(Arena* mem, Bulk* b, size_t kept, size_t n) noexcept nogil:
    """The block has room for n bytes, its first `kept` stay."""
    cdef char* block
    if n <= b.room:
        return
    if kept:
        b.block = <char*>mem_realloc(mem, b.block, b.room, n)
    else:
        block = <char*>mem_alloc(mem, n)
        mem_free(mem, b.block, b.room)
        b.block = block
    b.room = n


cdef bint _gather(Source* s, Bulk* b, size_t n) noexcept nogil:
    """n bytes of a stream, into the block: from the buffer, and then past it."""
    cdef size_t got = s.end - s.at, step
    if got > n:
        got = n
    _room(s.mem, b, 0, n if n <= STEP else STEP if got < STEP else got)
    memcpy(b.block, s.at, got)
    s.at += got
    while got < n:                                # the buffer is empty
        _sum_up(s)
        if got == b.room:
            _room(s.mem, b, got, n if n - got < got else 2 * got)
        step = s.fill(s.arg, <uint8_t*>b.block + got, b.room - got if b.room < n else n - got)
        if step == 0:
            source_fail(s, b"it ends too early")
            return False
        if s.sums:
            s.crc = hash_crc64(s.crc, b.block + got, step)
        s.before += step
        got += step
    b.text = slice_of(b.block, n)
    return True


cdef bint source_bytes(Source* s, Bulk* b, uint64_t n) noexcept nogil:
    b.text = slice_of(b"", 0)
    if n == 0:
        return source_ok(s)
    if n > LONGEST:
        source_fail(s, b"a string is too long")
        return False
    if s.fill == NULL:
        if <size_t>(s.end - s.at) < n:
            source_fail(s, b"it ends too early")
            return False
        b.text = slice_of(<const char*>s.at, <size_t>n)
        s.at += n
        return True
    return _gather(s, b, <size_t>n)


# ---------------------------------------------------------------- lengths and strings

cdef inline uint64_t _high_first(const uint8_t* p, int n) noexcept nogil:
    cdef uint64_t v = 0
    cdef int i
    for i in range(n):
        v = (v << 8) | p[i]
    return v


cdef uint64_t source_wide_length(Source* s, bint* special) noexcept nogil:
    cdef uint8_t first = source_u8(s)
    cdef int bytes
    special[0] = False
    if first >> 6 == LENGTH_SPECIAL:
        special[0] = True
        return first & 63
    if first >> 6 == LENGTH_14:
        return (<uint64_t>(first & 63) << 8) | source_u8(s)
    if first >> 6 != LENGTH_WIDE:
        return first
    bytes = 4 if first == LENGTH_32 else 8
    if first != LENGTH_32 and first != LENGTH_64:
        source_fail(s, b"a length has an unknown form")
    if not source_has(s, bytes):
        return 0
    s.at += bytes
    return _high_first(s.at - bytes, bytes)


cdef bint _integer(Source* s, Bulk* b, uint64_t form) noexcept nogil:
    """A string that is kept as an integer."""
    cdef int bytes = 1 if form == RDB_STRING_INT8 else 2 if form == RDB_STRING_INT16 else 4
    cdef int64_t v
    if not source_has(s, bytes):
        return False
    if bytes == 1:
        v = <int8_t>s.at[0]
    elif bytes == 2:
        v = <int16_t>(s.at[0] | (s.at[1] << 8))
    else:
        v = <int32_t>bytes_load32(s.at)
    s.at += bytes
    b.text = slice_of(b.digits, num_format_i64(v, b.digits))
    return True


cdef bint _compressed(Source* s, Bulk* b) noexcept nogil:
    cdef uint64_t packed = source_count(s), length = source_count(s)
    if not source_bytes(s, &s.packed, packed):
        return False
    if length == 0 or length > packed * LZF_MOST or length > LONGEST:
        source_fail(s, b"a compressed string has a length that cannot be")
        return False
    _room(s.mem, b, 0, <size_t>length)
    if not lzf_decompress(<const uint8_t*>s.packed.text.ptr, s.packed.text.len, <uint8_t*>b.block, <size_t>length):
        source_fail(s, b"a compressed string is broken")
        return False
    b.text = slice_of(b.block, <size_t>length)
    return True


cdef bint source_string(Source* s, Bulk* b) noexcept nogil:
    """A string in whatever form; b.text is valid until b is read into again, and as long as the source."""
    cdef bint special
    cdef uint64_t n = source_length(s, &special)
    b.text = slice_of(b"", 0)
    if not special:
        return source_bytes(s, b, n)
    if n == RDB_STRING_LZF:
        return _compressed(s, b)
    if n == RDB_STRING_INT8 or n == RDB_STRING_INT16 or n == RDB_STRING_INT32:
        return _integer(s, b, n)
    source_fail(s, b"a string has an unknown form")
    return False


cdef double source_score(Source* s) noexcept nogil:
    """A score of the old form: a length byte, and so many digits; or one of three lengths that have none."""
    cdef uint8_t n = source_u8(s)
    cdef double v = 0
    if n == SCORE_NAN:
        return NAN
    if n >= SCORE_MAX:
        return INFINITY if n == SCORE_MAX else -INFINITY
    if source_has(s, n):
        s.at += n
        if not num_parse_double(<const char*>s.at - n, n, &v):
            source_fail(s, b"a score is no number")
    return v
