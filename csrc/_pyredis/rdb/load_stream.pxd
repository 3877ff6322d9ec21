# load_stream -- streams out of an RDB, as load_value calls it. The story is in load_stream.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.db.value cimport Entry
from _pyredis.rdb.load cimport Load

cdef Entry* load_stream(Load* l, int type, Slice name) noexcept nogil
