"""testing -- the parser, the reply buffer and the block pool as Python classes, for tests and bench only.

Each object has an arena of its own, so that `memory` tells what it holds, and what it has lost.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new, mem_free
from _pyredis.base.slice cimport Slice
from _pyredis.wire.block cimport BLOCK, BlockPool, block_give, block_pool_free, block_pool_init, block_take
from _pyredis.wire.parser cimport (PARSE_COMMAND, PARSE_ERROR, PARSE_MORE, Args, ParseLimits, Parser,
                                   ParseResult, args_free, parser_error, parser_free, parser_init, parser_next,
                                   parser_wants)
from _pyredis.wire.reply cimport (Deferred, Out, OutBlock, out_append, out_clear, out_init, out_sent, out_truncate,
                                  out_views, reply_array, reply_attribute, reply_begin, reply_big_number, reply_bool,
                                  reply_bulk, reply_bulk_int, reply_double, reply_end, reply_error, reply_int,
                                  reply_map, reply_null, reply_null_array, reply_ok, reply_push, reply_set,
                                  reply_simple, reply_text, reply_verbatim)

BLOCK_SIZE = <int>BLOCK

cdef enum:
    VIEWS = 64


cdef class Parsing:
    """A parser and the input it has not consumed."""
    cdef Arena* mem
    cdef Parser parser
    cdef ParseLimits limits
    cdef Args args
    cdef bytes buffer
    cdef readonly object error

    def __cinit__(self, *, bulk=512 << 20, line=64 << 10, bint unauthenticated=False):
        self.mem = arena_new()
        parser_init(&self.parser)
        memset(&self.args, 0, sizeof(Args))
        self.limits.bulk = bulk
        self.limits.line = line
        self.limits.unauthenticated = unauthenticated
        self.buffer = b""

    def __dealloc__(self):
        self.close()
        arena_free(self.mem)

    def close(self):
        """Gives back all memory."""
        parser_free(&self.parser, self.mem)
        args_free(&self.args, self.mem)

    @property
    def memory(self):
        return self.mem.used

    @property
    def wants(self):
        return parser_wants(&self.parser)

    @property
    def pending(self):
        """Bytes of the request under way."""
        return len(self.buffer)

    def feed(self, bytes data):
        """More input: the requests it completes, each a list of arguments. `error` is then None, or the text.

        The input lies in a block of exactly its size, so that a sanitizer sees a byte read beyond its end.
        """
        cdef size_t i, size
        cdef ParseResult got
        cdef char[256] text
        cdef list found = []
        cdef char* copy
        self.buffer += data
        size = len(self.buffer)
        copy = <char*>malloc(size if size else 1)
        memcpy(copy, PyBytes_AS_STRING(self.buffer), size)
        while self.error is None:
            self.args.count = 0
            got = parser_next(&self.parser, self.mem, copy, size, &self.limits, &self.args)
            if got == PARSE_MORE:
                break
            if got == PARSE_ERROR:
                self.error = text[:parser_error(&self.parser, text, sizeof(text))]
            elif got == PARSE_COMMAND:
                found.append([PyBytes_FromStringAndSize(self.args.at[i].ptr, self.args.at[i].len)
                              for i in range(self.args.count)])
                if self.parser.line != NULL:
                    mem_free(self.mem, self.parser.line, self.parser.line_size)
                    self.parser.line = NULL
        self.buffer = self.buffer[self.parser.start:]
        self.parser.at -= self.parser.start
        self.parser.start = 0
        free(copy)
        return found

    def check(self):
        return arena_check(self.mem)


cdef class Mark:
    """A place in a Reply: for truncate, or the header that begin has left open."""
    cdef OutBlock* tail
    cdef size_t used
    cdef size_t pending
    cdef Deferred deferred


cdef class Reply:
    """A reply buffer. Methods append; take sends."""
    cdef Arena* mem
    cdef BlockPool pool
    cdef Out out

    def __cinit__(self, int proto=2, int keep=4):
        self.mem = arena_new()
        block_pool_init(&self.pool, self.mem, keep)
        out_init(&self.out, &self.pool)
        self.out.proto = proto

    def __dealloc__(self):
        out_clear(&self.out)
        block_pool_free(&self.pool)
        arena_free(self.mem)

    @property
    def pending(self):
        return self.out.pending

    @property
    def memory(self):
        """Bytes of the blocks in use."""
        return self.out.memory

    @property
    def arena(self):
        """Bytes taken from the arena, idle blocks included."""
        return self.mem.used

    @property
    def idle_blocks(self):
        return self.pool.count

    @property
    def blocks(self):
        cdef OutBlock* b = self.out.head
        cdef int n = 0
        while b != NULL:
            n += 1
            b = b.next
        return n

    def take(self, most=None, int views=1):
        """Sends at most so many bytes of at most so many pieces; the bytes."""
        cdef Slice[VIEWS] pieces
        cdef int i, n = out_views(&self.out, pieces, views if views < VIEWS else VIEWS)
        cdef bytes data = b"".join([PyBytes_FromStringAndSize(pieces[i].ptr, pieces[i].len) for i in range(n)])
        data = data[:most]
        out_sent(&self.out, len(data))
        return data

    def take_all(self):
        cdef list parts = []
        while self.out.pending:
            parts.append(self.take(None, VIEWS))
        return b"".join(parts)

    def clear(self):
        out_clear(&self.out)

    def mark(self):
        cdef Mark m = Mark()
        m.tail = self.out.tail
        m.used = m.tail.used if m.tail != NULL else 0
        m.pending = self.out.pending
        return m

    def truncate(self, Mark m):
        out_truncate(&self.out, m.tail, m.used, m.pending)

    def begin(self, bytes kind):
        cdef Mark m = Mark()
        m.deferred = reply_begin(&self.out, PyBytes_AS_STRING(kind)[0])
        return m

    def end(self, Mark m, size_t n):
        reply_end(&self.out, m.deferred, n)

    def append(self, bytes data):
        out_append(&self.out, data, len(data))

    def ok(self):
        reply_ok(&self.out)

    def simple(self, bytes text):
        reply_simple(&self.out, text)

    def error(self, bytes text):
        reply_error(&self.out, text, len(text))

    def integer(self, v):
        reply_int(&self.out, v)

    def bulk(self, bytes data):
        reply_bulk(&self.out, data, len(data))

    def text(self, bytes data):
        reply_text(&self.out, data)

    def bulk_int(self, v):
        reply_bulk_int(&self.out, v)

    def null(self):
        reply_null(&self.out)

    def null_array(self):
        reply_null_array(&self.out)

    def array(self, size_t n):
        reply_array(&self.out, n)

    def map(self, size_t pairs):
        reply_map(&self.out, pairs)

    def set(self, size_t n):
        reply_set(&self.out, n)

    def push(self, size_t n):
        reply_push(&self.out, n)

    def attribute(self, size_t pairs):
        reply_attribute(&self.out, pairs)

    def boolean(self, bint v):
        reply_bool(&self.out, v)

    def double(self, double v):
        reply_double(&self.out, v)

    def big_number(self, bytes digits):
        reply_big_number(&self.out, digits, len(digits))

    def verbatim(self, bytes format, bytes text):
        reply_verbatim(&self.out, format, text, len(text))


cdef class Pool:
    """A pool of blocks; blocks are numbers here."""
    cdef Arena* mem
    cdef BlockPool pool

    def __cinit__(self, size_t keep):
        self.mem = arena_new()
        block_pool_init(&self.pool, self.mem, keep)

    def __dealloc__(self):
        block_pool_free(&self.pool)
        arena_free(self.mem)

    def take(self):
        return <size_t>block_take(&self.pool)

    def give(self, size_t block):
        block_give(&self.pool, <void*>block)

    @property
    def idle(self):
        return self.pool.count

    @property
    def memory(self):
        return self.mem.used
