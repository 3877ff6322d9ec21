"""Which part may import which: the directions of the design, held against every import in the tree.

    compiled   base <- ds <- db <- rdb <- cmd <- core, and base <- wire <- lua <- cmd
               (core: what stands in _pyredis itself)
    Python     ground <- commands, persistence, replication, ... <- server <- cli; the subsystems know one another
               not at all; `ground` is everything else in pyredis/, and commands/spec
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "csrc" / "_pyredis"
CONTROL = ROOT / "pyredis"

MAY_IMPORT = {
    "base": {"base"},
    "wire": {"base", "wire"},
    "ds": {"base", "ds"},
    "db": {"base", "ds", "db"},
    "rdb": {"base", "ds", "db", "rdb"},
    "lua": {"base", "ds", "wire", "lua"},
    "cmd": {"base", "wire", "ds", "db", "rdb", "lua", "cmd"},
    "core": {"base", "wire", "ds", "db", "rdb", "lua", "cmd", "core"},
    "testing": {"base", "wire", "ds", "db", "rdb", "lua", "cmd", "core", "testing"},
}
SUBSYSTEMS = {"commands", "persistence", "replication", "cluster", "scripting", "modules", "acl"}
IMPORTED = re.compile(r"^\s*(?:from\s+(_pyredis[\w.]*|\.[\w.]*)\s+c?import|c?import\s+(_pyredis[\w.]*))", re.M)
SOURCES = sorted([*CORE.rglob("*.pyx"), *CORE.rglob("*.pxd")])
SCRIPTS = sorted(CONTROL.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(parts: tuple[str, ...]) -> str:
    """The layer of a compiled module, by its name below _pyredis; testing modules stand outside."""
    if parts and parts[-1] == "testing":
        return "testing"
    return parts[0] if len(parts) > 1 or (parts and (CORE / parts[0]).is_dir()) else "core"


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_compiled_modules_import_only_from_their_own_layer_and_those_below(source: Path) -> None:
    own = layer(source.relative_to(CORE).with_suffix("").parts)
    for found in IMPORTED.finditer(source.read_text()):
        target = found[1] or found[2]
        assert not target.startswith("."), f"{name(source)}: `{target}` hides the layer; write the whole name"
        other = layer(tuple(target.split(".")[1:]))
        assert other in MAY_IMPORT[own], f"{name(source)} ({own}) imports {target} ({other})"


def test_the_rules_speak_of_every_package_there_is() -> None:
    packages = {path.parent.name for path in CORE.glob("*/__init__.py")}
    assert packages <= set(MAY_IMPORT)


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules a Python file needs when it runs; what only a type checker reads is left out."""
    package = path.relative_to(ROOT).parent.parts
    tree = ast.parse(path.read_text())
    typing_only = {id(inner) for node in ast.walk(tree)
                   if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
                   for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """'cli', 'server', a subsystem's name, or 'ground'."""
    words = module.split(".")
    head = words[1] if len(words) > 1 else ""
    if words[:3] == ["pyredis", "commands", "spec"]:
        return "ground"
    if head in ("__main__", "cli"):
        return "cli"
    return head if head in SUBSYSTEMS or head == "server" else "ground"


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_control_modules_import_only_downwards_and_never_a_sibling(script: Path) -> None:
    words = script.relative_to(ROOT).with_suffix("").parts
    own = part(".".join(words[:-1] if words[-1] == "__init__" else words))
    for module in imports(script):
        if not module.startswith("pyredis."):
            continue
        other = part(module)
        allowed = {"ground", own} if own not in ("server", "cli") else {"ground", "server", own, *SUBSYSTEMS}
        if own == "server":
            allowed.discard("cli")
        assert other in allowed, f"{name(script)} ({own}) imports {module} ({other})"


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_control_modules_reach_the_compiled_part_through_core_only(script: Path) -> None:
    for module in imports(script):
        if module.split(".")[0] == "_pyredis":
            assert layer(tuple(module.split(".")[1:2])) == "core", f"{name(script)} imports {module}"
