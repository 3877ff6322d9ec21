# weights -- what connections take, and the end of the heaviest when they take too much. The story is in weights.pyx.
from libc.stdint cimport uint64_t
from _pyredis.cmd.ctx cimport Conn, Server

cdef enum:
    WEIGHT_CLASSES = 64

cdef struct Weights:
    size_t (*weigh)(const Conn* c) noexcept nogil
    size_t sum                     # of Conn.counted
    Conn* classes[WEIGHT_CLASSES]  # those that may be ended: of 2^(i-1) bytes up to 2^i
    uint64_t occupied              # a bit for each class that has any

cdef Weights* weights_new() noexcept nogil
cdef void weights_free(Weights* w) noexcept nogil
cdef void weights_set_limit(Server* s, size_t limit) noexcept nogil    # maxmemory-clients in bytes; 0: none
cdef void weights_note(Server* s, Conn* c) noexcept nogil      # it may take more or less than when it was last noted
cdef void weights_forget(Server* s, Conn* c) noexcept nogil    # it ends
cdef void weights_end_heaviest(Server* s) noexcept nogil       # until the sum is within the limit

cdef inline Weights* weights_of(const Server* s) noexcept nogil:
    return <Weights*>s.weights

cdef inline void weights_settle(Server* s) noexcept nogil:
    """Where no command is under way: connections end until what all take is within the limit."""
    if s.clients_limit and weights_of(s).sum > s.clients_limit:
        weights_end_heaviest(s)
