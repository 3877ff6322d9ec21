"""load_hash -- hashes out of an RDB.

    type   who writes it                    what follows the type
    4      all, without expiries            n | field | value | ...
    9      before Redis 2.6                 a zipmap
    13     before Redis 7.0                 a ziplist: field, value ...
    16     all                              a listpack: field, value ...
    22     Redis 7.4 before its release     n | expiry | field | value | ...              0 or ms, as a length
    22     Valkey 9 (version 80)            n | field | value | expiry | ...              -1 or ms, i64
    23     Redis 7.4 before its release     a listpack: field, value, expiry ...
    24     Redis                            earliest i64 | n | expiry | field | value | ...      0, or 1 + ms - earliest
    25     Redis                            earliest i64 | a listpack: field, value, expiry ...

The triples of a listpack ascend by expiry, those that last (0) at the end. A field whose time has passed is loaded as
it is, as in Redis: whoever meets it, or the active cycle, removes it, and tells of it.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t

from _pyredis.base.slice cimport Slice
from _pyredis.db.hash_type cimport (HASH_ABSENT, HASH_LASTS, HashSpot, hash_find, hash_of_listpack, hash_put,
                                    hash_reserve, hash_settled, hash_widen)
from _pyredis.db.keyspace cimport keyspace_release
from _pyredis.ds.element cimport Element
from _pyredis.ds.listpack cimport (listpack_first, listpack_free, listpack_get, listpack_new,
                                   listpack_next)
from _pyredis.rdb.format cimport (RDB_HASH_LISTPACK, RDB_HASH_LISTPACK_EX, RDB_HASH_METADATA,
                                  RDB_HASH_ZIPMAP, RDB_VERSION_VALKEY)
from _pyredis.rdb.load_steps cimport load_checked, load_empty, load_fail, load_listpack, load_ziplist
from _pyredis.rdb.source cimport source_count, source_expect, source_i64, source_ok, source_string
from _pyredis.rdb.ziplist cimport zipmap_import

cdef enum ExpiryForm:              # where the expiry of a field stands, and how
    EXPIRY_NONE = 0
    EXPIRY_ABSOLUTE                # before the field, a length
    EXPIRY_RELATIVE
    EXPIRY_BEHIND                  # behind the value, an i64

cdef enum:
    EXPIRY_MAX = 0xfffffffffffe    # Redis: 48 bits, of which two values mean something else


# ---------------------------------------------------------------- field by field

cdef int64_t _expiry(Load* l, ExpiryForm form, uint64_t earliest) noexcept nogil:
    """The expiry that is written here, in ms, or HASH_LASTS."""
    cdef uint64_t at
    cdef int64_t ms
    if form == EXPIRY_BEHIND:
        ms = source_i64(l.source)
        if ms < -1:
            load_fail(l, b"a field has an expiry that cannot be")
        if ms == 0:
            return 1                             # over since 1970, as 0 would be; ours means that it lasts
        return HASH_LASTS if ms < 0 else min(ms, <int64_t>EXPIRY_MAX)
    at = source_count(l.source)
    if form == EXPIRY_RELATIVE and at:
        at = earliest + at - 1 if at <= <uint64_t>EXPIRY_MAX else at
    if at > <uint64_t>EXPIRY_MAX:
        load_fail(l, b"a field has an expiry that cannot be")
        return HASH_LASTS
    return <int64_t>at


cdef bint _add_field(Load* l, Entry* e, ExpiryForm form, uint64_t earliest) noexcept nogil:
    """Reads a field and what belongs to it into the hash."""
    cdef int64_t expiry = HASH_LASTS
    cdef HashSpot at
    cdef Slice[2] words
    if form == EXPIRY_ABSOLUTE or form == EXPIRY_RELATIVE:
        expiry = _expiry(l, form, earliest)
    if not source_string(l.source, &l.first) or not source_string(l.source, &l.second):
        return False
    if form == EXPIRY_BEHIND:
        expiry = _expiry(l, form, earliest)
    words[0] = l.first.text
    words[1] = l.second.text
    hash_reserve(l.ks, e, words, 2)
    if hash_find(l.ks, e, words[0], &at) != HASH_ABSENT:
        load_fail(l, b"a field is there twice")
    if not source_ok(l.source):
        return False
    hash_put(l.ks, e, words[0], HASH_ABSENT, &at, words[1], expiry)
    return True


cdef Entry* _by_field(Load* l, Slice name, ExpiryForm form, uint64_t earliest) noexcept nogil:
    cdef uint64_t left = source_count(l.source)
    cdef Entry* e
    if left == 0 or not source_ok(l.source):
        return load_empty(l)
    e = hash_of_listpack(l.ks, name, listpack_new(l.ks.mem), form != EXPIRY_NONE)
    if left > l.ks.limits.hash_max_listpack_entries:
        hash_widen(l.ks, e, source_expect(l.source, left))
    while left and _add_field(l, e, form, earliest):
        left -= 1
    if source_ok(l.source):
        return hash_settled(e)
    keyspace_release(l.ks, e)
    return NULL


cdef Entry* load_hash(Load* l, int type, Slice name) noexcept nogil:
    return _by_field(l, name, EXPIRY_NONE, 0)


cdef uint64_t _earliest(Load* l) noexcept nogil:
    """The earliest expiry, which stands before all fields."""
    cdef uint64_t at = <uint64_t>source_i64(l.source)
    if at > <uint64_t>EXPIRY_MAX + 1:
        load_fail(l, b"a hash has an expiry that cannot be")
    return at


cdef Entry* load_hash_timed(Load* l, int type, Slice name) noexcept nogil:
    if type == RDB_HASH_METADATA:
        return _by_field(l, name, EXPIRY_RELATIVE, _earliest(l))
    return _by_field(l, name, EXPIRY_BEHIND if l.version >= RDB_VERSION_VALKEY else EXPIRY_ABSOLUTE, 0)


# ---------------------------------------------------------------- in one piece

cdef Entry* load_hash_packed(Load* l, int type, Slice name) noexcept nogil:
    cdef size_t longest = 0
    cdef uint8_t* lp
    cdef Entry* e
    if type == RDB_HASH_LISTPACK:
        lp = load_listpack(l, 2)
    elif type != RDB_HASH_ZIPMAP:
        lp = load_ziplist(l, 2)
    elif source_string(l.source, &l.first):
        lp = load_checked(l, zipmap_import(l.ks.mem, l.first.text, &longest), 2)
    else:
        lp = NULL
    if lp == NULL:
        return NULL
    e = hash_of_listpack(l.ks, name, lp, False)
    if longest > l.ks.limits.hash_max_listpack_value:        # Redis: asked of zipmaps alone
        hash_widen(l.ks, e, 0)
    return e


cdef bint _ascends(const uint8_t* lp) noexcept nogil:
    """Are the expiries of a listpack of triples in order, and what expiries may be?"""
    cdef const uint8_t* p = listpack_first(lp)
    cdef int64_t before = 1
    cdef Element expiry
    while p != NULL:
        p = listpack_next(lp, listpack_next(lp, p))
        expiry = listpack_get(p)
        if expiry.ptr != NULL or expiry.number < 0 or expiry.number > EXPIRY_MAX:
            return False
        if expiry.number != HASH_LASTS and (before == HASH_LASTS or expiry.number < before):
            return False
        before = expiry.number
        p = listpack_next(lp, p)
    return True


cdef Entry* load_hash_triples(Load* l, int type, Slice name) noexcept nogil:
    cdef uint8_t* lp
    if type == RDB_HASH_LISTPACK_EX:
        _earliest(l)
    lp = load_listpack(l, 3)
    if lp == NULL:
        return NULL
    if _ascends(lp):
        return hash_of_listpack(l.ks, name, lp, True)
    listpack_free(l.ks.mem, lp)
    return load_fail(l, b"the expiries of a hash are not in order")
