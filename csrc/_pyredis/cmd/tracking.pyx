"""tracking -- client-side caching: clients keep what they read, and are told when it changes.

Two ways of knowing whom to tell. By default the server remembers which connection has read which key:

    keys: name -> TrackedKey -> the trackers that read it, ascending by address

A key that changes is told to each of them, once, and forgotten: a client that still cares reads again. With BCAST
nothing is remembered; a connection names prefixes, and all keys that changed under one are gathered and told between
two rounds, in one message:

    prefixes: Prefix "user:" -> its trackers; and the keys changed since the last round, each with who changed it

Changes come through the effects, so whatever changes a key tells of it: a command, a script, expiry. A message goes
out after the reply of the command that caused it, as the effects do.

A tracker belongs to a connection and may outlive it, as long as keys name it: looking through a million keys when a
connection ends would stall everybody. The keys' memory is bounded by tracking-table-max-keys: beyond it random keys
are forgotten, and told as if they had changed.

The names are those of keys alone, not of a database, as in Redis. Who reads a message in RESP2 must be told on another
connection, one that is subscribed to __redis__:invalidate.
"""
from libc.stdlib cimport calloc, free as libc_free, qsort
from libc.string cimport memcmp, memcpy, memmove, strcmp

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_room
from _pyredis.base.slice cimport slice_compare, slice_equal, slice_of
from _pyredis.cmd.ctx cimport (CMD_PUBSUB, CMD_READONLY, CMD_SKIP_MONITOR, CONN_GONE, CONN_MULTI, CONN_TRACKING,
                               SINK_TRACKING, KeyRun)
from _pyredis.cmd.key_finder cimport KEY_RUNS, keys_find
from _pyredis.cmd.named cimport named_add, named_find, named_free, named_name, named_take, named_type
from _pyredis.cmd.output cimport output_due, output_of_push
from _pyredis.db.effects cimport EV_NEW, Effect, Effects, effect_is_change
from _pyredis.ds.dict cimport dict_drain, dict_free, dict_hash, dict_init, dict_random
from _pyredis.wire.reply cimport Out, out_append, reply_array, reply_bulk, reply_int, reply_push, reply_text

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef enum:
    FORGET_STEP = 100              # keys beyond the limit that are forgotten between two rounds


cdef Tracking* tracking_new(Server* s) noexcept nogil:
    """Nobody tracks yet. The server's sink SINK_TRACKING is the one to tell of effects."""
    cdef Tracking* t = <Tracking*>calloc(1, sizeof(Tracking))
    if t == NULL:
        fatal_oom(sizeof(Tracking))
    t.type = named_type(s)
    dict_init(&t.keys, &t.type)
    s.sinks[<int>SINK_TRACKING].take = _take_effects
    s.sinks[<int>SINK_TRACKING].arg = s
    return t


cdef void tracking_free(Server* s) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    tracking_forget(s)
    dict_free(&t.keys)
    mem_free(s.mem, t.trackers, t.capacity * sizeof(void*))
    mem_free(s.mem, t.prefixes, t.prefix_capacity * sizeof(void*))
    libc_free(t)


# ---------------------------------------------------------------- telling

cdef Conn* _connection(Server* s, uint64_t id) noexcept nogil:
    cdef Conn* c = s.first
    while c != NULL and c.id != id:
        c = c.next
    return c if c != NULL and not c.flags & CONN_GONE else NULL


cdef Out* _open(Server* s, Tracker* t, Conn** told) noexcept nogil:
    """Where a message's keys are to be written, its head being there; NULL if nobody can be told. Then output_due."""
    cdef Conn* to = t.conn
    cdef Out* out
    if t.redirect:
        to = _connection(s, t.redirect)
        if to == NULL:
            t.options |= TRACK_BROKEN
            if t.conn.out.proto > 2:
                out = output_of_push(s, t.conn)
                reply_push(out, 2)
                reply_text(out, b"tracking-redir-broken")
                reply_int(out, t.redirect)
                output_due(s, t.conn)
            return NULL
    if to.out.proto < 3 and not (t.redirect and to.subscriptions != NULL):
        return NULL
    out = output_of_push(s, to)
    if to.out.proto > 2:
        reply_push(out, 2)
        reply_text(out, b"invalidate")
    else:
        reply_array(out, 3)
        reply_text(out, b"message")
        reply_text(out, b"__redis__:invalidate")
    told[0] = to
    return out


cdef void _tell(Server* s, Tracker* t, Slice key) noexcept nogil:
    cdef Conn* to
    cdef Out* out = _open(s, t, &to)
    if out != NULL:
        reply_array(out, 1)
        reply_bulk(out, key.ptr, key.len)
        output_due(s, to)


