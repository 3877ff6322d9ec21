"""Where Lua 5.1 is: in the wheel of lupa, whose extension module exports Lua's C API.

The core loads that file by its path. Nothing of lupa is imported, so none of its Python code runs here.
"""

import importlib.machinery
import importlib.util
from pathlib import Path


def find() -> Path | None:
    """The library's file, None if lupa is not installed."""
    spec = importlib.util.find_spec("lupa")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / f"lua51{suffix}"
            if path.is_file():
                return path
    return None
