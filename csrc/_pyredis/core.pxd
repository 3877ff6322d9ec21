# core -- the face to Python. The story is in core.pyx.
from _pyredis.client cimport Client
from _pyredis.cmd.ctx cimport Conn, Ctx, Server
from _pyredis.base.status cimport Status
from _pyredis.encode cimport Encoder
from _pyredis.rounds cimport Rounds

cdef class Core:
    cdef Server* s
    cdef Rounds rounds
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
    cdef public object on_busy     # called from within a command that takes long: polls, and calls serve_others

    cdef Status _control(self, Ctx* c) noexcept
    cdef void _call_on_log_client(self, int level, const char* text, Conn* c) noexcept
    cdef void _call_on_busy(self) noexcept
    cdef _after_round(self)
    cdef _write_notice(self, Conn* c, list notices)
    cdef list _sweep(self, list notices)
