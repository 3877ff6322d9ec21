"""functions -- libraries of functions: FUNCTION, FCALL.

    #!lua name=mylib
    redis.register_function('name', function(keys, args) ... end)

A library's code runs once, when it is loaded, and sees nothing but redis.register_function, redis.log and a few
constants; what it registers is kept as functions in the registry of an interpreter that all libraries share, apart from
that of EVAL. A library is made whole before anything is changed: code that fails, or that registers a name which
another library has, leaves everything as it was.

Functions are found in any case, libraries in their own. A load that takes longer than half a second fails.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcmp, memcpy, memset, strcmp, strlen

from _pyredis.base.clock cimport clock_ticks, clock_ticks_to_us
from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.base.text cimport text_equal_nocase, text_glob, text_lower_into, text_next_word
from _pyredis.cmd.ctx cimport Ctx, Server, Table, arg_i64, arg_is, fail_with
from _pyredis.cmd.script_run cimport (SCRIPT_ALLOW_OOM, SCRIPT_ALLOW_STALE, SCRIPT_CROSS_SLOT, SCRIPT_NO_CLUSTER,
                                      SCRIPT_NO_WRITES, SCRIPT_PLAIN, Run, Scripting, script_call, script_flag,
                                      script_keys, script_shown, script_kill, script_may_run, script_on_error,
                                      script_open_functions, script_push_basics, scripting_of)
from _pyredis.cmd.table cimport table_bind
from _pyredis.ds.dict cimport (DictIter, Place, dict_each, dict_find, dict_free, dict_hash, dict_init, dict_insert,
                               dict_iter, dict_next, dict_remove)
from _pyredis.lua.api cimport (LUA_OK, LUA_REGISTRYINDEX, LUA_TFUNCTION, LUA_TNIL, LUA_TSTRING, LuaApi, lua_api,
                               lua_istable, lua_pop, lua_State, lua_upvalue)
from _pyredis.lua.convert cimport convert_push_error
from _pyredis.lua.state cimport vm_compile, vm_free, vm_guard, vm_new, vm_show, vm_strict
from _pyredis.wire.reply cimport (Deferred, reply_array, reply_begin, reply_end, reply_int, reply_map, reply_null,
                                  reply_ok, reply_set, reply_simple, reply_slice, reply_text)

cdef enum:
    LONGEST_NAME = 256             # of a function that is looked for on the stack
    NO_CALLBACK = -2               # what luaL_unref does nothing with
    WORDS = 512                    # of a library's first line

cdef const char* BAD_NAME = (b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at "
                             b"least one character long")


# ---------------------------------------------------------------- what is kept

cdef const char* _library_name(const void* library, size_t* n) noexcept nogil:
    n[0] = (<const Library*>library).name.len
    return (<const Library*>library).name.ptr


cdef const char* _folded_name(const void* function, size_t* n) noexcept nogil:
    n[0] = (<const Function*>function).folded.len
    return (<const Function*>function).folded.ptr


cdef Libraries* libraries_new(Server* s) noexcept nogil:
    cdef Libraries* x = <Libraries*>mem_alloc(s.mem, sizeof(Libraries))
    memset(x, 0, sizeof(Libraries))
    x.by_library_name = s.ks.type
    x.by_library_name.key_of = _library_name
    x.by_folded_name = s.ks.type
    x.by_folded_name.key_of = _folded_name
    dict_init(&x.libraries, &x.by_library_name)
    dict_init(&x.functions, &x.by_folded_name)
    scripting_of(s).fcall_flags = _declared
    return x


cdef Slice _copy(Server* s, Slice text) noexcept nogil:
    cdef char* p = <char*>mem_alloc(s.mem, text.len)
    memcpy(p, text.ptr, text.len)
    return slice_of(p, text.len)


cdef void _free_text(Server* s, Slice text) noexcept nogil:
    if text.ptr != NULL:
        mem_free(s.mem, <void*>text.ptr, text.len)


cdef size_t _size(const Library* library) noexcept nogil:
    cdef const Function* f = library.first
    cdef size_t n = mem_footprint(sizeof(Library)) + mem_footprint(library.name.len) + mem_footprint(library.code.len)
    while f != NULL:
        n += mem_footprint(sizeof(Function)) + 2 * mem_footprint(f.name.len) + mem_footprint(f.description.len)
        f = f.next
    return n


cdef void library_free(Server* s, Library* library) noexcept nogil:
    """And its functions, which are in no table (any more)."""
    cdef Libraries* x = libraries_of(s)
    cdef Function* f = library.first
    cdef Function* next
    while f != NULL:
        next = f.next
        if x.vm != NULL:
            x.vm.api.aux_unref(x.vm.L, LUA_REGISTRYINDEX, f.callback)
        _free_text(s, f.name)
        _free_text(s, f.folded)
        _free_text(s, f.description)
        mem_free(s.mem, f, sizeof(Function))
        f = next
    _free_text(s, library.name)
    _free_text(s, library.code)
    mem_free(s.mem, library, sizeof(Library))


cdef Library* library_find(const Libraries* x, Slice name) noexcept nogil:
    return <Library*>dict_find(&x.libraries, name.ptr, name.len, dict_hash(&x.by_library_name, name.ptr, name.len),
                               NULL)


cdef Function* _find_folded(const Libraries* x, Slice folded) noexcept nogil:
    return <Function*>dict_find(&x.functions, folded.ptr, folded.len,
                                dict_hash(&x.by_folded_name, folded.ptr, folded.len), NULL)


cdef Function* _find(const Libraries* x, Slice name) noexcept nogil:
    cdef char[LONGEST_NAME] folded
    if name.len > LONGEST_NAME:
        return NULL
    text_lower_into(name.ptr, name.len, folded)
    return _find_folded(x, slice_of(folded, name.len))


cdef void _take_out(Libraries* x, Library* library) noexcept nogil:
    """Out of the tables, with its functions."""
    cdef Place at
    cdef uint64_t hash
    cdef Function* f = library.first
    while f != NULL:
        hash = dict_hash(&x.by_folded_name, f.folded.ptr, f.folded.len)
        dict_find(&x.functions, f.folded.ptr, f.folded.len, hash, &at)
        dict_remove(&x.functions, at, hash)
        f = f.next
    hash = dict_hash(&x.by_library_name, library.name.ptr, library.name.len)
    dict_find(&x.libraries, library.name.ptr, library.name.len, hash, &at)
    dict_remove(&x.libraries, at, hash)
    x.bytes -= _size(library)


cdef void library_remove(Server* s, Library* library) noexcept nogil:
    _take_out(libraries_of(s), library)
    library_free(s, library)


cdef Status library_check(Ctx* c, const Library* library, bint replace) noexcept nogil:
    cdef Libraries* x = libraries_of(c.server)
    cdef Library* old = library_find(x, library.name)
    cdef const Function* f = library.first
    cdef Function* other
    if old != NULL and not replace:
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Library %.*s already exists",
                 <int>library.name.len, library.name.ptr)
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    while f != NULL:
        other = _find_folded(x, f.folded)
        if other != NULL and other.library != old:
            snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Function %.*s already exists",
                     <int>f.name.len, f.name.ptr)
            return fail_with(c, ERR_CUSTOM, c.server.detail)
        f = f.next
    return OK


cdef void library_commit(Server* s, Library* library) noexcept nogil:
    cdef Libraries* x = libraries_of(s)
    cdef Library* old = library_find(x, library.name)
    cdef Function* f = library.first
    if old != NULL:
        library_remove(s, old)
    dict_insert(&x.libraries, library, dict_hash(&x.by_library_name, library.name.ptr, library.name.len))
    while f != NULL:
        dict_insert(&x.functions, f, dict_hash(&x.by_folded_name, f.folded.ptr, f.folded.len))
        f = f.next
    x.bytes += _size(library)


cdef void _free_entry(void* server, void* library) noexcept nogil:
    library_free(<Server*>server, <Library*>library)


cdef void libraries_forget(Server* s) noexcept nogil:
    cdef Libraries* x = libraries_of(s)
    vm_free(x.vm)
    x.vm = NULL
    dict_free(&x.functions)
    dict_each(&x.libraries, _free_entry, s)
    dict_free(&x.libraries)
    x.bytes = 0


cdef void libraries_free(Server* s, Libraries* x) noexcept nogil:
    libraries_forget(s)
    mem_free(s.mem, x, sizeof(Libraries))


# ---------------------------------------------------------------- redis.register_function

cdef bint _is_name(const char* p, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if not (c'a' <= p[i] <= c'z' or c'A' <= p[i] <= c'Z' or c'0' <= p[i] <= c'9' or p[i] == c'_'):
            return False
    return n > 0


cdef int _raise(lua_State* L, const char* text) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    convert_push_error(api, L, text, strlen(text), False)
    return api.error(L)


cdef int _flags_of(lua_State* L, uint32_t* flags) noexcept nogil:
    """The flags in the list on top; an error that is thrown, or 0."""
    cdef const LuaApi* api = lua_api()
    cdef int i = 1
    cdef size_t n
    cdef const char* p
    while True:
        api.rawgeti(L, -1, i)
        if api.type(L, -1) == LUA_TNIL:
            lua_pop(api, L, 1)
            return 0
        if api.type(L, -1) != LUA_TSTRING:
            return _raise(L, b"ERR unknown flag given")
        p = api.tolstring(L, -1, &n)
        if not script_flag(slice_of(p, n), flags):
            return _raise(L, b"ERR unknown flag given")
        lua_pop(api, L, 1)
        i += 1


cdef int _named_arguments(lua_State* L, uint32_t* flags) noexcept nogil:
    """Turns {function_name =, callback =, description =, flags =} at 1 into 1: name, 2: callback, 3: description."""
    cdef const LuaApi* api = lua_api()
    cdef const char* key
    api.settop(L, 1)
    api.pushnil(L)
    api.pushnil(L)
    api.pushnil(L)                               # 2: name, 3: callback, 4: description
    api.pushnil(L)
    while api.next(L, 1):
        if not api.isstring(L, -2):
            return _raise(L, b"ERR named argument key given to redis.register_function is not a string")
        api.pushvalue(L, -2)                     # a copy, for a number would be turned in place
        key = api.tolstring(L, -1, NULL)
        lua_pop(api, L, 1)
        if _is(key, b"function_name"):
            if not api.isstring(L, -1):
                return _raise(L, b"ERR function_name argument given to redis.register_function must be a string")
            api.replace(L, 2)
        elif _is(key, b"description"):
            if not api.isstring(L, -1):
                return _raise(L, b"ERR description argument given to redis.register_function must be a string")
            api.replace(L, 4)
        elif _is(key, b"callback"):
            if api.type(L, -1) != LUA_TFUNCTION:
                return _raise(L, b"ERR callback argument given to redis.register_function must be a function")
            api.replace(L, 3)
        elif _is(key, b"flags"):
            if not lua_istable(api, L, -1):
                return _raise(L, b"ERR flags argument to redis.register_function must be a table representing "
                                 b"function flags")
            _flags_of(L, flags)
            lua_pop(api, L, 1)
        else:
            return _raise(L, b"ERR unknown argument given to redis.register_function")
    if api.type(L, 2) == LUA_TNIL:
        return _raise(L, b"ERR redis.register_function must get a function name argument")
    if api.type(L, 3) == LUA_TNIL:
        return _raise(L, b"ERR redis.register_function must get a callback argument")
    api.remove(L, 1)
    return 0


cdef inline bint _is(const char* p, const char* word) noexcept nogil:
    return strcmp(p, word) == 0


cdef int _register(lua_State* L) noexcept nogil:
    """redis.register_function(name, callback), or with one table of named arguments."""
    cdef const LuaApi* api = lua_api()
    cdef Scripting* t = <Scripting*>api.touserdata(L, lua_upvalue(1))
    cdef Libraries* x = <Libraries*>t.functions
    cdef int count = api.gettop(L)
    cdef uint32_t flags = 0
    if count < 1 or count > 2:
        return _raise(L, b"ERR wrong number of arguments to redis.register_function")
    if count == 1:
        if not lua_istable(api, L, 1):
            return _raise(L, b"ERR calling redis.register_function with a single argument is only applicable to Lua "
                             b"table (representing named arguments).")
        _named_arguments(L, &flags)
    else:
        if not api.isstring(L, 1):
            return _raise(L, b"ERR first argument to redis.register_function must be a string")
        if api.type(L, 2) != LUA_TFUNCTION:
            return _raise(L, b"ERR second argument to redis.register_function must be a function")
        api.pushnil(L)
    if x.loading == NULL:
        return _raise(L, b"ERR redis.register_function can only be called on FUNCTION LOAD command")
    return _add_function(t.server, x, L, flags)


cdef int _add_function(Server* s, Libraries* x, lua_State* L, uint32_t flags) noexcept nogil:
    """1: name, 2: callback, 3: description or nil."""
    cdef const LuaApi* api = lua_api()
    cdef size_t n
    cdef const char* name = api.tolstring(L, 1, &n)
    cdef const char* text
    cdef Function* f
    cdef Function* other = x.loading.first
    if not _is_name(name, n):
        return _raise(L, BAD_NAME)
    while other != NULL:
        if text_equal_nocase(other.name.ptr, other.name.len, name, n):
            return _raise(L, b"ERR Function already exists in the library")
        other = other.next
    api.pushvalue(L, 2)
    f = <Function*>mem_alloc(s.mem, sizeof(Function))
    memset(f, 0, sizeof(Function))
    f.name = _copy(s, slice_of(name, n))
    f.folded = _copy(s, f.name)
    text_lower_into(f.folded.ptr, n, <char*>f.folded.ptr)
    if api.type(L, 3) != LUA_TNIL:
        text = api.tolstring(L, 3, &n)
        f.description = _copy(s, slice_of(text, n))
    f.flags = flags
    f.library = x.loading
    if x.loading.last != NULL:
        x.loading.last.next = f
    else:
        x.loading.first = f
    x.loading.last = f
    f.callback = NO_CALLBACK                     # until it stands in the registry, which may fail
    f.callback = api.aux_ref(L, LUA_REGISTRYINDEX)
    return 0


# ---------------------------------------------------------------- loading

cdef Status _read_name(Ctx* c, Slice code, Slice* name, char* buffer) noexcept nogil:
    """The first line: #!lua name=... . An error, or OK."""
    cdef const char* end = <const char*>memchr(code.ptr, c'\n', code.len)
    cdef char* detail = c.server.detail
    cdef size_t at = 0, n
    cdef int got
    cdef char[WORDS] word
    cdef bint first = True
    if code.len < 2 or memcmp(code.ptr, b"#!", 2) != 0:
        return fail_with(c, ERR_CUSTOM, b"ERR Missing library metadata")
    if end == NULL or end - code.ptr >= WORDS:
        return fail_with(c, ERR_CUSTOM, b"ERR Invalid library metadata")
    name[0] = slice_of(NULL, 0)
    while True:
        got = text_next_word(code.ptr, end - code.ptr, &at, word, &n)
        if got < 0:
            return fail_with(c, ERR_CUSTOM, b"ERR Invalid library metadata")
        if got == 0:
            break
        if first:
            first = False
            if not text_equal_nocase(word, n, b"#!lua", 5):
                snprintf(detail, sizeof(c.server.detail), b"ERR Engine '%.*s' not found", <int>n - 2, &word[2])
                return fail_with(c, ERR_CUSTOM, detail)
        elif n >= 5 and text_equal_nocase(word, 5, b"name=", 5):
            if name.ptr != NULL:
                return fail_with(c, ERR_CUSTOM, (
                    b"ERR Invalid metadata value, name argument was given multiple times"))
            memcpy(buffer, word, n)
            name[0] = slice_of(buffer + 5, n - 5)
        else:
            snprintf(detail, sizeof(c.server.detail), b"ERR Invalid metadata value given: %.*s", <int>n, &word[0])
            return fail_with(c, ERR_CUSTOM, detail)
    if name.ptr == NULL:
        return fail_with(c, ERR_CUSTOM, b"ERR Library name was not given")
    return OK if _is_name(name.ptr, name.len) else fail_with(c, ERR_CUSTOM, BAD_NAME)


