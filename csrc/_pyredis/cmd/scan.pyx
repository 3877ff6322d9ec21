"""scan -- SCAN and KEYS, and what HSCAN, SSCAN and ZSCAN share with them.

An iteration keeps no state here: the cursor says how far it has come, in the reverse-binary order of
dict_scan, so whatever stays in the table from the first call to the last is returned at least once, however
the table grows or shrinks meanwhile.

One call looks at whole buckets until COUNT elements are found, or, when few match, at most two buckets (about
a dozen elements) for each that was asked for. The entries of some buckets are collected and prefetched
first and judged after, since reading them is what costs; so judging may also remove them (SCAN removes
expired keys whose names match).

The reply has the cursor before the elements, hence the list of found entries in between.
"""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.mem cimport mem_free, mem_room
from _pyredis.base.num cimport NUM_I64_MAX, num_format_u64, num_parse_u64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_INVALID_CURSOR, ERR_SYNTAX, OK, Status
from _pyredis.base.text cimport text_equal_nocase, text_glob, text_is_space
from _pyredis.cmd.ctx cimport Ctx, Table, arg_i64, arg_is, fail_with
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.keyspace cimport keyspace_expire_entry, keyspace_key
from _pyredis.db.value cimport (Entry, T_COUNT, ValueType, entry_is_over, entry_key, entry_type, type_name)
from _pyredis.ds.dict cimport Dict, dict_each, dict_scan
from _pyredis.wire.reply cimport Deferred, Out, reply_array, reply_begin, reply_bulk, reply_end, reply_slice

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef extern from "<string.h>" nogil:
    size_t strlen(const char* s)

cdef enum:
    DEFAULT_COUNT = 10
    BUCKETS_PER_ELEMENT = 2        # looked at for each element asked for, at most
    BUCKET_FILL = 6                # elements of a bucket, about
    MOST_AT_ONCE = 8               # buckets collected before their entries are judged
    LARGEST_COUNT = 1 << 30        # keeps the arithmetic from overflowing


# ---------------------------------------------------------------- arguments

cdef Status scan_cursor(Ctx* c, int i, uint64_t* cursor) noexcept nogil:
    """argv[i] as a cursor. As in Redis, spaces, a plus sign and zeros may stand before the digits; -0 is 0."""
    cdef const char* p = c.argv[i].ptr
    cdef const char* end = p + c.argv[i].len
    cdef bint negative
    while p < end and text_is_space(p[0]):
        p += 1
    negative = p < end and p[0] == c'-'
    if p < end and (p[0] == c'+' or negative):
        p += 1
    while p + 1 < end and p[0] == c'0':
        p += 1
    if not num_parse_u64(p, end - p, cursor) or negative and cursor[0]:
        return ERR_INVALID_CURSOR
    return OK


cdef int _type_named(Slice word) noexcept nogil:
    cdef const char* name
    cdef int t
    for t in range(T_COUNT):
        name = type_name(<ValueType>t)
        if text_equal_nocase(word.ptr, word.len, name, strlen(name)):
            return t
    return NO_TYPE


cdef Status scan_options(Ctx* c, int first, int allows, ScanOptions* o) noexcept nogil:
    """The options from argv[first] on; `allows` are bits of ScanAllows."""
    cdef int i = first
    cdef Status st
    o.count = DEFAULT_COUNT
    o.pattern = slice_of(NULL, 0)
    o.type = ANY_TYPE
    o.no_values = False
    while i < c.argc:
        if arg_is(c, i, b"COUNT", 5) and i + 1 < c.argc:
            st = arg_i64(c, i + 1, &o.count)
            if st != OK:
                return st
            if o.count < 1:
                return ERR_SYNTAX
        elif arg_is(c, i, b"MATCH", 5) and i + 1 < c.argc:
            o.pattern = c.argv[i + 1]
            if o.pattern.len == 1 and o.pattern.ptr[0] == c'*':
                o.pattern = slice_of(NULL, 0)
        elif arg_is(c, i, b"TYPE", 4) and i + 1 < c.argc and allows & SCAN_TYPE:
            o.type = _type_named(c.argv[i + 1])
        elif arg_is(c, i, b"NOVALUES", 8):
            if not allows & SCAN_NOVALUES:
                return fail_with(c, ERR_CUSTOM, b"ERR NOVALUES option can only be used in HSCAN")
            o.no_values = True
            i -= 1
        elif arg_is(c, i, b"NOSCORES", 8) and allows & SCAN_NOSCORES:
            o.no_values = True
            i -= 1
        else:
            return ERR_SYNTAX
        i += 2
    return OK


cdef bint scan_matches(const ScanOptions* o, Slice name) noexcept nogil:
    return o.pattern.ptr == NULL or text_glob(o.pattern.ptr, o.pattern.len, name.ptr, name.len, False)


# ---------------------------------------------------------------- walking

