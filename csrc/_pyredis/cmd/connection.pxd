# connection -- PING, ECHO, SELECT and the like. The story is in connection.pyx.
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.base.status cimport Status

cdef void bind_connection(Table* t) noexcept nogil
