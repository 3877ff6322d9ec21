# save_stream -- a stream as RDB has it. The story is in save_stream.pyx.
from _pyredis.db.value cimport Entry
from _pyredis.rdb.format cimport RdbType
from _pyredis.rdb.sink cimport Sink

cdef RdbType stream_rdb_type(const Entry* e) noexcept nogil
cdef void    save_stream(Sink* s, const Entry* e, RdbType type) noexcept nogil
