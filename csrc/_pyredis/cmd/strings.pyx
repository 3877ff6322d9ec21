"""strings -- GET, SET, INCR and their kin: a function a command.

Every command looks its key up once and hands the entry it found to string_type, which reuses it. What is
optional is parsed (cmd/set_options) and every refusal made before the first change, so a command that fails
has changed nothing.

What replicas and the AOF get differs from the request where repeating it would give another result later:

    relative expiry (SET EX, SETEX, PSETEX)      SET key value PXAT ms
    SET ... GET                                  the same without GET: nobody reads the reply
    GETSET                                       SET key value
    GETEX                                        PEXPIREAT, PERSIST, or DEL if the time is past
    GETDEL, DELIFEQ                              DEL
    INCRBYFLOAT                                  SET key sum KEEPTTL: sums of floats depend on the machine
    MSETEX                                       the same with its time as PXAT
"""
from libc.limits cimport INT_MAX
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport (NUM_I64_MAX, NUM_LONG_DOUBLE_MAX, num_format_i64,
                                num_format_long_double_human, num_parse_i64, num_parse_long_double)
from _pyredis.base.slice cimport Slice, slice_equal, slice_of
from _pyredis.base.status cimport (ERR_DECR_OVERFLOW, ERR_NAN_OR_INFINITY, ERR_NOT_FLOAT,
                                   ERR_NOT_INTEGER, ERR_NUMKEYS, ERR_OFFSET_RANGE, ERR_OVERFLOW,
                                   ERR_STRING_TOO_LONG, ERR_SYNTAX, ERR_WRONG_ARITY,
                                   ERR_WRONG_TYPE, OK, Status)
from _pyredis.base.mem cimport Arena
from _pyredis.base.text cimport text_equal_nocase
from _pyredis.cmd.ctx cimport (Ctx, arg_i64, key_at, key_changed, lookup_read, lookup_write, open_typed,
                               prefetch_keys, propagate_del, propagate_instead, propagate_pexpireat)
from _pyredis.cmd.lcs cimport cmd_lcs
from _pyredis.cmd.set_options cimport (SET_CONDITION, SET_EX, SET_GET, SET_IFEQ, SET_KEEPTTL, SET_NX,
                                       SET_PERSIST, SET_PX, SET_TIME, SET_XX, SetOptions, expiry_from,
                                       set_options_expiry, set_options_parse)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_STRING
from _pyredis.db.keyspace cimport Key, keyspace_clear_expiry, keyspace_delete, keyspace_set_expiry
from _pyredis.db.string_type cimport (STRING_AS_TEXT, STRING_DIGITS, STRING_DROP_TTL, STRING_KEEP_TTL,
                                      string_get_i64, string_length, string_set, string_set_i64, string_share,
                                      string_view, string_write)
from _pyredis.db.value cimport ENTRY_EXPIRES, T_STRING, Entry, entry_type
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data, bytestr_free
from _pyredis.wire.reply cimport reply_array, reply_bulk, reply_bulk_lent, reply_int, reply_null, reply_ok, reply_slice

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)

cdef enum:
    GROUP = 32                     # keys whose memory is asked for at a time


# ---------------------------------------------------------------- reading

cdef void _give_back(void* mem, void* held) noexcept nogil:
    bytestr_free(<Arena*>mem, <ByteStr*>held)


cdef inline void _reply_string(Ctx* c, const Entry* e) noexcept nogil:
    """The string, or null without an entry. A long one is lent to the reply, not copied."""
    cdef char[STRING_DIGITS] digits
    cdef ByteStr* lent
    if e == NULL:
        reply_null(c.out)
        return
    lent = string_share(e)
    if lent == NULL:
        reply_slice(c.out, string_view(e, digits))
    else:
        reply_bulk_lent(c.out, bytestr_data(lent), lent.length, _give_back, c.server.mem, lent)


cdef inline Status _open_read(Ctx* c, Entry** e) noexcept nogil:
    """The string at argv[1], or NULL; ERR_WRONG_TYPE for another value."""
    e[0] = lookup_read(c, key_at(c, 1))
    return OK if e[0] == NULL or entry_type(e[0]) == T_STRING else ERR_WRONG_TYPE


cdef Status cmd_get(Ctx* c) noexcept nogil:
    """GET key -> the string, or null."""
    cdef Entry* e
    cdef Status st = _open_read(c, &e)
    if LIKELY(st == OK):
        _reply_string(c, e)
    return st


