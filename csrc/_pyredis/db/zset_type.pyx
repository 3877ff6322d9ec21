"""zset_type -- sorted sets, whatever their encoding.

    up to zset-max-listpack-entries members,     a listpack: member, score, member, score ...      listpack
    each up to zset-max-listpack-value bytes     in order
    else                                         a ZSet: table and skiplist over the same members  skiplist

In a listpack a score stands as Redis writes it, an integer where it is one and else the shortest text that reads
back the same: the block is the RDB image. Everything is then a walk, of at most a few KiB.

In the other form a Member is one allocation (score, length, text), of which the table has the address by its text
and the list by its place in the order. So a score is one look-up, and a new score changes one object. A set of 1 M
members of 20 bytes takes 67.8 bytes a member (Valkey 9.1.2 89.3, Redis 8.0.6 133.3; bench/families, 22 November 2026).

A set that has become large stays so when it shrinks, as in Redis; ZBuild, which makes whole sets, chooses the form
by what came together. Wherever ranges are asked for by score or text, the answer is ranks: what is done with a range
is written once.

Rules checked by zset_check: 1 the listpack is sound; 2 has pairs of member and score; 3 in ascending order, no
member twice; 4 (plus ten times the rule) the skiplist is sound; 5 (likewise) the table is; 6 they have the same
members.
"""
from libc.math cimport isnan
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_room, mem_settled
from _pyredis.base.num cimport NUM_DOUBLE_MAX, num_format_double, num_parse_double
from _pyredis.base.slice cimport Slice, slice_compare, slice_of
from _pyredis.db.keyspace cimport Db, Key, Keyspace, keyspace_add, keyspace_create, keyspace_make
from _pyredis.db.value cimport (ENC_LISTPACK, ENC_SKIPLIST, Encoding, Entry, T_ZSET, TypeOps, entry_encoding,
                                entry_pointer, entry_set_kind, entry_set_pointer)
from _pyredis.ds.dict cimport (Dict, DictIter, Place, dict_bytes, dict_check, dict_drain, dict_find, dict_find_entry,
                               dict_free, dict_hash, dict_init, dict_insert, dict_iter, dict_next,
                               dict_prefetch_bucket, dict_remove, dict_reserve, dict_settle, dict_settle_part,
                               place_set)
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice, element_text
from _pyredis.ds.listpack cimport (LISTPACK_LARGEST, listpack_append, listpack_at, listpack_bytes, listpack_check,
                                   listpack_copy, listpack_delete, listpack_delete_at, listpack_find, listpack_first,
                                   listpack_free, listpack_get, listpack_insert, listpack_length, listpack_new,
                                   listpack_next, listpack_prev)
from _pyredis.ds.skiplist cimport (SKIPLIST_LEAF, Member, Skiplist, SkiplistPlace, member_bytes, member_compare,
                                   member_free, member_key_of, member_new, member_text, skiplist_at,
                                   skiplist_before_score, skiplist_before_text, skiplist_build, skiplist_bytes,
                                   skiplist_check, skiplist_drain, skiplist_from_score, skiplist_init,
                                   skiplist_insert, skiplist_leaf_after, skiplist_next,
                                   skiplist_prev, skiplist_rank, skiplist_remove, skiplist_remove_at,
                                   skiplist_rescore, skiplist_settle)

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    void PREFETCH(const void* p)

cdef enum:
    TABLE_BIT = 40                 # _settle: above the rank of any member
    PAIR_OVERHEAD = 64             # bytes of a listpack that a pair may take besides its member


cdef inline bint _is_packed(const Entry* e) noexcept nogil:
    return entry_encoding(e) == ENC_LISTPACK


cdef inline uint8_t* _packed(const Entry* e) noexcept nogil:
    return <uint8_t*>entry_pointer(e)


cdef inline ZSet* _zset(const Entry* e) noexcept nogil:
    return <ZSet*>entry_pointer(e)


# ---------------------------------------------------------------- what the keyspace asks

cdef ZSet* _zset_new(const Keyspace* ks) noexcept nogil:
    cdef ZSet* z = <ZSet*>mem_alloc(ks.mem, sizeof(ZSet))
    skiplist_init(&z.order)
    dict_init(&z.table, &ks.members[<int>T_ZSET])
    return z


cdef void _free_member(void* mem, void* member) noexcept nogil:
    member_free(<Arena*>mem, <Member*>member)


