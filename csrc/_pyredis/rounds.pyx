"""rounds -- the server's rounds: who is ready is received from, run and sent to; then what is to be done between.

    epoll -> sort -> [ receive from all, run all, write the append-only file, send to all ] -> between -> epoll

A round takes up to 64 connections at a time. Ready are those that epoll tells of, those whose socket had more than was
read or takes what it did not (carried over), and those that are due without an event: a reply to one that waited, a
message. A descriptor that is no connection's (a listener's, say) is foreign: Python is told of it.

Between two rounds is the time for what no request asked for: expiry, eviction that is unfinished, defragmentation,
freeing what is buried, deadlines of blocked clients, the end of a pause.

rounds_poll goes on by itself until something needs Python: a foreign descriptor, a connection that ended or whose wish
to be told of writability has changed, a control command that has run, a signal. A command that takes long serves the
others from within (rounds_meanwhile), with a batch of its own: the group that it was in is finished first.

Ownership: the core owns a Rounds, and that its arrays; connections belong to the server.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

from _pyredis.base.clock cimport clock_mono_us, clock_ticks, clock_unix_ms
from _pyredis.base.mem cimport arena_cool
from _pyredis.cmd.aof cimport aof_flush
from _pyredis.cmd.blocking cimport blocking_expire, blocking_of
from _pyredis.cmd.ctx cimport (CONN_CLOSE_AFTER_REPLY, CONN_DUE, CONN_FAKE, CONN_GONE, CONN_HELD, CONN_LISTED,
                               CONN_RELAYED, GATE_PAUSE, Conn, Server, conn_due)
from _pyredis.cmd.dispatch cimport dispatch_drain, dispatch_serve_blocked
from _pyredis.cmd.eviction cimport eviction_go_on, eviction_of
from _pyredis.cmd.latency cimport latency_add_ticks
from _pyredis.cmd.tracking cimport tracking_settle
from _pyredis.cmd.weights cimport weights_note, weights_settle
from _pyredis.conn cimport Batch, conn_receive, conn_send, conns_finish_group, conns_run
from _pyredis.db.defrag cimport defrag_cycle, defrag_free, defrag_new
from _pyredis.db.expire cimport EXPIRE_IDLE_MS, expire_cycle
from _pyredis.db.keyspace cimport keyspace_reap, keyspace_set_clock
from _pyredis.wire.parser cimport args_free

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef extern from "<sys/epoll.h>" nogil:
    int epoll_wait(int fd, epoll_event* events, int most, int milliseconds)

cdef enum:
    AT_A_TIME = 64                 # connections received from before any of their requests runs
    EVENTS = 1024                  # taken from the poller at a time
    EVENT_OUT = 4                  # of epoll, and of the loop's other pollers alike
    EVENTS_OVER = 0x2018           # error, hang-up, the peer has closed its half
    REAP_STEP = 1000               # buried entries freed between two rounds
    COOL_STEP = 8                  # slabs given back to the system between two rounds
    EXPIRE_BUDGET_US = 1000
    SLOWEST_DEFRAG_MS = 60000      # more than any pause of the defragmenter
    PAUSED_WAIT_MS = 100


cdef void _drain(void* server) noexcept nogil:
    dispatch_drain(<Server*>server)


cdef bint rounds_init(Rounds* r, Server* s) noexcept nogil:
    """False: there is no memory."""
    r.s = s
    r.batch = <Batch*>calloc(1, sizeof(Batch))
    r.events = <epoll_event*>calloc(EVENTS, sizeof(epoll_event))
    r.expire_effort = 1
    if r.batch == NULL or r.events == NULL:
        return False
    r.defrag = defrag_new(s.ks)
    eviction_of(s).drain = _drain
    return True


cdef void rounds_free(Rounds* r) noexcept nogil:
    """Before the keyspace goes."""
    defrag_free(r.defrag, r.s.ks)
    args_free(&r.batch.args, r.s.mem)
    if r.other_batch != NULL:
        args_free(&r.other_batch.args, r.s.mem)
    free(r.batch)
    free(r.other_batch)
    free(r.ready)
    free(r.foreign)
    free(r.events)


# ---------------------------------------------------------------- who takes part

cdef void rounds_room(Rounds* r, size_t n) noexcept nogil:
    """Room for n events beside what is carried over from the last round, or is to be reported already."""
    n += r.count + r.foreign_count
    if n <= r.room and r.room:
        return
    r.room = (n + 1) * 2                         # never 0, for which realloc need not give anything
    r.ready = <Conn**>realloc(r.ready, r.room * sizeof(void*))
    r.foreign = <Foreign*>realloc(r.foreign, r.room * sizeof(Foreign))
    if r.ready == NULL or r.foreign == NULL:
        fatal_oom(r.room * sizeof(Foreign))


cdef void rounds_sort(Rounds* r, int fd, uint32_t events) noexcept nogil:
    """Puts an event with the connections or with the foreign descriptors."""
    cdef Conn* c = r.s.by_fd[fd] if <size_t>fd < r.s.fds else NULL
    if c == NULL:
        r.foreign[r.foreign_count].fd = fd
        r.foreign[r.foreign_count].events = events
        r.foreign_count += 1
    else:
        c.events |= events
        if not c.flags & CONN_LISTED:            # carried over, it is there already
            c.flags |= CONN_LISTED
            r.ready[r.count] = c
            r.count += 1


cdef void _report(Rounds* r, const Conn* c) noexcept nogil:
    """Has the loop call back for its descriptor. Should it be gone by then, that is a call in vain."""
    rounds_room(r, 1)
    r.foreign[r.foreign_count].fd = c.fd
    r.foreign[r.foreign_count].events = EVENT_OUT
    r.foreign_count += 1


cdef void rounds_take_due(Rounds* r) noexcept nogil:
    """Adds to the next round those that have something to run or to send although no event tells of it."""
    cdef Server* s = r.s
    cdef Conn* c
    while s.due != NULL:
        c = s.due
        s.due = c.due_next
        c.flags &= ~<uint32_t>CONN_DUE
        c.events |= EVENT_OUT
        if c.flags & (CONN_FAKE | CONN_RELAYED):     # whoever owns it comes for the replies
            conns_run(s, r.batch, &c, 1)
            if c.flags & CONN_RELAYED and not c.flags & CONN_GONE:
                _report(r, c)
        elif not c.flags & (CONN_LISTED | CONN_GONE):
            rounds_room(r, 1)
            c.flags |= CONN_LISTED
            r.ready[r.count] = c
            r.count += 1


cdef void rounds_carry_over(Rounds* r) noexcept nogil:
    """Keeps for the next round the connections that are to be read from or sent to again at once."""
    cdef size_t i, carried = 0
    cdef Conn* c
    for i in range(r.count):
        c = r.ready[i]
        if c.events and not c.flags & CONN_GONE:
            r.ready[carried] = c
            carried += 1
        else:
            c.flags &= ~<uint32_t>CONN_LISTED
    r.count = carried


# ---------------------------------------------------------------- a round

cdef void _serve(Rounds* r, Batch* batch, Conn** ready, size_t n) noexcept nogil:
    """Receive from all, run all, send to all. What stays in Conn.events is due in the next round, event or not."""
    cdef Server* s = r.s
    cdef size_t i
    cdef Conn* c
    cdef uint32_t events
    for i in range(n):
        c = ready[i]
        events = c.events
        c.events = 0
        if events & ~EVENT_OUT and not c.flags & (CONN_GONE | CONN_CLOSE_AFTER_REPLY):
            if conn_receive(s, c, (events & EVENTS_OVER) != 0):
                c.events = events & ~EVENT_OUT
    conns_run(s, batch, ready, n)
    aof_flush(s)
    for i in range(n):
        c = ready[i]
        if (c.out.pending or c.flags & CONN_CLOSE_AFTER_REPLY) and not c.flags & CONN_GONE:
            if conn_send(s, c):
                c.events |= EVENT_OUT
            r.watch_changes += rounds_watch_changed(c)
    if s.clients_limit:
        for i in range(n):
            weights_note(s, ready[i])
        weights_settle(s)


cdef void _round(Rounds* r) noexcept nogil:
    cdef size_t i = 0, part
    cdef uint64_t began = clock_ticks()
    r.s.stats.loops += 1
    keyspace_set_clock(r.s.ks, clock_unix_ms(&r.s.clock))
    while i < r.count:
        part = r.count - i if r.count - i < AT_A_TIME else AT_A_TIME
        _serve(r, r.batch, r.ready + i, part)
        i += part
    r.s.stats.loop_ticks += clock_ticks() - began


cdef void rounds_meanwhile(Rounds* r, Conn** conns, size_t n) noexcept nogil:
    """Serves others from within a command: first what was read before it began. Time stands still for the command."""
    cdef Server* s = r.s
    cdef int64_t now = s.ks.now_ms
    cdef uint32_t gates = s.other_gates & ~s.gates
    cdef size_t i
    s.gates |= gates
    conns_finish_group(s, r.batch)
    _serve(r, r.other_batch, conns, n)
    s.gates &= ~gates
    for i in range(n):
        if (conns[i].events or rounds_watch_changed(conns[i])) and not conns[i].flags & CONN_GONE:
            conn_due(s, conns[i])
    keyspace_set_clock(s.ks, now)


# ---------------------------------------------------------------- between two rounds

cdef void rounds_end_pause(Server* s) noexcept nogil:
    """Lifts CLIENT PAUSE; what was held goes on at the next round."""
    cdef Conn* c = s.first
    s.gates &= ~<uint32_t>GATE_PAUSE
    s.ks.keep_expired = False
    while c != NULL:
        if c.flags & CONN_HELD:
            c.flags &= ~<uint32_t>CONN_HELD
            conn_due(s, c)
        c = c.next


cdef int64_t _defragment(Rounds* r, int64_t now) noexcept nogil:
    """Some of it, if it is time; milliseconds until it is time again."""
    cdef uint64_t began
    if r.next_defrag_ms > now + SLOWEST_DEFRAG_MS:         # the clock was set back
        r.next_defrag_ms = now
    if now >= r.next_defrag_ms:
        began = clock_ticks()
        r.next_defrag_ms = now + defrag_cycle(r.defrag, r.s.ks, &r.s.clock)
        if r.defrag.share:
            latency_add_ticks(r.s, b"active-defrag-cycle", clock_ticks() - began)
    return r.next_defrag_ms - now


cdef int64_t rounds_between(Rounds* r) noexcept nogil:
    """Work between two rounds; milliseconds until it wants to be called again at the latest."""
    cdef Server* s = r.s
    cdef int64_t now = clock_unix_ms(&s.clock), wait
    cdef size_t buried
    cdef uint64_t began
    keyspace_set_clock(s.ks, now)
    if s.gates & GATE_PAUSE and now >= s.pause_until_ms:
        rounds_end_pause(s)
    if r.next_expire_ms > now + EXPIRE_IDLE_MS:            # the clock was set back
        r.next_expire_ms = now
    if now >= r.next_expire_ms and not s.gates & GATE_PAUSE:
        began = clock_ticks()
        r.next_expire_ms = now + expire_cycle(s.ks, &s.clock, EXPIRE_BUDGET_US, r.expire_effort, _drain, s)
        latency_add_ticks(s, b"expire-cycle", clock_ticks() - began)
    if eviction_of(s).unfinished:
        eviction_go_on(s)
    if blocking_of(s).first_ready != NULL:
        dispatch_serve_blocked(s)
    wait = 0 if eviction_of(s).unfinished else r.next_expire_ms - now
    if s.gates & GATE_PAUSE:                     # what has expired stays until then, as in Redis
        wait = min(s.pause_until_ms - now, <int64_t>PAUSED_WAIT_MS)
    if blocking_of(s).heap_count:
        wait = min(wait, max(blocking_expire(s) + 1 - now, <int64_t>0))
    tracking_settle(s)
    weights_settle(s)
    rounds_take_due(r)
    aof_flush(s)
    wait = min(wait, _defragment(r, now))
    buried = keyspace_reap(s.ks, REAP_STEP) if s.ks.graves.count or s.ks.graves.corpse_count else 0
    if s.mem.used > s.mem.peak:
        s.mem.peak = s.mem.used
    return 0 if arena_cool(s.mem, COOL_STEP) or buried or r.count or r.foreign_count or s.gone else wait


# ---------------------------------------------------------------- one after the other

cdef bint _needs_python(Rounds* r) noexcept nogil:
    """Is there anything that the loop has to be told of, or to see to?"""
    return r.foreign_count or r.watch_changes or r.s.gone or r.entered


cdef void rounds_serve(Rounds* r) noexcept nogil:
    """One round of those that were sorted, and of who is due."""
    rounds_take_due(r)
    _round(r)


cdef void rounds_poll(Rounds* r, int epoll, int64_t milliseconds) noexcept nogil:
    """Rounds of what an epoll descriptor tells of, and the moments between them, until something needs Python."""
    cdef Server* s = r.s
    cdef int64_t deadline = clock_mono_us(&s.clock) + milliseconds * 1000, left = milliseconds
    cdef int n, i
    cdef bint at_once = False, skipped = False
    cdef size_t carried
    r.entered = False
    while True:
        carried = r.count
        left = min(left, rounds_between(r))
        if eviction_of(s).told:                  # messages go out before they count as memory that is too much
            eviction_of(s).told = False
            at_once = at_once or (r.count > carried and not skipped)
        rounds_room(r, EVENTS)
        n = 0 if at_once else epoll_wait(epoll, r.events, EVENTS, <int>left if left > 0 else 0)
        for i in range(n):
            rounds_sort(r, r.events[i].data.fd, r.events[i].events)
        if r.count:
            _round(r)
        left = (deadline - clock_mono_us(&s.clock) + 999) // 1000
        if n < 0 or left <= 0 or _needs_python(r):
            break
        rounds_carry_over(r)
        skipped = at_once
        at_once = s.due != NULL and not at_once  # a message for them: every other round at most
