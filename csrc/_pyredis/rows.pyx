"""rows -- the table of commands, from what Python declares (pyredis/commands/table.py, core_rows).

A row is (name, container, arity, flags, categories, first key, last key, step, key specs, is control). A key spec is
(kind, access, keyword, start, first, last, step, limit), of which `kind` is a KeyWhere and `access` KeyAccess bits;
what a kind has no use for is 0.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.cmd.ctx cimport KeyRun, KeySpec, KeyWhere
from _pyredis.cmd.key_finder cimport KEY_RUNS, keys_bind, keys_declare, keys_find
from _pyredis.cmd.table cimport table_add, table_find


cdef _declare_keys(Table* t, Command* c, specs):
    cdef KeySpec[KEY_RUNS] made
    cdef int n = 0
    memset(made, 0, sizeof(made))
    if len(specs) > KEY_RUNS:
        raise ValueError(f"too many key specs: {c.name.decode()}")
    for where, access, keyword, start, first, last, step, limit in specs:
        if len(keyword) >= sizeof(made[n].keyword):
            raise ValueError(f"keyword too long: {keyword!r}")
        made[n].where = <KeyWhere><int>where
        made[n].access = access
        memcpy(made[n].keyword, <char*>keyword, len(keyword))
        made[n].start = start
        made[n].first = first
        made[n].last = last
        made[n].step = step
        made[n].limit = limit
        n += 1
    keys_declare(t, c, made, n)


cdef fill_table(Table* t, rows):
    """Adds all rows. ValueError: a subcommand whose container is missing, or too much for the table."""
    cdef Command* parent
    cdef Command* c
    for name, container, arity, flags, categories, first, last, step, specs, _ in rows:
        parent = NULL
        if container is not None:
            parent = table_find(t, slice_of(container, len(container)))
            if parent == NULL:
                raise ValueError(f"{name!r} has no container {container!r}")
            name = container + b"|" + name
        c = table_add(t, slice_of(name, len(name)), parent, arity, flags, categories, first, last, step)
        if c == NULL:
            raise ValueError("too many commands")
        _declare_keys(t, c, specs)
    keys_bind(t)


cdef list keys_in(const Command* c, list argv):
    """(position, KeyAccess bits) of each key, in the order of the specs; None if argv contradicts itself."""
    cdef KeyRun[KEY_RUNS] runs
    cdef Slice* words = <Slice*>malloc(len(argv) * sizeof(Slice))
    cdef int i, k, n
    for i in range(<int>len(argv)):
        words[i] = slice_of(<char*><bytes>argv[i], len(<bytes>argv[i]))
    n = keys_find(c, words, <int>len(argv), runs)
    free(words)
    if n < 0:
        return None
    return [(runs[i].first + k * runs[i].step, runs[i].access) for i in range(n) for k in range(runs[i].count)]
