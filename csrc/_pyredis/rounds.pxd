# rounds -- the server's rounds, and what is done between two of them. The story is in rounds.pyx.
from libc.stdint cimport int64_t, uint32_t
from _pyredis.cmd.ctx cimport CONN_WANTS_WRITE, CONN_WATCHED, Conn, Server
from _pyredis.conn cimport Batch
from _pyredis.db.defrag cimport Defrag

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data

cdef struct Foreign:               # a descriptor for Python: of a listener, say, or of a relayed connection
    int fd
    uint32_t events

cdef struct Rounds:
    Server* s
    Batch* batch
    Batch* other_batch             # of those who are served from within a command that takes long; NULL: never yet
    Conn** ready                   # the connections of this round
    size_t count
    Foreign* foreign
    size_t foreign_count
    size_t room                    # of `ready` and of `foreign`
    epoll_event* events
    size_t watch_changes           # connections whose wish to be told of writability has changed
    bint entered                   # a control command has run since the loop was last asked
    int expire_effort              # 1 to 10, as active-expire-effort
    int64_t next_expire_ms
    int64_t next_defrag_ms
    Defrag* defrag

cdef bint    rounds_init(Rounds* r, Server* s) noexcept nogil      # of zeros; False: there is no memory
cdef void    rounds_free(Rounds* r) noexcept nogil

# Who takes part in the next round.
cdef void    rounds_room(Rounds* r, size_t n) noexcept nogil       # for so many of the next
cdef void    rounds_sort(Rounds* r, int fd, uint32_t events) noexcept nogil
cdef void    rounds_take_due(Rounds* r) noexcept nogil
cdef void    rounds_carry_over(Rounds* r) noexcept nogil

cdef void    rounds_serve(Rounds* r) noexcept nogil
cdef void    rounds_poll(Rounds* r, int epoll, int64_t milliseconds) noexcept nogil
cdef void    rounds_meanwhile(Rounds* r, Conn** conns, size_t n) noexcept nogil
cdef int64_t rounds_between(Rounds* r) noexcept nogil
cdef void    rounds_end_pause(Server* s) noexcept nogil            # CLIENT PAUSE


cdef inline bint rounds_watch_changed(const Conn* c) noexcept nogil:
    """Is the loop to be told, or told no more, when its socket takes something?"""
    return ((c.flags & CONN_WANTS_WRITE) != 0) != ((c.flags & CONN_WATCHED) != 0)
