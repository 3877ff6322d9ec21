"""sorted_set_algebra -- ZUNION, ZINTER, ZDIFF, and what stores or counts these.

Operands are sorted sets, and sets, whose members all score 1. Each score is multiplied by its operand's weight,
and those of one member are added, or the least or the greatest of them is taken. What is no number (inf - inf,
0 * inf) counts as 0, as in Redis; operands come from the shortest to the longest, as there, since the sum of
floats depends on their order.

    union          every member of every operand goes into one table, where its score grows
    intersection   walks the shortest operand, and goes on with those that the next has, too
    difference     walks the first operand, and drops those that any other has

Members are taken in groups of 32 and hashed once, for all tables; the memory that looking a group up will read
is asked for first. A long operand is walked in the order of its table, which is that of memory: scores are of
no use before the end. The result is a set in the making (ZBuild): it is put in order once, and becomes a value,
or a reply.
"""
from libc.math cimport isnan
from libc.stdint cimport int64_t, uint32_t, uint64_t

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.status cimport (ERR_CUSTOM, ERR_INPUT_KEYS, ERR_SYNTAX, ERR_WRONG_TYPE, OK, Status)
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_double, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_read,
                               lookup_write, prefetch_keys)
from _pyredis.cmd.sorted_sets cimport reply_scored, reply_scored_array
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_ZSET
from _pyredis.db.keyspace cimport Key, keyspace_delete, keyspace_make_way
from _pyredis.db.set_type cimport (SET_GROUP, Member as Probe, SetIter, member_hash as probe_hash,
                                   member_of as probe_of, member_text as probe_text, set_has, set_iter, set_length,
                                   set_next, set_of, set_prefetch)
from _pyredis.db.value cimport T_SET, T_ZSET, Entry, entry_type
from _pyredis.db.zset_type cimport (ZBuild, ZIter, zset_build, zset_build_add, zset_build_drop, zset_build_find,
                                    zset_build_sort, zset_build_store, zset_iter_all, zset_length, zset_next,
                                    zset_score_hashed, zset_table)
from _pyredis.ds.dict cimport (Dict, DictIter, dict_iter, dict_next, dict_prefetch_bucket, dict_prefetch_entries,
                               dict_reserve)
from _pyredis.ds.element cimport Element, element_text
from _pyredis.ds.skiplist cimport Member, member_text
from _pyredis.wire.reply cimport reply_int

cdef extern from "bucket.h" nogil:
    int bits_lowest(unsigned int x)

cdef enum Operation:
    UNION
    INTERSECTION
    DIFFERENCE

cdef enum Aggregate:
    BY_SUM
    BY_MIN
    BY_MAX

cdef struct Operand:
    const Entry* entry             # NULL: no such key
    bint is_set
    size_t length
    double weight

cdef struct Walk:                  # over an operand
    const Operand* of
    SetIter members
    DictIter table
    ZIter ordered

cdef struct Algebra:
    Ctx* c
    Operation operation
    bint stores                    # under argv[1]
    bint counts                    # the length of the result only
    Operand* operands
    int count
    Aggregate aggregate
    bint scores                    # WITHSCORES
    size_t limit                   # of counting; 0: none
    size_t found
    ZBuild result


# ---------------------------------------------------------------- arguments

cdef Status _open(Algebra* a, int first) noexcept nogil:
    """Looks the operands up, from argv[first] on."""
    cdef Ctx* c = a.c
    cdef Key[SET_GROUP] keys
    cdef Operand* o
    cdef int at = 0, n, i
    while at < a.count:
        n = a.count - at if a.count - at < SET_GROUP else SET_GROUP
        prefetch_keys(c, first + at, 1, n, keys)
        for i in range(n):
            o = &a.operands[at + i]
            o.weight = 1
            o.length = 0
            o.is_set = False
            o.entry = lookup_read(c, keys[i])
            if o.entry == NULL:
                continue
            o.is_set = entry_type(o.entry) == T_SET
            if not o.is_set and entry_type(o.entry) != T_ZSET:
                return ERR_WRONG_TYPE
            o.length = set_length(set_of(o.entry)) if o.is_set else zset_length(o.entry)
        at += n
    return OK


cdef Status _weights(Algebra* a, int first) noexcept nogil:
    cdef int i
    for i in range(a.count):
        if arg_double(a.c, first + i, &a.operands[i].weight) != OK:
            return fail_with(a.c, ERR_CUSTOM, b"ERR weight value is not a float")
    return OK


