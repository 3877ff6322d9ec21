"""client -- one connection, as control commands see it.

A Client is a descriptor and an id, looked up at each use: Python may keep it for as long as it likes and never
holds a pointer to a connection that has ended. It keeps the core alive.
"""
from collections import namedtuple

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t

from _pyredis.base.clock cimport clock_unix_ms
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.acl cimport User, acl_become, acl_find
from _pyredis.cmd.blocking cimport Waiter, blocking_release
from _pyredis.cmd.channels cimport CHANNEL_PATTERN, CHANNEL_PLAIN, CHANNEL_SHARD, channels_held, channels_set_gate
from _pyredis.cmd.ctx cimport (CONN_AUTHENTICATED, CONN_BLOCKED, CONN_GONE, CONN_HELD, CONN_MULTI, CONN_TRACKING,
                               CONN_UNIX, CONN_WATCHED, GATE_AUTH, GATE_PAUSE, Conn, Server, Text, conn_close,
                               text_set)
from _pyredis.cmd.dispatch cimport dispatch_count_error
from _pyredis.cmd.queue cimport transaction_of
from _pyredis.cmd.tracking cimport (TRACK_CACHING, Tracker, Tracking, tracker_of, tracking_add_prefix,
                                    tracking_has_prefix, tracking_of, tracking_start, tracking_stop)
from _pyredis.conn cimport conn_end_after_reply, conn_find, conn_memory
from _pyredis.wire.reply cimport out_waiting

LOOPBACK = (b"127.0.0.1:", b"[::1]:", b"[::ffff:127.0.0.1]:")


cdef bytes _bytes(Text t):
    return PyBytes_FromStringAndSize(t.ptr, t.len) if t.len else b""


cdef size_t _request_size(list request) except? 0:
    """Bytes of a request in the input, were it sent as an array (one that was sent inline is shorter)."""
    if not request:
        return 0
    return len(b"*%d\r\n" % len(request)) + sum([len(b"$%d\r\n\r\n" % len(arg)) + len(arg) for arg in request])


cdef size_t _waiting_size(const Conn* c) noexcept nogil:
    """Bytes of the words of a command that waits."""
    cdef const Waiter* w = <const Waiter*>c.waiter
    cdef size_t n = 0
    cdef int i
    if w != NULL:
        for i in range(w.argc):
            n += w.argv[i].len
    return n


cdef Client client_new(object core, Server* s, Conn* c, list names):
    """`names`: of the commands, by index."""
    cdef Client client = Client.__new__(Client)
    client.core = core
    client.s = s
    client.names = names
    client.fd = c.fd
    client.id = c.id
    return client


Tracks = namedtuple("Tracks", "redirect options prefixes")


cdef _tracks(Server* s, Tracker* t):
    cdef Tracking* tracking = tracking_of(s)
    cdef size_t i
    cdef list prefixes = []
    for i in range(tracking.prefix_count):
        if tracking_has_prefix(tracking.prefixes[i], t):
            prefixes.append(tracking.prefixes[i].text.ptr[:tracking.prefixes[i].text.len])
    return Tracks(t.redirect, t.options, sorted(prefixes))


