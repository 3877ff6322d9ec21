"""intset_testing -- an intset as a Python class, for tests and bench only."""
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.ds.intset cimport (IntSet, intset_add, intset_bytes, intset_check, intset_copy, intset_find, intset_free,
                                 intset_get, intset_import, intset_new, intset_remove, intset_validate)


cdef class BareIntSet:
    """An IntSet. `image`: made from these bytes; ValueError if they are none."""
    cdef Arena* mem
    cdef IntSet* s

    def __cinit__(self, bytes image=None):
        self.mem = arena_new()
        if image is None:
            self.s = intset_new(self.mem)
        else:
            self.s = intset_import(self.mem, image, len(image))
            if self.s == NULL:
                raise ValueError("no intset")

    def __dealloc__(self):
        if self.s != NULL:
            intset_free(self.mem, self.s)
        arena_free(self.mem)

    def __len__(self):
        return self.s.length

    def __iter__(self):
        return iter([intset_get(self.s, i) for i in range(self.s.length)])

    def __contains__(self, int64_t v):
        return intset_find(self.s, v, NULL)

    def add(self, int64_t v):
        """Is it new?"""
        cdef bint added
        self.s = intset_add(self.mem, self.s, v, &added)
        return added

    def remove(self, int64_t v):
        """Was it there?"""
        cdef bint removed
        self.s = intset_remove(self.mem, self.s, v, &removed)
        return removed

    @property
    def width(self):
        return self.s.width

    @property
    def memory_used(self):
        return self.mem.used

    def image(self):
        """The bytes, of a copy."""
        cdef IntSet* twin = intset_copy(self.mem, self.s)
        found = (<const char*>twin)[:intset_bytes(twin)]
        intset_free(self.mem, twin)
        return found

    def check(self):
        """0, or the number of the rule that the set (or, plus 1000, the arena) breaks."""
        cdef int broken = intset_check(self.s)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


def validate_intset(bytes image, bint deep=True):
    """Are these bytes an intset? They are looked at in a block of just their size, at an odd address."""
    cdef size_t n = len(image)
    cdef char* block = <char*>malloc(n + 1)
    cdef const char* from_ = image
    memcpy(block + 1, from_, n)
    good = intset_validate(<const uint8_t*>block + 1, n, deep)
    free(block)
    return good


# ---------------------------------------------------------------- measuring
