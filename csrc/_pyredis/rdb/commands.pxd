# commands -- all data as the commands that make it. The story is in commands.pyx.
from _pyredis.db.keyspace cimport Keyspace
from _pyredis.rdb.file_writer cimport FileFacts
from _pyredis.rdb.sink cimport Sink

# As file_write: False if the sink has failed. Of the facts it takes the libraries and an annotation.
cdef bint commands_write(Sink* s, const Keyspace* ks, const FileFacts* facts) noexcept nogil
