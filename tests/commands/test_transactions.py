"""MULTI, EXEC, DISCARD, WATCH and UNWATCH: what is queued, what runs, what fails, and what others get to see of it."""

import _pyredis.figures as figures
import pytest

from tests.session import EXEC, MULTI, Effect, R, ReplyError, encode, raises_reply

OK, QUEUED = "OK", "QUEUED"
ABORTED = "EXECABORT Transaction discarded because of previous errors."


def queue(r, *commands):
    assert r("MULTI") == OK
    for words in commands:
        assert r(*words.split()) == QUEUED


def run(r, *commands):
    """The replies of a transaction; errors are values."""
    queue(r, *commands)
    return r.feed(encode("EXEC"))[0]


def error_of(r, *words):
    (reply,) = r.feed(encode(*words))
    assert isinstance(reply, ReplyError), reply
    return str(reply)


# ---------------------------------------------------------------- queueing and running

def test_commands_run_at_exec_and_their_replies_are_one_array(r):
    queue(r, "SET a 1", "INCR a", "GET a", "LRANGE none 0 -1")
    assert r.effects == [] and r("EXEC") == [OK, 2, b"2", []]
    assert r("GET", "a") == b"2"
    assert run(r) == []


def test_an_error_within_stops_nothing(r):
    assert list(map(str, run(r, "SET a x", "INCR a", "LPUSH a y", "APPEND a z"))) == [
        "OK", "ERR value is not an integer or out of range",
        "WRONGTYPE Operation against a key holding the wrong kind of value", "2"]


def test_arguments_are_kept_as_they_were_whatever_their_size(r):
    value = bytes(range(256)) * 500
    r("MULTI")
    r("SET", b"k\r\n\0", value)
    r("MSET", *[word for i in range(1000) for word in (f"k{i}", i)])
    assert r("EXEC") == [OK, OK]
    assert r("GET", b"k\r\n\0") == value
    assert r("DBSIZE") == 1001


def test_select_and_hello_work_from_their_place_on(r):
    assert run(r, "SET a 0", "SELECT 1", "SET a 1", "GET a") == [OK, OK, OK, b"1"]
    assert r("GET", "a") == b"1"
    replies = run(r, "GET none", "HELLO 3", "HGETALL none")
    assert (replies[0], replies[2]) == (None, {})


def test_control_commands_run_within(r):
    replies = run(r, "CLIENT SETNAME me", "CLIENT GETNAME", "CONFIG SET maxclients 77", "CONFIG GET maxclients")
    assert replies == [OK, b"me", OK, [b"maxclients", b"77"]]


def test_discard_forgets_all(r):
    queue(r, "SET a 1")
    assert r("DISCARD") == OK
    assert r("EXISTS", "a") == 0
    assert error_of(r, "EXEC") == "ERR EXEC without MULTI"
    assert error_of(r, "DISCARD") == "ERR DISCARD without MULTI"


def test_multi_within_multi_and_watch_within_are_refused_but_harmless(r):
    queue(r, "SET a 1")
    assert error_of(r, "MULTI") == "ERR MULTI calls can not be nested"
    assert error_of(r, "WATCH", "a") == "ERR WATCH inside MULTI is not allowed"
    assert r("UNWATCH") == QUEUED
    assert r("EXEC") == [OK, OK]


def test_reset_and_quit_are_not_queued(r):
    queue(r, "SET a 1")
    assert r("RESET") == "RESET"
    assert error_of(r, "EXEC") == "ERR EXEC without MULTI"
    queue(r, "SET a 1")
    assert r("QUIT") == OK
    assert r.session.closed


@pytest.mark.parametrize("words", [["GET"], ["NOSUCH", "x"], ["CLIENT", "NOSUCH"], ["SHUTDOWN", "NOSAVE"], ["WATCH"],
                                   ["MULTI", "x"], ["DISCARD", "x"]], ids=" ".join)
