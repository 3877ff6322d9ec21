"""json_encode -- a Lua value as JSON, as cjson writes it.

    nil, cjson.null     null               a table of keys 1..n     [..]  (holes are null, if they are not too many)
    boolean             true, false        any other table          {..}  (the empty one too)
    number              %.14g              string                   as it is, but for " \\ / and control characters

Bytes above 127 are copied: nothing is checked to be UTF-8. A table is read without metamethods, twice: once for the
kind of its keys, once to write it.

Depth: a level takes at most two places on the stack and a small C frame. It is refused beyond encode_max_depth, and
beyond what the stack of a C function may hold (8,000 places) whatever that setting says: so a table that holds itself
ends as an error.
"""
from libc.math cimport floor, isinf, isnan, signbit
from libc.stdint cimport int64_t, uint8_t
from libc.stdio cimport snprintf

from _pyredis.base.num cimport num_format_i64
from _pyredis.lua.api cimport (
    LUA_TBOOLEAN, LUA_TLIGHTUSERDATA, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, LuaApi, lua_api, lua_pop,
    lua_upvalue,
)
from _pyredis.lua.json_settings cimport (
    INVALID_NULL, INVALID_REFUSED, JSON_MAX_PRECISION, SETTINGS_UPVALUE, JsonSettings,
)
from _pyredis.lua.scratch cimport (
    Scratch, scratch_byte, scratch_bytes, scratch_close, scratch_open, scratch_push, scratch_reserve,
)

cdef extern from "json_chars.h" nogil:
    const char[256] json_escapes

cdef enum:
    NUMBER_ROOM = 32             # more than -1.2345678901234e-308 takes
    LARGEST_INDEX = 0x7fffffff   # of an array; a larger key makes an object

cdef struct Encoder:
    const LuaApi* api
    lua_State* L
    const JsonSettings* settings
    Scratch out


cdef void _refuse(Encoder* e, int i, const char* why) noexcept nogil:
    """Raises: the value at `i` cannot be written."""
    e.api.aux_error(e.L, b"Cannot serialise %s: %s", e.api.typename(e.L, e.api.type(e.L, i)), why)


cdef void _write_string(Encoder* e, const char* p, size_t n) noexcept nogil:
    cdef const char* digits = b"0123456789abcdef"
    cdef size_t i = 0, start
    cdef uint8_t c
    cdef char escape
    scratch_reserve(&e.out, n + 2)
    scratch_byte(&e.out, c'"')
    while i < n:
        start = i
        while i < n and not json_escapes[<uint8_t>p[i]]:
            i += 1
        scratch_bytes(&e.out, p + start, i - start)
        if i == n:
            break
        c = <uint8_t>p[i]
        escape = json_escapes[c]
        scratch_byte(&e.out, c'\\')
        scratch_byte(&e.out, escape)
        if escape == c'u':
            scratch_bytes(&e.out, b"00", 2)
            scratch_byte(&e.out, digits[c >> 4])
            scratch_byte(&e.out, digits[c & 15])
        i += 1
    scratch_byte(&e.out, c'"')


cdef void _write_invalid(Encoder* e, int i, double v) noexcept nogil:
    """NaN or an infinity, the number at `i`, as encode_invalid_numbers says."""
    if e.settings.encode_invalid == INVALID_REFUSED:
        _refuse(e, i, b"must not be NaN or Inf")
    elif e.settings.encode_invalid == INVALID_NULL:
        scratch_bytes(&e.out, b"null", 4)
    elif isnan(v):
        scratch_bytes(&e.out, b"nan", 3)
    elif v < 0:
        scratch_bytes(&e.out, b"-inf", 4)
    else:
        scratch_bytes(&e.out, b"inf", 3)


cdef void _write_number(Encoder* e, int i) noexcept nogil:
    """The number at `i`. Integers that %.14g prints in full go the short way."""
    cdef double v = e.api.tonumber(e.L, i)
    cdef char* end
    if isnan(v) or isinf(v):
        _write_invalid(e, i, v)
        return
    scratch_reserve(&e.out, NUMBER_ROOM)
    end = e.out.data + e.out.length
    if (e.settings.precision == JSON_MAX_PRECISION and -1e14 < v < 1e14 and <double><int64_t>v == v
            and not (v == 0 and signbit(v))):
        e.out.length += num_format_i64(<int64_t>v, end)
    else:
        e.out.length += snprintf(end, NUMBER_ROOM, b"%.*g", e.settings.precision, v)


