"""stream_info -- XINFO STREAM, GROUPS, CONSUMERS, HELP: what is known of a stream and of those who read it.

Everything is a map. Where Redis tells how its radix tree is built, `radix-tree-keys` counts the listpacks, as there;
`radix-tree-nodes` counts them and the nodes of the tree above them, which is another number than Redis's.
"""
from libc.stdint cimport int64_t

from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.status cimport ERR_NO_SUCH_KEY, ERR_NOT_INTEGER, OK, Status
from _pyredis.cmd.ctx cimport Ctx, Table, arg_is
from _pyredis.cmd.stream_args cimport (fail_no_group, fail_usage, open_stream, reply_entries, reply_entry, reply_id)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.stream_groups cimport (READS_UNKNOWN, Consumer, Group, Pending, consumer_at, group_at, group_find,
                                        pending_find)
from _pyredis.db.stream_type cimport Stream, StreamWalk, stream_lag, stream_step, stream_walk
from _pyredis.ds.id cimport id_max, id_of
from _pyredis.ds.rax cimport RaxCursor, cursor_id, rax_first, rax_next
from _pyredis.wire.reply cimport (Out, reply_array, reply_int, reply_map, reply_null, reply_simple, reply_slice,
                                  reply_text)

cdef enum:
    FULL_COUNT = 10                # entries that FULL shows of each list if nothing is said


cdef Status _open(Ctx* c, Stream** s) noexcept nogil:
    cdef Status st = open_stream(c, 2, False, s)
    return ERR_NO_SUCH_KEY if st == OK and s[0] == NULL else st


cdef void _number(Out* out, const char* name, int64_t v) noexcept nogil:
    reply_text(out, name)
    reply_int(out, v)


# ---------------------------------------------------------------- the stream

cdef void _reply_head(Out* out, const Stream* s) noexcept nogil:
    """The seven pairs that both forms begin with."""
    _number(out, b"length", <int64_t>s.length)
    _number(out, b"radix-tree-keys", <int64_t>s.nodes.count)
    _number(out, b"radix-tree-nodes", <int64_t>(s.nodes.count + s.nodes.nodes) if s.nodes.count else 1)
    reply_text(out, b"last-generated-id")
    reply_id(out, s.last_id)
    reply_text(out, b"max-deleted-entry-id")
    reply_id(out, s.max_deleted_id)
    _number(out, b"entries-added", <int64_t>s.entries_added)
    reply_text(out, b"recorded-first-entry-id")
    reply_id(out, s.first_id)


cdef void _reply_edge(Out* out, const Stream* s, const char* name, bint last) noexcept nogil:
    cdef StreamWalk w
    reply_text(out, name)
    stream_walk(s, &w, id_of(0, 0), id_max(), last)
    if stream_step(&w):
        reply_entry(out, &w.entry)
    else:
        reply_null(out)


cdef void _reply_progress(Out* out, const Stream* s, const Group* g) noexcept nogil:
    """Two pairs: what a group has read, and what it has still to read."""
    cdef int64_t lag
    reply_text(out, b"entries-read")
    if g.entries_read != READS_UNKNOWN:
        reply_int(out, g.entries_read)
    else:
        reply_null(out)
    reply_text(out, b"lag")
    if stream_lag(s, g, &lag):
        reply_int(out, lag)
    else:
        reply_null(out)


cdef void _reply_pending(Out* out, const Group* g, const Consumer* consumer, int64_t count) noexcept nogil:
    """What is pending with one consumer: [ID, time, deliveries]; with NULL, with all: [ID, consumer, ...]."""
    cdef RaxCursor at = rax_first(&g.pending if consumer == NULL else &consumer.pending)
    cdef int64_t n = <int64_t>(g.pending.count if consumer == NULL else consumer.pending.count)
    cdef const Pending* p
    if count and n > count:
        n = count
    reply_text(out, b"pending")
    reply_array(out, n)
    for n in range(n):
        p = pending_find(g, cursor_id(&at))
        reply_array(out, 3 if consumer != NULL else 4)
        reply_id(out, cursor_id(&at))
        if consumer == NULL:
            reply_slice(out, p.consumer.name)
        reply_int(out, p.delivered_ms)
        reply_int(out, <int64_t>p.deliveries)
        rax_next(&at)


cdef void _reply_whole_consumer(Out* out, const Group* g, const Consumer* consumer, int64_t count) noexcept nogil:
    reply_map(out, 5)
    reply_text(out, b"name")
    reply_slice(out, consumer.name)
    _number(out, b"seen-time", consumer.seen_ms)
    _number(out, b"active-time", consumer.active_ms)
    _number(out, b"pel-count", <int64_t>consumer.pending.count)
    _reply_pending(out, g, consumer, count)


cdef void _reply_whole_group(Out* out, const Stream* s, const Group* g, int64_t count) noexcept nogil:
    cdef size_t i
    reply_map(out, 7)
    reply_text(out, b"name")
    reply_slice(out, g.name)
    reply_text(out, b"last-delivered-id")
    reply_id(out, g.last_id)
    _reply_progress(out, s, g)
    _number(out, b"pel-count", <int64_t>g.pending.count)
    _reply_pending(out, g, NULL, count)
    reply_text(out, b"consumers")
    reply_array(out, g.consumers.count)
    for i in range(g.consumers.count):
        _reply_whole_consumer(out, g, consumer_at(g, i), count)


