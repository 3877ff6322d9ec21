"""Joins control commands with the Python functions that run them.

A handler is a public function `name(server, client, argv)` of a control module, named like its command with _
for | and -: config_get, client_no_evict. A command without a handler, or a handler without a command, is an
error when the server starts, not when a client finds out.
"""

import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from .table import CommandTable, Entry

# (server, client, argv) -> reply value. Each module types `server` by what it needs of it.
Handler = Callable[[Any, Any, list[bytes]], object]
PARAMETERS = ["server", "client", "argv"]


def needs_handler(entry: Entry) -> bool:
    """A control command, unless it is a container that is nothing without its subcommands."""
    return entry.control and not (entry.subcommands and entry.spec.arity < -1)


def join_handlers(table: CommandTable, modules: Iterable[ModuleType]) -> dict[str, Handler]:
    """Full command name -> its handler. Raises ValueError with all names that are on one side only."""
    functions: dict[str, Handler] = {}
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and is_handler(function):
                functions[name] = function
    wanted = {entry.handler: entry.name for entry in table.entries() if needs_handler(entry)}
    missing = sorted(wanted[name] for name in wanted.keys() - functions.keys())
    extra = sorted(functions.keys() - wanted.keys())
    if missing or extra:
        raise ValueError(f"commands without a handler: {missing}; handlers without a command: {extra}")
    return {wanted[name]: function for name, function in functions.items()}


def is_handler(function: Callable[..., object]) -> bool:
    public = not function.__name__.startswith("_")
    return public and list(inspect.signature(function).parameters) == PARAMETERS
