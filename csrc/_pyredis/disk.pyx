"""disk -- base/disk for Python: manifests, renames, temporary files; and faults, for DEBUG and tests.

All raise OSError. Paths are str.
"""
import os

from libc.errno cimport errno

from _pyredis.base.disk cimport (DISK_OPEN, DISK_READ, DISK_RENAME, DISK_SYNC, DISK_TRUNCATE, DISK_UNLINK, DISK_WRITE,
                                 DiskOp, disk_fault, disk_open, disk_rename, disk_sync, disk_sync_directory,
                                 disk_truncate, disk_unlink, disk_write_all)
from _pyredis.core cimport Core

FAULTS = {"open": DISK_OPEN, "read": DISK_READ, "write": DISK_WRITE, "sync": DISK_SYNC, "rename": DISK_RENAME,
          "truncate": DISK_TRUNCATE, "unlink": DISK_UNLINK}


cdef _failed(str path):
    return OSError(errno, os.strerror(errno), path)


def open_file(Core core, str path, int flags, int mode=0o644):
    """A descriptor, closed by the caller."""
    cdef int fd = disk_open(&core.s.disk, os.fsencode(path), flags, mode)
    if fd < 0:
        raise _failed(path)
    return fd


def write(Core core, int fd, bytes data):
    """All of it."""
    if not disk_write_all(&core.s.disk, fd, data, len(data)):
        raise _failed(None)


def sync(Core core, int fd):
    if not disk_sync(&core.s.disk, fd):
        raise _failed(None)


def sync_directory(Core core, str path):
    if not disk_sync_directory(&core.s.disk, os.fsencode(path)):
        raise _failed(path)


def rename(Core core, str old, str new):
    if not disk_rename(&core.s.disk, os.fsencode(old), os.fsencode(new)):
        raise _failed(old)


def truncate(Core core, int fd, long length):
    if not disk_truncate(&core.s.disk, fd, length):
        raise _failed(None)


def unlink(Core core, str path):
    if not disk_unlink(&core.s.disk, os.fsencode(path)):
        raise _failed(path)


def replace_file(Core core, str path, bytes data):
    """Puts `data` in the place of the file at `path`: whole and durable, or nothing has changed."""
    temporary = os.path.join(os.path.dirname(path), "temp-" + os.path.basename(path))
    cdef int fd = open_file(core, temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write(core, fd, data)
        sync(core, fd)
    finally:
        os.close(fd)
    rename(core, temporary, path)
    sync_directory(core, os.path.dirname(path) or ".")


def fault(Core core, str op, long after, int error, bint lasting=False):
    """From now on calls of the kind `op` (a key of FAULTS) fail with this errno, `after` good ones first; once, or
    lasting. after = -1: no more. An error 0 makes a write take half of its bytes."""
    disk_fault(&core.s.disk, <DiskOp><int>FAULTS[op], after, error, lasting)
