"""relay -- connections whose bytes are encrypted: the way between their sockets and the core.

    socket -> recv -> incoming BIO -> read --> [ input | requests, in groups | output ] --> write -> outgoing BIO -> send
              `-------------- hear -----------'                                 `-------------- turn --------------'

TLS is Python's ssl, over memory (pyredis/tls): of such a connection the core has everything but the socket (Core.add,
relayed). The loop calls `hear` for each that has something: it is decrypted into the connection's input. Then one
`turn` runs the requests of all of them, in one section without the GIL and by the groups and the dispatch of all
others, and encrypts and sends what came of it. What others' commands leave for one (a message, a key that it waited
for) makes its descriptor be reported to the loop as if something had come.

What the socket did not take waits in the pipe: a PIECE with its records at most. The rest stays in the connection's
output, where client-output-buffer-limit counts it. Input is heard meanwhile, too: a client may send a long pipeline
before it reads.

This is code of the core, not of pyredis/tls, because it runs for each request: as Python's own, the interpreter
took 29 % of a GET instead of 16. What ssl raises ends one connection; the loop's side is told by what `turn` returns.

The descriptor stays open until the notice LEFT has been told.
"""
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from os import strerror
from ssl import SSLWantReadError

from _pyredis.base.clock cimport clock_ticks, clock_unix_ms
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.aof cimport aof_flush
from _pyredis.cmd.ctx cimport (CONN_CLOSE_AFTER_REPLY, CONN_GONE, CONN_WANTS_WRITE, CONN_WATCHED, LOG_WARNING, Conn,
                               Server, conn_close)
from _pyredis.cmd.output cimport output_check
from _pyredis.cmd.weights cimport weights_note, weights_settle
from _pyredis.conn cimport conn_feed, conns_finish_group, conns_run
from _pyredis.core cimport Core
from _pyredis.db.keyspace cimport keyspace_set_clock
from _pyredis.wire.reply cimport out_sent, out_views

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recv(int fd, void* p, size_t n, int flags)
    ssize_t send(int fd, const void* p, size_t n, int flags)
    int MSG_NOSIGNAL
    int MSG_DONTWAIT

cdef enum:
    VIEWS = 32                     # pieces looked at in one go
    RECEIVE_MOST = 1 << 16         # bytes taken from a socket at a time
    RECORD = 1 << 14               # the most that one record of TLS holds
    PIECE = 1 << 15                # bytes encrypted at a time
    SEND_MOST = 1 << 20            # bytes sent to one connection before others get their turn
    MOST_OWED = 1 << 20            # bytes of TLS's own that a peer may leave unread

READING = "Reading from client"
WRITING = "Error writing to client"


cdef Conn* _find(Server* s, int fd) noexcept nogil:
    """The relayed connection of this descriptor that is not gone yet, or NULL."""
    cdef Conn* c = s.relayed[fd] if 0 <= fd and <size_t>fd < s.fds else NULL
    return NULL if c == NULL or c.flags & CONN_GONE else c


def close(Core core, int fd):
    """Ends it: the peer has, or must. The notice LEFT follows."""
    cdef Conn* c = _find(core.s, fd)
    if c != NULL:
        conn_close(core.s, c)


cdef class Pipe:
    """A socket and its encryption: `tls`, an ssl.SSLObject, between the two ssl.MemoryBIOs."""

    cdef readonly int fd
    cdef readonly object tls
    cdef readonly object incoming
    cdef readonly object outgoing
    cdef object read
    cdef object write
    cdef bytes out                  # encrypted; the socket did not take it
    cdef readonly bint blocked      # the socket takes no more for now
    cdef public bint watched        # the loop knows of that
    cdef public bint ended          # nothing more will come from it
    cdef public bint over           # it is to be closed
    cdef readonly object failure    # None, or (READING or WRITING, why)

    def __init__(self, int fd, tls, incoming, outgoing):
        self.fd = fd
        self.tls = tls
        self.incoming = incoming
        self.outgoing = outgoing
        self.read = tls.read
        self.write = tls.write
        self.out = b""

    @property
    def clean(self):
        """Has everything that was encrypted gone, so that more may follow?"""
        return not self.out

    cdef int _fail(self, str what, error) except -1:
        if not self.over:
            self.failure = (what, error)
        self.ended = self.over = True
        self.out = b""
        return 0

    cdef bint _push(self) except -1:
        """Sends what is encrypted. False: the socket did not take all of it. OSError."""
        cdef ssize_t n = send(self.fd, PyBytes_AS_STRING(self.out), len(self.out), MSG_NOSIGNAL | MSG_DONTWAIT)
        if n < 0:
            if errno != EAGAIN and errno != EINTR:
                raise OSError(errno, strerror(errno))
            n = 0
        self.blocked = n < len(self.out)
        self.out = self.out[n:] if self.blocked else b""
        if self.blocked and self.outgoing.pending > MOST_OWED:      # it asks, and does not read the answers
            self.over = True
        return not self.blocked


