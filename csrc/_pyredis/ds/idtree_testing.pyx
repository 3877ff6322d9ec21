"""idtree_testing -- the ordered map of IDs as a Python class, for tests and bench only."""
from libc.stdint cimport uint64_t
from posix.time cimport CLOCK_PROCESS_CPUTIME_ID, clock_gettime, timespec

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.ds.idtree cimport (
    Id, IdCursor, IdTree, cursor_id, cursor_value, id_decrement, id_increment, id_of, idtree_bytes, idtree_ceiling,
    idtree_check, idtree_delete, idtree_drain, idtree_find, idtree_first, idtree_floor, idtree_init, idtree_insert,
    idtree_last, idtree_next, idtree_prev,
)


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


cdef class BareIdTree:
    """IDs are pairs of integers. Values are integers; of a tree of width 0 they are all None."""
    cdef Arena* mem
    cdef IdTree t

    def __cinit__(self, size_t width=8):
        self.mem = arena_new()
        idtree_init(&self.t, width)

    def __dealloc__(self):
        idtree_drain(&self.t, self.mem, ~<size_t>0, NULL)
        arena_free(self.mem)

    def __len__(self):
        return self.t.count

    cdef object _value(self, void* p):
        return (<uint64_t*>p)[0] if self.t.width else None

    cdef object _item(self, const IdCursor* c):
        cdef Id id
        if c.leaf == NULL:
            return None
        id = cursor_id(c)
        return (id.ms, id.seq), self._value(cursor_value(c))

    def find(self, id):
        """(value,), or None if it is not there"""
        cdef void* p = idtree_find(&self.t, id_of(id[0], id[1]))
        return (self._value(p),) if p != NULL else None

    def insert(self, id, uint64_t value):
        """False: it was there; its value is replaced."""
        cdef bint added
        cdef void* p = idtree_insert(&self.t, self.mem, id_of(id[0], id[1]), &added)
        if self.t.width:
            (<uint64_t*>p)[0] = value
        return bool(added)

    def delete(self, id):
        return bool(idtree_delete(&self.t, self.mem, id_of(id[0], id[1])))

    def drain(self, size_t most):
        if self.t.width:
            return bool(idtree_drain(&self.t, self.mem, most, _add_up))
        return bool(idtree_drain(&self.t, self.mem, most, NULL))

    def ceiling(self, id):
        cdef IdCursor c = idtree_ceiling(&self.t, id_of(id[0], id[1]))
        return self._item(&c)

    def floor(self, id):
        cdef IdCursor c = idtree_floor(&self.t, id_of(id[0], id[1]))
        return self._item(&c)

    def forward(self):
        cdef IdCursor c = idtree_first(&self.t)
        cdef list found = []
        while c.leaf != NULL:
            found.append(self._item(&c))
            idtree_next(&c)
        return found

    def backward(self):
        cdef IdCursor c = idtree_last(&self.t)
        cdef list found = []
        while c.leaf != NULL:
            found.append(self._item(&c))
            idtree_prev(&c)
        return found

    def check(self):
        """0, or the number of the rule that is broken (of the arena: plus 1000)."""
        cdef int broken = idtree_check(&self.t)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken

    @property
    def nodes(self):
        return self.t.nodes

    @property
    def bytes(self):
        return idtree_bytes(&self.t)

    @property
    def memory_used(self):
        return self.mem.used

    def time(self, uint64_t count, uint64_t stride):
        """Seconds for `count` insertions in ascending order, as many look-ups `stride` apart, as many deletions."""
        cdef uint64_t i
        cdef bint added
        cdef double began = _seconds(), inserted, found
        for i in range(count):
            idtree_insert(&self.t, self.mem, id_of(i, 0), &added)
        inserted = _seconds()
        for i in range(count):
            idtree_find(&self.t, id_of(i * stride % count, 0))
        found = _seconds()
        for i in range(count):
            idtree_delete(&self.t, self.mem, id_of(i, 0))
        return inserted - began, found - inserted, _seconds() - found