cdef Status cmd_strlen(Ctx* c) noexcept nogil:
    """STRLEN key -> bytes of the string, 0 without one."""
    cdef Entry* e
    cdef Status st = _open_read(c, &e)
    if st == OK:
        reply_int(c.out, <int64_t>string_length(e) if e != NULL else 0)
    return st


cdef Status cmd_getrange(Ctx* c) noexcept nogil:
    """GETRANGE key start end -> the bytes from start to end, both included; negative counts from the end."""
    cdef int64_t start, end, length
    cdef bint empty
    cdef char[STRING_DIGITS] digits
    cdef Entry* e
    cdef Slice s
    cdef Status st = arg_i64(c, 2, &start)
    if st == OK:
        st = arg_i64(c, 3, &end)
    if st == OK:
        st = _open_read(c, &e)
    if st != OK:
        return st
    if e == NULL:
        reply_bulk(c.out, b"", 0)
        return OK
    s = string_view(e, digits)
    length = <int64_t>s.len
    empty = length == 0 or (start < 0 and end < 0 and start > end)
    if start < 0:
        start = start + length if start + length > 0 else 0
    if end < 0:
        end = end + length if end + length > 0 else 0      # Redis: an end before the first byte is that byte
    if end >= length:
        end = length - 1
    if empty or start > end:
        reply_bulk(c.out, b"", 0)
    else:
        reply_bulk(c.out, s.ptr + start, <size_t>(end - start + 1))
    return OK


cdef Status cmd_mget(Ctx* c) noexcept nogil:
    """MGET key [key ...] -> each key's string; null where there is none, or another type."""
    cdef Key[GROUP] keys
    cdef Entry* e
    cdef int at = 1, n, i
    reply_array(c.out, <size_t>(c.argc - 1))
    while at < c.argc:
        n = c.argc - at if c.argc - at < GROUP else GROUP
        prefetch_keys(c, at, 1, n, keys)
        for i in range(n):
            e = lookup_read(c, keys[i])
            _reply_string(c, e if e != NULL and entry_type(e) == T_STRING else NULL)
        at += n
    return OK


# ---------------------------------------------------------------- setting

cdef inline void _store(Ctx* c, Key key, Entry* e, Slice value, int how) noexcept nogil:
    """Sets a key, found as `e`, and says so."""
    string_set(c.ks, c.db, key, e, value, how)
    key_changed(c, key.name, EV_STRING, b"set", 1)


cdef void _store_until(Ctx* c, Key key, Entry* e, Slice value, int64_t at_ms) noexcept nogil:
    """Sets a key that ends at `at_ms`."""
    e = string_set(c.ks, c.db, key, e, value, STRING_KEEP_TTL)      # its place for an expiry is used again
    keyspace_set_expiry(c.ks, c.db, key, e, at_ms)
    key_changed(c, key.name, EV_STRING, b"set", 1)
    key_changed(c, key.name, EV_GENERIC, b"expire", 0)


cdef void _propagate_set_until(Ctx* c, Slice key, Slice value, int64_t at_ms) noexcept nogil:
    cdef char[NUM_I64_MAX] digits
    cdef Slice[5] words
    words[0] = slice_of(b"SET", 3)
    words[1] = key
    words[2] = value
    words[3] = slice_of(b"PXAT", 4)
    words[4] = slice_of(digits, num_format_i64(at_ms, digits))
    propagate_instead(c, 5, words)


cdef void _propagate_set(Ctx* c, Slice key, Slice value, bint keep_ttl) noexcept nogil:
    cdef Slice[4] words
    words[0] = slice_of(b"SET", 3)
    words[1] = key
    words[2] = value
    words[3] = slice_of(b"KEEPTTL", 7)
    propagate_instead(c, 4 if keep_ttl else 3, words)


cdef void _propagate_without_get(Ctx* c, const SetOptions* o) noexcept nogil:
    """The request but for the word GET, which asks for a reply only."""
    cdef Slice* words = <Slice*>mem_alloc(c.ks.mem, c.argc * sizeof(Slice))
    cdef int n = 0, i
    for i in range(c.argc):
        if i < 3 or i == o.match_at or not _is_get(c.argv[i]):
            words[n] = c.argv[i]
            n += 1
    propagate_instead(c, n, words)
    mem_free(c.ks.mem, words, c.argc * sizeof(Slice))