cdef Status _aggregate(Algebra* a, int i) noexcept nogil:
    if arg_is(a.c, i, b"SUM", 3):
        a.aggregate = BY_SUM
    elif arg_is(a.c, i, b"MIN", 3):
        a.aggregate = BY_MIN
    elif arg_is(a.c, i, b"MAX", 3):
        a.aggregate = BY_MAX
    else:
        return ERR_SYNTAX
    return OK


cdef Status _limit(Algebra* a, int i) noexcept nogil:
    cdef int64_t limit
    if arg_i64(a.c, i, &limit) != OK or limit < 0:
        return fail_with(a.c, ERR_CUSTOM, b"ERR LIMIT can't be negative")
    a.limit = limit
    return OK


cdef Status _options(Algebra* a, int i) noexcept nogil:
    """What stands behind the keys, from argv[i] on."""
    cdef Ctx* c = a.c
    cdef bint weighs = a.operation != DIFFERENCE and not a.counts
    cdef Status st = OK
    while i < c.argc and st == OK:
        if weighs and arg_is(c, i, b"WEIGHTS", 7) and c.argc - i > a.count:
            st = _weights(a, i + 1)
            i += 1 + a.count
        elif weighs and arg_is(c, i, b"AGGREGATE", 9) and i + 1 < c.argc:
            st = _aggregate(a, i + 1)
            i += 2
        elif not a.stores and not a.counts and arg_is(c, i, b"WITHSCORES", 10):
            a.scores = True
            i += 1
        elif a.counts and arg_is(c, i, b"LIMIT", 5) and i + 1 < c.argc:
            st = _limit(a, i + 1)
            i += 2
        else:
            return ERR_SYNTAX
    return st


# ---------------------------------------------------------------- operands

cdef void _sort(Algebra* a, int first, bint descending) noexcept nogil:
    """The operands from `first` on by length; equal ones stay in their order. Insertion: they are few."""
    cdef int i, j
    cdef Operand o
    for i in range(first + 1, a.count):
        o = a.operands[i]
        j = i
        while j > first and (a.operands[j - 1].length < o.length if descending else
                             a.operands[j - 1].length > o.length):
            a.operands[j] = a.operands[j - 1]
            j -= 1
        a.operands[j] = o


cdef void _walk(Walk* w, const Operand* o) noexcept nogil:
    w.of = o
    if o.is_set:
        set_iter(set_of(o.entry), &w.members)
    elif zset_table(o.entry) != NULL:
        dict_iter(zset_table(o.entry), &w.table)
    else:
        zset_iter_all(o.entry, &w.ordered)


cdef bint _next(Walk* w, Element* member, double* score) noexcept nogil:
    """The next member and its score, not weighted; False: that was all."""
    cdef const Member* m
    if w.of.is_set:
        score[0] = 1
        return set_next(&w.members, member)
    if zset_table(w.of.entry) == NULL:
        return zset_next(&w.ordered, member, score)
    m = <const Member*>dict_next(&w.table)
    if m == NULL:
        return False
    member[0] = element_text(member_text(m).ptr, member_text(m).len)
    score[0] = m.score
    return True


cdef int _fill(Walk* w, Probe* group, double* scores) noexcept nogil:
    """The next members of a walk and their weighted scores; how many."""
    cdef Element e
    cdef int n = 0
    while n < SET_GROUP and _next(w, &e, &scores[n]):
        probe_of(&group[n], &e)
        scores[n] *= w.of.weight
        if isnan(scores[n]):
            scores[n] = 0
        n += 1
    return n


cdef void _prefetch_table(Algebra* a, const Dict* table, Probe* group, int n) noexcept nogil:
    cdef int i
    for i in range(n):
        dict_prefetch_bucket(table, probe_hash(a.c.ks, &group[i]))
    for i in range(n):
        dict_prefetch_entries(table, group[i].hash)


cdef bint _score(Algebra* a, const Operand* o, Probe* m, double* score) noexcept nogil:
    """Has the operand this member? Its score, not weighted."""
    if o.entry == NULL:
        return False
    if o.is_set:
        score[0] = 1
        return set_has(a.c.ks, set_of(o.entry), m)
    if zset_table(o.entry) == NULL:
        return zset_score_hashed(o.entry, probe_text(m), 0, score)
    return zset_score_hashed(o.entry, probe_text(m), probe_hash(a.c.ks, m), score)


