"""num -- numbers <-> text exactly as Redis reads and prints them.

Integers are read in one spelling only: "7", "-7", "0"; never "+7", "07", "-0", " 7" or "". The rule is not
pedantry: a stored string that passes becomes an integer inside (OBJECT ENCODING int), and must come back
byte for byte. They are written two digits at a time from a table, right to left, into the place the length
says.

Doubles (scores, RESP3 doubles) are read as C's strtod does, plus rules of Redis: no leading space, nothing
after the number, no NaN, and a value that overflows or underflows to zero is refused (not copied: Redis 8.0
happens to read "-+inf" too). A text of at most 19 digits whose value and power of ten are exact in a double
takes one multiplication or division, which rounds correctly by IEEE 754 (Clinger 1990); the rest goes to
strtod.

Doubles are written by Grisu2 (Loitsch 2010), since Redis prints what that finds: digits that always read
back the same, the shortest in 99.9 % of cases (1e23 is among the others). Their layout too is that of Redis
8.0.6, which the tests ask: integers up to 2^62 in full, minus zero as -0; else, with the digits d1..dn
and the decimal exponent k of the last, e = |k + n - 1|:

    k >= 0 and e < n + 7          all digits and k zeros          123456789012345690000000
    k < 0 and (k > -7 or e < 4)   a point, zeros before it        0.000001   1234.5   0.0012345678
    otherwise                     d1[.d2..dn]e(+|-)e              1e+19   1.5e-7   1.2345678901234567e+9

Long doubles serve INCRBYFLOAT alone: 17 digits after the point, trailing zeros dropped, never an exponent.

No function allocates, save num_parse_double for a text of over 511 bytes.
"""
from libc.errno cimport ERANGE, errno
from libc.math cimport isinf, isnan, signbit
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc, strtod
from libc.string cimport memchr, memcpy, memset

cdef extern from "<stdlib.h>" nogil:
    long double strtold(const char* text, char** end) noexcept

cdef extern from "powers.h" nogil:
    const uint64_t[87] powers_ten                  # 10^(8i - 348), see there

cdef extern from "bytes.h" nogil:
    uint64_t bytes_mul128(uint64_t a, uint64_t b, uint64_t* high) noexcept

# Integers

cdef inline bint _parse_digits(const char* p, size_t n, uint64_t* out) noexcept nogil:
    """1 to 20 digits without a leading zero, unless it is all there is, that fit 64 bits."""
    cdef uint64_t v, most = <uint64_t>1844674407370955161      # 2^64 - 1 without its last digit, 5
    cdef unsigned char digit
    cdef size_t i, safe
    if n == 0 or n > 20:
        return False
    v = <unsigned char>(p[0] - c'0')
    if v > 9 or (v == 0 and n > 1):
        return False
    safe = n if n < 19 else 19                     # so many digits cannot overflow
    for i in range(1, safe):
        digit = <unsigned char>(p[i] - c'0')
        if digit > 9:
            return False
        v = v * 10 + digit
    if n == 20:
        digit = <unsigned char>(p[19] - c'0')
        if digit > 9 or v > most or (v == most and digit > 5):
            return False
        v = v * 10 + digit
    out[0] = v
    return True


cdef bint num_parse_i64(const char* p, size_t n, int64_t* out) noexcept nogil:
    """Read a canonical decimal integer of -2^63 .. 2^63-1."""
    cdef uint64_t v = 0
    if n > 0 and p[0] == c'-':
        if not _parse_digits(p + 1, n - 1, &v) or v == 0 or v > <uint64_t>1 << 63:
            return False
        out[0] = <int64_t>(0 - v)
        return True
    if not _parse_digits(p, n, &v) or v >= <uint64_t>1 << 63:
        return False
    out[0] = <int64_t>v
    return True


cdef bint num_parse_u64(const char* p, size_t n, uint64_t* out) noexcept nogil:
    """Read a canonical decimal integer of 0 .. 2^64-1."""
    return _parse_digits(p, n, out)


cdef int num_format_u64(uint64_t v, char* out) noexcept nogil:
    """Write `v` in decimal, at most 20 bytes."""
    cdef int length = num_digits_u64(v)
    cdef char* p = out + length
    while v >= 100:
        p -= 2
        memcpy(p, &digits_pairs[2 * (v % 100)], 2)
        v //= 100
    if v >= 10:
        memcpy(out, &digits_pairs[2 * v], 2)
    else:
        out[0] = <char>(c'0' + v)
    return length


cdef int num_format_i64(int64_t v, char* out) noexcept nogil:
    """Write `v` in decimal, at most 20 bytes."""
    if v >= 0:
        return num_format_u64(<uint64_t>v, out)
    out[0] = c'-'
    return 1 + num_format_u64(0 - <uint64_t>v, out + 1)


# Reading doubles

