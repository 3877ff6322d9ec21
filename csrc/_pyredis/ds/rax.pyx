"""rax -- a radix tree of 128-bit IDs, each with a value of one width: the index of a stream, and its pending lists.

    inner node  | count u16 | capacity u16 | height u8 | - | kind u8 | - | starts u64 | child 0 | child 1 | ...
    leaf        a run of IDs in order, with their values (ds/rax_leaf), linked to the runs on either side

An ID is a number of 22 digits of six bits, eleven of its ms and eleven of its seq; `height` says which digit an inner
node looks at (64 more than the digit's lowest bit for one of the ms). Digits that all IDs under a node share have no
node of their own: the way down passes them over, and whether an ID has them is seen in the leaf where it comes out,
which keeps one ID as it is. Bit d of `starts` says that a child begins with digit d. If the child is a leaf it has
the digits up to where the next one begins, so that few IDs do not take a leaf for each digit; an inner node has its
one digit. The child to take is a count of bits, and a node's memory follows its fan-out. No node exceeds 1,024 bytes,
the arena's largest small object.

A full leaf is split between two digits: the first digit in which its keys differ is that of its parent, or of a new
inner node in its place. Ascending IDs, which is nearly all there are, do not split but begin a new leaf of full size
where the digits allow it, or take along the keys behind the last boundary; the leaf left behind is cut to its bytes. A
leaf below a quarter of its capacity is merged with a neighbour, if both fit into three quarters of one, or made
smaller, so a list acknowledged in random order shrinks; an inner node with one child left goes. The first leaf is
left as it is until it is empty: it is on its way out.

Why leaves of many keys and not, as in Redis, a path for each: IDs differ in few bytes from their neighbours, so that a
run keeps one to four bytes of each, and an entry pending, which two trees know of, costs 29 to 35 bytes in both, with
its 24 bytes of facts; in Redis 8.0.6 and Valkey 9.1 113. Before this tree a B+-tree of whole IDs stood here. Both of a
million IDs (bench/micro/bench_rax, medians of 3 rounds, ns of CPU, November 2026; old, then new):

    IDs           value     insertion    find at     floor      a step of   deletion    deletion    bytes an ID
                  (bytes)   ascending    random                 a walk      in front    at random
    one a ms          0     13    11     459   200   439   277  2.5   2.6   30    13    369   231   16.8    1.2
                      8     17    16     511   186   467   324  3.3   2.8   31    16    420   326   25.2    9.8
                     24     23    28     521   244   500   436  4.2   3.9   32    18    489   420   42.0   27.0
    20 a ms           0     14    13     439   291   427   291  2.4   2.3   35    16    384   284   16.8    2.1
                     24     25    31     521   244   502   225  4.2   3.3   38    15    504   395   42.0   28.4
    one a second      0     13    13     440   306   410   298  2.4   2.7   30    13    362   291   16.8    2.9
                     24     24    26     528   424   502   467  4.3   4.8   33    18    507   431   42.0   28.8
    1-0, 2-0 ...      0     14    10     413   200   387   292  2.3   2.6   30    13    340   243   16.8    1.2
                     24     25    28     522   243   502   432  4.2   3.8   32    18    476   419   42.0   27.0
    random            0    244   273     431   366   420   392  5.8   8.2  254   207    363   364   24.5   20.9
                     24    348   463     551   420   527   407   12    22  382   312    520   504   60.8   53.1

What it loses: inserting IDs of random bits, which are not those of any stream, and 5 ns an insertion with 24 bytes,
because leaves of 39 keys end at every 64th.

Cost: a digit's step for each level, of which a million IDs have three or four; the ends O(1).

Ownership: the caller owns what values point to. Rules checked by rax_check: 1 the count of IDs, nodes or bytes is
wrong; 2 IDs do not ascend, or hang where their digits do not lead; 3 a height, width, form or capacity is wrong, or a
node is empty; 4 the links of the leaves are not in order.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free
from _pyredis.ds.id cimport Id, id_equal, id_less, id_of
from _pyredis.ds.rax_leaf cimport (LeafForm, form_for, leaf_bytes, leaf_close, leaf_fits, leaf_form, leaf_full, leaf_id,
                                   leaf_lower, leaf_narrowed, leaf_put, leaf_seek, leaf_take, leaf_tight, leaf_value,
                                   low_bytes)

cdef extern from "bytes.h" nogil:
    int bytes_bit_length(uint64_t x)
    int bytes_lowest_bit(uint64_t x)

cdef enum:
    DIGIT = 6                      # bits
    IN_MS = 64                     # added to the height of a digit of the ms
    TOP = IN_MS + 60               # height of the first digit; of a leaf that is the whole tree, too
    DEEPEST = 22                   # digits of an ID
    INNER = 255                    # ms_bytes of an inner node
    FIRST_CAPACITY = 4
    WORTH_LEAVING = 32             # so many keys are rather followed by a new leaf than widened

cdef struct _Inner:                # as in a leaf up to `kind`; as many children as `capacity` follow
    uint16_t count
    uint16_t capacity
    uint8_t height
    uint8_t unused
    uint8_t kind                   # INNER
    uint8_t unused2
    uint64_t starts                # bit d: a child begins with digit d

cdef struct _Path:                 # from the root to a leaf's parent, and which child was taken
    _Inner* node[DEEPEST]
    uint8_t at[DEEPEST]
    uint8_t start[DEEPEST]         # the digit it begins with
    uint32_t depth


# ---------------------------------------------------------------- digits

cdef inline uint32_t _digit(Id id, uint32_t height) noexcept nogil:
    return ((id.ms if height & IN_MS else id.seq) >> (height & 63)) & 63


cdef inline uint32_t _parting(Id a, Id b) noexcept nogil:
    """The height of the first digit in which two IDs, which are not equal, differ."""
    cdef uint32_t bit
    if a.ms != b.ms:
        bit = bytes_bit_length(a.ms ^ b.ms) - 1
        return IN_MS + bit - bit % DIGIT
    bit = bytes_bit_length(a.seq ^ b.seq) - 1
    return bit - bit % DIGIT


cdef inline Id _lowest(Id id, uint32_t height) noexcept nogil:
    """The lowest of the IDs that are as `id` down to the digit at `height`."""
    cdef uint64_t below = (<uint64_t>1 << (height & 63)) - 1
    return id_of(id.ms & ~below, 0) if height & IN_MS else id_of(id.ms, id.seq & ~below)


cdef inline uint32_t _ones(uint64_t x) noexcept nogil:
    x -= (x >> 1) & <uint64_t>0x5555555555555555u
    x = (x & <uint64_t>0x3333333333333333u) + ((x >> 2) & <uint64_t>0x3333333333333333u)
    return ((x + (x >> 4)) & <uint64_t>0x0f0f0f0f0f0f0f0fu) * <uint64_t>0x0101010101010101u >> 56


# ---------------------------------------------------------------- nodes

cdef inline bint _is_inner(const void* node) noexcept nogil:
    return (<const _Inner*>node).kind == INNER


cdef inline RaxLeaf** _children(const _Inner* n) noexcept nogil:
    return <RaxLeaf**>(n + 1)


cdef inline size_t _inner_bytes(size_t capacity) noexcept nogil:
    return sizeof(_Inner) + capacity * sizeof(void*)


cdef void* _alloc(Rax* t, Arena* mem, size_t n) noexcept nogil:
    t.nodes += 1
    t.bytes += mem_footprint(n)
    return mem_alloc(mem, n)


cdef void _free(Rax* t, Arena* mem, void* node) noexcept nogil:
    cdef RaxLeaf* leaf = <RaxLeaf*>node
    cdef size_t n
    if _is_inner(node):
        n = _inner_bytes(leaf.capacity)
    else:
        n = leaf_bytes(leaf.capacity, leaf.width, leaf_form(leaf))
    t.nodes -= 1
    t.bytes -= mem_footprint(n)
    mem_free(mem, node, n)


cdef RaxLeaf* _new_leaf(Rax* t, Arena* mem, Id base, LeafForm form, uint32_t capacity) noexcept nogil:
    cdef RaxLeaf* leaf = <RaxLeaf*>_alloc(t, mem, leaf_bytes(capacity, t.width, form))
    leaf.count = 0
    leaf.capacity = <uint16_t>capacity
    leaf.height = TOP
    leaf.width = <uint8_t>t.width
    leaf.ms_bytes = form.ms_bytes
    leaf.seq_bytes = form.seq_bytes
    leaf.base = base
    leaf.prev = leaf.next = NULL
    return leaf


cdef _Inner* _new_inner(Rax* t, Arena* mem, uint32_t height, uint32_t capacity) noexcept nogil:
    cdef _Inner* n = <_Inner*>_alloc(t, mem, _inner_bytes(capacity))
    n.count = 0
    n.capacity = <uint16_t>capacity
    n.height = <uint8_t>height
    n.kind = INNER
    n.unused = n.unused2 = 0
    n.starts = 0
    return n


cdef inline bint _under(const RaxLeaf* leaf, Id id) noexcept nogil:
    """Has `id` the digits that lead to the node in which the leaf hangs?"""
    if leaf.height & IN_MS:
        return ((id.ms ^ leaf.base.ms) >> (leaf.height & 63)) >> DIGIT == 0
    return id.ms == leaf.base.ms and ((id.seq ^ leaf.base.seq) >> leaf.height) >> DIGIT == 0


# ---------------------------------------------------------------- finding

cdef void rax_init(Rax* t, size_t width) noexcept nogil:
    t.root = t.first = t.last = NULL
    t.count = t.bytes = 0
    t.nodes = 0
    t.width = <uint16_t>width


cdef inline uint32_t _child_for(const _Inner* n, Id id) noexcept nogil:
    """Which child has the digit of `id`, or begins below it; the first, if none does."""
    cdef uint32_t digit = _digit(id, n.height)
    cdef uint64_t below = n.starts & ~(~<uint64_t>1 << digit)
    return _ones(below) - 1 if below else 0


cdef inline RaxLeaf* _leaf_of(const Rax* t, Id id) noexcept nogil:
    """The leaf that the digits of `id` lead to. The tree is not empty."""
    cdef RaxLeaf* n = t.root
    while _is_inner(n):
        n = _children(<_Inner*>n)[_child_for(<_Inner*>n, id)]
    return n


cdef RaxLeaf* _descend(const Rax* t, Id id, _Path* path) noexcept nogil:
    cdef RaxLeaf* leaf = t.root
    cdef _Inner* n
    cdef uint64_t below
    cdef uint32_t depth = 0
    while _is_inner(leaf):
        n = <_Inner*>leaf
        below = n.starts & ~(~<uint64_t>1 << _digit(id, n.height))
        path.node[depth] = n
        path.at[depth] = <uint8_t>(_ones(below) - 1 if below else 0)
        path.start[depth] = <uint8_t>(bytes_bit_length(below) - 1 if below else bytes_lowest_bit(n.starts))
        leaf = _children(n)[path.at[depth]]
        depth += 1
    path.depth = depth
    return leaf


cdef void* rax_find(const Rax* t, Id id) noexcept nogil:
    """The value of `id`; an address that means nothing but "found" if values have no width."""
    cdef RaxLeaf* leaf
    cdef uint32_t at
    cdef bint found
    if t.root == NULL:
        return NULL
    leaf = _leaf_of(t, id)
    at = leaf_seek(leaf, id, &found)
    return leaf_value(leaf, at) if found else NULL


cdef inline RaxCursor _cursor(RaxLeaf* leaf, uint32_t at) noexcept nogil:
    cdef RaxCursor c
    c.leaf = leaf
    c.at = at
    return c


cdef inline RaxCursor _at_end(RaxLeaf* leaf) noexcept nogil:
    return _cursor(leaf, leaf.count - 1 if leaf != NULL else 0)


cdef RaxCursor rax_first(const Rax* t) noexcept nogil:
    return _cursor(t.first, 0)


cdef RaxCursor rax_last(const Rax* t) noexcept nogil:
    return _at_end(t.last)


cdef RaxLeaf* _outermost(RaxLeaf* n, bint last) noexcept nogil:
    """The first leaf under a node, or the last."""
    while _is_inner(n):
        n = _children(<_Inner*>n)[(<_Inner*>n).count - 1 if last else 0]
    return n


cdef RaxLeaf* _beside(const Rax* t, const RaxLeaf* leaf, Id id) noexcept nogil:
    """The leaf behind `id`, which parts from what it led to (`leaf` is part of that) further up; NULL: there is none."""
    cdef uint32_t height = _parting(id, leaf.base)
    cdef RaxLeaf* n = t.root
    while (<_Inner*>n).height >= height:
        n = _children(<_Inner*>n)[_child_for(<_Inner*>n, id)]
    return _outermost(n, False) if id_less(id, leaf.base) else _outermost(n, True).next


cdef RaxCursor rax_ceiling(const Rax* t, Id id) noexcept nogil:
    cdef RaxLeaf* leaf
    cdef uint32_t at
    cdef bint found
    if t.root == NULL:
        return _cursor(NULL, 0)
    leaf = _leaf_of(t, id)
    if not _under(leaf, id):
        return _cursor(_beside(t, leaf, id), 0)
    at = leaf_seek(leaf, id, &found)
    return _cursor(leaf, at) if at < leaf.count else _cursor(leaf.next, 0)


cdef RaxCursor rax_floor(const Rax* t, Id id) noexcept nogil:
    cdef RaxLeaf* leaf
    cdef uint32_t at
    cdef bint found
    if t.root == NULL:
        return _cursor(NULL, 0)
    leaf = _leaf_of(t, id)
    if not _under(leaf, id):
        leaf = _beside(t, leaf, id)
        return _at_end(leaf.prev if leaf != NULL else t.last)
    at = leaf_seek(leaf, id, &found)
    if found:
        return _cursor(leaf, at)
    return _cursor(leaf, at - 1) if at else _at_end(leaf.prev)


cdef void rax_next(RaxCursor* c) noexcept nogil:
    c.at += 1
    if c.at == c.leaf.count:
        c.leaf = c.leaf.next
        c.at = 0


cdef void rax_prev(RaxCursor* c) noexcept nogil:
    if c.at:
        c.at -= 1
        return
    c[0] = _at_end(c.leaf.prev)


# ---------------------------------------------------------------- links

cdef void _link(Rax* t, RaxLeaf* left, RaxLeaf* leaf, RaxLeaf* right) noexcept nogil:
    """Puts `leaf` between two neighbours; NULL: it is an end."""
    leaf.prev = left
    leaf.next = right
    if left != NULL:
        left.next = leaf
    else:
        t.first = leaf
    if right != NULL:
        right.prev = leaf
    else:
        t.last = leaf


cdef void _unlink(Rax* t, RaxLeaf* leaf) noexcept nogil:
    if leaf.prev != NULL:
        leaf.prev.next = leaf.next
    else:
        t.first = leaf.next
    if leaf.next != NULL:
        leaf.next.prev = leaf.prev
    else:
        t.last = leaf.prev


cdef inline void _set_place(Rax* t, _Path* path, uint32_t depth, void* node) noexcept nogil:
    """Hangs a node where `path` comes by at `depth`."""
    if depth:
        _children(path.node[depth - 1])[path.at[depth - 1]] = <RaxLeaf*>node
    else:
        t.root = <RaxLeaf*>node


cdef inline void _set_start(_Path* path, uint32_t depth, Id id) noexcept nogil:
    """What hangs at `depth` begins with the digit of `id` from now on."""
    cdef _Inner* n
    if depth:
        n = path.node[depth - 1]
        n.starts &= ~(<uint64_t>1 << path.start[depth - 1])
        path.start[depth - 1] = <uint8_t>_digit(id, n.height)
        n.starts |= <uint64_t>1 << path.start[depth - 1]


cdef RaxLeaf* _remade(Rax* t, Arena* mem, _Path* path, RaxLeaf* old, uint32_t n, LeafForm form,
                      uint32_t capacity) noexcept nogil:
    """Another leaf, with the first n keys of `old`, in the place of it; `old` is for the caller to free."""
    cdef RaxLeaf* leaf = _new_leaf(t, mem, leaf_id(old, 0), form, capacity)
    leaf_take(leaf, old, 0, n)
    leaf.height = old.height
    _link(t, old.prev, leaf, old.next)
    _set_place(t, path, path.depth, leaf)
    return leaf


# ---------------------------------------------------------------- inserting

cdef _Inner* _resized(Rax* t, Arena* mem, _Path* path, uint32_t depth, uint32_t capacity) noexcept nogil:
    """The inner node at `depth` with another capacity."""
    cdef _Inner* old = path.node[depth]
    cdef _Inner* n = _new_inner(t, mem, old.height, capacity)
    n.count = old.count
    n.starts = old.starts
    memcpy(_children(n), _children(old), old.count * sizeof(void*))
    _set_place(t, path, depth, n)
    path.node[depth] = n
    _free(t, mem, old)
    return n


cdef void _add_child(Rax* t, Arena* mem, _Path* path, uint32_t depth, uint32_t at, uint32_t digit,
                     RaxLeaf* child) noexcept nogil:
    """Hangs `child` as number `at` into the node at `depth`."""
    cdef _Inner* n = path.node[depth]
    cdef RaxLeaf** children
    if n.count == n.capacity:
        n = _resized(t, mem, path, depth, n.capacity * 2)
    children = _children(n)
    memmove(children + at + 1, children + at, (n.count - at) * sizeof(void*))
    children[at] = child
    n.count += 1
    n.starts |= <uint64_t>1 << digit


cdef void _hang_pair(Rax* t, Arena* mem, _Path* path, uint32_t depth, uint32_t height, RaxLeaf* left, Id low,
                     RaxLeaf* right, Id high) noexcept nogil:
    """A new inner node with two children, where one of them hung; `low` and `high` have the digits they begin with."""
    cdef _Inner* n = _new_inner(t, mem, height, 2)
    _children(n)[0] = left
    _children(n)[1] = right
    n.count = 2
    n.starts = (<uint64_t>1 << _digit(low, height)) | (<uint64_t>1 << _digit(high, height))
    _set_place(t, path, depth, n)
    _set_start(path, depth, low)                   # an inner node has its one digit, a leaf had a range


cdef void _hang_behind(Rax* t, Arena* mem, _Path* path, uint32_t height, RaxLeaf* left, RaxLeaf* right,
                       Id high) noexcept nogil:
    """Hangs `right`, which begins with `high`, behind the leaf that the path leads to: they part at `height`."""
    cdef uint32_t depth = path.depth
    cdef Id low = leaf_id(left, 0)
    if depth and path.node[depth - 1].height == height:
        _set_start(path, depth, low)
        _add_child(t, mem, path, depth - 1, path.at[depth - 1] + 1, _digit(high, height), right)
    else:
        _hang_pair(t, mem, path, depth, height, left, low, right, high)
        left.height = <uint8_t>height
    right.height = <uint8_t>height
    _link(t, left, right, left.next)


cdef RaxLeaf* _fresh(Rax* t, Arena* mem, Id id, bint last) noexcept nogil:
    """An empty leaf for `id`; if it comes behind all others, made for many that are like the ones before."""
    cdef RaxLeaf* leaf = t.last
    cdef LeafForm form = form_for(255, 0)
    if not last:
        return _new_leaf(t, mem, id, form, FIRST_CAPACITY)
    form = leaf_narrowed(leaf, 0, leaf.count)
    return _new_leaf(t, mem, id, form, leaf_full(t.width, form))


cdef void _branch(Rax* t, Arena* mem, _Path* path, const RaxLeaf* leaf, Id id) noexcept nogil:
    """A leaf for `id`, whose digits are not those that lead to where it came out."""
    cdef uint32_t height = _parting(id, leaf.base), depth = 0, at
    cdef bint above = id_less(leaf.base, id)
    cdef RaxLeaf* other
    cdef RaxLeaf* beside
    cdef RaxLeaf* fresh
    while path.node[depth].height >= height:
        depth += 1
    other = <RaxLeaf*>path.node[depth]             # all of it parts from id at the same digit
    beside = _outermost(other, above)
    fresh = _fresh(t, mem, id, above and beside.next == NULL)
    fresh.height = <uint8_t>height
    if depth and path.node[depth - 1].height == height:
        at = path.at[depth - 1] + (1 if above else 0)
        _add_child(t, mem, path, depth - 1, at, _digit(id, height), fresh)
    elif above:
        _hang_pair(t, mem, path, depth, height, other, leaf.base, fresh, id)
    else:
        _hang_pair(t, mem, path, depth, height, fresh, id, other, leaf.base)
    if above:
        _link(t, beside, fresh, beside.next)
    else:
        _link(t, beside.prev, fresh, beside)


cdef void _split(Rax* t, Arena* mem, _Path* path, RaxLeaf* leaf, bint late) noexcept nogil:
    """Makes two leaves of one, between two digits: at the last one that is met if `late`, else near the middle."""
    cdef uint32_t n = leaf.count, cut, other, room
    cdef uint32_t height = _parting(leaf_id(leaf, 0), leaf_id(leaf, n - 1))
    cdef Id middle = leaf_id(leaf, n - 1 if late else n >> 1)
    cdef LeafForm form
    cdef RaxLeaf* left
    cdef RaxLeaf* right
    cut = leaf_lower(leaf, _lowest(middle, height))
    if not late:
        other = n >> 1
        while other < n and _digit(leaf_id(leaf, other), height) == _digit(middle, height):
            other += 1
        if cut == 0 or (other < n and other - (n >> 1) < (n >> 1) - cut):
            cut = other
    form = leaf_narrowed(leaf, cut, n - cut)
    room = leaf_full(t.width, form)
    if not late:
        room = min(room, n - cut + ((n - cut) >> 1) + 2)
    right = _new_leaf(t, mem, leaf_id(leaf, cut), form, room)
    leaf_take(right, leaf, cut, n - cut)
    form = leaf_narrowed(leaf, 0, cut)
    room = cut if late else min(leaf_full(t.width, form), cut + (cut >> 1) + 2)
    left = _remade(t, mem, path, leaf, cut, form, room)
    _free(t, mem, leaf)
    _hang_behind(t, mem, path, height, left, right, leaf_id(right, 0))


cdef void _make_room(Rax* t, Arena* mem, _Path* path, RaxLeaf* leaf, uint32_t at, Id id) noexcept nogil:
    """Changes the leaf, or the tree about it, towards one in which there is a place for `id`."""
    cdef uint32_t n = leaf.count, full, height, room
    cdef Id first = leaf_id(leaf, 0), last = leaf_id(leaf, n - 1)
    cdef bint late = leaf == t.last and at == n, wider = not leaf_fits(leaf, id)
    cdef LeafForm form = leaf_form(leaf), tight
    if wider:
        form = form_for((id.ms ^ leaf.base.ms) | low_bytes(form.ms_bytes),
                        (id.seq ^ leaf.base.seq) | low_bytes(form.seq_bytes))
    full = leaf_full(t.width, form)
    if n >= full:
        tight = leaf_tight(leaf, 0, n, id)
        if leaf_full(t.width, tight) > n + (n >> 3):
            form = tight
            full = leaf_full(t.width, form)
    if late and (n >= full or (wider and n >= WORTH_LEAVING)):
        height = _parting(first, id)
        if _parting(last, id) == height:
            _hang_behind(t, mem, path, height, leaf, _fresh(t, mem, id, True), id)
            return
    if n >= full:
        _split(t, mem, path, leaf, late)
        return
    room = full if late and path.depth else min(full, n + (n >> 1) + 4)
    _remade(t, mem, path, leaf, n, form, room)
    _free(t, mem, leaf)


cdef void _trim(Rax* t, Arena* mem, RaxLeaf* leaf) noexcept nogil:
    """Cuts a leaf that is left behind to what its keys take."""
    cdef _Path path
    cdef uint32_t n = leaf.count
    cdef LeafForm form = leaf_narrowed(leaf, 0, n)
    cdef size_t old = leaf_bytes(leaf.capacity, leaf.width, leaf_form(leaf)), new = leaf_bytes(n, leaf.width, form)
    if new + (old >> 3) < old:
        _descend(t, leaf_id(leaf, 0), &path)
        _remade(t, mem, &path, leaf, n, form, n)
        _free(t, mem, leaf)


cdef void* _insert(Rax* t, Arena* mem, Id id, bint* added) noexcept nogil:
    cdef _Path path
    cdef RaxLeaf* leaf
    cdef uint32_t at
    cdef void* value
    if t.root == NULL:
        t.root = t.first = t.last = _new_leaf(t, mem, id, form_for(65535, 255), FIRST_CAPACITY)
    while True:
        leaf = _descend(t, id, &path)
        if not _under(leaf, id):
            _branch(t, mem, &path, leaf, id)
            continue
        at = leaf_seek(leaf, id, added)
        if added[0]:                               # found
            added[0] = False
            return leaf_value(leaf, at)
        if leaf.count < leaf.capacity and leaf_fits(leaf, id):
            break
        _make_room(t, mem, &path, leaf, at, id)
    value = leaf_put(leaf, at, id)
    t.count += 1
    added[0] = True
    if leaf.count == 1 and leaf == t.last and leaf.prev != NULL:
        _trim(t, mem, leaf.prev)
    return value


cdef void* rax_insert(Rax* t, Arena* mem, Id id, bint* added) noexcept nogil:
    """The place of the value of `id`: its value, or to be filled if it was `added` just now."""
    cdef RaxLeaf* leaf = t.last
    if (leaf != NULL and leaf.count < leaf.capacity and leaf_fits(leaf, id) and _under(leaf, id)
            and id_less(leaf_id(leaf, leaf.count - 1), id)):
        t.count += 1
        added[0] = True
        return leaf_put(leaf, leaf.count, id)
    return _insert(t, mem, id, added)


# ---------------------------------------------------------------- deleting

cdef void _drop_child(Rax* t, Arena* mem, _Path* path, uint32_t depth, uint32_t at, uint32_t start) noexcept nogil:
    """Takes child `at`, which begins with `start`, out of the node at `depth`; one with a single child left goes."""
    cdef _Inner* n = path.node[depth]
    cdef RaxLeaf** children = _children(n)
    n.count -= 1
    n.starts &= ~(<uint64_t>1 << start)
    memmove(children + at, children + at + 1, (n.count - at) * sizeof(void*))
    if n.count == 1:
        _set_place(t, path, depth, children[0])
        if not _is_inner(children[0]):
            children[0].height = path.node[depth - 1].height if depth else TOP
        _free(t, mem, n)
    elif n.count * 4 <= n.capacity:
        _resized(t, mem, path, depth, n.capacity // 2)


cdef void _remove_leaf(Rax* t, Arena* mem, _Path* path, RaxLeaf* leaf) noexcept nogil:
    cdef uint32_t depth = path.depth
    _unlink(t, leaf)
    _free(t, mem, leaf)
    if depth:
        _drop_child(t, mem, path, depth - 1, path.at[depth - 1], path.start[depth - 1])
    else:
        t.root = NULL


cdef uint32_t _start_of(const _Inner* n, uint32_t at) noexcept nogil:
    cdef uint64_t starts = n.starts
    while at:
        starts &= starts - 1
        at -= 1
    return bytes_lowest_bit(starts)


cdef bint _merge(Rax* t, Arena* mem, _Path* path, int at) noexcept nogil:
    """Makes one leaf of children `at` and `at` + 1 of the last node of the path, if they are leaves and fit."""
    cdef uint32_t depth = path.depth, n, seq_bytes
    cdef _Inner* parent = path.node[depth - 1]
    cdef RaxLeaf* left
    cdef RaxLeaf* right
    cdef RaxLeaf* both
    cdef Id low, high
    cdef LeafForm form
    if at < 0 or at + 1 >= parent.count:
        return False
    left = _children(parent)[at]
    right = _children(parent)[at + 1]
    if _is_inner(left) or _is_inner(right):
        return False
    low = leaf_id(left, 0)
    high = leaf_id(right, right.count - 1)
    n = left.count + right.count
    seq_bytes = max(left.seq_bytes, right.seq_bytes)
    form = form_for(low.ms ^ high.ms, (low.seq ^ high.seq) | low_bytes(seq_bytes))
    if n * 4 > leaf_full(t.width, form) * 3:
        return False
    path.at[depth - 1] = <uint8_t>at
    both = _remade(t, mem, path, left, left.count, form, n + (n >> 2))
    leaf_take(both, right, 0, right.count)
    _unlink(t, right)
    _free(t, mem, left)
    _free(t, mem, right)
    _drop_child(t, mem, path, depth - 1, at + 1, _start_of(parent, at + 1))
    return True


cdef void _settle(Rax* t, Arena* mem, Id id) noexcept nogil:
    """After `id` was taken from a leaf that has become too large: frees it, merges it or makes it smaller."""
    cdef _Path path
    cdef RaxLeaf* leaf = _descend(t, id, &path)
    cdef int at
    if leaf.count == 0:
        _remove_leaf(t, mem, &path, leaf)
        return
    if path.depth:
        at = path.at[path.depth - 1]
        if _merge(t, mem, &path, at) or _merge(t, mem, &path, at - 1):
            return
    if leaf.capacity > FIRST_CAPACITY:
        _remade(t, mem, &path, leaf, leaf.count, leaf_form(leaf), max(leaf.count * 2, <int>FIRST_CAPACITY))
        _free(t, mem, leaf)


cdef bint rax_delete(Rax* t, Arena* mem, Id id) noexcept nogil:
    cdef RaxLeaf* leaf
    cdef uint32_t at
    cdef bint found
    if t.root == NULL:
        return False
    leaf = t.first                                 # what is pending is acknowledged from the front, mostly
    if id_less(leaf_id(leaf, leaf.count - 1), id):
        leaf = _leaf_of(t, id)
    at = leaf_seek(leaf, id, &found)
    if not found:
        return False
    leaf_close(leaf, at)
    t.count -= 1
    if leaf.count * 4 < leaf.capacity and (leaf.count == 0 or leaf != t.first or leaf == t.last):
        _settle(t, mem, id)
    return True


cdef bint rax_drain(Rax* t, Arena* mem, size_t most, void (*visit)(Arena*, void*) noexcept nogil) noexcept nogil:
    """Frees whole leaves from the first on, about `most` IDs, each value visited (NULL: none is). True: it is empty."""
    cdef _Path path
    cdef RaxLeaf* leaf
    cdef size_t freed = 0, i
    while t.root != NULL and freed < most:
        leaf = t.first
        _descend(t, leaf_id(leaf, 0), &path)
        if visit != NULL:
            for i in range(leaf.count):
                visit(mem, leaf_value(leaf, i))
            freed += leaf.count
        freed += 1
        t.count -= leaf.count
        _remove_leaf(t, mem, &path, leaf)
    return t.root == NULL


# ---------------------------------------------------------------- checking

cdef struct _Audit:
    const RaxLeaf* leaf            # the one before
    Id last                        # and its last key
    uint64_t ids
    uint64_t nodes
    uint64_t bytes


cdef int _check_leaf(const RaxLeaf* leaf, _Audit* audit) noexcept nogil:
    cdef uint32_t own = leaf.ms_bytes + leaf.seq_bytes, i
    cdef Id id
    if leaf.count == 0 or leaf.count > leaf.capacity or own == 0 or (own > 8 and own != 16):
        return 3
    audit.bytes += mem_footprint(leaf_bytes(leaf.capacity, leaf.width, leaf_form(leaf)))
    for i in range(leaf.count):
        id = leaf_id(leaf, i)
        if audit.ids and not id_less(audit.last, id):
            return 2
        if not _under(leaf, id):
            return 2
        audit.last = id
        audit.ids += 1
    if leaf.prev != audit.leaf or (audit.leaf != NULL and audit.leaf.next != leaf):
        return 4
    audit.leaf = leaf
    return 0


cdef int _check_child(const _Inner* n, uint32_t at) noexcept nogil:
    """Do the digits of the child's keys agree with where it hangs?"""
    cdef RaxLeaf* child = _children(n)[at]
    cdef RaxLeaf* low = _outermost(child, False)
    cdef RaxLeaf* high = _outermost(child, True)
    cdef Id first = leaf_id(low, 0), last = leaf_id(high, high.count - 1)
    cdef uint32_t start = _start_of(n, at), begins = _digit(first, n.height), ends = _digit(last, n.height)
    if _is_inner(child):
        if (<_Inner*>child).height >= n.height:
            return 3
        if begins != start or ends != start:
            return 2
    elif child.height != n.height:
        return 3
    if (at and begins < start) or (at + 1 < n.count and ends >= _start_of(n, at + 1)):
        return 2
    return 2 if not id_equal(first, last) and _parting(first, last) > n.height else 0


