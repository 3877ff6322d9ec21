"""set_algebra -- SINTER, SUNION, SDIFF, and what stores or counts these.

Each walks over sets in groups of 32 members and looks every group up in the other sets: first the buckets of
the group are asked for, then the entries, then they are compared, so that the waits for memory overlap. A
member is hashed once, for all sets.

    intersection   walks the smallest, and goes on with those that the next larger set has, too
    difference     walks the first; the largest other set is asked first. Many small ones are made one before
    union          walks all from the largest to the smallest, and lists what none of those before has; of more
                   sets than UNION_PROBES it is cheaper to build the union and list that

So a reply is written while walking, and no set is built for it. A stored result is a set that starts compact
and changes its form as it grows, which gives it the form that Redis would give it; SDIFFSTORE may for that
reason build the first set whole and remove the others from it, by the rule that Redis has for it.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, ERR_WRONG_TYPE, OK, Status
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_read, lookup_write,
                               prefetch_keys)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_SET
from _pyredis.db.keyspace cimport Key, keyspace_create, keyspace_delete, keyspace_make_way
from _pyredis.db.set_type cimport (MEMBER_TEXT, SET_GROUP, Member, Set, SetIter, member_number, member_of,
                                   member_text, set_add, set_add_absent, set_compact, set_compact_most, set_free,
                                   set_has, set_iter, set_length, set_new_numbers, set_new_table, set_next, set_of,
                                   set_prefetch, set_remove)
from _pyredis.db.value cimport T_SET, Entry, entry_type
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport Deferred, reply_begin, reply_bulk_int, reply_end, reply_int, reply_slice

cdef extern from "bucket.h" nogil:
    int bits_lowest(unsigned int x)

cdef enum:
    UNION_PROBES = 4               # sets that a union looks members up in, rather than be built

cdef struct Algebra:
    Ctx* c
    Set* sets                      # those that exist
    int count                      # of them
    int named                      # keys of the request
    bint has_first                 # is sets[0] the first of them?
    size_t found                   # members of the result
    size_t limit                   # ... after which nobody asks; 0: none
    bint replies                   # members go to the reply
    bint stores                    # ... or into `result`
    bint numbers                   # all that came into `result` are numbers
    Set result


# ---------------------------------------------------------------- operands and results

cdef Status _open(Algebra* a, Ctx* c, int first, int named) noexcept nogil:
    """The sets at argv[first] .. : their types are judged all, before anything else."""
    cdef Key[SET_GROUP] keys
    cdef Entry* e
    cdef int at = 0, n, i
    a.c = c
    a.named = named
    a.count = 0
    a.found = a.limit = 0
    a.has_first = a.replies = a.stores = False
    a.numbers = True
    a.sets = <Set*>mem_alloc(c.ks.mem, named * sizeof(Set))
    while at < named:
        n = named - at if named - at < SET_GROUP else SET_GROUP
        prefetch_keys(c, first + at, 1, n, keys)
        for i in range(n):
            e = lookup_read(c, keys[i])
            if e != NULL and entry_type(e) != T_SET:
                _close(a)
                return ERR_WRONG_TYPE
            if e != NULL:
                a.has_first = a.has_first or at + i == 0
                a.sets[a.count] = set_of(e)
                a.count += 1
        at += n
    return OK


cdef void _close(Algebra* a) noexcept nogil:
    mem_free(a.c.ks.mem, a.sets, a.named * sizeof(Set))


cdef void _sort(Algebra* a, int first, bint descending) noexcept nogil:
    """The sets from `first` on by length. Insertion: they are few."""
    cdef int i, j
    cdef Set s
    for i in range(first + 1, a.count):
        s = a.sets[i]
        j = i
        while j > first and (set_length(a.sets[j - 1]) < set_length(s)) == descending and (
                set_length(a.sets[j - 1]) != set_length(s)):
            a.sets[j] = a.sets[j - 1]
            j -= 1
        a.sets[j] = s


cdef void _emit(Algebra* a, Member* m) noexcept nogil:
    """One more member of the result."""
    cdef int64_t v
    a.found += 1
    if a.replies:
        if m.knows & MEMBER_TEXT:
            reply_slice(a.c.out, member_text(m))
        else:
            reply_bulk_int(a.c.out, m.number)
    elif a.stores:
        a.numbers = a.numbers and member_number(m, &v)
        set_add_absent(a.c.ks, &a.result, m)


cdef int _fill(SetIter* it, Member* group) noexcept nogil:
    """The next members of a walk; how many."""
    cdef Element e
    cdef int n = 0
    while n < SET_GROUP and set_next(it, &e):
        member_of(&group[n], &e)
        n += 1
    return n


cdef uint32_t _filter(Algebra* a, Set s, Member* group, int n, uint32_t alive, bint wanted) noexcept nogil:
    """Of the members of the group whose bit is set: those that the set has (or, not `wanted`, has not)."""
    cdef uint32_t left = alive
    cdef int i
    set_prefetch(a.c.ks, s, group, n)
    while left:
        i = bits_lowest(left)
        left &= left - 1
        if set_has(a.c.ks, s, &group[i]) != wanted:
            alive &= ~(<uint32_t>1 << i)
    return alive


cdef void _walk(Algebra* a, int walked, int first, int last, bint wanted) noexcept nogil:
    """Emits of set `walked` what each (or, not `wanted`, none) of the sets first .. last-1 has."""
    cdef Member[SET_GROUP] group
    cdef SetIter it
    cdef uint32_t alive
    cdef int n, i
    set_iter(a.sets[walked], &it)
    while True:
        n = _fill(&it, group)
        if n == 0:
            return
        alive = <uint32_t>((<uint64_t>1 << n) - 1)
        for i in range(first, last):
            if alive:
                alive = _filter(a, a.sets[i], group, n, alive, wanted)
        while alive:
            _emit(a, &group[bits_lowest(alive)])
            alive &= alive - 1
            if a.found == a.limit:
                return


# ---------------------------------------------------------------- the three operations

cdef void _intersection(Algebra* a) noexcept nogil:
    if a.stores:
        a.result = set_new_numbers(a.c.ks)
    if a.count == a.named:
        _sort(a, 0, False)
        _walk(a, 0, 1, a.count, True)
    if a.stores and a.numbers:
        set_compact(a.c.ks, &a.result)


cdef void _add_all(Algebra* a, Set s, bint absent) noexcept nogil:
    """Adds the members of a set to the result; `absent`: none of them is in it yet."""
    cdef Member[SET_GROUP] group
    cdef SetIter it
    cdef int n, i
    set_iter(s, &it)
    while True:
        n = _fill(&it, group)
        if n == 0:
            return
        set_prefetch(a.c.ks, a.result, group, n)
        for i in range(n):
            if absent:
                set_add_absent(a.c.ks, &a.result, &group[i])
            else:
                set_add(a.c.ks, &a.result, &group[i])


cdef void _remove_all(Algebra* a, Set s) noexcept nogil:
    cdef Member[SET_GROUP] group
    cdef SetIter it
    cdef int n, i
    set_iter(s, &it)
    while set_length(a.result):
        n = _fill(&it, group)
        if n == 0:
            return
        set_prefetch(a.c.ks, a.result, group, n)
        for i in range(n):
            set_remove(a.c.ks, &a.result, &group[i])


cdef Set _result_of(Algebra* a, size_t least) noexcept nogil:
    """Empty, for a result of at least so many members."""
    if least > set_compact_most(a.c.ks):
        return set_new_table(a.c.ks, least)
    return set_new_numbers(a.c.ks)


cdef void _build_union(Algebra* a) noexcept nogil:
    """Into `result`."""
    cdef size_t largest = 0
    cdef int i
    for i in range(a.count):
        largest = max(largest, set_length(a.sets[i]))
    a.result = _result_of(a, largest)
    if largest > set_compact_most(a.c.ks):
        _sort(a, 0, True)                          # the form is certain; else it may depend on who comes first
    for i in range(a.count):
        _add_all(a, a.sets[i], i == 0)


cdef void _list(Algebra* a, Set s) noexcept nogil:
    cdef SetIter it
    cdef Element e
    cdef Member m
    set_iter(s, &it)
    while set_next(&it, &e):
        member_of(&m, &e)
        _emit(a, &m)


cdef void _union(Algebra* a) noexcept nogil:
    cdef int i
    if a.stores:
        _build_union(a)
    elif a.count > UNION_PROBES:
        _build_union(a)
        _list(a, a.result)
        set_free(a.c.ks, a.result)
    else:
        _sort(a, 0, True)
        for i in range(a.count):
            _walk(a, i, 0, i, False)


cdef bint _builds_first(Algebra* a) noexcept nogil:
    """Would Redis make a copy of the first set and take the others out of it? The result's form shows it."""
    cdef size_t by_probing = set_length(a.sets[0]) * a.count // 2, by_removing = 0
    cdef int i
    for i in range(a.count):
        by_removing += set_length(a.sets[i])
    return by_probing > by_removing


