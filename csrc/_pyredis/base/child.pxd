# child -- a process that reads the data as it was at this moment, and its reports. The story is in child.pyx.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    CHILD_KILLED = 255             # exit code: ended on purpose, by SIGUSR1

cdef struct ChildReport:           # what goes through the pipe, whole
    uint64_t keys                  # written so far
    uint64_t cow                   # bytes that are no longer shared with the parent; 0: not measured yet
    uint64_t cow_peak
    uint64_t cow_sum               # of `cow_count` measurements
    uint32_t cow_count
    int32_t stage                  # of a failure: whatever whoever forked calls it; 0: none
    int32_t error                  # its errno
    uint32_t ended                 # the last report

cdef struct Child:                 # in the child
    int pipe
    bint orphan                    # nobody reads the reports any more: the parent is gone
    int64_t told_us                # when it reported last
    int64_t weighed_us             # ... and measured `cow`
    int64_t weighing_us            # how long that took
    ChildReport report

# Forks. In the parent the child's id and the pipe's end to read from, or -1 and errno; in the child 0 and `child`.
cdef int  child_fork(Child* child, int* pipe) noexcept nogil
# `keys` more are written: reports now and then. False: the parent is gone.
cdef bint child_progress(Child* child, uint64_t keys) noexcept nogil
# The last report, and the end of the process.
cdef void child_end(Child* child, int stage, int error) noexcept nogil
cdef uint64_t child_private_dirty() noexcept nogil          # bytes of this process that no other shares; 0: unknown
