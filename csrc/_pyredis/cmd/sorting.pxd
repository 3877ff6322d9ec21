# sorting -- SORT and SORT_RO. The story is in sorting.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_sorting(Table* t) noexcept nogil
