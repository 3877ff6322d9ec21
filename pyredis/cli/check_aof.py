"""pyredis-check-aof: is an append-only file, or all that a manifest names, whole? And cut off what is not.

    pyredis-check-aof [--fix | --truncate-to-timestamp SECONDS] FILE

FILE is a manifest, a file of commands, or one that begins with an RDB; what it begins with tells. What is found is
printed with the file and the offset, in the words of redis-check-aof. Exit code 0: all is whole, or has been cut to
be; 1: it is not.

A file is cut behind its last whole command, and before a transaction that never ends; only the last of a manifest
can be, since what follows a cut would be missing its beginning. With a timestamp it is cut before the first annotation
(aof-timestamp-enabled) that is later.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from pyredis.cli import manual
from pyredis.persistence.manifest import Manifest, ManifestError, parse

USAGE = "Usage: {} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>"
RDB = (b"REDIS", b"VALKEY")
PIECE = 1 << 20
LONGEST_LINE = 1024
LONGEST_STRING = 512 << 20


class Options(NamedTuple):
    fix: bool
    timestamp: int | None


class Failed(Exception):
    """It ends here; the message has been printed, or is the argument."""


class Broken(Exception):
    """What stands at `at` is no command."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at, self.reason = at, reason


class Later(Exception):
    """At `at` stands an annotation of a time after the one that was asked for."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Reader:
    """Reads a file's commands. `good` and `good_line`: up to where all is whole, and how many lines that is."""

    def __init__(self, fd: int, start: int) -> None:
        self._fd, self._data, self._at, self._base = fd, b"", 0, start
        os.lseek(fd, start, os.SEEK_SET)
        self.good, self.good_line = start, 1
        self._line = 1

    @property
    def offset(self) -> int:
        return self._base + self._at

    def _have(self, n: int) -> bool:
        """Are the next n bytes in memory?"""
        pieces, left = [self._data[self._at:]], n - (len(self._data) - self._at)
        if left <= 0:
            return True
        self._base += self._at
        self._at = 0
        while left > 0:
            piece = os.read(self._fd, max(PIECE, min(left, LONGEST_STRING)))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        self._data = b"".join(pieces)
        return left <= 0

    def _take_line(self) -> bytes:
        while True:
            stop = self._data.find(b"\n", self._at)
            if stop >= 0:
                line = self._data[self._at:stop + 1]
                self._at = stop + 1
                self._line += 1
                return line
            waiting = len(self._data) - self._at
            if waiting > LONGEST_LINE:
                raise Broken(self.offset, "Expected \\r\\n, got a line that does not end")
            if not self._have(waiting + 1):
                raise Broken(self.offset, f"Expected to read a line, got {waiting} bytes")

    def _number(self, prefix: bytes) -> int:
        at = self.offset
        line = self._take_line()
        if line[:1] != prefix:
            got = chr(line[0]) if 32 <= line[0] < 127 else f"\\x{line[0]:02x}"
            raise Broken(at, f"Expected prefix '{prefix.decode()}', got: '{got}'")
        if not line.endswith(b"\r\n"):
            raise Broken(at, f"Expected \\r\\n, got: {line[-2:].hex()}")
        word = line[1:-2]
        if not word.isdigit() or len(word) > 18:
            raise Broken(at, f"Expected a number, got: {line[1:-2]!r}")
        return int(word)

    def _string(self) -> bytes:
        n = self._number(b"$")
        at = self.offset
        if not self._have(n + 2):
            raise Broken(at, f"Expected to read {n + 2} bytes, got {len(self._data) - self._at} bytes")
        text, end = self._data[self._at:self._at + n], self._data[self._at + n:self._at + n + 2]
        if end != b"\r\n":
            raise Broken(at + n, f"Expected \\r\\n, got: {end.hex()}")
        self._at += n + 2
        self._line += 1
        return text

    def next(self, until: int | None) -> bytes | None:
        """The name of the next command, b"" for an annotation, None at the end."""
        if not self._have(1):
            return None
        at = self.offset
        if self._data[self._at:self._at + 1] == b"#":
            line = self._take_line()
            if until is not None and line.startswith(b"#TS:"):
                word = line[4:].strip()
                if not word.isdigit():
                    raise Broken(at, "Invalid timestamp annotation")
                if int(word) > until:
                    raise Later(at)
            return b""
        count = self._number(b"*")
        if count < 1:
            raise Broken(at, "Expected at least one word")
        name = self._string()
        for _ in range(count - 1):
            self._string()
        return name

    def settle(self) -> None:
        self.good, self.good_line = self.offset, self._line


