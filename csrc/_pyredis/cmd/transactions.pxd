# transactions -- MULTI, EXEC, DISCARD, WATCH, UNWATCH. The story is in transactions.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_transactions(Table* t) noexcept nogil
