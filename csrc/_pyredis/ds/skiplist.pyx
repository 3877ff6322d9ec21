"""skiplist -- members in order of (score, member), with their ranks: the large form of a sorted set.

A skiplist (Pugh 1990) with spans, unrolled: what stands at its bottom is not one member but a leaf of up to 42, and
each leaf has a tower of lanes, of random height (every other goes a level higher).

    leaf   | count, height | prev | score x 42 | member x 42 | lane 0 | lane 1 ...           688 + 32 a lane bytes
    lane   | next | score and address of the first member there | span |
    member | score f64 | length u8 | text |     or     | score f64 | 255 | length u32 | text |

A search goes along the highest lane as far as the next leaf's first member is not behind what it looks for, then
one lane down, until it is in the leaf; there a binary search over scores that stand together. A lane knows the
first member of the leaf it leads to, so the leaf is not touched to decide against it, and it is fetched while that
is decided. Half of the towers going higher, not a quarter, costs a lane more a leaf and saves steps, which are cache
misses. Members are looked at only where scores are equal. Spans, added up on the way, give ranks, and ranks are found
by them. In a list whose nodes are single members each of some 30 comparisons among a million is a cache miss; here
there are a thirtieth as many nodes.

A member is one allocation that the set's table refers to as well: whoever finds it there has its score.

A full leaf first evens out with a neighbour and splits only if both are full; one that is filled from the end or
the beginning of the list (scores that only grow, or only fall) splits off one member alone, so that what stays is
full. A leaf below a quarter merges with the next, or evens out with it.

Measured (bench/micro/bench_skiplist, 22 November 2026, a shared 2-core Xeon, medians of 3 rounds, ns of CPU, members
of 16 bytes with random scores) at 1 K, 100 K and 1 M members: insert 88, 152, 422; rank of a member 60, 220, 985; the
member of a rank 24, 92, 367; count below a score 30, 99, 367; a new score 144, 495, 1,929; remove 75, 167, 545; a step
of a walk 3, 5, 16. Lanes and leaves take 25.7, 24.8, 23.0 bytes a member. Not measured: a list with a tower a member.

Cost: insert, remove, rank, range O(log n) expected; a step of a walk O(1). Members belong to the caller, leaves and
towers to the list, which is told the arena each time.

Rules checked by skiplist_check: 1 members ascend strictly; 2 a leaf's scores are its members'; 3 a lane leads to the
next leaf of its height and knows its first member; 4 no leaf is empty or over-full; 5 spans are right; 6 the way back,
length, leaves and lanes are right.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_realloc, mem_settled
from _pyredis.base.slice cimport Slice, slice_compare

cdef extern from "bytes.h" nogil:
    int bytes_bit_length(uint64_t x)
    int bytes_lowest_bit(uint64_t x)

cdef extern from "ensure.h" nogil:
    void ENSURE(bint condition)
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)
    void PREFETCH(const void* p)

cdef enum:
    LEAST = SKIPLIST_LEAF // 4             # below that a leaf looks to the next
    MERGED = SKIPLIST_LEAF - LEAST         # two that have no more together become one
    SHIFT_LEAST = SKIPLIST_LEAF // 8       # room that makes it worth while to even out
    LINE = 64
    WHOLE_LEAF = 11
    AHEAD = 8                              # members that a walk asks for before it comes to them
    LEAF_LINES = 6                         # what a search in a leaf may read


cdef struct Path:                          # where a search turned down: for each lane the last tower before its aim
    Lane* tower[SKIPLIST_HEIGHT]
    size_t rank[SKIPLIST_HEIGHT]           # of that tower's first member
    Leaf* leaf                             # whose tower the lowest is; NULL: the head


# ---------------------------------------------------------------- members

cdef Member* member_new(Arena* mem, Slice text, double score) noexcept nogil:
    cdef bint short = text.len < MEMBER_LONG
    cdef Member* m = <Member*>mem_alloc(mem, (9 if short else 13) + text.len)
    cdef char* at = <char*>&m.length + 1
    cdef uint32_t n = <uint32_t>text.len
    m.score = score
    m.length = <uint8_t>n if short else <uint8_t>MEMBER_LONG
    if not short:
        memcpy(at, &n, 4)
        at += 4
    memcpy(at, text.ptr, text.len)
    return m


cdef void member_free(Arena* mem, Member* m) noexcept nogil:
    mem_free(mem, m, member_bytes(m))


cdef const char* member_key_of(const void* entry, size_t* n) noexcept nogil:
    cdef Slice text = member_text(<const Member*>entry)
    n[0] = text.len
    return text.ptr


cdef inline int _compare(const Member* m, double score, Slice text) noexcept nogil:
    if m.score != score:
        return -1 if m.score < score else 1
    return slice_compare(member_text(m), text)


cdef int member_compare(const Member* a, const Member* b) noexcept nogil:
    """Below, at or above 0."""
    return _compare(a, b.score, member_text(b))


# ---------------------------------------------------------------- searching a leaf

cdef inline unsigned int _lower(const double* scores, unsigned int n, double score) noexcept nogil:
    """How many of n > 0 ascending scores are below `score`. Without a branch that depends on them."""
    cdef unsigned int base = 0, half
    while n > 1:
        half = n >> 1
        base += half & -<unsigned int>(scores[base + half - 1] < score)
        n -= half
    return base + (scores[base] < score)


cdef inline unsigned int _upper(const double* scores, unsigned int n, double score) noexcept nogil:
    """How many are not above it."""
    cdef unsigned int base = 0, half
    while n > 1:
        half = n >> 1
        base += half & -<unsigned int>(scores[base + half - 1] <= score)
        n -= half
    return base + (scores[base] <= score)


cdef unsigned int _texts(Member* const* members, unsigned int low, unsigned int high, Slice text,
                         bint through) noexcept nogil:
    """The first of members low .. high-1, which ascend by text, that is not before `text` (`through`: is behind it)."""
    cdef unsigned int mid
    while low < high:
        mid = (low + high) >> 1
        if slice_compare(member_text(members[mid]), text) < <int>through:
            low = mid + 1
        else:
            high = mid
    return low


cdef inline unsigned int _position(const double* scores, Member* const* members, unsigned int n, double score,
                                   Slice text, bint through) noexcept nogil:
    """How many of n > 0 are before (score, text), or with `through` not behind it."""
    cdef unsigned int low = _lower(scores, n, score), high
    if LIKELY(low == n or scores[low] != score):
        return low
    high = low + _upper(scores + low, n - low, score)
    return _texts(members, low, high, text, through)


# ---------------------------------------------------------------- searching the lanes

cdef inline Lane* _tower(const Leaf* leaf) noexcept nogil:
    return <Lane*>(<char*>leaf + sizeof(Leaf))


cdef inline Leaf* _next(const Leaf* leaf) noexcept nogil:
    return _tower(leaf).next


cdef inline Leaf* _first(const Skiplist* s) noexcept nogil:
    return s.head.next if s.height else NULL


cdef inline void _prefetch(const void* node, int lines) noexcept nogil:
    """All that a search may read of a leaf, at once: else each line is waited for in turn."""
    cdef int i
    for i in range(lines):
        PREFETCH(<const char*>node + i * LINE)


cdef inline bint _leads_before(const Lane* lane, double score, Slice text, bint through) noexcept nogil:
    """Does the leaf it leads to begin before (score, text), or with `through` not behind it?"""
    if lane.next == NULL:
        return False
    if LIKELY(lane.score != score):
        return lane.score < score
    return slice_compare(member_text(lane.first), text) < <int>through


cdef void _descend(const Skiplist* s, double score, Slice text, bint through, Path* path) noexcept nogil:
    """To the last leaf that begins before (score, text), or with `through` not behind it."""
    cdef Lane* tower = s.head
    cdef Leaf* leaf = NULL
    cdef size_t rank = 0
    cdef int level = <int>s.height - 1
    while level >= 0:
        while _leads_before(&tower[level], score, text, through):
            rank += tower[level].span
            leaf = tower[level].next
            tower = _tower(leaf)
            if level:
                PREFETCH(_tower(tower[level - 1].next))
        path.tower[level] = tower
        path.rank[level] = rank
        level -= 1
    path.leaf = leaf
    if leaf != NULL:
        _prefetch(leaf, LEAF_LINES)


cdef void _descend_to(const Skiplist* s, size_t rank, bint through, Path* path) noexcept nogil:
    """To the last leaf whose first member has a lower rank, or with `through` no higher one."""
    cdef Lane* tower = s.head
    cdef Leaf* leaf = NULL
    cdef size_t at = 0
    cdef int level = <int>s.height - 1
    while level >= 0:
        while tower[level].next != NULL and at + tower[level].span < rank + through:
            at += tower[level].span
            leaf = tower[level].next
            tower = _tower(leaf)
        path.tower[level] = tower
        path.rank[level] = at
        level -= 1
    path.leaf = leaf


cdef Leaf* _locate(const Skiplist* s, const Member* m, Path* path, unsigned int* at) noexcept nogil:
    """The leaf and position of a member that is there; `path` leads to before it, as removing wants it."""
    cdef Slice text = member_text(m)
    cdef Leaf* leaf
    _descend(s, m.score, text, False, path)
    leaf = path.leaf
    if leaf != NULL:
        at[0] = _position(leaf.scores, leaf.members, leaf.count, m.score, text, False)
        if at[0] < leaf.count:
            ENSURE(leaf.members[at[0]] == m)
            return leaf
    leaf = path.tower[0].next                          # it is the first of the next
    at[0] = 0
    ENSURE(leaf != NULL and leaf.members[0] == m)
    return leaf


# ---------------------------------------------------------------- leaves and lanes

cdef void skiplist_init(Skiplist* s) noexcept nogil:
    memset(s, 0, sizeof(Skiplist))
    s.random = <uint64_t>s


cdef unsigned int _draw_height(Skiplist* s) noexcept nogil:
    """1, and one more for each head that a coin shows (splitmix64, a bit a level)."""
    cdef uint64_t z
    cdef unsigned int height
    s.random += <uint64_t>0x9e3779b97f4a7c15
    z = s.random
    z = (z ^ (z >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
    z = (z ^ (z >> 27)) * <uint64_t>0x94d049bb133111eb
    z ^= z >> 31
    height = 1 + bytes_lowest_bit(z | (<uint64_t>1 << 62))
    return height if height < SKIPLIST_HEIGHT else SKIPLIST_HEIGHT


cdef size_t _leaf_size(const Leaf* leaf) noexcept nogil:
    return sizeof(Leaf) + leaf.height * sizeof(Lane)


cdef unsigned int _regular_height(size_t n) noexcept nogil:
    """Of the n-th leaf, from 1, of a list that is built as a whole: every other goes a level higher."""
    cdef unsigned int height = 1 + bytes_lowest_bit(n)
    return height if height < SKIPLIST_HEIGHT else SKIPLIST_HEIGHT


cdef void _raise_head(Skiplist* s, Arena* mem, unsigned int height) noexcept nogil:
    """The head gets so many lanes, if it has fewer."""
    if height <= s.height:
        return
    s.head = <Lane*>mem_realloc(mem, s.head, s.height * sizeof(Lane), height * sizeof(Lane))
    while s.height < height:
        s.head[s.height].next = NULL
        s.head[s.height].span = s.length
        s.height += 1


cdef void _free_head(Skiplist* s, Arena* mem) noexcept nogil:
    """After the last leaf: an empty list takes no memory."""
    mem_free(mem, s.head, s.height * sizeof(Lane))
    skiplist_init(s)


cdef Leaf* _leaf_new(Skiplist* s, Arena* mem, unsigned int height) noexcept nogil:
    """An empty leaf; the head gets as many lanes, if it has fewer."""
    cdef Leaf* leaf = <Leaf*>mem_alloc(mem, sizeof(Leaf) + height * sizeof(Lane))
    _raise_head(s, mem, height)
    leaf.count = 0
    leaf.height = <uint16_t>height
    leaf.prev = NULL
    s.leaves += 1
    s.lanes += height
    return leaf


cdef void _leaf_free(Skiplist* s, Arena* mem, Leaf* leaf) noexcept nogil:
    s.leaves -= 1
    s.lanes -= leaf.height
    mem_free(mem, leaf, _leaf_size(leaf))


cdef inline void _point_at_first(Lane* lane) noexcept nogil:
    """The leaf it leads to begins with another member, or that has another score."""
    lane.first = lane.next.members[0]
    lane.score = lane.first.score


cdef void _set_back(Skiplist* s, Leaf* leaf, Leaf* prev) noexcept nogil:
    """`prev` stands before `leaf`; NULL for `leaf` is the end, for `prev` the beginning."""
    if leaf != NULL:
        leaf.prev = prev
    else:
        s.last = prev


cdef void _link(Skiplist* s, const Path* path, Leaf* leaf, size_t rank) noexcept nogil:
    """Puts a leaf, which has members or will have them at once, behind the path's, to begin at `rank`."""
    cdef Lane* tower = _tower(leaf)
    cdef Lane* before
    cdef unsigned int level
    for level in range(leaf.height):
        before = &path.tower[level][level]
        tower[level] = before[0]
        tower[level].span = before.span - (rank - path.rank[level])
        before.next = leaf
        before.span = rank - path.rank[level]
        if leaf.count:
            _point_at_first(before)
    _set_back(s, tower[0].next, leaf)
    leaf.prev = path.leaf


