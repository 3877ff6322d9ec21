"""dispatch -- from a parsed request to its reply: the one place where a command is allowed, run and counted.

    prepare (a group of requests): find the command, hash its key, fetch the lines that it will touch
    run (each, in order): existence, arity, checks -> the command -> effects -> counters

Preparing a group before running it hides the memory's latency: with ten million keys a look-up costs half
(bucket lines for all are asked for first, then the entries that the tags point to).

The checks are one table, in the order in which Redis makes them. Each has a gate bit, which is set on the
server or on the connection only while the check can fail; where no bit is set, a request passes them all
with one comparison. Nobody but this module answers an error on a command's behalf.

Within MULTI the last of the checks queues what has passed all others. EXEC, and scripts, run commands within their
own (dispatch_nested): counted and answered one by one, while their effects are drained together, when the outer one
ends, and propagated as one transaction. Only notifications go out between them.

A command may hold its connection up (CLIENT PAUSE, blocking commands): then the rest of what was read from
that connection waits, and is read again from `start`.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcmp, memcpy, memmove, strcmp, strlen

from _pyredis.base.clock cimport clock_ticks
from _pyredis.base.slice cimport Slice, slice_equal
from _pyredis.base.status cimport (BLOCKED, ERR_CUSTOM, ERR_NOAUTH, ERR_OOM, ERR_UNKNOWN_COMMAND,
                                   ERR_UNKNOWN_SUBCOMMAND, ERR_WRONG_ARITY, HELD, OK, QUEUED, REPLIED_ERROR, Status,
                                   status_text)
from _pyredis.base.text cimport text_equal_nocase, text_upper_cut
from _pyredis.cmd.acl cimport access_http_is_news, acl_gate
from _pyredis.cmd.blocking cimport (Link, Waiter, Wanted, blocking_can_serve, blocking_done_with, blocking_end,
                                    blocking_of, blocking_take_ready)
from _pyredis.cmd.command_log cimport command_large, command_slow
from _pyredis.cmd.ctx cimport (CMD_ADMIN, CMD_ALLOW_BUSY, CMD_ARBITRARY_KEYS, CMD_DENYOOM, CMD_LOADING,
                               CMD_MAY_REPLICATE, CMD_NO_AUTH, CMD_NO_MULTI, CMD_NOSCRIPT, CMD_PUBSUB, CMD_READONLY,
                               CMD_RUNS_QUEUE, CMD_SKIP_MONITOR, CMD_UNQUEUED, CMD_WRITE, CONN_DIRTY_EXEC, CONN_GONE,
                               CONN_IN_SCRIPT, CONN_LATER, CONN_MONITOR, CONN_MULTI, CONN_REPLY_OFF, CONN_REPLY_SKIP,
                               CONN_REPLY_SKIP_NEXT, CONN_TRACKING, ERROR_KINDS, GATE_ACL, GATE_AUTH, GATE_BUSY, GATE_DISK,
                               GATE_LOADING, GATE_MEMORY, GATE_MONITOR, GATE_MULTI, GATE_NO_MULTI, GATE_PAUSE,
                               GATE_SUBSCRIBED, LOG_VERBOSE, LOG_WARNING, SINK_NOTIFY, SINKS, ErrorCount, conn_close,
                               fail_with)
from _pyredis.cmd.eviction cimport eviction_run
from _pyredis.cmd.monitor cimport monitor_feed
from _pyredis.cmd.output cimport output_check, output_flush
from _pyredis.cmd.queue cimport queue_add, queue_end, transaction_of
from _pyredis.cmd.script_run cimport script_command_flags
from _pyredis.cmd.table cimport command_count, table_find, table_sub
from _pyredis.cmd.tracking cimport tracking_remember
from _pyredis.cmd.watch cimport watch_none
from _pyredis.db.effects cimport (Effects, effects_clear, effects_count, effects_keep_keys, effects_lend,
                                  effects_propagate, effects_unheard)
from _pyredis.ds.dict cimport dict_hash, dict_prefetch_bucket, dict_prefetch_entries
from _pyredis.wire.parser cimport parser_error
from _pyredis.wire.reply cimport OutBlock, out_clear, out_truncate, reply_error, reply_queued

cdef extern from "bucket.h" nogil:
    int bits_lowest(unsigned int x)

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    ERROR_TEXT = 600
    QUOTED_ARGS = 128              # bytes of arguments shown with an unknown command
    PROTOCOL_ERROR = 20            # length of "ERR Protocol error: "


# ---------------------------------------------------------------- preparing

cdef void dispatch_prepare(Server* s, Request* requests, int n) noexcept nogil:
    """Finds each command and starts the loads that running it will wait for."""
    cdef int i
    cdef Request* r
    cdef Request* before = NULL                  # a pipeline tends to repeat one command
    for i in range(n):
        r = &requests[i]
        if r.broken:
            continue
        if before != NULL and slice_equal(r.argv[0], before.argv[0]):
            r.cmd = before.cmd
        else:
            r.cmd = table_find(&s.table, r.argv[0])
            before = r
        if r.cmd != NULL and r.cmd.first_key == 1 and r.argc > 1:
            r.hash = dict_hash(&s.ks.type, r.argv[1].ptr, r.argv[1].len)
            r.hashed = True
            dict_prefetch_bucket(&r.conn.db.keys, r.hash)
    for i in range(n):
        if requests[i].hashed:
            dict_prefetch_entries(&requests[i].conn.db.keys, requests[i].hash)


# ---------------------------------------------------------------- errors

cdef void dispatch_count_error(Server* s, const char* text, size_t n) noexcept nogil:
    """Counts by the error's code, the first word, as INFO errorstats shows it."""
    cdef size_t length = 0
    cdef int i
    cdef ErrorCount* e
    s.stats.errors += 1
    while length < n and text[length] not in (c' ', c'\r', c'\n'):      # as it is replied, where ends of lines are blanks
        length += 1
    if s.error_kinds == 1 and strcmp(s.errors[0].code, b"ERRORSTATS_DISABLED") == 0:
        return
    if length >= sizeof(s.errors[0].code):
        length = sizeof(s.errors[0].code) - 1
    for i in range(s.error_kinds):
        e = &s.errors[i]
        if strlen(e.code) == length and memchr(text, 0, length) == NULL and _same(e.code, text, length):
            e.count += 1
            return
    if s.error_kinds == ERROR_KINDS:             # Redis: so many codes are none; until CONFIG RESETSTAT it tells none
        s.error_kinds = 0
        text = b"ERRORSTATS_DISABLED"
        length = strlen(text)
    e = &s.errors[s.error_kinds]
    s.error_kinds += 1
    memcpy(e.code, text, length)
    e.code[length] = 0
    e.count = 1


