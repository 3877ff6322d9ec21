# stream_groups -- consumer groups, consumers, and what is pending with them. The story is in stream_groups.pyx.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.id cimport Id
from _pyredis.ds.rax cimport Rax

cdef enum:
    READS_UNKNOWN = -1             # of Group.entries_read

cdef struct Named:                 # what groups and consumers begin with
    Slice name

cdef struct Names:                 # of either, in the order of their names
    Named** list
    uint32_t count
    uint32_t capacity

cdef struct Consumer:              # its name follows
    Slice name
    int64_t seen_ms                # last attempt to read or claim
    int64_t active_ms              # last time that it got something; -1: never
    Rax pending                    # IDs alone

cdef struct Group:                 # its name follows
    Slice name
    Id last_id                     # last delivered
    int64_t entries_read
    Rax pending                    # ID -> Pending
    Names consumers

cdef struct Pending:
    int64_t delivered_ms
    uint64_t deliveries
    Consumer* consumer

cdef Group*    group_find(const Names* groups, Slice name) noexcept nogil
cdef Group*    group_create(Arena* mem, Names* groups, Slice name, Id last_id, int64_t entries_read) noexcept nogil
cdef void      group_destroy(Arena* mem, Names* groups, Group* g) noexcept nogil
cdef bint      groups_drain(Arena* mem, Names* groups, size_t most) noexcept nogil     # True: all of them are gone
cdef void      groups_copy(Arena* mem, Names* to, const Names* groups) noexcept nogil
cdef size_t    groups_memory(const Names* groups, size_t* allocations) noexcept nogil
cdef int       groups_check(const Names* groups) noexcept nogil

cdef Consumer* consumer_find(const Group* g, Slice name) noexcept nogil
cdef Consumer* consumer_create(Arena* mem, Group* g, Slice name, int64_t now_ms) noexcept nogil
cdef void      consumer_delete(Arena* mem, Group* g, Consumer* consumer) noexcept nogil  # and what is pending with it

cdef Pending*  pending_find(const Group* g, Id id) noexcept nogil
cdef Pending*  pending_give(Arena* mem, Group* g, Id id, Consumer* to) noexcept nogil  # made if need be
cdef void      pending_remove(Arena* mem, Group* g, Id id, const Pending* p) noexcept nogil

cdef inline Group* group_at(const Names* groups, size_t i) noexcept nogil:
    return <Group*>groups.list[i]

cdef inline Consumer* consumer_at(const Group* g, size_t i) noexcept nogil:
    return <Consumer*>g.consumers.list[i]
