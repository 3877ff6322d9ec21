"""Values out of an RDB: each type, by hand and by files of real servers, from memory and from a stream."""

import base64
import json
import random
import struct

import pytest
from _pyredis.rdb.source_testing import BadValue, BareLoad

from tests.rdb import rdbfile as rdb
from tests.rdb.held import FIXTURES, SERVERS, decoded

PIECES = [0, 7, 1 << 20]
TOO_LATE = 2**48 - 1
AT = 4_000_000_000_000


def load(body, **options):
    """(encoding, elements), the same from memory and from streams."""
    limits = {name: options.pop(name) for name in list(options) if name != "version"}
    found = []
    for piece in PIECES:
        loader = BareLoad()
        loader.set_limits(**limits)
        found.append(loader.load(body, piece=piece, **options))
    assert found[1:] == found[:-1]
    return found[0]


def refused(body, **options):
    """The reason."""
    reasons = set()
    for piece in PIECES:
        with pytest.raises(BadValue) as caught:
            BareLoad().load(body, piece=piece, **options)
        reasons.add((caught.value.args[0], caught.value.args[2]))
    assert len(reasons) == 1
    return reasons.pop()


def kind(number, *parts):
    return bytes([number]) + b"".join(parts)


def packed(number, *values):
    return kind(number, rdb.string(rdb.listpack(*values)))


# ---------------------------------------------------------------- by hand

@pytest.mark.parametrize(("value", "encoding"), [
    (b"", "embstr"), (b"12", "int"), (b"-9223372036854775808", "int"), (b"012", "embstr"), (b"x" * 44, "embstr"),
    (b"x" * 45, "raw"), (b"x" * 100_000, "raw")])
def test_a_string_has_the_encoding_that_set_would_give(value, encoding):
    assert load(kind(rdb.STRING, rdb.string(value))) == (encoding, value)


def test_lists_of_every_type():
    values = [b"a", b"12", b"x" * 100]
    numbers = [b"a", 12, b"x" * 100]
    for body in [kind(rdb.LIST, rdb.length(3), rdb.strings(*values)),
                 kind(rdb.LIST_ZIPLIST, rdb.string(rdb.ziplist(*numbers))),
                 kind(rdb.QUICKLIST, rdb.length(2), rdb.strings(rdb.ziplist(*numbers), rdb.ziplist())),
                 kind(rdb.QUICKLIST_2, rdb.length(2), b"\2", rdb.string(rdb.listpack()), b"\2",
                      rdb.string(rdb.listpack(*numbers)))]:
        assert load(body) == ("listpack", values)
        assert load(body, list_size=2)[0] == "quicklist"
    nodes = kind(rdb.QUICKLIST_2, rdb.length(2), b"\2", rdb.string(rdb.listpack(*numbers)),
                 b"\1", rdb.string(b"p" * 9000))
    assert load(nodes) == ("quicklist", [*values, b"p" * 9000])


def test_sets_of_every_type_and_their_limits():
    members = [b"a", b"7", b"c"]
    for body in (kind(rdb.SET, rdb.length(3), rdb.strings(*members)), packed(rdb.SET_LISTPACK, b"a", 7, b"c")):
        assert load(body)[0] == "listpack"
        encoding, found = load(body, set_entries=2)
        assert (encoding, sorted(found)) == ("hashtable", sorted(members))
    numbers = kind(rdb.INTSET, rdb.string(rdb.intset(-5, 1, 300)))
    assert load(numbers) == ("intset", [b"-5", b"1", b"300"])
    assert load(numbers, set_ints=2)[0] == "hashtable"
    assert load(kind(rdb.SET, rdb.length(2), rdb.strings(b"3", b"1")))[0] == "intset"
    assert load(kind(rdb.SET, rdb.length(600), rdb.strings(*map(b"%d".__mod__, range(600)))))[0] == "hashtable"
    assert load(packed(rdb.SET_LISTPACK, *range(200)))[0] == "hashtable"


