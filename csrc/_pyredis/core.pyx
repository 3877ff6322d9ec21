"""core -- the face to Python: what the control plane sees of the compiled server.

Core.serve(ready) takes what the poller returned and does all there is to do for those connections in one
section without the GIL. Python is entered only for control commands (CONFIG, CLIENT, INFO ...), whose handlers
get the context object, a Client and the arguments, and whose result is encoded as the reply.

The loop owns the descriptors: it hands them over (add), is told what to watch and what to close (the notices
of serve), and closes them. Everything else of a connection lives here.

Of a relayed connection (TLS) Python keeps the socket, too, and carries the bytes (_pyredis.relay): here it is one
without a socket, whose descriptor is a foreign one. It is never among the ready ones, so the others cost nothing for
it; when it has something to send that nobody has asked for, its descriptor is reported as if something had come.

Python never holds a pointer into the keyspace: a Client is a descriptor and an id, looked up at each use.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from _pyredis.base.clock cimport Clock, clock_init, clock_mono_us, clock_ticks, clock_ticks_to_us, clock_unix_ms
from _pyredis.base.disk cimport disk_init
from _pyredis.base.mem cimport arena_cool, arena_free, arena_new, arena_trim
from _pyredis.base.rand cimport rand_fill
from _pyredis.base.slice cimport slice_of
from _pyredis.base.status cimport OK, REPLIED_ERROR
from _pyredis.client cimport Client, client_new
from _pyredis.cmd.ctx cimport (CONN_AUTHENTICATED, CONN_BLOCKED, CONN_CAPA_REDIRECT, CONN_CLOSE_AFTER_REPLY,
                               CONN_CLOSE_ASAP, CONN_DENY_BLOCKING, CONN_DIRTY_CAS, CONN_DUE, CONN_FAKE, CONN_GONE,
                               CONN_HELD,
                               CONN_IMPORT_SOURCE, CONN_LISTED, CONN_MONITOR, CONN_MULTI, CONN_NO_EVICT,
                               CONN_NO_TOUCH, CONN_RELAYED, CONN_REPLY_OFF, CONN_REPLY_SKIP, CONN_REPLY_SKIP_NEXT, CONN_TRACKING,
                               CONN_UNIX, CONN_WANTS_WRITE, CONN_WATCHED, GATE_AUTH, GATE_BUSY, GATE_MEMORY,
                               GATE_PAUSE, LOG_VERBOSE, Command, Conn, Ctx, Server, ServerStats, conn_close, conn_due,
                               text_set)
from _pyredis.cmd.acl cimport access_free, access_new
from _pyredis.cmd.aof cimport aof_flush, aof_free
from _pyredis.cmd.blocking cimport Blocking, blocking_expire, blocking_free, blocking_new, blocking_of
from _pyredis.cmd.channels cimport (CHANNEL_PATTERN, CHANNEL_PLAIN, CHANNEL_SHARD, Channels, channels_free,
                                    channels_new, channels_of)
from _pyredis.cmd.command_log cimport command_logs_free, command_logs_new
from _pyredis.cmd.dispatch cimport dispatch_drain, dispatch_error, dispatch_serve_blocked
from _pyredis.cmd.eviction cimport eviction_free, eviction_go_on, eviction_new, eviction_of
from _pyredis.cmd.families cimport bind_families
from _pyredis.cmd.functions cimport Libraries, libraries_free, libraries_new, libraries_of
from _pyredis.cmd.latency cimport latency_add_ticks, latency_free, latency_new
from _pyredis.cmd.script_run cimport script_end, scripting_free, scripting_load, scripting_new, scripting_of
from _pyredis.cmd.scripting cimport ScriptCache, script_cache_free, script_cache_new, script_cache_of
from _pyredis.cmd.notify cimport notify_bind
from _pyredis.cmd.output cimport output_check
from _pyredis.cmd.propagate cimport propagation_free, propagation_new
from _pyredis.cmd.table cimport (HISTOGRAM_SIZE, command_reset_stats, histogram_floor, table_find, table_free,
                                 table_init, table_rename)
from _pyredis.cmd.tracking cimport (TRACK_BCAST as TRACKING_BCAST, TRACK_BROKEN as TRACKING_BROKEN,
                                    TRACK_CACHING as TRACKING_CACHING, TRACK_NOLOOP as TRACKING_NOLOOP,
                                    TRACK_OPTIN as TRACKING_OPTIN, TRACK_OPTOUT as TRACKING_OPTOUT, Tracking,
                                    tracking_free, tracking_new, tracking_of, tracking_settle)
from _pyredis.cmd.watch cimport Watching, watching_free, watching_new, watching_of
from _pyredis.cmd.weights cimport (weights_free, weights_new, weights_note, weights_of, weights_settle)
from _pyredis.conn cimport conn_free, conn_memory, conn_new, conn_receive, conn_send, conn_shrink_input, conns_finish_group, conns_run
from _pyredis.db.defrag cimport defrag_cycle, defrag_free, defrag_new
from _pyredis.db.expire cimport EXPIRE_IDLE_MS, expire_cycle
from _pyredis.db.keyspace cimport (ACCESS_LFU, ACCESS_LRU, Key, keyspace_find, keyspace_free, keyspace_idle_ms,
                                   keyspace_buried, keyspace_key, keyspace_memory, keyspace_new, keyspace_reap,
                                   keyspace_set_clock)
from _pyredis.db.string_type cimport string_length
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport (T_STRING, Entry, encoding_name, entry_access, entry_encoding, entry_expiry,
                                entry_is_over, entry_type, type_name)
from _pyredis.ds.dict cimport dict_bytes
from _pyredis.lua.state cimport vm_memory
from _pyredis.rows cimport fill_table, keys_in
from _pyredis.wire.block cimport block_pool_free, block_pool_init
from _pyredis.wire.parser cimport args_free
from _pyredis.wire.reply cimport out_truncate, OutBlock

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef extern from "<sys/epoll.h>" nogil:
    int epoll_wait(int fd, epoll_event* events, int most, int milliseconds)

cdef enum:
    ROUND = 64                     # connections received from before any of their requests runs
    IDLE_BLOCKS = 256
    EVENTS = 1024                  # taken from the poller at a time
    EVENT_OUT = 4                  # of epoll, and of the loop's other pollers alike
    EVENTS_OVER = 0x2018           # error, hang-up, the peer has closed its half
    REAP_STEP = 1000               # buried entries freed between two rounds
    COOL_STEP = 8                  # slabs given back to the system between two rounds
    EXPIRE_BUDGET_US = 1000
    SLOWEST_DEFRAG_MS = 60000      # more than any pause of the defragmenter
    PAUSED_WAIT_MS = 100
    AT_REST_MS = 2000              # without a word: its input takes no more room than it fills
    NEVER_IDLE = CONN_FAKE | CONN_BLOCKED | CONN_HELD | CONN_MONITOR     # these wait for the server

# What a notice says about a descriptor.
WATCH_WRITE = 1
UNWATCH_WRITE = 2
CLOSED = 3
LEFT = 4                           # a relayed connection is gone: whoever relays it closes the descriptor


cdef Status _control(Ctx* c) noexcept nogil:
    with gil:
        return (<Core>c.server.owner)._control(c)


cdef void _log(Server* s, int level, const char* text) noexcept nogil:
    with gil:
        (<Core>s.owner).on_log(level, text.decode("utf-8", "replace"))


cdef void _log_client(Server* s, int level, const char* text, Conn* c) noexcept nogil:
    with gil:
        (<Core>s.owner)._call_on_log_client(level, text, c)


cdef void _serve_others(Server* s) noexcept nogil:
    with gil:
        (<Core>s.owner)._call_on_busy()


cdef void _sort(Core core, const epoll_event* event) noexcept nogil:
    """Puts an event with the connections or with the foreign descriptors."""
    cdef int fd = event.data.fd
    cdef Conn* c = core.s.by_fd[fd] if <size_t>fd < core.s.fds else NULL
    if c == NULL:
        core.foreign[core.foreign_count].fd = fd
        core.foreign[core.foreign_count].events = event.events
        core.foreign_count += 1
    else:
        c.events |= event.events
        if not c.flags & CONN_LISTED:            # carried over, it is there already
            c.flags |= CONN_LISTED
            core.ready[core.count] = c
            core.count += 1


cdef void _serve(Core core, Batch* batch, Conn** ready, size_t n) noexcept nogil:
    """Receive from all, run all, send to all. What stays in Conn.events is due in the next round, event or not."""
    cdef Server* s = core.s
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
            core.watch_changes += _watch_changed(c)
    if s.clients_limit:
        for i in range(n):
            weights_note(s, ready[i])
        weights_settle(s)


cdef inline bint _watch_changed(const Conn* c) noexcept nogil:
    return ((c.flags & CONN_WANTS_WRITE) != 0) != ((c.flags & CONN_WATCHED) != 0)


cdef void _carry_over(Core core) noexcept nogil:
    """Keeps for the next round the connections that are to be read from or sent to again at once."""
    cdef size_t i, carried = 0
    cdef Conn* c
    for i in range(core.count):
        c = core.ready[i]
        if c.events and not c.flags & CONN_GONE:
            core.ready[carried] = c
            carried += 1
        else:
            c.flags &= ~<uint32_t>CONN_LISTED
    core.count = carried


cdef void _room_for(Core core, size_t n) noexcept nogil:
    """Room for n events beside what is carried over from the last round, or is to be reported already."""
    n += core.count + core.foreign_count
    if n <= core.ready_room and core.ready_room:
        return
    core.ready_room = (n + 1) * 2                # never 0, for which realloc need not give anything
    core.ready = <Conn**>realloc(core.ready, core.ready_room * sizeof(void*))
    core.foreign = <Foreign*>realloc(core.foreign, core.ready_room * sizeof(Foreign))
    if core.ready == NULL or core.foreign == NULL:
        fatal_oom(core.ready_room * sizeof(Foreign))


cdef void _report(Core core, const Conn* c) noexcept nogil:
    """Has the loop call back for its descriptor. Should it be gone by then, that is a call in vain."""
    _room_for(core, 1)
    core.foreign[core.foreign_count].fd = c.fd
    core.foreign[core.foreign_count].events = EVENT_OUT
    core.foreign_count += 1


cdef void _take_due(Core core) noexcept nogil:
    """Adds to the next round those that have something to run or to send although no event tells of it."""
    cdef Server* s = core.s
    cdef Conn* c
    while s.due != NULL:
        c = s.due
        s.due = c.due_next
        c.flags &= ~<uint32_t>CONN_DUE
        c.events |= EVENT_OUT
        if c.flags & (CONN_FAKE | CONN_RELAYED):     # whoever owns it comes for the replies
            conns_run(s, core.batch, &c, 1)
            if c.flags & CONN_RELAYED and not c.flags & CONN_GONE:
                _report(core, c)
        elif not c.flags & (CONN_LISTED | CONN_GONE):
            _room_for(core, 1)
            c.flags |= CONN_LISTED
            core.ready[core.count] = c
            core.count += 1


cdef void _serve_meanwhile(Core core, Conn** conns, size_t n) noexcept nogil:
    """Serves others from within a command: first what was read before it began. Time stands still for the command."""
    cdef Server* s = core.s
    cdef int64_t now = s.ks.now_ms
    cdef uint32_t gates = s.other_gates & ~s.gates
    cdef size_t i
    s.gates |= gates
    conns_finish_group(s, core.batch)
    _serve(core, core.other_batch, conns, n)
    s.gates &= ~gates
    for i in range(n):
        if (conns[i].events or _watch_changed(conns[i])) and not conns[i].flags & CONN_GONE:
            conn_due(s, conns[i])
    keyspace_set_clock(s.ks, now)


cdef void _round(Core core) noexcept nogil:
    cdef size_t i = 0, part
    cdef uint64_t began = clock_ticks()
    core.s.stats.loops += 1
    keyspace_set_clock(core.s.ks, clock_unix_ms(&core.s.clock))
    while i < core.count:
        part = core.count - i if core.count - i < ROUND else ROUND
        _serve(core, core.batch, core.ready + i, part)
        i += part
    core.s.stats.loop_ticks += clock_ticks() - began


cdef int64_t _defragment(Core core, int64_t now) noexcept nogil:
    """Some of it, if it is time; milliseconds until it is time again."""
    cdef uint64_t began
    if core.next_defrag_ms > now + SLOWEST_DEFRAG_MS:    # the clock was set back
        core.next_defrag_ms = now
    if now >= core.next_defrag_ms:
        began = clock_ticks()
        core.next_defrag_ms = now + defrag_cycle(core.defrag, core.s.ks, &core.s.clock)
        if core.defrag.share:
            latency_add_ticks(core.s, b"active-defrag-cycle", clock_ticks() - began)
    return core.next_defrag_ms - now


cdef int64_t _between(Core core) noexcept nogil:
    """Work between two rounds; milliseconds until it wants to be called again at the latest."""
    cdef Server* s = core.s
    cdef int64_t now = clock_unix_ms(&s.clock), wait
    cdef size_t buried
    cdef uint64_t began
    keyspace_set_clock(s.ks, now)
    if s.gates & GATE_PAUSE and now >= s.pause_until_ms:
        _end_pause(s)
    if core.next_expire_ms > now + EXPIRE_IDLE_MS:       # the clock was set back
        core.next_expire_ms = now
    if now >= core.next_expire_ms and not s.gates & GATE_PAUSE:
        began = clock_ticks()
        core.next_expire_ms = now + expire_cycle(
            s.ks, &s.clock, EXPIRE_BUDGET_US, core.expire_effort, _drain, s)
        latency_add_ticks(s, b"expire-cycle", clock_ticks() - began)
    if eviction_of(s).unfinished:
        eviction_go_on(s)
    if blocking_of(s).first_ready != NULL:
        dispatch_serve_blocked(s)
    wait = 0 if eviction_of(s).unfinished else core.next_expire_ms - now
    if s.gates & GATE_PAUSE:                     # what has expired stays until then, as in Redis
        wait = min(s.pause_until_ms - now, <int64_t>PAUSED_WAIT_MS)
    if blocking_of(s).heap_count:
        wait = min(wait, max(blocking_expire(s) + 1 - now, <int64_t>0))
    tracking_settle(s)
    weights_settle(s)
    _take_due(core)
    aof_flush(s)
    wait = min(wait, _defragment(core, now))
    buried = keyspace_reap(s.ks, REAP_STEP) if s.ks.graves.count or s.ks.graves.corpse_count else 0
    if s.mem.used > s.mem.peak:
        s.mem.peak = s.mem.used
    return 0 if arena_cool(s.mem, COOL_STEP) or buried or core.count or core.foreign_count or s.gone else wait


cdef bint _needs_python(Core core) noexcept nogil:
    """Is there anything that _after_round has to tell the loop, or the loop to see to?"""
    return core.foreign_count or core.watch_changes or core.s.gone or core.entered


cdef class Core:
    """The data and the connections of one server. `types` is the module with the reply types."""

    def __cinit__(self, rows, types, handlers, *, int databases=16, bytes seed=None):
        """`rows`: of CommandTable.core_rows(); `handlers`: name -> callable for those without a function here."""
        cdef uint64_t[2] key
        self.s = <Server*>calloc(1, sizeof(Server))
        self.batch = <Batch*>calloc(1, sizeof(Batch))
        self.events = <epoll_event*>calloc(EVENTS, sizeof(epoll_event))
        if self.s == NULL or self.batch == NULL or self.events == NULL:
            raise MemoryError
        if seed is None:
            if not rand_fill(key, 16):
                raise OSError("no random numbers from the system")
        else:
            key[0], key[1] = int.from_bytes(seed[:8], "little"), int.from_bytes(seed[8:16], "little")
        self.s.mem = arena_new()
        self.s.ks = keyspace_new(self.s.mem, databases, key)
        types_bind(self.s.ks)
        self.s.blocking = blocking_new(self.s)
        self.s.pubsub = channels_new(self.s)
        notify_bind(self.s)
        self.s.tracked = tracking_new(self.s)
        self.s.watching = watching_new(self.s)
        self.s.propagation = propagation_new(self.s)
        self.s.eviction = eviction_new(self.s)
        self.defrag = defrag_new(self.s.ks)
        eviction_of(self.s).drain = _drain
        clock_init(&self.s.clock)
        self.s.latency = latency_new(self.s)
        self.s.command_logs = command_logs_new(self.s)
        disk_init(&self.s.disk)
        keyspace_set_clock(self.s.ks, clock_unix_ms(&self.s.clock))
        block_pool_init(&self.s.blocks, self.s.mem, IDLE_BLOCKS)
        table_init(&self.s.table, self.s.mem)
        self.s.scripting = scripting_new(self.s)
        scripting_of(self.s).scripts = script_cache_new(self.s)
        scripting_of(self.s).functions = libraries_new(self.s)
        self.s.control = _control
        self.s.log = _log
        self.s.log_client = _log_client
        self.s.weights = weights_new()
        weights_of(self.s).weigh = conn_memory
        self.s.serve_others = _serve_others
        self.s.owner = <void*>self
        self.s.limits.bulk = 512 << 20
        self.s.limits.line = 64 << 10
        self.s.query_limit = 1 << 30
        self.s.output_floor = <size_t>-1
        self.expire_effort = 1
        self.encoder = Encoder(types)
        self.reply_error = types.ReplyError
        self.on_log = lambda level, text: None
        self.on_log_client = None
        self.on_failure = None
        self.on_busy = None
        self._fill_table(rows, handlers)
        access_new(self.s)

    def __dealloc__(self):
        if self.s == NULL:
            return
        while self.s.first != NULL:
            conn_free(self.s, self.s.first)
        defrag_free(self.defrag, self.s.ks)
        aof_free(self.s)
        propagation_free(self.s)
        blocking_free(self.s)
        channels_free(self.s)
        tracking_free(self.s)
        script_cache_free(self.s, script_cache_of(self.s))
        libraries_free(self.s, libraries_of(self.s))
        scripting_free(scripting_of(self.s))
        watching_free(self.s)
        command_logs_free(self.s)
        latency_free(self.s)
        if self.s.access != NULL:
            access_free(self.s)
        eviction_free(self.s)
        weights_free(weights_of(self.s))
        args_free(&self.batch.args, self.s.mem)
        if self.other_batch != NULL:
            args_free(&self.other_batch.args, self.s.mem)
        table_free(&self.s.table)
        keyspace_free(self.s.ks)
        block_pool_free(&self.s.blocks)
        arena_free(self.s.mem)
        free(self.s.by_fd)
        free(self.s.relayed)
        free(self.s)
        free(self.batch)
        free(self.other_batch)
        free(self.ready)
        free(self.foreign)
        free(self.events)

    def _fill_table(self, rows, handlers):
        """Joins specs and functions by name; a name on one side only is an error."""
        cdef Command* c
        cdef int i
        fill_table(&self.s.table, rows)
        bind_families(&self.s.table)
        if self.s.table.unbound != NULL:
            raise ValueError(f"function without a spec: {self.s.table.unbound.decode()}")
        handlers = dict(handlers)
        self.handlers = []
        self.names = []
        for i in range(self.s.table.count):
            c = self.s.table.commands[i]
            name = c.name.decode()
            handler = handlers.pop(name, None)
            if (c.fn != NULL) + (handler is not None) + (c.subs != NULL and c.arity < -1) != 1:
                raise ValueError(f"command {name!r} needs one implementation: a function or a handler")
            self.handlers.append(handler)
            self.names.append(name)
        if handlers:
            raise ValueError(f"handlers without a spec: {sorted(handlers)}")

    def find_keys(self, int index, list argv):
        """The keys that a whole command, row `index` of the table, has in argv: as rows.keys_in."""
        return keys_in(self.s.table.commands[index], argv)

    def has_client(self, uint64_t id):
        """Is there a connection with this id?"""
        cdef Conn* c = self.s.first
        while c != NULL and c.id != id:
            c = c.next
        return c != NULL and not c.flags & CONN_GONE

    def tracking_counts(self):
        """(connections that track, tracked keys, connections in all of these, prefixes)"""
        cdef Tracking* t = tracking_of(self.s)
        return t.on, t.keys.used, t.items, t.prefix_count

    def rename_command(self, bytes old, bytes name):
        """rename-command of the configuration file; empty takes the command away. ValueError says why not."""
        if table_find(&self.s.table, slice_of(old, len(old))) == NULL:
            raise ValueError("No such command in rename-command")
        if not table_rename(&self.s.table, slice_of(old, len(old)), slice_of(name, len(name))):
            raise ValueError("Target command name already exists")

    # ------------------------------------------------------------ the loop's calls

    def add(self, int fd, bytes address, bytes local_address, bint unix_socket=False, bint relayed=False):
        """Takes over a connected, non-blocking socket; the loop still closes it when told to. The Client.

        `relayed`: its bytes come and go through _pyredis.relay, and no system call here touches the socket.
        """
        cdef Conn* c
        _room_for_fd(self.s, fd)
        keyspace_set_clock(self.s.ks, clock_unix_ms(&self.s.clock))
        c = conn_new(self.s, fd)
        if unix_socket:
            c.flags |= CONN_UNIX
        text_set(self.s, &c.address, address, len(address))
        text_set(self.s, &c.local_address, local_address, len(local_address))
        if relayed:
            c.flags |= CONN_RELAYED
            self.s.relayed[fd] = c
        else:
            self.s.by_fd[fd] = c
        self.s.stats.connections += 1
        return client_new(self, self.s, c, self.names)

    def serve(self, list ready):
        """Serves the connections among `ready`, a list of (fd, events) with epoll's event bits.

        Returns None, or (foreign, notices): the items of `ready` that are no connection, and a list of
        (fd, WATCH_WRITE | UNWATCH_WRITE | CLOSED | LEFT) for the loop to carry out before it polls again.
        """
        cdef epoll_event event
        _room_for(self, len(ready))
        for fd, events in ready:
            event.data.fd = fd
            event.events = events
            _sort(self, &event)
        with nogil:
            _take_due(self)
            _round(self)
        return self._after_round()

    def poll(self, int epoll, int milliseconds):
        """Serves what an epoll descriptor tells of until something needs Python; returns as serve does.

        That is: a foreign descriptor or a notice, a control command that has run, a signal, or `milliseconds` have
        passed. Until then it waits and works, the moment between two rounds included, in one section without the
        GIL. With a return to Python each round, at 50 clients without pipeline, the interpreter (its code and data
        gone from the caches each time) took 9 % of the processor time.
        """
        cdef int64_t deadline = clock_mono_us(&self.s.clock) + milliseconds * <int64_t>1000, left = milliseconds
        cdef int n, i
        cdef bint at_once = False, skipped = False
        cdef size_t carried
        self.entered = False
        with nogil:
            while True:
                carried = self.count
                left = min(left, _between(self))
                if eviction_of(self.s).told:         # messages go out before they count as memory that is too much
                    eviction_of(self.s).told = False
                    at_once = at_once or (self.count > carried and not skipped)
                _room_for(self, EVENTS)
                n = 0 if at_once else epoll_wait(epoll, self.events, EVENTS, <int>left if left > 0 else 0)
                for i in range(n):
                    _sort(self, &self.events[i])
                if self.count:
                    _round(self)
                left = (deadline - clock_mono_us(&self.s.clock) + 999) // 1000
                if n < 0 or left <= 0 or _needs_python(self):
                    break
                _carry_over(self)
                skipped = at_once
                at_once = self.s.due != NULL and not at_once     # a message for them: every other round at most
        return self._after_round()

    cdef void _call_on_log_client(self, int level, const char* text, Conn* c) noexcept:
        try:
            if self.on_log_client is not None:
                self.on_log_client(level, text.decode(), client_new(self, self.s, c, self.names))
        except Exception as error:
            if self.on_failure is not None:
                self.on_failure("writing to the log", error)

    cdef void _call_on_busy(self) noexcept:
        try:
            if self.on_busy is not None:
                self.on_busy()
            else:
                self.serve_others([])
        except Exception as error:
            if self.on_failure is not None:
                self.on_failure("serving others during a script", error)

    def serve_others(self, list ready):
        """As serve, but from within a command that takes long (on_busy): the foreign items of `ready`."""
        cdef Conn* c
        cdef Conn* busy = self.s.current         # NULL while the data is read at the start
        cdef size_t n = 0, i
        cdef list foreign = []
        cdef Conn** conns = <Conn**>calloc(self.count + len(ready) + 1, sizeof(void*))
        if self.other_batch == NULL:
            self.other_batch = <Batch*>calloc(1, sizeof(Batch))
        if conns == NULL or self.other_batch == NULL:
            raise MemoryError
        for i in range(self.count):              # of the round under way: some may not have been read from yet
            if self.ready[i] != busy and not self.ready[i].flags & CONN_GONE:
                conns[n] = self.ready[i]
                n += 1
        for fd, events in ready:
            c = self.s.by_fd[<size_t>fd] if <size_t>fd < self.s.fds else NULL
            if c == NULL:
                foreign.append((fd, events))
                continue
            c.events |= <uint32_t>events
            if c != busy and not c.flags & (CONN_LISTED | CONN_GONE):
                conns[n] = c
                n += 1
        with nogil:
            _serve_meanwhile(self, conns, n)
        free(conns)
        return foreign

    cdef _after_round(self):
        """The notices of the round, None if there are none (nearly always)."""
        cdef size_t i
        cdef list notices = None, foreign = None
        if self.foreign_count:
            foreign = [(self.foreign[i].fd, self.foreign[i].events) for i in range(self.foreign_count)]
            self.foreign_count = 0
        if self.watch_changes:
            notices = []
            for i in range(self.count):
                self._write_notice(self.ready[i], notices)
            self.watch_changes = 0
        _carry_over(self)
        if self.s.gone:
            notices = self._sweep([] if notices is None else notices)
        return None if foreign is None and notices is None else (foreign or (), notices or ())

    cdef _write_notice(self, Conn* c, list notices):
        """Adds the notice that is due when the wish to be told of writability has changed."""
        if _watch_changed(c):
            c.flags ^= CONN_WATCHED
            notices.append((c.fd, WATCH_WRITE if c.flags & CONN_WATCHED else UNWATCH_WRITE))

    cdef list _sweep(self, list notices):
        """Frees the connections that are gone and tells the loop to close their descriptors."""
        cdef Conn* c = self.s.first
        cdef Conn* next
        _take_due(self)
        _carry_over(self)
        while c != NULL:
            next = c.next
            if c.flags & CONN_GONE and not c.flags & CONN_FAKE:
                notices.append((c.fd, LEFT if c.flags & CONN_RELAYED else CLOSED))
                self.s.by_fd[c.fd] = self.s.relayed[c.fd] = NULL
                conn_free(self.s, c)
            c = next
        self.s.gone = 0
        return notices

    # ------------------------------------------------------------ between rounds

    def before_sleep(self):
        """Work to do before the loop polls again; milliseconds until it wants to be called anyhow."""
        cdef int64_t wait
        with nogil:
            wait = _between(self)
        return wait

    def sweep(self):
        """The notices that no serve has delivered yet: connections closed by a timeout, or while data are read at
        the start. None while a command is under way, which may hold on to a connection."""
        return self._sweep([]) if self.s.gone and self.s.current == NULL else []

    def check_clients(self, int64_t seconds):
        """Closes connections without a request for so long (0: none), and who is over an output limit: its soft one for too
        long, or one that was lowered; takes back room that those at rest do not need."""
        cdef Conn* c = self.s.first
        cdef int64_t now = clock_unix_ms(&self.s.clock)
        while c != NULL:
            if c.soft_since_ms != 0 or c.out.memory > self.s.output_floor:
                output_check(self.s, c)
            if now - c.active_ms > AT_REST_MS:
                conn_shrink_input(self.s, c)
                if self.s.clients_limit:
                    weights_note(self.s, c)
            if seconds and c.subscriptions == NULL and not c.flags & NEVER_IDLE and now - c.active_ms > seconds * 1000:
                self.on_log(LOG_VERBOSE, "Closing idle client")
                conn_close(self.s, c)
            c = c.next

    # ------------------------------------------------------------ control commands

    cdef Status _control(self, Ctx* c) noexcept:
        self.entered = True
        cdef list argv = [PyBytes_FromStringAndSize(c.argv[i].ptr, c.argv[i].len) for i in range(c.argc)]
        cdef OutBlock* tail = c.out.tail
        cdef size_t used = tail.used if tail != NULL else 0, pending = c.out.pending
        cdef Client client = client_new(self, self.s, c.conn, self.names), outer = self.running
        cdef bytes text
        client.request = argv
        self.running = client
        try:
            self.encoder.encode(c.out, self.handlers[c.cmd.index](self.context, client, argv))
            return OK
        except self.reply_error as error:
            text = error.text.encode("utf-8", "surrogateescape")
        except Exception as error:
            if self.on_failure is not None:
                self.on_failure(self.names[c.cmd.index], error)
            text = f"ERR internal error in '{self.names[c.cmd.index]}': {type(error).__name__}".encode()
        finally:
            client.request = None
            self.running = outer
        out_truncate(c.out, tail, used, pending)
        dispatch_error(c, text, len(text))
        return REPLIED_ERROR

    # ------------------------------------------------------------ scripts

    def load_lua(self, bytes path):
        """Takes Lua 5.1 from the shared library at `path`; False if it is none. Until then there are no scripts."""
        return bool(scripting_load(scripting_of(self.s), path))

    @property
    def busy(self):
        """The text of the error that others get while a script runs for too long, or None."""
        return self.s.busy_text.decode() if self.s.gates & GATE_BUSY else None

    def end_scripts(self):
        """The script under way ends, whatever it did: the server shuts down."""
        script_end(self.s)

    def scripts(self):
        """Figures, as a dict: scripts and functions kept, their bytes, those that gave way, the interpreters' bytes."""
        cdef Libraries* x = libraries_of(self.s)
        cdef ScriptCache* cache = script_cache_of(self.s)
        return {"scripts": cache.scripts.used, "script_bytes": cache.bytes + dict_bytes(&cache.scripts),
                "evicted": cache.evicted, "eval_vm": vm_memory(cache.vm),
                "functions": x.functions.used, "libraries": x.libraries.used, "function_bytes": x.bytes,
                "function_vm": vm_memory(x.vm)}

    # ------------------------------------------------------------ settings

    def set_memory_limit(self, uint64_t n):
        """maxmemory in bytes; 0: no limit."""
        self.s.memory_limit = n
        eviction_of(self.s).unfinished = True
        self.s.gates = self.s.gates | GATE_MEMORY if n else self.s.gates & ~<uint32_t>GATE_MEMORY

    def set_policy(self, bint lfu, int log_factor, int decay_time):
        """What an access stamp means. Stamps of the other kind are not converted, as in Redis."""
        self.s.ks.policy = ACCESS_LFU if lfu else ACCESS_LRU
        self.s.ks.lfu_log_factor = log_factor
        self.s.ks.lfu_decay_time = decay_time
        keyspace_set_clock(self.s.ks, clock_unix_ms(&self.s.clock))

    def set_auth_required(self, bint required):
        """Whether who has not authenticated must, before anything else. Who was let in without stays in."""
        cdef Conn* c = self.s.first
        self.s.auth_required = required
        while c != NULL:
            if required and not c.flags & CONN_AUTHENTICATED:
                c.gates |= GATE_AUTH
            else:
                c.gates &= ~<uint32_t>GATE_AUTH
            c = c.next

    def set_active_expire(self, bint on, int effort):
        """`effort` 1 to 10, as active-expire-effort; off for DEBUG SET-ACTIVE-EXPIRE 0."""
        self.s.ks.active_expire = on
        self.expire_effort = effort

    @property
    def active_expire(self):
        return bool(self.s.ks.active_expire)

    def pause(self, int64_t until_ms, bint writes_only):
        """Holds commands (or only writes) until a unix time; a pause under way is lengthened, never shortened."""
        if self.s.gates & GATE_PAUSE:
            writes_only = writes_only and self.s.pause_writes_only
            until_ms = max(until_ms, self.s.pause_until_ms)
        self.s.pause_until_ms = until_ms
        self.s.pause_writes_only = writes_only
        self.s.gates |= GATE_PAUSE
        self.s.ks.keep_expired = True

    def unpause(self):
        _end_pause(self.s)

    @property
    def pause_state(self):
        """None, or (until unix ms, writes only)."""
        return (self.s.pause_until_ms, bool(self.s.pause_writes_only)) if self.s.gates & GATE_PAUSE else None

    # ------------------------------------------------------------ clients

    def clients(self):
        """All connections, oldest first."""
        cdef list found = []
        cdef Conn* c = self.s.first
        while c != NULL:
            if not c.flags & CONN_GONE:
                found.append(self.running if self.running is not None and c.id == self.running.id
                             else client_new(self, self.s, c, self.names))
            c = c.next
        return found

    @property
    def connected(self):
        return self.s.connected

    def blocked(self):
        """How many connections wait for a key or the end of a pause, how many of them for a limited time, and for
        how many keys."""
        cdef Blocking* b = blocking_of(self.s)
        cdef Conn* c = self.s.first if self.s.gates & GATE_PAUSE else NULL
        cdef size_t held = 0
        while c != NULL:
            held += (c.flags & CONN_HELD) != 0
            c = c.next
        return {"clients": b.clients + held, "with_deadline": b.heap_count, "keys": b.keys}

    def subscribed(self):
        """How many channels, patterns and shard channels there are, and how many connections subscribed to any."""
        cdef Channels* p = channels_of(self.s)
        return {"channels": p.of_kind[<int>CHANNEL_PLAIN].used, "patterns": p.of_kind[<int>CHANNEL_PATTERN].used,
                "shard_channels": p.of_kind[<int>CHANNEL_SHARD].used, "clients": p.clients}

    def watching(self):
        """How many connections watch keys, and how many keys are watched."""
        cdef Watching* w = watching_of(self.s)
        return {"clients": w.clients, "keys": w.count}

    # ------------------------------------------------------------ figures

    def now_ms(self):
        """Unix time by the core's clock, in ms."""
        return clock_unix_ms(&self.s.clock)

    def stats(self):
        """Counters since the start or reset_stats, as a dict."""
        cdef ServerStats* st = &self.s.stats
        cdef Clock* k = &self.s.clock
        return {
            "connections": st.connections, "rejected_connections": st.rejected_connections,
            "commands": st.commands, "bytes_in": st.bytes_in, "bytes_out": st.bytes_out, "reads": st.reads,
            "writes": st.writes, "errors": st.errors, "query_limit_closes": st.query_limit_closes,
            "output_limit_closes": st.output_limit_closes, "evicted_clients": st.evicted_clients, "loops": st.loops,
            "loop_us": clock_ticks_to_us(k, st.loop_ticks), "nested_us": clock_ticks_to_us(k, st.nested_ticks),
            "hits": self.s.ks.stats.hits, "misses": self.s.ks.stats.misses, "expired": self.s.ks.stats.expired,
            "expired_fields": self.s.ks.stats.expired_fields, "evicted": self.s.ks.stats.evicted,
            "lazy_freed": self.s.ks.stats.lazy_freed, "stale_percent": self.s.ks.stats.stale_percent,
            "time_cap_reached": self.s.ks.stats.time_cap_reached, "expire_us": self.s.ks.stats.expire_us,
            "dirty": self.s.ks.fx.dirty, "lazy_pending": _pending(self.s),
        }

    def count_rejected(self):
        """One more connection refused (maxclients, protected mode)."""
        self.s.stats.rejected_connections += 1

    def reset_stats(self):
        cdef int i
        memset(&self.s.stats, 0, sizeof(self.s.stats))
        memset(&self.s.ks.stats, 0, sizeof(self.s.ks.stats))
        memset(self.s.errors, 0, sizeof(self.s.errors))
        self.s.error_kinds = 0
        for i in range(self.s.table.count):
            command_reset_stats(self.s.table.commands[i], self.s.mem)

    def memory(self):
        """Bytes, as a dict: used, peak, slabs (resident for data), large, tables, entries, clients."""
        cdef Conn* c = self.s.first
        cdef size_t clients = 0
        while c != NULL:
            if not c.flags & CONN_GONE:          # as in CLIENT LIST
                clients += conn_memory(c)
            c = c.next
        return {"used": self.s.mem.used, "peak": max(self.s.mem.peak, self.s.mem.used),
                "slabs": self.s.mem.slab_bytes, "large": self.s.mem.large_bytes, "clients": clients,
                "resident": self.s.mem.slab_bytes + self.s.mem.large_bytes + self.s.mem.spare_resident * 65536}

    def purge(self):
        """Gives spare memory back to the system; bytes."""
        return arena_trim(self.s.mem)

    def databases(self):
        """[(id, keys, keys with an expiry, average TTL in ms, bytes of tables, hashes with timed fields)] of all."""
        cdef int i
        return [(i, self.s.ks.dbs[i].keys.used, self.s.ks.dbs[i].expires.used, <int64_t>self.s.ks.dbs[i].average_ttl,
                 dict_bytes(&self.s.ks.dbs[i].keys) + dict_bytes(&self.s.ks.dbs[i].expires)
                 + dict_bytes(&self.s.ks.dbs[i].timed), self.s.ks.dbs[i].timed.used)
                for i in range(self.s.ks.count)]

    def key_info(self, int db, bytes name, bint expired=False, size_t samples=5):
        """What DEBUG OBJECT and MEMORY USAGE tell of a key, as a dict; None if there is none. `expired`: one that
        has expired is there as long as it has not been removed. `samples`: elements of a collection that are
        weighed for all; 0: each of them."""
        cdef Key key = keyspace_key(self.s.ks, slice_of(name, len(name)))
        cdef Entry* e = keyspace_find(&self.s.ks.dbs[db], key)
        if e == NULL or (entry_is_over(e, self.s.ks.due_ms) and not expired):
            return None
        return {"address": <uint64_t>e, "type": type_name(entry_type(e)).decode(),
                "encoding": encoding_name(entry_encoding(e)).decode(), "expiry": entry_expiry(e),
                "access": entry_access(e), "idle_ms": keyspace_idle_ms(self.s.ks, e),
                "memory": keyspace_memory(self.s.ks, e, samples),
                "length": string_length(e) if entry_type(e) == T_STRING else 0}

    def command_stats(self):
        """[(name, calls, microseconds, rejected, failed)] of the commands that were asked for."""
        cdef Command* c
        cdef int i
        cdef list rows = []
        for i in range(self.s.table.count):
            c = self.s.table.commands[i]
            if c.calls or c.rejected:
                rows.append((self.names[i], c.calls, clock_ticks_to_us(&self.s.clock, c.ticks), c.rejected, c.failed))
        return rows

    def latency_percentiles(self, list percentiles):
        """[(name, [microseconds, ...])] of the commands that were timed."""
        cdef Command* c
        cdef int i
        return [(self.names[i], _percentiles(self.s, self.s.table.commands[i], percentiles))
                for i in range(self.s.table.count) if self.s.table.commands[i].histogram != NULL]

    def error_stats(self):
        """[(code, count)] of the errors replied, in the order of their first appearance."""
        cdef int i
        return [(self.s.errors[i].code.decode("utf-8", "replace"), self.s.errors[i].count)
                for i in range(self.s.error_kinds)]

    def command_name(self, int index):
        return self.names[index]


