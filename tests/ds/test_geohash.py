"""Geohashes against a plain model: bit by bit, and the haversine formula as it is written."""

import itertools
import math
import random

import pytest
from _pyredis.ds.geohash_testing import Area, decode, distance, encode, is_place, of_score, text

NORTH = 85.05112878
EARTH = 6372797.560856
EDGES = [(-180, -NORTH), (180, NORTH), (-180, NORTH), (180, -NORTH), (0, 0), (180, 0), (0, NORTH)]


def haversine(a, b):
    (lon1, lat1), (lon2, lat2) = (tuple(map(math.radians, p)) for p in (a, b))
    s = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(min(1, s)))


def some_place(rng):
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(EDGES)
    if kind < 0.3:
        return rng.choice([-180, 180]) * rng.uniform(0.9999, 1), rng.choice([-NORTH, NORTH]) * rng.uniform(0.999, 1)
    return rng.uniform(-180, 180), rng.uniform(-NORTH, NORTH)


def interleaved(x, y):
    return sum((x >> i & 1) << 2 * i + 1 | (y >> i & 1) << 2 * i for i in range(32))


def test_a_geohash_interleaves_column_and_row():
    rng = random.Random(1)
    for _ in range(3000):
        lon, lat = some_place(rng)
        x = int((lon + 180) / 360 * 2**26)
        y = int((lat + NORTH) / (2 * NORTH) * 2**26)
        assert encode((lon, lat)) == interleaved(x, y)


def test_decoding_gives_a_place_of_the_same_cell_no_further_than_half_of_it():
    rng = random.Random(2)
    for _ in range(3000):
        place = rng.uniform(-180, 180), rng.uniform(-NORTH, NORTH)
        found = decode(encode(place))
        assert abs(found[0] - place[0]) <= 180 / 2**26 * 1.001
        assert abs(found[1] - place[1]) <= NORTH / 2**26 * 1.001
        assert encode(found) == encode(place)


def test_places_end_where_the_square_ends():
    assert all(map(is_place, EDGES))
    assert not any(map(is_place, [(180.0001, 0), (0, 85.0512), (-181, 0), (0, -90), (math.inf, 0), (math.nan, 0)]))


@pytest.mark.parametrize(("score", "hash_"), [
    (0.0, 0), (0.9, 0), (7.5, 7), (-1.0, 2**64 - 1), (-0.5, 0), (2.0**53, 2**53), (1e19, 10**19), (math.inf, 0),
    (1e300, 0), (-math.inf, 2**63), (-1e300, 2**63), (-2.0**63, 2**63), (2.0**63, 2**63)])
def test_every_score_has_a_geohash_as_hardware_converts_it(score, hash_):
    assert of_score(score) == hash_


def test_the_text_is_that_of_the_usual_geohash():
    assert text((13.361389338970184, 38.1155563954963)) == b"sqc8b49rny0"
    assert text((-180, -NORTH)).startswith(b"00")
    assert text((0, 0)) == b"s0000000000"


def test_distance_is_the_haversine():
    rng = random.Random(3)
    for _ in range(2000):
        a, b = some_place(rng), some_place(rng)
        assert distance(a, b) == pytest.approx(haversine(a, b), rel=1e-7, abs=1e-6)
    assert distance((1, 2), (1, 2)) == 0
    assert distance((5, 10), (5, 11)) == pytest.approx(EARTH * math.radians(1))


def crowd(rng, center, spread, count=300):
    found = []
    for _ in range(count):
        lon = (center[0] + rng.gauss(0, spread) + 540) % 360 - 180
        found.append(encode((lon, max(-NORTH, min(NORTH, center[1] + rng.gauss(0, spread))))))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_a_circle_has_what_the_formula_says_whether_or_not_the_distance_is_asked_for(seed):
    rng = random.Random(seed)
    center = some_place(rng)
    spread = rng.choice([1e-6, 1e-3, 0.1, 3, 60])
    places = crowd(rng, center, spread)
    exact = {hash_: distance(center, decode(hash_)) for hash_ in places}
    for radius in (0, 1e-9, rng.choice(list(exact.values())), spread * 60_000, spread * 120_000, 2.1e7, math.inf):
        area = Area(center, radius=radius)
        for hash_, metres in exact.items():
            assert area.has(hash_) == (not metres > radius)
            assert area.distance(hash_) == (None if metres > radius else metres)


@pytest.mark.parametrize("seed", range(60))
def test_a_box_has_what_is_near_enough_along_both_directions(seed):
    rng = random.Random(seed)
    center = some_place(rng)
    spread = rng.choice([1e-6, 1e-3, 0.1, 3, 60])
    places = crowd(rng, center, spread)
    for _ in range(6):
        width, height = (rng.choice([0, 1, 50_000, 200_000]) * spread * rng.random() for _ in range(2))
        area = Area(center, box=(width, height))
        for hash_ in places:
            lon, lat = decode(hash_)
            inside = (EARTH * abs(lat * (math.pi / 180) - center[1] * (math.pi / 180)) <= height / 2
                      and distance((lon, lat), (center[0], lat)) <= width / 2)
            assert area.has(hash_) == inside
            assert area.distance(hash_) == (distance(center, (lon, lat)) if inside else None)


def test_a_polygon_has_what_its_sides_enclose():
    area = Area(polygon=[(0, 0), (10, 0), (10, 10), (5, 2), (0, 10)])
    inside, outside = [(1, 1), (9, 1), (9.5, 8), (0.5, 8), (5, 1.9)], [(5, 2.1), (5, 9), (-1, 5), (11, 5), (5, -1)]
    assert all(area.has(encode(p)) for p in inside)
    assert not any(area.has(encode(p)) for p in outside)
    middle = Area(polygon=[(-1, -1), (1, -1), (1, 1), (-1, 1)])
    assert middle.distance(encode((0, 0))) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("seed", range(100))
def test_a_cover_has_every_place_inside(seed):
    """Away from the poles, where Redis's own cover ends at the edge of the square."""
    rng = random.Random(seed)
    center = rng.uniform(-180, 180), rng.uniform(-60, 60)
    radius = 10 ** rng.uniform(0, 6)
    area = Area(center, radius=radius)
    ranges = area.cover()
    assert 1 <= len(ranges) <= 9
    for hash_ in crowd(rng, center, math.degrees(radius / EARTH)):
        if area.has(hash_):
            assert any(low <= hash_ < high for low, high in ranges)


def test_ranges_of_a_cover_do_not_overlap():
    rng = random.Random(7)
    for _ in range(500):
        ranges = sorted(Area(some_place(rng), radius=10 ** rng.uniform(-3, 8)).cover())
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ranges))


def test_a_cover_joins_cells_that_follow_one_another():
    assert Area((0, 0), radius=3e7).cover()[0][0] <= 2**52
    assert any(len(Area((11.3, 0.1 * i), radius=1000).cover()) < 4 for i in range(20))
