"""quicklist_testing -- a quicklist as a Python class, for tests and bench only."""
from libc.stdint cimport int64_t, uint8_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.quick_iter cimport QuickIter, quick_done, quick_iter, quick_next, quick_next_run
from _pyredis.ds.quick_node cimport QuickNode
from _pyredis.ds.quick_pos cimport (QuickPos, quick_find, quick_insert, quick_leave, quick_remove, quick_replace,
                                    quick_seek)
from _pyredis.ds.quicklist cimport (QUICK_HEAD, QUICK_TAIL, Quicklist, quicklist_check, quicklist_copy, quicklist_drop,
                                    quicklist_end, quicklist_fits, quicklist_free, quicklist_memory, quicklist_new,
                                    quicklist_push)


cdef class BareQuicklist:
    """A Quicklist of bytes."""
    cdef Arena* mem
    cdef Quicklist* q

    def __cinit__(self, int64_t fill=-2, int64_t depth=0, size_t large=0):
        self.mem = arena_new()
        self.q = quicklist_new(self.mem, fill, depth)
        self.q.large = large

    def __dealloc__(self):
        quicklist_free(self.mem, self.q, <size_t>-1)
        arena_free(self.mem)

    def __len__(self):
        return self.q.count

    @property
    def nodes(self):
        """(kind, elements, bytes in use, bytes of room) of each node."""
        cdef QuickNode* node = self.q.head
        found = []
        while node != NULL:
            found.append((("packed", "plain", "lzf")[node.kind], node.count, node.used, node.room))
            node = node.next
        return found

    def push(self, bytes s, bint tail=True):
        quicklist_push(self.mem, self.q, QUICK_TAIL if tail else QUICK_HEAD, slice_of(s, len(s)))

    def end(self, bint tail=True):
        return _element(quicklist_end(self.q, QUICK_TAIL if tail else QUICK_HEAD))

    def drop(self, size_t n, bint tail=True):
        quicklist_drop(self.mem, self.q, QUICK_TAIL if tail else QUICK_HEAD, n)

    def set(self, int64_t index, bytes s):
        """Was there an element at this index?"""
        cdef QuickPos at
        if not quick_seek(self.mem, self.q, index, &at):
            return False
        quick_replace(self.mem, self.q, &at, slice_of(s, len(s)))
        return True

    def insert(self, bytes pivot, bytes s, bint after=False):
        """Was the pivot found?"""
        cdef QuickPos at
        if not quick_find(self.mem, self.q, slice_of(pivot, len(pivot)), &at):
            return False
        quick_insert(self.mem, self.q, &at, slice_of(s, len(s)), after)
        return True

    def has(self, bytes s):
        cdef QuickPos at
        if not quick_find(self.mem, self.q, slice_of(s, len(s)), &at):
            return False
        quick_leave(self.mem, self.q, &at)
        return True

    def remove(self, bytes s, size_t most=<size_t>-1, bint backward=False):
        return quick_remove(self.mem, self.q, slice_of(s, len(s)), most, backward)

    def walk(self, int64_t index=0, bint backward=False):
        """The elements from an index on."""
        cdef QuickIter it
        cdef Element e
        found = []
        quick_iter(&it, self.mem, self.q, index, backward)
        while quick_next(&it, &e):
            found.append(_element(e))
        quick_done(&it)
        return found

    def runs(self, int64_t index, size_t most):
        """How many elements each run has."""
        cdef QuickIter it
        cdef Element e
        cdef const uint8_t* first
        cdef const uint8_t* end
        cdef size_t n
        found = []
        quick_iter(&it, self.mem, self.q, index, False)
        while True:
            n = quick_next_run(&it, most, &first, &end, &e)
            if n == 0:
                break
            assert (first == NULL) == (end == NULL)
            most -= n
            found.append(n)
        quick_done(&it)
        return found

    def copied(self):
        """A copy takes this one's place."""
        cdef Quicklist* copy = quicklist_copy(self.mem, self.q)
        quicklist_free(self.mem, self.q, <size_t>-1)
        self.q = copy

    def free_some(self, size_t most):
        """Frees about so many blocks; True when it was all, and the list is empty and new."""
        if not quicklist_free(self.mem, self.q, most):
            return False
        self.q = quicklist_new(self.mem, -2, 0)
        return True

    def fits(self, int64_t fill, bint halved=True):
        return quicklist_fits(self.q, fill, halved)

    def memory(self, size_t samples=0):
        return quicklist_memory(self.q, samples)

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that the list (or, plus 1000, the arena) breaks."""
        cdef int broken = quicklist_check(self.mem, self.q)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


cdef bytes _element(Element e):
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice s = element_slice(&e, digits)
    return s.ptr[:s.len]


# ---------------------------------------------------------------- measuring

cdef class BenchQuicklist:
    """A list of n elements of 16 bytes; each method does something `count` times."""
    cdef Arena* mem
    cdef Quicklist* q
    cdef Slice text
    cdef bytes held

    def __cinit__(self, size_t n):
        self.mem = arena_new()
        self.q = quicklist_new(self.mem, -2, 0)
        self.held = b"element:%08d" % n
        self.text = slice_of(self.held, len(self.held))
        self.push(n)

    def __dealloc__(self):
        quicklist_free(self.mem, self.q, <size_t>-1)
        arena_free(self.mem)

    def push(self, size_t count):
        """LPUSH."""
        cdef size_t i
        for i in range(count):
            quicklist_push(self.mem, self.q, QUICK_HEAD, self.text)

    def pop(self, size_t count):
        """RPOP, of as many as there are."""
        cdef size_t i, total = 0
        for i in range(count):
            total += quicklist_end(self.q, QUICK_TAIL).len
            quicklist_drop(self.mem, self.q, QUICK_TAIL, 1)
        assert total

    def queue(self, size_t count):
        """LPUSH and RPOP in turn."""
        cdef size_t i
        for i in range(count):
            quicklist_push(self.mem, self.q, QUICK_HEAD, self.text)
            quicklist_drop(self.mem, self.q, QUICK_TAIL, 1)

    def range(self, size_t count):
        """LRANGE of a hundred, from the 200th on, element by element."""
        cdef QuickIter it
        cdef Element e
        cdef size_t i, j, total = 0
        for i in range(count):
            quick_iter(&it, self.mem, self.q, 200, False)
            for j in range(100):
                if quick_next(&it, &e):
                    total += e.len
            quick_done(&it)
        assert total

    def index(self, size_t count):
        """LINDEX of the middle."""
        cdef QuickIter it
        cdef Element e
        cdef size_t i, total = 0
        for i in range(count):
            quick_iter(&it, self.mem, self.q, <int64_t>self.q.count // 2, False)
            if quick_next(&it, &e):
                total += e.len
            quick_done(&it)
        assert total

    def insert(self, size_t count):
        """LINSERT at a place near the head; the tail makes room."""
        cdef QuickPos at
        cdef size_t i
        for i in range(count):
            quick_seek(self.mem, self.q, 300, &at)
            quick_insert(self.mem, self.q, &at, self.text, True)
            quicklist_drop(self.mem, self.q, QUICK_TAIL, 1)

    def find(self, size_t count):
        """LINSERT's search, for what is not there."""
        cdef QuickPos at
        cdef size_t i, found = 0
        for i in range(count):
            found += quick_find(self.mem, self.q, slice_of(b"nowhere", 7), &at)
        assert found == 0
