"""mem -- the slab arena: where every byte of data lives.

    chunk (4 MiB mapping)
    +----------------+----------------+-- ... --+
    | slab (64 KiB)  | slab           |         |      a slab is 64 KiB at a multiple of 64 KiB
    +----------------+----------------+-- ... --+
    | Slab header 64 | object | object | ...           all objects of a slab have one size, a multiple of 8

An object has no header of its own: whoever frees it says how large it is (every structure of ours knows
that from its own fields), and its slab is found by clearing the low 16 bits of its address. So a 40-byte
entry takes 40.04 bytes, where a general allocator takes 48. Requests above 1,024 bytes go to malloc.

Objects given back are linked through their first word and reused last-in first-out, so a warm line is
used again. A slab that becomes empty goes to the spare list, which serves every class. Beyond a few warm ones
arena_cool returns pages to the system (MADV_DONTNEED), so resident memory follows the data down: some at a time,
for each costs 10 us or more, and when much is freed thousands of slabs become empty almost at once.

Objects that were freed here and there leave slabs half empty. Such a slab can be retired (base/compact chooses): it
leaves its class's list, so nothing is taken from it, and stands in a list of its own, so that mem_free notices as ever
when it becomes empty; neither function knows of it. mem_settled moves an object out of a retired slab, for whoever
can tell all who hold its address (db/defrag).

`used` counts exactly what is in use (mem_footprint of every live request); it is what used_memory and
maxmemory mean here. Running out of memory ends the process, as in Redis: half a write is worse than none.

Under the address sanitizer every request goes to malloc instead, so that it sees each object's bounds.

Cost: alloc and free are O(1), about ten instructions when the slab is warm. Not for several threads.

Rules checked by arena_check: 1 a slab with room is listed under its own class; 2 it has room, and its
counts agree; 3 its free list has carved - used objects, all inside it; 4 slab_bytes equals the slabs
that are in use, as far as the lists show; 5 a slab in the list of the retired is marked so and has room, and no
other is marked.
"""
from libc.stdint cimport uint32_t, uintptr_t
from libc.stdlib cimport free as libc_free, malloc as libc_malloc, realloc as libc_realloc, calloc
from libc.string cimport memcpy

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void* addr, size_t n, int prot, int flags, int fd, long offset)
    int munmap(void* addr, size_t n)
    int madvise(void* addr, size_t n, int advice)
    int PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MADV_DONTNEED
    void* MAP_FAILED

cdef extern from "malloc_policy.h" nogil:
    void malloc_policy()

cdef extern from "<stdlib.h>" nogil:
    int posix_memalign(void** out, size_t alignment, size_t n)

cdef extern from "ensure.h" nogil:
    void fatal_oom(size_t n)
    void ENSURE(bint condition)
    bint UNLIKELY(bint x)

cdef enum:
    CHUNK = MEM_CHUNK_SLABS * MEM_SLAB
    MAPPED_LEAST = 128 << 10       # lines of this size are mapped: malloc would keep many and let them go at once
    WARM_SPARES = 16               # empty slabs that keep their physical memory


cdef Arena* arena_new() noexcept nogil:
    cdef Arena* a = <Arena*>calloc(1, sizeof(Arena))
    if a == NULL:
        fatal_oom(sizeof(Arena))
    malloc_policy()
    return a


cdef void arena_free(Arena* a) noexcept nogil:
    """Unmaps all slabs. Blocks above MEM_SMALL_MAX belong to their owners, who must have freed them."""
    cdef size_t i
    for i in range(a.chunk_count):
        munmap(a.chunks[i], CHUNK)
    libc_free(a.chunks)
    libc_free(a.spare)
    libc_free(a)


cdef void* _grown(void* array, size_t count, size_t* capacity) noexcept nogil:
    """An array of pointers with room for one more than `count`."""
    if count < capacity[0]:
        return array
    capacity[0] = capacity[0] * 2 if capacity[0] else 64
    array = libc_realloc(array, capacity[0] * sizeof(void*))
    if array == NULL:
        fatal_oom(capacity[0] * sizeof(void*))
    return array


