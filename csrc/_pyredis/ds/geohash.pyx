"""geohash -- places on earth as 52-bit numbers that sort near what is near, distances, and what an area covers.

A place is a cell of a grid of 2^26 by 2^26 over longitudes -180 .. 180 and latitudes -85.05112878 .. 85.05112878
(those of the Web Mercator square), numbered by interleaving the bits of its column and row:

    bit   51  50  49  48  ...   1   0
          x25 y25 x24 y24 ...  x0  y0          x: column, from the west; y: row, from the south

So all cells within a larger cell of 2^k by 2^k are one range of numbers. The numbers are the scores of a sorted set,
exact in a double, and a search is a walk over up to nine ranges: the cell of the center, at a size at which its
neighbours reach beyond the area, and those neighbours that the area reaches. (Geohash: Gustavo Niemeyer, 2008, here
with rows of another range; its own text has 85 stretched to 90 degrees, see geohash_text.)

Distance is the haversine formula on a sphere with a radius of 6,372,797.560856 m:

    a = sin2(dlat / 2) + cos(lat1) cos(lat2) sin2(dlon / 2)        d = 2 R asin(sqrt(a))

Which cells, in which order, and every rounding of the above are Redis's, since clients see them: in the order of
results without sorting, and in the digits. Of a candidate, though, a is first enclosed between two polynomials (the
series of sine and cosine, cut after a term of either sign) and compared with the sine of the area's own angle, with a
margin of a millionth. What is certainly outside costs no function and no root, nor what is certainly inside if nobody
wants its distance; the formula itself judges the others. A search for some 40 of 100 K places takes 5.0 us (Redis 8.0.6
23.4, Valkey 9.1.2 24.6; the step GEOSEARCH of bench/families, 22 November 2026).

Cost: encoding, decoding and judging are O(1), of a polygon O(vertices). Nothing here allocates.
"""
from libc.math cimport INFINITY, M_PI, asin, atan2, cos, fabs, sin, sqrt
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #define GEO_EARTH 6372797.560856            /* m */
    #define GEO_LONGITUDE 180.0
    #define GEO_LATITUDE 85.05112878
    #define GEO_SQUARE 20037726.37              /* m from the middle of the Web Mercator square to its edge */
    #define GEO_RADIANS (M_PI / 180.0)
    """
    const double GEO_EARTH
    const double GEO_LONGITUDE
    const double GEO_LATITUDE
    const double GEO_SQUARE
    const double GEO_RADIANS

cdef enum:
    STEPS = 26                     # bits of a column or row

cdef struct Cell:                  # one of 2^steps by 2^steps
    uint32_t x
    uint32_t y

cdef struct Bounds:
    GeoPlace low
    GeoPlace high


# ---------------------------------------------------------------- bits

cdef inline uint64_t _spread(uint64_t v) noexcept nogil:
    """The low 32 bits, one at every other place."""
    v = (v | v << 16) & <uint64_t>0x0000ffff0000ffff
    v = (v | v << 8) & <uint64_t>0x00ff00ff00ff00ff
    v = (v | v << 4) & <uint64_t>0x0f0f0f0f0f0f0f0f
    v = (v | v << 2) & <uint64_t>0x3333333333333333
    return (v | v << 1) & <uint64_t>0x5555555555555555


cdef inline uint64_t _gather(uint64_t v) noexcept nogil:
    """Every other bit, from the lowest on."""
    v &= <uint64_t>0x5555555555555555
    v = (v | v >> 1) & <uint64_t>0x3333333333333333
    v = (v | v >> 2) & <uint64_t>0x0f0f0f0f0f0f0f0f
    v = (v | v >> 4) & <uint64_t>0x00ff00ff00ff00ff
    v = (v | v >> 8) & <uint64_t>0x0000ffff0000ffff
    return (v | v >> 16) & <uint64_t>0x00000000ffffffff


cdef inline uint64_t _number(Cell c) noexcept nogil:
    return _spread(c.y) | _spread(c.x) << 1


# ---------------------------------------------------------------- places and cells

cdef bint geo_is_place(GeoPlace p) noexcept nogil:
    return fabs(p.longitude) <= GEO_LONGITUDE and fabs(p.latitude) <= GEO_LATITUDE


cdef inline Cell _cell_of(GeoPlace p, double most, int steps) noexcept nogil:
    """The cell of a place on a grid over the latitudes -most .. most. The very edge has a column or row of its own."""
    cdef Cell c
    cdef double width = <double>(<uint64_t>1 << steps)
    c.x = <uint32_t>((p.longitude + GEO_LONGITUDE) / (2 * GEO_LONGITUDE) * width)
    c.y = <uint32_t>((p.latitude + most) / (2 * most) * width)
    return c


cdef inline Bounds _bounds(Cell c, int steps) noexcept nogil:
    """The corners of a cell."""
    cdef Bounds b
    cdef double width = <double>(<uint64_t>1 << steps)
    b.low.longitude = -GEO_LONGITUDE + c.x / width * (2 * GEO_LONGITUDE)
    b.low.latitude = -GEO_LATITUDE + c.y / width * (2 * GEO_LATITUDE)
    b.high.longitude = -GEO_LONGITUDE + (<double>c.x + 1) / width * (2 * GEO_LONGITUDE)
    b.high.latitude = -GEO_LATITUDE + (<double>c.y + 1) / width * (2 * GEO_LATITUDE)
    return b


cdef inline GeoPlace _decode(uint64_t hash) noexcept nogil:
    cdef Cell c
    cdef Bounds b
    cdef GeoPlace p
    c.x = <uint32_t>_gather(hash >> 1)
    c.y = <uint32_t>_gather(hash)
    b = _bounds(c, STEPS)
    p.longitude = (b.low.longitude + b.high.longitude) / 2
    p.latitude = (b.low.latitude + b.high.latitude) / 2
    p.longitude = min(p.longitude, GEO_LONGITUDE)              # a score from elsewhere may lie far beyond
    p.latitude = min(p.latitude, GEO_LATITUDE)
    return p


cdef uint64_t geohash_encode(GeoPlace p) noexcept nogil:
    return _number(_cell_of(p, GEO_LATITUDE, STEPS))


cdef GeoPlace geohash_decode(uint64_t hash) noexcept nogil:
    return _decode(hash)


cdef uint64_t geohash_of_score(double score) noexcept nogil:
    """As a conversion to unsigned behaves on the machines that Redis runs on, where C leaves it undefined."""
    cdef double wide = 9223372036854775808.0
    if score < wide:
        return <uint64_t><int64_t>score if score >= -wide else <uint64_t>1 << 63
    return <uint64_t>score if score < 2 * wide else 0


cdef void geohash_text(GeoPlace p, char* text) noexcept nogil:
    """The usual geohash goes to the poles. Redis: 52 bits make ten characters of five; the last is always 0."""
    cdef const char* alphabet = b"0123456789bcdefghjkmnpqrstuvwxyz"
    cdef uint64_t hash = _number(_cell_of(p, 90, STEPS))
    cdef int i
    for i in range(GEO_TEXT - 1):
        text[i] = alphabet[(hash >> (2 * STEPS - 5 * (i + 1))) & 31]
    text[GEO_TEXT - 1] = c'0'


# ---------------------------------------------------------------- distance

cdef inline double _meridian(double latitude, double other) noexcept nogil:
    """Along a meridian; radians."""
    return GEO_EARTH * fabs(other - latitude)


cdef inline double _arc(double a) noexcept nogil:
    return 2.0 * GEO_EARTH * asin(sqrt(a))


cdef inline double _distance(double longitude, double latitude, double cosine, double longitude2,
                             double latitude2) noexcept nogil:
    """All in radians; `cosine` is that of the first latitude."""
    cdef double v = sin((longitude2 - longitude) / 2)
    cdef double u
    if v == 0.0:
        return _meridian(latitude, latitude2)
    u = sin((latitude2 - latitude) / 2)
    return _arc(u * u + cosine * cos(latitude2) * v * v)


cdef double geo_distance(GeoPlace a, GeoPlace b) noexcept nogil:
    return _distance(a.longitude * GEO_RADIANS, a.latitude * GEO_RADIANS, cos(a.latitude * GEO_RADIANS),
                     b.longitude * GEO_RADIANS, b.latitude * GEO_RADIANS)


# ---------------------------------------------------------------- the cells of an area

cdef inline double _degrees(double radians) noexcept nogil:
    return radians / GEO_RADIANS


cdef Bounds _bounds_of(const GeoArea* a) noexcept nogil:
    """Corners that the area lies within, as Redis has them: of a circle they may cut off a little in the east and
    west, since a parallel's widest chord is not the one through the center."""
    cdef Bounds b
    cdef double height = a.radius if a.kind == GEO_CIRCLE else a.height / 2
    cdef double width = a.radius if a.kind == GEO_CIRCLE else a.width / 2
    cdef double rise = _degrees(height / GEO_EARTH), edge, span
    if a.kind == GEO_POLYGON:
        b.low = a.low
        b.high = a.high
        return b
    edge = a.center.latitude - rise if a.center.latitude < 0 else a.center.latitude + rise     # the one nearer a pole
    span = _degrees(width / GEO_EARTH / cos(edge * GEO_RADIANS))
    b.low.longitude = a.center.longitude - span
    b.high.longitude = a.center.longitude + span
    b.low.latitude = a.center.latitude - rise
    b.high.latitude = a.center.latitude + rise
    return b


