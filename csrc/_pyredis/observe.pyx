"""observe -- the logs of slow and large commands, the latency monitor and the commands' histograms, for Python.

Functions take the Core and give plain values. The kinds of log are SLOW, LARGE_REQUEST and LARGE_REPLY.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from _pyredis.base.slice cimport Slice
from _pyredis.cmd.command_log cimport (LOG_KINDS, LOG_LARGE_REPLY, LOG_LARGE_REQUEST, LOG_SLOW, LogEntry, LogKind,
                                       command_log_latency, command_log_limit, command_log_reset,
                                       command_logs_of)
from _pyredis.cmd.ctx cimport Command, Conn
from _pyredis.cmd.latency cimport (LATENCY_SAMPLES, Latency, LatencyEvent, latency_add, latency_forget, latency_of)
from _pyredis.cmd.table cimport HISTOGRAM_SIZE, histogram_floor
from _pyredis.core cimport Core

SLOW = <int>LOG_SLOW
LARGE_REQUEST = <int>LOG_LARGE_REQUEST
LARGE_REPLY = <int>LOG_LARGE_REPLY


# ---------------------------------------------------------------- logs of commands

def limit_log(Core core, int kind, int64_t threshold, uint64_t most):
    """From `threshold` microseconds or bytes on (below 0: never) a command is logged; the last `most` are kept."""
    assert 0 <= kind < <int>LOG_KINDS
    command_log_limit(core.s, <LogKind>kind, threshold, most)


cdef bytes _text(Slice s):
    return PyBytes_FromStringAndSize(s.ptr, s.len)


def log_entries(Core core, int kind, int64_t most):
    """The newest `most` entries (-1: all), newest first, each [id, unix seconds, value, words, address, name]."""
    cdef const LogEntry* e = command_logs_of(core.s).of_kind[kind].newest
    cdef int i
    cdef list found = []
    while e != NULL and most != 0:
        found.append([e.id, e.unix_s, e.value, [_text(e.argv[i]) for i in range(e.argc)], _text(e.address),
                      _text(e.name)])
        e = e.older
        most -= 1
    return found


def log_length(Core core, int kind):
    return command_logs_of(core.s).of_kind[kind].length


def log_reset(Core core, int kind):
    """Empties a log."""
    command_log_reset(core.s, <LogKind>kind)


# ---------------------------------------------------------------- the latency monitor

def set_latency_threshold(Core core, int64_t ms):
    """latency-monitor-threshold; 0: off."""
    command_log_latency(core.s, ms)


def latency_note(Core core, bytes event, int64_t ms):
    """Notes that an event took so long, if that is as long as latency-monitor-threshold asks for."""
    cdef int64_t least = latency_of(core.s).least_ms
    if least and ms >= least:
        latency_add(core.s, event, ms)


cdef list _samples(const LatencyEvent* e):
    cdef int i, at
    cdef list found = []
    for i in range(LATENCY_SAMPLES):
        at = (e.next + i) % LATENCY_SAMPLES
        if e.samples[at].unix_s:
            found.append((e.samples[at].unix_s, e.samples[at].ms))
    return found


def latency_events(Core core):
    """{event: (worst ms ever, [(unix seconds, worst ms of that second), ...] oldest first)}"""
    cdef Latency* l = latency_of(core.s)
    cdef int i
    return {<bytes>l.events[i].name: (l.events[i].most, _samples(l.events[i])) for i in range(l.count)}


def latency_reset(Core core, list events):
    """Forgets these events; how many there were. An empty list: all."""
    return sum(latency_forget(core.s, event) for event in (events or list(latency_events(core))))


# ---------------------------------------------------------------- histograms of commands

cdef tuple _cumulative(Core core, const uint64_t* counts, list bounds):
    """(all, [how many took at most so many microseconds for each of the ascending `bounds`])"""
    cdef double per_us = core.s.clock.ticks_per_us
    cdef uint64_t seen = 0
    cdef int place = 0
    cdef list found = []
    for us in bounds:
        while place < HISTOGRAM_SIZE and histogram_floor(place) <= us * per_us:
            seen += counts[place]
            place += 1
        found.append(seen)
    while place < HISTOGRAM_SIZE:
        seen += counts[place]
        place += 1
    return seen, found


cdef list _percentiles(Core core, const uint64_t* counts, list percentiles):
    """Upper bounds of the steps in which the ascending percentiles fall, in microseconds; None: nothing is counted."""
    cdef uint64_t total = 0, seen = 0
    cdef int i, place = 0
    cdef list found = []
    for i in range(HISTOGRAM_SIZE):
        total += counts[i]
    if total == 0:
        return [None] * len(percentiles)
    for p in percentiles:
        while place < HISTOGRAM_SIZE - 1 and seen + counts[place] < total * p / 100.0:
            seen += counts[place]
            place += 1
        found.append(histogram_floor(place + 1) / core.s.clock.ticks_per_us)
    return found


cdef void _add(const Command* c, uint64_t* sums) noexcept:
    cdef int place
    if c.histogram != NULL:
        for place in range(HISTOGRAM_SIZE):
            sums[place] += c.histogram[place]


cdef void _sum_histograms(Core core, uint64_t* sums) noexcept:
    cdef int i
    memset(sums, 0, HISTOGRAM_SIZE * sizeof(uint64_t))
    for i in range(core.s.table.count):
        _add(core.s.table.commands[i], sums)


def histogram(Core core, int index, list bounds):
    """(calls timed, [calls that took at most so many microseconds for each of the ascending `bounds`]) of a row of
    the table; None: it was not timed since CONFIG RESETSTAT. Exact to a step of the histogram, 6 %."""
    cdef uint64_t[HISTOGRAM_SIZE] counts
    if core.s.table.commands[index].histogram == NULL:
        return None
    memset(counts, 0, sizeof(counts))
    _add(core.s.table.commands[index], counts)
    return _cumulative(core, counts, bounds)


def all_histograms(Core core, list bounds):
    """As histogram, but of all commands together."""
    cdef uint64_t[HISTOGRAM_SIZE] sums
    _sum_histograms(core, sums)
    return _cumulative(core, sums, bounds)


def latency_percentiles(Core core, list percentiles):
    """[(name, [microseconds, ...])] of the commands that were timed; `percentiles` ascend."""
    cdef uint64_t[HISTOGRAM_SIZE] counts
    cdef int i
    cdef list found = []
    for i in range(core.s.table.count):
        if core.s.table.commands[i].histogram != NULL:
            memset(counts, 0, sizeof(counts))
            _add(core.s.table.commands[i], counts)
            found.append((core.names[i], _percentiles(core, counts, percentiles)))
    return found


cdef class Pace:
    """How long commands took since it was last asked: all of the table together, nested ones too."""
    cdef Core core
    cdef uint64_t before[HISTOGRAM_SIZE]

    def __cinit__(self, Core core):
        self.core = core
        self.percentiles([])

    def percentiles(self, list wanted):
        """[microseconds of each percentile]; None for each if nothing was timed since the last call."""
        cdef uint64_t[HISTOGRAM_SIZE] now
        cdef uint64_t[HISTOGRAM_SIZE] grown
        cdef int i
        _sum_histograms(self.core, now)
        for i in range(HISTOGRAM_SIZE):          # CONFIG RESETSTAT makes less of it
            grown[i] = now[i] - self.before[i] if now[i] >= self.before[i] else now[i]
            self.before[i] = now[i]
        return _percentiles(self.core, grown, wanted)


# ---------------------------------------------------------------- connections

def largest_buffers(Core core):
    """Bytes of the largest input and of the largest output buffer of all connections."""
    cdef const Conn* c = core.s.first
    cdef size_t largest_in = 0, largest_out = 0
    while c != NULL:
        largest_in = max(largest_in, c.in_capacity)
        largest_out = max(largest_out, c.out.memory)
        c = c.next
    return largest_in, largest_out