cdef bint _free_value(Arena* mem, Encoding enc, void* value, size_t most) noexcept nogil:
    cdef ZSet* z = <ZSet*>value
    if enc == ENC_LISTPACK:
        listpack_free(mem, <uint8_t*>value)
        return True
    if z.table.buckets:
        dict_drain(&z.table, most, _free_member, mem)
    if z.table.buckets or not skiplist_drain(&z.order, mem, most):
        return False
    mem_free(mem, z, sizeof(ZSet))
    return True


cdef void _fill(Arena* mem, ZSet* z, Member** members, size_t n) noexcept nogil:
    """Puts n > 0 members, which ascend, into an empty set, and takes them."""
    cdef size_t i
    cdef Slice text
    skiplist_build(&z.order, mem, members, n)
    dict_reserve(&z.table, n)
    for i in range(n):
        text = member_text(members[i])
        dict_insert(&z.table, members[i], dict_hash(z.table.type, text.ptr, text.len))


cdef void* _copy_value(Arena* mem, const Entry* e) noexcept nogil:
    cdef ZSet* z
    cdef ZSet* copy
    cdef Member** members
    cdef SkiplistPlace at
    cdef size_t n, i
    if _is_packed(e):
        return listpack_copy(mem, _packed(e))
    z = _zset(e)
    n = z.order.length
    copy = <ZSet*>mem_alloc(mem, sizeof(ZSet))
    skiplist_init(&copy.order)
    dict_init(&copy.table, z.table.type)
    members = <Member**>mem_alloc(mem, n * sizeof(void*))
    at = skiplist_at(&z.order, 0)
    for i in range(n):
        members[i] = member_new(mem, member_text(at.leaf.members[at.at]), at.leaf.members[at.at].score)
        skiplist_next(&at)
    _fill(mem, copy, members, n)
    mem_free(mem, members, n * sizeof(void*))
    return copy


cdef size_t _memory(const Entry* e, size_t samples) noexcept nogil:
    cdef const ZSet* z
    cdef DictIter it
    cdef Member* m
    cdef size_t seen = 0, total = 0
    if _is_packed(e):
        return mem_footprint(listpack_bytes(_packed(e)))
    z = _zset(e)
    dict_iter(&z.table, &it)
    m = <Member*>dict_next(&it)
    while m != NULL and (seen < samples or samples == 0):
        total += mem_footprint(member_bytes(m))
        seen += 1
        m = <Member*>dict_next(&it)
    return (mem_footprint(sizeof(ZSet)) + dict_bytes(&z.table) + skiplist_bytes(&z.order)
            + (<size_t>(<double>total / <double>seen * <double>z.order.length) if seen else 0))


cdef size_t _effort(const Entry* e) noexcept nogil:
    return 1 if _is_packed(e) else _zset(e).order.length + _zset(e).order.leaves


cdef struct _Settling:
    Arena* mem
    Dict* table


cdef Member* _settle_member(void* arg, Member* m) noexcept nogil:
    """Moves a member; the table hears of it."""
    cdef _Settling* run = <_Settling*>arg
    cdef Member* fresh = <Member*>mem_settled(run.mem, m, member_bytes(m))
    cdef Slice text
    cdef Place at
    if fresh != m:
        text = member_text(fresh)
        if dict_find_entry(run.table, m, dict_hash(run.table.type, text.ptr, text.len), &at):
            place_set(at, fresh)
    return fresh


cdef bint _settle(Arena* mem, Entry* e, uint64_t* at, size_t most) noexcept nogil:
    """First the list with its members, by rank; then, from 1 << TABLE_BIT on, the table's overflow buckets."""
    cdef uint64_t first = <uint64_t>1 << TABLE_BIT
    cdef _Settling run
    cdef ZSet* z
    if _is_packed(e):
        entry_set_pointer(e, mem_settled(mem, _packed(e), listpack_bytes(_packed(e))))
        return True
    z = _zset(e)
    if at[0] == 0:
        z = <ZSet*>mem_settled(mem, z, sizeof(ZSet))
        entry_set_pointer(e, z)
        dict_settle(&z.table)
    if at[0] < first:
        run.mem = mem
        run.table = &z.table
        at[0] = skiplist_settle(&z.order, mem, at[0], most, _settle_member, &run)
        if at[0]:
            return False
        at[0] = first
    at[0] -= first
    if dict_settle_part(&z.table, at, most, NULL, NULL):
        return True
    at[0] += first
    return False


cdef TypeOps _OPS
_OPS.free_value = _free_value
_OPS.copy_value = _copy_value
_OPS.memory = _memory
_OPS.effort = _effort
_OPS.settle = _settle


