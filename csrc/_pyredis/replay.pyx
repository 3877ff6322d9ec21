"""replay -- an append-only file's commands, run again as a client's would be.

    read 1 MiB -> parse -> [ group of 32: look up, hash, prefetch ] -> run -> replies dropped

The same parser, the same groups and the same dispatch as for clients, on a connection without a socket. What is
different, all of it as in Redis: nothing expires while it runs (Keyspace.loading), so that a key is there for
the commands that found it there; no gate holds a command up; nothing is propagated; statistics stay as they
were. A command that answers an error is no failure of the file: it answered the same when it was written.

A file is whole up to `at`: behind the last command that was read in full and run. A transaction counts as one:
at the end of a file that breaks off between MULTI and EXEC nothing of it has run, and `at` is where its MULTI
stands. Lines that begin with '#' are annotations, and skipped.

Cost: that of the commands; the input is never copied but to the front of the buffer, once a piece.
"""
from libc.errno cimport errno
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport memchr, memcpy, memmove, memset, strcmp

from _pyredis.base.clock cimport clock_unix_ms
from _pyredis.base.disk cimport disk_read
from _pyredis.base.mem cimport mem_alloc, mem_free, mem_realloc
from _pyredis.base.status cimport OK
from _pyredis.cmd.acl cimport acl_become
from _pyredis.cmd.ctx cimport (CONN_AUTHENTICATED, CONN_DENY_BLOCKING, CONN_FAKE, CONN_MULTI, GATE_AUTH, SINK_PROPAGATE,
                               Command, Ctx, Sink)
from _pyredis.cmd.dispatch cimport Request, dispatch_context, dispatch_prepare, dispatch_resolve, dispatch_run
from _pyredis.conn cimport GROUP, conn_free, conn_new
from _pyredis.db.effects cimport Effects
from _pyredis.db.keyspace cimport keyspace_set_clock
from _pyredis.wire.parser cimport (PARSE_COMMAND, PARSE_MORE, ParseLimits, ParseResult, args_free, parser_next,
                                   parser_wants)
from _pyredis.wire.reply cimport out_clear

cdef extern from "ensure.h" nogil:
    bint UNLIKELY(bint x)
    void fatal_oom(size_t n)

cdef enum:
    PIECE = 1 << 20
    LONGEST_NOTE = 1024            # bytes of an annotation

cdef struct Kept:                  # statistics of the server, which loading does not change
    uint64_t calls
    uint64_t ticks
    uint64_t rejected
    uint64_t failed


# ---------------------------------------------------------------- reading

cdef int _read(Replay* r) noexcept nogil:
    """More of the file behind what has not run yet: 1, 0 at the end, -1 if it failed."""
    cdef size_t start = r.conn.parser.start, wanted, capacity = r.capacity
    cdef ssize_t got
    if start:
        memmove(r.data, r.data + start, r.used - start)
        r.used -= start
        r.base += start
        r.conn.parser.at -= start
        r.conn.parser.start = 0
    wanted = parser_wants(&r.conn.parser)
    if r.capacity - r.used < PIECE // 2:
        capacity = r.capacity * 2
        r.data = <char*>mem_realloc(r.server.mem, r.data, r.capacity, capacity)
        r.capacity = capacity
    got = disk_read(&r.server.disk, r.fd, r.data + r.used, r.capacity - r.used)
    if got < 0:
        r.error = errno
        return -1
    r.used += got
    return got > 0


cdef ReplayEnd _skip_note(Replay* r, bint* more) noexcept nogil:
    """An annotation: passes it over; `more` says that its line does not end yet."""
    cdef const char* line = r.data + r.conn.parser.at
    cdef size_t left = r.used - r.conn.parser.at
    cdef const char* stop = <const char*>memchr(line, c'\n', left)
    if left > LONGEST_NOTE and (stop == NULL or stop - line > LONGEST_NOTE):
        return REPLAY_FORMAT
    if stop == NULL:
        more[0] = True
        return REPLAY_DONE
    r.conn.parser.at = r.conn.parser.start = stop + 1 - r.data
    return REPLAY_DONE


cdef ReplayEnd _parse(Replay* r, const ParseLimits* limits, int* count, bint* more) noexcept nogil:
    """The next group. `more`: the bytes end within a command."""
    cdef Conn* c = r.conn
    cdef Batch* b = r.batch
    cdef Request* q
    cdef ParseResult got
    cdef ReplayEnd end
    cdef size_t start, first
    while count[0] < GROUP and not more[0]:
        start = c.parser.start
        first = b.args.count
        if c.parser.args_left == 0 and c.parser.at < r.used and r.data[c.parser.at] != c'*':
            if r.data[c.parser.at] != c'#':
                return REPLAY_FORMAT
            end = _skip_note(r, more)
            if end != REPLAY_DONE:
                return end
            continue
        got = parser_next(&c.parser, r.server.mem, r.data, r.used, limits, &b.args)
        if got == PARSE_MORE:
            more[0] = True
        elif got != PARSE_COMMAND:
            c.parser.start = start
            return REPLAY_FORMAT
        else:
            q = &b.requests[count[0]]
            count[0] += 1
            memset(q, 0, sizeof(Request))
            q.conn = c
            q.first = first
            q.argc = c.parser.argc
            q.start = start
    return REPLAY_DONE


# ---------------------------------------------------------------- running

cdef ReplayEnd _unknown(Replay* r, const Request* q) noexcept nogil:
    cdef int n = <int>min(q.argv[0].len, sizeof(r.detail) - 1)
    memcpy(r.detail, q.argv[0].ptr, n)
    r.detail[n] = 0
    return REPLAY_UNKNOWN


