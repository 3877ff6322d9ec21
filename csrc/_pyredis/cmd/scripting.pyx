"""scripting -- EVAL and its kin: the scripts that clients send.

    EVAL body -> SHA-1 -> | sha | flags | registry index | body | -> the compiled function -> script_call

A script is compiled once and kept, by its SHA-1, as a function in the registry of the interpreter, called by number.
What only EVAL brought is kept as well, the last 500 of it, since clients that paste values into scripts would fill
memory without end; what SCRIPT LOAD brought stays until SCRIPT FLUSH, which ends the interpreter and all it held.

The interpreter is made when the first script comes: a server without scripts has none.
"""
from libc.stdint cimport uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcmp, memcpy, memset

from _pyredis.base.hash cimport hash_sha1_hex
from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.base.text cimport text_lower_into
from _pyredis.cmd.ctx cimport Ctx, Server, Table, arg_is, fail_with
from _pyredis.cmd.script_run cimport (SCRIPT_PLAIN, Run, script_call, script_keys, script_kill,
                                      script_may_run, script_open, script_shown, script_shebang, scripting_of)
from _pyredis.cmd.table cimport table_bind
from _pyredis.ds.dict cimport (Place, dict_each, dict_find, dict_free, dict_hash, dict_init, dict_insert,
                               dict_remove)
from _pyredis.lua.api cimport LUA_OK, LUA_REGISTRYINDEX, lua_pop
from _pyredis.lua.state cimport Vm, vm_compile, vm_free, vm_new, vm_trust
from _pyredis.wire.reply cimport reply_array, reply_bulk, reply_int, reply_ok

cdef const char* NO_SCRIPT = b"NOSCRIPT No matching script. Please use EVAL."
cdef const char* NO_LUA = b"ERR This server has no Lua: the library of the package lupa was not found"


# ---------------------------------------------------------------- the cache

cdef const char* _sha_of(const void* script, size_t* n) noexcept nogil:
    n[0] = SHA
    return (<const Script*>script).sha


cdef ScriptCache* script_cache_new(Server* s) noexcept nogil:
    cdef ScriptCache* cache = <ScriptCache*>mem_alloc(s.mem, sizeof(ScriptCache))
    memset(cache, 0, sizeof(ScriptCache))
    cache.type = s.ks.type
    cache.type.key_of = _sha_of
    dict_init(&cache.scripts, &cache.type)
    scripting_of(s).eval_flags = _declared
    return cache


cdef inline size_t _size(const Script* script) noexcept nogil:
    return mem_footprint(sizeof(Script)) + mem_footprint(script.body.len)


cdef void _free_script(void* server, void* script) noexcept nogil:
    cdef Server* s = <Server*>server
    mem_free(s.mem, <void*>(<Script*>script).body.ptr, (<Script*>script).body.len)
    mem_free(s.mem, script, sizeof(Script))


cdef void _forget_all(Server* s, ScriptCache* cache) noexcept nogil:
    dict_each(&cache.scripts, _free_script, s)
    dict_free(&cache.scripts)
    vm_free(cache.vm)
    cache.vm = NULL
    cache.newest = cache.oldest = NULL
    cache.evaluated = cache.bytes = 0


cdef void script_cache_free(Server* s, ScriptCache* cache) noexcept nogil:
    _forget_all(s, cache)
    mem_free(s.mem, cache, sizeof(ScriptCache))


cdef void _unlink(ScriptCache* cache, Script* script) noexcept nogil:
    if script.newer != NULL:
        script.newer.older = script.older
    else:
        cache.newest = script.older
    if script.older != NULL:
        script.older.newer = script.newer
    else:
        cache.oldest = script.newer
    cache.evaluated -= 1


cdef void _link(ScriptCache* cache, Script* script) noexcept nogil:
    """As the newest of those that EVAL brought."""
    script.newer = NULL
    script.older = cache.newest
    if cache.newest != NULL:
        cache.newest.newer = script
    else:
        cache.oldest = script
    cache.newest = script
    cache.evaluated += 1


cdef inline void _used(ScriptCache* cache, Script* script) noexcept nogil:
    if not script.loaded and cache.newest != script:
        _unlink(cache, script)
        _link(cache, script)


cdef void _evict_oldest(Server* s, ScriptCache* cache) noexcept nogil:
    cdef Script* script = cache.oldest
    cdef Place at
    cdef uint64_t hash = dict_hash(&cache.type, script.sha, SHA)
    _unlink(cache, script)
    dict_find(&cache.scripts, script.sha, SHA, hash, &at)
    dict_remove(&cache.scripts, at, hash)
    cache.vm.api.aux_unref(cache.vm.L, LUA_REGISTRYINDEX, script.function)
    cache.bytes -= _size(script)
    cache.evicted += 1
    _free_script(s, script)


cdef Script* _find(ScriptCache* cache, const char* sha) noexcept nogil:
    return <Script*>dict_find(&cache.scripts, sha, SHA, dict_hash(&cache.type, sha, SHA), NULL)