def test_sorted_sets_of_every_type_and_their_limits():
    members = [(b"d", float("-inf")), (b"a", -1.0), (b"8", 0.5), (b"b", 0.5), (b"c", float("inf"))]
    mixed = [members[i] for i in (3, 1, 4, 0, 2)]
    old = b"".join(rdb.string(m) + {float("inf"): b"\xfe", float("-inf"): b"\xff"}.get(s, rdb.string(b"%g" % s))
                   for m, s in mixed)
    new = b"".join(rdb.string(m) + struct.pack("<d", s) for m, s in mixed)
    small = [b"d", b"-inf", b"a", -1, 8, b"0.5", b"b", b"0.50000000000000000", b"c", b"inf"]
    for body in [kind(rdb.ZSET, rdb.length(5), old), kind(rdb.ZSET_2, rdb.length(5), new),
                 packed(rdb.ZSET_LISTPACK, *small), kind(rdb.ZSET_ZIPLIST, rdb.string(rdb.ziplist(*small)))]:
        assert load(body) == ("listpack", members)
        assert load(body, zset_entries=4) == ("skiplist", members)


def test_hashes_without_expiries_of_every_type_and_their_limits():
    words = [b"a", b"1", b"b", b"x", b"", b""]
    fields = [(b"", b"", 0), (b"a", b"1", 0), (b"b", b"x", 0)]
    for body in [kind(rdb.HASH, rdb.length(3), rdb.strings(*words)), packed(rdb.HASH_LISTPACK, b"a", 1, *words[2:]),
                 kind(rdb.HASH_ZIPLIST, rdb.string(rdb.ziplist(b"a", 1, *words[2:]))),
                 kind(rdb.ZIPMAP, rdb.string(rdb.zipmap(*words, free=1)))]:
        for options, encoding in (({}, "listpack"), ({"hash_entries": 2}, "hashtable")):
            found = load(body, **options)
            assert (found[0], sorted(found[1])) == (encoding, fields)
    assert load(kind(rdb.ZIPMAP, rdb.string(rdb.zipmap(b"a", b"x" * 65))))[0] == "hashtable"
    assert load(packed(rdb.HASH_LISTPACK, b"a", b"x" * 65))[0] == "listpack"       # as it came, as in Redis


def test_hashes_with_expiries_of_every_type():
    fields = [(b"b", b"2", AT), (b"c", b"3", AT + 5), (b"a", b"1", 0)]
    words = {name: rdb.strings(name, value) for name, value, _ in fields}
    relative = rdb.length(0) + words[b"a"] + rdb.length(6) + words[b"c"] + rdb.length(1) + words[b"b"]
    absolute = rdb.length(0) + words[b"a"] + rdb.length(AT + 5) + words[b"c"] + rdb.length(AT) + words[b"b"]
    behind = words[b"a"] + rdb.ms(-1) + words[b"c"] + rdb.ms(AT + 5) + words[b"b"] + rdb.ms(AT)
    triples = rdb.string(rdb.listpack(b"b", 2, AT, b"c", 3, AT + 5, b"a", 1, 0))
    for body, version in [(kind(rdb.METADATA, rdb.ms(AT), rdb.length(3), relative), 12),
                          (kind(rdb.METADATA_PRE_GA, rdb.length(3), absolute), 12),
                          (kind(rdb.HASH_2, rdb.length(3), behind), 80),
                          (kind(rdb.LISTPACK_EX_PRE_GA, triples), 12),
                          (kind(rdb.LISTPACK_EX, rdb.ms(AT), triples), 12)]:
        assert load(body, version=version) == ("listpackex", fields)
        encoding, found = load(body, version=version, hash_entries=2)
        assert (encoding, sorted(found)) == ("hashtable", sorted(fields))


def test_a_field_whose_time_has_passed_is_loaded_all_the_same():
    body = kind(rdb.HASH_2, rdb.length(2), rdb.strings(b"a", b"b"), rdb.ms(0), rdb.strings(b"c", b"d"), rdb.ms(2**62))
    assert load(body, version=80)[1] == [(b"a", b"b", 1), (b"c", b"d", 2**48 - 2)]


NODE = [2, 1, 1, b"f", 0, 2, 0, 0, b"v", 4, 3, 0, 1, b"gone", 4, 0, 1, -1, 2, b"f", b"w", b"g", 7, 8]
ENTRIES = [((5, 1), [(b"f", b"v")]), ((6, 0), [(b"f", b"w"), (b"g", b"7")])]


