"""CommandTable: every declared command by name, and what COMMAND says about it.

Built once, from the families, when the server starts. Each Command becomes an Entry, which adds what follows
by rule: full name, all flags and categories, the first/last/step triple. The replies of COMMAND INFO and DOCS
are Python values in the terms of pyredis/reply.py and are made on demand: a client asks for them once at
most, and kept they would be larger than everything else here.

Names are matched without regard to case, a subcommand as "container|subcommand". The order is that of the
families and their declarations. Lookup is one dict access; building is linear.

A command has the name it was declared with for ever: rules of users, statistics and replies of COMMAND say that one.
rename-command changes only what it is called by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..reply import SetOf, Simple
from .spec import (
    HIDDEN_FLAGS,
    MOVABLEKEYS,
    NO_CATEGORIES,
    Arg,
    Category,
    Command,
    Family,
    Flag,
    Key,
    KeyNum,
    KeyRange,
    KeyRow,
    KeySpec,
    KeywordRange,
    Pattern,
    implied_categories,
    legacy_range,
    token_of,
)

CoreRow = tuple[bytes, bytes | None, int, int, int, int, int, int, tuple[KeyRow, ...], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as the server knows it. `name` is the full name in lower case: "config|get"."""

    name: str
    index: int                      # of its row, for the core
    spec: Command
    parent: Entry | None
    group: str
    flags: Flag
    categories: Category
    first_key: int
    last_key: int
    step: int
    control: bool
    subcommands: dict[str, Entry]

    @property
    def handler(self) -> str:
        """The name of the Python function that runs it, if `control`: config_get, client_no_evict."""
        return self.name.replace("|", "_").replace("-", "_")

    @property
    def flag_names(self) -> list[str]:
        shown = self.flags & ~HIDDEN_FLAGS
        return [str(flag.name).lower() for flag in Flag if flag & shown]

    @property
    def category_names(self) -> list[str]:
        return [str(category.name).lower() for category in Category if category & self.categories]

    def core_row(self) -> CoreRow:
        own_name = self.name.rpartition("|")[2].encode()
        parent = self.parent.name.encode() if self.parent else None
        return (own_name, parent, self.spec.arity, int(self.flags), int(self.categories),
                self.first_key, self.last_key, self.step, tuple(spec.core_row() for spec in self.spec.keys),
                self.control)


class CommandTable:
    """All commands. Raises ValueError when two declarations have one name."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._by_name: dict[str, Entry] = {}
        self._called: dict[str, Entry | None] = {}       # what rename-command made of names; None: nobody has it
        self._top: list[Entry] = []
        for family in families:
            for spec in family:
                entry = self._add(spec, family, None)
                self._top.append(entry)

    def _add(self, spec: Command, family: Family, parent: Entry | None) -> Entry:
        name = spec.name.lower()
        if parent is not None:
            name = f"{parent.name}|{name}"
        if name in self._by_name:
            raise ValueError(f"command {name!r} is declared twice")
        inherited = NO_CATEGORIES if spec.subcommands else family.categories
        first, last, step, movable = legacy_range(spec.keys)
        entry = Entry(
            name=name, index=len(self._by_name), spec=spec, parent=parent, group=family.group,
            flags=spec.flags | MOVABLEKEYS if movable else spec.flags,
            categories=implied_categories(spec.flags, spec.categories | inherited),
            first_key=first, last_key=last, step=step,
            control=spec.control or (parent is not None and parent.control),
            subcommands={},
        )
        self._by_name[name] = entry
        for child in spec.subcommands:
            entry.subcommands[child.name.lower()] = self._add(child, family, entry)
        return entry

    def rename(self, old: str, name: str) -> None:
        """`old` is called `name` from now on; empty: it cannot be called any more. The core has allowed it."""
        entry = self.called(old)
        assert entry is not None
        self._called[fold(old)] = None
        if name:
            self._called[fold(name)] = entry
        else:
            self._top.remove(entry)

    # -- lookup --------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many commands there are; subcommands do not count."""
        return len(self._top)

    def __iter__(self) -> Iterator[Entry]:
        """Commands that can be called, without subcommands."""
        return iter(self._top)

    def entries(self) -> Iterator[Entry]:
        """Commands and subcommands, each container before its own; those that cannot be called, too."""
        return iter(self._by_name.values())

    def callable_entries(self) -> Iterator[Entry]:
        """Commands and subcommands that can be called, each container before its own."""
        for entry in self._top:
            yield entry
            yield from entry.subcommands.values()

    def find(self, name: bytes | str) -> Entry | None:
        """By full name in any case: b"GET", "config|get"."""
        return self._by_name.get(fold(name))

    def called(self, name: bytes | str) -> Entry | None:
        """What clients call so: b"GET", "config|get", or a name by rename-command."""
        name = fold(name)
        word, bar, sub = name.partition("|")
        if word not in self._called:
            return self._by_name.get(name)
        entry = self._called[word]
        return entry.subcommands.get(sub) if entry is not None and bar else entry

    def find_argv(self, argv: Sequence[bytes]) -> Entry | None:
        """What argv runs: a container's subcommand if it names one; None if it names one that is not there.

        A container alone, with no second word, is found as itself; "config|get" in one word is nothing.
        """
        entry = self.called(argv[0])
        if entry is None or entry.parent is not None:
            return None
        if not entry.subcommands or len(argv) == 1:
            return entry
        return entry.subcommands.get(fold(argv[1]))

    def core_rows(self) -> list[CoreRow]:
        """For the core: (name, parent, arity, flags, categories, first_key, last_key, step, key specs, is_control).

        Names are lower case; `name` of a subcommand is its own word and `parent` that of its container.
        A container's row comes before those of its subcommands.
        """
        return [entry.core_row() for entry in self.entries()]


