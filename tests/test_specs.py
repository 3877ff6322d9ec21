"""The declared commands against the facts of the real servers (tests/reference).

Redis 8.0 is the measure for everything it has. What we mark as Valkey's is taken away before that comparison
and looked for in Valkey's facts instead.
"""

import json
from pathlib import Path

import pytest

from pyredis.commands.families import FAMILIES
from pyredis.commands.spec import (
    Key,
    KeyNum,
    KeyRange,
    KeyUnknown,
    KeywordRange,
    Pattern,
    legacy_range,
    token_of,
)
from pyredis.commands.table import CommandTable, info_reply

REFERENCE = Path(__file__).parent / "reference"
TABLE = CommandTable(FAMILIES)
ENTRIES = {entry.name: entry for entry in TABLE.entries()}


def load(peer):
    """Facts by full lower-case name, with subcommands beside their containers."""
    facts = {}
    for name, fact in json.loads((REFERENCE / peer / "commands.json").read_text()).items():
        facts[name.lower()] = fact
        facts.update(fact.get("subcommands", {}))
    return facts


REDIS = load("redis-8.0.6")
VALKEY = load("valkey-9.1.2")


def fact_of(entry):
    return VALKEY[entry.name] if entry.spec.valkey else REDIS[entry.name]


def plain(value):
    """A reply without the difference between kinds of text and of lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def flat(pairs):
    """Access flags as a set: a list of two or four was stored as if it were a map."""
    return {item for pair in pairs.items() for item in pair} if isinstance(pairs, dict) else set(pairs)


def arg_fact(arg):
    """One argument in the terms of the reference files, Valkey's own parts left out."""
    fact = {"name": arg.name, "type": arg.kind}
    if isinstance(arg, (Key, Pattern)) and arg.spec is not None:
        fact["key_spec_index"] = arg.spec
    if token_of(arg):
        fact["token"] = token_of(arg)
    if arg.since:
        fact["since"] = arg.since
    words = ("optional", arg.optional), ("multiple", arg.many), ("multiple_token", arg.multiple_token)
    if any(on for _, on in words):
        fact["flags"] = [word for word, on in words if on]
    if arg.children:
        fact["arguments"] = [arg_fact(child) for child in arg.children if not child.beyond]
    return fact


def walk(args):
    """Every argument, groups and what is in them."""
    for arg in args:
        yield arg
        yield from walk(arg.children)


def walk_facts(args):
    for fact in args:
        yield fact
        yield from walk_facts(fact.get("arguments", []))


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_command_has_the_properties_of_the_real_one(name):
    entry, fact = ENTRIES[name], fact_of(ENTRIES[name])
    _, arity, flags, first, last, step, categories, tips, _, _ = info_reply(entry)
    assert arity == fact["arity"]
    assert sorted(flags) == fact["flags"]
    assert (first, last, step) == (fact["first_key"], fact["last_key"], fact["step"])
    assert sorted(categories) == fact["acl_categories"]
    assert plain(tips) == fact["tips"]
    assert entry.group == fact["group"]
    assert (entry.spec.since or entry.spec.valkey) == fact["since"]


def found(fact):
    """How a fact says where the keys are; an empty map was read from RESP2 as an empty list."""
    return {step: {**fact[step], "spec": fact[step]["spec"] or {}} for step in ("begin_search", "find_keys")}


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_command_finds_its_keys_as_the_real_one_does(name):
    ours = plain(info_reply(ENTRIES[name])[8])
    theirs = fact_of(ENTRIES[name])["key_specs"]
    assert [{**spec, "flags": set(spec["flags"]), "notes": ""} for spec in ours] == \
        [{**spec, "flags": flat(spec["flags"]), "notes": "", **found(spec)} for spec in theirs]


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_command_takes_the_arguments_of_the_real_one(name):
    ours = [arg_fact(arg) for arg in ENTRIES[name].spec.args if not arg.beyond]
    assert ours == fact_of(ENTRIES[name]).get("arguments", [])


