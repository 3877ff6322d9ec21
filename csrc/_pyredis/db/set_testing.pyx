"""set_testing -- a set without commands and connections, for tests and bench only."""
from libc.stdint cimport uint64_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport Keyspace, keyspace_free, keyspace_new
from _pyredis.db.set_type cimport (Member, Set, SetIter, SetSpot, member_of_text, set_add, set_check, set_compact,
                                   set_draw, set_free, set_has, set_iter, set_length, set_new_numbers, set_next,
                                   set_pop, set_remove)
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport encoding_name
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice


cdef bytes _copy(Slice s):
    return s.ptr[:s.len]


cdef void _note(void* found, const Element* member) noexcept nogil:
    cdef char[ELEMENT_DIGITS] digits
    with gil:
        (<list>found).append(_copy(element_slice(member, digits)))


cdef class BareSet:
    """A set that no key has; `limits`: most integers, most members of a listpack, bytes of the longest in it."""
    cdef Arena* mem
    cdef Keyspace* ks
    cdef Set s

    def __cinit__(self, limits=(512, 128, 64), uint64_t seed=1):
        cdef uint64_t[2] seeds
        seeds[0] = seeds[1] = seed
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, 1, seeds)
        types_bind(self.ks)
        self.ks.limits.set_max_intset_entries, self.ks.limits.set_max_listpack_entries, \
            self.ks.limits.set_max_listpack_value = limits
        self.s = set_new_numbers(self.ks)

    def __dealloc__(self):
        set_free(self.ks, self.s)
        keyspace_free(self.ks)
        arena_free(self.mem)

    def __len__(self):
        return set_length(self.s)

    def __iter__(self):
        cdef SetIter it
        cdef Element e
        cdef list found = []
        set_iter(self.s, &it)
        while set_next(&it, &e):
            _note(<void*>found, &e)
        return iter(found)

    def __contains__(self, bytes text):
        cdef Member m
        member_of_text(&m, slice_of(text, len(text)))
        return set_has(self.ks, self.s, &m)

    def add(self, bytes text):
        """Is it new?"""
        cdef Member m
        member_of_text(&m, slice_of(text, len(text)))
        return set_add(self.ks, &self.s, &m)

    def remove(self, bytes text):
        """Was it a member?"""
        cdef Member m
        member_of_text(&m, slice_of(text, len(text)))
        return set_remove(self.ks, &self.s, &m)

    def draw(self):
        cdef SetSpot spot
        cdef list found = []
        set_draw(self.s, &self.ks.rand, &spot)
        _note(<void*>found, &spot.member)
        return found[0]

    def pop(self, size_t count):
        """So many members, less than all, taken out at random."""
        cdef list found = []
        set_pop(self.ks, &self.s, count, _note, <void*>found)
        return found

    def compact(self):
        set_compact(self.ks, &self.s)

    @property
    def form(self):
        return encoding_name(self.s.form).decode()

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that the set (or, plus 1000, the arena) breaks."""
        cdef int broken = set_check(self.ks, self.s)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken
