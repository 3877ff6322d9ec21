"""maxmemory: which keys are given up, when, and who is told."""

import os
import random

import _pyredis.figures as figures
import pytest
from _pyredis import aof, eviction

from tests.pairs import Pairs
from tests.session import Effect, R, encode, raises_reply

VALUE = "x" * 100
POLICIES = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random",
            "volatile-ttl"]


def used(r):
    return figures.memory(r.server.core)["used"]


def evicted(r):
    return figures.stats(r.server.core)["evicted"]


def server(policy, **config):
    return R(**{"maxmemory_policy": policy, "maxmemory_samples": 64, **config})


def too_little_room(r):
    """The limit is passed by a byte: the next moment, or command, gives up a key."""
    r.server.core.set_memory_limit(used(r) - 1)


def give_up(r, count):
    """Gives up so many keys."""
    until = evicted(r) + count
    while evicted(r) < until:
        too_little_room(r)
        r.cycle()
    r.server.core.set_memory_limit(0)


def fill(r, count, first=0, *options):
    for n in range(first, first + count):
        r("SET", f"key:{n}", VALUE, *options)


def left(r, count):
    return [n for n in range(count) if r("EXISTS", f"key:{n}")]


@pytest.mark.parametrize("policy", POLICIES)
def test_memory_passes_the_limit_by_no_more_than_a_command(policy):
    r = server(policy, maxmemory_samples=5)
    r("PING")
    limit = used(r) + (128 << 10)
    r("CONFIG", "SET", "maxmemory", limit)
    for n in range(2000):
        r("SET", f"key:{n}", VALUE, "EX", 1000)
        assert used(r) <= limit + 1000
    left_over = r("DBSIZE")
    assert evicted(r) == 2000 - left_over > 500


def test_what_was_not_used_for_longest_goes_first():
    r = server("allkeys-lru")
    fill(r, 50)
    r.advance(ms=5000)
    fill(r, 50, 50)
    r("GET", "key:7")
    r("TOUCH", "key:8")
    r.advance(ms=5000)
    give_up(r, 48)
    assert left(r, 100) == [7, 8, *range(50, 100)]


def test_what_was_used_since_it_was_seen_is_not_given_up_for_what_it_was():
    r = server("allkeys-lru")
    fill(r, 20)
    r.advance(ms=5000)
    give_up(r, 2)
    used_again, rest = left(r, 20)[:12], left(r, 20)[12:]       # some of these were seen already
    for n in used_again:
        r("GET", f"key:{n}")
    r.advance(ms=1000)
    give_up(r, len(rest))
    assert left(r, 20) == used_again


def test_what_was_used_seldom_goes_first():
    r = server("allkeys-lfu")
    fill(r, 60)
    for _ in range(20):
        for n in range(30):
            r("GET", f"key:{n}")
    give_up(r, 30)
    assert left(r, 60) == list(range(30))


def test_what_ends_soonest_goes_first():
    r = server("volatile-ttl")
    order = list(range(60))
    random.Random(1).shuffle(order)
    for n in order:
        r("SET", f"key:{n}", VALUE, "EX", 100 + n)
    r("SET", "lasting", VALUE)
    give_up(r, 45)
    assert left(r, 60) == list(range(45, 60)) and r("EXISTS", "lasting")


def test_a_key_whose_expiry_moved_since_it_was_seen_is_not_given_up_for_what_it_was():
    r = server("volatile-ttl")
    for n in range(20):
        r("SET", f"key:{n}", VALUE, "EX", 100 + n)
    give_up(r, 2)
    r("EXPIRE", "key:2", 1000)
    r("PERSIST", "key:3")
    give_up(r, 16)
    assert left(r, 20) == [2, 3]


@pytest.mark.parametrize("policy", [p for p in POLICIES if p.startswith("volatile")])
def test_volatile_policies_spare_keys_without_an_expiry_and_refuse_writes_when_nothing_else_is_left(policy):
    r = server(policy)
    fill(r, 20)
    fill(r, 20, 20, "EX", 1000)
    give_up(r, 20)
    assert left(r, 40) == list(range(20))
    too_little_room(r)
    with raises_reply("OOM command not allowed when used memory > 'maxmemory'."):
        r("APPEND", "key:0", VALUE)
    assert r("GET", "key:1") == VALUE.encode() and r("DEL", "key:1") == 1


def test_every_database_gives_up_keys():
    r = server("allkeys-random")
    fill(r, 100)
    r("SELECT", 3)
    fill(r, 100)
    give_up(r, 100)
    here = r("DBSIZE")
    r("SELECT", 0)
    assert (here, r("DBSIZE")) == (50, 50)


