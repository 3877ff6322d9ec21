"""databases -- commands on a database as a whole: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.

Their effects have no key: "flushdb" and "swapdb" stand for all keys of a database. They are propagated even
if nothing was there to flush, as in Redis: a replica may still hold keys that are expired here.
"""
from libc.stdint cimport int64_t

from _pyredis.base.slice cimport slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_DB_INDEX_RANGE, ERR_SYNTAX, OK, Status
from _pyredis.cmd.ctx cimport (CONN_DENY_BLOCKING, CONN_LATER, CONN_REPLY_OFF, CONN_REPLY_SKIP, Conn, Ctx, Table,
                               arg_i64, arg_is, fail_with, propagate_instead)
from _pyredis.cmd.dispatch cimport dispatch_finish
from _pyredis.cmd.output cimport output_flush
from _pyredis.cmd.table cimport table_bind
from _pyredis.cmd.tracking cimport tracking_forget, tracking_of
from _pyredis.db.effects cimport EV_NONE, effects_key
from _pyredis.db.keyspace cimport Db, keyspace_flush, keyspace_swap
from _pyredis.wire.reply cimport reply_int, reply_ok

cdef enum:
    NOT_YET = CONN_DENY_BLOCKING | CONN_REPLY_OFF | CONN_REPLY_SKIP    # pushes wait for the end of the command


cdef Status cmd_dbsize(Ctx* c) noexcept nogil:
    """DBSIZE -> how many keys there are, expired ones that nobody has met included."""
    reply_int(c.out, <int64_t>c.db.keys.used)
    return OK


cdef Status _parse_flush(Ctx* c, bint* lazily) noexcept nogil:
    lazily[0] = c.argc == 2 and arg_is(c, 1, b"ASYNC", 5)
    return OK if c.argc == 1 or lazily[0] or c.argc == 2 and arg_is(c, 1, b"SYNC", 4) else ERR_SYNTAX


cdef void _flush(Ctx* c, Db* db, bint lazily) noexcept nogil:
    cdef size_t n = keyspace_flush(c.ks, db, lazily)
    effects_key(&c.ks.fx, db.id, slice_of(NULL, 0), EV_NONE, b"flushdb", <int64_t>n)
    if not tracking_of(c.server).on:             # then nobody listens to that
        tracking_forget(c.server)


cdef void _answer(Ctx* c, bint lazily) noexcept nogil:
    """Redis: who may block waits while a thread does what is not lazy, so what tells it that its keys are worth
    nothing comes before the reply, and else behind it."""
    cdef Conn* conn = c.conn
    propagate_instead(c, c.argc, c.argv)
    if tracking_of(c.server).on and not lazily and not conn.flags & NOT_YET:
        dispatch_finish(c)
        if conn.flags & CONN_LATER:
            output_flush(c.server, conn)
    reply_ok(c.out)


cdef Status cmd_flushdb(Ctx* c) noexcept nogil:
    """FLUSHDB [ASYNC | SYNC] -> OK; the database is empty. ASYNC: its memory comes back later."""
    cdef bint lazily
    cdef Status st = _parse_flush(c, &lazily)
    if st != OK:
        return st
    _flush(c, c.db, lazily)
    _answer(c, lazily)
    return OK


cdef Status cmd_flushall(Ctx* c) noexcept nogil:
    """FLUSHALL [ASYNC | SYNC] -> OK; every database is empty."""
    cdef bint lazily
    cdef int i
    cdef Status st = _parse_flush(c, &lazily)
    if st != OK:
        return st
    for i in range(c.ks.count):
        if c.ks.dbs[i].keys.used or &c.ks.dbs[i] == c.db:      # of nothing, too: clients may have a miss cached
            _flush(c, &c.ks.dbs[i], lazily)
    if c.server.flushed != NULL:
        c.server.flushed(c.server)
    _answer(c, lazily)
    return OK


cdef Status _arg_index(Ctx* c, int i, const char* error, int64_t* index) noexcept nogil:
    if arg_i64(c, i, index) != OK or index[0] != <int>index[0]:
        return fail_with(c, ERR_CUSTOM, error)
    return OK


cdef Status cmd_swapdb(Ctx* c) noexcept nogil:
    """SWAPDB a b -> OK; who works in database a now sees the keys that were in b."""
    cdef int64_t a = 0, b = 0
    cdef Status st = _arg_index(c, 1, b"ERR invalid first DB index", &a)
    if st == OK:
        st = _arg_index(c, 2, b"ERR invalid second DB index", &b)
    if st != OK:
        return st
    if a < 0 or a >= c.ks.count or b < 0 or b >= c.ks.count:
        return ERR_DB_INDEX_RANGE
    if a == b:
        c.ks.fx.command_dirty += 1               # Redis: propagated, though nobody's keys are touched
    else:
        keyspace_swap(c.ks, <int>a, <int>b)
        effects_key(&c.ks.fx, <int>a, slice_of(NULL, 0), EV_NONE, b"swapdb", 1)
        effects_key(&c.ks.fx, <int>b, slice_of(NULL, 0), EV_NONE, b"swapdb", 0)
    reply_ok(c.out)
    return OK


cdef void bind_databases(Table* t) noexcept nogil:
    table_bind(t, b"DBSIZE", cmd_dbsize)
    table_bind(t, b"FLUSHDB", cmd_flushdb)
    table_bind(t, b"FLUSHALL", cmd_flushall)
    table_bind(t, b"SWAPDB", cmd_swapdb)
