"""script_run -- running a script: what it calls, what it may, what becomes of its result.

    EVAL ... -> script_call -> [ Lua: redis.call -> checks -> dispatch_nested -> reply buffer -> Lua value ] -> reply

A script is called under pcall with a handler that notes where an error came from. Its commands run on a connection of
their own, without a socket, whose reply buffer is read back into Lua values (lua/convert), except that a reply of one
integer is caught before it is written; arguments are slices of the strings that Lua holds. Nothing in between is
Python, and nothing is copied but what is stored.

Effects of the commands gather in the one list and are drained when the script is done, with the command that ran it;
what is propagated is what the commands did, never the script.

A hook counts instructions. When a script takes longer than busy-reply-threshold, the server shuts the gate GATE_BUSY
and serves the others from within the hook: most are told -BUSY, some commands (SCRIPT KILL) run. A killed script gets
an error, and another at its next instruction, so no pcall of its own survives.

Errors leave C functions by longjmp: whatever they would have to give back (the call's arguments, a reply in one piece)
belongs to the Scripting and stays for the next call.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcmp, memcpy, memset, strlen

from _pyredis.base.clock cimport clock_ticks, clock_ticks_to_us
from _pyredis.base.hash cimport hash_sha1_hex
from _pyredis.base.mem cimport mem_alloc, mem_free, mem_realloc
from _pyredis.base.num cimport NUM_DOUBLE_MAX, num_format_double, num_format_i64
from _pyredis.base.slice cimport Slice, slice_equal, slice_of
from _pyredis.base.status cimport (ERR_CUSTOM, ERR_NOT_INTEGER, ERR_OOM, OK, REPLIED_ERROR, Status, status_text)
from _pyredis.base.text cimport text_next_word
from _pyredis.cmd.acl cimport ALLOWED, User, acl_check, acl_gate_script
from _pyredis.cmd.ctx cimport (CMD_DENYOOM, CMD_MAY_REPLICATE, CMD_NOSCRIPT, CMD_WRITE, CONN_AUTHENTICATED,
                               CONN_DENY_BLOCKING, CONN_FAKE, CONN_HELD, CONN_IN_SCRIPT, CONN_NO_TOUCH, GATE_ACL,
                               GATE_BUSY, GATE_DISK, LOG_WARNING, Command,
                               arg_i64, conn_due, fail_with)
from _pyredis.cmd.dispatch cimport dispatch_context, dispatch_count_error, dispatch_nested
from _pyredis.cmd.eviction cimport eviction_of
from _pyredis.cmd.monitor cimport monitor_feed
from _pyredis.cmd.table cimport table_find, table_sub
from _pyredis.ds.dict cimport dict_hash
from _pyredis.lua.api cimport (LUA_MASKCOUNT, LUA_MASKLINE, LUA_OK, LUA_REGISTRYINDEX, LUA_TBOOLEAN, LUA_TNIL,
                               LUA_TNUMBER, LUA_TSTRING, lua_api, lua_api_load, lua_Debug, lua_istable,
                               lua_pop, lua_upvalue)
from _pyredis.lua.convert cimport Sink, convert_push, convert_push_error, convert_reply
from _pyredis.lua.state cimport Vm, vm_of
from _pyredis.wire.parser cimport parser_init
from _pyredis.wire.reply cimport Out, OutBlock, out_clear, out_init, reply_error

cdef extern from "bytes.h" nogil:
    bint bytes_same(const char* a, const char* b, size_t n)

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    HOOK_EVERY = 2000              # instructions, of which some allocate a megabyte; a hook takes 20 ns
    LOAD_MOST_US = 500000          # that a library may take to load
    ERROR_ROOM = 1024
    DIGITS = NUM_DOUBLE_MAX + 8    # of a number among the arguments
    REPL_AOF = 1
    REPL_REPLICA = 2
    REPL_ALL = 3
    WORDS = 512                    # of a shebang line

cdef const char* NO_ARGUMENTS = b"ERR Please specify at least one argument for this redis lib call"
cdef const char* BAD_ARGUMENTS = b"ERR Lua redis lib command arguments must be strings or integers"


# ---------------------------------------------------------------- beginning and end

cdef Scripting* scripting_new(Server* s) noexcept nogil:
    cdef Scripting* t = <Scripting*>mem_alloc(s.mem, sizeof(Scripting))
    memset(t, 0, sizeof(Scripting))
    t.server = s
    t.conn.fd = -1
    t.conn.db = &s.ks.dbs[0]
    parser_init(&t.conn.parser)
    out_init(&t.conn.out, &s.blocks)
    t.conn.out.catching = True
    return t


cdef void scripting_free(Scripting* t) noexcept nogil:
    cdef Server* s = t.server
    out_clear(&t.conn.out)
    mem_free(s.mem, t.argv, t.argv_room * sizeof(Slice))
    mem_free(s.mem, t.digits, t.digits_room)
    mem_free(s.mem, t.flat, t.flat_room)
    mem_free(s.mem, t, sizeof(Scripting))


cdef bint scripting_load(Scripting* t, const char* path) noexcept nogil:
    """Finds the functions of Lua in the library at `path`; without, there are no scripts."""
    t.loaded = lua_api_load(&t.api, path)
    return t.loaded


# ---------------------------------------------------------------- calls from a script

cdef inline Scripting* _scripting(lua_State* L) noexcept nogil:
    """What the functions of `redis` belong to: their first upvalue."""
    return <Scripting*>lua_api().touserdata(L, lua_upvalue(1))


cdef int _raise(const LuaApi* api, lua_State* L, const char* text, bint raising, bint counted) noexcept nogil:
    """The error as a value, or thrown."""
    convert_push_error(api, L, text, strlen(text), counted)
    return api.error(L) if raising else 1


cdef int _refuse(Scripting* t, lua_State* L, Command* cmd, const char* text, bint raising) noexcept nogil:
    """A command that may not run: counted here, like a reply."""
    dispatch_count_error(t.server, text, strlen(text))
    if cmd != NULL:
        cmd.rejected += 1
    return _raise(&t.api, L, text, raising, True)


cdef size_t _number(double v, char* to) noexcept nogil:
    """As an argument: a whole number has no point nor exponent."""
    if -9223372036854775808.0 <= v < 9223372036854775808.0 and v == <double><int64_t>v:
        return num_format_i64(<int64_t>v, to)
    if v != v:
        memcpy(to, b"-nan", 4)
        return 4
    return num_format_double(v, to)


cdef bint _arguments(Scripting* t, lua_State* L, int n) noexcept nogil:
    """The values on the stack as t.argv. False: one is neither string nor number."""
    cdef const LuaApi* api = &t.api
    cdef int i, type
    cdef size_t length
    cdef Slice* argv
    if UNLIKELY(<size_t>n > t.argv_room):
        t.argv = <Slice*>mem_realloc(t.server.mem, t.argv, t.argv_room * sizeof(Slice), n * 2 * sizeof(Slice))
        t.argv_room = n * 2
    argv = t.argv
    for i in range(n):
        type = api.type(L, i + 1)
        if LIKELY(type == LUA_TSTRING):
            argv[i].ptr = api.tolstring(L, i + 1, &argv[i].len)
        elif type == LUA_TNUMBER:
            if UNLIKELY(t.digits_room < t.argv_room * DIGITS):       # as large as all can need: it never moves below
                t.digits = <char*>mem_realloc(t.server.mem, t.digits, t.digits_room, t.argv_room * DIGITS)
                t.digits_room = t.argv_room * DIGITS
                return _arguments(t, L, n)
            argv[i].ptr = t.digits + i * DIGITS
            argv[i].len = _number(api.tonumber(L, i + 1), t.digits + i * DIGITS)
        else:
            return False
    return True


cdef Command* _command(Scripting* t, int n) noexcept nogil:
    """The command or subcommand that t.argv names; NULL: none."""
    cdef Slice name = t.argv[0]
    cdef KnownName* known = &t.known[(<size_t>name.ptr >> 4) % NAMES]
    cdef Command* cmd
    if LIKELY(known.cmd != NULL and known.length == name.len and bytes_same(known.name, name.ptr, name.len)):
        cmd = known.cmd
    else:
        cmd = table_find(&t.server.table, name)
        if cmd != NULL and name.len <= NAME_MOST:
            known.cmd = cmd
            known.length = <uint32_t>name.len
            memcpy(known.name, name.ptr, name.len)
    if cmd != NULL and UNLIKELY(cmd.subs != NULL) and n > 1:
        cmd = table_sub(cmd, t.argv[1])
    return cmd


cdef uint64_t _hash(Scripting* t, Slice key) noexcept nogil:
    """Of a key among the arguments."""
    if key.ptr == t.key.ptr and key.len == t.key.len and bytes_same(key.ptr, t.key_bytes, key.len):
        return t.key_hash
    t.key_hash = dict_hash(&t.server.ks.type, key.ptr, key.len)
    if key.len <= KEY_MOST:
        t.key = key
        memcpy(t.key_bytes, key.ptr, key.len)
    else:
        t.key.ptr = NULL
    return t.key_hash


cdef const char* _forbidden(Scripting* t, const Command* cmd, int n) noexcept nogil:
    """Why the script may not call it now; NULL: it may."""
    cdef Run* run = t.run
    cdef const char* text
    if n != cmd.arity and (cmd.arity > 0 or n < -cmd.arity):
        return b"ERR Wrong number of args calling Redis command from script"
    if cmd.flags & CMD_NOSCRIPT and not t.allow_all:
        return b"ERR This Redis command is not allowed from script"
    if UNLIKELY(run.caller.conn.gates & GATE_ACL):
        text = acl_gate_script(run.caller, cmd, t.argv, n, t.conn.db.id)
        if text != NULL:
            return text
    if cmd.flags & (CMD_WRITE | CMD_MAY_REPLICATE) and run.flags & SCRIPT_NO_WRITES:     # PUBLISH, PFCOUNT
        return b"ERR Write commands are not allowed from read-only scripts."
    if cmd.flags & CMD_WRITE and t.server.gates & GATE_DISK:
        return t.server.disk_text
    if cmd.flags & CMD_DENYOOM and run.over_memory and not run.wrote and not run.flags & SCRIPT_ALLOW_OOM:
        return status_text(ERR_OOM)
    return NULL


cdef const char* _reply_bytes(Scripting* t) noexcept nogil:
    """The reply under way, in one piece."""
    cdef Out* out = &t.conn.out
    cdef OutBlock* b = out.head
    cdef size_t at = 0
    if LIKELY(b.next == NULL):
        return b.data
    if t.flat_room < out.pending:
        mem_free(t.server.mem, t.flat, t.flat_room)
        t.flat = <char*>mem_alloc(t.server.mem, out.pending)
        t.flat_room = out.pending
    while b != NULL:
        memcpy(t.flat + at, b.data, b.used)
        at += b.used
        b = b.next
    return t.flat


cdef inline void _forget_reply(Scripting* t) noexcept nogil:
    """The first block stays for the next call."""
    cdef Out* out = &t.conn.out
    out.caught = False
    if out.head != NULL:
        if LIKELY(out.head.next == NULL and out.head.release == NULL):
            out.head.used = 0
            out.pending = 0
        else:
            out_clear(out)
    if UNLIKELY(t.flat_room > 65536):
        mem_free(t.server.mem, t.flat, t.flat_room)
        t.flat = NULL
        t.flat_room = 0


cdef int _call(lua_State* L, bint raising) noexcept nogil:
    cdef Scripting* t = _scripting(L)
    cdef const LuaApi* api = &t.api
    cdef int n = api.gettop(L)
    cdef size_t rewrites
    cdef Ctx nested
    cdef Command* cmd
    cdef const char* text
    cdef const char* p
    if UNLIKELY(n == 0):
        return _raise(api, L, NO_ARGUMENTS, raising, False)
    if UNLIKELY(not _arguments(t, L, n)):
        return _raise(api, L, BAD_ARGUMENTS, raising, False)
    cmd = _command(t, n)
    if UNLIKELY(cmd == NULL):
        return _refuse(t, L, NULL, b"ERR Unknown Redis command called from script", raising)
    text = _forbidden(t, cmd, n)
    if UNLIKELY(text != NULL):
        return _refuse(t, L, cmd, text, raising)
    if cmd.flags & CMD_WRITE:
        t.run.wrote = True
    _forget_reply(t)
    rewrites = t.server.ks.fx.rewrite_count
    dispatch_context(&nested, t.server, &t.conn, cmd, t.argv, n)
    if LIKELY(cmd.first_key == 1 and n > 1):
        nested.hash = _hash(t, t.argv[1])
        nested.hashed = True
    dispatch_nested(&nested)
    if UNLIKELY(not t.run.repl & REPL_AOF):      # redis.set_repl: who takes the commands is the append-only file alone
        t.server.ks.fx.rewrite_count = rewrites
    if t.conn.out.caught:
        api.settop(L, 0)                         # many arguments leave little of the stack
        api.pushnumber(L, <double>t.conn.out.integer)
        return 1
    if UNLIKELY(t.conn.out.pending == 0):
        api.pushnil(L)
        return 1
    p = _reply_bytes(t)
    api.settop(L, 0)
    convert_push(api, L, p)
    return api.error(L) if UNLIKELY(raising and p[0] == c'-') else 1


cdef int _redis_call(lua_State* L) noexcept nogil:
    """redis.call(command, ...): an error reply is thrown."""
    return _call(L, True)


cdef int _redis_pcall(lua_State* L) noexcept nogil:
    """redis.pcall(command, ...): an error reply is a table with `err`."""
    return _call(L, False)


# ---------------------------------------------------------------- the other functions of `redis`

cdef int _sha1hex(lua_State* L) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef char[40] hex
    cdef size_t n
    cdef const char* p
    if api.gettop(L) != 1:
        return _raise(api, L, b"ERR wrong number of arguments", True, False)
    p = api.tolstring(L, 1, &n)
    if p == NULL:
        p = b""
        n = 0
    hash_sha1_hex(p, n, hex)
    api.pushlstring(L, hex, 40)
    return 1


cdef int _reply_table(lua_State* L, bint is_error) noexcept nogil:
    cdef const LuaApi* api = lua_api()
    cdef size_t n
    cdef const char* p
    if api.gettop(L) != 1 or api.type(L, 1) != LUA_TSTRING:
        return _raise(api, L, b"ERR wrong number or type of arguments", False, False)
    p = api.tolstring(L, 1, &n)
    if is_error:
        convert_push_error(api, L, p, n, False)
    else:
        api.createtable(L, 0, 1)
        api.pushvalue(L, 1)
        api.setfield(L, -2, b"ok")
    return 1


cdef int _error_reply(lua_State* L) noexcept nogil:
    """redis.error_reply(text) -> {err = text}"""
    return _reply_table(L, True)


cdef int _status_reply(lua_State* L) noexcept nogil:
    """redis.status_reply(text) -> {ok = text}"""
    return _reply_table(L, False)


cdef int _log(lua_State* L) noexcept nogil:
    """redis.log(level, text, ...): the texts with a blank between them; what is no text is left out."""
    cdef Scripting* t = _scripting(L)
    cdef const LuaApi* api = &t.api
    cdef int n = api.gettop(L), level, i
    if n < 2:
        return _raise(api, L, b"ERR redis.log() requires two arguments or more.", True, False)
    if not api.isnumber(L, 1):
        return _raise(api, L, b"ERR First argument must be a number (log level).", True, False)
    level = <int>api.tonumber(L, 1)
    if level < 0 or level > LOG_WARNING:
        return _raise(api, L, b"ERR Invalid log level.", True, False)
    api.pushlstring(L, b"", 0)
    for i in range(2, n + 1):
        if api.isstring(L, i):
            if i > 2:
                api.pushlstring(L, b" ", 1)
                api.concat(L, 2)
            api.pushvalue(L, i)
            api.concat(L, 2)
    t.server.log(t.server, level, api.tolstring(L, -1, NULL))
    return 0


cdef int _setresp(lua_State* L) noexcept nogil:
    """redis.setresp(2 or 3): the protocol that replies to this script's calls come in."""
    cdef Scripting* t = _scripting(L)
    cdef int version
    if t.api.gettop(L) != 1:
        return _raise(&t.api, L, b"ERR redis.setresp() requires one argument.", True, False)
    version = <int>t.api.tonumber(L, 1)
    if version != 2 and version != 3:
        return _raise(&t.api, L, b"ERR RESP version must be 2 or 3.", True, False)
    t.conn.out.proto = version
    return 0


