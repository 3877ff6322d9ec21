"""module_control: MODULE. There are none; LOAD, LOADEX and UNLOAD say so where enable-module-command lets one try."""

from typing import Any

from pyredis.commands.help import help_reply
from pyredis.reply import ReplyError, Simple

DENIED = ('ERR MODULE command not allowed. If the enable-module-command option is set to "local", you can run '
          "it from a local connection, otherwise you need to set this option in the configuration file, and "
          "then restart the server.")


def module_list(server: Any, client: Any, argv: list[bytes]) -> list[object]:
    """MODULE LIST -> nothing"""
    return []


def module_load(server: Any, client: Any, argv: list[bytes]) -> object:
    """MODULE LOAD path [arg ...]"""
    _check_allowed(server, client)
    path = argv[2].decode("utf-8", "replace")
    server.log.warning(f"Module {path} failed to load: pyredis loads no modules")
    raise ReplyError("ERR Error loading the extension. Please check the server logs.")


def module_loadex(server: Any, client: Any, argv: list[bytes]) -> object:
    """MODULE LOADEX path [CONFIG name value ...] [ARGS arg ...]"""
    return module_load(server, client, argv)


def module_unload(server: Any, client: Any, argv: list[bytes]) -> object:
    """MODULE UNLOAD name"""
    _check_allowed(server, client)
    raise ReplyError("ERR Error unloading module: no such module with that name")


def module_help(server: Any, client: Any, argv: list[bytes]) -> list[Simple]:
    """MODULE HELP"""
    entry = server.table.find("module")
    assert entry is not None
    return help_reply(entry)


def _check_allowed(server: Any, client: Any) -> None:
    if not server.config.allows("enable-module-command", client.is_local):
        raise ReplyError(DENIED)
