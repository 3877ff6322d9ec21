# source -- where an RDB comes from: bytes in memory, or a stream through a buffer. The story is in source.pyx.
#
# A failure is sticky: from then on every number is 0 and every string empty. So a reader takes what it needs, and
# asks once (source_ok); but in a loop whose length was read, each time.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from _pyredis.base.hash cimport bytes_load32, bytes_load64
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice

cdef enum:
    SOURCE_BUFFER = 65536
    SOURCE_DIGITS = 24

# Writes up to `most` bytes to `to`, one at least, and returns how many; 0: there are no more, or none can be had.
ctypedef size_t (*SourceFill)(void* arg, uint8_t* to, size_t most) noexcept nogil

cdef struct Bulk:                  # a string that was read; it owns a block, which the next one uses again
    Slice text                     # in memory that the source is made of, in the block, or in `digits`
    char* block
    size_t room
    char[SOURCE_DIGITS] digits

cdef struct Source:
    Arena* mem
    const uint8_t* at              # the next byte
    const uint8_t* end             # of those in memory
    const uint8_t* first           # ... and their beginning
    uint64_t before                # bytes of the source that came before `first`
    SourceFill fill                # NULL: everything is in memory
    void* arg
    uint8_t* buffer                # of SOURCE_BUFFER bytes, for a stream
    bint sums                      # keeps a CRC64 of what was read
    uint64_t crc                   # ... of all before `summed`
    const uint8_t* summed
    Bulk packed                    # what is about to be decompressed
    const char* reason             # of the failure, static; NULL: there was none
    uint64_t failed_at             # where

cdef void source_of_bytes(Source* s, Arena* mem, Slice bytes) noexcept nogil
cdef void source_of_stream(Source* s, Arena* mem, SourceFill fill, void* arg) noexcept nogil
cdef void source_done(Source* s) noexcept nogil
cdef void source_sum(Source* s) noexcept nogil                         # a CRC64 from here on
cdef uint64_t source_crc(Source* s) noexcept nogil                     # of what was read since
cdef void source_fail(Source* s, const char* reason) noexcept nogil    # the first one stays
cdef size_t source_expect(const Source* s, uint64_t n) noexcept nogil  # of n claimed: to have room for

cdef bint source_refill(Source* s, size_t n) noexcept nogil            # source_has, where it has not
cdef uint64_t source_wide_length(Source* s, bint* special) noexcept nogil    # source_length of more than a byte
cdef bint source_string(Source* s, Bulk* b) noexcept nogil             # False: it failed
cdef bint source_bytes(Source* s, Bulk* b, uint64_t n) noexcept nogil  # n bytes as they are
cdef double source_score(Source* s) noexcept nogil                     # a double as text, after its length

cdef void bulk_init(Bulk* b) noexcept nogil
cdef void bulk_free(Arena* mem, Bulk* b) noexcept nogil


cdef inline bint source_ok(const Source* s) noexcept nogil:
    return s.reason == NULL

cdef inline uint64_t source_offset(const Source* s) noexcept nogil:
    """Bytes read so far."""
    return s.before + <uint64_t>(s.at - s.first)

cdef inline bint source_has(Source* s, size_t n) noexcept nogil:
    """Are the next n bytes, few, in memory? If not, it has failed."""
    return <size_t>(s.end - s.at) >= n or source_refill(s, n)

cdef inline uint8_t source_u8(Source* s) noexcept nogil:
    if not source_has(s, 1):
        return 0
    s.at += 1
    return (s.at - 1)[0]

cdef inline uint32_t source_u32(Source* s) noexcept nogil:
    if not source_has(s, 4):
        return 0
    s.at += 4
    return bytes_load32(s.at - 4)

cdef inline uint64_t source_u64(Source* s) noexcept nogil:
    if not source_has(s, 8):
        return 0
    s.at += 8
    return bytes_load64(s.at - 8)

cdef inline int64_t source_i64(Source* s) noexcept nogil:
    return <int64_t>source_u64(s)

cdef extern from *:
    """
    #include <string.h>
    static inline double source_double_of(uint64_t bits) { double v; memcpy(&v, &bits, 8); return v; }
    """
    double source_double_of(uint64_t bits) noexcept nogil

cdef inline double source_double(Source* s) noexcept nogil:
    return source_double_of(source_u64(s))

cdef inline uint64_t source_length(Source* s, bint* special) noexcept nogil:
    """A length; `special`: it is the form of a string (RdbString) instead."""
    if s.at < s.end and s.at[0] < 64:
        special[0] = False
        s.at += 1
        return (s.at - 1)[0]
    return source_wide_length(s, special)

cdef inline uint64_t source_count(Source* s) noexcept nogil:
    """A length that must be one."""
    cdef bint special
    cdef uint64_t n = source_length(s, &special)
    if special:
        source_fail(s, b"a number is written as a string")
        return 0
    return n
