# expire_batch -- what the active cycles over keys and over fields share. The story is in expire_batch.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.clock cimport Clock
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.value cimport Entry
from _pyredis.ds.dict cimport Dict

ctypedef void (*DrainFn)(void* arg) noexcept nogil          # passes the effects on and clears them

cdef enum:
    BATCH = 32                     # keys between two looks at the clock, about
    BATCH_ROOM = 128               # more than the fullest buckets add to that
    SAMPLE_BATCHES = 64            # looked through for one sample

cdef struct Batch:
    Entry* keys[BATCH_ROOM]
    uint64_t hashes[BATCH_ROOM]
    int count

cdef struct Cycle:                 # one call
    Keyspace* ks
    const Clock* clock
    int64_t now_ms
    int64_t deadline_us
    int sample                     # keys that make a sample
    int tolerated                  # per cent of stale ones to live with
    DrainFn drain
    void* drain_arg
    uint64_t seen
    uint64_t stale
    bint late                      # the budget is used up
    bint more                      # ... and there was more to do

cdef void batch_fill(Batch* b, const Dict* table, uint64_t* cursor) noexcept nogil
cdef bint cycle_late(Cycle* run) noexcept nogil             # is the budget used up? Remembered in run.late
cdef void cycle_drain(Cycle* run) noexcept nogil
