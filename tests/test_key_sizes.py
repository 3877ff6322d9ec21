"""INFO keysizes: what counts where, and that counting many keys holds nobody up."""

import pytest

from pyredis import key_sizes
from pyredis.key_sizes import label
from tests.session import R


def keysizes(r):
    lines = r("INFO", "keysizes").decode().split("\r\n")[1:-1]
    return dict(line.split(":") for line in lines)


@pytest.mark.parametrize(("place", "text"), [(0, "0"), (1, "1"), (2, "2"), (10, "512"), (11, "1K"), (20, "512K"),
                                             (21, "1M"), (31, "1G"), (64, "8E")])
def test_a_bin_is_named_by_its_least_length(place, text):
    assert label(place) == text


def test_strings_count_by_bytes_and_collections_by_elements(r):
    for n in (0, 1, 2, 3, 4, 1023, 1024, 1 << 20):
        r("SET", f"s{n}", "x" * n)
    r("SET", "number", 12345)
    for n in (1, 3, 600):
        r("RPUSH", f"l{n}", *range(n))
        r("SADD", f"set{n}", *range(n))
        r("ZADD", f"z{n}", *(x for i in range(n) for x in (i, i)))
        r("HSET", f"h{n}", *(x for i in range(n) for x in (i, i)))
    r("XADD", "stream", "*", "f", "v")
    r("SELECT", 3)
    r("SET", "a", "b")
    assert keysizes(r) == {
        "db0_distrib_strings_sizes": "0=1,1=1,2=2,4=2,512=1,1K=1,1M=1",
        "db0_distrib_lists_items": "1=1,2=1,512=1", "db0_distrib_sets_items": "1=1,2=1,512=1",
        "db0_distrib_zsets_items": "1=1,2=1,512=1", "db0_distrib_hashes_items": "1=1,2=1,512=1",
        "db3_distrib_strings_sizes": "1=1"}


def test_few_keys_are_always_counted_as_they_are(r):
    assert keysizes(r) == {}
    r("SET", "a", "xx")
    assert keysizes(r) == {"db0_distrib_strings_sizes": "2=1"}
    r("APPEND", "a", "xx")
    assert keysizes(r) == {"db0_distrib_strings_sizes": "4=1"}
    r("DEL", "a")
    assert keysizes(r) == {}


def test_many_keys_are_counted_in_steps_once_somebody_asks(monkeypatch):
    monkeypatch.setattr(key_sizes, "AT_ONCE", 100)
    monkeypatch.setattr(key_sizes, "STEP", 300)
    r = R(**{"enable-debug-command": "yes"})
    r("DEBUG", "POPULATE", 1000)
    sizes = r.server.key_sizes
    sizes.advance()
    assert keysizes(r) == {}                     # nobody had asked before
    steps = 0
    while not sizes._last:
        sizes.advance()
        steps += 1
    assert 3 <= steps <= 4
    assert keysizes(r) == {"db0_distrib_strings_sizes": "4=10,8=990"}


def test_the_last_pass_is_told_while_the_next_is_under_way(monkeypatch):
    monkeypatch.setattr(key_sizes, "AT_ONCE", 10)
    r = R(**{"enable-debug-command": "yes"})
    r("DEBUG", "POPULATE", 100)
    keysizes(r)
    r.server.key_sizes.advance()
    r("DEBUG", "POPULATE", 200)
    assert keysizes(r) == {"db0_distrib_strings_sizes": "4=10,8=90"}
    r.server.key_sizes.advance()
    assert keysizes(r) == {"db0_distrib_strings_sizes": "4=10,8=190"}
