"""sorting -- SORT and SORT_RO.

    read the options -> take the elements -> give each a key (its number, or words of its text) -> order -> reply, store

Elements are views into the source, which nothing changes before the reply is out (a compressed node of a list is the
exception: its elements are copied); what BY and GET find are views as well. ds/order sorts them, and with LIMIT only
what the window needs.

What is kept of Redis on purpose:

* Equal numbers are ordered by the elements' bytes. Equal texts that BY found stay as they came, in either direction.
* A text to be read as a number ends at its first NUL, an empty one is 0, what is too large is infinite; hexadecimal is
  refused. One that is no number fails the whole command, even with a LIMIT of nothing.
* ALPHA without STORE compares by the locale (locale-collate), texts ending at their first NUL; with STORE by bytes.
* BY without a * is "do not sort": lists and sorted sets keep their order (reversed by DESC, and only the window is
  read), but a set whose result is stored is sorted after all, for replicas must get the same list.
* What GET does not find is null in a reply, and an empty string in a stored list.

Left out: Redis turns a sorted set that is a listpack into a skiplist as soon as it is sorted.
"""
from libc.stdint cimport int64_t
from libc.string cimport memchr, memcpy

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.num cimport num_parse_sort_key
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, ERR_WRONG_TYPE, OK, Status
from _pyredis.cmd.acl cimport acl_all_keys
from _pyredis.cmd.ctx cimport (CONN_IN_SCRIPT, Ctx, Table, arg_i64, arg_is, fail_with, key_at, key_changed,
                               lookup_read, lookup_write)
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.sort_pattern cimport PATTERN_GROUP, SortPattern, pattern_parse, pattern_values
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_LIST
from _pyredis.db.keyspace cimport Key, keyspace_release, keyspace_take
from _pyredis.db.list_type cimport (LIST_TAIL, ListIter, list_create, list_done, list_iter, list_length, list_next,
                                    list_normalize, list_push_element)
from _pyredis.db.set_type cimport SetIter, set_iter, set_length, set_next, set_of
from _pyredis.db.value cimport Entry, T_LIST, T_SET, T_ZSET, entry_type
from _pyredis.db.zset_type cimport Ranks, ZIter, zset_iter, zset_length, zset_next
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice, element_text
from _pyredis.ds.order cimport (ORDER_DESCENDING, ORDER_TO_NUL, Ranked, order_is_missing, order_key_of_score,
                                order_scores, order_texts)
from _pyredis.wire.reply cimport reply_array, reply_int, reply_null

cdef extern from *:
    """
    #include <locale.h>
    #include <string.h>
    static inline int collates_by_bytes(void) {
        const char* name = setlocale(LC_COLLATE, NULL);
        return name == NULL || strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
    }
    """
    bint collates_by_bytes() noexcept nogil

cdef extern from "<string.h>" nogil:
    size_t strxfrm(char* to, const char* text, size_t n) noexcept

cdef enum:
    CHUNK = 1 << 16

cdef struct Chunk:                 # copies of texts, one behind the other
    Chunk* next
    size_t size                    # the header's bytes included
    size_t used

cdef struct Sort:
    Ctx* c
    SortPattern by
    bint has_by
    bint dont_sort
    bint descending
    bint alpha
    int64_t offset
    int64_t count                  # below 0: all
    int store_at                   # argument with the destination; 0: none
    SortPattern* gets
    size_t get_count
    size_t n                       # elements taken
    size_t start                   # the window of ranks
    size_t end
    Element* elements
    Ranked* items                  # in order, once sorted
    Chunk* copies


# ---------------------------------------------------------------- the options

