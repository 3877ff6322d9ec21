"""weights -- what connections take, and the end of the heaviest when together they take too much (maxmemory-clients).

    classes[i] -> connections of 2^(i-1) up to 2^i bytes, in no order          occupied: ..0100110, the highest goes first

Output that nobody reads and requests that never end are the clients' memory, not data; without a bound of its own it
would push out keys. A connection is weighed after whatever may have changed what it takes: when it has been received
from, after a request that left it more than a block of output, after a push, and at the end of its round. So the sum
is right whenever it is looked at, and while no limit is set nobody is weighed and nothing is paid.

It is looked at after each recv, each request that was answered at length, each group of requests and each round. Then
the heaviest class gives up connections, its heaviest first as far as 64 of them tell, until the sum is below the
limit. Who is over its own output limit ends by that, first. Never ended are those with CLIENT NO-EVICT, though they
count; and connections without a socket, which do not.

What several share, such as a message to many or the name of a channel, each of them is charged with: the sum is what
its readers could set free, not what the arena holds. A connection that ends is charged with nothing at once; its
blocks of output go then, too, the rest when it is freed.

Cost: some 30 ns a weighing, O(1); ending one looks at 64.
"""
from libc.stdlib cimport calloc, free as libc_free

from _pyredis.cmd.ctx cimport CONN_FAKE, CONN_GONE, CONN_NO_EVICT, LOG_NOTICE, conn_close
from _pyredis.wire.reply cimport out_clear

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef extern from "bytes.h" nogil:
    int bytes_bit_length(uint64_t x)

cdef enum:
    LOOKED_AT = 64                 # of a class, before its heaviest is known well enough


cdef Weights* weights_new() noexcept nogil:
    """Without a limit. `weigh` is to be set before there is one."""
    cdef Weights* w = <Weights*>calloc(1, sizeof(Weights))
    if w == NULL:
        fatal_oom(sizeof(Weights))
    return w


cdef void weights_free(Weights* w) noexcept nogil:
    libc_free(w)


cdef void _leave_class(Weights* w, Conn* c) noexcept nogil:
    if c.weight == 0:
        return
    if c.weight_prev != NULL:
        c.weight_prev.weight_next = c.weight_next
    else:
        w.classes[c.weight] = c.weight_next
    if c.weight_next != NULL:
        c.weight_next.weight_prev = c.weight_prev
    if w.classes[c.weight] == NULL:
        w.occupied &= ~(<uint64_t>1 << c.weight)
    c.weight = 0


cdef void _enter_class(Weights* w, Conn* c, int weight) noexcept nogil:
    if weight == 0:
        return
    c.weight = weight
    c.weight_prev = NULL
    c.weight_next = w.classes[weight]
    if c.weight_next != NULL:
        c.weight_next.weight_prev = c
    w.classes[weight] = c
    w.occupied |= <uint64_t>1 << weight


cdef void weights_note(Server* s, Conn* c) noexcept nogil:
    cdef Weights* w = weights_of(s)
    cdef size_t bytes
    cdef int weight
    if c.flags & (CONN_GONE | CONN_FAKE):
        weights_forget(s, c)
        return
    bytes = w.weigh(c)
    w.sum += bytes - c.counted
    c.counted = bytes
    weight = 0 if c.flags & CONN_NO_EVICT else bytes_bit_length(bytes)
    if weight != c.weight:
        _leave_class(w, c)
        _enter_class(w, c, weight)


cdef void weights_forget(Server* s, Conn* c) noexcept nogil:
    weights_of(s).sum -= c.counted
    c.counted = 0
    _leave_class(weights_of(s), c)


cdef Conn* _heaviest(const Weights* w) noexcept nogil:
    """NULL: none may be ended."""
    cdef Conn* best = NULL
    cdef Conn* c
    cdef int i
    if w.occupied:
        c = best = w.classes[bytes_bit_length(w.occupied) - 1]
        for i in range(LOOKED_AT):
            if c == NULL:
                break
            if c.counted > best.counted:
                best = c
            c = c.weight_next
    return best


cdef void weights_end_heaviest(Server* s) noexcept nogil:
    cdef Weights* w = weights_of(s)
    cdef Conn* c
    while w.sum > s.clients_limit:
        c = _heaviest(w)
        if c == NULL:
            return
        s.log_client(s, LOG_NOTICE, b"Evicting client: %s", c)
        s.stats.evicted_clients += 1
        weights_forget(s, c)
        if c != s.current:
            out_clear(&c.out)
        conn_close(s, c)


cdef void weights_set_limit(Server* s, size_t limit) noexcept nogil:
    cdef Conn* c = s.first
    s.clients_limit = limit
    while c != NULL:
        if limit:
            weights_note(s, c)
        else:
            weights_forget(s, c)
        c = c.next
    weights_settle(s)