cdef ReplayEnd _check(Replay* r, Request* q) noexcept nogil:
    """Is it a command of the form that it should have?"""
    cdef Ctx c
    if q.cmd == NULL:
        return _unknown(r, q)
    if q.cmd.subs == NULL and (q.argc == q.cmd.arity or (q.cmd.arity < 0 and q.argc >= -q.cmd.arity)):
        return REPLAY_DONE
    dispatch_context(&c, r.server, r.conn, q.cmd, q.argv, q.argc)
    return REPLAY_DONE if dispatch_resolve(&c) == OK else _unknown(r, q)


cdef ReplayEnd _run(Replay* r, int count) noexcept nogil:
    cdef Server* s = r.server
    cdef Batch* b = r.batch
    cdef Request* q
    cdef ReplayEnd end = REPLAY_DONE
    cdef uint32_t gates = s.gates
    cdef int i
    for i in range(count):
        b.requests[i].argv = b.args.at + b.requests[i].first
    keyspace_set_clock(s.ks, clock_unix_ms(&s.clock))
    s.gates = 0
    s.other_gates = gates
    dispatch_prepare(s, b.requests, count)
    for i in range(count):
        q = &b.requests[i]
        end = _check(r, q)
        if end != REPLAY_DONE:
            r.at = r.base + q.start
            break
        if UNLIKELY(strcmp(q.cmd.name, b"multi") == 0):
            r.multi_at = r.base + q.start
        dispatch_run(s, q)
        r.commands += 1
    s.gates = gates
    s.other_gates = 0
    out_clear(&r.conn.out)
    b.args.count = 0
    return end


cdef ReplayEnd _all(Replay* r) noexcept nogil:
    cdef ParseLimits limits = r.server.limits
    cdef ReplayEnd end = REPLAY_DONE, found
    cdef uint64_t told = r.base
    cdef int count, got
    cdef bint more
    limits.bulk = <int64_t>1 << 48
    limits.unauthenticated = False
    while True:
        count = 0
        more = False
        found = _parse(r, &limits, &count, &more)
        if count:
            end = _run(r, count)
            if end != REPLAY_DONE:
                return end
        r.at = r.base + r.conn.parser.start
        if found != REPLAY_DONE:
            return found
        if r.progress != NULL and r.at - told >= <uint64_t>r.interval:
            told = r.at
            if not r.progress(r.arg, r.at):
                return REPLAY_STOPPED
        if more:
            got = _read(r)
            if got < 0:
                return REPLAY_FAILED
            if got == 0:
                break
    if r.used > r.conn.parser.start:
        end = REPLAY_TRUNCATED
    if r.conn.flags & CONN_MULTI:                # what is queued has not run
        r.at = r.multi_at
        end = REPLAY_OPEN_MULTI
    return end


# ---------------------------------------------------------------- around it

cdef Kept* _keep(Server* s) noexcept nogil:
    cdef Kept* kept = <Kept*>calloc(s.table.count + 1, sizeof(Kept))
    cdef Command* c
    cdef int i
    if kept == NULL:
        fatal_oom(s.table.count * sizeof(Kept))
    for i in range(s.table.count):
        c = s.table.commands[i]
        kept[i].calls, kept[i].ticks, kept[i].rejected, kept[i].failed = c.calls, c.ticks, c.rejected, c.failed
    return kept


cdef void _restore(Server* s, Kept* kept) noexcept nogil:
    cdef Command* c
    cdef int i
    for i in range(s.table.count):
        c = s.table.commands[i]
        c.calls, c.ticks, c.rejected, c.failed = kept[i].calls, kept[i].ticks, kept[i].rejected, kept[i].failed
    libc_free(kept)


cdef ReplayEnd replay_run(Replay* r) noexcept nogil:
    """Runs the commands of r.fd, which stands at r.at, to the end of the file."""
    cdef Server* s = r.server
    cdef Effects* fx = &s.ks.fx
    cdef ReplayEnd end
    cdef Kept* kept = _keep(s)
    cdef bint propagating = fx.propagating, timing = s.track_latency
    cdef uint64_t commands = s.stats.commands
    cdef Sink sink = s.sinks[<int>SINK_PROPAGATE]
    cdef void* monitors = s.monitors
    fx.propagating = s.track_latency = False
    s.sinks[<int>SINK_PROPAGATE].take = NULL
    s.monitors = NULL
    s.ks.loading = True
    r.conn = conn_new(s, -1)
    r.conn.flags |= CONN_FAKE | CONN_AUTHENTICATED | CONN_DENY_BLOCKING
    r.conn.gates &= ~<uint32_t>GATE_AUTH
    acl_become(r.conn, NULL)                     # what was done once may be done again, whoever may what now
    r.batch = <Batch*>calloc(1, sizeof(Batch))
    if r.batch == NULL:
        fatal_oom(sizeof(Batch))
    r.capacity = PIECE
    r.data = <char*>mem_alloc(s.mem, r.capacity)
    r.used = 0
    r.base = r.multi_at = r.at
    end = _all(r)
    mem_free(s.mem, r.data, r.capacity)
    args_free(&r.batch.args, s.mem)
    libc_free(r.batch)
    conn_free(s, r.conn)
    s.ks.loading = False
    keyspace_set_clock(s.ks, clock_unix_ms(&s.clock))
    s.monitors = monitors
    s.sinks[<int>SINK_PROPAGATE] = sink
    fx.propagating, s.track_latency = propagating, timing
    s.stats.commands = commands
    _restore(s, kept)
    return end
