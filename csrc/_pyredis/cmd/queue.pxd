# queue -- what a connection has queued between MULTI and EXEC. The story is in queue.pyx.
from libc.stdint cimport uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Command, Conn, Ctx, Server

cdef struct Queued:                # a command that waits for EXEC; its argv and the bytes follow
    Queued* next
    Command* cmd
    uint64_t hash                  # of argv[1], if `hashed`
    int argc
    bint hashed

cdef struct QueueBlock:            # memory of queued commands, which follow
    QueueBlock* before
    size_t size                    # of all of it
    size_t used

cdef struct Watch:                 # one connection watches one key: its place in the key's and in its own list
    Conn* conn
    void* key                      # the WatchedKey (cmd/watch)
    Watch* next                    # who watches the same key
    Watch* prev
    Watch* next_own
    int state                      # of the key: a WatchState (cmd/watch)

cdef struct Transaction:           # of one connection
    Queued* first
    Queued* last
    int count
    uint64_t flags                 # of all queued commands
    QueueBlock* block              # the one being filled; NULL: none yet
    size_t bytes                   # of all blocks
    uint64_t round                 # of the server, in which the first command was queued
    Watch* watches                 # the keys that it watches
    size_t watched                 # how many
    size_t watched_bytes           # of their names, though others may watch them, too

cdef Transaction* transaction_open(Server* s, Conn* conn) noexcept nogil      # its transaction, made if there is none
cdef void transaction_rest(Server* s, Conn* conn) noexcept nogil              # frees it if nothing is in it

cdef void queue_begin(Server* s, Conn* conn) noexcept nogil                   # MULTI
cdef void queue_add(Ctx* c) noexcept nogil                                    # the command, instead of running it
cdef void queue_end(Server* s, Conn* conn) noexcept nogil                     # drops what is queued; no MULTI any more
cdef size_t transaction_memory(const Conn* conn) noexcept nogil

cdef inline Transaction* transaction_of(const Conn* conn) noexcept nogil:
    return <Transaction*>conn.transaction

cdef inline Slice* queued_argv(Queued* q) noexcept nogil:
    return <Slice*>(<char*>q + sizeof(Queued))
