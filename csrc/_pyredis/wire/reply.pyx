"""reply -- replying is appending bytes to a connection's buffer, nothing else.

    Out: head -> | header | bytes sent | bytes to send | -> | header | bytes to send | <- tail

The buffer is a chain of blocks. The first is a 16 KiB block of the pool; when much is pending, blocks get
larger (up to 64 KiB, or a whole large string), so a slow reader costs neither copies of what is already
there nor many small writes. A block is given back when its last byte has gone.

A long string can be lent to the chain instead of copied (reply_bulk_lent): a block without bytes of its own.

The element count of a reply is often not known at its start (KEYS). reply_begin leaves a gap that fits
any header, reply_end writes the header and closes the gap by moving at most the rest of that one block.

The functions know the protocol: a map is a flat array in RESP2, a null is `$-1` or `_`, and so on. Formats:
the RESP2 and RESP3 specifications.

Cost: a short reply is one bounds check and one copy. The blocks belong to the Out.
"""
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memmove, memset, strlen

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport NUM_DOUBLE_MAX, num_format_double, num_format_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.wire.block cimport BLOCK, BlockPool, block_give, block_take

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef extern from "bytes.h" nogil:
    void bytes_copy(char* to, const char* src, size_t n)

cdef extern from "digits.h" nogil:
    const char* digits_pairs

cdef enum:
    HEADER_ROOM = 24               # a type byte, twenty digits, CR LF
    # Blocks grow up to this, unless one string needs more. Within a block the kernel's copy keeps its distance between
    # source and destination, and at some distances it is four times slower: in 1 MiB blocks a reply of 28 MB took
    # 17 ms or, once it had met such a one, 70 ms. Small blocks meet each of them for a moment.
    LARGEST_STEP = 1 << 16


cdef inline char* _bytes(OutBlock* b) noexcept nogil:
    return b.data


cdef void out_init(Out* o, BlockPool* pool) noexcept nogil:
    memset(o, 0, sizeof(Out))
    o.pool = pool
    o.proto = 2


cdef void _free_block(Out* o, OutBlock* b) noexcept nogil:
    cdef size_t size = b.capacity + sizeof(OutBlock)
    o.memory -= size
    if b.release != NULL:
        b.release(b.owner, b.held)
        mem_free(o.pool.mem, b, sizeof(OutBlock))
    elif size == BLOCK:
        block_give(o.pool, b)
    else:
        mem_free(o.pool.mem, b, size)


cdef void out_clear(Out* o) noexcept nogil:
    cdef OutBlock* next
    while o.head != NULL:
        next = o.head.next
        _free_block(o, o.head)
        o.head = next
    o.tail = NULL
    o.sent = 0
    o.pending = 0


cdef void out_truncate(Out* o, OutBlock* tail, size_t used, size_t pending) noexcept nogil:
    """Drops what was appended since (o.tail, o.tail.used, o.pending) were these; `tail` may be NULL."""
    cdef OutBlock* b
    cdef OutBlock* next
    if tail == NULL:
        out_clear(o)
        return
    b = tail.next
    while b != NULL:
        next = b.next
        _free_block(o, b)
        b = next
    tail.next = NULL
    tail.used = used
    o.tail = tail
    o.pending = pending


cdef OutBlock* _add_block(Out* o, size_t least) noexcept nogil:
    """A new tail with room for at least `least` bytes."""
    cdef size_t size = BLOCK
    cdef OutBlock* b
    while size < LARGEST_STEP and size < o.pending and o.tail.release == NULL:
        size *= 2
    if size < least + sizeof(OutBlock):
        size = least + sizeof(OutBlock)
    b = <OutBlock*>(block_take(o.pool) if size == BLOCK else mem_alloc(o.pool.mem, size))
    b.used = 0
    b.capacity = size - sizeof(OutBlock)
    b.data = <char*>b + sizeof(OutBlock)
    b.release = NULL
    _link(o, b)
    return b


cdef void _link(Out* o, OutBlock* b) noexcept nogil:
    b.next = NULL
    o.memory += b.capacity + sizeof(OutBlock)
    if o.tail == NULL:
        o.head = b
    else:
        o.tail.next = b
    o.tail = b


cdef inline char* _room(Out* o, size_t n) noexcept nogil:
    """Where the next n bytes go; the caller then calls out_advance."""
    cdef OutBlock* b = o.tail
    if b == NULL or b.capacity - b.used < n:
        b = _add_block(o, n)
    return _bytes(b) + b.used


cdef char* out_room(Out* o, size_t n) noexcept nogil:
    return _room(o, n)


