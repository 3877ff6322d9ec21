"""geo -- GEOADD, GEODIST, GEOHASH, GEOPOS: members of a sorted set as places. Searching is in geo_search.

A place is the score of a member, its geohash (ds/geohash): there is no type of its own, and commands of sorted sets
work on it, as these do on any sorted set. GEOADD is a ZADD whose scores are computed, and propagates as that, like
Redis's, so that a replica need not round as its master does.
"""
from libc.math cimport llrint
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf

from _pyredis.base.num cimport NUM_I64_MAX, num_format_i64, num_format_u64
from _pyredis.base.slice cimport slice_of
from _pyredis.base.status cimport ERR_CUSTOM, ERR_SYNTAX, OK, Status
from _pyredis.cmd.ctx cimport Ctx, arg_double, arg_is, fail_with, key_at, open_typed
from _pyredis.cmd.sorted_sets cimport ZAdd, zadd_done, zadd_room, zadd_scored
from _pyredis.cmd.table cimport table_bind
from _pyredis.db.effects cimport effects_begin, effects_word
from _pyredis.db.value cimport T_ZSET, Entry
from _pyredis.db.zset_type cimport ZADD_NX, ZADD_XX, zset_score
from _pyredis.ds.geohash cimport (GEO_TEXT, GeoPlace, geo_distance, geo_is_place, geohash_decode, geohash_encode,
                                  geohash_of_score, geohash_text)
from _pyredis.wire.reply cimport Out, reply_array, reply_bulk, reply_double, reply_null, reply_null_array


# ---------------------------------------------------------------- arguments and replies

cdef Status arg_place(Ctx* c, int i, GeoPlace* p) noexcept nogil:
    cdef Status st = arg_double(c, i, &p.longitude)
    if st == OK:
        st = arg_double(c, i + 1, &p.latitude)
    if st == OK and not geo_is_place(p[0]):
        snprintf(c.server.detail, sizeof(c.server.detail), b"ERR invalid longitude,latitude pair %f,%f", p.longitude,
                 p.latitude)
        return fail_with(c, ERR_CUSTOM, c.server.detail)
    return st


cdef Status arg_unit(Ctx* c, int i, double* metres) noexcept nogil:
    if arg_is(c, i, b"M", 1):
        metres[0] = 1
    elif arg_is(c, i, b"KM", 2):
        metres[0] = 1000
    elif arg_is(c, i, b"FT", 2):
        metres[0] = 0.3048
    elif arg_is(c, i, b"MI", 2):
        metres[0] = 1609.34
    else:
        return fail_with(c, ERR_CUSTOM, b"ERR unsupported unit provided. please use M, KM, FT, MI")
    return OK


