"""testing -- the server without sockets: for tests and benchmarks only.

A Session is a connection made of memory on a real Core: bytes in, through the real parser and dispatch,
reply bytes out. Its clock may stand still and be moved by hand.
"""
from cython cimport no_gc_clear

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t

from _pyredis.base.clock cimport clock_set_fake
from _pyredis.base.mem cimport Arena, arena_check, arena_free, arena_new
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.channels cimport channels_check
from _pyredis.cmd.ctx cimport CONN_FAKE, CONN_STUCK, SINK_TEST, Conn, Table
from _pyredis.cmd.table cimport table_free, table_init
from _pyredis.conn cimport conn_feed, conn_free, conn_new, conns_run
from _pyredis.core cimport Core
from _pyredis.db.effects cimport Effects, effects_words
from _pyredis.db.keyspace cimport Keyspace, keyspace_check, keyspace_set_clock
from _pyredis.db.types cimport types_check
from _pyredis.db.value cimport T_HASH, T_LIST, T_SET, T_STREAM, T_ZSET, Entry, ValueType, entry_type
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.rdb.file_writer cimport FileAux, FileFacts, file_write
from _pyredis.rdb.sink cimport (SINK_COMPRESS, SINK_CRC, Sink, sink_finish, sink_free, sink_to_function,
                                sink_to_memory)
from _pyredis.wire.reply cimport out_sent, out_views
from _pyredis.rows cimport fill_table, keys_in


cdef class KeyFinder:
    """A table of commands that need not exist, to find keys by: Core.find_keys without a server."""
    cdef Arena* mem
    cdef Table table

    def __cinit__(self, rows):
        self.mem = arena_new()
        table_init(&self.table, self.mem)
        fill_table(&self.table, rows)

    def __dealloc__(self):
        table_free(&self.table)
        arena_free(self.mem)

    def find_keys(self, int index, list argv):
        return keys_in(self.table.commands[index], argv)


cdef bytes _copy(Slice s):
    return PyBytes_FromStringAndSize(s.ptr, s.len)


