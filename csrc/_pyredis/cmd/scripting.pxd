# scripting -- EVAL and its kin: the scripts that clients send. The story is in scripting.pyx.
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Server, Table
from _pyredis.cmd.script_run cimport scripting_of
from _pyredis.ds.dict cimport Dict, DictType
from _pyredis.lua.state cimport Vm

cdef enum:
    SHA = 40                       # digits of a script's name
    MOST_EVALUATED = 500           # scripts that only EVAL brought; older ones go

cdef struct Script:
    char sha[SHA]
    uint32_t flags                 # ScriptFlag
    int function                   # registry index
    bint trusted                   # Run.trusted
    bint loaded                    # by SCRIPT LOAD: stays until the next flush
    Slice body                     # owned
    Script* newer                  # of those that EVAL brought
    Script* older

cdef struct ScriptCache:
    Vm* vm
    DictType type
    Dict scripts
    Script* newest
    Script* oldest
    size_t evaluated               # how many stand in that list
    size_t bytes                   # of bodies and records
    uint64_t evicted

cdef ScriptCache* script_cache_new(Server* s) noexcept nogil
cdef void script_cache_free(Server* s, ScriptCache* cache) noexcept nogil
cdef void bind_scripting(Table* t) noexcept nogil

cdef inline ScriptCache* script_cache_of(const Server* s) noexcept nogil:
    return <ScriptCache*>scripting_of(s).scripts
