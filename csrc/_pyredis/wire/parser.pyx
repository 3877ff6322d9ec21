"""parser -- requests out of bytes, resumable at every byte.

    *2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n      a request as clients send it (RESP arrays of bulk strings)
    GET "my key"\\r\\n                       or inline, as people type it

The parser does no I/O and owns no input: it looks at a buffer, moves `start` past each request it has
read whole, and hands out arguments as slices of the buffer. Where the bytes end early it remembers how
far it came: arguments already read are kept as offsets from the request's start, so the buffer may move
or be compacted, and what has been taken is not read again, however small the pieces are.

Most requests are all there when they are looked at. Those are tried first, by a loop that keeps nothing (_whole): where
it finds anything unusual it has done nothing, and the careful way begins at the same byte.

An inline request's words may hold escapes; they are decoded into a block of their own (`line`), never in
place, so that a request can be read again when its connection is held up.

The limits and the refusals (texts, and what is let pass, such as any two bytes after an argument) are
those of Redis 8.0. Lengths are checked before they are believed: memory grows with bytes that came, never
with bytes that were announced.
"""
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free, mem_grown
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.text cimport text_next_word

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    FIRST_ARGS = 16
    UNAUTHENTICATED_ARGS = 10
    UNAUTHENTICATED_BULK = 16384


cdef Slice* args_add(Args* v, Arena* mem) noexcept nogil:
    """A new last element, for the caller to fill in."""
    if UNLIKELY(v.count == v.capacity):
        v.at = <Slice*>mem_grown(mem, v.at, &v.capacity, sizeof(Slice), FIRST_ARGS)
    v.count += 1
    return &v.at[v.count - 1]


cdef void args_free(Args* v, Arena* mem) noexcept nogil:
    if v.at != NULL:
        mem_free(mem, v.at, v.capacity * sizeof(Slice))
    memset(v, 0, sizeof(Args))


cdef void parser_init(Parser* p) noexcept nogil:
    memset(p, 0, sizeof(Parser))
    p.bulk = -1


cdef void parser_free(Parser* p, Arena* mem) noexcept nogil:
    args_free(&p.saved, mem)


cdef size_t parser_wants(const Parser* p) noexcept nogil:
    """How many bytes from `start` the argument under way needs, its CR LF included; 0 if unknown."""
    return p.at - p.start + <size_t>p.bulk + 2 if p.bulk >= 0 else 0


cdef int parser_error(const Parser* p, char* text, size_t room) noexcept nogil:
    """Writes the reply for PARSE_ERROR (with its code, without the '-'); its length."""
    if p.got:
        return snprintf(text, room, b"ERR Protocol error: expected '$', got '%c'", p.got)
    return snprintf(text, room, b"ERR Protocol error: %s", p.error)


cdef ParseResult _fail(Parser* p, const char* error) noexcept nogil:
    p.error = error
    return PARSE_ERROR


cdef int _header(Parser* p, const char* buffer, size_t n, int64_t* value) noexcept nogil:
    """Reads `<type><number>CR LF` at p.at: 1 read, 0 the bytes end, -1 no number."""
    cdef const char* s = buffer + p.at + 1
    cdef const char* end = buffer + n
    cdef int64_t v = 0
    cdef const char* digit = s
    # the common form, up to nine digits, without a search
    while digit < end and c'0' <= digit[0] <= c'9' and digit - s < 9:
        v = v * 10 + (digit[0] - c'0')
        digit += 1
    if digit > s and end - digit >= 2 and digit[0] == c'\r' and (s[0] != c'0' or digit - s == 1):
        value[0] = v
        p.at = digit + 2 - buffer
        return 1
    cdef const char* stop = <const char*>memchr(s, c'\r', end - s) if end > s else NULL
    if stop == NULL or end - stop < 2:
        return 0
    if not num_parse_i64(s, stop - s, value):
        return -1
    p.at = stop + 2 - buffer
    return 1


