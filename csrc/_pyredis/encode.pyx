"""encode -- Python values as replies, for the control commands.

What each type becomes is documented where handlers look: in pyredis/reply.py, whose classes are handed in
(the core imports nothing of the control plane).
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from _pyredis.wire.reply cimport (Out, out_append, reply_array, reply_big_number, reply_bool, reply_bulk, reply_double,
                                  reply_int, reply_map, reply_null, reply_null_array, reply_set, reply_simple,
                                  reply_verbatim)


cdef class Encoder:
    """Knows the marker types of one control plane: `types` has Simple, Verbatim, SetOf, Raw, NULL_ARRAY, NO_REPLY."""

    def __init__(self, types):
        self.simple = types.Simple
        self.verbatim = types.Verbatim
        self.set_of = types.SetOf
        self.null_array = types.NULL_ARRAY
        self.no_reply = types.NO_REPLY
        self.raw = types.Raw

    cdef int encode(self, Out* o, object value) except -1:
        """Appends `value`. TypeError if it has no form on the wire (what came before it is then appended)."""
        cdef bytes text
        if value is None:
            reply_null(o)
        elif isinstance(value, self.raw):
            out_append(o, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        elif isinstance(value, bytes):
            reply_bulk(o, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogateescape")
            if isinstance(value, self.simple):
                reply_simple(o, text)
            elif isinstance(value, self.verbatim):
                reply_verbatim(o, b"txt", text, len(text))
            else:
                reply_bulk(o, text, len(text))
        elif isinstance(value, bool):
            reply_bool(o, value)
        elif isinstance(value, int):
            self._integer(o, value)
        elif isinstance(value, float):
            reply_double(o, value)
        else:
            self._aggregate(o, value)
        return 0

    cdef int _integer(self, Out* o, object value) except -1:
        cdef bytes digits
        if -(1 << 63) <= value < 1 << 63:
            reply_int(o, value)
        else:
            digits = str(value).encode()
            reply_big_number(o, digits, len(digits))
        return 0

    cdef int _aggregate(self, Out* o, object value) except -1:
        if isinstance(value, (set, frozenset, self.set_of)):
            reply_set(o, len(value))
        elif isinstance(value, (list, tuple)):
            reply_array(o, len(value))
        elif isinstance(value, dict):
            reply_map(o, len(value))
            for key, item in value.items():
                self.encode(o, key)
                self.encode(o, item)
            return 0
        elif value is self.null_array:
            reply_null_array(o)
            return 0
        elif value is self.no_reply:
            return 0
        else:
            raise TypeError(f"{type(value).__name__} is not a reply")
        for item in value:
            self.encode(o, item)
        return 0
