# list_blocking -- BLPOP and its kin. The story is in list_blocking.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_list_blocking(Table* t) noexcept nogil