cdef double _joined(const Algebra* a, double score, double other) noexcept nogil:
    if a.aggregate == BY_MIN:
        return other if other < score else score
    if a.aggregate == BY_MAX:
        return other if other > score else score
    score += other
    return 0 if isnan(score) else score


cdef uint32_t _filter(Algebra* a, const Operand* o, Probe* group, int n, uint32_t alive, double* scores) noexcept nogil:
    """Of the members whose bit is set: those that the operand has. Their scores join, unless `scores` is NULL."""
    cdef uint32_t left = alive
    cdef double score
    cdef int i
    if o.is_set:
        set_prefetch(a.c.ks, set_of(o.entry), group, n)
    elif o.entry != NULL and zset_table(o.entry) != NULL:
        _prefetch_table(a, zset_table(o.entry), group, n)
    while left:
        i = bits_lowest(left)
        left &= left - 1
        if not _score(a, o, &group[i], &score):
            alive &= ~(<uint32_t>1 << i)
        elif scores != NULL:
            scores[i] = _joined(a, scores[i], score * o.weight)
    return alive


# ---------------------------------------------------------------- the three operations

cdef void _emit(Algebra* a, Probe* m, double score) noexcept nogil:
    a.found += 1
    if not a.counts:
        zset_build_add(&a.result, probe_text(m), probe_hash(a.c.ks, m) if a.result.indexed else 0, score)


cdef void _select(Algebra* a) noexcept nogil:
    """Emits of the first operand what all others have, or, of a difference, what none has."""
    cdef bint wanted = a.operation == INTERSECTION
    cdef Probe[SET_GROUP] group
    cdef double[SET_GROUP] scores
    cdef Walk w
    cdef uint32_t alive, has
    cdef int n, i
    if a.operands[0].entry == NULL:
        return
    _walk(&w, &a.operands[0])
    while True:
        n = _fill(&w, group, scores)
        if n == 0:
            return
        alive = <uint32_t>((<uint64_t>1 << n) - 1)
        for i in range(1, a.count):
            if alive:
                has = _filter(a, &a.operands[i], group, n, alive, scores if wanted else NULL)
                alive = has if wanted else alive & ~has
        while alive:
            i = bits_lowest(alive)
            alive &= alive - 1
            _emit(a, &group[i], scores[i])
            if a.found == a.limit:
                return


cdef void _add_all(Algebra* a, const Operand* o) noexcept nogil:
    """Adds an operand to the union."""
    cdef Probe[SET_GROUP] group
    cdef double[SET_GROUP] scores
    cdef bint first = a.result.count == 0
    cdef Member* m
    cdef Walk w
    cdef int n, i
    _walk(&w, o)
    while True:
        n = _fill(&w, group, scores)
        if n == 0:
            return
        _prefetch_table(a, &a.result.table, group, n)
        for i in range(n):
            m = NULL if first else zset_build_find(&a.result, probe_text(&group[i]), group[i].hash)
            if m != NULL:
                m.score = _joined(a, m.score, scores[i])
            else:
                zset_build_add(&a.result, probe_text(&group[i]), probe_hash(a.c.ks, &group[i]), scores[i])


cdef void _combine(Algebra* a) noexcept nogil:
    cdef size_t longest = 0
    cdef int i
    for i in range(a.count):
        longest = max(longest, a.operands[i].length)
    # A long result wants a table, for which the hashes are known here
    zset_build(&a.result, a.c.ks, a.operation == UNION or a.stores
               and longest > a.c.ks.limits.zset_max_listpack_entries)
    if a.operation == UNION:
        _sort(a, 0, False)
        dict_reserve(&a.result.table, longest)
        for i in range(a.count):
            if a.operands[i].entry != NULL:
                _add_all(a, &a.operands[i])
    else:
        _sort(a, a.operation == DIFFERENCE, a.operation == DIFFERENCE)
        _select(a)


# ---------------------------------------------------------------- commands

cdef void _reply(Algebra* a) noexcept nogil:
    cdef Member** members = zset_build_sort(&a.result)
    cdef Element e
    cdef size_t i
    reply_scored_array(a.c.out, a.result.count, a.scores)
    for i in range(a.result.count):
        e = element_text(member_text(members[i]).ptr, member_text(members[i]).len)
        reply_scored(a.c.out, &e, members[i].score, a.scores)
    zset_build_drop(&a.result)


