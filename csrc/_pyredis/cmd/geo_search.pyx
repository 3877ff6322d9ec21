"""geo_search -- GEOSEARCH and GEOSEARCHSTORE, and GEORADIUS with its kin: the members inside an area.

All read their arguments into a Query, walk the ranges that cover its area (ds/geohash), and gather what is inside:
24 bytes each, on the stack unless there are many. Only scores are read on the way; of those inside the members are
asked for, and are near when the reply is written. A distance is computed only where it is shown, stored or sorted by.

Results come in the order of the ranges and of the scores in them, as in Redis; sorted by distance, what is equally far
stays in that order, unless COUNT leaves some out: then ties stand as Redis's partial quicksort leaves them
(order_quick). BYPOLYGON is Valkey's; its center, from which distances count, is the mean of its
vertices in space.
"""
from libc.stdint cimport INT32_MAX, int64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from _pyredis.base.mem cimport mem_alloc, mem_free, mem_grown
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.cmd.ctx cimport (Ctx, Table, arg_double, arg_i64, arg_is, fail_with, key_at, key_changed, lookup_write,
                               open_typed)
from _pyredis.cmd.elements cimport reply_element
from _pyredis.cmd.geo cimport arg_place, arg_unit, reply_distance, reply_place
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport EV_GENERIC, EV_ZSET
from _pyredis.db.keyspace cimport Key, keyspace_delete
from _pyredis.db.value cimport T_ZSET, Entry
from _pyredis.db.zset_type cimport (ZBuild, ZScores, zset_build, zset_build_add, zset_build_store, zset_member,
                                    zset_next_score, zset_score, zset_scores)
from _pyredis.ds.element cimport ELEMENT_DIGITS, Element, element_slice
from _pyredis.ds.geohash cimport (GEO_BOX, GEO_CELLS, GEO_CIRCLE, GEO_POLYGON, GeoArea, GeoPlace, GeoRange, geo_cover,
                                  geo_has, geo_prepare, geohash_decode, geohash_of_score)
from _pyredis.ds.order cimport (ORDER_DESCENDING, Ranked, order_key_of_score, order_quick, order_scores)
from _pyredis.wire.reply cimport reply_array, reply_int

cdef extern from "ensure.h" nogil:
    void PREFETCH(const void* p)

cdef enum:
    USUAL_FOUND = 64               # that need no memory of their own

cdef enum Form:                    # which command it is
    FROM_PLACE = 1                 # GEORADIUS
    FROM_MEMBER = 2                # GEORADIUSBYMEMBER
    READ_ONLY = 4                  # ..._RO
    SEARCH = 8                     # GEOSEARCH
    STORES = 16                    # GEOSEARCHSTORE

cdef enum Given:                   # options that were
    WITH_DISTANCE = 1
    WITH_HASH = 2
    WITH_PLACE = 4
    WITH_ANY = 7
    ANY = 8
    STORE_DISTANCE = 16
    CENTER_MEMBER = 32
    CENTER_PLACE = 64
    BY_RADIUS = 128
    BY_BOX = 256
    BY_POLYGON = 512

cdef enum Sorting:
    UNSORTED = 0
    ASCENDING
    DESCENDING

cdef struct Found:
    double score
    double distance                # metres, if anybody wants it
    const void* member             # for zset_member

cdef struct Query:
    Ctx* c
    int form
    int given
    Sorting sorting
    int64_t count                  # 0: all
    int store_at                   # argument with the key to store under; 0: none
    Entry* source                  # NULL: there is none
    double unit                    # metres
    GeoArea area
    GeoPlace* vertices
    size_t vertex_count
    Found* found
    size_t used
    size_t capacity                # of memory from the arena; 0: it is `few`
    Found few[USUAL_FOUND]


cdef void _done(Query* q) noexcept nogil:
    mem_free(q.c.ks.mem, q.vertices, q.vertex_count * sizeof(GeoPlace))
    if q.capacity:
        mem_free(q.c.ks.mem, q.found, q.capacity * sizeof(Found))


