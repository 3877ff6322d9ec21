# scratch -- a growing buffer that belongs to Lua. The story is in scratch.pyx.
from libc.string cimport memcpy

from _pyredis.lua.api cimport LuaApi, lua_CFunction, lua_State

cdef enum:
    SCRATCH_UPVALUE = 1          # which upvalue of the function holds the block

cdef struct Scratch:
    const LuaApi* api
    lua_State* L
    char*  data                  # moves whenever the buffer grows
    size_t length
    size_t capacity

cdef void scratch_open(Scratch* s, const LuaApi* api, lua_State* L) noexcept nogil
cdef void scratch_grow(Scratch* s, size_t more) noexcept nogil
cdef void scratch_push(Scratch* s) noexcept nogil
cdef void scratch_close(Scratch* s, bint keep) noexcept nogil

# t[name] = f with a scratch buffer, of the table on top.
cdef void scratch_function(const LuaApi* api, lua_State* L, const char* name, lua_CFunction f) noexcept nogil


cdef inline void scratch_reserve(Scratch* s, size_t more) noexcept nogil:
    """Room for `more` bytes behind the last. Needs a free place on the stack, and raises when memory is short."""
    if s.capacity - s.length < more:
        scratch_grow(s, more)


cdef inline void scratch_byte(Scratch* s, char c) noexcept nogil:
    scratch_reserve(s, 1)
    s.data[s.length] = c
    s.length += 1


cdef inline void scratch_bytes(Scratch* s, const void* p, size_t n) noexcept nogil:
    scratch_reserve(s, n)
    if n:
        memcpy(s.data + s.length, p, n)
    s.length += n
