# file_reader -- all data out of an RDB file. The story is in file_reader.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.rdb.source cimport Source

cdef enum FileReading:             # bits of FileLoad.how
    READ_DRY = 1                   # values are made and let go again: nothing is kept
    READ_SUM = 2                   # the checksum must be right, if there is one
    READ_ANY_VERSION = 4
    READ_EXPIRED = 8               # keys whose time is over are kept, too: commands follow that may mean them
    READ_MERGE = 16                # a key that is there already is replaced; else that is a failure

cdef struct FileLoad:
    Source* source                 # after a failure: why, and where
    Keyspace* ks
    int how
    uint64_t size                  # of the file, at most: it cannot hold more keys than that; 0: not known
    uint64_t interval              # bytes between two calls of `progress`
    int64_t delay_us               # key-load-delay, for tests
    bint (*progress)(void* arg, uint64_t at) noexcept nogil                     # False: stop. NULL: no calls
    # Of the latter two `at` is the offset behind what they are told of.
    bint (*library)(void* arg, Slice code) noexcept nogil                       # False: it cannot be taken
    void (*aux)(void* arg, uint64_t at, Slice name, Slice value) noexcept nogil # may be NULL
    void (*database)(void* arg, uint64_t at, int db) noexcept nogil             # may be NULL
    void* arg
    # what came of it
    int version
    uint64_t keys                  # read
    uint64_t timed                 # ... of these with an expiry
    uint64_t expired               # ... dropped, or that would be
    uint64_t empty                 # ... that were collections without members, and are not there
    uint64_t functions
    bint stopped                   # by `progress`
    bint summed                    # the file had a checksum, and it was right
    int db
    int type                       # of the value under way, or -1
    char key[128]                  # ... and its key, cut
    size_t key_length

# Everything up to the checksum, behind which the source stands then. False: it failed, or was stopped; what was read
# until then is there.
cdef bint file_load(FileLoad* f) noexcept nogil
