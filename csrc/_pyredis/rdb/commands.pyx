"""commands -- all data as the commands that make it: the base of an append-only file without RDB preamble.

    #TS:seconds               if the facts have an aux field of the name #TS
    FUNCTION LOAD source ...
    for each database that has keys: SELECT, and for each key
        string        SET
        list          RPUSH        \\
        set           SADD          |  64 elements a command, so that who loads it
        sorted set    ZADD          |  need not have a whole collection in its input
        hash          HSET         /   and HPEXPIREAT for each field that ends
        stream        XADD an entry, XSETID; XGROUP CREATE, XGROUP CREATECONSUMER, XCLAIM what is pending
        PEXPIREAT     if the key expires

A stream without entries is made by an XADD that is trimmed at once. What a group has pending of entries that are
deleted is lost, as with Redis: no command can make it. Keys and fields whose time has passed are written as they are.

Nothing is changed, and no Python is met: made for a forked child. Compressed list nodes are opened one at a time.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from _pyredis.base.num cimport (NUM_DOUBLE_MAX, NUM_I64_MAX, num_format_i64, num_format_shortest, num_format_u64)
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.hash_type cimport (HASH_LASTS, HashIter, hash_iter, hash_iter_expiry, hash_length, hash_next,
                                    hash_next_expiry)
from _pyredis.db.keyspace cimport Db
from _pyredis.db.list_type cimport ListIter, list_done, list_iter, list_length, list_next
from _pyredis.db.set_type cimport SetIter, set_iter, set_length, set_next, set_of
from _pyredis.db.stream_groups cimport Consumer, Group, Pending, consumer_at, group_at
from _pyredis.db.stream_node cimport node_pair
from _pyredis.db.stream_type cimport Stream, StreamWalk, stream_of, stream_step, stream_walk
from _pyredis.db.string_type cimport STRING_DIGITS, string_view
from _pyredis.db.value cimport (ENTRY_EXPIRES, Entry, T_HASH, T_LIST, T_SET, T_STREAM, T_STRING, T_ZSET, entry_expiry,
                                entry_key, entry_type)
from _pyredis.db.zset_type cimport ZIter, zset_iter_all, zset_length, zset_next
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.id cimport Id, id_max, id_of
from _pyredis.ds.rax cimport RaxCursor, cursor_id, cursor_value, rax_first, rax_next
from _pyredis.rdb.sink cimport sink_room, sink_slice, sink_write

cdef enum:
    BATCH = 64                     # elements a command
    HEADER = 24
    ID_TEXT = 2 * NUM_I64_MAX + 1


# ---------------------------------------------------------------- words

cdef void _header(Sink* s, char sign, uint64_t n) noexcept nogil:
    cdef char* at = sink_room(s, HEADER)
    cdef int used = 1 + num_format_u64(n, at + 1)
    at[0] = sign
    at[used] = c'\r'
    at[used + 1] = c'\n'
    s.used += used + 2


cdef void _word(Sink* s, Slice word) noexcept nogil:
    _header(s, c'$', word.len)
    sink_slice(s, word)
    sink_write(s, b"\r\n", 2)


cdef void _text(Sink* s, const char* text, size_t n) noexcept nogil:
    _word(s, slice_of(text, n))


cdef void _number(Sink* s, int64_t v) noexcept nogil:
    cdef char[NUM_I64_MAX + 1] digits
    _word(s, slice_of(digits, num_format_i64(v, digits)))


cdef void _element(Sink* s, const Element* x) noexcept nogil:
    cdef char[ELEMENT_DIGITS] digits
    _word(s, element_slice(x, digits))


cdef void _id(Sink* s, Id id) noexcept nogil:
    cdef char[ID_TEXT + 1] text
    cdef int n = num_format_u64(id.ms, text)
    text[n] = c'-'
    n += 1
    n += num_format_u64(id.seq, text + n)
    _word(s, slice_of(text, n))


cdef void _begin(Sink* s, size_t words, const char* name, size_t n, Slice key) noexcept nogil:
    """A command of so many words in all, whose second is the key."""
    _header(s, c'*', words)
    _text(s, name, n)
    _word(s, key)


cdef inline void _begin_batch(Sink* s, size_t i, size_t length, int each, const char* name, size_t n,
                              Slice key) noexcept nogil:
    """Before element i of a collection: a new command, if it is due."""
    if i % BATCH == 0:
        _begin(s, 2 + min(length - i, <size_t>BATCH) * each, name, n, key)


# ---------------------------------------------------------------- values

cdef void _string(Sink* s, const Entry* e, Slice key) noexcept nogil:
    cdef char[STRING_DIGITS] digits
    _begin(s, 3, b"SET", 3, key)
    _word(s, string_view(e, digits))


cdef void _list(Sink* s, Keyspace* ks, const Entry* e, Slice key) noexcept nogil:
    cdef ListIter it
    cdef Element x
    cdef size_t i = 0, length = list_length(e)
    list_iter(&it, ks, e, 0, False)
    while list_next(&it, &x):
        _begin_batch(s, i, length, 1, b"RPUSH", 5, key)
        _element(s, &x)
        i += 1
    list_done(&it)


cdef void _set(Sink* s, const Entry* e, Slice key) noexcept nogil:
    cdef SetIter it
    cdef Element x
    cdef size_t i = 0, length = set_length(set_of(e))
    set_iter(set_of(e), &it)
    while set_next(&it, &x):
        _begin_batch(s, i, length, 1, b"SADD", 4, key)
        _element(s, &x)
        i += 1


cdef void _zset(Sink* s, const Entry* e, Slice key) noexcept nogil:
    cdef char[NUM_DOUBLE_MAX] score_text
    cdef ZIter it
    cdef Element x
    cdef double score
    cdef size_t i = 0, length = zset_length(e)
    zset_iter_all(e, &it)
    while zset_next(&it, &x, &score):
        _begin_batch(s, i, length, 2, b"ZADD", 4, key)
        _word(s, slice_of(score_text, num_format_shortest(score, score_text)))
        _element(s, &x)
        i += 1


cdef void _hash(Sink* s, const Entry* e, Slice key) noexcept nogil:
    cdef HashIter it
    cdef Element field, value
    cdef size_t i = 0, length = hash_length(e)
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        _begin_batch(s, i, length, 2, b"HSET", 4, key)
        _element(s, &field)
        _element(s, &value)
        i += 1
    if hash_next_expiry(e) == HASH_LASTS:
        return
    hash_iter(e, 0, &it)
    while hash_next(&it, &field, &value):
        if hash_iter_expiry(&it) != HASH_LASTS:
            _begin(s, 6, b"HPEXPIREAT", 10, key)
            _number(s, hash_iter_expiry(&it))
            _text(s, b"FIELDS", 6)
            _text(s, b"1", 1)
            _element(s, &field)


# ---------------------------------------------------------------- streams

cdef void _entries(Sink* s, const Stream* stream, Slice key) noexcept nogil:
    cdef StreamWalk walk
    cdef Element name, value
    stream_walk(stream, &walk, id_of(0, 0), id_max(), False)
    while stream_step(&walk):
        _begin(s, 3 + 2 * walk.entry.fields, b"XADD", 4, key)
        _id(s, walk.entry.id)
        while node_pair(&walk.entry, &name, &value):
            _element(s, &name)
            _element(s, &value)


cdef void _no_entries(Sink* s, const Stream* stream, Slice key) noexcept nogil:
    cdef bint never = stream.last_id.ms == 0 and stream.last_id.seq == 0
    _begin(s, 7, b"XADD", 4, key)
    _text(s, b"MAXLEN", 6)
    _text(s, b"0", 1)
    _id(s, id_of(0, 1) if never else stream.last_id)
    _text(s, b"x", 1)
    _text(s, b"y", 1)


cdef void _pending(Sink* s, const Group* g, const Consumer* consumer, Slice key) noexcept nogil:
    cdef RaxCursor at = rax_first(&g.pending)
    cdef const Pending* p
    while at.leaf != NULL:
        p = <const Pending*>cursor_value(&at)
        if p.consumer == consumer:
            _begin(s, 12, b"XCLAIM", 6, key)
            _word(s, g.name)
            _word(s, consumer.name)
            _text(s, b"0", 1)
            _id(s, cursor_id(&at))
            _text(s, b"TIME", 4)
            _number(s, p.delivered_ms)
            _text(s, b"RETRYCOUNT", 10)
            _number(s, <int64_t>p.deliveries)
            _text(s, b"JUSTID", 6)
            _text(s, b"FORCE", 5)
        rax_next(&at)


cdef void _group(Sink* s, const Group* g, Slice key) noexcept nogil:
    cdef const Consumer* consumer
    cdef uint32_t i
    _header(s, c'*', 7)
    _text(s, b"XGROUP", 6)
    _text(s, b"CREATE", 6)
    _word(s, key)
    _word(s, g.name)
    _id(s, g.last_id)
    _text(s, b"ENTRIESREAD", 11)
    _number(s, g.entries_read)
    for i in range(g.consumers.count):
        consumer = consumer_at(g, i)
        _header(s, c'*', 5)
        _text(s, b"XGROUP", 6)
        _text(s, b"CREATECONSUMER", 14)
        _word(s, key)
        _word(s, g.name)
        _word(s, consumer.name)
        if consumer.pending.count:
            _pending(s, g, consumer, key)


cdef void _stream(Sink* s, const Entry* e, Slice key) noexcept nogil:
    cdef const Stream* stream = stream_of(e)
    cdef uint32_t i
    if stream.length:
        _entries(s, stream, key)
    else:
        _no_entries(s, stream, key)
    _begin(s, 7, b"XSETID", 6, key)
    _id(s, stream.last_id)
    _text(s, b"ENTRIESADDED", 12)
    _number(s, <int64_t>stream.entries_added)
    _text(s, b"MAXDELETEDID", 12)
    _id(s, stream.max_deleted_id)
    for i in range(stream.groups.count):
        _group(s, group_at(&stream.groups, i), key)


# ---------------------------------------------------------------- all of it

cdef void _key(Sink* s, Keyspace* ks, const Entry* e) noexcept nogil:
    cdef Slice key = entry_key(e)
    if entry_type(e) == T_STRING:
        _string(s, e, key)
    elif entry_type(e) == T_LIST:
        _list(s, ks, e, key)
    elif entry_type(e) == T_SET:
        _set(s, e, key)
    elif entry_type(e) == T_ZSET:
        _zset(s, e, key)
    elif entry_type(e) == T_HASH:
        _hash(s, e, key)
    elif entry_type(e) == T_STREAM:
        _stream(s, e, key)
    if e.flags & ENTRY_EXPIRES:
        _begin(s, 3, b"PEXPIREAT", 9, key)
        _number(s, entry_expiry(e))


cdef void _database(Sink* s, Keyspace* ks, const Db* db, const FileFacts* facts) noexcept nogil:
    cdef DictIter it
    cdef const Entry* e
    _header(s, c'*', 2)
    _text(s, b"SELECT", 6)
    _number(s, db.id)
    dict_iter(&db.keys, &it)
    while not s.failed:
        e = <const Entry*>dict_next(&it)
        if e == NULL:
            break
        _key(s, ks, e)
        if facts.progress != NULL and not facts.progress(facts.arg, 1):
            s.failed = True


cdef bint commands_write(Sink* s, const Keyspace* ks, const FileFacts* facts) noexcept nogil:
    cdef size_t f
    cdef int i
    for f in range(facts.aux_count):             # an annotation, if it is asked for
        if facts.aux[f].name.len and facts.aux[f].name.ptr[0] == c'#':
            sink_slice(s, facts.aux[f].name)
            sink_write(s, b":", 1)
            sink_slice(s, facts.aux[f].value)
            sink_write(s, b"\r\n", 2)
    for f in range(facts.function_count):
        _header(s, c'*', 3)
        _text(s, b"FUNCTION", 8)
        _text(s, b"LOAD", 4)
        _word(s, facts.functions[f])
    for i in range(ks.count):
        if ks.dbs[i].keys.used:
            _database(s, <Keyspace*>ks, &ks.dbs[i], facts)
    return not s.failed
