"""queue -- what a connection has queued between MULTI and EXEC.

    Conn.transaction -> Transaction -> Queued -> Queued -> ...
                                       | next, command, hash | argv | bytes of the arguments |

A queued command is one allocation with one copy of its arguments; it keeps the hash that dispatch computed, so
EXEC neither looks commands up nor hashes keys again. What the queue takes is the connection's memory (`multi-mem`
of CLIENT LIST), and it goes with EXEC.

A Transaction stands there while its connection is in MULTI or watches keys (cmd/watch), and not longer. Once it is
known that EXEC will fail, nothing more is kept: the client is answered QUEUED all the same.

Cost: an allocation and a copy a command.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset

from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport CONN_DIRTY_CAS, CONN_DIRTY_EXEC, CONN_MULTI, GATE_MULTI, GATE_NO_MULTI

cdef extern from "ensure.h" nogil:
    bint UNLIKELY(bint x)

cdef extern from "bytes.h" nogil:
    void bytes_copy(char* to, const char* src, size_t n)


cdef Transaction* transaction_open(Server* s, Conn* conn) noexcept nogil:
    if conn.transaction == NULL:
        conn.transaction = mem_alloc(s.mem, sizeof(Transaction))
        memset(conn.transaction, 0, sizeof(Transaction))
    return transaction_of(conn)


cdef void transaction_rest(Server* s, Conn* conn) noexcept nogil:
    cdef Transaction* t = transaction_of(conn)
    if t != NULL and t.watches == NULL and not conn.flags & CONN_MULTI:
        mem_free(s.mem, t, sizeof(Transaction))
        conn.transaction = NULL


cdef size_t transaction_memory(const Conn* conn) noexcept nogil:
    """Bytes of the queue and of the watches; the names of watched keys are the server's."""
    cdef Transaction* t = transaction_of(conn)
    return t.bytes + t.watched * mem_footprint(sizeof(Watch)) if t != NULL else 0


cdef void queue_begin(Server* s, Conn* conn) noexcept nogil:
    transaction_open(s, conn)
    conn.flags |= CONN_MULTI
    conn.gates |= GATE_MULTI | GATE_NO_MULTI


cdef void queue_add(Ctx* c) noexcept nogil:
    """Takes a copy of the request, unless EXEC can only fail."""
    cdef Transaction* t = transaction_of(c.conn)
    cdef Queued* q
    cdef Slice* argv
    cdef char* p
    cdef size_t bytes = sizeof(Queued) + c.argc * sizeof(Slice)
    cdef int i
    if UNLIKELY(c.conn.flags & (CONN_DIRTY_EXEC | CONN_DIRTY_CAS)):
        return
    for i in range(c.argc):
        bytes += c.argv[i].len
    q = <Queued*>mem_alloc(c.server.mem, bytes)
    q.next = NULL
    q.cmd = c.cmd
    q.size = bytes
    q.argc = c.argc
    q.hashed = c.hashed
    q.hash = c.hash
    argv = queued_argv(q)
    p = <char*>(argv + c.argc)
    for i in range(c.argc):
        bytes_copy(p, c.argv[i].ptr, c.argv[i].len)
        argv[i] = slice_of(p, c.argv[i].len)
        p += c.argv[i].len
    if t.last != NULL:
        t.last.next = q
    else:
        t.first = q
    t.last = q
    t.count += 1
    t.flags |= c.cmd.flags
    t.bytes += mem_footprint(bytes)


cdef void queue_end(Server* s, Conn* conn) noexcept nogil:
    cdef Transaction* t = transaction_of(conn)
    cdef Queued* next
    conn.flags &= ~<uint32_t>(CONN_MULTI | CONN_DIRTY_EXEC | CONN_DIRTY_CAS)
    conn.gates &= ~<uint32_t>(GATE_MULTI | GATE_NO_MULTI)
    if t == NULL:
        return
    while t.first != NULL:
        next = t.first.next
        mem_free(s.mem, t.first, t.first.size)
        t.first = next
    t.last = NULL
    t.count = 0
    t.flags = 0
    t.bytes = 0
    transaction_rest(s, conn)
