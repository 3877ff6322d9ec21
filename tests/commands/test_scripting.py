"""EVAL, EVALSHA and SCRIPT: what scripts get, what they may, what becomes of what they return."""

import hashlib

import _pyredis.figures as figures
import pytest

from tests.session import Effect, R, ReplyError, raises_reply


def sha(script):
    return hashlib.sha1(script.encode()).hexdigest()


def where(script, line=1):
    """What follows an error's own text."""
    return f" script: {sha(script)}, on @user_script:{line}."


# ---------------------------------------------------------------- running

def test_a_script_gets_its_keys_and_its_arguments(r):
    assert r("EVAL", "return {KEYS[1], KEYS[2], ARGV[1], #KEYS, #ARGV}", 2, "a", "b", "c") == [b"a", b"b", b"c", 2, 1]


def test_a_script_calls_commands(r):
    assert r("EVAL", "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])", 1, "k", "v") == b"v"
    assert r("GET", "k") == b"v"


def test_server_is_another_name_of_redis(r):
    assert r("EVAL", "return server.call('ECHO', 'x')", 0) == b"x"


def test_evalsha_runs_what_eval_or_script_load_brought(r):
    r("EVAL", "return 1", 0)
    assert r("EVALSHA", sha("return 1"), 0) == 1
    assert r("SCRIPT", "LOAD", "return 2") == sha("return 2").encode()
    assert r("EVALSHA", sha("return 2").upper(), 0) == 2
    with raises_reply("NOSCRIPT No matching script. Please use EVAL."):
        r("EVALSHA", sha("return 3"), 0)


