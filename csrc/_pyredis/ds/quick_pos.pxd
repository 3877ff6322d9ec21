# quick_pos -- a place in a quicklist, to be changed there. The story is in quick_pos.pyx.
from libc.stdint cimport int64_t, uint32_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.quick_node cimport QuickNode
from _pyredis.ds.quicklist cimport Quicklist

cdef struct QuickPos:              # an element; until the next change of the list, but for the one it was made for
    QuickNode* node
    size_t at                      # bytes before it in its node
    uint32_t index                 # elements before it in its node

# Searching. A negative index counts from the end; quick_find gives the first that equals s.
cdef bint   quick_seek(Arena* mem, Quicklist* q, int64_t index, QuickPos* at) noexcept nogil
cdef bint   quick_find(Arena* mem, Quicklist* q, Slice s, QuickPos* at) noexcept nogil

# What ends a search that has found something.
cdef void   quick_insert(Arena* mem, Quicklist* q, QuickPos* at, Slice s, bint after) noexcept nogil
cdef void   quick_replace(Arena* mem, Quicklist* q, QuickPos* at, Slice s) noexcept nogil
cdef void   quick_leave(Arena* mem, Quicklist* q, QuickPos* at) noexcept nogil     # no change

# Removes the first `most` elements that equal s, in this direction; how many.
cdef size_t quick_remove(Arena* mem, Quicklist* q, Slice s, size_t most, bint backward) noexcept nogil
