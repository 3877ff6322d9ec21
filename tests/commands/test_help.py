"""One line of syntax for a command, and HELP of a container, from the spec."""

import pytest

from pyredis.commands.families import FAMILIES
from pyredis.commands.help import command_syntax, help_reply, syntax
from pyredis.commands.spec import Block, Integer, Key, OneOf, Pattern, PureToken, String
from pyredis.commands.table import CommandTable

TABLE = CommandTable(FAMILIES)


@pytest.mark.parametrize(("arg", "text"), [
    (Key("key"), "key"),
    (Key("key", many=True), "key [key ...]"),
    (String("arg", optional=True, many=True), "[arg [arg ...]]"),
    (Integer("seconds", token="EX"), "EX seconds"),
    (Integer("client-id", token="ID", optional=True, many=True), "[ID client-id [client-id ...]]"),
    (Pattern("pattern", token="GET", many=True, multiple_token=True), "GET pattern [GET pattern ...]"),
    (PureToken("sorting", token="ALPHA"), "ALPHA"),
    (OneOf("enabled", [PureToken("on"), PureToken("off")]), "<ON | OFF>"),
    (OneOf("condition", [PureToken("nx"), PureToken("xx")], optional=True), "[NX | XX]"),
    (OneOf("type", [PureToken("a"), PureToken("b")], token="TYPE", optional=True), "[TYPE <A | B>]"),
    (OneOf("filter", [String("id", token="ID", optional=True), String("x")], optional=True), "[ID id | x]"),
    (Block("limit", [Integer("offset"), Integer("count")], token="LIMIT"), "LIMIT offset count"),
    (Block("data", [Key("key"), String("value")], many=True), "key value [key value ...]"),
    (String("addr", token="ADDR", display="ip:port"), "ADDR ip:port"),
])
def test_an_argument_is_written_in_the_usual_notation(arg, text):
    assert syntax([arg]) == text


def test_a_long_group_is_not_written_twice_to_show_that_it_repeats():
    assert syntax([Block("b", [String("x" * 40), String("y" * 40)], many=True)]) == \
        "x" * 40 + " " + "y" * 40 + " [...]"


def test_the_syntax_of_a_command_begins_with_its_own_word():
    assert command_syntax(TABLE.find("lcs")) == \
        "LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]"
    assert command_syntax(TABLE.find("memory|usage")) == "USAGE key [SAMPLES count]"


@pytest.mark.parametrize("name", ["object", "client", "command", "config", "memory"])
def test_help_has_two_lines_a_subcommand(name):
    entry = TABLE.find(name)
    lines = help_reply(entry)
    assert lines[0].startswith(f"{name.upper()} <subcommand> ")
    alone = 2 if name == "command" else 0
    assert len(lines) == 1 + alone + 2 * len(entry.subcommands)
    assert all(line.startswith("    ") for line in lines[2::2])
