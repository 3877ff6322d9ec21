"""sorted_set_ranges -- members by rank, score or text: ZRANGE and its older names, ZRANGESTORE, ZCOUNT, ZREMRANGEBY*.

Whatever a range is given by, it comes down to ranks (db/zset_type), and LIMIT and REV to other ranks. So each of the
commands is: read the range, look the key up, turn it into ranks, then reply, store, count or remove those.
"""
from libc.math cimport isnan
from libc.stdint cimport int64_t
from libc.stdlib cimport strtod
from libc.string cimport memchr, memcpy

from _pyredis.base.num cimport num_parse_double
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.base.text cimport text_is_space
from _pyredis.cmd.ctx cimport Ctx, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_write, open_typed
from _pyredis.cmd.sorted_sets cimport reply_scored, reply_scored_array, sorted_set_shrunk
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_ZSET
from _pyredis.db.keyspace cimport Key, keyspace_delete, keyspace_make_way
from _pyredis.db.value cimport T_ZSET, Entry
from _pyredis.db.zset_type cimport (RANGE_MAX_HIGHEST, RANGE_MAX_LOWEST, RANGE_MAX_OPEN, RANGE_MIN_HIGHEST,
                                    RANGE_MIN_LOWEST, RANGE_MIN_OPEN, Ranks, ScoreRange, TextRange, ZBuild, ZIter,
                                    zset_build, zset_build_add, zset_build_store, zset_iter, zset_length, zset_limit,
                                    zset_next, zset_ranks_of_scores, zset_ranks_of_texts, zset_remove_ranks)
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.wire.reply cimport reply_array, reply_int

cdef enum RangeBy:
    BY_ANY = 0                     # the options say
    BY_RANK
    BY_SCORE
    BY_TEXT

cdef enum RangeOrder:
    ORDER_ANY = 0
    ORDER_FORWARD
    ORDER_REVERSE

cdef struct Query:
    RangeBy by
    RangeOrder order
    bint with_scores
    int64_t offset                 # LIMIT
    int64_t limit                  # negative: all
    int64_t first                  # ranks as given
    int64_t last
    ScoreRange scores
    TextRange texts


# ---------------------------------------------------------------- reading a range

cdef bint _parse_score(Slice s, double* score) noexcept nogil:
    """A limit. Redis reads it otherwise than a score: it ends at a NUL, nothing at all is 0, what is too large is
    infinite, and hexadecimal is refused."""
    cdef char[512] text
    cdef char* end = NULL
    cdef const char* nul = <const char*>memchr(s.ptr, 0, s.len)
    if nul != NULL:
        s.len = nul - s.ptr
    score[0] = 0
    if s.len == 0:
        return True
    if s.len >= sizeof(text) or text_is_space(s.ptr[0]) or memchr(s.ptr, c'x', s.len) or memchr(s.ptr, c'X', s.len):
        return False
    if num_parse_double(s.ptr, s.len, score):
        return True
    memcpy(text, s.ptr, s.len)
    text[s.len] = 0
    score[0] = strtod(text, &end)
    return end == text + s.len and not isnan(score[0])


cdef Status _score_range(Ctx* c, int min_at, int max_at, ScoreRange* r) noexcept nogil:
    cdef Slice low = c.argv[min_at], high = c.argv[max_at]
    r.flags = 0
    if low.len and low.ptr[0] == c'(':
        r.flags |= RANGE_MIN_OPEN
        low = slice_of(low.ptr + 1, low.len - 1)
    if high.len and high.ptr[0] == c'(':
        r.flags |= RANGE_MAX_OPEN
        high = slice_of(high.ptr + 1, high.len - 1)
    if not _parse_score(low, &r.min) or not _parse_score(high, &r.max):
        return fail_with(c, ERR_CUSTOM, b"ERR min or max is not a float")
    return OK


