"""docs/architecture.md against the tree: every module stands in its layer's row, and every one named there exists."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text()
CORE = ROOT / "csrc" / "_pyredis"
LAYERS = ("base", "ds", "wire", "lua", "db", "rdb", "cmd", "core", "pyredis")
FOR_TESTS = re.compile(r"(^|_)testing($|_)")


def rows() -> dict[str, str]:
    """Layer -> what its row says that it holds."""
    cells = [line.strip("|").split("|") for line in TEXT.splitlines() if line.startswith("| ")]
    return {row[0].strip(" `"): row[2] for row in cells if len(row) == 3 and row[0].strip(" `") in LAYERS}


def patterns(layer: str) -> Iterator[str]:
    """The module names of a row; `{a,b}_x` stands for a_x and b_x, a star for whatever fits."""
    for word in re.findall(r"`([\w{},*/]+)`", rows()[layer]):
        braces = re.fullmatch(r"(\w*)\{([\w,]+)\}(\w*)", word)
        yield from (braces[1] + part + braces[3] for part in braces[2].split(",")) if braces else (word,)


def modules(layer: str) -> set[str]:
    if layer == "pyredis":
        folder = ROOT / "pyredis"
        packages = {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
        return packages | {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    folder = CORE if layer == "core" else CORE / layer
    return {path.stem for path in folder.iterdir()
            if path.suffix in (".pyx", ".pxd") and path.stem != "__init__" and not FOR_TESTS.search(path.stem)}


def test_every_layer_has_a_row() -> None:
    assert set(rows()) == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_module_stands_in_the_row_of_its_layer(layer: str) -> None:
    named = list(patterns(layer))
    assert {module for module in modules(layer) if not any(fnmatchcase(module, name) for name in named)} == set()


@pytest.mark.parametrize("layer", LAYERS)
def test_no_row_names_a_module_that_does_not_exist(layer: str) -> None:
    there = modules(layer) | {path.stem for path in CORE.glob("*testing.pyx")}
    assert {name for name in patterns(layer) if not any(fnmatchcase(module, name) for module in there)} == set()


@pytest.mark.parametrize("path", sorted(set(re.findall(
    r"`((?:base|ds|wire|lua|db|rdb|cmd|pyredis|persistence|commands)/[\w/]+)`", TEXT))))
def test_every_file_named_in_the_text_exists(path: str) -> None:
    found = [place for folder in (CORE, ROOT, ROOT / "pyredis") for place in folder.glob(f"{path}.p*")]
    assert found or (ROOT / path).is_dir() or (CORE / path).is_dir()
