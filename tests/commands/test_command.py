"""COMMAND and its subcommands, called as the control plane calls them; keys found in any full command."""

from types import SimpleNamespace

import pytest
from _pyredis.testing import KeyFinder

from pyredis.commands import command
from pyredis.commands.families import FAMILIES
from pyredis.commands.spec import (
    NO_MANDATORY_KEYS,
    Command,
    Family,
    Flag,
    KeyNum,
    KeyRange,
    KeyUnknown,
    KeywordRange,
    legacy_range,
)
from pyredis.commands.table import CommandTable
from pyredis.reply import ReplyError, SetOf, Simple

# Commands declared elsewhere later, only with what finding their keys needs.
OTHERS = Family("generic", [
    Command("MIGRATE", arity=-6, summary="",
            keys=[KeyRange(3, 3, access="RW ACCESS DELETE"),
                  KeywordRange("KEYS", -2, access="RW ACCESS DELETE INCOMPLETE")]),
    Command("GEORADIUS", arity=-6, summary="",
            keys=[KeyRange(1, 1, access="RO ACCESS"), KeywordRange("STORE", 6, 0, access="OW UPDATE"),
                  KeywordRange("STOREDIST", 6, 0, access="OW UPDATE")]),
    Command("EVAL", arity=-3, summary="", flags=NO_MANDATORY_KEYS,
            keys=[KeyNum(2, access="RW ACCESS UPDATE")]),
    Command("SPUBLISH", arity=3, summary="", keys=[KeyRange(1, 1, access="not_key")]),
])

# A full command, and what GETKEYSANDFLAGS answers: (key, what happens to it) pairs, or an error.
KEYS = [
    ("GET k", [("k", "RO access")]),
    ("get k", [("k", "RO access")]),
    ("MGET a b c", [("a", "RO access"), ("b", "RO access"), ("c", "RO access")]),
    ("MSET a 1 b 2", [("a", "OW update"), ("b", "OW update")]),
    ("MSET a 1 b", [("a", "OW update"), ("b", "OW update")]),
    ("SET k v", [("k", "OW update")]),
    ("SET k get", [("k", "OW update")]),
    ("SET k v PX 10 get", [("k", "RW access update")]),
    ("COPY a b", [("a", "RO access"), ("b", "OW update")]),
    ("RENAME a b", [("a", "RW access delete"), ("b", "OW update")]),
    ("LCS a b IDX", [("a", "RO access"), ("b", "RO access")]),
    ("OBJECT FREQ k", [("k", "RO")]),
    ("MEMORY USAGE k", [("k", "RO")]),
    ("SORT a BY nosort GET # STORE x LIMIT 0 1 STORE", [("a", "RO access"), ("x", "OW update")]),
    ("SORT a BY STORE x", [("a", "RO access")]),
    ("SORT a STORE LIMIT STORE x STORE c", [("a", "RO access"), ("c", "OW update")]),
    ("SORT a STORE b STORE c", [("a", "RO access"), ("c", "OW update")]),
    ("PFMERGE d s", [("d", "RW access insert"), ("s", "RO access")]),
    ("SORT_RO a BY x GET y", [("a", "RO access")]),
    ("GEORADIUS k 1 2 3 m STORE d STOREDIST e", [("k", "RO access"), ("d", "OW update"), ("e", "OW update")]),
    ("GEORADIUS k 1 2 3 m", [("k", "RO access")]),
    ("GEORADIUS k 1 2 3 STORE d", [("k", "RO access")]),
    ("BITFIELD k GET u8 0", [("k", "RO access")]),
    ("BITFIELD k OVERFLOW WRAP GET u8 0", [("k", "RO access")]),
    ("BITFIELD k GET u8 0 GET", [("k", "RW access update")]),
    ("BITFIELD k GET u8 0 SET u8 0 1", [("k", "RW access update")]),
    ("MIGRATE h 1 k 0 100", [("k", "RW access delete")]),
    ("MIGRATE h 1 '' 0 100 COPY AUTH keys KEYS a b", [("a", "RW access delete"), ("b", "RW access delete")]),
    ("MIGRATE h 1 k 0 100 KEYS", [("k", "RW access delete")]),
    ("MIGRATE h 1 '' 0 100 AUTH2 a KEYS COPY", [("", "RW access delete")]),
    ("MIGRATE h 1 k 0 100 KEYS a", "ERR Invalid arguments specified for command"),
    ("EVAL s 1 k a", [("k", "RW access update")]),
    ("EVAL s 0", []),
    ("EVAL s 5 a", []),
    ("EVAL s x", []),
    ("EVAL s -1", []),
    ("ZUNIONSTORE d 2 a b", [("d", "OW update"), ("a", "RO access"), ("b", "RO access")]),
    ("ZUNIONSTORE d 5 a b", "ERR Invalid arguments specified for command"),
    ("ZUNIONSTORE d x a", "ERR Invalid arguments specified for command"),
    ("XREAD COUNT 1 STREAMS a b 0 0", [("a", "RO access"), ("b", "RO access")]),
    ("XREAD STREAMS a b c", [("a", "RO access")]),
    ("XREAD COUNT 1 a b", "ERR Invalid arguments specified for command"),
    ("NOPE k", "ERR Invalid command specified"),
    ("OBJECT NOPE k", "ERR Invalid command specified"),
    ("OBJECT|FREQ k", "ERR Invalid command specified"),
    ("PING", "ERR The command has no key arguments"),
    ("OBJECT", "ERR The command has no key arguments"),
    ("OBJECT HELP", "ERR The command has no key arguments"),
    ("CONFIG GET k", "ERR The command has no key arguments"),
    ("COMMAND GETKEYS GET k", "ERR The command has no key arguments"),
    ("SPUBLISH c m", "ERR The command has no key arguments"),
    ("GET", "ERR Invalid number of arguments specified for command"),
    ("GET a b", "ERR Invalid number of arguments specified for command"),
    ("OBJECT FREQ", "ERR Invalid number of arguments specified for command"),
]



