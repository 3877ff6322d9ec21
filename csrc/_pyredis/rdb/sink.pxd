# sink -- where the bytes of an RDB go: to memory, or through a function. The story is in sink.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element

cdef extern from "bytes.h" nogil:
    void bytes_copy(char* to, const char* src, size_t n) noexcept

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)

ctypedef bint (*SinkFlush)(void* arg, const char* p, size_t n) noexcept nogil      # False: they cannot be written

cdef enum SinkOption:
    SINK_CRC = 1                   # keeps the CRC64 of all that was written
    SINK_COMPRESS = 2              # LZF for strings that gain by it

cdef enum:
    SINK_ROOM = 64                 # bytes that sink_room gives at most

cdef struct Sink:
    char* data                     # what has not gone yet
    size_t used
    size_t capacity
    Arena* mem
    SinkFlush flush                # NULL: the buffer grows instead
    void* arg
    uint64_t flushed               # bytes that have gone
    uint64_t crc                   # of what has gone, and of the first `summed` bytes of the buffer
    size_t summed
    int options
    bint owned                     # the buffer is a block of the arena
    bint failed
    char* scratch                  # for what is compressed
    size_t scratch_size

# Into memory, beginning in the `n` bytes at `room`, which the caller lends; then data and used are the result.
cdef void sink_to_memory(Sink* s, Arena* mem, char* room, size_t n, int options) noexcept nogil
# Through a function, in pieces of about `buffer` bytes, at least SINK_ROOM; sink_finish gives it the rest.
cdef void sink_to_function(Sink* s, Arena* mem, SinkFlush flush, void* arg, size_t buffer, int options) noexcept nogil
cdef bint sink_finish(Sink* s) noexcept nogil                      # False: something could not be written
cdef void sink_free(Sink* s) noexcept nogil
cdef uint64_t sink_crc(Sink* s) noexcept nogil                     # with SINK_CRC

# What RDB is made of. sink_framed writes a string of three parts, the outer ones up to 32 bytes; if `raw` is not 0
# the body is given compressed, and is that long when it is not.
cdef void sink_length(Sink* s, uint64_t n) noexcept nogil
cdef void sink_string(Sink* s, Slice text) noexcept nogil
cdef void sink_integer(Sink* s, int64_t v) noexcept nogil          # as a string
cdef void sink_element(Sink* s, const Element* e) noexcept nogil   # as a string
cdef void sink_framed(Sink* s, Slice head, Slice body, Slice tail, size_t raw) noexcept nogil
cdef void sink_u16(Sink* s, unsigned int v) noexcept nogil         # numbers: low byte first
cdef void sink_u64(Sink* s, uint64_t v) noexcept nogil
cdef void sink_u64_big(Sink* s, uint64_t v) noexcept nogil         # high byte first
cdef void sink_double(Sink* s, double v) noexcept nogil

# The slow ways of the two functions below.
cdef void sink_make_room(Sink* s, size_t n) noexcept nogil
cdef void sink_write_far(Sink* s, const char* p, size_t n) noexcept nogil


cdef inline uint64_t sink_position(const Sink* s) noexcept nogil:
    """How many bytes have been written."""
    return s.flushed + s.used

cdef inline char* sink_room(Sink* s, size_t n) noexcept nogil:
    """Where up to SINK_ROOM bytes can be written; then `used` is the caller's to move."""
    if not LIKELY(s.capacity - s.used >= n):
        sink_make_room(s, n)
    return s.data + s.used

cdef inline void sink_write(Sink* s, const char* p, size_t n) noexcept nogil:
    if LIKELY(s.capacity - s.used >= n):
        bytes_copy(s.data + s.used, p, n)
        s.used += n
    else:
        sink_write_far(s, p, n)

cdef inline void sink_slice(Sink* s, Slice bytes) noexcept nogil:
    sink_write(s, bytes.ptr, bytes.len)

cdef inline void sink_u8(Sink* s, unsigned int v) noexcept nogil:
    sink_room(s, 1)[0] = <char>v
    s.used += 1