cdef Status _compile(Ctx* c, ScriptCache* cache, Slice body, Script* script) noexcept nogil:
    """Fills in flags, function and trust. An error, or OK."""
    cdef Slice code = body
    cdef Vm* vm
    cdef Status st
    script.flags = SCRIPT_PLAIN
    if body.len >= 2 and memcmp(body.ptr, b"#!", 2) == 0:
        script.flags = 0
        st = script_shebang(c, body, &code, &script.flags)
        if st != OK:
            return st
    if cache.vm == NULL:
        if not scripting_of(c.server).loaded:
            return fail_with(c, ERR_CUSTOM, NO_LUA)
        cache.vm = vm_new(&scripting_of(c.server).api, scripting_of(c.server), script_open)
    vm = cache.vm
    if vm_compile(vm, vm.L, code.ptr, code.len, b"@user_script") != LUA_OK:
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Error compiling script (new function): %s",
                 vm.api.tolstring(vm.L, -1, NULL))
        lua_pop(vm.api, vm.L, 1)
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    script.trusted = vm_trust(vm)
    script.function = vm.api.aux_ref(vm.L, LUA_REGISTRYINDEX)
    return OK


cdef Status _add(Ctx* c, ScriptCache* cache, const char* sha, Slice body, bint loaded, Script** added) noexcept nogil:
    """Compiles a script and keeps it. An error, or OK."""
    cdef Script* script
    cdef Script made
    cdef char* copy
    cdef Status st
    memset(&made, 0, sizeof(Script))
    st = _compile(c, cache, body, &made)
    if st != OK:
        return st
    script = <Script*>mem_alloc(c.server.mem, sizeof(Script))
    script[0] = made
    memcpy(script.sha, sha, SHA)
    script.loaded = loaded
    copy = <char*>mem_alloc(c.server.mem, body.len)
    memcpy(copy, body.ptr, body.len)
    script.body = slice_of(copy, body.len)
    dict_insert(&cache.scripts, script, dict_hash(&cache.type, sha, SHA))
    cache.bytes += _size(script)
    if not loaded:
        if cache.evaluated >= MOST_EVALUATED:
            _evict_oldest(c.server, cache)
        _link(cache, script)
    added[0] = script
    return OK


# ---------------------------------------------------------------- EVAL, EVALSHA

cdef Status _run(Ctx* c, ScriptCache* cache, Script* script, int keys, bint read_only) noexcept nogil:
    cdef Run run
    cdef Status st
    memset(&run, 0, sizeof(Run))
    run.vm = cache.vm
    run.is_eval = True
    run.trusted = script.trusted
    run.flags = script.flags
    run.name = slice_of(script.sha, SHA)
    st = script_may_run(c, &run, read_only)
    if st != OK:
        return st
    _used(cache, script)
    cache.vm.api.rawgeti(cache.vm.L, LUA_REGISTRYINDEX, script.function)
    return script_call(c, &run, keys)


cdef Status _eval(Ctx* c, bint read_only) noexcept nogil:
    cdef ScriptCache* cache = script_cache_of(c.server)
    cdef char[SHA] sha
    cdef int keys = 0
    cdef Script* script
    cdef Status st
    script_shown(c)
    st = script_keys(c, &keys)
    if st != OK:
        return st
    hash_sha1_hex(c.argv[1].ptr, c.argv[1].len, sha)
    script = _find(cache, sha)
    if script == NULL:
        st = _add(c, cache, sha, c.argv[1], False, &script)
        if st != OK:
            return st
    return _run(c, cache, script, keys, read_only)


cdef Status _evalsha(Ctx* c, bint read_only) noexcept nogil:
    cdef ScriptCache* cache = script_cache_of(c.server)
    cdef char[SHA] sha
    cdef int keys = 0
    cdef Script* script
    cdef Status st
    script_shown(c)
    if c.argv[1].len != SHA:
        return fail_with(c, ERR_CUSTOM, NO_SCRIPT)
    st = script_keys(c, &keys)
    if st != OK:
        return st
    text_lower_into(c.argv[1].ptr, SHA, sha)
    script = _find(cache, sha)
    if script == NULL:
        return fail_with(c, ERR_CUSTOM, NO_SCRIPT)
    return _run(c, cache, script, keys, read_only)


cdef uint32_t _declared(Ctx* c) noexcept nogil:
    """Scripting.eval_flags: only a shebang line declares any."""
    cdef ScriptCache* cache = script_cache_of(c.server)
    cdef char[SHA] sha
    cdef Slice code
    cdef uint32_t flags = 0
    cdef Script* script
    if c.cmd.fn == cmd_eval:
        if c.argv[1].len < 2 or memcmp(c.argv[1].ptr, b"#!", 2) != 0:
            return SCRIPT_PLAIN
        return flags if script_shebang(c, c.argv[1], &code, &flags) == OK else SCRIPT_PLAIN
    if c.argv[1].len != SHA:
        return SCRIPT_PLAIN
    text_lower_into(c.argv[1].ptr, SHA, sha)
    script = _find(cache, sha)
    return script.flags if script != NULL else SCRIPT_PLAIN


