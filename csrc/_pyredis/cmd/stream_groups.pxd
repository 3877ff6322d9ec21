# stream_groups -- XGROUP and XACK. The story is in stream_groups.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_stream_groups(Table* t) noexcept nogil
