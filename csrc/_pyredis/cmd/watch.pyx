"""watch -- who is to be told by a failing EXEC that a key has changed.

    Server.watching -> for each database a table of watched keys
    WatchedKey "k" -> Watch <-> Watch <-> ...          who watches it
                        ^
    Transaction.watches + -> Watch -> ...              what one connection watches, of any database

Changes are seen in the effects of commands (Effects.wanted is on while somebody watches): whatever the command was,
and whoever sent it, an effect on a watched key marks its watchers (CONN_DIRTY_CAS). A marked connection is not
asked about again, so it watches nothing any more.

A key's end has to be told apart: one that was past its time when WATCH came is no less absent when it is removed.
Each Watch therefore knows what its key was, and that stays true as long as the watch does, since whatever changes it
marks the watcher. So it is also known, when a database was emptied or exchanged, what had been there before: a key
that exists neither before nor after is not changed. A time that runs out between WATCH and EXEC, without any
command meeting the key, is looked for by EXEC (watch_expired).

Cost: WATCH and its end are O(1) a key (of one that others watch, too: O(own watches)); an effect is a look-up while anybody watches keys of its database; flushing or
swapping a database is O(watches in it). A Watch is 48 bytes, a watched key 24 and its name.
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport strcmp

from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free
from _pyredis.cmd.ctx cimport CONN_DIRTY_CAS, SINK_WATCH
from _pyredis.cmd.named cimport (Named, named_add, named_find, named_free, named_name, named_take, named_tables,
                                 named_tables_free, named_type)
from _pyredis.cmd.queue cimport Transaction, Watch, transaction_of, transaction_open, transaction_rest
from _pyredis.db.effects cimport EV_EXPIRED, Effect, Effects, effect_is_change
from _pyredis.db.keyspace cimport keyspace_find, keyspace_key
from _pyredis.db.value cimport Entry, entry_is_over
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)

cdef struct WatchedKey:
    Named named
    int db
    Watch* first


cdef Watching* watching_new(Server* s) noexcept nogil:
    """Nobody watches anything yet. The server's sink SINK_WATCH is the one to tell of effects."""
    cdef Watching* w = <Watching*>calloc(1, sizeof(Watching))
    if w == NULL:
        fatal_oom(sizeof(Watching))
    w.type = named_type(s)
    w.keys = named_tables(s, &w.type)
    s.sinks[<int>SINK_WATCH].take = _take_effects
    s.sinks[<int>SINK_WATCH].arg = s
    return w


cdef void watching_free(Server* s) noexcept nogil:
    cdef Watching* w = watching_of(s)
    named_tables_free(s, w.keys)
    libc_free(w)


# ---------------------------------------------------------------- watching

cdef WatchState _state(Server* s, int db, Key key) noexcept nogil:
    cdef Entry* e = keyspace_find(&s.ks.dbs[db], key)
    return WATCH_ABSENT if e == NULL else WATCH_EXPIRED if entry_is_over(e, s.ks.due_ms) else WATCH_LIVE


cdef WatchedKey* _watched_key(Server* s, int db, Key key) noexcept nogil:
    """The key's list of watchers, made if there is none."""
    cdef Watching* all = watching_of(s)
    cdef WatchedKey* k = <WatchedKey*>named_find(&all.keys[db], key.name, key.hash)
    if k != NULL:
        return k
    k = <WatchedKey*>named_add(&all.keys[db], key.name, key.hash, sizeof(WatchedKey))
    k.db = db
    all.count += 1
    return k


cdef void _drop_key(Server* s, WatchedKey* k) noexcept nogil:
    cdef Watching* all = watching_of(s)
    named_take(&all.keys[k.db], k, keyspace_key(s.ks, named_name(k)).hash)
    all.count -= 1
    named_free(s.mem, k)


