# json_encode -- cjson.encode. The story is in json_encode.pyx.
from _pyredis.lua.api cimport lua_State

cdef int json_encode(lua_State* L) noexcept nogil
