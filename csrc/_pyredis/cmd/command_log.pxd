# command_log -- the last commands that were slow, or large. The story is in command_log.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Command, Conn, Ctx, Server

cdef enum LogKind:
    LOG_SLOW = 0                   # microseconds
    LOG_LARGE_REQUEST              # bytes
    LOG_LARGE_REPLY
    LOG_KINDS

cdef struct LogEntry:              # one block; the words, then their bytes follow
    LogEntry* older
    LogEntry* newer
    uint64_t id
    int64_t unix_s
    int64_t value                  # microseconds or bytes
    size_t size                    # of this block
    int argc
    Slice address
    Slice name
    Slice* argv

cdef struct CommandLog:
    LogEntry* newest
    LogEntry* oldest
    uint64_t next_id
    uint64_t length
    uint64_t most                  # the oldest give way; 0: nothing is logged
    int64_t threshold              # from which on a command is logged; below 0: none is

cdef struct CommandLogs:
    CommandLog of_kind[LOG_KINDS]

cdef CommandLogs* command_logs_new(Server* s) noexcept nogil
cdef void command_logs_free(Server* s) noexcept nogil
cdef void command_log_reset(Server* s, LogKind kind) noexcept nogil
cdef void command_log_limit(Server* s, LogKind kind, int64_t threshold, uint64_t most) noexcept nogil
cdef void command_log_latency(Server* s, int64_t ms) noexcept nogil

# For dispatch: a command that took Server.slow_ticks or more; one that was as large as Server.large_*.
cdef void command_slow(Server* s, Conn* conn, const Command* cmd, const Slice* argv, int argc,
                       uint64_t ticks) noexcept nogil
cdef void command_large(Ctx* c, uint64_t request, uint64_t reply) noexcept nogil

cdef inline CommandLogs* command_logs_of(const Server* s) noexcept nogil:
    return <CommandLogs*>s.command_logs
