"""field_expiry -- when the fields of a hash end: HEXPIRE and its kin, HTTL and its kin, HPERSIST, and HGETEX, HSETEX,
HGETDEL, which do something else besides.

All name their fields as FIELDS count field ...; the answer has an element for each. A field keeps the Unix time in
milliseconds at which it ends, at most 2^46 - 1. What replicas and the AOF get:

    HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT     HPEXPIREAT with the fields that were set, the condition kept
    HGETEX with a time                           HPEXPIREAT with all fields as named
    HGETEX PERSIST                               HPERSIST likewise
    HSETEX with a time                           the request with its time as PXAT
    HGETDEL                                      HDEL with all fields as named
    any of these with a time that is past        HDEL, one for each field removed

HEXPIRE takes a field that is over and still there as present; so it may live again. The others remove it as they
meet it (cmd/hash_open), but for HTTL and HPERSIST, which only call it absent.
"""
from libc.limits cimport INT_MAX
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64, num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_INVALID_EXPIRE, ERR_SYNTAX, ERR_WRONG_ARITY, OK, Status
from _pyredis.cmd.ctx cimport Ctx, arg_i64, arg_is, fail_with, key_changed, propagate_instead
from _pyredis.cmd.hash_open cimport (OpenHash, hash_close, hash_open, hash_open_find, hash_open_make, propagate_hdel,
                                     reply_hash_value)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_HASH
from _pyredis.db.hash_type cimport (HASH_ABSENT, HASH_KEEP, HASH_LASTS, HASH_LIVE, HashSpot, hash_allow_expiry,
                                    hash_expiry, hash_find, hash_remove, hash_reserve, hash_set, hash_set_expiry)
from _pyredis.wire.reply cimport reply_array, reply_int, reply_null

cdef extern from "<stdio.h>" nogil:
    int snprintf(char* s, size_t n, const char* format, ...)

cdef enum Answer:                  # of HEXPIRE, HTTL, HPERSIST for a field
    FIELD_MISSING = -2
    FIELD_LASTS = -1
    NOT_SET = 0
    WAS_SET = 1
    WAS_REMOVED = 2

cdef enum Condition:
    IF_ALWAYS = 0
    IF_LASTS                       # NX
    IF_TIMED                       # XX
    IF_LATER                       # GT; no expiry counts as never
    IF_EARLIER                     # LT

cdef struct Fields:                # FIELDS count field [field ...], up to the end of the request
    int first                      # of the names
    int count


# ---------------------------------------------------------------- arguments

cdef Status _parse_fields(Ctx* c, int i, const char* no_count, Fields* f) noexcept nogil:
    """FIELDS at argv[i], and all behind it. `no_count`: the error for a count that is none."""
    cdef int64_t count
    if not arg_is(c, i, b"FIELDS", 6):
        return fail_with(c, ERR_CUSTOM, b"ERR Mandatory argument FIELDS is missing or not at the right position")
    if not num_parse_i64(c.argv[i + 1].ptr, c.argv[i + 1].len, &count) or count < 1:
        return fail_with(c, ERR_CUSTOM, no_count)
    f.first = i + 2
    f.count = c.argc - f.first
    if count != f.count:
        return fail_with(c, ERR_CUSTOM, b"ERR The `numfields` parameter must match the number of arguments")
    return OK


cdef inline const char* _not_positive() noexcept nogil:
    return b"ERR Number of fields must be a positive integer"


cdef inline int64_t _latest_ms() noexcept nogil:
    """The latest expiry of a field, as in Redis."""
    return (<int64_t>1 << 46) - 1


cdef Status _parse_time(Ctx* c, int i, int64_t unit_ms, int64_t base_ms, int64_t* at_ms) noexcept nogil:
    """argv[i], in units of `unit_ms` after `base_ms`, as Unix time in ms."""
    cdef int64_t v
    cdef Status st = arg_i64(c, i, &v)
    if st != OK:
        return st
    if v < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR invalid expire time, must be >= 0")
    if v > _latest_ms() // unit_ms or v * unit_ms > _latest_ms() - base_ms:
        return ERR_INVALID_EXPIRE
    at_ms[0] = v * unit_ms + base_ms
    return OK


