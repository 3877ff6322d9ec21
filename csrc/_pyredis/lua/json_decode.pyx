"""json_decode -- JSON as a Lua value, as cjson reads it.

A scanner of one token, and a function for each of the two brackets. The text is a string of Lua, so a NUL ends it:
every look-ahead stops there, and so does the reader, which takes what stands behind a NUL for no part of the text. An
error names the token that was expected, the one that was found, and where, from 1.

What is more than JSON: while decode_invalid_numbers is on, as it is at first, a number is whatever strtod takes
(hexadecimal, nan, inf, leading zeros, a plus); control characters in strings; bytes that are no UTF-8. null is
cjson.null, so that an array keeps its length. \\u of half a pair is refused.

Strings without escapes are made from the text itself, others in a scratch buffer that is at once as large as the rest
of the text, for an escape is never shorter than what it means.

Depth: a level takes one place on the stack (an array) or two (an object and the key). The text itself is kept as an
upvalue meanwhile, so that the deepest nesting is that of cjson: decode_max_depth, or as much as 8,000 places take.
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport strtod
from libc.string cimport strncmp

from _pyredis.lua.api cimport LuaApi, lua_api, lua_upvalue
from _pyredis.lua.json_settings cimport INPUT_UPVALUE, SETTINGS_UPVALUE, JsonSettings
from _pyredis.lua.scratch cimport Scratch, scratch_byte, scratch_bytes, scratch_close, scratch_open, scratch_reserve

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char* a, const char* b, size_t n)

cdef enum:
    NO_CODE = 0x7fffffff         # what is no code unit: a broken \u

cdef enum Token:
    T_OBJ_BEGIN
    T_OBJ_END
    T_ARR_BEGIN
    T_ARR_END
    T_COLON
    T_COMMA
    T_STRING
    T_NUMBER
    T_TRUE
    T_FALSE
    T_NULL
    T_END
    T_ERROR

cdef struct Decoder:
    const LuaApi* api
    lua_State* L
    const JsonSettings* settings
    Scratch unescaped
    const char* text
    const char* end              # a NUL stands here; one may stand before
    const char* p                # behind the token
    int depth
    # the token
    Token token
    const char* at
    double number                # T_NUMBER
    const char* string           # T_STRING, or what is wrong: T_ERROR
    size_t length


cdef const char* _name(Decoder* d) noexcept nogil:
    """What an error calls the token."""
    if d.token == T_OBJ_BEGIN:
        return b"T_OBJ_BEGIN"
    if d.token == T_OBJ_END:
        return b"T_OBJ_END"
    if d.token == T_ARR_BEGIN:
        return b"T_ARR_BEGIN"
    if d.token == T_ARR_END:
        return b"T_ARR_END"
    if d.token == T_COLON:
        return b"T_COLON"
    if d.token == T_COMMA:
        return b"T_COMMA"
    if d.token == T_STRING:
        return b"T_STRING"
    if d.token == T_NUMBER:
        return b"T_NUMBER"
    if d.token == T_TRUE or d.token == T_FALSE:
        return b"T_BOOLEAN"
    if d.token == T_NULL:
        return b"T_NULL"
    if d.token == T_END:
        return b"T_END"
    return d.string


cdef void _forget_input(Decoder* d) noexcept nogil:
    d.api.pushnil(d.L)
    d.api.replace(d.L, lua_upvalue(INPUT_UPVALUE))


cdef void _fail(Decoder* d, const char* expected) noexcept nogil:
    """Raises: another token should stand here."""
    cdef int where = <int>(d.at - d.text) + 1
    _forget_input(d)
    d.api.aux_error(d.L, b"Expected %s but found %s at character %d", expected, _name(d), where)


cdef void _take(Decoder* d, Token token, const char* end) noexcept nogil:
    d.token = token
    d.p = end


cdef void _broken(Decoder* d, const char* at, const char* why) noexcept nogil:
    """The token is none, because of what stands at `at`."""
    d.token = T_ERROR
    d.at = at
    d.string = why


# numbers

cdef bint _is_digit(char c) noexcept nogil:
    return c'0' <= c <= c'9'


cdef bint _is_invalid(const char* p) noexcept nogil:
    """May decode_invalid_numbers refuse this: leading zeros, hexadecimal, NaN, infinity? It begins as a number does."""
    if p[0] == c'-':
        p += 1
    if p[0] == c'0':
        return _is_digit(p[1]) or (p[1] | 0x20) == c'x'
    return not strncasecmp(p, b"inf", 3) or not strncasecmp(p, b"nan", 3)


cdef bint _scan_short(Decoder* d, const char* p) noexcept nogil:
    """An integer of at most 15 digits; false if it is not one."""
    cdef bint negative = p[0] == c'-'
    cdef const char* first
    cdef uint32_t taken
    cdef double v = 0
    p += negative
    first = p
    while _is_digit(p[0]) and p - first < 16:
        v = v * 10 + (p[0] - c'0')
        p += 1
    taken = <uint32_t>(p - first)
    if taken == 0 or taken > 15 or p[0] == c'.' or (p[0] | 0x20) == c'e' or (p[0] | 0x20) == c'x':
        return False
    d.number = -v if negative else v
    _take(d, T_NUMBER, p)
    return True


cdef void _scan_number(Decoder* d, const char* p) noexcept nogil:
    cdef char* end
    if not d.settings.decode_invalid and _is_invalid(p):
        _broken(d, p, b"invalid number")
        return
    if _scan_short(d, p):
        return
    d.number = strtod(p, &end)
    if end == p:
        _broken(d, p, b"invalid number")
    else:
        _take(d, T_NUMBER, end)


# strings

cdef uint32_t _hex4(const char* p) noexcept nogil:
    """The number of four hexadecimal digits, or NO_CODE. Reads nothing behind the first that is none."""
    cdef uint32_t v = 0
    cdef int i
    cdef char c
    for i in range(4):
        c = p[i]
        if _is_digit(c):
            v = v << 4 | <uint32_t>(c - c'0')
        elif c'a' <= (c | 0x20) <= c'f':
            v = v << 4 | <uint32_t>((c | 0x20) - c'a' + 10)
        else:
            return NO_CODE
    return v


cdef void _write_utf8(Scratch* s, uint32_t code) noexcept nogil:
    if code < 0x80:
        scratch_byte(s, <char>code)
        return
    if code < 0x800:
        scratch_byte(s, <char>(0xc0 | code >> 6))
    else:
        if code < 0x10000:
            scratch_byte(s, <char>(0xe0 | code >> 12))
        else:
            scratch_byte(s, <char>(0xf0 | code >> 18))
            scratch_byte(s, <char>(0x80 | (code >> 12 & 0x3f)))
        scratch_byte(s, <char>(0x80 | (code >> 6 & 0x3f)))
    scratch_byte(s, <char>(0x80 | (code & 0x3f)))


cdef const char* _scan_unicode(Decoder* d, const char* p) noexcept nogil:
    """A \\u, or the two of a pair, at `p`: where it ends, or NULL if it is broken."""
    cdef uint32_t code = _hex4(p + 2), low
    if code == NO_CODE:
        return NULL
    p += 6
    if 0xd800 <= code < 0xe000:
        if code >= 0xdc00 or p[0] != c'\\' or p[1] != c'u':
            return NULL
        low = _hex4(p + 2)
        if not 0xdc00 <= low < 0xe000:
            return NULL
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        p += 6
    _write_utf8(&d.unescaped, code)
    return p


cdef char _plain_escape(char c) noexcept nogil:
    """What a backslash and `c` mean; 0 if nothing."""
    if c == c'n':
        return c'\n'
    if c == c't':
        return c'\t'
    if c == c'r':
        return c'\r'
    if c == c'b':
        return c'\b'
    if c == c'f':
        return c'\f'
    return c if c == c'"' or c == c'\\' or c == c'/' else 0


cdef const char* _scan_escape(Decoder* d, const char* p) noexcept nogil:
    """The escape at `p`: where it ends, or NULL after saying what is wrong."""
    cdef const char* end
    cdef char c
    if p[1] == c'u':
        end = _scan_unicode(d, p)
        if end == NULL:
            _broken(d, p, b"invalid unicode escape code")
        return end
    c = _plain_escape(p[1])
    if not c:
        _broken(d, p, b"invalid escape code")
        return NULL
    scratch_byte(&d.unescaped, c)
    return p + 2


cdef const char* _plain_end(const char* p) noexcept nogil:
    while p[0] != c'"' and p[0] != c'\\' and p[0]:
        p += 1
    return p


cdef void _scan_string(Decoder* d, const char* p) noexcept nogil:
    """The string whose first byte, behind the quote, is at `p`."""
    cdef const char* start = p
    p = _plain_end(p)
    if p[0] == c'"':
        d.string = start
        d.length = <size_t>(p - start)
        _take(d, T_STRING, p + 1)
        return
    d.unescaped.length = 0
    if p[0]:
        scratch_reserve(&d.unescaped, <size_t>(d.end - start))
    while p[0] == c'\\':
        scratch_bytes(&d.unescaped, start, <size_t>(p - start))
        start = _scan_escape(d, p)
        if start == NULL:
            return
        p = _plain_end(start)
    if not p[0]:
        _broken(d, p, b"unexpected end of string")
        return
    scratch_bytes(&d.unescaped, start, <size_t>(p - start))
    d.string = d.unescaped.data
    d.length = d.unescaped.length
    _take(d, T_STRING, p + 1)


# the scanner

cdef void _scan_word(Decoder* d, const char* p) noexcept nogil:
    """true, false, null, or a number that is not written in digits."""
    if not strncmp(p, b"true", 4):
        _take(d, T_TRUE, p + 4)
    elif not strncmp(p, b"false", 5):
        _take(d, T_FALSE, p + 5)
    elif not strncmp(p, b"null", 4):
        _take(d, T_NULL, p + 4)
    elif d.settings.decode_invalid and (p[0] == c'+' or not strncasecmp(p, b"inf", 3) or not strncasecmp(p, b"nan", 3)):
        _scan_number(d, p)
    else:
        _broken(d, p, b"invalid token")


cdef void _next(Decoder* d) noexcept nogil:
    """The next token. Needs a free place on the stack."""
    cdef const char* p = d.p
    cdef char c = p[0]
    while c == c' ' or c == c'\n' or c == c'\t' or c == c'\r':
        p += 1
        c = p[0]
    d.at = p
    if c == c'"':
        _scan_string(d, p + 1)
    elif c == c',':
        _take(d, T_COMMA, p + 1)
    elif c == c':':
        _take(d, T_COLON, p + 1)
    elif c == c'{':
        _take(d, T_OBJ_BEGIN, p + 1)
    elif c == c'}':
        _take(d, T_OBJ_END, p + 1)
    elif c == c'[':
        _take(d, T_ARR_BEGIN, p + 1)
    elif c == c']':
        _take(d, T_ARR_END, p + 1)
    elif c == c'-' or _is_digit(c):
        _scan_number(d, p)
    elif c == 0:
        _take(d, T_END, p)
    else:
        _scan_word(d, p)


# values

cdef void _enter(Decoder* d) noexcept nogil:
    """One level deeper; room for the table, a key, and a value or a growing buffer."""
    d.depth += 1
    if d.depth <= d.settings.decode_max_depth and d.api.checkstack(d.L, 3):
        return
    _forget_input(d)
    d.api.aux_error(d.L, b"Found too many nested data structures (%d) at character %d",
                    d.depth, <int>(d.p - d.text))


cdef void _push_object(Decoder* d) noexcept nogil:
    _enter(d)
    d.api.createtable(d.L, 0, 0)
    _next(d)
    if d.token == T_OBJ_END:
        d.depth -= 1
        return
    while True:
        if d.token != T_STRING:
            _fail(d, b"object key string")
        d.api.pushlstring(d.L, d.string, d.length)
        _next(d)
        if d.token != T_COLON:
            _fail(d, b"colon")
        _next(d)
        _push_value(d)
        d.api.rawset(d.L, -3)
        _next(d)
        if d.token == T_OBJ_END:
            d.depth -= 1
            return
        if d.token != T_COMMA:
            _fail(d, b"comma or object end")
        _next(d)


cdef void _push_array(Decoder* d) noexcept nogil:
    cdef int i = 0
    _enter(d)
    d.api.createtable(d.L, 0, 0)
    _next(d)
    if d.token == T_ARR_END:
        d.depth -= 1
        return
    while True:
        i += 1
        _push_value(d)
        d.api.rawseti(d.L, -2, i)
        _next(d)
        if d.token == T_ARR_END:
            d.depth -= 1
            return
        if d.token != T_COMMA:
            _fail(d, b"comma or array end")
        _next(d)


cdef void _push_value(Decoder* d) noexcept nogil:
    """The value that begins with the token, pushed."""
    if d.token == T_STRING:
        d.api.pushlstring(d.L, d.string, d.length)
    elif d.token == T_NUMBER:
        d.api.pushnumber(d.L, d.number)
    elif d.token == T_OBJ_BEGIN:
        _push_object(d)
    elif d.token == T_ARR_BEGIN:
        _push_array(d)
    elif d.token == T_TRUE or d.token == T_FALSE:
        d.api.pushboolean(d.L, d.token == T_TRUE)
    elif d.token == T_NULL:
        d.api.pushlightuserdata(d.L, NULL)
    else:
        _fail(d, b"value")


cdef int json_decode(lua_State* L) noexcept nogil:
    """cjson.decode(string) -> value."""
    cdef Decoder d
    cdef size_t n
    d.api = lua_api()
    d.L = L
    d.settings = <const JsonSettings*>d.api.touserdata(L, lua_upvalue(SETTINGS_UPVALUE))
    if d.api.gettop(L) != 1:
        d.api.aux_argerror(L, 1, b"expected 1 argument")
    d.text = d.api.aux_checklstring(L, 1, &n)
    if n >= 2 and (not d.text[0] or not d.text[1]):
        d.api.aux_error(L, b"JSON parser does not support UTF-16 or UTF-32")
    d.api.replace(L, lua_upvalue(INPUT_UPVALUE))
    scratch_open(&d.unescaped, d.api, L)
    d.p = d.text
    d.end = d.text + n
    d.depth = 0
    _next(&d)
    _push_value(&d)
    _next(&d)
    if d.token != T_END:
        _fail(&d, b"the end")
    _forget_input(&d)
    scratch_close(&d.unescaped, True)
    return 1
