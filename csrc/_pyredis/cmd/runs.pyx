"""runs -- many encoded elements as replies, at once: what LRANGE sends.

The elements of a listpack or of a list's node stand one behind the other. To ask for each, look at what it is and
append it to the reply costs several calls an element; here one loop decodes and writes into the reply's block, and
asks for another block only when this one is full.

Short elements are most of them. So the header of a bulk string of up to 99 bytes is one store, and the bytes of one
of up to 32 are copied as two or four words of eight, whatever their number: what is copied too much is written over
by what follows. That needs so many bytes to read, which near the end of a run is not certain: there the copy is exact.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.hash cimport bytes_load64, bytes_store64
from _pyredis.base.num cimport num_format_i64
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element
from _pyredis.ds.listpack cimport element_size, listpack_get
from _pyredis.wire.reply cimport out_advance, out_room, reply_bulk

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, uint32_t x) noexcept

cdef enum:
    FRAME = 8                      # "$99", CR LF before, CR LF behind, rounded up
    WIDE = 32                      # bytes that a short element is copied as, at most
    SLACK = FRAME + WIDE + 8       # what writing a short element may touch


cdef inline char* _header(char* w, uint32_t n) noexcept nogil:
    """"$n" CR LF for n below 100; touches eight bytes."""
    if n < 10:
        bytes_store32(w, 0x0a0d3024 + (n << 8))              # "$0\r\n"
        return w + 4
    bytes_store64(w, <uint64_t>0x0a0d303024 + (<uint64_t>(n // 10) << 8) + (<uint64_t>(n % 10) << 16))
    return w + 5


cdef inline char* _short_text(char* w, const uint8_t* p, uint32_t n, bint wide) noexcept nogil:
    """A bulk string of n bytes, below 64; `wide`: WIDE bytes may be read at p."""
    w = _header(w, n)
    if wide and n <= WIDE:
        bytes_store64(w, bytes_load64(p))
        bytes_store64(w + 8, bytes_load64(p + 8))
        if n > 16:
            bytes_store64(w + 16, bytes_load64(p + 16))
            bytes_store64(w + 24, bytes_load64(p + 24))
    else:
        memcpy(w, p, n)
    w += n
    w[0] = c'\r'
    w[1] = c'\n'
    return w + 2


cdef inline char* _number(char* w, int64_t v) noexcept nogil:
    """An integer as a bulk string."""
    cdef char[ELEMENT_DIGITS] digits
    cdef uint32_t n = num_format_i64(v, digits)
    w = _header(w, n)
    memcpy(w, digits, n)
    w[n] = c'\r'
    w[n + 1] = c'\n'
    return w + n + 2


cdef void reply_run(Out* o, const uint8_t* p, const uint8_t* end) noexcept nogil:
    cdef char* start = NULL
    cdef char* w = NULL
    cdef char* limit = NULL
    cdef Element e
    cdef uint32_t form
    while p < end:
        if limit - w < 64 + SLACK:
            if start != NULL:
                out_advance(o, w - start)
            start = w = out_room(o, 64 + SLACK)
            limit = o.tail.data + o.tail.capacity
        form = p[0]
        if form < 0x80:                          # an integer of seven bits
            w = _number(w, form)
            p += 2
        elif form < 0xc0:                        # a string below 64 bytes
            w = _short_text(w, p + 1, form & 63, end - p > WIDE)
            p += (form & 63) + 2
        else:
            e = listpack_get(p)
            p += element_size(p)
            if e.ptr == NULL:
                w = _number(w, e.number)
            else:
                out_advance(o, w - start)
                reply_bulk(o, e.ptr, e.len)
                start = w = limit = NULL
    if start != NULL:
        out_advance(o, w - start)
