"""state -- a sandboxed interpreter: what of Lua scripts get, and what they can not change.

    script -> _ENV of every chunk: an empty table (the guard of the globals)
                  | metatable: __index = the globals, __newindex = "Attempt to modify a readonly table"
                  v
              the globals: KEYS ARGV pcall pairs ... and redis, string, math ..., each a guard like it

Scripts share one interpreter, so nothing that one leaves behind may be met by the next: globals, libraries and the
metatable of strings are read-only. Redis has a patched interpreter for that, whose tables have a bit. Here each such
table is reached through a guard: a table that is empty for ever, so that every assignment meets __newindex, and whose
__index is the real one, so that reading is a look-up more, done within the virtual machine. Functions that look at or
change tables raw (next, rawget, rawset, setmetatable, getmetatable, table.insert ...) are wrapped: guards read as what
they show, and are refused where they would change.

A chunk of which the compiler's output shows that it cannot write to them (lua/bytecode) gets the tables themselves:
`redis.call` is then two look-ups instead of four. Those tables refuse new fields by a __newindex of their own.

What is not here: files, processes, modules, debug, newproxy, getfenv and setfenv, and bytecode, which could break the
interpreter (load and loadstring take text alone).

Memory: an arena of its own, so it is told apart from the data's, as in Redis. While a script runs, it gets no more than
1 GiB or half of the machine's memory: "not enough memory" is then its error. The server's own pushes around it are not
limited, so they cannot fail.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from _pyredis.base.mem cimport MEM_SMALL_MAX, Arena, arena_free, arena_new, mem_alloc, mem_free, mem_realloc
from _pyredis.lua.bytecode cimport bytecode_is_tame
from _pyredis.lua.api cimport (LUA_GLOBALSINDEX, LUA_MULTRET, LUA_OK, LUA_REGISTRYINDEX, LUA_TFUNCTION, LUA_TNIL,
                               LUA_TSTRING, LUA_TTABLE, lua_api, lua_CFunction, lua_istable, lua_pop, lua_pushcfunction,
                               lua_set_function, lua_upvalue)
from _pyredis.lua.libs cimport libs_open

cdef extern from "<unistd.h>" nogil:
    long sysconf(int name)
    int _SC_PHYS_PAGES
    int _SC_PAGESIZE

cdef enum:
    SELF = 1                       # registry index of the Vm: the first
    MOST_MEMORY = 1 << 30
    PIECES = 64                    # of a chunk that `load` reads, joined at a time
    RANDOM_RANGE = 0x7FFFFFFF
    BYTECODE = 27                  # its first byte
    MOST_DEPTH = 5000              # of a match: some hundred bytes of the C stack each
    MOST_UNPACKED = 1 << 20        # more than any stack has room for

cdef const char* READ_ONLY = b"Attempt to modify a readonly table"


# ---------------------------------------------------------------- memory

cdef void* _alloc(void* ud, void* p, size_t old, size_t n) noexcept nogil:
    cdef Vm* vm = <Vm*>ud
    if n == 0:
        if p != NULL:
            mem_free(vm.mem, p, old)
        return NULL
    if n > MEM_SMALL_MAX and vm.capped and n > old and vm.mem.used + (n - old) > vm.limit:
        return NULL
    if p == NULL:
        return mem_alloc(vm.mem, n)
    return mem_realloc(vm.mem, p, old, n)


cdef size_t vm_memory(const Vm* vm) noexcept nogil:
    return vm.mem.used if vm != NULL else 0


cdef Vm* vm_of(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef Vm* vm
    api.rawgeti(L, LUA_REGISTRYINDEX, SELF)
    vm = <Vm*>api.touserdata(L, -1)
    lua_pop(api, L, 1)
    return vm


# ---------------------------------------------------------------- guards

cdef inline Vm* _vm(lua_State* L) noexcept nogil:
    """The interpreter of a wrapped function: its first upvalue."""
    return <Vm*>lua_api().touserdata(L, lua_upvalue(1))


cdef int _find_guard(const Vm* vm, lua_State* L, int i) noexcept nogil:
    """Which guard stands at stack index i, or what it stands for; -1: none."""
    cdef const void* address
    cdef int g
    if vm.api.type(L, i) != LUA_TTABLE:
        return -1
    address = vm.api.topointer(L, i)
    for g in range(vm.guard_count):
        if vm.guards[g].address == address or vm.guards[g].shown == address:
            return g
    return -1


cdef bint vm_is_sealed(const Vm* vm, lua_State* L, int i) noexcept nogil:
    return _find_guard(vm, L, i) >= 0


cdef int _refuse_change(lua_State* L) noexcept nogil:
    return lua_api().aux_error(L, READ_ONLY)


cdef int _missing_global(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef const char* format = "Script attempted to access nonexistent global variable '%s'"
    cdef const char* name = api.tolstring(L, 2, NULL)
    if name == NULL:
        name = "?"
    return api.aux_error(L, format, name)


cdef void vm_guard(Vm* vm) noexcept nogil:
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    cdef Guard* g = &vm.guards[vm.guard_count]
    vm.guard_count += 1
    g.shown = api.topointer(L, -1)
    api.createtable(L, 0, 0)
    g.address = api.topointer(L, -1)
    api.createtable(L, 0, 2)
    api.pushvalue(L, -3)
    api.setfield(L, -2, b"__index")
    lua_set_function(api, L, b"__newindex", _refuse_change)
    api.setmetatable(L, -2)
    api.insert(L, -2)                            # below what it shows
    g.view = api.aux_ref(L, LUA_REGISTRYINDEX)
    api.pushvalue(L, -1)
    api.aux_ref(L, LUA_REGISTRYINDEX)            # its address is never another's


cdef void _show(Vm* vm, lua_State* L, int i) noexcept nogil:
    """A guard at stack index i gives way to what it shows: for reading only."""
    cdef int g = _find_guard(vm, L, i)
    if g >= 0:
        vm.api.rawgeti(L, LUA_REGISTRYINDEX, vm.guards[g].view)
        vm.api.replace(L, i)


cdef int _refuse_raw(Vm* vm, lua_State* L) noexcept nogil:
    vm.api.pushstring(L, READ_ONLY)
    return vm.api.error(L)


cdef int _next(lua_State* L) noexcept nogil:
    """next(table, [key])"""
    cdef Vm* vm = _vm(L)
    vm.api.aux_checktype(L, 1, LUA_TTABLE)
    vm.api.settop(L, 2)
    _show(vm, L, 1)
    if vm.api.next(L, 1):
        return 2
    vm.api.pushnil(L)
    return 1


cdef int _pairs(lua_State* L) noexcept nogil:
    """pairs(table): with the language's own `next`, except for a guard, for it would hand out what the guard shows."""
    cdef Vm* vm = _vm(L)
    vm.api.aux_checktype(L, 1, LUA_TTABLE)
    vm.api.pushvalue(L, lua_upvalue(3 if vm_is_sealed(vm, L, 1) else 2))
    vm.api.pushvalue(L, 1)
    vm.api.pushnil(L)
    return 3


