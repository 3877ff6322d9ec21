"""command_log -- the last commands that were slow, or large: SLOWLOG, and Valkey's COMMANDLOG.

    newest <-> ... <-> oldest      an entry is one block: | LogEntry | words | bytes of address, name, words |

Three logs: of commands that took long, of large requests, of large replies. Dispatch compares what it has measured
anyhow with Server.slow_ticks, large_request and large_reply, which are all ones where nobody wants to know: that is
all that a command costs which is neither. slow_ticks serves the latency monitor (cmd/latency) as well: it is the
least of what the two ask for, and here it is decided exactly.

What is kept of a command is what fits a screen: 32 words of 128 bytes, cut as Redis cuts them, passwords hidden. EXEC
has no entry, but each command that it runs; a script has one, and its commands have theirs, without an address. Time
that a command waited for a key is not counted. Entries belong to the arena, so they are part of used_memory.
"""
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset

from _pyredis.base.clock cimport clock_ticks_to_us, clock_unix_ms
from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.slice cimport slice_of
from _pyredis.cmd.ctx cimport CMD_FAST, CMD_SKIP_SLOWLOG
from _pyredis.cmd.latency cimport latency_add, latency_of
from _pyredis.cmd.secrets cimport SecretRule, secrets_of, shown_word

cdef enum:
    MOST_WORDS = 32
    MOST_BYTES = 128               # of a word
    NOTE = 64                      # room for "... (n more bytes)"


cdef CommandLogs* command_logs_new(Server* s) noexcept nogil:
    """Three logs that nothing goes into yet."""
    cdef CommandLogs* logs = <CommandLogs*>mem_alloc(s.mem, sizeof(CommandLogs))
    cdef int i
    memset(logs, 0, sizeof(CommandLogs))
    for i in range(LOG_KINDS):
        logs.of_kind[i].threshold = -1
    s.slow_ticks = s.large_request = s.large_reply = ~<uint64_t>0
    return logs


cdef void command_logs_free(Server* s) noexcept nogil:
    cdef int i
    for i in range(LOG_KINDS):
        command_log_reset(s, <LogKind>i)
    mem_free(s.mem, s.command_logs, sizeof(CommandLogs))


cdef void _drop_oldest(Server* s, CommandLog* log) noexcept nogil:
    cdef LogEntry* e = log.oldest
    log.oldest = e.newer
    if log.oldest != NULL:
        log.oldest.older = NULL
    else:
        log.newest = NULL
    log.length -= 1
    mem_free(s.mem, e, e.size)


cdef void _shorten(Server* s, CommandLog* log, uint64_t most) noexcept nogil:
    while log.length > most:
        _drop_oldest(s, log)


cdef void command_log_reset(Server* s, LogKind kind) noexcept nogil:
    """Empties a log. Numbers go on."""
    _shorten(s, &command_logs_of(s).of_kind[<int>kind], 0)


# ---------------------------------------------------------------- limits

cdef inline int64_t _wanted(const CommandLog* log) noexcept nogil:
    """From what value on something is logged; -1: never."""
    return log.threshold if log.most else -1


