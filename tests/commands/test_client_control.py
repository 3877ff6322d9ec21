"""AUTH, HELLO and CLIENT, in this process; what needs sockets is in tests/network."""

import re
from hashlib import sha1
from typing import Any

import pytest

from tests.session import R, ReplyError, Status, encode, raises_reply

WRONG = "WRONGPASS invalid username-password pair or user is disabled."
FIELDS = """id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem
multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver io-thread"""


def fields(line: bytes) -> dict[str, str]:
    return dict(part.split("=", 1) for part in line.decode().rstrip("\n").split(" "))


def flags(r: R) -> str:
    return fields(r("CLIENT", "INFO"))["flags"]


def ids(r: R, *words: Any) -> list[int]:
    return [int(fields(line)["id"]) for line in r("CLIENT", "LIST", *words).splitlines()]


# ---------------------------------------------------------------- AUTH

def test_auth_without_a_configured_password_is_an_error_that_says_so(r):
    with raises_reply("ERR AUTH <password> called without any password configured for the default user."):
        r("AUTH", "x")


def test_the_default_user_without_password_takes_any(r):
    assert r("AUTH", "default", "x") == "OK"


@pytest.mark.parametrize("words", [
    ["bad"], ["default", "bad"], ["nobody", "secret"], ["DEFAULT", "secret"], [""]])
def test_auth_refuses_a_wrong_password_or_user(words):
    r = R(requirepass="secret")
    with raises_reply(WRONG):
        r("AUTH", *words)
    with raises_reply("NOAUTH Authentication required."):
        r("ECHO", "x")


@pytest.mark.parametrize("words", [["secret"], ["default", "secret"]])
def test_auth_opens_the_door(words):
    r = R(requirepass="secret")
    assert r("AUTH", *words) == "OK"
    assert r("ECHO", "x") == b"x"


def test_taking_the_password_away_lets_those_in_who_wait_and_setting_it_keeps_those_who_are_in():
    r = R(requirepass="secret")
    waiting = R(r.server)
    r("AUTH", "secret")
    r("CONFIG", "SET", "requirepass", "")
    assert waiting("ECHO", "x") == b"x"
    r("CONFIG", "SET", "requirepass", "other")
    assert r("ECHO", "x") == b"x"
    with raises_reply("NOAUTH Authentication required."):
        waiting("ECHO", "x")


def test_a_failed_auth_does_not_take_away_what_one_has():
    r = R(requirepass="secret")
    r("AUTH", "secret")
    with raises_reply(WRONG):
        r("AUTH", "bad")
    assert r("ECHO", "x") == b"x"


def test_auth_takes_at_most_a_user_and_a_password(r):
    with raises_reply("ERR syntax error"):
        r("AUTH", "a", "b", "c")


# ---------------------------------------------------------------- HELLO

def test_hello_describes_the_server_as_redis_8(r):
    reply = r("HELLO", 3)
    assert reply == {b"server": b"redis", b"version": b"8.0.6", b"proto": 3, b"id": r.session.id,
                     b"mode": b"standalone", b"role": b"master", b"modules": []}


def test_hello_is_a_flat_array_in_resp2_and_a_map_in_resp3(r):
    assert r.raw("HELLO").startswith(b"*14\r\n$6\r\nserver\r\n")
    assert r.raw("HELLO", 3).startswith(b"%7\r\n$6\r\nserver\r\n")
    assert r.raw("HELLO").startswith(b"%7\r\n")
    assert r.raw("HELLO", 2).startswith(b"*14\r\n")


