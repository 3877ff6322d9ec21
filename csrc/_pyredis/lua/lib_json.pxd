# lib_json -- the library cjson. The story is in lib_json.pyx.
from _pyredis.lua.api cimport LuaApi, lua_State

cdef void lib_json_open(const LuaApi* api, lua_State* L) noexcept nogil     # sets the global
