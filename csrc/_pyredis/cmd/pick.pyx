"""pick -- members at random, for SRANDMEMBER, HRANDFIELD and ZRANDMEMBER: the choice, whatever is chosen from.

With repetition each draw is its own, from all members. Without, there are two ways to a random subset:

    walk    once over all, taking each with the chance (still wanted) / (still ahead): selection sampling
            (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S). Every subset is equally likely, no
            memory is needed, and the cost is that of the walk: some nanoseconds a member.
    draw    until `count` different ones have come, with a set of those seen. Of a large collection a draw reads
            a few lines of memory that are nowhere near, so it costs as much as walking over some dozen members.

So drawing is for a small part of a large collection. A collection in one block (a listpack) reaches a member
only by walking: it gives no `random`. Then a distinct choice is always a walk, and for a repeated one the
members are listed first.

A member is told from the others by where its bytes stand, or by its number: no two have the same.
"""
from libc.stdint cimport uint64_t
from libc.string cimport memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.rand cimport Rand, rand_below
from _pyredis.ds.element cimport Element

cdef enum:
    DRAW_PART = 16                 # to draw is cheaper below this part of the collection


cdef struct Pair:
    Element member
    Element value


cdef struct Seen:                  # open addressing over members' identities
    uint64_t* slots                # 0: free
    uint64_t mask
    bint zero                      # 0 itself was seen


cdef void pick_repeated(Picker* from_, Arena* mem, Rand* rand, uint64_t count, Picked take, void* arg) noexcept nogil:
    """`count` members, each drawn from all, independently. The collection is not empty."""
    cdef uint64_t i
    cdef size_t length = 0
    cdef Pair pair
    cdef Pair* all
    if from_.random != NULL:
        for i in range(count):
            from_.random(from_.arg, rand, &pair.member, &pair.value)
            take(arg, &pair.member, &pair.value)
        return
    all = <Pair*>mem_alloc(mem, from_.length * sizeof(Pair))
    while length < from_.length and from_.next(from_.arg, &all[length].member, &all[length].value):
        length += 1
    for i in range(count):
        pair = all[rand_below(rand, length)]
        take(arg, &pair.member, &pair.value)
    mem_free(mem, all, from_.length * sizeof(Pair))


cdef void pick_distinct(Picker* from_, Arena* mem, Rand* rand, size_t count, Picked take, void* arg) noexcept nogil:
    """`count` different members, or all if there are not more; each subset is equally likely."""
    if from_.random == NULL or count >= from_.length // DRAW_PART:
        _walk(from_, rand, count, take, arg)
    else:
        _draw(from_, mem, rand, count, take, arg)


cdef void _walk(Picker* from_, Rand* rand, size_t count, Picked take, void* arg) noexcept nogil:
    cdef size_t ahead = from_.length
    cdef Pair pair
    count = min(count, ahead)
    while count and from_.next(from_.arg, &pair.member, &pair.value):
        if count == ahead or rand_below(rand, ahead) < count:
            take(arg, &pair.member, &pair.value)
            count -= 1
        ahead -= 1


cdef void _draw(Picker* from_, Arena* mem, Rand* rand, size_t count, Picked take, void* arg) noexcept nogil:
    cdef Seen seen
    cdef Pair pair
    cdef uint64_t size = 16
    while size < count * 2:
        size *= 2
    seen.slots = <uint64_t*>mem_alloc(mem, size * sizeof(uint64_t))
    memset(seen.slots, 0, size * sizeof(uint64_t))
    seen.mask = size - 1
    seen.zero = False
    while count:
        from_.random(from_.arg, rand, &pair.member, &pair.value)
        if _is_new(&seen, &pair.member):
            take(arg, &pair.member, &pair.value)
            count -= 1
    mem_free(mem, seen.slots, size * sizeof(uint64_t))


cdef bint _is_new(Seen* seen, const Element* member) noexcept nogil:
    """Is the member met for the first time? It counts as seen from now on."""
    cdef uint64_t id = <uint64_t>member.ptr if member.ptr != NULL else <uint64_t>member.number
    cdef uint64_t at = (id * <uint64_t>0x9e3779b97f4a7c15) >> 20
    if id == 0:
        if seen.zero:
            return False
        seen.zero = True
        return True
    while seen.slots[at & seen.mask] != 0:
        if seen.slots[at & seen.mask] == id:
            return False
        at += 1
    seen.slots[at & seen.mask] = id
    return True
