# block -- the pool of 16 KiB blocks that connections read into and reply from. The story is in block.pyx.
from _pyredis.base.mem cimport Arena

cdef enum:
    BLOCK = 16384

cdef struct BlockPool:
    Arena* mem
    void** free
    size_t count
    size_t capacity
    size_t keep                    # blocks kept when idle

cdef void  block_pool_init(BlockPool* pool, Arena* mem, size_t keep) noexcept nogil
cdef void  block_pool_free(BlockPool* pool) noexcept nogil
cdef void* block_take(BlockPool* pool) noexcept nogil
cdef size_t block_pool_trim(BlockPool* pool, size_t most) noexcept nogil   # frees idle blocks; how many
cdef void  block_give(BlockPool* pool, void* block) noexcept nogil
