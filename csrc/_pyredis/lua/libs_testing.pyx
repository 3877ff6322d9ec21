"""libs_testing -- the libraries in a bare state of Lua, for tests only: chunks in, strings out."""
from libc.stdlib cimport free, realloc

from _pyredis.lua.api cimport (
    LUA_GCCOLLECT, LUA_OK, LuaApi, lua_api, lua_api_load, lua_CFunction, lua_pop, lua_State,
)
from _pyredis.lua.libs cimport libs_open

cdef struct Memory:
    size_t used
    size_t limit                 # 0: none


cdef void* _allocate(void* ud, void* p, size_t old, size_t new) noexcept nogil:
    """Of malloc, so that a sanitizer sees the bounds of what belongs to Lua."""
    cdef Memory* m = <Memory*>ud
    cdef void* block
    if new == 0:
        free(p)
        m.used -= old
        return NULL
    if m.limit and new > old and m.used + (new - old) > m.limit:
        return NULL
    block = realloc(p, new)
    if block != NULL:
        m.used += new - old
    return block


cdef void _open_library(const LuaApi* api, lua_State* L, lua_CFunction f, const char* name) noexcept nogil:
    api.pushcclosure(L, f, 0)
    api.pushstring(L, name)
    api.call(L, 1, 0)


cdef int _open(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    _open_library(api, L, api.open_base, b"")
    _open_library(api, L, api.open_table, b"table")
    _open_library(api, L, api.open_string, b"string")
    _open_library(api, L, api.open_math, b"math")
    libs_open(api, L)
    return 0


class LuaError(Exception):
    pass


cdef class State:
    """A state with the libraries open. `run(chunk)` gives the chunk's first result, which has to be a string."""
    cdef const LuaApi* api
    cdef lua_State* L
    cdef Memory memory

    def __cinit__(self, str library):
        cdef LuaApi api
        if lua_api() == NULL and not lua_api_load(&api, library.encode()):
            raise OSError(f"{library} has no Lua 5.1")
        self.api = lua_api()
        self.L = self.api.newstate(_allocate, &self.memory)
        self.api.pushcclosure(self.L, _open, 0)
        self._call(0)

    def __dealloc__(self):
        if self.L != NULL:
            self.api.close(self.L)

    cdef _call(self, int results):
        cdef int failed
        with nogil:
            failed = self.api.pcall(self.L, 0, results, 0)
        if failed != LUA_OK:
            text = self._string()
            raise LuaError(text)

    cdef bytes _string(self):
        cdef size_t n = 0
        cdef const char* p = self.api.tolstring(self.L, -1, &n)
        text = p[:n] if p != NULL else None
        lua_pop(self.api, self.L, 1)
        return text

    def run(self, bytes chunk):
        if self.api.aux_loadbuffer(self.L, chunk, len(chunk), b"@user_script") != LUA_OK:
            raise LuaError(self._string())
        self._call(1)
        return self._string()

    def collect(self):
        """A full collection; the bytes in use after it."""
        with nogil:
            self.api.gc(self.L, LUA_GCCOLLECT, 0)
        return self.memory.used

    def limit(self, size_t more):
        """Let allocations fail that would take `more` bytes beyond what is in use; 0: let none fail."""
        self.memory.limit = self.memory.used + more if more else 0
