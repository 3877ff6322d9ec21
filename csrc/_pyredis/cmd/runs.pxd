# runs -- many encoded elements as replies, at once. The story is in runs.pyx.
from libc.stdint cimport uint8_t
from _pyredis.wire.reply cimport Out

# Each of the elements that stand encoded from `p` to `end`, one behind the other, as a bulk string.
cdef void reply_run(Out* o, const uint8_t* p, const uint8_t* end) noexcept nogil
