"""SLOWLOG, COMMANDLOG and LATENCY: what is logged, cut, hidden and forgotten."""

import pytest

from tests.session import START_US, R, raises_reply

START_S = START_US // 1_000_000


@pytest.fixture
def r():
    """Everything is slow; nothing is large, or long, yet."""
    return R(**{"enable-debug-command": "yes", "slowlog-log-slower-than": 0})


def words(r, count=1):
    """The newest entries' words, without those of asking."""
    return [entry[3] for entry in r("SLOWLOG", "GET", count)]


# ---------------------------------------------------------------- SLOWLOG

def test_an_entry_tells_number_time_duration_words_address_and_name(r):
    r("SLOWLOG", "RESET")
    r("CLIENT", "SETNAME", "bob")
    r("SET", "k", "v")
    number, second, us, argv, address, name = r("SLOWLOG", "GET", 1)[0]
    assert (second, argv, address, name) == (START_S, [b"SET", b"k", b"v"], b"", b"bob")
    assert number == 2 and us >= 0


def test_a_full_keys_is_told_with_the_time_it_took():
    r = R(**{"enable-debug-command": "yes", "slowlog-log-slower-than": 1000})
    r("DEBUG", "POPULATE", 200_000)
    r("PING")
    assert len(r("KEYS", "*")) == 200_000
    _, _, us, argv, _, _ = r("SLOWLOG", "GET", 1)[0]
    assert argv == [b"KEYS", b"*"] and us >= 1000


def test_get_tells_the_newest_ten_or_as_many_as_asked_for(r):
    for i in range(15):
        r("ECHO", i)
    assert [len(r("SLOWLOG", "GET", *count)) for count in ((), (3,), (-1,), (0,), (100,))] == [10, 3, 17, 0, 19]
    numbers = [entry[0] for entry in r("SLOWLOG", "GET", -1)]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize("count", ["x", "-2", "+1", "1.5", "01", "9223372036854775808"])
def test_get_refuses_what_is_no_count(r, count):
    with raises_reply("ERR count should be greater than or equal to -1"):
        r("SLOWLOG", "GET", count)


def test_the_log_keeps_so_many_and_shrinks_at_once(r):
    for i in range(200):
        r("ECHO", i)
    assert r("SLOWLOG", "LEN") == 128
    r("CONFIG", "SET", "slowlog-max-len", 3)
    assert r("SLOWLOG", "LEN") == 3
    r("CONFIG", "SET", "slowlog-max-len", 0)
    assert r("SLOWLOG", "LEN") == 0


def test_numbers_go_on_after_a_reset(r):
    r("PING")
    before = r("SLOWLOG", "GET", 1)[0][0]
    assert r("SLOWLOG", "RESET") == "OK"
    assert r("SLOWLOG", "GET", 1)[0][0] == before + 2


def test_what_is_faster_than_the_limit_is_not_logged(r):
    r("CONFIG", "SET", "slowlog-log-slower-than", 2000)
    r("SLOWLOG", "RESET")
    r("PING")
    assert r("SLOWLOG", "LEN") == 0
    r("DEBUG", "SLEEP", 0.003)
    (entry,) = r("SLOWLOG", "GET")
    assert entry[2] >= 2000 and entry[3][0] == b"DEBUG"


def test_a_negative_limit_ends_logging(r):
    r("CONFIG", "SET", "slowlog-log-slower-than", -1)
    r("SLOWLOG", "RESET")
    r("DEBUG", "SLEEP", 0.001)
    assert r("SLOWLOG", "LEN") == 0


def test_many_and_long_words_are_cut(r):
    r("SADD", "s", *range(40))
    assert words(r)[0] == [b"SADD", b"s", *(b"%d" % i for i in range(29)), b"... (11 more arguments)"]
    r("SADD", "s", *range(30))
    assert len(words(r)[0]) == 32
    r("SET", "k", "x" * 200)
    assert words(r)[0][2] == b"x" * 128 + b"... (72 more bytes)"
    r("SET", "k", "x" * 128)
    assert words(r)[0][2] == b"x" * 128


