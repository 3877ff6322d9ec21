"""propagate -- what commands did, as commands: one stream of RESP for the append-only file, and for replicas.

    effects of a command -> [ MULTI ] [ SELECT ] command or its rewrites [ EXEC ] -> data | used -> who takes them

A sink of the effects. What one drain propagates comes in one piece: SELECT only when the database is another than
that of the command before, MULTI and EXEC around it when dispatch says that it belongs together (Effects.atomic). A
command that came as it is to be repeated is copied word by word from the input; with aof-timestamp-enabled a line
`#TS:<unix seconds>` stands before the first command of a second, which readers of commands skip.

What is only for replicas (PUBLISH: Effects.to_replicas) is no change, and is left out here.

`offset` counts all bytes that were ever appended. A connection keeps the offset of its own last write, and so
knows what to wait for (WAITAOF).

Cost: for a SET of 16 bytes some 20 ns; one growing buffer, kept from round to round up to 1 MiB; nothing is
allocated for a command. While nobody takes the commands the sink is not there at all.
"""
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport memmove

from _pyredis.base.mem cimport mem_alloc, mem_free, mem_realloc
from _pyredis.base.num cimport num_format_i64, num_format_u64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport SINK_PROPAGATE, SINK_TEST, Ctx
from _pyredis.db.effects cimport Effects, Rewrite, effects_words

cdef extern from "bytes.h" nogil:
    void bytes_copy(char* to, const char* src, size_t n) noexcept

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)
    void fatal_oom(size_t n)

cdef enum:
    FIRST_ROOM = 64 << 10
    KEPT_ROOM = 1 << 20            # a buffer that has grown beyond is given back
    HEADER = 24                    # a sign, a number of up to 20 digits, CR LF
    ANNOTATION = 40


cdef Propagation* propagation_new(Server* s) noexcept nogil:
    cdef Propagation* p = <Propagation*>calloc(1, sizeof(Propagation))
    if p == NULL:
        fatal_oom(sizeof(Propagation))
    p.server = s
    p.mem = s.mem
    p.db = -1
    return p


cdef void _release(Propagation* p) noexcept nogil:
    if p.data != NULL:
        mem_free(p.mem, p.data, p.capacity)
    p.data = NULL
    p.used = p.capacity = 0


cdef void propagation_free(Server* s) noexcept nogil:
    _release(propagation_of(s))
    libc_free(s.propagation)
    s.propagation = NULL


cdef void propagation_start(Server* s) noexcept nogil:
    """The first command is preceded by a SELECT."""
    propagation_of(s).db = -1
    s.sinks[<int>SINK_PROPAGATE].arg = s.propagation
    s.sinks[<int>SINK_PROPAGATE].take = _take
    s.ks.fx.propagating = True


cdef void propagation_stop(Server* s) noexcept nogil:
    s.sinks[<int>SINK_PROPAGATE].take = NULL
    s.ks.fx.propagating = s.sinks[<int>SINK_TEST].take != NULL
    _release(propagation_of(s))


cdef void propagation_taken(Propagation* p, size_t n) noexcept nogil:
    p.used -= n
    if p.used:
        memmove(p.data, p.data + n, p.used)
    elif p.capacity > KEPT_ROOM:
        _release(p)


# ---------------------------------------------------------------- writing

cdef void _grow(Propagation* p, size_t n) noexcept nogil:
    cdef size_t capacity = p.capacity * 2 if p.capacity else FIRST_ROOM
    while capacity - p.used < n:
        capacity *= 2
    p.data = <char*>(mem_realloc(p.mem, p.data, p.capacity, capacity) if p.data != NULL
                     else mem_alloc(p.mem, capacity))
    p.capacity = capacity


cdef inline char* _header(char* at, char sign, size_t n) noexcept nogil:
    at[0] = sign
    if LIKELY(n < 10):
        at[1] = <char>(48 + n)
        at += 2
    elif n < 100:
        at[1] = <char>(48 + n // 10)
        at[2] = <char>(48 + n % 10)
        at += 3
    else:
        at += 1 + num_format_u64(n, at + 1)
    at[0] = c'\r'
    at[1] = c'\n'
    return at + 2


cdef void _append(Propagation* p, int argc, const Slice* argv) noexcept nogil:
    cdef size_t room = HEADER
    cdef char* at
    cdef int i
    for i in range(argc):
        room += argv[i].len + HEADER + 2
    if UNLIKELY(p.capacity - p.used < room):
        _grow(p, room)
    at = _header(p.data + p.used, c'*', argc)
    for i in range(argc):
        at = _header(at, c'$', argv[i].len)
        bytes_copy(at, argv[i].ptr, argv[i].len)
        at += argv[i].len
        at[0] = c'\r'
        at[1] = c'\n'
        at += 2
    p.used = at - p.data


cdef void _select(Propagation* p, int db) noexcept nogil:
    cdef Slice[2] words
    cdef char[64] digits
    words[0] = slice_of(b"SELECT", 6)
    words[1] = slice_of(digits, num_format_i64(db, digits))
    _append(p, 2, words)
    p.db = db


cdef inline void _command(Propagation* p, int db, int argc, const Slice* argv) noexcept nogil:
    if UNLIKELY(db != p.db):
        _select(p, db)
    _append(p, argc, argv)


cdef void _word(Propagation* p, const char* word, size_t n) noexcept nogil:
    """A command that is one word."""
    cdef Slice only = slice_of(word, n)
    _append(p, 1, &only)


cdef void _annotate(Propagation* p) noexcept nogil:
    """The time, once a second at most."""
    cdef int64_t second = p.server.ks.now_ms // 1000
    if second <= p.second:
        return
    p.second = second
    if p.capacity - p.used < ANNOTATION:
        _grow(p, ANNOTATION)
    p.used += snprintf(p.data + p.used, ANNOTATION, b"#TS:%lld\r\n", <long long>second)


# ---------------------------------------------------------------- the sink

cdef void _take(void* propagation, Effects* fx) noexcept nogil:
    cdef Propagation* p = <Propagation*>propagation
    cdef Ctx* c = p.server.command
    cdef bint own = c != NULL and fx.command_dirty != 0 and not fx.rewritten
    cdef size_t before = p.used, i
    cdef Rewrite* r
    if not own and fx.rewrite_count == 0:
        return
    if UNLIKELY(p.timestamps):
        _annotate(p)
    if fx.atomic:
        _word(p, b"MULTI", 5)
    for i in range(fx.rewrite_count):
        r = &fx.rewrites[i]
        _command(p, r.db, r.argc, effects_words(fx, r))
    if own:
        _command(p, c.db.id, c.argc, c.argv)
    if fx.atomic:
        _word(p, b"EXEC", 4)
    p.offset += p.used - before
    if c != NULL:
        c.conn.written = p.offset