def test_what_is_marked_as_valkeys_is_in_valkey_and_not_in_redis():
    for entry in ENTRIES.values():
        if entry.spec.valkey:
            assert entry.name not in REDIS
            continue
        args = [arg for arg in walk(entry.spec.args) if arg.valkey]
        known = {(fact["name"], fact["type"], fact.get("token"), fact.get("since"))
                 for fact in walk_facts(VALKEY.get(entry.name, {}).get("arguments", []))}
        for arg in args:
            named = arg.name, arg.kind, token_of(arg) or None
            assert {(*named, arg.valkey), (*named, None)} & known, (entry.name, arg.name)   # not all say since when


def test_no_argument_that_a_real_server_takes_is_missing():
    """Valkey groups some arguments otherwise, so only their tokens are compared."""
    for name, entry in ENTRIES.items():
        tokens = {token_of(arg) for arg in walk(entry.spec.args)}
        theirs = {fact.get("token", "") for fact in walk_facts(VALKEY.get(name, {}).get("arguments", []))}
        assert theirs - {""} <= tokens, name


def test_a_container_has_only_subcommands_that_exist():
    for entry in TABLE:
        theirs = REDIS.get(entry.name, {}).get("subcommands", {}).keys() \
            | VALKEY.get(entry.name, {}).get("subcommands", {}).keys()
        assert {child.name for child in entry.subcommands.values()} <= theirs, entry.name


def spec_from_fact(fact):
    """The declaration that a stored key spec would have."""
    begin, find = fact["begin_search"], fact["find_keys"]
    access = " ".join(sorted(flat(fact["flags"]), key=str.islower)).upper()
    match begin["type"], find["type"]:
        case "index", "range":
            first, last = begin["spec"]["index"], find["spec"]["lastkey"]
            return KeyRange(first, first + last if last >= 0 else last, find["spec"]["keystep"],
                            find["spec"]["limit"], access=access)
        case "index", "keynum":
            return KeyNum(begin["spec"]["index"], access=access)
        case "keyword", _:
            return KeywordRange(begin["spec"]["keyword"], begin["spec"]["startfrom"], access=access)
    return KeyUnknown(access=access)


@pytest.mark.parametrize("facts", [REDIS, VALKEY], ids=["redis", "valkey"])
def test_first_last_and_step_follow_from_the_key_specs_for_every_command_there_is(facts):
    for name, fact in facts.items():
        if "module" in fact["flags"]:
            continue
        specs = [spec_from_fact(spec) for spec in fact["key_specs"]]
        expected = fact["first_key"], fact["last_key"], fact["step"], "movablekeys" in fact["flags"]
        assert legacy_range(specs) == expected, name


def test_every_command_is_documented_and_no_two_alike():
    specs = [entry.spec for entry in ENTRIES.values()]
    summaries = [spec.summary for spec in specs]
    assert len(set(summaries)) == len(summaries)
    for entry in ENTRIES.values():
        spec = entry.spec
        assert spec.summary[0].isupper() and spec.summary.endswith("."), entry.name
        assert bool(spec.deprecated_since) == bool(spec.replaced_by), entry.name
        assert bool(spec.since) != bool(spec.valkey), entry.name
        assert entry.subcommands or any(reply.kind for reply in spec.reply.flat()), entry.name
        versions = [tuple(map(int, version.split("."))) for version, _ in spec.history]
        assert versions == sorted(versions), entry.name


def test_key_arguments_point_at_key_specs_that_exist():
    for entry in ENTRIES.values():
        for arg in walk(entry.spec.args):
            if isinstance(arg, Key):
                assert arg.spec < len(entry.spec.keys), entry.name


def test_no_two_commands_share_the_name_of_a_handler():
    handlers = [entry.handler for entry in ENTRIES.values()]
    assert len(set(handlers)) == len(handlers)
