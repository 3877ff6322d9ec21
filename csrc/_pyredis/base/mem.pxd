# mem -- the slab arena. The story is in mem.pyx.
from libc.stdint cimport uint32_t, uint64_t, uintptr_t

cdef enum:
    MEM_SMALL_MAX = 1024           # requests up to this come from slabs
    MEM_CLASSES = 129              # one class every 8 bytes: 0, 8, ... 1024
    MEM_SLAB = 65536               # bytes of a slab, and its alignment
    MEM_HEADER = 64                # of a slab: a whole cache line, so lines stay aligned
    MEM_CHUNK_SLABS = 64           # slabs of a chunk

cdef struct Slab:                  # stands at the start of its 64 KiB
    Slab* next                     # in the class's list of slabs with room
    Slab* prev
    void* free                     # objects given back, linked through their first word
    uint32_t size                  # bytes of an object; 0: a spare
    uint32_t used                  # objects handed out
    uint32_t carved                # objects ever handed out; those above are untouched memory
    uint32_t capacity
    uint32_t retired               # to be emptied: nothing is taken from it any more

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
    Slab retired                   # head of the list of slabs that are to be emptied
    uint64_t moved                 # what mem_settled was asked about: objects that moved, and that stayed
    uint64_t stayed
    bint unsettled                 # for tests: mem_settled moves whatever it is asked about

cdef Arena* arena_new() noexcept nogil
cdef void   arena_free(Arena* a) noexcept nogil            # and all it handed out from slabs
cdef size_t arena_trim(Arena* a) noexcept nogil            # gives spare slabs back to the system; bytes
cdef bint   arena_cool(Arena* a, size_t most) noexcept nogil   # likewise, but for some warm ones, and at most so many
cdef void   arena_retire(Arena* a, Slab* s) noexcept nogil     # nothing is taken from it until arena_reinstate
cdef bint   arena_reinstate(Arena* a, size_t most) noexcept nogil  # up to so many retired slabs; True: there are more
cdef int    arena_check(Arena* a) noexcept nogil           # 0, or the number of the broken rule

cdef void*  mem_alloc(Arena* a, size_t n) noexcept nogil   # never NULL: exhaustion ends the process
cdef void   mem_free(Arena* a, void* p, size_t n) noexcept nogil
cdef void*  mem_realloc(Arena* a, void* p, size_t old, size_t n) noexcept nogil

# An array that doubles as it fills: `width` bytes an element, `first` elements to begin with.
cdef void*  mem_grown(Arena* a, void* array, size_t* capacity, size_t width, size_t first) noexcept nogil

# Whole cache lines, on a cache-line boundary; n is a multiple of 64.
cdef void*  mem_alloc_lines(Arena* a, size_t n) noexcept nogil
cdef void   mem_free_lines(Arena* a, void* p, size_t n) noexcept nogil

# The object where it stands from now on: elsewhere, if its slab is to be emptied. Its holders are the caller's to tell.
cdef void*  mem_moved(Arena* a, void* p, size_t n) noexcept nogil
cdef void*  mem_settled_lines(Arena* a, void* p, size_t n) noexcept nogil          # of mem_alloc_lines

cdef extern from "ensure.h" nogil:
    bint MEM_PASS_THROUGH

cdef inline Slab* mem_slab(const void* p) noexcept nogil:
    """The slab of an object of up to MEM_SMALL_MAX bytes."""
    return <Slab*>(<uintptr_t>p & ~<uintptr_t>(MEM_SLAB - 1))

cdef inline void* mem_settled(Arena* a, void* p, size_t n) noexcept nogil:
    if a.unsettled or (n <= MEM_SMALL_MAX and not MEM_PASS_THROUGH and mem_slab(p).retired):
        return mem_moved(a, p, n)
    a.stayed += 1
    return p

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