cdef bint _same(const char* a, const char* b, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True


cdef void dispatch_error(Ctx* c, const char* text, size_t n) noexcept nogil:
    """Replies an error and counts it."""
    dispatch_count_error(c.server, text, n)
    reply_error(c.out, text, n)


cdef void dispatch_fail(Ctx* c, Status st) noexcept nogil:
    """Replies the error of a status."""
    cdef char[ERROR_TEXT] text
    dispatch_error(c, text, _error_text(c, st, text, ERROR_TEXT))


cdef int _error_text(Ctx* c, Status st, char* text, int room) noexcept nogil:
    """The text of a status, cut to fit; its length."""
    cdef const char* detail = c.detail
    cdef int n
    if detail == NULL and c.cmd != NULL:
        detail = c.cmd.name
    n = min(snprintf(text, room, status_text(st), detail), room - 1)
    while n and (text[n - 1] == c'\r' or text[n - 1] == c'\n'):        # Redis: trimmed, while inside they are spaces
        n -= 1
    return n


cdef int _without_code(char* text, int head, int n) noexcept nogil:
    """Takes the code ERR, which Redis shows only at the front, from an error of n bytes behind `head`; the length."""
    if n > 4 and memcmp(text + head, b"ERR ", 4) == 0:
        n -= 4
        memmove(text + head, text + head + 4, n)
    return head + n


cdef int _until_nul(Slice s, int most) noexcept nogil:
    """How much of s an error text shows: at most `most` bytes, up to a NUL."""
    cdef const void* stop
    cdef size_t n = s.len if s.len < <size_t>most else most
    stop = memchr(s.ptr, 0, n)
    return <int>(<const char*>stop - s.ptr if stop != NULL else n)


cdef Status _unknown(Ctx* c) noexcept nogil:
    cdef char* text = c.server.detail
    cdef size_t room = sizeof(c.server.detail)
    cdef int n, shown = 0, part, i
    n = snprintf(text, room, b"ERR unknown command '%.*s', with args beginning with: ",
                 _until_nul(c.argv[0], QUOTED_ARGS), c.argv[0].ptr)
    for i in range(1, c.argc):
        if shown >= QUOTED_ARGS:
            break
        part = snprintf(text + n + shown, room - n - shown, b"'%.*s' ",
                        _until_nul(c.argv[i], QUOTED_ARGS - shown), c.argv[i].ptr)
        shown += part
    return fail_with(c, ERR_UNKNOWN_COMMAND, text)


cdef Status _unknown_sub(Ctx* c) noexcept nogil:
    cdef char[64] upper
    text_upper_cut(c.argv[0].ptr, c.argv[0].len, upper, sizeof(upper))
    snprintf(c.server.detail, sizeof(c.server.detail), b"ERR unknown subcommand '%.*s'. Try %s HELP.",
             _until_nul(c.argv[1], QUOTED_ARGS), c.argv[1].ptr, upper)
    c.cmd = NULL                                 # none was rejected: there is none of that name
    return fail_with(c, ERR_UNKNOWN_SUBCOMMAND, c.server.detail)


# ---------------------------------------------------------------- the checks

cdef Status _check_auth(Ctx* c) noexcept nogil:
    return OK if c.cmd.flags & CMD_NO_AUTH else ERR_NOAUTH


cdef uint64_t _data_flags(Ctx* c) noexcept nogil:
    """What the command does to data; EXEC does what is queued, EVAL what its script says."""
    cdef uint64_t flags = script_command_flags(c)
    if flags & CMD_RUNS_QUEUE and c.conn.transaction != NULL:
        flags |= transaction_of(c.conn).flags
    return flags & (CMD_WRITE | CMD_MAY_REPLICATE | CMD_DENYOOM)


cdef Status _check_memory(Ctx* c) noexcept nogil:
    return OK if eviction_run(c.server) or not _data_flags(c) & CMD_DENYOOM else ERR_OOM


cdef Status _check_disk(Ctx* c) noexcept nogil:
    """Redis: PING fails, too, so that who watches over servers sees it."""
    if _data_flags(c) & CMD_WRITE or strcmp(c.cmd.name, b"ping") == 0:
        return fail_with(c, ERR_CUSTOM, c.server.disk_text)
    return OK


cdef Status _check_loading(Ctx* c) noexcept nogil:
    if c.cmd.flags & CMD_LOADING:
        return OK
    return fail_with(c, ERR_CUSTOM, b"LOADING Redis is loading the dataset in memory")


cdef Status _check_subscribed(Ctx* c) noexcept nogil:
    cdef const char* name = c.cmd.name
    if c.cmd.flags & CMD_PUBSUB and c.cmd.flags & CMD_NOSCRIPT:      # those that subscribe or unsubscribe
        return OK
    if strcmp(name, b"ping") == 0 or strcmp(name, b"quit") == 0 or strcmp(name, b"reset") == 0:
        return OK
    snprintf(c.server.detail, sizeof(c.server.detail),
             b"ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
             b"this context", name)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status _check_monitor(Ctx* c) noexcept nogil:
    if c.cmd.flags & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE):
        return fail_with(c, ERR_CUSTOM, b"ERR Replica can't interact with the keyspace")
    return OK


