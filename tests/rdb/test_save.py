"""What is saved of each type and form: which layout, what stands in it, and that it is the oldest that can hold it."""

import pytest

from tests.rdb.reader import read
from tests.rdb.values import FAR, STRINGS, VALUES, VERSIONS

TYPES = {                                   # by name of the value, as far as they are not strings
    "listpack list": 18, "quicklist": 18, "quicklist of random text": 18, "quicklist with plain nodes": 18,
    "compressed quicklist": 18, "compressed quicklist with plain nodes": 18, "compressed quicklist of small nodes": 18,
    "intset of 16 bits": 11, "intset of 64 bits": 11, "listpack set": 2, "table set": 2,
    "listpack sorted set": 17, "skiplist": 5, "listpack hash": 16, "table hash": 4,
    "listpack hash with timed fields": 25, "table hash with timed fields": 24,
    "listpack hash that had timed fields": 4, "table hash that had timed fields": 4,
    "stream": 19, "long stream with deleted entries": 19, "stream emptied": 19, "stream never filled": 19,
    "stream emptied, with a group": 19, "stream with groups": 19, "stream with an idle consumer": 21,
}


def dump(r, *commands):
    for words in commands:
        r(*words)
    return read(r("DUMP", "k"))


def logical(r):
    """The value of k, by reading it, in the shape of content()."""
    kind = r("TYPE", "k")
    if kind == "string":
        return r("GET", "k")
    if kind == "list":
        return r("LRANGE", "k", 0, -1)
    if kind == "set":
        return set(r("SMEMBERS", "k"))
    if kind == "zset":
        flat = r("ZRANGE", "k", 0, -1, "WITHSCORES")
        return [(flat[i], float(flat[i + 1])) for i in range(0, len(flat), 2)]
    flat = r("HGETALL", "k")
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    times = r("HPEXPIRETIME", "k", "FIELDS", len(fields), *fields)
    return {field: (value, max(at, 0)) for (field, value), at in zip(fields.items(), times, strict=True)}


def content(saved):
    """What a payload holds, whatever its layout."""
    if saved.type == 18:
        return [text for _, texts in saved.value for text in texts]
    if saved.type == 11:
        return {b"%d" % v for v in saved.value}
    if saved.type == 2:
        return set(saved.value)
    if saved.type == 5:
        return saved.value[::-1]
    if saved.type == 17:
        return [(member, float(score)) for member, score in saved.value]
    if saved.type in (4, 16):
        return {field: (value, 0) for field, value in saved.value}
    return saved.value


@pytest.mark.parametrize("compression", ["yes", "no"])
@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_saved_whole_in_the_oldest_layout_that_holds_it(r, name, compression):
    r("CONFIG", "SET", "rdbcompression", compression)
    VALUES[name](r)
    saved = read(r("DUMP", "k"))
    assert saved.type == TYPES.get(name, 0)
    assert saved.version == VERSIONS.get(name, 10)
    if r("TYPE", "k") != "stream":
        assert content(saved) == logical(r)
    if compression == "no" and "compressed" not in name:
        assert "lzf" not in saved.strings


def test_every_value_has_its_layout_named():
    assert set(VALUES) - set(STRINGS) - {"changed digits"} == set(TYPES)


def test_nodes_of_a_list_are_listpacks_and_plain_ones_stay_apart(r):
    VALUES["compressed quicklist with plain nodes"](r)
    nodes = read(r("DUMP", "k")).value
    assert [texts for kind, texts in nodes if kind == "plain"] == [[b"b" * 70_000]]
    assert sum(kind == "packed" for kind, _ in nodes) > 2


def test_nodes_that_are_compressed_in_memory_are_copied_as_they_are(r):
    r("CONFIG", "SET", "rdbcompression", "no")
    VALUES["compressed quicklist of small nodes"](r)
    strings = read(r("DUMP", "k")).strings
    assert [strings[0], strings[-1]] == ["raw", "raw"]          # list-compress-depth leaves one alone at either end
    assert set(strings[1:-1]) == {"lzf"}