cdef void _map_chunk(Arena* a) noexcept nogil:
    """Maps a chunk and puts its slabs on the spare list, lowest address on top."""
    cdef char* raw = <char*>mmap(NULL, CHUNK + MEM_SLAB, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if <void*>raw == MAP_FAILED:
        fatal_oom(CHUNK)
    cdef char* base = <char*>((<uintptr_t>raw + MEM_SLAB - 1) & ~<uintptr_t>(MEM_SLAB - 1))
    if base > raw:
        munmap(raw, base - raw)
    munmap(base + CHUNK, (raw + MEM_SLAB) - base)
    a.chunks = <void**>_grown(a.chunks, a.chunk_count, &a.chunk_capacity)
    a.chunks[a.chunk_count] = base
    a.chunk_count += 1
    cdef int i
    for i in range(MEM_CHUNK_SLABS - 1, -1, -1):
        a.spare = <Slab**>_grown(a.spare, a.spare_count, &a.spare_capacity)
        a.spare[a.spare_count] = <Slab*>(base + i * MEM_SLAB)
        a.spare_count += 1


cdef Slab* _open_slab(Arena* a, size_t cls) noexcept nogil:
    """Takes a spare slab for class `cls` and lists it as having room."""
    if a.spare_count == 0:
        _map_chunk(a)
    a.spare_count -= 1
    if a.spare_resident:
        a.spare_resident -= 1
    cdef Slab* s = a.spare[a.spare_count]
    s.size = <uint32_t>(cls * 8)
    s.capacity = (MEM_SLAB - MEM_HEADER) // s.size
    s.used = 0
    s.carved = 0
    s.retired = 0
    s.free = NULL
    s.prev = NULL
    s.next = NULL
    a.room[cls] = s
    a.slab_bytes += MEM_SLAB
    return s


cdef inline void _list(Arena* a, Slab* s, size_t cls) noexcept nogil:
    s.next = a.room[cls]
    s.prev = NULL
    if s.next != NULL:
        s.next.prev = s
    a.room[cls] = s


cdef void _unlist(Arena* a, Slab* s, size_t cls) noexcept nogil:
    if s.prev != NULL:
        s.prev.next = s.next
    else:
        a.room[cls] = s.next
    if s.next != NULL:
        s.next.prev = s.prev
    s.next = NULL
    s.prev = NULL


cdef void _close_slab(Arena* a, Slab* s, size_t cls) noexcept nogil:
    """An empty slab leaves its class. It is warm, and stands on top of the spares."""
    _unlist(a, s, cls)
    s.size = s.retired = 0
    a.slab_bytes -= MEM_SLAB
    a.spare = <Slab**>_grown(a.spare, a.spare_count, &a.spare_capacity)
    a.spare[a.spare_count] = s
    a.spare_count += 1
    a.spare_resident += 1


cdef void arena_retire(Arena* a, Slab* s) noexcept nogil:
    """A slab that has room, and objects, is not used for new ones any more. It never is first in the list it joins,
    so that mem_free takes it for one that is not the last of its class."""
    _unlist(a, s, s.size // 8)
    s.retired = 1
    s.prev = &a.retired
    s.next = a.retired.next
    if s.next != NULL:
        s.next.prev = s
    a.retired.next = s


cdef bint arena_reinstate(Arena* a, size_t most) noexcept nogil:
    cdef Slab* s = a.retired.next
    while s != NULL and most:
        _unlist(a, s, 0)
        s.retired = 0
        _list(a, s, s.size // 8)
        s = a.retired.next
        most -= 1
    return s != NULL


cdef bint arena_cool(Arena* a, size_t most) noexcept nogil:
    """Returns the memory of up to `most` spares below the warm ones; True: there are more."""
    while a.spare_resident > WARM_SPARES and most:
        _cool_one(a)
        most -= 1
    return a.spare_resident > WARM_SPARES


cdef void _cool_one(Arena* a) noexcept nogil:
    """The lowest spare that has physical memory loses it."""
    madvise(a.spare[a.spare_count - a.spare_resident], MEM_SLAB, MADV_DONTNEED)
    a.spare_resident -= 1


cdef size_t arena_trim(Arena* a) noexcept nogil:
    cdef size_t given = a.spare_resident * MEM_SLAB
    while a.spare_resident:
        _cool_one(a)
    return given


cdef void* mem_alloc(Arena* a, size_t n) noexcept nogil:
    """n bytes, 8-aligned, not cleared. A request of 0 bytes gets 8."""
    cdef void* p
    if n > MEM_SMALL_MAX or MEM_PASS_THROUGH:
        p = libc_malloc(n if n else 1)
        if p == NULL:
            fatal_oom(n)
        a.used += mem_footprint(n)
        a.large_bytes += mem_footprint(n)
        return p
    cdef size_t cls = (n + 7) >> 3
    if cls == 0:
        cls = 1
    cdef Slab* s = a.room[cls]
    if UNLIKELY(s == NULL):
        s = _open_slab(a, cls)
    if s.free != NULL:
        p = s.free
        s.free = (<void**>p)[0]
    else:
        p = <char*>s + MEM_HEADER + <size_t>s.carved * s.size
        s.carved += 1
    s.used += 1
    a.used += cls * 8
    if s.used == s.capacity:
        _unlist(a, s, cls)
    return p


cdef void mem_free(Arena* a, void* p, size_t n) noexcept nogil:
    """Gives back what mem_alloc(a, n) returned. NULL is ignored."""
    if p == NULL:
        return
    if n > MEM_SMALL_MAX or MEM_PASS_THROUGH:
        libc_free(p)
        a.used -= mem_footprint(n)
        a.large_bytes -= mem_footprint(n)
        return
    cdef size_t cls = (n + 7) >> 3
    if cls == 0:
        cls = 1
    cdef Slab* s = mem_slab(p)
    ENSURE(s.size == cls * 8)
    if s.used == s.capacity:                     # was full: has room from now on
        _list(a, s, cls)
    (<void**>p)[0] = s.free
    s.free = p
    s.used -= 1
    a.used -= cls * 8
    if s.used == 0 and (s.next != NULL or s.prev != NULL):   # the last slab of a class stays: no thrashing
        _close_slab(a, s, cls)


cdef void* mem_realloc(Arena* a, void* p, size_t old, size_t n) noexcept nogil:
    """The block with room for n bytes, moved if need be; the first min(old, n) bytes are kept."""
    if p == NULL:
        return mem_alloc(a, n)
    cdef size_t before = mem_footprint(old), after = mem_footprint(n)
    if (old > MEM_SMALL_MAX and n > MEM_SMALL_MAX) or MEM_PASS_THROUGH:
        p = libc_realloc(p, n if n else 1)
        if p == NULL:
            fatal_oom(n)
        a.used += after - before
        a.large_bytes += after - before
        return p
    if before == after:
        return p
    cdef void* q = mem_alloc(a, n)
    memcpy(q, p, old if old < n else n)
    mem_free(a, p, old)
    return q


cdef void* mem_moved(Arena* a, void* p, size_t n) noexcept nogil:
    """A copy of the object, which is freed."""
    cdef void* q = mem_alloc(a, n)
    memcpy(q, p, n)
    mem_free(a, p, n)
    a.moved += 1
    return q


cdef void* mem_grown(Arena* a, void* array, size_t* capacity, size_t width, size_t first) noexcept nogil:
    """The array at twice its capacity, or with its first."""
    cdef size_t room = capacity[0] * 2 if capacity[0] else first
    array = mem_realloc(a, array, capacity[0] * width, room * width)
    capacity[0] = room
    return array


cdef void* mem_alloc_lines(Arena* a, size_t n) noexcept nogil:
    cdef void* p
    if n <= MEM_SMALL_MAX and (n & (n - 1)) == 0 and not MEM_PASS_THROUGH:
        return mem_alloc(a, n)                   # a slab of 64-, 128-, ... byte objects is aligned by itself
    if n >= MAPPED_LEAST and not MEM_PASS_THROUGH:
        p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if p == MAP_FAILED:
            fatal_oom(n)
    elif posix_memalign(&p, 64, n) != 0:
        fatal_oom(n)
    a.used += n
    a.large_bytes += n
    return p


cdef void mem_free_lines(Arena* a, void* p, size_t n) noexcept nogil:
    if n <= MEM_SMALL_MAX and (n & (n - 1)) == 0 and not MEM_PASS_THROUGH:
        mem_free(a, p, n)
        return
    if n >= MAPPED_LEAST and not MEM_PASS_THROUGH:
        munmap(p, n)
    else:
        libc_free(p)
    a.used -= n
    a.large_bytes -= n


cdef void* mem_settled_lines(Arena* a, void* p, size_t n) noexcept nogil:
    """mem_settled for lines; those that no slab has stand well wherever they are."""
    cdef void* q
    if n <= MEM_SMALL_MAX and (n & (n - 1)) == 0 and not MEM_PASS_THROUGH:
        return mem_settled(a, p, n)
    if not a.unsettled:
        a.stayed += 1
        return p
    q = mem_alloc_lines(a, n)
    memcpy(q, p, n)
    mem_free_lines(a, p, n)
    a.moved += 1
    return q


cdef int _check_retired(Arena* a) noexcept nogil:
    cdef const Slab* before = &a.retired
    cdef const Slab* s = a.retired.next
    while s != NULL:
        if not s.retired or s.prev != before or s.used == 0 or s.used >= s.capacity:
            return 5
        before = s
        s = s.next
    return 0


cdef int arena_check(Arena* a) noexcept nogil:
    cdef size_t cls, listed = 0
    cdef uint32_t loose
    cdef Slab* s
    cdef char* p
    if _check_retired(a):
        return 5
    for cls in range(MEM_CLASSES):
        s = a.room[cls]
        while s != NULL:
            listed += MEM_SLAB
            if s.size != cls * 8 or (s.prev == NULL) != (a.room[cls] == s):
                return 1
            if s.retired:
                return 5
            if s.used >= s.capacity or s.carved > s.capacity or s.used > s.carved:
                return 2
            loose = 0
            p = <char*>s.free
            while p != NULL and loose <= s.carved:
                if p < <char*>s + MEM_HEADER or p >= <char*>s + MEM_SLAB or (p - <char*>s - MEM_HEADER) % s.size:
                    return 3
                loose += 1
                p = <char*>(<void**>p)[0]
            if loose != s.carved - s.used:
                return 3
            s = s.next
    return 4 if listed > a.slab_bytes else 0
