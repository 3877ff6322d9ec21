# field_expiry -- commands about when the fields of a hash end. The story is in field_expiry.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_field_expiry(Table* t) noexcept nogil
