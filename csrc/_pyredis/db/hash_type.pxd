# hash_type -- hashes, whatever their encoding. The story is in hash_type.pyx.
#
# An expiry is a Unix time in ms; 0 means that the field lasts. A field whose time has passed stays until somebody
# removes it: hash_find says HASH_OVER, walks leave it out, hash_length counts it.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from _pyredis.base.rand cimport Rand
from _pyredis.base.slice cimport Slice
from _pyredis.db.hash_fields cimport HashField
from _pyredis.db.keyspace cimport Db, Key, Keyspace
from _pyredis.db.value cimport Entry
from _pyredis.ds.bytestr cimport ByteStr
from _pyredis.ds.dict cimport Dict, DictIter, Place
from _pyredis.ds.element cimport Element

cdef enum HashFound:
    HASH_ABSENT = 0
    HASH_LIVE
    HASH_OVER                      # its time has passed

cdef enum:
    HASH_LASTS = 0                 # as an expiry: never
    HASH_KEEP = -1                 # to hash_set: the expiry that the field has, or none

cdef struct HashSpot:              # where a field stands, or would; valid until the next change of the hash
    uint8_t* packed                # its name in the listpack
    HashField* field
    Place place
    uint64_t hash                  # of its name, in a table

cdef struct HashIter:
    const Entry* entry
    int64_t now_ms                 # what ended before is left out
    const uint8_t* packed          # the next name, or NULL
    const HashField* field         # the one that was returned last
    int stride                     # elements a field takes in the listpack; 0: a table
    int64_t expiry                 # of the field returned last from a listpack
    DictIter fields

cdef void hash_bind(Keyspace* ks) noexcept nogil
cdef Entry* hash_create(Keyspace* ks, Db* db, Key key) noexcept nogil       # empty: it must not stay so

# In no table: of a listpack that came as it is; of one that was changed since, hash_settled is due.
cdef Entry* hash_of_listpack(Keyspace* ks, Slice name, uint8_t* lp, bint timed) noexcept nogil
cdef void hash_widen(Keyspace* ks, Entry* e, size_t fields) noexcept nogil
cdef Entry* hash_settled(Entry* e) noexcept nogil

# Reading.
cdef size_t hash_length(const Entry* e) noexcept nogil
cdef size_t hash_count_live(const Entry* e, int64_t now_ms) noexcept nogil
cdef int64_t hash_next_expiry(const Entry* e) noexcept nogil                # the earliest; 0: no field has one
cdef HashFound hash_find(const Keyspace* ks, const Entry* e, Slice field, HashSpot* at) noexcept nogil
cdef Element hash_value(const Entry* e, const HashSpot* at) noexcept nogil
cdef ByteStr* hash_value_share(const Entry* e, const HashSpot* at) noexcept nogil   # NULL: too short for that
cdef int64_t hash_expiry(const Entry* e, const HashSpot* at) noexcept nogil
# Is it there, and live?
cdef bint hash_get(const Keyspace* ks, const Entry* e, Slice field, Element* value) noexcept nogil

# Walking. The hash must not change meanwhile; now_ms 0: also what is over.
cdef void hash_iter(const Entry* e, int64_t now_ms, HashIter* it) noexcept nogil
cdef bint hash_next(HashIter* it, Element* field, Element* value) noexcept nogil
cdef int64_t hash_iter_expiry(const HashIter* it) noexcept nogil            # of the field returned last
# The bytes that RDB has of it, too: pairs, or, with a next expiry, triples; ptr NULL: it is saved field by field.
cdef Slice hash_image(const Entry* e) noexcept nogil
cdef const Dict* hash_dict(const Entry* e) noexcept nogil                   # of HashField; NULL: not a table
cdef bint hash_field_is_over(const Entry* e, const HashField* f, int64_t now_ms) noexcept nogil
cdef void hash_random(const Entry* e, Rand* rand, Element* field, Element* value) noexcept nogil     # over or not

# Changing. hash_settle ends every change: it tells the database whether there are timed fields; True: now empty.
cdef void hash_reserve(Keyspace* ks, Entry* e, const Slice* words, int n) noexcept nogil   # field, value, ... to come
cdef void hash_allow_expiry(Keyspace* ks, Entry* e) noexcept nogil          # before the first expiry
cdef bint hash_set(Keyspace* ks, Entry* e, Slice field, Slice value, int64_t expiry) noexcept nogil   # True: it is new
cdef void hash_put(Keyspace* ks, Entry* e, Slice field, HashFound found, HashSpot* at, Slice value,
                   int64_t expiry) noexcept nogil
cdef void hash_set_expiry(Keyspace* ks, Entry* e, HashSpot* at, int64_t expiry) noexcept nogil
cdef void hash_remove(Keyspace* ks, Entry* e, HashSpot* at) noexcept nogil
cdef bint hash_first_over(const Keyspace* ks, const Entry* e, HashSpot* at, Element* field) noexcept nogil
cdef bint hash_settle(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil

cdef int hash_check(const Keyspace* ks, const Entry* e) noexcept nogil      # 0, or the number of the broken rule
