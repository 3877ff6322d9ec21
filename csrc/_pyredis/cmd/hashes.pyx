"""hashes -- HSET, HGET and their kin: a function a command. Those about the expiry of fields are in field_expiry.

Every command looks its key up once and each field once, and goes on from where it was found (HashSpot). HSET keeps
nothing of a field's expiry, HINCRBY and HINCRBYFLOAT keep it. A read that meets a field past its time removes it
(cmd/hash_open), so even HGET may change the data.

HINCRBYFLOAT propagates as HSETEX key KEEPTTL FIELDS 1 field sum: sums of floats depend on the machine.
"""
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t

from _pyredis.base.num cimport (NUM_I64_MAX, NUM_LONG_DOUBLE_MAX, num_format_i64, num_format_long_double_human,
                                num_parse_long_double)
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport (ERR_CUSTOM, ERR_NAN_OR_INFINITY, ERR_NOT_FLOAT, ERR_OUT_OF_RANGE, ERR_OVERFLOW,
                                   ERR_SYNTAX, ERR_WRONG_ARITY, OK, Status)
from _pyredis.base.rand cimport Rand
from _pyredis.cmd.ctx cimport Ctx, arg_i64, arg_is, fail_with, key_changed, propagate_instead
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.hash_open cimport (OpenHash, hash_close, hash_open, hash_open_find, hash_open_make,
                                     reply_hash_value)
from _pyredis.cmd.pick cimport Picker, pick_distinct, pick_repeated
from _pyredis.cmd.scan cimport (SCAN_NOVALUES, ScanFound, ScanOptions, scan_cursor, scan_dict, scan_done,
                                scan_matches, scan_options, scan_reply)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_HASH
from _pyredis.db.field_expire cimport field_expire
from _pyredis.db.hash_fields cimport HashField, field_name, field_value
from _pyredis.db.hash_type cimport (HASH_ABSENT, HASH_KEEP, HASH_LASTS, HASH_LIVE, HashFound, HashIter, HashSpot,
                                    hash_count_live, hash_dict, hash_field_is_over, hash_find, hash_iter, hash_length,
                                    hash_next, hash_put, hash_random, hash_remove, hash_reserve, hash_set, hash_value)
from _pyredis.db.value cimport Entry
from _pyredis.ds.dict cimport Dict
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_get_i64, element_length, element_slice
from _pyredis.wire.reply cimport (Deferred, reply_array, reply_begin, reply_bulk, reply_end, reply_int, reply_map,
                                  reply_null, reply_ok, reply_slice)


# ---------------------------------------------------------------- setting

