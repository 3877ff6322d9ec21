"""set_options -- the words after SET, GETEX and MSETEX, read once, before anything is changed.

Words come in any order and case. Two words of one kind (a condition, a way to set the expiry) exclude each
other, but a word may stand twice, and its last number counts, as in Redis; only IFEQ may not. Reading is in
two steps because Redis judges the number after the syntax (`EX abc foo` is a syntax error), and GETEX even
after it has looked at the key.
"""
from libc.stdint cimport INT64_MAX, int64_t

from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport ERR_INVALID_EXPIRE, ERR_NOT_INTEGER, ERR_SYNTAX, OK, Status
from _pyredis.base.text cimport text_equal_nocase


cdef inline bint _is(Slice s, const char* word, size_t n) noexcept nogil:
    return s.len == n and text_equal_nocase(s.ptr, n, word, n)


cdef int _option(Slice s) noexcept nogil:
    """The bit of the word, or 0."""
    if s.len == 2:
        if _is(s, b"EX", 2): return SET_EX
        if _is(s, b"PX", 2): return SET_PX
        if _is(s, b"NX", 2): return SET_NX
        return SET_XX if _is(s, b"XX", 2) else 0
    if s.len == 4:
        if _is(s, b"EXAT", 4): return SET_EXAT
        if _is(s, b"PXAT", 4): return SET_PXAT
        return SET_IFEQ if _is(s, b"IFEQ", 4) else 0
    if s.len == 7:
        if _is(s, b"KEEPTTL", 7): return SET_KEEPTTL
        return SET_PERSIST if _is(s, b"PERSIST", 7) else 0
    return SET_GET if _is(s, b"GET", 3) else 0


cdef int _rivals(int option) noexcept nogil:
    """The options that may not stand beside this one."""
    if option == SET_IFEQ: return SET_CONDITION
    if option & SET_CONDITION: return SET_CONDITION & ~option
    return SET_LIFE & ~option if option & SET_LIFE else 0


cdef Status set_options_parse(Ctx* c, int first, int allowed, SetOptions* o) noexcept nogil:
    """Reads argv[first] to the end; `allowed`: the bits this command knows."""
    cdef int i = first, option
    o.given = 0
    o.time_at = 0
    o.match_at = 0
    while i < c.argc:
        option = _option(c.argv[i])
        if not option & allowed or o.given & _rivals(option):
            return ERR_SYNTAX
        if option & (SET_TIME | SET_IFEQ):
            i += 1
            if i == c.argc:
                return ERR_SYNTAX
            if option == SET_IFEQ:
                o.match_at = i
            else:
                o.time_at = i
        o.given |= option
        i += 1
    return OK


cdef Status set_options_expiry(Ctx* c, const SetOptions* o, int64_t* at_ms) noexcept nogil:
    """The end of life in Unix ms, -1 if no time was given. It may lie in the past."""
    if not o.given & SET_TIME:
        at_ms[0] = -1
        return OK
    return expiry_from(c, o.time_at, o.given & SET_TIME, at_ms)


cdef Status expiry_from(Ctx* c, int i, int unit, int64_t* at_ms) noexcept nogil:
    """argv[i], positive, in the `unit` SET_EX, SET_PX, SET_EXAT or SET_PXAT, as Unix ms."""
    cdef int64_t v
    if not num_parse_i64(c.argv[i].ptr, c.argv[i].len, &v):
        return ERR_NOT_INTEGER
    if v <= 0:
        return ERR_INVALID_EXPIRE
    if unit & (SET_EX | SET_EXAT):
        if v > INT64_MAX // 1000:
            return ERR_INVALID_EXPIRE
        v *= 1000
    if unit & (SET_EX | SET_PX):
        if v > INT64_MAX - c.ks.now_ms:
            return ERR_INVALID_EXPIRE
        v += c.ks.now_ms
    at_ms[0] = v
    return OK
