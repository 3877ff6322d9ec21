"""sorted_sets -- ZADD, ZSCORE, ZREM and their kin: single members. Ranges and pops have files of their own.

A command's pairs are read and every refusal made before the first change. Everything propagates as it came: the
order of a set and the sums of ZINCRBY depend on nothing else.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.string cimport memcpy, memset

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport NUM_DOUBLE_MAX, num_format_double
from _pyredis.base.rand cimport Rand, rand_below
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport ERR_CUSTOM, ERR_OUT_OF_RANGE, ERR_SYNTAX, ERR_WRONG_ARITY, OK, Status
from _pyredis.cmd.ctx cimport Ctx, arg_double, arg_i64, arg_is, fail_with, key_at, key_changed, open_typed
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.pick cimport Picker, pick_distinct, pick_repeated
from _pyredis.cmd.scan cimport (SCAN_NOSCORES, ScanFound, ScanOptions, scan_cursor, scan_dict, scan_done, scan_matches,
                                scan_options, scan_reply)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_ZSET
from _pyredis.db.keyspace cimport Key, keyspace_delete
from _pyredis.db.value cimport T_ZSET, Entry
from _pyredis.db.zset_type cimport (ZADD_ADDED, ZADD_CHANGED, ZADD_GT, ZADD_INCR, ZADD_LT, ZADD_NAN, ZADD_NX,
                                    ZADD_REFUSED, ZADD_XX, Ranks, ZAddOutcome, ZIter, zset_add, zset_create,
                                    zset_expect, zset_iter, zset_iter_all, zset_length, zset_next, zset_rank,
                                    zset_remove, zset_score, zset_table)
from _pyredis.ds.dict cimport Dict, dict_random
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice, element_text
from _pyredis.ds.skiplist cimport Member, member_text
from _pyredis.wire.reply cimport (Deferred, Out, reply_array, reply_begin, reply_bulk, reply_double, reply_end,
                                  reply_int, reply_null, reply_null_array, reply_slice)

cdef void sorted_set_shrunk(Ctx* c, Key key, Entry* e, const char* event, int64_t n) noexcept nogil:
    key_changed(c, key.name, EV_ZSET, event, n)
    if zset_length(e) == 0:
        keyspace_delete(c.ks, c.db, key, e)
        key_changed(c, key.name, EV_GENERIC, b"del", 0)


# ---------------------------------------------------------------- ZADD, ZINCRBY

cdef int _zadd_flag(Ctx* c, int i) noexcept nogil:
    if arg_is(c, i, b"NX", 2):
        return ZADD_NX
    if arg_is(c, i, b"XX", 2):
        return ZADD_XX
    if arg_is(c, i, b"GT", 2):
        return ZADD_GT
    if arg_is(c, i, b"LT", 2):
        return ZADD_LT
    return ZADD_INCR if arg_is(c, i, b"INCR", 4) else 0


cdef Status _zadd_options(Ctx* c, ZAdd* a) noexcept nogil:
    cdef int i = 2, flag
    a.flags = 0
    a.changed = False
    while i < c.argc:
        flag = _zadd_flag(c, i)
        if flag == 0 and not arg_is(c, i, b"CH", 2):
            break
        a.flags |= flag
        a.changed |= flag == 0
        i += 1
    a.first = i
    a.step = 2
    if i == c.argc or (c.argc - i) & 1:
        return ERR_SYNTAX
    a.pairs = <size_t>(c.argc - i) // 2
    if a.flags & ZADD_NX and a.flags & ZADD_XX:
        return fail_with(c, ERR_CUSTOM, b"ERR XX and NX options at the same time are not compatible")
    flag = a.flags & (ZADD_NX | ZADD_GT | ZADD_LT)
    if flag & (flag - 1):
        return fail_with(c, ERR_CUSTOM, b"ERR GT, LT, and/or NX options at the same time are not compatible")
    if a.flags & ZADD_INCR and a.pairs > 1:
        return fail_with(c, ERR_CUSTOM, b"ERR INCR option supports a single increment-element pair")
    return OK


cdef void zadd_room(Ctx* c, ZAdd* a) noexcept nogil:
    a.scores = a.few
    if a.pairs > USUAL_PAIRS:
        a.scores = <double*>mem_alloc(c.ks.mem, a.pairs * sizeof(double))


cdef void zadd_done(Ctx* c, ZAdd* a) noexcept nogil:
    if a.scores != a.few:
        mem_free(c.ks.mem, a.scores, a.pairs * sizeof(double))


cdef inline Slice _member(Ctx* c, const ZAdd* a, size_t i) noexcept nogil:
    """Of the i-th pair."""
    return c.argv[a.first + a.step * (<int>i + 1) - 1]


cdef Entry* _zadd_create(Ctx* c, Key key, const ZAdd* a) noexcept nogil:
    cdef size_t i, longest = 0
    for i in range(a.pairs):
        longest = max(longest, _member(c, a, i).len)
    return zset_create(c.ks, c.db, key, a.pairs, longest)


cdef Status _zadd_pairs(Ctx* c, Key key, Entry* e, const ZAdd* a) noexcept nogil:
    """Adds the pairs to the set and replies."""
    cdef size_t i
    cdef int64_t added = 0, changed = 0
    cdef double score = 0
    cdef ZAddOutcome outcome = ZADD_REFUSED
    for i in range(a.pairs):
        outcome = zset_add(c.ks, e, _member(c, a, i), a.scores[i], a.flags, &score)
        if outcome == ZADD_NAN:
            return fail_with(c, ERR_CUSTOM, b"ERR resulting score is not a number (NaN)")
        added += outcome == ZADD_ADDED
        changed += outcome == ZADD_CHANGED
    if added or changed:
        key_changed(c, key.name, EV_ZSET, b"zincr" if a.flags & ZADD_INCR else b"zadd", added + changed)
    if not a.flags & ZADD_INCR:
        reply_int(c.out, added + changed if a.changed else added)
    elif outcome == ZADD_REFUSED:
        reply_null(c.out)
    else:
        reply_double(c.out, score)
    return OK


cdef Status zadd_scored(Ctx* c, const ZAdd* a) noexcept nogil:
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef Status st = open_typed(c, key, T_ZSET, True, &e)
    if st != OK:
        return st
    if e == NULL and a.flags & ZADD_XX:
        if a.flags & ZADD_INCR:
            reply_null(c.out)
        else:
            reply_int(c.out, 0)
        return OK
    if e == NULL:
        e = _zadd_create(c, key, a)
    else:
        zset_expect(c.ks, e, a.pairs)
    return _zadd_pairs(c, key, e, a)


cdef Status _zadd(Ctx* c, ZAdd* a) noexcept nogil:
    """What has been parsed but for the scores."""
    cdef Status st = OK
    cdef size_t i = 0
    zadd_room(c, a)
    while st == OK and i < a.pairs:
        st = arg_double(c, a.first + 2 * <int>i, &a.scores[i])
        i += 1
    if st == OK:
        st = zadd_scored(c, a)
    zadd_done(c, a)
    return st


cdef Status cmd_zadd(Ctx* c) noexcept nogil:
    """ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...] -> how many are new (CH: or changed);
    with INCR the score, or null if a condition does not hold."""
    cdef ZAdd a
    cdef Status st = _zadd_options(c, &a)
    return _zadd(c, &a) if st == OK else st


cdef Status cmd_zincrby(Ctx* c) noexcept nogil:
    """ZINCRBY key increment member -> the new score."""
    cdef ZAdd a
    a.flags = ZADD_INCR
    a.changed = False
    a.first = 2
    a.step = 2
    a.pairs = 1
    return _zadd(c, &a)


# ---------------------------------------------------------------- members

cdef Status cmd_zrem(Ctx* c) noexcept nogil:
    """ZREM key member [member ...] -> how many were there."""
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef int64_t removed = 0
    cdef int i
    cdef Status st = open_typed(c, key, T_ZSET, True, &e)
    if st != OK:
        return st
    if e != NULL:
        for i in range(2, c.argc):
            removed += zset_remove(c.ks, e, c.argv[i])
        if removed:
            sorted_set_shrunk(c, key, e, b"zrem", removed)
    reply_int(c.out, removed)
    return OK


cdef Status cmd_zcard(Ctx* c) noexcept nogil:
    """ZCARD key -> how many members."""
    cdef Entry* e
    cdef Status st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st == OK:
        reply_int(c.out, <int64_t>zset_length(e) if e != NULL else 0)
    return st


cdef Status cmd_zscore(Ctx* c) noexcept nogil:
    """ZSCORE key member -> its score, or null."""
    cdef Entry* e
    cdef double score
    cdef Status st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    if e != NULL and zset_score(c.ks, e, c.argv[2], &score):
        reply_double(c.out, score)
    else:
        reply_null(c.out)
    return OK


cdef Status cmd_zmscore(Ctx* c) noexcept nogil:
    """ZMSCORE key member [member ...] -> each one's score, or null."""
    cdef Entry* e
    cdef double score
    cdef int i
    cdef Status st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    reply_array(c.out, <size_t>(c.argc - 2))
    for i in range(2, c.argc):
        if e != NULL and zset_score(c.ks, e, c.argv[i], &score):
            reply_double(c.out, score)
        else:
            reply_null(c.out)
    return OK