cdef Status _check_busy(Ctx* c) noexcept nogil:
    return OK if c.cmd.flags & CMD_ALLOW_BUSY else fail_with(c, ERR_CUSTOM, c.server.busy_text)


cdef Status _check_pause(Ctx* c) noexcept nogil:
    if c.conn.flags & CONN_MONITOR:
        return OK
    if c.server.pause_writes_only and not _data_flags(c) & (CMD_WRITE | CMD_MAY_REPLICATE):
        return OK
    return HELD


cdef Status _check_no_multi(Ctx* c) noexcept nogil:
    if c.cmd.flags & CMD_NO_MULTI:
        return fail_with(c, ERR_CUSTOM, b"ERR Command not allowed inside a transaction")
    return OK


cdef inline Status _pass(Ctx* c, uint32_t gates) noexcept nogil:
    """As dispatch_check; most requests meet no gate, or in MULTI only those of a transaction."""
    if LIKELY(gates == 0):
        return OK
    if gates == (GATE_NO_MULTI | GATE_MULTI) and not c.cmd.flags & (CMD_NO_MULTI | CMD_UNQUEUED):
        return QUEUED
    return dispatch_check(c, gates)


cdef Status dispatch_check(Ctx* c, uint32_t gates) noexcept nogil:
    """The checks whose gates are shut, in order."""
    cdef Status st = OK
    cdef int gate
    if gates == GATE_ACL:                        # users with few rights are as common as those with all
        return acl_gate(c)
    while gates and st == OK:
        gate = 1 << bits_lowest(gates)
        gates &= gates - 1
        if gate == GATE_ACL:
            st = acl_gate(c)
        elif gate == GATE_MULTI:
            st = OK if c.cmd.flags & CMD_UNQUEUED else QUEUED
        elif gate == GATE_NO_MULTI:
            st = _check_no_multi(c)
        elif gate == GATE_AUTH:
            st = _check_auth(c)
        elif gate == GATE_MEMORY:
            st = _check_memory(c)
        elif gate == GATE_DISK:
            st = _check_disk(c)
        elif gate == GATE_LOADING:
            st = _check_loading(c)
        elif gate == GATE_SUBSCRIBED:
            st = _check_subscribed(c)
        elif gate == GATE_MONITOR:
            st = _check_monitor(c)
        elif gate == GATE_BUSY:
            st = _check_busy(c)
        elif gate == GATE_PAUSE:
            st = _check_pause(c)
    return st


