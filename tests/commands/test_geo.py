"""Places: GEOADD, GEOSEARCH and their kin."""

import pytest

from tests.session import Effect, raises_reply

SICILY = ["13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"]


@pytest.fixture(params=["listpack", "skiplist"])
def g(r, request):
    """A client with Sicily in `g`, in either form of a sorted set."""
    if request.param == "skiplist":
        r("CONFIG", "SET", "zset-max-listpack-entries", 0)
    r("GEOADD", "g", *SICILY)
    assert r("OBJECT", "ENCODING", "g") == request.param.encode()
    return r


def test_geoadd_counts_new_members_and_propagates_as_zadd(r):
    assert r("GEOADD", "g", "CH", *SICILY) == 2
    assert r.effects == [Effect("zadd", b"g", 2)]
    assert r.propagated == [[b"zadd", b"g", b"CH", b"3479099956230698", b"Palermo", b"3479447370796909", b"Catania"]]
    assert r("GEOADD", "g", *SICILY) == 0
    assert r.effects == [] and r.propagated == []


def test_geoadd_heeds_its_conditions(g):
    assert g("GEOADD", "g", "NX", 1, 1, "Palermo", 2, 2, "new") == 1
    assert g("GEOADD", "g", "XX", 1, 1, "none", 3, 3, "new") == 0
    assert g("GEOADD", "g", "XX", "CH", 4, 4, "new") == 1
    assert g("GEOADD", "other", "XX", 1, 1, "a") == 0
    assert g("EXISTS", "other") == 0
    assert g("ZCARD", "g") == 3


@pytest.mark.parametrize("words", [["NX", "XX", 1, 1, "a"], ["CH", "NX", "CH"], [1, 1, "a", 2], ["NX", 1, 1]])
def test_geoadd_refuses_what_is_no_triple(r, words):
    with raises_reply("ERR syntax error"):
        r("GEOADD", "g", *words)


def test_geoadd_changes_nothing_if_any_place_is_none(g):
    with raises_reply("ERR invalid longitude,latitude pair 181.000000,2.000000"):
        g("GEOADD", "g", 1, 1, "a", 181, 2, "b")
    with raises_reply("ERR value is not a valid float"):
        g("GEOADD", "g", 1, 1, "a", "x", 2, "b")
    assert g("ZCARD", "g") == 2


def test_geoadd_of_many_members_in_one_request(r):
    words = [word for i in range(200) for word in (i / 2, i / 4, f"m{i}")]
    assert r("GEOADD", "g", *words) == 200
    assert r("ZCARD", "g") == 200


def test_members_have_places_distances_and_texts(g):
    assert g("GEOPOS", "g", "Palermo", "no") == [[b"13.361389338970184", b"38.1155563954963"], None]
    assert g("GEODIST", "g", "Palermo", "Catania") == b"166274.1516"
    assert g("GEODIST", "g", "Palermo", "Catania", "KM") == b"166.2742"
    assert g("GEODIST", "g", "Palermo", "no") is None
    assert g("GEODIST", "none", "a", "b") is None
    assert g("GEOHASH", "g", "Palermo", "no", "Catania") == [b"sqc8b49rny0", None, b"sqdtr74hyu0"]
    assert g("GEOHASH", "none", "a") == [None]
    assert g("GEOPOS", "g") == []


def test_a_search_finds_what_is_inside_a_circle_or_a_box(g):
    center = ["FROMLONLAT", 15, 37]
    assert g("GEOSEARCH", "g", *center, "BYRADIUS", 200, "km", "ASC") == [b"Catania", b"Palermo"]
    assert g("GEOSEARCH", "g", *center, "BYRADIUS", 100, "km") == [b"Catania"]
    assert g("GEOSEARCH", "g", *center, "BYBOX", 400, 400, "km", "DESC") == [b"Palermo", b"Catania"]
    assert g("GEOSEARCH", "g", *center, "BYRADIUS", 200, "km", "COUNT", 1) == [b"Catania"]
    assert g("GEOSEARCH", "g", "FROMMEMBER", "Palermo", "BYRADIUS", 200, "km", "WITHDIST", "COUNT", 1) == [
        [b"Palermo", b"0.0000"]]
    assert g("GEOSEARCH", "none", *center, "BYRADIUS", 1, "m") == []


def test_a_search_finds_what_is_inside_a_polygon(g):
    assert g("GEOSEARCH", "g", "BYPOLYGON", 3, 14, 37, 16, 37, 15, 38) == [b"Catania"]
    assert g("GEOSEARCH", "g", "BYPOLYGON", 3, 0, 0, 1, 0, 0, 1, "BYPOLYGON", 4, 10, 35, 20, 35, 20, 40, 10, 40,
             "ASC") == [b"Catania", b"Palermo"]
    for words in (["FROMMEMBER", "Palermo"], ["BYRADIUS", 1, "m"]):
        with raises_reply("ERR syntax error"):
            g("GEOSEARCH", "g", "BYPOLYGON", 3, 14, 37, 16, 37, 15, 38, *words)
    for count in (2, -1, 4):
        with raises_reply("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"):
            g("GEOSEARCH", "g", "BYPOLYGON", count, 14, 37, 16, 37, 15, 38)
    with raises_reply("ERR invalid number of vertices"):
        g("GEOSEARCH", "g", "BYPOLYGON", "x", 14, 37, 16, 37, 15, 38)
    with raises_reply("ERR invalid longitude,latitude pair"):
        g("GEOSEARCH", "g", "BYPOLYGON", 3, 14, 37, 16, 37, 15, 380)


