# list_type -- lists, whatever their encoding. The story is in list_type.pyx.
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Db, Key, Keyspace
from _pyredis.db.value cimport Entry
from _pyredis.ds.element cimport Element
from _pyredis.ds.quick_iter cimport QuickIter, quick_done, quick_next, quick_next_run
from _pyredis.ds.quick_node cimport QuickNode
from _pyredis.ds.quicklist cimport Quicklist

cdef enum ListEnd:
    LIST_HEAD = 0
    LIST_TAIL = 1

ctypedef QuickIter ListIter        # a walk over a list that nobody changes meanwhile

cdef struct ListPart:              # some of a list's elements, as they stand, for who saves them
    Slice bytes                    # encoded, one behind the other
    size_t count
    size_t raw                     # not 0: `bytes` are LZF of so many
    bint plain                     # one element alone, not encoded

cdef struct ListParts:
    Slice packed
    size_t count
    const QuickNode* node

cdef void list_bind(Keyspace* ks) noexcept nogil

cdef size_t  list_length(const Entry* e) noexcept nogil
cdef Element list_end(const Entry* e, ListEnd end) noexcept nogil                 # its first or last element

# An empty list under a key that is absent. Its first element is the caller's to push, before anything else.
cdef Entry*  list_create(Keyspace* ks, Db* db, Key key) noexcept nogil
# The like, made node by node (quicklist_push, quicklist_append_node); list_of_nodes takes them.
cdef Quicklist* list_nodes_new(Keyspace* ks) noexcept nogil
cdef Entry*  list_of_nodes(Keyspace* ks, Slice name, Quicklist* q) noexcept nogil
cdef void    list_push(Keyspace* ks, Entry* e, ListEnd end, const Slice* values, int n) noexcept nogil
cdef void    list_push_element(Keyspace* ks, Entry* e, ListEnd end, const Element* value) noexcept nogil

# After one of these the list may be empty, and then is the caller's to delete; else list_settle is due.
cdef void    list_drop(Keyspace* ks, Entry* e, ListEnd end, size_t n) noexcept nogil            # n <= length
cdef void    list_move(Keyspace* ks, Entry* e, ListEnd from_, Entry* to, ListEnd end) noexcept nogil
cdef size_t  list_remove(Keyspace* ks, Entry* e, Slice s, size_t most, bint backward) noexcept nogil   # how many

cdef bint    list_set(Keyspace* ks, Entry* e, int64_t index, Slice s) noexcept nogil            # False: no such index
cdef bint    list_insert(Keyspace* ks, Entry* e, Slice pivot, Slice s, bint after) noexcept nogil   # False: no such pivot
cdef void    list_settle(Keyspace* ks, Entry* e) noexcept nogil      # after removing: the form for what is left
cdef void    list_normalize(Keyspace* ks, Entry* e) noexcept nogil   # the form that a list made as a whole has
cdef int     list_check(Keyspace* ks, const Entry* e) noexcept nogil # 0, or the number of the broken rule

# Walking from an index (negative: from the end) in either direction, with list_next; then list_done.
cdef void    list_iter(ListIter* it, Keyspace* ks, const Entry* e, int64_t index, bint backward) noexcept nogil

# All elements as the parts in which they stand, with list_next_part.
cdef size_t  list_parts(const Entry* e, ListParts* it) noexcept nogil                           # how many
cdef bint    list_next_part(ListParts* it, ListPart* part) noexcept nogil                       # False: no more

cdef inline bint list_next(ListIter* it, Element* e) noexcept nogil:
    """The next element, valid until the next call; False when there is none."""
    return quick_next(it, e)

cdef inline size_t list_next_run(ListIter* it, size_t most, const uint8_t** first, const uint8_t** end,
                                 Element* e) noexcept nogil:
    """Up to `most` elements that stand encoded, one behind the other; or one (first NULL), in `e`. 0: no more."""
    return quick_next_run(it, most, first, end, e)

cdef inline void list_done(ListIter* it) noexcept nogil:
    quick_done(it)


cdef struct Wish:                  # a value that elements are compared with
    Slice text
    bint is_number
    int64_t number

cdef inline Wish wish_for(Slice s) noexcept nogil:
    cdef Wish w
    w.text = s
    w.is_number = num_parse_i64(s.ptr, s.len, &w.number)
    return w

cdef inline bint wish_is(const Wish* w, const Element* e) noexcept nogil:
    """Does the element equal the value?"""
    if e.ptr == NULL:
        return w.is_number and w.number == e.number
    return e.len == w.text.len and memcmp(e.ptr, w.text.ptr, e.len) == 0
