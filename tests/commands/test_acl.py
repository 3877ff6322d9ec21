"""ACL in process: what users may do, what they are refused and what is noted of it, and what becomes of their
connections when the rules change."""

import pytest

from pyredis.config import ConfigError
from pyredis.users import password_hash
from tests.session import R, ReplyError, encode, raises_reply

NO_KEY = "NOPERM No permissions to access a key"
NO_CHANNEL = "NOPERM No permissions to access a channel"


def no_command(name, user="bob"):
    return f"NOPERM User {user} has no permissions to run the '{name}' command"


def given_user(r, *rules, name="bob"):
    """A connection of a new user with these rules; its password is p."""
    r("ACL", "SETUSER", name, "reset", "on", ">p", *rules)
    client = R(r.server)
    client("AUTH", name, "p")
    return client


def rules_of(r, name="bob"):
    prefix = f"user {name} ".encode()
    return next(line for line in r("ACL", "LIST") if line.startswith(prefix))[len(prefix):].decode()


def log(r):
    return [{key.decode(): value for key, value in zip(entry[::2], entry[1::2], strict=True)}
            for entry in r("ACL", "LOG")]


# ---- rules

def test_the_default_user_may_do_everything(r):
    assert r("ACL", "WHOAMI") == b"default"
    assert r("ACL", "LIST") == [b"user default on nopass sanitize-payload ~* &* +@all"]
    assert r("ACL", "USERS") == [b"default"]


def test_a_new_user_may_do_nothing(r):
    assert r("ACL", "SETUSER", "bob") == "OK"
    assert rules_of(r) == "off sanitize-payload resetchannels -@all"


@pytest.mark.parametrize("rules, shown", [
    (["+@all", "-get", "+get"], "+@all +get"), (["+get", "-@all", "+set"], "-@all +set"),
    (["+config|get", "+config"], "-@all +config"), (["+config", "-config|set"], "-@all +config -config|set"),
    (["+set", "+setex"], "-@all +set +setex"), (["+SELECT|0"], "-@all +select|0"),
    (["+@read", "-GET", "-@read"], "-@all -get -@read")])
def test_a_command_rule_replaces_what_it_makes_void(r, rules, shown):
    r("ACL", "SETUSER", "bob", *rules)
    assert rules_of(r) == "off sanitize-payload resetchannels " + shown


def test_key_patterns_of_the_same_glob_become_one(r):
    r("ACL", "SETUSER", "bob", "%R~a", "~b", "%W~a", "%r~c", "%W~d")
    assert rules_of(r) == "off sanitize-payload ~a ~b %R~c %W~d resetchannels -@all"


def test_rules_are_applied_all_or_none(r):
    with raises_reply("ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"):
        r("ACL", "SETUSER", "bob", "on", "+get", "+nosuch")
    assert r("ACL", "USERS") == [b"default"]
    r("ACL", "SETUSER", "bob", "+get")
    with raises_reply("ERR Error in ACL SETUSER modifier 'x': Syntax error"):
        r("ACL", "SETUSER", "bob", "+set", "(+get)", "x")
    assert rules_of(r) == "off sanitize-payload resetchannels -@all +get"


def test_a_selector_may_come_in_several_words(r):
    r("ACL", "SETUSER", "bob", "(+get", "~x)", "( +set %W~y )")
    assert rules_of(r).endswith("-@all (~x resetchannels -@all +get) (%W~y resetchannels -@all +set)")
    r("ACL", "SETUSER", "bob", "clearselectors")
    assert rules_of(r).endswith("-@all")
    with raises_reply("ERR Unmatched parenthesis in acl selector starting at '(+get'."):
        r("ACL", "SETUSER", "bob", "(+get", "~x")


