"""Lists: elements in an order, pushed and popped at either end; some commands wait for an element."""

from .spec import (
    BLOCKING,
    DENYOOM,
    FAST,
    READONLY,
    WRITE,
    Array,
    Bulk,
    Category,
    Command,
    Double,
    Family,
    Integer,
    Key,
    KeyNum,
    KeyRange,
    Null,
    Number,
    OneOf,
    PureToken,
    Status,
    String,
)


def end(name: str) -> OneOf:
    """LEFT or RIGHT."""
    return OneOf(name, [PureToken("left"), PureToken("right")])


SOURCE = KeyRange(1, 1, 1, access="RW ACCESS DELETE")
DESTINATION = KeyRange(2, 2, 1, access="RW INSERT")
COUNT = Integer("count", token="COUNT", optional=True)
MOVED = Bulk("the element moved") | Null("there is no source")
POPPED = Array("the key, and an array of its elements") | Null("none of the keys exists")

FAMILY = Family("list", categories=Category.LIST, commands=[
    Command("BLMOVE", since="6.2.0", arity=6, flags=WRITE | DENYOOM | BLOCKING,
            keys=[SOURCE, DESTINATION],
            args=[Key("source"), Key("destination", 1), end("wherefrom"), end("whereto"), Double("timeout")],
            reply=Bulk("the element moved") | Null("the timeout passed"),
            summary="Moves an element from one list to another; waits while there is none."),

    Command("BLMPOP", since="7.0.0", arity=-5, flags=WRITE | BLOCKING,
            keys=[KeyNum(2, 1, 1, access="RW ACCESS DELETE")],
            args=[Double("timeout"), Integer("numkeys"), Key("key", many=True), end("where"), COUNT],
            reply=Array("the key, and an array of its elements") | Null("the timeout passed"),
            complexity="O(N+M) for N keys and M elements returned.",
            summary="Removes and returns elements of the first list that has any; waits while none has."),

    Command("BLPOP", since="2.0.0", arity=-3, flags=WRITE | BLOCKING,
            keys=[KeyRange(1, -2, 1, access="RW ACCESS DELETE")],
            args=[Key("key", many=True), Double("timeout")],
            reply=Array("the key and its first element") | Null("the timeout passed"),
            complexity="O(N) for N keys.",
            history=[("6.0.0", "The timeout may have a fraction.")],
            summary="Removes and returns the first element of the first list that has one; waits while none has."),

    Command("BRPOP", since="2.0.0", arity=-3, flags=WRITE | BLOCKING,
            keys=[KeyRange(1, -2, 1, access="RW ACCESS DELETE")],
            args=[Key("key", many=True), Double("timeout")],
            reply=Array("the key and its last element") | Null("the timeout passed"),
            complexity="O(N) for N keys.",
            history=[("6.0.0", "The timeout may have a fraction.")],
            summary="Removes and returns the last element of the first list that has one; waits while none has."),

    Command("BRPOPLPUSH", since="2.2.0", arity=4, flags=WRITE | DENYOOM | BLOCKING,
            keys=[SOURCE, DESTINATION],
            args=[Key("source"), Key("destination", 1), Double("timeout")],
            reply=Bulk("the element moved") | Null("the timeout passed"),
            history=[("6.0.0", "The timeout may have a fraction.")],
            deprecated_since="6.2.0", replaced_by="`BLMOVE` with `RIGHT` and `LEFT`",
            summary="Moves the last element of a list to the head of another; waits while there is none."),

    Command("LINDEX", since="1.0.0", arity=3, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), Integer("index")],
            reply=Bulk("the element") | Null("the list has no such index"),
            complexity="O(N) for the N elements between the index and the nearer end, a node of many at a step.",
            summary="Reads the element at an index."),

    Command("LINSERT", since="2.2.0", arity=5, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), OneOf("where", [PureToken("before"), PureToken("after")]),
                  String("pivot"), String("element")],
            reply=Number("length of the list; 0 without a list, -1 without the pivot in it"),
            complexity="O(N) for the N elements up to the pivot.",
            summary="Puts an element before or after the first one that has a given value."),

    Command("LLEN", since="1.0.0", arity=2, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO")],
            args=[Key("key")],
            reply=Number("length of the list, 0 without one"),
            summary="Counts the elements of a list."),

    Command("LMOVE", since="6.2.0", arity=5, flags=WRITE | DENYOOM,
            keys=[SOURCE, DESTINATION],
            args=[Key("source"), Key("destination", 1), end("wherefrom"), end("whereto")],
            reply=MOVED,
            summary="Moves an element from an end of one list to an end of another, or of the same."),

    Command("LMPOP", since="7.0.0", arity=-4, flags=WRITE,
            keys=[KeyNum(1, 1, 1, access="RW ACCESS DELETE")],
            args=[Integer("numkeys"), Key("key", many=True), end("where"), COUNT],
            reply=POPPED,
            complexity="O(N+M) for N keys and M elements returned.",
            summary="Removes and returns elements of the first list that has any."),

    Command("LPOP", since="1.0.0", arity=-2, flags=WRITE | FAST,
            keys=[SOURCE],
            args=[Key("key"), Integer("count", optional=True, since="6.2.0")],
            reply=Bulk("the first element") | Array("the first elements, with a count") | Null("there is no list"),
            complexity="O(N) for N elements returned.",
            history=[("6.2.0", "The count.")],
            summary="Removes and returns the first elements of a list."),

    Command("LPOS", since="6.0.6", arity=-3, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), String("element"),
                  Integer("rank", token="RANK", optional=True),
                  Integer("num-matches", token="COUNT", optional=True),
                  Integer("len", token="MAXLEN", optional=True)],
            reply=Number("the index") | Null("no element matches") | Array("the indexes, with COUNT"),
            complexity="O(N) for N elements looked at.",
            summary="Finds where in a list a value stands."),

    Command("LPUSH", since="1.0.0", arity=-3, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), String("element", many=True)],
            reply=Number("length of the list"),
            complexity="O(1) for each element.",
            history=[("2.4.0", "More than one element at a time.")],
            summary="Puts elements before the first of a list, making the list if needed."),

    Command("LPUSHX", since="2.2.0", arity=-3, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), String("element", many=True)],
            reply=Number("length of the list, 0 if there is none"),
            complexity="O(1) for each element.",
            history=[("4.0.0", "More than one element at a time.")],
            summary="Puts elements before the first of a list that exists."),

    Command("LRANGE", since="1.0.0", arity=4, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), Integer("start"), Integer("stop")],
            reply=Array("the elements from start to stop, both included"),
            complexity="O(S+N) for N elements returned and the S between start and the nearer end.",
            summary="Reads a part of a list, by indexes that may count from its end."),

    Command("LREM", since="1.0.0", arity=4, flags=WRITE,
            keys=[KeyRange(1, 1, 1, access="RW DELETE")],
            args=[Key("key"), Integer("count"), String("element")],
            reply=Number("how many were removed"),
            complexity="O(N) for N elements in the list.",
            summary="Removes elements that have a given value, from either end or all."),

    Command("LSET", since="1.0.0", arity=4, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
            args=[Key("key"), Integer("index"), String("element")],
            reply=Status("OK"),
            complexity="O(N) for the N elements between the index and the nearer end, a node of many at a step.",
            summary="Puts another element in the place of the one at an index."),

    Command("LTRIM", since="1.0.0", arity=4, flags=WRITE,
            keys=[KeyRange(1, 1, 1, access="RW DELETE")],
            args=[Key("key"), Integer("start"), Integer("stop")],
            reply=Status("OK"),
            complexity="O(N) for N elements removed.",
            summary="Removes what lies outside of a range of indexes."),

    Command("RPOP", since="1.0.0", arity=-2, flags=WRITE | FAST,
            keys=[SOURCE],
            args=[Key("key"), Integer("count", optional=True, since="6.2.0")],
            reply=Bulk("the last element") | Array("the last elements, with a count") | Null("there is no list"),
            complexity="O(N) for N elements returned.",
            history=[("6.2.0", "The count.")],
            summary="Removes and returns the last elements of a list."),

    Command("RPOPLPUSH", since="1.2.0", arity=3, flags=WRITE | DENYOOM,
            keys=[SOURCE, DESTINATION],
            args=[Key("source"), Key("destination", 1)],
            reply=MOVED,
            deprecated_since="6.2.0", replaced_by="`LMOVE` with `RIGHT` and `LEFT`",
            summary="Moves the last element of a list to the head of another."),

    Command("RPUSH", since="1.0.0", arity=-3, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), String("element", many=True)],
            reply=Number("length of the list"),
            complexity="O(1) for each element.",
            history=[("2.4.0", "More than one element at a time.")],
            summary="Puts elements behind the last of a list, making the list if needed."),

    Command("RPUSHX", since="2.2.0", arity=-3, flags=WRITE | DENYOOM | FAST,
            keys=[KeyRange(1, 1, 1, access="RW INSERT")],
            args=[Key("key"), String("element", many=True)],
            reply=Number("length of the list, 0 if there is none"),
            complexity="O(1) for each element.",
            history=[("4.0.0", "More than one element at a time.")],
            summary="Puts elements behind the last of a list that exists."),
])