# ---------------------------------------------------------------- arguments

cdef Status _fail(Ctx* c, const char* text) noexcept nogil:
    return fail_with(c, ERR_CUSTOM, text)


cdef Status _member_center(Query* q, int i) noexcept nogil:
    """Where the member argv[i] is."""
    cdef double score
    if not zset_score(q.c.ks, q.source, q.c.argv[i], &score):
        return _fail(q.c, b"ERR could not decode requested zset member")
    q.area.center = geohash_decode(geohash_of_score(score))
    return OK


cdef Status _radius(Query* q, int i) noexcept nogil:
    """A radius and its unit."""
    cdef double radius
    cdef Status st
    if arg_double(q.c, i, &radius) != OK:
        return _fail(q.c, b"ERR need numeric radius")
    if radius < 0:
        return _fail(q.c, b"ERR radius cannot be negative")
    st = arg_unit(q.c, i + 1, &q.unit)
    q.area.kind = GEO_CIRCLE
    q.area.radius = radius * q.unit
    return st


cdef Status _box(Query* q, int i) noexcept nogil:
    """A width, a height and their unit."""
    cdef double width, height
    cdef Status st
    if arg_double(q.c, i, &width) != OK:
        return _fail(q.c, b"ERR need numeric width")
    if arg_double(q.c, i + 1, &height) != OK:
        return _fail(q.c, b"ERR need numeric height")
    if width < 0 or height < 0:
        return _fail(q.c, b"ERR height or width cannot be negative")
    st = arg_unit(q.c, i + 2, &q.unit)
    q.area.kind = GEO_BOX
    q.area.width = width * q.unit
    q.area.height = height * q.unit
    return st


cdef Status _polygon(Query* q, int* i) noexcept nogil:
    """A number of vertices, and these; *i goes on behind them."""
    cdef int64_t count, j
    cdef Status st = OK
    if arg_i64(q.c, i[0], &count) != OK or count > INT32_MAX or count < -INT32_MAX - 1:
        return _fail(q.c, b"ERR invalid number of vertices")
    if count < 3 or count > (q.c.argc - i[0] - 1) // 2:
        return _fail(q.c, b"ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")
    mem_free(q.c.ks.mem, q.vertices, q.vertex_count * sizeof(GeoPlace))
    q.vertex_count = <size_t>count
    q.vertices = <GeoPlace*>mem_alloc(q.c.ks.mem, q.vertex_count * sizeof(GeoPlace))
    for j in range(count):
        st = arg_place(q.c, i[0] + 1 + 2 * <int>j, &q.vertices[j])
        if st != OK:
            return st
    i[0] += 2 * <int>count + 1
    q.area.kind = GEO_POLYGON
    q.area.vertices = q.vertices
    q.area.count = q.vertex_count
    q.unit = 1
    return st


cdef int _flag(Ctx* c, int i) noexcept nogil:
    if arg_is(c, i, b"WITHDIST", 8):
        return WITH_DISTANCE
    if arg_is(c, i, b"WITHHASH", 8):
        return WITH_HASH
    if arg_is(c, i, b"WITHCOORD", 9):
        return WITH_PLACE
    return ANY if arg_is(c, i, b"ANY", 3) else 0


cdef Status _area_option(Query* q, int* i) noexcept nogil:
    """A center or a shape of GEOSEARCH at argv[*i], which goes on behind it."""
    cdef Ctx* c = q.c
    cdef int at = i[0], rest = c.argc - at - 1
    if arg_is(c, at, b"FROMMEMBER", 10) and rest >= 1 and not q.given & (CENTER_PLACE | BY_POLYGON):
        q.given |= CENTER_MEMBER
        i[0] += 2
        return _member_center(q, at + 1) if q.source != NULL else OK
    if arg_is(c, at, b"FROMLONLAT", 10) and rest >= 2 and not q.given & (CENTER_MEMBER | BY_POLYGON):
        q.given |= CENTER_PLACE
        i[0] += 3
        return arg_place(c, at + 1, &q.area.center)
    if arg_is(c, at, b"BYRADIUS", 8) and rest >= 2 and not q.given & (BY_BOX | BY_POLYGON):
        q.given |= BY_RADIUS
        i[0] += 3
        return _radius(q, at + 1)
    if arg_is(c, at, b"BYBOX", 5) and rest >= 3 and not q.given & (BY_RADIUS | BY_POLYGON):
        q.given |= BY_BOX
        i[0] += 4
        return _box(q, at + 1)
    if arg_is(c, at, b"BYPOLYGON", 9) and rest >= 1 and not q.given & (
            CENTER_MEMBER | CENTER_PLACE | BY_RADIUS | BY_BOX):
        q.given |= BY_POLYGON
        i[0] += 1
        return _polygon(q, i)
    return ERR_SYNTAX


