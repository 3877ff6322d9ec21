"""metrics: rates over the last moments, for INFO's instantaneous_* fields.

A rate is the mean of the last 16 samples, one every 100 ms: what Redis shows and dashboards expect. A sample
is a difference of two running totals divided by the difference of two others (of the time, say), so it does
not matter when exactly the cron comes.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import _pyredis.figures as figures
from _pyredis.observe import largest_buffers

SAMPLES = 16
PERIOD = 0.1              # seconds between two samples
RECENT = 8                # seconds that client_recent_max_* look back


class Rate:
    """How much a total grows for each unit that another total (the base) grows."""

    __slots__ = ("_base", "_next", "_samples", "_total")

    def __init__(self) -> None:
        self._samples = [0.0] * SAMPLES
        self._next = 0
        self._total: float | None = None
        self._base = 0.0

    def sample(self, total: float, base: float) -> None:
        if self._total is not None:
            grown = base - self._base
            self._samples[self._next] = (total - self._total) / grown if grown > 0 else 0.0
            self._next = (self._next + 1) % SAMPLES
        self._total, self._base = total, base

    @property
    def mean(self) -> float:
        return sum(self._samples) / SAMPLES


class Metrics:
    """The rates of one server. The cron calls `sample` as often as it likes."""

    def __init__(self, core: Any, now: Callable[[], float] = time.monotonic) -> None:
        self._core = core
        self._now = now
        self._largest: deque[tuple[int, int]] = deque(maxlen=RECENT)
        self.reset()

    def sample_buffers(self) -> None:
        """Notes the largest buffers of connections; to be called once a second."""
        self._largest.append(largest_buffers(self._core))

    def largest_buffers(self) -> tuple[int, int]:
        """Bytes of the largest input and output buffer that were seen of late, or are there now."""
        seen = [*self._largest, largest_buffers(self._core)]
        return max(size for size, _ in seen), max(size for _, size in seen)

    def reset(self) -> None:
        """Forgets all samples: CONFIG RESETSTAT."""
        self.commands = Rate()                  # a second
        self.bytes_in = Rate()
        self.bytes_out = Rate()
        self.loops = Rate()
        self.loop_us = Rate()                   # a loop
        self._due = 0.0

    def sample(self) -> None:
        """Takes a sample if one is due."""
        now = self._now()
        if now < self._due:
            return
        self._due = now + PERIOD * 0.9          # a cron that is a little early must not skip one
        stats = figures.stats(self._core)
        self.commands.sample(stats["commands"], now)
        self.bytes_in.sample(stats["bytes_in"], now)
        self.bytes_out.sample(stats["bytes_out"], now)
        self.loops.sample(stats["loops"], now)
        self.loop_us.sample(stats["loop_us"], stats["loops"])