def test_passwords_come_and_go_as_they_are_or_hashed(r):
    hashed = password_hash(b"a").decode()
    r("ACL", "SETUSER", "bob", "on", ">a", ">b", "#" + hashed)
    assert r("ACL", "GETUSER", "bob")[3] == [password_hash(b"a"), password_hash(b"b")]
    r("ACL", "SETUSER", "bob", "<a")
    client = R(r.server)
    with raises_reply("WRONGPASS"):
        client("AUTH", "bob", "a")
    assert client("AUTH", "bob", "b") == "OK"
    with raises_reply("ERR Error in ACL SETUSER modifier '!" + hashed + "': The password you are trying"):
        r("ACL", "SETUSER", "bob", "!" + hashed)
    r("ACL", "SETUSER", "bob", "nopass")
    assert client("AUTH", "bob", "whatever") == "OK"
    r("ACL", "SETUSER", "bob", "off")
    with raises_reply("WRONGPASS"):
        client("AUTH", "bob", "whatever")


def test_getuser_is_a_map_in_resp3(r):
    r("HELLO", "3")
    r("ACL", "SETUSER", "bob", "on", "~a", "(%R~x +get)")
    assert r("ACL", "GETUSER", "bob") == {
        b"flags": [b"on", b"sanitize-payload"], b"passwords": [], b"commands": b"-@all", b"keys": b"~a",
        b"channels": b"", b"selectors": [{b"commands": b"-@all +get", b"keys": b"%R~x", b"channels": b""}]}
    assert r("ACL", "GETUSER", "nobody") is None


@pytest.mark.parametrize("default, shown", [("allchannels", "&*"), ("resetchannels", "resetchannels")])
def test_acl_pubsub_default_is_what_a_new_user_may_hear(default, shown):
    r = R(acl_pubsub_default=default)
    r("ACL", "SETUSER", "bob", "(+get)")
    assert rules_of(r) == f"off sanitize-payload {shown} -@all ({shown} -@all +get)"
    r("ACL", "SETUSER", "bob", "&x" if default == "resetchannels" else "+get", "reset")
    assert rules_of(r) == f"off sanitize-payload {shown} -@all"


# ---- what may be done

def test_commands_and_subcommands_are_allowed_one_by_one(r):
    bob = given_user(r, "+get", "+config", "-config|set", "+client|id", "~*")
    assert bob("GET", "k") is None
    assert bob("CONFIG", "GET", "port")
    assert bob("CLIENT", "ID") > 0
    for words, name in ((["SET", "k", "v"], "set"), (["CONFIG", "SET", "hz", "10"], "config|set"),
                        (["CLIENT", "LIST"], "client|list"), (["PING"], "ping")):
        with raises_reply(no_command(name)):
            bob(*words)


def test_a_first_word_of_a_command_may_be_allowed_by_itself(r):
    bob = given_user(r, "+select|0", "+acl|whoami")
    assert bob("SELECT", "0") == "OK"
    with raises_reply(no_command("select")):
        bob("SELECT", "1")
    r("ACL", "SETUSER", "bob", "-select")
    with raises_reply(no_command("select")):
        bob("SELECT", "0")


def test_what_needs_no_login_is_always_allowed(r):
    bob = given_user(r, "-@all")
    assert bob("HELLO")
    assert bob("AUTH", "bob", "p") == "OK"
    assert bob("RESET") == "RESET"
    assert bob("ACL", "WHOAMI") == b"default"


@pytest.mark.parametrize("glob, fits, does_not", [
    ("a", "a", "ab"), ("ab*", "ab", "a"), ("ab*", "abcdefghij", "bb"), ("abcdefghij*", "abcdefghij", "abcdefghi"),
    ("abcdefghij*", "abcdefghijk", "abcdefghxjk"), ("a?c", "abc", "ac"), ("*:x", "a:x", "a:y"), ("", "", "a"),
    ("a\\*", "a*", "ab"), ("abcdefghij", "abcdefghij", "abcdefghijk"), ("[ab]c", "bc", "cc"),
    ("abcdefgh", "abcdefgh", "abcdefghi")])
def test_keys_are_matched_as_globs(r, glob, fits, does_not):
    bob = given_user(r, "+@all", "~" + glob)
    assert bob("SET", fits, "v") == "OK"
    with raises_reply(NO_KEY):
        bob("SET", does_not, "v")