def stream(number, node=NODE, length=2, last=(6, 0), added=3, groups=b"\0", master=(5, 1)):
    body = kind(number, rdb.length(1), rdb.string(rdb.stream_id(*master)), rdb.string(rdb.listpack(*node)),
                *map(rdb.length, [length, *last]))
    if number != rdb.STREAM:
        body += b"".join(map(rdb.length, [0, 0, 5, 2, added]))
    return body + groups


def group(number, pending=((5, 1),), owned=((5, 1),), name=b"g", reads=1, consumers=(b"c",)):
    at = rdb.ms(1000) + (rdb.ms(900) if number == rdb.STREAM_3 else b"")
    return b"".join([rdb.string(name), rdb.length(5), rdb.length(1), b"" if number == rdb.STREAM else rdb.length(reads),
                     rdb.length(len(pending)), *(rdb.stream_id(*i) + rdb.ms(800) + rdb.length(3) for i in pending),
                     rdb.length(len(consumers)),
                     *(rdb.string(c) + at + rdb.length(len(owned)) + b"".join(rdb.stream_id(*i) for i in owned)
                       for c in consumers)])


@pytest.mark.parametrize("number", [rdb.STREAM, rdb.STREAM_2, rdb.STREAM_3])
def test_streams_of_every_version(number):
    active = 900 if number == rdb.STREAM_3 else 1000
    added, reads = (2, 1) if number == rdb.STREAM else (3, 1)
    found = load(stream(number, groups=rdb.length(1) + group(number)))
    assert found == ("stream", (ENTRIES, [(b"g", (5, 1), reads, 1, [(b"c", 1000, active, 1)])], added, (6, 0)))


def test_a_stream_may_be_empty():
    body = kind(rdb.STREAM_3, *map(rdb.length, [0, 0, 9, 9, 0, 0, 9, 9, 4, 0]))
    assert load(body) == ("stream", ([], [], 4, (9, 9)))


# ---------------------------------------------------------------- what is refused

@pytest.mark.parametrize("body", [
    kind(rdb.LIST, rdb.length(0)), kind(rdb.SET, rdb.length(0)), kind(rdb.ZSET, rdb.length(0)),
    kind(rdb.ZSET_2, rdb.length(0)), kind(rdb.HASH, rdb.length(0)), kind(rdb.QUICKLIST, rdb.length(0)),
    kind(rdb.QUICKLIST_2, rdb.length(0)), kind(rdb.LIST_ZIPLIST, rdb.string(rdb.ziplist())),
    kind(rdb.QUICKLIST_2, rdb.length(1), b"\2", rdb.string(rdb.listpack())), packed(rdb.SET_LISTPACK),
    packed(rdb.ZSET_LISTPACK), packed(rdb.HASH_LISTPACK), kind(rdb.HASH_ZIPLIST, rdb.string(rdb.ziplist())),
    kind(rdb.ZIPMAP, rdb.string(rdb.zipmap())), kind(rdb.METADATA, rdb.ms(AT), rdb.length(0)),
    kind(rdb.LISTPACK_EX, rdb.ms(AT), rdb.string(rdb.listpack()))])
def test_a_collection_without_elements_is_told_from_a_broken_one(body):
    assert refused(body) == ("a collection is empty", True)


