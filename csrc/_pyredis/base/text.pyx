"""text -- glob patterns, ASCII case, and the quoting of command lines.

Globs are Redis's: `*` any run, `?` any byte, `[a-z]` `[^a-z]` a byte in or out of a class, `\\x` the byte
x. The corners, each checked against a server:

    [a-]      a range may end in ']': this one runs from 'a' to ']', and the class goes on
    [abc      a class without its end goes on to the end of the pattern
    [^        so this matches any one byte, and `[` none
    [z-a]     ends are put in order, before case is folded: without regard to case, [Z-a] is empty
    [\\M]      an escaped byte of a class keeps its case even when case does not count
    a\\        a lone backslash at the end is itself
    ''        no pattern but '' matches an empty string, not even `*` (commands short-cut a bare `*`)

Every element but `*` takes exactly one byte, so it is enough to go back to the last star on a mismatch and
let it take one byte more; a star before it need never be tried again. That is at most pattern length times
string length steps, with no recursion, where the obvious recursive matcher is exponential in the stars
(a*a*a*a*b).

A line is split as inline commands and redis.conf are: words end at blank, tab, CR, LF or NUL. In double
quotes \\n \\r \\t \\b \\a and \\xHH are one byte, and a backslash before another byte is that byte; in
single quotes only \\' is an escape. Quotes may open within a word; after they close the word must end. A
decoded word is never longer than its source, so `out` may be the line itself, at the place the word begins
or before."""
from libc.string cimport memchr


# Globs

cdef struct _Glob:
    const unsigned char* p
    size_t n
    bint nocase


cdef inline unsigned char _fold(unsigned char c, bint nocase) noexcept nogil:
    return c + 32 if nocase and c >= c'A' and c <= c'Z' else c


cdef bint _class_has(const _Glob* g, size_t* at, unsigned char c) noexcept nogil:
    """Is `c` in the class whose '[' is at *at? Moves *at behind the class."""
    cdef const unsigned char* p = g.p
    cdef size_t i = at[0] + 1, n = g.n
    cdef bint negated = i < n and p[i] == c'^', found = False
    cdef unsigned char low, high
    i += negated
    while i < n and p[i] != c']':
        if p[i] == c'\\' and n - i >= 2:
            found |= p[i + 1] == c                 # Redis: case counts here
            i += 2
        elif n - i >= 3 and p[i + 1] == c'-':
            low = p[i]
            high = p[i + 2]
            if low > high:
                low, high = high, low
            found |= _fold(low, g.nocase) <= _fold(c, g.nocase) <= _fold(high, g.nocase)
            i += 3
        else:
            found |= _fold(p[i], g.nocase) == _fold(c, g.nocase)
            i += 1
    at[0] = i + (i < n)
    return found != negated


cdef inline bint _element_takes(const _Glob* g, size_t* at, unsigned char c) noexcept nogil:
    """Does the element at *at, not a star, take byte `c`? Moves *at behind the element."""
    cdef unsigned char element = g.p[at[0]]
    if element == c'?':
        at[0] += 1
        return True
    if element == c'[':
        return _class_has(g, at, c)
    if element == c'\\' and g.n - at[0] >= 2:
        at[0] += 1
        element = g.p[at[0]]
    at[0] += 1
    return _fold(element, g.nocase) == _fold(c, g.nocase)


cdef inline bint _is_plain(unsigned char c) noexcept nogil:
    return c != c'?' and c != c'[' and c != c'\\'


cdef bint text_glob(const char* pattern, size_t pn, const char* s, size_t sn, bint nocase) noexcept nogil:
    """Does `pattern` match the whole of `s`? At most pn * sn steps."""
    cdef _Glob g
    cdef size_t i = 0, at = 0
    cdef size_t star = 0, star_at = 0              # behind the last star, and behind what it took of s
    cdef bint starred = False
    cdef const void* hit
    if sn == 0:
        return pn == 0
    g.p = <const unsigned char*>pattern
    g.n = pn
    g.nocase = nocase
    while at < sn:
        if i < pn and g.p[i] == c'*':
            while i < pn and g.p[i] == c'*':
                i += 1
            if i == pn:
                return True
            starred = True
            star = i
            star_at = at
        elif i < pn and _element_takes(&g, &i, <unsigned char>s[at]):
            at += 1
            continue
        elif not starred:
            return False
        else:
            i = star
            star_at += 1
            at = star_at
        if not nocase and _is_plain(g.p[star]):    # the star takes all up to the next byte that can go on
            hit = memchr(s + star_at, g.p[star], sn - star_at)
            if hit == NULL:
                return False
            star_at = <size_t>(<const char*>hit - s)
            at = star_at
    while i < pn and g.p[i] == c'*':
        i += 1
    return i == pn


# Case

cdef bint text_equal_nocase(const char* a, size_t an, const char* b, size_t bn) noexcept nogil:
    """Are `a` and `b` equal but for the case of ASCII letters?"""
    cdef size_t i
    if an != bn:
        return False
    for i in range(an):
        if a[i] != b[i] and text_lower(a[i]) != text_lower(b[i]):
            return False
    return True


cdef int text_compare_nocase(const char* a, size_t an, const char* b, size_t bn) noexcept nogil:
    """Order of `a` and `b` as unsigned bytes in lower case; a prefix comes first."""
    cdef size_t i
    cdef unsigned char x, y
    for i in range(an if an < bn else bn):
        x = <unsigned char>text_lower(a[i])
        y = <unsigned char>text_lower(b[i])
        if x != y:
            return -1 if x < y else 1
    return -1 if an < bn else an > bn