cdef Status _set_pairs(Ctx* c, int64_t* added) noexcept nogil:
    """Sets argv[2:], names and values in turn; how many fields are new."""
    cdef OpenHash h
    cdef Status st
    cdef int i
    if c.argc % 2:
        return ERR_WRONG_ARITY
    st = hash_open(c, True, &h)
    if st != OK:
        return st
    hash_open_make(&h)
    hash_reserve(c.ks, h.e, c.argv + 2, c.argc - 2)
    added[0] = 0
    for i in range(2, c.argc, 2):
        added[0] += hash_set(c.ks, h.e, c.argv[i], c.argv[i + 1], HASH_LASTS)
    key_changed(c, h.key.name, EV_HASH, b"hset", (c.argc - 2) // 2)
    hash_close(&h)
    return OK


cdef Status cmd_hset(Ctx* c) noexcept nogil:
    """HSET key field value [field value ...] -> how many fields are new."""
    cdef int64_t added = 0
    cdef Status st = _set_pairs(c, &added)
    if st == OK:
        reply_int(c.out, added)
    return st


cdef Status cmd_hmset(Ctx* c) noexcept nogil:
    """HMSET key field value [field value ...] -> OK."""
    cdef int64_t added = 0
    cdef Status st = _set_pairs(c, &added)
    if st == OK:
        reply_ok(c.out)
    return st


cdef HashFound _find_to_change(OpenHash* h, Slice field, HashSpot* at) noexcept nogil:
    """Looks for the field; a hash that this emptied (the field was over) or that was missing is made anew."""
    cdef HashFound found = HASH_ABSENT
    if h.e != NULL:
        found = hash_open_find(h, field, at)
        if h.lapsed:
            hash_close(h)
    if h.e == NULL:
        hash_open_make(h)
        found = hash_open_find(h, field, at)
    return found


cdef Status cmd_hsetnx(Ctx* c) noexcept nogil:
    """HSETNX key field value -> 1 if it was set, 0 if the field existed."""
    cdef OpenHash h
    cdef HashSpot at
    cdef Status st = hash_open(c, True, &h)
    cdef HashFound found
    if st != OK:
        return st
    found = _find_to_change(&h, c.argv[2], &at)
    if found == HASH_ABSENT:
        hash_reserve(c.ks, h.e, c.argv + 2, 2)
        hash_set(c.ks, h.e, c.argv[2], c.argv[3], HASH_LASTS)
        key_changed(c, h.key.name, EV_HASH, b"hset", 1)
    hash_close(&h)
    reply_int(c.out, found == HASH_ABSENT)
    return OK


cdef Status cmd_hincrby(Ctx* c) noexcept nogil:
    """HINCRBY key field increment -> the new value."""
    cdef char[NUM_I64_MAX] digits
    cdef int64_t by, v = 0
    cdef OpenHash h
    cdef HashSpot at
    cdef HashFound found = HASH_ABSENT
    cdef Element value
    cdef Status st = arg_i64(c, 3, &by)
    if st == OK:
        st = hash_open(c, True, &h)
    if st != OK:
        return st
    found = _find_to_change(&h, c.argv[2], &at)
    if found == HASH_LIVE:
        value = hash_value(h.e, &at)
        if not element_get_i64(&value, &v):
            return fail_with(c, ERR_CUSTOM, b"ERR hash value is not an integer")
        if v > INT64_MAX - by if by > 0 else v < INT64_MIN - by:
            return ERR_OVERFLOW
    v += by
    hash_put(c.ks, h.e, c.argv[2], found, &at, slice_of(digits, num_format_i64(v, digits)), HASH_KEEP)
    key_changed(c, h.key.name, EV_HASH, b"hincrby", 1)
    reply_int(c.out, v)
    return OK


cdef void _propagate_sum(Ctx* c, Slice sum) noexcept nogil:
    cdef Slice[7] words
    words[0] = slice_of(b"HSETEX", 6)
    words[1] = c.argv[1]
    words[2] = slice_of(b"KEEPTTL", 7)
    words[3] = slice_of(b"FIELDS", 6)
    words[4] = slice_of(b"1", 1)
    words[5] = c.argv[2]
    words[6] = sum
    propagate_instead(c, 7, words)


cdef Status cmd_hincrbyfloat(Ctx* c) noexcept nogil:
    """HINCRBYFLOAT key field increment -> the new value as text, in the precision of a long double."""
    cdef char[ELEMENT_DIGITS] digits
    cdef char[NUM_LONG_DOUBLE_MAX] text
    cdef long double v = 0, by
    cdef OpenHash h
    cdef HashSpot at
    cdef HashFound found
    cdef Element value
    cdef Slice s
    cdef Status st
    if not num_parse_long_double(c.argv[3].ptr, c.argv[3].len, &by):
        return ERR_NOT_FLOAT
    if by - by != 0:
        return fail_with(c, ERR_CUSTOM, b"ERR value is NaN or Infinity")
    st = hash_open(c, True, &h)
    if st != OK:
        return st
    found = _find_to_change(&h, c.argv[2], &at)
    if found == HASH_LIVE:
        value = hash_value(h.e, &at)
        s = element_slice(&value, digits)
        if not num_parse_long_double(s.ptr, s.len, &v):
            return fail_with(c, ERR_CUSTOM, b"ERR hash value is not a float")
    v += by
    if v - v != 0:                      # infinite, or not a number
        return ERR_NAN_OR_INFINITY
    s = slice_of(text, num_format_long_double_human(v, text, NUM_LONG_DOUBLE_MAX))
    hash_put(c.ks, h.e, c.argv[2], found, &at, s, HASH_KEEP)
    key_changed(c, h.key.name, EV_HASH, b"hincrbyfloat", 1)
    _propagate_sum(c, s)
    reply_slice(c.out, s)
    return OK


cdef Status cmd_hdel(Ctx* c) noexcept nogil:
    """HDEL key field [field ...] -> how many fields were removed."""
    cdef OpenHash h
    cdef HashSpot at
    cdef int64_t removed = 0
    cdef int i
    cdef Status st = hash_open(c, True, &h)
    if st != OK:
        return st
    if h.e != NULL:
        for i in range(2, c.argc):
            if hash_find(c.ks, h.e, c.argv[i], &at) != HASH_ABSENT:      # Redis: also one that is over
                hash_remove(c.ks, h.e, &at)
                removed += 1
    if removed:
        key_changed(c, h.key.name, EV_HASH, b"hdel", removed)
        hash_close(&h)
    reply_int(c.out, removed)
    return OK


# ---------------------------------------------------------------- reading fields

cdef inline void _reply_field(OpenHash* h, Slice field) noexcept nogil:
    """The field's value, or null."""
    cdef HashSpot at
    if h.e != NULL and hash_open_find(h, field, &at) == HASH_LIVE:
        reply_hash_value(h, &at)
    else:
        reply_null(h.c.out)


cdef Status cmd_hget(Ctx* c) noexcept nogil:
    """HGET key field -> the field's value, or null."""
    cdef OpenHash h
    cdef Status st = hash_open(c, False, &h)
    if st != OK:
        return st
    _reply_field(&h, c.argv[2])
    if h.lapsed:
        hash_close(&h)
    return OK


cdef Status cmd_hmget(Ctx* c) noexcept nogil:
    """HMGET key field [field ...] -> each field's value, or null."""
    cdef OpenHash h
    cdef int i
    cdef Status st = hash_open(c, False, &h)
    if st != OK:
        return st
    reply_array(c.out, <size_t>(c.argc - 2))
    for i in range(2, c.argc):
        _reply_field(&h, c.argv[i])
    if h.lapsed:
        hash_close(&h)
    return OK


cdef Status cmd_hexists(Ctx* c) noexcept nogil:
    """HEXISTS key field -> 1 or 0."""
    cdef OpenHash h
    cdef HashSpot at
    cdef Status st = hash_open(c, False, &h)
    if st != OK:
        return st
    reply_int(c.out, h.e != NULL and hash_open_find(&h, c.argv[2], &at) == HASH_LIVE)
    if h.lapsed:
        hash_close(&h)
    return OK


cdef Status cmd_hstrlen(Ctx* c) noexcept nogil:
    """HSTRLEN key field -> bytes of the field's value, 0 without one."""
    cdef OpenHash h
    cdef HashSpot at
    cdef Element value
    cdef int64_t length = 0
    cdef Status st = hash_open(c, False, &h)
    if st != OK:
        return st
    if h.e != NULL and hash_open_find(&h, c.argv[2], &at) == HASH_LIVE:
        value = hash_value(h.e, &at)
        length = <int64_t>element_length(&value)
    reply_int(c.out, length)
    if h.lapsed:
        hash_close(&h)
    return OK


cdef Status cmd_hlen(Ctx* c) noexcept nogil:
    """HLEN key -> how many fields there are. Redis: also those that are over and not removed yet."""
    cdef OpenHash h
    cdef Status st = hash_open(c, False, &h)
    if st == OK:
        reply_int(c.out, <int64_t>hash_length(h.e) if h.e != NULL else 0)
    return st


# ---------------------------------------------------------------- all fields

cdef enum Part:
    NAMES = 1
    VALUES = 2


cdef Status _reply_all(Ctx* c, int parts) noexcept nogil:
    cdef OpenHash h
    cdef HashIter it
    cdef Element field, value
    cdef size_t n = 0
    cdef Status st = hash_open(c, False, &h)
    if st != OK:
        return st
    if h.e != NULL:
        n = hash_count_live(h.e, c.ks.due_ms)
    if parts == NAMES | VALUES:
        reply_map(c.out, n)
    else:
        reply_array(c.out, n)
    if n == 0:
        return OK
    hash_iter(h.e, c.ks.due_ms, &it)
    while hash_next(&it, &field, &value):
        if parts & NAMES:
            reply_element(c.out, &field)
        if parts & VALUES:
            reply_element(c.out, &value)
    return OK


cdef Status cmd_hgetall(Ctx* c) noexcept nogil:
    """HGETALL key -> all fields with their values."""
    return _reply_all(c, NAMES | VALUES)


cdef Status cmd_hkeys(Ctx* c) noexcept nogil:
    """HKEYS key -> the names of all fields."""
    return _reply_all(c, NAMES)


cdef Status cmd_hvals(Ctx* c) noexcept nogil:
    """HVALS key -> the values of all fields."""
    return _reply_all(c, VALUES)


# ---------------------------------------------------------------- HSCAN

cdef struct FieldScan:
    const Entry* e
    int64_t now_ms
    ScanOptions options


cdef bint _keep_field(void* arg, void* f) noexcept nogil:
    cdef FieldScan* scan = <FieldScan*>arg
    return (not hash_field_is_over(scan.e, <const HashField*>f, scan.now_ms)
            and scan_matches(&scan.options, field_name(<const HashField*>f)))


cdef void _scan_table(Ctx* c, const Dict* d, uint64_t cursor, FieldScan* scan) noexcept nogil:
    cdef ScanFound found
    cdef size_t i
    cdef int width = 1 if scan.options.no_values else 2
    found.mem = c.ks.mem
    found.list = NULL
    found.count = found.capacity = 0
    cursor = scan_dict(d, cursor, scan.options.count, &found, _keep_field, scan)
    scan_reply(c, cursor, found.count * width)
    for i in range(found.count):
        reply_slice(c.out, field_name(<const HashField*>found.list[i]))
        if width == 2:
            reply_slice(c.out, field_value(<const HashField*>found.list[i]))
    scan_done(&found)


cdef void _scan_packed(Ctx* c, FieldScan* scan) noexcept nogil:
    """All fields at once: a listpack has no place to go on from."""
    cdef char[ELEMENT_DIGITS] digits
    cdef HashIter it
    cdef Element field, value
    cdef Deferred header
    cdef size_t n = 0
    reply_array(c.out, 2)
    reply_bulk(c.out, b"0", 1)
    header = reply_begin(c.out, c'*')
    hash_iter(scan.e, scan.now_ms, &it)
    while hash_next(&it, &field, &value):
        if not scan_matches(&scan.options, element_slice(&field, digits)):
            continue
        reply_element(c.out, &field)
        n += 1
        if not scan.options.no_values:
            reply_element(c.out, &value)
            n += 1
    reply_end(c.out, header, n)


cdef Status cmd_hscan(Ctx* c) noexcept nogil:
    """HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES] -> [next cursor, 0 at the end; fields and values]."""
    cdef FieldScan scan
    cdef OpenHash h
    cdef uint64_t cursor = 0
    cdef Status st = scan_cursor(c, 2, &cursor)
    if st == OK:
        st = hash_open(c, False, &h)
    if st == OK and h.e == NULL:
        scan_reply(c, 0, 0)              # Redis: the options are not even read
        return OK
    if st == OK:
        st = scan_options(c, 3, SCAN_NOVALUES, &scan.options)
    if st != OK:
        return st
    scan.e = h.e
    scan.now_ms = c.ks.due_ms
    if hash_dict(h.e) != NULL:
        _scan_table(c, hash_dict(h.e), cursor, &scan)
    else:
        _scan_packed(c, &scan)
    return OK


# ---------------------------------------------------------------- HRANDFIELD

cdef struct Picking:
    const Entry* e
    HashIter walk
    Ctx* c
    bint values


cdef void _pick_random(void* arg, Rand* rand, Element* field, Element* value) noexcept nogil:
    hash_random((<Picking*>arg).e, rand, field, value)


cdef bint _pick_next(void* arg, Element* field, Element* value) noexcept nogil:
    return hash_next(&(<Picking*>arg).walk, field, value)


cdef void _picked(void* arg, const Element* field, const Element* value) noexcept nogil:
    cdef Picking* p = <Picking*>arg
    if p.values and p.c.out.proto == 3:
        reply_array(p.c.out, 2)
    reply_element(p.c.out, field)
    if p.values:
        reply_element(p.c.out, value)


cdef void _pick(Ctx* c, const Entry* e, int64_t count, bint values) noexcept nogil:
    """As many different fields, or with a negative count as many draws. What is over is left out."""
    cdef Picking picking
    cdef Picker picker
    cdef int64_t width = 2 if values and c.out.proto == 2 else 1
    picking.e = e
    picking.c = c
    picking.values = values
    hash_iter(e, c.ks.due_ms, &picking.walk)
    picker.arg = &picking
    picker.length = hash_count_live(e, c.ks.due_ms)
    picker.next = _pick_next
    picker.random = NULL
    if hash_dict(e) != NULL and picker.length == hash_length(e):
        picker.random = _pick_random
    if picker.length == 0:
        reply_array(c.out, 0)
    elif count < 0:
        reply_array(c.out, -count * width)
        pick_repeated(&picker, c.ks.mem, &c.ks.rand, -count, _picked, &picking)
    else:
        count = min(count, <int64_t>picker.length)
        reply_array(c.out, count * width)
        pick_distinct(&picker, c.ks.mem, &c.ks.rand, count, _picked, &picking)


cdef void _pick_one(Ctx* c, const Entry* e) noexcept nogil:
    cdef Element field, value
    cdef HashIter it
    if hash_count_live(e, c.ks.due_ms) == hash_length(e):
        hash_random(e, &c.ks.rand, &field, &value)
        reply_element(c.out, &field)
        return
    hash_iter(e, c.ks.due_ms, &it)       # while nothing may be removed, the first that lives will do
    if hash_next(&it, &field, &value):
        reply_element(c.out, &field)
    else:
        reply_null(c.out)


cdef Status _parse_pick(Ctx* c, int64_t* count, bint* values) noexcept nogil:
    cdef Status st = arg_i64(c, 2, count)
    if st != OK:
        return st
    if count[0] < -INT64_MAX:
        return fail_with(c, ERR_CUSTOM, b"ERR value is out of range, value must between "
                                        b"-9223372036854775807 and 9223372036854775807")
    values[0] = c.argc == 4 and arg_is(c, 3, b"WITHVALUES", 10)
    if c.argc > 4 or c.argc == 4 and not values[0]:
        return ERR_SYNTAX
    return ERR_OUT_OF_RANGE if values[0] and not -INT64_MAX // 2 <= count[0] <= INT64_MAX // 2 else OK


cdef Status cmd_hrandfield(Ctx* c) noexcept nogil:
    """HRANDFIELD key [count [WITHVALUES]] -> a field, or null; with a count, an array of as many different ones, or
    all; with a negative count, of exactly as many, each drawn from all."""
    cdef OpenHash h
    cdef int64_t count = 0
    cdef bint values = False
    cdef Status st = _parse_pick(c, &count, &values) if c.argc > 2 else OK
    if st == OK:
        st = hash_open(c, False, &h)
    if st != OK:
        return st
    if h.e != NULL and not c.ks.keep_expired and field_expire(c.ks, c.db, h.key, h.e, <size_t>-1):
        hash_close(&h)
    if c.argc == 2:
        if h.e != NULL:
            _pick_one(c, h.e)
        else:
            reply_null(c.out)
    elif h.e == NULL or count == 0:
        reply_array(c.out, 0)
    else:
        _pick(c, h.e, count, values)
    return OK


cdef void bind_hashes(Table* t) noexcept nogil:
    table_bind(t, b"HDEL", cmd_hdel)
    table_bind(t, b"HEXISTS", cmd_hexists)
    table_bind(t, b"HGET", cmd_hget)
    table_bind(t, b"HGETALL", cmd_hgetall)
    table_bind(t, b"HINCRBY", cmd_hincrby)
    table_bind(t, b"HINCRBYFLOAT", cmd_hincrbyfloat)
    table_bind(t, b"HKEYS", cmd_hkeys)
    table_bind(t, b"HLEN", cmd_hlen)
    table_bind(t, b"HMGET", cmd_hmget)
    table_bind(t, b"HMSET", cmd_hmset)
    table_bind(t, b"HRANDFIELD", cmd_hrandfield)
    table_bind(t, b"HSCAN", cmd_hscan)
    table_bind(t, b"HSET", cmd_hset)
    table_bind(t, b"HSETNX", cmd_hsetnx)
    table_bind(t, b"HSTRLEN", cmd_hstrlen)
    table_bind(t, b"HVALS", cmd_hvals)
