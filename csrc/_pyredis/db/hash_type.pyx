"""hash_type -- hashes, whatever their encoding.

    listpack      field, value, field, value ...                           while no field has an expiry
    listpackex    field, value, expiry, field, value, expiry ...           since a field may have one
    hashtable     a table of fields (db/hash_fields)                       when it has many fields, or a long one

A hash starts as a listpack. It becomes a table, for good, with more than hash-max-listpack-entries fields or one
word longer than hash-max-listpack-value; Redis decides this in two places, before a command from its arguments
(hash_reserve) and with each field set, and OBJECT ENCODING shows which. The triples of a listpackex stand in the
order of their expiries, a new one before its equals, and those that last (expiry 0) at the end: so the next expiry
is that of the first triple, and the bytes are the RDB image.

A find gives a HashSpot, and what is done then (read, write, expire, remove) starts from there: one search a command.

The time of a field may have passed; who meets it decides what to do, for a read of a paused server may not remove
it. ENTRY_TIMED_FIELDS and the database's table of such hashes are brought up to date by hash_settle, once a command.

Cost: in a table O(1), and O(log n) to change an expiry; in a listpack O(its bytes), which the limits bound.

Rules checked by hash_check: 1 to 22 those of the encoding's structure (listpack plus 30); 41 whole pairs or triples;
42 the order of expiries; 43 no field twice; 44 ENTRY_TIMED_FIELDS just if a field is timed.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memmove

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_settled
from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64
from _pyredis.base.rand cimport Rand, rand_below
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.hash_fields cimport (FIELD_BLOCK, FieldTable, field_block, field_expiry, field_is_over, field_key_of,
                                      field_memory, field_name, field_of_slot, field_value, fields_add, fields_check,
                                      fields_copy, fields_free, fields_new, fields_remove, fields_set_expiry,
                                      fields_set_value, fields_settle, fields_settle_part)
from _pyredis.db.keyspace cimport keyspace_create, keyspace_make, keyspace_set_timed
from _pyredis.db.value cimport (ENC_HASHTABLE, ENC_LISTPACK, ENC_LISTPACK_EX, ENTRY_TIMED_FIELDS, Encoding, T_HASH,
                                TypeOps, entry_encoding, entry_pointer, entry_set_kind, entry_set_pointer)
from _pyredis.ds.bytestr cimport bytestr_share
from _pyredis.ds.dict cimport (dict_bytes, dict_find, dict_find_entry, dict_hash, dict_iter, dict_next, dict_random,
                               dict_reserve)
from _pyredis.ds.element cimport ELEMENT_DIGITS, element_slice, element_text
from _pyredis.ds.listpack cimport (LISTPACK_LARGEST, element_size, listpack_append, listpack_append_i64, listpack_at,
                                   listpack_bytes, listpack_check, listpack_copy, listpack_delete, listpack_find,
                                   listpack_first, listpack_free, listpack_get, listpack_insert, listpack_length,
                                   listpack_new, listpack_next, listpack_replace)
from _pyredis.ds.ttl cimport ttl_any_over, ttl_bytes, ttl_count_over

cdef enum:
    LENDABLE = 16384               # a reply holds a reference to a value this long rather than a copy


cdef inline FieldTable* _table(const Entry* e) noexcept nogil:
    return <FieldTable*>entry_pointer(e)


cdef inline uint8_t* _pack(const Entry* e) noexcept nogil:
    return <uint8_t*>entry_pointer(e)


cdef inline int _stride(const Entry* e) noexcept nogil:
    """Elements that a field takes in the listpack; 0 for a table."""
    cdef Encoding enc = entry_encoding(e)
    return 2 if enc == ENC_LISTPACK else 3 if enc == ENC_LISTPACK_EX else 0


# ---------------------------------------------------------------- what the keyspace asks

cdef bint _free_value(Arena* mem, Encoding enc, void* value, size_t most) noexcept nogil:
    if enc == ENC_HASHTABLE:
        return fields_free(mem, <FieldTable*>value, most)
    listpack_free(mem, <uint8_t*>value)
    return True


cdef void* _copy_value(Arena* mem, const Entry* e) noexcept nogil:
    if _stride(e):
        return listpack_copy(mem, _pack(e))
    return fields_copy(_table(e))


cdef size_t _memory(const Entry* e, size_t samples) noexcept nogil:
    """Of a table by the average of the first `samples` fields; 0: all."""
    cdef DictIter it
    cdef const HashField* f
    cdef size_t fields = 0, seen = 0
    cdef FieldTable* t
    if _stride(e):
        return mem_footprint(listpack_bytes(_pack(e)))
    t = _table(e)
    dict_iter(&t.fields, &it)
    while samples == 0 or seen < samples:
        f = <const HashField*>dict_next(&it)
        if f == NULL:
            break
        fields += field_memory(f)
        seen += 1
    if seen:
        fields = fields * t.fields.used // seen
    return sizeof(FieldTable) + dict_bytes(&t.fields) + ttl_bytes(&t.ends) + fields


cdef size_t _effort(const Entry* e) noexcept nogil:
    return 1 if _stride(e) else _table(e).fields.used


cdef bint _settle(Arena* mem, Entry* e, uint64_t* at, size_t most) noexcept nogil:
    if _stride(e):
        entry_set_pointer(e, mem_settled(mem, _pack(e), listpack_bytes(_pack(e))))
        return True
    if at[0] == 0:
        entry_set_pointer(e, fields_settle(mem, _table(e)))
    return fields_settle_part(_table(e), at, most)


cdef TypeOps _OPS
_OPS.free_value = _free_value
_OPS.copy_value = _copy_value
_OPS.memory = _memory
_OPS.effort = _effort
_OPS.settle = _settle


cdef void hash_bind(Keyspace* ks) noexcept nogil:
    ks.ops[<int>T_HASH] = &_OPS
    ks.members[<int>T_HASH].key_of = field_key_of


# ---------------------------------------------------------------- reading

cdef size_t hash_length(const Entry* e) noexcept nogil:
    """How many fields there are, with those that are over."""
    cdef int stride = _stride(e)
    return listpack_length(_pack(e)) // stride if stride else _table(e).fields.used


cdef inline int64_t _pack_expiry(const uint8_t* lp, const uint8_t* p) noexcept nogil:
    """The expiry of the triple that starts at p."""
    return listpack_get(listpack_next(lp, listpack_next(lp, p))).number


cdef int64_t hash_next_expiry(const Entry* e) noexcept nogil:
    cdef int stride = _stride(e)
    cdef const uint8_t* first
    if stride == 2:
        return HASH_LASTS
    if stride == 0:
        return _table(e).ends.items[0].at_ms if _table(e).ends.count else HASH_LASTS
    first = listpack_first(_pack(e))
    return _pack_expiry(_pack(e), first) if first != NULL else HASH_LASTS


cdef size_t hash_count_live(const Entry* e, int64_t now_ms) noexcept nogil:
    """How many fields are not over at `now_ms`."""
    cdef size_t n = hash_length(e)
    cdef int stride = _stride(e)
    cdef const uint8_t* p
    cdef int64_t at
    if stride == 2:
        return n
    if stride == 0:
        return n - ttl_count_over(&_table(e).ends, now_ms)
    p = listpack_first(_pack(e))
    while p != NULL:
        p = listpack_next(_pack(e), listpack_next(_pack(e), p))
        at = listpack_get(p).number
        if at == HASH_LASTS or at >= now_ms:
            break
        n -= 1
        p = listpack_next(_pack(e), p)
    return n


cdef HashFound hash_find(const Keyspace* ks, const Entry* e, Slice field, HashSpot* at) noexcept nogil:
    cdef int stride = _stride(e)
    cdef int64_t expiry
    cdef FieldTable* t
    if stride:
        at.packed = listpack_find(_pack(e), listpack_first(_pack(e)), field, stride - 1)
        if at.packed == NULL:
            return HASH_ABSENT
        if stride == 2:
            return HASH_LIVE
        expiry = _pack_expiry(_pack(e), at.packed)
        return HASH_OVER if expiry != HASH_LASTS and expiry < ks.due_ms else HASH_LIVE
    t = _table(e)
    at.hash = dict_hash(t.fields.type, field.ptr, field.len)
    at.field = <HashField*>dict_find(&t.fields, field.ptr, field.len, at.hash, &at.place)
    if at.field == NULL:
        return HASH_ABSENT
    return HASH_OVER if field_is_over(t, at.field, ks.due_ms) else HASH_LIVE


cdef Element hash_value(const Entry* e, const HashSpot* at) noexcept nogil:
    """The value of a field that was found."""
    cdef Slice value
    if _stride(e):
        return listpack_get(listpack_next(_pack(e), at.packed))
    value = field_value(at.field)
    return element_text(value.ptr, value.len)


cdef ByteStr* hash_value_share(const Entry* e, const HashSpot* at) noexcept nogil:
    """A reference to a long value's block, to be given back with bytestr_free; NULL if it is to be copied."""
    if _stride(e) == 0 and at.field.flags & FIELD_BLOCK and field_block(at.field).length >= LENDABLE:
        return bytestr_share(field_block(at.field))
    return NULL


