# encode -- Python values as replies. The story is in encode.pyx.
from _pyredis.wire.reply cimport Out

cdef class Encoder:
    cdef object simple
    cdef object verbatim
    cdef object set_of
    cdef object null_array
    cdef object no_reply
    cdef object raw

    cdef int encode(self, Out* o, object value) except -1
    cdef int _integer(self, Out* o, object value) except -1
    cdef int _aggregate(self, Out* o, object value) except -1
