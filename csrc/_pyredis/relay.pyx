"""relay -- connections whose socket the control plane holds: it feeds what came in, and takes what is to go out.

    socket -> Python: decrypt -> feed -> [ input | requests, in groups | output ] -> serve, take -> encrypt -> socket

TLS is Python's (pyredis/tls): of such a connection the core has everything but the socket (Core.add, relayed). Its
requests are run here, for all that have sent something in one section without the GIL, in the groups and by the
dispatch of all others. What others' commands leave for it (a message, a key it waited for) makes its descriptor be
reported to the loop, and whoever relays comes for it.

Bytes taken count as sent. Whoever takes more only when the socket took what was taken before leaves the rest where
client-output-buffer-limit sees it, and says so (set_blocked): then nothing is reported until it takes again.

Cost: a copy each way. The descriptor stays open until the notice LEFT has been told.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from _pyredis.base.clock cimport clock_ticks, clock_unix_ms
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.aof cimport aof_flush
from _pyredis.cmd.ctx cimport (CONN_CLOSE_AFTER_REPLY, CONN_GONE, CONN_WANTS_WRITE, CONN_WATCHED, LOG_WARNING, Conn,
                               Server, conn_close, conn_due)
from _pyredis.cmd.output cimport output_check
from _pyredis.conn cimport conn_feed, conns_finish_group, conns_run
from _pyredis.core cimport Core
from _pyredis.db.keyspace cimport keyspace_set_clock
from _pyredis.wire.reply cimport out_sent, out_views

cdef enum:
    VIEWS = 32                     # pieces looked at in one go


cdef Conn* _find(Server* s, int fd) noexcept nogil:
    """The relayed connection of this descriptor that is not gone yet, or NULL."""
    cdef Conn* c = s.relayed[fd] if 0 <= fd and <size_t>fd < s.fds else NULL
    return NULL if c == NULL or c.flags & CONN_GONE else c


# ---------------------------------------------------------------- in

def feed(Core core, int fd, bytes data):
    """Bytes that it has sent. They are run by the next `serve`; one that is to be closed is not listened to."""
    cdef Server* s = core.s
    cdef Conn* c = _find(s, fd)
    cdef size_t n = len(data)
    if c == NULL or c.flags & CONN_CLOSE_AFTER_REPLY:
        return
    s.stats.bytes_in += n
    s.stats.reads += 1
    c.bytes_in += n
    c.reads += 1
    c.active_ms = clock_unix_ms(&s.clock)
    if not conn_feed(s, c, data, n):
        s.stats.query_limit_closes += 1
        s.log(s, LOG_WARNING, b"Closing client that reached max query buffer length")
        conn_close(s, c)


def running(Core core):
    """The descriptor of the connection that waits for its command to end, which others are served from within; -1:
    there is none. Nothing may be fed to it: its command stands in its input."""
    return core.s.current.fd if core.s.current != NULL else -1


# ---------------------------------------------------------------- run

cdef void _run(Server* s, Core core, Conn** conns, size_t n) noexcept nogil:
    cdef unsigned long long began = clock_ticks()
    s.stats.loops += 1
    keyspace_set_clock(s.ks, clock_unix_ms(&s.clock))
    conns_run(s, core.batch, conns, n)
    aof_flush(s)
    s.stats.loop_ticks += clock_ticks() - began


cdef void _run_meanwhile(Server* s, Core core, Conn** conns, size_t n) noexcept nogil:
    """From within a command that takes long; for it time stands still. As _serve_meanwhile of the core."""
    cdef int64_t now = s.ks.now_ms
    cdef uint32_t gates = s.other_gates & ~s.gates
    s.gates |= gates
    conns_finish_group(s, core.batch)
    conns_run(s, core.other_batch, conns, n)
    aof_flush(s)
    s.gates &= ~gates
    keyspace_set_clock(s.ks, now)


def serve(Core core, list fds, size_t most, bint meanwhile=False):
    """Runs what these connections have sent. A list of what goes to each now, as `take` gives it: b"" for those that
    are gone or blocked. `meanwhile`: from within Core.on_busy, after Core.serve_others."""
    cdef Server* s = core.s
    cdef size_t n = 0
    cdef Conn** conns = <Conn**>malloc((len(fds) + 1) * sizeof(void*))
    cdef Conn* c
    if conns == NULL:
        raise MemoryError
    for fd in fds:
        c = _find(s, fd)
        if c != NULL and c != s.current:
            conns[n] = c
            n += 1
    with nogil:
        if meanwhile:
            _run_meanwhile(s, core, conns, n)
        else:
            _run(s, core, conns, n)
    free(conns)
    return [_taken(s, fd, most) for fd in fds]


# ---------------------------------------------------------------- out

cdef _taken(Server* s, int fd, size_t most):
    cdef Conn* c = _find(s, fd)
    if c == NULL or c.flags & CONN_WANTS_WRITE:
        return b""
    if c.out.pending:
        return _take(s, c, min(most, c.out.pending))
    return None if c.flags & CONN_CLOSE_AFTER_REPLY else b""


cdef bytes _take(Server* s, Conn* c, size_t n):
    cdef bytes data = PyBytes_FromStringAndSize(NULL, n)
    cdef char* to = PyBytes_AS_STRING(data)
    cdef Slice[VIEWS] views
    cdef size_t at = 0, before, piece
    cdef int i, count
    while at < n:
        before = at
        count = out_views(&c.out, views, VIEWS)
        for i in range(count):
            piece = min(views[i].len, n - at)
            memcpy(to + at, views[i].ptr, piece)
            at += piece
        out_sent(&c.out, at - before)
    s.stats.writes += 1
    s.stats.bytes_out += n
    c.bytes_out += n
    c.active_ms = s.ks.now_ms
    if c.soft_since_ms != 0:
        output_check(s, c)
    if not c.out.pending and c.flags & CONN_CLOSE_AFTER_REPLY:
        conn_due(s, c)                           # so that somebody comes and is told
    return data


def take(Core core, int fd, size_t most):
    """What goes to it next, at most so many bytes; b"": nothing now; None: nothing ever, it is to be closed."""
    cdef Conn* c = _find(core.s, fd)
    if c != NULL:
        c.flags &= ~<uint32_t>(CONN_WANTS_WRITE | CONN_WATCHED)
    return _taken(core.s, fd, most)


def set_blocked(Core core, int fd):
    """The socket takes no more for now; until `take` says otherwise nothing more is reported."""
    cdef Conn* c = _find(core.s, fd)
    if c != NULL:
        c.flags |= CONN_WANTS_WRITE | CONN_WATCHED


def close(Core core, int fd):
    """Ends it: the peer has, or must. The notice LEFT follows."""
    cdef Conn* c = _find(core.s, fd)
    if c != NULL:
        conn_close(core.s, c)
