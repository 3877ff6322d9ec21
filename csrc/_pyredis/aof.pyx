"""aof -- the append-only file for Python: opening, rotating, loading, and its figures.

What is written and when is cmd/aof's; which files there are is pyredis.persistence.aof's. Here the one is handed
to the other: descriptors, settings, offsets.
"""
import os

from libc.errno cimport errno
from libc.stdint cimport int64_t, uint64_t

from _pyredis.base.worker cimport atomic_get, worker_pending, worker_wait
from _pyredis.cmd.aof cimport (AOF_SYNC_ALWAYS, AOF_SYNC_EVERYSEC, AOF_SYNC_NO, Aof, AofPolicy, aof_close,
                               aof_close_later, aof_flush_now, aof_free, aof_of, aof_open, aof_rotate, aof_settle,
                               aof_sync_now, aof_tick)
from _pyredis.cmd.propagate cimport propagation_of, propagation_taken
from _pyredis.core cimport Core
from _pyredis.replay cimport (REPLAY_DONE, REPLAY_FAILED, REPLAY_FORMAT, REPLAY_OPEN_MULTI, REPLAY_STOPPED,
                              REPLAY_TRUNCATED, REPLAY_UNKNOWN, Replay, ReplayEnd, replay_run)

POLICIES = {"no": AOF_SYNC_NO, "always": AOF_SYNC_ALWAYS, "everysec": AOF_SYNC_EVERYSEC}
ENDS = {REPLAY_DONE: "done", REPLAY_TRUNCATED: "truncated", REPLAY_OPEN_MULTI: "multi", REPLAY_FORMAT: "format",
        REPLAY_UNKNOWN: "unknown", REPLAY_FAILED: "failed", REPLAY_STOPPED: "stopped"}


# ---------------------------------------------------------------- writing

def begin(Core core, int fd, int wake_fd, str policy, int64_t size, int64_t total, bint initial=False):
    """From now on what commands change is appended to `fd`, of which `size` bytes are there already; base and
    increments have `total`. `initial`: there is no base yet that these changes could be added to."""
    aof_open(core.s, fd, wake_fd, <AofPolicy><int>POLICIES[policy], size, total)
    aof_of(core.s).initial = initial


def end(Core core):
    """Writes and syncs what there is, and closes the file."""
    aof_close(core.s)


def abandon(Core core):
    """Closes the file, whatever is not in it yet."""
    aof_free(core.s)


def rotate(Core core, int fd):
    """Goes on in an empty file; the old one is synced and closed in the background."""
    aof_rotate(core.s, fd)


def restart(Core core, int fd):
    """Goes on in an empty file, and forgets what is not in any yet: a base that is begun now has it."""
    cdef Aof* a = aof_of(core.s)
    a.written += propagation_of(core.s).used
    propagation_taken(propagation_of(core.s), propagation_of(core.s).used)
    a.broken = False
    aof_rotate(core.s, fd)


def based(Core core, int64_t total):
    """The base is there: what was written since counts."""
    aof_of(core.s).initial = False
    aof_of(core.s).total_size = total
    aof_settle(core.s)


def set_total(Core core, int64_t total):
    aof_of(core.s).total_size = total


def set_policy(Core core, str policy):
    aof_of(core.s).policy = <AofPolicy><int>POLICIES[policy]


def set_no_sync(Core core, bint on):
    """While a child saves, with no-appendfsync-on-rewrite."""
    if core.s.aof != NULL:
        aof_of(core.s).no_sync = on


def set_timestamps(Core core, bint on):
    propagation_of(core.s).timestamps = on


def set_sleep(Core core, int64_t us):
    """DEBUG AOF-FLUSH-SLEEP."""
    if core.s.aof != NULL:
        aof_of(core.s).sleep_us = us


def flush(Core core):
    """Writes now, even while an fsync is under way; is all of it in the file?"""
    aof_flush_now(core.s, True)
    return propagation_of(core.s).used == 0


def sync(Core core):
    """Syncs now; OSError."""
    if not aof_sync_now(core.s):
        raise OSError(errno, os.strerror(errno))


def tick(Core core):
    """To be called ten times a second."""
    if core.s.aof != NULL:
        aof_tick(core.s)


def settle(Core core):
    """To be called when the wake-up descriptor is readable."""
    if core.s.aof != NULL:
        aof_settle(core.s)


def wait(Core core):
    """Until the background has done what it was asked for."""
    worker_wait(&aof_of(core.s).worker)


def close_later(Core core, int fd):
    aof_close_later(core.s, fd)


def stats(Core core):
    """Figures, as a dict; None without a file."""
    cdef Aof* a = aof_of(core.s)
    if a == NULL:
        return None
    return {"buffer": propagation_of(core.s).used, "buffer_memory": propagation_of(core.s).capacity,
            "offset": propagation_of(core.s).offset, "written": a.written, "synced": atomic_get(&a.synced),
            "file_size": a.file_size, "total_size": a.total_size, "pending": worker_pending(&a.worker),
            "delayed": a.delayed, "broken": bool(a.broken or a.shut), "error": a.error}


# ---------------------------------------------------------------- reading

cdef bint _progress(void* told, uint64_t at) noexcept nogil:
    with gil:
        return _tell(<object>told, at)


cdef bint _tell(told, uint64_t at) noexcept:
    try:
        return <bint>told(at)
    except Exception:
        return False


def replay(Core core, int fd, uint64_t at, *, on_progress=None, int64_t interval=2 << 20):
    """Runs the commands of a file from offset `at` on, where `fd` stands. `on_progress(offset)` is called every
    `interval` bytes; False stops it. (how it ended: a word of ENDS; offset up to which all is whole; commands run;
    errno; the name of the unknown command)"""
    cdef Replay r
    cdef ReplayEnd ended
    r.server = core.s
    r.fd = fd
    r.at = at
    r.interval = interval
    r.progress = NULL
    if on_progress is not None:
        r.progress = _progress
    r.arg = <void*>on_progress
    r.commands = 0
    r.error = 0
    r.detail[0] = 0
    with nogil:
        ended = replay_run(&r)
    return ENDS[ended], r.at, r.commands, r.error, r.detail.decode("utf-8", "replace")