cdef void zset_bind(Keyspace* ks) noexcept nogil:
    ks.ops[<int>T_ZSET] = &_OPS
    ks.members[<int>T_ZSET].key_of = member_key_of


# ---------------------------------------------------------------- the compact form

cdef double _score_at(const uint8_t* p) noexcept nogil:
    """The score that stands at p."""
    cdef Element e = listpack_get(p)
    cdef double v = 0
    if e.ptr == NULL:
        return <double>e.number
    num_parse_double(e.ptr, e.len, &v)
    return v


cdef int _compare_at(const uint8_t* p, Slice text) noexcept nogil:
    """The member at p, compared with `text`."""
    cdef char[ELEMENT_DIGITS] digits
    cdef Element e = listpack_get(p)
    return slice_compare(element_slice(&e, digits), text)


cdef inline uint8_t* _find_packed(const uint8_t* lp, Slice member) noexcept nogil:
    return listpack_find(lp, listpack_first(lp), member, 1)


cdef inline Slice _score_text(double score, char* text) noexcept nogil:
    """A score as it stands in a listpack. Zero loses its sign there, as in Redis."""
    return slice_of(text, num_format_double(score + 0.0, text))


cdef uint8_t* _append_pair(Arena* mem, uint8_t* lp, Slice member, double score) noexcept nogil:
    cdef char[NUM_DOUBLE_MAX] text
    lp = listpack_append(mem, lp, member)
    return listpack_append(mem, lp, _score_text(score, text))


cdef uint8_t* _insert_packed(Arena* mem, uint8_t* lp, Slice member, double score) noexcept nogil:
    """The listpack with a member that it did not have, at its place."""
    cdef char[NUM_DOUBLE_MAX] text
    cdef uint8_t* p = listpack_first(lp)
    cdef uint8_t* at
    cdef double other
    while p != NULL:
        at = listpack_next(lp, p)
        other = _score_at(at)
        if other > score or other == score and _compare_at(p, member) > 0:
            break
        p = listpack_next(lp, at)
    if p == NULL:
        return _append_pair(mem, lp, member, score)
    lp = listpack_insert(mem, lp, p, _score_text(score, text), &at)
    return listpack_insert(mem, lp, at, member, NULL)


cdef void _unpack(Keyspace* ks, Entry* e) noexcept nogil:
    """Gives a listpack's members the form of a ZSet."""
    cdef uint8_t* lp = _packed(e)
    cdef uint8_t* p = listpack_first(lp)
    cdef uint8_t* at
    cdef size_t n = listpack_length(lp) >> 1, i
    cdef ZSet* z = _zset_new(ks)
    cdef char[ELEMENT_DIGITS] digits
    cdef Element member
    cdef Member** members
    if n:
        members = <Member**>mem_alloc(ks.mem, n * sizeof(void*))
        for i in range(n):
            at = listpack_next(lp, p)
            member = listpack_get(p)
            members[i] = member_new(ks.mem, element_slice(&member, digits), _score_at(at))
            p = listpack_next(lp, at)
        _fill(ks.mem, z, members, n)
        mem_free(ks.mem, members, n * sizeof(void*))
    listpack_free(ks.mem, lp)
    entry_set_pointer(e, z)
    entry_set_kind(e, T_ZSET, ENC_SKIPLIST)


# ---------------------------------------------------------------- changing

cdef Entry* zset_create(Keyspace* ks, Db* db, Key key, size_t entries, size_t longest) noexcept nogil:
    """An empty set under an absent key, in the form that suits so many members of up to so many bytes."""
    if entries <= ks.limits.zset_max_listpack_entries and longest <= ks.limits.zset_max_listpack_value:
        return keyspace_create(ks, db, key, T_ZSET, ENC_LISTPACK, listpack_new(ks.mem))
    return keyspace_create(ks, db, key, T_ZSET, ENC_SKIPLIST, _zset_new(ks))


cdef void zset_expect(Keyspace* ks, Entry* e, size_t entries) noexcept nogil:
    """So many pairs come in one command: too many for a listpack change the form beforehand, as in Redis."""
    if _is_packed(e) and entries > ks.limits.zset_max_listpack_entries:
        _unpack(ks, e)


cdef ZAddOutcome _judge(double present, double* score, int flags) noexcept nogil:
    """What becomes of a member with the score `present` that is to have *score, which ZADD_INCR makes the sum."""
    if flags & ZADD_NX:
        return ZADD_REFUSED
    if flags & ZADD_INCR:
        score[0] += present
        if isnan(score[0]):
            return ZADD_NAN
    if flags & ZADD_GT and score[0] <= present or flags & ZADD_LT and score[0] >= present:
        return ZADD_REFUSED
    return ZADD_SAME if score[0] == present else ZADD_CHANGED


