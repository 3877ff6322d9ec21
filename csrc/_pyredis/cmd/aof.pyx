"""aof -- the append-only file: what is written to it, and when it is synced.

    round of the server:  receive, run ... -> aof_flush_now -> send

What the commands of a round propagated (cmd/propagate) goes into the file by one write, before any reply of that
round leaves. appendfsync says what happens then: with `always` the file is synced, before the replies, too; with
`everysec` the worker is told to, at most once a second; with `no` that is left to the system.

A write to a file that is being synced may wait for the end of that. So under `everysec` a write is put off while an
fsync is under way, for up to two seconds, and then done all the same (`delayed`).

    written   offset of the stream up to which the commands are in the file
    asked     ... an fsync has been asked for
    synced    ... they are on the disk: what WAITAOF waits for

When a write fails or is short, the file is cut back to its last whole command and the commands stay in the buffer:
the next flush tries again. Meanwhile changes are refused (GATE_DISK) with -MISCONF, for they could not be kept. With
`always` the promise is broken with the first failure, and the server ends, as Redis does: its clients learn that
their last commands are not confirmed. The same when an fsync of `always` fails; one of the worker's refuses changes
until another has gone well.

Who waits in WAITAOF is one of the blocked connections; after each fsync those whose offset is reached are answered.

Cost: a system call a round with changes. Ownership: the descriptor is ours from aof_open or aof_rotate on.
"""
from libc.errno cimport ENOSPC, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free as libc_free
from libc.string cimport strerror

from _pyredis.base.clock cimport clock_ticks
from _pyredis.base.disk cimport disk_sync, disk_truncate, disk_write
from _pyredis.base.worker cimport (atomic_get, atomic_set, worker_add, worker_free, worker_init, worker_pending,
                                   worker_wait)
from _pyredis.cmd.ctx cimport GATE_DISK, LOG_NOTICE, LOG_WARNING
from _pyredis.cmd.latency cimport latency_add_ticks
from _pyredis.cmd.propagate cimport Propagation, propagation_of, propagation_start, propagation_stop, propagation_taken
from _pyredis.cmd.waiting cimport waiting_serve

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    ssize_t c_write "write"(int fd, const void* p, size_t n)
    int usleep(unsigned int us)
    void _exit(int code)

cdef extern from "ensure.h" nogil:
    bint LIKELY(bint x)
    bint UNLIKELY(bint x)
    void fatal_oom(size_t n)

cdef enum:
    SECOND_MS = 1000
    PATIENCE_MS = 2000             # how long a write waits for an fsync
    LOG_EVERY_MS = 30000
    TEXT = 400


# ---------------------------------------------------------------- beginning and end

cdef void aof_open(Server* s, int fd, int wake_fd, AofPolicy policy, int64_t size, int64_t total) noexcept nogil:
    """From now on what commands propagate goes into this file."""
    cdef Aof* a = <Aof*>calloc(1, sizeof(Aof))
    if a == NULL:
        fatal_oom(sizeof(Aof))
    a.server = s
    a.fd = fd
    a.wake_fd = wake_fd
    a.policy = policy
    a.file_size = size
    a.total_size = total
    a.written = a.asked = a.synced = propagation_of(s).offset
    a.synced_ms = s.ks.now_ms
    worker_init(&a.worker, b"aof")
    s.aof = a
    propagation_start(s)


cdef void aof_free(Server* s) noexcept nogil:
    cdef Aof* a = aof_of(s)
    if a == NULL:
        return
    propagation_stop(s)
    worker_wait(&a.worker)
    worker_free(&a.worker)
    _allow(a)
    close(a.fd)
    s.aof = NULL
    if a.waiting:
        waiting_serve(s)
    libc_free(a)


cdef void aof_close(Server* s) noexcept nogil:
    aof_flush_now(s, True)
    aof_sync_now(s)
    aof_free(s)


cdef void _close_job(void* aof, int fd, uint64_t value) noexcept nogil:
    close(fd)


cdef void aof_close_later(Server* s, int fd) noexcept nogil:
    worker_add(&aof_of(s).worker, _close_job, s.aof, fd, 0)


