"""snapshot -- all data into a file: opened, written, synced, closed. In a child of fork or in the server itself.

    path -> open(create, truncate) -> writer -> sink, BUFFER bytes at a time -> disk -> sync -> close
    -> rename -> sync of the directory

The file is one that nobody reads yet; when it is whole it gets its name, here or by whoever asked for it. A failure
leaves it there with what it has, for the same one to remove. A child does the last two steps itself: a disk that has
just taken gigabytes answers late, and the server must not wait for it (measured: 20 ms for a folder's fsync).

A file of gigabytes that is synced at its end stalls every other writer of that disk, the append-only file's fsync
above all. So (rdb-save-incremental-fsync) the kernel is told every WINDOW bytes to begin with these, and waited for
until it has those before: never more than two windows wait, and the processor works while the disk does. Redis waits
for each window at once.

`progress` of the facts is the caller's, and called after each group of keys.
"""
from libc.errno cimport errno
from libc.stdint cimport int64_t

from _pyredis.base.disk cimport (disk_open, disk_rename, disk_sync, disk_sync_directory, disk_sync_range,
                                    disk_write_all)
from _pyredis.rdb.sink cimport sink_finish, sink_free, sink_to_function

cdef extern from "<fcntl.h>" nogil:
    int O_CREAT
    int O_TRUNC
    int O_WRONLY

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    int usleep(unsigned int microseconds)

cdef extern from "<stdlib.h>" nogil:
    int rand()

cdef enum:
    BUFFER = 256 << 10
    WINDOW = 4 << 20
    MODE = 0o644


cdef void snapshot_delay(int64_t delay_us, int keys) noexcept nogil:
    cdef int i
    for i in range(keys):
        if delay_us > 0:
            usleep(<unsigned int>delay_us)
        elif delay_us < 0 and rand() % -delay_us == 0:
            usleep(1)


cdef bint _flush(void* snapshot, const char* p, size_t n) noexcept nogil:
    """The sink's function: to the disk."""
    cdef Snapshot* f = <Snapshot*>snapshot
    if not disk_write_all(f.disk, f.fd, p, n):
        f.error = errno
        return False
    f.written += n
    if f.incremental and f.written - f.begun >= WINDOW:
        if f.begun > f.settled:
            if not disk_sync_range(f.disk, f.fd, <int64_t>f.settled, <int64_t>(f.begun - f.settled), True):
                f.error = errno
                return False
            f.settled = f.begun
        if not disk_sync_range(f.disk, f.fd, <int64_t>f.begun, <int64_t>(f.written - f.begun), False):
            f.error = errno
            return False
        f.begun = f.written
    return True


cdef SnapshotStage _fill(Snapshot* f, const Keyspace* ks) noexcept nogil:
    cdef Sink sink
    cdef bint whole
    sink_to_function(&sink, f.mem, _flush, f, BUFFER, f.options)
    f.writer(&sink, ks, &f.facts)
    whole = sink_finish(&sink)
    sink_free(&sink)
    if not whole:
        return SNAPSHOT_WRITE if f.error else SNAPSHOT_STOPPED
    if not disk_sync(f.disk, f.fd):
        f.error = errno
        return SNAPSHOT_SYNC
    return SNAPSHOT_DONE


cdef SnapshotStage snapshot_write(Snapshot* f, const Keyspace* ks, const char* path) noexcept nogil:
    """The file at `path`, whole and on the disk, or what is left of it; `f` with its first seven fields set."""
    cdef SnapshotStage stage
    f.begun = f.settled = f.written = 0
    f.error = 0
    f.fd = disk_open(f.disk, path, O_WRONLY | O_CREAT | O_TRUNC, MODE)
    if f.fd < 0:
        f.error = errno
        return SNAPSHOT_OPEN
    stage = _fill(f, ks)
    if close(f.fd) != 0 and stage == SNAPSHOT_DONE:
        f.error = errno
        stage = SNAPSHOT_SYNC
    return stage


cdef SnapshotStage snapshot_adopt(Snapshot* f, const char* path, const char* name) noexcept nogil:
    if not disk_rename(f.disk, path, name):
        f.error = errno
        return SNAPSHOT_RENAME
    if not disk_sync_directory(f.disk, b"."):
        f.error = errno
        return SNAPSHOT_DIRECTORY
    return SNAPSHOT_DONE
