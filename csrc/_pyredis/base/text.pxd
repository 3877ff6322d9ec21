# text -- patterns, case, quoting. The story is in text.pyx.

# Does the glob pattern match the whole of s? Redis's dialect.
cdef bint text_glob(const char* pattern, size_t pn, const char* s, size_t sn, bint nocase) noexcept nogil

# ASCII case.
cdef bint text_equal_nocase(const char* a, size_t an, const char* b, size_t bn) noexcept nogil
cdef int  text_compare_nocase(const char* a, size_t an, const char* b, size_t bn) noexcept nogil   # -1, 0, 1
cdef void text_lower_into(const char* s, size_t n, char* out) noexcept nogil       # out may be s
cdef void text_upper_cut(const char* s, size_t n, char* out, size_t room) noexcept nogil   # ends with a NUL

# Words of an inline command or a configuration line: 1 a word, 0 the end of the line, -1 unbalanced quotes.
cdef int text_next_word(const char* line, size_t n, size_t* pos, char* out, size_t* out_len) noexcept nogil

# Quoted form of any bytes, as MONITOR prints them: out needs 4 * n + 2 bytes; returns how many were written.
cdef size_t text_repr(const char* s, size_t n, char* out) noexcept nogil


cdef inline char text_lower(char c) noexcept nogil:
    return c + 32 if c >= c'A' and c <= c'Z' else c


cdef inline bint text_is_space(char c) noexcept nogil:
    return c == c' ' or (c >= 9 and c <= 13)
