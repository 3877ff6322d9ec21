"""lib_msgpack -- the library cmsgpack: Lua values as MessagePack and back.

    pack(v, ...)                              all of them, one behind the other
    unpack(s)                                 every value of s
    unpack_one(s [, offset])                  the offset behind it (-1: that was all), and one value
    unpack_limit(s, limit [, offset])         the same with at most `limit` values

Written are: nil (and what has no form, functions and such, and tables below the 16th level), booleans, numbers, strings
in the string formats, tables whose keys are 1..n as arrays, others as maps. A number is written as an integer if it is
one that 64 bits hold, in the shortest form, unsigned if it is not negative; else as a float of 4 bytes if that loses
nothing, else of 8.

Read are the same formats. An unsigned integer of 64 bits is read as a signed one, as the library always did. Binaries,
extensions and 0xc1 are refused. Every length is checked against what is left before anything is made of it, and an
element takes a byte at least, so that a lying header costs no more than the input is long.

Depth when reading: a level takes two places on the stack, of which a C function has 8,000; the texts of the errors name
functions that the library had.
"""
from libc.math cimport floor
from libc.stdint cimport UINT32_MAX, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from _pyredis.lua.api cimport (
    LUA_GLOBALSINDEX, LUA_TBOOLEAN, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, lua_Integer, lua_api, lua_pop,
    lua_set_function,
)
from _pyredis.lua.scratch cimport (
    Scratch, scratch_byte, scratch_bytes, scratch_close, scratch_function, scratch_open, scratch_push, scratch_reserve,
)

cdef enum:
    DEEPEST = 16                 # level of tables that are written
    PACK_PLACES = 64             # on the stack: a key and a value a level, and a growing buffer

cdef enum Form:                  # first bytes
    FORM_MAP = 0x80
    FORM_ARRAY = 0x90
    FORM_STRING = 0xa0
    FORM_NIL = 0xc0
    FORM_FALSE = 0xc2
    FORM_TRUE = 0xc3
    FORM_FLOAT = 0xca
    FORM_DOUBLE = 0xcb
    FORM_U8 = 0xcc
    FORM_U16 = 0xcd
    FORM_U32 = 0xce
    FORM_U64 = 0xcf
    FORM_I8 = 0xd0
    FORM_I16 = 0xd1
    FORM_I32 = 0xd2
    FORM_I64 = 0xd3
    FORM_STRING_8 = 0xd9
    FORM_STRING_16 = 0xda
    FORM_STRING_32 = 0xdb
    FORM_ARRAY_16 = 0xdc
    FORM_ARRAY_32 = 0xdd
    FORM_MAP_16 = 0xde
    FORM_MAP_32 = 0xdf
    FORM_NEGATIVE = 0xe0


# writing

cdef struct Packer:
    const LuaApi* api
    lua_State* L
    Scratch out


cdef void _write(Packer* k, Form form, uint64_t v, int width) noexcept nogil:
    """A first byte, and `v` in `width` bytes behind it, the highest first."""
    cdef char* p
    cdef int i
    scratch_reserve(&k.out, 9)
    p = k.out.data + k.out.length
    p[0] = <char>form
    for i in range(width):
        p[1 + i] = <char>(v >> 8 * (width - 1 - i))
    k.out.length += 1 + width


cdef void _write_unsigned(Packer* k, uint64_t v) noexcept nogil:
    if v < 128:
        scratch_byte(&k.out, <char>v)
    elif v <= 0xff:
        _write(k, FORM_U8, v, 1)
    elif v <= 0xffff:
        _write(k, FORM_U16, v, 2)
    elif v <= UINT32_MAX:
        _write(k, FORM_U32, v, 4)
    else:
        _write(k, FORM_U64, v, 8)


cdef void _write_negative(Packer* k, int64_t v) noexcept nogil:
    if v >= -32:
        scratch_byte(&k.out, <char>v)
    elif v >= -0x80:
        _write(k, FORM_I8, <uint64_t>v, 1)
    elif v >= -0x8000:
        _write(k, FORM_I16, <uint64_t>v, 2)
    elif v >= -<int64_t>0x80000000:
        _write(k, FORM_I32, <uint64_t>v, 4)
    else:
        _write(k, FORM_I64, <uint64_t>v, 8)


