"""Active defragmentation: whatever moves, the data stay what they are, and emptied slabs go back.

Most tests move everything that can move, needed or not: a stale address is then found soon, by the checks of the
structures and, in the asan build, where each object has bounds of its own, at the first touch.
"""

import random
import time

import _pyredis.defrag as defrag
import _pyredis.saving as saving
import pytest
from _pyredis.figures import memory

from tests.grammar import Grammar, commands
from tests.session import R, encode

SMALL_FORMS = {"list_max_listpack_size": 8, "set_max_intset_entries": 4, "set_max_listpack_entries": 4,
               "hash_max_listpack_entries": 4, "zset_max_listpack_entries": 4}
FAST = {"active_defrag_ignore_bytes": 1, "active_defrag_threshold_lower": 1, "active_defrag_cycle_min": 99,
        "active_defrag_cycle_max": 99, "active_defrag_cycle_us": 100_000}


def server(**config):
    return R(**{"enable_debug_command": "yes", **config})


def digest(r):
    return r("DEBUG", "DIGEST")


def sound(r):
    return r.session.check() == 0 and r.session.check_values() == 0


def step(r, entries=100, everything=True):
    more = defrag.step(r.server.core, entries, everything)
    assert sound(r)
    return more


def whole_pass(r, entries=100, everything=True):
    """All steps of a pass; how many."""
    steps = 1
    while step(r, entries, everything):
        steps += 1
    return steps


def figures(r):
    return defrag.figures(r.server.core)


def fill_string(r, n):
    for i in range(n):
        r("SET", f"s{i}", "x" * (i % 60), *(("PX", 10**9) if i % 3 == 0 else ()))
    r("SET", "long", "y" * 5000)
    r("SETRANGE", "grown", 3000, "z")


def fill_list(r, n):
    r("RPUSH", "l", *[f"element {i}" for i in range(n)])


def fill_set(r, n):
    r("SADD", "t", *[f"member {i}" for i in range(n)], "m" * 300)
    r("SADD", "numbers", *range(0, n, 3))


