"""DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME, RENAMENX, COPY, MOVE, RANDOMKEY, OBJECT."""

from collections import Counter

import pytest

from tests.session import EXEC, MULTI, Effect, R, Replies, ReplyError, raises_reply

OUT_OF_I32 = "ERR value is out of range, value must between -2147483648 and 2147483647"


def expired(r, key):
    """A key whose time is over, but which is still there."""
    r("SET", key, "old", "PX", 10)
    r.advance(ms=11)


def contents(r, db=0):
    """Every live key of a database with its value and expiry."""
    r("SELECT", db)
    found = {key: (r("GET", key), r("PEXPIRETIME", key)) for key in r("KEYS", "*")}
    r("SELECT", 0)
    return found


# ------------------------------------------------------------ DEL, UNLINK

@pytest.mark.parametrize("command", ["DEL", "UNLINK"])
def test_del_counts_the_keys_that_were_there_and_tells_of_each(r, command):
    r("SET", "a", 1)
    r("SET", "b", 1, "PX", 1000)
    assert r(command, "a", "missing", "b", "a") == 2
    assert r.effects == [Effect("del", b"a", 1), Effect("del", b"b", 1)]
    assert r.propagated == [[command.encode(), b"a", b"missing", b"b", b"a"]]
    assert r("EXISTS", "a", "b") == 0


@pytest.mark.parametrize("command", ["DEL", "UNLINK"])
def test_del_of_nothing_changes_nothing(r, command):
    assert r(command, "a", "b") == 0
    assert (r.effects, r.propagated) == ([], [])


def test_del_does_not_count_an_expired_key_but_removes_it(r):
    expired(r, "k")
    r("SET", "other", 1)
    assert r("DEL", "k", "other") == 1
    assert r.effects == [Effect("expired", b"k", 0), Effect("del", b"other", 1)]
    assert r.propagated == [MULTI, [b"DEL", b"k"], [b"DEL", b"k", b"other"], EXEC]


def test_del_takes_more_keys_than_are_prefetched_at_once(r):
    for i in range(0, 100, 2):
        r("SET", f"k{i}", i)
    assert r("DEL", *(f"k{i}" for i in range(100))) == 50
    assert r("DBSIZE") == 0


@pytest.mark.parametrize("value", ["1", "short", "x" * 100, "x" * 100_000])
def test_del_frees_every_form_of_a_value(r, value):
    used = []
    for _ in range(3):
        r("SET", "k", value, "PX", 1000)
        r("DEL", "k")
        r("SET", "k", value)
        r("UNLINK", "k")
        used.append(r.session.memory_used)
    assert used[0] == used[1] == used[2]


# ------------------------------------------------------------ EXISTS, TOUCH, TYPE

@pytest.mark.parametrize("command", ["EXISTS", "TOUCH"])
def test_a_key_named_twice_counts_twice(r, command):
    r("SET", "a", 1)
    assert r(command, "a", "b", "a") == 2
    assert (r.effects, r.propagated) == ([], [])


@pytest.mark.parametrize("command", ["EXISTS", "TOUCH"])
def test_an_expired_key_is_not_counted(r, command):
    expired(r, "k")
    assert r(command, "k") == 0
    assert r.effects == [Effect("expired", b"k", 0)]
    assert r.propagated == [[b"DEL", b"k"]]


def test_touch_marks_a_key_as_used_and_looking_at_it_does_not(r):
    r("SET", "k", 1)
    r.advance(ms=50_001)
    for command in ("EXISTS k", "TYPE k", "TTL k", "PTTL k", "EXPIRETIME k", "OBJECT ENCODING k",
                    "OBJECT REFCOUNT k"):
        r(*command.split())
        assert r("OBJECT", "IDLETIME", "k") == 50
    r("TOUCH", "k")
    assert r("OBJECT", "IDLETIME", "k") == 0


