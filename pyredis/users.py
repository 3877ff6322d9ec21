"""users: users and their rules, as ACL SETUSER, `user` lines and the ACL file write them.

    user bob on #5e8848… ~cache:* %R~shared:* resetchannels &news.* -@all +@read +config|get (~x -@all +set)

A User is flags, password hashes and selectors, the first of which is its own. A Selector is what may be done, and is
kept in two forms at once: as rules, in the order in which they are printed, and as the set of commands that these
amount to (an int with a bit for each command), which is what the core is given (`compiled`).

A rule changes a user and returns nothing, or raises RuleError with the reason in Redis's words. Several rules are
applied to a copy, so that all hold or none. Command names are looked up in a Vocabulary, made once from the table
of commands; without one every name is taken for known, which is how lines of the configuration file are checked
before there is a table.

A command rule replaces what it makes void: an equal one, and those of its subcommands. `+@all` and `-@all` begin
anew. A selector may be held to databases, `db=0,3`, as in Valkey; one that is not prints as in Redis.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

READ, WRITE = 1, 2                   # bits of a key pattern, those of _pyredis.access
ALL_KEYS, ALL_CHANNELS, ALL_DATABASES, ALL_COMMANDS = 1, 2, 4, 8
DEFAULT = b"default"
BLANKS = b" \t\n\v\f\r"
HASH = re.compile(rb"[0-9a-f]{64}")
LARGEST_DATABASE = (1 << 31) - 1
DATABASE_DIGITS = len(str(LARGEST_DATABASE))

UNKNOWN = "Unknown command or category name in ACL"
SYNTAX = "Syntax error"
BAD_HASH = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
NO_PASSWORD = "The password you are trying to remove from the user does not exist"
BAD_DATABASE = "The provided database ID is out of range"
NO_FIRST_ARG = "Allowing first-arg of a subcommand is not supported"
KEYS_ARE_ALL = ("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any "
                "effect. Try 'resetkeys' to start with an empty list of patterns")
CHANNELS_ARE_ALL = ("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have "
                    "any effect. Try 'resetchannels' to start with an empty list of channels")

# flags, commands, keys, channels, databases, first words: see _pyredis.access
Compiled = tuple[int, int, list[tuple[bytes, int]], list[bytes], list[int], list[tuple[int, bytes]]]


class RuleError(Exception):
    """A rule that cannot be; the text is the reason."""


class Entry(Protocol):
    """What is asked of a row of the table of commands."""

    @property
    def name(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def parent(self) -> Entry | None: ...
    @property
    def category_names(self) -> list[str]: ...


class Word(NamedTuple):
    """A command, as rules name it."""

    name: bytes                     # "config|get"
    place: int                      # its index
    bits: int                       # its own and those of its subcommands
    container: bool
    is_sub: bool


class Vocabulary:
    """Names of commands and categories -> bits by the commands' indexes."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.words: dict[bytes, Word] = {}
        self.categories: dict[bytes, int] = {}
        for entry in entries:               # a container comes before its subcommands
            name, bit = entry.name.encode(), 1 << entry.index
            self.words[name] = Word(name, entry.index, bit, False, entry.parent is not None)
            if entry.parent is not None:
                above = self.words[entry.parent.name.encode()]
                self.words[above.name] = above._replace(bits=above.bits | bit, container=True)
            for category in entry.category_names:
                self.categories[category.encode()] = self.categories.get(category.encode(), 0) | bit
        for label in self.categories:       # a container's bit stands for its subcommands as well
            for word in self.words.values():
                if self.categories[label] >> word.place & 1:
                    self.categories[label] |= word.bits

    def find(self, name: bytes) -> Word | None:
        return self.words.get(name.lower())


def text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


# ---------------------------------------------------------------- selectors