def fold(name: bytes | str) -> str:
    """A name as the table keeps it. Bytes that are no text are kept apart, so they match nothing."""
    if isinstance(name, bytes):
        name = name.decode("ascii", "surrogateescape")
    return name.lower()


# -- COMMAND INFO ----------------------------------------------------------------------------------


def info_reply(entry: Entry) -> list[object]:
    """The ten fields of COMMAND INFO. Subcommands are an array, but an empty set when there are none."""
    spec = entry.spec
    return [
        entry.name,
        spec.arity,
        SetOf(Simple(name) for name in entry.flag_names),
        entry.first_key,
        entry.last_key,
        entry.step,
        SetOf(Simple("@" + name) for name in entry.category_names),
        SetOf(spec.tips),
        SetOf(key_spec_reply(key_spec) for key_spec in spec.keys),
        [info_reply(child) for child in entry.subcommands.values()] or SetOf(),
    ]


def key_spec_reply(spec: KeySpec) -> dict[str, object]:
    """One key spec: where to begin, then how to find the keys from there."""
    begin: dict[str, object] = {}
    find: dict[str, object] = {}
    begin_type, find_type = "unknown", "unknown"
    if isinstance(spec, KeyRange):
        last = spec.last - spec.first if spec.last > 0 else spec.last
        begin_type, begin = "index", {"index": spec.first}
        find_type, find = "range", {"lastkey": last, "keystep": spec.step, "limit": spec.limit}
    elif isinstance(spec, KeyNum):
        begin_type, begin = "index", {"index": spec.index}
        find_type, find = "keynum", {"keynumidx": 0, "firstkey": spec.first, "keystep": spec.step}
    elif isinstance(spec, KeywordRange):
        begin_type, begin = "keyword", {"keyword": spec.keyword, "startfrom": spec.start}
        find_type, find = "range", {"lastkey": spec.last, "keystep": spec.step, "limit": spec.limit}
    reply: dict[str, object] = {"notes": spec.notes} if spec.notes else {}
    reply["flags"] = access_reply(spec.access.split())
    reply["begin_search"] = {"type": begin_type, "spec": begin}
    reply["find_keys"] = {"type": find_type, "spec": find}
    return reply


def access_reply(words: Sequence[str]) -> SetOf:
    """What a key is used for, as COMMAND spells it: RW ACCESS is RW, access."""
    first, *rest = words
    return SetOf([Simple(first), *(Simple(word.lower()) for word in rest)])


# -- COMMAND DOCS ----------------------------------------------------------------------------------


def docs_reply(entry: Entry) -> dict[str, object]:
    """What COMMAND DOCS says of one command; what is empty is left out."""
    spec = entry.spec
    since = spec.since or spec.valkey
    doc: dict[str, object] = {"summary": spec.summary, "since": since, "group": entry.group}
    if spec.complexity:
        doc["complexity"] = spec.complexity
    if spec.history:
        doc["history"] = SetOf([version, text] for version, text in spec.history)
    doc_flags = [Simple("deprecated")] * bool(spec.deprecated_since) + [Simple("syscmd")] * spec.syscmd
    if doc_flags:
        doc["doc_flags"] = SetOf(doc_flags)
    if spec.deprecated_since:
        doc["deprecated_since"] = spec.deprecated_since
    if spec.replaced_by:
        doc["replaced_by"] = spec.replaced_by
    if spec.args:
        doc["arguments"] = [arg_reply(arg) for arg in spec.args]
    if entry.subcommands:
        doc["subcommands"] = {child.name: docs_reply(child) for child in entry.subcommands.values()}
    return doc


def arg_reply(arg: Arg) -> dict[str, object]:
    """One argument of COMMAND DOCS, with those inside it."""
    doc: dict[str, object] = {"name": arg.name, "type": arg.kind}
    if not arg.children:
        doc["display_text"] = arg.display or arg.name
    if isinstance(arg, (Key, Pattern)) and arg.spec is not None:
        doc["key_spec_index"] = arg.spec
    for label, value in (("token", token_of(arg)), ("summary", arg.summary),
                         ("since", arg.since or arg.valkey or arg.newer), ("deprecated_since", arg.deprecated_since)):
        if value:
            doc[label] = value
    flags = [Simple(name) for name, on in (("optional", arg.optional), ("multiple", arg.many),
                                           ("multiple_token", arg.multiple_token)) if on]
    if flags:
        doc["flags"] = SetOf(flags)
    if arg.children:
        doc["arguments"] = [arg_reply(child) for child in arg.children]
    return doc
