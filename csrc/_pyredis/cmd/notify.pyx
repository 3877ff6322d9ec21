"""notify -- keyspace notifications: what commands changed, as messages.

    an effect "del" of key k in database 0  ->  __keyspace@0__:k   del      (K)
                                                __keyevent@0__:del k        (E)

notify-keyspace-events chooses which of the two channels, and which classes of events. The sink is told of effects
only while that asks for something and somebody has a channel or a pattern (channels_set_notify): otherwise it
costs nothing. The names of events are those of the effects, there is no second table of them.

The messages go out when the command is done, in the order of its effects, and to the client that ran it after
its reply. Commands of EXEC and of scripts are told of one by one, as they end, though all other sinks wait for the
outer one: so these messages keep their place among those that PUBLISH sends there.
"""
from libc.stdint cimport uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, strlen

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.channels cimport channels_of, channels_publish
from _pyredis.cmd.ctx cimport SINK_NOTIFY
from _pyredis.db.effects cimport Effect, Effects

cdef enum:
    NOTIFY_KEYSPACE = 1            # of notify-keyspace-events; a class there is four times that of an effect
    NOTIFY_KEYEVENT = 2
    ROOM = 256                     # of a channel's name without the need to allocate
    PREFIX_ROOM = 40               # __keyspace@<db>__:


cdef void _publish(Server* s, const char* kind, int db, Slice subject, Slice message) noexcept nogil:
    cdef char[ROOM] room
    cdef char* name = room
    cdef size_t size = PREFIX_ROOM + subject.len, n
    if size > ROOM:
        name = <char*>mem_alloc(s.mem, size)
    n = snprintf(name, PREFIX_ROOM, b"__%s@%d__:", kind, db)
    memcpy(name + n, subject.ptr, subject.len)
    channels_publish(s, slice_of(name, n + subject.len), message)
    if name != room:
        mem_free(s.mem, name, size)


cdef void _take_effects(void* server, Effects* fx) noexcept nogil:
    cdef Server* s = <Server*>server
    cdef uint32_t wanted = channels_of(s).notify
    cdef Slice event
    cdef Effect* e
    cdef size_t i, first = fx.told
    fx.told = fx.count
    if not fx.wanted & (1 << SINK_NOTIFY):
        return
    for i in range(first, fx.count):
        e = &fx.list[i]
        if e.key.ptr == NULL or not (e.event_class << 2) & wanted:
            continue
        event = slice_of(e.event, strlen(e.event))
        if wanted & NOTIFY_KEYSPACE:
            _publish(s, b"keyspace", e.db, e.key, event)
        if wanted & NOTIFY_KEYEVENT:
            _publish(s, b"keyevent", e.db, event, e.key)


cdef void notify_bind(Server* s) noexcept nogil:
    s.sinks[<int>SINK_NOTIFY].take = _take_effects
    s.sinks[<int>SINK_NOTIFY].arg = s