cdef int _set_repl(lua_State* L) noexcept nogil:
    cdef Scripting* t = _scripting(L)
    cdef int flags
    if t.api.gettop(L) != 1:
        return _raise(&t.api, L, b"ERR redis.set_repl() requires one argument.", True, False)
    flags = <int>t.api.tonumber(L, 1)
    if flags & ~REPL_ALL:
        return _raise(&t.api, L, b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
                      True, False)
    if t.run != NULL:
        t.run.repl = flags
    return 0


cdef int _replicate_commands(lua_State* L) noexcept nogil:
    """redis.replicate_commands(): what it asked for is how it is, always."""
    lua_api().pushboolean(L, True)
    return 1


cdef int _breakpoint(lua_State* L) noexcept nogil:
    """redis.breakpoint(): there is no debugger to stop in."""
    lua_api().pushboolean(L, False)
    return 1


cdef int _debug(lua_State* L) noexcept nogil:
    """redis.debug(...): nobody sees it."""
    return 0


cdef int _acl_check_cmd(lua_State* L) noexcept nogil:
    """redis.acl_check_cmd(command, ...) -> may the user who runs the script call it?"""
    cdef Scripting* t = _scripting(L)
    cdef int n = t.api.gettop(L), at
    cdef Command* cmd
    cdef Conn* caller
    if n == 0:
        return _raise(&t.api, L, NO_ARGUMENTS, True, False)
    if not _arguments(t, L, n):
        return _raise(&t.api, L, BAD_ARGUMENTS, True, False)
    cmd = _command(t, n)
    if cmd == NULL:
        return _raise(&t.api, L, b"ERR Invalid command passed to redis.acl_check_cmd()", True, False)
    caller = t.run.caller.conn if t.run != NULL else NULL
    t.api.pushboolean(L, caller == NULL or not caller.gates & GATE_ACL or ALLOWED == acl_check(
        t.server, <User*>caller.user, cmd, t.argv, n, t.conn.db.id, &at))
    return 1