@pytest.mark.parametrize(("words", "error"), [
    (["x"], "ERR Protocol version is not an integer or out of range"),
    (["03"], "ERR Protocol version is not an integer or out of range"),
    ([""], "ERR Protocol version is not an integer or out of range"),
    (["9" * 30], "ERR Protocol version is not an integer or out of range"),
    (["1"], "NOPROTO unsupported protocol version"),
    (["4"], "NOPROTO unsupported protocol version"),
    (["3", "FOO"], "ERR Syntax error in HELLO option 'FOO'"),
    (["3", "AUTH", "u"], "ERR Syntax error in HELLO option 'AUTH'"),
    (["3", "SETNAME"], "ERR Syntax error in HELLO option 'SETNAME'"),
    (["3", "SETNAME", "a b"], "ERR Client names cannot contain spaces, newlines or special characters."),
    (["3", "AUTH", "u", "p"], WRONG),
])
def test_hello_refuses_and_changes_nothing(r, words, error):
    with raises_reply(error):
        r("HELLO", *words)
    assert fields(r("CLIENT", "INFO"))["resp"] == "2"
    assert r("CLIENT", "GETNAME") is None


def test_hello_needs_authentication_and_can_give_it():
    r = R(requirepass="secret")
    for words in ([], ["2"], ["3", "SETNAME", "x"]):
        with raises_reply("NOAUTH HELLO must be called with the client already authenticated, otherwise"):
            r("HELLO", *words)
    assert r("HELLO", 3, "AUTH", "default", "secret", "SETNAME", "bob")[b"proto"] == 3
    assert r("CLIENT", "GETNAME") == b"bob"


# ---------------------------------------------------------------- about oneself

def test_a_line_has_the_fields_of_redis_in_its_order(r):
    assert list(fields(r("CLIENT", "INFO")))[:32] == FIELDS.split()


def test_a_line_tells_what_the_connection_is(r):
    r = R(r.server)                     # made while the clock stands still
    r("CLIENT", "SETNAME", "bob")
    r("CLIENT", "SETINFO", "lib-name", "lib")
    r("CLIENT", "SETINFO", "LIB-VER", "1.2")
    r("SELECT", 3)
    r.advance(5500)
    told = fields(r("CLIENT", "INFO"))
    expected = {"name": "bob", "lib-name": "lib", "lib-ver": "1.2", "db": "3", "age": "5", "flags": "N",
                "cmd": "client|info", "user": "default", "resp": "2", "multi": "-1", "redir": "-1"}
    assert expected.items() <= told.items()


def test_the_request_under_way_counts_as_input(r):
    for words in (("CLIENT", "LIST"), ("CLIENT", "INFO")):
        line = fields(r(*words))
        assert (line["qbuf"], line["argv-mem"]) == ("26", "10")


def test_the_words_of_a_command_that_waits_are_counted(r):
    other = R(r.server)
    assert other.feed(encode("BLPOP", "nokey", "0")) == []
    line = fields(r("CLIENT", "LIST", "ID", other.session.id))
    assert (line["cmd"], line["flags"], line["argv-mem"]) == ("blpop", "b", "11")


@pytest.mark.parametrize(("words", "shown"), [
    (("GET",), "get"), (("FOO",), "NULL"), (("CONFIG", "FOO"), "NULL"), (("SET", "k"), "set")])
def test_the_last_command_is_also_one_that_was_refused(r, words, shown):
    other = R(r.server)
    other("PING")
    with raises_reply("ERR"):
        other(*words)
    assert fields(r("CLIENT", "LIST", "ID", other.session.id))["cmd"] == shown


def test_client_list_is_verbatim_text_in_resp3(r):
    r("HELLO", 3)
    assert re.match(rb"=\d+\r\ntxt:id=", r.raw("CLIENT", "LIST"))
    assert re.match(rb"=\d+\r\ntxt:id=", r.raw("CLIENT", "INFO"))


def test_a_name_can_be_set_and_taken_away(r):
    assert r("CLIENT", "GETNAME") is None
    assert r("CLIENT", "SETNAME", "a~!b") == "OK"
    assert r("CLIENT", "GETNAME") == b"a~!b"
    r("CLIENT", "SETNAME", "")
    assert r("CLIENT", "GETNAME") is None


