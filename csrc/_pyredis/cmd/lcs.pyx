"""lcs -- LCS: the longest subsequence that two strings share.

The textbook's table: length(i, j), of the first i bytes of a and the first j of b, is length(i-1, j-1) + 1
where the bytes agree, and else the larger of length(i-1, j) and length(i, j-1). Walking back from the end
collects the subsequence. O(|a| |b|) steps.

Only one row of lengths is kept. The walk needs no lengths: where bytes agree it takes the diagonal, and else
one bit a cell says which neighbour was the larger (on a tie it stays in row i: several subsequences may be
longest, and this finds the one that Redis finds). So |a| |b| / 8 bytes do, where the table takes four bytes a
cell; with LEN none at all. A request is refused as if the table were made, since Redis refuses it too.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport (ERR_LCS_BOTH, ERR_LCS_MEMORY, ERR_LCS_STRINGS, ERR_SYNTAX, OK, Status)
from _pyredis.cmd.ctx cimport arg_i64, arg_is, key_at, lookup_read
from _pyredis.db.string_type cimport STRING_DIGITS, string_view
from _pyredis.db.value cimport Entry, T_STRING, entry_type
from _pyredis.wire.reply cimport (Deferred, Out, reply_array, reply_begin, reply_bulk, reply_end, reply_int,
                                  reply_map, reply_text)

cdef enum:
    CELL = 4                       # bytes a cell of Redis's table, which decide what is refused

cdef struct Lcs:
    Slice a
    Slice b
    uint32_t* row                  # lengths of the row under way; b.len + 1 of them
    uint8_t* above                 # bit j of row i: length(i-1, j) > length(i, j-1); or NULL
    size_t stride                  # bytes of a row of `above`
    uint32_t length                # of the longest

cdef struct LcsOptions:
    bint only_length
    bint ranges
    bint with_lengths
    int64_t shortest


cdef Status _options(Ctx* c, LcsOptions* o) noexcept nogil:
    cdef int i = 3
    cdef Status st
    o.only_length = o.ranges = o.with_lengths = False
    o.shortest = 0
    while i < c.argc:
        if arg_is(c, i, b"IDX", 3):
            o.ranges = True
        elif arg_is(c, i, b"LEN", 3):
            o.only_length = True
        elif arg_is(c, i, b"WITHMATCHLEN", 12):
            o.with_lengths = True
        elif arg_is(c, i, b"MINMATCHLEN", 11) and i + 1 < c.argc:
            i += 1
            st = arg_i64(c, i, &o.shortest)
            if st != OK:
                return st
        else:
            return ERR_SYNTAX
        i += 1
    return ERR_LCS_BOTH if o.ranges and o.only_length else OK


cdef void _fill(Lcs* s) noexcept nogil:
    """Computes `length`, and `above` if it is there."""
    cdef size_t i, j
    cdef uint32_t diagonal, up
    cdef uint8_t* bits = NULL
    for i in range(1, s.a.len + 1):
        diagonal = 0
        if s.above != NULL:
            bits = s.above + i * s.stride
        for j in range(1, s.b.len + 1):
            up = s.row[j]
            if s.a.ptr[i - 1] == s.b.ptr[j - 1]:
                s.row[j] = diagonal + 1
            elif up > s.row[j - 1]:
                if bits != NULL:
                    bits[j >> 3] |= <uint8_t>(1 << (j & 7))
            else:
                s.row[j] = s.row[j - 1]
            diagonal = up
    s.length = s.row[s.b.len]


cdef bint _walk(const Lcs* s, size_t* i, size_t* j) noexcept nogil:
    """One step back from (i, j); did it take a byte that both have?"""
    if s.a.ptr[i[0] - 1] == s.b.ptr[j[0] - 1]:
        i[0] -= 1
        j[0] -= 1
        return True
    if s.above[i[0] * s.stride + (j[0] >> 3)] >> (j[0] & 7) & 1:
        i[0] -= 1
    else:
        j[0] -= 1
    return False


cdef Status _reply_subsequence(Out* o, const Lcs* s) noexcept nogil:
    cdef size_t i = s.a.len, j = s.b.len, n = s.length
    cdef char* text = <char*>calloc(n + 1, 1)
    if text == NULL:
        return ERR_LCS_MEMORY
    while n:
        if _walk(s, &i, &j):
            n -= 1
            text[n] = s.a.ptr[i]
    reply_bulk(o, text, s.length)
    free(text)
    return OK


cdef void _reply_range(Out* o, size_t start, size_t n) noexcept nogil:
    reply_array(o, 2)
    reply_int(o, <int64_t>start)
    reply_int(o, <int64_t>(start + n - 1))


cdef bint _reply_match(Out* o, size_t i, size_t j, size_t n, const LcsOptions* options) noexcept nogil:
    """A run of n shared bytes from (i, j) on; false if it is too short to be shown."""
    if n == 0 or (options.shortest > 0 and n < <uint64_t>options.shortest):
        return False
    reply_array(o, 3 if options.with_lengths else 2)
    _reply_range(o, i, n)
    _reply_range(o, j, n)
    if options.with_lengths:
        reply_int(o, <int64_t>n)
    return True


cdef void _reply_ranges(Out* o, const Lcs* s, const LcsOptions* options) noexcept nogil:
    """The runs, from the last to the first."""
    cdef size_t i = s.a.len, j = s.b.len, run = 0, shown = 0, at_i, at_j
    cdef Deferred matches
    reply_map(o, 2)
    reply_text(o, b"matches")
    matches = reply_begin(o, c'*')
    while i and j:
        at_i = i
        at_j = j
        if _walk(s, &i, &j):
            run += 1
        else:
            shown += _reply_match(o, at_i, at_j, run, options)
            run = 0
    shown += _reply_match(o, i, j, run, options)
    reply_end(o, matches, shown)
    reply_text(o, b"len")
    reply_int(o, s.length)


cdef Status _run(Ctx* c, Lcs* s, const LcsOptions* options) noexcept nogil:
    cdef Status st = OK
    s.stride = (s.b.len >> 3) + 1
    s.above = NULL
    s.row = <uint32_t*>calloc(s.b.len + 1, sizeof(uint32_t))
    if not options.only_length:
        s.above = <uint8_t*>calloc(s.a.len + 1, s.stride)
    if s.row == NULL or (s.above == NULL and not options.only_length):
        st = ERR_LCS_MEMORY
    else:
        _fill(s)
        if options.only_length:
            reply_int(c.out, s.length)
        elif options.ranges:
            _reply_ranges(c.out, s, options)
        else:
            st = _reply_subsequence(c.out, s)
    free(s.row)
    free(s.above)
    return st


cdef Status cmd_lcs(Ctx* c) noexcept nogil:
    """LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]
    -> the subsequence; with LEN its length; with IDX where it lies in both, from the end, and its length."""
    cdef Entry* a = lookup_read(c, key_at(c, 1))
    cdef Entry* b = lookup_read(c, key_at(c, 2))
    cdef char[STRING_DIGITS] digits_a
    cdef char[STRING_DIGITS] digits_b
    cdef LcsOptions options
    cdef Lcs s
    cdef Status st
    if (a != NULL and entry_type(a) != T_STRING) or (b != NULL and entry_type(b) != T_STRING):
        return ERR_LCS_STRINGS
    st = _options(c, &options)
    if st != OK:
        return st
    s.a = string_view(a, digits_a) if a != NULL else slice_of(b"", 0)
    s.b = string_view(b, digits_b) if b != NULL else slice_of(b"", 0)
    if s.a.len + 1 > <uint64_t>c.server.limits.bulk // CELL // (s.b.len + 1):
        return ERR_LCS_MEMORY
    return _run(c, &s, &options)
