"""blocking -- commands that wait for a key.

A blocking command is written like any other: it serves itself from its keys, and if none of them can, it returns
block_on(...). That copies the request, puts the connection into the queue of each of its keys, and the command
runs again, from its beginning, when one of them has got a value of the right type. So there is one code for the
case that the data are there and the case that they come later.

    Server.blocking -> for each database a table of wanted keys; each has a queue, first come first served:
    Wanted "jobs"  -> Link -> Link -> Link
                       |       |       |
                    Waiter  Waiter  Waiter     each with its links (one a key), request, deadline

That a key may have got something is seen in the effects of commands (Effects.wanted is on while somebody waits),
whatever the command was: LPUSH, RENAME, SORT STORE, RESTORE, SWAPDB. The sink only notes the key as ready; the
queues are served by dispatch when the command, with all of its effects, is done, so a waiter never sees half of
a change, and what serving it changes can wake others in turn, in order.

A Waiter is one block: the struct, its links, the argv and the arguments' bytes. Cost: block_on and waking are
O(keys), deadlines a binary heap. Connections own nothing here but the pointer Conn.waiter.
"""
from libc.math cimport ceill
from libc.stdint cimport INT64_MAX, int64_t, uint32_t
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport memcpy, strlen

from _pyredis.base.mem cimport mem_alloc, mem_free, mem_room
from _pyredis.base.num cimport num_parse_long_double
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport BLOCKED, ERR_CUSTOM, OK, Status
from _pyredis.cmd.command_log cimport command_slow
from _pyredis.cmd.ctx cimport (CONN_BLOCKED, CONN_DENY_BLOCKING, CONN_GONE, CONN_REPLY_OFF, SINK_BLOCKING, Conn,
                               Ctx, Server, conn_due, fail_with)
from _pyredis.cmd.named cimport (named_add, named_find, named_free, named_name, named_take, named_tables,
                                 named_tables_free, named_type)
from _pyredis.cmd.table cimport command_count
from _pyredis.db.effects cimport EV_KEY_MISS, Effects
from _pyredis.db.keyspace cimport LOOKUP_PEEK, Key, keyspace_get, keyspace_key
from _pyredis.db.value cimport Entry, T_STRING, ValueType, entry_type
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.wire.reply cimport reply_error, reply_null_array

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    void fatal_oom(size_t n)


cdef Blocking* blocking_new(Server* s) noexcept nogil:
    """Nobody waits yet. The server's sink SINK_BLOCKING is the one to tell of effects."""
    cdef Blocking* b = <Blocking*>calloc(1, sizeof(Blocking))
    if b == NULL:
        fatal_oom(sizeof(Blocking))
    b.type = named_type(s)
    b.wanted = named_tables(s, &b.type)
    s.sinks[<int>SINK_BLOCKING].take = _take_effects
    s.sinks[<int>SINK_BLOCKING].arg = s
    return b


cdef void blocking_free(Server* s) noexcept nogil:
    """When no connection is left."""
    cdef Blocking* b = blocking_of(s)
    named_tables_free(s, b.wanted)
    mem_free(s.mem, b.heap, b.heap_capacity * sizeof(void*))
    libc_free(b)


# ---------------------------------------------------------------- arguments

cdef Status arg_deadline(Ctx* c, int i, int64_t* deadline_ms) noexcept nogil:
    cdef long double seconds, ms
    if not num_parse_long_double(c.argv[i].ptr, c.argv[i].len, &seconds):
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is not a float or out of range")
    ms = ceill(seconds * 1000)
    if ms >= <long double>INT64_MAX:
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is out of range")
    if ms < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is negative")
    deadline_ms[0] = 0
    if ms > 0:
        if <int64_t>ms > INT64_MAX - c.ks.now_ms:
            return fail_with(c, ERR_CUSTOM, b"ERR timeout is out of range")
        deadline_ms[0] = <int64_t>ms + c.ks.now_ms
    return OK


# ---------------------------------------------------------------- the heap of deadlines

cdef void _heap_put(Blocking* b, size_t at, Waiter* w) noexcept nogil:
    b.heap[at] = w
    w.place = at


cdef void _heap_up(Blocking* b, size_t at, Waiter* w) noexcept nogil:
    while at and b.heap[(at - 1) >> 1].deadline_ms > w.deadline_ms:
        _heap_put(b, at, b.heap[(at - 1) >> 1])
        at = (at - 1) >> 1
    _heap_put(b, at, w)


cdef void _heap_down(Blocking* b, size_t at, Waiter* w) noexcept nogil:
    cdef size_t child = at * 2 + 1
    while child < b.heap_count:
        if child + 1 < b.heap_count and b.heap[child + 1].deadline_ms < b.heap[child].deadline_ms:
            child += 1
        if b.heap[child].deadline_ms >= w.deadline_ms:
            break
        _heap_put(b, at, b.heap[child])
        at = child
        child = at * 2 + 1
    _heap_put(b, at, w)