def test_a_command_that_is_refused_makes_exec_fail(r, words):
    queue(r, "SET a 1")
    error_of(r, *words)
    assert r("SET", "a", 2) == QUEUED
    assert error_of(r, "EXEC") == ABORTED
    assert r("EXISTS", "a") == 0
    assert run(r, "PING") == ["PONG"]


def test_commands_that_no_transaction_may_have_say_so(r):
    queue(r)
    assert error_of(r, "SHUTDOWN") == "ERR Command not allowed inside a transaction"


def test_exec_that_is_refused_itself_ends_the_transaction(r):
    queue(r, "SET a 1")
    assert error_of(r, "EXEC", "x") == (
        "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command")
    assert error_of(r, "EXEC") == "ERR EXEC without MULTI"
    assert error_of(r, "EXEC", "x") == "ERR wrong number of arguments for 'exec' command"


def test_before_authentication_nothing_is_queued():
    r = R(requirepass="secret")
    with raises_reply("NOAUTH"):
        r("MULTI")
    r("AUTH", "secret")
    assert run(r, "PING") == ["PONG"]


# ---------------------------------------------------------------- counters

def test_inner_commands_are_counted_beside_exec(r):
    r("CONFIG", "RESETSTAT")
    run(r, "SET a x", "GET a", "INCR a")
    stats = {name: row for name, *row in figures.command_stats(r.server.core)}
    assert {name: (row[0], *row[2:]) for name, row in stats.items()} == {
        "config|resetstat": (1, 0, 0), "multi": (1, 0, 0), "set": (1, 0, 0), "get": (1, 0, 0), "incr": (1, 0, 1),
        "exec": (1, 0, 0)}
    assert figures.stats(r.server.core)["commands"] == 6
    assert figures.error_stats(r.server.core) == [("ERR", 1)]


def test_what_is_refused_is_counted_as_such(r):
    r("CONFIG", "RESETSTAT")
    r.feed(encode("MULTI") + encode("GET") + encode("EXEC") + encode("EXEC") + encode("MULTI") + encode("EXEC", "x"))
    stats = {name: (calls, rejected, failed)
             for name, calls, _, rejected, failed in figures.command_stats(r.server.core)}
    assert stats["exec"] == (2, 1, 2) and stats["get"] == (0, 1, 0)
    assert figures.error_stats(r.server.core) == [("ERR", 2), ("EXECABORT", 2)]


# ---------------------------------------------------------------- effects

def test_effects_of_all_are_told_together_and_in_order(r):
    run(r, "SET a 1", "INCR a", "GET a", "DEL a", "RPUSH l x")
    assert r.effects == [Effect("set", b"a", 1), Effect("incrby", b"a", 1), Effect("del", b"a", 1),
                         Effect("rpush", b"l", 1)]
    assert r.propagated == [MULTI, [b"SET", b"a", b"1"], [b"INCR", b"a"], [b"DEL", b"a"], [b"RPUSH", b"l", b"x"], EXEC]


def test_what_changed_nothing_is_not_propagated_and_one_alone_is_not_wrapped(r):
    run(r, "GET a", "DEL a", "LRANGE l 0 -1")
    assert r.effects == [] and r.propagated == []
    run(r, "GET a", "SET a 1", "DEL none")
    assert r.propagated == [[b"SET", b"a", b"1"]]


def test_rewrites_stand_where_their_commands_stood(r):
    run(r, "SET a 1 EX 10", "SADD s a", "SPOP s", "SET b 2", "FLUSHALL")
    at = b"%d" % (r.now_ms + 10_000)
    assert r.propagated == [MULTI, [b"SET", b"a", b"1", b"PXAT", at], [b"SADD", b"s", b"a"], [b"SREM", b"s", b"a"],
                            [b"SET", b"b", b"2"], [b"FLUSHALL"], EXEC]
    run(r, "FLUSHALL")
    assert r.propagated == [[b"FLUSHALL"]]


