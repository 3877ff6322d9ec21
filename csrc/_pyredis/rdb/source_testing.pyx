"""source_testing -- one source of bytes, and one value out of it, without commands: for tests only."""
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.db.hash_type cimport HashIter, hash_iter, hash_iter_expiry, hash_next
from _pyredis.db.keyspace cimport Keyspace, keyspace_copy, keyspace_free, keyspace_new, keyspace_reap, keyspace_release
from _pyredis.db.list_type cimport ListIter, list_done, list_iter, list_next
from _pyredis.db.set_type cimport SetIter, set_iter, set_next, set_of
from _pyredis.db.stream_groups cimport consumer_at, group_at
from _pyredis.db.stream_node cimport node_pair
from _pyredis.db.stream_type cimport StreamWalk, stream_of, stream_step, stream_walk
from _pyredis.db.string_type cimport STRING_DIGITS, string_view
from _pyredis.db.types cimport types_bind, types_check
from _pyredis.db.value cimport Entry, T_HASH, T_LIST, T_SET, T_STRING, T_ZSET, encoding_name, entry_encoding, entry_type
from _pyredis.db.zset_type cimport ZIter, zset_iter_all, zset_next
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.id cimport id_max, id_of
from _pyredis.ds.listpack cimport listpack_free
from _pyredis.rdb.load cimport Load, load_done, load_init, load_value
from _pyredis.rdb.source cimport (Bulk, Source, bulk_free, bulk_init, source_bytes, source_count, source_crc,
                                  source_done, source_double, source_expect, source_i64, source_of_bytes,
                                  source_of_stream, source_offset, source_score, source_string, source_sum,
                                  source_u32, source_u64, source_u8)
from _pyredis.rdb.ziplist cimport ziplist_import, zipmap_import

cdef struct Pieces:                # bytes that come a few at a time
    const uint8_t* at
    size_t left
    size_t most


cdef size_t _fill(void* arg, uint8_t* to, size_t most) noexcept nogil:
    cdef Pieces* p = <Pieces*>arg
    cdef size_t n = min(min(p.left, p.most), most)
    memcpy(to, p.at, n)
    p.at += n
    p.left -= n
    return n


cdef class BareSource:
    """A source of a copy of `data`: in memory, or a stream that gives up to `piece` bytes at a time."""
    cdef Arena* mem
    cdef Source s
    cdef Bulk bulk
    cdef Pieces pieces
    cdef uint8_t* copy             # of just this size: a sanitizer sees who passes its end

    def __cinit__(self, bytes data, size_t piece=0):
        cdef const char* p = data
        cdef size_t n = len(data)
        self.mem = arena_new()
        self.copy = <uint8_t*>malloc(n if n else 1)
        memcpy(self.copy, p, n)
        self.pieces.at = self.copy
        self.pieces.left = n
        self.pieces.most = piece
        if piece:
            source_of_stream(&self.s, self.mem, _fill, &self.pieces)
        else:
            source_of_bytes(&self.s, self.mem, slice_of(<char*>self.copy, n))
        bulk_init(&self.bulk)

    def __dealloc__(self):
        bulk_free(self.mem, &self.bulk)
        source_done(&self.s)
        arena_free(self.mem)
        free(self.copy)

    def u8(self):
        return source_u8(&self.s)

    def u32(self):
        return source_u32(&self.s)

    def u64(self):
        return source_u64(&self.s)

    def i64(self):
        return source_i64(&self.s)

    def double(self):
        return source_double(&self.s)

    def count(self):
        return source_count(&self.s)

    def score(self):
        return source_score(&self.s)

    def string(self):
        """A string, in whatever form; None if it failed."""
        return self.bulk.text.ptr[:self.bulk.text.len] if source_string(&self.s, &self.bulk) else None

    def bytes(self, uint64_t n):
        return self.bulk.text.ptr[:self.bulk.text.len] if source_bytes(&self.s, &self.bulk, n) else None

    def sum(self):
        """A CRC64 is kept from here on."""
        source_sum(&self.s)

    @property
    def crc(self):
        return source_crc(&self.s)

    def expect(self, uint64_t n):
        return source_expect(&self.s, n)

    @property
    def offset(self):
        return source_offset(&self.s)

    @property
    def failed(self):
        """(reason, offset), or None."""
        return (self.s.reason.decode(), self.s.failed_at) if self.s.reason != NULL else None

    @property
    def room(self):
        """Bytes that the strings read so far have made it take, at once."""
        return self.bulk.room


def import_ziplist(bytes image):
    """The listpack's bytes that ziplist_import makes, or None."""
    return _imported(image, False)


def import_zipmap(bytes image):
    """(the listpack's bytes that zipmap_import makes, longest word), or None."""
    return _imported(image, True)


cdef _imported(bytes image, bint zipmap):
    cdef Arena* mem = arena_new()
    cdef size_t n = len(image), longest = 0
    cdef const char* p = image
    cdef char* copy = <char*>malloc(n if n else 1)
    cdef uint8_t* lp
    memcpy(copy, p, n)
    if zipmap:
        lp = zipmap_import(mem, slice_of(copy, n), &longest)
    else:
        lp = ziplist_import(mem, slice_of(copy, n))
    free(copy)
    made = None
    if lp != NULL:
        made = (<char*>lp)[:(<unsigned int*>lp)[0]]
        listpack_free(mem, lp)
    assert mem.used == 0
    arena_free(mem)
    return made if not zipmap or made is None else (made, longest)