cdef void _heap_add(Server* s, Waiter* w) noexcept nogil:
    cdef Blocking* b = blocking_of(s)
    b.heap = <Waiter**>mem_room(s.mem, b.heap, b.heap_count, &b.heap_capacity, sizeof(void*), 16)
    b.heap_count += 1
    _heap_up(b, b.heap_count - 1, w)


cdef void _heap_remove(Blocking* b, Waiter* w) noexcept nogil:
    cdef Waiter* last
    b.heap_count -= 1
    last = b.heap[b.heap_count]
    if last != w:
        _heap_up(b, w.place, last)
        _heap_down(b, last.place, last)


# ---------------------------------------------------------------- waiting

cdef Wanted* _wanted(Server* s, int db, Slice name, bint create) noexcept nogil:
    """The queue of a key; NULL if nobody waits for it, unless it is to be created."""
    cdef Blocking* b = blocking_of(s)
    cdef Key key = keyspace_key(s.ks, name)
    cdef Wanted* wanted = <Wanted*>named_find(&b.wanted[db], name, key.hash)
    if wanted != NULL or not create:
        return wanted
    wanted = <Wanted*>named_add(&b.wanted[db], name, key.hash, sizeof(Wanted))
    wanted.db = db
    b.keys += 1
    return wanted


cdef void _drop_if_idle(Server* s, Wanted* wanted) noexcept nogil:
    """Frees a queue in which nobody waits any more."""
    cdef Blocking* b = blocking_of(s)
    if wanted.first != NULL or wanted.busy or wanted.ready:
        return
    named_take(&b.wanted[wanted.db], wanted, keyspace_key(s.ks, named_name(wanted)).hash)
    b.keys -= 1
    named_free(s.mem, wanted)


cdef Waiter* _waiter_new(Ctx* c, int links) noexcept nogil:
    """A waiter with a copy of the request, not in any queue yet."""
    cdef size_t bytes = 0
    cdef int i
    cdef Waiter* w
    cdef char* p
    for i in range(c.argc):
        bytes += c.argv[i].len
    bytes += sizeof(Waiter) + links * sizeof(Link) + c.argc * sizeof(Slice)
    w = <Waiter*>mem_alloc(c.server.mem, bytes)
    w.size = bytes
    w.conn = c.conn
    w.cmd = c.cmd
    w.argc = c.argc
    w.links = 0
    w.ticks = 0
    w.type = T_STRING
    w.any_change = False
    w.give_up = NULL
    w.link = <Link*>(<char*>w + sizeof(Waiter))
    w.argv = <Slice*>(<char*>w.link + links * sizeof(Link))
    p = <char*>w.argv + c.argc * sizeof(Slice)
    for i in range(c.argc):
        memcpy(p, c.argv[i].ptr, c.argv[i].len)
        w.argv[i] = slice_of(p, c.argv[i].len)
        p += c.argv[i].len
    return w


cdef bint _waits_already(const Waiter* w, const Wanted* key) noexcept nogil:
    cdef int i
    for i in range(w.links):
        if w.link[i].key == key:
            return True
    return False


cdef Status _wait(Ctx* c, Waiter* w, int64_t deadline_ms) noexcept nogil:
    cdef Server* s = c.server
    w.deadline_ms = deadline_ms
    if deadline_ms:
        _heap_add(s, w)
    c.conn.waiter = w
    c.conn.flags |= CONN_BLOCKED
    blocking_of(s).clients += 1
    s.ks.fx.wanted |= 1 << SINK_BLOCKING
    return BLOCKED


cdef Status block_until(Ctx* c, int64_t deadline_ms, GiveUp give_up) noexcept nogil:
    cdef Waiter* w = _waiter_new(c, 0)
    w.give_up = give_up
    return _wait(c, w, deadline_ms)


cdef Status block_on(Ctx* c, ValueType t, int first, int count, int64_t deadline_ms) noexcept nogil:
    """The connection waits for argv[first] and the count - 1 after it; where it must not (inside MULTI, in a
    script), the answer is the one that it would get when its time is up."""
    cdef Server* s = c.server
    cdef Waiter* w
    cdef Link* link
    cdef Wanted* key
    cdef int i
    if c.retry:                                  # it keeps its place in the queues
        return BLOCKED
    if c.conn.flags & CONN_DENY_BLOCKING:
        reply_null_array(c.out)
        return OK
    w = _waiter_new(c, count)
    w.type = t
    for i in range(count):
        key = _wanted(s, c.db.id, c.argv[first + i], True)
        if _waits_already(w, key):               # the same key twice: one place
            continue
        link = &w.link[w.links]
        w.links += 1
        link.waiter = w
        link.key = key
        link.next = NULL
        link.prev = key.last
        if key.last != NULL:
            key.last.next = link
        else:
            key.first = link
        key.last = link
    return _wait(c, w, deadline_ms)