cdef Status _option(Query* q, int* i) noexcept nogil:
    """The option at argv[*i], which goes on behind it."""
    cdef Ctx* c = q.c
    cdef int at = i[0], flag = _flag(c, at)
    cdef bint more = at + 1 < c.argc
    i[0] += 1
    if flag:
        q.given |= flag
    elif arg_is(c, at, b"ASC", 3):
        q.sorting = ASCENDING
    elif arg_is(c, at, b"DESC", 4):
        q.sorting = DESCENDING
    elif arg_is(c, at, b"COUNT", 5) and more:
        i[0] += 1
        if arg_i64(c, at + 1, &q.count) != OK:
            return arg_i64(c, at + 1, &q.count)
        return OK if q.count > 0 else _fail(c, b"ERR COUNT must be > 0")
    elif q.form & SEARCH:
        if q.form & STORES and arg_is(c, at, b"STOREDIST", 9):
            q.given |= STORE_DISTANCE
            return OK
        i[0] = at
        return _area_option(q, i)
    elif more and not q.form & READ_ONLY and arg_is(c, at, b"STORE", 5):
        q.given &= ~STORE_DISTANCE
        q.store_at = at + 1
        i[0] += 1
    elif more and not q.form & READ_ONLY and arg_is(c, at, b"STOREDIST", 9):
        q.given |= STORE_DISTANCE
        q.store_at = at + 1
        i[0] += 1
    else:
        return ERR_SYNTAX
    return OK


cdef Status _lacks(Query* q, const char* what) noexcept nogil:
    cdef Ctx* c = q.c
    snprintf(c.server.detail, sizeof(c.server.detail), b"ERR exactly one of %s can be specified for %.*s", what,
             <int>c.argv[0].len, c.argv[0].ptr)
    return _fail(c, c.server.detail)


