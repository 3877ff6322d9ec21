"""config_types: how the value of a configuration parameter is read, checked and written.

A type turns words into a value and a value into text:

    parse(words, old)   the words of a line or of CONFIG SET -> the value; ConfigError(reason) refuses them
    text(value)         what CONFIG GET shows
    lines(name, value)  the lines CONFIG REWRITE writes for it (none: the parameter is left out)

`words` is what stood after the name. CONFIG SET has one word however many blanks are in it, a line of the
file has as many as it has; a type with `many` set takes any number and splits a lone word at blanks, others
want one. All text is str decoded with surrogateescape, so that any bytes survive the way in and out.

The texts of the errors and the limits are those of Redis 8.0.6, found by asking it; so are its oddities,
which are named where they are kept.
"""

import locale
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

INT_MAX = 2**31 - 1
UINT_MAX = 2**32 - 1
LONG_MAX = 2**63 - 1
ULONG_MAX = 2**64 - 1

UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1000**2, "mb": 1 << 20, "g": 1000**3, "gb": 1 << 30}


class ConfigError(Exception):
    """A value that cannot be used; the text is the reason, for people."""


class OutputLimit(NamedTuple):
    """When a client with too much unread output is closed: bytes, bytes, seconds. 0 is no limit."""

    hard: int
    soft: int
    soft_seconds: int


class Host(NamedTuple):
    """Where the master of a replica is."""

    address: str
    port: int