@dataclass
class Selector:
    """What may be done, by itself."""

    all_keys: bool = False
    keys: dict[bytes, int] = field(default_factory=dict)          # glob -> READ | WRITE
    all_channels: bool = False
    channels: list[bytes] = field(default_factory=list)
    databases: frozenset[int] | None = None                       # None: all
    all_commands: bool = False                                    # by what it began with; rules follow
    rules: list[bytes] = field(default_factory=list)              # "+@read", "-get", in lower case
    commands: int = 0
    first_words: dict[int, list[bytes]] = field(default_factory=dict)

    def apply(self, rule: bytes, vocabulary: Vocabulary | None) -> None:
        """One rule. RuleError."""
        word = rule.lower()
        if word in PLAIN_RULES:
            PLAIN_RULES[word](self)
        elif word[:1] in (b"~", b"%"):
            self._add_key(rule)
        elif word[:1] == b"&":
            self._add_channel(rule[1:])
        elif word[:3] == b"db=":
            self.databases = _databases(rule[3:])
        elif word[:2] in (b"+@", b"-@"):
            self._add_category(word, vocabulary)
        elif word[:1] in (b"+", b"-"):
            self._add_command(rule, vocabulary)
        else:
            raise RuleError(SYNTAX)

    # ---- keys, channels

    def allow_keys(self, all_keys: bool) -> None:
        self.all_keys, self.keys = all_keys, {}

    def allow_channels(self, all_channels: bool) -> None:
        self.all_channels, self.channels = all_channels, []

    def _add_key(self, rule: bytes) -> None:
        if self.all_keys:
            raise RuleError(KEYS_ARE_ALL)
        letters, _, glob = rule.partition(b"~")
        kinds = letters[1:].upper()
        # Redis: %R without a tilde is the empty pattern.
        if has_blanks(glob) or (letters and kinds not in (b"R", b"W", b"RW", b"WR")):
            raise RuleError(SYNTAX)
        bits = READ * (b"R" in kinds) + WRITE * (b"W" in kinds) if letters else READ | WRITE
        self.keys[glob] = self.keys.get(glob, 0) | bits

    def _add_channel(self, glob: bytes) -> None:
        if self.all_channels:
            raise RuleError(CHANNELS_ARE_ALL)
        if has_blanks(glob):
            raise RuleError(SYNTAX)
        if glob not in self.channels:
            self.channels.append(glob)

    # ---- commands

    def allow_commands(self, all_commands: bool) -> None:
        self.all_commands, self.rules, self.first_words = all_commands, [], {}
        self.commands = -1 if all_commands else 0

    def _add_category(self, word: bytes, vocabulary: Vocabulary | None) -> None:
        if vocabulary is None:
            return
        bits = vocabulary.categories.get(word[2:])
        if bits is None:
            raise RuleError(UNKNOWN)
        self._set_bits(bits, word[:1])
        self._add_rule(word)

    def _add_command(self, rule: bytes, vocabulary: Vocabulary | None) -> None:
        sign, name = rule[:1].lower(), rule[1:]
        if vocabulary is None:
            return
        if sign == b"+" and b"|" in name:
            head, _, tail = name.rpartition(b"|")
            above = vocabulary.find(head)
            if above is None:
                raise RuleError(UNKNOWN)
            if above.is_sub:
                raise RuleError(NO_FIRST_ARG)
            if not tail:
                raise RuleError(SYNTAX)
            if not above.container:
                self._allow_first_word(above, tail)
                self._add_rule(rule.lower())
                return
        found = vocabulary.find(name)
        if found is None:
            raise RuleError(UNKNOWN)
        self._set_bits(found.bits, sign)
        self.first_words.pop(found.place, None)
        self._add_rule(sign + found.name)

    def _allow_first_word(self, command: Word, word: bytes) -> None:
        words = self.first_words.setdefault(command.place, [])
        if word not in words:
            words.append(word)

    def _set_bits(self, bits: int, sign: bytes) -> None:
        self.commands = self.commands | bits if sign == b"+" else self.commands & ~bits
        for index in [index for index in self.first_words if bits >> index & 1]:
            del self.first_words[index]

    def _add_rule(self, rule: bytes) -> None:
        name = rule[1:]
        self.rules = [old for old in self.rules if old[1:] != name and not old[1:].startswith(name + b"|")]
        self.rules.append(rule)

    # ---- what it says

    def command_words(self) -> bytes:
        return b" ".join([b"+@all" if self.all_commands else b"-@all", *self.rules])

    def key_words(self) -> list[bytes]:
        if self.all_keys:
            return [b"~*"]
        return [(b"~", b"%R~", b"%W~")[bits % 3] + glob for glob, bits in self.keys.items()]

    def channel_words(self) -> list[bytes]:
        return [b"&*"] if self.all_channels else [b"&" + glob for glob in self.channels]

    def database_words(self) -> list[bytes]:
        """None for all of them, which is what Redis knows."""
        if self.databases is None:
            return []
        ids = ",".join(map(str, sorted(self.databases))).encode()
        return [b"db=" + ids if ids else b"resetdbs"]

    def describe(self, write: Callable[[bytes], bytes] = bytes) -> bytes:
        """`write`: a pattern's rule -> what stands for it."""
        keys = self.key_words()
        return b" ".join([*(keys if self.all_keys else map(write, keys)),
                          *([] if self.all_channels else [b"resetchannels"]), *map(write, self.channel_words()),
                          *self.database_words(), self.command_words()])

    def compiled(self) -> Compiled:
        all_commands = self.commands == -1
        flags = (ALL_KEYS * self.all_keys | ALL_CHANNELS * self.all_channels
                 | ALL_DATABASES * (self.databases is None) | ALL_COMMANDS * all_commands)
        return (flags, self.commands, list(self.keys.items()), list(self.channels), sorted(self.databases or ()),
                [(index, word) for index, words in self.first_words.items() for word in words])