cdef int64_t hash_expiry(const Entry* e, const HashSpot* at) noexcept nogil:
    """The expiry of a field that was found."""
    cdef int stride = _stride(e)
    if stride == 0:
        return field_expiry(_table(e), at.field)
    return _pack_expiry(_pack(e), at.packed) if stride == 3 else HASH_LASTS


cdef bint hash_get(const Keyspace* ks, const Entry* e, Slice field, Element* value) noexcept nogil:
    cdef HashSpot at
    if hash_find(ks, e, field, &at) != HASH_LIVE:
        return False
    value[0] = hash_value(e, &at)
    return True


# ---------------------------------------------------------------- walking

cdef void hash_iter(const Entry* e, int64_t now_ms, HashIter* it) noexcept nogil:
    it.entry = e
    it.now_ms = now_ms
    it.stride = _stride(e)
    it.expiry = HASH_LASTS
    if it.stride:
        it.packed = listpack_first(_pack(e))
        return
    if not ttl_any_over(&_table(e).ends, now_ms):
        it.now_ms = 0                            # nothing to be left out: no field is asked for its time
    dict_iter(&_table(e).fields, &it.fields)


cdef bint _next_packed(HashIter* it, Element* field, Element* value) noexcept nogil:
    cdef const uint8_t* lp = _pack(it.entry)
    cdef const uint8_t* p = it.packed
    while p != NULL:
        field[0] = listpack_get(p)
        p = listpack_next(lp, p)
        value[0] = listpack_get(p)
        p = listpack_next(lp, p)
        if it.stride == 3:
            it.expiry = listpack_get(p).number
            p = listpack_next(lp, p)
            if it.expiry != HASH_LASTS and it.expiry < it.now_ms:
                continue
        it.packed = p
        return True
    it.packed = NULL
    return False