cdef int _rawget(lua_State* L) noexcept nogil:
    """rawget(table, key)"""
    cdef Vm* vm = _vm(L)
    vm.api.aux_checktype(L, 1, LUA_TTABLE)
    vm.api.aux_checkany(L, 2)
    vm.api.settop(L, 2)
    _show(vm, L, 1)
    vm.api.rawget(L, 1)
    return 1


cdef int _rawset(lua_State* L) noexcept nogil:
    """rawset(table, key, value) -> table"""
    cdef Vm* vm = _vm(L)
    vm.api.aux_checktype(L, 1, LUA_TTABLE)
    vm.api.aux_checkany(L, 2)
    vm.api.aux_checkany(L, 3)
    vm.api.settop(L, 3)
    if vm_is_sealed(vm, L, 1):
        return _refuse_raw(vm, L)
    vm.api.rawset(L, 1)
    return 1


cdef int _getmetatable(lua_State* L) noexcept nogil:
    """getmetatable(value): a guard has none to show, but for the globals, which have a guarded one."""
    cdef Vm* vm = _vm(L)
    vm.api.aux_checkany(L, 1)
    if vm_is_sealed(vm, L, 1):
        if vm.api.rawequal(L, 1, LUA_GLOBALSINDEX):
            vm.api.rawgeti(L, LUA_REGISTRYINDEX, vm.names_meta)
        else:
            vm.api.pushnil(L)
        return 1
    if not vm.api.getmetatable(L, 1):
        vm.api.pushnil(L)
        return 1
    vm.api.pushstring(L, b"__metatable")
    vm.api.rawget(L, -2)
    if vm.api.type(L, -1) == LUA_TNIL:
        lua_pop(vm.api, L, 1)
    return 1