cdef void _unlink(Skiplist* s, Arena* mem, const Path* path, Leaf* leaf) noexcept nogil:
    """Takes out and frees an empty leaf, which stands behind the path's."""
    cdef Lane* tower = _tower(leaf)
    cdef Lane* before
    cdef unsigned int level
    cdef size_t span
    for level in range(leaf.height):
        before = &path.tower[level][level]
        span = before.span + tower[level].span
        before[0] = tower[level]
        before.span = span
    _set_back(s, tower[0].next, leaf.prev)
    _leaf_free(s, mem, leaf)


cdef void _move(Leaf* a, unsigned int src, Leaf* b, unsigned int to, unsigned int n) noexcept nogil:
    """Copies n members, within a leaf or between two; counts are the caller's."""
    memmove(&b.scores[to], &a.scores[src], n * sizeof(double))
    memmove(&b.members[to], &a.members[src], n * sizeof(void*))


cdef void _even_out(const Path* path, Leaf* a, unsigned int want) noexcept nogil:
    """The path's leaf `a` gets `want` of what it and the next have together; the next keeps the rest."""
    cdef Leaf* b = _next(a)
    cdef Lane* tower = _tower(b)
    cdef Lane* before
    cdef unsigned int n, level
    cdef size_t change = <size_t>want - a.count          # modulo 2**64, so it may be negative
    if a.count > want:
        n = a.count - want
        _move(b, 0, b, n, b.count)
        _move(a, want, b, 0, n)
    else:
        n = want - a.count
        _move(b, 0, a, a.count, n)
        _move(b, n, b, 0, b.count - n)
    b.count = <uint16_t>(b.count - change)
    a.count = <uint16_t>want
    for level in range(b.height):
        before = &path.tower[level][level]
        before.span += change
        tower[level].span -= change
        if b.count:
            _point_at_first(before)


