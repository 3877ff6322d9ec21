"""testing -- a keyspace without commands and connections, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.clock cimport Clock, clock_init, clock_set_fake
from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.effects cimport effects_clear
from _pyredis.db.expire cimport expire_cycle
from _pyredis.db.keyspace cimport (Key, Keyspace, keyspace_add, keyspace_buried, keyspace_check, keyspace_clear_expiry,
                                   keyspace_copy, keyspace_delete, keyspace_find, keyspace_flush, keyspace_free,
                                   keyspace_key, keyspace_memory, keyspace_new, keyspace_reap, keyspace_set_clock,
                                   keyspace_set_expiry)
from _pyredis.db.list_type cimport (
    LIST_HEAD, LIST_TAIL, ListIter, Wish, list_check, list_create, list_done, list_drop, list_end, list_insert,
    list_iter, list_length, list_next, list_normalize, list_push, list_push_element, list_remove, list_set,
    list_settle, wish_for, wish_is,
)
from _pyredis.db.string_type cimport (
    STRING_DIGITS, STRING_DROP_TTL, string_get_i64, string_length, string_set, string_set_i64,
    string_view, string_write,
)
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport Entry, encoding_name, entry_encoding, entry_expiry, entry_key
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice, element_text


cdef bytes _copy(Slice s):
    return s.ptr[:s.len]


cdef void _drain(void* owner) noexcept nogil:
    with gil:
        (<BareKeyspace>owner)._take()


cdef class BareKeyspace:
    """Databases of strings under a clock that stands still, but for `batch_us` that each drain takes."""
    cdef Arena* mem
    cdef Keyspace* ks
    cdef Clock clock
    cdef int64_t now_us
    cdef public int64_t batch_us
    cdef public list batches               # a list of (db, event, key, propagated words) for each drain

    def __cinit__(self, int databases=2, int64_t now_ms=1_000_000, bint wanted=True):
        cdef uint64_t[2] seed
        seed[0] = seed[1] = 1
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, databases, seed)
        types_bind(self.ks)
        self.ks.fx.wanted = 1 if wanted else 0
        self.ks.fx.propagating = wanted
        clock_init(&self.clock)
        self.batch_us = 0
        self.batches = []
        self.set_now(now_ms)

    def __dealloc__(self):
        keyspace_free(self.ks)
        arena_free(self.mem)

    def set_now(self, int64_t ms):
        self._set_us(ms * 1000)

    cdef void _set_us(self, int64_t us):
        self.now_us = us
        clock_set_fake(&self.clock, us)
        keyspace_set_clock(self.ks, us // 1000)

    @property
    def now_ms(self):
        return self.now_us // 1000

    def add(self, bytes name, int64_t ttl_ms=-1, int db=0):
        """A string under an absent name; with a time to live unless that is -1."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        cdef Slice value = slice_of(b"value", 5)
        cdef Entry* e = string_set(self.ks, &self.ks.dbs[db], key, NULL, value, STRING_DROP_TTL)
        if ttl_ms != -1:
            keyspace_set_expiry(self.ks, &self.ks.dbs[db], key, e, self.now_us // 1000 + ttl_ms)
        effects_clear(&self.ks.fx)

    def set(self, bytes name, bytes value, int how=0, int db=0):
        """The string under a name, made or replaced; `how`: 1 keeps the expiry, 2 keeps digits as text."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        string_set(self.ks, &self.ks.dbs[db], key, keyspace_find(&self.ks.dbs[db], key),
                   slice_of(value, len(value)), how)
        effects_clear(&self.ks.fx)

    def set_i64(self, bytes name, int64_t v, int db=0):
        """An integer under a name; an expiry stays."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        string_set_i64(self.ks, &self.ks.dbs[db], key, keyspace_find(&self.ks.dbs[db], key), v)

    def write(self, bytes name, size_t at, bytes value, int db=0):
        """Writes into the string, which grows as need be."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        string_write(self.ks, &self.ks.dbs[db], key, keyspace_find(&self.ks.dbs[db], key), at,
                     slice_of(value, len(value)))

    def set_expiry(self, bytes name, at_ms, int db=0):
        """Lets a present key expire at a time, or never (None)."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        cdef Entry* e = keyspace_find(&self.ks.dbs[db], key)
        if at_ms is None:
            keyspace_clear_expiry(self.ks, &self.ks.dbs[db], key, e)
        else:
            keyspace_set_expiry(self.ks, &self.ks.dbs[db], key, e, at_ms)

    def delete(self, bytes name, int db=0):
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        keyspace_delete(self.ks, &self.ks.dbs[db], key, keyspace_find(&self.ks.dbs[db], key))
        effects_clear(&self.ks.fx)

    def look(self, bytes name, int db=0):
        """(value, encoding, expiry or -1, length, integer or None) of a key; None if there is none."""
        cdef char[STRING_DIGITS] digits
        cdef int64_t v
        cdef Entry* e = keyspace_find(&self.ks.dbs[db], keyspace_key(self.ks, slice_of(name, len(name))))
        if e == NULL:
            return None
        assert _copy(entry_key(e)) == name
        return (_copy(string_view(e, digits)), encoding_name(entry_encoding(e)).decode(), entry_expiry(e),
                string_length(e), v if string_get_i64(e, &v) else None)

    @property
    def memory_used(self):
        return self.mem.used

    def has(self, bytes name, int db=0):
        """Is the key there, expired or not?"""
        return keyspace_find(&self.ks.dbs[db], keyspace_key(self.ks, slice_of(name, len(name)))) != NULL

    def counts(self, int db=0):
        """(keys, keys with an expiry)"""
        return self.ks.dbs[db].keys.used, self.ks.dbs[db].expires.used

    def cursor(self, int db=0):
        return self.ks.dbs[db].expire_cursor

    def average_ttl(self, int db=0):
        return self.ks.dbs[db].average_ttl

    @property
    def stats(self):
        return {"expired": self.ks.stats.expired, "stale_percent": self.ks.stats.stale_percent,
                "time_cap_reached": self.ks.stats.time_cap_reached, "expire_us": self.ks.stats.expire_us}

    def set_active(self, bint on):
        self.ks.active_expire = on

    def flush(self, int db=0):
        keyspace_flush(self.ks, &self.ks.dbs[db], False)

    cdef void _take(self) noexcept:
        cdef size_t i, j
        cdef list batch = []
        for i in range(self.ks.fx.count):
            words = ([_copy(self.ks.fx.args[self.ks.fx.rewrites[i].first + j])
                      for j in range(self.ks.fx.rewrites[i].argc)] if i < self.ks.fx.rewrite_count else None)
            batch.append((self.ks.fx.list[i].db, self.ks.fx.list[i].event.decode(),
                          _copy(self.ks.fx.list[i].key), words))
        self.batches.append(batch)
        effects_clear(&self.ks.fx)
        self._set_us(self.now_us + self.batch_us)

    def cycle(self, int64_t budget_us=1000, int effort=1):
        """One active cycle; in how many ms the next is due."""
        cdef int64_t wait
        with nogil:
            wait = expire_cycle(self.ks, &self.clock, budget_us, effort, _drain, <void*>self)
        return wait

    def cycle_in_real_time(self, int64_t budget_us=1000, int effort=1):
        """(ms to the next, us spent) of a cycle by the real clock, with no one to drain to."""
        cdef int64_t wait, before = self.ks.stats.expire_us
        clock_set_fake(&self.clock, -1)
        with nogil:
            wait = expire_cycle(self.ks, &self.clock, budget_us, effort, NULL, NULL)
        self._set_us(self.now_us)
        return wait, self.ks.stats.expire_us - before

    @property
    def dirty(self):
        return self.ks.fx.dirty

    def check(self):
        """0, or the number of the rule that the keyspace (or, plus 1000, the arena) breaks."""
        cdef int broken = keyspace_check(self.ks)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken


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
        """Adds a value as one that comes from another list."""
        cdef Element e = element_text(value, len(value))
        if num_parse_i64(value, len(value), &e.number):
            e.ptr = NULL
        list_push_element(self.ks, self._made(), LIST_TAIL if tail else LIST_HEAD, &e)

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
    return _copy(element_slice(&e, digits))
