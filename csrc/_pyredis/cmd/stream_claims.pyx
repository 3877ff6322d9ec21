"""stream_claims -- what was delivered and not acknowledged: XPENDING shows it, XCLAIM and XAUTOCLAIM move it.

A claim makes an entry pending with another consumer if it has been so for long enough with its own. Each is
propagated by itself, as an XCLAIM that says everything; an entry that is pending but deleted is forgotten on the way,
and that is propagated too (XCLAIM of a deleted entry forgets it there).
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr

from _pyredis.base.mem cimport Arena, mem_free, mem_room
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.cmd.ctx cimport Ctx, Table, arg_i64, arg_is, fail_with
from _pyredis.cmd.stream_args cimport (ID_TEXT, arg_first, arg_id, arg_last, id_text, open_group, propagate_claim,
                                       propagate_group_id, propagate_nothing, reply_entry, reply_id, stream_consumer,
                                       stream_parse_id)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.stream_groups cimport (Consumer, Group, Pending, consumer_at, consumer_find, pending_find,
                                        pending_give, pending_remove)
from _pyredis.db.stream_type cimport Stream, StreamWalk, stream_has, stream_step, stream_walk
from _pyredis.ds.id cimport Id, id_less, id_of
from _pyredis.ds.rax cimport Rax, RaxCursor, cursor_id, rax_ceiling, rax_first, rax_last, rax_next
from _pyredis.wire.reply cimport (Deferred, reply_array, reply_begin, reply_bulk_int, reply_end, reply_int, reply_null,
                                  reply_null_array, reply_slice)

cdef enum:
    TRIES = 10                     # pending entries that XAUTOCLAIM looks at for each that it may claim
    COUNT_MOST = 0x7ffffffffffffff # of XAUTOCLAIM


# ---------------------------------------------------------------- XPENDING

cdef struct PendingQuery:
    Id first
    Id last
    int64_t count
    int64_t idle
    int consumer                   # argv index of its name; 0: any


cdef Status _parse_pending(Ctx* c, PendingQuery* q) noexcept nogil:
    cdef int at = 3
    cdef Status st
    q.idle = 0
    if arg_is(c, 3, b"IDLE", 4):
        st = arg_i64(c, 4, &q.idle)
        if st != OK:
            return st
        if c.argc < 8:
            return ERR_SYNTAX
        at = 5
    st = arg_i64(c, at + 2, &q.count)
    if st == OK:
        st = arg_first(c, at, &q.first)
    if st == OK:
        st = arg_last(c, at + 1, &q.last)
    q.consumer = at + 3 if at + 3 < c.argc else 0
    return st


cdef void _reply_summary(Ctx* c, const Group* g) noexcept nogil:
    """[how many, first ID, last ID, [[consumer, how many], ...]]"""
    cdef RaxCursor first = rax_first(&g.pending)
    cdef RaxCursor last = rax_last(&g.pending)
    cdef const Consumer* consumer
    cdef Deferred header
    cdef size_t n = 0, i
    reply_array(c.out, 4)
    reply_int(c.out, <int64_t>g.pending.count)
    if first.leaf == NULL:
        reply_null(c.out)
        reply_null(c.out)
        reply_null_array(c.out)
        return
    reply_id(c.out, cursor_id(&first))
    reply_id(c.out, cursor_id(&last))
    header = reply_begin(c.out, c'*')
    for i in range(g.consumers.count):
        consumer = consumer_at(g, i)
        if consumer.pending.count:
            reply_array(c.out, 2)
            reply_slice(c.out, consumer.name)
            reply_bulk_int(c.out, <int64_t>consumer.pending.count)
            n += 1
    reply_end(c.out, header, n)


cdef void _reply_pending(Ctx* c, const Group* g, const PendingQuery* q) noexcept nogil:
    """[[ID, consumer, ms since it was delivered, deliveries], ...]"""
    cdef const Rax* tree = &g.pending
    cdef const Consumer* consumer
    cdef const Pending* p
    cdef Deferred header
    cdef RaxCursor at
    cdef int64_t n = 0, idle
    if q.consumer:
        consumer = consumer_find(g, c.argv[q.consumer])
        if consumer == NULL:
            reply_array(c.out, 0)
            return
        tree = &consumer.pending
    header = reply_begin(c.out, c'*')
    at = rax_ceiling(tree, q.first)
    while at.leaf != NULL and n < q.count and not id_less(q.last, cursor_id(&at)):
        p = pending_find(g, cursor_id(&at))
        idle = c.ks.now_ms - p.delivered_ms
        if q.idle == 0 or idle >= q.idle:
            reply_array(c.out, 4)
            reply_id(c.out, cursor_id(&at))
            reply_slice(c.out, p.consumer.name)
            reply_int(c.out, idle if idle > 0 else 0)
            reply_int(c.out, <int64_t>p.deliveries)
            n += 1
        rax_next(&at)
    reply_end(c.out, header, n)


cdef Status cmd_xpending(Ctx* c) noexcept nogil:
    """XPENDING key group [[IDLE min-idle-time] start end count [consumer]] -> a summary, or the entries."""
    cdef PendingQuery q
    cdef Stream* s
    cdef Group* g
    cdef Status st = OK
    if c.argc != 3 and (c.argc < 6 or c.argc > 9):
        return ERR_SYNTAX
    if c.argc > 3:
        st = _parse_pending(c, &q)
    if st == OK:
        st = open_group(c, 1, False, &s, &g)
    if st != OK:
        return st
    if c.argc == 3:
        _reply_summary(c, g)
    else:
        _reply_pending(c, g, &q)
    return OK


# ---------------------------------------------------------------- XCLAIM

cdef struct ClaimOptions:
    int64_t min_idle
    int64_t delivered_ms           # as it is to be set; -1: now
    int64_t retries                # -1: one more than there were
    bint force
    bint justid
    Id last_id
    int end                        # argv index behind the last ID


cdef Status _arg_number(Ctx* c, int i, const char* error, int64_t* v) noexcept nogil:
    return OK if num_parse_i64(c.argv[i].ptr, c.argv[i].len, v) else fail_with(c, ERR_CUSTOM, error)


cdef Status _unrecognized(Ctx* c, Slice word) noexcept nogil:
    cdef const char* stop = <const char*>memchr(word.ptr, 0, word.len)
    cdef size_t n = stop - word.ptr if stop != NULL else word.len
    snprintf(c.server.detail, sizeof(c.server.detail), b"ERR Unrecognized XCLAIM option '%.*s'",
             <int>(n if n < 450 else 450), word.ptr)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status _parse_claim(Ctx* c, ClaimOptions* o) noexcept nogil:
    cdef Id id
    cdef int i = 5
    cdef Status st = _arg_number(c, 4, b"ERR Invalid min-idle-time argument for XCLAIM", &o.min_idle)
    o.delivered_ms = o.retries = -1
    o.force = o.justid = False
    o.last_id = id_of(0, 0)
    while i < c.argc and stream_parse_id(c.argv[i], 0, True, &id, NULL):
        i += 1
    o.end = i
    while i < c.argc and st == OK:
        if arg_is(c, i, b"FORCE", 5):
            o.force = True
        elif arg_is(c, i, b"JUSTID", 6):
            o.justid = True
        elif arg_is(c, i, b"IDLE", 4) and i + 1 < c.argc:
            i += 1
            st = _arg_number(c, i, b"ERR Invalid IDLE option argument for XCLAIM", &o.delivered_ms)
            o.delivered_ms = <int64_t>(<uint64_t>c.ks.now_ms - <uint64_t>o.delivered_ms)
        elif arg_is(c, i, b"TIME", 4) and i + 1 < c.argc:
            i += 1
            st = _arg_number(c, i, b"ERR Invalid TIME option argument for XCLAIM", &o.delivered_ms)
        elif arg_is(c, i, b"RETRYCOUNT", 10) and i + 1 < c.argc:
            i += 1
            st = _arg_number(c, i, b"ERR Invalid RETRYCOUNT option argument for XCLAIM", &o.retries)
        elif arg_is(c, i, b"LASTID", 6) and i + 1 < c.argc:
            i += 1
            st = arg_id(c, i, &o.last_id)
        else:
            return _unrecognized(c, c.argv[i])
        i += 1
    if o.delivered_ms < 0 or o.delivered_ms > c.ks.now_ms:         # Redis: what makes no sense is now
        o.delivered_ms = c.ks.now_ms
    return st


cdef void _forget(Ctx* c, Group* g, Id id, Slice text, Pending* p) noexcept nogil:
    """A pending entry that is deleted."""
    propagate_claim(c, c.argv[1], g, text, p)
    pending_remove(c.ks.mem, g, id, p)
    c.ks.fx.command_dirty += 1


cdef void _reply_claimed(Ctx* c, const Stream* s, Id id, bint justid) noexcept nogil:
    cdef StreamWalk w
    if justid:
        reply_id(c.out, id)
        return
    stream_walk(s, &w, id, id, False)
    stream_step(&w)
    reply_entry(c.out, &w.entry)


cdef bint _claim(Ctx* c, const Stream* s, Group* g, Consumer* consumer, Id id, Slice text,
                 const ClaimOptions* o) noexcept nogil:
    """One entry, its ID as a number and as text. True if it is the consumer's now."""
    cdef Pending* p = pending_find(g, id)
    cdef bint fresh = p == NULL
    if not stream_has(s, id):
        if p != NULL:
            _forget(c, g, id, text, p)
        return False
    if fresh and not o.force:
        return False
    if not fresh and o.min_idle > 0 and c.ks.now_ms - p.delivered_ms < o.min_idle:
        return False
    p = pending_give(c.ks.mem, g, id, consumer)
    p.delivered_ms = o.delivered_ms
    if fresh:
        p.deliveries = 1
    if o.retries >= 0:
        p.deliveries = <uint64_t>o.retries
    elif not o.justid:
        p.deliveries += 1
    consumer.active_ms = c.ks.now_ms
    propagate_claim(c, c.argv[1], g, text, p)
    c.ks.fx.command_dirty += 1
    return True


