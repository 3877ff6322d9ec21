"""Control commands and their handlers are joined by name, with nothing left over."""

from types import ModuleType

import pytest

from pyredis.commands import command, server
from pyredis.commands.handlers import join_handlers
from pyredis.commands.spec import Command, Family
from pyredis.commands.table import CommandTable


def module_with(*names):
    """A module that defines a handler for each name."""
    module = ModuleType("made_up")
    for name in names:
        exec(f"def {name}(server, client, argv): return {name!r}", module.__dict__)
    return module


def only(name):
    return CommandTable([Family("server", [spec for spec in server.FAMILY if spec.name == name])])


def test_every_form_of_command_has_its_handler():
    handlers = join_handlers(only("COMMAND"), [command])
    assert handlers["command"] is command.command
    assert handlers["command|getkeysandflags"] is command.command_getkeysandflags
    assert len(handlers) == 8


def test_a_container_that_cannot_run_alone_needs_no_handler():
    names = ["config_get", "config_help", "config_resetstat", "config_rewrite", "config_set"]
    assert set(join_handlers(only("CONFIG"), [module_with(*names)])) == {n.replace("_", "|") for n in names}


def test_a_dash_in_a_name_is_an_underscore_in_its_handlers():
    table = CommandTable([Family("x", [Command("A-B", arity=1, summary="", control=True)])])
    assert join_handlers(table, [module_with("a_b")])["a-b"](None, None, []) == "a_b"


def test_a_name_on_one_side_only_is_an_error():
    both = r"without a handler: \['config\|get'.*without a command: \['nope'\]"
    with pytest.raises(ValueError, match=both):
        join_handlers(only("CONFIG"), [module_with("nope")])


def test_private_functions_and_those_of_other_modules_are_no_handlers():
    module = module_with("time_it", "_private")
    module.time_it.__module__ = "elsewhere"
    assert join_handlers(only("TIME"), [module]) == {}