cdef Status _options(Sort* s, bint readonly) noexcept nogil:
    """Reads argv[2] to the end."""
    cdef Ctx* c = s.c
    cdef int i = 2
    while i < c.argc:
        if arg_is(c, i, b"ASC", 3):
            s.descending = False
        elif arg_is(c, i, b"DESC", 4):
            s.descending = True
        elif arg_is(c, i, b"ALPHA", 5):
            s.alpha = True
        elif arg_is(c, i, b"LIMIT", 5) and i + 2 < c.argc:
            if arg_i64(c, i + 1, &s.offset) != OK:
                return arg_i64(c, i + 1, &s.offset)
            if arg_i64(c, i + 2, &s.count) != OK:
                return arg_i64(c, i + 2, &s.count)
            i += 2
        elif i + 1 == c.argc:
            return ERR_SYNTAX
        elif arg_is(c, i, b"STORE", 5) and not readonly:
            i += 1
            s.store_at = i
        elif arg_is(c, i, b"BY", 2):
            i += 1
            s.by = pattern_parse(c.argv[i])
            s.has_by = s.by.leads
            if s.has_by and not acl_all_keys(c):
                return fail_with(c, ERR_CUSTOM, b"ERR BY option of SORT denied due to insufficient ACL permissions.")
            # Redis: a pattern without a * stays in force, even if another one follows.
            s.dont_sort = s.dont_sort or not s.by.leads
        elif arg_is(c, i, b"GET", 3):
            i += 1
            if not acl_all_keys(c):
                return fail_with(c, ERR_CUSTOM, b"ERR GET option of SORT denied due to insufficient ACL permissions.")
            s.gets[s.get_count] = pattern_parse(c.argv[i])
            s.get_count += 1
        else:
            return ERR_SYNTAX
        i += 1
    return OK


cdef void _window(Sort* s, size_t length) noexcept nogil:
    """The ranks start .. end - 1 that LIMIT leaves of so many elements."""
    s.start = 0 if s.offset < 0 else length if <size_t>s.offset > length else <size_t>s.offset
    s.end = length
    if 0 <= s.count < <int64_t>(length - s.start):
        s.end = s.start + <size_t>s.count


# ---------------------------------------------------------------- the elements

cdef char* _room_for_copy(Sort* s, size_t n) noexcept nogil:
    """n bytes that live as long as the command."""
    cdef Chunk* chunk = s.copies
    cdef size_t size
    if chunk == NULL or chunk.size - chunk.used < n:
        size = sizeof(Chunk) + (n if n > CHUNK else CHUNK)
        chunk = <Chunk*>mem_alloc(s.c.ks.mem, size)
        chunk.next = s.copies
        chunk.size = size
        chunk.used = sizeof(Chunk)
        s.copies = chunk
    chunk.used += n
    return <char*>chunk + chunk.used - n


cdef inline void _add(Sort* s, Element e) noexcept nogil:
    s.elements[s.n] = e
    s.items[s.n].index = s.n
    s.n += 1


cdef void _take_list(Sort* s, const Entry* e, size_t first, size_t most, bint backward) noexcept nogil:
    cdef ListIter it
    cdef Element x
    cdef char* copy
    list_iter(&it, s.c.ks, e, first, backward)
    while s.n < most and list_next(&it, &x):
        # An element of a compressed node lasts only until the next one is opened.
        if it.scratch != NULL and <const char*>it.scratch <= x.ptr < <const char*>it.scratch + it.scratch_size:
            copy = _room_for_copy(s, x.len)
            memcpy(copy, x.ptr, x.len)
            x.ptr = copy
        _add(s, x)
    list_done(&it)


cdef void _take_set(Sort* s, const Entry* e) noexcept nogil:
    cdef SetIter it
    cdef Element x
    set_iter(set_of(e), &it)
    while set_next(&it, &x):
        _add(s, x)


cdef void _take_zset(Sort* s, const Entry* e, size_t first, size_t most, bint backward) noexcept nogil:
    cdef ZIter it
    cdef Ranks ranks
    cdef Element x
    cdef double score
    ranks.start = first
    ranks.count = most
    zset_iter(e, ranks, backward, &it)
    while zset_next(&it, &x, &score):
        _add(s, x)


cdef size_t _length(const Entry* e) noexcept nogil:
    if entry_type(e) == T_LIST:
        return list_length(e)
    return set_length(set_of(e)) if entry_type(e) == T_SET else zset_length(e)


cdef void _take(Sort* s, const Entry* e) noexcept nogil:
    """Takes the elements; of a list or sorted set that is not to be sorted only the window."""
    cdef size_t length = _length(e), count = length
    cdef bint only_window = s.dont_sort and entry_type(e) != T_SET
    _window(s, length)
    if only_window:
        count = s.end - s.start
    s.elements = <Element*>mem_alloc(s.c.ks.mem, length * sizeof(Element))
    s.items = <Ranked*>mem_alloc(s.c.ks.mem, length * sizeof(Ranked))
    if count == 0:
        pass
    elif entry_type(e) == T_SET:
        _take_set(s, e)
    elif entry_type(e) == T_LIST:
        if only_window and s.descending:
            _take_list(s, e, length - 1 - s.start, count, True)
        else:
            _take_list(s, e, s.start if only_window else 0, count, False)
    elif only_window and s.descending:
        _take_zset(s, e, length - s.end, count, True)
    else:
        _take_zset(s, e, s.start if only_window else 0, count, False)
    if only_window:
        s.end -= s.start
        s.start = 0


