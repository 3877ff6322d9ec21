"""convert -- replies as Lua values, and Lua values as replies.

    RESP2                             Lua                       RESP3 beside it, after setresp(3)
    :7                                7                         ,1.5       {double = 1.5}
    $3 foo                            "foo"                     %1 k v     {map = {k = v}}
    +OK                               {ok = "OK"}               ~1 m       {set = {m = true}}
    -ERR x                            {err = "ERR x"}           #t         true
    *2 a b                            {a, b}                    (12        {big_number = "12"}
    $-1, *-1                          false                     =7 txt:abc {verbatim_string = {format =, string =}}
                                                                _          nil

A call from a script is answered into a buffer like any other, and that buffer is read here: so no command knows that
scripts exist. The common replies are a byte to look at and one push.

The other way a table is what its fields say (err, ok, double, map, set, big_number, verbatim_string, in this order), or
else an array up to its first nil. Fields are read raw: nothing catches an error there, and a metamethod could loop.
A number becomes an integer, its fraction cut off; what has no form on the wire becomes a null.
"""
from libc.stdint cimport int64_t
from libc.string cimport memchr

from _pyredis.base.mem cimport mem_alloc, mem_free
from _pyredis.base.num cimport num_parse_double
from _pyredis.lua.api cimport (LUA_TBOOLEAN, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, lua_pop)
from _pyredis.wire.reply cimport (Deferred, out_append, reply_array, reply_begin, reply_big_number, reply_bool,
                                  reply_bulk, reply_double, reply_end, reply_int, reply_map, reply_null, reply_set,
                                  reply_verbatim)

cdef enum:
    ROOM = 8                       # stack slots that a level of a value takes, with some to spare
    LINE = 64                      # a text up to this long is cleaned on the stack


# ---------------------------------------------------------------- replies -> Lua

cdef inline const char* _integer(const char* p, int64_t* v) noexcept nogil:
    """The number of a line of ours, from behind its first byte; behind its CR LF."""
    cdef bint negative = p[0] == c'-'
    cdef int64_t n = 0
    if negative:
        p += 1
    while p[0] != c'\r':
        n = n * 10 + (p[0] - c'0')
        p += 1
    v[0] = -n if negative else n
    return p + 2


cdef inline const char* _line_end(const char* p) noexcept nogil:
    while p[0] != c'\r':
        p += 1
    return p


cdef void convert_push_error(const LuaApi* api, lua_State* L, const char* text, size_t n, bint counted) noexcept nogil:
    if n and text[0] == c'-':
        text += 1
        n -= 1
    while n and (text[n - 1] == c'\r' or text[n - 1] == c'\n'):
        n -= 1
    api.createtable(L, 0, 4)
    if counted:
        api.pushboolean(L, True)
        api.setfield(L, -2, b"ignore_error_stats_update")
    if n and memchr(text, c' ', n) != NULL:
        api.pushlstring(L, text, n)
    else:
        api.pushlstring(L, b"ERR ", 4)
        api.pushlstring(L, text, n)
        api.concat(L, 2)
    api.setfield(L, -2, b"err")


cdef const char* _push_list(const LuaApi* api, lua_State* L, const char* p) noexcept nogil:
    cdef int64_t n, i
    p = _integer(p, &n)
    if n < 0:
        api.pushboolean(L, False)
        return p
    api.createtable(L, <int>n, 0)
    for i in range(n):
        p = convert_push(api, L, p)
        api.rawseti(L, -2, <int>i + 1)
    return p


cdef const char* _push_pairs(const LuaApi* api, lua_State* L, const char* p, bint is_map) noexcept nogil:
    """{map = {...}}, or {set = {member = true}}."""
    cdef int64_t n, i
    p = _integer(p, &n)
    api.createtable(L, 0, 1)
    api.createtable(L, 0, <int>n)
    for i in range(n):
        p = convert_push(api, L, p)
        if is_map:
            p = convert_push(api, L, p)
        else:
            api.pushboolean(L, True)
        if api.type(L, -2) == LUA_TNIL:          # no key of a table
            lua_pop(api, L, 2)
        else:
            api.rawset(L, -3)
    api.setfield(L, -2, b"map" if is_map else b"set")
    return p


cdef const char* _push_verbatim(const LuaApi* api, lua_State* L, const char* p) noexcept nogil:
    cdef int64_t n
    p = _integer(p, &n)
    api.createtable(L, 0, 1)
    api.createtable(L, 0, 2)
    api.pushlstring(L, p, 3)
    api.setfield(L, -2, b"format")
    api.pushlstring(L, p + 4, n - 4)
    api.setfield(L, -2, b"string")
    api.setfield(L, -2, b"verbatim_string")
    return p + n + 2