cdef bint _is_get(Slice s) noexcept nogil:
    return text_equal_nocase(s.ptr, s.len, b"GET", 3)


cdef bint _matches(const Entry* e, Slice wanted) noexcept nogil:
    """Is the string of `e` the one wanted?"""
    cdef char[STRING_DIGITS] digits
    return slice_equal(string_view(e, digits), wanted)


cdef bint _may_set(Ctx* c, const Entry* e, const SetOptions* o) noexcept nogil:
    """Does the condition hold?"""
    if o.given & SET_NX:
        return e == NULL
    if o.given & SET_XX:
        return e != NULL
    return e != NULL and _matches(e, c.argv[o.match_at])


cdef Status _set_with_options(Ctx* c) noexcept nogil:
    cdef SetOptions o
    cdef int64_t at_ms = -1
    cdef Entry* e
    cdef Key key = key_at(c, 1)
    cdef Status st = set_options_parse(c, 3, SET_CONDITION | SET_GET | SET_KEEPTTL | SET_TIME, &o)
    if st == OK:
        st = set_options_expiry(c, &o, &at_ms)
    if st != OK:
        return st
    e = lookup_read(c, key) if o.given & SET_GET else lookup_write(c, key)
    if e != NULL and entry_type(e) != T_STRING and o.given & (SET_GET | SET_IFEQ):
        return ERR_WRONG_TYPE
    if o.given & SET_GET:
        _reply_string(c, e)
    if o.given & SET_CONDITION and not _may_set(c, e, &o):
        if not o.given & SET_GET:
            reply_null(c.out)
        return OK
    if o.given & SET_TIME:
        _store_until(c, key, e, c.argv[2], at_ms)
        _propagate_set_until(c, key.name, c.argv[2], at_ms)
    else:
        _store(c, key, e, c.argv[2], STRING_KEEP_TTL if o.given & SET_KEEPTTL else STRING_DROP_TTL)
        if o.given & SET_GET:
            _propagate_without_get(c, &o)
    if not o.given & SET_GET:
        reply_ok(c.out)
    return OK


cdef Status cmd_set(Ctx* c) noexcept nogil:
    """SET key value [NX | XX | IFEQ value] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
    -> OK, or null if the condition does not hold; with GET the string before, or null."""
    cdef Key key
    if c.argc != 3:
        return _set_with_options(c)
    key = key_at(c, 1)
    _store(c, key, lookup_write(c, key), c.argv[2], STRING_DROP_TTL)
    reply_ok(c.out)
    return OK


cdef Status _set_for(Ctx* c, int unit) noexcept nogil:
    cdef int64_t at_ms
    cdef Key key = key_at(c, 1)
    cdef Status st = expiry_from(c, 2, unit, &at_ms)
    if st != OK:
        return st
    _store_until(c, key, lookup_write(c, key), c.argv[3], at_ms)
    _propagate_set_until(c, key.name, c.argv[3], at_ms)
    reply_ok(c.out)
    return OK


cdef Status cmd_setex(Ctx* c) noexcept nogil:
    """SETEX key seconds value -> OK."""
    return _set_for(c, SET_EX)


cdef Status cmd_psetex(Ctx* c) noexcept nogil:
    """PSETEX key milliseconds value -> OK."""
    return _set_for(c, SET_PX)


cdef Status cmd_setnx(Ctx* c) noexcept nogil:
    """SETNX key value -> 1 if it was set, 0 if the key existed."""
    cdef Key key = key_at(c, 1)
    cdef bint absent = lookup_write(c, key) == NULL
    if absent:
        _store(c, key, NULL, c.argv[2], STRING_DROP_TTL)
    reply_int(c.out, absent)
    return OK


cdef Status cmd_getset(Ctx* c) noexcept nogil:
    """GETSET key value -> the string before, or null."""
    cdef Entry* e
    cdef Status st = _open_read(c, &e)
    if st != OK:
        return st
    _reply_string(c, e)
    _store(c, key_at(c, 1), e, c.argv[2], STRING_DROP_TTL)
    _propagate_set(c, c.argv[1], c.argv[2], False)
    return OK


cdef void _remove(Ctx* c, Key key, Entry* e) noexcept nogil:
    keyspace_delete(c.ks, c.db, key, e)
    key_changed(c, key.name, EV_GENERIC, b"del", 1)
    propagate_del(c, key.name)


