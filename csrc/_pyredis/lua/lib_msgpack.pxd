# lib_msgpack -- the library cmsgpack. The story is in lib_msgpack.pyx.
from _pyredis.lua.api cimport LuaApi, lua_State

cdef void lib_msgpack_open(const LuaApi* api, lua_State* L) noexcept nogil     # sets the global
