# digest -- one number for a value or all data, as DEBUG DIGEST computes it. The story is in digest.pyx.
from libc.stdint cimport uint8_t
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.value cimport Entry

cdef enum:
    DIGEST_BYTES = 20

cdef void digest_value(Keyspace* ks, const Entry* e, uint8_t* digest) noexcept nogil    # zeros if e is NULL
cdef void digest_all(Keyspace* ks, uint8_t* digest) noexcept nogil
