# monitor -- MONITOR: a connection that is shown every command. The story is in monitor.pyx.
from _pyredis.cmd.ctx cimport Conn, Ctx, Server, Table

# Shows the command that c describes, whatever its flags: for those that are flagged CMD_SKIP_MONITOR because they
# have to be shown at another moment (EXEC after what it ran, EVAL before).
cdef void monitor_feed(Ctx* c) noexcept nogil

cdef void monitor_leave(Server* s, Conn* c) noexcept nogil       # it is no monitor any more, if it was one

cdef void bind_monitor(Table* t) noexcept nogil
