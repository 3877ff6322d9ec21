"""manifest: which files the append-only data is made of, as Redis 7 and later write it down.

    file appendonly.aof.2.base.rdb seq 2 type b
    file appendonly.aof.1.incr.aof seq 1 type h
    file appendonly.aof.2.incr.aof seq 2 type i

A line a file: pairs of a word and its value, in which a name that needs it is quoted as in the configuration. Type b
is the base, at most one; i an increment, loaded after it in the order of the lines, whose numbers must ascend; h
one that a rewrite has made superfluous and that is only still to be deleted. Lines that begin with # are comments;
words that are not known, such as startoffset, are passed over.

A manifest is a value: what changes it gives a new one, which becomes true when it has been written. A file that
breaks one of the rules is refused with the number of the line: whoever guesses here loads the wrong data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pyredis.config_file import split_line
from pyredis.config_types import ConfigError, quoted, to_bytes, to_text

BASE, INCREMENT, HISTORY = "b", "i", "h"
LONGEST_LINE = 1024
INVALID = "Invalid AOF manifest file format"


class ManifestError(Exception):
    """`number` and `line` say where; 0 and "": nowhere in particular."""

    def __init__(self, reason: str, number: int = 0, line: str = "") -> None:
        super().__init__(reason)
        self.reason, self.number, self.line = reason, number, line


@dataclass(frozen=True)
class Part:
    """One file. Its name has no folder."""

    name: str
    number: int
    kind: str


@dataclass(frozen=True)
class Manifest:
    base: Part | None = None
    increments: tuple[Part, ...] = ()
    history: tuple[Part, ...] = ()        # the latest first
    base_number: int = 0                  # the last that was used
    increment_number: int = 0

    @property
    def parts(self) -> list[Part]:
        """Those to be loaded, in order."""
        return [*([self.base] if self.base else []), *self.increments]

    @property
    def empty(self) -> bool:
        return not self.parts

    # ---- changes

    def with_base(self, filename: str, suffix: str) -> Manifest:
        """A new base, `suffix` rdb or aof; the one before is history."""
        number = self.base_number + 1
        part = Part(f"{filename}.{number}.base.{suffix}", number, BASE)
        return replace(self, base=part, base_number=number, history=_as_history(self.base) + self.history)

    def with_increment(self, filename: str) -> Manifest:
        number = self.increment_number + 1
        part = Part(f"{filename}.{number}.incr.aof", number, INCREMENT)
        return replace(self, increments=(*self.increments, part), increment_number=number)

    def without_increments(self, kept: int) -> Manifest:
        """All but the last `kept` are history: a new base has what they hold. Where none is left, numbers begin
        anew."""
        old = self.increments[:len(self.increments) - kept]
        return replace(self, increments=self.increments[len(old):],
                       increment_number=self.increment_number if kept else 0,
                       history=tuple(part for one in old for part in _as_history(one)) + self.history)

    def without_history(self) -> Manifest:
        return replace(self, history=())

    # ---- text

    def text(self) -> bytes:
        parts = [*([self.base] if self.base else []), *self.history, *self.increments]
        return b"".join(to_bytes(f"file {_word(part.name)} seq {part.number} type {part.kind}\n") for part in parts)


def _as_history(part: Part | None) -> tuple[Part, ...]:
    return (replace(part, kind=HISTORY),) if part else ()


def _word(name: str) -> str:
    """Quoted where a plain word would be read otherwise."""
    plain = name and all(33 <= ord(char) < 127 and char not in "\"'\\" for char in name)
    return name if plain else quoted(name)


# ---- reading

@dataclass
class _Reading:
    base: Part | None = None
    increments: list[Part] = field(default_factory=list)
    history: list[Part] = field(default_factory=list)


def parse(data: bytes) -> Manifest:
    """ManifestError if any line breaks a rule."""
    found = _Reading()
    for number, line in _lines(data):
        try:
            _take(found, _part(line))
        except ManifestError as error:
            raise ManifestError(error.reason, number, line) from None
    return Manifest(found.base, tuple(found.increments), tuple(found.history),
                    found.base.number if found.base else 0,
                    found.increments[-1].number if found.increments else 0)


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    if not data:
        raise ManifestError("Found an empty AOF manifest")
    lines = data.split(b"\n")
    for number, raw in enumerate(lines, 1):
        if number == len(lines) and not raw:
            return
        text = to_text(raw)
        if raw.startswith(b"#"):
            continue
        if number == len(lines) or len(raw) >= LONGEST_LINE:
            raise ManifestError("The AOF manifest file contains too long line", number, text[:LONGEST_LINE])
        if b"\0" in raw:
            raise ManifestError(INVALID, number, text)
        yield number, text.strip(" \t\r")


def _part(line: str) -> Part:
    try:
        words = split_line(line)
    except ConfigError:
        raise ManifestError(INVALID) from None
    if len(words) < 6 or len(words) % 2:
        raise ManifestError(INVALID)
    pairs = {words[i].lower(): words[i + 1] for i in range(0, len(words), 2)}
    name, number, kind = (pairs.get(key, "") for key in ("file", "seq", "type"))
    if "/" in name or name in (".", ".."):
        raise ManifestError("File can't be a path, just a filename")
    if not name or not kind or not (number.isascii() and number.isdigit() and 0 < int(number) < 1 << 63):
        raise ManifestError(INVALID)
    return Part(name, int(number), kind[0])


def _take(found: _Reading, part: Part) -> None:
    if part.kind == BASE:
        if found.base:
            raise ManifestError("Found duplicate base file information")
        found.base = part
    elif part.kind == HISTORY:
        found.history.append(part)
    elif part.kind == INCREMENT:
        if found.increments and part.number <= found.increments[-1].number:
            raise ManifestError("Found a non-monotonic sequence number")
        found.increments.append(part)
    else:
        raise ManifestError("Unknown AOF file type")