cdef void _tell_flush(Server* s) noexcept nogil:
    """All of them: whatever you have is worth nothing."""
    cdef Tracking* t = tracking_of(s)
    cdef Conn* to
    cdef Out* out
    cdef size_t i
    for i in range(t.count):
        out = _open(s, t.trackers[i], &to) if t.trackers[i].on else NULL
        if out == NULL:
            continue
        if t.trackers[i].conn.out.proto > 2:
            out_append(out, b"_\r\n", 3)
        else:
            out_append(out, b"$-1\r\n", 5)
        output_due(s, to)


# ---------------------------------------------------------------- tracked keys

cdef inline Tracker** _trackers(TrackedKey* key) noexcept nogil:
    return key.list if key.capacity else &key.one


cdef void _release(Server* s, Tracker* t) noexcept nogil:
    """One key less names it."""
    t.keys -= 1
    if t.keys == 0 and t.conn == NULL:
        mem_free(s.mem, t, sizeof(Tracker))


cdef void _free_key(Server* s, TrackedKey* key) noexcept nogil:
    cdef Tracker** list = _trackers(key)
    cdef uint32_t i
    tracking_of(s).items -= key.count
    for i in range(key.count):
        _release(s, list[i])
    if key.capacity:
        mem_free(s.mem, key.list, key.capacity * sizeof(void*))
    named_free(s.mem, key)


cdef void _free_visited(void* arg, void* key) noexcept nogil:
    _free_key(<Server*>arg, <TrackedKey*>key)


cdef void tracking_forget(Server* s) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    dict_drain(&t.keys, t.keys.used, _free_visited, s)


cdef void _add_tracker(Server* s, TrackedKey* key, Tracker* t) noexcept nogil:
    """By binary search; it may be there already."""
    cdef Tracker** list = _trackers(key)
    cdef uint32_t low = 0, high = key.count, middle
    while low < high:
        middle = (low + high) >> 1
        if list[middle] < t:
            low = middle + 1
        else:
            high = middle
    if low < key.count and list[low] == t:
        return
    if key.count == 0:
        key.one = t
    else:
        if key.capacity == 0:
            key.list = <Tracker**>mem_room(s.mem, NULL, 0, &key.capacity, sizeof(void*), 4)
            key.list[0] = key.one
        list = key.list = <Tracker**>mem_room(s.mem, key.list, key.count, &key.capacity, sizeof(void*), 4)
        memmove(list + low + 1, list + low, (key.count - low) * sizeof(void*))
        list[low] = t
    key.count += 1
    t.keys += 1
    tracking_of(s).items += 1


cdef void _track(Server* s, Slice name, Tracker* tracker) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef uint64_t hash = dict_hash(&t.type, name.ptr, name.len)
    cdef TrackedKey* key = <TrackedKey*>named_find(&t.keys, name, hash)
    if key == NULL:
        key = <TrackedKey*>named_add(&t.keys, name, hash, sizeof(TrackedKey))
    _add_tracker(s, key, tracker)


cdef void tracking_remember(Ctx* c) noexcept nogil:
    """Remembers what was read, unless OPTIN or OPTOUT is against it. CLIENT CACHING is good for one command, or
    for one EXEC with all that it runs."""
    cdef Conn* conn = c.server.current           # whose request it is, also of what a script calls
    cdef Tracker* t = tracker_of(conn)
    cdef KeyRun[KEY_RUNS] runs
    cdef int n, i, k
    cdef bint caching = t.options & TRACK_CACHING
    cdef bint wanted = not (t.options & TRACK_OPTIN and not caching or t.options & TRACK_OPTOUT and caching)
    cdef bint reads = c.cmd.flags & CMD_READONLY and not c.cmd.flags & (CMD_PUBSUB | CMD_SKIP_MONITOR)   # EVAL_RO
    if reads and wanted and not t.options & TRACK_BCAST:
        _take(c.server, &c.server.ks.fx)         # what was changed before it was read is no news
        n = keys_find(c.cmd, c.argv, c.argc, runs)
        for i in range(n):
            for k in range(runs[i].count):
                _track(c.server, c.argv[runs[i].first + k * runs[i].step], t)
    if caching and not conn.flags & CONN_MULTI and c.cmd == conn.last_command and (
            c.cmd.parent == NULL or strcmp(c.cmd.parent.name, b"client")):
        t.options &= ~<uint32_t>TRACK_CACHING


cdef void _forget(Server* s, TrackedKey* key, const Conn* by) noexcept nogil:
    """Tells those who read the key, but not one that changed it itself and does not want to know; frees it."""
    cdef Tracker** list = _trackers(key)
    cdef Tracker* t
    cdef uint32_t i
    for i in range(key.count):
        t = list[i]
        if t.conn == NULL or not t.on or t.options & TRACK_BCAST:
            continue
        if not (t.options & TRACK_NOLOOP and t.conn == by):
            _tell(s, t, named_name(key))
    _free_key(s, key)


