"""value -- an entry of the keyspace: everything about one key in one allocation.

    | meta u32 | flags u8 | key length u8 | value length u16 |              8 bytes, always
    | expiry i64, ms |                                                      with ENTRY_EXPIRES
    | key length u32 |                                                      with ENTRY_LONG_KEY (above 255)
    | key bytes | value bytes |

The value is the string itself when it is short, eight bytes of integer when the string is one, and else
(ENTRY_POINTER) the address of a block: a long string, or a collection. A key of 16 bytes with a value of 16
so takes 40 bytes, and reading it touches one line. Nothing in the body is aligned.

Nobody but the key tables keeps the address of an entry beyond a command: whatever changes its size
(entry_reshape) may move it, and the keyspace then puts the new address into the tables.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.slice cimport Slice


cdef extern from *:
    """
    static inline void store_u32(void* p, uint32_t v) { memcpy(p, &v, 4); }
    """
    void store_u32(void* p, uint32_t v) noexcept nogil

cdef enum:
    LONGEST_SHORT_KEY = 255


cdef Entry* entry_new(Arena* mem, Slice key, size_t value_length, bint expires) noexcept nogil:
    """An entry with its key; type, encoding, access, expiry and value are for the caller to set."""
    cdef uint8_t flags = (ENTRY_EXPIRES if expires else 0) | (ENTRY_LONG_KEY if key.len > LONGEST_SHORT_KEY else 0)
    cdef Entry head
    cdef Entry* e
    head.flags = flags
    e = <Entry*>mem_alloc(mem, entry_key_offset(&head) + key.len + value_length)
    e.meta = 0
    e.flags = flags
    e.key_length = <uint8_t>key.len
    e.value_length = <uint16_t>value_length
    cdef char* p = <char*>e + entry_key_offset(e)
    if flags & ENTRY_LONG_KEY:
        store_u32(p - 4, <uint32_t>key.len)
    memcpy(p, key.ptr, key.len)
    return e


cdef Entry* entry_reshape(Arena* mem, Entry* e, size_t value_length, bint expires) noexcept nogil:
    """The entry with another value length, with or without an expiry; moved unless it fits as it is.

    Keeps kind, access, flags, the expiry if there is one before and after, and the first bytes of the value.
    """
    cdef bint had = (e.flags & ENTRY_EXPIRES) != 0
    cdef size_t old = entry_size(e)
    cdef Entry* fresh
    cdef size_t kept = e.value_length if e.value_length < value_length else value_length
    if had == expires and entry_fits(e, value_length):
        e.value_length = <uint16_t>value_length
        return e
    fresh = entry_new(mem, entry_key(e), value_length, expires)
    fresh.meta = e.meta
    fresh.flags |= e.flags & (ENTRY_POINTER | ENTRY_TIMED_FIELDS)
    if had and expires:
        entry_set_expiry(fresh, entry_expiry(e))
    memcpy(entry_value(fresh), entry_value(e), kept)
    mem_free(mem, e, old)
    return fresh


cdef void entry_free(Arena* mem, Entry* e) noexcept nogil:
    mem_free(mem, e, entry_size(e))


cdef const char* entry_key_of(const void* e, size_t* n) noexcept nogil:
    cdef Slice key = entry_key(<const Entry*>e)
    n[0] = key.len
    return key.ptr


cdef const char* type_name(ValueType t) noexcept nogil:
    if t == T_STRING: return b"string"
    if t == T_LIST: return b"list"
    if t == T_SET: return b"set"
    if t == T_ZSET: return b"zset"
    if t == T_HASH: return b"hash"
    return b"stream"


cdef const char* encoding_name(Encoding e) noexcept nogil:
    """As OBJECT ENCODING calls it."""
    if e == ENC_RAW: return b"raw"
    if e == ENC_INT: return b"int"
    if e == ENC_EMBSTR: return b"embstr"
    if e == ENC_INTSET: return b"intset"
    if e == ENC_LISTPACK: return b"listpack"
    if e == ENC_QUICKLIST: return b"quicklist"
    if e == ENC_HASHTABLE: return b"hashtable"
    if e == ENC_SKIPLIST: return b"skiplist"
    if e == ENC_STREAM: return b"stream"
    return b"listpackex"