cdef void _make_vm(Server* s, Libraries* x) noexcept nogil:
    """The interpreter, and what a library sees as it loads."""
    cdef Vm* vm = vm_new(&scripting_of(s).api, scripting_of(s), script_open_functions)
    cdef const LuaApi* api = vm.api
    x.vm = vm
    api.createtable(vm.L, 0, 2)
    script_push_basics(vm)
    api.pushlightuserdata(vm.L, scripting_of(s))
    api.pushcclosure(vm.L, _register, 1)
    api.setfield(vm.L, -2, b"register_function")
    vm_strict(vm)
    vm_guard(vm)
    api.pushvalue(vm.L, -1)
    api.setfield(vm.L, -3, b"server")
    api.setfield(vm.L, -2, b"redis")
    vm_strict(vm)
    x.load_view = api.aux_ref(vm.L, LUA_REGISTRYINDEX)


cdef Status _run_code(Ctx* c, Libraries* x, Slice body) noexcept nogil:
    """Runs a library's code, which registers its functions with x.loading. An error, or OK."""
    cdef Vm* vm = x.vm
    cdef const LuaApi* api = vm.api
    cdef const char* text
    cdef int status
    api.pushcclosure(vm.L, script_on_error, 0)
    if vm_compile(vm, vm.L, body.ptr, body.len, b"@user_function") != LUA_OK:
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Error compiling function: %s",
                 api.tolstring(vm.L, -1, NULL))
        api.settop(vm.L, 0)
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    vm_show(vm, x.load_view)
    scripting_of(c.server).loading = clock_ticks()
    vm.capped = True
    status = api.pcall(vm.L, 0, 0, 1)
    vm.capped = False
    scripting_of(c.server).loading = 0
    vm_show(vm, vm.names)
    if status != LUA_OK:
        text = NULL
        if lua_istable(api, vm.L, -1):
            api.pushlstring(vm.L, b"err", 3)
            api.rawget(vm.L, -2)
        text = api.tolstring(vm.L, -1, NULL)
        if text == NULL:
            text = "unknown error"
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Error registering functions: %s", text)
        api.settop(vm.L, 0)
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    api.settop(vm.L, 0)
    if x.loading.first == NULL:
        return fail_with(c, ERR_CUSTOM, b"ERR No functions registered")
    return OK


