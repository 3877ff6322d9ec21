"""effects -- what a command has changed, for everybody who must know.

A command says what it changed in one call, effects_key (key_changed in command code). Dispatch drains the
list once, after the command: so the order is the order of the changes, and WATCH, blocked clients, the AOF,
replicas, keyspace notifications and client tracking can never disagree about what happened.

Redis does not count as changes of a key what happens to the groups of a stream, though it notifies of it and
propagates it: the class of such an effect has EV_TOLD.

A command that must be repeated elsewhere in other words (a relative expiry, a random choice, a float sum)
gives those words to effects_propagate. With `instead` they stand in the place of the command itself;
without, they go before it (a key found expired: DEL). When nobody takes the commands, nothing is copied.

Keys are slices of the request, or of memory that lives until the drain: effects_keep makes such a copy of a
name that goes with its entry. Copies belong to the list and go with effects_clear.

Commands that run within another (EXEC, a script) collect their effects in the one list, which is drained when the
outer one is done; each that was to be repeated as it came becomes a rewrite of its own when it ends. What one drain
propagates belongs together: dispatch says with `atomic` that whoever takes it has to put it between MULTI and EXEC.
Keyspace notifications are told of such commands one by one; `told` says how far.

A change to a whole database (it was emptied, or exchanged for another) is one effect with no key: event
"flushdb" or "swapdb", class EV_NONE.

Two classes are recorded only while notifications ask for them (`extra`): a key that is new, and a look-up that
missed. The second is no change, and a sink that follows changes passes it over (effect_is_change).
"""
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from _pyredis.base.mem cimport Arena, mem_alloc, mem_free, mem_room
from _pyredis.base.slice cimport Slice, slice_of


cdef void effects_init(Effects* fx, Arena* mem) noexcept nogil:
    memset(fx, 0, sizeof(Effects))
    fx.mem = mem


cdef void effects_free(Effects* fx) noexcept nogil:
    effects_clear(fx)
    mem_free(fx.mem, fx.list, fx.capacity * sizeof(Effect))
    mem_free(fx.mem, fx.rewrites, fx.rewrite_capacity * sizeof(Rewrite))
    mem_free(fx.mem, fx.args, fx.arg_capacity * sizeof(Slice))


cdef void effects_record(Effects* fx, int db, Slice key, uint32_t event_class, const char* event,
                         int64_t dirty) noexcept nogil:
    cdef Effect* e
    fx.list = <Effect*>mem_room(fx.mem, fx.list, fx.count, &fx.capacity, sizeof(Effect), 8)
    e = &fx.list[fx.count]
    fx.count += 1
    e.db = db
    e.event_class = event_class
    e.event = event
    e.key = key
    e.dirty = dirty


cdef Slice effects_keep(Effects* fx, Slice bytes) noexcept nogil:
    """A copy of `bytes` that lives until effects_clear."""
    cdef char* copy = <char*>mem_alloc(fx.mem, bytes.len)
    memcpy(copy, bytes.ptr, bytes.len)
    fx.args = <Slice*>mem_room(fx.mem, fx.args, fx.arg_count, &fx.arg_capacity, sizeof(Slice), 8)
    fx.args[fx.arg_count] = slice_of(copy, bytes.len)
    fx.arg_count += 1
    return slice_of(copy, bytes.len)


cdef bint effects_begin(Effects* fx, int db, bint instead) noexcept nogil:
    """Begins a command to propagate; its words follow by effects_word, nothing else being kept in between."""
    cdef Rewrite* r
    if instead:
        fx.rewritten = True
    if not fx.propagating:
        return False
    fx.rewrites = <Rewrite*>mem_room(fx.mem, fx.rewrites, fx.rewrite_count, &fx.rewrite_capacity, sizeof(Rewrite), 8)
    r = &fx.rewrites[fx.rewrite_count]
    fx.rewrite_count += 1
    r.db = db
    r.argc = 0
    r.first = fx.arg_count
    r.lent = NULL
    return True


cdef void effects_word(Effects* fx, Slice word) noexcept nogil:
    effects_keep(fx, word)
    fx.rewrites[fx.rewrite_count - 1].argc += 1


cdef void effects_propagate(Effects* fx, int db, int argc, const Slice* argv, bint instead) noexcept nogil:
    cdef int i
    if effects_begin(fx, db, instead):
        for i in range(argc):
            effects_word(fx, argv[i])


cdef void effects_lend(Effects* fx, int db, int argc, const Slice* argv) noexcept nogil:
    cdef Rewrite* r
    if effects_begin(fx, db, False):
        r = &fx.rewrites[fx.rewrite_count - 1]
        r.argc = argc
        r.lent = argv


cdef void effects_keep_keys(Effects* fx, size_t first) noexcept nogil:
    cdef size_t i
    for i in range(first, fx.count):
        if fx.list[i].key.ptr != NULL:
            fx.list[i].key = effects_keep(fx, fx.list[i].key)


cdef void effects_clear(Effects* fx) noexcept nogil:
    """Forgets the command's effects, after the drain; `dirty` counts on."""
    cdef size_t i
    fx.dirty += fx.command_dirty
    fx.command_dirty = 0
    fx.rewritten = fx.to_replicas = fx.atomic = False
    fx.count = fx.told = 0
    if fx.arg_count or fx.rewrite_count:
        for i in range(fx.arg_count):
            mem_free(fx.mem, <void*>fx.args[i].ptr, fx.args[i].len)
        fx.arg_count = 0
        fx.rewrite_count = 0
