# blocking -- commands that wait for a key. The story is in blocking.pyx.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Command, Conn, Ctx, Server
from _pyredis.cmd.named cimport Named
from _pyredis.db.value cimport ValueType
from _pyredis.ds.dict cimport Dict, DictType

ctypedef void (*GiveUp)(Server* s, Conn* conn) noexcept nogil

cdef struct Link:                  # one of the keys that somebody waits for: its place in the key's queue
    Waiter* waiter
    Wanted* key
    Link* next
    Link* prev

cdef struct Waiter:                # a connection that waits; its links and its copy of the request follow
    Conn* conn
    Command* cmd
    ValueType type
    GiveUp give_up                 # answers when its time is up; NULL: with a null array
    bint any_change                # woken by its keys' end, too, and by other types: to answer an error
    int64_t deadline_ms            # 0: for ever
    size_t place                   # in the heap of deadlines
    uint64_t ticks                 # that its command has taken so far
    size_t size                    # of this block
    int argc
    int links
    Slice* argv
    Link* link

cdef struct Wanted:                # a key of a database that somebody waits for
    Named named
    Link* first                    # who has waited longest
    Link* last
    Wanted* next_ready
    int db
    bint ready                     # stands in the list of ready keys
    bint busy                      # is being served: not to be freed

cdef struct Blocking:
    Dict* wanted                   # a table for each database
    DictType type
    size_t keys
    size_t clients
    Waiter** heap                  # those with a deadline, the earliest first
    size_t heap_count
    size_t heap_capacity
    Wanted* first_ready
    Wanted* last_ready

# argv[i] as a timeout in seconds, fractions allowed: the unix time in ms at which it ends; 0: never.
cdef Status arg_deadline(Ctx* c, int i, int64_t* deadline_ms) noexcept nogil

# To be called when none of the keys can serve the command, which then returns what this returns. The command runs
# again from its beginning (with c.retry set) when one of these keys has a value of type `t`.
cdef Status block_on(Ctx* c, ValueType t, int first, int count, int64_t deadline_ms) noexcept nogil

# The same, but for a command that fails when a key ends or gets another type: it runs again then, too.
cdef Status block_on_any_change(Ctx* c, ValueType t, int first, int count, int64_t deadline_ms) noexcept nogil

# Waits for no key but for somebody who calls blocking_release when what it waits for is there; `give_up` answers, then
# and when its time is up. Not to be called where CONN_DENY_BLOCKING is set.
cdef Status block_until(Ctx* c, int64_t deadline_ms, GiveUp give_up) noexcept nogil

# For dispatch: the queue.
cdef Wanted* blocking_take_ready(Server* s) noexcept nogil                    # NULL: none
cdef bint    blocking_can_serve(Server* s, const Wanted* key, const Waiter* w) noexcept nogil
cdef void    blocking_done_with(Server* s, Wanted* key) noexcept nogil
cdef void    blocking_end(Server* s, Conn* conn) noexcept nogil               # it waits no more, and goes on

# For connections and the loop.
cdef Blocking* blocking_new(Server* s) noexcept nogil
cdef void    blocking_free(Server* s) noexcept nogil
cdef bint    blocking_release(Server* s, Conn* conn, bint with_error) noexcept nogil   # False: it does not wait
cdef int64_t blocking_expire(Server* s) noexcept nogil                        # unix ms of the next deadline; 0: none

cdef inline Blocking* blocking_of(const Server* s) noexcept nogil:
    return <Blocking*>s.blocking