cdef Status library_load(Ctx* c, Slice code, Library** made) noexcept nogil:
    cdef Libraries* x = libraries_of(c.server)
    cdef char[WORDS] buffer
    cdef Slice name, body
    cdef const char* end
    cdef Status st = _read_name(c, code, &name, buffer)
    if st != OK:
        return st
    if x.vm == NULL:
        if not scripting_of(c.server).loaded:
            return fail_with(c, ERR_CUSTOM,
                             b"ERR This server has no Lua: the library of the package lupa was not found")
        _make_vm(c.server, x)
    end = <const char*>memchr(code.ptr, c'\n', code.len)
    body = slice_of(end, code.len - (end - code.ptr))
    x.loading = <Library*>mem_alloc(c.server.mem, sizeof(Library))
    memset(x.loading, 0, sizeof(Library))
    x.loading.name = _copy(c.server, name)
    x.loading.code = _copy(c.server, code)
    st = _run_code(c, x, body)
    made[0] = x.loading
    x.loading = NULL
    if st != OK:
        library_free(c.server, made[0])
    return st


cdef Status cmd_function_load(Ctx* c) noexcept nogil:
    """FUNCTION LOAD [REPLACE] code -> the library's name."""
    cdef Library* library
    cdef char[WORDS] buffer
    cdef Slice name
    cdef bint replace = False
    cdef int i
    cdef Status st
    for i in range(2, c.argc - 1):
        if not arg_is(c, i, b"replace", 7):
            snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Unknown option given: %.*s",
                     <int>min(c.argv[i].len, <size_t>128), c.argv[i].ptr)
            return fail_with(c, ERR_CUSTOM, c.server.detail)
        replace = True
    st = _read_name(c, c.argv[c.argc - 1], &name, buffer)
    if st != OK:
        return st
    if not replace and library_find(libraries_of(c.server), name) != NULL:
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Library '%.*s' already exists", <int>name.len,
                 name.ptr)
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    st = library_load(c, c.argv[c.argc - 1], &library)
    if st != OK:
        return st
    st = library_check(c, library, replace)
    if st != OK:
        library_free(c.server, library)
        return st
    library_commit(c.server, library)
    c.ks.fx.command_dirty += 1
    reply_slice(c.out, library.name)
    return OK


