"""types -- every type of value that the keyspace has: a new one is added here and nowhere else.

Each x_bind gives the keyspace what it asks of the type (TypeOps) and, for a type with tables of its own within a
value, how those find the key of an entry (Keyspace.members).
"""
from _pyredis.db.hash_type cimport hash_bind
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.list_type cimport list_bind
from _pyredis.db.set_type cimport set_bind
from _pyredis.db.stream_type cimport stream_bind
from _pyredis.db.string_type cimport string_bind
from _pyredis.db.zset_type cimport zset_bind


cdef void types_bind(Keyspace* ks) noexcept nogil:
    hash_bind(ks)
    set_bind(ks)
    stream_bind(ks)
    string_bind(ks)
    list_bind(ks)
    zset_bind(ks)