cdef void _function(Vm* vm, const char* name, int (*f)(lua_State*) noexcept nogil) noexcept nogil:
    vm.api.pushlightuserdata(vm.L, vm.owner)
    vm.api.pushcclosure(vm.L, f, 1)
    vm.api.setfield(vm.L, -2, name)


cdef void _constant(Vm* vm, const char* name, int v) noexcept nogil:
    vm.api.pushnumber(vm.L, v)
    vm.api.setfield(vm.L, -2, name)


cdef void script_push_basics(Vm* vm) noexcept nogil:
    vm.api.createtable(vm.L, 0, 32)
    _function(vm, b"log", _log)
    _constant(vm, b"LOG_DEBUG", 0)
    _constant(vm, b"LOG_VERBOSE", 1)
    _constant(vm, b"LOG_NOTICE", 2)
    _constant(vm, b"LOG_WARNING", LOG_WARNING)
    _constant(vm, b"REDIS_VERSION_NUM", 0x080006)
    vm.api.pushstring(vm.L, b"8.0.6")
    vm.api.setfield(vm.L, -2, b"REDIS_VERSION")


cdef void _push_common(Vm* vm) noexcept nogil:
    script_push_basics(vm)
    _function(vm, b"call", _redis_call)
    _function(vm, b"pcall", _redis_pcall)
    _function(vm, b"sha1hex", _sha1hex)
    _function(vm, b"error_reply", _error_reply)
    _function(vm, b"status_reply", _status_reply)
    _function(vm, b"setresp", _setresp)
    _function(vm, b"set_repl", _set_repl)
    _function(vm, b"acl_check_cmd", _acl_check_cmd)
    _constant(vm, b"REPL_NONE", 0)
    _constant(vm, b"REPL_AOF", REPL_AOF)
    _constant(vm, b"REPL_SLAVE", REPL_REPLICA)
    _constant(vm, b"REPL_REPLICA", REPL_REPLICA)
    _constant(vm, b"REPL_ALL", REPL_ALL)


