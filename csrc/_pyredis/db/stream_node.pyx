"""stream_node -- entries of a stream in a listpack, as Redis lays them out, so that RDB and DUMP are block copies.

A node has a master ID, which stands outside (the key of the stream's index), and begins with a master entry:

    count | deleted | fields N | name 1 | ... | name N | 0 |
    entries, oldest first, each:
    flags | ms - master's | seq - master's | name 1 | ... | value | elements of this entry before this one
                                             ^ with ENTRY_SAME_FIELDS: the values alone, of the master entry's names;
                                               else the number of pairs, then name, value, name, value ...

Every piece is an element of the listpack. The last element of an entry lets a walk go backwards. Deleting an entry
sets a flag, in place; `count` and `deleted` say how many entries live and do not. An ID's halves are differences with
wrap-around: a smaller seq under a larger ms is a negative number.

An entry is written in one go behind the last one: the room that it may need is reserved at once, its elements are
encoded where they will stand, and header and count follow. So appending costs no look at the entries before it, but
for the comparison of field names with the master entry's, which stand at the front.

Rules checked by node_check: 1 the listpack itself; 2 the master entry's numbers, or its end; 3 an entry's count of
elements; 4 IDs ascend; 5 `count` and `deleted` are those of the entries.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memmove

from _pyredis.base.mem cimport Arena, mem_alloc, mem_realloc
from _pyredis.base.slice cimport Slice
from _pyredis.ds.element cimport Element, element_is
from _pyredis.ds.id cimport Id, id_less, id_of
from _pyredis.ds.listpack cimport (LISTPACK_END, LISTPACK_HEADER, element_encode, element_encode_i64, element_size,
                                   element_size_before, listpack_bytes, listpack_check, listpack_get)

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, unsigned int x) noexcept

cdef enum:
    COUNT_UNKNOWN = 65535          # of the listpack's header: more than it can count
    ELEMENT_OVERHEAD = 10          # bytes of an element beside its text, at most; or of an integer whole
    COUNTERS_GROWTH = 16           # bytes by which the master entry's two numbers may grow


# ---------------------------------------------------------------- reading

cdef inline const uint8_t* _behind(const uint8_t* p) noexcept nogil:
    return p + element_size(p)


cdef inline int64_t _number(const uint8_t* p) noexcept nogil:
    return listpack_get(p).number


cdef void node_head(const uint8_t* lp, NodeHead* h) noexcept nogil:
    cdef const uint8_t* p = lp + LISTPACK_HEADER
    cdef int64_t i
    h.count = _number(p)
    p = _behind(p)
    h.deleted = _number(p)
    p = _behind(p)
    h.fields = _number(p)
    p = _behind(p)
    h.names = p
    for i in range(h.fields):
        p = _behind(p)
    h.entries = _behind(p)


cdef void node_read(const NodeHead* h, Id master, const uint8_t* at, NodeEntry* e) noexcept nogil:
    cdef const uint8_t* p = _behind(at)
    e.at = at
    e.deleted = at[0] & ENTRY_DELETED
    e.id.ms = master.ms + <uint64_t>_number(p)
    p = _behind(p)
    e.id.seq = master.seq + <uint64_t>_number(p)
    p = _behind(p)
    if at[0] & ENTRY_SAME_FIELDS:
        e.name = h.names
        e.fields = h.fields
    else:
        e.name = NULL
        e.fields = _number(p)
        p = _behind(p)
    e.left = e.fields
    e.content = p


cdef bint node_pair(NodeEntry* e, Element* field, Element* value) noexcept nogil:
    if e.left == 0:
        return False
    e.left -= 1
    if e.name != NULL:
        field[0] = listpack_get(e.name)
        e.name = _behind(e.name)
    else:
        field[0] = listpack_get(e.content)
        e.content = _behind(e.content)
    value[0] = listpack_get(e.content)
    e.content = _behind(e.content)
    return True


cdef const uint8_t* node_behind(NodeEntry* e) noexcept nogil:
    cdef int64_t n = e.left if e.name != NULL else e.left * 2
    cdef const uint8_t* p = e.content
    while n:
        p = _behind(p)
        n -= 1
    e.left = 0
    e.content = p
    return _behind(p)


cdef const uint8_t* node_before(const NodeHead* h, const uint8_t* at) noexcept nogil:
    cdef int64_t n
    if at == h.entries:
        return NULL
    at -= element_size_before(at)
    for n in range(_number(at)):
        at -= element_size_before(at)
    return at


# ---------------------------------------------------------------- writing

cdef inline size_t _elements(const uint8_t* lp) noexcept nogil:
    return lp[4] | (<size_t>lp[5] << 8)


cdef inline void _finish(uint8_t* lp, uint8_t* end, size_t elements) noexcept nogil:
    """The end mark at `end`, and the header."""
    if elements > COUNT_UNKNOWN:
        elements = COUNT_UNKNOWN
    end[0] = LISTPACK_END
    bytes_store32(lp, <unsigned int>(end + 1 - lp))
    lp[4] = elements & 0xff
    lp[5] = (elements >> 8) & 0xff


cdef uint8_t* node_new(Arena* mem, const Slice* pairs, size_t count, size_t* room) noexcept nogil:
    """A node without entries that has the names of these pairs in its master entry."""
    cdef size_t bytes = LISTPACK_HEADER + 1 + (count + 4) * ELEMENT_OVERHEAD, i
    cdef uint8_t* lp
    cdef uint8_t* p
    for i in range(count * 2):                     # the entry itself will stand behind them
        bytes += pairs[i].len
    bytes += count * 3 + 4 * ELEMENT_OVERHEAD
    lp = <uint8_t*>mem_alloc(mem, bytes)
    room[0] = bytes
    p = lp + LISTPACK_HEADER
    p += element_encode_i64(p, 0)
    p += element_encode_i64(p, 0)
    p += element_encode_i64(p, <int64_t>count)
    for i in range(count):
        p += element_encode(p, pairs[2 * i])
    p += element_encode_i64(p, 0)
    _finish(lp, p, count + 4)
    return lp


cdef bint _same_names(const NodeHead* h, const Slice* pairs, size_t count) noexcept nogil:
    cdef const uint8_t* p = h.names
    cdef Element name
    cdef size_t i
    if h.fields != <int64_t>count:
        return False
    for i in range(count):
        name = listpack_get(p)
        if not element_is(&name, pairs[2 * i]):
            return False
        p = _behind(p)
    return True


cdef uint8_t* _make_room(Arena* mem, uint8_t* lp, size_t* room, size_t bytes) noexcept nogil:
    """The block with room for `bytes` more, and then some: it will be written to again."""
    cdef size_t need = listpack_bytes(lp) + bytes
    if need <= room[0]:
        return lp
    need += need >> 1
    lp = <uint8_t*>mem_realloc(mem, lp, room[0], need)
    room[0] = need
    return lp


cdef uint8_t* node_append(Arena* mem, uint8_t* lp, size_t* room, Id master, Id id, const Slice* pairs,
                          size_t count) noexcept nogil:
    """Adds an entry, whose ID is above all in the node. The pairs are name, value, name, value ..."""
    cdef NodeHead h
    cdef bint same
    cdef size_t elements, i, text = 0
    cdef uint8_t* p
    node_head(lp, &h)
    same = _same_names(&h, pairs, count)
    elements = count + 4 if same else count * 2 + 5
    for i in range(count):
        text += pairs[2 * i + 1].len
        if not same:
            text += pairs[2 * i].len
    lp = _make_room(mem, lp, room, text + elements * ELEMENT_OVERHEAD + COUNTERS_GROWTH)
    p = lp + listpack_bytes(lp) - 1
    p[0] = ENTRY_SAME_FIELDS if same else 0        # these two bytes are the integer's element
    p[1] = 1
    p += 2
    p += element_encode_i64(p, <int64_t>(id.ms - master.ms))
    p += element_encode_i64(p, <int64_t>(id.seq - master.seq))
    if same:
        for i in range(count):
            p += element_encode(p, pairs[2 * i + 1])
    else:
        p += element_encode_i64(p, <int64_t>count)
        for i in range(2 * count):
            p += element_encode(p, pairs[i])
    p += element_encode_i64(p, <int64_t>elements - 1)
    _finish(lp, p, _elements(lp) + elements)
    return node_set_counts(mem, lp, room, h.count + 1, h.deleted)


cdef uint8_t* node_set_counts(Arena* mem, uint8_t* lp, size_t* room, int64_t count, int64_t deleted) noexcept nogil:
    """Writes how many entries live and do not: nearly always in place."""
    cdef uint8_t[2 * ELEMENT_OVERHEAD] fresh
    cdef uint8_t* p = lp + LISTPACK_HEADER
    cdef size_t n, old, bytes, exact, i
    n = element_encode_i64(fresh, count)
    n += element_encode_i64(fresh + n, deleted)
    old = element_size(p)
    old += element_size(p + old)
    if n != old:
        bytes = listpack_bytes(lp)
        exact = room[0] == bytes
        if bytes + n > room[0] + old:
            lp = <uint8_t*>mem_realloc(mem, lp, room[0], bytes + n - old)
            room[0] = bytes + n - old
            p = lp + LISTPACK_HEADER
        memmove(p + n, p + old, bytes - LISTPACK_HEADER - old)
        bytes_store32(lp, <unsigned int>(bytes + n - old))
        if exact and n < old:                      # what is exact stays so: its size is its room
            lp = node_shrink(mem, lp, room[0])
            room[0] = bytes + n - old
            p = lp + LISTPACK_HEADER
    for i in range(n):
        p[i] = fresh[i]
    return lp


cdef uint8_t* node_shrink(Arena* mem, uint8_t* lp, size_t room) noexcept nogil:
    cdef size_t bytes = listpack_bytes(lp)
    return lp if bytes == room else <uint8_t*>mem_realloc(mem, lp, room, bytes)


# ---------------------------------------------------------------- checking

cdef int node_check(const uint8_t* lp, Id master) noexcept nogil:
    cdef NodeHead h
    cdef NodeEntry e
    cdef const uint8_t* p
    cdef const uint8_t* q
    cdef Id before = id_of(0, 0)
    cdef int64_t count = 0, deleted = 0
    if listpack_check(lp):
        return 1
    node_head(lp, &h)
    q = h.names
    for count in range(h.fields):
        q = _behind(q)
    if q[0] != 0 or h.count < 1 or h.deleted < 0:
        return 2
    count = 0
    p = h.entries
    while p[0] != LISTPACK_END:
        node_read(&h, master, p, &e)
        q = node_behind(&e)
        if node_before(&h, q) != p:
            return 3
        if p != h.entries and not id_less(before, e.id):
            return 4
        before = e.id
        if e.deleted:
            deleted += 1
        else:
            count += 1
        p = q
    return 0 if count == h.count and deleted == h.deleted else 5
