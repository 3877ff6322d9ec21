# evict -- which key to give up when memory is short. The story is in evict.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.value cimport Entry

cdef enum EvictPolicy:             # what makes a key a good one to give up
    EVICT_NOTHING = 0
    EVICT_LRU                      # not used for long
    EVICT_LFU                      # seldom used
    EVICT_RANDOM
    EVICT_TTL                      # ends soonest

cdef enum:
    EVICT_POOL = 16

cdef struct Candidate:
    uint64_t score                 # the greater, the sooner it goes
    uint64_t hash
    const Entry* entry             # only compared until the table says that it is still there
    int db

cdef struct Evict:
    EvictPolicy policy
    bint volatile_only             # keys with an expiry only
    bint unlink                    # elsewhere it is repeated as UNLINK (lazyfree-lazy-eviction)
    int samples                    # keys looked at in each database
    Candidate pool[EVICT_POOL]     # by score, the greatest last
    int count
    int next_db                    # where the random policies go on

cdef void evict_set(Evict* x, EvictPolicy policy, bint volatile_only, int samples, bint unlink) noexcept nogil
# Gives up one key, with its effects, and adds to `gained` the bytes that it took; large values go to the graves.
# False: there is none that may go.
cdef bint evict_one(Evict* x, Keyspace* ks, int64_t* gained) noexcept nogil