cdef Status _zrank(Ctx* c, bint reverse) noexcept nogil:
    cdef Entry* e
    cdef size_t rank
    cdef double score
    cdef bint with_score = c.argc == 4
    cdef Status st
    if c.argc > 4:
        return ERR_WRONG_ARITY
    if with_score and not arg_is(c, 3, b"WITHSCORE", 9):
        return ERR_SYNTAX
    st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    if e == NULL or not zset_rank(c.ks, e, c.argv[2], &rank, &score):
        if with_score:
            reply_null_array(c.out)
        else:
            reply_null(c.out)
        return OK
    if with_score:
        reply_array(c.out, 2)
    reply_int(c.out, <int64_t>(zset_length(e) - 1 - rank if reverse else rank))
    if with_score:
        reply_double(c.out, score)
    return OK


cdef Status cmd_zrank(Ctx* c) noexcept nogil:
    """ZRANK key member [WITHSCORE] -> how many members are before it; with WITHSCORE [rank, score]; or null."""
    return _zrank(c, False)


cdef Status cmd_zrevrank(Ctx* c) noexcept nogil:
    """ZREVRANK key member [WITHSCORE] -> the same, counted from the end."""
    return _zrank(c, True)


# ---------------------------------------------------------------- ZRANDMEMBER

cdef struct Pick:                  # from where, and to what reply. A score travels as the bits of an Element's number
    const Dict* table
    ZIter all
    Out* out
    bint scores