@pytest.mark.parametrize(("body", "reason"), [
    (kind(rdb.SET, rdb.length(3), rdb.strings(b"a", b"b", b"a")), "a member is there twice"),
    (kind(rdb.SET, rdb.length(2), rdb.strings(b"1", b"1")), "a member is there twice"),
    (packed(rdb.SET_LISTPACK, b"a", 1, b"a"), "a member is there twice"),
    (packed(rdb.SET_LISTPACK, 1, b"1"), "a member is there twice"),
    (kind(rdb.INTSET, rdb.string(rdb.intset(3, 1))), "a set of numbers is broken"),
    (kind(rdb.HASH, rdb.length(2), rdb.strings(b"a", b"b", b"a", b"b")), "a field is there twice"),
    (packed(rdb.HASH_LISTPACK, b"a", 1, b"a", 2), "a member is there twice"),
    (packed(rdb.HASH_LISTPACK, b"a", 1, b"b"), "a compact form ends within an item"),
    (packed(rdb.ZSET_LISTPACK, b"a", 2, b"b", 1), "a sorted set is not in order"),
    (packed(rdb.ZSET_LISTPACK, b"b", 1, b"a", 1), "a sorted set is not in order"),
    (packed(rdb.ZSET_LISTPACK, b"a", b"nan"), "a sorted set is not in order"),
    (packed(rdb.ZSET_LISTPACK, b"a", b"text"), "a sorted set is not in order"),
    (kind(rdb.ZSET_2, rdb.length(1), rdb.string(b"a"), struct.pack("<d", float("nan"))), "a score is not a number"),
    (kind(rdb.ZSET, rdb.length(1), rdb.string(b"a"), b"\xfd"), "a score is not a number"),
    (kind(rdb.ZSET_2, rdb.length(2), (rdb.string(b"a") + bytes(8)) * 2), "a member is there twice"),
    (packed(rdb.LISTPACK_EX_PRE_GA, b"a", 1, 0, b"b", 2, AT), "the expiries of a hash are not in order"),
    (packed(rdb.LISTPACK_EX_PRE_GA, b"a", 1, AT, b"b", 2, AT - 1), "the expiries of a hash are not in order"),
    (packed(rdb.LISTPACK_EX_PRE_GA, b"a", 1, -1), "the expiries of a hash are not in order"),
    (packed(rdb.LISTPACK_EX_PRE_GA, b"a", 1, b"x"), "the expiries of a hash are not in order"),
    (packed(rdb.LISTPACK_EX_PRE_GA, b"a", 1, TOO_LATE), "the expiries of a hash are not in order"),
    (kind(rdb.METADATA, rdb.ms(-1), rdb.length(1)), "a hash has an expiry that cannot be"),
    (kind(rdb.METADATA, rdb.ms(AT), rdb.length(1), rdb.length(2**64 - 1), rdb.strings(b"a", b"b")),
     "a field has an expiry that cannot be"),
    (kind(rdb.QUICKLIST_2, rdb.length(1), b"\3", rdb.string(rdb.listpack(1))),
     "a node of a list is of an unknown kind"),
    (kind(rdb.QUICKLIST_2, rdb.length(1), b"\2", rdb.string(b"no listpack")), "a node of a list is broken"),
    (kind(rdb.QUICKLIST_2, rdb.length(1), b"\1", rdb.string(b"")), "a node of a list is empty"),
    (kind(rdb.QUICKLIST, rdb.length(1), rdb.string(rdb.listpack(1))), "a node of a list is broken"),
    (kind(rdb.SET_LISTPACK, rdb.string(b"no listpack")), "a compact form is broken"),
    (kind(6), "a value belongs to a module, and there are no modules"),
    (kind(7, rdb.length(5)), "a value belongs to a module, and there are no modules"),
    (kind(8), "a value has an unknown type"), (kind(26), "a value has an unknown type"),
    (kind(255), "a value has an unknown type")])
def test_what_cannot_be_is_refused_and_says_why(body, reason):
    assert refused(body) == (reason, False)


def changed(at, *values):
    return NODE[:at] + list(values) + NODE[at + len(values):]


@pytest.mark.parametrize(("options", "reason"), [
    ({"node": changed(0, 3)}, "the entries of a stream are broken"),          # its own count
    ({"node": changed(1, 0)}, "the entries of a stream are broken"),
    ({"node": changed(2, 9)}, "the entries of a stream are broken"),          # names past the end
    ({"node": changed(2, -1)}, "the entries of a stream are broken"),
    ({"node": changed(2, 2**62)}, "the entries of a stream are broken"),
    ({"node": changed(4, 1)}, "the entries of a stream are broken"),          # the end of the master entry
    ({"node": changed(5, 6)}, "the entries of a stream are broken"),          # an unknown flag
    ({"node": changed(5, b"x")}, "the entries of a stream are broken"),
    ({"node": changed(9, 5)}, "the entries of a stream are broken"),          # an entry's own length
    ({"node": changed(12, 0)}, "the entries of a stream are broken"),         # IDs that do not ascend
    ({"node": changed(6, -1)}, "the entries of a stream are broken"),         # below the master ID
    ({"node": changed(18, 2**62)}, "the entries of a stream are broken"),
    ({"node": changed(18, -1)}, "the entries of a stream are broken"),
    ({"node": NODE[:-1]}, "the entries of a stream are broken"),
    ({"node": []}, "the entries of a stream are broken"),
    ({"node": [0, 0, 1, b"f", 0], "length": 0}, "the entries of a stream are broken"),
    ({"master": (0, 0), "node": [1, 0, 1, b"f", 0, 2, 0, 0, b"v", 4], "length": 1},
     "the entries of a stream are broken"),
    ({"length": 3}, "a stream has a wrong length"), ({"added": 1}, "a stream has a wrong length"),
    ({"last": (5, 9)}, "a stream ends before its last entry")])
