# hash_fields -- the table form of a hash: fields with their values. The story is in hash_fields.pyx.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from _pyredis.base.hash cimport bytes_load32, bytes_load64
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data
from _pyredis.ds.dict cimport Dict, DictType, Place
from _pyredis.ds.ttl cimport Ttl

cdef enum FieldFlag:
    FIELD_LONG = 1                 # a u32 length of the name, above 255
    FIELD_TIMED = 2                # its place among the table's expiries
    FIELD_BLOCK = 4                # the value is the address of a ByteStr

cdef struct HashField:
    uint8_t flags
    uint8_t name_length            # unless FIELD_LONG
    uint8_t value_length           # bytes of the value in the field

cdef struct FieldTable:
    Dict fields
    Ttl ends                       # of the fields with FIELD_TIMED

cdef const char* field_key_of(const void* f, size_t* n) noexcept nogil
cdef size_t field_memory(const HashField* f) noexcept nogil                  # with its block

cdef FieldTable* fields_new(Arena* mem, const DictType* type) noexcept nogil
cdef FieldTable* fields_copy(const FieldTable* t) noexcept nogil
cdef bint fields_free(Arena* mem, FieldTable* t, size_t most) noexcept nogil # True: all is gone; else call again
cdef void fields_add(FieldTable* t, uint64_t hash, Slice name, Slice value, int64_t at_ms) noexcept nogil
cdef void fields_set_value(FieldTable* t, Place at, HashField* f, Slice value) noexcept nogil
cdef void fields_set_expiry(FieldTable* t, Place at, HashField* f, int64_t at_ms) noexcept nogil
cdef void fields_remove(FieldTable* t, Place at, uint64_t hash, HashField* f) noexcept nogil
# Moves the table out of slabs that are to be emptied, and then some fields; see ds/dict.
cdef FieldTable* fields_settle(Arena* mem, FieldTable* t) noexcept nogil
cdef bint fields_settle_part(FieldTable* t, uint64_t* at, size_t most) noexcept nogil
cdef int  fields_check(const FieldTable* t) noexcept nogil                   # 0, or the number of the broken rule


cdef inline char* field_slot(const HashField* f) noexcept nogil:
    """Where a timed field keeps its place; back: field_of_slot."""
    return <char*>f + sizeof(HashField)

cdef inline HashField* field_of_slot(const void* slot) noexcept nogil:
    return <HashField*>(<char*>slot - sizeof(HashField))

cdef inline Slice field_name(const HashField* f) noexcept nogil:
    cdef const char* p = <const char*>f + sizeof(HashField) + (4 if f.flags & FIELD_TIMED else 0)
    if f.flags & FIELD_LONG:
        return slice_of(p + 4, bytes_load32(p))
    return slice_of(p, f.name_length)

cdef inline ByteStr* field_block(const HashField* f) noexcept nogil:
    """The value's block, of a field with FIELD_BLOCK."""
    cdef Slice name = field_name(f)
    return <ByteStr*>bytes_load64(name.ptr + name.len)

cdef inline Slice field_value(const HashField* f) noexcept nogil:
    cdef Slice name = field_name(f)
    cdef ByteStr* block
    if f.flags & FIELD_BLOCK:
        block = <ByteStr*>bytes_load64(name.ptr + name.len)
        return slice_of(bytestr_data(block), block.length)
    return slice_of(name.ptr + name.len, f.value_length)

cdef inline int64_t field_expiry(const FieldTable* t, const HashField* f) noexcept nogil:
    """Unix time in ms at which the field ends; 0: never."""
    return t.ends.items[bytes_load32(field_slot(f))].at_ms if f.flags & FIELD_TIMED else 0

cdef inline bint field_is_over(const FieldTable* t, const HashField* f, int64_t now_ms) noexcept nogil:
    """Has the field's time passed? Touches nothing but the first expiry as long as no field's has."""
    return t.ends.count and t.ends.items[0].at_ms < now_ms and f.flags & FIELD_TIMED and field_expiry(t, f) < now_ms