def test_keys_met_expired_are_propagated_before_what_met_them(r):
    r("SET", "a", 1, "PX", 5)
    r("SET", "b", 1, "PX", 5)
    r.advance(ms=6)
    run(r, "SET c 1", "GET a", "INCR b")
    assert r.effects == [Effect("set", b"c", 1), Effect("expired", b"a", 0), Effect("expired", b"b", 0),
                         Effect("incrby", b"b", 1)]
    assert r.propagated == [MULTI, [b"SET", b"c", b"1"], [b"DEL", b"a"], [b"DEL", b"b"], [b"INCR", b"b"], EXEC]


def test_effects_know_their_database(r):
    run(r, "SET a 1", "SELECT 3", "SET b 1", "SWAPDB 0 3")
    assert r.effects == [Effect("set", b"a", 1, 0), Effect("set", b"b", 1, 3), Effect("swapdb", b"", 1, 0),
                         Effect("swapdb", b"", 0, 3)]


def test_several_commands_for_one_are_a_transaction_outside_of_multi_too(r):
    for key in "ab":
        r("SET", key, 1, "PX", 5)
    r.advance(ms=6)
    r("MGET", "a", "b")
    assert r.propagated == [MULTI, [b"DEL", b"a"], [b"DEL", b"b"], EXEC]


@pytest.mark.parametrize("words", [["SCAN", 0, "COUNT", 100], ["RANDOMKEY"]], ids=lambda words: words[0])
def test_keys_that_nobody_named_expire_one_by_one_but_within_exec(r, words):
    def given():
        for key in "abcdef":
            r("SET", key, 1, "PX", 5)
        r.advance(ms=6)

    given()
    r(*words)
    assert len(r.propagated) == 6 and MULTI not in r.propagated
    given()
    run(r, " ".join(map(str, words)))
    assert len(r.propagated) == 8 and r.propagated[::7] == [MULTI, EXEC]


def test_the_active_cycle_is_no_transaction(r):
    for key in "abc":
        r("SET", key, 1, "PX", 5)
    r.advance(ms=6)
    r.session.clear()
    r.cycle()
    assert sorted(r.propagated) == [[b"DEL", b"a"], [b"DEL", b"b"], [b"DEL", b"c"]]


# ---------------------------------------------------------------- watching

CHANGES = ["SET k 2", "APPEND k x", "DEL k", "UNLINK k", "EXPIRE k 100", "PERSIST t", "RENAME k z", "RENAME t k",
           "MOVE k 3", "COPY t k REPLACE", "FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "GETDEL k", "GETEX k PX 100",
           "SORT l STORE k", "DEBUG POPULATE 1 pop"]


@pytest.fixture
def w(r):
    """Another client."""
    return R(r.server)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("own", [False, True], ids=["of another client", "of its own"])
def test_a_change_of_a_watched_key_makes_exec_answer_null(change, own):
    r = R(enable_debug_command="yes")
    w = R(r.server)
    for words in ("SET k 1", "SET t 1 EX 1000", "RPUSH l 1"):
        r(*words.split())
    assert w("WATCH", "k", "t", "pop:0") == OK
    assert (w if own else r)(*change.split()) in (OK, 1, 2, b"1")
    assert run(w, "SET done 1") is None
    assert w("EXISTS", "done") == 0
    assert run(w, "SET done 1") == [OK]                    # watched but once
    assert figures.watching(r.server.core) == {"clients": 0, "keys": 0}


@pytest.mark.parametrize("words", ["GET k", "SET other 1", "EXPIRE none 10", "DEL none", "SETNX k 2", "SELECT 1",
                                   "OBJECT ENCODING k", "TOUCH k", "FLUSHDB", "SWAPDB 1 2"])
def test_what_changes_nothing_of_it_lets_exec_run(r, w, words):
    r("SET", "k", 1)
    w("WATCH", "k", "none")
    r("SELECT", 1 if words == "FLUSHDB" else 0)
    r(*words.split())
    assert run(w, "PING") == ["PONG"]


def test_a_change_undone_is_a_change_all_the_same(r, w):
    w("WATCH", "none")
    r("SET", "none", 1)
    r("DEL", "none")
    assert run(w, "PING") is None