cdef void _store(Algebra* a) noexcept nogil:
    """The result in the place of whatever was there; the reply is its length."""
    cdef Ctx* c = a.c
    cdef Key key = key_at(c, 1)
    cdef size_t n = a.result.count
    cdef Entry* e = lookup_write(c, key)
    cdef const char* event = b"zdiffstore"
    if a.operation != DIFFERENCE:
        event = b"zunionstore" if a.operation == UNION else b"zinterstore"
    if e != NULL and n:
        keyspace_make_way(c.ks, c.db, key, e)
    elif e != NULL:
        keyspace_delete(c.ks, c.db, key, e)
    if n:
        zset_build_store(&a.result, c.db, key)
        key_changed(c, key.name, EV_ZSET, event, 1)
    else:
        zset_build_drop(&a.result)
        if e != NULL:
            key_changed(c, key.name, EV_GENERIC, b"del", 1)
    reply_int(c.out, <int64_t>n)


cdef Status _run(Ctx* c, Operation operation, bint stores, bint counts) noexcept nogil:
    """[destination] numkeys key [key ...] [options]"""
    cdef Algebra a
    cdef int64_t count
    cdef int at = 2 if stores else 1
    cdef Status st = arg_i64(c, at, &count)
    if st != OK:
        return st
    if count < 1:
        return ERR_INPUT_KEYS
    if count > c.argc - at - 1:
        return ERR_SYNTAX
    a.c = c
    a.operation = operation
    a.stores = stores
    a.counts = counts
    a.count = <int>count
    a.aggregate = BY_SUM
    a.scores = False
    a.limit = a.found = 0
    a.operands = <Operand*>mem_alloc(c.ks.mem, a.count * sizeof(Operand))
    st = _open(&a, at + 1)
    if st == OK:
        st = _options(&a, at + 1 + a.count)
    if st == OK:
        _combine(&a)
        if stores:
            _store(&a)
        elif counts:
            reply_int(c.out, <int64_t>a.found)
            zset_build_drop(&a.result)
        else:
            _reply(&a)
    mem_free(c.ks.mem, a.operands, a.count * sizeof(Operand))
    return st


cdef Status cmd_zunion(Ctx* c) noexcept nogil:
    """ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
    -> members that any has, in order."""
    return _run(c, UNION, False, False)


cdef Status cmd_zinter(Ctx* c) noexcept nogil:
    """ZINTER, with the options of ZUNION -> members that all have, in order."""
    return _run(c, INTERSECTION, False, False)


cdef Status cmd_zdiff(Ctx* c) noexcept nogil:
    """ZDIFF numkeys key [key ...] [WITHSCORES] -> members of the first that no other has, in order."""
    return _run(c, DIFFERENCE, False, False)


cdef Status cmd_zunionstore(Ctx* c) noexcept nogil:
    """ZUNIONSTORE destination numkeys key [key ...], options of ZUNION -> how many members the result has."""
    return _run(c, UNION, True, False)


cdef Status cmd_zinterstore(Ctx* c) noexcept nogil:
    """ZINTERSTORE destination numkeys key [key ...], options of ZUNION -> how many members the result has."""
    return _run(c, INTERSECTION, True, False)


cdef Status cmd_zdiffstore(Ctx* c) noexcept nogil:
    """ZDIFFSTORE destination numkeys key [key ...] -> how many members the result has."""
    return _run(c, DIFFERENCE, True, False)


cdef Status cmd_zintercard(Ctx* c) noexcept nogil:
    """ZINTERCARD numkeys key [key ...] [LIMIT limit] -> how many members all have, at most `limit` unless it is 0."""
    return _run(c, INTERSECTION, False, True)


cdef void bind_sorted_set_algebra(Table* t) noexcept nogil:
    table_bind(t, b"ZUNION", cmd_zunion)
    table_bind(t, b"ZINTER", cmd_zinter)
    table_bind(t, b"ZDIFF", cmd_zdiff)
    table_bind(t, b"ZUNIONSTORE", cmd_zunionstore)
    table_bind(t, b"ZINTERSTORE", cmd_zinterstore)
    table_bind(t, b"ZDIFFSTORE", cmd_zdiffstore)
    table_bind(t, b"ZINTERCARD", cmd_zintercard)
