"""stream_testing -- a stream without commands and connections, for tests and bench only."""
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.keyspace cimport (Key, Keyspace, keyspace_delete, keyspace_find, keyspace_free, keyspace_key,
                                   keyspace_new)
from _pyredis.db.stream_groups cimport (READS_UNKNOWN, Consumer, Group, Pending, consumer_create, consumer_delete,
                                        consumer_find, group_create, group_destroy, group_find, pending_find,
                                        pending_give, pending_remove)
from _pyredis.db.stream_type cimport (TRIM_ID, TRIM_LENGTH, Stream, StreamWalk, Trim, stream_append, stream_check,
                                      stream_create, stream_delete, stream_has, stream_step, stream_top,
                                      stream_trim, stream_walk)
from _pyredis.db.stream_node cimport node_pair
from _pyredis.db.types cimport types_bind
from _pyredis.db.value cimport ENC_STREAM, Entry, T_STREAM, entry_set_pointer
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.id cimport Id, id_max, id_of
from _pyredis.ds.rax cimport RaxCursor, cursor_id, cursor_value, rax_first, rax_next


cdef bytes _text(const Element* e):
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice s = element_slice(e, digits)
    return s.ptr[:s.len]


cdef class BareStream:
    """IDs are pairs of integers; an entry's pairs a list of bytes."""
    cdef Arena* mem
    cdef Keyspace* ks
    cdef Stream* s
    cdef Key key

    def __cinit__(self, size_t node_entries=100, size_t node_bytes=4096):
        cdef uint64_t[2] seeds
        seeds[0] = seeds[1] = 1
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, 1, seeds)
        types_bind(self.ks)
        self.ks.limits.stream_node_max_entries = node_entries
        self.ks.limits.stream_node_max_bytes = node_bytes
        self.key = keyspace_key(self.ks, slice_of(b"s", 1))
        self.s = stream_create(self.ks, &self.ks.dbs[0], self.key)

    def __dealloc__(self):
        if self.s != NULL:
            keyspace_delete(self.ks, &self.ks.dbs[0], self.key, keyspace_find(&self.ks.dbs[0], self.key))
        keyspace_free(self.ks)
        arena_free(self.mem)

    def __len__(self):
        return self.s.length

    def append(self, id, list words):
        cdef Slice[64] pairs
        cdef size_t i
        for i in range(<size_t>len(words)):
            pairs[i] = slice_of(<bytes>words[i], len(words[i]))
        stream_append(self.mem, &self.ks.limits, self.s, id_of(id[0], id[1]), pairs, <size_t>len(words) // 2)

    def delete(self, id):
        return bool(stream_delete(self.mem, self.s, id_of(id[0], id[1])))

    def has(self, id):
        return bool(stream_has(self.s, id_of(id[0], id[1])))

    def trim(self, *, length=None, id=None, bint roughly=False, int64_t limit=0):
        """How many entries went."""
        cdef Trim trim
        trim.by = TRIM_LENGTH if length is not None else TRIM_ID
        trim.length = length or 0
        trim.id = id_of(id[0], id[1]) if id is not None else id_of(0, 0)
        trim.roughly = roughly
        trim.limit = limit
        return stream_trim(self.mem, self.s, &trim)

    def range(self, first=(0, 0), last=None, bint backwards=False):
        """[(ID, words), ...]"""
        cdef StreamWalk w
        cdef Element field, value
        cdef list found = [], words
        stream_walk(self.s, &w, id_of(first[0], first[1]), id_of(last[0], last[1]) if last is not None else id_max(),
                    backwards)
        while stream_step(&w):
            words = []
            if (<uint64_t>len(found)) % 3:                 # some entries are passed unread
                while node_pair(&w.entry, &field, &value):
                    words += [_text(&field), _text(&value)]
            found.append(((w.entry.id.ms, w.entry.id.seq), words or None))
        return found

    @property
    def facts(self):
        """(first ID, last ID, largest deleted ID, last live ID, entries ever added)"""
        cdef Id top = stream_top(self.s)
        return ((self.s.first_id.ms, self.s.first_id.seq), (self.s.last_id.ms, self.s.last_id.seq),
                (self.s.max_deleted_id.ms, self.s.max_deleted_id.seq), (top.ms, top.seq), self.s.entries_added)

    @property
    def nodes(self):
        return self.s.nodes.count

    # ---- one group

    def group(self, bytes name, bint make=True):
        """Makes or destroys a group; False: nothing to do."""
        cdef Group* g = group_find(&self.s.groups, slice_of(name, len(name)))
        if (g == NULL) != make:
            return False
        if make:
            group_create(self.mem, &self.s.groups, slice_of(name, len(name)), id_of(0, 0), READS_UNKNOWN)
        else:
            group_destroy(self.mem, &self.s.groups, g)
        return True

    def give(self, bytes group, id, bytes consumer):
        """The entry is pending with the consumer, which is made if need be. How often it has been given before."""
        cdef Group* g = group_find(&self.s.groups, slice_of(group, len(group)))
        cdef Slice name = slice_of(consumer, len(consumer))
        cdef Consumer* to = consumer_find(g, name)
        cdef Pending* p
        if to == NULL:
            to = consumer_create(self.mem, g, name, 5)
        p = pending_give(self.mem, g, id_of(id[0], id[1]), to)
        p.deliveries += 1
        return p.deliveries - 1

    def acknowledge(self, bytes group, id):
        cdef Group* g = group_find(&self.s.groups, slice_of(group, len(group)))
        cdef Pending* p = pending_find(g, id_of(id[0], id[1]))
        if p != NULL:
            pending_remove(self.mem, g, id_of(id[0], id[1]), p)
        return p != NULL

    def dismiss(self, bytes group, bytes consumer):
        """Deletes a consumer with all that is pending; False: there is none."""
        cdef Group* g = group_find(&self.s.groups, slice_of(group, len(group)))
        cdef Consumer* c = consumer_find(g, slice_of(consumer, len(consumer)))
        if c != NULL:
            consumer_delete(self.mem, g, c)
        return c != NULL

    def pending(self, bytes group):
        """{ID: consumer}, in order"""
        cdef Group* g = group_find(&self.s.groups, slice_of(group, len(group)))
        cdef RaxCursor at = rax_first(&g.pending)
        cdef dict found = {}
        cdef Slice name
        cdef Id id
        while at.leaf != NULL:
            id = cursor_id(&at)
            name = (<Pending*>cursor_value(&at)).consumer.name
            found[id.ms, id.seq] = name.ptr[:name.len]
            rax_next(&at)
        return found

    # ---- the whole

    def copied(self):
        """The stream goes on as a copy of itself; what was is freed in steps. How many steps."""
        cdef Entry* e = keyspace_find(&self.ks.dbs[0], self.key)
        cdef Stream* copy = <Stream*>self.ks.ops[<int>T_STREAM].copy_value(self.mem, e)
        cdef int steps = 1
        while not self.ks.ops[<int>T_STREAM].free_value(self.mem, ENC_STREAM, self.s, 3):
            steps += 1
        self.s = copy
        entry_set_pointer(e, copy)
        return steps

    def memory(self, size_t samples=0):
        return self.ks.ops[<int>T_STREAM].memory(keyspace_find(&self.ks.dbs[0], self.key), samples)

    @property
    def memory_used(self):
        return self.mem.used

    def check(self):
        """0, or the number of the rule that is broken (of the arena: plus 1000)."""
        cdef int broken = stream_check(self.s)
        if broken == 0:
            broken = arena_check(self.mem)
            broken = 1000 + broken if broken else 0
        return broken
