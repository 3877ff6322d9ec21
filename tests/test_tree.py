"""The shape of the tree: sizes, openings, faces of modules, and nothing of the machine it was made on."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 1000
FUNCTION_LINES = 60
CODE = {".py", ".pyx", ".pxd", ".h"}
HEADER = re.compile(r"^(\s*)(?:async\s+)?(?:def|cdef|cpdef)\s+(?!class|struct|enum|extern|union|packed)"
                    r"[^=]*?\b(\w+)\s*\(")
# written in pieces, or this file would be the first to break the rule
MACHINE = re.compile(r"(?<![\w/.])/(?:"
                     + "|".join(["ro" + "ot", "ho" + "me", "wo" + "rk", "Us" + "ers", "tmp/" + "wt"]) + r")/\w")


def tracked() -> list[Path]:
    """What git holds; in an unpacked source archive, the project's own folders."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 0 and done.stdout:
        found = [ROOT / part.decode() for part in done.stdout.split(b"\0") if part]
    else:
        found = [path for folder in ("pyredis", "csrc", "tests", "bench") for path in (ROOT / folder).rglob("*")]
    return [path for path in found if path.is_file()]


FILES = tracked()
OURS = [path for path in FILES if path.suffix in CODE and path.relative_to(ROOT).parts[0] in ("pyredis", "csrc")]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function, signature and docstring included."""
    text = path.read_text()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1
    elif path.suffix in (".pyx", ".pxd"):
        yield from _cython_functions(text.splitlines())


def _cython_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """By indentation: a function lasts until a line that stands no deeper than its header."""
    for first, line in enumerate(lines):
        found = HEADER.match(line)
        if not found:
            continue
        last, depth = first, line.count("(") - line.count(")")
        for at in range(first + 1, len(lines)):
            text = lines[at]
            if depth > 0:                               # the signature goes on
                depth += text.count("(") - text.count(")")
            elif text.strip() and len(text) - len(text.lstrip()) <= len(found[1]):
                break
            if text.strip():
                last = at
        yield found[2], last - first + 1


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in CODE], ids=name)
def test_no_file_is_too_long_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", OURS, ids=name)
def test_no_function_is_too_long_to_read(path: Path) -> None:
    assert {who: lines for who, lines in functions(path) if lines > FUNCTION_LINES} == {}


def test_the_measure_of_functions_sees_cython_ones() -> None:
    lines = ["cdef int f(int a,", "           int b) noexcept nogil:", "    return a", "", "x = 1",
             "cdef class C:", "    cpdef g(self):", "        return 1", "    def h(self): pass"]
    assert list(_cython_functions(lines)) == [("f", 3), ("g", 2), ("h", 1)]


def test_nothing_names_a_path_of_a_machine() -> None:
    broken = []
    for path in FILES:
        data = path.read_bytes()
        if b"\0" not in data:
            broken += [f"{name(path)}: {found[0]}" for found in MACHINE.finditer(data.decode(errors="replace"))]
    assert broken == []


def test_every_compiled_module_has_a_face_or_is_imported_by_none() -> None:
    sources = [path for path in OURS if path.suffix in (".pyx", ".pxd")]
    wanted = set(re.findall(r"^\s*from\s+(_pyredis[\w.]+)\s+cimport", "\n".join(p.read_text() for p in sources), re.M))
    for path in sources:
        if path.suffix == ".pyx" and not path.with_suffix(".pxd").exists():
            module = ".".join(path.relative_to(ROOT / "csrc").with_suffix("").parts)
            assert module not in wanted, f"{name(path)} is cimported but has no .pxd"


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in (".py", ".pyx")
                                  and (path.name != "__init__.py" or path.stat().st_size)], ids=name)
def test_every_module_opens_with_its_story(path: Path) -> None:
    text = path.read_text()
    if path.suffix == ".py":
        assert ast.get_docstring(ast.parse(text)), "no docstring"
    else:
        opening = next(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
        assert opening.startswith('"""'), opening