cdef void _set_pick(Element* value, double score) noexcept nogil:
    value.ptr = NULL
    memcpy(&value.number, &score, 8)


cdef void _pick_random(void* pick, Rand* rand, Element* member, Element* value) noexcept nogil:
    cdef const Member* m = <const Member*>dict_random((<Pick*>pick).table, rand)
    cdef Slice text = member_text(m)
    member[0] = element_text(text.ptr, text.len)
    _set_pick(value, m.score)


cdef bint _pick_next(void* pick, Element* member, Element* value) noexcept nogil:
    cdef double score = 0
    cdef bint more = zset_next(&(<Pick*>pick).all, member, &score)
    _set_pick(value, score)
    return more


cdef void _picked(void* pick, const Element* member, const Element* value) noexcept nogil:
    cdef double score
    memcpy(&score, &value.number, 8)
    reply_scored((<Pick*>pick).out, member, score, (<Pick*>pick).scores)


cdef void _pick_members(Ctx* c, const Entry* e, int64_t count, bint scores) noexcept nogil:
    """Replies `count` different members, or all; a negative count: so many, each drawn from all."""
    cdef Pick pick
    cdef Picker picker
    cdef size_t n
    pick.table = zset_table(e)
    pick.out = c.out
    pick.scores = scores
    zset_iter_all(e, &pick.all)
    picker.arg = &pick
    picker.length = zset_length(e)
    picker.next = _pick_next
    picker.random = NULL
    if pick.table != NULL:
        picker.random = _pick_random
    if count < 0:
        reply_scored_array(c.out, <size_t>-count, scores)
        pick_repeated(&picker, c.ks.mem, &c.ks.rand, <uint64_t>-count, _picked, &pick)
        return
    n = picker.length if <size_t>count > picker.length else <size_t>count
    reply_scored_array(c.out, n, scores)
    pick_distinct(&picker, c.ks.mem, &c.ks.rand, n, _picked, &pick)


