# expiry -- when keys end. The story is in expiry.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_expiry(Table* t) noexcept nogil
