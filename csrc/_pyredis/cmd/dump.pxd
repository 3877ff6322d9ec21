# dump -- the family's one face: its row in families.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_dump(Table* t) noexcept nogil