@pytest.mark.parametrize(("line", "shown"), [
    ("AUTH user secret", "AUTH (redacted) (redacted)"),
    ("HELLO 2 AUTH default secret SETNAME x", "HELLO 2 AUTH (redacted) (redacted) SETNAME x"),
    ("HELLO 2 AUTH nobody wrong auth default secret",
     "HELLO 2 AUTH (redacted) (redacted) auth (redacted) (redacted)"),
    ("HELLO 2 SETNAME auth AUTH default secret", "HELLO 2 SETNAME auth AUTH (redacted) (redacted)"),
    ("CONFIG SET masterauth secret maxmemory 0", "CONFIG SET masterauth (redacted) maxmemory 0"),
    ("CONFIG SET timeout 0 tls-key-file-pass secret", "CONFIG SET timeout 0 tls-key-file-pass (redacted)"),
])
def test_passwords_are_hidden(r, line, shown):
    r.feed(b" ".join(line.encode().split()) + b"\r\n")
    assert b" ".join(words(r)[0]).decode() == shown


def test_a_transaction_is_logged_by_its_commands_and_not_as_exec(r):
    r("MULTI")
    r("SET", "a", 1)
    r("GET", "a")
    r("EXEC")
    assert words(r, 3) == [[b"GET", b"a"], [b"SET", b"a", b"1"], [b"MULTI"]]


def test_a_script_is_logged_after_its_commands(r):
    r("EVAL", "redis.call('set', 'a', 1) return redis.call('get', 'a')", 0)
    assert [argv[0] for argv in words(r, 3)] == [b"EVAL", b"get", b"set"]


def test_the_time_of_a_script_is_not_put_down_to_what_it_calls(r):
    r("CONFIG", "SET", "slowlog-log-slower-than", 1000)
    r("SLOWLOG", "RESET")
    r("EVAL", "for i = 1, 500000 do end return redis.call('get', 'a')", 0)
    assert {argv[0] for argv in words(r, -1)} == {b"EVAL"}


def test_a_command_that_waits_is_logged_once_and_without_its_waiting(r):
    other = R(r.server)
    other("CONFIG", "RESETSTAT")
    r.session.feed(b"BLPOP list 0\r\n")
    assert [b"BLPOP", b"list", b"0"] not in words(other, -1)
    r.advance(ms=5000)
    other("RPUSH", "list", "x")
    assert r.taken() == [[b"list", b"x"]]
    entries = [entry for entry in other("SLOWLOG", "GET", -1) if entry[3] == [b"BLPOP", b"list", b"0"]]
    assert len(entries) == 1


def test_a_command_whose_time_is_up_is_logged_too(r):
    r.session.feed(b"BLPOP list 1\r\n")
    r.advance(ms=1500)
    r.cycle()
    assert r.taken() == [None]
    assert words(r) == [[b"BLPOP", b"list", b"1"]]


def test_a_command_that_fails_is_logged_and_one_that_is_refused_is_not(r):
    r("SET", "k", "v")
    for line in (("LPUSH", "k", "x"), ("GET",), ("NOSUCH",)):
        with raises_reply(""):
            r(*line)
    assert words(r, 2) == [[b"LPUSH", b"k", b"x"], [b"SET", b"k", b"v"]]


def test_entries_count_as_memory(r):
    r("ECHO", "x")
    r("CONFIG", "SET", "slowlog-max-len", 0)     # the commands have their histograms now
    before = r.session.memory_used
    r("CONFIG", "SET", "slowlog-max-len", 128)
    for _ in range(100):
        r("ECHO", "x" * 128)
    assert r.session.memory_used >= before + 100 * 128
    r("CONFIG", "SET", "slowlog-max-len", 0)
    assert r.session.memory_used < before + 4096


# ---------------------------------------------------------------- COMMANDLOG

def test_large_requests_are_logged_with_their_bytes(r):
    r("CONFIG", "SET", "commandlog-request-larger-than", 29)
    r("COMMANDLOG", "RESET", "large-request")
    r("PING", "12345678")
    r("PING", "123456789")
    entries = r("COMMANDLOG", "GET", -1, "large-request")
    assert [(entry[2], entry[3]) for entry in entries] == [
        (29, [b"PING", b"123456789"]), (52, [b"COMMANDLOG", b"RESET", b"large-request"])]


def test_large_replies_are_logged_with_their_bytes_wherever_they_are_made(r):
    r("SET", "k", "x" * 100)
    r("CONFIG", "SET", "commandlog-reply-larger-than", 100)
    r("GET", "k")
    r("EVAL", "return redis.call('get', 'k')", 0)
    r("MULTI")
    r("GET", "k")
    r("EXEC")
    entries = r("COMMANDLOG", "GET", -1, "LARGE-REPLY")
    assert [(entry[2], entry[3][0]) for entry in reversed(entries)] == [
        (108, b"GET"), (108, b"get"), (108, b"EVAL"), (108, b"GET")]
    assert r("COMMANDLOG", "LEN", "large-reply") == 5        # and the reply of asking


