"""geohash_testing -- ds/geohash as Python functions, for tests and bench only."""
from libc.stdint cimport uint64_t

from _pyredis.ds.geohash cimport (GEO_BOX, GEO_CELLS, GEO_CIRCLE, GEO_POLYGON, GEO_TEXT, GeoArea, GeoPlace, GeoRange,
                                  geo_cover, geo_distance, geo_has, geo_is_place, geo_prepare, geohash_decode,
                                  geohash_encode, geohash_of_score, geohash_text)

cdef enum:
    MOST_VERTICES = 32


cdef GeoPlace _place(p):
    cdef GeoPlace place
    place.longitude, place.latitude = p
    return place


def encode(p):
    return geohash_encode(_place(p))


def decode(uint64_t hash):
    cdef GeoPlace p = geohash_decode(hash)
    return p.longitude, p.latitude


def is_place(p):
    return bool(geo_is_place(_place(p)))


def of_score(double score):
    return geohash_of_score(score)


def text(p):
    cdef char[GEO_TEXT] out
    geohash_text(_place(p), out)
    return out[:GEO_TEXT]


def distance(a, b):
    return geo_distance(_place(a), _place(b))


cdef class Area:
    """Area(center, radius=...), Area(center, box=(width, height)) or Area(polygon=[...])."""
    cdef GeoArea area
    cdef GeoPlace[MOST_VERTICES] vertices

    def __init__(self, center=None, radius=None, box=None, polygon=()):
        assert len(polygon) <= MOST_VERTICES
        if center is not None:
            self.area.center = _place(center)
        if radius is not None:
            self.area.kind = GEO_CIRCLE
            self.area.radius = radius
        elif box is not None:
            self.area.kind = GEO_BOX
            self.area.width, self.area.height = box
        else:
            self.area.kind = GEO_POLYGON
            for i, p in enumerate(polygon):
                self.vertices[i] = _place(p)
            self.area.vertices = self.vertices
            self.area.count = len(polygon)
        geo_prepare(&self.area)

    def cover(self):
        """[(first, behind the last)] of the geohashes to look through."""
        cdef GeoRange[GEO_CELLS] ranges
        cdef int n = geo_cover(&self.area, ranges)
        return [(int(ranges[i].min), int(ranges[i].max)) for i in range(n)]

    def has(self, uint64_t hash):
        """Is the place inside? Asked without its distance."""
        return bool(geo_has(&self.area, <double>hash, NULL))

    def distance(self, uint64_t hash):
        """How far it is from the center, or None if it is outside."""
        cdef double found
        return found if geo_has(&self.area, <double>hash, &found) else None
