# load -- values out of an RDB, one at a time. The story is in load.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.value cimport Entry
from _pyredis.rdb.source cimport Bulk, Source

cdef struct Load:
    Source* source                 # after a failure: why, and where
    Keyspace* ks
    int version                    # of the RDB
    bint empty                     # there is no value, because it would be an empty collection
    Bulk first
    Bulk second

cdef void   load_init(Load* l, Source* source, Keyspace* ks, int version) noexcept nogil
cdef void   load_done(Load* l) noexcept nogil
# The value of this type (RdbType, from anywhere) as an entry in no table: for keyspace_add or keyspace_release.
# NULL: the collection is `empty`, or the bytes are not what they should be, and the source has failed.
cdef Entry* load_value(Load* l, int type, Slice name) noexcept nogil
cdef bint   load_knows(int type) noexcept nogil            # is it a type of values at all?