@pytest.mark.parametrize(("words", "error"), [
    (("EVAL", "return 1", "x"), "ERR value is not an integer or out of range"),
    (("EVAL", "return 1", -1), "ERR Number of keys can't be negative"),
    (("EVAL", "return 1", 1), "ERR Number of keys can't be greater than number of args"),
    (("EVALSHA", "x", "x"), "NOSCRIPT No matching script. Please use EVAL."),
    (("EVALSHA", "x" * 40, "x"), "ERR value is not an integer or out of range"),
    (("EVAL", "x x", 0), "ERR Error compiling script (new function): user_script:1: '=' expected near 'x'"),
    (("EVAL", "#!lua", 0), "ERR Invalid script shebang"),
    (("EVAL", "#!js\nx", 0), "ERR Unexpected engine in script shebang: #!js"),
    (("EVAL", "#!lua a=b\nx", 0), "ERR Unknown lua shebang option: a=b"),
    (("EVAL", "#!lua flags=x\nx", 0), "ERR Unexpected flag in script shebang: x"),
    (("SCRIPT", "FLUSH", "x"), "ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
    (("SCRIPT", "KILL"), "NOTBUSY No scripts in execution right now."),
    (("SCRIPT", "DEBUG", "x"), "ERR Use SCRIPT DEBUG YES/SYNC/NO"),
])
def test_what_cannot_run_is_refused(r, words, error):
    with raises_reply(error):
        r(*words)


def test_script_exists_show_and_flush(r):
    r("SCRIPT", "LOAD", "return 1")
    assert r("SCRIPT", "EXISTS", sha("return 1"), sha("return 1").upper(), "x", sha("return 2")) == [1, 1, 0, 0]
    assert r("SCRIPT", "SHOW", sha("return 1")) == b"return 1"
    assert r("SCRIPT", "FLUSH", "ASYNC") == "OK"
    assert r("SCRIPT", "EXISTS", sha("return 1")) == [0]
    with raises_reply("NOSCRIPT"):
        r("SCRIPT", "SHOW", sha("return 1"))


def test_scripts_that_eval_brought_make_way_for_newer_ones_and_loaded_ones_stay(r):
    r("SCRIPT", "LOAD", "return 'kept'")
    for i in range(502):
        r("EVAL", f"return {i}", 0)
        r("EVALSHA", sha("return 0"), 0)
    names = [sha(script) for script in ("return 'kept'", "return 0", "return 1", "return 501")]
    assert r("SCRIPT", "EXISTS", *names) == [1, 1, 0, 1]
    assert figures.scripts(r.server.core)["scripts"] == 501
    assert figures.scripts(r.server.core)["evicted"] == 2


# ---------------------------------------------------------------- errors

@pytest.mark.parametrize(("script", "error"), [
    ("error('x')", "ERR user_script:1: x"),
    ("error({err='MY x'})", "MY x"),
    ("error({})", "ERR unknown error"),
    ("error()", "ERR nil"),
    ("error(true)", "ERR true"),
    ("return nothing", "ERR user_script:1: Script attempted to access nonexistent global variable 'nothing'"),
    ("return redis.call('nothing')", "ERR Unknown Redis command called from script"),
    ("return redis.call('get')", "ERR Wrong number of args calling Redis command from script"),
    ("return redis.call('eval', '', 0)", "ERR This Redis command is not allowed from script"),
    ("return redis.call()", "ERR Please specify at least one argument for this redis lib call"),
    ("return redis.call({})", "ERR Lua redis lib command arguments must be strings or integers"),
    ("return redis.call('lpush', 's', 1)", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ("return redis.sha1hex()", "ERR wrong number of arguments"),
    ("redis.log(1)", "ERR redis.log() requires two arguments or more."),
    ("redis.log('x', 'y')", "ERR First argument must be a number (log level)."),
    ("redis.log(4, 'y')", "ERR Invalid log level."),
    ("redis.setresp(1)", "ERR RESP version must be 2 or 3."),
    ("redis.setresp()", "ERR redis.setresp() requires one argument."),
    ("redis.set_repl(4)", "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE."),
    ("redis.acl_check_cmd('nothing')", "ERR Invalid command passed to redis.acl_check_cmd()"),
])
def test_an_error_says_where_it_came_from(r, script, error):
    r("SET", "s", "1")
    with pytest.raises(ReplyError) as caught:
        r("EVAL", script, 0)
    assert str(caught.value) == error + where(script)


def test_an_error_names_its_line_also_below_a_shebang(r):
    script = "#!lua\n\nlocal x = nil\nreturn x.y"
    with pytest.raises(ReplyError) as caught:
        r("EVAL", script, 0)
    assert str(caught.value) == "ERR user_script:4: attempt to index local 'x' (a nil value)" + where(script, 4)


@pytest.mark.parametrize(("script", "reply"), [
    ("return redis.error_reply('My error')", "My error"),
    ("return redis.error_reply('-My error')", "My error"),
    ("return redis.error_reply('ERROR')", "ERR ERROR"),
    ("return redis.error_reply()", "ERR wrong number or type of arguments"),
    ("return {err='MY error'}", "MY error"),
    ("return redis.pcall('nothing')", "ERR Unknown Redis command called from script"),
])
def test_an_error_that_is_returned_is_an_error_reply(r, script, reply):
    with pytest.raises(ReplyError) as caught:
        r("EVAL", script, 0)
    assert str(caught.value) == reply


def test_pcall_catches_what_call_throws(r):
    r("SET", "s", "1")
    assert r("EVAL", "local ok, e = pcall(redis.call, 'lpush', 's', 1) return {tostring(ok), e}", 0) == [
        b"false", b"WRONGTYPE Operation against a key holding the wrong kind of value"]


def test_errors_are_counted_once_and_those_of_calls_where_they_arose(r):
    r("SET", "s", "1")
    for script in ("return redis.call('lpush', 's', 1)", "redis.pcall('lpush', 's', 1) return 1",
                   "return redis.call('nothing')", "redis.pcall({})", "error('x')", "return {err='MY x'}"):
        r.feed(b"*3\r\n$4\r\nEVAL\r\n$%d\r\n%b\r\n$1\r\n0\r\n" % (len(script), script.encode()))
    assert dict(figures.error_stats(r.server.core)) == {"WRONGTYPE": 2, "ERR": 2, "MY": 1}
    stats = {name: (calls, rejected, failed)
             for name, calls, _, rejected, failed in figures.command_stats(r.server.core)}
    assert stats["lpush"] == (2, 0, 2)
    assert stats["eval"] == (6, 0, 4)


# ---------------------------------------------------------------- what scripts may

@pytest.mark.parametrize("command", ["EVAL_RO", "EVALSHA_RO"])
def test_a_read_only_script_cannot_write(r, command):
    script = "return redis.call('set', 'k', 1)"
    what = script if command == "EVAL_RO" else r("SCRIPT", "LOAD", script)
    with pytest.raises(ReplyError) as caught:
        r(command, what, 0)
    assert str(caught.value) == "ERR Write commands are not allowed from read-only scripts." + where(script)
    assert r("EXISTS", "k") == 0


@pytest.mark.parametrize("call", ["'publish', 'c', 'm'", "'spublish', 'c', 'm'", "'pfcount', 'k'"])
def test_what_may_be_replicated_counts_as_a_write(r, call):
    script = f"return redis.call({call})"
    assert r("EVAL", script, 0) == 0
    for words in (("EVAL_RO", script), ("EVAL", "#!lua flags=no-writes\n" + script)):
        with raises_reply("ERR Write commands are not allowed from read-only scripts."):
            r(*words, 0)


def test_a_script_that_says_it_does_not_write_cannot(r):
    with raises_reply("ERR Write commands are not allowed from read-only scripts."):
        r("EVAL", "#!lua flags=no-writes\nreturn redis.call('set', 'k', 1)", 0)
    with raises_reply("ERR Can not execute a script with write flag using *_ro command."):
        r("EVAL_RO", "#!lua\nreturn 1", 0)
    assert r("EVAL_RO", "#!lua flags=no-writes\nreturn 1", 0) == 1


def test_without_memory_only_what_needs_none_may_run():
    r = R(maxmemory=1)
    oom = "OOM command not allowed when used memory > 'maxmemory'."
    script = "return redis.call('set', 'k', 1)"
    with raises_reply(oom + where(script)):
        r("EVAL", script, 0)
    with raises_reply(oom):
        r("EVAL", "#!lua\nreturn 1", 0)
    assert r("EVAL", "return redis.call('get', 'k')", 0) is None
    assert r("EVAL", "#!lua flags=no-writes\nreturn 1", 0) == 1
    assert r("EVAL", "#!lua flags=allow-oom\n" + script, 0) == "OK"
    assert r("EVAL", "redis.call('del', 'k') " + script, 0) == "OK"      # the write before has begun it


def test_what_blocks_elsewhere_answers_at_once(r):
    assert r("EVAL", "return redis.call('blpop', 'k', 0)", 0) is None
    assert r("EVAL", "return redis.call('xread', 'block', 0, 'streams', 'k', '$')", 0) is None


def test_select_in_a_script_ends_with_it(r):
    r("EVAL", "redis.call('select', 5) redis.call('set', 'k', 'five')", 0)
    assert r("GET", "k") is None
    r("SELECT", 5)
    assert r("GET", "k") == b"five"


def test_time_stands_still_in_a_script(r):
    assert r("EVAL", "redis.call('set', 'k', 1, 'px', 1) local n = 0 for i = 1, 1e6 do n = n + i end "
                     "return redis.call('get', 'k')", 0) == b"1"


# ---------------------------------------------------------------- effects

def test_the_commands_of_a_script_are_propagated_and_never_the_script(r):
    r("EVAL", "redis.call('set', KEYS[1], 1) redis.call('incr', 'n') redis.call('get', 'n')", 1, "k")
    assert r.propagated == [[b"MULTI"], [b"set", b"k", b"1"], [b"incr", b"n"], [b"EXEC"]]
    assert r.effects == [Effect("set", b"k", 1), Effect("incrby", b"n", 1)]
    r("EVAL", "return redis.call('get', 'k')", 0)
    assert r.propagated == []


def test_a_command_that_is_propagated_in_other_words_is_so_from_a_script(r):
    r("EVAL", "redis.call('set', 'k', 1, 'ex', 100)", 0)
    assert r.propagated == [[b"SET", b"k", b"1", b"PXAT", str(r.now_ms + 100_000).encode()]]


def test_a_script_that_fails_has_done_what_it_did(r):
    with raises_reply("ERR"):
        r("EVAL", "redis.call('set', 'k', 1) error('x')", 0)
    assert r("GET", "k") == b"1"


def test_a_script_within_a_transaction_has_its_effects_there(r):
    for words in (("MULTI",), ("EVAL", "redis.call('set', KEYS[1], 1) return redis.call('incr', KEYS[1])", 1, "k"),
                  ("SET", "x", "y"), ("EVAL", "return nothing", 0)):
        r(*words)
    replies = r.feed(b"*1\r\n$4\r\nEXEC\r\n")[0]
    assert replies[:2] == [2, "OK"]
    assert str(replies[2]).startswith("ERR user_script:1: Script attempted to access nonexistent global")
    assert [words for words in r.propagated if words[0] not in (b"MULTI", b"EXEC")] == [
        [b"set", b"k", b"1"], [b"incr", b"k"], [b"SET", b"x", b"y"]]


@pytest.mark.parametrize("target", ["NONE", "REPLICA", "SLAVE"])
def test_set_repl_without_the_file_keeps_a_call_from_being_propagated(r, target):
    r("EVAL", f"redis.call('set', 'a', 1) redis.set_repl(redis.REPL_{target}) redis.call('set', 'b', 1) "
              "redis.set_repl(redis.REPL_ALL) redis.call('set', 'c', 1)", 0)
    assert r.propagated == [[b"MULTI"], [b"set", b"a", b"1"], [b"set", b"c", b"1"], [b"EXEC"]]


@pytest.mark.parametrize("target", ["AOF", "ALL"])
def test_set_repl_with_the_file_propagates_a_call(r, target):
    r("EVAL", f"redis.set_repl(redis.REPL_{target}) redis.call('set', 'a', 1)", 0)
    assert r.propagated == [[b"set", b"a", b"1"]]


def test_keys_made_up_by_a_script_live_until_the_effects_are_told(r):
    r("EVAL", "for i = 1, 100 do redis.call('set', 'key:' .. i, i) end collectgarbage()", 0)
    assert [effect.key for effect in r.effects] == [b"key:%d" % i for i in range(1, 101)]
    assert [words[1] for words in r.propagated[1:-1]] == [b"key:%d" % i for i in range(1, 101)]


# ---------------------------------------------------------------- values

def test_numbers_among_arguments_are_written_as_redis_does(r):
    for number, text in (("3", b"3"), ("3.0", b"3"), ("1e15", b"1000000000000000"), ("0.1", b"0.1"), ("-0.0", b"0"),
                         ("1e100", b"1e+100"), ("1/0", b"inf"), ("2^53", b"9007199254740992")):
        assert r("EVAL", f"return redis.call('echo', {number})", 0) == text


def test_many_arguments_and_large_replies(r):
    assert r("EVAL", "local t = {} for i = 1, 7000 do t[i] = i end return #redis.call('mget', unpack(t))", 0) == 7000
    r("SET", "big", "x" * 100_000)
    assert r("EVAL", "return redis.call('get', 'big')", 0) == b"x" * 100_000
    r("RPUSH", "l", *[b"%d" % i * 50 for i in range(2000)])
    assert r("EVAL", "return redis.call('lrange', 'l', 0, -1)", 0) == [b"%d" % i * 50 for i in range(2000)]


def test_random_numbers_are_those_of_redis(r):
    assert r("EVAL", "return {math.random(100), math.random(100)}", 0) == [40, 85]
    assert r("EVAL", "return {math.random(100), math.random(100)}", 0) == [36, 45]
    r("EVAL", "math.randomseed(5)", 0)
    first = r("EVAL", "return math.random(1000000)", 0)
    r("EVAL", "math.randomseed(5)", 0)
    assert r("EVAL", "return math.random(1000000)", 0) == first


def test_sha1hex(r):
    assert r("EVAL", "return redis.sha1hex(ARGV[1])", 0, "x") == sha("x").encode()


def test_deep_tables_end_in_an_error_not_in_a_crash(r):
    script = b"local t = {} for i = 1, 20000 do t = {t} end return t"
    reply = bytes(r.session.feed(b"*3\r\n$4\r\nEVAL\r\n$%d\r\n%b\r\n$1\r\n0\r\n" % (len(script), script)))
    assert b"-ERR reached lua stack limit\r\n" in reply
    assert r("PING") == "PONG"


# ---------------------------------------------------------------- figures

def test_memory_of_scripts_is_counted_apart(r):
    before = figures.memory(r.server.core)["used"]
    r("EVAL", "local t = {} for i = 1, 10000 do t[i] = {} end return #t", 0)
    info = r("INFO", "memory").decode()
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    assert int(fields["used_memory_vm_eval"]) > 500_000
    assert int(fields["used_memory_lua"]) == int(fields["used_memory_vm_eval"])
    assert int(fields["number_of_cached_scripts"]) == 1
    assert 0 < int(fields["used_memory_scripts_eval"]) < 2000
    assert figures.memory(r.server.core)["used"] - before < 50_000
    r("SCRIPT", "FLUSH")
    assert figures.scripts(r.server.core)["eval_vm"] == 0
