# restore -- RESTORE. The story is in restore.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_restore(Table* t) noexcept nogil