cdef Status cmd_eval(Ctx* c) noexcept nogil:
    """EVAL script numkeys [key ...] [arg ...] -> what the script returns."""
    return _eval(c, False)


cdef Status cmd_eval_ro(Ctx* c) noexcept nogil:
    """EVAL_RO script numkeys [key ...] [arg ...]: without the right to write."""
    return _eval(c, True)


cdef Status cmd_evalsha(Ctx* c) noexcept nogil:
    """EVALSHA sha1 numkeys [key ...] [arg ...]: a script that the server has."""
    return _evalsha(c, False)


cdef Status cmd_evalsha_ro(Ctx* c) noexcept nogil:
    """EVALSHA_RO sha1 numkeys [key ...] [arg ...]"""
    return _evalsha(c, True)


# ---------------------------------------------------------------- SCRIPT

cdef Status cmd_script_load(Ctx* c) noexcept nogil:
    """SCRIPT LOAD script -> its SHA-1."""
    cdef ScriptCache* cache = script_cache_of(c.server)
    cdef char[SHA] sha
    cdef Script* script
    cdef Status st
    hash_sha1_hex(c.argv[2].ptr, c.argv[2].len, sha)
    script = _find(cache, sha)
    if script == NULL:
        st = _add(c, cache, sha, c.argv[2], True, &script)
        if st != OK:
            return st
    elif not script.loaded:
        _unlink(cache, script)
        script.loaded = True
    reply_bulk(c.out, sha, SHA)
    return OK


cdef Status cmd_script_exists(Ctx* c) noexcept nogil:
    """SCRIPT EXISTS sha1 [sha1 ...] -> 1 or 0 for each."""
    cdef ScriptCache* cache = script_cache_of(c.server)
    cdef char[SHA] sha
    cdef int i
    reply_array(c.out, c.argc - 2)
    for i in range(2, c.argc):
        if c.argv[i].len == SHA:
            text_lower_into(c.argv[i].ptr, SHA, sha)
            reply_int(c.out, _find(cache, sha) != NULL)
        else:
            reply_int(c.out, 0)
    return OK


cdef Status cmd_script_flush(Ctx* c) noexcept nogil:
    """SCRIPT FLUSH [ASYNC | SYNC]: every script is forgotten. An interpreter takes under a millisecond to end."""
    if c.argc > 3 or (c.argc == 3 and not arg_is(c, 2, b"sync", 4) and not arg_is(c, 2, b"async", 5)):
        return fail_with(c, ERR_CUSTOM, b"ERR SCRIPT FLUSH only support SYNC|ASYNC option")
    _forget_all(c.server, script_cache_of(c.server))
    reply_ok(c.out)
    return OK


cdef Status cmd_script_kill(Ctx* c) noexcept nogil:
    """SCRIPT KILL: ends the script under way, unless it has written."""
    cdef Status st = script_kill(c, True)
    if st == OK:
        reply_ok(c.out)
    return st


cdef Status cmd_script_debug(Ctx* c) noexcept nogil:
    """SCRIPT DEBUG YES | SYNC | NO: there is no debugger, so only NO is granted."""
    if arg_is(c, 2, b"no", 2):
        reply_ok(c.out)
        return OK
    if arg_is(c, 2, b"yes", 3) or arg_is(c, 2, b"sync", 4):
        return fail_with(c, ERR_CUSTOM, b"ERR SCRIPT DEBUG is not supported: pyredis has no script debugger")
    return fail_with(c, ERR_CUSTOM, b"ERR Use SCRIPT DEBUG YES/SYNC/NO")


cdef Status cmd_script_show(Ctx* c) noexcept nogil:
    """SCRIPT SHOW sha1 -> the script's text."""
    cdef char[SHA] sha
    cdef Script* script = NULL
    if c.argv[2].len == SHA:
        text_lower_into(c.argv[2].ptr, SHA, sha)
        script = _find(script_cache_of(c.server), sha)
    if script == NULL:
        return fail_with(c, ERR_CUSTOM, NO_SCRIPT)
    reply_bulk(c.out, script.body.ptr, script.body.len)
    return OK


cdef void bind_scripting(Table* t) noexcept nogil:
    table_bind(t, b"EVAL", cmd_eval)
    table_bind(t, b"EVAL_RO", cmd_eval_ro)
    table_bind(t, b"EVALSHA", cmd_evalsha)
    table_bind(t, b"EVALSHA_RO", cmd_evalsha_ro)
    table_bind(t, b"SCRIPT|LOAD", cmd_script_load)
    table_bind(t, b"SCRIPT|EXISTS", cmd_script_exists)
    table_bind(t, b"SCRIPT|FLUSH", cmd_script_flush)
    table_bind(t, b"SCRIPT|KILL", cmd_script_kill)
    table_bind(t, b"SCRIPT|DEBUG", cmd_script_debug)
    table_bind(t, b"SCRIPT|SHOW", cmd_script_show)
