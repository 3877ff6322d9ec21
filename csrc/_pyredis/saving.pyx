"""saving -- all data into a file, for Python: at once, or by a child that is forked for it.

Both write a file that nobody knows yet. When it is whole it is renamed to `name`, in the same folder, which is synced;
without a name that is left to the caller. `kind` is what stands in it: a key of
WRITERS. `aux` are (name, value) pairs of bytes, `options` a dict:

    compress, checksum     of what is written        rdbcompression, rdbchecksum
    incremental            see rdb/snapshot          rdb-save-incremental-fsync
    delay_us               after each key, for tests rdb-key-save-delay
    idle, frequency        beside each key           by maxmemory-policy

The libraries of functions go into every file.

The child never comes back: it runs the core's code and ends. What it tells stands in a pipe, as reports of
REPORT.size bytes each: (keys, cow, cow_peak, cow_sum, cow_count, stage, errno, ended); see base/child.
"""
import os
import struct

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport errno
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from _pyredis.base.child cimport CHILD_KILLED, Child, child_end, child_fork, child_progress
from _pyredis.base.clock cimport Clock, clock_mono_us
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport GATE_DISK, Server
from _pyredis.cmd.functions cimport Library, libraries_of
from _pyredis.core cimport Core
from _pyredis.ds.dict cimport DictIter, dict_iter, dict_next
from _pyredis.rdb.commands cimport commands_write
from _pyredis.rdb.file_writer cimport FILE_FREQUENCY, FILE_IDLE, FileAux, file_write
from _pyredis.rdb.sink cimport SINK_COMPRESS, SINK_CRC
from _pyredis.rdb.snapshot cimport (SNAPSHOT_DIRECTORY, SNAPSHOT_DONE, SNAPSHOT_OPEN, SNAPSHOT_RENAME,
                                    SNAPSHOT_STOPPED, SNAPSHOT_SYNC, SNAPSHOT_WRITE, Snapshot, SnapshotStage,
                                    SnapshotWriter, snapshot_adopt, snapshot_delay, snapshot_write)

cdef extern from "<unistd.h>" nogil:
    int getpid()
    int unlink(const char* path)

cdef enum:
    PATH = 4096
    MARK_ROOM = 16
    TICK_US = 20000

REPORT = struct.Struct("=QQQQIiiI")
STAGES = {<int>SNAPSHOT_OPEN: "open", <int>SNAPSHOT_WRITE: "write", <int>SNAPSHOT_SYNC: "sync",
          <int>SNAPSHOT_STOPPED: "stop", <int>SNAPSHOT_RENAME: "rename", <int>SNAPSHOT_DIRECTORY: "directory"}
KILLED = <int>CHILD_KILLED         # exit code of a child that was told to go
PID = "{pid}"                      # in the path of fork_save: the child's process id


class SaveError(OSError):
    """Its errno says why, `stage` (a value of STAGES) where."""

    def __init__(self, stage, error, path):
        super().__init__(error, os.strerror(error), path)
        self.stage = stage


cdef SnapshotWriter _writer(str kind) except NULL:
    if kind in ("rdb", "aof-base"):
        return file_write
    if kind == "commands":
        return commands_write
    raise ValueError(f"no form of file is called {kind!r}")


cdef class _Job:
    """What is to be written, with the memory that it needs; made before the fork, so the child need not."""
    cdef Server* s
    cdef Snapshot snapshot
    cdef FileAux* aux
    cdef Slice* functions
    cdef list kept                 # what the slices point into

    def __cinit__(self, Core core, str kind, list aux, dict options):
        cdef size_t i
        cdef Snapshot* f = &self.snapshot
        self.s = core.s
        memset(f, 0, sizeof(Snapshot))
        f.disk = &core.s.disk
        f.mem = core.s.mem
        f.writer = _writer(kind)
        f.options = (SINK_COMPRESS if options["compress"] else 0) | (SINK_CRC if options["checksum"] else 0)
        f.incremental = options["incremental"]
        f.delay_us = options["delay_us"]
        f.facts.options = (FILE_IDLE if options["idle"] else 0) | (FILE_FREQUENCY if options["frequency"] else 0)
        self.kept = [(<bytes?>name, <bytes?>value) for name, value in aux]
        self.aux = <FileAux*>calloc(len(aux) + 1, sizeof(FileAux))
        self.functions = <Slice*>calloc(libraries_of(core.s).libraries.used + 1, sizeof(Slice))
        if self.aux == NULL or self.functions == NULL:
            raise MemoryError
        for i, (name, value) in enumerate(self.kept):
            self.aux[i].name = slice_of(<const char*>name, len(name))
            self.aux[i].value = slice_of(<const char*>value, len(value))
        f.facts.aux, f.facts.aux_count = self.aux, len(aux)
        self._take_libraries()

    def __dealloc__(self):
        free(self.aux)
        free(self.functions)

    cdef void _take_libraries(self) noexcept:
        cdef DictIter it
        cdef const Library* library
        dict_iter(&libraries_of(self.s).libraries, &it)
        self.snapshot.facts.functions = self.functions
        while True:
            library = <const Library*>dict_next(&it)
            if library == NULL:
                break
            self.functions[self.snapshot.facts.function_count] = library.code
            self.snapshot.facts.function_count += 1


cdef struct Pace:                  # of a save in the foreground
    Snapshot* snapshot
    const Clock* clock
    void* tick                     # a Python callable; NULL: nobody wants to be called
    int64_t next_us
    void* failure                  # what it raised


