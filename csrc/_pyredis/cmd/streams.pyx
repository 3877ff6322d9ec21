"""streams -- the entries themselves: XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID.

What cannot be repeated elsewhere as it came is propagated in other words: an ID that was chosen here is written out,
and a trim that went only as far as whole nodes became an exact one, of what is left.

A stream does not end with its last entry: an empty one keeps its key, its last ID and its groups.
"""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_NO_SUCH_KEY, ERR_SYNTAX, ERR_WRONG_ARITY, OK, Status
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_i64, arg_is, fail_with, key_at, key_changed, open_typed,
                               propagate_instead)
from _pyredis.cmd.stream_args cimport (ID_TEXT, arg_first, arg_id, arg_last, id_text, open_stream, reply_entries,
                                       stream_parse_id)
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_STREAM, EV_TOLD
from _pyredis.db.keyspace cimport Key
from _pyredis.db.stream_type cimport (STREAM_ENTRY_MAX, TRIM_ID, TRIM_LENGTH, TRIM_NOT, Stream, Trim, TrimBy,
                                      stream_append, stream_create, stream_delete, stream_of, stream_top, stream_trim)
from _pyredis.db.value cimport Entry, T_STREAM
from _pyredis.ds.id cimport Id, id_increment, id_is_zero, id_less, id_max, id_of
from _pyredis.ds.rax cimport RaxCursor, cursor_id, rax_first
from _pyredis.wire.reply cimport (reply_array, reply_bulk, reply_int, reply_null, reply_null_array, reply_ok)

cdef enum:
    NODES_AT_ONCE = 100            # that a rough trim frees if no LIMIT says otherwise
    ENTRIES_AT_ONCE = 10000        # the same if nodes have no limit of entries
    ENTRIES_AT_MOST = 1000000

cdef struct AddOptions:
    Trim trim
    int threshold                  # argv index of what to trim to
    bint limit_given
    bint no_mkstream
    bint auto_ms                   # `*`
    bint auto_seq                  # `ms-*`
    Id id
    int first                      # argv index of what follows the options: the ID


# ---------------------------------------------------------------- options of XADD and XTRIM

