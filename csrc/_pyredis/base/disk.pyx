"""disk -- the files that hold the data: every call to the system that RDB and AOF stand on, and faults on purpose.

Whoever writes or reads persistent data does it through here, from whichever thread or process. So that a full
disk or a failing fsync can be had when a test wants one, each kind of call can be told to fail: after so many calls
that go well, once or from then on, with a given errno. Without a fault the price is one comparison a call.

A fault of DISK_WRITE with errno 0 is a short write: half of the bytes are taken, as on a disk that fills up.

Durability needs two things beside the bytes: after a file is made or renamed, its directory is to be synced, or
a crash may forget the name. disk_sync is fdatasync: bytes and length, but not the times.
"""
from libc.errno cimport EINTR, EINVAL, EIO, ENOSYS, ESPIPE, errno
from libc.stdint cimport int64_t
from libc.string cimport memset

cdef extern from "<fcntl.h>" nogil:
    int O_CLOEXEC
    int O_DIRECTORY
    int O_RDONLY
    int open(const char* path, int flags, ...)

cdef extern from "<stdio.h>" nogil:
    int rename(const char* old, const char* new)

cdef extern from "<unistd.h>" nogil:
    ssize_t c_read "read"(int fd, void* to, size_t n)
    ssize_t c_write "write"(int fd, const void* p, size_t n)
    int fdatasync(int fd)
    int fsync(int fd)
    int ftruncate(int fd, int64_t length)
    int unlink(const char* path)
    int close(int fd)

cdef extern from *:
    """
    #include <fcntl.h>
    #include <unistd.h>
    static int disk_range(int fd, long long offset, long long n, int wait) {
    #ifdef SYNC_FILE_RANGE_WRITE
        return sync_file_range(fd, offset, n, SYNC_FILE_RANGE_WRITE
            | (wait ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER : 0));
    #else
        return wait ? fsync(fd) : 0;
    #endif
    }
    """
    int disk_range(int fd, int64_t offset, int64_t n, bint wait) noexcept nogil

cdef extern from "ensure.h" nogil:
    bint UNLIKELY(bint x)

cdef extern from *:
    """
    #include <errno.h>
    static inline void set_errno(int error) { errno = error; }
    """
    void set_errno(int error) noexcept nogil


cdef void disk_init(Disk* d) noexcept nogil:
    memset(d, 0, sizeof(Disk))


cdef void disk_fault(Disk* d, DiskOp op, int64_t after, int error, bint lasting) noexcept nogil:
    """From now on the calls of a kind fail, `after` good ones first; after < 0: no more faults."""
    cdef DiskFault* f = &d.faults[<int>op]
    f.after = after
    f.error = error
    f.lasting = lasting
    f.set = after >= 0


cdef bint _fails(Disk* d, DiskOp op) noexcept nogil:
    """Is this call to fail? Then errno is set."""
    cdef DiskFault* f = &d.faults[<int>op]
    if not UNLIKELY(f.set):
        return False
    if f.after > 0:
        f.after -= 1
        return False
    f.set = f.lasting
    set_errno(f.error)
    return True


cdef int disk_open(Disk* d, const char* path, int flags, int mode) noexcept nogil:
    cdef int fd
    if _fails(d, DISK_OPEN):
        return -1
    while True:
        fd = open(path, flags | O_CLOEXEC, mode)
        if fd >= 0 or errno != EINTR:
            return fd


cdef ssize_t disk_read(Disk* d, int fd, char* to, size_t n) noexcept nogil:
    cdef ssize_t got
    if _fails(d, DISK_READ):
        return -1
    while True:
        got = c_read(fd, to, n)
        if got >= 0 or errno != EINTR:
            return got


cdef ssize_t disk_write(Disk* d, int fd, const char* p, size_t n) noexcept nogil:
    cdef ssize_t took
    if _fails(d, DISK_WRITE):
        if errno:
            return -1
        n = (n + 1) // 2
    while True:
        took = c_write(fd, p, n)
        if took >= 0 or errno != EINTR:
            return took


cdef bint disk_write_all(Disk* d, int fd, const char* p, size_t n) noexcept nogil:
    cdef ssize_t took
    while n:
        took = disk_write(d, fd, p, n)
        if took < 0:
            return False
        if took == 0:
            set_errno(EIO)
            return False
        p += took
        n -= took
    return True


cdef bint disk_sync(Disk* d, int fd) noexcept nogil:
    return not _fails(d, DISK_SYNC) and fdatasync(fd) == 0


cdef bint disk_sync_range(Disk* d, int fd, int64_t offset, int64_t n, bint wait) noexcept nogil:
    """Where a file system has no such thing it is no failure: disk_sync comes anyhow."""
    if _fails(d, DISK_SYNC):
        return False
    return disk_range(fd, offset, n, wait) == 0 or errno == EINVAL or errno == ESPIPE or errno == ENOSYS


cdef bint disk_sync_directory(Disk* d, const char* path) noexcept nogil:
    """Some file systems cannot sync a directory and need not: their EINVAL is no failure."""
    cdef int fd = disk_open(d, path, O_RDONLY | O_DIRECTORY, 0)
    cdef int error = 0
    if fd < 0:
        return False
    if _fails(d, DISK_SYNC) or (fsync(fd) != 0 and errno != EINVAL):
        error = errno
    close(fd)
    set_errno(error)
    return error == 0


cdef bint disk_rename(Disk* d, const char* old, const char* new) noexcept nogil:
    return not _fails(d, DISK_RENAME) and rename(old, new) == 0


cdef bint disk_truncate(Disk* d, int fd, int64_t length) noexcept nogil:
    return not _fails(d, DISK_TRUNCATE) and ftruncate(fd, length) == 0


cdef bint disk_unlink(Disk* d, const char* path) noexcept nogil:
    return not _fails(d, DISK_UNLINK) and unlink(path) == 0
