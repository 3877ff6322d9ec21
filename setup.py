"""Build the compiled core: one extension module for every csrc/**/*.pyx.

Path on disk == module path, because Cython finds a .pxd by its qualified name:
csrc/_pyredis/ds/dict.pyx is _pyredis.ds.dict, and `from _pyredis.ds.dict cimport ...`
reads csrc/_pyredis/ds/dict.pxd.

PYREDIS_BUILD chooses how:
    release   (the default) optimised
    debug     assertions and structure self-checks compiled in, -Og, line numbers
    asan      as debug, under the address and undefined-behaviour sanitizers
    annotate  as release, and an HTML page a module that shows where Python is called

A performance hint of Cython (a nogil call that takes the GIL to look for an exception, say) fails the build.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Errors
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
BUILD = os.environ.get("PYREDIS_BUILD", "release")

DIRECTIVES = {
    "language_level": 3,
    "binding": True,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "nonecheck": False,
    "cdivision": True,
    "freethreading_compatible": False,
}

COMMON = ["-std=gnu11", "-fno-strict-aliasing", "-fwrapv", "-Wall", "-Wno-unused-function",
          "-Wno-unused-variable", "-Wno-unreachable-code", "-Wno-sign-compare"]
FLAGS: dict[str, tuple[list[str], list[str]]] = {
    "release": (["-O3", "-g1", "-DNDEBUG", "-fno-semantic-interposition"], []),
    "debug": (["-Og", "-g", "-UNDEBUG", "-DPYREDIS_CHECKED=1"], []),
    "asan": (["-O1", "-g", "-UNDEBUG", "-DPYREDIS_CHECKED=1", "-fno-omit-frame-pointer",
              "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
             ["-fsanitize=address,undefined"]),
}
FLAGS["annotate"] = FLAGS["release"]


def modules() -> list[Extension]:
    compile_args, link_args = FLAGS[BUILD]
    headers = [str(p) for p in (ROOT / "csrc/_pyredis/include").glob("*.h")]
    found = []
    for pyx in sorted((ROOT / "csrc").rglob("*.pyx")):
        relative = pyx.relative_to(ROOT)
        name = ".".join(relative.with_suffix("").parts[1:])
        found.append(Extension(
            name, [str(relative)], depends=headers, include_dirs=["csrc/_pyredis/include"],
            extra_compile_args=COMMON + compile_args, extra_link_args=link_args, libraries=["m"]))
    return found


class ParallelBuild(build_ext):
    """Compile as many modules at a time as there are processors."""

    def build_extensions(self) -> None:
        self.check_extensions_list(self.extensions)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(self.build_extension, ext) for ext in self.extensions]:
                done.result()


def compiled() -> list[Extension]:
    """Translate what changed. Hints are collected from Cython's own reporter."""
    hints: list[str] = []
    original = Errors.performance_hint

    def performance_hint(position, message, env):  # type: ignore[no-untyped-def]
        hints.append(f"{position}: {message}")
        return original(position, message, env)

    Errors.performance_hint = performance_hint
    for module in list(sys.modules.values()):          # it is imported by name where it is used
        if getattr(module, "performance_hint", None) is original:
            module.performance_hint = performance_hint  # type: ignore[attr-defined]
    extensions = cythonize(
        modules(), include_path=["csrc"], build_dir=f"build/cython-{BUILD}", compiler_directives=DIRECTIVES,
        annotate=BUILD == "annotate", emit_linenums=BUILD in ("debug", "asan"), quiet=True, show_all_warnings=False)
    if hints:
        sys.exit("setup.py: Cython has performance hints, and these are failures:\n" + "\n".join(hints))
    return extensions


COMMANDS_WITHOUT_CODE = {"--version", "--name", "egg_info", "sdist"}
needs_code = not (len(sys.argv) > 1 and sys.argv[1] in COMMANDS_WITHOUT_CODE)

setup(
    packages=[
        "pyredis", *(f"pyredis.{p.parent.relative_to(ROOT / 'pyredis').as_posix().replace('/', '.')}"
                     for p in sorted((ROOT / "pyredis").rglob("*/__init__.py"))),
        "_pyredis", *(f"_pyredis.{p.parent.name}" for p in sorted((ROOT / "csrc/_pyredis").rglob("*/__init__.py"))),
    ],
    package_dir={"_pyredis": "csrc/_pyredis"},
    package_data={"pyredis": ["py.typed", "status.html"]},
    ext_modules=compiled() if needs_code else [],
    cmdclass={"build_ext": ParallelBuild},
)