def server_of(*families):
    table = CommandTable(families)
    return SimpleNamespace(table=table, core=KeyFinder(table.core_rows()))


SERVER = server_of(*FAMILIES, Family("generic", [
    command for command in OTHERS if command.name not in {known.name for family in FAMILIES for known in family}]))
OWN = server_of(*FAMILIES)


def words(line):
    return [b"" if word == "''" else word.encode() for word in line.split()]


def run(line, server=OWN):
    """Runs a COMMAND subcommand as dispatch would."""
    argv = words(line)
    handler = server.table.find_argv(argv).handler
    return getattr(command, handler)(server, None, argv)


def keys_and_flags(line):
    """GETKEYSANDFLAGS in the notation of KEYS."""
    try:
        reply = run(f"COMMAND GETKEYSANDFLAGS {line}", SERVER)
    except ReplyError as error:
        return error.text
    return [(key.decode(), " ".join(access)) for key, access in reply]


@pytest.mark.parametrize(("line", "expected"), KEYS)
def test_the_keys_of_a_full_command_are_found_with_their_use(line, expected):
    assert keys_and_flags(line) == expected


def read_as_the_command_does(words):
    """Where the real servers take the first of several options, a key for an option, or no key at all, and pyredis
    what the command will obey."""
    name, *rest = (word.upper() for word in words)
    stores = b"STORE", b"STOREDIST"
    marks = {b"SORT": stores, b"GEORADIUS": stores, b"GEORADIUSBYMEMBER": stores,
             b"XREADGROUP": (b"STREAMS", b"GROUP")}.get(name, ())
    return len(rest) == 1 if name == b"PFMERGE" else sum(map(rest.count, marks)) > 1


# What the command obeys, where the real servers look at other arguments, or at none.
@pytest.mark.parametrize(("line", "expected"), [
    ("PFMERGE d", [("d", "RW access insert")]),
    ("SORT a STORE by STORE c", [("a", "RO access"), ("c", "OW update")]),
    ("SORT a STORE LIMIT STORE c BY d", [("a", "RO access"), ("c", "OW update")]),
    ("GEORADIUS k 1 2 3 m STORE a STORE b", [("k", "RO access"), ("b", "OW update")]),
    ("GEORADIUS k 1 2 3 m STOREDIST store STORE b", [("k", "RO access"), ("b", "OW update"), ("store", "OW update")]),
    ("GEORADIUSBYMEMBER k store 3 m STORE STORE", [("k", "RO access"), ("STORE", "OW update")]),
    ("XREADGROUP NOACK GROUP g STREAMS STREAMS a b > >", [("a", "RO access"), ("b", "RO access")]),
    ("XREADGROUP COUNT 1 GROUP STREAMS c STREAMS a >", [("a", "RO access")]),
    ("XREADGROUP COUNT 1 GROUP STREAMS c STREAMS a", "ERR Invalid arguments specified for command"),
])
def test_the_keys_are_those_that_the_command_uses(line, expected):
    assert keys_and_flags(line) == expected


def test_getkeys_answers_the_keys_alone():
    assert run("COMMAND GETKEYS MSET a 1 b 2") == [b"a", b"b"]


def test_a_keynum_spec_with_a_step_skips_the_values():
    assert run("COMMAND GETKEYS MSETEX 2 a 1 b 2 NX") == [b"a", b"b"]
    with pytest.raises(ReplyError, match="Invalid arguments"):
        run("COMMAND GETKEYS MSETEX 9 a 1")


def test_info_gives_null_for_an_unknown_name_and_lower_case_names_for_others():
    got = run("COMMAND INFO GET nope Config|GET config|nope")
    assert [info and info[0] for info in got] == ["get", None, "config|get", None]


