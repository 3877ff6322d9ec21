# load_hash -- hashes out of an RDB, as load_value calls it. The story is in load_hash.pyx.
from _pyredis.base.slice cimport Slice
from _pyredis.db.value cimport Entry
from _pyredis.rdb.load cimport Load

cdef Entry* load_hash(Load* l, int type, Slice name) noexcept nogil            # fields and values
cdef Entry* load_hash_timed(Load* l, int type, Slice name) noexcept nogil      # ... with expiries
cdef Entry* load_hash_packed(Load* l, int type, Slice name) noexcept nogil     # zipmap, ziplist, listpack
cdef Entry* load_hash_triples(Load* l, int type, Slice name) noexcept nogil    # a listpack with expiries
