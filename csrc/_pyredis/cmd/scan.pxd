# scan -- SCAN and KEYS, and what HSCAN, SSCAN and ZSCAN share with them. The story is in scan.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.ds.dict cimport Dict

cdef enum ScanAllows:              # options beyond MATCH and COUNT
    SCAN_TYPE = 1                  # SCAN
    SCAN_NOVALUES = 2              # HSCAN
    SCAN_NOSCORES = 4              # ZSCAN, in Valkey

cdef enum:
    ANY_TYPE = -1
    NO_TYPE = -2                   # a word that is no type's name: nothing matches

cdef struct ScanOptions:
    int64_t count
    Slice pattern                  # ptr NULL: everything matches
    int type                       # a ValueType, ANY_TYPE or NO_TYPE
    bint no_values                 # or no scores

cdef struct ScanFound:             # entries of a table, until it changes
    Arena* mem
    void** list
    size_t count
    size_t capacity

ctypedef bint (*ScanKeep)(void* arg, void* entry) noexcept nogil   # may remove the entry from its table

cdef Status scan_cursor(Ctx* c, int i, uint64_t* cursor) noexcept nogil            # argv[i]
cdef Status scan_options(Ctx* c, int first, int allows, ScanOptions* o) noexcept nogil
cdef bint   scan_matches(const ScanOptions* o, Slice name) noexcept nogil

cdef uint64_t scan_dict(const Dict* d, uint64_t cursor, int64_t count, ScanFound* found, ScanKeep keep,
                        void* arg) noexcept nogil
cdef void   scan_reply(Ctx* c, uint64_t cursor, size_t elements) noexcept nogil    # the elements follow
cdef void   scan_done(ScanFound* found) noexcept nogil

cdef void bind_scan(Table* t) noexcept nogil
