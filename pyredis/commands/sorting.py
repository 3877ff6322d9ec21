"""SORT and SORT_RO, which belong to no single type: of the generic group, but in the categories of what they sort."""

from .spec import (
    DENYOOM,
    READONLY,
    WRITE,
    Array,
    Block,
    Category,
    Command,
    Family,
    Integer,
    Key,
    KeyRange,
    KeyUnknown,
    Number,
    OneOf,
    Pattern,
    PureToken,
)

KEYS = [KeyRange(1, 1, 1, access="RO ACCESS"),
        KeyUnknown(access="RO ACCESS", notes="What BY and GET lead to depends on the elements.")]

ARGS = [Key("key"),
        Pattern("by-pattern", 1, display="pattern", token="BY", optional=True),
        Block("limit", [Integer("offset"), Integer("count")], token="LIMIT", optional=True),
        Pattern("get-pattern", 1, display="pattern", token="GET", optional=True, many=True, multiple_token=True),
        OneOf("order", [PureToken("asc"), PureToken("desc")], optional=True),
        PureToken("sorting", token="ALPHA", optional=True)]

COMPLEXITY = ("O(N) for numbers and O(N*L) for texts of L bytes, N elements in all; with LIMIT what lies outside is "
              "not sorted.")

FAMILY = Family("generic", categories=Category.SET | Category.SORTEDSET | Category.LIST | Category.DANGEROUS,
                commands=[
    Command("SORT", since="1.0.0", arity=-2, flags=WRITE | DENYOOM,
            keys=[*KEYS, KeyUnknown(access="OW UPDATE", notes="STORE may stand anywhere among the options.")],
            args=[*ARGS, Key("destination", 2, token="STORE", optional=True)],
            reply=Array("the elements in order, or what GET found for them")
            | Number("with STORE: how many were stored"),
            complexity=COMPLEXITY,
            summary="Sorts a list, set or sorted set, and returns or stores the result."),

    Command("SORT_RO", since="7.0.0", arity=-2, flags=READONLY,
            keys=KEYS, args=ARGS,
            reply=Array("the elements in order, or what GET found for them"),
            complexity=COMPLEXITY,
            summary="Sorts a list, set or sorted set and returns the result; changes nothing."),
])
