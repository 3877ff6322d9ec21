"""conn -- a connection: bytes in, requests run, bytes out.

    recv -> in_data [ run | start: not run yet | in_used ] -> requests, GROUP at a time -> out -> send

A round of the server is: one recv for each ready connection; then, over all of them in turn, requests are
parsed into a group of up to 32, prepared together (dispatch_prepare) and run in order; at the end one send
for each connection with something to say. So replies to a pipeline leave in one write, nothing is probed for
EAGAIN, and the memory latency of a group is paid once.

Input stands in a block of the pool; a request that does not fit makes it grow (by doubling: with the bytes
that came, not with those announced). An idle connection has neither input nor output memory, and one that has
stopped within a request only what it has sent.

A connection that is stuck (blocked, held by CLIENT PAUSE, to be closed) runs nothing more; what was parsed
ahead of it is forgotten and read again from its offset when it goes on. Closing is told to the event loop,
which owns the descriptors; until then the connection is CONN_GONE and does nothing.

Rule: parser.start <= parser.at <= in_used <= in_capacity.
"""
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from _pyredis.base.clock cimport clock_ticks, clock_unix_ms
from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.acl cimport acl_begin
from _pyredis.cmd.blocking cimport Waiter, blocking_end
from _pyredis.cmd.ctx cimport (CONN_CLOSE_AFTER_REPLY, CONN_GONE, CONN_DUE, CONN_HELD,
                               CONN_REWOUND, CONN_STUCK, CONN_WANTS_WRITE, GATE_AUTH, LOG_WARNING, conn_close,
                               text_set)
from _pyredis.cmd.channels cimport channels_leave, channels_memory
from _pyredis.cmd.tracking cimport tracker_of, tracking_leave
from _pyredis.cmd.dispatch cimport dispatch_prepare, dispatch_run
from _pyredis.cmd.monitor cimport monitor_leave
from _pyredis.cmd.output cimport output_check, output_forget
from _pyredis.cmd.queue cimport queue_end, transaction_memory
from _pyredis.cmd.watch cimport watch_none
from _pyredis.cmd.weights cimport weights_forget, weights_note, weights_settle
from _pyredis.db.keyspace cimport keyspace_set_clock
from _pyredis.wire.block cimport BLOCK, block_give, block_take
from _pyredis.wire.parser cimport (PARSE_COMMAND, PARSE_ERROR, PARSE_MORE, ParseResult, args_free, parser_free,
                                   parser_init, parser_next, parser_wants)
from _pyredis.wire.reply cimport out_clear, out_init, out_sent, out_views

cdef extern from "<sys/socket.h>" nogil:
    cdef struct iovec:
        void* iov_base
        size_t iov_len
    cdef struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
    ssize_t recv(int fd, void* p, size_t n, int flags)
    ssize_t send(int fd, const void* p, size_t n, int flags)
    ssize_t sendmsg(int fd, const msghdr* m, int flags)
    int MSG_NOSIGNAL
    int MSG_DONTWAIT

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)

cdef enum:
    LARGEST_HINT = 1 << 20         # a connection starts with no more, however large its last request was
    LEAST_READ = 4096              # a recv has at least this much room
    SPARE_INPUT = 1024             # of a connection at rest: not worth a copy
    VIEWS = 32                     # pieces of a sendmsg
    RECEIVE_MOST = 1 << 20         # bytes of a large argument that are received in a round
    SEND_MOST = 1 << 20            # bytes sent to one connection in a round, so that the others get theirs


# ---------------------------------------------------------------- beginning and end

cdef Conn* conn_new(Server* s, int fd) noexcept nogil:
    cdef Conn* c = <Conn*>mem_alloc(s.mem, sizeof(Conn))
    memset(c, 0, sizeof(Conn))
    s.next_id += 1
    c.id = s.next_id
    c.fd = fd
    c.db = &s.ks.dbs[0]
    acl_begin(s, c)
    c.created_ms = c.active_ms = s.ks.now_ms
    parser_init(&c.parser)
    out_init(&c.out, &s.blocks)
    c.prev = s.last
    if s.last != NULL:
        s.last.next = c
    else:
        s.first = c
    s.last = c
    s.connected += 1
    return c


cdef void _release_input(Server* s, Conn* c) noexcept nogil:
    if c.in_data == NULL:
        return
    if c.in_capacity == BLOCK:
        block_give(&s.blocks, c.in_data)
    else:
        mem_free(s.mem, c.in_data, c.in_capacity)
    c.in_data = NULL
    c.in_used = c.in_capacity = 0
    c.parser.start = c.parser.at = 0


