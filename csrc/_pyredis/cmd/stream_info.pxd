# stream_info -- XINFO. The story is in stream_info.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_stream_info(Table* t) noexcept nogil
