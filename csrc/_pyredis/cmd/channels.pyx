"""channels -- who subscribed to what, and delivery to them.

    Server.pubsub -> a table for each kind (channels, patterns, shard channels), by name:
    Channel "news" -> | conn, subscription | conn, subscription | ...          its subscribers, without gaps
    Conn.subscriptions -> a table for each kind, by name: Subscription { channel, place among its subscribers }

Publishing walks one array. A subscription knows its place there, so that leaving is O(1) whatever the channel's
size: the last subscriber takes the place. A pattern is one Channel however many have it, and is matched once.

Each pattern has a Matcher in one array, which refuses most names at a glance (base/glob).

A message is encoded once for each protocol that a subscriber speaks (cmd/output says how it gets there). Order: to
one connection first the message for the channel itself, then those of its patterns, in no order, as in Redis.

Keyspace notifications ask here whether anybody could hear them: while nobody has a channel or pattern, effects
are not recorded for them.

Cost of a subscription: 16 bytes here, 16 in the channel, and its share of two tables. All memory is the arena's.

Rules checked by channels_check: 1 a channel has a subscriber, 2 each of these knows its place, 3 a matcher
belongs to its pattern, 4 a table is broken.
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport memcpy

from _pyredis.base.glob cimport glob_compile, glob_head, glob_matches, glob_may_match
from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_realloc, mem_room
from _pyredis.base.num cimport num_format_u64
from _pyredis.base.slice cimport slice_of
from _pyredis.cmd.ctx cimport GATE_SUBSCRIBED, SINK_NOTIFY
from _pyredis.cmd.named cimport named_add, named_find, named_free, named_take, named_type
from _pyredis.cmd.output cimport output_push
from _pyredis.db.effects cimport EV_KEY_MISS, EV_NEW
from _pyredis.db.keyspace cimport keyspace_key
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data, bytestr_free, bytestr_new
from _pyredis.ds.dict cimport (DictIter, Place, dict_bytes, dict_check, dict_drain, dict_find, dict_free, dict_init,
                               dict_insert, dict_iter, dict_next, dict_remove)

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)
    void PREFETCH(const void* p)

cdef enum:
    AHEAD = 4                      # subscribers whose lines are asked for before their turn
    HEADER_ROOM = 24               # `$`, digits, CR LF
    KEYSPACE_CHANNELS = 3          # notify-keyspace-events: K | E
    SHRINK_FROM = 16               # an array of fewer slots is left as it is


cdef const char* _held_name(const void* subscription, size_t* n) noexcept nogil:
    cdef Slice name = channel_name((<const Subscription*>subscription).channel)
    n[0] = name.len
    return name.ptr


cdef Channels* channels_new(Server* s) noexcept nogil:
    cdef Channels* p = <Channels*>calloc(1, sizeof(Channels))
    cdef int i
    if p == NULL:
        fatal_oom(sizeof(Channels))
    p.type = named_type(s)
    p.held = s.ks.type
    p.held.key_of = _held_name
    for i in range(CHANNEL_KINDS):
        dict_init(&p.of_kind[i], &p.type)
    return p


cdef void channels_free(Server* s) noexcept nogil:
    cdef Channels* p = channels_of(s)
    cdef int i
    for i in range(CHANNEL_KINDS):
        dict_free(&p.of_kind[i])
    mem_free(s.mem, p.matchers, p.matcher_capacity * sizeof(Matcher))
    libc_free(p)


# ---------------------------------------------------------------- patterns

cdef void _add_matcher(Server* s, Channel* pattern) noexcept nogil:
    """After the pattern came into its table."""
    cdef Channels* p = channels_of(s)
    cdef Matcher* m
    pattern.place = p.of_kind[<int>CHANNEL_PATTERN].used - 1
    p.matchers = <Matcher*>mem_room(s.mem, p.matchers, pattern.place, &p.matcher_capacity, sizeof(Matcher), 4)
    m = &p.matchers[pattern.place]
    glob_compile(&m.glob, channel_name(pattern))
    m.channel = pattern


cdef void _remove_matcher(Channels* p, const Channel* pattern) noexcept nogil:
    """Before the pattern leaves its table."""
    cdef Matcher* last = &p.matchers[p.of_kind[<int>CHANNEL_PATTERN].used - 1]
    last.channel.place = pattern.place
    p.matchers[pattern.place] = last[0]


# ---------------------------------------------------------------- subscribing

cdef void _follow_audience(Server* s) noexcept nogil:
    """Notifications are made only while they are configured and somebody could hear them."""
    cdef Channels* p = channels_of(s)
    cdef bint heard = p.of_kind[<int>CHANNEL_PLAIN].used or p.of_kind[<int>CHANNEL_PATTERN].used
    if heard and p.notify & KEYSPACE_CHANNELS and p.notify & ~<uint32_t>KEYSPACE_CHANNELS:
        s.ks.fx.wanted |= 1 << SINK_NOTIFY
        s.ks.fx.extra = (p.notify >> 2) & (EV_NEW | EV_KEY_MISS)
    else:
        s.ks.fx.wanted &= ~<uint32_t>(1 << SINK_NOTIFY)
        s.ks.fx.extra = 0


cdef void channels_set_notify(Server* s, uint32_t mask) noexcept nogil:
    channels_of(s).notify = mask
    _follow_audience(s)


cdef void channels_set_gate(Conn* c) noexcept nogil:
    """In RESP2 a message is told from a reply only if few commands can be sent."""
    if c.subscriptions != NULL and c.out.proto == 2:
        c.gates |= GATE_SUBSCRIBED
    else:
        c.gates &= ~<uint32_t>GATE_SUBSCRIBED


cdef Channel* _channel(Server* s, ChannelKind kind, Key name) noexcept nogil:
    """The channel of this name, made if need be."""
    cdef Channels* p = channels_of(s)
    cdef Channel* ch = channels_find(s, kind, name)
    if ch != NULL:
        return ch
    ch = <Channel*>named_add(&p.of_kind[<int>kind], name.name, name.hash, sizeof(Channel))
    ch.hash = name.hash
    if kind == CHANNEL_PATTERN:
        _add_matcher(s, ch)
    _follow_audience(s)
    return ch


cdef void _free_channel(Server* s, ChannelKind kind, Channel* ch) noexcept nogil:
    """Nobody is left."""
    cdef Channels* p = channels_of(s)
    if kind == CHANNEL_PATTERN:
        _remove_matcher(p, ch)
    named_take(&p.of_kind[<int>kind], ch, ch.hash)
    mem_free(s.mem, ch.slots, ch.capacity * sizeof(Slot))
    named_free(s.mem, ch)
    _follow_audience(s)


cdef Subscriptions* _subscriptions(Server* s, Conn* c) noexcept nogil:
    cdef Subscriptions* subs = <Subscriptions*>c.subscriptions
    cdef int i
    if subs != NULL:
        return subs
    subs = <Subscriptions*>mem_alloc(s.mem, sizeof(Subscriptions))
    for i in range(CHANNEL_KINDS):
        dict_init(&subs.of_kind[i], &channels_of(s).held)
    subs.channel_bytes = 0
    c.subscriptions = subs
    channels_of(s).clients += 1
    channels_set_gate(c)
    return subs


cdef void _forget_if_idle(Server* s, Conn* c) noexcept nogil:
    """Without a subscription it is an ordinary connection again."""
    cdef Subscriptions* subs = <Subscriptions*>c.subscriptions
    cdef int i
    for i in range(CHANNEL_KINDS):
        if subs.of_kind[i].used:
            return
    for i in range(CHANNEL_KINDS):
        dict_free(&subs.of_kind[i])
    mem_free(s.mem, subs, sizeof(Subscriptions))
    c.subscriptions = NULL
    channels_of(s).clients -= 1
    channels_set_gate(c)


cdef bint channels_join(Server* s, Conn* c, ChannelKind kind, Key name) noexcept nogil:
    cdef Subscriptions* subs = _subscriptions(s, c)
    cdef Subscription* sub
    cdef Channel* ch
    if dict_find(&subs.of_kind[<int>kind], name.name.ptr, name.name.len, name.hash, NULL) != NULL:
        return False
    ch = _channel(s, kind, name)
    sub = <Subscription*>mem_alloc(s.mem, sizeof(Subscription))
    ch.slots = <Slot*>mem_room(s.mem, ch.slots, ch.count, &ch.capacity, sizeof(Slot), 1)
    ch.slots[ch.count].conn = c
    ch.slots[ch.count].subscription = sub
    sub.channel = ch
    sub.place = ch.count
    ch.count += 1
    dict_insert(&subs.of_kind[<int>kind], sub, name.hash)
    subs.channel_bytes += mem_footprint(sizeof(Channel) + ch.named.length)
    return True


cdef void _end(Server* s, ChannelKind kind, Subscription* sub) noexcept nogil:
    """Of one that is in its connection's table no more."""
    cdef Channel* ch = sub.channel
    ch.count -= 1
    ch.slots[sub.place] = ch.slots[ch.count]
    ch.slots[sub.place].subscription.place = sub.place
    mem_free(s.mem, sub, sizeof(Subscription))
    if ch.count == 0:
        _free_channel(s, kind, ch)
    elif ch.capacity > SHRINK_FROM and ch.count * 4 <= ch.capacity:
        ch.slots = <Slot*>mem_realloc(s.mem, ch.slots, ch.capacity * sizeof(Slot), ch.capacity // 2 * sizeof(Slot))
        ch.capacity //= 2


cdef bint channels_part(Server* s, Conn* c, ChannelKind kind, Key name) noexcept nogil:
    """`name` may be the channel's own, which may be gone afterwards."""
    cdef Subscriptions* subs = <Subscriptions*>c.subscriptions
    cdef Subscription* sub
    cdef Place at
    if subs == NULL:
        return False
    sub = <Subscription*>dict_find(&subs.of_kind[<int>kind], name.name.ptr, name.name.len, name.hash, &at)
    if sub == NULL:
        return False
    dict_remove(&subs.of_kind[<int>kind], at, name.hash)
    subs.channel_bytes -= mem_footprint(sizeof(Channel) + sub.channel.named.length)
    _end(s, kind, sub)
    _forget_if_idle(s, c)
    return True


cdef struct _Leaving:
    Server* server
    ChannelKind kind


cdef void _leave(void* arg, void* sub) noexcept nogil:
    _end((<_Leaving*>arg).server, (<_Leaving*>arg).kind, <Subscription*>sub)


cdef void channels_leave(Server* s, Conn* c) noexcept nogil:
    cdef Subscriptions* subs = <Subscriptions*>c.subscriptions
    cdef _Leaving leaving
    cdef int i
    if subs == NULL:
        return
    leaving.server = s
    for i in range(CHANNEL_KINDS):
        leaving.kind = <ChannelKind>i
        while dict_drain(&subs.of_kind[i], 1 << 20, _leave, &leaving):
            pass
    _forget_if_idle(s, c)


# ---------------------------------------------------------------- looking

cdef Channel* channels_find(const Server* s, ChannelKind kind, Key name) noexcept nogil:
    return <Channel*>named_find(&channels_of(s).of_kind[<int>kind], name.name, name.hash)


cdef size_t channels_held(const Conn* c, ChannelKind kind) noexcept nogil:
    cdef const Subscriptions* subs = <const Subscriptions*>c.subscriptions
    return subs.of_kind[<int>kind].used if subs != NULL else 0


cdef size_t channels_memory(const Conn* c) noexcept nogil:
    """Bytes of its subscriptions, their places in the channels' arrays included, and of the channels."""
    cdef const Subscriptions* subs = <const Subscriptions*>c.subscriptions
    cdef size_t n
    cdef int i
    if subs == NULL:
        return 0
    n = mem_footprint(sizeof(Subscriptions)) + subs.channel_bytes
    for i in range(CHANNEL_KINDS):
        n += dict_bytes(&subs.of_kind[i]) + subs.of_kind[i].used * (sizeof(Subscription) + sizeof(Slot))
    return n


cdef int channels_check(const Server* s) noexcept nogil:
    cdef const Channels* p = channels_of(s)
    cdef const Channel* ch
    cdef DictIter it
    cdef size_t i
    cdef int kind
    for kind in range(CHANNEL_KINDS):
        if dict_check(&p.of_kind[kind]):
            return 4
        dict_iter(&p.of_kind[kind], &it)
        ch = <const Channel*>dict_next(&it)
        while ch != NULL:
            if ch.count == 0 or ch.count > ch.capacity:
                return 1
            for i in range(ch.count):
                if ch.slots[i].subscription.channel != ch or ch.slots[i].subscription.place != i:
                    return 2
            if kind == CHANNEL_PATTERN and p.matchers[ch.place].channel != ch:
                return 3
            ch = <const Channel*>dict_next(&it)
    return 0


# ---------------------------------------------------------------- delivering

cdef char* _write_bulk(char* p, Slice text) noexcept nogil:
    p[0] = c'$'
    p += 1 + num_format_u64(text.len, p + 1)
    p[0] = c'\r'
    p[1] = c'\n'
    if text.len:
        memcpy(p + 2, text.ptr, text.len)
    p += 2 + text.len
    p[0] = c'\r'
    p[1] = c'\n'
    return p + 2


cdef ByteStr* _encode(Arena* mem, int proto, int count, const Slice* words) noexcept nogil:
    """An array or push of `count` words, up to 9."""
    cdef size_t room = HEADER_ROOM
    cdef ByteStr* m
    cdef char* p
    cdef int i
    for i in range(count):
        room += words[i].len + HEADER_ROOM + 2
    m = bytestr_new(mem, NULL, 0, room)
    p = bytestr_data(m)
    p[0] = c'*' if proto == 2 else c'>'
    p[1] = <char>(c'0' + count)
    p[2] = c'\r'
    p[3] = c'\n'
    p += 4
    for i in range(count):
        p = _write_bulk(p, words[i])
    m.length = p - bytestr_data(m)
    return m


cdef size_t _deliver(Server* s, const Channel* to, int count, const Slice* words) noexcept nogil:
    """Sends these words to all subscribers of `to`."""
    cdef ByteStr* encoded[2]
    cdef Conn* conn
    cdef size_t i
    cdef int form
    encoded[0] = encoded[1] = NULL
    for i in range(to.count):
        if i + AHEAD < to.count:
            PREFETCH(&to.slots[i + AHEAD].conn.flags)
            PREFETCH(&to.slots[i + AHEAD].conn.out)
        conn = to.slots[i].conn
        form = conn.out.proto == 3
        if encoded[form] == NULL:
            encoded[form] = _encode(s.mem, conn.out.proto, count, words)
        output_push(s, conn, encoded[form])
    for form in range(2):
        if encoded[form] != NULL:
            bytestr_free(s.mem, encoded[form])
    return to.count


cdef size_t channels_publish(Server* s, Slice channel, Slice message) noexcept nogil:
    cdef Channels* p = channels_of(s)
    cdef size_t receivers = 0, i, patterns = p.of_kind[<int>CHANNEL_PATTERN].used
    cdef Slice[4] words
    cdef Channel* ch
    cdef uint64_t head
    words[2] = channel
    words[3] = message
    if p.of_kind[<int>CHANNEL_PLAIN].used:
        ch = channels_find(s, CHANNEL_PLAIN, keyspace_key(s.ks, channel))
        if ch != NULL:
            words[1] = slice_of(b"message", 7)
            receivers = _deliver(s, ch, 3, words + 1)
    if patterns:
        head = glob_head(channel)
        words[0] = slice_of(b"pmessage", 8)
        for i in range(patterns):
            if not glob_may_match(&p.matchers[i].glob, head, channel):
                continue                         # without a look at its name, which lies elsewhere
            ch = p.matchers[i].channel
            words[1] = channel_name(ch)
            if glob_matches(&p.matchers[i].glob, words[1], head, channel):
                receivers += _deliver(s, ch, 4, words)
    return receivers


cdef size_t channels_publish_shard(Server* s, Key channel, Slice message) noexcept nogil:
    cdef Channel* ch = channels_find(s, CHANNEL_SHARD, channel)
    cdef Slice[3] words
    if ch == NULL:
        return 0
    words[0] = slice_of(b"smessage", 8)
    words[1] = channel.name
    words[2] = message
    return _deliver(s, ch, 3, words)