cdef void out_append(Out* o, const char* p, size_t n) noexcept nogil:
    cdef size_t part
    if o.tail != NULL:
        part = o.tail.capacity - o.tail.used
        if part > n:
            part = n
        memcpy(_bytes(o.tail) + o.tail.used, p, part)
        out_advance(o, part)
        p += part
        n -= part
    if n:
        memcpy(_room(o, n), p, n)
        out_advance(o, n)


cdef void out_lend(Out* o, const char* p, size_t n, Release release, void* owner, void* held) noexcept nogil:
    """Appends n bytes where they stand: they must stay until release(owner, held) is called."""
    cdef OutBlock* b = <OutBlock*>mem_alloc(o.pool.mem, sizeof(OutBlock))
    b.data = <char*>p
    b.used = b.capacity = n                      # full: nothing is appended to it
    b.release = release
    b.owner = owner
    b.held = held
    _link(o, b)
    o.pending += n


cdef void out_join(Out* o, Out* other) noexcept nogil:
    """Appends what is pending in `other`, of which nothing was sent yet, and empties it. Lent bytes stay lent."""
    cdef OutBlock* b = other.head
    cdef OutBlock* next
    while b != NULL:
        next = b.next
        other.memory -= b.capacity + sizeof(OutBlock)
        if b.release != NULL or b.used > BLOCK // 2:
            _link(o, b)
            o.pending += b.used
        else:
            out_append(o, _bytes(b), b.used)
            other.memory += b.capacity + sizeof(OutBlock)
            _free_block(other, b)
        b = next
    other.head = other.tail = NULL
    other.pending = 0


cdef int out_views(const Out* o, Slice* views, int most) noexcept nogil:
    """Fills in the pieces to send, in order; how many. Valid until the next append or out_sent."""
    cdef OutBlock* b = o.head
    cdef size_t skip = o.sent
    cdef int n = 0
    while b != NULL and n < most:
        if b.used > skip:
            views[n] = slice_of(_bytes(b) + skip, b.used - skip)
            n += 1
        skip = 0
        b = b.next
    return n


cdef void out_sent(Out* o, size_t n) noexcept nogil:
    cdef OutBlock* next
    ENSURE(n <= o.pending)
    o.pending -= n
    n += o.sent
    while o.head != NULL and n >= o.head.used:
        n -= o.head.used
        next = o.head.next
        _free_block(o, o.head)
        o.head = next
    if o.head == NULL:
        o.tail = NULL
    o.sent = n


# ---------------------------------------------------------------- lines

cdef inline char* _end_line(char* p) noexcept nogil:
    p[0] = c'\r'
    p[1] = c'\n'
    return p + 2


cdef void _line(Out* o, char kind, int64_t v) noexcept nogil:
    cdef char* start = _room(o, HEADER_ROOM)
    cdef char* p = start
    p[0] = kind
    p += 1
    if 0 <= v <= 9:
        p[0] = <char>(c'0' + v)
        p += 1
    else:
        p += num_format_i64(v, p)
    p = _end_line(p)
    out_advance(o, p - start)


cdef void _literal(Out* o, const char* text, size_t n) noexcept nogil:
    memcpy(_room(o, n), text, n)
    out_advance(o, n)


cdef void reply_ok(Out* o) noexcept nogil:
    _literal(o, b"+OK\r\n", 5)


cdef void reply_queued(Out* o) noexcept nogil:
    _literal(o, b"+QUEUED\r\n", 9)


cdef void reply_simple(Out* o, const char* text) noexcept nogil:
    cdef size_t n = strlen(text)
    cdef char* p = _room(o, n + 3)
    p[0] = c'+'
    memcpy(p + 1, text, n)
    _end_line(p + 1 + n)
    out_advance(o, n + 3)


cdef void reply_error(Out* o, const char* text, size_t n) noexcept nogil:
    """An error line. A CR or LF in the text becomes a space, so nobody can forge a second reply."""
    cdef char* p = _room(o, n + 3)
    cdef size_t i
    p[0] = c'-'
    for i in range(n):
        p[1 + i] = c' ' if text[i] == c'\r' or text[i] == c'\n' else text[i]
    _end_line(p + 1 + n)
    out_advance(o, n + 3)


cdef void reply_int(Out* o, int64_t v) noexcept nogil:
    if UNLIKELY(o.catching) and o.pending == 0:
        o.caught = True
        o.integer = v
        return
    _line(o, c':', v)


# ---------------------------------------------------------------- strings

cdef void _blob(Out* o, char kind, const char* p, size_t n) noexcept nogil:
    cdef char* start
    cdef char* at
    if n > BLOCK // 2:
        _line(o, kind, <int64_t>n)
        out_append(o, p, n)
        _literal(o, b"\r\n", 2)
        return
    start = _room(o, n + HEADER_ROOM + 2)
    at = start + 1
    start[0] = kind
    if LIKELY(n < 100):
        memcpy(at, digits_pairs + 2 * n, 2)
        if n < 10:
            at[0] = at[1]
        else:
            at += 1
        at = _end_line(at + 1)
    else:
        at += num_format_i64(<int64_t>n, at)
        at = _end_line(at)
    bytes_copy(at, p, n)
    at = _end_line(at + n)
    out_advance(o, at - start)


