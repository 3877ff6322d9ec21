"""Places on earth: members of sorted sets whose scores are geohashes."""

from .spec import (
    DENYOOM,
    READONLY,
    WRITE,
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
    KeywordRange,
    Null,
    Number,
    OneOf,
    PureToken,
    String,
)

UNITS = [PureToken("m"), PureToken("km"), PureToken("ft"), PureToken("mi")]
UNIT = OneOf("unit", choices=UNITS)
PLACE = (Double("longitude"), Double("latitude"))
ORDER = OneOf("order", optional=True, choices=[PureToken("asc"), PureToken("desc")])
WITH = (PureToken("withcoord", optional=True), PureToken("withdist", optional=True),
        PureToken("withhash", optional=True))
COUNT = Block("count-block", optional=True, parts=[Integer("count", token="COUNT"), PureToken("any", optional=True)])
COUNT_LATER = Block("count-block", optional=True, parts=[Integer("count", token="COUNT"),
                                                         PureToken("any", optional=True, since="6.2.0")])
STORE = OneOf("store", optional=True, choices=[Key("storekey", spec=1, token="STORE", display="key"),
                                               Key("storedistkey", spec=2, token="STOREDIST", display="key")])
CENTER = OneOf("from", choices=[String("member", token="FROMMEMBER"),
                                Block("fromlonlat", token="FROMLONLAT", parts=PLACE)])
SHAPE = OneOf("by", choices=[
    Block("circle", parts=[Double("radius", token="BYRADIUS"), UNIT]),
    Block("box", parts=[Double("width", token="BYBOX"), Double("height"), UNIT]),
    Block("polygon", valkey="9.0.0", parts=[Integer("num-vertices", token="BYPOLYGON"),
                                            Block("vertices", many=True, parts=PLACE)])])

ONE_KEY = [KeyRange(1, 1, 1, access="RO ACCESS")]
FOUND = Array("members, each with what WITHDIST, WITHHASH and WITHCOORD ask for")
SEARCHED = "O(n + log m): n members of m in the cells that cover the area."
UNIT_HISTORY = [("7.0.0", "Units in capitals, too.")]
RADIUS_HISTORY = [("6.2.0", "ANY beside COUNT."), *UNIT_HISTORY]


def stores(start: int) -> list[KeyRange | KeywordRange]:
    """The keys of a command that may store its result, whose options begin at argv[start]."""
    return [KeyRange(1, 1, 1, access="RO ACCESS"),
            KeywordRange("STORE", start, 0, access="OW UPDATE"),
            KeywordRange("STOREDIST", start, 0, access="OW UPDATE")]


FAMILY = Family("geo", categories=Category.GEO, commands=[
    Command("GEOADD", since="3.2.0", arity=-5, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="RW UPDATE")],
            args=[Key("key"),
                  OneOf("condition", optional=True, since="6.2.0", choices=[PureToken("nx"), PureToken("xx")]),
                  PureToken("change", token="CH", optional=True, since="6.2.0"),
                  Block("data", many=True, parts=[*PLACE, String("member")])],
            reply=Number("how many members are new, or with CH new or elsewhere"),
            complexity="O(log n) for each member.",
            history=[("6.2.0", "Options NX, XX and CH.")],
            summary="Adds members at places, or moves those it has."),

    Command("GEODIST", since="3.2.0", arity=-4, flags=READONLY,
            keys=ONE_KEY,
            args=[Key("key"), String("member1"), String("member2"), OneOf("unit", optional=True, choices=UNITS)],
            reply=Bulk("the distance") | Null("one of them is missing"),
            summary="Tells how far two members are from each other."),

    Command("GEOHASH", since="3.2.0", arity=-2, flags=READONLY,
            keys=ONE_KEY,
            args=[Key("key"), String("member", optional=True, many=True)],
            reply=Array("a geohash of eleven characters, or null, for each member"),
            complexity="O(1) for each member.",
            summary="Returns the places of members as texts."),

    Command("GEOPOS", since="3.2.0", arity=-2, flags=READONLY,
            keys=ONE_KEY,
            args=[Key("key"), String("member", optional=True, many=True)],
            reply=Array("longitude and latitude, or null, for each member"),
            complexity="O(1) for each member.",
            summary="Returns the places of members."),

    Command("GEORADIUS", since="3.2.0", arity=-6, flags=WRITE | DENYOOM,
            keys=stores(6),
            args=[Key("key"), *PLACE, Double("radius"), UNIT, *WITH, COUNT_LATER, ORDER, STORE],
            reply=FOUND | Number("with STORE or STOREDIST, how many were stored"),
            complexity=SEARCHED,
            history=RADIUS_HISTORY,
            deprecated_since="6.2.0", replaced_by="`GEOSEARCH` or `GEOSEARCHSTORE` with BYRADIUS",
            summary="Finds or stores the members within a distance from a place."),

    Command("GEORADIUSBYMEMBER", since="3.2.0", arity=-5, flags=WRITE | DENYOOM,
            keys=stores(5),
            args=[Key("key"), String("member"), Double("radius"), UNIT, *WITH, COUNT, ORDER, STORE],
            reply=FOUND | Number("with STORE or STOREDIST, how many were stored"),
            complexity=SEARCHED,
            history=RADIUS_HISTORY,
            deprecated_since="6.2.0", replaced_by="`GEOSEARCH` or `GEOSEARCHSTORE` with BYRADIUS and FROMMEMBER",
            summary="Finds or stores the members within a distance from a member."),

    Command("GEORADIUSBYMEMBER_RO", since="3.2.10", arity=-5, flags=READONLY,
            keys=ONE_KEY,
            args=[Key("key"), String("member"), Double("radius"), UNIT, *WITH, COUNT, ORDER],
            reply=FOUND,
            complexity=SEARCHED,
            history=RADIUS_HISTORY,
            deprecated_since="6.2.0", replaced_by="`GEOSEARCH` with BYRADIUS and FROMMEMBER",
            summary="Finds the members within a distance from a member."),

    Command("GEORADIUS_RO", since="3.2.10", arity=-6, flags=READONLY,
            keys=ONE_KEY,
            args=[Key("key"), *PLACE, Double("radius"), UNIT, *WITH, COUNT_LATER, ORDER],
            reply=FOUND,
            complexity=SEARCHED,
            history=RADIUS_HISTORY,
            deprecated_since="6.2.0", replaced_by="`GEOSEARCH` with BYRADIUS",
            summary="Finds the members within a distance from a place."),

    Command("GEOSEARCH", since="6.2.0", arity=-7, flags=READONLY,
            keys=ONE_KEY,
            args=[Key("key"), CENTER, SHAPE, ORDER, COUNT, *WITH],
            reply=FOUND,
            complexity=SEARCHED,
            history=UNIT_HISTORY,
            summary="Finds the members inside a circle, a box or a polygon."),

    Command("GEOSEARCHSTORE", since="6.2.0", arity=-8, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="OW UPDATE"), KeyRange(2, 2, 1, access="RO ACCESS")],
            args=[Key("destination"), Key("source", spec=1), CENTER, SHAPE, ORDER, COUNT,
                  PureToken("storedist", optional=True)],
            reply=Number("how many were stored"),
            complexity=SEARCHED,
            history=UNIT_HISTORY,
            summary="Stores the members inside a circle, a box or a polygon."),
])
