"""ttl_testing -- the heap of expiries as a Python class, for tests only."""
from libc.stdint cimport int64_t

from _pyredis.base.mem cimport Arena, arena_free, arena_new
from _pyredis.ds.ttl cimport (Ttl, ttl_add, ttl_any_over, ttl_at, ttl_change, ttl_check, ttl_count_over, ttl_free,
                              ttl_init, ttl_moved, ttl_remove)


cdef struct TtlOwner:              # as in a hash's field, the place stands at no particular alignment
    char before[3]
    char place[4]
    char after[1]


cdef class BareTtl:
    """Expiries of numbered owners."""
    cdef Arena* mem
    cdef Ttl t
    cdef TtlOwner[64] owners

    def __cinit__(self):
        self.mem = arena_new()
        ttl_init(&self.t)

    def __dealloc__(self):
        ttl_free(self.mem, &self.t)
        arena_free(self.mem)

    def __len__(self):
        return self.t.count

    def add(self, int owner, int64_t at_ms):
        ttl_add(self.mem, &self.t, self.owners[owner].place, at_ms)

    def remove(self, int owner):
        ttl_remove(self.mem, &self.t, self.owners[owner].place)

    def change(self, int owner, int64_t at_ms):
        ttl_change(&self.t, self.owners[owner].place, at_ms)

    def move(self, int owner, int to):
        """Lets an owner stand where another number does, which must be free."""
        self.owners[to] = self.owners[owner]
        ttl_moved(&self.t, self.owners[to].place)

    def at(self, int owner):
        return ttl_at(&self.t, self.owners[owner].place)

    def any_over(self, int64_t now_ms):
        return bool(ttl_any_over(&self.t, now_ms))

    def count_over(self, int64_t now_ms):
        return ttl_count_over(&self.t, now_ms)

    @property
    def first(self):
        return self.t.items[0].at_ms if self.t.count else None

    @property
    def memory(self):
        return self.mem.used

    def check(self):
        return ttl_check(&self.t)