# ---------------------------------------------------------------- values

cdef bytes _bytes(const Element* e):
    cdef char[ELEMENT_DIGITS] digits
    cdef Slice s = element_slice(e, digits)
    return s.ptr[:s.len]


cdef _elements(Keyspace* ks, const Entry* e):
    """A string's bytes, a list's or set's elements, a sorted set's pairs, a hash's triples."""
    cdef char[STRING_DIGITS] digits
    cdef ListIter in_list
    cdef SetIter in_set
    cdef ZIter in_zset
    cdef HashIter in_hash
    cdef Element x, y
    cdef double score
    cdef Slice s
    if entry_type(e) == T_STRING:
        s = string_view(e, digits)
        return s.ptr[:s.len]
    found = []
    if entry_type(e) == T_LIST:
        list_iter(&in_list, ks, e, 0, False)
        while list_next(&in_list, &x):
            found.append(_bytes(&x))
        list_done(&in_list)
    elif entry_type(e) == T_SET:
        set_iter(set_of(e), &in_set)
        while set_next(&in_set, &x):
            found.append(_bytes(&x))
    elif entry_type(e) == T_ZSET:
        zset_iter_all(e, &in_zset)
        while zset_next(&in_zset, &x, &score):
            found.append((_bytes(&x), score))
    elif entry_type(e) == T_HASH:
        hash_iter(e, 0, &in_hash)
        while hash_next(&in_hash, &x, &y):
            found.append((_bytes(&x), _bytes(&y), hash_iter_expiry(&in_hash)))
    else:
        return _stream(e)
    return found


cdef _stream(const Entry* e):
    """Entries, groups, and the numbers beside them."""
    cdef StreamWalk w
    cdef Element field, value
    entries = []
    stream_walk(stream_of(e), &w, id_of(0, 0), id_max(), False)
    while stream_step(&w):
        pairs = []
        while node_pair(&w.entry, &field, &value):
            pairs.append((_bytes(&field), _bytes(&value)))
        entries.append(((w.entry.id.ms, w.entry.id.seq), pairs))
    groups = []
    for i in range(stream_of(e).groups.count):
        g = group_at(&stream_of(e).groups, i)
        consumers = [(consumer_at(g, j).name.ptr[:consumer_at(g, j).name.len], consumer_at(g, j).seen_ms,
                      consumer_at(g, j).active_ms, consumer_at(g, j).pending.count)
                     for j in range(g.consumers.count)]
        groups.append((g.name.ptr[:g.name.len], (g.last_id.ms, g.last_id.seq), g.entries_read, g.pending.count,
                       consumers))
    return entries, groups, stream_of(e).entries_added, (stream_of(e).last_id.ms, stream_of(e).last_id.seq)


class BadValue(Exception):
    """(reason, offset, is it an empty collection?)"""


cdef class BareLoad:
    """A keyspace into which values are read, and out of which they go at once."""
    cdef Arena* mem
    cdef Keyspace* ks

    def __cinit__(self):
        cdef uint64_t[2] seed
        seed[0] = seed[1] = 1
        self.mem = arena_new()
        self.ks = keyspace_new(self.mem, 1, seed)
        types_bind(self.ks)
        self.ks.now_ms = 1

    def __dealloc__(self):
        keyspace_free(self.ks)
        arena_free(self.mem)

    def set_limits(self, *, hash_entries=512, set_entries=128, set_ints=512, zset_entries=128, list_size=-2):
        self.ks.limits.hash_max_listpack_entries = hash_entries
        self.ks.limits.set_max_listpack_entries = set_entries
        self.ks.limits.set_max_intset_entries = set_ints
        self.ks.limits.zset_max_listpack_entries = zset_entries
        self.ks.limits.list_max_listpack_size = list_size

    def load(self, bytes body, int version=12, size_t piece=0):
        """(encoding, elements) of a type byte and a value; raises BadValue. `piece` as in BareSource."""
        cdef BareSource source = BareSource(body, piece)
        cdef size_t before = self.mem.used
        cdef Load l
        cdef Entry* e
        cdef Entry* copy
        load_init(&l, &source.s, self.ks, version)
        e = load_value(&l, source_u8(&source.s), slice_of(b"key", 3))
        empty = bool(l.empty)
        load_done(&l)
        try:
            if e == NULL:
                reason = "a collection is empty" if empty else source.s.reason.decode()
                raise BadValue(reason, source.s.failed_at, empty)
            assert source.s.reason == NULL
            assert types_check(self.ks, e) == 0, types_check(self.ks, e)
            copy = keyspace_copy(self.ks, e, slice_of(b"copy", 4))
            found = encoding_name(entry_encoding(e)).decode(), _elements(self.ks, e)
            assert _elements(self.ks, copy) == found[1]
            keyspace_release(self.ks, copy)
            keyspace_release(self.ks, e)
            return found
        finally:
            while keyspace_reap(self.ks, 1 << 20):
                pass
            assert arena_check(self.mem) == 0
            assert self.mem.used <= before + 4096, "what was read is not all given back"
