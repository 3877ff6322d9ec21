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

from _pyredis.base.clock cimport clock_init, clock_unix_ms
from _pyredis.base.disk cimport disk_init
from _pyredis.base.mem cimport arena_free, arena_new, arena_trim
from _pyredis.base.rand cimport rand_fill
from _pyredis.base.slice cimport slice_of
from _pyredis.base.status cimport OK, REPLIED_ERROR
from _pyredis.client cimport Client, client_new
from _pyredis.cmd.ctx cimport (CONN_AUTHENTICATED, CONN_BLOCKED, CONN_CAPA_REDIRECT, CONN_CLOSE_AFTER_REPLY,
                               CONN_CLOSE_ASAP, CONN_DENY_BLOCKING, CONN_DIRTY_CAS, CONN_FAKE, CONN_GONE, CONN_HELD,
                               CONN_IMPORT_SOURCE, CONN_LISTED, CONN_MONITOR, CONN_MULTI, CONN_NO_EVICT, CONN_NO_TOUCH,
                               CONN_RELAYED, CONN_REPLY_OFF, CONN_REPLY_SKIP, CONN_REPLY_SKIP_NEXT, CONN_TRACKING,
                               CONN_UNIX, CONN_WATCHED, GATE_AUTH, GATE_BUSY, GATE_MEMORY, GATE_PAUSE, LOG_VERBOSE,
                               Command, Conn, Ctx, Server, conn_close, text_set)
from _pyredis.cmd.acl cimport access_free, access_new
from _pyredis.cmd.aof cimport aof_free
from _pyredis.cmd.blocking cimport blocking_free, blocking_new
from _pyredis.cmd.channels cimport channels_free, channels_new
from _pyredis.cmd.command_log cimport command_logs_free, command_logs_new
from _pyredis.cmd.dispatch cimport dispatch_error
from _pyredis.cmd.eviction cimport eviction_free, eviction_new, eviction_of
from _pyredis.cmd.families cimport bind_families
from _pyredis.cmd.functions cimport libraries_free, libraries_new, libraries_of
from _pyredis.cmd.latency cimport latency_free, latency_new
from _pyredis.cmd.script_run cimport script_end, scripting_free, scripting_load, scripting_new, scripting_of
from _pyredis.cmd.scripting cimport script_cache_free, script_cache_new, script_cache_of
from _pyredis.cmd.notify cimport notify_bind
from _pyredis.cmd.output cimport output_check
from _pyredis.cmd.propagate cimport propagation_free, propagation_new
from _pyredis.cmd.table cimport table_find, table_free, table_init, table_rename
from _pyredis.cmd.tracking cimport (TRACK_BCAST as TRACKING_BCAST, TRACK_BROKEN as TRACKING_BROKEN,
                                    TRACK_CACHING as TRACKING_CACHING, TRACK_NOLOOP as TRACKING_NOLOOP,
                                    TRACK_OPTIN as TRACKING_OPTIN, TRACK_OPTOUT as TRACKING_OPTOUT, tracking_free,
                                    tracking_new)
from _pyredis.cmd.watch cimport watching_free, watching_new
from _pyredis.cmd.weights cimport weights_free, weights_new, weights_note, weights_of
from _pyredis.conn cimport Batch, conn_free, conn_memory, conn_new, conn_shrink_input
from _pyredis.db.keyspace cimport ACCESS_LFU, ACCESS_LRU, keyspace_free, keyspace_new, keyspace_set_clock
from _pyredis.db.types cimport types_bind
from _pyredis.rounds cimport (Rounds, rounds_between, rounds_carry_over, rounds_end_pause, rounds_free, rounds_init,
                              rounds_meanwhile, rounds_poll, rounds_room, rounds_serve, rounds_sort, rounds_take_due,
                              rounds_watch_changed)
from _pyredis.rows cimport fill_table, keys_in
from _pyredis.wire.block cimport block_pool_free, block_pool_init
from _pyredis.wire.reply cimport out_truncate, OutBlock

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef enum:
    IDLE_BLOCKS = 256
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


