# core -- the face to Python. The story is in core.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.cmd.ctx cimport Conn, Ctx, Server
from _pyredis.base.status cimport Status
from _pyredis.conn cimport Batch
from _pyredis.encode cimport Encoder

cdef struct Ready:
    Conn* conn
    int events

cdef class Core:
    cdef Server* s
    cdef Batch* batch
    cdef Conn** by_fd
    cdef size_t fds
    cdef Ready* ready
    cdef Conn** conns
    cdef size_t ready_room
    cdef Encoder encoder
    cdef list handlers
    cdef object reply_error
    cdef readonly object names
    cdef public object context
    cdef public object on_log
    cdef public object on_failure
    cdef int64_t next_expire_ms
    cdef int expire_effort

    cdef Status _control(self, Ctx* c) noexcept
    cdef void _make_ready_room(self, size_t n)
    cdef list _sweep(self, list notices)
    cdef Conn* _find(self, int fd, uint64_t id) noexcept


cdef class Client:
    cdef Core core
    cdef readonly int fd
    cdef readonly uint64_t id

    cdef Conn* _conn(self) except NULL
