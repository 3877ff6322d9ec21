# dispatch -- from a parsed request to its reply. The story is in dispatch.pyx.
from libc.stdint cimport uint32_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Command, Conn, Ctx, Server
from _pyredis.db.effects cimport Effects

cdef struct Request:
    Conn* conn
    Slice* argv
    size_t first                    # where argv starts in the batch's vector, until that is complete
    int argc
    bint broken                     # no request: the parser's error text is due
    bint hashed
    uint64_t hash                   # of argv[1], if the command's first key stands there
    Command* cmd                    # NULL: unknown
    size_t start                    # offset in the connection's input, for reading it again
    size_t size                     # bytes of input that it took
    char* line                      # of an inline request: freed after it
    size_t line_size

cdef void dispatch_prepare(Server* s, Request* requests, int n) noexcept nogil
cdef bint dispatch_run(Server* s, Request* r) noexcept nogil     # False: the connection is held; ask again later
cdef void dispatch_error(Ctx* c, const char* text, size_t n) noexcept nogil
cdef void dispatch_count_error(Server* s, const char* text, size_t n) noexcept nogil   # one that is not replied

# A command within another (EXEC, a script): filled in by dispatch_context, its `out` and hash changed where needed,
# it is run, counted, and its errors are answered; its effects wait for the outer command's end.
cdef void dispatch_context(Ctx* c, Server* s, Conn* conn, Command* cmd, Slice* argv, int argc) noexcept nogil
cdef Status dispatch_resolve(Ctx* c) noexcept nogil              # finds c.cmd by argv[0]; does it exist, in this form?
cdef Status dispatch_check(Ctx* c, uint32_t gates) noexcept nogil    # may it run now, by these gates?
cdef void dispatch_fail(Ctx* c, Status st) noexcept nogil        # replies the error of a status
cdef Status dispatch_nested(Ctx* c) noexcept nogil
cdef void dispatch_finish(Ctx* c) noexcept nogil                 # of the outer one: drains now what it has collected

cdef void dispatch_serve_blocked(Server* s) noexcept nogil       # after changes outside of any command, and their drain
cdef void dispatch_drain(Server* s) noexcept nogil               # after changes outside of any command
