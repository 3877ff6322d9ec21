# sets -- SADD, SREM, SPOP and their kin. The story is in sets.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_sets(Table* t) noexcept nogil
