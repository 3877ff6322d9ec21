# aof -- the append-only file: what is written to it, and when it is synced. The story is in aof.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.worker cimport Worker
from _pyredis.cmd.ctx cimport Server
from _pyredis.cmd.propagate cimport propagation_of

cdef enum AofPolicy:               # appendfsync
    AOF_SYNC_NO = 0
    AOF_SYNC_ALWAYS
    AOF_SYNC_EVERYSEC

cdef struct Aof:
    Server* server
    Worker worker
    int fd                         # of the last increment
    int wake_fd                    # gets a byte when a job is done, for the loop to come and settle
    AofPolicy policy
    bint initial                   # its base is not there yet, so nothing that is written would be found again
    bint no_sync                   # a child saves, and the disk is to be left to it (no-appendfsync-on-rewrite)
    bint broken                    # the last write has failed
    bint shut                      # changes are refused because of us (GATE_DISK)
    int error                      # errno of what has failed
    uint64_t sync_error            # of the last fsync by the worker, 0: none; the worker's to write
    uint64_t written               # so far the propagated commands are in the file,
    uint64_t synced                # ... and so far on the disk; the worker's to write
    uint64_t asked                 # so far an fsync has been asked for
    int64_t file_size              # of the increment, up to its last whole command
    int64_t total_size             # of base and increments
    int64_t postponed_ms           # since when a write waits for an fsync; 0: none does
    int64_t synced_ms              # when the last fsync was asked for
    int64_t logged_ms              # when a failing write was last told of
    uint64_t delayed               # writes that did not wait any longer for an fsync
    int64_t sleep_us               # before each write: DEBUG AOF-FLUSH-SLEEP
    size_t waiting                 # connections in WAITAOF

# `fd` is open for appending, `size` bytes of it are whole commands.
cdef void aof_open(Server* s, int fd, int wake_fd, AofPolicy policy, int64_t size, int64_t total) noexcept nogil
cdef void aof_close(Server* s) noexcept nogil                  # writes and syncs what there is, and closes
cdef void aof_free(Server* s) noexcept nogil                   # without either
cdef void aof_rotate(Server* s, int fd) noexcept nogil         # goes on in another file, which is empty
cdef void aof_flush_now(Server* s, bint force) noexcept nogil  # `force`: even while an fsync is under way
cdef void aof_tick(Server* s) noexcept nogil                   # now and then: what no command brings about
cdef void aof_settle(Server* s) noexcept nogil                 # after a job of the worker
cdef bint aof_sync_now(Server* s) noexcept nogil
cdef void aof_close_later(Server* s, int fd) noexcept nogil    # by the worker: it may take long

cdef inline Aof* aof_of(const Server* s) noexcept nogil:
    return <Aof*>s.aof

cdef inline void aof_flush(Server* s) noexcept nogil:
    """Before anything is sent: what has been propagated is written."""
    if s.aof != NULL and propagation_of(s).used:
        aof_flush_now(s, False)
