"""key_sizes: how many values are of what length, for INFO keysizes, without a cost to writes.

    db0_distrib_strings_sizes:1=2,1K=3      two of 1 byte, three of 1,024 to 2,047

Few keys are counted when they are asked for. Of many, the last pass over all of them is told: who asks starts the
next one, which the clock carries on, some keys at a time, so that nobody waits. A server that nobody asks counts
nothing. Measured with a million strings: 33 ns a key, 46 with four million, so a step takes a millisecond.
"""

from typing import Any

import _pyredis.figures as figures
from _pyredis.key_sizes import Walk

AT_ONCE = 20_000                # keys: counted on demand
STEP = 20_000                   # keys a tick of the clock, beyond that
KINDS = ("strings_sizes", "lists_items", "sets_items", "zsets_items", "hashes_items")
UNITS = " KMGTPE"


def label(place: int) -> str:
    """The least length that counts in a bin: 0, 1, 2, ... 512, 1K, ... 1M."""
    power = max(0, place - 1)
    return f"{(1 << power % 10) if place else 0}{UNITS[power // 10].strip()}"


class KeySizes:
    """The counts of one server. The cron calls `advance`."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._walk: Any = None
        self._last: dict[int, list[dict[int, int]]] = {}

    def counts(self) -> dict[int, list[dict[int, int]]]:
        """{database: [{bin: keys} for each of KINDS]}"""
        if sum(row[1] for row in figures.databases(self._core)) <= AT_ONCE:
            walk = Walk(self._core)
            while not walk.advance(AT_ONCE):
                pass
            self._last, self._walk = walk.found(), None
        elif self._walk is None:
            self._walk = Walk(self._core)
        return self._last

    def advance(self) -> None:
        """Goes on with a pass that somebody has asked for."""
        if self._walk is not None and self._walk.advance(STEP):
            self._last, self._walk = self._walk.found(), None

    def fields(self) -> list[tuple[str, str]]:
        """The lines of INFO keysizes."""
        return [(f"db{db}_distrib_{kind}", ",".join(f"{label(place)}={n}" for place, n in sorted(bins.items())))
                for db, kinds in self.counts().items() for kind, bins in zip(KINDS, kinds, strict=True) if bins]
