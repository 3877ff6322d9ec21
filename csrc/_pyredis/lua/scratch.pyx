"""scratch -- a growing buffer that belongs to Lua.

What a library builds it builds here, because an error of Lua is a longjmp over the function that builds: malloc'd
memory would be lost, a userdata is collected. The block hangs on the function itself, as its first upvalue: so it
takes no place on the stack, where places are counted (Lua refuses a C function the 8,001st), and the next call finds
it again, already large enough. What grew beyond SCRATCH_KEEP is dropped at the end of the call, so that one large
value does not stay.

A function with a scratch buffer must not be entered again while it runs. None here is: they call no metamethod, and the
sandbox gives scripts nothing to hang a __gc on (no newproxy).

Growing doubles the block, and pushes the new one for a moment: the caller keeps one place on the stack free.
"""
from libc.stdint cimport SIZE_MAX

from _pyredis.lua.api cimport lua_upvalue

cdef enum:
    SCRATCH_FIRST = 512
    SCRATCH_KEEP = 64 * 1024


cdef void scratch_open(Scratch* s, const LuaApi* api, lua_State* L) noexcept nogil:
    """The buffer of the running function, empty."""
    cdef int place = lua_upvalue(SCRATCH_UPVALUE)
    s.api = api
    s.L = L
    s.length = 0
    s.data = <char*>api.touserdata(L, place)
    s.capacity = api.objlen(L, place) if s.data != NULL else 0


cdef void scratch_grow(Scratch* s, size_t more) noexcept nogil:
    """A larger block with the same bytes. Raises "not enough memory"."""
    cdef size_t capacity = s.capacity * 2 if s.capacity else SCRATCH_FIRST
    cdef char* data
    if more > SIZE_MAX // 4 - s.length:
        s.api.aux_error(s.L, b"not enough memory")
    if capacity < s.length + more:
        capacity = s.length + more
    data = <char*>s.api.newuserdata(s.L, capacity)
    if s.length:
        memcpy(data, s.data, s.length)
    s.api.replace(s.L, lua_upvalue(SCRATCH_UPVALUE))
    s.data = data
    s.capacity = capacity


cdef void scratch_push(Scratch* s) noexcept nogil:
    """Pushes the bytes as a string."""
    if s.data != NULL:
        s.api.pushlstring(s.L, s.data, s.length)
    else:
        s.api.pushlstring(s.L, b"", 0)


cdef void scratch_close(Scratch* s, bint keep) noexcept nogil:
    """The end of the call: the block stays for the next one if `keep` is wished and it is not large."""
    if s.capacity and (not keep or s.capacity > SCRATCH_KEEP):
        s.api.pushnil(s.L)
        s.api.replace(s.L, lua_upvalue(SCRATCH_UPVALUE))


cdef void scratch_function(const LuaApi* api, lua_State* L, const char* name, lua_CFunction f) noexcept nogil:
    api.pushnil(L)
    api.pushcclosure(L, f, 1)
    api.setfield(L, -2, name)