cdef int _setmetatable(lua_State* L) noexcept nogil:
    """setmetatable(table, metatable) -> table"""
    cdef Vm* vm = _vm(L)
    cdef int t = vm.api.type(L, 2)
    vm.api.aux_checktype(L, 1, LUA_TTABLE)
    if t != LUA_TNIL and t != LUA_TTABLE:
        return vm.api.aux_argerror(L, 2, b"nil or table expected")
    if vm_is_sealed(vm, L, 1):
        return _refuse_raw(vm, L)
    if vm.api.getmetatable(L, 1):
        vm.api.pushstring(L, b"__metatable")
        vm.api.rawget(L, -2)
        if vm.api.type(L, -1) != LUA_TNIL:
            return vm.api.aux_error(L, b"cannot change a protected metatable")
    vm.api.settop(L, 2)
    vm.api.setmetatable(L, 1)
    return 1


cdef int _insert(lua_State* L) noexcept nogil:
    """table.insert(table, [position,] value)"""
    cdef Vm* vm = _vm(L)
    cdef const LuaApi* api = vm.api
    cdef int end, at, i, count = api.gettop(L)
    api.aux_checktype(L, 1, LUA_TTABLE)
    end = at = <int>api.objlen(L, 1) + 1
    if count == 3:
        at = <int>api.aux_checkinteger(L, 2)
        end = max(end, at)
    elif count != 2:
        return api.aux_error(L, b"wrong number of arguments to 'insert'")
    if vm_is_sealed(vm, L, 1):
        return _refuse_raw(vm, L)
    i = end
    while i > at:
        api.rawgeti(L, 1, i - 1)
        api.rawseti(L, 1, i)
        i -= 1
    api.rawseti(L, 1, at)
    return 0


cdef int _foreach(lua_State* L) noexcept nogil:
    """table.foreach(table, function): the original, on what a guard shows (it gives keys and values alone)."""
    cdef Vm* vm = _vm(L)
    vm.api.aux_checktype(L, 1, LUA_TTABLE)
    vm.api.aux_checktype(L, 2, LUA_TFUNCTION)
    _show(vm, L, 1)
    vm.api.pushvalue(L, lua_upvalue(2))
    vm.api.insert(L, 1)
    vm.api.call(L, vm.api.gettop(L) - 1, LUA_MULTRET)
    return vm.api.gettop(L)


# ---------------------------------------------------------------- functions of our own

cdef int vm_compile(Vm* vm, lua_State* L, const char* p, size_t n, const char* name) noexcept nogil:
    cdef const LuaApi* api = vm.api
    cdef int status, held = 1
    # The compiler makes a string of the name and holds on to it by a pointer that the collector does not see
    # (CVE-2025-49844). Equal strings are one, and this one stays on the stack meanwhile.
    api.pushstring(L, name)
    if n and p[0] == BYTECODE:                   # behind a blank it is text, and no good one
        api.pushlstring(L, b" ", 1)
        api.pushlstring(L, p, n)
        api.concat(L, 2)
        p = api.tolstring(L, -1, &n)
        held = 2
    status = api.aux_loadbuffer(L, p, n, name)
    while held:
        api.remove(L, -2)
        held -= 1
    return status


cdef int _compiled(Vm* vm, lua_State* L, const char* p, size_t n, const char* name) noexcept nogil:
    if vm_compile(vm, L, p, n, name) == LUA_OK:
        return 1
    vm.api.pushnil(L)
    vm.api.insert(L, -2)
    return 2


