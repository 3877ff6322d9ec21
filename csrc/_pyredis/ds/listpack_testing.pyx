"""listpack_testing -- the listpack as a Python class, for tests and bench only."""
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from posix.time cimport CLOCK_PROCESS_CPUTIME_ID, clock_gettime, timespec

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.listpack cimport (
    element_encode, element_encoded_size, element_size, element_size_before, listpack_add, listpack_append,
    listpack_append_i64, listpack_at, listpack_bytes, listpack_check, listpack_copy, listpack_delete,
    listpack_delete_at, listpack_find, listpack_first, listpack_free, listpack_get, listpack_import, listpack_insert,
    listpack_last, listpack_length, listpack_new, listpack_next, listpack_prepend, listpack_prev, listpack_replace,
    listpack_validate,
)


cdef class BareListpack:
    """A listpack, its elements as bytes objects; an index stands for a position."""
    cdef Arena* mem
    cdef uint8_t* lp

    def __cinit__(self):
        self.mem = arena_new()
        self.lp = listpack_new(self.mem)

    def __dealloc__(self):
        if self.lp != NULL:
            listpack_free(self.mem, self.lp)
        arena_free(self.mem)

    def __len__(self):
        return listpack_length(self.lp)

    cdef object _text(self, const uint8_t* p):
        cdef char[ELEMENT_DIGITS] digits
        cdef Element e
        cdef Slice s
        if p == NULL:
            return None
        e = listpack_get(p)
        s = element_slice(&e, digits)
        return s.ptr[:s.len]

    cdef uint8_t* _at(self, int64_t index) except NULL:
        cdef uint8_t* p = listpack_at(self.lp, index)
        if p == NULL:
            raise IndexError(index)
        return p

    def _index(self, at):
        cdef uint8_t* p = listpack_first(self.lp)
        cdef size_t wanted = at, i = 0
        while p != NULL and <size_t>p != wanted:
            p = listpack_next(self.lp, p)
            i += 1
        return i

    def forward(self):
        cdef uint8_t* p = listpack_first(self.lp)
        cdef list found = []
        while p != NULL:
            found.append(self._text(p))
            p = listpack_next(self.lp, p)
        return found

    def backward(self):
        cdef uint8_t* p = listpack_last(self.lp)
        cdef list found = []
        while p != NULL:
            found.append(self._text(p))
            p = listpack_prev(self.lp, p)
        return found

    def numbers(self):
        """For every element: its integer, or None where it is text."""
        cdef uint8_t* p = listpack_first(self.lp)
        cdef list found = []
        cdef Element e
        while p != NULL:
            e = listpack_get(p)
            found.append(e.number if e.ptr == NULL else None)
            p = listpack_next(self.lp, p)
        return found

    def at(self, int64_t index):
        return self._text(listpack_at(self.lp, index))

    def find(self, bytes needle, int64_t start=0, int skip=0):
        """The index of the first element from `start` on that equals `needle`, or None."""
        cdef uint8_t* p = listpack_find(self.lp, listpack_at(self.lp, start), slice_of(needle, len(needle)), skip)
        return self._index(<size_t>p) if p != NULL else None

    def add(self, list values, bint in_front=False):
        """Up to a hundred values at once."""
        cdef Slice[100] slices
        cdef int i
        for i in range(len(values)):
            slices[i] = slice_of(values[i], len(values[i]))
        self.lp = listpack_add(self.mem, self.lp, slices, len(values), in_front)

    def append(self, bytes s):
        self.lp = listpack_append(self.mem, self.lp, slice_of(s, len(s)))

    def append_i64(self, int64_t v):
        self.lp = listpack_append_i64(self.mem, self.lp, v)

    def prepend(self, bytes s):
        self.lp = listpack_prepend(self.mem, self.lp, slice_of(s, len(s)))

    def insert(self, index, bytes s):
        """Inserts before the element at `index`, or at the end if that is None; the index where it stands."""
        cdef uint8_t* at
        cdef uint8_t* before = self._at(index) if index is not None else NULL
        self.lp = listpack_insert(self.mem, self.lp, before, slice_of(s, len(s)), &at)
        return self._index(<size_t>at)

    def replace(self, int64_t index, bytes s):
        cdef uint8_t* at
        self.lp = listpack_replace(self.mem, self.lp, self._at(index), slice_of(s, len(s)), &at)
        return self._index(<size_t>at)

    def delete(self, int64_t index, size_t count=1):
        """The element behind those deleted, or None."""
        cdef uint8_t* next
        self.lp = listpack_delete(self.mem, self.lp, self._at(index), count, &next)
        return self._text(next)

    def delete_at(self, int64_t index, size_t count=1):
        self.lp = listpack_delete_at(self.mem, self.lp, index, count)

    def sizes(self):
        """Bytes of every element, read forwards, backwards, and as element_encoded_size foretells."""
        cdef uint8_t* p = listpack_first(self.lp)
        cdef list found = []
        cdef bytes text
        while p != NULL:
            text = self._text(p)
            found.append((element_size(p), element_size_before(p + element_size(p)),
                          element_encoded_size(slice_of(text, len(text)))))
            p = listpack_next(self.lp, p)
        return found

    def copy(self):
        """The image of a copy, which is freed again."""
        cdef uint8_t* other = listpack_copy(self.mem, self.lp)
        cdef bytes image = other[:listpack_bytes(other)]
        listpack_free(self.mem, other)
        return image

    @property
    def image(self):
        return <bytes>self.lp[:listpack_bytes(self.lp)]

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that the listpack (or, plus 1000, the arena) breaks."""
        cdef int broken = listpack_check(self.lp)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


def validate_listpack(bytes image, bint deep=True):
    """listpack_validate of a copy in a block of just this size."""
    cdef size_t n = len(image)
    cdef uint8_t* block = <uint8_t*>malloc(n if n else 1)
    cdef const char* from_ = image
    cdef bint valid
    memcpy(block, from_, n)
    valid = listpack_validate(block, n, deep)
    free(block)
    return valid


def import_listpack(bytes image):
    """A BareListpack by listpack_import of a copy in a block of just this size, or None."""
    cdef size_t n = len(image)
    cdef uint8_t* block = <uint8_t*>malloc(n if n else 1)
    cdef const char* from_ = image
    cdef BareListpack lp = BareListpack()
    cdef uint8_t* made
    memcpy(block, from_, n)
    made = listpack_import(lp.mem, block, n)
    free(block)
    if made == NULL:
        return None
    listpack_free(lp.mem, lp.lp)
    lp.lp = made
    return lp


def encode_element(bytes s):
    """An element's bytes, by element_encode."""
    cdef size_t n = element_encoded_size(slice_of(s, len(s)))
    cdef uint8_t* block = <uint8_t*>malloc(n)
    cdef size_t written = element_encode(block, slice_of(s, len(s)))
    cdef bytes image = block[:written]
    free(block)
    assert written == n
    return image


