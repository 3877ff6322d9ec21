"""pubsub -- SUBSCRIBE, UNSUBSCRIBE and their forms for patterns and shard channels; PUBLISH, SPUBLISH; PUBSUB.

What is subscribed to is kept in cmd/channels, which also delivers. Here are the words: a command that subscribes
has no reply, but one push for each name (in RESP2 an array like it), with how many subscriptions there are then;
shard channels are counted for themselves. These come under CLIENT REPLY OFF, too.

A message goes to replicas, who have subscribers of their own, and nowhere else: it changes nothing.
"""
from libc.stdint cimport int64_t

from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport OK, Status
from _pyredis.base.text cimport text_glob
from _pyredis.cmd.channels cimport (CHANNEL_PATTERN, CHANNEL_PLAIN, CHANNEL_SHARD, Channel, ChannelKind, Subscription,
                                    Subscriptions, channel_name, channels_find, channels_held, channels_join,
                                    channels_of, channels_part, channels_publish, channels_publish_shard)
from _pyredis.cmd.ctx cimport CONN_REPLY_OFF, CONN_REPLY_SKIP, Ctx, fail_usage, key_at
from _pyredis.cmd.output cimport output_due, output_of_push
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.keyspace cimport Key
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.wire.reply cimport (Deferred, Out, reply_array, reply_begin, reply_end, reply_int, reply_null, reply_push,
                                  reply_simple, reply_slice, reply_text)


# ---------------------------------------------------------------- subscribing

cdef size_t _counted(const Ctx* c, ChannelKind kind) noexcept nogil:
    """The number that goes with a push about this kind."""
    if kind == CHANNEL_SHARD:
        return channels_held(c.conn, CHANNEL_SHARD)
    return channels_held(c.conn, CHANNEL_PLAIN) + channels_held(c.conn, CHANNEL_PATTERN)


cdef void _tell(Ctx* c, const char* what, const Slice* name, size_t count) noexcept nogil:
    cdef bint silent = (c.conn.flags & (CONN_REPLY_OFF | CONN_REPLY_SKIP)) != 0
    cdef Out* out = output_of_push(c.server, c.conn) if silent else c.out
    reply_push(out, 3)
    reply_text(out, what)
    if name != NULL:
        reply_slice(out, name[0])
    else:
        reply_null(out)
    reply_int(out, <int64_t>count)
    if silent:
        output_due(c.server, c.conn)


cdef Status _subscribe(Ctx* c, ChannelKind kind, const char* what) noexcept nogil:
    cdef int i
    for i in range(1, c.argc):
        channels_join(c.server, c.conn, kind, key_at(c, i))
        _tell(c, what, &c.argv[i], _counted(c, kind))
    return OK


cdef void _unsubscribe_all(Ctx* c, ChannelKind kind, const char* what) noexcept nogil:
    cdef Subscriptions* subs
    cdef const Subscription* sub
    cdef DictIter it
    cdef Key name
    cdef size_t left = channels_held(c.conn, kind), count = _counted(c, kind)
    if left == 0:
        _tell(c, what, NULL, count)
    while left:
        subs = <Subscriptions*>c.conn.subscriptions
        dict_iter(&subs.of_kind[<int>kind], &it)
        sub = <const Subscription*>dict_next(&it)
        name.name = channel_name(sub.channel)
        name.hash = sub.channel.hash
        left -= 1
        count -= 1
        _tell(c, what, &name.name, count)        # before its name goes
        channels_part(c.server, c.conn, kind, name)


cdef Status _unsubscribe(Ctx* c, ChannelKind kind, const char* what) noexcept nogil:
    cdef int i
    if c.argc == 1:
        _unsubscribe_all(c, kind, what)
    for i in range(1, c.argc):
        channels_part(c.server, c.conn, kind, key_at(c, i))
        _tell(c, what, &c.argv[i], _counted(c, kind))
    return OK


cdef Status cmd_subscribe(Ctx* c) noexcept nogil:
    """SUBSCRIBE channel [channel ...] -> a push for each: subscribe, channel, how many subscriptions there are."""
    return _subscribe(c, CHANNEL_PLAIN, b"subscribe")


cdef Status cmd_unsubscribe(Ctx* c) noexcept nogil:
    """UNSUBSCRIBE [channel ...] -> a push for each; without a channel for all there are, or one with a null."""
    return _unsubscribe(c, CHANNEL_PLAIN, b"unsubscribe")


cdef Status cmd_psubscribe(Ctx* c) noexcept nogil:
    """PSUBSCRIBE pattern [pattern ...] -> a push for each."""
    return _subscribe(c, CHANNEL_PATTERN, b"psubscribe")


cdef Status cmd_punsubscribe(Ctx* c) noexcept nogil:
    """PUNSUBSCRIBE [pattern ...] -> a push for each."""
    return _unsubscribe(c, CHANNEL_PATTERN, b"punsubscribe")


cdef Status cmd_ssubscribe(Ctx* c) noexcept nogil:
    """SSUBSCRIBE shardchannel [shardchannel ...] -> a push for each."""
    return _subscribe(c, CHANNEL_SHARD, b"ssubscribe")


cdef Status cmd_sunsubscribe(Ctx* c) noexcept nogil:
    """SUNSUBSCRIBE [shardchannel ...] -> a push for each."""
    return _unsubscribe(c, CHANNEL_SHARD, b"sunsubscribe")


# ---------------------------------------------------------------- publishing

