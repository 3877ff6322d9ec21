# table -- the commands by name. The story is in table.pyx.
from libc.stdint cimport uint64_t
from _pyredis.base.mem cimport Arena
from _pyredis.base.slice cimport Slice
from _pyredis.cmd.ctx cimport Command, CommandFn, Table

cdef void table_init(Table* t, Arena* mem) noexcept nogil
cdef void table_free(Table* t) noexcept nogil
cdef Command* table_add(Table* t, Slice name, Command* parent, int arity, uint64_t flags, uint64_t categories,
                        int first_key, int last_key, int step) noexcept nogil
cdef Command* table_find(const Table* t, Slice name) noexcept nogil          # any case; subcommands not
cdef Command* table_sub(const Command* container, Slice word) noexcept nogil # any case
cdef bint table_rename(Table* t, Slice old, Slice name) noexcept nogil   # at start only; name empty: take away
cdef bint table_bind(Table* t, const char* name, CommandFn fn) noexcept nogil

# A time's place in a histogram of 16 steps an octave.
cdef enum:
    HISTOGRAM_STEPS = 16
    HISTOGRAM_SIZE = 48 * HISTOGRAM_STEPS

cdef void command_count(Command* c, Arena* mem, uint64_t ticks, bint in_histogram) noexcept nogil
cdef uint64_t histogram_floor(int place) noexcept nogil                      # smallest ticks that count there
cdef void command_reset_stats(Command* c, Arena* mem) noexcept nogil