cdef void _finish_open(Vm* vm) noexcept nogil:
    """Names the table on top `redis`, and `server` as Valkey does."""
    vm.api.pushvalue(vm.L, -1)
    vm.api.setfield(vm.L, -3, b"server")
    vm.api.setfield(vm.L, -2, b"redis")
    vm.api.sethook(vm.L, _hook, LUA_MASKCOUNT, HOOK_EVERY)


cdef void script_open_functions(Vm* vm) noexcept nogil:
    _push_common(vm)
    _finish_open(vm)


cdef void script_open(Vm* vm) noexcept nogil:
    _push_common(vm)
    _function(vm, b"replicate_commands", _replicate_commands)
    _function(vm, b"breakpoint", _breakpoint)
    _function(vm, b"debug", _debug)
    _finish_open(vm)


# ---------------------------------------------------------------- taking too long

cdef void _hook(lua_State* L, lua_Debug* where) noexcept nogil:
    """Every so many instructions: has the script taken too long, or is it to end?"""
    cdef Vm* vm = vm_of(L)
    cdef Scripting* t = <Scripting*>vm.owner
    cdef Run* run = t.run
    cdef int64_t ms
    if t.loading and clock_ticks_to_us(&t.server.clock, clock_ticks() - t.loading) > LOAD_MOST_US:
        _raise(&t.api, L, b"ERR FUNCTION LOAD timeout", True, False)
    if run == NULL:
        return
    if not run.killed:
        ms = clock_ticks_to_us(&t.server.clock, clock_ticks() - run.began) // 1000
        if t.busy_ms <= 0 or ms < t.busy_ms:
            return
        if not run.late:
            _become_late(t, run, ms)
        if t.server.serve_others != NULL:
            t.server.serve_others(t.server)
    if run.killed:
        t.api.sethook(L, _hook, LUA_MASKLINE | LUA_MASKCOUNT, 1)
        t.api.sethook(vm.L, _hook, LUA_MASKLINE | LUA_MASKCOUNT, 1)
        if run.is_eval:
            _raise(&t.api, L, b"ERR Script killed by user with SCRIPT KILL...", True, False)
        else:
            _raise(&t.api, L, b"ERR Script killed by user with FUNCTION KILL...", True, False)


