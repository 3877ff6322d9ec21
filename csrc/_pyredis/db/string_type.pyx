"""string_type -- strings, whatever their encoding.

    text that is a canonical 64-bit integer   eight bytes in the entry           OBJECT ENCODING: int
    up to INLINE_MAX bytes                     in the entry                       embstr (to 44), else raw
    longer                                     a ByteStr of its own               raw

A string that was changed in place (APPEND, SETRANGE, SETBIT) is `raw` from then on, whatever its length, as
in Redis. Short strings are rewritten where they stand when the size class allows it, so a counter or a session
token costs no allocation per SET.

Whoever changes bytes in place asks string_resize for them. Whoever makes a long string out of others (BITOP)
fills a block from string_room and gives it to string_take: that is the old value's own block when it fits, so
the same result made again and again takes no memory to be made.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from _pyredis.base.hash cimport bytes_load64, bytes_store64
from _pyredis.base.mem cimport Arena, mem_footprint
from _pyredis.base.num cimport num_format_i64, num_length_i64, num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport (keyspace_add, keyspace_fresh_access, keyspace_make, keyspace_release_value,
                                   keyspace_reshape, keyspace_set_timed)
from _pyredis.db.value cimport (Encoding, ENC_EMBSTR, ENC_INT, ENC_RAW, ENTRY_EXPIRES, ENTRY_POINTER, T_STRING,
                                entry_encoding, entry_new, entry_pointer, entry_set_access, entry_set_kind,
                                entry_set_pointer, entry_type, entry_value)
from _pyredis.ds.bytestr cimport (ByteStr, bytestr_data, bytestr_free, bytestr_memory, bytestr_new, bytestr_resize,
                                  bytestr_settled, bytestr_share)
from _pyredis.ds.element cimport element_int, element_text

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)

cdef enum:
    INLINE_MAX = 2000              # bytes of a value that stands in its entry
    EMBSTR_MAX = 44                # the longest string that Redis calls embstr
    LONGEST_INTEGER = 20
    LARGEST_SLACK = 1 << 20


cdef inline ByteStr* _block(const Entry* e) noexcept nogil:
    return <ByteStr*>entry_pointer(e)


cdef bint _free_value(Arena* mem, Encoding enc, void* value, size_t most) noexcept nogil:
    bytestr_free(mem, <ByteStr*>value)
    return True


cdef void* _copy_value(Arena* mem, const Entry* e) noexcept nogil:
    return bytestr_new(mem, bytestr_data(_block(e)), _block(e).length, 0)


cdef size_t _memory(const Entry* e, size_t samples) noexcept nogil:
    return mem_footprint(bytestr_memory(_block(e)))


cdef size_t _effort(const Entry* e) noexcept nogil:
    return 1


cdef bint _settle(Arena* mem, Entry* e, uint64_t* at, size_t most) noexcept nogil:
    entry_set_pointer(e, bytestr_settled(mem, _block(e)))
    return True


cdef TypeOps _OPS
_OPS.free_value = _free_value
_OPS.copy_value = _copy_value
_OPS.memory = _memory
_OPS.effort = _effort
_OPS.settle = _settle


cdef void string_bind(Keyspace* ks) noexcept nogil:
    ks.ops[<int>T_STRING] = &_OPS


# ---------------------------------------------------------------- reading

cdef Slice string_view(const Entry* e, char* digits) noexcept nogil:
    """The string's bytes: valid until the next write, or in `digits` (STRING_DIGITS) for an integer."""
    if e.flags & ENTRY_POINTER:
        return slice_of(bytestr_data(_block(e)), _block(e).length)
    if entry_encoding(e) == ENC_INT:
        return slice_of(digits, num_format_i64(<int64_t>bytes_load64(entry_value(e)), digits))
    return slice_of(entry_value(e), e.value_length)


cdef Element string_element(const Entry* e) noexcept nogil:
    """The string as collections hand out theirs: valid until the next write."""
    if e.flags & ENTRY_POINTER:
        return element_text(bytestr_data(_block(e)), _block(e).length)
    if entry_encoding(e) == ENC_INT:
        return element_int(<int64_t>bytes_load64(entry_value(e)))
    return element_text(entry_value(e), e.value_length)