cdef void _leave_due(Server* s, Conn* c) noexcept nogil:
    cdef Conn* before = s.due
    if before == c:
        s.due = c.due_next
        return
    while before.due_next != c:
        before = before.due_next
    before.due_next = c.due_next
    if s.due_last == c:
        s.due_last = before


cdef void conn_free(Server* s, Conn* c) noexcept nogil:
    """Of one that is in no list of ready or due ones. Its descriptor stays open."""
    c.flags |= CONN_GONE
    weights_forget(s, c)
    blocking_end(s, c)
    channels_leave(s, c)
    monitor_leave(s, c)
    tracking_leave(s, c)
    watch_none(s, c)
    queue_end(s, c)
    if c.flags & CONN_DUE:
        _leave_due(s, c)
    text_set(s, &c.name, NULL, 0)
    text_set(s, &c.lib_name, NULL, 0)
    text_set(s, &c.lib_version, NULL, 0)
    text_set(s, &c.address, NULL, 0)
    text_set(s, &c.local_address, NULL, 0)
    parser_free(&c.parser, s.mem)
    _release_input(s, c)
    out_clear(&c.out)
    output_forget(s, c)
    if c.prev != NULL:
        c.prev.next = c.next
    else:
        s.first = c.next
    if c.next != NULL:
        c.next.prev = c.prev
    else:
        s.last = c.prev
    s.connected -= 1
    mem_free(s.mem, c, sizeof(Conn))


cdef Conn* conn_find(const Server* s, int fd, uint64_t id) noexcept nogil:
    cdef Conn* c
    if fd >= 0:
        c = s.by_fd[fd] if <size_t>fd < s.fds else NULL
        if c == NULL and <size_t>fd < s.fds:
            c = s.relayed[fd]
        return c if c != NULL and c.id == id else NULL
    c = s.first
    while c != NULL and c.id != id:
        c = c.next
    return c


cdef size_t conn_memory(const Conn* c) noexcept nogil:
    """Bytes that this connection takes. What it shares with others, such as a message to many, counts in full."""
    cdef size_t n = (mem_footprint(sizeof(Conn)) + c.in_capacity + c.out.memory + c.name.len + c.address.len
                     + c.local_address.len + c.lib_name.len + c.lib_version.len
                     + c.parser.saved.capacity * sizeof(Slice))
    if c.subscriptions != NULL:
        n += channels_memory(c)
    if c.transaction != NULL:
        n += transaction_memory(c)
    if c.waiter != NULL:
        n += (<Waiter*>c.waiter).size
    if c.later != NULL:
        n += c.later.memory
    if c.tracking != NULL:
        n += tracker_of(c).prefix_bytes
    return n


cdef void conn_end_after_reply(Server* s, Conn* c) noexcept nogil:
    """Runs nothing more; closes when what is pending has been sent."""
    c.flags |= CONN_CLOSE_AFTER_REPLY


# ---------------------------------------------------------------- input

cdef void _set_input(Server* s, Conn* c, size_t capacity) noexcept nogil:
    """Moves what is not run yet to the front of an input block of `capacity` bytes (BLOCK: from the pool)."""
    cdef char* data = <char*>(block_take(&s.blocks) if capacity == BLOCK else mem_alloc(s.mem, capacity))
    cdef size_t left = c.in_used - c.parser.start, read = c.parser.at - c.parser.start
    if left:
        memcpy(data, c.in_data + c.parser.start, left)
    _release_input(s, c)
    c.in_data = data
    c.in_capacity = capacity
    c.in_used = left
    c.parser.at = read


cdef void _make_room(Server* s, Conn* c, size_t least) noexcept nogil:
    """Room for at least `least` more bytes of input; for the argument under way, if it is not far."""
    cdef size_t left = c.in_used - c.parser.start
    cdef size_t wanted, capacity
    if c.in_data == NULL:
        _set_input(s, c, c.in_hint if c.in_hint > BLOCK else BLOCK)
    wanted = parser_wants(&c.parser)
    wanted = wanted - left if wanted > left else 0
    if wanted < least:
        wanted = least
    if c.in_capacity - c.in_used >= wanted:
        return
    if c.parser.start and c.in_capacity - left >= wanted:
        memmove(c.in_data, c.in_data + c.parser.start, left)
        c.in_used = left
        c.parser.at -= c.parser.start
        c.parser.start = 0
        return
    capacity = max(c.in_capacity * 2, <size_t>BLOCK)
    if left + wanted < capacity and left + wanted > c.in_capacity:
        capacity = left + wanted                 # exactly the large argument
    _set_input(s, c, capacity)
    c.in_hint = capacity if capacity < LARGEST_HINT else LARGEST_HINT