cdef Status cmd_publish(Ctx* c) noexcept nogil:
    """PUBLISH channel message -> how many messages were delivered, here."""
    c.ks.fx.to_replicas = c.ks.fx.propagating
    reply_int(c.out, <int64_t>channels_publish(c.server, c.argv[1], c.argv[2]))
    return OK


cdef Status cmd_spublish(Ctx* c) noexcept nogil:
    """SPUBLISH shardchannel message -> how many messages were delivered."""
    c.ks.fx.to_replicas = c.ks.fx.propagating
    reply_int(c.out, <int64_t>channels_publish_shard(c.server, key_at(c, 1), c.argv[2]))
    return OK


# ---------------------------------------------------------------- looking

cdef Status _names(Ctx* c, ChannelKind kind) noexcept nogil:
    """All channels of a kind, or those that match argv[2]."""
    cdef Deferred list
    cdef DictIter it
    cdef const Channel* ch
    cdef Slice name
    cdef size_t n = 0
    if c.argc > 3:
        return fail_usage(c)
    list = reply_begin(c.out, c'*')
    dict_iter(&channels_of(c.server).of_kind[<int>kind], &it)
    ch = <const Channel*>dict_next(&it)
    while ch != NULL:
        name = channel_name(ch)
        if c.argc == 2 or text_glob(c.argv[2].ptr, c.argv[2].len, name.ptr, name.len, False):
            reply_slice(c.out, name)
            n += 1
        ch = <const Channel*>dict_next(&it)
    reply_end(c.out, list, n)
    return OK


cdef Status _counts(Ctx* c, ChannelKind kind) noexcept nogil:
    cdef const Channel* ch
    cdef int i
    reply_array(c.out, 2 * (c.argc - 2))
    for i in range(2, c.argc):
        ch = channels_find(c.server, kind, key_at(c, i))
        reply_slice(c.out, c.argv[i])
        reply_int(c.out, <int64_t>ch.count if ch != NULL else 0)
    return OK


cdef Status cmd_pubsub_channels(Ctx* c) noexcept nogil:
    """PUBSUB CHANNELS [pattern] -> the channels that somebody subscribed to."""
    return _names(c, CHANNEL_PLAIN)


cdef Status cmd_pubsub_shardchannels(Ctx* c) noexcept nogil:
    """PUBSUB SHARDCHANNELS [pattern] -> the shard channels that somebody subscribed to."""
    return _names(c, CHANNEL_SHARD)


cdef Status cmd_pubsub_numsub(Ctx* c) noexcept nogil:
    """PUBSUB NUMSUB [channel ...] -> for each the channel, then how many subscribed to it."""
    return _counts(c, CHANNEL_PLAIN)


cdef Status cmd_pubsub_shardnumsub(Ctx* c) noexcept nogil:
    """PUBSUB SHARDNUMSUB [shardchannel ...] -> for each the channel, then how many subscribed to it."""
    return _counts(c, CHANNEL_SHARD)


cdef Status cmd_pubsub_numpat(Ctx* c) noexcept nogil:
    """PUBSUB NUMPAT -> how many different patterns somebody subscribed to."""
    reply_int(c.out, <int64_t>channels_of(c.server).of_kind[<int>CHANNEL_PATTERN].used)
    return OK


cdef Status cmd_pubsub_help(Ctx* c) noexcept nogil:
    """PUBSUB HELP -> lines of text."""
    cdef const char* lines[13]
    cdef int i
    lines[0] = b"PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    lines[1] = b"CHANNELS [<pattern>]"
    lines[2] = b"    The channels with subscribers, of those that match <pattern>. Patterns do not count."
    lines[3] = b"NUMPAT"
    lines[4] = b"    How many different patterns are subscribed to."
    lines[5] = b"NUMSUB [<channel> ...]"
    lines[6] = b"    How many subscribers each <channel> has, those of patterns not counted."
    lines[7] = b"SHARDCHANNELS [<pattern>]"
    lines[8] = b"    The shard channels with subscribers, of those that match <pattern>."
    lines[9] = b"SHARDNUMSUB [<shardchannel> ...]"
    lines[10] = b"    How many subscribers each <shardchannel> has."
    lines[11] = b"HELP"
    lines[12] = b"    Print this help."
    reply_array(c.out, 13)
    for i in range(13):
        reply_simple(c.out, lines[i])
    return OK


cdef void bind_pubsub(Table* t) noexcept nogil:
    table_bind(t, b"SUBSCRIBE", cmd_subscribe)
    table_bind(t, b"UNSUBSCRIBE", cmd_unsubscribe)
    table_bind(t, b"PSUBSCRIBE", cmd_psubscribe)
    table_bind(t, b"PUNSUBSCRIBE", cmd_punsubscribe)
    table_bind(t, b"SSUBSCRIBE", cmd_ssubscribe)
    table_bind(t, b"SUNSUBSCRIBE", cmd_sunsubscribe)
    table_bind(t, b"PUBLISH", cmd_publish)
    table_bind(t, b"SPUBLISH", cmd_spublish)
    table_bind(t, b"PUBSUB|CHANNELS", cmd_pubsub_channels)
    table_bind(t, b"PUBSUB|NUMSUB", cmd_pubsub_numsub)
    table_bind(t, b"PUBSUB|NUMPAT", cmd_pubsub_numpat)
    table_bind(t, b"PUBSUB|SHARDCHANNELS", cmd_pubsub_shardchannels)
    table_bind(t, b"PUBSUB|SHARDNUMSUB", cmd_pubsub_shardnumsub)
    table_bind(t, b"PUBSUB|HELP", cmd_pubsub_help)
