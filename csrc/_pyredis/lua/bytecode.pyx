"""bytecode -- what a compiled chunk can write to.

Guards (lua/state) cost a look-up more at every `redis.call`. Most scripts never write to anything but locals and tables
of their own, and that can be seen in what the compiler made of them: a chunk is tame if in it and its functions

    no SETGLOBAL
    each SETTABLE has a constant key, and no table that must not change has a field of that name
    no constant is "load", "loadstring" or "_G", through which other code or the globals could be reached by name, nor
    "getmetatable", which shows guards

Whatever such a chunk gets hold of, it cannot change a field that is there; that it adds none is seen to by __newindex,
and functions that write raw (rawset, setmetatable, table.insert) refuse those tables. So it may have the tables
themselves. Any doubt (a key in a register, an unknown dump) means: not tame, and the guards.

    dump of Lua 5.1   header 12, function
    function          source str, lines int int, upvalues parameters vararg stack u8, code, constants, functions, debug
    code              int n, n instructions u32: op 6 bits, A 8, C 9, B 9 (with its top bit set: a constant)
    constant          u8 type: 0 nil, 1 u8, 3 f64, 4 str        str   size_t n, n bytes with the final NUL
    debug             int n, n ints; int n, n x (str, int, int); int n, n str
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, strcmp

cdef enum:
    HEADER = 12
    OP_SETGLOBAL = 7
    OP_SETTABLE = 9
    IS_CONSTANT = 0x100
    CONSTANT_NIL = 0
    CONSTANT_BOOLEAN = 1
    CONSTANT_NUMBER = 3
    CONSTANT_STRING = 4
    DEEPEST = 150                  # functions within functions; the compiler allows 200

cdef struct Dump:
    uint8_t* p
    size_t n
    size_t room

cdef struct Reader:
    const uint8_t* p
    const uint8_t* end
    bint broken                    # it ended early, or is none that is known
    IsSealed is_sealed
    void* arg


cdef int _write(lua_State* L, const void* p, size_t n, void* ud) noexcept nogil:
    cdef Dump* d = <Dump*>ud
    if d.n + n > d.room:
        d.room = (d.n + n) * 2
        d.p = <uint8_t*>realloc(d.p, d.room)
        if d.p == NULL:
            return 1
    memcpy(d.p + d.n, p, n)
    d.n += n
    return 0


cdef const uint8_t* _take(Reader* r, size_t n) noexcept nogil:
    """The next n bytes; at the end the last ones, and `broken`."""
    cdef const uint8_t* p = r.p
    if n > <size_t>(r.end - p):
        r.broken = True
        r.p = r.end
        return NULL
    r.p += n
    return p


cdef size_t _count(Reader* r) noexcept nogil:
    cdef int n = 0
    cdef const uint8_t* p = _take(r, sizeof(int))
    if p != NULL:
        memcpy(&n, p, sizeof(int))
    if n < 0:
        r.broken = True
    return 0 if r.broken else n


cdef const char* _string(Reader* r, size_t* n) noexcept nogil:
    """NUL-terminated, n bytes without it; NULL: none."""
    cdef const uint8_t* p = _take(r, sizeof(size_t))
    n[0] = 0
    if p == NULL:
        return NULL
    memcpy(n, p, sizeof(size_t))
    if n[0] == 0:
        return NULL
    p = _take(r, n[0])
    n[0] -= 1
    return <const char*>p


cdef inline bint _is_refused(const char* name) noexcept nogil:
    return (strcmp(name, b"load") == 0 or strcmp(name, b"loadstring") == 0 or strcmp(name, b"_G") == 0
            or strcmp(name, b"getmetatable") == 0)


cdef bint _is_tame_constant(Reader* r, bint as_key) noexcept nogil:
    """Takes the next constant. Is it harmless: as itself, and, if it is the key of an assignment, as that?"""
    cdef const uint8_t* type = _take(r, 1)
    cdef const char* text
    cdef size_t n
    if type == NULL:
        return False
    if type[0] == CONSTANT_STRING:
        text = _string(r, &n)
        if text == NULL or _is_refused(text):
            return False
        return not as_key or not r.is_sealed(r.arg, text, n)
    if type[0] == CONSTANT_BOOLEAN:
        _take(r, 1)
    elif type[0] == CONSTANT_NUMBER:
        _take(r, sizeof(double))
    elif type[0] != CONSTANT_NIL:
        return False
    return True


cdef bint _is_key(const uint8_t* code, size_t count, size_t constant) noexcept nogil:
    """Does an assignment to a field use this constant as its key?"""
    cdef uint32_t op
    cdef size_t i
    for i in range(count):
        memcpy(&op, code + 4 * i, 4)
        if op & 0x3F == OP_SETTABLE and op >> 23 == (IS_CONSTANT | constant):
            return True
    return False


cdef bint _is_tame_code(const uint8_t* code, size_t count) noexcept nogil:
    """No global is written, and no field whose name is not a constant."""
    cdef uint32_t op
    cdef size_t i
    for i in range(count):
        memcpy(&op, code + 4 * i, 4)
        if op & 0x3F == OP_SETGLOBAL or (op & 0x3F == OP_SETTABLE and not op >> 23 & IS_CONSTANT):
            return False
    return True


cdef void _skip_debug(Reader* r) noexcept nogil:
    cdef size_t n = _count(r), length, i
    _take(r, n * sizeof(int))
    n = _count(r)
    for i in range(n):
        _string(r, &length)
        _take(r, 2 * sizeof(int))
        if r.broken:
            return
    n = _count(r)
    for i in range(n):
        _string(r, &length)
        if r.broken:
            return


cdef bint _is_tame_function(Reader* r, int depth) noexcept nogil:
    cdef size_t count, n, i
    cdef const uint8_t* code
    _string(r, &n)
    _take(r, 2 * sizeof(int) + 4)
    count = _count(r)
    code = _take(r, count * 4)
    if depth > DEEPEST or code == NULL or not _is_tame_code(code, count):
        return False
    n = _count(r)
    for i in range(n):
        if not _is_tame_constant(r, _is_key(code, count, i)):
            return False
    n = _count(r)
    for i in range(n):
        if not _is_tame_function(r, depth + 1):
            return False
    _skip_debug(r)
    return not r.broken


cdef bint bytecode_is_tame(const LuaApi* api, lua_State* L, IsSealed is_sealed, void* arg) noexcept nogil:
    cdef Dump d
    cdef Reader r
    cdef uint8_t[HEADER] header
    cdef bint tame = False
    header = [27, c'L', c'u', c'a', 0x51, 0, 1, sizeof(int), sizeof(size_t), 4, sizeof(double), 0]
    d.p = NULL
    d.n = d.room = 0
    if api.dump(L, _write, &d) == 0 and d.n > HEADER and memcmp(d.p, header, HEADER) == 0:
        r.p = d.p + HEADER
        r.end = d.p + d.n
        r.broken = False
        r.is_sealed = is_sealed
        r.arg = arg
        tame = _is_tame_function(&r, 0)
    free(d.p)
    return tame
