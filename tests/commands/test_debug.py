"""DEBUG: who may use it, and what its subcommands do."""

import re
import string
import time

import pytest

from tests.session import R, raises_reply


@pytest.fixture
def r():
    return R(**{"enable-debug-command": "yes"})


def test_debug_is_refused_unless_the_configuration_allows_it():
    with raises_reply("ERR DEBUG command not allowed. If the enable-debug-command option is set"):
        R()("DEBUG", "HELP")


def test_a_local_client_may_set_protected_parameters_where_the_configuration_says_local():
    assert R(**{"enable-protected-configs": "local"})("CONFIG", "SET", "dbfilename", "x") == "OK"


def test_debug_is_allowed_to_a_local_client():
    assert R(**{"enable-debug-command": "local"})("DEBUG", "SLEEP", 0) == "OK"


@pytest.mark.parametrize("line", ["FOO", "SLEEP", "OBJECT", "OBJECT a FAST", "POPULATE 1 a 2 c"])
def test_unknown_words_and_wrong_counts_are_one_error(r, line):
    word = line.split()[0]
    with raises_reply(f"ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP."):
        r("DEBUG", *line.split())


def test_what_is_not_there_yet_says_so(r):
    with raises_reply("ERR DEBUG LEAK is not supported by pyredis yet"):
        r("DEBUG", "leak")


def test_sleep_stalls_the_server(r):
    began = time.monotonic()
    assert r("DEBUG", "SLEEP", "0.05") == "OK"
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(("value", "encoding", "length"), [
    ("5", "int", 2), ("-129", "int", 3), ("100000", "int", 5), ("10000000000", "int", 12),
    ("hello", "embstr", 6), (string.printable, "raw", 102)])
def test_object_tells_the_encoding_and_the_length_on_disk(r, value, encoding, length):
    r("SET", "k", value)
    line = r("DEBUG", "OBJECT", "k")
    assert re.fullmatch(rf"Value at:0x[0-9a-f]+ refcount:1 encoding:{encoding} serializedlength:{length} "
                        r"lru:\d+ lru_seconds_idle:0", line)


def test_object_of_no_key_is_an_error(r):
    with raises_reply("ERR no such key"):
        r("DEBUG", "OBJECT", "none")


def test_what_has_expired_is_seen_until_it_is_removed(r):
    r("SET", "k", "v", "PX", 10)
    r.advance(ms=20)
    assert "encoding:embstr" in r("DEBUG", "OBJECT", "k")
    digest = r("DEBUG", "DIGEST-VALUE", "k")
    assert digest != ["0" * 40]
    assert r("MEMORY", "USAGE", "k") is None
    assert r("GET", "k") is None
    assert r("DEBUG", "DIGEST-VALUE", "k") == ["0" * 40]
    with raises_reply("ERR no such key"):
        r("DEBUG", "OBJECT", "k")


def test_populate_makes_keys_and_leaves_those_that_exist(r):
    r("SET", "k:1", "mine")
    assert r("DEBUG", "POPULATE", 3, "k", 10) == "OK"
    assert r("GET", "k:0") == b"value:0\0\0\0"
    assert r("GET", "k:1") == b"mine"
    assert r("DEBUG", "POPULATE", 2) == "OK"
    assert r("GET", "key:1") == b"value:1"
    assert r("DBSIZE") == 5
    assert r("DEBUG", "POPULATE", 1, "short", 3) == "OK"
    assert r("GET", "short:0") == b"val"


@pytest.mark.parametrize("count", ["x", "-1"])
def test_populate_wants_a_positive_number(r, count):
    with raises_reply("ERR value is out of range, must be positive"):
        r("DEBUG", "POPULATE", count)


