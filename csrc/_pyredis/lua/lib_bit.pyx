"""lib_bit -- the library bit: operations on 32 bits, whose results are signed.

A number becomes 32 bits by adding 2^52 + 2^51, after which the lowest bit of a double's fraction is worth 1: the low
half of it is the number, rounded to the nearest integer (halves to the even one) and taken modulo 2^32. This holds
within +-2^51; beyond, the same bits are taken and mean what they may. Shifts and rotations take the count modulo 32.
"""
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy

from _pyredis.lua.api cimport LUA_GLOBALSINDEX, lua_api, lua_set_function

cdef enum:
    HEX_DIGITS = 8


cdef uint32_t _argument(const LuaApi* api, lua_State* L, int i) noexcept nogil:
    cdef double v = api.aux_checknumber(L, i) + 6755399441055744.0
    cdef uint64_t bits
    memcpy(&bits, &v, 8)
    return <uint32_t>bits


cdef int _push(const LuaApi* api, lua_State* L, uint32_t v) noexcept nogil:
    api.pushnumber(L, <double><int32_t>v)
    return 1


cdef uint32_t _rotated(uint32_t v, uint32_t n) noexcept nogil:
    """`v`, turned left by `n` modulo 32."""
    n &= 31
    return v << n | v >> ((32 - n) & 31)


cdef int _tobit(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    return _push(api, L, _argument(api, L, 1))


cdef int _bnot(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    return _push(api, L, ~_argument(api, L, 1))


cdef int _band(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    cdef int i
    for i in range(2, api.gettop(L) + 1):
        v &= _argument(api, L, i)
    return _push(api, L, v)


cdef int _bor(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    cdef int i
    for i in range(2, api.gettop(L) + 1):
        v |= _argument(api, L, i)
    return _push(api, L, v)


cdef int _bxor(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    cdef int i
    for i in range(2, api.gettop(L) + 1):
        v ^= _argument(api, L, i)
    return _push(api, L, v)


cdef int _lshift(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    return _push(api, L, v << (_argument(api, L, 2) & 31))


cdef int _rshift(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    return _push(api, L, v >> (_argument(api, L, 2) & 31))


cdef int _arshift(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    return _push(api, L, <uint32_t>(<int32_t>v >> <int>(_argument(api, L, 2) & 31)))


cdef int _rol(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    return _push(api, L, _rotated(v, _argument(api, L, 2)))


cdef int _ror(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    return _push(api, L, _rotated(v, 0 - _argument(api, L, 2)))


cdef int _bswap(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef uint32_t v = _argument(api, L, 1)
    return _push(api, L, v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24)


cdef int _tohex(lua_State* L) noexcept nogil:
    """bit.tohex(x [, n]): the last |n| digits (at most 8), in capitals if n is negative."""
    cdef const LuaApi* api = lua_api()
    cdef const char* digits = b"0123456789abcdef"
    cdef uint32_t v = _argument(api, L, 1)
    cdef uint32_t n = HEX_DIGITS
    cdef char[HEX_DIGITS] out
    cdef uint32_t i
    if api.gettop(L) >= 2:
        n = _argument(api, L, 2)
        if <int32_t>n < 0:
            digits = b"0123456789ABCDEF"
            n = 0 - n
        if n > HEX_DIGITS:
            n = HEX_DIGITS
    for i in range(n):
        out[n - 1 - i] = digits[v & 15]
        v >>= 4
    api.pushlstring(L, out, n)
    return 1


cdef void lib_bit_open(const LuaApi* api, lua_State* L) noexcept nogil:
    api.createtable(L, 0, 0)
    lua_set_function(api, L, b"tobit", _tobit)
    lua_set_function(api, L, b"bnot", _bnot)
    lua_set_function(api, L, b"band", _band)
    lua_set_function(api, L, b"bor", _bor)
    lua_set_function(api, L, b"bxor", _bxor)
    lua_set_function(api, L, b"lshift", _lshift)
    lua_set_function(api, L, b"rshift", _rshift)
    lua_set_function(api, L, b"arshift", _arshift)
    lua_set_function(api, L, b"rol", _rol)
    lua_set_function(api, L, b"ror", _ror)
    lua_set_function(api, L, b"bswap", _bswap)
    lua_set_function(api, L, b"tohex", _tohex)
    api.setfield(L, LUA_GLOBALSINDEX, b"bit")
