# output -- what goes to a connection that has not asked for it now, and how much may wait. The story is in output.pyx.
from _pyredis.cmd.ctx cimport Conn, Server
from _pyredis.ds.bytestr cimport ByteStr
from _pyredis.wire.reply cimport Out

# Somebody else's command gives it these bytes: lent, where that is cheaper than a copy.
cdef void output_push(Server* s, Conn* c, ByteStr* message) noexcept nogil

# Where pushes to it are written meanwhile, if not by output_push; then output_due.
cdef Out* output_of_push(Server* s, Conn* c) noexcept nogil
cdef void output_due(Server* s, Conn* c) noexcept nogil

# For dispatch, when its command has been answered; for its end.
cdef void output_flush(Server* s, Conn* c) noexcept nogil
cdef void output_forget(Server* s, Conn* c) noexcept nogil

cdef void output_check(Server* s, Conn* c) noexcept nogil        # closes who reads too slowly