cdef bint _parse_double_exact(const char* p, size_t n, double* out) noexcept nogil:
    """Read plain decimal text whose digits fit 2^53 and whose power of ten is exact; false: ask strtod."""
    cdef const char* end = p + n
    cdef bint negative = False
    cdef uint64_t digits = 0
    cdef int seen = 0, fraction = 0
    cdef bint point = False
    cdef unsigned char digit
    cdef double v
    if p < end and (p[0] == c'-' or p[0] == c'+'):
        negative = p[0] == c'-'
        p += 1
    if end - p > 20:
        return False
    while p < end:
        if p[0] == c'.':
            if point:
                return False
            point = True
        else:
            digit = <unsigned char>(p[0] - c'0')
            if digit > 9:
                return False
            digits = digits * 10 + digit
            seen += 1
            fraction += point
        p += 1
    if seen == 0 or seen > 19 or digits > <uint64_t>1 << 53:
        return False
    v = <double>digits / digits_pow10_double[fraction]
    out[0] = -v if negative else v
    return True


cdef bint _parse_double_any(const char* p, size_t n, bint limits, double* out) noexcept nogil:
    """By strtod. `limits`: what overflows is infinite, what underflows 0; else both are refused."""
    cdef char[512] room
    cdef char* text = room
    cdef char* end = NULL
    cdef double v
    cdef bint good
    if n == 0 or p[0] == c' ' or (p[0] >= 9 and p[0] <= 13):
        return False
    if n >= sizeof(room):
        text = <char*>malloc(n + 1)
        if text == NULL:
            return False
    memcpy(text, p, n)
    text[n] = 0                                    # a NUL inside ends the number early, and so is refused
    (&errno)[0] = 0
    v = strtod(text, &end)
    good = end == text + n and not isnan(v) and (limits or not (errno == ERANGE and (v == 0 or isinf(v))))
    if text != room:
        free(text)
    if good:
        out[0] = v
    return good


cdef bint num_parse_double(const char* p, size_t n, double* out) noexcept nogil:
    """Read a double: decimal, hexadecimal, inf or infinity in any case; see the story for what is refused."""
    return _parse_double_exact(p, n, out) or _parse_double_any(p, n, False, out)


cdef bint num_parse_sort_key(const char* p, size_t n, double* out) noexcept nogil:
    """Read a number as SORT does: decimal only, and never out of range: too large is infinite, too small is 0."""
    if _parse_double_exact(p, n, out):
        return True
    return memchr(p, c'x', n) == NULL and memchr(p, c'X', n) == NULL and _parse_double_any(p, n, True, out)


cdef bint num_parse_long_double(const char* p, size_t n, long double* out) noexcept nogil:
    """Read the operand of INCRBYFLOAT: as num_parse_double, of at most 5119 bytes."""
    cdef char[NUM_LONG_DOUBLE_MAX] text
    cdef char* end = NULL
    cdef long double v
    if n == 0 or n >= sizeof(text) or p[0] == c' ' or (p[0] >= 9 and p[0] <= 13):
        return False
    memcpy(text, p, n)
    text[n] = 0
    (&errno)[0] = 0
    v = strtold(text, &end)
    if end != text + n or v != v or (errno == ERANGE and (v == 0 or v - v != 0)):
        return False
    out[0] = v
    return True


# Writing doubles

cdef inline uint64_t _mul_round(uint64_t a, uint64_t b) noexcept nogil:
    """a * b / 2^64, to nearest."""
    cdef uint64_t high
    cdef uint64_t low = bytes_mul128(a, b, &high)
    return high + (low >> 63)


