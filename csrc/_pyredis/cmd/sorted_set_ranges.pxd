# sorted_set_ranges -- ZRANGE and its family, ZCOUNT, ZREMRANGEBY*. The story is in sorted_set_ranges.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_sorted_set_ranges(Table* t) noexcept nogil