# ---------------------------------------------------------------- the order

cdef inline bint _score(const Element* e, double* score) noexcept nogil:
    cdef const void* nul
    cdef size_t n = e.len
    if e.ptr == NULL:
        score[0] = <double>e.number                # what BY did not find is 0
        return True
    nul = memchr(e.ptr, 0, n)
    if nul != NULL:
        n = <const char*>nul - e.ptr
    score[0] = 0
    return n == 0 or num_parse_sort_key(e.ptr, n, score)


cdef bint _order_by_number(Sort* s, const Element* values) noexcept nogil:
    """False: some value is no number."""
    cdef int flags = ORDER_DESCENDING if s.descending else 0
    cdef double score
    cdef size_t i
    for i in range(s.n):
        if not _score(&values[i], &score):
            return False
        s.items[i].key = order_key_of_score(score, flags)
    order_scores(s.c.ks.mem, s.items, s.n, s.start, s.end, s.elements, flags)
    return True


cdef void _collate(Sort* s, const Element* values, Element* keys) noexcept nogil:
    """Texts whose bytes order as the values do in the process's locale."""
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice text
    cdef char* copy
    cdef char* key
    cdef size_t i, n
    for i in range(s.n):
        keys[i] = values[i]
        if order_is_missing(&values[i]):
            continue
        text = element_slice(&values[i], digits)
        copy = _room_for_copy(s, text.len + 1)
        memcpy(copy, text.ptr, text.len)
        copy[text.len] = 0
        n = strxfrm(NULL, copy, 0)
        key = _room_for_copy(s, n + 1)
        strxfrm(key, copy, n + 1)
        keys[i] = element_text(key, n)


cdef void _order_by_text(Sort* s, const Element* values) noexcept nogil:
    cdef int flags = ORDER_DESCENDING if s.descending else 0
    cdef Arena* mem = s.c.ks.mem
    cdef Element* keys
    if s.store_at:
        order_texts(mem, s.items, s.n, s.start, s.end, values, flags)
    elif collates_by_bytes():
        order_texts(mem, s.items, s.n, s.start, s.end, values, flags | ORDER_TO_NUL)
    else:
        keys = <Element*>mem_alloc(mem, s.n * sizeof(Element))
        _collate(s, values, keys)
        order_texts(mem, s.items, s.n, s.start, s.end, keys, flags)
        mem_free(mem, keys, s.n * sizeof(Element))


cdef bint _order(Sort* s) noexcept nogil:
    """Puts the items into order, as far as the window needs it. False: a value is no number."""
    cdef Arena* mem = s.c.ks.mem
    cdef Element* values = s.elements
    cdef bint good = True
    if s.has_by:
        values = <Element*>mem_alloc(mem, s.n * sizeof(Element))
        pattern_values(s.c, &s.by, s.elements, s.items, s.n, values)
    if s.alpha:
        _order_by_text(s, values)
    else:
        good = _order_by_number(s, values)
    if s.has_by:
        mem_free(mem, values, s.n * sizeof(Element))
    return good


# ---------------------------------------------------------------- the result

cdef void _found(Sort* s, size_t at, size_t n, Element* found) noexcept nogil:
    """What the n items from `at` on give: item by item, for each GET in turn."""
    cdef Element[PATTERN_GROUP] values
    cdef size_t i, g, count
    while n:
        count = n if n < PATTERN_GROUP else PATTERN_GROUP
        for g in range(s.get_count):
            pattern_values(s.c, &s.gets[g], s.elements, s.items + at, count, values)
            for i in range(count):
                found[i * s.get_count + g] = values[i]
        found += count * s.get_count
        at += count
        n -= count


