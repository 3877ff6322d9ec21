"""stream_args -- what the commands of streams share: IDs in requests and replies, entries in replies, the errors.

An ID is written `ms-seq`; without `-seq` it means the first of its millisecond, or the last where an interval ends
there. `-` and `+` are the smallest and largest ID wherever an interval is asked for, `(` in front leaves the ID
itself out. Halves are read as leniently as Redis reads them: what strtoull takes, up to a NUL.

Who reads as a member of a group changes the group in ways that depend on the time and on what has come before. So
elsewhere it is repeated as what it did: XCLAIM with everything about the one entry, XGROUP SETID, CREATECONSUMER.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr

from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64, num_format_u64, num_parse_u64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.cmd.ctx cimport Ctx, fail_with, key_at, key_changed, open_typed, propagate_instead
from _pyredis.cmd.elements cimport reply_element
from _pyredis.db.effects cimport EV_STREAM, EV_TOLD
from _pyredis.db.stream_groups cimport consumer_create, consumer_find, group_find
from _pyredis.db.stream_node cimport node_pair
from _pyredis.db.stream_type cimport StreamWalk, stream_of, stream_step, stream_walk
from _pyredis.db.value cimport Entry, T_STREAM
from _pyredis.ds.element cimport Element
from _pyredis.ds.id cimport id_decrement, id_increment, id_max, id_of
from _pyredis.wire.reply cimport Deferred, reply_array, reply_begin, reply_bulk, reply_end

cdef enum:
    ID_LONGEST = 127               # bytes of an ID in a request


# ---------------------------------------------------------------- IDs

cdef bint _lenient_u64(Slice s, uint64_t* v) noexcept nogil:
    """A number as strtoull takes it: blanks and a sign before, zeros, too; negative ones wrap around."""
    cdef size_t i = 0
    cdef bint minus = False
    cdef uint64_t sum = 0, digit
    while i < s.len and (s.ptr[i] == c' ' or c'\t' <= s.ptr[i] <= c'\r'):
        i += 1
    if i < s.len and (s.ptr[i] == c'-' or s.ptr[i] == c'+'):
        minus = s.ptr[i] == c'-'
        i += 1
    if i == s.len:
        return False
    while i < s.len:
        digit = <uint64_t>(s.ptr[i] - c'0')
        if digit > 9 or sum > (~<uint64_t>0 - digit) // 10:
            return False
        sum = sum * 10 + digit
        i += 1
    v[0] = 0 - sum if minus else sum
    return True


cdef bint _half(Slice s, uint64_t* v) noexcept nogil:
    """One of an ID's two numbers. A canonical negative number is none, another (-05) is."""
    if num_parse_u64(s.ptr, s.len, v):
        return True
    if s.len > 1 and s.ptr[0] == c'-' and c'1' <= s.ptr[1] <= c'9' and _lenient_u64(s, v):
        return v[0] < <uint64_t>1 << 63            # -2^63 and above were read as the negative number that they are
    return _lenient_u64(s, v)


cdef bint stream_parse_id(Slice text, uint64_t seq, bint strict, Id* id, bint* any_seq) noexcept nogil:
    """False: it is none. `any_seq` (unless NULL, when no `*` is allowed) tells of the form `ms-*`."""
    cdef const char* stop
    cdef Slice half
    if any_seq != NULL:
        any_seq[0] = False
    if text.len > ID_LONGEST:
        return False
    stop = <const char*>memchr(text.ptr, 0, text.len)
    if stop != NULL:                               # Redis: behind a NUL nothing is read
        text.len = stop - text.ptr
    if text.len == 1 and (text.ptr[0] == c'-' or text.ptr[0] == c'+'):
        id[0] = id_of(0, 0) if text.ptr[0] == c'-' else id_max()
        return not strict
    stop = <const char*>memchr(text.ptr, c'-', text.len)
    id.seq = seq
    half = text
    if stop != NULL:
        half.len = stop - text.ptr
    if not _half(half, &id.ms):
        return False
    if stop == NULL:
        return True
    half = slice_of(stop + 1, text.len - half.len - 1)
    if any_seq != NULL and half.len == 1 and half.ptr[0] == c'*':
        any_seq[0] = True
        id.seq = 0
        return True
    return _half(half, &id.seq)