cdef bint hash_next(HashIter* it, Element* field, Element* value) noexcept nogil:
    """The next field that is not left out; False: that was all."""
    cdef const HashField* f
    cdef const FieldTable* t
    cdef Slice s
    if it.stride:
        return _next_packed(it, field, value)
    t = _table(it.entry)
    while True:
        f = <const HashField*>dict_next(&it.fields)
        if f == NULL:
            return False
        if not it.now_ms or not field_is_over(t, f, it.now_ms):
            break
    it.field = f
    s = field_name(f)
    field[0] = element_text(s.ptr, s.len)
    s = field_value(f)
    value[0] = element_text(s.ptr, s.len)
    return True


cdef int64_t hash_iter_expiry(const HashIter* it) noexcept nogil:
    return it.expiry if it.stride else field_expiry(_table(it.entry), it.field)


cdef Slice hash_image(const Entry* e) noexcept nogil:
    """Triples that all last are of use to nobody: older servers can read pairs."""
    cdef int stride = _stride(e)
    if stride == 0 or (stride == 3 and hash_next_expiry(e) == HASH_LASTS):
        return slice_of(NULL, 0)
    return slice_of(<const char*>_pack(e), listpack_bytes(_pack(e)))


cdef const Dict* hash_dict(const Entry* e) noexcept nogil:
    return &_table(e).fields if _stride(e) == 0 else NULL


cdef bint hash_field_is_over(const Entry* e, const HashField* f, int64_t now_ms) noexcept nogil:
    return field_is_over(_table(e), f, now_ms)


cdef void hash_random(const Entry* e, Rand* rand, Element* field, Element* value) noexcept nogil:
    """A field of a hash that is not empty, each equally likely."""
    cdef int stride = _stride(e)
    cdef const uint8_t* p
    cdef const HashField* f
    cdef Slice s
    if stride:
        p = listpack_at(_pack(e), stride * <int64_t>rand_below(rand, hash_length(e)))
        field[0] = listpack_get(p)
        value[0] = listpack_get(listpack_next(_pack(e), p))
        return
    f = <const HashField*>dict_random(&_table(e).fields, rand)
    s = field_name(f)
    field[0] = element_text(s.ptr, s.len)
    s = field_value(f)
    value[0] = element_text(s.ptr, s.len)