def fill_hash(r, n):
    for i in range(n):
        r("HSET", "h", f"field {i}", "v" * (i % 300))
    r("HSET", "h", "f" * 300, "value")
    r("HPEXPIRE", "h", 10**9, "FIELDS", n // 2, *[f"field {i}" for i in range(0, n // 2 * 2, 2)])
    r("EXPIRE", "h", 10**6)


def fill_zset(r, n):
    for i in range(n):
        r("ZADD", "z", i * 7 % 50, f"member {i}")


def fill_stream(r, n):
    for i in range(n):
        r("XADD", "x", f"{i + 1}-1", "field", "v" * 20)
    r("XGROUP", "CREATE", "x", "g", "0")
    r("XREADGROUP", "GROUP", "g", "c", "COUNT", n // 2, "STREAMS", "x", ">")


FILLS = [fill_string, fill_list, fill_set, fill_hash, fill_zset, fill_stream]
FORMS = pytest.mark.parametrize("forms", [{}, SMALL_FORMS, {"active_defrag_max_scan_fields": 1, **SMALL_FORMS}],
                                ids=["as usual", "large", "large, in steps"])


@FORMS
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("n", [3, 400])
def test_values_are_the_same_when_all_of_them_have_moved(fill, n, forms):
    r = server(**forms)
    fill(r, n)
    before, used = digest(r), memory(r.server.core)["used"]
    for entries in (1, 7, 1000):
        whole_pass(r, entries)
        assert digest(r) == before
    assert abs(memory(r.server.core)["used"] - used) < 1000
    assert figures(r)["hits"] > 0


def change_list(r, i):
    r("LPUSH", "l", "new") if i % 3 else r("LREM", "l", 1, f"element {i * 7}")
    r("LTRIM", "l", 3, -3)
    r("LINSERT", "l", "BEFORE", "new", "x" * 30)


def change_set(r, i):
    r("SPOP", "t", 3)
    r("SADD", "t", f"new {i}")


def change_hash(r, i):
    r("HDEL", "h", f"field {i * 3}", f"field {i * 3 + 1}")
    r("HSET", "h", f"new {i}", "v" * (i % 300))
    r("HPERSIST", "h", "FIELDS", 1, f"field {i * 2 + 20}")


def change_zset(r, i):
    r("ZPOPMIN", "z", 2)
    r("ZADD", "z", i % 40, f"member {i * 5}")
    r("ZREMRANGEBYRANK", "z", -2, -1)


@pytest.mark.parametrize(("fill", "change", "key"), [(fill_list, change_list, "l"), (fill_set, change_set, "t"),
                                                     (fill_hash, change_hash, "h"), (fill_zset, change_zset, "z")])
def test_a_large_value_may_change_between_the_steps_that_move_it(fill, change, key):
    r = server(active_defrag_max_scan_fields=1, **SMALL_FORMS)
    fill(r, 1000)
    for i in range(150):
        step(r, 10)
        change(r, i)
        before = digest(r)
        step(r, 10)
        assert digest(r) == before
    for gone in (lambda: r("DEL", key), lambda: r("SET", key, "now a string"), lambda: r("RENAME", key, "elsewhere"),
                 lambda: r("FLUSHALL"), lambda: r("SWAPDB", 0, 1)):
        r("DEL", key)
        fill(r, 200)
        for _ in range(12):
            step(r, 10)
        gone()
        while step(r, 10):
            pass


@pytest.mark.parametrize("seed", range(8))
def test_no_sequence_of_commands_notices_that_everything_moves(seed):
    rng = random.Random(seed)
    grammar = Grammar(rng, commands())
    r = server(active_defrag_max_scan_fields=rng.choice([1, 1000]), **(SMALL_FORMS if seed % 2 else {}))
    for fill in FILLS:
        fill(r, 30)
        r("RENAME", r("RANDOMKEY"), f"k{rng.randrange(6)}")
    for _ in range(700):
        leaf, words = grammar.request()
        data = r.session.feed(encode(*words))
        if leaf.blocks and not data:
            r.advance(1000)
            r.cycle()
            r.session.take()
        if rng.random() < 0.5:
            before = r.session.feed(encode("DEBUG", "DIGEST"))
            step(r, rng.choice([1, 5, 100]))
            assert r.session.feed(encode("DEBUG", "DIGEST")) == before
        if rng.random() < 0.01:
            r.advance(rng.choice([1, 1000, 10**6, 10**9]))
            r.cycle()
            assert sound(r)


def test_the_tables_of_expiries_follow_an_entry():
    r = server()
    for i in range(300):
        r("SET", f"k{i}", "v", "PX", 1000 + i)
        r("HSET", f"h{i}", "f", "v")
        r("HPEXPIRE", f"h{i}", 1000 + i, "FIELDS", 1, "f")
    whole_pass(r)
    r.advance(5000)
    for _ in range(100):
        r.cycle()
    assert r("DBSIZE") == 0
    assert sound(r)


def test_a_string_that_a_reply_holds_stays_where_it_is():
    r = server()
    r("SET", "k", "x" * 20000)
    request = encode("GET", "k")
    r.session.clear()
    r.session.feed(request)                        # its bytes are not taken yet
    whole_pass(r)
    assert r("GET", "k") == b"x" * 20000


# ---------------------------------------------------------------- slabs

def holes(r, n=60_000, keep=3):
    """Fills some slabs, and takes all but every third key out again."""
    for first in range(0, n, 500):
        r("MSET", *[word for i in range(first, first + 500) for word in (f"key:{i:08}", "x" * 50)])
    r("DEL", *[f"key:{i:08}" for i in range(n) if i % keep])


def slabs(r):
    return memory(r.server.core)["slabs"]


def test_a_pass_empties_the_slabs_that_are_too_many():
    r = server()
    holes(r)
    before, data = slabs(r), digest(r)
    waste = figures(r)["waste"]
    whole_pass(r, everything=False)
    assert digest(r) == data
    assert slabs(r) <= before - waste // 2
    found = figures(r)
    assert found["key_hits"] + found["key_misses"] == r("DBSIZE")
    assert (found["key_hits"] > 0) == (waste > 0)


def test_what_is_not_moved_is_used_again_when_the_pass_is_over():
    r = server()
    holes(r)
    for _ in range(6):                             # its slabs are chosen, and some of the keys moved
        step(r, 100, everything=False)
    r.server.config.set_many([(b"activedefrag", b"no")])
    before = slabs(r)
    r("MSET", *[word for i in range(5000) for word in (f"key:{i:08}", "x" * 50)])
    assert slabs(r) < before + (512 << 10)
    assert sound(r)


def test_the_cycle_runs_when_it_is_switched_on_and_pays():
    r = server(**FAST)
    holes(r)
    before, data = figures(r)["waste"], digest(r)
    r.session.set_clock(-1)                        # a slice ends by the clock
    r.cycle()
    assert figures(r)["total_us"] == 0             # it is off
    r("CONFIG", "SET", "activedefrag", "yes")
    for _ in range(1000):
        r.cycle()
        if figures(r)["waste"] <= before // 2:
            break
        time.sleep(0.001)
    found = figures(r)
    assert found["waste"] <= before // 2
    assert (found["running"], found["total_us"] > 0) == ((99, True) if before else (0, False))
    r("CONFIG", "SET", "activedefrag", "no")
    assert figures(r)["running"] == figures(r)["current_us"] == 0
    assert digest(r) == data and sound(r)


@pytest.mark.parametrize("parameter", [{"active_defrag_ignore_bytes": 10 << 20},
                                       {"active_defrag_threshold_lower": 1000}])
def test_a_waste_below_the_thresholds_is_left_alone(parameter):
    r = server(activedefrag="yes", **{**FAST, **parameter})
    holes(r)
    before = slabs(r)
    r.session.set_clock(-1)
    for _ in range(10):
        r.cycle()
        time.sleep(0.001)
    assert slabs(r) == before and figures(r)["running"] == 0


def test_nothing_moves_while_a_child_reads_the_same_pages():
    r = server(activedefrag="yes", **FAST)
    holes(r)
    r.session.set_clock(-1)
    saving.set_sharing(r.server.core, True)
    for _ in range(10):
        r.cycle()
        time.sleep(0.001)
    assert figures(r)["total_us"] == 0
    saving.set_sharing(r.server.core, False)
    time.sleep(0.2)
    r.cycle()
    assert (figures(r)["total_us"] > 0) == (figures(r)["waste"] > 0)


def test_resetting_the_statistics_resets_these():
    r = server()
    fill_set(r, 100)
    whole_pass(r)
    assert figures(r)["hits"] and figures(r)["key_hits"]
    r("CONFIG", "RESETSTAT")
    found = figures(r)
    assert [found[name] for name in ("hits", "misses", "key_hits", "key_misses", "total_us")] == [0] * 5