cdef Status _invalid_id(Ctx* c) noexcept nogil:
    return fail_with(c, ERR_CUSTOM, b"ERR Invalid stream ID specified as stream command argument")


cdef Status arg_id(Ctx* c, int i, Id* id) noexcept nogil:
    return OK if stream_parse_id(c.argv[i], 0, True, id, NULL) else _invalid_id(c)


cdef Status _interval_end(Ctx* c, int i, uint64_t seq, Id* id, bint* left_out) noexcept nogil:
    cdef Slice text = c.argv[i]
    left_out[0] = text.len > 1 and text.ptr[0] == c'('
    if left_out[0]:
        text = slice_of(text.ptr + 1, text.len - 1)
    return OK if stream_parse_id(text, seq, left_out[0], id, NULL) else _invalid_id(c)


cdef Status arg_first(Ctx* c, int i, Id* id) noexcept nogil:
    cdef bint left_out
    cdef Status st = _interval_end(c, i, 0, id, &left_out)
    if st == OK and left_out and not id_increment(id):
        return fail_with(c, ERR_CUSTOM, b"ERR invalid start ID for the interval")
    return st


cdef Status arg_last(Ctx* c, int i, Id* id) noexcept nogil:
    cdef bint left_out
    cdef Status st = _interval_end(c, i, ~<uint64_t>0, id, &left_out)
    if st == OK and left_out and not id_decrement(id):
        return fail_with(c, ERR_CUSTOM, b"ERR invalid end ID for the interval")
    return st


cdef Slice id_text(Id id, char* room) noexcept nogil:
    """`ms-seq`, written into `room` (ID_TEXT)."""
    cdef int n = num_format_u64(id.ms, room)
    room[n] = c'-'
    n += 1
    n += num_format_u64(id.seq, room + n)
    return slice_of(room, n)


# ---------------------------------------------------------------- replies

cdef void reply_id(Out* out, Id id) noexcept nogil:
    cdef char[ID_TEXT] room
    cdef Slice text = id_text(id, room)
    reply_bulk(out, text.ptr, text.len)


cdef void reply_entry(Out* out, NodeEntry* e) noexcept nogil:
    """[id, [name, value, name, value ...]]"""
    cdef Element field, value
    reply_array(out, 2)
    reply_id(out, e.id)
    reply_array(out, e.left * 2)
    while node_pair(e, &field, &value):
        reply_element(out, &field)
        reply_element(out, &value)


cdef size_t reply_entries(Out* out, const Stream* s, Id first, Id last, int64_t count, bint backwards) noexcept nogil:
    """An array of the live entries from `first` to `last`, at most `count` (0: all); how many."""
    cdef StreamWalk w
    cdef size_t n = 0
    cdef Deferred header = reply_begin(out, c'*')
    stream_walk(s, &w, first, last, backwards)
    while (count == 0 or n < <size_t>count) and stream_step(&w):
        reply_entry(out, &w.entry)
        n += 1
    reply_end(out, header, n)
    return n


# ---------------------------------------------------------------- keys and groups

cdef Status open_stream(Ctx* c, int key, bint for_write, Stream** s) noexcept nogil:
    cdef Entry* e
    cdef Status st = open_typed(c, key_at(c, key), T_STREAM, for_write, &e)
    s[0] = stream_of(e) if st == OK and e != NULL else NULL
    return st


cdef int _shown(Slice s) noexcept nogil:
    """How much of a word an error shows: up to a NUL, and what fits."""
    cdef const char* stop = <const char*>memchr(s.ptr, 0, s.len)
    cdef size_t n = stop - s.ptr if stop != NULL else s.len
    return <int>(n if n < 512 else 512)


cdef Status fail_no_group(Ctx* c, const char* format, Slice first, Slice second) noexcept nogil:
    """An error with these two words in the places of `format`'s two %.*s."""
    snprintf(c.server.detail, sizeof(c.server.detail), format, _shown(first), first.ptr, _shown(second), second.ptr)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


