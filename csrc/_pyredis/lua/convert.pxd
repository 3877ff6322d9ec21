# convert -- replies as Lua values, and Lua values as replies. The story is in convert.pyx.
from libc.stddef cimport size_t
from _pyredis.lua.api cimport LuaApi, lua_State
from _pyredis.wire.reply cimport Out

cdef struct Sink:                  # where the value of a script goes
    Out* out
    int script_proto               # what the script asked for; in 2 a boolean is 1 or nothing
    # Replies an error; `counted`: it has been in the statistics already.
    void (*error)(void* arg, const char* text, size_t n, bint counted) noexcept nogil
    void* arg

# Pushes the reply that begins at p; where the next one begins. May raise an error of Lua.
cdef const char* convert_push(const LuaApi* api, lua_State* L, const char* p) noexcept nogil

# Pushes the table of an error: {err = text}, with ERR before a text of one word. `counted` as in Sink.
cdef void convert_push_error(const LuaApi* api, lua_State* L, const char* text, size_t n, bint counted) noexcept nogil

# Replies the value on top, and pops it. Raises nothing: no metamethod is asked.
cdef void convert_reply(const LuaApi* api, lua_State* L, Sink* sink) noexcept nogil