# ---------------------------------------------------------------- changing the form

cdef Entry* hash_create(Keyspace* ks, Db* db, Key key) noexcept nogil:
    return keyspace_create(ks, db, key, T_HASH, ENC_LISTPACK, listpack_new(ks.mem))


cdef void _to_table(Keyspace* ks, Entry* e, size_t fields) noexcept nogil:
    """Makes a table of a listpack, with room for `fields`."""
    cdef FieldTable* t = fields_new(ks.mem, &ks.members[<int>T_HASH])
    cdef char[ELEMENT_DIGITS] digits, more
    cdef HashIter it
    cdef Element field, value
    cdef Slice name
    dict_reserve(&t.fields, fields)
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        name = element_slice(&field, digits)
        fields_add(t, dict_hash(t.fields.type, name.ptr, name.len), name, element_slice(&value, more), it.expiry)
    listpack_free(ks.mem, _pack(e))
    entry_set_pointer(e, t)
    entry_set_kind(e, T_HASH, ENC_HASHTABLE)


cdef Entry* hash_of_listpack(Keyspace* ks, Slice name, uint8_t* lp, bint timed) noexcept nogil:
    """A hash in no table of a listpack that came as it is, sound and no field twice: pairs, or triples (`timed`) in
    the order of their expiries. One of too many fields becomes a table."""
    cdef Entry* e = keyspace_make(ks, name, T_HASH, ENC_LISTPACK_EX if timed else ENC_LISTPACK, lp)
    if hash_length(e) > ks.limits.hash_max_listpack_entries:
        _to_table(ks, e, hash_length(e))
    return hash_settled(e)


cdef void hash_widen(Keyspace* ks, Entry* e, size_t fields) noexcept nogil:
    """Makes it a table, whatever it has, with room for `fields`."""
    if _stride(e):
        _to_table(ks, e, fields)


cdef Entry* hash_settled(Entry* e) noexcept nogil:
    """hash_settle for an entry in no table: keyspace_add will tell the database."""
    if hash_next_expiry(e) != HASH_LASTS:
        e.flags |= ENTRY_TIMED_FIELDS
    return e


