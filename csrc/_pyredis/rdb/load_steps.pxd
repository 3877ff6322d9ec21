# load_steps -- what the loaders of several types do. The story is in load_steps.pyx.
from libc.stdint cimport uint8_t
from _pyredis.db.value cimport Entry
from _pyredis.rdb.load cimport Load

cdef Entry*   load_fail(Load* l, const char* reason) noexcept nogil    # NULL; the reason is static
cdef Entry*   load_empty(Load* l) noexcept nogil                       # NULL: a collection without elements
# The next string, a listpack or ziplist, as a listpack of `stride` elements an item, one item at least, of which no
# two begin with the same element. NULL: it is none, and the source has failed.
cdef uint8_t* load_listpack(Load* l, int stride) noexcept nogil
cdef uint8_t* load_ziplist(Load* l, int stride) noexcept nogil
cdef uint8_t* load_checked(Load* l, uint8_t* lp, int stride) noexcept nogil        # takes lp, which may be NULL
