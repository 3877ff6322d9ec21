# keyspace -- the databases: keys, their entries, their expiries. The story is in keyspace.pyx.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.rand cimport Rand
from _pyredis.base.slice cimport Slice
from _pyredis.db.effects cimport Effects
from _pyredis.db.value cimport Encoding, Entry, TypeOps, ValueType, T_COUNT, T_STRING
from _pyredis.ds.dict cimport Dict, DictType, Place

cdef struct Key:
    Slice name
    uint64_t hash

cdef struct Db:
    int id
    Dict keys
    Dict expires                   # the same entries, those with an expiry
    uint64_t expire_cursor
    double average_ttl             # ms, as the active cycle sees it

cdef struct Graves:                # tables on their way out, drained in steps
    Dict* tables
    size_t count
    size_t capacity

cdef struct KeyspaceStats:
    uint64_t hits
    uint64_t misses
    uint64_t expired
    uint64_t lazy_freed
    uint64_t time_cap_reached
    uint64_t expire_us
    double stale_percent

cdef enum AccessPolicy:
    ACCESS_LRU = 0
    ACCESS_LFU

cdef enum Lookup:
    LOOKUP_READ = 0
    LOOKUP_NO_TOUCH = 1            # leaves the access time alone
    LOOKUP_NO_STATS = 2            # counts neither hit nor miss
    LOOKUP_WRITE = 2               # writes do not count, as in Redis
    LOOKUP_PEEK = 3

cdef struct Keyspace:
    Arena* mem
    DictType type
    Effects fx
    Rand rand
    Db* dbs
    int count
    const TypeOps* ops[T_COUNT]
    int64_t now_ms                 # unix time of the request under way
    uint32_t access_clock          # LRU: seconds; LFU: minutes
    AccessPolicy policy
    int lfu_log_factor
    int lfu_decay_time
    bint active_expire             # DEBUG SET-ACTIVE-EXPIRE
    bint keep_expired              # CLIENT PAUSE: an expired key is absent, but not removed
    int expire_db                  # where the active cycle goes on
    Graves graves
    KeyspaceStats stats

cdef Keyspace* keyspace_new(Arena* mem, int databases, const uint64_t* seed) noexcept nogil
cdef void   keyspace_free(Keyspace* ks) noexcept nogil
cdef void   keyspace_set_clock(Keyspace* ks, int64_t now_ms) noexcept nogil
cdef Key    keyspace_key(const Keyspace* ks, Slice name) noexcept nogil

cdef Entry* keyspace_find(const Db* db, Key key) noexcept nogil              # expired or not
cdef Entry* keyspace_get(Keyspace* ks, Db* db, Key key, int lookup) noexcept nogil
cdef void   keyspace_add(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef void   keyspace_delete(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef Entry* keyspace_take(Keyspace* ks, Db* db, Key key) noexcept nogil
cdef Entry* keyspace_reshape(Keyspace* ks, Db* db, Key key, Entry* e, size_t value_length,
                             bint expires) noexcept nogil
cdef Entry* keyspace_set_expiry(Keyspace* ks, Db* db, Key key, Entry* e, int64_t at_ms) noexcept nogil
cdef Entry* keyspace_clear_expiry(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef void   keyspace_expire(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef void   keyspace_expire_entry(Keyspace* ks, Db* db, uint64_t hash, Entry* e) noexcept nogil
cdef Entry* keyspace_copy(Keyspace* ks, const Entry* e, Slice name) noexcept nogil
cdef Entry* keyspace_rename(Keyspace* ks, Entry* taken, Slice name) noexcept nogil
cdef void   keyspace_release(Keyspace* ks, Entry* e) noexcept nogil
cdef Entry* keyspace_random(Keyspace* ks, Db* db) noexcept nogil

cdef size_t keyspace_flush(Keyspace* ks, Db* db, bint lazily) noexcept nogil
cdef size_t keyspace_reap(Keyspace* ks, size_t most) noexcept nogil         # frees of the graves; entries left
cdef void   keyspace_swap(Keyspace* ks, int a, int b) noexcept nogil

cdef uint32_t keyspace_fresh_access(const Keyspace* ks) noexcept nogil
cdef void   keyspace_touch(Keyspace* ks, Entry* e) noexcept nogil
cdef int64_t keyspace_idle_ms(const Keyspace* ks, const Entry* e) noexcept nogil
cdef uint32_t keyspace_frequency(const Keyspace* ks, const Entry* e) noexcept nogil
cdef size_t keyspace_memory(const Keyspace* ks, const Entry* e, size_t samples) noexcept nogil
cdef int    keyspace_check(const Keyspace* ks) noexcept nogil
