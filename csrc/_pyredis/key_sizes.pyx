"""key_sizes -- how long the values are, counted by powers of two: INFO keysizes.

    counts[database][type][bin]      bin 0: empty; 1: 1; 2: 2 and 3; 3: 4 to 7 ... (bytes of strings, else elements)

Redis keeps these counts at every write. Here nothing is kept: a Walk goes over the keys when somebody asks, some at a
time, by the cursor of SCAN, so whoever is there all the time is counted (twice, if its bucket is merged meanwhile).
Entries are fetched 64 at a time before they are looked at.
"""
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from _pyredis.base.num cimport bytes_bit_length
from _pyredis.core cimport Core
from _pyredis.db.hash_type cimport hash_length
from _pyredis.db.list_type cimport list_length
from _pyredis.db.set_type cimport set_length, set_of
from _pyredis.db.string_type cimport string_length
from _pyredis.db.value cimport T_COUNT, T_HASH, T_LIST, T_SET, T_STRING, T_ZSET, Entry, entry_type
from _pyredis.db.zset_type cimport zset_length
from _pyredis.ds.dict cimport dict_scan

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    BINS = 65
    AHEAD = 64                     # entries that are fetched before they are looked at

cdef struct Counter:
    uint64_t* counts               # of one database: type by bin
    size_t seen
    size_t waiting
    const Entry* entries[AHEAD]


cdef size_t _length(const Entry* e) noexcept nogil:
    if entry_type(e) == T_STRING:
        return string_length(e)
    if entry_type(e) == T_LIST:
        return list_length(e)
    if entry_type(e) == T_SET:
        return set_length(set_of(e))
    if entry_type(e) == T_ZSET:
        return zset_length(e)
    return hash_length(e) if entry_type(e) == T_HASH else 0


cdef void _count_waiting(Counter* c) noexcept nogil:
    cdef size_t i, n
    for i in range(c.waiting):
        n = _length(c.entries[i])
        c.counts[<int>entry_type(c.entries[i]) * BINS + (bytes_bit_length(n) if n else 0)] += 1
    c.waiting = 0


cdef void _visit(void* counter, void* entry) noexcept nogil:
    cdef Counter* c = <Counter*>counter
    PREFETCH(entry)
    c.entries[c.waiting] = <const Entry*>entry
    c.waiting += 1
    c.seen += 1
    if c.waiting == AHEAD:
        _count_waiting(c)


cdef class Walk:
    """One pass over all databases of a Core."""
    cdef Core core
    cdef uint64_t* counts
    cdef int db
    cdef uint64_t cursor

    def __cinit__(self, Core core):
        self.core = core
        self.counts = <uint64_t*>calloc(core.s.ks.count * T_COUNT * BINS, sizeof(uint64_t))
        if self.counts == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.counts)

    def advance(self, size_t most):
        """Counts about `most` more keys; True: that was all."""
        cdef Counter c
        cdef int last = self.core.s.ks.count
        c.seen = c.waiting = 0
        with nogil:
            while self.db < last and c.seen < most:
                c.counts = self.counts + self.db * T_COUNT * BINS
                self.cursor = dict_scan(&self.core.s.ks.dbs[self.db].keys, self.cursor, _visit, &c)
                if self.cursor == 0:
                    _count_waiting(&c)
                    self.db += 1
            if self.db < last:
                _count_waiting(&c)
        return self.db == last

    def found(self):
        """{database: [{bin: keys} of strings, lists, sets, sorted sets, hashes]} of databases that are not empty."""
        cdef int db, t, b
        cdef dict rows = {}
        for db in range(self.core.s.ks.count):
            kinds = [{b: self.counts[(db * T_COUNT + t) * BINS + b] for b in range(BINS)
                      if self.counts[(db * T_COUNT + t) * BINS + b]}
                     for t in (<int>T_STRING, <int>T_LIST, <int>T_SET, <int>T_ZSET, <int>T_HASH)]
            if any(kinds):
                rows[db] = kinds
        return rows
