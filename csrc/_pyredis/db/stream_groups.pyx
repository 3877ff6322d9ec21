"""stream_groups -- consumer groups, consumers, and what is pending with them.

    Stream.groups -> | Group | Group | ...        each by its name, in order
    Group: last ID delivered, how many were read, consumers by name, and
           pending: ID -> | delivered at, ms | deliveries | consumer |          a rax
    Consumer: when it was seen and active, and pending: the IDs alone           a rax

The facts about a pending entry stand once, in the group's tree; a consumer's tree says only which IDs are its own,
so that its history is read without passing those of the others. An entry pending costs 29 to 35 bytes in both together.

Groups and consumers are few beside entries: they are arrays of pointers, found by binary search. A new one moves on
average half of the array, 40 KB with ten thousand consumers, which takes 2 us: less than the reply to it.

Ownership: a group owns its consumers, a stream (its Names) the groups. Rules checked by groups_check: 1 names ascend;
2 a tree is broken; 3 each ID pending with a consumer is pending with the group as this consumer's, and there are as
many.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_realloc
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.id cimport Id
from _pyredis.ds.rax cimport (RaxCursor, cursor_id, cursor_value, rax_check, rax_delete, rax_drain, rax_find, rax_first,
                              rax_init, rax_insert, rax_next)


# ---------------------------------------------------------------- names

cdef int _order(Slice a, Slice b) noexcept nogil:
    cdef int order = memcmp(a.ptr, b.ptr, a.len if a.len < b.len else b.len)
    if order:
        return order
    return (a.len > b.len) - (a.len < b.len)


cdef Named* _find(const Names* names, Slice name, uint32_t* place) noexcept nogil:
    """The one with this name; else NULL, and `place` (unless NULL) is where it belongs."""
    cdef uint32_t low = 0, high = names.count, middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = _order(names.list[middle].name, name)
        if order == 0:
            low = middle
            break
        if order < 0:
            low = middle + 1
        else:
            high = middle
    if place != NULL:
        place[0] = low
    return names.list[low] if low < high else NULL


cdef Named* _add(Arena* mem, Names* names, Slice name, size_t size) noexcept nogil:
    """A new block of `size` bytes and the name, in its place; NULL if the name is taken."""
    cdef uint32_t place, room
    cdef Named* n
    if _find(names, name, &place) != NULL:
        return NULL
    if names.count == names.capacity:
        room = names.capacity + (names.capacity >> 1) + 1
        names.list = <Named**>mem_realloc(mem, names.list, names.capacity * sizeof(void*), room * sizeof(void*))
        names.capacity = room
    memmove(names.list + place + 1, names.list + place, (names.count - place) * sizeof(void*))
    n = <Named*>mem_alloc(mem, size + name.len)
    n.name = slice_of(<char*>n + size, name.len)
    memcpy(<char*>n + size, name.ptr, name.len)
    names.list[place] = n
    names.count += 1
    return n


cdef void _remove(Names* names, const Named* n) noexcept nogil:
    cdef uint32_t place
    _find(names, n.name, &place)
    names.count -= 1
    memmove(names.list + place, names.list + place + 1, (names.count - place) * sizeof(void*))


cdef void _free_list(Arena* mem, Names* names) noexcept nogil:
    mem_free(mem, names.list, names.capacity * sizeof(void*))
    names.list = NULL
    names.count = names.capacity = 0


# ---------------------------------------------------------------- groups

cdef Group* group_find(const Names* groups, Slice name) noexcept nogil:
    return <Group*>_find(groups, name, NULL)


cdef Group* group_create(Arena* mem, Names* groups, Slice name, Id last_id, int64_t entries_read) noexcept nogil:
    """A new group; NULL if there is one of this name."""
    cdef Group* g = <Group*>_add(mem, groups, name, sizeof(Group))
    if g == NULL:
        return NULL
    g.last_id = last_id
    g.entries_read = entries_read
    rax_init(&g.pending, sizeof(Pending))
    g.consumers.list = NULL
    g.consumers.count = g.consumers.capacity = 0
    return g


cdef bint _drain(Arena* mem, Group* g, size_t most) noexcept nogil:
    """Frees about `most` leaves of what the group holds; True: nothing is left but the group."""
    cdef Consumer* consumer
    if not rax_drain(&g.pending, mem, most, NULL):
        return False
    while g.consumers.count:
        consumer = consumer_at(g, g.consumers.count - 1)
        if not rax_drain(&consumer.pending, mem, most, NULL):
            return False
        g.consumers.count -= 1
        mem_free(mem, consumer, sizeof(Consumer) + consumer.name.len)
    _free_list(mem, &g.consumers)
    return True


cdef void group_destroy(Arena* mem, Names* groups, Group* g) noexcept nogil:
    _remove(groups, <Named*>g)
    _drain(mem, g, ~<size_t>0)
    mem_free(mem, g, sizeof(Group) + g.name.len)


cdef bint groups_drain(Arena* mem, Names* groups, size_t most) noexcept nogil:
    """Frees about `most` allocations of the last group, or all that is left if that is little."""
    cdef Group* g
    while groups.count:
        g = group_at(groups, groups.count - 1)
        if not _drain(mem, g, most):
            return False
        groups.count -= 1
        mem_free(mem, g, sizeof(Group) + g.name.len)
    _free_list(mem, groups)
    return True


cdef void groups_copy(Arena* mem, Names* to, const Names* groups) noexcept nogil:
    """Fills `to`, which is empty, with the like of `groups`."""
    cdef const Group* g
    cdef Group* twin
    cdef const Consumer* consumer
    cdef Consumer* its
    cdef const Pending* p
    cdef Pending* copy
    cdef RaxCursor walk
    cdef bint added
    cdef uint32_t i, j
    for i in range(groups.count):
        g = group_at(groups, i)
        twin = group_create(mem, to, g.name, g.last_id, g.entries_read)
        walk = rax_first(&g.pending)
        while walk.leaf != NULL:                   # in order: each is an append
            copy = <Pending*>rax_insert(&twin.pending, mem, cursor_id(&walk), &added)
            copy[0] = (<const Pending*>cursor_value(&walk))[0]
            rax_next(&walk)
        for j in range(g.consumers.count):
            consumer = consumer_at(g, j)
            its = consumer_create(mem, twin, consumer.name, consumer.seen_ms)
            its.active_ms = consumer.active_ms
            walk = rax_first(&consumer.pending)
            while walk.leaf != NULL:
                rax_insert(&its.pending, mem, cursor_id(&walk), &added)
                (<Pending*>rax_find(&twin.pending, cursor_id(&walk))).consumer = its
                rax_next(&walk)


cdef size_t groups_memory(const Names* groups, size_t* allocations) noexcept nogil:
    """Bytes of all groups with what they hold; and how many blocks these are."""
    cdef size_t n = mem_footprint(groups.capacity * sizeof(void*)) if groups.capacity else 0
    cdef const Group* g
    cdef const Consumer* consumer
    cdef uint32_t i, j
    allocations[0] = groups.count + 1 if groups.count else 0
    for i in range(groups.count):
        g = group_at(groups, i)
        n += mem_footprint(sizeof(Group) + g.name.len) + g.pending.bytes
        n += mem_footprint(g.consumers.capacity * sizeof(void*)) if g.consumers.capacity else 0
        allocations[0] += g.pending.nodes + g.consumers.count
        for j in range(g.consumers.count):
            consumer = consumer_at(g, j)
            n += mem_footprint(sizeof(Consumer) + consumer.name.len) + consumer.pending.bytes
            allocations[0] += consumer.pending.nodes
    return n


# ---------------------------------------------------------------- consumers

cdef Consumer* consumer_find(const Group* g, Slice name) noexcept nogil:
    return <Consumer*>_find(&g.consumers, name, NULL)


cdef Consumer* consumer_create(Arena* mem, Group* g, Slice name, int64_t now_ms) noexcept nogil:
    """A new consumer, seen now and never active; NULL if there is one of this name."""
    cdef Consumer* consumer = <Consumer*>_add(mem, &g.consumers, name, sizeof(Consumer))
    if consumer == NULL:
        return NULL
    consumer.seen_ms = now_ms
    consumer.active_ms = -1
    rax_init(&consumer.pending, 0)
    return consumer


cdef void consumer_delete(Arena* mem, Group* g, Consumer* consumer) noexcept nogil:
    cdef RaxCursor walk = rax_first(&consumer.pending)
    while walk.leaf != NULL:
        rax_delete(&g.pending, mem, cursor_id(&walk))
        rax_next(&walk)
    rax_drain(&consumer.pending, mem, ~<size_t>0, NULL)
    _remove(&g.consumers, <Named*>consumer)
    mem_free(mem, consumer, sizeof(Consumer) + consumer.name.len)


# ---------------------------------------------------------------- pending entries

cdef Pending* pending_find(const Group* g, Id id) noexcept nogil:
    return <Pending*>rax_find(&g.pending, id)


cdef Pending* pending_give(Arena* mem, Group* g, Id id, Consumer* to) noexcept nogil:
    """The entry is pending with `to` from now on. A new one has counts of 0."""
    cdef bint added
    cdef Pending* p = <Pending*>rax_insert(&g.pending, mem, id, &added)
    if added:
        p.delivered_ms = 0
        p.deliveries = 0
        p.consumer = NULL
    if p.consumer != to:
        if p.consumer != NULL:
            rax_delete(&p.consumer.pending, mem, id)
        rax_insert(&to.pending, mem, id, &added)
        p.consumer = to
    return p


cdef void pending_remove(Arena* mem, Group* g, Id id, const Pending* p) noexcept nogil:
    rax_delete(&p.consumer.pending, mem, id)
    rax_delete(&g.pending, mem, id)


# ---------------------------------------------------------------- checking

cdef int _check_names(const Names* names) noexcept nogil:
    cdef uint32_t i
    for i in range(1, names.count):
        if _order(names.list[i - 1].name, names.list[i].name) >= 0:
            return 1
    return 0


cdef int _check_group(const Group* g) noexcept nogil:
    cdef const Consumer* consumer
    cdef const Pending* p
    cdef RaxCursor walk
    cdef uint32_t i
    cdef size_t owned = 0
    if rax_check(&g.pending):
        return 2
    for i in range(g.consumers.count):
        consumer = consumer_at(g, i)
        if rax_check(&consumer.pending):
            return 2
        owned += consumer.pending.count
        walk = rax_first(&consumer.pending)
        while walk.leaf != NULL:
            p = pending_find(g, cursor_id(&walk))
            if p == NULL or p.consumer != consumer:
                return 3
            rax_next(&walk)
    return 0 if owned == g.pending.count else 3


cdef int groups_check(const Names* groups) noexcept nogil:
    """0, or the number of the broken rule."""
    cdef int broken = _check_names(groups)
    cdef uint32_t i
    for i in range(groups.count):
        if not broken:
            broken = _check_names(&group_at(groups, i).consumers)
        if not broken:
            broken = _check_group(group_at(groups, i))
    return broken