def test_a_watch_is_for_the_database_it_was_made_in(r, w):
    w("WATCH", "k")
    w("SELECT", 1)
    w("SET", "k", 1)
    assert run(w, "PING") == ["PONG"]
    w("WATCH", "k")
    r("SELECT", 1)
    r("APPEND", "k", "x")
    assert run(w, "PING") is None


def test_what_exec_runs_itself_is_no_change(r):
    r("WATCH", "k")
    assert run(r, "SET k 1", "SET k 2") == [OK, OK]
    assert run(r, "GET k") == [b"2"]


def test_a_transaction_of_another_client_is_a_change(r, w):
    w("WATCH", "k")
    run(r, "PING", "SET k 1")
    assert run(w, "PING") is None


@pytest.mark.parametrize("end", ["UNWATCH", "MULTI DISCARD", "MULTI EXEC", "RESET"])
def test_watching_ends(r, w, end):
    w("WATCH", "k")
    for words in end.split():
        w(words)
    assert figures.watching(r.server.core) == {"clients": 0, "keys": 0}
    r("SET", "k", 1)
    assert run(w, "PING") == ["PONG"]


def test_unwatch_forgives_what_has_changed(r, w):
    w("WATCH", "k")
    r("SET", "k", 1)
    w("UNWATCH")
    assert run(w, "PING") == ["PONG"]


def test_a_refused_command_outweighs_a_changed_key(r, w):
    w("WATCH", "k")
    r("SET", "k", 1)
    w("MULTI")
    error_of(w, "GET")
    assert error_of(w, "EXEC") == ABORTED


def test_null_of_exec_is_one_of_resp3_too(r):
    r("HELLO", 3)
    r("WATCH", "k")
    r("SET", "k", 1)
    r("MULTI")
    assert r.raw("EXEC") == b"_\r\n"


def test_watchers_are_counted_and_gone_when_they_leave(r, w):
    w("WATCH", "a", "b", "a")
    other = R(r.server)
    other("WATCH", "a")
    assert figures.watching(r.server.core) == {"clients": 2, "keys": 2}
    assert b"watching_clients:2" in r("INFO", "clients") and b"total_watched_keys:2" in r("INFO", "clients")
    del other
    assert figures.watching(r.server.core) == {"clients": 1, "keys": 2}
    w("UNWATCH")
    assert figures.watching(r.server.core) == {"clients": 0, "keys": 0}


# ---------------------------------------------------------------- watching and time

def test_a_key_whose_time_runs_out_before_exec_makes_it_fail(r, w):
    r("SET", "k", 1, "PX", 10)
    w("WATCH", "k")
    r.advance(ms=11)
    assert run(w, "PING") is None


@pytest.mark.parametrize("how", ["lazily", "actively"])
def test_a_key_that_was_removed_as_its_time_was_over_has_changed(r, w, how):
    r("SET", "k", 1, "PX", 10)
    w("WATCH", "k")
    r.advance(ms=11)
    if how == "lazily":
        assert r("GET", "k") is None
    else:
        r.cycle()
    assert run(w, "PING") is None


@pytest.mark.parametrize("meanwhile", ["GET k", "DEL k", "FLUSHALL", "KEYS *", "SWAPDB 0 1"])
def test_a_key_that_was_over_when_it_was_watched_may_be_removed(r, w, meanwhile):
    r("SET", "k", 1, "PX", 10)
    r.advance(ms=11)
    w("WATCH", "k")
    r(*meanwhile.split())
    assert run(w, "PING") == ["PONG"]


@pytest.mark.parametrize("meanwhile", ["SET k 2", "INCR k", "RENAME other k", "COPY other k REPLACE"])
def test_a_key_that_was_over_when_it_was_watched_may_not_come_to_life(r, w, meanwhile):
    r("SET", "k", 1, "PX", 10)
    r("SET", "other", 1)
    r.advance(ms=11)
    w("WATCH", "k")
    r(*meanwhile.split())
    assert run(w, "PING") is None


