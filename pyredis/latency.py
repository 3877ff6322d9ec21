"""latency: what the latency monitor has seen, as a drawing and as advice; histograms of commands.

    latency.add(core, "fork", 12)       an event of 12 ms, kept if latency-monitor-threshold asks for as much
    with latency.timed(core, "aof-rename"): ...

Events are recorded in the core (cmd/latency): `command` and `fast-command` by dispatch, `expire-cycle` by the loop,
what eviction and writing do by themselves, and the rest by whoever calls `add`. They have the names that Redis gives
them. Samples are (Unix second, worst ms of that second), oldest first.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import _pyredis.observe as observe

WIDTH = 80                          # columns of a drawing
ROWS = 4
MARKS = "_o#"                       # a column's top: low, in the middle, high within its row
FIRST_BOUND, BOUNDS = 10, 30        # a histogram's bounds: 2**10 ns, and so many doublings of it

Samples = Sequence[tuple[int, int]]


class Event(NamedTuple):
    """All that is known of one kind of event; times in ms."""

    name: str
    worst: int
    samples: Samples

    @property
    def times(self) -> list[int]:
        return [ms for _, ms in self.samples]


def add(core: Any, event: str, ms: float) -> None:
    """Notes an event that took so long, if that is as long as latency-monitor-threshold asks for."""
    observe.latency_note(core, event.encode(), int(ms))


@contextmanager
def timed(core: Any, event: str) -> Iterator[None]:
    """Adds an event that takes as long as what is done within, also where that fails."""
    began = time.monotonic()
    try:
        yield
    finally:
        add(core, event, (time.monotonic() - began) * 1000)


def events(core: Any) -> list[Event]:
    """The events seen since the start, or LATENCY RESET, in the order of their names."""
    return sorted(Event(name.decode(), worst, samples)
                  for name, (worst, samples) in observe.latency_events(core).items())


def find(core: Any, name: bytes) -> Event | None:
    return next((event for event in events(core) if event.name.encode() == name), None)


# ---- a drawing

def age(seconds: int) -> str:
    """How long ago, in one unit: 59s, 3m, 2h, 5d."""
    for unit, size in (("s", 60), ("m", 60), ("h", 24)):
        if seconds < size:
            return f"{seconds}{unit}"
        seconds //= size
    return f"{seconds}d"


def columns(samples: Samples, low: int, span: int, now: int) -> list[str]:
    """The lines of one drawing: a column a sample, and below it, downwards, how long ago that was."""
    steps = ROWS * len(MARKS)
    heights = [min((ms - low) * steps // span, steps - 1) for _, ms in samples]
    lines = []
    for row in reversed(range(ROWS)):
        bottom = row * len(MARKS)
        lines.append("".join(
            " " if height < bottom else MARKS[height - bottom] if height < bottom + len(MARKS) else "|"
            for height in heights))
    labels = [age(max(0, now - second)) for second, _ in samples]
    lines.append(" " * len(samples))
    for i in range(max(map(len, labels))):
        lines.append("".join(label[i] if i < len(label) else " " for label in labels))
    return lines


def graph(event: Event, now: float | None = None) -> str:
    """LATENCY GRAPH's drawing, as wide as a terminal; more samples than that are drawn below."""
    low, high = min(event.times), max(event.times)
    at = int(time.time() if now is None else now)
    lines = [f"{event.name} - high {high} ms, low {low} ms (all time high {event.worst} ms)", "-" * WIDTH]
    for start in range(0, len(event.samples), WIDTH):
        lines += [*columns(event.samples[start:start + WIDTH], low, max(1, high - low), at), ""]
    return "\n".join(lines)


# ---- advice

ADVICE = {
    "command": ("SLOWLOG GET shows which commands were slow, and COMMANDLOG which were large.",
                "Commands whose work grows with the data (KEYS, large ranges, SORT, scripts) hold everybody up: "
                "SCAN and its kin do the same in small steps."),
    "fast-command": ("Commands that are fast by nature were slow: the machine was busy, short of memory, or stopped.",),
    "fork": ("A fork copies the page tables of all memory: less memory a process, or snapshots made more rarely, "
             "make it shorter.",),
    "aof": ("The disk is slow: a faster one, another appendfsync, or no-appendfsync-on-rewrite yes.",),
    "expire": ("Many keys expired at once: spread their times, or lower active-expire-effort.",),
    "eviction": ("Memory is at maxmemory: more of it, or smaller values, make evictions rarer.",),
    "active-defrag": ("Defragmentation takes long turns: lower active-defrag-cycle-max.",),
    "rdb": ("Files are removed slowly: another file system, or a faster disk.",),
}


def doctor(seen: list[Event], threshold: int, slower_than: int) -> str:
    """LATENCY DOCTOR's report. `threshold` in ms, `slower_than` (of the slow log) in microseconds."""
    if not threshold and not seen:
        return ("The latency monitor is off: CONFIG SET latency-monitor-threshold <milliseconds> starts it. "
                "100 is a good beginning.\n")
    if not seen:
        return f"Nothing took {threshold} ms or more since the server started, or since LATENCY RESET.\n"
    lines = ["What held the server up:", ""]
    advice: list[str] = []
    for number, event in enumerate(seen, 1):
        times, seconds = event.times, [second for second, _ in event.samples]
        mean = sum(times) / len(times)
        deviation = sum(abs(ms - mean) for ms in times) / len(times)
        period = (seconds[-1] - seconds[0]) / len(seconds)
        lines.append(f"{number}. {event.name}: {len(times)} latency spikes (average {mean:.0f}ms, mean deviation "
                     f"{deviation:.0f}ms, period {period:.2f} sec). Worst all time event {event.worst}ms.")
        for start, texts in ADVICE.items():
            if event.name.startswith(start):
                advice += [text for text in texts if text not in advice]
    if "command" in {event.name for event in seen} and not 0 <= slower_than <= threshold * 1000:
        advice.insert(0, f"The slow log misses some of these: CONFIG SET slowlog-log-slower-than {threshold * 1000}.")
    if advice:
        lines += ["", "What may help:", "", *(f"- {text}" for text in advice)]
    return "\n".join(lines) + "\n"


# ---- histograms

def _bound_us(doubling: int) -> int:
    """A bound as Redis names it: the greatest value that it does not tell from 2**n ns, in whole microseconds."""
    nanoseconds = 1 << (FIRST_BOUND + doubling)
    return (nanoseconds + (nanoseconds >> 7) - 1) // 1000


def histogram(core: Any, index: int) -> dict[bytes, object] | None:
    """LATENCY HISTOGRAM of one command: calls, and how many took at most so long; None if it was not timed."""
    found = observe.histogram(core, index, [(1 << (FIRST_BOUND + i)) * 1.0078125 / 1000 for i in range(BOUNDS)])
    if found is None:
        return None
    calls, counts = found
    steps: dict[int, int] = {}
    before = 0
    for i, count in enumerate(counts):
        if count > before:
            steps[_bound_us(i)] = before = count
    return {b"calls": calls, b"histogram_usec": steps}
