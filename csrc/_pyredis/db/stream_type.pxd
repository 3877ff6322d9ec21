# stream_type -- streams: entries under ascending IDs. The story is in stream_type.pyx.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from _pyredis.base.hash cimport bytes_load32
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport Db, Key, Keyspace, Limits
from _pyredis.db.stream_groups cimport Group, Names
from _pyredis.db.stream_node cimport NodeEntry, NodeHead
from _pyredis.db.value cimport Entry, entry_pointer
from _pyredis.ds.id cimport Id
from _pyredis.ds.rax cimport Rax, RaxCursor, cursor_value

cdef enum:
    STREAM_ENTRY_MAX = 1 << 30     # bytes of an entry's names and values together

cdef struct Stream:
    Rax nodes                      # master ID -> listpack
    uint64_t length
    uint64_t entries_added         # in all its life
    Id first_id                    # of the first live entry; 0-0: there is none
    Id last_id                     # the largest ever given
    Id max_deleted_id              # the largest ever deleted by name (XDEL)
    uint8_t* tail                  # the last listpack while it has more room than bytes; else NULL
    size_t tail_room
    Names groups

cdef struct StreamWalk:
    RaxCursor node
    NodeHead head
    const uint8_t* lp
    const uint8_t* at              # the next entry to look at; backwards: the one behind it
    Id first
    Id last
    bint backwards
    NodeEntry entry                # what stream_step found

cdef enum TrimBy:
    TRIM_NOT = 0
    TRIM_LENGTH
    TRIM_ID

cdef struct Trim:
    TrimBy by
    bint roughly                   # whole nodes only
    int64_t length                 # entries to keep
    Id id                          # the first to keep
    int64_t limit                  # entries to delete at most; 0: any number

cdef void    stream_bind(Keyspace* ks) noexcept nogil
cdef Stream* stream_new(Arena* mem) noexcept nogil                           # of no key yet
cdef Stream* stream_create(Keyspace* ks, Db* db, Key key) noexcept nogil     # the key is absent
cdef void    stream_find_first(Stream* s) noexcept nogil                     # sets first_id; only looks above it
cdef int     stream_check(const Stream* s) noexcept nogil                    # 0, or the number of the broken rule

# Reading. A walk is over when the stream is changed.
cdef void stream_walk(const Stream* s, StreamWalk* w, Id first, Id last, bint backwards) noexcept nogil
cdef bint stream_step(StreamWalk* w) noexcept nogil                          # False: there are no more live entries
cdef bint stream_has(const Stream* s, Id id) noexcept nogil
cdef Id   stream_top(const Stream* s) noexcept nogil                         # the last live entry's ID; 0-0: none

# Changing. An appended ID is above last_id; the pairs are name, value, name, value ...
cdef void     stream_append(Arena* mem, const Limits* limits, Stream* s, Id id, const Slice* pairs,
                            size_t count) noexcept nogil
cdef bint     stream_delete(Arena* mem, Stream* s, Id id) noexcept nogil
cdef uint64_t stream_trim(Arena* mem, Stream* s, const Trim* trim) noexcept nogil

# How much of the stream a group has read.
cdef int64_t stream_reads_until(const Stream* s, Id id) noexcept nogil       # READS_UNKNOWN
cdef void    stream_advance(const Stream* s, Group* g, Id id) noexcept nogil # `id` is delivered, after last_id
cdef bint    stream_lag(const Stream* s, const Group* g, int64_t* lag) noexcept nogil      # False: it is unknown

cdef inline Slice stream_node_image(const RaxCursor* node) noexcept nogil:
    """The listpack of a node (a cursor in Stream.nodes): the bytes that RDB has, too."""
    cdef const char* lp = (<const char**>cursor_value(node))[0]
    return slice_of(lp, bytes_load32(lp))

cdef inline Stream* stream_of(const Entry* e) noexcept nogil:
    return <Stream*>entry_pointer(e)
