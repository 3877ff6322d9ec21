# json_decode -- cjson.decode. The story is in json_decode.pyx.
from _pyredis.lua.api cimport lua_State

cdef int json_decode(lua_State* L) noexcept nogil
