# blocking -- commands that wait for a key. The story is in blocking.pyx.
from libc.stdint cimport int64_t
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Conn, Ctx, Server
from _pyredis.db.value cimport ValueType

# argv[i] as a timeout in seconds, fractions allowed: the unix time in ms at which it ends; 0: never.
cdef Status arg_deadline(Ctx* c, int i, int64_t* deadline_ms) noexcept nogil

# To be called when none of the keys can serve the command, which then returns what this returns. The command runs
# again from its beginning (with c.retry set) when one of these keys has a value of type `t`.
cdef Status block_on(Ctx* c, ValueType t, int first, int count, int64_t deadline_ms) noexcept nogil

cdef void blocking_init(Server* s) noexcept nogil
cdef void blocking_free(Server* s) noexcept nogil
cdef void blocking_forget(Server* s, Conn* conn) noexcept nogil           # it waits no more: it is being closed
cdef bint blocking_release(Server* s, Conn* conn, bint with_error) noexcept nogil   # CLIENT UNBLOCK; False: it does not wait
cdef void blocking_serve(Server* s) noexcept nogil                        # whoever can be, after a command and its drain
cdef int64_t blocking_expire(Server* s) noexcept nogil                    # answers whose time is up; unix ms of the next, or 0