cdef const char* _skip_pairs(const LuaApi* api, lua_State* L, const char* p) noexcept nogil:
    cdef int64_t n, i
    p = _integer(p, &n)
    for i in range(2 * n):
        p = convert_push(api, L, p)
        lua_pop(api, L, 1)
    return p


cdef const char* _push_rare(const LuaApi* api, lua_State* L, const char* p) noexcept nogil:
    cdef char kind = p[0]
    cdef const char* end
    cdef double v = 0
    if kind == c'%' or kind == c'~':
        return _push_pairs(api, L, p + 1, kind == c'%')
    if kind == c'=':
        return _push_verbatim(api, L, p + 1)
    if kind == c'|':
        return convert_push(api, L, _skip_pairs(api, L, p + 1))      # attributes: what they belong to follows
    end = _line_end(p)
    if kind == c'-':
        convert_push_error(api, L, p, end - p, True)
    elif kind == c'#':
        api.pushboolean(L, p[1] == c't')
    elif kind == c',':
        num_parse_double(p + 1, end - p - 1, &v)
        api.createtable(L, 0, 1)
        api.pushnumber(L, v)
        api.setfield(L, -2, b"double")
    elif kind == c'(':
        api.createtable(L, 0, 1)
        api.pushlstring(L, p + 1, end - p - 1)
        api.setfield(L, -2, b"big_number")
    else:
        api.pushnil(L)
    return end + 2


cdef const char* convert_push(const LuaApi* api, lua_State* L, const char* p) noexcept nogil:
    cdef int64_t n
    cdef char kind = p[0]
    if kind == c'$':
        p = _integer(p + 1, &n)
        if n < 0:
            api.pushboolean(L, False)
            return p
        api.pushlstring(L, p, n)
        return p + n + 2
    if kind == c':':
        p = _integer(p + 1, &n)
        api.pushnumber(L, <double>n)
        return p
    api.aux_checkstack(L, ROOM, b"reply")
    if kind == c'+':
        api.createtable(L, 0, 1)
        n = _line_end(p + 1) - (p + 1)
        api.pushlstring(L, p + 1, n)
        api.setfield(L, -2, b"ok")
        return p + 1 + n + 2
    if kind == c'*' or kind == c'>':
        return _push_list(api, L, p + 1)
    return _push_rare(api, L, p)


# ---------------------------------------------------------------- Lua -> replies

cdef bint _field(const LuaApi* api, lua_State* L, const char* name, size_t n, int t) noexcept nogil:
    """Pushes the field of the table on top, if it is of type t; else pushes nothing."""
    api.pushlstring(L, name, n)
    api.rawget(L, -2)
    if api.type(L, -1) == t:
        return True
    lua_pop(api, L, 1)
    return False


cdef void _one_line(const LuaApi* api, lua_State* L, Sink* sink, char kind) noexcept nogil:
    """Replies the string on top as a line: CR and LF become spaces. Pops it."""
    cdef char[LINE] small
    cdef size_t n, i
    cdef const char* p = api.tolstring(L, -1, &n)
    cdef char* text = &small[0]
    if n + 3 > LINE:
        text = <char*>mem_alloc(sink.out.pool.mem, n + 3)
    text[0] = kind
    for i in range(n):
        text[1 + i] = c' ' if p[i] == c'\r' or p[i] == c'\n' else p[i]
    if kind == c'(':
        reply_big_number(sink.out, text + 1, n)
    else:
        text[n + 1] = c'\r'
        text[n + 2] = c'\n'
        out_append(sink.out, text, n + 3)
    if text != &small[0]:
        mem_free(sink.out.pool.mem, text, n + 3)
    lua_pop(api, L, 1)


cdef void _error(const LuaApi* api, lua_State* L, Sink* sink) noexcept nogil:
    """Replies the error of the table below the text on top. Pops the text."""
    cdef size_t n
    cdef bint counted
    cdef const char* p
    api.pushlstring(L, b"ignore_error_stats_update", 25)
    api.rawget(L, -3)
    counted = api.toboolean(L, -1)
    lua_pop(api, L, 1)
    p = api.tolstring(L, -1, &n)
    if n and p[0] == c'-':
        p += 1
        n -= 1
    sink.error(sink.arg, p, n, counted)
    lua_pop(api, L, 1)