@pytest.mark.parametrize("name", ["a b", "a\n", "\x7f", "\xe9", "\t"])
def test_names_are_visible_ascii(r, name):
    with raises_reply("ERR Client names cannot contain spaces, newlines or special characters."):
        r("CLIENT", "SETNAME", name)
    with raises_reply("ERR LIB-NAME cannot contain spaces, newlines or special characters."):
        r("CLIENT", "SETINFO", "LIB-NAME", name)
    with raises_reply("ERR lib-ver cannot contain"):
        r("CLIENT", "SETINFO", "lib-ver", name)


def test_setinfo_knows_two_things(r):
    with raises_reply("ERR Unrecognized option 'Foo'"):
        r("CLIENT", "SETINFO", "Foo", "x")


def test_reset_forgets_the_name_but_not_the_library(r):
    r("CLIENT", "SETNAME", "bob")
    r("CLIENT", "SETINFO", "lib-name", "lib")
    assert r("RESET") == "RESET"
    told = fields(r("CLIENT", "INFO"))
    assert (told["name"], told["lib-name"]) == ("", "lib")


def test_switches_show_as_flags(r):
    r("CLIENT", "NO-EVICT", "ON")
    r("CLIENT", "NO-TOUCH", "on")
    assert flags(r) == "eT"
    r("CLIENT", "NO-EVICT", "off")
    r("CLIENT", "NO-TOUCH", "OFF")
    assert flags(r) == "N"


@pytest.mark.parametrize("words", [["NO-EVICT", "x"], ["NO-TOUCH", ""], ["REPLY", "maybe"]])
def test_a_switch_is_on_or_off(r, words):
    with raises_reply("ERR syntax error"):
        r("CLIENT", *words)


def test_no_touch_leaves_the_idle_time_alone(r):
    r("SET", "k", "v")
    r("CLIENT", "NO-TOUCH", "ON")
    r.advance(20_000)
    r("GET", "k")
    assert r("OBJECT", "IDLETIME", "k") == 20
    r("CLIENT", "NO-TOUCH", "OFF")
    r("GET", "k")
    assert r("OBJECT", "IDLETIME", "k") == 0


def test_capa_knows_redirect_and_lets_pass_what_it_does_not_know(r):
    assert r("CLIENT", "CAPA", "x") == "OK"
    assert fields(r("CLIENT", "INFO"))["capa"] == ""
    assert r("CLIENT", "CAPA", "x", "Redirect") == "OK"
    assert fields(r("CLIENT", "INFO"))["capa"] == "r"


def test_import_source_needs_import_mode(r):
    with raises_reply("ERR Server is not in import mode"):
        r("CLIENT", "IMPORT-SOURCE", "ON")
    assert r("CLIENT", "IMPORT-SOURCE", "OFF") == "OK"


def test_help_lists_the_subcommands(r):
    lines = r("CLIENT", "HELP")
    assert lines[0] == "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert any(line.startswith("KILL ") for line in lines)


# ---------------------------------------------------------------- REPLY

PING, SKIP, OFF, ON = (encode(*words) for words in (
    ["PING"], ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "OFF"], ["CLIENT", "REPLY", "ON"]))


@pytest.mark.parametrize(("requests", "replies"), [
    ([SKIP, PING, PING], [Status("PONG")]),
    ([SKIP, SKIP, PING, PING], [Status("PONG")]),
    ([PING, OFF, PING, PING], [Status("PONG")]),
    ([OFF, PING, ON, PING], [Status("OK"), Status("PONG")]),
    ([OFF, SKIP, PING, ON], [Status("OK")]),
    ([SKIP, ON, PING], [Status("OK"), Status("PONG")]),
    ([OFF, encode("NOSUCH"), encode("GET"), ON], [Status("OK")]),
    ([OFF, encode("RESET"), PING], [Status("RESET"), Status("PONG")]),
    ([SKIP, encode("CONFIG", "GET", "port"), PING], [Status("PONG")]),
])
def test_replies_are_dropped_as_asked(r, requests, replies):
    assert r.feed(b"".join(requests)) == replies


