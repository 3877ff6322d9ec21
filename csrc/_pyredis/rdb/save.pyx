"""save -- a value as RDB has it, in the oldest form that can hold it, so that servers back to Redis 7.0 can read it.

    string             STRING                   text, or an integer
    list               LIST_QUICKLIST_2         nodes: 1 and a large element, or 2 and a listpack
    set                SET_INTSET               the intset
                       SET                      members, how many first
    sorted set         ZSET_LISTPACK            the listpack
                       ZSET_2                   members, each with its score as a double; the last first
    hash               HASH_LISTPACK            the listpack
                       HASH                     fields, each with its value
      timed fields     HASH_LISTPACK_EX         the earliest expiry, then the listpack      version 12
                       HASH_METADATA            the earliest expiry; fields, each after its expiry, less the earliest
                                                and plus 1; 0 if it lasts                   version 12
    stream             STREAM_LISTPACKS_2       see save_stream
                       STREAM_LISTPACKS_3                                                   version 11

A small set is a listpack here, and Redis 7.2 has a type for it; Redis 7.0 has not, and members one by one are smaller
anyway. A sorted set goes backwards, since a reader that adds to the front of its list need not search.

What stands in one piece in memory is written in one piece: the types know which that is (x_image, list_parts), and
here nothing is known of encodings. Limits that make a listpack too large for its reader are the reader's to apply.

Fields of a hash whose time has passed and that nobody has met yet are saved as the others are, as Redis does.
"""
from libc.stdint cimport int64_t

from _pyredis.base.slice cimport slice_of
from _pyredis.db.hash_type cimport (HASH_LASTS, HashIter, hash_image, hash_iter, hash_iter_expiry, hash_length,
                                    hash_next, hash_next_expiry)
from _pyredis.db.list_type cimport ListPart, ListParts, list_next_part, list_parts
from _pyredis.db.set_type cimport SetIter, set_image, set_iter, set_length, set_next, set_of
from _pyredis.db.string_type cimport string_element
from _pyredis.db.value cimport (Entry, T_COUNT, T_HASH, T_LIST, T_SET, T_STREAM, T_STRING, T_ZSET, entry_type)
from _pyredis.db.zset_type cimport ZIter, zset_image, zset_iter_back, zset_length, zset_next
from _pyredis.ds.element cimport Element
from _pyredis.ds.listpack cimport LISTPACK_EMPTY, LISTPACK_END, LISTPACK_HEADER
from _pyredis.rdb.format cimport (RDB_HASH, RDB_HASH_LISTPACK, RDB_HASH_LISTPACK_EX, RDB_HASH_METADATA,
                                  RDB_LIST_QUICKLIST_2, RDB_SET, RDB_SET_INTSET, RDB_STREAM_LISTPACKS_3, RDB_STRING,
                                  RDB_VERSION_FIELD_EXPIRY, RDB_VERSION_LISTPACKS, RDB_VERSION_STREAMS_3, RDB_ZSET_2,
                                  RDB_ZSET_LISTPACK)
from _pyredis.rdb.save_stream cimport save_stream, stream_rdb_type
from _pyredis.rdb.sink cimport (sink_crc, sink_double, sink_element, sink_framed, sink_length, sink_string,
                                sink_u16, sink_u64, sink_u8)

cdef extern from "bytes.h" nogil:
    void bytes_store32(void* p, unsigned int x) noexcept

cdef enum:
    NODE_IS_PLAIN = 1              # of a list: one element
    NODE_IS_PACKED = 2             # a listpack
    COUNT_UNKNOWN = 65535          # in a listpack's header: more than it can count

cdef struct Saver:                 # what there is to know of a type of value
    RdbType (*type)(const Entry* e) noexcept nogil
    void    (*value)(Sink* s, const Entry* e, RdbType type) noexcept nogil


# ---------------------------------------------------------------- strings and lists

cdef RdbType _string_type(const Entry* e) noexcept nogil:
    return RDB_STRING


