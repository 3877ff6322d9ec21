"""lib_struct -- the library struct: values to and from the bytes of a C structure.

    struct.pack(format, value, ...)        the bytes
    struct.unpack(format, s [, position])  the values, and the position behind the last, from 1
    struct.size(format)                    how many bytes

    b B h H l L     integers of 1, 2, 8 bytes; capitals are unsigned     f d    float, double
    i I iN IN       integers of 4, or N, bytes, N at most 32             T      as L
    s               a string and a NUL                                   x      a byte of padding
    c cN            the first byte, or N bytes, of a string              (space: nothing)
    c0              to pack, the whole string; to unpack, as many bytes as the value before says, which it replaces
    < >             what follows has its lowest, its highest byte first
    ! !N            what follows is aligned to its size, but at most to 8, or N, a power of 2

An integer of more than 8 bytes is written as one of 8 with zeros above, also if it is negative; so it always was.
Alignment takes the size of the item for a power of 2 even if it is none.

Nothing here can overflow: a number in a format is refused beyond 2^31 - 1, so that a total in 64 bits would take a
format of gigabytes, and what is read is compared as `size > left`, never as a sum.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from _pyredis.lua.api cimport LUA_GLOBALSINDEX, lua_api, lua_pop, lua_set_function
from _pyredis.lua.scratch cimport (
    Scratch, scratch_byte, scratch_bytes, scratch_close, scratch_function, scratch_open, scratch_push, scratch_reserve,
)

cdef extern from "<ctype.h>" nogil:
    int isalnum(int c)

cdef enum:
    LARGEST_NUMBER = 0x7fffffff  # in a format
    LARGEST_INTEGER = 32         # bytes
    FULL_ALIGNMENT = 8           # of "!"

cdef struct Format:
    const LuaApi* api
    lua_State* L
    const char* p                # what is left; a NUL ends it
    bint   high_first
    size_t alignment             # at most; 1: nothing is aligned
    # the item
    char   option
    size_t size


cdef void _open(Format* f, const LuaApi* api, lua_State* L) noexcept nogil:
    """The format that argument 1 is."""
    f.api = api
    f.L = L
    f.p = api.aux_checklstring(L, 1, NULL)
    f.high_first = False
    f.alignment = 1


cdef size_t _number(Format* f, size_t value) noexcept nogil:
    """The digits that stand here; `value` if there are none."""
    if not c'0' <= f.p[0] <= c'9':
        return value
    value = 0
    while c'0' <= f.p[0] <= c'9':
        value = value * 10 + <size_t>(f.p[0] - c'0')
        if value > LARGEST_NUMBER:
            f.api.aux_error(f.L, b"integral size overflow")
        f.p += 1
    return value


cdef size_t _integer_size(Format* f) noexcept nogil:
    cdef size_t size = _number(f, 4)
    if size > LARGEST_INTEGER:
        f.api.aux_error(f.L, b"integral size %d is larger than limit of %d", <int>size, <int>LARGEST_INTEGER)
    return size


cdef bint _next(Format* f) noexcept nogil:
    """The next item: option and size; False at the end. What changes no data has the size 0."""
    cdef char c = f.p[0]
    if not c:
        return False
    f.p += 1
    f.option = c
    if c == c'b' or c == c'B' or c == c'x':
        f.size = 1
    elif c == c'h' or c == c'H':
        f.size = 2
    elif c == c'l' or c == c'L' or c == c'T' or c == c'd':
        f.size = 8
    elif c == c'f':
        f.size = 4
    elif c == c'i' or c == c'I':
        f.size = _integer_size(f)
    elif c == c'c':
        f.size = _number(f, 1)
    else:
        f.size = 0
    return True


cdef size_t _padding(const Format* f, size_t offset) noexcept nogil:
    """How many bytes the item at `offset` needs before it."""
    cdef size_t size = f.size if f.size < f.alignment else f.alignment
    if f.option == c'c' or size <= 1:
        return 0
    return (size - (offset & (size - 1))) & (size - 1)


cdef void _control(Format* f) noexcept nogil:
    """An option that is no value: how to go on. Raises if it is none at all."""
    cdef size_t n
    if f.option == c' ':
        pass
    elif f.option == c'<' or f.option == c'>':
        f.high_first = f.option == c'>'
    elif f.option == c'!':
        n = _number(f, FULL_ALIGNMENT)
        if n == 0 or n & (n - 1):
            f.api.aux_error(f.L, b"alignment %d is not a power of 2", <int>n)
        f.alignment = n
    else:
        f.api.aux_argerror(f.L, 1, f.api.pushfstring(f.L, b"invalid format option '%c'", <int>f.option))


cdef uint64_t _whole(double v) noexcept nogil:
    """`v` without its fraction, in 64 bits; what they cannot hold is 0 or only the highest bit."""
    if v < 0:
        return <uint64_t><int64_t>v if v >= -9223372036854775808.0 else <uint64_t>1 << 63
    if v < 18446744073709551616.0:
        return <uint64_t>v
    return 0 if v == v else <uint64_t>1 << 63


cdef bint _is_integer(char option) noexcept nogil:
    return (option == c'b' or option == c'B' or option == c'h' or option == c'H' or option == c'l' or option == c'L'
            or option == c'i' or option == c'I' or option == c'T')


cdef bint _is_signed(char option) noexcept nogil:
    return option == c'b' or option == c'h' or option == c'l' or option == c'i'


# pack

cdef void _write_integer(Format* f, Scratch* out, uint64_t v, size_t size) noexcept nogil:
    cdef size_t i
    cdef char* p
    scratch_reserve(out, size)
    p = out.data + out.length
    for i in range(size):
        p[size - 1 - i if f.high_first else i] = <char>(v & 0xff)
        v >>= 8
    out.length += size


cdef void _write_float(Format* f, Scratch* out, double v) noexcept nogil:
    cdef float single
    cdef uint32_t bits
    cdef uint64_t wide
    if f.size == 4:
        single = <float>v
        memcpy(&bits, &single, 4)
        wide = bits
    else:
        memcpy(&wide, &v, 8)
    _write_integer(f, out, wide, f.size)


cdef void _write_string(Format* f, Scratch* out, int i) noexcept nogil:
    """Argument `i`: a string and a NUL, or as many bytes of it as the item has (0: all)."""
    cdef size_t n
    cdef const char* p = f.api.aux_checklstring(f.L, i, &n)
    if f.option == c'c' and f.size:
        if n < f.size:
            f.api.aux_argerror(f.L, i + 1, b"string too short")     # Redis: names the argument behind it
        n = f.size
    scratch_bytes(out, p, n)
    if f.option == c's':
        scratch_byte(out, 0)


cdef int _pack(lua_State* L) noexcept nogil:
    """struct.pack(format, value, ...) -> string."""
    cdef Format f
    cdef Scratch out
    cdef const LuaApi* api = lua_api()
    cdef int i = 2
    cdef size_t n
    _open(&f, api, L)
    api.pushnil(L)                         # what stands for a value that is missing
    scratch_open(&out, api, L)
    while _next(&f):
        for n in range(_padding(&f, out.length)):
            scratch_byte(&out, 0)
        if _is_integer(f.option):
            _write_integer(&f, &out, _whole(api.aux_checknumber(L, i)), f.size)
        elif f.option == c'f' or f.option == c'd':
            _write_float(&f, &out, api.aux_checknumber(L, i))
        elif f.option == c's' or f.option == c'c':
            _write_string(&f, &out, i)
        elif f.option == c'x':
            scratch_byte(&out, 0)
            continue
        else:
            _control(&f)
            continue
        i += 1
    scratch_push(&out)
    scratch_close(&out, True)
    return 1


# unpack

cdef uint64_t _load(const Format* f, const uint8_t* p) noexcept nogil:
    """The item's bytes as a number; of more than 8, the lowest."""
    cdef uint64_t v = 0
    cdef size_t i
    for i in range(f.size):
        v = v << 8 | p[i if f.high_first else f.size - 1 - i]
    return v