# ---------------------------------------------------------------- measuring

cdef int64_t _ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
    return t.tv_sec * 1_000_000_000 + t.tv_nsec


cdef class BenchListpack:
    """A listpack of n elements name:0, name:1 ... for bench/micro: all loops without Python, ns of CPU back."""
    cdef Arena* mem
    cdef uint8_t* lp
    cdef list elements

    def __cinit__(self, list elements):
        self.mem = arena_new()
        self.lp = listpack_new(self.mem)
        self.elements = elements
        for e in elements:
            self.lp = listpack_append(self.mem, self.lp, slice_of(e, len(e)))

    def __dealloc__(self):
        listpack_free(self.mem, self.lp)
        arena_free(self.mem)

    def find(self, bytes needle, int skip, size_t count):
        """ns of CPU a search for `needle`."""
        cdef size_t i, found = 0
        cdef Slice s = slice_of(needle, len(needle))
        cdef int64_t start = _ns()
        with nogil:
            for i in range(count):
                found += listpack_find(self.lp, listpack_first(self.lp), s, skip) != NULL
        return (_ns() - start) / <double>count

    def walk(self, size_t count):
        """ns of CPU an element of listpack_get and listpack_next."""
        cdef size_t i, total = 0, n = 0
        cdef const uint8_t* p
        cdef Element e
        cdef int64_t start = _ns()
        with nogil:
            for i in range(count):
                p = listpack_first(self.lp)
                while p != NULL:
                    e = listpack_get(p)
                    total += e.len + e.number
                    n += 1
                    p = listpack_next(self.lp, p)
        assert total
        return (_ns() - start) / <double>n

    def append(self, size_t count):
        """ns of CPU an element, when the listpack is built anew by appending."""
        cdef size_t i, j, n = len(self.elements)
        cdef uint8_t* lp
        cdef Slice* slices = <Slice*>malloc(n * sizeof(Slice))
        cdef int64_t start
        for i in range(n):
            slices[i] = slice_of(<bytes>self.elements[i], len(<bytes>self.elements[i]))
        start = _ns()
        with nogil:
            for i in range(count):
                lp = listpack_new(self.mem)
                for j in range(n):
                    lp = listpack_append(self.mem, lp, slices[j])
                listpack_free(self.mem, lp)
        free(slices)
        return (_ns() - start) / <double>(n * count)
