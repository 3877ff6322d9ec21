"""The explanations of SCRIPT and FUNCTION; what they do stands in the core."""

from collections.abc import Sequence
from typing import Any

from ..reply import Simple
from .help import help_reply


def script_help(server: Any, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """SCRIPT HELP"""
    entry = server.table.find("script")
    assert entry is not None
    return help_reply(entry)


def function_help(server: Any, client: Any, argv: Sequence[bytes]) -> list[Simple]:
    """FUNCTION HELP"""
    entry = server.table.find("function")
    assert entry is not None
    return help_reply(entry)
