# databases -- commands on a database as a whole. The story is in databases.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_databases(Table* t) noexcept nogil
