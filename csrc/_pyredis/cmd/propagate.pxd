# propagate -- what commands did, as commands. The story is in propagate.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.cmd.ctx cimport Server

cdef struct Propagation:
    Server* server
    Arena* mem
    char* data                     # commands that nobody has taken yet
    size_t used
    size_t capacity
    uint64_t offset                # of all bytes ever: where those in `data` end
    int db                         # of the last SELECT; -1: the next command gets one
    bint timestamps                # annotations of the time stand between the commands
    int64_t second                 # of the last one

cdef Propagation* propagation_new(Server* s) noexcept nogil
cdef void propagation_free(Server* s) noexcept nogil
cdef void propagation_start(Server* s) noexcept nogil          # somebody takes the commands from now on
cdef void propagation_stop(Server* s) noexcept nogil           # nobody does; what has not been taken is forgotten
cdef void propagation_taken(Propagation* p, size_t n) noexcept nogil   # the first n bytes of `data`

cdef inline Propagation* propagation_of(const Server* s) noexcept nogil:
    return <Propagation*>s.propagation
