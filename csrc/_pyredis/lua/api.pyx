"""api -- the functions of the Lua 5.1 library, by pointer.

The interpreter is that of the lupa wheel: its extension module for Lua 5.1 exports the C API of Lua. Python finds the
file (importlib, at the start), the core loads it by name and looks every function up, once. So nothing is linked, no
header of Lua is needed to build, and a call from a script into the core and back passes no Python: 0.044 us a crossing,
against 0.45 us through lupa's own objects.

A function that Lua calls gets nothing but the state, so the table of pointers is reached through lua_api(). It is the
one thing here that a process has once: the addresses of a library are the same for everybody in it, and never change
once they are known.

Errors of Lua are longjmps: a call that can raise does not return. Who calls one holds nothing that must be given back
(memory, a lock, the GIL), and code that is not itself called by Lua calls it under `pcall`.
"""
from libc.string cimport memset

cdef extern from "<dlfcn.h>" nogil:
    void* dlopen(const char* path, int flags)
    void* dlsym(void* handle, const char* name)
    int RTLD_NOW
    int RTLD_LOCAL

cdef LuaApi _api                     # filled once, by the first lua_api_load
cdef bint _loaded = False


cdef bint _take(void* handle, const char* name, void** place) noexcept nogil:
    place[0] = dlsym(handle, name)
    return place[0] != NULL


cdef bint _take_stack(void* h, LuaApi* api) noexcept nogil:
    cdef bint all = True
    all &= _take(h, b"lua_newstate", <void**>&api.newstate)
    all &= _take(h, b"lua_close", <void**>&api.close)
    all &= _take(h, b"lua_newthread", <void**>&api.newthread)
    all &= _take(h, b"lua_atpanic", <void**>&api.atpanic)
    all &= _take(h, b"lua_gc", <void**>&api.gc)
    all &= _take(h, b"lua_gettop", <void**>&api.gettop)
    all &= _take(h, b"lua_settop", <void**>&api.settop)
    all &= _take(h, b"lua_pushvalue", <void**>&api.pushvalue)
    all &= _take(h, b"lua_remove", <void**>&api.remove)
    all &= _take(h, b"lua_insert", <void**>&api.insert)
    all &= _take(h, b"lua_replace", <void**>&api.replace)
    all &= _take(h, b"lua_checkstack", <void**>&api.checkstack)
    all &= _take(h, b"lua_xmove", <void**>&api.xmove)
    all &= _take(h, b"lua_isnumber", <void**>&api.isnumber)
    all &= _take(h, b"lua_isstring", <void**>&api.isstring)
    all &= _take(h, b"lua_iscfunction", <void**>&api.iscfunction)
    all &= _take(h, b"lua_type", <void**>&api.type)
    all &= _take(h, b"lua_typename", <void**>&api.typename)
    all &= _take(h, b"lua_equal", <void**>&api.equal)
    all &= _take(h, b"lua_rawequal", <void**>&api.rawequal)
    all &= _take(h, b"lua_tonumber", <void**>&api.tonumber)
    all &= _take(h, b"lua_tointeger", <void**>&api.tointeger)
    all &= _take(h, b"lua_toboolean", <void**>&api.toboolean)
    all &= _take(h, b"lua_tolstring", <void**>&api.tolstring)
    all &= _take(h, b"lua_objlen", <void**>&api.objlen)
    all &= _take(h, b"lua_touserdata", <void**>&api.touserdata)
    all &= _take(h, b"lua_tocfunction", <void**>&api.tocfunction)
    all &= _take(h, b"lua_topointer", <void**>&api.topointer)
    return all