cdef int _steps_for(double reach, double latitude) noexcept nogil:
    """How fine a grid may be whose cells beside the center's are to reach so far, in metres."""
    cdef int steps = 1
    if reach == 0:
        return STEPS
    while reach < GEO_SQUARE and steps < STEPS + 4:            # what is finer still ends at STEPS anyway
        reach *= 2
        steps += 1
    steps -= 2
    if fabs(latitude) > 66:                                    # cells are narrower towards the poles
        steps -= 2 if fabs(latitude) > 80 else 1
    return max(1, min(steps, STEPS))


cdef inline Cell _beside(Cell c, int east, int north, int steps) noexcept nogil:
    """The cell beside it; the grid is a torus."""
    cdef uint32_t mask = (<uint32_t>1 << steps) - 1
    if east:
        c.x = (c.x + <uint32_t>east) & mask
    if north:
        c.y = (c.y + <uint32_t>north) & mask
    return c


cdef bint _falls_short(Cell c, const Bounds* b, int steps) noexcept nogil:
    """Does the area reach beyond the neighbours of this cell?"""
    return (_bounds(_beside(c, 0, 1, steps), steps).high.latitude < b.high.latitude
            or _bounds(_beside(c, 0, -1, steps), steps).low.latitude > b.low.latitude
            or _bounds(_beside(c, 1, 0, steps), steps).high.longitude < b.high.longitude
            or _bounds(_beside(c, -1, 0, steps), steps).low.longitude > b.low.longitude)


