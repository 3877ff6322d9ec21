# lists -- the list commands. The story is in lists.pyx.
from libc.stdint cimport int64_t
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx, Table
from _pyredis.db.keyspace cimport Key
from _pyredis.db.list_type cimport ListEnd
from _pyredis.db.value cimport Entry

cdef struct MultiPop:              # LMPOP's arguments: numkeys key [key ...] <LEFT | RIGHT> [COUNT count]
    int first                      # of the keys in argv
    int keys
    ListEnd end
    int64_t count

# For the commands that wait (list_blocking).
cdef Status list_arg_end(Ctx* c, int i, ListEnd* end) noexcept nogil                # LEFT or RIGHT
cdef Status list_multi_pop_args(Ctx* c, int numkeys_at, MultiPop* m) noexcept nogil
cdef Status list_multi_pop(Ctx* c, const MultiPop* m, bint* served) noexcept nogil  # from the first key that has a list
cdef void   list_pop_one(Ctx* c, Key key, Entry* e, ListEnd end) noexcept nogil     # replies it
# Moves one element and replies it; OK with `served` false, and nothing replied, when there is no source.
cdef Status list_move_one(Ctx* c, ListEnd from_, ListEnd to, bint* served) noexcept nogil

cdef void bind_lists(Table* t) noexcept nogil