cdef ZAddOutcome _add_packed(Keyspace* ks, Entry* e, Slice member, double* score, int flags,
                             bint* grows) noexcept nogil:
    """`grows`: it must become large first, and nothing was done."""
    cdef uint8_t* lp = _packed(e)
    cdef uint8_t* p = _find_packed(lp, member)
    cdef ZAddOutcome outcome
    grows[0] = False
    if p != NULL:
        outcome = _judge(_score_at(listpack_next(lp, p)), score, flags)
        if outcome == ZADD_CHANGED:
            lp = listpack_delete(ks.mem, lp, p, 2, NULL)
            entry_set_pointer(e, _insert_packed(ks.mem, lp, member, score[0]))
        return outcome
    if flags & ZADD_XX:
        return ZADD_REFUSED
    grows[0] = (listpack_length(lp) >> 1 >= ks.limits.zset_max_listpack_entries
                or member.len > ks.limits.zset_max_listpack_value
                or listpack_bytes(lp) + member.len + PAIR_OVERHEAD > LISTPACK_LARGEST)
    if not grows[0]:
        entry_set_pointer(e, _insert_packed(ks.mem, lp, member, score[0]))
    return ZADD_ADDED


cdef ZAddOutcome zset_add(Keyspace* ks, Entry* e, Slice member, double score, int flags,
                          double* result) noexcept nogil:
    """Gives a member a score (ZADD_INCR: adds to it) if the conditions in `flags` allow; *result: the score it has."""
    cdef ZAddOutcome outcome
    cdef ZSet* z
    cdef Member* m
    cdef uint64_t hash
    cdef bint grows
    result[0] = score
    if _is_packed(e):
        outcome = _add_packed(ks, e, member, result, flags, &grows)
        if not grows:
            return outcome
        _unpack(ks, e)
    z = _zset(e)
    hash = dict_hash(z.table.type, member.ptr, member.len)
    m = <Member*>dict_find(&z.table, member.ptr, member.len, hash, NULL)
    if m != NULL:
        outcome = _judge(m.score, result, flags)
        if outcome == ZADD_CHANGED:
            skiplist_rescore(&z.order, ks.mem, m, result[0])
        return outcome
    if flags & ZADD_XX:
        return ZADD_REFUSED
    m = member_new(ks.mem, member, score)
    skiplist_insert(&z.order, ks.mem, m)
    dict_insert(&z.table, m, hash)
    return ZADD_ADDED


cdef bint zset_remove(Keyspace* ks, Entry* e, Slice member) noexcept nogil:
    """Was it there? It is gone."""
    cdef uint8_t* p
    cdef ZSet* z
    cdef Member* m
    cdef Place at
    cdef uint64_t hash
    if _is_packed(e):
        p = _find_packed(_packed(e), member)
        if p != NULL:
            entry_set_pointer(e, listpack_delete(ks.mem, _packed(e), p, 2, NULL))
        return p != NULL
    z = _zset(e)
    hash = dict_hash(z.table.type, member.ptr, member.len)
    m = <Member*>dict_find(&z.table, member.ptr, member.len, hash, &at)
    if m == NULL:
        return False
    dict_remove(&z.table, at, hash)
    skiplist_remove(&z.order, ks.mem, m)
    member_free(ks.mem, m)
    return True


cdef void _drop_members(ZSet* z, Arena* mem, Member** members, size_t n) noexcept nogil:
    """Members that the list has given up: out of the table, and freed. n is at most SKIPLIST_LEAF."""
    cdef uint64_t hashes[SKIPLIST_LEAF]
    cdef Place at
    cdef Slice text
    cdef size_t i
    for i in range(n):
        PREFETCH(members[i])
    for i in range(n):
        text = member_text(members[i])
        hashes[i] = dict_hash(z.table.type, text.ptr, text.len)
        dict_prefetch_bucket(&z.table, hashes[i])
    for i in range(n):
        if LIKELY(dict_find_entry(&z.table, members[i], hashes[i], &at)):
            dict_remove(&z.table, at, hashes[i])
        member_free(mem, members[i])