cdef bint _time_option(Ctx* c, int i, int64_t* unit_ms, int64_t* base_ms) noexcept nogil:
    """Is argv[i] EX, PX, EXAT or PXAT? What its number means."""
    base_ms[0] = c.ks.now_ms
    unit_ms[0] = 1000
    if arg_is(c, i, b"EX", 2):
        return True
    if arg_is(c, i, b"PX", 2):
        unit_ms[0] = 1
        return True
    base_ms[0] = 0
    if arg_is(c, i, b"EXAT", 4):
        return True
    unit_ms[0] = 1
    return arg_is(c, i, b"PXAT", 4)


cdef Condition _condition(Ctx* c, int i) noexcept nogil:
    if arg_is(c, i, b"NX", 2): return IF_LASTS
    if arg_is(c, i, b"XX", 2): return IF_TIMED
    if arg_is(c, i, b"GT", 2): return IF_LATER
    if arg_is(c, i, b"LT", 2): return IF_EARLIER
    return IF_ALWAYS


cdef bint _holds(Condition condition, int64_t present, int64_t at_ms) noexcept nogil:
    if condition == IF_LASTS:
        return present == HASH_LASTS
    if condition == IF_TIMED:
        return present != HASH_LASTS
    if condition == IF_LATER:
        return present != HASH_LASTS and at_ms > present
    if condition == IF_EARLIER:
        return present == HASH_LASTS or at_ms < present
    return True


cdef Status _reply_each(Ctx* c, int count, int answer) noexcept nogil:
    """The same answer for each field of a hash that is not there."""
    cdef int i
    reply_array(c.out, count)
    for i in range(count):
        reply_int(c.out, answer)
    return OK


# ---------------------------------------------------------------- HEXPIRE and its kin

cdef Status _parse_expire(Ctx* c, int64_t unit_ms, int64_t base_ms, int64_t* at_ms, Condition* condition,
                          Fields* f) noexcept nogil:
    cdef Status st = _parse_time(c, 2, unit_ms, base_ms, at_ms)
    if st != OK:
        return st
    condition[0] = _condition(c, 3)
    return _parse_fields(c, 3 if condition[0] == IF_ALWAYS else 4,
                         b"ERR Parameter `numFields` should be greater than 0", f)


cdef Answer _expire_field(OpenHash* h, Slice field, Condition condition, int64_t at_ms) noexcept nogil:
    cdef HashSpot at
    if hash_find(h.c.ks, h.e, field, &at) == HASH_ABSENT:
        return FIELD_MISSING
    if not _holds(condition, hash_expiry(h.e, &at), at_ms):
        return NOT_SET
    if at_ms <= h.c.ks.due_ms:
        hash_remove(h.c.ks, h.e, &at)
        propagate_hdel(h.c, h.key.name, field, True)
        return WAS_REMOVED
    hash_set_expiry(h.c.ks, h.e, &at, at_ms)
    return WAS_SET


cdef void _expire_fields(OpenHash* h, const Fields* f, Condition condition, int64_t at_ms) noexcept nogil:
    """Does it, replies, and says what was changed."""
    cdef Ctx* c = h.c
    cdef Slice* words = <Slice*>mem_alloc(c.ks.mem, c.argc * sizeof(Slice))
    cdef char[NUM_I64_MAX] digits, count
    cdef int head = f.first, i, changed = 0           # of the words before the fields
    cdef Answer answer
    reply_array(c.out, f.count)
    for i in range(f.first, c.argc):
        answer = _expire_field(h, c.argv[i], condition, at_ms)
        if answer > NOT_SET:
            words[head + changed] = c.argv[i]
            changed += 1
        reply_int(c.out, answer)
    if changed and at_ms > c.ks.due_ms:
        memcpy(words, c.argv, head * sizeof(Slice))
        words[0] = slice_of(b"HPEXPIREAT", 10)
        words[2] = slice_of(digits, num_format_i64(at_ms, digits))
        words[head - 1] = slice_of(count, num_format_i64(changed, count))
        propagate_instead(c, head + changed, words)
        key_changed(c, h.key.name, EV_HASH, b"hexpire", changed)
    elif changed:
        key_changed(c, h.key.name, EV_HASH, b"hdel", changed)
    mem_free(c.ks.mem, words, c.argc * sizeof(Slice))


