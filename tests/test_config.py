"""The parameters, CONFIG GET and SET, and the same questions asked of a real server."""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyredis.commands import config_control
from pyredis.config import (
    FIXED,
    HIDDEN,
    NAMES,
    OWN,
    PARAMETERS,
    PROTECTED,
    VALKEY,
    Config,
    ConfigError,
    table_markdown,
)
from pyredis.config_types import NOTIFY_CLASSES, Host, OutputLimit
from pyredis.log import Log
from pyredis.reply import OK, ReplyError
from pyredis.server import Server
from tests.config_peer import running
from tests.session import R, raises_reply

ROOT = Path(__file__).parent.parent

LOCAL = SimpleNamespace(is_local=True)
IDLE = SimpleNamespace(active=False)


def reference(server: str) -> dict[str, str]:
    return json.loads((ROOT / "tests/reference" / server / "config.json").read_text())


@pytest.fixture
def config(tmp_path, monkeypatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return Config()


def put(config: Config, *words: str, local: bool = False) -> str:
    """CONFIG SET -> "" or the error."""
    raw = [word.encode("utf-8", "surrogateescape") for word in words]
    try:
        config.set_many(list(zip(raw[::2], raw[1::2], strict=True)), local=local)
    except ReplyError as error:
        return error.text
    return ""


def failed(name: str, reason: str) -> str:
    return f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"


# ---- the list


def test_every_parameter_of_redis_is_there_with_its_default(config):
    given_to_the_reference_server = {"port", "save", "dir"}
    for name, value in reference("redis-8.0.6").items():
        if name not in given_to_the_reference_server:
            assert (name, config.text(name)) == (name, value)
    assert config.text("port") == "6379"
    assert config.text("save") == "3600 1 300 100 60 10000"
    assert config.text("dir") == os.getcwd()


def test_every_parameter_of_valkey_is_there_and_what_only_it_has_is_marked():
    values = reference("valkey-9.1.2")
    assert set(values) <= set(NAMES)
    shown = [param for param in PARAMETERS if not param.flags & (HIDDEN | OWN)]
    marked = {param.name for param in shown if param.flags & VALKEY}
    assert marked == {param.name for param in shown} - set(reference("redis-8.0.6"))
    for name in marked:
        assert Config().text(name) == values[name]


def test_no_name_is_declared_twice():
    names = [name for param in PARAMETERS for name in (param.name, *param.alias)]
    assert len(names) == len(set(names))


def test_the_manual_has_the_table_of_the_parameters():
    assert table_markdown() in (ROOT / "docs/configuration.md").read_text()


def test_a_default_written_as_text_reads_as_itself(config):
    for param in PARAMETERS:
        if param.name not in ("dir", "proc-title-template", "replicaof"):
            text = param.type.text(param.default)
            assert (param.name, param.type.parse([text], param.default)) == (param.name, param.default)


@pytest.mark.parametrize(("name", "word", "value"), [
    ("hz", "9" * 5000, None), ("maxmemory", "9" * 5000, (1 << 64) - 1), ("maxmemory", "0" * 5000 + "7", 7),
    ("client-output-buffer-limit", "normal 0 1 " + "9" * 5000, None),
    ("client-output-buffer-limit", "normal 0 1 9223372036854775807", None)])
def test_numbers_of_any_length_are_answered(r, name, word, value):
    if value is None:
        with raises_reply("ERR CONFIG SET failed"):
            r("CONFIG", "SET", name, word)
    else:
        assert r("CONFIG", "SET", name, word) == "OK"
        assert r("CONFIG", "GET", name) == [name.encode(), b"%d" % value]


def test_values_are_typed():
    config = Config(maxmemory=10)
    assert config["maxmemory"] == 10 and config.maxmemory == 10
    assert config.port == 6379
    assert config.appendonly is False
    assert config.maxmemory_policy == "noeviction"
    assert config.save == ((3600, 1), (300, 100), (60, 10000))
    assert config["client-output-buffer-limit"]["pubsub"] == OutputLimit(33554432, 8388608, 60)
    assert config.bind == ("*", "-::*")
    assert config.slave_read_only is True
    with pytest.raises(AttributeError):
        config.no_such_thing  # noqa: B018


# ---- CONFIG GET


def test_get_takes_globs_of_either_case_and_shows_each_parameter_once(config):
    assert config.get_matching([b"HZ", b"h?", b"[h]z"]) == {"HZ": "10"}
    assert config.get_matching([b"*-max-z*"]).keys() == {
        "hash-max-ziplist-entries", "hash-max-ziplist-value", "list-max-ziplist-size",
        "zset-max-ziplist-entries", "zset-max-ziplist-value"}
    assert config.get_matching([b"nope", b"\\hz", b"[z-a", b"[^a-z]*", b"[]"]) == {}
    assert "slave-read-only" in config.get_matching([b"slave*"])
    assert config.get_matching([b"[^a-gi-z][y-z]"]) == {"hz": "10"}


def test_a_hidden_parameter_is_shown_only_by_its_exact_name(config):
    assert config.get_matching([b"watchdog*"]) == {}
    assert config.get_matching([b"watchdog-period"]) == {"watchdog-period": "0"}


# ---- CONFIG SET


def test_set_changes_all_or_nothing(config):
    assert put(config, "hz", "20", "maxmemory", "1gb") == ""
    assert (config.hz, config.maxmemory) == (20, 1 << 30)
    assert put(config, "hz", "30", "maxmemory", "x") == failed("maxmemory", "argument must be a memory value")
    assert (config.hz, config.maxmemory) == (20, 1 << 30)


def test_set_names_what_cannot_be_set_at_all(config):
    assert put(config, "nope", "1") == "ERR Unknown option or number of arguments for CONFIG SET - 'nope'"
    assert put(config, "hz", "1", "HZ", "2") == failed("HZ", "duplicate parameter")
    assert put(config, "hz", "1", "daemonize", "yes") == failed("daemonize", "can't set immutable config")
    assert put(config, "dir", "/") == failed("dir", "can't set protected config")
    assert config.hz == 10


def test_both_names_of_a_parameter_may_be_set_together_and_the_last_counts(config):
    assert put(config, "repl-ping-slave-period", "3", "repl-ping-replica-period", "4") == ""
    assert config.repl_ping_slave_period == 4


def test_a_value_set_from_inside_is_shown_and_no_hook_hears_of_it(config):
    seen = []
    config.on_change("replicaof", seen.append)
    config.assign("slaveof", Host("10.0.0.1", 6379))
    assert config.get_matching([b"replicaof", b"slaveof"]) == {
        "replicaof": "10.0.0.1 6379", "slaveof": "10.0.0.1 6379"}
    assert seen == []


def test_a_hook_learns_of_changes_only(config):
    seen = []
    config.on_change("hz", seen.append)
    put(config, "hz", "10")
    put(config, "hz", "1000")
    assert seen == [500]                   # as Redis bounds it


def test_a_hook_that_refuses_undoes_everything_and_other_hooks_hear_the_old_value(config):
    seen = []

    def refuse(value):
        if value == ("1.2.3.4",):
            raise ConfigError("Failed to bind to specified addresses.")

    config.on_change("hz", seen.append)
    config.on_change("bind", refuse)
    refused = failed("bind", "Failed to bind to specified addresses.")
    assert put(config, "hz", "20", "bind", "1.2.3.4") == refused
    assert seen == [20, 10]
    assert config.bind == ("*", "-::*")


def test_protected_parameters_follow_enable_protected_configs(config, tmp_path):
    config.load("enable-protected-configs local")
    assert "protected" in put(config, "dbfilename", "x")
    assert put(config, "dbfilename", "x", local=True) == ""
    config.load("enable-protected-configs yes")
    assert put(config, "dbfilename", "y") == ""
    assert [config.allows("enable-debug-command", local) for local in (True, False)] == [False, False]


def test_dir_changes_the_working_directory_and_a_failure_changes_it_back(config, tmp_path):
    config.load("enable-protected-configs yes")
    (tmp_path / "sub").mkdir()
    assert put(config, "dir", "sub", "hz", "x") != ""
    assert os.getcwd() == config.dir == str(tmp_path)
    assert put(config, "dir", "sub") == ""
    assert os.getcwd() == config.dir == str(tmp_path / "sub")
    assert put(config, "dir", "/no/such") == failed("dir", "No such file or directory")


def test_what_is_not_built_refuses_to_be_switched_on(config):
    assert "Unable to update TLS" in put(config, "tls-replication", "yes")
    assert put(config, "tls-replication", "no") == ""


def test_bytes_that_are_not_text_survive(config):
    config.set_many([(b"requirepass", b"\xff\x00a")])
    server = SimpleNamespace(config=config)
    assert config_control.config_get(server, None, [b"CONFIG", b"GET", b"requirepass"]) == {
        b"requirepass": b"\xff\x00a"}


# ---- the command

def test_config_command(config, tmp_path):
    calls = []
    log = Log(Config(logfile=str(tmp_path / "log")))
    server = SimpleNamespace(config=config, log=log, loading=IDLE, reset_stats=lambda: calls.append("reset"))
    assert config_control.config_set(server, LOCAL, [b"CONFIG", b"SET", b"hz", b"20", b"timeout", b"3"]) == OK
    with pytest.raises(ReplyError, match="ERR syntax error"):
        config_control.config_set(server, LOCAL, [b"CONFIG", b"SET", b"hz", b"7", b"port"])
    assert config_control.config_resetstat(server, None, [b"CONFIG", b"RESETSTAT"]) == OK
    assert calls == ["reset"]
    with pytest.raises(ReplyError, match="ERR The server is running without a config file"):
        config_control.config_rewrite(server, None, [b"CONFIG", b"REWRITE"])
    (tmp_path / "x.conf").touch()
    config.path = str(tmp_path / "x.conf")
    assert config_control.config_rewrite(server, None, [b"CONFIG", b"REWRITE"]) == OK
    assert "hz 20\n" in (tmp_path / "x.conf").read_text()
    config.path = str(tmp_path / "none" / "x.conf")
    with pytest.raises(ReplyError, match="ERR Rewriting config file: No such file or directory"):
        config_control.config_rewrite(server, None, [b"CONFIG", b"REWRITE"])
    assert re.findall("CONFIG REWRITE [a-z]+", (tmp_path / "log").read_text()) == [
        "CONFIG REWRITE executed", "CONFIG REWRITE failed"]
    assert config_control.config_help(server, None, [b"CONFIG", b"HELP"])[0].startswith("CONFIG <subcommand>")


def test_local_clients_may_set_protected_parameters_if_so_configured(config):
    config.load("enable-protected-configs local")
    server, words = SimpleNamespace(config=config, loading=IDLE), [b"CONFIG", b"SET", b"dbfilename", b"x"]
    with pytest.raises(ReplyError, match="protected"):
        config_control.config_set(server, SimpleNamespace(is_local=False), words)
    assert config_control.config_set(server, LOCAL, words) == OK


def test_a_client_of_this_process_is_local_to_config_set_and_to_debug():
    r = R(**{"enable-protected-configs": "local", "enable-debug-command": "local"})
    assert r("CONFIG", "SET", "dbfilename", "x.rdb") == "OK"
    assert r("DEBUG", "SLEEP", 0) == "OK"


# ---- the same questions to real servers

EDGES = [
    "zzz", "", "-1", "0", "1", "2", "-2", "101", "256", "65535", "65536", "1025", "2147483647",
    "2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "1kb", "1k", "1g", "05mb", "kb", "1B", "1tb", "+5", "05", "10%", "0%", "05%", "%",
    "5 %", "yes", "no", "YES", "a b", "a/b", "a\"b\n\x01",
    "-1%", "101%", "-100", "777", "1.5", "-9223372036854775808", " 5", "5 "]
MORE = {
    "save": ["60 1", "10 1 300", "10 1 300 0", "10 -1", "0 1", "60  1", "  ", "60 +1"],
    "client-output-buffer-limit": [
        "normal 1 2 3 foo 1 2 3", "normal 1mb 2mb x", "master 1mb 2mb 3", "replica 1mb 2mb 3 PUBSUB 1 2 3",
        "normal 1 2", "normal -1 2 3", "slave 1gb 1k 0", "normal 0 1 2147483648", "normal 0 1 2147483647",
        "normal 0 1 9223372036854775807"],
    "notify-keyspace-events": ["AKE", "Kg$lshzxetdmn", "A", "KEAmn", "Kn", "mnE$gt", "q", "KEgt"],
    "latency-tracking-info-percentiles": ["50 99.999 100.0 33.3333", "50 50", "1e1", "nan", "0.1 x", "-0.1"],
    "oom-score-adj-values": ["1 2 3", "1 2 a", "3 2 1", "-3000 2 1", "1 2 3 4"],
    "shutdown-on-sigterm": ["save force", "save  now save", "default save", "save nosave", "NOW Force"],
    "proc-title-template": ["{foo}", "{title}", "{title} {port", "  ", "}",
                            "{title} x {port} {tls-port} {unixsocket}"],
    "cluster-announce-hostname": ["a" * 256, "a" * 255, "a-b.c"],
    "maxmemory-policy": ["allkeys-lru", "Volatile-TTL"], "appendfsync": ["ALWAYS"], "loglevel": ["nothing"],
    "locale-collate": ["C", "no_SUCH"], "maxmemory": ["18446744073709551615gb", "1 000"],
}
# Here the real servers do something to themselves or to the asking client, or ask how they were built.
OTHERWISE = {"bind", "port", "maxclients", "tls-replication", "tls-cluster", "requirepass", "activedefrag",
             "rdma-bind", "rdma-port", "tls-port", "appendonly", "maxmemory-clients",
             # Valkey refuses 2^64 here, but takes 2^64-1 as -1.
             "slot-migration-max-failover-repl-bytes"}


def differences(name: str, folder: Path, config: Config, wanted: list[str]) -> list[tuple]:
    commands, answers = [], []
    for parameter in wanted:
        for value in EDGES + MORE.get(parameter, []):
            error = put(config, parameter, value)
            commands.append(("CONFIG", "SET", parameter, value))
            answers.append(("error", error) if error else "OK")
            commands.append(("CONFIG", "GET", parameter))
            answers.append([parameter, config.text(parameter)])
        default = NAMES[parameter].type.text(NAMES[parameter].default)
        assert put(config, parameter, default) == ""
        commands.append(("CONFIG", "SET", parameter, default))
        answers.append("OK")
    with running(name, folder, "--save", "3600 1 300 100 60 10000") as peer:
        theirs = peer.calls(commands)
    return [(command, our, their) for command, our, their in zip(commands, answers, theirs, strict=True)
            if our != their]


def settable(names: list[str]) -> list[str]:
    return [name for name in names if name not in OTHERWISE and not NAMES[name].flags & (FIXED | PROTECTED)]


@pytest.mark.peer
def test_set_takes_and_refuses_the_same_values_as_redis(config, tmp_path):
    assert differences("redis8", tmp_path, config, settable(list(reference("redis-8.0.6")))) == []


@pytest.mark.peer
def test_set_takes_and_refuses_the_same_values_as_valkey_where_only_it_has_the_parameter(config, tmp_path):
    names = sorted(set(reference("valkey-9.1.2")) - set(reference("redis-8.0.6")))
    assert differences("valkey9", tmp_path, config, settable(names)) == []


def test_a_share_of_memory_is_a_percentage_or_bytes_with_the_oddities_of_redis(config):
    def answer(value: str) -> str:
        error = put(config, "maxmemory-clients", value)
        return error.rpartition(" - ")[2] or config.text("maxmemory-clients")

    no_value = "argument must be a memory or percent value"
    too_much = "percentage argument must be less or equal to 100"
    assert {value: answer(value) for value in ("", "1kb", "10%", "100%", "0%", "18446744073709551615")} == {
        "": "0", "1kb": "1024", "10%": "10%", "100%": "100%", "0%": "0", "18446744073709551615": "1%"}
    assert {answer(value) for value in ("zzz", "-1", "-1%", "05%", "%", "5 %", " 5")} == {no_value}
    assert {answer(value) for value in ("101%", "9223372036854775808")} == {too_much}


@pytest.mark.peer
def test_what_may_not_be_set_is_the_same_as_in_redis(config, tmp_path):
    names = list(reference("redis-8.0.6"))
    with running("redis8", tmp_path) as peer:
        theirs = peer.calls([("CONFIG", "SET", name, "zzz") for name in names])
    for name, reply in zip(names, theirs, strict=True):
        for reason in ("immutable", "protected"):
            text = f"can't set {reason}"
            assert (name, text in str(reply)) == (name, text in put(config, name, "zzz"))


@pytest.mark.peer
def test_keyspace_event_classes_are_shown_in_the_order_of_redis(config, tmp_path):
    letters = [*NOTIFY_CLASSES, "A"]
    values = ["".join(letter for bit, letter in enumerate(letters) if number >> bit & 1)
              for number in range(0, 1 << len(letters), 37)]
    commands = [words for value in values for words in (
        ("CONFIG", "SET", "notify-keyspace-events", value), ("CONFIG", "GET", "notify-keyspace-events"))]
    with running("redis8", tmp_path) as peer:
        theirs = peer.calls(commands)[1::2]
    for value, reply in zip(values, theirs, strict=True):
        assert put(config, "notify-keyspace-events", value) == ""
        assert ["notify-keyspace-events", config.text("notify-keyspace-events")] == reply


@pytest.mark.peer
def test_globs_find_the_same_names_as_in_redis(config, tmp_path):
    patterns = [
        "*", "h?", "HZ*", "[a-c]*", "[^a-y]*", "[c-a]*", "[]*", "[]", "[", "*[", "h[", "[^]*", "[^", "h[z",
        "h[xyz",
        "\\h*", "h\\z*", "*\\-*", "[\\h]z", "[a-", "[a-]*", "[-z]*", "[a-\\c]*", "*[!z]*", "h[yz]\\", "[[]*",
        "[a&&b]*", "***e***", "?*?z", "*-*-*-*-*", "[a-b-d]*", "h[^y]", "[h-]z", "*[\\]]*", ""]
    names = set(reference("redis-8.0.6"))
    with running("redis8", tmp_path) as peer:
        for pattern in patterns:
            theirs = peer.call("CONFIG", "GET", pattern)[::2]
            ours = [name for name in config.get_matching([pattern.encode()]) if name in names]
            assert (pattern, sorted(ours)) == (pattern, sorted(theirs))


# ---- rename-command

def renamed(*pairs: tuple[str, str]) -> R:
    config = Config()
    config.renamed = list(pairs)
    return R(Server(config, seed=bytes(16)))


def test_a_renamed_command_answers_to_its_new_name_only_in_any_case():
    r = renamed(("FlushAll", "Secret-Flush"), ("CONFIG", "cfg"))
    assert r("secret-flush") == "OK"
    assert r("CFG", "GET", "hz") == [b"hz", b"10"]
    for gone in ("FLUSHALL", "CONFIG"):
        with raises_reply("ERR unknown command"):
            r(gone, "GET", "hz")


def test_a_command_renamed_to_nothing_is_gone_and_its_name_free():
    r = renamed(("DEL", ""), ("UNLINK", "DEL"))
    r("SET", "k", 1)
    assert r("DEL", "k") == 1
    with raises_reply("ERR unknown command"):
        r("UNLINK", "k")


@pytest.mark.parametrize("name", ["GET", "get"])
def test_a_command_may_be_renamed_to_what_it_is_called(name):
    r = renamed(("GET", name), ("SET", "put"))
    assert r("PUT", "k", 1) == "OK" and r("GET", "k") == b"1"


def test_a_renamed_command_is_described_by_its_own_name_and_found_by_the_new_one():
    r = renamed(("GET", "fetch"), ("FLUSHALL", ""), ("CONFIG", "cfg"))
    all_commands = R()("COMMAND", "COUNT")
    assert r("COMMAND", "COUNT") == all_commands - 1
    assert r("COMMAND", "INFO", "get", "flushall", "config|get") == [None, None, None]
    assert [entry[0] for entry in r("COMMAND", "INFO", "FETCH", "cfg", "cfg|get")] == [b"get", b"config", b"config|get"]
    assert r("COMMAND", "DOCS", "get") == [] and r("COMMAND", "DOCS", "fetch")[0] == b"get"
    assert r("COMMAND", "GETKEYS", "fetch", "k") == [b"k"]
    with raises_reply("ERR Invalid command specified"):
        r("COMMAND", "GETKEYS", "get", "k")
    assert b"flushall" not in r("COMMAND", "LIST") and b"get" in r("COMMAND", "LIST")


def test_errors_name_a_renamed_command_as_redis_does():
    r = renamed(("GET", "fetch"), ("CONFIG", "cfg"))
    with raises_reply("ERR wrong number of arguments for 'get' command"):
        r("fetch")
    with raises_reply("ERR unknown subcommand 'bad'. Try CFG HELP."):
        r("cfg", "bad")
    with raises_reply("ERR Unknown Redis command called from script"):
        r("EVAL", "return redis.call('get', 'k')", 0)
    assert r("EVAL", "return redis.call('fetch', 'k')", 0) is None


def test_names_may_be_exchanged():
    r = renamed(("GET", "x"), ("SET", "get"), ("x", "set"))
    assert r("GET", "k", "v") == "OK" and r("SET", "k") == b"v"
    assert [entry[0] for entry in r("COMMAND", "INFO", "get", "set")] == [b"set", b"get"]
