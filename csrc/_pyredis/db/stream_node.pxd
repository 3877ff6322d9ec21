# stream_node -- entries of a stream in a listpack. The story is in stream_node.pyx.
#
# `room` is what the block has been given; a node that no entry is added to any more has its listpack's bytes.
from libc.stdint cimport int64_t, uint8_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element
from _pyredis.ds.id cimport Id

cdef enum NodeFlag:
    ENTRY_DELETED = 1
    ENTRY_SAME_FIELDS = 2

cdef struct NodeHead:              # the master entry
    int64_t count                  # live entries
    int64_t deleted
    int64_t fields
    const uint8_t* names           # the first of its field names
    const uint8_t* entries         # the first entry, or the end mark

cdef struct NodeEntry:
    Id id
    bint deleted
    int64_t fields                 # pairs
    int64_t left                   # pairs that node_pair has not returned yet
    const uint8_t* at              # where its flags stand
    const uint8_t* content         # the next of its own elements
    const uint8_t* name            # the next field name, in the master entry; NULL: it stands before the value

cdef uint8_t* node_new(Arena* mem, const Slice* pairs, size_t count, size_t* room) noexcept nogil
cdef uint8_t* node_append(Arena* mem, uint8_t* lp, size_t* room, Id master, Id id, const Slice* pairs,
                          size_t count) noexcept nogil
cdef uint8_t* node_set_counts(Arena* mem, uint8_t* lp, size_t* room, int64_t count, int64_t deleted) noexcept nogil
cdef uint8_t* node_shrink(Arena* mem, uint8_t* lp, size_t room) noexcept nogil     # to the listpack's bytes
cdef int      node_check(const uint8_t* lp, Id master) noexcept nogil              # 0, or the broken rule

cdef void node_head(const uint8_t* lp, NodeHead* h) noexcept nogil
cdef void node_read(const NodeHead* h, Id master, const uint8_t* at, NodeEntry* e) noexcept nogil
cdef bint node_pair(NodeEntry* e, Element* field, Element* value) noexcept nogil   # False: there is none left
cdef const uint8_t* node_behind(NodeEntry* e) noexcept nogil                       # the next entry, or the end mark
cdef const uint8_t* node_before(const NodeHead* h, const uint8_t* at) noexcept nogil   # NULL: `at` is the first
