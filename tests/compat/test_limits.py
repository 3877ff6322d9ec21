"""limits, the library that counts requests: each of its strategies, whose Lua scripts run in the server."""

import threading
import time
from collections.abc import Iterator

import pytest
from limits import RateLimitItemPerHour, RateLimitItemPerSecond, parse
from limits.storage import RedisStorage, storage_from_string
from limits.strategies import (
    FixedWindowRateLimiter,
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)

from bench import peers

STRATEGIES = [FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter]


@pytest.fixture
def storage(server: peers.Server) -> Iterator[RedisStorage]:
    made = storage_from_string(f"redis://127.0.0.1:{server.port}")
    assert isinstance(made, RedisStorage) and made.check()
    yield made
    made.storage.close()


@pytest.fixture(params=STRATEGIES)
def limiter(request: pytest.FixtureRequest, storage: RedisStorage) -> RateLimiter:
    return request.param(storage)


def test_hits_count_until_the_limit_is_reached(limiter: RateLimiter) -> None:
    five = parse("5/hour")
    assert [limiter.hit(five, "user") for _ in range(8)] == [True] * 5 + [False] * 3
    assert not limiter.test(five, "user")
    assert limiter.test(five, "somebody else")
    assert limiter.hit(five, "somebody else")


def test_window_stats_tell_what_remains_and_when_it_ends(limiter: RateLimiter) -> None:
    ten = RateLimitItemPerHour(10)
    assert limiter.get_window_stats(ten, "user").remaining == 10
    for used in range(1, 5):
        assert limiter.hit(ten, "user")
        assert limiter.get_window_stats(ten, "user").remaining == 10 - used
    # a whole window left, modulo the window, is 0 to the sliding counter: it may say that the end is now
    assert -1 < limiter.get_window_stats(ten, "user").reset_time - time.time() <= 3601


def test_a_hit_may_cost_more_than_one(limiter: RateLimiter) -> None:
    ten = RateLimitItemPerHour(10)
    assert limiter.hit(ten, "user", cost=7)
    assert limiter.test(ten, "user", cost=3) and not limiter.test(ten, "user", cost=4)
    assert not limiter.hit(ten, "user", cost=4)


def test_clearing_gives_the_whole_limit_back(limiter: RateLimiter) -> None:
    two = RateLimitItemPerHour(2)
    assert [limiter.hit(two, "user") for _ in range(3)] == [True, True, False]
    limiter.clear(two, "user")
    assert limiter.get_window_stats(two, "user").remaining == 2
    assert limiter.hit(two, "user")


def test_a_window_that_has_passed_lets_hits_in_again(limiter: RateLimiter) -> None:
    three = RateLimitItemPerSecond(3)
    let_in = refused = 0
    deadline = time.monotonic() + 10
    while let_in < 4:                                   # one more than a window holds
        assert time.monotonic() < deadline
        if limiter.hit(three, "user"):
            let_in += 1
        else:
            refused += 1
            time.sleep(0.02)
    assert refused


def test_reset_forgets_every_limit_and_no_other_key(storage: RedisStorage, server: peers.Server) -> None:
    server.call("SET", "mine", "v")
    limiter = FixedWindowRateLimiter(storage)
    for number in range(100):
        assert limiter.hit(RateLimitItemPerHour(1), str(number))
    assert storage.reset() == 100
    assert limiter.hit(RateLimitItemPerHour(1), "7")
    assert server.call("GET", "mine") == b"v"


def test_threads_are_never_let_in_above_the_limit(limiter: RateLimiter) -> None:
    fifty = RateLimitItemPerHour(50)
    let_in: list[bool] = []

    def hit() -> None:
        let_in.extend([limiter.hit(fifty, "user") for _ in range(25)])

    threads = [threading.Thread(target=hit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(let_in), sum(let_in)) == (200, 50)


def test_scripts_that_were_flushed_are_loaded_again(limiter: RateLimiter, server: peers.Server) -> None:
    three = RateLimitItemPerHour(3)
    for left in (True, True, True, False):
        server.call("SCRIPT", "FLUSH")
        assert limiter.hit(three, "user") is left
