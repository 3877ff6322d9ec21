"""HyperLogLogs: sketches that tell about how many distinct elements there were."""

from .spec import (
    ADMIN,
    DENYOOM,
    FAST,
    MAY_REPLICATE,
    READONLY,
    WRITE,
    Array,
    Bulk,
    Category,
    Command,
    Family,
    Key,
    KeyRange,
    Number,
    Status,
    String,
)

FAMILY = Family("hyperloglog", categories=Category.HYPERLOGLOG, commands=[
    Command("PFADD", since="2.8.9", arity=-2, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), String("element", optional=True, many=True)],
            reply=Number("1 if the estimate may have changed or the key is new, else 0"),
            complexity="O(1) for each element.",
            summary="Adds elements to a HyperLogLog, making the key if needed."),

    Command("PFCOUNT", since="2.8.9", arity=-2, flags=READONLY | MAY_REPLICATE,
            keys=[KeyRange(1, -1, 1, access="RW ACCESS", notes="The estimate is kept in the key.")],
            args=[Key("key", many=True)],
            reply=Number("the estimate"),
            complexity="O(1) with a kept estimate; else, and for several keys, O(N) in the keys, with 16,384 "
                       "registers each.",
            summary="Estimates how many distinct elements were added to any of the HyperLogLogs."),

    Command("PFDEBUG", since="2.8.9", arity=3, flags=WRITE | DENYOOM | ADMIN, syscmd=True,
            keys=[KeyRange(2, 2, 1, access="RW ACCESS")],
            args=[String("subcommand"), Key("key")],
            reply=Array("registers") | Bulk("runs of the sparse form") | Status("the form") | Number("1 if converted"),
            complexity="N/A",
            summary="Shows what is inside a HyperLogLog."),

    Command("PFMERGE", since="2.8.9", arity=-2, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS INSERT"), KeyRange(2, -1, 1, access="RO ACCESS")],
            args=[Key("destkey"), Key("sourcekey", spec=1, optional=True, many=True)],
            reply=Status("OK"),
            complexity="O(N) in the keys, with 16,384 registers each.",
            summary="Merges HyperLogLogs into one that has seen what any of them has."),

    Command("PFSELFTEST", since="2.8.9", arity=1, flags=ADMIN, syscmd=True,
            reply=Status("OK"),
            complexity="N/A",
            summary="Tests the HyperLogLog commands from within."),
])