def _all_databases(selector: Selector) -> None:
    selector.databases = None


def _no_databases(selector: Selector) -> None:
    selector.databases = frozenset()


PLAIN_RULES = {
    b"allkeys": lambda x: x.allow_keys(True), b"~*": lambda x: x.allow_keys(True),
    b"resetkeys": lambda x: x.allow_keys(False),
    b"allchannels": lambda x: x.allow_channels(True), b"&*": lambda x: x.allow_channels(True),
    b"resetchannels": lambda x: x.allow_channels(False),
    b"allcommands": lambda x: x.allow_commands(True), b"+@all": lambda x: x.allow_commands(True),
    b"nocommands": lambda x: x.allow_commands(False), b"-@all": lambda x: x.allow_commands(False),
    b"alldbs": _all_databases, b"resetdbs": _no_databases,
}


def _databases(ids: bytes) -> frozenset[int]:
    found = set()
    for word in ids.split(b","):
        if not re.fullmatch(rb"[ \t\n\v\f\r]*[+-]?[0-9]+", word):
            raise RuleError(SYNTAX)
        digits = word.lstrip(b" \t\n\v\f\r+-0") or b"0"
        if len(digits) > DATABASE_DIGITS or int(digits) > LARGEST_DATABASE or (b"-" in word and digits != b"0"):
            raise RuleError(BAD_DATABASE)
        found.add(int(digits))
    return frozenset(found)


def has_blanks(name: bytes) -> bool:
    """What may stand in no name and no pattern, because a line is cut there."""
    return any(byte in BLANKS or byte == 0 for byte in name)


# ---------------------------------------------------------------- users

def password_hash(password: bytes) -> bytes:
    return hashlib.sha256(password).hexdigest().encode()


