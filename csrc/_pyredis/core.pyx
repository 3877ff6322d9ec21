"""core -- the face to Python: what the control plane sees of the compiled server.

Core.serve(ready) takes what the poller returned and does all there is to do for those connections in one
section without the GIL. Python is entered only for control commands (CONFIG, CLIENT, INFO ...), whose handlers
get the context object, a Client and the arguments, and whose result is encoded as the reply.

The loop owns the descriptors: it hands them over (add), is told what to watch and what to close (the notices
of serve), and closes them. Everything else of a connection lives here.

Python never holds a pointer into the keyspace: a Client is a descriptor and an id, looked up at each use.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from _pyredis.base.clock cimport clock_init, clock_mono_us, clock_refine, clock_ticks, clock_ticks_to_us, clock_unix_ms
from _pyredis.base.mem cimport arena_free, arena_new, arena_trim, mem_footprint
from _pyredis.base.rand cimport rand_fill
from _pyredis.base.slice cimport slice_of
from _pyredis.base.status cimport OK, REPLIED_ERROR
from _pyredis.cmd.ctx cimport *
from _pyredis.cmd.connection cimport bind_connection
from _pyredis.cmd.dispatch cimport dispatch_drain, dispatch_error
from _pyredis.cmd.table cimport (HISTOGRAM_SIZE, command_reset_stats, histogram_floor, table_add, table_find, table_free,
                                 table_init, table_sub)
from _pyredis.conn cimport (conn_close, conn_end_after_reply, conn_free, conn_new, conn_receive, conn_resume, conn_send,
                            conn_set_text, conns_run)
from _pyredis.db.keyspace cimport (ACCESS_LFU, ACCESS_LRU, Db, keyspace_find, keyspace_free, keyspace_memory,
                                   keyspace_new, keyspace_reap, keyspace_set_clock)
from _pyredis.db.string_type cimport string_ops
from _pyredis.db.value cimport T_STRING, Entry, encoding_name, entry_access, entry_encoding, entry_expiry, entry_type
from _pyredis.wire.block cimport block_pool_free, block_pool_init
from _pyredis.wire.parser cimport args_free
from _pyredis.wire.reply cimport out_truncate, OutBlock

cdef enum:
    ROUND = 64                     # connections received from before any of their requests runs
    IDLE_BLOCKS = 256
    EVENT_IN = 1                   # of epoll, and of the loop's other pollers alike
    EVENT_OUT = 4
    REAP_STEP = 2000               # buried entries freed between two rounds
    EXPIRE_BUDGET_US = 1000

# What a notice says about a descriptor.
WATCH_WRITE = 1
UNWATCH_WRITE = 2
CLOSED = 3


cdef Status _control(Ctx* c) noexcept nogil:
    with gil:
        return (<Core>c.server.owner)._control(c)


cdef void _log(Server* s, int level, const char* text) noexcept nogil:
    with gil:
        (<Core>s.owner).on_log(level, text.decode("utf-8", "replace"))


cdef bytes _bytes(Text t):
    return PyBytes_FromStringAndSize(t.ptr, t.len) if t.len else b""


cdef void _serve(Core core, Ready* ready, size_t n) noexcept nogil:
    """One round: receive from all, run all, send to all."""
    cdef Server* s = core.s
    cdef size_t i, count = 0
    cdef Conn* c
    for i in range(n):
        c = ready[i].conn
        if ready[i].events & ~EVENT_OUT and not c.flags & CONN_GONE:
            conn_receive(s, c)
        core.conns[count] = c
        count += 1
    conns_run(s, core.batch, core.conns, count)
    for i in range(count):
        c = core.conns[i]
        if c.flags & CONN_GONE:
            continue
        if c.out.pending or c.flags & CONN_CLOSE_AFTER_REPLY:
            conn_send(s, c)


cdef class Core:
    """The data and the connections of one server. `types` is the module with the reply types."""

    def __cinit__(self, rows, types, handlers, *, int databases=16, bytes seed=None):
        """`rows`: of CommandTable.core_rows(); `handlers`: name -> callable for those without a function here."""
        cdef uint64_t[2] key
        self.s = <Server*>calloc(1, sizeof(Server))
        self.batch = <Batch*>calloc(1, sizeof(Batch))
        if self.s == NULL or self.batch == NULL:
            raise MemoryError
        if seed is None:
            if not rand_fill(key, 16):
                raise OSError("no random numbers from the system")
        else:
            key[0], key[1] = int.from_bytes(seed[:8], "little"), int.from_bytes(seed[8:16], "little")
        self.s.mem = arena_new()
        self.s.ks = keyspace_new(self.s.mem, databases, key)
        self.s.ks.ops[<int>T_STRING] = string_ops()
        clock_init(&self.s.clock)
        keyspace_set_clock(self.s.ks, clock_unix_ms(&self.s.clock))
        block_pool_init(&self.s.blocks, self.s.mem, IDLE_BLOCKS)
        table_init(&self.s.table, self.s.mem)
        self.s.control = _control
        self.s.log = _log
        self.s.owner = <void*>self
        self.s.limits.bulk = 512 << 20
        self.s.limits.line = 64 << 10
        self.s.query_limit = 1 << 30
        self.s.output_floor = <size_t>-1
        self.expire_effort = 1
        self.encoder = Encoder(types)
        self.reply_error = types.ReplyError
        self.on_log = lambda level, text: None
        self.on_failure = None
        self._fill_table(rows, handlers)

    def __dealloc__(self):
        if self.s == NULL:
            return
        while self.s.first != NULL:
            conn_free(self.s, self.s.first)
        args_free(&self.batch.args, self.s.mem)
        table_free(&self.s.table)
        keyspace_free(self.s.ks)
        block_pool_free(&self.s.blocks)
        arena_free(self.s.mem)
        free(self.s)
        free(self.batch)
        free(self.by_fd)
        free(self.ready)
        free(self.conns)

    def _fill_table(self, rows, handlers):
        """Joins specs and functions by name; a name on one side only is an error."""
        cdef Command* parent
        cdef Command* c
        cdef int i
        for name, container, arity, flags, categories, first, last, step, _ in rows:
            parent = NULL
            if container is not None:
                parent = table_find(&self.s.table, slice_of(container, len(container)))
                if parent == NULL:
                    raise ValueError(f"{name!r} has no container {container!r}")
            table_add(&self.s.table, slice_of(name, len(name)), parent, arity, flags, categories, first, last, step)
        unbound = bind_all(&self.s.table)
        if unbound:
            raise ValueError(f"functions without a spec: {unbound}")
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

    # ------------------------------------------------------------ the loop's calls

    def add(self, int fd, bytes address, bytes local_address, bint unix_socket=False):
        """Takes over a connected, non-blocking socket; the loop still closes it when told to. The Client."""
        cdef Conn* c
        cdef size_t room = self.fds
        while <size_t>fd >= room:
            room = room * 2 if room else 1024
        if room != self.fds:
            self.by_fd = <Conn**>realloc(self.by_fd, room * sizeof(void*))
            if self.by_fd == NULL:
                raise MemoryError
            memset(self.by_fd + self.fds, 0, (room - self.fds) * sizeof(void*))
            self.fds = room
        keyspace_set_clock(self.s.ks, clock_unix_ms(&self.s.clock))
        c = conn_new(self.s, fd)
        if unix_socket:
            c.flags |= CONN_UNIX
        conn_set_text(self.s, &c.address, address, len(address))
        conn_set_text(self.s, &c.local_address, local_address, len(local_address))
        self.by_fd[fd] = c
        self.s.stats.connections += 1
        return _client(self, c)

    cdef void _make_ready_room(self, size_t n):
        if n <= self.ready_room:
            return
        self.ready = <Ready*>realloc(self.ready, n * 2 * sizeof(Ready))
        self.conns = <Conn**>realloc(self.conns, n * 2 * sizeof(void*))
        if self.ready == NULL or self.conns == NULL:
            raise MemoryError
        self.ready_room = n * 2

    def serve(self, list ready):
        """Serves the connections among `ready`, a list of (fd, events) with epoll's event bits.

        Returns None, or (foreign, notices): the items of `ready` that are no connection, and a list of
        (fd, WATCH_WRITE | UNWATCH_WRITE | CLOSED) for the loop to carry out before it polls again.
        """
        cdef size_t n = 0, i, part
        cdef Conn* c
        cdef int fd, events
        cdef list foreign = None, notices = None
        self._make_ready_room(len(ready) + 1)
        for item in ready:
            fd, events = <tuple>item
            c = self.by_fd[fd] if <size_t>fd < self.fds else NULL
            if c == NULL:
                foreign = [item] if foreign is None else foreign + [item]
            else:
                self.ready[n].conn = c
                self.ready[n].events = events
                n += 1
        with nogil:
            self.s.stats.loops += 1
            keyspace_set_clock(self.s.ks, clock_unix_ms(&self.s.clock))
            i = 0
            while i < n:
                part = n - i if n - i < ROUND else ROUND
                _serve(self, self.ready + i, part)
                i += part
        for i in range(n):
            c = self.ready[i].conn
            if bool(c.flags & CONN_WANTS_WRITE) != bool(c.flags & CONN_WATCHED):
                c.flags ^= CONN_WATCHED
                notices = [] if notices is None else notices
                notices.append((c.fd, WATCH_WRITE if c.flags & CONN_WATCHED else UNWATCH_WRITE))
        if self.s.resuming:
            notices = self._resume(notices)
        if self.s.gone:
            notices = self._sweep(notices)
        return None if foreign is None and notices is None else (foreign or (), notices or ())

    def _resume(self, list notices):
        """Runs what connections had to leave lying (after CLIENT UNPAUSE, say)."""
        cdef Conn* c = self.s.first
        cdef Conn* next
        while c != NULL:
            next = c.next
            if c.flags & CONN_RESUME:
                c.flags &= ~<uint32_t>CONN_RESUME
                self.s.resuming -= 1
                with nogil:
                    conns_run(self.s, self.batch, &c, 1)
                    if not c.flags & CONN_GONE and (c.out.pending or c.flags & CONN_CLOSE_AFTER_REPLY):
                        conn_send(self.s, c)
                if bool(c.flags & CONN_WANTS_WRITE) != bool(c.flags & CONN_WATCHED):
                    c.flags ^= CONN_WATCHED
                    notices = [] if notices is None else notices
                    notices.append((c.fd, WATCH_WRITE if c.flags & CONN_WATCHED else UNWATCH_WRITE))
            c = next
        return notices

    cdef list _sweep(self, list notices):
        """Frees the connections that are gone and tells the loop to close their descriptors."""
        cdef Conn* c = self.s.first
        cdef Conn* next
        notices = [] if notices is None else notices
        while c != NULL:
            next = c.next
            if c.flags & CONN_GONE and not c.flags & CONN_FAKE:
                notices.append((c.fd, CLOSED))
                self.by_fd[c.fd] = NULL
                conn_free(self.s, c)
            c = next
        self.s.gone = 0
        return notices