cdef double _reach(const GeoArea* a) noexcept nogil:
    """How far the area extends from its center, in metres."""
    cdef double most = 0
    cdef size_t i
    if a.kind == GEO_CIRCLE:
        return a.radius
    if a.kind == GEO_BOX:
        return sqrt((a.width / 2) * (a.width / 2) + (a.height / 2) * (a.height / 2))
    for i in range(a.count):
        most = max(most, geo_distance(a.center, a.vertices[i]))
    return most


cdef int geo_cover(const GeoArea* a, GeoRange* ranges) noexcept nogil:
    """Redis's cells in Redis's order; a cell that goes on where the one before ends makes one range with it."""
    cdef Bounds area = _bounds_of(a), center
    cdef int steps = _steps_for(_reach(a), a.center.latitude)
    cdef Cell c = _cell_of(a.center, GEO_LATITUDE, steps)
    cdef int[GEO_CELLS] east = [0, 0, 0, 1, -1, 1, -1, 1, -1]
    cdef int[GEO_CELLS] north = [0, 1, -1, 0, 0, 1, 1, -1, -1]
    cdef uint64_t number, last = 0
    cdef int i, count = 0, shift
    cdef double low
    if steps > 1 and _falls_short(c, &area, steps):
        steps -= 1
        c = _cell_of(a.center, GEO_LATITUDE, steps)
    center = _bounds(c, steps)
    shift = 2 * (STEPS - steps)
    for i in range(GEO_CELLS):
        if steps >= 2 and (north[i] < 0 and center.low.latitude < area.low.latitude
                           or north[i] > 0 and center.high.latitude > area.high.latitude
                           or east[i] < 0 and center.low.longitude < area.low.longitude
                           or east[i] > 0 and center.high.longitude > area.high.longitude):
            continue
        number = _number(_beside(c, east[i], north[i], steps))
        if i > 1 and number == last:       # so large that neighbours meet on the other side of the earth
            continue
        last = number
        low = <double>(number << shift)
        if count and ranges[count - 1].max == low:
            count -= 1
        else:
            ranges[count].min = low
        ranges[count].max = <double>((number + 1) << shift)
        count += 1
    return count


# ---------------------------------------------------------------- what is inside

cdef double _square_of_sine(double metres) noexcept nogil:
    """The haversine's a at that distance; infinity where there is none so far away."""
    cdef double angle = metres / (2.0 * GEO_EARTH)
    if not angle < M_PI / 2:
        return INFINITY
    return sin(angle) * sin(angle) if angle > 0 else -1.0


cdef void _prepare_polygon(GeoArea* a) noexcept nogil:
    """Corners about it, and for its center the middle of its vertices in space."""
    cdef double x = 0, y = 0, z = 0, longitude, latitude
    cdef size_t i
    a.low = a.high = a.vertices[0]
    for i in range(a.count):
        a.low.longitude = min(a.low.longitude, a.vertices[i].longitude)
        a.low.latitude = min(a.low.latitude, a.vertices[i].latitude)
        a.high.longitude = max(a.high.longitude, a.vertices[i].longitude)
        a.high.latitude = max(a.high.latitude, a.vertices[i].latitude)
        longitude = a.vertices[i].longitude * GEO_RADIANS
        latitude = a.vertices[i].latitude * GEO_RADIANS
        x += cos(latitude) * cos(longitude)
        y += cos(latitude) * sin(longitude)
        z += sin(latitude)
    a.center.longitude = _degrees(atan2(y, x))
    a.center.latitude = _degrees(atan2(z, sqrt(x * x + y * y)))


