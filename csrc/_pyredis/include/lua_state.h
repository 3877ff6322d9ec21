/* lua_state -- the one type of Lua that is opaque; Cython can declare such a type only from a header. */
#ifndef PYREDIS_LUA_STATE_H
#define PYREDIS_LUA_STATE_H

typedef struct lua_State lua_State;

#endif