cdef void _subtract(Algebra* a) noexcept nogil:
    """The first set is there."""
    cdef size_t first = set_length(a.sets[0]), others = 0
    cdef int i
    for i in range(1, a.count):
        if a.sets[i].block == a.sets[0].block:     # the very same set: nothing is left
            if a.stores:
                a.result = set_new_numbers(a.c.ks)
            return
        others += set_length(a.sets[i])
    if a.stores:
        if _builds_first(a):
            a.result = _result_of(a, first)
            _add_all(a, a.sets[0], True)
            for i in range(1, a.count):
                _remove_all(a, a.sets[i])
            return
        a.result = _result_of(a, first - others if first > others else 0)
    elif a.count > 2 and others * 2 < first * (a.count - 2):
        _subtract_joined(a, others)
        return
    _sort(a, 1, True)
    _walk(a, 0, 1, a.count, False)


cdef void _subtract_joined(Algebra* a, size_t others) noexcept nogil:
    """Makes one set of all but the first, so that each member is looked up once."""
    cdef int i
    a.result = set_new_table(a.c.ks, others)
    for i in range(1, a.count):
        _add_all(a, a.sets[i], i == 1)
    a.sets[1] = a.result
    _walk(a, 0, 1, 2, False)
    set_free(a.c.ks, a.result)