cdef void _become_late(Scripting* t, Run* run, int64_t ms) noexcept nogil:
    cdef Server* s = t.server
    cdef char[256] text
    cdef const char* kill = b"SCRIPT KILL"
    run.late = True
    run.caller.conn.flags |= CONN_HELD           # what it sent after this waits
    s.gates |= GATE_BUSY
    s.busy_text = b"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
    if not run.is_eval:
        kill = b"FUNCTION KILL"
        s.busy_text = b"BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
    snprintf(text, sizeof(text), b"Slow script detected: still in execution after %lld milliseconds. You can try "
             b"killing the script using the %s command. Script name is: %.*s.", <long long>ms, kill,
             <int>min(run.name.len, <size_t>64), run.name.ptr)
    s.log(s, LOG_WARNING, text)


cdef void _end_late(Scripting* t, Run* run) noexcept nogil:
    t.server.gates &= ~<uint32_t>GATE_BUSY
    run.caller.conn.flags &= ~<uint32_t>CONN_HELD
    conn_due(t.server, run.caller.conn)


cdef Status script_kill(Ctx* c, bint is_eval) noexcept nogil:
    cdef Run* run = scripting_of(c.server).run
    if run == NULL:
        return fail_with(c, ERR_CUSTOM, b"NOTBUSY No scripts in execution right now.")
    if run.is_eval != is_eval:
        return fail_with(c, ERR_CUSTOM, c.server.busy_text)
    if run.wrote:
        return fail_with(c, ERR_CUSTOM, (
            b"UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait "
            b"the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."))
    run.killed = True
    return OK


