# dict -- the hash table. The story is in dict.pyx.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.rand cimport Rand

ctypedef const char* (*KeyOf)(const void* entry, size_t* n) noexcept nogil
ctypedef void (*Visit)(void* arg, void* entry) noexcept nogil
ctypedef void* (*Settle)(void* arg, void* entry) noexcept nogil    # where the entry stands from now on

cdef enum:
    BUCKET_SLOTS = 7
    BUCKET_CHAINED = 0x80          # in `meta`: slot 6 is the next bucket of the chain

cdef struct Bucket:                # one cache line
    uint8_t tags[7]                # the top byte of each entry's hash
    uint8_t meta                   # bits 0..6: slots in use; bit 7: BUCKET_CHAINED
    void* slot[7]

cdef struct DictType:              # what the tables of one kind share; owned by the core
    KeyOf key_of
    Arena* mem
    uint64_t seed[2]               # of the hash function

cdef struct Dict:
    const DictType* type
    Bucket** segments              # the directory
    size_t buckets                 # in use, overflow buckets not counted
    size_t mask                    # smallest 2**k - 1 >= buckets - 1
    size_t used                    # entries
    size_t overflow                # overflow buckets
    size_t capacity                # buckets that memory is there for
    uint32_t directory             # pointers the directory has room for
    uint32_t depth                 # overflow buckets of the longest chain, at most

cdef struct DictIter:              # a walk over a table that nobody changes meanwhile
    const Dict* dict
    size_t next                    # bucket to enter when this chain is done
    const Bucket* bucket
    unsigned int slot

cdef struct Place:                 # where an entry stands; valid until the next insert or remove
    Bucket* bucket
    unsigned int slot

cdef void  dict_init(Dict* d, const DictType* type) noexcept nogil
cdef void  dict_free(Dict* d) noexcept nogil                       # the table; entries belong to the caller
cdef uint64_t dict_hash(const DictType* type, const char* key, size_t n) noexcept nogil

cdef void* dict_find(const Dict* d, const char* key, size_t n, uint64_t hash, Place* at) noexcept nogil
cdef bint  dict_find_entry(const Dict* d, const void* entry, uint64_t hash, Place* at) noexcept nogil
cdef void  dict_insert(Dict* d, void* entry, uint64_t hash) noexcept nogil     # the key must be absent
cdef void  dict_remove(Dict* d, Place at, uint64_t hash) noexcept nogil        # does not free the entry

cdef uint64_t dict_scan(const Dict* d, uint64_t cursor, Visit visit, void* arg) noexcept nogil
cdef void  dict_iter(const Dict* d, DictIter* it) noexcept nogil
cdef void* dict_next(DictIter* it) noexcept nogil                  # NULL: that was all
cdef void  dict_each(const Dict* d, Visit visit, void* arg) noexcept nogil
cdef size_t dict_drain(Dict* d, size_t most, Visit visit, void* arg) noexcept nogil
cdef void* dict_random(const Dict* d, Rand* rand) noexcept nogil
cdef size_t dict_sample(const Dict* d, Rand* rand, void** out, size_t most) noexcept nogil
cdef void  dict_reserve(Dict* d, size_t entries) noexcept nogil

# Moves the table out of slabs that are to be emptied: first all of it but for overflow buckets; then these and, by
# `settle` unless it is NULL, the entries of some buckets, from `at` on (any number is taken): True when that was the last.
cdef void  dict_settle(Dict* d) noexcept nogil
cdef bint  dict_settle_part(Dict* d, uint64_t* at, size_t entries, Settle settle, void* arg) noexcept nogil

cdef void  dict_prefetch_bucket(const Dict* d, uint64_t hash) noexcept nogil
cdef void  dict_prefetch_entries(const Dict* d, uint64_t hash) noexcept nogil

cdef size_t dict_bytes(const Dict* d) noexcept nogil               # memory of the table, entries not counted
cdef int   dict_check(const Dict* d) noexcept nogil                # 0, or the number of the broken rule

cdef inline void place_set(Place at, void* entry) noexcept nogil:
    """Replaces the entry at `at` by another with the same key (one that has moved, say)."""
    at.bucket.slot[at.slot] = entry
