"""zset_testing -- a sorted set without commands and connections, for tests and bench only."""
from libc.stdint cimport uint64_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport (Key, Keyspace, keyspace_copy, keyspace_delete, keyspace_free,
                                   keyspace_key, keyspace_memory, keyspace_new, keyspace_reap, keyspace_release)
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport Entry, encoding_name, entry_encoding
from _pyredis.db.zset_type cimport (Ranks, ScoreRange, TextRange, ZBuild, ZIter, zset_add, zset_build, zset_build_add,
                                    zset_build_drop, zset_build_find, zset_build_sort, zset_build_store, zset_check,
                                    zset_create, zset_hash, zset_iter, zset_iter_all, zset_length, zset_next,
                                    zset_rank, zset_ranks_of_scores, zset_ranks_of_texts, zset_remove,
                                    zset_remove_ranks, zset_score, zset_score_hashed)
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.skiplist cimport Member, member_text


cdef Slice _slice(bytes text):
    return slice_of(text, len(text))


cdef bytes _copy(Slice s):
    return s.ptr[:s.len]


cdef list _walk(ZIter* it):
    cdef char[ELEMENT_DIGITS] digits
    cdef Element member
    cdef double score
    cdef list found = []
    while zset_next(it, &member, &score):
        found.append((score, _copy(element_slice(&member, digits))))
    return found


cdef class BareZSet:
    """The sorted set under the one key of a keyspace; `limits`: most members of a listpack, bytes of the longest."""
    cdef Arena* mem
    cdef Keyspace* ks
    cdef Key key
    cdef Entry* e

    def __cinit__(self, limits=(128, 64)):
        cdef uint64_t[2] seed
        seed[0] = seed[1] = 1
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, 1, seed)
        types_bind(self.ks)
        self.ks.limits.zset_max_listpack_entries, self.ks.limits.zset_max_listpack_value = limits
        self.key = keyspace_key(self.ks, slice_of(b"z", 1))
        self.e = zset_create(self.ks, &self.ks.dbs[0], self.key, 0, 0)

    def __dealloc__(self):
        keyspace_free(self.ks)
        arena_free(self.mem)

    def __len__(self):
        return zset_length(self.e)

    def add(self, bytes member, double score, int flags=0):
        """(what became of it, the score it has)"""
        cdef double result
        outcome = zset_add(self.ks, self.e, _slice(member), score, flags, &result)
        return ["added", "changed", "same", "refused", "nan"][<int>outcome], result

    def remove(self, bytes member):
        return zset_remove(self.ks, self.e, _slice(member))

    def remove_ranks(self, size_t start, size_t count):
        cdef Ranks ranks
        ranks.start = start
        ranks.count = count
        zset_remove_ranks(self.ks, self.e, ranks)

    def score(self, bytes member):
        """By both ways to ask, which agree."""
        cdef double score = 0, hashed = 0
        cdef bint found = zset_score(self.ks, self.e, _slice(member), &score)
        assert found == zset_score_hashed(self.e, _slice(member), zset_hash(self.ks, _slice(member)), &hashed)
        assert score == hashed
        return score if found else None

    def rank(self, bytes member):
        cdef size_t rank
        cdef double score
        return rank if zset_rank(self.ks, self.e, _slice(member), &rank, &score) else None

    def ranks_of_scores(self, double low, double high, int flags=0):
        """(first rank, how many)"""
        cdef ScoreRange r
        cdef Ranks found
        r.min, r.max, r.flags = low, high, flags
        found = zset_ranks_of_scores(self.e, &r)
        return found.start, found.count

    def ranks_of_texts(self, bytes low, bytes high, int flags=0, bint reverse=False):
        cdef TextRange r
        cdef Ranks found
        r.min, r.max, r.flags = _slice(low), _slice(high), flags
        found = zset_ranks_of_texts(self.e, &r, reverse)
        return found.start, found.count

    def walk(self, size_t start=0, count=None, bint reverse=False):
        """(score, member) of these ranks."""
        cdef ZIter it
        cdef Ranks ranks
        ranks.start = start
        ranks.count = zset_length(self.e) if count is None else count
        zset_iter(self.e, ranks, reverse, &it)
        return _walk(&it)

    def copied(self):
        """What a copy holds, which is released again."""
        cdef ZIter it
        cdef Entry* copy = keyspace_copy(self.ks, self.e, slice_of(b"copy", 4))
        assert zset_check(self.ks, copy) == 0
        zset_iter_all(copy, &it)
        found = _walk(&it)
        keyspace_release(self.ks, copy)
        while keyspace_reap(self.ks, 7):
            pass
        return found

    def build(self, list pairs, bint indexed):
        """Replaces the set by one built of (score, member) pairs; if `indexed`, equal members' scores are added up."""
        cdef ZBuild b
        cdef Member* m
        cdef uint64_t hash
        zset_build(&b, self.ks, indexed)
        for score, member in pairs:
            hash = zset_hash(self.ks, _slice(member))
            m = zset_build_find(&b, _slice(member), hash) if indexed else NULL
            if m != NULL:
                m.score += score
            else:
                zset_build_add(&b, _slice(member), hash, score)
        keyspace_delete(self.ks, &self.ks.dbs[0], self.key, self.e)
        while keyspace_reap(self.ks, 1000):
            pass
        self.e = zset_build_store(&b, &self.ks.dbs[0], self.key)

    def sorted(self, list pairs):
        """(score, member) pairs as a building sorts them, which is then given up."""
        cdef ZBuild b
        cdef Member** members
        cdef size_t i
        zset_build(&b, self.ks, False)
        for score, member in pairs:
            zset_build_add(&b, _slice(member), 0, score)
        members = zset_build_sort(&b)
        found = [(members[i].score, _copy(member_text(members[i]))) for i in range(b.count)]
        zset_build_drop(&b)
        return found

    def delete(self):
        """The key goes, and with it, in small steps, the set. Nothing may be asked then but `memory_used`."""
        keyspace_delete(self.ks, &self.ks.dbs[0], self.key, self.e)
        steps = 0
        while keyspace_reap(self.ks, 100):
            steps += 1
        return steps

    def memory(self, size_t samples=0):
        """Bytes of key and value, as MEMORY USAGE has them."""
        return keyspace_memory(self.ks, self.e, samples)

    @property
    def form(self):
        return encoding_name(entry_encoding(self.e)).decode()

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that the set (or, plus 1000, the arena) breaks."""
        cdef int broken = zset_check(self.ks, self.e)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken
