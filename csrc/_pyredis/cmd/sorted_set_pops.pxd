# sorted_set_pops -- the lowest and the highest members, taken out. The story is in sorted_set_pops.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_sorted_set_pops(Table* t) noexcept nogil
