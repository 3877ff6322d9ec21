"""stream_type -- streams: entries under ascending IDs, and the groups that read them.

    nodes: master ID -> listpack of up to stream-node-max-entries entries (db/stream_node), in a radix tree (ds/rax)
    groups, first and last ID, what was ever added and deleted: beside it, in one block

A node is known by the ID of the first entry that it ever had. Entries are only added at the end, so only the last
listpack grows: it is given room in steps of half its size (`tail`, `tail_room`), and cut to its bytes when the next
node begins. All others are exact, and their size follows from their header.

Deleting an entry marks it, in its node; a node without live entries is freed. Trimming frees whole nodes from the
front, and if it has to be exact marks entries of the next. A stream may be empty: its key stays, and so do its
groups and its last ID.

How many entries a group has read is kept by the group, as long as that can be said: a deleted entry (a tombstone)
between what it has read and the end makes it unknown whether it will be counted. stream_reads_until finds the number
again for an ID at either end of a stream without tombstones ahead.

Cost: appending is O(1) and touches the last node alone; finding an ID is O(log nodes) and a walk through one node.

Rules checked by stream_check: 1 to 4 rax_check, and 11 to 15 node_check, of the nodes; 20 `length`; 21 an ID is
below its node's master, or not below the next one's; 22 first or last ID; 23 the tail; 31 to 33 groups_check.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_footprint, mem_free
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport keyspace_create
from _pyredis.db.stream_groups cimport (READS_UNKNOWN, groups_check, groups_copy, groups_drain, groups_memory)
from _pyredis.db.stream_node cimport (node_append, node_before, node_behind, node_check, node_head, node_new, node_read,
                                      node_set_counts, node_shrink, ENTRY_DELETED)
from _pyredis.db.value cimport ENC_STREAM, Encoding, T_STREAM, TypeOps
from _pyredis.ds.id cimport id_equal, id_is_zero, id_less, id_max, id_of
from _pyredis.ds.listpack cimport LISTPACK_END, listpack_bytes, listpack_copy, listpack_free
from _pyredis.ds.rax cimport (cursor_id, cursor_value, rax_check, rax_delete, rax_drain, rax_first, rax_floor, rax_init,
                              rax_insert, rax_last, rax_next, rax_prev)


cdef inline uint8_t* _listpack(const RaxCursor* node) noexcept nogil:
    return (<uint8_t**>cursor_value(node))[0]


cdef inline size_t _room(const Stream* s, const uint8_t* lp) noexcept nogil:
    return s.tail_room if lp == s.tail else listpack_bytes(lp)


# ---------------------------------------------------------------- the type

cdef Stream* stream_new(Arena* mem) noexcept nogil:
    cdef Stream* s = <Stream*>mem_alloc(mem, sizeof(Stream))
    memset(s, 0, sizeof(Stream))
    rax_init(&s.nodes, sizeof(void*))
    return s


cdef Stream* stream_create(Keyspace* ks, Db* db, Key key) noexcept nogil:
    cdef Stream* s = stream_new(ks.mem)
    keyspace_create(ks, db, key, T_STREAM, ENC_STREAM, s)
    return s


cdef void _free_listpack(Arena* mem, void* value) noexcept nogil:
    listpack_free(mem, (<uint8_t**>value)[0])


cdef bint _free_value(Arena* mem, Encoding enc, void* value, size_t most) noexcept nogil:
    cdef Stream* s = <Stream*>value
    cdef RaxCursor last
    if s.tail != NULL:                             # its size is not in its header
        last = rax_last(&s.nodes)
        mem_free(mem, s.tail, s.tail_room)
        s.tail = NULL
        rax_delete(&s.nodes, mem, cursor_id(&last))
    if not rax_drain(&s.nodes, mem, most, _free_listpack) or not groups_drain(mem, &s.groups, most):
        return False
    mem_free(mem, s, sizeof(Stream))
    return True


cdef void* _copy_value(Arena* mem, const Entry* e) noexcept nogil:
    cdef const Stream* s = stream_of(e)
    cdef Stream* copy = stream_new(mem)
    cdef RaxCursor node = rax_first(&s.nodes)
    cdef bint added
    cdef uint8_t* lp
    while node.leaf != NULL:
        lp = listpack_copy(mem, _listpack(&node))
        (<uint8_t**>rax_insert(&copy.nodes, mem, cursor_id(&node), &added))[0] = lp
        rax_next(&node)
    copy.length = s.length
    copy.entries_added = s.entries_added
    copy.first_id = s.first_id
    copy.last_id = s.last_id
    copy.max_deleted_id = s.max_deleted_id
    groups_copy(mem, &copy.groups, &s.groups)
    return copy


cdef size_t _memory(const Entry* e, size_t samples) noexcept nogil:
    """Of the nodes but the last, `samples` are weighed (0: all), and the others taken to be like them."""
    cdef const Stream* s = stream_of(e)
    cdef RaxCursor node = rax_first(&s.nodes)
    cdef size_t allocations, weighed = 0, seen = 0, n
    n = mem_footprint(sizeof(Stream)) + s.nodes.bytes + groups_memory(&s.groups, &allocations)
    if s.nodes.count == 0:
        return n
    while seen + 1 < s.nodes.count and (samples == 0 or seen < samples):
        weighed += mem_footprint(listpack_bytes(_listpack(&node)))
        seen += 1
        rax_next(&node)
    if seen:
        n += weighed * (s.nodes.count - 1) // seen
    node = rax_last(&s.nodes)
    return n + mem_footprint(_room(s, _listpack(&node)))


cdef size_t _effort(const Entry* e) noexcept nogil:
    cdef const Stream* s = stream_of(e)
    cdef size_t allocations
    groups_memory(&s.groups, &allocations)
    return s.nodes.count + s.nodes.nodes + allocations


cdef TypeOps _OPS
_OPS.free_value = _free_value
_OPS.copy_value = _copy_value
_OPS.memory = _memory
_OPS.effort = _effort


cdef void stream_bind(Keyspace* ks) noexcept nogil:
    ks.ops[<int>T_STREAM] = &_OPS


# ---------------------------------------------------------------- walking

cdef void _enter(StreamWalk* w) noexcept nogil:
    """Begins with the node under the cursor, if there is one."""
    if w.node.leaf == NULL:
        return
    w.lp = _listpack(&w.node)
    node_head(w.lp, &w.head)
    w.at = w.lp + listpack_bytes(w.lp) - 1 if w.backwards else w.head.entries


cdef void stream_walk(const Stream* s, StreamWalk* w, Id first, Id last, bint backwards) noexcept nogil:
    """A walk over the live entries from `first` to `last`, both included; `backwards`: the last one comes first."""
    w.first = first
    w.last = last
    w.backwards = backwards
    if backwards:
        w.node = rax_floor(&s.nodes, last)
    elif id_less(s.first_id, first):
        w.node = rax_floor(&s.nodes, first)
        if w.node.leaf == NULL:
            w.node = rax_first(&s.nodes)
    else:
        w.node = rax_first(&s.nodes)
    _enter(w)


cdef bint _step_back(StreamWalk* w) noexcept nogil:
    while w.node.leaf != NULL:
        w.at = node_before(&w.head, w.at)
        if w.at == NULL:
            rax_prev(&w.node)
            _enter(w)
            continue
        node_read(&w.head, cursor_id(&w.node), w.at, &w.entry)
        if id_less(w.entry.id, w.first):
            w.node.leaf = NULL
        elif not w.entry.deleted and not id_less(w.last, w.entry.id):
            return True
    return False


cdef bint stream_step(StreamWalk* w) noexcept nogil:
    """The next live entry, in w.entry. Between two steps node_pair may read of it."""
    if w.backwards:
        return _step_back(w)
    while w.node.leaf != NULL:
        if w.at == NULL:                           # behind the entry that was returned
            w.at = node_behind(&w.entry)
        if w.at[0] == LISTPACK_END:
            rax_next(&w.node)
            _enter(w)
            continue
        node_read(&w.head, cursor_id(&w.node), w.at, &w.entry)
        w.at = NULL
        if id_less(w.last, w.entry.id):
            w.node.leaf = NULL
        elif not w.entry.deleted and not id_less(w.entry.id, w.first):
            return True
    return False


cdef bint stream_has(const Stream* s, Id id) noexcept nogil:
    cdef StreamWalk w
    if s.length == 0 or id_less(id, s.first_id) or id_less(s.last_id, id):
        return False
    stream_walk(s, &w, id, id, False)
    return stream_step(&w)


cdef Id stream_top(const Stream* s) noexcept nogil:
    cdef StreamWalk w
    if s.length == 0:
        return id_of(0, 0)
    stream_walk(s, &w, id_of(0, 0), id_max(), True)
    stream_step(&w)
    return w.entry.id


cdef void stream_find_first(Stream* s) noexcept nogil:
    """Sets first_id, which is no longer alive; only IDs above it are looked at."""
    cdef StreamWalk w
    if s.length == 0:
        s.first_id = id_of(0, 0)
        return
    stream_walk(s, &w, s.first_id, id_max(), False)
    stream_step(&w)
    s.first_id = w.entry.id


# ---------------------------------------------------------------- appending

cdef uint8_t* _new_tail(Arena* mem, Stream* s, Id id, const Slice* pairs, size_t count) noexcept nogil:
    """The next node; the one before, if it has room to spare, gives it back."""
    cdef RaxCursor last
    cdef bint added
    if s.tail != NULL:
        last = rax_last(&s.nodes)
        (<uint8_t**>cursor_value(&last))[0] = node_shrink(mem, s.tail, s.tail_room)
    s.tail = node_new(mem, pairs, count, &s.tail_room)
    (<uint8_t**>rax_insert(&s.nodes, mem, id, &added))[0] = s.tail
    return s.tail


cdef bint _is_full(const Limits* limits, const uint8_t* lp, const Slice* pairs, size_t count) noexcept nogil:
    """Is another entry to begin a new node?"""
    cdef NodeHead h
    cdef size_t text = 0, most = limits.stream_node_max_bytes, i
    if most == 0 or most > STREAM_ENTRY_MAX:
        most = STREAM_ENTRY_MAX
    for i in range(count * 2):
        text += pairs[i].len
    if listpack_bytes(lp) + text >= most:
        return True
    if limits.stream_node_max_entries == 0:
        return False
    node_head(lp, &h)
    return h.count + h.deleted >= <int64_t>limits.stream_node_max_entries


cdef void stream_append(Arena* mem, const Limits* limits, Stream* s, Id id, const Slice* pairs,
                        size_t count) noexcept nogil:
    cdef RaxCursor last = rax_last(&s.nodes)
    cdef uint8_t* lp = _listpack(&last) if last.leaf != NULL else NULL
    cdef size_t room
    if lp == NULL or _is_full(limits, lp, pairs, count):
        lp = _new_tail(mem, s, id, pairs, count)
        last = rax_last(&s.nodes)
    room = _room(s, lp)
    lp = node_append(mem, lp, &room, cursor_id(&last), id, pairs, count)
    (<uint8_t**>cursor_value(&last))[0] = lp
    s.tail = lp
    s.tail_room = room
    s.length += 1
    s.entries_added += 1
    s.last_id = id
    if s.length == 1:
        s.first_id = id


# ---------------------------------------------------------------- deleting

cdef void _free_node(Arena* mem, Stream* s, const RaxCursor* node) noexcept nogil:
    cdef uint8_t* lp = _listpack(node)
    mem_free(mem, lp, _room(s, lp))
    if lp == s.tail:
        s.tail = NULL
    rax_delete(&s.nodes, mem, cursor_id(node))


cdef void _count_deleted(Arena* mem, Stream* s, const RaxCursor* node, int64_t more) noexcept nogil:
    """`more` entries of a node, marked already, do not count any more; it goes when none is left."""
    cdef uint8_t* lp = _listpack(node)
    cdef size_t room = _room(s, lp)
    cdef bint is_tail = lp == s.tail
    cdef NodeHead h
    node_head(lp, &h)
    s.length -= more
    if h.count == more:
        _free_node(mem, s, node)
        return
    lp = node_set_counts(mem, lp, &room, h.count - more, h.deleted + more)
    (<uint8_t**>cursor_value(node))[0] = lp
    if is_tail:
        s.tail = lp
        s.tail_room = room


cdef bint stream_delete(Arena* mem, Stream* s, Id id) noexcept nogil:
    """Deletes an entry, and remembers it as deleted; False: there is none."""
    cdef StreamWalk w
    if s.length == 0 or id_less(id, s.first_id) or id_less(s.last_id, id):
        return False
    stream_walk(s, &w, id, id, False)
    if not stream_step(&w):
        return False
    (<uint8_t*>w.entry.at)[0] |= ENTRY_DELETED
    _count_deleted(mem, s, &w.node, 1)
    if id_less(s.max_deleted_id, id):
        s.max_deleted_id = id
    if id_equal(id, s.first_id):
        stream_find_first(s)
    return True


cdef Id _last_of_node(const NodeHead* h, const uint8_t* lp, Id master) noexcept nogil:
    """The ID of a node's last entry, alive or not."""
    cdef NodeEntry e
    node_read(h, master, node_before(h, lp + listpack_bytes(lp) - 1), &e)
    return e.id


