"""list_blocking -- BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP: the commands of lists that wait for an element.

Each serves itself from its keys as its plain twin does, and waits when none has a list. It runs again whole when one
has got one, so all is judged anew: the destination may have another type by then. What replicas and the AOF get is
the twin: LPOP, RPOP, LMOVE, RPOPLPUSH; nobody there may wait.
"""
from libc.stdint cimport int64_t

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_WRONG_TYPE, OK, Status
from _pyredis.cmd.blocking cimport arg_deadline, block_on
from _pyredis.cmd.ctx cimport CONN_DENY_BLOCKING, Ctx, Table, key_at, lookup_write, propagate_instead
from _pyredis.cmd.lists cimport (MultiPop, list_arg_end, list_move_one, list_multi_pop,
                                 list_multi_pop_args, list_pop_one)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.keyspace cimport Key
from _pyredis.db.list_type cimport LIST_HEAD, LIST_TAIL, ListEnd
from _pyredis.db.value cimport T_LIST, Entry, entry_type
from _pyredis.wire.reply cimport reply_array, reply_null, reply_slice


cdef Status _pop(Ctx* c, ListEnd end) noexcept nogil:
    cdef int64_t deadline
    cdef Slice[2] words
    cdef Key key
    cdef Entry* e
    cdef int i
    cdef Status st = arg_deadline(c, c.argc - 1, &deadline)
    if st != OK:
        return st
    for i in range(1, c.argc - 1):
        key = key_at(c, i)
        e = lookup_write(c, key)
        if e == NULL:
            continue
        if entry_type(e) != T_LIST:
            return ERR_WRONG_TYPE
        reply_array(c.out, 2)
        reply_slice(c.out, key.name)
        list_pop_one(c, key, e, end)
        words[0] = slice_of(b"LPOP", 4) if end == LIST_HEAD else slice_of(b"RPOP", 4)
        words[1] = key.name
        propagate_instead(c, 2, words)
        return OK
    return block_on(c, T_LIST, 1, c.argc - 2, deadline)


cdef Status cmd_blpop(Ctx* c) noexcept nogil:
    """BLPOP key [key ...] timeout -> [key, element] of the first key that has one, or null after `timeout` seconds."""
    return _pop(c, LIST_HEAD)


cdef Status cmd_brpop(Ctx* c) noexcept nogil:
    """BRPOP key [key ...] timeout -> the same from the tail."""
    return _pop(c, LIST_TAIL)


cdef Status _move(Ctx* c, ListEnd from_, ListEnd to, const char* twin, size_t twin_length) noexcept nogil:
    """A move that waits for its source; it is propagated as `twin` with the arguments but for the timeout."""
    cdef int64_t deadline
    cdef bint served
    cdef Slice[5] words
    cdef int i
    cdef Status st = arg_deadline(c, c.argc - 1, &deadline)
    if st == OK:
        st = list_move_one(c, from_, to, &served)
    if st != OK:
        return st
    if not served:
        if c.conn.flags & CONN_DENY_BLOCKING:
            reply_null(c.out)                    # Redis: here the null of a string, after a timeout that of an array
            return OK
        return block_on(c, T_LIST, 1, 1, deadline)
    words[0] = slice_of(twin, twin_length)
    for i in range(1, c.argc - 1):
        words[i] = c.argv[i]
    propagate_instead(c, c.argc - 1, words)
    return OK


cdef Status cmd_blmove(Ctx* c) noexcept nogil:
    """BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout -> the element moved, or null."""
    cdef ListEnd from_, to
    cdef Status st = list_arg_end(c, 3, &from_)
    if st == OK:
        st = list_arg_end(c, 4, &to)
    return _move(c, from_, to, b"LMOVE", 5) if st == OK else st


cdef Status cmd_brpoplpush(Ctx* c) noexcept nogil:
    """BRPOPLPUSH source destination timeout -> the element moved, or null."""
    return _move(c, LIST_TAIL, LIST_HEAD, b"RPOPLPUSH", 9)


cdef Status cmd_blmpop(Ctx* c) noexcept nogil:
    """BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count] -> [key, [element ...]], or null."""
    cdef int64_t deadline
    cdef bint served
    cdef MultiPop m
    cdef Status st = list_multi_pop_args(c, 2, &m)
    if st == OK:
        st = arg_deadline(c, 1, &deadline)
    if st == OK:
        st = list_multi_pop(c, &m, &served)
    if st != OK or served:
        return st
    return block_on(c, T_LIST, m.first, m.keys, deadline)


cdef void bind_list_blocking(Table* t) noexcept nogil:
    table_bind(t, b"BLMOVE", cmd_blmove)
    table_bind(t, b"BLMPOP", cmd_blmpop)
    table_bind(t, b"BLPOP", cmd_blpop)
    table_bind(t, b"BRPOP", cmd_brpop)
    table_bind(t, b"BRPOPLPUSH", cmd_brpoplpush)