cdef class Pump:
    """All the pipes of one core."""

    cdef Core core
    cdef char* buffer
    cdef object plain               # a bytearray for a record
    cdef list heard                 # in this turn

    def __cinit__(self, Core core):
        self.core = core
        self.buffer = <char*>malloc(RECEIVE_MOST)
        if self.buffer == NULL:
            raise MemoryError
        self.plain = bytearray(RECORD)
        self.heard = []

    def __dealloc__(self):
        free(self.buffer)

    # ------------------------------------------------------------ in

    def receive(self, Pipe p):
        """One recv into p.incoming. False: there was nothing, or it failed."""
        cdef ssize_t n = recv(p.fd, self.buffer, RECEIVE_MOST, MSG_DONTWAIT)
        if n > 0:
            p.incoming.write(PyBytes_FromStringAndSize(self.buffer, n))
        elif n == 0:
            p.incoming.write_eof()
            p.ended = True
        elif errno != EAGAIN and errno != EINTR:
            p._fail(READING, OSError(errno, strerror(errno)))
            return False
        return n >= 0

    def hear(self, Pipe p):
        """The socket has something, or takes more, or the core has something for it. Hands have been shaken."""
        cdef Server* s = self.core.s
        if s.current != NULL and s.current.fd == p.fd:
            return                               # its own command is served others from within: it stands in the input
        if not p.ended:
            self.receive(p)
        self.decrypt(p)

    def decrypt(self, Pipe p):
        """What has come in full is fed to the core, and takes part in the next turn."""
        cdef object plain = self.plain, read = p.read
        cdef ssize_t n
        self.heard.append(p)
        try:
            while p.incoming.pending:
                n = read(RECORD, plain)          # a record at a time: nothing stays in `tls`
                if n == 0:
                    p.ended = True
                    return
                self._feed(p.fd, PyByteArray_AS_STRING(plain), n)
        except SSLWantReadError:
            pass
        except OSError as error:
            p._fail(READING, error)

    cdef void _feed(self, int fd, const char* data, size_t n) noexcept:
        """Bytes that it has sent. Who is to be closed is not listened to."""
        cdef Server* s = self.core.s
        cdef Conn* c = _find(s, fd)
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
        if s.clients_limit:
            weights_note(s, c)
            weights_settle(s)

    # ------------------------------------------------------------ a turn

    def turn(self, bint meanwhile=False):
        """Runs what has come in, and sends what came of it. Returns those pipes that are `over`, or of whose being
        `blocked` the loop is to know. `meanwhile`: from within Core.on_busy, after Core.serve_others."""
        cdef list heard = self.heard, told = []
        cdef Pipe p
        if not heard:
            return told
        self.heard = []
        self._run(heard, meanwhile)
        for p in heard:
            self.flush(p)
            if p.ended:
                p.over = True
            if p.over or p.blocked != p.watched:
                told.append(p)
        if self.core.s.clients_limit:
            self._weigh(heard)
        return told

    cdef void _weigh(self, list heard) noexcept:
        """As others at the end of their round (cmd/weights)."""
        cdef Server* s = self.core.s
        cdef Conn* c
        cdef Pipe p
        for p in heard:
            c = _find(s, p.fd)
            if c != NULL:
                weights_note(s, c)
        weights_settle(s)

    cdef int _run(self, list heard, bint meanwhile) except -1:
        cdef Server* s = self.core.s
        cdef Conn** conns = <Conn**>malloc(len(heard) * sizeof(void*))
        cdef size_t n = 0
        cdef Pipe p
        if conns == NULL:
            raise MemoryError
        for p in heard:
            conns[n] = _find(s, p.fd)
            if conns[n] != NULL and conns[n] != s.current:
                n += 1
        with nogil:
            if meanwhile:
                _run_meanwhile(s, self.core, conns, n)
            else:
                _run_all(s, self.core, conns, n)
        free(conns)
        return 0

    # ------------------------------------------------------------ out

    def flush(self, Pipe p):
        """Sends what waits, then what the core has for it, as far as the socket takes it."""
        cdef Conn* c = NULL
        cdef size_t sent = 0, n
        try:
            if p.blocked:
                if p.out and not p._push():
                    return
                p.blocked = False
            while not p.over:
                c = _find(self.core.s, p.fd)
                if c == NULL:
                    return
                c.flags &= ~<uint32_t>(CONN_WANTS_WRITE | CONN_WATCHED)
                n = min(c.out.pending, <size_t>PIECE)
                if n:
                    p.write(_take(self.core.s, c, n))
                if p.outgoing.pending:
                    p.out = p.outgoing.read()
                    sent += len(p.out)
                    if not p._push():
                        break
                if not c.out.pending and c.flags & CONN_CLOSE_AFTER_REPLY:
                    p.over = True
                if n < PIECE:
                    return
                if sent >= SEND_MOST:
                    p.blocked = True             # the loop comes again, after others
                    break
            if c != NULL:
                c.flags |= CONN_WANTS_WRITE | CONN_WATCHED
        except OSError as error:
            p._fail(WRITING, error)


cdef bytes _take(Server* s, Conn* c, size_t n):
    """The next n bytes of its output. They count as sent."""
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
    return data


cdef void _run_all(Server* s, Core core, Conn** conns, size_t n) noexcept nogil:
    cdef uint64_t began = clock_ticks()
    s.stats.loops += 1
    keyspace_set_clock(s.ks, clock_unix_ms(&s.clock))
    conns_run(s, core.rounds.batch, conns, n)
    aof_flush(s)
    s.stats.loop_ticks += clock_ticks() - began


cdef void _run_meanwhile(Server* s, Core core, Conn** conns, size_t n) noexcept nogil:
    """From within a command that takes long; for it time stands still. As rounds_meanwhile."""
    cdef int64_t now = s.ks.now_ms
    cdef uint32_t gates = s.other_gates & ~s.gates
    s.gates |= gates
    conns_finish_group(s, core.rounds.batch)
    conns_run(s, core.rounds.other_batch, conns, n)
    aof_flush(s)
    s.gates &= ~gates
    keyspace_set_clock(s.ks, now)
