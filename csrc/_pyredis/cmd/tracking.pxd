# tracking -- client-side caching: who is to be told that a key has changed. The story is in tracking.pyx.
from libc.stdint cimport uint32_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Conn, Ctx, Server
from _pyredis.cmd.named cimport Named
from _pyredis.ds.dict cimport Dict, DictType

cdef enum TrackOption:
    TRACK_BCAST = 1
    TRACK_OPTIN = 2
    TRACK_OPTOUT = 4
    TRACK_NOLOOP = 8
    TRACK_CACHING = 16             # CLIENT CACHING was the last command
    TRACK_BROKEN = 32              # the connection to redirect to is gone

cdef struct Tracker:               # a connection that has ever asked for it
    Conn* conn                     # NULL: it has ended, and only tracked keys still name it
    uint64_t redirect              # the id of the connection that is told; 0: itself
    uint32_t options
    bint on
    uint64_t keys                  # how many name it
    uint32_t at                    # in Tracking.trackers
    size_t prefix_bytes            # of its prefixes, each of which others may have, too

cdef struct TrackedKey:
    Named named
    uint32_t count                 # of trackers, ascending by address
    size_t capacity                # 0: `list` is not there, and the only one is `one`
    Tracker** list
    Tracker* one

cdef struct Prefix:                # of BCAST
    Slice text                     # owned
    Tracker** list
    size_t count
    size_t capacity
    Dict changed                   # ChangedKey: since the last round

cdef struct ChangedKey:
    Named named
    uint64_t by                    # the id of who changed it; 0: nobody

cdef struct Tracking:
    DictType type                  # of tables of keys
    Dict keys                      # TrackedKey
    uint64_t items                 # trackers in all of them
    uint64_t most                  # tracking-table-max-keys; 0: no limit
    Tracker** trackers             # those whose connection lives
    size_t count
    size_t capacity
    size_t on                      # of them, how many track now
    Prefix** prefixes
    size_t prefix_count
    size_t prefix_capacity
    bint changed                   # some prefix has changed keys
    size_t taken                   # how many of the effects under way have been told

cdef Tracking* tracking_new(Server* s) noexcept nogil
cdef void tracking_free(Server* s) noexcept nogil            # when no connection is left

cdef void tracking_start(Server* s, Conn* c, uint64_t redirect, uint32_t options) noexcept nogil
cdef void tracking_add_prefix(Server* s, Conn* c, Slice prefix) noexcept nogil
cdef void tracking_stop(Server* s, Conn* c) noexcept nogil
cdef void tracking_leave(Server* s, Conn* c) noexcept nogil  # the connection ends
cdef bint tracking_has_prefix(const Prefix* p, const Tracker* t) noexcept nogil

cdef void tracking_remember(Ctx* c) noexcept nogil           # after a command of a connection with CONN_TRACKING
cdef void tracking_forget(Server* s) noexcept nogil          # every key is void, and nobody is to be told
cdef void tracking_settle(Server* s) noexcept nogil          # between rounds: what is broadcast, and the table's limit

cdef inline Tracking* tracking_of(const Server* s) noexcept nogil:
    return <Tracking*>s.tracked

cdef inline Tracker* tracker_of(const Conn* c) noexcept nogil:
    """NULL: it never tracked."""
    return <Tracker*>c.tracking
