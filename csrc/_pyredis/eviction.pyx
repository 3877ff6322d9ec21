"""eviction -- cmd/eviction for Python: the policy, and the figures of INFO."""
from _pyredis.base.clock cimport clock_mono_us
from _pyredis.cmd.eviction cimport Eviction, eviction_not_counted, eviction_of, eviction_set_tenacity
from _pyredis.core cimport Core
from _pyredis.db.evict cimport EVICT_LFU, EVICT_LRU, EVICT_NOTHING, EVICT_RANDOM, EVICT_TTL, EvictPolicy, evict_set

POLICIES = {"noeviction": EVICT_NOTHING, "lru": EVICT_LRU, "lfu": EVICT_LFU, "random": EVICT_RANDOM, "ttl": EVICT_TTL}


def set_policy(Core core, str policy, int samples, int tenacity, bint unlink):
    """maxmemory-policy ("volatile-lru" ...), -samples, -eviction-tenacity and lazyfree-lazy-eviction; what is over
    the limit already goes before the next round."""
    cdef Eviction* x = eviction_of(core.s)
    which, _, kind = policy.rpartition("-")
    evict_set(&x.keys, <EvictPolicy><int>POLICIES[kind], which == "volatile", samples, unlink)
    eviction_set_tenacity(core.s, tenacity)
    x.unfinished = True


def not_counted(Core core):
    """Bytes that are used but not held against maxmemory."""
    return eviction_not_counted(core.s)


def over_limit_us(Core core):
    """(in all, since when the limit was passed last): how long more was used than may be, in microseconds."""
    cdef Eviction* x = eviction_of(core.s)
    cdef long now = clock_mono_us(&core.s.clock) - x.over_since_us if x.over_since_us else 0
    return core.s.stats.over_memory_us + now, now