cdef Status open_group(Ctx* c, int key, bint for_write, Stream** s, Group** g) noexcept nogil:
    cdef Status st = open_stream(c, key, for_write, s)
    if st != OK:
        return st
    g[0] = group_find(&s[0].groups, c.argv[key + 1]) if s[0] != NULL else NULL
    if g[0] == NULL:
        return fail_no_group(c, b"NOGROUP No such key '%.*s' or consumer group '%.*s'", c.argv[key], c.argv[key + 1])
    return OK


cdef Status fail_usage(Ctx* c) noexcept nogil:
    cdef char[32] upper
    cdef size_t i = 0
    while c.cmd.name[i] != c'|' and c.cmd.name[i] and i < sizeof(upper) - 1:
        upper[i] = c.cmd.name[i] - 32 if c'a' <= c.cmd.name[i] <= c'z' else c.cmd.name[i]
        i += 1
    upper[i] = 0
    snprintf(c.server.detail, sizeof(c.server.detail),
             b"ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
             <int>(_shown(c.argv[1]) if _shown(c.argv[1]) < 128 else 128), c.argv[1].ptr, upper)
    return fail_with(c, ERR_CUSTOM, c.server.detail)


# ---------------------------------------------------------------- consumers, and what is repeated elsewhere

cdef Consumer* stream_consumer(Ctx* c, Slice key, Group* g, Slice name, bint* made) noexcept nogil:
    cdef Consumer* consumer = consumer_find(g, name)
    made[0] = consumer == NULL
    if made[0]:
        consumer = consumer_create(c.ks.mem, g, name, c.ks.now_ms)
        key_changed(c, key, EV_STREAM | EV_TOLD, b"xgroup-createconsumer", 1)
    consumer.seen_ms = c.ks.now_ms
    return consumer


cdef void propagate_nothing(Ctx* c) noexcept nogil:
    c.ks.fx.rewritten = True


cdef void propagate_claim(Ctx* c, Slice key, const Group* g, Slice id, const Pending* p) noexcept nogil:
    """The entry is pending as p says, and all up to the group's last ID has been delivered."""
    cdef Slice[14] words
    cdef char[ID_TEXT] last_room
    cdef char[NUM_I64_MAX] time
    cdef char[NUM_I64_MAX] deliveries
    propagate_nothing(c)
    if not c.ks.fx.propagating:
        return
    words[0] = slice_of(b"XCLAIM", 6)
    words[1] = key
    words[2] = g.name
    words[3] = p.consumer.name
    words[4] = slice_of(b"0", 1)
    words[5] = id
    words[6] = slice_of(b"TIME", 4)
    words[7] = slice_of(time, num_format_i64(p.delivered_ms, time))
    words[8] = slice_of(b"RETRYCOUNT", 10)
    words[9] = slice_of(deliveries, num_format_i64(<int64_t>p.deliveries, deliveries))
    words[10] = slice_of(b"FORCE", 5)
    words[11] = slice_of(b"JUSTID", 6)
    words[12] = slice_of(b"LASTID", 6)
    words[13] = id_text(g.last_id, last_room)
    propagate_instead(c, 14, words)


cdef void propagate_group_id(Ctx* c, Slice key, const Group* g) noexcept nogil:
    cdef Slice[7] words
    cdef char[ID_TEXT] room
    cdef char[NUM_I64_MAX] digits
    words[0] = slice_of(b"XGROUP", 6)
    words[1] = slice_of(b"SETID", 5)
    words[2] = key
    words[3] = g.name
    words[4] = id_text(g.last_id, room)
    words[5] = slice_of(b"ENTRIESREAD", 11)
    words[6] = slice_of(digits, num_format_i64(g.entries_read, digits))
    propagate_instead(c, 7, words)


cdef void propagate_consumer(Ctx* c, Slice key, const Group* g, Slice name) noexcept nogil:
    cdef Slice[5] words
    words[0] = slice_of(b"XGROUP", 6)
    words[1] = slice_of(b"CREATECONSUMER", 14)
    words[2] = key
    words[3] = g.name
    words[4] = name
    propagate_instead(c, 5, words)
