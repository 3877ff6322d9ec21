# hyperloglog -- PFADD, PFCOUNT, PFMERGE and their kin. The story is in hyperloglog.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_hyperloglog(Table* t) noexcept nogil
