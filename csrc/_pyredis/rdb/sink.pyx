"""sink -- where the bytes of an RDB go, and the pieces that it is made of: numbers, lengths, strings.

One buffer, and two ways to go on when it is full: into memory it grows (DUMP, which needs the whole payload); to a
file or a socket it is handed to a function, and begins anew. Whoever saves knows neither, and tests nothing: a sink
that has failed takes what it is given and forgets it, and says so in the end (sink_finish), as stdio does.

    length    00 and 6 bits | 01 and 14 | 0x80 and 32 | 0x81 and 64        high first
    string    length, bytes
              0xc0 int8 | 0xc1 int16 | 0xc2 int32                          text that is just this number
              0xc3 length packed, length, LZF                              above 20 bytes, if that gains 4

A memory sink starts in room that its caller has, the stack mostly, so that what is small allocates nothing. What is
larger than the buffer of the other kind goes to its function as it stands, without a copy. The CRC is not computed
piece by piece but over the buffer, when it goes or is asked for: eight bytes a step instead of one.

LZF has no header and looks back by distance, so runs of plain bytes may be put around what is compressed already:
a compressed node of a list becomes a listpack's LZF with one header more (sink_framed), and is never opened.

Ownership: the sink owns buffer and scratch, which sink_free gives back; memory that was lent stays the lender's.
Nothing here takes the GIL or a lock: a forked child may use it.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t
from libc.string cimport memcpy, memset

from _pyredis.base.hash cimport bytes_store64, hash_crc64
from _pyredis.base.lzf cimport lzf_compress
from _pyredis.base.mem cimport mem_alloc, mem_free, mem_realloc
from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64, num_parse_i64
from _pyredis.base.slice cimport slice_of
from _pyredis.rdb.format cimport RDB_STRING_INT8, RDB_STRING_INT16, RDB_STRING_INT32, RDB_STRING_LZF

cdef enum:
    LONGEST_INT32 = 11             # bytes of its text
    LONGEST_PLAIN = 20             # bytes; strings above are compressed
    LEAST_GAIN = 4                 # bytes that compressing must win
    FIRST_MEMORY = 512
    FIRST_SCRATCH = 256
    SPECIAL = 0xc0                 # not a length but a string's other form


# ---------------------------------------------------------------- the buffer

cdef void sink_to_memory(Sink* s, Arena* mem, char* room, size_t n, int options) noexcept nogil:
    memset(s, 0, sizeof(Sink))
    s.mem = mem
    s.data = room
    s.capacity = n
    s.options = options


cdef void sink_to_function(Sink* s, Arena* mem, SinkFlush flush, void* arg, size_t buffer, int options) noexcept nogil:
    memset(s, 0, sizeof(Sink))
    s.mem = mem
    s.flush = flush
    s.arg = arg
    s.capacity = buffer
    s.data = <char*>mem_alloc(mem, buffer)
    s.owned = True
    s.options = options


cdef void sink_free(Sink* s) noexcept nogil:
    if s.owned:
        mem_free(s.mem, s.data, s.capacity)
    if s.scratch != NULL:
        mem_free(s.mem, s.scratch, s.scratch_size)
    s.data = s.scratch = NULL


cdef void _give(Sink* s, const char* p, size_t n) noexcept nogil:
    """To the function, unless it has failed before."""
    s.flushed += n
    if n and not s.failed:
        s.failed = not s.flush(s.arg, p, n)


cdef void _empty(Sink* s) noexcept nogil:
    if s.options & SINK_CRC:
        sink_crc(s)
    _give(s, s.data, s.used)
    s.used = s.summed = 0


cdef void _grow(Sink* s, size_t n) noexcept nogil:
    """The buffer with room for n more bytes, and for others to come."""
    cdef size_t capacity = s.capacity * 2 if s.capacity >= FIRST_MEMORY // 2 else FIRST_MEMORY
    cdef char* data
    if capacity - s.used < n:
        capacity = s.used + n + SINK_ROOM
    if s.owned:
        s.data = <char*>mem_realloc(s.mem, s.data, s.capacity, capacity)
    else:
        data = <char*>mem_alloc(s.mem, capacity)
        if s.used:
            memcpy(data, s.data, s.used)
        s.data = data
        s.owned = True
    s.capacity = capacity


cdef void sink_make_room(Sink* s, size_t n) noexcept nogil:
    if s.flush != NULL:
        _empty(s)
    else:
        _grow(s, n)


cdef void sink_write_far(Sink* s, const char* p, size_t n) noexcept nogil:
    sink_make_room(s, n)
    if n <= s.capacity:
        memcpy(s.data + s.used, p, n)
        s.used += n
        return
    if s.options & SINK_CRC:
        s.crc = hash_crc64(s.crc, p, n)
    _give(s, p, n)


cdef bint sink_finish(Sink* s) noexcept nogil:
    if s.flush != NULL:
        _empty(s)
    return not s.failed


cdef uint64_t sink_crc(Sink* s) noexcept nogil:
    """Of all that was written so far."""
    s.crc = hash_crc64(s.crc, s.data + s.summed, s.used - s.summed)
    s.summed = s.used
    return s.crc


# ---------------------------------------------------------------- numbers

cdef inline void _big(char* p, uint64_t v, int n) noexcept nogil:
    """The low n bytes of v, high first."""
    cdef int i
    for i in range(n):
        p[i] = <char>(v >> (8 * (n - 1 - i)))


cdef void sink_u16(Sink* s, unsigned int v) noexcept nogil:
    cdef char* p = sink_room(s, 2)
    p[0] = <char>v
    p[1] = <char>(v >> 8)
    s.used += 2


cdef void sink_u64(Sink* s, uint64_t v) noexcept nogil:
    bytes_store64(sink_room(s, 8), v)
    s.used += 8


cdef void sink_u64_big(Sink* s, uint64_t v) noexcept nogil:
    _big(sink_room(s, 8), v, 8)
    s.used += 8


cdef void sink_double(Sink* s, double v) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &v, 8)
    sink_u64(s, bits)


cdef void sink_length(Sink* s, uint64_t n) noexcept nogil:
    """In the shortest form."""
    cdef char* p = sink_room(s, 9)
    if n < 1 << 6:
        p[0] = <char>n
        s.used += 1
    elif n < 1 << 14:
        _big(p, n | 0x4000, 2)
        s.used += 2
    elif n >> 32 == 0:
        p[0] = <char>0x80
        _big(p + 1, n, 4)
        s.used += 5
    else:
        p[0] = <char>0x81
        _big(p + 1, n, 8)
        s.used += 9


# ---------------------------------------------------------------- strings

cdef bint _short_integer(Sink* s, int64_t v) noexcept nogil:
    """Writes it as a string in a form for integers; False, and nothing, if it is too large for any."""
    cdef char* p = sink_room(s, 5)
    cdef int width = 1, form = RDB_STRING_INT8, i
    if v != <int8_t>v:
        width, form = 2, RDB_STRING_INT16
    if v != <int16_t>v:
        width, form = 4, RDB_STRING_INT32
    if v != <int32_t>v:
        return False
    p[0] = <char>(SPECIAL | form)
    for i in range(width):
        p[1 + i] = <char>(v >> (8 * i))
    s.used += 1 + width
    return True


cdef size_t _squeeze(Sink* s, Slice text, size_t gain) noexcept nogil:
    """The text as LZF, in the scratch; bytes, or 0 if that does not win so many."""
    cdef size_t size
    if text.len <= gain or text.len >> 32:
        return 0
    if s.scratch_size < text.len:
        size = text.len if text.len > FIRST_SCRATCH else FIRST_SCRATCH
        if s.scratch != NULL:
            mem_free(s.mem, s.scratch, s.scratch_size)
        s.scratch = <char*>mem_alloc(s.mem, size)
        s.scratch_size = size
    return lzf_compress(<const uint8_t*>text.ptr, text.len, <uint8_t*>s.scratch, text.len - gain)


cdef inline void _begin_lzf(Sink* s, size_t packed, size_t length) noexcept nogil:
    sink_u8(s, SPECIAL | RDB_STRING_LZF)
    sink_length(s, packed)
    sink_length(s, length)


cdef void sink_string(Sink* s, Slice text) noexcept nogil:
    """In the shortest of its forms."""
    cdef int64_t v
    cdef size_t packed
    if text.len <= LONGEST_INT32:
        if num_parse_i64(text.ptr, text.len, &v) and _short_integer(s, v):
            return
    elif text.len > LONGEST_PLAIN and s.options & SINK_COMPRESS:
        packed = _squeeze(s, text, LEAST_GAIN)
        if packed:
            _begin_lzf(s, packed, text.len)
            sink_write(s, s.scratch, packed)
            return
    sink_length(s, text.len)
    sink_write(s, text.ptr, text.len)


cdef void sink_integer(Sink* s, int64_t v) noexcept nogil:
    cdef char* p
    if not _short_integer(s, v):
        p = sink_room(s, 1 + NUM_I64_MAX)
        p[0] = <char>num_format_i64(v, p + 1)      # a length below 64
        s.used += 1 + <size_t>p[0]


cdef void sink_element(Sink* s, const Element* e) noexcept nogil:
    if e.ptr == NULL:
        sink_integer(s, e.number)
    else:
        sink_string(s, slice_of(e.ptr, e.len))


cdef inline void _plain_run(Sink* s, Slice bytes) noexcept nogil:
    """Up to 32 bytes as they are, within LZF."""
    if bytes.len:
        sink_u8(s, bytes.len - 1)
        sink_slice(s, bytes)


cdef void sink_framed(Sink* s, Slice head, Slice body, Slice tail, size_t raw) noexcept nogil:
    cdef size_t frame = head.len + tail.len, packed
    if raw == 0 and s.options & SINK_COMPRESS and frame + body.len > LONGEST_PLAIN:
        packed = _squeeze(s, body, LEAST_GAIN + 2)     # the runs' own two bytes are to be won, too
        if packed:
            raw = body.len
            body = slice_of(s.scratch, packed)
    if raw:
        _begin_lzf(s, (head.len + 1 if head.len else 0) + body.len + (tail.len + 1 if tail.len else 0), frame + raw)
        _plain_run(s, head)
        sink_slice(s, body)
        _plain_run(s, tail)
    else:
        sink_length(s, frame + body.len)
        sink_slice(s, head)
        sink_slice(s, body)
        sink_slice(s, tail)
