"""Bitmaps: strings as rows of bits, and as arrays of integers of any width."""

from .spec import (
    DENYOOM,
    FAST,
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
    Number,
    OneOf,
    PureToken,
    String,
)

UNIT = OneOf("unit", [PureToken("byte"), PureToken("bit")], optional=True, since="7.0.0")
GET = [String("encoding"), Integer("offset")]

FAMILY = Family("bitmap", categories=Category.BITMAP, commands=[
    Command("BITCOUNT", since="2.6.0", arity=-2, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"),
                  Block("range", [Integer("start"), Integer("end"), UNIT], optional=True)],
            reply=Number("how many bits are set"),
            complexity="O(N) in the bytes of the range.",
            summary="Counts the bits that are set in a string, or in a part of it.",
            history=[("7.0.0", "BYTE and BIT say what the range is counted in.")]),

    Command("BITFIELD", since="3.2.0", arity=-2, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS UPDATE VARIABLE_FLAGS",
                           notes="With GET alone it only reads.")],
            args=[Key("key"),
                  OneOf("operation", [
                      Block("get-block", GET, token="GET"),
                      Block("write", [
                          OneOf("overflow-block", [PureToken("wrap"), PureToken("sat"), PureToken("fail")],
                                token="OVERFLOW", optional=True),
                          OneOf("write-operation", [
                              Block("set-block", [*GET, Integer("value")], token="SET"),
                              Block("incrby-block", [*GET, Integer("increment")], token="INCRBY"),
                          ]),
                      ]),
                  ], optional=True, many=True)],
            reply=Array("a number, or null, for each GET, SET and INCRBY"),
            complexity="O(1) for each step.",
            summary="Reads, sets and increments integers of given widths anywhere in a string."),

    Command("BITFIELD_RO", since="6.0.0", arity=-2, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"),
                  Block("get-block", GET, token="GET", optional=True, many=True, multiple_token=True)],
            reply=Array("a number for each GET"),
            complexity="O(1) for each GET.",
            summary="Reads integers of given widths anywhere in a string."),

    Command("BITOP", since="2.6.0", arity=-4, flags=WRITE | DENYOOM,
            keys=[KeyRange(2, 2, 1, access="OW UPDATE"), KeyRange(3, -1, 1, access="RO ACCESS")],
            args=[OneOf("operation", [
                      PureToken("and"), PureToken("or"), PureToken("xor"), PureToken("not"),
                      PureToken("diff", newer="8.2.0"), PureToken("diff1", newer="8.2.0"),
                      PureToken("andor", newer="8.2.0"), PureToken("one", newer="8.2.0"),
                  ]),
                  Key("destkey"), Key("key", spec=1, many=True)],
            reply=Number("bytes of the result, as many as the longest source has"),
            complexity="O(N) in the bytes of all sources together.",
            summary="Combines strings bit by bit and keeps the result.",
            history=[("8.2.0", "DIFF, DIFF1, ANDOR and ONE.")]),

    Command("BITPOS", since="2.8.7", arity=-3, flags=READONLY,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), Integer("bit"),
                  Block("range", [
                      Integer("start"),
                      Block("end-unit-block", [Integer("end"), UNIT], optional=True),
                  ], optional=True)],
            reply=Number("the position; -1 if there is none"),
            complexity="O(N) in the bytes up to the bit.",
            summary="Finds the first bit that is set, or that is clear.",
            history=[("7.0.0", "BYTE and BIT say what the range is counted in.")]),

    Command("GETBIT", since="2.2.0", arity=3, flags=READONLY | FAST,
            keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
            args=[Key("key"), Integer("offset")],
            reply=Number("the bit; 0 behind the end"),
            summary="Returns one bit of a string."),

    Command("SETBIT", since="2.2.0", arity=4, flags=WRITE | DENYOOM,
            keys=[KeyRange(1, 1, 1, access="RW ACCESS UPDATE")],
            args=[Key("key"), Integer("offset"), Integer("value")],
            reply=Number("the bit that was there"),
            summary="Sets or clears one bit of a string, which grows as need be."),
])
