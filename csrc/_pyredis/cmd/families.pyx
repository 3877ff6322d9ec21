"""families -- every family of commands that the core has: a new one is added here and nowhere else."""
from _pyredis.cmd.bitfield cimport bind_bitfield
from _pyredis.cmd.bitmaps cimport bind_bitmaps
from _pyredis.cmd.connection cimport bind_connection
from _pyredis.cmd.databases cimport bind_databases
from _pyredis.cmd.dump cimport bind_dump
from _pyredis.cmd.expiry cimport bind_expiry
from _pyredis.cmd.field_expiry cimport bind_field_expiry
from _pyredis.cmd.function_payload cimport bind_function_payload
from _pyredis.cmd.functions cimport bind_functions
from _pyredis.cmd.geo cimport bind_geo
from _pyredis.cmd.geo_search cimport bind_geo_search
from _pyredis.cmd.hashes cimport bind_hashes
from _pyredis.cmd.hyperloglog cimport bind_hyperloglog
from _pyredis.cmd.keys cimport bind_keys
from _pyredis.cmd.list_blocking cimport bind_list_blocking
from _pyredis.cmd.lists cimport bind_lists
from _pyredis.cmd.monitor cimport bind_monitor
from _pyredis.cmd.pubsub cimport bind_pubsub
from _pyredis.cmd.restore cimport bind_restore
from _pyredis.cmd.scan cimport bind_scan
from _pyredis.cmd.scripting cimport bind_scripting
from _pyredis.cmd.set_algebra cimport bind_set_algebra
from _pyredis.cmd.sets cimport bind_sets
from _pyredis.cmd.sorted_set_algebra cimport bind_sorted_set_algebra
from _pyredis.cmd.sorted_set_pops cimport bind_sorted_set_pops
from _pyredis.cmd.sorted_set_ranges cimport bind_sorted_set_ranges
from _pyredis.cmd.sorted_sets cimport bind_sorted_sets
from _pyredis.cmd.sorting cimport bind_sorting
from _pyredis.cmd.stream_claims cimport bind_stream_claims
from _pyredis.cmd.stream_groups cimport bind_stream_groups
from _pyredis.cmd.stream_info cimport bind_stream_info
from _pyredis.cmd.stream_read cimport bind_stream_read
from _pyredis.cmd.streams cimport bind_streams
from _pyredis.cmd.strings cimport bind_strings
from _pyredis.cmd.transactions cimport bind_transactions
from _pyredis.cmd.waiting cimport bind_waiting


cdef void bind_families(Table* t) noexcept nogil:
    bind_bitfield(t)
    bind_bitmaps(t)
    bind_connection(t)
    bind_databases(t)
    bind_dump(t)
    bind_expiry(t)
    bind_field_expiry(t)
    bind_function_payload(t)
    bind_functions(t)
    bind_geo(t)
    bind_geo_search(t)
    bind_hashes(t)
    bind_hyperloglog(t)
    bind_keys(t)
    bind_sorting(t)
    bind_list_blocking(t)
    bind_lists(t)
    bind_monitor(t)
    bind_pubsub(t)
    bind_restore(t)
    bind_scan(t)
    bind_scripting(t)
    bind_set_algebra(t)
    bind_sets(t)
    bind_sorted_set_algebra(t)
    bind_sorted_set_pops(t)
    bind_sorted_set_ranges(t)
    bind_sorted_sets(t)
    bind_stream_claims(t)
    bind_stream_groups(t)
    bind_stream_info(t)
    bind_stream_read(t)
    bind_streams(t)
    bind_strings(t)
    bind_transactions(t)
    bind_waiting(t)