cdef int _grisu_digits(
        uint64_t high, uint64_t width, uint64_t below, int e, char* digits, int* k) noexcept nogil:
    """Digits of a number in (high - width, high), as near to high - below as so few digits can be.

    All are fractions in units of 2^e, -60 <= e <= -32. Adds the decimal exponent of the last digit to *k."""
    cdef int shift = -e, n = 0, kappa
    cdef uint64_t one = <uint64_t>1 << shift, rest, unit
    cdef uint64_t whole = high >> shift, part = high & (one - 1)
    kappa = num_digits_u64(whole)
    while True:
        if kappa > 0:
            kappa -= 1
            unit = digits_pow10_u64[kappa]
            digits[n] = <char>(c'0' + whole // unit)
            whole %= unit
            rest = (whole << shift) + part
            unit <<= shift
        else:
            kappa -= 1
            part *= 10
            width *= 10
            below *= 10
            digits[n] = <char>(c'0' + (part >> shift))
            part &= one - 1
            rest = part
            unit = one
        n += 1
        if rest < width or (rest == width and kappa >= 0):
            break
    # The digits stand `rest` under `high`: lower the last one while that brings them nearer to the value.
    while rest < below and width - rest >= unit and (
            rest + unit < below or below - rest > rest + unit - below):
        digits[n - 1] -= 1
        rest += unit
    k[0] += kappa
    return n


cdef int _shortest(double v, char* digits, int* k) noexcept nogil:
    """The digits of a positive finite double, and in *k the decimal exponent of the last; how many, 1..17."""
    cdef uint64_t bits, f, low, upper, power
    cdef int e, index, ten, two, shift
    memcpy(&bits, &v, 8)
    f = bits & ((<uint64_t>1 << 52) - 1)
    e = <int>(bits >> 52)
    if e:
        f |= <uint64_t>1 << 52
        e -= 1075
    else:
        e = -1074
    # Half-way to the neighbours. The one below is nearer when v is a power of two.
    upper = (f << 1) + 1
    shift = 64 - bytes_bit_length(upper)
    if f == <uint64_t>1 << 52:
        low = ((f << 2) - 1) << (shift - 1)
    else:
        low = ((f << 1) - 1) << shift
    upper <<= shift
    f <<= shift + 1
    e -= shift + 1
    # The least power in the table that brings the product's exponent to -60 or more.
    index = ((-62 - e) * 1233 // 4096 + 348) // 8  # one too few at most; 1233 / 4096 is just under log10(2)
    while e + _exponent_two(index) + 64 < -60:
        index += 1
    power = powers_ten[index]
    k[0] = 348 - 8 * index
    f = _mul_round(f, power)
    upper = _mul_round(upper, power) - 1           # products are off by one at most; stay inside
    low = _mul_round(low, power) + 1
    return _grisu_digits(upper, upper - low, upper - f, e + _exponent_two(index) + 64, digits, k)


cdef inline int _exponent_two(int index) noexcept nogil:
    """x, where 10^(8 * index - 348) is powers_ten[index] * 2^x."""
    return (((8 * index - 348) * 1741647) >> 19) - 63


cdef int _lay_out(const char* digits, int n, int k, char* out) noexcept nogil:
    """Place `n` digits times 10^k as the table in the story says."""
    cdef int e = k + n - 1, size, at
    cdef int magnitude = -e if e < 0 else e
    if k >= 0 and magnitude < n + 7:
        memcpy(out, digits, n)
        memset(out + n, c'0', k)
        return n + k
    if k < 0 and (k > -7 or magnitude < 4):
        at = n + k                                 # digits before the point
        if at > 0:
            memcpy(out, digits, at)
            out[at] = c'.'
            memcpy(out + at + 1, digits + at, n - at)
            return n + 1
        out[0] = c'0'
        out[1] = c'.'
        memset(out + 2, c'0', -at)
        memcpy(out + 2 - at, digits, n)
        return n + 2 - at
    out[0] = digits[0]
    size = 1
    if n > 1:
        out[1] = c'.'
        memcpy(out + 2, digits + 1, n - 1)
        size = n + 1
    out[size] = c'e'
    out[size + 1] = c'-' if e < 0 else c'+'
    return size + 2 + num_format_u64(magnitude, out + size + 2)


cdef int num_format_shortest(double v, char* out) noexcept nogil:
    """Write `v` by its digits alone, at most 25 bytes: 1152921504606847000 where num_format_double knows more."""
    cdef char[24] digits
    cdef int k = 0, n, sign = 0
    if isnan(v):
        memcpy(out, "nan", 3)
        return 3
    if signbit(v):
        out[0] = c'-'
        sign = 1
        v = -v
    if v == 0:
        out[sign] = c'0'
        return sign + 1
    if isinf(v):
        memcpy(out + sign, "inf", 3)
        return sign + 3
    n = _shortest(v, digits, &k)
    return sign + _lay_out(digits, n, k, out + sign)


cdef int num_format_double(double v, char* out) noexcept nogil:
    """Write `v` as Redis prints a score, at most 25 bytes: inf, -inf and nan for what is no number."""
    if v >= -4611686018427387904.0 and v <= 4611686018427387904.0 and v == <double><int64_t>v:
        if v == 0 and signbit(v):
            memcpy(out, "-0", 2)
            return 2
        return num_format_i64(<int64_t>v, out)
    return num_format_shortest(v, out)


cdef int num_format_long_double_human(long double v, char* out, size_t cap) noexcept nogil:
    """Write `v` as INCRBYFLOAT shows it; 0 if `cap` is too small (NUM_LONG_DOUBLE_MAX never is)."""
    cdef int n
    if v - v != 0:
        if cap < 4:
            return 0
        if v != v:
            memcpy(out, "nan", 3)
            return 3
        memcpy(out, "-inf" if v < 0 else "inf", 4 if v < 0 else 3)
        return 4 if v < 0 else 3
    n = snprintf(out, cap, "%.17Lf", v)
    if n < 0 or <size_t>n >= cap:
        return 0
    while out[n - 1] == c'0':                      # ends at the point at the latest
        n -= 1
    if out[n - 1] == c'.':
        n -= 1
    if n == 2 and out[0] == c'-' and out[1] == c'0':
        out[0] = c'0'
        return 1
    return n
