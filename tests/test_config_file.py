"""The syntax of the file and of the command line, and CONFIG REWRITE."""

import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis import __version__
from pyredis.cli.server import build_config
from pyredis.config import NAMES, PARAMETERS, Config, ConfigError
from pyredis.config_file import MARKER, CannotOpen, FileError, option_lines, replace_file, split_line
from pyredis.config_types import quoted
from pyredis.reply import ReplyError
from tests.config_peer import refusal, running


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(text: str) -> Config:
    config = Config()
    config.load(text)
    return config


def why(text: str, *options: str) -> str:
    """The message that a configuration is refused with."""
    Path("refused.conf").write_text(text)
    with pytest.raises(FileError) as caught:
        build_config(["refused.conf", *options])
    return str(caught.value)


# ---- words


@pytest.mark.parametrize(("line", "words"), [
    ("port 1", ["port", "1"]),
    ("  a\t b  ", ["a", "b"]),
    ("", []),
    (r'a "b c" "\x41\n\t\q\"" ', ["a", "b c", 'A\n\tq"']),
    (r"a 'b c' 'it\'s' '\n'", ["a", "b c", "it's", r"\n"]),
    ('a ""', ["a", ""]),
    ('a b"c d"', ["a", "bc d"]),
    (r'a "\x4"', ["a", "x4"]),
    ("a b#c # d", ["a", "b#c", "#", "d"]),
])
def test_a_line_is_split_into_words(line, words):
    assert split_line(line) == words


@pytest.mark.parametrize("line", ['a "b', "a 'b", 'a "b"c', "a 'b'c", 'a "b\\"', '"'])
def test_a_quote_that_is_not_closed_or_not_followed_by_a_blank_is_an_error(line):
    with pytest.raises(ConfigError, match="Unbalanced quotes"):
        split_line(line)


@given(st.binary())
def test_any_bytes_survive_quoting(raw):
    text = raw.decode("utf-8", "surrogateescape")
    assert split_line(f"name {quoted(text)}") == ["name", text]


# ---- the file


def test_comments_and_empty_lines_are_skipped_and_the_last_line_wins():
    config = loaded("# port 1\n\n  \t\n\t# x\nPORT 7\r\nhz 20\nhz 30")
    assert (config.port, config.hz) == (7, 30)


def test_save_lines_add_up_in_place_of_the_default():
    assert loaded("save 60 1").save == ((60, 1),)
    assert loaded("save 60 1\nsave 70 2 80 3").save == ((60, 1), (70, 2), (80, 3))
    assert loaded("save ''\nsave 70 2").save == ((70, 2),)
    assert loaded('save 70 2\nsave ""').save == ()


def test_output_limits_of_the_file_change_the_named_classes_only():
    name = "client-output-buffer-limit"
    limits = loaded(f"{name} normal 1 2 3\n{name} replica 1k 2k 4")
    assert limits.text(name) == "normal 1 2 3 slave 1000 2000 4 pubsub 33554432 8388608 60"


def test_include_takes_a_path_or_a_glob_that_may_match_nothing(folder):
    for name, hz in (("b.conf", 30), ("a.conf", 20)):
        (folder / name).write_text(f"hz {hz}\n")
    assert loaded("include a.conf").hz == 20
    assert loaded("hz 40\ninclude *.conf\ninclude nothing*").hz == 30
    with pytest.raises(CannotOpen, match="can't open config file 'nothing': No such file or directory"):
        loaded("include nothing")
    (folder / "a.conf").write_text("include a.conf")
    with pytest.raises(FileError, match="too deeply"):
        loaded("include a.conf")


def test_directives_that_are_no_parameters_are_kept_for_those_who_know_them():
    config = loaded('rename-command FLUSHALL ""\nuser bob on nopass\nloadmodule m.so 1 2\n'
                    "lua-replicate-commands yes")
    assert config.renamed == [("FLUSHALL", "")]
    assert config.users == [["bob", "on", "nopass"]]
    assert config.modules == [["m.so", "1", "2"]]