cdef Status _parse_strategy(Ctx* c, int* at, TrimBy by, AddOptions* o) noexcept nogil:
    """MAXLEN or MINID at argv[at], its threshold behind it; `at` moves to the threshold."""
    cdef int i = at[0] + 1
    cdef Status st
    if o.trim.by != TRIM_NOT:
        return fail_with(c, ERR_CUSTOM,
                         b"ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
    o.trim.roughly = False
    if i + 1 < c.argc and c.argv[i].len == 1 and (c.argv[i].ptr[0] == c'~' or c.argv[i].ptr[0] == c'='):
        o.trim.roughly = c.argv[i].ptr[0] == c'~'
        i += 1
    if by == TRIM_LENGTH:
        st = arg_i64(c, i, &o.trim.length)
        if st == OK and o.trim.length < 0:
            st = fail_with(c, ERR_CUSTOM, b"ERR The MAXLEN argument must be >= 0.")
    else:
        st = arg_id(c, i, &o.trim.id)
    o.trim.by = by
    o.threshold = i
    at[0] = i
    return st


cdef Status _settle_limit(Ctx* c, bint adding, AddOptions* o) noexcept nogil:
    cdef size_t most
    if o.trim.limit and o.trim.by == TRIM_NOT:
        return fail_with(c, ERR_CUSTOM,
                         b"ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
    if not adding and o.trim.by == TRIM_NOT:
        return fail_with(c, ERR_CUSTOM, b"ERR syntax error, XTRIM must be called with a trimming strategy")
    if c.ks.loading:                               # what was trimmed stands in the threshold
        o.trim.limit = 0
    elif o.limit_given:
        if not o.trim.roughly:
            return fail_with(c, ERR_CUSTOM,
                             b"ERR syntax error, LIMIT cannot be used without the special ~ option")
    elif o.trim.roughly:
        most = c.ks.limits.stream_node_max_entries
        if most > ENTRIES_AT_MOST // NODES_AT_ONCE:
            o.trim.limit = ENTRIES_AT_MOST
        else:
            o.trim.limit = most * NODES_AT_ONCE if most else ENTRIES_AT_ONCE
    return OK


cdef Status _parse_id_to_add(Ctx* c, int i, AddOptions* o) noexcept nogil:
    if c.argv[i].len == 1 and c.argv[i].ptr[0] == c'*':
        o.auto_ms = True
        return OK
    if not stream_parse_id(c.argv[i], 0, True, &o.id, &o.auto_seq):
        return fail_with(c, ERR_CUSTOM, b"ERR Invalid stream ID specified as stream command argument")
    return OK


cdef Status _parse_options(Ctx* c, bint adding, AddOptions* o) noexcept nogil:
    """The options from argv[2] on; when adding, up to the ID, and that too."""
    cdef Status st = OK
    cdef int i = 2
    o.trim.by = TRIM_NOT
    o.trim.roughly = False
    o.trim.limit = 0
    o.limit_given = o.no_mkstream = o.auto_ms = o.auto_seq = False
    while i < c.argc and st == OK:
        if adding and c.argv[i].len == 1 and c.argv[i].ptr[0] == c'*':
            break
        if arg_is(c, i, b"MAXLEN", 6) and i + 1 < c.argc:
            st = _parse_strategy(c, &i, TRIM_LENGTH, o)
        elif arg_is(c, i, b"MINID", 5) and i + 1 < c.argc:
            st = _parse_strategy(c, &i, TRIM_ID, o)
        elif arg_is(c, i, b"LIMIT", 5) and i + 1 < c.argc:
            i += 1
            st = arg_i64(c, i, &o.trim.limit)
            o.limit_given = True
            if st == OK and o.trim.limit < 0:
                st = fail_with(c, ERR_CUSTOM, b"ERR The LIMIT argument must be >= 0.")
        elif adding and arg_is(c, i, b"NOMKSTREAM", 10):
            o.no_mkstream = True
        elif adding:
            break
        else:
            return ERR_SYNTAX
        i += 1
    o.first = i
    if st == OK and adding and i < c.argc:
        st = _parse_id_to_add(c, i, o)
    return _settle_limit(c, adding, o) if st == OK else st


cdef void _propagate_exactly(Ctx* c, const Stream* s, AddOptions* o, Slice id) noexcept nogil:
    """The command with the ID that was chosen (none: id.ptr NULL), and the trim as it was done."""
    cdef char[ID_TEXT] room
    cdef char[NUM_I64_MAX] digits
    cdef Slice old_id, old_mark, old_threshold
    cdef RaxCursor first
    if id.ptr != NULL:
        old_id = c.argv[o.first]
        c.argv[o.first] = id
    if o.trim.roughly:
        old_mark = c.argv[o.threshold - 1]
        old_threshold = c.argv[o.threshold]
        c.argv[o.threshold - 1] = slice_of(b"=", 1)
        if o.trim.by == TRIM_LENGTH:
            c.argv[o.threshold] = slice_of(digits, num_format_i64(<int64_t>s.length, digits))
        else:
            first = rax_first(&s.nodes)            # Redis: deleted entries of the first node count
            c.argv[o.threshold] = id_text(cursor_id(&first) if first.leaf != NULL else id_max(), room)
    propagate_instead(c, c.argc, c.argv)
    if id.ptr != NULL:
        c.argv[o.first] = old_id
    if o.trim.roughly:
        c.argv[o.threshold - 1] = old_mark
        c.argv[o.threshold] = old_threshold


# ---------------------------------------------------------------- adding

cdef Status _choose_id(Ctx* c, const AddOptions* o, Id last, Id* id) noexcept nogil:
    """The ID of an entry that comes behind `last`."""
    if last.ms == ~<uint64_t>0 and last.seq == ~<uint64_t>0:
        return fail_with(c, ERR_CUSTOM,
                         b"ERR The stream has exhausted the last possible ID, unable to add more items")
    id[0] = o.id
    if o.auto_ms:
        id[0] = id_of(<uint64_t>c.ks.now_ms, 0)
        if not id_less(last, id[0]):               # the clock stands, or went back
            id[0] = last
            id_increment(id)
    elif o.auto_seq and last.ms == o.id.ms:
        id[0] = last
        if not id_increment(id) or id.ms != last.ms:
            id[0] = last
    if not id_less(last, id[0]):
        return fail_with(c, ERR_CUSTOM,
                         b"ERR The ID specified in XADD is equal or smaller than the target stream top item")
    return OK


cdef bint _is_too_large(Ctx* c, int first) noexcept nogil:
    cdef size_t bytes = 0
    cdef int i
    for i in range(first, c.argc):
        bytes += c.argv[i].len
    return bytes > STREAM_ENTRY_MAX


cdef Status cmd_xadd(Ctx* c) noexcept nogil:
    """XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [...] -> the ID."""
    cdef AddOptions o
    cdef char[ID_TEXT] room
    cdef Key key = key_at(c, 1)
    cdef Stream* s = NULL
    cdef Entry* e
    cdef Slice text
    cdef Id id
    cdef int pairs
    cdef Status st = _parse_options(c, True, &o)
    if st != OK:
        return st
    pairs = c.argc - o.first - 1
    if pairs < 2 or pairs & 1:
        return ERR_WRONG_ARITY
    if not o.auto_ms and not o.auto_seq and id_is_zero(o.id):
        return fail_with(c, ERR_CUSTOM, b"ERR The ID specified in XADD must be greater than 0-0")
    st = open_typed(c, key, T_STREAM, True, &e)
    if st != OK:
        return st
    if e != NULL:
        s = stream_of(e)
    elif o.no_mkstream:
        reply_null(c.out)
        return OK
    st = _choose_id(c, &o, s.last_id if s != NULL else id_of(0, 0), &id)
    if st != OK:
        return st
    if _is_too_large(c, o.first + 1):
        return fail_with(c, ERR_CUSTOM, b"ERR Elements are too large to be stored")
    if s == NULL:
        s = stream_create(c.ks, c.db, key)
    stream_append(c.ks.mem, &c.ks.limits, s, id, &c.argv[o.first + 1], pairs // 2)
    text = id_text(id, room)
    reply_bulk(c.out, text.ptr, text.len)
    key_changed(c, key.name, EV_STREAM, b"xadd", 1)
    if o.trim.by != TRIM_NOT and stream_trim(c.ks.mem, s, &o.trim):
        key_changed(c, key.name, EV_STREAM, b"xtrim", 0)
    if o.auto_ms or o.auto_seq or o.trim.roughly:
        _propagate_exactly(c, s, &o, text if o.auto_ms or o.auto_seq else slice_of(NULL, 0))
    return OK


cdef Status cmd_xsetid(Ctx* c) noexcept nogil:
    """XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id] -> OK."""
    cdef Id id, deleted = id_of(0, 0)
    cdef int64_t added = -1
    cdef Stream* s
    cdef int i = 3
    cdef Status st = arg_id(c, 2, &id)
    while st == OK and i < c.argc:
        if arg_is(c, i, b"ENTRIESADDED", 12) and i + 1 < c.argc:
            st = arg_i64(c, i + 1, &added)
            if st == OK and added < 0:
                st = fail_with(c, ERR_CUSTOM, b"ERR entries_added must be positive")
        elif arg_is(c, i, b"MAXDELETEDID", 12) and i + 1 < c.argc:
            st = arg_id(c, i + 1, &deleted)
            if st == OK and id_less(id, deleted):
                st = fail_with(c, ERR_CUSTOM,
                               b"ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
        else:
            st = ERR_SYNTAX
        i += 2
    if st == OK:
        st = open_stream(c, 1, True, &s)
    if st != OK:
        return st
    if s == NULL:
        return ERR_NO_SUCH_KEY
    if id_less(id, s.max_deleted_id):
        return fail_with(c, ERR_CUSTOM,
                         b"ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
    if s.length and id_less(id, stream_top(s)):
        return fail_with(c, ERR_CUSTOM,
                         b"ERR The ID specified in XSETID is smaller than the target stream top item")
    if added != -1 and s.length > <uint64_t>added:
        return fail_with(c, ERR_CUSTOM,
                         b"ERR The entries_added specified in XSETID is smaller than the target stream length")
    s.last_id = id
    if added != -1:
        s.entries_added = <uint64_t>added
    if not id_is_zero(deleted):
        s.max_deleted_id = deleted
    key_changed(c, c.argv[1], EV_STREAM | EV_TOLD, b"xsetid", 1)
    reply_ok(c.out)
    return OK


# ---------------------------------------------------------------- reading

cdef Status cmd_xlen(Ctx* c) noexcept nogil:
    """XLEN key -> number of entries."""
    cdef Stream* s
    cdef Status st = open_stream(c, 1, False, &s)
    if st == OK:
        reply_int(c.out, <int64_t>s.length if s != NULL else 0)
    return st


cdef Status _range(Ctx* c, int first_at, int last_at) noexcept nogil:
    cdef Id first, last
    cdef int64_t count = -1
    cdef Stream* s
    cdef int i = 4
    cdef Status st = arg_first(c, first_at, &first)
    if st == OK:
        st = arg_last(c, last_at, &last)
    while st == OK and i < c.argc:
        if not arg_is(c, i, b"COUNT", 5) or i + 1 >= c.argc:
            return ERR_SYNTAX
        st = arg_i64(c, i + 1, &count)
        if count < 0:
            count = 0
        i += 2
    if st == OK:
        st = open_stream(c, 1, False, &s)
    if st != OK:
        return st
    if s == NULL:
        reply_array(c.out, 0)
    elif count == 0:
        reply_null_array(c.out)
    else:
        reply_entries(c.out, s, first, last, count if count > 0 else 0, first_at > last_at)
    return OK


cdef Status cmd_xrange(Ctx* c) noexcept nogil:
    """XRANGE key start end [COUNT count] -> the entries, oldest first."""
    return _range(c, 2, 3)


cdef Status cmd_xrevrange(Ctx* c) noexcept nogil:
    """XREVRANGE key end start [COUNT count] -> the entries, newest first."""
    return _range(c, 3, 2)


# ---------------------------------------------------------------- deleting

cdef Status cmd_xdel(Ctx* c) noexcept nogil:
    """XDEL key id [id ...] -> how many entries were deleted."""
    cdef Stream* s
    cdef Id id
    cdef int64_t deleted = 0
    cdef int i
    cdef Status st = open_stream(c, 1, True, &s)
    if st != OK:
        return st
    for i in range(2, c.argc if s != NULL else 2):
        st = arg_id(c, i, &id)
        if st != OK:
            return st
    for i in range(2, c.argc if s != NULL else 2):
        arg_id(c, i, &id)
        deleted += stream_delete(c.ks.mem, s, id)
    if deleted:
        key_changed(c, c.argv[1], EV_STREAM, b"xdel", deleted)
    reply_int(c.out, deleted)
    return OK


cdef Status cmd_xtrim(Ctx* c) noexcept nogil:
    """XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count] -> how many entries were deleted."""
    cdef AddOptions o
    cdef Stream* s
    cdef int64_t deleted = 0
    cdef Status st = _parse_options(c, False, &o)
    if st == OK:
        st = open_stream(c, 1, True, &s)
    if st != OK:
        return st
    if s != NULL:
        deleted = <int64_t>stream_trim(c.ks.mem, s, &o.trim)
    if deleted:
        key_changed(c, c.argv[1], EV_STREAM, b"xtrim", deleted)
        if o.trim.roughly:
            _propagate_exactly(c, s, &o, slice_of(NULL, 0))
    reply_int(c.out, deleted)
    return OK


cdef void bind_streams(Table* t) noexcept nogil:
    table_bind(t, b"XADD", cmd_xadd)
    table_bind(t, b"XDEL", cmd_xdel)
    table_bind(t, b"XLEN", cmd_xlen)
    table_bind(t, b"XRANGE", cmd_xrange)
    table_bind(t, b"XREVRANGE", cmd_xrevrange)
    table_bind(t, b"XSETID", cmd_xsetid)
    table_bind(t, b"XTRIM", cmd_xtrim)
