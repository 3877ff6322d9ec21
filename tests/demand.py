"""demand: what a test needs of this machine. One rule for all: an absent peer is a visible skip, or, where
PYREDIS_REQUIRE_PEERS is 1 (in CI), a failure."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from bench import peers


def absent(what: str, installer: str = "bench/get-peers") -> NoReturn:
    """Ends a test that needs what is not there."""
    if os.environ.get("PYREDIS_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what} is not there to be run")
    pytest.skip(f"{what} is not installed: run {installer}")


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


def node(*packages: str) -> tuple[str, dict[str, str]]:
    """The program node, and an environment in which it finds these packages of bench/get-node-packages."""
    program = shutil.which("node")
    if program is None:
        absent("node", "apt-get install nodejs npm")
    folder = Path(os.environ.get("PYREDIS_NODE") or Path.home() / ".cache" / "pyredis-node") / "node_modules"
    for package in packages:
        if not (folder / package / "package.json").exists():
            absent(f"{package} for node", "bench/get-node-packages")
    return program, {**without_preload(), "NODE_PATH": str(folder)}


def without_preload() -> dict[str, str]:
    """The environment for other people's programs: without a sanitizer meant for pyredis, and no fine terminal."""
    return {**{k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}, "TERM": "dumb"}
