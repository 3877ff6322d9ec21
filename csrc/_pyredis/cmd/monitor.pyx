"""monitor -- MONITOR: a connection that is shown every command, once that has run.

    +1700000000.123456 [0 127.0.0.1:50122] "set" "key" "a value\\n"

Server.monitors is NULL while there is none, which is all that dispatch asks. What an operator does is not shown
(admin commands; those that ask not to be), nor what was refused, nor what waits in a MULTI before it runs. A
blocked command is shown when it begins to wait, not again when it goes on. Passwords are shown as (redacted).

A monitor stands beside the keyspace: it may not touch keys and is not held by CLIENT PAUSE. It is otherwise an
ordinary client, may subscribe, and stops to be a monitor with RESET. A line is no push: under CLIENT REPLY OFF
there is none.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from _pyredis.base.clock cimport clock_unix_us
from _pyredis.base.mem cimport mem_alloc, mem_free, mem_room
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.base.text cimport text_repr
from _pyredis.cmd.ctx cimport (CONN_DENY_BLOCKING, CONN_IN_SCRIPT, CONN_MONITOR, CONN_REPLY_OFF, CONN_UNIX,
                               GATE_MONITOR, fail_with)
from _pyredis.cmd.output cimport output_push
from _pyredis.cmd.secrets cimport SecretRule, secrets_of, shown_word
from _pyredis.cmd.table cimport table_bind
from _pyredis.ds.bytestr cimport ByteStr, bytestr_free, bytestr_new
from _pyredis.wire.reply cimport reply_ok

cdef enum:
    FIXED_ROOM = 80                # of a line, beside addresses and arguments
    UNIX_SUFFIX = 2                # ":0", which an address on a unix socket ends with

cdef struct Monitors:
    Conn** list                    # in the order in which they came
    size_t count
    size_t capacity


cdef Status cmd_monitor(Ctx* c) noexcept nogil:
    """MONITOR -> OK; from now on the connection is shown what the server runs. Of a monitor: nothing."""
    cdef Server* s = c.server
    cdef Monitors* m = <Monitors*>s.monitors
    if c.conn.flags & CONN_DENY_BLOCKING:
        return fail_with(c, ERR_CUSTOM, b"ERR MONITOR isn't allowed for DENY BLOCKING client")
    if c.conn.flags & CONN_MONITOR:              # Redis: no reply either
        return OK
    if m == NULL:
        m = <Monitors*>mem_alloc(s.mem, sizeof(Monitors))
        m.list = NULL
        m.count = m.capacity = 0
        s.monitors = m
    m.list = <Conn**>mem_room(s.mem, m.list, m.count, &m.capacity, sizeof(void*), 4)
    m.list[m.count] = c.conn
    m.count += 1
    c.conn.flags |= CONN_MONITOR
    c.conn.gates |= GATE_MONITOR
    reply_ok(c.out)
    return OK


cdef void monitor_leave(Server* s, Conn* c) noexcept nogil:
    cdef Monitors* m = <Monitors*>s.monitors
    cdef size_t i, kept = 0
    if not c.flags & CONN_MONITOR:
        return
    c.flags &= ~<uint32_t>CONN_MONITOR
    c.gates &= ~<uint32_t>GATE_MONITOR
    for i in range(m.count):
        if m.list[i] != c:
            m.list[kept] = m.list[i]
            kept += 1
    m.count = kept
    if kept == 0:
        mem_free(s.mem, m.list, m.capacity * sizeof(void*))
        mem_free(s.mem, m, sizeof(Monitors))
        s.monitors = NULL


# ---------------------------------------------------------------- lines

cdef char* _put(char* p, Slice text) noexcept nogil:
    if text.len:
        memcpy(p, text.ptr, text.len)
    return p + text.len


cdef char* _put_source(char* p, const Ctx* c) noexcept nogil:
    """Where the command came from: lua, unix:path, or address and port."""
    cdef Slice address = slice_of(c.conn.address.ptr, c.conn.address.len)
    if c.conn.flags & CONN_IN_SCRIPT:
        address = slice_of(b"lua", 3)
    elif c.conn.flags & CONN_UNIX:
        p = _put(p, slice_of(b"unix:", 5))
        address.len -= UNIX_SUFFIX if address.len >= UNIX_SUFFIX else 0
    return _put(p, address)


cdef ByteStr* _line(Ctx* c) noexcept nogil:
    cdef SecretRule rule = secrets_of(c.cmd)
    cdef int64_t now = clock_unix_us(&c.server.clock)
    cdef size_t room = FIXED_ROOM + c.conn.address.len
    cdef ByteStr* line
    cdef char* start
    cdef char* p
    cdef Slice text
    cdef int i
    for i in range(c.argc):
        room += 4 * shown_word(rule, c.argv, c.argc, i).len + 4
    start = p = <char*>mem_alloc(c.server.mem, room)
    p += snprintf(p, FIXED_ROOM, b"+%lld.%06lld [%d ", <long long>(now // 1000000), <long long>(now % 1000000),
                  c.conn.db.id)
    p = _put_source(p, c)
    p = _put(p, slice_of(b"]", 1))
    for i in range(c.argc):
        p[0] = c' '
        text = shown_word(rule, c.argv, c.argc, i)
        p += 1 + text_repr(text.ptr, text.len, p + 1)
    p = _put(p, slice_of(b"\r\n", 2))
    line = bytestr_new(c.server.mem, start, p - start, 0)
    mem_free(c.server.mem, start, room)
    return line


cdef void monitor_feed(Ctx* c) noexcept nogil:
    cdef Monitors* m = <Monitors*>c.server.monitors
    cdef ByteStr* line
    cdef size_t i
    if m == NULL:
        return
    line = _line(c)
    for i in range(m.count):
        if not m.list[i].flags & CONN_REPLY_OFF:
            output_push(c.server, m.list[i], line)
    bytestr_free(c.server.mem, line)


cdef void bind_monitor(Table* t) noexcept nogil:
    table_bind(t, b"MONITOR", cmd_monitor)