cdef void _write_number(Packer* k, double v) noexcept nogil:
    cdef float single = <float>v
    cdef uint32_t bits
    cdef uint64_t wide
    if -9223372036854775808.0 <= v < 9223372036854775808.0 and floor(v) == v:
        if v < 0:
            _write_negative(k, <int64_t>v)
        else:
            _write_unsigned(k, <uint64_t>v)
    elif <double>single == v:
        memcpy(&bits, &single, 4)
        _write(k, FORM_FLOAT, bits, 4)
    else:
        memcpy(&wide, &v, 8)
        _write(k, FORM_DOUBLE, wide, 8)


cdef void _write_string(Packer* k, const char* p, size_t n) noexcept nogil:
    if n < 32:
        scratch_byte(&k.out, <char>(FORM_STRING | n))
    elif n <= 0xff:
        _write(k, FORM_STRING_8, n, 1)
    elif n <= 0xffff:
        _write(k, FORM_STRING_16, n, 2)
    else:
        _write(k, FORM_STRING_32, n, 4)
    scratch_bytes(&k.out, p, n)


cdef void _write_count(Packer* k, Form short, Form form16, Form form32, size_t n) noexcept nogil:
    """The head of an array or a map."""
    if n < 16:
        scratch_byte(&k.out, <char>(short | n))
    elif n <= 0xffff:
        _write(k, form16, n, 2)
    else:
        _write(k, form32, n, 4)


cdef bint _measure(Packer* k, size_t* n) noexcept nogil:
    """How many pairs the table on top has; are their keys 1..n?"""
    cdef double key, largest = 0
    cdef bint array = True
    n[0] = 0
    k.api.pushnil(k.L)
    while k.api.next(k.L, -2):
        lua_pop(k.api, k.L, 1)
        n[0] += 1
        key = k.api.tonumber(k.L, -1) if array and k.api.type(k.L, -1) == LUA_TNUMBER else 0
        array = key >= 1 and floor(key) == key
        if key > largest:
            largest = key
    return array and largest == n[0]


cdef void _write_table(Packer* k, int level) noexcept nogil:
    """The table on top, inside `level` others."""
    cdef size_t n, i
    if _measure(k, &n):
        _write_count(k, FORM_ARRAY, FORM_ARRAY_16, FORM_ARRAY_32, n)
        for i in range(n):
            k.api.rawgeti(k.L, -1, <int>(i + 1))
            _write_value(k, level + 1)
            lua_pop(k.api, k.L, 1)
        return
    _write_count(k, FORM_MAP, FORM_MAP_16, FORM_MAP_32, n)
    k.api.pushnil(k.L)
    while k.api.next(k.L, -2):
        k.api.pushvalue(k.L, -2)
        _write_value(k, level + 1)
        lua_pop(k.api, k.L, 1)
        _write_value(k, level + 1)
        lua_pop(k.api, k.L, 1)


cdef void _write_value(Packer* k, int level) noexcept nogil:
    """The value on top, inside `level` tables."""
    cdef int t = k.api.type(k.L, -1)
    cdef size_t n
    cdef const char* p
    if t == LUA_TSTRING:
        p = k.api.tolstring(k.L, -1, &n)
        _write_string(k, p, n)
    elif t == LUA_TNUMBER:
        _write_number(k, k.api.tonumber(k.L, -1))
    elif t == LUA_TTABLE and level < DEEPEST:
        _write_table(k, level)
    elif t == LUA_TBOOLEAN:
        scratch_byte(&k.out, <char>(FORM_TRUE if k.api.toboolean(k.L, -1) else FORM_FALSE))
    else:
        scratch_byte(&k.out, <char>FORM_NIL)


cdef int _pack(lua_State* L) noexcept nogil:
    """cmsgpack.pack(value, ...) -> string."""
    cdef Packer k
    cdef int i, args
    k.api = lua_api()
    k.L = L
    args = k.api.gettop(L)
    if args == 0:
        k.api.aux_argerror(L, 0, b"MessagePack pack needs input.")
    if not k.api.checkstack(L, args if args > PACK_PLACES else PACK_PLACES):
        k.api.aux_argerror(L, 0, b"Too many arguments for MessagePack pack.")
    scratch_open(&k.out, k.api, L)
    for i in range(1, args + 1):
        k.api.pushvalue(L, i)
        _write_value(&k, 0)
        lua_pop(k.api, L, 1)
    scratch_push(&k.out)
    scratch_close(&k.out, True)
    return 1