cdef ParseResult _inline(Parser* p, Arena* mem, const char* buffer, size_t n, const ParseLimits* limits,
                         Args* out) noexcept nogil:
    cdef const char* line = buffer + p.at
    cdef const char* stop = <const char*>memchr(line, c'\n', n - p.at)
    cdef size_t length, pos = 0, word, used = 0, first = out.count
    cdef Slice* arg
    cdef int got
    if stop == NULL:
        if <int64_t>(n - p.at) > limits.line:
            return _fail(p, b"too big inline request")
        return PARSE_MORE
    length = stop - line
    if length and line[length - 1] == c'\r':
        length -= 1
    p.line_size = length + 1
    p.line = <char*>mem_alloc(mem, p.line_size)
    while True:
        got = text_next_word(line, length, &pos, p.line + used, &word)
        if got != 1:
            break
        arg = args_add(out, mem)
        arg[0] = slice_of(p.line + used, word)
        used += word
    p.argc = <int>(out.count - first)
    if got == 0 and p.argc:
        p.at = stop + 1 - buffer
        p.start = p.at
        return PARSE_COMMAND
    mem_free(mem, p.line, p.line_size)
    p.line = NULL
    out.count = first
    if got < 0:
        return _fail(p, b"unbalanced quotes in request")
    p.at = stop + 1 - buffer
    p.start = p.at
    return PARSE_EMPTY


cdef ParseResult _count(Parser* p, const char* buffer, size_t n, const ParseLimits* limits) noexcept nogil:
    """Reads `*<count>`. PARSE_COMMAND here means: arguments follow."""
    cdef int64_t count
    cdef int got = _header(p, buffer, n, &count)
    if got == 0:
        if <int64_t>(n - p.at) > limits.line:
            return _fail(p, b"too big mbulk count string")
        return PARSE_MORE
    if got < 0 or count > 2147483647:
        return _fail(p, b"invalid multibulk length")
    if count > UNAUTHENTICATED_ARGS and limits.unauthenticated:
        return _fail(p, b"unauthenticated multibulk length")
    if count <= 0:
        p.start = p.at
        return PARSE_EMPTY
    p.args_left = count
    p.bulk = -1
    return PARSE_COMMAND


cdef ParseResult _bulk_header(Parser* p, const char* buffer, size_t n, const ParseLimits* limits) noexcept nogil:
    """Reads `$<length>` into p.bulk. PARSE_COMMAND here means: it did."""
    cdef int64_t length
    cdef int got
    if p.at >= n:
        return PARSE_MORE
    if buffer[p.at] != c'$':
        # Redis looks for the end of the line first, and complains only then
        if memchr(buffer + p.at, c'\r', n - p.at) == NULL:
            return _fail(p, b"too big bulk count string") if <int64_t>(n - p.at) > limits.line else PARSE_MORE
        p.got = buffer[p.at]
        return _fail(p, b"expected '$'")
    got = _header(p, buffer, n, &length)
    if got == 0:
        return _fail(p, b"too big bulk count string") if <int64_t>(n - p.at) > limits.line else PARSE_MORE
    if got < 0 or length < 0 or length > limits.bulk:
        return _fail(p, b"invalid bulk length")
    if length > UNAUTHENTICATED_BULK and limits.unauthenticated:
        return _fail(p, b"unauthenticated bulk length")
    p.bulk = length
    return PARSE_COMMAND


cdef void _keep(Parser* p, Arena* mem, Args* out, size_t first) noexcept nogil:
    """The request is not complete: its arguments so far move from the caller's vector to our own."""
    cdef size_t i
    for i in range(first, out.count):
        args_add(&p.saved, mem)[0] = out.at[i]
    out.count = first


