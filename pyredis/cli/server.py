"""pyredis-server: the command line.

    pyredis-server [file | -] [--option value ...] [-]

It makes the Config of the file, of stdin (`-`) and of the options, in that order, and runs the server.
What a wrong configuration says goes to stderr, what goes wrong with files to the log on stdout, as in Redis.
"""

import os
import sys
from collections.abc import Sequence

from pyredis import __version__
from pyredis.cli import manual
from pyredis.config import BY_NAME, Config
from pyredis.config_file import CannotOpen, FileError, option_lines, read_text
from pyredis.config_types import to_text
from pyredis.log import Log

NO_MEMORY_TEST = "pyredis-server has no memory test; memtest86 tests the whole memory."
NO_SENTINEL = "pyredis-server cannot be a Sentinel; redis-sentinel can watch over it."


def version_line() -> str:
    """The version in the form of redis-server -v; `build` tells builds on different ground apart."""
    # Here and not above: a server that starts needs neither, and they take a tenth of its time.
    import hashlib
    import platform

    ground = f"{__version__} {platform.platform()} {sys.version}"
    return (f"pyredis server v={__version__} sha=00000000:0 malloc=arena bits=64 "
            f"build={hashlib.sha1(ground.encode()).hexdigest()[:16]}")


def build_config(arguments: Sequence[str], executable: str = "pyredis-server") -> Config:
    """The Config of these arguments. FileError, CannotOpen."""
    options = list(arguments)
    config = Config()
    config.executable = executable
    text = ""
    if options and not options[0].startswith("-"):
        path = options.pop(0)
        text = read_text(path)
        config.path = os.path.abspath(path)
    if "-" in options[:1] + options[-1:]:
        del options[0 if options[0] == "-" else -1]
        text += "\n" * bool(text) + to_text(sys.stdin.buffer.read())
    given = option_lines(options)
    config.load(f"{text}\n{given}" if given else text)
    return config


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    first = arguments[0] if arguments else ""
    if first in ("-v", "--version"):
        print(version_line())
        return 0
    if first in ("-h", "--help"):
        print(manual.SERVER, end="")
        return 0
    if first == "--default-config":
        from pyredis.default_config import default_config  # a server that starts needs none of its words
        print(default_config(), end="")
        return 0
    if first == "--check-system":
        from pyredis import host
        text, well = host.report(BY_NAME["tcp-backlog"].default, BY_NAME["maxclients"].default)
        print(text, end="")
        return 0 if well else 1
    if first == "--test-memory" or "--sentinel" in arguments:
        print(NO_MEMORY_TEST if first == "--test-memory" else NO_SENTINEL, file=sys.stderr)
        return 1
    try:
        config = build_config(arguments, os.path.abspath(sys.argv[0]))
    except FileError as error:
        print(error, file=sys.stderr)
        return 1
    except CannotOpen as error:
        Log(Config()).warning(str(error))
        return 1
    # Not at the top: -v and a wrong file need no core.
    from pyredis.server import run

    return run(config)
