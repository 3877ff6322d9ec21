"""sorted_set_pops -- the lowest and the highest members, taken out: ZPOPMIN, ZPOPMAX, ZMPOP and those that wait.

A command that may wait is the same command with block_on at its end; when a key has come, it runs again. What was
taken from one of several keys, or after waiting, is propagated as the plain pop that takes the same:

    BZPOPMIN, BZPOPMAX       ZPOPMIN | ZPOPMAX key
    ZMPOP, BZMPOP            ZPOPMIN | ZPOPMAX key count
"""
from libc.stdint cimport int64_t

from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_NOT_POSITIVE, ERR_SYNTAX, OK, Status
from _pyredis.cmd.blocking cimport arg_deadline, block_on
from _pyredis.cmd.ctx cimport Ctx, arg_i64, arg_is, fail_with, key_at, open_typed, propagate_instead
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.sorted_sets cimport sorted_set_shrunk
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.keyspace cimport Key
from _pyredis.db.value cimport T_ZSET, Entry
from _pyredis.db.zset_type cimport Ranks, ZIter, zset_iter, zset_length, zset_next, zset_remove_ranks
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport reply_array, reply_double, reply_null_array, reply_slice

cdef enum End:
    LOWEST = 0
    HIGHEST = 1

cdef struct MultiPop:              # ZMPOP and BZMPOP, parsed
    int first                      # of the keys
    int keys
    End end
    int64_t count


cdef size_t _pop(Ctx* c, Key key, Entry* e, End end, int64_t count, bint pairs) noexcept nogil:
    """Takes up to `count` members out, appending them to the reply, as pairs or in a row; how many."""
    cdef Ranks ranks
    cdef ZIter it
    cdef Element member
    cdef double score
    cdef size_t length = zset_length(e)
    ranks.count = length if <size_t>count > length else <size_t>count
    ranks.start = 0 if end == LOWEST else length - ranks.count
    zset_iter(e, ranks, end == HIGHEST, &it)
    while zset_next(&it, &member, &score):
        if pairs:
            reply_array(c.out, 2)
        reply_element(c.out, &member)
        reply_double(c.out, score)
    zset_remove_ranks(c.ks, e, ranks)
    sorted_set_shrunk(c, key, e, b"zpopmin" if end == LOWEST else b"zpopmax", <int64_t>ranks.count)
    return ranks.count


cdef void _propagate(Ctx* c, Slice key, End end, int64_t count) noexcept nogil:
    """A pop from `key`, of `count` members; 0: of one, without saying so."""
    cdef char[NUM_I64_MAX] digits
    cdef Slice[3] words
    words[0] = slice_of(b"ZPOPMIN" if end == LOWEST else b"ZPOPMAX", 7)
    words[1] = key
    words[2] = slice_of(digits, num_format_i64(count, digits))
    propagate_instead(c, 3 if count else 2, words)


# ---------------------------------------------------------------- one key

cdef Status _zpop(Ctx* c, End end) noexcept nogil:
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef int64_t count = 1
    cdef size_t n
    cdef bint pairs = c.argc == 3 and c.out.proto > 2
    cdef Status st
    if c.argc > 3:
        return ERR_SYNTAX
    if c.argc == 3 and (arg_i64(c, 2, &count) != OK or count < 0):
        return ERR_NOT_POSITIVE
    st = open_typed(c, key, T_ZSET, True, &e)
    if st != OK:
        return st
    if e == NULL or count == 0:
        reply_array(c.out, 0)
        return OK
    n = zset_length(e)
    n = n if <size_t>count > n else <size_t>count
    reply_array(c.out, n if pairs else 2 * n)
    _pop(c, key, e, end, count, pairs)
    return OK


cdef Status cmd_zpopmin(Ctx* c) noexcept nogil:
    """ZPOPMIN key [count] -> [member, score, ...], the lowest first."""
    return _zpop(c, LOWEST)


cdef Status cmd_zpopmax(Ctx* c) noexcept nogil:
    """ZPOPMAX key [count] -> [member, score, ...], the highest first."""
    return _zpop(c, HIGHEST)


# ---------------------------------------------------------------- the first of several keys that has members

cdef Status _first_key(Ctx* c, int first, int keys, int* at, Entry** e) noexcept nogil:
    """The first of the keys that is there; OK with e NULL when none is."""
    cdef Status st
    e[0] = NULL
    for at[0] in range(first, first + keys):
        st = open_typed(c, key_at(c, at[0]), T_ZSET, True, e)
        if st != OK or e[0] != NULL:
            return st
    return OK


