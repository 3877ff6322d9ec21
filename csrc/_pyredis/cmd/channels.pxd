# channels -- who subscribed to what, and delivery to them. The story is in channels.pyx.
from libc.stdint cimport uint32_t, uint64_t
from _pyredis.base.glob cimport Glob
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Conn, Server
from _pyredis.cmd.named cimport Named, named_name
from _pyredis.db.keyspace cimport Key
from _pyredis.ds.dict cimport Dict, DictType

cdef enum ChannelKind:
    CHANNEL_PLAIN = 0
    CHANNEL_PATTERN
    CHANNEL_SHARD
    CHANNEL_KINDS

cdef struct Slot:                  # one subscriber of a channel
    Conn* conn
    Subscription* subscription

cdef struct Channel:               # a name that somebody subscribed to
    Named named
    uint64_t hash
    Slot* slots
    size_t count
    size_t capacity
    size_t place                   # of a pattern: among the matchers

cdef struct Subscription:          # of one connection to one channel
    Channel* channel
    size_t place                   # among the channel's slots

cdef struct Subscriptions:         # of one connection
    Dict of_kind[3]                # of Subscription, by name
    size_t channel_bytes           # of the channels themselves, each of which others may have, too

cdef struct Matcher:
    Glob glob
    Channel* channel

cdef struct Channels:
    Dict of_kind[3]                # of Channel, by name
    DictType type
    DictType held                  # of subscriptions
    Matcher* matchers              # one a pattern, in no order
    size_t matcher_capacity
    size_t clients                 # connections with a subscription
    uint32_t notify                # the mask of notify-keyspace-events

cdef Channels* channels_new(Server* s) noexcept nogil
cdef void   channels_free(Server* s) noexcept nogil              # when no connection is left

cdef bint   channels_join(Server* s, Conn* c, ChannelKind kind, Key name) noexcept nogil      # False: it was there
cdef bint   channels_part(Server* s, Conn* c, ChannelKind kind, Key name) noexcept nogil      # False: it was not
cdef void   channels_leave(Server* s, Conn* c) noexcept nogil    # all of them
cdef void   channels_set_gate(Conn* c) noexcept nogil            # whenever its protocol has changed
cdef void   channels_set_notify(Server* s, uint32_t mask) noexcept nogil

# To everybody who subscribed; how many messages that were.
cdef size_t channels_publish(Server* s, Slice channel, Slice message) noexcept nogil
cdef size_t channels_publish_shard(Server* s, Key channel, Slice message) noexcept nogil

cdef Channel* channels_find(const Server* s, ChannelKind kind, Key name) noexcept nogil       # NULL: nobody
cdef size_t channels_held(const Conn* c, ChannelKind kind) noexcept nogil                     # by this connection
cdef size_t channels_memory(const Conn* c) noexcept nogil
cdef int    channels_check(const Server* s) noexcept nogil       # 0, or the number of the broken rule

cdef inline Channels* channels_of(const Server* s) noexcept nogil:
    return <Channels*>s.pubsub

cdef inline Slice channel_name(const Channel* ch) noexcept nogil:
    return named_name(ch)