cdef void _limit(Server* s) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef TrackedKey* key
    cdef Slice name
    cdef int i
    for i in range(FORGET_STEP):
        if t.most == 0 or t.keys.used <= t.most:
            return
        key = <TrackedKey*>dict_random(&t.keys, &s.ks.rand)
        name = named_name(key)
        named_take(&t.keys, key, dict_hash(&t.type, name.ptr, name.len))
        _forget(s, key, NULL)


# ---------------------------------------------------------------- broadcasting

cdef bint tracking_has_prefix(const Prefix* p, const Tracker* t) noexcept nogil:
    cdef size_t i
    for i in range(p.count):
        if p.list[i] == t:
            return True
    return False


cdef void tracking_add_prefix(Server* s, Conn* c, Slice prefix) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef Prefix* p = NULL
    cdef char* text
    cdef size_t i
    for i in range(t.prefix_count):
        if slice_equal(t.prefixes[i].text, prefix):
            p = t.prefixes[i]
    if p == NULL:
        text = <char*>mem_alloc(s.mem, prefix.len)
        if prefix.len:
            memcpy(text, prefix.ptr, prefix.len)
        p = <Prefix*>mem_alloc(s.mem, sizeof(Prefix))
        p.text = slice_of(text, prefix.len)
        p.list = NULL
        p.count = p.capacity = 0
        dict_init(&p.changed, &t.type)
        t.prefixes = <Prefix**>mem_room(s.mem, t.prefixes, t.prefix_count, &t.prefix_capacity, sizeof(void*), 4)
        t.prefixes[t.prefix_count] = p
        t.prefix_count += 1
    if tracking_has_prefix(p, tracker_of(c)):
        return
    p.list = <Tracker**>mem_room(s.mem, p.list, p.count, &p.capacity, sizeof(void*), 4)
    p.list[p.count] = tracker_of(c)
    p.count += 1
    tracker_of(c).prefix_bytes += mem_footprint(sizeof(Prefix)) + mem_footprint(prefix.len) + 2 * sizeof(void*)


cdef void _free_changed(void* mem, void* key) noexcept nogil:
    named_free(<Arena*>mem, key)


cdef void _leave_prefixes(Server* s, Tracker* tracker) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef Prefix* p
    cdef size_t i = 0, k
    while i < t.prefix_count:
        p = t.prefixes[i]
        for k in range(p.count):
            if p.list[k] == tracker:
                p.count -= 1
                p.list[k] = p.list[p.count]
                break
        if p.count:
            i += 1
            continue
        t.prefix_count -= 1
        t.prefixes[i] = t.prefixes[t.prefix_count]
        dict_drain(&p.changed, p.changed.used, _free_changed, s.mem)
        dict_free(&p.changed)
        mem_free(s.mem, p.list, p.capacity * sizeof(void*))
        mem_free(s.mem, <void*>p.text.ptr, p.text.len)
        mem_free(s.mem, p, sizeof(Prefix))


cdef void _note(Server* s, Slice name, uint64_t by) noexcept nogil:
    """Gathers the key under each prefix that it has."""
    cdef Tracking* t = tracking_of(s)
    cdef uint64_t hash = dict_hash(&t.type, name.ptr, name.len)
    cdef ChangedKey* key
    cdef Prefix* p
    cdef size_t i
    for i in range(t.prefix_count):
        p = t.prefixes[i]
        if name.len < p.text.len or p.text.len and memcmp(name.ptr, p.text.ptr, p.text.len) != 0:
            continue
        key = <ChangedKey*>named_find(&p.changed, name, hash)
        if key == NULL:
            key = <ChangedKey*>named_add(&p.changed, name, hash, sizeof(ChangedKey))
        key.by = by
        t.changed = True


cdef void _gather(void* list, void* key) noexcept nogil:
    cdef ChangedKey*** at = <ChangedKey***>list
    at[0][0] = <ChangedKey*>key
    at[0] += 1


cdef int _by_name(const void* a, const void* b) noexcept nogil:
    return slice_compare(named_name((<ChangedKey**>a)[0]), named_name((<ChangedKey**>b)[0]))


