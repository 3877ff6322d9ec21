"""glob -- patterns that many names are held against, or one name against many patterns.

Most patterns begin with literal bytes and end after one star: `news.*`, `user:*`. So the first eight literal bytes are
kept as a number, to be compared under a mask with the first eight of a name: that refuses a thousand patterns in about
a microsecond, and decides where no more than eight bytes are literal. Only what passes is compared as text, and only
what is more than `literal*` is matched as a glob (text_glob, which knows the syntax).

A Glob is compiled once and does not hold its pattern, which the owner has in some form anyway.
"""
from libc.string cimport memcmp, memcpy, memset

from _pyredis.base.text cimport text_glob

cdef enum:
    REST_NOTHING = 0               # the pattern is literal to its end
    REST_ALL                       # one star
    REST_GLOB


cdef void glob_compile(Glob* g, Slice pattern) noexcept nogil:
    cdef size_t literal = 0, head
    while literal < pattern.len and pattern.ptr[literal] not in (c'*', c'?', c'[', c'\\'):
        literal += 1
    head = literal if literal < 8 else 8
    g.head = g.mask = 0
    if head:
        memcpy(&g.head, pattern.ptr, head)
    memset(&g.mask, 0xff, head)
    g.literal = g.least = <uint32_t>literal
    g.rest = REST_GLOB
    if literal == pattern.len:
        g.rest = REST_NOTHING
    elif literal + 1 == pattern.len and pattern.ptr[literal] == c'*':
        g.rest = REST_ALL
        g.least = max(g.literal, 1)              # Redis: not even * matches an empty name
    g.at_a_glance = g.rest == REST_ALL and literal <= 8


cdef uint64_t glob_head(Slice name) noexcept nogil:
    cdef uint64_t head = 0
    if name.len:
        memcpy(&head, name.ptr, name.len if name.len < 8 else 8)
    return head


cdef bint glob_decide(const Glob* g, Slice pattern, Slice name) noexcept nogil:
    if g.literal > 8 and memcmp(name.ptr, pattern.ptr, g.literal) != 0:
        return False
    if g.rest == REST_ALL:
        return True
    if g.rest == REST_NOTHING:
        return name.len == g.literal
    return text_glob(pattern.ptr, pattern.len, name.ptr, name.len, False)
