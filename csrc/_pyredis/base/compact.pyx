"""compact -- which slabs of the arena are to be emptied, so that the fewest objects move and the most memory comes back.

    walk 1, compact_survey   counts, by class, objects and slabs, the slabs by how full they are (32 bins)
    walk 2, compact_retire   retires the emptiest slabs of each class: as many as are too many

A class whose objects would fill n slabs needs no more than n; of the others the emptiest are retired (arena_retire), and
the room in those that stay is just enough for their objects. Choosing by the mean, as jemalloc's users do, would
move out of every slab below it, though many of these will be needed again.

Both walks go over the chunks, not over the lists of slabs with room: addresses that are known can be fetched ahead
and a walk stops and goes on anywhere, while whoever allocates goes on as well. What changes meanwhile makes the
choice worse, never wrong. A walk costs about 10 ns a slab; a gigabyte has 16,384.

Not for the pass-through arena of the sanitizers, which has no slabs: there a walk finds nothing.
"""
from libc.string cimport memset

from _pyredis.base.mem cimport MEM_CHUNK_SLABS, MEM_HEADER, MEM_SLAB, Slab, arena_retire

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    AHEAD = 8                      # headers that are on their way


cdef void compact_begin(Compact* c) noexcept nogil:
    memset(c, 0, sizeof(Compact))


cdef inline Slab* _slab(const Arena* a, size_t chunk, size_t i) noexcept nogil:
    return <Slab*>(<char*>a.chunks[chunk] + i * MEM_SLAB)


cdef inline uint32_t _bin(const Slab* s) noexcept nogil:
    return <uint32_t>(<uint64_t>s.used * COMPACT_BINS // s.capacity)


cdef inline void _fetch(const Arena* a, size_t chunk, size_t i) noexcept nogil:
    if i + AHEAD < MEM_CHUNK_SLABS:
        PREFETCH(_slab(a, chunk, i + AHEAD))


cdef bint compact_survey(Compact* c, const Arena* a, size_t chunks) noexcept nogil:
    cdef size_t i, cls
    cdef const Slab* s
    while c.chunk < a.chunk_count and chunks:
        for i in range(MEM_CHUNK_SLABS):
            _fetch(a, c.chunk, i)
            s = _slab(a, c.chunk, i)
            if s.size == 0:
                continue
            cls = s.size // 8
            c.used[cls] += s.used
            c.slabs[cls][_bin(s)] += 1
        c.chunk += 1
        chunks -= 1
    if c.chunk < a.chunk_count:
        return False
    for cls in range(1, MEM_CLASSES):
        _choose(c, cls)
    c.chunk = 0
    return True


cdef void _choose(Compact* c, size_t cls) noexcept nogil:
    """Which bins of a class are retired as a whole, and how many slabs of the next."""
    cdef uint64_t capacity = (MEM_SLAB - MEM_HEADER) // (cls * 8), surplus = 0
    cdef uint64_t needed = (c.used[cls] + capacity - 1) // capacity + 1        # one of them may always have room
    cdef uint32_t b
    for b in range(COMPACT_BINS + 1):
        surplus += c.slabs[cls][b]
    surplus = surplus - needed if surplus > needed else 0
    b = 0
    while b < COMPACT_BINS and c.slabs[cls][b] <= surplus:
        surplus -= c.slabs[cls][b]
        b += 1
    c.below[cls] = b
    c.quota[cls] = <uint32_t>surplus


cdef bint compact_retire(Compact* c, Arena* a, size_t chunks) noexcept nogil:
    cdef size_t i, cls
    cdef uint32_t b
    cdef Slab* s
    while c.chunk < a.chunk_count and chunks:
        for i in range(MEM_CHUNK_SLABS):
            _fetch(a, c.chunk, i)
            s = _slab(a, c.chunk, i)
            if s.size == 0 or s.used == 0 or s.used == s.capacity or s.retired:
                continue
            cls = s.size // 8
            b = _bin(s)
            if b == c.below[cls] and c.quota[cls]:
                c.quota[cls] -= 1
            elif b >= c.below[cls]:
                continue
            arena_retire(a, s)
        c.chunk += 1
        chunks -= 1
    return c.chunk >= a.chunk_count