cdef void _broadcast(Server* s, Prefix* p) noexcept nogil:
    """One message to each tracker of the prefix, with all keys but those that it changed itself, if it says so."""
    cdef size_t n = p.changed.used, i, k, told
    cdef ChangedKey** keys = <ChangedKey**>mem_alloc(s.mem, n * sizeof(void*))
    cdef ChangedKey** end = keys
    cdef Tracker* t
    cdef Conn* to
    cdef Out* out
    cdef uint64_t but
    dict_drain(&p.changed, n, _gather, &end)
    qsort(keys, n, sizeof(void*), _by_name)
    for i in range(p.count):
        t = p.list[i]
        but = t.conn.id if t.options & TRACK_NOLOOP else 0
        told = 0
        for k in range(n):
            told += not (but and keys[k].by == but)
        out = _open(s, t, &to) if told else NULL
        if out == NULL:
            continue
        reply_array(out, told)
        for k in range(n):
            if not (but and keys[k].by == but):
                reply_bulk(out, named_name(keys[k]).ptr, keys[k].named.length)
        output_due(s, to)
    for k in range(n):
        _free_changed(s.mem, keys[k])
    mem_free(s.mem, keys, n * sizeof(void*))


cdef void tracking_settle(Server* s) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef size_t i
    if t.changed:
        t.changed = False
        for i in range(t.prefix_count):
            if t.prefixes[i].changed.used:
                _broadcast(s, t.prefixes[i])
    _limit(s)


# ---------------------------------------------------------------- what changes

cdef void _take_effects(void* arg, Effects* fx) noexcept nogil:
    """The sink: what has not been told yet. The list is cleared then."""
    _take(<Server*>arg, fx)
    tracking_of(<Server*>arg).taken = 0


cdef void _take(Server* s, Effects* fx) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef Conn* by = s.current
    cdef TrackedKey* key
    cdef Effect* e
    cdef uint64_t hash
    cdef size_t i, first = t.taken
    cdef bint flushed = False
    t.taken = fx.count
    if t.on == 0 and t.keys.used == 0:
        return
    for i in range(first, fx.count):
        e = &fx.list[i]
        if e.key.ptr == NULL:
            if strcmp(e.event, b"flushdb") == 0 and not flushed:     # several databases at once are told once
                _tell_flush(s)
                tracking_forget(s)
                flushed = True
            continue
        flushed = False
        if e.event_class == EV_NEW or not effect_is_change(e):    # what made a new key follows
            continue
        if t.prefix_count:
            _note(s, e.key, by.id if by != NULL else 0)
        if t.keys.used == 0:
            continue
        hash = dict_hash(&t.type, e.key.ptr, e.key.len)
        key = <TrackedKey*>named_find(&t.keys, e.key, hash)
        if key != NULL:
            named_take(&t.keys, key, hash)
            _forget(s, key, by)


# ---------------------------------------------------------------- connections

cdef void _listen(Server* s) noexcept nogil:
    """Effects are wanted while somebody tracks."""
    if tracking_of(s).on:
        s.ks.fx.wanted |= 1 << SINK_TRACKING
    else:
        s.ks.fx.wanted &= ~<uint32_t>(1 << SINK_TRACKING)


cdef void tracking_start(Server* s, Conn* c, uint64_t redirect, uint32_t options) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef Tracker* tracker = tracker_of(c)
    if tracker == NULL:
        tracker = <Tracker*>mem_alloc(s.mem, sizeof(Tracker))
        tracker.conn = c
        tracker.on = False
        tracker.keys = 0
        tracker.prefix_bytes = 0
        t.trackers = <Tracker**>mem_room(s.mem, t.trackers, t.count, &t.capacity, sizeof(void*), 8)
        t.trackers[t.count] = tracker
        tracker.at = <uint32_t>t.count
        t.count += 1
        c.tracking = tracker
    t.on += not tracker.on
    tracker.on = True
    tracker.redirect = redirect
    tracker.options = options
    c.flags |= CONN_TRACKING
    _listen(s)


cdef void tracking_stop(Server* s, Conn* c) noexcept nogil:
    """The keys it read stay, and are told if it begins again before they change."""
    cdef Tracker* tracker = tracker_of(c)
    if tracker == NULL or not tracker.on:
        return
    if tracker.options & TRACK_BCAST:
        _leave_prefixes(s, tracker)
    tracker.prefix_bytes = 0
    tracker.on = False
    tracker.options = 0
    tracker.redirect = 0
    c.flags &= ~<uint32_t>CONN_TRACKING
    tracking_of(s).on -= 1
    _listen(s)


cdef void tracking_leave(Server* s, Conn* c) noexcept nogil:
    cdef Tracking* t = tracking_of(s)
    cdef Tracker* tracker = tracker_of(c)
    if tracker == NULL:
        return
    tracking_stop(s, c)
    t.count -= 1
    t.trackers[tracker.at] = t.trackers[t.count]
    t.trackers[tracker.at].at = tracker.at
    tracker.conn = NULL
    c.tracking = NULL
    if tracker.keys == 0:
        mem_free(s.mem, tracker, sizeof(Tracker))