# ---------------------------------------------------------------- calling

cdef Status _fcall(Ctx* c, bint read_only) noexcept nogil:
    cdef Libraries* x = libraries_of(c.server)
    cdef Function* f = _find(x, c.argv[1])
    cdef Run run
    cdef int keys = 0
    cdef int64_t n
    cdef Status st
    script_shown(c)
    if f == NULL:
        return fail_with(c, ERR_CUSTOM, b"ERR Function not found")
    if arg_i64(c, 2, &n) != OK:
        return fail_with(c, ERR_CUSTOM, b"ERR Bad number of keys provided")
    st = script_keys(c, &keys)
    if st != OK:
        return st
    memset(&run, 0, sizeof(Run))
    run.vm = x.vm
    run.flags = f.flags
    run.name = f.name
    st = script_may_run(c, &run, read_only)
    if st != OK:
        return st
    x.vm.api.rawgeti(x.vm.L, LUA_REGISTRYINDEX, f.callback)
    return script_call(c, &run, keys)


cdef uint32_t _declared(Ctx* c) noexcept nogil:
    """Scripting.fcall_flags."""
    cdef const Function* f = _find(libraries_of(c.server), c.argv[1])
    return f.flags if f != NULL else SCRIPT_PLAIN


cdef Status cmd_fcall(Ctx* c) noexcept nogil:
    """FCALL function numkeys [key ...] [arg ...] -> what the function returns."""
    return _fcall(c, False)


