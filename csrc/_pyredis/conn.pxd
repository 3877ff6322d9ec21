# conn -- a connection: bytes in, requests run, bytes out. The story is in conn.pyx.
from libc.stdint cimport uint32_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Conn, Server
from _pyredis.cmd.dispatch cimport Request
from _pyredis.wire.parser cimport Args

cdef enum:
    GROUP = 32                     # requests prepared together

cdef struct Batch:                 # scratch of the server's one thread
    Request requests[GROUP]
    int at                         # the next of the group to run
    int count
    Args args

cdef Conn* conn_new(Server* s, int fd) noexcept nogil
cdef void  conn_free(Server* s, Conn* c) noexcept nogil           # not its fd
cdef void  conn_end_after_reply(Server* s, Conn* c) noexcept nogil

cdef bint  conn_receive(Server* s, Conn* c, bint ending) noexcept nogil   # one recv
cdef bint  conn_feed(Server* s, Conn* c, const char* p, size_t n) noexcept nogil   # input without a socket
cdef void  conns_run(Server* s, Batch* b, Conn** conns, size_t n) noexcept nogil   # everything complete, in order
cdef void  conns_finish_group(Server* s, Batch* b) noexcept nogil  # what is left of the group, from within one of it
cdef void conn_shrink_input(Server* s, Conn* c) noexcept nogil        # of one at rest
cdef bint  conn_send(Server* s, Conn* c) noexcept nogil

cdef Conn*  conn_find(const Server* s, int fd, uint64_t id) noexcept nogil         # NULL: there is none any more
cdef size_t conn_memory(const Conn* c) noexcept nogil