# ---------------------------------------------------------------- helpers

cdef void _drain(void* server) noexcept nogil:
    dispatch_drain(<Server*>server)


cdef void _end_pause(Server* s) noexcept nogil:
    """Lifts CLIENT PAUSE; what was held goes on at the next round."""
    cdef Conn* c = s.first
    s.gates &= ~<uint32_t>GATE_PAUSE
    s.ks.keep_expired = False
    while c != NULL:
        if c.flags & CONN_HELD:
            c.flags &= ~<uint32_t>CONN_HELD
            conn_due(s, c)
        c = c.next


cdef int _room_for_fd(Server* s, size_t fd) except -1:
    """Room for this descriptor in by_fd and in relayed."""
    cdef size_t room = s.fds
    while fd >= room:
        room = room * 2 if room else 1024
    if room == s.fds:
        return 0
    s.by_fd = <Conn**>realloc(s.by_fd, room * sizeof(void*))
    s.relayed = <Conn**>realloc(s.relayed, room * sizeof(void*))
    if s.by_fd == NULL or s.relayed == NULL:
        fatal_oom(room * sizeof(void*))
    memset(s.by_fd + s.fds, 0, (room - s.fds) * sizeof(void*))
    memset(s.relayed + s.fds, 0, (room - s.fds) * sizeof(void*))
    s.fds = room
    return 0


