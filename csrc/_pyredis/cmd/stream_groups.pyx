"""stream_groups -- the groups themselves: XGROUP CREATE, SETID, DESTROY, CREATECONSUMER, DELCONSUMER, HELP; XACK.

An acknowledgement is a change that counts, but to Redis none of the key: no event tells of it, and nobody who watches
the key hears of it.
"""
from libc.stdint cimport int64_t

from _pyredis.base.status cimport ERR_CUSTOM, OK, Status
from _pyredis.cmd.ctx cimport Ctx, Table, arg_i64, arg_is, fail_with, key_at, key_changed
from _pyredis.cmd.stream_args cimport arg_id, fail_no_group, fail_usage, open_stream, stream_parse_id
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_STREAM, EV_TOLD
from _pyredis.db.stream_groups cimport (READS_UNKNOWN, Consumer, Group, Pending, consumer_create, consumer_delete,
                                        consumer_find, group_create, group_destroy, group_find, pending_find,
                                        pending_remove)
from _pyredis.db.stream_type cimport Stream, stream_create
from _pyredis.ds.id cimport Id, id_of
from _pyredis.wire.reply cimport reply_array, reply_int, reply_ok, reply_simple

cdef struct GroupOptions:
    bint mkstream
    int64_t entries_read


cdef Status _parse_options(Ctx* c, bint creating, GroupOptions* o) noexcept nogil:
    cdef int i = 5
    cdef Status st
    o.mkstream = False
    o.entries_read = READS_UNKNOWN
    while i < c.argc:
        if creating and arg_is(c, i, b"MKSTREAM", 8):
            o.mkstream = True
        elif arg_is(c, i, b"ENTRIESREAD", 11) and i + 1 < c.argc:
            i += 1
            st = arg_i64(c, i, &o.entries_read)
            if st != OK:
                return st
            if o.entries_read < 0 and o.entries_read != READS_UNKNOWN:
                return fail_with(c, ERR_CUSTOM, b"ERR value for ENTRIESREAD must be positive or -1")
        else:
            return fail_usage(c)
        i += 1
    return OK


cdef Status _open(Ctx* c, bint may_be_absent, bint with_group, Stream** s, Group** g) noexcept nogil:
    """The stream at argv[2], and its group argv[3] or NULL."""
    cdef Status st = open_stream(c, 2, True, s)
    if st != OK:
        return st
    if s[0] == NULL and not may_be_absent:
        return fail_with(c, ERR_CUSTOM, b"ERR The XGROUP subcommand requires the key to exist. Note that for CREATE "
                         b"you may want to use the MKSTREAM option to create an empty stream automatically.")
    g[0] = group_find(&s[0].groups, c.argv[3]) if s[0] != NULL else NULL
    if g[0] == NULL and with_group:
        return fail_no_group(c, b"NOGROUP No such consumer group '%.*s' for key name '%.*s'", c.argv[3], c.argv[2])
    return OK


cdef Status _arg_last_id(Ctx* c, const Stream* s, bint strict, Id* id) noexcept nogil:
    """argv[4] as the last ID delivered; `$` is the stream's last."""
    if c.argv[4].len == 1 and c.argv[4].ptr[0] == c'$':
        id[0] = s.last_id if s != NULL else id_of(0, 0)
        return OK
    if not strict and stream_parse_id(c.argv[4], 0, False, id, NULL):      # Redis: SETID takes - and +, CREATE does not
        return OK
    return arg_id(c, 4, id)


cdef Status cmd_xgroup_create(Ctx* c) noexcept nogil:
    """XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read] -> OK."""
    cdef GroupOptions o
    cdef Stream* s
    cdef Group* g
    cdef Id id
    cdef bint made
    cdef Status st = _parse_options(c, True, &o)
    if st == OK:
        st = _open(c, o.mkstream, False, &s, &g)
    if st == OK and c.argc > 8:                    # an option twice
        st = fail_usage(c)
    if st == OK:
        st = _arg_last_id(c, s, True, &id)
    if st != OK:
        return st
    if g != NULL:
        return fail_with(c, ERR_CUSTOM, b"BUSYGROUP Consumer Group name already exists")
    made = s == NULL
    if made:
        s = stream_create(c.ks, c.db, key_at(c, 2))
    group_create(c.ks.mem, &s.groups, c.argv[3], id, o.entries_read)
    key_changed(c, c.argv[2], EV_STREAM if made else EV_STREAM | EV_TOLD, b"xgroup-create", 1)
    reply_ok(c.out)
    return OK


cdef Status cmd_xgroup_setid(Ctx* c) noexcept nogil:
    """XGROUP SETID key group id|$ [ENTRIESREAD entries-read] -> OK."""
    cdef GroupOptions o
    cdef Stream* s
    cdef Group* g
    cdef Id id
    cdef Status st = _parse_options(c, False, &o)
    if st == OK:
        st = _open(c, False, True, &s, &g)
    if st == OK and c.argc > 7:
        st = fail_usage(c)
    if st == OK:
        st = _arg_last_id(c, s, False, &id)
    if st != OK:
        return st
    g.last_id = id
    g.entries_read = o.entries_read
    key_changed(c, c.argv[2], EV_STREAM | EV_TOLD, b"xgroup-setid", 1)
    reply_ok(c.out)
    return OK


