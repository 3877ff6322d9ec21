# set_algebra -- SINTER, SUNION, SDIFF, and what stores or counts these. The story is in set_algebra.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_set_algebra(Table* t) noexcept nogil
