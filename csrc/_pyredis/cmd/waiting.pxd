# waiting -- WAIT and WAITAOF. The story is in waiting.pyx.
from _pyredis.cmd.ctx cimport Server, Table

cdef void waiting_serve(Server* s) noexcept nogil              # answers those in WAITAOF who have what they wait for
cdef void bind_waiting(Table* t) noexcept nogil