def scan(reader: Reader, name: str, until: int | None) -> Broken | None:
    """Reads to the end of the file; what is wrong with it. Raises Later."""
    inside = False
    try:
        while True:
            word = reader.next(until)
            if word is None:
                break
            if word.lower() == b"multi":
                if inside:
                    raise Broken(reader.good, f"Unexpected MULTI in AOF {name}")
                inside = True
            elif word.lower() == b"exec":
                if not inside:
                    raise Broken(reader.good, f"Unexpected EXEC in AOF {name}")
                inside = False
            if not inside:
                reader.settle()
    except Broken as broken:
        return broken
    return Broken(reader.offset, "Reached EOF before reading EXEC for MULTI") if inside else None


# ---- one file

Preamble = Callable[[str], int]


def check_file(path: str, kind: str, last: bool, options: Options, preamble: Preamble) -> None:
    """Prints how it is. Failed if it stays broken."""
    name = os.path.basename(path)
    try:
        fd = os.open(path, os.O_RDWR if options.fix or options.timestamp is not None else os.O_RDONLY)
    except OSError as error:
        fail(f"Cannot open file {path}: {error.strerror}, aborting...")
    try:
        size = os.fstat(fd).st_size
        if not size:
            print(f"{kind} {name} is empty")
            return
        start = 0
        if os.pread(fd, 6, 0).startswith(RDB):
            start = _check_preamble(path, preamble)
        reader = Reader(fd, start)
        try:
            broken = scan(reader, name, options.timestamp)
        except Later as later:
            _cut_to_time(fd, name, later.at, last, options)
            return
        if options.timestamp is not None and broken is None:
            print(f"Truncate nothing in AOF {name} to timestamp {options.timestamp}")
        _judge(fd, name, kind, size, reader, broken, last, options)
    finally:
        os.close(fd)


def _check_preamble(path: str, preamble: Preamble) -> int:
    try:
        start = preamble(path)
    except Exception as error:
        print(error)
        fail("RDB preamble of AOF file is not sane, aborting.")
    print("RDB preamble is OK, proceeding with AOF tail...")
    return start


def _cut_to_time(fd: int, name: str, at: int, last: bool, options: Options) -> None:
    if at == 0:
        fail(f"AOF {name} has nothing before timestamp {options.timestamp}, aborting...")
    if not last:
        print(f"Failed to truncate AOF {name} to timestamp {options.timestamp} to offset {at} because it is not the "
              "last file.")
        fail("If you insist, please delete all files after this file according to the manifest file and delete the "
             "corresponding records in manifest file manually. Then re-run redis-check-aof.")
    _truncate(fd, at, f"Failed to truncate AOF {name} to timestamp {options.timestamp}")
    print(f"Successfully truncated AOF {name} to timestamp {options.timestamp}")


def _truncate(fd: int, at: int, message: str) -> None:
    try:
        os.ftruncate(fd, at)
        os.fsync(fd)
    except OSError as error:
        fail(f"{message}: {error.strerror}")