cdef void aof_rotate(Server* s, int fd) noexcept nogil:
    """The old file is synced and closed by the worker. Everything must have been flushed."""
    cdef Aof* a = aof_of(s)
    worker_add(&a.worker, _sync_job, a, a.fd, a.written)
    worker_add(&a.worker, _close_job, a, a.fd, 0)
    a.asked = a.written
    a.fd = fd
    a.file_size = 0
    propagation_of(s).db = -1


# ---------------------------------------------------------------- failures

cdef void _say(Server* s, int level, const char* format, const char* detail) noexcept nogil:
    cdef char[TEXT] text
    snprintf(text, TEXT, format, detail)
    s.log(s, level, text)


cdef void _refuse(Aof* a, int error) noexcept nogil:
    """Changes are refused until it works again."""
    cdef Server* s = a.server
    a.error = error
    snprintf(s.disk_text, sizeof(s.disk_text), b"MISCONF Errors writing to the AOF file: %s", strerror(error))
    s.gates |= GATE_DISK
    a.shut = True


cdef void _allow(Aof* a) noexcept nogil:
    if a.shut:
        a.server.gates &= ~<uint32_t>GATE_DISK
        a.shut = False


cdef void _failed(Aof* a, ssize_t wrote, size_t n, int error) noexcept nogil:
    """A write that took `wrote` of n bytes, or none and failed."""
    cdef Server* s = a.server
    cdef char[TEXT] text
    cdef bint telling = s.ks.now_ms - a.logged_ms > LOG_EVERY_MS or a.policy == AOF_SYNC_ALWAYS
    if telling:
        a.logged_ms = s.ks.now_ms
    if wrote <= 0:
        if telling:
            _say(s, LOG_WARNING, b"Error writing to the AOF file: %s", strerror(error))
    else:
        if telling:
            snprintf(text, TEXT, b"Short write while writing to the AOF file: (nwritten=%lld, expected=%lld)",
                     <long long>wrote, <long long>n)
            s.log(s, LOG_WARNING, text)
        if disk_truncate(&s.disk, a.fd, a.file_size):
            wrote = 0
        elif telling:
            _say(s, LOG_WARNING, b"Could not remove short write from the append-only file.  Redis may refuse to load "
                 b"the AOF the next time it starts.  ftruncate: %s", strerror(errno))
        if not error:
            error = ENOSPC
    if a.policy == AOF_SYNC_ALWAYS:
        s.log(s, LOG_WARNING, b"Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...")
        _exit(1)
    a.broken = True
    _refuse(a, error)
    if wrote > 0:                                # it stands there, and the next write goes on behind it
        _took(a, wrote)


cdef void _took(Aof* a, size_t n) noexcept nogil:
    a.file_size += n
    a.total_size += n
    a.written += n
    propagation_taken(propagation_of(a.server), n)


# ---------------------------------------------------------------- writing and syncing

cdef void _wake(Aof* a) noexcept nogil:
    if a.wake_fd >= 0 and c_write(a.wake_fd, b"x", 1) < 0:
        pass                                     # the pipe is full: it will be looked at anyway


cdef void _sync_job(void* aof, int fd, uint64_t value) noexcept nogil:
    """In the worker."""
    cdef Aof* a = <Aof*>aof
    if disk_sync(&a.server.disk, fd):
        atomic_set(&a.sync_error, 0)
        atomic_set(&a.synced, value)
    else:
        atomic_set(&a.sync_error, errno)
    _wake(a)


cdef void _ask(Aof* a) noexcept nogil:
    a.asked = a.written
    a.synced_ms = a.server.ks.now_ms
    worker_add(&a.worker, _sync_job, a, a.fd, a.written)


cdef bint aof_sync_now(Server* s) noexcept nogil:
    cdef Aof* a = aof_of(s)
    if not disk_sync(&s.disk, a.fd):
        return False
    worker_wait(&a.worker)
    a.asked = a.written
    atomic_set(&a.synced, a.written)
    return True


