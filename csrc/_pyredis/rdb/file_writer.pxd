# file_writer -- all data as an RDB file. The story is in file_writer.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.rdb.format cimport RdbVersion
from _pyredis.rdb.sink cimport Sink

cdef enum FileOption:              # beside each key
    FILE_IDLE = 1                  # how long it has not been used
    FILE_FREQUENCY = 2             # how often it is

cdef struct FileAux:
    Slice name
    Slice value

ctypedef bint (*FileProgress)(void* arg, int keys) noexcept nogil         # so many keys more are written; False: stop

cdef struct FileFacts:             # what a file tells beside the data
    const FileAux* aux
    size_t aux_count
    const Slice* functions         # sources of libraries
    size_t function_count
    int options
    FileProgress progress          # NULL: nobody asks
    void* arg                      # of progress

cdef RdbVersion file_version(const Keyspace* ks) noexcept nogil    # the oldest that holds all data
# False: the sink has failed, and the file is not whole. The caller finishes and frees the sink.
cdef bint file_write(Sink* s, const Keyspace* ks, const FileFacts* facts) noexcept nogil