cdef Status cmd_getdel(Ctx* c) noexcept nogil:
    """GETDEL key -> the string, or null; the key is gone."""
    cdef Entry* e
    cdef Status st = _open_read(c, &e)
    if st != OK:
        return st
    _reply_string(c, e)
    if e != NULL:
        _remove(c, key_at(c, 1), e)
    return OK


cdef Status cmd_delifeq(Ctx* c) noexcept nogil:
    """DELIFEQ key value -> 1 if the key held this string and is gone, else 0."""
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef Status st = open_typed(c, key, T_STRING, True, &e)
    if st != OK:
        return st
    if e == NULL or not _matches(e, c.argv[2]):
        reply_int(c.out, 0)
        return OK
    _remove(c, key, e)
    reply_int(c.out, 1)
    return OK


cdef Status cmd_getex(Ctx* c) noexcept nogil:
    """GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] -> the string, or null; its expiry is changed."""
    cdef SetOptions o
    cdef int64_t at_ms
    cdef Entry* e
    cdef Slice[2] words
    cdef Key key = key_at(c, 1)
    cdef Status st = set_options_parse(c, 2, SET_PERSIST | SET_TIME, &o)
    if st == OK:
        st = _open_read(c, &e)
    if st == OK and e != NULL:          # Redis: without the key the number is not even read
        st = set_options_expiry(c, &o, &at_ms)
    if st != OK:
        return st
    _reply_string(c, e)
    if e == NULL or not o.given:
        return OK
    if o.given & SET_PERSIST:
        if e.flags & ENTRY_EXPIRES:
            keyspace_clear_expiry(c.ks, c.db, key, e)
            key_changed(c, key.name, EV_GENERIC, b"persist", 1)
            words[0] = slice_of(b"PERSIST", 7)
            words[1] = key.name
            propagate_instead(c, 2, words)
    elif at_ms <= c.ks.due_ms:
        _remove(c, key, e)
    else:
        keyspace_set_expiry(c.ks, c.db, key, e, at_ms)
        key_changed(c, key.name, EV_GENERIC, b"expire", 1)
        propagate_pexpireat(c, key.name, at_ms)
    return OK


# ---------------------------------------------------------------- several keys

cdef void _store_pairs(Ctx* c, int first, int pairs, int how, int64_t at_ms) noexcept nogil:
    """Sets key, value, key, value ... from argv[first] on; to end at `at_ms` unless that is -1."""
    cdef Key[GROUP] keys
    cdef Entry* e
    cdef Slice value
    cdef int done = 0, n, i
    while done < pairs:
        n = pairs - done if pairs - done < GROUP else GROUP
        prefetch_keys(c, first + 2 * done, 2, n, keys)
        for i in range(n):
            e = lookup_write(c, keys[i])
            value = c.argv[first + 2 * (done + i) + 1]
            if at_ms >= 0:
                _store_until(c, keys[i], e, value, at_ms)
            else:
                _store(c, keys[i], e, value, how)
        done += n


cdef bint _each_key(Ctx* c, int first, int pairs, bint present) noexcept nogil:
    """Do all keys (every other argument from argv[first] on) exist, or, not `present`, all not?"""
    cdef Key[GROUP] keys
    cdef int done = 0, n, i
    while done < pairs:
        n = pairs - done if pairs - done < GROUP else GROUP
        prefetch_keys(c, first + 2 * done, 2, n, keys)
        for i in range(n):
            if (lookup_write(c, keys[i]) != NULL) != present:
                return False
        done += n
    return True


