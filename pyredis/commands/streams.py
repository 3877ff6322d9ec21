"""Streams: entries of fields and values under ascending IDs, and groups of consumers that share the reading."""

from .spec import (
    BLOCKING,
    DENYOOM,
    FAST,
    LOADING,
    READONLY,
    STALE,
    WRITE,
    Array,
    Block,
    Bulk,
    Category,
    Command,
    Family,
    Integer,
    Key,
    KeyRange,
    KeywordRange,
    Map,
    Null,
    Number,
    OneOf,
    PureToken,
    Status,
    String,
    UnixTime,
)

UPDATES = [KeyRange(1, 1, 1, access="RW UPDATE")]
DELETES = [KeyRange(1, 1, 1, access="RW DELETE")]
READS = [KeyRange(1, 1, 1, access="RO ACCESS")]

TRIM_PARTS = [OneOf("strategy", [PureToken("maxlen"), PureToken("minid", since="6.2.0")]),
              OneOf("operator", [PureToken("equal", token="="),
                                 PureToken("approximately", token="~")], optional=True),
              String("threshold"),
              Integer("count", token="LIMIT", optional=True, since="6.2.0")]

COMMANDS = [
    Command("XADD", since="5.0.0", arity=-5, flags=WRITE | DENYOOM | FAST,
            keys=UPDATES,
            args=[Key("key"),
                  PureToken("nomkstream", optional=True, since="6.2.0"),
                  Block("trim", TRIM_PARTS, optional=True),
                  OneOf("id-selector", [PureToken("auto-id", token="*"), String("id")]),
                  Block("data", [String("field"), String("value")], many=True)],
            reply=Bulk("the ID of the new entry") | Null("with NOMKSTREAM, there is no such key"),
            tips=["nondeterministic_output"],
            complexity="O(1), and with trimming O(N) for N entries deleted, which is little for whole nodes.",
            history=[("6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."),
                     ("7.0.0", "IDs of the form `<ms>-*`.")],
            summary="Appends an entry to a stream, making it if needed."),

    Command("XDEL", since="5.0.0", arity=-3, flags=WRITE | FAST,
            keys=DELETES,
            args=[Key("key"), String("id", many=True)],
            reply=Number("how many entries were deleted"),
            complexity="O(log N) for each ID.",
            summary="Deletes entries of a stream by their IDs."),

    Command("XLEN", since="5.0.0", arity=2, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO")],
            args=[Key("key")],
            reply=Number("how many entries there are; 0 if there is no such key"),
            summary="Counts the entries of a stream."),

    Command("XRANGE", since="5.0.0", arity=-4, flags=READONLY,
            keys=READS,
            args=[Key("key"), String("start"), String("end"), Integer("count", token="COUNT", optional=True)],
            reply=Array("entries: pairs of an ID and an array of fields and values"),
            complexity="O(log N + M) for M entries returned.",
            history=[("6.2.0", "Intervals that leave their ends out, written `(`.")],
            summary="Returns the entries between two IDs, oldest first."),

    Command("XREVRANGE", since="5.0.0", arity=-4, flags=READONLY,
            keys=READS,
            args=[Key("key"), String("end"), String("start"), Integer("count", token="COUNT", optional=True)],
            reply=Array("entries: pairs of an ID and an array of fields and values"),
            complexity="O(log N + M) for M entries returned.",
            history=[("6.2.0", "Intervals that leave their ends out, written `(`.")],
            summary="Returns the entries between two IDs, newest first."),

    Command("XSETID", since="5.0.0", arity=-3, flags=WRITE | DENYOOM | FAST,
            keys=UPDATES,
            args=[Key("key"), String("last-id"),
                  Integer("entries-added", token="ENTRIESADDED", optional=True, since="7.0.0"),
                  String("max-deleted-id", token="MAXDELETEDID", optional=True, since="7.0.0")],
            reply=Status("OK"),
            history=[("7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`.")],
            summary="Sets the last ID of a stream, for replication and repair."),

    Command("XTRIM", since="5.0.0", arity=-4, flags=WRITE,
            keys=DELETES,
            args=[Key("key"), Block("trim", TRIM_PARTS)],
            reply=Number("how many entries were deleted"),
            tips=["nondeterministic_output"],
            complexity="O(N) for N entries deleted, which is little for whole nodes.",
            history=[("6.2.0", "`MINID` and `LIMIT`.")],
            summary="Deletes the oldest entries of a stream down to a length or an ID."),
]

FAMILY = Family("stream", categories=Category.STREAM, commands=COMMANDS)
