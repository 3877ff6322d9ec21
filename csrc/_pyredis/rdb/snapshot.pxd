# snapshot -- all data into a file: opened, written, synced, closed. The story is in snapshot.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.disk cimport Disk
from _pyredis.base.mem cimport Arena
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.rdb.file_writer cimport FileFacts
from _pyredis.rdb.sink cimport Sink

cdef enum SnapshotStage:           # where it failed
    SNAPSHOT_DONE = 0
    SNAPSHOT_OPEN
    SNAPSHOT_WRITE
    SNAPSHOT_SYNC
    SNAPSHOT_STOPPED               # `progress` wanted no more
    SNAPSHOT_RENAME
    SNAPSHOT_DIRECTORY             # it has its name, but a crash may forget that

# What fills the sink: file_write, or another form of the same data. False: the sink has failed.
ctypedef bint (*SnapshotWriter)(Sink* s, const Keyspace* ks, const FileFacts* facts) noexcept nogil

cdef struct Snapshot:
    Disk* disk
    Arena* mem
    SnapshotWriter writer
    FileFacts facts
    int options                    # SinkOption
    bint incremental               # the disk is kept busy while it is written, so that the end does not stall
    int64_t delay_us               # after each key; below 0: 1 us after every -n-th; for tests
    int fd
    uint64_t begun                 # bytes that the disk was told to take
    uint64_t settled               # ... and has taken
    uint64_t written
    int error                      # errno of the failure

cdef SnapshotStage snapshot_write(Snapshot* f, const Keyspace* ks, const char* path) noexcept nogil
# Gives a whole file its name; both stand in the present folder.
cdef SnapshotStage snapshot_adopt(Snapshot* f, const char* path, const char* name) noexcept nogil
cdef void snapshot_delay(int64_t delay_us, int keys) noexcept nogil