cdef int _loadstring(lua_State* L) noexcept nogil:
    cdef Vm* vm = _vm(L)
    cdef size_t n
    cdef const char* p = vm.api.aux_checklstring(L, 1, &n)
    return _compiled(vm, L, p, n, vm.api.aux_optlstring(L, 2, p, NULL))


cdef int _read_pieces(lua_State* L) noexcept nogil:
    """(function) -> all that it returns until nil or nothing, as one string."""
    cdef const LuaApi* api = lua_api()
    cdef int held = 0
    cdef size_t n
    api.settop(L, 1)
    api.aux_checkstack(L, PIECES + 4, b"too many pieces")
    while True:
        api.pushvalue(L, 1)
        api.call(L, 0, 1)
        if api.type(L, -1) == LUA_TNIL:
            break
        if not api.isstring(L, -1):
            return api.aux_error(L, b"reader function must return a string")
        api.tolstring(L, -1, &n)
        if n == 0:
            break
        held += 1
        if held == PIECES:
            api.concat(L, held)
            held = 1
    lua_pop(api, L, 1)
    api.concat(L, held)
    return 1


cdef int _load(lua_State* L) noexcept nogil:
    cdef Vm* vm = _vm(L)
    cdef const LuaApi* api = vm.api
    cdef size_t n
    cdef const char* p
    cdef const char* name
    api.aux_checktype(L, 1, LUA_TFUNCTION)
    name = api.aux_optlstring(L, 2, b"=(load)", NULL)
    lua_pushcfunction(api, L, _read_pieces)
    api.pushvalue(L, 1)
    if api.pcall(L, 1, 1, 0) != LUA_OK:
        api.pushnil(L)
        api.insert(L, -2)
        return 2
    p = api.tolstring(L, -1, &n)
    return _compiled(vm, L, p, n, name)


cdef int _pcall(lua_State* L) noexcept nogil:
    """pcall, but an error that is a table with an `err` is given as that text, as in Redis."""
    cdef const LuaApi* api = lua_api()
    cdef int status
    api.aux_checkany(L, 1)
    api.pushboolean(L, True)
    api.insert(L, 1)
    status = api.pcall(L, api.gettop(L) - 2, LUA_MULTRET, 0)
    if status == LUA_OK:
        return api.gettop(L)
    api.remove(L, 1)
    if lua_istable(api, L, -1):
        api.pushlstring(L, b"err", 3)
        api.rawget(L, -2)
        if api.isstring(L, -1):
            api.replace(L, -2)
        else:
            lua_pop(api, L, 1)
    api.pushboolean(L, False)
    api.insert(L, -2)
    return 2


cdef int _xpcall(lua_State* L) noexcept nogil:
    """xpcall(function, handler): the handler runs when the failed call has been left, not within it.

    The language's own calls it where the error is raised, which, for an error that a hook raises, is within the hook,
    where there are no hooks: a handler that loops could then never be ended.
    """
    cdef const LuaApi* api = lua_api()
    api.aux_checkany(L, 2)
    api.settop(L, 2)
    api.pushvalue(L, 1)
    if api.pcall(L, 0, LUA_MULTRET, 0) == LUA_OK:
        api.pushboolean(L, True)
        api.replace(L, 2)
        return api.gettop(L) - 1
    api.pushvalue(L, 2)
    api.insert(L, -2)
    if api.pcall(L, 1, 1, 0) != LUA_OK:
        api.pushstring(L, b"error in error handling")
    api.pushboolean(L, False)
    api.insert(L, -2)
    return 2


cdef int _unpack(lua_State* L) noexcept nogil:
    """unpack(table [, first [, last]]): the language's own counts in int, and takes 0 .. 2^31-1 for a range that the
    stack has room for (CVE-2025-46817)."""
    cdef const LuaApi* api = lua_api()
    cdef int64_t first = 1, last, count
    cdef int i
    api.aux_checktype(L, 1, LUA_TTABLE)
    if api.type(L, 2) > LUA_TNIL:
        first = <int>api.aux_checkinteger(L, 2)
    last = <int>api.aux_checkinteger(L, 3) if api.type(L, 3) > LUA_TNIL else <int>api.objlen(L, 1)
    if first > last:
        return 0
    count = last - first + 1
    if count > MOST_UNPACKED or not api.checkstack(L, <int>count):
        return api.aux_error(L, b"too many results to unpack")
    for i in range(<int>count):
        api.rawgeti(L, 1, <int>first + i)
    return <int>count


