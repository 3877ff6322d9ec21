# key_finder -- which arguments of a command are keys, and what happens to them. The story is in key_finder.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Command, KeyRun, KeySpec, Table

cdef enum:
    KEY_RUNS = 8                   # room that a caller gives; no command has so many specs

cdef void keys_bind(Table* t) noexcept nogil                 # the rules of those whose specs are not enough
cdef bint keys_declare(Table* t, Command* c, const KeySpec* specs, int n) noexcept nogil   # False: too many

# How many runs of keys argv has, in the order of the specs; -1: it contradicts itself, or has none.
cdef int  keys_find(const Command* c, const Slice* argv, int argc, KeyRun* runs) noexcept nogil
