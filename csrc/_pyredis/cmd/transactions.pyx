"""transactions -- MULTI, EXEC, DISCARD, WATCH, UNWATCH.

From MULTI on, dispatch checks every command as always, but queues it instead of running it (cmd/queue); a command
that is refused makes EXEC fail. EXEC runs what is queued in one go, each with its own counters and errors, and their
effects are drained together: so whoever waits for a key, or repeats the commands elsewhere, sees all or nothing.
EXEC itself is held and refused as what it runs would be: dispatch looks at the flags of the whole queue.

Memory of keys: a queue that was filled in earlier rounds has lost their lines from the caches, so EXEC asks for all of
them before the first command runs, as dispatch does for a group of requests.
"""
from libc.stdint cimport uint32_t

from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.cmd.acl cimport acl_gate_queued
from _pyredis.cmd.ctx cimport (CONN_DENY_BLOCKING, CONN_DIRTY_CAS, CONN_DIRTY_EXEC, CONN_MULTI, CONN_REPLY_OFF,
                               CONN_REPLY_SKIP, GATE_ACL, GATE_AUTH, Conn, Ctx, Server, fail_with, key_at)
from _pyredis.cmd.dispatch cimport dispatch_context, dispatch_fail, dispatch_finish, dispatch_nested
from _pyredis.cmd.queue cimport Queued, Transaction, queue_begin, queue_end, queued_argv, transaction_of
from _pyredis.cmd.table cimport table_bind
from _pyredis.cmd.watch cimport watch_add, watch_expired, watch_none
from _pyredis.ds.dict cimport dict_prefetch_bucket, dict_prefetch_entries
from _pyredis.wire.reply cimport reply_array, reply_null_array, reply_ok


cdef Status cmd_multi(Ctx* c) noexcept nogil:
    """MULTI -> OK; commands are queued from now on."""
    if c.conn.flags & CONN_MULTI:
        return fail_with(c, ERR_CUSTOM, b"ERR MULTI calls can not be nested")
    queue_begin(c.server, c.conn)
    reply_ok(c.out)
    return OK


cdef void _end(Ctx* c) noexcept nogil:
    watch_none(c.server, c.conn)
    queue_end(c.server, c.conn)


cdef Status cmd_discard(Ctx* c) noexcept nogil:
    """DISCARD -> OK; what is queued is forgotten, and no key is watched any more."""
    if not c.conn.flags & CONN_MULTI:
        return fail_with(c, ERR_CUSTOM, b"ERR DISCARD without MULTI")
    _end(c)
    reply_ok(c.out)
    return OK


cdef void _fetch(Ctx* c, const Transaction* t) noexcept nogil:
    """Starts the loads of the lines that the commands will touch; those after a SELECT are fetched in vain."""
    cdef Queued* q = t.first
    while q != NULL:
        if q.hashed:
            dict_prefetch_bucket(&c.db.keys, q.hash)
        q = q.next
    q = t.first
    while q != NULL:
        if q.hashed:
            dict_prefetch_entries(&c.db.keys, q.hash)
        q = q.next


cdef void _run_queue(Ctx* c, Transaction* t) noexcept nogil:
    cdef Ctx inner
    cdef Queued* q = t.first
    cdef Status st
    while q != NULL:
        dispatch_context(&inner, c.server, c.conn, q.cmd, queued_argv(q), q.argc)
        inner.hashed = q.hashed
        inner.hash = q.hash
        st = acl_gate_queued(&inner) if c.conn.gates & (GATE_ACL | GATE_AUTH) else OK
        if st == OK:
            dispatch_nested(&inner)
        else:
            dispatch_fail(&inner, st)
        q = q.next


cdef Status cmd_exec(Ctx* c) noexcept nogil:
    """EXEC -> [reply of each queued command], or null if a watched key has changed."""
    cdef Conn* conn = c.conn
    cdef Server* s = c.server
    cdef Transaction* t = transaction_of(conn)
    cdef uint32_t might_block = ~conn.flags & CONN_DENY_BLOCKING
    if not conn.flags & CONN_MULTI:
        return fail_with(c, ERR_CUSTOM, b"ERR EXEC without MULTI")
    if conn.flags & CONN_DIRTY_EXEC:
        _end(c)
        return fail_with(c, ERR_CUSTOM, b"EXECABORT Transaction discarded because of previous errors.")
    if conn.flags & CONN_DIRTY_CAS or watch_expired(s, conn):
        _end(c)
        reply_null_array(c.out)
        return OK
    watch_none(s, conn)                          # what it changes itself is not for it to hear of
    conn.flags |= CONN_DENY_BLOCKING
    if not conn.flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP):
        reply_array(c.out, t.count)
    if t.round != s.stats.loops:
        _fetch(c, t)
    _run_queue(c, t)
    conn.flags &= ~might_block
    dispatch_finish(c)                           # the names of keys lie in the queue
    queue_end(s, conn)
    return OK


cdef Status cmd_watch(Ctx* c) noexcept nogil:
    """WATCH key [key ...] -> OK; the next EXEC does nothing if one of these keys has changed by then."""
    cdef int i
    if c.conn.flags & CONN_MULTI:
        return fail_with(c, ERR_CUSTOM, b"ERR WATCH inside MULTI is not allowed")
    if not c.conn.flags & CONN_DIRTY_CAS:        # else it is lost already
        for i in range(1, c.argc):
            watch_add(c, key_at(c, i))
    reply_ok(c.out)
    return OK


cdef Status cmd_unwatch(Ctx* c) noexcept nogil:
    """UNWATCH -> OK; no key is watched any more, and changes so far are forgiven."""
    watch_none(c.server, c.conn)
    c.conn.flags &= ~<uint32_t>CONN_DIRTY_CAS
    reply_ok(c.out)
    return OK


cdef void bind_transactions(Table* t) noexcept nogil:
    table_bind(t, b"MULTI", cmd_multi)
    table_bind(t, b"EXEC", cmd_exec)
    table_bind(t, b"DISCARD", cmd_discard)
    table_bind(t, b"WATCH", cmd_watch)
    table_bind(t, b"UNWATCH", cmd_unwatch)
