"""testing -- a keyspace without commands and connections, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.clock cimport Clock, clock_init, clock_set_fake
from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.effects cimport effects_clear
from _pyredis.db.expire cimport expire_cycle
from _pyredis.db.keyspace cimport (Key, Keyspace, keyspace_check, keyspace_clear_expiry, keyspace_delete,
                                   keyspace_find, keyspace_flush, keyspace_free, keyspace_key, keyspace_new,
                                   keyspace_set_clock, keyspace_set_expiry)
from _pyredis.db.string_type cimport (
    STRING_DIGITS, STRING_DROP_TTL, string_get_i64, string_length, string_resize, string_room, string_set,
    string_set_i64, string_take, string_view, string_write,
)
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport Entry, encoding_name, entry_encoding, entry_expiry, entry_key
from _pyredis.ds.bytestr cimport ByteStr, bytestr_data


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

    def resize(self, bytes name, size_t n, int db=0):
        """Makes the string n bytes long."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        cdef char* data
        string_resize(self.ks, &self.ks.dbs[db], key, keyspace_find(&self.ks.dbs[db], key), n, &data)

    def take(self, bytes name, bytes value, int db=0):
        """Puts a value made in a block of its own in the place of whatever there is."""
        cdef Key key = keyspace_key(self.ks, slice_of(name, len(name)))
        cdef Entry* e = keyspace_find(&self.ks.dbs[db], key)
        cdef ByteStr* block = string_room(self.ks, e, len(value))
        memcpy(bytestr_data(block), <const char*>value, len(value))
        string_take(self.ks, &self.ks.dbs[db], key, e, block, len(value))

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