cdef inline Status _form(Ctx* c) noexcept nogil:
    """Does the command exist, in this form?"""
    cdef Command* sub
    if c.cmd == NULL:
        return _unknown(c)
    if c.cmd.subs != NULL and c.argc > 1:
        sub = table_sub(c.cmd, c.argv[1])
        if sub == NULL:
            return _unknown_sub(c)
        c.cmd = sub
    if c.argc != c.cmd.arity and (c.cmd.arity > 0 or c.argc < -c.cmd.arity):
        return ERR_WRONG_ARITY
    return OK


cdef Status dispatch_resolve(Ctx* c) noexcept nogil:
    c.cmd = table_find(&c.server.table, c.argv[0])
    return _form(c)


cdef bint _is_http(const Ctx* c) noexcept nogil:
    """Does this come from a browser? Every POST begins so, and every other request has such a line."""
    return text_equal_nocase(c.argv[0].ptr, c.argv[0].len, b"POST", 4) or (
        text_equal_nocase(c.argv[0].ptr, c.argv[0].len, b"Host:", 5))


cdef void _end_http(Ctx* c) noexcept nogil:
    """Ends the connection without an answer: the lines of a body that a web page chose would be inline commands."""
    cdef Server* s = c.server
    if access_http_is_news(s):
        s.log_client(s, LOG_WARNING, b"Possible SECURITY ATTACK: an HTTP request came, as a web page sends it that wants "
                     b"to run commands here by way of a visitor's browser. Connection closed: %s", c.conn)
    conn_close(s, c.conn)