cdef Status cmd_xclaim(Ctx* c) noexcept nogil:
    """XCLAIM key group consumer min-idle-time id [id ...] [options] -> the entries claimed, or their IDs."""
    cdef ClaimOptions o
    cdef Stream* s
    cdef Group* g
    cdef Consumer* consumer
    cdef Deferred header
    cdef Id id
    cdef size_t n = 0
    cdef bint made, moved
    cdef int64_t dirty
    cdef int i
    cdef Status st = open_group(c, 1, True, &s, &g)
    if st == OK:
        st = _parse_claim(c, &o)
    if st != OK:
        return st
    moved = id_less(g.last_id, o.last_id)
    if moved:
        g.last_id = o.last_id
    consumer = stream_consumer(c, c.argv[1], g, c.argv[3], &made)
    propagate_nothing(c)
    dirty = c.ks.fx.command_dirty
    header = reply_begin(c.out, c'*')
    for i in range(5, o.end):
        arg_id(c, i, &id)
        if _claim(c, s, g, consumer, id, c.argv[i], &o):
            _reply_claimed(c, s, id, o.justid)
            n += 1
    reply_end(c.out, header, n)
    if moved and dirty == c.ks.fx.command_dirty:   # else each claim has said it
        propagate_group_id(c, c.argv[1], g)
        c.ks.fx.command_dirty += 1
    return OK