cdef int _check(const Rax* t, const RaxLeaf* node, _Audit* audit) noexcept nogil:
    cdef const _Inner* n = <const _Inner*>node
    cdef uint32_t i
    cdef int broken
    audit.nodes += 1
    if not _is_inner(node):
        return _check_leaf(node, audit) if node.width == t.width else 3
    audit.bytes += mem_footprint(_inner_bytes(n.capacity))
    if n.count < 2 or n.count > n.capacity or n.capacity > 64 or _ones(n.starts) != n.count:
        return 3
    for i in range(n.count):
        broken = _check(t, _children(n)[i], audit)
        if not broken:
            broken = _check_child(n, i)
        if broken:
            return broken
    return 0


cdef int rax_check(const Rax* t) noexcept nogil:
    cdef _Audit audit
    cdef int broken
    if t.root == NULL:
        return 0 if t.count == 0 and t.nodes == 0 and t.bytes == 0 and t.first == NULL and t.last == NULL else 1
    audit.leaf = NULL
    audit.ids = audit.nodes = audit.bytes = 0
    if not _is_inner(t.root) and t.root.height != TOP:
        return 3
    broken = _check(t, t.root, &audit)
    if broken:
        return broken
    if t.last != audit.leaf or t.last.next != NULL or t.first.prev != NULL:
        return 4
    return 0 if audit.ids == t.count and audit.nodes == t.nodes and audit.bytes == t.bytes else 1
