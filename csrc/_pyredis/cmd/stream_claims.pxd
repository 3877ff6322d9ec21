# stream_claims -- XPENDING, XCLAIM and XAUTOCLAIM. The story is in stream_claims.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_stream_claims(Table* t) noexcept nogil