cdef void _reject(Ctx* c, Status st) noexcept nogil:
    """Answers why a command may not run; in MULTI that ends the transaction, now or at its EXEC."""
    cdef char[ERROR_TEXT] text
    cdef int n, head
    if c.cmd != NULL:
        c.cmd.rejected += 1
    elif _is_http(c):
        _end_http(c)
        return
    if not c.conn.flags & CONN_MULTI:
        dispatch_fail(c, st)
    elif c.cmd != NULL and c.cmd.flags & CMD_RUNS_QUEUE:
        head = snprintf(text, ERROR_TEXT, b"EXECABORT Transaction discarded because of: ")
        n = _error_text(c, st, text + head, ERROR_TEXT - head)
        dispatch_error(c, text, _without_code(text, head, n))
        watch_none(c.server, c.conn)
        queue_end(c.server, c.conn)
        monitor_feed(c)                          # Redis: they were shown MULTI, and so how it ended
    else:
        c.conn.flags |= CONN_DIRTY_EXEC
        dispatch_fail(c, st)


# ---------------------------------------------------------------- running

cdef void dispatch_drain(Server* s) noexcept nogil:
    """Tells everybody who listens what was changed, once, in order."""
    cdef Effects* fx = &s.ks.fx
    cdef int i
    if fx.propagating and s.command != NULL and not s.command.cmd.flags & CMD_ARBITRARY_KEYS:
        fx.atomic = fx.rewrite_count + (fx.command_dirty != 0 and not fx.rewritten) > 1
    for i in range(SINKS):
        if s.sinks[i].take != NULL:
            s.sinks[i].take(s.sinks[i].arg, fx)
    effects_clear(fx)


cdef void _end_reply(Server* s, Conn* conn, bint drop, OutBlock* tail, size_t used, size_t pending) noexcept nogil:
    """CLIENT REPLY OFF and SKIP: what was appended since is dropped, if `drop` is set. What was pushed meanwhile
    follows. Of a connection that has passed its output limit within EXEC nothing is left."""
    if drop and conn.flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP) and not conn.flags & CONN_GONE:
        out_truncate(&conn.out, tail, used, pending)
    conn.flags &= ~<uint32_t>CONN_REPLY_SKIP
    if conn.flags & CONN_REPLY_SKIP_NEXT:
        conn.flags = (conn.flags & ~<uint32_t>CONN_REPLY_SKIP_NEXT) | CONN_REPLY_SKIP
    if conn.flags & CONN_LATER:
        output_flush(s, conn)


cdef void _run_broken(Ctx* c) noexcept nogil:
    cdef char[128] text
    cdef char* told = c.server.detail
    cdef int n = parser_error(&c.conn.parser, text, sizeof(text))
    snprintf(told, sizeof(c.server.detail), b"Protocol error (%s) from client: %%s. Query buffer during protocol error: "
             b"'%%s'", text + PROTOCOL_ERROR)
    c.server.log_client(c.server, LOG_VERBOSE, told, c.conn)
    dispatch_error(c, text, n)


cdef void dispatch_context(Ctx* c, Server* s, Conn* conn, Command* cmd, Slice* argv, int argc) noexcept nogil:
    """For a command's first run, its key not hashed yet."""
    c.argv = argv
    c.argc = argc
    c.hashed = False
    c.retry = False
    c.hash = 0
    c.conn = conn
    c.db = conn.db
    c.ks = s.ks
    c.out = &conn.out
    c.cmd = cmd
    c.server = s
    c.detail = NULL


