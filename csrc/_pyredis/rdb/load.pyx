"""load -- values out of an RDB, one at a time: for RESTORE, and for whole files.

    a table: type byte -> function        strings, lists, sets, sorted sets here; hashes in load_hash, streams in
                                          load_stream; the compact forms of old files in ziplist

Each function reads the value from a source (rdb/source) and makes an entry that is in no database yet: what has been
read in full and found good is added by the caller, all else was never there. Nothing from the bytes is believed:
blocks are checked element by element and entered by copy, members twice, a score that is no number, an order that is
none, and collections without elements fail, each with a reason.

A value gets the form that the present limits ask for, whatever form it comes in, as Redis does it: what is larger
than its compact form may be becomes large; what came large and is small becomes compact, where Redis does so too.

Cost: one pass of checks and one copy for a compact form, one insertion a member for the others. All checks are
always made, whatever sanitize-dump-payload says.
"""
from libc.math cimport isnan
from libc.stdint cimport uint8_t, uint64_t

from _pyredis.base.mem cimport Arena
from _pyredis.base.num cimport num_parse_double
from _pyredis.base.slice cimport Slice, slice_compare
from _pyredis.db.list_type cimport list_nodes_new, list_of_nodes
from _pyredis.db.set_type cimport (Member, Set, member_of_text, set_add, set_compact_most, set_free, set_length,
                                   set_make, set_new_numbers, set_new_table, set_of_listpack, set_of_numbers)
from _pyredis.db.string_type cimport string_make
from _pyredis.db.zset_type cimport (ZBuild, zset_build, zset_build_add, zset_build_drop, zset_build_find,
                                    zset_build_make, zset_hash, zset_of_listpack)
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.intset cimport IntSet, intset_import
from _pyredis.ds.listpack cimport (LISTPACK_BAD, LISTPACK_EMPTY, LISTPACK_EXACT, LISTPACK_HEADER, ListpackImage,
                                   listpack_bytes, listpack_first, listpack_free, listpack_get, listpack_import,
                                   listpack_length, listpack_next, listpack_survey)
from _pyredis.ds.quick_node cimport NODE_PACKED, NODE_PLAIN
from _pyredis.ds.quicklist cimport QUICK_TAIL, Quicklist, quicklist_append_node, quicklist_free, quicklist_push
from _pyredis.rdb.format cimport (RDB_HASH, RDB_HASH_2, RDB_HASH_LISTPACK, RDB_HASH_LISTPACK_EX,
                                  RDB_HASH_LISTPACK_EX_PRE_GA, RDB_HASH_METADATA, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP,
                                  RDB_LIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST,
                                  RDB_MODULE_2, RDB_MODULE_PRE_GA, RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK,
                                  RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3, RDB_STRING,
                                  RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST)
from _pyredis.rdb.load_hash cimport load_hash, load_hash_packed, load_hash_timed, load_hash_triples
from _pyredis.rdb.load_steps cimport load_empty, load_fail, load_listpack, load_ziplist
from _pyredis.rdb.load_stream cimport load_stream
from _pyredis.rdb.source cimport (bulk_free, bulk_init, source_count, source_double, source_expect, source_ok,
                                  source_score, source_string)
from _pyredis.rdb.ziplist cimport ziplist_import

cdef enum:
    CONTAINER_PLAIN = 1            # of a quicklist's node
    CONTAINER_PACKED = 2
    TYPES = 26


cdef void load_init(Load* l, Source* source, Keyspace* ks, int version) noexcept nogil:
    l.source = source
    l.ks = ks
    l.version = version
    l.empty = False
    bulk_init(&l.first)
    bulk_init(&l.second)


cdef void load_done(Load* l) noexcept nogil:
    bulk_free(l.source.mem, &l.first)
    bulk_free(l.source.mem, &l.second)


# ---------------------------------------------------------------- strings

cdef Entry* _string(Load* l, int type, Slice name) noexcept nogil:
    return string_make(l.ks, name, l.first.text) if source_string(l.source, &l.first) else NULL


# ---------------------------------------------------------------- lists

cdef Entry* _list_made(Load* l, Slice name, Quicklist* q) noexcept nogil:
    """The list of these nodes, if all is well; else they are freed."""
    if source_ok(l.source) and q.count:
        return list_of_nodes(l.ks, name, q)
    load_empty(l)
    quicklist_free(l.ks.mem, q, ~<size_t>0)
    return NULL


cdef Entry* _list(Load* l, int type, Slice name) noexcept nogil:
    cdef Quicklist* q = list_nodes_new(l.ks)
    cdef uint64_t left = source_count(l.source)
    while left and source_string(l.source, &l.first):
        quicklist_push(l.ks.mem, q, QUICK_TAIL, l.first.text)
        left -= 1
    return _list_made(l, name, q)


