# bitfield -- BITFIELD, BITFIELD_RO. The story is in bitfield.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_bitfield(Table* t) noexcept nogil
