# replay -- an append-only file's commands, run again. The story is in replay.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.cmd.ctx cimport Conn, Server
from _pyredis.conn cimport Batch

cdef enum ReplayEnd:
    REPLAY_DONE = 0
    REPLAY_TRUNCATED               # the file ends within a command
    REPLAY_OPEN_MULTI              # ... or within a transaction
    REPLAY_FORMAT                  # what stands at `at` is no command
    REPLAY_UNKNOWN                 # nobody knows the command at `at`; its name is in `detail`
    REPLAY_FAILED                  # reading failed: errno in `error`
    REPLAY_STOPPED                 # by `progress`

cdef struct Replay:
    Server* server
    int fd
    uint64_t at                    # in the file: where the commands begin; then up to where they are whole and run
    int64_t interval               # bytes from one call of `progress` to the next
    bint (*progress)(void* arg, uint64_t at) noexcept nogil    # False: stop; NULL: nobody is told
    void* arg
    uint64_t commands
    int error
    char detail[128]
    Conn* conn
    Batch* batch
    char* data
    size_t used
    size_t capacity
    uint64_t base                  # offset in the file of data[0]
    uint64_t multi_at              # ... of the MULTI under way

cdef ReplayEnd replay_run(Replay* r) noexcept nogil
