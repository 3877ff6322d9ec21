"""types -- every type of value that the keyspace has: a new one is added here and nowhere else.

Each x_bind gives the keyspace what it asks of the type (TypeOps) and, for a type with tables of its own within a
value, how those find the key of an entry (Keyspace.members).
"""
from _pyredis.db.hash_type cimport hash_bind, hash_check
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.list_type cimport list_bind, list_check
from _pyredis.db.set_type cimport set_bind, set_check, set_of
from _pyredis.db.stream_type cimport stream_bind, stream_check, stream_of
from _pyredis.db.string_type cimport string_bind
from _pyredis.db.value cimport T_HASH, T_LIST, T_SET, T_STREAM, T_ZSET, Entry, ValueType, entry_type
from _pyredis.db.zset_type cimport zset_bind, zset_check


cdef void types_bind(Keyspace* ks) noexcept nogil:
    hash_bind(ks)
    set_bind(ks)
    stream_bind(ks)
    string_bind(ks)
    list_bind(ks)
    zset_bind(ks)


cdef int types_check(Keyspace* ks, Entry* e) noexcept nogil:
    cdef ValueType t = entry_type(e)
    if t == T_LIST:
        return list_check(ks, e)
    if t == T_SET:
        return set_check(ks, set_of(e))
    if t == T_ZSET:
        return zset_check(ks, e)
    if t == T_HASH:
        return hash_check(ks, e)
    return stream_check(stream_of(e)) if t == T_STREAM else 0
