# disk -- the files that hold the data, and faults on purpose. The story is in disk.pyx.
#
# -1 or False: it failed, and errno says why. Interrupted calls are made again.
from libc.stdint cimport int64_t

cdef enum DiskOp:
    DISK_OPEN = 0
    DISK_READ
    DISK_WRITE
    DISK_SYNC                      # of a file, or of a directory
    DISK_RENAME
    DISK_TRUNCATE
    DISK_UNLINK
    DISK_OPS

cdef struct DiskFault:
    bint set
    bint lasting                   # every call from then on fails; else one
    int64_t after                  # so many calls go well first
    int error                      # errno; 0: a write that takes half of the bytes

cdef struct Disk:
    DiskFault faults[DISK_OPS]

cdef void    disk_init(Disk* d) noexcept nogil
cdef void    disk_fault(Disk* d, DiskOp op, int64_t after, int error, bint lasting) noexcept nogil

cdef int     disk_open(Disk* d, const char* path, int flags, int mode) noexcept nogil     # always with O_CLOEXEC
cdef ssize_t disk_read(Disk* d, int fd, char* to, size_t n) noexcept nogil                # 0: the end
cdef ssize_t disk_write(Disk* d, int fd, const char* p, size_t n) noexcept nogil          # what one call takes
cdef bint    disk_write_all(Disk* d, int fd, const char* p, size_t n) noexcept nogil
cdef bint    disk_sync(Disk* d, int fd) noexcept nogil                                    # the bytes and the length
# Begins to write a part of a file out to the disk; `wait`: and waits until it is there. Not durable by itself.
cdef bint    disk_sync_range(Disk* d, int fd, int64_t offset, int64_t n, bint wait) noexcept nogil
cdef bint    disk_sync_directory(Disk* d, const char* path) noexcept nogil                # names made and renamed in it
cdef bint    disk_rename(Disk* d, const char* old, const char* new) noexcept nogil
cdef bint    disk_truncate(Disk* d, int fd, int64_t length) noexcept nogil
cdef bint    disk_unlink(Disk* d, const char* path) noexcept nogil
