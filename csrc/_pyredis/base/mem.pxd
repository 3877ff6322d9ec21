# mem -- the slab arena. The story is in mem.pyx.
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    MEM_SMALL_MAX = 1024           # requests up to this come from slabs
    MEM_CLASSES = 129              # one class every 8 bytes: 0, 8, ... 1024
    MEM_SLAB = 65536               # bytes of a slab, and its alignment

cdef struct Slab:                  # stands at the start of its 64 KiB
    Slab* next                     # in the class's list of slabs with room
    Slab* prev
    void* free                     # objects given back, linked through their first word
    uint32_t size                  # bytes of an object
    uint32_t used                  # objects handed out
    uint32_t carved                # objects ever handed out; those above are untouched memory
    uint32_t capacity

cdef struct Arena:
    Slab* room[MEM_CLASSES]        # slabs with room, by class
    size_t used                    # bytes in use, as mem_footprint counts them
    size_t peak
    size_t slab_bytes              # bytes of slabs that hold objects
    size_t large_bytes             # bytes in blocks from malloc
    Slab** spare                   # empty slabs, ready for any class
    size_t spare_count
    size_t spare_resident          # of these, how many still hold physical memory (the topmost)
    size_t spare_capacity
    void** chunks                  # mappings that slabs are carved from
    size_t chunk_count
    size_t chunk_capacity

cdef Arena* arena_new() noexcept nogil
cdef void   arena_free(Arena* a) noexcept nogil            # and all it handed out from slabs
cdef size_t arena_trim(Arena* a) noexcept nogil            # gives spare slabs back to the system; bytes
cdef bint   arena_cool(Arena* a, size_t most) noexcept nogil   # likewise, but for some warm ones, and at most so many
cdef int    arena_check(Arena* a) noexcept nogil           # 0, or the number of the broken rule

cdef void*  mem_alloc(Arena* a, size_t n) noexcept nogil   # never NULL: exhaustion ends the process
cdef void   mem_free(Arena* a, void* p, size_t n) noexcept nogil
cdef void*  mem_realloc(Arena* a, void* p, size_t old, size_t n) noexcept nogil

# An array that doubles as it fills: `width` bytes an element, `first` elements to begin with.
cdef void*  mem_grown(Arena* a, void* array, size_t* capacity, size_t width, size_t first) noexcept nogil

# Whole cache lines, on a cache-line boundary; n is a multiple of 64.
cdef void*  mem_alloc_lines(Arena* a, size_t n) noexcept nogil
cdef void   mem_free_lines(Arena* a, void* p, size_t n) noexcept nogil

cdef extern from "ensure.h" nogil:
    bint MEM_PASS_THROUGH

cdef inline size_t mem_footprint(size_t n) noexcept nogil:
    """Bytes that a request of n bytes really takes."""
    if n <= MEM_SMALL_MAX:
        return (n + 7) & ~<size_t>7 if n else 8
    return (n + 8 + 15) & ~<size_t>15          # malloc's header and rounding

cdef inline bint mem_fits(size_t old, size_t n) noexcept nogil:
    """May an object of `old` bytes have n from now on, where it stands and at the same cost?"""
    cdef bint has_slack = n <= MEM_SMALL_MAX and not MEM_PASS_THROUGH     # malloc promises none
    return mem_footprint(old) == mem_footprint(n) and (n <= old or has_slack)

cdef inline void* mem_room(Arena* a, void* array, size_t count, size_t* capacity, size_t width,
                           size_t first) noexcept nogil:
    """The array, which may have moved, with room for one more than its `count` elements."""
    return array if count < capacity[0] else mem_grown(a, array, capacity, width, first)
