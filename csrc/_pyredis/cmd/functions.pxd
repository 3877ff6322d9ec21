# functions -- libraries of functions: FUNCTION, FCALL. The story is in functions.pyx.
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, Server, Table
from _pyredis.cmd.script_run cimport scripting_of
from _pyredis.ds.dict cimport Dict, DictType
from _pyredis.lua.state cimport Vm

cdef struct Function:
    Slice name                     # owned, as these three
    Slice folded                   # in lower case: functions are found in any
    Slice description              # ptr NULL: none
    uint32_t flags                 # ScriptFlag
    int callback                   # registry index
    Library* library
    Function* next

cdef struct Library:
    Slice name                     # owned
    Slice code                     # owned
    Function* first                # in the order in which they were registered
    Function* last

cdef struct Libraries:
    Vm* vm                         # NULL: there was no library yet
    DictType by_library_name
    DictType by_folded_name
    Dict libraries
    Dict functions
    Library* loading               # the one whose code runs
    int load_view                  # registry index: the globals that it sees
    size_t bytes

cdef Libraries* libraries_new(Server* s) noexcept nogil
cdef void libraries_free(Server* s, Libraries* x) noexcept nogil

# Runs a library's code. *made belongs to the caller then, until libraries_commit takes it or library_free ends it.
cdef Status library_load(Ctx* c, Slice code, Library** made) noexcept nogil
cdef void library_free(Server* s, Library* library) noexcept nogil
cdef Library* library_find(const Libraries* x, Slice name) noexcept nogil
# Would its functions' names meet those of another library, which does not make way for it? An error, or OK.
cdef Status library_check(Ctx* c, const Library* library, bint replace) noexcept nogil
cdef void library_commit(Server* s, Library* library) noexcept nogil        # takes it; one of its name goes
cdef void library_remove(Server* s, Library* library) noexcept nogil        # out of the server, and freed
cdef void libraries_forget(Server* s) noexcept nogil                        # all of them, and their interpreter
cdef Status function_bad_form(Ctx* c) noexcept nogil                        # the error of too many words
cdef void bind_functions(Table* t) noexcept nogil

cdef inline Libraries* libraries_of(const Server* s) noexcept nogil:
    return <Libraries*>scripting_of(s).functions
