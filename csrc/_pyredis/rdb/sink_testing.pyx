"""sink_testing -- a sink as a Python class, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport slice_of
from _pyredis.rdb.sink cimport (SINK_COMPRESS, SINK_CRC, Sink, sink_crc, sink_double, sink_finish, sink_framed,
                                sink_free, sink_integer, sink_length, sink_position, sink_string, sink_to_function,
                                sink_to_memory, sink_u16, sink_u64, sink_u64_big, sink_u8, sink_write)

cdef enum:
    LENT = 64


cdef bint _collect(void* arg, const char* p, size_t n) noexcept nogil:
    """Takes the bytes, until it has had as many calls as it may."""
    with gil:
        return (<BareSink>arg).collect(p[:n])


cdef class BareSink:
    """A Sink: into memory that starts with `lent` bytes (up to 64), or, with `buffer`, through a function that
    takes `calls` pieces (None: any number) and fails then."""
    cdef Arena* mem
    cdef Sink s
    cdef char[LENT] room
    cdef readonly list pieces
    cdef object calls

    def __cinit__(self, int lent=LENT, size_t buffer=0, calls=None, bint compress=False):
        cdef int options = SINK_CRC | (SINK_COMPRESS if compress else 0)
        self.mem = arena_new()
        self.pieces = []
        self.calls = calls
        if buffer:
            sink_to_function(&self.s, self.mem, _collect, <void*>self, buffer, options)
        else:
            sink_to_memory(&self.s, self.mem, self.room, lent, options)

    def __dealloc__(self):
        sink_free(&self.s)
        arena_free(self.mem)

    def collect(self, bytes piece):
        if self.calls is not None and len(self.pieces) >= self.calls:
            return False
        self.pieces.append(piece)
        return True

    def finish(self):
        """Did everything go out?"""
        return sink_finish(&self.s)

    @property
    def written(self):
        """The bytes: those in memory, or those that the function was given."""
        return b"".join(self.pieces) if self.s.flush != NULL else <bytes>self.s.data[:self.s.used]

    @property
    def position(self):
        return sink_position(&self.s)

    @property
    def crc(self):
        return sink_crc(&self.s)

    @property
    def held(self):
        """Bytes of the arena in use."""
        return self.mem.used

    def free(self):
        """Gives everything back; rules broken by the arena then, 0 for none."""
        sink_free(&self.s)
        return arena_check(self.mem)

    def write(self, bytes data):
        sink_write(&self.s, data, len(data))

    def u8(self, unsigned int v):
        sink_u8(&self.s, v)

    def u16(self, unsigned int v):
        sink_u16(&self.s, v)

    def u64(self, uint64_t v):
        sink_u64(&self.s, v)

    def u64_big(self, uint64_t v):
        sink_u64_big(&self.s, v)

    def double(self, double v):
        sink_double(&self.s, v)

    def length(self, uint64_t n):
        sink_length(&self.s, n)

    def string(self, bytes text):
        sink_string(&self.s, slice_of(text, len(text)))

    def integer(self, int64_t v):
        sink_integer(&self.s, v)

    def framed(self, bytes head, bytes body, bytes tail, size_t raw=0):
        sink_framed(&self.s, slice_of(head, len(head)), slice_of(body, len(body)), slice_of(tail, len(tail)), raw)
