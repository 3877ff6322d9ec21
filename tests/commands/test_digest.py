"""DEBUG DIGEST and DIGEST-VALUE: the very numbers of the real servers."""

import random

import pytest

from tests.session import R

ZEROS = "0" * 40
TYPES = ["string", "list", "set", "zset", "hash", "stream"]


@pytest.fixture
def r():
    return R(**{"enable-debug-command": "yes"})


def fill(call, kind, key, n, chance):
    """A key with n random members, of which some are numbers."""
    words = [chance.choice([b"%d" % chance.randrange(-10**6, 10**6), chance.randbytes(chance.randrange(100))])
             for _ in range(n)]
    if kind == "string":
        call("SET", key, chance.choice([b"", b"12", b"012", b"x" * 5000, words[0]]))
    elif kind == "list":
        call("RPUSH", key, *words)
    elif kind == "set":
        call("SADD", key, *words)
    elif kind == "zset":
        scores = [chance.choice(["inf", "-inf", "1e30", "0.1", "1152921504606846976", str(chance.gauss(0, 9))])
                  for _ in words]
        call("ZADD", key, *(word for pair in zip(scores, words, strict=True) for word in pair))
    elif kind == "stream":
        for i, word in enumerate(words):
            call("XADD", key, f"{i // 3}-{i % 3 + 1}", word, i, *([word, b"12"] if i % 7 == 0 else []))
        call("XDEL", key, "1-2")
        call("XGROUP", "CREATE", key, "group", 0)
    else:
        call("HSET", key, *(word for pair in zip(words, words[::-1], strict=True) for word in pair))


def test_known_digests_of_redis(r):
    assert r("DEBUG", "DIGEST") == ZEROS
    r("RPUSH", "l", 1, 2, 3)
    assert r("DEBUG", "DIGEST-VALUE", "l", "none") == ["4ee6e075f07dc1413244a0d85654cd725e5ce13d", ZEROS]
    assert r("DEBUG", "DIGEST-VALUE") == []


@pytest.mark.peer
@pytest.mark.parametrize("name", ["redis8", "valkey9"])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("n", [1, 20, 700])
def test_a_value_has_the_digest_of_a_real_server_in_every_form(r, peer, name, kind, n):
    server = peer(name, "--enable-debug-command", "yes")
    server.call("FLUSHALL")
    for call in (r, server.call):
        fill(call, kind, "k", n, random.Random(n))
    keys = ["k", "e"]
    for expires in (False, True):
        ours = r("DEBUG", "DIGEST-VALUE", *keys), r("DEBUG", "DIGEST")
        assert ours == (server.call("DEBUG", "DIGEST-VALUE", *keys), server.call("DEBUG", "DIGEST"))
        if not expires:
            for call in (r, server.call):
                call("COPY", "k", "e")
                call("EXPIRE", "e", 1000)


@pytest.mark.peer
def test_all_data_have_the_digest_of_redis(r, peer):
    server = peer("redis8", "--enable-debug-command", "yes")
    server.call("FLUSHALL")
    for call in (r, server.call):
        chance = random.Random(9)
        for db in (0, 3, 15):
            call("SELECT", db)
            for kind in TYPES:
                for i in range(5):
                    fill(call, kind, f"{kind}:{i}", chance.randrange(1, 200), chance)
            call("HSET", "timed", "f", "v", "g", "w")
            call("HPEXPIRE", "timed", 100_000, "FIELDS", 1, "f")
            call("HSET", "many timed", *range(2000))
            call("HPEXPIRE", "many timed", 100_000, "FIELDS", 2, "0", "2")
        call("SELECT", 0)
    assert r("DEBUG", "DIGEST") == server.call("DEBUG", "DIGEST")
    timed = ["DEBUG", "DIGEST-VALUE", "timed", "many timed"]
    assert r(*timed) == server.call(*timed)


@pytest.mark.parametrize("kind", ["set", "zset", "hash"])
def test_the_order_in_which_members_came_does_not_count(r, kind):
    command, words_of = {"set": ("SADD", lambda m: [m]), "zset": ("ZADD", lambda m: ["1", m]),
                         "hash": ("HSET", lambda m: [m, "1"])}[kind]
    members = [f"m{i}" for i in range(300)]
    for key, order in (("a", members), ("b", members[::-1])):
        r(command, key, *(word for m in order for word in words_of(m)))
    a, b = r("DEBUG", "DIGEST-VALUE", "a", "b")
    assert a == b != ZEROS


def test_a_list_in_another_order_has_another_digest(r):
    r("RPUSH", "a", 1, 2)
    r("RPUSH", "b", 2, 1)
    a, b = r("DEBUG", "DIGEST-VALUE", "a", "b")
    assert a != b