cdef Status _judge(Query* q) noexcept nogil:
    """Do the options go together?"""
    if q.store_at and q.given & WITH_ANY:
        if q.form & STORES:
            return _fail(q.c, b"ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
        return _fail(q.c, b"ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD "
                          b"options")
    if q.form & SEARCH and not q.given & (CENTER_MEMBER | CENTER_PLACE | BY_POLYGON):
        return _lacks(q, b"FROMMEMBER or FROMLONLAT")
    if q.form & SEARCH and not q.given & (BY_RADIUS | BY_BOX | BY_POLYGON):
        return _lacks(q, b"BYRADIUS and BYBOX")
    if q.given & ANY and q.count == 0:
        return _fail(q.c, b"ERR the ANY argument requires COUNT argument")
    return OK


cdef Status _parse(Query* q) noexcept nogil:
    cdef Ctx* c = q.c
    cdef int i = 2
    cdef Status st = open_typed(c, key_at(c, 2 if q.form & STORES else 1), T_ZSET, False, &q.source)
    if q.form & FROM_PLACE:
        i = 6
        if st == OK:
            st = arg_place(c, 2, &q.area.center)
    elif q.form & FROM_MEMBER:
        i = 5
        if st == OK and q.source != NULL:
            st = _member_center(q, 2)
    elif q.form & STORES:
        i = 3
        q.store_at = 1
    # Redis: a member of a set that is missing has no radius that could be wrong
    if st == OK and not q.form & SEARCH and not (q.form & FROM_MEMBER and q.source == NULL):
        st = _radius(q, i - 2)
    while st == OK and i < c.argc:
        st = _option(q, &i)
    return st if st != OK else _judge(q)


# ---------------------------------------------------------------- searching

cdef void _grow(Query* q) noexcept nogil:
    """Room for more than there was on the stack, or in the arena."""
    if q.capacity:
        q.found = <Found*>mem_grown(q.c.ks.mem, q.found, &q.capacity, sizeof(Found), USUAL_FOUND)
        return
    q.capacity = 4 * USUAL_FOUND
    q.found = <Found*>mem_alloc(q.c.ks.mem, q.capacity * sizeof(Found))
    memcpy(q.found, q.few, sizeof(q.few))


cdef void _search(Query* q) noexcept nogil:
    """Gathers what is inside the area; with ANY no more than COUNT."""
    cdef GeoRange[GEO_CELLS] ranges
    cdef ZScores it
    cdef double score, distance = 0
    cdef double* wanted = NULL
    cdef const void* member
    cdef size_t most = <size_t>q.count if q.given & ANY else <size_t>-1
    cdef int n, i
    if q.sorting != UNSORTED or q.given & (WITH_DISTANCE | STORE_DISTANCE):
        wanted = &distance
    geo_prepare(&q.area)
    n = geo_cover(&q.area, ranges)
    for i in range(n):
        zset_scores(q.source, ranges[i].min, ranges[i].max, &it)
        while zset_next_score(&it, &score, &member):
            if not geo_has(&q.area, score, wanted):
                continue
            PREFETCH(member)
            if q.used == (q.capacity if q.capacity else USUAL_FOUND):
                _grow(q)
            q.found[q.used].score = score
            q.found[q.used].distance = distance
            q.found[q.used].member = member
            q.used += 1
            if q.used == most:
                return


cdef void _sort(Query* q, size_t first) noexcept nogil:
    """By distance, as far as to the first so many."""
    cdef Ranked[USUAL_FOUND] few
    cdef Ranked* items = few
    cdef Found* sorted_
    cdef int flags = ORDER_DESCENDING if q.sorting == DESCENDING else 0
    cdef size_t i
    if q.used > USUAL_FOUND:
        items = <Ranked*>mem_alloc(q.c.ks.mem, q.used * sizeof(Ranked))
    for i in range(q.used):
        items[i].key = order_key_of_score(q.found[i].distance, flags)
        items[i].index = i
    if first < q.used:
        order_quick(items, q.used, first)
    else:
        order_scores(q.c.ks.mem, items, q.used, 0, q.used, NULL, flags)
    sorted_ = <Found*>mem_alloc(q.c.ks.mem, max(first, 1) * sizeof(Found))
    for i in range(first):
        sorted_[i] = q.found[items[i].index]
    memcpy(q.found, sorted_, first * sizeof(Found))
    mem_free(q.c.ks.mem, sorted_, max(first, 1) * sizeof(Found))
    if items != few:
        mem_free(q.c.ks.mem, items, q.used * sizeof(Ranked))


cdef void _reply(Query* q, size_t n) noexcept nogil:
    cdef Ctx* c = q.c
    cdef Element member
    cdef size_t i
    cdef int parts = 1
    parts += (q.given & WITH_DISTANCE != 0) + (q.given & WITH_HASH != 0) + (q.given & WITH_PLACE != 0)
    reply_array(c.out, n)
    for i in range(n):
        if parts > 1:
            reply_array(c.out, parts)
        member = zset_member(q.source, q.found[i].member)
        reply_element(c.out, &member)
        if q.given & WITH_DISTANCE:
            reply_distance(c.out, q.found[i].distance / q.unit)
        if q.given & WITH_HASH:
            reply_int(c.out, <int64_t>q.found[i].score)
        if q.given & WITH_PLACE:
            reply_place(c.out, geohash_decode(geohash_of_score(q.found[i].score)))


cdef void _store(Query* q, size_t n) noexcept nogil:
    """A sorted set of the first n, in the place of whatever is there."""
    cdef Ctx* c = q.c
    cdef Key key = key_at(c, q.store_at)
    cdef ZBuild b
    cdef Entry* e
    cdef Element member
    cdef char[ELEMENT_DIGITS] digits
    cdef size_t i
    zset_build(&b, c.ks, False)
    for i in range(n):
        member = zset_member(q.source, q.found[i].member)
        zset_build_add(&b, element_slice(&member, digits), 0, q.found[i].distance / q.unit
                       if q.given & STORE_DISTANCE else q.found[i].score)
    e = lookup_write(c, key)
    if e != NULL:
        keyspace_delete(c.ks, c.db, key, e)
    if n:
        zset_build_store(&b, c.db, key)
        key_changed(c, key.name, EV_ZSET, b"geosearchstore" if q.form & SEARCH else b"georadiusstore", <int64_t>n)
    elif e != NULL:
        key_changed(c, key.name, EV_GENERIC, b"del", 1)
    reply_int(c.out, <int64_t>n)


cdef Status _run(Ctx* c, int form) noexcept nogil:
    cdef Query q
    cdef size_t n
    cdef Status st
    q.c = c
    q.form = form
    q.given = q.store_at = 0
    q.sorting = UNSORTED
    q.count = 0
    q.vertices = NULL
    q.vertex_count = q.used = q.capacity = 0
    q.found = q.few
    st = _parse(&q)
    if st == OK:
        if q.count and q.sorting == UNSORTED and not q.given & ANY:
            q.sorting = ASCENDING                  # the nearest, that is
        if q.source != NULL:
            _search(&q)
        n = min(q.used, <size_t>q.count) if q.count else q.used
        if q.sorting != UNSORTED and q.used > 1:
            _sort(&q, n)
        if q.store_at:
            _store(&q, n)
        else:
            _reply(&q, n)
    _done(&q)
    return st


# ---------------------------------------------------------------- commands

cdef Status cmd_geosearch(Ctx* c) noexcept nogil:
    """GEOSEARCH key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius unit | BYBOX width height
    unit> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH] -> the members inside; in the place of
    center and shape also BYPOLYGON count longitude latitude ..."""
    return _run(c, SEARCH)


cdef Status cmd_geosearchstore(Ctx* c) noexcept nogil:
    """GEOSEARCHSTORE destination source ... [STOREDIST] -> how many were stored, with their geohashes or distances."""
    return _run(c, SEARCH | STORES)


cdef Status cmd_georadius(Ctx* c) noexcept nogil:
    """GEORADIUS key longitude latitude radius unit [options] [STORE key | STOREDIST key] -> the members inside, or how
    many were stored."""
    return _run(c, FROM_PLACE)


cdef Status cmd_georadius_ro(Ctx* c) noexcept nogil:
    """GEORADIUS_RO: the same, but nothing is stored."""
    return _run(c, FROM_PLACE | READ_ONLY)


cdef Status cmd_georadiusbymember(Ctx* c) noexcept nogil:
    """GEORADIUSBYMEMBER key member radius unit ... -> the same about a member."""
    return _run(c, FROM_MEMBER)


cdef Status cmd_georadiusbymember_ro(Ctx* c) noexcept nogil:
    """GEORADIUSBYMEMBER_RO: the same, but nothing is stored."""
    return _run(c, FROM_MEMBER | READ_ONLY)


cdef void bind_geo_search(Table* t) noexcept nogil:
    table_bind(t, b"GEOSEARCH", cmd_geosearch)
    table_bind(t, b"GEOSEARCHSTORE", cmd_geosearchstore)
    table_bind(t, b"GEORADIUS", cmd_georadius)
    table_bind(t, b"GEORADIUS_RO", cmd_georadius_ro)
    table_bind(t, b"GEORADIUSBYMEMBER", cmd_georadiusbymember)
    table_bind(t, b"GEORADIUSBYMEMBER_RO", cmd_georadiusbymember_ro)