cdef inline void _append(Arena* mem, Quicklist* q, const uint8_t* lp, size_t count) noexcept nogil:
    """A node of a listpack's elements. Redis: one that has none is passed over."""
    if count:
        quicklist_append_node(mem, q, NODE_PACKED, <const char*>lp + LISTPACK_HEADER,
                              listpack_bytes(lp) - LISTPACK_EMPTY, count)


cdef void _append_listpack(Load* l, Quicklist* q, Slice image) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>image.ptr
    cdef size_t count
    cdef uint8_t* lp
    cdef ListpackImage what = listpack_survey(p, image.len, &count)
    if what == LISTPACK_BAD:
        load_fail(l, b"a node of a list is broken")
    elif what == LISTPACK_EXACT:
        _append(l.ks.mem, q, p, count)
    else:
        lp = listpack_import(l.ks.mem, p, image.len)
        _append(l.ks.mem, q, lp, count)
        listpack_free(l.ks.mem, lp)


cdef void _append_ziplist(Load* l, Quicklist* q, Slice image) noexcept nogil:
    cdef uint8_t* lp = ziplist_import(l.ks.mem, image)
    if lp == NULL:
        load_fail(l, b"a node of a list is broken")
        return
    _append(l.ks.mem, q, lp, listpack_length(lp))
    listpack_free(l.ks.mem, lp)


cdef void _append_plain(Load* l, Quicklist* q, Slice element) noexcept nogil:
    if element.len:
        quicklist_append_node(l.ks.mem, q, NODE_PLAIN, element.ptr, element.len, 1)
    else:                                        # nobody writes one: only large elements get a node each
        load_fail(l, b"a node of a list is empty")


cdef Entry* _list_nodes(Load* l, int type, Slice name) noexcept nogil:
    """Nodes that are ziplists (one, or a count before them), or listpacks and large elements."""
    cdef Quicklist* q = list_nodes_new(l.ks)
    cdef uint64_t left = 1 if type == RDB_LIST_ZIPLIST else source_count(l.source), container = CONTAINER_PACKED
    while left and source_ok(l.source):
        if type == RDB_LIST_QUICKLIST_2:
            container = source_count(l.source)
        if not source_string(l.source, &l.first):
            break
        if type != RDB_LIST_QUICKLIST_2:
            _append_ziplist(l, q, l.first.text)
        elif container == CONTAINER_PACKED:
            _append_listpack(l, q, l.first.text)
        elif container == CONTAINER_PLAIN:
            _append_plain(l, q, l.first.text)
        else:
            load_fail(l, b"a node of a list is of an unknown kind")
        left -= 1
    return _list_made(l, name, q)


# ---------------------------------------------------------------- sets

cdef Entry* _set(Load* l, int type, Slice name) noexcept nogil:
    cdef uint64_t left = source_count(l.source)
    cdef Member m
    cdef Set s
    if left == 0:
        return load_empty(l)
    if left <= set_compact_most(l.ks):
        s = set_new_numbers(l.ks)
    else:
        s = set_new_table(l.ks, source_expect(l.source, left))
    while left and source_string(l.source, &l.first):
        member_of_text(&m, l.first.text)
        if not set_add(l.ks, &s, &m):
            load_fail(l, b"a member is there twice")
            break
        left -= 1
    if source_ok(l.source) and set_length(s):
        return set_make(l.ks, name, s)
    set_free(l.ks, s)
    return NULL


cdef Entry* _set_numbers(Load* l, int type, Slice name) noexcept nogil:
    cdef IntSet* ints
    if not source_string(l.source, &l.first):
        return NULL
    ints = intset_import(l.ks.mem, <const uint8_t*>l.first.text.ptr, l.first.text.len)
    if ints == NULL:
        return load_fail(l, b"a set of numbers is broken")
    return set_make(l.ks, name, set_of_numbers(l.ks, ints))


cdef Entry* _set_packed(Load* l, int type, Slice name) noexcept nogil:
    cdef uint8_t* lp = load_listpack(l, 1)
    return set_make(l.ks, name, set_of_listpack(l.ks, lp)) if lp != NULL else NULL


# ---------------------------------------------------------------- sorted sets

cdef bint _add_scored(Load* l, ZBuild* b, int type) noexcept nogil:
    """Reads a member with its score."""
    cdef double score
    cdef uint64_t hash
    if not source_string(l.source, &l.first):
        return False
    score = source_double(l.source) if type == RDB_ZSET_2 else source_score(l.source)
    hash = zset_hash(l.ks, l.first.text)
    if isnan(score):
        load_fail(l, b"a score is not a number")
    elif zset_build_find(b, l.first.text, hash) != NULL:
        load_fail(l, b"a member is there twice")
    if not source_ok(l.source):
        return False
    zset_build_add(b, l.first.text, hash, score)
    return True


