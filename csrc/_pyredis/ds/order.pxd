# order -- sorting many elements by number or by text. The story is in order.pyx.
from libc.stdint cimport uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.ds.element cimport Element

cdef enum OrderFlag:
    ORDER_DESCENDING = 1           # ties stay as they came, either way
    ORDER_TO_NUL = 2               # a text ends at its first NUL

cdef struct Ranked:
    uint64_t key
    uint64_t index                 # of its element

# Sorts `items`, so that ranks from .. to - 1 are right; the others stand on their side of these, in some order.
# order_scores: by the scores whose keys (order_key_of_score) stand in the items, then by `texts` unless NULL.
# order_texts: by `texts`; the items' keys may be anything. A missing text (order_missing) comes before all.
cdef void order_scores(Arena* mem, Ranked* items, size_t n, size_t start, size_t end, const Element* texts,
                       int flags) noexcept nogil
cdef void order_texts(Arena* mem, Ranked* items, size_t n, size_t start, size_t end, const Element* texts,
                      int flags) noexcept nogil

# Sorts by key alone until the first `count` are right, by the quicksort that Redis has for such a window (it leaves
# equal keys in an order that clients see). No scratch; O(n log n) expected, where not all is sorted O(n + count log n).
cdef void order_quick(Ranked* items, size_t n, size_t count) noexcept nogil

cdef extern from *:
    """
    #include <string.h>
    static inline uint64_t order_double_bits(double v) { uint64_t x; memcpy(&x, &v, 8); return x; }
    """
    uint64_t order_double_bits(double v) noexcept nogil

cdef inline uint64_t order_key_of_score(double score, int flags) noexcept nogil:
    """A key whose order is that of the score, which is no NaN. Both zeros are one."""
    cdef uint64_t bits = order_double_bits(score + 0.0)
    bits ^= <uint64_t>1 << 63 if not bits >> 63 else ~<uint64_t>0
    return ~bits if flags & ORDER_DESCENDING else bits

cdef inline Element order_missing() noexcept nogil:
    cdef Element e
    e.ptr = NULL
    e.len = 1                      # an integer's is 0
    e.number = 0
    return e

cdef inline bint order_is_missing(const Element* e) noexcept nogil:
    return e.ptr == NULL and e.len != 0