# ---------------------------------------------------------------- inserting

cdef void _path_to(const Skiplist* s, const Leaf* leaf, bint through, Path* path) noexcept nogil:
    """The path that ends in this leaf (`through`), or in the one before it."""
    _descend(s, leaf.scores[0], member_text(leaf.members[0]), through, path)


cdef void _split(Skiplist* s, Arena* mem, Leaf* leaf, unsigned int keep) noexcept nogil:
    """Moves what a leaf has beyond `keep` to a new one behind it."""
    cdef Path path
    cdef Leaf* more = _leaf_new(s, mem, _draw_height(s))
    _path_to(s, leaf, True, &path)
    more.count = <uint16_t>(leaf.count - keep)
    _move(leaf, keep, more, 0, more.count)
    leaf.count = <uint16_t>keep
    _link(s, &path, more, path.rank[0] + keep)


cdef void _make_room(Skiplist* s, Arena* mem, Leaf* leaf, unsigned int at) noexcept nogil:
    """Room in a full leaf, or in the one beside it: whoever wants it looks again for its place."""
    cdef Path path
    cdef Leaf* next = _next(leaf)
    cdef Leaf* prev = leaf.prev
    if next == NULL and at == SKIPLIST_LEAF:
        _split(s, mem, leaf, SKIPLIST_LEAF - 1)
    elif prev == NULL and at == 0:
        _split(s, mem, leaf, 1)
    elif next != NULL and next.count + SHIFT_LEAST <= SKIPLIST_LEAF and (prev == NULL or next.count <= prev.count):
        _path_to(s, leaf, True, &path)
        _even_out(&path, leaf, (SKIPLIST_LEAF + next.count) >> 1)
    elif prev != NULL and prev.count + SHIFT_LEAST <= SKIPLIST_LEAF:
        _path_to(s, leaf, False, &path)
        _even_out(&path, prev, (SKIPLIST_LEAF + prev.count + 1) >> 1)
    else:
        _split(s, mem, leaf, SKIPLIST_LEAF // 2)


cdef Leaf* _leaf_for(Skiplist* s, Arena* mem, const Member* m, Path* path, unsigned int* at) noexcept nogil:
    """The leaf where a new member belongs, with room for it, and its position there."""
    cdef Slice text = member_text(m)
    cdef Leaf* leaf
    while True:
        _descend(s, m.score, text, True, path)
        leaf = path.leaf
        at[0] = 0
        if leaf != NULL:
            at[0] = _position(leaf.scores, leaf.members, leaf.count, m.score, text, False)
        elif s.length:
            leaf = _first(s)                           # before all
        else:
            leaf = _leaf_new(s, mem, _draw_height(s))
            _descend(s, m.score, text, True, path)     # the head may have more lanes now
            _link(s, path, leaf, 0)
        if LIKELY(leaf.count < SKIPLIST_LEAF):
            return leaf
        _make_room(s, mem, leaf, at[0])


cdef void skiplist_insert(Skiplist* s, Arena* mem, Member* m) noexcept nogil:
    cdef Path path
    cdef unsigned int at, level
    cdef Leaf* leaf = _leaf_for(s, mem, m, &path, &at)
    _move(leaf, at, leaf, at + 1, leaf.count - at)
    leaf.scores[at] = m.score
    leaf.members[at] = m
    leaf.count += 1
    s.length += 1
    if path.leaf == leaf:
        for level in range(s.height):
            path.tower[level][level].span += 1
        return
    for level in range(s.height):                      # it is the first of all
        if level < leaf.height:
            _tower(leaf)[level].span += 1
            _point_at_first(&s.head[level])
        else:
            s.head[level].span += 1


# ---------------------------------------------------------------- removing

cdef void _mend(Skiplist* s, Arena* mem, const Path* path) noexcept nogil:
    """After a removal: the path's leaf and the next, if one has become small, merge or even out."""
    cdef Leaf* a = path.leaf
    cdef Leaf* b = _next(a) if a != NULL else NULL
    cdef unsigned int total
    if b == NULL or a.count >= LEAST and b.count >= LEAST:
        return
    total = <unsigned int>a.count + b.count
    if total > MERGED:
        _even_out(path, a, total >> 1)
    else:
        _even_out(path, a, total)
        _unlink(s, mem, path, b)


cdef void _remove(Skiplist* s, Arena* mem, const Path* path, Leaf* leaf, unsigned int at,
                  unsigned int n) noexcept nogil:
    """Takes n members out, from position `at` of the path's leaf on, or from the beginning of the next."""
    cdef Lane* before
    cdef unsigned int level
    leaf.count = <uint16_t>(leaf.count - n)
    _move(leaf, at + n, leaf, at, leaf.count - at)
    s.length -= n
    for level in range(s.height):
        before = &path.tower[level][level]
        if leaf == path.leaf or level >= leaf.height:
            before.span -= n
        else:
            _tower(leaf)[level].span -= n
            if leaf.count:
                _point_at_first(before)
    if leaf.count == 0:
        ENSURE(leaf != path.leaf)
        _unlink(s, mem, path, leaf)
        if s.length == 0:
            _free_head(s, mem)
    else:
        _mend(s, mem, path)


cdef void skiplist_remove(Skiplist* s, Arena* mem, Member* m) noexcept nogil:
    cdef Path path
    cdef unsigned int at
    cdef Leaf* leaf = _locate(s, m, &path, &at)
    _remove(s, mem, &path, leaf, at, 1)


cdef size_t skiplist_remove_at(Skiplist* s, Arena* mem, size_t start, size_t most, Member** taken) noexcept nogil:
    cdef Path path
    cdef Leaf* leaf
    cdef unsigned int at = 0, n
    _descend_to(s, start, False, &path)
    leaf = path.leaf
    if leaf != NULL and start - path.rank[0] < leaf.count:
        at = <unsigned int>(start - path.rank[0])
    else:
        leaf = path.tower[0].next
    n = leaf.count - at
    if n > most:
        n = <unsigned int>most
    memcpy(taken, &leaf.members[at], n * sizeof(void*))
    _remove(s, mem, &path, leaf, at, n)
    return n


cdef bint _may_have(const Leaf* leaf, unsigned int at, double score, Slice text) noexcept nogil:
    """Would the member at this place, with this score, stand between its neighbours still?"""
    cdef SkiplistPlace before, behind
    before.leaf = behind.leaf = <Leaf*>leaf
    before.at = behind.at = at
    skiplist_prev(&before)
    skiplist_next(&behind)
    return ((before.leaf == NULL or _compare(before.leaf.members[before.at], score, text) < 0)
            and (behind.leaf == NULL or _compare(behind.leaf.members[behind.at], score, text) > 0))


cdef void skiplist_rescore(Skiplist* s, Arena* mem, Member* m, double score) noexcept nogil:
    """Gives a member another score. It stays where it stands if the order allows."""
    cdef Path path
    cdef unsigned int at, level
    cdef Leaf* leaf = _locate(s, m, &path, &at)
    if _may_have(leaf, at, score, member_text(m)):
        m.score = leaf.scores[at] = score
        if at == 0:
            for level in range(leaf.height):
                _point_at_first(&path.tower[level][level])
        return
    _remove(s, mem, &path, leaf, at, 1)
    m.score = score
    skiplist_insert(s, mem, m)


# ---------------------------------------------------------------- ranks and ranges

cdef size_t skiplist_rank(const Skiplist* s, const Member* m) noexcept nogil:
    cdef Path path
    cdef Slice text = member_text(m)
    cdef Leaf* leaf
    _descend(s, m.score, text, True, &path)
    leaf = path.leaf
    return path.rank[0] + _position(leaf.scores, leaf.members, leaf.count, m.score, text, False)


cdef inline bint _is_before(double a, double b, bint through) noexcept nogil:
    return a < b or through and a == b


cdef inline Leaf* _leaf_before(const Skiplist* s, double score, bint through, size_t* rank) noexcept nogil:
    """The last leaf that begins before that score, and its first member's rank; NULL: none does."""
    cdef Lane* tower = s.head
    cdef Leaf* leaf = NULL
    cdef int level = <int>s.height - 1
    rank[0] = 0
    while level >= 0:
        while tower[level].next != NULL and _is_before(tower[level].score, score, through):
            rank[0] += tower[level].span
            leaf = tower[level].next
            tower = _tower(leaf)
        level -= 1
    return leaf


cdef size_t skiplist_before_score(const Skiplist* s, double score, bint through) noexcept nogil:
    cdef size_t rank
    cdef Leaf* leaf = _leaf_before(s, score, through, &rank)
    if leaf == NULL:
        return 0
    return rank + (_upper(leaf.scores, leaf.count, score) if through else _lower(leaf.scores, leaf.count, score))


cdef SkiplistPlace skiplist_from_score(const Skiplist* s, double score) noexcept nogil:
    cdef SkiplistPlace p
    cdef size_t rank
    p.leaf = _leaf_before(s, score, False, &rank)
    p.at = 0
    if p.leaf == NULL:
        p.leaf = _first(s)
        return p
    p.at = _lower(p.leaf.scores, p.leaf.count, score)
    if p.at == p.leaf.count:
        p.leaf = _next(p.leaf)
        p.at = 0
    return p


cdef Leaf* skiplist_leaf_after(const Leaf* leaf) noexcept nogil:
    return _next(leaf)


cdef size_t skiplist_before_text(const Skiplist* s, Slice text, bint through) noexcept nogil:
    cdef Lane* tower = s.head
    cdef Leaf* leaf = NULL
    cdef size_t rank = 0
    cdef int level = <int>s.height - 1
    while level >= 0:
        while tower[level].next != NULL and slice_compare(member_text(tower[level].first), text) < <int>through:
            rank += tower[level].span
            leaf = tower[level].next
            tower = _tower(leaf)
        level -= 1
    return rank + _texts(leaf.members, 0, leaf.count, text, through) if leaf != NULL else 0


cdef SkiplistPlace skiplist_at(const Skiplist* s, size_t rank) noexcept nogil:
    cdef Path path
    cdef SkiplistPlace p
    p.leaf = NULL
    p.at = 0
    if rank < s.length:
        _descend_to(s, rank, True, &path)
        p.leaf = path.leaf
        p.at = <unsigned int>(rank - path.rank[0])
    return p


cdef void skiplist_next(SkiplistPlace* p) noexcept nogil:
    """One step on; the members of the steps to come are fetched meanwhile."""
    cdef const Leaf* leaf = p.leaf
    cdef Leaf* next = _next(leaf)
    cdef unsigned int ahead = p.at + AHEAD
    if p.at == 0 and next != NULL:
        _prefetch(next, WHOLE_LEAF)
    if ahead < leaf.count:
        PREFETCH(leaf.members[ahead])
    elif next != NULL and ahead - leaf.count < next.count:
        PREFETCH(next.members[ahead - leaf.count])
    p.at += 1
    if p.at == leaf.count:
        p.leaf = next
        p.at = 0


cdef void skiplist_prev(SkiplistPlace* p) noexcept nogil:
    """One step back, likewise."""
    cdef const Leaf* leaf = p.leaf
    if p.at >= AHEAD:
        PREFETCH(leaf.members[p.at - AHEAD])
    elif leaf.prev != NULL and leaf.prev.count + p.at >= AHEAD:
        PREFETCH(leaf.prev.members[leaf.prev.count + p.at - AHEAD])
    if p.at:
        p.at -= 1
        return
    p.leaf = leaf.prev
    if p.leaf != NULL:
        p.at = p.leaf.count - 1
        if p.leaf.prev != NULL:
            _prefetch(p.leaf.prev, WHOLE_LEAF)


# ---------------------------------------------------------------- whole lists

cdef void skiplist_build(Skiplist* s, Arena* mem, Member** ascending, size_t n) noexcept nogil:
    """Fills an empty list with n > 0 members that ascend: leaves equally full, every other tower a level higher."""
    cdef size_t count = (n + SKIPLIST_LEAF - 1) // SKIPLIST_LEAF, start = 0, i, j
    cdef Path path
    cdef Leaf* leaf
    cdef unsigned int height, level
    s.length = n
    _raise_head(s, mem, _regular_height(<size_t>1 << (bytes_bit_length(count) - 1)))
    for level in range(s.height):
        path.tower[level] = s.head
        path.rank[level] = 0
    path.leaf = NULL
    for i in range(count):
        leaf = _leaf_new(s, mem, _regular_height(i + 1))
        leaf.count = <uint16_t>((n - start + count - i - 1) // (count - i))
        for j in range(leaf.count):
            leaf.members[j] = ascending[start + j]
            leaf.scores[j] = leaf.members[j].score
        _link(s, &path, leaf, start)
        for level in range(leaf.height):
            path.tower[level] = _tower(leaf)
            path.rank[level] = start
        path.leaf = leaf
        start += leaf.count


cdef bint skiplist_drain(Skiplist* s, Arena* mem, size_t most) noexcept nogil:
    cdef Leaf* leaf
    while s.leaves and most:
        leaf = _first(s)
        s.head[0].next = _next(leaf)
        _leaf_free(s, mem, leaf)
        most -= 1
    if s.leaves:
        return False
    _free_head(s, mem)
    return True


cdef size_t skiplist_bytes(const Skiplist* s) noexcept nogil:
    if s.height == 0:
        return 0
    return mem_footprint(s.height * sizeof(Lane)) + s.leaves * mem_footprint(sizeof(Leaf)) + s.lanes * sizeof(Lane)


# ---------------------------------------------------------------- moving

cdef Leaf* _settle_leaf(Skiplist* s, Arena* mem, const Path* path, Leaf* leaf, MemberSettle settle,
                        void* arg) noexcept nogil:
    """Moves the leaf behind the path's towers, and its members; they lead to it as before."""
    cdef Leaf* fresh = <Leaf*>mem_settled(mem, leaf, _leaf_size(leaf))
    cdef unsigned int i
    for i in range(fresh.count):
        fresh.members[i] = settle(arg, fresh.members[i])
    for i in range(fresh.height):
        path.tower[i][i].next = fresh
        path.tower[i][i].first = fresh.members[0]
    _set_back(s, _next(fresh), fresh)
    return fresh


cdef size_t skiplist_settle(Skiplist* s, Arena* mem, size_t at, size_t most, MemberSettle settle,
                            void* arg) noexcept nogil:
    cdef Path path
    cdef Leaf* leaf
    cdef size_t done = 0
    cdef unsigned int level
    if at >= s.length:
        return 0
    if at == 0:
        s.head = <Lane*>mem_settled(mem, s.head, s.height * sizeof(Lane))
    _descend_to(s, at, False, &path)
    leaf = path.tower[0][0].next
    at = path.rank[0] + path.tower[0][0].span
    while leaf != NULL and done < most:
        _prefetch(_next(leaf), LEAF_LINES)
        leaf = _settle_leaf(s, mem, &path, leaf, settle, arg)
        for level in range(leaf.height):
            path.tower[level] = _tower(leaf)
        done += leaf.count
        leaf = _next(leaf)
    return at + done if leaf != NULL else 0


# ---------------------------------------------------------------- checking

cdef int _check_leaves(const Skiplist* s) noexcept nogil:
    """The lowest level: members, and what counts them."""
    cdef const Leaf* leaf = _first(s)
    cdef const Leaf* prev = NULL
    cdef const Member* member = NULL
    cdef size_t length = 0, leaves = 0, lanes = 0
    cdef unsigned int i
    while leaf != NULL:
        if leaf.count == 0 or leaf.count > SKIPLIST_LEAF:
            return 4
        for i in range(leaf.count):
            if member != NULL and member_compare(member, leaf.members[i]) >= 0:
                return 1
            member = leaf.members[i]
            if leaf.scores[i] != member.score:
                return 2
        if leaf.prev != prev or leaf.height == 0 or leaf.height > s.height:
            return 6
        length += leaf.count
        leaves += 1
        lanes += leaf.height
        prev = leaf
        leaf = _next(leaf)
    return 6 if prev != s.last or length != s.length or leaves != s.leaves or lanes != s.lanes else 0


cdef int _check_level(const Skiplist* s, unsigned int level) noexcept nogil:
    """One level's lanes beside the leaves that they pass."""
    cdef const Lane* lane = &s.head[level]
    cdef const Leaf* leaf = _first(s)
    cdef size_t span = 0
    while leaf != NULL:
        if leaf.height > level:
            if lane.next != leaf or lane.first != leaf.members[0] or lane.score != leaf.scores[0]:
                return 3
            if lane.span != span:
                return 5
            lane = &_tower(leaf)[level]
            span = 0
        span += leaf.count
        leaf = _next(leaf)
    return 3 if lane.next != NULL else 5 if lane.span != span else 0


cdef int skiplist_check(const Skiplist* s) noexcept nogil:
    cdef unsigned int level
    cdef int broken = _check_leaves(s)
    for level in range(s.height):
        if broken == 0:
            broken = _check_level(s, level)
    return broken