cdef Status cmd_fcall_ro(Ctx* c) noexcept nogil:
    """FCALL_RO function numkeys [key ...] [arg ...]: one that says it does not write."""
    return _fcall(c, True)


# ---------------------------------------------------------------- looking after them

cdef Status cmd_function_delete(Ctx* c) noexcept nogil:
    """FUNCTION DELETE library -> OK"""
    cdef Library* library = library_find(libraries_of(c.server), c.argv[2])
    if library == NULL:
        return fail_with(c, ERR_CUSTOM, b"ERR Library not found")
    library_remove(c.server, library)
    c.ks.fx.command_dirty += 1
    reply_ok(c.out)
    return OK


cdef Status function_bad_form(Ctx* c) noexcept nogil:
    snprintf(c.server.detail, sizeof(c.server.detail),
             b"ERR unknown subcommand or wrong number of arguments for '%.*s'. Try FUNCTION HELP.",
             <int>min(c.argv[1].len, <size_t>128), c.argv[1].ptr)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status cmd_function_flush(Ctx* c) noexcept nogil:
    """FUNCTION FLUSH [ASYNC | SYNC]: all libraries end, and their interpreter."""
    if c.argc > 3:
        return function_bad_form(c)
    if c.argc == 3 and not arg_is(c, 2, b"sync", 4) and not arg_is(c, 2, b"async", 5):
        return fail_with(c, ERR_CUSTOM, b"ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
    libraries_forget(c.server)
    c.ks.fx.command_dirty += 1
    reply_ok(c.out)
    return OK


cdef Status cmd_function_kill(Ctx* c) noexcept nogil:
    """FUNCTION KILL: ends the function under way, unless it has written."""
    cdef Status st = script_kill(c, False)
    if st == OK:
        reply_ok(c.out)
    return st


cdef void _reply_flags(Ctx* c, uint32_t flags) noexcept nogil:
    cdef int n = 0, i
    for i in range(5):
        n += flags >> i & 1
    reply_set(c.out, n)
    if flags & SCRIPT_NO_WRITES:
        reply_simple(c.out, b"no-writes")
    if flags & SCRIPT_ALLOW_OOM:
        reply_simple(c.out, b"allow-oom")
    if flags & SCRIPT_ALLOW_STALE:
        reply_simple(c.out, b"allow-stale")
    if flags & SCRIPT_NO_CLUSTER:
        reply_simple(c.out, b"no-cluster")
    if flags & SCRIPT_CROSS_SLOT:
        reply_simple(c.out, b"allow-cross-slot-keys")


cdef void _reply_library(Ctx* c, const Library* library, bint with_code) noexcept nogil:
    cdef const Function* f = library.first
    cdef size_t n = 0
    cdef Deferred header
    reply_map(c.out, 4 if with_code else 3)
    reply_text(c.out, b"library_name")
    reply_slice(c.out, library.name)
    reply_text(c.out, b"engine")
    reply_text(c.out, b"LUA")
    reply_text(c.out, b"functions")
    header = reply_begin(c.out, c'*')
    while f != NULL:
        n += 1
        reply_map(c.out, 3)
        reply_text(c.out, b"name")
        reply_slice(c.out, f.name)
        reply_text(c.out, b"description")
        if f.description.ptr != NULL:
            reply_slice(c.out, f.description)
        else:
            reply_null(c.out)
        reply_text(c.out, b"flags")
        _reply_flags(c, f.flags)
        f = f.next
    reply_end(c.out, header, n)
    if with_code:
        reply_text(c.out, b"library_code")
        reply_slice(c.out, library.code)


cdef Status cmd_function_list(Ctx* c) noexcept nogil:
    """FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE] -> a map for each library."""
    cdef Slice pattern = slice_of(NULL, 0)
    cdef bint with_code = False, named = False
    cdef int i = 2
    cdef size_t n = 0
    cdef DictIter it
    cdef const Library* library
    cdef Deferred header
    while i < c.argc:
        if not with_code and arg_is(c, i, b"withcode", 8):
            with_code = True
        elif not named and arg_is(c, i, b"libraryname", 11):
            if i + 1 >= c.argc:
                return fail_with(c, ERR_CUSTOM, b"ERR library name argument was not given")
            i += 1
            named = True
            pattern = c.argv[i]
        else:
            snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Unknown argument %.*s",
                     <int>min(c.argv[i].len, <size_t>128), c.argv[i].ptr)
            return fail_with(c, ERR_CUSTOM, c.server.detail)
        i += 1
    header = reply_begin(c.out, c'*')
    dict_iter(&libraries_of(c.server).libraries, &it)
    library = <const Library*>dict_next(&it)
    while library != NULL:
        if not named or text_glob(pattern.ptr, pattern.len, library.name.ptr, library.name.len, True):
            _reply_library(c, library, with_code)
            n += 1
        library = <const Library*>dict_next(&it)
    reply_end(c.out, header, n)
    return OK