cdef class Core:
    """The data and the connections of one server. `types` is the module with the reply types."""

    def __cinit__(self, rows, types, handlers, *, int databases=16, bytes seed=None):
        """`rows`: of CommandTable.core_rows(); `handlers`: name -> callable for those without a function here."""
        cdef uint64_t[2] key
        self.s = <Server*>calloc(1, sizeof(Server))
        if self.s == NULL:
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
        if not rounds_init(&self.rounds, self.s):
            raise MemoryError
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
        rounds_free(&self.rounds)
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
        table_free(&self.s.table)
        keyspace_free(self.s.ks)
        block_pool_free(&self.s.blocks)
        arena_free(self.s.mem)
        free(self.s.by_fd)
        free(self.s.relayed)
        free(self.s)

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
        rounds_room(&self.rounds, len(ready))
        for fd, events in ready:
            rounds_sort(&self.rounds, fd, events)
        with nogil:
            rounds_serve(&self.rounds)
        return self._after_round()

    def poll(self, int epoll, int milliseconds):
        """Serves what an epoll descriptor tells of until something needs Python; returns as serve does.

        That is: a foreign descriptor or a notice, a control command that has run, a signal, or `milliseconds` have
        passed. Until then it waits and works, the moment between two rounds included, in one section without the
        GIL. With a return to Python each round, at 50 clients without pipeline, the interpreter (its code and data
        gone from the caches each time) took 9 % of the processor time.
        """
        with nogil:
            rounds_poll(&self.rounds, epoll, milliseconds)
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
        cdef Rounds* r = &self.rounds
        cdef Conn* c
        cdef Conn* busy = self.s.current         # NULL while the data is read at the start
        cdef size_t n = 0, i
        cdef list foreign = []
        cdef Conn** conns = <Conn**>calloc(r.count + len(ready) + 1, sizeof(void*))
        if r.other_batch == NULL:
            r.other_batch = <Batch*>calloc(1, sizeof(Batch))
        if conns == NULL or r.other_batch == NULL:
            raise MemoryError
        for i in range(r.count):                 # of the round under way: some may not have been read from yet
            if r.ready[i] != busy and not r.ready[i].flags & CONN_GONE:
                conns[n] = r.ready[i]
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
            rounds_meanwhile(r, conns, n)
        free(conns)
        return foreign

    cdef _after_round(self):
        """The notices of the round, None if there are none (nearly always)."""
        cdef Rounds* r = &self.rounds
        cdef size_t i
        cdef list notices = None, foreign = None
        if r.foreign_count:
            foreign = [(r.foreign[i].fd, r.foreign[i].events) for i in range(r.foreign_count)]
            r.foreign_count = 0
        if r.watch_changes:
            notices = []
            for i in range(r.count):
                self._write_notice(r.ready[i], notices)
            r.watch_changes = 0
        rounds_carry_over(r)
        if self.s.gone:
            notices = self._sweep([] if notices is None else notices)
        return None if foreign is None and notices is None else (foreign or (), notices or ())

    cdef _write_notice(self, Conn* c, list notices):
        """Adds the notice that is due when the wish to be told of writability has changed."""
        if rounds_watch_changed(c):
            c.flags ^= CONN_WATCHED
            notices.append((c.fd, WATCH_WRITE if c.flags & CONN_WATCHED else UNWATCH_WRITE))

    cdef list _sweep(self, list notices):
        """Frees the connections that are gone and tells the loop to close their descriptors."""
        cdef Conn* c = self.s.first
        cdef Conn* next
        rounds_take_due(&self.rounds)
        rounds_carry_over(&self.rounds)
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
            wait = rounds_between(&self.rounds)
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
        self.rounds.entered = True
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
        self.rounds.expire_effort = effort

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
        rounds_end_pause(self.s)

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

    # ------------------------------------------------------------ the clock, and memory to spare

    def now_ms(self):
        """Unix time by the core's clock, in ms."""
        return clock_unix_ms(&self.s.clock)

    def count_rejected(self):
        """One more connection refused (maxclients, protected mode)."""
        self.s.stats.rejected_connections += 1

    def purge(self):
        """Gives spare memory back to the system; bytes."""
        return arena_trim(self.s.mem)

    def command_name(self, int index):
        return self.names[index]


# ---------------------------------------------------------------- helpers

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