cdef Status block_on_any_change(Ctx* c, ValueType t, int first, int count, int64_t deadline_ms) noexcept nogil:
    cdef Status st = block_on(c, t, first, count, deadline_ms)
    if st == BLOCKED:
        (<Waiter*>c.conn.waiter).any_change = True
    return st


cdef void blocking_end(Server* s, Conn* conn) noexcept nogil:
    """Takes the connection out of all queues; what it has sent meanwhile runs in the next round."""
    cdef Blocking* b = blocking_of(s)
    cdef Waiter* w = <Waiter*>conn.waiter
    cdef Link* link
    cdef int i
    if w == NULL:
        return
    for i in range(w.links):
        link = &w.link[i]
        if link.prev != NULL:
            link.prev.next = link.next
        else:
            link.key.first = link.next
        if link.next != NULL:
            link.next.prev = link.prev
        else:
            link.key.last = link.prev
        _drop_if_idle(s, link.key)
    if w.deadline_ms:
        _heap_remove(b, w)
    mem_free(s.mem, w, w.size)
    conn.waiter = NULL
    conn.flags &= ~<uint32_t>CONN_BLOCKED
    b.clients -= 1
    if b.clients == 0:
        s.ks.fx.wanted &= ~<uint32_t>(1 << SINK_BLOCKING)
    conn_due(s, conn)


cdef bint blocking_release(Server* s, Conn* conn, bint with_error) noexcept nogil:
    """Answers as if its time were up, or with an error."""
    cdef const char* text = b"UNBLOCKED client unblocked via CLIENT UNBLOCK"
    cdef Waiter* w = <Waiter*>conn.waiter
    if w == NULL:
        return False
    if with_error:
        w.cmd.failed += 1
    if conn.flags & CONN_REPLY_OFF:
        pass
    elif with_error:
        reply_error(&conn.out, text, strlen(text))
    elif w.give_up != NULL:
        w.give_up(s, conn)
    else:
        reply_null_array(&conn.out)
    s.stats.commands += 1
    command_count(w.cmd, s.mem, w.ticks, s.track_latency)
    if w.ticks >= s.slow_ticks:
        command_slow(s, conn, w.cmd, w.argv, w.argc, w.ticks)
    blocking_end(s, conn)
    return True


cdef int64_t blocking_expire(Server* s) noexcept nogil:
    """Answers those whose time is up: whose millisecond is past, for a clock of whole ones may be ahead of theirs."""
    cdef Blocking* b = blocking_of(s)
    while b.heap_count and b.heap[0].deadline_ms < s.ks.now_ms:
        blocking_release(s, b.heap[0].conn, False)
    return b.heap[0].deadline_ms if b.heap_count else 0


# ---------------------------------------------------------------- waking

cdef void _note_ready(Blocking* b, Wanted* key) noexcept nogil:
    if key.ready:
        return
    key.ready = True
    key.next_ready = NULL
    if b.last_ready != NULL:
        b.last_ready.next_ready = key
    else:
        b.first_ready = key
    b.last_ready = key


cdef void _take_effects(void* server, Effects* fx) noexcept nogil:
    """The sink: notes which of the changed keys somebody waits for."""
    cdef Server* s = <Server*>server
    cdef Blocking* b = blocking_of(s)
    cdef Wanted* key
    cdef DictIter walk
    cdef size_t i
    if b.clients == 0:
        return
    for i in range(fx.count):
        if fx.list[i].event_class == EV_KEY_MISS:
            continue
        if fx.list[i].key.ptr == NULL:           # the whole database
            dict_iter(&b.wanted[fx.list[i].db], &walk)
            key = <Wanted*>dict_next(&walk)
            while key != NULL:
                _note_ready(b, key)
                key = <Wanted*>dict_next(&walk)
        elif b.wanted[fx.list[i].db].used:
            key = _wanted(s, fx.list[i].db, fx.list[i].key, False)
            if key != NULL:
                _note_ready(b, key)


cdef Wanted* blocking_take_ready(Server* s) noexcept nogil:
    """The key that has been ready longest, to be given back with blocking_done_with."""
    cdef Blocking* b = blocking_of(s)
    cdef Wanted* key = b.first_ready
    if key == NULL:
        return NULL
    b.first_ready = key.next_ready
    if b.first_ready == NULL:
        b.last_ready = NULL
    key.ready = False
    key.busy = True
    return key


cdef void blocking_done_with(Server* s, Wanted* key) noexcept nogil:
    key.busy = False
    _drop_if_idle(s, key)


cdef bint blocking_can_serve(Server* s, const Wanted* key, const Waiter* w) noexcept nogil:
    """Has the key a value of the type that this one waits for, or is any change enough?"""
    cdef Slice name = named_name(key)
    cdef Entry* e = keyspace_get(s.ks, &s.ks.dbs[key.db], keyspace_key(s.ks, name), LOOKUP_PEEK)
    return ((e != NULL and entry_type(e) == w.type) or w.any_change) and not w.conn.flags & CONN_GONE
