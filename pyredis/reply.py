"""What a control command (a Python handler) may answer, and the errors it may raise.

A handler returns ordinary Python values and the core encodes them for the client's protocol:

    OK, Simple("...")   a status line            None          null
    int                 an integer               bytes, str    a bulk string
    float               a double                 bool          a boolean (RESP2: 1 or 0)
    list, tuple         an array                 dict          a map (RESP2: a flat array)
    set, frozenset      a set (RESP2: an array)  Verbatim      verbatim text (RESP2: a bulk string)
    SetOf               a set that keeps its order and may hold maps and arrays
    NULL_ARRAY          a null array             NO_REPLY      nothing at all
    Raw                 bytes that are a reply already: what has no Python value (pushes, attributes)

It raises ReplyError("ERR ...") to answer an error; the text begins with the error's code.
"""


class Simple(str):
    """A status line: +text."""

    __slots__ = ()


class Verbatim(str):
    """Text for people: `=<n>\\r\\ntxt:...` in RESP3."""

    __slots__ = ()


class Raw(bytes):
    """A reply as it goes over the wire; whoever makes it minds the client's protocol."""

    __slots__ = ()


class SetOf(list[object]):
    """A set (RESP2: an array) whose members keep their order and need not be hashable."""

    __slots__ = ()


class Marker:
    """A reply that has no Python value of its own."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class ReplyError(Exception):
    """An error reply. Its text is what goes on the wire after the `-`."""

    @property
    def text(self) -> str:
        return str(self.args[0])


OK = Simple("OK")
NULL_ARRAY = Marker("NULL_ARRAY")
NO_REPLY = Marker("NO_REPLY")
