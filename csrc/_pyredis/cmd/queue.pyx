"""queue -- what a connection has queued between MULTI and EXEC.

    Conn.transaction -> Transaction -> Queued -> Queued -> ...
                                       | next, command, hash | argv | bytes of the arguments |

The arguments of a queued command are copied once; it keeps the hash that dispatch computed, so EXEC neither looks
commands up nor hashes keys again. The commands lie one behind the other in blocks that grow: 2 KiB hold some fifteen
SETs, so most transactions take one allocation. What the queue takes is the connection's memory (`multi-mem` of CLIENT
LIST), and it goes with EXEC.

A Transaction stands there while its connection is in MULTI or watches keys (cmd/watch), and not longer. Once it is
known that EXEC will fail, nothing more is kept: the client is answered QUEUED all the same.

Cost: a copy a command, and an allocation now and then.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset

from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport CONN_DIRTY_CAS, CONN_DIRTY_EXEC, CONN_MULTI, GATE_MULTI, GATE_NO_MULTI
from _pyredis.cmd.script_run cimport script_command_flags

cdef enum:
    FIRST_BLOCK = 2048
    LARGEST_BLOCK = 65536          # unless one command needs more

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
    """Bytes of the queue and of the watches, with the names of what is watched."""
    cdef Transaction* t = transaction_of(conn)
    return t.bytes + t.watched * mem_footprint(sizeof(Watch)) + t.watched_bytes if t != NULL else 0


cdef void queue_begin(Server* s, Conn* conn) noexcept nogil:
    transaction_open(s, conn)
    conn.flags |= CONN_MULTI
    conn.gates |= GATE_MULTI | GATE_NO_MULTI


cdef QueueBlock* _add_block(Server* s, Transaction* t, size_t least) noexcept nogil:
    """A new block to fill, twice as large as the last and with room for `least` bytes."""
    cdef size_t size = min(t.block.size * 2, <size_t>LARGEST_BLOCK) if t.block != NULL else FIRST_BLOCK
    cdef QueueBlock* b
    if size < least + sizeof(QueueBlock):
        size = least + sizeof(QueueBlock)
    b = <QueueBlock*>mem_alloc(s.mem, size)
    b.before = t.block
    b.size = size
    b.used = sizeof(QueueBlock)
    t.block = b
    t.bytes += mem_footprint(size)
    return b


cdef void queue_add(Ctx* c) noexcept nogil:
    """Takes a copy of the request, unless EXEC can only fail."""
    cdef Transaction* t = transaction_of(c.conn)
    cdef QueueBlock* b = t.block
    cdef Queued* q
    cdef Slice* argv
    cdef char* p
    cdef size_t bytes = sizeof(Queued) + c.argc * sizeof(Slice)
    cdef int i
    if UNLIKELY(c.conn.flags & (CONN_DIRTY_EXEC | CONN_DIRTY_CAS)):
        return
    for i in range(c.argc):
        bytes += c.argv[i].len
    bytes = (bytes + 7) & ~<size_t>7
    if UNLIKELY(b == NULL or b.size - b.used < bytes):
        b = _add_block(c.server, t, bytes)
    q = <Queued*>(<char*>b + b.used)
    b.used += bytes
    q.next = NULL
    q.cmd = c.cmd
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
        t.round = c.server.stats.loops
    t.last = q
    t.count += 1
    t.flags |= script_command_flags(c)


cdef void queue_end(Server* s, Conn* conn) noexcept nogil:
    cdef Transaction* t = transaction_of(conn)
    cdef QueueBlock* before
    conn.flags &= ~<uint32_t>(CONN_MULTI | CONN_DIRTY_EXEC | CONN_DIRTY_CAS)
    conn.gates &= ~<uint32_t>(GATE_MULTI | GATE_NO_MULTI)
    if t == NULL:
        return
    while t.block != NULL:
        before = t.block.before
        mem_free(s.mem, t.block, t.block.size)
        t.block = before
    t.first = t.last = NULL
    t.count = 0
    t.flags = 0
    t.bytes = 0
    transaction_rest(s, conn)
