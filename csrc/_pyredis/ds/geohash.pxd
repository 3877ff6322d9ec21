# geohash -- places on earth as 52-bit numbers, distances, and what an area covers. The story is in geohash.pyx.
from libc.stdint cimport uint64_t

cdef enum:
    GEO_TEXT = 11                  # characters of a geohash's text
    GEO_CELLS = 9                  # that an area is covered with, at most

cdef struct GeoPlace:              # degrees
    double longitude
    double latitude

cdef enum GeoKind:
    GEO_CIRCLE = 0
    GEO_BOX
    GEO_POLYGON

cdef struct GeoArea:               # lengths in metres
    GeoKind kind
    GeoPlace center
    double radius                  # of a circle
    double width                   # of a box
    double height
    const GeoPlace* vertices       # of a polygon, in order; lent
    size_t count
    # What geo_prepare makes of these.
    double longitude               # of the center, in radians
    double latitude
    double cosine                  # of the latitude
    double inside                  # sin2(half the angle): a place below this is inside, beyond any rounding,
    double outside                 # and one above this is not
    GeoPlace low                   # corners about a polygon
    GeoPlace high

cdef struct GeoRange:              # of scores: min .. below max
    double min
    double max

cdef bint     geo_is_place(GeoPlace p) noexcept nogil                     # can it be encoded?
cdef uint64_t geohash_encode(GeoPlace p) noexcept nogil
cdef GeoPlace geohash_decode(uint64_t hash) noexcept nogil                # the middle of its cell
cdef uint64_t geohash_of_score(double score) noexcept nogil               # any score, also one that is none of ours
cdef void     geohash_text(GeoPlace p, char* text) noexcept nogil         # GEO_TEXT characters, by the usual geohash

cdef double   geo_distance(GeoPlace a, GeoPlace b) noexcept nogil         # metres

# Searching: prepare the area once, look through the ranges in order, ask of every score in them.
cdef void     geo_prepare(GeoArea* a) noexcept nogil
cdef int      geo_cover(const GeoArea* a, GeoRange* ranges) noexcept nogil           # at most GEO_CELLS; how many
# Is it inside? `distance`, unless NULL, gets how far it is from the center, in metres.
cdef bint     geo_has(const GeoArea* a, double score, double* distance) noexcept nogil