cdef Status _bzpop(Ctx* c, End end) noexcept nogil:
    cdef int64_t deadline
    cdef int at
    cdef Entry* e
    cdef Status st = arg_deadline(c, c.argc - 1, &deadline)
    if st == OK:
        st = _first_key(c, 1, c.argc - 2, &at, &e)
    if st != OK:
        return st
    if e == NULL:
        return block_on(c, T_ZSET, 1, c.argc - 2, deadline)
    reply_array(c.out, 3)
    reply_slice(c.out, c.argv[at])
    _pop(c, key_at(c, at), e, end, 1, False)
    _propagate(c, c.argv[at], end, 0)
    return OK


cdef Status cmd_bzpopmin(Ctx* c) noexcept nogil:
    """BZPOPMIN key [key ...] timeout -> [key, member, score], or null when the time is up."""
    return _bzpop(c, LOWEST)


cdef Status cmd_bzpopmax(Ctx* c) noexcept nogil:
    """BZPOPMAX key [key ...] timeout -> [key, member, score], or null when the time is up."""
    return _bzpop(c, HIGHEST)


cdef Status _parse_multi(Ctx* c, int at, MultiPop* p) noexcept nogil:
    """numkeys key [key ...] MIN | MAX [COUNT count], from argv[at] on."""
    cdef int64_t keys
    cdef int i
    if arg_i64(c, at, &keys) != OK or keys < 1:
        return fail_with(c, ERR_CUSTOM, b"ERR numkeys should be greater than 0")
    if keys >= c.argc - at - 1:
        return ERR_SYNTAX
    p.first = at + 1
    p.keys = <int>keys
    p.count = -1
    i = p.first + p.keys
    if not arg_is(c, i, b"MIN", 3) and not arg_is(c, i, b"MAX", 3):
        return ERR_SYNTAX
    p.end = LOWEST if arg_is(c, i, b"MIN", 3) else HIGHEST
    i += 1
    while i < c.argc:
        if p.count != -1 or not arg_is(c, i, b"COUNT", 5) or i + 1 == c.argc:
            return ERR_SYNTAX
        if arg_i64(c, i + 1, &p.count) != OK or p.count < 1:
            return fail_with(c, ERR_CUSTOM, b"ERR count should be greater than 0")
        i += 2
    if p.count == -1:
        p.count = 1
    return OK


cdef Status _pop_first(Ctx* c, const MultiPop* p, bint* none) noexcept nogil:
    """Pops from the first key that is there; `none`: there is none, and no reply yet."""
    cdef int at
    cdef Entry* e
    cdef size_t n
    cdef Status st = _first_key(c, p.first, p.keys, &at, &e)
    none[0] = st == OK and e == NULL
    if st != OK or e == NULL:
        return st
    n = zset_length(e)
    n = n if <size_t>p.count > n else <size_t>p.count
    reply_array(c.out, 2)
    reply_slice(c.out, c.argv[at])
    reply_array(c.out, n)
    _pop(c, key_at(c, at), e, p.end, p.count, True)
    _propagate(c, c.argv[at], p.end, <int64_t>n)
    return OK


cdef Status cmd_zmpop(Ctx* c) noexcept nogil:
    """ZMPOP numkeys key [key ...] MIN | MAX [COUNT count] -> [key, [[member, score] ...]], or null."""
    cdef MultiPop p
    cdef bint none = False
    cdef Status st = _parse_multi(c, 1, &p)
    if st == OK:
        st = _pop_first(c, &p, &none)
    if none:
        reply_null_array(c.out)
    return st


cdef Status cmd_bzmpop(Ctx* c) noexcept nogil:
    """BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count] -> as ZMPOP; null when the time is up."""
    cdef MultiPop p
    cdef int64_t deadline
    cdef bint none = False
    cdef Status st = _parse_multi(c, 2, &p)
    if st == OK:
        st = arg_deadline(c, 1, &deadline)
    if st == OK:
        st = _pop_first(c, &p, &none)
    return block_on(c, T_ZSET, p.first, p.keys, deadline) if none else st


cdef void bind_sorted_set_pops(Table* t) noexcept nogil:
    table_bind(t, b"ZPOPMIN", cmd_zpopmin)
    table_bind(t, b"ZPOPMAX", cmd_zpopmax)
    table_bind(t, b"ZMPOP", cmd_zmpop)
    table_bind(t, b"BZPOPMIN", cmd_bzpopmin)
    table_bind(t, b"BZPOPMAX", cmd_bzpopmax)
    table_bind(t, b"BZMPOP", cmd_bzmpop)
