"""families -- every family of commands that the core has: a new one is added here and nowhere else."""
from _pyredis.cmd.connection cimport bind_connection


cdef void bind_families(Table* t) noexcept nogil:
    bind_connection(t)