cdef int64_t _mark_front(Stream* s, const RaxCursor* node, const NodeHead* h, const Trim* trim) noexcept nogil:
    """Marks entries of the first node as deleted until what is left is right; how many."""
    cdef NodeEntry e
    cdef const uint8_t* at = h.entries
    cdef int64_t marked = 0
    while at[0] != LISTPACK_END:
        node_read(h, cursor_id(node), at, &e)
        if (not id_less(e.id, trim.id) if trim.by == TRIM_ID else s.length - marked <= <uint64_t>trim.length):
            break
        if not e.deleted:
            (<uint8_t*>at)[0] |= ENTRY_DELETED
            marked += 1
        at = node_behind(&e)
    return marked


cdef uint64_t stream_trim(Arena* mem, Stream* s, const Trim* trim) noexcept nogil:
    """Deletes from the front; how many entries."""
    cdef uint64_t deleted = 0, marked
    cdef RaxCursor node = rax_first(&s.nodes)
    cdef NodeHead h
    cdef uint8_t* lp
    cdef bint whole
    while node.leaf != NULL:
        if trim.by == TRIM_LENGTH and s.length <= <uint64_t>trim.length:
            break
        lp = _listpack(&node)
        node_head(lp, &h)
        if trim.limit and <int64_t>deleted + h.count > trim.limit:
            break
        if trim.by == TRIM_LENGTH:
            whole = s.length - h.count >= <uint64_t>trim.length
        else:
            whole = id_less(_last_of_node(&h, lp, cursor_id(&node)), trim.id)
        if whole:
            s.length -= h.count
            deleted += h.count
            _free_node(mem, s, &node)
            node = rax_first(&s.nodes)
            continue
        if not trim.roughly:
            marked = _mark_front(s, &node, &h, trim)
            if marked:
                _count_deleted(mem, s, &node, marked)
            deleted += marked
        break
    if deleted:
        stream_find_first(s)
    return deleted


