# field_expire -- removes fields of hashes whose time is over. The story is in field_expire.pyx.
from _pyredis.db.expire_batch cimport Cycle
from _pyredis.db.keyspace cimport Db, Key, Keyspace
from _pyredis.db.value cimport Entry

cdef size_t field_expire(Keyspace* ks, Db* db, Key key, Entry* e, size_t most) noexcept nogil   # of one hash; how many
cdef void   field_expire_cycle(Cycle* run, Db* db) noexcept nogil                   # of a database, while there is time
