# types -- every type of value that the keyspace has. The story is in types.pyx.
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.value cimport Entry

cdef void types_bind(Keyspace* ks) noexcept nogil
cdef int  types_check(Keyspace* ks, Entry* e) noexcept nogil     # 0, or the rule of its type that a value breaks
