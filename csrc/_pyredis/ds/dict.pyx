"""dict -- the hash table: the keyspace, large sets, hashes and sorted sets.

    directory -> segments of 4,096 buckets -> bucket, one cache line:
    | tag0 .. tag6 | meta | slot0 | slot1 | slot2 | slot3 | slot4 | slot5 | slot6 |
       7 x u8        u8     entry pointers; with BUCKET_CHAINED slot6 is the next bucket of the chain

A tag is the top byte of the hash; seven are compared in one instruction, so a look-up touches one line of
the table and, but for one time in 40, only the entry that has the key. An entry is an opaque pointer;
`DictType.key_of` finds its key.

Growth is linear hashing (Litwin 1980): with n buckets, 2**k <= n < 2**(k+1), an entry stands in bucket
hash mod 2**(k+1), or hash mod 2**k where that is not below n. A bucket is added by splitting one other, as
soon as the load passes 5.75 entries a bucket; taken away by merging the last one back. So there is never a
second table, no insert does more than a split, and bytes a key hardly depend on the size: expected 13.6 to
14.3 bytes an entry at every n (a doubling table swings from 11 to 22). Memory comes a segment (256 KiB) at
a time; a small table's only segment grows by quarters. A split touches two neighbours of the last split,
so growth need not stop while a forked child shares our pages.

Measured (bench/micro/bench_dict, 22 November 2026, a shared 2-core Xeon, medians of 3 rounds, ns of CPU with
the hash, 8-byte keys) against the same buckets reserved up to the next power of two, as a doubling table has
them. At a power of two look-ups cost the same. At 1.25, 1.5, 1.75 times it, 1 M keys: find 58, 59, 63 against
54, 57, 61, and prefetched by 32 53, 55, 56 against 45, 47, 51; 7.5 M keys: 189 against 178, and 143 against
137. So it is 3 to 17 % slower there, for 14.2 bytes a key against 18.4 to 14.5. An insert costs 92 to 99
against 38 to 47 (1 M), 225 against 128 (7.5 M), but what doubling itself costs is not in the second figures:
that comparison is open. The longest insert on the way to 8 M took 0.37 ms (median of 3; one met 12 ms, by the
clock and so with others' work); of a doubling table it was not measured.

A cursor of dict_scan counts in reverse binary (the high bits vary first), as in Redis: a bucket that is
not split yet is visited once, a split one as its two halves, so whoever stays in the table from begin to
end of a scan is returned, whatever is inserted, removed, split or merged meanwhile.

Cost: find, insert and remove O(1). Entries belong to the caller, buckets to the arena of the type.

Rules checked by dict_check: 1 every entry stands in the bucket of its hash, with its tag; 2 a chained
bucket has its slots 0 to 5 full (the last of a chain may have gaps, but is not empty); 3 `used` and
`overflow` count right; 4 the mask fits the buckets; 5 no key twice in a bucket; 6 no chain is
longer than `depth` says.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from _pyredis.base.hash cimport hash_siphash13
from _pyredis.base.mem cimport (mem_alloc, mem_alloc_lines, mem_free, mem_free_lines, mem_settled,
                                mem_settled_lines, mem_slab)
from _pyredis.base.rand cimport Rand, rand_below

cdef extern from "bucket.h" nogil:
    unsigned int bucket_match(const uint8_t* tags, uint8_t tag)
    int bits_lowest(unsigned int x)
    int bits_count(unsigned int x)
    uint64_t bits_reverse64(uint64_t v)

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)
    void PREFETCH(const void* p)

cdef enum:
    SEGMENT_BITS = 12
    SEGMENT = 1 << SEGMENT_BITS    # buckets of a segment
    LOAD_NUMERATOR = 23            # split above 23/4 = 5.75 entries a bucket
    LOAD_DENOMINATOR = 4
    MERGE_PART = 4                 # merge below a quarter of that
    ALL_SLOTS = 0x7f
    CHAIN_SLOTS = 0x3f             # the slots for entries in a chained bucket
    NEXT_LINE = 39                 # a small entry often begins in one cache line and ends in the next
    SETTLE_AHEAD = 2               # buckets whose entries are fetched before they are moved
    DRAWS = 8                      # dict_random: buckets that are read at a time


cdef inline Bucket* _bucket(const Dict* d, size_t b) noexcept nogil:
    return &d.segments[b >> SEGMENT_BITS][b & (SEGMENT - 1)]


cdef inline size_t _index(const Dict* d, uint64_t hash) noexcept nogil:
    cdef size_t b = hash & d.mask
    cdef size_t top = (d.mask >> 1) + 1
    # Without a branch: between two powers of two nobody could predict it, and it is on the way of every look-up.
    return b ^ (top & -<size_t>(b >= d.buckets))


cdef inline uint8_t _tag(uint64_t hash) noexcept nogil:
    return <uint8_t>(hash >> 56)


cdef inline Bucket* _next(const Bucket* b) noexcept nogil:
    return <Bucket*>b.slot[6] if b.meta & BUCKET_CHAINED else NULL


cdef inline unsigned int _slots(const Bucket* b) noexcept nogil:
    """Bits of the slots that hold entries."""
    return b.meta & ALL_SLOTS


cdef uint64_t dict_hash(const DictType* type, const char* key, size_t n) noexcept nogil:
    return hash_siphash13(key, n, type.seed)


cdef uint64_t _hash_of(const Dict* d, const void* entry) noexcept nogil:
    cdef size_t n
    cdef const char* key = d.type.key_of(entry, &n)
    return hash_siphash13(key, n, d.type.seed)


cdef void dict_init(Dict* d, const DictType* type) noexcept nogil:
    """An empty table, which takes no memory until the first insert."""
    memset(d, 0, sizeof(Dict))
    d.type = type


# ---------------------------------------------------------------- memory of the buckets

cdef void _set_directory(Dict* d, size_t room) noexcept nogil:
    cdef Bucket** moved = <Bucket**>mem_alloc(d.type.mem, room * sizeof(void*))
    if d.segments != NULL:
        memcpy(moved, d.segments, (d.directory if d.directory < room else room) * sizeof(void*))
        mem_free(d.type.mem, d.segments, d.directory * sizeof(void*))
    d.segments = moved
    d.directory = <uint32_t>room


cdef void _grow_first(Dict* d, size_t capacity) noexcept nogil:
    """Moves the only segment, which is not full size, to one of `capacity` buckets."""
    cdef Bucket* moved = <Bucket*>mem_alloc_lines(d.type.mem, capacity * sizeof(Bucket))
    if d.buckets:
        memcpy(moved, d.segments[0], d.buckets * sizeof(Bucket))
    if d.capacity:
        mem_free_lines(d.type.mem, d.segments[0], d.capacity * sizeof(Bucket))
    d.segments[0] = moved
    d.capacity = capacity


cdef void _room_for_bucket(Dict* d) noexcept nogil:
    """Makes room for bucket number d.buckets."""
    cdef size_t wanted
    if d.buckets < d.capacity:
        return
    if d.segments == NULL:
        _set_directory(d, 1)
    if d.capacity < SEGMENT:
        wanted = d.capacity + (d.capacity >> 2 if d.capacity > 8 else d.capacity)
        _grow_first(d, 1 if wanted == 0 else SEGMENT if wanted > SEGMENT else wanted)
        return
    cdef size_t segment = d.capacity >> SEGMENT_BITS
    if segment == d.directory:
        _set_directory(d, <size_t>d.directory * 2)
    d.segments[segment] = <Bucket*>mem_alloc_lines(d.type.mem, SEGMENT * sizeof(Bucket))
    d.capacity += SEGMENT


cdef void _release_spare(Dict* d) noexcept nogil:
    """Gives back whole segments that are not needed, keeping one in hand so as not to thrash."""
    while d.capacity > SEGMENT and d.buckets + SEGMENT + SEGMENT // 2 <= d.capacity:
        d.capacity -= SEGMENT
        mem_free_lines(d.type.mem, d.segments[d.capacity >> SEGMENT_BITS], SEGMENT * sizeof(Bucket))
    if d.capacity <= SEGMENT and d.capacity > 8 and d.buckets * 4 <= d.capacity:
        _grow_first(d, d.capacity >> 1)


cdef void _set_buckets(Dict* d, size_t n) noexcept nogil:
    d.buckets = n
    while d.mask < n - 1:
        d.mask = d.mask * 2 + 1
    while n and (d.mask >> 1) >= n - 1 and d.mask:
        d.mask >>= 1


cdef void dict_free(Dict* d) noexcept nogil:
    cdef size_t b
    cdef Bucket* at
    cdef Bucket* after
    if d.overflow:
        for b in range(d.buckets):
            at = _next(_bucket(d, b))
            while at != NULL:
                after = _next(at)
                mem_free_lines(d.type.mem, at, sizeof(Bucket))
                at = after
    if d.capacity and d.capacity < SEGMENT:
        mem_free_lines(d.type.mem, d.segments[0], d.capacity * sizeof(Bucket))
    else:
        for b in range(d.capacity >> SEGMENT_BITS):
            mem_free_lines(d.type.mem, d.segments[b], SEGMENT * sizeof(Bucket))
    if d.segments != NULL:
        mem_free(d.type.mem, d.segments, d.directory * sizeof(void*))
    dict_init(d, d.type)


cdef size_t dict_bytes(const Dict* d) noexcept nogil:
    return (d.capacity + d.overflow) * sizeof(Bucket) + (d.directory * sizeof(void*) if d.directory else 0)


# ---------------------------------------------------------------- finding

cdef void* dict_find(const Dict* d, const char* key, size_t n, uint64_t hash, Place* at) noexcept nogil:
    """The entry with this key, or NULL; where it stands goes to `at` unless that is NULL."""
    cdef Bucket* b
    cdef unsigned int bits
    cdef int i
    cdef size_t have
    cdef const char* other
    if d.used == 0:
        return NULL
    b = _bucket(d, _index(d, hash))
    while b != NULL:
        bits = bucket_match(b.tags, _tag(hash)) & _slots(b)
        while bits:
            i = bits_lowest(bits)
            bits &= bits - 1
            other = d.type.key_of(b.slot[i], &have)
            if have == n and memcmp(other, key, n) == 0:
                if at != NULL:
                    at.bucket = b
                    at.slot = i
                return b.slot[i]
        b = _next(b)
    return NULL


cdef bint dict_find_entry(const Dict* d, const void* entry, uint64_t hash, Place* at) noexcept nogil:
    """Where the very entry `entry` stands, by its address: its bytes are not read."""
    cdef Bucket* b
    cdef unsigned int bits
    cdef int i
    if d.used == 0:
        return False
    b = _bucket(d, _index(d, hash))
    while b != NULL:
        bits = bucket_match(b.tags, _tag(hash)) & _slots(b)
        while bits:
            i = bits_lowest(bits)
            bits &= bits - 1
            if b.slot[i] == entry:
                at.bucket = b
                at.slot = i
                return True
        b = _next(b)
    return False


cdef void dict_prefetch_bucket(const Dict* d, uint64_t hash) noexcept nogil:
    if d.used:
        PREFETCH(_bucket(d, _index(d, hash)))


cdef void dict_prefetch_entries(const Dict* d, uint64_t hash) noexcept nogil:
    """Prefetches the entries that may have this hash, and an overflow bucket."""
    cdef Bucket* b
    cdef unsigned int bits
    if d.used == 0:
        return
    b = _bucket(d, _index(d, hash))
    bits = bucket_match(b.tags, _tag(hash)) & _slots(b)
    while bits:
        PREFETCH(b.slot[bits_lowest(bits)])
        PREFETCH(<char*>b.slot[bits_lowest(bits)] + NEXT_LINE)
        bits &= bits - 1
    if b.meta & BUCKET_CHAINED:
        PREFETCH(b.slot[6])


# ---------------------------------------------------------------- changing

cdef void _put(Bucket* b, int i, void* entry, uint8_t tag) noexcept nogil:
    b.slot[i] = entry
    b.tags[i] = tag
    b.meta |= <uint8_t>(1 << i)


cdef void _add(Dict* d, Bucket* b, void* entry, uint8_t tag) noexcept nogil:
    """Adds an entry at the end of the chain that starts at b."""
    cdef unsigned int free
    cdef uint32_t depth = 1
    cdef Bucket* more
    while b.meta & BUCKET_CHAINED:
        b = <Bucket*>b.slot[6]
        depth += 1
    free = ~b.meta & ALL_SLOTS
    if free:
        _put(b, bits_lowest(free), entry, tag)
        return
    more = <Bucket*>mem_alloc_lines(d.type.mem, sizeof(Bucket))
    d.overflow += 1
    d.depth = max(d.depth, depth)
    more.meta = 0
    _put(more, 0, b.slot[6], b.tags[6])
    _put(more, 1, entry, tag)
    b.slot[6] = more
    b.meta = BUCKET_CHAINED | CHAIN_SLOTS


cdef void _prefetch_chain(const Bucket* b) noexcept nogil:
    cdef unsigned int bits
    while b != NULL:
        bits = _slots(b)
        while bits:
            PREFETCH(b.slot[bits_lowest(bits)])
            bits &= bits - 1
        b = _next(b)


cdef void _split(Dict* d) noexcept nogil:
    """Adds bucket number d.buckets and moves to it what belongs there from its lower half."""
    cdef size_t fresh = d.buckets, low, high
    cdef Bucket* source
    cdef Bucket* at
    cdef Bucket* after
    cdef Bucket copy
    cdef unsigned int bits
    cdef int i
    _room_for_bucket(d)
    _bucket(d, fresh).meta = 0
    _set_buckets(d, fresh + 1)
    if fresh == 0:
        return
    high = (d.mask >> 1) + 1
    low = fresh - high
    source = _bucket(d, low)
    _prefetch_chain(source)
    copy = source[0]
    source.meta = 0
    at = &copy
    while at != NULL:
        after = _next(at)
        bits = _slots(at)
        while bits:
            i = bits_lowest(bits)
            bits &= bits - 1
            _add(d, _bucket(d, fresh if _hash_of(d, at.slot[i]) & high else low), at.slot[i], at.tags[i])
        if at != &copy:
            d.overflow -= 1
            mem_free_lines(d.type.mem, at, sizeof(Bucket))
        at = after
    # the next to be split: on its way while the coming inserts fill the load
    if low + 1 < high:
        PREFETCH(_bucket(d, low + 1))


cdef void _merge(Dict* d) noexcept nogil:
    """Takes away the last bucket; its entries go back to its lower half."""
    cdef size_t last = d.buckets - 1
    cdef Bucket* home = _bucket(d, last - ((d.mask >> 1) + 1))
    cdef Bucket* at = _bucket(d, last)
    cdef Bucket* after
    cdef unsigned int bits
    cdef bint first = True
    while at != NULL:
        after = _next(at)
        bits = _slots(at)
        while bits:
            _add(d, home, at.slot[bits_lowest(bits)], at.tags[bits_lowest(bits)])
            bits &= bits - 1
        if not first:
            d.overflow -= 1
            mem_free_lines(d.type.mem, at, sizeof(Bucket))
        first = False
        at = after
    _set_buckets(d, last)
    _release_spare(d)


cdef void dict_insert(Dict* d, void* entry, uint64_t hash) noexcept nogil:
    """Adds an entry whose key is absent. At most one bucket is split."""
    if UNLIKELY(d.used * LOAD_DENOMINATOR >= d.buckets * LOAD_NUMERATOR):
        _split(d)
    _add(d, _bucket(d, _index(d, hash)), entry, _tag(hash))
    d.used += 1


cdef void _fill_hole(Dict* d, Bucket* hole, unsigned int slot) noexcept nogil:
    """Keeps a chain dense: an entry of its last bucket takes the place of the removed one."""
    cdef Bucket* before = hole
    cdef Bucket* last = hole
    cdef unsigned int bits
    cdef int i
    while last.meta & BUCKET_CHAINED:
        before = last
        last = <Bucket*>last.slot[6]
    if last != hole:
        i = bits_lowest(_slots(last))
        _put(hole, slot, last.slot[i], last.tags[i])
        last.meta &= <uint8_t>~(1 << i)
    if last != before:
        _fold_last(d, before, last)


cdef void _fold_last(Dict* d, Bucket* before, Bucket* last) noexcept nogil:
    """An overflow bucket down to one entry is folded into slot 6 of the bucket before it."""
    cdef unsigned int bits = _slots(last)
    if bits & (bits - 1):
        return
    before.meta = CHAIN_SLOTS
    _put(before, 6, last.slot[bits_lowest(bits)], last.tags[bits_lowest(bits)])
    d.overflow -= 1
    if d.overflow == 0:
        d.depth = 0
    mem_free_lines(d.type.mem, last, sizeof(Bucket))


cdef void dict_remove(Dict* d, Place at, uint64_t hash) noexcept nogil:
    cdef Bucket* before
    at.bucket.meta &= <uint8_t>~(1 << at.slot)
    d.used -= 1
    if at.bucket.meta & BUCKET_CHAINED:
        _fill_hole(d, at.bucket, at.slot)
    elif d.overflow:
        before = _bucket(d, _index(d, hash))
        if before != at.bucket:                  # the last bucket of a chain: may be down to one entry
            while <Bucket*>before.slot[6] != at.bucket:
                before = <Bucket*>before.slot[6]
            _fold_last(d, before, at.bucket)
    if d.buckets > 1 and d.used * LOAD_DENOMINATOR * MERGE_PART < d.buckets * LOAD_NUMERATOR:
        _merge(d)


cdef void dict_reserve(Dict* d, size_t entries) noexcept nogil:
    """Adds the buckets that `entries` entries need: a table about to be loaded then never splits."""
    while d.buckets * LOAD_NUMERATOR < entries * LOAD_DENOMINATOR:
        _split(d)


# ---------------------------------------------------------------- walking

cdef void _visit_chain(const Bucket* b, Visit visit, void* arg) noexcept nogil:
    cdef unsigned int bits
    while b != NULL:
        bits = _slots(b)
        while bits:
            visit(arg, b.slot[bits_lowest(bits)])
            bits &= bits - 1
        b = _next(b)


cdef uint64_t dict_scan(const Dict* d, uint64_t cursor, Visit visit, void* arg) noexcept nogil:
    """Visits one bucket; returns the next cursor, 0 at the end. `visit` must not change the table."""
    cdef size_t half, b
    cdef uint64_t mask
    if d.used == 0:
        return 0
    half = d.mask >> 1
    b = cursor & half
    # Bucket b of the lower half is split if its upper half exists; then each half is a bucket of its own.
    mask = d.mask if b + half + 1 < d.buckets else half
    _visit_chain(_bucket(d, cursor & mask), visit, arg)
    cursor |= ~mask
    return bits_reverse64(bits_reverse64(cursor) + 1)


cdef void dict_each(const Dict* d, Visit visit, void* arg) noexcept nogil:
    """Visits every entry. `visit` must not change the table; it may free the entry it gets."""
    cdef size_t b
    for b in range(d.buckets):
        if b + 1 < d.buckets:
            _prefetch_chain(_bucket(d, b + 1))
        _visit_chain(_bucket(d, b), visit, arg)


cdef void dict_iter(const Dict* d, DictIter* it) noexcept nogil:
    it.dict = d
    it.next = 0
    it.bucket = NULL
    it.slot = 0


cdef void* dict_next(DictIter* it) noexcept nogil:
    """The next entry of the walk, the entries of the bucket after it being fetched meanwhile."""
    cdef unsigned int bits
    while True:
        if it.bucket != NULL:
            bits = _slots(it.bucket) >> it.slot
            if bits:
                it.slot += bits_lowest(bits) + 1
                return it.bucket.slot[it.slot - 1]
            it.bucket = _next(it.bucket)
        if it.bucket == NULL:
            if it.next >= it.dict.buckets:
                return NULL
            it.bucket = _bucket(it.dict, it.next)
            it.next += 1
            if it.next < it.dict.buckets:
                _prefetch_chain(_bucket(it.dict, it.next))
        it.slot = 0


cdef size_t dict_drain(Dict* d, size_t most, Visit visit, void* arg) noexcept nogil:
    """Takes entries out for good, bucket by bucket from the end, until `most` are passed; how many were.

    For tearing a table down in steps. Nothing may be found or inserted in between.
    """
    cdef size_t passed = 0
    cdef Bucket* last
    cdef Bucket* at
    cdef Bucket* after
    while d.buckets and passed < most:
        last = _bucket(d, d.buckets - 1)
        if d.buckets > 1:
            _prefetch_chain(_bucket(d, d.buckets - 2))
        at = last
        while at != NULL:
            after = _next(at)
            passed += bits_count(_slots(at))
            d.used -= bits_count(_slots(at))
            at.meta &= ALL_SLOTS
            _visit_chain(at, visit, arg)
            if at != last:
                d.overflow -= 1
                mem_free_lines(d.type.mem, at, sizeof(Bucket))
            at = after
        if d.buckets == 1:
            dict_free(d)
        else:
            _set_buckets(d, d.buckets - 1)
            _release_spare(d)
    return passed


cdef void* _at_position(const Bucket* b, uint64_t position) noexcept nogil:
    """The entry at this position of a chain; NULL: there are not so many."""
    cdef unsigned int bits
    while b != NULL:
        bits = _slots(b)
        if position < bits_count(bits):
            while position:
                bits &= bits - 1
                position -= 1
            return b.slot[bits_lowest(bits)]
        position -= bits_count(bits)
        b = _next(b)
    return NULL


cdef void* _draw(const Dict* d, Rand* rand, size_t* bucket, size_t* position) noexcept nogil:
    """An entry, each as likely as any other, and where it stands: a bucket, and how many come before it in its chain."""
    cdef uint64_t width = BUCKET_SLOTS + (BUCKET_SLOTS - 1) * <uint64_t>d.depth
    cdef size_t[DRAWS] buckets
    cdef void* found
    cdef int draws = DRAWS if d.buckets > 1 << 10 else 1, i
    # Draw a bucket, and a position below the length of the longest chain, until that bucket has that position: so
    # each entry is drawn alike. Most draws fail; therefore some buckets are on their way at once.
    while True:
        for i in range(draws):
            buckets[i] = rand_below(rand, d.buckets)
            PREFETCH(_bucket(d, buckets[i]))
        for i in range(draws):
            position[0] = rand_below(rand, width)
            found = _at_position(_bucket(d, buckets[i]), position[0])
            if found != NULL:
                bucket[0] = buckets[i]
                return found


cdef void* dict_random(const Dict* d, Rand* rand) noexcept nogil:
    """An entry, each as likely as any other; NULL in an empty table. The wait for one bucket or two, mostly."""
    cdef size_t bucket, position
    return _draw(d, rand, &bucket, &position) if d.used else NULL


cdef size_t dict_sample(const Dict* d, Rand* rand, void** out, size_t most) noexcept nogil:
    """Up to `most` distinct entries, neighbours in a random place, each entry as likely as any other; how many."""
    cdef size_t got = 0, b, seen, skip
    cdef Bucket* at
    cdef unsigned int bits
    if d.used == 0:
        return 0
    _draw(d, rand, &b, &skip)
    most = min(most, d.used)
    for seen in range(d.buckets + 1):            # the first bucket again, at last: for what was passed over
        at = _bucket(d, b)
        while at != NULL:
            bits = _slots(at)
            while bits and got < most:
                if skip:
                    skip -= 1
                else:
                    out[got] = at.slot[bits_lowest(bits)]
                    got += 1
                bits &= bits - 1
            at = _next(at)
        if got == most:
            break
        b = b + 1 if b + 1 < d.buckets else 0
    return got


# ---------------------------------------------------------------- moving

cdef void dict_settle(Dict* d) noexcept nogil:
    cdef size_t i
    if d.segments == NULL:
        return
    d.segments = <Bucket**>mem_settled(d.type.mem, d.segments, d.directory * sizeof(void*))
    if d.capacity and d.capacity < SEGMENT:
        d.segments[0] = <Bucket*>mem_settled_lines(d.type.mem, d.segments[0], d.capacity * sizeof(Bucket))
    for i in range(d.capacity >> SEGMENT_BITS if d.type.mem.unsettled else 0):
        d.segments[i] = <Bucket*>mem_settled_lines(d.type.mem, d.segments[i], SEGMENT * sizeof(Bucket))


cdef void _prefetch_slabs(const Bucket* b) noexcept nogil:
    """What tells whether an entry is to move, and the entry itself."""
    cdef unsigned int bits = _slots(b)
    while bits:
        PREFETCH(b.slot[bits_lowest(bits)])
        PREFETCH(mem_slab(b.slot[bits_lowest(bits)]))
        bits &= bits - 1


cdef size_t _settle_chain(Dict* d, Bucket* b, Settle settle, void* arg) noexcept nogil:
    """One bucket and its overflow; entries."""
    cdef size_t passed = 0
    cdef unsigned int bits
    cdef int i
    while True:
        bits = _slots(b)
        passed += bits_count(bits)
        while bits and settle != NULL:
            i = bits_lowest(bits)
            bits &= bits - 1
            b.slot[i] = settle(arg, b.slot[i])
        if not b.meta & BUCKET_CHAINED:
            return passed
        b.slot[6] = mem_settled_lines(d.type.mem, b.slot[6], sizeof(Bucket))
        b = <Bucket*>b.slot[6]


cdef bint dict_settle_part(Dict* d, uint64_t* at, size_t entries, Settle settle, void* arg) noexcept nogil:
    """Buckets in the order of their numbers, so that the next can be fetched: what a split or merge takes past the
    place that is reached is left out, and does no harm where it is."""
    cdef size_t passed = 0
    while at[0] < d.buckets and passed < entries:
        if settle != NULL and at[0] + SETTLE_AHEAD < d.buckets:
            _prefetch_slabs(_bucket(d, at[0] + SETTLE_AHEAD))
        passed += 1 + _settle_chain(d, _bucket(d, at[0]), settle, arg)
        at[0] += 1
    return at[0] >= d.buckets


# ---------------------------------------------------------------- checking

cdef bint _twice(const Dict* d, const Bucket* head, const void* entry) noexcept nogil:
    """Does another entry of the chain have the same key?"""
    cdef size_t n, m
    cdef const char* key = d.type.key_of(entry, &n)
    cdef const char* other
    cdef unsigned int bits
    while head != NULL:
        bits = _slots(head)
        while bits:
            other = d.type.key_of(head.slot[bits_lowest(bits)], &m)
            if head.slot[bits_lowest(bits)] != entry and n == m and memcmp(key, other, n) == 0:
                return True
            bits &= bits - 1
        head = _next(head)
    return False


cdef int dict_check(const Dict* d) noexcept nogil:
    cdef size_t b, used = 0, overflow = 0, chain
    cdef Bucket* at
    cdef unsigned int bits
    cdef uint64_t hash
    cdef int i
    if d.buckets and ((d.mask >> 1) >= d.buckets - 1 and d.mask or d.mask < d.buckets - 1):
        return 4
    for b in range(d.buckets):
        at = _bucket(d, b)
        chain = 0
        while at != NULL:
            bits = _slots(at)
            if at.meta & BUCKET_CHAINED and bits != CHAIN_SLOTS:
                return 2
            if at != _bucket(d, b):
                overflow += 1
                chain += 1
                if not bits:
                    return 2
            used += bits_count(bits)
            while bits:
                i = bits_lowest(bits)
                bits &= bits - 1
                hash = _hash_of(d, at.slot[i])
                if _index(d, hash) != b or at.tags[i] != _tag(hash):
                    return 1
                if _twice(d, _bucket(d, b), at.slot[i]):
                    return 5
            at = _next(at)
        if chain > d.depth:
            return 6
    if used != d.used or overflow != d.overflow:
        return 3
    return 0
