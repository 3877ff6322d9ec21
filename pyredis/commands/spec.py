"""The vocabulary in which commands are declared.

A family module (strings.py, keys.py, ...) is data written with these words and nothing else:

    FAMILY = Family("string", categories=Category.STRING, commands=[
        Command("GET", since="1.0.0", arity=2, flags=READONLY | FAST,
                keys=[KeyRange(1, 1, 1, access="RO ACCESS")],
                args=[Key("key")],
                reply=Bulk("the value") | Null("there is no such key"),
                summary="Returns the string held by a key."),
    ])

COMMAND and COMMAND DOCS, the core's dispatch table, ACL categories, key extraction and the tests all read
these same objects; nothing is generated from them, and nothing else says what a command looks like. Objects
are frozen: a spec never changes while the server runs.

What is left out follows by rule, the same for every command, so that a declaration states only its own:

* A command that is not FAST is @slow; WRITE is @write, READONLY is @read, and so on (`implied_categories`).
* The old first/last/step triple and the flag `movablekeys` follow from the key specs (`legacy_range`).
* A subcommand is found as "container|subcommand" and is control if its container is.

Versions. `since` is a version of Redis. What only Valkey has says `valkey="9.0.0"` instead, and an argument of a
Redis beyond 8.0 `newer="8.2.0"`, so a test can take those parts away and compare the rest with Redis, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import ClassVar


class Flag(IntFlag):
    """What dispatch must know before it runs a command. The core uses the same bits: values never change."""

    WRITE = 1 << 0              # may change the data
    READONLY = 1 << 1           # reads keys, changes nothing
    DENYOOM = 1 << 2            # refused while over maxmemory
    MODULE = 1 << 3             # comes from a module
    ADMIN = 1 << 4              # for the operator
    PUBSUB = 1 << 5             # about channels
    NOSCRIPT = 1 << 6           # not inside a script
    BLOCKING = 1 << 7           # may park the client
    LOADING = 1 << 8            # allowed while the data set loads
    STALE = 1 << 9              # allowed on a replica that lost its master
    SKIP_MONITOR = 1 << 10      # not shown by MONITOR
    SKIP_SLOWLOG = 1 << 11      # not kept in the slow log
    ASKING = 1 << 12            # accepted in an importing cluster slot without ASKING
    FAST = 1 << 13              # O(1) or O(log n): one fast step
    NO_AUTH = 1 << 14           # needs no authentication
    MAY_REPLICATE = 1 << 15     # not a write, yet may propagate; the peers keep this one to themselves
    NO_MANDATORY_KEYS = 1 << 16  # its keys may be none at all
    NO_ASYNC_LOADING = 1 << 17  # not while a replica loads beside the data it still serves
    NO_MULTI = 1 << 18          # not inside MULTI
    ALLOW_BUSY = 1 << 19        # allowed while a script runs for too long
    MOVABLEKEYS = 1 << 20       # first/last/step do not tell all keys; follows from the key specs
    UNQUEUED = 1 << 24          # runs at once, also between MULTI and EXEC
    RUNS_QUEUE = 1 << 25        # runs what is queued: it is held and refused as that would be
    ARBITRARY_KEYS = 1 << 26    # meets expired keys that nobody named: their ends are propagated one by one


class Category(IntFlag):
    """ACL categories, with the same bits in the core."""

    KEYSPACE = 1 << 0
    READ = 1 << 1
    WRITE = 1 << 2
    SET = 1 << 3
    SORTEDSET = 1 << 4
    LIST = 1 << 5
    HASH = 1 << 6
    STRING = 1 << 7
    BITMAP = 1 << 8
    HYPERLOGLOG = 1 << 9
    GEO = 1 << 10
    STREAM = 1 << 11
    PUBSUB = 1 << 12
    ADMIN = 1 << 13
    FAST = 1 << 14
    SLOW = 1 << 15
    BLOCKING = 1 << 16
    DANGEROUS = 1 << 17
    CONNECTION = 1 << 18
    TRANSACTION = 1 << 19
    SCRIPTING = 1 << 20


WRITE, READONLY, DENYOOM, MODULE = Flag.WRITE, Flag.READONLY, Flag.DENYOOM, Flag.MODULE
ADMIN, PUBSUB, NOSCRIPT, BLOCKING = Flag.ADMIN, Flag.PUBSUB, Flag.NOSCRIPT, Flag.BLOCKING
LOADING, STALE, SKIP_MONITOR, SKIP_SLOWLOG = Flag.LOADING, Flag.STALE, Flag.SKIP_MONITOR, Flag.SKIP_SLOWLOG
ASKING, FAST, NO_AUTH, MAY_REPLICATE = Flag.ASKING, Flag.FAST, Flag.NO_AUTH, Flag.MAY_REPLICATE
NO_MANDATORY_KEYS, NO_ASYNC_LOADING = Flag.NO_MANDATORY_KEYS, Flag.NO_ASYNC_LOADING
NO_MULTI, ALLOW_BUSY, MOVABLEKEYS = Flag.NO_MULTI, Flag.ALLOW_BUSY, Flag.MOVABLEKEYS
UNQUEUED, RUNS_QUEUE, ARBITRARY_KEYS = Flag.UNQUEUED, Flag.RUNS_QUEUE, Flag.ARBITRARY_KEYS

NO_FLAGS = Flag(0)
NO_CATEGORIES = Category(0)

# Shown by no server in COMMAND INFO, although the bit exists.
HIDDEN_FLAGS = Flag.MAY_REPLICATE | Flag.UNQUEUED | Flag.RUNS_QUEUE | Flag.ARBITRARY_KEYS


# -- where the keys are ----------------------------------------------------------------------------

# (kind, access bits, keyword, start, first, last, step, limit), for the core; kind: at, counted, after word, unknown
KeyRow = tuple[int, int, bytes, int, int, int, int, int]

ACCESS_WORDS = ("RO", "RW", "OW", "RM", "ACCESS", "UPDATE", "INSERT", "DELETE", "NOT_KEY", "INCOMPLETE",
                "VARIABLE_FLAGS")


def access_bits(access: str) -> int:
    """The words of KeySpec.access as the core's bits, a word's place being its bit."""
    return sum(1 << ACCESS_WORDS.index(word) for word in access.split())


def access_words(bits: int) -> list[str]:
    return [word for place, word in enumerate(ACCESS_WORDS) if bits >> place & 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """One way to find keys in an argv; the core does it. Indexes count from the command's name, which is 0.

    `access` says what happens to them: first RO, RW, OW (overwrites without looking) or RM, then any of
    ACCESS, UPDATE, INSERT, DELETE for the user's data in the key, NOT_KEY, INCOMPLETE (finds only some),
    VARIABLE_FLAGS (the truth depends on the options).
    """

    access: str
    notes: str = ""

    def has(self, word: str) -> bool:
        return word in self.access.split()

    def core_row(self) -> KeyRow:
        """What the core makes of it. In the base class: nothing to go by."""
        return 3, access_bits(self.access), b"", 0, 0, 0, 1, 0


@dataclass(frozen=True, slots=True)
class KeyRange(KeySpec):
    """argv[first], argv[first + step], ... up to argv[last]; a negative last counts from the end.

    With last = -1, `limit` > 1 takes only the first 1/limit of what remains (XREAD: half are ids).
    """

    first: int
    last: int
    step: int = 1
    limit: int = 0

    def core_row(self) -> KeyRow:
        return 0, access_bits(self.access), b"", 0, self.first, self.last, self.step, self.limit


@dataclass(frozen=True, slots=True)
class KeyNum(KeySpec):
    """argv[index] says how many keys there are; they begin `first` places after it, `step` apart."""

    index: int
    first: int = 1
    step: int = 1

    def core_row(self) -> KeyRow:
        return 1, access_bits(self.access), b"", self.index, self.first, 0, self.step, 0


@dataclass(frozen=True, slots=True)
class KeywordRange(KeySpec):
    """Keys after a keyword that is looked for from argv[start] on, or, if negative, from there backwards.

    `last` counts from the first key; a negative one from the end of argv, as in KeyRange.
    """

    keyword: str
    start: int
    last: int = -1
    step: int = 1
    limit: int = 0

    def core_row(self) -> KeyRow:
        return 2, access_bits(self.access), self.keyword.encode(), self.start, 0, self.last, self.step, self.limit


@dataclass(frozen=True, slots=True)
class KeyUnknown(KeySpec):
    """Keys that no general rule finds; the core may have one for this command (cmd/key_finder)."""


def legacy_range(specs: Sequence[KeySpec]) -> tuple[int, int, int, bool]:
    """(first, last, step, movable): the oldest way to tell keys, from which clients still route.

    Ranges at fixed places that follow one another make one range. `movable` is true when that leaves keys
    out: the client then has to ask COMMAND GETKEYS.
    """
    first = last = step = 0
    movable = False
    for spec in specs:
        if not isinstance(spec, KeyRange) or spec.has("INCOMPLETE"):
            movable = True
            continue
        if first and not (last > 0 and last + step == spec.first and step == spec.step):
            movable = True
            continue
        if not first:
            first, step = spec.first, spec.step
        last = spec.last
    return first, last, step, movable


# -- arguments -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument, or a group of them. `kind` is its type's name on the wire.

    token           the word in front of it; of a PureToken the word itself, its name in capitals unless told
    optional, many  may be left out; may be repeated
    multiple_token  when repeated, the token is repeated too
    display         how to show it in help, when not by its name
    """

    kind: ClassVar[str] = ""

    name: str
    token: str = field(default="", kw_only=True)
    optional: bool = field(default=False, kw_only=True)
    many: bool = field(default=False, kw_only=True)
    multiple_token: bool = field(default=False, kw_only=True)
    since: str = field(default="", kw_only=True)
    deprecated_since: str = field(default="", kw_only=True)
    valkey: str = field(default="", kw_only=True)
    newer: str = field(default="", kw_only=True)
    display: str = field(default="", kw_only=True)
    summary: str = field(default="", kw_only=True)

    @property
    def children(self) -> Sequence[Arg]:
        return ()

    @property
    def beyond(self) -> bool:
        """Is this none of Redis 8.0's?"""
        return bool(self.valkey or self.newer)