cdef inline Status _call(Ctx* c, uint64_t began) noexcept nogil:
    """Runs a command that may run; its errors are answered, and unless it waits it is counted."""
    cdef Server* s = c.server
    cdef Status st = c.cmd.fn(c) if c.cmd.fn != NULL else s.control(c)
    s.ticks = clock_ticks()
    if LIKELY(st != BLOCKED):
        s.stats.commands += 1
        command_count(c.cmd, s.mem, s.ticks - began, s.track_latency)
        if UNLIKELY(s.ticks - began >= s.slow_ticks):
            command_slow(s, c.conn, c.cmd, c.argv, c.argc, s.ticks - began)
    elif c.conn.waiter != NULL:
        (<Waiter*>c.conn.waiter).ticks = s.ticks - began
    if UNLIKELY(st != OK and st < BLOCKED):
        c.cmd.failed += 1
        dispatch_fail(c, st)
    elif UNLIKELY(st == REPLIED_ERROR):
        c.cmd.failed += 1
    if UNLIKELY(s.current != NULL and s.current.flags & CONN_TRACKING):
        tracking_remember(c)
    if UNLIKELY(s.monitors != NULL) and not c.retry and not c.cmd.flags & (CMD_ADMIN | CMD_SKIP_MONITOR):
        monitor_feed(c)
    return st


cdef inline void _finish(Ctx* c) noexcept nogil:
    cdef Server* s = c.server
    cdef Effects* fx = &s.ks.fx
    if LIKELY(effects_unheard(fx)):
        effects_count(fx)
    elif fx.command_dirty or fx.count or fx.rewrite_count or fx.rewritten or fx.to_replicas:
        s.command = c
        dispatch_drain(s)
        s.command = NULL


cdef void dispatch_finish(Ctx* c) noexcept nogil:
    _finish(c)


cdef inline Status _execute(Ctx* c, uint64_t began) noexcept nogil:
    """Runs a command that may run, and tells its effects."""
    cdef Status st = _call(c, began)
    _finish(c)
    return st


cdef Status dispatch_nested(Ctx* c) noexcept nogil:
    """Runs a command within another. Its words must live until the outer one is finished, unless the connection is
    CONN_IN_SCRIPT: then what is needed of them is copied. Nothing blocks in here: CONN_DENY_BLOCKING must be set."""
    cdef Server* s = c.server
    cdef Effects* fx = &s.ks.fx
    cdef Conn* conn = c.conn
    cdef OutBlock* tail = c.out.tail
    cdef size_t used = tail.used if tail != NULL else 0, pending = c.out.pending, first = fx.count
    cdef int64_t dirty = fx.command_dirty
    cdef int db = c.db.id
    cdef uint64_t began
    cdef Status st
    fx.rewritten = False
    if conn.flags & CONN_IN_SCRIPT:              # what the script did since is its own
        s.ticks = clock_ticks()
    began = s.ticks
    st = _call(c, began)
    ENSURE(st != BLOCKED)
    s.stats.nested_ticks += s.ticks - began
    if UNLIKELY(c.out.pending - pending >= s.large_reply):
        command_large(c, 0, c.out.pending - pending)
    if fx.propagating and fx.command_dirty != dirty and not fx.rewritten:
        if conn.flags & CONN_IN_SCRIPT:
            effects_propagate(fx, db, c.argc, c.argv, False)
        else:
            effects_lend(fx, db, c.argc, c.argv)
    fx.rewritten = True                          # the outer one is not propagated: what it ran is
    if UNLIKELY(conn.flags & CONN_IN_SCRIPT and fx.count > first):
        effects_keep_keys(fx, first)
    if UNLIKELY(fx.count > fx.told):             # in the order of the commands, PUBLISH among them
        s.sinks[<int>SINK_NOTIFY].take(s.sinks[<int>SINK_NOTIFY].arg, fx)
    if UNLIKELY(conn.flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP)):
        out_truncate(c.out, tail, used, pending)
    if UNLIKELY(c.out.memory > s.output_floor) and not conn.flags & CONN_IN_SCRIPT:
        output_check(s, conn)                    # what one EXEC answers has no bound of its own
        if conn.flags & CONN_GONE:
            out_clear(c.out)
    return st


