"""list_testing -- a list without commands and connections, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport (Key, Keyspace, keyspace_add, keyspace_buried, keyspace_check, keyspace_copy,
                                   keyspace_delete, keyspace_find, keyspace_free, keyspace_key, keyspace_memory,
                                   keyspace_new, keyspace_reap)
from _pyredis.db.list_type cimport (
    LIST_HEAD, LIST_TAIL, ListIter, Wish, list_check, list_create, list_done, list_drop, list_end, list_insert,
    list_iter, list_length, list_move, list_next, list_normalize, list_push, list_push_element, list_remove, list_set,
    list_settle, wish_for, wish_is,
)
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport Entry, encoding_name, entry_encoding
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice, element_text


cdef class BareList:
    """A list under one key; while it is empty the key is absent."""
    cdef Arena* mem
    cdef Keyspace* ks
    cdef Key key

    def __cinit__(self, int64_t fill=-2, int64_t depth=0, int64_t threshold=0):
        cdef uint64_t[2] seed
        seed[0] = seed[1] = 1
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, 1, seed)
        types_bind(self.ks)
        self.ks.limits.list_max_listpack_size = fill
        self.ks.limits.list_compress_depth = depth
        self.ks.limits.list_packed_threshold = threshold
        self.key = keyspace_key(self.ks, slice_of(b"k", 1))

    def __dealloc__(self):
        keyspace_free(self.ks)
        arena_free(self.mem)

    cdef Entry* _find(self) noexcept:
        return keyspace_find(&self.ks.dbs[0], self.key)

    cdef void _left(self) noexcept:
        cdef Entry* e = self._find()
        if list_length(e):
            list_settle(self.ks, e)
        else:
            keyspace_delete(self.ks, &self.ks.dbs[0], self.key, e)

    cdef Entry* _made(self) noexcept:
        cdef Entry* e = self._find()
        return e if e != NULL else list_create(self.ks, &self.ks.dbs[0], self.key)

    def set_fill(self, int64_t fill):
        self.ks.limits.list_max_listpack_size = fill

    def push(self, list values, bint tail=True):
        """Adds values, a hundred at most, as one command would."""
        cdef Slice[100] slices
        cdef int i
        for i in range(len(values)):
            slices[i] = slice_of(values[i], len(values[i]))
        list_push(self.ks, self._made(), LIST_TAIL if tail else LIST_HEAD, slices, len(values))

    def push_element(self, bytes value, bint tail=True):
        """Adds a value as another collection would hand it out."""
        cdef Element e = element_text(value, len(value))
        if num_parse_i64(value, len(value), &e.number):
            e.ptr = NULL
        list_push_element(self.ks, self._made(), LIST_TAIL if tail else LIST_HEAD, &e)

    def turn(self, bint from_tail, bint to_tail):
        """Moves an element from an end to an end."""
        list_move(self.ks, self._find(), LIST_TAIL if from_tail else LIST_HEAD, self._find(),
                  LIST_TAIL if to_tail else LIST_HEAD)
        self._left()

    def drop(self, size_t n, bint tail=True):
        list_drop(self.ks, self._find(), LIST_TAIL if tail else LIST_HEAD, n)
        self._left()

    def remove(self, bytes value, size_t most=<size_t>-1, bint backward=False):
        cdef size_t n = list_remove(self.ks, self._find(), slice_of(value, len(value)), most, backward)
        self._left()
        return n

    def set(self, int64_t index, bytes value):
        return list_set(self.ks, self._find(), index, slice_of(value, len(value)))

    def insert(self, bytes pivot, bytes value, bint after=False):
        return list_insert(self.ks, self._find(), slice_of(pivot, len(pivot)), slice_of(value, len(value)), after)

    def normalize(self):
        list_normalize(self.ks, self._find())

    def end(self, bint tail=True):
        return _text(list_end(self._find(), LIST_TAIL if tail else LIST_HEAD))

    def walk(self, int64_t index=0, bint backward=False):
        cdef ListIter it
        cdef Element e
        found = []
        if self._find() != NULL:
            list_iter(&it, self.ks, self._find(), index, backward)
            while list_next(&it, &e):
                found.append(_text(e))
            list_done(&it)
        return found

    def find(self, bytes value):
        """The indexes of the elements that are a Wish."""
        cdef ListIter it
        cdef Element e
        cdef Wish wish = wish_for(slice_of(value, len(value)))
        found = []
        list_iter(&it, self.ks, self._find(), 0, False)
        i = 0
        while list_next(&it, &e):
            if wish_is(&wish, &e):
                found.append(i)
            i += 1
        list_done(&it)
        return found

    def copied(self):
        """A copy takes the list's place."""
        cdef Entry* copy = keyspace_copy(self.ks, self._find(), self.key.name)
        keyspace_delete(self.ks, &self.ks.dbs[0], self.key, self._find())
        keyspace_add(self.ks, &self.ks.dbs[0], self.key, copy)

    def __len__(self):
        return list_length(self._find()) if self._find() != NULL else 0

    @property
    def encoding(self):
        return encoding_name(entry_encoding(self._find())).decode() if self._find() != NULL else None

    def memory(self, size_t samples=0):
        """Bytes of the key and its list, as MEMORY USAGE tells."""
        return keyspace_memory(self.ks, self._find(), samples)

    @property
    def memory_used(self):
        return self.mem.used

    @property
    def buried(self):
        return keyspace_buried(self.ks)

    def delete(self):
        keyspace_delete(self.ks, &self.ks.dbs[0], self.key, self._find())

    def reap(self, size_t most):
        return keyspace_reap(self.ks, most)

    def check(self):
        """0, or the number of the rule that the list, the keyspace or, plus 1000, the arena breaks."""
        cdef int broken = list_check(self.ks, self._find()) if self._find() != NULL else 0
        if broken == 0:
            broken = keyspace_check(self.ks)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


cdef bytes _text(Element e):
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice text = element_slice(&e, digits)
    return text.ptr[:text.len]