cdef void _collect(void* arg, void* entry) noexcept nogil:
    cdef ScanFound* f = <ScanFound*>arg
    PREFETCH(entry)
    f.list = <void**>mem_room(f.mem, f.list, f.count, &f.capacity, sizeof(void*), 32)
    f.list[f.count] = entry
    f.count += 1


cdef void scan_done(ScanFound* found) noexcept nogil:
    mem_free(found.mem, found.list, found.capacity * sizeof(void*))


cdef uint64_t scan_dict(const Dict* d, uint64_t cursor, int64_t count, ScanFound* found, ScanKeep keep,
                        void* arg) noexcept nogil:
    """Adds to `found` the entries from `cursor` on that `keep` is true for, about `count`; the next cursor.

    `found` starts as zeros with its `mem` set, and ends with scan_done. What `keep` refuses it may free.
    """
    cdef int64_t buckets, at_once, i
    cdef size_t judged = 0, kept
    if count > LARGEST_COUNT:
        count = LARGEST_COUNT
    buckets = count * BUCKETS_PER_ELEMENT
    while True:
        at_once = (count - <int64_t>found.count) // BUCKET_FILL
        at_once = 1 if at_once < 1 else MOST_AT_ONCE if at_once > MOST_AT_ONCE else at_once
        for i in range(at_once):
            cursor = dict_scan(d, cursor, _collect, found)
            buckets -= 1
            if cursor == 0 or buckets <= 0:
                break
        kept = judged
        for judged in range(judged, found.count):
            if keep(arg, found.list[judged]):
                found.list[kept] = found.list[judged]
                kept += 1
        found.count = judged = kept
        if cursor == 0 or buckets <= 0 or <int64_t>found.count >= count:
            return cursor


cdef void scan_reply(Ctx* c, uint64_t cursor, size_t elements) noexcept nogil:
    """[cursor, array of so many elements], which the caller then appends."""
    cdef char[NUM_I64_MAX] digits
    reply_array(c.out, 2)
    reply_bulk(c.out, digits, num_format_u64(cursor, digits))
    reply_array(c.out, elements)


# ---------------------------------------------------------------- SCAN

cdef struct KeyScan:
    Ctx* c
    ScanOptions options


cdef bint _keep_key(void* arg, void* entry) noexcept nogil:
    """Does the key match, and live? An expired one with a name that matches is removed."""
    cdef KeyScan* scan = <KeyScan*>arg
    cdef Entry* e = <Entry*>entry
    cdef Ctx* c = scan.c
    if not scan_matches(&scan.options, entry_key(e)):
        return False
    if entry_is_over(e, c.ks.due_ms):
        if not c.ks.keep_expired:
            keyspace_expire_entry(c.ks, c.db, keyspace_key(c.ks, entry_key(e)).hash, e)
        return False
    # Redis: the type is judged last, so expired keys of other types are removed too
    return scan.options.type == ANY_TYPE or <int>entry_type(e) == scan.options.type


cdef Status cmd_scan(Ctx* c) noexcept nogil:
    """SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] -> [next cursor, 0 at the end; keys]."""
    cdef KeyScan scan
    cdef ScanFound found
    cdef uint64_t cursor = 0
    cdef size_t i
    cdef Status st = scan_cursor(c, 1, &cursor)
    if st == OK:
        st = scan_options(c, 2, SCAN_TYPE, &scan.options)
    if st != OK:
        return st
    scan.c = c
    found.mem = c.ks.mem
    found.list = NULL
    found.count = found.capacity = 0
    cursor = scan_dict(&c.db.keys, cursor, scan.options.count, &found, _keep_key, &scan)
    scan_reply(c, cursor, found.count)
    for i in range(found.count):
        reply_slice(c.out, entry_key(<Entry*>found.list[i]))
    scan_done(&found)
    return OK


# ---------------------------------------------------------------- KEYS

cdef struct KeyList:
    ScanOptions options
    Out* out
    int64_t now_ms
    size_t count


cdef void _list_key(void* arg, void* entry) noexcept nogil:
    cdef KeyList* list = <KeyList*>arg
    cdef Entry* e = <Entry*>entry
    if entry_is_over(e, list.now_ms):
        return
    if scan_matches(&list.options, entry_key(e)):
        reply_slice(list.out, entry_key(e))
        list.count += 1


cdef Status cmd_keys(Ctx* c) noexcept nogil:
    """KEYS pattern -> all live keys that match. Walks the whole database; removes nothing."""
    cdef KeyList list
    cdef Deferred header = reply_begin(c.out, c'*')
    list.options.pattern = c.argv[1]
    if c.argv[1].len == 1 and c.argv[1].ptr[0] == c'*':
        list.options.pattern = slice_of(NULL, 0)
    list.out = c.out
    list.now_ms = c.ks.due_ms
    list.count = 0
    dict_each(&c.db.keys, _list_key, &list)
    reply_end(c.out, header, list.count)
    return OK


cdef void bind_scan(Table* t) noexcept nogil:
    table_bind(t, b"SCAN", cmd_scan)
    table_bind(t, b"KEYS", cmd_keys)