def test_not_even_a_star_matches_an_empty_name(r):
    bob = given_user(r, "+@all", "%R~*", "%W~*")
    assert bob("GET", "x") is None
    with raises_reply(NO_KEY):
        bob("GET", "")


def test_reading_and_writing_are_allowed_apart(r):
    bob = given_user(r, "+@all", "%R~r*", "%W~w*")
    assert bob("GET", "r") is None
    assert bob("SET", "w", "1") == "OK"
    assert bob("COPY", "r", "w") == 0
    assert bob("EXISTS", "w", "r") == 1                      # tells neither value, so either will do
    for words in (["SET", "r", "1"], ["GET", "w"], ["SET", "w", "1", "GET"], ["COPY", "w", "r"], ["INCR", "w"],
                  ["EXISTS", "x"], ["MGET", "r", "w"], ["GETDEL", "r"]):
        with raises_reply(NO_KEY):
            bob(*words)


def test_one_pattern_must_allow_all_that_is_done_to_a_key(r):
    bob = given_user(r, "+@all", "%R~a*", "%W~*b")
    with raises_reply(NO_KEY):
        bob("INCR", "ab")


def test_one_selector_must_allow_the_whole_command(r):
    bob = given_user(r, "+get", "~a", "(+set ~b)")
    assert bob("GET", "a") is None
    assert bob("SET", "b", "1") == "OK"
    with raises_reply(NO_KEY):
        bob("SET", "a", "1")
    with raises_reply(NO_KEY):
        bob("GET", "b")
    with raises_reply(no_command("del")):
        bob("DEL", "a")


def test_channels_are_matched_and_patterns_compared(r):
    bob = given_user(r, "+@all", "~*", "&news.*", "&x?")
    assert bob("PUBLISH", "news.1", "m") == 0
    assert bob("SPUBLISH", "x1", "m") == 0
    for words in (["PUBLISH", "old", "m"], ["SUBSCRIBE", "news.1", "old"], ["PSUBSCRIBE", "news.1*"],
                  ["SSUBSCRIBE", "old"], ["SPUBLISH", "old", "m"]):
        with raises_reply(NO_CHANNEL):
            bob(*words)
    assert bob("PSUBSCRIBE", "news.*", "x?")


def test_rules_hold_at_once_for_connections_that_are_there(r):
    bob = given_user(r, "allkeys", "allcommands", "allchannels")
    assert bob("SET", "k", "v") == "OK"
    r("ACL", "SETUSER", "bob", "-set")
    with raises_reply(no_command("set")):
        bob("SET", "k", "v")
    r("ACL", "SETUSER", "bob", "+@all")
    assert bob("SET", "k", "v") == "OK"


def test_the_default_user_can_be_held_to_rules_too(r):
    early = R(r.server)
    r("ACL", "SETUSER", "default", "-@all", "+get", "+acl", "+reset")
    for client in (early, R(r.server)):
        with raises_reply(no_command("set", "default")):
            client("SET", "k", "v")


def test_sort_needs_every_key_for_by_and_get(r):
    r("RPUSH", "l", "1")
    bob = given_user(r, "+@all", "~l", "(+sort_ro %R~*)")
    assert bob("SORT", "l", "BY", "nothing") == [b"1"]
    assert bob("SORT_RO", "l", "GET", "w_*") == [None]
    with raises_reply("ERR BY option of SORT denied due to insufficient ACL permissions."):
        bob("SORT", "l", "BY", "w_*")
    with raises_reply("ERR GET option of SORT denied due to insufficient ACL permissions."):
        bob("SORT", "l", "GET", "#")


