# api -- the functions of the Lua 5.1 library, by pointer. The story is in api.pyx.
from libc.stddef cimport ptrdiff_t

cdef extern from "lua_state.h" nogil:
    ctypedef struct lua_State:      # opaque
        pass

ctypedef double    lua_Number
ctypedef ptrdiff_t lua_Integer
ctypedef int   (*lua_CFunction)(lua_State* L) noexcept nogil
ctypedef void* (*lua_Alloc)(void* ud, void* ptr, size_t old, size_t new) noexcept nogil
ctypedef int   (*lua_Writer)(lua_State* L, const void* p, size_t n, void* ud) noexcept nogil

cdef enum:
    LUA_REGISTRYINDEX = -10000
    LUA_ENVIRONINDEX = -10001
    LUA_GLOBALSINDEX = -10002
    LUA_MULTRET = -1
    LUA_MINSTACK = 20
    LUA_IDSIZE = 60

cdef enum:                          # what pcall, load and resume return
    LUA_OK = 0
    LUA_YIELD
    LUA_ERRRUN
    LUA_ERRSYNTAX
    LUA_ERRMEM
    LUA_ERRERR

cdef enum:                          # of api.type
    LUA_TNONE = -1
    LUA_TNIL = 0
    LUA_TBOOLEAN
    LUA_TLIGHTUSERDATA
    LUA_TNUMBER
    LUA_TSTRING
    LUA_TTABLE
    LUA_TFUNCTION
    LUA_TUSERDATA
    LUA_TTHREAD

cdef enum:                          # of api.gc
    LUA_GCSTOP = 0
    LUA_GCRESTART
    LUA_GCCOLLECT
    LUA_GCCOUNT
    LUA_GCCOUNTB
    LUA_GCSTEP
    LUA_GCSETPAUSE
    LUA_GCSETSTEPMUL

cdef enum:
    LUA_MASKCALL = 1
    LUA_MASKRET = 2
    LUA_MASKLINE = 4
    LUA_MASKCOUNT = 8

cdef struct lua_Debug:
    int event
    const char* name
    const char* namewhat
    const char* what
    const char* source
    int currentline
    int nups
    int linedefined
    int lastlinedefined
    char short_src[LUA_IDSIZE]
    int i_ci

ctypedef void (*lua_Hook)(lua_State* L, lua_Debug* ar) noexcept nogil