cdef Status cmd_mset(Ctx* c) noexcept nogil:
    """MSET key value [key value ...] -> OK."""
    if c.argc % 2 == 0:
        return ERR_WRONG_ARITY
    _store_pairs(c, 1, c.argc // 2, STRING_DROP_TTL, -1)
    reply_ok(c.out)
    return OK


cdef Status cmd_msetnx(Ctx* c) noexcept nogil:
    """MSETNX key value [key value ...] -> 1 if all were set, 0 if one existed and none was."""
    cdef bint absent
    if c.argc % 2 == 0:
        return ERR_WRONG_ARITY
    absent = _each_key(c, 1, c.argc // 2, False)
    if absent:
        _store_pairs(c, 1, c.argc // 2, STRING_DROP_TTL, -1)
    reply_int(c.out, absent)
    return OK


cdef void _propagate_msetex(Ctx* c, const SetOptions* o, int64_t at_ms) noexcept nogil:
    """The request, its time as PXAT."""
    cdef char[NUM_I64_MAX] digits
    cdef Slice* words = <Slice*>mem_alloc(c.ks.mem, c.argc * sizeof(Slice))
    memcpy(words, c.argv, c.argc * sizeof(Slice))
    words[o.time_at - 1] = slice_of(b"PXAT", 4)
    words[o.time_at] = slice_of(digits, num_format_i64(at_ms, digits))
    propagate_instead(c, c.argc, words)
    mem_free(c.ks.mem, words, c.argc * sizeof(Slice))


cdef Status cmd_msetex(Ctx* c) noexcept nogil:
    """MSETEX numkeys key value [key value ...] [NX | XX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
    -> 1 if all were set, 0 if the condition did not hold for all and none was."""
    cdef SetOptions o
    cdef int64_t pairs, at_ms
    cdef Status st
    if not num_parse_i64(c.argv[1].ptr, c.argv[1].len, &pairs) or not 1 <= pairs <= INT_MAX:
        return ERR_NUMKEYS
    if pairs > (c.argc - 2) // 2:
        return ERR_SYNTAX
    st = set_options_parse(c, 2 + 2 * <int>pairs, SET_NX | SET_XX | SET_KEEPTTL | SET_TIME, &o)
    if st == OK:
        st = set_options_expiry(c, &o, &at_ms)
    if st != OK:
        return st
    if o.given & SET_CONDITION and not _each_key(c, 2, <int>pairs, o.given & SET_XX != 0):
        reply_int(c.out, 0)
        return OK
    _store_pairs(c, 2, <int>pairs, STRING_KEEP_TTL if o.given & SET_KEEPTTL else STRING_DROP_TTL, at_ms)
    if o.given & SET_TIME:
        _propagate_msetex(c, &o, at_ms)
    reply_int(c.out, 1)
    return OK


# ---------------------------------------------------------------- changing in place

cdef inline bint _too_long(Ctx* c, uint64_t at, uint64_t n) noexcept nogil:
    """Would n bytes at this offset make a string longer than may be sent? Safe for any `at` below 2^63."""
    return n > <uint64_t>c.server.limits.bulk or at > <uint64_t>c.server.limits.bulk - n


cdef Status cmd_append(Ctx* c) noexcept nogil:
    """APPEND key value -> length of the string then."""
    cdef Key key = key_at(c, 1)
    cdef Slice value = c.argv[2]
    cdef size_t before
    cdef Entry* e
    cdef Status st = open_typed(c, key, T_STRING, True, &e)
    if st != OK:
        return st
    before = string_length(e) if e != NULL else 0
    if e != NULL and _too_long(c, before, value.len):
        return ERR_STRING_TOO_LONG
    if e == NULL:
        string_set(c.ks, c.db, key, NULL, value, STRING_DROP_TTL)       # Redis: may be an integer inside
    else:
        string_write(c.ks, c.db, key, e, before, value)
    key_changed(c, key.name, EV_STRING, b"append", 1)
    reply_int(c.out, <int64_t>(before + value.len))
    return OK


cdef Status cmd_setrange(Ctx* c) noexcept nogil:
    """SETRANGE key offset value -> length of the string then; zeros fill a gap."""
    cdef Key key = key_at(c, 1)
    cdef Slice value = c.argv[3]
    cdef int64_t at
    cdef Entry* e
    cdef Status st = arg_i64(c, 2, &at)
    if st != OK:
        return st
    if at < 0:
        return ERR_OFFSET_RANGE
    st = open_typed(c, key, T_STRING, True, &e)
    if st != OK:
        return st
    if value.len == 0:                  # Redis: neither makes a key nor looks at the offset
        reply_int(c.out, <int64_t>string_length(e) if e != NULL else 0)
        return OK
    if _too_long(c, <uint64_t>at, value.len):
        return ERR_STRING_TOO_LONG
    e = string_write(c.ks, c.db, key, e, <size_t>at, value)
    key_changed(c, key.name, EV_STRING, b"setrange", 1)
    reply_int(c.out, <int64_t>string_length(e))
    return OK


# ---------------------------------------------------------------- counting

cdef Status _add(Ctx* c, int64_t by) noexcept nogil:
    cdef Key key = key_at(c, 1)
    cdef int64_t v = 0
    cdef Entry* e
    cdef Status st = open_typed(c, key, T_STRING, True, &e)
    if st != OK:
        return st
    if e != NULL and not string_get_i64(e, &v):
        return ERR_NOT_INTEGER
    if v > INT64_MAX - by if by > 0 else v < INT64_MIN - by:
        return ERR_OVERFLOW
    string_set_i64(c.ks, c.db, key, e, v + by)
    key_changed(c, key.name, EV_STRING, b"incrby", 1)
    reply_int(c.out, v + by)
    return OK


cdef Status cmd_incr(Ctx* c) noexcept nogil:
    """INCR key -> the new value."""
    return _add(c, 1)


cdef Status cmd_decr(Ctx* c) noexcept nogil:
    """DECR key -> the new value."""
    return _add(c, -1)


cdef Status cmd_incrby(Ctx* c) noexcept nogil:
    """INCRBY key increment -> the new value."""
    cdef int64_t by
    cdef Status st = arg_i64(c, 2, &by)
    return _add(c, by) if st == OK else st


cdef Status cmd_decrby(Ctx* c) noexcept nogil:
    """DECRBY key decrement -> the new value."""
    cdef int64_t by
    cdef Status st = arg_i64(c, 2, &by)
    if st != OK:
        return st
    return ERR_DECR_OVERFLOW if by == INT64_MIN else _add(c, -by)       # which cannot be negated


cdef Status cmd_incrbyfloat(Ctx* c) noexcept nogil:
    """INCRBYFLOAT key increment -> the new value as text, in the precision of a long double."""
    cdef Key key = key_at(c, 1)
    cdef char[STRING_DIGITS] digits
    cdef char[NUM_LONG_DOUBLE_MAX] text
    cdef long double v = 0, by
    cdef Slice s
    cdef Entry* e
    cdef Status st = open_typed(c, key, T_STRING, True, &e)
    if st != OK:
        return st
    if e != NULL:
        s = string_view(e, digits)
        if not num_parse_long_double(s.ptr, s.len, &v):
            return ERR_NOT_FLOAT
    if not num_parse_long_double(c.argv[2].ptr, c.argv[2].len, &by):
        return ERR_NOT_FLOAT
    v += by
    if v - v != 0:                      # infinite, or not a number
        return ERR_NAN_OR_INFINITY
    s = slice_of(text, num_format_long_double_human(v, text, NUM_LONG_DOUBLE_MAX))
    string_set(c.ks, c.db, key, e, s, STRING_KEEP_TTL | STRING_AS_TEXT)
    key_changed(c, key.name, EV_STRING, b"incrbyfloat", 1)
    _propagate_set(c, key.name, s, True)
    reply_slice(c.out, s)
    return OK


cdef void bind_strings(Table* t) noexcept nogil:
    table_bind(t, b"APPEND", cmd_append)
    table_bind(t, b"DECR", cmd_decr)
    table_bind(t, b"DECRBY", cmd_decrby)
    table_bind(t, b"DELIFEQ", cmd_delifeq)
    table_bind(t, b"GET", cmd_get)
    table_bind(t, b"GETDEL", cmd_getdel)
    table_bind(t, b"GETEX", cmd_getex)
    table_bind(t, b"GETRANGE", cmd_getrange)
    table_bind(t, b"GETSET", cmd_getset)
    table_bind(t, b"INCR", cmd_incr)
    table_bind(t, b"INCRBY", cmd_incrby)
    table_bind(t, b"INCRBYFLOAT", cmd_incrbyfloat)
    table_bind(t, b"LCS", cmd_lcs)
    table_bind(t, b"MGET", cmd_mget)
    table_bind(t, b"MSET", cmd_mset)
    table_bind(t, b"MSETEX", cmd_msetex)
    table_bind(t, b"MSETNX", cmd_msetnx)
    table_bind(t, b"PSETEX", cmd_psetex)
    table_bind(t, b"SET", cmd_set)
    table_bind(t, b"SETEX", cmd_setex)
    table_bind(t, b"SETNX", cmd_setnx)
    table_bind(t, b"SETRANGE", cmd_setrange)
    table_bind(t, b"STRLEN", cmd_strlen)
    table_bind(t, b"SUBSTR", cmd_getrange)