@pytest.mark.parametrize("line", [
    "SORT l STORE by STORE x", "SORT l STORE limit STORE x BY y", "SORT l STORE STORE STORE x",
    "GEORADIUS g 0 0 1 km STORE by STORE x", "GEORADIUS g 0 0 1 km STOREDIST by STORE x",
    "GEORADIUS g 0 0 1 km STORE x STORE by STOREDIST store STORE x", "GEORADIUSBYMEMBER g m 1 km STORE by STORE x",
    "GEORADIUSBYMEMBER g m 1 km STORE store STORE x", "GEORADIUSBYMEMBER g m 1 km STOREDIST store STOREDIST x",
    "XREADGROUP COUNT 1 GROUP streams by GROUP store consumer STREAMS x >",
    "XREADGROUP COUNT 1 GROUP store streams STREAMS x >"])
def test_no_option_hides_a_key_that_is_called_like_it(r, line):
    r("RPUSH", "l", "1")
    r("GEOADD", "g", 0, 0, "m")
    r("XADD", "x", "1-1", "f", "v")
    r("XGROUP", "CREATE", "x", "store", 0)
    bob = given_user(r, "+@all", "~l", "~g", *(f"~{word}" for word in (
        "by", "limit", "store", "STORE", "streams", "STREAMS", "group", "GROUP")))
    with raises_reply(NO_KEY):
        bob(*line.split())
    assert r("TYPE", "x") == "stream"
    assert [entry["object"] for entry in log(r)] == [b"x"]


def test_a_destination_without_sources_is_a_key_too(r):
    bob = given_user(r, "+@all", "~a*")
    with raises_reply(NO_KEY):
        bob("PFMERGE", "b")
    assert bob("PFMERGE", "a") == "OK"


# ---- within transactions, scripts, waiting

def test_exec_asks_again(r):
    bob = given_user(r, "+@all", "~*", "&*")
    bob("MULTI")
    bob("GET", "k")
    bob("SET", "k", "v")
    bob("PUBLISH", "c", "m")
    r("ACL", "SETUSER", "bob", "-get", "resetkeys", "~x", "resetchannels")
    errors = bob("EXEC")
    assert [str(error).partition("reason: ")[2] for error in errors] == [
        "no permission to execute the command or subcommand", "no permission to touch the specified keys",
        "no permission to access one of the channels used as arguments"]
    assert all(str(error).startswith("NOPERM ACLs rules changed") for error in errors)
    assert [entry["context"] for entry in log(r)] == [b"multi"] * 3


def test_who_removes_itself_in_a_transaction_does_not_go_on_as_the_default_user(r):
    r("CONFIG", "SET", "requirepass", "secret")
    bob = given_user(r, "+@all", "~a")
    for words in (["MULTI"], ["SET", "a", 1], ["ACL", "DELUSER", "bob"], ["SET", "a", 2]):
        bob(*words)
    first, second, third = bob("EXEC")
    assert (first, second) == ("OK", 1) and str(third).startswith("NOAUTH")
    assert bob.session.closed and r("GET", "a") == b"1"


def test_a_refused_command_ends_the_transaction(r):
    bob = given_user(r, "+@all", "-set", "~*")
    bob("MULTI")
    with raises_reply(no_command("set")):
        bob("SET", "k", "v")
    with raises_reply("EXECABORT"):
        bob("EXEC")


@pytest.mark.parametrize("call, answer", [
    ("redis.call('get', 'b')", "ERR ACL failure in script: No permissions to access a key script: "),
    ("redis.call('set', 'a', 1)", "ERR ACL failure in script: User bob has no permissions to run the 'set' command"),
    ("redis.call('publish', 'c', 1)", "ERR ACL failure in script: No permissions to access a channel script: ")])
def test_a_script_may_do_what_its_caller_may(r, call, answer):
    bob = given_user(r, "+@all", "-set", "~a")
    assert bob("EVAL", "return redis.call('get', 'a')", 0) is None
    with raises_reply(answer):
        bob("EVAL", f"return {call}", 0)
    assert log(r)[0]["context"] == b"lua"