cdef void _push_integer(const Format* f, const uint8_t* p) noexcept nogil:
    """The sign of an integer of up to 8 bytes is its highest bit. Of a wider one Redis takes that bit's number modulo
    64, as the machine shifts, and is negative if that bit or one above is set."""
    cdef uint64_t v = _load(f, p)
    cdef uint64_t sign = ~<uint64_t>0 << ((8 * f.size - 1) & 63)
    if not _is_signed(f.option):
        f.api.pushnumber(f.L, <double>v)
        return
    if v & sign:
        v |= sign
    f.api.pushnumber(f.L, <double><int64_t>v)


cdef void _push_float(const Format* f, const uint8_t* p) noexcept nogil:
    cdef uint64_t wide = _load(f, p)
    cdef uint32_t bits = <uint32_t>wide
    cdef float single
    cdef double v
    if f.size == 4:
        memcpy(&single, &bits, 4)
        v = single
    else:
        memcpy(&v, &wide, 8)
    f.api.pushnumber(f.L, v)


cdef void _take_size(Format* f, int values) noexcept nogil:
    """c0: the value before is the size, and is gone."""
    if not values or not f.api.isnumber(f.L, -1):
        f.api.aux_error(f.L, b"format 'c0' needs a previous size")
    f.size = _whole(f.api.tonumber(f.L, -1))
    lua_pop(f.api, f.L, 1)


