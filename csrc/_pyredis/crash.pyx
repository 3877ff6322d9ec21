"""crash -- the crash report for Python: when to write one, and what the server tells in it of itself.

Functions take the Core. _pyredis.base.crash tells how a report is made and what may be done in one; what is told here
of clients and data follows pointers and counts nothing, so it takes the same time however much there is.
"""
from libc.stdlib cimport abort, calloc
from libc.string cimport memcpy

from _pyredis.base.crash cimport (CRASH_PATH, CRASH_VERSION, Crash, Report, crash_forget, crash_watch,
                                  crash_watchdog, report_bytes, report_field, report_flush, report_i64, report_text)
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.acl cimport User
from _pyredis.cmd.ctx cimport Command, Conn, Server
from _pyredis.cmd.dispatch cimport Request
from _pyredis.cmd.secrets cimport SECRETS_NONE, SecretRule, secrets_of, shown_word
from _pyredis.cmd.table cimport table_sub
from _pyredis.conn cimport Batch
from _pyredis.core cimport Core
from _pyredis.db.keyspace cimport Db

cdef extern from "fault.h" nogil:
    void fault_now()

cdef extern from "<unistd.h>" nogil:
    int getpid()

cdef enum:
    SHOWN_ARGUMENTS = 32
    SHOWN_BYTES = 128              # of each

cdef struct Subject:               # what is told of
    Crash crash
    Server* server
    Batch* batch


cdef void _info(const Server* s, Report* r) noexcept nogil:
    cdef const Db* db
    cdef int i
    report_text(r, b"\n------ INFO OUTPUT ------\n")
    report_field(r, b"process_id", getpid())
    report_field(r, b"connected_clients", s.connected)
    report_field(r, b"used_memory", s.mem.used)
    report_field(r, b"used_memory_peak", s.mem.peak)
    report_field(r, b"maxmemory", s.memory_limit)
    report_field(r, b"total_connections_received", s.stats.connections)
    report_field(r, b"total_commands_processed", s.stats.commands)
    report_field(r, b"total_error_replies", s.stats.errors)
    report_field(r, b"expired_keys", s.ks.stats.expired)
    report_field(r, b"evicted_keys", s.ks.stats.evicted)
    report_field(r, b"loading", s.ks.loading)
    for i in range(s.ks.count):
        db = &s.ks.dbs[i]
        if db.keys.used:
            report_text(r, b"db")
            report_i64(r, i)
            report_text(r, b":keys=")
            report_i64(r, db.keys.used)
            report_text(r, b",expires=")
            report_i64(r, db.expires.used)
            report_text(r, b"\n")


cdef void _name(Report* r, const char* field, const char* p, size_t n, bint hide) noexcept nogil:
    report_text(r, field)
    if hide:
        report_text(r, b"*redacted*")
    else:
        report_bytes(r, p, n)


cdef void _client(const Subject* x, Report* r) noexcept nogil:
    """In the words of CLIENT LIST."""
    cdef const Server* s = x.server
    cdef const Conn* c = s.current
    cdef const User* user = <const User*>c.user
    report_text(r, b"\n------ CURRENT CLIENT INFO ------\nid=")
    report_i64(r, c.id)
    _name(r, b" addr=", c.address.ptr, c.address.len, x.crash.hide)
    _name(r, b" laddr=", c.local_address.ptr, c.local_address.len, x.crash.hide)
    report_text(r, b" fd=")
    report_i64(r, c.fd)
    _name(r, b" name=", c.name.ptr, c.name.len, x.crash.hide)
    report_text(r, b" db=")
    report_i64(r, c.db.id)
    if user != NULL:
        _name(r, b" user=", user.name.ptr, user.name.len, x.crash.hide)
    report_text(r, b" cmds=")
    report_i64(r, c.commands)
    report_text(r, b"\n")


cdef void _request(const Subject* x, Report* r) noexcept nogil:
    """The request under way, if it is one that was read in this round: its command, and the words, cut, without what
    is secret."""
    cdef const Batch* b = x.batch
    cdef const Request* q
    cdef const Command* cmd
    cdef const Command* sub
    cdef SecretRule rule = SECRETS_NONE
    cdef Slice word
    cdef int i
    if b == NULL or b.at == 0 or b.at > b.count:
        return
    q = &b.requests[b.at - 1]
    cmd = q.cmd
    if q.conn != x.server.current or cmd == NULL:
        return
    if cmd.subs != NULL and q.argc > 1:
        sub = table_sub(cmd, q.argv[1])
        cmd = sub if sub != NULL else cmd
    rule = secrets_of(cmd)
    report_text(r, b"command: ")
    report_text(r, cmd.name)
    report_text(r, b"\nargc: ")
    report_i64(r, q.argc)
    report_text(r, b"\n")
    for i in range(min(q.argc, <int>SHOWN_ARGUMENTS)):
        word = shown_word(rule, q.argv, q.argc, i)
        report_text(r, b"argv[")
        report_i64(r, i)
        _name(r, b"]: ", word.ptr, min(word.len, <size_t>SHOWN_BYTES), x.crash.hide and i > 0)
        report_text(r, b"\n")


cdef void _describe(void* who, Report* r) noexcept nogil:
    cdef const Subject* x = <const Subject*>who
    _info(x.server, r)
    report_flush(r)
    if x.server.current == NULL:
        return
    _client(x, r)
    report_flush(r)
    _request(x, r)


cdef void _keep(char* to, bytes text, size_t room) except *:
    if <size_t>len(text) >= room:
        raise ValueError("too long for a crash report")
    memcpy(to, <const char*>text, len(text) + 1)


cdef class Reports:
    """Of one server; keep it as long as the Core. `describe` comes before all else."""
    cdef Subject* x
    cdef Core core

    def __cinit__(self, Core core):
        # It stays when this object goes: a handler may be looking at it.
        self.x = <Subject*>calloc(1, sizeof(Subject))
        if self.x == NULL:
            raise MemoryError
        self.core = core
        self.x.server = core.s
        self.x.batch = core.rounds.batch

    def __dealloc__(self):
        crash_forget(&self.x.crash)
        crash_watchdog(&self.x.crash, 0)

    def describe(self, *, bytes version, bytes logfile, bytes pidfile, bint hide, bint exit_on_abort, int utc_offset,
                 int traceback_fd, int traceback_signal):
        """Reports go to `logfile` (empty: the standard output), with local times `utc_offset` seconds ahead of UTC. A
        traceback of Python is had by raising `traceback_signal` (0: none is), and comes from `traceback_fd`."""
        cdef Crash* c = &self.x.crash
        _keep(c.version, version, CRASH_VERSION)
        _keep(c.logfile, logfile, CRASH_PATH)
        _keep(c.pidfile, pidfile, CRASH_PATH)
        c.pid = getpid()
        c.hide = hide
        c.exit_on_abort = exit_on_abort
        c.utc_offset = utc_offset
        c.traceback_fd = traceback_fd
        c.traceback_signal = traceback_signal
        c.describe = _describe
        c.who = self.x

    def watch(self):
        """Faults are reported from now on. False: this build handles none."""
        return bool(crash_watch(&self.x.crash))

    def forget(self):
        """Signals do again what they did before `watch`."""
        crash_forget(&self.x.crash)

    def watchdog(self, int ms):
        """Unless this is called again in time, the log is told where the server is. 0: no more."""
        crash_watchdog(&self.x.crash, ms)


def fault():
    """Writes where nothing may be written: SIGSEGV."""
    fault_now()


def fail():
    """Ends as a broken invariant does: SIGABRT."""
    abort()
