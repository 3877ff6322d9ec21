# client -- one connection, as control commands see it. The story is in client.pyx.
from libc.stdint cimport uint64_t
from _pyredis.cmd.ctx cimport Conn, Server

cdef class Client:
    cdef object core
    cdef Server* s
    cdef list names
    cdef list request               # arguments of the command it is running, as bytes; None between commands
    cdef readonly int fd
    cdef readonly uint64_t id

    cdef Conn* _conn(self) except NULL

cdef Client client_new(object core, Server* s, Conn* c, list names)
