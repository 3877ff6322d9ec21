# skiplist -- members in order of (score, member), with their ranks. The story is in skiplist.pyx.
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from _pyredis.base.hash cimport bytes_load32
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice, slice_of

cdef enum:
    SKIPLIST_LEAF = 42             # members of a leaf
    SKIPLIST_HEIGHT = 24           # lanes of the highest tower: enough for 2**24 leaves
    MEMBER_LONG = 255              # in the length byte: a u32 length follows it

cdef struct Member:                # score, length, text: one allocation, of which tables keep the address
    double score
    uint8_t length                 # MEMBER_LONG: the length is the u32 behind this

ctypedef Member* (*MemberSettle)(void* arg, Member* m) noexcept nogil

cdef struct Lane:                  # one level of a tower: a way forward
    Leaf* next                     # the next leaf whose tower is that high; NULL: there is none
    double score                   # of that leaf's first member, so that nobody has to go there to look
    Member* first
    size_t span                    # members from the beginning of this leaf to the beginning of that, or to the end

cdef struct Leaf:
    uint16_t count
    uint16_t height                # lanes of its tower, which follows this struct
    Leaf* prev
    double scores[SKIPLIST_LEAF]   # ascending: a search reads these lines and no member, but among equals
    Member* members[SKIPLIST_LEAF]

cdef struct Skiplist:
    Lane* head                     # the tower that stands before all leaves
    Leaf* last
    size_t length
    size_t leaves
    size_t lanes                   # of all leaves together
    uint64_t random                # state of the generator of heights
    unsigned int height            # lanes of `head`

cdef struct SkiplistPlace:         # a member's place; valid until the next change
    Leaf* leaf                     # NULL: before the first or behind the last
    unsigned int at

# Members. The caller owns them; a list refers to them.
cdef Member* member_new(Arena* mem, Slice text, double score) noexcept nogil
cdef void    member_free(Arena* mem, Member* m) noexcept nogil
cdef const char* member_key_of(const void* entry, size_t* n) noexcept nogil         # the KeyOf of their tables
cdef int     member_compare(const Member* a, const Member* b) noexcept nogil

cdef void   skiplist_init(Skiplist* s) noexcept nogil
# Frees up to `most` leaves of a list that is given up; True: it is empty.
cdef bint   skiplist_drain(Skiplist* s, Arena* mem, size_t most) noexcept nogil
cdef void   skiplist_build(Skiplist* s, Arena* mem, Member** ascending, size_t n) noexcept nogil    # of an empty one

cdef void   skiplist_insert(Skiplist* s, Arena* mem, Member* m) noexcept nogil      # must not be there yet
cdef void   skiplist_remove(Skiplist* s, Arena* mem, Member* m) noexcept nogil      # must be there
cdef void   skiplist_rescore(Skiplist* s, Arena* mem, Member* m, double score) noexcept nogil
# Removes up to `most` members from rank `start` on, at most SKIPLIST_LEAF, into `taken`; how many, at least one.
cdef size_t skiplist_remove_at(Skiplist* s, Arena* mem, size_t start, size_t most, Member** taken) noexcept nogil

cdef size_t skiplist_rank(const Skiplist* s, const Member* m) noexcept nogil        # from 0; m must be there
# How many members stand before that score, or before and at it (`through`); likewise a text, where scores are equal.
cdef size_t skiplist_before_score(const Skiplist* s, double score, bint through) noexcept nogil
cdef size_t skiplist_before_text(const Skiplist* s, Slice text, bint through) noexcept nogil

cdef SkiplistPlace skiplist_at(const Skiplist* s, size_t rank) noexcept nogil
cdef SkiplistPlace skiplist_from_score(const Skiplist* s, double score) noexcept nogil   # the first one not below it
cdef Leaf*  skiplist_leaf_after(const Leaf* leaf) noexcept nogil                    # NULL: it is the last
cdef void   skiplist_next(SkiplistPlace* p) noexcept nogil
cdef void   skiplist_prev(SkiplistPlace* p) noexcept nogil

# Moves leaves and head out of slabs that are to be emptied; `settle` says of each member where it stands from now on.
# From rank `at` on, about `most` members; the rank to go on from, 0 at the end. Any rank is taken.
cdef size_t skiplist_settle(Skiplist* s, Arena* mem, size_t at, size_t most, MemberSettle settle,
                            void* arg) noexcept nogil

cdef size_t skiplist_bytes(const Skiplist* s) noexcept nogil                        # memory, members not counted
cdef int    skiplist_check(const Skiplist* s) noexcept nogil            # 0, or the number of the broken rule


cdef inline Slice member_text(const Member* m) noexcept nogil:
    if m.length != MEMBER_LONG:
        return slice_of(<const char*>&m.length + 1, m.length)
    return slice_of(<const char*>&m.length + 5, bytes_load32(<const char*>&m.length + 1))

cdef inline size_t member_bytes(const Member* m) noexcept nogil:
    """What it was allocated with."""
    return 9 + m.length if m.length != MEMBER_LONG else 13 + <size_t>bytes_load32(<const char*>&m.length + 1)
