"""FUNCTION and FCALL: libraries of functions."""

import _pyredis.figures as figures
import pytest

from tests.session import R, ReplyError, raises_reply

ONE = "#!lua name=one\nredis.register_function('first', function(keys, args) return {keys, args} end)"


def library(name, code):
    return f"#!lua name={name}\n{code}"


def registering(*names):
    return "\n".join(f"redis.register_function('{name}', function() return '{name}' end)" for name in names)


def test_a_function_gets_its_keys_and_its_arguments(r):
    assert r("FUNCTION", "LOAD", ONE) == b"one"
    assert r("FCALL", "first", 1, "k", "a", "b") == [[b"k"], [b"a", b"b"]]
    assert r("FCALL", "FIRST", 0) == [[], []]


@pytest.mark.parametrize(("words", "error"), [
    (("FCALL", "none", "x"), "ERR Function not found"),
    (("FCALL", "first", "x"), "ERR Bad number of keys provided"),
    (("FCALL", "first", -1), "ERR Number of keys can't be negative"),
    (("FCALL", "first", 1), "ERR Number of keys can't be greater than number of args"),
    (("FCALL_RO", "first", 0), "ERR Can not execute a script with write flag using *_ro command."),
    (("FUNCTION", "DELETE", "none"), "ERR Library not found"),
    (("FUNCTION", "FLUSH", "x"), "ERR FUNCTION FLUSH only supports SYNC|ASYNC option"),
    (("FUNCTION", "LIST", "x"), "ERR Unknown argument x"),
    (("FUNCTION", "LIST", "LIBRARYNAME"), "ERR library name argument was not given"),
    (("FUNCTION", "KILL"), "NOTBUSY No scripts in execution right now."),
    (("FUNCTION", "LOAD", "x", ONE), "ERR Unknown option given: x"),
    (("FUNCTION", "LOAD", ONE), "ERR Library 'one' already exists"),
    (("FUNCTION", "LOAD", "return 1"), "ERR Missing library metadata"),
    (("FUNCTION", "LOAD", "#!lua name=x"), "ERR Invalid library metadata"),
    (("FUNCTION", "LOAD", "#!lua\nx"), "ERR Library name was not given"),
    (("FUNCTION", "LOAD", "#!js name=x\nx"), "ERR Engine 'js' not found"),
    (("FUNCTION", "LOAD", "#!lua name=x y\nx"), "ERR Invalid metadata value given: y"),
    (("FUNCTION", "LOAD", "#!lua name=x name=y\nx"),
     "ERR Invalid metadata value, name argument was given multiple times"),
    (("FUNCTION", "LOAD", "#!lua name=a-b\nx"),
     "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"),
    (("FUNCTION", "RESTORE", "x"), "ERR DUMP payload version or checksum are wrong"),
    (("FUNCTION", "RESTORE", "x", "y"),
     "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."),
])
def test_what_cannot_be_done_is_refused(r, words, error):
    r("FUNCTION", "LOAD", ONE)
    with pytest.raises(ReplyError) as caught:
        r(*words)
    assert str(caught.value) == error


@pytest.mark.parametrize(("code", "error"), [
    ("return 1", "No functions registered"),
    ("x x", "Error compiling function: user_function:2: '=' expected near 'x'"),
    ("foo()", "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global "
              "variable 'foo'"),
    ("redis.call('get', 'x')", "Error registering functions: ERR user_function:2: Script attempted to access "
                               "nonexistent global variable 'call'"),
    ("x = 1", "Error registering functions: ERR user_function:2: Attempt to modify a readonly table"),
    ("redis.x = 1", "Error registering functions: ERR user_function:2: Attempt to modify a readonly table"),
    (registering("first"), "Function first already exists"),
    (registering("a", "a"), "Error registering functions: ERR Function already exists in the library"),
    ("redis.register_function()", "Error registering functions: ERR wrong number of arguments to "
                                  "redis.register_function"),
    ("redis.register_function('x', 1)", "Error registering functions: ERR second argument to "
                                        "redis.register_function must be a function"),
    ("redis.register_function({})", "Error registering functions: ERR redis.register_function must get a function "
                                    "name argument"),
    ("redis.register_function({function_name='x'})", "Error registering functions: ERR redis.register_function must "
                                                     "get a callback argument"),
    ("redis.register_function({function_name='x', callback=function() end, flags={'x'}})",
     "Error registering functions: ERR unknown flag given"),
    ("redis.register_function({x=1})", "Error registering functions: ERR unknown argument given to "
                                       "redis.register_function"),
    ("while true do end", "Error registering functions: ERR FUNCTION LOAD timeout"),
])
def test_a_library_that_fails_to_load_changes_nothing(r, code, error):
    r("FUNCTION", "LOAD", ONE)
    r("FUNCTION", "LOAD", library("two", registering("second")))
    with pytest.raises(ReplyError) as caught:
        r("FUNCTION", "LOAD", "REPLACE", library("two", code))
    assert str(caught.value) == "ERR " + error
    assert r("FCALL", "second", 0) == b"second"


def test_replacing_a_library_takes_its_old_functions_away(r):
    r("FUNCTION", "LOAD", library("x", registering("a", "b")))
    r("FUNCTION", "LOAD", "REPLACE", library("x", registering("b", "c")))
    assert r("FCALL", "c", 0) == b"c"
    with raises_reply("ERR Function not found"):
        r("FCALL", "a", 0)


