# quicklist_settle -- moves a list out of slabs that are to be emptied. The story is in quicklist_settle.pyx.
from _pyredis.base.mem cimport Arena
from _pyredis.ds.quicklist cimport Quicklist

# Up to `most` nodes with their blocks; `anew`: from the head on. True: that was the last.
cdef bint quicklist_settle(Arena* mem, Quicklist* q, bint anew, size_t most) noexcept nogil
