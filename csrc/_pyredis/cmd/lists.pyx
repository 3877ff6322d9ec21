"""lists -- LPUSH, LPOP, LRANGE and their kin: a function a command. What waits stands in list_blocking.

A command finds its key once and works on the entry; db/list_type knows the form. Elements go from the list into the
reply without a copy in between, many at once by cmd/runs. A list that has lost its last element is deleted, with the
event "del" after the command's own.

LMPOP is propagated as the LPOP or RPOP that it turned out to be, with its count; all else as it came.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t

from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64, num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport (ERR_CUSTOM, ERR_NO_SUCH_KEY, ERR_NOT_POSITIVE, ERR_SYNTAX, ERR_WRONG_ARITY,
                                   ERR_WRONG_TYPE, OK, Status)
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_write, open_typed,
                               propagate_instead)
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.runs cimport reply_run
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_LIST
from _pyredis.db.keyspace cimport Key, keyspace_delete
from _pyredis.db.list_type cimport (LIST_HEAD, LIST_TAIL, ListEnd, ListIter, Wish, list_create, list_done, list_drop,
                                    list_end, list_insert, list_iter, list_length, list_move, list_next,
                                    list_next_run, list_push, list_remove, list_set, list_settle, wish_for,
                                    wish_is)
from _pyredis.db.value cimport T_LIST, Entry, entry_type
from _pyredis.ds.element cimport Element
from _pyredis.wire.reply cimport (Deferred, reply_array, reply_begin, reply_end, reply_int, reply_null,
                                  reply_null_array, reply_ok, reply_slice)

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)


# ---------------------------------------------------------------- arguments and effects

cdef Status list_arg_end(Ctx* c, int i, ListEnd* end) noexcept nogil:
    if arg_is(c, i, b"LEFT", 4):
        end[0] = LIST_HEAD
    elif arg_is(c, i, b"RIGHT", 5):
        end[0] = LIST_TAIL
    else:
        return ERR_SYNTAX
    return OK


cdef Status _arg_symmetric(Ctx* c, int i, int64_t* v) noexcept nogil:
    """argv[i] as a number whose negative is one, too."""
    cdef Status st = arg_i64(c, i, v)
    if st == OK and v[0] < -INT64_MAX:
        return fail_with(c, ERR_CUSTOM, b"ERR value is out of range, value must between "
                                        b"-9223372036854775807 and 9223372036854775807")
    return st


cdef Status _arg_at_least(Ctx* c, int i, int64_t least, const char* refusal, int64_t* v) noexcept nogil:
    """argv[i] as a number; whatever is wrong with it, `refusal` says so."""
    if num_parse_i64(c.argv[i].ptr, c.argv[i].len, v) and v[0] >= least:
        return OK
    return fail_with(c, ERR_CUSTOM, refusal)


cdef inline Status _open(Ctx* c, bint for_write, Entry** e) noexcept nogil:
    return open_typed(c, key_at(c, 1), T_LIST, for_write, e)


cdef void _removed(Ctx* c, Key key, Entry* e, const char* event, size_t n) noexcept nogil:
    """Says that n elements have gone. The list goes, too, if it is empty, else has the form that it should have."""
    key_changed(c, key.name, EV_LIST, event, <int64_t>n)
    if list_length(e):
        list_settle(c.ks, e)
        return
    keyspace_delete(c.ks, c.db, key, e)
    key_changed(c, key.name, EV_GENERIC, b"del", 0)


cdef inline const char* _pop_event(ListEnd end) noexcept nogil:
    return b"lpop" if end == LIST_HEAD else b"rpop"


cdef inline const char* _push_event(ListEnd end) noexcept nogil:
    return b"lpush" if end == LIST_HEAD else b"rpush"


# ---------------------------------------------------------------- pushing

cdef Status _push(Ctx* c, ListEnd end, bint create) noexcept nogil:
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef Status st = open_typed(c, key, T_LIST, True, &e)
    if st != OK:
        return st
    if e == NULL:
        if not create:
            reply_int(c.out, 0)
            return OK
        e = list_create(c.ks, c.db, key)
    list_push(c.ks, e, end, c.argv + 2, c.argc - 2)
    key_changed(c, key.name, EV_LIST, _push_event(end), c.argc - 2)
    reply_int(c.out, <int64_t>list_length(e))
    return OK


cdef Status cmd_lpush(Ctx* c) noexcept nogil:
    """LPUSH key element [element ...] -> length of the list then."""
    return _push(c, LIST_HEAD, True)


cdef Status cmd_rpush(Ctx* c) noexcept nogil:
    """RPUSH key element [element ...] -> length of the list then."""
    return _push(c, LIST_TAIL, True)


cdef Status cmd_lpushx(Ctx* c) noexcept nogil:
    """LPUSHX key element [element ...] -> length of the list then; 0 without a list, which is not made."""
    return _push(c, LIST_HEAD, False)


cdef Status cmd_rpushx(Ctx* c) noexcept nogil:
    """RPUSHX key element [element ...] -> length of the list then; 0 without a list, which is not made."""
    return _push(c, LIST_TAIL, False)


# ---------------------------------------------------------------- reading

cdef void _reply_from(Ctx* c, const Entry* e, int64_t first, size_t n) noexcept nogil:
    """n elements from an index on, which are there."""
    cdef ListIter it
    cdef const uint8_t* p
    cdef const uint8_t* end
    cdef Element element
    cdef size_t part
    reply_array(c.out, n)
    list_iter(&it, c.ks, e, first, False)
    while n:
        part = list_next_run(&it, n, &p, &end, &element)
        if p != NULL:
            reply_run(c.out, p, end)
        else:
            reply_element(c.out, &element)
        n -= part
    list_done(&it)


cdef void _reply_back(Ctx* c, const Entry* e, size_t n) noexcept nogil:
    """The last n elements, the last one first."""
    cdef ListIter it
    cdef Element element
    cdef size_t i
    reply_array(c.out, n)
    list_iter(&it, c.ks, e, -1, True)
    for i in range(n):
        list_next(&it, &element)
        reply_element(c.out, &element)
    list_done(&it)


cdef bint _range(int64_t length, int64_t* start, int64_t* stop) noexcept nogil:
    """Makes both count from the head, within the list; False if nothing lies between them."""
    if start[0] < 0:
        start[0] = start[0] + length if start[0] + length > 0 else 0
    if stop[0] < 0:
        stop[0] += length
    if stop[0] >= length:
        stop[0] = length - 1
    return start[0] <= stop[0]


cdef Status cmd_lrange(Ctx* c) noexcept nogil:
    """LRANGE key start stop -> the elements from start to stop, both included; negative counts from the end."""
    cdef int64_t start, stop
    cdef Entry* e
    cdef Status st = arg_i64(c, 2, &start)
    if st == OK:
        st = arg_i64(c, 3, &stop)
    if st == OK:
        st = _open(c, False, &e)
    if st != OK:
        return st
    if e == NULL or not _range(<int64_t>list_length(e), &start, &stop):
        reply_array(c.out, 0)
    else:
        _reply_from(c, e, start, <size_t>(stop - start + 1))
    return OK


cdef Status cmd_llen(Ctx* c) noexcept nogil:
    """LLEN key -> how many elements the list has, 0 without one."""
    cdef Entry* e
    cdef Status st = _open(c, False, &e)
    if st == OK:
        reply_int(c.out, <int64_t>list_length(e) if e != NULL else 0)
    return st


cdef Status cmd_lindex(Ctx* c) noexcept nogil:
    """LINDEX key index -> the element, or null."""
    cdef ListIter it
    cdef int64_t index
    cdef Element element
    cdef Entry* e
    cdef Status st = _open(c, False, &e)
    if st == OK and e != NULL:                   # Redis: without the key the number is not even read
        st = arg_i64(c, 2, &index)
    if st != OK:
        return st
    if e == NULL:
        reply_null(c.out)
        return OK
    list_iter(&it, c.ks, e, index, False)
    if list_next(&it, &element):
        reply_element(c.out, &element)
    else:
        reply_null(c.out)
    list_done(&it)
    return OK


cdef struct _Lpos:
    int64_t rank                   # which of those that match is the first to be told; negative: from the tail
    int64_t count                  # how many are told: 0 all, -1 one, and not in an array
    int64_t most                   # how many elements are looked at; 0: all


cdef Status _parse_lpos(Ctx* c, _Lpos* o) noexcept nogil:
    cdef int i = 3
    cdef Status st = OK
    o.rank = 1
    o.count = -1
    o.most = 0
    while i < c.argc and st == OK:
        if i + 1 == c.argc:
            return ERR_SYNTAX
        if arg_is(c, i, b"RANK", 4):
            st = _arg_symmetric(c, i + 1, &o.rank)
            if st == OK and o.rank == 0:
                return fail_with(c, ERR_CUSTOM, b"ERR RANK can't be zero: use 1 to start from the first match, 2 from "
                                 b"the second ... or use negative to start from the end of the list")
        elif arg_is(c, i, b"COUNT", 5):
            st = _arg_at_least(c, i + 1, 0, b"ERR COUNT can't be negative", &o.count)
        elif arg_is(c, i, b"MAXLEN", 6):
            st = _arg_at_least(c, i + 1, 0, b"ERR MAXLEN can't be negative", &o.most)
        else:
            return ERR_SYNTAX
        i += 2
    return st


cdef int64_t _find(Ctx* c, const Entry* e, const _Lpos* o) noexcept nogil:
    """Replies the indexes that are wanted; how many. Of one alone (count -1) nothing is replied but its index."""
    cdef ListIter it
    cdef Wish wish = wish_for(c.argv[2])
    cdef Element element
    cdef bint backward = o.rank < 0
    cdef int64_t length = <int64_t>list_length(e), i = 0, found = 0
    cdef int64_t to_pass = (-o.rank if backward else o.rank) - 1
    list_iter(&it, c.ks, e, -1 if backward else 0, backward)
    while (o.most == 0 or i < o.most) and list_next(&it, &element):
        if wish_is(&wish, &element):
            if to_pass:
                to_pass -= 1
            else:
                reply_int(c.out, length - 1 - i if backward else i)
                found += 1
                if o.count == -1 or found == o.count:
                    break
        i += 1
    list_done(&it)
    return found


cdef Status cmd_lpos(Ctx* c) noexcept nogil:
    """LPOS key element [RANK rank] [COUNT count] [MAXLEN len] -> its index, or null; with COUNT an array of them."""
    cdef _Lpos o
    cdef Deferred head
    cdef Entry* e
    cdef Status st = _parse_lpos(c, &o)
    if st == OK:
        st = _open(c, False, &e)
    if st != OK:
        return st
    if o.count == -1:
        if e == NULL or not _find(c, e, &o):
            reply_null(c.out)
    elif e == NULL:
        reply_array(c.out, 0)
    else:
        head = reply_begin(c.out, c'*')
        reply_end(c.out, head, <size_t>_find(c, e, &o))
    return OK


# ---------------------------------------------------------------- popping

cdef void list_pop_one(Ctx* c, Key key, Entry* e, ListEnd end) noexcept nogil:
    """Replies the element at an end, and takes it away."""
    cdef Element element = list_end(e, end)
    reply_element(c.out, &element)
    list_drop(c.ks, e, end, 1)
    _removed(c, key, e, _pop_event(end), 1)


cdef size_t _pop_many(Ctx* c, Key key, Entry* e, ListEnd end, int64_t count) noexcept nogil:
    """Replies an array of up to `count` elements from an end, and takes them away; how many."""
    cdef size_t n = list_length(e)
    if <int64_t>n > count:
        n = <size_t>count
    if end == LIST_HEAD:
        _reply_from(c, e, 0, n)
    else:
        _reply_back(c, e, n)
    list_drop(c.ks, e, end, n)
    _removed(c, key, e, _pop_event(end), n)
    return n


cdef Status _pop(Ctx* c, ListEnd end) noexcept nogil:
    cdef int64_t count = -1
    cdef Key key = key_at(c, 1)
    cdef Entry* e
    cdef Status st
    if c.argc > 3:
        return ERR_WRONG_ARITY
    if c.argc == 3 and (not num_parse_i64(c.argv[2].ptr, c.argv[2].len, &count) or count < 0):
        return ERR_NOT_POSITIVE
    st = open_typed(c, key, T_LIST, True, &e)
    if st != OK:
        return st
    if e == NULL:
        if c.argc == 3:
            reply_null_array(c.out)
        else:
            reply_null(c.out)
    elif c.argc == 2:
        list_pop_one(c, key, e, end)
    elif count == 0:
        reply_array(c.out, 0)
    else:
        _pop_many(c, key, e, end, count)
    return OK


cdef Status cmd_lpop(Ctx* c) noexcept nogil:
    """LPOP key [count] -> the first element, or null; with a count an array of up to so many."""
    return _pop(c, LIST_HEAD)


cdef Status cmd_rpop(Ctx* c) noexcept nogil:
    """RPOP key [count] -> the last element, or null; with a count an array of up to so many."""
    return _pop(c, LIST_TAIL)


cdef Status list_multi_pop_args(Ctx* c, int numkeys_at, MultiPop* m) noexcept nogil:
    cdef int64_t keys
    cdef int at
    cdef Status st = _arg_at_least(c, numkeys_at, 1, b"ERR numkeys should be greater than 0", &keys)
    if st != OK:
        return st
    if keys >= c.argc - numkeys_at - 1:
        return ERR_SYNTAX
    m.first = numkeys_at + 1
    m.keys = <int>keys
    m.count = -1
    at = m.first + m.keys
    st = list_arg_end(c, at, &m.end)
    at += 1
    while at < c.argc and st == OK:
        if m.count != -1 or not arg_is(c, at, b"COUNT", 5) or at + 1 == c.argc:
            return ERR_SYNTAX
        st = _arg_at_least(c, at + 1, 1, b"ERR count should be greater than 0", &m.count)
        at += 2
    if m.count == -1:
        m.count = 1
    return st


cdef void _propagate_pop(Ctx* c, Slice key, ListEnd end, size_t n) noexcept nogil:
    cdef Slice[3] words
    cdef char[NUM_I64_MAX] digits
    words[0] = slice_of(b"LPOP", 4) if end == LIST_HEAD else slice_of(b"RPOP", 4)
    words[1] = key
    words[2] = slice_of(digits, num_format_i64(<int64_t>n, digits))
    propagate_instead(c, 3, words)


cdef Status list_multi_pop(Ctx* c, const MultiPop* m, bint* served) noexcept nogil:
    """Pops from the first of the keys that exists; `served`: there was one, and it is replied."""
    cdef Key key
    cdef Entry* e
    cdef int i
    served[0] = False
    for i in range(m.first, m.first + m.keys):
        key = key_at(c, i)
        e = lookup_write(c, key)
        if e == NULL:
            continue
        if entry_type(e) != T_LIST:
            return ERR_WRONG_TYPE
        reply_array(c.out, 2)
        reply_slice(c.out, key.name)
        _propagate_pop(c, key.name, m.end, _pop_many(c, key, e, m.end, m.count))
        served[0] = True
        break
    return OK


cdef Status cmd_lmpop(Ctx* c) noexcept nogil:
    """LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count] -> [key, [element ...]], or null."""
    cdef MultiPop m
    cdef bint served
    cdef Status st = list_multi_pop_args(c, 1, &m)
    if st == OK:
        st = list_multi_pop(c, &m, &served)
    if st == OK and not served:
        reply_null_array(c.out)
    return st


# ---------------------------------------------------------------- moving

cdef Status list_move_one(Ctx* c, ListEnd from_, ListEnd to, bint* served) noexcept nogil:
    cdef Key key = key_at(c, 1), target = key_at(c, 2)
    cdef Entry* e
    cdef Entry* there
    cdef Element element
    cdef Status st = open_typed(c, key, T_LIST, True, &e)
    served[0] = e != NULL
    if st != OK or e == NULL:
        return st
    st = open_typed(c, target, T_LIST, True, &there)
    if st != OK:
        return st
    element = list_end(e, from_)
    reply_element(c.out, &element)
    if there == NULL:
        there = list_create(c.ks, c.db, target)
    list_move(c.ks, e, from_, there, to)
    key_changed(c, target.name, EV_LIST, _push_event(to), 0)
    _removed(c, key, e, _pop_event(from_), 1)
    return OK


cdef Status _move(Ctx* c, ListEnd from_, ListEnd to) noexcept nogil:
    cdef bint served
    cdef Status st = list_move_one(c, from_, to, &served)
    if st == OK and not served:
        reply_null(c.out)
    return st


cdef Status cmd_lmove(Ctx* c) noexcept nogil:
    """LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> -> the element moved, or null."""
    cdef ListEnd from_, to
    cdef Status st = list_arg_end(c, 3, &from_)
    if st == OK:
        st = list_arg_end(c, 4, &to)
    return _move(c, from_, to) if st == OK else st


cdef Status cmd_rpoplpush(Ctx* c) noexcept nogil:
    """RPOPLPUSH source destination -> the element moved, or null."""
    return _move(c, LIST_TAIL, LIST_HEAD)


# ---------------------------------------------------------------- changing in between

cdef Status cmd_lset(Ctx* c) noexcept nogil:
    """LSET key index element -> OK."""
    cdef int64_t index
    cdef Entry* e
    cdef Status st = _open(c, True, &e)
    if st == OK:
        st = arg_i64(c, 2, &index) if e != NULL else ERR_NO_SUCH_KEY
    if st != OK:
        return st
    if not list_set(c.ks, e, index, c.argv[3]):
        return fail_with(c, ERR_CUSTOM, b"ERR index out of range")
    key_changed(c, c.argv[1], EV_LIST, b"lset", 1)
    reply_ok(c.out)
    return OK


cdef Status cmd_linsert(Ctx* c) noexcept nogil:
    """LINSERT key <BEFORE | AFTER> pivot element -> length of the list then; -1 without the pivot, 0 without a list."""
    cdef bint after = arg_is(c, 2, b"AFTER", 5)
    cdef Entry* e
    cdef Status st = OK if after or arg_is(c, 2, b"BEFORE", 6) else ERR_SYNTAX
    if st == OK:
        st = _open(c, True, &e)
    if st != OK:
        return st
    if e == NULL:
        reply_int(c.out, 0)
    elif not list_insert(c.ks, e, c.argv[3], c.argv[4], after):
        reply_int(c.out, -1)
    else:
        key_changed(c, c.argv[1], EV_LIST, b"linsert", 1)
        reply_int(c.out, <int64_t>list_length(e))
    return OK


cdef Status cmd_lrem(Ctx* c) noexcept nogil:
    """LREM key count element -> how many were removed: up to count, from the tail if that is negative; 0 for all."""
    cdef int64_t count
    cdef size_t n = 0
    cdef Entry* e
    cdef Status st = _arg_symmetric(c, 2, &count)
    if st == OK:
        st = _open(c, True, &e)
    if st != OK:
        return st
    if e != NULL:
        n = list_remove(c.ks, e, c.argv[3], <size_t>(-count if count < 0 else count if count else INT64_MAX), count < 0)
    if n:
        _removed(c, key_at(c, 1), e, b"lrem", n)
    reply_int(c.out, <int64_t>n)
    return OK


cdef Status cmd_ltrim(Ctx* c) noexcept nogil:
    """LTRIM key start stop -> OK; what lies before start and behind stop is gone."""
    cdef int64_t start, stop, length
    cdef Entry* e
    cdef Status st = arg_i64(c, 2, &start)
    if st == OK:
        st = arg_i64(c, 3, &stop)
    if st == OK:
        st = _open(c, True, &e)
    if st != OK:
        return st
    reply_ok(c.out)
    if e == NULL:
        return OK
    length = <int64_t>list_length(e)
    if not _range(length, &start, &stop):
        start = length
        stop = length - 1
    list_drop(c.ks, e, LIST_HEAD, <size_t>start)
    list_drop(c.ks, e, LIST_TAIL, <size_t>(length - 1 - stop))
    _removed(c, key_at(c, 1), e, b"ltrim", <size_t>(start + length - 1 - stop))     # Redis: even of no element
    return OK


cdef void bind_lists(Table* t) noexcept nogil:
    table_bind(t, b"LINDEX", cmd_lindex)
    table_bind(t, b"LINSERT", cmd_linsert)
    table_bind(t, b"LLEN", cmd_llen)
    table_bind(t, b"LMOVE", cmd_lmove)
    table_bind(t, b"LMPOP", cmd_lmpop)
    table_bind(t, b"LPOP", cmd_lpop)
    table_bind(t, b"LPOS", cmd_lpos)
    table_bind(t, b"LPUSH", cmd_lpush)
    table_bind(t, b"LPUSHX", cmd_lpushx)
    table_bind(t, b"LRANGE", cmd_lrange)
    table_bind(t, b"LREM", cmd_lrem)
    table_bind(t, b"LSET", cmd_lset)
    table_bind(t, b"LTRIM", cmd_ltrim)
    table_bind(t, b"RPOP", cmd_rpop)
    table_bind(t, b"RPOPLPUSH", cmd_rpoplpush)
    table_bind(t, b"RPUSH", cmd_rpush)
    table_bind(t, b"RPUSHX", cmd_rpushx)
