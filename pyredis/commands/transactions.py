"""Transactions: commands that run together or not at all, and keys whose change prevents it."""

from .spec import (
    ALLOW_BUSY,
    FAST,
    LOADING,
    NOSCRIPT,
    RUNS_QUEUE,
    SKIP_SLOWLOG,
    STALE,
    UNQUEUED,
    Array,
    Category,
    Command,
    Family,
    Key,
    KeyRange,
    Null,
    Status,
)

FAMILY = Family("transactions", categories=Category.TRANSACTION, commands=[
    Command("DISCARD", since="2.0.0", arity=1,
            flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED,
            reply=Status("OK"),
            complexity="O(N) for N queued commands.",
            summary="Forgets the commands queued since MULTI, and the watched keys."),

    Command("EXEC", since="1.2.0", arity=1,
            flags=NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | UNQUEUED | RUNS_QUEUE,
            reply=Array("the reply of each queued command") | Null("a watched key has changed, so none was run"),
            complexity="That of the queued commands.",
            summary="Runs the commands queued since MULTI, with nothing in between."),

    Command("MULTI", since="1.2.0", arity=1,
            flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED,
            reply=Status("OK"),
            summary="Queues the commands that follow, up to EXEC or DISCARD."),

    Command("UNWATCH", since="2.2.0", arity=1,
            flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
            reply=Status("OK"),
            complexity="O(N) for N watched keys.",
            summary="Forgets the watched keys, and what happened to them."),

    Command("WATCH", since="2.2.0", arity=-2,
            flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED,
            keys=[KeyRange(1, -1, 1, access="RO")],
            args=[Key("key", many=True)],
            reply=Status("OK"),
            complexity="O(1) for each key.",
            summary="Makes the next EXEC do nothing if one of these keys has changed by then."),
])
