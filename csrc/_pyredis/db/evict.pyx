"""evict -- which key to give up when memory is short: approximate LRU, LFU, shortest time to live, or any.

No key knows its rank; finding it exactly would take a list through all entries, 16 bytes a key and a cache miss at
each use. As Redis does (Sanfilippo, "Random notes on improving the Redis LRU algorithm", 2016), a few keys are looked
at instead and the best are remembered between the rounds:

    sample  maxmemory-samples keys of each database, neighbours in a random place of its table: their lines are
            fetched together, so that a sample costs little more than one miss
    pool    the 16 best seen so far and not yet gone, by score
    take    the best of the pool that is still there

A candidate is a pointer, a hash and the score at the time it was seen. Before the pointer is followed the table
is asked whether it still holds it, which the hash makes one look at a bucket. Then it is scored anew: a key that was
used since it was seen is no longer as good as it was and is dropped, where Redis would give it up. Another key that
has come to lie at the same address under the same bucket is taken for what it is.

The random policies need no pool: they go from one database to the next.

Cost: for each key given up one sample a database, one hash for each candidate that enters the pool, and the removal.
"""
from libc.stdint cimport UINT64_MAX, int64_t, uint64_t
from libc.string cimport memmove

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.effects cimport EV_EVICTED, effects_keep, effects_key, effects_propagate
from _pyredis.db.keyspace cimport Db, Key, keyspace_delete, keyspace_frequency, keyspace_idle_ms, keyspace_key
from _pyredis.db.value cimport entry_expiry, entry_key
from _pyredis.ds.dict cimport Dict, Place, dict_find_entry, dict_random, dict_sample

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    MOST_SAMPLES = 64              # of maxmemory-samples


cdef void evict_set(Evict* x, EvictPolicy policy, bint volatile_only, int samples, bint unlink) noexcept nogil:
    """The policy from now on. What was scored by another is forgotten."""
    if policy != x.policy or volatile_only != x.volatile_only:
        x.count = 0
    x.policy = policy
    x.volatile_only = volatile_only
    x.samples = min(samples, <int>MOST_SAMPLES)
    x.unlink = unlink


cdef inline const Dict* _table(const Evict* x, const Db* db) noexcept nogil:
    return &db.expires if x.volatile_only else &db.keys


cdef inline uint64_t _score(const Evict* x, const Keyspace* ks, const Entry* e) noexcept nogil:
    if x.policy == EVICT_LFU:
        return 255 - keyspace_frequency(ks, e)
    if x.policy == EVICT_TTL:
        return UINT64_MAX - <uint64_t>entry_expiry(e)
    return <uint64_t>keyspace_idle_ms(ks, e)


# ---------------------------------------------------------------- the pool

cdef bint _is_known(const Evict* x, const Entry* e) noexcept nogil:
    cdef int i
    for i in range(x.count):
        if x.pool[i].entry == e:
            return True
    return False


cdef void _offer(Evict* x, const Keyspace* ks, const Db* db, const Entry* e) noexcept nogil:
    """Puts a key into the pool if there is room, or if it is better than the worst there, which then goes."""
    cdef uint64_t score = _score(x, ks, e)
    cdef int at
    cdef Candidate* c
    if (x.count == EVICT_POOL and score <= x.pool[0].score) or _is_known(x, e):
        return
    if x.count == EVICT_POOL:
        x.count -= 1
        memmove(&x.pool[0], &x.pool[1], x.count * sizeof(Candidate))
    at = x.count
    while at and x.pool[at - 1].score >= score:          # of equals, who has waited longest goes first
        x.pool[at] = x.pool[at - 1]
        at -= 1
    x.count += 1
    c = &x.pool[at]
    c.score = score
    c.entry = e
    c.db = db.id
    c.hash = keyspace_key(ks, entry_key(e)).hash


cdef void _sample(Evict* x, Keyspace* ks, const Db* db) noexcept nogil:
    cdef void* found[MOST_SAMPLES]
    cdef size_t n = dict_sample(_table(x, db), &ks.rand, found, x.samples), i
    for i in range(n):
        PREFETCH(found[i])
    for i in range(n):
        _offer(x, ks, db, <const Entry*>found[i])


cdef const Entry* _take_best(Evict* x, Keyspace* ks, int* db, uint64_t* hash) noexcept nogil:
    """The best of the pool that is still as good as it was; NULL if none is left."""
    cdef Candidate* c
    cdef Place at
    while x.count:
        x.count -= 1
        c = &x.pool[x.count]
        if dict_find_entry(_table(x, &ks.dbs[c.db]), c.entry, c.hash, &at) and _score(x, ks, c.entry) >= c.score:
            db[0] = c.db
            hash[0] = c.hash
            return c.entry
    return NULL


# ---------------------------------------------------------------- choosing

cdef size_t _eligible(const Evict* x, const Keyspace* ks) noexcept nogil:
    """How many keys may go."""
    cdef size_t n = 0
    cdef int i
    for i in range(ks.count):
        n += _table(x, &ks.dbs[i]).used
    return n


cdef const Entry* _choose(Evict* x, Keyspace* ks, int* db, uint64_t* hash) noexcept nogil:
    cdef const Entry* e
    cdef int i
    while _eligible(x, ks):
        for i in range(ks.count):
            if _table(x, &ks.dbs[i]).used:
                _sample(x, ks, &ks.dbs[i])
        e = _take_best(x, ks, db, hash)
        if e != NULL:
            return e
    return NULL


cdef const Entry* _choose_any(Evict* x, Keyspace* ks, int* db, uint64_t* hash) noexcept nogil:
    cdef const Entry* e
    cdef int i
    for i in range(ks.count):
        db[0] = x.next_db
        x.next_db = x.next_db + 1 if x.next_db + 1 < ks.count else 0
        e = <const Entry*>dict_random(_table(x, &ks.dbs[db[0]]), &ks.rand)
        if e != NULL:
            hash[0] = keyspace_key(ks, entry_key(e)).hash
            return e
    return NULL


cdef bint evict_one(Evict* x, Keyspace* ks, int64_t* gained) noexcept nogil:
    cdef Key key
    cdef size_t before
    cdef Slice[2] words
    cdef int db = 0
    cdef const Entry* e
    if x.policy == EVICT_NOTHING:
        return False
    e = _choose_any(x, ks, &db, &key.hash) if x.policy == EVICT_RANDOM else _choose(x, ks, &db, &key.hash)
    if e == NULL:
        return False
    key.name = effects_keep(&ks.fx, entry_key(e))
    words[0] = slice_of(b"UNLINK", 6) if x.unlink else slice_of(b"DEL", 3)
    words[1] = key.name
    ks.stats.evicted += 1
    effects_propagate(&ks.fx, db, 2, words, False)
    before = ks.mem.used
    keyspace_delete(ks, &ks.dbs[db], key, <Entry*>e)
    gained[0] += <int64_t>before - <int64_t>ks.mem.used
    effects_key(&ks.fx, db, key.name, EV_EVICTED, b"evicted", 0)
    return True