@dataclass(frozen=True, slots=True)
class Key(Arg):
    """A key's name; `spec` is which of the command's key specs finds it."""

    kind: ClassVar[str] = "key"
    spec: int = 0


@dataclass(frozen=True, slots=True)
class String(Arg):
    kind: ClassVar[str] = "string"


@dataclass(frozen=True, slots=True)
class Integer(Arg):
    kind: ClassVar[str] = "integer"


@dataclass(frozen=True, slots=True)
class Double(Arg):
    kind: ClassVar[str] = "double"


@dataclass(frozen=True, slots=True)
class Pattern(Arg):
    """A glob; `spec` is the key spec it belongs to, where it stands for keys (SORT's BY and GET)."""

    kind: ClassVar[str] = "pattern"
    spec: int | None = None


@dataclass(frozen=True, slots=True)
class UnixTime(Arg):
    kind: ClassVar[str] = "unix-time"


@dataclass(frozen=True, slots=True)
class PureToken(Arg):
    kind: ClassVar[str] = "pure-token"


@dataclass(frozen=True, slots=True)
class OneOf(Arg):
    """Exactly one of `choices`."""

    kind: ClassVar[str] = "oneof"
    choices: Sequence[Arg] = ()

    @property
    def children(self) -> Sequence[Arg]:
        return self.choices