@pytest.mark.parametrize("command", ["GET k", "EXPIRE k 100", "COPY k k2", "RENAMENX k other"])
def test_commands_that_use_a_key_mark_it(r, command):
    r("SET", "k", 1)
    r("SET", "other", 1)
    r.advance(ms=50_001)
    r(*command.split())
    assert r("OBJECT", "IDLETIME", "k") == 0


def test_type_names_the_type_or_none(r):
    r("SET", "k", 1)
    assert r("TYPE", "k") == "string"
    assert r("TYPE", "missing") == "none"
    expired(r, "old")
    assert r("TYPE", "old") == "none"


# ------------------------------------------------------------ RANDOMKEY

def test_randomkey_of_an_empty_database_is_null(r):
    assert r("RANDOMKEY") is None


def test_randomkey_names_every_live_key_sooner_or_later(r):
    for i in range(10):
        r("SET", f"k{i}", i)
    counts = Counter(r("RANDOMKEY") for _ in range(500))
    assert set(counts) == {b"k%d" % i for i in range(10)}


def test_randomkey_removes_expired_keys_that_it_meets(r):
    for i in range(300):
        r("SET", f"k{i}", i, "PX", 10)
    r.advance(ms=11)
    assert r("RANDOMKEY") is None
    assert {effect.key for effect in r.effects} == {b"k%d" % i for i in range(300)}
    assert {effect.event for effect in r.effects} == {"expired"}
    assert sorted(r.propagated) == sorted([b"DEL", b"k%d" % i] for i in range(300))
    assert r("DBSIZE") == 0


def test_randomkey_finds_the_one_live_key_among_many_expired(r):
    for i in range(500):
        r("SET", f"k{i}", i, "PX", 10)
    r("SET", "live", 1)
    r.advance(ms=11)
    assert r("RANDOMKEY") == b"live"


# ------------------------------------------------------------ RENAME, RENAMENX

@pytest.mark.parametrize("command", ["RENAME", "RENAMENX"])
@pytest.mark.parametrize("ttl", [[], ["PX", 5000]])
@pytest.mark.parametrize("value", ["17", "text", "x" * 5000])
def test_rename_moves_value_and_expiry(r, command, ttl, value):
    r("SET", "a", value, *ttl)
    left = r("PTTL", "a")
    assert r(command, "a", "b" * 300) == ("OK" if command == "RENAME" else 1)
    assert r.effects == [Effect("rename_from", b"a", 1), Effect("rename_to", b"b" * 300, 0)]
    assert r.propagated == [[command.encode(), b"a", b"b" * 300]]
    assert r("GET", "b" * 300) == value.encode()
    assert r("PTTL", "b" * 300) == left
    assert r("DBSIZE") == 1


def test_rename_replaces_what_had_the_name_with_its_expiry(r):
    r("SET", "a", "new")
    r("SET", "b", "old", "PX", 5000)
    assert r("RENAME", "a", "b") == "OK"
    assert r.effects == [Effect("rename_from", b"a", 1), Effect("rename_to", b"b", 0)]
    assert contents(r) == {b"b": (b"new", -1)}


def test_rename_to_an_expired_name_lets_that_expire_first(r):
    expired(r, "b")
    r("SET", "a", "new")
    assert r("RENAMENX", "a", "b") == 1
    assert [e.event for e in r.effects] == ["expired", "rename_from", "rename_to"]
    assert r.propagated == [MULTI, [b"DEL", b"b"], [b"RENAMENX", b"a", b"b"], EXEC]


def test_renamenx_keeps_a_name_that_is_taken(r):
    r("SET", "a", 1)
    r("SET", "b", 2)
    assert r("RENAMENX", "a", "b") == 0
    assert (r.effects, r.propagated) == ([], [])
    assert contents(r) == {b"a": (b"1", -1), b"b": (b"2", -1)}