cdef void _sync(Aof* a) noexcept nogil:
    """After a write."""
    cdef Server* s = a.server
    cdef uint64_t began
    if a.no_sync:
        return
    if a.policy == AOF_SYNC_ALWAYS:
        began = clock_ticks()
        if UNLIKELY(not disk_sync(&s.disk, a.fd)):
            _say(s, LOG_WARNING, b"Can't persist AOF for fsync error when the AOF fsync policy is 'always': %s. "
                 b"Exiting...", strerror(errno))
            _exit(1)
        latency_add_ticks(s, b"aof-fsync-always", clock_ticks() - began)
        a.asked = a.written
        a.synced_ms = s.ks.now_ms
        atomic_set(&a.synced, a.written)
        if UNLIKELY(a.waiting != 0):
            waiting_serve(s)
    elif (a.policy == AOF_SYNC_EVERYSEC and s.ks.now_ms - a.synced_ms >= SECOND_MS
          and worker_pending(&a.worker) == 0):
        _ask(a)


cdef bint _put_off(Aof* a) noexcept nogil:
    """Is this write to wait for the fsync that is under way?"""
    cdef int64_t now = a.server.ks.now_ms
    if worker_pending(&a.worker) == 0:
        return False
    if a.postponed_ms == 0:
        a.postponed_ms = now
        return True
    if now - a.postponed_ms < PATIENCE_MS:
        return True
    a.delayed += 1
    a.server.log(a.server, LOG_NOTICE, b"Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF "
                 b"buffer without waiting for fsync to complete, this may slow down Redis.")
    return False


cdef void _write(Aof* a, Propagation* p) noexcept nogil:
    cdef size_t done = 0, n = p.used
    cdef ssize_t took = 0
    cdef uint64_t began = clock_ticks(), ticks
    if UNLIKELY(a.sleep_us != 0):
        usleep(<unsigned int>a.sleep_us)
    while done < n:
        took = disk_write(&a.server.disk, a.fd, p.data + done, n - done)
        if UNLIKELY(took <= 0):
            break
        done += took
    if UNLIKELY(done < n):
        _failed(a, done, n, errno if took < 0 else 0)
        return
    if UNLIKELY(a.broken):
        a.broken = False
        a.server.log(a.server, LOG_WARNING, b"AOF write error looks solved, Redis can write again.")
        if atomic_get(&a.sync_error) == 0:
            _allow(a)
    ticks = clock_ticks() - began
    if worker_pending(&a.worker):
        latency_add_ticks(a.server, b"aof-write-pending-fsync", ticks)
    elif a.server.ks.shared:                     # a child writes, too
        latency_add_ticks(a.server, b"aof-write-active-child", ticks)
    else:
        latency_add_ticks(a.server, b"aof-write-alone", ticks)
    latency_add_ticks(a.server, b"aof-write", ticks)
    _took(a, n)
    _sync(a)


cdef void aof_flush_now(Server* s, bint force) noexcept nogil:
    """Writes what has been propagated, and syncs it as appendfsync says."""
    cdef Aof* a = aof_of(s)
    cdef Propagation* p = propagation_of(s)
    if p.used == 0:
        return
    if a.policy == AOF_SYNC_EVERYSEC and not force and _put_off(a):
        return
    a.postponed_ms = 0
    _write(a, p)


cdef void aof_tick(Server* s) noexcept nogil:
    """Writes that were put off or have failed, and the fsync of what was written last."""
    cdef Aof* a = aof_of(s)
    if propagation_of(s).used:
        aof_flush_now(s, False)
    elif a.policy == AOF_SYNC_EVERYSEC and (a.asked < a.written or atomic_get(&a.sync_error)):
        _sync(a)
    elif a.policy == AOF_SYNC_ALWAYS and atomic_get(&a.synced) < a.written:
        _sync(a)                                 # a child has kept it from that
    aof_settle(s)


cdef void aof_settle(Server* s) noexcept nogil:
    """Refuses or allows changes by what the last fsync came to, and answers who has waited for it."""
    cdef Aof* a = aof_of(s)
    cdef int error = <int>atomic_get(&a.sync_error)
    if UNLIKELY(error and not a.shut):
        _say(s, LOG_WARNING, b"Fail to fsync the AOF file: %s", strerror(error))
        _refuse(a, error)
    elif UNLIKELY(a.shut and not error and not a.broken):
        _allow(a)
    if a.waiting:
        waiting_serve(s)