cdef Status cmd_function_stats(Ctx* c) noexcept nogil:
    """FUNCTION STATS -> what runs, and how many libraries and functions there are."""
    cdef Libraries* x = libraries_of(c.server)
    cdef Run* run = scripting_of(c.server).run
    cdef int i
    if run != NULL and run.is_eval:
        return fail_with(c, ERR_CUSTOM, c.server.busy_text)
    reply_map(c.out, 2)
    reply_text(c.out, b"running_script")
    if run == NULL:
        reply_null(c.out)
    else:
        reply_map(c.out, 3)
        reply_text(c.out, b"name")
        reply_slice(c.out, run.name)
        reply_text(c.out, b"command")
        reply_array(c.out, run.caller.argc)
        for i in range(run.caller.argc):
            reply_slice(c.out, run.caller.argv[i])
        reply_text(c.out, b"duration_ms")
        reply_int(c.out, clock_ticks_to_us(&c.server.clock, clock_ticks() - run.began) // 1000)
    reply_text(c.out, b"engines")
    reply_map(c.out, 1)
    reply_text(c.out, b"LUA")
    reply_map(c.out, 2)
    reply_text(c.out, b"libraries_count")
    reply_int(c.out, x.libraries.used)
    reply_text(c.out, b"functions_count")
    reply_int(c.out, x.functions.used)
    return OK


cdef void bind_functions(Table* t) noexcept nogil:
    table_bind(t, b"FCALL", cmd_fcall)
    table_bind(t, b"FCALL_RO", cmd_fcall_ro)
    table_bind(t, b"FUNCTION|LOAD", cmd_function_load)
    table_bind(t, b"FUNCTION|DELETE", cmd_function_delete)
    table_bind(t, b"FUNCTION|FLUSH", cmd_function_flush)
    table_bind(t, b"FUNCTION|KILL", cmd_function_kill)
    table_bind(t, b"FUNCTION|LIST", cmd_function_list)
    table_bind(t, b"FUNCTION|STATS", cmd_function_stats)
