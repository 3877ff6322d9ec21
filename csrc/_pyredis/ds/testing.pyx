"""testing -- the structures of ds/ as Python classes, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, clock_gettime, timespec

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.rand cimport Rand, rand_seed
from _pyredis.ds.dict cimport (
    Dict, DictType, Place, dict_bytes, dict_check, dict_drain, dict_each, dict_find, dict_find_entry,
    dict_free, dict_hash, dict_init, dict_insert, dict_prefetch_bucket, dict_prefetch_entries, dict_random,
    dict_remove, dict_reserve, dict_sample, dict_scan, place_set,
)

cdef extern from *:
    """
    static inline const char* bytes_entry_key(const void* entry, size_t* n) {
        *n = (size_t)PyBytes_GET_SIZE((PyObject*)entry);
        return PyBytes_AS_STRING((PyObject*)entry);
    }
    """
    const char* bytes_entry_key(const void* entry, size_t* n) noexcept nogil


cdef void _append(void* found, void* entry) noexcept nogil:
    with gil:
        (<list>found).append(<object>entry)


cdef class BareDict:
    """A Dict whose entries are bytes objects, each its own key."""
    cdef Arena* mem
    cdef DictType type
    cdef Dict d
    cdef Rand rand
    cdef dict owned

    def __cinit__(self, uint64_t seed=0):
        self.mem = arena_new()
        self.type.key_of = bytes_entry_key
        self.type.mem = self.mem
        self.type.seed[0] = self.type.seed[1] = seed
        dict_init(&self.d, &self.type)
        rand_seed(&self.rand, seed)
        self.owned = {}

    def __dealloc__(self):
        dict_free(&self.d)
        arena_free(self.mem)

    def __len__(self):
        return self.d.used

    def hash(self, bytes key):
        return dict_hash(&self.type, key, len(key))

    def find(self, bytes key):
        """The entry with this key, or None."""
        cdef uint64_t hash = self.hash(key)
        cdef void* e
        dict_prefetch_bucket(&self.d, hash)
        dict_prefetch_entries(&self.d, hash)
        e = dict_find(&self.d, key, len(key), hash, NULL)
        return <object>e if e != NULL else None

    def insert(self, bytes key):
        """Adds a key that is absent."""
        assert key not in self.owned
        self.owned[key] = key
        dict_insert(&self.d, <void*>key, self.hash(key))

    def remove(self, bytes key):
        """Removes a key that is present."""
        cdef Place at
        assert dict_find(&self.d, key, len(key), self.hash(key), &at) != NULL
        dict_remove(&self.d, at, self.hash(key))
        del self.owned[key]

    def replace(self, bytes key):
        """Puts another object with the same key in the place of the present one, found by its address."""
        cdef Place at
        cdef bytes twin = bytes(bytearray(key))
        cdef object old = self.owned[key]
        assert dict_find_entry(&self.d, <void*>old, self.hash(key), &at)
        place_set(at, <void*>twin)
        del self.owned[key]
        self.owned[twin] = twin
        return twin

    def scan(self, uint64_t cursor):
        """(next cursor, keys of one bucket)"""
        cdef list found = []
        cursor = dict_scan(&self.d, cursor, _append, <void*>found)
        return cursor, found

    def each(self):
        cdef list found = []
        dict_each(&self.d, _append, <void*>found)
        return found

    def drain(self, size_t most):
        """Keys taken out for good. Nothing may be looked up or inserted before the table is empty."""
        cdef list found = []
        cdef size_t passed = dict_drain(&self.d, most, _append, <void*>found)
        assert passed == <size_t>len(found)
        for key in found:
            del self.owned[key]
        return found

    def random(self):
        cdef void* e = dict_random(&self.d, &self.rand)
        return <object>e if e != NULL else None

    def sample(self, size_t most):
        cdef void* out[256]
        cdef size_t n = dict_sample(&self.d, &self.rand, out, min(most, 256)), i
        return [<object>out[i] for i in range(n)]

    def reserve(self, size_t entries):
        dict_reserve(&self.d, entries)

    def free(self):
        dict_free(&self.d)
        self.owned.clear()

    @property
    def buckets(self):
        return self.d.buckets

    @property
    def overflow(self):
        return self.d.overflow

    @property
    def bytes(self):
        return dict_bytes(&self.d)

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that the table (or, plus 1000, the arena) breaks."""
        cdef int broken = dict_check(&self.d)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


