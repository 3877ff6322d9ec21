"""defrag -- db/defrag for Python: the configuration, the figures of INFO, and passes by hand for tests."""
from libc.stdint cimport int64_t

from _pyredis.base.clock cimport clock_mono_us
from _pyredis.base.compact cimport compact_waste
from _pyredis.base.mem cimport arena_check
from _pyredis.core cimport Core
from _pyredis.db.defrag cimport DEFRAG_RESTS, Defrag, DefragPolicy, defrag_begin, defrag_reset_stats, defrag_set, defrag_step


def set_policy(Core core, bint on, *, size_t ignore_bytes, int lower, int upper, int least, int most, int64_t cycle_us,
               size_t max_scan_fields):
    """activedefrag, and the parameters active-defrag-... of these names (cycle-min and -max: least and most)."""
    cdef DefragPolicy policy
    policy.on = on
    policy.ignore_bytes = ignore_bytes
    policy.lower = lower
    policy.upper = upper
    policy.least = least
    policy.most = most
    policy.slice_us = cycle_us
    policy.large = max_scan_fields
    defrag_set(core.rounds.defrag, core.s.ks, policy)
    core.rounds.next_defrag_ms = 0


def figures(Core core):
    """As INFO names them, times in microseconds; `waste`: bytes of the slabs that no object uses."""
    cdef Defrag* x = core.rounds.defrag
    return {"running": x.share, "key_hits": x.stats.key_hits, "key_misses": x.stats.key_misses,
            "hits": core.s.mem.moved - x.stats.moved_before, "misses": core.s.mem.stayed - x.stats.stayed_before,
            "total_us": x.stats.us,
            "current_us": clock_mono_us(&core.s.clock) - x.began_us if x.began_us else 0,
            "waste": compact_waste(core.s.mem)}


def reset_stats(Core core):
    defrag_reset_stats(core.rounds.defrag, core.s.ks)


def step(Core core, size_t entries, bint everything):
    """For tests: a step of the pass under way, or of a new one, for about so many entries; False: the pass is over.

    `everything`: whatever can move does, whether that pays or not.
    """
    cdef Defrag* x = core.rounds.defrag
    cdef bint more
    x.step = entries
    x.everything = everything
    if x.phase == DEFRAG_RESTS:
        defrag_begin(x, core.s.ks)
    more = defrag_step(x, core.s.ks)
    assert arena_check(core.s.mem) == 0
    return more
