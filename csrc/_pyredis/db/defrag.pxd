# defrag -- moves what is alive together, so that slabs become empty. The story is in defrag.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.clock cimport Clock
from _pyredis.base.compact cimport Compact
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Keyspace

cdef enum:
    DEFRAG_IDLE_MS = 100           # between two looks at how much is wasted

cdef enum DefragPhase:
    DEFRAG_RESTS = 0
    DEFRAG_SURVEYS
    DEFRAG_RETIRES                 # chooses the slabs to be emptied
    DEFRAG_MOVES
    DEFRAG_ENDS                    # what could not be emptied is used again

cdef struct DefragPolicy:          # the configuration's active-defrag-...
    bint on
    size_t ignore_bytes
    int lower                      # per cent of waste, of what is used: less is left alone
    int upper                      # ... from which on the share is the largest
    int least                      # per cent of the processor
    int most
    int64_t slice_us               # work at a time
    size_t large                   # a value of more allocations is moved in steps

cdef struct DefragStats:
    uint64_t key_hits              # keys of which something moved
    uint64_t key_misses
    uint64_t us
    uint64_t moved_before          # the arena's counts when these were reset
    uint64_t stayed_before

cdef struct LargeKey:              # a key whose value is to be moved in steps
    int db
    Slice name
    uint64_t at

cdef struct Defrag:
    DefragPolicy policy
    DefragPhase phase
    int share                      # per cent of the processor it takes now; 0: it rests
    Compact plan
    int db                         # where the walk goes on: the keys, then the other tables
    int table
    uint64_t at
    LargeKey* large
    size_t large_count
    size_t large_capacity
    int64_t began_us               # of the passes under way, one after the other; 0: none
    int64_t rest_until_us
    size_t waste_before
    size_t step                    # entries, or allocations of a large value, between two looks at the clock
    bint everything                # for tests: a pass whether it pays or not, which moves all that can move
    DefragStats stats

cdef Defrag* defrag_new(Keyspace* ks) noexcept nogil
cdef void defrag_free(Defrag* x, Keyspace* ks) noexcept nogil
cdef void defrag_set(Defrag* x, Keyspace* ks, DefragPolicy policy) noexcept nogil
cdef void defrag_reset_stats(Defrag* x, Keyspace* ks) noexcept nogil

# Works for a slice of time; in how many ms it wants to be called again.
cdef int64_t defrag_cycle(Defrag* x, Keyspace* ks, const Clock* clock) noexcept nogil
cdef void defrag_begin(Defrag* x, Keyspace* ks) noexcept nogil
cdef bint defrag_step(Defrag* x, Keyspace* ks) noexcept nogil      # False: the pass is over
