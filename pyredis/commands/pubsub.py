"""Pub/sub: messages through channels. Nothing is kept: who is not subscribed when a message comes never gets it."""

from .spec import (
    FAST,
    LOADING,
    MAY_REPLICATE,
    NOSCRIPT,
    PUBSUB,
    STALE,
    Array,
    Command,
    Family,
    KeyRange,
    NoReply,
    Number,
    Pattern,
    String,
)

SUBSCRIBING = PUBSUB | NOSCRIPT | LOADING | STALE
PUSHES = NoReply("but a push for each name, with how many subscriptions there are then")
SHARD_CHANNELS = [KeyRange(1, -1, 1, access="not_key")]

PUBSUB_SUBCOMMANDS = [
    Command("CHANNELS", since="2.8.0", arity=-2, flags=PUBSUB | LOADING | STALE,
            args=[Pattern("pattern", optional=True)],
            reply=Array("names of channels"),
            complexity="O(N) for N channels with subscribers, of all, and with a pattern its length for each.",
            summary="Lists the channels that somebody is subscribed to."),
    Command("HELP", since="6.2.0", arity=2, flags=LOADING | STALE,
            reply=Array("lines of text"),
            summary="Explains the subcommands of PUBSUB."),
    Command("NUMPAT", since="2.8.0", arity=2, flags=PUBSUB | LOADING | STALE,
            reply=Number("how many"),
            summary="Counts the different patterns that somebody is subscribed to."),
    Command("NUMSUB", since="2.8.0", arity=-2, flags=PUBSUB | LOADING | STALE,
            args=[String("channel", optional=True, many=True)],
            reply=Array("each channel, and after it how many are subscribed"),
            complexity="O(N) for N channels asked about.",
            summary="Counts the subscribers of channels, those of patterns left out."),
    Command("SHARDCHANNELS", since="7.0.0", arity=-2, flags=PUBSUB | LOADING | STALE,
            args=[Pattern("pattern", optional=True)],
            reply=Array("names of shard channels"),
            complexity="O(N) for N shard channels with subscribers, and with a pattern its length for each.",
            summary="Lists the shard channels that somebody is subscribed to."),
    Command("SHARDNUMSUB", since="7.0.0", arity=-2, flags=PUBSUB | LOADING | STALE,
            args=[String("shardchannel", optional=True, many=True)],
            reply=Array("each shard channel, and after it how many are subscribed"),
            complexity="O(N) for N shard channels asked about.",
            summary="Counts the subscribers of shard channels."),
]

FAMILY = Family("pubsub", [
    Command("PSUBSCRIBE", since="2.0.0", arity=-2, flags=SUBSCRIBING,
            args=[Pattern("pattern", many=True)],
            reply=PUSHES,
            complexity="O(N) for N patterns.",
            summary="Subscribes to all channels whose names match patterns."),

    Command("PUBLISH", since="2.0.0", arity=3, flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
            args=[String("channel"), String("message")],
            reply=Number("how many messages were delivered"),
            complexity="O(N+M) for N subscribers of the channel and M patterns, of all.",
            summary="Sends a message to the subscribers of a channel."),

    Command("PUBSUB", since="2.8.0", arity=-2,
            complexity="Depends on the subcommand.",
            summary="Groups the commands that look at channels and subscribers.",
            subcommands=PUBSUB_SUBCOMMANDS),

    Command("PUNSUBSCRIBE", since="2.0.0", arity=-1, flags=SUBSCRIBING,
            args=[Pattern("pattern", optional=True, many=True)],
            reply=PUSHES,
            complexity="O(N) for N patterns.",
            summary="Ends subscriptions to patterns: these, or all."),

    Command("SPUBLISH", since="7.0.0", arity=3, flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
            keys=[KeyRange(1, 1, 1, access="not_key")],
            args=[String("shardchannel"), String("message")],
            reply=Number("how many messages were delivered"),
            complexity="O(N) for N subscribers of the shard channel.",
            summary="Sends a message to the subscribers of a shard channel."),

    Command("SSUBSCRIBE", since="7.0.0", arity=-2, flags=SUBSCRIBING,
            keys=SHARD_CHANNELS,
            args=[String("shardchannel", many=True)],
            reply=PUSHES,
            complexity="O(N) for N shard channels.",
            summary="Subscribes to shard channels, which stay within one part of a cluster."),

    Command("SUBSCRIBE", since="2.0.0", arity=-2, flags=SUBSCRIBING,
            args=[String("channel", many=True)],
            reply=PUSHES,
            complexity="O(N) for N channels.",
            summary="Subscribes to channels."),

    Command("SUNSUBSCRIBE", since="7.0.0", arity=-1, flags=SUBSCRIBING,
            keys=SHARD_CHANNELS,
            args=[String("shardchannel", optional=True, many=True)],
            reply=PUSHES,
            complexity="O(N) for N shard channels.",
            summary="Ends subscriptions to shard channels: these, or all."),

    Command("UNSUBSCRIBE", since="2.0.0", arity=-1, flags=SUBSCRIBING,
            args=[String("channel", optional=True, many=True)],
            reply=PUSHES,
            complexity="O(N) for N channels.",
            summary="Ends subscriptions to channels: these, or all."),
])
