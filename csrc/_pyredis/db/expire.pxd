# expire -- the active cycle: removes keys whose time is over unasked. The story is in expire.pyx.
from libc.stdint cimport int64_t
from _pyredis.base.clock cimport Clock
from _pyredis.db.expire_batch cimport DrainFn
from _pyredis.db.keyspace cimport Keyspace

cdef enum:
    EXPIRE_IDLE_MS = 100           # between two cycles while little is stale
    EXPIRE_LONGEST_US = 1000       # of one cycle, whatever its budget

cdef int64_t expire_cycle(Keyspace* ks, const Clock* clock, int64_t budget_us, int effort,
                          DrainFn drain, void* arg) noexcept nogil