# ---------------------------------------------------------------- what a group has read

cdef bint _tombstone_from(const Stream* s, Id id) noexcept nogil:
    """May an entry at `id` or behind it, and not in front of all live ones, have been deleted?"""
    if s.length == 0 or id_is_zero(s.max_deleted_id) or id_less(s.max_deleted_id, s.first_id):
        return False
    return not id_less(s.max_deleted_id, id)


cdef int64_t stream_reads_until(const Stream* s, Id id) noexcept nogil:
    """How many entries a reader has read that has got all up to `id`."""
    if s.entries_added == 0:
        return 0
    if s.length == 0 and not id_less(s.last_id, id):
        return <int64_t>s.entries_added
    if not id_is_zero(id) and id_less(id, s.max_deleted_id):
        return READS_UNKNOWN
    if id_equal(id, s.last_id):
        return <int64_t>s.entries_added
    if id_less(s.last_id, id):                     # an ID of the future
        return READS_UNKNOWN
    if id_is_zero(s.max_deleted_id) or id_less(s.max_deleted_id, s.first_id):
        if id_less(id, s.first_id):
            return <int64_t>(s.entries_added - s.length)
        if id_equal(id, s.first_id):
            return <int64_t>(s.entries_added - s.length + 1)
    return READS_UNKNOWN