def test_a_script_can_ask_what_its_caller_may(r):
    bob = given_user(r, "+@all", "-set", "~a")
    script = "return {" + ", ".join(f"redis.acl_check_cmd({words})" for words in ("'get', 'a'", "'get', 'b'",
                                                                                  "'set', 'a'")) + "}"
    assert bob("EVAL", script, 0) == [1, None, None]
    assert r("EVAL", script, 0) == [1, 1, 1]
    assert log(r) == []


def test_who_waits_is_asked_again_when_it_goes_on(r):
    bob = given_user(r, "+@all", "~*")
    assert bob.feed(encode("BLPOP", "l", 0)) == []
    r("ACL", "SETUSER", "bob", "-blpop")
    r("RPUSH", "l", "x")
    assert [str(error) for error in bob.taken()] == [no_command("blpop")]
    assert r("LRANGE", "l", 0, -1) == [b"x"]


# ---- connections

def test_a_removed_users_connections_end(r):
    bob, eve = given_user(r, "+@all"), given_user(r, "+@all", name="eve")
    assert r("ACL", "DELUSER", "bob", "nobody") == 1
    assert bob.session.closed and not eve.session.closed and not r.session.closed
    with raises_reply("ERR The 'default' user cannot be removed"):
        r("ACL", "DELUSER", "eve", "default")
    assert eve("ACL", "DELUSER", "eve") == 1                 # who removes itself is still told
    assert eve.session.closed


@pytest.mark.parametrize("listens, rules, ends", [
    (["SUBSCRIBE", "news"], ["resetchannels", "&old"], True), (["SUBSCRIBE", "news"], ["resetchannels", "&n*"], False),
    (["PSUBSCRIBE", "n*"], ["resetchannels", "&n?"], True), (["PSUBSCRIBE", "n*"], ["resetchannels", "&n*"], False),
    (["SSUBSCRIBE", "news"], ["resetchannels"], True), (["SUBSCRIBE", "news"], ["resetchannels", "(&news)"], False),
    (["GET", "k"], ["resetchannels"], False)])
def test_who_hears_what_it_may_not_any_more_is_cut_off(r, listens, rules, ends):
    bob = given_user(r, "+@all", "~*", "&*")
    bob(*listens)
    r("ACL", "SETUSER", "bob", *rules)
    assert bob.session.closed is ends


def test_connections_are_listed_and_killed_by_user(r):
    bob = given_user(r, "+@all")
    assert f"id={bob.session.id} " in r("CLIENT", "LIST", "USER", "bob").decode()
    assert " user=bob " in bob("CLIENT", "INFO").decode()
    assert r("CLIENT", "LIST", "NOT-USER", "bob").decode().count("\n") == 1
    with raises_reply("ERR No such user 'nobody'"):
        r("CLIENT", "KILL", "USER", "nobody")
    assert r("CLIENT", "KILL", "USER", "bob") == 1
    assert bob.session.closed


def test_reset_makes_it_the_default_users_again(r):
    bob = given_user(r, "+@all", "-get")
    bob("RESET")
    assert bob("GET", "k") is None
    r("CONFIG", "SET", "requirepass", "x")
    bob("AUTH", "bob", "p")
    bob("RESET")
    with raises_reply("NOAUTH"):
        bob("GET", "k")


def test_requirepass_is_the_default_users_password(r):
    r("CONFIG", "SET", "requirepass", "secret")
    assert r("ACL", "GETUSER", "default")[1:4] == [
        [b"on", b"sanitize-payload"], b"passwords", [password_hash(b"secret")]]
    client = R(r.server)
    with raises_reply("NOAUTH"):
        client("PING")
    assert client("AUTH", "secret") == "OK"
    r("CONFIG", "SET", "requirepass", "")
    assert b"nopass" in r("ACL", "LIST")[0]
    with raises_reply("ERR AUTH <password> called without any password configured"):
        client("AUTH", "secret")


