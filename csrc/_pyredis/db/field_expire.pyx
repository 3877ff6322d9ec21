"""field_expire -- removes fields of hashes whose time is over although nobody asks for them.

Every database has a table of the hashes of which some field is timed, and every such hash knows its next expiry: so
the cycle walks that table as db/expire walks the volatile keys, and a hash in which nothing is over costs one look.
As there, it stops at a sample of which few hashes are stale, and goes on while many are and there is time.

Of one hash it removes 64 fields, then passes their effects on and looks at the clock. A hash that is not done when
time is up is the first to be visited by the next call: the cursor stays before it. So neither a hash of a million
stale fields nor a million hashes can hold anything up for longer than the budget.

Elsewhere each removal is an HDEL; here it is one event "hexpired" for the fields removed at a time, then "del" if none
is left. Neither counts as dirty.
"""
from libc.stdint cimport uint64_t

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.effects cimport EV_GENERIC, EV_HASH, effects_keep, effects_key, effects_propagate
from _pyredis.db.expire_batch cimport SAMPLE_BATCHES, Batch, Cycle, batch_fill, cycle_drain, cycle_late
from _pyredis.db.hash_type cimport (HashSpot, hash_first_over, hash_next_expiry, hash_remove, hash_settle)
from _pyredis.db.keyspace cimport Db, Key, Keyspace, keyspace_delete, keyspace_key
from _pyredis.db.value cimport Entry, entry_is_over, entry_key, entry_pointer
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    AT_ONCE = 64                   # fields of one hash between two looks at the clock


cdef size_t field_expire(Keyspace* ks, Db* db, Key key, Entry* e, size_t most) noexcept nogil:
    """Removes up to `most` fields that are over, the earliest first. `key.name` must outlive the command.

    The caller then ends the change with hash_settle.
    """
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice[3] words
    cdef HashSpot at
    cdef Element field
    cdef size_t removed = 0
    words[0] = slice_of(b"HDEL", 4)
    words[1] = key.name
    while removed < most and hash_first_over(ks, e, &at, &field):
        if ks.fx.propagating:
            words[2] = element_slice(&field, digits)
            effects_propagate(&ks.fx, db.id, 3, words, False)
        hash_remove(ks, e, &at)
        removed += 1
    ks.stats.expired_fields += removed
    if removed:
        effects_key(&ks.fx, db.id, key.name, EV_HASH, b"hexpired", 0)
    return removed


cdef bint _is_stale(const Cycle* run, const Entry* e) noexcept nogil:
    """Is a field over, of a key that is not over itself?"""
    return 0 < hash_next_expiry(e) < run.now_ms and not entry_is_over(e, run.now_ms)


cdef bint _expire_hash(Cycle* run, Db* db, Entry* e) noexcept nogil:
    """Removes all that is over in a stale hash, and the hash if nothing is left. False: time was up before."""
    cdef Keyspace* ks = run.ks
    cdef Key key
    cdef bint done = False
    while not done:
        key = keyspace_key(ks, entry_key(e))
        if ks.fx.wanted:
            key.name = effects_keep(&ks.fx, key.name)
        done = field_expire(ks, db, key, e, AT_ONCE) < AT_ONCE
        if hash_settle(ks, db, key, e):
            keyspace_delete(ks, db, key, e)
            effects_key(&ks.fx, db.id, key.name, EV_GENERIC, b"del", 0)
            done = True
        cycle_drain(run)
        if cycle_late(run):
            break
    return done


cdef int _expire_batch(Cycle* run, Db* db, Batch* b, bint* done) noexcept nogil:
    """Sees to the hashes of the batch; how many were stale. `done`: all of them are seen to."""
    cdef int stale = 0, i
    for i in range(b.count):
        PREFETCH(entry_pointer(b.keys[i]))
    done[0] = True
    for i in range(b.count):
        if not _is_stale(run, b.keys[i]):
            continue
        stale += 1
        done[0] = _expire_hash(run, db, b.keys[i])
        if run.late:
            done[0] &= i == b.count - 1
            break
    return stale


cdef void field_expire_cycle(Cycle* run, Db* db) noexcept nogil:
    """Removes stale fields of one database until few of the hashes seen are stale, or time is up."""
    cdef Batch b
    cdef uint64_t before
    cdef int seen = 0, stale = 0, batches = 0
    cdef bint many, done
    while db.timed.used:
        before = db.timed_cursor
        batch_fill(&b, &db.timed, &db.timed_cursor)
        stale += _expire_batch(run, db, &b, &done)
        seen += b.count
        batches += 1
        many = stale * 100 > seen * run.tolerated
        if not done:
            db.timed_cursor = before
        if run.late or cycle_late(run):
            run.more = run.more or many or not done
            break
        if seen >= run.sample or batches == SAMPLE_BATCHES or seen >= <int>db.timed.used:
            if not many:
                break
            seen = stale = batches = 0
    if db.timed.used == 0:
        db.timed_cursor = 0
