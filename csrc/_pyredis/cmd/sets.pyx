"""sets -- SADD, SREM, SPOP and their kin: a function a command. What combines several sets is in set_algebra.

A command finds its key once, works on the Set that the entry holds (db/set_type, which knows the forms), and
puts it back. Requests that name many members have the memory of a group of them fetched before the first is
looked at.

What replicas and the AOF get differs from the request where chance decides: SPOP is repeated as the SREM of
what it took (by at most 1,024 members a command), and as DEL where it took all.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from _pyredis.base.rand cimport Rand
from _pyredis.base.slice cimport Slice, slice_equal, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_NOT_POSITIVE, ERR_SYNTAX, ERR_WRONG_TYPE, OK, Status
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_i64, fail_with, key_at, key_changed, lookup_write, open_typed,
                               propagate_del, propagate_instead)
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.pick cimport Picker, pick_distinct, pick_repeated
from _pyredis.cmd.scan cimport (ScanFound, ScanOptions, scan_cursor, scan_dict, scan_done, scan_matches, scan_options,
                                scan_reply)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_SET, effects_begin, effects_word
from _pyredis.db.keyspace cimport Key, keyspace_create, keyspace_delete
from _pyredis.db.set_type cimport (SET_GROUP, Member, Set, SetIter, SetSpot, member_of_text, set_add, set_draw,
                                   set_draws, set_expect, set_has, set_iter, set_length, set_new, set_next, set_of,
                                   set_pop, set_prefetch, set_remove, set_remove_spot, set_store, set_table,
                                   set_table_member)
from _pyredis.db.value cimport T_SET, Entry, entry_type
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.wire.reply cimport (Deferred, Out, reply_array, reply_begin, reply_bulk, reply_end, reply_int, reply_null,
                                  reply_set, reply_slice)

cdef enum:
    SREM_WORDS = 1024              # members that one propagated SREM names, at most


cdef inline void _members(Ctx* c, int first, int n, Member* group) noexcept nogil:
    """The arguments argv[first] .. as members."""
    cdef int i
    for i in range(n):
        member_of_text(&group[i], c.argv[first + i])


cdef inline int _group(Ctx* c, int at) noexcept nogil:
    """How many of the arguments from argv[at] on go together."""
    return c.argc - at if c.argc - at < SET_GROUP else SET_GROUP


cdef void _remove_key(Ctx* c, Key key, Entry* e) noexcept nogil:
    """Of a set that is empty now, or goes whole."""
    keyspace_delete(c.ks, c.db, key, e)
    key_changed(c, key.name, EV_GENERIC, b"del", 0)


# ---------------------------------------------------------------- adding and removing

cdef Status cmd_sadd(Ctx* c) noexcept nogil:
    """SADD key member [member ...] -> how many are new."""
    cdef Key key = key_at(c, 1)
    cdef Member[SET_GROUP] group
    cdef Entry* e
    cdef Set s
    cdef int64_t added = 0
    cdef int at = 2, n, i
    cdef Status st = open_typed(c, key, T_SET, True, &e)
    if st != OK:
        return st
    if e != NULL:
        s = set_of(e)
        set_expect(c.ks, &s, c.argc - 2)
    else:
        member_of_text(&group[0], c.argv[2])
        s = set_new(c.ks, &group[0], c.argc - 2)
    while at < c.argc:
        n = _group(c, at)
        _members(c, at, n, group)
        if n > 1:
            set_prefetch(c.ks, s, group, n)
        for i in range(n):
            added += set_add(c.ks, &s, &group[i])
        at += n
    if e != NULL:
        set_store(e, s)
    else:
        keyspace_create(c.ks, c.db, key, T_SET, s.form, s.block)
    if added:
        key_changed(c, key.name, EV_SET, b"sadd", added)
    reply_int(c.out, added)
    return OK


cdef Status cmd_srem(Ctx* c) noexcept nogil:
    """SREM key member [member ...] -> how many were removed."""
    cdef Key key = key_at(c, 1)
    cdef Member[SET_GROUP] group
    cdef Entry* e
    cdef Set s
    cdef int64_t removed = 0
    cdef int at = 2, n, i
    cdef Status st = open_typed(c, key, T_SET, True, &e)
    if st != OK:
        return st
    if e == NULL:
        reply_int(c.out, 0)
        return OK
    s = set_of(e)
    while at < c.argc and set_length(s):
        n = _group(c, at)
        _members(c, at, n, group)
        if n > 1:
            set_prefetch(c.ks, s, group, n)
        for i in range(n):
            removed += set_remove(c.ks, &s, &group[i])
        at += n
    set_store(e, s)
    if removed:
        key_changed(c, key.name, EV_SET, b"srem", removed)
    if set_length(s) == 0:
        _remove_key(c, key, e)
    reply_int(c.out, removed)
    return OK


cdef Status _open_two(Ctx* c, Key source, Key target, Entry** from_, Entry** to) noexcept nogil:
    from_[0] = lookup_write(c, source)
    to[0] = lookup_write(c, target)
    # Redis: without a source the type of the other key does not matter
    if from_[0] != NULL and (entry_type(from_[0]) != T_SET or to[0] != NULL and entry_type(to[0]) != T_SET):
        return ERR_WRONG_TYPE
    return OK


cdef Status cmd_smove(Ctx* c) noexcept nogil:
    """SMOVE source destination member -> 1 if it was in the source, and now is in the destination; else 0."""
    cdef Key source = key_at(c, 1), target = key_at(c, 2)
    cdef Member member
    cdef Entry* from_
    cdef Entry* to
    cdef Set s
    cdef bint moved = False
    cdef Status st = _open_two(c, source, target, &from_, &to)
    if st != OK:
        return st
    member_of_text(&member, c.argv[3])
    if from_ != NULL and slice_equal(source.name, target.name):
        moved = set_has(c.ks, set_of(from_), &member)
    elif from_ != NULL:
        s = set_of(from_)
        moved = set_remove(c.ks, &s, &member)
        set_store(from_, s)
        if moved:
            key_changed(c, source.name, EV_SET, b"srem", 1)
            if set_length(s) == 0:
                _remove_key(c, source, from_)
            _move_to(c, target, to, &member)
    reply_int(c.out, moved)
    return OK


cdef void _move_to(Ctx* c, Key key, Entry* e, Member* member) noexcept nogil:
    cdef Set s = set_of(e) if e != NULL else set_new(c.ks, member, 1)
    cdef bint added = set_add(c.ks, &s, member)
    if e != NULL:
        set_store(e, s)
    else:
        keyspace_create(c.ks, c.db, key, T_SET, s.form, s.block)
    if added:
        key_changed(c, key.name, EV_SET, b"sadd", 1)


# ---------------------------------------------------------------- asking

cdef Status cmd_scard(Ctx* c) noexcept nogil:
    """SCARD key -> how many members; 0 without the key."""
    cdef Entry* e
    cdef Status st = open_typed(c, key_at(c, 1), T_SET, False, &e)
    if st == OK:
        reply_int(c.out, <int64_t>set_length(set_of(e)) if e != NULL else 0)
    return st


cdef Status cmd_sismember(Ctx* c) noexcept nogil:
    """SISMEMBER key member -> 1 or 0."""
    cdef Member member
    cdef Entry* e
    cdef Status st = open_typed(c, key_at(c, 1), T_SET, False, &e)
    if st == OK:
        member_of_text(&member, c.argv[2])
        reply_int(c.out, e != NULL and set_has(c.ks, set_of(e), &member))
    return st


cdef Status cmd_smismember(Ctx* c) noexcept nogil:
    """SMISMEMBER key member [member ...] -> 1 or 0 for each."""
    cdef Member[SET_GROUP] group
    cdef Entry* e
    cdef int at = 2, n, i
    cdef Status st = open_typed(c, key_at(c, 1), T_SET, False, &e)
    if st != OK:
        return st
    reply_array(c.out, c.argc - 2)
    while at < c.argc:
        n = _group(c, at)
        _members(c, at, n, group)
        if e != NULL:
            set_prefetch(c.ks, set_of(e), group, n)
        for i in range(n):
            reply_int(c.out, e != NULL and set_has(c.ks, set_of(e), &group[i]))
        at += n
    return OK


cdef void _reply_all(Out* out, Set s) noexcept nogil:
    cdef SetIter it
    cdef Element member
    set_iter(s, &it)
    while set_next(&it, &member):
        reply_element(out, &member)


cdef Status cmd_smembers(Ctx* c) noexcept nogil:
    """SMEMBERS key -> all members."""
    cdef Entry* e
    cdef Status st = open_typed(c, key_at(c, 1), T_SET, False, &e)
    if st != OK:
        return st
    reply_set(c.out, set_length(set_of(e)) if e != NULL else 0)
    if e != NULL:
        _reply_all(c.out, set_of(e))
    return OK


# ---------------------------------------------------------------- at random

cdef Status _pop_one(Ctx* c) noexcept nogil:
    """SPOP key."""
    cdef Key key = key_at(c, 1)
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice[3] words
    cdef SetSpot spot
    cdef Entry* e
    cdef Set s
    cdef Status st = open_typed(c, key, T_SET, True, &e)
    if st != OK:
        return st
    if e == NULL:
        reply_null(c.out)
        return OK
    s = set_of(e)
    set_draw(s, &c.ks.rand, &spot)
    reply_element(c.out, &spot.member)
    words[0] = slice_of(b"SREM", 4)
    words[1] = key.name
    words[2] = element_slice(&spot.member, digits)
    propagate_instead(c, 3, words)
    set_remove_spot(c.ks, &s, &spot)
    set_store(e, s)
    key_changed(c, key.name, EV_SET, b"spop", 1)
    if set_length(s) == 0:
        _remove_key(c, key, e)
    return OK


cdef struct Popping:
    Ctx* c
    size_t words                   # members named in the SREM under way


cdef void _popped(void* arg, const Element* member) noexcept nogil:
    cdef Popping* p = <Popping*>arg
    cdef Ctx* c = p.c
    cdef char[ELEMENT_DIGITS] digits
    reply_element(c.out, member)
    if p.words == 0 and effects_begin(&c.ks.fx, c.db.id, True):
        effects_word(&c.ks.fx, slice_of(b"SREM", 4))
        effects_word(&c.ks.fx, c.argv[1])
    if c.ks.fx.propagating:
        effects_word(&c.ks.fx, element_slice(member, digits))
    p.words = p.words + 1 if p.words + 1 < SREM_WORDS else 0


cdef Status cmd_spop(Ctx* c) noexcept nogil:
    """SPOP key [count] -> a member, or null; with a count, an array of as many, or all. They are members no more."""
    cdef Key key = key_at(c, 1)
    cdef Popping popping
    cdef int64_t count
    cdef size_t length
    cdef Entry* e
    cdef Set s
    cdef Status st
    if c.argc == 2:
        return _pop_one(c)
    if c.argc > 3:
        return ERR_SYNTAX
    if arg_i64(c, 2, &count) != OK or count < 0:
        return ERR_NOT_POSITIVE
    st = open_typed(c, key, T_SET, True, &e)
    if st != OK:
        return st
    if e == NULL or count == 0:
        reply_set(c.out, 0)
        return OK
    s = set_of(e)
    length = set_length(s)
    count = min(count, <int64_t>length)
    reply_set(c.out, count)
    key_changed(c, key.name, EV_SET, b"spop", count)
    if count == <int64_t>length:
        _reply_all(c.out, s)
        _remove_key(c, key, e)
        propagate_del(c, key.name)
        return OK
    popping.c = c
    popping.words = 0
    set_pop(c.ks, &s, count, _popped, &popping)
    set_store(e, s)
    return OK


cdef struct Picking:
    Set set
    SetIter walk


cdef void _pick_random(void* arg, Rand* rand, Element* member, Element* value) noexcept nogil:
    cdef SetSpot spot
    set_draw((<Picking*>arg).set, rand, &spot)
    member[0] = spot.member


cdef bint _pick_next(void* arg, Element* member, Element* value) noexcept nogil:
    return set_next(&(<Picking*>arg).walk, member)


cdef void _picked(void* out, const Element* member, const Element* value) noexcept nogil:
    reply_element(<Out*>out, member)


cdef void _pick(Ctx* c, Set s, int64_t count) noexcept nogil:
    """As many different members, or with a negative count as many draws."""
    cdef Picking picking
    cdef Picker picker
    picking.set = s
    set_iter(s, &picking.walk)
    picker.arg = &picking
    picker.length = set_length(s)
    picker.random = NULL
    if set_draws(s):
        picker.random = _pick_random
    picker.next = _pick_next
    if count < 0:
        reply_array(c.out, -count)
        pick_repeated(&picker, c.ks.mem, &c.ks.rand, -count, _picked, c.out)
    else:
        count = min(count, <int64_t>picker.length)
        reply_array(c.out, count)
        pick_distinct(&picker, c.ks.mem, &c.ks.rand, count, _picked, c.out)


cdef Status cmd_srandmember(Ctx* c) noexcept nogil:
    """SRANDMEMBER key [count] -> a member, or null; with a count, an array of as many different ones, or all; with
    a negative count, of exactly as many, each drawn from all."""
    cdef SetSpot spot
    cdef int64_t count = 0
    cdef Entry* e
    cdef Status st
    if c.argc > 3:
        return ERR_SYNTAX
    if c.argc == 3:
        st = arg_i64(c, 2, &count)
        if st != OK:
            return st
        if count < -INT64_MAX:
            return fail_with(c, ERR_CUSTOM, b"ERR value is out of range, value must between "
                                            b"-9223372036854775807 and 9223372036854775807")
    st = open_typed(c, key_at(c, 1), T_SET, False, &e)
    if st != OK:
        return st
    if c.argc == 3:
        if e == NULL or count == 0:
            reply_array(c.out, 0)
        else:
            _pick(c, set_of(e), count)
    elif e == NULL:
        reply_null(c.out)
    else:
        set_draw(set_of(e), &c.ks.rand, &spot)
        reply_element(c.out, &spot.member)
    return OK


# ---------------------------------------------------------------- SSCAN

cdef bint _keep_member(void* options, void* entry) noexcept nogil:
    return scan_matches(<ScanOptions*>options, set_table_member(entry))


cdef void _scan_table(Ctx* c, Set s, uint64_t cursor, ScanOptions* o) noexcept nogil:
    cdef ScanFound found
    cdef size_t i
    found.mem = c.ks.mem
    found.list = NULL
    found.count = found.capacity = 0
    cursor = scan_dict(set_table(s), cursor, o.count, &found, _keep_member, o)
    scan_reply(c, cursor, found.count)
    for i in range(found.count):
        reply_slice(c.out, set_table_member(found.list[i]))
    scan_done(&found)


cdef void _scan_whole(Ctx* c, Set s, const ScanOptions* o) noexcept nogil:
    """All that match at once: a small set has no cursor."""
    cdef char[ELEMENT_DIGITS] digits
    cdef Deferred header
    cdef SetIter it
    cdef Element member
    cdef size_t n = 0
    reply_array(c.out, 2)
    reply_bulk(c.out, b"0", 1)
    header = reply_begin(c.out, c'*')
    set_iter(s, &it)
    while set_next(&it, &member):
        if scan_matches(o, element_slice(&member, digits)):
            reply_element(c.out, &member)
            n += 1
    reply_end(c.out, header, n)


cdef Status cmd_sscan(Ctx* c) noexcept nogil:
    """SSCAN key cursor [MATCH pattern] [COUNT count] -> [next cursor, 0 at the end; members]."""
    cdef ScanOptions options
    cdef uint64_t cursor = 0
    cdef Entry* e
    cdef Status st = scan_cursor(c, 2, &cursor)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_SET, False, &e)
    if st != OK:
        return st
    if e == NULL:                      # Redis: without the key the options are not even read
        scan_reply(c, 0, 0)
        return OK
    st = scan_options(c, 3, 0, &options)
    if st != OK:
        return st
    if set_table(set_of(e)) != NULL:
        _scan_table(c, set_of(e), cursor, &options)
    else:
        _scan_whole(c, set_of(e), &options)
    return OK


cdef void bind_sets(Table* t) noexcept nogil:
    table_bind(t, b"SADD", cmd_sadd)
    table_bind(t, b"SREM", cmd_srem)
    table_bind(t, b"SMOVE", cmd_smove)
    table_bind(t, b"SCARD", cmd_scard)
    table_bind(t, b"SISMEMBER", cmd_sismember)
    table_bind(t, b"SMISMEMBER", cmd_smismember)
    table_bind(t, b"SMEMBERS", cmd_smembers)
    table_bind(t, b"SPOP", cmd_spop)
    table_bind(t, b"SRANDMEMBER", cmd_srandmember)
    table_bind(t, b"SSCAN", cmd_sscan)
