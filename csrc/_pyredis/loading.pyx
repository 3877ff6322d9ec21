"""loading -- an RDB file for Python: into the data, or only looked at.

`how` is a set of the words in HOW. While a file is read the GIL is held by others only in `on_progress(offset)`, called
every `interval` bytes; what it returns says whether to go on. Who lets others be served there sets begin() before, so
that they are told to wait.
"""
from libc.stdint cimport int64_t, uint64_t, uint8_t
from libc.stdio cimport snprintf
from libc.string cimport memset

from _pyredis.base.disk cimport Disk, disk_read
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.status cimport OK, Status, status_text
from _pyredis.cmd.ctx cimport CONN_FAKE, Conn, Ctx, GATE_LOADING, Server
from _pyredis.cmd.dispatch cimport dispatch_context, dispatch_drain
from _pyredis.cmd.functions cimport (Library, libraries_forget, library_check, library_commit, library_free,
                                     library_load)
from _pyredis.conn cimport conn_free, conn_new
from _pyredis.core cimport Core
from _pyredis.db.effects cimport EV_NONE, effects_key
from _pyredis.db.keyspace cimport keyspace_flush
from _pyredis.rdb.file_reader cimport (READ_ANY_VERSION, READ_DRY, READ_EXPIRED, READ_MERGE, READ_SUM, FileLoad,
                                       file_load)
from _pyredis.rdb.source cimport Source, source_done, source_of_stream, source_offset

HOW = {"dry": READ_DRY, "sum": READ_SUM, "any version": READ_ANY_VERSION, "expired": READ_EXPIRED,
       "merge": READ_MERGE}


class LoadError(Exception):
    """`reason` in words, `offset` in the file, `type` (or -1) and `key` of the value under way."""

    def __init__(self, reason, offset, type, key):
        super().__init__(f"{reason} (at offset {offset})")
        self.reason, self.offset, self.type, self.key = reason, offset, type, key


class LoadStopped(Exception):
    """on_progress said so."""


cdef struct Job:
    Server* s
    Conn* conn                     # on which libraries are made
    int fd
    bint failed                    # the file could not be read
    bint merge
    bint dry
    char error[600]                # of a library
    void* told                     # the Reader of below


cdef class _Told:
    """Who is told of what."""
    cdef object on_progress
    cdef object on_aux
    cdef object on_database


cdef size_t _fill(void* job, uint8_t* to, size_t most) noexcept nogil:
    cdef Job* j = <Job*>job
    cdef ssize_t n = disk_read(&j.s.disk, j.fd, <char*>to, most)
    if n < 0:
        j.failed = True
        return 0
    return n


cdef bint _progress(void* job, uint64_t at) noexcept nogil:
    with gil:
        return _tell_progress(<_Told>(<Job*>job).told, at)


cdef bint _tell_progress(_Told told, uint64_t at) noexcept:
    try:
        return <bint>told.on_progress(at)
    except Exception:
        return False


cdef void _aux(void* job, uint64_t at, Slice name, Slice value) noexcept nogil:
    with gil:
        (<_Told>(<Job*>job).told).on_aux(at, name.ptr[:name.len], value.ptr[:value.len])


cdef void _database(void* job, uint64_t at, int db) noexcept nogil:
    with gil:
        (<_Told>(<Job*>job).told).on_database(at, db)


cdef bint _library(void* job, Slice code) noexcept nogil:
    """Takes a library of functions, as FUNCTION LOAD would."""
    cdef Job* j = <Job*>job
    cdef Ctx c
    cdef Library* library
    cdef Status st
    if j.dry:
        return True
    dispatch_context(&c, j.s, j.conn, NULL, NULL, 0)
    st = library_load(&c, code, &library)
    if st == OK:
        st = library_check(&c, library, j.merge)
        if st == OK:
            library_commit(j.s, library)
            return True
        library_free(j.s, library)
    snprintf(j.error, sizeof(j.error), status_text(st), c.detail)
    return False


def clear(Core core):
    """Removes all keys and functions, to be loaded again; nobody is told but WATCH and the like."""
    cdef int i
    for i in range(core.s.ks.count):
        keyspace_flush(core.s.ks, &core.s.ks.dbs[i], False)
        effects_key(&core.s.ks.fx, i, slice_of(NULL, 0), EV_NONE, b"flushdb", 0)
    dispatch_drain(core.s)
    libraries_forget(core.s)


def begin(Core core):
    """From now on clients are answered that the data is being read, if they ask for any."""
    core.s.gates |= GATE_LOADING


def end(Core core):
    core.s.gates &= ~<unsigned int>GATE_LOADING


def load(Core core, int fd, how=(), *, uint64_t size=0, on_progress=None, uint64_t interval=2 << 20, on_aux=None,
         on_database=None, int64_t delay_us=0):
    """Reads the file that begins where `fd` stands, of `size` bytes as far as is known.

    A dict of figures: version, keys, timed, expired, empty, functions, bytes, summed. `fd` may stand further than
    the file's end then. Raises LoadError, LoadStopped, OSError; what was read until then stays. `on_aux(offset, name,
    value)` and `on_database(offset, number)` tell what stands beside the keys.
    """
    cdef Source source
    cdef FileLoad f
    cdef Job j
    cdef bint ok
    cdef _Told told = _Told()
    told.on_progress, told.on_aux, told.on_database = on_progress, on_aux, on_database
    memset(&j, 0, sizeof(Job))
    memset(&f, 0, sizeof(FileLoad))
    j.s = core.s
    j.fd = fd
    j.told = <void*>told
    for word in how:
        f.how |= <int>HOW[word]
    j.merge = (f.how & READ_MERGE) != 0
    j.dry = (f.how & READ_DRY) != 0
    j.conn = conn_new(core.s, -1)
    j.conn.flags |= CONN_FAKE
    source_of_stream(&source, core.s.mem, _fill, &j)
    f.source, f.ks, f.size, f.interval, f.delay_us = &source, core.s.ks, size, interval, delay_us
    f.library, f.arg = _library, &j
    if on_progress is not None:
        f.progress = _progress
    if on_aux is not None:
        f.aux = _aux
    if on_database is not None:
        f.database = _database
    with nogil:
        ok = file_load(&f)
    figures = {"version": f.version, "keys": f.keys, "timed": f.timed, "expired": f.expired, "empty": f.empty,
               "functions": f.functions, "bytes": source_offset(&source), "summed": bool(f.summed)}
    reason = source.reason.decode() if source.reason != NULL else ""
    offset = source.failed_at
    source_done(&source)
    conn_free(core.s, j.conn)
    if ok:
        return figures
    if f.stopped:
        raise LoadStopped
    if j.failed:
        raise OSError(f"it cannot be read (at offset {offset})")
    if j.error[0]:
        reason += ": " + j.error.decode("utf-8", "replace")
    raise LoadError(reason, offset, f.type, f.key[:f.key_length])