def test_an_unknown_line_is_refused_with_its_number():
    assert why("port 0\n# x\n nope 1\n") == (
        f"\n*** FATAL CONFIG FILE ERROR (pyredis {__version__}) ***\n"
        "Reading the configuration file, at line 3\n>>> 'nope 1'\nBad directive or wrong number of arguments")


@pytest.mark.peer
@pytest.mark.parametrize("text", [
    "port 70000", "port x", "port 1 2", 'port "1', '#c\n\n  PORT  "12\\x3"z', "daemonize x\nport y", "zz",
    "include", "include /nothing*\nzz", "list-max-ziplist-entries", "save 60", "save 1 2 3", "hz 4#5",
    "hz 5 # five",
    "maxmemory 1 mb", "maxclients 0", "notify-keyspace-events K E", "notify-keyspace-events", "replicaof a",
    "replicaof a b", "replicaof a 99999", "oom-score-adj-values 1 2 3 4", "oom-score-adj-values 1 2",
    "client-output-buffer-limit normal 1 2", "dir /no/such", "logfile /no/such", "user a on\nuser a on",
    "loadmodule", "sentinel x y", "cluster-enabled yes\nreplicaof 1.1.1.1 1", "appendfilename a/b",
    'appendfilename ""',
    "appenddirname a/b", "dbfilename a/b", "unixsocketperm 778", "unixsocketperm 1000", "supervised x",
    "syslog-facility x", "io-threads 129", "databases 0", "tcp-backlog -1", "socket-mark-id 4294967296",
    "enable-debug-command maybe", "bind " + " ".join(f"-{n}.0.0.1" for n in range(17)),
    "latency-tracking-info-percentiles 101", "shutdown-on-sigterm save nosave", "proc-title-template {x}",
])
def test_redis_refuses_the_same_files_in_the_same_words(folder, text):
    theirs = refusal("redis8", folder, text + "\n").replace("Redis 8.0.6", f"pyredis {__version__}")
    assert why(text + "\n") + "\n" == theirs


@pytest.mark.peer
@pytest.mark.parametrize("options", [
    ["--port", "99999"], ["--port"], ["--port", "0", "--loglevel"], ["--loglevel", "--hz", "20"],
    ["--port=7777"], ["--hz", "10", "--port", "a\n\"b\\\x01"], ["--save", "--dir"], ["--port", "1", "--dir"],
    ["--shutdown-on-sigterm", "--port", "5"], ["--port 'a", "--hz", "5"], ["--hz 5", "6", "--port", "x"],
])
def test_redis_refuses_the_same_options_in_the_same_words(folder, options):
    theirs = refusal("redis8", folder, "hz 10\n", *options).replace("Redis 8.0.6", f"pyredis {__version__}")
    assert why("hz 10\n", *options) + "\n" == theirs


# ---- the command line


@pytest.mark.parametrize(("options", "lines"), [
    (["--port", "7"], 'port "7"'),
    (["--save", "60", "1", "--hz", "5"], 'save "60" "1"\nhz "5"'),
    (["--save"], 'save ""'),
    (["--save", "--hz", "5"], 'save ""\nhz "5"'),
    (["--proc-title-template", "--my"], 'proc-title-template "--my"'),
    (["--bind", "a", "-::1"], 'bind "a" "-::1"'),
    (["--maxmemory '7mb'", "--hz 5", "--save"], "maxmemory '7mb'\nhz 5\nsave \"\""),
    (["hz", "5", "--dir ", "--x"], '"hz" "5"\ndir  "--x"'),
    ([], ""),
])
def test_options_become_lines(options, lines):
    assert option_lines(options) == lines