def test_a_list_of_more_elements_than_a_header_counts_is_saved(r):
    r("CONFIG", "SET", "list-max-listpack-size", "-5", "hash-max-listpack-entries", 100_000)
    saved = dump(r, ("RPUSH", "k", *[1] * 70_000))
    assert sum(len(texts) for _, texts in saved.value) == 70_000


def test_sorted_sets_go_backwards_for_readers_that_insert_in_front(r):
    saved = dump(r, ("ZADD", "k", 1, "a", 3, "x" * 70, 2, "b"))
    assert saved.value == [(b"x" * 70, 3.0), (b"b", 2.0), (b"a", 1.0)]


def test_fields_that_are_over_but_still_there_are_saved(r):
    for long in ("b", "b" * 70):
        r("DEL", "k")
        saved = dump(r, ("HSET", "k", "a", 1, long, 2, "c", 3), ("HPEXPIREAT", "k", r.now_ms + 5, "FIELDS", 1, "a"),
                     ("HPEXPIREAT", "k", FAR, "FIELDS", 1, long))
        r.advance(ms=10)
        assert read(r("DUMP", "k")).value == saved.value == {
            b"a": (b"1", saved.value[b"a"][1]), long.encode(): (b"2", FAR), b"c": (b"3", 0)}
        assert saved.value[b"a"][1] < r.now_ms


def test_a_stream_is_saved_with_its_groups_and_what_is_pending(r):
    r("XADD", "k", "1-1", "a", 1)
    r("XADD", "k", "2-1", "a", 2)
    r("XADD", "k", f"{2**60}-{2**63}", "b", 3)
    r("XDEL", "k", "2-1")
    r("XGROUP", "CREATE", "k", "g", "0")
    r("XGROUP", "CREATE", "k", "h", "1-1", "ENTRIESREAD", 1)
    r("XREADGROUP", "GROUP", "g", "al", "COUNT", 1, "STREAMS", "k", ">")
    saved = read(r("DUMP", "k"))
    flat = [b"2", b"1", b"1", b"a", b"0", b"2", b"0", b"0", b"1", b"4", b"3", b"1", b"0", b"2", b"4",
            b"0", b"%d" % (2**60 - 1), b"%d" % (-2**63 - 1 + 2**64), b"1", b"b", b"3", b"6"]
    assert (saved.type, saved.version) == (19, 10)
    assert saved.value == {
        "nodes": [((1, 1), flat)], "length": 2, "last": (2**60, 2**63), "first": (1, 1), "deleted": (2, 1), "added": 3,
        "groups": {b"g": {"last": (1, 1), "read": 2**64 - 1, "pending": [((1, 1), r.now_ms, 1)],
                          "consumers": {b"al": (r.now_ms, r.now_ms, [(1, 1)])}},
                   b"h": {"last": (1, 1), "read": 1, "pending": [], "consumers": {}}}}


def test_a_consumer_that_was_seen_after_it_was_active_takes_the_newer_layout(r):
    r("XADD", "k", "1-1", "a", 1)
    r("XGROUP", "CREATE", "k", "g", "0", "ENTRIESREAD", "-1")
    r("XREADGROUP", "GROUP", "g", "al", "STREAMS", "k", ">")
    assert read(r("DUMP", "k")).version == 10
    active = r.now_ms
    r.advance(ms=5)
    r("XREADGROUP", "GROUP", "g", "al", "STREAMS", "k", ">")
    saved = read(r("DUMP", "k"))
    assert (saved.type, saved.version) == (21, 11)
    assert saved.value["groups"][b"g"]["consumers"][b"al"] == (active + 5, active, [(1, 1)])
    r("XGROUP", "CREATECONSUMER", "k", "g", "never")
    assert read(r("DUMP", "k")).value["groups"][b"g"]["consumers"][b"never"] == (active + 5, -1, [])


def test_a_group_whose_reads_are_unknown_says_so(r):
    saved = dump(r, ("XADD", "k", "1-1", "a", 1), ("XGROUP", "CREATE", "k", "g", "0", "ENTRIESREAD", "-1"))
    assert saved.value["groups"][b"g"]["read"] == 2**64 - 1