def to_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """The text in double quotes, with everything unprintable escaped: one word of a configuration line."""
    out = ['"']
    named = {0x5C: "\\\\", 0x22: '\\"', 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x07: "\\a", 0x08: "\\b"}
    for byte in to_bytes(text):
        out.append(named.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"))
    return "".join(out) + '"'


def decimal(word: str) -> int | None:
    """A whole number of 64 bits in its one canonical spelling (no sign +, no zeros before it), else None."""
    if not re.fullmatch(r"0|-?[1-9][0-9]{0,18}", word, re.ASCII):
        return None
    value = int(word)
    return value if -LONG_MAX - 1 <= value <= LONG_MAX else None


def memory(word: str) -> int | None:
    """`10`, `1kb`, `1GB`: bytes as an unsigned 64-bit number, or None if it is not one.

    Redis: no digits at all is 0, too many saturate, and the product with the unit wraps around.
    """
    found = re.fullmatch(r"([0-9]*)([A-Za-z]*)", word, re.ASCII)
    unit = UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        return None
    digits = found[1].lstrip("0")
    return (ULONG_MAX if len(digits) > 20 else min(int(digits or "0"), ULONG_MAX)) * unit & ULONG_MAX


def memory_text(value: int) -> str:
    """The shortest exact spelling with a binary unit, as CONFIG REWRITE writes it."""
    for unit in ("gb", "mb", "kb"):
        if value and value % UNITS[unit] == 0:
            return f"{value // UNITS[unit]}{unit}"
    return str(value)


class Type:
    """A parameter that takes one word."""

    many = False              # takes any number of words

    def words(self, words: Sequence[str]) -> list[str]:
        if self.many:
            return split_blanks(words[0]) if len(words) == 1 else list(words)
        if len(words) != 1:
            raise ConfigError("wrong number of arguments")
        return list(words)

    def parse(self, words: Sequence[str], old: Any) -> Any:
        raise NotImplementedError

    def text(self, value: Any) -> str:
        return str(value)

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {self.text(value)}"]

    def restore(self, value: Any) -> None:
        """Undo what parse did beyond reading, as the old value stays after all."""

    def limits(self) -> str:
        """What may be given, for the table in the manual."""
        return ""


def split_blanks(text: str) -> list[str]:
    """Redis: split at every single blank, so two in a row hold an empty word; nothing at all is no words."""
    return text.split(" ") if text else []


class Bool(Type):
    def parse(self, words: Sequence[str], old: Any) -> bool:
        word = self.words(words)[0].lower()
        if word not in ("yes", "no"):
            raise ConfigError("argument must be 'yes' or 'no'")
        return word == "yes"

    def text(self, value: Any) -> str:
        return "yes" if value else "no"

    def limits(self) -> str:
        return "yes, no"


class Integer(Type):
    """A whole number from low to high. `clamp` are bounds that are applied silently."""

    def __init__(self, low: int = 0, high: int = INT_MAX, clamp: tuple[int, int] | None = None) -> None:
        self.low, self.high, self.clamp = low, high, clamp

    def check(self, value: int) -> int:
        if not self.low <= value <= self.high:
            raise ConfigError(f"argument must be between {self.low} and {self.high} inclusive")
        return min(max(value, self.clamp[0]), self.clamp[1]) if self.clamp else value

    def parse(self, words: Sequence[str], old: Any) -> int:
        value = decimal(self.words(words)[0])
        if value is None:
            raise ConfigError("argument couldn't be parsed into an integer")
        return self.check(value)

    def limits(self) -> str:
        low, high = self.clamp or (self.low, self.high)
        names = {INT_MAX: "2^31-1", UINT_MAX: "2^32-1", LONG_MAX: "2^63-1", ULONG_MAX: "2^64-1",
                 -INT_MAX - 1: "-2^31", -LONG_MAX - 1: "-2^63"}
        return f"{names.get(low, low)} to {names.get(high, high)}"


class Memory(Integer):
    """Bytes, with an optional unit."""

    def __init__(self, low: int = 0, high: int = LONG_MAX, clamp: tuple[int, int] | None = None) -> None:
        super().__init__(low, high, clamp)

    def parse(self, words: Sequence[str], old: Any) -> int:
        word = self.words(words)[0]
        value = decimal(word) if self.low < 0 and word.startswith("-") else memory(word)
        if value is None:
            raise ConfigError("argument must be a memory value")
        if self.low < 0 and value > LONG_MAX:
            value -= 1 << 64               # a signed parameter: the bits are taken as they are
        return self.check(value)

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {memory_text(value)}"]

    def limits(self) -> str:
        return f"bytes, {super().limits()}"


class MemoryOrPercent(Type):
    """Bytes, or a share of maxmemory as `10%`, which is held as -10."""

    def parse(self, words: Sequence[str], old: Any) -> int:
        word = self.words(words)[0]
        value: int | None
        if word.endswith("%"):
            value = decimal(word[:-1])
            value = None if value is None or value < 0 else -value
        else:
            value = memory(word)
            if value is not None and value > LONG_MAX:
                value -= 1 << 64           # Redis: the top bit makes it a percentage
        if value is None:
            raise ConfigError("argument must be a memory or percent value")
        if value < -100:
            raise ConfigError("percentage argument must be less or equal to 100")
        return value

    def text(self, value: Any) -> str:
        return f"{-value}%" if value < 0 else str(value)

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {self.text(value) if value < 0 else memory_text(value)}"]

    def limits(self) -> str:
        return "bytes, or 0% to 100%"


class Octal(Type):
    """File permissions."""

    def parse(self, words: Sequence[str], old: Any) -> int:
        word = self.words(words)[0]
        if not re.fullmatch(r"-?[0-7]*", word, re.ASCII) or word == "-":
            raise ConfigError("argument couldn't be parsed as an octal number")
        value = int(word or "0", 8)
        if not 0 <= value <= 0o777:
            raise ConfigError("argument must be between 0 and 777 inclusive")
        return value

    def text(self, value: Any) -> str:
        return f"{value:o}"

    def limits(self) -> str:
        return "octal, 0 to 777"


class Enum(Type):
    """One of some names, of either case."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def refusal(self) -> ConfigError:
        return ConfigError("argument(s) must be one of the following: " + ", ".join(self.names))

    def parse(self, words: Sequence[str], old: Any) -> Any:
        word = self.words(words)[0].lower()
        for name in self.names:
            if name.lower() == word:
                return name
        raise self.refusal()

    def limits(self) -> str:
        return ", ".join(self.names)


class ShutdownOptions(Enum):
    """What a signal does: any of the names together. The value is a tuple, in order and without `default`."""

    many = True

    def parse(self, words: Sequence[str], old: Any) -> tuple[str, ...]:
        given = [word.lower() for word in self.words(words)]
        if not given or any(word not in self.names for word in given):
            raise self.refusal()
        if "save" in given and "nosave" in given:
            raise ConfigError("shutdown options SAVE and NOSAVE can't be used simultaneously")
        return tuple(name for name in self.names[1:] if name in given)

    def text(self, value: Any) -> str:
        return " ".join(value) or self.names[0]


class String(Type):
    """Any text. Redis quotes it in a rewritten file, and leaves it out when it is empty."""

    def check(self, value: str) -> str:
        return value

    def parse(self, words: Sequence[str], old: Any) -> str:
        return self.check(self.words(words)[0])

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {quoted(value)}"] if value else []

    def limits(self) -> str:
        return "text"


class FileName(String):
    """A name without a directory. `what` is how the errors call it."""

    def __init__(self, name: str, what: str, empty: bool = False) -> None:
        self.name, self.what, self.empty = name, what, empty

    def check(self, value: str) -> str:
        if not value and not self.empty:
            raise ConfigError(f"{self.name} can't be empty")
        if "/" in value:
            raise ConfigError(f"{self.name} can't be a path, just a {self.what}")
        return value

    def limits(self) -> str:
        return f"a {self.what}, no path"


class LogFile(String):
    """Where the log goes; empty is stdout."""

    @staticmethod
    def try_open(value: str) -> None:
        """ConfigError if it cannot be written: better found at start, when someone looks."""
        if value:
            try:
                with open(value, "ab"):
                    pass
            except OSError as error:
                raise ConfigError(f"Can't open the log file: {error.strerror}") from None


class Directory(String):
    """The working directory. Taking the value is changing to it: later names in a file are relative to it."""

    def check(self, value: str) -> str:
        try:
            os.chdir(value)
        except OSError as error:
            raise ConfigError(error.strerror or str(error)) from None
        return os.getcwd()

    def restore(self, value: Any) -> None:
        os.chdir(value)


class HostName(String):
    def check(self, value: str) -> str:
        if len(value) > 255:
            raise ConfigError("Hostnames must be less than 256 characters")
        if not re.fullmatch(r"[A-Za-z0-9.-]*", value, re.ASCII):
            raise ConfigError("Hostnames may only contain alphanumeric characters, hyphens or dots")
        return value


class NodeName(String):
    def check(self, value: str) -> str:
        if re.search(r"[!#$%&()*+:;<>?@\[\]^{|}~]", value):
            raise ConfigError("Announced human node name contained invalid character")
        return value


class Address(String):
    """An IPv4 or IPv6 address, or nothing."""

    def __init__(self, version: int) -> None:
        self.version = version

    def check(self, value: str) -> str:
        import ipaddress

        try:
            if value and ipaddress.ip_address(value).version != self.version:
                raise ValueError
        except ValueError:
            raise ConfigError(f"Invalid IPv{self.version} address") from None
        return value


class Locale(String):
    """The order of letters for SORT ALPHA; nothing is what the environment says."""

    def check(self, value: str) -> str:
        try:
            locale.setlocale(locale.LC_COLLATE, value)
        except locale.Error:
            raise ConfigError("Invalid locale name") from None
        return value

    def restore(self, value: Any) -> None:
        locale.setlocale(locale.LC_COLLATE, value)


TITLE_VARIABLES = ("title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file")


class TitleTemplate(String):
    """Text with {variables}, not empty."""

    def check(self, value: str) -> str:
        # Redis checks with an empty title, so {title} alone is not enough.
        rest = re.sub("|".join("{%s}" % name for name in TITLE_VARIABLES), "", value)
        if not value.replace("{title}", "").strip() or "{" in rest:
            raise ConfigError("template format is invalid or contains unknown variables")
        return value

    def limits(self) -> str:
        return "text with " + ", ".join("{%s}" % name for name in TITLE_VARIABLES)


class Save(Type):
    """When to save by itself: (seconds, changes) pairs."""

    many = True

    def parse(self, words: Sequence[str], old: Any) -> tuple[tuple[int, int], ...]:
        given = self.words(words)
        if not given:
            return ()
        # Redis reads an empty word as 0, so `save "5 "` is every 5 seconds even without a change.
        number = re.compile(r"[+-]?[0-9]+|", re.ASCII)
        numbers = [int(word or "0") if number.fullmatch(word) else -1 for word in given]
        pairs = tuple(zip(numbers[::2], numbers[1::2], strict=False))
        if len(numbers) % 2 or any(seconds < 1 or changes < 0 for seconds, changes in pairs):
            raise ConfigError("Invalid save parameters")
        return pairs

    def text(self, value: Any) -> str:
        return " ".join(f"{seconds} {changes}" for seconds, changes in value)

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {seconds} {changes}" for seconds, changes in value] or [f'{name} ""']

    def limits(self) -> str:
        return "pairs of seconds and changes"


class OutputLimits(Type):
    """client-output-buffer-limit: class -> OutputLimit. Only the classes named change."""

    many = True
    classes = ("normal", "slave", "pubsub")

    @staticmethod
    def kind(word: str) -> str:
        return {"replica": "slave"}.get(word.lower(), word.lower())

    def parse(self, words: Sequence[str], old: Any) -> Mapping[str, OutputLimit]:
        given = self.words(words)
        if len(given) % 4:
            raise ConfigError("Wrong number of arguments in buffer limit configuration.")
        value = dict(old)
        for kind, hard, soft, seconds in zip(*[iter(given)] * 4, strict=True):
            kind = self.kind(kind)
            if kind not in self.classes:
                raise ConfigError("Invalid client class specified in buffer limit configuration.")
            most, more = memory(hard), memory(soft)
            if (most is None or more is None or not re.fullmatch(r"[0-9]{1,10}", seconds, re.ASCII)
                    or int(seconds) > INT_MAX):
                raise ConfigError(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            value[kind] = OutputLimit(most, more, int(seconds))
        return value

    def text(self, value: Any) -> str:
        return " ".join(f"{kind} {hard} {soft} {seconds}" for kind, (hard, soft, seconds) in value.items())

    def lines(self, name: str, value: Any) -> list[str]:
        shown = {"slave": "replica"}
        return [f"{name} {shown.get(kind, kind)} {memory_text(limit.hard)} {memory_text(limit.soft)} "
                f"{limit.soft_seconds}" for kind, limit in value.items()]

    def limits(self) -> str:
        return "class, hard, soft, seconds; repeated"


class Bind(Type):
    """Addresses to listen on; one with a `-` before it may be missing on this machine."""

    many = True

    def parse(self, words: Sequence[str], old: Any) -> tuple[str, ...]:
        given = self.words(words)
        if len(given) > 16:
            raise ConfigError("Too many bind addresses specified.")
        return () if given == [""] else tuple(given)

    def text(self, value: Any) -> str:
        return " ".join(value)

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {self.text(value)}" if value else f'{name} ""']

    def limits(self) -> str:
        return "up to 16 addresses"


# Letter -> bit of a class of keyspace events. The core uses the same numbers.
NOTIFY_CLASSES = {
    "K": 1 << 0, "E": 1 << 1, "g": 1 << 2, "$": 1 << 3, "l": 1 << 4, "s": 1 << 5, "h": 1 << 6, "z": 1 << 7,
    "x": 1 << 8, "e": 1 << 9, "t": 1 << 10, "m": 1 << 11, "d": 1 << 13, "n": 1 << 14}
NOTIFY_ALL = sum(NOTIFY_CLASSES[letter] for letter in "g$lshzxetd")


class NotifyEvents(Type):
    """Which keyspace events are published: a mask of NOTIFY_CLASSES."""

    def parse(self, words: Sequence[str], old: Any) -> int:
        mask = 0
        for letter in self.words(words)[0]:
            if letter != "A" and letter not in NOTIFY_CLASSES:
                raise ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
            mask |= NOTIFY_ALL if letter == "A" else NOTIFY_CLASSES[letter]
        return mask

    def text(self, value: Any) -> str:
        whole = value & NOTIFY_ALL == NOTIFY_ALL
        # Redis: `n` is not shown beside A.
        order = "AKEm" if whole else "g$lshzxetdnKEm"
        return "".join(letter for letter in order if letter == "A" or value & NOTIFY_CLASSES[letter])

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {quoted(self.text(value))}"]

    def limits(self) -> str:
        return "letters of Ag$lshzxeKEtmdn"


class OomValues(Type):
    """oom_score_adj of the master, of a replica, of a child."""

    many = True

    def parse(self, words: Sequence[str], old: Any) -> tuple[int, ...]:
        given = self.words(words)
        if len(given) != 3:
            raise ConfigError("wrong number of arguments")
        values = [int(word) if re.fullmatch(r"[+-]?[0-9]+", word, re.ASCII) else None for word in given]
        if any(value is None or abs(value) > 2000 for value in values):
            raise ConfigError("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        return tuple(value for value in values if value is not None)

    def text(self, value: Any) -> str:
        return " ".join(map(str, value))

    def limits(self) -> str:
        return "three of -2000 to 2000"


class Percentiles(Type):
    """Percentiles that INFO latencystats shows."""

    many = True

    def parse(self, words: Sequence[str], old: Any) -> tuple[float, ...]:
        values = []
        for word in self.words(words):
            try:
                value = math.nan if word != word.strip() or "_" in word else float(word)
            except ValueError:
                value = math.nan
            if math.isnan(value):
                raise ConfigError("Invalid latency-tracking-info-percentiles parameters")
            if not 0 <= value <= 100:
                raise ConfigError(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
            values.append(value)
        return tuple(values)

    def text(self, value: Any) -> str:
        return " ".join("%.17g" % number if float("%.10g" % number) != number else "%.10g" % number
                        for number in value)

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {self.text(value)}" if value else f'{name} ""']

    def limits(self) -> str:
        return "numbers from 0 to 100"


class ReplicaOf(Type):
    """The master to follow: Host, or None."""

    many = True

    def parse(self, words: Sequence[str], old: Any) -> Host | None:
        given = self.words(words)
        if len(given) != 2:
            raise ConfigError("wrong number of arguments")
        if [word.lower() for word in given] == ["no", "one"]:
            return None
        if not re.fullmatch(r"[0-9]+", given[1], re.ASCII) or not 0 <= int(given[1]) <= 65535:
            raise ConfigError("Invalid master port")
        return Host(given[0], int(given[1]))

    def text(self, value: Any) -> str:
        return f"{value.address} {value.port}" if value else ""

    def lines(self, name: str, value: Any) -> list[str]:
        return [f"{name} {self.text(value)}"] if value else []

    def limits(self) -> str:
        return "host and port, or no one"