cdef void zset_remove_ranks(Keyspace* ks, Entry* e, Ranks ranks) noexcept nogil:
    """O(log n) for each piece of at most a leaf, and O(1) for each member."""
    cdef Member* taken[SKIPLIST_LEAF]
    cdef ZSet* z
    cdef size_t n
    if _is_packed(e):
        entry_set_pointer(e, listpack_delete_at(ks.mem, _packed(e), <int64_t>ranks.start * 2, ranks.count * 2))
        return
    z = _zset(e)
    while ranks.count:
        n = skiplist_remove_at(&z.order, ks.mem, ranks.start, ranks.count, taken)
        _drop_members(z, ks.mem, taken, n)
        ranks.count -= n


# ---------------------------------------------------------------- asking for a member

cdef size_t zset_length(const Entry* e) noexcept nogil:
    return listpack_length(_packed(e)) >> 1 if _is_packed(e) else _zset(e).order.length


cdef uint64_t zset_hash(const Keyspace* ks, Slice member) noexcept nogil:
    return dict_hash(&ks.members[<int>T_ZSET], member.ptr, member.len)


cdef bint zset_score_hashed(const Entry* e, Slice member, uint64_t hash, double* score) noexcept nogil:
    cdef const uint8_t* p
    cdef const Member* m
    if _is_packed(e):
        p = _find_packed(_packed(e), member)
        if p != NULL:
            score[0] = _score_at(listpack_next(_packed(e), p))
        return p != NULL
    m = <const Member*>dict_find(&_zset(e).table, member.ptr, member.len, hash, NULL)
    if m != NULL:
        score[0] = m.score
    return m != NULL


cdef bint zset_score(const Keyspace* ks, const Entry* e, Slice member, double* score) noexcept nogil:
    """Is it a member, and with what score?"""
    return zset_score_hashed(e, member, 0 if _is_packed(e) else zset_hash(ks, member), score)


cdef bint zset_rank(const Keyspace* ks, const Entry* e, Slice member, size_t* rank, double* score) noexcept nogil:
    """Is it a member, and with what rank and score? O(log n), or in a listpack O(n)."""
    cdef const uint8_t* lp
    cdef const uint8_t* p
    cdef const uint8_t* found
    cdef const Member* m
    if _is_packed(e):
        lp = _packed(e)
        found = _find_packed(lp, member)
        if found == NULL:
            return False
        p = listpack_first(lp)
        rank[0] = 0
        while p != found:
            p = listpack_next(lp, listpack_next(lp, p))
            rank[0] += 1
        score[0] = _score_at(listpack_next(lp, p))
        return True
    m = <const Member*>dict_find(&_zset(e).table, member.ptr, member.len, zset_hash(ks, member), NULL)
    if m == NULL:
        return False
    rank[0] = skiplist_rank(&_zset(e).order, m)
    score[0] = m.score
    return True


# ---------------------------------------------------------------- ranges

cdef inline Ranks _ranks(size_t start, size_t end) noexcept nogil:
    cdef Ranks found
    found.start = start
    found.count = end - start if end > start else 0
    return found


cdef Ranks zset_ranks_of_scores(const Entry* e, const ScoreRange* r) noexcept nogil:
    cdef const uint8_t* lp
    cdef const uint8_t* p
    cdef size_t start = 0, end = 0
    cdef double score
    if not _is_packed(e):
        return _ranks(skiplist_before_score(&_zset(e).order, r.min, r.flags & RANGE_MIN_OPEN),
                      skiplist_before_score(&_zset(e).order, r.max, not r.flags & RANGE_MAX_OPEN))
    lp = _packed(e)
    p = listpack_first(lp)
    while p != NULL:
        p = listpack_next(lp, p)
        score = _score_at(p)
        if score > r.max or score == r.max and r.flags & RANGE_MAX_OPEN:
            break
        if score < r.min or score == r.min and r.flags & RANGE_MIN_OPEN:
            start += 1
        end += 1
        p = listpack_next(lp, p)
    return _ranks(start, end)


cdef inline bint _above_min(int compared, int flags) noexcept nogil:
    """Is a member inside the lower limit, with which it compares so?"""
    if flags & (RANGE_MIN_LOWEST | RANGE_MIN_HIGHEST):
        return flags & RANGE_MIN_LOWEST
    return compared > 0 or compared == 0 and not flags & RANGE_MIN_OPEN


cdef inline bint _below_max(int compared, int flags) noexcept nogil:
    if flags & (RANGE_MAX_LOWEST | RANGE_MAX_HIGHEST):
        return flags & RANGE_MAX_HIGHEST
    return compared < 0 or compared == 0 and not flags & RANGE_MAX_OPEN


