"""Hashes: fields with values under one key, each field with an expiry of its own if wanted."""

from .spec import (
    DENYOOM,
    FAST,
    READONLY,
    WRITE,
    Arg,
    Array,
    Block,
    Bulk,
    Category,
    Command,
    Double,
    Family,
    Integer,
    Key,
    KeyRange,
    Map,
    Null,
    Number,
    OneOf,
    Pattern,
    PureToken,
    Status,
    String,
    UnixTime,
)

PAIRS = Block("data", [String("field"), String("value")], many=True)
FIELDS = Block("fields", [Integer("numfields"), String("field", many=True)], token="FIELDS")
CONDITION = OneOf("condition", [PureToken("nx"), PureToken("xx"), PureToken("gt"), PureToken("lt")], optional=True)


def expiration(*otherwise: Arg) -> OneOf:
    """The ways to say when fields end, and what else may stand there."""
    return OneOf("expiration", [Integer("seconds", token="EX"),
                                Integer("milliseconds", token="PX"),
                                UnixTime("unix-time-seconds", token="EXAT"),
                                UnixTime("unix-time-milliseconds", token="PXAT"),
                                *otherwise], optional=True)


def sets_expiry(name: str, when: Arg, summary: str) -> Command:
    """HEXPIRE and its kin."""
    return Command(name, since="7.4.0", arity=-6, flags=WRITE | FAST,
                   keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
                   args=[Key("key"), when, CONDITION, FIELDS],
                   reply=Array("for each field 1: set, 2: the time is past and the field removed, "
                               "0: the condition does not hold, -2: there is no such field"),
                   complexity="O(N) for N fields; O(log M) each in a large hash of M timed fields.",
                   summary=summary)


def tells_expiry(name: str, what: str, summary: str, tips: list[str] | None = None) -> Command:
    """HTTL and its kin."""
    return Command(name, since="7.4.0", arity=-5, flags=READONLY | FAST,
                   keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
                   args=[Key("key"), FIELDS],
                   reply=Array(f"for each field {what}; -1: it has no expiry, -2: there is no such field"),
                   complexity="O(N) for N fields.",
                   tips=tips or [],
                   summary=summary)


