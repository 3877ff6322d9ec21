# lib_struct -- the library struct. The story is in lib_struct.pyx.
from _pyredis.lua.api cimport LuaApi, lua_State

cdef void lib_struct_open(const LuaApi* api, lua_State* L) noexcept nogil     # sets the global
