# families -- every family of commands that the core has. The list is in families.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_families(Table* t) noexcept nogil