# A field is the function of that name: `gettop` is lua_gettop, `aux_checkinteger` is luaL_checkinteger. Those that
# raise (error, aux_error, aux_check..., and whatever allocates) leave by longjmp: the caller holds nothing then.
cdef struct LuaApi:
    # states
    lua_State* (*newstate)(lua_Alloc f, void* ud) noexcept nogil
    void (*close)(lua_State* L) noexcept nogil
    lua_State* (*newthread)(lua_State* L) noexcept nogil
    lua_CFunction (*atpanic)(lua_State* L, lua_CFunction f) noexcept nogil
    int  (*gc)(lua_State* L, int what, int data) noexcept nogil
    # the stack
    int  (*gettop)(lua_State* L) noexcept nogil
    void (*settop)(lua_State* L, int i) noexcept nogil
    void (*pushvalue)(lua_State* L, int i) noexcept nogil
    void (*remove)(lua_State* L, int i) noexcept nogil
    void (*insert)(lua_State* L, int i) noexcept nogil
    void (*replace)(lua_State* L, int i) noexcept nogil
    int  (*checkstack)(lua_State* L, int n) noexcept nogil
    void (*xmove)(lua_State* to, lua_State* source, int n) noexcept nogil
    # reading values
    int  (*isnumber)(lua_State* L, int i) noexcept nogil
    int  (*isstring)(lua_State* L, int i) noexcept nogil
    int  (*iscfunction)(lua_State* L, int i) noexcept nogil
    int  (*type)(lua_State* L, int i) noexcept nogil
    const char* (*typename)(lua_State* L, int t) noexcept nogil
    int  (*equal)(lua_State* L, int a, int b) noexcept nogil
    int  (*rawequal)(lua_State* L, int a, int b) noexcept nogil
    lua_Number  (*tonumber)(lua_State* L, int i) noexcept nogil
    lua_Integer (*tointeger)(lua_State* L, int i) noexcept nogil
    int  (*toboolean)(lua_State* L, int i) noexcept nogil
    const char* (*tolstring)(lua_State* L, int i, size_t* n) noexcept nogil    # converts a number in place
    size_t (*objlen)(lua_State* L, int i) noexcept nogil
    void* (*touserdata)(lua_State* L, int i) noexcept nogil
    lua_CFunction (*tocfunction)(lua_State* L, int i) noexcept nogil
    const void* (*topointer)(lua_State* L, int i) noexcept nogil
    # pushing values
    void (*pushnil)(lua_State* L) noexcept nogil
    void (*pushnumber)(lua_State* L, lua_Number v) noexcept nogil
    void (*pushinteger)(lua_State* L, lua_Integer v) noexcept nogil
    void (*pushlstring)(lua_State* L, const char* p, size_t n) noexcept nogil
    void (*pushstring)(lua_State* L, const char* text) noexcept nogil
    const char* (*pushfstring)(lua_State* L, const char* format, ...) noexcept nogil   # %s %d %f %p %c %% only
    void (*pushcclosure)(lua_State* L, lua_CFunction f, int upvalues) noexcept nogil
    void (*pushboolean)(lua_State* L, int v) noexcept nogil
    void (*pushlightuserdata)(lua_State* L, void* p) noexcept nogil
    void* (*newuserdata)(lua_State* L, size_t n) noexcept nogil
    void (*concat)(lua_State* L, int n) noexcept nogil
    # tables
    void (*createtable)(lua_State* L, int array, int hash) noexcept nogil
    void (*gettable)(lua_State* L, int i) noexcept nogil
    void (*getfield)(lua_State* L, int i, const char* k) noexcept nogil
    void (*rawget)(lua_State* L, int i) noexcept nogil
    void (*rawgeti)(lua_State* L, int i, int n) noexcept nogil
    void (*settable)(lua_State* L, int i) noexcept nogil
    void (*setfield)(lua_State* L, int i, const char* k) noexcept nogil
    void (*rawset)(lua_State* L, int i) noexcept nogil
    void (*rawseti)(lua_State* L, int i, int n) noexcept nogil
    int  (*getmetatable)(lua_State* L, int i) noexcept nogil
    int  (*setmetatable)(lua_State* L, int i) noexcept nogil
    int  (*next)(lua_State* L, int i) noexcept nogil
    void (*getfenv)(lua_State* L, int i) noexcept nogil
    int  (*setfenv)(lua_State* L, int i) noexcept nogil
    # calling, errors, hooks
    void (*call)(lua_State* L, int args, int results) noexcept nogil
    int  (*dump)(lua_State* L, lua_Writer f, void* ud) noexcept nogil
    int  (*pcall)(lua_State* L, int args, int results, int handler) noexcept nogil
    int  (*error)(lua_State* L) noexcept nogil
    int  (*sethook)(lua_State* L, lua_Hook f, int mask, int count) noexcept nogil
    int  (*getstack)(lua_State* L, int level, lua_Debug* ar) noexcept nogil
    int  (*getinfo)(lua_State* L, const char* what, lua_Debug* ar) noexcept nogil
    const char* (*getupvalue)(lua_State* L, int f, int n) noexcept nogil
    # the auxiliary library
    int  (*aux_loadbuffer)(lua_State* L, const char* p, size_t n, const char* name) noexcept nogil
    int  (*aux_newmetatable)(lua_State* L, const char* name) noexcept nogil
    void* (*aux_checkudata)(lua_State* L, int i, const char* name) noexcept nogil
    int  (*aux_error)(lua_State* L, const char* format, ...) noexcept nogil            # formats as pushfstring
    int  (*aux_argerror)(lua_State* L, int i, const char* text) noexcept nogil
    int  (*aux_typerror)(lua_State* L, int i, const char* expected) noexcept nogil
    void (*aux_where)(lua_State* L, int level) noexcept nogil
    const char* (*aux_checklstring)(lua_State* L, int i, size_t* n) noexcept nogil
    const char* (*aux_optlstring)(lua_State* L, int i, const char* other, size_t* n) noexcept nogil
    lua_Number  (*aux_checknumber)(lua_State* L, int i) noexcept nogil
    lua_Number  (*aux_optnumber)(lua_State* L, int i, lua_Number other) noexcept nogil
    lua_Integer (*aux_checkinteger)(lua_State* L, int i) noexcept nogil
    lua_Integer (*aux_optinteger)(lua_State* L, int i, lua_Integer other) noexcept nogil
    void (*aux_checkstack)(lua_State* L, int n, const char* what) noexcept nogil
    void (*aux_checktype)(lua_State* L, int i, int t) noexcept nogil
    void (*aux_checkany)(lua_State* L, int i) noexcept nogil
    int  (*aux_ref)(lua_State* L, int i) noexcept nogil
    void (*aux_unref)(lua_State* L, int i, int ref) noexcept nogil
    # the libraries of the language
    lua_CFunction open_base
    lua_CFunction open_table
    lua_CFunction open_string
    lua_CFunction open_math
    lua_CFunction open_os
    lua_CFunction open_debug

cdef bint lua_api_load(LuaApi* api, const char* path) noexcept nogil    # False: there is no such library
cdef const LuaApi* lua_api() noexcept nogil                             # the one that was loaded; NULL: none was

cdef inline void lua_pop(const LuaApi* api, lua_State* L, int n) noexcept nogil:
    api.settop(L, -n - 1)

cdef inline bint lua_isnil(const LuaApi* api, lua_State* L, int i) noexcept nogil:
    return api.type(L, i) == LUA_TNIL

cdef inline bint lua_istable(const LuaApi* api, lua_State* L, int i) noexcept nogil:
    return api.type(L, i) == LUA_TTABLE

cdef inline void lua_pushcfunction(const LuaApi* api, lua_State* L, lua_CFunction f) noexcept nogil:
    api.pushcclosure(L, f, 0)

cdef inline int lua_upvalue(int n) noexcept nogil:
    """The index at which a C function finds its n-th upvalue, from 1."""
    return LUA_GLOBALSINDEX - n

cdef inline void lua_set_function(const LuaApi* api, lua_State* L, const char* name, lua_CFunction f) noexcept nogil:
    """t[name] = f, of the table on top."""
    api.pushcclosure(L, f, 0)
    api.setfield(L, -2, name)
