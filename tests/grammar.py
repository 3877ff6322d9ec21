"""grammar: random requests made from the commands' own declarations.

    g = Grammar(random.Random(1), commands())
    g.request()  ->  [b"SET", b"k2", b"-7", b"KEEPTTL"]

`valid` walks a command's argument tree: it takes or leaves what is optional, repeats what may be repeated,
picks one of what excludes each other, and draws each word from a small vocabulary of its kind, rich in what
is a limit or looks like another kind. `request` then spoils one in four: a word lost, doubled, swapped, or
drawn from another kind. So a command is fuzzed as soon as it is declared, and nothing here names a family.

The vocabulary keeps clear of what no two servers can agree on: relative times are far in the future or
negative, so that no key expires while a test runs, and sizes stay small enough to run thousands a second.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence

from pyredis.commands import spec
from pyredis.commands.families import FAMILIES

KEYS = [b"k%d" % i for i in range(6)] + [b"", b"a key\r\n\0", b"long" * 80]
INTEGERS = [b"0", b"1", b"2", b"3", b"10", b"100", b"-1", b"-2", b"-100", b"9223372036854775807",
            b"-9223372036854775808", b"9223372036854775808", b"4294967296", b"01", b"+1", b"1.0", b"", b"abc", b" 1"]
DOUBLES = [b"0", b"1", b"-1.5", b"3.25", b"1e3", b"0.1", b"-0", b"inf", b"-inf", b"nan", b"1e400", b"0x10", b"", b"x"]
STRINGS = [b"", b"0", b"7", b"-1", b"12345", b"9223372036854775807", b"007", b"3.5", b"a", b"b", b"c", b"abc",
           b"hello world", b"*", b"\xff\0\r\n", b"x" * 44, b"y" * 45, b"string", b"z" * 2001]
PATTERNS = [b"*", b"k*", b"k[0-2]", b"k?", b"[^k]*", b"nothing", b"", b"k\\1", b"[", b"***"]
TIMES = [b"4000000000", b"4000000000000", b"1", b"0", b"-1", b"9223372036854775807", b"9223372036854775", b"x"]

# Names by which a number is a span of time or a size, not a plain quantity.
SPANS = {"seconds", "milliseconds", "ttl"}
SPAN_WORDS = [b"-1", b"0", b"9223372036854775807", b"9223372036854775808", b"x", b""]
TIMEOUTS = [b"0.01", b"0.001", b"-1", b"x", b"", b"1e400"]     # of what blocks: over soon, or refused
OFFSETS = {"offset", "start", "end", "bit-offset"}
OFFSET_WORDS = [b"0", b"1", b"2", b"5", b"43", b"100", b"2500", b"-1", b"-3", b"-3000", b"536870911", b"536870912",
                b"-9223372036854775808", b"9223372036854775807", b"x"]
TOO_LARGE = {b"536870911"}              # a legal offset that makes half a gigabyte
BLOCK_WORDS = [b"1", b"2", b"-1", b"x", b"", b"9223372036854775807"]     # milliseconds to wait
IDS = [b"%d-%d" % (ms, seq) for ms in range(5) for seq in range(3)] + [
    b"1", b"3", b"5-*", b"9-*", b"9-*", b"9-*", b"9-*", b"-", b"+", b"(1-1", b"(3", b"$", b">", b"", b"x", b"1-",
    b"1-x", b"07-+1", b"18446744073709551615", b"18446744073709551615-18446744073709551615", b"18446744073709551616"]
ID_NAMES = {"id", "start", "end", "last-id", "max-deleted-id", "lastid", "threshold"}
READERS = [b"g", b"h", b"a", b"b"]
IDLE_WORDS = [b"0", b"0", b"-1", b"100000000", b"x"]           # nothing is ever idle for so long but by request
COUNTERS = {"numkeys"}                  # says how many of the next argument follow
DATABASES = {"index", "db", "destination-db", "index1", "index2"}

SOON = re.compile(rb"\+?0*[1-9][0-9]{0,4}")

# What would end the run or the connection, wait, or answer differently each time, and is no data command.
APART = {"SHUTDOWN", "DEBUG", "AUTH", "HELLO", "QUIT", "RESET", "CLIENT", "CONFIG", "MONITOR", "SYNC", "PSYNC",
         "REPLICAOF", "SLAVEOF", "FAILOVER", "SAVE", "BGSAVE", "BGREWRITEAOF", "MODULE", "ACL", "CLUSTER", "SCRIPT",
         "FUNCTION", "LATENCY", "SLOWLOG", "ROLE", "INFO", "MEMORY", "LOLWUT", "COMMAND", "MIGRATE", "REPLCONF",
         "MULTI", "EXEC", "DISCARD", "WATCH"}                   # (transactions have a differential test of their own)


class Leaf:
    """A command that can be called: its words, and its declaration."""

    def __init__(self, words: Sequence[str], command: spec.Command) -> None:
        self.words = tuple(word.encode() for word in words)
        self.command = command
        self.name = "|".join(words)

    @property
    def deterministic(self) -> bool:
        """Is the reply the same whenever the data is?"""
        return not any(tip.startswith("nondeterministic_output") for tip in self.command.tips)

    @property
    def unordered(self) -> bool:
        """Is it so but for the order of what it lists?"""
        return "nondeterministic_output_order" in self.command.tips

    @property
    def blocks(self) -> bool:
        """May it wait?"""
        return bool(self.command.flags & spec.BLOCKING)

    @property
    def takes_span(self) -> bool:
        """Is one of its arguments a span of time?"""
        return any(arg.name.lower() in SPANS for arg in walk(self.command.args))


def lasts(word: bytes) -> bool:
    """Would this, as a timeout, last longer than a test can wait?"""
    try:
        seconds = float(int(word, 16)) if word[:2].lower() == b"0x" else float(word)
    except ValueError:
        return False
    return seconds == 0 or seconds > 0.05


def walk(args: Iterable[spec.Arg]) -> Iterator[spec.Arg]:
    """All arguments of a tree."""
    for arg in args:
        yield arg
        yield from walk(arg.children)


def leaves(command: spec.Command, before: tuple[str, ...] = ()) -> Iterator[Leaf]:
    words = (*before, command.name)
    for sub in command.subcommands:
        yield from leaves(sub, words)
    if not command.subcommands:
        yield Leaf(words, command)


def commands(*, apart: Iterable[str] = APART, valkey: bool = True) -> list[Leaf]:
    """Every declared command that is safe to call at random; `valkey`: with what only Valkey has."""
    out = frozenset(apart)
    found = [leaf for family in FAMILIES for command in family if command.name not in out
             for leaf in leaves(command)]
    return [leaf for leaf in found if valkey or not leaf.command.valkey]


class Grammar:
    """A source of requests. The same generator state gives the same requests."""

    def __init__(self, rng: random.Random, among: Sequence[Leaf], *, valkey: bool = True) -> None:
        self.rng = rng
        self.among = among
        self.valkey = valkey

    def leaf(self) -> Leaf:
        """A command; those that empty the databases come rarely."""
        leaf = self.rng.choice(self.among)
        if leaf.name.startswith("FLUSH") and self.rng.random() < 0.9:
            return self.leaf()
        return leaf

    def request(self) -> tuple[Leaf, list[bytes]]:
        """A command and an argv of it, in one of four cases a spoilt one."""
        leaf = self.leaf()
        words = self.valid(leaf)
        if self.rng.random() < 0.25:
            fixed = len(leaf.words)
            self.spoil(words, fixed)
            if leaf.takes_span:                 # a small number may have come to stand for a time to live
                words[fixed:] = [self.span() if SOON.fullmatch(word) else word for word in words[fixed:]]
            if leaf.blocks and len(words) > fixed:
                for at in (fixed, -1):          # where the timeout stands, if it is one
                    words[at] = TIMEOUTS[0] if lasts(words[at]) else words[at]
            for at in range(fixed + 1, len(words) if leaf.blocks else 0):
                if words[at - 1].upper() == b"BLOCK" and re.fullmatch(rb"0|[1-9][0-9]{0,17}", words[at]):
                    words[at] = BLOCK_WORDS[0]
        return leaf, words

    def valid(self, leaf: Leaf) -> list[bytes]:
        """An argv as declared; whether its values make sense together is another question."""
        head = [word.lower() if self.rng.random() < 0.1 else word for word in leaf.words]
        return [*head, *self.several(leaf.command.args)]

    def spoil(self, words: list[bytes], fixed: int) -> None:
        """Changes one word behind the first `fixed` ones, or their number."""
        places = range(fixed, len(words))
        what = self.rng.choice(["lose", "double", "swap", "other", "more"])
        if what == "more" or not places:
            words.append(self.any_word())
        elif what == "lose":
            del words[self.rng.choice(places)]
        elif what == "double":
            at = self.rng.choice(places)
            words.insert(at, words[at])
        elif what == "swap":
            a, b = self.rng.choice(places), self.rng.choice(places)
            words[a], words[b] = words[b], words[a]
        else:
            words[self.rng.choice(places)] = self.any_word()

    # -- the argument tree

    def several(self, args: Sequence[spec.Arg]) -> list[bytes]:
        """The words of consecutive arguments. A count of keys agrees with the keys that follow, mostly."""
        found: list[bytes] = []
        repeats = 0
        for arg in args:
            if arg.beyond and not self.valkey:
                continue
            if arg.name in COUNTERS:
                repeats = self.rng.randint(1, 3)
                found.append(b"%d" % repeats)
            elif repeats and arg.many:
                found += [word for _ in range(repeats) for word in self.once(arg)]
                repeats = 0
            else:
                found += self.one(arg)
        return found

    def one(self, arg: spec.Arg) -> list[bytes]:
        if arg.optional and self.rng.random() < 0.6:
            return []
        token = [arg.token.encode()] if arg.token and not isinstance(arg, spec.PureToken) else []
        times = self.rng.choice([1, 1, 2, 3]) if arg.many else 1
        found = [*token]
        for i in range(times):
            found += [*(token if i and arg.multiple_token else []), *self.once(arg)]
        return found

    def once(self, arg: spec.Arg) -> list[bytes]:
        """The argument itself, without its token."""
        if isinstance(arg, spec.OneOf):
            # auto-id: an ID from the clock, which no two servers share
            choices = [c for c in arg.choices if (self.valkey or not c.beyond) and c.name != "auto-id"]
            return self.one(self.rng.choice(choices)) if choices else []
        if isinstance(arg, spec.Block):
            return self.several(arg.parts)
        if isinstance(arg, spec.PureToken):
            word = spec.token_of(arg).encode()
            return [word.lower() if self.rng.random() < 0.1 else word]
        return [self.word(arg)]

    def word(self, arg: spec.Arg) -> bytes:
        """One word of the argument's kind."""
        name = arg.name.lower()
        if name == "timeout":
            return self.rng.choice(TIMEOUTS[:2] * 3 + TIMEOUTS)
        if isinstance(arg, spec.Key):
            return self.rng.choice(KEYS[:6]) if self.rng.random() < 0.9 else self.rng.choice(KEYS)
        if isinstance(arg, spec.String):
            return self.rng.choice(self.strings(name))
        if arg.token == "BLOCK":
            return self.rng.choice(BLOCK_WORDS[:2] * 3 + BLOCK_WORDS[:5])
        if isinstance(arg, spec.Integer):
            if name in SPANS:
                return self.span() if self.rng.random() < 0.6 else self.rng.choice(SPAN_WORDS)
            if name in OFFSETS:
                return self.rng.choice([word for word in OFFSET_WORDS if word not in TOO_LARGE])
            if name in DATABASES:
                return self.rng.choice([b"0", b"1", b"2", b"0", b"16", b"-1", b"x"])
            return self.rng.choice(INTEGERS)
        for kind, words in ((spec.Double, DOUBLES), (spec.Pattern, PATTERNS), (spec.UnixTime, TIMES)):
            if isinstance(arg, kind):
                return self.rng.choice(words)
        return self.rng.choice(STRINGS)

    def strings(self, name: str) -> list[bytes]:
        """The vocabulary of a string of this name, mostly."""
        if self.rng.random() < 0.1:
            return STRINGS
        if name in ID_NAMES:
            return IDS if name != "threshold" or self.rng.random() < 0.5 else INTEGERS
        if name in ("group", "consumer"):
            return READERS
        return IDLE_WORDS if name == "min-idle-time" else STRINGS

    def span(self) -> bytes:
        """A time to live, far off; two are never so close that it matters when either was set."""
        return b"%d" % self.rng.randrange(10**6, 2 * 10**9, 10**5)

    def any_word(self) -> bytes:
        return self.rng.choice(self.rng.choice([KEYS, INTEGERS, DOUBLES, STRINGS, PATTERNS, TIMES]))
