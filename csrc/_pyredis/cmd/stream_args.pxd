# stream_args -- what the commands of streams share: IDs in requests and replies, entries in replies, the errors.
from libc.stdint cimport int64_t, uint64_t
from _pyredis.base.slice cimport Slice
from _pyredis.base.status cimport Status
from _pyredis.cmd.ctx cimport Ctx
from _pyredis.db.stream_groups cimport Consumer, Group, Pending
from _pyredis.db.stream_node cimport NodeEntry
from _pyredis.db.stream_type cimport Stream
from _pyredis.ds.id cimport Id
from _pyredis.wire.reply cimport Out

cdef enum:
    ID_TEXT = 44                   # room for an ID's text

# argv[i] as an ID. `seq` is taken where the text has none; `strict`: "-" and "+" are none.
cdef bint   stream_parse_id(Slice text, uint64_t seq, bint strict, Id* id, bint* any_seq) noexcept nogil
cdef Status arg_id(Ctx* c, int i, Id* id) noexcept nogil                     # strict, seq 0
cdef Status arg_first(Ctx* c, int i, Id* id) noexcept nogil                  # where an interval begins: "(5-1", "-"
cdef Status arg_last(Ctx* c, int i, Id* id) noexcept nogil                   # ... and where it ends

cdef Slice  id_text(Id id, char* room) noexcept nogil                        # ID_TEXT
cdef void   reply_id(Out* out, Id id) noexcept nogil
cdef void   reply_entry(Out* out, NodeEntry* e) noexcept nogil
cdef size_t reply_entries(Out* out, const Stream* s, Id first, Id last, int64_t count, bint backwards) noexcept nogil

# The stream at argv[key], and its group argv[key + 1]; without it, NOGROUP.
cdef Status open_stream(Ctx* c, int key, bint for_write, Stream** s) noexcept nogil      # OK with NULL: no such key
cdef Status open_group(Ctx* c, int key, bint for_write, Stream** s, Group** g) noexcept nogil
cdef Status fail_no_group(Ctx* c, const char* format, Slice first, Slice second) noexcept nogil
cdef Status fail_usage(Ctx* c) noexcept nogil                                # of a subcommand, with too many words

# The consumer of this name, made if need be, and seen now.
cdef Consumer* stream_consumer(Ctx* c, Slice key, Group* g, Slice name, bint* made) noexcept nogil

# What the reading of a group is propagated as, in the place of the command.
cdef void propagate_nothing(Ctx* c) noexcept nogil
cdef void propagate_claim(Ctx* c, Slice key, const Group* g, Slice id, const Pending* p) noexcept nogil
cdef void propagate_group_id(Ctx* c, Slice key, const Group* g) noexcept nogil
cdef void propagate_consumer(Ctx* c, Slice key, const Group* g, Slice name) noexcept nogil
