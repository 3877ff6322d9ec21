"""redis-py's own client-side cache: reads answered without a request, until the server says that a key changed.

The word of a change and the reply to who made it go to two sockets; whoever reads in between still sees the old
value, with Redis as well. So a changed value is waited for, and need not be there at once.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import redis
from redis.cache import CacheConfig, CacheKey

from bench import peers


@pytest.fixture
def cached(server: peers.Server) -> Iterator[redis.Redis]:
    with redis.Redis(port=server.port, protocol=3, decode_responses=True, cache_config=CacheConfig()) as client:
        yield client


@pytest.fixture
def other(server: peers.Server) -> Iterator[redis.Redis]:
    with redis.Redis(port=server.port) as client:
        yield client


def reads(other: redis.Redis) -> int:
    """How many GETs the server has run so far."""
    return int(other.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"])


def becomes(read: Callable[[], Any], wanted: Any) -> bool:
    """Does `read` give this within ten seconds?"""
    deadline = time.monotonic() + 10
    while (found := read()) != wanted and time.monotonic() < deadline:
        time.sleep(0.001)
    return bool(found == wanted)


def test_a_second_read_asks_the_server_nothing(cached: redis.Redis, other: redis.Redis) -> None:
    other.set("k", "v")
    before = reads(other)
    assert [cached.get("k") for _ in range(100)] == ["v"] * 100
    assert reads(other) == before + 1
    assert cached.get_cache().size == 1


def test_what_another_client_writes_is_read_anew(cached: redis.Redis, other: redis.Redis) -> None:
    for number in range(50):
        other.set("k", number)
        assert becomes(partial(cached.get, "k"), str(number))
        assert cached.get("k") == str(number)
    other.delete("k")
    assert becomes(partial(cached.get, "k"), None)
    other.set("x", "moved")
    other.rename("x", "k")
    assert becomes(partial(cached.get, "k"), "moved")


def test_every_type_and_every_key_of_a_reply_is_kept_and_told_of(cached: redis.Redis, other: redis.Redis) -> None:
    other.mset({"a": 1, "b": 2})
    other.hset("h", mapping={"f": "x"})
    other.zadd("z", {"m": 1.5})
    other.rpush("l", "e")
    for _ in range(2):
        assert cached.mget("a", "b") == ["1", "2"]
        assert cached.hgetall("h") == {"f": "x"}
        assert cached.zrange("z", 0, -1, withscores=True) == [["m", 1.5]]
        assert cached.lrange("l", 0, -1) == ["e"]
    assert cached.get_cache().size == 4
    other.set("b", 3)
    other.hset("h", "f", "y")
    other.zincrby("z", 1, "m")
    other.rpop("l")
    assert becomes(lambda: cached.mget("a", "b"), ["1", "3"])
    assert becomes(lambda: cached.hgetall("h"), {"f": "y"})
    assert becomes(lambda: cached.zrange("z", 0, -1, withscores=True), [["m", 2.5]])
    assert becomes(lambda: cached.lrange("l", 0, -1), [])


@pytest.mark.parametrize("flush", ["FLUSHALL", "FLUSHDB"])
def test_a_flush_empties_the_cache(cached: redis.Redis, other: redis.Redis, flush: str) -> None:
    other.mset({"a": 1, "b": 2})
    assert (cached.get("a"), cached.get("b")) == ("1", "2")
    other.execute_command(flush)
    assert becomes(lambda: (cached.get("a"), cached.get("b")), (None, None))


def test_a_key_that_expires_leaves_the_cache(cached: redis.Redis, other: redis.Redis) -> None:
    other.set("k", "v", px=100)
    assert cached.get("k") == "v"
    assert becomes(partial(cached.get, "k"), None)       # no request goes out before the message is there


def test_a_cache_of_ten_keeps_the_last_ten(server: peers.Server, other: redis.Redis) -> None:
    other.mset({f"k{number}": number for number in range(30)})
    with redis.Redis(port=server.port, protocol=3, cache_config=CacheConfig(max_size=10)) as client:
        for number in range(30):
            assert client.get(f"k{number}") == b"%d" % number
        kept = client.get_cache()
        assert kept.size == 10
        assert kept.get(CacheKey("GET", ("k29",), ("GET", "k29"))) is not None
        other.set("k29", "new")
        assert becomes(lambda: client.get("k29"), b"new")


def test_clients_share_one_servers_word_each_for_itself(server: peers.Server, other: redis.Redis) -> None:
    clients = [redis.Redis(port=server.port, protocol=3, cache_config=CacheConfig()) for _ in range(5)]
    other.set("k", "old")
    for client in clients:
        assert client.get("k") == b"old"
    clients[0].set("k", "new")
    assert becomes(lambda: [client.get("k") for client in clients], [b"new"] * 5)
    for client in clients:
        client.close()
