# strings -- GET, SET, INCR and their kin. The story is in strings.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_strings(Table* t) noexcept nogil
