"""expire -- the active cycle: removes keys whose time is over although nobody asks for them.

Every database has a table of its volatile keys; the cycle walks it bucket by bucket, a little at a time, with
a cursor that is kept between calls. So it comes past every key in turn, unlike random samples, which
find the last stale keys of many ever more rarely. What it does next depends on what it saw, as in Redis:

    a sample of 20 to 65 keys (by effort) with at most 10 % stale (1 % at effort 10)
                                      -> enough of this database, on to the next
    more than that                    -> another sample, until the budget is used up

and the answer is when to come again: in 100 ms, or, if time ran out while there was more to do, after a
pause that keeps the cycle to its share of the processor (25 % at effort 1, 43 % at effort 10). Each call
starts with another database, so that one full of stale keys cannot hold up the others.

Removing a key costs four cache misses (its volatile bucket, entry, key bucket, and the free list), more than
all the rest. So a batch is done in rounds: collect entries and prefetch them; read their expiries, hash the
stale ones and prefetch their key buckets; remove. After each batch the clock is read, and the effects are
drained, so that the list of them stays short.

After the keys of a database come the fields of its hashes (db/field_expire), within the same budget.

State: Db.expire_cursor, Db.average_ttl, Keyspace.expire_db and the expire part of Keyspace.stats.
"""
from libc.stdint cimport int64_t

from _pyredis.base.clock cimport Clock, clock_mono_us, clock_unix_ms
from _pyredis.db.expire_batch cimport SAMPLE_BATCHES, Batch, Cycle, batch_fill, cycle_drain, cycle_late
from _pyredis.db.field_expire cimport field_expire_cycle
from _pyredis.db.keyspace cimport Db, Keyspace, keyspace_expire_entry, keyspace_key
from _pyredis.db.value cimport Entry, entry_expiry, entry_key
from _pyredis.ds.dict cimport dict_prefetch_bucket

cdef enum:
    SAMPLE = 20                    # keys of a sample at effort 1
    TOLERATED = 10                 # per cent of stale keys to live with at effort 1
    SHARE = 25                     # per cent of the processor at effort 1
    STATS_PER_CENT = 5             # weight of the latest cycle in the average of stale keys
    TTL_PER_CENT = 2               # weight of the latest cycle in the average time to live


cdef int _pick_stale(Cycle* run, Db* db, Batch* b, double* ttl_ms) noexcept nogil:
    """Keeps the stale keys of the batch, hashed; how many. The times of the others are added to `ttl_ms`."""
    cdef int stale = 0, i
    cdef int64_t left
    cdef Entry* e
    for i in range(b.count):
        e = b.keys[i]
        left = entry_expiry(e) - run.now_ms
        if left >= 0:                            # entry_is_over, with the subtraction used twice
            ttl_ms[0] += <double>left
            continue
        b.keys[stale] = e
        b.hashes[stale] = keyspace_key(run.ks, entry_key(e)).hash
        dict_prefetch_bucket(&db.keys, b.hashes[stale])
        stale += 1
    return stale


cdef int _expire_batch(Cycle* run, Db* db, Batch* b, double* ttl_ms) noexcept nogil:
    """Removes the stale keys of the batch; how many."""
    cdef int stale = _pick_stale(run, db, b, ttl_ms), i
    for i in range(stale):
        keyspace_expire_entry(run.ks, db, b.hashes[i], b.keys[i])
    if stale:
        cycle_drain(run)
    return stale


cdef void _average_ttl(Db* db, double ttl_ms, int64_t live) noexcept nogil:
    cdef double average
    if live == 0:
        return
    average = ttl_ms / <double>live
    if db.average_ttl != 0:
        average = (db.average_ttl * (100 - TTL_PER_CENT) + average * TTL_PER_CENT) / 100
    db.average_ttl = average


cdef void _clean(Cycle* run, Db* db) noexcept nogil:
    """Removes stale keys of one database until few of those seen are stale, or time is up."""
    cdef Batch b
    cdef int seen = 0, stale = 0, batches = 0, found
    cdef bint many
    cdef int64_t live = 0
    cdef double ttl_ms = 0
    while db.expires.used:
        batch_fill(&b, &db.expires, &db.expire_cursor)
        found = _expire_batch(run, db, &b, &ttl_ms)
        seen += b.count
        stale += found
        live += b.count - found
        run.seen += b.count
        run.stale += found
        batches += 1
        many = stale * 100 > seen * run.tolerated
        if cycle_late(run):
            run.more = many
            break
        if seen >= run.sample or batches == SAMPLE_BATCHES or seen >= <int64_t>db.expires.used:
            if not many:
                break
            seen = stale = batches = 0
    if db.expires.used == 0:
        db.expire_cursor = 0
        db.average_ttl = 0
    else:
        _average_ttl(db, ttl_ms, live)


cdef void _note(Cycle* run, int64_t spent_us) noexcept nogil:
    cdef double stale = 100.0 * <double>run.stale / <double>run.seen if run.seen else 0.0
    cdef double average = run.ks.stats.stale_percent
    run.ks.stats.stale_percent = (average * (100 - STATS_PER_CENT) + stale * STATS_PER_CENT) / 100
    run.ks.stats.time_cap_reached += run.late
    run.ks.stats.expire_us += spent_us


cdef int64_t _pause_ms(int64_t spent_us, int effort) noexcept nogil:
    """How long to leave others alone after so much work: rounded up, 1 to 100 ms."""
    cdef int64_t share = SHARE + 2 * (effort - 1)
    cdef int64_t ms = (spent_us * (100 - share) // share + 999) // 1000
    return 1 if ms < 1 else EXPIRE_IDLE_MS if ms > EXPIRE_IDLE_MS else ms


cdef int64_t expire_cycle(Keyspace* ks, const Clock* clock, int64_t budget_us, int effort,
                          DrainFn drain, void* arg) noexcept nogil:
    """Removes expired keys for about `budget_us`, 1 ms at most; in how many ms it wants to be called again.

    `effort` is active-expire-effort, 1 to 10. `drain`, unless NULL, is called after each batch of removals,
    about 32; it passes their effects on and clears them.
    """
    cdef Cycle run
    cdef int64_t began = clock_mono_us(clock), spent
    cdef int i
    if not ks.active_expire:
        return EXPIRE_IDLE_MS
    run.ks = ks
    run.clock = clock
    run.now_ms = clock_unix_ms(clock)
    run.deadline_us = began + (budget_us if budget_us < EXPIRE_LONGEST_US else EXPIRE_LONGEST_US)
    run.sample = SAMPLE + SAMPLE * (effort - 1) // 4
    run.tolerated = TOLERATED - (effort - 1)
    run.drain = drain
    run.drain_arg = arg
    run.seen = run.stale = 0
    run.late = run.more = False
    for i in range(ks.count):
        _clean(&run, &ks.dbs[ks.expire_db])
        if not run.late and ks.dbs[ks.expire_db].timed.used:
            field_expire_cycle(&run, &ks.dbs[ks.expire_db])
        ks.expire_db = ks.expire_db + 1 if ks.expire_db + 1 < ks.count else 0
        if run.late:
            break
    spent = clock_mono_us(clock) - began
    _note(&run, spent)
    return _pause_ms(spent, effort) if run.more else EXPIRE_IDLE_MS
