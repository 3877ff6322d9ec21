# hash_open -- a hash as a command works on it: opened, looked into, closed. The story is in hash_open.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx
from _pyredis.db.hash_type cimport HashFound, HashSpot
from _pyredis.db.keyspace cimport Key
from _pyredis.db.value cimport Entry

cdef struct OpenHash:
    Ctx* c
    Key key
    Entry* e                       # NULL: there is none
    bint lapsed                    # fields were met that were over, and removed

cdef Status hash_open(Ctx* c, bint for_write, OpenHash* h) noexcept nogil          # argv[1]
cdef void   hash_open_make(OpenHash* h) noexcept nogil                              # creates the key if it is missing
cdef HashFound hash_open_find(OpenHash* h, Slice field, HashSpot* at) noexcept nogil   # HASH_LIVE or HASH_ABSENT
cdef bint   hash_close(OpenHash* h) noexcept nogil                                  # True: it was emptied, and is gone
cdef void   reply_hash_value(OpenHash* h, const HashSpot* at) noexcept nogil
cdef void   propagate_hdel(Ctx* c, Slice key, Slice field, bint instead) noexcept nogil