def test_a_protocol_error_is_silent_too_when_replies_are_off(r):
    assert r.feed(OFF + b"*1\r\n:x\r\n") == []
    assert r.session.closed


def test_dropping_a_reply_keeps_what_stood_before_it_also_across_blocks(r):
    r("SET", "big", "x" * 50_000)
    replies = r.feed(encode("GET", "big") * 3 + SKIP + encode("GET", "big") + PING)
    assert replies == [b"x" * 50_000] * 3 + [Status("PONG")]


# ---------------------------------------------------------------- LIST

def test_list_shows_every_connection_oldest_first(r):
    others = [R(r.server) for _ in range(3)]
    assert ids(r) == [r.session.id] + [other.session.id for other in others]


def test_list_chooses_by_id_name_and_kind(r):
    other = R(r.server)
    other("CLIENT", "SETNAME", "bob")
    me, you = r.session.id, other.session.id
    assert ids(r, "ID", you) == [you]
    assert ids(r, "ID", 999, me, you) == [me, you]
    assert ids(r, "NAME", "bob") == [you]
    assert ids(r, "NOT-NAME", "bob") == [me]
    assert ids(r, "NOT-ID", me) == [you]
    assert ids(r, "SKIPME", "yes") == [you]
    assert ids(r, "TYPE", "normal") == [me, you]
    assert ids(r, "TYPE", "PUBSUB") == []
    assert ids(r, "USER", "default", "ID", me) == [me]
    assert ids(r, "NAME", "bob", "NAME", "eve") == []


def test_list_chooses_by_database_and_age(r):
    r = R(r.server)                     # made while the clock stands still
    r("SELECT", 5)
    r.advance(3000)
    assert ids(r, "DB", 5) == [r.session.id]
    assert ids(r, "MAXAGE", 3) == [r.session.id]
    assert ids(r, "MAXAGE", 4) == []


def test_list_chooses_by_flags(r):
    R(r.server)
    r("CLIENT", "NO-TOUCH", "ON")
    assert ids(r, "FLAGS", "T") == [r.session.id]
    assert r.session.id not in ids(r, "NOT-FLAGS", "T")


@pytest.mark.parametrize(("words", "error"), [
    (["TYPE", "foo"], "ERR Unknown client type 'foo'"),
    (["TYPE"], "ERR syntax error"), (["foo"], "ERR syntax error"), (["foo", "bar"], "ERR syntax error"),
    (["ID"], "ERR syntax error"), (["ID", "x"], "ERR Invalid client ID"),
    (["ID", 1, "x"], "ERR Invalid client ID"), (["ID", 1, "x", "y"], "ERR Invalid client ID"),
    (["USER", "nobody"], "ERR No such user 'nobody'"), (["FLAGS", "NZ@"], "ERR Unknown flags found"),
    (["DB", 16], "ERR DB number should be between 0 and 15"), (["DB", "x"], "ERR DB is not an integer"),
    (["IDLE", 0], "ERR idle should be greater than 0"), (["NOT-IDLE", 1], "ERR syntax error"),
    (["CAPA", "x"], "ERR Unknown capa found in the provided filter: x"),
    (["SKIPME", "maybe"], "ERR syntax error"), (["NOT-SKIPME", "yes"], "ERR syntax error"),
    (["MAXAGE", "x"], "ERR maxage is not an integer or out of range"),
])
def test_list_refuses_filters_it_cannot_read(r, words, error):
    with raises_reply(error):
        r("CLIENT", "LIST", *words)


# ---------------------------------------------------------------- KILL

def test_kill_ends_others_and_counts_them(r):
    others = [R(r.server) for _ in range(3)]
    assert r("CLIENT", "KILL", "ID", others[0].session.id, others[1].session.id, 999) == 2
    assert [other.session.closed for other in others] == [True, True, False]
    assert ids(r) == [r.session.id, others[2].session.id]