cdef size_t _deepest(const char* p, size_t n) noexcept nogil:
    """How deep matching a pattern may recurse, at most: a level for each item that repeats. (Captures are few.)"""
    cdef size_t i, depth = 0
    for i in range(n):
        depth += p[i] in (c'?', c'*', c'+', c'-')
    return depth


cdef int _with_pattern(lua_State* L) noexcept nogil:
    """string.find and its kin: the original, in this very call, unless it could run past the end of the C stack."""
    cdef const LuaApi* api = lua_api()
    cdef size_t n
    cdef const char* p
    if api.type(L, 2) == LUA_TSTRING:
        p = api.tolstring(L, 2, &n)
        if n > MOST_DEPTH and _deepest(p, n) > MOST_DEPTH:
            return api.aux_error(L, b"pattern too complex")
    return (<lua_CFunction>api.touserdata(L, lua_upvalue(1)))(L)


cdef double _next_random(Vm* vm) noexcept nogil:
    """In [0, 1): the 48-bit congruential generator of POSIX (drand48's numbers), so scripts see Redis's sequence."""
    vm.random = (vm.random * <uint64_t>0x5DEECE66D + 0xB) & ((<uint64_t>1 << 48) - 1)
    return <double>((vm.random >> 17) % RANDOM_RANGE) / <double>RANDOM_RANGE


cdef int _random(lua_State* L) noexcept nogil:
    """math.random([low,] [high])"""
    cdef Vm* vm = _vm(L)
    cdef const LuaApi* api = vm.api
    cdef int count = api.gettop(L)
    cdef double r = _next_random(vm), width
    cdef int low = 1, high
    if count == 0:
        api.pushnumber(L, r)
        return 1
    if count > 2:
        return api.aux_error(L, b"wrong number of arguments")
    if count == 2:
        low = <int>api.aux_checkinteger(L, 1)
    high = <int>api.aux_checkinteger(L, count)
    if low > high:
        return api.aux_argerror(L, count, b"interval is empty")
    width = <double>high - <double>low + 1
    api.pushnumber(L, <double><int64_t>(r * width) + low)
    return 1


cdef int _randomseed(lua_State* L) noexcept nogil:
    cdef Vm* vm = _vm(L)
    vm.random = ((<uint64_t><unsigned int>vm.api.aux_checkinteger(L, 1)) << 16) | 0x330E
    return 0


# ---------------------------------------------------------------- making one

cdef void _own(Vm* vm, const char* name, lua_CFunction f) noexcept nogil:
    """t[name] = f, which finds the Vm in its upvalue, for the table on top."""
    vm.api.pushlightuserdata(vm.L, vm)
    vm.api.pushcclosure(vm.L, f, 1)
    vm.api.setfield(vm.L, -2, name)


cdef void _open(Vm* vm, lua_CFunction library, const char* name) noexcept nogil:
    lua_pushcfunction(vm.api, vm.L, library)
    vm.api.pushstring(vm.L, name)
    vm.api.call(vm.L, 1, 0)


cdef void _remove(Vm* vm, const char* name) noexcept nogil:
    vm.api.pushnil(vm.L)
    vm.api.setfield(vm.L, -2, name)


cdef void _trim_base(Vm* vm) noexcept nogil:
    """The globals, on top: takes away what reaches out of the sandbox, replaces what reaches around the guards."""
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    _remove(vm, b"dofile")
    _remove(vm, b"loadfile")
    _remove(vm, b"print")
    _remove(vm, b"newproxy")
    _remove(vm, b"getfenv")
    _remove(vm, b"setfenv")
    api.pushlightuserdata(L, vm)
    api.getfield(L, -2, b"next")
    api.pushlightuserdata(L, vm)
    api.pushcclosure(L, _next, 1)
    api.pushvalue(L, -1)
    api.setfield(L, -5, b"next")
    api.pushcclosure(L, _pairs, 3)
    api.setfield(L, -2, b"pairs")
    lua_set_function(api, L, b"pcall", _pcall)
    lua_set_function(api, L, b"xpcall", _xpcall)
    lua_set_function(api, L, b"unpack", _unpack)
    _own(vm, b"load", _load)
    _own(vm, b"loadstring", _loadstring)
    _own(vm, b"rawget", _rawget)
    _own(vm, b"rawset", _rawset)
    _own(vm, b"getmetatable", _getmetatable)
    _own(vm, b"setmetatable", _setmetatable)