# reading

cdef struct Unpacker:
    const LuaApi* api
    lua_State* L
    const uint8_t* p
    size_t left


cdef const uint8_t* _take(Unpacker* u, size_t n) noexcept nogil:
    """The next `n` bytes. Raises if there are fewer."""
    cdef const uint8_t* p = u.p
    if u.left < n:
        u.api.aux_error(u.L, b"Missing bytes in input.")
    u.p += n
    u.left -= n
    return p


cdef uint64_t _unsigned(Unpacker* u, int width) noexcept nogil:
    """The next `width` bytes as a number, the highest first."""
    cdef const uint8_t* p = _take(u, <size_t>width)
    cdef uint64_t v = 0
    cdef int i
    for i in range(width):
        v = v << 8 | p[i]
    return v


cdef void _push_string(Unpacker* u, size_t n) noexcept nogil:
    cdef const uint8_t* p = _take(u, n)
    u.api.pushlstring(u.L, <const char*>p, n)


cdef void _push_array(Unpacker* u, uint32_t n) noexcept nogil:
    cdef uint32_t i
    u.api.aux_checkstack(u.L, 2, b"in function mp_decode_to_lua_array")
    u.api.createtable(u.L, 0, 0)
    for i in range(n):
        u.api.pushnumber(u.L, <double>i + 1)
        _push_value(u)
        u.api.rawset(u.L, -3)


cdef void _push_map(Unpacker* u, uint32_t n) noexcept nogil:
    cdef uint32_t i
    u.api.createtable(u.L, 0, 0)
    for i in range(n):
        _push_value(u)
        _push_value(u)
        u.api.rawset(u.L, -3)


cdef void _push_float(Unpacker* u) noexcept nogil:
    cdef uint32_t bits = <uint32_t>_unsigned(u, 4)
    cdef float v
    memcpy(&v, &bits, 4)
    u.api.pushnumber(u.L, v)


cdef void _push_double(Unpacker* u) noexcept nogil:
    cdef uint64_t bits = _unsigned(u, 8)
    cdef double v
    memcpy(&v, &bits, 8)
    u.api.pushnumber(u.L, v)


cdef bint _push_number(Unpacker* u, int form) noexcept nogil:
    """Is it a form of numbers? Then one is pushed."""
    if form == FORM_FLOAT:
        _push_float(u)
    elif form == FORM_DOUBLE:
        _push_double(u)
    elif form == FORM_U8:
        u.api.pushnumber(u.L, _unsigned(u, 1))
    elif form == FORM_U16:
        u.api.pushnumber(u.L, <uint16_t>_unsigned(u, 2))
    elif form == FORM_U32:
        u.api.pushnumber(u.L, <uint32_t>_unsigned(u, 4))
    elif form == FORM_I8:
        u.api.pushnumber(u.L, <int8_t>_unsigned(u, 1))
    elif form == FORM_I16:
        u.api.pushnumber(u.L, <int16_t>_unsigned(u, 2))
    elif form == FORM_I32:
        u.api.pushnumber(u.L, <int32_t>_unsigned(u, 4))
    elif form == FORM_U64 or form == FORM_I64:       # Redis: an unsigned one of 2^63 and more comes out negative
        u.api.pushnumber(u.L, <double><int64_t>_unsigned(u, 8))
    else:
        return False
    return True


cdef bint _push_sized(Unpacker* u, int form) noexcept nogil:
    """Is it a form with a length behind the first byte? Then what it says is pushed."""
    if form == FORM_STRING_8:
        _push_string(u, _unsigned(u, 1))
    elif form == FORM_STRING_16:
        _push_string(u, <uint16_t>_unsigned(u, 2))
    elif form == FORM_STRING_32:
        _push_string(u, <uint32_t>_unsigned(u, 4))
    elif form == FORM_ARRAY_16:
        _push_array(u, <uint16_t>_unsigned(u, 2))
    elif form == FORM_ARRAY_32:
        _push_array(u, <uint32_t>_unsigned(u, 4))
    elif form == FORM_MAP_16:
        _push_map(u, <uint16_t>_unsigned(u, 2))
    elif form == FORM_MAP_32:
        _push_map(u, <uint32_t>_unsigned(u, 4))
    else:
        return False
    return True


