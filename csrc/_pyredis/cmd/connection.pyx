"""connection -- commands about the connection itself that need no Python: PING, ECHO, SELECT, QUIT, RESET,
TIME.
"""
from libc.stdint cimport int64_t, uint32_t

from _pyredis.base.clock cimport clock_unix_us
from _pyredis.base.slice cimport slice_of
from _pyredis.base.status cimport ERR_DB_INDEX_RANGE, ERR_NOT_I32, ERR_WRONG_ARITY, OK, Status
from _pyredis.cmd.acl cimport acl_begin
from _pyredis.cmd.channels cimport channels_leave
from _pyredis.cmd.ctx cimport (CONN_CLOSE_AFTER_REPLY, CONN_NO_EVICT, CONN_NO_TOUCH, CONN_REPLY_OFF,
                               CONN_REPLY_SKIP, CONN_REPLY_SKIP_NEXT, Ctx, Table, arg_i64, text_set)
from _pyredis.cmd.monitor cimport monitor_leave
from _pyredis.cmd.queue cimport queue_end
from _pyredis.cmd.table cimport table_bind
from _pyredis.cmd.tracking cimport tracking_stop
from _pyredis.cmd.watch cimport watch_none
from _pyredis.wire.reply cimport (reply_array, reply_bulk_int, reply_ok, reply_simple, reply_slice,
                                  reply_text)


cdef Status cmd_ping(Ctx* c) noexcept nogil:
    """PING [message] -> PONG, or the message."""
    if c.argc > 2:
        return ERR_WRONG_ARITY
    if c.conn.subscriptions != NULL and c.out.proto == 2:            # like a message
        reply_array(c.out, 2)
        reply_text(c.out, b"pong")
        reply_slice(c.out, c.argv[1] if c.argc == 2 else slice_of(b"", 0))
    elif c.argc == 2:
        reply_slice(c.out, c.argv[1])
    else:
        reply_simple(c.out, b"PONG")
    return OK


cdef Status cmd_echo(Ctx* c) noexcept nogil:
    """ECHO message -> the message."""
    reply_slice(c.out, c.argv[1])
    return OK


cdef Status cmd_select(Ctx* c) noexcept nogil:
    """SELECT index -> OK; from now on the connection works in that database."""
    cdef int64_t index
    cdef Status st = arg_i64(c, 1, &index)
    if st != OK:
        return st
    if index != <int>index:
        return ERR_NOT_I32
    if index < 0 or index >= c.ks.count:
        return ERR_DB_INDEX_RANGE
    c.conn.db = &c.ks.dbs[index]
    reply_ok(c.out)
    return OK


cdef Status cmd_quit(Ctx* c) noexcept nogil:
    """QUIT -> OK, and the connection ends."""
    reply_ok(c.out)
    c.conn.flags |= CONN_CLOSE_AFTER_REPLY
    return OK


cdef Status cmd_reset(Ctx* c) noexcept nogil:
    """RESET -> RESET; the connection is as when it was new: database 0, RESP2, no name, not authenticated, with no
    subscriptions, no monitor, nothing queued or watched."""
    channels_leave(c.server, c.conn)
    monitor_leave(c.server, c.conn)
    watch_none(c.server, c.conn)
    queue_end(c.server, c.conn)
    c.conn.db = &c.ks.dbs[0]
    c.conn.out.proto = 2
    tracking_stop(c.server, c.conn)
    text_set(c.server, &c.conn.name, NULL, 0)
    c.conn.flags &= ~<uint32_t>(CONN_NO_EVICT | CONN_NO_TOUCH | CONN_REPLY_OFF | CONN_REPLY_SKIP
                                | CONN_REPLY_SKIP_NEXT)
    acl_begin(c.server, c.conn)
    reply_simple(c.out, b"RESET")
    return OK


cdef Status cmd_time(Ctx* c) noexcept nogil:
    """TIME -> [unix seconds, microseconds of the second]."""
    cdef int64_t now = clock_unix_us(&c.server.clock)
    reply_array(c.out, 2)
    reply_bulk_int(c.out, now // 1000000)
    reply_bulk_int(c.out, now % 1000000)
    return OK


cdef void bind_connection(Table* t) noexcept nogil:
    table_bind(t, b"PING", cmd_ping)
    table_bind(t, b"ECHO", cmd_echo)
    table_bind(t, b"SELECT", cmd_select)
    table_bind(t, b"QUIT", cmd_quit)
    table_bind(t, b"RESET", cmd_reset)
    table_bind(t, b"TIME", cmd_time)