def test_delete_and_flush(r):
    r("FUNCTION", "LOAD", ONE)
    assert r("FUNCTION", "DELETE", "one") == "OK"
    with raises_reply("ERR Function not found"):
        r("FCALL", "first", 0)
    r("FUNCTION", "LOAD", ONE)
    assert r("FUNCTION", "FLUSH", "SYNC") == "OK"
    assert r("FUNCTION", "LIST") == []
    assert figures.scripts(r.server.core)["function_vm"] == 0


def test_list_describes_libraries(r):
    r("HELLO", 3)
    code = library("lib", "redis.register_function{function_name='f', description='what', "
                          "flags={'no-writes', 'allow-oom'}, callback=function() end}")
    r("FUNCTION", "LOAD", code)
    told = {b"library_name": b"lib", b"engine": b"LUA",
            b"functions": [{b"name": b"f", b"description": b"what", b"flags": ["no-writes", "allow-oom"]}]}
    assert r("FUNCTION", "LIST") == [told]
    assert r("FUNCTION", "LIST", "WITHCODE", "LIBRARYNAME", "L*") == [{**told, b"library_code": code.encode()}]
    assert r("FUNCTION", "LIST", "LIBRARYNAME", "x*") == []


def test_stats_count(r):
    r("HELLO", 3)
    r("FUNCTION", "LOAD", library("lib", registering("a", "b")))
    assert r("FUNCTION", "STATS") == {b"running_script": None,
                                      b"engines": {b"LUA": {b"libraries_count": 1, b"functions_count": 2}}}


def test_errors_name_the_function(r):
    r("FUNCTION", "LOAD", library("lib", "redis.register_function('f', function() error('x') end)"))
    with pytest.raises(ReplyError) as caught:
        r("FCALL", "f", 0)
    assert str(caught.value) == "ERR user_function:2: x script: f, on @user_function:2."


def test_flags_decide_what_a_function_may():
    r = R()
    r("FUNCTION", "LOAD", library("lib", """
        redis.register_function{function_name='reads', flags={'no-writes'}, callback=function(keys)
            return redis.call('get', keys[1]) end}
        redis.register_function{function_name='cheats', flags={'no-writes'}, callback=function(keys)
            return redis.call('set', keys[1], 1) end}
        redis.register_function('writes', function(keys) return redis.call('set', keys[1], 1) end)"""))
    assert r("FCALL_RO", "reads", 1, "k") is None
    with raises_reply("ERR Write commands are not allowed from read-only scripts."):
        r("FCALL", "cheats", 1, "k")
    r("CONFIG", "SET", "maxmemory", "1")
    with raises_reply("OOM command not allowed when used memory > 'maxmemory'."):
        r("FCALL", "writes", 1, "k")
    assert r("FCALL", "reads", 1, "k") is None


def test_what_a_function_sees_is_not_what_a_script_sees(r):
    r("FUNCTION", "LOAD", library("lib", "redis.register_function('f', function() return {type(redis.call), "
                                         "type(redis.register_function), type(redis.breakpoint)} end)\n"
                                         "redis.register_function('g', function() return KEYS end)"))
    assert r("FCALL", "f", 0) == [b"function", b"nil", b"nil"]
    with raises_reply("ERR user_function:3: Script attempted to access nonexistent global variable 'KEYS'"):
        r("FCALL", "g", 0)


def test_changes_are_propagated_and_calls_by_their_effects(r):
    r("FUNCTION", "LOAD", library("lib", "redis.register_function('f', function() redis.call('set', 'k', 1) end)"))
    assert r.propagated[0][:2] == [b"FUNCTION", b"LOAD"]
    r("FCALL", "f", 0)
    assert r.propagated == [[b"set", b"k", b"1"]]
    r("FUNCTION", "DELETE", "lib")
    assert r.propagated == [[b"FUNCTION", b"DELETE", b"lib"]]


# ---------------------------------------------------------------- DUMP, RESTORE

def test_a_dump_brings_the_libraries_back(r):
    codes = [ONE, library("two", registering(*[f"f{i}" for i in range(50)])), library("three", registering("x"))]
    for code in codes:
        r("FUNCTION", "LOAD", code)
    payload = r("FUNCTION", "DUMP")
    with raises_reply("ERR Library"):
        r("FUNCTION", "RESTORE", payload)
    assert r("FUNCTION", "RESTORE", payload, "REPLACE") == "OK"
    r("FUNCTION", "LOAD", library("four", registering("gone")))
    assert r("FUNCTION", "RESTORE", payload, "FLUSH") == "OK"
    assert {tuple(found)[1] for found in r("FUNCTION", "LIST")} == {b"one", b"two", b"three"}
    other = R()
    assert other("FUNCTION", "RESTORE", payload) == "OK"
    assert other("FCALL", "f49", 0) == b"f49"


def test_restore_changes_nothing_unless_all_of_it_fits(r):
    r("FUNCTION", "LOAD", library("a", registering("mine")))
    r("FUNCTION", "LOAD", library("b", registering("other")))
    payload = r("FUNCTION", "DUMP")
    other = R()
    other("FUNCTION", "LOAD", library("c", registering("other")))
    for policy in ((), ("APPEND",), ("REPLACE",)):
        with raises_reply("ERR Function other already exists"):
            other("FUNCTION", "RESTORE", payload, *policy)
        assert [found[1] for found in other("FUNCTION", "LIST")] == [b"c"]


def test_a_damaged_payload_is_refused(r):
    r("FUNCTION", "LOAD", ONE)
    payload = r("FUNCTION", "DUMP")
    for i in range(len(payload)):
        damaged = payload[:i] + bytes([payload[i] ^ 1]) + payload[i + 1:]
        with raises_reply("ERR DUMP payload version or checksum are wrong"):
            r("FUNCTION", "RESTORE", damaged, "FLUSH")
