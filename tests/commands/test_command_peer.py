"""COMMAND against real servers: the same shapes and facts, but words of our own."""

import dataclasses
import importlib.util
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyredis.commands.families import FAMILIES
from pyredis.commands.spec import Block, OneOf
from pyredis.commands.table import CommandTable, docs_reply, info_reply


def sibling(name):
    """A module beside this file; the import mode in use puts nothing on the path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle = sibling("oracle")
test_command = sibling("test_command")

pytestmark = pytest.mark.peer
TABLE = CommandTable(FAMILIES)
ENTRIES = list(TABLE.entries())
# What random commands are made of: what key specs and rules look for, and what they do not.
WORDS = ["GET", "STORE", "STOREDIST", "KEYS", "STREAMS", "NX", "LIMIT", "BY", "AUTH", "AUTH2", "EX",
         "overflow", "wrap", "''", "0", "1", "2", "3", "-1", "k"]
# Ours to word.
TEXTS = {"summary", "complexity", "replaced_by"}


@pytest.fixture(scope="module", params=["redis8-server", "valkey9-server"])
def peer(request, tmp_path_factory):
    for connection in oracle.start(request.param, tmp_path_factory.mktemp("peer")):
        yield SimpleNamespace(ask=connection, is_redis=request.param == "redis8-server")


def of_redis(args):
    """What Redis 8.0 has of these."""
    kept = []
    for arg in args:
        if arg.beyond:
            continue
        if isinstance(arg, OneOf):
            arg = dataclasses.replace(arg, choices=of_redis(arg.choices))
        elif isinstance(arg, Block):
            arg = dataclasses.replace(arg, parts=of_redis(arg.parts))
        kept.append(arg)
    return kept


def normal(shape, drop=()):
    """A shape with its sets sorted and some keys of its maps blanked or gone."""
    match shape:
        case ("~", items):
            return "~", sorted((normal(item, drop) for item in items), key=repr)
        case ("*", items):
            return "*", [normal(item, drop) for item in items]
        case ("%", pairs):
            return "%", [(key, "text" if key[1] in TEXTS else normal(value, drop))
                         for key, value in pairs if key[1] not in drop]
    return shape


def names_of(peer):
    """Declared commands to compare with this peer: Redis's with Redis, Valkey's own with Valkey."""
    return [entry for entry in ENTRIES if bool(entry.spec.valkey) != peer.is_redis]


def test_info_has_the_shape_and_facts_of_the_real_reply(peer):
    entries = names_of(peer)
    _, theirs = peer.ask("COMMAND", "INFO", *(entry.name for entry in entries))
    for entry, real in zip(entries, theirs, strict=True):
        _, ours = oracle.shape(info_reply(entry))
        for mine, its in zip(ours[:9], real[1][:9], strict=True):
            assert normal(mine, {"notes"}) == normal(its, {"notes"}), entry.name
        if peer.is_redis:           # Redis: no subcommands are an empty set, some are an array
            assert ours[9][0] == real[1][9][0], entry.name


def test_docs_have_the_shape_and_facts_of_the_real_reply(peer):
    entries = names_of(peer)
    _, pairs = peer.ask("COMMAND", "DOCS", *(entry.name for entry in entries))
    real = {name[1]: doc for name, doc in pairs}
    drop = {"subcommands", "history"}
    for entry in entries:
        spec = dataclasses.replace(entry.spec, args=of_redis(entry.spec.args))
        ours = oracle.shape(docs_reply(dataclasses.replace(entry, spec=spec)))
        assert normal(ours, drop) == normal(real[entry.name], drop), entry.name
        theirs = dict(real[entry.name][1])
        versions = {item[1][0][1] for item in theirs.get(("$", "history"), ("~", []))[1]}
        assert versions <= {version for version, _ in spec.history}, entry.name


def test_no_summary_is_that_of_a_real_server(peer):
    docs = peer.ask("COMMAND", "DOCS")[1]
    texts = set()
    while docs:
        _, (_, fields) = docs.pop()
        doc = {key[1]: value for key, value in fields}
        texts.add(doc.get("summary", ("$", ""))[1])
        texts |= {item[1][1][1] for item in doc.get("history", ("~", []))[1]}
        docs += doc.get("subcommands", ("%", []))[1]
    for entry in ENTRIES:
        assert entry.spec.summary not in texts
        assert not texts & {text for _, text in entry.spec.history}, entry.name


@pytest.mark.parametrize(("line", "expected"), test_command.KEYS)
def test_a_real_server_finds_the_same_keys(peer, line, expected):
    if not peer.is_redis and line.startswith("GEORADIUS"):
        return                                      # Valkey has another rule for STORE
    words = ["" if word == "''" else word for word in line.split()]
    assert keys_and_flags(peer.ask("COMMAND", "GETKEYSANDFLAGS", *words)) == expected


def keys_and_flags(reply):
    """A real reply in the notation of test_command.KEYS."""
    kind, items = reply
    if kind == "-":
        return items
    return [(key[1], " ".join(word for _, word in access[1])) for _, (key, access) in items]


def test_a_real_server_finds_the_same_keys_in_random_commands(peer):
    rng = random.Random(5)
    if peer.is_redis:
        entries = [entry for entry in test_command.SERVER.table if not entry.spec.valkey]
    else:
        entries = [entry for entry in ENTRIES if entry.spec.valkey and not entry.parent]
    lines = []
    for _ in range(3000):
        entry = rng.choice(entries)
        known = [name for name, child in entry.subcommands.items() if not child.spec.valkey]
        line = " ".join([entry.name, *rng.sample(known, min(1, len(known))), *rng.choices(WORDS, k=rng.randint(0, 9))])
        if not test_command.read_as_the_command_does(test_command.words(line)):
            lines.append(line)
    asked = [[b"COMMAND", b"GETKEYSANDFLAGS", *test_command.words(line)] for line in lines]
    for line, reply in zip(lines, peer.ask.pipeline(asked), strict=True):
        assert test_command.keys_and_flags(line) == keys_and_flags(reply), line
