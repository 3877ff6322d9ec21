"""waiting -- WAIT and WAITAOF: until a connection's writes are kept elsewhere, or on the disk.

Each connection knows how far the propagated commands went with its last write (Conn.written, cmd/propagate), the
append-only file how far they are on the disk (Aof.synced). Who has to wait is a blocked connection without a key;
after an fsync, and when the file is switched off, all of these are looked at (waiting_serve).

There are no replicas yet: as on a server without any, the count of those that have confirmed is 0, and
whoever asks for some waits until its time is up.
"""
from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport strlen

from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.status cimport ERR_CUSTOM, ERR_NOT_INTEGER, ERR_NOT_POSITIVE, OK, Status
from _pyredis.base.worker cimport atomic_get
from _pyredis.cmd.aof cimport Aof, aof_of
from _pyredis.cmd.blocking cimport Waiter, block_until, blocking_release
from _pyredis.cmd.ctx cimport CONN_DENY_BLOCKING, CONN_GONE, Conn, Ctx, Server, arg_i64, fail_with
from _pyredis.cmd.table cimport table_bind
from _pyredis.wire.reply cimport reply_array, reply_error, reply_int


cdef inline const char* _no_file() noexcept nogil:
    return b"ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."


cdef bint _is_kept(const Server* s, const Conn* conn) noexcept nogil:
    """Are the connection's writes on this machine's disk?"""
    cdef const Aof* a = aof_of(s)
    return a != NULL and not a.initial and atomic_get(&a.synced) >= conn.written


cdef Status _deadline(Ctx* c, int i, int64_t* deadline_ms) noexcept nogil:
    """argv[i] as a timeout in milliseconds: the unix time at which it ends; 0: never."""
    cdef int64_t ms
    if not num_parse_i64(c.argv[i].ptr, c.argv[i].len, &ms):
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is not an integer or out of range")
    if ms < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is negative")
    if ms > INT64_MAX - c.ks.now_ms:
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is out of range")
    deadline_ms[0] = ms + c.ks.now_ms if ms else 0
    return OK


# ---------------------------------------------------------------- WAIT

cdef void _answer_wait(Server* s, Conn* conn) noexcept nogil:
    reply_int(&conn.out, 0)


cdef Status cmd_wait(Ctx* c) noexcept nogil:
    """WAIT numreplicas timeout -> how many replicas have this connection's writes."""
    cdef int64_t replicas, deadline_ms
    cdef Status st = arg_i64(c, 1, &replicas)
    if st == OK:
        st = _deadline(c, 2, &deadline_ms)
    if st != OK:
        return st
    if replicas > 0 and not c.conn.flags & CONN_DENY_BLOCKING:
        return block_until(c, deadline_ms, _answer_wait)
    reply_int(c.out, 0)
    return OK


# ---------------------------------------------------------------- WAITAOF

cdef void _answer(Server* s, Conn* conn) noexcept nogil:
    reply_array(&conn.out, 2)
    reply_int(&conn.out, _is_kept(s, conn))
    reply_int(&conn.out, 0)


cdef Status cmd_waitaof(Ctx* c) noexcept nogil:
    """WAITAOF numlocal numreplicas timeout -> [are this connection's writes on the disk, on how many replicas']"""
    cdef int64_t local, replicas, deadline_ms
    if not num_parse_i64(c.argv[1].ptr, c.argv[1].len, &local):
        return ERR_NOT_INTEGER
    if local < 0 or local > 1:
        return fail_with(c, ERR_CUSTOM, b"ERR value is out of range, value must between 0 and 1")
    if not num_parse_i64(c.argv[2].ptr, c.argv[2].len, &replicas) or replicas < 0:
        return ERR_NOT_POSITIVE
    cdef Status st = _deadline(c, 3, &deadline_ms)
    if st != OK:
        return st
    if local and c.server.aof == NULL:
        return fail_with(c, ERR_CUSTOM, _no_file())
    if (replicas == 0 and (not local or _is_kept(c.server, c.conn))) or c.conn.flags & CONN_DENY_BLOCKING:
        _answer(c.server, c.conn)
        return OK
    if local and c.server.aof != NULL:
        aof_of(c.server).waiting += 1
    return block_until(c, deadline_ms, _answer)


cdef bint _wants_local(const Waiter* w) noexcept nogil:
    return w.give_up == _answer and w.argv[1].len == 1 and w.argv[1].ptr[0] == c'1'


cdef bint _wants_replicas(const Waiter* w) noexcept nogil:
    cdef int64_t replicas = 0
    num_parse_i64(w.argv[2].ptr, w.argv[2].len, &replicas)
    return replicas > 0


cdef void waiting_serve(Server* s) noexcept nogil:
    cdef Conn* conn = s.first
    cdef Waiter* w
    cdef size_t left = 0
    while conn != NULL:
        w = <Waiter*>conn.waiter
        if w != NULL and not conn.flags & CONN_GONE and _wants_local(w):
            if s.aof == NULL:
                w.give_up = _answer_no_file
                blocking_release(s, conn, False)
            elif _is_kept(s, conn) and not _wants_replicas(w):
                blocking_release(s, conn, False)
            else:
                left += 1
        conn = conn.next
    if s.aof != NULL:
        aof_of(s).waiting = left


cdef void _answer_no_file(Server* s, Conn* conn) noexcept nogil:
    reply_error(&conn.out, _no_file(), strlen(_no_file()))


cdef void bind_waiting(Table* t) noexcept nogil:
    table_bind(t, b"WAIT", cmd_wait)
    table_bind(t, b"WAITAOF", cmd_waitaof)
