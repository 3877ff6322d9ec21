# notify -- keyspace notifications. The story is in notify.pyx.
from _pyredis.cmd.ctx cimport Server

cdef void notify_bind(Server* s) noexcept nogil                  # makes it the sink SINK_NOTIFY