FAMILY = Family("hash", categories=Category.HASH, commands=[
    Command("HDEL", since="2.0.0", arity=-3, flags=WRITE | FAST,
            keys=[KeyRange(1, 1, 1, access="RW DELETE")],
            args=[Key("key"), String("field", many=True)],
            reply=Number("how many fields were removed"),
            complexity="O(N) for N fields.",
            summary="Removes fields, and the hash with its last one.",
            history=[("2.4.0", "More than one field at a time.")]),

    Command("HEXISTS", since="2.0.0", arity=3, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO")],
            args=[Key("key"), String("field")],
            reply=Number("1 if the field is there, else 0"),
            summary="Tells whether a hash has a field."),

    sets_expiry("HEXPIRE", Integer("seconds"), "Lets fields end after some seconds."),
    sets_expiry("HEXPIREAT", UnixTime("unix-time-seconds"), "Lets fields end at a Unix time in seconds."),
    tells_expiry("HEXPIRETIME", "the Unix time in seconds at which it ends",
                 "Tells the Unix time in seconds at which fields end."),

    Command("HGET", since="2.0.0", arity=3, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), String("field")],
            reply=Bulk("the value") | Null("there is no such field"),
            summary="Reads a field."),

    Command("HGETALL", since="2.0.0", arity=2, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key")],
            reply=Map("fields and values; a flat list in RESP2"),
            complexity="O(N) in the number of fields.",
            tips=["nondeterministic_output_order"],
            summary="Reads all fields with their values."),

    Command("HGETDEL", since="8.0.0", arity=-5, flags=WRITE | FAST,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS DELETE")],
            args=[Key("key"), FIELDS],
            reply=Array("for each field its value, or null if there is none"),
            complexity="O(N) for N fields.",
            summary="Reads fields and removes them."),

    Command("HGETEX", since="8.0.0", arity=-5, flags=WRITE | FAST,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS UPDATE")],
            args=[Key("key"), expiration(PureToken("persist")), FIELDS],
            reply=Array("for each field its value, or null if there is none"),
            complexity="O(N) for N fields.",
            summary="Reads fields and sets or clears their expiry."),

    Command("HINCRBY", since="2.0.0", arity=4, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS UPDATE")],
            args=[Key("key"), String("field"), Integer("increment")],
            reply=Number("the new value"),
            summary="Adds a number to the integer in a field; a missing field counts as 0."),

    Command("HINCRBYFLOAT", since="2.6.0", arity=4, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS UPDATE")],
            args=[Key("key"), String("field"), Double("increment")],
            reply=Bulk("the new value, as text"),
            summary="Adds a decimal fraction to the number in a field; a missing field counts as 0."),

    Command("HKEYS", since="2.0.0", arity=2, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key")],
            reply=Array("the names of all fields"),
            complexity="O(N) in the number of fields.",
            tips=["nondeterministic_output_order"],
            summary="Lists the names of all fields."),

    Command("HLEN", since="2.0.0", arity=2, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO")],
            args=[Key("key")],
            reply=Number("how many fields there are, with those whose time is over but that nobody removed yet"),
            summary="Tells how many fields a hash has."),

    Command("HMGET", since="2.0.0", arity=-3, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), String("field", many=True)],
            reply=Array("for each field its value, or null if there is none"),
            complexity="O(N) for N fields.",
            summary="Reads several fields."),

    Command("HMSET", since="2.0.0", arity=-4, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
            args=[Key("key"), PAIRS],
            reply=Status("OK"),
            complexity="O(N) for N fields.",
            deprecated_since="4.0.0", replaced_by="`HSET` with several fields",
            summary="Sets several fields."),

    Command("HPERSIST", since="7.4.0", arity=-5, flags=WRITE | FAST,
            keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
            args=[Key("key"), FIELDS],
            reply=Array("for each field 1: its expiry is gone, -1: it had none, -2: there is no such field"),
            complexity="O(N) for N fields.",
            summary="Clears the expiry of fields."),

    sets_expiry("HPEXPIRE", Integer("milliseconds"), "Lets fields end after some milliseconds."),
    sets_expiry("HPEXPIREAT", UnixTime("unix-time-milliseconds"), "Lets fields end at a Unix time in milliseconds."),
    tells_expiry("HPEXPIRETIME", "the Unix time in milliseconds at which it ends",
                 "Tells the Unix time in milliseconds at which fields end."),
    tells_expiry("HPTTL", "the milliseconds left", "Tells how many milliseconds fields have left.",
                 ["nondeterministic_output"]),

    Command("HRANDFIELD", since="6.2.0", arity=-2, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), Block("options", [Integer("count"), PureToken("withvalues", optional=True)],
                                    optional=True)],
            reply=Bulk("a field") | Null("there is no such key")
                  | Array("with a count: as many fields, distinct unless it is negative"),
            complexity="O(N) for N fields returned.",
            tips=["nondeterministic_output"],
            summary="Picks fields at random."),

    Command("HSCAN", since="2.8.0", arity=-3, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), Integer("cursor"), Pattern("pattern", token="MATCH", optional=True),
                  Integer("count", token="COUNT", optional=True), PureToken("novalues", optional=True)],
            reply=Array("the next cursor, 0 at the end, and fields with their values"),
            complexity="O(1) a call, O(N) for the whole iteration.",
            tips=["nondeterministic_output"],
            summary="Lists fields and values, some at a time."),

    Command("HSET", since="2.0.0", arity=-4, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
            args=[Key("key"), PAIRS],
            reply=Number("how many fields are new"),
            complexity="O(N) for N fields.",
            summary="Sets fields, making the hash if needed.",
            history=[("4.0.0", "More than one field at a time.")]),

    Command("HSETEX", since="8.0.0", arity=-6, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
            args=[Key("key"),
                  OneOf("key-condition", [PureToken("nx"), PureToken("xx")], optional=True, valkey="9.0.0"),
                  OneOf("condition", [PureToken("fnx"), PureToken("fxx")], optional=True),
                  expiration(PureToken("keepttl")),
                  Block("fields", [Integer("numfields"), PAIRS], token="FIELDS")],
            reply=Number("1 if the fields were set, 0 if the condition does not hold for all"),
            complexity="O(N) for N fields.",
            summary="Sets fields with one expiry, if all or none of them exist."),

    Command("HSETNX", since="2.0.0", arity=4, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), String("field"), String("value")],
            reply=Number("1 if the field was set, 0 if it existed"),
            summary="Sets a field if it does not exist."),

    Command("HSTRLEN", since="3.2.0", arity=3, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO")],
            args=[Key("key"), String("field")],
            reply=Number("bytes of the value; 0 if there is none"),
            summary="Tells how long a field's value is."),

    tells_expiry("HTTL", "the seconds left", "Tells how many seconds fields have left.",
                 ["nondeterministic_output"]),

    Command("HVALS", since="2.0.0", arity=2, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key")],
            reply=Array("the values of all fields"),
            complexity="O(N) in the number of fields.",
            tips=["nondeterministic_output_order"],
            summary="Lists the values of all fields."),
])
