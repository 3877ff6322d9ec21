# named -- records that are found by a name, which they carry. The story is in named.pyx.
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport Server
from _pyredis.ds.dict cimport Dict, DictType

cdef struct Named:                 # the first field of a record; the name follows the record
    uint32_t length                # of the name
    uint16_t size                  # of the record

cdef DictType named_type(const Server* s) noexcept nogil                      # of tables of such records
cdef Dict* named_tables(const Server* s, const DictType* type) noexcept nogil # one for each database
cdef void  named_tables_free(const Server* s, Dict* tables) noexcept nogil    # whose records are gone

cdef void* named_find(const Dict* d, Slice name, uint64_t hash) noexcept nogil              # NULL: there is none
cdef void* named_add(Dict* d, Slice name, uint64_t hash, size_t size) noexcept nogil        # all zeros but its name
cdef void  named_take(Dict* d, const void* record, uint64_t hash) noexcept nogil            # out of the table
cdef void  named_free(Arena* mem, void* record) noexcept nogil

cdef inline Slice named_name(const void* record) noexcept nogil:
    """Valid until the record is freed."""
    return slice_of(<const char*>record + (<const Named*>record).size, (<const Named*>record).length)
