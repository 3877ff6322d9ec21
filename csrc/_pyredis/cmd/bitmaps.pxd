# bitmaps -- SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. The story is in bitmaps.pyx.
from libc.stdint cimport uint64_t
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.db.keyspace cimport Key
from _pyredis.db.value cimport Entry

cdef void bind_bitmaps(Table* t) noexcept nogil

cdef struct BitString:             # a string opened for changes of its bits
    Entry* entry
    char* data
    size_t length
    bint grown                     # by being opened

cdef Status arg_bit_offset(Ctx* c, int i, int width, uint64_t* at) noexcept nogil    # width 0: no "#n" form
cdef Status bit_string_open(Ctx* c, Key key, uint64_t last, BitString* s) noexcept nogil