cdef void script_end(Server* s) noexcept nogil:
    cdef Scripting* t = scripting_of(s)
    if t != NULL and t.run != NULL:
        t.run.killed = True


# ---------------------------------------------------------------- running one

cdef void script_shown(Ctx* c) noexcept nogil:
    if c.server.monitors != NULL:
        monitor_feed(c)


cdef Status script_keys(Ctx* c, int* keys) noexcept nogil:
    cdef int64_t n
    if arg_i64(c, 2, &n) != OK:
        return ERR_NOT_INTEGER
    if n > c.argc - 3:
        return fail_with(c, ERR_CUSTOM, b"ERR Number of keys can't be greater than number of args")
    if n < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR Number of keys can't be negative")
    keys[0] = <int>n
    return OK


cdef Status script_may_run(Ctx* c, Run* run, bint read_only) noexcept nogil:
    run.caller = c
    run.over_memory = c.server.memory_limit and eviction_of(c.server).exhausted
    if run.flags & SCRIPT_PLAIN:
        if read_only:
            run.flags |= SCRIPT_NO_WRITES
        return OK
    if c.server.gates & GATE_DISK and not run.flags & SCRIPT_NO_WRITES:
        return fail_with(c, ERR_CUSTOM, c.server.disk_text)
    if read_only and not run.flags & SCRIPT_NO_WRITES:
        return fail_with(c, ERR_CUSTOM, b"ERR Can not execute a script with write flag using *_ro command.")
    if run.over_memory and not run.flags & (SCRIPT_ALLOW_OOM | SCRIPT_NO_WRITES):
        return ERR_OOM
    return OK


cdef int script_on_error(lua_State* L) noexcept nogil:
    """The handler: what was thrown as a table {err, source, line}."""
    cdef const LuaApi* api = lua_api()
    cdef lua_Debug where
    cdef bint known = api.getstack(L, 1, &where) and api.getinfo(L, b"S", &where)
    if known and where.what[0] == c'C':
        known = api.getstack(L, 2, &where)
    if not lua_istable(api, L, 1):
        _name_value(api, L)
    if known and api.getinfo(L, b"Sl", &where):
        api.pushstring(L, where.source)
        api.setfield(L, 1, b"source")
        api.pushnumber(L, where.currentline)
        api.setfield(L, 1, b"line")
    api.settop(L, 1)
    return 1


