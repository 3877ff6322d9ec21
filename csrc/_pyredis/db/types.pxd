# types -- every type of value that the keyspace has. The story is in types.pyx.
from _pyredis.db.keyspace cimport Keyspace

cdef void types_bind(Keyspace* ks) noexcept nogil
