"""stream_read -- XREAD and XREADGROUP: what comes after an ID, of several streams, now or when it is there.

Both run in the same steps: options; for each stream what is to be read of it (Source); the streams one after another,
of which those with nothing to say are left out of the reply; and if none has anything, waiting. A command that waited
runs again as a whole. `$` means "after what is there now", so the copy of the request that waits has the ID instead.

XREADGROUP `>` delivers what the group has not delivered yet, and notes it as pending with the consumer, unless NOACK
says that nobody will acknowledge. Any other ID reads the consumer's own history: what is pending with it after that ID.
It waits for streams that are there, as members of a group: if the key ends, or the group, it answers an error.
"""
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdio cimport snprintf

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.cmd.blocking cimport block_on, block_on_any_change
from _pyredis.cmd.ctx cimport Ctx, Table, arg_i64, arg_is, fail_with
from _pyredis.cmd.stream_args cimport (ID_TEXT, arg_id, fail_no_group, id_text, open_stream, propagate_claim,
                                       propagate_consumer, propagate_group_id, propagate_nothing, reply_entry, reply_id,
                                       stream_consumer)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.stream_groups cimport Consumer, Group, Pending, group_find, pending_find, pending_give
from _pyredis.db.stream_type cimport Stream, StreamWalk, stream_advance, stream_step, stream_top, stream_walk
from _pyredis.db.value cimport T_STREAM
from _pyredis.ds.id cimport Id, id_decrement, id_increment, id_less, id_max, id_of
from _pyredis.ds.rax cimport RaxCursor, cursor_id, rax_ceiling, rax_next
from _pyredis.wire.reply cimport (Deferred, reply_array, reply_begin, reply_end, reply_null_array, reply_slice)

cdef enum:
    FEW = 8                        # sources for which no memory is asked

cdef struct ReadOptions:
    bint in_group
    bint noack
    bint blocks
    int64_t deadline_ms
    int64_t count                  # entries of a stream; 0: all
    int group                      # argv index of the group's name, the consumer's behind it; 0: none
    int keys                       # argv index of the first key
    int streams

cdef struct Source:                # one of the streams
    Stream* s
    Group* g
    Id after
    bint fresh                     # `>`
    bint resolved                  # `$`


# ---------------------------------------------------------------- options

cdef Status _arg_deadline_ms(Ctx* c, int i, ReadOptions* o) noexcept nogil:
    cdef int64_t ms
    if not num_parse_i64(c.argv[i].ptr, c.argv[i].len, &ms):
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is not an integer or out of range")
    if ms < 0:
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is negative")
    if ms > INT64_MAX - c.ks.now_ms:
        return fail_with(c, ERR_CUSTOM, b"ERR timeout is out of range")
    o.blocks = True
    o.deadline_ms = c.ks.now_ms + ms if ms else 0
    return OK


cdef Status _settle_streams(Ctx* c, int first, ReadOptions* o) noexcept nogil:
    o.keys = first
    o.streams = (c.argc - first) // 2
    if (c.argc - first) & 1 == 0:
        return OK
    if o.in_group:
        return fail_with(c, ERR_CUSTOM, b"ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or "
                         b"'>' must be specified.")
    return fail_with(c, ERR_CUSTOM, b"ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' "
                     b"must be specified.")


