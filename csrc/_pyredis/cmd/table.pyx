"""table -- the commands by name, and what is counted of each.

The rows come from the specs (pyredis/commands), the functions from the families here (bind_strings and the
like); who has a row but neither function nor Python handler, or a function but no row, stops the start.

Names are looked up in any case by open addressing over a hash of the name's first and last eight bytes,
folded: one probe, for nearly every name.

A command's times go into a log-linear histogram of ticks (16 steps an octave, so 6 % wide at most), made when
the command first runs. Percentiles are read from it when INFO or LATENCY asks.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset, strchr, strlen

from _pyredis.base.hash cimport bytes_load32, bytes_load64
from _pyredis.base.mem cimport Arena, mem_alloc, mem_free
from _pyredis.base.num cimport bytes_bit_length
from _pyredis.base.slice cimport Slice, slice_of
from _pyredis.base.text cimport text_equal_nocase, text_lower_into
from _pyredis.cmd.ctx cimport KeySpec

cdef enum:
    SLOTS = 1024                   # several times the commands there are
    MOST = 512


cdef void table_init(Table* t, Arena* mem) noexcept nogil:
    t.mem = mem
    t.size = SLOTS
    t.count = 0
    t.unbound = NULL
    t.slots = <Command**>mem_alloc(mem, SLOTS * sizeof(void*))
    memset(t.slots, 0, SLOTS * sizeof(void*))
    t.commands = <Command**>mem_alloc(mem, MOST * sizeof(void*))


cdef void table_free(Table* t) noexcept nogil:
    cdef int i
    for i in range(t.count):
        command_reset_stats(t.commands[i], t.mem)
        if t.commands[i].parent == NULL and t.commands[i].word != t.commands[i].name:
            mem_free(t.mem, <void*>t.commands[i].word, t.commands[i].word_length)
        mem_free(t.mem, t.commands[i].key_specs, t.commands[i].key_spec_count * sizeof(KeySpec))
        mem_free(t.mem, <void*>t.commands[i].name, t.commands[i].name_length + 1)
        mem_free(t.mem, t.commands[i], sizeof(Command))
    mem_free(t.mem, t.slots, SLOTS * sizeof(void*))
    mem_free(t.mem, t.commands, MOST * sizeof(void*))


cdef inline uint64_t _folded(const char* p, size_t n) noexcept nogil:
    """A hash of n bytes that is the same in either case."""
    cdef uint64_t fold = 0x2020202020202020, first, last
    cdef size_t i
    if n >= 8:
        first = bytes_load64(p)
        last = bytes_load64(p + n - 8)
    elif n >= 4:
        first = bytes_load32(p)
        last = bytes_load32(p + n - 4)
    else:
        first = last = 0
        for i in range(n):
            first = first << 8 | <unsigned char>p[i]
    first = ((first | fold) + n) * <uint64_t>0x9E3779B97F4A7C15
    last = ((last | fold) ^ (first >> 29)) * <uint64_t>0xBF58476D1CE4E5B9
    return last ^ (last >> 32)


cdef Command* table_find(const Table* t, Slice name) noexcept nogil:
    cdef size_t i = _folded(name.ptr, name.len) & (t.size - 1)
    cdef Command* c
    while True:
        c = t.slots[i]
        if c == NULL or text_equal_nocase(c.word, c.word_length, name.ptr, name.len):
            return c
        i = (i + 1) & (t.size - 1)


cdef Command* table_sub(const Command* container, Slice word) noexcept nogil:
    cdef Command* c = container.subs
    while c != NULL and not text_equal_nocase(c.word, c.word_length, word.ptr, word.len):
        c = c.sibling
    return c


cdef Command* table_add(Table* t, Slice name, Command* parent, int arity, uint64_t flags, uint64_t categories,
                        int first_key, int last_key, int step) noexcept nogil:
    """Adds a row; NULL if the table is full. `name` is whole ("config|get"), in any case."""
    cdef Command* c
    cdef char* text
    cdef const char* bar
    if t.count == MOST:
        return NULL
    text = <char*>mem_alloc(t.mem, name.len + 1)
    text_lower_into(name.ptr, name.len, text)
    text[name.len] = 0
    c = <Command*>mem_alloc(t.mem, sizeof(Command))
    memset(c, 0, sizeof(Command))
    bar = strchr(text, c'|')
    c.name = text
    c.name_length = name.len
    c.word = bar + 1 if bar != NULL else text
    c.word_length = name.len - (c.word - text)
    c.arity = arity
    c.flags = flags
    c.categories = categories
    c.first_key = first_key
    c.last_key = last_key
    c.step = step
    c.index = t.count
    t.commands[t.count] = c
    t.count += 1
    c.parent = parent
    if parent != NULL:
        c.sibling = parent.subs
        parent.subs = c
        return c
    _place_name(t, c)
    return c


cdef void _place_name(Table* t, Command* c) noexcept nogil:
    cdef size_t i = _folded(c.word, c.word_length) & (t.size - 1)
    while t.slots[i] != NULL:
        i = (i + 1) & (t.size - 1)
    t.slots[i] = c


cdef bint table_rename(Table* t, Slice old, Slice name) noexcept nogil:
    """rename-command: the command is called `name` from now on; empty: not at all. Errors and counters keep
    the old name. False: there is no such command, or already another one called `name`."""
    cdef Command* c = table_find(t, old)
    cdef Command* other = table_find(t, name) if name.len else NULL
    cdef char* text = NULL
    cdef int i
    if c == NULL or (other != NULL and other != c):
        return False
    if c.word != c.name:
        mem_free(t.mem, <void*>c.word, c.word_length)
    if name.len:
        text = <char*>mem_alloc(t.mem, name.len)
        text_lower_into(name.ptr, name.len, text)
    c.word = text
    c.word_length = name.len
    memset(t.slots, 0, SLOTS * sizeof(void*))
    for i in range(t.count):
        if t.commands[i].parent == NULL and t.commands[i].word_length:
            _place_name(t, t.commands[i])
    return True


cdef bint table_bind(Table* t, const char* name, CommandFn fn) noexcept nogil:
    """Gives the row `name` ("GET", "OBJECT|FREQ") its function. False, and noted, if there is no such row."""
    cdef const char* bar = strchr(name, c'|')
    cdef Command* c
    if bar == NULL:
        c = table_find(t, slice_of(name, strlen(name)))
    else:
        c = table_find(t, slice_of(name, bar - name))
        if c != NULL:
            c = table_sub(c, slice_of(bar + 1, strlen(bar + 1)))
    if c == NULL:
        t.unbound = name
        return False
    c.fn = fn
    return True


# ---------------------------------------------------------------- what is counted

cdef inline int _place(uint64_t ticks) noexcept nogil:
    cdef int octave
    if ticks < HISTOGRAM_STEPS:
        return <int>ticks
    octave = bytes_bit_length(ticks) - 5         # ticks >> octave is 16 .. 31
    return <int>(octave * HISTOGRAM_STEPS + (ticks >> octave))


cdef uint64_t histogram_floor(int place) noexcept nogil:
    cdef int octave = place // HISTOGRAM_STEPS - 1
    if place < HISTOGRAM_STEPS:
        return place
    return <uint64_t>(place - octave * HISTOGRAM_STEPS) << octave


cdef void command_count(Command* c, Arena* mem, uint64_t ticks, bint in_histogram) noexcept nogil:
    """One more call, which took so many ticks."""
    cdef int place
    c.calls += 1
    c.ticks += ticks
    if not in_histogram:
        return
    if c.histogram == NULL:
        c.histogram = <uint32_t*>mem_alloc(mem, HISTOGRAM_SIZE * sizeof(uint32_t))
        memset(c.histogram, 0, HISTOGRAM_SIZE * sizeof(uint32_t))
    place = _place(ticks)
    c.histogram[place if place < HISTOGRAM_SIZE else HISTOGRAM_SIZE - 1] += 1


cdef void command_reset_stats(Command* c, Arena* mem) noexcept nogil:
    c.calls = c.ticks = c.rejected = c.failed = 0
    if c.histogram != NULL:
        mem_free(mem, c.histogram, HISTOGRAM_SIZE * sizeof(uint32_t))
        c.histogram = NULL
