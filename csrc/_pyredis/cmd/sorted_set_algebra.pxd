# sorted_set_algebra -- ZUNION, ZINTER, ZDIFF, and what stores or counts these. The story is in sorted_set_algebra.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_sorted_set_algebra(Table* t) noexcept nogil
