"""skiplist_testing -- a skiplist as a Python class, for tests and bench only."""
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_PROCESS_CPUTIME_ID, clock_gettime, timespec

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.rand cimport Rand, rand_below, rand_double, rand_seed
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.skiplist cimport (SKIPLIST_LEAF, Member, Skiplist, SkiplistPlace, member_free, member_new, member_text,
                                   skiplist_at, skiplist_before_score, skiplist_before_text, skiplist_build,
                                   skiplist_bytes, skiplist_check, skiplist_drain, skiplist_init, skiplist_insert,
                                   skiplist_next, skiplist_prev, skiplist_rank, skiplist_remove, skiplist_remove_at,
                                   skiplist_rescore)


cdef class BareSkiplist:
    """A Skiplist with the members it refers to, which are found by their text."""
    cdef Arena* mem
    cdef Skiplist s
    cdef dict members                      # text -> address

    def __cinit__(self):
        self.mem = arena_new()
        skiplist_init(&self.s)
        self.members = {}

    def __dealloc__(self):
        arena_free(self.mem)

    def __len__(self):
        return self.s.length

    cdef Member* _member(self, bytes text) except NULL:
        return <Member*><size_t>self.members[text]

    cdef bytes _text(self, const Member* m):
        cdef Slice text = member_text(m)
        return text.ptr[:text.len]

    def insert(self, bytes text, double score):
        assert text not in self.members
        cdef Member* m = member_new(self.mem, slice_of(text, len(text)), score)
        self.members[text] = <size_t>m
        skiplist_insert(&self.s, self.mem, m)

    def remove(self, bytes text):
        skiplist_remove(&self.s, self.mem, self._member(text))
        member_free(self.mem, <Member*><size_t>self.members.pop(text))

    def rescore(self, bytes text, double score):
        skiplist_rescore(&self.s, self.mem, self._member(text), score)

    def remove_at(self, size_t start, size_t most):
        """The texts of up to `most` members that were removed from rank `start` on."""
        cdef Member* taken[SKIPLIST_LEAF]
        cdef list found = []
        cdef size_t i
        for i in range(skiplist_remove_at(&self.s, self.mem, start, most, taken)):
            text = self._text(taken[i])
            found.append(text)
            del self.members[text]
            member_free(self.mem, taken[i])
        return found

    def build(self, list pairs):
        """Fills an empty list with (score, text) pairs that ascend."""
        cdef size_t n = len(pairs), i
        cdef Member** list_ = <Member**>malloc(n * sizeof(void*))
        for i in range(n):
            text = pairs[i][1]
            list_[i] = member_new(self.mem, slice_of(text, len(text)), pairs[i][0])
            self.members[text] = <size_t>list_[i]
        skiplist_build(&self.s, self.mem, list_, n)
        free(list_)

    def rank(self, bytes text):
        return skiplist_rank(&self.s, self._member(text))

    def before_score(self, double score, bint through=False):
        return skiplist_before_score(&self.s, score, through)

    def before_text(self, bytes text, bint through=False):
        return skiplist_before_text(&self.s, slice_of(text, len(text)), through)

    def walk(self, size_t start=0, bint reverse=False):
        """(score, text) from a rank on, to the end or to the beginning."""
        cdef list found = []
        cdef SkiplistPlace p = skiplist_at(&self.s, start)
        while p.leaf != NULL:
            found.append((p.leaf.members[p.at].score, self._text(p.leaf.members[p.at])))
            if reverse:
                skiplist_prev(&p)
            else:
                skiplist_next(&p)
        return found

    def drain(self, size_t most):
        """Frees up to `most` nodes of a list that is given up; True: all are gone."""
        return skiplist_drain(&self.s, self.mem, most)

    def free_members(self):
        for address in self.members.values():
            member_free(self.mem, <Member*><size_t>address)
        self.members.clear()

    @property
    def height(self):
        return self.s.height

    @property
    def bytes(self):
        return skiplist_bytes(&self.s)

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that the list (or, plus 1000, the arena) breaks."""
        cdef int broken = skiplist_check(&self.s)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


# ---------------------------------------------------------------- measuring

cdef int64_t _cpu_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
    return t.tv_sec * <int64_t>1_000_000_000 + t.tv_nsec


cdef class BenchSkiplist:
    """n members of 16 bytes with random scores; each method tells the ns of CPU an operation took."""
    cdef Arena* mem
    cdef Skiplist s
    cdef Rand rand
    cdef Member** members
    cdef size_t n

    def __cinit__(self, size_t n):
        self.mem = arena_new()
        self.n = n
        skiplist_init(&self.s)
        rand_seed(&self.rand, n)
        self.members = <Member**>malloc(n * sizeof(void*))
        for i in range(n):
            text = b"member:%09d" % i
            self.members[i] = member_new(self.mem, slice_of(text, 16), rand_double(&self.rand))

    def __dealloc__(self):
        free(self.members)
        arena_free(self.mem)

    def insert(self):
        """All of them, in random order."""
        cdef size_t i
        cdef int64_t start = _cpu_ns()
        for i in range(self.n):
            skiplist_insert(&self.s, self.mem, self.members[i])
        return (_cpu_ns() - start) / <double>self.n

    def rank(self, size_t count):
        """Of random members."""
        cdef size_t i, total = 0
        cdef int64_t start = _cpu_ns()
        for i in range(count):
            total += skiplist_rank(&self.s, self.members[rand_below(&self.rand, self.n)])
        assert total
        return (_cpu_ns() - start) / <double>count

    def at(self, size_t count):
        """The members of random ranks."""
        cdef size_t i
        cdef double total = 0
        cdef SkiplistPlace p
        cdef int64_t start = _cpu_ns()
        for i in range(count):
            p = skiplist_at(&self.s, rand_below(&self.rand, self.n))
            total += p.leaf.members[p.at].score
        assert total
        return (_cpu_ns() - start) / <double>count

    def before(self, size_t count):
        """Random scores."""
        cdef size_t i, total = 0
        cdef int64_t start = _cpu_ns()
        for i in range(count):
            total += skiplist_before_score(&self.s, rand_double(&self.rand), False)
        assert total
        return (_cpu_ns() - start) / <double>count

    def rescore(self, size_t count):
        """Random members get random scores."""
        cdef size_t i
        cdef int64_t start = _cpu_ns()
        for i in range(count):
            skiplist_rescore(&self.s, self.mem, self.members[rand_below(&self.rand, self.n)], rand_double(&self.rand))
        return (_cpu_ns() - start) / <double>count

    def walk(self):
        """From the first to the last, each member's text being read."""
        cdef size_t total = 0
        cdef int64_t start = _cpu_ns()
        cdef SkiplistPlace p = skiplist_at(&self.s, 0)
        while p.leaf != NULL:
            total += member_text(p.leaf.members[p.at]).ptr[0]
            skiplist_next(&p)
        assert total
        return (_cpu_ns() - start) / <double>self.n

    def remove(self):
        """All of them, in the order in which they came."""
        cdef size_t i
        cdef int64_t start = _cpu_ns()
        for i in range(self.n):
            skiplist_remove(&self.s, self.mem, self.members[i])
        return (_cpu_ns() - start) / <double>self.n

    @property
    def bytes(self):
        """A member, without its own allocation."""
        return skiplist_bytes(&self.s) / <double>self.n
