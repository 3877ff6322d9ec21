"""settings -- parameters that the core reads as they are, for Python.

Functions take the Core; what they set counts from the next command on. Settings that take more than that stand with what
they are about: limits, eviction, defrag, saving, access.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from _pyredis.cmd.channels cimport channels_set_notify
from _pyredis.cmd.script_run cimport scripting_of
from _pyredis.cmd.tracking cimport tracking_of
from _pyredis.core cimport Core
from _pyredis.db.keyspace cimport Limits


def set_encoding_limits(Core core, *, int64_t list_max_listpack_size, int64_t list_compress_depth,
                        size_t set_max_intset_entries, size_t set_max_listpack_entries,
                        size_t set_max_listpack_value, size_t hash_max_listpack_entries,
                        size_t hash_max_listpack_value, size_t zset_max_listpack_entries,
                        size_t zset_max_listpack_value, size_t stream_node_max_bytes,
                        size_t stream_node_max_entries,
                        size_t hll_sparse_max_bytes):
    """The parameters of these names: what is larger from now on changes its form when it is next written."""
    cdef Limits* limits = &core.s.ks.limits
    limits.list_max_listpack_size = list_max_listpack_size
    limits.list_compress_depth = list_compress_depth
    limits.set_max_intset_entries = set_max_intset_entries
    limits.set_max_listpack_entries = set_max_listpack_entries
    limits.set_max_listpack_value = set_max_listpack_value
    limits.hash_max_listpack_entries = hash_max_listpack_entries
    limits.hash_max_listpack_value = hash_max_listpack_value
    limits.zset_max_listpack_entries = zset_max_listpack_entries
    limits.zset_max_listpack_value = zset_max_listpack_value
    limits.stream_node_max_bytes = stream_node_max_bytes
    limits.stream_node_max_entries = stream_node_max_entries
    limits.hll_sparse_max_bytes = hll_sparse_max_bytes


def set_list_packed_threshold(Core core, int64_t size):
    """Bytes from which a list's element gets a node of its own; 0: only when no node may hold it."""
    core.s.ks.limits.list_packed_threshold = size


def set_notifications(Core core, uint32_t mask):
    """notify-keyspace-events, as the bits of NOTIFY_CLASSES."""
    channels_set_notify(core.s, mask)


def set_tracking_limit(Core core, uint64_t most):
    """tracking-table-max-keys; 0: none."""
    tracking_of(core.s).most = most


def set_latency_tracking(Core core, bint on):
    core.s.track_latency = on


def set_busy_threshold(Core core, int64_t ms):
    """busy-reply-threshold: how long a script runs before the others are told; 0: for ever."""
    scripting_of(core.s).busy_ms = ms


def allow_all_in_scripts(Core core, bint on):
    """Whether scripts may call what no script may: for tests."""
    scripting_of(core.s).allow_all = on


def set_rdb_compression(Core core, bint on):
    core.s.rdb_compression = on


def set_any_rdb_version(Core core, bint allowed):
    """Are payloads of versions that nobody knows tried, too?"""
    core.s.any_rdb_version = allowed


def set_skip_sums(Core core, bint on):
    """Is the sum of a payload not looked at?"""
    core.s.skip_sums = on