cdef void conn_shrink_input(Server* s, Conn* c) noexcept nogil:
    """Of one that has not been heard of for a while: no more room than for the part of a request that it has sent.

    Ten thousand clients that send a byte and no more hold 1 MB so, and not 160.
    """
    cdef size_t left = c.in_used - c.parser.start
    if c.in_data != NULL and left and c.in_capacity > left + SPARE_INPUT:
        _set_input(s, c, (left + 63) & ~<size_t>63)


cdef void _over_query_limit(Server* s, Conn* c) noexcept nogil:
    s.stats.query_limit_closes += 1
    s.log_client(s, LOG_WARNING, b"Closing client that reached max query buffer length: %s "
                 b"(qbuf initial bytes: \"%s\")", c)
    conn_close(s, c)


cdef bint conn_receive(Server* s, Conn* c, bint ending) noexcept nogil:
    """One recv, or, while a large argument is on its way, several; True if another is due, though no event may tell.
    `ending`: the peer has closed, so to the end.

    The end of input, an error or too much input close the connection.
    """
    cdef size_t most = c.in_used - c.parser.start + RECEIVE_MOST, have
    cdef bint got = _receive(s, c)
    while got and c.in_used == c.in_capacity and not c.flags & CONN_GONE:
        have = c.in_used - c.parser.start
        if have >= most or have >= parser_wants(&c.parser):
            break
        got = _receive(s, c)
    return got and (c.in_used == c.in_capacity or ending)


cdef bint _receive(Server* s, Conn* c) noexcept nogil:
    """One recv. False: there was nothing."""
    cdef ssize_t n
    cdef size_t room
    _make_room(s, c, LEAST_READ)
    room = c.in_capacity - c.in_used
    n = recv(c.fd, c.in_data + c.in_used, room, MSG_DONTWAIT)
    while n < 0 and errno == EINTR:
        n = recv(c.fd, c.in_data + c.in_used, room, MSG_DONTWAIT)
    if n <= 0:
        if n == 0 or errno != EAGAIN:
            conn_close(s, c)
        return False
    c.in_used += n
    c.bytes_in += n
    c.reads += 1
    c.active_ms = s.ks.now_ms
    s.stats.bytes_in += n
    s.stats.reads += 1
    if c.in_used - c.parser.start > s.query_limit:
        _over_query_limit(s, c)
    if UNLIKELY(s.clients_limit != 0):
        weights_note(s, c)
        weights_settle(s)
    return True


cdef bint conn_feed(Server* s, Conn* c, const char* p, size_t n) noexcept nogil:
    """Input of a connection without a socket. False if that passed the query limit."""
    while c.in_data == NULL or c.in_capacity - c.in_used < n:
        _make_room(s, c, n)
    memcpy(c.in_data + c.in_used, p, n)
    c.in_used += n
    return c.in_used - c.parser.start <= s.query_limit


cdef void _rest_input(Server* s, Conn* c) noexcept nogil:
    """After a round: gives the block back if all of it has run."""
    if c.in_data == NULL or c.parser.start < c.in_used:
        return
    if c.in_capacity > BLOCK and c.in_used * 4 < c.in_capacity:
        c.in_hint = c.in_capacity // 2
    _release_input(s, c)


# ---------------------------------------------------------------- requests

cdef bint _parse(Server* s, Conn* c, Batch* b, int* count) noexcept nogil:
    """Appends requests of c to the group. True: c has no more that is complete. False: run the group first."""
    cdef Request* r
    cdef ParseResult got
    cdef size_t start, first
    while count[0] < GROUP:
        start = c.parser.start
        first = b.args.count
        s.limits.unauthenticated = c.gates & GATE_AUTH
        got = parser_next(&c.parser, s.mem, c.in_data, c.in_used, &s.limits, &b.args)
        if got == PARSE_MORE:
            return True
        if got != PARSE_COMMAND and got != PARSE_ERROR:
            continue
        r = &b.requests[count[0]]
        count[0] += 1
        r.conn = c
        r.first = first
        r.argc = c.parser.argc
        r.start = start
        r.size = c.parser.start - start
        r.broken = got == PARSE_ERROR
        r.hashed = False
        r.cmd = NULL
        r.line = c.parser.line
        r.line_size = c.parser.line_size
        c.parser.line = NULL
        if r.broken:
            return True
        if s.limits.unauthenticated:     # what follows may be read by other limits once this has run
            return False
    return False