cdef Status _expire(Ctx* c, int64_t unit_ms, int64_t base_ms) noexcept nogil:
    cdef OpenHash h
    cdef Fields f
    cdef Condition condition = IF_ALWAYS
    cdef int64_t at_ms = 0
    cdef Status st = hash_open(c, True, &h)
    if st == OK:
        st = _parse_expire(c, unit_ms, base_ms, &at_ms, &condition, &f)
    if st != OK:
        return st
    if h.e == NULL:
        return _reply_each(c, f.count, FIELD_MISSING)
    hash_allow_expiry(c.ks, h.e)
    _expire_fields(&h, &f, condition, at_ms)
    hash_close(&h)
    return OK


cdef Status cmd_hexpire(Ctx* c) noexcept nogil:
    """HEXPIRE key seconds [NX | XX | GT | LT] FIELDS count field [field ...]
    -> for each field 1: set, 2: the time is past and it is removed, 0: the condition does not hold, -2: missing."""
    return _expire(c, 1000, c.ks.now_ms)


cdef Status cmd_hpexpire(Ctx* c) noexcept nogil:
    """HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS count field [field ...] -> as HEXPIRE."""
    return _expire(c, 1, c.ks.now_ms)


cdef Status cmd_hexpireat(Ctx* c) noexcept nogil:
    """HEXPIREAT key unix-seconds [NX | XX | GT | LT] FIELDS count field [field ...] -> as HEXPIRE."""
    return _expire(c, 1000, 0)


cdef Status cmd_hpexpireat(Ctx* c) noexcept nogil:
    """HPEXPIREAT key unix-milliseconds [NX | XX | GT | LT] FIELDS count field [field ...] -> as HEXPIRE."""
    return _expire(c, 1, 0)


# ---------------------------------------------------------------- asking