cdef void _retry(Server* s, Waiter* w) noexcept nogil:
    """Runs a blocked command again; if it could be served, or failed, its connection goes on."""
    cdef Ctx c
    cdef Status st
    cdef Conn* outer
    cdef Conn* conn = w.conn
    cdef OutBlock* tail = conn.out.tail
    cdef size_t used = tail.used if tail != NULL else 0, pending = conn.out.pending
    dispatch_context(&c, s, conn, w.cmd, w.argv, w.argc)
    c.retry = True
    outer = s.current
    s.current = conn
    st = acl_gate(&c) if UNLIKELY(conn.gates & GATE_ACL) else OK         # rules may have changed while it waited
    if LIKELY(st == OK):
        st = _execute(&c, s.ticks - w.ticks)     # the time that it waited is not counted
    else:
        _reject(&c, st)
    s.current = outer
    if UNLIKELY(conn.flags & CONN_LATER and st == BLOCKED):
        output_flush(s, conn)
    if st == BLOCKED:
        return
    if UNLIKELY(conn.flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP | CONN_REPLY_SKIP_NEXT | CONN_LATER)):
        _end_reply(s, conn, True, tail, used, pending)
    blocking_end(s, conn)


cdef void dispatch_serve_blocked(Server* s) noexcept nogil:
    """Serves those who wait for the keys that have become ready, and for what that makes ready in turn."""
    cdef Wanted* key
    cdef Link* link
    cdef Link* next
    if s.gates & GATE_PAUSE:                     # they write: not before the pause ends
        return
    s.ticks = clock_ticks()
    while True:
        key = blocking_take_ready(s)
        if key == NULL:
            return
        link = key.first
        while link != NULL:
            next = link.next
            if blocking_can_serve(s, key, link.waiter):
                _retry(s, link.waiter)
            link = next
        blocking_done_with(s, key)


cdef bint dispatch_run(Server* s, Request* r) noexcept nogil:
    """Runs one request. False: it has to wait, and nothing was done."""
    cdef Ctx c
    cdef Status st
    cdef Conn* outer
    cdef Conn* conn = r.conn
    cdef OutBlock* tail = conn.out.tail
    cdef size_t used = tail.used if tail != NULL else 0, pending = conn.out.pending
    cdef uint32_t flags = conn.flags
    cdef bint loud
    dispatch_context(&c, s, conn, r.cmd, r.argv, r.argc)
    c.hashed = r.hashed
    c.hash = r.hash
    if UNLIKELY(r.broken):
        _run_broken(&c)
        _end_reply(s, conn, True, tail, used, pending)
        return True
    st = _form(&c)
    conn.last_command = c.cmd                    # Redis: also of one that is refused; none, if it is unknown
    if LIKELY(st == OK):
        st = _pass(&c, s.gates | conn.gates)
        tail = conn.out.tail                     # a key given up on the way may have been told to this very connection
        used = tail.used if tail != NULL else 0
        pending = conn.out.pending
    if LIKELY(st == OK):
        conn.commands += 1
        outer = s.current                        # a slow script that lets others in, or nobody
        s.current = conn
        _execute(&c, s.ticks)
        s.current = outer
        if UNLIKELY(r.size >= s.large_request or conn.out.pending - pending >= s.large_reply):
            command_large(&c, r.size, conn.out.pending - pending)
    elif st == QUEUED:
        conn.commands += 1
        queue_add(&c)
        reply_queued(c.out)
    elif st == HELD:
        return False
    else:
        _reject(&c, st)
    if UNLIKELY(conn.flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP | CONN_REPLY_SKIP_NEXT | CONN_LATER)):
        # What EXEC runs may silence the connection: what stood before that goes out.
        loud = c.cmd != NULL and c.cmd.flags & CMD_RUNS_QUEUE and not flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP)
        _end_reply(s, conn, not loud, tail, used, pending)
    if UNLIKELY(blocking_of(s).first_ready != NULL):
        dispatch_serve_blocked(s)
    return True
