# eviction -- keeping to maxmemory. The story is in eviction.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.cmd.ctx cimport Server
from _pyredis.db.evict cimport Evict

cdef struct Eviction:
    Evict keys
    void (*drain)(void* server) noexcept nogil     # passes effects on and clears them
    int64_t most_us                # at a time; 0: as long as it takes
    bint unfinished                # time was up before there was room
    bint exhausted                 # there was too little room when it was last looked for, and nothing that may go
    bint told                      # keys were given up, and others may have been told
    int64_t over_since_us          # since when there is too little room; 0: there is enough
    int64_t behind                 # bytes that were too much when the last run ended
    uint64_t round                 # of the loop, and what it has given so far to what was left unfinished
    int64_t round_began_us
    int64_t round_spent_us

cdef Eviction* eviction_new(Server* s) noexcept nogil
cdef void eviction_free(Server* s) noexcept nogil
cdef void eviction_set_tenacity(Server* s, int tenacity) noexcept nogil     # maxmemory-eviction-tenacity
# When more is used than may be: gives up keys. False: it is still more, and nothing is left that may go.
cdef bint eviction_run(Server* s) noexcept nogil
cdef void eviction_go_on(Server* s) noexcept nogil                          # between two rounds, while x.unfinished

cdef size_t eviction_not_counted(const Server* s) noexcept nogil           # bytes that are used but not held against it

cdef inline Eviction* eviction_of(const Server* s) noexcept nogil:
    return <Eviction*>s.eviction