cdef void watch_add(Ctx* c, Key key) noexcept nogil:
    cdef Server* s = c.server
    cdef Transaction* t = transaction_open(s, c.conn)
    cdef WatchedKey* k = _watched_key(s, c.db.id, key)
    cdef Watch* w = t.watches if k.first != NULL else NULL
    while w != NULL:
        if w.key == k:
            return
        w = w.next_own
    w = <Watch*>mem_alloc(s.mem, sizeof(Watch))
    w.conn = c.conn
    w.key = k
    w.state = _state(s, c.db.id, key)
    w.prev = NULL
    w.next = k.first
    if k.first != NULL:
        k.first.prev = w
    k.first = w
    w.next_own = t.watches
    if t.watches == NULL:
        watching_of(s).clients += 1
        s.ks.fx.wanted |= 1 << SINK_WATCH
    t.watches = w
    t.watched += 1
    t.watched_bytes += mem_footprint(sizeof(WatchedKey) + key.name.len)


cdef void watch_none(Server* s, Conn* conn) noexcept nogil:
    cdef Transaction* t = transaction_of(conn)
    cdef Watching* all = watching_of(s)
    cdef Watch* w
    cdef WatchedKey* k
    if t == NULL or t.watches == NULL:
        return
    while t.watches != NULL:
        w = t.watches
        t.watches = w.next_own
        k = <WatchedKey*>w.key
        if w.prev != NULL:
            w.prev.next = w.next
        else:
            k.first = w.next
        if w.next != NULL:
            w.next.prev = w.prev
        if k.first == NULL:
            _drop_key(s, k)
        mem_free(s.mem, w, sizeof(Watch))
    t.watched = t.watched_bytes = 0
    all.clients -= 1
    if all.clients == 0:
        s.ks.fx.wanted &= ~<uint32_t>(1 << SINK_WATCH)
    transaction_rest(s, conn)


cdef bint watch_expired(Server* s, const Conn* conn) noexcept nogil:
    """Is a key that lived when it was watched past its time now?"""
    cdef Transaction* t = transaction_of(conn)
    cdef Watch* w = t.watches if t != NULL else NULL
    cdef WatchedKey* k
    while w != NULL:
        k = <WatchedKey*>w.key
        if w.state == WATCH_LIVE and _state(s, k.db, keyspace_key(s.ks, named_name(k))) == WATCH_EXPIRED:
            return True
        w = w.next_own
    return False


# ---------------------------------------------------------------- changes

cdef void _key_changed(Server* s, WatchedKey* k, const Effect* e) noexcept nogil:
    """Marks those who watch the key."""
    cdef Watch* w = k.first
    cdef Watch* next
    while w != NULL:
        next = w.next                            # of another connection: it stays, and with it the key
        if w.state == WATCH_EXPIRED and e.event_class == EV_EXPIRED and strcmp(e.event, b"expired") == 0:
            w.state = WATCH_ABSENT               # it was past its time, and now it is removed
        else:
            w.conn.flags |= CONN_DIRTY_CAS
            watch_none(s, w.conn)
        w = next


cdef void _all_changed(Server* s, int db) noexcept nogil:
    """The database was emptied, or exchanged for another: marks those who watch a key that was or is there."""
    cdef DictIter walk
    cdef WatchedKey* k
    cdef Watch* w
    cdef WatchState now
    dict_iter(&watching_of(s).keys[db], &walk)
    k = <WatchedKey*>dict_next(&walk)
    while k != NULL:
        now = _state(s, db, keyspace_key(s.ks, named_name(k)))
        w = k.first
        while w != NULL:
            if w.state == WATCH_LIVE or now == WATCH_LIVE:
                w.conn.flags |= CONN_DIRTY_CAS   # it goes on watching: nothing may leave the table now
            else:
                w.state = now
            w = w.next
        k = <WatchedKey*>dict_next(&walk)


cdef void _take_effects(void* server, Effects* fx) noexcept nogil:
    """The sink."""
    cdef Server* s = <Server*>server
    cdef Watching* all = watching_of(s)
    cdef WatchedKey* k
    cdef Effect* e
    cdef size_t i
    if all.clients == 0:
        return
    for i in range(fx.count):
        e = &fx.list[i]
        if all.keys[e.db].used == 0 or not effect_is_change(e):
            continue
        if e.key.ptr == NULL:
            _all_changed(s, e.db)
            continue
        k = <WatchedKey*>named_find(&all.keys[e.db], e.key, keyspace_key(s.ks, e.key).hash)
        if k != NULL:
            _key_changed(s, k, e)