cdef Status _tell(Ctx* c, int64_t since_ms, int64_t unit_ms) noexcept nogil:
    """Each field's expiry in units of `unit_ms` after `since_ms`, rounded up; -1: it has none; -2: no such field."""
    cdef OpenHash h
    cdef Fields f
    cdef HashSpot at
    cdef int64_t expiry
    cdef int i
    cdef Status st = hash_open(c, False, &h)
    if st == OK:
        st = _parse_fields(c, 2, _not_positive(), &f)
    if st != OK:
        return st
    if h.e == NULL:
        return _reply_each(c, f.count, FIELD_MISSING)
    reply_array(c.out, f.count)
    for i in range(f.first, c.argc):
        if hash_find(c.ks, h.e, c.argv[i], &at) != HASH_LIVE:
            reply_int(c.out, FIELD_MISSING)
            continue
        expiry = hash_expiry(h.e, &at)
        reply_int(c.out, FIELD_LASTS if expiry == HASH_LASTS else (expiry - since_ms + unit_ms - 1) // unit_ms)
    return OK


cdef Status cmd_httl(Ctx* c) noexcept nogil:
    """HTTL key FIELDS count field [field ...] -> seconds that each field has left."""
    return _tell(c, c.ks.now_ms, 1000)


cdef Status cmd_hpttl(Ctx* c) noexcept nogil:
    """HPTTL key FIELDS count field [field ...] -> milliseconds that each field has left."""
    return _tell(c, c.ks.now_ms, 1)


cdef Status cmd_hexpiretime(Ctx* c) noexcept nogil:
    """HEXPIRETIME key FIELDS count field [field ...] -> Unix time in seconds at which each field ends."""
    return _tell(c, 0, 1000)


cdef Status cmd_hpexpiretime(Ctx* c) noexcept nogil:
    """HPEXPIRETIME key FIELDS count field [field ...] -> Unix time in milliseconds at which each field ends."""
    return _tell(c, 0, 1)


# ---------------------------------------------------------------- HPERSIST

cdef Answer _persist_field(OpenHash* h, Slice field) noexcept nogil:
    cdef HashSpot at
    if hash_find(h.c.ks, h.e, field, &at) != HASH_LIVE:
        return FIELD_MISSING
    if hash_expiry(h.e, &at) == HASH_LASTS:
        return FIELD_LASTS
    hash_set_expiry(h.c.ks, h.e, &at, HASH_LASTS)
    return WAS_SET


cdef Status cmd_hpersist(Ctx* c) noexcept nogil:
    """HPERSIST key FIELDS count field [field ...]
    -> for each field 1: its expiry is gone, -1: it had none, -2: there is no such field."""
    cdef OpenHash h
    cdef Fields f
    cdef Answer answer
    cdef bint changed = False
    cdef int i
    cdef Status st = hash_open(c, True, &h)
    if st == OK:
        st = _parse_fields(c, 2, _not_positive(), &f)
    if st != OK:
        return st
    if h.e == NULL:
        return _reply_each(c, f.count, FIELD_MISSING)
    reply_array(c.out, f.count)
    for i in range(f.first, c.argc):
        answer = _persist_field(&h, c.argv[i])
        changed |= answer == WAS_SET
        reply_int(c.out, answer)
    if changed:
        key_changed(c, h.key.name, EV_HASH, b"hpersist", 1)       # Redis: one change, however many fields
        hash_close(&h)
    return OK


# ---------------------------------------------------------------- HGETDEL

cdef void _propagate_fields(Ctx* c, Slice* words, int head, const Fields* f) noexcept nogil:
    """`head` words, which `words` begins with and has room behind, and then all fields as named."""
    memcpy(words + head, c.argv + f.first, f.count * sizeof(Slice))
    propagate_instead(c, head + f.count, words)


cdef Status cmd_hgetdel(Ctx* c) noexcept nogil:
    """HGETDEL key FIELDS count field [field ...] -> each field's value, or null; the fields are gone."""
    cdef OpenHash h
    cdef Fields f
    cdef HashSpot at
    cdef Slice* words
    cdef int64_t removed = 0
    cdef int i
    cdef Status st = hash_open(c, True, &h)
    if st == OK:
        st = _parse_fields(c, 2, _not_positive(), &f)
    if st != OK:
        return st
    reply_array(c.out, f.count)
    for i in range(f.first, c.argc):
        if h.e == NULL or hash_open_find(&h, c.argv[i], &at) == HASH_ABSENT:
            reply_null(c.out)
            continue
        reply_hash_value(&h, &at)
        hash_remove(c.ks, h.e, &at)
        removed += 1
    if removed:
        words = <Slice*>mem_alloc(c.ks.mem, c.argc * sizeof(Slice))
        words[0] = slice_of(b"HDEL", 4)
        words[1] = h.key.name
        _propagate_fields(c, words, 2, &f)
        mem_free(c.ks.mem, words, c.argc * sizeof(Slice))
        key_changed(c, h.key.name, EV_HASH, b"hdel", removed)
    hash_close(&h)
    return OK


# ---------------------------------------------------------------- HGETEX

cdef enum Get:
    GET_ONLY = 0
    GET_PERSIST
    GET_EXPIRE

cdef Status _parse_getex(Ctx* c, Get* what, int64_t* at_ms, Fields* f) noexcept nogil:
    cdef int64_t unit_ms, base_ms
    cdef int i = 2
    cdef Status st
    what[0] = GET_ONLY
    if _time_option(c, 2, &unit_ms, &base_ms):
        st = _parse_time(c, 3, unit_ms, base_ms, at_ms)
        if st != OK:
            return st
        what[0] = GET_EXPIRE
        i = 4
    elif arg_is(c, 2, b"PERSIST", 7):
        what[0] = GET_PERSIST
        i = 3
    if c.argc < i + 2:
        return ERR_WRONG_ARITY
    return _parse_fields(c, i, _not_positive(), f)


cdef bint _change_field(OpenHash* h, Slice field, HashSpot* at, Get what, int64_t at_ms) noexcept nogil:
    """What HGETEX does with a field that it has read; was anything changed?"""
    if what == GET_ONLY or what == GET_PERSIST and hash_expiry(h.e, at) == HASH_LASTS:
        return False
    if what == GET_PERSIST:
        hash_set_expiry(h.c.ks, h.e, at, HASH_LASTS)
    elif at_ms > h.c.ks.due_ms:
        hash_set_expiry(h.c.ks, h.e, at, at_ms)
    else:
        hash_remove(h.c.ks, h.e, at)
        propagate_hdel(h.c, h.key.name, field, True)
    return True


cdef void _tell_getex(OpenHash* h, const Fields* f, Get what, int64_t at_ms, int64_t changed) noexcept nogil:
    """Event and propagation of an HGETEX that changed something."""
    cdef Ctx* c = h.c
    cdef char[NUM_I64_MAX] digits
    cdef Slice* words
    cdef int head = 2
    if what == GET_EXPIRE and at_ms <= c.ks.due_ms:
        key_changed(c, h.key.name, EV_HASH, b"hdel", changed)
        return
    words = <Slice*>mem_alloc(c.ks.mem, c.argc * sizeof(Slice))
    words[1] = h.key.name
    if what == GET_PERSIST:
        words[0] = slice_of(b"HPERSIST", 8)
        key_changed(c, h.key.name, EV_HASH, b"hpersist", changed)
    else:
        words[0] = slice_of(b"HPEXPIREAT", 10)
        words[2] = slice_of(digits, num_format_i64(at_ms, digits))
        head = 3
        key_changed(c, h.key.name, EV_HASH, b"hexpire", changed)
    words[head] = slice_of(b"FIELDS", 6)
    words[head + 1] = c.argv[f.first - 1]
    _propagate_fields(c, words, head + 2, f)
    mem_free(c.ks.mem, words, c.argc * sizeof(Slice))


cdef Status cmd_hgetex(Ctx* c) noexcept nogil:
    """HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS count field [field ...]
    -> each field's value, or null; their expiry is changed."""
    cdef OpenHash h
    cdef Fields f
    cdef HashSpot at
    cdef Get what = GET_ONLY
    cdef int64_t at_ms = 0, changed = 0
    cdef int i
    cdef Status st = hash_open(c, True, &h)
    if st == OK:
        st = _parse_getex(c, &what, &at_ms, &f)
    if st != OK:
        return st
    if h.e != NULL and what != GET_ONLY:
        hash_allow_expiry(c.ks, h.e)
    reply_array(c.out, f.count)
    for i in range(f.first, c.argc):
        if h.e == NULL or hash_open_find(&h, c.argv[i], &at) == HASH_ABSENT:
            reply_null(c.out)
            continue
        reply_hash_value(&h, &at)
        changed += _change_field(&h, c.argv[i], &at, what, at_ms)
    if changed:
        _tell_getex(&h, &f, what, at_ms, changed)
    hash_close(&h)
    return OK


# ---------------------------------------------------------------- HSETEX

cdef enum SetIf:
    SET_ALWAYS = 0
    SET_IF_NONE                    # FNX: none of the fields exists; NX: nor does the key
    SET_IF_ALL                     # FXX, XX

cdef struct SetexOptions:
    SetIf condition                # on the fields
    SetIf key_condition            # Valkey
    int key_word_at                # argument with NX or XX; 0: none
    bint keep
    int time_at                    # argument with EX, PX, EXAT or PXAT; 0: none
    int64_t at_ms
    int first                      # of the names and values


cdef Status _unknown_argument(Ctx* c, int i) noexcept nogil:
    snprintf(c.server.detail, sizeof(c.server.detail), b"ERR unknown argument: %.*s",
             <int>(c.argv[i].len if c.argv[i].len < sizeof(c.server.detail) else sizeof(c.server.detail)),
             c.argv[i].ptr)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status _parse_pairs(Ctx* c, int i, SetexOptions* o) noexcept nogil:
    """FIELDS at argv[i], and all behind it."""
    cdef int64_t count
    if i + 3 >= c.argc:                  # at least one field and its value: Redis looks at the count after that
        return ERR_WRONG_ARITY
    if not num_parse_i64(c.argv[i + 1].ptr, c.argv[i + 1].len, &count) or not 1 <= count <= INT_MAX:
        return fail_with(c, ERR_CUSTOM, b"ERR invalid number of fields")
    o.first = i + 2
    return OK if c.argc - o.first == 2 * count else ERR_WRONG_ARITY


cdef Status _parse_life(Ctx* c, int i, bint timed, int64_t unit_ms, int64_t base_ms, SetexOptions* o) noexcept nogil:
    """EX, PX, EXAT, PXAT with its number, or KEEPTTL, at argv[i]."""
    if o.keep or o.time_at:
        return fail_with(c, ERR_CUSTOM, b"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
    if not timed:
        o.keep = True
        return OK
    o.time_at = i
    return _parse_time(c, i + 1, unit_ms, base_ms, &o.at_ms) if i + 1 < c.argc else ERR_WRONG_ARITY


cdef Status _parse_setex_word(Ctx* c, int i, SetexOptions* o) noexcept nogil:
    """A condition at argv[i]."""
    cdef bint none = arg_is(c, i, b"FNX", 3)
    if none or arg_is(c, i, b"FXX", 3):
        if o.condition != SET_ALWAYS:
            return fail_with(c, ERR_CUSTOM, b"ERR Only one of FXX or FNX arguments can be specified")
        o.condition = SET_IF_NONE if none else SET_IF_ALL
        return OK
    none = arg_is(c, i, b"NX", 2)
    if not none and not arg_is(c, i, b"XX", 2):
        return _unknown_argument(c, i)
    if o.key_condition != SET_ALWAYS:
        return ERR_SYNTAX
    o.key_condition = SET_IF_NONE if none else SET_IF_ALL
    o.key_word_at = i
    return OK


cdef Status _parse_setex(Ctx* c, SetexOptions* o) noexcept nogil:
    cdef int64_t unit_ms, base_ms
    cdef int i = 2
    cdef bint timed
    cdef Status st
    o.condition = o.key_condition = SET_ALWAYS
    o.key_word_at = 0
    o.keep = False
    o.time_at = 0
    o.at_ms = 0
    o.first = 0
    while i < c.argc:
        if arg_is(c, i, b"FIELDS", 6):
            return _parse_pairs(c, i, o)
        timed = _time_option(c, i, &unit_ms, &base_ms)
        if timed or arg_is(c, i, b"KEEPTTL", 7):
            st = _parse_life(c, i, timed, unit_ms, base_ms, o)
            i += timed
        else:
            st = _parse_setex_word(c, i, o)
        if st != OK:
            return st
        i += 1
    return ERR_WRONG_ARITY


cdef bint _may_set(OpenHash* h, const SetexOptions* o) noexcept nogil:
    """Does the condition hold for each field? Those that are over are removed up to the first for which it fails."""
    cdef HashSpot at
    cdef int i
    if o.key_condition != SET_ALWAYS and (h.e != NULL) != (o.key_condition == SET_IF_ALL):
        return False
    if o.condition == SET_ALWAYS:
        return True
    if h.e == NULL:
        return o.condition == SET_IF_NONE
    for i in range(o.first, h.c.argc, 2):
        if (hash_open_find(h, h.c.argv[i], &at) == HASH_LIVE) != (o.condition == SET_IF_ALL):
            return False
    return True


cdef void _propagate_setex(Ctx* c, const SetexOptions* o) noexcept nogil:
    """The request, its time as PXAT, without the word that Redis does not know."""
    cdef char[NUM_I64_MAX] digits
    cdef Slice* words = <Slice*>mem_alloc(c.ks.mem, c.argc * sizeof(Slice))
    cdef int n = 0, i
    for i in range(c.argc):
        if o.key_word_at and i == o.key_word_at:
            continue
        words[n] = c.argv[i]
        if o.time_at and i == o.time_at:
            words[n] = slice_of(b"PXAT", 4)
        elif o.time_at and i == o.time_at + 1:
            words[n] = slice_of(digits, num_format_i64(o.at_ms, digits))
        n += 1
    propagate_instead(c, n, words)
    mem_free(c.ks.mem, words, c.argc * sizeof(Slice))


cdef void _set_past(OpenHash* h, const SetexOptions* o) noexcept nogil:
    """Sets fields whose time is over already: they are removed at once."""
    cdef Ctx* c = h.c
    cdef HashSpot at
    cdef int i
    for i in range(o.first, c.argc, 2):
        hash_set(c.ks, h.e, c.argv[i], c.argv[i + 1], HASH_KEEP)
        hash_find(c.ks, h.e, c.argv[i], &at)
        hash_remove(c.ks, h.e, &at)
        propagate_hdel(c, h.key.name, c.argv[i], True)
    key_changed(c, h.key.name, EV_HASH, b"hset", 0)
    key_changed(c, h.key.name, EV_HASH, b"hdel", (c.argc - o.first) // 2)


cdef void _set_fields(OpenHash* h, const SetexOptions* o) noexcept nogil:
    cdef Ctx* c = h.c
    cdef int64_t expiry = HASH_KEEP if o.keep else o.at_ms if o.time_at else HASH_LASTS
    cdef int i
    hash_open_make(h)
    hash_reserve(c.ks, h.e, c.argv + o.first, c.argc - o.first)
    if o.time_at:
        hash_allow_expiry(c.ks, h.e)
        if o.at_ms <= c.ks.due_ms:
            _set_past(h, o)
            return
    for i in range(o.first, c.argc, 2):
        hash_set(c.ks, h.e, c.argv[i], c.argv[i + 1], expiry)
    key_changed(c, h.key.name, EV_HASH, b"hset", (c.argc - o.first) // 2)
    if o.time_at:
        key_changed(c, h.key.name, EV_HASH, b"hexpire", 0)
    if o.time_at or o.key_word_at:
        _propagate_setex(c, o)


cdef Status cmd_hsetex(Ctx* c) noexcept nogil:
    """HSETEX key [NX | XX] [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS count field value ...
    -> 1 if the fields were set, 0 if the condition does not hold for all and none was."""
    cdef OpenHash h
    cdef SetexOptions o
    cdef bint may
    cdef Status st = _parse_setex(c, &o)
    if st == OK:
        st = hash_open(c, True, &h)
    if st != OK:
        return st
    may = _may_set(&h, &o)
    if may:
        _set_fields(&h, &o)
    hash_close(&h)
    reply_int(c.out, may)
    return OK


cdef void bind_field_expiry(Table* t) noexcept nogil:
    table_bind(t, b"HEXPIRE", cmd_hexpire)
    table_bind(t, b"HPEXPIRE", cmd_hpexpire)
    table_bind(t, b"HEXPIREAT", cmd_hexpireat)
    table_bind(t, b"HPEXPIREAT", cmd_hpexpireat)
    table_bind(t, b"HTTL", cmd_httl)
    table_bind(t, b"HPTTL", cmd_hpttl)
    table_bind(t, b"HEXPIRETIME", cmd_hexpiretime)
    table_bind(t, b"HPEXPIRETIME", cmd_hpexpiretime)
    table_bind(t, b"HPERSIST", cmd_hpersist)
    table_bind(t, b"HGETEX", cmd_hgetex)
    table_bind(t, b"HSETEX", cmd_hsetex)
    table_bind(t, b"HGETDEL", cmd_hgetdel)