@pytest.mark.parametrize(("lazily", "word"), [(False, b"DEL"), (True, b"UNLINK")])
def test_a_key_given_up_is_told_as_evicted_and_propagated_before_the_command(lazily, word):
    r = server("allkeys-lru", lazyfree_lazy_eviction=lazily)
    r("SET", "old", VALUE * 20)
    too_little_room(r)
    r("SET", "b", 2)
    assert r.effects == [Effect("evicted", b"old", 0), Effect("set", b"b", 1)]
    assert r.propagated == [[word, b"old"], [b"SET", b"b", b"2"]]


def test_who_subscribed_to_events_hears_of_it():
    r = server("allkeys-lru")
    r("CONFIG", "SET", "notify-keyspace-events", "Ee")
    listener = R(r.server)
    listener("SUBSCRIBE", "__keyevent@0__:evicted")
    r("SET", "old", VALUE)
    give_up(r, 1)
    assert listener.taken() == [[b"message", b"__keyevent@0__:evicted", b"old"]]


def test_telling_many_of_a_key_that_is_given_up_does_not_cost_the_next_one():
    r = server("allkeys-lru")
    listeners = [R(r.server) for _ in range(10)]
    for listener in listeners:
        listener("HELLO", 3)
        listener("CLIENT", "TRACKING", "ON")
    names = [f"{n}:" + "x" * 1000 for n in range(300)]
    for name in names:
        r("SET", name, "x")
        for listener in listeners:
            listener("GET", name)
    r.server.core.set_memory_limit(used(r) - 40000)
    r.cycle()
    assert 10 <= evicted(r) <= 50
    assert listeners[0].taken()[0][0] == b"invalidate"


def test_a_watched_key_that_is_given_up_was_changed():
    r = server("allkeys-lru")
    r("SET", "old", VALUE)
    r("WATCH", "old")
    give_up(r, 1)
    r("MULTI")
    r("PING")
    assert r("EXEC") is None


def test_within_exec_nothing_is_given_up():
    r = server("allkeys-lru")
    r("SET", "old", VALUE)
    r("MULTI")
    r("SETRANGE", "a", 100_000, "x")
    r("STRLEN", "old")
    r.server.core.set_memory_limit(used(r) + 100)
    assert r("EXEC") == [100_001, len(VALUE)]
    r("PING")
    assert evicted(r) > 0


def test_reading_makes_room_too():
    r = server("allkeys-lru")
    fill(r, 100)
    too_little_room(r)
    r("GET", "nothing")
    assert evicted(r) > 0


def test_a_lower_limit_takes_effect_without_a_command():
    r = server("allkeys-lru")
    fill(r, 100)
    r("CONFIG", "SET", "maxmemory", used(r) - 2000)
    before = evicted(r)
    r.cycle()
    assert evicted(r) > before


def test_a_large_value_is_freed_before_other_keys_go_for_its_memory():
    r = server("allkeys-lru")
    r("SADD", "large", *range(10**6, 10**6 + 20_000))
    r.advance(ms=2000)
    fill(r, 10)
    r.server.core.set_memory_limit(used(r) - 200_000)
    r("PING")
    assert evicted(r) == 1 and left(r, 10) == list(range(10))


def test_the_policy_can_change_while_candidates_are_remembered():
    r = server("allkeys-lru")
    for policy in POLICIES * 3:
        fill(r, 100, 0, "EX", 1000)
        r("CONFIG", "SET", "maxmemory-policy", policy)
        give_up(r, 5)
        r("FLUSHALL") if policy == "volatile-ttl" else r("SWAPDB", 0, 1)
        give_up(r, 1) if policy != "volatile-ttl" else None


def test_nothing_is_given_up_without_a_policy():
    r = server("noeviction")
    fill(r, 10)
    too_little_room(r)
    with raises_reply("OOM"):
        r("SET", "b", 1)
    assert r("DBSIZE") == 10 and evicted(r) == 0


def test_counters_go_back_to_zero_with_the_others():
    r = server("allkeys-lru")
    fill(r, 10)
    give_up(r, 3)
    assert b"evicted_keys:3\r\n" in r("INFO", "stats")
    r("CONFIG", "RESETSTAT")
    assert b"evicted_keys:0\r\n" in r("INFO", "stats")