@pytest.mark.parametrize("wrong", [("maxmemory-policy", "x"), ("bind", "192.0.2.1")])
@pytest.mark.parametrize("first", [True, False])
def test_a_config_set_that_fails_leaves_the_default_users_passwords_alone(r, wrong, first):
    r("ACL", "SETUSER", "default", ">secret", "(~a +get)")
    before = r("ACL", "GETUSER", "default")
    r.server.config.on_change("bind", refuse)
    pairs = [("requirepass", "other"), wrong] if first else [wrong, ("requirepass", "other")]
    with raises_reply("ERR CONFIG SET failed (possibly related to argument '" + wrong[0]):
        r("CONFIG", "SET", *pairs[0], *pairs[1])
    assert r("ACL", "GETUSER", "default") == before
    assert r("CONFIG", "GET", "requirepass") == [b"requirepass", b""]


def refuse(value):
    raise ConfigError("no")


def test_without_a_default_user_everybody_has_to_log_in(r):
    r("ACL", "SETUSER", "default", "off")
    client = R(r.server)
    with raises_reply("NOAUTH"):
        client("PING")
    assert r("PING") == "PONG"                               # who was let in stays in
    r("ACL", "SETUSER", "bob", "on", "nopass", "+ping")
    assert client("HELLO", 3, "AUTH", "bob", "x")[b"proto"] == 3
    assert client("PING") == "PONG"


# ---- what is noted

def test_a_refusal_is_logged_with_all_there_is_to_know(r):
    bob = given_user(r, "+get", "~a")
    with raises_reply(NO_KEY):
        bob("GET", "b")
    r.advance(ms=1500)
    entry = log(r)[0]
    info = entry.pop("client-info").decode()
    assert " user=bob " in info and " cmd=get " in info
    assert entry == {"count": 1, "reason": b"key", "context": b"toplevel", "object": b"b", "username": b"bob",
                     "age-seconds": b"1.5", "entry-id": 0, "timestamp-created": r.now_ms - 1500,
                     "timestamp-last-updated": r.now_ms - 1500}


def test_refusals_alike_within_a_minute_are_counted_together(r):
    bob = given_user(r, "+get")
    for words in (["SET", "a", 1], ["DEL", "a"], ["SET", "b", 1]):
        with pytest.raises(ReplyError):
            bob(*words)
    assert [(entry["object"], entry["count"], entry["entry-id"]) for entry in log(r)] == [
        (b"set", 2, 0), (b"del", 1, 1)]
    r.advance(ms=60_001)
    with pytest.raises(ReplyError):
        bob("SET", "a", 1)
    assert [(entry["object"], entry["count"], entry["entry-id"]) for entry in log(r)] == [
        (b"set", 1, 2), (b"set", 2, 0), (b"del", 1, 1)]
    assert r("ACL", "LOG", "RESET") == "OK"
    assert r("ACL", "LOG") == []


def test_failed_logins_are_logged(r):
    for words in (["AUTH", "bob", "x"], ["HELLO", 2, "AUTH", "eve", "x"]):
        with raises_reply("WRONGPASS"):
            r(*words)
    assert [(e["reason"], e["object"], e["username"]) for e in log(r)] == [
        (b"auth", b"HELLO", b"eve"), (b"auth", b"AUTH", b"bob")]


def test_the_log_has_a_limit(r):
    bob = given_user(r, "+get")
    r("CONFIG", "SET", "acllog-max-len", 2)
    for name in ("SET", "APPEND", "SETNX"):
        with pytest.raises(ReplyError):
            bob(name, "a", 1)
    assert [entry["object"] for entry in log(r)] == [b"setnx", b"append"]
    assert len(r("ACL", "LOG", 1)) == 1
    r("CONFIG", "SET", "acllog-max-len", 0)
    with pytest.raises(ReplyError):
        bob("SET", "a", 1)
    assert log(r) == []


def test_a_database_number_may_have_any_length(r):
    assert r("ACL", "SETUSER", "bob", "db=" + "0" * 5000 + "7,+1, 2") == "OK"
    assert rules_of(r) == "off sanitize-payload resetchannels db=1,2,7 -@all"
    for word in ("1" * 5000, "2147483648", "-1"):
        with raises_reply(f"ERR Error in ACL SETUSER modifier 'db={word}': The provided database ID is out of range"):
            r("ACL", "SETUSER", "bob", "db=" + word)