def test_after_its_removal_a_key_that_was_over_counts_like_any_other(r, w):
    r("SET", "k", 1, "PX", 10)
    r.advance(ms=11)
    w("WATCH", "k")
    r("GET", "k")
    r("SET", "k", 2)
    assert run(w, "PING") is None


def test_an_exchange_of_databases_touches_what_is_in_either(r, w):
    clients = here, there, over, nowhere = [R(r.server) for _ in range(4)]
    r("SET", "here", 1)
    r("SELECT", 1)
    r("SET", "there", 1)
    r("SET", "over", 1, "PX", 5)
    r.advance(ms=6)
    for client, key in zip(clients, ["here", "there", "over", "nowhere"], strict=True):
        client("WATCH", key)
    r("SWAPDB", 0, 1)
    assert (run(here), run(there), run(nowhere), run(over)) == (None, None, [], [])


# ---------------------------------------------------------------- waiting

BLOCKING = [("BLPOP none 0", None), ("BRPOP none also 0", None), ("BLMOVE none to LEFT RIGHT 0", None),
            ("BRPOPLPUSH none to 0", None), ("BLMPOP 0 1 none LEFT", None), ("BZPOPMIN none 0", None),
            ("BZPOPMAX none 0", None), ("BZMPOP 0 1 none MIN", None), ("XREAD BLOCK 0 STREAMS none $", None),
            ("XREADGROUP GROUP g c BLOCK 0 STREAMS stream >", None)]


@pytest.mark.parametrize("words", [words for words, _ in BLOCKING])
def test_blocking_commands_do_not_wait_within(r, words):
    r("XGROUP", "CREATE", "stream", "g", "$", "MKSTREAM")
    assert run(r, words, "PING") == [None, "PONG"]
    assert figures.blocked(r.server.core)["clients"] == 0
    r("RPUSH", "l", "a")
    assert run(r, "BLPOP l 0", "BLPOP l 0") == [[b"l", b"a"], None]
    assert r.propagated == [[b"LPOP", b"l"]]


def test_who_waits_is_served_after_the_whole_transaction(r, w):
    assert w.feed(encode("BLPOP", "l", 0)) == []
    assert run(r, "RPUSH l a", "DEL l") == [1, 1]
    assert w.taken() == []
    assert run(r, "RPUSH l a", "LPUSH l b", "LLEN l") == [1, 2, 2]
    assert w.taken() == [[b"l", b"b"]]
    assert r("LRANGE", "l", 0, -1) == [b"a"]


def test_waiting_outside_is_allowed_again_after_exec(r):
    run(r, "BLPOP l 0")
    assert r.feed(encode("BLPOP", "l", 0)) == []


# ---------------------------------------------------------------- gates

def test_out_of_memory_refuses_what_is_queued_and_exec_of_it():
    r = R()
    other = R(r.server)
    queue(r, "GET a", "SET a 1")
    other("CONFIG", "SET", "maxmemory", 1)
    assert error_of(r, "EXEC").startswith("EXECABORT Transaction discarded because of: OOM command not allowed")
    assert error_of(r, "EXEC") == "ERR EXEC without MULTI"
    assert run(r, "GET a", "DEL a") == [None, 0]
    r("MULTI")
    with raises_reply("OOM"):
        r("SET", "a", 1)
    assert error_of(r, "EXEC") == ABORTED


def test_a_pause_of_writes_holds_exec_only_if_it_writes(r, w):
    queue(w, "SET a 1")
    reader = R(r.server)
    queue(reader, "GET a")
    r("CLIENT", "PAUSE", 100_000, "WRITE")
    assert w.feed(encode("EXEC")) == []
    assert reader("EXEC") == [None]
    r("CLIENT", "UNPAUSE")
    r.cycle()
    assert w.taken() == [[OK]]


def test_a_pause_holds_what_would_be_queued(r, w):
    w("MULTI")
    r("CLIENT", "PAUSE", 100_000, "WRITE")
    assert w("GET", "a") == QUEUED
    assert w.feed(encode("SET", "a", 1)) == []
    r("CLIENT", "UNPAUSE")
    r.cycle()
    assert w.taken() == [QUEUED]
    assert w("EXEC") == [None, OK]


