# libs -- the libraries of the sandbox that are not Lua's own. The story is in libs.pyx.
from _pyredis.lua.api cimport LuaApi, lua_State

cdef void libs_open(const LuaApi* api, lua_State* L) noexcept nogil