cdef Entry* _zset(Load* l, int type, Slice name) noexcept nogil:
    cdef uint64_t left = source_count(l.source)
    cdef ZBuild b
    if left == 0:
        return load_empty(l)
    zset_build(&b, l.ks, True)
    while left and _add_scored(l, &b, type):
        left -= 1
    if source_ok(l.source):
        return zset_build_make(&b, name)
    zset_build_drop(&b)
    return NULL


cdef bint _score_of(const uint8_t* p, double* score) noexcept nogil:
    cdef Element e = listpack_get(p)
    score[0] = <double>e.number
    return e.ptr == NULL or num_parse_double(e.ptr, e.len, score) and not isnan(score[0])


cdef bint _is_ordered(const uint8_t* lp) noexcept nogil:
    """Are the pairs of a listpack members with scores, each above the one before?"""
    cdef char[ELEMENT_DIGITS] digits, digits_before
    cdef const uint8_t* p = listpack_first(lp)
    cdef const uint8_t* at
    cdef Element member, before
    cdef double score, last = 0
    cdef bint any = False
    while p != NULL:
        member = listpack_get(p)
        at = listpack_next(lp, p)
        if not _score_of(at, &score) or any and score < last:
            return False
        if any and score == last and slice_compare(element_slice(&before, digits_before),
                                                   element_slice(&member, digits)) >= 0:
            return False
        before = member
        last = score
        any = True
        p = listpack_next(lp, at)
    return True


cdef Entry* _zset_packed(Load* l, int type, Slice name) noexcept nogil:
    cdef uint8_t* lp = load_listpack(l, 2) if type == RDB_ZSET_LISTPACK else load_ziplist(l, 2)
    if lp == NULL:
        return NULL
    if _is_ordered(lp):
        return zset_of_listpack(l.ks, name, lp)
    listpack_free(l.ks.mem, lp)
    return load_fail(l, b"a sorted set is not in order")


# ---------------------------------------------------------------- the table

cdef Entry* _module(Load* l, int type, Slice name) noexcept nogil:
    return load_fail(l, b"a value belongs to a module, and there are no modules")


ctypedef Entry* (*Loader)(Load* l, int type, Slice name) noexcept nogil

cdef Loader[TYPES] _LOADERS
_LOADERS[<int>RDB_STRING] = _string
_LOADERS[<int>RDB_LIST] = _list
_LOADERS[<int>RDB_SET] = _set
_LOADERS[<int>RDB_ZSET] = _zset
_LOADERS[<int>RDB_HASH] = load_hash
_LOADERS[<int>RDB_ZSET_2] = _zset
_LOADERS[<int>RDB_MODULE_PRE_GA] = _module
_LOADERS[<int>RDB_MODULE_2] = _module
_LOADERS[<int>RDB_HASH_ZIPMAP] = load_hash_packed
_LOADERS[<int>RDB_LIST_ZIPLIST] = _list_nodes
_LOADERS[<int>RDB_SET_INTSET] = _set_numbers
_LOADERS[<int>RDB_ZSET_ZIPLIST] = _zset_packed
_LOADERS[<int>RDB_HASH_ZIPLIST] = load_hash_packed
_LOADERS[<int>RDB_LIST_QUICKLIST] = _list_nodes
_LOADERS[<int>RDB_STREAM_LISTPACKS] = load_stream
_LOADERS[<int>RDB_HASH_LISTPACK] = load_hash_packed
_LOADERS[<int>RDB_ZSET_LISTPACK] = _zset_packed
_LOADERS[<int>RDB_LIST_QUICKLIST_2] = _list_nodes
_LOADERS[<int>RDB_STREAM_LISTPACKS_2] = load_stream
_LOADERS[<int>RDB_SET_LISTPACK] = _set_packed
_LOADERS[<int>RDB_STREAM_LISTPACKS_3] = load_stream
_LOADERS[<int>RDB_HASH_2] = load_hash_timed            # ... and RDB_HASH_METADATA_PRE_GA: the version tells
_LOADERS[<int>RDB_HASH_LISTPACK_EX_PRE_GA] = load_hash_triples
_LOADERS[<int>RDB_HASH_METADATA] = load_hash_timed
_LOADERS[<int>RDB_HASH_LISTPACK_EX] = load_hash_triples


cdef bint load_knows(int type) noexcept nogil:
    return 0 <= type < TYPES and _LOADERS[type] != NULL


cdef Entry* load_value(Load* l, int type, Slice name) noexcept nogil:
    cdef Entry* e
    l.empty = False
    if not load_knows(type):
        return load_fail(l, b"a value has an unknown type")
    e = _LOADERS[type](l, type, name)
    if e == NULL and not l.empty:
        load_fail(l, b"a value is broken")         # unless a better reason is known
    return e