def test_kill_spares_its_caller_unless_told_otherwise(r):
    other = R(r.server)
    assert r("CLIENT", "KILL", "TYPE", "normal") == 1
    assert other.session.closed
    assert not r.session.closed
    assert r("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no") == 1
    assert r.session.closed


def test_who_kills_itself_gets_the_reply_and_nothing_after_it(r):
    replies = r.feed(encode("CLIENT", "KILL", "ID", r.session.id, "SKIPME", "no") + encode("PING"))
    assert replies == [1]
    assert r.session.closed


def test_the_old_form_of_kill_wants_an_address(r):
    with raises_reply("ERR No such client"):
        r("CLIENT", "KILL", "1.2.3.4:5")


@pytest.mark.parametrize(("words", "error"), [
    (["ID", 0], "ERR client-id should be greater than 0"),
    (["ID", "x"], "ERR client-id should be greater than 0"),
    (["ID", 1, "x"], "ERR syntax error"), (["ID", 1, "x", "y"], "ERR syntax error"),
    (["MAXAGE", 0], "ERR maxage should be greater than 0"), (["SKIPME", "x"], "ERR syntax error"),
    (["USER", "nobody"], "ERR No such user 'nobody'"),
])
def test_kill_refuses_filters_it_cannot_read_and_kills_nobody(r, words, error):
    other = R(r.server)
    with raises_reply(error):
        r("CLIENT", "KILL", *words)
    assert not other.session.closed


# ---------------------------------------------------------------- PAUSE

def test_pause_holds_commands_until_its_time_is_up(r):
    other = R(r.server)
    assert r("CLIENT", "PAUSE", 1000) == "OK"
    assert other.feed(encode("SET", "k", 1) + encode("PING")) == []
    other.advance(1001)
    r.cycle()
    r.server.core.serve([])
    assert [Status("OK"), Status("PONG")] == other.taken()


def test_pause_write_lets_reads_pass(r):
    r("SET", "k", 1)
    r("CLIENT", "PAUSE", 1000, "WRITE")
    assert r("GET", "k") == b"1"
    assert r.feed(encode("SET", "k", 2) + encode("GET", "k")) == []      # what follows waits too
    r.server.core.unpause()
    r.server.core.serve([])
    assert r.taken() == [Status("OK"), b"2"]


def test_who_waits_for_the_end_of_a_pause_counts_as_blocked(r):
    others = [R(r.server) for _ in range(3)]
    number = others[0]("CLIENT", "ID")
    r("CLIENT", "PAUSE", 1000, "WRITE")
    others[0].feed(encode("SET", "k", 1))
    others[1].feed(encode("PUBLISH", "c", "m"))
    others[2].feed(encode("GET", "k"))
    assert b"blocked_clients:2\r\n" in r("INFO", "clients")
    assert [word for word in r("CLIENT", "LIST").split() if word.startswith(b"flags=")] == [
        b"flags=N", b"flags=b", b"flags=b", b"flags=N"]
    assert r("CLIENT", "UNBLOCK", number) == 0          # only what blocks by itself
    r("CLIENT", "UNPAUSE")
    r.server.core.serve([])
    assert b"blocked_clients:0\r\n" in r("INFO", "clients")
    assert b"flags=b" not in r("CLIENT", "LIST")


LIBRARY = """#!lua name=lib
redis.register_function{function_name='reads', flags={'no-writes'}, callback=function() return 1 end}
redis.register_function{function_name='writes', callback=function() return 1 end}"""
READS, WRITES, PLAIN = "#!lua flags=no-writes\nreturn 1", "#!lua\nreturn 1", "return 1"


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize(("script", "held"), [
    (("EVAL", READS, 0), False), (("EVAL", WRITES, 0), True), (("EVAL", PLAIN, 0), True),
    (("EVAL", "#!lua flags=nonsense\n", 0), True), (("EVAL_RO", PLAIN, 0), False),
    (("EVALSHA", sha1(READS.encode()).hexdigest().upper(), 0), False),
    (("EVALSHA", sha1(WRITES.encode()).hexdigest(), 0), True), (("EVALSHA", "0" * 40, 0), True),
    (("EVALSHA_RO", sha1(PLAIN.encode()).hexdigest(), 0), False),
    (("FCALL", "reads", 0), False), (("FCALL", "writes", 0), True), (("FCALL", "nothing", 0), True),
    (("FCALL_RO", "reads", 0), False)])
