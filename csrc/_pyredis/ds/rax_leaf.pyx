"""rax_leaf -- a leaf of the radix tree: a run of IDs in order, with their values.

    | count u16 | capacity u16 | height u8 | width u8 | ms_bytes u8 | seq_bytes u8 | base, an ID | prev | next |
    | value 0 | value 1 | ... | key 0 | key 1 | ...

Of each ID a leaf keeps the low `ms_bytes` of its ms and the low `seq_bytes` of its seq, as one little-endian number
with the ms above the seq, so that comparing numbers compares IDs; all else is as in `base`, some ID that stands or
stood here. This is its form: a byte an ID where each millisecond has one, two or three in most streams. IDs that need
more than 8 bytes are kept whole, 16 bytes with the ms first. A key is read and written by the eight bytes that end
where it ends, which never begin before the leaf does: the header is longer than that.

A leaf does not change its form or its capacity; whoever needs another makes another leaf, and takes the keys over
(leaf_take). leaf_tight says which form some of the keys would do with.

Cost: finding is a binary search without branches, or a single look where numbers follow each other without gaps;
insertion and deletion move what is behind, in a node of at most 1,024 bytes.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from _pyredis.ds.id cimport Id, id_equal, id_less

cdef extern from "bytes.h" nogil:
    void bytes_store64(void* p, uint64_t x)
    int bytes_bit_length(uint64_t x)


cdef inline uint32_t _bytes_of(uint64_t x) noexcept nogil:
    return (bytes_bit_length(x) + 7) >> 3 if x else 0


cdef LeafForm form_for(uint64_t ms, uint64_t seq) noexcept nogil:
    """For keys whose ms and seq differ in these bits."""
    cdef LeafForm form
    cdef uint32_t m = _bytes_of(ms), s = _bytes_of(seq)
    if m + s > 8:
        m = s = 8
    elif m + s == 0:
        m = 1
    form.ms_bytes = <uint8_t>m
    form.seq_bytes = <uint8_t>s
    return form


cdef inline uint64_t _packed(const RaxLeaf* leaf, Id id) noexcept nogil:
    """What the leaf keeps of `id`, if that is not all 16 bytes: a number in the same order."""
    cdef uint32_t half = leaf.seq_bytes * 4
    return (((id.ms & low_bytes(leaf.ms_bytes)) << half) << half) | (id.seq & low_bytes(leaf.seq_bytes))


cdef inline uint64_t _load(const uint8_t* end, size_t own) noexcept nogil:
    """The key of up to 8 bytes that ends there."""
    return bytes_load64(end - 8) >> (64 - own * 8)


cdef inline void _store(RaxLeaf* leaf, size_t i, Id id) noexcept nogil:
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes
    cdef uint8_t* end = leaf_keys(leaf) + (i + 1) * own
    cdef uint64_t x
    if own > 8:
        bytes_store64(end - 16, id.ms)
        bytes_store64(end - 8, id.seq)
        return
    x = bytes_load64(end - 8) & low_bytes(8 - own) # what stands before the key stays
    bytes_store64(end - 8, x | (_packed(leaf, id) << (64 - own * 8)))


cdef uint32_t leaf_lower(const RaxLeaf* leaf, Id id) noexcept nogil:
    """How many keys of the leaf are below `id`, whatever it is."""
    cdef uint32_t low = 0, high = leaf.count, middle
    while low < high:
        middle = (low + high) >> 1
        if id_less(leaf_id(leaf, middle), id):
            low = middle + 1
        else:
            high = middle
    return low


cdef uint32_t leaf_seek(const RaxLeaf* leaf, Id id, bint* found) noexcept nogil:
    """How many keys of the leaf are below `id`; `found`: the next is `id`."""
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes, low, n = leaf.count, half
    cdef const uint8_t* end = leaf_keys(leaf) + own
    cdef uint64_t x, first
    cdef size_t step, less
    if own > 8 or not leaf_fits(leaf, id):
        low = leaf_lower(leaf, id)
        found[0] = low < n and id_equal(leaf_id(leaf, low), id)
        return low
    x = _packed(leaf, id)
    first = _load(end, own)
    if n == 0 or x <= first:
        found[0] = n and x == first
        return 0
    if x - first < n and _load(end + (x - first) * own, own) == x:      # numbers without gaps
        found[0] = True
        return <uint32_t>(x - first)
    low = 0
    while n > 1:                                   # the key at low is below x; no branch to be foretold wrongly
        half = n >> 1
        step = half * own
        less = 0 - <size_t>(bytes_load64(end + step - 8) < x << (64 - own * 8))
        low += half & less
        end += step & less
        n -= half
    low += 1
    found[0] = low < leaf.count and _load(end + own, own) == x
    return low


cdef void* leaf_put(RaxLeaf* leaf, uint32_t at, Id id) noexcept nogil:
    """Inserts a key that fits, in its place; its value is for the caller to fill."""
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes
    cdef uint8_t* key
    cdef size_t behind = leaf.count - at
    if behind:
        key = leaf_keys(leaf) + at * own
        memmove(key + own, key, behind * own)
        if leaf.width:
            memmove(leaf_value(leaf, at + 1), leaf_value(leaf, at), behind * leaf.width)
    _store(leaf, at, id)
    leaf.count += 1
    return leaf_value(leaf, at)


cdef void leaf_close(RaxLeaf* leaf, uint32_t at) noexcept nogil:
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes
    cdef uint8_t* key = leaf_keys(leaf) + at * own
    cdef size_t behind
    leaf.count -= 1
    behind = leaf.count - at
    if behind:
        memmove(key, key + own, behind * own)
        if leaf.width:
            memmove(leaf_value(leaf, at), leaf_value(leaf, at + 1), behind * leaf.width)


cdef void leaf_take(RaxLeaf* to, const RaxLeaf* source, uint32_t first, uint32_t n) noexcept nogil:
    """Appends n keys of `source`, which fit, with their values."""
    cdef uint32_t own = to.ms_bytes + to.seq_bytes, i
    memcpy(leaf_value(to, to.count), leaf_value(source, first), <size_t>n * to.width)
    if to.ms_bytes == source.ms_bytes and to.seq_bytes == source.seq_bytes:
        memcpy(leaf_keys(to) + to.count * own, leaf_keys(source) + first * own, <size_t>n * own)
    else:
        for i in range(n):
            _store(to, to.count + i, leaf_id(source, first + i))
    to.count += <uint16_t>n


cdef LeafForm leaf_tight(const RaxLeaf* leaf, uint32_t first, uint32_t n, Id also) noexcept nogil:
    """The least that must be kept of n keys from `first` on, and of `also`."""
    cdef Id a = leaf_id(leaf, first)
    cdef uint64_t ms = (a.ms ^ leaf_id(leaf, first + n - 1).ms) | (a.ms ^ also.ms), seq = a.seq ^ also.seq, x = 0, its
    cdef uint32_t i, own = leaf.ms_bytes + leaf.seq_bytes
    cdef const uint8_t* end = leaf_keys(leaf) + (first + 1) * own
    if leaf.seq_bytes:
        its = bytes_load64(end - 8)
        for i in range(1, n):
            end += own
            x |= bytes_load64(end - 8) ^ its
        seq |= (x >> (64 - own * 8) if own < 8 else x) & low_bytes(leaf.seq_bytes)
    return form_for(ms, seq)


cdef LeafForm leaf_narrowed(const RaxLeaf* leaf, uint32_t first, uint32_t n) noexcept nogil:
    """leaf_tight of n keys of the leaf, if that saves a sixteenth of it; else what the leaf keeps now."""
    cdef LeafForm old = leaf_form(leaf), tight = leaf_tight(leaf, first, n, leaf_id(leaf, first))
    return tight if (form_bytes(old) - form_bytes(tight)) * 16 >= leaf.width + form_bytes(old) else old