cdef int _parse_text(Slice s, Slice* text, int open_flag, int lowest_flag, int highest_flag) noexcept nogil:
    """The flags of one limit; -1: it is none."""
    text[0] = slice_of(NULL, 0)
    if s.len == 1 and s.ptr[0] == c'-':
        return lowest_flag
    if s.len == 1 and s.ptr[0] == c'+':
        return highest_flag
    if s.len == 0 or s.ptr[0] != c'(' and s.ptr[0] != c'[':
        return -1
    text[0] = slice_of(s.ptr + 1, s.len - 1)
    return open_flag if s.ptr[0] == c'(' else 0


cdef Status _text_range(Ctx* c, int min_at, int max_at, TextRange* r) noexcept nogil:
    cdef int low = _parse_text(c.argv[min_at], &r.min, RANGE_MIN_OPEN, RANGE_MIN_LOWEST, RANGE_MIN_HIGHEST)
    cdef int high = _parse_text(c.argv[max_at], &r.max, RANGE_MAX_OPEN, RANGE_MAX_LOWEST, RANGE_MAX_HIGHEST)
    if low < 0 or high < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR min or max not valid string range item")
    r.flags = low | high
    return OK


cdef Status _limits(Ctx* c, int at, Query* q) noexcept nogil:
    """The range at argv[at] and argv[at + 1]; from the end, the upper limit of scores and texts comes first."""
    cdef int reverse = q.order == ORDER_REVERSE
    cdef Status st
    if q.by == BY_SCORE:
        return _score_range(c, at + reverse, at + 1 - reverse, &q.scores)
    if q.by == BY_TEXT:
        return _text_range(c, at + reverse, at + 1 - reverse, &q.texts)
    st = arg_i64(c, at, &q.first)
    return arg_i64(c, at + 1, &q.last) if st == OK else st


cdef Status _options(Ctx* c, int first, bint storing, Query* q) noexcept nogil:
    """The options from argv[first] on."""
    cdef int i = first
    cdef Status st
    while i < c.argc:
        if not storing and arg_is(c, i, b"WITHSCORES", 10):
            q.with_scores = True
        elif arg_is(c, i, b"LIMIT", 5) and i + 2 < c.argc:
            st = arg_i64(c, i + 1, &q.offset)
            if st == OK:
                st = arg_i64(c, i + 2, &q.limit)
            if st != OK:
                return st
            i += 2
        elif q.order == ORDER_ANY and arg_is(c, i, b"REV", 3):
            q.order = ORDER_REVERSE
        elif q.by == BY_ANY and arg_is(c, i, b"BYLEX", 5):
            q.by = BY_TEXT
        elif q.by == BY_ANY and arg_is(c, i, b"BYSCORE", 7):
            q.by = BY_SCORE
        else:
            return ERR_SYNTAX
        i += 1
    return OK


