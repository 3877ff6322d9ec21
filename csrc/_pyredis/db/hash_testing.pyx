"""hash_testing -- one hash without commands, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.effects cimport effects_clear
from _pyredis.db.field_expire cimport field_expire
from _pyredis.db.hash_type cimport (HASH_ABSENT, HASH_OVER, HashFound, HashIter, HashSpot, hash_allow_expiry,
                                    hash_check, hash_count_live, hash_create, hash_expiry, hash_find, hash_get,
                                    hash_iter, hash_iter_expiry, hash_length, hash_next, hash_next_expiry,
                                    hash_put, hash_random, hash_remove, hash_reserve, hash_set_expiry, hash_settle,
                                    hash_value)
from _pyredis.db.keyspace cimport (Key, Keyspace, keyspace_add, keyspace_check, keyspace_copy, keyspace_delete,
                                   keyspace_free, keyspace_key, keyspace_memory, keyspace_new, keyspace_reap,
                                   keyspace_set_clock)
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport Entry, encoding_name, entry_encoding
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice


cdef bytes _bytes(const Element* e):
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice s = element_slice(e, digits)
    return s.ptr[:s.len]


cdef class BareHash:
    """A hash under the key "h" of a database, under a clock that is set. An expiry of 0 is none."""
    cdef Arena* mem
    cdef Keyspace* ks
    cdef Key key
    cdef Entry* e

    def __cinit__(self, size_t entries=512, size_t value=64, int64_t now_ms=1000):
        cdef uint64_t[2] seed
        seed[0] = seed[1] = 1
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, 1, seed)
        types_bind(self.ks)
        self.ks.limits.hash_max_listpack_entries = entries
        self.ks.limits.hash_max_listpack_value = value
        keyspace_set_clock(self.ks, now_ms)
        self.key = keyspace_key(self.ks, slice_of(b"h", 1))
        self.e = hash_create(self.ks, &self.ks.dbs[0], self.key)

    def __dealloc__(self):
        keyspace_free(self.ks)
        arena_free(self.mem)

    def _settle(self):
        hash_settle(self.ks, &self.ks.dbs[0], self.key, self.e)

    @property
    def now_ms(self):
        return self.ks.now_ms

    @now_ms.setter
    def now_ms(self, int64_t ms):
        keyspace_set_clock(self.ks, ms)

    @property
    def encoding(self):
        return encoding_name(entry_encoding(self.e)).decode()

    @property
    def next_expiry(self):
        return hash_next_expiry(self.e)

    @property
    def live(self):
        """How many fields are not over."""
        return hash_count_live(self.e, self.ks.now_ms)

    @property
    def memory_used(self):
        return self.mem.used

    def __len__(self):
        return hash_length(self.e)

    def allow_expiry(self):
        hash_allow_expiry(self.ks, self.e)

    def reserve(self, *words):
        """Lets the hash choose its form for these words."""
        cdef Slice[64] slices
        cdef int i
        for i in range(len(words)):
            slices[i] = slice_of(words[i], len(words[i]))
        hash_reserve(self.ks, self.e, slices, len(words))

    def set(self, bytes field, bytes value, int64_t expiry=0):
        """Sets a field; expiry -1 keeps the present one. Is it new?"""
        cdef HashSpot at
        cdef Slice name = slice_of(field, len(field))
        cdef HashFound found = hash_find(self.ks, self.e, name, &at)
        hash_put(self.ks, self.e, name, found, &at, slice_of(value, len(value)), expiry)
        self._settle()
        return found == HASH_ABSENT

    def find(self, bytes field):
        """(value, expiry, is it over?), or None."""
        cdef HashSpot at
        cdef HashFound found = hash_find(self.ks, self.e, slice_of(field, len(field)), &at)
        cdef Element value
        if found == HASH_ABSENT:
            return None
        value = hash_value(self.e, &at)
        return _bytes(&value), hash_expiry(self.e, &at), found == HASH_OVER

    def get(self, bytes field):
        """The value, or None if it is missing or over."""
        cdef Element value
        return _bytes(&value) if hash_get(self.ks, self.e, slice_of(field, len(field)), &value) else None

    def set_expiry(self, bytes field, int64_t expiry):
        """Is the field there?"""
        cdef HashSpot at
        if hash_find(self.ks, self.e, slice_of(field, len(field)), &at) == HASH_ABSENT:
            return False
        hash_set_expiry(self.ks, self.e, &at, expiry)
        self._settle()
        return True

    def remove(self, bytes field):
        cdef HashSpot at
        if hash_find(self.ks, self.e, slice_of(field, len(field)), &at) == HASH_ABSENT:
            return False
        hash_remove(self.ks, self.e, &at)
        self._settle()
        return True

    def expire(self, size_t most=1 << 62):
        """Removes fields that are over; how many."""
        cdef size_t removed = field_expire(self.ks, &self.ks.dbs[0], self.key, self.e, most)
        effects_clear(&self.ks.fx)
        self._settle()
        return removed

    def items(self, bint all=False):
        """[(field, value, expiry)] in the order of a walk, without those that are over unless `all`."""
        cdef HashIter it
        cdef Element field, value
        found = []
        hash_iter(self.e, 0 if all else self.ks.now_ms, &it)
        while hash_next(&it, &field, &value):
            found.append((_bytes(&field), _bytes(&value), hash_iter_expiry(&it)))
        return found

    def random(self):
        cdef Element field, value
        hash_random(self.e, &self.ks.rand, &field, &value)
        return _bytes(&field), _bytes(&value)

    def become_copy(self):
        """Puts a copy of the hash into its place, and frees it."""
        cdef Entry* copy = keyspace_copy(self.ks, self.e, self.key.name)
        keyspace_delete(self.ks, &self.ks.dbs[0], self.key, self.e)
        keyspace_add(self.ks, &self.ks.dbs[0], self.key, copy)
        self.e = copy

    def start_anew(self):
        """Deletes the hash, and begins an empty one."""
        keyspace_delete(self.ks, &self.ks.dbs[0], self.key, self.e)
        while keyspace_reap(self.ks, 7):
            pass
        self.e = hash_create(self.ks, &self.ks.dbs[0], self.key)

    def memory(self, size_t samples=0):
        return keyspace_memory(self.ks, self.e, samples)

    def check(self):
        """0, or the number of the broken rule: of the hash, plus 1000 of the keyspace, plus 2000 of the arena."""
        cdef int broken = hash_check(self.ks, self.e)
        if broken:
            return broken
        broken = keyspace_check(self.ks)
        if broken:
            return 1000 + broken
        broken = arena_check(self.mem)
        return 2000 + broken if broken else 0