cdef Ranks _packed_texts(const uint8_t* lp, const TextRange* r) noexcept nogil:
    """From the first member that is inside the lower limit to the one before the first beyond the upper."""
    cdef const uint8_t* p = listpack_first(lp)
    cdef size_t start = 0, end
    while p != NULL and not _above_min(_compare_at(p, r.min), r.flags):
        p = listpack_next(lp, listpack_next(lp, p))
        start += 1
    end = start
    while p != NULL and _below_max(_compare_at(p, r.max), r.flags):
        p = listpack_next(lp, listpack_next(lp, p))
        end += 1
    return _ranks(start, end)


cdef Ranks _packed_texts_reverse(const uint8_t* lp, const TextRange* r) noexcept nogil:
    """The same from the other end."""
    cdef const uint8_t* p = listpack_at(lp, -2)
    cdef size_t end = listpack_length(lp) >> 1, start
    while p != NULL and not _below_max(_compare_at(p, r.max), r.flags):
        p = listpack_prev(lp, p)
        p = listpack_prev(lp, p) if p != NULL else NULL
        end -= 1
    start = end
    while p != NULL and _above_min(_compare_at(p, r.min), r.flags):
        p = listpack_prev(lp, p)
        p = listpack_prev(lp, p) if p != NULL else NULL
        start -= 1
    return _ranks(start, end)


cdef bint _texts_empty(const Entry* e, const TextRange* r) noexcept nogil:
    """Can nothing be inside, whatever the order? As Redis finds it, by the limits, the last member and the first."""
    cdef const uint8_t* lp
    cdef const Skiplist* order
    cdef int last, first, limits
    if not r.flags & (RANGE_MIN_LOWEST | RANGE_MIN_HIGHEST | RANGE_MAX_LOWEST | RANGE_MAX_HIGHEST):
        limits = slice_compare(r.min, r.max)
        if limits > 0 or limits == 0 and r.flags & (RANGE_MIN_OPEN | RANGE_MAX_OPEN):
            return True
    if zset_length(e) == 0:
        return True
    if _is_packed(e):
        lp = _packed(e)
        last = _compare_at(listpack_at(lp, -2), r.min)
        first = _compare_at(listpack_first(lp), r.max)
    else:
        order = &_zset(e).order
        last = slice_compare(member_text(order.last.members[order.last.count - 1]), r.min)
        first = slice_compare(member_text(skiplist_at(order, 0).leaf.members[0]), r.max)
    return not _above_min(last, r.flags) or not _below_max(first, r.flags)


cdef Ranks zset_ranks_of_texts(const Entry* e, const TextRange* r, bint reverse) noexcept nogil:
    cdef const Skiplist* order
    cdef size_t start = 0, end
    if _texts_empty(e, r):
        return _ranks(0, 0)
    if _is_packed(e):
        return _packed_texts_reverse(_packed(e), r) if reverse else _packed_texts(_packed(e), r)
    order = &_zset(e).order
    end = order.length
    if not r.flags & RANGE_MIN_LOWEST:
        start = skiplist_before_text(order, r.min, r.flags & RANGE_MIN_OPEN)
    if not r.flags & RANGE_MAX_HIGHEST:
        end = skiplist_before_text(order, r.max, not r.flags & RANGE_MAX_OPEN)
    return _ranks(start, end)


cdef Ranks zset_limit(const Entry* e, Ranks found, int64_t offset, int64_t limit, bint reverse) noexcept nogil:
    # Redis: a negative offset counts from where the walk ends in a skiplist, and finds nothing in a listpack
    if offset < 0 and not _is_packed(e):
        offset += <int64_t>found.count
    if offset < 0 or <size_t>offset >= found.count:
        found.count = 0
        return found
    found.count -= <size_t>offset
    if not reverse:
        found.start += <size_t>offset
    if limit >= 0 and <size_t>limit < found.count:
        if reverse:
            found.start += found.count - <size_t>limit
        found.count = <size_t>limit
    return found


# ---------------------------------------------------------------- walking

cdef void zset_iter(const Entry* e, Ranks ranks, bint reverse, ZIter* it) noexcept nogil:
    cdef size_t first = ranks.start + ranks.count - 1 if reverse and ranks.count else ranks.start
    it.entry = e
    it.left = ranks.count
    it.reverse = reverse
    it.lp = it.at = NULL
    it.place.leaf = NULL
    if ranks.count == 0:
        return
    if _is_packed(e):
        it.lp = _packed(e)
        it.at = listpack_at(it.lp, <int64_t>first * 2)
    else:
        it.place = skiplist_at(&_zset(e).order, first)


