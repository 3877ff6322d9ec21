# rax_leaf -- a leaf of the radix tree: a run of IDs in order, with their values. The story is in rax_leaf.pyx.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from _pyredis.ds.id cimport Id, id_of

cdef extern from "bytes.h" nogil:
    uint64_t bytes_load64(const void* p)

cdef enum:
    RAX_NODE_BYTES = 1024          # the arena's largest small object

cdef struct RaxLeaf:               # its values follow, and behind them what the keys do not share
    uint16_t count
    uint16_t capacity
    uint8_t height                 # of the inner node that it hangs in
    uint8_t width                  # bytes of a value
    uint8_t ms_bytes               # low bytes of the ms that each key has of its own
    uint8_t seq_bytes              # likewise; together 1 to 8, or 16
    Id base                        # what all keys share stands in here
    RaxLeaf* prev
    RaxLeaf* next

cdef struct LeafForm:              # how much a leaf keeps of each key
    uint8_t ms_bytes
    uint8_t seq_bytes

cdef uint32_t leaf_lower(const RaxLeaf* leaf, Id id) noexcept nogil              # how many keys are below id
cdef uint32_t leaf_seek(const RaxLeaf* leaf, Id id, bint* found) noexcept nogil  # likewise; is it the next one?
cdef void*    leaf_put(RaxLeaf* leaf, uint32_t at, Id id) noexcept nogil         # there is room, and it fits
cdef void     leaf_close(RaxLeaf* leaf, uint32_t at) noexcept nogil
cdef void     leaf_take(RaxLeaf* to, const RaxLeaf* source, uint32_t first, uint32_t n) noexcept nogil
cdef LeafForm leaf_tight(const RaxLeaf* leaf, uint32_t first, uint32_t n, Id also) noexcept nogil
cdef LeafForm leaf_narrowed(const RaxLeaf* leaf, uint32_t first, uint32_t n) noexcept nogil
cdef LeafForm form_for(uint64_t ms, uint64_t seq) noexcept nogil                 # for keys that differ in these bits


cdef inline uint64_t low_bytes(uint32_t n) noexcept nogil:
    """The bits of the n low bytes, 0 to 8."""
    return ~((~<uint64_t>0 << (n * 4)) << (n * 4))

cdef inline void* leaf_value(const RaxLeaf* leaf, size_t i) noexcept nogil:
    return <char*>(leaf + 1) + i * leaf.width

cdef inline uint8_t* leaf_keys(const RaxLeaf* leaf) noexcept nogil:
    return <uint8_t*>leaf_value(leaf, leaf.capacity)

cdef inline Id leaf_id(const RaxLeaf* leaf, size_t i) noexcept nogil:
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes, half = leaf.seq_bytes * 4
    cdef const uint8_t* end = leaf_keys(leaf) + (i + 1) * own
    cdef uint64_t x = bytes_load64(end - 8), low
    if own > 8:
        return id_of(bytes_load64(end - 16), x)
    x >>= 64 - own * 8                             # what stands before the key goes
    low = low_bytes(leaf.seq_bytes)
    return id_of((leaf.base.ms & ~low_bytes(leaf.ms_bytes)) | ((x >> half) >> half), (leaf.base.seq & ~low) | (x & low))

cdef inline uint32_t form_bytes(LeafForm form) noexcept nogil:
    return form.ms_bytes + form.seq_bytes

cdef inline size_t leaf_bytes(size_t capacity, size_t width, LeafForm form) noexcept nogil:
    return sizeof(RaxLeaf) + capacity * (width + form_bytes(form))

cdef inline uint32_t leaf_full(size_t width, LeafForm form) noexcept nogil:
    """Keys of the largest leaf."""
    return <uint32_t>((RAX_NODE_BYTES - sizeof(RaxLeaf)) // (width + form_bytes(form)))

cdef inline LeafForm leaf_form(const RaxLeaf* leaf) noexcept nogil:
    cdef LeafForm form
    form.ms_bytes = leaf.ms_bytes
    form.seq_bytes = leaf.seq_bytes
    return form

cdef inline bint leaf_fits(const RaxLeaf* leaf, Id id) noexcept nogil:
    """Does `id` have what all keys of the leaf share?"""
    cdef uint64_t ms = (id.ms ^ leaf.base.ms) & ~low_bytes(leaf.ms_bytes)
    return (ms | ((id.seq ^ leaf.base.seq) & ~low_bytes(leaf.seq_bytes))) == 0
