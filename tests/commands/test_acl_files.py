"""Where users come from: `user` lines of the configuration, the ACL file; and how they are written back."""

import contextlib
import json
import random
from pathlib import Path

import pytest

from pyredis.config import Config, ConfigError
from pyredis.server import Server
from pyredis.users import Unmatched, User, WrongRule
from tests.commands.test_acl_differential import Rules
from tests.session import R, raises_reply

REFERENCE = Path(__file__).parent.parent / "reference"
NO_CHANGE = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"


def started(tmp_path, text=""):
    """A client of a server that was started with these lines, and what its log says."""
    config = Config(logfile=str(tmp_path / "log"))
    config.load(text)
    server = Server(config)
    good = server.acl.start()
    path = tmp_path / "log"
    return R(server) if good else None, path.read_text() if path.exists() else ""


@pytest.fixture
def users(tmp_path):
    path = tmp_path / "users.acl"
    path.write_text("user bob on >p ~a* +get\n\n  user default on nopass ~* &* +@all\n")
    return path


# ---- user lines

def test_users_come_from_the_configuration(tmp_path):
    r, _ = started(tmp_path, 'user bob on >p ~a +@read (~b +set)\nuser default on ">x" +@all ~*\nrequirepass y\n')
    assert r("AUTH", "x") == "OK"
    assert [line.split(b" ")[1] for line in r("ACL", "LIST")] == [b"bob", b"default"]
    assert r("ACL", "GETUSER", "bob")[5] == b"-@all +@read"
    assert r("AUTH", "bob", "p") == "OK"


@pytest.mark.parametrize("line, error", [
    ("user bob on foo", "Error in user declaration 'foo': Syntax error"),
    ("user bob on (+get", "Error in user declaration '(+get': Wrong format"),
    ("user bob on <x", "Error in user declaration '<x': The password you are trying to remove"),
    ("user bob on\nuser bob off", "Error in user declaration 'bob': Duplicate user found.")])
def test_a_line_that_cannot_be_is_found_when_the_file_is_read(line, error):
    config = Config()
    with pytest.raises(ConfigError) as raised:
        for one in line.split("\n"):
            config.take_line("user", one.split()[1:])
    assert str(raised.value).startswith(error)


@pytest.mark.parametrize("line, error", [
    ("user bob on +nosuch", "Error loading ACL rule '+nosuch' for the user named 'bob': Unknown command"),
    ("user bob on (+nosuch)", "Error loading ACL rule '(+nosuch)' for the user named 'bob': Unknown command"),
    ('user "b b" on', "Spaces not allowed in ACL usernames")])
def test_a_line_of_unknown_commands_ends_the_start(tmp_path, line, error):
    r, log = started(tmp_path, line)
    assert r is None
    assert error in log and "Critical error while loading ACLs. Exiting." in log


def test_users_are_not_taken_from_two_places(tmp_path, users):
    r, log = started(tmp_path, f"user bob on\naclfile {users}\n")
    assert r is None and "please define either an ACL file or" in log


def test_config_rewrite_writes_users_that_read_back_the_same(tmp_path):
    path = tmp_path / "pyredis.conf"
    path.write_text("user eve on\nport 0\n")
    r, _ = started(tmp_path, path.read_text())
    r.server.config.path = str(path)
    r("ACL", "SETUSER", "bob", "on", ">p", '~a"b', "&c'd", "+@read", "(%R~x -@all +get)")
    r("ACL", "DELUSER", "eve")
    r("CONFIG", "REWRITE")
    again, _ = started(tmp_path, path.read_text())
    assert again("ACL", "LIST") == r("ACL", "LIST")


# ---- the file

def test_users_come_from_a_file_and_go_back_there(tmp_path, users):
    r, _ = started(tmp_path, f"aclfile {users}")
    assert r("ACL", "USERS") == [b"bob", b"default"]
    r("ACL", "SETUSER", "eve", "on", "nopass", "~x")
    assert r("ACL", "SAVE") == "OK"
    assert users.read_bytes() == b"".join(line + b"\n" for line in r("ACL", "LIST"))
    r("ACL", "DELUSER", "eve")
    assert r("ACL", "LOAD") == "OK"
    assert r("ACL", "USERS") == [b"bob", b"default", b"eve"]
    assert r.server.config.user_lines() == []


def test_patterns_of_a_selector_come_back_whatever_is_in_them(tmp_path, users):
    r, _ = started(tmp_path, f"aclfile {users}")
    r("ACL", "SETUSER", "eve", "~a'b", """("~a\\"b" '&c\\'d' "~e\\\\f" ~g\\\\h)""", "(~x)")
    before = r("ACL", "GETUSER", "eve")
    assert [(keys, channels) for _, _, _, keys, _, channels in before[-1]] == [
        (b'~a"b ~e\\f ~g\\\\h', b"&c'd"), (b"~x", b"")]
    r("ACL", "SAVE")
    assert r("ACL", "LOAD") == "OK"
    assert r("ACL", "GETUSER", "eve") == before


