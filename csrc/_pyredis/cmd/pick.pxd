# pick -- members at random, for SRANDMEMBER, HRANDFIELD and ZRANDMEMBER. The story is in pick.pyx.
from libc.stdint cimport uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.rand cimport Rand
from _pyredis.ds.element cimport Element

cdef struct Picker:                # a collection, as picking sees it; of a set, `value` stays untouched
    void* arg
    size_t length
    # Each equally likely, at a cost that does not depend on the length; NULL where only a walk gets there (a listpack).
    void (*random)(void* arg, Rand* rand, Element* member, Element* value) noexcept nogil
    bint (*next)(void* arg, Element* member, Element* value) noexcept nogil                 # one walk over all

ctypedef void (*Picked)(void* arg, const Element* member, const Element* value) noexcept nogil

cdef void pick_repeated(Picker* from_, Arena* mem, Rand* rand, uint64_t count, Picked take, void* arg) noexcept nogil
cdef void pick_distinct(Picker* from_, Arena* mem, Rand* rand, size_t count, Picked take, void* arg) noexcept nogil