cdef Status cmd_xgroup_destroy(Ctx* c) noexcept nogil:
    """XGROUP DESTROY key group -> 1, or 0 if there is no such group."""
    cdef Stream* s
    cdef Group* g = NULL
    cdef Status st = _open(c, False, False, &s, &g)
    if st != OK:
        return st
    if g != NULL:
        group_destroy(c.ks.mem, &s.groups, g)
        key_changed(c, c.argv[2], EV_STREAM | EV_TOLD, b"xgroup-destroy", 1)
    reply_int(c.out, g != NULL)
    return OK


cdef Status cmd_xgroup_createconsumer(Ctx* c) noexcept nogil:
    """XGROUP CREATECONSUMER key group consumer -> 1, or 0 if it exists."""
    cdef Stream* s
    cdef Group* g
    cdef bint made
    cdef Status st = _open(c, False, True, &s, &g)
    if st != OK:
        return st
    made = consumer_create(c.ks.mem, g, c.argv[4], c.ks.now_ms) != NULL
    if made:
        key_changed(c, c.argv[2], EV_STREAM | EV_TOLD, b"xgroup-createconsumer", 1)
    reply_int(c.out, made)
    return OK


cdef Status cmd_xgroup_delconsumer(Ctx* c) noexcept nogil:
    """XGROUP DELCONSUMER key group consumer -> how many entries were pending with it."""
    cdef Stream* s
    cdef Group* g
    cdef Consumer* consumer
    cdef int64_t pending = 0
    cdef Status st = _open(c, False, True, &s, &g)
    if st != OK:
        return st
    consumer = consumer_find(g, c.argv[4])
    if consumer != NULL:
        pending = <int64_t>consumer.pending.count
        consumer_delete(c.ks.mem, g, consumer)
        key_changed(c, c.argv[2], EV_STREAM | EV_TOLD, b"xgroup-delconsumer", 1)
    reply_int(c.out, pending)
    return OK


cdef Status cmd_xgroup_help(Ctx* c) noexcept nogil:
    """XGROUP HELP -> lines of text."""
    cdef const char* lines[15]
    cdef int i
    lines[0] = b"XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    lines[1] = b"CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <entries-read>]"
    lines[2] = b"    Make a group that reads what comes after an ID, or after now."
    lines[3] = b"    MKSTREAM: make the stream, too, if there is none."
    lines[4] = b"    ENTRIESREAD: how many entries the group has read already; its lag follows from that."
    lines[5] = b"CREATECONSUMER <key> <group> <consumer>"
    lines[6] = b"    Make a consumer of a group."
    lines[7] = b"DELCONSUMER <key> <group> <consumer>"
    lines[8] = b"    Remove a consumer, with all that is pending with it."
    lines[9] = b"DESTROY <key> <group>"
    lines[10] = b"    Remove a group."
    lines[11] = b"SETID <key> <group> <id|$> [ENTRIESREAD <entries-read>]"
    lines[12] = b"    Let a group go on reading after an ID."
    lines[13] = b"HELP"
    lines[14] = b"    Print this help."
    reply_array(c.out, 15)
    for i in range(15):
        reply_simple(c.out, lines[i])
    return OK


cdef Status cmd_xack(Ctx* c) noexcept nogil:
    """XACK key group id [id ...] -> how many entries were pending and are no more."""
    cdef Stream* s
    cdef Group* g = NULL
    cdef Pending* p
    cdef Id id
    cdef int64_t done = 0
    cdef int i
    cdef Status st = open_stream(c, 1, False, &s)
    if st != OK:
        return st
    if s != NULL:
        g = group_find(&s.groups, c.argv[2])
    for i in range(3, c.argc if g != NULL else 3):
        st = arg_id(c, i, &id)
        if st != OK:
            return st
    for i in range(3, c.argc if g != NULL else 3):
        if c.argc > 4:
            arg_id(c, i, &id)
        p = pending_find(g, id)
        if p != NULL:
            pending_remove(c.ks.mem, g, id, p)
            done += 1
    c.ks.fx.command_dirty += done
    reply_int(c.out, done)
    return OK


cdef void bind_stream_groups(Table* t) noexcept nogil:
    table_bind(t, b"XACK", cmd_xack)
    table_bind(t, b"XGROUP|CREATE", cmd_xgroup_create)
    table_bind(t, b"XGROUP|SETID", cmd_xgroup_setid)
    table_bind(t, b"XGROUP|DESTROY", cmd_xgroup_destroy)
    table_bind(t, b"XGROUP|CREATECONSUMER", cmd_xgroup_createconsumer)
    table_bind(t, b"XGROUP|DELCONSUMER", cmd_xgroup_delconsumer)
    table_bind(t, b"XGROUP|HELP", cmd_xgroup_help)
