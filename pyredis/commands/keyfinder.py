"""Which arguments of a full command are keys, and what happens to them.

The key specs answer for nearly all commands. A few need a rule of their own, because a spec cannot see
options: what SET does to its key depends on GET, where SORT stores depends on STORE. A rule, where there is
one, is used instead of the specs.

Positions are indexes into argv. Nothing here checks that the command would run: an argv that breaks the
command's own rules has keys too, as on the real servers.
"""

from collections.abc import Callable, Sequence

from .spec import KeyNum, KeyRange, KeySpec, KeywordRange
from .table import Entry

# (position, access) of each key; access is spelled as in KeySpec.
Keys = list[tuple[int, str]]


def has_keys(entry: Entry) -> bool:
    """Can this command have keys at all? Channels, which specs call NOT_KEY, do not count."""
    return any(not spec.has("NOT_KEY") for spec in entry.spec.keys)


def find_keys(entry: Entry, argv: Sequence[bytes]) -> Keys | None:
    """The keys of argv, in the order of the specs; None if argv contradicts itself or has none."""
    rule = RULES.get(entry.name)
    if rule is not None:
        return rule(argv)
    found: Keys = []
    for spec in entry.spec.keys:
        if spec.has("NOT_KEY"):
            continue
        positions = spec_positions(spec, argv)
        if positions is None:
            return None
        found += [(position, spec.access) for position in positions]
    return found or None


def spec_positions(spec: KeySpec, argv: Sequence[bytes]) -> range | None:
    """Where one spec finds keys; an absent keyword means none; None if argv has not what it says it has."""
    if isinstance(spec, KeyRange):
        first = spec.first
        last = spec.last if spec.last >= 0 else _from_end(spec.last, spec.limit, first, len(argv))
    elif isinstance(spec, KeywordRange):
        place = _find_keyword(spec, argv)
        if place is None:
            return range(0)
        first = place + 1
        last = first + spec.last
        if spec.last < 0:
            last = _from_end(spec.last, spec.limit, first, len(argv))
    elif isinstance(spec, KeyNum):
        count = _number(argv[spec.index]) if spec.index < len(argv) else None
        if count is None or count < 1:
            return None
        first = spec.index + spec.first
        last = first + (count - 1) * spec.step
    else:
        return None
    return range(first, last + 1, spec.step) if first <= last < len(argv) else None


def _from_end(last: int, limit: int, first: int, argc: int) -> int:
    """The last position of a range whose end is told from the end of argv."""
    if limit > 1:
        return first + (argc - first) // limit + last
    return argc + last


def _find_keyword(spec: KeywordRange, argv: Sequence[bytes]) -> int | None:
    if spec.start > 0:
        places = range(spec.start, len(argv) - 1)       # a keyword at the very end has nothing after it
    else:
        places = range(len(argv) + spec.start, 1, -1)
    keyword = spec.keyword.encode().upper()
    return next((at for at in places if argv[at].upper() == keyword), None)


def _number(text: bytes) -> int | None:
    """A decimal number without sign, or None."""
    return int(text) if text.isdigit() and len(text) < 10 else None


# -- commands with a rule of their own -------------------------------------------------------------


def _set(argv: Sequence[bytes]) -> Keys:
    if any(option.upper() == b"GET" for option in argv[3:]):
        return [(1, "RW ACCESS UPDATE")]
    return [(1, "OW UPDATE")]


def _bitfield(argv: Sequence[bytes]) -> Keys:
    """GET, and OVERFLOW by itself, leave the value as it is; anything else may not."""
    values_of = {b"GET": 2, b"OVERFLOW": 1}
    at = 2
    while at < len(argv):
        values = values_of.get(argv[at].upper())
        if values is None or at + values >= len(argv):
            return [(1, "RW ACCESS UPDATE")]
        at += 1 + values
    return [(1, "RO ACCESS")]


def _sort(argv: Sequence[bytes]) -> Keys:
    """The last STORE counts. The keys that BY and GET lead to are not in argv."""
    found: Keys = [(1, "RO ACCESS")]
    values_of = {b"LIMIT": 2, b"BY": 1, b"GET": 1}
    at = 2
    store = 0
    while at < len(argv):
        option = argv[at].upper()
        if option == b"STORE" and at + 1 < len(argv):
            store = at + 1      # Redis: the word after STORE is looked at as an option too
        at += 1 + values_of.get(option, 0)
    return [*found, (store, "OW UPDATE")] if store else found


def _sort_ro(argv: Sequence[bytes]) -> Keys:
    return [(1, "RO ACCESS")]


def _migrate(argv: Sequence[bytes]) -> Keys | None:
    """One key in its place, or "" there and many after KEYS, which passwords must not be taken for."""
    access = "RW ACCESS DELETE"
    values_of = {b"AUTH": 1, b"AUTH2": 2}
    if not any(word.upper() == b"KEYS" for word in argv[2:-1]):
        return [(3, access)]
    at = 6
    while at < len(argv):
        option = argv[at].upper()
        if option == b"KEYS":
            keys = range(at + 1, len(argv))
            return [(place, access) for place in keys] if keys and not argv[3] else None
        at += 1 + values_of.get(option, 0)
    return [(3, access)]


RULES: dict[str, Callable[[Sequence[bytes]], Keys | None]] = {
    "set": _set,
    "bitfield": _bitfield,
    "sort": _sort,
    "sort_ro": _sort_ro,
    "migrate": _migrate,
}