cdef void hash_reserve(Keyspace* ks, Entry* e, const Slice* words, int n) noexcept nogil:
    """Chooses the form for `n` words about to be set, names and values in turn."""
    cdef size_t bytes = 0
    cdef int i
    if _stride(e) == 0:
        return
    if <size_t>(n // 2) > ks.limits.hash_max_listpack_entries:    # Redis: also if some name the same field
        _to_table(ks, e, n // 2)
        return
    for i in range(n):
        if words[i].len > ks.limits.hash_max_listpack_value:
            _to_table(ks, e, hash_length(e))
            return
        bytes += words[i].len
    if bytes + listpack_bytes(_pack(e)) > LISTPACK_LARGEST:
        _to_table(ks, e, hash_length(e))


cdef void hash_allow_expiry(Keyspace* ks, Entry* e) noexcept nogil:
    """Makes a listpackex of a listpack. Redis: a command that could set an expiry does so even if it sets none."""
    cdef char[ELEMENT_DIGITS] digits
    cdef uint8_t* triples
    cdef HashIter it
    cdef Element field, value
    if _stride(e) != 2:
        return
    triples = listpack_new(ks.mem)
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        triples = listpack_append(ks.mem, triples, element_slice(&field, digits))
        triples = listpack_append(ks.mem, triples, element_slice(&value, digits))
        triples = listpack_append_i64(ks.mem, triples, HASH_LASTS)
    listpack_free(ks.mem, _pack(e))
    entry_set_pointer(e, triples)
    entry_set_kind(e, T_HASH, ENC_LISTPACK_EX)


# ---------------------------------------------------------------- changing

cdef inline uint8_t* _next_triple(const uint8_t* lp, const uint8_t* p) noexcept nogil:
    return listpack_next(lp, listpack_next(lp, listpack_next(lp, p)))


cdef uint8_t* _insert_triple(Arena* mem, uint8_t* lp, Slice field, Slice value, int64_t expiry) noexcept nogil:
    """Inserts before the first triple that does not end earlier; one that lasts goes to the end."""
    cdef char[NUM_I64_MAX] digits
    cdef uint8_t* p = listpack_first(lp) if expiry != HASH_LASTS else NULL
    cdef int64_t at
    while p != NULL:
        at = _pack_expiry(lp, p)
        if at == HASH_LASTS or at >= expiry:
            break
        p = _next_triple(lp, p)
    if p == NULL:
        lp = listpack_append(mem, lp, field)
        lp = listpack_append(mem, lp, value)
        return listpack_append_i64(mem, lp, expiry)
    lp = listpack_insert(mem, lp, p, slice_of(digits, num_format_i64(expiry, digits)), &p)
    lp = listpack_insert(mem, lp, p, value, &p)
    return listpack_insert(mem, lp, p, field, NULL)


cdef uint8_t* _add_packed(Arena* mem, uint8_t* lp, int stride, Slice field, Slice value, int64_t expiry) noexcept nogil:
    if stride == 3:
        return _insert_triple(mem, lp, field, value, expiry)
    lp = listpack_append(mem, lp, field)
    return listpack_append(mem, lp, value)


cdef uint8_t* _put_packed(Arena* mem, uint8_t* lp, int stride, uint8_t* p, Slice field, Slice value,
                          int64_t expiry) noexcept nogil:
    """Another value for the field at p; with another expiry it finds another place, too."""
    if stride == 2 or expiry == HASH_KEEP or expiry == HASH_LASTS and _pack_expiry(lp, p) == HASH_LASTS:
        return listpack_replace(mem, lp, listpack_next(lp, p), value, NULL)
    lp = listpack_delete(mem, lp, p, 3, NULL)
    return _insert_triple(mem, lp, field, value, expiry)


cdef void _put_in_table(Entry* e, Slice field, HashFound found, HashSpot* at, Slice value,
                        int64_t expiry) noexcept nogil:
    cdef FieldTable* t = _table(e)
    if found == HASH_ABSENT:
        fields_add(t, at.hash, field, value, expiry if expiry > 0 else HASH_LASTS)
        return
    if expiry != HASH_KEEP:
        fields_set_expiry(t, at.place, at.field, expiry)
        at.field = <HashField*>at.place.bucket.slot[at.place.slot]
    fields_set_value(t, at.place, at.field, value)


cdef void hash_put(Keyspace* ks, Entry* e, Slice field, HashFound found, HashSpot* at, Slice value,
                   int64_t expiry) noexcept nogil:
    """Sets a field that hash_find has just looked for; `expiry`: when it ends, HASH_LASTS, or HASH_KEEP."""
    cdef int stride = _stride(e)
    cdef uint8_t* lp
    if stride and (field.len > ks.limits.hash_max_listpack_value or value.len > ks.limits.hash_max_listpack_value):
        _to_table(ks, e, hash_length(e))
        found = hash_find(ks, e, field, at)
        stride = 0
    if stride == 0:
        _put_in_table(e, field, found, at, value, expiry)
        return
    if found == HASH_ABSENT:
        lp = _add_packed(ks.mem, _pack(e), stride, field, value, expiry if expiry > 0 else HASH_LASTS)
    else:
        lp = _put_packed(ks.mem, _pack(e), stride, at.packed, field, value, expiry)
    entry_set_pointer(e, lp)
    if found == HASH_ABSENT and hash_length(e) > ks.limits.hash_max_listpack_entries:
        _to_table(ks, e, hash_length(e))


cdef bint hash_set(Keyspace* ks, Entry* e, Slice field, Slice value, int64_t expiry) noexcept nogil:
    cdef HashSpot at
    cdef HashFound found = hash_find(ks, e, field, &at)
    hash_put(ks, e, field, found, &at, value, expiry)
    return found == HASH_ABSENT


cdef uint8_t* _place_of(uint8_t* lp, const uint8_t* moving, int64_t expiry) noexcept nogil:
    """Where a triple with this expiry belongs, the one at `moving` being left out of account."""
    cdef uint8_t* p = listpack_first(lp) if expiry != HASH_LASTS else NULL
    cdef int64_t at
    while p != NULL:
        if p != moving:
            at = _pack_expiry(lp, p)
            if at == HASH_LASTS or at >= expiry:
                return p
        p = _next_triple(lp, p)
    return lp + listpack_bytes(lp) - 1


cdef uint8_t* _move_triple(Arena* mem, uint8_t* lp, uint8_t* p, int64_t expiry) noexcept nogil:
    """Gives the triple at p another expiry, and the place that belongs to it."""
    cdef char[NUM_I64_MAX] digits
    cdef size_t offset = p - lp, n
    cdef uint8_t* to
    cdef uint8_t* end
    cdef void* held
    lp = listpack_replace(mem, lp, listpack_next(lp, listpack_next(lp, p)),
                          slice_of(digits, num_format_i64(expiry, digits)), &end)
    p = lp + offset
    end += element_size(end)
    to = _place_of(lp, p, expiry)
    if to == end or to == p:
        return lp
    n = end - p
    held = mem_alloc(mem, n)
    memcpy(held, p, n)
    if to < p:
        memmove(to + n, to, p - to)
    else:
        memmove(p, end, to - end)
        to -= n
    memcpy(to, held, n)
    mem_free(mem, held, n)
    return lp


cdef void hash_set_expiry(Keyspace* ks, Entry* e, HashSpot* at, int64_t expiry) noexcept nogil:
    """The field that was found ends at `expiry`, or lasts; the hash must allow expiries."""
    if _stride(e) == 0:
        fields_set_expiry(_table(e), at.place, at.field, expiry)
    else:
        entry_set_pointer(e, _move_triple(ks.mem, _pack(e), at.packed, expiry))


cdef void hash_remove(Keyspace* ks, Entry* e, HashSpot* at) noexcept nogil:
    """Removes the field that was found."""
    cdef int stride = _stride(e)
    if stride:
        entry_set_pointer(e, listpack_delete(ks.mem, _pack(e), at.packed, stride, NULL))
    else:
        fields_remove(_table(e), at.place, at.hash, at.field)


cdef bint hash_first_over(const Keyspace* ks, const Entry* e, HashSpot* at, Element* field) noexcept nogil:
    """Finds the field that ended first; False if none has."""
    cdef int64_t ended = hash_next_expiry(e)
    cdef FieldTable* t
    cdef Slice name
    if ended == HASH_LASTS or ended >= ks.due_ms:
        return False
    if _stride(e):
        at.packed = listpack_first(_pack(e))
        field[0] = listpack_get(at.packed)
        return True
    t = _table(e)
    at.field = field_of_slot(t.ends.items[0].slot)
    name = field_name(at.field)
    at.hash = dict_hash(t.fields.type, name.ptr, name.len)
    dict_find_entry(&t.fields, at.field, at.hash, &at.place)
    field[0] = element_text(name.ptr, name.len)
    return True


cdef bint hash_settle(Keyspace* ks, Db* db, Key key, Entry* e) noexcept nogil:
    """Lets the database know whether a field of the hash is timed. Is the hash empty?"""
    cdef bint timed = hash_next_expiry(e) != HASH_LASTS
    if timed != ((e.flags & ENTRY_TIMED_FIELDS) != 0):
        keyspace_set_timed(ks, db, key, e, timed)
    return hash_length(e) == 0


# ---------------------------------------------------------------- checking

cdef int _check_packed(const Keyspace* ks, const Entry* e, int stride) noexcept nogil:
    cdef uint8_t* lp = _pack(e)
    cdef char[ELEMENT_DIGITS] digits
    cdef int broken = listpack_check(lp)
    cdef int64_t before = 1
    cdef HashIter it
    cdef HashSpot at
    cdef Element field, value
    cdef uint8_t* p = listpack_first(lp)
    if broken:
        return 30 + broken
    if listpack_length(lp) % stride:
        return 41
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        if it.expiry != HASH_LASTS and (before == HASH_LASTS or it.expiry < before):
            return 42
        before = it.expiry
        hash_find(ks, e, element_slice(&field, digits), &at)
        if at.packed != p:
            return 43
        p = <uint8_t*>it.packed
    return 0


cdef int hash_check(const Keyspace* ks, const Entry* e) noexcept nogil:
    cdef int stride = _stride(e)
    cdef int broken = _check_packed(ks, e, stride) if stride else fields_check(_table(e))
    if not broken and (hash_next_expiry(e) != HASH_LASTS) != ((e.flags & ENTRY_TIMED_FIELDS) != 0):
        return 44
    return broken