def test_rename_to_itself_is_fine_and_changes_nothing(r):
    r("SET", "a", 1)
    assert r("RENAME", "a", "a") == "OK"
    assert r("RENAMENX", "a", "a") == 0
    assert (r.effects, r.propagated) == ([], [])
    assert r("GET", "a") == b"1"


@pytest.mark.parametrize("command", ["RENAME", "RENAMENX"])
def test_rename_of_a_missing_key_is_an_error(r, command):
    r("SET", "b", 1)
    for name in ("missing", "b"):
        with raises_reply("ERR no such key"):
            r(command, "missing", name)
    assert contents(r) == {b"b": (b"1", -1)}


def test_rename_of_an_expired_key_is_an_error_and_the_key_goes(r):
    expired(r, "k")
    with raises_reply("ERR no such key"):
        r("RENAME", "k", "b")
    assert r.effects == [Effect("expired", b"k", 0)]
    assert r.propagated == [[b"DEL", b"k"]]


# ------------------------------------------------------------ COPY

@pytest.mark.parametrize("value", ["17", "text", "x" * 5000])
def test_copy_makes_a_second_key_with_value_and_expiry(r, value):
    r("SET", "a", value, "PX", 5000)
    assert r("COPY", "a", "b") == 1
    assert r.effects == [Effect("copy_to", b"b", 1)]
    assert r.propagated == [[b"COPY", b"a", b"b"]]
    assert r("PTTL", "b") == 5000
    r("SET", "a", "changed")
    assert r("GET", "b") == value.encode()


def test_copy_keeps_a_destination_unless_told_to_replace_it(r):
    r("SET", "a", "new")
    r("SET", "b", "old", "PX", 5000)
    assert r("COPY", "a", "b") == 0
    assert (r.effects, r.propagated) == ([], [])
    assert r("GET", "b") == b"old"
    assert r("COPY", "a", "b", "replace") == 1
    assert r.effects == [Effect("copy_to", b"b", 1)]
    assert contents(r) == {b"a": (b"new", -1), b"b": (b"new", -1)}


def test_copy_into_another_database(r):
    r("SET", "a", "1")
    assert r("COPY", "a", "a", "DB", 3) == 1
    assert r.effects == [Effect("copy_to", b"a", 1, 3)]
    assert contents(r, 3) == {b"a": (b"1", -1)}
    assert r("COPY", "a", "a", "DB", 3) == 0
    assert r("COPY", "a", "b", "DB", 1, "REPLACE", "DB", 2) == 1     # the last DB counts
    assert contents(r, 1) == {}
    assert contents(r, 2) == {b"b": (b"1", -1)}


def test_copy_of_a_missing_or_expired_key_copies_nothing(r):
    assert r("COPY", "missing", "b") == 0
    r("SET", "b", "kept")
    assert r("COPY", "missing", "b", "REPLACE") == 0
    assert r("GET", "b") == b"kept"
    expired(r, "k")
    assert r("COPY", "k", "b", "REPLACE") == 0
    assert r.effects == [Effect("expired", b"k", 0)]


def test_copy_over_an_expired_destination_lets_that_expire_first(r):
    expired(r, "b")
    r("SET", "a", "1")
    assert r("COPY", "a", "b") == 1
    assert r.effects == [Effect("expired", b"b", 0), Effect("copy_to", b"b", 1)]
    assert r.propagated == [MULTI, [b"DEL", b"b"], [b"COPY", b"a", b"b"], EXEC]


@pytest.mark.parametrize(("words", "error"), [
    ("a a", "ERR source and destination objects are the same"),
    ("a a REPLACE", "ERR source and destination objects are the same"),
    ("a a DB 0", "ERR source and destination objects are the same"),
    ("none none", "ERR source and destination objects are the same"),
    ("a b DB", "ERR syntax error"),
    ("a b FOO", "ERR syntax error"),
    ("a b REPLACE FOO", "ERR syntax error"),
    ("a b DB x FOO", "ERR value is not an integer or out of range"),
    ("a b DB 16 FOO", "ERR DB index is out of range"),
    ("a b DB -1", "ERR DB index is out of range"),
    ("a b DB 2147483648", OUT_OF_I32),
    ("a b DB -2147483649", OUT_OF_I32),
    ("a", "ERR wrong number of arguments for 'copy' command"),
])
def test_copy_refuses(r, words, error):
    r("SET", "a", 1)
    with raises_reply(error):
        r("COPY", *words.split())
    assert r.effects == []
    assert contents(r) == {b"a": (b"1", -1)}