cdef void stream_advance(const Stream* s, Group* g, Id id) noexcept nogil:
    if (g.entries_read != READS_UNKNOWN and not id_less(g.last_id, s.first_id)
            and not _tombstone_from(s, g.last_id)):
        g.entries_read += 1
    elif s.entries_added:
        g.entries_read = stream_reads_until(s, id)
    g.last_id = id


cdef bint stream_lag(const Stream* s, const Group* g, int64_t* lag) noexcept nogil:
    """How many entries the group has still to read."""
    cdef int64_t reads
    lag[0] = 0
    if s.entries_added == 0 or s.length == 0:
        return True
    if id_less(g.last_id, s.first_id) and id_less(s.max_deleted_id, s.first_id):
        lag[0] = <int64_t>s.length
        return True
    reads = g.entries_read
    if reads == READS_UNKNOWN or _tombstone_from(s, g.last_id):
        reads = stream_reads_until(s, g.last_id)
    lag[0] = <int64_t>s.entries_added - reads
    return reads != READS_UNKNOWN


# ---------------------------------------------------------------- checking

cdef int stream_check(const Stream* s) noexcept nogil:
    cdef RaxCursor node = rax_first(&s.nodes)
    cdef RaxCursor last = rax_last(&s.nodes)
    cdef NodeHead h
    cdef NodeEntry e
    cdef const uint8_t* lp
    cdef uint64_t length = 0
    cdef Id before = id_of(0, 0)
    cdef int broken = rax_check(&s.nodes)
    if broken:
        return broken
    while node.leaf != NULL:
        lp = _listpack(&node)
        broken = node_check(lp, cursor_id(&node))
        if broken:
            return 10 + broken
        node_head(lp, &h)
        length += h.count
        node_read(&h, cursor_id(&node), h.entries, &e)
        if id_less(e.id, cursor_id(&node)) or (length > h.count and not id_less(before, e.id)):
            return 21
        before = _last_of_node(&h, lp, cursor_id(&node))
        rax_next(&node)
    if length != s.length:
        return 20
    if id_less(s.last_id, before) or (s.length == 0 and not id_is_zero(s.first_id)):
        return 22
    if s.length and not stream_has(s, s.first_id):
        return 22
    if s.tail != NULL and (last.leaf == NULL or _listpack(&last) != s.tail or s.tail_room < listpack_bytes(s.tail)):
        return 23
    broken = groups_check(&s.groups)
    return 30 + broken if broken else 0