def test_active_expiry_can_be_stopped(r):
    r("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    assert not r.server.core.active_expire
    r("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    assert r.server.core.active_expire


def test_error_answers_the_text_itself(r):
    assert r.raw("DEBUG", "ERROR", "MY text") == b"-MY text\r\n"


def test_the_replication_id_changes_when_told(r):
    before = r.server.replication_id
    r("DEBUG", "CHANGE-REPL-ID")
    assert r.server.replication_id != before


def test_htstats_counts_what_is_in_the_tables(r):
    r("SET", "a", 1)
    text = r("DEBUG", "HTSTATS", 0).decode()
    assert " number of elements: 1\n" in text
    assert text.endswith("[Expires HT]\nHash table 0 stats (main hash table):\n"
                         "No stats available for empty dictionaries\n")
    for number in (99, -1):
        with raises_reply("ERR Out of range database"):
            r("DEBUG", "HTSTATS", number)


PROTOCOL = [
    ("string", b"$11\r\nHello World\r\n", b"$11\r\nHello World\r\n"),
    ("integer", b":12345\r\n", b":12345\r\n"),
    ("double", b"$5\r\n3.141\r\n", b",3.141\r\n"),
    ("null", b"$-1\r\n", b"_\r\n"),
    ("array", b"*3\r\n:0\r\n:1\r\n:2\r\n", b"*3\r\n:0\r\n:1\r\n:2\r\n"),
    ("set", b"*3\r\n:0\r\n:1\r\n:2\r\n", b"~3\r\n:0\r\n:1\r\n:2\r\n"),
    ("map", b"*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n", b"%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"),
    ("true", b":1\r\n", b"#t\r\n"),
    ("false", b":0\r\n", b"#f\r\n"),
    ("verbatim", b"$25\r\nThis is a verbatim\nstring\r\n", b"=29\r\ntxt:This is a verbatim\nstring\r\n"),
    ("bignum", b"$37\r\n1234567999999999999999999999999999999\r\n",
     b"(1234567999999999999999999999999999999\r\n"),
    ("attrib", b"$39\r\nSome real reply following the attribute\r\n",
     b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"
     b"$39\r\nSome real reply following the attribute\r\n"),
    ("push", b"-ERR RESP2 is not supported by this command\r\n",
     b"$40\r\nSome real reply following the push reply\r\n>2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"),
]


@pytest.mark.parametrize(("kind", "resp2", "resp3"), PROTOCOL, ids=[row[0] for row in PROTOCOL])
def test_protocol_shows_each_type_as_redis_does(r, kind, resp2, resp3):
    assert r.raw("DEBUG", "PROTOCOL", kind) == resp2
    r.server.core.clients()[0].proto = 3
    assert r.raw("DEBUG", "PROTOCOL", kind) == resp3


@pytest.mark.parametrize("pattern, length, matches", [("A*", 5, 1), ("A", 2, 0), ("A?A", 3, 1), ("*", 0, 1)])
def test_stringmatch_len_matches_a_run_of_letters(r, pattern, length, matches):
    assert r("DEBUG", "STRINGMATCH-LEN", length, pattern) == matches


def test_stringmatch_len_takes_bounded_time(r):
    assert r("DEBUG", "STRINGMATCH-LEN", 100_000, "a*" * 20 + "b") == 0


FORMS = {
    "listpack": [("RPUSH", "k", 1, "a"), ("SADD", "k", "a"), ("HSET", "k", "a", 1), ("ZADD", "k", 1, "a")],
    "listpackex": [("HSETEX", "k", "EX", 100, "FIELDS", 1, "a", 1)],
    "quicklist": [("RPUSH", "k", *range(20_000)), ("RPUSH", "k", "x" * 20_000)],
    "hashtable": [("SADD", "k", *(f"m{i}" for i in range(300))), ("HSET", "k", *range(2000))],
    "skiplist": [("ZADD", "k", *range(600))],
    "intset": [("SADD", "k", 1)],
    "int": [("SET", "k", 1)],
}
CASES = [(form, request) for form, requests in FORMS.items() for request in requests]


@pytest.mark.parametrize(("form", "request_"), CASES, ids=[f"{form} {request[0]}" for form, request in CASES])
def test_what_shows_an_encoding_wants_that_encoding(r, capfd, form, request_):
    r(*request_)
    assert r("OBJECT", "ENCODING", "k") == form.encode()
    for word, forms, error in (
            ("LISTPACK", ("listpack", "listpackex"), "ERR Not a listpack encoded object."),
            ("QUICKLIST", ("quicklist",), "ERR Not a quicklist encoded object."),
            ("HTSTATS-KEY", ("hashtable", "skiplist"),
             "ERR The value stored at the specified key is not represented using an hash table")):
        if form in forms:
            reply = r("DEBUG", word, "k")
            assert b"number of elements" in reply if word == "HTSTATS-KEY" else \
                reply == f"{word.capitalize()} structure printed on stdout"
            assert capfd.readouterr().out.startswith("" if word == "HTSTATS-KEY" else f"{word.lower()} of b'k':")
        else:
            with raises_reply(error):
                r("DEBUG", word, "k")
    for word in ("LISTPACK", "QUICKLIST", "HTSTATS-KEY"):
        with raises_reply("ERR no such key"):
            r("DEBUG", word, "none")


@pytest.mark.parametrize(("form", "request_"), CASES, ids=[f"{form} {request[0]}" for form, request in CASES])
def test_object_tells_of_every_type_when_it_was_used(r, form, request_):
    r(*request_)
    r.advance(ms=5000)
    assert r("OBJECT", "IDLETIME", "k") == 5
    assert r("OBJECT", "REFCOUNT", "k") == (2147483647 if form == "int" else 1)
    with raises_reply("ERR An LFU maxmemory policy is not selected"):
        r("OBJECT", "FREQ", "k")
    r("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    assert r("OBJECT", "FREQ", "k") >= 0
    with raises_reply("ERR An LFU maxmemory policy is selected"):
        r("OBJECT", "IDLETIME", "k")


def test_object_tells_of_the_nodes_of_a_quicklist(r):
    r("CONFIG", "SET", "list-max-listpack-size", 100)
    r("RPUSH", "k", *range(1, 251))
    fields = dict(field.split(":") for field in r("DEBUG", "OBJECT", "k").split()[6:])
    assert fields == {"lru_seconds_idle": "0", "ql_nodes": "3", "ql_avg_node": "83.33", "ql_listpack_max": "100",
                      "ql_compressed": "0", "ql_uncompressed_size": str(127 * 2 + 123 * 3 + 3 * 7)}


@pytest.mark.peer
def test_the_nodes_of_a_quicklist_are_those_of_redis(r, peer):
    server = peer("redis8", "--enable-debug-command", "yes")
    server.call("FLUSHALL")
    found = []
    for call in (r, server.call):
        call("RPUSH", "k", *(f"element {i}" for i in range(5000)), "x" * 10_000, "y")
        call("LPUSH", "k", *range(3000))
        found.append([field for field in call("DEBUG", "OBJECT", "k").split() if field.startswith("ql_")])
    assert found[0] == found[1]