def meaning(user):
    """What the core is given, but for the order of patterns and the case of words."""
    return [(flags, commands, sorted(keys), sorted(channels), databases,
             sorted((index, word.lower()) for index, word in first_words))
            for flags, commands, keys, channels, databases, first_words in user.compiled()]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_written_reads_back_the_same(r, seed):
    rng, vocabulary = random.Random(seed), r.server.acl.vocabulary
    source = Rules(rng)
    for _ in range(300):
        user = User(b"u", channels_open=rng.random() < 0.5)
        for _ in range(rng.randint(1, 8)):
            with contextlib.suppress(WrongRule, Unmatched):
                user = user.changed([rule.encode() for rule in source.rules()], vocabulary)
        words = user.line(to_file=True).split(b" ")[2:]
        again = User(b"u", channels_open=rng.random() < 0.5).changed(words, vocabulary)
        assert again.line() == user.line() and meaning(again) == meaning(user)


def test_a_pattern_of_one_star_is_no_allkeys_in_the_file(tmp_path, users):
    r, _ = started(tmp_path, f"aclfile {users}")
    r("ACL", "SETUSER", "eve", "%RW~*", "~x", "(%R~* %W~* ~y)")
    before = r("ACL", "LIST")
    assert b"~* ~x resetchannels -@all (~* ~y resetchannels -@all)" in before[-1]
    r("ACL", "SAVE")
    assert r("ACL", "LOAD") == "OK"
    assert r("ACL", "LIST") == before


def test_a_file_without_a_default_user_gives_it_back_all_rights(tmp_path, users):
    users.write_text("user bob on\n")
    r, _ = started(tmp_path, f"aclfile {users}")
    r("ACL", "SETUSER", "default", "-get")
    r("ACL", "LOAD")
    assert r("GET", "k") is None


def test_loading_ends_the_connections_of_users_who_are_gone(tmp_path, users):
    r, _ = started(tmp_path, f"aclfile {users}")
    r("ACL", "SETUSER", "eve", "on", "nopass")
    bob, eve = R(r.server), R(r.server)
    bob("AUTH", "bob", "p")
    eve("AUTH", "eve", "p")
    users.write_text("user bob on nopass ~b +get\n")
    r("ACL", "LOAD")
    assert eve.session.closed and not bob.session.closed
    assert bob("GET", "b") is None
    with raises_reply("NOPERM"):
        bob("GET", "a")


@pytest.mark.parametrize("text, error", [
    ("usr bob on", "{path}:1 should start with user keyword followed by the username. "),
    ("user", "{path}:1 should start with user keyword followed by the username. "),
    ("user bob on +nosuch", "{path}:1: Error in applying operation '+nosuch': "
                            "Unknown command or category name in ACL. "),
    ("\nuser a b on", "{path}:2: Syntax error. "),
    ("user bob on (+get", "{path}:1: Unmatched parenthesis in selector definition."),
    ("user bob on x +no y ~* ~a +none\nuser bob",
     "{path}:1: Syntax error. "
     "{path}:1: Error in applying operation '+no': Unknown command or category name in ACL. "
     "{path}:1: Error in applying operation '+none': Unknown command or category name in ACL. "
     "WARNING: Duplicate user 'bob' found on line 2. "),
    ("user b\tb on", "'{path}:1: username 'b\tb' contains invalid characters. "),
    ("user bob on\nuser bob off", "WARNING: Duplicate user 'bob' found on line 2. ")])
def test_a_file_with_an_error_changes_nothing(tmp_path, users, text, error):
    r, _ = started(tmp_path, f"aclfile {users}")
    before = r("ACL", "LIST")
    users.write_text(text)
    with raises_reply("ERR " + error.format(path=users) + NO_CHANGE):
        r("ACL", "LOAD")
    assert r("ACL", "LIST") == before
    refused, log = started(tmp_path, f"aclfile {users}")
    assert refused is None and "Aborting startup because of ACL errors: " in log


def test_a_file_that_cannot_be_read_or_written_is_an_error(tmp_path, users):
    r, _ = started(tmp_path, f"aclfile {users}")
    users.unlink()
    with raises_reply(f"ERR Error loading ACLs, opening file '{users}': No such file or directory"):
        r("ACL", "LOAD")
    r.server.config.assign("aclfile", str(tmp_path / "none" / "users.acl"))
    with raises_reply("ERR There was an error trying to save the ACLs."):
        r("ACL", "SAVE")


def test_without_a_file_there_is_nothing_to_load_or_save(r):
    for word in ("LOAD", "SAVE"):
        with raises_reply("ERR This Redis instance is not configured to use an ACL file."):
            r("ACL", word)


# ---- categories

@pytest.mark.parametrize("category", sorted(json.loads((REFERENCE / "redis-8.0.6/acl.json").read_text())))
def test_a_category_has_the_commands_of_the_real_one(r, category):
    table = r.server.table
    facts = json.loads((REFERENCE / "redis-8.0.6/acl.json").read_text())[category]
    known = {name for names in json.loads((REFERENCE / "redis-8.0.6/acl.json").read_text()).values() for name in names}
    ours = {name.decode() for name in r("ACL", "CAT", category)}
    assert category.encode() in r("ACL", "CAT")
    assert ours & known == {name for name in facts if table.find(name) is not None}
    assert all(table.find(name).spec.valkey for name in ours - known)