def test_info_counts_refusals(r):
    bob = given_user(r, "+get", "+publish", "~a")
    for words in (["GET", "b"], ["GET", "b"], ["SET", "a", 1], ["PUBLISH", "c", 1], ["AUTH", "bob", "x"]):
        with pytest.raises(ReplyError):
            bob(*words)
    stats = dict(line.split(":") for line in r("INFO", "stats").decode().splitlines() if ":" in line)
    assert {name: stats[f"acl_access_denied_{name}"] for name in ("auth", "cmd", "key", "channel")} == {
        "auth": "1", "cmd": "1", "key": "2", "channel": "1"}
    r("CONFIG", "RESETSTAT")
    assert "acl_access_denied_key:0" in r("INFO", "stats").decode()


# ---- the rest

def test_dryrun_says_why_not(r):
    r("ACL", "SETUSER", "bob", "+get", "~a")
    assert r("ACL", "DRYRUN", "bob", "get", "a") == "OK"
    assert r("ACL", "DRYRUN", "bob", "get", "b") == b"User bob has no permissions to access the 'b' key"
    assert r("ACL", "DRYRUN", "bob", "set", "a", "1") == b"User bob has no permissions to run the 'set' command"
    assert r("ACL", "DRYRUN", "default", "set", "a", "1") == "OK"
    for words, error in ((["nobody", "get", "a"], "ERR User 'nobody' not found"),
                         (["bob", "nosuch"], "ERR Command 'nosuch' not found"),
                         (["bob", "get"], "ERR wrong number of arguments for 'get' command")):
        with raises_reply(error):
            r("ACL", "DRYRUN", *words)
    assert log(r) == []


def test_genpass_gives_as_many_bits_as_asked_for(r):
    assert len(r("ACL", "GENPASS")) == 64
    assert [len(r("ACL", "GENPASS", bits)) for bits in (1, 4, 5, 12, 4096)] == [1, 1, 2, 3, 1024]
    assert r("ACL", "GENPASS") != r("ACL", "GENPASS")
    for bits in (0, -1, 4097):
        with raises_reply("ERR ACL GENPASS argument must be the number of bits"):
            r("ACL", "GENPASS", bits)


def test_rules_keep_to_the_names_that_commands_had_before_they_were_renamed():
    r = R()
    r.server.core.rename_command(b"get", b"fetch")
    bob = given_user(r, "+get", "~a")
    assert bob("FETCH", "a") is None
    with raises_reply("ERR Error in ACL SETUSER modifier '+fetch'"):
        r("ACL", "SETUSER", "bob", "+fetch")


def test_a_user_may_be_held_to_databases(r):
    bob = given_user(r, "+@all", "~*", "resetdbs", "db=0,3")
    assert rules_of(r).endswith("~* resetchannels db=0,3 +@all")
    assert bob("SET", "k", "v") == "OK"
    assert bob("SELECT", 3) == "OK"
    for words in (["SELECT", 1], ["MOVE", "k", 1], ["COPY", "k", "j", "DB", 1], ["SWAPDB", 0, 1], ["FLUSHALL"]):
        with raises_reply("NOPERM No permissions to access database"):
            bob(*words)
    r("ACL", "SETUSER", "bob", "db=1")
    for words in (["GET", "k"], ["DBSIZE"], ["EVAL", "return 1", 0]):
        with raises_reply("NOPERM No permissions to access database"):
            bob(*words)
    assert [(entry["reason"], entry["object"]) for entry in log(r)[:4]] == [
        (b"database", b"eval"), (b"database", b"dbsize"), (b"database", b"get"), (b"database", b"flushall")]
    assert bob("PING") == "PONG"
    assert bob("SELECT", 1) == "OK"
    r("ACL", "SETUSER", "bob", "alldbs")
    assert bob("DBSIZE") == 0
