"""hash_fields -- the table form of a hash: a field with its value in one allocation, and the table of them.

    | flags u8 | name length u8 | value length u8 |               3 bytes, always
    | place u32 |                                                 with FIELD_TIMED
    | name length u32 |                                           with FIELD_LONG (above 255)
    | name bytes | value bytes |                                  or, with FIELD_BLOCK, a ByteStr's address

A field of 16 bytes with a value of 16 so takes 40, plus 14 in the table. A value of up to 255 bytes stands in its
field, and another of the same size class is written over it where it stands; a longer one has a block, so that
writing it does not move the field, and replies can hold it instead of a copy.

When fields end stands in a heap of its own (ds/ttl): 20 bytes a field that has an expiry, nothing for one that has
none. So the next expiry of the hash is at hand, what is over is found without walking the fields, and a read pays
one comparison for the whole table as long as nothing is over.

The table knows its arena and its hash function through the DictType. Whatever changes a field's size may move it;
its place in the table and its slot in the heap follow here.

Rules checked by fields_check: 1 to 5 those of the table (ds/dict); 11, 12 those of the heap (ds/ttl); 21 the heap
has an item for each timed field, and no other; 22 only a long value has a block.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from _pyredis.base.hash cimport bytes_store64
from _pyredis.base.mem cimport Arena, mem_alloc, mem_fits, mem_footprint, mem_free, mem_settled
from _pyredis.base.slice cimport Slice
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data, bytestr_free, bytestr_memory, bytestr_new, bytestr_resize, bytestr_settled
from _pyredis.ds.dict cimport (DictIter, DictType, Place, dict_check, dict_drain, dict_free, dict_hash, dict_init,
                               dict_insert, dict_iter, dict_next, dict_remove, dict_reserve, dict_settle,
                               dict_settle_part, place_set)
from _pyredis.ds.ttl cimport (TtlItem, ttl_add, ttl_bytes, ttl_change, ttl_check, ttl_free, ttl_init, ttl_moved,
                              ttl_remove)

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, uint32_t x) noexcept

cdef enum:
    LONGEST_SHORT_NAME = 255
    LONGEST_INLINE = 255           # bytes of a value that stands in its field
    POINTER = 8


# ---------------------------------------------------------------- one field

cdef const char* field_key_of(const void* f, size_t* n) noexcept nogil:
    cdef Slice name = field_name(<const HashField*>f)
    n[0] = name.len
    return name.ptr


cdef inline size_t _size(uint8_t flags, size_t name_length, size_t value_length) noexcept nogil:
    return (sizeof(HashField) + (4 if flags & FIELD_TIMED else 0) + (4 if flags & FIELD_LONG else 0)
            + name_length + value_length)


cdef inline size_t _size_of(const HashField* f) noexcept nogil:
    return _size(f.flags, field_name(f).len, f.value_length)


cdef size_t field_memory(const HashField* f) noexcept nogil:
    cdef size_t n = mem_footprint(_size_of(f))
    if f.flags & FIELD_BLOCK:
        n += mem_footprint(bytestr_memory(field_block(f)))
    return n


cdef HashField* _new(Arena* mem, uint8_t timed, Slice name, size_t value_length) noexcept nogil:
    """A field with its name, room for `value_length` bytes of value, and nothing else."""
    cdef uint8_t flags = timed | (FIELD_LONG if name.len > LONGEST_SHORT_NAME else 0)
    cdef HashField* f = <HashField*>mem_alloc(mem, _size(flags, name.len, value_length))
    cdef char* p = field_slot(f) + (4 if timed else 0)
    f.flags = flags
    f.name_length = <uint8_t>name.len
    f.value_length = <uint8_t>value_length
    if flags & FIELD_LONG:
        bytes_store32(p, <uint32_t>name.len)
        p += 4
    memcpy(p, name.ptr, name.len)
    return f


cdef inline char* _value_at(const HashField* f) noexcept nogil:
    cdef Slice name = field_name(f)
    return <char*>name.ptr + name.len


cdef void _fill(Arena* mem, HashField* f, Slice value) noexcept nogil:
    """Writes the first value of a field, which has room for it."""
    if value.len > LONGEST_INLINE:
        f.flags |= FIELD_BLOCK
        bytes_store64(_value_at(f), <uint64_t>bytestr_new(mem, value.ptr, value.len, 0))
    else:
        memcpy(_value_at(f), value.ptr, value.len)


cdef inline size_t _room(Slice value) noexcept nogil:
    """Bytes that the value takes in its field."""
    return value.len if value.len <= LONGEST_INLINE else POINTER


cdef void _free(Arena* mem, HashField* f) noexcept nogil:
    if f.flags & FIELD_BLOCK:
        bytestr_free(mem, field_block(f))
    mem_free(mem, f, _size_of(f))


# ---------------------------------------------------------------- the table

cdef FieldTable* fields_new(Arena* mem, const DictType* type) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>mem_alloc(mem, sizeof(FieldTable))
    dict_init(&t.fields, type)
    ttl_init(&t.ends)
    return t


cdef void _free_visit(void* mem, void* f) noexcept nogil:
    _free(<Arena*>mem, <HashField*>f)


cdef bint fields_free(Arena* mem, FieldTable* t, size_t most) noexcept nogil:
    ttl_free(mem, &t.ends)
    dict_drain(&t.fields, most, _free_visit, mem)
    if t.fields.used:
        return False
    dict_free(&t.fields)
    mem_free(mem, t, sizeof(FieldTable))
    return True


cdef void fields_add(FieldTable* t, uint64_t hash, Slice name, Slice value, int64_t at_ms) noexcept nogil:
    """Adds a field that is absent; it ends at `at_ms` unless that is 0."""
    cdef Arena* mem = t.fields.type.mem
    cdef HashField* f = _new(mem, FIELD_TIMED if at_ms else 0, name, _room(value))
    _fill(mem, f, value)
    if at_ms:
        ttl_add(mem, &t.ends, field_slot(f), at_ms)
    dict_insert(&t.fields, f, hash)


cdef FieldTable* fields_copy(const FieldTable* t) noexcept nogil:
    cdef const DictType* type = t.fields.type
    cdef FieldTable* copy = fields_new(type.mem, type)
    cdef DictIter it
    cdef HashField* f
    cdef Slice name
    dict_reserve(&copy.fields, t.fields.used)
    dict_iter(&t.fields, &it)
    f = <HashField*>dict_next(&it)
    while f != NULL:
        name = field_name(f)
        fields_add(copy, dict_hash(type, name.ptr, name.len), name, field_value(f), field_expiry(t, f))
        f = <HashField*>dict_next(&it)
    return copy


cdef void _replaced(FieldTable* t, Place at, HashField* f) noexcept nogil:
    """The field stands at another address."""
    place_set(at, f)
    if f.flags & FIELD_TIMED:
        ttl_moved(&t.ends, field_slot(f))


cdef void _set_block(Arena* mem, HashField* f, Slice value) noexcept nogil:
    """A long value over another long one."""
    cdef ByteStr* block = field_block(f)
    cdef size_t had = bytestr_memory(block), needs = had - block.capacity + value.len
    if block.references == 1 and needs <= had and mem_footprint(needs) == mem_footprint(had):
        block = bytestr_resize(mem, block, value.len)
        memcpy(bytestr_data(block), value.ptr, value.len)
        return
    bytestr_free(mem, block)
    bytes_store64(_value_at(f), <uint64_t>bytestr_new(mem, value.ptr, value.len, 0))


cdef void fields_set_value(FieldTable* t, Place at, HashField* f, Slice value) noexcept nogil:
    """Replaces the value of the field that stands at `at`; its expiry stays. `value` must not lie in the table."""
    cdef Arena* mem = t.fields.type.mem
    cdef HashField* fresh
    cdef size_t size
    if value.len > LONGEST_INLINE and f.flags & FIELD_BLOCK:
        _set_block(mem, f, value)
        return
    size = _size_of(f)
    if value.len <= LONGEST_INLINE and mem_fits(size, size - f.value_length + value.len):
        if f.flags & FIELD_BLOCK:
            bytestr_free(mem, field_block(f))
            f.flags &= ~<int>FIELD_BLOCK
        f.value_length = <uint8_t>value.len
        memcpy(_value_at(f), value.ptr, value.len)
        return
    fresh = _new(mem, f.flags & FIELD_TIMED, field_name(f), _room(value))
    _fill(mem, fresh, value)
    if f.flags & FIELD_TIMED:
        memcpy(field_slot(fresh), field_slot(f), 4)
    _free(mem, f)
    _replaced(t, at, fresh)


cdef HashField* _with_slot(Arena* mem, HashField* f, bint timed) noexcept nogil:
    """The field with or without a slot, which it has not or has; moved unless it fits as it is."""
    cdef size_t size = _size_of(f), kept
    cdef char* body
    cdef HashField* fresh
    if mem_fits(size, size + 4 if timed else size - 4):
        body = field_slot(f)
        kept = size - sizeof(HashField) - (0 if timed else 4)
        memmove(body + 4 if timed else body, body if timed else body + 4, kept)
        f.flags ^= FIELD_TIMED
        return f
    fresh = _new(mem, FIELD_TIMED if timed else 0, field_name(f), f.value_length)
    memcpy(_value_at(fresh), _value_at(f), f.value_length)
    fresh.flags |= f.flags & FIELD_BLOCK
    mem_free(mem, f, size)
    return fresh


cdef void fields_set_expiry(FieldTable* t, Place at, HashField* f, int64_t at_ms) noexcept nogil:
    """The field that stands at `at` ends at `at_ms` from now on; 0: never. May move it."""
    cdef Arena* mem = t.fields.type.mem
    if f.flags & FIELD_TIMED:
        if at_ms:
            ttl_change(&t.ends, field_slot(f), at_ms)
            return
        ttl_remove(mem, &t.ends, field_slot(f))
        place_set(at, _with_slot(mem, f, False))
    elif at_ms:
        f = _with_slot(mem, f, True)
        place_set(at, f)
        ttl_add(mem, &t.ends, field_slot(f), at_ms)


cdef void fields_remove(FieldTable* t, Place at, uint64_t hash, HashField* f) noexcept nogil:
    if f.flags & FIELD_TIMED:
        ttl_remove(t.fields.type.mem, &t.ends, field_slot(f))
    dict_remove(&t.fields, at, hash)
    _free(t.fields.type.mem, f)


cdef FieldTable* fields_settle(Arena* mem, FieldTable* t) noexcept nogil:
    t = <FieldTable*>mem_settled(mem, t, sizeof(FieldTable))
    dict_settle(&t.fields)
    if t.ends.items != NULL:
        t.ends.items = <TtlItem*>mem_settled(mem, t.ends.items, ttl_bytes(&t.ends))
    return t


cdef void* _settle_field(void* table, void* field) noexcept nogil:
    cdef FieldTable* t = <FieldTable*>table
    cdef HashField* f = <HashField*>field
    cdef Arena* mem = t.fields.type.mem
    if f.flags & FIELD_BLOCK:
        bytes_store64(_value_at(f), <uint64_t>bytestr_settled(mem, field_block(f)))
    f = <HashField*>mem_settled(mem, f, _size_of(f))
    if f.flags & FIELD_TIMED:
        ttl_moved(&t.ends, field_slot(f))
    return f


cdef bint fields_settle_part(FieldTable* t, uint64_t* at, size_t most) noexcept nogil:
    return dict_settle_part(&t.fields, at, most, _settle_field, t)


cdef int fields_check(const FieldTable* t) noexcept nogil:
    cdef int broken = dict_check(&t.fields)
    cdef DictIter it
    cdef const HashField* f
    cdef size_t timed = 0
    if broken:
        return broken
    broken = ttl_check(&t.ends)
    if broken:
        return 10 + broken
    dict_iter(&t.fields, &it)
    f = <const HashField*>dict_next(&it)
    while f != NULL:
        if f.flags & FIELD_BLOCK and (f.value_length != POINTER or field_block(f).length <= LONGEST_INLINE):
            return 22
        if f.flags & FIELD_TIMED:
            timed += 1
            if t.ends.items[bytes_load32(field_slot(f))].slot != field_slot(f):
                return 21
        f = <const HashField*>dict_next(&it)
    return 21 if timed != t.ends.count else 0