def test_info_of_get_has_ten_fields():
    access = SetOf([Simple("RO"), Simple("access")])
    spec = {"flags": access, "begin_search": {"type": "index", "spec": {"index": 1}},
            "find_keys": {"type": "range", "spec": {"lastkey": 0, "keystep": 1, "limit": 0}}}
    assert run("COMMAND INFO get") == [
        ["get", 2, ["readonly", "fast"], 1, 1, 1, ["@read", "@string", "@fast"], [], [spec], []]]


def test_without_names_info_and_command_itself_describe_all_commands_but_no_subcommand_on_its_own():
    assert run("COMMAND INFO") == run("COMMAND")
    assert [info[0] for info in run("COMMAND")] == [entry.name for entry in OWN.table]
    assert len(run("COMMAND")) == run("COMMAND COUNT")


def test_docs_leaves_out_unknown_names():
    assert list(run("COMMAND DOCS nope GET config|get")) == ["get", "config|get"]


def test_docs_without_names_nests_subcommands_in_their_containers():
    docs = run("COMMAND DOCS")
    assert len(docs) == run("COMMAND COUNT")
    assert "object|freq" in docs["object"]["subcommands"]


def test_docs_of_a_group_of_arguments_has_no_text_to_display():
    args = run("COMMAND DOCS set")["set"]["arguments"]
    assert args[0] == {"name": "key", "type": "key", "display_text": "key", "key_spec_index": 0}
    assert list(args[2]) == ["name", "type", "since", "flags", "arguments"]
    assert args[2]["arguments"][0] == {
        "name": "nx", "type": "pure-token", "display_text": "nx", "token": "NX"}


def test_list_has_subcommands_too():
    assert set(run("COMMAND LIST")) == {entry.name for entry in OWN.table.entries()}


@pytest.mark.parametrize(("filter_", "expected"), [
    ("PATTERN OBJECT|F*", ["object|freq"]),
    ("pattern [cd]op?", ["copy"]),
    ("MODULE json", []),
    ("ACLCAT nope", []),
    ("ACLCAT @string", []),
])
def test_list_filters_and_finds_nothing_in_what_is_unknown(filter_, expected):
    assert run(f"COMMAND LIST FILTERBY {filter_}") == expected


def test_list_filters_by_category_in_any_case():
    names = run("COMMAND LIST FILTERBY ACLCAT StrinG")
    assert "get" in names and "del" not in names


@pytest.mark.parametrize("rest", ["FILTERBY", "FILTERBY PATTERN", "FILTERBY NOPE x", "NOPE ACLCAT geo",
                                  "FILTERBY PATTERN x y"])
def test_list_with_other_words_is_a_syntax_error(rest):
    with pytest.raises(ReplyError, match=r"^ERR syntax error$"):
        run(f"COMMAND LIST {rest}")


def test_help_begins_with_the_form_and_ends_with_help():
    lines = run("COMMAND HELP")
    assert all(isinstance(line, Simple) for line in lines)
    assert lines[0] == "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert lines[-2] == "HELP"
    assert "GETKEYS command [arg [arg ...]]" in lines
    assert "LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]" in lines


def test_core_rows_put_a_container_before_its_subcommands():
    rows = OWN.table.core_rows()
    assert rows[0] == (b"append", None, 3, Flag.WRITE | Flag.DENYOOM | Flag.FAST, rows[0][4], 1, 1, 1,
                       ((0, 1 << 1 | 1 << 6, b"", 0, 1, 1, 1, 0),), False)
    seen = set()
    for name, parent, *_, is_control in rows:
        assert parent is None or parent in seen
        assert isinstance(is_control, bool)
        seen.add(name if parent is None else b"%b|%b" % (parent, name))
    assert len(seen) == len(rows)


def test_a_subcommand_is_control_if_its_container_is():
    rows = {(parent, name): row for row in OWN.table.core_rows() for name, parent in [row[:2]]}
    assert rows[b"config", b"get"][-1] and rows[b"command", b"docs"][-1]
    assert not rows[b"object", b"freq"][-1] and not rows[None, b"get"][-1]


def test_two_declarations_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="'get' is declared twice"):
        CommandTable([*FAMILIES, Family("x", [Command("GET", arity=2, summary="")])])


def test_names_that_are_no_text_are_unknown():
    assert OWN.table.find(b"g\xffet") is None
    assert OWN.table.find_argv([b"\x00"]) is None


@pytest.mark.parametrize(("specs", "expected"), [
    ([], (0, 0, 0, False)),
    ([KeyRange(1, 1, access="RO"), KeyRange(2, 2, access="OW")], (1, 2, 1, False)),
    ([KeyRange(1, 1, access="RO"), KeyRange(3, 3, access="OW")], (1, 1, 1, True)),
    ([KeyNum(1, access="RO")], (0, 0, 0, True)),
    ([KeyRange(1, 1, access="RO"), KeyUnknown(access="OW")], (1, 1, 1, True)),
])
def test_neighbouring_ranges_join_and_what_is_left_out_makes_keys_movable(specs, expected):
    assert legacy_range(specs) == expected
