"""rax_testing -- the radix tree as a Python class, for tests and bench only."""
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_PROCESS_CPUTIME_ID, clock_gettime, timespec

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.ds.id cimport Id, id_decrement, id_increment, id_of
from _pyredis.ds.rax cimport (Rax, RaxCursor, cursor_id, cursor_value, rax_ceiling, rax_check, rax_delete, rax_drain,
                              rax_find, rax_first, rax_floor, rax_init, rax_insert, rax_last, rax_next, rax_prev)


cdef double _seconds() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
    return t.tv_sec + t.tv_nsec * 1e-9


cdef void _add_up(Arena* mem, void* value) noexcept nogil:
    (<uint64_t*>value)[0] += 1


def step(uint64_t ms, uint64_t seq, bint forward):
    """(ID beside this one, False if there was none)"""
    cdef Id id = id_of(ms, seq)
    cdef bint fits = id_increment(&id) if forward else id_decrement(&id)
    return (id.ms, id.seq), fits


cdef class BareRax:
    """IDs are pairs of integers. Values are integers; of a tree of width 0 they are all None."""
    cdef Arena* mem
    cdef Rax t

    def __cinit__(self, size_t width=8):
        self.mem = arena_new()
        rax_init(&self.t, width)

    def __dealloc__(self):
        rax_drain(&self.t, self.mem, ~<size_t>0, NULL)
        arena_free(self.mem)

    def __len__(self):
        return self.t.count

    cdef object _value(self, void* p):
        return (<uint64_t*>p)[0] if self.t.width else None

    cdef object _item(self, const RaxCursor* c):
        cdef Id id
        if c.leaf == NULL:
            return None
        id = cursor_id(c)
        return (id.ms, id.seq), self._value(cursor_value(c))

    def find(self, id):
        """(value,), or None if it is not there"""
        cdef void* p = rax_find(&self.t, id_of(id[0], id[1]))
        return (self._value(p),) if p != NULL else None

    def insert(self, id, uint64_t value):
        """False: it was there; its value is replaced."""
        cdef bint added
        cdef void* p = rax_insert(&self.t, self.mem, id_of(id[0], id[1]), &added)
        if self.t.width:
            (<uint64_t*>p)[0] = value
        return bool(added)

    def delete(self, id):
        return bool(rax_delete(&self.t, self.mem, id_of(id[0], id[1])))

    def drain(self, size_t most):
        if self.t.width:
            return bool(rax_drain(&self.t, self.mem, most, _add_up))
        return bool(rax_drain(&self.t, self.mem, most, NULL))

    def ceiling(self, id):
        cdef RaxCursor c = rax_ceiling(&self.t, id_of(id[0], id[1]))
        return self._item(&c)

    def floor(self, id):
        cdef RaxCursor c = rax_floor(&self.t, id_of(id[0], id[1]))
        return self._item(&c)

    def forward(self):
        cdef RaxCursor c = rax_first(&self.t)
        cdef list found = []
        while c.leaf != NULL:
            found.append(self._item(&c))
            rax_next(&c)
        return found

    def backward(self):
        cdef RaxCursor c = rax_last(&self.t)
        cdef list found = []
        while c.leaf != NULL:
            found.append(self._item(&c))
            rax_prev(&c)
        return found

    def check(self):
        """0, or the number of the rule that is broken (of the arena: plus 1000)."""
        cdef int broken = rax_check(&self.t)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken

    @property
    def nodes(self):
        return self.t.nodes

    @property
    def bytes(self):
        return self.t.bytes

    @property
    def memory_used(self):
        return self.mem.used


cdef class BenchRax:
    """Times operations on the IDs given, in nanoseconds of CPU each."""
    cdef Arena* mem
    cdef Rax t
    cdef Id* ids
    cdef uint64_t n

    def __cinit__(self, list ids, size_t width):
        cdef uint64_t i
        self.mem = arena_new()
        rax_init(&self.t, width)
        self.n = len(ids)
        self.ids = <Id*>malloc(self.n * sizeof(Id))
        for i in range(self.n):
            self.ids[i] = id_of(ids[i][0], ids[i][1])

    def __dealloc__(self):
        free(self.ids)
        arena_free(self.mem)

    def insert(self):
        """In the order given."""
        cdef double began = _seconds()
        cdef uint64_t i
        cdef bint added
        cdef void* value
        for i in range(self.n):
            value = rax_insert(&self.t, self.mem, self.ids[i], &added)
            if self.t.width:
                (<uint64_t*>value)[0] = i
        return (_seconds() - began) * 1e9 / self.n

    def find(self, uint64_t count, uint64_t stride):
        """`count` times, `stride` apart in the order given."""
        cdef double began = _seconds()
        cdef uint64_t i, at = 0, missed = 0
        for i in range(count):
            missed += rax_find(&self.t, self.ids[at]) == NULL
            at = (at + stride) % self.n
        assert missed == 0
        return (_seconds() - began) * 1e9 / count

    def floor(self, uint64_t count, uint64_t stride):
        """As find, of IDs that are just below, and so mostly not there."""
        cdef double began = _seconds()
        cdef uint64_t i, at = 0, sum = 0
        cdef RaxCursor c
        cdef Id id
        for i in range(count):
            id = self.ids[at]
            id_decrement(&id)
            c = rax_floor(&self.t, id)
            sum += c.at
            at = (at + stride) % self.n
        return (_seconds() - began) * 1e9 / count + (sum == 0) * 1e-9

    def walk(self):
        cdef double began = _seconds()
        cdef RaxCursor c = rax_first(&self.t)
        cdef uint64_t sum = 0
        while c.leaf != NULL:
            sum += cursor_id(&c).ms
            rax_next(&c)
        return (_seconds() - began) * 1e9 / self.t.count + (sum == 0) * 1e-9

    def delete(self, uint64_t stride):
        """All, `stride` apart in the order given; that and their number have no common divisor."""
        cdef double began = _seconds()
        cdef uint64_t i, at = 0
        for i in range(self.n):
            rax_delete(&self.t, self.mem, self.ids[at])
            at = (at + stride) % self.n
        assert self.t.count == 0
        return (_seconds() - began) * 1e9 / self.n

    @property
    def bytes(self):
        """Of memory, per ID."""
        return <double>self.mem.used / self.n