cdef size_t _pending(Server* s):
    return keyspace_buried(s.ks)


cdef list _percentiles(Server* s, Command* c, list percentiles):
    """Upper bounds of the histogram steps in which the percentiles fall, in microseconds."""
    cdef uint64_t total = 0, seen = 0
    cdef int place = 0, i
    cdef list found = []
    for i in range(HISTOGRAM_SIZE):
        total += c.histogram[i]
    for p in percentiles:
        while place < HISTOGRAM_SIZE and seen + c.histogram[place] < total * p / 100.0:
            seen += c.histogram[place]
            place += 1
        found.append(histogram_floor(place + 1) / s.clock.ticks_per_us)
    return found


# ---------------------------------------------------------------- bits of Client.flags

FLAG_BLOCKED = <int>CONN_BLOCKED
FLAG_DENY_BLOCKING = <int>CONN_DENY_BLOCKING
FLAG_MULTI = <int>CONN_MULTI
FLAG_DIRTY_CAS = <int>CONN_DIRTY_CAS
FLAG_CLOSING = <int>CONN_CLOSE_AFTER_REPLY
FLAG_CLOSING_NOW = <int>CONN_CLOSE_ASAP
FLAG_REPLY_OFF = <int>CONN_REPLY_OFF
FLAG_REPLY_SKIP = <int>CONN_REPLY_SKIP
FLAG_REPLY_SKIP_NEXT = <int>CONN_REPLY_SKIP_NEXT
FLAG_NO_EVICT = <int>CONN_NO_EVICT
FLAG_NO_TOUCH = <int>CONN_NO_TOUCH
FLAG_UNIX = <int>CONN_UNIX
FLAG_MONITOR = <int>CONN_MONITOR
FLAG_IMPORT_SOURCE = <int>CONN_IMPORT_SOURCE
FLAG_CAPA_REDIRECT = <int>CONN_CAPA_REDIRECT
FLAG_TRACKING = <int>CONN_TRACKING
TRACK_BCAST = <int>TRACKING_BCAST
TRACK_OPTIN = <int>TRACKING_OPTIN
TRACK_OPTOUT = <int>TRACKING_OPTOUT
TRACK_NOLOOP = <int>TRACKING_NOLOOP
TRACK_CACHING = <int>TRACKING_CACHING
TRACK_BROKEN = <int>TRACKING_BROKEN