cdef void zset_iter_all(const Entry* e, ZIter* it) noexcept nogil:
    zset_iter(e, _ranks(0, zset_length(e)), False, it)


cdef void zset_iter_back(const Entry* e, ZIter* it) noexcept nogil:
    zset_iter(e, _ranks(0, zset_length(e)), True, it)


cdef Slice zset_image(const Entry* e) noexcept nogil:
    return slice_of(<const char*>_packed(e), listpack_bytes(_packed(e))) if _is_packed(e) else slice_of(NULL, 0)


cdef bint _next_packed(ZIter* it, Element* member, double* score) noexcept nogil:
    cdef const uint8_t* value = listpack_next(it.lp, it.at)
    member[0] = listpack_get(it.at)
    score[0] = _score_at(value)
    if not it.reverse:
        it.at = listpack_next(it.lp, value)
    else:
        it.at = listpack_prev(it.lp, it.at)
        if it.at != NULL:
            it.at = listpack_prev(it.lp, it.at)
    return True


cdef bint zset_next(ZIter* it, Element* member, double* score) noexcept nogil:
    """The next member and its score; False: that was all."""
    cdef const Member* m
    cdef Slice text
    if it.left == 0:
        return False
    it.left -= 1
    if it.lp != NULL:
        return _next_packed(it, member, score)
    m = it.place.leaf.members[it.place.at]
    score[0] = it.place.leaf.scores[it.place.at]
    text = member_text(m)
    member[0] = element_text(text.ptr, text.len)
    if it.reverse:
        skiplist_prev(&it.place)
    else:
        skiplist_next(&it.place)
    return True


cdef void zset_scores(const Entry* e, double start, double end, ZScores* it) noexcept nogil:
    """O(log n), or in a listpack O(n)."""
    cdef SkiplistPlace place
    it.end = end
    it.leaf = NULL
    it.at = 0
    it.lp = it.p = NULL
    if not _is_packed(e):
        place = skiplist_from_score(&_zset(e).order, start)
        it.leaf = place.leaf
        it.at = place.at
        return
    it.lp = _packed(e)
    it.p = listpack_first(it.lp)
    while it.p != NULL and _score_at(listpack_next(it.lp, it.p)) < start:
        it.p = listpack_next(it.lp, listpack_next(it.lp, it.p))


cdef bint zset_next_score(ZScores* it, double* score, const void** member) noexcept nogil:
    """The next score and whose it is; False: that was all."""
    cdef const uint8_t* value
    if it.leaf != NULL:
        score[0] = it.leaf.scores[it.at]
        if not score[0] < it.end:
            return False
        member[0] = it.leaf.members[it.at]
        it.at += 1
        if it.at == it.leaf.count:
            it.leaf = skiplist_leaf_after(it.leaf)
            it.at = 0
        return True
    if it.p == NULL:
        return False
    value = listpack_next(it.lp, it.p)
    score[0] = _score_at(value)
    member[0] = it.p
    it.p = listpack_next(it.lp, value)
    return score[0] < it.end


cdef Element zset_member(const Entry* e, const void* member) noexcept nogil:
    cdef Slice text
    if _is_packed(e):
        return listpack_get(<const uint8_t*>member)
    text = member_text(<const Member*>member)
    return element_text(text.ptr, text.len)


cdef const Dict* zset_table(const Entry* e) noexcept nogil:
    return NULL if _is_packed(e) else &_zset(e).table


# ---------------------------------------------------------------- building

cdef void zset_build(ZBuild* b, Keyspace* ks, bint indexed) noexcept nogil:
    memset(b, 0, sizeof(ZBuild))
    b.ks = ks
    b.indexed = indexed
    dict_init(&b.table, &ks.members[<int>T_ZSET])


cdef Member* zset_build_find(ZBuild* b, Slice member, uint64_t hash) noexcept nogil:
    return <Member*>dict_find(&b.table, member.ptr, member.len, hash, NULL)


cdef void zset_build_add(ZBuild* b, Slice member, uint64_t hash, double score) noexcept nogil:
    cdef Member* m = member_new(b.ks.mem, member, score)
    b.members = <Member**>mem_room(b.ks.mem, b.members, b.count, &b.capacity, sizeof(void*), 16)
    b.members[b.count] = m
    b.count += 1
    b.text_bytes += member.len
    if member.len > b.longest:
        b.longest = member.len
    if b.indexed:
        dict_insert(&b.table, m, hash)