def test_while_clients_are_paused_nothing_is_given_up_and_nothing_refused():
    r = server("allkeys-lru")
    fill(r, 20)
    r("CLIENT", "PAUSE", 1000, "WRITE")
    too_little_room(r)
    assert r("GET", "key:0") == VALUE.encode()
    r.cycle()
    assert evicted(r) == 0 and r("DBSIZE") == 20
    r("CLIENT", "UNPAUSE")
    r("PING")
    assert evicted(r) > 0


def test_messages_about_what_was_given_up_do_not_push_out_more():
    r = server("allkeys-lru")
    readers = [R(r.server) for _ in range(10)]
    for reader in readers:
        reader("HELLO", 3)
        reader("CLIENT", "TRACKING", "ON")
    for n in range(100):
        name = f"{n:03}" + "x" * 1000
        r("SET", name, 1)
        for reader in readers:
            reader("GET", name)
    r.server.core.set_memory_limit(used(r) - 20_000)
    r.cycle()
    assert 1 <= evicted(r) <= 25


def test_small_integers_are_shared_unless_each_needs_an_access_time(r):
    r("SET", "n", 5)
    assert r("OBJECT", "REFCOUNT", "n") == 2147483647
    r("CONFIG", "SET", "maxmemory", 1 << 30, "maxmemory-policy", "allkeys-random")
    assert r("OBJECT", "REFCOUNT", "n") == 2147483647
    for policy in ("allkeys-lru", "volatile-lfu"):
        r("CONFIG", "SET", "maxmemory-policy", policy)
        assert r("OBJECT", "REFCOUNT", "n") == 1


def test_how_frequency_grows_and_decays_can_be_changed_while_running():
    r = server("allkeys-lfu", lfu_log_factor=0)
    r("SET", "k", 1)
    for _ in range(50):
        r("GET", "k")
    assert r("OBJECT", "FREQ", "k") > 50                 # each use counts
    r("CONFIG", "SET", "lfu-log-factor", 1_000_000)
    before = r("OBJECT", "FREQ", "k")
    for _ in range(50):
        r("GET", "k")
    assert r("OBJECT", "FREQ", "k") <= before + 1
    r.advance(ms=10 * 60_000)
    assert r("OBJECT", "FREQ", "k") <= before - 9
    r("CONFIG", "SET", "lfu-decay-time", 0)
    r("GET", "k")
    before = r("OBJECT", "FREQ", "k")
    r.advance(ms=100 * 60_000)
    assert r("OBJECT", "FREQ", "k") == before


def test_idle_blocks_go_before_keys_do():
    r = server("allkeys-lru")
    fill(r, 50)
    readers = [R(r.server) for _ in range(20)]
    for reader in readers:
        reader.session.feed(b"*2\r\n$4\r\nECHO\r\n$3\r\na")         # each holds a block now
    for reader in readers:
        reader.session.feed(b"bc\r\n")
    limit = used(r) - 10 * 16_384
    r.server.core.set_memory_limit(limit)
    r.cycle()
    assert evicted(r) == 0 and used(r) <= limit


def test_commands_on_their_way_to_the_file_do_not_count_and_are_told(tmp_path):
    r = server("allkeys-lru")
    ends = os.pipe()
    aof.begin(r.server.core, os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT), ends[1], "no", 0, 0)
    fill(r, 100)
    r("SET", "large", "x" * 500_000)
    for _ in range(10):
        r("PING")                                # the buffer for requests is small again
    told = int(next(line[26:] for line in r("INFO", "memory").split() if line.startswith(b"mem_not_counted_for_evict")))
    assert told > 500_000
    r.server.core.set_memory_limit(used(r) - told + 50_000)
    r("PING")
    assert evicted(r) == 0
    r.server.core.set_memory_limit(used(r) - told - 1)
    r("PING")
    assert evicted(r) > 0
    aof.abandon(r.server.core)
    for end in ends:
        os.close(end)


# ---------------------------------------------------------------- scripts

WRITES = "return redis.call('SET', KEYS[1], ARGV[1])"
OOM = "OOM command not allowed when used memory > 'maxmemory'."


def test_scripts_write_while_keys_can_be_given_up_although_commands_on_their_way_to_the_file_take_memory(tmp_path):
    r = server("allkeys-lru", maxmemory_samples=5)
    ends = os.pipe()
    aof.begin(r.server.core, os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT), ends[1], "no", 0, 0)
    fill(r, 500)
    limit = used(r) - eviction.not_counted(r.server.core) - 1000
    r.server.core.set_memory_limit(limit)
    for n in range(50):
        fill(r, 5, 1000 + 5 * n)
        assert r("EVAL", WRITES, 1, f"e{n}", VALUE) == "OK"
    assert used(r) > limit and evicted(r) > 0
    aof.abandon(r.server.core)
    for end in ends:
        os.close(end)