cdef bint _is_sparse(const JsonSettings* s, int64_t places, int64_t elements) noexcept nogil:
    return s.sparse_ratio > 0 and places > elements * s.sparse_ratio and places > s.sparse_safe


cdef int _array_length(Encoder* e) noexcept nogil:
    """How many places the array on top has; 0 if it is to be an object. Raises if it is too sparse."""
    cdef int64_t places = 0, elements = 0
    cdef double k
    e.api.pushnil(e.L)
    while e.api.next(e.L, -2):
        k = e.api.tonumber(e.L, -2) if e.api.type(e.L, -2) == LUA_TNUMBER else 0
        if not (1 <= k <= LARGEST_INDEX and floor(k) == k):
            lua_pop(e.api, e.L, 2)
            return 0
        elements += 1
        if k > places:
            places = <int64_t>k
        lua_pop(e.api, e.L, 1)
    if _is_sparse(e.settings, places, elements):
        if not e.settings.sparse_convert:
            _refuse(e, -1, b"excessively sparse array")
        return 0
    return <int>places


cdef void _write_array(Encoder* e, int n, int depth) noexcept nogil:
    cdef int i
    scratch_byte(&e.out, c'[')
    for i in range(n):
        if i:
            scratch_byte(&e.out, c',')
        e.api.rawgeti(e.L, -1, i + 1)
        _write_value(e, depth)
        lua_pop(e.api, e.L, 1)
    scratch_byte(&e.out, c']')


cdef void _write_key(Encoder* e) noexcept nogil:
    """The key under the value on top. A number is not asked for as a string: that would change it in the stack."""
    cdef int t = e.api.type(e.L, -2)
    cdef size_t n
    cdef const char* p
    if t == LUA_TNUMBER:
        scratch_byte(&e.out, c'"')
        _write_number(e, -2)
        scratch_byte(&e.out, c'"')
    elif t == LUA_TSTRING:
        p = e.api.tolstring(e.L, -2, &n)
        _write_string(e, p, n)
    else:
        _refuse(e, -2, b"table key must be a number or string")


cdef void _write_object(Encoder* e, int depth) noexcept nogil:
    cdef bint first = True
    scratch_byte(&e.out, c'{')
    e.api.pushnil(e.L)
    while e.api.next(e.L, -2):
        if not first:
            scratch_byte(&e.out, c',')
        first = False
        _write_key(e)
        scratch_byte(&e.out, c':')
        _write_value(e, depth)
        lua_pop(e.api, e.L, 1)
    scratch_byte(&e.out, c'}')


cdef void _write_table(Encoder* e, int depth) noexcept nogil:
    """The table on top, the `depth`-th around the innermost value."""
    cdef int n
    if depth > e.settings.encode_max_depth or not e.api.checkstack(e.L, 3):    # key, value, and a growing buffer
        e.api.aux_error(e.L, b"Cannot serialise, excessive nesting (%d)", depth)
    n = _array_length(e)
    if n:
        _write_array(e, n, depth)
    else:
        _write_object(e, depth)


cdef void _write_value(Encoder* e, int depth) noexcept nogil:
    """The value on top, inside `depth` tables."""
    cdef int t = e.api.type(e.L, -1)
    cdef size_t n
    cdef const char* p
    if t == LUA_TSTRING:
        p = e.api.tolstring(e.L, -1, &n)
        _write_string(e, p, n)
    elif t == LUA_TNUMBER:
        _write_number(e, -1)
    elif t == LUA_TTABLE:
        _write_table(e, depth + 1)
    elif t == LUA_TBOOLEAN:
        if e.api.toboolean(e.L, -1):
            scratch_bytes(&e.out, b"true", 4)
        else:
            scratch_bytes(&e.out, b"false", 5)
    elif t == LUA_TNIL or (t == LUA_TLIGHTUSERDATA and e.api.touserdata(e.L, -1) == NULL):
        scratch_bytes(&e.out, b"null", 4)
    else:
        _refuse(e, -1, b"type not supported")


cdef int json_encode(lua_State* L) noexcept nogil:
    """cjson.encode(value) -> string."""
    cdef Encoder e
    e.api = lua_api()
    e.L = L
    e.settings = <const JsonSettings*>e.api.touserdata(L, lua_upvalue(SETTINGS_UPVALUE))
    if e.api.gettop(L) != 1:
        e.api.aux_argerror(L, 1, b"expected 1 argument")
    scratch_open(&e.out, e.api, L)
    _write_value(&e, 0)
    scratch_push(&e.out)
    scratch_close(&e.out, e.settings.keep_buffer)
    return 1