cdef Status _parse_full(Ctx* c, int64_t* count) noexcept nogil:
    """FULL [COUNT count] from argv[3] on."""
    count[0] = FULL_COUNT
    if not arg_is(c, 3, b"FULL", 4) or c.argc == 5 or c.argc > 6:
        return fail_usage(c)
    if c.argc == 6:
        if not arg_is(c, 4, b"COUNT", 5):
            return fail_usage(c)
        if not num_parse_i64(c.argv[5].ptr, c.argv[5].len, count):
            return ERR_NOT_INTEGER
        if count[0] < 0:
            count[0] = FULL_COUNT
    return OK


cdef Status cmd_xinfo_stream(Ctx* c) noexcept nogil:
    """XINFO STREAM key [FULL [COUNT count]] -> a map; FULL: with entries, groups, consumers, and what is pending."""
    cdef Stream* s
    cdef int64_t count = 0
    cdef size_t i
    cdef Status st = _open(c, &s)
    if st == OK and c.argc > 3:
        st = _parse_full(c, &count)
    if st != OK:
        return st
    if c.argc == 3:
        reply_map(c.out, 10)
        _reply_head(c.out, s)
        _number(c.out, b"groups", s.groups.count)
        _reply_edge(c.out, s, b"first-entry", False)
        _reply_edge(c.out, s, b"last-entry", True)
        return OK
    reply_map(c.out, 9)
    _reply_head(c.out, s)
    reply_text(c.out, b"entries")
    reply_entries(c.out, s, id_of(0, 0), id_max(), count, False)
    reply_text(c.out, b"groups")
    reply_array(c.out, s.groups.count)
    for i in range(s.groups.count):
        _reply_whole_group(c.out, s, group_at(&s.groups, i), count)
    return OK


# ---------------------------------------------------------------- groups and consumers

cdef Status cmd_xinfo_groups(Ctx* c) noexcept nogil:
    """XINFO GROUPS key -> a map for each group."""
    cdef Stream* s
    cdef const Group* g
    cdef size_t i
    cdef Status st = _open(c, &s)
    if st != OK:
        return st
    reply_array(c.out, s.groups.count)
    for i in range(s.groups.count):
        g = group_at(&s.groups, i)
        reply_map(c.out, 6)
        reply_text(c.out, b"name")
        reply_slice(c.out, g.name)
        _number(c.out, b"consumers", g.consumers.count)
        _number(c.out, b"pending", <int64_t>g.pending.count)
        reply_text(c.out, b"last-delivered-id")
        reply_id(c.out, g.last_id)
        _reply_progress(c.out, s, g)
    return OK


cdef Status cmd_xinfo_consumers(Ctx* c) noexcept nogil:
    """XINFO CONSUMERS key group -> a map for each consumer."""
    cdef Stream* s
    cdef const Group* g
    cdef const Consumer* consumer
    cdef int64_t idle, inactive
    cdef size_t i
    cdef Status st = _open(c, &s)
    if st != OK:
        return st
    g = group_find(&s.groups, c.argv[3])
    if g == NULL:
        return fail_no_group(c, b"NOGROUP No such consumer group '%.*s' for key name '%.*s'", c.argv[3], c.argv[2])
    reply_array(c.out, g.consumers.count)
    for i in range(g.consumers.count):
        consumer = consumer_at(g, i)
        idle = c.ks.now_ms - consumer.seen_ms
        inactive = c.ks.now_ms - consumer.active_ms if consumer.active_ms != -1 else -1
        reply_map(c.out, 4)
        reply_text(c.out, b"name")
        reply_slice(c.out, consumer.name)
        _number(c.out, b"pending", <int64_t>consumer.pending.count)
        _number(c.out, b"idle", idle if idle > 0 else 0)
        _number(c.out, b"inactive", inactive)
    return OK


cdef Status cmd_xinfo_help(Ctx* c) noexcept nogil:
    """XINFO HELP -> lines of text."""
    cdef const char* lines[9]
    cdef int i
    lines[0] = b"XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    lines[1] = b"CONSUMERS <key> <group>"
    lines[2] = b"    The consumers of a group."
    lines[3] = b"GROUPS <key>"
    lines[4] = b"    The groups of a stream."
    lines[5] = b"STREAM <key> [FULL [COUNT <count>]]"
    lines[6] = b"    The stream itself; FULL: with entries, groups, and what is pending (COUNT of each, 0: all)."
    lines[7] = b"HELP"
    lines[8] = b"    Print this help."
    reply_array(c.out, 9)
    for i in range(9):
        reply_simple(c.out, lines[i])
    return OK


cdef void bind_stream_info(Table* t) noexcept nogil:
    table_bind(t, b"XINFO|CONSUMERS", cmd_xinfo_consumers)
    table_bind(t, b"XINFO|GROUPS", cmd_xinfo_groups)
    table_bind(t, b"XINFO|HELP", cmd_xinfo_help)
    table_bind(t, b"XINFO|STREAM", cmd_xinfo_stream)