cdef void _guard_patterns(Vm* vm, const char* name) noexcept nogil:
    """Of the library of strings, on top: has one of its functions look at the pattern first."""
    vm.api.getfield(vm.L, -1, name)
    vm.api.pushlightuserdata(vm.L, <void*>vm.api.tocfunction(vm.L, -1))
    vm.api.pushcclosure(vm.L, _with_pattern, 1)
    vm.api.setfield(vm.L, -3, name)
    lua_pop(vm.api, vm.L, 1)


cdef void _trim_libraries(Vm* vm) noexcept nogil:
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    api.getfield(L, -1, b"string")
    _guard_patterns(vm, b"find")
    _guard_patterns(vm, b"match")
    _guard_patterns(vm, b"gmatch")
    _guard_patterns(vm, b"gsub")
    lua_pop(api, L, 1)
    api.getfield(L, -1, b"table")
    _own(vm, b"insert", _insert)
    api.pushlightuserdata(L, vm)
    api.getfield(L, -2, b"foreach")
    api.pushcclosure(L, _foreach, 2)
    api.setfield(L, -2, b"foreach")
    lua_pop(api, L, 1)
    api.getfield(L, -1, b"math")
    _own(vm, b"random", _random)
    _own(vm, b"randomseed", _randomseed)
    lua_pop(api, L, 1)
    api.createtable(L, 0, 1)
    api.getfield(L, -2, b"os")
    api.getfield(L, -1, b"clock")
    api.setfield(L, -3, b"clock")
    lua_pop(api, L, 1)
    api.setfield(L, -2, b"os")


cdef void _seal_strings(Vm* vm) noexcept nogil:
    """What `getmetatable("")` gives is a guard, too; methods of strings are found as ever."""
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    api.pushlstring(L, b"", 0)
    api.getmetatable(L, -1)
    api.createtable(L, 0, 1)
    api.getfield(L, -4, b"string")               # a guard by now
    api.setfield(L, -2, b"__index")
    vm_guard(vm)
    api.setfield(L, -2, b"__metatable")
    lua_pop(api, L, 2)


cdef void _seal_itself(Vm* vm) noexcept nogil:
    """The table on top takes no new fields, not even from those who have it without its guard."""
    vm.api.createtable(vm.L, 0, 1)
    lua_set_function(vm.api, vm.L, b"__newindex", _refuse_change)
    vm.api.setmetatable(vm.L, -2)


cdef void _keep_plain(Vm* vm) noexcept nogil:
    """Copies the globals, on top, before their tables are guarded: what tame chunks have."""
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    api.createtable(L, 0, 48)
    api.pushnil(L)
    while api.next(L, -3):
        if lua_istable(api, L, -1):
            _seal_itself(vm)
        api.pushvalue(L, -2)
        api.insert(L, -2)
        api.rawset(L, -4)
    api.createtable(L, 0, 2)
    lua_set_function(api, L, b"__index", _missing_global)
    lua_set_function(api, L, b"__newindex", _refuse_change)
    api.setmetatable(L, -2)
    vm.plain_names = api.aux_ref(L, LUA_REGISTRYINDEX)


cdef bint _is_sealed_name(void* arg, const char* name, size_t n) noexcept nogil:
    cdef Vm* vm = <Vm*>arg
    cdef bint found = False
    cdef int g
    for g in range(vm.guard_count):
        vm.api.rawgeti(vm.L, LUA_REGISTRYINDEX, vm.guards[g].view)
        vm.api.pushlstring(vm.L, name, n)
        vm.api.rawget(vm.L, -2)
        found = found or vm.api.type(vm.L, -1) != LUA_TNIL
        lua_pop(vm.api, vm.L, 2)
    return found


