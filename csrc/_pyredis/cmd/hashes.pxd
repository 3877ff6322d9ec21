# hashes -- HSET, HGET and their kin: a function a command. The story is in hashes.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_hashes(Table* t) noexcept nogil
