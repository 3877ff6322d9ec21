# value -- an entry of the keyspace: header, expiry, key, value. The story is in value.pyx.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from _pyredis.base.hash cimport bytes_load32, bytes_load64, bytes_store64
from _pyredis.base.mem cimport Arena, mem_fits
from _pyredis.base.slice cimport Slice, slice_of

cdef enum ValueType:
    T_STRING = 0
    T_LIST
    T_SET
    T_ZSET
    T_HASH
    T_STREAM
    T_COUNT

cdef enum Encoding:
    ENC_RAW = 0
    ENC_INT
    ENC_EMBSTR
    ENC_INTSET
    ENC_LISTPACK
    ENC_QUICKLIST
    ENC_HASHTABLE
    ENC_SKIPLIST
    ENC_STREAM
    ENC_LISTPACK_EX

cdef enum EntryFlag:
    ENTRY_EXPIRES = 1              # an expiry stands before the key
    ENTRY_LONG_KEY = 2             # a u32 key length stands before the key
    ENTRY_POINTER = 4              # the value is a pointer to a block of its own
    ENTRY_TIMED_FIELDS = 8         # a hash of which some field has an expiry

cdef struct Entry:
    uint32_t meta                  # bits 0..3 ValueType, 4..7 Encoding, 8..31 last access (LRU clock or LFU)
    uint8_t flags
    uint8_t key_length             # unless ENTRY_LONG_KEY
    uint16_t value_length          # bytes of the value in the entry

cdef struct TypeOps:               # what the keyspace needs of each type; asked only for ENTRY_POINTER
    # Frees about `most` allocations of a value that no entry points to any more; True: all of it is gone.
    bint   (*free_value)(Arena* mem, Encoding enc, void* value, size_t most) noexcept nogil
    void*  (*copy_value)(Arena* mem, const Entry* e) noexcept nogil
    size_t (*memory)(const Entry* e, size_t samples) noexcept nogil         # bytes outside the entry
    size_t (*effort)(const Entry* e) noexcept nogil                         # allocations that freeing it gives back
    # mem_settled for about `most` of the value's allocations, and mends what refers to them. `at` is where to go on: 0 at
    # first, and whatever became of the key in between; True: it is through. NULL: this type's values stay in place.
    bint   (*settle)(Arena* mem, Entry* e, uint64_t* at, size_t most) noexcept nogil

cdef Entry* entry_new(Arena* mem, Slice key, size_t value_length, bint expires) noexcept nogil
cdef Entry* entry_reshape(Arena* mem, Entry* e, size_t value_length, bint expires) noexcept nogil
cdef void   entry_free(Arena* mem, Entry* e) noexcept nogil                  # the entry, not its pointed-to value
cdef const char* entry_key_of(const void* e, size_t* n) noexcept nogil       # the KeyOf of the key tables
cdef const char* type_name(ValueType t) noexcept nogil
cdef const char* encoding_name(Encoding e) noexcept nogil


cdef inline ValueType entry_type(const Entry* e) noexcept nogil:
    return <ValueType>(e.meta & 15)

cdef inline Encoding entry_encoding(const Entry* e) noexcept nogil:
    return <Encoding>((e.meta >> 4) & 15)

cdef inline void entry_set_kind(Entry* e, ValueType t, Encoding enc) noexcept nogil:
    e.meta = (e.meta & <uint32_t>0xffffff00) | <uint32_t>t | (<uint32_t>enc << 4)

cdef inline uint32_t entry_access(const Entry* e) noexcept nogil:
    return e.meta >> 8

cdef inline void entry_set_access(Entry* e, uint32_t access) noexcept nogil:
    e.meta = (e.meta & 0xff) | (access << 8)

cdef inline size_t entry_key_offset(const Entry* e) noexcept nogil:
    return sizeof(Entry) + (8 if e.flags & ENTRY_EXPIRES else 0) + (4 if e.flags & ENTRY_LONG_KEY else 0)

cdef inline Slice entry_key(const Entry* e) noexcept nogil:
    cdef const char* p = <const char*>e + entry_key_offset(e)
    return slice_of(p, bytes_load32(p - 4) if e.flags & ENTRY_LONG_KEY else e.key_length)

cdef inline char* entry_value(const Entry* e) noexcept nogil:
    cdef Slice key = entry_key(e)
    return <char*>key.ptr + key.len

cdef inline size_t entry_size(const Entry* e) noexcept nogil:
    return <size_t>(entry_value(e) - <char*>e) + e.value_length

cdef inline bint entry_fits(const Entry* e, size_t value_length) noexcept nogil:
    """May the value have this length where it stands?"""
    cdef size_t size = entry_size(e)
    return mem_fits(size, size - e.value_length + value_length)

cdef inline void* entry_pointer(const Entry* e) noexcept nogil:
    return <void*>bytes_load64(entry_value(e))

cdef inline void entry_set_pointer(Entry* e, void* p) noexcept nogil:
    bytes_store64(entry_value(e), <uint64_t>p)

cdef inline int64_t entry_expiry(const Entry* e) noexcept nogil:
    """Unix time in ms at which the key ends, or -1."""
    return <int64_t>bytes_load64(<const char*>e + sizeof(Entry)) if e.flags & ENTRY_EXPIRES else -1

cdef inline bint entry_is_over(const Entry* e, int64_t now_ms) noexcept nogil:
    """Has the key's time passed? At the very millisecond of its expiry it still lives, as in Redis."""
    return e.flags & ENTRY_EXPIRES and entry_expiry(e) < now_ms

cdef inline void entry_set_expiry(Entry* e, int64_t at_ms) noexcept nogil:
    """Of an entry that has room for it (ENTRY_EXPIRES)."""
    bytes_store64(<char*>e + sizeof(Entry), <uint64_t>at_ms)