# ------------------------------------------------------------ MOVE

def test_move_takes_a_key_with_its_expiry_to_another_database(r):
    r("SET", "k", "v", "PX", 5000)
    assert r("MOVE", "k", 2) == 1
    assert r.effects == [Effect("move_from", b"k", 1, 0), Effect("move_to", b"k", 0, 2)]
    assert r.propagated == [[b"MOVE", b"k", b"2"]]
    assert contents(r) == {}
    assert contents(r, 2) == {b"k": (b"v", r.now_ms + 5000)}
    r.advance(ms=5001)
    assert contents(r, 2) == {}


def test_move_leaves_a_key_that_is_already_there_alone(r):
    r("SELECT", 1)
    r("SET", "k", "there")
    r("SELECT", 0)
    r("SET", "k", "here")
    assert r("MOVE", "k", 1) == 0
    assert (r.effects, r.propagated) == ([], [])
    assert contents(r, 1) == {b"k": (b"there", -1)}
    assert contents(r, 0) == {b"k": (b"here", -1)}


def test_move_takes_the_place_of_an_expired_key(r):
    r("SELECT", 1)
    expired(r, "k")
    r("SELECT", 0)
    r("SET", "k", "here")
    assert r("MOVE", "k", 1) == 1
    assert r.effects == [Effect("expired", b"k", 0, 1), Effect("move_from", b"k", 1, 0),
                         Effect("move_to", b"k", 0, 1)]
    assert contents(r, 1) == {b"k": (b"here", -1)}


def test_move_of_a_missing_key_moves_nothing(r):
    assert r("MOVE", "missing", 1) == 0
    assert (r.effects, r.propagated) == ([], [])


@pytest.mark.parametrize(("db", "error"), [
    ("0", "ERR source and destination objects are the same"),
    ("x", "ERR value is not an integer or out of range"),
    ("16", "ERR DB index is out of range"),
    ("-1", "ERR DB index is out of range"),
    ("99999999999", OUT_OF_I32),
    ("99999999999999999999", "ERR value is not an integer or out of range"),
])
@pytest.mark.parametrize("key", ["k", "missing"])
def test_move_refuses(r, key, db, error):
    r("SET", "k", 1)
    with raises_reply(error):
        r("MOVE", key, db)
    assert r.effects == []


# ------------------------------------------------------------ OBJECT

