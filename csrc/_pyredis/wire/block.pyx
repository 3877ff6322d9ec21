"""block -- the pool of 16 KiB blocks that connections read into and reply from.

A connection holds blocks only while bytes are under way, so ten thousand idle connections hold none, and
the same few warm blocks serve everybody: the last one given back is the first one taken. Beyond `keep`
a block goes back to the arena.
"""
from _pyredis.base.mem cimport mem_alloc, mem_free

cdef extern from "poison.h" nogil:
    void POISON(void* p, size_t n)               # an idle block: the sanitizer tells of whoever still uses it
    void UNPOISON(void* p, size_t n)


cdef void block_pool_init(BlockPool* pool, Arena* mem, size_t keep) noexcept nogil:
    pool.mem = mem
    pool.count = 0
    pool.capacity = keep
    pool.keep = keep
    pool.free = <void**>mem_alloc(mem, keep * sizeof(void*))


cdef void block_pool_free(BlockPool* pool) noexcept nogil:
    """Frees the idle blocks; those still taken must have been given back."""
    block_pool_trim(pool, pool.count)
    mem_free(pool.mem, pool.free, pool.capacity * sizeof(void*))


cdef size_t block_pool_trim(BlockPool* pool, size_t most) noexcept nogil:
    cdef size_t done = 0
    while pool.count and done < most:
        mem_free(pool.mem, block_take(pool), BLOCK)
        done += 1
    return done


cdef void* block_take(BlockPool* pool) noexcept nogil:
    if pool.count == 0:
        return mem_alloc(pool.mem, BLOCK)
    pool.count -= 1
    UNPOISON(pool.free[pool.count], BLOCK)
    return pool.free[pool.count]


cdef void block_give(BlockPool* pool, void* block) noexcept nogil:
    if pool.count == pool.keep:
        mem_free(pool.mem, block, BLOCK)
        return
    POISON(block, BLOCK)
    pool.free[pool.count] = block
    pool.count += 1