cdef void _reply(Sort* s) noexcept nogil:
    cdef size_t i = s.start, j, n, room = PATTERN_GROUP * s.get_count
    cdef Element* found
    if s.get_count == 0:
        reply_array(s.c.out, s.end - s.start)
        for i in range(s.start, s.end):
            reply_element(s.c.out, &s.elements[s.items[i].index])
        return
    reply_array(s.c.out, (s.end - s.start) * s.get_count)
    found = <Element*>mem_alloc(s.c.ks.mem, room * sizeof(Element))
    while i < s.end:
        n = s.end - i if s.end - i < PATTERN_GROUP else PATTERN_GROUP
        _found(s, i, n, found)
        for j in range(n * s.get_count):
            if order_is_missing(&found[j]):
                reply_null(s.c.out)
            else:
                reply_element(s.c.out, &found[j])
        i += n
    mem_free(s.c.ks.mem, found, room * sizeof(Element))


cdef void _store(Sort* s) noexcept nogil:
    """The result as a list in the place of the destination. It may be the source, or what a GET leads to."""
    cdef Ctx* c = s.c
    cdef Key key = key_at(c, s.store_at)
    cdef size_t width = s.get_count if s.get_count else 1, length = (s.end - s.start) * width, i
    cdef Element* found = <Element*>mem_alloc(c.ks.mem, length * sizeof(Element))
    cdef Entry* before
    cdef Entry* e
    if s.get_count:
        _found(s, s.start, s.end - s.start, found)
    for i in range(length):
        if s.get_count == 0:
            found[i] = s.elements[s.items[s.start + i].index]
        elif order_is_missing(&found[i]):
            found[i] = element_text(b"", 0)
    before = keyspace_take(c.ks, c.db, key) if lookup_write(c, key) != NULL else NULL
    c.ks.made_way = before != NULL and length != 0
    if length:
        e = list_create(c.ks, c.db, key)
        for i in range(length):
            list_push_element(c.ks, e, LIST_TAIL, &found[i])
        list_normalize(c.ks, e)
        key_changed(c, key.name, EV_LIST, b"sortstore", length)
    elif before != NULL:
        key_changed(c, key.name, EV_GENERIC, b"del", 1)
    if before != NULL:
        keyspace_release(c.ks, before)
    mem_free(c.ks.mem, found, length * sizeof(Element))
    reply_int(c.out, length)


cdef void _close(Sort* s, size_t length) noexcept nogil:
    cdef Arena* mem = s.c.ks.mem
    cdef Chunk* chunk
    mem_free(mem, s.elements, length * sizeof(Element))
    mem_free(mem, s.items, length * sizeof(Ranked))
    while s.copies != NULL:
        chunk = s.copies
        s.copies = chunk.next
        mem_free(mem, chunk, chunk.size)


cdef Status _sort(Sort* s) noexcept nogil:
    cdef Ctx* c = s.c
    cdef Entry* e = lookup_read(c, key_at(c, 1))
    cdef size_t length = 0
    cdef bint good = True
    if e != NULL:
        if entry_type(e) != T_LIST and entry_type(e) != T_SET and entry_type(e) != T_ZSET:
            return ERR_WRONG_TYPE
        if s.dont_sort and (s.store_at or c.conn.flags & CONN_IN_SCRIPT) and entry_type(e) == T_SET:
            s.dont_sort = s.has_by = False
            s.alpha = True
        length = _length(e)
        _take(s, e)
        if not s.dont_sort:
            good = _order(s)
    if good and s.store_at:
        _store(s)
    elif good:
        _reply(s)
    _close(s, length)
    return OK if good else fail_with(c, ERR_CUSTOM, b"ERR One or more scores can't be converted into double")


cdef Status _run(Ctx* c, bint readonly) noexcept nogil:
    cdef Sort s
    cdef Status st
    s.c = c
    s.has_by = s.dont_sort = s.descending = s.alpha = False
    s.offset = s.start = s.end = s.n = s.get_count = 0
    s.count = -1
    s.store_at = 0
    s.elements = NULL
    s.items = NULL
    s.copies = NULL
    s.gets = <SortPattern*>mem_alloc(c.ks.mem, c.argc * sizeof(SortPattern))
    st = _options(&s, readonly)
    if st == OK:
        st = _sort(&s)
    mem_free(c.ks.mem, s.gets, c.argc * sizeof(SortPattern))
    return st


cdef Status cmd_sort(Ctx* c) noexcept nogil:
    """SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination]"""
    return _run(c, False)


cdef Status cmd_sort_ro(Ctx* c) noexcept nogil:
    """SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA]"""
    return _run(c, True)


cdef void bind_sorting(Table* t) noexcept nogil:
    table_bind(t, b"SORT", cmd_sort)
    table_bind(t, b"SORT_RO", cmd_sort_ro)