def _judge(fd: int, name: str, kind: str, size: int, reader: Reader, broken: Broken | None, last: bool,
           options: Options) -> None:
    if broken:
        print(f"0x{broken.at:16x}: {broken.reason}")
    lost = size - reader.good
    print(f"AOF analyzed: filename={name}, size={size}, ok_up_to={reader.good}, ok_up_to_line={reader.good_line}, "
          f"diff={lost}")
    if not lost:
        print(f"{kind} {name} is valid")
        return
    if not options.fix:
        fail(f"AOF {name} is not valid. Use the --fix option to try fixing it.")
    if not last:
        fail(f"Failed to truncate AOF {name} because it is not the last file")
    print(f"This will shrink the AOF {name} from {size} bytes, with {lost} bytes, to {reader.good} bytes")
    print("Continue? [y/N]: ", end="", flush=True)
    if not sys.stdin.readline().lower().startswith("y"):
        fail("Aborting...")
    _truncate(fd, reader.good, f"Failed to truncate AOF {name}")
    print(f"Successfully truncated AOF {name}")


# ---- all files of a manifest

def check_all(path: str, manifest: Manifest, options: Options, preamble: Preamble) -> None:
    print("Start checking Multi Part AOF")
    folder, parts = os.path.dirname(path), manifest.parts
    if manifest.base:
        base = os.path.join(folder, manifest.base.name)
        print(f"Start to check BASE AOF ({'RDB' if is_rdb(base) else 'RESP'} format).")
        check_file(base, "BASE AOF", len(parts) == 1, options, preamble)
    if manifest.increments:
        print("Start to check INCR files.")
    for part in manifest.increments:
        check_file(os.path.join(folder, part.name), "INCR AOF", part is parts[-1], options, preamble)
    print("All AOF files and manifest are valid")


def is_rdb(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(6).startswith(RDB)
    except OSError:
        return False


def looks_like_manifest(path: str) -> bool:
    """Its first line that is no comment begins with the word file."""
    with open(path, "rb") as file:
        for line in file:
            if not line.startswith(b"#"):
                return line[:5].lower() == b"file "
    return False


def fail(message: str) -> NoReturn:
    print(message)
    raise Failed(message)


# ---- the command line

def parse_arguments(words: Sequence[str]) -> tuple[str, Options] | None:
    """(file, options); None: wrong usage. Failed for a timestamp that is none."""
    if len(words) == 1 and not words[0].startswith("--"):
        return words[0], Options(False, None)
    if len(words) == 2 and words[0] == "--fix":
        return words[1], Options(True, None)
    if len(words) == 3 and words[0] == "--truncate-to-timestamp":
        if not words[1].isdigit():
            fail("Invalid timestamp, aborting...")
        return words[2], Options(False, int(words[1]))
    return None


def check_preamble(path: str) -> int:
    """Where the RDB that the file begins with ends; an exception says what is wrong with it."""
    import _pyredis.loading as loading

    from pyredis.config import Config
    from pyredis.server import Server
    with open(path, "rb", buffering=0) as file:
        fd = file.fileno()
        figures = loading.load(Server(Config()).core, fd, ["dry", "sum"], size=os.fstat(fd).st_size)
    return int(figures["bytes"])


def run(words: Sequence[str], program: str = "pyredis-check-aof", preamble: Preamble = check_preamble) -> int:
    try:
        parsed = parse_arguments(words)
        if parsed is None:
            fail(USAGE.format(program))
        path, options = parsed
        try:
            is_manifest = looks_like_manifest(path)
        except OSError as error:
            fail(f"Cannot open file {path}: {error.strerror}, aborting...")
        if not is_manifest:
            print("Start checking Old-Style AOF")
            check_file(path, "AOF", True, options, preamble)
            return 0
        with open(path, "rb") as file:
            try:
                manifest = parse(file.read())
            except ManifestError as error:
                print(f"Reading the manifest file, at line {error.number}\n>>> '{error.line}'")
                fail(error.reason)
        check_all(path, manifest, options, preamble)
        return 0
    except Failed:
        return 1


def main() -> int:
    words, program = sys.argv[1:], os.path.basename(sys.argv[0])
    return 0 if manual.answer(words, program, manual.CHECK_AOF) else run(words, program)


if __name__ == "__main__":
    sys.exit(main())