@dataclass(frozen=True, slots=True)
class Block(Arg):
    """`parts`, together and in this order."""

    kind: ClassVar[str] = "block"
    parts: Sequence[Arg] = ()

    @property
    def children(self) -> Sequence[Arg]:
        return self.parts


def token_of(arg: Arg) -> str:
    """The word a client must send for or before this argument, or ""."""
    return arg.token or (arg.name.upper() if isinstance(arg, PureToken) else "")


# -- replies ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """A kind of reply and, for people and for tests, when it comes. `a | b` is either."""

    kind: ClassVar[str] = ""
    text: str = ""

    def __or__(self, other: Reply) -> AnyOf:
        return AnyOf(alternatives=(*self.flat(), *other.flat()))

    def flat(self) -> tuple[Reply, ...]:
        return (self,)


class Status(Reply):
    kind = "status"


class Bulk(Reply):
    kind = "bulk"


class Number(Reply):
    kind = "integer"


class Null(Reply):
    kind = "null"


class Array(Reply):
    kind = "array"


class Map(Reply):
    kind = "map"


class Text(Reply):
    kind = "verbatim"


class NoReply(Reply):
    kind = "none"


@dataclass(frozen=True, slots=True)
class AnyOf(Reply):
    kind: ClassVar[str] = "anyof"
    alternatives: tuple[Reply, ...] = ()

    def flat(self) -> tuple[Reply, ...]:
        return self.alternatives


# -- commands --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or one subcommand inside its container.

    arity           words including the name (for a subcommand: and its own); -n is n or more
    categories      beside those of the family and those that follow from the flags
    control         run by a Python handler named `handler`, not by the compiled core
    replaced_by     what to use instead, when deprecated_since is given
    syscmd          for the system's own use; clients should not build on it
    """

    name: str
    arity: int = field(kw_only=True)
    summary: str = field(kw_only=True)
    since: str = field(default="", kw_only=True)
    valkey: str = field(default="", kw_only=True)
    flags: Flag = field(default=NO_FLAGS, kw_only=True)
    categories: Category = field(default=NO_CATEGORIES, kw_only=True)
    keys: Sequence[KeySpec] = field(default=(), kw_only=True)
    args: Sequence[Arg] = field(default=(), kw_only=True)
    reply: Reply = field(default=Reply(), kw_only=True)
    complexity: str = field(default="O(1)", kw_only=True)
    history: Sequence[tuple[str, str]] = field(default=(), kw_only=True)
    tips: Sequence[str] = field(default=(), kw_only=True)
    control: bool = field(default=False, kw_only=True)
    deprecated_since: str = field(default="", kw_only=True)
    replaced_by: str = field(default="", kw_only=True)
    syscmd: bool = field(default=False, kw_only=True)
    subcommands: Sequence[Command] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Family:
    """Commands of one group. `categories` go to each, but not to a container, which is only a name."""

    group: str
    commands: Sequence[Command]
    categories: Category = NO_CATEGORIES

    def __iter__(self) -> Iterator[Command]:
        return iter(self.commands)


def implied_categories(flags: Flag, explicit: Category) -> Category:
    """The ACL categories a command has because of its flags, added to `explicit`."""
    found = explicit
    if flags & WRITE:
        found |= Category.WRITE
    if flags & READONLY and not explicit & Category.SCRIPTING:
        found |= Category.READ
    if flags & ADMIN:
        found |= Category.ADMIN | Category.DANGEROUS
    if flags & PUBSUB:
        found |= Category.PUBSUB
    if flags & BLOCKING:
        found |= Category.BLOCKING
    return found | (Category.FAST if flags & FAST else Category.SLOW)
