# quick_iter -- a walk over a list. The story is in quick_iter.pyx.
from libc.stdint cimport int64_t, uint8_t
from _pyredis.base.mem cimport Arena
from _pyredis.ds.element cimport Element
from _pyredis.ds.quick_node cimport QuickNode
from _pyredis.ds.quicklist cimport Quicklist

cdef struct QuickIter:             # a walk; nobody changes the list meanwhile
    Arena* mem
    const QuickNode* node          # NULL: of a listpack, or at the end
    const uint8_t* p               # the next element; backward: the byte behind it
    const uint8_t* bound           # where the elements of this node end; backward: where they begin
    size_t left                    # elements of this node to come
    bint backward
    uint8_t* scratch               # a compressed node, opened
    size_t scratch_size

# From the element at an index on, with none if there is no such element. quick_done gives back what a walk took; needed
# after it, whether it came to its end or not.
cdef void    quick_iter(QuickIter* it, Arena* mem, const Quicklist* q, int64_t index, bint backward) noexcept nogil
cdef void    quick_iter_bytes(QuickIter* it, const uint8_t* first, const uint8_t* end, size_t count,
                              int64_t index, bint backward) noexcept nogil
cdef bint    quick_next(QuickIter* it, Element* e) noexcept nogil
# Up to `most` elements that stand encoded one behind the other, from `first` to `end`; how many, 0 at the end of the
# walk. A large element comes alone and is in `e`, with `first` NULL. Forward only.
cdef size_t  quick_next_run(QuickIter* it, size_t most, const uint8_t** first, const uint8_t** end,
                            Element* e) noexcept nogil
cdef void    quick_done(QuickIter* it) noexcept nogil
