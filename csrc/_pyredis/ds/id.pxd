# id -- the IDs of stream entries: 128 bits, a time and a number within it.
from libc.stdint cimport uint64_t

cdef struct Id:                    # ordered by ms, then seq
    uint64_t ms
    uint64_t seq


cdef inline Id id_of(uint64_t ms, uint64_t seq) noexcept nogil:
    cdef Id id
    id.ms = ms
    id.seq = seq
    return id

cdef inline bint id_less(Id a, Id b) noexcept nogil:
    return a.ms < b.ms or (a.ms == b.ms and a.seq < b.seq)

cdef inline bint id_equal(Id a, Id b) noexcept nogil:
    return a.ms == b.ms and a.seq == b.seq

cdef inline Id id_max() noexcept nogil:
    return id_of(~<uint64_t>0, ~<uint64_t>0)

cdef inline bint id_is_zero(Id id) noexcept nogil:
    return id.ms == 0 and id.seq == 0

cdef inline bint id_increment(Id* id) noexcept nogil:
    """To the next ID; False, and 0-0, behind the largest."""
    id.seq += 1
    if id.seq == 0:
        id.ms += 1
        return id.ms != 0
    return True

cdef inline bint id_decrement(Id* id) noexcept nogil:
    """To the ID before; False, and the largest, before 0-0."""
    id.seq -= 1
    if id.seq == ~<uint64_t>0:
        id.ms -= 1
        return id.ms != ~<uint64_t>0
    return True