cdef Status _parse(Ctx* c, int at, RangeBy by, RangeOrder order, bint storing, Query* q) noexcept nogil:
    """A range at argv[at] with its options; `by` and `order`: what the command's name says of it."""
    cdef Status st
    q.by = by
    q.order = order
    q.with_scores = False
    q.offset = 0
    q.limit = -1
    st = _options(c, at + 2, storing, q)
    if st != OK:
        return st
    if q.by == BY_ANY:
        q.by = BY_RANK
    if q.limit != -1 and q.by == BY_RANK:
        return fail_with(c, ERR_CUSTOM, b"ERR syntax error, LIMIT is only supported in combination with either "
                                        b"BYSCORE or BYLEX")
    if q.with_scores and q.by == BY_TEXT:
        return fail_with(c, ERR_CUSTOM, b"ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    return _limits(c, at, q)


# ---------------------------------------------------------------- from a range to ranks

cdef Ranks _ranks_given(size_t length, int64_t first, int64_t last) noexcept nogil:
    """Ranks first to last of so many; negative ones count from the end."""
    cdef int64_t n = <int64_t>length
    cdef Ranks found
    found.start = found.count = 0
    if first < 0:
        first = first + n if first + n > 0 else 0
    if last < 0:
        last += n
    if first > last or first >= n:
        return found
    found.start = <size_t>first
    found.count = <size_t>((last if last < n else n - 1) - first + 1)
    return found


cdef Ranks _find(const Entry* e, const Query* q) noexcept nogil:
    cdef Ranks found
    if q.by == BY_SCORE:
        found = zset_ranks_of_scores(e, &q.scores)
        return zset_limit(e, found, q.offset, q.limit, q.order == ORDER_REVERSE)
    if q.by == BY_TEXT:
        found = zset_ranks_of_texts(e, &q.texts, q.order == ORDER_REVERSE)
        return zset_limit(e, found, q.offset, q.limit, q.order == ORDER_REVERSE)
    found = _ranks_given(zset_length(e), q.first, q.last)
    if q.order == ORDER_REVERSE:
        found.start = zset_length(e) - found.start - found.count
    return found


# ---------------------------------------------------------------- ZRANGE and its older names

cdef Status _range(Ctx* c, RangeBy by, RangeOrder order) noexcept nogil:
    cdef Query q
    cdef Entry* e
    cdef Ranks found
    cdef ZIter it
    cdef Element member
    cdef double score
    cdef Status st = _parse(c, 2, by, order, False, &q)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    if e == NULL:
        reply_array(c.out, 0)
        return OK
    found = _find(e, &q)
    reply_scored_array(c.out, found.count, q.with_scores)
    zset_iter(e, found, q.order == ORDER_REVERSE, &it)
    while zset_next(&it, &member, &score):
        reply_scored(c.out, &member, score, q.with_scores)
    return OK


cdef Status cmd_zrange(Ctx* c) noexcept nogil:
    """ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] -> the members in that range."""
    return _range(c, BY_ANY, ORDER_ANY)


cdef Status cmd_zrevrange(Ctx* c) noexcept nogil:
    """ZREVRANGE key start stop [WITHSCORES] -> members by rank, counted from the end."""
    return _range(c, BY_RANK, ORDER_REVERSE)


cdef Status cmd_zrangebyscore(Ctx* c) noexcept nogil:
    """ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] -> members by score."""
    return _range(c, BY_SCORE, ORDER_FORWARD)


cdef Status cmd_zrevrangebyscore(Ctx* c) noexcept nogil:
    """ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] -> the same, the last one first."""
    return _range(c, BY_SCORE, ORDER_REVERSE)


cdef Status cmd_zrangebylex(Ctx* c) noexcept nogil:
    """ZRANGEBYLEX key min max [LIMIT offset count] -> members by text; their scores should be equal."""
    return _range(c, BY_TEXT, ORDER_FORWARD)


cdef Status cmd_zrevrangebylex(Ctx* c) noexcept nogil:
    """ZREVRANGEBYLEX key max min [LIMIT offset count] -> the same, the last one first."""
    return _range(c, BY_TEXT, ORDER_REVERSE)


# ---------------------------------------------------------------- ZRANGESTORE

cdef void _collect(Ctx* c, const Entry* e, const Query* q, ZBuild* b) noexcept nogil:
    cdef ZIter it
    cdef Element member
    cdef char[ELEMENT_DIGITS] digits
    cdef double score
    zset_iter(e, _find(e, q), False, &it)
    while zset_next(&it, &member, &score):
        zset_build_add(b, element_slice(&member, digits), 0, score)


cdef Status cmd_zrangestore(Ctx* c) noexcept nogil:
    """ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] -> how many members dst then has."""
    cdef Query q
    cdef ZBuild b
    cdef Entry* e
    cdef Key key
    cdef size_t count
    cdef Status st = _parse(c, 3, BY_ANY, ORDER_ANY, True, &q)
    if st == OK:
        st = open_typed(c, key_at(c, 2), T_ZSET, False, &e)
    if st != OK:
        return st
    zset_build(&b, c.ks, False)
    if e != NULL:
        _collect(c, e, &q, &b)
    count = b.count
    key = key_at(c, 1)
    e = lookup_write(c, key)
    if e != NULL and count:
        keyspace_make_way(c.ks, c.db, key, e)
    elif e != NULL:
        keyspace_delete(c.ks, c.db, key, e)
    if count:
        zset_build_store(&b, c.db, key)
        key_changed(c, key.name, EV_ZSET, b"zrangestore", 1)
    elif e != NULL:
        key_changed(c, key.name, EV_GENERIC, b"del", 1)
    reply_int(c.out, <int64_t>count)
    return OK


# ---------------------------------------------------------------- counting and removing

cdef Status _count(Ctx* c, RangeBy by) noexcept nogil:
    cdef Query q
    cdef Entry* e
    cdef Status st
    q.by = by
    q.order = ORDER_FORWARD
    q.offset = 0
    q.limit = -1
    st = _limits(c, 2, &q)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st == OK:
        reply_int(c.out, <int64_t>_find(e, &q).count if e != NULL else 0)
    return st


cdef Status cmd_zcount(Ctx* c) noexcept nogil:
    """ZCOUNT key min max -> how many members have such a score."""
    return _count(c, BY_SCORE)


cdef Status cmd_zlexcount(Ctx* c) noexcept nogil:
    """ZLEXCOUNT key min max -> how many members are in a range of texts."""
    return _count(c, BY_TEXT)


cdef Status _remove(Ctx* c, RangeBy by, const char* event) noexcept nogil:
    cdef Query q
    cdef Entry* e
    cdef Ranks found
    cdef Key key = key_at(c, 1)
    cdef Status st
    q.by = by
    q.order = ORDER_FORWARD
    q.offset = 0
    q.limit = -1
    st = _limits(c, 2, &q)
    if st == OK:
        st = open_typed(c, key, T_ZSET, True, &e)
    if st != OK:
        return st
    found.count = 0
    if e != NULL:
        found = _find(e, &q)
        if found.count:
            zset_remove_ranks(c.ks, e, found)
            sorted_set_shrunk(c, key, e, event, <int64_t>found.count)
    reply_int(c.out, <int64_t>found.count)
    return OK


cdef Status cmd_zremrangebyrank(Ctx* c) noexcept nogil:
    """ZREMRANGEBYRANK key start stop -> how many were removed."""
    return _remove(c, BY_RANK, b"zremrangebyrank")


cdef Status cmd_zremrangebyscore(Ctx* c) noexcept nogil:
    """ZREMRANGEBYSCORE key min max -> how many were removed."""
    return _remove(c, BY_SCORE, b"zremrangebyscore")


cdef Status cmd_zremrangebylex(Ctx* c) noexcept nogil:
    """ZREMRANGEBYLEX key min max -> how many were removed."""
    return _remove(c, BY_TEXT, b"zremrangebylex")


cdef void bind_sorted_set_ranges(Table* t) noexcept nogil:
    table_bind(t, b"ZRANGE", cmd_zrange)
    table_bind(t, b"ZREVRANGE", cmd_zrevrange)
    table_bind(t, b"ZRANGEBYSCORE", cmd_zrangebyscore)
    table_bind(t, b"ZREVRANGEBYSCORE", cmd_zrevrangebyscore)
    table_bind(t, b"ZRANGEBYLEX", cmd_zrangebylex)
    table_bind(t, b"ZREVRANGEBYLEX", cmd_zrevrangebylex)
    table_bind(t, b"ZRANGESTORE", cmd_zrangestore)
    table_bind(t, b"ZCOUNT", cmd_zcount)
    table_bind(t, b"ZLEXCOUNT", cmd_zlexcount)
    table_bind(t, b"ZREMRANGEBYRANK", cmd_zremrangebyrank)
    table_bind(t, b"ZREMRANGEBYSCORE", cmd_zremrangebyscore)
    table_bind(t, b"ZREMRANGEBYLEX", cmd_zremrangebylex)
