"""The order of what is told while one command runs others, or before it is answered, beside a real Redis 8.

Notifications of keys, messages, invalidations and replies: each connection gets the same bytes from both servers.
"""

import pytest

from tests.commands.player import Player
from tests.session import R, encode

TRANSACTION = ["MULTI", "SET k 1", "PUBLISH news 1", "INCR k", "EXPIRE k 100", "PUBLISH news 2", "DEL k", "EXEC"]
SCRIPT = ["""EVAL "redis.call('SET', 'k', 1) redis.call('PUBLISH', 'news', 1) redis.call('INCR', 'k')
           redis.call('PUBLISH', 'news', 2) redis.call('RENAME', 'k', 'l') redis.call('DEL', 'l') return 7" 0"""]
LATE = ["MULTI", "SET k 1", "CONFIG SET notify-keyspace-events KEA", "SET k 2",
        "CONFIG SET notify-keyspace-events ''", "DEL k", "EXEC"]
WITHIN = ["MULTI", "SET k 1", "PSUBSCRIBE *", "SET k 2", "PUNSUBSCRIBE *", "DEL k", "EXEC"]
FAILS = ["MULTI", "SET k 1", "LPUSH k 1", "PUBLISH news 1", "DEL k", "EXEC"]

FLUSHES = {
    "alone": ["GET k", "FLUSHALL", "PING"], "SYNC": ["GET k", "FLUSHALL SYNC"], "ASYNC": ["FLUSHALL ASYNC", "PING"],
    "of a database": ["FLUSHDB", "GET k", "FLUSHDB SYNC"], "lazily": ["FLUSHDB ASYNC"],
    "in a transaction": ["MULTI", "GET k", "FLUSHALL", "SET k 3", "EXEC"],
    "in a script": ["EVAL \"redis.call('FLUSHALL') return 1\" 0"],
    "of nothing": ["FLUSHALL", "FLUSHALL", "PING"]}


@pytest.fixture
def both(peer, server):
    """A player for us and one for Redis, notifications on and nothing stored."""
    players = [Player(server), Player(peer("redis8"))]
    for player in players:
        player.ask("b", "FLUSHALL")
        player.ask("b", "CONFIG SET notify-keyspace-events KEA")
    yield players
    for player in players:
        player.ask("b", "CONFIG SET notify-keyspace-events ''")
        player.close()


@pytest.mark.parametrize("proto", [2, 3])
@pytest.mark.parametrize("commands", [TRANSACTION, SCRIPT, FAILS])
def test_notifications_keep_their_place_among_messages(both, commands, proto):
    heard = []
    for player in both:
        player.ask("c", f"HELLO {proto}")
        player.flow("c", "PSUBSCRIBE *")
        heard.append((player.flow("a", *commands), player.got("c")))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("commands", [LATE, WITHIN])
def test_what_happened_before_somebody_could_hear_is_not_told(both, commands):
    heard = []
    for player in both:
        if commands is LATE:
            player.ask("b", "CONFIG SET notify-keyspace-events ''")
            player.flow("c", "PSUBSCRIBE *")
        player.ask("a", "HELLO 3")
        player.flow("d", "HELLO 3", "CLIENT TRACKING on BCAST")       # so effects are recorded in any case
        heard.append((player.flow("a", *commands), player.got("c")))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("commands", [TRANSACTION, SCRIPT])
def test_who_runs_them_hears_of_all_behind_the_reply(both, commands):
    heard = []
    for player in both:
        player.ask("a", "HELLO 3")
        player.flow("a", "PSUBSCRIBE *")
        heard.append(player.flow("a", *commands))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("options", ["", "NOLOOP", "BCAST"])
@pytest.mark.parametrize("commands", FLUSHES.values(), ids=list(FLUSHES))
def test_a_flush_is_told_to_its_client_where_redis_tells_it(both, commands, options):
    heard = []
    for player in both:
        player.ask("b", "CONFIG SET notify-keyspace-events ''")
        player.ask("a", "HELLO 3")
        player.flow("a", "SET k 1", f"CLIENT TRACKING on {options}", "GET k")
        heard.append(player.flow("a", *commands))
    assert heard[0] == heard[1]


def test_a_flush_is_told_behind_a_reply_that_is_not_sent(r):
    r("HELLO", 3)
    r("CLIENT", "TRACKING", "ON")
    r.feed(encode("CLIENT", "REPLY", "SKIP") + encode("GET", "k"))
    assert r.feed(encode("CLIENT", "REPLY", "SKIP") + encode("FLUSHALL") + encode("PING")) == [
        [b"invalidate", None], "PONG"]


def test_what_a_transaction_did_is_propagated_as_one_though_it_is_told_one_by_one(r):
    heard = R(r.server)
    heard.feed(encode("PSUBSCRIBE", "*"))
    r("CONFIG", "SET", "notify-keyspace-events", "EA")
    r("MULTI")
    r("SET", "a", "1")
    r("PUBLISH", "news", "x")
    r("DEL", "a")
    r("EXEC")
    assert [channel for *_, channel, _ in heard.taken()] == [
        b"__keyevent@0__:set", b"news", b"__keyevent@0__:del"]
    assert r.propagated == [[b"MULTI"], [b"SET", b"a", b"1"], [b"DEL", b"a"], [b"EXEC"]]