cdef ByteStr* string_share(const Entry* e) noexcept nogil:
    """A reference to a long string's block, to be given back with bytestr_free; NULL if it is to be copied."""
    if e.flags & ENTRY_POINTER and _block(e).length >= STRING_LENDABLE:
        return bytestr_share(_block(e))
    return NULL


cdef size_t string_length(const Entry* e) noexcept nogil:
    if e.flags & ENTRY_POINTER:
        return _block(e).length
    if entry_encoding(e) == ENC_INT:
        return num_length_i64(<int64_t>bytes_load64(entry_value(e)))
    return e.value_length


cdef bint string_get_i64(const Entry* e, int64_t* v) noexcept nogil:
    """The string as an integer, if it is one in canonical form."""
    if entry_encoding(e) == ENC_INT:
        v[0] = <int64_t>bytes_load64(entry_value(e))
        return True
    cdef Slice s = string_view(e, NULL)
    return num_parse_i64(s.ptr, s.len, v)


# ---------------------------------------------------------------- writing

cdef Entry* _make(Keyspace* ks, Db* db, Key key, Entry* e, size_t value_length, bint keep_ttl) noexcept nogil:
    """The entry with room for a new value in it, whatever it held; access time fresh."""
    if e == NULL:
        e = entry_new(ks.mem, key.name, value_length, False)
        keyspace_add(ks, db, key, e)
        entry_set_access(e, keyspace_fresh_access(ks))
        return e
    if e.flags & ENTRY_POINTER:
        keyspace_release_value(ks, e)
        keyspace_set_timed(ks, db, key, e, False)
        e.flags &= ~ENTRY_POINTER
    return keyspace_reshape(ks, db, key, e, value_length, keep_ttl and e.flags & ENTRY_EXPIRES)


cdef Entry* string_set(Keyspace* ks, Db* db, Key key, Entry* e, Slice value, int how) noexcept nogil:
    """Creates the key or replaces its value. `value` must not lie in the keyspace."""
    cdef int64_t v
    cdef ByteStr* block
    cdef bint keep = how & STRING_KEEP_TTL
    if value.len <= LONGEST_INTEGER and not how & STRING_AS_TEXT and num_parse_i64(value.ptr, value.len, &v):
        e = _make(ks, db, key, e, 8, keep)
        bytes_store64(entry_value(e), <uint64_t>v)
        entry_set_kind(e, T_STRING, ENC_INT)
    elif value.len <= INLINE_MAX:
        e = _make(ks, db, key, e, value.len, keep)
        memcpy(entry_value(e), value.ptr, value.len)
        entry_set_kind(e, T_STRING, ENC_EMBSTR if value.len <= EMBSTR_MAX else ENC_RAW)
    else:
        block = bytestr_new(ks.mem, value.ptr, value.len, 0)
        e = _make(ks, db, key, e, 8, keep)
        entry_set_pointer(e, block)
        e.flags |= ENTRY_POINTER
        entry_set_kind(e, T_STRING, ENC_RAW)
    return e


cdef Entry* string_make(Keyspace* ks, Slice name, Slice value) noexcept nogil:
    """An entry in no table, with the value that string_set would give it."""
    cdef int64_t v
    cdef ByteStr* block
    cdef Entry* e
    if value.len > INLINE_MAX:
        block = bytestr_new(ks.mem, value.ptr, value.len, 0)
        return keyspace_make(ks, name, T_STRING, ENC_RAW, block)
    if value.len <= LONGEST_INTEGER and num_parse_i64(value.ptr, value.len, &v):
        e = entry_new(ks.mem, name, 8, False)
        bytes_store64(entry_value(e), <uint64_t>v)
        entry_set_kind(e, T_STRING, ENC_INT)
    else:
        e = entry_new(ks.mem, name, value.len, False)
        memcpy(entry_value(e), value.ptr, value.len)
        entry_set_kind(e, T_STRING, ENC_EMBSTR if value.len <= EMBSTR_MAX else ENC_RAW)
    entry_set_access(e, keyspace_fresh_access(ks))
    return e


cdef Entry* string_set_i64(Keyspace* ks, Db* db, Key key, Entry* e, int64_t v) noexcept nogil:
    if e == NULL or entry_encoding(e) != ENC_INT:
        e = _make(ks, db, key, e, 8, True)
        entry_set_kind(e, T_STRING, ENC_INT)
    bytes_store64(entry_value(e), <uint64_t>v)
    return e