cdef void _string(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    cdef Element text = string_element(e)
    sink_element(s, &text)


cdef RdbType _list_type(const Entry* e) noexcept nogil:
    return RDB_LIST_QUICKLIST_2


cdef void _listpack(Sink* s, const ListPart* part) noexcept nogil:
    """Elements as a listpack."""
    cdef char[LISTPACK_HEADER] head
    cdef char end = <char>LISTPACK_END
    cdef size_t count = part.count if part.count < COUNT_UNKNOWN else COUNT_UNKNOWN
    bytes_store32(head, <unsigned int>((part.raw if part.raw else part.bytes.len) + LISTPACK_EMPTY))
    head[4] = <char>count
    head[5] = <char>(count >> 8)
    sink_framed(s, slice_of(head, LISTPACK_HEADER), part.bytes, slice_of(&end, 1), part.raw)


cdef void _list(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    cdef ListParts it
    cdef ListPart part
    sink_length(s, list_parts(e, &it))
    while list_next_part(&it, &part):
        if part.plain:
            sink_u8(s, NODE_IS_PLAIN)
            sink_string(s, part.bytes)
        else:
            sink_u8(s, NODE_IS_PACKED)
            _listpack(s, &part)


# ---------------------------------------------------------------- sets and sorted sets

cdef RdbType _set_type(const Entry* e) noexcept nogil:
    return RDB_SET_INTSET if set_image(set_of(e)).ptr != NULL else RDB_SET


cdef void _set(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    cdef SetIter it
    cdef Element member
    if type == RDB_SET_INTSET:
        sink_string(s, set_image(set_of(e)))
        return
    sink_length(s, set_length(set_of(e)))
    set_iter(set_of(e), &it)
    while set_next(&it, &member):
        sink_element(s, &member)


cdef RdbType _zset_type(const Entry* e) noexcept nogil:
    return RDB_ZSET_LISTPACK if zset_image(e).ptr != NULL else RDB_ZSET_2


cdef void _zset(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    cdef ZIter it
    cdef Element member
    cdef double score
    if type == RDB_ZSET_LISTPACK:
        sink_string(s, zset_image(e))
        return
    sink_length(s, zset_length(e))
    zset_iter_back(e, &it)
    while zset_next(&it, &member, &score):
        sink_element(s, &member)
        sink_double(s, score)


# ---------------------------------------------------------------- hashes

cdef RdbType _hash_type(const Entry* e) noexcept nogil:
    cdef bint packed = hash_image(e).ptr != NULL
    if hash_next_expiry(e) == HASH_LASTS:
        return RDB_HASH_LISTPACK if packed else RDB_HASH
    return RDB_HASH_LISTPACK_EX if packed else RDB_HASH_METADATA


cdef void _hash(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    cdef int64_t first = hash_next_expiry(e), expiry
    cdef HashIter it
    cdef Element field, value
    if first != HASH_LASTS:
        sink_u64(s, first)
    if type == RDB_HASH_LISTPACK or type == RDB_HASH_LISTPACK_EX:
        sink_string(s, hash_image(e))
        return
    sink_length(s, hash_length(e))
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        if first != HASH_LASTS:
            expiry = hash_iter_expiry(&it)
            sink_length(s, expiry - first + 1 if expiry != HASH_LASTS else 0)
        sink_element(s, &field)
        sink_element(s, &value)


# ---------------------------------------------------------------- any value

cdef Saver[<int>T_COUNT] _SAVERS


cdef void _saver(int t, RdbType (*type)(const Entry* e) noexcept nogil,
                 void (*value)(Sink* s, const Entry* e, RdbType type) noexcept nogil) noexcept:
    _SAVERS[t].type = type
    _SAVERS[t].value = value


_saver(T_STRING, _string_type, _string)
_saver(T_LIST, _list_type, _list)
_saver(T_SET, _set_type, _set)
_saver(T_ZSET, _zset_type, _zset)
_saver(T_HASH, _hash_type, _hash)
_saver(T_STREAM, stream_rdb_type, save_stream)


cdef RdbType save_type(const Entry* e) noexcept nogil:
    return _SAVERS[<int>entry_type(e)].type(e)


cdef RdbVersion save_version(RdbType type) noexcept nogil:
    if type == RDB_STREAM_LISTPACKS_3:
        return RDB_VERSION_STREAMS_3
    return RDB_VERSION_FIELD_EXPIRY if type > RDB_STREAM_LISTPACKS_3 else RDB_VERSION_LISTPACKS


cdef void save_value(Sink* s, const Entry* e, RdbType type) noexcept nogil:
    _SAVERS[<int>entry_type(e)].value(s, e, type)


cdef void save_payload(Sink* s, const Entry* e) noexcept nogil:
    cdef RdbType type = save_type(e)
    sink_u8(s, type)
    save_value(s, e, type)
    sink_u16(s, save_version(type))
    sink_u64(s, sink_crc(s))