cdef void reply_bulk(Out* o, const char* p, size_t n) noexcept nogil:
    _blob(o, c'$', p, n)


cdef void reply_bulk_lent(Out* o, const char* p, size_t n, Release release, void* owner, void* held) noexcept nogil:
    """A long bulk string that is not copied: its bytes must stay until release(owner, held) is called."""
    _line(o, c'$', <int64_t>n)
    out_lend(o, p, n, release, owner, held)
    _literal(o, b"\r\n", 2)


cdef void reply_text(Out* o, const char* text) noexcept nogil:
    _blob(o, c'$', text, strlen(text))


cdef void reply_bulk_int(Out* o, int64_t v) noexcept nogil:
    cdef char[24] digits
    _blob(o, c'$', digits, num_format_i64(v, digits))


cdef void reply_verbatim(Out* o, const char* format, const char* p, size_t n) noexcept nogil:
    """Text with a three-letter format, such as txt; a bulk string in RESP2."""
    if o.proto == 2:
        _blob(o, c'$', p, n)
        return
    _line(o, c'=', <int64_t>n + 4)
    _literal(o, format, 3)
    _literal(o, b":", 1)
    out_append(o, p, n)
    _literal(o, b"\r\n", 2)


# ---------------------------------------------------------------- scalars of RESP3

cdef void reply_null(Out* o) noexcept nogil:
    if o.proto == 2:
        _literal(o, b"$-1\r\n", 5)
    else:
        _literal(o, b"_\r\n", 3)


cdef void reply_null_array(Out* o) noexcept nogil:
    if o.proto == 2:
        _literal(o, b"*-1\r\n", 5)
    else:
        _literal(o, b"_\r\n", 3)


cdef void reply_bool(Out* o, bint v) noexcept nogil:
    if o.proto == 2:
        _line(o, c':', v)
    else:
        _literal(o, b"#t\r\n" if v else b"#f\r\n", 4)


cdef void reply_double(Out* o, double v) noexcept nogil:
    cdef char[NUM_DOUBLE_MAX + 4] text
    cdef int n
    text[0] = c','
    n = num_format_double(v, text + 1)
    if o.proto == 2:
        _blob(o, c'$', text + 1, n)
    else:
        _end_line(text + 1 + n)
        _literal(o, text, n + 3)


cdef void reply_big_number(Out* o, const char* digits, size_t n) noexcept nogil:
    if o.proto == 2:
        _blob(o, c'$', digits, n)
        return
    _literal(o, b"(", 1)
    out_append(o, digits, n)
    _literal(o, b"\r\n", 2)


# ---------------------------------------------------------------- aggregates

cdef char _kind(Out* o, char kind) noexcept nogil:
    return c'*' if o.proto == 2 else kind


cdef void reply_array(Out* o, size_t n) noexcept nogil:
    _line(o, c'*', <int64_t>n)


cdef void reply_map(Out* o, size_t pairs) noexcept nogil:
    _line(o, _kind(o, c'%'), <int64_t>(pairs * 2 if o.proto == 2 else pairs))


cdef void reply_set(Out* o, size_t n) noexcept nogil:
    _line(o, _kind(o, c'~'), <int64_t>n)


cdef void reply_push(Out* o, size_t n) noexcept nogil:
    _line(o, _kind(o, c'>'), <int64_t>n)


cdef void reply_attribute(Out* o, size_t pairs) noexcept nogil:
    _line(o, c'|', <int64_t>pairs)


cdef Deferred reply_begin(Out* o, char kind) noexcept nogil:
    cdef Deferred d
    _room(o, HEADER_ROOM)
    d.block = o.tail
    d.at = o.tail.used
    d.kind = kind
    out_advance(o, HEADER_ROOM)
    return d


cdef void reply_end(Out* o, Deferred d, size_t n) noexcept nogil:
    cdef char[HEADER_ROOM] header
    cdef char* gap = _bytes(d.block) + d.at
    cdef size_t size
    if d.kind == c'%' and o.proto == 2:
        n *= 2
    header[0] = _kind(o, d.kind)
    size = 1 + num_format_i64(<int64_t>n, header + 1)
    _end_line(header + size)
    size += 2
    memcpy(gap, header, size)
    memmove(gap + size, gap + HEADER_ROOM, d.block.used - d.at - HEADER_ROOM)
    d.block.used -= HEADER_ROOM - size
    o.pending -= HEADER_ROOM - size