cdef void reply_distance(Out* out, double distance) noexcept nogil:
    """With four digits after the point."""
    cdef char[NUM_I64_MAX + 2] text
    cdef int64_t scaled = llrint(distance * 10000)
    cdef uint64_t v = 0 - <uint64_t>scaled if scaled < 0 else <uint64_t>scaled
    cdef uint64_t part = v % 10000
    cdef int n = 0, i
    if scaled < 0:                         # what is no number: between opposite ends of the earth it may come to that
        text[0] = c'-'
        n = 1
    n += num_format_u64(v // 10000, text + n)
    text[n] = c'.'
    for i in range(4, 0, -1):
        text[n + i] = <char>(c'0' + part % 10)
        part //= 10
    reply_bulk(out, text, n + 5)


cdef void reply_place(Out* out, GeoPlace p) noexcept nogil:
    reply_array(out, 2)
    reply_double(out, p.longitude)
    reply_double(out, p.latitude)


cdef inline bint _place_of(Ctx* c, const Entry* e, int i, GeoPlace* p) noexcept nogil:
    """Where the member argv[i] is, if it is one; e may be NULL."""
    cdef double score
    if e == NULL or not zset_score(c.ks, e, c.argv[i], &score):
        return False
    p[0] = geohash_decode(geohash_of_score(score))
    return True


# ---------------------------------------------------------------- GEOADD

cdef Status _geoadd_options(Ctx* c, ZAdd* a) noexcept nogil:
    cdef int i = 2
    a.flags = 0
    a.changed = False
    while i < c.argc:
        if arg_is(c, i, b"NX", 2):
            a.flags |= ZADD_NX
        elif arg_is(c, i, b"XX", 2):
            a.flags |= ZADD_XX
        elif arg_is(c, i, b"CH", 2):
            a.changed = True
        else:
            break
        i += 1
    a.first = i
    a.step = 3
    a.pairs = <size_t>(c.argc - i) // 3
    if a.pairs == 0 or (c.argc - i) % 3 or a.flags == ZADD_NX | ZADD_XX:
        return ERR_SYNTAX
    return OK


cdef void _propagate_zadd(Ctx* c, const ZAdd* a) noexcept nogil:
    cdef char[NUM_I64_MAX] digits
    cdef size_t i
    cdef int j
    if not effects_begin(&c.ks.fx, c.db.id, True):
        return
    effects_word(&c.ks.fx, slice_of(b"zadd", 4))
    for j in range(1, a.first):
        effects_word(&c.ks.fx, c.argv[j])
    for i in range(a.pairs):
        effects_word(&c.ks.fx, slice_of(digits, num_format_i64(<int64_t>a.scores[i], digits)))
        effects_word(&c.ks.fx, c.argv[a.first + 3 * <int>i + 2])


cdef Status cmd_geoadd(Ctx* c) noexcept nogil:
    """GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...] -> how many are new (CH: or
    changed)."""
    cdef ZAdd a
    cdef GeoPlace p
    cdef size_t i = 0
    cdef int64_t before = c.ks.fx.command_dirty
    cdef Status st = _geoadd_options(c, &a)
    if st != OK:
        return st
    zadd_room(c, &a)
    while st == OK and i < a.pairs:
        st = arg_place(c, a.first + 3 * <int>i, &p)
        if st == OK:
            a.scores[i] = <double>geohash_encode(p)
        i += 1
    if st == OK:
        st = zadd_scored(c, &a)
    if c.ks.fx.command_dirty != before:
        _propagate_zadd(c, &a)
    zadd_done(c, &a)
    return st


# ---------------------------------------------------------------- GEODIST, GEOHASH, GEOPOS

cdef Status cmd_geodist(Ctx* c) noexcept nogil:
    """GEODIST key member1 member2 [M | KM | FT | MI] -> the distance, or null if one is missing."""
    cdef Entry* e
    cdef GeoPlace a, b
    cdef double metres = 1
    cdef Status st = OK
    if c.argc > 5:
        return ERR_SYNTAX
    if c.argc == 5:
        st = arg_unit(c, 4, &metres)
    if st == OK:
        st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    if _place_of(c, e, 2, &a) and _place_of(c, e, 3, &b):
        reply_distance(c.out, geo_distance(a, b) / metres)
    else:
        reply_null(c.out)
    return OK


cdef Status cmd_geohash(Ctx* c) noexcept nogil:
    """GEOHASH key [member ...] -> the text of each one's geohash, or null."""
    cdef Entry* e
    cdef GeoPlace p
    cdef char[GEO_TEXT] text
    cdef int i
    cdef Status st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    reply_array(c.out, <size_t>(c.argc - 2))
    for i in range(2, c.argc):
        if _place_of(c, e, i, &p):
            geohash_text(p, text)
            reply_bulk(c.out, text, GEO_TEXT)
        else:
            reply_null(c.out)
    return OK


cdef Status cmd_geopos(Ctx* c) noexcept nogil:
    """GEOPOS key [member ...] -> the longitude and latitude of each one, or null."""
    cdef Entry* e
    cdef GeoPlace p
    cdef int i
    cdef Status st = open_typed(c, key_at(c, 1), T_ZSET, False, &e)
    if st != OK:
        return st
    reply_array(c.out, <size_t>(c.argc - 2))
    for i in range(2, c.argc):
        if _place_of(c, e, i, &p):
            reply_place(c.out, p)
        else:
            reply_null_array(c.out)
    return OK


cdef void bind_geo(Table* t) noexcept nogil:
    table_bind(t, b"GEOADD", cmd_geoadd)
    table_bind(t, b"GEODIST", cmd_geodist)
    table_bind(t, b"GEOHASH", cmd_geohash)
    table_bind(t, b"GEOPOS", cmd_geopos)
