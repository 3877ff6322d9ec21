# core -- the face to Python. The story is in core.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.client cimport Client
from _pyredis.cmd.ctx cimport Conn, Ctx, Server
from _pyredis.base.status cimport Status
from _pyredis.conn cimport Batch
from _pyredis.db.defrag cimport Defrag
from _pyredis.encode cimport Encoder

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        unsigned int events
        epoll_data_t data

cdef struct Foreign:               # a descriptor for Python: of a listener, say, or of a relayed connection
    int fd
    unsigned int events

cdef class Core:
    cdef Server* s
    cdef Batch* batch
    cdef Batch* other_batch        # of those who are served from within a command that takes long; NULL: never yet
    cdef Conn** ready              # the connections of this round
    cdef size_t count
    cdef size_t ready_room
    cdef Foreign* foreign
    cdef size_t foreign_count
    cdef epoll_event* events
    cdef bint entered              # a control command has run since the loop was last asked
    cdef size_t watch_changes      # connections whose wish to be told of writability has changed
    cdef Encoder encoder
    cdef list handlers
    cdef object reply_error
    cdef readonly list names
    cdef Client running            # whose control command runs, or None
    cdef public object context
    cdef public object on_log
    cdef public object on_log_client
    cdef public object on_failure
    cdef public object on_denied   # of _pyredis.access.watch
    cdef public object on_busy     # called from within such a command: polls, and calls serve_others
    cdef int64_t next_expire_ms
    cdef int expire_effort
    cdef Defrag* defrag
    cdef int64_t next_defrag_ms

    cdef Status _control(self, Ctx* c) noexcept
    cdef void _call_on_log_client(self, int level, const char* text, Conn* c) noexcept
    cdef void _call_on_busy(self) noexcept
    cdef _after_round(self)
    cdef _write_notice(self, Conn* c, list notices)
    cdef list _sweep(self, list notices)