@pytest.mark.parametrize("word", ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"])
def test_object_of_a_missing_key_is_null(r, word):
    assert r("OBJECT", word, "missing") is None
    assert r.raw("OBJECT", word, "missing") == b"$-1\r\n"


@pytest.mark.parametrize(("value", "encoding"), [
    ("12", "int"), ("-9223372036854775808", "int"), ("9223372036854775808", "embstr"), ("007", "embstr"),
    ("", "embstr"), ("x" * 44, "embstr"), ("x" * 45, "raw"), ("x" * 5000, "raw"),
])
def test_object_encoding_of_strings(r, value, encoding):
    r("SET", "k", value)
    assert r("OBJECT", "ENCODING", "k") == encoding.encode()


def test_object_freq_needs_an_lfu_policy_and_idletime_another(r):
    r("SET", "k", 1)
    with raises_reply("ERR An LFU maxmemory policy is not selected, access frequency not tracked."):
        r("OBJECT", "FREQ", "k")
    r.server.core.set_policy(True, 10, 1)
    with raises_reply("ERR An LFU maxmemory policy is selected, idle time not tracked."):
        r("OBJECT", "IDLETIME", "k")
    r("SET", "fresh", 1)
    assert r("OBJECT", "FREQ", "fresh") == 5
    r.server.core.set_policy(False, 10, 1)


@pytest.mark.parametrize(("value", "count"), [
    ("0", 2147483647), ("9999", 2147483647), ("10000", 1), ("-1", 1), ("text", 1), ("5.0", 1),
])
def test_object_refcount_tells_what_redis_tells_of_its_shared_integers(r, value, count):
    r("SET", "k", value)
    assert r("OBJECT", "REFCOUNT", "k") == count


@pytest.mark.parametrize(("policy", "limit", "count"), [
    ("allkeys-lru", 1 << 30, 1), ("volatile-lfu", 1 << 30, 1), ("allkeys-lru", 0, 2147483647),
    ("allkeys-random", 1 << 30, 2147483647), ("noeviction", 1 << 30, 2147483647)])
def test_integers_are_not_told_to_be_shared_when_the_use_of_each_counts(policy, limit, count):
    r = R(maxmemory_policy=policy)
    r("CONFIG", "SET", "maxmemory", limit)
    r("SET", "k", 1)
    assert r("OBJECT", "REFCOUNT", "k") == count


def test_object_help_is_lines_of_status(r):
    reply = Replies(r.raw("OBJECT", "HELP")).next()
    assert reply[0] == "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert {"ENCODING <key>", "FREQ <key>", "IDLETIME <key>", "REFCOUNT <key>", "HELP"} <= set(reply)


def test_object_refuses_other_words_and_counts(r):
    with raises_reply("ERR unknown subcommand 'foo'. Try OBJECT HELP."):
        r("OBJECT", "foo", "k")
    with raises_reply("ERR wrong number of arguments for 'object|encoding' command"):
        r("OBJECT", "ENCODING")
    with raises_reply("ERR wrong number of arguments for 'object' command"):
        r("OBJECT")


@pytest.mark.parametrize("command", ["DEL", "UNLINK", "EXISTS", "TOUCH", "TYPE", "RENAME a", "RANDOMKEY x"])
def test_the_wrong_number_of_arguments_is_an_error(r, command):
    name = command.split()[0].lower()
    with raises_reply(f"ERR wrong number of arguments for '{name}' command"):
        r(*command.split())


def test_nothing_leaks_over_a_life_of_renames_copies_and_moves():
    r = R()
    for round_ in range(3):
        for i in range(50):
            r("SET", f"k{i}", "x" * (i * 100), *(["PX", 100_000] if i % 2 else []))
            r("COPY", f"k{i}", f"c{i}")
            r("RENAME", f"c{i}", f"n{i}")
            r("MOVE", f"n{i}", 1)
        r("FLUSHALL")
        if round_ == 0:
            used = r.session.memory_used
    assert r.session.memory_used == used


def test_errors_reach_a_pipeline_in_their_places(r):
    replies = r.feed(b"DEL\r\nEXISTS a\r\nRENAME a b\r\n")
    assert isinstance(replies[0], ReplyError)
    assert replies[1] == 0
    assert str(replies[2]) == "ERR no such key"


def test_randomkey_ends_when_all_keys_are_expired_and_a_pause_keeps_them(r):
    for i in range(20):
        r("SET", i, i, "PX", 1)
    r.advance(10)
    r("CLIENT", "PAUSE", 100_000, "WRITE")
    assert r("RANDOMKEY") is None
    assert r("DBSIZE") == 20


def test_randomkey_finds_the_one_lasting_key_among_expired_ones_that_a_pause_keeps(r):
    for i in range(1000):
        r("SET", i, i, "PX", 1)
    r("SET", "lasting", 1)
    r.advance(10)
    r("CLIENT", "PAUSE", 100_000, "WRITE")
    assert r("RANDOMKEY") == b"lasting"