cdef void _check_size(Format* f, size_t n, size_t position) noexcept nogil:
    """Raises unless the item's bytes stand at `position` of `n`."""
    if f.size > n or position > n - f.size:
        f.api.aux_argerror(f.L, 2, b"data string too short")


cdef void _push_text(Format* f, const uint8_t* p, size_t left) noexcept nogil:
    """s: the string up to the NUL; the item gets the size of both."""
    cdef const uint8_t* end = <const uint8_t*>memchr(p, 0, left)
    if end == NULL:
        f.api.aux_error(f.L, b"unfinished string in data")
    f.api.pushlstring(f.L, <const char*>p, <size_t>(end - p))
    f.size = <size_t>(end - p) + 1


cdef int _unpack(lua_State* L) noexcept nogil:
    """struct.unpack(format, s [, position]) -> value, ..., position."""
    cdef Format f
    cdef const LuaApi* api = lua_api()
    cdef size_t n, position
    cdef const uint8_t* data
    cdef int values = 0
    _open(&f, api, L)
    data = <const uint8_t*>api.aux_checklstring(L, 2, &n)
    position = <size_t>api.aux_optinteger(L, 3, 1)
    if position == 0:                      # Redis: a negative one passes, and is far behind the end
        api.aux_argerror(L, 3, b"offset must be 1 or greater")
    position -= 1
    while _next(&f):
        position += _padding(&f, position)
        _check_size(&f, n, position)
        api.aux_checkstack(L, 2, b"too many results")
        if _is_integer(f.option):
            _push_integer(&f, data + position)
        elif f.option == c'f' or f.option == c'd':
            _push_float(&f, data + position)
        elif f.option == c's':
            _push_text(&f, data + position, n - position)
        elif f.option == c'c':
            if f.size == 0:
                _take_size(&f, values)
                values -= 1
                _check_size(&f, n, position)
            api.pushlstring(L, <const char*>data + position, f.size)
        else:
            values -= 1
            if f.option != c'x':
                _control(&f)
        values += 1
        position += f.size
    api.pushnumber(L, <double><int64_t>(position + 1))
    return values + 1


cdef int _size(lua_State* L) noexcept nogil:
    """struct.size(format) -> bytes."""
    cdef Format f
    cdef const LuaApi* api = lua_api()
    cdef size_t total = 0
    _open(&f, api, L)
    while _next(&f):
        total += _padding(&f, total)
        if f.option == c's':
            api.aux_argerror(L, 1, b"option 's' has no fixed size")
        elif f.option == c'c' and f.size == 0:
            api.aux_argerror(L, 1, b"option 'c0' has no fixed size")
        elif not isalnum(<uint8_t>f.option):     # Redis: letters that mean nothing have the size 0
            _control(&f)
        total += f.size
    api.pushnumber(L, <double>total)
    return 1


cdef void lib_struct_open(const LuaApi* api, lua_State* L) noexcept nogil:
    api.createtable(L, 0, 0)
    scratch_function(api, L, b"pack", _pack)
    lua_set_function(api, L, b"unpack", _unpack)
    lua_set_function(api, L, b"size", _size)
    api.setfield(L, LUA_GLOBALSINDEX, b"struct")