cdef int _by_order(const void* a, const void* b) noexcept nogil:
    return member_compare((<Member* const*>a)[0], (<Member* const*>b)[0])


cdef Member** zset_build_sort(ZBuild* b) noexcept nogil:
    """O(n log n), or O(n) of what has come in order."""
    cdef size_t i
    for i in range(1, b.count):
        if member_compare(b.members[i - 1], b.members[i]) > 0:
            qsort(b.members, b.count, sizeof(void*), _by_order)
            break
    return b.members


cdef void _build_end(ZBuild* b) noexcept nogil:
    """Frees what is left of the building: no members."""
    mem_free(b.ks.mem, b.members, b.capacity * sizeof(void*))
    b.members = NULL
    b.count = b.capacity = 0


cdef void zset_build_drop(ZBuild* b) noexcept nogil:
    cdef size_t i
    dict_free(&b.table)
    for i in range(b.count):
        member_free(b.ks.mem, b.members[i])
    _build_end(b)


cdef Entry* zset_build_store(ZBuild* b, Db* db, Key key) noexcept nogil:
    cdef Entry* e = zset_build_make(b, key.name)
    keyspace_add(b.ks, db, key, e)
    return e


cdef Entry* zset_of_listpack(Keyspace* ks, Slice name, uint8_t* lp) noexcept nogil:
    """A set in no table of a listpack that came as it is, in order; one of too many members becomes large."""
    cdef Entry* e = keyspace_make(ks, name, T_ZSET, ENC_LISTPACK, lp)
    if listpack_length(lp) >> 1 > ks.limits.zset_max_listpack_entries:
        _unpack(ks, e)
    return e


cdef Entry* zset_build_make(ZBuild* b, Slice name) noexcept nogil:
    cdef Entry* e
    cdef ZSet* z
    cdef uint8_t* lp
    cdef size_t i
    zset_build_sort(b)
    if (b.count <= b.ks.limits.zset_max_listpack_entries and b.longest <= b.ks.limits.zset_max_listpack_value
            and b.text_bytes + b.count * PAIR_OVERHEAD <= LISTPACK_LARGEST):
        lp = listpack_new(b.ks.mem)
        for i in range(b.count):
            lp = _append_pair(b.ks.mem, lp, member_text(b.members[i]), b.members[i].score)
        e = keyspace_make(b.ks, name, T_ZSET, ENC_LISTPACK, lp)
        zset_build_drop(b)
        return e
    z = _zset_new(b.ks)
    if b.indexed:
        z.table = b.table
        skiplist_build(&z.order, b.ks.mem, b.members, b.count)
    else:
        _fill(b.ks.mem, z, b.members, b.count)
    _build_end(b)
    return keyspace_make(b.ks, name, T_ZSET, ENC_SKIPLIST, z)


# ---------------------------------------------------------------- checking

cdef int _check_packed(const uint8_t* lp) noexcept nogil:
    cdef const uint8_t* p = listpack_first(lp)
    cdef const uint8_t* value
    cdef const uint8_t* before = NULL
    cdef char[ELEMENT_DIGITS] digits
    cdef Element member
    cdef Slice text
    cdef double last = 0, score
    if listpack_check(lp):
        return 1
    if listpack_length(lp) & 1:
        return 2
    while p != NULL:
        value = listpack_next(lp, p)
        score = _score_at(value)
        member = listpack_get(p)
        text = element_slice(&member, digits)
        if before != NULL and (last > score or last == score and _compare_at(before, text) >= 0):
            return 3
        if isnan(score) or _find_packed(lp, text) != p:
            return 3
        before = p
        last = score
        p = listpack_next(lp, value)
    return 0


cdef int zset_check(const Keyspace* ks, const Entry* e) noexcept nogil:
    cdef const ZSet* z
    cdef SkiplistPlace at
    cdef Place place
    cdef int broken
    if _is_packed(e):
        return _check_packed(_packed(e))
    z = _zset(e)
    broken = skiplist_check(&z.order)
    if broken:
        return 4 + 10 * broken
    broken = dict_check(&z.table)
    if broken:
        return 5 + 10 * broken
    if z.table.used != z.order.length:
        return 6
    at = skiplist_at(&z.order, 0)
    while at.leaf != NULL:
        if not dict_find_entry(&z.table, at.leaf.members[at.at], zset_hash(ks, member_text(at.leaf.members[at.at])),
                               &place):
            return 6
        skiplist_next(&at)
    return 0