cdef Entry* _to_block(Keyspace* ks, Db* db, Key key, Entry* e, size_t length) noexcept nogil:
    """Moves an inline string to a block of its own that has room for `length` bytes, and for more to come if it is
    growing: most that are made this long at once stay so."""
    cdef size_t slack = min(length // 2, <size_t>LARGEST_SLACK) if e.value_length else 0
    cdef ByteStr* block = bytestr_new(ks.mem, entry_value(e), e.value_length, length + slack)
    e = keyspace_reshape(ks, db, key, e, 8, (e.flags & ENTRY_EXPIRES) != 0)
    entry_set_pointer(e, block)
    e.flags |= ENTRY_POINTER
    return e


cdef Entry* _resize_inline(Keyspace* ks, Db* db, Key key, Entry* e, size_t n) noexcept nogil:
    """Makes a raw string in its entry n bytes long."""
    cdef size_t before = e.value_length
    e = keyspace_reshape(ks, db, key, e, n, (e.flags & ENTRY_EXPIRES) != 0)
    if n > before:
        memset(entry_value(e) + before, 0, n - before)
    return e


cdef Entry* string_resize(Keyspace* ks, Db* db, Key key, Entry* e, size_t n, char** data) noexcept nogil:
    """Makes the string n bytes long, zeros behind what it had; `data`: its bytes, to be changed at will until
    the next write. It is raw from then on. Creates a missing key."""
    cdef char[STRING_DIGITS] digits
    cdef Slice text
    cdef ByteStr* block
    if e == NULL:
        e = _make(ks, db, key, NULL, 0, False)
    elif entry_encoding(e) == ENC_INT:
        text = string_view(e, digits)
        e = _make(ks, db, key, e, text.len, True)
        memcpy(entry_value(e), text.ptr, text.len)
    entry_set_kind(e, T_STRING, ENC_RAW)
    if n > INLINE_MAX and not e.flags & ENTRY_POINTER:
        e = _to_block(ks, db, key, e, n)
    if e.flags & ENTRY_POINTER:
        block = bytestr_resize(ks.mem, _block(e), n)
        entry_set_pointer(e, block)
        data[0] = bytestr_data(block)
        return e
    if n != e.value_length:
        e = _resize_inline(ks, db, key, e, n)
    data[0] = entry_value(e)
    return e


cdef Entry* string_write(Keyspace* ks, Db* db, Key key, Entry* e, size_t at, Slice bytes) noexcept nogil:
    """Writes `bytes` at offset `at`, the string growing as need be, zeros in a gap. Creates a missing key."""
    cdef size_t before = string_length(e) if e != NULL else 0
    cdef char* data
    e = string_resize(ks, db, key, e, at + bytes.len if at + bytes.len > before else before, &data)
    memcpy(data + at, bytes.ptr, bytes.len)
    return e


# ---------------------------------------------------------------- replacing by a block

cdef ByteStr* string_room(Keyspace* ks, const Entry* e, size_t n) noexcept nogil:
    """A block for n bytes, to be filled and given to string_take. It may be the present one of the key (`e`: any
    type, or NULL), which until then reads as before but for the bytes that are filled."""
    cdef ByteStr* block
    if n > INLINE_MAX and e != NULL and entry_type(e) == T_STRING and e.flags & ENTRY_POINTER:
        block = _block(e)
        if block.references == 1 and n <= block.capacity <= 2 * n:
            return block
    return bytestr_new(ks.mem, NULL, 0, n)


cdef Entry* string_take(Keyspace* ks, Db* db, Key key, Entry* e, ByteStr* block, size_t n) noexcept nogil:
    """Makes the n bytes in a block from string_room the key's value, raw and without expiry. Takes the block."""
    block.length = n
    if n <= INLINE_MAX:
        e = string_set(ks, db, key, e, slice_of(bytestr_data(block), n), STRING_AS_TEXT)
        bytestr_free(ks.mem, block)
    elif e != NULL and e.flags & ENTRY_POINTER and _block(e) == block:
        e = keyspace_reshape(ks, db, key, e, 8, False)
    else:
        e = _make(ks, db, key, e, 8, False)
        entry_set_pointer(e, block)
        e.flags |= ENTRY_POINTER
    entry_set_kind(e, T_STRING, ENC_RAW)
    return e