cdef void _push_value(Unpacker* u) noexcept nogil:
    """The next value, pushed."""
    cdef int form = <int>_unsigned(u, 1)
    u.api.aux_checkstack(u.L, 1, b"too many return values at once; use unpack_one or unpack_limit instead.")
    if form < FORM_MAP or form >= FORM_NEGATIVE:
        u.api.pushnumber(u.L, <int8_t>form)
    elif form < FORM_ARRAY:
        _push_map(u, form & 15)
    elif form < FORM_STRING:
        _push_array(u, form & 15)
    elif form < FORM_NIL:
        _push_string(u, form & 31)
    elif form == FORM_NIL:
        u.api.pushnil(u.L)
    elif form == FORM_FALSE or form == FORM_TRUE:
        u.api.pushboolean(u.L, form == FORM_TRUE)
    elif not _push_number(u, form) and not _push_sized(u, form):
        u.api.aux_error(u.L, b"Bad data format in input.")


cdef int _unpack_some(const LuaApi* api, lua_State* L, lua_Integer limit, lua_Integer offset) noexcept nogil:
    """At most `limit` values of argument 1 from `offset` on, after the offset they end at; if both are 0, just all."""
    cdef Unpacker u
    cdef size_t n
    cdef const char* p = api.aux_checklstring(L, 1, &n)
    cdef lua_Integer count = 0
    cdef bint all = limit == 0 and offset == 0
    if offset < 0 or limit < 0:
        api.aux_error(L, b"Invalid request to unpack with offset of %d and limit of %d.", <int>offset, <int>n)
    if <size_t>offset > n:
        api.aux_error(L, b"Start offset %d greater than input length %d.", <int>offset, <int>n)
    api.settop(L, 1)
    u.api = api
    u.L = L
    u.p = <const uint8_t*>p + offset
    u.left = n - <size_t>offset
    while u.left and (all or count < limit):
        _push_value(&u)
        count += 1
    if not all:
        api.aux_checkstack(L, 1, b"in function mp_unpack_full")
        api.pushnumber(L, <double>(n - u.left) if u.left else -1)
        api.insert(L, 2)
        count += 1
    return <int>count


cdef int _unpack(lua_State* L) noexcept nogil:
    """cmsgpack.unpack(s) -> value, ..."""
    return _unpack_some(lua_api(), L, 0, 0)


cdef int _unpack_one(lua_State* L) noexcept nogil:
    """cmsgpack.unpack_one(s [, offset]) -> offset, value."""
    cdef const LuaApi* api = lua_api()
    return _unpack_some(api, L, 1, api.aux_optinteger(L, 2, 0))


cdef int _unpack_limit(lua_State* L) noexcept nogil:
    """cmsgpack.unpack_limit(s, limit [, offset]) -> offset, value, ..."""
    cdef const LuaApi* api = lua_api()
    cdef lua_Integer limit = api.aux_checkinteger(L, 2)
    return _unpack_some(api, L, limit, api.aux_optinteger(L, 3, 0))


cdef void _set_text(const LuaApi* api, lua_State* L, const char* name, const char* text) noexcept nogil:
    api.pushstring(L, text)
    api.setfield(L, -2, name)


cdef void lib_msgpack_open(const LuaApi* api, lua_State* L) noexcept nogil:
    api.createtable(L, 0, 0)
    scratch_function(api, L, b"pack", _pack)
    lua_set_function(api, L, b"unpack", _unpack)
    lua_set_function(api, L, b"unpack_one", _unpack_one)
    lua_set_function(api, L, b"unpack_limit", _unpack_limit)
    _set_text(api, L, b"_NAME", b"cmsgpack")
    _set_text(api, L, b"_VERSION", b"lua-cmsgpack 0.4.0")
    _set_text(api, L, b"_COPYRIGHT", b"Copyright (C) 2012, Salvatore Sanfilippo")
    _set_text(api, L, b"_DESCRIPTION", b"MessagePack C implementation for Lua")
    api.setfield(L, LUA_GLOBALSINDEX, b"cmsgpack")
