# set_type -- sets, whatever their encoding. The story is in set_type.pyx.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from _pyredis.base.hash cimport hash_siphash13
from _pyredis.base.num cimport num_format_i64, num_parse_i64
from _pyredis.base.rand cimport Rand
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.db.value cimport (Encoding, Entry, T_SET, entry_encoding, entry_pointer, entry_set_kind,
                                entry_set_pointer)
from _pyredis.ds.dict cimport Dict, DictIter
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element
from _pyredis.ds.intset cimport IntSet

cdef struct Set:                   # a value: of an entry, or of none yet
    Encoding form
    void* block

cdef enum MemberKnows:
    MEMBER_TEXT = 1
    MEMBER_HASH = 2
    MEMBER_NUMBER = 4
    MEMBER_NO_NUMBER = 8

cdef struct Member:                # what is looked for or added, with all that sets ask of it: each found out once
    const char* ptr                # NULL: the text is in `digits`
    size_t len
    int64_t number
    uint64_t hash
    uint8_t knows
    char[ELEMENT_DIGITS] digits

cdef enum:
    SET_GROUP = 32                 # members whose memory is asked for at a time

cdef struct SetIter:               # a walk over a set that nobody changes meanwhile
    Set set
    DictIter table
    const uint8_t* at
    uint32_t index

cdef struct SetSpot:               # a member and where it stands, until the next write
    Element member
    uint8_t* at
    uint32_t index
    void* entry

ctypedef void (*SetTaken)(void* arg, const Element* member) noexcept nogil

cdef void   set_bind(Keyspace* ks) noexcept nogil

# Making one, for `expected` members of which `first` comes first; freeing one that no entry points to.
cdef Set    set_new(Keyspace* ks, Member* first, size_t expected) noexcept nogil
cdef Set    set_new_numbers(Keyspace* ks) noexcept nogil
cdef Set    set_new_table(Keyspace* ks, size_t expected) noexcept nogil
cdef Set    set_new_listpack(Keyspace* ks) noexcept nogil
cdef Set    set_of_numbers(Keyspace* ks, IntSet* s) noexcept nogil
cdef Set    set_of_listpack(Keyspace* ks, uint8_t* lp) noexcept nogil
cdef Entry* set_make(Keyspace* ks, Slice name, Set s) noexcept nogil       # takes it; in no table
cdef size_t set_compact_most(const Keyspace* ks) noexcept nogil
cdef void   set_free(Keyspace* ks, Set s) noexcept nogil

# Its table and the members in it, for SSCAN; NULL in another form.
cdef const Dict* set_table(Set s) noexcept nogil
cdef Slice  set_table_member(const void* entry) noexcept nogil

# The bytes that RDB has of it, too; ptr NULL: it is saved member by member.
cdef Slice  set_image(Set s) noexcept nogil

# Asking.
cdef size_t set_length(Set s) noexcept nogil
cdef bint   set_has(const Keyspace* ks, Set s, Member* m) noexcept nogil
cdef void   set_prefetch(const Keyspace* ks, Set s, Member* group, int n) noexcept nogil
cdef void   set_iter(Set s, SetIter* it) noexcept nogil
cdef bint   set_next(SetIter* it, Element* member) noexcept nogil
cdef bint   set_draws(Set s) noexcept nogil                                # does set_draw cost O(1)?
cdef void   set_draw(Set s, Rand* rand, SetSpot* spot) noexcept nogil      # each member equally likely; not empty

# Changing. `s` may get another form: set_store puts it back into its entry.
cdef void   set_expect(Keyspace* ks, Set* s, size_t more) noexcept nogil
cdef bint   set_add(Keyspace* ks, Set* s, Member* m) noexcept nogil
cdef bint   set_add_absent(Keyspace* ks, Set* s, Member* m) noexcept nogil
cdef bint   set_remove(Keyspace* ks, Set* s, Member* m) noexcept nogil
cdef void   set_remove_spot(Keyspace* ks, Set* s, SetSpot* spot) noexcept nogil
cdef void   set_pop(Keyspace* ks, Set* s, size_t count, SetTaken take, void* arg) noexcept nogil
cdef void   set_compact(Keyspace* ks, Set* s) noexcept nogil

cdef int    set_check(const Keyspace* ks, Set s) noexcept nogil            # 0, or number of the broken rule


cdef inline Set set_of(const Entry* e) noexcept nogil:
    cdef Set s
    s.form = entry_encoding(e)
    s.block = entry_pointer(e)
    return s

cdef inline void set_store(Entry* e, Set s) noexcept nogil:
    entry_set_pointer(e, s.block)
    if entry_encoding(e) != s.form:
        entry_set_kind(e, T_SET, s.form)

cdef inline void member_of_text(Member* m, Slice text) noexcept nogil:
    m.ptr = text.ptr
    m.len = text.len
    m.knows = MEMBER_TEXT

cdef inline void member_of(Member* m, const Element* e) noexcept nogil:
    m.ptr = e.ptr
    m.len = e.len
    m.number = e.number
    m.knows = MEMBER_TEXT if e.ptr != NULL else MEMBER_NUMBER

cdef inline Slice member_text(Member* m) noexcept nogil:
    if not m.knows & MEMBER_TEXT:
        m.len = num_format_i64(m.number, m.digits)
        m.knows |= MEMBER_TEXT
    return slice_of(m.ptr if m.ptr != NULL else m.digits, m.len)

cdef inline bint member_number(Member* m, int64_t* v) noexcept nogil:
    """The member as an integer, if it is one in canonical form."""
    if not m.knows & (MEMBER_NUMBER | MEMBER_NO_NUMBER):
        m.knows |= MEMBER_NUMBER if num_parse_i64(m.ptr, m.len, &m.number) else MEMBER_NO_NUMBER
    v[0] = m.number
    return (m.knows & MEMBER_NUMBER) != 0

cdef inline uint64_t member_hash(const Keyspace* ks, Member* m) noexcept nogil:
    """Its hash in the table of any collection."""
    cdef Slice text
    if not m.knows & MEMBER_HASH:
        text = member_text(m)
        m.hash = hash_siphash13(text.ptr, text.len, ks.members[<int>T_SET].seed)
        m.knows |= MEMBER_HASH
    return m.hash