def test_a_script_within_exec_is_judged_by_how_things_stood_before_exec():
    r = server("noeviction")
    r.server.core.set_memory_limit(used(r) + 200_000)
    r("MULTI")
    r("SETRANGE", "a", 300_000, "x")
    r("EVAL", WRITES, 1, "b", 1)
    assert r("EXEC") == [300_001, "OK"]
    with raises_reply(OOM):
        r("EVAL", WRITES, 1, "b", 2)
    assert r("GET", "b") == b"1"


@pytest.mark.parametrize(("line", "refused"), [("", False), ("#!lua\n", True), ("#!lua flags=allow-oom\n", False),
                                               ("#!lua flags=no-writes\n", False)])
def test_a_script_that_declares_that_it_takes_memory_is_not_queued_when_there_is_none(line, refused):
    r = server("noeviction", maxmemory=1)
    r("MULTI")
    if refused:
        with raises_reply(OOM):
            r("EVAL", line + "return 1", 0)
        with raises_reply("EXECABORT"):
            r("EXEC")
    else:
        assert r("EVAL", line + "return 1", 0) == "QUEUED"
        assert r("EXEC") == [1]


# ---------------------------------------------------------------- connections

@pytest.fixture
def pairs():
    found = Pairs(maxmemory_policy="allkeys-random")
    yield found
    found.close()


def one_round(pairs, line, *requests):
    """Without what the loop does between two of them: what is given up, these requests give up."""
    line.socket.send(b"".join(requests))
    pairs.core.serve([(line.fd, 1)])


def reader_of(pairs, names):
    """A connection that will be told when one of these keys goes."""
    line = pairs.line()
    line.send(encode("HELLO", 3) + encode("CLIENT", "TRACKING", "ON"))
    for name in names:
        line.send(encode("SET", name, 1, "EX", 1000) + encode("GET", name))
        line.read()
    return line


def test_what_is_left_unfinished_is_not_done_by_each_command_of_a_pipeline(pairs):
    line = pairs.line()
    for first in range(0, 100_000, 1000):
        line.send(encode("MSET", *(word for n in range(first, first + 1000) for word in (f"key:{n}", 1))))
    line.send(encode("CONFIG", "RESETSTAT"))
    line.read()
    before = figures.memory(pairs.core)["used"]
    pairs.core.set_memory_limit(before // 2)
    one_round(pairs, line, *(encode("SET", f"new:{n}", 1) for n in range(400)))
    assert 0 < figures.stats(pairs.core)["evicted"] < 30_000            # 400 times 500 us would end all 50,000
    assert figures.memory(pairs.core)["used"] < before
    while figures.memory(pairs.core)["used"] > before // 2:
        pairs.core.before_sleep()


@pytest.mark.parametrize("silence", ["OFF", "SKIP"])
def test_who_asked_for_no_replies_hears_what_its_own_command_made_room_by(pairs, silence):
    line = reader_of(pairs, [f"key:{n}" + "x" * 100 for n in range(300)])
    pairs.core.set_memory_limit(figures.memory(pairs.core)["used"] - 5000)
    one_round(pairs, line, encode("CLIENT", "REPLY", silence), encode("SET", "new", VALUE))
    told = line.read()
    assert told.count(b"invalidate") == figures.stats(pairs.core)["evicted"] > 5 and b"+OK" not in told


def test_who_leaves_too_much_unread_may_be_closed_by_what_its_own_command_makes_room_by(pairs):
    line = reader_of(pairs, [f"{n:04}" + "x" * 200 for n in range(500)])
    line("CONFIG", "SET", "client-output-buffer-limit", "normal 150000 0 0", "maxmemory-eviction-tenacity", 100)
    line("CONFIG", "SET", "maxmemory-policy", "volatile-random")
    line("SET", "large", "x" * 12_000)
    pairs.core.set_memory_limit(figures.memory(pairs.core)["used"] + 100_000)
    one_round(pairs, line, encode("GET", "large") * 5, encode("CLIENT", "REPLY", "OFF"),
              encode("SETRANGE", "new", 600_000, "x"), encode("PING"), encode("PING"))
    assert not line.alive and figures.stats(pairs.core)["output_limit_closes"] == 1
    assert figures.stats(pairs.core)["evicted"] > 150
    assert pairs.line()("PING") == "PONG"
