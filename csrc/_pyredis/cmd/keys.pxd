# keys -- commands on a key whatever it holds. The story is in keys.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_keys(Table* t) noexcept nogil
