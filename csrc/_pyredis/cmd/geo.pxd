# geo -- GEOADD, GEODIST, GEOHASH, GEOPOS, and what all commands of places share.
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.ds.geohash cimport GeoPlace
from _pyredis.wire.reply cimport Out

# Arguments: a longitude and a latitude from argv[i] on; a unit, in metres.
cdef Status arg_place(Ctx* c, int i, GeoPlace* p) noexcept nogil
cdef Status arg_unit(Ctx* c, int i, double* metres) noexcept nogil

cdef void reply_distance(Out* out, double distance) noexcept nogil
cdef void reply_place(Out* out, GeoPlace p) noexcept nogil

cdef void bind_geo(Table* t) noexcept nogil