cdef void _tick(Pace* pace) noexcept:
    try:
        (<object>pace.tick)()
    except BaseException as error:
        Py_INCREF(error)
        pace.failure = <void*>error


cdef bint _in_foreground(void* arg, int keys) noexcept nogil:
    cdef Pace* pace = <Pace*>arg
    cdef int step = 1 if pace.snapshot.delay_us else keys       # a group of slow keys may take seconds
    while keys > 0 and pace.failure == NULL:
        if pace.snapshot.delay_us:
            snapshot_delay(pace.snapshot.delay_us, step)
        if pace.tick != NULL and clock_mono_us(pace.clock) >= pace.next_us:
            pace.next_us = clock_mono_us(pace.clock) + TICK_US
            with gil:
                _tick(pace)
        keys -= step
    return pace.failure == NULL


def save(Core core, str path, str kind, list aux, dict options, str name=None, tick=None):
    """Writes the file, while everybody waits; its bytes. SaveError.

    `tick` is called 50 times a second meanwhile, and what it raises ends the save and is raised.
    """
    cdef Pace pace
    cdef _Job job = _Job(core, kind, aux, options)
    cdef Snapshot* f = &job.snapshot
    cdef SnapshotStage stage
    cdef bytes temporary = os.fsencode(path), final = os.fsencode(name or "")
    cdef const char* p = temporary
    cdef const char* q = final
    memset(&pace, 0, sizeof(Pace))
    pace.snapshot, pace.clock = f, &core.s.clock
    pace.tick = <void*>tick if tick is not None else NULL
    if f.delay_us or tick is not None:
        f.facts.progress = _in_foreground
        f.facts.arg = &pace
    with nogil:
        stage = snapshot_write(f, core.s.ks, p)
        if stage == SNAPSHOT_DONE and q[0]:
            stage = snapshot_adopt(f, p, q)
    if pace.failure != NULL:
        failure = <object>pace.failure
        Py_DECREF(failure)
        raise failure
    if stage != SNAPSHOT_DONE:
        raise SaveError(STAGES[<int>stage], f.error, path)
    return f.written


# ---------------------------------------------------------------- the child

cdef struct Work:
    Snapshot* snapshot
    Child child


cdef bint _report(void* work, int keys) noexcept nogil:
    cdef Work* w = <Work*>work
    if w.snapshot.delay_us:
        snapshot_delay(w.snapshot.delay_us, keys)
    return child_progress(&w.child, keys)


cdef int _fork(Server* s, Snapshot* f, const char* before, const char* after, bint numbered, const char* name,
               int* pipe) noexcept nogil:
    """Returns in the parent only."""
    cdef Work work
    cdef char[PATH] path
    cdef SnapshotStage stage
    cdef int pid = child_fork(&work.child, pipe)
    if pid != 0:
        return pid
    if numbered:
        snprintf(path, PATH, b"%s%d%s", before, getpid(), after)
    else:
        snprintf(path, PATH, b"%s", before)
    work.snapshot = f
    f.facts.progress = _report
    f.facts.arg = &work
    stage = snapshot_write(f, s.ks, path)
    if stage == SNAPSHOT_DONE and name[0] and not work.child.orphan:
        stage = snapshot_adopt(f, path, name)
    if work.child.orphan:
        unlink(path)
    child_end(&work.child, stage, f.error)
    return -1


def fork_save(Core core, str path, str kind, list aux, dict options, str name=None):
    """Forks a child that writes the file -> (its process id, the pipe's descriptor, which the caller closes).

    PID in the path stands for the child's id. OSError if there can be no child.
    """
    cdef _Job job = _Job(core, kind, aux, options)
    cdef int pid, pipe = -1
    cdef bint numbered = PID in path
    if len(os.fsencode(path)) + MARK_ROOM > PATH:
        raise OSError(36, os.strerror(36), path)                 # ENAMETOOLONG
    parts = path.split(PID, 1) if numbered else [path, ""]
    cdef bytes before = os.fsencode(parts[0]), after = os.fsencode(parts[1]), final = os.fsencode(name or "")
    cdef const char* p = before
    cdef const char* q = after
    cdef const char* whole = final
    with nogil:
        pid = _fork(core.s, &job.snapshot, p, q, numbered, whole, &pipe)
    if pid < 0:
        raise OSError(errno, os.strerror(errno))
    return pid, pipe


# ---------------------------------------------------------------- what saving means for those who write

def set_sharing(Core core, bint shared):
    """Whether a child reads the data now: then access times stay as they are, or each look-up would copy a page."""
    core.s.ks.shared = shared


def set_disk_gate(Core core, bytes text):
    """Writes are refused with this error from now on; empty: no longer."""
    if text:
        snprintf(core.s.disk_text, sizeof(core.s.disk_text), b"%s", <const char*>text)
        core.s.gates |= GATE_DISK
    else:
        core.s.gates &= ~<unsigned int>GATE_DISK


def saved(Core core, int64_t dirty):
    """So many of the changes that were counted are in a file now."""
    core.s.ks.fx.dirty -= dirty


cdef void _flushed(Server* s) noexcept nogil:
    with gil:
        _tell_flushed(<Core>s.owner)


cdef void _tell_flushed(Core core) noexcept:
    try:
        if core.context.flushed():
            core.s.ks.fx.dirty = -core.s.ks.fx.command_dirty       # Redis: 0, for the empty data are in the file
    except Exception as error:
        if core.on_failure is not None:
            core.on_failure("FLUSHALL", error)


def watch_flushes(Core core):
    """From now on FLUSHALL calls core.context.flushed() when all data has gone; True: the file knows already."""
    core.s.flushed = _flushed