def test_a_stream_of_broken_entries_is_refused(options, reason):
    assert refused(stream(rdb.STREAM_3, **options)) == (reason, False)


@pytest.mark.parametrize(("options", "reason"), [
    ({"owned": ()}, "an entry is pending with nobody"),
    ({"pending": ()}, "an entry is pending with a consumer alone, or with two"),
    ({"pending": ((5, 1), (5, 1))}, "an entry is pending twice"),
    ({"owned": ((5, 1), (5, 1))}, "an entry is pending with a consumer alone, or with two"),
    ({"consumers": (b"c", b"d")}, "an entry is pending with a consumer alone, or with two"),
    ({"consumers": (b"c", b"c"), "owned": ()}, "a consumer is there twice"),
    ({"reads": 2**64 - 2}, "a group has read less than nothing")])
def test_a_group_that_does_not_agree_with_itself_is_refused(options, reason):
    number = rdb.STREAM_3
    assert refused(stream(number, groups=rdb.length(1) + group(number, **options))) == (reason, False)


def test_a_group_that_is_there_twice_is_refused():
    groups = rdb.length(2) + 2 * group(rdb.STREAM_3)
    assert refused(stream(rdb.STREAM_3, groups=groups)) == ("a group is there twice", False)


def test_nodes_of_a_stream_that_do_not_ascend_are_refused():
    node = rdb.string(rdb.stream_id(5, 1)) + rdb.string(rdb.listpack(*NODE))
    body = kind(rdb.STREAM, rdb.length(2), node, node, *map(rdb.length, [4, 6, 0, 0]))
    assert refused(body) == ("the entries of a stream are broken", False)


@pytest.mark.parametrize("number", [n for n in range(1, 26) if n not in (6, 7, 8)])
def test_a_claimed_number_of_things_costs_nothing_until_they_come(number):
    for start in (rdb.length(2**64 - 1), rdb.length(2**32 - 1), rdb.ms(AT) + rdb.length(2**60)):
        assert refused(kind(number, start, rdb.strings(b"abcdefgh")))[0]


# ---------------------------------------------------------------- files of real servers

@pytest.mark.parametrize("server", SERVERS)
def test_a_file_of_a_real_server_gives_what_that_server_held(server):
    walk = rdb.Walk((FIXTURES / server / "dump.rdb").read_bytes())
    held = json.loads((FIXTURES / server / "expected.json").read_text())
    seen = 0
    for value in walk.values():
        expected = held[str(value.db)][base64.b64encode(value.key).decode()]
        _, found = load(value.body, version=walk.version)
        if expected["type"] == "stream":
            ms, seq = map(int, expected["last_id"].split("-"))
            assert found[3] == (ms, seq)
            assert [g[0] for g in found[1]] == [g["name"].encode() for g in expected["groups"]]
            found = found[0]
        elif expected["type"] in ("set", "zset", "hash"):
            found = sorted(found)
        assert found == decoded(expected), value.key
        assert value.expiry == expected.get("pexpireat")
        seen += 1
    assert seen == sum(map(len, held.values()))


@pytest.mark.parametrize("server", SERVERS)
def test_no_part_of_a_value_is_a_value(server):
    """Of a string alone a part may be one, of digits say; the loader itself looks for what else could go wrong."""
    chance = random.Random(server)
    loader = BareLoad()
    walk = rdb.Walk((FIXTURES / server / "dump.rdb").read_bytes())
    for value in walk.values():
        for n in {chance.randrange(1, len(value.body)) for _ in range(20)}:
            for piece in (0, 100):
                with pytest.raises(BadValue):
                    loader.load(value.body[:n], version=walk.version, piece=piece)
