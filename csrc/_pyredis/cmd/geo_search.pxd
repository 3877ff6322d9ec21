# geo_search -- GEOSEARCH, GEORADIUS and their kin. The story is in geo_search.pyx.
from _pyredis.cmd.ctx cimport Table

cdef void bind_geo_search(Table* t) noexcept nogil