def test_the_file_then_stdin_then_options(folder, monkeypatch):
    (folder / "x.conf").write_text("hz 20\ntimeout 1\nport 1")
    stdin = SimpleNamespace(buffer=io.BytesIO(b"hz 30\ntimeout 2"))
    monkeypatch.setattr("sys.stdin", stdin)
    config = build_config(["x.conf", "--hz", "40", "-"])
    assert (config.hz, config.timeout, config.port) == (40, 2, 1)
    assert config.path == str(folder / "x.conf")
    stdin.buffer = io.BytesIO(b"hz 30\n")
    assert build_config(["-", "--port", "9"]).hz == 30
    assert build_config([]).path == ""


def test_a_missing_file_is_named():
    with pytest.raises(CannotOpen, match=r"can't open config file 'no\.conf': No such file or directory"):
        build_config(["no.conf"])


# ---- CONFIG REWRITE


def rewritten(text: str, *pairs: str) -> str:
    """The file after CONFIG SET of the pairs and CONFIG REWRITE."""
    Path("x.conf").write_text(text)
    config = build_config(["x.conf"])
    raw = [word.encode() for word in pairs]
    config.set_many(list(zip(raw[::2], raw[1::2], strict=True)))
    config.rewrite()
    return Path("x.conf").read_text()


def test_a_rewritten_file_keeps_comments_and_order_and_adds_at_the_end(folder):
    text = rewritten("# top\nport 7\n\nhz 20\n", "hz", "50", "timeout", "5", "masterauth", 'a"b')
    top, _, below = text.partition(f"\n{MARKER}\n")
    assert top == "# top\nport 7\n\nhz 50\n"
    assert sorted(below.splitlines()) == [
        f'dir "{folder}"', "latency-tracking-info-percentiles 50 99 99.9", 'masterauth "a\\"b"',
        "save 300 100", "save 3600 1", "save 60 10000", "timeout 5"]


def test_rewriting_twice_changes_nothing(folder):
    once = rewritten("# top\nhz 20\n\n\nsave 60 1\nsave 70 2\nuser bob on\n", "save", "80 8")
    assert "save 80 8\n" in once and "save 70 2" not in once and "user bob on\n" in once
    assert rewritten(once) == once


def test_surplus_lines_vanish_and_defaults_are_not_added(folder):
    text = rewritten("hz 20\nhz 30\nmaxmemory 1000\nmasterauth x\n", "maxmemory", "0", "masterauth", "")
    assert text.startswith(f"hz 30\nmaxmemory 0\n\n{MARKER}\n")
    assert "timeout" not in text and "masterauth" not in text


def test_a_file_can_be_written_with_every_default_and_reads_as_the_same(folder):
    Path("x.conf").write_text("hz 20\n")
    config = build_config(["x.conf"])
    config.rewrite(everything=True)
    assert "\ntimeout 0\n" in Path("x.conf").read_text()
    again = build_config(["x.conf"])
    assert {p.name: again[p.name] for p in PARAMETERS} == {p.name: config[p.name] for p in PARAMETERS}


def test_a_rewritten_file_needs_a_file():
    with pytest.raises(ReplyError, match="ERR The server is running without a config file"):
        Config().rewrite()


def test_users_are_written_by_whoever_holds_them():
    Path("x.conf").write_text("user bob on\nhz 20\n")
    config = build_config(["x.conf"])
    config.user_lines = lambda: ["user default on", "user eve off"]
    config.rewrite()
    assert Path("x.conf").read_text().startswith("user default on\nhz 20\n")
    assert "\nuser eve off\n" in Path("x.conf").read_text()


def test_replacing_a_file_keeps_its_permissions_and_leaves_nothing_behind(folder):
    (folder / "x").write_text("old")
    (folder / "x").chmod(0o600)
    os.symlink("x", folder / "link")
    replace_file("link", "new")
    assert (folder / "x").read_text() == "new"
    assert (folder / "x").stat().st_mode & 0o777 == 0o600
    assert (folder / "link").is_symlink()
    assert sorted(os.listdir(folder)) == ["link", "x"]