cdef void _name_value(const LuaApi* api, lua_State* L) noexcept nogil:
    """Puts {err = "ERR " .. tostring(value)} in the place of the value at index 1."""
    cdef int t = api.type(L, 1)
    cdef const char* format = "%s: %p"
    api.createtable(L, 0, 3)
    api.pushlstring(L, b"ERR ", 4)
    if api.isstring(L, 1):
        api.pushvalue(L, 1)
        api.tolstring(L, -1, NULL)
    elif t == LUA_TNIL:
        api.pushlstring(L, b"nil", 3)
    elif t == LUA_TBOOLEAN:
        api.pushstring(L, b"true" if api.toboolean(L, 1) else b"false")
    else:
        api.pushfstring(L, format, api.typename(L, t), api.topointer(L, 1))
    api.concat(L, 2)
    api.setfield(L, -2, b"err")
    api.replace(L, 1)


cdef void _sink_error(void* arg, const char* text, size_t n, bint counted) noexcept nogil:
    cdef Run* run = <Run*>arg
    run.failed = True
    if not counted:
        dispatch_count_error(run.caller.server, text, n)
    reply_error(run.caller.out, text, n)


cdef const char* _text_field(const LuaApi* api, lua_State* L, const char* name) noexcept nogil:
    """A field of the table on top as text, which is put below the table. NULL: it is none."""
    cdef const char* text
    api.pushstring(L, name)
    api.rawget(L, -2)
    text = api.tolstring(L, -1, NULL)
    api.insert(L, -2)
    return text


cdef void _reply_failure(Run* run) noexcept nogil:
    """Replies the error on top, with where it happened. Pops it."""
    cdef const LuaApi* api = run.vm.api
    cdef lua_State* L = run.vm.L
    cdef char[ERROR_ROOM] text
    cdef const char* message
    cdef const char* source
    cdef const char* line
    cdef bint counted
    cdef int n
    if not lua_istable(api, L, -1):              # the handler itself failed, or memory
        message = api.tolstring(L, -1, NULL)
        if message == NULL:
            message = "unknown error"
        n = snprintf(text, ERROR_ROOM, b"ERR %s", message)
        _sink_error(run, text, min(n, <int>ERROR_ROOM - 1), False)
        lua_pop(api, L, 1)
        return
    message = _text_field(api, L, b"err")
    source = _text_field(api, L, b"source")
    line = _text_field(api, L, b"line")
    api.pushstring(L, b"ignore_error_stats_update")
    api.rawget(L, -2)
    counted = api.toboolean(L, -1)
    lua_pop(api, L, 1)
    if message == NULL:
        message = "ERR unknown error"
    if message[0] == c'-':
        message += 1
    if source != NULL and line != NULL:
        n = snprintf(text, ERROR_ROOM, b"%s script: %.*s, on %s:%s.", message, <int>run.name.len, run.name.ptr,
                     source, line)
    else:
        n = snprintf(text, ERROR_ROOM, b"%s", message)
    _sink_error(run, text, min(n, <int>ERROR_ROOM - 1), counted)
    lua_pop(api, L, 4)


cdef void _push_list(const LuaApi* api, lua_State* L, const Slice* argv, int n) noexcept nogil:
    cdef int i
    api.createtable(L, n, 0)
    for i in range(n):
        api.pushlstring(L, argv[i].ptr, argv[i].len)
        api.rawseti(L, -2, i + 1)


cdef void _set_globals(Vm* vm, Ctx* c, bint trusted, int keys) noexcept nogil:
    """KEYS and ARGV, in the table of globals that only the server can write."""
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    api.rawgeti(L, LUA_REGISTRYINDEX, vm.plain_names if trusted else vm.names)
    api.rawgeti(L, LUA_REGISTRYINDEX, vm.keys_name)
    _push_list(api, L, c.argv + 3, keys)
    api.rawset(L, -3)
    api.rawgeti(L, LUA_REGISTRYINDEX, vm.argv_name)
    _push_list(api, L, c.argv + 3 + keys, c.argc - 3 - keys)
    api.rawset(L, -3)
    lua_pop(api, L, 1)


cdef void _set_connection(Scripting* t, Ctx* c) noexcept nogil:
    t.conn.id = c.conn.id
    t.conn.db = c.db
    t.conn.user = c.conn.user
    t.conn.out.proto = 2
    t.conn.flags = (CONN_FAKE | CONN_IN_SCRIPT | CONN_DENY_BLOCKING | CONN_AUTHENTICATED
                    | (c.conn.flags & CONN_NO_TOUCH))