cdef void _pairs(const LuaApi* api, lua_State* L, Sink* sink, bint is_map) noexcept nogil:
    """Replies the table on top as a map, or its keys as a set. Pops it."""
    cdef size_t n = 0
    api.pushnil(L)
    while api.next(L, -2):
        lua_pop(api, L, 1)
        n += 1
    if is_map:
        reply_map(sink.out, n)
    else:
        reply_set(sink.out, n)
    api.pushnil(L)
    while api.next(L, -2):
        if is_map:
            api.pushvalue(L, -2)
            convert_reply(api, L, sink)
            convert_reply(api, L, sink)
        else:
            lua_pop(api, L, 1)
            api.pushvalue(L, -1)
            convert_reply(api, L, sink)
    lua_pop(api, L, 1)


cdef bint _verbatim(const LuaApi* api, lua_State* L, Sink* sink) noexcept nogil:
    """Replies the table on top as verbatim text, if it is one. Leaves it."""
    cdef char[3] format
    cdef size_t n, i
    cdef const char* p
    if not _field(api, L, b"format", 6, LUA_TSTRING):
        return False
    p = api.tolstring(L, -1, &n)
    for i in range(3):
        format[i] = p[i] if i < n else c' '
    lua_pop(api, L, 1)
    if not _field(api, L, b"string", 6, LUA_TSTRING):
        return False
    p = api.tolstring(L, -1, &n)
    reply_verbatim(sink.out, format, p, n)
    lua_pop(api, L, 1)
    return True


cdef bint _special(const LuaApi* api, lua_State* L, Sink* sink) noexcept nogil:
    """Replies the table on top by the field that says what it is. False: none does."""
    if _field(api, L, b"err", 3, LUA_TSTRING):
        _error(api, L, sink)
    elif _field(api, L, b"ok", 2, LUA_TSTRING):
        _one_line(api, L, sink, c'+')
    elif _field(api, L, b"double", 6, LUA_TNUMBER):
        reply_double(sink.out, api.tonumber(L, -1))
        lua_pop(api, L, 1)
    elif _field(api, L, b"map", 3, LUA_TTABLE):
        _pairs(api, L, sink, True)
    elif _field(api, L, b"set", 3, LUA_TTABLE):
        _pairs(api, L, sink, False)
    elif _field(api, L, b"big_number", 10, LUA_TSTRING):
        _one_line(api, L, sink, c'(')
    elif _field(api, L, b"verbatim_string", 15, LUA_TTABLE):
        if _verbatim(api, L, sink):
            lua_pop(api, L, 1)
            return True
        lua_pop(api, L, 1)
        return False
    else:
        return False
    return True


cdef void _table(const LuaApi* api, lua_State* L, Sink* sink) noexcept nogil:
    """Replies the table on top. Leaves it."""
    cdef Deferred header
    cdef int n = 0
    if _special(api, L, sink):
        return
    api.rawgeti(L, -1, 1)
    if api.type(L, -1) == LUA_TNIL:
        lua_pop(api, L, 1)
        reply_array(sink.out, 0)
        return
    header = reply_begin(sink.out, c'*')
    while api.type(L, -1) != LUA_TNIL:
        convert_reply(api, L, sink)
        n += 1
        api.rawgeti(L, -1, n + 1)
    lua_pop(api, L, 1)
    reply_end(sink.out, header, n)


cdef inline int64_t _cut_off(double v) noexcept nogil:
    """Towards zero; what no integer holds is the lowest, as the processors say on which Redis runs."""
    if -9223372036854775808.0 <= v < 9223372036854775808.0:
        return <int64_t>v
    return -<int64_t>9223372036854775807 - 1


cdef void convert_reply(const LuaApi* api, lua_State* L, Sink* sink) noexcept nogil:
    cdef int t = api.type(L, -1)
    cdef size_t n
    cdef const char* p
    if t == LUA_TSTRING:
        p = api.tolstring(L, -1, &n)
        reply_bulk(sink.out, p, n)
    elif t == LUA_TNUMBER:
        reply_int(sink.out, _cut_off(api.tonumber(L, -1)))
    elif t == LUA_TTABLE:
        if not api.checkstack(L, ROOM):
            sink.error(sink.arg, b"ERR reached lua stack limit", 27, False)
        else:
            _table(api, L, sink)
    elif t == LUA_TBOOLEAN and sink.script_proto >= 3:
        reply_bool(sink.out, api.toboolean(L, -1))
    elif t == LUA_TBOOLEAN and api.toboolean(L, -1):
        reply_int(sink.out, 1)
    else:
        reply_null(sink.out)
    lua_pop(api, L, 1)
