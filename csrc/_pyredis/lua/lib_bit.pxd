# lib_bit -- the library bit. The story is in lib_bit.pyx.
from _pyredis.lua.api cimport LuaApi, lua_State

cdef void lib_bit_open(const LuaApi* api, lua_State* L) noexcept nogil     # sets the global
