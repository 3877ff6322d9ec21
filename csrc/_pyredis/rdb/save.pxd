# save -- a value as RDB has it. The story is in save.pyx.
from _pyredis.db.value cimport Entry
from _pyredis.rdb.format cimport RdbType, RdbVersion
from _pyredis.rdb.sink cimport Sink

cdef RdbType    save_type(const Entry* e) noexcept nogil
cdef RdbVersion save_version(RdbType type) noexcept nogil          # the oldest that has values of this type
cdef void       save_value(Sink* s, const Entry* e, RdbType type) noexcept nogil        # type: as save_type says

# What DUMP gives: type, value, version, CRC64. The sink is new, with SINK_CRC.
cdef void       save_payload(Sink* s, const Entry* e) noexcept nogil
