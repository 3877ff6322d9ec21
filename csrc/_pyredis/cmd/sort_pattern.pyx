"""sort_pattern -- what SORT's BY and GET lead to from each element.

    weight_*        the string at the key whose name has the element in the place of the first *
    object_*->name  the value of the field `name` in the hash at object_<element>
    #               the element itself (for GET)

Without a * a pattern leads nowhere. The field begins behind the first -> after the *, if anything follows it. As in
Redis a pattern is searched up to its first NUL, though what stands behind one still belongs to the name.

The names of a group of elements are built one behind the other, hashed, and their memory asked for, before the first
is looked up: for a million keys that is most of the time SORT takes.
"""
from libc.string cimport memchr, memcpy

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport Ctx, lookup_read
from _pyredis.db.effects cimport effects_keep
from _pyredis.db.hash_type cimport hash_get
from _pyredis.db.keyspace cimport Key, keyspace_find, keyspace_key
from _pyredis.db.string_type cimport STRING_DIGITS, string_get_i64, string_view
from _pyredis.db.value cimport Entry, T_HASH, T_STRING, entry_is_over, entry_type
from _pyredis.ds.dict cimport dict_prefetch_bucket, dict_prefetch_entries
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_int, element_length, element_slice, element_text
from _pyredis.ds.order cimport Ranked, order_missing


cdef SortPattern pattern_parse(Slice text) noexcept nogil:
    cdef SortPattern p
    cdef const char* star
    cdef const char* at
    cdef const char* end = <const char*>memchr(text.ptr, 0, text.len)
    if end == NULL:
        end = text.ptr + text.len
    p.field = slice_of(NULL, 0)
    p.is_element = end - text.ptr == 1 and text.ptr[0] == c'#'
    star = <const char*>memchr(text.ptr, c'*', end - text.ptr)
    p.leads = star != NULL
    if star == NULL:
        p.before = p.behind = p.field
        return p
    p.before = slice_of(text.ptr, star - text.ptr)
    p.behind = slice_of(star + 1, text.ptr + text.len - star - 1)
    at = star + 1
    while at + 1 < end and not (at[0] == c'-' and at[1] == c'>'):
        at += 1
    if at + 2 < end:
        p.behind.len = at - p.behind.ptr
        p.field = slice_of(at + 2, text.ptr + text.len - at - 2)
    return p


cdef inline Element _value(Ctx* c, const SortPattern* p, Key key) noexcept nogil:
    """What the key, or its field, holds."""
    cdef char[STRING_DIGITS] digits
    cdef Slice text
    cdef Element found
    cdef Entry* e = keyspace_find(c.db, key)
    if e != NULL and entry_is_over(e, c.ks.due_ms):
        key.name = effects_keep(&c.ks.fx, key.name)    # the effect outlives the group's names
    e = lookup_read(c, key)
    if e == NULL or entry_type(e) != (T_HASH if p.field.len else T_STRING):
        return order_missing()
    if p.field.len:
        return found if hash_get(c.ks, e, p.field, &found) else order_missing()
    text = string_view(e, digits)
    if text.ptr != digits:
        return element_text(text.ptr, text.len)
    found = element_int(0)
    string_get_i64(e, &found.number)
    return found


cdef size_t _names_length(const SortPattern* p, const Element* elements, const Ranked* items, size_t n) noexcept nogil:
    cdef size_t i, sum = 0
    for i in range(n):
        sum += p.before.len + element_length(&elements[items[i].index]) + p.behind.len
    return sum


cdef void _group(Ctx* c, const SortPattern* p, const Element* elements, const Ranked* items, size_t n,
                 Element* values) noexcept nogil:
    cdef Key[PATTERN_GROUP] keys
    cdef char[ELEMENT_DIGITS] digits
    cdef size_t i, room = _names_length(p, elements, items, n)
    cdef char* names = <char*>mem_alloc(c.ks.mem, room)
    cdef char* at = names
    cdef Slice text
    for i in range(n):
        text = element_slice(&elements[items[i].index], digits)
        memcpy(at, p.before.ptr, p.before.len)
        memcpy(at + p.before.len, text.ptr, text.len)
        memcpy(at + p.before.len + text.len, p.behind.ptr, p.behind.len)
        keys[i] = keyspace_key(c.ks, slice_of(at, p.before.len + text.len + p.behind.len))
        at += keys[i].name.len
        dict_prefetch_bucket(&c.db.keys, keys[i].hash)
    for i in range(n):
        dict_prefetch_entries(&c.db.keys, keys[i].hash)
    for i in range(n):
        values[i] = _value(c, p, keys[i])
    mem_free(c.ks.mem, names, room)


cdef void pattern_values(Ctx* c, const SortPattern* p, const Element* elements, const Ranked* items, size_t n,
                         Element* values) noexcept nogil:
    cdef size_t i, count
    if p.is_element or not p.leads:
        for i in range(n):
            values[i] = elements[items[i].index] if p.is_element else order_missing()
        return
    i = 0
    while i < n:
        count = n - i if n - i < PATTERN_GROUP else PATTERN_GROUP
        _group(c, p, elements, items + i, count, values + i)
        i += count
