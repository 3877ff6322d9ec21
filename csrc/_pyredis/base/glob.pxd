# glob -- patterns that many names are held against. The story is in glob.pyx.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from _pyredis.base.slice cimport Slice

cdef struct Glob:
    uint64_t head                  # the pattern's first bytes, up to 8, as far as they are literal
    uint64_t mask
    uint32_t literal               # how many bytes at its start are literal
    uint32_t least                 # bytes that a name needs at least
    uint8_t rest                   # what follows the literal bytes
    bint at_a_glance               # head and least decide

cdef void glob_compile(Glob* g, Slice pattern) noexcept nogil
cdef uint64_t glob_head(Slice name) noexcept nogil               # its first eight bytes, zeros where there are fewer
cdef bint glob_decide(const Glob* g, Slice pattern, Slice name) noexcept nogil        # of one that passed so far

cdef inline bint glob_may_match(const Glob* g, uint64_t head, Slice name) noexcept nogil:
    """False: the name, whose glob_head is `head`, does not match."""
    return head & g.mask == g.head and name.len >= g.least

cdef inline bint glob_matches(const Glob* g, Slice pattern, uint64_t head, Slice name) noexcept nogil:
    """Does the name match? `pattern` is what the Glob was compiled from."""
    return glob_may_match(g, head, name) and (g.at_a_glance or glob_decide(g, pattern, name))