cdef void _difference(Algebra* a) noexcept nogil:
    """_subtract, if there is anything to subtract from."""
    if a.has_first:
        _subtract(a)
    elif a.stores:
        a.result = set_new_numbers(a.c.ks)


# ---------------------------------------------------------------- commands

ctypedef void (*Operation)(Algebra* a) noexcept nogil


cdef Status _reply(Ctx* c, Operation operation) noexcept nogil:
    """The result as a reply."""
    cdef Algebra a
    cdef Deferred header
    cdef Status st = _open(&a, c, 1, c.argc - 1)
    if st != OK:
        return st
    a.replies = True
    header = reply_begin(c.out, c'~')
    operation(&a)
    reply_end(c.out, header, a.found)
    _close(&a)
    return OK


cdef Status _store(Ctx* c, Operation operation, const char* event) noexcept nogil:
    """The result under argv[1], in the place of whatever was there; how many members it has."""
    cdef Key key = key_at(c, 1)
    cdef Algebra a
    cdef Entry* e
    cdef size_t length
    cdef Status st = _open(&a, c, 2, c.argc - 2)
    if st != OK:
        return st
    a.stores = True
    operation(&a)
    _close(&a)
    length = set_length(a.result)
    e = lookup_write(c, key)
    if e != NULL and length:
        keyspace_make_way(c.ks, c.db, key, e)
    elif e != NULL:
        keyspace_delete(c.ks, c.db, key, e)
    if length:
        keyspace_create(c.ks, c.db, key, T_SET, a.result.form, a.result.block)
        key_changed(c, key.name, EV_SET, event, 1)
    else:
        set_free(c.ks, a.result)
        if e != NULL:
            key_changed(c, key.name, EV_GENERIC, b"del", 1)
    reply_int(c.out, length)
    return OK


cdef Status cmd_sinter(Ctx* c) noexcept nogil:
    """SINTER key [key ...] -> members that all have; none if a key is missing."""
    return _reply(c, _intersection)


cdef Status cmd_sunion(Ctx* c) noexcept nogil:
    """SUNION key [key ...] -> members that any has."""
    return _reply(c, _union)


cdef Status cmd_sdiff(Ctx* c) noexcept nogil:
    """SDIFF key [key ...] -> members of the first that no other has."""
    return _reply(c, _difference)


cdef Status cmd_sinterstore(Ctx* c) noexcept nogil:
    """SINTERSTORE destination key [key ...] -> how many members the result has."""
    return _store(c, _intersection, b"sinterstore")


cdef Status cmd_sunionstore(Ctx* c) noexcept nogil:
    """SUNIONSTORE destination key [key ...] -> how many members the result has."""
    return _store(c, _union, b"sunionstore")


cdef Status cmd_sdiffstore(Ctx* c) noexcept nogil:
    """SDIFFSTORE destination key [key ...] -> how many members the result has."""
    return _store(c, _difference, b"sdiffstore")


cdef Status cmd_sintercard(Ctx* c) noexcept nogil:
    """SINTERCARD numkeys key [key ...] [LIMIT limit] -> how many members all have, at most `limit` unless it is 0."""
    cdef Algebra a
    cdef int64_t named, limit = 0
    cdef int i
    cdef Status st
    if arg_i64(c, 1, &named) != OK or named < 1:
        return fail_with(c, ERR_CUSTOM, b"ERR numkeys should be greater than 0")
    if named > c.argc - 2:
        return fail_with(c, ERR_CUSTOM, b"ERR Number of keys can't be greater than number of args")
    i = 2 + <int>named
    while i < c.argc:
        if not arg_is(c, i, b"LIMIT", 5) or i + 1 == c.argc:
            return ERR_SYNTAX
        if arg_i64(c, i + 1, &limit) != OK or limit < 0:
            return fail_with(c, ERR_CUSTOM, b"ERR LIMIT can't be negative")
        i += 2
    st = _open(&a, c, 2, <int>named)
    if st != OK:
        return st
    a.limit = limit
    _intersection(&a)
    reply_int(c.out, a.found)
    _close(&a)
    return OK


cdef void bind_set_algebra(Table* t) noexcept nogil:
    table_bind(t, b"SINTER", cmd_sinter)
    table_bind(t, b"SUNION", cmd_sunion)
    table_bind(t, b"SDIFF", cmd_sdiff)
    table_bind(t, b"SINTERSTORE", cmd_sinterstore)
    table_bind(t, b"SUNIONSTORE", cmd_sunionstore)
    table_bind(t, b"SDIFFSTORE", cmd_sdiffstore)
    table_bind(t, b"SINTERCARD", cmd_sintercard)
