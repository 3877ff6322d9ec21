# streams -- XADD, XRANGE, XDEL, XTRIM and their kin. The story is in streams.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_streams(Table* t) noexcept nogil
