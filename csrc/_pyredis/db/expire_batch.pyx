"""expire_batch -- what the active cycles over keys (db/expire) and over fields of hashes (db/field_expire) share.

Both walk a table of entries bucket by bucket with a cursor that is kept between calls, some entries at a time:
these are collected and prefetched first and looked at after, for reading them is what costs.
"""
from libc.stdint cimport uint64_t

from _pyredis.base.clock cimport clock_mono_us
from _pyredis.db.value cimport Entry
from _pyredis.ds.dict cimport Dict, dict_scan

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    BATCH_BUCKETS = 64             # a thin table may have few keys in these, or none


cdef void _collect(void* arg, void* entry) noexcept nogil:
    cdef Batch* b = <Batch*>arg
    if b.count < BATCH_ROOM:                   # what does not fit waits for the next round
        PREFETCH(entry)
        b.keys[b.count] = <Entry*>entry
        b.count += 1


cdef void batch_fill(Batch* b, const Dict* table, uint64_t* cursor) noexcept nogil:
    """The next entries of the table, up to its end."""
    cdef int buckets
    b.count = 0
    for buckets in range(BATCH_BUCKETS):
        cursor[0] = dict_scan(table, cursor[0], _collect, b)
        if cursor[0] == 0 or b.count >= BATCH:
            return


cdef bint cycle_late(Cycle* run) noexcept nogil:
    run.late = clock_mono_us(run.clock) >= run.deadline_us
    return run.late


cdef void cycle_drain(Cycle* run) noexcept nogil:
    """Passes on what was removed."""
    if run.drain != NULL:
        run.drain(run.drain_arg)
