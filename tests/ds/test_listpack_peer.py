"""Our listpacks against those of a real server, byte for byte: out of the DUMP of a hash."""

import random

import pytest
from _pyredis.ds.listpack_testing import BareListpack, import_listpack

from tests.ds.test_listpack import BOUNDARIES, LENGTHS, NOT_INTEGERS, text

CONFIG = ("--rdbcompression", "no", "--hash-max-listpack-value", "1000000", "--hash-max-listpack-entries", "100000")
HASH_LISTPACK = 16                                   # the type's number in an RDB


def dumped(server, pairs):
    """The listpack in the server's DUMP of a hash."""
    server.call("DEL", "h")
    for field, value in pairs:
        server.call("HSET", "h", field, value)
    payload = server.call("DUMP", "h")
    assert payload[0] == HASH_LISTPACK
    length = payload[1]
    start = 2 if length < 64 else 3 if length < 128 else 6
    return payload[start:-10]


def batches():
    """Listpacks of every form, a few elements each, with the pairs they are made of."""
    values = [b"%d" % v for v in BOUNDARIES] + [text(n) for n in LENGTHS] + NOT_INTEGERS
    values += [text(n) for n in range(16370, 16390)] + [text(n) for n in range(120, 130)]
    random.Random(3).shuffle(values)
    for start in range(0, len(values), 5):
        lp = BareListpack()
        pairs = [(b"f%d" % i, v) for i, v in enumerate(values[start:start + 5])]
        for pair in pairs:
            lp.append(pair[0])
            lp.append(pair[1])
        yield pairs, lp


def test_every_form_has_the_bytes_that_redis_writes(peer):
    server = peer("redis8", *CONFIG)
    for pairs, lp in batches():
        assert dumped(server, pairs) == lp.image


@pytest.mark.parametrize("name", ["redis8", "valkey9"])
def test_what_a_real_server_wrote_is_imported(peer, name):
    server = peer(name, *CONFIG)
    for pairs, lp in batches():
        mine = import_listpack(dumped(server, pairs))
        assert (mine.image, mine.check()) == (lp.image, 0)