# ---------------------------------------------------------------- measuring

cdef const char* _number_key(const void* entry, size_t* n) noexcept nogil:
    n[0] = 8
    return <const char*>entry


cdef int64_t _ns(int clock) noexcept nogil:
    cdef timespec t
    clock_gettime(clock, &t)
    return t.tv_sec * 1_000_000_000 + t.tv_nsec


cdef class BenchDict:
    """A table of 8-byte entries, each its own key, for bench/micro: all loops without Python, ns of CPU back."""
    cdef Arena* mem
    cdef DictType type
    cdef Dict d
    cdef uint64_t* entries
    cdef size_t room

    def __cinit__(self, size_t room):
        cdef size_t i
        self.mem = arena_new()
        self.type.key_of = _number_key
        self.type.mem = self.mem
        self.type.seed[0] = self.type.seed[1] = 1
        dict_init(&self.d, &self.type)
        self.room = room
        self.entries = <uint64_t*>malloc(room * 8)
        for i in range(room):
            self.entries[i] = i * <uint64_t>0x9e3779b97f4a7c15

    def __dealloc__(self):
        dict_free(&self.d)
        free(self.entries)
        arena_free(self.mem)

    def reserve(self, size_t entries):
        dict_reserve(&self.d, entries)

    def insert_to(self, size_t n):
        """Inserts until there are n; ns of CPU an insert."""
        cdef size_t i = self.d.used, first = i
        cdef int64_t start = _ns(CLOCK_PROCESS_CPUTIME_ID)
        with nogil:
            while i < n:
                dict_insert(&self.d, &self.entries[i],
                            dict_hash(&self.type, <const char*>&self.entries[i], 8))
                i += 1
        return (_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / max(1.0, <double>(n - first))

    def longest_insert_to(self, size_t n):
        """The longest single insert on the way to n entries, in ns by the clock (others' work included)."""
        cdef size_t i = self.d.used
        cdef int64_t worst = 0, now, last
        with nogil:
            last = _ns(CLOCK_MONOTONIC)
            while i < n:
                dict_insert(&self.d, &self.entries[i],
                            dict_hash(&self.type, <const char*>&self.entries[i], 8))
                i += 1
                now = _ns(CLOCK_MONOTONIC)
                worst = max(worst, now - last)
                last = now
        return worst

    def find(self, size_t count, bint batched=True):
        """ns of CPU a look-up of a present key, in random order; `batched`: prefetched 32 at a time."""
        cdef uint64_t x = 88172645463325252, found = 0
        cdef uint64_t[32] hashes
        cdef const char* keys[32]
        cdef size_t i, j
        cdef int64_t start = _ns(CLOCK_PROCESS_CPUTIME_ID)
        with nogil:
            for i in range(count // 32):
                for j in range(32):
                    x ^= x << 13
                    x ^= x >> 7
                    x ^= x << 17
                    keys[j] = <const char*>&self.entries[x % self.d.used]
                    hashes[j] = dict_hash(&self.type, keys[j], 8)
                    if batched:
                        dict_prefetch_bucket(&self.d, hashes[j])
                if batched:
                    for j in range(32):
                        dict_prefetch_entries(&self.d, hashes[j])
                for j in range(32):
                    found += dict_find(&self.d, keys[j], 8, hashes[j], NULL) != NULL
        assert found == count // 32 * 32
        return (_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / <double>found

    @property
    def bytes(self):
        return dict_bytes(&self.d)

    @property
    def buckets(self):
        return self.d.buckets