def test_results_tell_distance_hash_and_place(g):
    assert g("GEORADIUS", "g", 15, 37, 100, "km", "WITHCOORD", "WITHDIST", "WITHHASH") == [
        [b"Catania", b"56.4413", 3479447370796909, [b"15.087267458438873", b"37.50266842333162"]]]
    g("HELLO", 3)
    assert g("GEORADIUS_RO", "g", 15, 37, 100, "km", "WITHCOORD") == [
        [b"Catania", [15.087267458438873, 37.50266842333162]]]


def test_any_stops_at_the_count_and_sorts_only_what_it_has(r):
    r("GEOADD", "g", *(word for i in range(300) for word in (i / 1000, 0.5, f"m{i}")))
    assert len(r("GEOSEARCH", "g", "FROMLONLAT", 0, 0.5, "BYRADIUS", 500, "km")) == 300
    assert len(r("GEOSEARCH", "g", "FROMLONLAT", 0, 0.5, "BYRADIUS", 500, "km", "COUNT", 100, "ANY")) == 100
    assert r("GEOSEARCH", "g", "FROMLONLAT", 0, 0.5, "BYRADIUS", 500, "km", "COUNT", 3) == [b"m0", b"m1", b"m2"]
    with raises_reply("ERR the ANY argument requires COUNT argument"):
        r("GEOSEARCH", "g", "FROMLONLAT", 0, 0.5, "BYRADIUS", 500, "km", "ANY")


def test_results_are_stored_with_their_geohashes_or_distances(g):
    search = ["FROMLONLAT", 15, 37, "BYRADIUS", 200, "km"]
    assert g("GEOSEARCHSTORE", "d", "g", *search) == 2
    assert g.effects == [Effect("geosearchstore", b"d", 2)]
    assert g("ZRANGE", "d", 0, -1, "WITHSCORES") == [b"Palermo", b"3479099956230698", b"Catania", b"3479447370796909"]
    assert g("GEORADIUSBYMEMBER", "g", "Catania", 200, "km", "STOREDIST", "d") == 2
    assert g.effects == [Effect("georadiusstore", b"d", 2)]
    assert g("ZRANGE", "d", 0, 0) == [b"Catania"]
    assert g("GEOSEARCHSTORE", "g", "g", *search, "COUNT", 1, "STOREDIST") == 1
    assert g("ZCARD", "g") == 1


def test_an_empty_result_removes_the_destination(g):
    g("SET", "d", "text")
    assert g("GEORADIUS", "g", 0, 0, 1, "m", "STORE", "d") == 0
    assert g.effects == [Effect("del", b"d", 1)]
    assert g("GEOSEARCHSTORE", "d", "none", "FROMMEMBER", "x", "BYRADIUS", 1, "m") == 0
    assert g.effects == []


@pytest.mark.parametrize(("words", "error"), [
    (["GEOSEARCH", "g", "BYRADIUS", 1, "m", "ASC", "ASC"],
     "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"),
    (["geosearch", "g", "FROMLONLAT", 1, 1, "ASC", "ASC"],
     "ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch"),
    (["GEOSEARCH", "g", "FROMMEMBER", "no", "BYRADIUS", 1, "m"], "ERR could not decode requested zset member"),
    (["GEORADIUS", "g", 1, 1, "x", "q"], "ERR need numeric radius"),
    (["GEORADIUS", "g", 1, 1, -1, "q"], "ERR radius cannot be negative"),
    (["GEORADIUS", "g", 1, 1, 1, "q"], "ERR unsupported unit provided. please use M, KM, FT, MI"),
    (["GEOSEARCH", "g", "FROMLONLAT", 1, 1, "BYBOX", "x", 1, "m"], "ERR need numeric width"),
    (["GEOSEARCH", "g", "FROMLONLAT", 1, 1, "BYBOX", 1, "x", "m"], "ERR need numeric height"),
    (["GEOSEARCH", "g", "FROMLONLAT", 1, 1, "BYBOX", 1, -1, "m"], "ERR height or width cannot be negative"),
    (["GEORADIUS", "g", 1, 1, 1, "m", "COUNT", 0], "ERR COUNT must be > 0"),
    (["GEORADIUS", "g", 1, 1, 1, "m", "COUNT", "x"], "ERR value is not an integer"),
    (["GEORADIUS", "g", 1, 1, 1, "m", "STORE", "d", "WITHDIST"], "ERR STORE option in GEORADIUS is not compatible"),
    (["GEOSEARCHSTORE", "d", "g", "FROMLONLAT", 1, 1, "BYRADIUS", 1, "m", "WITHHASH"],
     "ERR GEOSEARCHSTORE is not compatible"),
    (["GEORADIUS_RO", "g", 1, 1, 1, "m", "STORE", "d"], "ERR syntax error"),
    (["GEODIST", "g", "Palermo", "Catania", "km", "x"], "ERR syntax error"),
])
def test_each_wrong_argument_has_its_error(g, words, error):
    with raises_reply(error):
        g(*words)


@pytest.mark.parametrize("words", [
    ["GEOADD", "s", 1, 1, "a"], ["GEODIST", "s", "a", "b"], ["GEOHASH", "s", "a"], ["GEOPOS", "s", "a"],
    ["GEORADIUS", "s", 1, 1, "x", "q"], ["GEORADIUSBYMEMBER", "s", "a", 1, "m"],
    ["GEOSEARCH", "s", "a", "b", "c", "d", "e"]])
def test_another_type_is_refused(r, words):
    r("SET", "s", "text")
    with raises_reply("WRONGTYPE"):
        r(*words)
