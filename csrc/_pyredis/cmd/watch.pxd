# watch -- who is to be told by a failing EXEC that a key has changed. The story is in watch.pyx.
from _pyredis.cmd.ctx cimport Conn, Ctx, Server
from _pyredis.db.keyspace cimport Key
from _pyredis.ds.dict cimport Dict, DictType

cdef enum WatchState:              # of the key when the watch began, and since: what changes it ends the watch
    WATCH_ABSENT = 0
    WATCH_EXPIRED                  # past its time, but not removed yet
    WATCH_LIVE

cdef struct Watching:              # of the server
    Dict* keys                     # a table of WatchedKey for each database
    DictType type
    size_t clients                 # that watch something
    size_t count                   # of keys that are watched

cdef Watching* watching_new(Server* s) noexcept nogil
cdef void watching_free(Server* s) noexcept nogil                # when no connection is left
cdef void watch_add(Ctx* c, Key key) noexcept nogil              # nothing new if it is watched already
cdef void watch_none(Server* s, Conn* conn) noexcept nogil       # the connection watches nothing from now on
cdef bint watch_expired(Server* s, const Conn* conn) noexcept nogil   # has the time of a watched key run out?

cdef inline Watching* watching_of(const Server* s) noexcept nogil:
    return <Watching*>s.watching
