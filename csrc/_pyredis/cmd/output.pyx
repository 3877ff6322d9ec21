"""output -- what goes to a connection that has not asked for it now, and how much may wait there unread.

A message for many is encoded once, into a ByteStr, and each receiver's chain of blocks gets the bytes:

    nothing pending, or many bytes     a block without bytes of its own, that holds a reference
    otherwise                          a copy behind what is pending

So a thousand idle subscribers cost a thousand small allocations, and not as many 16 KiB blocks. Who got
something is put into the list of due connections and sent to in the next round, once, however much it got.

To the connection whose request is running (Server.current) nothing can be pushed at once: it would stand
before the reply, or within the array of an EXEC. It waits in Conn.later until dispatch has answered. That also
lets pushes pass CLIENT REPLY OFF, which takes back the replies only.

A connection that leaves more unread than client-output-buffer-limit allows its class is closed: after its own
commands by the round, as a receiver here. What fits into one block is no matter, as what fits into Redis's fixed
buffer is none there: no limit is too small to be told of it. The soft limit's time is counted in seconds of the clock,
as in Redis: they must have been more than it says. Who has not logged in may leave no more than that one block, whatever
the limits are: errors that nobody reads would fill memory for strangers.
"""
from libc.stdint cimport uint32_t

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.cmd.ctx cimport (CONN_CLOSE_AFTER_REPLY, CONN_CLOSE_ASAP, CONN_DUE, CONN_FAKE, CONN_GONE, CONN_LATER,
                               CONN_WANTS_WRITE, GATE_AUTH, LOG_WARNING, OutputLimit, conn_close, conn_due)
from _pyredis.cmd.weights cimport weights_note
from _pyredis.ds.bytestr cimport bytestr_data, bytestr_free, bytestr_share
from _pyredis.wire.block cimport BLOCK
from _pyredis.wire.reply cimport out_append, out_clear, out_init, out_join, out_lend, out_waiting

cdef extern from "ensure.h" nogil:
    bint UNLIKELY(bint x)

cdef enum:
    LEND_LEAST = 2048              # bytes: a copy of fewer costs less than one more piece to send
    LIMIT_NORMAL = 0               # of Server.output_limits
    LIMIT_PUBSUB = 2


cdef void _release(void* mem, void* message) noexcept nogil:
    bytestr_free(<Arena*>mem, <ByteStr*>message)


cdef Out* output_of_push(Server* s, Conn* c) noexcept nogil:
    if c != s.current:
        return &c.out
    if c.later == NULL:
        c.later = <Out*>mem_alloc(s.mem, sizeof(Out))
        out_init(c.later, &s.blocks)
        c.flags |= CONN_LATER
    c.later.proto = c.out.proto
    return c.later


cdef void output_push(Server* s, Conn* c, ByteStr* message) noexcept nogil:
    """The caller keeps its own reference. Nothing goes to a connection that is to be closed."""
    cdef Out* o
    if UNLIKELY(c.flags & (CONN_CLOSE_AFTER_REPLY | CONN_CLOSE_ASAP | CONN_GONE)):
        return
    o = output_of_push(s, c)
    if o.head == NULL or message.length >= LEND_LEAST:
        out_lend(o, bytestr_data(message), message.length, _release, s.mem, bytestr_share(message))
    else:
        out_append(o, bytestr_data(message), message.length)
    output_due(s, c)


cdef void output_due(Server* s, Conn* c) noexcept nogil:
    """Something was pushed to it."""
    if c == s.current:                           # that goes with its reply
        return
    if not c.flags & (CONN_DUE | CONN_WANTS_WRITE):
        conn_due(s, c)
    if UNLIKELY(c.out.memory > s.output_floor):
        output_check(s, c)


cdef void output_flush(Server* s, Conn* c) noexcept nogil:
    """Its command is answered: what was pushed to it meanwhile follows the reply."""
    cdef Out* later = c.later
    c.later = NULL
    c.flags &= ~<uint32_t>CONN_LATER
    if later == NULL:
        return
    out_join(&c.out, later)
    mem_free(s.mem, later, sizeof(Out))
    if not c.flags & CONN_WANTS_WRITE:
        conn_due(s, c)


cdef void output_forget(Server* s, Conn* c) noexcept nogil:
    """It ends: what was pushed to it is dropped."""
    if c.later == NULL:
        return
    out_clear(c.later)
    mem_free(s.mem, c.later, sizeof(Out))
    c.later = NULL
    c.flags &= ~<uint32_t>CONN_LATER


cdef void output_check(Server* s, Conn* c) noexcept nogil:
    """Closes a connection that reads too slowly (client-output-buffer-limit of its class); weighs the others.

    Asked for after each command or push that left much to send, and, once the soft limit is passed, whenever
    something was sent and now and then: its time passes without a command, too.
    """
    cdef bint over = False
    cdef const OutputLimit* limit = &s.output_limits[<int>(LIMIT_PUBSUB if c.subscriptions != NULL else LIMIT_NORMAL)]
    cdef size_t waiting = out_waiting(&c.out)
    if waiting <= BLOCK:
        waiting = 0
    if waiting and c.gates & GATE_AUTH:
        over = True
    elif limit.hard and waiting >= limit.hard:
        over = True
    elif limit.soft and waiting >= limit.soft:
        if c.soft_since_ms == 0:
            c.soft_since_ms = s.ks.now_ms
        over = (s.ks.now_ms // 1000 - c.soft_since_ms // 1000) * 1000 > limit.soft_ms
    else:
        c.soft_since_ms = 0
    if over and not c.flags & (CONN_FAKE | CONN_GONE):
        s.stats.output_limit_closes += 1
        s.log_client(s, LOG_WARNING, b"Client %s scheduled to be closed ASAP for overcoming of output buffer limits.", c)
        out_clear(&c.out)
        conn_close(s, c)
    if s.clients_limit:
        weights_note(s, c)