cdef void geo_prepare(GeoArea* a) noexcept nogil:
    cdef double limit = a.radius if a.kind == GEO_CIRCLE else a.width / 2
    if a.kind == GEO_POLYGON:
        _prepare_polygon(a)
    else:
        a.outside = _square_of_sine(limit * 1.000001 + 1e-6)
        a.inside = _square_of_sine(limit * 0.999999 - 1e-6)
    a.longitude = a.center.longitude * GEO_RADIANS
    a.latitude = a.center.latitude * GEO_RADIANS
    a.cosine = cos(a.latitude)


cdef inline double _sine_high(double x) noexcept nogil:
    """Not below the sine of x >= 0, and near it up to a right angle."""
    return x - x * x * x * (1.0 / 6 - x * x * (1.0 / 120))


cdef inline double _seventh(double x) noexcept nogil:
    """What the sine is at most below _sine_high."""
    return x * x * x * (x * x) * (x * x) * (1.0 / 5040)


cdef inline double _cosine_low(double x) noexcept nogil:
    """Not above the cosine."""
    return 1 - x * x * (0.5 - x * x * (1.0 / 24 - x * x * (1.0 / 720)))


cdef inline double _eighth(double x) noexcept nogil:
    """What the cosine is at most above _cosine_low."""
    return (x * x) * (x * x) * ((x * x) * (x * x)) * (1.0 / 40320)


cdef inline double _half_turn(double a, double b) noexcept nogil:
    """Half the difference of two longitudes, the shorter way around."""
    cdef double half = fabs(b - a) / 2
    return half if half <= M_PI / 2 else M_PI - half


cdef bint _in_circle(const GeoArea* a, double longitude, double latitude, double* distance) noexcept nogil:
    cdef double u = fabs(latitude - a.latitude) / 2, v, c, su, sv, exact
    su = _sine_high(u) - _seventh(u)
    if su * su > a.outside:
        return False
    v = _half_turn(a.longitude, longitude)
    c = _cosine_low(latitude)
    sv = _sine_high(v) - _seventh(v)
    if su * su + a.cosine * c * sv * sv > a.outside:
        return False
    if distance == NULL:
        su = _sine_high(u)
        sv = _sine_high(v)
        if su * su + a.cosine * (c + _eighth(latitude)) * sv * sv < a.inside:
            return True
    exact = _distance(a.longitude, a.latitude, a.cosine, longitude, latitude)
    if exact > a.radius:
        return False
    if distance != NULL:
        distance[0] = exact
    return True


cdef bint _in_box(const GeoArea* a, double longitude, double latitude) noexcept nogil:
    """By the distances along the meridian, and along the parallel of the place."""
    cdef double v, c, sv
    if _meridian(latitude, a.latitude) > a.height / 2:
        return False
    v = _half_turn(a.longitude, longitude)
    c = _cosine_low(latitude)
    sv = _sine_high(v) - _seventh(v)
    if c * c * sv * sv > a.outside:
        return False
    c += _eighth(latitude)
    sv = _sine_high(v)
    if c * c * sv * sv < a.inside:
        return True
    return not _distance(longitude, latitude, cos(latitude), a.longitude, latitude) > a.width / 2


cdef bint _in_polygon(const GeoArea* a, GeoPlace p) noexcept nogil:
    """Does a ray to the east cross an odd number of its sides? Degrees are taken for a plane."""
    cdef const GeoPlace* v = a.vertices
    cdef size_t i, j = a.count - 1
    cdef bint inside = False
    if p.longitude < a.low.longitude or p.longitude > a.high.longitude:
        return False
    if p.latitude < a.low.latitude or p.latitude > a.high.latitude:
        return False
    for i in range(a.count):
        if (v[i].latitude > p.latitude) != (v[j].latitude > p.latitude) and p.longitude < (
                (v[j].longitude - v[i].longitude) * (p.latitude - v[i].latitude) / (v[j].latitude - v[i].latitude)
                + v[i].longitude):
            inside = not inside
        j = i
    return inside


cdef bint geo_has(const GeoArea* a, double score, double* distance) noexcept nogil:
    cdef GeoPlace p = _decode(<uint64_t><int64_t>score)        # it comes from a range of ours
    cdef double longitude = p.longitude * GEO_RADIANS, latitude = p.latitude * GEO_RADIANS
    if a.kind == GEO_CIRCLE:
        return _in_circle(a, longitude, latitude, distance)
    if not (_in_box(a, longitude, latitude) if a.kind == GEO_BOX else _in_polygon(a, p)):
        return False
    if distance != NULL:
        distance[0] = _distance(a.longitude, a.latitude, a.cosine, longitude, latitude)
    return True