cdef void text_lower_into(const char* s, size_t n, char* out) noexcept nogil:
    """Copy `n` bytes with ASCII letters in lower case."""
    cdef size_t i
    for i in range(n):
        out[i] = text_lower(s[i])


cdef void text_upper_cut(const char* s, size_t n, char* out, size_t room) noexcept nogil:
    """The word in upper case as a C string, cut to what fits into `room` bytes, its NUL included."""
    cdef size_t i
    n = min(n, room - 1)
    for i in range(n):
        out[i] = s[i] - 32 if c'a' <= s[i] <= c'z' else s[i]
    out[n] = 0


# Command lines

cdef inline int _hex_value(char c) noexcept nogil:
    """0..15, or -1 if `c` is no hexadecimal digit."""
    if c >= c'0' and c <= c'9':
        return c - c'0'
    c = text_lower(c)
    return c - c'a' + 10 if c >= c'a' and c <= c'f' else -1


cdef inline char _escaped(char c) noexcept nogil:
    """What a backslash and `c` mean between double quotes."""
    if c == c'n':
        return c'\n'
    if c == c'r':
        return c'\r'
    if c == c't':
        return c'\t'
    if c == c'b':
        return c'\b'
    if c == c'a':
        return c'\a'
    return c


cdef bint _double_quoted(const char* line, size_t n, size_t* pos, char* out, size_t* used) noexcept nogil:
    """Decode what follows an opening double quote; false if no closing one follows."""
    cdef size_t i = pos[0]
    cdef int high, low
    while i < n and line[i] != 0:
        if line[i] == c'"':
            pos[0] = i + 1
            return i + 1 == n or line[i + 1] == 0 or text_is_space(line[i + 1])
        if line[i] == c'\\' and n - i >= 2:
            high = _hex_value(line[i + 2]) if line[i + 1] == c'x' and n - i >= 4 else -1
            low = _hex_value(line[i + 3]) if high >= 0 else -1
            if low >= 0:
                out[used[0]] = <char>(high << 4 | low)
                i += 4
            else:
                out[used[0]] = _escaped(line[i + 1])
                i += 2
        else:
            out[used[0]] = line[i]
            i += 1
        used[0] += 1
    return False


cdef bint _single_quoted(const char* line, size_t n, size_t* pos, char* out, size_t* used) noexcept nogil:
    """Decode what follows an opening single quote; false if no closing one follows."""
    cdef size_t i = pos[0]
    while i < n and line[i] != 0:
        if line[i] == c"'":
            pos[0] = i + 1
            return i + 1 == n or line[i + 1] == 0 or text_is_space(line[i + 1])
        if line[i] == c'\\' and n - i >= 2 and line[i + 1] == c"'":
            i += 1
        out[used[0]] = line[i]
        used[0] += 1
        i += 1
    return False


cdef int text_next_word(const char* line, size_t n, size_t* pos, char* out, size_t* out_len) noexcept nogil:
    """Decode the word at or after *pos into `out`, and move *pos behind it.

    `out` needs room for the n - *pos bytes left. Returns 1 for a word (perhaps empty: ""), 0 at the end of
    the line, -1 if quotes do not close or text follows a closing one; then *pos and `out` mean nothing."""
    cdef size_t i = pos[0], used = 0
    cdef bint closed
    cdef char c
    while i < n and text_is_space(line[i]):
        i += 1
    pos[0] = i
    if i == n or line[i] == 0:
        return 0
    while i < n:
        c = line[i]
        if c == c' ' or c == c'\t' or c == c'\r' or c == c'\n' or c == 0:
            break
        i += 1
        if c == c'"' or c == c"'":
            closed = _double_quoted(line, n, &i, out, &used) if c == c'"' else \
                _single_quoted(line, n, &i, out, &used)
            if not closed:
                return -1
            break
        out[used] = c
        used += 1
    pos[0] = i
    out_len[0] = used
    return 1


cdef inline char _escape_letter(char c) noexcept nogil:
    """The letter that names `c` behind a backslash, or 0."""
    if c == c'\\' or c == c'"':
        return c
    if c == c'\n':
        return c'n'
    if c == c'\r':
        return c'r'
    if c == c'\t':
        return c't'
    if c == c'\a':
        return c'a'
    if c == c'\b':
        return c'b'
    return 0


cdef size_t text_repr(const char* s, size_t n, char* out) noexcept nogil:
    """Write `n` bytes between double quotes with escapes; text_next_word reads the same bytes back."""
    cdef const char* digits = "0123456789abcdef"
    cdef char* p = out
    cdef char letter
    cdef unsigned char c
    cdef size_t i
    p[0] = c'"'
    p += 1
    for i in range(n):
        letter = _escape_letter(s[i])
        if letter:
            p[0] = c'\\'
            p[1] = letter
            p += 2
        elif s[i] >= 0x20 and s[i] <= 0x7E:
            p[0] = s[i]
            p += 1
        else:
            c = <unsigned char>s[i]
            p[0] = c'\\'
            p[1] = c'x'
            p[2] = digits[c >> 4]
            p[3] = digits[c & 15]
            p += 4
    p[0] = c'"'
    return <size_t>(p - out) + 1