cdef void _set_slow_ticks(Server* s) noexcept nogil:
    cdef CommandLogs* logs = command_logs_of(s)
    cdef int64_t us = _wanted(&logs.of_kind[<int>LOG_SLOW])
    cdef int64_t monitored = latency_of(s).least_ms
    cdef double ticks
    if monitored and (us < 0 or monitored < us // 1000):
        us = monitored * 1000 if monitored < <int64_t>1 << 50 else -1
    ticks = us * s.clock.ticks_per_us
    s.slow_ticks = <uint64_t>ticks if 0 <= us and ticks < 1e18 else ~<uint64_t>0


cdef void command_log_limit(Server* s, LogKind kind, int64_t threshold, uint64_t most) noexcept nogil:
    """From `threshold` on (below 0: never) commands are logged, the last `most` of them."""
    cdef CommandLogs* logs = command_logs_of(s)
    cdef CommandLog* log = &logs.of_kind[<int>kind]
    log.threshold = threshold
    log.most = most
    _shorten(s, log, most)
    s.large_request = <uint64_t>_wanted(&logs.of_kind[<int>LOG_LARGE_REQUEST])
    s.large_reply = <uint64_t>_wanted(&logs.of_kind[<int>LOG_LARGE_REPLY])
    _set_slow_ticks(s)


cdef void command_log_latency(Server* s, int64_t ms) noexcept nogil:
    """Commands that take so long are events of the latency monitor; 0: none is."""
    latency_of(s).least_ms = ms
    _set_slow_ticks(s)


# ---------------------------------------------------------------- entries

cdef size_t _word_room(Slice word) noexcept nogil:
    return word.len if word.len <= MOST_BYTES else MOST_BYTES + NOTE


cdef Slice _put(char** p, Slice text) noexcept nogil:
    """Copies a text to p, which moves on; the copy."""
    cdef Slice copy = slice_of(p[0], text.len)
    if text.len:
        memcpy(p[0], text.ptr, text.len)
    p[0] += text.len
    return copy


cdef Slice _put_word(char** p, Slice word) noexcept nogil:
    cdef char* start = p[0]
    if word.len <= MOST_BYTES:
        return _put(p, word)
    memcpy(start, word.ptr, MOST_BYTES)
    p[0] += MOST_BYTES
    p[0] += snprintf(p[0], NOTE, b"... (%zu more bytes)", word.len - MOST_BYTES)
    return slice_of(start, p[0] - start)


cdef void _add(Server* s, LogKind kind, const Conn* conn, const Command* cmd, const Slice* argv, int argc,
               int64_t value) noexcept nogil:
    cdef CommandLog* log = &command_logs_of(s).of_kind[<int>kind]
    cdef SecretRule rule = secrets_of(cmd)
    cdef int words = min(argc, <int>MOST_WORDS), whole = words if argc <= MOST_WORDS else MOST_WORDS - 1, i
    cdef size_t size = sizeof(LogEntry) + words * sizeof(Slice) + conn.address.len + conn.name.len + NOTE
    cdef LogEntry* e
    cdef char* p
    for i in range(whole):
        size += _word_room(shown_word(rule, argv, argc, i))
    e = <LogEntry*>mem_alloc(s.mem, size)
    e.size = size
    e.id = log.next_id
    e.unix_s = clock_unix_ms(&s.clock) // 1000
    e.value = value
    e.argc = words
    e.argv = <Slice*>(<char*>e + sizeof(LogEntry))
    p = <char*>e.argv + words * sizeof(Slice)
    e.address = _put(&p, slice_of(conn.address.ptr, conn.address.len))
    e.name = _put(&p, slice_of(conn.name.ptr, conn.name.len))
    for i in range(whole):
        e.argv[i] = _put_word(&p, shown_word(rule, argv, argc, i))
    if whole < words:
        e.argv[whole] = slice_of(p, snprintf(p, NOTE, b"... (%d more arguments)", argc - whole))
    e.newer = NULL
    e.older = log.newest
    if log.newest != NULL:
        log.newest.newer = e
    else:
        log.oldest = e
    log.newest = e
    log.next_id += 1
    log.length += 1
    _shorten(s, log, log.most)


cdef inline bint _fits(const Server* s, LogKind kind, int64_t value) noexcept nogil:
    cdef int64_t wanted = _wanted(&command_logs_of(s).of_kind[<int>kind])
    return 0 <= wanted <= value


cdef void command_slow(Server* s, Conn* conn, const Command* cmd, const Slice* argv, int argc,
                       uint64_t ticks) noexcept nogil:
    """A command took so many ticks: who wanted to know is told."""
    cdef int64_t us = clock_ticks_to_us(&s.clock, ticks), least_ms = latency_of(s).least_ms
    if not cmd.flags & CMD_SKIP_SLOWLOG and _fits(s, LOG_SLOW, us):
        _add(s, LOG_SLOW, conn, cmd, argv, argc, us)
    if least_ms and us // 1000 >= least_ms:
        latency_add(s, b"fast-command" if cmd.flags & CMD_FAST else b"command", us // 1000)


cdef void command_large(Ctx* c, uint64_t request, uint64_t reply) noexcept nogil:
    """A command had so many bytes, and was answered with so many; a request of 0 bytes is not asked about."""
    if c.cmd.flags & CMD_SKIP_SLOWLOG:
        return
    if request and _fits(c.server, LOG_LARGE_REQUEST, <int64_t>request):
        _add(c.server, LOG_LARGE_REQUEST, c.conn, c.cmd, c.argv, c.argc, <int64_t>request)
    if _fits(c.server, LOG_LARGE_REPLY, <int64_t>reply):
        _add(c.server, LOG_LARGE_REPLY, c.conn, c.cmd, c.argv, c.argc, <int64_t>reply)
