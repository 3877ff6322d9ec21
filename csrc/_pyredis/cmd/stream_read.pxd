# stream_read -- XREAD and XREADGROUP. The story is in stream_read.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_stream_read(Table* t) noexcept nogil