# ---------------------------------------------------------------- replies that are not wanted

@pytest.mark.parametrize(("commands", "replies"), [
    ("MULTI|CLIENT REPLY OFF|PING|EXEC|PING", b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n"),
    ("MULTI|CLIENT REPLY SKIP|PING|EXEC|PING|ECHO b", b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+PONG\r\n$1\r\nb\r\n"),
    ("CLIENT REPLY OFF|MULTI|PING|CLIENT REPLY ON|PING|EXEC|PING", b"+OK\r\n+PONG\r\n+PONG\r\n"),
    ("CLIENT REPLY SKIP|MULTI|PING|CLIENT REPLY SKIP|EXEC|CLIENT REPLY SKIP|EXEC|PING",
     b"+QUEUED\r\n+QUEUED\r\n*2\r\n+PONG\r\n+PONG\r\n"),
    ("WATCH k|SET k 1|MULTI|CLIENT REPLY OFF|EXEC|PING", b"+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n+PONG\r\n"),
])
def test_replies_that_are_not_wanted_are_left_out_as_redis_does(r, commands, replies):
    assert r.session.feed(b"".join(encode(*words.split()) for words in commands.split("|"))) == replies


# ---------------------------------------------------------------- what is shown

def fields(r, other):
    (line,) = [line for line in r("CLIENT", "LIST").decode().splitlines() if line.startswith(f"id={other.session.id} ")]
    return dict(field.split("=", 1) for field in line.split())


def test_client_list_shows_the_transaction(r, w):
    shown = fields(r, w)
    assert [shown[name] for name in ("flags", "multi", "watch", "multi-mem")] == ["N", "-1", "0", "0"]
    w("WATCH", "a", "b")
    queue(w, "SET a 1", "GET a")
    shown = fields(r, w)
    assert [shown[name] for name in ("flags", "multi", "watch", "cmd")] == ["x", "2", "2", "get"]
    assert int(shown["multi-mem"]) > 50
    r("SET", "a", 1)
    assert [fields(r, w)[name] for name in ("flags", "multi", "watch")] == ["xd", "2", "0"]
    assert w("EXEC") is None
    assert [fields(r, w)[name] for name in ("flags", "multi", "multi-mem", "cmd")] == ["N", "-1", "0", "exec"]


def test_within_exec_a_client_sees_itself_in_multi(r):
    (line,) = run(r, "CLIENT INFO")
    assert b" flags=x " in line and b" multi=1 " in line and b" cmd=exec " in line


def test_the_queue_is_the_clients_memory_and_comes_back(r, w):
    used = []
    for end in ("DISCARD", "DISCARD", "EXEC", "EXEC"):       # the first time buffers come to stay
        idle = int(fields(r, w)["tot-mem"])
        w("WATCH", "a", "b")
        w("MULTI")
        for _ in range(100):
            w("SET", "k", "v" * 1000)
        assert int(fields(r, w)["tot-mem"]) > idle + 100_000
        assert int(fields(r, w)["multi-mem"]) > 100_000
        w(end)
        assert int(fields(r, w)["tot-mem"]) == idle
        used.append(r.session.memory_used)
    assert used[0] == used[1] and used[2] == used[3]


def test_nothing_more_is_kept_once_exec_can_only_fail(r, w):
    w("MULTI")
    error_of(w, "NOSUCH")
    assert w("SET", "k", "v") == QUEUED
    assert fields(r, w)["multi"] == "0"


def test_a_client_that_leaves_in_the_middle_leaves_nothing(r):
    used = []
    for _ in range(3):
        other = R(r.server)
        other("WATCH", "a", "b")
        queue(other, "SET a 1", "SET b 1")
        del other
        assert figures.watching(r.server.core) == {"clients": 0, "keys": 0}
        used.append(r.session.memory_used)
    assert used[1] == used[2]