cdef bint vm_trust(Vm* vm) noexcept nogil:
    if not bytecode_is_tame(vm.api, vm.L, _is_sealed_name, vm):
        return False
    vm.api.rawgeti(vm.L, LUA_REGISTRYINDEX, vm.plain_names)
    vm.api.setfenv(vm.L, -2)
    return True


cdef void _seal(Vm* vm) noexcept nogil:
    """Puts a guard before each table among the globals, then before these; chunks see the guards alone."""
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    api.pushnil(L)
    api.setfield(L, -2, b"_G")
    _keep_plain(vm)
    api.pushnil(L)
    while api.next(L, -2):
        if lua_istable(api, L, -1):
            vm_guard(vm)
            api.pushvalue(L, -2)
            api.insert(L, -2)                    # key, key, guard: a value of a key that is there may change
            api.rawset(L, -4)
        else:
            lua_pop(api, L, 1)
    _seal_strings(vm)
    vm_strict(vm)
    api.createtable(L, 0, 1)
    lua_set_function(api, L, b"__index", _missing_global)
    vm_guard(vm)
    vm.names_meta = api.aux_ref(L, LUA_REGISTRYINDEX)
    api.pushvalue(L, -1)
    vm.names = api.aux_ref(L, LUA_REGISTRYINDEX)
    vm_guard(vm)
    api.pushvalue(L, -1)
    api.replace(L, LUA_GLOBALSINDEX)
    api.rawgeti(L, LUA_REGISTRYINDEX, vm.names)
    api.insert(L, -2)
    api.pushlstring(L, b"_G", 2)
    api.insert(L, -2)
    api.rawset(L, -3)
    lua_pop(api, L, 1)


cdef void vm_strict(Vm* vm) noexcept nogil:
    vm.api.createtable(vm.L, 0, 1)
    lua_set_function(vm.api, vm.L, b"__index", _missing_global)
    vm.api.setmetatable(vm.L, -2)


cdef void vm_show(Vm* vm, int view) noexcept nogil:
    vm.api.pushvalue(vm.L, LUA_GLOBALSINDEX)
    vm.api.getmetatable(vm.L, -1)
    vm.api.rawgeti(vm.L, LUA_REGISTRYINDEX, view)
    vm.api.setfield(vm.L, -2, b"__index")
    lua_pop(vm.api, vm.L, 2)


cdef Vm* vm_new(const LuaApi* api, void* owner, void (*open)(Vm* vm) noexcept nogil) noexcept nogil:
    cdef Arena* mem = arena_new()
    cdef Vm* vm = <Vm*>mem_alloc(mem, sizeof(Vm))
    cdef lua_State* L
    memset(vm, 0, sizeof(Vm))
    vm.api = api
    vm.mem = mem
    vm.owner = owner
    vm.random = <uint64_t>0x1234ABCD330E
    vm.limit = min(<size_t>sysconf(_SC_PHYS_PAGES) * <size_t>sysconf(_SC_PAGESIZE) // 2, <size_t>MOST_MEMORY)
    vm.L = L = api.newstate(_alloc, vm)
    api.pushlightuserdata(L, vm)
    api.rawseti(L, LUA_REGISTRYINDEX, SELF)
    _open(vm, api.open_base, b"")
    _open(vm, api.open_table, b"table")
    _open(vm, api.open_string, b"string")
    _open(vm, api.open_math, b"math")
    _open(vm, api.open_os, b"os")
    libs_open(api, L)
    api.pushvalue(L, LUA_GLOBALSINDEX)
    _trim_base(vm)
    _trim_libraries(vm)
    open(vm)
    _seal(vm)
    api.pushlstring(L, b"KEYS", 4)
    vm.keys_name = api.aux_ref(L, LUA_REGISTRYINDEX)
    api.pushlstring(L, b"ARGV", 4)
    vm.argv_name = api.aux_ref(L, LUA_REGISTRYINDEX)
    return vm


cdef void vm_free(Vm* vm) noexcept nogil:
    cdef Arena* mem
    if vm == NULL:
        return
    mem = vm.mem
    vm.api.close(vm.L)
    mem_free(mem, vm, sizeof(Vm))
    arena_free(mem)
