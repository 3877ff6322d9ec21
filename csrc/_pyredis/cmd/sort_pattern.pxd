# sort_pattern -- what SORT's BY and GET lead to from each element. The story is in sort_pattern.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Ctx
from _pyredis.ds.element cimport Element
from _pyredis.ds.order cimport Ranked

cdef enum:
    PATTERN_GROUP = 32             # keys whose memory is asked for together

cdef struct SortPattern:
    Slice before                   # the key's name, around the element
    Slice behind
    Slice field                    # of the hash there; len 0: the key holds a string
    bint leads                     # it has a *; else it leads nowhere
    bint is_element                # "#": the element itself

cdef SortPattern pattern_parse(Slice text) noexcept nogil
# values[i]: what is found for elements[items[i].index], or order_missing; valid until the next write.
cdef void pattern_values(Ctx* c, const SortPattern* p, const Element* elements, const Ranked* items, size_t n,
                         Element* values) noexcept nogil