cdef void _complete(Parser* p, Arena* mem, const char* buffer, Args* out, size_t first) noexcept nogil:
    """Offsets become pointers; arguments of earlier pieces come first."""
    cdef size_t i
    cdef const char* base = buffer + p.start
    if p.saved.count:
        for i in range(p.saved.count):
            args_add(out, mem)[0] = p.saved.at[i]
        args_free(&p.saved, mem)
    for i in range(first, out.count):
        out.at[i].ptr = base + <size_t>out.at[i].ptr
    p.argc = <int>(out.count - first)
    p.start = p.at


cdef inline const char* _digits(const char* s, const char* end, size_t* value) noexcept nogil:
    """The number at s, of up to seven digits without a needless zero; behind its CR LF. NULL: it is something else, or
    what must follow is not there yet."""
    cdef unsigned int v, digit
    if end - s < 5:
        return NULL
    v = <unsigned int><unsigned char>s[0] - <unsigned int>c'0'
    if v > 9:
        return NULL
    s += 1
    if s[0] != c'\r':
        if v == 0:
            return NULL
        while s < end and s[0] != c'\r':
            digit = <unsigned int><unsigned char>s[0] - <unsigned int>c'0'
            if digit > 9 or v > 999999:
                return NULL
            v = v * 10 + digit
            s += 1
        if end - s < 2:
            return NULL
    value[0] = v
    return s + 2


cdef bint _whole(Parser* p, const char* buffer, size_t n, const ParseLimits* limits, Args* out) noexcept nogil:
    """The usual case: a request that is all there. False: nothing was read, the careful way is to look at it."""
    cdef const char* s = buffer + p.at
    cdef const char* end = buffer + n
    cdef size_t count, length, i
    cdef Slice* arg
    if end - s < 1 or s[0] != c'*' or limits.unauthenticated:
        return False
    s = _digits(s + 1, end, &count)
    if s == NULL or count == 0 or out.capacity - out.count < count:
        return False
    arg = out.at + out.count
    for i in range(count):
        if s >= end or s[0] != c'$':
            return False
        s = _digits(s + 1, end, &length)
        if s == NULL or <int64_t>length > limits.bulk or end - s < <int64_t>length + 2:
            return False
        arg[0] = slice_of(s, length)
        arg += 1
        s += length + 2
    out.count += count
    p.argc = <int>count
    p.at = p.start = s - buffer
    return True


cdef ParseResult parser_next(Parser* p, Arena* mem, const char* buffer, size_t n, const ParseLimits* limits,
                             Args* out) noexcept nogil:
    """Reads the next request from buffer[p.at:n], appending its arguments to `out`.

    On PARSE_COMMAND `p.argc` of them were appended; they point into the buffer, or, for an inline request,
    into `p.line`, which the caller then owns (mem_free of p.line_size bytes) and sets to NULL.
    """
    cdef size_t first = out.count
    cdef ParseResult got
    cdef Args* into
    cdef Slice* arg
    if p.args_left == 0:
        if LIKELY(_whole(p, buffer, n, limits, out)):
            return PARSE_COMMAND
        if p.at >= n:
            return PARSE_MORE
        if buffer[p.at] != c'*':
            return _inline(p, mem, buffer, n, limits, out)
        got = _count(p, buffer, n, limits)
        if got != PARSE_COMMAND:
            return got
    into = &p.saved if p.saved.count else out
    while p.args_left:
        if p.bulk < 0:
            got = _bulk_header(p, buffer, n, limits)
            if got != PARSE_COMMAND:
                break
        if <int64_t>(n - p.at) < p.bulk + 2:
            got = PARSE_MORE
            break
        arg = args_add(into, mem)
        arg[0] = slice_of(<const char*>(p.at - p.start), <size_t>p.bulk)
        p.at += <size_t>p.bulk + 2
        p.bulk = -1
        p.args_left -= 1
    else:
        _complete(p, mem, buffer, out, first)
        return PARSE_COMMAND
    if into == out:
        _keep(p, mem, out, first)
    return got