def test_slow_is_the_slow_log(r):
    r("ECHO", "x")
    assert r("COMMANDLOG", "GET", 1, "slow")[0][3] == [b"ECHO", b"x"]
    r("COMMANDLOG", "RESET", "SLOW")
    assert r("SLOWLOG", "LEN") == r("COMMANDLOG", "LEN", "slow") - 1


def test_a_megabyte_is_large_by_default():
    r = R()
    r("SET", "k", "x" * (1 << 20))
    r("GET", "k")
    assert [r("COMMANDLOG", "LEN", kind) for kind in ("large-request", "large-reply")] == [1, 1]


# ---------------------------------------------------------------- LATENCY

def test_slow_commands_are_events_by_what_they_promised(r):
    assert r("LATENCY", "LATEST") == []
    r("CONFIG", "SET", "latency-monitor-threshold", 2)
    r("DEBUG", "SLEEP", 0.004)
    (event, second, ms, worst), = r("LATENCY", "LATEST")
    assert (event, second) == (b"command", START_S)
    assert worst == ms >= 4
    assert r("LATENCY", "HISTORY", "command") == [[START_S, ms]]
    assert r("LATENCY", "HISTORY", "fast-command") == []


def spike(r, event, *times):
    """Events of so many ms, a second apart."""
    from pyredis import latency
    for ms in times:
        latency.add(r.server.core, event, ms)
        r.advance(ms=1000)


def test_a_second_has_one_sample_the_worst(r):
    r("CONFIG", "SET", "latency-monitor-threshold", 10)
    from pyredis import latency
    for ms in (9, 11, 30, 20):
        latency.add(r.server.core, "fork", ms)
    assert r("LATENCY", "LATEST") == [[b"fork", START_S, 30, 30]]


def test_history_is_of_the_last_160_seconds_with_events(r):
    r("CONFIG", "SET", "latency-monitor-threshold", 1)
    spike(r, "aof-write", *range(200, 0, -1))
    history = r("LATENCY", "HISTORY", "aof-write")
    assert [ms for _, ms in history] == list(range(160, 0, -1))
    assert history[-1][0] == START_S + 199
    assert r("LATENCY", "LATEST") == [[b"aof-write", START_S + 199, 1, 200]]


def test_nothing_is_noted_while_the_monitor_is_off(r):
    spike(r, "fork", 1000)
    assert r("LATENCY", "LATEST") == []


def test_reset_forgets_events_all_or_those_named(r):
    r("CONFIG", "SET", "latency-monitor-threshold", 100)
    for event in ("a", "b", "c"):
        spike(r, event, 500)
    assert r("LATENCY", "RESET", "a", "nosuch", "a") == 1
    assert [row[0] for row in r("LATENCY", "LATEST")] == [b"b", b"c"]
    assert r("LATENCY", "RESET") == 2
    assert r("LATENCY", "RESET") == 0


def test_a_histogram_counts_calls_up_to_each_bound(r):
    for _ in range(3):
        r("SET", "k", "v")
    found = dict(zip(*[iter(r("LATENCY", "HISTOGRAM", "set", "nosuch"))] * 2, strict=True))
    assert list(found) == [b"set"]
    calls, steps = found[b"set"][1], found[b"set"][3]
    assert calls == 3 and steps[-1] == 3
    assert steps[::2] == sorted(steps[::2]) and steps[1::2] == sorted(set(steps[1::2]))


def test_a_container_s_name_stands_for_its_subcommands(r):
    r("CLIENT", "ID")
    r("CLIENT", "GETNAME")
    r.server.core.clients()[0].proto = 3
    assert list(r("LATENCY", "HISTOGRAM", "client")) == [b"client|getname", b"client|id"]
    assert b"latency|histogram" in r("LATENCY", "HISTOGRAM")


def test_resetstat_and_tracking_off_leave_no_histogram(r):
    r("PING")
    r("CONFIG", "SET", "latency-tracking", "no")
    r("CONFIG", "RESETSTAT")
    r("PING")
    assert r("LATENCY", "HISTOGRAM") == []
