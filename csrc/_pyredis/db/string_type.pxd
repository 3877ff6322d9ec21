# string_type -- strings, whatever their encoding. The story is in string_type.pyx.
from libc.stdint cimport int64_t
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Db, Key, Keyspace
from _pyredis.db.value cimport Entry, TypeOps
from _pyredis.ds.bytestr cimport ByteStr
from _pyredis.ds.element cimport Element

cdef enum StringSet:
    STRING_DROP_TTL = 0
    STRING_KEEP_TTL = 1
    STRING_AS_TEXT = 2             # digits stay text: not stored as an integer

cdef enum:
    STRING_DIGITS = 24             # room string_view needs for an integer's text

cdef void string_bind(Keyspace* ks) noexcept nogil

cdef enum:
    STRING_LENDABLE = 16384        # a reply holds a reference to a string this long rather than a copy

cdef ByteStr* string_share(const Entry* e) noexcept nogil           # NULL: too short for that
cdef Slice  string_view(const Entry* e, char* digits) noexcept nogil
cdef Element string_element(const Entry* e) noexcept nogil          # an integer unprinted
cdef size_t string_length(const Entry* e) noexcept nogil
cdef bint   string_get_i64(const Entry* e, int64_t* v) noexcept nogil

# Each returns the entry, which may have moved. `e` is the present entry (of any type, for a set), or NULL.
cdef Entry* string_set(Keyspace* ks, Db* db, Key key, Entry* e, Slice value, int how) noexcept nogil
cdef Entry* string_make(Keyspace* ks, Slice name, Slice value) noexcept nogil                   # in no table
cdef Entry* string_set_i64(Keyspace* ks, Db* db, Key key, Entry* e, int64_t v) noexcept nogil   # keeps the TTL
cdef Entry* string_write(Keyspace* ks, Db* db, Key key, Entry* e, size_t at, Slice bytes) noexcept nogil
cdef Entry* string_resize(Keyspace* ks, Db* db, Key key, Entry* e, size_t n, char** data) noexcept nogil

# A value made elsewhere: its block, and what becomes of it.
cdef ByteStr* string_room(Keyspace* ks, const Entry* e, size_t n) noexcept nogil
cdef Entry* string_take(Keyspace* ks, Db* db, Key key, Entry* e, ByteStr* block, size_t n) noexcept nogil
