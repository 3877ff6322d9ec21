# script_run -- running a script: what it calls, what it may, what comes of it. The story is in script_run.pyx.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport CMD_DENYOOM, CMD_MAY_REPLICATE, CMD_SKIP_MONITOR, CMD_WRITE, Command, Conn, Ctx, Server
from _pyredis.lua.api cimport LuaApi, lua_State
from _pyredis.lua.state cimport Vm

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)

cdef enum ScriptFlag:              # of a shebang line, and what follows
    SCRIPT_NO_WRITES = 1 << 0
    SCRIPT_ALLOW_OOM = 1 << 1
    SCRIPT_ALLOW_STALE = 1 << 2
    SCRIPT_NO_CLUSTER = 1 << 3
    SCRIPT_CROSS_SLOT = 1 << 4
    SCRIPT_PLAIN = 1 << 5          # no shebang: judged call by call

cdef struct Run:                   # a script under way
    Ctx* caller
    Vm* vm
    Slice name                     # its SHA-1, or the function's name
    bint is_eval
    bint trusted                   # runs without guards (vm_trust)
    uint32_t flags
    bint over_memory               # when it began
    bint wrote                     # has called a command that writes
    bint failed                    # an error of its own was replied
    bint late                      # has passed busy-reply-threshold, and others are served meanwhile
    bint killed
    int repl                       # redis.set_repl
    uint64_t began                 # ticks: real even when the clock stands still

cdef enum:
    NAMES = 16                     # command names that are remembered
    NAME_MOST = 20                 # bytes of one
    KEY_MOST = 64                  # bytes of a key whose hash is remembered

cdef struct KnownName:             # a name as scripts write it, and its command
    Command* cmd                   # NULL: none yet
    uint32_t length
    char name[NAME_MOST]

cdef struct Scripting:             # what all scripts of a server share
    Server* server
    LuaApi api
    bint loaded                    # the library is there
    bint allow_all                 # DEBUG SET-DISABLE-DENY-SCRIPTS: commands that no script may call, too
    Run* run                       # NULL: none
    Conn conn                      # that scripts call commands on
    KnownName known[NAMES]         # by the address that Lua has the name at
    Slice key                      # the last, as Lua has it: a script tends to ask for one again
    uint64_t key_hash
    char key_bytes[KEY_MOST]       # where it stands another may stand by now
    Slice* argv                    # of the call under way
    size_t argv_room
    char* digits                   # of the numbers among them
    size_t digits_room
    char* flat                     # a reply of several blocks, in one piece
    size_t flat_room
    uint64_t loading               # ticks when a library began to load; 0: none does
    int64_t busy_ms                # busy-reply-threshold; 0: none
    void* scripts                  # the scripts that EVAL knows (cmd/scripting)
    void* functions                # the libraries (cmd/functions)
    uint32_t (*eval_flags)(Ctx*) noexcept nogil  # what this EVAL or EVALSHA runs declares; SCRIPT_PLAIN: nothing
    uint32_t (*fcall_flags)(Ctx*) noexcept nogil # and this FCALL

cdef Scripting* scripting_new(Server* s) noexcept nogil
cdef void scripting_free(Scripting* t) noexcept nogil
cdef bint scripting_load(Scripting* t, const char* path) noexcept nogil
# For vm_new: the table `redis`, and the hook.
cdef void script_open(Vm* vm) noexcept nogil             # as scripts of EVAL find it
cdef void script_open_functions(Vm* vm) noexcept nogil   # as functions of libraries do
cdef void script_push_basics(Vm* vm) noexcept nogil      # a table with what both have, and libraries as they load
cdef int  script_on_error(lua_State* L) noexcept nogil   # the handler of pcall: {err, source, line}

# May a script with these flags run now? `read_only`: by a command that says so. An error, or OK.
cdef Status script_may_run(Ctx* c, Run* run, bint read_only) noexcept nogil

# Calls the function on top of the stack, with KEYS and ARGV from argv[3] on, and replies. OK or REPLIED_ERROR.
cdef Status script_call(Ctx* c, Run* run, int keys) noexcept nogil

# The keys among the arguments: argv[2], as a number that fits. An error, or OK.
cdef void script_shown(Ctx* c) noexcept nogil                # to monitors, before what the script calls
cdef Status script_keys(Ctx* c, int* keys) noexcept nogil

# SCRIPT KILL, FUNCTION KILL. An error, or OK.
cdef Status script_kill(Ctx* c, bint is_eval) noexcept nogil
cdef void script_end(Server* s) noexcept nogil           # the server shuts down: whatever runs ends, too

# A shebang line: flags of it; *body is what follows. An error (with detail), or OK.
cdef Status script_shebang(Ctx* c, Slice code, Slice* body, uint32_t* flags) noexcept nogil
cdef bint script_flag(Slice word, uint32_t* flags) noexcept nogil

cdef inline Scripting* scripting_of(const Server* s) noexcept nogil:
    return <Scripting*>s.scripting

# The command's flags, for who asks what it does to data: a shebang line, or a function's flags, know better.
cdef inline uint64_t script_command_flags(Ctx* c) noexcept nogil:
    cdef uint64_t flags = c.cmd.flags
    cdef uint32_t declared
    if LIKELY(~flags & (CMD_SKIP_MONITOR | CMD_MAY_REPLICATE)):      # no EVAL, EVALSHA nor FCALL
        return flags
    declared = scripting_of(c.server).fcall_flags(c) if c.cmd.name[0] == c'f' else scripting_of(c.server).eval_flags(c)
    if declared & SCRIPT_PLAIN:
        return flags
    if declared & SCRIPT_NO_WRITES:
        return flags & ~<uint64_t>CMD_MAY_REPLICATE
    return flags | CMD_WRITE | (0 if declared & SCRIPT_ALLOW_OOM else CMD_DENYOOM)
