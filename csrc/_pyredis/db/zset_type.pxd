# zset_type -- sorted sets, whatever their encoding. The story is in zset_type.pyx.
#
# Members are ordered by (score, member); a rank counts from 0 in that order. An entry never moves through these, and
# its set may become empty: the command then deletes the key.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Db, Key, Keyspace
from _pyredis.db.value cimport Entry
from _pyredis.ds.dict cimport Dict
from _pyredis.ds.element cimport Element
from _pyredis.ds.skiplist cimport Leaf, Member, Skiplist, SkiplistPlace

cdef enum ZAddFlag:                # the conditions of ZADD
    ZADD_NX = 1
    ZADD_XX = 2
    ZADD_GT = 4
    ZADD_LT = 8
    ZADD_INCR = 16

cdef enum ZAddOutcome:
    ZADD_ADDED = 0                 # a new member
    ZADD_CHANGED                   # another score
    ZADD_SAME                      # had that score already
    ZADD_REFUSED                   # by a condition
    ZADD_NAN                       # the sum is no number; nothing is changed

cdef enum RangeFlag:
    RANGE_MIN_OPEN = 1             # the limit itself is outside
    RANGE_MAX_OPEN = 2
    RANGE_MIN_LOWEST = 4           # of text: "-", below every member
    RANGE_MIN_HIGHEST = 8          # "+", above every member
    RANGE_MAX_LOWEST = 16
    RANGE_MAX_HIGHEST = 32

cdef struct ScoreRange:
    double min
    double max
    int flags                      # RANGE_MIN_OPEN, RANGE_MAX_OPEN

cdef struct TextRange:             # of members, where all have the same score
    Slice min
    Slice max
    int flags

cdef struct Ranks:                 # members start .. start + count - 1
    size_t start
    size_t count

cdef struct ZSet:                  # the block of the skiplist form
    Skiplist order
    Dict table                     # of Member

cdef struct ZIter:                 # a walk in order; nobody changes the set meanwhile
    const Entry* entry
    SkiplistPlace place
    const uint8_t* lp
    const uint8_t* at
    size_t left
    bint reverse

cdef struct ZScores:               # a walk by scores that looks at no member; nobody changes the set meanwhile
    const Leaf* leaf
    unsigned int at
    const uint8_t* lp
    const uint8_t* p
    double end

cdef struct ZBuild:                # a set in the making, of members in any order
    Keyspace* ks
    Dict table                     # only of an indexed one
    bint indexed
    Member** members
    size_t count
    size_t capacity
    size_t longest                 # text, in bytes
    size_t text_bytes

cdef void   zset_bind(Keyspace* ks) noexcept nogil

# Making and changing. `entries`: how many are about to come; `longest`: bytes of the longest among them.
cdef Entry* zset_create(Keyspace* ks, Db* db, Key key, size_t entries, size_t longest) noexcept nogil
cdef void   zset_expect(Keyspace* ks, Entry* e, size_t entries) noexcept nogil
cdef ZAddOutcome zset_add(Keyspace* ks, Entry* e, Slice member, double score, int flags, double* result) noexcept nogil
cdef bint   zset_remove(Keyspace* ks, Entry* e, Slice member) noexcept nogil
cdef void   zset_remove_ranks(Keyspace* ks, Entry* e, Ranks ranks) noexcept nogil

# Asking for a member. `hash` is zset_hash of it, for who asks several sets.
cdef size_t zset_length(const Entry* e) noexcept nogil
cdef uint64_t zset_hash(const Keyspace* ks, Slice member) noexcept nogil
cdef bint   zset_score(const Keyspace* ks, const Entry* e, Slice member, double* score) noexcept nogil
cdef bint   zset_score_hashed(const Entry* e, Slice member, uint64_t hash, double* score) noexcept nogil
cdef bint   zset_rank(const Keyspace* ks, const Entry* e, Slice member, size_t* rank, double* score) noexcept nogil

# Ranges. `reverse`: found from the end; of texts under unequal scores Redis then sees another range.
cdef Ranks  zset_ranks_of_scores(const Entry* e, const ScoreRange* r) noexcept nogil
cdef Ranks  zset_ranks_of_texts(const Entry* e, const TextRange* r, bint reverse) noexcept nogil
# What a LIMIT leaves of a range that is walked in this direction; a negative limit: all.
cdef Ranks  zset_limit(const Entry* e, Ranks found, int64_t offset, int64_t limit, bint reverse) noexcept nogil
# A walk over these ranks; reversed, from the last of them to the first.
cdef void   zset_iter(const Entry* e, Ranks ranks, bint reverse, ZIter* it) noexcept nogil
cdef bint   zset_next(ZIter* it, Element* member, double* score) noexcept nogil
cdef void   zset_iter_all(const Entry* e, ZIter* it) noexcept nogil                # all, in order
# A walk over the scores from `start` to below `end`: for who decides by the score which members to look at. `member`
# stands for one until the set changes; zset_member gives it.
cdef void   zset_scores(const Entry* e, double start, double end, ZScores* it) noexcept nogil
cdef bint   zset_next_score(ZScores* it, double* score, const void** member) noexcept nogil
cdef Element zset_member(const Entry* e, const void* member) noexcept nogil

# The bytes that RDB has of it, too; ptr NULL: it is saved member by member.
cdef Slice  zset_image(const Entry* e) noexcept nogil
cdef void   zset_iter_back(const Entry* e, ZIter* it) noexcept nogil               # all, from the last to the first

# For ZSCAN: the table, whose entries are Members; NULL for a form without one.
cdef const Dict* zset_table(const Entry* e) noexcept nogil

# Building a whole set (ZUNIONSTORE, ZRANGESTORE). Indexed: a member can be found again, and its score changed; if not,
# nobody looks at the hashes.
cdef void   zset_build(ZBuild* b, Keyspace* ks, bint indexed) noexcept nogil
cdef Member* zset_build_find(ZBuild* b, Slice member, uint64_t hash) noexcept nogil          # NULL: not there
cdef void   zset_build_add(ZBuild* b, Slice member, uint64_t hash, double score) noexcept nogil     # absent
cdef Member** zset_build_sort(ZBuild* b) noexcept nogil                                      # b.count of them, in order
cdef void   zset_build_drop(ZBuild* b) noexcept nogil               # given up, or read and done
# The set as the value of `key`, in whatever form its size asks for; b.count is not 0. The key must be absent.
cdef Entry* zset_build_store(ZBuild* b, Db* db, Key key) noexcept nogil
cdef Entry* zset_build_make(ZBuild* b, Slice name) noexcept nogil            # likewise, in no table
# A set in no table of pairs that came as they are: sound, in order, no member twice.
cdef Entry* zset_of_listpack(Keyspace* ks, Slice name, uint8_t* lp) noexcept nogil

cdef int    zset_check(const Keyspace* ks, const Entry* e) noexcept nogil          # 0, or the number of the broken rule