def meaning(text: str) -> dict[str, list[list[str]]]:
    """Parameter -> its lines' words; without what is particular to a server."""
    found: dict[str, list[list[str]]] = {}
    for line in text.split("\n"):
        words = split_line(line) if not line.startswith("#") else []
        if words and words[0] not in ("user", "dir", "port", "bind"):
            param = NAMES.get(words[0])
            found.setdefault(param.name if param else words[0], []).append(words[1:])
    return found


REWRITES = [
    ("", []),
    ("# c\nhz 20\nhz 30\n\nsave 60 1\nsave 70 2\n\n\nHASH-MAX-ziplist-entries 512\nslave-read-only no\n"
     "maxmemory 100000000\nmaxmemory-policy noeviction\nrename-command FLUSHALL \"\"\ninclude /nothing*\n"
     "client-output-buffer-limit normal 0 0 0\nlist-max-ziplist-entries 5\n",
     ["save", "", "maxmemory", "1048576", "slave-read-only", "yes", "masterauth", 'a"b\n\x01é',
      "timeout", "11", "client-output-buffer-limit", "pubsub 1 2 3", "notify-keyspace-events", "KEA",
      "maxmemory-clients", "10%",
      "latency-tracking-info-percentiles", "", "oom-score-adj-values", "1 2 3"]),
    (f"save 60 1\nsave 70 2\n{MARKER}\nhz 50\nsyslog-ident x\nmasterauth x\n",
     ["hz", "10", "save", "80 8 90 9", "shutdown-on-sigterm", "now force", "masterauth", "",
      "latency-tracking-info-percentiles", "1 2.5", "slowlog-log-slower-than", "-1",
      "repl-backlog-size", "1gb",
      "proc-title-template", "{title} x", "cluster-announce-hostname", "a.b", "appendfsync", "always"]),
    ("client-output-buffer-limit replica 1mb 2mb 3\nunixsocketperm 700\n",
     ["client-output-buffer-limit", "replica 256mb 64mb 60 pubsub 0 0 0", "hll-sparse-max-bytes", "1000"]),
]


@pytest.mark.peer
@pytest.mark.parametrize(("text", "pairs"), REWRITES)
def test_rewriting_means_the_same_as_in_redis(folder, text, pairs):
    (folder / "their.conf").write_text(text, encoding="utf-8")
    with running("redis8", folder, str(folder / "their.conf")) as peer:
        assert not pairs or peer.call("CONFIG", "SET", *pairs) == "OK"
        assert peer.call("CONFIG", "REWRITE") == "OK"
    theirs = meaning((folder / "their.conf").read_text())
    ours = meaning(rewritten(text, *pairs))
    # Redis repeats the defaults of other classes if the file had a line of one; we do not.
    limits = "client-output-buffer-limit"
    defaults = [["normal", "0", "0", "0"], ["replica", "256mb", "64mb", "60"],
                ["pubsub", "32mb", "8mb", "60"]]
    for found in (theirs, ours):
        found[limits] = [words for words in found.get(limits, []) if words not in defaults]
    assert ours == theirs


@pytest.mark.socket
def test_a_server_started_from_its_rewritten_file_has_the_same_values(folder):
    (folder / "x.conf").write_text("# mine\nhz 20\nsave 60 1\n")
    with running("pyredis", folder, "x.conf", "--timeout", "7") as server:
        assert server.call("CONFIG", "SET", "hz", "30", "maxmemory", "100mb") == "OK"
        assert server.call("CONFIG", "REWRITE") == "OK"
        before = server.call("CONFIG", "GET", "[^p]*")
    assert (folder / "x.conf").read_text().startswith("# mine\nhz 30\nsave 60 1\n")
    with running("pyredis", folder, "x.conf") as server:
        assert server.call("CONFIG", "GET", "[^p]*") == before
        assert server.call("CONFIG", "GET", "timeout", "hz") == ["timeout", "7", "hz", "30"]