cdef class Client:
    """A connection, as control commands see it. Using it after its end raises LookupError."""

    cdef Conn* _conn(self) except NULL:
        cdef Conn* c = conn_find(self.s, self.fd, self.id)
        if c == NULL:
            raise LookupError(f"client {self.id} is gone")
        return c

    @property
    def alive(self):
        cdef Conn* c = conn_find(self.s, self.fd, self.id)
        return c != NULL and not c.flags & CONN_GONE

    @property
    def name(self):
        return _bytes(self._conn().name)

    @name.setter
    def name(self, bytes value):
        text_set(self.s, &self._conn().name, value, len(value))

    @property
    def lib_name(self):
        return _bytes(self._conn().lib_name)

    @lib_name.setter
    def lib_name(self, bytes value):
        text_set(self.s, &self._conn().lib_name, value, len(value))

    @property
    def lib_version(self):
        return _bytes(self._conn().lib_version)

    @lib_version.setter
    def lib_version(self, bytes value):
        text_set(self.s, &self._conn().lib_version, value, len(value))

    @property
    def address(self):
        return _bytes(self._conn().address)

    @property
    def local_address(self):
        return _bytes(self._conn().local_address)

    @property
    def is_local(self):
        """Is the client on this machine: on the loopback interface, on the unix socket, or of this process?"""
        cdef Conn* c = self._conn()
        return bool(c.flags & CONN_UNIX) or not c.address.len or _bytes(c.address).startswith(LOOPBACK)

    @property
    def db(self):
        return self._conn().db.id

    @property
    def proto(self):
        """2 or 3."""
        return self._conn().out.proto

    @proto.setter
    def proto(self, int version):
        cdef Conn* c = self._conn()
        c.out.proto = version
        channels_set_gate(c)

    @property
    def subscriptions(self):
        """How many channels, patterns and shard channels it subscribed to."""
        cdef Conn* c = self._conn()
        return (channels_held(c, CHANNEL_PLAIN), channels_held(c, CHANNEL_PATTERN), channels_held(c, CHANNEL_SHARD))

    @property
    def flags(self):
        """The bits of ConnFlag; FLAG_* name those that the control plane reads or sets. Who waits for the end of
        CLIENT PAUSE counts as blocked."""
        cdef uint32_t flags = self._conn().flags
        return flags | CONN_BLOCKED if flags & CONN_HELD and self.s.gates & GATE_PAUSE else flags

    def set_flag(self, uint32_t flag, bint on):
        cdef Conn* c = self._conn()
        c.flags = c.flags | flag if on else c.flags & ~flag

    @property
    def authenticated(self):
        """May it run commands: has it authenticated, or need it not?"""
        return not self._conn().gates & GATE_AUTH

    def authenticate(self, bytes user):
        """From now on it is this user's, and may run commands. KeyError: there is no such user."""
        cdef Conn* c = self._conn()
        cdef User* u = acl_find(self.s, slice_of(user, len(user)))
        if u == NULL:
            raise KeyError(user)
        c.flags |= CONN_AUTHENTICATED
        c.gates &= ~<uint32_t>GATE_AUTH
        acl_become(c, u)

    @property
    def user(self):
        """The name of the user whose it is; None: nobody's, who may do everything."""
        cdef User* u = <User*>self._conn().user
        return u.name.ptr[:u.name.len] if u != NULL else None

    def input(self, size_t most):
        """The first bytes of what it has sent and what has not run yet."""
        cdef Conn* c = self._conn()
        cdef size_t n = min(c.in_used - c.parser.start, most)
        return c.in_data[c.parser.start:c.parser.start + n] if n else b""

    def info(self):
        """The figures of CLIENT LIST, as a dict: times in ms, sizes in bytes."""
        cdef Conn* c = self._conn()
        cdef int64_t now = clock_unix_ms(&self.s.clock)
        cdef list request = self.request if self.request is not None else []
        return {
            "age_ms": now - c.created_ms, "idle_ms": now - c.active_ms,
            "in_pending": c.in_used - c.parser.at + _request_size(request),
            "wants_write": bool(c.flags & CONN_WATCHED),
            "in_free": c.in_capacity - c.in_used,
            "argv_memory": (c.parser.at - c.parser.start + c.parser.saved.capacity * sizeof(Slice)
                            + sum(map(len, request)) + _waiting_size(c)),
            "out_pending": c.out.pending, "out_memory": c.out.memory,
            "out_waiting": out_waiting(&c.out), "memory": conn_memory(c),
            "bytes_in": c.bytes_in, "bytes_out": c.bytes_out, "commands": c.commands, "reads": c.reads,
            "queued": transaction_of(c).count if c.flags & CONN_MULTI else -1,
            "watched": transaction_of(c).watched if c.transaction != NULL else 0,
            "queue_memory": transaction_of(c).bytes if c.transaction != NULL else 0,
            "last_command": self.names[c.last_command.index] if c.last_command != NULL else None,
        }

    @property
    def tracking(self):
        """How it caches what it reads: a Tracks; None: it does not."""
        cdef Conn* c = self._conn()
        if not c.flags & CONN_TRACKING:
            return None
        return _tracks(self.s, tracker_of(c))

    def start_tracking(self, uint64_t redirect, uint32_t options, list prefixes):
        """Options and prefixes have been held against those in force: prefixes are added to them."""
        cdef Conn* c = self._conn()
        tracking_start(self.s, c, redirect, options)
        for prefix in prefixes:
            tracking_add_prefix(self.s, c, slice_of(<char*><bytes>prefix, len(<bytes>prefix)))

    def stop_tracking(self):
        tracking_stop(self.s, self._conn())

    def set_caching(self):
        """CLIENT CACHING: for the next command."""
        if self.tracking is not None:
            tracker_of(self._conn()).options |= TRACK_CACHING

    def unblock(self, bint with_error):
        """Ends its waiting, as if its time were up or with an error; False if it does not wait."""
        cdef Conn* c = self._conn()
        cdef bint waited = blocking_release(self.s, c, with_error)
        if waited and with_error:
            dispatch_count_error(self.s, b"UNBLOCKED", 9)
        return <int>waited != 0

    def kill(self, bint after_reply=False):
        """Ends the connection: now, or when the reply of the command under way has been sent."""
        if after_reply:
            conn_end_after_reply(self.s, self._conn())
        else:
            conn_close(self.s, self._conn())