def test_a_script_that_says_it_does_not_write_passes_a_pause_of_writes(r, script, held, queued):
    r("FUNCTION", "LOAD", LIBRARY)
    for text in (READS, WRITES, PLAIN):
        r("SCRIPT", "LOAD", text)
    if queued:
        assert r.feed(encode("MULTI") + encode(*script)) == ["OK", "QUEUED"]
    R(r.server)("CLIENT", "PAUSE", 1000, "WRITE")
    found = r.feed(encode("EXEC") if queued else encode(*script))
    assert (found == []) is held
    r.server.core.unpause()
    r.server.core.serve([])
    assert len(r.taken()) == held


def test_errors_do_not_wait(r):
    r("CLIENT", "PAUSE", 1000)
    found = r.feed(encode("NOSUCH") + encode("GET"))
    assert [str(error).split("'")[0] for error in found] == ["ERR unknown command ",
                                                             "ERR wrong number of arguments for "]


def test_unpause_lets_everything_go_on_in_order(r):
    other = R(r.server)
    r("CLIENT", "PAUSE", 100_000, "WRITE")
    assert other.feed(encode("SET", "a", 1) + encode("SET", "b", 2)) == []
    assert r("CLIENT", "UNPAUSE") == "OK"
    r.server.core.serve([])
    assert other.taken() == [Status("OK")] * 2
    assert r("MGET", "a", "b") == [b"1", b"2"]


def test_a_second_pause_only_ever_holds_more_and_longer(r):
    r("CLIENT", "PAUSE", 10_000, "WRITE")
    r("CLIENT", "PAUSE", 1, "WRITE")
    assert r.server.core.pause_state == (r.now_ms + 10_000, True)
    r("CLIENT", "PAUSE", 1, "ALL")
    assert r.server.core.pause_state == (r.now_ms + 10_000, False)


def test_a_pause_keeps_what_expires_meanwhile(r):
    r("SET", "k", "v", "PX", 10)
    r("CLIENT", "PAUSE", 10_000, "WRITE")
    r.advance(100)
    r.cycle()
    assert r("GET", "k") is None
    assert r("DBSIZE") == 1
    r("CLIENT", "UNPAUSE")
    assert r("GET", "k") is None
    assert r("DBSIZE") == 0


@pytest.mark.parametrize(("words", "error"), [
    (["x"], "ERR timeout is not an integer or out of range"), (["-1"], "ERR timeout is negative"),
    (["9223372036854775807"], "ERR timeout is out of range"),
    (["1", "x"], "ERR CLIENT PAUSE mode must be WRITE or ALL"),
    (["1", "write", "x"], "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."),
])
def test_pause_refuses_what_it_cannot_read(r, words, error):
    with raises_reply(error):
        r("CLIENT", "PAUSE", *words)
    assert r.server.core.pause_state is None


# ---------------------------------------------------------------- UNBLOCK

def test_unblock_finds_nobody_blocked(r):
    assert r("CLIENT", "UNBLOCK", 999) == 0
    assert r("CLIENT", "UNBLOCK", r.session.id, "ERROR") == 0
    with raises_reply("ERR value is not an integer or out of range"):
        r("CLIENT", "UNBLOCK", "x")
    with raises_reply("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"):
        r("CLIENT", "UNBLOCK", 1, "x")


def test_errors_are_raised(r):
    assert isinstance(r.feed(encode("CLIENT", "FOO"))[0], ReplyError)