cdef Status _randmember_count(Ctx* c, int64_t* count) noexcept nogil:
    cdef Status st = arg_i64(c, 2, count)
    if st != OK:
        return st
    if count[0] < -INT64_MAX:
        return fail_with(c, ERR_CUSTOM, b"ERR value is out of range, value must between -9223372036854775807 and "
                                        b"9223372036854775807")
    if c.argc > 4 or c.argc == 4 and not arg_is(c, 3, b"WITHSCORES", 10):
        return ERR_SYNTAX
    if c.argc == 4 and (count[0] > INT64_MAX // 2 or count[0] < -(INT64_MAX // 2)):
        return ERR_OUT_OF_RANGE
    return OK


cdef Status cmd_zrandmember(Ctx* c) noexcept nogil:
    """ZRANDMEMBER key [count [WITHSCORES]] -> a member, or null; with a count an array of as many different ones, or
    all; with a negative count of exactly as many, each drawn from all."""
    cdef Entry* e
    cdef ZIter it
    cdef Ranks one
    cdef Element member
    cdef double score
    cdef int64_t count = 0
    cdef Status st = _randmember_count(c, &count) if c.argc > 2 else OK
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    if c.argc > 2:
        if e == NULL or count == 0:
            reply_array(c.out, 0)
        else:
            _pick_members(c, e, count, c.argc == 4)
    elif e == NULL:
        reply_null(c.out)
    else:
        one.start = rand_below(&c.ks.rand, zset_length(e))
        one.count = 1
        zset_iter(e, one, False, &it)
        zset_next(&it, &member, &score)
        reply_element(c.out, &member)
    return OK


# ---------------------------------------------------------------- ZSCAN

cdef bint _keep_member(void* options, void* member) noexcept nogil:
    return scan_matches(<const ScanOptions*>options, member_text(<const Member*>member))


cdef void _scan_table(Ctx* c, const Dict* table, uint64_t cursor, ScanOptions* options) noexcept nogil:
    cdef ScanFound found
    cdef size_t i
    cdef const Member* m
    memset(&found, 0, sizeof(found))
    found.mem = c.ks.mem
    cursor = scan_dict(table, cursor, options.count, &found, _keep_member, options)
    scan_reply(c, cursor, found.count if options.no_values else 2 * found.count)
    for i in range(found.count):
        m = <const Member*>found.list[i]
        reply_slice(c.out, member_text(m))
        if not options.no_values:
            _reply_score(c, m.score)
    scan_done(&found)


cdef void _scan_all(Ctx* c, const Entry* e, ScanOptions* options) noexcept nogil:
    """A set without a table is small: one answer has all."""
    cdef ZIter it
    cdef Element member
    cdef double score
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice text
    cdef size_t n = 0
    cdef Deferred header
    reply_array(c.out, 2)
    reply_bulk(c.out, b"0", 1)
    header = reply_begin(c.out, c'*')
    zset_iter_all(e, &it)
    while zset_next(&it, &member, &score):
        text = element_slice(&member, digits)
        if scan_matches(options, text):
            reply_slice(c.out, text)
            n += 1
            if not options.no_values:
                _reply_score(c, score)
                n += 1
    reply_end(c.out, header, n)


cdef void _reply_score(Ctx* c, double score) noexcept nogil:
    """As text, in RESP3 too: ZSCAN is the one command that does so."""
    cdef char[NUM_DOUBLE_MAX] text
    reply_bulk(c.out, text, num_format_double(score, text))


cdef Status cmd_zscan(Ctx* c) noexcept nogil:
    """ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES] -> [next cursor, 0 at the end; members and scores]."""
    cdef Entry* e
    cdef ScanOptions options
    cdef uint64_t cursor = 0
    cdef const Dict* table
    cdef Status st = scan_cursor(c, 2, &cursor)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st == OK and e == NULL:              # Redis: the options are not even read
        scan_reply(c, 0, 0)
        return OK
    if st == OK:
        st = scan_options(c, 3, SCAN_NOSCORES, &options)
    if st != OK:
        return st
    table = zset_table(e)
    if table != NULL:
        _scan_table(c, table, cursor, &options)
    else:
        _scan_all(c, e, &options)
    return OK


cdef void bind_sorted_sets(Table* t) noexcept nogil:
    table_bind(t, b"ZADD", cmd_zadd)
    table_bind(t, b"ZINCRBY", cmd_zincrby)
    table_bind(t, b"ZREM", cmd_zrem)
    table_bind(t, b"ZCARD", cmd_zcard)
    table_bind(t, b"ZSCORE", cmd_zscore)
    table_bind(t, b"ZMSCORE", cmd_zmscore)
    table_bind(t, b"ZRANK", cmd_zrank)
    table_bind(t, b"ZREVRANK", cmd_zrevrank)
    table_bind(t, b"ZRANDMEMBER", cmd_zrandmember)
    table_bind(t, b"ZSCAN", cmd_zscan)
