"""demand: what a test needs of this machine. One rule for all: an absent peer is a visible skip, or, where
PYREDIS_REQUIRE_PEERS is 1 (in CI), a failure."""

import os
from collections.abc import Iterable
from typing import NoReturn

import pytest

from bench import peers


def absent(what: str) -> NoReturn:
    """Ends a test that needs what is not there."""
    if os.environ.get("PYREDIS_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what} is not there to be run")
    pytest.skip(f"{what} is not installed: run bench/get-peers")


def demand(name: str) -> None:
    """This server must be there. pyredis always must."""
    if peers.find(name) is None:
        if name == "pyredis":
            pytest.fail("pyredis is not there to be run")
        absent(name)


def tool(names: Iterable[str], kind: str) -> str:
    """The first of these peers' `cli` or `benchmark` that is there."""
    for name in names:
        found = peers.tool(name, kind)
        if found:
            return str(found)
    absent(f"redis-{kind}")