# ---------------------------------------------------------------- XAUTOCLAIM

cdef struct IdList:                # found so far; memory of the arena
    Id* list
    size_t count
    size_t capacity


cdef void _keep(Arena* mem, IdList* ids, Id id) noexcept nogil:
    ids.list = <Id*>mem_room(mem, ids.list, ids.count, &ids.capacity, sizeof(Id), 32)
    ids.list[ids.count] = id
    ids.count += 1


cdef struct AutoClaim:
    ClaimOptions claim
    Id first
    int64_t count
    Id next                        # where the next call goes on; 0-0: at the beginning
    IdList claimed
    IdList deleted


cdef Status _parse_autoclaim(Ctx* c, AutoClaim* a) noexcept nogil:
    cdef int i = 6
    cdef Status st = _arg_number(c, 4, b"ERR Invalid min-idle-time argument for XAUTOCLAIM", &a.claim.min_idle)
    a.count = 100
    a.claim.delivered_ms = c.ks.now_ms
    a.claim.retries = -1
    a.claim.force = a.claim.justid = False
    if st == OK:
        st = arg_first(c, 5, &a.first)
    while i < c.argc and st == OK:
        if arg_is(c, i, b"COUNT", 5) and i + 1 < c.argc:
            i += 1
            st = _arg_number(c, i, b"ERR COUNT must be > 0", &a.count)
            if st == OK and (a.count < 1 or a.count > COUNT_MOST):
                st = fail_with(c, ERR_CUSTOM, b"ERR COUNT must be > 0")
        elif arg_is(c, i, b"JUSTID", 6):
            a.claim.justid = True
        else:
            return ERR_SYNTAX
        i += 1
    return st


