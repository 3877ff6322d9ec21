"""block -- the pool of 16 KiB blocks that connections read into and reply from.

A connection holds blocks only while bytes are under way, so ten thousand idle connections hold none, and
the same few warm blocks serve everybody: the last one given back is the first one taken. Beyond `keep`
a block goes back to the arena.

Idle blocks do not count as used memory, no more than the spare slabs of the arena do: else keys would be evicted
for the sake of clients that are gone. But for the first WARM, one to read into and one to reply from, which every round
takes again: used memory would go up and down with each.
"""
from _pyredis.base.mem cimport mem_alloc, mem_footprint, mem_free

cdef enum:
    WARM = 2


cdef void block_pool_init(BlockPool* pool, Arena* mem, size_t keep) noexcept nogil:
    pool.mem = mem
    pool.count = 0
    pool.capacity = keep
    pool.keep = keep
    pool.free = <void**>mem_alloc(mem, keep * sizeof(void*))


cdef void block_pool_free(BlockPool* pool) noexcept nogil:
    """Frees the idle blocks; those still taken must have been given back."""
    if pool.count > WARM:
        pool.mem.used += (pool.count - WARM) * mem_footprint(BLOCK)
    while pool.count:
        pool.count -= 1
        mem_free(pool.mem, pool.free[pool.count], BLOCK)
    mem_free(pool.mem, pool.free, pool.capacity * sizeof(void*))


cdef void* block_take(BlockPool* pool) noexcept nogil:
    if pool.count == 0:
        return mem_alloc(pool.mem, BLOCK)
    if pool.count > WARM:
        pool.mem.used += mem_footprint(BLOCK)
    pool.count -= 1
    return pool.free[pool.count]


cdef void block_give(BlockPool* pool, void* block) noexcept nogil:
    if pool.count == pool.keep:
        mem_free(pool.mem, block, BLOCK)
        return
    pool.free[pool.count] = block
    pool.count += 1
    if pool.count > WARM:
        pool.mem.used -= mem_footprint(BLOCK)