cdef Slice _view(bytes text):
    return slice_of(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef bint _gather(void* pieces, const char* p, size_t n) noexcept nogil:
    with gil:
        (<list>pieces).append(p[:n])
    return True


cdef void _take(void* session, Effects* fx) noexcept nogil:
    with gil:
        (<Session>session)._record(fx)


@no_gc_clear                        # the core must outlive __dealloc__, also when both end in one cycle
cdef class Session:
    """A connection in memory. `effects` and `propagated` gather what commands did until they are cleared."""
    cdef readonly Core core
    cdef Conn* conn
    cdef public list effects
    cdef public list propagated

    def __cinit__(self, Core core, bint watch_effects=True):
        self.core = core
        self.conn = conn_new(core.s, -1)
        self.conn.flags |= CONN_FAKE
        self.clear()
        if watch_effects and core.s.sinks[<int>SINK_TEST].take == NULL:
            core.s.ks.fx.wanted |= 1 << SINK_TEST
            core.s.ks.fx.propagating = True
            core.s.sinks[<int>SINK_TEST].take = _take
            core.s.sinks[<int>SINK_TEST].arg = <void*>self

    def __dealloc__(self):
        if self.core.s.sinks[<int>SINK_TEST].arg == <void*>self:
            self.core.s.sinks[<int>SINK_TEST].take = NULL
        conn_free(self.core.s, self.conn)

    def clear(self):
        self.effects = []
        self.propagated = []

    cdef void _record(self, Effects* fx) noexcept:
        cdef size_t i, j
        cdef const Slice* words
        for i in range(fx.count):
            self.effects.append((fx.list[i].event.decode(), _copy(fx.list[i].key), fx.list[i].dirty, fx.list[i].db,
                                 fx.list[i].event_class))
        if fx.atomic:
            self.propagated.append([b"MULTI"])
        for i in range(fx.rewrite_count):
            words = effects_words(fx, &fx.rewrites[i])
            self.propagated.append([_copy(words[j]) for j in range(fx.rewrites[i].argc)])
        if (fx.command_dirty or fx.to_replicas) and not fx.rewritten and self.core.s.command != NULL:
            self.propagated.append([_copy(self.core.s.command.argv[j]) for j in range(self.core.s.command.argc)])
        if fx.atomic:
            self.propagated.append([b"EXEC"])

    def feed(self, bytes data):
        """Input as from a socket, and every complete request run; the replies' bytes."""
        cdef bint fits
        cdef char* p = PyBytes_AS_STRING(data)
        cdef size_t n = PyBytes_GET_SIZE(data)
        with nogil:
            fits = conn_feed(self.core.s, self.conn, p, n)
            conns_run(self.core.s, self.core.rounds.batch, &self.conn, 1)
        if not fits:
            raise OverflowError("the query buffer limit")
        return self.take()

    def take(self):
        """Reply bytes that are pending."""
        cdef Slice view
        cdef list parts = []
        while self.conn.out.pending:
            out_views(&self.conn.out, &view, 1)
            parts.append(_copy(view))
            out_sent(&self.conn.out, view.len)
        return b"".join(parts)

    @property
    def closed(self):
        """Has the connection ended, or will it when its replies are out?"""
        return bool(self.conn.flags & (CONN_STUCK & 3))

    @property
    def id(self):
        return self.conn.id

    def set_clock(self, int64_t unix_us):
        """The core's clock stands at this time from now on; -1: it is real again."""
        clock_set_fake(&self.core.s.clock, unix_us)
        keyspace_set_clock(self.core.s.ks, unix_us // 1000)

    def check_hashes(self):
        """0, or the number of the rule that a hash of the server breaks."""
        return self._first_broken(T_HASH)

    def check_streams(self):
        """0, or the number of the rule that a stream of the server breaks."""
        return self._first_broken(T_STREAM)

    def check_values(self):
        """0, or the number of the rule that a value of the server breaks (plus 1,000 times its type)."""
        cdef int broken
        for t in (T_LIST, T_SET, T_ZSET, T_HASH, T_STREAM):
            broken = self._first_broken(t)
            if broken:
                return 1000 * <int>t + broken
        return 0

    cdef int _first_broken(self, ValueType t) noexcept:
        """What the first broken value of a type breaks."""
        cdef Keyspace* ks = self.core.s.ks
        cdef DictIter it
        cdef Entry* e
        cdef int i, broken = 0
        for i in range(ks.count):
            dict_iter(&ks.dbs[i].keys, &it)
            e = <Entry*>dict_next(&it)
            while e != NULL and not broken:
                if entry_type(e) == t:
                    broken = types_check(ks, e)
                e = <Entry*>dict_next(&it)
        return broken

    def check(self):
        """0, or the number of the rule that the keyspace (plus 1000, the arena; plus 2000, the channels) breaks."""
        cdef int broken = keyspace_check(self.core.s.ks)
        if broken == 0:
            broken = channels_check(self.core.s)
            if broken:
                return 2000 + broken
        if broken == 0:
            broken = arena_check(self.core.s.mem)
            broken = 1000 + broken if broken else 0
        return broken

    def rdb_file(self, list aux=None, list functions=None, int options=0, size_t buffer=0):
        """The bytes of an RDB file of all data. `aux`: (name, value) pairs; `buffer`: through a function, by as much."""
        cdef FileFacts facts
        cdef FileAux[8] aux_rows
        cdef Slice[8] sources
        cdef Sink s
        cdef int flags = SINK_CRC | (SINK_COMPRESS if self.core.s.rdb_compression else 0)
        cdef list pieces = []
        aux, functions = aux or [], functions or []
        for i, (name, value) in enumerate(aux[:8]):
            aux_rows[i].name = _view(name)
            aux_rows[i].value = _view(value)
        for i, source in enumerate(functions[:8]):
            sources[i] = _view(source)
        facts.aux, facts.aux_count = aux_rows, len(aux[:8])
        facts.functions, facts.function_count = sources, len(functions[:8])
        facts.options = options
        facts.progress = NULL
        if buffer:
            sink_to_function(&s, self.core.s.mem, _gather, <void*>pieces, buffer, flags)
        else:
            sink_to_memory(&s, self.core.s.mem, NULL, 0, flags)
        with nogil:
            file_write(&s, self.core.s.ks, &facts)
            sink_finish(&s)
        try:
            return b"".join(pieces) if buffer else PyBytes_FromStringAndSize(s.data, s.used)
        finally:
            sink_free(&s)

    @property
    def memory_used(self):
        return self.core.s.mem.used
