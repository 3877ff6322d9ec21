# compact -- which slabs are to be emptied. The story is in compact.pyx.
from libc.stdint cimport uint32_t, uint64_t
from _pyredis.base.mem cimport MEM_CLASSES, Arena

cdef enum:
    COMPACT_BINS = 32              # steps of how full a slab is; one more for those that are full

cdef struct Compact:               # 18 KB, all of it zeros at first
    size_t chunk                   # where the walk under way goes on
    uint64_t used[MEM_CLASSES]     # objects, by class
    uint32_t slabs[MEM_CLASSES][33]
    uint32_t below[MEM_CLASSES]    # slabs of the lower bins are all retired
    uint32_t quota[MEM_CLASSES]    # ... and so many of this bin

cdef void compact_begin(Compact* c) noexcept nogil
# Each for up to so many chunks (4 MiB); True: the walk has come to the end.
cdef bint compact_survey(Compact* c, const Arena* a, size_t chunks) noexcept nogil
cdef bint compact_retire(Compact* c, Arena* a, size_t chunks) noexcept nogil

cdef inline size_t compact_waste(const Arena* a) noexcept nogil:
    """Bytes of the slabs in use that no object uses."""
    cdef size_t used = a.used - a.large_bytes
    return a.slab_bytes - used if a.slab_bytes > used else 0