cdef void _autoclaim(Ctx* c, const Stream* s, Group* g, Consumer* consumer, AutoClaim* a) noexcept nogil:
    """Walks what is pending with the group from a.first on, and claims."""
    cdef RaxCursor at = rax_ceiling(&g.pending, a.first)
    cdef int64_t tries = a.count if a.count > COUNT_MOST // TRIES else a.count * TRIES
    cdef char[ID_TEXT] room
    cdef Pending* p
    cdef Id id
    while tries and a.count and at.leaf != NULL:
        tries -= 1
        id = cursor_id(&at)
        p = pending_find(g, id)
        if not stream_has(s, id):
            _forget(c, g, id, id_text(id, room), p)
            _keep(c.ks.mem, &a.deleted, id)
            a.count -= 1
            at = rax_ceiling(&g.pending, id)       # the tree has changed
            continue
        if _claim(c, s, g, consumer, id, id_text(id, room), &a.claim):
            _keep(c.ks.mem, &a.claimed, id)
            a.count -= 1
        rax_next(&at)
    a.next = cursor_id(&at) if at.leaf != NULL else id_of(0, 0)


cdef Status cmd_xautoclaim(Ctx* c) noexcept nogil:
    """XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID] -> [next ID, entries, deleted IDs]."""
    cdef AutoClaim a
    cdef Stream* s
    cdef Group* g
    cdef Consumer* consumer
    cdef bint made
    cdef size_t i
    cdef Status st = _parse_autoclaim(c, &a)
    if st == OK:
        st = open_group(c, 1, True, &s, &g)
    if st != OK:
        return st
    a.claimed.list = a.deleted.list = NULL
    a.claimed.count = a.claimed.capacity = a.deleted.count = a.deleted.capacity = 0
    consumer = stream_consumer(c, c.argv[1], g, c.argv[3], &made)
    propagate_nothing(c)
    _autoclaim(c, s, g, consumer, &a)
    reply_array(c.out, 3)
    reply_id(c.out, a.next)
    reply_array(c.out, a.claimed.count)
    for i in range(a.claimed.count):
        _reply_claimed(c, s, a.claimed.list[i], a.claim.justid)
    reply_array(c.out, a.deleted.count)
    for i in range(a.deleted.count):
        reply_id(c.out, a.deleted.list[i])
    mem_free(c.ks.mem, a.claimed.list, a.claimed.capacity * sizeof(Id))
    mem_free(c.ks.mem, a.deleted.list, a.deleted.capacity * sizeof(Id))
    return OK


cdef void bind_stream_claims(Table* t) noexcept nogil:
    table_bind(t, b"XAUTOCLAIM", cmd_xautoclaim)
    table_bind(t, b"XCLAIM", cmd_xclaim)
    table_bind(t, b"XPENDING", cmd_xpending)
