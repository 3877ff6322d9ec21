# state -- a sandboxed interpreter. The story is in state.pyx.
from libc.stdint cimport uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.lua.api cimport LuaApi, lua_State

cdef enum:
    GUARDS = 20

cdef struct Guard:                 # an empty table that stands for one which scripts must not change
    const void* address            # of the empty one
    const void* shown              # of what it stands for
    int view                       # registry index of what it shows

cdef struct Vm:
    const LuaApi* api
    lua_State* L
    Arena* mem                     # the interpreter's own: what scripts take is not the data's memory
    size_t limit                   # bytes that a script may take
    bint capped                    # a script runs: asking for more is its error, not the end of the process
    uint64_t random                # state of math.random
    Guard guards[GUARDS]
    int guard_count
    int names                      # registry index of the globals, as they are seen through the guard
    int names_meta                 # of what getmetatable shows of them
    int plain_names                # of those that tame chunks have, with no guards between
    int keys_name                  # "KEYS" and "ARGV"
    int argv_name
    void* owner                    # what functions of the server find (cmd/script_run)

# `open` adds the server's own globals to the table on top, before they are sealed.
cdef Vm* vm_new(const LuaApi* api, void* owner, void (*open)(Vm* vm) noexcept nogil) noexcept nogil
cdef void vm_free(Vm* vm) noexcept nogil
cdef size_t vm_memory(const Vm* vm) noexcept nogil          # bytes of all that the interpreter has
cdef Vm* vm_of(lua_State* L) noexcept nogil                 # of a state or one of its coroutines
cdef bint vm_is_sealed(const Vm* vm, lua_State* L, int i) noexcept nogil   # a guard, or what one stands for

# Makes the table on top a guarded one: a stand-in takes its place, through which it is read only.
cdef void vm_guard(Vm* vm) noexcept nogil

cdef void vm_strict(Vm* vm) noexcept nogil                  # reading what the table on top has not is an error
cdef void vm_show(Vm* vm, int view) noexcept nogil          # chunks see the table at this registry index as globals

# If it can: gives the function on top the globals without guards. False: it stays behind them.
cdef bint vm_trust(Vm* vm) noexcept nogil

# Compiles text (never bytecode) into a function on top, or an error text (the status says which).
cdef int vm_compile(Vm* vm, lua_State* L, const char* p, size_t n, const char* name) noexcept nogil
