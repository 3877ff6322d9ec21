# bytecode -- what a compiled chunk can write to. The story is in bytecode.pyx.
from libc.stddef cimport size_t
from _pyredis.lua.api cimport LuaApi, lua_State

# Is this name a field of a table that must not change?
ctypedef bint (*IsSealed)(void* arg, const char* name, size_t n) noexcept nogil

# Can the function on top of the stack be seen to write no field of that kind, and no global?
cdef bint bytecode_is_tame(const LuaApi* api, lua_State* L, IsSealed is_sealed, void* arg) noexcept nogil
