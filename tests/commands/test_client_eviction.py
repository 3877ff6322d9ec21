"""maxmemory-clients: whose connection ends when all together take too much, and that the sum is always right."""

import random

import _pyredis.figures as figures
import pytest
from _pyredis import limits

from tests.pairs import PairLine, Pairs
from tests.session import encode

KILOBYTE, MEGABYTE = 1 << 10, 1 << 20


@pytest.fixture
def pairs():
    found = Pairs()
    yield found
    found.close()


def half_sent(line: PairLine, size: int) -> None:
    """An argument of so many bytes of which the last is still to come."""
    line.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (size + 1) + b"x" * size)


def evicted(pairs: Pairs) -> int:
    return int(figures.stats(pairs.core)["evicted_clients"])


def control(pairs: Pairs) -> PairLine:
    """A client that stays."""
    line = pairs.line()
    assert line("CLIENT", "NO-EVICT", "on") == "OK"
    return line


def grow_by_input(line: PairLine, control: PairLine, n: int) -> None:
    line.send(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n" if n == 0 else b"x" * 60_000)


def grow_by_arguments(line: PairLine, control: PairLine, n: int) -> None:
    line.send((b"*1000000\r\n" if n == 0 else b"") + b"$1\r\nx\r\n" * 2000)


def grow_by_output(line: PairLine, control: PairLine, n: int) -> None:
    control("SET", "large", b"x" * 50_000)
    line.send(encode("GET", "large"))


def grow_by_queue(line: PairLine, control: PairLine, n: int) -> None:
    line.send(encode("MULTI") if n == 0 else encode("SET", "k", b"x" * 20_000))


def grow_by_watching(line: PairLine, control: PairLine, n: int) -> None:
    line.send(encode("WATCH", *(f"{n}:{i}" for i in range(200))))


def grow_by_channels(line: PairLine, control: PairLine, n: int) -> None:
    line.send(encode("SUBSCRIBE", *(f"channel:{n}:{i}" for i in range(200))))
    line.read()


def grow_by_patterns(line: PairLine, control: PairLine, n: int) -> None:
    line.send(encode("PSUBSCRIBE", *(f"pattern:{n}:{i}*" for i in range(200))))
    line.read()


def grow_by_messages(line: PairLine, control: PairLine, n: int) -> None:
    if n == 0:
        line.send(encode("SUBSCRIBE", "news"))
    control("PUBLISH", "news", b"x" * 50_000)


def grow_by_what_a_monitor_is_shown(line: PairLine, control: PairLine, n: int) -> None:
    if n == 0:
        line.send(encode("MONITOR"))
    control("ECHO", b"x" * 50_000)


def grow_by_prefixes(line: PairLine, control: PairLine, n: int) -> None:
    if n == 0:
        line.send(encode("HELLO", 3))
    prefixes = [word for i in range(100) for word in ("PREFIX", f"<{n:06}:{i:06}>")]
    line.send(encode("CLIENT", "TRACKING", "ON", "BCAST", *prefixes))
    line.read()


def grow_by_invalidations(line: PairLine, control: PairLine, n: int) -> None:
    if n == 0:
        line.send(encode("HELLO", 3))
        line.send(encode("CLIENT", "TRACKING", "ON", "BCAST"))
    control("SET", b"k" * 50_000, n)


def grow_by_blocking(line: PairLine, control: PairLine, n: int) -> None:
    line.send(encode("BLPOP", b"k" * 400_000, 0))


WAYS = [grow_by_input, grow_by_arguments, grow_by_output, grow_by_queue, grow_by_watching, grow_by_channels,
        grow_by_patterns, grow_by_messages, grow_by_what_a_monitor_is_shown, grow_by_prefixes,
        grow_by_invalidations, grow_by_blocking]


@pytest.mark.parametrize("grow", WAYS)
def test_whatever_a_connection_takes_counts_and_ends_it_in_time(pairs, grow):
    limit = 300_000
    stays = control(pairs)
    other, line = pairs.line(), pairs.line()
    stays("CONFIG", "SET", "maxmemory-clients", limit)
    for n in range(400):
        grow(line, stays, n)
        assert limits.weighed(pairs.core) <= limit
        if not line.alive:
            break
    assert not line.alive and other.alive and evicted(pairs) == 1
    assert b"evicted_clients:1\r\n" in stays("INFO", "stats")
    assert limits.weighed(pairs.core) == stays.memory + other.memory < 40_000


def test_the_largest_go_first_and_no_more_than_need_be(pairs):
    stays = control(pairs)
    sizes = [100 * KILOBYTE, 3 * MEGABYTE, MEGABYTE, 40 * KILOBYTE, 2 * MEGABYTE, 1_100_000]
    lines = {size: pairs.line() for size in sizes}
    for size, line in lines.items():
        half_sent(line, size)
    left = sorted(sizes)
    while left:
        assert sorted(size for size, line in lines.items() if line.alive) == left
        total = stays.memory + sum(line.memory for line in lines.values() if line.alive)
        stays("CONFIG", "SET", "maxmemory-clients", total + 34_000)      # that request and its reply count, too
        assert evicted(pairs) == len(sizes) - len(left)
        stays("CONFIG", "SET", "maxmemory-clients", total - 1)
        left.pop()


def test_of_many_of_the_same_size_as_few_go_as_make_room(pairs):
    stays = control(pairs)
    lines = [pairs.line() for _ in range(10)]
    for line in lines:
        half_sent(line, MEGABYTE)
    stays("CONFIG", "SET", "maxmemory-clients", lines[0].memory * 5 + 20_000)
    assert sum(line.alive for line in lines) == 5


def test_who_is_not_to_be_evicted_counts_all_the_same_and_goes_when_that_ends(pairs):
    stays, line, small = control(pairs), pairs.line(), pairs.line()
    line("CLIENT", "NO-EVICT", "on")
    half_sent(line, MEGABYTE)
    stays("CONFIG", "SET", "maxmemory-clients", 500_000)
    assert line.alive and not small.alive
    line.send(b"x\r\n")
    while line.read():
        pairs.serve()
    again = pairs.line()
    assert again("PING") == "PONG"
    assert line("CLIENT", "NO-EVICT", "off") == "OK"
    half_sent(line, MEGABYTE)
    assert not line.alive and again.alive


def test_a_share_follows_maxmemory_and_is_no_limit_without(pairs):
    stays, line = control(pairs), pairs.line()
    stays("CONFIG", "SET", "maxmemory-clients", "10%")
    half_sent(line, MEGABYTE)
    assert line.alive and stays("CONFIG", "GET", "maxmemory-clients") == [b"maxmemory-clients", b"10%"]
    stays("CONFIG", "SET", "maxmemory", 20 * MEGABYTE)
    assert line.alive
    stays("CONFIG", "SET", "maxmemory", 9 * MEGABYTE)
    assert not line.alive


def test_who_is_over_its_output_limit_goes_first_and_nobody_for_it(pairs):
    stays, large, slow = control(pairs), pairs.line(), pairs.line()
    stays("CONFIG", "SET", "client-output-buffer-limit", "normal 3mb 0 0", "maxmemory-clients", 6 * MEGABYTE)
    stays("SET", "k", b"x" * 4 * MEGABYTE)
    half_sent(large, 5 * MEGABYTE)
    slow.send(encode("GET", "k"))
    assert large.alive and not slow.alive and evicted(pairs) == 0


def test_a_pipeline_passes_the_limit_by_no_more_than_a_reply(pairs):
    stays, greedy = control(pairs), pairs.line()
    stays("RPUSH", "list", *(b"x" * 1000 for _ in range(500)))
    stays("CONFIG", "SET", "maxmemory-clients", 2 * MEGABYTE)
    before = figures.memory(pairs.core)["peak"]
    greedy.send(encode("LRANGE", "list", 0, -1) * 300)           # 150 MB of replies, were they all made
    assert not greedy.alive and evicted(pairs) == 1
    assert figures.memory(pairs.core)["peak"] < before + 4 * MEGABYTE


def test_replies_that_are_read_cost_nobody_its_connection(pairs):
    stays, line = control(pairs), pairs.line()
    stays("SET", "k", b"x" * 100_000)
    stays("CONFIG", "SET", "maxmemory-clients", 300_000)
    for _ in range(30):
        assert line("GET", "k") == b"x" * 100_000
    assert line.alive


def test_the_log_tells_who_was_evicted_and_keeps_names_to_itself_if_told_to(pairs):
    logged = []
    pairs.core.on_log_client = pairs.server._log_client
    pairs.server.log.write = lambda level, message: logged.append(message)
    stays = control(pairs)
    for hidden in ("no", "yes"):
        line = pairs.line()
        line("CLIENT", "SETNAME", "bob")
        half_sent(line, MEGABYTE)
        stays("CONFIG", "SET", "hide-user-data-from-log", hidden, "maxmemory-clients", MEGABYTE // 2)
        stays("CONFIG", "SET", "maxmemory-clients", 0)
    assert logged[0].startswith("Evicting client: id=2 addr=1.2.3.4:5") and " name=bob " in logged[0]
    assert " name=*redacted* " in logged[1] and " user=*redacted* " in logged[1] and len(logged) == 2


def test_sessions_within_the_process_neither_count_nor_end(pairs):
    stays = control(pairs)
    assert stays("EVAL", "return redis.call('ECHO', 'x')", 0) == b"x"
    stays("CONFIG", "SET", "maxmemory-clients", 1)
    assert limits.weighed(pairs.core) == stays.memory
    assert stays("EVAL", "return redis.call('ECHO', 'x')", 0) == b"x"


def test_debug_shows_those_who_may_be_ended_by_their_weight():
    pairs = Pairs(enable_debug_command="yes")
    stays, line = control(pairs), pairs.line()
    assert str(stays("DEBUG", "CLIENT-EVICTION")) == "ERR maxmemory-clients is disabled."
    stays("CONFIG", "SET", "maxmemory-clients", "1gb")
    half_sent(line, MEGABYTE)
    shown = stays("DEBUG", "CLIENT-EVICTION").decode().splitlines()
    assert shown == [f"bucket {1 << 20:>10} - {(2 << 20) - 1:>10}: tot-mem: {line.memory:>10}, clients: 1"]
    pairs.close()


@pytest.mark.parametrize("seed", range(4))
def test_the_sum_is_that_of_the_parts_whatever_happens(pairs, seed):
    rnd = random.Random(seed)
    stays = control(pairs)
    stays("CONFIG", "SET", "maxmemory-clients", 400_000)
    lines: list[PairLine] = []
    for _ in range(400):
        lines = [line for line in lines if line.alive]
        if len(lines) < 3 or rnd.random() < 0.1:
            lines.append(pairs.line())
        line = rnd.choice(lines)
        word = rnd.choice(["read", "send", "request", "end", "limit", "grow", "exec", "evict"])
        if word == "read":
            line.read()
        elif word == "send":
            line.send(b"*3\r\n$3\r\nSET\r\n$%d\r\n" % rnd.randint(1, 100_000) + b"x" * rnd.randint(0, 100_000))
        elif word == "request":
            line.send(encode(*rnd.choice([("GET", "large"), ("SUBSCRIBE", rnd.random()), ("UNSUBSCRIBE",), ("RESET",),
                                          ("PUBLISH", "news", "x" * rnd.randint(1, 30_000)), ("SUBSCRIBE", "news"),
                                          ("WATCH", rnd.random()), ("CLIENT", "SETNAME", "n" * rnd.randint(1, 99)),
                                          ("BLPOP", "none", rnd.choice([0, 0.001])), ("MULTI",)])))
        elif word == "end":
            line.socket.close() if rnd.random() < 0.3 else None
            pairs.serve()
        elif word == "limit":
            stays("CONFIG", "SET", "maxmemory-clients", rnd.choice([0, 100_000, 400_000, 10_000_000]))
        elif word == "grow":
            stays("SET", "large", b"x" * rnd.randint(1, 100_000))
        elif word == "exec":
            line.send(encode("EXEC"))
        else:
            line.send(encode("CLIENT", "NO-EVICT", rnd.choice(["on", "off"])))
        lines = [line for line in lines if line.socket.fileno() >= 0]
        limit = int(stays("CONFIG", "GET", "maxmemory-clients")[1])
        parts = sum(client.info()["memory"] for client in pairs.core.clients())
        assert limits.weighed(pairs.core) == (parts if limit else 0)


def test_a_lower_output_limit_ends_those_who_are_over_it_already(pairs):
    stays, reader = control(pairs), pairs.line()
    stays("SET", "large", b"x" * MEGABYTE)
    reader.send(encode("GET", "large") * 8)
    pairs.core.check_clients(0)
    assert reader.alive
    stays("CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0")
    pairs.core.check_clients(0)
    assert not reader.alive and stays("PING") == "PONG"


@pytest.mark.parametrize("before", [
    [], [encode("GET", "large")], [encode("GET", "large"), encode("CLIENT", "REPLY", "OFF")]])
def test_what_an_exec_answers_passes_the_output_limit_by_no_more_than_a_reply(pairs, before):
    stays, reader = control(pairs), pairs.line()
    stays("RPUSH", "list", *(b"x" * 1000 for _ in range(300)))
    stays("SET", "large", b"x" * 3 * MEGABYTE)
    stays("CONFIG", "SET", "client-output-buffer-limit", "normal 2mb 0 0" if not before else "normal 4mb 0 0")
    used = figures.memory(pairs.core)["used"]
    look = "redis.call('SET', 'seen', string.match(redis.call('INFO', 'memory'), 'used_memory:(%d+)'))"
    read = encode("LRANGE", "list", 0, -1) * 50
    reader.send(b"".join(before) + encode("MULTI") + read + encode("CLIENT", "REPLY", "ON") + read
                + encode("EVAL", look, 0) + encode("EXEC"))
    assert not reader.alive and figures.stats(pairs.core)["output_limit_closes"] == 1
    assert int(stays("GET", "seen")) < used + 6 * MEGABYTE
