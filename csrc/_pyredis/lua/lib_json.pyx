"""lib_json -- the library cjson: JSON in and out, with settings.

    cjson.encode(v), cjson.decode(s)       json_encode, json_decode
    cjson.new()                            another such table, with settings of its own
    cjson.null                             a light userdata of address 0
    cjson.encode_max_depth([n]) ...        set one, and always give what is set

The functions of one table share a JsonSettings. A function of settings refuses too many arguments first, then sets one
after the other, so that an error in the second leaves the first set; nil leaves as it is. The range of an integer is
always reported as that of argument 1.
"""
from libc.string cimport strcmp

from _pyredis.lua.api cimport LUA_GLOBALSINDEX, LUA_TBOOLEAN, lua_CFunction, lua_api, lua_isnil, lua_upvalue
from _pyredis.lua.json_decode cimport json_decode
from _pyredis.lua.json_encode cimport json_encode
from _pyredis.lua.json_settings cimport (
    INVALID_NULL, INVALID_REFUSED, INVALID_WRITTEN, JSON_MAX_PRECISION, JSON_UPVALUES, SETTINGS_UPVALUE, JsonSettings,
)

cdef enum:
    MOST = 0x7fffffff            # of an integer setting
    DEPTH = 1000                 # of nesting, at first


cdef JsonSettings* _settings(const LuaApi* api, lua_State* L, int args) noexcept nogil:
    """Those of the running function, which takes at most `args` arguments; missing ones become nil."""
    if api.gettop(L) > args:
        api.aux_argerror(L, args + 1, b"found too many arguments")
    api.settop(L, args)
    return <JsonSettings*>api.touserdata(L, lua_upvalue(SETTINGS_UPVALUE))


cdef int _integer(const LuaApi* api, lua_State* L, int i, int value, int least, int most) noexcept nogil:
    """Argument `i`, or `value` if it is nil."""
    cdef int v
    if lua_isnil(api, L, i):
        return value
    v = <int>api.aux_checkinteger(L, i)
    if not least <= v <= most:
        api.aux_argerror(L, 1, api.pushfstring(L, b"expected integer between %d and %d", least, most))
    return v


cdef int _choice(const LuaApi* api, lua_State* L, int value, bint null_too) noexcept nogil:
    """Argument 1, a boolean or the word for it, as a number; `value` if it is nil."""
    cdef const char* word
    if lua_isnil(api, L, 1):
        return value
    if api.type(L, 1) == LUA_TBOOLEAN:
        return INVALID_WRITTEN if api.toboolean(L, 1) else INVALID_REFUSED
    word = api.aux_checklstring(L, 1, NULL)
    if not strcmp(word, b"off"):
        return INVALID_REFUSED
    if not strcmp(word, b"on"):
        return INVALID_WRITTEN
    if null_too and not strcmp(word, b"null"):
        return INVALID_NULL
    return api.aux_argerror(L, 1, api.pushfstring(L, b"invalid option '%s'", word))


cdef int _encode_sparse_array(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 3)
    s.sparse_convert = _choice(api, L, s.sparse_convert, False) != INVALID_REFUSED
    s.sparse_ratio = _integer(api, L, 2, s.sparse_ratio, 0, MOST)
    s.sparse_safe = _integer(api, L, 3, s.sparse_safe, 0, MOST)
    api.pushboolean(L, s.sparse_convert)
    api.pushinteger(L, s.sparse_ratio)
    api.pushinteger(L, s.sparse_safe)
    return 3


cdef int _encode_max_depth(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 1)
    s.encode_max_depth = _integer(api, L, 1, s.encode_max_depth, 1, MOST)
    api.pushinteger(L, s.encode_max_depth)
    return 1


cdef int _decode_max_depth(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 1)
    s.decode_max_depth = _integer(api, L, 1, s.decode_max_depth, 1, MOST)
    api.pushinteger(L, s.decode_max_depth)
    return 1


cdef int _encode_number_precision(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 1)
    s.precision = _integer(api, L, 1, s.precision, 1, JSON_MAX_PRECISION)
    api.pushinteger(L, s.precision)
    return 1


cdef int _encode_keep_buffer(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 1)
    s.keep_buffer = _choice(api, L, s.keep_buffer, False) != INVALID_REFUSED
    api.pushboolean(L, s.keep_buffer)
    return 1


cdef int _encode_invalid_numbers(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 1)
    s.encode_invalid = _choice(api, L, s.encode_invalid, True)
    if s.encode_invalid == INVALID_NULL:
        api.pushstring(L, b"null")
    else:
        api.pushboolean(L, s.encode_invalid == INVALID_WRITTEN)
    return 1


cdef int _decode_invalid_numbers(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef JsonSettings* s = _settings(api, L, 1)
    s.decode_invalid = _choice(api, L, s.decode_invalid, False) != INVALID_REFUSED
    api.pushboolean(L, s.decode_invalid)
    return 1


cdef void _push_settings(const LuaApi* api, lua_State* L) noexcept nogil:
    cdef JsonSettings* s = <JsonSettings*>api.newuserdata(L, sizeof(JsonSettings))
    s.sparse_convert = False
    s.sparse_ratio = 2
    s.sparse_safe = 10
    s.encode_max_depth = DEPTH
    s.decode_max_depth = DEPTH
    s.precision = JSON_MAX_PRECISION
    s.keep_buffer = True
    s.encode_invalid = INVALID_REFUSED
    s.decode_invalid = True


cdef void _set(const LuaApi* api, lua_State* L, const char* name, lua_CFunction f) noexcept nogil:
    """A function of the table on top; the settings are below it."""
    api.pushnil(L)                         # a scratch buffer, if it needs one
    api.pushvalue(L, -3)
    api.pushnil(L)                         # the input, while it is read
    api.pushcclosure(L, f, JSON_UPVALUES)
    api.setfield(L, -2, name)


cdef int _new(lua_State* L) noexcept nogil:
    """cjson.new() -> table."""
    cdef const LuaApi* api = lua_api()
    api.settop(L, 0)
    _push_settings(api, L)
    api.createtable(L, 0, 0)
    _set(api, L, b"encode", json_encode)
    _set(api, L, b"decode", json_decode)
    _set(api, L, b"encode_sparse_array", _encode_sparse_array)
    _set(api, L, b"encode_max_depth", _encode_max_depth)
    _set(api, L, b"decode_max_depth", _decode_max_depth)
    _set(api, L, b"encode_number_precision", _encode_number_precision)
    _set(api, L, b"encode_keep_buffer", _encode_keep_buffer)
    _set(api, L, b"encode_invalid_numbers", _encode_invalid_numbers)
    _set(api, L, b"decode_invalid_numbers", _decode_invalid_numbers)
    _set(api, L, b"new", _new)
    api.pushlightuserdata(L, NULL)
    api.setfield(L, -2, b"null")
    api.pushstring(L, b"cjson")
    api.setfield(L, -2, b"_NAME")
    api.pushstring(L, b"2.1.0")
    api.setfield(L, -2, b"_VERSION")
    return 1


cdef void lib_json_open(const LuaApi* api, lua_State* L) noexcept nogil:
    api.pushcclosure(L, _new, 0)
    api.call(L, 0, 1)
    api.setfield(L, LUA_GLOBALSINDEX, b"cjson")