cdef void _rewind(Server* s, Conn* c, size_t start) noexcept nogil:
    """Requests from offset `start` on will be parsed again."""
    if c.flags & CONN_REWOUND:
        return
    parser_free(&c.parser, s.mem)
    c.parser.start = c.parser.at = start
    c.parser.args_left = 0
    c.parser.bulk = -1
    c.flags |= CONN_REWOUND


cdef void conns_finish_group(Server* s, Batch* b) noexcept nogil:
    """Runs the requests that are left of the group. A command that takes long may call this, so that the others of
    its group need not wait: its own connection is stuck meanwhile."""
    cdef Request* r
    cdef Conn* c
    while b.at < b.count:
        r = &b.requests[b.at]
        b.at += 1
        c = r.conn
        if UNLIKELY(c.flags & CONN_STUCK):
            _rewind(s, c, r.start)
        elif UNLIKELY(not dispatch_run(s, r)):
            c.flags |= CONN_HELD
            _rewind(s, c, r.start)
        elif UNLIKELY(r.broken):
            conn_end_after_reply(s, c)
        if UNLIKELY(r.line != NULL):
            mem_free(s.mem, r.line, r.line_size)
            r.line = NULL
        if UNLIKELY(c.out.memory > s.output_floor or c.gates & GATE_AUTH):
            output_check(s, c)
            weights_settle(s)


cdef void _run_group(Server* s, Batch* b, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        b.requests[i].argv = b.args.at + b.requests[i].first
    keyspace_set_clock(s.ks, clock_unix_ms(&s.clock))
    dispatch_prepare(s, b.requests, count)
    s.ticks = clock_ticks()
    b.at = 0
    b.count = count
    conns_finish_group(s, b)
    if UNLIKELY(s.clients_limit != 0):
        weights_settle(s)
    b.count = 0
    b.args.count = 0


cdef void conns_run(Server* s, Batch* b, Conn** conns, size_t n) noexcept nogil:
    """Runs every complete request of these connections, one connection after the other."""
    cdef size_t i = 0
    cdef int count = 0
    cdef bint done
    while i < n:
        done = True
        if conns[i].in_data != NULL and not conns[i].flags & CONN_STUCK:
            conns[i].flags &= ~<uint32_t>CONN_REWOUND
            done = _parse(s, conns[i], b, &count)
        if done:
            i += 1
        if count and (i == n or not done):
            _run_group(s, b, count)
            count = 0
    if b.args.capacity > 4096:
        args_free(&b.args, s.mem)
    for i in range(n):
        _rest_input(s, conns[i])


# ---------------------------------------------------------------- output

cdef ssize_t _send_once(Conn* c) noexcept nogil:
    cdef Slice[VIEWS] views
    cdef msghdr m
    cdef iovec[VIEWS] pieces
    cdef int i, n = out_views(&c.out, views, VIEWS)
    if n == 1:
        return send(c.fd, views[0].ptr, views[0].len, MSG_NOSIGNAL | MSG_DONTWAIT)
    memset(&m, 0, sizeof(m))
    for i in range(n):
        pieces[i].iov_base = <void*>views[i].ptr
        pieces[i].iov_len = views[i].len
    m.msg_iov = pieces
    m.msg_iovlen = n
    return sendmsg(c.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT)


cdef bint conn_send(Server* s, Conn* c) noexcept nogil:
    """Sends what is pending, as far as the socket takes it; CONN_WANTS_WRITE says whether something is left.

    True: the socket would take more now (so it will not tell), but the others get their turn first.
    """
    cdef bint blocked = False
    cdef ssize_t n
    cdef size_t sent = 0
    while c.out.pending and sent < SEND_MOST:
        n = _send_once(c)
        if n <= 0:
            if errno != EAGAIN and errno != EINTR:
                conn_close(s, c)
                return False
            blocked = errno != EINTR
            break
        s.stats.writes += 1
        sent += n
        c.active_ms = s.ks.now_ms
        out_sent(&c.out, n)
    c.bytes_out += sent
    s.stats.bytes_out += sent
    if UNLIKELY(c.soft_since_ms != 0):
        output_check(s, c)
    if c.out.pending:
        c.flags |= CONN_WANTS_WRITE
        return not blocked
    c.flags &= ~<uint32_t>CONN_WANTS_WRITE
    if c.flags & CONN_CLOSE_AFTER_REPLY:
        conn_close(s, c)
    return False
