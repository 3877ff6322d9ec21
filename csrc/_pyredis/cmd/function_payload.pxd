# function_payload -- libraries in one string: FUNCTION DUMP, FUNCTION RESTORE. The story is in function_payload.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_function_payload(Table* t) noexcept nogil