cdef bint _take_values(void* h, LuaApi* api) noexcept nogil:
    cdef bint all = True
    all &= _take(h, b"lua_pushnil", <void**>&api.pushnil)
    all &= _take(h, b"lua_pushnumber", <void**>&api.pushnumber)
    all &= _take(h, b"lua_pushinteger", <void**>&api.pushinteger)
    all &= _take(h, b"lua_pushlstring", <void**>&api.pushlstring)
    all &= _take(h, b"lua_pushstring", <void**>&api.pushstring)
    all &= _take(h, b"lua_pushfstring", <void**>&api.pushfstring)
    all &= _take(h, b"lua_pushcclosure", <void**>&api.pushcclosure)
    all &= _take(h, b"lua_pushboolean", <void**>&api.pushboolean)
    all &= _take(h, b"lua_pushlightuserdata", <void**>&api.pushlightuserdata)
    all &= _take(h, b"lua_newuserdata", <void**>&api.newuserdata)
    all &= _take(h, b"lua_concat", <void**>&api.concat)
    all &= _take(h, b"lua_createtable", <void**>&api.createtable)
    all &= _take(h, b"lua_gettable", <void**>&api.gettable)
    all &= _take(h, b"lua_getfield", <void**>&api.getfield)
    all &= _take(h, b"lua_rawget", <void**>&api.rawget)
    all &= _take(h, b"lua_rawgeti", <void**>&api.rawgeti)
    all &= _take(h, b"lua_settable", <void**>&api.settable)
    all &= _take(h, b"lua_setfield", <void**>&api.setfield)
    all &= _take(h, b"lua_rawset", <void**>&api.rawset)
    all &= _take(h, b"lua_rawseti", <void**>&api.rawseti)
    all &= _take(h, b"lua_getmetatable", <void**>&api.getmetatable)
    all &= _take(h, b"lua_setmetatable", <void**>&api.setmetatable)
    all &= _take(h, b"lua_next", <void**>&api.next)
    all &= _take(h, b"lua_getfenv", <void**>&api.getfenv)
    all &= _take(h, b"lua_setfenv", <void**>&api.setfenv)
    return all


cdef bint _take_rest(void* h, LuaApi* api) noexcept nogil:
    cdef bint all = True
    all &= _take(h, b"lua_call", <void**>&api.call)
    all &= _take(h, b"lua_dump", <void**>&api.dump)
    all &= _take(h, b"lua_pcall", <void**>&api.pcall)
    all &= _take(h, b"lua_error", <void**>&api.error)
    all &= _take(h, b"lua_sethook", <void**>&api.sethook)
    all &= _take(h, b"lua_getstack", <void**>&api.getstack)
    all &= _take(h, b"lua_getinfo", <void**>&api.getinfo)
    all &= _take(h, b"lua_getupvalue", <void**>&api.getupvalue)
    all &= _take(h, b"luaL_loadbuffer", <void**>&api.aux_loadbuffer)
    all &= _take(h, b"luaL_newmetatable", <void**>&api.aux_newmetatable)
    all &= _take(h, b"luaL_checkudata", <void**>&api.aux_checkudata)
    all &= _take(h, b"luaL_error", <void**>&api.aux_error)
    all &= _take(h, b"luaL_argerror", <void**>&api.aux_argerror)
    all &= _take(h, b"luaL_typerror", <void**>&api.aux_typerror)
    all &= _take(h, b"luaL_where", <void**>&api.aux_where)
    all &= _take(h, b"luaL_checklstring", <void**>&api.aux_checklstring)
    all &= _take(h, b"luaL_optlstring", <void**>&api.aux_optlstring)
    all &= _take(h, b"luaL_checknumber", <void**>&api.aux_checknumber)
    all &= _take(h, b"luaL_optnumber", <void**>&api.aux_optnumber)
    all &= _take(h, b"luaL_checkinteger", <void**>&api.aux_checkinteger)
    all &= _take(h, b"luaL_optinteger", <void**>&api.aux_optinteger)
    all &= _take(h, b"luaL_checkstack", <void**>&api.aux_checkstack)
    all &= _take(h, b"luaL_checktype", <void**>&api.aux_checktype)
    all &= _take(h, b"luaL_checkany", <void**>&api.aux_checkany)
    all &= _take(h, b"luaL_ref", <void**>&api.aux_ref)
    all &= _take(h, b"luaL_unref", <void**>&api.aux_unref)
    all &= _take(h, b"luaopen_base", <void**>&api.open_base)
    all &= _take(h, b"luaopen_table", <void**>&api.open_table)
    all &= _take(h, b"luaopen_string", <void**>&api.open_string)
    all &= _take(h, b"luaopen_math", <void**>&api.open_math)
    all &= _take(h, b"luaopen_os", <void**>&api.open_os)
    all &= _take(h, b"luaopen_debug", <void**>&api.open_debug)
    return all


cdef bint lua_api_load(LuaApi* api, const char* path) noexcept nogil:
    """Fills `api` with the functions of the library at `path`; False if it cannot be loaded, or lacks one of them."""
    global _api, _loaded
    cdef void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)
    memset(api, 0, sizeof(LuaApi))
    if handle == NULL or not (_take_stack(handle, api) and _take_values(handle, api) and _take_rest(handle, api)):
        return False
    if not _loaded:
        _api = api[0]
        _loaded = True
    return True


cdef const LuaApi* lua_api() noexcept nogil:
    """The functions, for code that Lua calls and that has nothing but its state."""
    return &_api if _loaded else NULL
