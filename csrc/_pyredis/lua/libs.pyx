"""libs -- the libraries of the sandbox that are not Lua's own: cjson, cmsgpack, struct, bit, a module each.

Results and error texts are those of Redis 8.0.6, which the tests compare. What all have in common:

* State is in Lua: settings in a userdata, buffers in upvalues (`scratch`). Nothing is allocated elsewhere, since an
  error leaves a function by longjmp, and nothing is left behind when a state is closed.
* Every place on the stack beyond the 20 that a function is given is asked for, and so depth is bounded twice: by the
  limits of each library, and by the 8,000 places of a C function, which is less than a megabyte of C stack.
* No metamethod is called, so no function is entered while it runs.

The globals are set writable; making them and their tables read-only is the sandbox's part.
"""
from _pyredis.lua.lib_bit cimport lib_bit_open
from _pyredis.lua.lib_json cimport lib_json_open
from _pyredis.lua.lib_msgpack cimport lib_msgpack_open
from _pyredis.lua.lib_struct cimport lib_struct_open


cdef void libs_open(const LuaApi* api, lua_State* L) noexcept nogil:
    """Sets the four globals. `api` is that of lua_api(). Raises when memory is short: call it under pcall."""
    lib_json_open(api, L)
    lib_msgpack_open(api, L)
    lib_struct_open(api, L)
    lib_bit_open(api, L)
