# pubsub -- SUBSCRIBE and its kin, PUBLISH, PUBSUB. The story is in pubsub.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_pubsub(Table* t) noexcept nogil