cdef Status _parse_options(Ctx* c, ReadOptions* o) noexcept nogil:
    cdef int i = 1
    cdef Status st = OK
    o.noack = o.blocks = False
    o.count = o.deadline_ms = 0
    o.group = o.keys = 0
    while i < c.argc and st == OK and not o.keys:
        if arg_is(c, i, b"BLOCK", 5) and i + 1 < c.argc:
            i += 1
            st = _arg_deadline_ms(c, i, o)
        elif arg_is(c, i, b"COUNT", 5) and i + 1 < c.argc:
            i += 1
            st = arg_i64(c, i, &o.count)
            if o.count < 0:
                o.count = 0
        elif arg_is(c, i, b"STREAMS", 7) and i + 1 < c.argc:
            st = _settle_streams(c, i + 1, o)
        elif arg_is(c, i, b"GROUP", 5) and i + 2 < c.argc:
            if not o.in_group:
                return fail_with(c, ERR_CUSTOM,
                                 b"ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
            o.group = i + 1
            i += 2
        elif arg_is(c, i, b"NOACK", 5):
            if not o.in_group:
                return fail_with(c, ERR_CUSTOM,
                                 b"ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
            o.noack = True
        else:
            return ERR_SYNTAX
        i += 1
    if st != OK:
        return st
    if not o.keys:
        return ERR_SYNTAX
    if o.in_group and not o.group:
        return fail_with(c, ERR_CUSTOM, b"ERR Missing GROUP option for XREADGROUP")
    return OK


cdef inline bint _is(Slice word, char one) noexcept nogil:
    return word.len == 1 and word.ptr[0] == one


cdef Status _special_id(Ctx* c, Slice word, const ReadOptions* o, Source* source) noexcept nogil:
    """`$`, `+` or `>`."""
    if word.ptr[0] == c'>':
        if not o.in_group:
            return fail_with(c, ERR_CUSTOM, b"ERR The > ID can be specified only when calling XREADGROUP using the "
                             b"GROUP <group> <consumer> option.")
        source.fresh = True
        return OK
    if o.in_group:
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR The %c ID is meaningless in the context of "
                 b"XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > "
                 b"ID to get new messages. The %c ID would just return an empty result set.", word.ptr[0], word.ptr[0])
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    if word.ptr[0] == c'$':
        source.resolved = True
        if source.s != NULL:
            source.after = source.s.last_id
    elif source.s != NULL and source.s.length:
        source.after = stream_top(source.s)
        id_decrement(&source.after)
    return OK


cdef Status _find_source(Ctx* c, int i, const ReadOptions* o, Source* source) noexcept nogil:
    """The i-th stream, its group, and the ID after which it is read."""
    cdef Slice word = c.argv[o.keys + o.streams + i]
    cdef Status st = open_stream(c, o.keys + i, False, &source.s)
    source.g = NULL
    source.after = id_of(0, 0)
    source.fresh = source.resolved = False
    if st != OK:
        return st
    if o.in_group:
        if source.s != NULL:
            source.g = group_find(&source.s.groups, c.argv[o.group])
        if source.g == NULL:
            return fail_no_group(c, b"NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with GROUP "
                                 b"option", c.argv[o.keys + i], c.argv[o.group])
    if _is(word, c'$') or _is(word, c'+') or _is(word, c'>'):
        return _special_id(c, word, o, source)
    return arg_id(c, o.keys + o.streams + i, &source.after)


# ---------------------------------------------------------------- the reply

cdef struct Served:                # the reply under way
    size_t streams
    Deferred header


cdef void _begin_stream(Ctx* c, Slice key, Served* served) noexcept nogil:
    """The next stream of the reply: a pair in RESP2, a pair of a map in RESP3."""
    if served.streams == 0:
        served.header = reply_begin(c.out, c'*' if c.out.proto == 2 else c'%')
    served.streams += 1
    if c.out.proto == 2:
        reply_array(c.out, 2)
    reply_slice(c.out, key)


cdef void _read(Ctx* c, Slice key, const Source* source, int64_t count, Served* served) noexcept nogil:
    """XREAD of one stream."""
    cdef StreamWalk w
    cdef Deferred header
    cdef Id first = source.after
    cdef size_t n = 0
    if source.s.length == 0 or not id_less(source.after, source.s.last_id) or not id_increment(&first):
        return
    stream_walk(source.s, &w, first, id_max(), False)
    if not stream_step(&w):
        return
    _begin_stream(c, key, served)
    header = reply_begin(c.out, c'*')
    while True:
        reply_entry(c.out, &w.entry)
        n += 1
        if (count and n == <size_t>count) or not stream_step(&w):
            break
    reply_end(c.out, header, n)


cdef void _deliver(Ctx* c, Slice key, const Source* source, const ReadOptions* o, Consumer* consumer) noexcept nogil:
    """What the group has not delivered yet."""
    cdef char[ID_TEXT] room
    cdef StreamWalk w
    cdef Pending* p
    cdef Id first = source.g.last_id
    cdef size_t n = 0
    cdef Deferred header = reply_begin(c.out, c'*')
    id_increment(&first)
    stream_walk(source.s, &w, first, id_max(), False)
    while (o.count == 0 or n < <size_t>o.count) and stream_step(&w):
        stream_advance(source.s, source.g, w.entry.id)
        reply_entry(c.out, &w.entry)
        n += 1
        if not o.noack:
            p = pending_give(c.ks.mem, source.g, w.entry.id, consumer)
            p.delivered_ms = c.ks.now_ms
            p.deliveries = 1
            consumer.active_ms = c.ks.now_ms       # Redis: not with NOACK
            propagate_claim(c, key, source.g, id_text(w.entry.id, room), p)
    propagate_group_id(c, key, source.g)
    reply_end(c.out, header, n)


cdef void _history(Ctx* c, const Source* source, const ReadOptions* o, Consumer* consumer) noexcept nogil:
    """What is pending with the consumer, delivered once more."""
    cdef StreamWalk w
    cdef Pending* p
    cdef Id first = source.after
    cdef size_t n = 0
    cdef RaxCursor at
    cdef Deferred header = reply_begin(c.out, c'*')
    id_increment(&first)
    at = rax_ceiling(&consumer.pending, first)
    while at.leaf != NULL and (o.count == 0 or n < <size_t>o.count):
        stream_walk(source.s, &w, cursor_id(&at), cursor_id(&at), False)
        if stream_step(&w):
            reply_entry(c.out, &w.entry)
            p = pending_find(source.g, cursor_id(&at))
            p.delivered_ms = c.ks.now_ms
            p.deliveries += 1
        else:                                      # deleted meanwhile
            reply_array(c.out, 2)
            reply_id(c.out, cursor_id(&at))
            reply_null_array(c.out)
        n += 1
        rax_next(&at)
    reply_end(c.out, header, n)


cdef void _read_as_member(Ctx* c, Slice key, const Source* source, const ReadOptions* o, Served* served) noexcept nogil:
    """XREADGROUP of one stream."""
    cdef bint made
    cdef Consumer* consumer = stream_consumer(c, key, source.g, c.argv[o.group + 1], &made)
    if made:
        propagate_nothing(c)
        if o.noack:
            propagate_consumer(c, key, source.g, consumer.name)
    if not source.fresh:
        _begin_stream(c, key, served)
        _history(c, source, o, consumer)
    elif source.s.length and id_less(source.g.last_id, stream_top(source.s)):
        _begin_stream(c, key, served)
        _deliver(c, key, source, o, consumer)
        c.ks.fx.command_dirty += 1


# ---------------------------------------------------------------- the commands

cdef Status _wait(Ctx* c, const ReadOptions* o, const Source* sources) noexcept nogil:
    """Until there is more. The request's copy that waits has an ID in the place of each `$`."""
    cdef char[ID_TEXT] room
    cdef char* ids
    cdef int first = o.keys + o.streams, i
    cdef Status st
    if o.in_group:
        return block_on_any_change(c, T_STREAM, o.keys, o.streams, o.deadline_ms)
    ids = <char*>mem_alloc(c.server.mem, o.streams * ID_TEXT) if o.streams > 1 else room
    for i in range(o.streams):
        if sources[i].resolved:
            c.argv[first + i] = id_text(sources[i].after, ids + i * ID_TEXT)
    st = block_on(c, T_STREAM, o.keys, o.streams, o.deadline_ms)
    for i in range(o.streams):
        if sources[i].resolved:
            c.argv[first + i] = slice_of(b"$", 1)
    if ids != room:
        mem_free(c.server.mem, ids, o.streams * ID_TEXT)
    return st


cdef Status _serve(Ctx* c, const ReadOptions* o, Source* sources) noexcept nogil:
    cdef Served served
    cdef Status st
    cdef int i
    served.streams = 0
    for i in range(o.streams):
        st = _find_source(c, i, o, &sources[i])
        if st != OK:
            return st
    for i in range(o.streams):
        if sources[i].s == NULL:
            continue
        if o.in_group:
            _read_as_member(c, c.argv[o.keys + i], &sources[i], o, &served)
        else:
            _read(c, c.argv[o.keys + i], &sources[i], o.count, &served)
    if served.streams:
        reply_end(c.out, served.header, served.streams)
        return OK
    if o.blocks:
        return _wait(c, o, sources)
    reply_null_array(c.out)
    return OK


cdef Status _command(Ctx* c, bint in_group) noexcept nogil:
    cdef ReadOptions o
    cdef Source[FEW] few
    cdef Source* sources = few
    cdef Status st
    o.in_group = in_group
    st = _parse_options(c, &o)
    if st != OK:
        return st
    if o.streams > FEW:
        sources = <Source*>mem_alloc(c.server.mem, o.streams * sizeof(Source))
    st = _serve(c, &o, sources)
    if sources != few:
        mem_free(c.server.mem, sources, o.streams * sizeof(Source))
    return st


cdef Status cmd_xread(Ctx* c) noexcept nogil:
    """XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...] -> entries by stream."""
    return _command(c, False)


cdef Status cmd_xreadgroup(Ctx* c) noexcept nogil:
    """XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key [...] id [...] -> the same."""
    return _command(c, True)


cdef void bind_stream_read(Table* t) noexcept nogil:
    table_bind(t, b"XREAD", cmd_xread)
    table_bind(t, b"XREADGROUP", cmd_xreadgroup)
