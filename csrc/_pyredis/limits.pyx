"""limits -- what clients may send, leave unread, and take: the settings for Python.

Functions take the Core. Everything is in bytes, and takes effect at once.
"""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.cmd.ctx cimport Conn, Server
from _pyredis.cmd.weights cimport WEIGHT_CLASSES, Weights, weights_of, weights_set_limit
from _pyredis.core cimport Core
from _pyredis.wire.block cimport BLOCK

LONGEST_BULK = 1 << 48              # no memory holds more, and sums do not overflow


cdef void _set_output_floor(Server* s):
    """How much output is looked at by no limit that there is."""
    cdef uint64_t n
    cdef int i
    s.output_floor = BLOCK if s.clients_limit else <size_t>-1
    for i in (0, 2):                             # no connection is a replica
        for n in (s.output_limits[i].hard, s.output_limits[i].soft):
            if n and n - 1 < s.output_floor:
                s.output_floor = n - 1


def set_clients(Core core, size_t most):
    """maxmemory-clients; 0: none."""
    weights_set_limit(core.s, most)
    _set_output_floor(core.s)


def weighed(Core core):
    """Bytes that all connections were found to take, while there is a limit."""
    return weights_of(core.s).sum


def classes(Core core):
    """[(least bytes, connections, bytes of them all)] of the connections that maxmemory-clients may end, the lightest
    first; an entry for each class that has any."""
    cdef Weights* w = weights_of(core.s)
    cdef Conn* c
    cdef size_t count, total
    cdef int i
    cdef list found = []
    for i in range(1, WEIGHT_CLASSES):
        c = w.classes[i]
        count = total = 0
        while c != NULL:
            count += 1
            total += c.counted
            c = c.weight_next
        if count:
            found.append((<size_t>1 << (i - 1), count, total))
    return found


def set_input(Core core, uint64_t query_buffer, int64_t bulk):
    """client-query-buffer-limit and proto-max-bulk-len."""
    core.s.query_limit = query_buffer
    core.s.limits.bulk = min(bulk, LONGEST_BULK)


def set_output(Core core, list limits):
    """client-output-buffer-limit: (hard bytes, soft bytes, soft seconds) for normal, replica, pubsub; 0: none."""
    cdef int i
    for i, (hard, soft, seconds) in enumerate(limits):
        core.s.output_limits[i].hard = hard
        core.s.output_limits[i].soft = soft
        core.s.output_limits[i].soft_ms = seconds * 1000
    _set_output_floor(core.s)