cdef Status script_call(Ctx* c, Run* run, int keys) noexcept nogil:
    cdef Scripting* t = scripting_of(c.server)
    cdef Vm* vm = run.vm
    cdef const LuaApi* api = vm.api
    cdef lua_State* L = vm.L
    cdef Sink sink
    cdef int status, arguments = 0
    _set_connection(t, c)
    run.repl = REPL_ALL
    run.began = clock_ticks()
    api.pushcclosure(L, script_on_error, 0)
    api.insert(L, 1)
    if run.is_eval:
        _set_globals(vm, c, run.trusted, keys)
    else:
        _push_list(api, L, c.argv + 3, keys)
        _push_list(api, L, c.argv + 3 + keys, c.argc - 3 - keys)
        arguments = 2
    t.run = run
    vm.capped = True
    status = api.pcall(L, arguments, 1, 1)
    vm.capped = False
    if status != LUA_OK:
        _reply_failure(run)
    else:
        sink.out = c.out
        sink.script_proto = t.conn.out.proto
        sink.error = _sink_error
        sink.arg = run
        convert_reply(api, L, &sink)
    api.settop(L, 0)
    t.run = NULL
    if UNLIKELY(run.late):
        _end_late(t, run)
    if UNLIKELY(run.killed):
        api.sethook(L, _hook, LUA_MASKCOUNT, HOOK_EVERY)
    out_clear(&t.conn.out)
    if c.ks.fx.propagating:
        c.ks.fx.rewritten = True                 # what its commands did is repeated, not the script
    return REPLIED_ERROR if run.failed else OK


# ---------------------------------------------------------------- the first line

cdef inline bint _is(Slice word, const char* name) noexcept nogil:
    return slice_equal(word, slice_of(name, strlen(name)))


cdef bint script_flag(Slice word, uint32_t* flags) noexcept nogil:
    """Adds the flag of this name. False: there is none."""
    if _is(word, b"no-writes"):
        flags[0] |= SCRIPT_NO_WRITES
    elif _is(word, b"allow-oom"):
        flags[0] |= SCRIPT_ALLOW_OOM
    elif _is(word, b"allow-stale"):
        flags[0] |= SCRIPT_ALLOW_STALE
    elif _is(word, b"no-cluster"):
        flags[0] |= SCRIPT_NO_CLUSTER
    elif _is(word, b"allow-cross-slot-keys"):
        flags[0] |= SCRIPT_CROSS_SLOT
    else:
        return False
    return True


cdef Status _bad_line(Ctx* c, const char* what, Slice word) noexcept nogil:
    snprintf(c.server.detail, sizeof(c.server.detail), b"ERR %s%.*s", what, <int>word.len, word.ptr)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status _flag_list(Ctx* c, Slice list, uint32_t* flags) noexcept nogil:
    """a,b,c"""
    cdef const char* comma
    cdef Slice word
    if list.len == 0:
        return OK
    while True:
        comma = <const char*>memchr(list.ptr, c',', list.len)
        word = slice_of(list.ptr, comma - list.ptr if comma != NULL else list.len)
        if not script_flag(word, flags):
            return _bad_line(c, b"Unexpected flag in script shebang: ", word)
        if comma == NULL:
            return OK
        list = slice_of(comma + 1, list.len - word.len - 1)


cdef Status script_shebang(Ctx* c, Slice code, Slice* body, uint32_t* flags) noexcept nogil:
    """#!lua [flags=a,b]. What follows keeps its line numbers."""
    cdef const char* end = <const char*>memchr(code.ptr, c'\n', code.len)
    cdef char[WORDS] buffer
    cdef size_t at = 0, n, length
    cdef Slice word
    cdef int got
    cdef bint first = True
    cdef Status st
    if end == NULL or end - code.ptr >= WORDS:
        return fail_with(c, ERR_CUSTOM, b"ERR Invalid script shebang")
    length = end - code.ptr
    body[0] = slice_of(end, code.len - length)
    while True:
        got = text_next_word(code.ptr, length, &at, buffer, &n)
        if got < 0:
            return fail_with(c, ERR_CUSTOM, b"ERR Invalid engine in script shebang")
        if got == 0:
            return OK
        word = slice_of(buffer, n)
        if first:
            first = False
            if n != 5 or memcmp(buffer, b"#!lua", 5):
                return _bad_line(c, b"Unexpected engine in script shebang: ", word)
        elif n >= 6 and memcmp(buffer, b"flags=", 6) == 0:
            st = _flag_list(c, slice_of(buffer + 6, n - 6), flags)
            if st != OK:
                return st
        else:
            return _bad_line(c, b"Unknown lua shebang option: ", word)
