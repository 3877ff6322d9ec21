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
    Dict timed                     # ... and those with ENTRY_TIMED_FIELDS
    uint64_t expire_cursor
    uint64_t timed_cursor
    double average_ttl             # ms, as the active cycle sees it

cdef struct Corpse:                # a large value that no entry points to any more
    void* value
    ValueType type
    Encoding encoding

cdef struct Grave:                 # the table of a database that was emptied
    Dict table
    bint has_keys                  # its entries go with it; another table over the same ones has only itself

cdef struct Graves:                # what is on its way out, freed in steps: whole tables, and large values
    Grave* tables
    size_t count
    size_t capacity
    Corpse* corpses
    size_t corpse_count
    size_t corpse_capacity

cdef struct Limits:                # where collections change their encoding; from the configuration
    int64_t list_max_listpack_size # above 0: elements; -1 to -5: 4, 8, 16, 32, 64 KiB
    int64_t list_compress_depth    # nodes left alone at either end; 0: none is compressed
    int64_t list_packed_threshold  # bytes from which an element gets a node of its own (DEBUG); 0: by the limit
    size_t set_max_intset_entries
    size_t set_max_listpack_entries
    size_t set_max_listpack_value
    size_t hash_max_listpack_entries
    size_t hash_max_listpack_value
    size_t zset_max_listpack_entries
    size_t zset_max_listpack_value
    size_t stream_node_max_bytes   # 0: no limit
    size_t stream_node_max_entries # 0: no limit
    size_t hll_sparse_max_bytes

cdef struct KeyspaceStats:
    uint64_t hits
    uint64_t misses
    uint64_t expired
    uint64_t expired_fields
    uint64_t evicted
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
    LOOKUP_SILENT = 4              # counts, but a miss is no event

cdef struct Keyspace:
    Arena* mem
    DictType type
    DictType members[T_COUNT]      # of the tables within collections, by the collection's type
    Limits limits
    Effects fx
    Rand rand
    Db* dbs
    int count
    const TypeOps* ops[T_COUNT]
    int64_t now_ms                 # unix time of the request under way
    int64_t due_ms                 # what ended before is over: now_ms, or 0 while data are loaded, when nothing is
    uint32_t access_clock          # LRU: half seconds; LFU: minutes
    AccessPolicy policy
    int lfu_log_factor
    int lfu_decay_time
    bint active_expire             # DEBUG SET-ACTIVE-EXPIRE
    bint made_way                  # the next key added replaces one that was taken out for it: it is not new
    bint keep_expired              # CLIENT PAUSE: an expired key is absent, but not removed
    bint loading                   # data are being read: nothing ends meanwhile
    bint shared                    # a child reads these pages: what need not be written is not (access times)
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
cdef Entry* keyspace_make(Keyspace* ks, Slice name, ValueType t, Encoding enc, void* value) noexcept nogil
cdef Entry* keyspace_create(Keyspace* ks, Db* db, Key key, ValueType t, Encoding enc, void* value) noexcept nogil
cdef void   keyspace_make_way(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef void   keyspace_delete(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef Entry* keyspace_take(Keyspace* ks, Db* db, Key key) noexcept nogil
cdef Entry* keyspace_reshape(Keyspace* ks, Db* db, Key key, Entry* e, size_t value_length,
                             bint expires) noexcept nogil
cdef Entry* keyspace_set_expiry(Keyspace* ks, Db* db, Key key, Entry* e, int64_t at_ms) noexcept nogil
cdef Entry* keyspace_clear_expiry(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef void   keyspace_expire(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil
cdef void   keyspace_expire_entry(Keyspace* ks, Db* db, uint64_t hash, Entry* e) noexcept nogil
cdef void   keyspace_set_timed(Keyspace* ks, Db* db, Key key, Entry* e, bint timed) noexcept nogil
cdef Entry* keyspace_copy(Keyspace* ks, const Entry* e, Slice name) noexcept nogil
cdef Entry* keyspace_rename(Keyspace* ks, Entry* taken, Slice name) noexcept nogil
cdef void   keyspace_release(Keyspace* ks, Entry* e) noexcept nogil
cdef void   keyspace_release_value(Keyspace* ks, Entry* e) noexcept nogil
cdef Entry* keyspace_random(Keyspace* ks, Db* db) noexcept nogil

cdef size_t keyspace_flush(Keyspace* ks, Db* db, bint lazily) noexcept nogil
cdef size_t keyspace_reap(Keyspace* ks, size_t most) noexcept nogil         # frees of the graves; keys and values left
cdef size_t keyspace_buried(const Keyspace* ks) noexcept nogil              # keys and values left in the graves
cdef void   keyspace_swap(Keyspace* ks, int a, int b) noexcept nogil

cdef uint32_t keyspace_fresh_access(const Keyspace* ks) noexcept nogil
cdef void   keyspace_touch(Keyspace* ks, Entry* e) noexcept nogil
cdef void   keyspace_set_idle(const Keyspace* ks, Entry* e, int64_t seconds) noexcept nogil         # without LFU
cdef void   keyspace_set_frequency(const Keyspace* ks, Entry* e, int64_t counter) noexcept nogil    # with LFU
cdef int64_t keyspace_idle_ms(const Keyspace* ks, const Entry* e) noexcept nogil
cdef uint32_t keyspace_frequency(const Keyspace* ks, const Entry* e) noexcept nogil
cdef size_t keyspace_memory(const Keyspace* ks, const Entry* e, size_t samples) noexcept nogil
cdef int    keyspace_check(const Keyspace* ks) noexcept nogil
