"""set_type -- sets, whatever their encoding.

    integers only, at most set-max-intset-entries           an intset                       OBJECT ENCODING: intset
    at most set-max-listpack-entries short members          a listpack                      listpack
    else                                                    a Dict over members             hashtable

    a member of a table:  | n u8 | bytes |      or, of 255 bytes and more,      | 255 | n u32 | bytes |

A set only ever moves down this list, when an addition passes a limit: removing gives no form back, so that
a set at a limit does not go to and fro (SPOP of nearly all makes a new one, as Redis does). The members of a
table are one allocation each, with no more than the length that finding its key and freeing it ask for.

A Set is a value apart from its entry: what its functions change is written back by set_store, and a result
that has no key yet is the same thing. A Member is what is looked for: its text, its number and its hash are
found out when a set first asks, and then known to every other set, because all tables hash alike.

Cost: in a table everything is O(1); in the others O(n), n being small. Where many members are looked for,
set_prefetch asks for the memory of a group at once: of a table larger than the caches that is most of it.

Rules checked by set_check: 1..2 the intset's; 11.. the listpack's, plus 10; 21.. the table's, plus 20;
40 empty; 41 a member twice; 42 a number above the limits that its form allows.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from _pyredis.base.hash cimport bytes_load32, hash_siphash13
from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free, mem_settled
from _pyredis.base.num cimport num_length_i64
from _pyredis.base.rand cimport Rand, rand_below
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport Keyspace, keyspace_make
from _pyredis.db.value cimport (ENC_HASHTABLE, ENC_INTSET, ENC_LISTPACK, Encoding, Entry, T_SET, TypeOps,
                                entry_encoding, entry_set_pointer)
from _pyredis.ds.dict cimport (Dict, DictIter, Place, dict_bytes, dict_check, dict_drain, dict_find, dict_find_entry,
                               dict_free, dict_init, dict_insert, dict_iter, dict_next, dict_prefetch_bucket,
                               dict_prefetch_entries, dict_random, dict_remove, dict_reserve, dict_settle,
                               dict_settle_part)
from _pyredis.ds.element cimport Element, element_int, element_text
from _pyredis.ds.intset cimport (IntSet, intset_add, intset_bytes, intset_check, intset_copy, intset_find, intset_free,
                                 intset_get, intset_new, intset_remove)
from _pyredis.ds.listpack cimport (LISTPACK_LARGEST, listpack_append, listpack_append_i64, listpack_at, listpack_bytes,
                                   listpack_check, listpack_copy, listpack_delete, listpack_find, listpack_first,
                                   listpack_free, listpack_get, listpack_length, listpack_new, listpack_next)

cdef extern from *:
    """
    static inline void set_store_u32(void* p, uint32_t v) { memcpy(p, &v, 4); }
    """
    void set_store_u32(void* p, uint32_t v) noexcept nogil

cdef enum:
    LONG_MEMBER = 255              # the length byte that says: a u32 length follows
    LARGEST_INTSET = 1 << 30       # elements, whatever the configuration says
    KEEP_PART = 5                  # SPOP: a set of which less than a fifth of what goes stays is made anew
    WALK_PART = 8                  # SPOP: above this part of a table, choosing on a walk is cheaper than drawing


# ---------------------------------------------------------------- members of a table

cdef inline size_t _member_size(const void* member) noexcept nogil:
    cdef size_t n = (<const uint8_t*>member)[0]
    return 1 + n if n < LONG_MEMBER else 5 + <size_t>bytes_load32(<const char*>member + 1)


cdef const char* _member_key(const void* member, size_t* n) noexcept nogil:
    """The KeyOf of the tables."""
    cdef const char* p = <const char*>member
    n[0] = <uint8_t>p[0]
    if n[0] < LONG_MEMBER:
        return p + 1
    n[0] = bytes_load32(p + 1)
    return p + 5


cdef inline Element _member_element(const void* member) noexcept nogil:
    cdef size_t n
    cdef const char* p = _member_key(member, &n)
    return element_text(p, n)


cdef char* _member_new(Arena* mem, Slice text) noexcept nogil:
    cdef char* p
    if text.len < LONG_MEMBER:
        p = <char*>mem_alloc(mem, 1 + text.len)
        p[0] = <char>text.len
        memcpy(p + 1, text.ptr, text.len)
    else:
        p = <char*>mem_alloc(mem, 5 + text.len)
        p[0] = <char>LONG_MEMBER
        set_store_u32(p + 1, <uint32_t>text.len)
        memcpy(p + 5, text.ptr, text.len)
    return p


cdef inline void _member_free(Arena* mem, void* member) noexcept nogil:
    mem_free(mem, member, _member_size(member))


cdef void _free_visit(void* mem, void* member) noexcept nogil:
    _member_free(<Arena*>mem, member)


# ---------------------------------------------------------------- forms

cdef inline IntSet* _ints(Set s) noexcept nogil:
    return <IntSet*>s.block


cdef inline uint8_t* _pack(Set s) noexcept nogil:
    return <uint8_t*>s.block


cdef inline Dict* _table(Set s) noexcept nogil:
    return <Dict*>s.block


cdef inline Set _set(Encoding form, void* block) noexcept nogil:
    cdef Set s
    s.form = form
    s.block = block
    return s


cdef Set set_new_numbers(Keyspace* ks) noexcept nogil:
    """Empty, in the form that every result of a computation starts with."""
    return _set(ENC_INTSET, intset_new(ks.mem))


cdef Set set_new_listpack(Keyspace* ks) noexcept nogil:
    return _set(ENC_LISTPACK, listpack_new(ks.mem))


cdef Set set_new_table(Keyspace* ks, size_t expected) noexcept nogil:
    cdef Dict* d = <Dict*>mem_alloc(ks.mem, sizeof(Dict))
    dict_init(d, &ks.members[<int>T_SET])
    dict_reserve(d, expected)
    return _set(ENC_HASHTABLE, d)


cdef Entry* set_make(Keyspace* ks, Slice name, Set s) noexcept nogil:
    """An entry in no table that has the set from now on."""
    return keyspace_make(ks, name, T_SET, s.form, s.block)


cdef Set set_of_numbers(Keyspace* ks, IntSet* s) noexcept nogil:
    """The set of an intset that came as it is; a larger one than is allowed becomes a table."""
    cdef Set made = _set(ENC_INTSET, s)
    if s.length > _most_ints(ks):
        _change(ks, &made, ENC_HASHTABLE, 0)
    return made


cdef Set set_of_listpack(Keyspace* ks, uint8_t* lp) noexcept nogil:
    """The set of a listpack that came as it is, no member twice; one of too many members becomes a table."""
    cdef Set made = _set(ENC_LISTPACK, lp)
    if listpack_length(lp) > ks.limits.set_max_listpack_entries:
        _change(ks, &made, ENC_HASHTABLE, 0)
    return made


cdef inline size_t _most_ints(const Keyspace* ks) noexcept nogil:
    return min(ks.limits.set_max_intset_entries, <size_t>LARGEST_INTSET)


cdef size_t set_compact_most(const Keyspace* ks) noexcept nogil:
    """A set of more members than this is a table, whatever they are."""
    return max(_most_ints(ks), ks.limits.set_max_listpack_entries)


cdef Set set_new(Keyspace* ks, Member* first, size_t expected) noexcept nogil:
    """Empty, in the form that suits so many members (or so many words of a request) if all are like `first`."""
    cdef int64_t v
    if expected <= ks.limits.set_max_intset_entries and member_number(first, &v):
        return set_new_numbers(ks)
    if expected <= ks.limits.set_max_listpack_entries:
        return set_new_listpack(ks)
    return set_new_table(ks, expected)


cdef bint _free_value(Arena* mem, Encoding form, void* block, size_t most) noexcept nogil:
    cdef Dict* d
    if form == ENC_INTSET:
        intset_free(mem, <IntSet*>block)
    elif form == ENC_LISTPACK:
        listpack_free(mem, <uint8_t*>block)
    else:
        d = <Dict*>block
        dict_drain(d, most, _free_visit, mem)
        if d.used:
            return False
        dict_free(d)
        mem_free(mem, d, sizeof(Dict))
    return True


cdef void set_free(Keyspace* ks, Set s) noexcept nogil:
    """All of it, now."""
    while not _free_value(ks.mem, s.form, s.block, 1 << 30):
        pass


cdef Dict* _copy_table(Arena* mem, const Dict* from_) noexcept nogil:
    cdef Dict* d = <Dict*>mem_alloc(mem, sizeof(Dict))
    cdef DictIter it
    cdef void* member
    cdef size_t n
    cdef char* twin
    cdef const char* key
    dict_init(d, from_.type)
    dict_reserve(d, from_.used)
    dict_iter(from_, &it)
    while True:
        member = dict_next(&it)
        if member == NULL:
            return d
        n = _member_size(member)
        twin = <char*>mem_alloc(mem, n)
        memcpy(twin, member, n)
        key = _member_key(twin, &n)
        dict_insert(d, twin, hash_siphash13(key, n, d.type.seed))


cdef void* _copy_value(Arena* mem, const Entry* e) noexcept nogil:
    cdef Set s = set_of(e)
    if s.form == ENC_INTSET:
        return intset_copy(mem, _ints(s))
    if s.form == ENC_LISTPACK:
        return listpack_copy(mem, _pack(s))
    return _copy_table(mem, _table(s))


cdef size_t _memory(const Entry* e, size_t samples) noexcept nogil:
    """Of a table: what `samples` members weigh stands for all; 0: each is weighed."""
    cdef Set s = set_of(e)
    cdef DictIter it
    cdef void* member
    cdef size_t seen = 0, bytes = 0
    if s.form == ENC_INTSET:
        return mem_footprint(intset_bytes(_ints(s)))
    if s.form == ENC_LISTPACK:
        return mem_footprint(listpack_bytes(_pack(s)))
    dict_iter(_table(s), &it)
    while samples == 0 or seen < samples:
        member = dict_next(&it)
        if member == NULL:
            break
        bytes += mem_footprint(_member_size(member))
        seen += 1
    if seen:
        bytes = <size_t>(<double>bytes / seen * _table(s).used)
    return mem_footprint(sizeof(Dict)) + dict_bytes(_table(s)) + bytes


cdef size_t _effort(const Entry* e) noexcept nogil:
    return _table(set_of(e)).used if entry_encoding(e) == ENC_HASHTABLE else 1


cdef void* _settle_member(void* mem, void* member) noexcept nogil:
    return mem_settled(<Arena*>mem, member, _member_size(member))


cdef bint _settle(Arena* mem, Entry* e, uint64_t* at, size_t most) noexcept nogil:
    cdef Set s = set_of(e)
    if s.form == ENC_INTSET:
        entry_set_pointer(e, mem_settled(mem, s.block, intset_bytes(_ints(s))))
    elif s.form == ENC_LISTPACK:
        entry_set_pointer(e, mem_settled(mem, s.block, listpack_bytes(_pack(s))))
    else:
        if at[0] == 0:
            s.block = mem_settled(mem, s.block, sizeof(Dict))
            entry_set_pointer(e, s.block)
            dict_settle(_table(s))
        return dict_settle_part(_table(s), at, most, _settle_member, mem)
    return True


cdef TypeOps _OPS
_OPS.free_value = _free_value
_OPS.copy_value = _copy_value
_OPS.memory = _memory
_OPS.effort = _effort
_OPS.settle = _settle


cdef void set_bind(Keyspace* ks) noexcept nogil:
    ks.ops[<int>T_SET] = &_OPS
    ks.members[<int>T_SET].key_of = _member_key


# ---------------------------------------------------------------- asking

cdef const Dict* set_table(Set s) noexcept nogil:
    return _table(s) if s.form == ENC_HASHTABLE else NULL


cdef Slice set_table_member(const void* entry) noexcept nogil:
    cdef size_t n
    cdef const char* key = _member_key(entry, &n)
    return slice_of(key, n)


cdef size_t set_length(Set s) noexcept nogil:
    if s.form == ENC_HASHTABLE:
        return _table(s).used
    return _ints(s).length if s.form == ENC_INTSET else listpack_length(_pack(s))


cdef inline uint8_t* _pack_find(Set s, Member* m) noexcept nogil:
    return listpack_find(_pack(s), listpack_first(_pack(s)), member_text(m), 0)


cdef inline void* _table_find(const Keyspace* ks, Set s, Member* m, Place* at) noexcept nogil:
    cdef Slice text = member_text(m)
    return dict_find(_table(s), text.ptr, text.len, member_hash(ks, m), at)


cdef bint set_has(const Keyspace* ks, Set s, Member* m) noexcept nogil:
    cdef int64_t v
    if s.form == ENC_HASHTABLE:
        return _table_find(ks, s, m, NULL) != NULL
    if s.form == ENC_INTSET:
        return member_number(m, &v) and intset_find(_ints(s), v, NULL)
    return _pack_find(s, m) != NULL


cdef void set_prefetch(const Keyspace* ks, Set s, Member* group, int n) noexcept nogil:
    """Brings near what looking for the n members of a group will read: first every bucket, then the entries."""
    cdef int i
    if s.form != ENC_HASHTABLE:
        return
    for i in range(n):
        dict_prefetch_bucket(_table(s), member_hash(ks, &group[i]))
    for i in range(n):
        dict_prefetch_entries(_table(s), group[i].hash)


cdef void set_iter(Set s, SetIter* it) noexcept nogil:
    it.set = s
    if s.form == ENC_HASHTABLE:
        dict_iter(_table(s), &it.table)
    elif s.form == ENC_INTSET:
        it.index = 0
    else:
        it.at = listpack_first(_pack(s))


cdef bint set_next(SetIter* it, Element* member) noexcept nogil:
    """The next member of the walk; False: that was all."""
    cdef void* found
    if it.set.form == ENC_HASHTABLE:
        found = dict_next(&it.table)
        if found == NULL:
            return False
        member[0] = _member_element(found)
    elif it.set.form == ENC_INTSET:
        if it.index == _ints(it.set).length:
            return False
        member[0] = element_int(intset_get(_ints(it.set), it.index))
        it.index += 1
    else:
        if it.at == NULL:
            return False
        member[0] = listpack_get(it.at)
        it.at = listpack_next(_pack(it.set), it.at)
    return True


cdef Slice set_image(Set s) noexcept nogil:
    """An intset. RDB has listpacks of sets, too, but only since version 11."""
    if s.form != ENC_INTSET:
        return slice_of(NULL, 0)
    return slice_of(<const char*>s.block, intset_bytes(_ints(s)))


cdef bint set_draws(Set s) noexcept nogil:
    """Does a draw cost the same whatever the length? Of a listpack it is a walk."""
    return s.form != ENC_LISTPACK


cdef void set_draw(Set s, Rand* rand, SetSpot* spot) noexcept nogil:
    """A member, each as likely as any other."""
    if s.form == ENC_HASHTABLE:
        spot.entry = dict_random(_table(s), rand)
        spot.member = _member_element(spot.entry)
    elif s.form == ENC_INTSET:
        spot.index = <uint32_t>rand_below(rand, _ints(s).length)
        spot.member = element_int(intset_get(_ints(s), spot.index))
    else:
        spot.at = listpack_at(_pack(s), <int64_t>rand_below(rand, listpack_length(_pack(s))))
        spot.member = listpack_get(spot.at)


# ---------------------------------------------------------------- changing form

cdef void _append(Keyspace* ks, Set* s, Member* m) noexcept nogil:
    """Adds a member that is absent to a listpack that has room for it."""
    if m.knows & MEMBER_NUMBER:
        s.block = listpack_append_i64(ks.mem, _pack(s[0]), m.number)
    else:
        s.block = listpack_append(ks.mem, _pack(s[0]), member_text(m))


cdef inline void _insert(Keyspace* ks, Set s, Member* m) noexcept nogil:
    """Adds a member that is absent to a table."""
    dict_insert(_table(s), _member_new(ks.mem, member_text(m)), member_hash(ks, m))


cdef void _change(Keyspace* ks, Set* s, Encoding form, size_t expected) noexcept nogil:
    """Another form; of a table, with room for `expected` members."""
    cdef Set other
    cdef SetIter it
    cdef Element e
    cdef Member m
    cdef bint added
    if form == ENC_HASHTABLE:
        other = set_new_table(ks, max(expected, set_length(s[0])))
    else:
        other = set_new_listpack(ks) if form == ENC_LISTPACK else set_new_numbers(ks)
    set_iter(s[0], &it)
    while set_next(&it, &e):
        member_of(&m, &e)
        if form == ENC_HASHTABLE:
            _insert(ks, other, &m)
        elif form == ENC_LISTPACK:
            _append(ks, &other, &m)
        elif member_number(&m, &e.number):
            other.block = intset_add(ks.mem, _ints(other), e.number, &added)
    set_free(ks, s[0])
    s[0] = other


cdef inline bint _pack_takes(Keyspace* ks, size_t length, size_t bytes, size_t longest) noexcept nogil:
    """May a listpack have one member more?"""
    return (length < ks.limits.set_max_listpack_entries and longest <= ks.limits.set_max_listpack_value
            and bytes + longest + 16 <= <size_t>LISTPACK_LARGEST)


cdef void _leave_numbers(Keyspace* ks, Set* s, size_t coming) noexcept nogil:
    """From an intset to the form for one more member, of `coming` bytes, that is no number."""
    cdef uint32_t n = _ints(s[0]).length
    cdef size_t longest = 0
    if n:
        longest = max(num_length_i64(intset_get(_ints(s[0]), 0)), num_length_i64(intset_get(_ints(s[0]), n - 1)))
    longest = max(longest, coming)
    _change(ks, s, ENC_LISTPACK if _pack_takes(ks, n, n * longest, longest) else ENC_HASHTABLE, n + 1)


cdef void set_expect(Keyspace* ks, Set* s, size_t more) noexcept nogil:
    """Before a request that names `more` members: if these alone would pass the limit, the table comes now."""
    if (s.form == ENC_LISTPACK and more > ks.limits.set_max_listpack_entries
            or s.form == ENC_INTSET and more > ks.limits.set_max_intset_entries):
        _change(ks, s, ENC_HASHTABLE, more)


cdef void set_compact(Keyspace* ks, Set* s) noexcept nogil:
    """Of integers only, as the caller knows: an intset, if not too many."""
    if s.form != ENC_INTSET and set_length(s[0]) <= _most_ints(ks):
        _change(ks, s, ENC_INTSET, 0)


# ---------------------------------------------------------------- changing

cdef bint set_add(Keyspace* ks, Set* s, Member* m) noexcept nogil:
    """Is the member new?"""
    if s.form != ENC_INTSET and set_has(ks, s[0], m):
        return False
    return set_add_absent(ks, s, m)


cdef bint set_add_absent(Keyspace* ks, Set* s, Member* m) noexcept nogil:
    """Adds what the caller knows to be no member (of an intset it may be: False then)."""
    cdef int64_t v
    cdef bint added
    cdef size_t n
    if s.form == ENC_INTSET:
        if member_number(m, &v):
            s.block = intset_add(ks.mem, _ints(s[0]), v, &added)
            if added and _ints(s[0]).length > _most_ints(ks):
                _change(ks, s, ENC_HASHTABLE, 0)
            return added
        _leave_numbers(ks, s, member_text(m).len)
    elif s.form == ENC_LISTPACK:
        n = listpack_length(_pack(s[0]))
        if not _pack_takes(ks, n, listpack_bytes(_pack(s[0])), member_text(m).len):
            _change(ks, s, ENC_HASHTABLE, n + 1)
    if s.form == ENC_LISTPACK:
        _append(ks, s, m)
    else:
        _insert(ks, s[0], m)
    return True


cdef bint set_remove(Keyspace* ks, Set* s, Member* m) noexcept nogil:
    """Was it a member?"""
    cdef int64_t v
    cdef bint removed
    cdef uint8_t* at
    cdef void* member
    cdef Place place
    if s.form == ENC_HASHTABLE:
        member = _table_find(ks, s[0], m, &place)
        if member != NULL:
            dict_remove(_table(s[0]), place, member_hash(ks, m))
            _member_free(ks.mem, member)
        return member != NULL
    if s.form == ENC_INTSET:
        if not member_number(m, &v):
            return False
        s.block = intset_remove(ks.mem, _ints(s[0]), v, &removed)
        return removed
    at = _pack_find(s[0], m)
    if at != NULL:
        s.block = listpack_delete(ks.mem, _pack(s[0]), at, 1, NULL)
    return at != NULL


cdef void _remove_entry(Keyspace* ks, Set s, void* member) noexcept nogil:
    cdef size_t n
    cdef const char* key = _member_key(member, &n)
    cdef uint64_t hash = hash_siphash13(key, n, _table(s).type.seed)
    cdef Place place
    if dict_find_entry(_table(s), member, hash, &place):
        dict_remove(_table(s), place, hash)
    _member_free(ks.mem, member)


cdef void set_remove_spot(Keyspace* ks, Set* s, SetSpot* spot) noexcept nogil:
    """Removes the member that set_draw found."""
    cdef bint removed
    if s.form == ENC_HASHTABLE:
        _remove_entry(ks, s[0], spot.entry)
    elif s.form == ENC_INTSET:
        s.block = intset_remove(ks.mem, _ints(s[0]), spot.member.number, &removed)
    else:
        s.block = listpack_delete(ks.mem, _pack(s[0]), spot.at, 1, NULL)


# ---------------------------------------------------------------- taking many at random

cdef void _pop_most(Keyspace* ks, Set* s, size_t left, SetTaken take, void* arg) noexcept nogil:
    """All but `left` members go. Those that stay make a new set, starting compact, as in Redis."""
    cdef Set kept
    cdef SetIter it
    cdef Element e
    cdef Member m
    cdef size_t ahead = set_length(s[0])
    if s.form == ENC_INTSET:
        kept = set_new_numbers(ks)
    elif left <= ks.limits.set_max_listpack_entries:
        kept = set_new_listpack(ks)
    else:
        kept = set_new_table(ks, left)
    set_iter(s[0], &it)
    while set_next(&it, &e):
        if rand_below(&ks.rand, ahead) < left:     # selection sampling (Knuth, algorithm S): each subset equally likely
            member_of(&m, &e)
            set_add_absent(ks, &kept, &m)
            left -= 1
        else:
            take(arg, &e)
        ahead -= 1
    set_free(ks, s[0])
    s[0] = kept


cdef void _pop_walked(Keyspace* ks, Set s, size_t count, SetTaken take, void* arg) noexcept nogil:
    """Of a table: first chooses all on a walk, then removes them."""
    cdef void** chosen = <void**>mem_alloc(ks.mem, count * sizeof(void*))
    cdef size_t got = 0, ahead = _table(s).used, i
    cdef DictIter it
    cdef void* member
    cdef Element e
    dict_iter(_table(s), &it)
    while got < count:
        member = dict_next(&it)
        if rand_below(&ks.rand, ahead) < count - got:
            chosen[got] = member
            got += 1
        ahead -= 1
    for i in range(count):
        e = _member_element(chosen[i])
        take(arg, &e)
        _remove_entry(ks, s, chosen[i])
    mem_free(ks.mem, chosen, count * sizeof(void*))


cdef void set_pop(Keyspace* ks, Set* s, size_t count, SetTaken take, void* arg) noexcept nogil:
    """Takes `count` members, less than all, out at random; each is shown to `take` before it goes."""
    cdef size_t length = set_length(s[0]), i
    cdef SetSpot spot
    if (length - count) * KEEP_PART <= count and s.form != ENC_LISTPACK:
        _pop_most(ks, s, length - count, take, arg)
    elif s.form == ENC_HASHTABLE and count > length // WALK_PART:
        _pop_walked(ks, s[0], count, take, arg)
    else:
        for i in range(count):
            set_draw(s[0], &ks.rand, &spot)
            take(arg, &spot.member)
            set_remove_spot(ks, s, &spot)


# ---------------------------------------------------------------- checking

cdef int set_check(const Keyspace* ks, Set s) noexcept nogil:
    """By the limits as they are: a set made under others may rightly pass them."""
    cdef SetIter it
    cdef Element e
    cdef Member m
    cdef uint8_t* at
    cdef int broken
    if set_length(s) == 0:
        return 40
    if s.form == ENC_INTSET:
        broken = intset_check(_ints(s))
        return broken if broken else 42 if _ints(s).length > ks.limits.set_max_intset_entries else 0
    if s.form == ENC_HASHTABLE:
        broken = dict_check(_table(s))
        return 20 + broken if broken else 0
    broken = listpack_check(_pack(s))
    if broken:
        return 10 + broken
    if listpack_length(_pack(s)) > ks.limits.set_max_listpack_entries:
        return 42
    at = listpack_first(_pack(s))
    while at != NULL:
        e = listpack_get(at)
        member_of(&m, &e)
        if _pack_find(s, &m) != at:
            return 41
        at = listpack_next(_pack(s), at)
    return 0