@dataclass
class User:
    """One user. `channels_open`: what acl-pubsub-default gives a new selector."""

    name: bytes
    channels_open: bool = False
    enabled: bool = False
    no_password: bool = False
    sanitized: bool = True
    passwords: list[bytes] = field(default_factory=list)          # SHA-256, in hexadecimal
    selectors: list[Selector] = field(default_factory=list)       # the first is the user's own

    def __post_init__(self) -> None:
        if not self.selectors:
            self.selectors = [Selector(all_channels=self.channels_open)]

    # ---- rules

    def changed(self, rules: Sequence[bytes], vocabulary: Vocabulary | None) -> User:
        """A copy by these rules, which may have been cut at blanks within parentheses. WrongRule."""
        user = copy.deepcopy(self)
        for rule in joined(rules):
            try:
                user.apply(rule, vocabulary)
            except RuleError as error:
                raise WrongRule(rule, str(error)) from None
        return user

    def apply(self, rule: bytes, vocabulary: Vocabulary | None) -> None:
        """One rule. RuleError, and the user may be half changed."""
        word, first = rule.lower(), rule[:1]
        if not rule:
            return
        if word in (b"on", b"off"):
            self.enabled = word == b"on"
        elif word in (b"nopass", b"resetpass"):
            self.no_password, self.passwords = word == b"nopass", []
        elif word in (b"skip-sanitize-payload", b"sanitize-payload"):
            self.sanitized = word == b"sanitize-payload"
        elif word == b"clearselectors":
            del self.selectors[1:]
        elif word == b"reset":
            self._reset()
        elif first in (b">", b"#"):
            self._add_password(rule)
        elif first in (b"<", b"!"):
            self._remove_password(rule)
        elif first == b"(" and rule[-1:] == b")":
            self._add_selector(rule[1:-1], vocabulary)
        else:
            self.selectors[0].apply(rule, vocabulary)

    def _reset(self) -> None:
        self.enabled = self.no_password = False
        self.sanitized = True
        self.passwords = []
        self.selectors = [Selector(all_channels=self.channels_open)]

    def _add_password(self, rule: bytes) -> None:
        hashed = password_hash(rule[1:]) if rule[:1] == b">" else checked_hash(rule[1:])
        if hashed not in self.passwords:
            self.passwords.append(hashed)
        self.no_password = False

    def _remove_password(self, rule: bytes) -> None:
        hashed = password_hash(rule[1:]) if rule[:1] == b"<" else checked_hash(rule[1:])
        if hashed not in self.passwords:
            raise RuleError(NO_PASSWORD)
        self.passwords.remove(hashed)

    def _add_selector(self, rules: bytes, vocabulary: Vocabulary | None) -> None:
        selector = Selector(all_channels=self.channels_open)
        for rule in split_words(rules):
            selector.apply(rule, vocabulary)
        self.selectors.append(selector)

    # ---- what it says

    def flag_words(self) -> list[bytes]:
        return [b"on" if self.enabled else b"off", *([b"nopass"] if self.no_password else []),
                b"sanitize-payload" if self.sanitized else b"skip-sanitize-payload"]

    def describe(self, to_file: bool = False) -> bytes:
        """Its line, without the word `user` and its name, as Redis prints it; `to_file`: as it reads back the same."""
        own, *others = self.selectors
        write, write_other = (_storable, _storable_in_parentheses) if to_file else (bytes, bytes)
        return b" ".join([*self.flag_words(), *(b"#" + hashed for hashed in self.passwords), own.describe(write),
                          *(b"(%b)" % selector.describe(write_other) for selector in others)])

    def line(self, to_file: bool = False) -> bytes:
        return b"user %b %b" % (self.name, self.describe(to_file))

    def compiled(self) -> list[Compiled]:
        return [selector.compiled() for selector in self.selectors]

    def accepts(self, password: bytes) -> bool:
        """Is this one of its passwords? Takes as long whichever of them it is."""
        hashed = password_hash(password)
        right = self.no_password
        for mine in self.passwords:
            right |= hmac.compare_digest(hashed, mine)
        return right


class WrongRule(Exception):
    """The first rule of several that cannot be, and why."""

    def __init__(self, rule: bytes, reason: str) -> None:
        super().__init__(rule, reason)
        self.rule, self.reason = rule, reason


class Unmatched(Exception):
    """A parenthesis that nothing closes; `start` is the word that it begins with."""

    def __init__(self, start: bytes) -> None:
        super().__init__(start)
        self.start = start


class FileError(Exception):
    """The ACL file cannot be used; the text says why, line by line."""


def checked_hash(hashed: bytes) -> bytes:
    if not HASH.fullmatch(hashed):
        raise RuleError(BAD_HASH)
    return hashed


def joined(words: Sequence[bytes]) -> list[bytes]:
    """Words between an opening and a closing parenthesis as one. Unmatched."""
    rules: list[bytes] = []
    parts: list[bytes] = []
    for word in words:
        if parts or (word[:1] == b"(" and word[-1:] != b")"):
            parts.append(word)
            if len(parts) > 1 and word[-1:] == b")":
                rules.append(b" ".join(parts))
                parts = []
        else:
            rules.append(word)
    if parts:
        raise Unmatched(parts[0])
    return rules


def split_words(line: bytes) -> list[bytes]:
    """The words of a selector, or of a line of the ACL file; quotes mean what they do in the configuration file.
    RuleError if they are unbalanced."""
    from pyredis.config_file import split_line
    from pyredis.config_types import ConfigError, to_bytes, to_text
    try:
        return [to_bytes(word) for word in split_line(to_text(line))]
    except ConfigError:
        raise RuleError(SYNTAX) from None


# Redis prints two patterns in a way that it cannot read, or reads as something else.

def _storable(word: bytes) -> bytes:
    """~* would be `allkeys`, which no other pattern may follow."""
    return b"%RW~*" if word == b"~*" else word


def _storable_in_parentheses(word: bytes) -> bytes:
    """There quotes are no plain bytes."""
    from pyredis.config_types import quoted, to_bytes, to_text
    return to_bytes(quoted(to_text(word))) if b'"' in word or b"'" in word else _storable(word)


def default_user(channels_open: bool) -> User:
    """Who everybody is before AUTH, unless configured otherwise: may do everything, without a password."""
    user = User(DEFAULT, channels_open)
    for rule in (b"+@all", b"~*", b"&*", b"on", b"nopass"):
        user.apply(rule, None)
    return user
