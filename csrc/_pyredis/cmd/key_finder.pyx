"""key_finder -- which arguments of a command are keys, and what happens to them.

The specs of a command (pyredis/commands/spec.py) answer for nearly all. A few need a rule of their own, because a
spec cannot see options: what SET does to its key depends on GET, where SORT stores depends on STORE. A rule, where
there is one, is used instead of the specs. Rules read options as the command does: a spec that looks for a word takes
another argument of that spelling for it, or the first of several where the command obeys the last, and then it is not
the keys that are used which ACL holds against a user's patterns.

Keys come as runs, a first place with a step and a count, so that a request of a million keys needs no memory here.
Nothing checks that the command would run: arguments that break its own rules have keys too, as on the real servers.
COMMAND GETKEYS asks here, and client-side caching.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, strlen

from _pyredis.base.mem cimport mem_alloc
from _pyredis.base.num cimport num_parse_i64
from _pyredis.base.slice cimport slice_of
from _pyredis.base.text cimport text_equal_nocase
from _pyredis.cmd.ctx cimport (KEY_ACCESS, KEY_DELETE, KEY_INSERT, KEY_NOT_KEY, KEY_OW, KEY_RO, KEY_RW, KEY_UPDATE,
                               KEYS_AFTER_WORD, KEYS_AT, KEYS_COUNTED, KeyRule)
from _pyredis.cmd.table cimport table_find

cdef enum:
    XREADGROUP_STREAMS = 4         # where STREAMS stands at the earliest


cdef inline bint _is(Slice s, const char* word) noexcept nogil:
    return text_equal_nocase(s.ptr, s.len, word, strlen(word))


# ---------------------------------------------------------------- specs

cdef int _from_end(const KeySpec* spec, int first, int argc) noexcept nogil:
    """The last place of a range whose end is told from the end of argv."""
    if spec.limit > 1:
        return first + (argc - first) // spec.limit + spec.last
    return argc + spec.last


cdef int _after_word(const KeySpec* spec, const Slice* argv, int argc) noexcept nogil:
    """The place behind the keyword; 0: it is absent. One at the very end has nothing behind it."""
    cdef int at
    if spec.start > 0:
        for at in range(spec.start, argc - 1):
            if _is(argv[at], spec.keyword):
                return at + 1
    else:
        for at in range(argc + spec.start, 1, -1):
            if _is(argv[at], spec.keyword):
                return at + 1
    return 0


cdef bint _run(const KeySpec* spec, const Slice* argv, int argc, KeyRun* run) noexcept nogil:
    """Where one spec finds keys: none (count 0) behind an absent keyword. False: argv lacks what it says it has."""
    cdef int64_t count
    cdef int last
    run.access = spec.access
    run.step = spec.step
    run.count = 0
    if spec.where == KEYS_AT:
        run.first = spec.first
        last = spec.last if spec.last >= 0 else _from_end(spec, run.first, argc)
    elif spec.where == KEYS_AFTER_WORD:
        run.first = _after_word(spec, argv, argc)
        if run.first == 0:
            return True
        last = run.first + spec.last if spec.last >= 0 else _from_end(spec, run.first, argc)
    elif spec.where == KEYS_COUNTED:
        if spec.start >= argc or not num_parse_i64(argv[spec.start].ptr, argv[spec.start].len, &count):
            return False
        if not 1 <= count <= argc:
            return False
        run.first = spec.start + spec.first
        last = run.first + (<int>count - 1) * spec.step
    else:
        return False
    if not run.first <= last < argc:
        return False
    run.count = (last - run.first) // spec.step + 1
    return True


cdef bint keys_declare(Table* t, Command* c, const KeySpec* specs, int n) noexcept nogil:
    if n > KEY_RUNS:
        return False
    c.key_specs = <KeySpec*>mem_alloc(t.mem, n * sizeof(KeySpec))
    c.key_spec_count = n
    if n:
        memcpy(c.key_specs, specs, n * sizeof(KeySpec))
    return True


cdef int keys_find(const Command* c, const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    """Channels, which specs call NOT_KEY, do not count."""
    cdef int i, n = 0
    if c.key_rule != NULL:
        return c.key_rule(argv, argc, runs)
    for i in range(c.key_spec_count):
        if c.key_specs[i].access & KEY_NOT_KEY:
            continue
        if not _run(&c.key_specs[i], argv, argc, &runs[n]):
            return -1
        n += runs[n].count > 0
    return n if n else -1


# ---------------------------------------------------------------- commands with a rule of their own

cdef inline int _one(KeyRun* run, int at, uint32_t access) noexcept nogil:
    run.first = at
    run.count = 1
    run.step = 1
    run.access = access
    return 1


cdef int _set(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    cdef int i
    for i in range(3, argc):
        if _is(argv[i], b"GET"):
            return _one(runs, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE)
    return _one(runs, 1, KEY_OW | KEY_UPDATE)


cdef int _bitfield(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    """GET, and OVERFLOW by itself, leave the value as it is; anything else may not."""
    cdef int at = 2, values
    while at < argc:
        values = 2 if _is(argv[at], b"GET") else 1 if _is(argv[at], b"OVERFLOW") else 0
        if values == 0 or at + values >= argc:
            return _one(runs, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE)
        at += 1 + values
    return _one(runs, 1, KEY_RO | KEY_ACCESS)


cdef int _sort(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    """The last STORE counts. The keys that BY and GET lead to are not in argv."""
    cdef int at = 2, store = 0
    while at < argc:
        if _is(argv[at], b"STORE") and at + 1 < argc:
            store = at + 1
            at += 1                                # a key called BY hides no STORE behind it
        elif _is(argv[at], b"LIMIT"):
            at += 2
        elif _is(argv[at], b"BY") or _is(argv[at], b"GET"):
            at += 1
        at += 1
    _one(runs, 1, KEY_RO | KEY_ACCESS)
    return 1 + _one(runs + 1, store, KEY_OW | KEY_UPDATE) if store else 1


cdef int _sort_ro(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    return _one(runs, 1, KEY_RO | KEY_ACCESS)


cdef int _georadius_options(const Slice* argv, int argc, KeyRun* runs, int at) noexcept nogil:
    """Of several STORE, and STOREDIST, the last counts. One whose key is called STORE is no further one."""
    cdef int store = 0, distances = 0, n
    while at + 1 < argc:
        if _is(argv[at], b"STORE"):
            at += 1
            store = at
        elif _is(argv[at], b"STOREDIST"):
            at += 1
            distances = at
        at += 1
    n = _one(runs, 1, KEY_RO | KEY_ACCESS)
    if store:
        n += _one(runs + n, store, KEY_OW | KEY_UPDATE)
    if distances:
        n += _one(runs + n, distances, KEY_OW | KEY_UPDATE)
    return n


cdef int _georadius(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    return _georadius_options(argv, argc, runs, 6)


cdef int _georadius_by_member(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    return _georadius_options(argv, argc, runs, 5)


cdef int _xreadgroup(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    """A group or a consumer may be called STREAMS, wherever GROUP stands."""
    cdef int at = 1
    while at + 2 < argc:
        if _is(argv[at], b"GROUP"):
            at += 2
        elif at >= XREADGROUP_STREAMS and _is(argv[at], b"STREAMS"):
            _one(runs, at + 1, KEY_RO | KEY_ACCESS)
            runs.count = (argc - at - 1) // 2
            return 1
        at += 1
    return -1


cdef int _pfmerge(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    """Without sources it writes all the same, while the spec of those finds fault with it."""
    _one(runs, 1, KEY_RW | KEY_ACCESS | KEY_INSERT)
    if argc == 2:
        return 1
    _one(runs + 1, 2, KEY_RO | KEY_ACCESS)
    runs[1].count = argc - 2
    return 2


cdef int _migrate(const Slice* argv, int argc, KeyRun* runs) noexcept nogil:
    """One key in its place, or "" there and many after KEYS, which passwords must not be taken for."""
    cdef int at = 2
    _one(runs, 3, KEY_RW | KEY_ACCESS | KEY_DELETE)
    while at + 1 < argc and not _is(argv[at], b"KEYS"):
        at += 1
    if at + 1 >= argc:
        return 1
    at = 6
    while at < argc:
        if _is(argv[at], b"KEYS"):
            if argv[3].len or at + 1 == argc:
                return -1
            runs.first = at + 1
            runs.count = argc - at - 1
            return 1
        at += 3 if _is(argv[at], b"AUTH2") else 2 if _is(argv[at], b"AUTH") else 1
    return 1


cdef void _rule(Table* t, const char* name, KeyRule rule) noexcept nogil:
    cdef Command* c = table_find(t, slice_of(name, strlen(name)))
    if c != NULL:
        c.key_rule = rule


cdef void keys_bind(Table* t) noexcept nogil:
    _rule(t, b"set", _set)
    _rule(t, b"bitfield", _bitfield)
    _rule(t, b"sort", _sort)
    _rule(t, b"sort_ro", _sort_ro)
    _rule(t, b"georadius", _georadius)
    _rule(t, b"georadiusbymember", _georadius_by_member)
    _rule(t, b"xreadgroup", _xreadgroup)
    _rule(t, b"pfmerge", _pfmerge)
    _rule(t, b"migrate", _migrate)
